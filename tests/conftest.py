"""What many tests share: small real-shaped data, every recipe at toy size, one thread."""

import functools
import os
from pathlib import Path

# before NumPy is imported: its linear algebra on two threads waits forty times as long beside another test process
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest
import torch

from ganvas.data.arrays import ArraySource
from ganvas.data.captions import Captions
from ganvas.data.domains import Domains
from ganvas.data.pairs import Pairs
from ganvas.data.photos import Photos
from ganvas.data.source import Source
from ganvas.recipes.table import RECIPES, wanted

torch.set_num_threads(1)

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"

STACKED = {
    "scale": 2, "latent": 4, "features": 8, "condition": 4, "width": (4, 4), "d_width": (2, 2), "blocks": 1, "matching": 0.25,
    "stage_one": 0.25, "matching_width": 4, "matching_batch": 8,
}  # fmt: skip

# arguments that make a recipe a toy without changing what it is
TOY = {
    "auto": {"width": 4, "latent": 4, "augment": "none"},  # its own choice on so few pictures is ada
    "gan": {"widths": (16, 24), "d_widths": (24, 16), "latent": 4},
    "gan_dropout": {"latent": 4},
    "gan_leaky": {"latent": 4},
    "gan_2014": {"latent": 4, "units": 16, "maxout": 6, "pieces": 3},
    "dcgan": {"width": 4, "latent": 4},
    "cgan": {"latent": 4, "g_units": (8, 12, 16), "d_units": (8, 4, 8)},
    "acgan": {"latent": 4, "width": 4},
    "lsgan": {"latent": 4, "width": 4},
    "dragan": {"latent": 4, "width": 4},
    "pacgan": {"latent": 4, "width": 4},
    "wgan": {"latent": 4, "width": 4, "opening": 3, "opening_rounds": 2},
    "wgan_gp": {"latent": 4, "width": 4},
    "sngan": {"latent": 4, "width": 4},
    "r1": {"latent": 4, "width": 4},
    "r3gan": {"latent": 4, "widths": (16, 16, 8), "group_width": 8},
    "dcgan_upsample": {"latent": 4, "channels": (8, 8, 4), "d_channels": (4, 4, 8, 8)},
    "vae": {"width": 4, "latent": 4},
    "pix2pix": {"width": 4, "patch": 16},
    "pix2pix_small": {"width": 4},
    "cyclegan": {"width": 4, "blocks": 1, "patch": 16, "pool": 12},
    "cyclegan_small": {"width": 4, "blocks": 1, "pool": 12},
    "srgan": {"width": 4, "blocks": 1, "d_width": 2, "regression": 0.5},
    "srgan_small": {"width": 4, "blocks": 1, "d_width": 2, "regression": 0.5},
    "stackgan": STACKED,
    "stackgan_small": STACKED,
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """README's commands first: they take minutes, and last they would keep one worker busy and the others waiting."""
    items.sort(key=lambda item: item.path.name != "test_readme.py")


def strokes(n: int = 60, side: int = 28, seed: int = 0) -> np.ndarray:
    """n grey pictures of one bright bar each: structure enough to learn, no two alike."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side - 0.5
    angle, shift = rng.uniform(0, np.pi, (n, 1, 1)), rng.uniform(-0.2, 0.2, (n, 1, 1))
    distance = np.abs(x * np.cos(angle) + y * np.sin(angle) + shift)
    return (255 * np.clip(1 - 12 * distance, 0, 1)).astype(np.uint8)[:, None]


def edges(images: np.ndarray) -> np.ndarray:
    """Where the brightness of N×1×H×W pictures changes: something to be translated from."""
    across, down = (np.abs(np.diff(images.astype(int), axis=axis, prepend=0)) for axis in (2, 3))
    return np.clip(across + down, 0, 255).astype(np.uint8)


@functools.cache
def source_of(kind: str) -> Source:
    """60 pictures with labels, as many pairs or captions, two domains that share none, or 12 photos of as many sizes."""
    if kind == "images":
        return ArraySource(strokes(), np.arange(60) % 3, name="strokes", classes=("a", "b", "c"))
    if kind == "photos":
        coloured = (np.concatenate([strokes(1, 20 + k, 3 * k + c)[0] for c in range(3)]) for k in range(12))
        photos = [photo[:, :, : 20 + k // 2] for k, photo in enumerate(coloured)]
        return Photos(photos, name="strokes", size=(16, 16))
    made = strokes(side=32)
    if kind == "pairs":
        return Pairs(edges(made), made, name="strokes")
    if kind == "captions":
        return Captions(
            made, [(f"bar {k % 7} in {('red', 'green', 'blue')[k % 3]}",) for k in range(60)], name="strokes"
        )
    rows = np.arange(60)
    return Domains(edges(made), made, (rows[:25], rows[25:50]), (rows[50:], rows[50:]), name="strokes", truths=True)


@pytest.fixture
def source(request) -> Source:
    """What the recipe `name` of this test is for; single pictures where the test is of none."""
    params = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    name = params.get("name", params.get("recipe"))
    return source_of(wanted(RECIPES[name]).kind if name in RECIPES else "images")


def toy(name: str, spec, init: int = 0, **arguments):
    """The phases of a recipe at toy size: 20 rounds of 8 images; weights drawn under the seed `init`."""
    torch.manual_seed(init)
    return RECIPES[name](spec, **({"batch": 8, "images": 160} | TOY.get(name, {}) | arguments))


@pytest.fixture(scope="session")
def drawer(tmp_path_factory):
    """The folder of a toy run that draws sentences."""
    import ganvas

    folder = tmp_path_factory.mktemp("drawer") / "a"
    ganvas.train(
        "stackgan_small", data="captioned_shapes", size=32, run=folder, images=48, batch=8, quiet=True, threads=1,
        **TOY["stackgan_small"],
    )  # fmt: skip
    return folder
