"""Every architecture of the guide, on the lesson's path; see ``architectures.py``."""

import pytest
from architectures import GONE, NOT_HERE, PAGE, WANTS, page, rows

from helpers import environments
from helpers.architectures import GUIDE

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("architectures")]


@pytest.fixture(scope="session")
def found(tmp_path_factory):
    """What each track says of each architecture; TensorFlow opens what PyTorch saved."""
    if len(environments.tracks()) < 2:
        pytest.skip("needs both tracks")
    models = tmp_path_factory.mktemp("models")
    return {track: {row["key"]: row for row in rows(track, models)} for track in environments.NAMES}


@pytest.mark.parametrize("track", environments.NAMES)
@pytest.mark.parametrize("key", GUIDE)
def test_it_trains_saves_loads_and_answers(found, track, key):
    problem = found[track][key]["problem"]
    if key in NOT_HERE[track]:
        assert problem and problem != "gone"  # once it works, the table is out of date
    elif track == "pytorch":
        assert problem == ("gone" if key in GONE else "")
    else:
        assert problem in ("", "gone")


def test_tensorflow_has_32_of_them_and_gives_the_same_logits_as_pytorch(found):
    there = [row for row in found["tensorflow"].values() if row["problem"] != "gone"]
    assert len(there) == 32
    shared = [row for row in there if "across" in row]
    assert len(shared) >= 30
    assert {row["key"]: row["across_problem"] for row in shared if row["across_problem"] or row["across"] > 1e-5} == {}


def test_the_page_says_what_was_found(found):
    assert set(GONE) | set(WANTS) <= set(GUIDE)
    assert page({track: list(rows.values()) for track, rows in found.items()}) == PAGE.read_text(), (
        "run: python tests/architectures.py page"
    )
