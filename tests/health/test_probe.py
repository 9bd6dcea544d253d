"""Looking: numbers that mean what they say, and a run that is the same to the bit as if nobody had looked."""

import numpy as np
import pytest
import torch

from ganvas.data.builtin import digits
from ganvas.health.numbers import apart
from ganvas.health.probe import Probe, applies
from ganvas.health.undisturbed import undisturbed
from ganvas.measure.classes import missing
from ganvas.measure.copying import mann_whitney
from ganvas.measure.kernel import mmd2
from ganvas.measure.neighbours import nearest
from ganvas.nets.features import digit_classifier
from ganvas.training.trainer import Trainer
from tests.conftest import source_of, toy

LOOKED_INTO = ("auto", "dcgan", "gan_dropout", "cgan", "acgan", "wgan", "sngan", "pacgan", "r3gan", "gan_2014")


def trainer(name, source, **arguments):
    return Trainer(toy(name, source.spec, **arguments), source, seed=3)


def weights(trainer):
    return {
        f"{name}/{kind}/{key}": t.clone()
        for name, player in trainer.players.items()
        for kind, net in (("live", player.module), ("average", player.average))
        if net is not None
        for key, t in net.state_dict().items()
    }


@pytest.mark.parametrize("name", LOOKED_INTO)
def test_a_run_with_looks_is_the_same_to_the_bit(name, source):
    alone, watched = trainer(name, source), trainer(name, source)
    probe = Probe(watched)
    for _ in range(3):
        before = torch.get_rng_state()
        row = probe.look()
        assert torch.equal(before, torch.get_rng_state())
        assert {"real", "fake", "answers", "push", "diversity", "distance"} <= row.keys()
        alone.play()
        watched.play()
    mine, theirs = weights(watched), weights(alone)
    assert mine.keys() == theirs.keys() and all(torch.equal(mine[k], theirs[k]) for k in mine)
    assert all(player.module.training for player in watched.players.values())


def test_negative_control_looking_without_care_leaves_traces(source):
    watched = trainer("dcgan", source)
    before = weights(watched)
    probe = Probe(watched)
    with undisturbed(watched):
        probe._made(watched.game.G, *probe._latents())
    assert all(torch.equal(before[k], v) for k, v in weights(watched).items())
    probe._made(watched.game.G, *probe._latents())
    assert not all(torch.equal(before[k], v) for k, v in weights(watched).items()), "BatchNorm has seen it"


def test_systems_from_picture_to_picture_are_not_looked_into():
    assert applies(trainer("gan", source_of("images")))
    assert not applies(trainer("pix2pix_small", source_of("pairs")))
    assert not applies(trainer("vae", source_of("images")))


def test_weights_that_stand_still_and_a_discriminator_without_an_opinion(source):
    one = trainer("gan", source)
    probe = Probe(one)
    probe.look()
    assert probe.look()["moved"] == 0.0
    one.play()
    assert probe.look()["moved"] > 1e-6, "negative control"
    with torch.no_grad():
        for p in one.game.D.parameters():
            p.zero_()
    row = probe.look()
    assert row["answers"] == 0.0 and row["push"] == 0.0 and "gap" not in row


def test_lint_sees_what_the_networks_get(source):
    found = Probe(trainer("dcgan", source)).lint
    assert found["outside"] == 0 and found["used"] > 0.9 and found["duplicates"] == 0 and found["flat"] == 0
    assert found["eps"] == 1e-5 and found["n"] == source.spec.n
    sick = trainer("dcgan", source)
    next(m for m in sick.game.G.modules() if isinstance(m, torch.nn.BatchNorm2d)).eps = 0.8
    assert Probe(sick).lint["eps"] == 0.8


@pytest.fixture(scope="module")
def seen():
    """Pictures, features and classes of 4,000 real digits, in a fixed random order."""
    stack = digits()
    order = np.random.default_rng(0).permutation(len(stack.images))[:4000]
    net = digit_classifier()
    with torch.no_grad():
        x = torch.from_numpy(stack.images[order] / np.float32(255))
        features = torch.cat([net.features(part) for part in x.split(500)])
        classes = net.last(features).argmax(1).numpy()
    return x, features.numpy(), classes


def test_a_class_that_is_missing_is_named(seen):
    """SCIENCE 2.3 ①: real pictures without nines."""
    _, _, classes = seen
    shares = np.bincount(classes, minlength=10) / len(classes)
    some = classes[:256]
    assert missing(np.bincount(some[some != 9], minlength=10), shares) == [9]
    assert missing(np.bincount(some, minlength=10), shares) == [], "negative control"


def test_a_tenth_of_copies_is_seen(seen):
    """SCIENCE 2.3 ②: of 1,300 fakes, as many as ten looks draw, 130 are training pictures."""
    _, features, _ = seen
    held_out, honest, base = features[:1200], features[1200:2500], features[2500:]
    null = nearest(held_out, base).distances[:, 0]
    copies = np.concatenate([base[:130], honest[130:]])
    assert mann_whitney(nearest(copies, base).distances[:, 0], null) < -3
    assert abs(mann_whitney(nearest(honest, base).distances[:, 0], null)) < 3, "negative control"


def test_blur_moves_the_distance_and_one_picture_alone_has_no_variety(seen):
    """SCIENCE 2.3 ③ and ④."""
    x, features, _ = seen
    real, fair = features[:500], features[500:1000]
    with torch.no_grad():
        blurred = digit_classifier().features(torch.nn.functional.avg_pool2d(x[500:1000], 3, 1, 1)).numpy()
    assert mmd2(blurred, real) > 10 * abs(mmd2(fair, real))
    assert 0.9 < apart(fair) / apart(real) < 1.1
    assert apart(np.repeat(fair[:1], 100, 0)) / apart(real) < 0.01
