"""A panel to page through what a model got wrong."""

from functools import lru_cache

from helpers.panels import parts


def mistakes(table, names: tuple[str, str], pushes=None) -> None:
    """Show the panel, or the five surest mistakes where widgets do not work.

    ``table`` is a pandas ``DataFrame`` with the columns ``text``, ``label`` and ``prediction`` (numbers) and ``confidence``
    (0 to 1); its right answers are left out. ``names`` are the names of labels 0 and 1. ``pushes`` takes a text and returns
    what each word added, as ``(start, end, push)``.
    """
    table = surest(table)
    rows = [
        (names[row.label], names[row.prediction], f"{row.confidence:.3f}", parts.shortened(row.text))
        for row in table.head(5).itertuples()
    ]
    static = parts.table(["label", "model", "confidence", "review"], rows)
    parts.show(build(table, names, pushes), static)


def surest(table):
    """The mistakes in ``table``, the ones with the highest confidence first."""
    return table[table["label"] != table["prediction"]].sort_values("confidence", ascending=False)


def build(table, names: tuple[str, str], pushes=None):
    """The panel of ``mistakes`` as an ipywidgets ``VBox``. The words of a review are worked out once."""
    import ipywidgets

    rows = list(surest(table).itertuples())
    kinds = {"all mistakes": None} | {f"{names[1 - label]} taken for {names[label]}": label for label in (1, 0)}
    kind = ipywidgets.Dropdown(options=list(kinds), description="Which")
    asked = ipywidgets.Checkbox(description="Show the words that pushed", indent=False)
    page = ipywidgets.HTML()
    found = lru_cache(maxsize=256)(pushes) if pushes else None

    def draw(row):
        if row is None:
            page.value = ""
            return
        head = (
            f"<p>The label is <b>{parts.escaped(names[row.label])}</b>. The model says "
            f"<b>{parts.escaped(names[row.prediction])}</b>, with confidence {row.confidence:.3f}.</p>"
        )
        page.value = parts.scrolling(head + f"<p>{parts.escaped(row.text)}</p>", "the review")
        if asked.value:
            page.value = head + parts.status("Working …")
            try:
                page.value = parts.scrolling(head + parts.coloured(row.text, found(row.text), names), "the review")
            except Exception as error:
                page.value = head + parts.status(f"The words could not be worked out ({type(error).__name__}).")

    pager = parts.Pager("mistake", draw)

    def update(_=None):
        chosen = kinds[kind.value]
        pager.fill([row for row in rows if chosen in (None, row.prediction)])

    kind.observe(update, "value")
    asked.observe(lambda _: pager.redraw(), "value")
    update()
    return ipywidgets.VBox(
        [parts.title("Page through the mistakes"), kind, *([asked] if pushes else []), pager.widget, page]
    )
