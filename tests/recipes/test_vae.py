"""The explicit-density baseline: its networks, its likeliest variance, and the way from a run to pictures and densities."""

import numpy as np
import pytest
import torch

import ganvas
from ganvas.cli.main import main
from ganvas.errors import BadInput
from ganvas.nets.dcgan import DCGANGenerator
from ganvas.nets.vae import VAE, Spread
from ganvas.play.variational import Variational
from ganvas.training.trainer import Trainer
from tests.conftest import strokes, toy


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vae")
    np.save(folder / "strokes.npy", strokes(120))
    arguments = {"width": 4, "latent": 4, "batch": 8, "images": 960, "lr": 3e-3, "sigma": 0.3}
    return ganvas.train("vae", data=str(folder / "strokes.npy"), run=folder / "run", threads=1, quiet=True, **arguments)


def test_the_decoder_is_dcgans_generator(source):
    net = toy("vae", source.spec)[0].game.G
    other = toy("dcgan", source.spec)[0].game.G
    assert isinstance(net.decoder, DCGANGenerator) and str(net.decoder) == str(other)
    z = torch.randn(3, 4)
    assert torch.equal(net.eval()(z), net.decoder(z))
    mean, log_var = net.encode(torch.zeros(3, *source.spec.shape))
    assert mean.shape == log_var.shape == (3, 4)


def test_a_posterior_depends_on_its_own_image_alone(source):
    net = toy("vae", source.spec)[0].game.G.train()
    x = torch.randn(6, *source.spec.shape)
    assert torch.allclose(net.encode(x)[0][:1], net.encode(x[:1])[0], atol=1e-6)
    batch_normed = toy("dcgan", source.spec)[0].game.D.train()  # negative control: what DCGAN's own mirror would do
    assert not torch.allclose(batch_normed(x)[:1], batch_normed(torch.cat([x[:1], x[:2]]))[:1], atol=1e-6)


def test_both_are_told_the_label(source):
    net = toy("vae", source.spec, conditional=True)[0].game.G.eval()
    x, z, first, second = (
        torch.randn(2, *source.spec.shape),
        torch.randn(2, 4),
        torch.tensor([0, 0]),
        torch.tensor([1, 2]),
    )
    with torch.no_grad():
        for p in net.parameters():  # conditional BatchNorm begins as if there were no label
            p.add_(0.05 * torch.randn_like(p))
    assert not torch.equal(net.encode(x, first)[0], net.encode(x, second)[0])
    assert not torch.equal(net(z, first), net(z, second))


def test_the_likeliest_variance_is_the_batchs_and_then_its_running_mean():
    spread, error = Spread(), torch.rand(5, 1, 4, 4)
    spread.train()
    assert float(spread(error)) == pytest.approx(float(error.mean()))
    assert not spread(error.clone().requires_grad_()).requires_grad
    for _ in range(200):
        spread(error)
    assert float(spread.eval()(torch.zeros(3))) == pytest.approx(float(error.mean()), rel=1e-5)
    fixed = Spread(sigma=0.5)
    assert float(fixed(error)) == float(fixed.eval()(error)) == 0.25
    others = [float((error / v + v.log()).mean()) for v in (error.mean() * 0.9, error.mean() * 1.1)]
    assert float((error / error.mean() + error.mean().log()).mean()) < min(others), "−2 ln p is least there"


def test_training_raises_the_bound_and_a_wrong_sign_is_seen(source):
    def ends(sign):
        trainer = Trainer(toy("vae", source.spec, images=1600, lr=1e-3), source)
        bound = trainer.game.bound
        trainer.game.bound = lambda G, batch: (b := bound(G, batch))._replace(reconstruction=sign * b.reconstruction)
        means = [tick.means["G/reconstruction"] * sign for tick in trainer.ticks(every=400) if tick.whole]
        return means[0], means[-1]

    first, last = ends(1)
    assert last < first - 20, "nats an image"
    first, last = ends(-1)
    assert last > first, "negative control"


def test_from_a_run_to_pictures_and_densities(run):
    G = ganvas.load(run.folder)
    assert isinstance(G.net, VAE) and isinstance(G.game, Variational) and not G.net.training
    pictures = np.asarray(G.sample(5, seed=3))
    assert pictures.shape == (5, 1, 28, 28) and pictures.dtype == np.uint8
    assert np.array_equal(pictures[2:4], np.asarray(G.sample(2, seed=3, first=2)))
    x = torch.from_numpy(strokes(120)).float() / 127.5 - 1
    noise = torch.rand(120, 1, 28, 28) * 2 - 1
    with torch.no_grad():
        likely, unlikely = (G.game.bound(G.net, {"image": images}).elbo for images in (x, noise))
        again = G.net(G.net.encode(x)[0])
    assert likely.shape == (120,) and likely.mean() > unlikely.mean() + 100
    assert ((again - x) ** 2).mean() < ((again - x.roll(1, 0)) ** 2).mean(), "a code is of its own image"


def test_what_the_run_says_of_itself(run):
    row = run.log[-1]
    assert {"G/elbo", "G/kl", "G/reconstruction", "G/bits_per_dim", "G/loss"} <= set(row)
    assert not any(key.startswith("D/") for key in row)
    page = (run.folder / "report.html").read_text()
    assert "nats an image" in page and "The bound on −ln p(x) and its two parts" in page
    for untrue in ("equilibrium", "D(x)", "discriminator believes", "starved", "tells real from"):
        assert untrue not in page, untrue


def test_bits_are_counted_for_grey_levels_only(source):
    from dataclasses import replace

    assert toy("vae", source.spec)[0].game.step == pytest.approx(2 / 255)
    deep = replace(source.spec, bits=16, range=(0, 65535))
    assert toy("vae", deep)[0].game.step == pytest.approx(2 / 65535)
    assert toy("vae", replace(source.spec, bits=32, range=(0.0, 1.0)))[0].game.step == 0


def test_what_cannot_be_is_refused_in_one_line(source, tmp_path, capsys):
    with pytest.raises(BadInput, match="--kernel is 4 or 5 for vae"):
        toy("vae", source.spec, kernel=3)
    assert main(["train", "vae", "--loss", "hinge", "--data", "digits", "--run", str(tmp_path / "no")]) == 2
    said = capsys.readouterr().err.strip()
    assert "--loss" in said and len(said.splitlines()) == 1
