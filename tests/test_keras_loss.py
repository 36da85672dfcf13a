"""What the TensorFlow track alone has: the loss out of Keras' running mean. Run where TensorFlow is not imported."""

import ast

import numpy as np
import pytest
from hypothesis import given, strategies
from hypothesis import settings as rules

import build

SOURCE = build.HERE.parent / "helpers" / "tensorflow" / "training.py"


@pytest.fixture(scope="module")
def window_means():
    """The function, without the imports of its module."""
    (found,) = [node for node in ast.parse(SOURCE.read_text()).body if getattr(node, "name", "") == "window_means"]
    names = {"np": np}
    exec(ast.unparse(found), names)
    return names["window_means"]


@rules(deadline=None)
@given(
    losses=strategies.lists(strategies.floats(0, 10), min_size=6, max_size=6),
    shape=strategies.sampled_from([(6, 2), (3, 3), (2, 1)]),
)
def test_window_means_undo_the_running_mean(window_means, losses, shape):
    epoch_steps, every = shape
    running = [np.mean(losses[i - i % epoch_steps : i + 1]) for i in range(6)]
    means = window_means(running, epoch_steps, every)
    assert list(means) == list(range(every, 7, every))
    assert means == pytest.approx({step: np.mean(losses[step - every : step]) for step in means}, abs=1e-9)


def test_window_means_of_a_run_that_went_on_after_step_4(window_means):
    """Keras starts its mean where the run went on, in the middle of an epoch of 6 steps."""
    losses = [5.0, 3.0, 1.0, 2.0, 6.0, 4.0]  # of steps 5 to 10
    running = [5.0, 4.0, 1.0, 1.5, 3.0, 3.25]
    assert window_means(running, 6, 2, first_step=4) == pytest.approx({6: 4.0, 8: 1.5, 10: 5.0})
    assert list(window_means(running, 6, 1, first_step=4).values()) == pytest.approx(losses)
