"""Walks through latent space: from picture to picture, round trips, grids between four corners, from class to class.

On a walk a generator shows what it has understood: if every step is a picture as good as its ends, it has not learned
them by heart (Radford et al. 2015, section 6.1). How smooth a walk is says the path length of Karras et al. 2019.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ganvas.errors import BadInput
from ganvas.measure.path import ppl, slerp
from ganvas.nets.condition import Mixture
from ganvas.play.latent import Normal, Prior
from ganvas.study.attributes import drawn
from ganvas.study.latents import Label, Places, random_places
from ganvas.study.sample import Generator
from ganvas.study.suited import Eye, eye

Mode = Literal["spherical", "linear"]
STEP, FEET, PAIRS = 1e-4, 64, 16  # ε of a path length, places where it is taken, random pairs to compare with
MOST = 10_000  # pictures on a walk


def natural(prior: Prior) -> Mode:
    """The way that stays where the prior's samples are.

    Normal samples of d numbers all lie near the sphere of radius √d; half-way on a straight line one is at √(d/2), where
    there are none, so the way leads round. A cube is convex: its straight lines stay inside, and a great circle may not.
    """
    return "spherical" if isinstance(prior, Normal) else "linear"


def caution(prior: Prior, mode: Mode) -> str:
    """A sentence where `mode` leads away from the prior's samples, else ""."""
    if mode == natural(prior):
        return ""
    if mode == "linear":
        return "linear, though z is normal: half-way z is about .7 times as long as any the generator has seen"
    return "spherical, though z is uniform: on the way coordinates may leave the range the generator has seen"


def between(a: Places, b: Places, t: np.ndarray, mode: Mode) -> Places:
    """N places at t (N numbers from 0 to 1) between the N of `a` and the N of `b`; at 0 and 1 exactly those.

    Classes go straight whatever the mode: they have no prior whose sphere one could leave.
    """
    t = np.asarray(t, np.float64)
    if mode == "spherical":
        z = slerp(a.z, b.z, t)
    else:
        z = (1 - t)[:, None] * a.z.astype(np.float64) + t[:, None] * b.z
    if a.label is None or b.label is None or _same(a.label, b.label):
        return Places(z.astype(np.float32), a.label)
    return Places(z.astype(np.float32), Mixture(a.label, b.label, torch.from_numpy(t)))


def _same(a: Label, b: Label) -> bool:
    return isinstance(a, Tensor) and isinstance(b, Tensor) and torch.equal(a, b)


def walk(stops: Places, frames: int, mode: Mode, loop: bool = False) -> Places:
    """About `frames` places on the way through all stops, each of them met exactly, equally many steps from one to the
    next. loop: and back to the first, which is not repeated at the end, so that a film goes round without a halt.
    """
    if stops.n < 2:
        raise BadInput("a walk leads from one latent to another: give --from and --to")
    if frames < 2:
        raise BadInput(f"--frames {frames}: a walk has at least 2")
    legs = stops.n if loop else stops.n - 1
    steps = max(1, round((frames - (not loop)) / legs))
    _bounded(legs * steps + 1)
    k = np.arange(legs * steps + (not loop))
    leg, t = np.minimum(k // steps, legs - 1), k / steps
    return between(stops.take(leg), stops.take((leg + 1) % stops.n), t - leg, mode)


def corners(four: Places, side: int, mode: Mode) -> Places:
    """A grid of side×side places, row by row, between four corners: upper left, upper right, lower left, lower right."""
    if four.n != 4:
        raise BadInput(f"a grid lies between 4 corners, not {four.n}: give four latents, as 3,17,42,5")
    if side < 2:
        raise BadInput(f"--frames {side}: a grid is at least 2 pictures wide")
    _bounded(side * side)
    v, u = np.divmod(np.arange(side * side), side) / np.float64(side - 1)
    corner = [four.take(np.full(side * side, k)) for k in range(4)]
    upper, lower = between(*corner[:2], u, mode), between(*corner[2:], u, mode)
    return between(upper, lower, v, mode)


def _bounded(pictures: int) -> None:
    if pictures > MOST:
        raise BadInput(f"{pictures:,} pictures are too many: {MOST:,} at most, give fewer --frames or latents")


class Smoothness(NamedTuple):
    """How a leg of a walk goes, in squared distance of an eye's features.

    length: its path length, E[d(G(t), G(t + ε))]/ε² over t. floor: d(G(0), G(1)), because no way between these two
    pictures has less, and only the straight one at constant speed has as much (Cauchy and Schwarz: ∫‖f′‖² ≥ ‖∫f′‖²).
    jump: the largest step over the mean of 63 equal ones; 1 is even, much more is a sudden change.
    """

    length: float
    floor: float
    jump: float

    @property
    def ratio(self) -> float:
        """Length over floor: 1 is as smooth as can be."""
        return self.length / max(self.floor, 1e-12)


def smoothness(
    generator: Generator, stops: Places, mode: Mode, loop: bool = False, by: Eye | None = None
) -> Iterator[Smoothness]:
    """Of every leg, as it comes. On float pictures: in 8 bits a step of ε would be rounded away."""
    by = by or eye(generator.spec, generator.device)
    for k in range(stops.n if loop else stops.n - 1):
        a, b = (stops.take(np.full(FEET, i % stops.n)) for i in (k, k + 1))
        t = (np.arange(FEET) + 0.5) / FEET
        seen = [_seen(generator, between(a, b, s, mode), by) for s in (t, t + STEP)]
        ends = _seen(generator, between(a.take(np.arange(2)), b.take(np.arange(2)), np.array([0.0, 1.0]), mode), by)
        steps = np.linalg.norm(np.diff(seen[0], axis=0), axis=1)
        length = ppl(((seen[0] - seen[1]) ** 2).sum(1), STEP)
        yield Smoothness(length, float(((ends[0] - ends[1]) ** 2).sum()), float(steps.max() / max(steps.mean(), 1e-12)))


def usual(generator: Generator, mode: Mode, seed: int = 1, by: Eye | None = None) -> float:
    """The median ratio of length and floor over 16 random pairs of one label each: what is normal for this generator."""
    some, found = random_places(generator, 2 * PAIRS, seed), []
    for k in range(PAIRS):
        label = None if some.label is None else some.label[[k, k]]
        found += smoothness(generator, Places(some.z[2 * k : 2 * k + 2], label), mode, by=by)
    return float(np.median([leg.ratio for leg in found]))


@torch.no_grad()
def _seen(generator: Generator, places: Places, by: Eye) -> np.ndarray:
    return np.concatenate([by.look(x)[0].double().cpu().numpy() for x in drawn(generator, places)])
