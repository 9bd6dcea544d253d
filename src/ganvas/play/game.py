"""A game is a generator function that reads like the paper's algorithm box: one `yield` per update."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ganvas.play.schedules import Clock, Schedule

Batch = dict[str, Tensor]


class Move(NamedTuple):
    """One player's update: the trainer backpropagates `loss` into that player's parameters alone and steps it.

    `seen` holds the live logits ("real", "fake") and the parts of the loss: what the log, the doctor and the tests see.
    """

    player: str
    loss: Tensor
    seen: Mapping[str, Tensor] = {}


class Game(ABC):
    """The rules: who moves when, and what each move minimises. Games are final; they share functions, not base classes."""

    needs: frozenset[str]  # batch keys it cannot do without
    players: dict[str, nn.Module]
    watched: str = "G"  # the player that sheets and snapshots show

    @abstractmethod
    def round(self, batches: Iterator[Batch], clock: Clock) -> Iterator[Move | tuple[Move, ...]]:
        """Yields the moves of one round; the line after a `yield` sees the new weights.

        A tuple of moves is a simultaneous update: all are backpropagated before any player steps. No context manager
        may span a yield: an autocast context that outlives a step serves the old weights from its cast cache.
        """

    @abstractmethod
    def imagine(self, G: nn.Module, z: Tensor, batch: Batch) -> Tensor:
        """What a generator (the live one or its average) makes of this noise and this batch."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The game's name and what `imagine` depends on: enough for a snapshot to call its generator."""

    def state_dict(self) -> dict[str, Any]:
        """What the game remembers besides its networks."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        assert not state, f"{type(self).__name__} keeps no state, the checkpoint has {sorted(state)}"


class Optimizer(NamedTuple):
    """How a player learns: its optimiser, what in it changes over the run, and its moving average (half-life, images)."""

    build: Callable[[list[nn.Parameter]], torch.optim.Optimizer]
    schedules: Mapping[str, Schedule] = {}
    average: Schedule | None = None


class Phase(NamedTuple):
    """One game played for a planned number of real images, `batch` of them at a time, in the range `pixels`.

    `frozen` modules take part but do not learn: eval mode, so that their running statistics stand still too.
    """

    game: Game
    images: int
    batch: int
    optimizers: Mapping[str, Optimizer]
    pixels: tuple[float, float] = (-1.0, 1.0)
    frozen: tuple[nn.Module, ...] = ()
