"""The figures of the lessons, in one look. Each function draws one, and returns its matplotlib ``Figure``."""

import numpy as np

# Okabe and Ito's palette, which colour-blind readers can tell apart (https://jfly.uni-koeln.de/color/).
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#6E6E6E"
STYLE = {
    "figure.figsize": (7, 3),
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "savefig.bbox": "tight",
}


def _figure():
    import matplotlib.pyplot as plt

    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(layout="constrained")
    plt.close(figure)  # the notebook shows the figure that the cell returns, once
    return figure, axes


def label_balance(labels: dict[str, list[int]], names: dict[int, str]):
    """Bars: how many reviews of each label every split has. ``labels`` maps a split to its labels."""
    figure, axes = _figure()
    width = 0.8 / len(labels)
    for index, (split, values) in enumerate(labels.items()):
        counts = [values.count(label) for label in names]
        bars = axes.bar(np.arange(len(names)) + index * width, counts, width, label=split, color=(BLUE, ORANGE)[index])
        axes.bar_label(bars, [f"{count:,}" for count in counts], padding=2)
    axes.set_xticks(np.arange(len(names)) + width * (len(labels) - 1) / 2, names.values())
    axes.set_ylabel("reviews")
    axes.set_title("Reviews of each label")
    axes.margins(y=0.15)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def review_lengths(lengths: list[int], max_tokens: int):
    """A histogram of lengths in tokens, with the point marked where a review is cut."""
    figure, axes = _figure()
    longest = int(np.percentile(lengths, 99))
    axes.hist(np.clip(lengths, 0, longest), bins=40, color=BLUE)
    axes.set_ylim(top=axes.get_ylim()[1] * 1.3)  # room for the words
    cut = np.mean(np.asarray(lengths) > max_tokens)
    axes.axvline(max_tokens, color=ORANGE, linewidth=2)
    axes.text(
        max_tokens,
        axes.get_ylim()[1],
        f" cut at {max_tokens} tokens:\n {cut:.0%} of the reviews are longer",
        color=ORANGE,
        va="top",
    )
    axes.set_xlabel("tokens in a review (the longest 1% drawn at the right edge)")
    axes.set_ylabel("reviews")
    axes.set_title("How long the reviews are")
    return figure


def training_curve(steps: list[int], losses: list[float], evaluations: list[dict]):
    """The training loss over the steps, and the accuracy of each evaluation.

    ``evaluations`` holds a dictionary for each evaluation, with ``step`` and ``accuracy`` (0 to 1).
    """
    figure, axes = _figure()
    axes.plot(steps, losses, color=BLUE)
    axes.set_xlabel("step")
    axes.set_ylabel("loss", color=BLUE)
    axes.set_ylim(0, 1.1 * max([1e-3, *losses]))
    axes.xaxis.get_major_locator().set_params(integer=True)
    right = axes.twinx()
    right.spines["right"].set_visible(True)
    right.plot(
        [point["step"] for point in evaluations],
        [point["accuracy"] for point in evaluations],
        color=ORANGE,
        marker="o",
    )
    for point in evaluations:
        right.annotate(
            f"{point['accuracy']:.3f}",
            (point["step"], point["accuracy"]),
            xytext=(-6, -4),
            textcoords="offset points",
            ha="right",
            va="top",
            color=ORANGE,
        )
    right.set_ylabel("accuracy", color=ORANGE)
    right.set_ylim(0, 1)
    axes.set_title("Training loss and test accuracy")
    return figure


def compare(scores: dict[str, tuple[float, float, float]]):
    """Accuracies side by side with their intervals: ``scores`` maps a name to (accuracy, low, high), each 0 to 1."""
    figure, axes = _figure()
    for row, (accuracy, low, high) in enumerate(scores.values()):
        color = (GREY, BLUE)[row % 2]
        axes.errorbar(
            accuracy, row, xerr=[[accuracy - low], [high - accuracy]], fmt="o", color=color, capsize=5, markersize=8
        )
        axes.annotate(
            f"{accuracy:.3f}", (accuracy, row), xytext=(0, 9), textcoords="offset points", ha="center", color=color
        )
    axes.set_yticks(range(len(scores)), scores)
    axes.set_ylim(-0.6, len(scores) - 0.4)
    axes.set_xlabel("test accuracy, with its 95% interval")
    axes.set_title("Baseline and transformer")
    return figure


def probabilities(values: dict[str, float]):
    """Bars: the probability (0 to 1) of each label."""
    figure, axes = _figure()
    figure.set_figheight(1.8)
    bars = axes.barh(list(values), list(values.values()), color=[ORANGE, BLUE][: len(values)])
    axes.bar_label(bars, [f"{value:.3f}" for value in values.values()], padding=3)
    axes.set_xlim(0, 1.12)
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.set_xlabel("probability")
    return figure


def window_means(
    running: list[float], epoch_steps: int, every: int, first_step: int = 0
) -> tuple[list[int], list[float]]:
    """Turn Keras' running mean of the loss into means over windows of ``every`` steps.

    Keras starts its mean anew at each epoch of ``epoch_steps`` steps. ``first_step`` counts the steps before those in
    ``running``. Returns the last step of each window, counted from 1, and the mean of the window.
    """
    steps = first_step + np.arange(len(running))
    in_mean = steps - np.maximum(steps - steps % epoch_steps, first_step) + 1
    sums = np.asarray(running) * in_mean
    losses = np.where(in_mean > 1, np.diff(sums, prepend=0.0), sums)
    ends = range(every, len(losses) + 1, every)
    return [first_step + end for end in ends], [float(losses[end - every : end].mean()) for end in ends]
