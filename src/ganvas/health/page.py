"""A diagnosis to read and to look at: lines of text with a small course each, and one picture of all courses."""

from __future__ import annotations

import functools
import math
from io import BytesIO
from pathlib import Path

import numpy as np

from ganvas import files
from ganvas.study.diagnosis import Diagnosis, Evidence
from ganvas.study.lang import Words, speak

BARS = "▁▂▃▄▅▆▇█"
WIDE = 24  # bars of a course


@functools.cache
def doctors_words(language: str = "en") -> Words:
    """The doctor's sentences: what stands under "doctor." in the catalogue of this language (study/lang)."""
    every = speak(language).sentences
    mine = {key.removeprefix("doctor."): text for key, text in every.items() if key.startswith("doctor.")}
    return Words(language, mine)


def lines(said: Diagnosis, name: str, say: Words) -> list[str]:
    """What `ganvas doctor` prints."""
    sure = say("note.confidence", confidence=said.confidence) if math.isfinite(said.confidence) else ""
    found = [f"{name}: {say(f'diagnosis.{said.id}')}", _filled(say, f"says.{said.id}", said), *([sure] if sure else [])]
    for one in said.evidence:
        found.append(f"  {course(one):<{WIDE}}  {evidence(one, said, say)}")
    found += [f"  {note}" for note in notes(said, say)]
    action = f"action.{said.action.id}"
    found.append(say("line.do", what=say(action) if action in say else said.action.id))
    if said.action.command:
        found.append(f"    {said.action.command}")
    if told := say(f"refuted.{said.refuted_by}"):
        found.append(say("line.wrong", what=told))
    return [line for line in found if line.strip()]


def brief(said: Diagnosis, say: Words) -> list[str]:
    """The same at the end of a run: what it is, the most telling number, and the line to type."""
    told = f" ({evidence(said.evidence[0], said, say)})" if said.ill and said.evidence else ""
    found = [f"doctor: {say(f'diagnosis.{said.id}')}{told}"]
    return [*found, f"    {said.action.command}"] if said.ill and said.action.command else found


def evidence(one: Evidence, said: Diagnosis, say: Words) -> str:
    """One measured number in words."""
    fields = {"classes": ""} | dict(said.facts) | one._asdict()
    return say(f"evidence.{one.id}", **fields).strip()


def notes(said: Diagnosis, say: Words) -> list[str]:
    """What is no illness though it looks like one, and what the diagnosis rests on."""
    facts, found = said.facts, []
    if facts.get("loss") == "wasserstein":
        found.append(say("note.critic"))
    if facts.get("loss") == "relativistic":
        found.append(say("note.relativistic"))
    if facts.get("looks") and not facts.get("eye"):
        found.append(say("note.own_features"))
    if not facts.get("looks") and said.id != "unknown":
        found.append(say("note.no_looks"))
    return found


def _filled(say: Words, key: str, said: Diagnosis) -> str:
    return say(key, **({"first_broken": "", "n": math.nan} | dict(said.facts))).strip()


def course(one: Evidence) -> str:
    """The series as bars, oldest first: "▁▂▃▅█"; "" where there is none."""
    values = np.array([value for _, value in one.series])
    if len(values) < 2:
        return ""
    groups = np.array_split(values, min(WIDE, len(values)))
    means = np.array([group.mean() for group in groups])
    low, high = means.min(), means.max()
    heights = np.full(len(means), 0.5) if high - low < 1e-12 * max(1.0, abs(high)) else (means - low) / (high - low)
    return "".join(BARS[min(int(height * len(BARS)), len(BARS) - 1)] for height in heights)


def draw(said: Diagnosis, out: Path | BytesIO, say: Words, dark: bool = False) -> bool:
    """A PNG with one panel an evidence: its course, its threshold dashed, what a perfect generator shows dotted.

    False, and nothing is written, where no evidence has a course.
    """
    shown = [one for one in said.evidence if len(one.series) > 1][:6]
    if not shown:
        return False
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from ganvas.study.curves import DARK, LIGHT, in_units

    look = DARK if dark else LIGHT
    figure = Figure(figsize=(6.4, 1.7 * len(shown)), dpi=150, facecolor=look["ground"], layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    for ax, one in zip(panels, shown, strict=True):
        x, y = np.array(one.series).T
        ax.set_facecolor(look["ground"])
        ax.plot(x, y, color=look["lines"][1 if one.speaks else 0], linewidth=1.6)
        for level, style in ((one.threshold, "--"), (one.floor, ":")):
            if math.isfinite(level):
                ax.axhline(level, color=look["faint"], linestyle=style, linewidth=1)
        ax.set_title(_wrapped(evidence(one, said, say)), loc="left", fontsize=8, color=look["ink"])
        ax.tick_params(colors=look["ink"], labelsize=8, length=0)
        for side, spine in ax.spines.items():
            spine.set_visible(side == "bottom")
            spine.set_color(look["faint"])
    panels[-1].xaxis.set_major_formatter(lambda x, _: in_units(x))
    buffer = BytesIO()
    figure.savefig(buffer, format="png", facecolor=look["ground"], metadata={"Software": None})
    out.write(buffer.getvalue()) if isinstance(out, BytesIO) else files.write_atomic(Path(out), buffer.getvalue())
    return True


def _wrapped(text: str, width: int = 96) -> str:
    return (
        text if len(text) <= width else text[: text.rfind(" ", 0, width)] + "\n" + text[text.rfind(" ", 0, width) + 1 :]
    )
