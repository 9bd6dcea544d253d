"""A picture to the picture that belongs to it: pix2pix, and whatever else is judged beside a known answer."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ganvas.play.augment import BARE, Augmentation
from ganvas.play.game import Batch, Game, Move
from ganvas.play.jitter import Jitter
from ganvas.play.losses import LOSSES, AdversarialLoss
from ganvas.play.penalties import Constraint, GradientPenalty, free, widened
from ganvas.play.schedules import Clock


class Content(NamedTuple):
    """What pulls a fake towards its own target beside the adversary: weight · distance(fake, target), a mean."""

    name: str
    weight: float
    distance: Callable[[Tensor, Tensor], Tensor]


def l1(fake: Tensor, target: Tensor) -> Tensor:
    """The mean absolute difference: it leaves edges sharper than the mean square (Isola et al. 2017, eq. 3)."""
    return (widened(fake) - widened(target)).abs().mean()


@dataclass(eq=False)
class Paired(Game):
    """Isola et al. 2017, eq. 4: G* = arg min_G max_D L_cGAN(G, D) + λ L_L1(G). A batch, D's move, G's move on it.

    G: picture → picture; D: (source and) target on top of each other → logits of any shape. `source` and `target` are
    the batch's keys. `content`: distances to the target that join G's loss. `adversarial`: weight of the adversarial part
    of it (SRGAN's is 1e-3). `told`: D sees the source too. `d_weight`: of D's adversarial loss; ½ "slows down the rate at which
    D learns relative to G" (section 3.3). `jitter` moves both pictures alike; `augment` is what D sees them through, on
    top of each other.
    """

    G: nn.Module
    D: nn.Module
    source: str = "a"
    target: str = "b"
    loss: AdversarialLoss = LOSSES["non_saturating"]
    content: tuple[Content, ...] = (Content("l1", 100.0, l1),)
    adversarial: float = 1.0
    told: bool = True
    d_weight: float = 0.5
    jitter: Jitter | None = None
    penalties: tuple[GradientPenalty, ...] = ()
    constraint: Constraint = free
    augment: Augmentation = BARE

    def __post_init__(self):
        self.needs = frozenset({self.source, self.target}) | self.augment.needs
        self.players = {"G": self.G, "D": self.D}

    def round(self, batches: Iterator[Batch], clock: Clock) -> Iterator[Move]:
        self.augment.adapt(clock)
        batch = next(batches)
        x, y = batch[self.source], batch[self.target]
        if self.jitter:
            x, y = self.jitter(x, y)
        self.constraint(self.D)
        fake = self.G(x)
        yield self.judge(x, y, fake.detach(), clock)
        self.constraint(self.D)
        yield self.fool(x, y, fake)

    def judge(self, x: Tensor, y: Tensor, fake: Tensor, clock: Clock) -> Move:
        """The discriminator's move: true pairs up, the source with what G made of it down."""
        real, made = self.shown(x, y), self.shown(x, fake)
        logits = widened(self.D(real)), widened(self.D(made))
        loss = self.d_weight * self.loss.discriminator(*logits).mean()
        seen = {"real": logits[0], "fake": logits[1], **self.loss.read(*logits)}
        if due := [p(self.D, real, made, clock) for p in self.penalties if p.due(clock)]:
            seen["penalty"] = sum(due)
            loss = loss + seen["penalty"]
        return Move("D", loss, seen)

    def fool(self, x: Tensor, y: Tensor, fake: Tensor) -> Move:
        """The generator's move: D taken in, and the target met."""
        seen = {content.name: content.distance(fake, y) for content in self.content}
        seen["fake"] = widened(self.D(self.shown(x, fake)))
        if self.loss.relativistic:
            seen["real"] = widened(self.D(self.shown(x, y)))
        seen["adversarial"] = self.loss.generator(seen["fake"], seen.get("real")).mean()
        loss = self.adversarial * seen["adversarial"]
        for content in self.content:
            loss = loss + content.weight * seen[content.name]
        return Move("G", loss, seen)

    def shown(self, x: Tensor, y: Tensor) -> Tensor:
        """What D sees of a pair."""
        return self.augment(torch.cat([x, y.to(x.dtype)], 1) if self.told else y)

    def imagine(self, G: nn.Module, z: Tensor | None, batch: Batch) -> Tensor:
        return G(batch[self.source])

    def to_json(self) -> dict[str, Any]:
        return {"game": "Paired", "source": self.source, "target": self.target}

    def state_dict(self) -> dict[str, Any]:
        return self.augment.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.augment.load_state_dict(state)
