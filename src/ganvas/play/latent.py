"""Noise to image: GAN, DCGAN and, with other losses, penalties and conditions, most of the family."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from ganvas import luck
from ganvas.play.augment import BARE, Augmentation
from ganvas.play.game import Batch, Game, Move
from ganvas.play.losses import LOSSES, AdversarialLoss
from ganvas.play.penalties import Constraint, GradientPenalty, free, widened
from ganvas.play.schedules import Clock, constant


@dataclass(frozen=True)
class Normal:
    """z ~ N(0, 1) in each of `dim` coordinates."""

    dim: int
    mean = 0.0  # of each coordinate, and its standard deviation
    std = 1.0

    def draw(self, n: int, device: torch.device | str = "cpu") -> Tensor:
        """n×dim from torch's default generator, which the trainer seeds by position."""
        return luck.rows(lambda n: torch.randn(n, self.dim, device=device), n)

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

    @property
    def mean(self) -> float:
        return (self.low + self.high) / 2

    @property
    def std(self) -> float:
        return (self.high - self.low) / 12**0.5

    def draw(self, n: int, device: torch.device | str = "cpu") -> Tensor:
        return luck.rows(lambda n: torch.rand(n, self.dim, device=device), n) * (self.high - self.low) + self.low

    def at(self, seed: int, index: int) -> np.ndarray:
        return np.random.default_rng([seed, index]).uniform(self.low, self.high, self.dim).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "uniform", "dim": self.dim, "low": self.low, "high": self.high}


Prior = Normal | Uniform


def prior_from_json(record: dict[str, Any]) -> Prior:
    kinds = {"normal": Normal, "uniform": Uniform}
    return kinds[record["kind"]](**{k: v for k, v in record.items() if k != "kind"})


ONCE = constant(1)


@dataclass(frozen=True)
class Classify:
    """Auxiliary classification (Odena et al. 2017, ACGAN): D also names the class of what it sees, real or not.

    D's logits are N×(1 + K), the first column real or fake; both players lower the cross-entropy of the rest, D on real
    and fake images, G on its own, by these weights.
    """

    d_weight: float = 1.0
    g_weight: float = 1.0


@dataclass(eq=False)
class Latent(Game):
    """Goodfellow et al. 2014, algorithm 1, and its descendants: `n_critic` updates of D, then one of G.

    G(z) or, `conditional`, G(z, label) → images; D(image[, label]) → logits. `penalties` join D's loss. `constraint`
    is applied to D before each of its moves and once after the last, so that every gradient either player takes sees
    constrained weights. `reuse`: G moves on the fakes D has just judged (DCGAN's code: one pass of G less) instead of
    on new noise (the algorithm box): as many as D's, so not with `g_times`. `simultaneous`: both players answer the same
    position, and the constraint follows their update (the 2014 code): the first position is that of the first weights.
    `g_times`: G's batch is so many times D's. `classify`: D names the class instead of being told it.
    `augment`: what every image, real or fake, goes through before D sees it, in both players' moves.
    """

    G: nn.Module
    D: nn.Module
    prior: Prior
    loss: AdversarialLoss = LOSSES["non_saturating"]
    penalties: tuple[GradientPenalty, ...] = ()
    n_critic: Callable[[Clock], int] = ONCE
    constraint: Constraint = free
    reuse: bool = False
    simultaneous: bool = False
    conditional: bool = False
    g_times: int = 1
    classify: Classify | None = None
    augment: Augmentation = BARE

    def __post_init__(self):
        if self.reuse and self.g_times > 1:
            raise ValueError(f"G cannot reuse D's fakes in a batch {self.g_times} times D's: choose reuse or g_times")
        self.needs = frozenset({"image"}) | self.augment.needs
        self.players = {"G": self.G, "D": self.D}

    def round(self, batches: Iterator[Batch], clock: Clock) -> Iterator[Move | tuple[Move, ...]]:
        self.augment.adapt(clock)
        if self.simultaneous:
            batch = next(batches)
            fake = self.fakes(batch)
            yield self.judge(batch, fake, clock), self.fool(batch, fake)
            self.constraint(self.D)
            return

        for _ in range(self.n_critic(clock)):
            batch = next(batches)
            self.constraint(self.D)
            fake = self.fakes(batch)
            yield self.judge(batch, fake.detach(), clock)
        self.constraint(self.D)
        batch = repeated(batch, self.g_times)
        yield self.fool(batch, fake if self.reuse else self.fakes(batch))

    def judge(self, batch: Batch, fake: Tensor, clock: Clock) -> Move:
        """The discriminator's move: raise D(x), lower D(G(z)), stay smooth."""
        D, x, fake = self.discriminator(batch), self.augment(batch["image"]), self.augment(fake)
        real, fooled = D(x), D(fake)
        logits = real[:, :1], fooled[:, :1]
        loss = self.loss.discriminator(*logits).mean()
        seen = {"real": logits[0], "fake": logits[1], **self.loss.read(*logits)}
        seen |= self.augment.watch(*logits, lambda: self.judge_unseen(batch))
        if self.classify:
            seen["class_loss"] = named(real, batch["label"]) + named(fooled, batch["label"])
            loss = loss + self.classify.d_weight * seen["class_loss"]
        if due := [p(lambda x: D(x)[:, :1], x, fake, clock) for p in self.penalties if p.due(clock)]:
            seen["penalty"] = sum(due)
            loss = loss + seen["penalty"]
        return Move("D", loss, seen)

    def fool(self, batch: Batch, fake: Tensor) -> Move:
        """The generator's move: raise D(G(z)); if relativistic, over the real images' logits."""
        D = self.discriminator(batch)
        fooled = D(self.augment(fake))
        seen = {"fake": fooled[:, :1]}
        if self.loss.relativistic:
            seen["real"] = D(self.augment(batch["image"]))[:, :1]
        loss = self.loss.generator(seen["fake"], seen.get("real")).mean()
        if self.classify:
            seen["class_loss"] = named(fooled, batch["label"])
            loss = loss + self.classify.g_weight * seen["class_loss"]
        return Move("G", loss, seen)

    def fakes(self, batch: Batch) -> Tensor:
        x = batch["image"]
        return self.imagine(self.G, self.prior.draw(len(x), x.device), batch)

    def imagine(self, G: nn.Module, z: Tensor, batch: Batch) -> Tensor:
        return G(z, batch["label"]) if self.conditional else G(z)

    def to_json(self) -> dict[str, Any]:
        return {"game": "Latent", "conditional": self.conditional}

    def discriminator(self, batch: Batch) -> Callable[[Tensor], Tensor]:
        """D's logits, at least fp32, for images that belong to this batch's labels."""
        told = self.told(batch)
        return lambda images: widened(self.D(images, **told))

    @torch.no_grad()
    def judge_unseen(self, batch: Batch) -> Tensor:
        """D's logits, N×1, for this batch's held-out images, augmented as all others; D's buffers keep no trace of them."""
        aside = {name: buffer.clone() for name, buffer in self.D.named_buffers()}
        told = self.told(batch, "held_out_label")
        return widened(functional_call(self.D, aside, (self.augment(batch["held_out"]),), told))[:, :1]

    def told(self, batch: Batch, label: str = "label") -> dict[str, Tensor]:
        """What D is told of the images."""
        return {"label": batch[label]} if self.conditional and not self.classify else {}

    def state_dict(self) -> dict[str, Any]:
        return self.augment.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.augment.load_state_dict(state)


def named(answer: Tensor, label: Tensor) -> Tensor:
    """Cross-entropy of the classes in D's answer, N×(1 + K), with the labels."""
    return cross_entropy(answer[:, 1:], label)


def repeated(batch: Batch, times: int) -> Batch:
    """The batch with every example so many times, next to each other."""
    return batch if times == 1 else {name: t.repeat_interleave(times, 0) for name, t in batch.items()}
