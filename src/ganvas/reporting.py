"""A run's page with what its files alone do not say: the doctor's diagnosis, the recipe's own words, data, a walk."""

from __future__ import annotations

import inspect
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ganvas import files
from ganvas.data.source import Source
from ganvas.errors import GanvasError
from ganvas.recipes.table import RECIPES
from ganvas.study.lang import Words, speak
from ganvas.study.log import elapsed, read_log
from ganvas.study.report import read_record, write_report

if TYPE_CHECKING:
    from ganvas.study.diagnosis import Diagnosis

LOOKED, VALUES = 5_000, 2**28  # pictures of the data that are looked at when training ends, and numbers in them
LONG = 60.0  # seconds of training from which on a walk is made at once; `ganvas report` makes it for shorter runs
CELLS, STOPS, STEPS = 12, 4, 12  # walks side by side, latents on each, pictures from one to the next
SIDE, HEAVY = (
    400,
    1_000_000,
)  # pixels of the film's longer side; bytes above which it is written with loss, then smaller


def report(
    run: Path, language: str = "en", source: Source | None = None, say: Callable[[str], None] = lambda text: None
) -> Path:
    """Writes RUN/report.html and returns its path. Raises BadInput where there is no run, and Storage.

    source: the data, where they are open: what is wrong with them is looked for once, told to `say` where it is worth
    mending, and kept in RUN/lint.json.
    """
    run = Path(run)
    about = read_record(run)
    if source is not None and not (run / "lint.json").exists():
        _lint(run, source, speak(language), say)
    if source is None or elapsed(read_log(run / "log.jsonl")) > LONG:
        walk(run)
    found, recipe = diagnosis(run), described(str(about.get("recipe")))
    return write_report(run, language, described=recipe, diagnosis=found, notes=_notes(found, language))


def described(recipe: str) -> str:
    """What one of our recipes says of itself, without its arguments; "" for others: nothing is imported by a file's word."""
    if recipe not in RECIPES:
        return ""
    words = inspect.cleandoc(RECIPES[recipe].__doc__ or "").split("Args:")[0].strip()
    return re.sub(r"(?<!\n)\n(?!\n)", " ", words)


def _lint(run: Path, source: Source, words: Words, say: Callable[[str], None]) -> None:
    from ganvas.study.census import of_source

    census = of_source(source, min(LOOKED, VALUES // math.prod(source.spec.shape)))
    found = census.findings()
    for one in found:
        if one.level != "note":
            say(words("preflight.told", how=words(f"data.{one.id}.how", **one.fields)))
    record = {"n": len(census.seen.names), "findings": [one._asdict() for one in found]}
    files.write_atomic(run / "lint.json", json.dumps(record))


def diagnosis(run: Path) -> Diagnosis | None:
    """What the doctor says; None where run.json is too old or too bare for that, and good enough for a page."""
    from ganvas.health.triage import diagnose

    try:
        return diagnose(run)
    except GanvasError:
        return None


def _notes(found: Diagnosis | None, language: str) -> list[str]:
    from ganvas.health.page import doctors_words, notes

    return notes(found, doctors_words(language)) if found else []


def walk(run: Path) -> Path | None:
    """Writes RUN/samples/walk.webp: twelve pictures, each on a round trip through four latents. None for a run without a
    snapshot or without a z. A walk of this very snapshot is not made again."""
    snapshot, out = run / "snapshots" / "last.safetensors", run / "samples" / "walk.webp"
    try:
        if out.stat().st_mtime_ns > snapshot.stat().st_mtime_ns:
            return out
    except OSError:
        if not snapshot.exists():
            return None
    import numpy as np

    from ganvas.loading import load
    from ganvas.study import latents, walk
    from ganvas.study.panels import enlarged
    from ganvas.study.sheets import film

    try:
        generator = latents.with_latents(load(run), run)
    except GanvasError:
        return None
    height, width = generator.spec.shape[1:]
    if max(height, width) < 8:  # points
        return None
    cells = CELLS if max(height, width) <= 64 else CELLS // 2 if max(height, width) <= 128 else 2
    every = latents.random_places(generator, cells * STOPS, 0)
    paths = []
    for k in range(cells):  # all stops of a picture have its first one's label
        stops = every.take(np.arange(STOPS) * cells + k)
        told = None if every.label is None else every.label[[k] * STOPS]
        paths.append(walk.walk(stops._replace(label=told), STOPS * STEPS, walk.natural(generator.prior), loop=True))
    columns = max(c for c in (2, 3, 4) if cells % c == 0)
    scale, frames = max(1, SIDE // (columns * width)), []
    with files.progress("walking through latent space", STOPS * STEPS) as advance:
        for step in range(STOPS * STEPS):
            places = latents.together([path.take([step]) for path in paths])
            frame = enlarged(generator.at(places.z, places.label), scale, columns, gap=2)
            frames.append(frame.convert("L") if generator.spec.shape[0] == 1 else frame)
            advance(1)
    with files.storage_errors(out):
        out.parent.mkdir(exist_ok=True)
    coloured = [frame.convert("RGB") for frame in frames]  # grey is written without loss
    for pictures, side in ((frames, SIDE), (coloured, SIDE), (coloured, SIDE // 2)):
        film(pictures, out, hold=0, side=side)
        if out.stat().st_size <= HEAVY:
            break
    return out
