"""What the panels share: text made safe for HTML, a pair of buttons that page, and the fallback without widgets."""

import html

BLUE, ORANGE = "0, 114, 178", "213, 94, 0"  # the colours of helpers/pictures.py
EDGE = 200  # how many characters to show of a part that the model does not see
EDGE_TOKENS = 40  # the same, in tokens


def escaped(text: object) -> str:
    """The text as HTML shows it, letter for letter. What cannot be encoded (a lone surrogate) becomes a question mark."""
    return html.escape(str(text).encode("utf-8", "replace").decode())


def table(heads: list[str], rows) -> str:
    """A table whose cells, escaped, stand at the left; JupyterLab would put them at the right. ``rows`` are lists of cells."""
    head, *body = (
        "".join(f"<{tag} style='text-align:left'>{escaped(cell)}</{tag}>" for cell in cells)
        for tag, cells in [("th", heads), *(("td", row) for row in rows)]
    )
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in body)}</table>"


def bars(values: dict[str, float]) -> str:
    """A table with the probability (0 to 1) of each label as a bar and as a number."""
    rows = "".join(
        f"<tr><td>{escaped(label)}</td><td><meter min='0' max='1' value='{value:.3f}' "
        f"aria-label='{escaped(label)}' style='width:200px'></meter></td><td>{value:.3f}</td></tr>"
        for label, value in values.items()
    )
    return f"<table>{rows}</table>"


def coloured(review: str, pushes: list[tuple[int, int, float]], names: tuple[str, str]) -> str:
    """The review with each word's push as its background, and the four strongest in a sentence.

    ``pushes`` are ``(start, end, push)`` as ``helpers.words`` makes them; below 0 a word spoke for ``names[0]``.
    """
    largest = max([1e-9, *(abs(push) for _, _, push in pushes)])
    position = pushes[0][0] if pushes else len(review)
    parts = [escaped(review[:position]) if position <= EDGE else f"… {escaped(review[position - EDGE : position])}"]
    for start, end, push in pushes:
        strength = 0.6 * abs(push) / largest
        parts.append(
            f"{escaped(review[position:start])}<span title='{push:+.2g}' style='background:rgba("
            f"{BLUE if push > 0 else ORANGE}, {strength:.2f})'>{escaped(review[start:end])}</span>"
        )
        position = end
    parts.append(escaped(review[position : position + EDGE]) + (" …" if position + EDGE < len(review) else ""))
    strongest = sorted(pushes, key=lambda span: -abs(span[2]))[:4]
    said = ", ".join(f"“{escaped(review[start:end])}” ({push:+.2g})" for start, end, push in strongest)
    return (
        f"<p style='line-height:1.6'>{''.join(parts)}</p>"
        f"<p>Pushed most: {said}. Above 0, blue: towards {escaped(names[1])}; below, orange: towards {escaped(names[0])}.</p>"
    )


def tokens(review: str, tokenizer) -> str:
    """The review's tokens as the model gets them, and the nearest of those that are cut off, struck through."""
    whole = tokenizer(review, truncation=False, return_offsets_mapping=True, verbose=False)
    kept = tokenizer(review, truncation=True, return_offsets_mapping=True)["offset_mapping"]
    inside = {tuple(span) for span in kept}
    spans = [tuple(span) for span in whole["offset_mapping"]]
    # [CLS] and [SEP] have no place in the text. Of what is cut off, the part beside the cut is enough.
    read = [number for number, span in enumerate(spans) if span[0] != span[1] and span in inside]
    first, last = (read[0], read[-1]) if read else (0, 0)
    chips = []
    for number, token in enumerate(whole.tokens()):
        cut = spans[number][0] != spans[number][1] and number not in range(first, last + 1)
        if cut and not first - EDGE_TOKENS <= number <= last + EDGE_TOKENS:
            continue
        tag = "del" if cut else "span"
        style = "opacity:0.6" if cut else f"background:rgba({BLUE}, 0.2)"
        chips.append(f"<{tag} style='{style};border-radius:3px;padding:1px 3px;margin:1px'>{escaped(token)}</{tag}>")
    lost = len(spans) - len(kept)
    told = f"{lost:,} more are cut off; those beside the cut are struck through" if lost else "nothing is cut off"
    return f"<p>The model reads {len(kept):,} tokens; {told}.</p><p style='line-height:1.9'>{' '.join(chips)}</p>"


def status(text: str) -> str:
    """A line that screen readers announce."""
    return f"<p role='status'>{escaped(text)}</p>"


def scrolling(content: str, name: str) -> str:
    """HTML in a box that scrolls where it is long, also by keyboard; ``name`` is what a screen reader calls it."""
    box = "max-height:400px;overflow:auto"
    return f"<div tabindex='0' role='region' aria-label='{escaped(name)}' style='{box}'>{content}</div>"


def title(text: str):
    """The panel's name: a heading, which screen readers announce and can jump to."""
    import ipywidgets

    return ipywidgets.HTML(f"<b role='heading' aria-level='3'>{escaped(text)}</b>")


class Pager:
    """Previous, Next, and where you are. Calls ``draw(item)`` for the item to show, ``draw(None)`` if there is none."""

    def __init__(self, what: str, draw):
        import ipywidgets

        self.what, self.draw, self.items, self.at = what, draw, [], 0
        previous = ipywidgets.Button(description="Previous", tooltip=f"Show the {what} before this one")
        following = ipywidgets.Button(description="Next", tooltip=f"Show the {what} after this one")
        self.place = ipywidgets.HTML()
        previous.on_click(lambda _: self._go(self.at - 1))
        following.on_click(lambda _: self._go(self.at + 1))
        self.widget = ipywidgets.HBox([previous, following, self.place], layout={"flex_flow": "row wrap"})

    def fill(self, items) -> None:
        """Page through other items, from the first."""
        self.items = items
        self._go(0)

    def redraw(self) -> None:
        self._go(self.at)

    def _go(self, at: int) -> None:
        self.at = min(max(at, 0), max(len(self.items) - 1, 0))
        if self.items:
            self.place.value = status(f"{self.what} {self.at + 1:,} of {len(self.items):,}")
            self.draw(self.items[self.at])
        else:
            self.place.value = status(f"There is no such {self.what}.")
            self.draw(None)


def show(panel, static) -> None:
    """Display a panel. Where widgets do not work (GitHub, a PDF), ``static`` stands in, as HTML.

    One output carries both, and each viewer shows the richest form it knows.
    """
    from IPython.display import display

    # Written out, because ipywidgets 7, which Colab may have, shows a widget in another way.
    view = {"version_major": 2, "version_minor": 0, "model_id": panel.model_id}
    widget = {"application/vnd.jupyter.widget-view+json": view, "text/plain": repr(panel)}
    display(widget | {"text/html": static}, raw=True)


def shortened(text: str, width: int = 160) -> str:
    """The start of a text, in one line."""
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"
