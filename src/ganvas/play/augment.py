"""Differentiable augmentation (Zhao et al. 2020): the discriminator never sees an image bare, real or fake.

Pure functions of N×C×H×W images in any range, nothing is clamped. What they do is drawn anew for every image and call
from torch's default generator, which the trainer seeds by position; with probability 1 − p an image is left exactly as
it is. Magnitudes are those of the authors' code, whose images lie in [−1, 1]; what leaves the frame is 0, their mid-grey.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from ganvas import luck
from ganvas.play.schedules import Clock


def brightness(x: Tensor, p: float = 1.0) -> Tensor:
    """x + U(−½, ½), one number an image."""
    return x + _drawn(x, 0.5, p)


def saturation(x: Tensor, p: float = 1.0) -> Tensor:
    """Each pixel's distance from its own grey times U(0, 2). Grey images have none, and come back as they are."""
    return x if x.shape[1] == 1 else x + _drawn(x, 1.0, p) * (x - x.mean(1, keepdim=True))


def contrast(x: Tensor, p: float = 1.0) -> Tensor:
    """The distance from the image's mean times U(½, 1½)."""
    return x + _drawn(x, 0.5, p) * (x - x.mean((1, 2, 3), keepdim=True))


def translation(x: Tensor, p: float = 1.0, share: float = 0.125) -> Tensor:
    """Moved by up to `share` of the height and of the width, whole pixels; what comes in from outside is 0."""
    n, c, h, w = x.shape
    moved = _chosen(x, p).view(n, 1)

    def from_where(side: int) -> tuple[Tensor, Tensor]:
        far = int(side * share + 0.5)
        shift = luck.rows(lambda n: torch.randint(-far, far + 1, (n, 1), device=x.device), n) * moved
        place = torch.arange(side, device=x.device) + shift
        return place.clamp(0, side - 1), (place >= 0) & (place < side)

    (row, row_inside), (column, column_inside) = from_where(h), from_where(w)
    source = (row[:, :, None] * w + column[:, None, :]).view(n, 1, h * w).expand(n, c, h * w)
    inside = row_inside[:, None, :, None] & column_inside[:, None, None, :]
    return x.flatten(2).gather(2, source).view(n, c, h, w) * inside.to(x.dtype)


def cutout(x: Tensor, p: float = 1.0, share: float = 0.5) -> Tensor:
    """A box of `share` of each side is set to 0; its centre is anywhere, so that at the border less is lost."""
    n, _, h, w = x.shape

    def within(side: int) -> Tensor:
        size = int(side * share + 0.5)
        start = luck.rows(lambda n: torch.randint(side + 1 - size % 2, (n, 1), device=x.device), n) - size // 2
        place = torch.arange(side, device=x.device)
        return (place >= start) & (place < start + size)

    box = within(h)[:, None, :, None] & within(w)[:, None, None, :] & _chosen(x, p)
    return x * (~box).to(x.dtype)  # several times cheaper than masked_fill


def _chosen(x: Tensor, p: float) -> Tensor:
    """N×1×1×1: which images it happens to."""
    return _coins(x) < p


def _drawn(x: Tensor, bound: float, p: float) -> Tensor:
    """N×1×1×1: U(−bound, bound) for the chosen images, 0 for the others."""
    return (_coins(x) * 2 - 1) * bound * _chosen(x, p)


def _coins(x: Tensor) -> Tensor:
    return luck.rows(lambda n: torch.rand(n, 1, 1, 1, device=x.device), len(x))


POLICY = (brightness, saturation, contrast, translation, cutout)  # the authors' "color,translation,cutout"


class Augmentation:
    """What a game does to every image before D sees it: here nothing, and no random number is drawn for it."""

    needs: ClassVar[frozenset[str]] = frozenset()  # batch keys it adds to the game's

    def __call__(self, images: Tensor) -> Tensor:
        return images

    def adapt(self, clock: Clock) -> None:
        """Called as a round begins."""

    def watch(self, real: Tensor, fake: Tensor, unseen: Callable[[], Tensor]) -> dict[str, Tensor]:
        """Called with D's logits in each of its moves, and for those of held-out images; returns what the log shows."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        assert not state, f"{type(self).__name__} keeps no state, the checkpoint has {sorted(state)}"


BARE = Augmentation()


class DiffAugment(Augmentation):
    """Zhao et al. 2020, section 3.2: the whole policy on every image, real and fake, in both players' moves."""

    def __init__(self, policy: tuple[Callable[[Tensor, float], Tensor], ...] = POLICY):
        self.policy = policy

    def __call__(self, images: Tensor, p: float = 1.0) -> Tensor:
        """Each operation happens to each image with probability p; at 0 nothing is computed or drawn."""
        if p > 0:
            for operation in self.policy:
                images = operation(images, p)
        return images
