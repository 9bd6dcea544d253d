"""Photos of any sizes as pairs of a large crop and its small version: what super-resolution learns from."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np

from ganvas.data.arrays import HELD_OUT, content_hashes
from ganvas.data.bicubic import bicubic
from ganvas.data.epochs import Epochs
from ganvas.data.pixels import WHITE
from ganvas.data.source import Arrays, DataSpec, View, pack_mean
from ganvas.data.toys import uniforms
from ganvas.errors import BadInput

_CROPS = 2  # the stream of numbers that places crops


class Photos:
    """Random crops of C×H×W photos, "b", each with its reduction by `scale`, "a"; implements `Source`.

    Photos may differ in size, not in channels and type, and are at least `size` (height, width), a multiple of scale.
    The reduction is MATLAB's bicubic of the crop alone, mirrored at its edges (Ledig et al. 2017, section 3.2, whose
    low-resolution crops are made of crops); `low`, where given, are the photos' own small versions, of which the same
    places are cut out.

    An epoch has as many crops as would fit into the photos side by side, at least one of each, and a photo has its share
    of them; their order is a fresh permutation. Where a crop lies is drawn anew each time: a function of (seed,
    position) alone. flip: half of the crops are mirrored. turns: each is turned by 0, 90, 180 or 270°.

    Held out are whole photos, by their pixels as everywhere, but at least one where there are two; or `held`, a truth
    value for each. `held_out` gives crops of them that do not overlap, the most central of every photo first.
    """

    def __init__(
        self,
        photos: Sequence[np.ndarray],
        low: Sequence[np.ndarray] | None = None,
        *,
        name: str,
        size: tuple[int, int] = (96, 96),
        scale: int = 4,
        held: np.ndarray | None = None,
        flip: bool = False,
        turns: bool = False,
        notes: Sequence[str] = (),
    ):
        """Raises `BadInput` where there is no photo to train on."""
        self._photos, self._low, self._size, self._scale = photos, low, size, scale
        self._flip, self._turns = flip, turns
        hashes = content_hashes(photos)
        held = held_out_by(hashes) if held is None else held
        self.held_photos = np.flatnonzero(held)[np.argsort(hashes[held], kind="stable")].tolist()
        train = np.flatnonzero(~held)
        if not len(train):
            raise BadInput(
                f"{name} holds no photo to train on: give at least one of {size[0]}×{size[1]} pixels or more"
            )
        fitting = [max(1, self._fit(k)[0] * self._fit(k)[1]) for k in train.tolist()]
        self._order = Epochs(np.repeat(train, fitting))
        self._grid = _in_turn([self._places(k) for k in self.held_photos])
        self.notes = list(notes)
        first = photos[0]
        scale_of = (0, WHITE[first.dtype.name])
        channels, bits = len(first), 8 * first.dtype.itemsize
        views = (
            View("a", (channels, size[0] // scale, size[1] // scale), scale_of, bits),
            View("b", (channels, *size), scale_of, bits),
        )
        means = [photos[k].mean((1, 2), dtype=np.float64) for k in train.tolist()]
        mean = np.average(means, 0, fitting) / scale_of[1]
        facts: tuple[Any, ...] = ("photos", views, scale, len(train), [photo.shape for photo in photos])
        digest = blake2b(repr(facts).encode() + hashes[train].tobytes() + hashes[held].tobytes(), digest_size=16)
        if low is not None:
            digest.update(content_hashes(low).tobytes())
        self.spec = DataSpec(
            name=name,
            keys=("a", "b"),
            shape=views[1].shape,
            range=scale_of,
            bits=bits,
            n=sum(fitting),
            held_out=len(self._grid),
            mean=pack_mean(np.broadcast_to(mean[:, None, None], views[1].shape)),
            fingerprint=digest.hexdigest(),
            views=views,
            paired=True,
            held_out_paired=True,
        )

    def batch(self, seed: int, start: int, size: int) -> Arrays:
        """Crops `start … start + size` of the endless stream; see `Source.batch`."""
        rows, coins = self._order(seed, start, size)
        u = uniforms((_CROPS, seed), start, size, 4)
        places = []
        for k, (down, right, *_) in zip(rows.tolist(), u, strict=True):
            step = 1 if self._low is None else self._scale  # given small versions have no pixels in between
            room = [(side - crop) // step + 1 for side, crop in zip(self._photos[k].shape[1:], self._size, strict=True)]
            places.append((k, int(down * room[0]) * step, int(right * room[1]) * step))
        moves = [(self._flip and coin, self._turns * int(4 * turn)) for coin, turn in zip(coins, u[:, 2], strict=True)]
        return self._cut(places, moves)

    def held_out(self, n: int | None = None) -> Arrays:
        """The first `n` (or all) crops of held-out photos. Never trained on."""
        places = self._grid[:n]
        return self._cut(places, [(False, 0)] * len(places))

    def photo(self, k: int) -> np.ndarray:
        """Photo `k` as it is trained on, at its whole size; `held_photos` are those held out."""
        return self._photos[k]

    def _cut(self, places: Sequence[tuple[int, int, int]], moves: Sequence[tuple[bool, int]]) -> Arrays:
        height, width = self._size
        by = self._scale
        crops = [self._photos[k][:, y : y + height, x : x + width] for k, y, x in places]
        b = _moved(crops, moves, self.spec.shape, self._photos[0].dtype)
        a_shape = (self.spec.shape[0], height // by, width // by)
        if self._low is not None:
            small = [self._low[k][:, y // by : (y + height) // by, x // by : (x + width) // by] for k, y, x in places]
            return {"a": _moved(small, moves, a_shape, self._low[0].dtype), "b": b}
        if not len(b):
            return {"a": np.empty((0, *a_shape), b.dtype), "b": b}
        return {"a": bicubic(b.reshape(-1, height, width), 1 / by).reshape(-1, *a_shape), "b": b}

    def _fit(self, k: int) -> tuple[int, int]:
        """How many crops lie below and beside each other in a photo."""
        down, across = (side // crop for side, crop in zip(self._photos[k].shape[1:], self._size, strict=True))
        return down, across

    def _places(self, k: int) -> list[tuple[int, int, int]]:
        """Crops of one photo that do not overlap, on a grid about its middle, from there outwards."""
        fit, sides = self._fit(k), self._photos[k].shape[1:]
        firsts = [
            (side - n * crop) // 2 // self._scale * self._scale
            for side, n, crop in zip(sides, fit, self._size, strict=True)
        ]
        places = [
            (k, firsts[0] + i * self._size[0], firsts[1] + j * self._size[1])
            for i in range(fit[0])
            for j in range(fit[1])
        ]
        middle = [(side - crop) / 2 for side, crop in zip(sides, self._size, strict=True)]
        return sorted(places, key=lambda place: (place[1] - middle[0]) ** 2 + (place[2] - middle[1]) ** 2)


def held_out_by(hashes: np.ndarray) -> np.ndarray:
    """Which of N photos are never trained on: a tenth by their pixels, as `arrays.split` has it; in a small set, where
    that may be none or most, those with the smallest hash. Equal photos are on one side."""
    held = hashes < np.uint64(HELD_OUT * 2**64)
    if not held.any() or 2 * held.sum() > len(hashes):
        held = hashes == hashes.min()
    return held & (2 * held.sum() <= len(hashes))  # of one photo, or of equal ones, nothing is held out


def _moved(
    crops: Sequence[np.ndarray], moves: Sequence[tuple[bool, int]], shape: tuple[int, int, int], dtype: np.dtype
) -> np.ndarray:
    """The crops as one array, each mirrored and turned as told."""
    found = np.empty((len(crops), *shape), dtype)
    for crop, (mirrored, quarters), place in zip(crops, moves, found, strict=True):
        place[:] = np.rot90(crop[:, :, ::-1] if mirrored else crop, quarters, (1, 2))
    return found


def _in_turn(lists: Sequence[list]) -> list:
    """The first of each, then the second of each, and so on."""
    longest = max(map(len, lists), default=0)
    return [each[i] for i in range(longest) for each in lists if i < len(each)]
