"""The illnesses of a GAN that its log alone can show. Pure: rows and run.json in, findings out."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ganvas.study.lang import Words, speak
from ganvas.study.log import Row, bounds, judges, latest_phase, mean, players, series, tail
from ganvas.study.trend import FEWEST, Trend, trend

Run = Mapping[str, Any]

# what a move reports besides parts of its loss; a loss with other parts (L1, cycle, class) has no known equilibrium
PLAIN = {"loss", "real", "fake", "accuracy", "p_real", "p_fake", "penalty", "grad_norm", "lr", "augment_p", "overfit"}
UNUSED = 0.1  # nats of KL; no more than that can an image and its code have in common
OFFSET_FREE = {"wasserstein", "hinge"}  # the generator's loss is −D(G(z)), whose zero is arbitrary


class Ill(NamedTuple):
    """Something that the log shows: its key, its name for a headline, a sentence or two with evidence and a way out."""

    key: str
    name: str
    sentence: str


def ills(rows: Sequence[Row], run: Run, say: Words | None = None) -> list[Ill]:
    """What the log shows of: broken numbers, D won, D learned nothing, G starved, an unused code, swings.

    Looks at the last phase. say: the language; not given: English.
    """
    if not rows:
        return []
    say, last = say or speak(), latest_phase(rows)
    checks = (_won, _learned_nothing, _starved, _collapsed, _swings)
    return [ill for ill in (_broken(rows, say), *(check(last, run, say) for check in checks)) if ill]


def _ill(say: Words, key: str, text: str = "text", /, **fields: Any) -> Ill:
    return Ill(key, say(f"ill.{key}.name"), say(f"ill.{key}.{text}", **fields))


def _broken(rows: Sequence[Row], say: Words) -> Ill | None:
    bad = [(row, key) for row in rows for key, value in row.items() if value is None or _endless(value)]
    if not bad:
        return None
    (first, key), count = bad[0], len({id(row) for row, _ in bad})
    return _ill(say, "broken", bad=count, n=len(rows), key=key, images=first["images"])


def _endless(value: Any) -> bool:
    return isinstance(value, float) and not np.isfinite(value)


def _won(rows: Sequence[Row], run: Run, say: Words) -> Ill | None:
    end, fair = tail(rows), equilibrium(rows, run).get("D", 0.0)
    loss, accuracy = mean(end, "D/loss"), mean(end, "D/accuracy")
    if len(rows) < FEWEST or not loss < 0.1 * fair or accuracy <= 0.98:
        return None
    right = say("ill.won.right", accuracy=percent(accuracy)) if accuracy == accuracy else ""
    return _ill(say, "won", n=len(end), right=right, loss=loss, fair=fair)


def _learned_nothing(rows: Sequence[Row], run: Run, say: Words) -> Ill | None:
    fair = equilibrium(rows, run).get("D", 0.0)
    idle = (series(rows, "D/loss") >= 0.99 * fair) & (np.abs(series(rows, "D/accuracy") - 0.5) <= 0.03)
    if len(rows) < FEWEST or not fair or idle.mean() < 0.95:
        return None
    return _ill(say, "idle", fair=fair)


def _starved(rows: Sequence[Row], run: Run, say: Words) -> Ill | None:
    believed = mean(tail(rows), "D/p_fake")
    if len(rows) < FEWEST or loss_name(run) != "minimax" or not believed < 0.01:
        return None
    return _ill(say, "starved", believed=believed)


def _collapsed(rows: Sequence[Row], run: Run, say: Words) -> Ill | None:
    kl = min((mean(tail(rows), f"{player}/kl") for player in bounds(rows)), default=np.inf)
    if len(rows) < FEWEST or not kl < UNUSED:
        return None
    return _ill(say, "collapsed", n=len(tail(rows)), kl=kl)


def _swings(rows: Sequence[Row], run: Run, say: Words) -> Ill | None:
    swings = [(what, course) for what, course in courses(rows, run, say) if course.kind == "swinging"]
    if not swings:
        return None
    told = [say("ill.swings.swing", what=what, cycles=c.cycles, low=c.low, high=c.high) for what, c in swings]
    return _ill(say, "swings", "alone" if bounds(rows) else "text", told=say.together(told))


def courses(rows: Sequence[Row], run: Run, say: Words | None = None) -> list[tuple[str, Trend]]:
    """What is followed, in words, and its trend over the last third.

    Each loss; of a Wasserstein critic its distance, of an explicit density its bound and the part that the code costs.
    """
    say = say or speak()
    if explicit := bounds(rows):
        watched = [(say(f"course.{key}"), series(rows, f"{p}/{key}")) for p in explicit for key in ("elbo", "kl")]
    elif loss_name(run) == "wasserstein":
        watched = [
            (say("course.distance", player=d), series(rows, f"{d}/real") - series(rows, f"{d}/fake"))
            for d in judges(rows)
        ]
    else:
        watched = [(say("course.loss", player=player), series(rows, f"{player}/loss")) for player in players(rows)]
    start = len(rows) - len(rows) // 3
    return [(what, course) for what, values in watched if (course := trend(values[start:]))]


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
