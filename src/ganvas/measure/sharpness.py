"""How much changes from a pixel to the next: what an enlarged picture lacks and a drawn one has."""

import numpy as np


def gradient_energy(images: np.ndarray) -> float:
    """E[(x[i, j+1] − x[i, j])² + (x[i+1, j] − x[i, j])²] over the pixels and channels of N×C×H×W pictures in [0, 1].

    It grows with the square of contrast and, of an edge, with its steepness: an edge spread over k pixels has 1/k of it.
    """
    x = np.asarray(images, np.float64)
    across, down = np.diff(x, axis=3), np.diff(x, axis=2)
    return float(np.mean(across**2) + np.mean(down**2))
