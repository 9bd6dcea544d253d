"""The doctor's suite: what it asks for exists, rows survive being packed, and its tables count what they say."""

import math
import sys
from pathlib import Path

import pytest

from ganvas.recipes.table import RECIPES
from ganvas.study.diagnosis import DIAGNOSES, WELL

sys.path.append(str(Path(__file__).parents[2] / "bench"))
import doctor
import doctor_tables
import sick


def test_kinds_accept_what_the_doctor_can_say_and_are_made_of_recipes_that_exist():
    for kind in sick.KINDS.values():
        assert kind.accept and set(kind.accept) <= set(DIAGNOSES) and set(kind.bases) <= set(RECIPES)
    for name, kind in sick.KINDS.items():
        assert name.startswith("healthy") == bool(set(kind.accept) & set(WELL)), "no sick run may pass as a healthy one"
    assert set(sick.HEALTHY) <= set(RECIPES)


def test_every_wanted_run_is_wanted_once_and_a_hundred_and_twenty_are_healthy():
    wanted = list(doctor.wanted())
    assert len(set(wanted)) == len(wanted)
    assert sum(kind.startswith("healthy") for _, kind, _ in wanted) >= 120
    assert len({kind for _, kind, _ in wanted if not kind.startswith("healthy")}) >= 12


def test_rows_come_back_from_columns():
    rows = [{"images": 64, "D/loss": 1.23456, "seconds": 3.0}, {"images": 128, "D/loss": math.nan, "classes": [1, 2]}]
    first, second = doctor_tables.restored(doctor_tables.compact(rows))
    assert first == {"images": 64, "D/loss": 1.235}, "four figures, without what no diagnosis reads"
    assert math.isnan(second["D/loss"]) and second["classes"] == [1, 2]
    assert doctor_tables.restored({}) == []


@pytest.mark.parametrize(
    ("said", "looks", "expected"),
    [
        (["learning", "collapsing", "learning"], 1, True),
        (["learning", "collapsing", "learning"], 2, False),
        (["collapsing", "oscillating", "collapsing"], 2, False),  # not the same one
        (["early", "collapsing", "collapsing", "collapsing"], 3, True),
        (["early", "early", "early"], 3, False),  # no illness
        ([], 1, False),
    ],
)
def test_an_illness_insisted_on(said, looks, expected):
    assert doctor_tables.insisted(said, looks) == expected


def run(kind, id, seed=2):
    """A row as the suite writes it, of a run that is told `id`: by its numbers, or healthy ones."""
    broken = {"numerically_sick": math.nan, "healthy": 1.2}[id]
    rows = [{"images": 64 * k, "round": 10 * k, "D/loss": 1.2, "G/loss": 0.9} for k in range(1, 60)]
    rows[-1]["D/loss"] = broken
    record = {"recipe": "dcgan", "arguments": {"loss": "non_saturating"}, "images": 3776, "length": 3776, "data": {}}
    return {
        "recipe": "dcgan",
        "kind": kind,
        "seed": seed,
        "record": record,
        "rows": doctor_tables.compact(rows),
        "looks": {},
    }


def test_the_table_counts_right_and_wrong(capsys):
    table = [
        run("NaN", "numerically_sick"),
        run("NaN", "healthy"),
        run("healthy", "healthy"),
        run("healthy", "numerically_sick"),
    ]
    doctor_tables.matrix([*table, run("NaN", "numerically_sick", seed=0)])
    said = capsys.readouterr().out
    assert "sick runs right: 1 of 2 = 50.0%" in said and "false alarms: 1 of 2 = 50.0%" in said
    assert "| NaN | 2 | 1 |" in said, "seed 0 set the limits and is not in the table"
    assert "seeds 5 and more" not in said
    doctor_tables.matrix([*table, run("healthy", "numerically_sick", seed=6)])
    assert "changed: false alarms: 1 of 1" in capsys.readouterr().out
