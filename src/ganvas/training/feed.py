"""Batches on the device, in the phase's pixel range, fetched ahead while the step runs."""

import itertools
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch

from ganvas.data.source import Arrays, Source
from ganvas.errors import BadInput
from ganvas.play.game import Batch

MOST_HELD_OUT = 5_000  # enough to compare with; more would only fill memory


class Feed:
    """The endless stream of one phase from position `start`. `drawn` counts the images handed out.

    Fetching draws no random number and the order is the source's, so any number of `workers` gives the same stream.
    held_out: each batch brings as many held-out examples, "held_out" (and "held_out_label"), a function of its position
    too: cycle after cycle through them, each in a new order. Raises BadInput where the source holds none out.
    """

    def __init__(
        self,
        source: Source,
        seed: int,
        size: int,
        start: int,
        pixels: tuple[float, float],
        device: torch.device,
        workers: int,
        held_out: bool = False,
    ):
        self.source, self.seed, self.size, self.drawn, self.device = source, seed, size, start, device
        low, high = pixels
        self.scales = {}  # of each picture in a batch: what its stored values are multiplied by, and what is added
        for key in ("image", "held_out") if not source.spec.views else ("a", "b"):
            black, white = source.spec.view("image" if key == "held_out" else key).range
            scale = (high - low) / (white - black)
            self.scales[key] = scale, low - black * scale
        self.pool = ThreadPoolExecutor(workers, "ganvas-feed") if workers else None
        self.ahead: deque[Future[Arrays]] = deque()
        self.asked = start
        self.aside = source.held_out(MOST_HELD_OUT) if held_out else None
        if held_out and not len(self.aside["image"]):
            raise BadInput(f"this game compares training with held-out images, and {source.spec.name} holds none out")

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        arrays = self._fetch() | (self._held_out() if self.aside else {})
        self.drawn += self.size
        batch = {name: torch.from_numpy(array) for name, array in arrays.items()}
        if self.device.type == "cuda":
            batch = {name: t.pin_memory().to(self.device, non_blocking=True) for name, t in batch.items()}
        for name in batch.keys() & self.scales.keys():
            scale, offset = self.scales[name]
            batch[name] = batch[name].to(torch.get_default_dtype()).mul_(scale).add_(offset)
        return batch

    def close(self) -> None:
        if self.pool:
            self.pool.shutdown(wait=True, cancel_futures=True)

    def _held_out(self) -> Arrays:
        n = len(self.aside["image"])
        first, last = self.drawn // n, (self.drawn + self.size - 1) // n
        cycles = (np.random.default_rng([self.seed, cycle]).permutation(n) for cycle in range(first, last + 1))
        rows = np.concatenate(list(cycles))[self.drawn - first * n :][: self.size]
        return {"held_out" if name == "image" else f"held_out_{name}": a[rows] for name, a in self.aside.items()}

    def _fetch(self) -> Arrays:
        if self.pool is None:
            return self.source.batch(self.seed, self.drawn, self.size)
        while len(self.ahead) <= self.pool._max_workers:
            self.ahead.append(self.pool.submit(self.source.batch, self.seed, self.asked, self.size))
            self.asked += self.size
        return self.ahead.popleft().result()


class Parts:
    """One batch after another, cut into `of` parts that as many readers go through in lock-step."""

    def __init__(self, feed: Iterator[Batch], of: int):
        self.feed, self.of = feed, of
        self.batches: list[Batch] = []

    def reader(self, which: int) -> Iterator[Batch]:
        for place in itertools.count():
            if place == len(self.batches):
                self.batches.append(next(self.feed))
            yield {name: t.chunk(self.of)[which] for name, t in self.batches[place].items()}
