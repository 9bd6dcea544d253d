"""Lines to type that go on from a run."""

import shlex

from ganvas.study.equilibrium import Run, record
from ganvas.study.log import number

FALLS = ("linear", "cosine", "fall")  # schedules that end at a rate of 0


def onward(run: Run, place: str, finished: bool) -> str:
    """Train on; of a run whose plan is done twice as far, and where its rate has fallen to 0, in a longer run of its own."""
    if not finished:
        return f"ganvas train --resume {place}"
    more = f"--images {2 * number(run.get('length', run.get('images'))):.0f}"
    fork = f"--fork {sibling(place, 'longer')} " if record(run, "arguments").get("schedule") in FALLS else ""
    return f"ganvas train --resume {place} {fork}{more}"


def sibling(place: str, word: str = "") -> str:
    """The name of a run beside this one, both quoted for a shell: runs/a → runs/a-WORD; without a word runs/a → runs/a-2,
    runs/a-2 → runs/a-3."""
    (bare,) = shlex.split(place)
    stem, _, count = bare.rpartition("-")
    if word:
        return shlex.quote(f"{bare}-{word}")
    return shlex.quote(f"{stem}-{int(count) + 1}" if stem and count.isdigit() and len(count) < 3 else f"{bare}-2")
