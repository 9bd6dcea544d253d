"""The upsampling form: nearest-neighbour doubling and a 3×3 convolution, which leaves no checkerboard."""

import itertools
from collections.abc import Sequence

from torch import Tensor, nn

from ganvas.nets.condition import Code, Conditioned, Projection, batch_norm, layers_to_start
from ganvas.nets.dcgan import Image
from ganvas.nets.layers import Dropout, Linear, UpConv2d


class UpsampleGenerator(nn.Module):
    """z (N×latent)[, label] → dense map of channels[0] → doubling convolutions to channels[1:] → convolution, tanh.

    The first map is H/2ᵏ×W/2ᵏ for k = len(channels) − 1. `norm_dense` adds BatchNorm after the dense layer, which the
    Keras lab has not. momentum: torch's, the weight of the new batch (Keras' .8 is torch's .2).
    levels: BatchNorm is conditional on a label of these columns. beside: the label also stands beside z (Mirza & Osindero
    2014). Images N×C×H×W in [−1, 1].
    """

    def __init__(
        self,
        latent: int,
        image: Image,
        channels: Sequence[int],
        norm_dense: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
        levels: Sequence[int] = (),
        beside: bool = False,
    ):
        super().__init__()
        self.config = dict(
            latent=latent, image=list(image), channels=list(channels), norm_dense=norm_dense, momentum=momentum, eps=eps,
            levels=list(levels), beside=beside,
        )  # fmt: skip
        self.latent, self.code, self.beside = latent, Code(levels), beside

        def norm(channels: int) -> nn.Module:
            return batch_norm(channels, self.code.width, momentum, eps)

        shrink = 2 ** (len(channels) - 1)
        base = (channels[0], image[1] // shrink, image[2] // shrink)
        layers: list[nn.Module] = [
            Linear(latent + self.code.width * beside, base[0] * base[1] * base[2]),
            nn.Unflatten(1, base),
        ]
        layers += [norm(channels[0])] if norm_dense else []
        layers += [nn.ReLU()]
        for before, after in itertools.pairwise(channels):
            layers += [UpConv2d(before, after), norm(after), nn.ReLU()]
        self.net = Conditioned(*layers, nn.Conv2d(channels[-1], image[0], 3, padding=1), nn.Tanh())

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return self.net(self.code.beside(z, label) if self.beside else z, self.code.row(label))


class StridedDiscriminator(nn.Module):
    """Images N×C×H×W[, label] → convolutions of stride 2 to `channels`, LeakyReLU(.2) → dense: logits N×outputs.

    norm: BatchNorm in all but the first block (never under a gradient penalty). dropout: after every activation.
    pad_after: rows and columns of zeros added below and right of that block's output, as in the Keras lab.
    levels: a label of these columns is projected on the last map. outputs: 1, and a class more each (ACGAN).
    """

    def __init__(
        self,
        image: Image,
        channels: Sequence[int],
        kernel: int = 4,
        norm: bool = False,
        dropout: float = 0.0,
        momentum: float = 0.1,
        eps: float = 1e-5,
        pad_after: int | None = None,
        levels: Sequence[int] = (),
        outputs: int = 1,
    ):
        super().__init__()
        self.config = dict(
            image=list(image), channels=list(channels), kernel=kernel, norm=norm, dropout=dropout, momentum=momentum,
            eps=eps, pad_after=pad_after, levels=list(levels), outputs=outputs,
        )  # fmt: skip
        layers: list[nn.Module] = []
        height, width = image[1:]
        for i, (before, after) in enumerate(zip([image[0], *channels[:-1]], channels, strict=True)):
            layers.append(nn.Conv2d(before, after, kernel, stride=2, padding=1))
            height, width = ((n + 2 - kernel) // 2 + 1 for n in (height, width))
            if pad_after == i:
                layers.append(nn.ZeroPad2d((0, 1, 0, 1)))
                height, width = height + 1, width + 1
            layers += [nn.BatchNorm2d(after, momentum=momentum, eps=eps)] if norm and i else []
            layers += [nn.LeakyReLU(0.2)]
            layers += [Dropout(dropout)] if dropout else []
        self.net = nn.Sequential(*layers)
        self.last = nn.Sequential(nn.Flatten(), Linear(channels[-1] * height * width, outputs))
        self.project = Projection(levels, channels[-1] * height * width)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        h = self.net(x)
        return self.project(self.last(h), h, label)


def keras_init(net: nn.Module) -> None:
    """Keras' defaults: Glorot-uniform weights, zero biases."""
    for _, layer in layers_to_start(net):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
