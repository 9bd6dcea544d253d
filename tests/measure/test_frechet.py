import numpy as np
import pytest

from ganvas.errors import BadInput
from ganvas.measure.frechet import Moments, floor, frechet, moments


def gaussian(mean, cov, n=1000):
    return Moments(np.asarray(mean, np.float64), np.asarray(cov, np.float64), n)


def random_cov(d, rank, seed):
    factor = np.random.default_rng(seed).normal(size=(d, rank))
    return factor @ factor.T / rank


def test_moments_are_those_of_numpy():
    x = np.random.default_rng(0).normal(3, 2, (50, 6)).astype(np.float32)
    m = moments(x)
    assert m.n == 50
    assert m.mean.dtype == m.cov.dtype == np.float64
    np.testing.assert_allclose(m.mean, x.astype(np.float64).mean(0), rtol=1e-12)
    np.testing.assert_allclose(m.cov, np.cov(x.astype(np.float64), rowvar=False), rtol=1e-12)
    assert abs(m.cov[0, 0] / x[:, 0].var() - 1) > 0.01  # the biased one, over n, is another


def test_moments_do_not_cancel_far_from_zero():
    x = np.random.default_rng(0).normal(size=(500, 3))
    np.testing.assert_allclose(moments(x + 1e6).cov, moments(x).cov, atol=1e-8)


@pytest.mark.parametrize("bad", [np.zeros((1, 4)), np.zeros(4), np.zeros((0, 4)), np.full((3, 4), np.nan)])
def test_moments_refuse_what_has_none(bad):
    with pytest.raises(BadInput):
        moments(bad)


@pytest.mark.parametrize("d", [1, 7, 128])
@pytest.mark.parametrize("s", [0.0, 0.5, 1.0, 3.0])
def test_closed_form_of_isotropic_gaussians(d, s):
    """FID(N(0, I), N(m, s²I)) = ‖m‖² + d(1 − s)²; s = 0 is a generator of one picture."""
    m = np.linspace(-1, 2, d)
    expected = m @ m + d * (1 - s) ** 2
    assert frechet(gaussian(0 * m, np.eye(d)), gaussian(m, s**2 * np.eye(d))) == pytest.approx(expected, rel=1e-12)


def test_closed_form_of_commuting_gaussians():
    """With common eigenvectors: Σ(√λ − √μ)²."""
    rng = np.random.default_rng(1)
    q = np.linalg.qr(rng.normal(size=(20, 20)))[0]
    a, b = rng.uniform(0, 5, (2, 20))
    a[:3] = b[2:5] = 0
    expected = ((np.sqrt(a) - np.sqrt(b)) ** 2).sum()
    zero = np.zeros(20)
    assert frechet(gaussian(zero, q * a @ q.T), gaussian(zero, q * b @ q.T)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("rank", [1, 5, 30, 60])
def test_identical_is_zero_and_never_negative(rank):
    cov = random_cov(30, rank, 0)
    a = gaussian(np.ones(30), cov)
    assert 0 <= frechet(a, a) < 1e-12 * np.trace(cov)
    b = gaussian(np.ones(30), cov * (1 + 1e-3))  # the negative control: a difference far smaller than any of interest
    assert frechet(a, b) > 1e-8 * np.trace(cov)


@pytest.mark.parametrize("ranks", [(40, 40), (40, 7), (7, 3)])
def test_symmetric(ranks):
    a, b = (gaussian(np.full(30, i), random_cov(30, ranks[i], i), 9 - i) for i in (0, 1))
    assert frechet(a, b) == pytest.approx(frechet(b, a), rel=1e-12)
    assert frechet(a, b) == pytest.approx(frechet(a._replace(n=1), b), rel=1e-6)  # n only chooses whom to root


@pytest.mark.parametrize("n", [20, 4000], ids=["singular", "full rank"])
def test_agrees_with_a_second_road(n):
    """‖XYᵀ‖∗/√(n−1)(m−1) over centred features is the same trace without any covariance (exact when singular too)."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(n, 50)).clip(0) @ rng.normal(size=(50, 50))
    y = rng.normal(size=(n + 5, 50)).clip(0) @ rng.normal(size=(50, 50))
    a, b = moments(x), moments(y)
    rx, ry = np.linalg.qr(x - a.mean)[1], np.linalg.qr(y - b.mean)[1]
    overlap = np.linalg.svd(rx @ ry.T, compute_uv=False).sum() / np.sqrt((n - 1) * (n + 4))
    expected = ((a.mean - b.mean) ** 2).sum() + np.trace(a.cov) + np.trace(b.cov) - 2 * overlap
    assert frechet(a, b) == pytest.approx(expected, rel=1e-9)


def test_agrees_with_sqrtm():
    linalg = pytest.importorskip("scipy.linalg", reason="scipy, which ganvas does not need, is not installed")
    a, b = gaussian(np.zeros(40), random_cov(40, 90, 3)), gaussian(np.ones(40), random_cov(40, 90, 4))
    overlap = np.trace(linalg.sqrtm(a.cov @ b.cov)).real
    assert frechet(a, b) == pytest.approx(40 + np.trace(a.cov) + np.trace(b.cov) - 2 * overlap, rel=1e-9)


@pytest.mark.parametrize(("n", "m"), [(600, 600), (2000, 500), (1500, 4000)])
def test_floor_predicts_finite_samples_of_one_gaussian(n, m):
    rng = np.random.default_rng(5)
    spread = np.geomspace(0.5, 2, 32)
    cov = np.diag(spread**2)

    def sample(size):
        return moments(rng.normal(size=(size, 32)) * spread)

    found = np.mean([frechet(sample(n), sample(m)) for _ in range(100)])
    assert found == pytest.approx(floor(cov, n, m), rel=0.03)
    assert found != pytest.approx(floor(cov, 2 * n, m), rel=0.06)  # the negative control: another n


def test_floor_of_one_dimension_and_of_dead_features():
    """d = 1: E(x̄ − ȳ)² + E(s₁ − s₂)² = σ²(1/n + 1/m)(1 + ½); a feature that never moves adds nothing."""
    assert floor(np.array([[4.0]]), 100, 50) == pytest.approx(4 * 0.03 * 1.5, rel=1e-12)
    assert floor(np.diag([4.0, 0.0, 0.0]), 100, 50) == pytest.approx(4 * 0.03 * 1.5, rel=1e-12)
    assert floor(np.zeros((3, 3)), 100, 50) == 0
