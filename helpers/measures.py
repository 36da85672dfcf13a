"""How sure a figure is, and how honest a model's confidence is."""

import numpy as np


def interval(correct: int, total: int) -> tuple[float, float, float]:
    """An accuracy and its 95% interval by Wilson's method: ``(accuracy, low, high)``, each 0 to 1.

    Raises ``ValueError`` if ``total`` is 0 or ``correct`` is not between 0 and ``total``.
    """
    from scipy.stats import binomtest

    found = binomtest(int(correct), int(total)).proportion_ci(method="wilson")
    return correct / total, found.low, found.high


def calibration(confidence, correct, bins: int = 10):
    """How often a model is right where it is this sure.

    ``confidence`` holds the probability of the label that was chosen (shape ``(n,)``, 0.5 to 1 with two labels), ``correct``
    whether it was the right one. Returns a pandas ``DataFrame`` with a row for each of ``bins`` equal parts of 0.5 to 1 that
    has reviews: their mean ``confidence``, their ``accuracy``, and how many ``reviews`` they are.
    """
    import pandas as pd

    table = pd.DataFrame({"confidence": np.asarray(confidence, float), "correct": np.asarray(correct, float)})
    part = pd.cut(table["confidence"], np.linspace(0.5, 1, bins + 1), include_lowest=True)
    grouped = table.groupby(part, observed=True)
    rows = {
        "confidence": grouped["confidence"].mean(),
        "accuracy": grouped["correct"].mean(),
        "reviews": grouped.size(),
    }
    return pd.DataFrame(rows).reset_index(drop=True)


def expected_calibration_error(table) -> float:
    """The mean distance between confidence and accuracy over the rows of ``calibration``, each weighed by its reviews.

    0 is perfect. The formula is equation 3 of Guo et al., *On Calibration of Modern Neural Networks*, ICML 2017.
    """
    return float(np.average((table["confidence"] - table["accuracy"]).abs(), weights=table["reviews"]))
