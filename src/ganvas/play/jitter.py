"""Random shifts and mirrors of what is learned from, alike for pictures that belong together."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ganvas import luck


@dataclass(frozen=True)
class Jitter:
    """Isola et al. 2017, section 6.2: enlarged to 286×286, cropped at random back to 256×256, mirrored by a coin.

    scale: of the sides before the crop. What is drawn belongs to an example and is done to all its pictures alike.
    """

    scale: float = 286 / 256
    mirror: bool = True

    def __call__(self, *views: Tensor) -> tuple[Tensor, ...]:
        """Each N×C×H×W, of one size; they come back in that size, within their own darkest and brightest."""
        n, (height, width) = len(views[0]), views[0].shape[2:]
        large = round(height * self.scale), round(width * self.scale)
        tops, lefts = (
            luck.rows(lambda n, room=room: torch.randint(room + 1, (n,)), n).tolist()
            for room in (large[0] - height, large[1] - width)
        )
        coins = (luck.rows(lambda n: torch.rand(n), n) < 0.5).tolist()

        def moved(view: Tensor) -> Tensor:
            if large != (height, width):
                low, high = view.amin((1, 2, 3), keepdim=True), view.amax((1, 2, 3), keepdim=True)
                view = interpolate(view, size=large, mode="bicubic", align_corners=False).clamp(low, high)
            crops = [
                one[:, top : top + height, left : left + width]
                for one, top, left in zip(view, tops, lefts, strict=True)
            ]
            return torch.stack([c.flip(2) if self.mirror and coin else c for c, coin in zip(crops, coins, strict=True)])

        return tuple(map(moved, views))


STILL = Jitter(1.0, mirror=False)
