"""What a frozen classifier says about a set of images: which classes are there, and does it recognise them at all.

Each function takes the classifier's opinion as N×K probabilities (rows sum to 1); where only the winner matters, N
integer labels do as well.
"""

import numpy as np


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
