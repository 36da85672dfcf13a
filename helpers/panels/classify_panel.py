"""A panel that classifies the review you type or pick."""

from functools import lru_cache, partial

from helpers.panels import parts

EXAMPLE = "Slow to start, but the last half hour is worth the wait."
OWN = "your own text"


def classify(pipeline, word_pushes=None, reviews=(), example: str = EXAMPLE) -> None:
    """Show the panel, or the answer for the example where widgets do not work; see ``build`` for its parts.

    ``pipeline`` is transformers' for text classification. ``word_pushes`` takes its model, its tokenizer and a text; see
    ``helpers.words``.
    """
    classifier = partial(probabilities, pipeline)
    pushes = partial(word_pushes, pipeline.model, pipeline.tokenizer) if word_pushes else None
    panel = build(classifier, pushes, reviews, example)
    parts.show(panel, panel.children[-1].value)  # what it says about the example


def probabilities(pipeline, text: str) -> dict[str, float]:
    """The probability (0 to 1) of each label of a pipeline's model, in the order of the label numbers."""
    scores = {entry["label"]: entry["score"] for entry in pipeline(text, truncation=True, top_k=None)}
    return {label: scores[label] for _, label in sorted(pipeline.model.config.id2label.items())}


def build(classifier, pushes=None, reviews=(), example: str = EXAMPLE):
    """The panel as an ipywidgets ``VBox``.

    ``classifier`` takes a text (str) and returns a dictionary: label to probability (0 to 1), in the order of the label
    numbers. ``pushes`` takes a text and returns what each word added, as ``(start, end, push)``. ``reviews`` are texts to
    pick from. An answer is kept, so the same text costs its time once.
    """
    import ipywidgets

    picks = [(OWN, "")] + [(parts.shortened(review, 60), review) for review in reviews]
    pick = ipywidgets.Dropdown(options=picks, description="Pick", layout={"width": "95%"})
    box = ipywidgets.Textarea(
        value=example, description="Review", placeholder="Type a review", layout={"width": "95%", "height": "90px"}
    )
    button = ipywidgets.Button(description="Classify", button_style="primary", tooltip="Classify the review above")
    result = ipywidgets.HTML()

    # Failures are not kept, because they raise.
    kept_classifier = lru_cache(maxsize=256)(classifier)
    kept_pushes = lru_cache(maxsize=256)(pushes) if pushes else None
    own = example

    def update(_=None):
        result.value = parts.status("Working …")
        button.disabled = True
        try:
            result.value = answer(kept_classifier, kept_pushes, box.value)
        finally:
            button.disabled = False

    def picked(_):
        nonlocal own
        own = box.value if box.value not in reviews else own
        box.value = pick.value or own
        update()

    button.on_click(update)
    pick.observe(picked, "value")
    update()
    return ipywidgets.VBox([parts.title("Classify a review"), *([pick] if reviews else []), box, button, result])


def answer(classifier, pushes, text) -> str:
    """The HTML under the button: a bar for each label and the coloured words, or one sentence."""
    if not isinstance(text, str) or not text.strip():
        return parts.status("Type a review first.")
    # A lone surrogate cannot be encoded, and the tokenizer would fail on it.
    text = text.encode("utf-8", "replace").decode()
    try:
        values = classifier(text)
        words = parts.coloured(text, pushes(text), tuple(values)) if pushes else ""
    except Exception as error:
        return parts.status(f"This text could not be classified ({type(error).__name__}); try another one.")
    label, probability = max(values.items(), key=lambda item: item[1])
    return parts.status(f"{label}, with probability {probability:.3f}") + parts.bars(values) + words
