"""Gradient penalties on discriminators whose gradient is known, and constraints on weights."""

import pytest
import torch
from torch import nn

from ganvas.play import penalties
from ganvas.play.penalties import ClipWeights, GradientPenalty, MaxNorm
from ganvas.play.schedules import Clock, constant, linear

CLOCK = Clock(0, 0, 100)


class Linear(nn.Module):
    """D(x) = w·x: its gradient is w everywhere."""

    def __init__(self, shape=(2, 3, 3), scale=1.0):
        super().__init__()
        self.w = nn.Parameter(scale * torch.randn(shape, generator=torch.Generator().manual_seed(0)))

    def forward(self, x):
        return (x * self.w).flatten(1).sum(1, keepdim=True)


def images(seed, n=6):
    return torch.randn(n, 2, 3, 3, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("at", [penalties.real, penalties.fake, penalties.between, penalties.around])
@pytest.mark.parametrize("target", [0.0, 1.0])
def test_a_linear_critic_has_its_closed_form(at, target):
    D = Linear()
    got = GradientPenalty(constant(10.0), at, target)(D, images(1), images(2), CLOCK)
    norm = D.w.norm()  # over C×H×W: the popular norm(dim=1) would be over channels only
    assert torch.allclose(got, 10 * (norm - target) ** 2, rtol=1e-5)
    assert not torch.allclose(got, 10 * (D.w.norm(dim=0).mean() - target) ** 2, rtol=1e-2)


def test_the_penalty_reaches_the_critics_weights():
    D = Linear()
    GradientPenalty(constant(1.0), penalties.between)(D, images(1), images(2), CLOCK).backward()
    assert torch.allclose(D.w.grad, 2 * (D.w.norm() - 1) * D.w.detach() / D.w.detach().norm(), rtol=1e-4)


def test_places():
    torch.manual_seed(0)
    x, f = images(1), images(2)
    seen = {}

    class Spy(nn.Module):
        def forward(self, points):
            seen["x"] = points.detach().clone()
            return points.flatten(1).sum(1)

    def points(at):
        GradientPenalty(constant(1.0), at)(Spy(), x, f, CLOCK)
        return seen["x"]

    assert torch.equal(points(penalties.real), x)
    assert torch.equal(points(penalties.fake), f)
    share = ((points(penalties.between) - f) / (x - f)).flatten(1)
    assert torch.allclose(share, share[:, :1].expand_as(share), atol=1e-3), "one share per sample"
    assert share[:, 0].std() > 0.05, "not one share for the batch"
    assert ((share >= 0) & (share <= 1)).all()
    moved = points(penalties.around) - x
    assert ((moved >= 0) & (moved <= 0.5 * x.std())).all() and moved.max() > 0


def test_lazy_penalties_have_the_same_weight_on_average():
    D, x, f = Linear(), images(1), images(2)
    lazy, eager = (
        GradientPenalty(constant(1.0), penalties.real, 0.0, every=4),
        GradientPenalty(constant(1.0), penalties.real, 0.0),
    )
    due = [Clock(0, k, 100) for k in range(8) if lazy.due(Clock(0, k, 100))]
    assert [clock.round for clock in due] == [0, 4]
    assert torch.allclose(sum(lazy(D, x, f, c) for c in due), 8 * eager(D, x, f, CLOCK))


def test_weight_follows_the_clock():
    penalty = GradientPenalty(linear(1.0, 0.0), penalties.real, 0.0)
    first, last = (penalty(Linear(), images(1), images(2), Clock(i, 0, 100)) for i in (0, 100))
    assert first > 0 and last == 0


def test_flat_critics_give_finite_gradients():
    D = Linear(scale=0.0)
    GradientPenalty(constant(1.0), penalties.real, 0.0)(D, images(1), images(2), CLOCK).backward()
    assert torch.isfinite(D.w.grad).all()


def test_clip_and_max_norm():
    net = nn.Sequential(nn.Linear(50, 20), nn.BatchNorm1d(20), nn.Linear(20, 3))
    ClipWeights(0.01)(net)
    assert max(p.abs().max() for p in net.parameters()) <= 0.01
    assert net[1].weight.max() <= 0.01, "BatchNorm's gain too, as in the authors' code"
    net = nn.Linear(50, 20)
    with torch.no_grad():
        net.weight[0].mul_(100), net.weight[1].mul_(0.01)
    short = net.weight[1].clone()
    MaxNorm(1.9)(net)
    assert net.weight.norm(dim=1).max() <= 1.9 + 1e-5
    assert torch.equal(net.weight[1], short), "shorter vectors are left alone"


def test_a_penalty_is_computed_in_fp32_under_autocast():
    """In bf16 a squared norm of small gradients has no digits left."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.net = nn.Sequential(nn.Flatten(), nn.Linear(18, 32), nn.Tanh(), nn.Linear(32, 1))

        def forward(self, x):
            return self.net(x)

    D, penalty = Net(), GradientPenalty(constant(1.0), penalties.real, 0.0)
    exact = penalty(D, images(1), images(2), CLOCK)
    with torch.autocast("cpu", torch.bfloat16):
        assert D(images(1)).dtype == torch.bfloat16, "negative control: autocast is on"
        assert torch.equal(penalty(D, images(1), images(2), CLOCK), exact)
