"""The teacher's guide: its plans fill their time and are those of the measured minutes; what it names is there."""

import re

import pytest

import build
import plan
from helpers import minutes

TEXT = plan.PAGE.read_text()
EXERCISES = set(re.findall(r"^\*\*Exercise ([\d.]+):", "\n".join(page.read_text() for page in build.pages()), re.M))


def test_the_guide_has_the_plans_as_they_are_made():
    assert plan.with_plans(TEXT) == TEXT, "run: python notebooks/plan.py"
    assert TEXT.count("| at | minutes |") == len(plan.PLANS) == 3


@pytest.mark.parametrize("name", plan.PLANS)
def test_a_plan_fills_its_time(name):
    total, steps = plan.PLANS[name]
    rows = plan.plan(total, steps)
    assert rows[0][0] == 0 and sum(length for _, length, *_ in rows) == total and rows[-1][1] >= 3
    assert all(length >= machine for _, length, machine, *_ in rows)
    for step in steps:
        for run in step.runs:
            lesson, _, part = run.partition(" ")
            assert part in build.facts(build.SOURCE / f"{plan.LESSONS[lesson]}.md")["parts"], run


def test_a_slower_machine_stretches_the_plan_until_it_does_not_fit(monkeypatch):
    before = plan.plan(*plan.PLANS["60 minutes"])
    monkeypatch.setattr(minutes, "seconds", lambda *_: 300)
    with pytest.raises(build.PageError, match="a plan of 60 minutes takes"):
        plan.plan(*plan.PLANS["60 minutes"])
    monkeypatch.setattr(minutes, "seconds", lambda *_: None)
    assert [row[1] for row in plan.plan(*plan.PLANS["60 minutes"])] <= [row[1] for row in before]


def test_exercises_files_and_commands_that_the_guide_names_are_there():
    named = set(re.findall(r"\b([1-5]\.[1-6])\b", TEXT))
    assert named == EXERCISES, "an objective for each exercise, and none that is gone"
    makefile = (plan.PAGE.parents[1] / "Makefile").read_text()
    for command in set(re.findall(r"`make (\w+)", TEXT)) - {"PYTHON"}:
        assert re.search(rf"^{command}:", makefile, re.M), command
    for link in re.findall(r"\]\(([\w./-]+)\)", TEXT):
        assert (plan.PAGE.parent / link).exists(), link
