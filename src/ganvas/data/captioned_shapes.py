"""Drawn shapes with sentences about colour, size, shape and place: endless, and what is true of each picture is known."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from ganvas.data import sentences
from ganvas.data.sentence_models import Model
from ganvas.data.sentences import COLOURS, SHAPES, Scene
from ganvas.data.source import Arrays, DataSpec, pack_mean
from ganvas.data.text import read, rows
from ganvas.data.toys import _circle, _square, _triangle, uniforms
from ganvas.errors import BadInput

NAME = "captioned_shapes"
SMALLEST = 16  # pixels of a side
RADII = {"small": (0.12, 0.15), "large": (0.19, 0.22)}  # shares of the shorter side; what they are of: toys' outlines
_GAP, _EDGE = 0.04, 0.01  # between two things, and to the edge
_TRAIN, _HELD_OUT = 0, 1  # two streams that share no number
_PIXELS, _WORDS = 12, 28  # numbers that a picture takes, and its sentences


class Example(NamedTuple):
    """What a picture shows, what its two captions say of it, and in which words."""

    shown: Scene
    said: Scene
    text: str
    wrong_said: Scene
    wrong: str


class CaptionedShapes:
    """One or two coloured shapes on a pale ground, each picture with a sentence that is true and one that is not.

    Images are 3×H×W uint8 with antialiased edges, "text" and "wrong" rows of sentences. A thing that is above another is
    twice as far above it as beside it or more, and so on. Example i of a seed is a pure function of (seed, i). What is
    held out are combinations of colours, shapes and place, which no picture and no sentence of training has. Implements
    `Source`.
    """

    HELD_OUT = 1000

    def __init__(self, size: tuple[int, int] = (64, 64), model: Model | None = None):
        """model: what reads the sentences; by default their words are. Raises BadInput below `SMALLEST` pixels a side."""
        if min(size) < SMALLEST:
            raise BadInput(
                f"{NAME} begin at {SMALLEST}×{SMALLEST}, and {size[0]}×{size[1]} is less: give a larger --size"
            )
        train, held = (len(sentences.PAIRS[side]) for side in (False, True))
        self.notes = [
            f"{NAME} are drawn as they are asked for, so no picture comes twice",
            f"of two things, {train} combinations are trained on and {held} others held out",
        ]
        self._size, self._embed = size, model and model.embed
        some, u = self._examples((_TRAIN, 0), 0, 1000, held=False)
        self.spec = DataSpec(
            name=NAME,
            keys=("image", "text", "wrong"),
            shape=(3, *size),
            held_out=self.HELD_OUT,
            mean=pack_mean(self._draw([e.shown for e in some[:256]], u[:256]).mean(0) / 255),
            fingerprint=blake2b(f"{NAME} v1 {size} {model and model.text}".encode(), digest_size=16).hexdigest(),
            text=model.text if model else read(e.text for e in some),
        )

    def batch(self, seed: int, start: int, size: int) -> Arrays:
        """Examples `start … start + size` of this seed's endless stream, all different."""
        return self._arrays(*self._examples((_TRAIN, seed), start, size, held=False))

    def held_out(self, n: int | None = None) -> Arrays:
        """The first `n` (or 1,000) pictures of two things whose combination is never trained on."""
        return self._arrays(*self._held(n))

    def sentences(self, n: int | None = None) -> list[str]:
        """The captions of `held_out(n)`, in its order."""
        return [example.text for example in self._held(n)[0]]

    def examples(self, n: int | None = None, seed: int | None = None) -> list[Example]:
        """All that is known of `held_out(n)`, in its order; with a seed, of the first n (or 1,000) of that stream."""
        if seed is None:
            return self._held(n)[0]
        return self._examples((_TRAIN, seed), 0, self.HELD_OUT if n is None else n, held=False)[0]

    def _held(self, n: int | None) -> tuple[list[Example], np.ndarray]:
        return self._examples((_HELD_OUT,), 0, self.HELD_OUT if n is None else min(n, self.HELD_OUT), held=True)

    def _examples(self, stream: tuple[int, ...], start: int, size: int, held: bool) -> tuple[list[Example], np.ndarray]:
        """The words, and the numbers that pictures are drawn from."""
        u, found = uniforms(stream, start, size, _PIXELS + _WORDS), []
        for row in u[:, _PIXELS:].tolist():
            luck = iter(row)
            shown = sentences.scene(luck, held)
            said = sentences.caption(shown, luck)
            text = sentences.sentence(said, luck)
            other = sentences.wrong(shown, said, luck, held)
            found.append(Example(shown, said, text, other, sentences.sentence(other, luck)))
        return found, u[:, :_PIXELS]

    def _arrays(self, found: Sequence[Example], u: np.ndarray) -> Arrays:
        return {
            "image": self._draw([e.shown for e in found], u),
            "text": rows(self.spec.text, [e.text for e in found], self._embed),
            "wrong": rows(self.spec.text, [e.wrong for e in found], self._embed),
        }

    def _draw(self, scenes: Sequence[Scene], u: np.ndarray) -> np.ndarray:
        """N×3×H×W uint8 of these scenes; `u`, N×12 in [0, 1), says where exactly, how large and in what light."""
        n, (height, width), short = len(scenes), self._size, min(self._size)
        x, y, r = _laid_out(scenes, u, height / short, width / short)
        pixels = np.empty((n, 3, height, width), np.float32)
        pixels[:] = (225 + 30 * u[:, 8]).astype(np.float32)[:, None, None, None]
        side = min(short, int(2 * RADII["large"][1] * short) + 4)  # of the window that a thing is drawn in
        for k in range(2):
            some = np.array([i for i, scene in enumerate(scenes) if len(scene.things) > k], np.int64)
            things = [scenes[i].things[k] for i in some]
            cx, cy, radius = (part[some, k].astype(np.float32) * short for part in (x, y, r))
            left, top = (np.clip((c - side / 2).astype(int), 0, end - side) for c, end in ((cx, width), (cy, height)))
            across = np.arange(side, dtype=np.float32) + 0.5 + (left - cx).astype(np.float32)[:, None]
            down = np.arange(side, dtype=np.float32) + 0.5 + (top - cy).astype(np.float32)[:, None]
            kinds = np.array([SHAPES.index(thing.shape) for thing in things], np.int64)
            distance = np.empty((len(some), side, side), np.float32)
            for kind, outline in enumerate((_circle, _square, _triangle)):
                mine = kinds == kind
                distance[mine] = outline(across[mine, None, :], -down[mine, :, None], radius[mine, None, None])
            ink = np.clip(0.5 - distance, 0, 1)[:, None]  # the share of a pixel that the shape covers
            light = 0.92 + 0.16 * u[some, 9 + k, None]
            tints = (np.array([COLOURS[thing.colour] for thing in things]).reshape(-1, 3) * light).astype(np.float32)
            for i, a, t, l, share in zip(some, tints[:, :, None, None], top, left, ink, strict=True):
                window = pixels[i, :, t : t + side, l : l + side]
                window += share * (a - window)
        return np.clip(pixels + 0.5, 0, 255).astype(np.uint8)


def _laid_out(scenes: Sequence[Scene], u: np.ndarray, height: float, width: float) -> tuple[np.ndarray, ...]:
    """Centres x, y and radii of both things, N×2 each, in shares of the shorter side. A lone one may be anywhere.

    Along the line from the first to the second both are free but for a gap; across it the second is off by half of
    their distance at most.
    """
    radii = [[RADII[thing.size] for thing in (*scene.things, scene.things[0])[:2]] for scene in scenes]
    least, most = np.moveaxis(np.array(radii).reshape(-1, 2, 2), -1, 0)
    r = least + (most - least) * u[:, :2]
    beside, alone = (np.array([scene.place == place for scene in scenes], bool) for place in ("left of", ""))
    along, across = np.where(beside, width, height), np.where(beside, height, width)
    near, far = np.sort(u[:, 2:4], 1).T
    free = along - 2 * r.sum(1) - _GAP - 2 * _EDGE
    first = _EDGE + r[:, 0] + np.where(alone, (along - 2 * r[:, 0] - 2 * _EDGE) * u[:, 2], free * near)
    second = _EDGE + r[:, 0] + free * far + r.sum(1) + _GAP
    low, high = _EDGE + r, across[:, None] - _EDGE - r
    one = low[:, 0] + (high - low)[:, 0] * u[:, 4]
    reach = (second - first) / 2
    least, most = np.maximum(low[:, 1], one - reach), np.minimum(high[:, 1], one + reach)
    other = least + (most - least) * u[:, 5]
    p, q = np.stack([first, second], 1), np.stack([one, other], 1)
    return np.where(beside[:, None], p, q), np.where(beside[:, None], q, p), r
