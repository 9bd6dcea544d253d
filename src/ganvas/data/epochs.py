"""The endless order in which examples come: epoch after epoch, each a fresh permutation, addressed by position."""

import functools

import numpy as np


class Epochs:
    """Rows of a data set without end, and a fair coin at every position; each a function of (seed, position).

    `stream` tells orders apart that must not go in step: two domains of equal size have unrelated permutations.
    SeedSequence reads missing words as zeros, so a stream is numbered from 1.
    """

    def __init__(self, rows: np.ndarray, *stream: int):
        self.rows, self._stream = rows, stream
        self._epoch = functools.lru_cache(maxsize=2)(self._draw)  # a batch straddles two epochs at most, mostly

    def _draw(self, seed: int, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(np.random.SeedSequence([seed, epoch, *self._stream]))
        return rng.permutation(self.rows), rng.random(len(self.rows)) < 0.5

    def __call__(self, seed: int, start: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows and coins at positions `start … start + size`."""
        n, end, parts = len(self.rows), start + size, []
        for epoch in range(start // n, max(start, end - 1) // n + 1):
            here = slice(max(start - epoch * n, 0), min(end - epoch * n, n))
            parts.append([column[here] for column in self._epoch(seed, epoch)])
        rows, coins = parts[0] if len(parts) == 1 else map(np.concatenate, zip(*parts, strict=True))
        return rows, coins
