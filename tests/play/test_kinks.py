"""A slope differentiated again: the same gradients to the bit, with fewer products."""

import contextlib

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from ganvas.nets.dcgan import DCGANDiscriminator
from ganvas.nets.mlp import MLPDiscriminator
from ganvas.nets.resnet import ResNetDiscriminator
from ganvas.play import kinks
from ganvas.play.kinks import Kinks


class Shortcut(nn.Module):
    """An in-place activation that its own shortcut sees."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.act, self.last = nn.Linear(12, 12), nn.Linear(12, 12), nn.ReLU(True), nn.Linear(12, 1)

    def forward(self, x):
        h = self.one(x.flatten(1))
        return self.last(h + self.two(self.act(h))) * h.tanh().sum(1, keepdim=True)


CASES = {
    "mlp": (lambda: MLPDiscriminator((1, 28, 28), (32, 16)), (8, 1, 28, 28)),
    "in place, shortcut": (Shortcut, (8, 1, 3, 4)),
    "resnet": (lambda: ResNetDiscriminator((3, 32, 32), [8] * 4, 2, "mean"), (4, 3, 32, 32)),
    "layer norm": (lambda: ResNetDiscriminator((3, 32, 32), [8] * 3, 2, "flat", "layer", stem=8), (2, 3, 32, 32)),
    "batch norm": (lambda: DCGANDiscriminator((1, 28, 28), 4), (4, 1, 28, 28)),
}


def gradients(D, x, how, alone=False):
    """Of a penalty on D's slope and, unless it stands alone, of its logits."""
    x = x.clone().requires_grad_()
    with how:
        logits = D(x)
    (slope,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    loss = (slope.flatten(1).norm(dim=1) - 1).square().mean() + (0 if alone else logits.mean())
    return torch.autograd.grad(loss, list(D.parameters()), allow_unused=alone)


@pytest.mark.parametrize("case", CASES)
def test_the_same_gradients_to_the_bit(case):
    torch.manual_seed(0)
    build, shape = CASES[case]
    D, x = build(), torch.randn(*shape)
    plain, kinked = gradients(D, x, contextlib.nullcontext()), gradients(D, x, Kinks())
    assert all(torch.equal(a, b) for a, b in zip(plain, kinked, strict=True))


def test_negative_control_another_slope_is_seen(monkeypatch):
    torch.manual_seed(0)
    D, x = MLPDiscriminator((1, 28, 28), (32, 16)), torch.randn(8, 1, 28, 28)
    plain = gradients(D, x, contextlib.nullcontext())
    monkeypatch.setattr(kinks, "_leaky_relu", lambda x, *_, **__: (x, 0.25, False))
    assert not all(torch.equal(a, b) for a, b in zip(plain, gradients(D, x, Kinks()), strict=True))


class Products(TorchDispatchMode):
    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += function.overloadpacket in (torch.ops.aten.mm, torch.ops.aten.addmm)
        return function(*args, **kwargs or {})


def test_it_saves_products():
    D = nn.Sequential(nn.Flatten(), nn.Linear(9, 8), nn.LeakyReLU(0.2), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1))
    counts = []
    for how in (contextlib.nullcontext(), Kinks()):
        with Products() as products:
            gradients(D, torch.randn(4, 1, 3, 3), how, alone=True)
        counts.append(products.count)
    assert counts[1] < counts[0], counts


def test_outside_nothing_has_changed():
    with Kinks():
        pass
    assert torch.equal(F.leaky_relu(torch.tensor([-1.0, 2.0]), 0.1), torch.tensor([-0.1, 2.0]))
