"""What was measured, on a run's page: curves with the equilibrium constants drawn in, scores with their cards."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from itertools import pairwise
from pathlib import Path

import numpy as np

from ganvas.study import scoreboard, traces
from ganvas.study.card import Score
from ganvas.study.equilibrium import Run, equilibrium
from ganvas.study.lang import Words
from ganvas.study.log import Row, bounds, phase, series
from ganvas.study.pages.page import embed, figure, opened, table
from ganvas.study.pages.plot import Level, Line, plot


def curves(rows: Sequence[Row], about: Run, say: Words) -> str:
    """Each player's loss over the images seen, and what the discriminators believe or what a code costs."""
    images = series(rows, "images")
    axis = say("report.images_seen")

    def lines(found: Sequence[traces.Trace]) -> list[Line]:
        return [Line(name, images, values) for name, values in found]

    losses = traces.losses(rows, say)
    rest = equilibrium(rows, about) if rows else {}
    names = [name for name, _ in losses]
    begins = [
        (before["images"], say("report.phase", phase=phase(row) + 1))
        for before, row in pairwise(rows)
        if phase(row) != phase(before)
    ]
    explicit = bool(bounds(rows))
    title = say("report.bound" if explicit else "report.losses")
    found = plot(title, lines(losses), levels=_rest(rest, names, say), phases=begins, axis=axis)
    if explicit:
        return found + plot(say("report.kl"), lines(traces.parts(rows, {"kl": "KL"})), phases=begins, axis=axis)
    half = [Level(0.5, say("report.half"))]
    return found + plot(
        say("report.beliefs"),
        lines(traces.beliefs(rows, say)),
        levels=half,
        phases=begins,
        axis=axis,
        window=(-0.02, 1.02),
    )


def _rest(rest: Mapping[str, float], names: Sequence[str], say: Words) -> list[Level]:
    """Where losses would come to rest; a height that two players share belongs to nobody."""
    heights: dict[float, list[int]] = {}
    for k, name in enumerate(names):
        if name in rest:
            heights.setdefault(round(rest[name], 6), []).append(k)
    return [
        Level(
            y, say("report.rest", player=say.together([names[k] for k in who]), level=f"{y:.3g}"), *who[: len(who) == 1]
        )
        for y, who in heights.items()
    ]


def scores(run: Path, say: Words) -> str:
    """How the watched score went, the newest of each score with its card, and the sheets of neighbours and missing kinds."""
    found = {"nearest": opened(run / scoreboard.NEIGHBOURS), "missing": opened(run / scoreboard.MISSING)}
    sheets = [figure(say(f"report.{name}"), embed(picture)) for name, picture in found.items() if picture]
    return _watched(scoreboard.looks(run), say) + _scored(scoreboard.scores(run), say) + "".join(sheets)


def _watched(looks: Sequence[dict], say: Words) -> str:
    if not looks:
        return ""
    lines = []
    for side in scoreboard.SIDES:
        mine = [(row["images"], row[side]["score"], row[side]["better"]) for row in looks if side in row]
        if mine:
            x, y, better = (np.array(part, float) for part in zip(*mine, strict=True))
            lines.append(Line(say(f"report.{side}"), x, y, hollow=better == 0))
    positive = min((float(np.nanmin(line.y)) for line in lines), default=0) > 0
    caption = say("report.watched", extractor=str(looks[-1].get("extractor", "")))
    return plot(caption, lines, axis=say("report.images_seen"), log=positive)


def _scored(found: Sequence[Score], say: Words) -> str:
    """A row a score with its own settings; beneath them the card that they share, or each of several."""
    if not found:
        return ""
    cards = list(dict.fromkeys(str(replace(score.card, settings="")) for score in found))
    rows, marks = [], [f"[{k}] " for k in range(1, len(cards) + 1)] if len(cards) > 1 else [""]
    for score in found:
        mark = marks[cards.index(str(replace(score.card, settings="")))]
        also = [f"{name} {value:.4g}" for name, value in score.also.items()]
        small = "; ".join(filter(None, [score.card.settings, ", ".join(also), score.note]))
        rows.append((score.name, f"{escape(score.shown())}<br><small>{mark}{escape(small)}</small>"))
    below = "".join(f"<p><small>{mark}{escape(card)}</small></p>" for mark, card in zip(marks, cards, strict=True))
    return f"{table(rows)}{below}<p>{say('report.floor')}</p>"
