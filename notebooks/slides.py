"""Make the slides of the lessons, in ``runs/slides``: ``make slides``. They need no network once they are made.

A slide holds the sentences of one text cell that stand between ``{{key}}`` and ``{{/key}}``, or the pictures of one code cell with
the tag ``slide``; each part of a lesson starts with a slide of its own. The pictures are those of the committed notebook.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import nbformat
from nbconvert import SlidesExporter
from traitlets.config import Config

import build
from helpers import environments, pictures
from helpers.errors import TutorialError

FOLDER = build.HERE.parent / "runs" / "slides"
TEMPLATES = build.HERE / "labconfig"
WIDTH, HEIGHT = 1280, 720
# reveal.js 5.2.0, as this package carries it; nothing of the package is installed or run.
REVEAL_PACKAGE = "sphinx-revealjs==3.2.1"
REVEAL_FOLDER = "sphinx_revealjs/_static/revealjs/"
REVEAL_FILES = ("LICENSE", "dist/reveal.css", "dist/reveal.js", "plugin/notes/notes.js")
REVEAL_SHA256 = {
    "dist/reveal.js": "46538b52db48724192f59bf46f5e851a18e302777c46f4a34c32709d010d6a29",
    "plugin/notes/notes.js": "df1201d19d03241a2897d39c3d38768177df1cbd4bde06327b321cb83461ae89",
}


def deck(page: Path, track: str) -> nbformat.NotebookNode:
    """The slides of a lesson as a notebook of text cells, one a slide."""
    variant = build.Variant(track)
    facts = build.facts(page)
    stored = nbformat.read(build.target(page, variant), as_version=4)
    outputs = {cell.source: cell.outputs for cell in stored.cells if cell.cell_type == "code"}
    slides = [f"# {facts['title']}\n\n{facts['about']}\n\n{environments.NAMES[track]}"]
    part = ""
    for cell in build.build(page, variant, keys=True).cells:
        drawing = _drawing(cell)
        if title := build.heading(cell):
            part = title
            if part in facts["parts"]:
                slides.append(f"## {part}\n\n{facts['parts'][part]}\n\n{drawing}")
        elif drawing:
            slides.append(f"### {part or facts['title']}\n\n{drawing}")
        for number, picture in enumerate(_pictures(cell, outputs)):
            slides.append(f"### {part}{' (continued)' if number else ''}\n\n{picture}")
        if keys := cell.metadata.get("keys"):
            slides.append("\n\n".join([f"### {part}", *(" ".join(key.split()) for key in keys)]))
    found = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(slide) for slide in slides])
    for cell in found.cells:
        cell.metadata["slideshow"] = {"slide_type": "slide"}
    found.metadata["title"] = f"{facts['title']}, {environments.NAMES[track]}"
    return found


def _drawing(cell) -> str:
    """The picture that stands in a text cell, with its data."""
    found = re.search(r"!\[.*?\]\[\w+\]", cell.source) if cell.cell_type == "markdown" else None
    if not found:
        return ""
    return found[0] + cell.source[cell.source.rindex("\n\n[") :]


def _pictures(cell, outputs: dict) -> list[str]:
    if "slide" not in cell.metadata.get("tags", []):
        return []
    shown = [output for output in outputs.get(cell.source, []) if "image/png" in output.get("data", {})]
    return [pictures.as_html(one.data["image/png"].replace("\n", ""), **one.metadata["image/png"]) for one in shown]


def reveal(folder: Path) -> None:
    """Put reveal.js into ``folder``, from its package, once. Raises ``TutorialError`` where it cannot be had."""
    target = folder / "reveal.js"
    if target.exists():
        return
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
            "-d",
            temporary,
            REVEAL_PACKAGE,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise TutorialError(
                f"{REVEAL_PACKAGE}, which carries reveal.js, cannot be downloaded; make the slides once where there is a network."
            )
        made = Path(temporary) / "reveal.js"
        with zipfile.ZipFile(next(Path(temporary).glob("*.whl"))) as wheel:
            for name in REVEAL_FILES:
                (made / name).parent.mkdir(parents=True, exist_ok=True)
                (made / name).write_bytes(wheel.read(REVEAL_FOLDER + name))
        (made / "dist" / "theme").mkdir()
        (made / "dist" / "theme" / "none.css").write_text(
            "/* The look is the template's; reveal.js' own themes load fonts. */\n"
        )
        for name, known in REVEAL_SHA256.items():
            if hashlib.sha256((made / name).read_bytes()).hexdigest() != known:
                raise TutorialError(f"{name} is not the file that {REVEAL_PACKAGE} carries; nothing was written.")
        shutil.move(made, target)


def page_of(notebook: nbformat.NotebookNode) -> str:
    """The slides as HTML that loads nothing but reveal.js beside it."""
    config = Config(
        {"SlidesExporter": {"reveal_url_prefix": "reveal.js", "reveal_theme": "none", "exclude_input_prompt": True}}
    )
    exporter = SlidesExporter(config=config, extra_template_basedirs=[str(TEMPLATES)], template_name="slides")
    return exporter.from_notebook_node(notebook, {"metadata": {"name": notebook.metadata["title"]}})[0]


def main() -> None:
    try:
        FOLDER.mkdir(parents=True, exist_ok=True)
        reveal(FOLDER)
        for track in environments.tracks():
            for page in build.pages():
                path = FOLDER / f"{page.stem}_{track}.html"
                notebook = deck(page, track)
                build.write(path, page_of(notebook))
                print(f"{path.relative_to(build.HERE.parent)}: {len(notebook.cells)} slides")
    except (TutorialError, build.PageError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
