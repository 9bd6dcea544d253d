"""How sure a share is."""

import math


def wilson(k: float, n: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of k of n (Wilson 1927); nan where n is 0."""
    if not n:
        return math.nan, math.nan
    p, centre = k / n, k / n + z * z / 2 / n
    half = z * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n)
    return (centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)
