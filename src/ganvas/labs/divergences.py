"""How far one density is from another, on a grid of a line; and what a generator is told of it by an ideal discriminator.

Densities are arrays on `x`, evenly spaced and wide enough that nothing is cut off; integrals are sums, which for smooth
densities that vanish at both ends is exact to rounding (the trapezoidal rule's error falls faster than any power).
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ganvas.play.losses import LOSSES

Array = NDArray[np.float64]
LEAST = 1e-300  # below it a density is zero: its logarithm would be −∞, times zero


def normal(x: Array, mean: float = 0.0, sd: float = 1.0) -> Array:
    """The density of N(mean, sd²)."""
    return np.exp(-(((x - mean) / sd) ** 2) / 2) / (sd * np.sqrt(2 * np.pi))


def kl(p: Array, q: Array, x: Array) -> float:
    """KL(p‖q) = ∫ p log(p/q) in nats; infinite where p puts weight on what q excludes."""
    there = p > LEAST
    if np.any(there & (q <= LEAST)):
        return np.inf
    return float(np.sum(p[there] * np.log(p[there] / q[there])) * (x[1] - x[0]))


def js(p: Array, q: Array, x: Array) -> float:
    """Jensen and Shannon's divergence in nats, at most log 2 (Goodfellow et al. 2014, eq. 6)."""
    middle = (p + q) / 2
    return (kl(p, middle, x) + kl(q, middle, x)) / 2


def wasserstein(p: Array, q: Array, x: Array) -> float:
    """W₁ = ∫ |F − G|, the distance between the distribution functions, in the units of x."""
    return float(np.sum(np.abs(_integral(p - q, x))) * (x[1] - x[0]))


def _integral(f: Array, x: Array) -> Array:
    """∫ f up to each point of `x`, by trapezia."""
    return (np.cumsum(f) - f / 2 - f[0] / 2) * (x[1] - x[0])


def uniform_apart(shift: Array) -> dict[str, Array]:
    """The same for U(−½, ½) and U(θ − ½, θ + ½), in closed form; example 1 of Arjovsky et al. 2017 in one dimension."""
    apart = np.abs(shift)
    infinite = np.where(apart > 0, np.inf, 0.0)
    return {
        "JS": np.minimum(apart, 1) * np.log(2),
        "KL(data‖G)": infinite,
        "KL(G‖data)": infinite,
        "Wasserstein-1": apart,
    }


def normal_apart(shift: Array, sd: float, x: Array) -> dict[str, Array]:
    """The same for data N(0, 1) and G ~ N(θ, sd²): JS by quadrature, the others in closed form.

    Quantiles of the two differ by θ + (sd − 1)·N(0, 1), so W₁ is the mean of a folded normal.
    """
    p, qs = normal(x), [normal(x, float(t), sd) for t in shift]
    spread = max(abs(sd - 1), 1e-12)
    folded = [
        spread * math.sqrt(2 / math.pi) * math.exp(-((t / spread) ** 2) / 2) + t * math.erf(t / spread / math.sqrt(2))
        for t in map(float, shift)
    ]
    return {
        "JS": np.array([js(p, q, x) for q in qs]),
        "KL(data‖G)": np.log(sd) + (1 + shift**2) / (2 * sd**2) - 0.5,
        "KL(G‖data)": -np.log(sd) + (sd**2 + shift**2) / 2 - 0.5,
        "Wasserstein-1": np.array(folded),
    }


def pushed_forward(images: Array, edges: Array) -> Array:
    """The density of G(z) averaged over each cell of `edges`: len(edges) − 1 numbers.

    By change of variables, p(z) |dz/dx| summed over all z that land on x. `images` are G's at many z in order, one as
    likely to be passed as the next; between two of them the mass is spread evenly: exact however often G folds.
    """
    low = np.minimum(images[:-1], images[1:])
    high = np.maximum(np.maximum(images[:-1], images[1:]), low + 1e-6)  # a flat piece is a very narrow one
    height = 1 / (len(images) - 1) / (high - low)

    def ramps(starts: Array) -> Array:
        """Σ heightᵢ · max(edge − startᵢ, 0)."""
        order = np.argsort(starts)
        passed = np.searchsorted(starts[order], edges)
        total = np.concatenate([[0.0], np.cumsum(height[order])])[passed]
        return total * edges - np.concatenate([[0.0], np.cumsum(height[order] * starts[order])])[passed]

    return np.maximum(np.diff(ramps(low) - ramps(high)) / np.diff(edges), 0.0)


def log_ratio(p: Array, q: Array) -> Array:
    """log p/q, the optimal logit of the 2014 game: σ of it is p/(p + q) (ibid., proposition 1)."""
    return np.log(np.maximum(p, LEAST)) - np.log(np.maximum(q, LEAST))


def optimal(loss: str, p: Array, q: Array, x: Array) -> Array:
    """The discriminator's best answer on `x` to a fixed generator q, as logits."""
    ratio = log_ratio(p, q)
    if loss in ("minimax", "non_saturating", "relativistic"):
        # relativistic too, up to a constant: it makes p(x) E_q σ(f(y) − f(x)) equal q(x) E_p σ(f(x) − f(x′)), both
        # ∫ p(x) q(x) p(y) q(y) / (p(x) q(y) + p(y) q(x)) dy, so its loss is stationary
        return ratio
    if loss == "least_squares":  # Mao et al. 2017, eq. 4 with a = 0, b = 1
        return 1 / (1 + np.exp(-np.clip(ratio, -700, 700)))
    if loss == "hinge":  # any f in [−1, 1] that is 1 where p > q and −1 where p < q
        return np.sign(ratio)
    # Wasserstein: Kantorovich's potential, of slope ±1 by which side the mass has to come from
    return _integral(np.sign(_integral(q - p, x)), x)


def told(loss: str, p: Array, q_of: Callable[[float], Array], shift: float, x: Array) -> float:
    """∂L_G/∂θ of a generator that shifts its samples by θ, with the discriminator at its best and held fixed.

    E_q[ℓ_G(f*(y))] changes only through q: −∫ q′ ℓ_G(f*). The generator's ℓ_G is the one games are played with.
    """
    import torch

    small = 1e-5
    q, slope = q_of(shift), (q_of(shift + small) - q_of(shift - small)) / (2 * small)
    f, step = torch.from_numpy(optimal(loss, p, q, x)), x[1] - x[0]
    if LOSSES[loss].relativistic:
        heard = (LOSSES[loss].generator(f[:, None], f) @ torch.from_numpy(p) * step).numpy()
    else:
        heard = LOSSES[loss].generator(f, f).numpy()
    return float(np.sum(slope * heard) * step)
