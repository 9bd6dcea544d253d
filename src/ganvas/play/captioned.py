"""A sentence to a picture: StackGAN's game, whose discriminator also tells a right caption from a wrong one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import avg_pool2d, interpolate

from ganvas import luck
from ganvas.play.augment import BARE, Augmentation
from ganvas.play.game import Batch, Game, Move
from ganvas.play.latent import Prior
from ganvas.play.losses import LOSSES, AdversarialLoss
from ganvas.play.matching import differing, own
from ganvas.play.penalties import Constraint, GradientPenalty, free, widened
from ganvas.play.schedules import Clock


@dataclass(eq=False)
class Captioned(Game):
    """Zhang et al. 2017, eq. 3–6, one stage of it. A batch, D's move, G's move on the same fakes.

    G(z, φ, ε) → pictures, where φ = G.read(captions) and c = μ + σ ⊙ ε by (μ, log σ) = G.condition(φ); without ε, as in
    `imagine`, c = μ. D(picture, φ) = D.judge(D.look(picture), φ) → logits.
    D: a picture with its own caption up; with a wrong one, and a fake with the caption it was made for, down by half
    each (matching-aware, Reed et al. 2016, algorithm 1, lines 7–10):
        L_D = ½ [L(D(x, φ), D(x, φ̂)) + L(D(x, φ), D(G(z, φ), φ))],
    which for a sum of two terms, as cross-entropy is, is CE(real, right; 1) + ½ [CE(real, wrong; 0) + CE(fake, right; 0)];
    relativistic and Wasserstein losses compare the right pair with either kind of wrong one.
    `kl`: of KL(N(μ, σ²) ‖ N(0, 1)), a mean over dimensions as in the authors' code, in G's loss. `shrink`: D sees photos
    so many times smaller, each pixel the mean of those it covers. `augment` is what D sees pictures through; `penalties`
    are taken where a picture stands beside its own caption. `matcher`, which has learned which caption belongs to a picture
    and is frozen, joins G's loss: `match` · −log P(caption | fake) among the right and wrong captions of the batch (AttnGAN's
    DAMSM, Xu et al. 2018, eq. 11–14, of sentences).
    """

    G: nn.Module
    D: nn.Module
    prior: Prior
    loss: AdversarialLoss = LOSSES["non_saturating"]
    kl: float = 2.0
    shrink: int = 1
    matcher: nn.Module | None = None
    match: float = 1.0
    penalties: tuple[GradientPenalty, ...] = ()
    constraint: Constraint = free
    augment: Augmentation = BARE

    def __post_init__(self):
        self.needs = frozenset({"image", "text", "wrong"}) | self.augment.needs
        self.players = {"G": self.G, "D": self.D}

    def round(self, batches: Iterator[Batch], clock: Clock) -> Iterator[Move]:
        self.augment.adapt(clock)
        batch = next(batches)
        x = self.photo(batch["image"])
        right, wrong = (widened(self.G.read(batch[key])) for key in ("text", "wrong"))  # penalties are taken in fp32
        z, noise = self.prior.draw(len(x), x.device), gaussian(len(x), self.G.noises, x.device)
        self.constraint(self.D)
        fake = self.G(z, right, noise)
        yield self.judge(batch, x, fake.detach(), right, wrong, clock)
        self.constraint(self.D)
        yield self.fool(batch, x, fake, right)

    def judge(self, batch: Batch, x: Tensor, fake: Tensor, right: Tensor, wrong: Tensor, clock: Clock) -> Move:
        """D's move: the picture beside its caption up, beside a wrong one down, the fake down."""
        x, fake = self.augment(x), self.augment(fake)
        looked = self.D.look(x)
        real, mismatch = (widened(self.D.judge(looked, caption)) for caption in (right, wrong))
        made = widened(self.D(fake, right))
        loss = self.loss.discriminator
        total = (loss(real, mismatch) + loss(real, made)).mean() / 2
        seen = {"real": real, "fake": made, "wrong": mismatch, "gap": (real - mismatch).mean()}
        seen |= self.loss.read(real, made) | self.augment.watch(real, made, lambda: self.judge_unseen(batch))
        if due := [p(lambda x: self.D(x, right), x, fake, clock) for p in self.penalties if p.due(clock)]:
            seen["penalty"] = sum(due)
            total = total + seen["penalty"]
        return Move("D", total, seen)

    def fool(self, batch: Batch, x: Tensor, fake: Tensor, right: Tensor) -> Move:
        """G's move: D taken in, and what a caption leaves open kept open."""
        seen = {"fake": widened(self.D(self.augment(fake), right))}
        if self.loss.relativistic:
            seen["real"] = widened(self.D(self.augment(x), right))
        seen["kl"] = divergence(*self.G.condition(right))
        loss = self.loss.generator(seen["fake"], seen.get("real")).mean() + self.kl * seen["kl"]
        if self.matcher is not None:
            seen["match"] = self.mistaken(batch, fake)
            loss = loss + self.match * seen["match"]
        return Move("G", loss, seen)

    def mistaken(self, batch: Batch, fake: Tensor) -> Tensor:
        """−log P of the captions that fakes were made for, among all of the batch, right and wrong; what stage I draws is
        enlarged to what the matcher knows."""
        captions = torch.cat([batch["text"], batch["wrong"]])
        size = batch["image"].shape[2:]
        seen = fake if fake.shape[2:] == size else interpolate(fake, size, mode="bilinear")
        return own(widened(self.matcher(seen, captions)), differing(batch["text"], captions))

    def photo(self, image: Tensor) -> Tensor:
        """A picture at this stage's size."""
        return avg_pool2d(image, self.shrink) if self.shrink > 1 else image

    @torch.no_grad()
    def judge_unseen(self, batch: Batch) -> Tensor:
        """D's logits, N×1, for held-out pictures beside their captions; D's buffers keep no trace of them."""
        aside = {name: buffer.clone() for name, buffer in self.D.named_buffers()}
        given = self.augment(self.photo(batch["held_out"])), widened(self.G.read(batch["held_out_text"]))
        return widened(functional_call(self.D, aside, given))

    def imagine(self, G: nn.Module, z: Tensor, batch: Batch) -> Tensor:
        return G(z, G.read(batch["text"]))

    def to_json(self) -> dict[str, Any]:
        return {"game": "Captioned"}

    def state_dict(self) -> dict[str, Any]:
        return self.augment.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.augment.load_state_dict(state)


def divergence(mu: Tensor, log_sigma: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)) = −log σ + ½ (−1 + σ² + μ²), the mean over dimensions and captions (ibid., eq. 2)."""
    mu, log_sigma = widened(mu), widened(log_sigma)
    return (-log_sigma + (-1 + (2 * log_sigma).exp() + mu.square()) / 2).mean()


def gaussian(n: int, dim: int, device: torch.device) -> Tensor:
    """ε: n×dim, standard normal."""
    return luck.rows(lambda n: torch.randn(n, dim, device=device), n)
