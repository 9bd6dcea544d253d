"""The Dirac-GAN of the lab: algebra against the real game, cell by cell."""

import numpy as np
import pytest

from ganvas.labs.dirac_game import FORCE, PENALTIES, Rule, fate, measured_spectrum, play, predict, spectrum

RULES = [Rule(loss, penalty, order) for loss in FORCE for penalty in PENALTIES for order in (True, False)]
SMOOTH = [rule for rule in RULES if spectrum(rule) is not None]


def apart(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(np.sort_complex(a) - np.sort_complex(b)).max())


def test_every_predicted_spectrum_is_the_played_one():
    assert len(SMOOTH) == 6 * 4 * 2
    for rule in SMOOTH:
        assert apart(spectrum(rule), measured_spectrum(rule)) < 1e-6, rule


def test_a_wrong_spectrum_is_caught():
    """Negative controls: γ for γ/2, a penalty that is not there, the other order of moves, the other loss's force."""
    played = measured_spectrum(Rule("non_saturating", "R1", gamma=0.3))
    assert apart(spectrum(Rule("non_saturating", "R1", gamma=0.3)), played) < 1e-9
    for wrong in (
        Rule("non_saturating", "R1", gamma=0.6),
        Rule("non_saturating", "R1+R2", gamma=0.3),
        Rule("non_saturating"),
        Rule("non_saturating", "R1", False, gamma=0.3),
        Rule("wasserstein", "R1", gamma=0.3),
    ):
        assert apart(spectrum(wrong), played) > 1e-4, wrong


def test_closed_form_of_the_simultaneous_spectrum():
    for gamma in (0.0, 0.3, 2.0):
        rule = Rule("non_saturating", "R1", gamma=gamma)
        h, f = rule.h, rule.force
        root = np.sqrt(complex(gamma**2 / 4 - f**2))
        expected = 1 - h * gamma / 2 + h * np.array([root, -root])
        assert apart(spectrum(rule), expected) < 1e-12


def test_the_game_follows_the_update_equations_far_from_the_equilibrium():
    starts = [(1, -1), (-0.4, 1.6), (2.0, 0.1)]
    for rule in RULES:
        path, expected = play(rule, starts, 6), predict(rule, starts, 6)
        assert np.abs(path - expected).max() < 1e-12, rule
    other = predict(Rule("minimax"), starts, 6)
    assert np.abs(play(Rule("non_saturating"), starts, 6) - other).max() > 0.01, "negative control"


def test_games_side_by_side_do_not_see_each_other():
    rule = Rule("relativistic", "R1")
    both = play(rule, [(1, -1), (0.3, 0.2)], 5)
    assert np.abs(both[:, :1] - play(rule, [(1, -1)], 5)).max() < 1e-15


@pytest.mark.parametrize(
    ("rule", "rounds", "word"),
    [
        (Rule("wasserstein", "R1"), 300, "converges"),
        (Rule("wasserstein"), 300, "grows"),
        (Rule("wasserstein", simultaneous=False), 300, "circles"),
        (Rule("non_saturating", simultaneous=False), 600, "shrinks slowly"),
        (Rule("wasserstein", "clipping"), 600, "circles"),
        (Rule("wasserstein", "WGAN-GP", lam=2.0), 600, "stops elsewhere"),
        (Rule("wasserstein"), 30, "not told in so few rounds"),
    ],
)
def test_what_becomes_of_a_trajectory_is_named(rule, rounds, word):
    assert fate(predict(rule, [(1, -1)], rounds)[:, 0], rule)[0] == word


def test_wgan_gp_above_the_critical_weight_sticks_beside_the_data():
    """λ ≥ f′: no oscillation, θ = 2λ·target/f′ with a slope of nearly zero (from ψ′ = 0 = θ′)."""
    theta, psi = predict(Rule("wasserstein", "WGAN-GP", lam=2.0), [(1, -1)], 3000)[-1, 0]
    assert abs(theta) == pytest.approx(2 * 2.0 * 0.3, rel=1e-3) and abs(psi) < 1e-3
