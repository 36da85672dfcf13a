"""The panels' controls as a learner meets them: what each is called, what it offers, and what stands in for it."""

from types import SimpleNamespace

import datasets
import pandas as pd
import pytest

from helpers.panels import browse_panel, classify_panel, mistakes_panel, parts

NAMES = ("spam", "ham")


class Tokenizer:
    model_max_length = 3

    def __call__(self, review, truncation=True, return_offsets_mapping=True, verbose=True):
        raise AssertionError("nobody asked for tokens")


@pytest.fixture
def shown(monkeypatch):
    """What a panel displays: its static form, and the widget."""
    found = []
    monkeypatch.setattr(parts, "show", lambda panel, static: found.append((panel, static)))
    return found


def test_the_controls_of_the_browser():
    reviews = datasets.Dataset.from_dict({"text": ["a b", "a b c", "a b c d", ""], "label": [0, 1, 1, 0]})
    panel = browse_panel.build(reviews, dict(enumerate(NAMES)), Tokenizer(), [2, 3, 4, 0])
    title, search, label, length, asked, pager, page = panel.children
    assert title.value == parts.title("Browse the reviews").value
    assert (search.description, search.placeholder) == ("Search", "words that the review must contain")
    assert (label.description, label.options) == ("Label", ("any label", "spam", "ham"))
    offered = ("any length", "up to 3 tokens: read whole", "over 3 tokens: cut")
    assert (length.description, length.options) == ("Length", offered)
    assert (asked.description, asked.indent, asked.value) == ("Show tokens", False, False)
    place = pager.children[2]
    found = {}
    for choice in offered:
        length.value = choice
        found[choice] = place.value
    wanted = [parts.status(f"review 1 of {count}") for count in (4, 3, 1)]
    assert list(found.values()) == wanted
    assert page.value == parts.scrolling("<p><b>ham</b>, 4 tokens</p><p>a b c d</p>", "the review")
    search.value = "nothing"
    assert page.value == ""


def left_aligned(table: str) -> str:
    """The table with what every cell of it needs, because JupyterLab puts cells at the right."""
    return table.replace("<th>", "<th style='text-align:left'>").replace("<td>", "<td style='text-align:left'>")


def test_what_stands_in_for_the_browser(shown):
    texts = ["<b>", "a  b", "c", "d"]
    reviews = datasets.Dataset.from_dict({"text": texts, "label": [1, 0, 1, 0]})
    browse_panel.browse(reviews, dict(enumerate(NAMES)), Tokenizer(), [1200, 2, 1, 1])
    ((panel, static),) = shown
    assert static == left_aligned(
        "<table><tr><th>label</th><th>tokens</th><th>review</th></tr><tr><td>ham</td><td>1,200</td><td>&lt;b&gt;</td></tr>"
        "<tr><td>spam</td><td>2</td><td>a b</td></tr><tr><td>ham</td><td>1</td><td>c</td></tr></table>"
    )
    assert panel.children[1].description == "Search"


class Pipeline:
    """What transformers' pipeline has, and what it was asked."""

    def __init__(self):
        self.model = SimpleNamespace(config=SimpleNamespace(id2label={1: "ham", 0: "spam"}))
        self.tokenizer, self.asked = "a tokenizer", []

    def __call__(self, text, **options):
        self.asked.append((text, options))
        return [{"label": "ham", "score": 0.75}, {"label": "spam", "score": 0.25}]


def test_the_classifier_is_a_pipeline_and_its_words(shown):
    pipeline, asked = Pipeline(), []

    def word_pushes(model, tokenizer, text):
        asked.append((model, tokenizer, text))
        return [(0, 1, 1.0)]

    classify_panel.classify(pipeline, word_pushes, ["a review"], "an example")
    ((panel, static),) = shown
    assert pipeline.asked == [("an example", {"truncation": True, "top_k": None})]  # once, for panel and picture
    assert asked == [(pipeline.model, "a tokenizer", "an example")]
    assert panel.children[1].options[1] == ("a review", "a review") and panel.children[2].value == "an example"
    assert panel.children[4].value.endswith(parts.coloured("an example", [(0, 1, 1.0)], NAMES))
    assert static == panel.children[4].value and parts.bars({"spam": 0.25, "ham": 0.75}) in static
    classify_panel.classify(pipeline)
    assert len(shown[1][0].children) == 4 and shown[1][0].children[1].value == classify_panel.EXAMPLE
    assert "Pushed most" not in shown[1][0].children[3].value


def table(rows: int = 7) -> pd.DataFrame:
    confidences = [0.5 + number / 20 for number in range(rows)]
    return pd.DataFrame(
        {"text": [f"text {number}" for number in range(rows)], "label": 0, "prediction": 1, "confidence": confidences}
    )


def test_what_stands_in_for_the_mistakes(shown):
    mistakes_panel.mistakes(table(), NAMES, lambda text: [])
    ((panel, static),) = shown
    rows = "".join(
        f"<tr><td>spam</td><td>ham</td><td>{0.5 + number / 20:.3f}</td><td>text {number}</td></tr>"
        for number in (6, 5, 4, 3, 2)
    )
    head = "<tr><th>label</th><th>model</th><th>confidence</th><th>review</th></tr>"
    assert static == left_aligned(f"<table>{head}{rows}</table>")
    assert len(panel.children) == 5  # with the box that shows the words


def test_a_long_text_scrolls_by_keyboard():
    """A box that scrolls must take the focus, or nobody without a mouse reads its end (axe-core: scrollable-region-focusable)."""
    box = (
        "<div tabindex='0' role='region' aria-label='a &lt;b&gt;' style='max-height:400px;overflow:auto'><p>x</p></div>"
    )
    assert parts.scrolling("<p>x</p>", "a <b>") == box


def test_the_controls_of_the_mistakes():
    panel = mistakes_panel.build(table(1), NAMES, lambda text: [(0, 4, 1.0)])
    title, kind, asked, pager, page = panel.children
    assert title.value == parts.title("Page through the mistakes").value
    assert (kind.description, kind.options) == ("Which", ("all mistakes", "spam taken for ham", "ham taken for spam"))
    assert (asked.description, asked.indent) == ("Show the words that pushed", False)
    head = "<p>The label is <b>spam</b>. The model says <b>ham</b>, with confidence 0.500.</p>"
    assert page.value == parts.scrolling(f"{head}<p>text 0</p>", "the review")
    asked.value = True
    assert page.value == parts.scrolling(head + parts.coloured("text 0", [(0, 4, 1.0)], NAMES), "the review")
    kind.value = "ham taken for spam"
    assert page.value == "" and pager.children[2].value == parts.status("There is no such mistake.")


def test_mistakes_without_words_have_no_box_for_them():
    _title, _kind, pager, _page = mistakes_panel.build(table(1), NAMES).children
    assert pager.children[2].value == parts.status("mistake 1 of 1")


def test_words_that_cannot_be_worked_out_are_one_line():
    page = mistakes_panel.build(table(1), NAMES, lambda text: 1 / 0).children
    page[2].value = True
    assert page[4].value.endswith(parts.status("The words could not be worked out (ZeroDivisionError)."))
    assert page[4].value.startswith("<p>The label is <b>spam</b>.")


def test_the_controls_of_the_classifier():
    long = "a very long review, " * 20
    panel = classify_panel.build(lambda text: {"spam": 0.25, "ham": 0.75}, None, [long, "short"], "an example")
    title, pick, box, button, result = panel.children
    assert title.value == parts.title("Classify a review").value
    assert pick.description == "Pick" and pick.layout.width == "95%"
    assert [name for name, _ in pick.options] == ["your own text", parts.shortened(long, 60), "short"]
    assert (box.description, box.placeholder, box.value) == ("Review", "Type a review", "an example")
    assert (box.layout.width, box.layout.height) == ("95%", "90px")
    assert (button.description, button.button_style, button.tooltip) == (
        "Classify",
        "primary",
        "Classify the review above",
    )
    assert result.value == parts.status("ham, with probability 0.750") + parts.bars({"spam": 0.25, "ham": 0.75})
    pick.index = 2
    assert box.value == "short"
    pick.index = 0
    assert box.value == "an example"  # what was typed before comes back
    assert len(classify_panel.build(lambda text: {"a": 1.0}).children) == 4  # nothing to pick from
