"""The recipe table is the test matrix: every recipe, the same promises."""

import itertools
import math

import pytest
import torch

from ganvas.play.game import Move
from ganvas.play.losses import LOSSES
from ganvas.play.schedules import Clock
from ganvas.recipes.table import RECIPES, defaults
from ganvas.training.feed import Feed
from ganvas.training.trainer import Trainer
from tests.conftest import toy

ADVERSARIAL = [name for name, recipe in RECIPES.items() if "loss" in defaults(recipe)]  # those with a discriminator


def moves(phase, source, rounds=1):
    """The moves of some rounds, unstepped, flattened."""
    feed = Feed(source, 0, phase.batch, 0, phase.pixels, torch.device("cpu"), 0)
    torch.manual_seed(1)
    for k in range(rounds):
        for together in phase.game.round(feed, Clock(k * phase.batch, k, phase.images)):
            yield from (together,) if isinstance(together, Move) else together


@pytest.mark.parametrize("name", RECIPES)
def test_trains_to_its_end(name, source):
    trainer = Trainer(toy(name, source.spec), source)
    ticks = list(trainer.ticks(every=80))
    assert trainer.length == 160 <= trainer.images, "a round of several batches may pass the end"
    assert [t.images // 80 for t in ticks if t.whole][-1] == trainer.images // 80
    assert all(math.isfinite(v) for t in ticks for v in t.means.values())


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("name", RECIPES)
def test_a_move_changes_its_player_alone(name, which, source):
    trainer = Trainer(toy(name, source.spec)[-1:], source)
    move = next(itertools.islice(moves(trainer.spec, source, rounds=2), which, None))
    before = {n: [p.detach().clone() for p in pl.params] for n, pl in trainer.players.items()}
    trainer.players[move.player].backward(move.loss)
    trainer.players[move.player].step(trainer.clock)
    for n, player in trainer.players.items():
        mover = n == move.player
        changed = any(not torch.equal(a, b) for a, b in zip(before[n], player.params, strict=True))
        assert changed == mover, f"move of {move.player}: {n} changed is {changed}"
        assert all((p.grad is not None) == mover for p in player.params), "gradients reach the mover alone"


@pytest.mark.parametrize("name", RECIPES)
def test_every_parameter_of_the_mover_gets_a_gradient(name, source):
    """After two rounds of the last phase: behind a layer that starts at zero (fix-up, projection) nothing is felt in the
    first, and behind an untrained stage there is nothing to see."""
    trainer = Trainer(toy(name, source.spec), source)
    while trainer.phase + 1 < len(trainer.phases) or trainer.round < 2:
        if trainer.phase_ends:
            trainer._enter(trainer.phase + 1, 0, 0)
        trainer.play()
    for move in moves(trainer.spec, source):
        player = trainer.players[move.player]
        free = set()
        if (
            move.player == "D" and abs(sum(wants(move).values())) < 1e-6
        ):  # adding a constant to all logits changes nothing
            free = {n for n, p in player.module.named_parameters() if n.endswith("bias") and p.numel() == 1}
        player.backward(move.loss, keep_graph=True)
        learning = {n: p for n, p in player.module.named_parameters() if p.requires_grad}  # the rest is frozen
        grads = {n: p.grad for n, p in learning.items() if n not in free}
        missing = [n for n, grad in grads.items() if grad is None or not grad.abs().any()]
        assert not missing, f"{move.player}: {missing}"


def wants(move: Move) -> dict[str, float]:
    """How the loss of a move bends with the logits it says it saw."""
    names = [n for n in ("real", "fake") if n in move.seen]
    slopes = torch.autograd.grad(move.loss, [move.seen[n] for n in names], retain_graph=True, allow_unused=True)
    return {n: 0.0 if s is None else float(s.sum()) for n, s in zip(names, slopes, strict=True)}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", ADVERSARIAL)
def test_each_move_wants_what_its_player_wants(name, loss, source):
    """D's loss falls as real logits rise and fake ones fall; G's falls as fake logits rise. Every loss in every recipe.

    Least squares wants them at 1 and 0: up or down depends on where they are.
    """
    seen = set()
    for move in moves(toy(name, source.spec, loss=loss)[-1], source):
        slope = wants(move)
        up = {"real": -1, "fake": 1 if move.player == "D" else -1}
        if loss == "least_squares":
            goal = {"real": 1, "fake": 0 if move.player == "D" else 1}
            up = {n: torch.sign(move.seen[n].detach().mean() - goal[n]) for n in slope}
        assert all(slope[n] * up[n] > 0 for n in slope if n == "fake" or move.player == "D"), (move.player, slope)
        seen.add(move.player)
    assert seen == {"G", "D"}


TAKEN = {"gp": 10.0, "gamma": 1.0, "spectral": True, "augment": "diffaugment"}
JUDGED = [(name, k) for name in ("pix2pix", "pix2pix_small", "cyclegan", "cyclegan_small", "srgan", "stackgan")
          for k in TAKEN.keys() & defaults(RECIPES[name]).keys()]  # fmt: skip


@pytest.mark.parametrize(("name", "argument"), sorted(JUDGED))
def test_penalties_norms_and_augmentation_reach_what_translates_enlarges_and_reads(name, argument, source):
    """Two rounds with it are finite and end elsewhere than two without: an argument that is taken and forgotten is seen."""
    tuple_like = isinstance(defaults(RECIPES[name])[argument], tuple)
    ends = []
    for given in ({argument: (TAKEN[argument],) * 2 if tuple_like else TAKEN[argument]}, {}):
        trainer = Trainer(toy(name, source.spec, **given)[-1:], source)
        trainer.play(), trainer.play()
        ends.append(torch.cat([p.detach().flatten() for p in trainer.players["G"].params]))
    assert ends[0].isfinite().all() and not torch.equal(*ends)


def test_negative_control_a_discriminator_trained_on_its_penalty_alone_is_caught(source):
    """PyTorch-GAN's dragan.py computes the discriminator's loss and never backpropagates it."""
    phase = toy("auto", source.spec)[0]
    move = next(moves(phase, source))
    forgetful = Move("D", move.seen["penalty"], move.seen)
    slope = wants(forgetful)
    assert not (slope["real"] < 0 < slope["fake"])


@pytest.mark.parametrize("name", RECIPES)
def test_imagine_gives_images_in_the_stated_range(name, source):
    phase = toy(name, source.spec)[-1]
    G, batch = phase.game.G.eval(), {"label": torch.arange(5) % 3}
    if source.spec.text:
        batch = {"text": torch.from_numpy(source.batch(0, 0, 5)["text"])}
    if source.spec.views:
        batch = {"a": torch.from_numpy(source.batch(0, 0, 5)["a"]) / 127.5 - 1}
    low, high = phase.pixels

    def imagine():
        return phase.game.imagine(G, None if source.spec.views else phase.game.prior.draw(5), batch)

    with torch.no_grad():
        assert imagine().shape == (5, *source.spec.shape)
        for p in G.parameters():
            p.mul_(100)  # driven hard, it reaches both ends and goes no further
        images = imagine()
    if name in ("r3gan", "srgan", "srgan_small"):  # which have no tanh
        assert low > images.min() and images.max() > high
    else:
        assert (float(images.min()), float(images.max())) == pytest.approx((low, high), abs=0.01)


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_discriminators_end_in_logits(name, source):
    game = toy(name, source.spec)[-1].game
    assert not any(isinstance(m, torch.nn.Sigmoid | torch.nn.Softmax) for m in game.D.modules())
    if source.spec.views:  # PatchGANs, see tests/nets/test_translation.py
        return
    if source.spec.text:
        assert game.D(torch.zeros(6, *source.spec.shape), torch.zeros(6, 8)).shape == (6, 1)
        return
    judged = game.discriminator({"label": torch.arange(6) % 3})(torch.zeros(6, *source.spec.shape))
    assert judged.shape == {"pacgan": (3, 1), "acgan": (6, 4)}.get(name, (6, 1))


@pytest.mark.parametrize("name", RECIPES)
def test_networks_are_rebuilt_from_their_config(name, source):
    import json

    players = toy(name, source.spec)[-1].game.players.values()
    for net in [n for p in players for n in (p.values() if isinstance(p, torch.nn.ModuleDict) else [p])]:
        again = type(net)(**json.loads(json.dumps(net.config)))
        again.load_state_dict(net.state_dict())
        assert str(again) == str(net)


@pytest.mark.parametrize("name", RECIPES)
def test_bf16_trains(name, source):
    trainer = Trainer(toy(name, source.spec, images=40), source, precision="bf16")
    list(trainer.ticks(every=40))
    assert trainer.images >= 40
    assert all(
        p.dtype == torch.float32 and torch.isfinite(p).all() for pl in trainer.players.values() for p in pl.params
    )
