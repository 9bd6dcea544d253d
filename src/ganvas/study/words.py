"""What a log says, in plain sentences. Pure: rows and run.json in, text out; nothing beyond what was measured.

`run` is run.json as read; whatever it lacks is not spoken of. Pictures are never judged: losses cannot do that.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ganvas.study.log import Row, elapsed, number, phase, players, series, settle
from ganvas.study.trend import FEWEST, Trend, trend

Run = Mapping[str, Any]

# what a move reports besides parts of its loss; a loss with other parts (L1, cycle, class) has no known equilibrium
PLAIN = {"loss", "real", "fake", "accuracy", "p_real", "p_fake", "penalty", "grad_norm", "lr"}
OFFSET_FREE = {"wasserstein", "hinge"}  # the generator's loss is −D(G(z)), whose zero is arbitrary


class Ill(NamedTuple):
    """Something that the log shows and that has a name."""

    name: str
    sentence: str


def headline(rows: Sequence[Row], run: Run) -> str:
    """What was trained on what, how far, how long, and whether the log shows an illness. One or two sentences."""
    rows = settle(rows)
    recipe, data = run.get("recipe") or "A recipe", record(run, "data").get("source") or "data"
    if not rows:
        return f"{recipe} on {data}: nothing is logged yet."
    images, planned = rows[-1]["images"], number(run.get("length", run.get("images")))
    done = f"{recipe} was trained on {data}: {images:,.0f} images seen"
    if per_epoch := number(record(run, "data", "spec").get("n", 0)) or 0:
        done += f" ({images / per_epoch:.3g} epochs)"
    if seconds := elapsed(rows):
        done += f" in {duration(seconds)}"
    if planned > 0:
        done += ", its whole plan." if images >= planned else f", {percent(images / planned)} of the {planned:,.0f} planned."
    else:
        done += "."
    if found := ills(rows, run):
        return f"{done} The log shows an illness: {' and '.join(ill.name for ill in found)}."
    return f"{done} The log shows none of the illnesses it can show." if len(rows) >= FEWEST else done


def describe(rows: Sequence[Row], run: Run) -> list[str]:
    """What the numbers of the last phase say, most important first."""
    rows = settle(rows)
    if not rows:
        return ["Nothing is logged yet, so there is nothing to say about the training."]
    last, loss = latest_phase(rows), loss_name(run)
    said = []
    if phase(last[0]) > 0:
        start = last[0]["images"]
        said.append(f"The run is in its phase {phase(last[0]) + 1}; what follows is about that phase, from {start:,.0f} images on.")
    found = ills(rows, run)
    said += [ill.sentence for ill in found]
    for judge in judges(last):
        said += _standing(judge, last, loss)
    said += _trends(last, loss)
    if len(last) < FEWEST:
        count = "Only one row is" if len(last) == 1 else f"Only {len(last)} rows are"
        said.append(f"{count} logged{' in this phase' if len(last) < len(rows) else ''}: too few to speak of trends.")
    elif not found:
        said.append(
            "Looked for and not found: numbers that are not finite, a discriminator that has won or has learned nothing, "
            "a starved generator, losses that swing in the last third."
        )
    if skipped := np.nanmax(series(rows, "skipped"), initial=0):
        said.append(f"Up to {skipped:.0f} of 1,000 updates in a row were skipped because a number in them was not finite.")
    said += _halves(last, run)
    return [*said, "None of this measures how good or how varied the pictures are: compare the sheets by eye."]


def equilibrium(rows: Sequence[Row], run: Run) -> dict[str, float]:
    """The loss of each player where generated images are perfect and D cannot tell, for losses that have such a value.

    Empty where the loss is unknown, or where a player's loss has parts besides the adversarial one.
    """
    from ganvas.play.losses import LOSSES

    name = loss_name(run)
    parts = {key.split("/")[1] for row in rows for key in row if key.count("/") == 1}
    if name not in LOSSES or not set(players(rows)) <= {"D", "G"} or not parts <= PLAIN:
        return {}
    discriminator, generator = LOSSES[name].equilibrium
    return {"D": discriminator} if name in OFFSET_FREE else {"D": discriminator, "G": generator}


def ills(rows: Sequence[Row], run: Run) -> list[Ill]:
    """The illnesses that the log shows, of those that a log can show."""
    from ganvas.play.losses import LOSSES

    found = _not_finite(rows)
    last, name = latest_phase(rows), loss_name(run)
    end, fair = tail(last), equilibrium(last, run).get("D", 0.0)
    accuracy = mean(end, "D/accuracy")
    if len(last) >= FEWEST and fair > 0:
        if mean(end, "D/loss") < 0.1 * fair and not accuracy <= 0.98:
            right = f"it is right {percent(accuracy)} of the time and " if accuracy == accuracy else ""
            found.append(
                Ill(
                    "the discriminator has won",
                    f"The discriminator has won: over the last {len(end)} rows {right}its loss, {mean(end, 'D/loss'):.2g}, is "
                    f"below a tenth of the {fair:.3g} of one that cannot tell. The generator learns little from such a judge; "
                    "a gradient penalty, dropout or a smaller learning rate in the discriminator weaken it.",
                )
            )
        losses, guesses = series(last, "D/loss"), series(last, "D/accuracy")
        idle = (losses >= 0.99 * fair) & ~(np.abs(guesses - 0.5) > 0.03)
        if idle.mean() > 0.95:
            found.append(
                Ill(
                    "the discriminator has learned nothing",
                    f"The discriminator has learned nothing: from the first row to the last its loss stays at {fair:.3g} or "
                    "above and it is right half of the time. This is not an equilibrium that was reached, it is a judge that "
                    "never judged: look at its learning rate, at too strong a penalty, and at the pixel range of both inputs.",
                )
            )
    believed = mean(end, "D/p_fake")
    if name == "minimax" and believed < 0.01:
        found.append(
            Ill(
                "the generator is starved",
                f"The generator is starved: D(G(z)) is {believed:.2g}, and with the minimax loss that is also the slope it "
                "learns from (vanishing gradient). The non-saturating loss keeps its slope near 1 here.",
            )
        )
    for label, values in _watched(last, name):
        course = trend(values[-(len(values) // 3) :])
        if course and course.kind == "swinging":
            found.append(
                Ill(
                    f"{label} swings",
                    f"{label[0].upper()}{label[1:]} swings: {course.cycles} times up and down, between {course.low:.2g} and "
                    f"{course.high:.2g}, in the last third of the log. The players chase each other instead of settling "
                    "(oscillation); smaller learning rates, a smaller β1 or a gradient penalty damp it.",
                )
            )
    known = LOSSES.get(name)
    assert known is None or known.equilibrium  # the table is the one place that knows losses
    return found


def _not_finite(rows: Sequence[Row]) -> list[Ill]:
    bad = [(row, key) for row in rows for key, value in row.items() if value is None or not np.isfinite(number(value))]
    if not bad:
        return []
    (first, key), count = bad[0], len({id(row) for row, _ in bad})
    return [
        Ill(
            "its numbers broke down",
            f"{count} of {len(rows)} rows hold a number that is not finite, first {key} at {first['images']:,.0f} images. "
            "What was learned after that cannot be trusted; a smaller learning rate or a checkpoint from before is the way on.",
        )
    ]


def _standing(judge: str, rows: Sequence[Row], loss: str) -> list[str]:
    """How one discriminator fares at the end."""
    end = tail(rows)
    who = {"D": "the critic" if loss == "wasserstein" else "the discriminator"}.get(judge, f"discriminator {judge}")
    over = f"In the last {len(end)} rows" if len(end) > 1 else "In the last row"
    accuracy, real, fake = (mean(end, f"{judge}/{key}") for key in ("accuracy", "real", "fake"))
    p_real, p_fake = mean(end, f"{judge}/p_real"), mean(end, f"{judge}/p_fake")
    said = []
    if accuracy == accuracy:
        told = "ranks a real image above a generated one" if loss in ("relativistic", "wasserstein") else "tells real from generated images"
        said.append(f"{over} {who} {told} {percent(accuracy)} of the time (guessing would be 50 %).")
    if p_real == p_real and p_fake == p_fake:
        said.append(
            f"D(x), its belief in real images, is {p_real:.2f}; D(G(z)), in generated ones, {p_fake:.2f}. At equilibrium both "
            "would be 0.50."
        )
    elif real == real and fake == fake:
        said.append(
            {
                "least_squares": f"It answers {real:.2f} to real and {fake:.2f} to generated images, asked for 1 and 0. At "
                "equilibrium both would be 0.50.",
                "hinge": f"It scores real images {real:+.2f} and generated ones {fake:+.2f}, asked for more than +1 and less "
                "than −1. At equilibrium both would be the same.",
                "relativistic": f"It scores real images {real - fake:.2f} higher than generated ones; only this difference "
                "means anything, and at equilibrium it would be 0.",
                "wasserstein": _distance(rows, judge),
            }.get(loss, f"Its mean score is {real:.2f} on real and {fake:.2f} on generated images.")
        )
    return [" ".join(said)] if said else []


def _distance(rows: Sequence[Row], judge: str) -> str:
    gap = series(rows, f"{judge}/real") - series(rows, f"{judge}/fake")
    count = len(tail(rows))
    then = f" (it was {np.nanmean(gap[:count]):.3g} in the first {count})" if len(rows) >= FEWEST and np.isfinite(gap[:count]).any() else ""
    return (
        f"Its estimate of the distance between real and generated images is {np.nanmean(gap[-count:]):.3g}{then}. That "
        "estimate has the critic's own scale: it compares moments of this run, not runs, and falling is what one hopes for. "
        "The critic's loss is minus that distance plus any penalty; the generator's is minus the score of its images, whose "
        "zero is arbitrary. Negative or rising losses are no fault here."
    )


def _trends(rows: Sequence[Row], loss: str) -> list[str]:
    start = len(rows) - len(rows) // 3
    courses = [(label, trend(values[start:])) for label, values in _watched(rows, loss)]
    told = [f"{label} {_course(course)}" for label, course in courses if course]
    if not told:
        return []
    span = f"{rows[start]['images']:,.0f} to {rows[-1]['images']:,.0f} images"
    calm = all(course.kind == "flat" for _, course in courses if course)
    hint = " A flat loss is a balance between the players; the pictures may still change." if calm and len(told) > 1 else ""
    return [f"Over the last third of the log ({span}) {' and '.join(told)}.{hint}"]


def _watched(rows: Sequence[Row], loss: str) -> list[tuple[str, np.ndarray]]:
    """The series whose course is told: every player's loss, or a Wasserstein critic's distance."""
    if loss == "wasserstein":
        return [
            (f"the distance that {'the critic' if d == 'D' else d} sees", series(rows, f"{d}/real") - series(rows, f"{d}/fake"))
            for d in judges(rows)
        ]
    return [(f"the loss of {player}", series(rows, f"{player}/loss")) for player in players(rows)]


def _course(course: Trend) -> str:
    return {
        "flat": f"stays near {course.level:.3g}",
        "rising": f"rises from {course.start:.3g} to {course.end:.3g}",
        "falling": f"falls from {course.start:.3g} to {course.end:.3g}",
        "swinging": f"swings between {course.low:.3g} and {course.high:.3g}",
        "wandering": f"wanders between {course.low:.3g} and {course.high:.3g}",
    }[course.kind]


def _halves(rows: Sequence[Row], run: Run) -> list[str]:
    if loss_name(run) not in ("minimax", "non_saturating", "least_squares", "hinge") or not equilibrium(rows, run):
        return []
    loss = mean(tail(rows), "D/loss")
    if loss != loss:
        return []
    return [
        f"The discriminator's loss here is the sum of its real and its fake half ({loss:.3g} at the end); sources that print "
        f"the mean of the two show half of it ({loss / 2:.3g})."
    ]


def loss_name(run: Run) -> str:
    """The adversarial loss in use, as `ganvas.play.losses` names it; "" where run.json does not say."""
    return str(record(run, "arguments").get("loss") or "").replace("-", "_")


def record(run: Any, *path: str) -> Mapping[str, Any]:
    """A record inside a record; {} where there is none."""
    for key in path:
        run = run.get(key) if isinstance(run, Mapping) else None
    return run if isinstance(run, Mapping) else {}


def judges(rows: Sequence[Row]) -> list[str]:
    """The players that look at both real and generated images to tell them apart."""
    return [p for p in players(rows) if p.startswith("D") or any(f"{p}/accuracy" in row for row in rows)]


def latest_phase(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if phase(row) == phase(rows[-1])]


def tail(rows: Sequence[Row]) -> list[Row]:
    """The last tenth of the rows, five at least: one row is noisy."""
    return list(rows[-max(5, len(rows) // 10) :])


def mean(rows: Sequence[Row], key: str) -> float:
    """Mean of the finite values; nan where there are none."""
    values = series(rows, key)
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else float("nan")


def percent(share: float) -> str:
    """0.81 → "81 %", 0.996 → "99.6 %": what is not all is not rounded to all."""
    return f"{100 * share:.1f} %" if 0 < share < 0.015 or 0.985 < share < 1 else f"{100 * share:.0f} %"


def duration(seconds: float) -> str:
    """250 → "4 min 10 s"; at most two units."""
    s = round(seconds)
    units = [(s // 86400, "d"), (s // 3600 % 24, "h"), (s // 60 % 60, "min"), (s % 60, "s")]
    first = next((i for i, (count, _) in enumerate(units) if count), 3)
    return " ".join(f"{count} {unit}" for count, unit in units[first : first + 2] if count or unit == "s" and first == 3)
