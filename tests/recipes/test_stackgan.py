"""StackGAN: the paper's numbers, three phases in one run that resumes to the bit, stage I that stage II leaves alone."""

from dataclasses import replace

import pytest
import torch

import ganvas
from ganvas.cli.captions import _reader
from ganvas.data.source import DataSpec, Text
from ganvas.errors import BadInput
from ganvas.loading import load
from ganvas.nets.stackgan import StageOne, StageTwo
from ganvas.play.captioned import Captioned
from ganvas.play.losses import LOSSES
from ganvas.play.matching import MATCHES, Matching
from ganvas.play.schedules import Clock
from ganvas.recipes.table import RECIPES
from ganvas.study import anatomy
from ganvas.study.draw import Illustrator
from ganvas.study.reader import Reader
from ganvas.training.checkpoint import latest, load_checkpoint, save_checkpoint
from ganvas.training.trainer import Trainer
from ganvas.watching import standing
from tests.conftest import TOY, source_of, toy
from tests.training.test_trainer import same, weights


def captions(side=256, **text):
    about = Text(**({"length": 18, "words": tuple(map(str, range(50)))} | text))
    return DataSpec("birds", ("image", "text", "wrong"), (3, side, side), n=9000, held_out=900, text=about)


def test_the_papers_numbers():
    """Section 4 and the authors' code: SCIENCE 1.9."""
    with torch.device("meta"):
        first, one, two = RECIPES["stackgan"](captions())
    assert isinstance(first.game, Matching) and isinstance(one.game, Captioned) and isinstance(two.game, Captioned)
    assert [phase.images for phase in (first, one, two)] == [1_000_000, 5_500_032, 5_499_968]
    for phase, shrink, halvings in ((one, 4, 12), (two, 1, 6)):
        game = phase.game
        assert game.loss is LOSSES["non_saturating"] and game.kl == 2.0 and game.shrink == shrink
        assert not game.penalties and game.prior.dim == 100 and game.G.conditioning.condition == 128
        assert phase.batch == 64 and phase.pixels == (-1.0, 1.0)
        for player in ("G", "D"):
            learn = phase.optimizers[player]
            rates = [learn.schedules["lr"](Clock(int(phase.images * k / 100), 0, phase.images)) for k in range(101)]
            assert rates[0] == 2e-4 and rates[-1] == 2e-4 / 2**halvings and len(set(rates)) == halvings + 1
            adam = learn.build([torch.nn.Parameter(torch.zeros(1))])
            assert isinstance(adam, torch.optim.Adam) and adam.defaults["betas"] == (0.5, 0.999)
        assert any(isinstance(m, torch.nn.BatchNorm2d) for m in game.D.modules())
    assert one.game.G.image == (3, 64, 64) and two.game.G.image == (3, 256, 256)
    assert len(two.game.G.blocks) == 4


def test_one_encoder_and_one_stage_one_go_through_all_phases():
    first, one, two = toy("stackgan", source_of("captions").spec)
    assert one.game.G.text is first.game.E.text and two.game.G.first is one.game.G
    assert one.frozen == (first.game.E.text,) and two.frozen == (one.game.G,)
    assert one.game.matcher is None and two.game.matcher is None, "the paper has none"
    first, one, two = toy("stackgan", source_of("captions").spec, match=0.5)
    assert one.frozen == (first.game.E,) and two.frozen == (first.game.E, one.game.G)
    assert {(game.matcher, game.match) for game in (one.game, two.game)} == {(first.game.E, 0.5)}


def test_the_small_ones_arguments_all_arrive():
    """A default of stackgan_small's that stackgan never hears of is a setting that does nothing."""
    spec = source_of("captions").spec
    small = toy("stackgan_small", spec)
    assert small[0].game.match is MATCHES["softmax"] and small[1].game.matcher is small[0].game.E
    hinge = toy("stackgan_small", spec, matching_loss="margin", match=0.0, kl=0.5)
    assert hinge[0].game.match is MATCHES["margin"] and hinge[1].game.matcher is None and hinge[2].game.kl == 0.5


# phases


def trained(until=160, name="stackgan", **arguments):
    source = source_of("captions")
    trainer = Trainer(toy(name, source.spec, **arguments), source)
    next(tick for tick in trainer.ticks(every=8) if tick.whole and tick.images >= until)
    return trainer


def state(module):
    return {name: t.clone() for name, t in module.state_dict().items()}


def changed(before, module):
    return [name for name, t in module.state_dict().items() if not torch.equal(before[name], t)]


@pytest.mark.parametrize("name", ["stackgan", "stackgan_small"])
def test_stage_two_leaves_stage_one_as_it_is_to_the_bit(name):
    """Weights, and the running statistics of its BatchNorm, which a stage that is only frozen would move."""
    trainer = trained(80, name)
    G = trainer.phases[2].game.G
    before = state(G)
    list(trainer.ticks(every=8))
    assert trainer.phase == 2 and any("running_mean" in key for key in before if key.startswith("first."))
    moved = changed(before, G)
    assert moved and not [key for key in moved if key.startswith("first.")]


def test_negative_control_a_stage_one_that_is_not_frozen_or_not_in_eval_moves():
    source = source_of("captions")
    phases = toy("stackgan", source.spec)
    trainer = Trainer([phases[2]._replace(frozen=())], source)
    before = state(trainer.game.G)
    trainer.play()
    assert [key for key in changed(before, trainer.game.G) if key.startswith("first.net")]
    trainer = Trainer([toy("stackgan", source.spec)[2]], source)
    trainer.game.G.first.train()  # the published pitfall: no gradient, but its statistics move
    before = state(trainer.game.G)
    trainer.play()
    moved = [key for key in changed(before, trainer.game.G) if key.startswith("first.")]
    assert moved and all("running" in key or "tracked" in key for key in moved)


def test_the_text_encoder_learns_in_the_first_phase_alone():
    trainer = trained(40)
    text = trainer.phases[0].game.E.text
    learned = state(text)
    list(trainer.ticks(every=8))
    assert not changed(learned, text) and not changed(learned, trainer.phases[2].game.G.first.text)
    fresh = toy("stackgan", source_of("captions").spec)[0].game.E.text
    assert changed(learned, fresh), "control: it did learn before"


@pytest.mark.parametrize("cut", [24, 40, 48, 72, 80, 88, 144])
def test_resume_is_bit_exact_across_both_boundaries(cut, tmp_path):
    """40 images are the first phase, 80 end stage I: before, at and after each."""
    whole, half = trained(), trained(cut)
    place = save_checkpoint(tmp_path, half.images, half.state_dict())
    torch.manual_seed(99)
    other = Trainer(toy("stackgan", source_of("captions").spec, init=99), source_of("captions"))
    other.load_state_dict(load_checkpoint(place))
    list(other.ticks(every=16))
    assert whole.phase == other.phase == 2 and same(weights(whole), weights(other))


def test_negative_control_a_forgotten_encoder_is_seen():
    whole, half = trained(), trained(72)
    kept = half.state_dict()
    other = Trainer(toy("stackgan", source_of("captions").spec, init=99), source_of("captions"))
    other.load_state_dict(kept)
    for weight in other.phases[1].game.G.text.parameters():
        weight.add_(0.01)
    list(other.ticks(every=8))
    assert not same(weights(whole), weights(other))


def test_frozen_parts_keep_their_statistics_in_a_snapshot():
    trainer = trained(120)
    G, live = standing(trainer), trainer.game.G
    assert not changed(state(live.first), G.first), "stage I's picture is the one that stage II learned from"
    assert [key for key in changed(state(live), G) if "running_mean" in key], "control: its own are computed anew"


# what cannot be meant


@pytest.mark.parametrize(
    "spec, arguments, match",
    [(replace(captions(), text=None), {}, "has no captions: put a captions.csv"),
     (captions(250), {"scale": 4}, "--scale 4 does not divide 250×250"),
     (captions(), {"matching": 0.6, "stage_one": 0.6}, "are shares of one run"),
     (captions(32), {"scale": 4}, "choose a size")],
)  # fmt: skip
def test_what_cannot_be_meant_is_one_line(spec, arguments, match):
    with pytest.raises(BadInput, match=match) as error:
        RECIPES["stackgan_small"](spec, **arguments)
    assert "\n" not in str(error.value)


def test_shares():
    spec = source_of("captions").spec
    alone = toy("stackgan", spec, matching=0.0, stage_one=1.0)
    assert [type(phase.game.G) for phase in alone] == [StageOne] and alone[0].images == 160
    (last,) = toy("stackgan", spec, matching=0.0, stage_one=0.0)
    assert type(last.game.G) is StageTwo and last.images == 160
    (first,) = toy("stackgan", spec, matching=1.0, stage_one=0.0)
    assert isinstance(first.game, Matching) and first.images == 160


def test_a_sentence_models_vectors_are_read_as_they_are():
    first, one, _two = toy("stackgan", captions(64, length=6, words=(), model="some"))
    batch = {"image": torch.rand(4, 3, 64, 64), "text": torch.randn(4, 6), "wrong": torch.randn(4, 6)}
    for phase in (first, one):
        for move in phase.game.round(iter([batch]), Clock(0, 0, 9)):
            assert move.loss.isfinite()


@pytest.mark.parametrize("name", ["stackgan", "stackgan_small"])
def test_it_is_taken_apart_without_numbers(name):
    """Published size included: on the meta device, no gradient to what is frozen."""
    phases = RECIPES[name](captions(64, length=9)) if name == "stackgan_small" else toy(name, captions(64))
    before = [state(player) for phase in phases for player in phase.game.players.values()]
    found = [anatomy.layers(phase, captions(64)) for phase in phases]
    assert [set(rows) for rows in found] == [{"E"}, {"G", "D"}, {"G", "D"}]
    assert found[1]["G"][-1].name == "Tanh" and found[2]["G"][-1].shape == "3×64×64"
    assert all(anatomy.cost(phase, captions(64)).flops > 0 for phase in phases)
    players = [player for phase in phases for player in phase.game.players.values()]
    assert not any(changed(was, now) for was, now in zip(before, players, strict=True)), "nothing is left behind"


@pytest.mark.parametrize("loss", ["non_saturating", "relativistic"])
def test_ada_measures_overfitting_on_captions_held_out(loss):
    """Where logits have no zero, D is asked about held-out pictures beside their own captions, and keeps no trace."""
    source = source_of("captions")
    trainer = Trainer(toy("stackgan_small", source.spec, matching=0.0, loss=loss, augment="ada"), source)
    for _ in range(5):
        trainer.play()
    assert ("held_out" in trainer.game.needs) == (loss == "relativistic")
    assert trainer.game.augment.corrected_at == 32 and "D/overfit" in trainer._means()


def test_parts_of_a_batch_are_told_what_they_lack():
    from ganvas.training.parts import caveats

    first, one, _two = toy("stackgan_small", source_of("captions").spec)
    assert "Matcher of E" in caveats(first, 4)[0], "captions are compared within a part alone"
    assert "BatchNorm2d of G" in caveats(one, 4)[0] and "of D" not in caveats(one, 4)[0]


# a run


def test_a_run_keeps_every_phase_and_its_snapshot_needs_nothing_else(drawer, tmp_path):
    kept = {path.name for path in (drawer / "snapshots").iterdir()}
    assert kept == {"last.safetensors", "phase-0.safetensors", "phase-1.safetensors"}
    reader, small = (load(drawer / "snapshots" / f"phase-{k}.safetensors") for k in (0, 1))
    assert isinstance(reader, Reader) and isinstance(small, Illustrator) and small.stages == 1
    alone = tmp_path / "elsewhere.safetensors"
    alone.write_bytes((drawer / "snapshots" / "last.safetensors").read_bytes())
    G = ganvas.load(alone)
    assert G("a red circle", n=2, seed=0).shape == (2, 3, 32, 32)
    for name, weight in small.net.text.named_parameters():
        assert torch.equal(weight, G.net.first.text.get_parameter(name))
        assert torch.equal(weight, reader.net.text.get_parameter(name))
    assert (drawer / "samples" / "film.gif").exists() and len(list((drawer / "samples").glob("0*.png"))) > 5


def test_stage_two_goes_on_from_another_runs_weights(drawer, tmp_path):
    """--fork with both shares 0: its first stage, and the words, are the parent's."""
    forked = ganvas.train(
        resume=drawer, fork=tmp_path / "b", matching=0.0, stage_one=0.0, images=8, lr=1e-30, quiet=True
    ).folder  # fmt: skip
    G, was = ganvas.load(forked), ganvas.load(drawer)
    assert not changed(state(was.net.first.text), G.net.first.text)
    assert not changed(state(was.net.first), G.net.first)
    assert isinstance(_reader(forked, "cpu"), Reader), "its encoders are the parent's"


def test_a_fork_has_the_parents_eye_for_pictures_or_is_refused(drawer, tmp_path):
    """The matcher is no player: without its weights G would be pulled towards noise."""
    again = ganvas.train(
        resume=drawer, fork=tmp_path / "eye", matching=0.0, stage_one=0.0, images=8, lr=1e-30, quiet=True
    ).folder  # fmt: skip
    was, now = (latest(run / "checkpoints", tidy=False)[0]["frozen"][0] for run in (drawer, again))
    assert any(key.startswith("image.") for key in was) and all(torch.equal(was[key], now[key]) for key in was)
    with pytest.raises(BadInput, match="do not fit this recipe's frozen network 0"):
        ganvas.train(
            resume=drawer, fork=tmp_path / "none", matching=0.0, stage_one=0.0, images=8, match=0.0, quiet=True
        )


def test_what_is_drawn_from_sentences_is_not_watched(drawer, tmp_path):
    with pytest.raises(BadInput, match="has captions: leave it out"):
        ganvas.train("stackgan_small", data="captioned_shapes", size=32, run=tmp_path / "w", images=8, watch="fid:1k",
                     quiet=True, **TOY["stackgan_small"], batch=8)  # fmt: skip


def test_weights_of_another_phase_are_not_silently_left_out(drawer, tmp_path):
    with pytest.raises(BadInput, match="has come to the phase of D and G, and this run begins with that of E"):
        ganvas.train(resume=drawer, fork=tmp_path / "c", images=48, quiet=True)
