"""Exercises: right answers pass, each wrong answer that learners give gets its hint, and nbgrader takes the notebooks."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from lesson import environment
from scipy.special import softmax
from sklearn.metrics import f1_score
from system import PROCESSES

import build
from helpers import environments, exercises
from helpers.errors import TutorialError

ROOT = Path(__file__).parents[1]


def f1(value):
    return lambda pair: {"f1": value(*pair)}


def counts(logits, labels):
    said = np.argmax(logits, axis=1)
    return [int(((said == a) & (labels == b)).sum()) for a, b in ((1, 1), (1, 0), (0, 1), (0, 0))]


def real_f1(logits, labels):
    hit, false, missed, _ = counts(logits, labels)
    return 2 * hit / (2 * hit + false + missed) if hit + false + missed else 0.0


def mean_f1(logits, labels):
    return (real_f1(logits, labels) + real_f1(np.asarray(logits)[:, ::-1], 1 - np.asarray(labels))) / 2


def weighted_f1(logits, labels):
    one, zero = real_f1(logits, labels), real_f1(np.asarray(logits)[:, ::-1], 1 - np.asarray(labels))
    return np.mean(labels) * one + (1 - np.mean(labels)) * zero


def ratio(part):
    def value(logits, labels):
        hit, false, missed, right = counts(logits, labels)
        return {
            "accuracy": (hit + right) / len(labels), "precision": hit / max(1, hit + false), "recall": hit / max(1, hit + missed)
        }[part]  # fmt: skip

    return value


class Classifier:
    """A pipeline's two ways to be called, for a model that counts good words."""

    model = SimpleNamespace(config=SimpleNamespace(id2label={0: "NEGATIVE", 1: "POSITIVE"}))

    def __call__(self, text, top_k=1, truncation=True):
        good = 0.5 + 0.2 * sum(word.strip(".,") in ("good", "great") for word in text.split())
        good -= 0.1 * text.count("bad")
        both = [{"label": "POSITIVE", "score": good}, {"label": "NEGATIVE", "score": 1 - good}]
        return both if top_k is None else [max(both, key=lambda one: one["score"])]


MAIL = {
    "text": [f"{name} {number}" for name in ("q", "p", "c") for number in range(4)],
    "label": [0] * 4 + [1] * 4 + [2] * 4,
}


class MailClassifier:
    """A pipeline of three labels that knows so many of the twelve messages."""

    def __init__(self, names=("QUESTION", "PRAISE", "COMPLAINT"), known=9):
        self.model = SimpleNamespace(config=SimpleNamespace(id2label=dict(enumerate(names))))
        self.known, self.names = known, names

    def __call__(self, texts):
        right = [self.names[label] for label in MAIL["label"]]
        assert texts == MAIL["text"]
        return [{"label": label if place < self.known else ""} for place, label in enumerate(right)]


class Twice(Classifier):
    """A model to which the second of two words that are alike matters."""

    def __call__(self, text, top_k=1, truncation=True):
        good = 0.9 if text.endswith("good") else 0.1
        return [{"label": "POSITIVE", "score": good}, {"label": "NEGATIVE", "score": 1 - good}]


def cheapest(found=np.greater_equal, give=lambda thresholds, costs: thresholds[np.argmin(costs)], swap=False):
    """A solution of exercise 4.2, or a wrong one."""

    def function(labels, scores, missed, alarm, thresholds):
        a, b = (alarm, missed) if swap else (missed, alarm)
        said = [found(scores, one) for one in thresholds]
        return give(thresholds, [a * (labels & ~one).sum() + b * (~labels & one).sum() for one in said])

    return function


FOOLING = [(f"It is good that number {word} is over.", "NEGATIVE") for word in ("one", "two", "three", "four", "five")]
PRAISE, BLAME = np.array([1, 1, 0, 0], bool), np.array([1, 0, 1, 0], bool)
CUT = ["[CLS]", "but", "the", "acting", "is", "superb", ".", "[SEP]"]
START = ["[CLS]", "the", "plot", "is", "silly", ",", "but", "[SEP]"]

RIGHT = {
    "1.1": [CUT],
    "1.2": [(3, 8)],
    "1.3": [f1(real_f1)],
    "1.4": [1.1],
    "1.5": [148_610, 592_130],
    "1.6": [(MailClassifier(), MAIL)],
    "2.1": [0.1],
    "2.2": [(~(PRAISE | BLAME), PRAISE, BLAME)],
    "2.3": [("great", "It was great and bad.", Classifier()), ("good", "good or bad or good", Twice())],
    "2.4": [(FOOLING, Classifier())],
    "3.1": [(12, 7, 7)],
    "3.2": [lambda queries, keys: softmax(queries @ keys.T, axis=-1)],
    "3.3": [1_774_464],
    "3.4": [np.log(5)],
    "4.1": [(0.9, 0.0), (0.9, 0)],
    "4.2": [cheapest()],
    "4.3": [(0.6, 0.825)],
    "4.4": [["price", "staff"]],
    "5.1": [40, 40.0],
    "5.2": [152, 152.0],
    "5.3": [127],
}
WRONG = [
    ("1.1", [*START[:1], *START[1:]], "its start was to be cut"),
    ("1.1", ["[CLS]", *["the", "plot", "is", "silly", ",", "but", "the", "acting", "is", "superb", "."], "[SEP]"], "truncation=True"),
    ("1.1", [*CUT, "more"], "eight tokens"),
    ("1.1", CUT[1:-1], "eight tokens"),
    ("1.1", [*CUT[:4], "was", *CUT[5:]], "other tokens"),
    ("1.1", "but the acting is superb.", "list of tokens"),
    ("1.1", ["the", "plot", "is", "silly", ",", "but", "the", "acting"], "[CLS] and [SEP]"),
    ("1.2", (8, 3), "wrong way round"),
    ("1.2", (3, 6), "[CLS] and [SEP]"),
    ("1.2", (3, 7), "one token"),
    ("1.2", (3, 4), "longest text"),
    ("1.2", (1, 8), "each text is a row"),
    ("1.2", 24, "a tuple"),
    ("1.2", [3, 8], "round brackets"),
    ("1.3", f1(ratio("accuracy")), "accuracy"),
    ("1.3", f1(ratio("precision")), "precision"),
    ("1.3", f1(ratio("recall")), "recall"),
    ("1.3", f1(mean_f1), "mean over both"),
    ("1.3", f1(weighted_f1), "a mean over both"),
    ("1.3", f1(lambda *_: 0.7), "axis 1"),
    ("1.3", f1(lambda *_: 0.4), "counts as 0"),
    ("1.3", lambda pair: 0.4, '"f1"'),
    ("1.3", lambda pair: {"f1": f1_score(pair[1], pair[0])}, "argmax along axis 1"),
    ("1.3", lambda pair: {"f1": f1_score(pair[1], np.argmax(pair[0], axis=0))}, "argmax along axis 1"),
    ("1.3", lambda pair: pair[2], "IndexError"),
    ("1.4", 1.0, "does not grow"),
    ("1.4", 0.9, "comes nearer"),
    ("1.4", 1.5, "the first"),
    ("1.4", 1.01, "the first"),
    ("1.4", "1.1", "a number"),
    ("1.5", 770, "last matrix alone"),
    ("1.5", 22_713_986, "taken out"),
    ("1.5", 147_840, "not what stays"),
    ("1.5", 4, "as many arrays"),
    ("1.6", (MailClassifier(("QUESTION", "PRAISE")), MAIL), "has 2 labels"),
    ("1.6", (MailClassifier(("LABEL_0", "LABEL_1", "LABEL_2")), MAIL), "id2label"),
    ("1.6", (MailClassifier(known=8), MAIL), "knows 8 of the twelve"),
    ("2.1", -0.1, "no sign"),
    ("2.1", 0.9, "one of the two"),
    ("2.1", 0.5, "take the distance"),
    ("2.1", 0.26, "as a whole"),
    ("2.2", (~(PRAISE & BLAME), PRAISE, BLAME), "one of the two"),
    ("2.2", (PRAISE | BLAME, PRAISE, BLAME), "turn it round"),
    ("2.2", (PRAISE, PRAISE, BLAME), "no praise and no blame"),
    ("2.2", (PRAISE[:2], PRAISE, BLAME), "each review"),
    ("2.3", ("bad.", "It was great and bad.", Classifier()), "another word"),
    ("2.3", ("good", "It was great and bad.", Classifier()), "one of the words"),
    ("2.4", (FOOLING[:4] + FOOLING[:1], Classifier()), "and here are 4"),
    ("2.4", ([*FOOLING[:4], ("This one is good.", "POSITIVE")], Classifier()), "gets 1 of them right"),
    ("2.4", ([*FOOLING[:4], ("This one is good.", "good")], Classifier()), "no label"),
    ("2.4", ([*FOOLING[:4], ("Good.", "NEGATIVE")], Classifier()), "three words"),
    ("2.4", (["I was never bored."] * 5, Classifier()), "a pair"),
    ("3.1", (7, 7), "with one head"),
    ("3.1", (7, 7, 12), "heads come first"),
    ("3.1", (12, 7, 64), "not in their shape"),
    ("3.1", 84, "each pair"),
    ("3.1", (1, 12, 7, 7), "one sentence"),
    ("3.1", (12, 9, 9), "special ones"),
    ("3.2", lambda queries, keys: softmax(queries @ keys.T / 4, axis=-1), "still divided"),
    ("3.2", lambda queries, keys: queries @ keys.T, "softmax"),
    ("3.2", lambda queries, keys: softmax(queries @ keys.T, axis=0), "a row"),
    ("3.2", lambda queries, keys: softmax(queries @ keys.T), "all of them together"),
    ("3.2", lambda queries, keys: softmax(keys @ queries.T, axis=-1), "not the shares"),
    ("3.2", lambda queries, keys: softmax(queries @ keys), "turned over"),
    ("3.2", lambda queries, keys: 0.5, "a row for each query"),
    ("3.3", 1_769_472, "matrices alone"),
    ("3.3", 1_772_928, "normalisations are missing"),
    ("3.3", 1_771_008, "vectors beside"),
    ("3.3", 1_773_696, "two layer normalisations"),
    ("3.3", 1_627_008, "four matrices"),
    ("3.3", 1_773_312, "one vector is longer"),
    ("3.3", 1_775_616, "second matrix"),
    ("3.3", 1, "count matrices"),
    ("3.4", np.log(2), "two labels"),
    ("3.4", 0.2, "probability"),
    ("3.4", -np.log(5), "sign"),
    ("3.4", np.log2(5), "natural"),
    ("3.4", np.log10(5), "natural"),
    ("3.4", 1.6, "two decimals"),
    ("3.4", 3, "the same probability"),
    ("4.1", 0.9, "a pair"),
    ("4.1", (0.0, 0.9), "wrong way round"),
    ("4.1", (90, 0), "from 0 to 1"),
    ("4.1", (0.1, 0), "where the model is right"),
    ("4.1", (0.9, 0.9), "of the 100"),
    ("4.2", cheapest(swap=True), "changed places"),
    ("4.2", cheapest(np.greater), "as large as the threshold"),
    ("4.2", cheapest(give=lambda thresholds, costs: np.argmin(costs)), "not its place"),
    ("4.2", cheapest(give=lambda thresholds, costs: thresholds[0]), "add up the cost"),
    ("4.3", 0.6, "a pair"),
    ("4.3", (0.825, 0.6), "wrong way round"),
    ("4.3", (0.825, 0.825), "counts each label once"),
    ("4.3", (0.6, 0.6), "number of texts"),
    ("4.4", "price", "list of names"),
    ("4.4", ["price"], "do not compete"),
    ("4.4", ["price", "delivery", "staff", "website"], "not all"),
    ("4.4", ["delivery"], "sigmoid"),
    ("5.1", 320, "one process alone"),
    ("5.1", 160, "two epochs"),
    ("5.1", 20, "two epochs"),
    ("5.1", 2.5, "once more"),
    ("5.1", 5, "once more"),
    ("5.1", 41, "all eight"),
    ("5.2", 92, "the start takes time"),
    ("5.2", 168, "never saved"),
    ("5.2", 108, "never saved"),
    ("5.2", 60, "done again, too"),
    ("5.2", 752, "step 0"),
    ("5.2", 290, "each takes 0.4"),
    ("5.2", 7, "add the time"),
    ("5.3", 126, "round up"),
    ("5.3", 126.4, "parts of reviews"),
    ("5.3", 16 / 7.91, "wrong way round"),
    ("5.3", 8128, "each is asked for"),
    ("5.3", 64, "by how many times"),
]  # fmt: skip


def test_every_exercise_has_a_judge_and_every_judge_an_exercise():
    asked = {
        cell.source.split('"')[1]
        for page in build.pages()
        for cell in build.build(page, build.Variant("pytorch", "solutions")).cells
        if cell.source.startswith("# kit: check exercise")
    }
    assert asked == set(exercises.JUDGES) == set(RIGHT)
    for page in build.pages():
        number = page.stem[1]
        assert 3 <= sum(one.startswith(f"{number}.") for one in asked) <= 6


@pytest.mark.parametrize(("number", "answer"), [(number, one) for number, all_ in RIGHT.items() for one in all_])
def test_a_right_answer_passes(number, answer, capsys):
    exercises.check(number, answer)
    assert capsys.readouterr().out == f"Exercise {number}: right.\n"


@pytest.mark.parametrize(("number", "answer", "hint"), WRONG)
def test_a_wrong_answer_gets_its_hint(number, answer, hint):
    with pytest.raises(exercises.NotYet) as error:
        exercises.check(number, answer)
    said = str(error.value)
    assert hint in said and said.startswith(f"Exercise {number}: ") and said.endswith(".") and "\n" not in said


def test_a_hint_does_not_give_the_answer_away():
    for number, answer, _ in WRONG:
        with pytest.raises(exercises.NotYet) as error:
            exercises.check(number, answer)
        for right in RIGHT[number]:
            assert not isinstance(right, int | float | tuple) or str(right) not in str(error.value)


@pytest.mark.parametrize("number", RIGHT)
def test_a_stub_fails(number):
    stubs = {"1.3": lambda pair: {"f1": ...}, "3.2": lambda queries, keys: ..., "4.2": lambda *arguments: ...}
    for answer in [stubs.get(number, ...), *([(..., "a b", Classifier())] if number.startswith("2.") else [])]:
        with pytest.raises(exercises.NotYet):
            exercises.check(number, answer)


def test_an_exercise_that_is_not_there():
    with pytest.raises(TutorialError, match=r"There is no exercise 9.9; there are 1.1, "):
        exercises.check("9.9", 1)


EACH = [pytest.param(page, track, id=f"{track}-{page.stem}") for page in build.pages() for track in build.TRACKS]


@pytest.mark.parametrize(("page", "track"), EACH)
def test_editions_differ_in_their_exercises_alone(page, track):
    lesson, exercise, solution = (build.build(page, build.Variant(track, edition)) for edition in build.EDITIONS)

    def plain(notebook):
        return [cell.source for cell in notebook.cells if cell.cell_type == "code" and "exercise" not in tags(cell)]

    assert plain(lesson) == plain(exercise) == plain(solution)
    assert not [cell for cell in lesson.cells if "exercise" in tags(cell)]
    for stub, solved in zip(exercise.cells, solution.cells, strict=True):
        assert "SOLUTION" not in stub.source
        if "SOLUTION" in solved.source:
            assert build.STUB in stub.source and stub.metadata.nbgrader.solution
            inside = build.SOLUTION.search(solved.source)[0].splitlines()[1:-1]
            assert not [line for line in inside if line.strip() and line in stub.source.splitlines()], (
                "a solution is left"
            )
            compile(stub.source, "stub", "exec")


def tags(cell) -> list[str]:
    return cell.metadata.get("tags", [])


@pytest.mark.parametrize(("page", "track"), EACH)
def test_the_exercises_are_committed_as_the_source_builds_them(page, track):
    for edition in ("exercises", "solutions"):
        variant = build.Variant(track, edition)
        stored = nbformat.read(build.target(page, variant), as_version=4)
        built = build.build(page, variant)
        assert [(cell.source, cell.metadata) for cell in stored.cells] == [
            (cell.source, cell.metadata) for cell in built.cells
        ]
        code = [cell for cell in stored.cells if cell.cell_type == "code"]
        if edition == "exercises":
            assert not any(cell.outputs or cell.execution_count for cell in code)
        else:
            checked = [cell for cell in code if cell.source.startswith("# kit: check")]
            assert all(cell.outputs[0].text.endswith(": right.\n") for cell in checked)


@pytest.fixture(scope="module")
def nbgrader(tmp_path_factory):
    """A command that runs nbgrader, installed beside the first track's packages."""
    folder = tmp_path_factory.mktemp("nbgrader")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder]
    subprocess.run([*command, "-r", ROOT / "requirements" / "nbgrader.txt"], check=True, capture_output=True)

    def run(*words, cwd):
        env = environment(cwd, PYTHONPATH=os.pathsep.join([str(folder), str(ROOT)]))
        env["PATH"] = os.pathsep.join([str(folder / "bin"), env["PATH"]])  # it calls alembic
        words = [sys.executable, "-m", "nbgrader", *words]
        done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stderr

    return run


@pytest.mark.slow
def test_nbgrader_converts_and_grades(nbgrader, tmp_path):
    """It makes our exercise edition of the solutions, gives the solutions all points, and an untouched exercise edition none."""
    track = environments.tracks()[0]
    page = [page for page in build.pages() if page.stem != PROCESSES][-1]
    solutions = build.build(page, build.Variant(track, "solutions"))
    source = tmp_path / "source" / "course" / "lesson.ipynb"
    source.parent.mkdir(parents=True)
    nbformat.write(solutions, source)
    stub = json.dumps({"python": build.STUB})
    (tmp_path / "nbgrader_config.py").write_text(
        f"c = get_config()\nc.ClearSolutions.code_stub = {stub}\nc.CourseDirectory.root = {str(tmp_path)!r}\n"
        "c.ExecutePreprocessor.timeout = 600\nc.Execute.timeout = 600\n"
    )
    nbgrader("generate_assignment", "course", "--create", cwd=tmp_path)
    released = nbformat.read(tmp_path / "release" / "course" / "lesson.ipynb", as_version=4)
    ours = build.build(page, build.Variant(track, "exercises"))
    assert [cell.source for cell in released.cells if cell.cell_type == "code"] == [
        cell.source for cell in ours.cells if cell.cell_type == "code"
    ]
    for name, notebook in (("ada", solutions), ("bob", released)):
        handed_in = tmp_path / "submitted" / name / "course" / "lesson.ipynb"
        handed_in.parent.mkdir(parents=True)
        nbformat.write(notebook, handed_in)
    nbgrader("autograde", "course", cwd=tmp_path)
    nbgrader("export", cwd=tmp_path)
    lines = (tmp_path / "grades.csv").read_text().splitlines()
    names = lines[0].split(",")
    points = {
        line.split(",")[names.index("student_id")]: float(line.split(",")[names.index("score")]) for line in lines[1:]
    }
    exercises_here = sum(cell.source.startswith("# kit: check") for cell in solutions.cells)
    assert points == {"ada": exercises_here, "bob": 0}
