"""CycleGAN's game: its objective term by term, its order, its pool, and that no pair is ever made."""

import itertools

import pytest
import torch
from torch import nn

from ganvas.play.losses import LOSSES
from ganvas.play.schedules import Clock
from ganvas.play.unpaired import Unpaired
from tests.play.test_paired import Scaled, Sums

CLOCK = Clock(0, 0, 100)


class Ways(nn.Module):
    def __init__(self):
        super().__init__()
        self.ab, self.ba = Scaled(0.5), Scaled(3.0)


def game(**options):
    return Unpaired(Ways(), nn.ModuleDict({"a": Sums(1), "b": Sums(1)}), **options)


def batch(seed=0, n=2):
    torch.manual_seed(seed)
    return {"a": torch.rand(n, 1, 8, 8), "b": torch.rand(n, 1, 8, 8)}


def test_the_objective_is_the_papers():
    """Eq. 3 with least squares, λ 10 both ways and identity ½ · 10; D's losses halved; generators first."""
    both = batch()
    x, y = both["a"], both["b"]
    generators, judges = game().round(iter([both]), CLOCK)
    fake_b, fake_a = 0.5 * x, 3 * y
    adversarial = (fake_b - 1).square().mean() + (fake_a - 1).square().mean()
    cycle = (3 * fake_b - x).abs().mean() + (0.5 * fake_a - y).abs().mean()
    identity = (0.5 * y - y).abs().mean() + (3 * x - x).abs().mean()
    assert generators.player == "G" and judges.player == "D"
    assert generators.loss.item() == pytest.approx(float(adversarial + 10 * cycle + 5 * identity), rel=1e-5)
    halves = [(x - 1).square().mean() + fake_a.square().mean(), (y - 1).square().mean() + fake_b.square().mean()]
    assert judges.loss.item() == pytest.approx(float(sum(halves)) / 2, rel=1e-5)


def test_without_identity_it_is_not_computed():
    both, played = batch(), game(identity=0.0)
    move = next(played.round(iter([both]), CLOCK))
    assert "identity" not in move.seen and played.G.ab.calls == 2


def test_judges_are_shown_older_fakes_which_carry_no_gradient():
    torch.manual_seed(0)
    played, shown = game(pool=4), []
    for k in range(12):
        both = batch(k)
        _, move = played.round(iter([both]), CLOCK)
        shown.append(torch.equal(move.seen["fake"][: both["a"].numel()], (3 * both["b"]).flatten()))
        assert all(g is None for g in torch.autograd.grad(move.loss, list(played.G.parameters()), allow_unused=True))
    assert all(shown[:2]) and not all(shown[2:]), "four places are filled first; then half come from the past"
    none = game(pool=0)
    _, move = none.round(iter([both]), CLOCK)
    assert torch.equal(move.seen["fake"][: both["a"].numel()], (3 * both["b"]).flatten())


def test_the_pool_is_part_of_a_checkpoint():
    played = game(pool=4)
    for k in range(3):
        list(played.round(iter([batch(k)]), CLOCK))
    again = game(pool=4)
    again.load_state_dict(played.state_dict())
    fresh = game(pool=4)
    losses = []
    for one in (played, again, fresh):
        torch.manual_seed(5)
        _, move = one.round(iter([batch(9)]), CLOCK)
        losses.append(move.loss.item())
    assert losses[0] == losses[1] != losses[2], "control: without the pool the judges see other fakes"


@pytest.mark.parametrize("loss", LOSSES)
def test_every_adversarial_loss_plays(loss):
    moves = list(game(loss=LOSSES[loss]).round(itertools.repeat(batch()), CLOCK))
    assert all(move.loss.isfinite() for move in moves)


def test_both_directions_are_imagined():
    both, played = batch(), game()
    assert torch.equal(played.imagine(played.G, None, {"a": both["a"]}), 0.5 * both["a"])
    assert torch.equal(played.imagine(played.G, None, {"b": both["b"]}), 3 * both["b"])
