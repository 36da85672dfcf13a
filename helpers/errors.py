"""The one exception that a learner may see."""


class TutorialError(Exception):
    """A problem the learner can solve: its text says what is wrong and what to do.

    IPython shows an exception that has ``_render_traceback_`` by what that returns,
    so a notebook prints the sentence and no traceback; Run All still stops there.
    """

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]
