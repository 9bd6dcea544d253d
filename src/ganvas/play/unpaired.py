"""From one domain to another and back, with no pair ever seen: CycleGAN."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ganvas.play.augment import BARE, Augmentation
from ganvas.play.game import Batch, Game, Move
from ganvas.play.jitter import Jitter
from ganvas.play.losses import LOSSES, AdversarialLoss
from ganvas.play.paired import l1
from ganvas.play.penalties import GradientPenalty, widened
from ganvas.play.pool import ImagePool
from ganvas.play.schedules import Clock

SIDES = ("a", "b")


@dataclass(eq=False)
class Unpaired(Game):
    """Zhu et al. 2017, eq. 3: two translators and two discriminators; the generators move first, as in the authors' code.

    G.ab: A → B, G.ba: B → A; D["a"], D["b"]: picture → logits of any shape. `cycle` weighs ‖F(G(x)) − x‖₁ both ways
    (eq. 2); `identity` ‖G(y) − y‖₁, G fed what is of its target domain already (section 5.2), 0: not computed. Each D
    judges fakes out of a `pool` of the last ones (section 4); `d_weight` is of D's loss. `jitter` moves each picture on
    its own coin.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"a", "b"})
    G: nn.Module
    D: nn.ModuleDict
    loss: AdversarialLoss = LOSSES["least_squares"]
    cycle: float = 10.0
    identity: float = 5.0
    pool: int = 50
    d_weight: float = 0.5
    jitter: Jitter | None = None
    penalties: tuple[GradientPenalty, ...] = ()
    augment: Augmentation = BARE

    def __post_init__(self):
        self.players = {"G": self.G, "D": self.D}
        self.pools = {"a": ImagePool(self.pool), "b": ImagePool(self.pool)}

    def round(self, batches: Iterator[Batch], clock: Clock) -> Iterator[Move]:
        self.augment.adapt(clock)
        batch = next(batches)
        real = {side: self.jitter(batch[side])[0] if self.jitter else batch[side] for side in SIDES}
        fake = {"b": self.G.ab(real["a"]), "a": self.G.ba(real["b"])}
        yield self.fool(real, fake)
        yield self.judge(real, {side: self.pools[side](fake[side]) for side in SIDES}, clock)

    def fool(self, real: Batch, fake: Batch) -> Move:
        """Both generators at once: each takes the other domain's discriminator in, and the way back leads home."""
        seen = {"fake": self.logits(self.shown(fake))}
        if self.loss.relativistic:
            seen["real"] = self.logits(self.shown(real))
        seen["adversarial"] = 2 * self.loss.generator(seen["fake"], seen.get("real")).mean()  # the sum of two domains
        seen["cycle"] = l1(self.G.ba(fake["b"]), real["a"]) + l1(self.G.ab(fake["a"]), real["b"])
        loss = seen["adversarial"] + self.cycle * seen["cycle"]
        if self.identity:
            seen["identity"] = l1(self.G.ab(real["b"]), real["b"]) + l1(self.G.ba(real["a"]), real["a"])
            loss = loss + self.identity * seen["identity"]
        return Move("G", loss, seen)

    def judge(self, real: Batch, fake: Batch, clock: Clock) -> Move:
        """Both discriminators, each in its own domain."""
        real, fake = self.shown(real), self.shown(fake)
        logits = self.logits(real), self.logits(fake)
        loss = 2 * self.d_weight * self.loss.discriminator(*logits).mean()
        seen = {"real": logits[0], "fake": logits[1], **self.loss.read(*logits)}
        due = [p(self.D[side], real[side], fake[side], clock) for p in self.penalties if p.due(clock) for side in SIDES]
        if due:
            seen["penalty"] = sum(due)
            loss = loss + seen["penalty"]
        return Move("D", loss, seen)

    def logits(self, views: Batch) -> Tensor:
        """What each D says of the pictures of its domain, one vector."""
        return torch.cat([widened(self.D[side](views[side])).flatten() for side in SIDES])

    def shown(self, views: Batch) -> Batch:
        """The pictures as D sees them."""
        return {side: self.augment(views[side]) for side in SIDES}

    def imagine(self, G: nn.Module, z: Tensor | None, batch: Batch) -> Tensor:
        """A batch with "a" is translated to B, one with "b" to A."""
        return G.ab(batch["a"]) if "a" in batch else G.ba(batch["b"])

    def to_json(self) -> dict[str, Any]:
        return {"game": "Unpaired"}

    def state_dict(self) -> dict[str, Any]:
        pools = {side: pool.state_dict() for side, pool in self.pools.items()}
        return {"pools": pools, "augment": self.augment.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for side, pool in self.pools.items():
            pool.load_state_dict(state["pools"][side])
        self.augment.load_state_dict(state["augment"])
