"""What a noisy series has been doing of late: flat, drifting, swinging or wandering. Pure arithmetic."""

from typing import Literal, NamedTuple

import numpy as np

FEWEST = 12  # points below which no trend is spoken of
FEWEST_FOR_SWINGS = 24


class Trend(NamedTuple):
    """`level` is the mean, `start` and `end` the ends of the fitted line, `low` … `high` hold 9 of 10 points.

    cycles: how many times it went up and down, where `kind` is "swinging".
    """

    kind: Literal["flat", "rising", "falling", "swinging", "wandering"]
    level: float
    start: float
    end: float
    low: float
    high: float
    cycles: int = 0


def trend(y: np.ndarray) -> Trend | None:
    """The trend of evenly spaced points; those that are nan are left out. None where there are too few to say.

    Swinging: one band of the detrended spectrum, of three cycles or more, holds most of its power, what was up is down
    half a period later and up again after a whole one, and the swing is at least a tenth of the level. Drifting: the
    fitted line moves by a twentieth of the level and by four of its standard errors, counted with neighbours as alike
    as they are. Flat: nine tenths of the points lie within a quarter of the level. Wandering: none of these.
    """
    y = y[np.isfinite(y)]
    n = len(y)
    if n < FEWEST:
        return None
    x = np.linspace(-0.5, 0.5, n)
    level, slope = y.mean(), (x * y).sum() / (x * x).sum()
    rest = y - level - slope * x
    size, spread = max(abs(level), 0.1), rest.std()
    low, high = np.quantile(y, (0.05, 0.95))
    ends = level, level - slope / 2, level + slope / 2, low, high

    cycles, amplitude = _swing(rest)
    if cycles and amplitude > 0.1 * size:
        return Trend("swinging", *ends, cycles)
    alike = np.clip((rest[1:] * rest[:-1]).mean() / max(spread**2, 1e-30), 0, 0.95)
    error = spread * np.sqrt(12 / n * (1 + alike) / (1 - alike))
    if abs(slope) > max(4 * error, 0.05 * size):
        return Trend("rising" if slope > 0 else "falling", *ends)
    return Trend("flat" if high - low <= 0.25 * size else "wandering", *ends)


def _swing(rest: np.ndarray) -> tuple[int, float]:
    """Cycles and amplitude of the swing that dominates a detrended series; (0, 0) where none does."""
    n = len(rest)
    power = np.abs(np.fft.rfft(rest * np.hanning(n))) ** 2  # the window keeps a slow bend from leaking upwards
    if n < FEWEST_FOR_SWINGS or power.sum() <= 1e-20:
        return 0, 0.0
    peak = int(power.argmax())
    share = power[max(peak - 1, 0) : peak + 2].sum() / power.sum()
    if not 3 <= peak <= n // 4 or share < 0.65:
        return 0, 0.0
    # what merely wanders has a strongest frequency too, but does not come back a period later: compare then and now
    there, here = (_alike(rest, round(n / peak / part)) for part in (2, 1))
    return (peak, float(np.sqrt(2 * share) * rest.std())) if there < -0.4 and here > 0.4 else (0, 0.0)


def _alike(rest: np.ndarray, lag: int) -> float:
    """Correlation of a series with itself `lag` points later."""
    with np.errstate(invalid="ignore", divide="ignore"):  # a stretch that does not move at all gives nan: not alike
        return float(np.corrcoef(rest[lag:], rest[:-lag])[0, 1])
