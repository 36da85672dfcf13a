"""Files that people really have: the kit looks at them, the cells of lesson 04 read and clean them, or one sentence says why not."""

import csv
import io
import json
import re
import tempfile
import warnings
from pathlib import Path
from types import SimpleNamespace

import datasets
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers import environments, lessons, own_file, packages
from helpers.errors import TutorialError

LESSON = "04_own_texts"
CELLS = lessons.cells(environments.tracks()[0], LESSON)
VALUES = lessons.values(environments.tracks()[0], LESSON)


def cell_with(words: str) -> int:
    return next(number for number, cell in enumerate(CELLS) if words in cell.source)


READ, CLEANED, GROUPED = cell_with("load_dataset("), cell_with("def leave_out(") + 1, cell_with("groups = table[") + 1
DONE = cell_with("common, watched = ")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.getbasetemp() / "datasets")
    datasets.disable_progress_bars()


def through(path, split=True, **values) -> dict:
    """What the lesson's own cells make of a file, from looking at it to the splits."""
    names = VALUES | {"data_file": str(path)} | values
    own_file.look(names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for cell in CELLS[READ:CLEANED]:
            exec(cell.source, names)
        for cell in CELLS[CLEANED:GROUPED] if split else []:
            exec(cell.source, names)
        if split:
            own_file.check(names["table"], names["groups"], names["watched_label"])
        for cell in CELLS[GROUPED:DONE] if split else []:
            exec(cell.source, names)
    return names


def problem(names: dict, what: str) -> dict:
    return next(one for one in names["problems"] if one["problem"] == what)


ROWS = [
    (f"{subject} number {word} {verb}, and that is all", label)
    for label, verb in (("late", "came late"), ("kind", "was kind"))
    for subject in ("the parcel", "a driver", "my order")
    for word in ("one", "two", "three", "four", "five", "six", "seven")
]


def written(rows=ROWS, header=("text", "label"), delimiter=",") -> str:
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter).writerows([header, *rows] if header else rows)
    return file.getvalue()


@pytest.mark.parametrize("delimiter", own_file.DELIMITERS)
@pytest.mark.parametrize("header", [("text", "label"), ("what they said", "kind of it"), None])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_table_is_read_however_it_is_written(tmp_path, delimiter, header, encoding):
    path = tmp_path / "messages.csv"
    path.write_text(written(header=header, delimiter=delimiter), encoding=encoding)
    names = through(path)
    assert len(names["raw"]) == len(ROWS) == len(names["table"]) == sum(map(len, names["splits"].values()))
    assert sorted(zip(names["table"]["text"], names["table"]["label"], strict=True)) == sorted(ROWS)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_other_encodings_are_found_out(tmp_path, encoding):
    rows = [(f"Schöne Grüße, die Lieferung kam früher {text}", label) for text, label in ROWS]
    path = tmp_path / "grüße.csv"
    path.write_text(written(rows), encoding=encoding)
    assert set(through(path)["table"]["text"]) == {text for text, _ in rows}


def test_other_formats(tmp_path):
    frame = pd.DataFrame(ROWS, columns=["message", "topic"])
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    frame.to_json(tmp_path / "a.json", orient="records")
    frame.to_excel(tmp_path / "a.xlsx", index=False)
    for number, (text, label) in enumerate(ROWS):
        (tmp_path / "texts" / label).mkdir(parents=True, exist_ok=True)
        (tmp_path / "texts" / label / f"{number}.txt").write_text(text)
    for name in ("a.parquet", "a.jsonl", "a.json", "a.xlsx", "texts"):
        table = through(tmp_path / name)["table"]
        assert sorted(zip(table["text"], table["label"], strict=True)) == sorted(ROWS), name


def test_names_of_labels_are_kept(tmp_path):
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["late", "kind"])}
    )
    rows = {"text": [text for text, _ in ROWS], "label": [["late", "kind"].index(label) for _, label in ROWS]}
    datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "a.parquet")
    assert through(tmp_path / "a.parquet")["label_names"] == ["kind", "late"]


def test_numbers_and_words_such_as_none_are_labels(tmp_path):
    rows = [(text, {"late": "007", "kind": "None"}[label]) for text, label in ROWS]
    (tmp_path / "a.csv").write_text(written(rows))
    assert through(tmp_path / "a.csv")["label_names"] == ["007", "None"]


def test_what_is_wrong_in_rows_is_counted_and_mended(tmp_path):
    rows = [
        *ROWS, ("", "late"), ("  ", "kind"), ("no label here at all", ""), ROWS[0], (ROWS[1][0].upper(), "late"),
        (ROWS[2][0], "kind"), ("written differently it is late", " LATE "), ("fish &amp; <b>chips</b>\t now", "late"),
        ("only once", "rare"), ("=cmd|' /C calc'!A0", "late"), ("x" * 1_000_000, "kind"),
        ("<script>alert(1)</script> was kind", "kind"), ("\x1b[31mred\x07 was late", "late"),
    ]  # fmt: skip
    (tmp_path / "a.csv").write_text(written(rows))
    names = through(tmp_path / "a.csv")
    assert {one["problem"]: one["texts"] for one in names["problems"]} == {
        "HTML or control characters": 4, "over 20,000 characters": 1, "label written in another way": 1, "no text": 2, "no label": 1,
        "same text, two labels": 2, "repeated": 2, "label with fewer than 10 texts": 1,
    }  # fmt: skip
    assert problem(names, "no label")["rows"] == str(len(ROWS) + 3)
    texts = set(names["table"]["text"])
    assert {"fish & chips now", "=cmd|' /C calc'!A0", "alert(1) was kind", "[31mred was late"} <= texts
    assert ROWS[2][0] not in texts and names["label_names"] == ["kind", "late"]


def test_groups_and_near_copies_stay_together(tmp_path):
    rows = [
        (f"{text} {number}", label, f"customer {place % 9}")
        for place, (text, label) in enumerate(ROWS)
        for number in (1, 22)
    ]
    (tmp_path / "a.csv").write_text(written(rows, ("text", "label", "who")))
    names = through(tmp_path / "a.csv")
    keys = [set(part["text"].str.replace(r" \d+$", "", regex=True)) for part in names["splits"].values()]
    assert not keys[0] & keys[1] and not keys[0] & keys[2] and not keys[1] & keys[2]
    assert names["leaks"]["in the split above"] == 0 < names["leaks"]["drawn row by row"]
    names = through(tmp_path / "a.csv", group_column="who")
    whose = [set(part["group"]) for part in names["splits"].values()]
    assert not whose[0] & whose[1] and not whose[0] & whose[2] and not whose[1] & whose[2]


def test_texts_that_differ_in_digits_alone_cannot_be_split(tmp_path):
    rows = [*ROWS, *((f"order {number} of {number + 1}", "bill") for number in range(30))]
    (tmp_path / "a.csv").write_text(written(rows))
    with pytest.raises(TutorialError, match="'bill' has 1 texts that differ in more than digits"):
        through(tmp_path / "a.csv")


def test_a_watched_label_that_is_not_there_is_told(tmp_path):
    (tmp_path / "a.csv").write_text(written())
    assert through(tmp_path / "a.csv", watched_label="kind")["watched_label"] == "kind"
    with pytest.raises(TutorialError, match=r"No text is left with the label 'urgent'.* there are: "):
        through(tmp_path / "a.csv", watched_label="urgent")


def test_too_few_groups_are_told(tmp_path):
    rows = [(text, label, f"region {place % 3}") for place, (text, label) in enumerate(ROWS)]
    (tmp_path / "a.csv").write_text(written(rows, ("text", "label", "where")))
    with pytest.raises(TutorialError, match="has 3 values, and the split needs 5"):
        through(tmp_path / "a.csv", group_column="where")


def test_a_split_depends_on_the_seed_alone(tmp_path):
    (tmp_path / "a.csv").write_text(written())
    first, same, other = (list(through(tmp_path / "a.csv", seed=seed)["test"]["text"]) for seed in (1, 1, 2))
    assert first == same != other


SENTENCES = {
    "missing.csv": (None, "There is no file"),
    "empty.csv": (b"", "is empty"),
    "a.doc": (b"text", "ends in .doc"),
    "binary.csv": (bytes(range(256)) * 10, "is a binary file"),
    "zipped.csv": (b"PK\x03\x04" + b"a" * 50, "is a binary file"),
    "one_column.csv": ("\n".join(text.replace(",", "") for text, _ in ROWS), "has one column"),
    "quote.csv": (written() + '"never closed,late\nmore,late\n', f"Line {len(ROWS) + 2} of quote.csv has a quote that never closes"),
    "wide.csv": (written() + "a text, with a comma,late\n", f"Line {len(ROWS) + 2} of wide.csv has 3 cells"),
    "twice.csv": ("text,text\na,b\nc,d\n", "column name twice"),
    "head.csv": ("text,label\n", "no rows below it"),
    "one_label.csv": (written([(text, "same") for text, _ in ROWS]), "have the same label"),
    "no_labels.csv": (written([(text, str(n)) for n, (text, _) in enumerate(ROWS)], ("text", "id")), "looks like labels"),
    "ten.csv": (written(ROWS[16:26]), "Cleaning leaves no text"),
    "one_left.csv": (written([*ROWS[:21], *[(f"word {'abcdefghijk'[n]}", "b") for n in range(5)]]), "only texts with the label 'late'"),
    "many.csv": (
        written([(f"{'word ' * (n % 37)} {'abcdefghijklmnopqrstuvwxyz'[n % 26]} {n}", f"label {n % 500}") for n in range(6000)]),
        "There are 500 labels",
    ),
    "bad.jsonl": ('{"text": "a", "label": "b"}\n{"text": ', "Line 2 of bad.jsonl is no valid JSON"),
    "list.jsonl": ('["a", "b"]\n', "Row 1 of list.jsonl is no object"),
    "mixed.jsonl": ('{"text": "a", "label": 1}\n{"text": "b", "label": "one"}\n', "Row 2 of mixed.jsonl has a text in 'label'"),
    "bad.parquet": (b"PAR1 but not really", "is no whole Parquet file"),
    "bad.xlsx": (b"PK\x03\x04 but not really", "cannot be read as an Excel workbook"),
}  # fmt: skip


@pytest.mark.parametrize("name", SENTENCES)
def test_a_file_that_cannot_be_used_gets_one_sentence(tmp_path, name):
    content, words = SENTENCES[name]
    if content is not None:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(TutorialError) as caught:
        through(tmp_path / name)
    assert words in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_a_folder_needs_folders_and_utf_8(tmp_path):
    with pytest.raises(TutorialError, match="a folder for each label"):
        through(tmp_path)
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.txt").write_bytes("Grüße".encode("latin-1"))
    with pytest.raises(TutorialError, match=r"a.1\.txt is not UTF-8"):
        through(tmp_path)


def test_a_column_that_is_not_there_is_named(tmp_path):
    (tmp_path / "a.csv").write_text(written(header=("said", "sort")))
    with pytest.raises(TutorialError, match="has no column 'txet'; it has: said, sort"):
        through(tmp_path / "a.csv", text_column="txet")
    assert through(tmp_path / "a.csv", text_column="said")["text_column"] == "said"


def test_a_disk_without_room_is_told_before_reading(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text(written())
    monkeypatch.setattr(own_file.shutil, "disk_usage", lambda place: SimpleNamespace(free=1000))
    with pytest.raises(TutorialError, match=r"needs .* KB on disk, and .* has 1\.0 KB"):
        through(tmp_path / "a.csv")


def test_nothing_of_a_file_is_live_in_the_table_that_is_shown(tmp_path):
    hostile = "<img src=x onerror=alert(1)> [x](javascript:alert(1)) `|"
    rows = [(text, {"late": hostile, "kind": "ok"}[label]) for text, label in ROWS]
    (tmp_path / "a.csv").write_text(written(rows, (hostile + "col", "label")))
    shown = own_file.look(VALUES | {"data_file": str(tmp_path / "a.csv")}).data
    assert (
        "<img" not in shown
        and not re.search(r"(?<!\\)\[x", shown)
        and all(line.count(" | ") == 2 for line in shown.splitlines()[2:])
    )


def test_the_messages_are_those_of_the_package():
    names = through(packages.messages_file())
    assert len(names["raw"]) == 4_862 and names["label_names"] == ["ham", "spam"]
    assert problem(names, "repeated")["texts"] == 329
    with packages.messages_file().open(encoding="utf-8", newline="") as file:
        assert list(map(tuple, csv.reader(file, delimiter="\t"))) == list(
            zip(names["raw"]["label"], names["raw"]["text"], strict=True)
        )


def test_a_sorted_file_shows_all_its_labels(tmp_path):
    rows = [
        (f"text of {word} number {number} and more", label)
        for label, word in (("a", "one"), ("b", "two"))
        for number in range(3000)
    ]
    (tmp_path / "a.csv").write_text(written(rows))
    names = VALUES | {"data_file": str(tmp_path / "a.csv")}
    assert "| label: a, b |" in own_file.look(names).data


def test_quotes_of_a_table_with_tabs_belong_to_the_text(tmp_path):
    rows = [(f'"Well," {text}', label) for text, label in ROWS]
    (tmp_path / "a.tsv").write_text("".join(f"{text}\t{label}\n" for text, label in rows))
    assert sorted(through(tmp_path / "a.tsv")["table"]["text"]) == sorted(text for text, _ in rows)
    (tmp_path / "b.tsv").write_text("".join(f'"{text}"\t{label}\n' for text, label in ROWS))
    assert sorted(through(tmp_path / "b.tsv")["table"]["text"]) == sorted(text for text, _ in ROWS)


def test_a_sample_keeps_the_rows_of_the_file(tmp_path):
    (tmp_path / "a.csv").write_text(written(ROWS + [(f"{text} again", label) for text, label in ROWS]))
    names = through(tmp_path / "a.csv", sample_size=60)
    texts = [row[0] for row in ROWS] + [f"{text} again" for text, _ in ROWS]
    assert all(texts[row - 1] == text for text, row in zip(names["table"]["text"], names["table"]["row"], strict=True))


LABELS = st.sampled_from(["yes", "no", "No ", "maybe", "", "1", "NA", "<b>", "=1+1", "ja\n"])
TABLES = st.lists(
    st.tuples(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), LABELS), min_size=1, max_size=60
)


def any_table(rows, delimiter, header, encoding):
    """Either one sentence, or every row is kept as it is or counted among those that were left out."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "any.csv"
        path.write_text(written(rows, header, delimiter), encoding=encoding, newline="")
        try:
            names = through(path, split=False)
        except TutorialError as error:
            assert "\n" not in str(error)
            return
        datasets.Dataset.cleanup_cache_files(names["raw"])
    left_out = sum(
        one["texts"] for one in names["problems"] if one["done"].startswith(("left out", "the first one stays"))
    )
    assert len(names["table"]) + left_out == len(names["raw"]) == len(rows)
    if (names["text_column"], names["label_column"]) == (header or ("text", "label")):
        for text, label, row in zip(
            names["table"]["text"], names["table"]["label"], names["table"]["row"], strict=True
        ):
            assert text == names["tidy"](rows[row - 1][0])
            assert label.casefold() == rows[row - 1][1].strip().casefold()


ANY = given(
    TABLES,
    st.sampled_from(list(own_file.DELIMITERS)),
    st.sampled_from([("text", "label"), ("what they said", "kind of it")]),
    st.sampled_from(["utf-8", "utf-16"]),
)
QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck)}
test_any_table = settings(max_examples=40, **QUIET)(ANY(any_table))
test_a_thousand_tables = pytest.mark.slow(settings(max_examples=1_000, **QUIET)(ANY(any_table)))


def test_json_rows_of_any_kind_are_read_or_told(tmp_path):
    lines = [json.dumps({"text": text, "label": label, "more": {"a": 1}}) for text, label in ROWS]
    (tmp_path / "a.jsonl").write_text("\n".join([*lines, ""]))
    assert len(through(tmp_path / "a.jsonl")["table"]) == len(ROWS)
