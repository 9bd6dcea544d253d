"""What every trained network that can be asked has in common, whatever it is asked."""

from typing import Self

import torch
from torch import nn

from ganvas.data.source import DataSpec
from ganvas.play.game import Game


class Trained:
    """A network and what is known of it. net: in eval mode. pixels: the range it works in. spec: what the data said of
    itself. images: real images it was trained on. label: recipe and arguments, for people.
    """

    def __init__(
        self, net: nn.Module, game: Game, spec: DataSpec, pixels: tuple[float, float], images: int = 0,
        label: dict | None = None,
    ):  # fmt: skip
        self.net, self.game, self.spec, self.pixels = net, game, spec, pixels
        self.images, self.label = images, label or {}

    @property
    def device(self) -> torch.device:
        return next(self.net.parameters()).device

    def to(self, device: torch.device | str) -> Self:
        self.net.to(device)
        return self
