"""Mode coverage against what is known: the truth itself, a lost mode, noise."""

import numpy as np
import pytest

from ganvas.data.toys import grid25, ring8
from ganvas.measure.modes import class_modes, point_modes


@pytest.mark.parametrize("toy", [ring8, grid25])
def test_the_truth_holds_every_mode(toy):
    source = toy()
    score = point_modes(source.held_out(2500)["image"], source.modes, source.sigma)
    k = len(source.modes)
    assert (score.covered, score.held, score.of, score.n) == (k, k, k, 2500)
    assert score.good == pytest.approx(1 - np.exp(-4.5), abs=0.01)  # Rayleigh: P(r < 3σ)
    assert score.kl < 4 * score.kl_floor


def test_a_lost_mode_is_missed_and_a_starved_one_is_not_held():
    source = ring8()
    points = np.repeat(source.modes, 100, 0)
    assert point_modes(points[100:], source.modes, source.sigma)[:3] == (7, 7, 8)
    starved = np.concatenate([points[100:], points[:1]])
    assert point_modes(starved, source.modes, source.sigma)[:3] == (8, 7, 8)


def test_noise_covers_nothing():
    source = grid25()
    noise = np.random.default_rng(0).uniform(-5, 5, (2500, 2))
    score = point_modes(noise, source.modes, source.sigma)
    assert score.good < 0.03 and score.held == 0
    assert np.isnan(point_modes(np.full((10, 2), 99.0), source.modes, source.sigma).kl)


def test_the_floor_is_what_uniform_labels_give():
    """SCIENCE: 999/(2N) = 0.019 for 26,000 samples of 1,000 classes."""
    rng = np.random.default_rng(0)
    kl = np.mean([class_modes(rng.integers(0, 1000, 26_000), 1000).kl for _ in range(10)])
    assert kl == pytest.approx(999 / 52_000, rel=0.05)
    assert class_modes(np.zeros(100, int), 1000).kl == pytest.approx(np.log(1000))
