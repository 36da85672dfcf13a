"""The share of predictions that are right, for ``evaluate.load(FOLDER)`` without a network."""

import datasets
import evaluate
from sklearn.metrics import accuracy_score


class Accuracy(evaluate.Metric):
    """Accuracy: correct predictions / all predictions, a number from 0 to 1."""

    def _info(self):
        return evaluate.MetricInfo(
            description="The share of predictions that equal the reference label.",
            citation="",
            inputs_description="predictions and references: lists of int of the same length.",
            features=datasets.Features({"predictions": datasets.Value("int32"), "references": datasets.Value("int32")}),
        )

    def _compute(self, predictions, references):
        return {"accuracy": float(accuracy_score(references, predictions))}
