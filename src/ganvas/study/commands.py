"""Lines to type that go on from a run."""

from typing import Any

from ganvas.study.equilibrium import Run, record
from ganvas.study.log import number


def onward(run: Run, place: str, finished: bool) -> str:
    """Train on; of a run whose plan is done twice as far, and where its rate has fallen to 0, in a longer run of its own."""
    if not finished:
        return f"ganvas train --resume {place}"
    more = f"--images {2 * number(run.get('length', run.get('images'))):.0f}"
    falls: Any = record(run, "arguments").get("schedule", "constant")
    fork = "" if falls == "constant" else f"--fork {sibling(place, 'longer')} "
    return f"ganvas train --resume {place} {fork}{more}"


def sibling(place: str, word: str) -> str:
    """runs/a → runs/a-longer, quoted as it was."""
    return f"{place[:-1]}-{word}'" if place.endswith("'") else f"{place}-{word}"
