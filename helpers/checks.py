"""Is the data what the lesson expects? Useful once you bring your own."""

from helpers.errors import TutorialError

COLUMNS = ("text", "label")
LABELS = (0, 1)


def check_reviews(splits) -> None:
    """Raise ``TutorialError`` at the first thing in ``splits`` that a lesson cannot work with.

    ``splits`` maps the name of a split to a ``datasets.Dataset``. Each needs at least one row, a column ``text`` of
    texts that are not blank, and a column ``label`` of 0 and 1.
    """
    for name, split in splits.items():
        missing = [column for column in COLUMNS if column not in split.column_names]
        if missing:
            has = ", ".join(split.column_names) or "none"
            raise TutorialError(f"The {name} split has no column {missing[0]} (it has: {has}); rename one of yours.")
        if len(split) == 0:
            raise TutorialError(f"The {name} split is empty; choose a split with reviews.")
        for row, (text, label) in enumerate(zip(split["text"], split["label"], strict=True)):
            if not isinstance(text, str) or not text.strip():
                raise TutorialError(f"Row {row} of the {name} split has no text in it; drop it with filter().")
            if not isinstance(label, int) or label not in LABELS:
                raise TutorialError(
                    f"Row {row} of the {name} split has the label {str(label)[:40]!r}; "
                    "this lesson's labels are 0 and 1: change it, or drop it with filter()."
                )
