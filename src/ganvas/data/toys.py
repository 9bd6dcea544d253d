"""Data that is drawn, not stored: endless, nothing to download, and its truth is known exactly."""

from hashlib import blake2b
from itertools import product

import numpy as np

from ganvas.data.source import Arrays, DataSpec, pack_mean

_TRAIN, _HELD_OUT = 0, 1  # two streams that share no number


def uniforms(stream: tuple[int, ...], start: int, size: int, columns: int) -> np.ndarray:
    """size×columns numbers in [0, 1): row i depends on (stream, start + i) alone, whatever else was drawn.

    Philox is a function of a counter; each of its steps gives four numbers, so a row takes columns / 4 steps.
    """
    key = np.random.SeedSequence(stream).generate_state(2, np.uint64)
    rng = np.random.Generator(np.random.Philox(key=key, counter=start * (columns // 4)))
    return rng.random((size, columns))


class Shapes:
    """One coloured shape on a pale ground: circle, square, triangle or cross × six colours; implements `Source`.

    Place, size, angle and ground vary; images are 3×H×W uint8 with antialiased edges, `label` is the class. Example i
    of a seed is a pure function of (seed, i), and no two seeds or streams share one.
    """

    SHAPES = ("circle", "square", "triangle", "cross")
    COLOURS = {
        "red": (214, 39, 40),
        "orange": (255, 140, 0),
        "yellow": (230, 200, 20),
        "green": (44, 150, 60),
        "blue": (31, 90, 200),
        "purple": (140, 60, 170),
    }
    HELD_OUT = 1000

    def __init__(self, size: tuple[int, int] = (64, 64)):
        self.notes = ["shapes are drawn as they are asked for, so no picture comes twice"]
        self._size = size
        self._palette = np.array(list(self.COLOURS.values()), np.float32)
        self.spec = DataSpec(
            name="shapes",
            keys=("image", "label"),
            shape=(3, *size),
            held_out=self.HELD_OUT,
            classes=tuple(f"{colour} {shape}" for shape, colour in product(self.SHAPES, self.COLOURS)),
            mean=pack_mean(self._draw((_HELD_OUT,), 0, 256)["image"].mean(0) / 255),
            fingerprint=blake2b(f"shapes v1 {size}".encode(), digest_size=16).hexdigest(),
        )

    def batch(self, seed: int, start: int, size: int) -> Arrays:
        """Examples `start … start + size` of this seed's endless stream, all different."""
        return self._draw((_TRAIN, seed), start, size)

    def held_out(self, n: int | None = None) -> Arrays:
        """The first `n` (or 1,000) examples of a stream that no seed trains on."""
        return self._draw((_HELD_OUT,), 0, min(n if n is not None else self.HELD_OUT, self.HELD_OUT))

    def _draw(self, stream: tuple[int, ...], start: int, size: int) -> Arrays:
        (height, width), short = self._size, min(self._size)
        u = uniforms(stream, start, size, 8)
        shape, colour = (u[:, 0] * len(self.SHAPES)).astype(int), (u[:, 1] * len(self.COLOURS)).astype(int)
        u = u.astype(np.float32)  # only now: in float32 the largest number below 1 rounds to 1, a shape too many
        radius = short * (0.2 + 0.14 * u[:, 2])  # in pixels; every shape stays inside the picture at any angle
        reach = radius + 1  # with its soft edge
        x = reach + (width - 2 * reach) * u[:, 3]
        y = reach + (height - 2 * reach) * u[:, 4]
        angle = 2 * np.pi * u[:, 5]

        across = np.arange(width, dtype=np.float32)[None, None] + 0.5 - x[:, None, None]
        down = np.arange(height, dtype=np.float32)[None, :, None] + 0.5 - y[:, None, None]
        c, s = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
        right, up = c * across + s * down, c * down - s * across
        distance = np.empty((size, height, width), np.float32)
        for kind, outline in enumerate((_circle, _square, _triangle, _cross)):
            rows = np.flatnonzero(shape == kind)
            distance[rows] = outline(right[rows], up[rows], radius[rows, None, None])
        ink = np.clip(0.5 - distance, 0, 1)[:, None]  # the share of a pixel that the shape covers

        ground = 225 + 30 * u[:, 6, None, None, None]
        tint = (self._palette[colour] * (0.9 + 0.2 * u[:, 7, None]))[:, :, None, None]
        pixels = np.clip(ground + ink * (np.minimum(tint, 255) - ground) + 0.5, 0, 255).astype(np.uint8)
        return {"image": pixels, "label": (shape * len(self.COLOURS) + colour).astype(np.int64)}


# Distances in pixels from the outline, negative inside. Every shape reaches about `r` from its centre.
def _circle(x: np.ndarray, y: np.ndarray, r: np.ndarray) -> np.ndarray:
    return np.sqrt(x * x + y * y) - 0.9 * r


def _box(x: np.ndarray, y: np.ndarray, half_width: np.ndarray, half_height: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(x) - half_width, np.abs(y) - half_height)


def _square(x: np.ndarray, y: np.ndarray, r: np.ndarray) -> np.ndarray:
    return _box(x, y, 0.71 * r, 0.71 * r)


def _triangle(x: np.ndarray, y: np.ndarray, r: np.ndarray) -> np.ndarray:
    return np.maximum(-y, np.abs(x) * np.float32(3**0.5 / 2) + y / 2) - r / 2


def _cross(x: np.ndarray, y: np.ndarray, r: np.ndarray) -> np.ndarray:
    return np.minimum(_box(x, y, 0.95 * r, 0.3 * r), _box(x, y, 0.3 * r, 0.95 * r))


class Points:
    """Points from a mixture of round Gaussians as 1×1×D "images"; implements `Source`.

    `modes` are K×D centres, `weights` K shares, `sigma` their common standard deviation. Values are stored as they are
    (float32, 32 bit); `spec.range` is the interval that pixel normalisation maps to 0…1 or −1…1, and all but a
    negligible share of the points lies inside it.
    """

    HELD_OUT = 10_000

    def __init__(self, name: str, modes: np.ndarray, sigma: float, reach: float, weights: np.ndarray | None = None):
        self.modes, self.sigma = np.asarray(modes, np.float64), sigma
        self.weights = np.full(len(modes), 1 / len(modes)) if weights is None else np.asarray(weights, np.float64)
        self.notes = [
            f"{name}: a mixture of {len(modes)} Gaussians in {self.modes.shape[1]} dimension(s), drawn endlessly"
        ]
        facts = (name, self.modes.tolist(), self.weights.tolist(), sigma, reach)
        self.spec = DataSpec(
            name=name,
            keys=("image",),
            shape=(1, 1, self.modes.shape[1]),
            range=(-reach, reach),
            bits=32,
            held_out=self.HELD_OUT,
            mean=pack_mean((self.weights @ self.modes + reach)[None, None] / (2 * reach)),
            fingerprint=blake2b(repr(facts).encode(), digest_size=16).hexdigest(),
        )

    def density(self, x: np.ndarray) -> np.ndarray:
        """The exact probability density at N×D (or N×1×1×D) points: N float64."""
        x = np.asarray(x, np.float64).reshape(len(x), -1)
        squared = ((x[:, None] - self.modes) ** 2).sum(-1)
        scale = (2 * np.pi * self.sigma**2) ** (self.modes.shape[1] / 2)
        return np.exp(-squared / (2 * self.sigma**2)) @ self.weights / scale

    def batch(self, seed: int, start: int, size: int) -> Arrays:
        """Points `start … start + size` of this seed's endless stream: N×1×1×D float32."""
        return self._draw((_TRAIN, seed), start, size)

    def held_out(self, n: int | None = None) -> Arrays:
        """The first `n` (or 10,000) points of a stream that no seed trains on."""
        return self._draw((_HELD_OUT,), 0, min(n if n is not None else self.HELD_OUT, self.HELD_OUT))

    def _draw(self, stream: tuple[int, ...], start: int, size: int) -> Arrays:
        u = uniforms(stream, start, size, 4)
        mode = np.searchsorted(np.cumsum(self.weights)[:-1], u[:, 0], side="right")
        radius, angle = np.sqrt(-2 * np.log1p(-u[:, 1])), 2 * np.pi * u[:, 2]  # Box and Muller's transform
        normal = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)[:, : self.modes.shape[1]]
        points = self.modes[mode] + self.sigma * normal
        return {"image": points.astype(np.float32)[:, None, None]}


def ring8() -> Points:
    """Eight modes of σ 0.01, equally spaced on the unit circle."""
    angle = 2 * np.pi * np.arange(8) / 8  # not linspace(0, 2π, 8), whose ends are one point
    return Points("ring8", np.stack([np.cos(angle), np.sin(angle)], 1), sigma=0.01, reach=1.5)


def grid25() -> Points:
    """5×5 modes of σ 0.05 at −4, −2, 0, 2, 4."""
    return Points("grid25", np.array(list(product(range(-4, 5, 2), repeat=2))), sigma=0.05, reach=5)


def mixture1d() -> Points:
    """Three modes of σ 0.3 on a line, at −2, 0.5 and 2, holding 50, 30 and 20 % of the points."""
    return Points("mixture1d", np.array([[-2], [0.5], [2]]), sigma=0.3, reach=4, weights=np.array([0.5, 0.3, 0.2]))
