"""The program that looks at shapes: right on real pictures with what is true, and not with what is false or spoilt."""

import numpy as np
import pytest

from ganvas.data.captioned_shapes import CaptionedShapes
from ganvas.data.sentences import COLOURS, PLACES, SHAPES, Scene
from ganvas.measure.shapes import judged, look

N = 150
KEYS = ("colour", "shape", "size", "place", "count", "all")


@pytest.fixture(scope="module")
def real():
    """Pictures of combinations held out and of others, and all that is true of them."""
    source = CaptionedShapes((64, 64))
    held = source._examples((1,), 0, N, held=True)
    trained = source._examples((0, 0), 0, N, held=False)
    examples = held[0] + trained[0]
    images = source._draw([e.shown for e in examples], np.concatenate([held[1], trained[1]])) / np.float32(255)
    return images, examples


def rates(images, said):
    return {key: np.nanmean(values) for key, values in judged(images, said, COLOURS).items()}


def test_what_is_true_of_real_pictures_is_found(real):
    images, examples = real
    for said in ([e.shown for e in examples], [e.said for e in examples]):
        assert min(rates(images, said).values()) >= 0.99


@pytest.mark.parametrize("size", [(32, 32), (48, 80), (128, 128)])
def test_at_other_sizes_too(size):
    source = CaptionedShapes(size)
    images, said = source.held_out(80)["image"] / 255, [e.said for e in source.examples(80)]
    assert min(rates(images, said).values()) >= (0.99 if min(size) > 32 else 0.95)


def test_of_another_picture_little_is_right_but_by_chance(real):
    images, examples = real
    others = [e.shown for e in examples[1:N]] + [examples[0].shown]
    found = rates(images[:N], others)
    assert 0.1 < found["colour"] < 0.35 and 0.25 < found["shape"] < 0.6 and 0.15 < found["place"] < 0.4
    assert found["all"] < 0.05 and found["count"] == 1


def test_no_wrong_caption_is_found_right(real):
    images, examples = real
    assert rates(images, [e.wrong_said for e in examples])["all"] < 0.01


def pairs(real):
    images, examples = real
    return images[:N], [e.shown for e in examples[:N]]


def test_swapped_colours_are_caught(real):
    images, shown = pairs(real)
    swapped = [
        Scene(tuple(t._replace(colour=o.colour) for t, o in zip(s.things, s.things[::-1], strict=True)), s.place)
        for s in shown
    ]
    differ = np.array(
        [s.things[0].colour != s.things[1].colour and s.things[0].shape != s.things[1].shape for s in shown]
    )
    found = judged(images, swapped, COLOURS)
    assert np.max((found["colour"] + found["shape"])[differ]) <= 1 and found["all"][differ].max() == 0
    channels = rates(images[:, [2, 0, 1]], shown)  # every colour is another: red is green, …
    assert channels["colour"] < 0.3 and channels["shape"] > 0.9


def test_moved_shapes_are_caught(real):
    images, shown = pairs(real)
    assert judged(images, [s.turned()._replace(place=s.place) for s in shown], COLOURS)["place"].max() == 0
    upside_down = judged(images[:, :, ::-1], shown, COLOURS)["place"]
    stacked = np.array([s.place == "above" for s in shown])
    assert upside_down[stacked].max() == 0 and upside_down[~stacked].mean() > 0.99
    turned = judged(np.rot90(images, 1, (2, 3)), shown, COLOURS)
    assert turned["place"].max() == 0 and np.mean(turned["colour"]) > 0.99


@pytest.mark.parametrize("shape", SHAPES)
def test_another_shape_is_caught(real, shape):
    images, shown = pairs(real)
    said = [s._replace(things=tuple(t._replace(shape=shape) for t in s.things)) for s in shown]
    truth = np.array([np.mean([t.shape == shape for t in s.things]) for s in shown])
    assert np.abs(judged(images, said, COLOURS)["shape"] - truth).mean() < 0.01


def test_another_size_is_caught(real):
    images, shown = pairs(real)
    other = {"small": "large", "large": "small"}
    said = [s._replace(things=tuple(t._replace(size=other[t.size]) for t in s.things)) for s in shown]
    assert rates(images, said)["size"] < 0.01


def test_a_missing_thing_and_one_too_many_are_caught(real):
    images, shown = pairs(real)
    alone = [Scene(s.things[:1]) for s in shown]
    found = judged(images, alone, COLOURS)
    assert found["count"].max() == 0 and found["all"].max() == 0
    left = images.copy()
    left[:, :, :, :] = left[:, :, :1, :1]  # plain ground
    assert max(rates(left, shown)[key] for key in KEYS) == 0


def test_a_little_noise_and_blur_are_borne_and_much_is_not(real):
    images, shown = pairs(real)
    noisy = np.clip(images + np.random.default_rng(0).normal(0, 0.05, images.shape), 0, 1)
    blurred = sum(np.roll(images, (i, j), (2, 3)) for i in (-1, 0, 1) for j in (-1, 0, 1)) / 9
    for spoilt in (noisy, blurred):
        found = rates(spoilt, shown)
        assert found["colour"] > 0.97 and found["shape"] > 0.93 and found["place"] > 0.97
    static = np.random.default_rng(0).random(images.shape)
    assert rates(static, shown)["all"] == 0


def test_blobs_have_no_shape():
    y, x = np.mgrid[:64, :64] - 31.5
    cross = (np.abs(x) < 3) & (np.abs(y) < 20) | (np.abs(y) < 3) & (np.abs(x) < 20)
    image = np.where(cross, np.array(COLOURS["red"])[:, None, None] / 255, 0.95)
    ((found,),) = look(image[None], COLOURS)
    assert found.colour == "red" and found.shape == "" and abs(found.x - 0.5) < 0.01


def test_places_are_those_of_the_sentences():
    image = np.full((1, 3, 64, 64), 0.95, np.float32)
    image[0, :, 5:17, 40:52] = np.array(COLOURS["blue"], np.float32)[:, None, None] / 255
    image[0, :, 40:60, 30:50] = np.array(COLOURS["red"], np.float32)[:, None, None] / 255
    said = ((("blue", "square", "small"), ("red", "square", "large")), "above")
    for place in PLACES:
        found = judged(image, [(said[0], place)], COLOURS)
        assert found["place"][0] == found["all"][0] == (place == "above")
    assert judged(image, [(said[0][::-1], "below")], COLOURS)["all"][0] == 1
