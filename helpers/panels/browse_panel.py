"""A panel to search and page through reviews."""

from helpers.panels import parts


def browse(reviews, names: dict[int, str], tokenizer, lengths: list[int]) -> None:
    """Show the panel, or three of the reviews where widgets do not work.

    ``reviews`` is a ``Dataset`` with the columns ``text`` and ``label``, ``names`` maps a label to its name, ``lengths`` are
    the lengths in tokens, uncut. How long a review may be before it is cut comes from ``tokenizer``.
    """
    rows = [
        (names[label], f"{length:,}", parts.shortened(text))
        for text, label, length in zip(reviews["text"][:3], reviews["label"][:3], lengths, strict=False)
    ]
    table = parts.table(["label", "tokens", "review"], rows)
    parts.show(build(reviews, names, tokenizer, lengths), table)


def build(reviews, names: dict[int, str], tokenizer, lengths: list[int]):
    """The panel of ``browse`` as an ipywidgets ``VBox``."""
    import ipywidgets

    texts, labels = list(reviews["text"]), list(reviews["label"])
    folded = [text.casefold() for text in texts]
    limit = tokenizer.model_max_length
    ranges = {
        "any length": (0, None),
        f"up to {limit} tokens: read whole": (0, limit),
        f"over {limit} tokens: cut": (limit + 1, None),
    }
    search = ipywidgets.Text(description="Search", placeholder="words that the review must contain")
    label = ipywidgets.Dropdown(options=["any label", *names.values()], description="Label")
    length = ipywidgets.Dropdown(options=list(ranges), description="Length")
    asked = ipywidgets.Checkbox(description="Show tokens", indent=False)
    page = ipywidgets.HTML()

    def draw(index):
        if index is None:
            page.value = ""
            return
        head = f"<p><b>{parts.escaped(names[labels[index]])}</b>, {lengths[index]:,} tokens</p>"
        body = f"<p>{parts.escaped(texts[index])}</p>"
        page.value = parts.scrolling(
            head + (parts.tokens(texts[index], tokenizer) if asked.value else body), "the review"
        )

    pager = parts.Pager("review", draw)

    def update(_=None):
        low, high = ranges[length.value]
        chosen = next((number for number, name in names.items() if name == label.value), None)
        pager.fill(matches(folded, labels, lengths, words=search.value, label=chosen, low=low, high=high))

    for control in (search, label, length):
        control.observe(update, "value")
    asked.observe(lambda _: pager.redraw(), "value")
    update()
    return ipywidgets.VBox([parts.title("Browse the reviews"), search, label, length, asked, pager.widget, page])


def matches(folded, labels, lengths, *, words: str, label: int | None, low: int, high: int | None) -> list[int]:
    """The places of the reviews that hold all ``words``, whatever their case and order, have ``label``, and ``low`` to ``high`` tokens.

    ``folded`` are the texts, case folded; ``None`` stands for any label and for no upper limit.
    """
    wanted = words.casefold().split()
    return [
        index
        for index, text in enumerate(folded)
        if all(word in text for word in wanted)
        and label in (None, labels[index])
        and low <= lengths[index]
        and (high is None or lengths[index] <= high)
    ]
