"""Dirac-GAN (Mescheder et al. 2018): the smallest GAN, whose dynamics are known in closed form.

G(z) = θ, data at 0, D(x) = ψx. Played by the real game and trainer-like steps of plain gradient descent, so these test
alternation, simultaneity, the losses and the penalties together. Numbers: SCIENCE 2.2 (derived, then simulated).
"""

import math

import pytest
import torch
from torch import nn

from ganvas.play.game import Move
from ganvas.play.latent import Latent, Normal
from ganvas.play.losses import LOSSES
from ganvas.play.penalties import GradientPenalty, fake, real
from ganvas.play.schedules import Clock, constant


class Point(nn.Module):
    def __init__(self, theta):
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(float(theta), dtype=torch.float64))

    def forward(self, z):
        return self.theta.expand(len(z), 1, 1, 1)


class Slope(nn.Module):
    def __init__(self, psi):
        super().__init__()
        self.psi = nn.Parameter(torch.tensor(float(psi), dtype=torch.float64))

    def forward(self, x):
        return (self.psi * x).flatten(1)


def radii(loss, steps, h=0.1, start=(1.0, 1.0), simultaneous=True, penalties=()):
    G, D = Point(start[0]), Slope(start[1])
    game = Latent(G, D, Normal(1), LOSSES[loss], penalties, simultaneous=simultaneous)
    batch = {"image": torch.zeros(1, 1, 1, 1, dtype=torch.float64)}
    out = []
    for k in range(steps):
        for together in game.round(iter([batch]), Clock(k, k, steps)):
            together = (together,) if isinstance(together, Move) else together
            grads = []
            for move in together:
                params = list(game.players[move.player].parameters())
                grads.append((params, torch.autograd.grad(move.loss, params, retain_graph=True, allow_unused=True)))
            with torch.no_grad():
                for params, gs in grads:
                    for p, g in zip(params, gs, strict=True):
                        p -= h * g if g is not None else 0
        out.append(math.hypot(G.theta.item(), D.psi.item()))
    return out


@pytest.mark.parametrize(
    ("loss", "growth"), [("minimax", 1.001249), ("non_saturating", 1.001249), ("wasserstein", 1.004988)]
)
def test_simultaneous_steps_spiral_out_at_the_linear_rate(loss, growth):
    r = radii(loss, 50, start=(1e-4, 0.0))
    assert (r[-1] / r[0]) ** (1 / 49) == pytest.approx(growth, abs=1e-6)


def test_alternating_steps_neither_grow_nor_shrink():
    r = radii("wasserstein", 2000, start=(1e-2, 0.0), simultaneous=False)
    assert max(r) < 1.06 * min(r)
    assert max(radii("wasserstein", 2000, start=(1e-2, 0.0))) > 100 * min(r), "negative control: simultaneous explodes"


@pytest.mark.parametrize("h", [0.05, 0.1])
def test_non_saturating_simultaneous_ends_on_a_limit_cycle(h):
    tail = radii("non_saturating", int(3000 / h**0.5), h=h)[-200:]
    assert sum(tail) / len(tail) == pytest.approx(math.sqrt(2 * h), rel=0.05)


def test_non_saturating_alternating_decays_slowly():
    h, steps = 0.1, 6000
    assert radii("non_saturating", steps, h=h, simultaneous=False)[-1] == pytest.approx(
        math.sqrt(8 / (h * steps)), rel=0.1
    )


@pytest.mark.parametrize(("loss", "gamma", "factor"), [("non_saturating", 1.0, 0.95), ("wasserstein", 2.0, 0.90)])
def test_r1_damps_critically(loss, gamma, factor):
    """γ = 2|f′(0)|: both eigenvalues meet; the radius falls by about `factor` a step once t·factorᵗ has settled."""
    r = radii(loss, 400, start=(1e-3, 0.0), penalties=(GradientPenalty(constant(gamma / 2), real, 0.0),))
    late = (r[399] / r[299]) ** (1 / 100)
    assert late == pytest.approx(factor, abs=0.004)


def test_from_far_away():
    """From (1, 1) in the paper's signs, where D is high on fakes: (1, −1) here. h = .1, 500 simultaneous steps."""
    assert radii("minimax", 500, start=(1, -1))[-1] == pytest.approx(2.25, abs=0.02)
    assert radii("wasserstein", 500, start=(1, -1))[-1] == pytest.approx(17.0, rel=0.02)
    assert radii("non_saturating", 500, start=(1, -1))[-1] == pytest.approx(0.52, abs=0.02)
    for loss in ("minimax", "non_saturating"):
        assert radii(loss, 500, start=(1, -1), penalties=(GradientPenalty(constant(0.5), real, 0.0),))[-1] < 1e-8


def test_r2_doubles_the_damping():
    def rate(gamma, places):
        r = radii(
            "relativistic",
            300,
            start=(1e-3, 0.0),
            penalties=tuple(GradientPenalty(constant(gamma / 2), p, 0.0) for p in places),
        )
        return (r[-1] / r[199]) ** (1 / 100)

    assert rate(0.5, (real, fake)) == pytest.approx(rate(1.0, (real,)), abs=1e-3)
    assert rate(0.5, (real,)) > rate(0.5, (real, fake)) + 0.01
