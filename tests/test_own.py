"""``make own``: lesson 04 on a file of a learner's, from the file to a model with its card, its summary and its page."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pandas as pd
import pytest
import system
from axe_playwright_python.sync_playwright import Axe
from lesson import environment
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import expect
from test_own_file import ROWS, written

import own
from helpers import environments

ROOT = Path(__file__).parents[1]
TRACK = environments.tracks()[0]
HOSTILE = "<img src=x onerror=alert(1)> [kind](javascript:alert(1))"
# Three labels, one of them rare, and what people's files have besides.
MESSAGES = [
    *((f"{text}, week {'abcdefgh'[week]}", label) for text, label in ROWS for week in range(6)),
    *((f"my money back please, number {number} {'xy'[number % 2]}{'abcdefghijklmnopqrstuvwx'[number]}", HOSTILE) for number in range(20)),
    ("", "late"), ROWS[0], ("no label", ""), ("only one of its kind", "odd"), ("=cmd|' /C calc'!A0 was late", "late"),
]  # fmt: skip


def start(folder: Path, file: Path, *more: str) -> subprocess.Popen:
    command = [sys.executable, ROOT / "notebooks" / "own.py", file, "--profile", "smoke", "--folder", folder, *more]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(folder.parent, TUTORIAL_TRACKS=TRACK),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """What ``make own`` makes of the messages above, and what it says."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "mail.csv").write_text(written(MESSAGES))
    process = start(folder / "out", folder / "mail.csv")
    said, errors = process.communicate(timeout=900)
    assert process.returncode == 0, errors
    return folder / "out", said


@pytest.mark.slow
def test_a_file_becomes_a_model_with_a_card_and_a_summary(made):
    folder, said = made
    assert (
        "texts in 'text', labels in 'label'" in said
        and "Training takes" in said
        and "Fine-tuning" in said
        and "Done: " in said
    )
    notebook = nbformat.read(folder / own.NOTEBOOK, as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells)
    assert not [
        output for cell in notebook.cells for output in cell.get("outputs", []) if output.output_type == "error"
    ]
    assert "ham" not in re.findall(r"\w+", text.lower()) and "MESSAGES" not in text
    card = (folder / own.MODEL / "README.md").read_text()
    shown = (folder / own.SUMMARY).read_text()
    for page in (card, shown):
        assert f"{len(MESSAGES):,} rows" in page and "Macro F1" in page and "95% interval" in page
        assert "<img src=x" not in page and "href=" not in page
    assert "[kind](javascript" not in card  # it would be a link on the Hub
    assert {"model.safetensors", "config.json", "tokenizer.json", "page.ipynb"} <= {
        path.name for path in (folder / own.MODEL).iterdir()
    }
    assert "Precision against recall" in shown
    assert "by label" in shown and "Training takes" not in shown


@pytest.mark.slow
def test_the_model_labels_a_table_of_new_texts(made, tmp_path):
    """With the cleaning and the threshold of the run, where nothing of the kit can be imported."""
    folder, _ = made
    decision = json.loads((folder / own.MODEL / "decision.json").read_text())
    assert decision["label"] == HOSTILE and 0 < decision["threshold"] < 1
    texts = [
        "",
        "the driver was kind, and that is all",
        "my money back &amp; soon, please\x07",
        "late " * 3_000,
        "00123",
    ]
    pd.DataFrame({"id": ["007", *"abcd"], "said": texts}).to_csv(tmp_path / "new.csv", index=False)
    command = [environments.python(TRACK), folder / own.MODEL / "classify.py", "new.csv", "said"]
    done = subprocess.run(command, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    labelled = pd.read_csv(tmp_path / "classified.csv", dtype=str, keep_default_na=False)
    assert list(labelled["said"]) == texts and labelled["id"][0] == "007"
    assert set(labelled["label"]) <= {HOSTILE, "kind", "late"} and labelled["label"][1] == "kind"


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on(tmp_path):
    (tmp_path / "mail.csv").write_text(written(MESSAGES))
    process, model = start(tmp_path / "out", tmp_path / "mail.csv"), tmp_path / "out" / own.MODEL
    deadline = time.monotonic() + 300
    while not [path for path in model.glob("checkpoint*/*state*")] and not list(
        model.glob("checkpoints/chief/*.index")
    ):
        assert time.monotonic() < deadline and process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1 and errors.strip().endswith(
        "The same command goes on from the last training state."
    ), errors
    process = start(tmp_path / "out", tmp_path / "mail.csv")
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    assert "An earlier run was cut short: going on after step" in (tmp_path / "out" / own.NOTEBOOK).read_text()


@pytest.mark.parametrize(
    ("content", "more", "words"),
    [
        (None, (), "There is no file"),
        ("text,label\na,b\n", (), "have the same label"),
        (written(), ("--label", "kind"), "has no column 'kind'; it has: text, label."),
        (b"\x00\x01\x02" * 99, (), "is a binary file"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_before_anything_starts(tmp_path, content, more, words):
    if content is not None:
        (tmp_path / "mail.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    process = start(tmp_path / "out", tmp_path / "mail.csv", *more)
    said, errors = process.communicate(timeout=120)
    assert process.returncode == 1 and words in errors and errors.count("\n") == 1 and not said
    assert not (tmp_path / "out").exists()


def test_what_holds_for_the_lessons_messages_alone_is_left_out():
    for track in environments.NAMES:
        cells = own.notebook(track).cells
        assert len(cells) > 50 and any("own_file.look" in cell.source for cell in cells)
        text = [cell.source for cell in cells if cell.cell_type == "markdown"]
        assert not [one for one in text if re.search(r"\b(spam|ham|SMS|critics?)\b", one)]


@pytest.mark.browser
def test_somebody_without_a_notebook_classifies_a_text(playwright, made, tmp_path):
    """The page of a model, through Voilà: on this machine alone, with a token, without a network."""
    folder, _ = made
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    voila = Path(environments.python(TRACK)).with_name("voila")
    command = [voila, "page.ipynb", "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1", "--token=secret"]
    server = subprocess.Popen(
        command,
        cwd=folder / own.MODEL,
        env=environment(tmp_path, HF_HUB_OFFLINE="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        alone = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
        browser = playwright.chromium.launch(executable_path=system.chromium(), args=["--no-sandbox", alone])
        page = browser.new_page()
        deadline = time.monotonic() + 30
        while True:
            try:
                page.goto(f"http://127.0.0.1:{port}/")
                break
            except PlaywrightError:
                assert time.monotonic() < deadline and server.poll() is None
                time.sleep(0.3)
        assert "/login" in page.url, "it asks for no token"
        page.goto(f"http://127.0.0.1:{port}/?token=secret")
        box = page.get_by_label("Text")
        expect(box).to_be_visible(timeout=60_000)
        button = page.get_by_role("button", name="Classify")
        button.click()
        expect(page.get_by_role("status")).to_have_text("Type a text first.")
        box.fill("<img src=x onerror=\"window.hacked = 'yes'\"> the driver was kind")
        box.blur()
        button.click()
        answer = page.locator("[role=status] li")
        expect(answer).to_have_count(3, timeout=30_000)
        assert sorted(text.partition(": 0.")[0] for text in answer.all_inner_texts()) == sorted(
            [HOSTILE, "kind", "late"]
        )
        assert page.evaluate("window.hacked") is None and page.locator("img[src=x]").count() == 0
        found = Axe().run(page, context=".jp-OutputArea-output").response["violations"]
        assert not [one for one in found if one["impact"] in ("serious", "critical")], found
        page.screenshot(path=tmp_path / "page.png")
        browser.close()
    finally:
        server.terminate()
        server.wait(30)


def letters(number: int) -> str:
    """The number, written with letters: texts that differ in digits alone are near copies."""
    return str(number).translate(str.maketrans("0123456789", "abcdefghij"))


LOOK = """
import re, sys, threading, time
from pathlib import Path
from test_own_file import VALUES, through

def own_memory():
    return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1e6

peak = 0
def watch():
    global peak
    while True:
        peak = max(peak, own_memory())
        time.sleep(0.05)

threading.Thread(target=watch, daemon=True).start()
start = time.monotonic()
names = through(sys.argv[1], sample_size=6_000)
assert len(names["table"]) <= 6_000 < len(names["raw"])
print(round(time.monotonic() - start), round(peak, 2))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("rows", [250_000, pytest.param(18_000_000, marks=pytest.mark.large)])
def test_a_large_file_is_sampled_and_memory_stays_flat(tmp_path, rows):
    """``python -m pytest -m large tests/test_own.py -s`` tries 2 GB."""
    path = tmp_path / "large.csv"
    with path.open("w") as file:
        file.write("text,label\n")
        for row in range(rows):
            file.write(
                f'"message of {letters(row)} about {letters(row % 977)}, sent by somebody, and with some more words than this",{"abc"[row % 3]}\n'
            )
    size = path.stat().st_size / 1e9
    done = subprocess.run(
        [sys.executable, "-c", LOOK, path], env=environment(tmp_path, PYTHONPATH=f"{ROOT / 'tests'}:{ROOT}", HF_HOME=str(tmp_path)),
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    seconds, memory = map(float, done.stdout.splitlines()[-1].split())
    print(f"{rows:,} rows, {size:.2f} GB: {seconds:.0f} s, {memory} GB of memory")
    assert memory < 1.2
