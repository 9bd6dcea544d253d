"""R-precision and gradient energy: chance, perfection, equal captions, and edges by hand."""

import numpy as np
import pytest

from ganvas.errors import BadInput
from ganvas.measure.retrieval import r_precision
from ganvas.measure.sharpness import gradient_energy, sharpness


def test_perfect_features_find_every_caption_and_noise_one_in_a_hundred():
    rng = np.random.default_rng(0)
    captions, rows = rng.standard_normal((400, 64)), np.arange(400)[:, None]
    assert r_precision(captions, captions, rows) == 1.0
    noise = [r_precision(rng.standard_normal((400, 64)), captions, rows, seed=k) for k in range(5)]
    assert np.mean(noise) == pytest.approx(0.01, abs=0.008)
    few = r_precision(rng.standard_normal((400, 64)), captions, rows, of=2)
    assert few == pytest.approx(0.5, abs=0.08), "of two captions a half"


def test_equal_captions_are_no_rivals():
    """200 pictures of 100 captions: a picture is never asked to beat its own words, said of another picture."""
    rng = np.random.default_rng(1)
    captions = np.repeat(rng.standard_normal((100, 32)), 2, axis=0)
    rows = np.repeat(np.arange(100), 2)[:, None]
    assert r_precision(captions, captions, rows) == 1.0
    taken = r_precision(captions, captions, np.arange(200)[:, None], of=200)
    assert taken < 0.2, "control: taken for others they tie, to the last bit or nearly"


def test_too_few_captions_is_said():
    with pytest.raises(BadInput, match="best of 100 captions, and only 3 of these differ"):
        r_precision(np.ones((9, 4)), np.ones((9, 4)), np.arange(9)[:, None] % 3)


def test_sharpness_is_a_ratio_that_a_blur_lowers_and_noise_raises():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 256, (3, 24, 24)).astype(np.float64)
    blurred = (y + np.roll(y, 1, 1) + np.roll(y, 1, 2) + np.roll(y, (1, 1), (1, 2))) / 4
    assert sharpness(y, y) == 1 and sharpness(blurred, y) < 0.5 < 1 < sharpness(1.5 * y, y) == pytest.approx(2.25)
    assert sharpness(y / 255, y / 255) == sharpness(y[0], y[0]) == 1, "no unit, and a picture without channels"
    framed = y.copy()
    framed[:, :4] = 0
    assert sharpness(framed, y, crop=5) == 1 != sharpness(framed, y), "the border is left out"
    flat = np.ones((1, 9, 9))
    assert sharpness(flat, flat) == 1 and sharpness(rng.random((1, 9, 9)), flat) == float("inf")


def test_a_step_has_the_energy_of_its_square_and_a_blur_less():
    step = np.zeros((1, 1, 8, 8))
    step[..., 4:] = 0.5
    assert gradient_energy(step) == pytest.approx(8 * 0.25 / 56)
    ramp = step.copy()
    ramp[..., 3:5] = [0.125, 0.375]
    assert gradient_energy(ramp) == pytest.approx(8 * (2 * 0.125**2 + 0.25**2) / 56) and gradient_energy(
        ramp
    ) < gradient_energy(step)
    assert gradient_energy(np.ones((2, 3, 4, 4))) == 0
    assert gradient_energy(step.swapaxes(2, 3)) == pytest.approx(gradient_energy(step)), "either way"
