"""CycleGAN's generator, and two generators as one: there and back (Zhu et al. 2017; Johnson et al. 2016)."""

from typing import Any, Literal

from torch import Tensor, nn

from ganvas.nets.layers import FewConv2d
from ganvas.nets.unet import UNet
from ganvas.nets.whole import Noise, Norm, NormName


class ResNetTranslator(nn.Module):
    """Picture N×source×H×W → N×target×H×W in [−1, 1]; H and W are multiples of 4, from 8 on.

    c7s1-64, d128, d256, R256 × blocks, u128, u64, c7s1-3 (section 7.2): reflection padding, ReLU, a norm after every
    convolution but the last. 6 blocks for 128², 9 for 256² and more. dropout: within each block, also in use.
    """

    def __init__(
        self,
        source: int,
        target: int,
        width: int = 64,
        blocks: int = 9,
        norm: NormName = "instance",
        dropout: float = 0.0,
    ):
        super().__init__()
        self.config = dict(source=source, target=target, width=width, blocks=blocks, norm=norm, dropout=dropout)
        self.multiple, self.least = 4, 8
        self.floats = 3 * width  # a pixel, at most at a time, when nothing is kept for backward
        self.halo = 8 * blocks + 16  # pixels: 8 a block, 3 + 1 + 2 before them, 4 + 2 + 3 after; a multiple of 4

        def normed(conv: nn.Module, channels: int) -> list[nn.Module]:
            return [conv, Norm(channels, norm), nn.ReLU()]

        bias = norm != "batch"  # an instance norm has no bias of its own either, and removes this one; as in the code
        layers = [nn.ReflectionPad2d(3), *normed(nn.Conv2d(source, width, 7, bias=bias), width)]
        for n in (width, 2 * width):
            layers += normed(nn.Conv2d(n, 2 * n, 3, stride=2, padding=1, bias=bias), 2 * n)
        layers += [Residual(4 * width, norm, dropout) for _ in range(blocks)]
        for n in (4 * width, 2 * width):
            up = nn.ConvTranspose2d(n, n // 2, 3, stride=2, padding=1, output_padding=1, bias=bias)
            layers += normed(up, n // 2)
        self.net = nn.Sequential(*layers, nn.ReflectionPad2d(3), FewConv2d(width, target, 7), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class Residual(nn.Module):
    """x + two 3×3 convolutions, a norm after each, ReLU after the first alone."""

    def __init__(self, channels: int, norm: NormName, dropout: float):
        super().__init__()

        def conv() -> list[nn.Module]:
            layer = nn.Conv2d(channels, channels, 3, bias=norm != "batch")
            return [nn.ReflectionPad2d(1), layer, Norm(channels, norm)]

        noise = [Noise(dropout)] if dropout else []
        self.net = nn.Sequential(*conv(), nn.ReLU(), *noise, *conv())

    def forward(self, x: Tensor) -> Tensor:
        return x + self.net(x)


class TwoWay(nn.Module):
    """Two translators of one kind: `ab` from domain A to B, `ba` back. a, b: channels of their pictures."""

    kinds = {"UNet": UNet, "ResNetTranslator": ResNetTranslator}

    def __init__(self, kind: Literal["UNet", "ResNetTranslator"], a: int, b: int, **config: Any):
        super().__init__()
        self.config = dict(kind=kind, a=a, b=b, **config)
        self.ab = self.kinds[kind](a, b, **config)
        self.ba = self.kinds[kind](b, a, **config)


def translation_init(net: nn.Module) -> None:
    """Weights of all convolutions from N(0, .02), biases zero; gains of norms from N(1, .02) (both papers' code)."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, Norm) and module.weight is not None:
            nn.init.normal_(module.weight, 1.0, 0.02)
