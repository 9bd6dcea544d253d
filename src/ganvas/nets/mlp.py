"""Fully connected players: the first GANs."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from ganvas.nets.layers import Dropout, Linear, Maxout

Image = tuple[int, int, int]  # C×H×W
Activation = Literal["relu", "leaky_relu"]


class MLPGenerator(nn.Module):
    """z (N×latent) → blocks of Linear[, BatchNorm], activation → Linear → images N×C×H×W in [0,1] or [−1,1].

    norm: BatchNorm in every block but, with `norm_first` off, the first. momentum: torch's, the weight of the new.
    """

    def __init__(
        self,
        latent: int,
        image: Image,
        widths: Sequence[int],
        activation: Activation = "relu",
        norm: bool = True,
        norm_first: bool = True,
        momentum: float = 0.1,
        output: Literal["sigmoid", "tanh"] = "tanh",
    ):
        super().__init__()
        self.config = dict(
            latent=latent, image=list(image), widths=list(widths), activation=activation, norm=norm,
            norm_first=norm_first, momentum=momentum, output=output,
        )  # fmt: skip
        self.latent, self.image = latent, tuple(image)
        layers: list[nn.Module] = []
        for i, (before, after) in enumerate(zip([latent, *widths[:-1]], widths, strict=True)):
            layers.append(Linear(before, after))
            if norm and (i > 0 or norm_first):
                layers.append(nn.BatchNorm1d(after, momentum=momentum))
            layers.append(_activation(activation))
        layers.append(Linear(widths[-1], image[0] * image[1] * image[2]))
        layers.append(nn.Sigmoid() if output == "sigmoid" else nn.Tanh())
        self.net = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        return self.net(z).unflatten(1, self.image)


class MLPDiscriminator(nn.Module):
    """Images N×C×H×W → blocks of Linear, LeakyReLU(.2)[, dropout] → logits N×1."""

    def __init__(self, image: Image, widths: Sequence[int], dropout: float = 0.0):
        super().__init__()
        self.config = dict(image=list(image), widths=list(widths), dropout=dropout)
        layers: list[nn.Module] = [nn.Flatten()]
        for before, after in zip([image[0] * image[1] * image[2], *widths[:-1]], widths, strict=True):
            layers += [Linear(before, after), nn.LeakyReLU(0.2)]
            if dropout:
                layers.append(Dropout(dropout))
        self.net = nn.Sequential(*layers, Linear(widths[-1], 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class MaxoutDiscriminator(nn.Module):
    """Goodfellow's 2014 discriminator: two maxout layers under dropout → logits N×1.

    Dropout keeps `keep_input` of the pixels and `keep` of the units (pylearn2's include probabilities).
    """

    def __init__(self, image: Image, units: int = 240, pieces: int = 5, keep_input: float = 0.8, keep: float = 0.5):
        super().__init__()
        self.config = dict(image=list(image), units=units, pieces=pieces, keep_input=keep_input, keep=keep)
        self.net = nn.Sequential(
            nn.Flatten(),
            Dropout(1 - keep_input),
            Maxout(image[0] * image[1] * image[2], units, pieces),
            Dropout(1 - keep),
            Maxout(units, units, pieces),
            Dropout(1 - keep),
            Linear(units, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


@torch.no_grad()
def uniform_init(net: nn.Module, bound: float) -> None:
    """Weights from U(−bound, bound), biases zero (pylearn2's `irange`)."""
    for p in net.parameters():
        if p.ndim > 1:
            p.uniform_(-bound, bound)
        else:
            p.zero_()


@torch.no_grad()
def set_output_bias(G: MLPGenerator, mean: Tensor) -> None:
    """Start from the data's mean image (C×H×W in [0, 1]): the logit of each pixel's mean as the output layer's bias."""
    p = mean.flatten().clamp(1e-4, 1 - 1e-4)
    G.net[-2].bias.copy_(p.logit())


def _activation(name: Activation) -> nn.Module:
    return nn.ReLU() if name == "relu" else nn.LeakyReLU(0.2)
