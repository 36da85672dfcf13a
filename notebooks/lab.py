"""Open the lessons in JupyterLab, on a start page made for this machine: ``make lab``.

The page is ``index.ipynb`` beside this file, written anew at each start and not committed. ``--page-only`` starts nothing.
What else is given goes to ``jupyter lab``.
"""

import os
import sys
from pathlib import Path

import nbformat

import build
from helpers import environments, minutes

PAGE = build.HERE / "index.ipynb"
HIDDEN = ["*.py", "source", "images", "labconfig", "__pycache__", ".*", "*.tmp"]
TEXT = """# Text classification with Hugging Face

Lessons that run as they are: in order, from top to bottom. {choice}

{rows}

Click a time to open the lesson, or open its edition with exercises. Then choose **Run > Run All Cells**, or run cell by cell with Shift+Enter. The times are
for this machine ({cores} cores, {speed} the speed of the one where they were measured), without reading.

Lessons 02 and 03 go on with the model of lesson 01. Where there is none, they train one first, which takes as long as its training there.
Lessons 04 and 05 stand alone; `make own DATA=FILE` in a terminal runs lesson 04 on a file of yours. Does something not work? Run the cell below: it says what is missing on this machine, and what to do.
"""


CHOICE = """Take one track; both teach the same. PyTorch is what new models are published in. Take TensorFlow if your work is in Keras, and know that
Transformers 5 has no TensorFlow classes: that track stays on release 4.52.4 of May 2025, whose known holes let a hostile text
or checkpoint slow a program down. For a new project, take PyTorch, or KerasHub."""


def page(speed: float, tracks=build.TRACKS) -> nbformat.NotebookNode:
    """The start page for a machine with ``speed`` times the matrix rate of the one that was measured, and these tracks."""
    names = [environments.NAMES[track] for track in tracks]
    rows = [f"| lesson | what you do | {' | '.join(names)} |", "|---|---" + "|---" * len(tracks) + "|"]
    for path in build.pages():
        cells = []
        for track in tracks:
            seconds = minutes.seconds(path.stem, track)
            words = f"about {max(1, round(seconds / 60 / speed))} min" if seconds else "open"
            lesson, exercises = (
                build.target(path, build.Variant(track, edition)).relative_to(build.HERE).as_posix()
                for edition in ("lesson", "exercises")
            )
            cells.append(f"[{words}]({lesson}), [exercises]({exercises})")
        facts = build.facts(path)
        number = path.stem.partition("_")[0]
        rows.append(f"| **{number} {facts['title']}** | {facts['about']} | {' | '.join(cells)} |")
    times = "about" if 0.8 < speed < 1.25 else f"{speed:.1f} times"
    choice = CHOICE if len(tracks) > 1 else f"They use {names[0]}; `make lab` alone opens the other track too."
    text = TEXT.format(choice=choice, rows="\n".join(rows), cores=os.cpu_count(), speed=times)
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell(text, id="start"),
            nbformat.v4.new_code_cell("!{sys.executable} -m helpers doctor", id="doctor"),
        ]
    )
    notebook.metadata["kernelspec"] = {
        "display_name": names[0], "language": "python", "name": environments.kernel(tracks[0])
    }  # fmt: skip
    return notebook


def main() -> None:
    tracks = environments.tracks()
    if build.SOURCE.exists():  # in a bundle for learners the page is there, and its source is not
        print("Measuring this machine, a second or two …", flush=True)
        measured = minutes.read().get("machine", {}).get("gflops", minutes.gflops())
        temporary = PAGE.with_suffix(".tmp")
        nbformat.write(page(minutes.gflops() / measured, tracks), temporary)
        temporary.replace(PAGE)
    if "--page-only" not in sys.argv:
        command = ["jupyter", "lab", "--ip=127.0.0.1", f"--ServerApp.root_dir={build.HERE}"]
        # The kernels of the lessons and no others, so that nobody is asked to choose.
        environments.find_kernels()
        command += ["--KernelSpecManager.ensure_native_kernel=False"]
        command += [f"--KernelSpecManager.allowed_kernelspecs={environments.kernel(track)}" for track in tracks]
        # The file browser shows the lessons, and not what makes them; no message about Jupyter news covers a cell.
        command += [f"--ContentsManager.hide_globs={name}" for name in HIDDEN]
        paths = [str(build.HERE), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
        os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(paths)  # labconfig/page_config.json
        command += [f"--LabApp.default_url=/lab/tree/{PAGE.name}", *sys.argv[1:]]
        os.execv(Path(sys.executable).with_name("jupyter"), command)


if __name__ == "__main__":
    main()
