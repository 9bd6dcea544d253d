"""What a log's curves are drawn from: which series there are, smoothed, thinned and framed. Pure arithmetic."""

from collections.abc import Mapping, Sequence

import numpy as np

from ganvas.study.lang import Words, speak
from ganvas.study.log import Row, bounds, judges, players, series

SMOOTH = 40  # the thick line has room for about so many independent points
MOST = 1500  # points a line is drawn with; more are averaged in groups, the eye cannot tell

Trace = tuple[str, np.ndarray]  # its name, a value a row


def losses(rows: Sequence[Row], say: Words | None = None) -> list[Trace]:
    """Each player's loss; of an explicit density −ELBO and its reconstruction part."""
    say = say or speak()
    if bounds(rows):
        downward = [("−ELBO", -elbo) for _, elbo in parts(rows, {"elbo": "ELBO"})]
        return downward + parts(rows, {"reconstruction": say("trace.reconstruction")})
    return [(name, series(rows, f"{name}/loss")) for name in players(rows)]


def parts(rows: Sequence[Row], titles: Mapping[str, str]) -> list[Trace]:
    """These parts of a bound, where they are logged."""
    found = [(title, series(rows, f"{player}/{key}")) for player in bounds(rows) for key, title in titles.items()]
    return [(title, values) for title, values in found if np.isfinite(values).any()]


def beliefs(rows: Sequence[Row], say: Words | None = None) -> list[Trace]:
    """D(x), D(G(z)) and the share told apart, of each discriminator that logs them."""
    say, found, names = say or speak(), [], judges(rows)
    for judge in names:
        told = say("trace.told") if len(names) == 1 else say("trace.told_by", player=judge)
        titles = {"p_real": f"{judge}(x)", "p_fake": f"{judge}(G(z))", "accuracy": told}
        for key, title in titles.items():
            values = series(rows, f"{judge}/{key}")
            if np.isfinite(values).any():
                found.append((title, values))
    return found


def frame(lines: Sequence[np.ndarray], width: int) -> tuple[float, float] | None:
    """A range for all running means and the middle 98 % of the rows; for all rows if that costs little room."""
    every = [line[np.isfinite(line)] for line in lines]
    every = [line for line in every if len(line)]
    if not every:
        return None
    shown = [np.quantile(line, (0.01, 0.99)) for line in every] + [smooth(line, width) for line in every]
    low, high = float(min(v.min() for v in shown)), float(max(v.max() for v in shown))
    lowest, highest = float(min(v.min() for v in every)), float(max(v.max() for v in every))
    room = 0.4 * (high - low)
    low, high = low if lowest < low - room else lowest, high if highest > high + room else highest
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def smooth(values: np.ndarray, width: int) -> np.ndarray:
    """Mean of the `width` points around each but the highest and the lowest: one wild row does not move it.

    Fewer points at the ends; nan stays nan.
    """
    padded = np.pad(values, (width // 2, (width - 1) // 2), constant_values=np.nan)
    means = []
    for value, around in zip(values, np.lib.stride_tricks.sliding_window_view(padded, width), strict=True):
        known = np.sort(around[np.isfinite(around)])
        means.append((known[1:-1] if len(known) > 2 else known).mean() if np.isfinite(value) else value)
    return np.array(means)


def thinned(values: np.ndarray, most: int = MOST) -> np.ndarray:
    """Means of neighbours, so that at most `most` points remain."""
    group = -(-len(values) // most) if len(values) else 1
    whole = values[: len(values) // group * group].reshape(-1, group).mean(axis=1)
    return np.append(whole, values[-1:]) if group > 1 else whole


def in_units(images: float) -> str:
    """12,800 → "12.8 k", 1,500,000 → "1.5 M"."""
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(images) >= size:
            return f"{images / size:.4g}{unit}"
    return f"{images:.4g}"
