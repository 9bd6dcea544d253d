"""Layers whose answer depends on the whole picture, and which a translator keeps as they are when it is used.

A picture too large for memory goes through in tiles. Then `window` says where a tile lies, and what these layers need
of the whole is given to them: see `ganvas.study.tiling`.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganvas import luck
from ganvas.nets.layers import bernoulli

NormName = Literal["batch", "instance"]


class Window(NamedTuple):
    """A tile of a larger picture: its first row and column, its own size and the whole's, in pixels."""

    top: int
    left: int
    size: tuple[int, int]
    whole: tuple[int, int]


class Norm(nn.Module):
    """Normalises each channel by the mean and variance of what passes through, now as in training: nothing is kept.

    batch: over the whole batch in training, with a gain and a bias (pix2pix: batches of one, and the same statistics at
    test time; Isola et al. 2017, section 3.4); in use each picture by its own, so that it does not depend on the others
    it comes with. instance: over each picture alone, without gain and bias (Ulyanov et al. 2016).
    """

    def __init__(self, channels: int, kind: NormName):
        super().__init__()
        self.kind, self.eps = kind, 1e-5
        self.weight = nn.Parameter(torch.ones(channels)) if kind == "batch" else None
        self.bias = nn.Parameter(torch.zeros(channels)) if kind == "batch" else None
        self.given: tuple[Tensor, Tensor] | None = None  # mean and variance, where a tile cannot know them

    def forward(self, x: Tensor) -> Tensor:
        if self.given is not None:
            return F.batch_norm(x, *self.given, self.weight, self.bias, False, 0.0, self.eps)
        if self.training and self.kind == "batch":
            return F.batch_norm(x, None, None, self.weight, self.bias, True, 0.0, self.eps)
        # a channel a group: the same numbers as F.instance_norm, which goes through a slow batch_norm of 1×NC×H×W
        return F.group_norm(x, x.shape[1], self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return self.kind


class Noise(nn.Module):
    """Dropout that stays on when the network is used: the only noise of pix2pix's generator (ibid., section 3.2)."""

    def __init__(self, p: float = 0.5):
        super().__init__()
        self.p = p
        self.window: Window | None = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.p:
            return x
        if self.window is None:
            kept = luck.rows(lambda n: bernoulli((n, *x.shape[1:]), self.p, x.device), len(x))
        else:  # the numbers of the whole map, of which this tile has its own
            scale = self.window.size[0] // x.shape[2]
            whole = (side // scale for side in self.window.whole)
            kept = bernoulli((*x.shape[:2], *whole), self.p, x.device)
            top, left = self.window.top // scale, self.window.left // scale
            kept = kept[:, :, top : top + x.shape[2], left : left + x.shape[3]]
        return x * kept.to(x.dtype).mul_(1 / (1 - self.p))

    def extra_repr(self) -> str:
        return f"p={self.p}"
