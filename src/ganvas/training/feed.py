"""Batches on the device, in the phase's pixel range, fetched ahead while the step runs."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import torch

from ganvas.data.source import Arrays, Source
from ganvas.play.game import Batch


class Feed:
    """The endless stream of one phase from position `start`. `drawn` counts the images handed out.

    Fetching draws no random number and the order is the source's, so any number of `workers` gives the same stream.
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
    ):
        self.source, self.seed, self.size, self.drawn, self.device = source, seed, size, start, device
        (black, white), (low, high) = source.spec.range, pixels
        self.scale = (high - low) / (white - black)
        self.offset = low - black * self.scale
        self.pool = ThreadPoolExecutor(workers, "ganvas-feed") if workers else None
        self.ahead: deque[Future[Arrays]] = deque()
        self.asked = start

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        arrays = self._fetch()
        self.drawn += self.size
        batch = {name: torch.from_numpy(array) for name, array in arrays.items()}
        if self.device.type == "cuda":
            batch = {name: t.pin_memory().to(self.device, non_blocking=True) for name, t in batch.items()}
        batch["image"] = batch["image"].to(torch.get_default_dtype()).mul_(self.scale).add_(self.offset)
        return batch

    def close(self) -> None:
        if self.pool:
            self.pool.shutdown(wait=True, cancel_futures=True)

    def _fetch(self) -> Arrays:
        if self.pool is None:
            return self.source.batch(self.seed, self.drawn, self.size)
        while len(self.ahead) <= self.pool._max_workers:
            self.ahead.append(self.pool.submit(self.source.batch, self.seed, self.asked, self.size))
            self.asked += self.size
        return self.ahead.popleft().result()
