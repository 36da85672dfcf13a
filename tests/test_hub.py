"""The lessons against a Hub on loopback: the real clients, the lesson's own cells."""

import json
import shutil
import subprocess
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
import system
from lesson import environment
from nbclient import NotebookClient

import build
from helpers import environments, hub


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
from helpers import process
process.set_up(sys.argv[1])
process.find(sys.argv[1], "cpu")
from transformers import pipeline
classifier = pipeline("sentiment-analysis", model=sys.argv[2])
answer = classifier(sys.argv[3])[0]
print(answer["label"], round(answer["score"], 4))
inputs = classifier.tokenizer(sys.argv[3], return_tensors={"pytorch": "pt", "tensorflow": "tf"}[sys.argv[1]])
print(classifier.model(**inputs).logits[0].tolist() if sys.argv[1] == "pytorch" else classifier.model(**inputs).logits[0].numpy().tolist())
"""


@pytest.mark.parametrize("track", ["pytorch", pytest.param("tensorflow", marks=pytest.mark.slow)])
def test_a_lesson_on_the_hub_and_its_share_cell(seeded, tmp_path, track):
    """Everything by the guide's ids; then Share with a good token, a bad one, one that may not write, and none."""
    if track == "tensorflow":
        system.need("git-lfs")  # PushToHubCallback pushes with it
    notebook = build.build(build.pages()[0], build.Variant(track))
    if track == "pytorch":  # the guide's switch, which uploads each checkpoint too
        training = cell_with(notebook, "TrainingArguments(")
        assert "push_to_hub=False" in training.source
        training.source = training.source.replace("push_to_hub=False", "push_to_hub=True")
    share = cell_with(notebook, {"pytorch": "trainer.push_to_hub(", "tensorflow": "hub.finish("}[track])
    predict = cell_with(notebook, "round(score, 4)")
    model_name = f"my_awesome_model_{track}"
    again = {"hf_wrong": "the token is not valid", "hf_canary_read": "the token may not do this"}
    again |= {"": "Not shared: run notebook_login()"} if track == "pytorch" else {}
    retries = []
    for number in range(len(again)):
        changed = "model.weights[-1].assign(model.weights[-1] + 0.001)\n" if track == "tensorflow" else ""
        source = f"import os\nos.environ['HF_TOKEN'] = os.environ['TOKEN_{number}']\n" + changed + share.source
        retries.append(nbformat.v4.new_code_cell(source))
    notebook.cells += retries
    output = str(tmp_path / model_name)
    tokens = {f"TOKEN_{number}": token for number, token in enumerate(again)}
    hub = {"HF_ENDPOINT": seeded.endpoint, "TUTORIAL_ASSETS": "hub"}
    env = environment(tmp_path, HF_TOKEN="hf_canary_write", TUTORIAL_OUTPUT=output, **hub, **tokens)
    shown = run(notebook, tmp_path, env)

    assert "Assets: hub, because you asked for them." in shown
    assert printed(share).startswith("Shared: "), printed(share)
    for cell, said in zip(retries, again.values(), strict=True):
        assert said in printed(cell) and printed(cell).count("\n") == 1
    pushed = seeded.files("models", f"learner/{model_name}")
    assert "model.safetensors" in pushed and not [name for name in pushed if name.endswith((".h5", ".pkl", ".pt"))]
    assert not [name for name in pushed if name.startswith("_")]  # _results.json is nobody else's business
    card = pushed["README.md"]["content"].decode()
    assert "imdb" in card and "accuracy" in card.lower()

    # A fresh process loads it by its id, in this track and in the other.
    text = "This was a masterpiece. Not completely faithful to the books, but enthralling from beginning to end. Might be my favorite of the three."
    said = {}
    for reader in environments.tracks():
        command = [environments.python(reader), "-c", PREDICT, reader, f"learner/{model_name}", text]
        fresh = environment(tmp_path / reader, **hub)
        done = subprocess.run(command, env=fresh, cwd=tmp_path / reader, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        said[reader], logits = done.stdout.splitlines()
        said[f"{reader} logits"] = json.loads(logits)
    assert said[track] == printed(predict).strip()
    if len(said) == 4:
        assert said["pytorch logits"] == pytest.approx(said["tensorflow logits"], abs=1e-3)

    # Nothing that the run leaves behind holds the token.
    for path in tmp_path.rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert b"hf_canary" not in path.read_bytes(), path
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize("error", [ConnectionError("the pipe broke"), KeyboardInterrupt(), None])
@pytest.mark.parametrize("when", ["while it trains", "at the end"])
def test_the_logs_of_git_lfs_go_after_a_push(tmp_path, when, error):
    """When a push breaks off, git-lfs writes its command line, address and token included, to a log in the clone."""
    logs = tmp_path / ".git" / "lfs" / "logs"

    def push():
        logs.mkdir(parents=True)
        (logs / "one.log").write_text("http://user:hf_canary@hub")
        if error:
            raise error

    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("")
    nothing = SimpleNamespace(save_pretrained=lambda folder: None)
    repo = SimpleNamespace(local_dir=str(tmp_path), push_to_hub=push, git_push=push, is_repo_clean=lambda: True)
    callback = SimpleNamespace(repo=repo, model=nothing, tokenizer=nothing, output_dir=str(tmp_path))
    hub.guard(callback)
    with pytest.raises(KeyboardInterrupt) if isinstance(error, KeyboardInterrupt) else nullcontext():
        hub.finish(callback) if when == "at the end" else callback.repo.push_to_hub()
    assert not logs.exists()
