import math

import numpy as np
import pytest

from ganvas.measure.classes import class_entropy, class_shares, mean_confidence


def test_shares_of_labels_and_of_probabilities():
    labels = np.array([0, 2, 2, 1])
    np.testing.assert_allclose(class_shares(labels, 4), [0.25, 0.25, 0.5, 0])
    np.testing.assert_allclose(class_shares(np.eye(4)[labels], 4), [0.25, 0.25, 0.5, 0])


def test_entropy_of_known_histograms():
    assert class_entropy(np.arange(10), 10) == pytest.approx(1, abs=1e-12)
    single = class_entropy(np.full(7, 3), 10)
    assert single == 0 and math.copysign(1, single) == 1  # no "-0.00" in a table
    assert class_entropy(np.array([0, 1]), 10) == pytest.approx(math.log(2) / math.log(10))
    assert class_entropy(np.arange(9), 10) == pytest.approx(math.log(9) / math.log(10))


def test_entropy_asks_the_winner_only():
    """A classifier that wavers the same way over every image has seen one class, not two."""
    wavering = np.tile([0.51, 0.49], (5, 1))
    assert class_entropy(wavering, 2) == 0
    assert class_entropy(wavering[:, ::-1], 2) == 0
    assert class_entropy(np.concatenate([wavering, wavering[:, ::-1]]), 2) == pytest.approx(1)


def test_entropy_floor_of_even_draws():
    """Miller 1955: 1 − (K − 1)/(2N ln K)."""
    rng = np.random.default_rng(0)
    found = np.mean([class_entropy(rng.integers(0, 10, 500), 10) for _ in range(400)])
    assert found == pytest.approx(1 - 9 / (2 * 500 * math.log(10)), abs=2e-4)


def test_confidence():
    assert mean_confidence(np.full((3, 10), 0.1)) == pytest.approx(0.1)
    assert mean_confidence(np.array([[1.0, 0], [0.3, 0.7]])) == pytest.approx(0.85)


@pytest.mark.parametrize("bad", [np.array([10]), np.array([-1]), np.array([], int), np.eye(11), np.zeros((0, 10))])
def test_labels_outside_the_classes_are_refused(bad):
    with pytest.raises(ValueError, match="0 … 9"):
        class_shares(bad, 10)
