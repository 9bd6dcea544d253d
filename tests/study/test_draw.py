"""Asking for sentences: the same picture alone or among others, either stage, between two sentences, what is refused."""

import numpy as np
import pytest
import torch

from ganvas.data.captioned_shapes import CaptionedShapes
from ganvas.errors import BadInput
from ganvas.study.captions import captioned, spoken
from ganvas.study.draw import Illustrator, enlarged
from ganvas.study.latents import with_latents
from ganvas.study.reader import Reader
from ganvas.study.sample import Images
from ganvas.study.suiting import suiting
from ganvas.training.trainer import Trainer
from ganvas.watching import standing_generator
from tests.conftest import source_of, toy

SAY = ["bar 1 in red", "bar 2 in blue"]


def generator(until=160) -> Illustrator | Reader:
    source = source_of("captions")
    trainer = Trainer(toy("stackgan_small", source.spec), source)
    next(tick for tick in trainer.ticks(every=8) if tick.whole and tick.images >= until)
    return standing_generator(trainer)


@pytest.fixture(scope="module")
def G():
    found = generator()
    for weight in found.net.first.parameters():  # after a few rounds pictures hardly differ in 8 bits
        weight.mul_(3)
    return found


@pytest.fixture(scope="module")
def reader():
    return generator(40)


def test_a_picture_is_the_same_alone_and_among_others(G):
    both = G(SAY, n=3, seed=5)
    assert both.shape == (6, 1, 32, 32) and both.dtype == np.uint8 and both.rows == tuple(SAY)
    assert np.array_equal(G(SAY[1], n=1, seed=5, first=2)[0], both[5])
    assert np.array_equal(both, G(SAY, n=3, seed=5)), "no noise: c = μ"
    assert not np.array_equal(both[0], both[3]), "control: another sentence"
    assert not np.array_equal(both[0], G(SAY[0], seed=6)[0]), "control: another seed"


def test_stages(G):
    assert G.stages == 2 and "1×32×32" in repr(G)
    small = G(SAY, n=2, stage=1)
    assert small.shape == (4, 1, 16, 16) and np.array_equal(G(SAY, n=2, stage=2), G(SAY, n=2))
    alone = generator(80)
    assert alone.stages == 1 and np.array_equal(alone(SAY, stage=1), alone(SAY))
    with pytest.raises(BadInput, match="stage I alone"):
        alone(SAY, stage=2)
    with pytest.raises(BadInput, match="there are 1 and 2"):
        G(SAY, stage=3)


def test_words_that_training_never_saw_say_nothing(G):
    assert np.array_equal(G("bar 1 in red", seed=1), G("BAR 1 in  red!", seed=1)), "case and signs do not count"
    assert G("zebra", seed=1).shape == (1, 1, 32, 32)


@pytest.mark.parametrize("sentence", ["", "   ", "!?", "x" * 100_000, []])
def test_what_is_no_sentence_is_one_line(G, sentence):
    with pytest.raises(BadInput) as error:
        G(sentence)
    assert "\n" not in str(error.value) and len(str(error.value)) < 200


@pytest.mark.parametrize("how", [{"n": 0}, {"seed": -1}, {"first": -1}, {"n": 1.5}])
def test_counts_are_whole_numbers(G, how):
    with pytest.raises(BadInput, match="must be a whole number"):
        G("red", **how)


def test_between_two_sentences(G):
    walk = G.between(*SAY, 5, seed=3, n=2)
    assert walk.shape == (10, 1, 32, 32)
    ends = G(SAY, n=2, seed=3)
    assert np.array_equal(walk[[0, 5]], ends[:2]) and np.array_equal(walk[[4, 9]], ends[2:])
    middle = G.drawn(torch.lerp(*G.read(SAY), 0.5)[None], 1, 3)
    assert np.array_equal(walk[2:3], middle)
    with pytest.raises(BadInput, match="at least 2"):
        G.between(*SAY, 1)


def test_what_has_no_latent_walk_says_so(G, reader):
    for asked, what in ((G, "draws sentences"), (reader, "reads captions")):
        with pytest.raises(BadInput, match=what):
            with_latents(asked, "runs/a")


def test_the_sheets_of_a_run(G, reader):
    source = source_of("captions")
    assert G.look(source).height == reader.look(source).height
    assert set(G.measure(source)) == {"val/sharpness", "val/sharpness stage I"}
    assert all(np.isfinite(value) for value in G.measure(source).values())
    assert reader.measure(source) == {}, "21 captions are too few for one of a hundred"


def test_captions_stand_below_their_rows():
    images = np.zeros((4, 3, 16, 16), np.uint8).view(Images)
    images.span = (0, 255)
    plain, spoken_of = captioned(images, ["", ""]), captioned(images, ["a red circle", "b"])
    changed = np.abs(np.asarray(plain, int) - np.asarray(spoken_of, int)).sum(2).any(1)
    rows = np.flatnonzero(changed)
    assert rows.min() > 60 and not changed[2:60].any(), "the pictures themselves are untouched"
    long = captioned(images, ["word " * 400, "日本語 🎈"])
    assert long.width == plain.width and long.height < 3 * plain.height


def test_a_set_too_small_to_hold_out_shows_training(G):
    class Small:
        spec = G.spec.from_json(G.spec.to_json() | {"held_out": 0})
        batch = staticmethod(source_of("captions").batch)

    examples, said = spoken(Small(), 3)
    assert len(examples["image"]) == len(said) == 3 and all(sentence.startswith("bar ") for sentence in said)
    with pytest.raises(BadInput, match="too small to hold captions out"):
        list(suiting(G, None, Small(), 9, 0))


class Knowing:
    """An encoder that knows the pictures of `source` by heart, and no other; and an illustrator who draws stage II right
    and in stage I what the next caption says."""

    stages, label = 2, {}
    precision = Reader.precision

    def __init__(self, source, n):
        held = source.held_out(n)
        self.pictures, self.net = held["image"], torch.nn.Linear(1, 1)
        self.of_caption = {row.tobytes(): k for k, row in reversed(list(enumerate(held["text"])))}
        both = zip(held["image"], held["text"], strict=True)
        self.of_picture = {picture.tobytes(): self.of_caption[row.tobytes()] for picture, row in both}

    def features(self, images, captions):
        known = [self.of_picture.get(np.asarray(image).tobytes(), -1) for image in images]
        ones = np.eye(len(self.pictures) + 1)
        return ones[known], ones[[self.of_caption[row.tobytes()] for row in captions]]

    def phi(self, text):
        return text

    def drawn(self, phi, each, seed, stage, advance):
        return self.pictures if stage == 2 else np.roll(self.pictures, 1, 0)


def test_r_precision_is_of_each_pictures_own_caption():
    source = CaptionedShapes((32, 32))
    knowing = Knowing(source, 200)
    scores = {score.name: score for score in suiting(knowing, knowing, source, 200, 0)}
    right, wrong = scores["r-precision"], scores["r-precision of stage I, enlarged"]
    assert right.value == right.floor == 1 and wrong.value < 0.05, "pictures of the next caption are not this one's"
    assert scores["sharpness"].value == pytest.approx(1)


def test_scores_have_cards_and_say_what_they_lack(G, reader):
    said = []
    scores = list(suiting(G, None, source_of("captions"), 100, 0, said.append))
    assert [score.name for score in scores] == ["sharpness", "sharpness of stage I, enlarged"] and "phase-0" in said[0]
    assert all(score.floor == 1.0 and score.card.n_fake == score.card.n_real for score in scores)
    list(suiting(G, reader, source_of("captions"), 100, 0, said.append))
    assert "best of 100 captions" in said[1]


def test_enlarging_loses_sharpness_and_measuring_sees_it():
    from ganvas.measure.sharpness import gradient_energy

    held = source_of("captions").held_out()["image"]
    small = held.reshape(len(held), 1, 16, 2, 16, 2).mean((3, 5)).round().astype(np.uint8)
    assert gradient_energy(enlarged(small, 32) / 255) < 0.8 * gradient_energy(held / 255)
    assert np.array_equal(enlarged(held, 32), held)
