"""How much changes from a pixel to the next: what an enlarged picture lacks and a drawn one has."""

import numpy as np


def gradient_energy(images: np.ndarray) -> float:
    """E[(x[i, j+1] − x[i, j])² + (x[i+1, j] − x[i, j])²] over the pixels and channels of N×C×H×W pictures in [0, 1].

    It grows with the square of contrast and, of an edge, with its steepness: an edge spread over k pixels has 1/k of it.
    """
    x = np.asarray(images, np.float64)
    across, down = np.diff(x, axis=3), np.diff(x, axis=2)
    return float(np.mean(across**2) + np.mean(down**2))


def sharpness(x: np.ndarray, y: np.ndarray, *, crop: int = 0, peak: float = 255) -> float:
    """Gradient energy of x over that of y, pictures of one size, H×W or C×H×W: 1 is as sharp, below it x is smoother.

    crop: pixels left out on each side. peak is taken for the sake of those it stands beside: a ratio has no unit. Without
    edges in y it is infinite, or 1 where x has none either. Blind to where the edges are: noise counts, and a grid.
    """
    inner = slice(crop, -crop or None)
    mine, other = (
        gradient_energy(z[..., inner, inner].reshape(1, -1, *z[..., inner, inner].shape[-2:])) for z in (x, y)
    )
    return mine / other if other else (float("inf") if mine else 1.0)
