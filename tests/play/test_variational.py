"""The variational game where the truth is known: linear Gaussian models, whose ln p(x) and posterior are closed forms."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from ganvas.play import variational
from ganvas.play.latent import Normal as Prior
from ganvas.play.schedules import Clock
from ganvas.play.variational import Variational, bits_per_dim

PIXELS, LATENT, SIGMA = 6, 2, 0.4


class Linear(nn.Module):
    """p(x|z) = N(Wz + b, σ²): probabilistic PCA. q(z|x) = N(V(x − c), diag(s²))."""

    def __init__(self, sigma: float = SIGMA):
        super().__init__()
        basis = torch.linalg.qr(torch.randn(PIXELS, LATENT))[0]  # orthogonal columns: the posterior is diagonal
        self.W = nn.Parameter(basis * torch.tensor([1.5, 0.7]))
        self.b = nn.Parameter(torch.randn(PIXELS))
        self.V, self.c = nn.Parameter(torch.randn(LATENT, PIXELS) * 0.3), nn.Parameter(torch.randn(PIXELS))
        self.log_var, self.sigma = nn.Parameter(torch.randn(LATENT) * 0.3 - 2), sigma

    def forward(self, z):
        return (z @ self.W.T + self.b).view(-1, 1, 1, PIXELS)

    def encode(self, x):
        mean = (x.flatten(1) - self.c) @ self.V.T
        return mean, self.log_var.expand_as(mean)

    def spread(self, error):
        return torch.full((), self.sigma**2) if self.sigma else error.detach().mean()

    def density(self, sigma: float = SIGMA):
        """p(x), with z integrated out."""
        return MultivariateNormal(self.b, self.W @ self.W.T + sigma**2 * torch.eye(PIXELS))

    def posterior(self, x):
        """p(z|x) (Bishop 2006, eq. 12.42)."""
        M = self.W.T @ self.W + self.sigma**2 * torch.eye(LATENT)
        mean = torch.linalg.solve(M, self.W.T @ (x.flatten(1) - self.b).T).T
        return MultivariateNormal(mean, self.sigma**2 * torch.linalg.inv(M))

    @torch.no_grad()
    def know_the_posterior(self):
        M = self.W.T @ self.W + self.sigma**2 * torch.eye(LATENT)
        self.V.copy_(torch.linalg.solve(M, self.W.T))
        self.c.copy_(self.b)
        self.log_var.copy_((self.sigma**2 * torch.linalg.inv(M)).diagonal().log())


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


@torch.no_grad()
def gap_and_its_truth(net: Linear, game: Variational, draws: int = 20_000):
    """ln p(x) − ELBO of five images, the ELBO averaged over z; KL(q(z|x) ‖ p(z|x)), which it must equal; its error."""
    x = torch.randn(5, 1, 1, PIXELS)
    elbo = game.bound(net, {"image": x.repeat(draws, 1, 1, 1)}).elbo.view(draws, 5)
    mean, log_var = net.encode(x)
    q = MultivariateNormal(mean, torch.diag_embed(log_var.exp()))
    gap = net.density().log_prob(x.flatten(1)) - elbo.mean(0)
    return gap, kl_divergence(q, net.posterior(x)), elbo.std(0) / math.sqrt(draws)


def test_the_elbo_is_below_ln_p_by_the_posteriors_kl():
    """The identity behind the bound (Kingma & Welling 2014, eq. 1), for any encoder; 0 for the one that knows p(z|x)."""
    net = Linear()
    game = Variational(net, Prior(LATENT))
    gap, truth, error = gap_and_its_truth(net, game)
    assert (gap > 0).all() and truth.min() > 0.1 and ((gap - truth).abs() < 5 * error).all()
    net.know_the_posterior()
    gap, truth, error = gap_and_its_truth(net, game)
    assert truth.abs().max() < 1e-12 and (gap.abs() < 5 * error).all()


class NormalWithoutLogs(Variational):
    def bound(self, G, batch):
        bound = super().bound(G, batch)
        return bound._replace(reconstruction=bound.reconstruction - 0.5 * PIXELS * math.log(2 * math.pi))


class HalfTheKl(Variational):
    def bound(self, G, batch):
        bound = super().bound(G, batch)
        return bound._replace(kl=bound.kl / 2)


@pytest.mark.parametrize("wrong", [NormalWithoutLogs, HalfTheKl])
def test_negative_control_a_forgotten_constant_or_factor_breaks_the_identity(wrong):
    net = Linear()
    gap, truth, error = gap_and_its_truth(net, wrong(net, Prior(LATENT)))
    assert ((gap - truth).abs() > 5 * error).any()


def test_kl_is_the_closed_form():
    net = Linear()
    x = torch.randn(7, 1, 1, PIXELS)
    mean, log_var = net.encode(x)
    truth = kl_divergence(Normal(mean, (log_var / 2).exp()), Normal(0.0, 1.0)).sum(1)
    assert torch.allclose(Variational(net, Prior(LATENT)).bound(net, {"image": x}).kl, truth, rtol=1e-12)
    assert not torch.allclose(kl_divergence(Normal(mean, log_var.exp()), Normal(0.0, 1.0)).sum(1), truth), "σ, not σ²"


def slopes(game, net, x, draws):
    """Gradient of the mean reconstruction part, of many draws, by the encoder's parameters."""
    part = game.bound(net, {"image": x.repeat(draws, 1, 1, 1)}).reconstruction.mean()
    return torch.autograd.grad(part, (net.V, net.log_var), allow_unused=True)


def reconstruction_in_closed_form(net, x):
    """E over q(z|x) of −ln p(x|z): squared distance of the means plus tr(W diag(s²) Wᵀ)."""
    mean, log_var = net.encode(x)
    error = ((x.flatten(1) - mean @ net.W.T - net.b) ** 2).sum(1) + (log_var.exp() * (net.W**2).sum(0)).sum(1)
    return (error / (2 * SIGMA**2) + PIXELS / 2 * math.log(2 * math.pi * SIGMA**2)).mean()


def test_the_gradient_passes_through_the_draw_of_z():
    net, x = Linear(), torch.randn(4, 1, 1, PIXELS)
    truth = torch.autograd.grad(reconstruction_in_closed_form(net, x), (net.V, net.log_var))
    for found, known in zip(slopes(Variational(net, Prior(LATENT)), net, x, 20_000), truth, strict=True):
        assert torch.allclose(found, known, atol=0.03 * float(known.abs().max()))


def test_negative_control_a_detached_draw_teaches_the_encoder_nothing(monkeypatch):
    net, x = Linear(), torch.randn(4, 1, 1, PIXELS)
    game = Variational(net, Prior(LATENT))
    monkeypatch.setattr(game, "imagine", lambda G, z, batch: G(z.detach()))
    assert slopes(game, net, x, 10) == (None, None)


def test_training_ends_at_the_maximum_likelihood():
    """A linear VAE's optimum is probabilistic PCA's, with the likeliest σ (Lucas et al. 2019, theorem 1)."""
    truth = MultivariateNormal(torch.zeros(PIXELS), torch.diag(torch.tensor([4.0, 2.0, 0.09, 0.09, 0.09, 0.09])))
    x = truth.sample((400,))
    values = torch.linalg.eigvalsh(torch.cov(x.T, correction=0)).flip(0)
    noise = values[LATENT:].mean()  # Tipping & Bishop 1999, eqs. 7 and 8
    best = -0.5 * (PIXELS * math.log(2 * math.pi) + values[:LATENT].log().sum() + 4 * noise.log() + PIXELS)
    net = Linear(sigma=0.0)
    game, optimiser = Variational(net, Prior(LATENT)), torch.optim.Adam(net.parameters(), 0.02)
    for step in range(1500):
        optimiser.param_groups[0]["lr"] = 0.02 * (1 - step / 1500)
        (move,) = game.round(iter([{"image": x.view(-1, 1, 1, PIXELS)}]), Clock(0, 0, 1))
        optimiser.zero_grad()
        move.loss.backward()
        optimiser.step()
    with torch.no_grad():
        many = x.view(-1, 1, 1, PIXELS).repeat(50, 1, 1, 1)
        elbo = float(game.bound(net, {"image": many}).elbo.mean())
    assert elbo == pytest.approx(float(best), abs=0.02) and elbo < best + 0.01
    assert float(truth.log_prob(x).mean()) < best, "the maximum over all models is above the true one"


def test_a_round_is_one_move_of_one_player_and_reports_the_bound():
    net, x = Linear(), torch.randn(8, 1, 1, PIXELS)
    for beta in (1.0, 4.0):
        torch.manual_seed(1)
        game = Variational(net, Prior(LATENT), beta, step=0.1)
        (move,) = game.round(iter([{"image": x}]), Clock(0, 0, 1))
        seen = {name: float(value.detach()) for name, value in move.seen.items()}
        assert move.player == "G" and game.players == {"G": net}
        assert seen["elbo"] == pytest.approx(-seen["reconstruction"] - seen["kl"], rel=1e-12)
        assert float(move.loss.detach()) == pytest.approx(seen["reconstruction"] + beta * seen["kl"], rel=1e-12)
        assert seen["bits_per_dim"] == pytest.approx(float(bits_per_dim(move.seen["elbo"].detach(), PIXELS, 0.1)))
    (move,) = Variational(net, Prior(LATENT)).round(iter([{"image": x}]), Clock(0, 0, 1))
    assert "bits_per_dim" not in move.seen, "continuous data have no levels to count bits for"


def test_bits_per_dimension_of_a_uniform_density_are_the_bits_of_the_levels():
    """256 levels over [−1, 1]: the uniform density on the cells costs log2 256 = 8 bits, an exact point of the scale."""
    step = 2 / 255
    nats = torch.tensor(-10 * math.log(256 * step))  # ten pixels, each uniform over 256 cells of width `step`
    assert float(bits_per_dim(nats, 10, step)) == pytest.approx(8.0, abs=1e-12)


def test_grey_levels_get_noise_of_their_own_width(monkeypatch):
    seen = []
    net, x = Linear(), torch.zeros(2000, 1, 1, PIXELS)
    monkeypatch.setattr(net, "encode", lambda x: seen.append(x) or Linear.encode(net, x))
    Variational(net, Prior(LATENT), step=0.2).bound(net, {"image": x})
    Variational(net, Prior(LATENT)).bound(net, {"image": x})
    noisy, plain = seen
    assert float(noisy.min()) == pytest.approx(-0.1, abs=1e-3) and float(noisy.max()) == pytest.approx(0.1, abs=1e-3)
    assert float(noisy.var()) == pytest.approx(0.2**2 / 12, rel=0.05) and torch.equal(plain, x)


def test_what_a_snapshot_needs_to_call_its_generator():
    assert Variational(Linear(), Prior(LATENT), conditional=True).to_json() == {
        "game": "Variational",
        "conditional": True,
    }
    assert variational.Variational.needs == {"image"}
