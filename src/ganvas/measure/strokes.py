"""What can be measured on a drawn figure: how much ink, how slanted, how wide, how high.

Ink is what differs from the paper, the median of the picture's border, averaged over channels: so digits in white on
black and in black on white measure alike. Pictures are N×C×H×W floats in [0, 1].
"""

from collections.abc import Callable

import numpy as np


def inked(images: np.ndarray) -> np.ndarray:
    """N×H×W: how far each pixel is from the paper."""
    x = np.asarray(images, np.float64)
    border = np.concatenate([x[:, :, 0], x[:, :, -1], x[:, :, 1:-1, 0], x[:, :, 1:-1, -1]], 2)
    return np.abs(x - np.median(border, 2)[:, :, None, None]).mean(1)


def second_moments(images: np.ndarray) -> np.ndarray:
    """N×3: the central moments μ₂₀, μ₁₁, μ₀₂ of the ink, over its mass, in pixels²; x to the right, y down (Hu 1962).

    A picture without ink has none: zeros.
    """
    m = inked(images)
    y, x = np.mgrid[: m.shape[1], : m.shape[2]].astype(np.float64)
    mass = m.sum((1, 2))
    mass = np.where(mass > 0, mass, np.inf)

    def mean(values: np.ndarray) -> np.ndarray:
        return (m * values).sum((1, 2)) / mass

    dx, dy = (axis - mean(axis)[:, None, None] for axis in (x, y))
    return np.stack([mean(dx * dx), mean(dx * dy), mean(dy * dy)], 1)


def ink(images: np.ndarray) -> np.ndarray:
    """The mean of the ink: thick strokes have more."""
    return inked(images).mean((1, 2))


def slant(images: np.ndarray) -> np.ndarray:
    """−μ₁₁/μ₀₂, the tangent of the angle from upright, to the right as in "/": the shear that would set it upright."""
    _, xy, yy = second_moments(images).T
    return -np.divide(xy, yy, out=np.zeros_like(xy), where=yy > 0)


def width(images: np.ndarray) -> np.ndarray:
    """√μ₂₀: the spread of the ink to the sides, in pixels."""
    return np.sqrt(second_moments(images)[:, 0])


def height(images: np.ndarray) -> np.ndarray:
    """√μ₀₂: the spread of the ink upwards and downwards, in pixels."""
    return np.sqrt(second_moments(images)[:, 2])


STROKES: dict[str, Callable[[np.ndarray], np.ndarray]] = {"ink": ink, "slant": slant, "width": width, "height": height}
