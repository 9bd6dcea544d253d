"""The peers' networks for `train_step.py`, each built twice: from torch's layers, as the peers do, and from ours."""

import copy
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import torch
from torch import nn

from ganvas.nets.layers import Dropout, Linear, UpConv2d

Players = tuple[nn.Module, nn.Module]  # G, and D that ends in logits


class Parts(NamedTuple):
    """What the two builds differ in. `up` doubles a map by its nearest neighbours, then convolves it 3×3."""

    linear: Callable[[int, int], nn.Module]
    dropout: Callable[[float], nn.Module]
    up: Callable[[int, int], list[nn.Module]]


USUAL = Parts(nn.Linear, nn.Dropout, lambda n, m: [nn.Upsample(scale_factor=2), nn.Conv2d(n, m, 3, padding=1)])
OURS = Parts(Linear, Dropout, lambda n, m: [UpConv2d(n, m)])


def ours_without(left_out: Collection[str]) -> Parts:
    """Our parts, some of them torch's."""
    back = {"onednn": {"linear": USUAL.linear}, "dropout": {"dropout": USUAL.dropout}, "upconv": {"up": USUAL.up}}
    return OURS._replace(**{field: part for name in back if name in left_out for field, part in back[name].items()})


def gan(parts: Parts) -> Players:
    """PyTorch-GAN's gan.py. Its second argument of BatchNorm, .8, is eps."""

    def block(n: int, m: int) -> list[nn.Module]:
        return [parts.linear(n, m), nn.BatchNorm1d(m, eps=0.8), nn.LeakyReLU(0.2, inplace=True)]

    G = nn.Sequential(
        parts.linear(100, 128),
        nn.LeakyReLU(0.2, inplace=True),
        *block(128, 256),
        *block(256, 512),
        *block(512, 1024),
        parts.linear(1024, 28 * 28),
        nn.Tanh(),
        nn.Unflatten(1, (1, 28, 28)),
    )
    D = nn.Sequential(
        nn.Flatten(),
        parts.linear(28 * 28, 512),
        nn.LeakyReLU(0.2, inplace=True),
        parts.linear(512, 256),
        nn.LeakyReLU(0.2, inplace=True),
        parts.linear(256, 1),
    )
    return G, D


def wgan_gp(parts: Parts) -> Players:
    """PyTorch-GAN's wgan_gp.py: the networks of its gan.py, D without the sigmoid."""
    return gan(parts)


def book(parts: Parts) -> Players:
    """The fully connected GAN of the textbooks: three hidden layers each, dropout in D; our recipe gan_dropout."""
    G: list[nn.Module] = []
    for n, m in [(128, 256), (256, 512), (512, 1024)]:
        G += [parts.linear(n, m), nn.LeakyReLU(0.2)]
    G += [parts.linear(1024, 28 * 28), nn.Tanh(), nn.Unflatten(1, (1, 28, 28))]
    D: list[nn.Module] = [nn.Flatten()]
    for n, m in [(28 * 28, 1024), (1024, 512), (512, 256)]:
        D += [parts.linear(n, m), nn.LeakyReLU(0.2), parts.dropout(0.3)]
    return nn.Sequential(*G), nn.Sequential(*D, parts.linear(256, 1))


def dcgan(parts: Parts) -> Players:
    """PyTorch-GAN's dcgan.py at 32². BatchNorm with eps .8 but for G's first; in D it stands after the dropout."""
    G = nn.Sequential(
        parts.linear(100, 128 * 8 * 8),
        nn.Unflatten(1, (128, 8, 8)),
        nn.BatchNorm2d(128),
        *parts.up(128, 128),
        nn.BatchNorm2d(128, eps=0.8),
        nn.LeakyReLU(0.2, inplace=True),
        *parts.up(128, 64),
        nn.BatchNorm2d(64, eps=0.8),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(64, 1, 3, padding=1),
        nn.Tanh(),
    )
    D: list[nn.Module] = []
    for n, m in [(1, 16), (16, 32), (32, 64), (64, 128)]:
        D += [nn.Conv2d(n, m, 3, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True), nn.Dropout2d(0.25)]
        D += [nn.BatchNorm2d(m, eps=0.8)] if n > 1 else []
    D += [nn.Flatten(), parts.linear(128 * 2 * 2, 1)]
    players = G, nn.Sequential(*D)
    for layer in [layer for net in players for layer in net.modules()]:
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02)
    return players


def dcgan64(parts: Parts) -> Players:
    """The DCGAN of pytorch/examples and torch's tutorial at 64², ngf = ndf = 64. No layer of it has a form of ours."""
    G: list[nn.Module] = [nn.Unflatten(1, (100, 1, 1)), nn.ConvTranspose2d(100, 512, 4, bias=False)]
    for n, m in [(512, 256), (256, 128), (128, 64), (64, 3)]:
        G += [nn.BatchNorm2d(n), nn.ReLU(inplace=True), nn.ConvTranspose2d(n, m, 4, 2, 1, bias=False)]
    D: list[nn.Module] = [nn.Conv2d(3, 64, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True)]
    for n, m in [(64, 128), (128, 256), (256, 512)]:
        D += [nn.Conv2d(n, m, 4, 2, 1, bias=False), nn.BatchNorm2d(m), nn.LeakyReLU(0.2, inplace=True)]
    D += [nn.Conv2d(512, 1, 4, bias=False), nn.Flatten()]
    players = nn.Sequential(*G, nn.Tanh()), nn.Sequential(*D)
    for layer in [layer for net in players for layer in net.modules()]:
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02)
    return players


class Workload(NamedTuple):
    """`one_draw`: a round draws fakes once, for both players (PyTorch-GAN); else anew for G (the algorithm box).

    `penalty`: the weight of WGAN-GP's gradient penalty; D is a critic then, its loss Wasserstein's, and moves `n_critic`
    times a round. `folder`: colour pictures, a JPEG file each, read by so many `workers` of the usual way's DataLoader;
    else digits.
    """

    build: Callable[[Parts], Players]
    latent: int
    side: int
    batch: int
    betas: tuple[float, float]
    one_draw: bool
    lr: float = 2e-4
    penalty: float = 0.0
    n_critic: int = 1
    folder: bool = False
    workers: int = 0

    @property
    def shape(self) -> tuple[int, int, int]:
        return 3 if self.folder else 1, self.side, self.side


WORKLOADS = {
    "gan": Workload(gan, 100, 28, 64, (0.5, 0.999), one_draw=True),
    "book": Workload(book, 128, 28, 512, (0.9, 0.999), one_draw=False),
    "dcgan": Workload(dcgan, 100, 32, 64, (0.5, 0.999), one_draw=True),
    # its script draws one z for both players, but asks G for the images of it twice, as if it had drawn anew
    "wgan_gp": Workload(wgan_gp, 100, 28, 64, (0.5, 0.999), one_draw=False, penalty=10.0, n_critic=5),
    "dcgan64": Workload(dcgan64, 100, 64, 64, (0.5, 0.999), one_draw=True, folder=True, workers=2),
}


@torch.no_grad()
def fingerprint(G: nn.Module, D: nn.Module, latent: int, logits: bool) -> dict[str, Any]:
    """The shapes of all weights and, with the same numbers put in for them, some pixels and D's probabilities of them.

    `logits`: D ends without its sigmoid. The networks themselves are not touched.
    """
    G, D = copy.deepcopy(G).eval(), copy.deepcopy(D).eval()
    random = torch.Generator().manual_seed(0)
    weights = [*G.parameters(), *D.parameters()]
    for w in weights:
        w.copy_(torch.randn(w.shape, generator=random) / w[0].numel() ** 0.5)
    fakes = G(torch.randn(4, latent, generator=random))
    said = D(fakes).sigmoid() if logits else D(fakes)
    return {
        "shapes": [list(w.shape) for w in weights],
        "pixels": fakes[:, :, ::9, ::9].flatten().tolist(),
        "chances": said.flatten().tolist(),
    }


def same_networks(a: dict[str, Any], b: dict[str, Any]) -> str:
    """What differs between two fingerprints, or nothing."""
    if a["shapes"] != b["shapes"]:
        return "their weights have other shapes"
    for what in ("pixels", "chances"):
        worst = max(abs(x - y) for x, y in zip(a[what], b[what], strict=True))
        if not worst <= 1e-4:
            return f"with the same weights their {what} differ by {worst:.2g}"
    return ""
