"""Distances in the features of a network instead of in pixels: what looks alike is near, though no pixel agrees.

The networks stand outside the game: no player, no optimiser, nothing of them in a checkpoint. A move of G backpropagates
through them into G's weights and into nobody else's.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ganvas.play.penalties import widened
from ganvas.play.regression import mean_square


class Perceptual:
    """mean (φ(G(x)) − φ(y))² for a frozen network φ (Ledig et al. 2017, eq. 5)."""

    def __init__(self, features: nn.Module):
        self.features = features

    def __call__(self, fake: Tensor, target: Tensor) -> Tensor:
        self.features.to(fake.device)
        with torch.no_grad():
            wanted = self.features(_three(target))
        return Forgotten.apply(fake, lambda x: mean_square(self.features(_three(x)), wanted))


class Forgotten(torch.autograd.Function):
    """f(x), a scalar, whose maps are forgotten at once: its slope is taken on the way and is all that waits for backward.

    A frozen network's maps would stand in memory together with G's and D's, for a gradient that can be had now.
    """

    @staticmethod
    def forward(ctx, x: Tensor, f: Callable[[Tensor], Tensor]) -> Tensor:
        with torch.enable_grad():
            here = x.detach().requires_grad_(True)
            value = f(here)
            (slope,) = torch.autograd.grad(value, here)
        ctx.save_for_backward(slope)
        return value.detach()

    @staticmethod
    @once_differentiable
    def backward(ctx, upstream: Tensor) -> tuple[Tensor, None]:
        (slope,) = ctx.saved_tensors
        return upstream * slope, None


class Matched:
    """The mean over all maps of D of the mean |Dᵢ(G(x)) − Dᵢ(y)| (Wang et al. 2018, pix2pixHD, eq. 4).

    `features`: D's, as it is at this move: no copy, which would stay what D was at its start, random. D itself is not
    trained by it.
    """

    def __init__(self, features: Callable[[Tensor], list[Tensor]]):
        self.features = features

    def __call__(self, fake: Tensor, target: Tensor) -> Tensor:
        made = self.features(fake)
        with torch.no_grad():
            wanted = self.features(target)
        apart = [(widened(one) - widened(other)).abs().mean() for one, other in zip(made, wanted, strict=True)]
        return torch.stack(apart).mean()


def _three(x: Tensor) -> Tensor:
    """Grey as three equal channels."""
    return x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x
