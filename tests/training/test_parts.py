"""Micro-batches: the parts of a batch make the same step as the whole, unless a layer looks across them."""

import pytest
import torch

from ganvas import luck
from ganvas.errors import BadInput
from ganvas.play import augment
from ganvas.play.latent import Normal
from ganvas.training.parts import caveats, parts_of
from ganvas.training.trainer import Trainer
from tests.conftest import source_of, toy


def weights(name, source, micro_batch, rounds=3, p=None, **arguments):
    """A recipe's weights and last log after some rounds of 8, in double precision. p: what ADA starts from."""
    torch.set_default_dtype(torch.float64)
    try:
        trainer = Trainer(toy(name, source.spec, **arguments), source, micro_batch=micro_batch)
        if p is not None:
            trainer.game.augment.p = p
        for _ in range(rounds):
            trainer.play()
        found = torch.cat([p.detach().flatten() for player in trainer.players.values() for p in player.params])
        return found, trainer._means()
    finally:
        torch.set_default_dtype(torch.float32)


WHOLE = {
    "gan_dropout": {},  # dropout masks
    "cgan": {},  # simultaneous moves, labels
    "wgan_gp": {"conditional": True},  # points between real and fake, several critic moves
    "r1": {"augment": "diffaugment"},
    "pix2pix": {"norm": "instance", "dropout": 0.5},  # jitter, dropout
    "cyclegan": {},  # the pool of earlier fakes; see LOOSE
    "r3gan": {"augment": "ada", "p": 0.5, "rounds": 9},  # two corrections of p
}


LOOSE = {
    "cyclegan": 1e-8
}  # Adam's steps where a norm leaves a bias no gradient: its sign is rounding, and jitter's was 8e-4


@pytest.mark.parametrize("micro_batch", [1, 4])
@pytest.mark.parametrize("name", WHOLE)
def test_parts_equal_the_whole(name, micro_batch, source):
    whole, log = weights(name, source, None, **WHOLE[name])
    parts, its_log = weights(name, source, micro_batch, **WHOLE[name])
    assert torch.allclose(whole, parts, rtol=0, atol=LOOSE.get(name, 1e-12)), float((whole - parts).abs().max())
    assert log == pytest.approx(its_log, rel=1e-9, abs=LOOSE.get(name))


def test_negative_control_unsliced_noise_is_caught(source, monkeypatch):
    whole, _ = weights("r1", source, None)
    monkeypatch.setattr(Normal, "draw", lambda self, n, device="cpu": torch.randn(n, self.dim, device=device))
    parts, _ = weights("r1", source, 4)
    assert not torch.allclose(whole, parts, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("p", "seen"), [(0.5, True), (None, False)])
def test_negative_control_augmentation_that_is_cut_differently_is_caught_where_it_happens(p, seen, source, monkeypatch):
    monkeypatch.setattr(augment, "_coins", lambda x: torch.rand(len(x), 1, 1, 1))
    whole, _ = weights("r3gan", source, None, augment="ada", p=p)
    parts, _ = weights("r3gan", source, 4, augment="ada", p=p)
    assert torch.allclose(whole, parts, rtol=0, atol=1e-6) != seen


def test_batchnorm_differs_and_it_is_said(source):
    whole, _ = weights("dcgan", source, None)
    parts, _ = weights("dcgan", source, 4)
    assert not torch.allclose(whole, parts, rtol=0, atol=1e-9)
    (told,) = caveats(toy("dcgan", source.spec)[0], 4)
    assert "BatchNorm2d of G" in told and "BatchNorm2d of D" in told
    pairs = source_of("pairs").spec
    (told,) = caveats(toy("pix2pix", pairs)[0], 4)
    assert "Norm of G, Norm of D" in told and not caveats(toy("pix2pix", pairs, norm="instance")[0], 4)
    (told,) = caveats(toy("sngan", source.spec)[0], 4)
    assert "spectral norm of D" in told
    assert not caveats(toy("r1", source.spec)[0], 4)


def test_parts_must_be_equal(source):
    assert (parts_of(64, None), parts_of(64, 64), parts_of(64, 100), parts_of(64, 16)) == (1, 1, 1, 4)
    with pytest.raises(BadInput, match="choose 16 or 32"):
        parts_of(64, 24)
    with pytest.raises(BadInput, match="multiple of the pack"):
        caveats(toy("pacgan", source.spec)[0], 1)


def test_rows_are_those_of_the_whole_batch():
    torch.manual_seed(0)
    whole = luck.rows(lambda n: torch.randn(n, 3), 6)
    found = []
    for k in range(3):
        torch.manual_seed(0)
        with luck.part(k, 3):
            found.append(luck.rows(lambda n: torch.randn(n, 3), 2))
    assert torch.equal(torch.cat(found), whole)
