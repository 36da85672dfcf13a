"""Is the data what the lesson expects? Useful once you bring your own."""

from helpers.errors import TutorialError

COLUMNS = ("text", "label")
LABELS = (0, 1)


def check_reviews(splits, train_size=None, validation_size=0, test_size=None) -> None:
    """Raise ``TutorialError`` at the first thing in ``splits`` that a lesson cannot work with.

    ``splits`` maps the name of a split to a ``datasets.Dataset``. Train and test split each need at least one row, a column
    ``text`` of texts that are not blank, and a column ``label`` of 0 and 1. The three sizes are the lesson's values, in rows, or
    ``None`` for all; those of the train split may also be shares of its rows.
    """
    for name in ("train", "test"):
        if name not in splits:
            raise TutorialError(
                f"There is no {name} split (there is: {', '.join(splits) or 'none'}); rename one of yours."
            )
        split = splits[name]
        missing = [column for column in COLUMNS if column not in split.column_names]
        if missing:
            has = ", ".join(split.column_names) or "none"
            raise TutorialError(f"The {name} split has no column {missing[0]} (it has: {has}); rename one of yours.")
        if len(split) == 0:
            raise TutorialError(f"The {name} split is empty; choose a split with reviews.")
        _check_size(name, len(split), train_size, validation_size, test_size)
        for row, (text, label) in enumerate(zip(split["text"], split["label"], strict=True)):
            if not isinstance(text, str) or not text.strip():
                raise TutorialError(f"Row {row} of the {name} split has no text in it; drop it with filter().")
            if not isinstance(label, int) or label not in LABELS:
                raise TutorialError(
                    f"Row {row} of the {name} split has the label {str(label)[:40]!r}; "
                    "this lesson's labels are 0 and 1: change it, or drop it with filter()."
                )


def _check_size(name: str, rows: int, train_size, validation_size, test_size) -> None:
    if name == "test":
        needed, what = test_size or 1, "test_size"
    else:
        counts = [
            round(size * rows) if isinstance(size, float) else size for size in (train_size or 1, validation_size)
        ]
        needed, what = sum(counts), "train_size and validation_size"
    if needed > rows:
        raise TutorialError(
            f"The {name} split has {rows:,} rows, and {what} ask for {needed:,}; lower them in a cell behind the table."
        )
