"""The HTML of the panels, piece by piece: which word has which colour and strength, which token is struck through."""

import re
from types import SimpleNamespace

import pytest

from helpers.panels import parts

NAMES = ("spam", "ham")


def spans(shown: str) -> list[tuple]:
    """Title, colour, strength and text of each coloured word."""
    found = re.findall(
        r"<span title='([^']*)' style='background:rgba\((\d+, \d+, \d+), ([\d.]+)\)'>(.*?)</span>", shown
    )
    return [(title, color, float(strength), text) for title, color, strength, text in found]


def test_each_word_has_its_push_its_side_and_its_strength():
    shown = parts.coloured("a dull <b> film, fine", [(0, 1, 0.0), (2, 6, -2.0), (7, 10, 0.5), (17, 21, 1.0)], NAMES)
    assert spans(shown) == [
        ("+0", parts.ORANGE, 0.0, "a"),
        ("-2", parts.ORANGE, 0.6, "dull"),
        ("+0.5", parts.BLUE, 0.15, "&lt;b&gt;"),
        ("+1", parts.BLUE, 0.3, "fine"),
    ]
    text = re.sub("<[^>]*>", "", shown)
    assert text == (
        "a dull &lt;b&gt; film, finePushed most: “dull” (-2), “fine” (+1), “&lt;b&gt;” (+0.5), “a” (+0). "
        "Above 0, blue: towards ham; below, orange: towards spam."
    )


def test_the_four_strongest_are_said():
    shown = parts.coloured("abcdef", [(number, number + 1, number - 2.5) for number in range(6)], NAMES)
    assert re.findall("“(.)”", shown) == ["a", "f", "b", "e"]


def test_what_the_model_does_not_see_is_shown_in_part_on_both_sides():
    review = "x" * 300 + " bad " + "y" * 300
    shown = re.sub("<[^>]*>", "", parts.coloured(review, [(301, 304, -1.0)], NAMES))
    assert shown.startswith("… " + "x" * 199 + " bad " + "y" * 199 + " …Pushed")
    short = re.sub("<[^>]*>", "", parts.coloured("xx bad yy", [(3, 6, -1.0)], NAMES))
    assert short.startswith("xx bad yyPushed")
    exact = "x" * 199 + " bad " + "y" * 199
    assert re.sub("<[^>]*>", "", parts.coloured(exact, [(200, 203, -1.0)], NAMES)).startswith(exact + "Pushed")


def test_a_text_without_words_is_shown():
    assert "only" in parts.coloured("only", [], NAMES)


class Tokenizer:
    """Words of one letter between two special tokens; the last five tokens are kept, as with ``truncation_side="left"``."""

    def __call__(self, review, truncation=True, return_offsets_mapping=True, verbose=True):
        letters = [(place, place + 1) for place, letter in enumerate(review) if letter != " "]
        kept = letters[-3:] if truncation else letters
        offsets = [(0, 0), *kept, (0, 0)]
        words = ["[CLS]", *(review[start:end] for start, end in kept), "[SEP]"]
        return SimpleEncoding(offset_mapping=offsets, words=words)


class SimpleEncoding(dict):
    def tokens(self):
        return self["words"]


def chips(shown: str) -> list[tuple[str, str]]:
    return re.findall(r"<(span|del) style='[^']*'>(.*?)</(?:span|del)>", shown)


def test_tokens_that_are_cut_are_struck_through_and_counted():
    shown = parts.tokens("a b c d <", Tokenizer())
    assert chips(shown) == [
        ("span", "[CLS]"), ("del", "a"), ("del", "b"), ("span", "c"), ("span", "d"), ("span", "&lt;"), ("span", "[SEP]"),
    ]  # fmt: skip
    assert "The model reads 5 tokens; 2 more are cut off; those beside the cut are struck through." in shown
    assert "opacity:0.6" in shown and f"background:rgba({parts.BLUE}, 0.2)" in shown


def test_nothing_is_struck_through_where_nothing_is_cut():
    shown = parts.tokens("a b", Tokenizer())
    assert chips(shown) == [("span", "[CLS]"), ("span", "a"), ("span", "b"), ("span", "[SEP]")]
    assert "The model reads 4 tokens; nothing is cut off." in shown


def test_of_what_is_cut_the_nearest_forty_are_shown():
    shown = chips(parts.tokens(" ".join("abcdefghij" * 10), Tokenizer()))
    assert [tag for tag, _ in shown].count("del") == parts.EDGE_TOKENS == 40
    assert [text for _, text in shown][1] == "h"  # token 58 of 100: the 40th before the first that is read


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [("a  b\n c", 9, "a b c"), ("abcdef", 6, "abcdef"), ("abcdefg", 6, "abcde…"), ("abcd fgh", 6, "abcd…")],
)
def test_shortened(text, width, shown):
    assert parts.shortened(text, width) == shown


def test_bars():
    shown = parts.bars({"<b>": 0.25, "ham": 1.0})
    assert re.findall(r"value='([\d.]+)' aria-label='([^']*)'", shown) == [("0.250", "&lt;b&gt;"), ("1.000", "ham")]
    assert re.findall(r"<td>([^<]+)</td>", shown) == ["&lt;b&gt;", "0.250", "ham", "1.000"]
    assert "min='0' max='1'" in shown


def test_what_cannot_be_encoded_becomes_a_question_mark():
    assert parts.escaped("a\ud800<b>") == "a?&lt;b&gt;" and parts.escaped(3) == "3"
    assert parts.status("<i>") == "<p role='status'>&lt;i&gt;</p>"
    assert parts.title("A <b>").value == "<b role='heading' aria-level='3'>A &lt;b&gt;</b>"


def test_the_pager_stays_within_its_items():
    drawn = []
    pager = parts.Pager("review", drawn.append)
    previous, following, place = pager.widget.children
    assert (previous.description, following.description) == ("Previous", "Next")
    assert (
        previous.tooltip == "Show the review before this one" and following.tooltip == "Show the review after this one"
    )
    pager.fill("ab")
    previous.click()
    following.click()
    following.click()
    pager.redraw()
    assert drawn == ["a", "a", "b", "b", "b"] and place.value == parts.status("review 2 of 2")
    pager.fill([])
    following.click()
    assert drawn[5:] == [None, None] and place.value == parts.status("There is no such review.")
    pager.fill(range(1200))
    assert place.value == parts.status("review 1 of 1,200") and drawn[-1] == 0


def test_a_panel_goes_with_its_static_form(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append((data, raw)))
    parts.show(SimpleNamespace(model_id="m1"), "<table></table>")
    data, raw = shown[0]
    view = {"version_major": 2, "version_minor": 0, "model_id": "m1"}
    assert data["application/vnd.jupyter.widget-view+json"] == view and data["text/html"] == "<table></table>"
    assert raw is True and "m1" in data["text/plain"]
