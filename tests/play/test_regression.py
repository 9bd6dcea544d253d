"""One player against the truth; SRGAN's loss term by term; that a distance in features reaches G, and G alone."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from ganvas.nets.srresnet import SRGANDiscriminator
from ganvas.nets.vgg import VGG19
from ganvas.play.losses import LOSSES
from ganvas.play.paired import Content, Paired
from ganvas.play.perceptual import Forgotten, Matched, Perceptual
from ganvas.play.regression import Regression, mean_square
from ganvas.play.schedules import Clock

CLOCK = Clock(0, 0, 100)


class Doubled(nn.Module):
    """Every pixel as a block of four, times a number."""

    def __init__(self, by=0.5):
        super().__init__()
        self.by = nn.Parameter(torch.tensor(by))

    def forward(self, x):
        return self.by * x.repeat_interleave(2, 2).repeat_interleave(2, 3)


class Sum(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0))

    def forward(self, x):
        return self.weight * x.mean((1, 2, 3))[:, None]


def pair(channels=3, side=16):
    torch.manual_seed(0)
    return {"a": torch.rand(4, channels, side // 2, side // 2), "b": torch.rand(4, channels, side, side)}


def test_a_round_is_one_move_towards_the_target():
    G, batch = Doubled(), pair()
    (move,) = Regression(G).round(iter([batch]), CLOCK)
    expected = (0.5 * batch["a"].repeat_interleave(2, 2).repeat_interleave(2, 3) - batch["b"]).square().mean()
    assert move.player == "G" and move.loss.item() == pytest.approx(expected.item(), rel=1e-6)
    assert set(move.seen) == {"mse"} and Regression(G).players == {"G": G}


def test_it_finds_the_answer_that_can_be_computed():
    """With 3 · block as the truth the only minimum is 3."""
    G = Doubled()
    learn = torch.optim.Adam(G.parameters(), 0.1)
    truth = pair()
    truth["b"] = 3 * truth["a"].repeat_interleave(2, 2).repeat_interleave(2, 3)
    game = Regression(G)
    for _ in range(200):
        for move in game.round(itertools.repeat(truth), CLOCK):
            learn.zero_grad()
            move.loss.backward()
            learn.step()
    assert G.by.item() == pytest.approx(3, abs=0.01)


def test_contents_are_weighted_and_summed():
    G, batch = Doubled(), pair()
    game = Regression(G, content=(Content("mse", 2.0, mean_square), Content("l", 3.0, lambda f, y: f.mean())))
    (move,) = game.round(iter([batch]), CLOCK)
    assert move.loss.item() == pytest.approx(2 * move.seen["mse"].item() + 3 * move.seen["l"].item())


def test_srgan_s_loss_is_the_papers():
    """Eq. 3 and 6: content + 10⁻³ · −log D(G(x)); D sees pictures alone and its loss counts whole (eq. 2)."""
    G, D, batch = Doubled(), Sum(), pair()
    game = Paired(G, D, content=(Content("mse", 1.0, mean_square),), adversarial=1e-3, told=False, d_weight=1.0)
    first, second = game.round(iter([batch]), CLOCK)
    fake, y = G(batch["a"]).detach(), batch["b"]
    with torch.no_grad():
        real, made = D(y), D(fake)
    assert first.loss.item() == pytest.approx(float((softplus(-real) + softplus(made)).mean()), rel=1e-6)
    content = float((fake - y).square().mean())
    assert second.loss.item() == pytest.approx(content + 1e-3 * float(softplus(-made).mean()), rel=1e-6)


def narrow_vgg():
    torch.manual_seed(0)
    return VGG19(1, 2)


def discriminator():
    torch.manual_seed(0)
    return SRGANDiscriminator(3, 16, 16, 2, 8)


@pytest.mark.parametrize("what", ["vgg", "discriminator"])
def test_the_gradient_of_a_perceptual_loss_reaches_g_and_nobody_else(what):
    D = discriminator()
    net = narrow_vgg() if what == "vgg" else D
    distance = Perceptual(net) if what == "vgg" else Matched(D.features)
    G, batch = Doubled(), pair()
    game = Paired(
        G, D, loss=LOSSES["non_saturating"], content=(Content("seen", 1.0, distance),), adversarial=0.0, told=False
    )
    _, move = game.round(iter([batch]), CLOCK)
    assert move.seen["seen"].item() > 0
    move.loss.backward(inputs=list(G.parameters()))
    assert G.by.grad is not None and G.by.grad.abs() > 1e-6
    assert all(p.grad is None for p in (*D.parameters(), *net.parameters()))
    slope = G.by.grad.item()
    with torch.no_grad():  # and it is the slope of that loss: finite differences
        values = []
        for by in (0.499, 0.501):
            G.by.fill_(by)
            values.append(float(distance(G(batch["a"]), batch["b"])))
    assert slope == pytest.approx((values[1] - values[0]) / 0.002, rel=0.05)


def test_negative_control_a_detached_loss_gives_g_nothing():
    """A popular SRGAN returns torch.Tensor([losses]): the number is right and the graph is cut."""
    net, G, batch = narrow_vgg(), Doubled(), pair()
    right = Perceptual(net)

    def cut(fake, target):
        return torch.tensor(right(fake, target).item())

    whole, severed = (
        next(
            Regression(G, content=(Content("seen", 1.0, d), Content("none", 0.0, mean_square))).round(
                iter([batch]), CLOCK
            )
        )
        for d in (right, cut)
    )
    assert whole.loss.item() == pytest.approx(severed.loss.item())
    (felt,), (nothing,) = (torch.autograd.grad(move.loss, [G.by]) for move in (whole, severed))
    assert felt.abs() > 1e-6 and nothing == 0


def test_grey_is_seen_as_three_equal_channels():
    distance, grey = Perceptual(narrow_vgg()), pair(1)["b"]
    assert distance(grey, grey) == 0
    assert distance(grey, -grey) == pytest.approx(float(distance(grey.repeat(1, 3, 1, 1), -grey.repeat(1, 3, 1, 1))))


def test_a_frozen_networks_maps_are_forgotten_and_the_slope_is_the_same():
    """Between loss and backward nothing of the network's maps waits in memory; kept the usual way, they do."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Conv2d(4, 2, 3)).requires_grad_(False)
    x = torch.randn(2, 3, 8, 8, requires_grad=True)

    def loss(x):
        return net(x).square().mean()

    usual, ours = loss(x), Forgotten.apply(x, loss)
    assert [type(f).__name__ for f, _ in ours.grad_fn.next_functions if f] == ["AccumulateGrad"], "x itself comes next"
    assert [type(f).__name__ for f, _ in usual.grad_fn.next_functions if f] != ["AccumulateGrad"]
    assert [t.shape for t in ours.grad_fn.saved_tensors] == [x.shape], "the slope is all that is kept"
    assert ours.item() == usual.item()
    (expected,), (slope,) = torch.autograd.grad(3 * usual, x), torch.autograd.grad(3 * ours, x)
    assert torch.allclose(slope, expected, rtol=1e-5) and slope.abs().max() > 0
