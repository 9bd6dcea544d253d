"""Lines to go on: where the rate has fallen to 0 a run of its own, and names beside a run's."""

from typing import get_args

import pytest

from ganvas.play.schedules import Clock
from ganvas.recipes.common import ScheduleName, learning_rate
from ganvas.study.commands import onward, sibling


@pytest.mark.parametrize("schedule", get_args(ScheduleName))
def test_a_schedule_that_ends_at_0_asks_for_a_run_of_its_own(schedule):
    run = {"length": 100, "arguments": {"schedule": schedule}}
    line = onward(run, "runs/a", finished=True)
    assert ("--fork" in line) is (learning_rate(1.0, schedule)(Clock(100, 9, 100)) == 0), line
    assert onward(run, "runs/a", finished=False) == "ganvas train --resume runs/a", "control: what is not done goes on"


@pytest.mark.parametrize(
    ("place", "word", "expected"),
    [
        ("runs/a", "", "runs/a-2"),
        ("runs/a-2", "", "runs/a-3"),
        ("runs/a-2026", "", "runs/a-2026-2"),
        ("runs/a", "longer", "runs/a-longer"),
        ("'my runs/a'", "longer", "'my runs/a-longer'"),
    ],
)
def test_a_name_beside_a_runs(place, word, expected):
    assert sibling(place, word) == expected
