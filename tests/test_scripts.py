"""The plain code of the lessons, as a learner copies it: run where this kit cannot be imported, on the guide's own ids."""

import re
import subprocess

import pandas as pd
import pytest
from lesson import environment
from system import PROCESSES, turn

import build
from helpers import environments, packages


@pytest.fixture(params=build.TRACKS)
def bare(request, tmp_path):
    """A Python with the packages of a track, and without the kit: an environment that finds the other's by a path file.

    The editable install of the kit is a path file too, and Python reads those in its own folder alone.
    """
    python = environments.python(request.param)
    subprocess.run([python, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    theirs = subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout.strip()
    own = tmp_path / "bare" / "bin" / "python"
    (folder,) = (tmp_path / "bare" / "lib").glob("python*/site-packages")
    (folder / "theirs.pth").write_text(theirs + "\n")
    yield request.param, own


@pytest.mark.slow
def test_the_lessons_run_without_the_kit(bare, seeded, tmp_path):
    """All lessons, by the guide's ids; small data and a small model serve them. Lesson 01 pushes its model.

    They compute in half precision, as a learner may set it, and as the kit does where a processor is faster so.
    """
    track, python = bare
    env = environment(tmp_path, HF_ENDPOINT=seeded.endpoint, HF_TOKEN="hf_canary_write")
    env = {name: value for name, value in env.items() if not name.startswith(("TUTORIAL_", "PYTHON"))}
    failed = subprocess.run([python, "-c", "import helpers"], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert "No module named 'helpers'" in failed.stderr
    messages = packages.messages_file().read_text(encoding="utf-8").splitlines()[:400]
    rows = [line.split("\t")[::-1] for line in messages]
    pd.DataFrame(rows, columns=["text", "label"]).to_csv(tmp_path / "messages.csv", index=False)
    said = {}
    for page in build.pages():
        if page.stem == PROCESSES and not turn(1, 2):
            continue
        script = tmp_path / f"{page.stem}.py"
        plain = build.script_target(page, build.Variant(track)).read_text()
        script.write_text(plain.replace('precision = "fp32"', 'precision = "bf16"'))
        done = subprocess.run([python, script], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
        said[page.stem] = done.stdout
    # The last step of the lesson, by hand, and the pipeline before it.
    ((label, score),) = re.findall(r"^(POSITIVE|NEGATIVE) (0\.\d+)$", said["01_text_classification"], re.M)
    assert f"'label': '{label}'" in said["01_text_classification"] and 0.5 <= float(score) < 1
    assert "Accuracy" in said["02_error_analysis"]
    assert PROCESSES not in said or "after the breakdown, weights within 5e-5: True" in said[PROCESSES]
    assert "both answers right: " in said["04_own_texts"] and (tmp_path / "my_own_model" / "README.md").exists()
    file = {"pytorch": "model.safetensors", "tensorflow": "tf_model.h5"}[
        track
    ]  # without the kit TensorFlow writes its own
    assert file in seeded.files("models", "learner/my_awesome_model")
