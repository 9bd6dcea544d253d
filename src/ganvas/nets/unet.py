"""pix2pix's generator: an encoder and a decoder with skips (Isola et al. 2017, section 6.1.1)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganvas.nets.whole import Noise, Norm, NormName


class UNet(nn.Module):
    """Picture N×source×H×W → N×target×H×W in [−1, 1]; H and W are multiples of 2^depth.

    Encoder C64-C128-C256-C512-…, `depth` 4×4 convolutions of stride 2 (8 for 256², 7 for 128²); the decoder mirrors it.
    No norm on the first and the innermost. What is joined to the decoder is the activated map, as in the authors' code,
    whose LeakyReLU works in place. dropout: in the decoder's first three maps, also in use; the generator has no other
    noise.
    """

    def __init__(
        self, source: int, target: int, width: int = 64, depth: int = 8, norm: NormName = "batch", dropout: float = 0.5
    ):
        super().__init__()
        self.config = dict(source=source, target=target, width=width, depth=depth, norm=norm, dropout=dropout)
        self.multiple, self.least = 2**depth, 2**depth
        self.floats = 2 * width  # a pixel, at most at a time, when nothing is kept for backward
        self.halo = 4 * 2**depth  # pixels: how far an output looks, 2·2^k on the way down and as much on the way up
        channels = [min(width * 2**k, 8 * width) for k in range(depth)]
        by_two = dict(kernel_size=4, stride=2, padding=1)

        self.down = nn.ModuleList([nn.Conv2d(source, channels[0], **by_two)])
        for k in range(1, depth):
            innermost = k == depth - 1
            conv = nn.Conv2d(channels[k - 1], channels[k], **by_two, bias=innermost)
            self.down.append(conv if innermost else nn.Sequential(conv, Norm(channels[k], norm)))

        self.up = nn.ModuleList()
        for k in reversed(range(1, depth)):
            joined = channels[k] * (1 if k == depth - 1 else 2)
            conv = nn.ConvTranspose2d(joined, channels[k - 1], **by_two, bias=False)
            noise = [Noise(dropout)] if dropout and depth - 1 - k < 3 else []
            self.up.append(nn.Sequential(conv, Norm(channels[k - 1], norm), *noise))
        self.last = nn.ConvTranspose2d(channels[0] * 2, target, **by_two)

    def forward(self, x: Tensor) -> Tensor:
        skips = [self.down[0](x)]
        for down in self.down[1:]:
            skips[-1] = F.leaky_relu(skips[-1], 0.2)
            skips.append(down(skips[-1]))
        h = F.relu(skips.pop())
        for up in self.up:
            h = F.relu(torch.cat([up(h), skips.pop()], 1))
        return self.last(h).tanh()
