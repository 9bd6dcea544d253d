"""The networks of PyTorch-GAN's pix2pix.py, cyclegan.py and srgan.py, and our games of them, for `translate_step.py`."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ganvas.nets.layers import FewConv2d, UpConv2d
from ganvas.nets.vgg import VGG19
from ganvas.nets.whole import Norm
from ganvas.play.game import Phase
from ganvas.play.losses import LOSSES
from ganvas.play.paired import Content, Paired, l1
from ganvas.play.perceptual import Forgotten
from ganvas.play.schedules import constant
from ganvas.play.unpaired import Unpaired
from ganvas.recipes.common import adam

BETAS, LR = (0.5, 0.999), 2e-4
Players = Sequence[tuple[nn.Module, Callable[..., Any]]]


def _norm(n: int) -> nn.Module:
    return Norm(n, "instance")


def _down(n: int, m: int, norm: bool = True, dropout: float = 0.0) -> nn.Module:
    layers = [nn.Conv2d(n, m, 4, 2, 1, bias=False), *([_norm(m)] if norm else []), nn.LeakyReLU(0.2, True)]
    return nn.Sequential(*layers, *([nn.Dropout(dropout)] if dropout else []))


def _up(n: int, m: int, dropout: float = 0.0) -> nn.Module:
    layers = [nn.ConvTranspose2d(n, m, 4, 2, 1, bias=False), _norm(m), nn.ReLU(True)]
    return nn.Sequential(*layers, *([nn.Dropout(dropout)] if dropout else []))


class UNet(nn.Module):
    """pix2pix.py's generator: eight steps down, InstanceNorm, dropout from the fourth on; upsampling at the end."""

    def __init__(self):
        super().__init__()
        widths = [(3, 64), (64, 128), (128, 256), *[(256, 512)], *[(512, 512)] * 4]
        self.down = nn.ModuleList(
            _down(n, m, norm=0 < i < 7, dropout=0.5 * (i >= 3)) for i, (n, m) in enumerate(widths)
        )
        widths = [(512, 512), *[(1024, 512)] * 3, (1024, 256), (512, 128), (256, 64)]
        self.up = nn.ModuleList(_up(n, m, dropout=0.5 * (i < 4)) for i, (n, m) in enumerate(widths))
        self.final = nn.Sequential(
            nn.Upsample(scale_factor=2), nn.ZeroPad2d((1, 0, 1, 0)), nn.Conv2d(128, 3, 4, padding=1), nn.Tanh()
        )

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for down in self.down:
            skips.append(x := down(x))
        skips.pop()
        for up in self.up:
            x = torch.cat([up(x), skips.pop()], 1)
        return self.final(x)


class Judge(nn.Module):
    """Their discriminator: four steps down and a map of logits. `pair`: told source and target, it sees target first."""

    def __init__(self, pair: bool):
        super().__init__()
        widths = [(3 + 3 * pair, 64), (64, 128), (128, 256), (256, 512)]
        layers = []
        for i, (n, m) in enumerate(widths):
            layers += [nn.Conv2d(n, m, 4, 2, 1), *([_norm(m)] if i else []), nn.LeakyReLU(0.2, True)]
        self.pair = pair
        self.layers = nn.Sequential(*layers, nn.ZeroPad2d((1, 0, 1, 0)), nn.Conv2d(512, 1, 4, padding=1, bias=not pair))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x.roll(3, 1) if self.pair else x)


class Block(nn.Module):
    def __init__(self, n: int):
        super().__init__()
        half = nn.ReflectionPad2d(1), nn.Conv2d(n, n, 3), _norm(n)
        self.layers = nn.Sequential(*half, nn.ReLU(True), nn.ReflectionPad2d(1), nn.Conv2d(n, n, 3), _norm(n))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def resnet() -> nn.Module:
    """cyclegan.py's generator: nine blocks; up by nearest neighbours and a convolution, which is one layer of ours."""
    layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, 64, 7), _norm(64), nn.ReLU(True)]
    for n in (64, 128):
        layers += [nn.Conv2d(n, 2 * n, 3, 2, 1), _norm(2 * n), nn.ReLU(True)]
    layers += [Block(256) for _ in range(9)]
    for n in (256, 128):
        layers += [UpConv2d(n, n // 2), _norm(n // 2), nn.ReLU(True)]
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), FewConv2d(64, 3, 7), nn.Tanh())


class TwoWay(nn.Module):
    def __init__(self):
        super().__init__()
        self.ab, self.ba = resnet(), resnet()


def _initialised(*nets: nn.Module) -> None:
    for layer in (layer for net in nets for layer in net.modules()):
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)


def _learn() -> dict[str, Any]:
    return {"G": adam(constant(LR), BETAS), "D": adam(constant(LR), BETAS)}


def pix2pix() -> tuple[Phase, Players]:
    G, D = UNet(), Judge(pair=True)
    _initialised(G, D)
    game = Paired(G, D, loss=LOSSES["least_squares"])
    return Phase(game, 10**12, 1, _learn()), [
        (G, lambda G, x, y: G(x)),
        (D, lambda D, x, y: D(torch.cat([x, y], 1))),
    ]


def cyclegan() -> tuple[Phase, Players]:
    """Their losses are means of both ways, ours sums: twice theirs, which Adam does not see."""
    G, D = TwoWay(), nn.ModuleDict({"a": Judge(pair=False), "b": Judge(pair=False)})
    _initialised(G, D)
    game = Unpaired(G, D, cycle=10.0, identity=5.0)
    players = [(net, lambda net, x, y: net(x)) for net in (G.ab, G.ba, D["a"], D["b"])]
    return Phase(game, 10**12, 1, _learn()), players


class Same(nn.Module):
    """srgan.py's residual block. Its second argument of BatchNorm, .8, is eps."""

    def __init__(self):
        super().__init__()
        half = nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64, 0.8), nn.PReLU()
        self.layers = nn.Sequential(*half, nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64, 0.8))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class Enlarger(nn.Module):
    """srgan.py's generator: BatchNorm in the steps up too, tanh at the end."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 64, 9, padding=4), nn.PReLU())
        self.blocks = nn.Sequential(*(Same() for _ in range(16)))
        self.second = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64, 0.8))
        up = [(nn.Conv2d(64, 256, 3, 1, 1), nn.BatchNorm2d(256), nn.PixelShuffle(2), nn.PReLU()) for _ in range(2)]
        self.up = nn.Sequential(*(layer for step in up for layer in step))
        self.last = nn.Sequential(FewConv2d(64, 3, 9, padding=4), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        return self.last(self.up(h + self.second(self.blocks(h))))


def _patches() -> nn.Module:
    """srgan.py's discriminator: a map of logits."""
    layers: list[nn.Module] = []
    for i, (n, m) in enumerate([(3, 64), (64, 128), (128, 256), (256, 512)]):
        layers += [nn.Conv2d(n, m, 3, 1, 1), *([nn.BatchNorm2d(m)] if i else []), nn.LeakyReLU(0.2, True)]
        layers += [nn.Conv2d(m, m, 3, 2, 1), nn.BatchNorm2d(m), nn.LeakyReLU(0.2, True)]
    return nn.Sequential(*layers, nn.Conv2d(512, 1, 3, 1, 1))


def srgan() -> tuple[Phase, Players]:
    """The mean absolute difference of VGG19's third block (random weights on both sides) and a thousandth of the game."""
    G, D, vgg = Enlarger(), _patches(), VGG19(3, 4).features

    def apart(fake: Tensor, target: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = vgg(target)
        return Forgotten.apply(fake, lambda x: l1(vgg(x), wanted))

    content = (Content("vgg", 1.0, apart),)
    game = Paired(G, D, loss=LOSSES["least_squares"], content=content, adversarial=1e-3, told=False)
    return Phase(game, 10**12, 4, _learn()), [
        (G, lambda G, x, y: G(x[:, :, :64, :64])),
        (D, lambda D, x, y: D(x)),
        (vgg, lambda vgg, x, y: vgg(x)),
    ]


BUILD = {"pix2pix": pix2pix, "cyclegan": cyclegan, "srgan": srgan}
