"""The Hub on loopback against the real Xet client: what goes up comes down again, byte for byte."""

import collections
import hashlib
import os
import random
import struct

import pytest
import requests
import xet
from hub_server import Hub
from starlette.responses import JSONResponse

SETTINGS = {  # read when huggingface_hub and hf_xet are first imported, so set before
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_XET_CLIENT_RETRY_MAX_ATTEMPTS": "0",
}
NAME = "learner/model"
# They share a server, and look at what the tests before them left there.
pytestmark = pytest.mark.xdist_group("xet")


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    pytest.importorskip("hf_xet")
    os.environ.update(SETTINGS, HF_XET_CACHE=str(tmp_path_factory.mktemp("xet")))
    tokens = {"hf_write": ("learner", "write"), "hf_read": ("learner", "read")}
    with Hub(tmp_path_factory.mktemp("hub"), tokens) as hub:
        yield hub


@pytest.fixture
def api(hub):
    from huggingface_hub import HfApi

    api = HfApi(endpoint=hub.endpoint, token="hf_write")
    api.create_repo(NAME, exist_ok=True)
    hub.requests.clear()
    yield api
    hub.faults.clear()


def push(api, folder, files: dict[str, bytes]) -> None:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    api.upload_folder(repo_id=NAME, folder_path=folder)


def pull(api, folder, name: str) -> bytes:
    path = api.hf_hub_download(NAME, name, cache_dir=folder)
    with open(path, "rb") as file:
        return file.read()


def sent(hub, place: str) -> int:
    return sum(method == "POST" and place in path for method, path in hub.requests)


def compressions(hub) -> collections.Counter:
    """How the chunks in the store are compressed."""
    found = collections.Counter()
    for path in hub.xet.xorbs.iterdir():
        xorb, at = path.read_bytes(), 0
        while at < len(xorb) and xorb[at] == 0:
            found[xorb[at + 4]] += 1
            at += 8 + int.from_bytes(xorb[at + 1 : at + 4], "little")
    return found


def floats(count: int) -> bytes:
    return struct.pack(f"<{count}f", *(random.gauss(0, 0.02) for _ in range(count)))


KINDS = {
    "random": lambda: random.randbytes(3_000_000),
    "zeros": lambda: bytes(4 * 300_000),
    "ramp": lambda: b"".join(number.to_bytes(4, "little") for number in range(300_000)),
    "floats": lambda: floats(300_000),
    "floats and three bytes": lambda: floats(100_000) + b"odd",
    "one byte": lambda: b"x",
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_goes_up_comes_down(hub, api, tmp_path, kind):
    content = KINDS[kind]()
    push(api, tmp_path / "up", {"model.safetensors": content})
    assert sent(hub, "/xorbs/") == 1 and sent(hub, "/shards") == 1 and sent(hub, "objects/batch") == 0
    assert hub.files("models", NAME)["model.safetensors"]["lfs"] == hashlib.sha256(content).hexdigest()
    assert pull(api, tmp_path / "down", "model.safetensors") == content


def test_each_way_to_compress_was_used(hub):
    assert set(compressions(hub)) == {0, 1, 2}


def test_two_files_in_one_commit(hub, api, tmp_path):
    files = {"model.safetensors": random.randbytes(400_000), "training_args.bin": random.randbytes(5000), "a.txt": b"a"}
    push(api, tmp_path / "up", files)
    assert sent(hub, "/commit/") == 1
    assert {name: pull(api, tmp_path / "down", name) for name in files} == files


def test_a_second_version_sends_only_what_is_new(hub, api, tmp_path):
    first = random.randbytes(3_000_000)
    push(api, tmp_path / "up", {"model.safetensors": first})
    before = sum(path.stat().st_size for path in hub.xet.xorbs.iterdir())
    second = first[:1_500_000] + b"new" + first[1_500_000:]
    push(api, tmp_path / "up", {"model.safetensors": second})
    assert sum(path.stat().st_size for path in hub.xet.xorbs.iterdir()) - before < 500_000
    assert pull(api, tmp_path / "down", "model.safetensors") == second


@pytest.mark.parametrize("token", ["", "hf_write", "xet_wrong"])
def test_a_wrong_access_token_is_refused(hub, token):
    for path in ("v1/xorbs/default/" + "0" * 64, "v1/shards", "v2/shards"):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        assert requests.post(f"{hub.endpoint}/xet/0/{path}", headers=headers, data=b"").status_code == 401


def test_access_tokens_allow_what_they_were_asked_for(hub, api):
    ask = f"{hub.endpoint}/api/models/{NAME}/xet-{{}}-token/main"
    reader = {"Authorization": "Bearer hf_read"}
    assert requests.get(ask.format("write"), headers=reader).status_code == 403
    assert requests.get(ask.format("write")).status_code == 401
    answer = requests.get(ask.format("read"), headers=reader)
    said = answer.json()
    assert answer.headers["X-Xet-Access-Token"] == said["accessToken"] and "hf_" not in said["accessToken"]
    header = {"Authorization": f"Bearer {said['accessToken']}"}
    assert requests.post(f"{said['casUrl']}/v1/shards", headers=header, data=b"").status_code == 403
    hub.xet.tokens[said["accessToken"]] = "read", 0
    assert requests.get(f"{said['casUrl']}/v1/chunks/default/0", headers=header).status_code == 401


@pytest.mark.parametrize("place", ["preupload", "xet-write-token", "/xorbs/", "/shards", "/commit/"])
def test_a_fault_raises_and_the_next_try_works(hub, api, tmp_path, place):
    content = random.randbytes(300_000)
    hub.faults.append(lambda request: JSONResponse({"error": "injected"}, 403) if place in request.url.path else None)
    with pytest.raises(OSError, match="403"):
        push(api, tmp_path / "up", {"model.safetensors": content})
    hub.faults.clear()
    push(api, tmp_path / "up", {"model.safetensors": content})
    assert pull(api, tmp_path / "down", "model.safetensors") == content


def test_a_store_that_forgot_gets_everything_again(hub, api, tmp_path):
    content = random.randbytes(300_000)
    push(api, tmp_path / "up", {"model.safetensors": content})
    for path in hub.xet.xorbs.iterdir():  # behind the client's back
        path.unlink()
    with pytest.raises(OSError, match="400"):
        push(api, tmp_path / "up", {"model.safetensors": content})
    hub.xet.forget()
    (hub.folder / "lfs" / hashlib.sha256(content).hexdigest()).unlink()
    hub.requests.clear()
    push(api, tmp_path / "up", {"model.safetensors": content})
    assert sent(hub, "/xorbs/") == 1
    assert pull(api, tmp_path / "down", "model.safetensors") == content


@pytest.mark.parametrize(
    "content",
    [
        b"\x00\x09\x00\x00\x00\x09\x00\x00none",
        b"\x00\x04\x00\x00\x01\x04\x00\x00none",
        b"\x00\x04\x00\x00\x09\x04\x00\x00none",
    ],
)
def test_a_broken_xorb_is_refused(content):
    with pytest.raises(ValueError):
        list(xet.chunks(content))
