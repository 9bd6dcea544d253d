"""Numbers that change over a run: functions of the clock.

Those that follow the share of the run that has passed stay at their end when a run is prolonged; those that count
rounds (the 2014 code's) go on.
"""

import math
from collections.abc import Callable
from typing import NamedTuple


class Clock(NamedTuple):
    """Where a phase is: real images drawn so far, rounds played, and its planned length in images."""

    images: int
    round: int
    total: int

    @property
    def done(self) -> float:
        """The share of the planned length that has passed, in [0, 1]."""
        return min(self.images / self.total, 1.0)


Schedule = Callable[[Clock], float]


def constant(value: float) -> Schedule:
    return lambda clock: value


def often(usual: int, opening: int, rounds: int, every: int) -> Callable[[Clock], int]:
    """`opening` in the first `rounds` rounds and in every `every`-th, else `usual` (WGAN's critic, authors' code)."""
    return lambda clock: opening if clock.round < rounds or clock.round % every == 0 else usual


def inverse(value: float, after: int) -> Schedule:
    """`value` for `after` images, then in proportion to 1/images, however long the run is (Robbins & Monro 1951).

    Adam's steps are as long as the rate, whether a gradient says something or is noise: near the equilibrium D says less
    and less, and a rate that stays makes both players wander.
    """
    return lambda clock: value * min(1.0, after / max(clock.images, 1))


def linear(first: float, last: float, start: float = 0.0, stop: float = 1.0) -> Schedule:
    """`first` until the share `start` of the run, then a straight line to `last` at `stop`."""
    return lambda clock: first + (last - first) * _between(clock.done, start, stop)


def cosine(first: float, last: float, start: float = 0.0, stop: float = 1.0) -> Schedule:
    """As `linear`, along half a cosine."""
    return lambda clock: first + (last - first) * (1 - math.cos(math.pi * _between(clock.done, start, stop))) / 2


def warm_up(then: Schedule, share: float) -> Schedule:
    """`then`, scaled up from zero over the first `share` of the run."""
    return lambda clock: then(clock) * (_between(clock.done, 0.0, share) if share else 1.0)


def decay_per_round(first: float, factor: float, least: float) -> Schedule:
    """Divided by `factor` each round, never below `least` (pylearn2's ExponentialDecay, the 2014 paper's code)."""
    return lambda clock: max(first / factor**clock.round, least)


def ramp_over_rounds(first: float, last: float, rounds: float) -> Schedule:
    """A straight line over a number of rounds, whatever the length of the run (pylearn2's MomentumAdjustor)."""
    return lambda clock: first + (last - first) * min(clock.round / rounds, 1.0)


def half_life(ramp: float = 0.05, longest: float = math.inf) -> Schedule:
    """The half-life, in images, of a generator's moving average: min(longest, ramp × images seen).

    StyleGAN2-ADA's ramp: a constant half-life would carry the random initialisation through a short run.
    """
    return lambda clock: min(longest, ramp * clock.images)


def _between(x: float, start: float, stop: float) -> float:
    if stop <= start:
        return float(x >= start)
    return min(max((x - start) / (stop - start), 0.0), 1.0)
