"""Two domains of pictures, none of which belongs to another: what CycleGAN learns from."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ganvas.data.arrays import content_hashes
from ganvas.data.epochs import Epochs
from ganvas.data.pairs import described, gather
from ganvas.data.source import Arrays
from ganvas.errors import BadInput

Rows = tuple[np.ndarray, np.ndarray]  # of a, of b


class Domains:
    """Two arrays of N×C×H×W pictures, each drawn in an order of its own; implements `Source`.

    Both orders are permutations that know nothing of each other: were they one, the pictures of two folders that
    happen to be numbered alike would come in pairs, and the task would be another, easier one. An epoch is over for
    each domain on its own. With `flip` each picture has a coin of its own.

    `train` and `held` are the rows of a and of b; held-out ones are cut to the same number. `truths`: a[held[0][i]] and
    b[held[1][i]] belong together, for evaluation alone; training never saw either.
    """

    def __init__(
        self,
        a: np.ndarray,
        b: np.ndarray,
        train: Rows,
        held: Rows,
        *,
        name: str,
        truths: bool = False,
        hashes: tuple[np.ndarray, np.ndarray] | None = None,
        notes: Sequence[str] = (),
        problems: Sequence[Any] = (),
        flip: bool = False,
    ):
        """Raises `BadInput` for a domain with fewer than 2 pictures to train on."""
        self._images, self._flip = {"a": np.asarray(a), "b": np.asarray(b)}, flip
        for key, rows in zip("ab", train, strict=True):
            if len(rows) < 2:
                count = f"{len(rows) or 'no'} picture{'s' * (len(rows) != 1)}"
                raise BadInput(f"{name}: domain {key} holds {count} to train on; a domain needs at least 2")
        self._orders = {"a": Epochs(train[0], 1), "b": Epochs(train[1], 2)}
        n = min(map(len, held))
        self._held_out = {"a": held[0][:n], "b": held[1][:n]}
        self.notes, self.problems = list(notes), list(problems)
        hashes = hashes or (content_hashes(self._images["a"]), content_hashes(self._images["b"]))
        parts = [known[rows] for known, rows in zip(hashes * 2, (*train, *self._held_out.values()), strict=True)]
        self.spec = described(
            name,
            self._images["a"],
            self._images["b"],
            train[1],
            ("domains", *map(len, parts)),
            *parts,
            n=max(map(len, train)),
            held_out=n,
            held_out_paired=truths,
        )

    def batch(self, seed: int, start: int, size: int) -> Arrays:
        """Pictures `start … start + size` of each domain's own endless stream; see `Source.batch`."""
        found = {}
        for key, order in self._orders.items():
            rows, coins = order(seed, start, size)
            found[key] = gather(self._images[key], rows, coins if self._flip else None)
        return found

    def held_out(self, n: int | None = None) -> Arrays:
        """The first `n` (or all) held-out pictures of each domain, as many of both. Never trained on."""
        return {key: gather(self._images[key], rows[:n]) for key, rows in self._held_out.items()}
