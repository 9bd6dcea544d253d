"""What keeps a discriminator smooth: gradient penalties, and constraints on its weights."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganvas import luck
from ganvas.play.kinks import Kinks
from ganvas.play.schedules import Clock, Schedule

Place = Callable[[Tensor, Tensor], Tensor]


def real(real: Tensor, fake: Tensor) -> Tensor:
    return real


def fake(real: Tensor, fake: Tensor) -> Tensor:
    return fake


def between(real: Tensor, fake: Tensor) -> Tensor:
    """A point on the line from each fake to its real, one random share per sample (Gulrajani et al. 2017, alg. 1)."""
    return fake + _share(real) * (real - fake)


def around(real: Tensor, fake: Tensor) -> Tensor:
    """Real images under noise of half the batch's standard deviation (Kodali et al. 2017, DRAGAN, authors' code)."""
    noise = luck.rows(lambda n: torch.rand(n, *real.shape[1:], dtype=real.dtype, device=real.device), len(real))
    return real + _share(real) * 0.5 * real.std() * noise


def widened(t: Tensor) -> Tensor:
    """At least fp32: losses and norms of bf16 numbers have too few digits."""
    return t.float() if t.dtype in (torch.bfloat16, torch.float16) else t


def _share(images: Tensor) -> Tensor:
    ones = [1] * (images.ndim - 1)
    return luck.rows(lambda n: torch.rand(n, *ones, device=images.device), len(images))


@dataclass(frozen=True)
class GradientPenalty:
    """weight · E[(‖∇ₓ D(x)‖₂ − target)²] at the points `at(real, fake)`; the norm is per sample, over C×H×W.

    WGAN-GP is (λ, between, 1), R1 (γ/2, real, 0), R2 (γ/2, fake, 0), DRAGAN (λ, around, 1).
    every: applied each `every`-th round with `every` times the weight (StyleGAN2's lazy regularisation).
    """

    weight: Schedule
    at: Place
    target: float = 1.0
    every: int = 1

    def due(self, clock: Clock) -> bool:
        return clock.round % self.every == 0

    def __call__(self, D: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, clock: Clock) -> Tensor:
        # fp32: a squared norm of small gradients has no digits left in bf16
        with torch.autocast("cpu" if real.is_meta else real.device.type, enabled=False):
            x = widened(self.at(real, fake).detach()).requires_grad_()
            with Kinks():
                logits = D(x)
            (slope,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
            norm = slope.flatten(1).norm(dim=1)
            return self.every * self.weight(clock) * (norm - self.target).square().mean()


Constraint = Callable[[nn.Module], None]


def free(net: nn.Module) -> None:
    """No constraint."""


@dataclass(frozen=True)
class ClipWeights:
    """Every parameter, biases and norms included, into [−bound, bound] (Arjovsky et al. 2017, algorithm 1, line 7)."""

    bound: float = 0.01

    @torch.no_grad()
    def __call__(self, net: nn.Module) -> None:
        for p in net.parameters():
            p.clamp_(-self.bound, self.bound)


@dataclass(frozen=True)
class MaxNorm:
    """Each unit's incoming weights are scaled back to length `bound` where they are longer (pylearn2's max_col_norm)."""

    bound: float = 1.9

    @torch.no_grad()
    def __call__(self, net: nn.Module) -> None:
        for p in net.parameters():
            if p.ndim > 1:
                p.copy_(torch.renorm(p, 2, 0, self.bound))
