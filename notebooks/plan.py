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
    """What happens for ``talk`` minutes, with what on the screen; ``runs`` are parts of lessons whose cells run meanwhile, such as ``"01 Train"``."""

    talk: int
    screen: str
    what: str
    runs: tuple[str, ...] = ()


PLANS = {
    "60 minutes": (60, [
        Step(4, "slides 2 and 4", "Welcome. A review goes in, POSITIVE or NEGATIVE comes out. Who has used such a model? Say that some reviews are coarse. Then the vote: read the three reviews above, hands up for each."),
        Step(4, "start page, lesson 01, *the time*", "Everybody opens lesson 01 itself (not its exercises) and runs the three code cells of Setup, one by one with Shift+Enter. Whoever fails pairs up with a neighbour.", ("01 Setup",)),
        Step(6, "slide *Reviews of each label*", "Run Load to its end. What does a model get right that always says POSITIVE? (478 of these 1,000 test reviews: nearly half.)", ("01 Load",)),
        Step(10, "the cell `Unwatchable?`", "Run Preprocess to its end. What do `##` and `[CLS]` mean? On the board: three texts, *A fine film.*, *No.*, *I would watch it again.*; which shape does their batch have? Hands up, then the answer: (3, 8), with `[CLS]`, `[SEP]` and the full stop.", ("01 Preprocess",)),
        Step(6, "the cell `baseline.fit`", "Vote first: how many of 1,000 reviews do word counts get right? Run Evaluate; write the number on the board (about 870).", ("01 Evaluate",)),
        Step(4, "the toy in Train", "Run the toy. Read its three rows: too small a rate wastes steps, too large a one jumps. From which rate on does w grow? (Above 1: each step multiplies w by 1 − 2 · rate.)"),
        Step(9, "slides of Train, from *In each step* on", "Run on, from `id2label` to the cell that trains, and the one below it that tests (skip the login). While the machine works: step, loss, epoch, head. Then read the curve: it starts near 0.69, falls, and jumps.", ("01 Train",)),
        Step(5, "slides *Baseline and transformer* and the learning curve", "Compare with the number on the board. Most screens say *too close to call*, some *the baseline wins*: that spread is the lesson. Where does the transformer win? On short texts."),
        Step(8, "the Classify panel in Inference", "Skip Share. Everybody types sentences of their own, and collects one that fools the model. Read some aloud.", ("01 Inference",)),
        Step(0, "README, *Your own file*", "Close: one thing to remember each. How to do it with a file of one's own: `make own DATA=messages.csv`, or `data_file` in lesson 04. Homework: the edition with exercises. Questions."),
    ]),
    "Half a day": (180, [
        Step(10, "slides 2 and 4 of lesson 01", "Welcome; what everybody wants to classify. The vote on the three reviews."),
        Step(10, "start page, *exercises* of lesson 01", "Setup and Load. Say what a red cell is: an exercise that waits.", ("01 Setup", "01 Load")),
        Step(20, "the cell `Unwatchable?`", "Preprocess, with exercises 1.1 and 1.2.", ("01 Preprocess",)),
        Step(15, "the cell `baseline.fit`", "Evaluate, with exercise 1.3; the baseline's number goes on the board.", ("01 Evaluate",)),
        Step(7, "the toy in Train", "The toy, and exercise 1.4."),
        Step(12, "slides of Train", "Run from `id2label` to the test below training, stepping over 1.5. While the machine works: step, loss, epoch, head.", ("01 Train",)),
        Step(8, "the curve, the comparison, the learning curve", "Read all three. When does it pay?"),
        Step(15, "", "Break."),
        Step(15, "the Classify panel", "Inference, with exercise 1.6 in pairs. Skip Share.", ("01 Inference",)),
        Step(10, "start page, *exercises* of lesson 02", "Open, Predict, Count. What is the interval for?", ("02 Setup", "02 Open", "02 Predict", "02 Count")),
        Step(15, "the reliability picture", "Confidence and Kinds of review, with exercises 2.1 and 2.2.", ("02 Confidence", "02 Kinds of review")),
        Step(15, "the mistakes panel", "Mistakes and Challenge: each pair reads five mistakes and gives a reason for each.", ("02 Mistakes", "02 Challenge")),
        Step(8, "the pictures of Another domain and Repair", "Start Repair, predict what will improve, then look.", ("02 Another domain", "02 Repair")),
        Step(5, "the panel at the end", "Exercise 2.4 in the room: whose five sentences fool it?"),
        Step(0, "README, *Your own file*", "Close: which of your own problems has enough labelled texts? Questions."),
    ]),
    "A day": (360, [
        Step(15, "slides 2 and 4 of lesson 01", "Welcome; what everybody wants to classify. The vote on the three reviews."),
        Step(15, "start page, *exercises* of lesson 01", "Setup and Load. Say what a red cell is: an exercise that waits.", ("01 Setup", "01 Load")),
        Step(25, "the cell `Unwatchable?`", "Preprocess, with exercises 1.1 and 1.2.", ("01 Preprocess",)),
        Step(20, "the cell `baseline.fit`", "Evaluate, with exercise 1.3.", ("01 Evaluate",)),
        Step(20, "the toy, then slides of Train", "The toy and exercise 1.4; then train. While the machine works: step, loss, epoch, head; exercise 1.5 on paper.", ("01 Train",)),
        Step(15, "", "Break."),
        Step(20, "the learning curve; the Classify panel", "The curve, the comparison, the learning curve; Inference, with exercise 1.6.", ("01 Inference",)),
        Step(25, "start page, *exercises* of lesson 02", "From Open to Kinds of review, with exercises 2.1 and 2.2.", ("02 Setup", "02 Open", "02 Predict", "02 Count", "02 Confidence", "02 Kinds of review")),
        Step(20, "the mistakes panel", "Mistakes, Challenge, Repair; exercises 2.3 for the fast and 2.4 for all.", ("02 Mistakes", "02 Challenge", "02 Another domain", "02 Repair")),
        Step(60, "", "Lunch."),
        Step(40, "lesson 03, its drawings", "By hand, from the sentence to the loss, with exercises 3.1, 3.2 and 3.4; 3.3 for the fast.", ("03 Setup", "03 Open", "03 Fine-tuning")),
        Step(15, "", "Break."),
        Step(30, "lesson 04, from Read to Threshold", "On its messages: clean, split, precision and recall, the threshold; exercises 4.1 and 4.2.", ("04 Setup", "04 Read", "04 Clean", "04 Split", "04 Measure", "04 Word counts", "04 Fine-tuning", "04 Threshold")),
        Step(25, "a terminal; then `runs/own/summary.html`", "`make own` on a file that somebody brought, or each on their own; read the model cards aloud.", ("04 Read", "04 Clean", "04 Split", "04 Measure", "04 Word counts", "04 Fine-tuning", "04 Threshold", "04 Methods")),
        Step(0, "", "Close: what will you try on Monday? Questions."),
    ]),
}  # fmt: skip


def run_minutes(step: Step, track: str) -> float:
    """Minutes that the cells of a step take on a slow laptop; 0 where nothing was measured."""
    parts = [run.partition(" ") for run in step.runs]
    return SLOWER * sum(minutes.seconds(LESSONS[lesson], track, part) or 0 for lesson, _, part in parts) / 60


def plan(total: int, steps: list[Step]) -> list[tuple[int, int, float, str, str]]:
    """``(start, minutes, minutes of the machine, screen, what)`` for each step; the last one gets what is left of ``total``.

    A step takes as long as the talk, or as long as its cells in the slower track where that is longer. Raises ``PageError``
    if the steps take longer than ``total``.
    """
    rows, clock = [], 0
    for step in steps:
        machine = max(run_minutes(step, track) for track in build.TRACKS)
        length = max(step.talk, math.ceil(machine)) if step.talk else total - clock
        rows.append((clock, length, machine, step.screen, step.what))
        clock += length
    if clock != total or rows[-1][1] < 3:
        raise build.PageError(
            f"a plan of {total} minutes takes {clock - rows[-1][1]} without its close; shorten its talks in {__file__}."
        )
    return rows


def table(name: str) -> str:
    """A plan as a Markdown table."""
    rows = [
        f"| {start // 60}:{start % 60:02} | {length} | {_machine(machine)} | {screen} | {what} |"
        for start, length, machine, screen, what in plan(*PLANS[name])
    ]
    return "\n".join(
        ["| at | minutes | of these the machine, at most | on the screen | what |", "|---|---|---|---|---|", *rows]
    )


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
