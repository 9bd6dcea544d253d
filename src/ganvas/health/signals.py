"""The numbers of a diagnosis, from the rows of the log (SCIENCE 2.1 a–d and f). Pure: rows and run.json in, evidence out.

A number that has no meaning for a run (the accuracy of a critic, the equilibrium of a loss that has none) is not there.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from ganvas.health.limits import LIMITS
from ganvas.study.diagnosis import Evidence
from ganvas.study.equilibrium import Run, equilibrium, loss_name
from ganvas.study.log import Row, bounds, judges, number, players, series
from ganvas.study.trend import FEWEST, trend

ROUNDS = 200  # a loss must have been somewhere for so long to be there
SETTLED = 10  # rows before a gradient norm is held against those before it
EARLY = 0.1  # share of the run against which the generator's gradient is held


def reading(
    id: str, value: float, images: Sequence[float] = (), values: Sequence[float] = (), error: float = np.nan
) -> Evidence:
    """Evidence with the limit of the table, and as its course those values that are finite."""
    limit = LIMITS[id]
    course = tuple((float(x), float(y)) for x, y in zip(images, values, strict=False) if np.isfinite(y))
    return Evidence(id, float(value), limit.at, limit.above, limit.floor, float(error), course)


def from_log(rows: Sequence[Row], run: Run) -> dict[str, Evidence]:
    """All that the rows of one phase show. Nothing but broken numbers where there are fewer than twelve."""
    found = list(_broken(rows))
    if len(rows) >= FEWEST:
        found += [*_discriminator(rows, run), *_generator(rows, run), *_swings(rows, run)]
    return {one.id: one for one in found if np.isfinite(one.value)}


def window(rows: Sequence[Row]) -> slice:
    """The last tenth of the rows, or as many as hold the last 200 rounds, five at least."""
    last = number(rows[-1].get("round"))
    recent = sum(number(row.get("round")) > last - ROUNDS for row in rows)
    return slice(-min(max(len(rows) // 10, recent, 5), len(rows)), None)


def _broken(rows: Sequence[Row]) -> Iterator[Evidence]:
    """A number that is not finite is null in the log, or a word that JSON has not (NaN)."""
    images = series(rows, "images")
    bad = [
        any(value is None or (isinstance(value, float) and not np.isfinite(value)) for value in row.values())
        for row in rows
    ]
    yield reading("broken", float(np.mean(bad)), images, np.array(bad, float))
    skipped = np.nan_to_num(series(rows, "skipped"))
    yield reading("skipped", skipped.max(initial=0.0), images, skipped)
    for player in players(rows):
        norm = series(rows, f"{player}/grad_norm")
        ratio = norm / np.concatenate([np.full(SETTLED, np.nan), _largest(norm)[SETTLED - 1 : -1]])[: len(norm)]
        recent = ratio[window(rows)]
        if np.isfinite(recent).any():
            yield reading("jump", np.nanmax(recent), images, ratio)


def _largest(values: np.ndarray) -> np.ndarray:
    """The largest so far, of those that are known."""
    known = np.maximum.accumulate(np.where(np.isfinite(values), values, 0.0))
    return np.where(known > 0, known, np.nan)


def _discriminator(rows: Sequence[Row], run: Run) -> Iterator[Evidence]:
    """How far D is from one who cannot tell: by its loss, and by its accuracy where logits have a zero."""
    images, now, judge = series(rows, "images"), window(rows), next(iter(judges(rows)), "D")
    fair = equilibrium(rows, run).get(judge, 0.0)
    loss, accuracy = series(rows, f"{judge}/loss"), series(rows, f"{judge}/accuracy")
    if fair > 0 and np.isfinite(loss[now]).any():
        share = loss / fair
        yield reading("judgement", np.nanmedian(share[now]), images, share)
        yield reading("wild", np.nanmedian(share[now]), images, share)
        yield reading("guessing", np.nanmedian(share[now]), images, share)
        begun = share[len(share) // 20 :]  # before that a loss is where chance has put it
        if np.isfinite(begun).any():
            yield reading("undecided", np.nanmin(begun), images, share)
    if has_zero(run) and np.isfinite(accuracy[now]).any():
        yield reading("told_apart", np.nanmean(accuracy[now]), images, accuracy)
        yield reading("coin", abs(np.nanmean(accuracy[now]) - 0.5), images, np.abs(accuracy - 0.5))


def _generator(rows: Sequence[Row], run: Run) -> Iterator[Evidence]:
    """What reaches G: |∂L_G/∂f| = σ(f) of the minimax loss, and G's gradient beside that of the start."""
    images, now = series(rows, "images"), window(rows)
    believed = series(rows, "D/p_fake")
    if loss_name(run) == "minimax" and np.isfinite(believed[now]).any():
        yield reading("pull", np.nanmean(believed[now]), images, believed)
    norm = series(rows, "G/grad_norm")
    early, late = norm[: max(int(EARLY * len(rows)), 3)], norm[now]
    if np.isfinite(early).any() and np.isfinite(late).any() and np.nanmedian(early) > 0 and not bounds(rows):
        yield reading("fading", np.nanmedian(late) / np.nanmedian(early), images, norm / np.nanmedian(early))
    for player in bounds(rows):
        kl = series(rows, f"{player}/kl")
        yield reading("code", np.nanmean(kl[now]), images, kl)


def _swings(rows: Sequence[Row], run: Run) -> Iterator[Evidence]:
    """Periods of the strongest swing in the last third: of the mean logit r̄ + f̄ (the mode that turns, Mescheder et al.
    2018), of the losses, of a critic's distance."""
    images = series(rows, "images")
    start = len(rows) - len(rows) // 3
    watched = [series(rows, f"{player}/loss") for player in players(rows)]
    if np.isfinite(real := series(rows, "D/real")).any():
        fake = series(rows, "D/fake")
        watched += [real + fake, real - fake]
    found = [
        (course.cycles, values) for values in watched if (course := trend(values[start:])) and course.kind == "swinging"
    ]
    cycles, values = max(found, key=lambda one: one[0], default=(0, watched[0] if watched else []))
    yield reading("cycles", cycles, images[start:], values[start:])


def has_zero(run: Run) -> bool:
    """Have the logits of this loss a zero, so that an accuracy means something?"""
    from ganvas.play.losses import LOSSES

    return loss_name(run) in LOSSES and LOSSES[loss_name(run)].boundary is not None
