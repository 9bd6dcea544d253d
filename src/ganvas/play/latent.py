"""Noise to image: GAN, DCGAN and, with other losses, penalties and conditions, most of the family."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ganvas.play.game import Batch, Game, Move
from ganvas.play.losses import LOSSES, AdversarialLoss
from ganvas.play.penalties import Constraint, GradientPenalty, widened
from ganvas.play.schedules import Clock


@dataclass(frozen=True)
class Normal:
    """z ~ N(0, 1) in each of `dim` coordinates."""

    dim: int

    def draw(self, n: int, device: torch.device | str = "cpu") -> Tensor:
        """n×dim from torch's default generator, which the trainer seeds by position."""
        return torch.randn(n, self.dim, device=device)

    def at(self, seed: int, index: int) -> np.ndarray:
        """The latent of picture `index` under `seed`: the same alone, in a sheet or in a film."""
        return np.random.default_rng([seed, index]).standard_normal(self.dim, dtype=np.float32)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "normal", "dim": self.dim}


@dataclass(frozen=True)
class Uniform:
    """z ~ U(low, high) in each of `dim` coordinates."""

    dim: int
    low: float = -1.0
    high: float = 1.0

    def draw(self, n: int, device: torch.device | str = "cpu") -> Tensor:
        return torch.rand(n, self.dim, device=device) * (self.high - self.low) + self.low

    def at(self, seed: int, index: int) -> np.ndarray:
        return np.random.default_rng([seed, index]).uniform(self.low, self.high, self.dim).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "uniform", "dim": self.dim, "low": self.low, "high": self.high}


Prior = Normal | Uniform


def prior_from_json(record: dict[str, Any]) -> Prior:
    kinds = {"normal": Normal, "uniform": Uniform}
    return kinds[record["kind"]](**{k: v for k, v in record.items() if k != "kind"})


@dataclass(eq=False)
class Latent(Game):
    """Goodfellow et al. 2014, algorithm 1, and its descendants: `n_critic` updates of D, then one of G.

    G(z) or, `conditional`, G(z, label) → images; D(image[, label]) → logits. `penalties` join D's loss. `constraint`
    is applied to D before each of its moves and once after the last, so that every gradient either player takes sees
    constrained weights. `reuse`: G moves on the fakes D has just judged (DCGAN's code: one pass of G less) instead of
    on new noise (the algorithm box). `simultaneous`: both players answer the same position (the 2014 code).
    """

    needs: ClassVar[frozenset[str]] = frozenset({"image"})
    G: nn.Module
    D: nn.Module
    prior: Prior
    loss: AdversarialLoss = LOSSES["non_saturating"]
    penalties: tuple[GradientPenalty, ...] = ()
    n_critic: int = 1
    constraint: Constraint = lambda D: None
    reuse: bool = False
    simultaneous: bool = False
    conditional: bool = False

    def __post_init__(self):
        self.players = {"G": self.G, "D": self.D}

    def round(self, batches: Iterator[Batch], clock: Clock) -> Iterator[Move | tuple[Move, ...]]:
        if self.simultaneous:
            batch = next(batches)
            fake = self.fakes(batch)
            yield self.judge(batch, fake, clock), self.fool(batch, fake)
            self.constraint(self.D)
            return

        for _ in range(self.n_critic):
            batch = next(batches)
            self.constraint(self.D)
            fake = self.fakes(batch)
            yield self.judge(batch, fake.detach(), clock)
        self.constraint(self.D)
        yield self.fool(batch, fake if self.reuse else self.fakes(batch))

    def judge(self, batch: Batch, fake: Tensor, clock: Clock) -> Move:
        """The discriminator's move: raise D(x), lower D(G(z)), stay smooth."""
        D, x = self.discriminator(batch), batch["image"]
        real, fooled = widened(D(x)), widened(D(fake))
        loss = self.loss.discriminator(real, fooled).mean()
        seen = {"real": real, "fake": fooled, **self.loss.read(real, fooled)}
        if due := [p(D, x, fake, clock) for p in self.penalties if p.due(clock)]:
            seen["penalty"] = sum(due)
            loss = loss + seen["penalty"]
        return Move("D", loss, seen)

    def fool(self, batch: Batch, fake: Tensor) -> Move:
        """The generator's move: raise D(G(z)); if relativistic, over the real images' logits."""
        D = self.discriminator(batch)
        seen = {"fake": widened(D(fake))}
        if self.loss.relativistic:
            seen["real"] = widened(D(batch["image"]))
        return Move("G", self.loss.generator(seen["fake"], seen.get("real")).mean(), seen)

    def fakes(self, batch: Batch) -> Tensor:
        x = batch["image"]
        return self.imagine(self.G, self.prior.draw(len(x), x.device), batch)

    def imagine(self, G: nn.Module, z: Tensor, batch: Batch) -> Tensor:
        return G(z, batch["label"]) if self.conditional else G(z)

    def to_json(self) -> dict[str, Any]:
        return {"game": "Latent", "conditional": self.conditional}

    def discriminator(self, batch: Batch):
        return partial(self.D, label=batch["label"]) if self.conditional else self.D
