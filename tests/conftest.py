"""What many tests share: small real-shaped data, every recipe at toy size, one thread."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ganvas.data.arrays import ArraySource
from ganvas.recipes.table import RECIPES

torch.set_num_threads(1)

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"

# arguments that make a recipe a toy without changing what it is
TOY = {
    "auto": {"width": 4, "latent": 4},
    "gan": {"widths": (16, 24), "d_widths": (24, 16), "latent": 4},
    "gan_dropout": {"latent": 4},
    "gan_leaky": {"latent": 4},
    "gan_2014": {"latent": 4, "units": 16, "maxout": 6, "pieces": 3},
    "dcgan": {"width": 4, "latent": 4},
    "dcgan_upsample": {"latent": 4, "channels": (8, 8, 4), "d_channels": (4, 4, 8, 8)},
}


def strokes(n: int = 60, side: int = 28, seed: int = 0) -> np.ndarray:
    """n grey pictures of one bright bar each: structure enough to learn, no two alike."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side - 0.5
    angle, shift = rng.uniform(0, np.pi, (n, 1, 1)), rng.uniform(-0.2, 0.2, (n, 1, 1))
    distance = np.abs(x * np.cos(angle) + y * np.sin(angle) + shift)
    return (255 * np.clip(1 - 12 * distance, 0, 1)).astype(np.uint8)[:, None]


@pytest.fixture(scope="session")
def source() -> ArraySource:
    return ArraySource(strokes(), np.arange(60) % 3, name="strokes", classes=("a", "b", "c"))


def toy(name: str, spec, init: int = 0, **arguments):
    """The phases of a recipe at toy size: 20 rounds of 8 images; weights drawn under the seed `init`."""
    torch.manual_seed(init)
    return RECIPES[name](spec, **({"batch": 8, "images": 160} | TOY.get(name, {}) | arguments))
