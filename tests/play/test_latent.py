"""The order of a round, the image pool, priors and schedules."""

import pytest
import torch
from torch import nn

from ganvas.play import schedules
from ganvas.play.latent import Latent, Normal, Uniform, prior_from_json
from ganvas.play.penalties import ClipWeights
from ganvas.play.pool import ImagePool
from ganvas.play.schedules import Clock


def game(**options):
    G = nn.Sequential(nn.Linear(3, 4), nn.Unflatten(1, (1, 2, 2)))
    return Latent(G, nn.Sequential(nn.Flatten(), nn.Linear(4, 1)), Normal(3), **options)


def batches(drawn):
    while True:
        drawn.append(1)
        yield {"image": torch.randn(5, 1, 2, 2)}


def test_n_critic_moves_each_on_a_new_batch():
    drawn = []
    moves = list(game(n_critic=schedules.constant(3)).round(batches(drawn), Clock(0, 0, 1)))
    assert [m.player for m in moves] == ["D", "D", "D", "G"] and len(drawn) == 3


def test_every_gradient_sees_clipped_weights():
    """Weights are blown up after each yield, as a step would; at the next yield they are within ±c again."""
    g = game(n_critic=schedules.constant(2), constraint=ClipWeights(0.01))
    for move in g.round(batches([]), Clock(0, 0, 1)):
        assert max(p.abs().max() for p in g.D.parameters()) <= 0.01, move.player
        with torch.no_grad():
            for p in g.D.parameters():
                p.fill_(3.0)


def test_simultaneous_moves_leave_clipped_weights():
    g = game(simultaneous=True, constraint=ClipWeights(0.01))
    for _ in g.round(batches([]), Clock(0, 0, 1)):
        with torch.no_grad():
            for p in g.D.parameters():
                p.fill_(3.0)
    assert max(p.abs().max() for p in g.D.parameters()) <= 0.01


def test_fakes_cannot_be_reused_in_a_larger_batch():
    with pytest.raises(ValueError, match="reuse or g_times"):
        game(reuse=True, g_times=2)
    assert game(reuse=True).reuse and game(g_times=2).g_times == 2


def test_simultaneous_is_one_tuple_on_the_same_fakes():
    (together,) = game(simultaneous=True).round(batches([]), Clock(0, 0, 1))
    assert [m.player for m in together] == ["D", "G"]
    assert torch.equal(together[0].seen["fake"], together[1].seen["fake"])


def test_turns_draw_new_noise_unless_fakes_are_reused():
    judge, fool = game().round(batches([]), Clock(0, 0, 1))
    assert not torch.equal(judge.seen["fake"], fool.seen["fake"])
    judge, fool = game(reuse=True).round(batches([]), Clock(0, 0, 1))
    assert torch.equal(judge.seen["fake"], fool.seen["fake"])


def test_the_pool_returns_old_images_half_of_the_time():
    torch.manual_seed(0)
    pool = ImagePool(50)
    first = torch.arange(50.0).view(50, 1, 1, 1).requires_grad_()
    assert torch.equal(pool(first), first.detach()) and not pool(first[:1]).requires_grad
    new = pool(torch.full((4000, 1, 1, 1), -1.0) - torch.arange(4000.0).view(-1, 1, 1, 1))
    own = (new.flatten() == -1 - torch.arange(4000.0)).float().mean()
    assert 0.45 < own < 0.55
    assert len(pool.images) == 50
    assert torch.equal(ImagePool(0)(first), first.detach()), "size 0 gives the fakes straight back"


def test_the_pool_resumes():
    def go_on(pool, seed):
        torch.manual_seed(seed)
        return pool(torch.randn(20, 1, 2, 2))

    a, b = ImagePool(10), ImagePool(10)
    go_on(a, 0)
    b.load_state_dict(a.state_dict())
    assert torch.equal(go_on(a, 1), go_on(b, 1))
    assert not torch.equal(go_on(a, 2), go_on(ImagePool(10), 2)), "negative control: without its images it differs"


@pytest.mark.parametrize("prior", [Normal(5), Uniform(5, -1, 1), Uniform(5, -(3**0.5), 3**0.5)])
def test_priors(prior):
    torch.manual_seed(0)
    z = prior.draw(20_000)
    assert z.shape == (20_000, 5) and abs(float(z.mean())) < 0.02
    if isinstance(prior, Uniform):
        assert prior.low <= z.min() and z.max() <= prior.high
        assert float(z.std()) == pytest.approx((prior.high - prior.low) / 12**0.5, rel=0.02)
    assert prior_from_json(prior.to_json()) == prior
    assert (prior.at(3, 7) == prior.at(3, 7)).all() and not (prior.at(3, 7) == prior.at(3, 8)).any()
    assert not (prior.at(3, 7) == prior.at(4, 7)).any()


def test_schedules():
    def at(schedule, *shares):
        return [round(schedule(Clock(int(1000 * s), int(100 * s), 1000)), 6) for s in shares]

    assert at(schedules.constant(3.0), 0, 0.5, 2) == [3, 3, 3]
    assert at(schedules.linear(1.0, 0.0, start=0.5), 0, 0.5, 0.75, 1, 1.5) == [1, 1, 0.5, 0, 0]
    assert at(schedules.inverse(2.0, 500), 0, 0.5, 1, 2) == [2, 2, 1, 0.5], "it counts images, not shares of the run"
    assert at(schedules.cosine(1.0, 0.0), 0, 0.5, 1, 3) == [1, 0.5, 0, 0]
    assert at(schedules.warm_up(schedules.constant(2.0), 0.2), 0, 0.1, 0.2, 1) == [0, 1, 2, 2]
    assert at(schedules.ramp_over_rounds(0.5, 0.7, 50), 0, 0.25, 0.5, 1) == [0.5, 0.6, 0.7, 0.7]
    assert at(schedules.decay_per_round(0.1, 2.0, 1e-3), 0, 0.01, 0.02, 1) == [0.1, 0.05, 0.025, 0.001]
    assert at(schedules.half_life(0.05), 0, 1, 2) == [0, 50, 100]
    assert at(schedules.half_life(0.05, longest=60), 1, 2) == [50, 60]
