"""The illnesses of a GAN that its log alone can show. Pure: rows and run.json in, findings out."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ganvas.study.log import Row, bounds, judges, latest_phase, mean, players, series, tail
from ganvas.study.trend import FEWEST, Trend, trend

Run = Mapping[str, Any]

# what a move reports besides parts of its loss; a loss with other parts (L1, cycle, class) has no known equilibrium
PLAIN = {"loss", "real", "fake", "accuracy", "p_real", "p_fake", "penalty", "grad_norm", "lr", "augment_p", "overfit"}
UNUSED = 0.1  # nats of KL; no more than that can an image and its code have in common
OFFSET_FREE = {"wasserstein", "hinge"}  # the generator's loss is −D(G(z)), whose zero is arbitrary


class Ill(NamedTuple):
    """Something that the log shows: its name for a headline, and a sentence or two with the evidence and a way out."""

    name: str
    sentence: str


def ills(rows: Sequence[Row], run: Run) -> list[Ill]:
    """What the log shows of: broken numbers, D won, D learned nothing, G starved, an unused code, swings.

    Looks at the last phase.
    """
    if not rows:
        return []
    last = latest_phase(rows)
    checks = (_won, _learned_nothing, _starved, _collapsed, _swings)
    return [ill for ill in (_broken(rows), *(check(last, run) for check in checks)) if ill]


def _broken(rows: Sequence[Row]) -> Ill | None:
    bad = [(row, key) for row in rows for key, value in row.items() if value is None or _endless(value)]
    if not bad:
        return None
    (first, key), count = bad[0], len({id(row) for row, _ in bad})
    return Ill(
        "its numbers broke down",
        f"{count} of {len(rows)} rows hold a number that is not finite, first {key} at {first['images']:,.0f} images. "
        "What was learned from there on cannot be trusted; go back to a checkpoint from before, with a smaller "
        "learning rate.",
    )


def _endless(value: Any) -> bool:
    return isinstance(value, float) and not np.isfinite(value)


def _won(rows: Sequence[Row], run: Run) -> Ill | None:
    end, fair = tail(rows), equilibrium(rows, run).get("D", 0.0)
    loss, accuracy = mean(end, "D/loss"), mean(end, "D/accuracy")
    if len(rows) < FEWEST or not loss < 0.1 * fair or accuracy <= 0.98:
        return None
    right = f"it is right {percent(accuracy)} of the time and " if accuracy == accuracy else ""
    return Ill(
        "the discriminator has won",
        f"The discriminator has won: in the last {len(end)} rows {right}its loss, {loss:.2g}, is below a tenth of the "
        f"{fair:.3g} of one that cannot tell. The generator learns little from such a judge; a gradient penalty, "
        "dropout or a smaller learning rate in the discriminator weaken it.",
    )


def _learned_nothing(rows: Sequence[Row], run: Run) -> Ill | None:
    fair = equilibrium(rows, run).get("D", 0.0)
    idle = (series(rows, "D/loss") >= 0.99 * fair) & (np.abs(series(rows, "D/accuracy") - 0.5) <= 0.03)
    if len(rows) < FEWEST or not fair or idle.mean() < 0.95:
        return None
    return Ill(
        "the discriminator has learned nothing",
        f"The discriminator has learned nothing: from the first row to the last its loss stays at the {fair:.3g} of "
        "one that cannot tell, or above, and it is right half of the time. That is not an equilibrium that was reached "
        "but a judge that never judged: look at its learning rate, at too strong a penalty, at the pixel range of both "
        "its inputs.",
    )


def _starved(rows: Sequence[Row], run: Run) -> Ill | None:
    believed = mean(tail(rows), "D/p_fake")
    if len(rows) < FEWEST or loss_name(run) != "minimax" or not believed < 0.01:
        return None
    return Ill(
        "the generator is starved",
        f"The generator is starved: D(G(z)) is {believed:.2g}, and with the minimax loss that is also the slope it "
        "learns from (vanishing gradient). The non-saturating loss has a slope near 1 here.",
    )


def _collapsed(rows: Sequence[Row], run: Run) -> Ill | None:
    kl = min((mean(tail(rows), f"{player}/kl") for player in bounds(rows)), default=np.inf)
    if len(rows) < FEWEST or not kl < UNUSED:
        return None
    return Ill(
        "posterior collapse",
        f"Posterior collapse: in the last {len(tail(rows))} rows KL is {kl:.2g} nats an image, and that is the most that "
        "the code z can say about its image. The decoder draws the same picture whatever it is told; a smaller --sigma or "
        "--beta makes the code worth its price.",
    )


def _swings(rows: Sequence[Row], run: Run) -> Ill | None:
    swings = [(label, course) for label, course in courses(rows, run) if course.kind == "swinging"]
    if not swings:
        return None
    told = " and ".join(f"{name} swings {c.cycles} times between {c.low:.2g} and {c.high:.2g}" for name, c in swings)
    return Ill(
        "oscillation",
        f"In the last third of the log {told}: the players chase each other instead of settling (oscillation). Smaller "
        "learning rates, a smaller β1 or a gradient penalty damp it."
        if not bounds(rows)
        else f"In the last third of the log {told} (oscillation). A smaller learning rate damps it.",
    )


def courses(rows: Sequence[Row], run: Run) -> list[tuple[str, Trend]]:
    """What is followed, in words, and its trend over the last third.

    Each loss; of a Wasserstein critic its distance, of an explicit density its bound and the part that the code costs.
    """
    if explicit := bounds(rows):
        watched = [
            (name, series(rows, f"{player}/{key}"))
            for player in explicit
            for name, key in (("the ELBO", "elbo"), ("KL", "kl"))
        ]
    elif loss_name(run) == "wasserstein":
        watched = [
            (f"the distance that {d} sees", series(rows, f"{d}/real") - series(rows, f"{d}/fake")) for d in judges(rows)
        ]
    else:
        watched = [(f"the loss of {player}", series(rows, f"{player}/loss")) for player in players(rows)]
    start = len(rows) - len(rows) // 3
    return [(label, course) for label, values in watched if (course := trend(values[start:]))]


def equilibrium(rows: Sequence[Row], run: Run) -> dict[str, float]:
    """The loss of each player where generated images are perfect and D cannot tell, for losses that have such a value.

    Empty where the loss is unknown, or where a player's loss has parts besides the adversarial one.
    """
    from ganvas.play.losses import LOSSES  # the one table of losses; it brings torch along

    name = loss_name(run)
    parts = {key.split("/")[1] for row in rows for key in row if key.count("/") == 1}
    if name not in LOSSES or not set(players(rows)) <= {"D", "G"} or not parts <= PLAIN:
        return {}
    discriminator, generator = LOSSES[name].equilibrium
    return {"D": discriminator} if name in OFFSET_FREE else {"D": discriminator, "G": generator}


def loss_name(run: Run) -> str:
    """The adversarial loss in use, as `ganvas.play.losses` names it; "" where run.json does not say."""
    return str(record(run, "arguments").get("loss") or "").replace("-", "_")


def record(run: Any, *path: str) -> Mapping[str, Any]:
    """A record inside a record; {} where there is none."""
    for key in path:
        run = run.get(key) if isinstance(run, Mapping) else None
    return run if isinstance(run, Mapping) else {}


def percent(share: float) -> str:
    """0.81 → "81 %", 0.996 → "99.6 %": what is not all is not rounded to all."""
    return f"{100 * share:.1f} %" if 0 < share < 0.015 or 0.985 < share < 1 else f"{100 * share:.0f} %"
