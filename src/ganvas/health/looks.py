"""The numbers of a diagnosis, from the looks into the game (SCIENCE 2.1 e–r). Pure: rows of health.jsonl in, evidence out."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ganvas.health.signals import reading
from ganvas.measure.classes import missing
from ganvas.study.diagnosis import Evidence
from ganvas.study.log import Row, mean, series

RECENT, LONGER = 3, 5  # looks whose median is the value now
POOLED = 256  # fakes, of the last looks, that classes are counted in at least
FEW_LOOKS = 6  # below which no course is spoken of
LINT = ("outside", "used", "flat", "duplicates", "labels", "eps")
FOLLOWED = ("answers", "lead", "push", "pull", "diversity", "spread", "copying", "restless", "progress",
            "average", "lag", "norm_gap")  # fmt: skip
BLIND = 1e-4  # change of ln(distance) that is none


def from_looks(looks: Sequence[Row], shares: Sequence[float] = ()) -> dict[str, Evidence]:
    """What the looks of one phase show. shares: of the real images in each class, where a classifier fits them."""
    found = [
        *_lint(looks),
        *_followed(looks),
        *_moved(looks),
        *_overfitting(looks),
        *_courses(looks),
        *_lost(looks, shares),
    ]
    return {one.id: one for one in found if math.isfinite(one.value)}


def _lint(looks: Sequence[Row]) -> Iterator[Evidence]:
    lint: Mapping[str, Any] = next((row["lint"] for row in reversed(looks) if "lint" in row), {})
    for key in LINT:
        if isinstance(lint.get(key), int | float):
            yield reading(key, lint[key])


def _followed(looks: Sequence[Row]) -> Iterator[Evidence]:
    images = series(looks, "images")
    for key in FOLLOWED:
        values = series(looks, key)
        recent = LONGER if key == "progress" else RECENT  # a swing passes through its own beginning now and then
        yield reading(key, _median(values[-recent:]), images, values)


def _moved(looks: Sequence[Row]) -> Iterator[Evidence]:
    """The most that D moved between any two of the last looks."""
    values = series(looks, "moved")[-RECENT:]
    if np.isfinite(values).sum() >= 2:
        yield reading("moved", np.nanmax(values), series(looks, "images"), series(looks, "moved"))


def _overfitting(looks: Sequence[Row]) -> Iterator[Evidence]:
    """r_v and its numerator in standard errors, over the last third of the looks: one alone divides by next to nothing
    where D hardly tells real from fake (SCIENCE 5.1)."""
    few = looks[-max(len(looks) // 3, RECENT) :]
    real, fake, unseen = (mean(few, key) for key in ("real", "fake", "held_out"))
    if np.isfinite(series(few, "unseen")).sum() < RECENT:
        return
    images = series(looks, "images")
    errors = mean(few, "unseen")
    yield reading("unseen", errors, images, series(looks, "unseen"))
    if real > fake:
        gap = (real - unseen) / (real - fake)
        yield reading("gap", gap, images, series(looks, "gap"), abs(gap / errors) if errors else math.nan)


def _courses(looks: Sequence[Row]) -> Iterator[Evidence]:
    """What became of the distance and of the variety over the second half of the looks so far."""
    images = series(looks, "images")
    if gone := course(looks):
        near = reading("nearing", gone[0], images, np.log(np.maximum(series(looks, "distance"), 1e-12)), gone[1])
        yield near._replace(
            threshold=max(near.threshold, -3 * gone[1])
        )  # or by three standard errors, which is as sure
    distance, variety, middle = series(looks, "distance"), series(looks, "diversity"), len(looks) // 2
    if len(looks) < FEW_LOOKS:
        return
    if (most := max(distance[np.isfinite(distance)], default=0.0)) > 0:
        yield reading("far", _median(distance[-RECENT:]) / most, images, distance / most)
        yield reading("begun", min(distance[np.isfinite(distance)]) / most, images, distance / most)
    gain = _median(variety[-RECENT:]) - _median(variety[middle - 1 : middle + 2])
    yield reading("gain", gain, images, variety)


def _median(values: np.ndarray) -> float:
    """Of those that are known; nan without any."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else math.nan


def _lost(looks: Sequence[Row], shares: Sequence[float]) -> Iterator[Evidence]:
    counts = pooled(looks)
    if len(shares) and len(counts) == len(shares):
        yield reading("lost", sum(shares[k] for k in missing(counts, shares)))


def pooled(looks: Sequence[Row], most: int = POOLED) -> np.ndarray:
    """How many fakes of each class there were, in as many of the last looks as make `most` of them."""
    total = np.zeros(0, int)
    for row in reversed(looks):
        if total.sum() >= most:
            break
        if isinstance(row.get("classes"), list):
            counts = np.array(row["classes"], int)
            total = counts if not len(total) else total + counts
    return total


def course(looks: Sequence[Row]) -> tuple[float, float] | None:
    """Change of ln(distance to real images) over the second half of the looks, and its standard error.

    The slope of a line through the looks, times their span. None where they are too few to say, and where the distance
    never moved at all: then the eye sees no difference between one generated picture and another.
    """
    x, y = series(looks, "images"), series(looks, "distance")
    known = np.isfinite(y) & (y > 0)
    x, y = x[known], np.log(y[known])
    if len(looks) < FEW_LOOKS or not len(y) or np.ptp(y) < BLIND:
        return None
    half = series(looks, "images")[len(looks) // 2]
    x, y = x[x >= half], y[x >= half]
    if len(x) < 4 or x[-1] <= x[0]:
        return None
    x = (x - x.mean()) / (x[-1] - x[0])
    slope = float((x * y).sum() / (x * x).sum())
    left = y - y.mean() - slope * x
    return slope, float(np.sqrt((left**2).sum() / (len(x) - 2) / (x * x).sum()))
