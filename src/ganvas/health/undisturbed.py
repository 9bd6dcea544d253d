"""To look without leaving a trace."""

import contextlib
from collections.abc import Iterator

import torch

from ganvas.training.trainer import Trainer


@contextlib.contextmanager
def undisturbed(trainer: Trainer) -> Iterator[None]:
    """Afterwards every buffer and random state is what it was, to the bit, whatever was computed."""
    averages = [player.average for player in trainer.players.values() if player.average is not None]
    modules = [*trainer.game.players.values(), *averages]
    modes = [(m, m.training) for net in modules for m in net.modules()]
    before = [(b, b.clone()) for net in modules for b in net.buffers()]
    luck = trainer._luck()
    trainer._seed(0)
    try:
        yield
    finally:
        trainer._put_back(luck)
        with torch.no_grad():
            for buffer, value in before:
                buffer.copy_(value)
        for module, mode in modes:
            module.training = mode
