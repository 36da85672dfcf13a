"""The panels: what they answer, that they keep answers, and that no text becomes live HTML."""

from types import SimpleNamespace

import datasets
import pandas as pd
import pytest
from hypothesis import given
from strange_texts import ANYTHING, MANY
from transformers import AutoTokenizer

from helpers import packages, panels
from helpers.panels import browse_panel, classify_panel, mistakes_panel, parts

PROBABILITIES = {"NEGATIVE": 0.25, "POSITIVE": 0.75}
NAMES = ("NEGATIVE", "POSITIVE")


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(packages.model_folder(), model_max_length=12, truncation_side="left")


class Pipeline:
    """A pipeline whose labels are not in the order of the alphabet."""

    model = SimpleNamespace(config=SimpleNamespace(id2label={0: "spam", 1: "ham"}))
    tokenizer = None

    def __call__(self, text, truncation, top_k):
        return [{"label": "ham", "score": 0.75}, {"label": "spam", "score": 0.25}]


def test_labels_come_in_the_order_of_their_numbers():
    assert list(classify_panel.probabilities(Pipeline(), "a text").items()) == [("spam", 0.25), ("ham", 0.75)]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", [0, 1, 2]),
        ("fine", [0, 1]),
        ("film fine", [0, 1]),
        ("FINE  film", [0, 1]),
        ("fine film", [0, 1]),
        ("dull fine", []),
    ],
)
def test_a_search_finds_reviews_that_hold_all_words(words, found):
    folded = ["a fine film", "this film is fine", "a dull film"]
    assert browse_panel.matches(folded, [1, 1, 0], [3, 4, 3], words=words, label=None, low=0, high=None) == found


def halves(text):
    """Pushes for the two halves of a text."""
    middle = len(text) // 2
    return [(0, middle, -1.0), (middle, len(text), 2.0)]


def test_the_classify_panel_answers_and_keeps_answers():
    asked = []

    def classifier(text):
        asked.append(text)
        return PROBABILITIES

    _, pick, box, button, result = classify_panel.build(classifier, halves, ["a fine film", "a dull film"]).children
    assert "POSITIVE, with probability 0.750" in result.value
    pick.index = 1
    assert box.value == "a fine film" and "film" in result.value
    for _ in range(3):
        button.click()
    assert asked == [classify_panel.EXAMPLE, "a fine film"]
    box.value = "  "
    button.click()
    assert "Type a review first." in result.value and not button.disabled


@MANY
@given(ANYTHING)
def test_the_classify_panel_shows_no_traceback_and_no_live_html(text):
    """Here the label itself is the text, so that all of it reaches the page; the real classify is in test_faults."""
    shown = classify_panel.answer(lambda text: {text: 0.4, "other": 0.6}, halves, text)
    assert "<img" not in shown and "<script" not in shown and "Traceback" not in shown
    if not isinstance(text, str) or not text.strip():
        assert "Type a review first." in shown


def test_the_classify_panel_names_an_error_and_goes_on():
    assert "could not be classified (ZeroDivisionError)" in classify_panel.answer(lambda text: 1 / 0, None, "some text")


def test_a_long_text_is_shown_in_part():
    """The model sees the end only; the page must not carry a million characters."""
    shown = parts.coloured("x" * 1_000_000 + " bad", [(1_000_001, 1_000_004, -1.0)], NAMES)
    assert len(shown) < 2_000 and ">bad</span>" in shown and "… x" in shown


def test_the_browser_searches_and_filters(tokenizer):
    texts = ["A fine film", "a FINE mess", "dull", "<img src=x onerror=alert(1)> " * 9]
    reviews = datasets.Dataset.from_dict({"text": texts, "label": [1, 0, 0, 1]})
    lengths = [len(tokenizer(text)["input_ids"]) for text in texts]
    panel = browse_panel.build(reviews, dict(enumerate(NAMES)), tokenizer, lengths)
    title, search, label, length, asked, pager, page = panel.children
    assert "role='heading'" in title.value
    previous, following, place = pager.children
    assert "review 1 of 4" in place.value and "A fine film" in page.value
    search.value = "fine"
    assert "review 1 of 2" in place.value
    following.click()
    following.click()
    assert "review 2 of 2" in place.value and "a FINE mess" in page.value
    previous.click()
    assert "review 1 of 2" in place.value
    label.value = "NEGATIVE"
    assert "review 1 of 1" in place.value and "a FINE mess" in page.value
    search.value = "nothing has this"
    assert "There is no such review." in place.value and page.value == ""
    search.value, label.value, length.index = "", "any label", 2
    assert "review 1 of 1" in place.value and "&lt;img" in page.value and "<img" not in page.value
    asked.value = True
    assert "The model reads 12 tokens" in page.value and "struck through" in page.value and "<img" not in page.value


def test_tokens_show_what_is_cut_on_the_left(tokenizer):
    shown = parts.tokens("one two three four five six seven eight nine ten eleven twelve", tokenizer)
    assert "2 more are cut off" in shown and shown.count("<del") == 2
    assert shown.index(">one</del>") < shown.index(">two</del>") < shown.index(">three</span>")
    assert "nothing is cut off" in parts.tokens("short", tokenizer)


def test_the_mistakes_come_surest_first_and_words_once():
    table = pd.DataFrame(
        {
            "text": ["right", "sure", "unsure", "other <b>way</b>"],
            "label": [1, 0, 0, 1],
            "prediction": [1, 1, 1, 0],
            "confidence": [0.99, 0.9, 0.6, 0.8],
        }
    )
    asked = []

    def pushes(text):
        asked.append(text)
        return halves(text)

    _, kind, words, pager, page = mistakes_panel.build(table, NAMES, pushes).children
    previous, following, place = pager.children
    assert "mistake 1 of 3" in place.value and "sure" in page.value
    following.click()
    assert "other &lt;b&gt;" in page.value
    words.value = True
    assert "Pushed most" in page.value and "<b>way" not in page.value
    following.click()
    previous.click()
    assert asked == ["other <b>way</b>", "unsure"]
    kind.index = 2
    assert "mistake 1 of 1" in place.value and "0.800" in page.value


@pytest.mark.parametrize("which", ["classify", "browse", "mistakes"])
def test_a_panel_carries_a_static_form(which, monkeypatch, tokenizer):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda bundle, raw: shown.append(bundle))
    if which == "classify":
        panels.classify(Pipeline())
        assert "spam" in shown[0]["text/html"] and "<meter" in shown[0]["text/html"]
    elif which == "browse":
        reviews = datasets.Dataset.from_dict({"text": ["<b>bold</b>"], "label": [1]})
        panels.browse(reviews, dict(enumerate(NAMES)), tokenizer, [5])
        assert "&lt;b&gt;bold" in shown[0]["text/html"]
    else:
        table = pd.DataFrame({"text": ["<b>bold</b>"], "label": [1], "prediction": [0], "confidence": [0.9]})
        panels.mistakes(table, NAMES)
        assert "&lt;b&gt;bold" in shown[0]["text/html"] and "0.900" in shown[0]["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in shown[0]
