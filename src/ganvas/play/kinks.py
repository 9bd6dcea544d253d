"""Differentiating a slope again, without carrying zeros through the network: a gradient penalty a quarter cheaper."""

from torch import Tensor, autograd, ops
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


class _Kink(autograd.Function):
    """Leaky ReLU (ReLU: slope 0) whose derivative is a constant when it is differentiated again, as it is but at 0."""

    @staticmethod
    def forward(ctx, x: Tensor, slope: float, inplace: bool) -> Tensor:
        y = F.leaky_relu(x, slope, inplace)
        if inplace:
            ctx.mark_dirty(x)
        ctx.save_for_backward(y)
        ctx.slope = slope
        return y

    @staticmethod
    def backward(ctx, grad: Tensor):
        (y,) = ctx.saved_tensors
        return ops.aten.leaky_relu_backward(grad, y.detach(), ctx.slope, True), None, None


class Kinks(TorchFunctionMode):
    """While entered, ReLU and leaky ReLU pass nothing back where torch passes zeros when a slope is differentiated.

    torch sends these zeros back through every layer of the discriminator, a third of a penalty's products. Gradients are
    the same to the bit.
    """

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function is F.leaky_relu:
            return _Kink.apply(*_leaky_relu(*args, **kwargs))
        if function is F.relu:
            return _Kink.apply(*_relu(*args, **kwargs))
        return function(*args, **kwargs)


def _leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> tuple[Tensor, float, bool]:
    return input, negative_slope, inplace


def _relu(input: Tensor, inplace: bool = False) -> tuple[Tensor, float, bool]:
    return input, 0.0, inplace
