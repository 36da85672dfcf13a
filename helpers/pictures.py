"""The figures of the lessons, in one look. Each function draws one, and returns its matplotlib ``Figure``.

A notebook shows it with alternative text that says what is in it. A screen reader speaks that.
"""

import base64
import html
import io
import time
from contextlib import contextmanager
from itertools import cycle

import numpy as np

# Okabe and Ito's palette, which colour-blind readers can tell apart (https://jfly.uni-koeln.de/color/).
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#6E6E6E"
STYLE = {
    # 770 pixels wide, as a notebook is; on a phone at half of that, the letters are still 10 pixels high.
    "figure.figsize": (6.4, 3),
    "figure.dpi": 120,
    "figure.facecolor": "white",  # a card that both themes of JupyterLab can hold
    "font.size": 12,
    "axes.titlesize": 13,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "savefig.bbox": "tight",
}


SHARPNESS = 2  # pixels of the picture for one on the page, for screens that have more


@contextmanager
def _canvas(height: float = STYLE["figure.figsize"][1]):
    """A figure, ``height`` inches high, and its axes, drawn in the style above, whatever the learner's own settings are."""
    import matplotlib.pyplot as plt

    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(layout="constrained", figsize=(STYLE["figure.figsize"][0], height))
        plt.close(figure)  # the notebook shows the figure that the cell returns, once
        yield figure, axes


def _described(figure, alt: str):
    """The figure, with its alternative text wherever it is shown.

    JupyterLab 4 gives a PNG output no alternative text, so an ``img`` of HTML goes with it; nbconvert reads the metadata.
    """

    def bundle(include=None, exclude=None):
        image = io.BytesIO()
        figure.savefig(image, format="png", bbox_inches="tight", dpi=SHARPNESS * figure.dpi)
        png = image.getvalue()
        width = int.from_bytes(png[16:20]) // SHARPNESS  # where a PNG file holds its width in pixels
        tag = as_html(base64.b64encode(png).decode(), alt, width)
        return {"text/html": tag, "image/png": png, "text/plain": alt}, {"image/png": {"alt": alt, "width": width}}

    figure._repr_mimebundle_ = bundle
    return figure


def as_html(png: str, alt: str, width: int) -> str:
    """A PNG picture (base64) as an ``img``, shown ``width`` pixels wide."""
    return f'<img alt="{html.escape(alt)}" width="{width}" src="data:image/png;base64,{png}">'


def _plain(text: object) -> str:
    """A text as matplotlib draws it letter for letter: a dollar sign would start a formula."""
    return str(text).replace("$", r"\$")


def label_balance(labels: dict[str, list[int]], names: dict[int, str]):
    """Bars: how many reviews of each label every split has. ``labels`` maps a split to its labels."""
    with _canvas() as (figure, axes):
        width = 0.8 / len(labels)
        for index, (split, values) in enumerate(labels.items()):
            counts = [values.count(label) for label in names]
            color = (BLUE, ORANGE, GREY, *["#009E73", "#CC79A7"])[index % 5]
            bars = axes.bar(np.arange(len(names)) + index * width, counts, width, label=_plain(split), color=color)
            axes.bar_label(bars, [f"{count:,}" for count in counts], padding=2, fontsize=10)
        axes.set_xticks(np.arange(len(names)) + width * (len(labels) - 1) / 2, map(_plain, names.values()))
        axes.set_ylabel("reviews")
        axes.set_title("Reviews of each label")
        axes.margins(y=0.15)
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
        counts = "; ".join(
            f"{split} " + ", ".join(f"{values.count(label):,} {name}" for label, name in names.items())
            for split, values in labels.items()
        )
        return _described(figure, f"Bar chart of the number of reviews: {counts}.")


def review_lengths(lengths: list[int], max_tokens: int):
    """A histogram of lengths in tokens, with the point marked where a review is cut."""
    with _canvas() as (figure, axes):
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
        return _described(
            figure,
            f"Histogram of review lengths in tokens. The median is {np.median(lengths):,.0f}; {cut:.0%} of the reviews are longer "
            f"than {max_tokens} tokens, where they are cut.",
        )


class TrainingCurve:
    """The losses over the steps and the accuracy of each evaluation, drawn again while training goes on.

    Shows an empty picture in the output of the cell that runs. Pictures are at least ``every`` seconds apart, so that drawing
    costs training little.
    """

    def __init__(self, total_steps: int, every: float = 10):
        from IPython.display import display

        self.total_steps, self.every, self.drawn = total_steps, every, time.monotonic()
        self.display = display(training_curve(total_steps, {}, {}, {}), display_id=True)

    def update(self, losses: dict, validation_losses: dict, accuracies: dict, last: bool = False) -> None:
        """Draw the three, see ``training_curve``; with ``last`` also if the picture before is younger than ``every`` seconds."""
        now = time.monotonic()
        if self.display and (last or now - self.drawn >= self.every):  # outside a notebook there is no display
            self.display.update(training_curve(self.total_steps, losses, validation_losses, accuracies))
            self.drawn = now


def training_curve(
    total_steps: int, losses: dict[int, float], validation_losses: dict[int, float], accuracies: dict[int, float]
):
    """Lines by step: the mean training loss since the point before, the validation loss, the validation accuracy (0 to 1)."""
    with _canvas() as (figure, axes):
        axes.plot(list(losses), list(losses.values()), color=BLUE, label="training loss")
        axes.plot(
            list(validation_losses), list(validation_losses.values()), color=BLUE, linestyle="--", marker="s",
            label="validation loss",
        )  # fmt: skip
        axes.set_xlabel("step")
        axes.set_ylabel("loss", color=BLUE)
        axes.set_xlim(0, total_steps)
        axes.set_ylim(0, 1.1 * max([0.7, *losses.values(), *validation_losses.values()]))
        axes.xaxis.get_major_locator().set_params(integer=True)
        drawn = [axes]
        if accuracies:
            right = axes.twinx()
            drawn.append(right)
            right.spines["right"].set_visible(True)
            steps, values = list(accuracies), list(accuracies.values())
            right.plot(steps, values, color=ORANGE, marker="o", clip_on=False, label="validation accuracy")
            right.annotate(
                f"{values[-1]:.3f}", (steps[-1], values[-1]), xytext=(-4, 8), textcoords="offset points", ha="right", color=ORANGE
            )  # fmt: skip
            right.set_ylabel("accuracy", color=ORANGE)
            right.set_ylim(0, 1.05)
        if losses or accuracies:
            handles = [line for one in drawn for line in one.get_lines() if len(line.get_xdata())]
            figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=10)
        axes.set_title("Training" if losses or accuracies else "Waiting for the first steps …")
        alt = f"Line chart over {total_steps:,} training steps"
        for name, values in (("training loss", losses), ("validation loss", validation_losses)):
            if values:
                first, *_, last = [*values.values(), *values.values()]
                alt += f"; {name} from {first:.2f} to {last:.2f}"
        if accuracies:
            alt += "; validation accuracy " + ", ".join(
                f"{value:.3f} at step {step:,}" for step, value in accuracies.items()
            )
        return _described(figure, alt + ".")


def compare(scores: dict[str, tuple[float, float, float]], title: str = "Baseline and transformer"):
    """Accuracies one above the other with their intervals: ``scores`` maps a name to (accuracy, low, high), each 0 to 1."""
    with _canvas(max(2.4, 1.2 + 0.5 * len(scores))) as (figure, axes):
        for row, (accuracy, low, high) in enumerate(scores.values()):
            color = GREY if row == 0 else BLUE  # what to compare with, and the others
            axes.errorbar(
                accuracy, row, xerr=[[accuracy - low], [high - accuracy]], fmt="o", color=color, capsize=5, markersize=8
            )
            axes.annotate(
                f"{accuracy:.3f}", (accuracy, row), xytext=(0, 8), textcoords="offset points", ha="center", color=color
            )
        axes.set_yticks(range(len(scores)), map(_plain, scores))
        axes.set_ylim(len(scores) - 0.4, -0.7)  # the first on top
        axes.locator_params(axis="x", nbins=6, steps=[1, 2, 5, 10])  # short labels, with two digits
        axes.grid(axis="x", alpha=0.3)  # to see which intervals overlap
        axes.set_xlabel("accuracy, with its 95% interval")
        axes.set_title(_plain(title))
        each = "; ".join(f"{name} {value:.3f} ({low:.3f} to {high:.3f})" for name, (value, low, high) in scores.items())
        return _described(figure, f"{title}: {each}.")


def confusion(labels, predictions, names: list[str]):
    """How many texts of each label (a row) were given which label (a column). Both are numbers, shape ``(n,)``."""
    from sklearn.metrics import confusion_matrix

    counts = confusion_matrix(labels, predictions, labels=range(len(names)))
    several = len(names) > 3
    with _canvas(max(STYLE["figure.figsize"][1], 0.5 * len(names) + 2)) as (figure, axes):
        darkest = max(1, counts.sum(axis=1).max())
        axes.imshow(counts, cmap="Blues", vmin=0, vmax=darkest, aspect="auto")
        for row, column in np.ndindex(*counts.shape) if len(names) <= 12 else ():  # else there is no room for numbers
            dark = counts[row, column] > 0.7 * darkest
            share = "" if several else f"\n{counts[row, column] / max(1, counts[row].sum()):.0%} of the row"
            axes.text(
                column, row, f"{counts[row, column]:,}{share}",
                ha="center", va="center", color="white" if dark else "black",
            )  # fmt: skip
        turned = {"rotation": 30, "ha": "right"} if several else {}
        axes.set_xticks(range(len(names)), map(_plain, names), **turned)
        axes.set_yticks(range(len(names)), map(_plain, names))
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("what the model said")
        axes.set_ylabel("what the writer meant")
        axes.set_title("Right on the diagonal, wrong beside it")
        cells = "; ".join(
            f"{counts[row, column]:,} {names[row]} texts were called {names[column]}"
            for row, column in np.ndindex(*counts.shape)
        )
        return _described(figure, f"Confusion matrix: {cells}.")


def reliability(tables: dict, title: str = "Is the confidence deserved?"):
    """Accuracy against confidence, a line for each name in ``tables``.

    A table is a pandas ``DataFrame`` with a row for each range of confidence: mean ``confidence``, ``accuracy`` (0 to 1), number
    of ``reviews``. A larger dot stands for more reviews. On the grey line the confidence is right.
    """
    with _canvas(4) as (figure, axes):
        axes.plot([0.5, 1], [0.5, 1], color=GREY, linestyle="--", label="as often right as it is confident")
        for (name, table), color, marker in zip(
            tables.items(), cycle((ORANGE, BLUE, GREY)), cycle("osD"), strict=False
        ):
            axes.plot(table["confidence"], table["accuracy"], color=color, label=name)
            size = 15 + 200 * table["reviews"] / table["reviews"].sum()
            axes.scatter(table["confidence"], table["accuracy"], size, color=color, marker=marker)
        axes.set_xlabel("confidence of the model")
        axes.set_ylabel("share that is right")
        axes.set_title(_plain(title))
        axes.legend(frameon=False, loc="upper left")
        lines = "; ".join(
            f"{name}: "
            + ", ".join(f"{row.accuracy:.2f} right at confidence {row.confidence:.2f}" for row in table.itertuples())
            for name, table in tables.items()
        )
        return _described(figure, f"Reliability diagram. {lines}.")


def precision_recall(curves: dict, label: str):
    """Precision against recall of ``label`` at every threshold; ``curves`` maps a name to sklearn's ``precision_recall_curve``."""
    with _canvas() as (figure, axes):
        said = []
        for (name, (precision, recall, _)), color, line in zip(
            curves.items(), cycle((ORANGE, BLUE, GREY)), cycle(("--", "-", ":"))
        ):
            axes.plot(recall, precision, line, color=color, label=_plain(name), drawstyle="steps-post")
            reached = precision[recall >= 0.9].max()
            said.append(f"{name}: where it finds 90%, precision is up to {reached:.2f}")
        axes.set_title(_plain(f"Finding {label!r}"))
        axes.set_xlabel("recall: share of them that is found")
        axes.set_ylabel("precision")
        axes.set_ylim(0, 1.03)
        axes.legend(frameon=False, loc="lower left")
    return _described(figure, f"Precision against recall of {label!r}. {'; '.join(said)}.")


def words(pushes: list[tuple[str, float]], names: tuple[str, str], most: int = 10):
    """Bars: the ``most`` words that pushed hardest, in the order of the text, towards ``names[0]`` (< 0) or ``names[1]``."""
    hardest = sorted(range(len(pushes)), key=lambda index: -abs(pushes[index][1]))[:most]
    shown = [pushes[index] for index in sorted(hardest, reverse=True)]
    with _canvas(1.4 + 0.3 * len(shown)) as (figure, axes):
        values = [value for _, value in shown]
        axes.barh(range(len(shown)), values, color=[BLUE if value > 0 else ORANGE for value in values])
        axes.axvline(0, color=GREY, linewidth=1)
        axes.set_yticks(range(len(shown)), [_plain(word) for word, _ in shown])
        axes.set_xlabel(f"push towards {_plain(names[0])} (left) or {_plain(names[1])} (right)")
        axes.set_title("Which words pushed")
        each = ", ".join(f"{word} {value:+.2f}" for word, value in reversed(shown))
        return _described(
            figure, f"Bar chart of the words that pushed most towards {names[0]} (below 0) or {names[1]}: {each}."
        )


def attention(shares, rows: list[str], columns: list[str], token: str):
    """A grid: how much ``token`` takes from each of ``columns`` (tokens) in each of ``rows`` (heads); each row adds up to 1."""
    with _canvas(1.2 + 0.28 * len(rows)) as (figure, axes):
        shares = np.asarray(shares)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axes.set_xticks(range(len(columns)), map(_plain, columns), rotation=60)
        axes.set_yticks(range(len(rows)), map(_plain, rows), fontsize=10)
        for row, column in np.argwhere(shares >= 0.1):
            color = "white" if shares[row, column] > 0.6 else "black"
            written = f"{shares[row, column]:.1f}"
            axes.text(column, row, written, ha="center", va="center", fontsize=9, color=color)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_title(f"What “{_plain(token)}” takes from each token")
        most = "; ".join(
            f"{name} {columns[row.argmax()]} {row.max():.2f}" for name, row in zip(rows, shares, strict=True)
        )
        return _described(figure, f"Grid of the shares that {token} takes from each token. The largest: {most}.")


def clouds(points: dict, labels, names: list[str]):
    """A cloud of points for each name in ``points``, side by side: arrays of shape ``(n, 2)``, coloured by ``labels`` (0 or 1)."""
    labels = np.asarray(labels)
    with _canvas() as (figure, axes):
        spec = axes.get_subplotspec().subgridspec(1, len(points))
        axes.axis("off")
        for place, (title, found) in enumerate(points.items()):
            one = figure.add_subplot(spec[place])
            for label, color, marker in ((0, ORANGE, "v"), (1, BLUE, "o")):
                one.scatter(
                    *found[labels == label].T, s=14, color=color, marker=marker, alpha=0.7, label=_plain(names[label])
                )
            one.set_title(_plain(title))
            one.set_xticks([])
            one.set_yticks([])
        figure.legend(
            *one.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False, markerscale=2
        )
        apart = "; ".join(
            f"{title}: along the first direction the labels' middles lie {_apart(found[:, 0], labels):.1f} standard deviations apart"
            for title, found in points.items()
        )
        return _described(figure, f"Two directions of the vectors of {len(labels)} reviews, by label. {apart}.")


def _apart(values, labels) -> float:
    """The distance of the two labels' means, in standard deviations of all values."""
    return abs(values[labels == 0].mean() - values[labels == 1].mean()) / max(values.std(), 1e-9)
