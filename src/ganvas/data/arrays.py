"""A data set that is one array, in memory or mapped from disk."""

from collections.abc import Sequence
from dataclasses import astuple
from hashlib import blake2b

import numpy as np

from ganvas.data.epochs import Epochs
from ganvas.data.source import Arrays, Column, DataSpec, pack_mean
from ganvas.errors import BadInput

HELD_OUT = 0.1  # the share never trained on
SMALLEST_SPLIT = 20  # with fewer examples nothing is held out: there is too little to learn from as it is
_CHUNK = 1024  # examples looked at together, so that a mapped array never stands in memory whole


def content_hashes(images: np.ndarray) -> np.ndarray:
    """64 bits of BLAKE2b for each of N pictures: N uint64, a function of the pixels alone."""
    digests = [blake2b(np.ascontiguousarray(image), digest_size=8).digest() for image in images]
    return np.frombuffer(b"".join(digests), np.uint64)


def split(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows to train on, in order, and those held out, shuffled by their hash."""
    held = hashes < np.uint64(HELD_OUT * 2**64)
    if len(hashes) < SMALLEST_SPLIT or 2 * held.sum() > len(hashes):  # the latter: nearly all pictures are equal
        held[:] = False
    return np.flatnonzero(~held), np.flatnonzero(held)[np.argsort(hashes[held], kind="stable")]


def mean_image(images: np.ndarray, rows: np.ndarray, scale: tuple[float, float]) -> np.ndarray:
    """The mean of these rows, C×H×W in [0, 1] where `scale` holds the values of black and white."""
    chunks = (rows[k : k + _CHUNK] for k in range(0, len(rows), _CHUNK))
    total = sum(images[chunk].sum(0, dtype=np.float64) for chunk in chunks)
    return (total / len(rows) - scale[0]) / (scale[1] - scale[0])


class ArraySource:
    """Examples from an N×C×H×W array of uint8, uint16 or float32; implements `Source`.

    `labels` are N indices of `classes`, or N×K with a value a column of `columns` (see `DataSpec`).

    Which examples are held out is decided by their pixels: an example never changes sides when others come or go, and
    equal pictures are on the same side. With `flip` every example is mirrored or not by a coin that belongs to
    (seed, position). `hashes` and `mean` are for callers that kept them from an earlier time. `names` are
    the files' where they were files.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray | None = None,
        *,
        name: str,
        classes: Sequence[str] = (),
        columns: Sequence[Column] = (),
        range: tuple[float, float] | None = None,
        notes: Sequence[str] = (),
        flip: bool = False,
        hashes: np.ndarray | None = None,
        mean: str | None = None,
        names: Sequence[str] = (),
    ):
        """`range` holds the values of black and white: by default 0…255, 0…65535 or 0…1. Raises `BadInput`."""
        if len(images) < 2:
            count = f"{len(images) or 'no'} usable picture{'s' * (len(images) != 1)}"
            raise BadInput(f"{name} holds {count}; a GAN learns from many, and needs at least 2")
        if labels is not None and len(labels) != len(images):
            raise BadInput(f"{name} holds {len(images):,} pictures and {len(labels):,} labels; they must be as many")
        self._images = np.asarray(images)  # a mapped array stays mapped, without its subclass's cost per access
        self._labels = None if labels is None else np.ascontiguousarray(labels, np.float32 if columns else np.int64)
        self._flip, self._names = flip, names
        self.hashes = content_hashes(self._images) if hashes is None else hashes
        self._train, self._held_out = split(self.hashes)
        self._order = Epochs(self._train)

        bits = {1: 8, 2: 16, 4: 32}[self._images.dtype.itemsize]
        scale = range or {8: (0, 255), 16: (0, 65535), 32: (0, 1)}[bits]
        self.spec = DataSpec(
            name=name,
            keys=("image",) if labels is None else ("image", "label"),
            shape=tuple(self._images.shape[1:]),
            range=tuple(scale),
            bits=bits,
            n=len(self._train),
            held_out=len(self._held_out),
            classes=tuple(classes),
            columns=tuple(columns),
            mean=mean or pack_mean(mean_image(self._images, self._train, scale)),
            fingerprint=self._fingerprint(scale, classes, columns),
        )
        self.notes = list(notes)

    def _fingerprint(self, scale: tuple[float, float], classes: Sequence[str], columns: Sequence[Column]) -> str:
        about = (self._images.shape, self._images.dtype.str, tuple(map(float, scale)), tuple(classes))
        about += (tuple(map(astuple, columns)),) if columns else ()
        labels = b"" if self._labels is None else self._labels.tobytes()
        return blake2b(repr(about).encode() + self.hashes.tobytes() + labels, digest_size=16).hexdigest()

    def batch(self, seed: int, start: int, size: int) -> Arrays:
        """Examples `start … start + size` of the endless stream; see `Source.batch`."""
        rows, coins = self._order(seed, start, size)
        arrays = self._gather(rows)
        if self._flip:
            arrays["image"][coins] = arrays["image"][coins, :, :, ::-1]
        return arrays

    def held_out(self, n: int | None = None) -> Arrays:
        """The first `n` (or all) held-out examples, in a fixed shuffled order. Never trained on."""
        return self._gather(self._held_out[:n])

    def origins(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Where the training images, in the order of seed 0's first epoch, and the held-out ones come from: the names
        given, of files, or "row 17" of the array."""
        parts = (self._order(0, 0, self.spec.n)[0], self._held_out)
        return tuple(tuple(self._names[k] if self._names else f"row {k}" for k in rows.tolist()) for rows in parts)

    def _gather(self, rows: np.ndarray) -> Arrays:
        arrays = {"image": np.ascontiguousarray(self._images[rows])}  # `take` would first copy a whole strided array
        if self._labels is not None:
            arrays["label"] = self._labels[rows]
        return arrays
