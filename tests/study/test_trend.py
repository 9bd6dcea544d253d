"""Trends: each kind is found where it is, and what merely wanders is not called a swing."""

import numpy as np
import pytest

from ganvas.study.trend import FEWEST, FEWEST_FOR_SWINGS, trend


def red(n: int, memory: float, rng: np.random.Generator) -> np.ndarray:
    """Noise with memory, of unit spread: what the loss of a healthy GAN looks like."""
    noise, value = rng.normal(size=n + 300), 0.0
    path = [value := memory * value + e for e in noise]
    return np.array(path[300:]) * np.sqrt(1 - memory**2)


def share(kind: str, draw, tries: int = 200) -> float:
    return sum(trend(draw()).kind == kind for _ in range(tries)) / tries


@pytest.mark.parametrize("cycles", [3, 5, 8])
@pytest.mark.parametrize("n", [40, 67, 200])
def test_swings_are_found_and_counted(n, cycles):
    rng = np.random.default_rng(n + cycles)
    found = []
    for _ in range(50):
        wave = np.sin(2 * np.pi * (cycles * np.linspace(0, 1, n) + rng.random()))
        found.append(trend(1 + 0.3 * wave + 0.07 * rng.normal(size=n)))
    assert sum(f.kind == "swinging" and f.cycles == cycles for f in found) >= 48


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.8, 0.95, 0.99])
def test_noise_of_any_memory_is_rarely_called_a_swing(memory):
    rng = np.random.default_rng(round(memory * 100))
    assert share("swinging", lambda: 1 + 0.3 * red(67, memory, rng), 400) <= 0.02


def test_a_small_swing_is_no_illness_and_a_short_log_has_none():
    wave = np.sin(np.linspace(0, 10 * np.pi, 67))
    assert trend(1 + 0.02 * wave).kind == "flat"
    assert trend(1 + 0.3 * wave).kind == "swinging"
    assert trend(1 + 0.3 * np.sin(np.linspace(0, 8 * np.pi, FEWEST_FOR_SWINGS - 1))).kind != "swinging"


def test_drifts_have_a_direction_and_ends():
    rng = np.random.default_rng(0)
    up = trend(np.linspace(1.0, 1.5, 67) + 0.05 * rng.normal(size=67))
    assert up.kind == "rising" and up.start == pytest.approx(1.0, abs=0.05) and up.end == pytest.approx(1.5, abs=0.05)
    assert trend(np.linspace(1.5, 1.0, 67) + 0.05 * rng.normal(size=67)).kind == "falling"
    assert trend(np.linspace(-1.5, -1.0, 67)).kind == "rising", "negative losses too"


def test_flat_is_flat_and_wide_is_wandering():
    rng = np.random.default_rng(0)
    flat = trend(1.2 + 0.03 * rng.normal(size=67))
    assert flat.kind == "flat" and flat.level == pytest.approx(1.2, abs=0.02)
    assert trend(1.2 + 0.5 * rng.normal(size=67)).kind == "wandering"
    assert trend(np.full(67, 0.7)).kind == "flat", "a loss that does not move at all"


def test_noise_alone_seldom_drifts():
    rng = np.random.default_rng(1)
    assert (
        share("rising", lambda: 1 + 0.1 * red(67, 0.5, rng)) + share("falling", lambda: 1 + 0.1 * red(67, 0.5, rng))
        < 0.03
    )


def test_too_few_points_are_not_spoken_of_and_nan_is_left_out():
    assert trend(np.ones(FEWEST - 1)) is None
    assert trend(np.r_[np.ones(FEWEST - 1), np.full(50, np.nan)]) is None
    assert trend(np.r_[np.ones(FEWEST), np.full(50, np.nan)]).kind == "flat"


def test_a_swing_that_is_not_most_of_the_movement_is_no_swing():
    rng = np.random.default_rng(2)
    wave = np.sin(np.linspace(0, 10 * np.pi, 200))
    assert share("swinging", lambda: 1 + 0.3 * wave + 0.21 * rng.normal(size=200)) < 0.05
    assert share("swinging", lambda: 1 + 0.3 * wave + 0.10 * rng.normal(size=200)) > 0.95


def test_one_spike_is_no_swing():
    y = np.ones(67)
    y[30] = 50.0
    assert trend(y).kind != "swinging"
