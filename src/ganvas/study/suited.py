"""Which network inside the package was made for such pictures, as a name and as an eye through which gradients pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from ganvas.data.source import DataSpec

if TYPE_CHECKING:
    import torch
    from torch import Tensor

# by the name of the data, and the shape that the network was made for (0: any); a folder may bear the name too
SUITED = {
    "digits": ("fd-digits/v1", (1, 28, 28)),
    "mnist": ("fd-digits/v1", (1, 28, 28)),
    "shapes": ("fd-shapes/v1", (3, 0, 0)),
}


def suited(spec: DataSpec) -> str:
    """The network inside the package that was made for such pictures, or ""."""
    name, shape = SUITED.get(spec.name, ("", ()))
    fits = all(want in (0, have) for want, have in zip(shape, spec.shape, strict=False))
    return name if fits else ""


class Eye(NamedTuple):
    """`look`: N×C×H×W tensors in [0, 1] → N×d features and N×K logits of `classes`, which may be none."""

    name: str
    look: Callable[[Tensor], tuple[Tensor, Tensor | None]]
    classes: tuple[str, ...] = ()


def eye(spec: DataSpec, device: torch.device | str = "cpu") -> Eye:
    """The suited network, differentiable, or where there is none the pixels themselves, which name no classes.

    Scores are made with `study.extractors`, whose pictures are resized exactly as their papers have it.
    """
    from torch.nn.functional import interpolate

    from ganvas.nets import features

    name = suited(spec)
    if not name:
        return Eye("pixels", lambda x: (x.flatten(1), None))
    net = (features.digit_classifier if name == features.NAME else features.shape_classifier)().to(device)

    def look(x: Tensor) -> tuple[Tensor, Tensor]:
        if name == features.SHAPES_NAME and x.shape[2:] != (64, 64):
            x = interpolate(x, (64, 64), mode="bicubic", antialias=True)
        seen = net.features(x)
        return seen, net.last(seen)

    logits = net.last.out_features
    return Eye(name, look, spec.classes if len(spec.classes) == logits else tuple(map(str, range(logits))))
