"""Adversarial losses against hand-computed values, closed forms and what each player must want."""

import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from ganvas.play.losses import LOSSES

# at real = .5, fake = −.25, by hand: log(1 + e^x) and squares
GOLD = {
    "minimax": (1.0500164, -0.5759394),
    "non_saturating": (1.0500164, 0.8259394),
    "least_squares": (0.3125, 1.5625),
    "wasserstein": (-0.75, 0.25),
    "hinge": (1.25, 0.25),
    "relativistic": (0.3868710, 1.1368710),
}


@pytest.mark.parametrize("name", LOSSES)
def test_golden_values(name):
    loss, r, f = LOSSES[name], torch.tensor(0.5), torch.tensor(-0.25)
    got = float(loss.discriminator(r, f)), float(loss.generator(f, r))
    assert got == pytest.approx(GOLD[name], abs=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_equilibrium_constants(name):
    """When D cannot tell, its logits are equal; where logits have a zero they lie on it."""
    loss = LOSSES[name]
    undecided = torch.tensor(loss.boundary or 0.0)
    got = float(loss.discriminator(undecided, undecided)), float(loss.generator(undecided, undecided))
    assert got == pytest.approx(loss.equilibrium, abs=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_what_each_player_wants(name):
    """By gradient, not by eye: D wants real up and fake down, G wants fake up."""
    r, f = torch.tensor(0.3, requires_grad=True), torch.tensor(0.2, requires_grad=True)
    up, down = torch.autograd.grad(LOSSES[name].discriminator(r, f), (r, f))
    assert up < 0 < down
    (want,) = torch.autograd.grad(LOSSES[name].generator(f, r.detach()), f)
    assert want < 0


@pytest.mark.parametrize("logit", [-6.0, 0.0, 3.0])
def test_the_generators_gradients_are_the_closed_forms(logit):
    """Saturating: −σ(f); non-saturating: −σ(−f). At f = −6 they differ by e⁶: that ratio is the vanishing gradient."""
    f = torch.tensor(logit, dtype=torch.float64, requires_grad=True)
    (saturating,) = torch.autograd.grad(LOSSES["minimax"].generator(f, f.detach()), f)
    (full,) = torch.autograd.grad(LOSSES["non_saturating"].generator(f, f.detach()), f)
    assert float(saturating) == pytest.approx(-1 / (1 + math.exp(-logit)), abs=1e-12)
    assert float(full) == pytest.approx(-1 / (1 + math.exp(logit)), abs=1e-12)
    assert float(full / saturating) == pytest.approx(math.exp(-logit), rel=1e-9)


def test_non_saturating_is_binary_cross_entropy_on_logits():
    real, fake = torch.randn(2, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    bce, one, zero = binary_cross_entropy_with_logits, torch.ones_like(real), torch.zeros_like(real)
    loss = LOSSES["non_saturating"]
    assert torch.allclose(loss.discriminator(real, fake).mean(), bce(real, one) + bce(fake, zero))
    assert torch.allclose(loss.generator(fake, real).mean(), bce(fake, one))
    # negative control: the saturating form is another function
    assert not torch.allclose(LOSSES["minimax"].generator(fake, real).mean(), bce(fake, one))


@pytest.mark.parametrize("name", ["minimax", "non_saturating"])
def test_calling_real_fake_and_fake_real_is_a_symmetry(name):
    real, fake = torch.randn(2, 64, generator=torch.Generator().manual_seed(1))
    loss = LOSSES[name].discriminator
    assert torch.allclose(loss(real, fake), loss(-fake, -real))


def test_relativistic_is_a_pair_and_only_sees_differences():
    real, fake = torch.randn(2, 64, generator=torch.Generator().manual_seed(2))
    loss = LOSSES["relativistic"]
    assert torch.allclose(loss.discriminator(real, fake), loss.generator(real, fake))  # operands exchanged
    assert torch.allclose(loss.discriminator(real, fake), loss.discriminator(real + 5, fake + 5), atol=1e-5)


def test_losses_stay_finite_where_sigmoid_and_log_would_not():
    far = torch.tensor([-300.0, 300.0])
    for loss in LOSSES.values():
        assert torch.isfinite(loss.discriminator(far, -far)).all()
        assert torch.isfinite(loss.generator(far, -far)).all()


@pytest.mark.parametrize("name", LOSSES)
def test_reading_the_logits(name):
    """A discriminator that is always right scores 1, one that is always wrong 0, where D(x) exists it is in [0, 1]."""
    loss = LOSSES[name]
    right, wrong = torch.full((8, 1), 3.0), torch.full((8, 1), -3.0)
    assert loss.read(right, wrong)["accuracy"].mean() == 1
    assert loss.read(wrong, right)["accuracy"].mean() == 0
    assert ("p_real" in loss.read(right, wrong)) == loss.log_odds
