"""Pictures and their captions brought together, with no adversary: how a text encoder is trained before StackGAN plays."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, relu

from ganvas.play.game import Batch, Game, Move
from ganvas.play.penalties import widened
from ganvas.play.schedules import Clock


def joint(F: Tensor, other: Tensor) -> Tensor:
    """Structured joint embedding (Reed et al. 2016, "Learning Deep Representations of Fine-Grained Visual Descriptions"),
    StackGAN's: Σ over i, j of max(0, 1 + F(vᵢ, tⱼ) − F(vᵢ, tᵢ)) + max(0, 1 + F(vᵢ, tⱼ) − F(vⱼ, tⱼ)), a mean over the pairs
    whose captions differ, as in the authors' code; the paper's surrogate takes the worst class."""
    own = F.diagonal()
    late = relu(1 + F - own[:, None]) + relu(1 + F - own[None])
    return (late * other).sum() / other.sum().clamp(min=1)


def softmax(F: Tensor, other: Tensor) -> Tensor:
    """−log P(tᵢ | vᵢ) − log P(vᵢ | tᵢ), each a softmax over the batch (AttnGAN's DAMSM, Xu et al. 2018, eq. 11–13, with the
    sentence alone and γ₃ = 1): what is nearly right counts most, where the margin's mean hardly sees it."""
    return own(F, other) + own(F.t(), other.t())


def own(F: Tensor, other: Tensor) -> Tensor:
    """−log of each row's own share, on the diagonal, in the softmax of what says something else."""
    mine = torch.eye(*F.shape, dtype=torch.bool, device=F.device)
    return cross_entropy(F.masked_fill(~other & ~mine, float("-inf")), torch.arange(len(F), device=F.device))


# from N×N compatibilities, and which captions differ, to what E makes small
MATCHES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"margin": joint, "softmax": softmax}


@dataclass(eq=False)
class Matching(Game):
    """How a text encoder is trained before StackGAN plays (Reed et al. 2016). One player, one move a batch.

    E(images, captions) → N×N compatibilities F(v, t). Each picture's own caption has to be ahead of the others in the
    batch, and each caption's own picture likewise, by one of `MATCHES`. Equal captions are no negatives of each other;
    captions that differ and are both true are taken for wrong.
    """

    E: nn.Module
    match: Callable[[Tensor, Tensor], Tensor] = joint
    watched = "E"

    def __post_init__(self):
        self.needs = frozenset({"image", "text"})
        self.players = {"E": self.E}

    def round(self, batches: Iterator[Batch], clock: Clock) -> Iterator[Move]:
        batch = next(batches)
        F, other = widened(self.E(batch["image"], batch["text"])), differing(batch["text"])
        yield Move("E", self.match(F, other), {"accuracy": first(F, other)})

    def imagine(self, G: nn.Module, z: Tensor | None, batch: Batch) -> Tensor:
        """No pictures: the compatibilities of a batch."""
        return G(batch["image"], batch["text"])

    def to_json(self) -> dict[str, Any]:
        return {"game": "Matching"}


def differing(text: Tensor, others: Tensor | None = None) -> Tensor:
    """Which of N rows say something else than which of these or of M others, N×M."""
    return (text[:, None] != (text if others is None else others)[None]).any(2)


@torch.no_grad()
def first(F: Tensor, other: Tensor) -> Tensor:
    """The share of pictures that no other caption of the batch suits as well as their own."""
    return (F.diagonal() > F.masked_fill(~other, float("-inf")).amax(1)).float().mean()
