"""Pairs of pictures that belong together: what pix2pix learns from."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np

from ganvas.data.arrays import content_hashes, mean_image, split
from ganvas.data.epochs import Epochs
from ganvas.data.pixels import WHITE
from ganvas.data.source import Arrays, DataSpec, View, pack_mean
from ganvas.errors import BadInput


def pair_hashes(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """64 bits for each of N pairs, from the hashes of their two pictures: N uint64."""
    both = np.ascontiguousarray(np.stack([a, b], 1))
    return content_hashes(both)


def gather(images: np.ndarray, rows: np.ndarray, mirrored: np.ndarray | None = None) -> np.ndarray:
    """These rows as a new array, those marked in `mirrored` with left and right exchanged."""
    found = np.ascontiguousarray(images[rows])
    if mirrored is not None:
        found[mirrored] = found[mirrored, :, :, ::-1]
    return found


def views_of(a: np.ndarray, b: np.ndarray) -> tuple[View, View]:
    """How the pictures of two N×C×H×W arrays are stored."""
    one, other = (
        View(key, tuple(images.shape[1:]), (0, WHITE[images.dtype.name]), 8 * images.dtype.itemsize)
        for key, images in (("a", a), ("b", b))
    )
    return one, other


def described(
    name: str, a: np.ndarray, b: np.ndarray, rows: np.ndarray, facts: Sequence[Any], *hashes: np.ndarray, **more: Any
) -> DataSpec:
    """The record of two pictures an example. `rows` of b are trained on; `facts` and `hashes` make the fingerprint."""
    views = views_of(a, b)
    scale = views[1].range
    digest = blake2b(repr((*views, *facts)).encode() + b"".join(part.tobytes() for part in hashes), digest_size=16)
    return DataSpec(
        name=name,
        keys=("a", "b"),
        shape=views[1].shape,
        range=scale,
        bits=views[1].bits,
        mean=pack_mean(mean_image(b, rows, scale)),
        fingerprint=digest.hexdigest(),
        views=views,
        **more,
    )


class Pairs:
    """Pairs from two arrays of N×C×H×W pictures (their C and types may differ); implements `Source`.

    `rows` are N×2: pair k is a[rows[k, 0]] and b[rows[k, 1]]; by default a[k] and b[k]. Which pairs are held out is
    decided by the pixels of both, so that equal pairs are on one side, or by `held`, a truth value for each. With
    `flip` both pictures of a pair are mirrored or not by one coin that belongs to (seed, position). `hashes` are the
    pictures' of a and of b, where known. `problems` lists what was left out of the folder.
    """

    def __init__(
        self,
        a: np.ndarray,
        b: np.ndarray,
        rows: np.ndarray | None = None,
        *,
        name: str,
        held: np.ndarray | None = None,
        hashes: tuple[np.ndarray, np.ndarray] | None = None,
        notes: Sequence[str] = (),
        problems: Sequence[Any] = (),
        flip: bool = False,
    ):
        """Raises `BadInput` for fewer than 2 pairs to train on."""
        self._a, self._b, self._flip = np.asarray(a), np.asarray(b), flip
        self._rows = np.arange(len(a))[:, None].repeat(2, 1) if rows is None else rows
        one, other = hashes or (content_hashes(self._a), content_hashes(self._b))
        self.hashes = pair_hashes(one[self._rows[:, 0]], other[self._rows[:, 1]])
        train, self._held_out = split(self.hashes) if held is None else split_as_told(self.hashes, held)
        if len(train) < 2:
            count = f"{len(train) or 'no'} pair{'s' * (len(train) != 1)}"
            raise BadInput(f"{name} holds {count} to train on; a GAN learns from many, and needs at least 2")
        self._order = Epochs(train)
        self.notes, self.problems = list(notes), list(problems)
        self.spec = described(
            name,
            self._a,
            self._b,
            self._rows[train, 1],
            ("pairs",),
            self.hashes[train],
            self.hashes[self._held_out],
            n=len(train),
            held_out=len(self._held_out),
            paired=True,
            held_out_paired=True,
        )

    def batch(self, seed: int, start: int, size: int) -> Arrays:
        """Pairs `start … start + size` of the endless stream; see `Source.batch`."""
        rows, coins = self._order(seed, start, size)
        return self._gather(rows, coins if self._flip else None)

    def held_out(self, n: int | None = None) -> Arrays:
        """The first `n` (or all) held-out pairs, in a fixed shuffled order. Never trained on."""
        return self._gather(self._held_out[:n])

    def _gather(self, rows: np.ndarray, mirrored: np.ndarray | None = None) -> Arrays:
        a, b = self._rows[rows].T
        return {"a": gather(self._a, a, mirrored), "b": gather(self._b, b, mirrored)}


def split_as_told(hashes: np.ndarray, held: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `split`, where it is given which are held out: a truth value for each."""
    return np.flatnonzero(~held), np.flatnonzero(held)[np.argsort(hashes[held], kind="stable")]
