"""SRGAN: the paper's numbers, what is compared and by whose features, two phases in one run that resumes to the bit."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import ganvas
from ganvas.data.open import open_source
from ganvas.data.photos import Photos
from ganvas.data.source import DataSpec, View
from ganvas.errors import BadInput
from ganvas.nets.vgg import MAPS, VGG19, digest_of
from ganvas.play.losses import LOSSES
from ganvas.play.paired import Paired
from ganvas.play.perceptual import Matched, Perceptual
from ganvas.play.regression import Regression, mean_square
from ganvas.play.schedules import Clock
from ganvas.recipes import table
from ganvas.recipes.table import RECIPES
from ganvas.training.checkpoint import load_checkpoint, save_checkpoint
from ganvas.training.trainer import Trainer
from tests.conftest import TOY, source_of, toy
from tests.data.test_pairs import save, smooth
from tests.training.test_trainer import same, weights


def photos(scale=4, side=96, channels=3):
    views = View("a", (channels, side // scale, side // scale)), View("b", (channels, side, side))
    return DataSpec(
        "photos", ("a", "b"), views[1].shape, n=99, held_out=9, views=views, paired=True, held_out_paired=True
    )


@pytest.fixture
def vgg(tmp_path):
    path = tmp_path / "vgg19.safetensors"
    torch.manual_seed(3)
    save_file({k: v.clone() for k, v in VGG19(*MAPS["vgg22"]).state_dict().items()}, path)
    return path


def test_the_papers_numbers(vgg):
    """Section 3.2: a million updates by mean square, 10⁵ at 10⁻⁴ and 10⁵ at 10⁻⁵, batches of 16; eq. 2, 3, 6 and 7."""
    first, second = RECIPES["srgan"](photos(), d_width=2, perceptual="vgg22", vgg=str(vgg))
    G = first.game.G
    assert isinstance(first.game, Regression) and isinstance(second.game, Paired) and second.game.G is G
    assert G.config == dict(channels=3, width=64, blocks=16, scale=4)
    assert [phase.images / phase.batch for phase in (first, second)] == [1_000_000, 200_000]
    assert first.game.content[0].distance is mean_square and len(first.game.content) == 1
    assert (
        second.game.loss is LOSSES["non_saturating"] and second.game.adversarial == 1e-3 and second.game.d_weight == 1
    )
    assert not second.game.told
    (content,) = second.game.content
    assert content.weight == 1 and isinstance(content.distance, Perceptual), "VGG alone: no pixels beside it"
    for phase, when, rate in (
        (first, 0, 1e-4),
        (first, 1, 1e-4),
        (second, 0, 1e-4),
        (second, 0.49, 1e-4),
        (second, 0.51, 1e-5),
    ):
        learn = phase.optimizers["G"]
        assert learn.schedules["lr"](Clock(int(when * phase.images), 0, phase.images)) == pytest.approx(rate)
        adam = learn.build([torch.nn.Parameter(torch.zeros(1))])
        assert isinstance(adam, torch.optim.Adam) and adam.defaults["betas"] == (0.9, 0.999)
    assert first.pixels == second.pixels == (-1.0, 1.0) and "average" not in str(learn.average)


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_scale(scale, channels):
    phases = RECIPES["srgan_small"](photos(scale, 48, channels), scale=scale, **TOY["srgan_small"])
    batch = {"a": torch.rand(2, channels, 48 // scale, 48 // scale), "b": torch.rand(2, channels, 48, 48)}
    moves = [move for phase in phases for move in phase.game.round(iter([batch]), Clock(0, 0, 9))]
    assert [move.player for move in moves] == ["G", "D", "G"]


def test_what_is_compared_is_said_and_never_random(vgg, monkeypatch):
    spec, srgan = photos(), RECIPES["srgan"]
    chosen, reasons = table.resolve(srgan, "srgan", spec, {})
    assert chosen["perceptual"] == "discriminator" and "no --vgg" in reasons[0]
    chosen, reasons = table.resolve(srgan, "srgan", spec, {"vgg": str(vgg)})
    assert chosen["perceptual"] == "vgg54" and chosen["vgg_sha256"] == digest_of(vgg)
    assert digest_of(vgg) in reasons[1], "its digest is told"
    monkeypatch.setattr("ganvas.nets.vgg.downloaded", lambda: vgg)
    again, _ = table.resolve(srgan, "srgan", spec, {"vgg": "download"})
    assert again == chosen, "the record names the file and its digest"
    assert table.resolve(srgan, "srgan", spec, chosen) == (chosen, [])
    small = TOY["srgan"] | {"batch": 8, "images": 160}
    pixels, features = RECIPES["srgan"](spec, **small)[1].game.content
    assert (pixels.name, features.name) == ("mse", "features") and isinstance(features.distance, Matched)
    game = RECIPES["srgan"](spec, perceptual="pixels", **small)[1].game
    assert [content.distance for content in game.content] == [mean_square]
    given = RECIPES["srgan"](spec, perceptual="vgg22", vgg=str(vgg), **small)[1].game.content[0].distance.features
    torch.manual_seed(3)
    assert torch.equal(given.features[0].weight, VGG19(2, 2).features[0].weight), "the file's, whatever the seed"


@pytest.mark.parametrize(
    "arguments, match",
    [({"perceptual": "vgg54"}, "weights do not come with ganvas"), ({"perceptual": "pixels", "vgg": "x"}, "leave one out"),
     ({"vgg": "none.npz"}, "No such file"), ({"regression": 1.5}, "--regression is the share"),
     ({"scale": 2}, "--scale 2 does not lead from one to the other"), ({"scale": 5}, "5 is unknown: there are 2, 3, 4, 8")],
)  # fmt: skip
def test_what_cannot_be_meant_is_one_line(arguments, match):
    with pytest.raises(BadInput, match=match) as error:
        chosen, _ = table.resolve(RECIPES["srgan_small"], "srgan_small", photos(), arguments)
        RECIPES["srgan_small"](photos(), **chosen)
    assert "\n" not in str(error.value)


def test_another_file_than_the_run_began_with_is_refused(vgg):
    chosen, _ = table.resolve(RECIPES["srgan"], "srgan", photos(), {"vgg": str(vgg), "perceptual": "vgg22"})
    save_file({"other": torch.zeros(1)}, vgg)
    with pytest.raises(BadInput, match="give the file that this run began with"):
        RECIPES["srgan"](photos(), **chosen | {"d_width": 2, "width": 4, "blocks": 1})


def test_the_warm_up_alone_and_the_game_alone():
    spec, small = photos(), {"batch": 8, "images": 160, "width": 4, "blocks": 1, "d_width": 2}
    (alone,) = RECIPES["srgan"](spec, regression=1.0, **small)
    assert isinstance(alone.game, Regression) and alone.images == 160
    (game,) = RECIPES["srgan"](spec, regression=0.0, **small)
    assert isinstance(game.game, Paired) and game.images == 160


def test_vgg_trains_and_stays_as_it_is(vgg):
    source = source_of("photos")
    trainer = Trainer(toy("srgan", source.spec, perceptual="vgg22", vgg=str(vgg))[1:], source)
    net = trainer.game.content[0].distance.features
    before, made = [t.clone() for t in net.state_dict().values()], weights(trainer)
    trainer.play()
    assert not same(made, weights(trainer))
    assert all(torch.equal(a, b) for a, b in zip(before, net.state_dict().values(), strict=True))
    assert not any("vgg" in key or key == "features.0.weight" for key in trainer.state_dict()["players"]["G"]["module"])


# two phases


def trained(source, seed=0):
    """SRGAN at toy size to its end: phases of 10 rounds of 8."""
    trainer = Trainer(toy("srgan", source.spec), source, seed=seed)
    list(trainer.ticks(every=8))
    return trainer


@pytest.mark.parametrize("cut", [24, 72, 80, 88, 120])
def test_resume_is_bit_exact_across_the_boundary(cut, tmp_path):
    """80 images are the first phase: before it ends, at its end, and after."""
    source = source_of("photos")
    whole = trained(source)
    half = Trainer(toy("srgan", source.spec), source)
    next(tick for tick in half.ticks(every=8) if tick.whole and tick.images == cut)
    assert half.phase == (cut > 80) and half.phase_ends == (cut == 80)
    place = save_checkpoint(tmp_path, half.images, half.state_dict())
    torch.manual_seed(99)
    other = Trainer(toy("srgan", source.spec, init=99), source)  # D of another start: the checkpoint knows it
    other.load_state_dict(load_checkpoint(place))
    list(other.ticks(every=16))
    assert whole.phase == other.phase == 1 and same(weights(whole), weights(other))


def test_negative_control_a_forgotten_discriminator_is_seen():
    source = source_of("photos")
    whole, half = trained(source), Trainer(toy("srgan", source.spec), source)
    next(tick for tick in half.ticks(every=8) if tick.whole and tick.images == 72)
    state = half.state_dict()
    other = Trainer(toy("srgan", source.spec, init=99), source)
    state["later"] = [module.state_dict() for module in other._later]
    other.load_state_dict(state)
    list(other.ticks(every=8))
    assert not same(weights(whole), weights(other))


def test_going_back_over_the_boundary_finds_a_discriminator_that_has_not_begun():
    source = source_of("photos")
    whole, there = trained(source), Trainer(toy("srgan", source.spec), source)
    ticks = there.ticks(every=8)
    next(tick for tick in ticks if tick.whole and tick.images == 72)
    import copy

    state = copy.deepcopy(there.state_dict())
    next(tick for tick in ticks if tick.whole and tick.images == 120)
    there.load_state_dict(state)
    assert there.phase == 0
    list(there.ticks(every=8))
    assert same(weights(whole), weights(there))


def test_every_phase_ends_with_a_whole_tick():
    """However rare ticks are: what the first phase made can be kept."""
    source = source_of("photos")
    trainer = Trainer(toy("srgan", source.spec), source)
    ends = [(tick.images, trainer.phase_ends) for tick in trainer.ticks(every=10_000) if tick.whole]
    assert ends == [(80, True), (160, False)]


# from the command's side


@pytest.fixture
def folder(tmp_path):
    for k in range(6):
        save(tmp_path / "photos" / f"{k}.png", smooth(24 + k, 40, k))
    return tmp_path / "photos"


SHORT = dict(images=64, batch=8, quiet=True, threads=1)


def test_a_run_resumes_with_its_scale_and_crops_and_a_game_starts_from_it(folder, tmp_path):
    small = TOY["srgan_small"] | {"regression": 1.0}
    how = dict(data=str(folder), size=16, turns=True) | SHORT
    run = ganvas.train("srgan_small", scale=2, run=tmp_path / "a", **how, **small)
    alone = ganvas.load(ganvas.train(resume=run.folder, images=96, quiet=True).folder)
    assert alone.scale == 2 and alone.images == 96 and type(alone.game) is Regression
    with pytest.raises(BadInput, match="another run"):
        ganvas.train("srgan_small", scale=4, run=tmp_path / "a", **how, **small)
    ganvas.train(resume=run.folder, fork=tmp_path / "b", regression=0.0, images=8, game_lr=1e-30, quiet=True)
    game = ganvas.load(tmp_path / "b")
    assert type(game.game) is Paired and game.scale == 2
    for name, weight in alone.net.named_parameters():
        assert torch.equal(weight, game.net.get_parameter(name)), "the game begins where the warm-up ended"


def test_single_pictures_are_not_photos_and_mistakes_are_one_line(folder, tmp_path):
    for how, match in [({"data": "digits"}, "two_photos"), ({"data": str(folder), "size": 64}, "smaller than a crop"),
                       ({"data": str(folder), "scale": 5}, "--scale 5"), ({"data": str(folder), "size": 18}, "16 or 20 is"),
                       ({"data": str(folder), "size": 16, "vgg": "none.npz"}, "--vgg none.npz|--vgg .*none.npz")]:  # fmt: skip
        with pytest.raises(BadInput, match=match) as error:
            ganvas.train("srgan_small", run=tmp_path / "x", **how, **SHORT, **TOY["srgan_small"])
        assert "\n" not in str(error.value) and not (tmp_path / "x" / "run.json").exists()
    with pytest.raises(BadInput):
        open_source("two_photos")


def test_a_photo_of_the_size_of_a_crop_is_enough():
    source = Photos([np.moveaxis(smooth(16, 16), -1, 0)], name="one", size=(16, 16))
    assert source.spec.held_out == 0 and source.spec.n == 1
    trainer = Trainer(toy("srgan", source.spec), source)
    trainer.play()
