"""Each recipe's defaults against its paper or its authors' code, the numbers typed here by hand (SCIENCE, section 1)."""

import math

import pytest
import torch

from ganvas.data.source import DataSpec, View
from ganvas.nets.whole import Noise
from ganvas.play.latent import Classify, Normal, Uniform
from ganvas.play.losses import LOSSES
from ganvas.play.penalties import ClipWeights, MaxNorm, around, between, fake, free, real
from ganvas.play.schedules import Clock
from ganvas.recipes.table import RECIPES

GREY28, COLOUR32, COLOUR64 = (
    DataSpec("paper", ("image", "label"), shape, n=60_000, held_out=6_000, classes=tuple("0123456789"))
    for shape in ((1, 28, 28), (3, 32, 32), (3, 64, 64))
)
HALF = math.sqrt(3)

# optimiser of both players, first learning rate of G and of D, Adam's betas, prior, batch; critic moves in some rounds
ADAM, SGD, RMS = torch.optim.Adam, torch.optim.SGD, torch.optim.RMSprop
ADAM2E4 = {"optimizer": ADAM, "lr": (2e-4, 2e-4), "betas": (0.5, 0.999)}
PAPERS = {
    "cgan": {"data": GREY28, "optimizer": SGD, "lr": (0.1, 0.05), "prior": Uniform(100, 0, 1), "batch": 100},
    "dcgan": ADAM2E4 | {"data": COLOUR64, "prior": Normal(100), "batch": 128},
    "lsgan": ADAM2E4 | {"data": COLOUR64, "prior": Normal(100), "batch": 64},
    "wgan": {
        "data": COLOUR64, "optimizer": RMS, "lr": (5e-5, 5e-5), "prior": Normal(100), "batch": 64,
        "critic": {0: 100, 24: 100, 25: 5, 499: 5, 500: 100, 501: 5, 1000: 100},
    },
    "wgan_gp": {
        "data": GREY28, "optimizer": ADAM, "lr": (1e-4, 1e-4), "betas": (0.5, 0.9), "prior": Normal(128), "batch": 50,
        "critic": {0: 5, 777: 5}, "penalties": [(10.0, between, 1.0, 1)],
    },
    "dragan": {
        "data": COLOUR64, "optimizer": ADAM, "lr": (2e-4, 2e-4), "betas": (0.5, 0.999), "prior": Normal(100), "batch": 64,
        "penalties": [(10.0, around, 1.0, 1)],
    },
    "sngan": ADAM2E4 | {"data": COLOUR32, "prior": Normal(128), "batch": 64},
    "r1": {
        "data": COLOUR64, "optimizer": RMS, "lr": (1e-4, 1e-4), "prior": Normal(256), "batch": 64,
        "penalties": [(10.0, real, 0.0, 1)],
    },
    "r3gan": {
        "data": COLOUR32, "arguments": {"preset": "cifar10", "widths": (16, 16, 16, 16)}, "optimizer": ADAM, "lr": (2e-4, 2e-4),
        "betas": (0.0, 0.9), "prior": Normal(64), "batch": 512, "penalties": [(0.025, real, 0.0, 1), (0.025, fake, 0.0, 1)],
    },
}  # fmt: skip


def phase_of(name, spec, **arguments):
    torch.manual_seed(0)
    (phase,) = RECIPES[name](spec, **arguments)
    return phase


@pytest.mark.parametrize("name", PAPERS)
def test_a_recipe_is_its_paper(name, monkeypatch):
    paper = PAPERS[name]
    monkeypatch.setattr(DataSpec, "mean_image", lambda self: torch.full(self.shape, 0.1).numpy())
    phase = phase_of(name, paper["data"], **paper.get("arguments", {}))
    start, game = Clock(0, 0, phase.images), phase.game
    assert (game.prior, phase.batch) == (paper["prior"], paper["batch"])
    for player, rate in zip("GD", paper["lr"], strict=True):
        how = phase.optimizers[player]
        optimizer = how.build([torch.nn.Parameter(torch.zeros(1))])
        assert type(optimizer) is paper["optimizer"] and how.schedules["lr"](start) == pytest.approx(rate)
        if "betas" in paper:
            betas = how.schedules["betas"](start) if "betas" in how.schedules else optimizer.param_groups[0]["betas"]
            assert betas == paper["betas"]
    for round, moves in paper.get("critic", {0: 1, 777: 1}).items():
        assert game.n_critic(start._replace(round=round)) == moves
    found = [(p.weight(start), p.at, p.target, p.every) for p in game.penalties]
    assert found == paper.get("penalties", [])


def test_what_the_table_does_not_hold(monkeypatch):
    monkeypatch.setattr(DataSpec, "mean_image", lambda self: torch.full(self.shape, 0.1).numpy())
    clip = phase_of("wgan", COLOUR64).game.constraint
    assert isinstance(clip, ClipWeights) and clip.bound == 0.01
    old = phase_of("gan_2014", GREY28)
    assert old.game.constraint is free and old.game.simultaneous, "mnist.yaml bounds no weights"
    bound = phase_of("gan_2014", GREY28, max_norm=1.9).game.constraint
    assert isinstance(bound, MaxNorm) and bound.bound == 1.9
    assert (old.game.prior.low, old.game.prior.high) == pytest.approx((-HALF, HALF)) and old.pixels == (0.0, 1.0)
    half, end = Clock(1_500_000, 9, 3_000_000), Clock(3_000_000, 9, 3_000_000)
    rate = phase_of("sngan", COLOUR32).optimizers["D"].schedules["lr"]
    assert (rate(half), rate(end)) == pytest.approx((1e-4, 0.0)), "SNGAN's rate falls from the start"
    res = phase_of("wgan_gp", COLOUR32)
    assert res.game.g_times == 2 and res.pixels == (-1.0, 1.0) and phase_of("wgan_gp", GREY28).pixels == (0.0, 1.0)
    assert phase_of("acgan", GREY28).game.classify == Classify(1.0, 1.0)
    modern = phase_of("r3gan", COLOUR32, preset="cifar10", widths=(16,) * 4)
    done = Clock(20_000_000, 9, 250_000_000)  # the end of the burn-in
    schedules, (penalty, _) = modern.optimizers["G"].schedules, modern.game.penalties
    assert schedules["lr"](done) == pytest.approx(5e-5) and schedules["betas"](done) == pytest.approx((0.0, 0.99))
    assert penalty.weight(done) == pytest.approx(0.005 / 2)


PAIRS, SMALL = (
    DataSpec("paper", ("a", "b"), shape, n=400, views=(View("a", shape, (0, 255), 8), View("b", shape, (0, 255), 8)))
    for shape in ((3, 256, 256), (3, 128, 128))
)


@pytest.mark.parametrize("name", ["pix2pix", "cyclegan"])
def test_a_translator_is_its_paper(name):
    """Isola et al. 2017, sections 3 and 6; Zhu et al. 2017, sections 4 and 7.1, and the authors' code of both."""
    phase = phase_of(name, PAIRS)
    game, half = phase.game, phase.images // 2
    assert phase.batch == 1 and game.d_weight == 0.5 and game.jitter.scale == 286 / 256 and game.jitter.mirror
    for player in "GD":
        how = phase.optimizers[player]
        optimizer = how.build([torch.nn.Parameter(torch.zeros(1))])
        assert type(optimizer) is ADAM and optimizer.param_groups[0]["betas"] == (0.5, 0.999)
        rates = [how.schedules["lr"](Clock(n, n, phase.images)) for n in (0, half, half + half // 2, phase.images)]
        assert rates == pytest.approx([2e-4, 2e-4, 1e-4, 0.0])
    judges = game.D.values() if name == "cyclegan" else [game.D]
    channels = 3 if name == "cyclegan" else 6  # the conditional one sees the source too
    for D in judges:  # C64-C128-C256-C512 and a logit: patches of 70
        layers = [m for m in D.modules() if isinstance(m, torch.nn.Conv2d)]
        shapes = [(m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0]) for m in layers]
        assert shapes == [(channels, 64, 4, 2), (64, 128, 4, 2), (128, 256, 4, 2), (256, 512, 4, 1), (512, 1, 4, 1)]
    if name == "pix2pix":
        (content,) = game.content
        assert game.loss is LOSSES["non_saturating"] and content.weight == 100 and phase.images == 80_000
        assert {m.p for m in game.G.modules() if isinstance(m, Noise)} == {0.5}
    else:
        assert game.loss is LOSSES["least_squares"] and (game.cycle, game.identity, game.pool) == (10, 5, 50)
        assert phase.images == 200_000 and [sum(p.numel() for p in G.parameters()) for G in (game.G.ab, game.G.ba)] == [
            11_378_179,
            11_378_179,
        ], "the authors' ResNet of nine blocks, without learned norms"
        assert sum(p.numel() for p in phase_of(name, SMALL).game.G.ab.parameters()) < 8_000_000, "six blocks below 256"


def conv(before, after, k, bias=True):
    return before * after * k * k + after * bias


COUNTS = {
    # 3,576,704 and 2,765,568 are what the PyTorch DCGAN tutorial's networks have
    "dcgan": (COLOUR64, {"width": 64}, 3_576_704, 2_765_568),
    "wgan": (COLOUR64, {}, 3_576_704, 2_765_568),
    "cgan": (
        GREY28,
        {},
        conv(100, 200, 1) + conv(10, 1000, 1) + conv(1200, 1200, 1) + conv(1200, 784, 1),
        conv(784, 1200, 1) + conv(10, 250, 1) + conv(290, 960, 1) + conv(240, 1, 1),
    ),
    "wgan_gp": (
        GREY28,
        {},
        conv(128, 4096, 1) + conv(256, 128, 5) + conv(128, 64, 5) + conv(64, 1, 5),
        conv(1, 64, 5) + conv(64, 128, 5) + conv(128, 256, 5) + conv(4096, 1, 1),
    ),
}


@pytest.mark.parametrize("name", COUNTS)
def test_networks_have_as_many_parameters_as_published(name, monkeypatch):
    monkeypatch.setattr(DataSpec, "mean_image", lambda self: torch.full(self.shape, 0.1).numpy())
    spec, arguments, G, D = COUNTS[name]
    game = phase_of(name, spec, **arguments).game
    assert [sum(p.numel() for p in net.parameters()) for net in (game.G, game.D)] == [G, D]


def test_the_critic_of_wgan_gp_at_64_pixels_is_the_published_one():
    D = phase_of("wgan_gp", COLOUR64).game.D
    assert sum(p.numel() for p in D.parameters()) == 7_491_841, "gan_64x64.GoodDiscriminator"


def test_negative_control_a_wrong_warm_start_is_seen():
    game = phase_of("wgan", COLOUR64, opening=5).game
    assert game.n_critic(Clock(0, 0, 1)) != PAPERS["wgan"]["critic"][0]
