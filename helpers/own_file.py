"""What a learner's own file of labelled texts is: how it is written, which column holds the texts, and which the labels.

Here a file is only looked at. The lesson's own cells read it, with the values that ``look`` finds.
"""

import codecs
import csv
import io
import json
import re
import shutil
from pathlib import Path

from helpers.errors import TutorialError
from helpers.panels.parts import escaped

SUFFIXES = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "json", ".ndjson": "json", ".json": "json",
    ".parquet": "parquet", ".xlsx": "excel",
}  # fmt: skip
DELIMITERS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
TEXT_NAMES = ("text", "message", "review", "comment", "content", "body", "sentence", "description", "sms")
LABEL_NAMES = ("label", "labels", "category", "class", "sentiment", "target", "topic", "tag", "rating", "stars")
COLUMNS = {"text_column": "text", "label_column": "label", "group_column": None}  # and the lesson's own values
HEAD = 1_000  # rows, about, that a guess is made from
CHECKED_BYTES = 100_000_000  # a larger file is read without having been checked to its end
MOST_LABELS = 100
PARTS = 5  # that the lesson cuts the texts into
LEAST = 10  # texts of a label, as the lesson's cleaning asks for


def look(names: dict):
    """Find out how ``data_file`` is written, and set what the lesson reads it with, in ``names`` (its ``globals()``).

    Sets ``file_format`` (``"csv"``, ``"json"``, ``"parquet"``, ``"excel"`` or ``"folder"``), ``read_options`` (what
    ``load_dataset`` takes beside the file), ``text_column`` and ``label_column``; the last two stay if they name a column.
    Returns what was found, and why, as an IPython ``Markdown`` table. Raises ``TutorialError``, in one sentence, for a file
    that cannot be read as labelled texts.
    """
    from IPython.display import Markdown

    file_format, options, head, found = examined(Path(names["data_file"]).expanduser())
    found += chosen(head, names, file_format)
    names |= {"file_format": file_format, "read_options": options}
    rows = [f"| {what} | {_cell(value)} | {_cell(why)} |" for what, value, why in found]
    return Markdown("\n".join(["| what | found | why |", "|---|---|---|", *rows]))


def examined(path: Path) -> tuple[str, dict, object, list[tuple]]:
    """``(format, options for load_dataset, the first rows as a pandas DataFrame, what was found)`` of a file or a folder."""
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        raise TutorialError(f"There is no file {path}; check its name and its folder.")
    if not path.stat().st_size:
        raise TutorialError(f"{path.name} is empty.")
    file_format = SUFFIXES.get(path.suffix.lower())
    if file_format is None:
        raise TutorialError(
            f"{path.name} ends in {path.suffix or 'nothing'}; save it as one of: {', '.join(SUFFIXES)}."
        )
    _check_room(path)
    size = [("size", _size(path.stat().st_size), "")]
    if file_format in ("parquet", "excel"):
        head = _parquet_head(path) if file_format == "parquet" else _excel_head(path)
        return file_format, {}, head, [("format", file_format, f"it ends in {path.suffix}"), *size]
    encoding, why = _encoding(path)
    if file_format == "json":
        if encoding != "utf-8":
            raise TutorialError(f"{path.name} is written in {encoding}, and JSON is read as UTF-8; save it as UTF-8.")
        return "json", {}, _json_head(path), [("format", "JSON", f"it ends in {path.suffix}"), *size]
    options, head, found = _table(path, encoding)
    return "csv", options, head, [*found, ("encoding", encoding, why), *size]


def chosen(head, names: dict, file_format: str) -> list[tuple]:
    """Set ``text_column`` and ``label_column`` in ``names`` from the first rows; returns what was found, and why."""
    file, columns = Path(names["data_file"]).name, list(head.columns)
    given = {kind for kind in COLUMNS if names[kind] in columns}
    for kind, usual in COLUMNS.items():
        if kind not in given and names[kind] != usual:
            raise TutorialError(f"{file} has no column {names[kind]!r}; it has: {_listed(columns)}.")
    if len(columns) < 2:
        raise TutorialError(
            f"{file} has one column, {columns[0]!r}, and texts and labels need one each; separate columns by {_listed(DELIMITERS.values())}."
        )
    cells = head.astype("string").fillna("")
    lengths = cells.apply(lambda column: column.str.len().mean())
    text = names["text_column"] if "text_column" in given else _best(columns, TEXT_NAMES, -lengths)
    others = [name for name in columns if name not in (text, names["group_column"])]
    counts = cells[others].apply(lambda column: column.str.strip().replace("", None).nunique())
    likely = [name for name in others if 2 <= counts[name] <= max(2, min(MOST_LABELS, len(head) // 2))]
    if "label_column" in given:
        label = names["label_column"]
    elif likely:
        label = _best(likely, LABEL_NAMES, counts)
    else:
        label = next((name for name in others if name.casefold() in LABEL_NAMES), others[0])
        if counts[label] > 1:
            raise TutorialError(
                f"No column of {file} looks like labels: {label!r} has {counts[label]} different values in {len(head)} rows. "
                "Name the right one (label_column, or LABEL= of make own), and group labels that are too many."
            )
    if counts[label] <= 1:
        raise TutorialError(f"All rows of {file} have the same label in {label!r}; a model needs two or more.")
    names |= {"text_column": text, "label_column": label}
    values = list(dict.fromkeys(cells[label].str.strip()))
    return [
        ("columns", _listed(columns), "a folder is a label" if file_format == "folder" else ""),
        (
            "texts",
            text,
            "it has this name" if "text_column" in given else f"its cells are long: {lengths[text]:.0f} characters",
        ),
        (
            "labels",
            f"{label}: {_listed(values, 6)}",
            "it has this name" if "label_column" in given else f"it repeats {counts[label]} values",
        ),
    ] + (
        [("could be labels too", _listed(rest), "values repeat there as well")]
        if (rest := [name for name in likely if name != label])
        else []
    )


def check(table, groups, watched: str | None = None) -> None:
    """Raise ``TutorialError`` if what cleaning left is too little to learn from and to test, or lacks the label ``watched``.

    ``table`` is a DataFrame with ``text`` and ``label``; ``groups``, a Series with its index, says which texts stay together.
    """
    counts = table["label"].value_counts()
    if len(counts) < 2:
        left = f"only texts with the label {counts.index[0]!r}" if len(counts) else "no text"
        raise TutorialError(
            f"Cleaning leaves {left}; a model needs two labels with {LEAST} different texts each. The table above says what went."
        )
    if "group" in table and table["group"].nunique() < PARTS:
        raise TutorialError(
            f"The column of groups has {table['group'].nunique()} values, and the split needs {PARTS}; name another column, or none."
        )
    if watched not in (None, *counts.index):
        raise TutorialError(
            f"No text is left with the label {watched!r}, which watched_label names; there are: {_listed(counts.index)}."
        )
    kinds = groups.groupby(table["label"]).nunique()
    if kinds.min() < PARTS:
        kept = "groups" if "group" in table else "texts that differ in more than digits and punctuation"
        raise TutorialError(
            f"The label {kinds.idxmin()!r} has {kinds.min()} {kept}, and the split needs {PARTS} of each label."
        )
    if len(counts) > MOST_LABELS:
        raise TutorialError(
            f"There are {len(counts)} labels, and this lesson takes {MOST_LABELS}; group them, or is it the right column?"
        )


def _best(columns, known, order):
    """The column with a known name, else the one that comes first in ``order``."""
    named = sorted(
        (name for name in columns if name.casefold() in known), key=lambda name: known.index(name.casefold())
    )
    return named[0] if named else min(columns, key=lambda name: order[name])


def _table(path: Path, encoding: str) -> tuple[dict, object, list[tuple]]:
    """Options for ``load_dataset("csv", …)``, the first rows, and what was found."""
    import pandas as pd
    from datasets import Features, Value

    csv.field_size_limit(2**31 - 1)
    try:
        with path.open(encoding=encoding, newline="") as file:
            start = file.read(2_000_000)
    except UnicodeDecodeError:
        raise TutorialError(
            f"{path.name} is a binary file, or not whole: it cannot be read as {encoding}; save it as .csv in UTF-8."
        ) from None
    whole = len(start) < 2_000_000
    delimiter, quoted, lines = _delimiter(start, whole, path.name)
    if path.stat().st_size <= CHECKED_BYTES:
        lines = _spread(path, encoding, delimiter, quoted)
    else:
        lines += _pieces(path, encoding, delimiter, quoted)
    header = _has_header(lines)
    columns = [cell.strip() or f"column {n + 1}" for n, cell in enumerate(lines[0])] if header else []
    columns = columns or _default_names(lines)
    if len(set(columns)) < len(columns):
        raise TutorialError(f"{path.name} has a column name twice in its first line: {_listed(columns)}; rename one.")
    head = pd.DataFrame([line for line in lines[int(header) :] if len(line) == len(columns)], columns=columns)
    if head.empty:
        raise TutorialError(f"{path.name} has a first line and no rows below it.")
    options = {
        "sep": delimiter, "encoding": encoding, "names": columns, "header": 0 if header else None, "keep_default_na": False,
        "features": Features({name: Value("string") for name in columns}),
    }  # fmt: skip
    if not quoted:
        options["quoting"] = csv.QUOTE_NONE
    kind = "a table" if quoted else "a table without quoting"
    return options, head, [
        ("format", f"{kind}, separated by {DELIMITERS[delimiter]}", "each row has the same number of cells"),
        ("first row", "names of the columns" if header else "no header", "" if header else "it looks like the rows below"),
    ]  # fmt: skip


def _delimiter(start: str, whole: bool, name: str) -> tuple[str, bool, list[list[str]]]:
    """``(delimiter, whether quotes mean something, the first rows)`` that make rows of one length, of two cells or more."""
    best = None
    for delimiter in DELIMITERS:
        for quoted in (True, False) if delimiter == "\t" else (True,):
            lines = _parsed(start, delimiter, quoted, whole)
            if not lines or (not quoted and not _literal(lines)):
                continue
            width = max(set(sizes := [len(line) for line in lines]), key=sizes.count)
            share = sizes.count(width) / len(lines)
            prose = sum(cell.startswith(" ") for line in lines for cell in line[1:]) / sum(sizes)
            rank = (width > 1, share > 0.9, share, -prose, not quoted, min(width, 20))
            if width > 1 and (best is None or rank > best[0]):
                best = rank, delimiter, quoted, lines
    if best is None:
        lines = _parsed(start, ",", True, whole)
        if lines and whole:
            return ",", True, lines
        raise TutorialError(
            f"No way was found to part the rows of {name} into columns; part them by {_listed(DELIMITERS.values())}."
        )
    return best[1:]


def _literal(lines: list[list[str]]) -> bool:
    """Whether a quote at the start of a cell is a part of its text: there is one that nothing closes."""
    return any(cell.startswith('"') and not (cell.endswith('"') and len(cell) > 1) for line in lines for cell in line)


def _parsed(start: str, delimiter: str, quoted: bool, whole: bool) -> list[list[str]]:
    reader = csv.reader(
        io.StringIO(start, newline=""), delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    )
    lines = []
    try:
        for line in reader:
            if line:
                lines.append(line)
            if len(lines) > HEAD:
                return lines
    except csv.Error:
        return []
    return lines if whole else lines[:-1]


def _spread(path: Path, encoding: str, delimiter: str, quoted: bool) -> list[list[str]]:
    """The first row and others from all over the file, which may be sorted.

    Raises ``TutorialError``, with the line's number, where a row has too many cells, or a quote never closes.
    """
    kept, step, count = [], 1, 0
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(
            file, delimiter=delimiter, strict=quoted, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
        )
        width, line = None, 1
        try:
            for row in reader:
                if row and width is None:
                    width = len(row)
                if len(row) > (width or 0):
                    raise TutorialError(
                        f"Line {line} of {path.name} has {len(row)} cells where the first one has {width}; put texts that hold "
                        f"{DELIMITERS[delimiter]} in double quotes."
                    )
                if row and count % step == 0:
                    kept.append(row)
                    if len(kept) > 2 * HEAD:
                        kept, step = kept[::2], 2 * step
                count += bool(row)
                line = reader.line_num + 1
        except csv.Error as error:
            what = "a quote that never closes" if "end of data" in str(error) else f"a quote too many ({error})"
            raise TutorialError(
                f"Line {line} of {path.name} has {what}; double a quote that belongs to the text."
            ) from None
    return kept


def _pieces(path: Path, encoding: str, delimiter: str, quoted: bool) -> list[list[str]]:
    """Some rows from ten places of a file that is too large to be read twice."""
    rows, size = [], path.stat().st_size
    with path.open("rb") as file:
        for tenth in range(1, 11):
            file.seek((size - 100_000) * tenth // 10 // 4 * 4)  # no character of UTF-16 is cut
            text = file.read(100_000).decode(encoding, "replace")
            rows += _parsed(text.partition("\n")[2], delimiter, quoted, whole=False)[: HEAD // 10]
    return rows


def _has_header(lines: list[list[str]]) -> bool:
    """Whether the first row holds names: one that is known, or none of its cells stands again in its column."""
    first = [cell.strip() for cell in lines[0]]
    if {cell.casefold() for cell in first} & {*TEXT_NAMES, *LABEL_NAMES}:
        return True
    again = [any(line[n].strip() == cell for line in lines[1:] if n < len(line)) for n, cell in enumerate(first)]
    return not any(again) and all(len(cell) < 60 for cell in first)


def _default_names(lines: list[list[str]]) -> list[str]:
    """Names for columns that have none: ``text`` for the longest cells, ``label`` for the other one of two."""
    width = len(lines[0])
    lengths = [sum(len(line[n]) for line in lines if n < len(line)) for n in range(width)]
    longest = lengths.index(max(lengths))
    others = ["label"] if width == 2 else [f"column {n + 1}" for n in range(width) if n != longest]
    return [*others[:longest], "text", *others[longest:]]


def _encoding(path: Path) -> tuple[str, str]:
    """The encoding of a text file, and how it was found; raises ``TutorialError`` for a binary file."""
    with path.open("rb") as file:
        start = file.read(4_096)
        for mark, name in (
            (codecs.BOM_UTF8, "utf-8-sig"),
            (codecs.BOM_UTF16_LE, "utf-16"),
            (codecs.BOM_UTF16_BE, "utf-16"),
        ):
            if start.startswith(mark):
                return name, "it starts with a mark that says so"
        if b"\0" in start:
            for name, zeros in (("utf-16-le", start[1::2]), ("utf-16-be", start[::2])):
                if zeros.count(0) > 0.3 * len(zeros) > 0:
                    return name, "every other byte is zero"
            raise TutorialError(
                f"{path.name} is a binary file, not a text; save it as .csv from the program that made it."
            )
        if start.startswith((b"PK\x03\x04", b"\x1f\x8b", b"%PDF", b"PAR1", b"\xd0\xcf\x11\xe0")):
            raise TutorialError(f"{path.name} is a binary file whatever it is called; unpack it, or save it as .csv.")
        decoder = codecs.getincrementaldecoder("utf-8")()
        file.seek(0)
        try:
            while block := file.read(1 << 20):
                decoder.decode(block)
                if file.tell() > CHECKED_BYTES:
                    break
            else:
                decoder.decode(b"", final=True)
            return "utf-8", "all of it can be read so"
        except UnicodeDecodeError:
            pass
        file.seek(0)
        return _likely(file.read(1 << 20)), "it is not UTF-8, and so the letters look likeliest; check a text below"


def _likely(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    usual = from_bytes(
        sample, cp_isolation=["cp1252", "latin_1", "cp1250", "cp1251", "koi8_r", "shift_jis", "gb18030"]
    ).best()
    return usual.encoding if usual else "latin_1"


def _json_head(path: Path):
    import pandas as pd

    rows = []
    with path.open(encoding="utf-8-sig") as file:
        if file.read(1) == "[":
            file.seek(0)
            if path.stat().st_size > CHECKED_BYTES:
                raise TutorialError(f"{path.name} is one long list; save it with one object a line (JSON Lines).")
            try:
                rows = json.load(file)
            except ValueError as error:
                raise TutorialError(f"{path.name} is no valid JSON ({error}).") from None
        else:
            file.seek(0)
            for number, line in enumerate(file, 1):
                if number > HEAD and path.stat().st_size > CHECKED_BYTES:
                    break
                try:
                    row = json.loads(line) if line.strip() else None
                except ValueError as error:
                    raise TutorialError(f"Line {number} of {path.name} is no valid JSON ({error}).") from None
                rows += [] if row is None else [row]
    kinds: dict[str, type] = {}
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise TutorialError(
                f'Row {number} of {path.name} is no object with names; write {{"text": …, "label": …}}.'
            )
        for name, value in row.items():
            kind = kinds.setdefault(name, type(value)) if value is not None else None
            if kind and not isinstance(value, kind) and {kind, type(value)} != {int, float}:
                raise TutorialError(
                    f"Row {number} of {path.name} has {_kind(type(value))} in {name!r} where rows before have {_kind(kind)}; make them alike."
                )
    if not rows:
        raise TutorialError(f"{path.name} holds no rows.")
    return pd.DataFrame(rows[:: len(rows) // HEAD + 1])


def _kind(kind: type) -> str:
    return {str: "a text", int: "a number", float: "a number", bool: "true or false"}.get(kind, "something nested")


def _parquet_head(path: Path):
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        groups = range(0, file.num_row_groups, file.num_row_groups // 10 + 1)
        parts = [file.read_row_group(group).to_pandas() for group in groups]
    except (OSError, pa.ArrowException) as error:
        raise TutorialError(f"{path.name} is no whole Parquet file ({str(error).splitlines()[0]}).") from None
    head = pd.concat(parts) if parts else pd.DataFrame()
    if head.empty:
        raise TutorialError(f"{path.name} holds no rows.")
    return head.iloc[:: len(head) // HEAD + 1]


def _excel_head(path: Path):
    import zipfile

    import pandas as pd

    try:
        head = pd.read_excel(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise TutorialError(
            f"{path.name} cannot be read as an Excel workbook ({error}); save it as .xlsx anew."
        ) from None
    if head.empty:
        raise TutorialError(f"The first sheet of {path.name} holds no rows below its first one.")
    return head.rename(columns=str).iloc[:: len(head) // HEAD + 1]


def _folder(path: Path) -> tuple[str, dict, object, list[tuple]]:
    import pandas as pd

    files = sorted(path.glob("*/*.txt"))
    if len({file.parent for file in files}) < 2:
        raise TutorialError(
            f"{path} is a folder; it must hold a folder for each label, with a .txt file for each text, or name a file in it."
        )
    rows = []
    for file in files:
        try:
            rows.append((file.read_text(encoding="utf-8"), file.parent.name))
        except UnicodeDecodeError:
            raise TutorialError(f"{file.relative_to(path)} is not UTF-8; save it as UTF-8.") from None
    return (
        "folder",
        {},
        pd.DataFrame(rows, columns=["text", "label"]),
        [("format", f"{len(files):,} files in folders", "")],
    )


def _check_room(path: Path) -> None:
    """Raise ``TutorialError`` if the cache of ``datasets`` has no room for a copy of the file."""
    from datasets import config

    place = Path(config.HF_DATASETS_CACHE)
    while not place.exists():
        place = place.parent
    needed, free = 1.5 * path.stat().st_size, shutil.disk_usage(place).free
    if needed > free:
        raise TutorialError(
            f"Reading {path.name} needs {_size(needed)} on disk, and {place} has {_size(free)}; free some, or set HF_HOME to a larger disk."
        )


def _size(count: float) -> str:
    for unit in ("bytes", "KB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return ""


def _listed(values, most: int = 20) -> str:
    shown = [re.sub(r"\s+", " ", str(value))[:40] for value in values]
    return ", ".join(shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "")


def _cell(text: str) -> str:
    """Text for a Markdown table, nothing of it live."""
    safe = escaped(text)
    return re.sub(r"([\\`*_{}\[\]()#+!|$~])", r"\\\1", re.sub(r"[\x00-\x1f\x7f]", " ", safe))
