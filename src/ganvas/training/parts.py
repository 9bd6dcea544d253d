"""A batch in parts (gradient accumulation): what of it stays the same, and what does not."""

from collections.abc import Sequence

import torch
from torch import nn

from ganvas.errors import BadInput
from ganvas.nets.layers import MinibatchStd, Pack
from ganvas.nets.text import Matcher
from ganvas.nets.vae import Spread
from ganvas.nets.whole import Norm
from ganvas.play.game import Move, Phase
from ganvas.play.penalties import around

# layers whose output for one image depends on the others, or that change as they are used
ACROSS = (nn.modules.batchnorm._BatchNorm, MinibatchStd, Spread, Matcher)


def parts_of(batch: int, micro_batch: int | None) -> int:
    """How many parts a batch is cut into. Raises BadInput where they would not be equal."""
    if micro_batch is None or micro_batch >= batch:
        return 1
    if batch % micro_batch:
        divisors = [n for n in range(1, batch) if batch % n == 0]
        raise BadInput(
            f"--micro-batch {micro_batch} does not divide the batch of {batch}: choose {_near(divisors, micro_batch)}"
        )
    return batch // micro_batch


def caveats(phase: Phase, micro_batch: int) -> list[str]:
    """Why training on parts differs from training on whole batches, in a sentence; empty where it is the same.

    Raises BadInput where a batch cannot be cut so.
    """
    parts_of(phase.batch, micro_batch)
    game, found = phase.game, dict[str, None]()
    for name, player in game.players.items():
        for module in player.modules():
            if isinstance(module, ACROSS) or (isinstance(module, Norm) and module.kind == "batch"):
                found[f"{type(module).__name__} of {name}"] = None
            if isinstance(module, Pack) and micro_batch % module.size:
                raise BadInput(f"--micro-batch {micro_batch} must be a multiple of the pack of {module.size}")
            if nn.utils.parametrize.is_parametrized(module):
                found[f"spectral norm of {name}"] = None
    if any(penalty.at is around for penalty in getattr(game, "penalties", ())):
        found["the noise around real images"] = None
    if not found:
        return []
    return [
        f"micro-batches of {micro_batch}: in {', '.join(found)} parts are looked at instead of whole batches, so this run is "
        "not equal to one without --micro-batch"
    ]


def detached(move: Move) -> Move:
    """The move without its graph, whose memory the next part needs."""
    return Move(move.player, move.loss.detach(), {name: value.detach() for name, value in move.seen.items()})


def joined(moves: Sequence[Move]) -> Move:
    """One move of the parts of a batch: losses and other means are averaged, logits stand one after the other."""

    def join(values: list[torch.Tensor]) -> torch.Tensor:
        return torch.cat(values) if values[0].ndim else torch.stack(values).mean()

    seen = {name: join([move.seen[name] for move in moves]) for name in moves[0].seen}
    return Move(moves[0].player, join([move.loss for move in moves]), seen)


def _near(numbers: list[int], wanted: int) -> str:
    below, above = [n for n in numbers if n < wanted], [n for n in numbers if n > wanted]
    return " or ".join(str(n) for n in (*below[-1:], *above[:1]))
