"""Layers that compute what torch's do, faster on a CPU, with the same parameters; and those torch has not."""

import functools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganvas import luck


@functools.cache
def onednn_linear():
    """oneDNN's fp32 matrix product, or None. torch's own calls MKL, which takes its slow path on AMD processors.

    A private operator of torch, so it is tried once on numbers before it is trusted; tests compare it with float64.
    """
    try:
        op = torch.ops.mkldnn._linear_pointwise
        x, w, b = torch.arange(6.0).view(2, 3), torch.arange(12.0).view(4, 3), torch.ones(4)
        return op if torch.equal(op(x, w, b, "none", [], ""), F.linear(x, w, b)) else None
    except (AttributeError, RuntimeError, NotImplementedError):
        return None


class _OneDNNLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.has_bias = bias is not None
        return onednn_linear()(x, weight, bias, "none", [], "")

    @staticmethod
    def backward(ctx, grad: Tensor):
        x, weight = ctx.saved_tensors
        twice = torch.is_grad_enabled()  # a penalty differentiates this again: native operators only
        into_x = into_weight = into_bias = None
        if ctx.needs_input_grad[0]:
            into_x = grad @ weight if twice else onednn_linear()(grad, weight.t(), None, "none", [], "")
        # needs_input_grad says what requires a gradient; the engine knows what this backward was asked for
        if ctx.needs_input_grad[1] and _wanted(ctx, 1):
            into_weight = grad.t() @ x
            into_bias = grad.sum(0) if ctx.has_bias else None
        return into_x, into_weight, into_bias


def _wanted(ctx, place: int) -> bool:
    """Will the gradient of input `place` be used? `loss.backward(inputs=…)` leaves out the other player's weights."""
    try:
        return torch._C._will_engine_execute_node(ctx.next_functions[place][0])
    except (AttributeError, RuntimeError):
        return True


class Linear(nn.Linear):
    """`nn.Linear`; fp32 on a CPU goes through oneDNN where that works."""

    def forward(self, x: Tensor) -> Tensor:
        plain = (
            x.dtype != torch.float32
            or x.device.type != "cpu"
            or x.ndim != 2
            or torch.is_autocast_enabled("cpu")
            or torch.compiler.is_compiling()
            or self.weight.dtype != torch.float32
            or onednn_linear() is None
        )
        return F.linear(x, self.weight, self.bias) if plain else _OneDNNLinear.apply(x, self.weight, self.bias)


def bernoulli(shape: tuple[int, ...], p: float, device: torch.device) -> Tensor:
    """True with probability 1 − p, each element for itself, from torch's default generator.

    torch draws one number per element on a CPU; 16 random bits per element are enough (p exact to 2⁻¹⁷).
    """
    if device.type != "cpu":
        return torch.rand(shape, device=device) >= p
    size = math.prod(shape)
    words = torch.empty(math.ceil(size / 4), dtype=torch.int64).random_(-(2**63), None)
    return words.view(torch.int16)[:size].view(shape) >= round(p * 2**16) - 2**15


class Dropout(nn.Module):
    """Inverted dropout (Srivastava et al. 2014): zeroes a share `p` in training and scales the rest by 1/(1 − p)."""

    def __init__(self, p: float = 0.5):
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.p:
            return x

        kept = luck.rows(lambda n: bernoulli((n, *x.shape[1:]), self.p, x.device), len(x))
        return x * kept.to(x.dtype).mul_(1 / (1 - self.p))

    def extra_repr(self) -> str:
        return f"p={self.p}"


class Maxout(nn.Module):
    """Goodfellow et al. 2013: each unit is the largest of `pieces` linear functions."""

    def __init__(self, features_in: int, units: int, pieces: int):
        super().__init__()
        self.linear = Linear(features_in, units * pieces)
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x).unflatten(1, (-1, self.pieces)).amax(-1)


class UpConv2d(nn.Conv2d):
    """Nearest-neighbour doubling, then a 3×3 convolution with padding 1, as one 4×4 stride-2 transposed convolution.

    Exact: each output pixel sees 2×2 distinct inputs, so the 3×3 weights that fall on the same input are summed
    first (4 products a pixel instead of 9). The parameters are the 3×3 convolution's.
    """

    def __init__(self, channels_in: int, channels_out: int):
        super().__init__(channels_in, channels_out, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        # out[2i + u] = Σ_k w[k] · x[⌊(2i + u + k − 1) / 2⌋]; as a transposed convolution: kernel[3 − j] sums
        # the w[k] that a doubled pixel pair meets at offset j, i.e. w padded by one and added pairwise, flipped
        w = self.weight.flip(2, 3).transpose(0, 1)
        w = F.pad(w, (1, 1, 1, 1))
        w = w[:, :, 1:] + w[:, :, :-1]
        w = w[:, :, :, 1:] + w[:, :, :, :-1]
        if self.weight.is_contiguous(memory_format=torch.channels_last):  # mixed layouts are copied on every pass
            w, x = (t.contiguous(memory_format=torch.channels_last) for t in (w, x))
        return F.conv_transpose2d(x, w, self.bias, stride=2, padding=1)


class FewConv2d(nn.Conv2d):
    """A k×k convolution to a few channels, as generators end in. Stride 1; padding with zeros.

    A CPU's kernels are fast over many output channels, and a picture has three. So a 1×k convolution gives each of the
    k rows of the window its own output channels, and these are added, each shifted by its row. Exact: the same products,
    added in another order. For k = 7 and 9 it is worth its copies (bench/last_layer.py).
    """

    def __init__(self, channels_in: int, channels_out: int, kernel: int, padding: int = 0):
        super().__init__(channels_in, channels_out, kernel, padding=padding)

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu" or torch.is_autocast_enabled("cpu") or torch.compiler.is_compiling():
            return super().forward(x)
        (m, n, k, _), (p, _) = self.weight.shape, self.padding
        w = self.weight.permute(2, 0, 1, 3).reshape(k * m, n, 1, k)
        if x.is_contiguous(memory_format=torch.channels_last):
            w = w.contiguous(memory_format=torch.channels_last)
        rows = F.conv2d(F.pad(x, (p, p, p, p)) if p else x, w)
        height = rows.shape[2] - k + 1
        return sum((part[:, :, i : i + height] for i, part in enumerate(rows.split(m, 1))), self.bias.view(m, 1, 1))


class Pack(nn.Module):
    """PacGAN (Lin et al. 2018, section 2.2): `size` samples are judged together, concatenated on their channels.

    N×C×… → N/size × size·C×…: sample i stands with its next neighbours.
    """

    def __init__(self, size: int):
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(len(x) // self.size, self.size * x.shape[1], *x.shape[2:]) if self.size > 1 else x

    def extra_repr(self) -> str:
        return f"{self.size}"


class MinibatchStd(nn.Module):
    """Minibatch standard deviation (Karras et al. 2018, section 3): how much a group of images varies, as a channel more.

    N×C×H×W → N×(C+1)×H×W: over `group` images each (which must divide N, else all are one group), the standard
    deviation of every feature at every place, averaged to one number.
    """

    def __init__(self, group: int = 4):
        super().__init__()
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        n = len(x)
        group = self.group if n % self.group == 0 else n
        spread = x.float().reshape(group, n // group, -1).var(0, unbiased=False).add(1e-8).sqrt().mean(1)
        return torch.cat([x, spread.to(x.dtype).repeat(group).view(n, 1, 1, 1).expand(-1, 1, *x.shape[2:])], 1)


def spectral_norms(net: nn.Module) -> nn.Module:
    """Divides the weight of every linear and convolutional layer by its largest singular value (Miyato et al. 2018).

    One power iteration a forward pass in training, on the weight flattened to C_out × rest. A weight that starts at zero
    has no direction to normalise and starts Glorot-uniform instead. In place; returns `net`.
    """
    for module in list(net.modules()):
        if isinstance(module, nn.Linear | nn.Conv2d):
            if not module.weight.any():
                nn.init.xavier_uniform_(module.weight)
            nn.utils.parametrizations.spectral_norm(module)
    return net
