"""Vector arithmetic, drawn: A − B + C with its neighbours as in Radford et al. 2015, figure 7, and pictures that move along
a direction."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ganvas.study.directions import Direction
from ganvas.study.latents import Places
from ganvas.study.panels import enlarged, panels, stacked
from ganvas.study.sample import Generator, Images

NOISE, SHOWN = 0.25, 3  # of the paper: U(−.25, .25) is added to the neighbours; members of a group that are shown


def neighbours(place: Places, noise: float = NOISE, seed: int = 0) -> Places:
    """Nine: the place itself in the middle of 3×3, and around it 8 with uniform noise in each number of z."""
    steps = np.random.default_rng([seed, 8]).uniform(-noise, noise, (9, place.z.shape[1]))
    steps[4] = 0
    nine = place.take(np.zeros(9, np.int64))
    return nine._replace(z=(nine.z + steps).astype(np.float32))


def mean(group: Places) -> Places:
    """The average of a group, told what its first is told."""
    first = group.take(np.array([0]))
    return first._replace(z=group.z.mean(0, dtype=np.float64)[None].astype(np.float32))


def figure(
    generator: Generator, plus: Places, minus: Places, to: list[Places], direction: Direction, strength: float = 1.0,
    noise: float = NOISE, seed: int = 0,
) -> Image.Image:  # fmt: skip
    """For each of `to`: members of the three groups with their mean below, then C + strength · (A − B) and neighbours.

    A picture on its own is a group whose mean it is.
    """
    scale = max(1, -(-50 // generator.spec.shape[2]))

    def column(group: Places) -> Image.Image:
        members = generator.at(*group.take(np.arange(min(group.n, SHOWN)))[:2])
        average = enlarged(generator.at(*mean(group)[:2]), scale, gap=2)
        blank = Image.new(
            "RGB", (average.width, (generator.spec.shape[1] * scale + 2) * (SHOWN - len(members))), (64,) * 3
        )
        return stacked([enlarged(members, scale, gap=2), blank, average])

    rows = []  # the font of Pillow has neither minus nor multiplication sign
    for group in to:
        result = direction.move(mean(group), strength)
        nine = enlarged(generator.at(*neighbours(result, noise, seed)[:2]), scale, columns=3, gap=2)
        times = "" if strength == 1 else f"{strength:g} "
        names = ", ".join(group.names[:1]) + (f" and {group.n - 1} more" if group.n > 1 else "")
        rows.append(
            panels(
                [
                    ("A", column(plus)),
                    ("B", column(minus)),
                    (f"C: {names}", column(group)),
                    (f"C + {times}(A - B)", nine),
                ]
            )
        )
    return stacked(rows)


def strip(generator: Generator, places: Places, direction: Direction, strength: float, steps: int = 7) -> Images:
    """A row for each place, from −strength to strength along the direction, the place itself in the middle."""
    along = np.linspace(-strength, strength, steps)
    rows = places.take(np.repeat(np.arange(places.n), steps))
    images = generator.at(*direction.move(rows, np.tile(along, places.n))[:2])
    images.rows = places.names or tuple(map(str, range(places.n)))
    return images


def sweep(generator: Generator, places: Places, direction: Direction, strength: float, frames: int) -> list[Images]:
    """Frames of a film that goes round: all places from −strength to strength and back, slowest at the ends."""
    along = -strength * np.cos(2 * np.pi * np.arange(frames) / frames)
    return [generator.at(*direction.move(places, s)[:2]) for s in along]
