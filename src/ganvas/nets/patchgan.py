"""A discriminator of patches: a map of logits, each of which sees so many pixels (Isola et al. 2017, section 6.1.2)."""

from torch import Tensor, nn

from ganvas.nets.whole import Norm, NormName

# pixels a side that one logit sees, and how many convolutions halve the map
PATCHES = {1: 0, 16: 1, 34: 2, 70: 3, 142: 4, 286: 5}


class PatchGAN(nn.Module):
    """N×channels×H×W → logits N×1×h×w: 30×30 of 70×70 patches at 256².

    C64-C128-C256-C512: 4×4 convolutions, all but the last two of stride 2, LeakyReLU(.2), no norm on the first. patch 1:
    1×1 convolutions, each pixel for itself. norm: none where a gradient penalty asks for each picture's own slope.
    """

    def __init__(self, channels: int, width: int = 64, patch: int = 70, norm: NormName | None = "batch"):
        super().__init__()
        self.config = dict(channels=channels, width=width, patch=patch, norm=norm)
        halvings = PATCHES[patch]
        if halvings:
            how = [(2, min(width * 2**k, 8 * width)) for k in range(halvings)] + [
                (1, min(width * 2**halvings, 8 * width))
            ]
        else:
            how = [(1, width), (1, 2 * width)]
        kernel = dict(kernel_size=4, padding=1) if halvings else dict(kernel_size=1)
        layers: list[nn.Module] = []
        before = channels
        for k, (stride, after) in enumerate(how):
            normed = norm is not None and k > 0
            layers.append(nn.Conv2d(before, after, **kernel, stride=stride, bias=not normed))
            layers += [Norm(after, norm)] * normed + [nn.LeakyReLU(0.2)]
            before = after
        self.net = nn.Sequential(*layers, nn.Conv2d(before, 1, **kernel))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)
