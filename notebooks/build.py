"""Make the notebooks of both tracks, and scripts of their plain code, from the pages in ``notebooks/source``.

``python notebooks/build.py`` builds and executes the notebooks, so that what is committed shows real outputs;
``--no-execute`` keeps the outputs of the cells that did not change, ``--scripts`` writes the scripts alone.

The head of a page (its front matter) holds its title, what it is about, and its parts. A code cell is a *lesson cell*, plain
code of the libraries, or a *kit cell*: tag ``kit``, first line ``# kit: what it does``. Other tags: a track, for cells that
only this track has; ``recipe``, for the lesson cells that make the model, and ``values`` for those that name its numbers;
``parameters`` for what ``make run`` sets; ``example`` for what holds for a lesson's own data alone, which ``make own`` leaves out;
``nbval-check-output`` for outputs that tests compare; ``slide`` for a code cell whose pictures also stand on a slide, as does a sentence
between ``{{key}}`` and ``{{/key}}``.

A page makes three editions in each track. The *lesson* leaves out the cells tagged ``exercise``. The *solutions* have them all.
The *exercises* have them with what stands between nbgrader's marks ``### BEGIN SOLUTION`` and ``### END SOLUTION`` taken out.
The solutions are executed; the lesson shows their outputs.
"""

import argparse
import ast
import base64
import copy
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbconvert.preprocessors import CoalesceStreamsPreprocessor, TagRemovePreprocessor
from PIL import Image
from tqdm import tqdm
from traitlets.config import Config

from helpers import environments, lessons, minutes

HERE = Path(__file__).parent
SOURCE = HERE / "source"
TRACKS = tuple(environments.NAMES)
EDITIONS = ("lesson", "exercises", "solutions")
TAGS = {*TRACKS, "kit", "recipe", "values", "parameters", "nbval-check-output", "exercise", "example", "slide"}


@dataclass(frozen=True)
class Variant:
    """One of the notebooks that a page makes. ``track`` is a key of ``environments.NAMES``, ``edition`` one of ``EDITIONS``."""

    track: str
    edition: str = "lesson"


VARIANTS = tuple(Variant(track) for track in TRACKS)  # the lessons themselves


class PageError(Exception):
    """A page that cannot be built: its text names the page and says what to change."""


def by_file(folder: str | Path) -> Config:
    """Let a kernel talk through sockets in ``folder``, not through ports that others on the machine could read."""
    return Config({"KernelManager": {"transport": "ipc", "ip": str(Path(folder) / "kernel")}})


def repository() -> str:
    """The public address of the project, from ``pyproject.toml``."""
    return tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]["urls"]["repository"]


def links(path: str) -> dict[str, str]:
    """The addresses that open the notebook at ``path`` (from the repository's root) on Colab and on Binder."""
    owner_and_name = repository().removeprefix("https://github.com/")
    return {
        "repository": repository(),
        "colab": f"https://colab.research.google.com/github/{owner_and_name}/blob/main/{path}",
        "binder": f"https://mybinder.org/v2/gh/{owner_and_name}/main?labpath={path}",
    }


def forget_login() -> None:
    """Keep what is started from here from sharing: no token of the Hub, whoever is logged in."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        os.environ.pop(name, None)
    os.environ["HF_TOKEN_PATH"] = os.devnull


def pages() -> list[Path]:
    return sorted(SOURCE.glob("*.md"))


def target(page: Path, variant: Variant) -> Path:
    if variant.edition == "lesson":
        return HERE / variant.track / f"{page.stem}.ipynb"
    return HERE / variant.track / variant.edition / f"{page.stem}_{variant.edition}.ipynb"


def script_target(page: Path, variant: Variant) -> Path:
    return lessons.FOLDER / variant.track / f"{page.stem}.py"


def facts(page: Path) -> dict:
    """What the head of a page says: ``title``, ``about`` (one line), ``parts`` (section: what you do there)."""
    found = jupytext.read(page).metadata.get("lesson", {})
    for name in ("title", "about", "parts"):
        if not found.get(name):
            raise PageError(f"{page.name}: its head has no {name}; see the head of {pages()[0].name}.")
    return found


def parts_table(page: Path, variant: Variant) -> str:
    """The table at the head of a lesson: its parts, and how long each took when it was measured."""
    rows = [
        f"| {name} | {what} | {minutes.spoken(minutes.seconds(page.stem, variant.track, name))} |"
        for name, what in facts(page)["parts"].items()
    ]
    return "\n".join(["| part | what you do | time |", "|---|---|---|", *rows, "", minutes.where()])


def lessons_table() -> str:
    """The table of all lessons for README: what they are about, how long they take, and where they open."""
    rows = ["| lesson | " + " | ".join(environments.NAMES.values()) + " |", "|---" * (1 + len(TRACKS)) + "|"]
    for page in pages():
        found, cells = facts(page), []
        for variant in VARIANTS:
            path = target(page, variant).relative_to(HERE.parent).as_posix()
            where = links(path)
            cells.append(
                f"[notebook]({path}), {minutes.spoken(minutes.seconds(page.stem, variant.track))}; "
                + ", ".join(
                    f"[{edition}]({target(page, Variant(variant.track, edition)).relative_to(HERE.parent).as_posix()})"
                    for edition in EDITIONS[1:]
                )
                + f" [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({where['colab']})"
                # A page that has no link to Binder needs more memory than there is.
                + (
                    f" [![Open in Binder](https://mybinder.org/badge_logo.svg)]({where['binder']})"
                    if "{{binder}}" in page.read_text()
                    else ""
                )
            )
        rows.append(f"| {page.stem.partition('_')[0]} {found['title']}: {found['about']} | {' | '.join(cells)} |")
    return "\n".join([*rows, "", minutes.where()])


def with_lessons(readme: str) -> str:
    """``README.md`` with its table of lessons as the pages have it."""
    return re.sub(
        r"(<!-- lessons -->\n).*?(<!-- end -->)",
        lambda found: f"{found[1]}\n{lessons_table()}\n\n{found[2]}",
        readme,
        flags=re.S,
    )


def with_parts(cells, page: Path):
    """The cells, with ``{{include NAME}}`` replaced by the cells of ``source/parts/NAME.md``, which lessons share.

    Within a code cell, a line with it is replaced by the part's code.
    """
    for cell in cells:
        find = re.search if cell.cell_type == "code" else re.fullmatch  # one within a text is told by ``build``
        include = find(r"(?m:^)\{\{include (\w+)\}\}(?m:$)", cell.source)
        if not include:
            yield cell
            continue
        path = SOURCE / "parts" / f"{include[1]}.md"
        if not path.exists():
            raise PageError(f"{page.name}: there is no part {include[1]}; write it, or mend the name.")
        part = jupytext.read(path).cells
        if cell.cell_type == "code":
            cell.source = cell.source.replace(include[0], "\n".join(one.source for one in part))
            yield cell
        else:
            yield from part


def with_picture(source: str) -> str:
    """A text cell with ``{{way PART}}`` or ``{{picture NAME}}`` replaced by that picture; its data stands at the cell's end.

    The first is the drawing of the way with a part lit, the second ``source/pictures/NAME.png``, which carries its alternative
    text.
    """
    found = re.search(r"\{\{(way|picture) (\w+)\}\}", source)
    if not found:
        return source
    kind, name = found.groups()
    file = SOURCE / ("way" if kind == "way" else "pictures") / f"{name}.png"
    if not file.exists():
        raise PageError(f"there is no picture {file.relative_to(SOURCE)}; see notebooks/draw.py.")
    if kind == "way":
        alt = f"The way of a review: load, preprocess, evaluate, train, share, inference. You are at: {name}."
    else:
        alt = Image.open(file).text["Description"]
    data = base64.b64encode(file.read_bytes()).decode()
    return f"{source.replace(found[0], f'![{alt}][{name}]')}\n\n[{name}]: data:image/png;base64,{data}"


TERM = re.compile(r"\{\{term ([^|{}]+)\|([^{}]+)\}\}")


KEY = re.compile(r"\{\{key\}\}(.*?)\{\{/key\}\}", re.S)  # a sentence that also stands on a slide


def glossary(cells) -> str:
    """The words that these cells introduce, with ``{{term WORD|what it means}}``, as a table in alphabetical order."""
    found = sorted((term for cell in cells for term in TERM.findall(cell.source)), key=lambda term: term[0].casefold())
    rows = [f"| *{word}* | {' '.join(meaning.split())} |" for word, meaning in found]
    return "\n".join(["| word | what it means |", "|---|---|", *rows])


SOLUTION = re.compile(r"^( *)### BEGIN SOLUTION\n.*?### END SOLUTION$", re.M | re.S)
STUB = "# your code here"


def for_edition(cells, edition: str) -> list:
    """The cells of an edition; what nbgrader has to know of an exercise goes into its metadata."""
    kept, number = [], ""
    for cell in cells:
        if "exercise" not in cell.metadata.get("tags", []):
            kept.append(cell)
            continue
        if edition == "lesson":
            continue
        number = (re.match(r"\*\*Exercise ([\d.]+)", cell.source) or [None, number])[1]
        if cell.cell_type == "code":
            test = "kit" in cell.metadata.tags
            if not test and not SOLUTION.search(cell.source):
                raise PageError(f"exercise {number} has no ### BEGIN SOLUTION with its ### END SOLUTION.")
            cell.metadata["nbgrader"] = {
                "schema_version": 3, "grade_id": f"{'check' if test else 'exercise'}-{number.replace('.', '-')}",
                "grade": test, "solution": not test, "locked": test, "task": False, **({"points": 1} if test else {}),
            }  # fmt: skip
            if edition == "exercises":
                cell.source = SOLUTION.sub(rf"\1{STUB}", cell.source)
        kept.append(cell)
    return kept


def editions(page: Path, track: str) -> str:
    """A sentence with links to the editions of a lesson; its exercises are counted."""
    count = len(re.findall(r"^\*\*Exercise ", page.read_text(), re.M))
    if not count:
        return ""
    return (
        f"The same lesson [with {count} exercises](exercises/{page.stem}_exercises.ipynb) lets you try each step before you read on; "
        f"there is one [with the solutions](solutions/{page.stem}_solutions.ipynb), too."
    )


EDITION_NOTES = {
    "exercises": "This is the edition with exercises. Each stops the notebook until it is solved: fill in the cell under the "
    "exercise, run it, and run the cell below it, which checks your answer.",
    "solutions": "This is the edition with the solutions of its exercises.",
}


def check(cell, page: Path) -> None:
    """Raise ``PageError`` if a cell's tags are not what the head of this module says."""
    tags, first = set(cell.metadata.get("tags", [])), cell.source.partition("\n")[0]
    if unknown := tags - TAGS:
        raise PageError(f"{page.name}: unknown tag {min(unknown)!r} on the cell that starts with {first!r}.")
    if tags >= set(TRACKS):
        raise PageError(f"{page.name}: the cell that starts with {first!r} has the tags of all tracks; it needs none.")
    if cell.cell_type == "code" and first.startswith("# kit: ") != ("kit" in tags):
        raise PageError(f"{page.name}: a kit cell has the tag kit and starts with '# kit: '; this has one: {first!r}.")


def build(page: Path, variant: Variant, keys: bool = False) -> nbformat.NotebookNode:
    """The notebook that ``page`` makes, without outputs. Raises ``PageError`` for a page that cannot be built.

    With ``keys`` the metadata of a text cell holds its sentences between ``{{key}}`` and ``{{/key}}``, for slides.
    """
    from helpers.packages import BARE_PACKAGES

    track = variant.track
    notebook = jupytext.read(page)
    notebook.cells = list(with_parts(notebook.cells, page))
    for cell in notebook.cells:
        check(cell, page)
    headings = re.findall(r"^## (.+)$", "\n".join(cell.source for cell in notebook.cells), re.M)
    if unknown := [part for part in facts(page)["parts"] if part not in headings]:
        raise PageError(f"{page.name}: its head names the part {unknown[0]}, and no heading does.")
    others = {name for name in TRACKS if name != track}
    notebook, _ = TagRemovePreprocessor(remove_cell_tags=others).preprocess(notebook, {})
    notebook.cells = for_edition(notebook.cells, variant.edition)
    words = {
        "lesson": page.stem, "track": track, "framework": environments.NAMES[track], "bare_packages": " ".join(BARE_PACKAGES),
        "parts": parts_table(page, variant),
        "values": facts(page).get("values", {}).get(track, ""), "glossary": glossary(notebook.cells),
        "editions": EDITION_NOTES.get(variant.edition) or editions(page, track),
        **links(target(page, variant).relative_to(HERE.parent).as_posix()),
    }  # fmt: skip

    def word(match):
        if match[1] not in words:
            raise PageError(f"{page.name}: nothing is known for {match[0]}; the names are {', '.join(words)}.")
        return words[match[1]]

    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02}"
        text = TERM.sub(r"*\1*", cell.source)
        found = KEY.findall(text)
        cell.source = with_picture(re.sub(r"\{\{(\w+)\}\}", word, KEY.sub(r"\1", text)))
        if left := re.search(r"\{\{ *[a-z]+[ a-z]*\}\}", cell.source):
            raise PageError(f"{page.name}: {left[0]} is left over; an include needs a cell of its own, a cell one way.")
        if variant.edition != "lesson":  # a link to another lesson stays within the edition
            cell.source = re.sub(r"\]\((\d\d_\w+)\.ipynb", rf"](\1_{variant.edition}.ipynb", cell.source)
        tags = [tag for tag in cell.metadata.get("tags", []) if tag not in TRACKS]
        graded = {"nbgrader": cell.metadata["nbgrader"]} if "nbgrader" in cell.metadata else {}
        cell.metadata = ({"tags": tags} if tags else {}) | graded | ({"keys": found} if keys and found else {})
    notebook.metadata = {
        "kernelspec": {
            "display_name": environments.NAMES[track],
            "language": "python",
            "name": environments.kernel(track),
        },
        "language_info": {"name": "python"},
    }
    return notebook


def heading(cell) -> str | None:
    """The name of the part that starts with this cell."""
    found = re.match("## (.+)", cell.source) if cell.cell_type == "markdown" else None
    return found and found[1]


def script(page: Path, variant: Variant) -> str:
    """The lesson cells of a page as one Python file, formatted: what runs without this kit.

    Each cell starts with ``# %%``, as Jupytext and editors know it, and its tags. What a notebook shows by itself is printed.
    """
    head = f"{facts(page)['title']} with {environments.NAMES[variant.track]}: the plain code of the lesson, without its kit."
    blocks = [f'"""{head}"""']
    for cell in build(page, variant).cells:
        tags = [tag for tag in cell.metadata.get("tags", []) if tag in ("recipe", "values")]
        if part := heading(cell):
            blocks.append(f"# %% [markdown]\n# ## {part}")
        elif cell.cell_type == "code" and "kit" not in cell.metadata.get("tags", []):
            marker = "# %%" + (f" tags={json.dumps(tags)}" if tags else "")
            blocks.append(f"{marker}\n{_printing(cell.source)}")
    ruff = [sys.executable, "-m", "ruff", "format", "--stdin-filename", "lesson.py", "-"]
    text = "\n\n".join(blocks) + "\n"
    return subprocess.run(ruff, input=text, capture_output=True, text=True, check=True, cwd=HERE.parent).stdout


def _printing(source: str) -> str:
    """The code with a bare expression at its end printed, as a notebook shows it; calls that return nothing of use stay."""
    try:
        last = ast.parse(source).body[-1] if source.strip() else None
    except SyntaxError as error:
        raise PageError(f"a lesson cell is no plain Python, {error.msg}: {source.partition(chr(10))[0]!r}") from None
    if not isinstance(last, ast.Expr):
        return source
    silent = {"print", "display", "set_seed", "train", "compile", "save_model", "save_pretrained"}
    if isinstance(last.value, ast.Call):
        called = last.value.func
        if (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) in silent:
            return source
    lines = source.split("\n")
    return "\n".join([*lines[: last.lineno - 1], f"print({ast.unparse(last.value)})"])


def execute(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Run the notebook in ``folder`` and keep its outputs, cleaned of what changes at every run."""
    resources = {"metadata": {"path": str(folder)}}
    with tqdm(total=len(notebook.cells), unit="cell", mininterval=5) as bar:
        NotebookClient(
            notebook,
            timeout=None,
            resources=resources,
            config=by_file(folder),
            on_cell_complete=lambda **_: bar.update(),
        ).execute()
    clean(notebook, folder)


def clean(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Remove progress bars, machine paths and timings from the outputs; every picture must have alternative text."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}  # without the version that executed it
    CoalesceStreamsPreprocessor().preprocess(notebook, {})
    paths = {str(folder): ".", str(environments.FOLDER): ".venv", str(Path.home()): "~"}
    paths.pop(os.sep, None)  # the home of some system users
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        kept = []
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                output.text = _without_progress(output.text)
                if output.name == "stderr" or not output.text.strip():
                    continue
            data = output.get("data", {})
            if data.pop("application/vnd.jupyter.widget-view+json", None) and not {"image/png", "text/html"} & set(
                data
            ):
                continue  # a progress bar
            if "text/html" in data:
                # The Trainer's table of results, without its bar and clock.
                data["text/html"] = re.sub(
                    r"<progress.*?</progress>|\[\d+/\d+ [^\]]*\]", "", data["text/html"], flags=re.S
                )
                if not data["text/html"].strip():
                    continue
            data |= {
                kind: masked(_without_paths(_without_times(text), paths))
                for kind, text in data.items()
                if kind.startswith("text/")
            }
            if "text" in output:
                output.text = masked(_without_paths(output.text, paths))
            if data.get("text/html", "").startswith("<img"):
                del data["text/html"]  # the same picture, for JupyterLab; GitHub would not show it
            if "image/png" in data and not output.metadata.get("image/png", {}).get("alt"):
                raise SystemExit(f"The picture of {cell.id} has no alternative text; draw it with helpers/pictures.py.")
            if "image/png" in data:
                data["image/png"] = fewer_colours(data["image/png"])
            kept.append(output)
        if "outputs" in cell:
            cell.outputs = kept


def fewer_colours(picture: str) -> str:
    """A PNG picture (base64) with 64 colours: a third of the size, and no difference to see in a plot."""
    image = Image.open(io.BytesIO(base64.b64decode(picture)))
    if image.mode == "P":
        return picture
    smaller = io.BytesIO()
    image.convert("RGB").quantize(64, dither=Image.Dither.NONE).save(smaller, format="png", optimize=True)
    return base64.b64encode(smaller.getvalue()).decode()


def _without_progress(text: str) -> str:
    """What stays of printed progress: the last state of each line, without its bar and times."""
    text = re.sub(r"\x08+", "\r", text)
    text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    text = re.sub(r"\d+/\d+ \[[=>.]+\] - ETA: [\d:hms]+(?=\d+/\d+ )", "", text)
    text = re.sub(r"\[[=>.]+\] - (?:ETA: )?[\d:hms]+(?: \d+m?s/(?:step|epoch))? *(?:- |$)", "", text, flags=re.M)
    return re.sub(r"^ *\d+/\d+ *(\n|\Z)", "", text, flags=re.M)


def _without_times(text: str) -> str:
    """What a ``TrainOutput`` says, without the times: those of the machine that built the notebook, and of what else it did."""
    return re.sub(r"'train_(runtime|\w+_per_second)': [\d.e-]+, ", "", text)


SLURS = re.compile(r"\b(whore|slut|nigg|fag|retard|bitch|cunt|kike|trann|dyke)\w*", re.I)


def masked(text: str) -> str:
    """The text with slurs masked but for their first letter: reviews are shown as written, but a class need not read those."""
    return SLURS.sub(lambda found: found[0][0] + "*" * (len(found[0]) - 1), text)


def _without_paths(text: str, paths: dict[str, str]) -> str:
    for path, short in paths.items():
        text = text.replace(path, short)
    return text


def keep_outputs(notebook: nbformat.NotebookNode, old: nbformat.NotebookNode) -> None:
    """Carry the outputs of ``old`` over to the cells that did not change, counted anew."""
    known = {cell.source: cell.outputs for cell in old.cells if cell.cell_type == "code"}
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(cells, 1):
        cell.outputs = copy.deepcopy(known.get(cell.source, []))
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = number
        cell.execution_count = number if cell.source in known else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--no-execute", action="store_true", help="keep the outputs that are there")
    parser.add_argument("--only", choices=[page.stem for page in pages()], help="this page alone")
    parser.add_argument(
        "--folder", type=Path, help="run them there, with the model of lesson 01 that is there; for one track"
    )
    parser.add_argument("--scripts", action="store_true", help="write the scripts alone")
    arguments = parser.parse_args()
    forget_login()
    environments.find_kernels()
    os.environ |= {"TUTORIAL_PROFILE": "quick", "TUTORIAL_DEVICE": "cpu"}
    try:
        for page in pages():
            for variant in VARIANTS:
                write(script_target(page, variant), script(page, variant))
        for track in [] if arguments.scripts else environments.tracks():
            # One folder for all lessons of a track: a later one opens the model of an earlier one.
            with tempfile.TemporaryDirectory() as folder:
                os.environ.pop("TUTORIAL_OUTPUT", None)
                for page in pages():
                    if arguments.only in (None, page.stem):
                        make(page, track, None if arguments.no_execute else arguments.folder or Path(folder))
        readme = HERE.parent / "README.md"
        write(readme, with_lessons(readme.read_text()))
        import plan  # which needs this module

        write(plan.PAGE, plan.with_plans(plan.PAGE.read_text()))
    except PageError as error:
        sys.exit(str(error))


def make(page: Path, track: str, folder: Path | None) -> None:
    """Write the three editions of ``page``: executed in ``folder``, or with the outputs that are there."""
    solutions = build(page, Variant(track, "solutions"))
    kept = target(page, Variant(track, "solutions"))
    if folder is not None:
        execute(solutions, folder)
    elif kept.exists():
        keep_outputs(solutions, nbformat.read(kept, as_version=4))
    for edition in EDITIONS:
        variant = Variant(track, edition)
        notebook = solutions if edition == "solutions" else build(page, variant)
        if edition == "lesson":
            keep_outputs(notebook, solutions)
        path = target(page, variant)
        write(path, nbformat.writes(notebook) + "\n")
        print(f"{path.relative_to(HERE.parent)}: {path.stat().st_size // 1024} KB")


def write(path: Path, text: str) -> None:
    """Write ``text``, under a temporary name first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text)
    temporary.replace(path)


if __name__ == "__main__":
    main()
