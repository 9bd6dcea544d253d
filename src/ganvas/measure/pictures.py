"""Scores of pictures against pictures: PSNR, SSIM, and MS-SSIM as a measure of diversity.

Pictures are C×H×W arrays of any number type, black 0 and white `peak`. Of an 8-bit protocol the pictures compared must
have been rounded to 8 bits before.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ganvas.errors import BadInput

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the five scales, finest first (Wang et al. 2003, section 4)


class Diversity(NamedTuple):
    """Mean MS-SSIM of random pairs, over all classes and for each: the lower, the more the pictures differ."""

    mean: float
    each: dict[int, float]


def luma(rgb: np.ndarray) -> np.ndarray:
    """3×H×W in 0 … 255 → 1×H×W in 16 … 235, not rounded: Y = 16 + 65.481 R + 128.553 G + 24.966 B for RGB in [0, 1].

    MATLAB's rgb2ycbcr (ITU-R BT.601, studio swing): on it, not on RGB, super-resolution papers give PSNR and SSIM.
    """
    rgb = np.asarray(rgb)
    if rgb.ndim != 3 or len(rgb) != 3:
        raise BadInput(f"luma needs a colour picture as 3×H×W, not {rgb.shape}")
    return 16 + np.tensordot(np.array([[65.481, 128.553, 24.966]]) / 255, rgb.astype(np.float64), 1)


def l1(a: np.ndarray, b: np.ndarray, *, crop: int = 0, peak: float = 255) -> float:
    """Mean absolute difference of pixels from −1 to 1, as in pix2pix's loss: 0 for equal pictures, 2 at most."""
    a, b = _pair(a, b, crop)
    return float(np.abs(a - b).mean() * 2 / peak)


def psnr(a: np.ndarray, b: np.ndarray, *, crop: int = 0, peak: float = 255) -> float:
    """10 log₁₀(peak²/MSE) in dB over all channels; infinite for equal pictures.

    crop: pixels left out on each side; super-resolution leaves out as many as the factor.
    """
    a, b = _pair(a, b, crop)
    error = float(((a - b) ** 2).mean())
    return float(10 * np.log10(peak**2 / error)) if error else float("inf")


def ssim(a: np.ndarray, b: np.ndarray, *, crop: int = 0, peak: float = 255) -> float:
    """Structural similarity in (−1, 1], 1 for equal pictures (Wang et al. 2004, eq. 13): mean over pixels and channels.

    11×11 Gaussian window of σ 1.5, K₁ = .01, K₂ = .03, only where the window lies within the picture, as in the
    authors' MATLAB code and in super-resolution papers; scikit-image's default, a 7×7 box, differs in the 3rd decimal.
    """
    a, b = _pair(a, b, crop)
    if min(a.shape[1:]) < 11:
        raise BadInput(
            f"SSIM's window is 11×11 and the pictures, after cropping, {a.shape[1]}×{a.shape[2]}: take larger"
        )
    luminance, contrast = _similarity(a, b, peak)
    return float((luminance * contrast).mean())


def ms_ssim(a: np.ndarray, b: np.ndarray, *, peak: float = 255) -> float:
    """SSIM over five scales in [0, 1] (Wang, Simoncelli & Bovik 2003, eq. 7).

    Π csᵢ^wᵢ over the four finest scales times SSIM₅^w₅, cs being SSIM without its luminance term; a scale is the one
    above averaged over 2×2 pixels. Where a picture is smaller than the window at a scale (below 176 pixels at the
    first), the window shrinks with it, σ in proportion, as in TensorFlow's msssim.py, which the GAN papers used. Terms
    below 0 have no such power and count as 0.
    """
    a, b = _pair(a, b, 0)
    product = 1.0
    for scale, weight in enumerate(WEIGHTS):
        luminance, contrast = _similarity(a, b, peak)
        last = scale == len(WEIGHTS) - 1
        product *= max(float((luminance * contrast if last else contrast).mean()), 0.0) ** weight
        a, b = _halved(a), _halved(b)
    return product


def diversity(
    images: np.ndarray, labels: Sequence[int] | np.ndarray | None = None, *, pairs: int = 100, seed: int = 0,
    peak: float = 255,
) -> Diversity:  # fmt: skip
    """Mean `ms_ssim` of `pairs` random pairs of different images in each class (Odena et al. 2017, section 4.2).

    N×C×H×W images and N labels; without labels all are of one class, 0. A class whose value is above that of the real
    images has collapsed. Only within a class does it mean diversity: between classes nobody expects likeness.
    """
    images = np.asarray(images)
    labels = np.zeros(len(images), int) if labels is None else np.asarray(labels)
    if images.ndim != 4 or labels.shape != images.shape[:1]:
        raise BadInput(f"diversity needs N×C×H×W images and N labels, not {images.shape} and {labels.shape}")
    rng, each = np.random.default_rng(seed), {}
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        if len(rows) < 2:
            raise BadInput(f"class {label} has one image, which makes no pair: give more of it, or leave it out")
        chosen = (rows[rng.choice(len(rows), 2, replace=False)] for _ in range(pairs))
        each[int(label)] = float(np.mean([ms_ssim(images[i], images[j], peak=peak) for i, j in chosen]))
    return Diversity(float(np.mean(list(each.values()))), each)


def _pair(a: np.ndarray, b: np.ndarray, crop: int) -> Iterator[np.ndarray]:
    a, b = np.asarray(a), np.asarray(b)
    if a.ndim != 3 or a.shape != b.shape or min(a.shape[1:]) <= 2 * crop:
        raise BadInput(
            f"two C×H×W pictures of one shape, larger than the crop, are needed, not {a.shape} and {b.shape}"
        )
    inner = slice(crop, -crop or None)
    return (picture[:, inner, inner].astype(np.float64) for picture in (a, b))


def _similarity(a: np.ndarray, b: np.ndarray, peak: float) -> tuple[np.ndarray, np.ndarray]:
    """Maps (C×H'×W') of SSIM's luminance term and of its contrast and structure term."""
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    mean_a, mean_b = _blurred(a), _blurred(b)
    var_a, var_b = _blurred(a * a) - mean_a**2, _blurred(b * b) - mean_b**2
    cov = _blurred(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return luminance, (2 * cov + c2) / (var_a + var_b + c2)


def _blurred(x: np.ndarray) -> np.ndarray:
    """The mean under a Gaussian window wherever it fits in."""
    size = min(11, *x.shape[1:])
    at = np.arange(size) - (size - 1) / 2
    window = np.exp(-(at**2) / (2 * (1.5 * size / 11) ** 2))
    window /= window.sum()
    for axis in (1, 2):
        n = x.shape[axis] - size + 1
        x = sum((w * np.take(x, range(k, k + n), axis) for k, w in enumerate(window)), start=np.zeros(()))
    return x


def _halved(x: np.ndarray) -> np.ndarray:
    """Means of 2×2 pixels; an odd last row or column is its own neighbour."""
    x = np.pad(x, [(0, 0), (0, x.shape[1] % 2), (0, x.shape[2] % 2)], "symmetric")
    return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4
