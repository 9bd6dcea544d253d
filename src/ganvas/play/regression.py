"""A picture to the picture that belongs to it, with no adversary: what super-resolution warms up with, and its rival."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ganvas.play.game import Batch, Game, Move
from ganvas.play.paired import Content
from ganvas.play.penalties import widened
from ganvas.play.schedules import Clock


def mean_square(fake: Tensor, target: Tensor) -> Tensor:
    """The mean square difference, whose minimum has the highest PSNR: the mean of all that is plausible, and so blurred
    (Ledig et al. 2017, eq. 4 and section 2.2.1)."""
    return (widened(fake) - widened(target)).square().mean()


@dataclass(eq=False)
class Regression(Game):
    """Ledig et al. 2017, eq. 1: min over G of the mean of l(G(x), y). A game of one player, one move a batch.

    G: picture → picture. `source` and `target` are the batch's keys. `content`: the distances to the target that make up
    the loss; the mean square alone is SRResNet's.
    """

    G: nn.Module
    source: str = "a"
    target: str = "b"
    content: tuple[Content, ...] = (Content("mse", 1.0, mean_square),)

    def __post_init__(self):
        self.needs = frozenset({self.source, self.target})
        self.players = {"G": self.G}

    def round(self, batches: Iterator[Batch], clock: Clock) -> Iterator[Move]:
        batch = next(batches)
        fake = self.G(batch[self.source])
        seen = {content.name: content.distance(fake, batch[self.target]) for content in self.content}
        yield Move("G", sum(content.weight * seen[content.name] for content in self.content), seen)

    def imagine(self, G: nn.Module, z: Tensor | None, batch: Batch) -> Tensor:
        return G(batch[self.source])

    def to_json(self) -> dict[str, Any]:
        return {"game": "Regression", "source": self.source, "target": self.target}
