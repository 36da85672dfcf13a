"""The lessons against a Hub on loopback: the real clients, the lesson's own cells."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from hub_server import Hub
from nbclient import NotebookClient

import build
from helpers import assets, embedded

TOKENS = {"hf_canary_write": ("learner", "write"), "hf_canary_read": ("learner", "read")}


@pytest.fixture(scope="module")
def seeded(tmp_path_factory):
    """What the Hub serves by the guide's ids: a little data, a small random DistilBERT, the metric."""
    folder = tmp_path_factory.mktemp("seed")
    reviews = embedded.reviews_folder()
    data = {}
    for split in ("train", "test"):
        part = pd.read_parquet(reviews / f"{split}-00000-of-00001.parquet").head(100)
        part.to_parquet(folder / f"{split}.parquet", index=False)
        data[f"plain_text/{split}-00000-of-00001.parquet"] = folder / f"{split}.parquet"
    make_model = f"""
from transformers import DistilBertConfig, DistilBertForMaskedLM, DistilBertTokenizerFast
from helpers import assets
tokenizer = DistilBertTokenizerFast.from_pretrained(assets.embedded("a test").checkpoint, model_max_length=512)
config = DistilBertConfig(vocab_size=len(tokenizer), dim=32, hidden_dim=64, n_layers=2, n_heads=4)
DistilBertForMaskedLM(config).save_pretrained({str(folder / "model")!r})
tokenizer.save_pretrained({str(folder / "model")!r})
"""
    subprocess.run(
        [sys.executable, "-c", make_model], check=True, env=os.environ | {"USE_TF": "0"}, capture_output=True
    )
    metric = Path(assets.__file__).parent / "metrics" / "accuracy" / "accuracy.py"
    with Hub(tmp_path_factory.mktemp("hub"), TOKENS) as hub:
        hub.upload("datasets", "stanfordnlp/imdb", data)
        model = {path.name: path for path in (folder / "model").iterdir()}
        hub.upload("models", "distilbert/distilbert-base-uncased", model)
        hub.upload("spaces", "evaluate-metric/accuracy", {"accuracy.py": metric})
        yield hub


def environment(hub, folder: Path, **more) -> dict[str, str]:
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "GIT_", "TUTORIAL_"))}
    return kept | {
        "HOME": str(home),
        "HF_HOME": str(folder / "hf"),
        "HF_ENDPOINT": hub.endpoint,
        "TUTORIAL_CACHE": str(embedded.cache_folder()),
        "TUTORIAL_PROFILE": "smoke",
        "TUTORIAL_ASSETS": "hub",
        "TUTORIAL_OUTPUT": str(folder / "my_awesome_model"),
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        **more,
    }


def run(notebook, folder: Path, env) -> str:
    """Execute a notebook; returns the text of everything it printed and showed."""
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}})
    client.execute(env=env)
    nbformat.write(notebook, folder / "executed.ipynb")
    return (folder / "executed.ipynb").read_text()


def cell_with(notebook, text: str):
    return next(cell for cell in notebook.cells if cell.cell_type == "code" and text in cell.source)


def printed(cell) -> str:
    return "".join(output.get("text", "") for output in cell.outputs if output.get("name") == "stdout")


PREDICT = """
import sys
from helpers import settings
settings.resolve(sys.argv[1], device="cpu")
from transformers import pipeline
answer = pipeline("sentiment-analysis", model=sys.argv[2])(sys.argv[3])[0]
print(answer["label"], round(answer["score"], 4))
"""


@pytest.mark.parametrize("track", build.TRACKS)
def test_a_lesson_on_the_hub_and_its_share_cell(seeded, tmp_path, track):
    """Everything by the guide's ids; then Share with a good token, a bad one, one that may not write, and none."""
    if track == "tensorflow" and shutil.which("git-lfs") is None:
        pytest.skip("PushToHubCallback needs git-lfs; install it")
    notebook = build.build(build.pages()[0], track)
    share = cell_with(notebook, "get_token()")
    predict = cell_with(notebook, "round(score, 4)")
    model_name = f"my_awesome_model_{track}"
    again = {
        "hf_wrong": "the token is not valid",
        "hf_canary_read": "the token may not write",
        "": "Not shared: run notebook_login()",
    }
    retries = []
    for number in range(len(again)):
        source = f"import os\nos.environ['HF_TOKEN'] = os.environ['TOKEN_{number}']\n" + share.source
        retries.append(nbformat.v4.new_code_cell(source))
    notebook.cells += retries
    output = str(tmp_path / model_name)
    tokens = {f"TOKEN_{number}": token for number, token in enumerate(again)}
    env = environment(seeded, tmp_path, HF_TOKEN="hf_canary_write", TUTORIAL_OUTPUT=output, **tokens)
    shown = run(notebook, tmp_path, env)

    assert "Assets: hub, because you asked for them." in shown
    assert "Not shared" not in printed(share), printed(share)
    for cell, said in zip(retries, again.values(), strict=True):
        assert said in printed(cell) and printed(cell).count("\n") == 1
    pushed = seeded.files("models", f"learner/{model_name}")
    assert "model.safetensors" in pushed and not [name for name in pushed if name.endswith((".h5", ".pkl", ".pt"))]
    card = pushed["README.md"]["content"].decode()
    assert "imdb" in card and "accuracy" in card.lower()

    fresh = environment(seeded, tmp_path / "fresh")
    command = [sys.executable, "-c", PREDICT, track, f"learner/{model_name}"]
    text = "This was a masterpiece. Not completely faithful to the books, but enthralling from beginning to end. Might be my favorite of the three."
    done = subprocess.run([*command, text], env=fresh, cwd=tmp_path / "fresh", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == printed(predict).strip()

    # Nothing that the run leaves behind holds the token.
    for path in tmp_path.rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert b"hf_canary" not in path.read_bytes(), path
    shutil.rmtree(tmp_path)
