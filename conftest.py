"""How pytest runs here: the notebooks at the smoke profile, without a network, each in one process."""

import os
import tempfile

import pytest
import system

from helpers import environments

# Inherited by the kernels that nbval starts. What is already set stays: TUTORIAL_PROFILE=quick pytest works.
os.environ.setdefault("TUTORIAL_PROFILE", "smoke")
os.environ.setdefault("TUTORIAL_ASSETS", "embedded")
# Two workers with all cores each would be slower than one after the other.
for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(name, "1")
if "PYTEST_XDIST_WORKER" not in os.environ:
    scratch = tempfile.TemporaryDirectory(prefix="tutorial-tests-")
    os.environ["TUTORIAL_TEST_SCRATCH"] = scratch.name
    # No test sees the login of the person who runs it, so none can push with it.
    os.environ["HF_HOME"] = os.path.join(scratch.name, "hf")
    for name in ("HF_TOKEN", "HF_TOKEN_PATH", "HUGGING_FACE_HUB_TOKEN"):
        os.environ.pop(name, None)
os.environ["TUTORIAL_OUTPUT"] = os.path.join(
    os.environ["TUTORIAL_TEST_SCRATCH"], os.environ.get("PYTEST_XDIST_WORKER", "main"), "my_awesome_model"
)


# nbval and the tests start the kernels of both tracks by name.
environments.find_kernels()


def track_of(item) -> str | None:
    """The track that a test belongs to, by its notebook's folder or its parameters; ``None`` for the others."""
    values = item.callspec.params.values() if hasattr(item, "callspec") else item.path.parts
    return next((value for value in values if isinstance(value, str) and value in environments.NAMES), None)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(config, items):
    """Leave out tracks that are not installed; keep the notebooks of a track in one process: the later ones open a model of the first."""
    others = set(environments.NAMES) - set(environments.tracks())
    left_out = [item for item in items if track_of(item) in others]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
    for item in items:
        if item.path.suffix == ".ipynb":
            item.add_marker(pytest.mark.xdist_group(str(item.path.parent)))
            if item.path.name.startswith(system.PROCESSES):
                item.add_marker(pytest.mark.slow)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session):
    """Behind everything, how many tests were left out because the system lacks something."""
    result = yield
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    reports = reporter.stats.get("skipped", []) if reporter and "PYTEST_XDIST_WORKER" not in os.environ else []
    if line := system.summary([report.longrepr[2] for report in reports if isinstance(report.longrepr, tuple)]):
        reporter.write_line(line)
    return result


def pytest_addoption(parser):
    parser.addoption("--screenshots", help="keep the browser's pictures in this folder")
