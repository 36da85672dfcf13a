"""Write the lessons as web pages that need no Jupyter, to ``runs/html``: ``make html``.

A notebook that was run here is exported with its alternative texts by any tool, because its pictures are HTML too. The committed
ones hold PNG pictures alone, for GitHub, and nbconvert's template reads no alternative text of those; so here it is put in.
"""

import nbformat
from nbconvert import HTMLExporter

import build
from helpers import environments, pictures


def page(notebook: nbformat.NotebookNode) -> str:
    """The notebook as HTML; each picture has its alternative text."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                png = output.data["image/png"].replace("\n", "")
                output.data["text/html"] = pictures.as_html(png, **output.metadata["image/png"])
    return HTMLExporter().from_notebook_node(notebook)[0]


def main() -> None:
    folder = build.HERE.parent / "runs" / "html"
    for track in environments.tracks():
        for lesson in build.pages():
            notebook = nbformat.read(build.target(lesson, build.Variant(track)), as_version=4)
            path = folder / track / f"{lesson.stem}.html"
            build.write(path, page(notebook))
            print(path.relative_to(build.HERE.parent))


if __name__ == "__main__":
    main()
