"""The Fréchet distance between two sets of features, and how much of it is only the finite number of images."""

from typing import NamedTuple

import numpy as np

from ganvas.errors import BadInput


class Moments(NamedTuple):
    """All that the distance knows of a set: mean (d), unbiased covariance (d×d), both float64, of `n` images."""

    mean: np.ndarray
    cov: np.ndarray
    n: int


def moments(features: np.ndarray) -> Moments:
    """N×d finite features → their moments, in float64 with n − 1 in the covariance."""
    features = np.asarray(features, np.float64)
    if features.ndim != 2 or len(features) < 2:
        raise BadInput(f"a Fréchet distance needs the features of at least two images as N×d, not {features.shape}")
    if not np.isfinite(features).all():
        raise BadInput("a Fréchet distance needs finite features; some are NaN or infinite")
    mean = features.mean(0)
    centred = features - mean
    return Moments(mean, centred.T @ centred / (len(features) - 1), len(features))


def frechet(a: Moments, b: Moments) -> float:
    """‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2(Σ₁Σ₂)^½) ≥ 0 (Dowson & Landau 1982; as FID, Heusel et al. 2017, eq. 6).

    tr(Σ₁Σ₂)^½ is the sum of the root eigenvalues of RᵀΣ₂R with Σ₁ = RRᵀ, a symmetric matrix, so no matrix root and no
    complex numbers. R leaves out Σ₁'s null space, whose rounding noise ε would come back as √ε: with fewer images than
    features that is 1e-15 instead of 1e-8, which is also where scipy's sqrtm ends.
    """
    if b.n < a.n:  # the set with fewer images is the one that may lack dimensions
        a, b = b, a
    root = _root(a.cov)
    overlap = np.sqrt(np.linalg.eigvalsh(root.T @ b.cov @ root).clip(0)).sum()
    distance = ((a.mean - b.mean) ** 2).sum() + np.trace(a.cov) + np.trace(b.cov) - 2 * overlap
    return max(0.0, float(distance))


def _root(cov: np.ndarray) -> np.ndarray:
    """d×r with RRᵀ = cov, r the numerical rank."""
    values, vectors = np.linalg.eigh(cov)
    kept = values > max(values[-1], 0) * len(values) * np.finfo(np.float64).eps
    return vectors[:, kept] * np.sqrt(values[kept])


def floor(cov: np.ndarray, n: int, m: int) -> float:
    """The distance to expect between `n` and `m` images drawn from one and the same Gaussian of covariance `cov`.

    K·(1/n + 1/m) with K = 5/4·tr Σ + ½·Σᵢⱼ λᵢλⱼ/(λᵢ + λⱼ): the means' part is tr Σ, the covariances' part is the Bures
    metric to second order. Holds to about 20 % once n and m are ten times the number of features; below that a
    distance says more about n than about the generator.
    """
    values = np.linalg.eigvalsh(cov).clip(0)
    products, sums = np.multiply.outer(values, values), np.add.outer(values, values)
    pairs = np.divide(products, sums, out=np.zeros_like(sums), where=sums > 0).sum()
    return float((1.25 * values.sum() + 0.5 * pairs) * (1 / n + 1 / m))
