"""A line plot as HTML and inline SVG: it follows the reader's light or dark, its words keep their size on a phone.

The picture is stretched to any width, so everything in it is drawn in thousandths and strokes do not scale; what is to be
read stands around it as HTML.
"""

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np

from ganvas.study.traces import SMOOTH, frame, in_units, smooth, thinned

POINTS = 400  # a line is drawn with
TICKS = 4


class Line(NamedTuple):
    """x and y, nan where there is nothing. marks: also a dot at each point, hollow where `hollow`."""

    name: str
    x: np.ndarray
    y: np.ndarray
    hollow: np.ndarray | None = None


class Level(NamedTuple):
    """A dashed line across: where a number would come to rest, or where it begins to alarm. line: whose colour it has."""

    y: float
    text: str
    line: int | None = None


def plot(
    caption: str,
    lines: Sequence[Line],
    *,
    levels: Sequence[Level] = (),
    phases: Sequence[tuple[float, str]] = (),
    window: tuple[float, float] | None = None,
    axis: str = "",
    small: bool = False,
    log: bool = False,
) -> str:
    """A figure. window: lowest and highest y; not given: all but the wildest spikes. axis: what x is. phases: (x, text).

    Many points become a thin line as they are and a thick one smoothed. log: y by powers of ten.
    """
    lines = [line for line in lines if np.isfinite(line.y).any()]
    if not lines:
        return ""
    if log:
        lines = [line._replace(y=np.log10(np.where(line.y > 0, line.y, np.nan))) for line in lines]
        levels = [level._replace(y=math.log10(level.y)) for level in levels if level.y > 0]
    width = max(1, max(len(line.x) for line in lines) // SMOOTH)
    low, high = window or _window([line.y for line in lines], width, [level.y for level in levels])
    end = max(float(np.nanmax(line.x)) for line in lines) or 1.0

    def path(kind: str, colour: int, line: Line, y: np.ndarray) -> str:
        at = zip(1000 * thinned(line.x, POINTS) / end, _up(thinned(y, POINTS), low, high), strict=True)
        return f'<path class="{kind} k{colour % 4}" d="{_through(at)}"/>'

    ticks = _powers(low, high) if log else _ticks(low, high)
    drawn = [f'<path class="grid" d="M0 {_up(tick, low, high):.0f}H1000"/>' for tick in ticks]
    drawn += [f'<path class="phase kf" d="M{1000 * x / end:.1f} 0V1000"/>' for x, _ in phases]
    for level in levels:
        colour = "f" if level.line is None else level.line % 4
        drawn.append(f'<path class="level k{colour}" d="M0 {_up(level.y, low, high):.1f}H1000"/>')
    for k, line in enumerate(lines):
        if width > 1:
            drawn.append(path("thin", k, line, line.y))
        drawn.append(path("line", k, line, smooth(line.y, width) if width > 1 else line.y))
        if line.hollow is not None or len(line.x) == 1:
            drawn += _dots(k, line, end, low, high)
    words = [_placed("scale", tick, low, high, _number(10**tick if log else tick)) for tick in ticks]
    words += [_tag(level, low, high) for level in _readable(levels, 0.07 * (high - low))]
    words += [
        f'<span class="tag left" style="top:0;left:{100 * x / end:.1f}%">{escape(text)}</span>' for x, text in phases
    ]
    named = [] if small and len(lines) == 1 else lines
    key = "".join(f'<span class="k{k % 4}"><i></i>{escape(line.name)}</span>' for k, line in enumerate(named))
    name = escape(f"{caption}: {', '.join(line.name for line in lines)}")
    svg = (
        f'<svg viewBox="0 0 1000 1000" preserveAspectRatio="none" role="img" aria-label="{name}">{"".join(drawn)}</svg>'
    )
    under = f"<span>0</span><span>{escape(axis)}</span><span>{in_units(end)}</span>"
    return (
        f'<figure class="plot{" small" * small}"><figcaption>{escape(caption)}</figcaption>'
        f'<div class="key">{key}</div><div class="box">{svg}{"".join(words)}</div><div class="axis">{under}</div></figure>'
    )


def _window(lines: Sequence[np.ndarray], width: int, levels: Sequence[float]) -> tuple[float, float]:
    low, high = frame(lines, width) or (0.0, 1.0)
    low, high = min([low, *levels]), max([high, *levels])
    margin = 0.06 * (high - low) or 0.5
    return low - margin, high + margin


def _up(y, low: float, high: float):
    """From the top, in thousandths; beyond the window it leaves the picture."""
    return 1000 - 1000 * (y - low) / (high - low)


def _through(points) -> str:
    """A path that is lifted where a number is missing."""
    parts, pen = [], "M"
    for x, y in points:
        if math.isfinite(y):
            parts.append(f"{pen}{x:.1f} {min(max(y, -3000), 4000):.1f}")
            pen = "L"
        else:
            pen = "M"
    return "".join(parts)


def _dots(colour: int, line: Line, end: float, low: float, high: float) -> list[str]:
    """A line of no length with round ends is a dot that the stretching leaves round."""
    hollow = np.zeros(len(line.x), bool) if line.hollow is None else line.hollow

    def at(which: np.ndarray) -> str:
        known = which & np.isfinite(line.y)
        points = zip(1000 * line.x[known] / end, _up(line.y[known], low, high), strict=True)
        return "".join(f"M{x:.1f} {y:.1f}h0" for x, y in points)

    every, holes = at(np.ones(len(line.x), bool)), at(hollow)
    dots = [f'<path class="dots k{colour % 4}" d="{every}"/>']
    return [*dots, f'<path class="holes" d="{holes}"/>'] if holes else dots


def _ticks(low: float, high: float) -> list[float]:
    """About four round numbers inside the window."""
    step = 10.0 ** math.floor(math.log10((high - low) / TICKS))
    step *= next(k for k in (1, 2, 5, 10) if (high - low) / (k * step) <= TICKS + 0.5)
    first = math.ceil(low / step)
    return [round(k * step, 12) for k in range(first, math.floor(high / step) + 1)]


def _powers(low: float, high: float) -> list[float]:
    """Logarithms of 1, 2 and 5 times powers of ten inside the window; of the powers alone where these are many."""
    every = [math.log10(k) + p for p in range(math.floor(low), math.ceil(high) + 1) for k in (1, 2, 5)]
    inside = [tick for tick in every if low <= tick <= high]
    return inside if len(inside) <= 2 * TICKS else [tick for tick in inside if tick == round(tick)]


def _readable(levels: Sequence[Level], apart: float) -> list[Level]:
    """The words of levels that lie too close to be read one above the other stand in one line, and belong to nobody."""
    found: list[Level] = []
    for level in sorted(levels, key=lambda level: level.y):
        if found and level.y - found[-1].y < apart:
            found[-1] = Level(found[-1].y, f"{found[-1].text} · {level.text}")
        else:
            found.append(level)
    return found


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 10_000 else in_units(value) if abs(value) < 1e12 else f"{value:.0e}"


def _placed(kind: str, y: float, low: float, high: float, text: str) -> str:
    return f'<span class="{kind}" style="bottom:{100 - _up(y, low, high) / 10:.1f}%">{escape(text)}</span>'


def _tag(level: Level, low: float, high: float) -> str:
    colour = "f" if level.line is None else level.line % 4
    return _placed(f"tag k{colour}", level.y, low, high, level.text)
