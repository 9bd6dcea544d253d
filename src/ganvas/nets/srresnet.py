"""SRGAN's networks: a residual network that enlarges, and who judges it (Ledig et al. 2017, figure 4)."""

import math

from torch import Tensor, nn

from ganvas.nets.layers import FewConv2d, Linear

STAGES = {2: (2,), 3: (3,), 4: (2, 2), 8: (2, 2, 2)}  # of each scale, by what each sub-pixel convolution enlarges


class SRResNet(nn.Module):
    """Picture N×channels×h×w in [−1, 1] → N×channels×(scale·h)×(scale·w), of any size; no tanh, so [−1, 1] is only aimed at.

    k9n64 PReLU; 16 × [k3n64 BN PReLU k3n64 BN + skip]; k3n64 BN + long skip; a k3n256, PixelShuffle(2), PReLU for every
    doubling (×3: one k3n576 and PixelShuffle(3)); k9. What goes in is scaled to [0, 1] here, as in the paper (section
    3.2); all else in ganvas holds pictures in [−1, 1]. PReLUs have one slope, as torch's; no bias before a norm:
    1,547,350 parameters for ×4 in colour.
    """

    def __init__(self, channels: int, width: int = 64, blocks: int = 16, scale: int = 4):
        super().__init__()
        self.config = dict(channels=channels, width=width, blocks=blocks, scale=scale)
        self.scale, self.multiple, self.least = scale, 1, 1
        self.floats = 3 * width * scale**2  # a pixel of the input, at most at a time, when nothing is kept for backward
        self.head = nn.Sequential(nn.Conv2d(channels, width, 9, padding=4), nn.PReLU())
        self.body = nn.Sequential(*(Block(width) for _ in range(blocks)), *normed(width, width))
        stages, size, reach = [], 1, 4.0 + 2 * blocks + 1
        for by in STAGES[scale]:
            stages += [nn.Conv2d(width, by**2 * width, 3, padding=1), nn.PixelShuffle(by), nn.PReLU()]
            reach += 1 / size
            size *= by
        self.up = nn.Sequential(*stages)
        self.last = FewConv2d(width, channels, 9, padding=4)
        self.halo = math.ceil(reach + 4 / scale)  # pixels of the input that an output looks around its own

    def forward(self, x: Tensor) -> Tensor:
        h = self.head((x + 1) / 2)
        return self.last(self.up(h + self.body(h)))


class Block(nn.Module):
    """x + conv, BN, PReLU, conv, BN: nothing after the sum (Gross and Wilber 2016)."""

    def __init__(self, width: int):
        super().__init__()
        self.net = nn.Sequential(*normed(width, width), nn.PReLU(), *normed(width, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.net(x)


class SRGANDiscriminator(nn.Module):
    """N×channels×H×W of the one size it is made for → logits N×1.

    k3n64s1 without norm, k3n64s2, n128s1, n128s2, n256s1, n256s2, n512s1, n512s2 with BN, all LeakyReLU(.2); dense 1024,
    LeakyReLU, dense 1. The paper's sigmoid is part of the loss here.
    """

    def __init__(self, channels: int, height: int, width: int, maps: int = 64, units: int = 1024):
        super().__init__()
        self.config = dict(channels=channels, height=height, width=width, maps=maps, units=units)
        layers = [nn.Sequential(nn.Conv2d(channels, maps, 3, padding=1), nn.LeakyReLU(0.2))]
        before = maps
        for k in range(1, 8):
            after = maps * 2 ** (k // 2)
            layers.append(nn.Sequential(*normed(before, after, 1 + k % 2), nn.LeakyReLU(0.2)))
            before = after
        self.maps = nn.ModuleList(layers)
        sides = [math.ceil(side / 16) for side in (height, width)]
        self.judge = nn.Sequential(
            nn.Flatten(), Linear(before * math.prod(sides), units), nn.LeakyReLU(0.2), Linear(units, 1)
        )

    def features(self, x: Tensor) -> list[Tensor]:
        """The eight maps on the way, each after its activation."""
        found = []
        for layer in self.maps:
            x = layer(x)
            found.append(x)
        return found

    def forward(self, x: Tensor) -> Tensor:
        return self.judge(self.features(x)[-1])


def normed(before: int, after: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after)]
