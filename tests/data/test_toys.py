"""Drawn data: addressed by (seed, position), endless, and of the stated distribution."""

import numpy as np
import pytest

from ganvas.data import toys
from ganvas.data.toys import Shapes

SOURCES = {
    "shapes": lambda: Shapes((16, 20)),
    "ring8": toys.ring8,
    "grid25": toys.grid25,
    "mixture1d": toys.mixture1d,
}


@pytest.mark.parametrize("name", SOURCES)
def test_an_example_depends_on_seed_and_position_alone(name):
    source = SOURCES[name]()
    whole = source.batch(4, 100, 60)
    SOURCES[name]().batch(9, 3, 7)
    for start, size in ((100, 1), (117, 13), (159, 1)):
        part = source.batch(4, start, size)
        for key, values in part.items():
            assert (values == whole[key][start - 100 : start - 100 + size]).all()
    far = source.batch(4, 10**12, 3)["image"]
    assert (far == source.batch(4, 10**12 - 5, 8)["image"][5:]).all()


@pytest.mark.parametrize("name", SOURCES)
def test_streams_share_nothing(name):
    source = SOURCES[name]()
    rows = np.concatenate(
        [source.batch(0, 0, 300)["image"], source.batch(1, 0, 300)["image"], source.held_out(300)["image"]]
    )
    assert len({row.tobytes() for row in rows}) == 900


@pytest.mark.parametrize("name", SOURCES)
def test_spec_says_what_comes(name):
    source = SOURCES[name]()
    spec, batch = source.spec, source.batch(0, 0, 500)
    assert spec.n == 0 and set(spec.keys) == set(batch) and batch["image"].shape[1:] == spec.shape
    assert batch["image"].dtype == {8: np.uint8, 32: np.float32}[spec.bits]
    assert spec.range[0] <= batch["image"].min() and batch["image"].max() <= spec.range[1]
    assert len(source.held_out()["image"]) == spec.held_out == len(source.held_out(10**6)["image"])
    assert type(spec).from_json(spec.to_json()) == spec
    scaled = (source.batch(0, 0, 5000)["image"].mean(0) - spec.range[0]) / (spec.range[1] - spec.range[0])
    assert np.abs(spec.mean_image() - scaled).max() < 0.06
    assert len(source.batch(0, 0, 0)["image"]) == 0


def test_fingerprints_differ():
    prints = {make().spec.fingerprint for make in SOURCES.values()} | {Shapes((16, 16)).spec.fingerprint}
    assert len(prints) == len(SOURCES) + 1


def test_every_class_is_drawn_in_its_colour_and_shape():
    source = Shapes((48, 48))
    batch = source.batch(0, 0, 600)
    assert set(batch["label"]) == set(range(24)) and source.spec.classes[6] == "red square"
    areas = {shape: [] for shape in Shapes.SHAPES}
    for image, label in zip(batch["image"].astype(int), batch["label"], strict=True):
        colour, shape = source.spec.classes[label].split()
        ink = image.min(0) < 200  # the ground is pale in every channel
        assert ink.any() and not (ink[0].any() or ink[-1].any() or ink[:, 0].any() or ink[:, -1].any())
        found = np.median(image[:, ink], axis=1)
        distances = {name: np.abs(found - rgb).sum() for name, rgb in Shapes.COLOURS.items()}
        assert min(distances, key=distances.get) == colour
        rows, columns = np.nonzero(ink)
        radius = np.hypot(rows - rows.mean(), columns - columns.mean()).max()
        areas[shape].append(ink.sum() / radius**2)
    means = [np.mean(areas[shape]) for shape in ("circle", "square", "cross", "triangle")]
    assert means == sorted(means, reverse=True) and abs(means[0] - np.pi) < 0.25 and abs(means[1] - 2) < 0.25


def test_edges_are_antialiased():
    assert len(np.unique(Shapes((32, 32)).batch(0, 0, 1)["image"][0])) > 8


@pytest.mark.parametrize("size", [(4, 4), (5, 33), (64, 16)])
def test_any_size(size):
    assert Shapes(size).batch(0, 0, 20)["image"].shape == (20, 3, *size)


@pytest.mark.parametrize("name", ["ring8", "grid25", "mixture1d"])
def test_points_follow_their_modes(name):
    source = SOURCES[name]()
    x = source.batch(0, 0, 40_000)["image"].reshape(40_000, -1).astype(float)
    distance = np.linalg.norm(x[:, None] - source.modes, axis=-1)
    nearest = distance.argmin(1)
    share = np.bincount(nearest, minlength=len(source.modes)) / len(x)
    assert np.abs(share - source.weights).max() < 0.012
    away = x - source.modes[nearest]
    assert abs(away.std() / source.sigma - 1) < 0.02 and np.abs(away.mean(0)).max() < 0.02 * source.sigma * 3
    assert distance.min(1).max() < 6 * source.sigma


def test_the_ring_is_closed_once():
    """linspace(0, 2π, 8), seen in real projects, counts one point twice: seven modes and uneven gaps."""

    def gaps(modes):
        angles = np.sort(np.arctan2(modes[:, 1], modes[:, 0]) % (2 * np.pi - 1e-9))
        return np.diff([*angles, angles[0] + 2 * np.pi])

    ring = toys.ring8()
    assert np.allclose(np.linalg.norm(ring.modes, axis=1), 1) and np.allclose(gaps(ring.modes), np.pi / 4)
    wrong = np.linspace(0, 2 * np.pi, 8)
    assert not np.allclose(gaps(np.stack([np.cos(wrong), np.sin(wrong)], 1)), np.pi / 4), "negative control"
    assert ring.sigma == 0.01


def test_the_grid():
    grid = toys.grid25()
    assert sorted({*grid.modes.ravel()}) == [-4, -2, 0, 2, 4] and len({*map(tuple, grid.modes)}) == 25
    assert grid.sigma == 0.05


def test_densities_are_densities():
    line = np.linspace(-8, 8, 20_001)
    mixture = toys.mixture1d()
    assert abs(mixture.density(line[:, None]).sum() * (line[1] - line[0]) - 1) < 1e-9
    ring, side = toys.ring8(), np.linspace(-1.2, 1.2, 1201)
    plane = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
    assert abs(ring.density(plane).sum() * (side[1] - side[0]) ** 2 - 1) < 1e-6
    x = mixture.batch(0, 0, 200_000)["image"]
    assert mixture.density(x).shape == (200_000,)
    counts, edges = np.histogram(x, 40, (-4, 4))
    middle = (edges[1:] + edges[:-1]) / 2
    assert np.abs(counts / 200_000 / 0.2 - mixture.density(middle[:, None])).max() < 0.03
