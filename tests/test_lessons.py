"""What stands around the lessons: the start page, the drawing, the model that lesson 02 opens, the signs of life."""

import hashlib
import os
import re
import shutil
import subprocess
from types import SimpleNamespace

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image

import build
import draw
import lab
from helpers import environments, first_model, minutes, pictures, progress, results, settings


def test_the_start_page_has_every_lesson_once_and_times_of_this_machine():
    slow, fast = (lab.page(speed).cells[0].source for speed in (0.5, 2))
    for path in build.pages():
        for track in build.TRACKS:
            (link,) = re.findall(rf"\[about (\d+) min\]\({track}/{path.stem}\.ipynb\)", slow)
            assert f"({track}/exercises/{path.stem}_exercises.ipynb)" in slow
            assert int(link) == max(1, round(minutes.seconds(path.stem, track) / 60 / 0.5))
    assert slow.index("01_text") < slow.index("02_error") and "0.5 times the speed" in slow
    assert slow != fast
    assert 1 < minutes.gflops(256) < 100_000


def test_a_new_page_is_on_the_start_page_before_anybody_measured_it(tmp_path, monkeypatch):
    for page in build.pages():
        shutil.copy(page, tmp_path)
    text = build.pages()[0].read_text().replace("title: Text classification", "title: Something new")
    (tmp_path / "09_new.md").write_text(text)
    pages = sorted(tmp_path.glob("*.md"))
    monkeypatch.setattr(build, "pages", lambda: pages)
    shown = lab.page(1).cells[0].source
    assert "**09 Something new**" in shown and "[open](pytorch/09_new.ipynb)" in shown
    assert "| Train | fine-tune a checkpoint | not measured |" in build.parts_table(pages[-1], build.Variant("pytorch"))


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def drawn_from(picture) -> str:
    """The sum of the source that a PNG was drawn from."""
    return Image.open(picture).text["Source"]


def test_the_drawing_has_a_picture_of_each_part_and_lessons_use_them():
    pictures_there = {path.stem for path in (build.SOURCE / "way").glob("*.png")}
    for part in pictures_there:
        assert drawn_from(build.SOURCE / "way" / f"{part}.png") == sha256(draw.lit(draw.DRAWING.read_text(), part))
    assert pictures_there == set(draw.parts())
    text = "\n".join(path.read_text() for path in build.pages())
    assert set(re.findall(r"\{\{way (\w+)\}\}", text)) == pictures_there
    cell = build.with_picture("## Load\n\n{{way load}}\n\nA model learns.")
    assert re.fullmatch(
        r"## Load\n\n!\[[^]]*load\.\]\[load\]\n\nA model learns\.\n\n\[load\]: data:image/png;base64,\S+", cell
    )


def test_the_other_pictures_are_used_and_say_what_is_in_them():
    folder = build.SOURCE / "pictures"
    text = "\n".join(path.read_text() for path in build.pages())
    assert set(re.findall(r"\{\{picture (\w+)\}\}", text)) == {path.stem for path in folder.glob("*.png")}
    for picture in folder.glob("*.png"):
        alt = Image.open(picture).text["Description"]
        assert len(alt) > 100 and f"![{alt}]" in build.with_picture(f"{{{{picture {picture.stem}}}}}")
        drawing = picture.with_suffix(".svg")
        if drawing.exists():
            assert drawn_from(picture) == sha256(drawing.read_text()), "run: python notebooks/draw.py"
            assert alt == " ".join(re.search(r"<desc>(.*?)</desc>", drawing.read_text(), re.S)[1].split())


@pytest.mark.parametrize("page", build.pages(), ids=lambda page: page.stem)
def test_nothing_is_left_to_fill_in(page):
    for track in build.TRACKS:
        assert not [
            cell.id for cell in build.build(page, build.Variant(track)).cells if re.search(r"\{\{\w", cell.source)
        ]


RUN = settings.Settings("pytorch", "smoke", "embedded", "cpu", device_name="CPU")


def a_model(folder, seed=42, checkpoint="a/model"):
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").touch()
    results.save(RUN, folder, seed=seed, checkpoint=checkpoint, train_reviews=48, accuracy=0.5)


@pytest.fixture
def trained(monkeypatch):
    """The folders that lesson 02 trained a model into, without the training."""
    folders = []

    def train(run, folder, seed, checkpoint):
        a_model(folder, seed, checkpoint or "a/model")
        folders.append(folder)

    monkeypatch.setattr(first_model, "train", train)
    return folders


def test_lesson_02_takes_only_a_whole_model_of_the_same_settings(tmp_path, capsys, trained):
    folder, own = tmp_path / "model", tmp_path / "model_lesson_02"
    names = {"output_dir": str(folder), "seed": 42}
    a_model(folder)
    assert first_model.find_or_train(RUN, names) == str(folder) and not trained
    assert "the model of lesson 01: 48 reviews, accuracy 0.500" in capsys.readouterr().out
    assert first_model.find_or_train(RUN, names | {"seed": 7}) == str(own) and trained == [own]
    assert "because the model of lesson 01 was trained with seed 42." in capsys.readouterr().out
    assert first_model.find_or_train(RUN, names | {"seed": 7}) == str(own) and trained == [own]
    assert "the model of an earlier run of this lesson" in capsys.readouterr().out
    (folder / "config.json").write_text("{")
    shutil.rmtree(own)
    assert first_model.find_or_train(RUN, names) == str(own)
    assert "because lesson 01 has left no model" in capsys.readouterr().out


def test_a_lesson_with_another_checkpoint_trains_that_one(tmp_path, capsys, trained):
    folder, own = tmp_path / "model", tmp_path / "model_lesson_02"
    names = {"output_dir": str(folder), "seed": 42}
    a_model(folder)
    assert first_model.find_or_train(RUN, names | {"checkpoint": "a/model"}) == str(folder)
    another = names | {"checkpoint": "another/model"}
    assert first_model.find_or_train(RUN, another) == first_model.find_or_train(RUN, another) == str(own)
    assert trained == [own] and "was trained with checkpoint a/model." in capsys.readouterr().out


@pytest.mark.parametrize(("track", "checkpoint"), [("pytorch", None), ("tensorflow", "another/model")])
def test_the_recipe_is_fitted_and_watched(monkeypatch, tmp_path, track, checkpoint):
    """In which order: the values are fitted when all are named; the run is watched when there is something to watch."""
    run = settings.Settings(track, "smoke", "embedded", "cpu")
    did = []
    training = SimpleNamespace(watch=lambda *arguments: did.append(("watch", *arguments)))
    monkeypatch.setattr(first_model.importlib, "import_module", lambda name: did.append(name) or training)
    monkeypatch.setattr(
        first_model.recipe, "fit", lambda names, run: did.append(("fit", names["seed"], names["checkpoint"], run))
    )
    monkeypatch.setattr(first_model.results, "finish", lambda run, names: did.append(("finish", run, names)))
    made = {}

    def cells(of_track, names, after):
        assert (of_track, names) == (track, {})
        names |= {
            "seed": 42,
            "checkpoint": "a/model",
            "output_dir": "elsewhere",
            "trainer": "a trainer",
            "callbacks": ["a callback"],
        }
        for name in after:
            after[name](names)
        made.update(names)
        return names

    monkeypatch.setattr(first_model.lessons, "run", cells)
    names = first_model.train(run, tmp_path / "own", 7, checkpoint)
    watched = ("watch", "a trainer", run) if track == "pytorch" else ("watch", names, run)
    assert did == [
        f"helpers.{track}.training",
        ("fit", 7, checkpoint or "a/model", run),
        watched,
        ("finish", run, names),
    ]
    assert (names["output_dir"], names["seed"]) == (str(tmp_path / "own"), 7) and names == made


TRAIN = """
from helpers import first_model, process, recipe, settings
run = process.prepare(settings.resolve(TRACK, profile="smoke", assets="embedded", device="cpu"))
names = {"output_dir": FOLDER, "seed": 42}
folder = first_model.find_or_train(run, names)
assert first_model.find_or_train(run, names) == folder != FOLDER
from pathlib import Path
print(sorted(path.name for path in Path(folder).iterdir()))
"""


@pytest.mark.parametrize("track", ["pytorch", pytest.param("tensorflow", marks=pytest.mark.slow)])
def test_lesson_02_trains_a_model_where_there_is_none(track, tmp_path):
    script = TRAIN.replace("TRACK", repr(track)).replace("FOLDER", repr(str(tmp_path / "m")))
    environment = os.environ | {"TUTORIAL_OUTPUT": "", "TUTORIAL_PROFILE": ""}
    command = [environments.python(track), "-c", script]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert run.returncode == 0, run.stderr[-2000:]
    names = run.stdout.splitlines()[-1]
    assert "model.safetensors" in names and "_results.json" in names and "checkpoint" not in names


def test_the_training_curve_is_drawn_at_the_start_now_and_then_and_at_the_end(monkeypatch):
    import IPython.display

    drawn = []

    class Handle:
        def update(self, figure):
            drawn.append(figure)

    def display(figure, display_id):
        drawn.append(figure)
        return Handle()

    monkeypatch.setattr(IPython.display, "display", display)
    curve = pictures.TrainingCurve(10, every=60)
    assert drawn[-1].axes[0].get_title(loc="left").startswith("Waiting")
    for step in range(1, 10):
        curve.update(dict.fromkeys(range(1, step + 1), 0.5), {}, {})
    assert len(drawn) == 1
    curve.update({5: 0.5, 10: 0.4}, {10: 0.45}, {10: 0.8}, last=True)
    assert len(drawn) == 2
    assert drawn[-1]._repr_mimebundle_()[1]["image/png"]["alt"] == (
        "Line chart over 10 training steps; training loss from 0.50 to 0.40; validation loss from 0.45 to 0.45; "
        "validation accuracy 0.800 at step 10."
    )


WATCHED = """
from helpers import progress
progress.PATIENCE = progress.EVERY = 0.2
progress.watch({"count(": 1})
"""
COUNT = """
import time
def count(seconds):
    time.sleep(seconds)
    print("done")
count(SECONDS)
"""


@pytest.mark.parametrize(("seconds", "signs"), [(0.0, 0), (1.2, 2)])
def test_a_long_cell_shows_a_sign_of_life_that_goes_when_it_is_done(seconds, signs):
    cells = [nbformat.v4.new_code_cell(text) for text in (WATCHED, WATCHED, COUNT.replace("SECONDS", str(seconds)))]
    seen = []

    class Listener(NotebookClient):
        def process_message(self, msg, cell, cell_index):
            if cell_index == 2 and msg["msg_type"] in ("display_data", "update_display_data"):
                seen.append(msg["content"]["data"]["text/plain"])
            return super().process_message(msg, cell, cell_index)

    kernel = environments.kernel(environments.tracks()[0])
    notebook = nbformat.v4.new_notebook(cells=cells)
    Listener(notebook, kernel_name=kernel, coalesce_streams=True).execute()  # a line may come in two messages
    assert len(seen) >= signs and bool(seen) == bool(signs)
    if signs:
        assert re.fullmatch(r"Running: \d s of about 1 s", seen[0]) and seen[-1] == ""
        assert sum(text == "Running: 1 s of about 1 s" for text in seen) <= 6  # one line, though watched twice
    assert cells[-1].outputs[-1].text == "done\n"


def test_outside_a_notebook_nothing_is_watched(capsys):
    progress.watch({"count(": 1})
    assert progress.said(12.4, None) == "Running: 12 s" and progress.said(0, 90) == "Running: 0 s of about 90 s"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("track", ["tensorflow"])
def test_lengths_that_mostly_agree_are_not_taken_for_fixed(track):
    """``datasets`` looks at a few random reviews to see which sizes vary; by its default, seed 351 finds no short one."""
    looks = re.findall(r"num_test_batches=(\d+)", (build.SOURCE / "02_error_analysis.md").read_text())
    assert looks
    code = """
import random, sys
from datasets import Dataset
from transformers import AutoTokenizer, DataCollatorWithPadding
from helpers import packages
tokenizer = AutoTokenizer.from_pretrained(packages.model_folder())
collator = DataCollatorWithPadding(tokenizer, return_tensors="tf")
rows = Dataset.from_dict({"input_ids": [[1] * 63] * 200 + [[1] * 160] * 800})
for looks in sys.argv[1:]:
    random.seed(351)
    batches = rows.to_tf_dataset(columns=["input_ids"], batch_size=16, collate_fn=collator, num_test_batches=int(looks))
    print("length:", batches.element_spec.shape[1])
"""
    done = subprocess.run([environments.python("tensorflow"), "-c", code, *looks], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split("length:")[1:] == [" None\n"] * len(looks), done.stdout


TRADE = {
    "01_text_classification": (
        "pretrained", "checkpoint", "fine-tuning", "inference", "splits", "tokenizer", "tokens", "batch", "padding", "logits",
        "baseline", "step", "loss", "learning rate", "epoch", "warm-up", "head", "dropout", "frozen", "weight decay",
        "training state",
    ),
    "02_error_analysis": ("overconfident", "temperature", "negative log-likelihood", "embedding", "attribution"),
    "03_inside": ("embedding", "attention", "query", "key", "value", "transformer", "pretraining", "fine-tuning", "loss", "logits"),
}  # fmt: skip


@pytest.mark.parametrize("name", TRADE)
def test_each_word_of_the_trade_is_introduced_before_it_is_used(name):
    source = build.SOURCE / f"{name}.md"
    for track in build.TRACKS:
        cells = [
            cell.source
            for cell in build.with_parts(build.jupytext.read(source).cells, source)
            if cell.cell_type == "markdown" and not set(cell.metadata.get("tags", [])) & ({*build.TRACKS} - {track})
        ]
        text = "\n".join(cells).casefold()
        words = [word for word in TRADE[name] if (word, track) != ("weight decay", "tensorflow")]  # it has none there
        for word in words:
            introduced = text.find("{{term " + word + "|")
            assert introduced >= 0 and text.count("{{term " + word + "|") == 1, word
            body = text[text.index("## setup") : introduced] if introduced > text.index("## setup") else ""
            assert not re.search(rf"\b{word}\b", re.sub(r"\{\{.*?\}\}|`[^`]*`|\[.*?\]\(.*?\)|(?m:^#.*)", "", body)), (
                word
            )
        shown = "\n".join(cell.source for cell in build.build(source, build.Variant(track)).cells)
        assert all(f"| *{word}* |" in shown.casefold() for word in words)
