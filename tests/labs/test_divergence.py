"""Divergences against closed forms, and what losses tell a generator against theorems."""

import math

import numpy as np
import pytest

from ganvas.labs import board, divergence
from ganvas.labs.divergences import js, kl, normal, normal_apart, optimal, told, uniform_apart, wasserstein
from ganvas.play.losses import LOSSES

X = np.linspace(-9, 15, 6001)
P = normal(X)


def derivative(of, at: float, h: float = 1e-4) -> float:
    return (of(at + h) - of(at - h)) / (2 * h)


def q(shift: float, sd: float = 0.5) -> np.ndarray:
    return normal(X, shift, sd)


@pytest.mark.parametrize(("shift", "sd"), [(0.0, 1.0), (0.7, 0.5), (3.0, 1.5)])
def test_quadrature_meets_the_closed_forms(shift, sd):
    closed = {k: float(v[0]) for k, v in normal_apart(np.array([shift]), sd, X).items()}
    assert kl(P, q(shift, sd), X) == pytest.approx(closed["KL(data‖G)"], abs=1e-6)
    assert kl(q(shift, sd), P, X) == pytest.approx(closed["KL(G‖data)"], abs=1e-6)
    assert wasserstein(P, q(shift, sd), X) == pytest.approx(closed["Wasserstein-1"], abs=1e-4)
    assert 0 <= closed["JS"] <= math.log(2)


def test_uniform_distributions_that_part():
    x = np.linspace(-1, 3, 40_001)
    for shift in (0.25, 0.5, 1.5):
        p, g = (1.0 * (np.abs(x - t) < 0.5) for t in (0, shift))
        closed = {k: float(v[0]) for k, v in uniform_apart(np.array([shift])).items()}
        assert js(p, g, x) == pytest.approx(closed["JS"], abs=1e-3)
        assert wasserstein(p, g, x) == pytest.approx(closed["Wasserstein-1"], abs=1e-3)
        assert kl(p, g, x) == closed["KL(data‖G)"] == math.inf
    assert all(float(v[0]) == 0 for v in uniform_apart(np.array([0.0])).values())


@pytest.mark.parametrize("shift", [0.5, 2.0, 5.0])
def test_what_the_ideal_discriminator_tells_the_generator(shift):
    """minimax: 2 dJS/dθ (Goodfellow 2014, theorem 1); non-saturating: dKL(G‖data)/dθ − 2 dJS/dθ (Arjovsky & Bottou 2017,
    theorem 2.5); Wasserstein: dW₁/dθ; hinge: twice the slope of the total variation."""
    of_js = derivative(lambda t: js(P, q(t), X), shift)
    heard = {loss: told(loss, P, q, shift, X) for loss in ("minimax", "non_saturating", "wasserstein", "hinge")}
    assert heard["minimax"] == pytest.approx(2 * of_js, abs=1e-6)
    assert heard["non_saturating"] == pytest.approx(shift - 2 * of_js, abs=1e-6)
    assert heard["wasserstein"] == pytest.approx(math.erf(shift / 0.5 / math.sqrt(2)), abs=0.01)
    of_tv = derivative(lambda t: float(np.abs(P - q(t)).sum() * (X[1] - X[0])) / 2, shift, h=0.01)
    assert heard["hinge"] == pytest.approx(2 * of_tv, abs=0.02)
    assert abs(heard["minimax"] - heard["non_saturating"]) > 0.05, "negative control: they are told apart"


def test_the_relativistic_answer_is_stationary():
    x = np.linspace(-8, 12, 401)
    p, g, step = normal(x), normal(x, 2.0, 0.5), x[1] - x[0]

    def slope(f):  # of the discriminator's loss at every x; zero at the best answer
        misjudged = 1 / (1 + np.exp(f[:, None] - f))  # σ(f(y) − f(x))
        return -p * (misjudged @ g) * step + g * (p @ misjudged) * step

    f = optimal("relativistic", p, g, x)
    assert np.abs(slope(f)).max() < 1e-12 and np.abs(slope(f + 3)).max() < 1e-12
    assert np.abs(slope(0.9 * f)).max() > 1e-3 < np.abs(slope(np.sign(f))).max(), "negative control"


def test_all_six_gradients_by_autograd():
    found = divergence._sure()
    assert set(found["largest_error"]) == set(LOSSES) and max(found["largest_error"].values()) < 1e-12
    f = found["logit"]
    assert np.allclose(found["non_saturating_over_saturating"], np.exp(-f), rtol=1e-9)
    assert np.abs(found["minimax"] - divergence.analytic("non_saturating", f)).max() > 0.5, "negative control"


def test_same_command_same_bytes(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(divergence, "SHIFTS", 4)
    monkeypatch.setattr(board, "DPI", 40)
    for name in ("a", "b"):
        divergence.lab(out=str(tmp_path / name))
    files = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert files == ["confidence.png", "divergence.png", "numbers.json", "shift.png"]
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name
    board.Folder(str(tmp_path / "c")).figure("x.png", divergence._divergences(divergence._apart(0.51, 8), 0.51, 8))
    same = (tmp_path / "c" / "x.png").read_bytes() == (tmp_path / "a" / "divergence.png").read_bytes()
    assert not same, "negative control: another command, other bytes"
    assert "Autograd and formulas differ" in capsys.readouterr().out
