"""Radford, Metz & Chintala 2015, "Unsupervised Representation Learning with Deep Convolutional GANs"."""

import itertools
from collections.abc import Sequence

from torch import Tensor, nn

from ganvas.errors import BadInput
from ganvas.nets.condition import (
    Code,
    ConditionalBatchNorm2d,
    Conditioned,
    Projection,
    batch_norm,
    layers_to_start,
)  # fmt: skip
from ganvas.nets.layers import MinibatchStd, Pack

Image = tuple[int, int, int]  # C×H×W


def doublings(image: Image) -> tuple[int, tuple[int, int]]:
    """How often the smallest map is doubled to reach H×W, and that map's size: 28 = 7·2², 64 = 4·2⁴, 48×96 = 6×12·2³.

    Raises BadInput where no map of at least 4 pixels a side leads there.
    """
    height, width = image[1:]
    count = 0
    while height % 2 == width % 2 == 0 and min(height, width) >= 8:
        height, width, count = height // 2, width // 2, count + 1
    if image[1] * image[2] < 16:
        raise BadInput(
            f"a convolutional GAN draws pictures, and these are {image[1]}×{image[2]}: use gan or gan_dropout"
        )
    if count < 2 or min(height, width) > 8:
        raise BadInput(
            f"a convolutional GAN doubles a small map up to the image, and {image[1]}×{image[2]} is no small map "
            "doubled at least twice: choose a size such as --size 28, 32, 48, 64 or 128"
        )
    return count, (height, width)


class DCGANGenerator(nn.Module):
    """z (N×latent)[, label] → widest small map → doubling transposed convolutions, BatchNorm, ReLU → tanh: N×C×H×W.

    `width` is the number of channels before the image (128 in the paper: 64×64 starts at 4×4×1024); `kernel` 4 as in
    the authors' Torch code, or 5 as in their Theano code. No BatchNorm on the output; no biases but BatchNorm's.
    levels: BatchNorm is conditional on a label of these columns. beside: the label also stands beside z, as in Mirza &
    Osindero 2014 and in the authors' own conditional code (Theano, mnist/): a first map of its own for each class, where
    BatchNorm can only weigh the channels of one that all share. Images in [−1, 1].
    """

    def __init__(
        self, latent: int, image: Image, width: int = 128, kernel: int = 4, levels: Sequence[int] = (),
        beside: bool = False,
    ):  # fmt: skip
        super().__init__()
        self.config = dict(
            latent=latent, image=list(image), width=width, kernel=kernel, levels=list(levels), beside=beside
        )
        self.latent, self.code, self.beside = latent, Code(levels), beside
        features = latent + self.code.width * beside
        count, base = doublings(image)
        channels = [width * 2**i for i in reversed(range(count))]
        layers: list[nn.Module] = [
            nn.Unflatten(1, (features, 1, 1)),
            nn.ConvTranspose2d(features, channels[0], base, bias=False),
            *_norm(channels[0], self.code.width),
        ]
        for before, after in itertools.pairwise(channels):
            layers += [_double(before, after, kernel), *_norm(after, self.code.width)]
        layers += [_double(channels[-1], image[0], kernel), nn.Tanh()]
        self.net = Conditioned(*layers)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return self.net(self.code.beside(z, label) if self.beside else z, self.code.row(label))


class DCGANDiscriminator(nn.Module):
    """The mirror: strided convolutions, BatchNorm but on the input layer, LeakyReLU(.2) → logits N×1, or N/pack×1.

    norm: off under a gradient penalty, whose per-sample slope BatchNorm would mix. levels: a label of these columns is
    projected on the last map. pack: so many images are judged together. minibatch_std: group size of a
    minibatch-stddev layer before the last convolution, 0 for none.
    """

    def __init__(
        self,
        image: Image,
        width: int = 128,
        kernel: int = 4,
        norm: bool = True,
        levels: Sequence[int] = (),
        pack: int = 1,
        minibatch_std: int = 0,
    ):
        super().__init__()
        self.config = dict(
            image=list(image), width=width, kernel=kernel, norm=norm, levels=list(levels), pack=pack,
            minibatch_std=minibatch_std,
        )  # fmt: skip
        count, base = doublings(image)
        channels = [width * 2**i for i in range(count)]
        halve = dict(kernel_size=kernel, stride=2, padding=(kernel - 1) // 2, bias=not norm)
        layers: list[nn.Module] = [Pack(pack)] if pack > 1 else []
        layers += [nn.Conv2d(pack * image[0], width, **halve), nn.LeakyReLU(0.2)]
        for before, after in itertools.pairwise(channels):
            layers += [nn.Conv2d(before, after, **halve), *[nn.BatchNorm2d(after)] * norm, nn.LeakyReLU(0.2)]
        self.net = nn.Sequential(*layers)
        std = [MinibatchStd(minibatch_std)] if minibatch_std else []
        self.last = nn.Sequential(*std, nn.Conv2d(channels[-1] + len(std), 1, base, bias=False), nn.Flatten())
        self.project = Projection(levels, channels[-1] * base[0] * base[1], pack)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        h = self.net(x)
        return self.project(self.last(h), h, label)


def dcgan_init(net: nn.Module) -> None:
    """Section 4: weights from N(0, .02); BatchNorm gains from N(1, .02) as in the authors' code; biases zero."""
    layers = {layer for _, layer in layers_to_start(net)}
    for module in net.modules():
        if module in layers:
            nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d) and module.affine:
            nn.init.normal_(module.weight, 1.0, 0.02)
        elif isinstance(module, ConditionalBatchNorm2d):  # its gain is 1 + W·c
            nn.init.normal_(module.gain.weight, 0.0, 0.02)


def _norm(channels: int, width: int) -> list[nn.Module]:
    return [batch_norm(channels, width), nn.ReLU()]


def _double(before: int, after: int, kernel: int) -> nn.Module:
    return nn.ConvTranspose2d(
        before, after, kernel, stride=2, padding=(kernel - 1) // 2, output_padding=kernel % 2, bias=False
    )
