"""Translation tasks that need no data of one's own: their truth is computed from pictures that are here anyway.

    edges     the edge drawing of a digit → the digit
    grey      a shape in grey → in colour (its colours are as bright as no other's, so that grey tells them)
    outlines  a digit → the same in grey, outlined in white
    forms     a shape drawn in lines, in the middle → the same in grey, outlined in white

As pairs all are given together. As domains the pictures are cut in two: a from one part, b from the other, so that no
picture's translation is ever trained on. What is held out is the same both ways, and paired in both.

outlines and forms are for learning without pairs, which needs a task that only the truth solves. Both ways look at what is
near a pixel, and the way back has almost all it needs, or it could be learned only by hiding a message. Grey stands between
outlines alone, so that a stroke cannot pass for one. Digits and forms are in the middle and of lines: a translation that
moves them all, or makes all thicker, leads home as well, but is seen. And no colours could change places.
"""

import numpy as np

from ganvas.data import builtin, toys
from ganvas.data.arrays import content_hashes, split
from ganvas.data.domains import Domains
from ganvas.data.pairs import Pairs, pair_hashes
from ganvas.data.pixels import resize, with_channels

SIDE = 32
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
    return digits, outlined(digits), "a a built-in digit, b the same in grey with a white outline"


def _forms(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, str]:
    shapes = _drawn(Black(size))[:, :1]
    ground = shapes.max((2, 3), keepdims=True)
    filled = centred(np.rint((1 - shapes / ground) * 255).astype(np.uint8))
    lines = dilated(filled) - (255 - dilated(255 - filled))  # δ(f) − ε(f)
    return lines, outlined(lines), "a a shape in lines, b the same in grey with a white outline"


def _drawn(shapes: toys.Shapes) -> np.ndarray:
    return np.concatenate([shapes.batch(_SEED, k, 250)["image"] for k in range(0, _SHAPES, 250)])


def _grey(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, str]:
    colour = _drawn(Shades(size))
    grey = np.stack([with_channels(image, 1) for image in colour])
    return grey, colour, "a a shape in grey, b in colour"


TASKS = {"edges": _edges, "grey": _grey, "outlines": _outlines, "forms": _forms}


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


class Black(toys.Shapes):
    """Shapes in black."""

    COLOURS = {"black": (0, 0, 0)}


def outline(images: np.ndarray) -> np.ndarray:
    """The pixels around bright ink, N×1×H×W uint8: 255 where a pixel is not over 127 and one of its 8 neighbours is.

    The external morphological gradient of the picture in black and white (Rivest, Soille and Beucher 1993).
    """
    ink = images > 127
    return (dilated(ink) & ~ink) * np.uint8(255)


def outlined(images: np.ndarray) -> np.ndarray:
    """Ink at half its brightness, and around it the external gradient in grey, N×1×H×W uint8 (ibid.): δ(f) − f + ⌈f / 2⌉."""
    return dilated(images) - images // 2


def dilated(images: np.ndarray) -> np.ndarray:
    """δ(f): each pixel as bright as the brightest of itself and its 8 neighbours; N×C×H×W of any type."""
    height, width = images.shape[2:]
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    return np.max([padded[:, :, y : y + height, x : x + width] for y in range(3) for x in range(3)], axis=0)


def centred(images: np.ndarray) -> np.ndarray:
    """Each picture moved so that its ink is in the middle, to half a pixel: N×C×H×W, black around the ink."""
    moved = np.empty_like(images)
    for k, image in enumerate(images):
        for axis in (1, 2):
            ink = np.flatnonzero(image.any((0, 3 - axis)))
            image = np.roll(image, (image.shape[axis] - 1 - ink[0] - ink[-1]) // 2, axis)
        moved[k] = image
    return moved
