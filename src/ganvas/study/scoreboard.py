"""The scores of a run on its page: how they went while it trained, and the last ones with their cards."""

import json
from collections.abc import Iterator
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

from ganvas.study.card import Score, newest
from ganvas.study.curves import DARK, LIGHT

WATCH, SCORES, NEIGHBOURS = "watch.jsonl", "scores.jsonl", "neighbours.png"
SIDES = {"average": "moving average", "live": "live generator"}


def looks(run: Path) -> list[dict[str, Any]]:
    """The rows of watch.jsonl that can be read."""
    return [row for row in _rows(run / WATCH) if "images" in row]


def scores(run: Path) -> list[Score]:
    """The newest score of each name."""
    return newest(every_score(run))


def every_score(run: Path) -> list[Score]:
    """All of scores.jsonl that can be read, oldest first."""
    found = []
    for row in _rows(run / SCORES):
        try:
            found.append(Score.from_json(row))
        except (TypeError, KeyError):  # of another version
            continue
    return found


def course(rows: list[dict[str, Any]], dark: bool = False) -> bytes:
    """A PNG of the watched score over the images seen, for both generators, with two standard errors; hollow marks are
    looks that were no improvement."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    look = DARK if dark else LIGHT
    figure = Figure(figsize=(6.4, 3.0), dpi=200, facecolor=look["ground"], layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.subplots()
    ax.set_facecolor(look["ground"])
    for (side, name), colour in zip(SIDES.items(), look["lines"], strict=False):
        mine = [(row["images"], row[side]) for row in rows if side in row]
        if not mine:
            continue
        at, values = [images for images, _ in mine], [found["score"] for _, found in mine]
        ax.errorbar(at, values, [2 * found["error"] for _, found in mine], color=colour, linewidth=1.6, label=name)
        for images, found in mine:
            fill = colour if found["better"] else look["ground"]
            ax.plot(images, found["score"], "o", color=colour, markerfacecolor=fill, markersize=5)
    if min((row[s]["score"] for row in rows for s in SIDES if s in row), default=0) > 0:
        ax.set_yscale("log")
    ax.set_xlabel("real images seen", color=look["ink"])
    ax.set_ylabel(f"corrected distance in {rows[-1]['extractor']}", color=look["ink"])
    ax.tick_params(colors=look["ink"], which="both")
    for spine in ax.spines.values():
        spine.set_color(look["faint"])
    ax.legend(frameon=False, labelcolor=look["ink"])
    buffer = BytesIO()
    figure.savefig(buffer, format="png", facecolor=look["ground"], metadata={"Software": None})
    return buffer.getvalue()


def as_html(found: list[Score]) -> str:
    """A row a score, its card beneath it."""
    rows = []
    for score in found:
        also = "".join(f", {escape(name)} {value:.4g}" for name, value in score.also.items())
        note = f"; {escape(score.note)}" if score.note else ""
        shown = f"{escape(score.shown())}{also}{note}<br><small>{escape(str(score.card))}</small>"
        rows.append(f"<tr><th>{escape(score.name)}</th><td>{shown}</td></tr>")
    note = "The floor is what a perfect generator would get on average at these numbers of images."
    return f"<table>{''.join(rows)}</table><p>{note}</p>" if rows else ""


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:  # the last line of a run that was killed
            continue
        if isinstance(row, dict):
            yield row
