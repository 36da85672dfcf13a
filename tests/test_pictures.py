"""What is drawn: bars, ticks, positions, colours, labels, and the alternative text, each against figures counted by hand."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from sklearn.metrics import precision_recall_curve

from helpers import pictures

BLUE, ORANGE, GREY = (color.lower() for color in (pictures.BLUE, pictures.ORANGE, pictures.GREY))
NAMES = ["NEGATIVE", "POSITIVE"]


def alt(figure) -> str:
    """The alternative text, which all three forms of a figure carry."""
    data, metadata = figure._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG") and data["text/html"].startswith("<img alt=")
    assert data["text/plain"] == metadata["image/png"]["alt"]
    return data["text/plain"]


def ticks(axis) -> list[str]:
    return [label.get_text() for label in axis.get_ticklabels()]


def texts(axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def legend(axes) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]


def bars(container) -> list[tuple[float, float]]:
    """Where each upright bar stands, and how high it is."""
    return [(round(bar.get_x() + bar.get_width() / 2, 6), bar.get_height()) for bar in container]


def test_label_balance():
    labels = {"train": [0, 1, 1, 1], "validation": [1], "test": [0, 0, 1]}
    figure = pictures.label_balance(labels, {0: "spam", 1: "ham"})
    (axes,) = figure.axes
    train, validation, test = axes.containers
    assert [height for _, height in bars(train)] == [1, 3]
    assert [height for _, height in bars(validation)] == [0, 1]
    assert [height for _, height in bars(test)] == [2, 1]
    places = [[place for place, _ in bars(one)] for one in (train, validation, test)]
    assert places[0] < places[1] < places[2] and places[1] == pytest.approx(list(axes.get_xticks()), abs=1e-5)
    assert places[2][0] < places[0][1]  # the bars of a label stand together
    assert [to_hex(one[0].get_facecolor()) for one in (train, validation, test)] == [BLUE, ORANGE, GREY]
    assert legend(axes) == ["train", "validation", "test"] and ticks(axes.xaxis) == ["spam", "ham"]
    assert texts(axes) == ["1", "3", "0", "1", "2", "1"]
    assert alt(figure) == (
        "Bar chart of the number of reviews: train 1 spam, 3 ham; validation 0 spam, 1 ham; test 2 spam, 1 ham."
    )


def test_label_balance_writes_thousands_apart_and_has_room_above_the_bars():
    (axes,) = pictures.label_balance({"train": [0] * 1200}, {0: "a $ and a $", 1: "b"}).axes
    assert texts(axes)[0] == "1,200" and axes.get_ylim()[1] > 1300
    assert ticks(axes.xaxis)[0] == r"a \$ and a \$"


def test_review_lengths():
    lengths = [10] * 50 + [100] * 30 + [400] * 20
    figure = pictures.review_lengths(lengths, 100)
    (axes,) = figure.axes
    heights = [bar.get_height() for bar in axes.patches]
    assert len(heights) == 40 and sum(heights) == 100 and heights[0] == 50 and heights[-1] == 20
    (line,) = axes.lines
    assert list(line.get_xdata()) == [100, 100] and to_hex(line.get_color()) == ORANGE
    assert texts(axes) == [" cut at 100 tokens:\n 20% of the reviews are longer"]
    assert to_hex(axes.patches[0].get_facecolor()) == BLUE and axes.get_ylim()[1] > 60
    assert alt(figure) == (
        "Histogram of review lengths in tokens. The median is 55; 20% of the reviews are longer than 100 tokens, "
        "where they are cut."
    )


def test_the_longest_reviews_are_drawn_at_the_edge():
    (axes,) = pictures.review_lengths([10] * 99 + [10_000], 5).axes
    assert axes.patches[-1].get_x() + axes.patches[-1].get_width() < 200


def test_training_curve():
    figure = pictures.training_curve(20, {5: 0.7, 10: 0.4}, {8: 0.5, 16: 0.45}, {8: 0.7, 16: 0.8})
    left, right = figure.axes
    training, validation = left.lines
    (accuracy,) = right.lines
    assert (list(training.get_xdata()), list(training.get_ydata())) == ([5, 10], [0.7, 0.4])
    assert (list(validation.get_xdata()), list(validation.get_ydata())) == ([8, 16], [0.5, 0.45])
    assert (list(accuracy.get_xdata()), list(accuracy.get_ydata())) == ([8, 16], [0.7, 0.8])
    assert [to_hex(line.get_color()) for line in (training, validation, accuracy)] == [BLUE, BLUE, ORANGE]
    assert (training.get_linestyle(), validation.get_linestyle()) == ("-", "--")
    assert left.get_xlim() == (0, 20) and left.get_ylim()[0] == 0 and right.get_ylim()[0] == 0
    assert left.get_ylim()[1] == pytest.approx(0.77) and right.get_ylim()[1] >= 1
    assert (left.get_ylabel(), right.get_ylabel(), left.get_xlabel()) == ("loss", "accuracy", "step")
    assert texts(right) == ["0.800"] and right.texts[0].xy == (16, 0.8)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "training loss", "validation loss", "validation accuracy",
    ]  # fmt: skip
    assert left.get_title(loc="left") == "Training"
    assert alt(figure) == (
        "Line chart over 20 training steps; training loss from 0.70 to 0.40; validation loss from 0.50 to 0.45; "
        "validation accuracy 0.700 at step 8, 0.800 at step 16."
    )


def test_a_training_curve_makes_room_for_a_loss_that_grows():
    assert pictures.training_curve(9, {1: 2.0}, {2: 4.0}, {}).axes[0].get_ylim()[1] == pytest.approx(4.4)


def test_without_accuracies_there_is_no_axis_for_them():
    figure = pictures.training_curve(20, {5: 0.7, 10: 0.4}, {8: 0.5}, {})
    assert len(figure.axes) == 1 and "accuracy" not in alt(figure)


def test_confusion_of_many_labels_has_room_for_their_names():
    names = [f"quite a long name {number}" for number in range(5)]
    axes = pictures.confusion([0, 1, 2, 3, 4], [0, 1, 2, 3, 0], names).axes[0]
    assert [text.get_text() for text in axes.texts][:6] == ["1", "0", "0", "0", "0", "0"]
    assert {label.get_rotation() for label in axes.get_xticklabels()} == {30} and axes.figure.get_figheight() > 4
    assert not pictures.confusion(range(13), range(13), [str(number) for number in range(13)]).axes[0].texts


def test_precision_and_recall():
    curves = {
        "one": precision_recall_curve([1, 1, 0, 0], [0.9, 0.8, 0.7, 0.1]),
        "two": precision_recall_curve([1, 0], [0.2, 0.9]),
    }
    figure = pictures.precision_recall(curves, "$spam")
    (axes,) = figure.axes
    assert axes.get_title(loc="left") == "Finding '\\$spam'" and [line.get_label() for line in axes.get_lines()] == [
        "one",
        "two",
    ]
    assert list(axes.get_lines()[0].get_xdata()) == list(curves["one"][1])
    assert "one: where it finds 90%, precision is up to 1.00; two: where it finds 90%, precision is up to 0.50" in alt(
        figure
    )


def test_an_empty_training_curve_waits():
    figure = pictures.training_curve(1500, {}, {}, {})
    assert figure.axes[0].get_title(loc="left") == "Waiting for the first steps …" and not figure.legends
    assert alt(figure) == "Line chart over 1,500 training steps."


def test_compare():
    figure = pictures.compare({"baseline": (0.8, 0.7, 0.85), "model": (0.9, 0.88, 0.95)}, "Who is better")
    (axes,) = figure.axes
    for row, (line, color) in enumerate(zip(axes.containers, (GREY, BLUE), strict=True)):
        point, caps, (whisker,) = line
        assert to_hex(point.get_color()) == color and list(point.get_ydata()) == [row]
        (segment,) = whisker.get_segments()
        low, high = ((0.7, 0.85), (0.88, 0.95))[row]
        assert [tuple(end) for end in segment] == [pytest.approx((low, row)), pytest.approx((high, row))]
        assert len(caps) == 2 and list(point.get_xdata()) == [(0.8, 0.9)[row]]
    assert ticks(axes.yaxis) == ["baseline", "model"] and texts(axes) == ["0.800", "0.900"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first on top
    assert axes.get_title(loc="left") == "Who is better"
    assert alt(figure) == "Who is better: baseline 0.800 (0.700 to 0.850); model 0.900 (0.880 to 0.950)."


def test_compare_grows_with_its_rows():
    few, many = ({str(row): (0.5, 0.4, 0.6) for row in range(rows)} for rows in (2, 9))
    assert pictures.compare(few).get_figheight() < pictures.compare(many).get_figheight()


def test_confusion():
    labels, predictions = [0, 0, 0, 0, 1, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1, 0, 0, 0]
    figure = pictures.confusion(labels, predictions, NAMES)
    (axes,) = figure.axes
    assert axes.images[0].get_array().tolist() == [[3, 1], [3, 2]]
    written = {(round(text.get_position()[1]), round(text.get_position()[0])): text for text in axes.texts}
    assert {place: text.get_text() for place, text in written.items()} == {
        (0, 0): "3\n75% of the row", (0, 1): "1\n25% of the row", (1, 0): "3\n60% of the row", (1, 1): "2\n40% of the row",
    }  # fmt: skip
    assert ticks(axes.xaxis) == ticks(axes.yaxis) == NAMES
    assert axes.get_xlabel() == "what the model said" and axes.get_ylabel() == "what the writer meant"
    assert alt(figure) == (
        "Confusion matrix: 3 NEGATIVE texts were called NEGATIVE; 1 NEGATIVE texts were called POSITIVE; "
        "3 POSITIVE texts were called NEGATIVE; 2 POSITIVE texts were called POSITIVE."
    )


def test_confusion_is_readable_on_dark_and_light_fields_and_without_a_label():
    (axes,) = pictures.confusion([0] * 9 + [0], [0] * 9 + [1], NAMES).axes
    colors = {text.get_text().partition("\n")[0]: text.get_color() for text in axes.texts}
    assert colors["9"] == "white" and colors["1"] == "black"
    assert [text.get_text() for text in axes.texts][2:] == ["0\n0% of the row"] * 2


def test_reliability():
    before = pd.DataFrame({"confidence": [0.6, 0.9], "accuracy": [0.5, 0.8], "reviews": [10, 30]})
    after = pd.DataFrame({"confidence": [0.55, 0.7], "accuracy": [0.5, 0.75], "reviews": [20, 20]})
    figure = pictures.reliability({"before": before, "after": after})
    (axes,) = figure.axes
    perfect, one, other = axes.lines
    assert list(perfect.get_xdata()) == list(perfect.get_ydata()) == [0.5, 1] and to_hex(perfect.get_color()) == GREY
    assert (list(one.get_xdata()), list(one.get_ydata())) == ([0.6, 0.9], [0.5, 0.8])
    assert [to_hex(line.get_color()) for line in (one, other)] == [ORANGE, BLUE]
    dots = [collection.get_sizes().tolist() for collection in axes.collections]
    assert dots == [[15 + 50, 15 + 150], [115, 115]]
    assert legend(axes) == ["as often right as it is confident", "before", "after"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("confidence of the model", "share that is right")
    assert alt(figure) == (
        "Reliability diagram. before: 0.50 right at confidence 0.60, 0.80 right at confidence 0.90; "
        "after: 0.50 right at confidence 0.55, 0.75 right at confidence 0.70."
    )


def test_words():
    pushes = [("a", 0.1), ("dull", -2.0), ("film", 0.2), ("fine", 1.5)]
    figure = pictures.words(pushes, ("spam", "ham"), most=3)
    (axes,) = figure.axes
    # From bottom to top, so that the first word stands on top.
    assert [(bar.get_width(), to_hex(bar.get_facecolor())) for bar in axes.patches] == [
        (1.5, BLUE),
        (0.2, BLUE),
        (-2.0, ORANGE),
    ]
    assert ticks(axes.yaxis) == ["fine", "film", "dull"]
    assert axes.get_xlabel() == "push towards spam (left) or ham (right)"
    assert list(axes.lines[0].get_xdata()) == [0, 0]
    assert alt(figure) == (
        "Bar chart of the words that pushed most towards spam (below 0) or ham: dull -2.00, film +0.20, fine +1.50."
    )


def test_a_learners_own_style_changes_nothing_and_stays():
    import matplotlib.pyplot as plt

    with plt.rc_context({"font.size": 40, "axes.titlelocation": "right"}):
        figure = pictures.compare({"a": (0.5, 0.4, 0.6)}, "A title")
        assert figure.axes[0].get_title(loc="left") == "A title" and plt.rcParams["font.size"] == 40
    assert not plt.get_fignums()  # shown once, by the cell that returns it


@pytest.mark.parametrize(
    ("figure", "title", "across", "up"),
    [
        (lambda: pictures.label_balance({"train": [0, 1]}, {0: "a", 1: "b"}), "Reviews of each label", "", "reviews"),
        (
            lambda: pictures.review_lengths([5, 9], 7),
            "How long the reviews are",
            "tokens in a review (the longest 1% drawn at the right edge)",
            "reviews",
        ),
        (lambda: pictures.training_curve(9, {}, {}, {}), "Waiting for the first steps …", "step", "loss"),
        (lambda: pictures.training_curve(9, {1: 0.6}, {}, {}), "Training", "step", "loss"),
        (lambda: pictures.compare({"a": (0.5, 0.4, 0.6)}), "Baseline and transformer", "accuracy, with its 95% interval", ""),
        (
            lambda: pictures.confusion([0, 1], [0, 1], NAMES),
            "Right on the diagonal, wrong beside it",
            "what the model said",
            "what the writer meant",
        ),
        (
            lambda: pictures.reliability({"a": pd.DataFrame({"confidence": [0.6], "accuracy": [0.5], "reviews": [3]})}),
            "Is the confidence deserved?",
            "confidence of the model",
            "share that is right",
        ),
        (lambda: pictures.words([("a", 1.0)], NAMES), "Which words pushed", "push towards NEGATIVE (left) or POSITIVE (right)", ""),
        (lambda: pictures.attention([[1, 0]], ["head 1"], ["a", "b"], "a"), "What “a” takes from each token", "", ""),
    ],
)  # fmt: skip
def test_what_stands_at_the_axes(figure, title, across, up):
    axes = figure().axes[0]
    assert (axes.get_title(loc="left"), axes.get_xlabel(), axes.get_ylabel()) == (title, across, up)


def test_attention():
    shares = [[0.9, 0.1, 0.0], [0.05, 0.2, 0.75]]
    figure = pictures.attention(shares, ["head 1", "head 2"], ["the", "film", "$it"], "film")
    (axes,) = figure.axes
    (image,) = axes.images
    assert image.get_array().tolist() == shares and image.get_clim() == (0, 1)
    assert ticks(axes.xaxis) == ["the", "film", r"\$it"] and ticks(axes.yaxis) == ["head 1", "head 2"]
    written = {text.get_position(): (text.get_text(), text.get_color()) for text in axes.texts}
    assert written == {
        (0, 0): ("0.9", "white"), (1, 0): ("0.1", "black"), (1, 1): ("0.2", "black"), (2, 1): ("0.8", "white")
    }  # fmt: skip
    assert alt(figure) == (
        "Grid of the shares that film takes from each token. The largest: head 1 the 0.90; head 2 $it 0.75."
    )


def test_clouds():
    before = np.array([[0.0, 1], [0, -1], [0, 1], [0, -1]])
    after = np.array([[-1.0, 0], [-1, 0], [1, 0], [1, 0]])
    figure = pictures.clouds({"before": before, "after": after}, [0, 0, 1, 1], NAMES)
    assert [axes.get_title(loc="left") for axes in figure.axes[1:]] == ["before", "after"]
    negative, positive = figure.axes[2].collections
    assert negative.get_offsets().tolist() == [[-1, 0], [-1, 0]] and positive.get_offsets().tolist() == [[1, 0], [1, 0]]
    assert [to_hex(cloud.get_facecolor()[0]) for cloud in (negative, positive)] == [ORANGE, BLUE]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == NAMES
    assert alt(figure) == (
        "Two directions of the vectors of 4 reviews, by label. before: along the first direction the labels' middles lie 0.0 "
        "standard deviations apart; after: along the first direction the labels' middles lie 2.0 standard deviations apart."
    )
