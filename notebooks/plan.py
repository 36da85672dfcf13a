"""The teacher's plans, minute by minute, in ``docs/teaching.md``: made from the times that ``make minutes`` measured.

``python notebooks/plan.py`` writes them anew, and so does ``make notebooks``.
"""

import math
import re
from dataclasses import dataclass

import build
from helpers import minutes

PAGE = build.HERE.parent / "docs" / "teaching.md"
SLOWER = 2  # a laptop of the class may take so many times as long as the machine where the times were measured
LESSONS = {page.stem[:2]: page.stem for page in build.pages()}


@dataclass(frozen=True)
class Step:
    """What happens for ``talk`` minutes; ``runs`` are parts of lessons whose cells run meanwhile, such as ``"01 Train"``."""

    talk: int
    what: str
    runs: tuple[str, ...] = ()


PLANS = {
    "60 minutes": (60, [
        Step(4, "Welcome. Slides of lesson 01, *title*: a review goes in, POSITIVE or NEGATIVE comes out. Who has used such a model?"),
        Step(5, "Everybody opens the exercise edition of lesson 01 and runs Setup. Whoever fails pairs up with a neighbour.", ("01 Setup",)),
        Step(7, "Load. Read one review aloud and let the room vote on its label. Question: what does a model get right that always says POSITIVE?", ("01 Load",)),
        Step(10, "Preprocess. Show the tokens of “unwatchable”. Exercise 1.2 in pairs: predict the shape, then run.", ("01 Preprocess",)),
        Step(7, "Evaluate. Vote first: how many of 1,000 reviews do word counts get right? Run the baseline and write its number on the board.", ("01 Evaluate",)),
        Step(8, "Train. All start training *now*; while it runs, explain loss, step, epoch and learning rate with the toy. (Exercise 1.4 for the fast.)", ("01 Train",)),
        Step(6, "Read the curve together. Compare with the number on the board: too close to call. Show the learning curve: where does the transformer win?"),
        Step(8, "Inference. Everybody types sentences of their own, and collects one that fools the model. Read some aloud.", ("01 Inference",)),
        Step(0, "Close: one thing to remember each, how to do it with a file of one's own (`make own`), questions."),
    ]),
    "Half a day": (180, [
        Step(10, "Welcome; what everybody wants to classify. The doctor's codes are in."),
        Step(10, "Open lesson 01, exercise edition; Setup and Load.", ("01 Setup", "01 Load")),
        Step(20, "Preprocess, with exercises 1.1 and 1.2.", ("01 Preprocess",)),
        Step(15, "Evaluate, with exercise 1.3; the baseline's number goes on the board.", ("01 Evaluate",)),
        Step(15, "Train; the toy and exercise 1.4 while it runs.", ("01 Train",)),
        Step(10, "The curve, the comparison, the learning curve."),
        Step(15, "Break."),
        Step(15, "Inference, with exercise 1.6 in pairs.", ("01 Inference",)),
        Step(10, "Lesson 02: Open, Predict, Count. What is the interval for?", ("02 Setup", "02 Open", "02 Predict", "02 Count")),
        Step(15, "Confidence and Kinds of review, with exercises 2.1 and 2.2.", ("02 Confidence", "02 Kinds of review")),
        Step(15, "Mistakes and Challenge: each pair reads five mistakes and gives a reason for each.", ("02 Mistakes", "02 Challenge")),
        Step(10, "Repair: start it, predict what will improve, then look.", ("02 Another domain", "02 Repair")),
        Step(10, "Exercise 2.4: fool it. The best five sentences of the room."),
        Step(0, "Close: which of your own problems has enough labelled texts? Questions."),
    ]),
    "A day": (360, [
        Step(15, "Welcome; what everybody wants to classify. The doctor's codes are in."),
        Step(15, "Open lesson 01, exercise edition; Setup and Load.", ("01 Setup", "01 Load")),
        Step(25, "Preprocess, with exercises 1.1 and 1.2.", ("01 Preprocess",)),
        Step(20, "Evaluate, with exercise 1.3.", ("01 Evaluate",)),
        Step(20, "Train; the toy and exercise 1.4 while it runs.", ("01 Train",)),
        Step(15, "Break."),
        Step(20, "The curve, the comparison, the learning curve; Inference, with exercise 1.6.", ("01 Inference",)),
        Step(25, "Lesson 02, from Open to Kinds of review, with exercises 2.1 and 2.2.", ("02 Setup", "02 Open", "02 Predict", "02 Count", "02 Confidence", "02 Kinds of review")),
        Step(20, "Mistakes, Challenge, Repair; exercise 2.4.", ("02 Mistakes", "02 Challenge", "02 Another domain", "02 Repair")),
        Step(60, "Lunch."),
        Step(45, "Lesson 03: by hand, from the sentence to the loss, with exercises 3.1, 3.2 and 3.4.", ("03 Setup", "03 Open", "03 Fine-tuning")),
        Step(15, "Break."),
        Step(30, "Lesson 04 on its messages: clean, split, precision and recall, the threshold.", ("04 Setup", "04 Read", "04 Clean", "04 Split", "04 Measure", "04 Word counts", "04 Fine-tuning", "04 Threshold")),
        Step(25, "`make own` on a file that somebody brought, or each on their own; read the model cards aloud."),
        Step(0, "Close: what will you try on Monday? Questions."),
    ]),
}  # fmt: skip


def run_minutes(step: Step, track: str) -> float:
    """Minutes that the cells of a step take on a slow laptop; 0 where nothing was measured."""
    parts = [run.partition(" ") for run in step.runs]
    return SLOWER * sum(minutes.seconds(LESSONS[lesson], track, part) or 0 for lesson, _, part in parts) / 60


def plan(total: int, steps: list[Step]) -> list[tuple[int, int, float, str]]:
    """``(start, minutes, minutes of the machine, what)`` for each step; the last one gets what is left of ``total``.

    A step takes as long as the talk, or as long as its cells in the slower track where that is longer. Raises ``PageError``
    if the steps take longer than ``total``.
    """
    rows, clock = [], 0
    for step in steps:
        machine = max(run_minutes(step, track) for track in build.TRACKS)
        length = max(step.talk, math.ceil(machine)) if step.talk else total - clock
        rows.append((clock, length, machine, step.what))
        clock += length
    if clock != total or rows[-1][1] < 3:
        raise build.PageError(
            f"a plan of {total} minutes takes {clock - rows[-1][1]} without its close; shorten its talks in {__file__}."
        )
    return rows


def table(name: str) -> str:
    """A plan as a Markdown table."""
    rows = [
        f"| {start // 60}:{start % 60:02} | {length} | {_machine(machine)} | {what} |"
        for start, length, machine, what in plan(*PLANS[name])
    ]
    return "\n".join(["| at | minutes | of these the machine, at most | what |", "|---|---|---|---|", *rows])


def _machine(value: float) -> str:
    return "" if not value else "under 1" if value < 1 else f"{math.ceil(value)}"


def with_plans(text: str) -> str:
    """The page with its plans as they are now."""
    for name in PLANS:
        made = f"<!-- plan {name} -->\n\n{table(name)}\n\n<!-- end -->"
        text = re.sub(rf"<!-- plan {name} -->\n.*?<!-- end -->", lambda _, made=made: made, text, flags=re.S)
    return text


if __name__ == "__main__":
    build.write(PAGE, with_plans(PAGE.read_text()))
