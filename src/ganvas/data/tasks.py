"""Translation tasks that need no data of one's own: their truth is computed from pictures that are here anyway.

    edges     the edge drawing of a digit → the digit
    grey      a shape in grey → in colour (its colours are as bright as no other's, so that grey tells them)
    outlines  a digit → its slanted outline

As pairs all are given together. As domains the pictures are cut in two: a from one part, b from the other, so that no
picture's translation is ever trained on. What is held out is the same both ways, and paired in both.
"""

import numpy as np

from ganvas.data import builtin, toys
from ganvas.data.arrays import content_hashes, split
from ganvas.data.domains import Domains
from ganvas.data.pairs import Pairs, pair_hashes
from ganvas.data.pixels import resize, with_channels

SIDE = 32
SLANT = 0.3  # how far a pixel moves to the right for every pixel it lies above the middle
_SHAPES, _SEED = 4000, 0


def open_task(name: str, kind: str, size: tuple[int, int] | None = None, flip: bool = False) -> Pairs | Domains:
    """One of `TASKS` as "pairs" or as "domains", at 32×32 or `size`. Raises `BadInput`."""
    a, b, what = TASKS[name](size or (SIDE, SIDE))
    hashes = content_hashes(a), content_hashes(b)
    if kind == "pairs":
        return Pairs(a, b, name=name, hashes=hashes, flip=flip, notes=[f"{name}: {len(a):,} pairs, {what}"])
    both = pair_hashes(*hashes)
    train, held = split(both)
    odd = both[train] % 2 == 1  # equal pairs are in one part, whatever else there is
    parts = train[~odd], train[odd]
    notes = [
        f"{name}: {what}; {len(parts[0]):,} pictures for a and {len(parts[1]):,} others for b, so no pair is trained on",
        f"the {len(held):,} held-out pictures come with their true translations, for evaluation",
    ]
    return Domains(a, b, parts, (held, held), name=name, truths=True, hashes=hashes, flip=flip, notes=notes)


def _digits(size: tuple[int, int]) -> np.ndarray:
    images = np.pad(builtin.digits().images, ((0, 0), (0, 0), (2, 2), (2, 2)))
    return images if size == images.shape[2:] else np.stack([resize(image, size) for image in images])


def _edges(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, str]:
    digits = _digits(size)
    return outline(digits), digits, "a the edge drawing of a built-in digit, b the digit"


def _outlines(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, str]:
    digits = _digits(size)
    return digits, outline(slanted(digits)), "a a built-in digit, b its slanted outline"


def _grey(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, str]:
    shapes = Shades(size)
    colour = np.concatenate([shapes.batch(_SEED, k, 250)["image"] for k in range(0, _SHAPES, 250)])
    grey = np.stack([with_channels(image, 1) for image in colour])
    return grey, colour, "a a shape in grey, b in colour"


TASKS = {"edges": _edges, "grey": _grey, "outlines": _outlines}


class Shades(toys.Shapes):
    """Shapes in six colours whose greys do not overlap: each is 27 % brighter than the one before, and varies by 22."""

    COLOURS = {
        "blue": (25, 55, 190),
        "red": (200, 20, 40),
        "purple": (150, 60, 180),
        "green": (40, 185, 70),
        "orange": (250, 140, 20),
        "yellow": (235, 205, 40),
    }


def outline(images: np.ndarray) -> np.ndarray:
    """The pixels around bright ink, N×1×H×W uint8: 255 where a pixel is not over 127 and one of its 8 neighbours is.

    The external morphological gradient of the picture in black and white (Rivest, Soille and Beucher 1993).
    """
    ink = images > 127
    height, width = ink.shape[2:]
    padded = np.pad(ink, ((0, 0), (0, 0), (1, 1), (1, 1)))
    grown = np.zeros_like(ink)
    for dy in range(3):
        for dx in range(3):
            grown |= padded[:, :, dy : dy + height, dx : dx + width]
    return (grown & ~ink) * np.uint8(255)


def slanted(images: np.ndarray, slant: float = SLANT) -> np.ndarray:
    """N×1×H×W uint8 sheared to the right about the middle row, linear between pixels, black where nothing was."""
    height, width = images.shape[2:]
    sheared = np.empty_like(images)
    for y in range(height):
        source = np.arange(width) - slant * ((height - 1) / 2 - y)  # where in the row each pixel comes from
        left = np.floor(source).astype(int)
        row = np.pad(images[:, :, y].astype(np.float32), ((0, 0), (0, 0), (1, 1)))
        one, other = (row[:, :, np.clip(k + 1, 0, width + 1)] for k in (left, left + 1))
        share = (source - left).astype(np.float32)
        sheared[:, :, y] = np.rint(one * (1 - share) + other * share)
    return sheared
