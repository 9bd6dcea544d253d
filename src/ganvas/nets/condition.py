"""Conditions: one mechanism for one class, several categories and real numbers, in any network.

A label becomes one row of numbers (`Code`): each category one-hot, each number as it is. On that row an embedding is a
linear map, so class-conditional BatchNorm, projection and concatenation are all linear layers. A one-hot row of K classes
is √K high: its entries then have a second moment of 1, as z's have, and what is said of a class is learned as fast.
A `Mixture` is what lies between two labels: the row between their rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganvas.nets.layers import Pack


@dataclass(frozen=True)
class Mixture:
    """N places between the labels a and b, at t (N numbers from 0 to 1): the row (1 − t)·row(a) + t·row(b).

    Stands where N labels may stand, and is cut and moved as they are. a and b may be mixtures: four classes make a grid.
    """

    a: "Tensor | Mixture"
    b: "Tensor | Mixture"
    t: Tensor

    def __len__(self) -> int:
        return len(self.t)

    def __getitem__(self, rows: Any) -> "Mixture":
        return Mixture(self.a[rows], self.b[rows], self.t[rows])

    def to(self, device: torch.device | str) -> "Mixture":
        return Mixture(self.a.to(device), self.b.to(device), self.t.to(device))


class Code(nn.Module):
    """Labels to rows of numbers: N int64 classes, or N×K (a value a column of `levels`), to N×`width`.

    levels: for each column its number of classes, or 0 for a number, which is taken as it is. plain: one-hot rows of 1.
    A `Mixture` of labels gives the row between.
    """

    def __init__(self, levels: Sequence[int], plain: bool = False):
        super().__init__()
        self.levels, self.plain = tuple(levels), plain
        self.width = sum(n or 1 for n in self.levels)

    def forward(self, label: Tensor | Mixture) -> Tensor:
        if isinstance(label, Mixture):
            a, b = self(label.a), self(label.b)
            return torch.lerp(a, b, label.t.to(a.dtype)[:, None])
        columns = label.view(len(label), -1).unbind(1)
        parts = [
            F.one_hot(column.long(), n) * (1 if self.plain else n**0.5) if n else column[:, None]
            for column, n in zip(columns, self.levels, strict=True)
        ]
        return torch.cat(parts, 1).to(torch.get_default_dtype())

    def row(self, label: Tensor | None) -> Tensor | None:
        """The label's row, or None where there are no levels."""
        return self(label) if self.width else None

    def beside(self, x: Tensor, label: Tensor | None) -> Tensor:
        """x (N×features) with the label's row concatenated; x as it is where there are no levels."""
        return torch.cat([x, self(label).to(x.dtype)], 1) if self.width else x

    def extra_repr(self) -> str:
        return f"levels={self.levels}"


class ConditionalBatchNorm2d(nn.Module):
    """BatchNorm whose gain and bias are linear in the condition (Dumoulin et al. 2017; de Vries et al. 2017).

    The gain is 1 + W·c: for one class it is the usual embedding initialised to 1.
    """

    conditioned = True

    def __init__(self, channels: int, width: int, momentum: float = 0.1, eps: float = 1e-5):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, eps, momentum, affine=False)
        self.gain, self.shift = (nn.Linear(width, channels, bias=False) for _ in range(2))
        for layer in (self.gain, self.shift):
            nn.init.zeros_(layer.weight)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        gain, shift = 1 + self.gain(c), self.shift(c)
        return self.norm(x) * gain[:, :, None, None] + shift[:, :, None, None]


def batch_norm(channels: int, width: int, momentum: float = 0.1, eps: float = 1e-5) -> nn.Module:
    """BatchNorm, class-conditional where the condition has any `width`."""
    if width:
        return ConditionalBatchNorm2d(channels, width, momentum, eps)
    return nn.BatchNorm2d(channels, momentum=momentum, eps=eps)


class Conditioned(nn.Sequential):
    """A Sequential that hands the condition to those of its layers that say they are `conditioned`."""

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        for layer in self:
            x = layer(x, c) if getattr(layer, "conditioned", False) else layer(x)
        return x


def layers_to_start(net: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The linear and convolutional layers whose first weights an initialisation sets, with their names.

    Not those that a condition goes through: a conditional BatchNorm starts at gain 1 and shift 0 for every class, and a
    projection without a view on labels.
    """
    own = [name for name, module in net.named_modules() if isinstance(module, ConditionalBatchNorm2d | Projection)]
    for name, module in net.named_modules():
        kind = isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)
        if kind and not any(name.startswith(f"{one}.") for one in own):
            yield name, module


class Projection(nn.Module):
    """D(x, y) = ψ(φ(x)) + ⟨V·c, φ(x)⟩: what a label adds to a logit (Miyato & Koyama 2018, eq. 3). V starts at zero.

    φ is what the network's last linear layer sees: pooled in residual networks, in others the whole last map, because
    features that look at a few pixels do not tell a class from their sum. features: numbers in φ(x), of `pack` samples
    together. plain: c is one-hot, as in the paper: where V's spectral norm is 1, no class then moves a logit by more than
    ‖φ(x)‖. Does nothing where there are no levels.
    """

    def __init__(self, levels: Sequence[int], features: int, pack: int = 1, plain: bool = False):
        super().__init__()
        self.code, self.pack = Code(levels, plain), Pack(pack)
        if levels:
            self.embed = nn.Linear(pack * self.code.width, features, bias=False)
            nn.init.zeros_(self.embed.weight)  # summed over many places, torch's own start would drown the rest

    def forward(self, logits: Tensor, h: Tensor, label: Tensor | None) -> Tensor:
        """logits: ψ(φ(x)), N/pack×1; h: φ(x), N/pack×…; label: N or N×columns."""
        if not self.code.width:
            return logits
        return logits + (self.embed(self.pack(self.code(label))) * h.flatten(1)).sum(1, keepdim=True)
