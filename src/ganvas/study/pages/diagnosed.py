"""What the doctor says, on a page: one diagnosis, a small plot for each number that bears it out, one action."""

import math
from collections.abc import Sequence

import numpy as np

from ganvas.study.diagnosis import Diagnosis, Evidence
from ganvas.study.lang import Words
from ganvas.study.pages.page import command, paragraphs, prose
from ganvas.study.pages.plot import Level, Line, plot

EMPTY = {"classes": "", "first_broken": "", "n": math.nan}  # facts of the templates that a run may lack


def diagnosed(found: Diagnosis, notes: Sequence[str], say: Words) -> str:
    """The diagnosis as HTML; `notes` are sentences on what it rests on."""
    facts = EMPTY | dict(found.facts)
    name, meaning = say(f"doctor.diagnosis.{found.id}", **facts), say(f"doctor.says.{found.id}", **facts)
    text = [f'<h3 class="verdict{" ill" * found.ill}">{prose(name)}</h3><p>{prose(meaning)}</p>']
    if math.isfinite(found.confidence):
        text.append(f"<p>{prose(say('doctor.note.confidence', confidence=found.confidence))}</p>")
    text.append("".join(_shown(one, facts, say) for one in found.evidence) + paragraphs(notes))
    text.append(f"<p>{prose(say('report.action'))}: {prose(say(f'doctor.action.{found.action.id}', **facts))}.</p>")
    if found.action.command:
        text.append(command(found.action.command))
    if refuted := say(f"doctor.refuted.{found.refuted_by}", **facts):
        text.append(f"<p>{prose(say('report.refuted'))}: {prose(refuted)}.</p>")
    return "".join(text)


def _shown(one: Evidence, facts: dict, say: Words) -> str:
    """A sentence; above it the course of the number, where it was followed, with alarm and floor drawn in."""
    text = say(
        f"doctor.evidence.{one.id}", **facts | {"value": one.value, "threshold": one.threshold, "floor": one.floor}
    )
    known = [(x, y) for x, y in one.series if math.isfinite(y)]
    if len(known) < 2:
        return f"<p>{prose(text)}</p>"
    x, y = np.array(known, float).T
    levels = [Level(one.threshold, say("report.alarm"), 1)] if math.isfinite(one.threshold) else []
    levels += [Level(one.floor, say("report.perfect"), 2)] if math.isfinite(one.floor) else []
    near = [level for level in levels if _in_sight(level.y, y)]
    return plot(text, [Line(one.id, x, y)], levels=near, axis=say("report.images_seen"), small=True)


def _in_sight(level: float, y: np.ndarray) -> bool:
    """A level so far away that the curve would be a line is not drawn; the sentence names it."""
    low, high = float(y.min()), float(y.max())
    reach = 3 * max(high - low, 0.1 * abs(high), 1e-9)
    return low - reach <= level <= high + reach
