"""pix2pix's game: its loss term by term, its jitter, who sees what."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from ganvas.play.augment import DiffAugment
from ganvas.play.jitter import Jitter
from ganvas.play.losses import LOSSES
from ganvas.play.paired import Content, Paired, l1
from ganvas.play.schedules import Clock

CLOCK = Clock(0, 0, 100)


class Scaled(nn.Module):
    """x times a number: a generator that one can compute by hand."""

    def __init__(self, by=0.5):
        super().__init__()
        self.by = nn.Parameter(torch.tensor(by))
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return self.by * x


class Sums(nn.Module):
    """Logits N×1×H×W: the channels, each with its own weight."""

    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.arange(1.0, channels + 1))

    def forward(self, x):
        return (x * self.weight[:, None, None]).sum(1, keepdim=True)


def batches(n=2, side=8):
    torch.manual_seed(0)
    return itertools.repeat({"a": torch.rand(n, 1, side, side), "b": torch.rand(n, 1, side, side)})


def test_the_losses_are_the_papers():
    """Eq. 1, 3, 4 with the non-saturating G and ½ L_D (section 3.3)."""
    G, D, batch = Scaled(), Sums(2), next(batches())
    first, second = Paired(G, D).round(iter([batch]), CLOCK)
    x, y, fake = batch["a"], batch["b"], 0.5 * batch["a"]
    real, made = x + 2 * y, x + 2 * fake
    assert first.player == "D" and second.player == "G"
    assert first.loss.item() == pytest.approx(float(0.5 * (softplus(-real) + softplus(made)).mean()), rel=1e-6)
    assert second.loss.item() == pytest.approx(float(softplus(-made).mean() + 100 * (y - fake).abs().mean()), rel=1e-6)
    assert G.calls == 1, "both players answer the same fake"
    assert set(second.seen) == {"fake", "adversarial", "l1"}


def test_a_discriminator_that_is_not_told_sees_the_target_alone():
    batch = next(batches())
    game = Paired(Scaled(), Sums(1), told=False, content=())
    move = next(game.round(iter([batch]), CLOCK))
    assert torch.equal(move.seen["real"], batch["b"])


def test_the_other_direction():
    batch = next(batches())
    game = Paired(Scaled(), Sums(2), source="b", target="a", content=(Content("l1", 1.0, l1),))
    *_, move = game.round(iter([batch]), CLOCK)
    assert move.seen["l1"].item() == pytest.approx(float((batch["a"] - 0.5 * batch["b"]).abs().mean()))
    assert torch.equal(game.imagine(game.G, None, batch), 0.5 * batch["b"])


@pytest.mark.parametrize("loss", LOSSES)
def test_every_adversarial_loss_plays(loss):
    *_, move = Paired(Scaled(), Sums(2), loss=LOSSES[loss]).round(batches(), CLOCK)
    assert move.loss.isfinite() and ("real" in move.seen) == LOSSES[loss].relativistic


def test_jitter_moves_both_pictures_alike():
    torch.manual_seed(1)
    a = torch.rand(6, 3, 32, 24)
    one, other = Jitter()(a, a.clone())
    assert torch.equal(one, other) and one.shape == a.shape and not torch.equal(one, a)
    torch.manual_seed(2)
    apart, _ = Jitter()(a, a)
    assert not torch.equal(one, apart), "control: another draw is another crop"
    assert a.min() <= one.min() and one.max() <= a.max()


def test_jitter_without_scale_only_mirrors():
    a = torch.rand(40, 1, 8, 8)
    (moved,) = Jitter(1.0)(a)
    mirrored = [torch.equal(m, x.flip(2)) for m, x in zip(moved, a, strict=True)]
    still = [torch.equal(m, x) for m, x in zip(moved, a, strict=True)]
    assert all(m != s for m, s in zip(mirrored, still, strict=True)) and 8 < sum(mirrored) < 32
    assert torch.equal(Jitter(1.0, mirror=False)(a)[0], a)


def test_crops_come_from_everywhere():
    """A ramp tells where a crop was taken: of 36 → 32 there are five places an axis."""
    ramp = torch.arange(32.0).expand(200, 1, 32, 32)
    (moved,) = Jitter(36 / 32, mirror=False)(ramp)
    assert len({round(float(m[0, 16, 16]), 3) for m in moved}) == 5


def test_augmentation_sees_source_and_target_on_top_of_each_other():
    """Moved apart, a pair would be no pair any more: the shift of both is one."""
    from ganvas.play.augment import translation

    x = torch.rand(4, 1, 16, 16)
    shown = Paired(Scaled(), Sums(2), augment=DiffAugment((translation,))).shown(x, x)
    assert torch.equal(shown[:, :1], shown[:, 1:]) and not torch.equal(shown[:, :1], x)
