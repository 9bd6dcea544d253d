"""Before training: are these data fit to learn from, and what does a recipe cost on this machine?"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ganvas import files
from ganvas.data.folders import listed
from ganvas.data.images import BadImage, read_image
from ganvas.data.open import NAMES, TASKS, open_source
from ganvas.data.pixels import resize
from ganvas.errors import BadInput, GanvasError
from ganvas.files import printable
from ganvas.plan import make_plan, opened, told
from ganvas.recipes import table
from ganvas.study.census import Census, decoded, evenly, of_folder, of_source
from ganvas.study.lint import Digests, Finding, together

MOST = 100_000  # files that are decoded; of more, evenly many
SHOWN, SIDE = 24, 96  # pairs on a sheet; pixels of each picture


class Estimate(NamedTuple):
    """What a whole run of a recipe takes on this machine, from timing its first rounds.

    images, batch: as the recipe has them. speed: images a second if nothing else ran; `seen`: beside the programs that
    run now. peak: bytes that this process held at most: program, data and networks together. ram: bytes that there are.
    """

    recipe: str
    images: int
    batch: int
    speed: float
    seen: float
    peak: int
    ram: int

    @property
    def seconds(self) -> float:
        return self.images / self.speed


class Health(NamedTuple):
    """What was seen (`facts`), found, said by the reader, and what a recipe would cost."""

    data: str
    facts: Mapping[str, Any]
    findings: tuple[Finding, ...]
    said: tuple[str, ...] = ()
    estimate: Estimate | None = None

    @property
    def verdict(self) -> str:
        """ "unusable", "mend" (usable, but something is worth mending) or "well"."""
        levels = {finding.level for finding in self.findings}
        return "unusable" if "bad" in levels else "mend" if "warn" in levels else "well"

    def to_json(self) -> str:
        """One JSON object."""
        cost = self.estimate and self.estimate._asdict() | {"seconds": self.estimate.seconds}
        found = [finding._asdict() for finding in self.findings]
        record = self._asdict() | {"verdict": self.verdict, "findings": found, "estimate": cost}
        return json.dumps(record, ensure_ascii=False, indent=1)


def examine(
    data: str,
    recipe: str | None = None,
    *,
    against: str | None = None,
    size: Any = None,
    most: int = MOST,
    drop: bool = False,
) -> Health:
    """Looks at `data`: a folder or zip of pictures, an array, or a data set's name.

    recipe: also open the data as it would, time its first rounds and say what they cost. against: pictures that must not
    be among them; not given: those in test/ or val/ beside train/, or what training would hold out. most: files decoded. drop:
    what has no partner is left out where the recipe is timed, as `ganvas train --drop-unpaired` does.
    Raises BadInput where there is nothing to look at.
    """
    others = _others(against, most) if against is not None else None  # first: a mistake in it is told at once
    census = _census(data, recipe, size, most)
    if others is not None:
        census = census._replace(other=others)
    with files.progress("looking for duplicates", len(census.seen.names)) as advance:
        found = census.findings(advance)
    estimate = None
    if recipe and not any(finding.level == "bad" for finding in found):
        try:
            estimate = cost(recipe, data, size, drop)
        except GanvasError as error:
            found.append(Finding("refused", "bad", {"why": str(error)}))
    found = [finding._replace(names=tuple(map(printable, finding.names))) for finding in found]
    found.sort(key=lambda finding: ("bad", "warn", "note").index(finding.level))
    return Health(data, census.facts, tuple(found), census.said, estimate)


def _census(data: str, recipe: str | None, size: Any, most: int) -> Census:
    wanted = table.wanted(table.find(recipe or "auto"))
    if _is_files(data):
        return of_folder(Path(data), wanted.kind if recipe else "", most)
    if wanted.kind == "images":
        return of_source(open_source(data, size=size))
    chosen = table.find(recipe)
    return of_source(opened(chosen, data, {"size": size} | told(chosen, {})))


def _is_files(data: str) -> bool:
    """A folder or zip of pictures, of which each has its own size; not a name, an array or MNIST's files."""
    path = Path(data)
    if data.partition(":")[0] in (*NAMES, *TASKS):
        return False
    return path.suffix.lower() == ".zip" or (path.is_dir() and not any(path.glob("*ubyte*")))


def _others(against: str, most: int) -> Digests:
    """All of another set of pictures."""
    if not _is_files(against):
        census = of_source(open_source(against))
        return together([census.seen, census.other]) if census.other else census.seen
    with listed(Path(against)) as listing:
        seen, _ = decoded(evenly(listing.entries, most), "looking at those it is compared with")
    if not seen.names:
        raise BadInput(
            f"--against {printable(against)} holds no picture that can be read: give a folder of test images"
        )
    return seen


def cost(recipe: str, data: str, size: Any = None, drop: bool = False) -> Estimate:
    """Opens the data as `recipe` does and plays its first rounds, on networks that are thrown away. Raises GanvasError."""
    import inspect
    import resource
    import sys

    import torch

    nothing = dict.fromkeys(inspect.signature(make_plan).parameters)
    with tempfile.TemporaryDirectory() as folder:  # the place of a run that is never begun
        given = {"recipe": recipe, "data": data, "run": Path(folder) / "run", "size": size, "arguments": {}}
        plan = make_plan(**nothing | given | {"flip": False, "strict": False, "drop_unpaired": drop})
        torch.set_num_threads(plan.circumstances["threads"])
        record, _, source = plan.prepare()
        speed, seen = plan.speed(table.find(recipe), source, record["arguments"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    ram = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Estimate(recipe, record["length"], record["arguments"]["batch"], speed, seen, peak, ram)


def twins(data: str, found: tuple[Finding, ...]) -> list[np.ndarray]:
    """The pictures of the pairs that were found in a folder, C×96×96 each, one after the other; 24 pairs at most."""
    named = [name for finding in found if finding.id in ("duplicates", "near") for name in finding.names]
    pictures = []
    for pair in named[:SHOWN] if Path(data).is_dir() else ():
        try:
            both = [read_image(Path(data) / name) for name in pair.replace(" ≈ ", " = ").split(" = ")]
            pictures += [resize(picture, (SIDE, SIDE)) for picture in both]
        except (BadImage, OSError, ValueError):  # renamed since, or a name that holds " = " itself
            continue
    return pictures
