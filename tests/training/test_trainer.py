"""The trainer: resume to the bit, randomness by position, averages, the guard against broken numbers."""

import copy
import json

import pytest
import torch
from torch import nn

from ganvas.play.game import Game, Move, Optimizer, Phase
from ganvas.recipes.table import RECIPES
from ganvas.training.checkpoint import load_checkpoint, save_checkpoint
from ganvas.training.trainer import Sick, Trainer
from tests.conftest import toy


def weights(trainer):
    state = trainer.state_dict()["players"]
    return [t.clone() for p in state.values() for part in ("module", "optim") for t in _tensors(p[part])] + [
        t.clone() for p in state.values() for t in _tensors(p.get("average", {}))
    ]


def _tensors(tree):
    if isinstance(tree, torch.Tensor):
        yield tree
    elif isinstance(tree, dict):
        for key in sorted(tree):
            yield from _tensors(tree[key])


def same(a, b):
    return len(a) == len(b) and all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def run(trainer, rounds):
    for _ in range(rounds):
        trainer.play()
    return trainer


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("cut", [1, 4, 7])
@pytest.mark.parametrize("name", RECIPES)
def test_resume_is_bit_exact(name, cut, workers, source, tmp_path):
    """8 rounds in one go = `cut` rounds, through a file, into a new trainer, the rest; whoever draws numbers meanwhile."""
    whole = run(Trainer(toy(name, source.spec), source), 8)
    half = run(Trainer(toy(name, source.spec), source, workers=workers), cut)
    place = save_checkpoint(tmp_path, half.images, half.state_dict())
    half.feed.close()
    torch.randn(1000)
    torch.manual_seed(99)
    other = Trainer(toy(name, source.spec, init=99), source, workers=workers)
    other.load_state_dict(load_checkpoint(place))
    run(other, 8 - cut)
    other.feed.close()
    assert same(weights(whole), weights(other))
    assert whole._means() == other._means(), "the log goes on as if nothing had happened"


@pytest.mark.parametrize("part", ["module", "optim", "average", "averaged_at", "drawn", "round"])
def test_negative_control_each_saved_part_matters(part, source):
    """Resume with it forgotten, and the result differs: so the test above would have noticed."""
    whole = run(Trainer(toy("auto", source.spec, ema=5.0), source), 8)
    state = copy.deepcopy(run(Trainer(toy("auto", source.spec, ema=5.0), source), 3).state_dict())
    other = Trainer(toy("auto", source.spec, ema=5.0), source)
    fresh = other.state_dict()
    if part in ("drawn", "round"):
        state[part] = 0
    for name, player in state["players"].items():
        if part == "optim":
            player[part] = {k: {n: torch.zeros_like(t) for n, t in v.items()} for k, v in player[part].items()}
        elif part in player:
            player[part] = copy.deepcopy(fresh["players"][name][part])
    other.load_state_dict(state)
    assert not same(weights(whole), weights(run(other, 5)))


def test_same_seed_same_bytes_other_seed_other_bytes(source):
    a, b, c = (run(Trainer(toy("dcgan", source.spec), source, seed=s), 3) for s in (0, 0, 1))
    assert same(weights(a), weights(b))
    assert not same(weights(a), weights(c))


def test_workers_change_nothing(source):
    results = []
    for workers in (0, 1, 3):
        trainer = run(Trainer(toy("gan_leaky", source.spec), source, workers=workers), 10)
        trainer.feed.close()
        results.append(weights(trainer))
    assert same(results[0], results[1]) and same(results[0], results[2])


def test_a_rollback_changes_the_luck(source):
    a, b = Trainer(toy("gan", source.spec), source), Trainer(toy("gan", source.spec), source)
    b.rollbacks = 1
    assert not same(weights(run(a, 2)), weights(run(b, 2)))


def test_watching_changes_nothing(source):
    """Sampling, saving and drawing random numbers between rounds leave the run as it is."""
    from ganvas.watching import standing

    plain = run(Trainer(toy("auto", source.spec), source), 6)
    watched = Trainer(toy("auto", source.spec), source)
    for _ in range(6):
        watched.play()
        standing(watched)
        torch.randn(5)
        watched.state_dict()
    assert same(weights(plain), weights(watched))


def test_a_longer_run_goes_on_and_schedules_stay_at_their_end(source):
    trainer = Trainer(toy("auto", source.spec, images=80, schedule="linear"), source, length=160)
    rates = [t.means["G/lr"] for t in trainer.ticks(every=8) if t.whole]
    assert trainer.images == 160
    assert rates[0] > 0 and rates[10] == rates[-1] == 0


def test_phases_follow_each_other_and_frozen_modules_stand_still(source):
    first, second = toy("dcgan", source.spec, images=24), toy("dcgan", source.spec, images=24)
    G = first[0].game.G
    trainer = Trainer([first[0], second[0]._replace(frozen=(G,))], source)
    list(trainer.ticks(every=24))
    frozen_before = [t.clone() for t in G.state_dict().values()]
    assert trainer.phase == 1 and trainer.images == 48 and not G.training
    trainer.length = 64
    list(trainer.ticks(every=8))
    assert all(torch.equal(a, b) for a, b in zip(frozen_before, G.state_dict().values(), strict=True))


def test_the_average_starts_at_the_weights_and_follows(source):
    trainer = run(Trainer(toy("gan_leaky", source.spec, ema=0.0), source), 1)
    assert trainer.players["G"].average is None
    trainer = run(Trainer(toy("gan_leaky", source.spec, ema=0.05), source), 1)
    G = trainer.players["G"]
    after_one = [p.clone() for p in G.average.parameters()]
    far = sum((a - p).abs().sum() for a, p in zip(after_one, G.params, strict=True))
    start = sum(
        (a - p).abs().sum()
        for a, p in zip(after_one, toy("gan_leaky", source.spec)[0].game.G.parameters(), strict=True)
    )
    assert far < 1e-4 * start, "a half-life of 5 % of one batch forgets the initialisation at once"


def test_the_average_keeps_its_half_life(source):
    """A constant weight of 1 after an average of 0: half a half-life later the average is 1 − ½^½."""
    trainer = Trainer(toy("gan", source.spec), source)
    player = trainer.players["G"]
    player.half_life = lambda clock: 1000.0
    for p, a in zip(player.params, player.average.parameters(), strict=True):
        p.data.fill_(1.0), a.data.zero_()
    clock = trainer.clock
    for images in range(8, 504, 8):
        player.settle(clock._replace(images=images))
    got = float(next(player.average.parameters()).flatten()[0])
    assert got == pytest.approx(1 - 0.5 ** (player.averaged_at / 1000), abs=1e-5)
    assert player.averaged_at >= 440


class Brittle(Game):
    """A game of one player whose loss breaks at the moves it is told to."""

    needs = frozenset({"image"})

    def __init__(self, at, value):
        self.net, self.at, self.value, self.moves = nn.Linear(4, 1), set(at), value, 0
        self.players = {"G": self.net}

    def round(self, batches, clock):
        next(batches)
        self.moves += 1
        loss = self.net(torch.randn(8, 4)).square().mean()
        yield Move("G", loss * (self.value if self.moves in self.at else 1.0), {"distance": loss.detach()})

    def imagine(self, G, z, batch):
        return G(z)

    def to_json(self):
        return {}


def brittle(source, at, value, lr=0.01):
    optimizer = Optimizer(lambda params: torch.optim.SGD(params, lr=lr))
    return Trainer([Phase(Brittle(at, value), 8000, 8, {"G": optimizer})], source)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_broken_move_is_skipped_whole(value, source):
    trainer = brittle(source, at={3}, value=value)
    run(trainer, 2)
    before = [p.detach().clone() for p in trainer.players["G"].params]
    trainer.play()
    assert all(torch.equal(a, b) for a, b in zip(before, trainer.players["G"].params, strict=True))
    run(trainer, 2)
    assert not any(torch.equal(a, b) for a, b in zip(before, trainer.players["G"].params, strict=True))
    assert trainer._means()["skipped"] == 1


@pytest.mark.parametrize("at", [range(5, 100), range(5, 500, 9)])
def test_many_broken_moves_are_an_illness_named_by_place(at, source):
    trainer = brittle(source, at, float("nan"))
    with pytest.raises(Sick, match=r"phase 0, round \d+, [\d,]+ images, move of G: not finite: loss"):
        run(trainer, 500)
    run(brittle(source, at={5, 200, 300}, value=float("nan")), 400)  # negative control: three are luck


def test_finite_but_wild_losses_are_called_diverged(source):
    with pytest.raises(Sick, match="diverged"):
        run(brittle(source, at=range(1, 500), value=1e9, lr=1e-12), 100)
    run(brittle(source, at=range(1, 49), value=1e9, lr=1e-12), 100)


def test_one_wild_player_is_enough(source):
    """The other player's ordinary moves must not reset the count."""

    class Pair(Brittle):
        def __init__(self):
            super().__init__((), 1.0)
            self.other = nn.Linear(4, 1)
            self.players = {"G": self.net, "D": self.other}

        def round(self, batches, clock):
            next(batches)
            yield Move("D", self.other(torch.randn(8, 4)).square().mean() * 1e9)
            yield Move("G", self.net(torch.randn(8, 4)).square().mean())

    slow = Optimizer(lambda params: torch.optim.SGD(params, lr=1e-12))
    with pytest.raises(Sick, match=r"move of D: .*diverged"):
        run(Trainer([Phase(Pair(), 8000, 8, {"G": slow, "D": slow})], source), 100)


def test_a_skipped_move_leaves_no_trace_in_batchnorm(source):
    """The forward pass runs before the loss is seen to be broken: its statistics must go too."""
    trainer = run(Trainer(toy("dcgan", source.spec), source), 3)
    assert trainer.well
    real = type(trainer.feed).__next__

    def poisoned(feed):
        got = real(feed)
        got["image"][0, 0, 0, 0] = float("nan")
        return got

    type(trainer.feed).__next__ = poisoned
    try:
        trainer.play()
    finally:
        type(trainer.feed).__next__ = real
    assert trainer.bad and not trainer.well, "not worth keeping so soon after"
    assert all(torch.isfinite(b).all() for p in trainer.players.values() for b in p.module.buffers())
    run(trainer, 40)
    assert trainer.well


def test_rollbacks_are_remembered(source):
    trainer = run(Trainer(toy("gan", source.spec), source), 1)
    trainer.rollbacks = 2
    other = Trainer(toy("gan", source.spec), source)
    other.load_state_dict(trainer.state_dict())
    assert other.rollbacks == 2


def test_images_never_fall_between_phases(source):
    """40 images are no whole number of batches of 16: the first phase overshoots."""
    phases = [toy("gan", source.spec, batch=16, images=40)[0] for _ in range(2)]
    seen = [tick.images for tick in Trainer(phases, source).ticks(every=8)]
    assert seen == sorted(seen) and seen[-1] >= 80


def test_standing_statistics_are_those_of_the_averaged_weights(source):
    """In eval mode with them, outputs look like a training batch's; with the live copy's statistics they do not."""
    from ganvas.training.snapshot import with_standing_statistics

    trainer = run(Trainer(toy("gan_leaky", source.spec, ema=5.0, lr=0.01), source), 30)
    game, player = trainer.game, trainer.players["G"]
    z = torch.stack([torch.from_numpy(game.prior.at(5, i)) for i in range(512)])
    with torch.no_grad():
        truth = copy.deepcopy(player.average).train()(z)
        copied = player.average.eval()(z)
        standing = with_standing_statistics(copy.deepcopy(player.average), game, game.prior, {})(z)
    error, negative = ((x - truth).abs().mean() for x in (standing, copied))
    assert error < 0.5 * negative, (error, negative)
    plain = Trainer(toy("gan_dropout", source.spec), source)
    G = plain.players["G"].module
    before = G.eval()(z[:, :4])
    assert torch.equal(with_standing_statistics(G, plain.game, plain.game.prior, {})(z[:, :4]), before)


def test_gradients_are_checked_too(source):
    """A finite loss with an infinite gradient: sqrt at zero."""

    class Edge(Brittle):
        def round(self, batches, clock):
            next(batches)
            self.moves += 1
            x = self.net(torch.ones(1, 4))
            yield Move("G", (x - x).sum().abs().sqrt() if self.moves == 2 else x.square().mean())

    phase = Phase(Edge((), 1.0), 800, 8, {"G": Optimizer(lambda params: torch.optim.SGD(params, lr=0.01))})
    trainer = Trainer([phase], source)
    run(trainer, 3)
    assert all(torch.isfinite(p).all() for p in trainer.players["G"].params)
    assert trainer._means()["skipped"] == 1


def test_autocast_is_left_around_every_step(source):
    """An autocast context that outlives a step would serve the old weights from its cast cache."""
    seen = []

    class Nosy(Brittle):
        def round(self, batches, clock):
            next(batches)
            seen.append(torch.is_autocast_enabled("cpu"))
            yield Move("G", self.net(torch.randn(8, 4)).square().mean())

    def spy(params):
        optimizer = torch.optim.SGD(params, lr=0.01)
        optimizer.register_step_pre_hook(lambda *_: seen.append(torch.is_autocast_enabled("cpu")))
        return optimizer

    run(Trainer([Phase(Nosy((), 1.0), 800, 8, {"G": Optimizer(spy)})], source, precision="bf16"), 2)
    assert seen == [True, False, True, False]


def test_ticks_are_at_multiples_wherever_the_run_starts(source):
    trainer = Trainer(toy("gan", source.spec), source)
    run(trainer, 3)
    assert [t.images for t in trainer.ticks(every=40) if t.whole] == [40, 80, 120, 160]


def test_stop_ends_after_the_round(source):
    trainer = Trainer(toy("gan", source.spec), source)
    for tick in trainer.ticks(every=16):
        if tick.images >= 32:
            trainer.stop = True
    assert trainer.images == 32


def test_state_is_json_and_tensors_only(source):
    """No pickle can be needed for it."""
    from ganvas.training.checkpoint import _pack

    tensors = {}
    json.dumps(_pack(run(Trainer(toy("dcgan", source.spec), source), 2).state_dict(), "", tensors))
    assert len(tensors) > 20


@pytest.mark.parametrize(
    ("batch", "micro", "asked", "last"),
    [
        (4, None, None, True),
        (1, None, None, False),
        (4, 1, None, False),
        (4, None, False, False),
        (1, None, True, True),
    ],
)
def test_one_example_at_a_time_keeps_weights_in_their_own_layout(batch, micro, asked, last, source):
    phases = [phase._replace(batch=batch) for phase in toy("dcgan", source.spec)]
    trainer = Trainer(phases, source, micro_batch=micro, channels_last=asked)
    convolutions = [m.weight for m in trainer.game.D.modules() if isinstance(m, nn.Conv2d) and m.weight.shape[1] > 1]
    assert convolutions
    assert all(w.is_contiguous(memory_format=torch.channels_last) == last for w in convolutions)
