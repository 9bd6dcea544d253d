"""StackGAN's game: its losses term by term, the wrong pair, the KL by hand, when there is noise and when not."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from ganvas.play import captioned
from ganvas.play.augment import DiffAugment, translation
from ganvas.play.captioned import Captioned, divergence
from ganvas.play.latent import Normal
from ganvas.play.losses import LOSSES
from ganvas.play.penalties import GradientPenalty, real
from ganvas.play.schedules import Clock, constant

CLOCK = Clock(0, 0, 100)


class Plain(nn.Module):
    """A generator by hand: each picture is c + z everywhere, φ is the caption's first number, μ = a φ, log σ = b φ."""

    noises = 1

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Parameter(torch.tensor(0.5)), nn.Parameter(torch.tensor(-0.25))

    def read(self, rows):
        return rows[:, :1].to(self.a.dtype)

    def condition(self, phi):
        return self.a * phi, self.b * phi

    def forward(self, z, phi, noise=None):
        mu, log_sigma = self.condition(phi)
        c = mu if noise is None else mu + log_sigma.exp() * noise
        return (c + z)[:, :, None, None].expand(-1, 1, 8, 8)


class Judge(nn.Module):
    """Logits: a weight for what is seen plus one for how well it goes with φ."""

    def __init__(self):
        super().__init__()
        self.seen, self.fits = nn.Parameter(torch.tensor(0.7)), nn.Parameter(torch.tensor(0.3))

    def look(self, x):
        return x.mean((1, 2, 3))[:, None]

    def judge(self, h, phi):
        return self.seen * h + self.fits * h * phi

    def forward(self, x, phi):
        return self.judge(self.look(x), phi)


def batches(n=4, side=8):
    images = torch.rand(n, 1, side, side, generator=torch.Generator().manual_seed(0))
    return itertools.repeat(
        {
            "image": images,
            "text": torch.tensor([[1, 9]] * n),
            "wrong": torch.tensor([[-2, 9]] * n),
        }
    )


def moves(game, seed=1, **batch):
    torch.manual_seed(seed)
    return list(game.round(iter([next(batches(**batch))]), CLOCK))


def test_the_losses_are_the_papers():
    """L_D = CE(real, right; 1) + ½ [CE(real, wrong; 0) + CE(fake, right; 0)]; L_G = CE(fake, right; 1) + 2 KL."""
    game, batch = Captioned(Plain(), Judge(), Normal(1)), next(batches())
    first, second = moves(game)
    assert (first.player, second.player) == ("D", "G")
    torch.manual_seed(1)
    z, noise = torch.randn(4, 1), torch.randn(4, 1)
    right, wrong = torch.ones(4, 1), torch.full((4, 1), -2.0)
    fake, D = game.G(z, right, noise), game.D
    r, w, f = D(batch["image"], right), D(batch["image"], wrong), D(fake, right)
    by_hand = softplus(-r).mean() + (softplus(w).mean() + softplus(f).mean()) / 2
    assert first.loss.item() == pytest.approx(by_hand.item(), rel=1e-6)
    assert torch.equal(first.seen["real"], r) and torch.equal(first.seen["wrong"], w)
    assert first.seen["gap"].item() == pytest.approx((r - w).mean().item())
    mu, log_sigma = 0.5, -0.25
    kl = -log_sigma + 0.5 * (-1 + torch.tensor(2 * log_sigma).exp() + mu**2)
    assert second.seen["kl"].item() == pytest.approx(kl.item(), rel=1e-6)
    assert second.loss.item() == pytest.approx((softplus(-f).mean() + 2 * kl).item(), rel=1e-6)


def test_the_kl_is_that_of_two_gaussians():
    """torch's own, the mean over dimensions; 0 where μ = 0 and σ = 1, and nowhere else."""
    torch.manual_seed(0)
    mu, log_sigma = torch.randn(5, 3), torch.randn(5, 3)
    there = torch.distributions.Normal(mu, log_sigma.exp())
    here = torch.distributions.kl_divergence(there, torch.distributions.Normal(0.0, 1.0)).mean()
    assert divergence(mu, log_sigma).item() == pytest.approx(here.item(), rel=1e-6)
    assert divergence(torch.zeros(2, 3), torch.zeros(2, 3)).item() == 0
    doubled = divergence(mu, 2 * log_sigma).item()
    assert doubled != pytest.approx(here.item(), rel=0.1), "control: log σ² taken for log σ"


class Eye(nn.Module):
    """Compatibilities by hand: a picture's mean brightness times the caption's first number; it knows 16×16 alone."""

    def forward(self, images, captions):
        assert images.shape[2:] == (16, 16)
        return images.mean((1, 2, 3))[:, None] * captions[:, 0].to(images.dtype)


def test_what_fakes_are_taken_for_joins_gs_loss():
    """−log P(own caption | fake) among the right and the wrong captions that say something else, by hand, enlarged."""
    bare = Captioned(Plain(), Judge(), Normal(1), shrink=2)
    game = Captioned(Plain(), Judge(), Normal(1), shrink=2, matcher=Eye(), match=3.0)
    plain, told = moves(bare, side=16)[1], moves(game, side=16)[1]
    torch.manual_seed(1)
    z, noise = torch.randn(4, 1), torch.randn(4, 1)
    fake = game.G(z, torch.ones(4, 1), noise).mean((1, 2, 3))
    by_hand = torch.log(
        1 + 4 * torch.exp(-2 * fake - fake)
    ).mean()  # captions 1, and four times −2; four equal right ones
    assert told.seen["match"].item() == pytest.approx(by_hand.item(), rel=1e-5)
    assert told.loss.item() == pytest.approx(plain.loss.item() + 3 * by_hand.item(), rel=1e-5)
    ours, theirs = (torch.autograd.grad(m.loss, p)[0] for m, p in ((told, game.G.a), (plain, bare.G.a)))
    assert ours != theirs, "its gradient reaches G"
    assert "match" not in plain.seen, "control: without a matcher nothing is asked"


def slopes(game, loss="non_saturating"):
    """How D's loss bends with its three logits."""
    move = moves(game)[0]
    names = ("real", "wrong", "fake")
    found = torch.autograd.grad(move.loss, [move.seen[n] for n in names], allow_unused=True)
    return {n: 0.0 if s is None else float(s.sum()) for n, s in zip(names, found, strict=True)}


@pytest.mark.parametrize("loss", LOSSES)
def test_the_wrong_pair_is_pushed_down_in_every_loss(loss):
    if loss == "least_squares":  # which wants it at 0, wherever it is
        game = Captioned(Plain(), Judge(), Normal(1), loss=LOSSES[loss])
        move = moves(game)[0]
        (slope,) = torch.autograd.grad(move.loss, move.seen["wrong"])
        assert torch.allclose(slope, move.seen["wrong"] / 4), "½ · 2 w, a mean over four"
        return
    slope = slopes(Captioned(Plain(), Judge(), Normal(1), loss=LOSSES[loss]))
    assert slope["real"] < 0 < slope["wrong"] and slope["fake"] > 0


def test_negative_control_a_discriminator_that_never_sees_a_wrong_pair_is_caught(monkeypatch):
    """The published pitfall: without the wrong pair D learns nothing about the text."""

    class Forgetful(Captioned):
        def judge(self, batch, x, fake, right, wrong, clock):
            return super().judge(batch, x, fake, right, right, clock)

    move = moves(Forgetful(Plain(), Judge(), Normal(1)))[0]
    assert move.seen["gap"].item() == 0
    assert moves(Captioned(Plain(), Judge(), Normal(1)))[0].seen["gap"].item() != 0


def test_the_wrong_pair_teaches_d_to_read():
    """D's weight for what fits grows by it alone: pictures and captions are alike otherwise."""
    game = Captioned(Plain(), Judge(), Normal(1))
    before = game.D.fits.item()
    optimizer = torch.optim.SGD(game.D.parameters(), 0.5)
    for k in range(20):
        move = moves(game, seed=k)[0]
        optimizer.zero_grad()
        move.loss.backward(inputs=list(game.D.parameters()))
        optimizer.step()
    assert game.D.fits.item() > before + 0.1 and move.seen["gap"].item() > 0


def test_no_noise_where_nobody_trains():
    """`imagine` has c = μ: the same every time, and nobody's random numbers are touched."""
    game, batch, z = Captioned(Plain(), Judge(), Normal(1)), next(batches()), torch.zeros(4, 1)
    state = torch.get_rng_state()
    made = game.imagine(game.G, z, batch)
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(made, torch.full_like(made, 0.5)), "a φ = .5"
    trained = moves(game)[1]
    fake = trained.seen["fake"]
    assert fake.unique().numel() == 4, "control: in training each picture has its own"


def test_stage_one_sees_means_of_pixels():
    game = Captioned(Plain(), Judge(), Normal(1), shrink=4)
    x = torch.arange(64.0).view(1, 1, 8, 8)
    corners = [x[0, 0, i : i + 4, j : j + 4].mean() for i in (0, 4) for j in (0, 4)]
    assert torch.equal(game.photo(x)[0, 0], torch.stack(corners).view(2, 2))


def test_augmentation_is_one_for_right_and_wrong():
    """A picture beside its own and beside a wrong caption is the same picture: only the caption tells."""
    seen = []

    class Looking(Judge):
        def look(self, x):
            seen.append(x)
            return super().look(x)

    moves(Captioned(Plain(), Looking(), Normal(1), augment=DiffAugment((translation,))), side=16)
    assert len(seen) == 3, "real once, the fake for either player"
    assert not torch.equal(seen[0], next(batches(side=16))["image"])


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_plays_with_a_penalty(loss):
    penalty = GradientPenalty(constant(1.0), real, 0.0)
    d, g = moves(Captioned(Plain(), Judge(), Normal(1), loss=LOSSES[loss], penalties=(penalty,)))
    assert d.loss.isfinite() and g.loss.isfinite() and ("real" in g.seen) == LOSSES[loss].relativistic
    slope = (0.7 + 0.3) / 64
    assert d.seen["penalty"].item() == pytest.approx(64 * slope**2, rel=1e-5), "‖∇ₓ D(x, right)‖² by hand"


def test_the_noise_is_that_of_the_whole_batch_in_every_part():
    from ganvas.luck import part

    torch.manual_seed(3)
    whole = captioned.gaussian(6, 2, "cpu")
    found = []
    for k in range(3):
        torch.manual_seed(3)
        with part(k, 3):
            found.append(captioned.gaussian(2, 2, "cpu"))
    assert torch.equal(torch.cat(found), whole)
