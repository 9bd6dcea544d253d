"""StackGAN's networks (Zhang et al. 2017, section 3 and figure 2): a small picture from a sentence, then a large one."""

import itertools
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu

from ganvas.nets.dcgan import Image, doublings
from ganvas.nets.layers import Linear, UpConv2d
from ganvas.nets.text import TextEncoder


class Conditioning(nn.Module):
    """φ → μ, log σ of conditioning augmentation, N×condition each: linear, LeakyReLU(.2) (ibid., section 3.2)."""

    def __init__(self, features: int, condition: int):
        super().__init__()
        self.condition, self.linear = condition, Linear(features, 2 * condition)

    def forward(self, phi: Tensor) -> tuple[Tensor, Tensor]:
        mu, log_sigma = leaky_relu(self.linear(phi), 0.2).chunk(2, 1)
        return mu, log_sigma


def drawn(mu: Tensor, log_sigma: Tensor, noise: Tensor | None) -> Tensor:
    """c = μ + σ ⊙ ε; where there is no noise, μ."""
    return mu if noise is None else mu + log_sigma.exp() * noise


class StageOne(nn.Module):
    """z (N×latent), φ (N×text features)[, ε (N×noises)] → small pictures N×C×H×W in [−1, 1].

    z ⊕ c → dense small map of 8·width channels → nearest-neighbour doubling and 3×3 to half the channels each, BatchNorm,
    ReLU → 3×3, tanh. text: the config of the `TextEncoder`, which `read`s captions.
    """

    def __init__(self, latent: int, image: Image, text: Mapping[str, Any], condition: int = 128, width: int = 128):
        super().__init__()
        self.text = TextEncoder(**text)
        self.config = dict(
            latent=latent, image=list(image), text=self.text.config, condition=condition, width=width
        )  # fmt: skip
        self.latent, self.noises, self.image = latent, condition, tuple(image)
        self.conditioning = Conditioning(self.text.features, condition)
        count, base = doublings(image)
        channels = [max(8 * width >> i, 1) for i in range(count + 1)]
        layers: list[nn.Module] = [
            Linear(latent + condition, channels[0] * base[0] * base[1], bias=False),
            nn.Unflatten(1, (channels[0], *base)),
            *activated(channels[0]),
        ]
        for before, after in itertools.pairwise(channels):
            layers += [UpConv2d(before, after), *activated(after)]
        self.net = nn.Sequential(*layers, nn.Conv2d(channels[-1], image[0], 3, padding=1), nn.Tanh())

    @property
    def first(self) -> "StageOne":
        return self

    def read(self, captions: Tensor) -> Tensor:
        """φ of rows of captions."""
        return self.text(captions)

    def condition(self, phi: Tensor) -> tuple[Tensor, Tensor]:
        """μ and log σ."""
        return self.conditioning(phi)

    def forward(self, z: Tensor, phi: Tensor, noise: Tensor | None = None) -> Tensor:
        return self.net(torch.cat([z, drawn(*self.condition(phi), noise)], 1))


class StageTwo(nn.Module):
    """The same in and out at the size of `image`, through stage I, whose `config` is `first`: what it drew, looked at again.

    Its picture → 3×3, 4×4 stride 2 `halvings` times, to 2^halvings · width channels, BatchNorm, ReLU → ⊕ c of its own
    conditioning, repeated at every place → 3×3 → residual `blocks` → doublings to half the channels each → 3×3, tanh.
    ε is stage I's and then its own. Stage I learns nothing here: the recipe has it frozen. skip: what comes before the tanh
    is added to stage I's picture, enlarged bilinearly, instead of drawing it anew: tanh(artanh(.99 x̂) + y).
    """

    def __init__(
        self, first: Mapping[str, Any], image: Image, condition: int = 128, width: int = 128, blocks: int = 4,
        halvings: int = 2, skip: bool = False,
    ):  # fmt: skip
        super().__init__()
        self.first = StageOne(**first)
        self.config = dict(
            first=self.first.config, image=list(image), condition=condition, width=width, blocks=blocks, halvings=halvings,
            skip=skip,
        )  # fmt: skip
        self.latent, self.image, self.skip = self.first.latent, tuple(image), skip
        self.noises = self.first.noises + condition
        self.conditioning = Conditioning(self.first.text.features, condition)
        layers: list[nn.Module] = [nn.Conv2d(image[0], width, 3, padding=1), nn.ReLU()]
        for k in range(halvings):
            layers += [nn.Conv2d(width << k, width << (k + 1), 4, 2, 1, bias=False), *activated(width << (k + 1))]
        self.encode = nn.Sequential(*layers)
        wide = width << halvings
        self.joint = nn.Sequential(nn.Conv2d(wide + condition, wide, 3, padding=1, bias=False), *activated(wide))
        self.blocks = nn.Sequential(*(Residual(wide) for _ in range(blocks)))
        doubled = halvings + (image[1] // self.first.image[1]).bit_length() - 1
        channels = [max(wide >> i, 1) for i in range(doubled + 1)]
        ups = (layer for one, next in itertools.pairwise(channels) for layer in (UpConv2d(one, next), *activated(next)))
        self.up = nn.Sequential(*ups, nn.Conv2d(channels[-1], image[0], 3, padding=1))

    def read(self, captions: Tensor) -> Tensor:
        return self.first.read(captions)

    def condition(self, phi: Tensor) -> tuple[Tensor, Tensor]:
        """Its own μ and log σ."""
        return self.conditioning(phi)

    def forward(self, z: Tensor, phi: Tensor, noise: Tensor | None = None) -> Tensor:
        split = self.first.noises
        its, own = (None, None) if noise is None else (noise[:, :split], noise[:, split:])
        c = drawn(*self.condition(phi), own)
        small = self.first(z, phi, its)
        h = self.encode(small)
        h = torch.cat([h, c[:, :, None, None].expand(-1, -1, *h.shape[2:]).to(h.dtype)], 1)
        y = self.up(self.blocks(self.joint(h)))
        if self.skip:
            y = y + torch.atanh(0.99 * interpolate(small, self.image[1:], mode="bilinear"))
        return y.tanh()


class Residual(nn.Module):
    """ReLU(x + 3×3, BatchNorm, ReLU, 3×3, BatchNorm)."""

    def __init__(self, width: int):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), *activated(width),
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return (x + self.net(x)).relu()


class MatchingDiscriminator(nn.Module):
    """Pictures N×C×H×W beside φ (N×features) → logits N×1, of either stage.

    `look`: 4×4 convolutions of stride 2 down to a small map, from `width` channels doubling; where these exceed 8·width,
    3×3 convolutions halve them again; LeakyReLU(.2), BatchNorm but after the first (`norm`). `judge`: φ compressed to
    `compressed` numbers, repeated at every place of the map, 1×1 to the map's channels, and one weight a channel and place.
    project: and ⟨Vφ, map⟩ / √(numbers in V), the projection of Miyato & Koyama 2018.
    """

    def __init__(
        self,
        image: Image,
        features: int,
        width: int = 64,
        compressed: int = 128,
        norm: bool = True,
        project: bool = False,
    ):
        super().__init__()
        self.config = dict(
            image=list(image), features=features, width=width, compressed=compressed, norm=norm, project=project
        )
        count, base = doublings(image)
        layers: list[nn.Module] = [nn.Conv2d(image[0], width, 4, 2, 1), nn.LeakyReLU(0.2)]
        wide = width
        for _ in range(count - 1):
            layers += [nn.Conv2d(wide, 2 * wide, 4, 2, 1, bias=not norm), *leaky(2 * wide, norm)]
            wide *= 2
        while wide > 8 * width:
            layers += [nn.Conv2d(wide, wide // 2, 3, 1, 1, bias=not norm), *leaky(wide // 2, norm)]
            wide //= 2
        self.net = nn.Sequential(*layers)
        self.compress = nn.Sequential(Linear(features, compressed), nn.LeakyReLU(0.2))
        self.joint = nn.Sequential(nn.Conv2d(wide + compressed, wide, 1, bias=not norm), *leaky(wide, norm))
        self.last = nn.Conv2d(wide, 1, base)
        self.project = Linear(features, wide * base[0] * base[1], bias=False) if project else None

    def look(self, x: Tensor) -> Tensor:
        """The small map: what is seen before anything is read."""
        return self.net(x)

    def judge(self, h: Tensor, phi: Tensor) -> Tensor:
        """Logits for such a map beside φ."""
        said = self.compress(phi)[:, :, None, None].expand(-1, -1, *h.shape[2:])
        logits = self.last(self.joint(torch.cat([h, said.to(h.dtype)], 1))).flatten(1)
        if self.project is None:
            return logits
        return logits + (self.project(phi) * h.flatten(1)).sum(1, keepdim=True) / self.project.weight.numel() ** 0.5

    def forward(self, x: Tensor, phi: Tensor) -> Tensor:
        return self.judge(self.look(x), phi)


def activated(channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels), nn.ReLU()]


def leaky(channels: int, norm: bool) -> list[nn.Module]:
    return [*([nn.BatchNorm2d(channels)] if norm else []), nn.LeakyReLU(0.2)]
