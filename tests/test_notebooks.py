"""The committed notebooks: what the source builds, the same shape in both tracks, real outputs, every row taught."""

import ast
import copy
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from system import PROCESSES

import build
import export
from helpers import environments, lessons

PAGES = build.pages()
EACH = [pytest.param(page, track, id=f"{track}-{page.stem}") for page in PAGES for track in build.TRACKS]


def committed(page, track):
    return nbformat.read(build.target(page, build.Variant(track)), as_version=4)


def first_difference(built, stored) -> str | None:
    """Which cell of two notebooks differs first, in words; None if none does."""
    for cell, other in zip(built.cells, stored.cells, strict=False):
        for part in ("cell_type", "source", "id"):
            if cell[part] != other[part]:
                return f"{cell.id}: its {part} is not what the source builds:\n{other[part]}\n-- should be --\n{cell[part]}"
        if cell.metadata != other.metadata:
            return f"{cell.id}: its tags are not what the source builds"
    if len(built.cells) != len(stored.cells):
        return f"{len(stored.cells)} cells are committed, the source builds {len(built.cells)}"
    return None


@pytest.mark.parametrize(("page", "track"), EACH)
def test_committed_cells_are_what_the_source_builds(page, track):
    assert first_difference(build.build(page, build.Variant(track)), committed(page, track)) is None, (
        "run: make notebooks"
    )


def test_a_changed_cell_is_named():
    stored = committed(PAGES[0], "pytorch")
    stored.cells[7].source += "\n# edited by hand"
    assert first_difference(build.build(PAGES[0], build.Variant("pytorch")), stored).startswith("cell-07:")


def sections(notebook) -> list[tuple[str, int]]:
    """The level-two headings of a notebook, each with its number of code cells."""
    found = []
    for cell in notebook.cells:
        if part := build.heading(cell):
            found.append([part, 0])
        elif cell.cell_type == "code" and found:
            found[-1][1] += 1
    return [tuple(entry) for entry in found]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_tracks_have_the_same_sections(page):
    pytorch, tensorflow = (sections(build.build(page, variant)) for variant in build.VARIANTS)
    assert [name for name, _ in pytorch] == [name for name, _ in tensorflow]
    assert all(count for name, count in pytorch + tensorflow if name != "Where to go from here")
    # TensorFlow prepares its datasets and callbacks in cells of their own; elsewhere the steps are one to one. How processes
    # are started differs.
    if page.stem != PROCESSES:
        steps = [[entry for entry in track if entry[0] != "Train"] for track in (pytorch, tensorflow)]
        assert steps[0] == steps[1]


def test_the_guides_sections_in_the_guides_order():
    names = [name for name, _ in sections(build.build(PAGES[0], build.Variant("pytorch")))]
    assert names[:7] == ["Setup", "Load", "Preprocess", "Evaluate", "Train", "Share", "Inference"]


def pictures_in(page) -> int:
    """How many pictures a lesson shows at least."""
    return 3 if page.stem == PROCESSES else 5


@pytest.mark.parametrize(("page", "track"), EACH)
def test_outputs_are_real_and_clean(page, track):
    path = build.target(page, build.Variant(track))
    assert path.stat().st_size < 500_000
    text = path.read_text()
    assert not re.search(r"(?<![\w.])/(home|root|tmp|work|Users)/", text), "a path of some machine"
    assert "ETA:" not in text and '"stderr"' not in text
    assert not build.SLURS.search(re.sub(r"[A-Za-z0-9+/]{200,}", "", text))  # letters of a picture are no words
    cells = [cell for cell in committed(page, track).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    drawn = sum(
        "](data:image" in cell.source or "]: data:image" in cell.source for cell in committed(page, track).cells
    )
    assert len(pictures) + drawn >= pictures_in(page)
    assert all(output.metadata["image/png"]["alt"] for output in pictures)
    assert "Profile: quick" in str(outputs), "not the quick profile"
    assert "Device: CPU" in str(outputs) and "Assets: embedded" in str(outputs)


@pytest.mark.parametrize(("page", "track"), EACH)
def test_a_web_page_has_the_alternative_texts(page, track):
    text = export.page(committed(page, track))
    assert "No description has been provided" not in text
    assert len(re.findall(r"""<img[^>]* alt=["'].{20}""", text)) >= pictures_in(page)


@pytest.mark.parametrize("track", build.TRACKS)
def test_the_repaired_model_answered_in_the_order_of_the_texts(track):
    page = next(page for page in PAGES if page.stem == "02_error_analysis")
    said = [
        output.text for cell in committed(page, track).cells for output in cell.get("outputs", []) if "text" in output
    ]
    assert "the answers are in the order of the texts: True\n" in said


@pytest.mark.parametrize("track", build.TRACKS)
def test_the_quick_profile_reaches_its_bars(track):
    """What the committed run printed: accuracy, and the guide's sentence by pipeline and by hand."""
    shown = {cell.source: cell.outputs for cell in committed(PAGES[0], track).cells if cell.cell_type == "code"}
    (compared,) = [outputs for source, outputs in shown.items() if "Transformer minus baseline" in source]
    (baseline,) = [outputs for source, outputs in shown.items() if "Baseline accuracy" in source]
    difference = float(re.search(r"baseline: ([-+.\d]+) on 1,000 reviews", compared[0].text)[1])
    assert float(baseline[0].text.split()[-1]) + difference >= 0.85
    (piped,) = [outputs for source, outputs in shown.items() if 'pipeline("sentiment-analysis"' in source]
    (by_hand,) = [outputs for source, outputs in shown.items() if "round(score, 4)" in source]
    label, score = re.search(r"'label': '(\w+)', 'score': ([\d.]+)", piped[0].data["text/plain"]).groups()
    assert label == "POSITIVE" and float(score) >= 0.9
    assert by_hand[0].text == f"{label} {round(float(score), 4)}\n"


@pytest.mark.parametrize(("page", "track"), EACH)
def test_enough_cells_are_compared(page, track):
    compared = [
        cell
        for cell in committed(page, track).cells
        if "nbval-check-output" in cell.metadata.get("tags", [])
        and any(set(output.get("data", output)) - {"image/png"} for output in cell.outputs)
    ]
    assert len(compared) >= 8


SHARED = {
    1: "leNG9fN9FQU",
    2: "supported(",
    4: "notebook_login",
    5: "load_dataset(",
    6: 'imdb["test"][0]',
    7: "AutoTokenizer.from_pretrained(",
    8: 'tokenizer(examples["text"], truncation=True)',
    9: "imdb.map(preprocess_function, batched=True)",
    11: "evaluate.load(",
    12: "np.argmax(predictions, axis=1)",
    13: 'id2label = {0: "NEGATIVE", 1: "POSITIVE"}',
    25: "This was a masterpiece. Not completely faithful to the books",
    26: 'pipeline("sentiment-analysis", model=',
    29: "In more depth",
}
ROWS = {
    "pytorch": SHARED
    | {
        3: "text-classification-tutorial[pytorch]",
        10: "DataCollatorWithPadding(tokenizer=tokenizer)",
        14: "AutoModelForSequenceClassification.from_pretrained(\n    checkpoint, num_labels=2, id2label=id2label",
        15: "load_best_model_at_end=True",
        16: "trainer.train()",
        17: "trainer.push_to_hub(",
        27: "with torch.no_grad():",
    },
    "tensorflow": SHARED
    | {
        3: "text-classification-tutorial[tensorflow]",
        10: 'DataCollatorWithPadding(tokenizer=tokenizer, return_tensors="tf")',
        18: "create_optimizer(",
        19: "TFAutoModelForSequenceClassification.from_pretrained(\n    checkpoint, num_labels=2, id2label=id2label",
        20: "model.prepare_tf_dataset(",
        21: "model.compile(optimizer=optimizer)",
        22: "KerasMetricCallback(\n    metric_fn=compute_metrics, eval_dataset=tf_validation_set",
        23: "PushToHubCallback(",
        24: "model.fit(\n    x=tf_train_set, validation_data=tf_validation_set",
        28: "int(tf.math.argmax(logits, axis=-1)[0])",
    },
}


@pytest.mark.parametrize("track", build.TRACKS)
def test_every_row_of_the_guide_has_its_cell(track):
    text = "\n".join(cell.source for cell in build.build(PAGES[0], build.Variant(track)).cells)
    missing = {row: call for row, call in ROWS[track].items() if call not in text}
    assert not missing
    numbers = {"pytorch": ["weight_decay = 0.01", "num_epochs = 2"], "tensorflow": ["num_epochs = 3"]}
    assert all(number in text for number in ["batch_size = 16", "learning_rate = 2e-5", *numbers[track]])


@pytest.mark.parametrize("track", build.TRACKS)
def test_the_rows_come_in_the_guides_order(track):
    text = "\n".join(cell.source for cell in build.build(PAGES[0], build.Variant(track)).cells)
    # The list of architectures stands at the end, the log-in where it is needed: before training, at the latest.
    rows = [row for row in sorted(ROWS[track]) if row not in (2, 4)]
    places = [text.index(ROWS[track][row]) for row in rows]
    assert places == sorted(places)


def test_nbval_goes_red_when_a_stored_output_changes(tmp_path):
    """The comparison bites: the same cells pass with the stored output, and fail with another one."""
    notebook = committed(PAGES[0], environments.tracks()[0])
    first = next(i for i, cell in enumerate(notebook.cells) if "nbval-check-output" in cell.metadata.get("tags", []))
    notebook.cells = notebook.cells[: first + 1]
    results = []
    for name in ("same", "changed"):
        path = tmp_path / name / f"{name}.ipynb"
        path.parent.mkdir()
        if name == "changed":
            stored = notebook.cells[first].outputs[0]
            stored.data["text/plain"] = stored.data["text/plain"].upper()
        nbformat.write(notebook, path)
        shutil.copy(Path(__file__).parents[1] / "pyproject.toml", path.parent)
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--override-ini=addopts=", "--nbval-lax"]
        results.append(subprocess.run([*command, path], cwd=path.parent, capture_output=True, text=True))
    assert results[0].returncode == 0, results[0].stdout
    assert results[1].returncode == 1
    assert "Cell outputs differ" in results[1].stdout


def test_cleaning_removes_progress_and_keeps_results():
    noisy = " 1/4 [==>...........] - ETA: 3s - loss: 0.7\b\b\b\b\b\r4/4 [==============================] - 9s 2s/step - loss: 0.6\n"
    assert build._without_progress(noisy) == "4/4 loss: 0.6\n"
    predicted = (
        "14/63 [=====>....................] - ETA: 2s63/63 [==============================] - 6s 88ms/step\nkept\n"
    )
    assert build._without_progress(predicted) == "kept\n"
    assert build._without_progress(" 2/63 [....] - ETA: 16s ") == ""
    assert build._without_progress("13/63 ") == "" and build._without_progress("13/63 of them") == "13/63 of them"


@pytest.mark.parametrize(("page", "track"), EACH)
def test_the_script_is_what_the_source_builds(page, track):
    variant = build.Variant(track)
    assert build.script(page, variant) == build.script_target(page, variant).read_text(), "run: make scripts"


def names_in(cells, context) -> set[str]:
    """The names that cells set (``ast.Store``, imports too) or read (``ast.Load``)."""
    nodes = list(ast.walk(ast.parse("\n".join(re.sub(r"%pip.*", "pass", cell.source) for cell in cells))))
    found = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, context)}
    if context is ast.Store:
        imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
        found |= {name.asname or name.name.partition(".")[0] for node in imports for name in node.names}
        found |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return found


@pytest.mark.parametrize(("page", "track"), EACH)
def test_lesson_cells_know_nothing_of_the_kit(page, track):
    """Neither its modules nor the names that kit cells make; and kit cells are few and short."""
    cells = [cell for cell in build.build(page, build.Variant(track)).cells if cell.cell_type == "code"]
    kit = [cell for cell in cells if "kit" in cell.metadata.get("tags", [])]
    made = names_in(kit, ast.Store) - names_in([cell for cell in cells if cell not in kit], ast.Store)
    assert {"run", "recipe"} | ({"pictures"} if page.stem != PROCESSES else set()) <= made
    assert not names_in([cell for cell in cells if cell not in kit], ast.Load) & made
    assert "helpers" not in "".join(cell.source for cell in cells if cell not in kit)
    assert len(kit) <= 15 and all(len(cell.source.splitlines()) <= 16 for cell in kit)


@pytest.mark.parametrize(("page", "track"), EACH)
def test_a_text_names_no_call_of_the_other_track(page, track):
    """A paragraph below a cell of one track needs the track's tag too, or it stands in both."""
    (other,) = set(build.TRACKS) - {track}
    both = {one: build.build(page, build.Variant(one, "solutions")).cells for one in build.TRACKS}
    code = {
        one: set(re.findall(r"\w+", "\n".join(cell.source for cell in cells if cell.cell_type == "code")))
        for one, cells in both.items()
    }
    named = set(re.findall(r"`(\w+)`", "\n".join(cell.source for cell in both[track] if cell.cell_type == "markdown")))
    assert named & code[other] - code[track] <= {"Trainer"}  # whose optimizer lesson 01 speaks of in both


@pytest.mark.parametrize("track", build.TRACKS)
def test_the_recipe_is_in_the_script_with_its_tags(track):
    recipe = [cell for cell in lessons.cells(track) if "recipe" in cell.tags]
    assert len(recipe) >= 15 and sum("values" in cell.tags for cell in recipe) == 1


PAGE = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
lesson:
  title: A page
  about: a page of a test
  parts:
    Load: load
---

## Load

+++

CELL
"""


def cell(tags: str, source: str) -> str:
    return f"```{{code-cell}} ipython3\n:tags: [{tags}]\n{source}\n```"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (cell("pytroch", "1"), "unknown tag 'pytroch' on the cell that starts with '1'"),
        (cell("pytorch, tensorflow", "1"), "has the tags of all tracks; it needs none"),
        (cell("kit", "draw()"), "starts with '# kit: '"),
        (cell("recipe", "# kit: draws"), "a kit cell has the tag kit"),
        ("{{nmae}}", "nothing is known for {{nmae}}; the names are lesson, track"),
        ("{{include nothing}}", "there is no part nothing"),
        ("some words and {{include setup}}", "{{include setup}} is left over"),
        ("some words\n{{include setup}}", "{{include setup}} is left over"),
        ("{{way nowhere}}", "there is no picture way/nowhere.png"),
        ("{{picture nowhere}}", "there is no picture pictures/nowhere.png"),
    ],
)
def test_a_page_that_cannot_be_built_is_one_sentence(tmp_path, source, said):
    page = tmp_path / "09_page.md"
    page.write_text(PAGE.replace("CELL", source))
    with pytest.raises(build.PageError, match=re.escape(said)) as error:
        build.build(page, build.VARIANTS[0])
    assert "\n" not in str(error.value)


def test_a_part_without_a_heading_is_named(tmp_path):
    page = tmp_path / "09_page.md"
    page.write_text(PAGE.replace("    Load: load", "    Load: load\n    Laod: load").replace("CELL", ""))
    with pytest.raises(build.PageError, match=r"its head names the part Laod, and no heading does"):
        build.build(page, build.VARIANTS[0])


def test_a_lesson_cell_that_is_no_plain_python_is_named(tmp_path):
    page = tmp_path / "09_page.md"
    page.write_text(PAGE.replace("CELL", cell("recipe", "%pip install nothing")))
    with pytest.raises(build.PageError, match=r"a lesson cell is no plain Python, .*: '%pip install nothing'"):
        build.script(page, build.VARIANTS[0])


@pytest.mark.parametrize("missing", ["title", "about", "parts"])
def test_a_page_without_its_facts_is_one_sentence(tmp_path, missing):
    page = tmp_path / "09_page.md"
    page.write_text(PAGE.replace(f"  {missing}:", "  other:"))
    with pytest.raises(build.PageError, match=rf"09_page.md: its head has no {missing}"):
        build.facts(page)


@pytest.mark.parametrize(("page", "track"), EACH)
def test_no_execute_changes_nothing_that_is_committed(tmp_path, monkeypatch, page, track):
    variants = [build.Variant(track, edition) for edition in build.EDITIONS]
    there = {variant: build.target(page, variant) for variant in variants}
    kept = {variant: tmp_path / f"{variant.edition}.ipynb" for variant in variants}
    built = {variant: build.build(page, variant) for variant in variants}
    for variant in variants:
        shutil.copy(there[variant], kept[variant])
    monkeypatch.setattr(build, "target", lambda _, variant: kept[variant])
    monkeypatch.setattr(build, "build", lambda _, variant: copy.deepcopy(built[variant]))
    monkeypatch.setattr(build, "HERE", tmp_path / "notebooks")
    build.make(page, track, None)
    for variant in variants:
        assert kept[variant].read_text() == there[variant].read_text()


def test_cleaning_removes_the_times_of_a_training():
    text = "TrainOutput(global_step=3, metrics={'train_runtime': 2.39, 'train_samples_per_second': 20.0, 'train_steps_per_second': 1.2, 'train_loss': 0.6})"
    shown = nbformat.v4.new_output("execute_result", {"text/plain": text}, execution_count=1)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=[shown])])
    build.clean(notebook, Path("/somewhere"))
    cleaned = notebook.cells[0].outputs[0].data["text/plain"]
    assert cleaned == "TrainOutput(global_step=3, metrics={'train_loss': 0.6})"


def test_cleaning_masks_slurs():
    shown = nbformat.v4.new_output("display_data", {"text/html": "<p>What a Bitchy film</p>"})
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=[shown])])
    build.clean(notebook, Path("/somewhere"))
    assert notebook.cells[0].outputs[0].data["text/html"] == "<p>What a B***** film</p>"


def test_a_home_that_is_the_root_folder_spoils_no_html(monkeypatch):
    monkeypatch.setattr(build.Path, "home", lambda: Path("/"))
    table = nbformat.v4.new_output("display_data", {"text/html": "<table><tr><th>a</th></tr></table>"})
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=[table])])
    build.clean(notebook, Path("/somewhere"))
    assert notebook.cells[0].outputs[0].data["text/html"] == "<table><tr><th>a</th></tr></table>"
