"""A panel that classifies the text you type."""

import html

EXAMPLE = "Slow to start, but the last half hour is worth the wait."


def classify_panel(classify, example: str = EXAMPLE):
    """A text box, a button and the probability of each label, as an ipywidgets ``VBox``.

    ``classify`` takes a text (str) and returns a dictionary: label to probability (0 to 1). For places without widgets
    see ``show``.
    """
    import ipywidgets

    box = ipywidgets.Textarea(
        value=example,
        description="Review",
        placeholder="Type a review",
        layout=ipywidgets.Layout(width="95%", height="90px"),
    )
    button = ipywidgets.Button(description="Classify", button_style="primary", tooltip="Classify the review above")
    answer = ipywidgets.HTML()

    def show(_=None):
        button.disabled = True
        try:
            answer.value = _answer(classify, box.value)
        finally:
            button.disabled = False

    button.on_click(show)
    show()
    return ipywidgets.VBox([box, button, answer])


def _answer(classify, text) -> str:
    """The HTML under the button: a bar for each label, or one sentence."""
    if not isinstance(text, str) or not text.strip():
        return "<p>Type a review first.</p>"
    try:
        # A lone surrogate cannot be encoded, and the tokenizer would fail on it.
        values = classify(text.encode("utf-8", "replace").decode())
    except Exception as error:
        return f"<p>This text could not be classified ({html.escape(type(error).__name__)}); try another one.</p>"
    rows = "".join(
        f"<tr><td>{html.escape(str(label))}</td><td>"
        f'<meter min="0" max="1" value="{value:.3f}" style="width:200px"></meter></td><td>{value:.3f}</td></tr>'
        for label, value in values.items()
    )
    return f"<table>{rows}</table>"


def show(classify, example: str = EXAMPLE) -> None:
    """Display the panel; where widgets do not work (GitHub, a PDF) a picture of its first answer stands in.

    One output carries both, and each viewer shows the richest form it knows.
    """
    import io

    from IPython.display import display

    from helpers import pictures

    figure = pictures.probabilities(classify(example))
    figure.axes[0].set_title(f"“{example}”", fontsize=11)
    image = io.BytesIO()
    figure.savefig(image, format="png")
    bundle = classify_panel(classify, example)._repr_mimebundle_()
    display(bundle | {"image/png": image.getvalue()}, raw=True)
