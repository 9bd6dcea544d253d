"""From numbers to one diagnosis: the table of `limits`, read from the top. Pure: the files of a run in, a `Diagnosis` out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganvas.health.limits import CONFIDENCE, FEW, LIMITS, TRIAGE, YOUNG
from ganvas.health.looks import course, from_looks, pooled
from ganvas.health.remedies import remedy
from ganvas.health.signals import from_log, reading
from ganvas.measure.classes import missing
from ganvas.study import scoreboard
from ganvas.study.diagnosis import Diagnosis, Evidence
from ganvas.study.equilibrium import Run, loss_name, record
from ganvas.study.log import Row, latest_phase, number, phase, read_log, read_rows, settle
from ganvas.training.run import RunFolder

HEALTH = "health.jsonl"
SHOWN_WHEN_WELL = ("judgement", "told_apart", "lead", "diversity", "lost", "gap", "copying", "push", "code")
BESIDE = {  # what is shown with what speaks, because it makes the picture whole
    "discriminator_winning": ("pull", "push", "lead"),
    "vanishing_gradient": ("judgement", "told_apart", "push"),
    "collapsing": ("diversity", "spread", "lost"),
    "overfitting": ("copying",),
    "memorising": ("gap",),
    "oscillating": ("restless", "progress", "cycles"),
}


def diagnose(folder: str | Path) -> Diagnosis:
    """What ails the run in this folder, at any time: while it trains, stopped, or from before there were looks.

    Raises BadInput where there is no run.
    """
    folder = Path(folder)
    about = RunFolder.open(folder).record
    return judge(read_log(folder / "log.jsonl"), read_looks(folder), about, folder, scoreboard.looks(folder))


def read_looks(folder: Path) -> list[Row]:
    """The looks in health.jsonl on one line of time, then the events (`sick`, `healed`), which nothing undoes; [] without."""
    rows = read_rows(folder / HEALTH)
    return [*settle([row for row in rows if "event" not in row]), *[row for row in rows if "event" in row]]


def judge(
    rows: Sequence[Row], looks: Sequence[Row], run: Run, folder: Path | None = None, watched: Sequence[Row] = ()
) -> Diagnosis:
    """One diagnosis from the rows of the log and the looks, of the last phase; watched: rows of watch.jsonl."""
    rows = latest_phase(settle(rows)) if rows else []
    here = phase(rows[-1]) if rows else 0
    looks = [row for row in looks if phase(row) == here]
    if not rows and not looks:
        return Diagnosis("unknown", math.nan, (), remedy("unknown", run, folder), "unknown", 0, {})
    found = readings(rows, looks, run, watched)
    images = int(max([number(row["images"]) for row in (*rows[-1:], *looks[-1:])]))
    young = early(rows, looks, run)
    name, evidence = _first(found, young)
    if not name:
        if "unseen" in found and not found["unseen"].speaks:  # r_v divides by next to nothing where D tells little
            found.pop("gap", None)
        evidence = tuple(found[k] for k in SHOWN_WHEN_WELL if k in found)
        name = _well(found, looks, run, images, young) if evidence else "unknown"
    facts = _facts(rows, looks, run) | {"images": images}
    sure = (
        CONFIDENCE.get(name, math.nan) if looks else math.nan
    )  # the suite has no runs that are read by their log alone
    return Diagnosis(name, sure, evidence, remedy(name, run, folder, evidence), name, images, facts)


def readings(rows: Sequence[Row], looks: Sequence[Row], run: Run, watched: Sequence[Row] = ()) -> dict[str, Evidence]:
    """Every number that means something for this run, by its id."""
    found = from_log(rows, run) if rows else {}
    lint: Mapping[str, Any] = next((row["lint"] for row in reversed(looks) if "lint" in row), {})
    found |= from_looks([row for row in looks if "event" not in row], lint.get("shares", ()))
    if (
        loss_name(run) != "minimax"
    ):  # with other losses next to nothing passes where G has fooled D, which is no illness
        found.pop("pull", None)
    return found | _gave_up(rows, looks, run) | _copies(watched)


def _gave_up(rows: Sequence[Row], looks: Sequence[Row], run: Run) -> dict[str, Evidence]:
    """How often the guard sent the run back lately: since it was healed, and not yet outlived by a tenth of the plan."""
    now = max((number(row["images"]) for row in (*rows[-1:], *looks[-1:]) if "event" not in row), default=0.0)
    healed = max((number(one["seen"]) for one in run.get("healed", ())), default=-1.0)
    planned = number(run.get("length", run.get("images")))
    at = [number(row["images"]) for row in looks if row.get("event") == "sick" and number(row["images"]) > healed]
    recent = [images for images in at if not now > images + planned / 10]
    return {"gave_up": reading("gave_up", len(recent), recent, range(1, len(recent) + 1))} if recent else {}


def _copies(watched: Sequence[Row]) -> dict[str, Evidence]:
    """C_T of the scores' looks, which have ten times the pictures: below its limit at two looks in a row, so that one in
    eight may be bad luck."""
    seen = [(row["images"], (row.get("average") or row.get("live") or {}).get("c_t")) for row in watched]
    seen = [(images, c_t) for images, c_t in seen if c_t is not None]
    if len(seen) < 2:
        return {}
    images, c_t = zip(*seen, strict=True)
    return {"copying": reading("copying", max(c_t[-2:]), images, c_t)}


def early(rows: Sequence[Row], looks: Sequence[Row], run: Run) -> bool:
    """Is the run too young for what every run shows at its start: little of its plan, or few rounds at all?"""
    planned, last = number(run.get("length", run.get("images"))), [*rows[-1:], *looks[-1:]]
    images = max(number(row["images"]) for row in last)
    rounds = max((number(row["round"]) for row in last if "round" in row), default=math.inf)
    return rounds < FEW or (images < YOUNG * planned if planned > 0 else False)


def _first(found: Mapping[str, Evidence], young: bool) -> tuple[str, tuple[Evidence, ...]]:
    """The first diagnosis of the table that is borne out, and its evidence."""
    for name, ways in TRIAGE:
        for way in ways:
            way = [id.rstrip("?") for id in way if id in found or not id.endswith("?") or id[:-1] in found]
            if young and not all(LIMITS[id].always for id in way):
                continue
            if all(id in found and found[id].speaks for id in way):
                others = [found[id] for w in ways for id in w if id in found and found[id].speaks and id not in way]
                beside = [found[id] for id in BESIDE.get(name, ()) if id in found]
                told = {one.id: one for one in (*(found[id] for id in way), *others, *beside)}
                return name, tuple(told.values())
    return "", ()


def _well(found: Mapping[str, Evidence], looks: Sequence[Row], run: Run, images: int, young: bool) -> str:
    """Nothing ails it: does it still come nearer to the real images? What has little variety, or has only begun, is not
    called healthy."""
    poor = young or any(id in found and found[id].speaks for id in ("diversity", "lost"))
    gone = course([row for row in looks if "event" not in row])
    planned = number(run.get("length", run.get("images")))
    if gone is None:
        return "early" if poor else "healthy"
    change, error = gone
    if change < -2 * error and change < -0.05:
        return "learning"
    near = "far" not in found or not found["far"].speaks
    if poor:
        return "early"
    return "converged" if near and planned > 0 and images >= planned / 2 and abs(change) < 0.3 else "healthy"


def _facts(rows: Sequence[Row], looks: Sequence[Row], run: Run) -> dict[str, Any]:
    """What sentences may want to name besides numbers."""
    spec, lint = record(run, "data", "spec"), next((row["lint"] for row in reversed(looks) if "lint" in row), {})
    facts: dict[str, Any] = {
        "recipe": run.get("recipe"), "data": spec.get("name"), "loss": loss_name(run), "n": number(spec.get("n")),
        "rounds": number(rows[-1].get("round")) if rows else math.nan, "eye": lint.get("eye", ""), "looks": len(looks),
    }  # fmt: skip
    names, shares, counts = lint.get("names") or (), lint.get("shares") or (), pooled(looks)
    if len(shares) and len(counts) == len(shares):
        facts["classes"] = ", ".join(str(names[k]) for k in missing(counts, shares))
    event = next((row for row in reversed(looks) if row.get("event") == "sick"), None)
    return facts | ({"first_broken": event.get("text", "")} if event else {})
