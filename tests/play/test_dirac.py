"""Dirac-GAN (Mescheder et al. 2018): the smallest GAN, whose dynamics are known in closed form.

G(z) = θ, data at 0, D(x) = ψx. Played by the real game and trainer-like steps of plain gradient descent, so these test
alternation, simultaneity, the losses and the penalties together. Numbers: SCIENCE 2.2 (derived, then simulated).
"""

import cmath
import dataclasses
import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from ganvas.labs import dirac_game
from ganvas.play.game import Move
from ganvas.play.latent import Latent, Normal
from ganvas.play.losses import LOSSES
from ganvas.play.penalties import ClipWeights, GradientPenalty, between, fake, real
from ganvas.play.schedules import Clock, constant


class Point(nn.Module):
    def __init__(self, theta):
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(float(theta), dtype=torch.float64))

    def forward(self, z):
        return self.theta.expand(len(z), 1, 1, 1)


class Slope(nn.Module):
    """ψx + b, with b where the loss is undecided (½ for least squares): else that loss has no equilibrium here."""

    def __init__(self, psi, b=0.0):
        super().__init__()
        self.psi, self.b = nn.Parameter(torch.tensor(float(psi), dtype=torch.float64)), b

    def forward(self, x):
        return (self.psi * x).flatten(1) + self.b


def path(loss, steps, h=0.1, start=(1.0, 1.0), simultaneous=True, penalties=(), clip=None):
    """(θ, ψ) after each round of plain gradient descent."""
    G, D = Point(start[0]), Slope(start[1], LOSSES[loss].boundary or 0.0)
    bound = {} if clip is None else {"constraint": ClipWeights(clip)}
    game = Latent(G, D, Normal(1), LOSSES[loss], penalties, simultaneous=simultaneous, **bound)
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
        out.append((G.theta.item(), D.psi.item()))
    return out


def radii(*arguments, **options):
    return [math.hypot(*point) for point in path(*arguments, **options)]


def eigenvalues(loss, tiny=1e-7, **options):
    """Of one round at the equilibrium, from where it takes two tiny steps off it."""
    columns = [path(loss, 1, start=start, **options)[0] for start in ((tiny, 0.0), (0.0, tiny))]
    return torch.linalg.eigvals(torch.tensor(columns, dtype=torch.float64).T / tiny).tolist()


def r1(gamma):
    return (GradientPenalty(constant(gamma / 2), real, 0.0),)


def r1_r2(gamma):
    return (*r1(gamma), GradientPenalty(constant(gamma / 2), fake, 0.0))


FORCES = {
    "minimax": 0.5,
    "non_saturating": 0.5,
    "relativistic": 0.5,
    "wasserstein": 1.0,
    "hinge": 1.0,
    "least_squares": 1.0,
}  # |f′(0)|


@pytest.mark.parametrize("loss", FORCES)
def test_spectrum_of_a_round_without_penalty(loss):
    """Simultaneous: 1 ± iα, modulus √(1 + α²), angle atan α. Alternating: modulus 1, cos φ = 1 − α²/2. α = h f′."""
    alpha = 0.1 * FORCES[loss]
    for eigenvalue in eigenvalues(loss):
        assert abs(eigenvalue) == pytest.approx(math.sqrt(1 + alpha**2), abs=1e-6)
        assert abs(cmath.phase(eigenvalue)) == pytest.approx(math.atan(alpha), abs=1e-6)
    for eigenvalue in eigenvalues(loss, simultaneous=False):
        assert abs(eigenvalue) == pytest.approx(1, abs=1e-6)
        assert math.cos(cmath.phase(eigenvalue)) == pytest.approx(1 - alpha**2 / 2, abs=1e-6)
    other = eigenvalues("wasserstein" if alpha < 0.1 else "minimax")[0]
    assert abs(abs(other) - math.sqrt(1 + alpha**2)) > 1e-3, "negative control: another force, another spectrum"


@pytest.mark.parametrize(
    ("loss", "penalties", "modulus"),
    [
        ("non_saturating", r1(1.0), 0.95),  # critical: γ = 2f′
        ("wasserstein", r1(2.0), 0.90),
        ("non_saturating", r1(0.3), math.sqrt(1 - 0.03 + 0.0025)),  # .98615, a spiral
        ("non_saturating", r1(2.0), 1 - 0.1 + 0.1 * math.sqrt(0.75)),  # .98660, overdamped
        ("relativistic", r1_r2(0.5), 0.95),  # R2 doubles the damping: critical at half the γ
        ("relativistic", r1_r2(0.3), math.sqrt(1 - 0.06 + 0.0025)),
    ],
)
def test_spectrum_of_a_round_with_r1_and_r2(loss, penalties, modulus):
    assert max(map(abs, eigenvalues(loss, penalties=penalties))) == pytest.approx(modulus, abs=1e-6)
    doubled = tuple(dataclasses.replace(p, every=2) for p in penalties)  # in round 0 with twice the weight
    wrong = max(map(abs, eigenvalues(loss, penalties=doubled)))
    assert abs(wrong - modulus) > 1e-3, "negative control: γ for γ/2"


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


@pytest.mark.parametrize("h", [0.05, 0.1, 0.2])
def test_non_saturating_simultaneous_ends_on_a_limit_cycle(h):
    tail = radii("non_saturating", int(8 / h**2) + 600, h=h, start=(1.2 * math.sqrt(2 * h), 0.0))[-200:]
    assert sum(tail) / len(tail) == pytest.approx(math.sqrt(2 * h), rel=0.05)


def test_non_saturating_alternating_decays_slowly():
    """r ≈ √(8/(h t)), so 1/r² grows by h/8 a round, from wherever it starts."""
    h, steps = 0.1, 2000
    inverse = [r**-2 for r in radii("non_saturating", steps, h=h, start=(0.3, 0.0), simultaneous=False)]
    period = 126  # rounds of one turn: means over whole turns
    first, last = (sum(part) / period for part in (inverse[:period], inverse[-period:]))
    assert (last - first) / (steps - period) == pytest.approx(h / 8, rel=0.05)


@pytest.mark.slow
def test_non_saturating_alternating_after_sixty_thousand_rounds():
    assert radii("non_saturating", 60_000, simultaneous=False)[-1] == pytest.approx(math.sqrt(8 / 6000), rel=0.05)


def test_minimax_grows_by_discretisation_alone():
    """r is conserved in continuous time; a simultaneous step multiplies r² by 1 + h² σ(θψ)² exactly."""
    h, points = 0.1, path("minimax", 60, start=(1.0, -1.0))
    for (theta, psi), (later_theta, later_psi) in pairwise([(1.0, -1.0), *points]):
        factor = 1 + (h / (1 + math.exp(-theta * psi))) ** 2
        assert later_theta**2 + later_psi**2 == pytest.approx(factor * (theta**2 + psi**2), rel=1e-12)


@pytest.mark.parametrize(
    ("options", "low", "high"),
    [
        ({"clip": 0.3}, 0.30, 0.34),
        ({"penalties": (GradientPenalty(constant(0.5), between, 0.3),)}, 0.39, 0.49),
    ],
    ids=["clipping", "gradient penalty"],
)
def test_clipping_and_gradient_penalties_end_on_limit_cycles(options, low, high):
    tail = radii("wasserstein", 1000, start=(0.5, 0.0), **options)[-200:]
    assert min(tail) == pytest.approx(low, rel=0.05) and max(tail) == pytest.approx(high, rel=0.05)
    assert radii("wasserstein", 300, start=(0.5, 0.0), penalties=r1(2.0))[-1] < 1e-6, "negative control: R1 converges"


def test_the_gradient_penaltys_cycle_in_closed_form():
    """Between the kinks θ″ + 2λθ′ + θ = ±2λg, so θ turns at 2λg coth(λπ/(2√(1 − λ²))): .417 for λ = ½, g = .3."""
    lam, g, h = 0.5, 0.3, 0.02
    penalties = (GradientPenalty(constant(lam), between, g),)
    points = path("wasserstein", 1500, h=h, start=(0.45, 0.0), penalties=penalties, simultaneous=False)[-700:]
    expected = 2 * lam * g / math.tanh(lam * math.pi / (2 * math.sqrt(1 - lam**2)))
    assert max(theta for theta, _ in points) == pytest.approx(expected, rel=0.02)


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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("betas", "rounds", "penalty", "low", "high"),
    [
        ((0.0, 0.99), 500, "none", 0.51, 0.57),
        ((0.0, 0.99), 5000, "none", 0.006, 0.008),
        ((0.5, 0.999), 5000, "none", 0.4, 0.5),
        ((0.9, 0.999), 5000, "none", 0.7, 1.1),
        ((0.5, 0.999), 2000, "R1", 0.0, 1e-30),
        ((0.0, 0.99), 5000, "R1", 0.0066, 0.0075),  # lr/√2, the noise floor of steps that know only signs,
    ],
)
def test_adams_momentum_destroys_convergence(betas, rounds, penalty, low, high):
    """lr .01, alternating non-saturating from (1, 1) in the paper's signs: β₁ = 0 converges slowly, .9 never does."""
    path = dirac_game.play(
        dirac_game.Rule("non_saturating", penalty, False, h=0.01, gamma=1.0), [(1, -1)], rounds, betas=betas
    )
    assert low <= math.hypot(*path[-1, 0]) <= high
