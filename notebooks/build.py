"""Make the notebooks of both tracks from the pages in ``notebooks/source``.

``python notebooks/build.py`` builds and executes them, so that what is committed shows real outputs;
``--no-execute`` keeps the outputs that are there.
"""

import argparse
import base64
import datetime
import io
import json
import os
import re
import tempfile
import tomllib
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbconvert.preprocessors import CoalesceStreamsPreprocessor, TagRemovePreprocessor
from PIL import Image
from tqdm import tqdm
from traitlets.config import Config

from helpers import environments

HERE = Path(__file__).parent
SOURCE = HERE / "source"
TRACKS = tuple(environments.NAMES)
NO_HELPERS = (
    "The kit's own helpers must be importable: start JupyterLab with `make lab`, and rename a file or folder "
    "of yours that is called helpers."
)


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


def speed(track: str) -> dict[str, str]:
    """What the last benchmark found: how many times as fast each switch makes a step of training, and all of them together."""
    results = HERE.parent / "benchmarks" / "results"
    levers, latest = (json.loads((results / name).read_text()) for name in ("levers.json", "latest.json"))
    names = ("tokens", "no dropout", "frozen", "like length", "bf16", "oneDNN")
    times = {name: levers[track].get(name, {}).get("within") for name in names}
    machine = levers["machine"]
    return {
        "speedup": f"{latest[track]['steady_speedup']:.0f}",
        "bench_machine": f"{machine['cores']} cores of an {machine['processor'].removesuffix(' Processor')}",
        "bench_date": datetime.date.fromisoformat(machine["date"]).strftime("%B %Y"),
        **{
            f"times_{name.replace(' ', '_')}": f"{value:.2f}" if value else "not measured"
            for name, value in times.items()
        },
    }


def forget_login() -> None:
    """Keep what is started from here from sharing: no token of the Hub, whoever is logged in."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        os.environ.pop(name, None)
    os.environ["HF_TOKEN_PATH"] = os.devnull


def pages() -> list[Path]:
    return sorted(SOURCE.glob("*.md"))


def target(page: Path, track: str) -> Path:
    return HERE / track / f"{page.stem}.ipynb"


def with_parts(cells):
    """The cells, with ``{{include NAME}}`` replaced by the cells of ``source/parts/NAME.md``, which lessons share."""
    for cell in cells:
        if include := re.fullmatch(r"\{\{include (\w+)\}\}", cell.source):
            yield from jupytext.read(SOURCE / "parts" / f"{include[1]}.md").cells
        else:
            yield cell


def with_way(source: str) -> str:
    """A text cell with ``{{way PART}}`` replaced by the picture with that part lit; its data stands at the cell's end."""
    found = re.search(r"\{\{way (\w+)\}\}", source)
    if not found:
        return source
    part = found[1]
    alt = f"The way of a review: load, preprocess, train, inference; then evaluate and share. You are at: {part}."
    data = base64.b64encode((SOURCE / "way" / f"{part}.png").read_bytes()).decode()
    return f"{source.replace(found[0], f'![{alt}][way]')}\n\n[way]: data:image/png;base64,{data}"


def build(page: Path, track: str) -> nbformat.NotebookNode:
    """The notebook that ``page`` makes for ``track``, without outputs."""
    from helpers.embedded import MODEL_PACKAGE

    notebook = jupytext.read(page)
    notebook.cells = list(with_parts(notebook.cells))
    others = {name for name in TRACKS if name != track}
    notebook, _ = TagRemovePreprocessor(remove_cell_tags=others).preprocess(notebook, {})
    path = target(page, track).relative_to(HERE.parent).as_posix()
    words = {"track": track, "model_package": MODEL_PACKAGE, "no_helpers": NO_HELPERS, **links(path), **speed(track)}
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02}"
        cell.source = re.sub(r"\{\{(\w+)\}\}", lambda match: words[match[1]], cell.source)
        cell.source = with_way(cell.source)
        tags = [tag for tag in cell.metadata.get("tags", []) if tag not in TRACKS]
        cell.metadata = {"tags": tags} if tags else {}
    notebook.metadata = {
        "kernelspec": {
            "display_name": environments.NAMES[track],
            "language": "python",
            "name": environments.kernel(track),
        },
        "language_info": {"name": "python"},
    }
    return notebook


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
    CoalesceStreamsPreprocessor().preprocess(notebook, {})
    paths = {str(folder): ".", str(environments.FOLDER): ".venv", str(Path.home()): "~"}
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
            data |= {kind: _without_paths(text, paths) for kind, text in data.items() if kind.startswith("text/")}
            if "text" in output:
                output.text = _without_paths(output.text, paths)
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
    text = re.sub(r"\[[=>.]+\] - (?:ETA: )?[\d:hms]+(?: \d+m?s/(?:step|epoch))?(?: - |$)", "", text, flags=re.M)
    return re.sub(r"^\d+/\d+ *\n", "", text, flags=re.M)


def _without_paths(text: str, paths: dict[str, str]) -> str:
    for path, short in paths.items():
        text = text.replace(path, short)
    return text


def keep_outputs(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Carry the outputs of the notebook at ``path`` over to the cells that did not change."""
    if not path.exists():
        return
    old = {cell.source: cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"}
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.source in old:
            cell.outputs = old[cell.source].outputs
            cell.execution_count = old[cell.source].execution_count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--no-execute", action="store_true", help="keep the outputs that are there")
    arguments = parser.parse_args()
    forget_login()
    environments.find_kernels()
    os.environ |= {"TUTORIAL_PROFILE": "quick", "TUTORIAL_ASSETS": "embedded", "TUTORIAL_DEVICE": "cpu"}
    for track in environments.tracks():
        # One folder for all lessons of a track: a later one opens the model of an earlier one.
        with tempfile.TemporaryDirectory() as folder:
            os.environ["TUTORIAL_OUTPUT"] = str(Path(folder) / "my_awesome_model")
            for page in pages():
                make(page, track, None if arguments.no_execute else Path(folder))


def make(page: Path, track: str, folder: Path | None) -> None:
    """Write the notebook of ``page`` for ``track``, executed in ``folder``, or with the outputs that are there."""
    notebook, path = build(page, track), target(page, track)
    if folder is None:
        keep_outputs(notebook, path)
        clean(notebook, HERE)
    else:
        execute(notebook, folder)
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_suffix(".tmp")
    nbformat.write(notebook, temporary)
    temporary.replace(path)
    print(f"{path.relative_to(HERE.parent)}: {path.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
