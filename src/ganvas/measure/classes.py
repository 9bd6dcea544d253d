"""What a frozen classifier says about a set of images: which classes are there, and does it recognise them at all.

Each function takes the classifier's opinion as N×K probabilities (rows sum to 1); where only the winner matters, N
integer labels do as well.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ganvas.errors import BadInput
from ganvas.measure.rows import checked

ONE_SIDED = 0.01  # chance of a class being so rare by chance


class InceptionScore(NamedTuple):
    """Mean and standard deviation over the splits, each in [1, K]."""

    mean: float
    std: float


def class_shares(predicted: np.ndarray, K: int) -> np.ndarray:
    """Which share of the images is of each of the `K` classes; `predicted` is N×K probabilities or N labels."""
    predicted = np.asarray(predicted)
    labels = predicted.argmax(1) if predicted.ndim == 2 else predicted
    if not len(labels) or labels.min() < 0 or max(labels.max() + 1, *predicted.shape[1:], 0) > K:
        raise ValueError(f"expected at least one label, all in 0 … {K - 1}")
    return np.bincount(labels, minlength=K) / len(labels)


def class_entropy(predicted: np.ndarray, K: int) -> float:
    """Entropy of the classes' shares over its greatest value ln K: 1 when all are equally frequent, 0 for a single one.

    Blind to what an image looks like: read it beside `mean_confidence`. N images drawn evenly from all K classes give
    1 − (K − 1)/(2N ln K) on average (Miller 1955), .9998 for 10,000 digits.
    """
    shares = class_shares(predicted, K)
    present = shares[shares > 0]
    return float((present * np.log(1 / present)).sum() / np.log(K))


def mean_confidence(probabilities: np.ndarray) -> float:
    """The mean probability of the likeliest class, in [1/K, 1]."""
    return float(np.asarray(probabilities, np.float64).max(1).mean())


def inception_score(probabilities: np.ndarray, splits: int = 10) -> InceptionScore:
    """exp E_x KL(p(y|x) ‖ p(y)) of N×K probabilities (Salimans et al. 2016, section 4), mean and spread over `splits`.

    Splits are taken in the order given, without shuffling, as in the original code: images sorted by class would make
    p(y) of a split that of a few classes, and the score near 1. Publish with 50,000 images in 10 splits; fewer score
    lower. It means something only where the classifier's classes are the data's. Raises `BadInput` for fewer images
    than splits and for what are not probabilities.
    """
    (probabilities,) = checked(max(splits, 1), probabilities=probabilities)
    if splits < 1:
        raise BadInput(f"splits: at least 1 is needed, not {splits}")
    p, n = probabilities.astype(np.float64), len(probabilities)
    if p.min() < 0 or np.abs(p.sum(1) - 1).max() > 1e-3:
        raise BadInput("probabilities: rows must be at least 0 and sum to 1; give the softmax of the logits")
    scores = [_score(p[i * n // splits : (i + 1) * n // splits]) for i in range(splits)]
    return InceptionScore(float(np.mean(scores)), float(np.std(scores)))


def _score(p: np.ndarray) -> float:
    ratio = np.divide(p, p.mean(0), out=np.ones_like(p), where=p > 0)  # 0 ln 0 = 0
    return float(np.exp((p * np.log(ratio)).sum(1).mean()))


def missing(counts: np.ndarray, shares: Sequence[float]) -> list[int]:
    """Classes with less than a fifth of their share of the images, where that is no chance (binomial, 1 %).

    counts: K images of each class; shares: the K shares that they are held against.
    """
    n = int(counts.sum())
    return [
        k
        for k, p in enumerate(shares)
        if n and p > 0 and counts[k] < n * p / 5 and _at_most(counts[k], n, p) < ONE_SIDED
    ]


def _at_most(k: int, n: int, p: float) -> float:
    """P(X ≤ k) of a binomial."""
    p = min(p, 1 - 1e-12)
    ways = (math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) for i in range(int(k) + 1))
    return float(sum(math.exp(w + i * math.log(p) + (n - i) * math.log1p(-p)) for i, w in enumerate(ways)))
