"""The way back: which latent draws this picture? (Zhu et al. 2016; Lipton & Tripathi 2017)"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ganvas.data import labels
from ganvas.data.images import read_image
from ganvas.data.labels import Wanted
from ganvas.data.pixels import resize, with_channels, with_depth
from ganvas.errors import BadInput
from ganvas.files import printable
from ganvas.play.latent import Normal, Prior
from ganvas.study.attributes import drawn
from ganvas.study.latents import Places
from ganvas.study.sample import Generator, Images, to_depth
from ganvas.study.suited import eye

POOL, SEED = 1000, 3  # random latents: the best of them are where the search begins
PIXELS = 1 << 26  # that their pictures may have together
FEATURES, SHELL = 0.1, 0.01  # weights beside the pixels' 1
RATE = 0.2


class Inversion(NamedTuple):
    """What was found for one picture. Errors are mean squared differences of pixels, black 0 and white 1.

    random: the median error of `pool` random pictures, and nearest: the least of them. picture: C×H×W in [0, 1]. radius: ‖z‖
    over what is expected of the prior; far from 1, z is none that the generator has learned to draw.
    """

    place: Places
    picture: np.ndarray
    error: float
    random: float
    nearest: float
    radius: float
    pool: int


def invert(
    generator: Generator,
    image: np.ndarray,
    label: Wanted | None = None,
    *,
    restarts: int = 4,
    steps: int = 300,
    features: float = FEATURES,
    shell: float = SHELL,
    name: str = "picture",
    advance: Callable[[int], None] | None = None,
) -> Inversion:
    """argmin over z of ‖x − G(z)‖² + features · ‖φ(x) − φ(G(z))‖² + shell · (‖z‖² − d)²/4d, by Adam from `restarts` places.

    image: C×H×W in the generator's shape, uint8, uint16 or float32 in [0, 1]. The two distances are in units of that
    between random pictures of the generator. φ: the features of the network in ganvas that suits the data; without one the
    term is left out. The last is −log of the (asymptotically normal) density of ‖z‖² for normal z of d numbers: it keeps z
    where samples are without drawing it to any of them; of a uniform z each coordinate is kept in its range instead.
    label: what the generator is told; not given, each start keeps the label it was drawn with, and the best one wins.
    The starts are the nearest of 1,000 random pictures (fewer of large ones), and a VAE's own encoding. Deterministic.
    advance: told each step. Raises BadInput for a picture of another shape.
    """
    if restarts < 1 or steps < 1:
        raise BadInput(f"restarts and steps are at least 1, not {restarts} and {steps}")
    x = _target(generator, image, name).to(generator.device)
    by, prior = eye(generator.spec, generator.device), generator.prior
    features = features if by.classes else 0.0
    pool = _pool(generator, label)
    with torch.no_grad():
        pictures = torch.cat(list(drawn(generator, pool)))
        phi, phi_x = by.look(pictures)[0], by.look(x)[0]
    half = len(pictures) // 2
    units = [((v[:half] - v[half : 2 * half]) ** 2).flatten(1).sum(1).mean().clamp_min(1e-12) for v in (pictures, phi)]
    errors = ((pictures - x) ** 2).flatten(1).mean(1)
    distance = ((pictures - x) ** 2).flatten(1).sum(1) / units[0] + features * ((phi - phi_x) ** 2).sum(1) / units[1]
    best = pool.take(distance.argsort(stable=True)[:restarts].cpu().numpy())
    best = _with_encoded(generator, x, best)
    told = None if best.label is None else {"label": best.label.to(generator.device)}
    z = torch.from_numpy(best.z).to(generator.device).requires_grad_()

    def loss() -> Tensor:
        """One number for each start."""
        y = generator.unit(z, told)
        found = ((y - x) ** 2).flatten(1).sum(1) / units[0]
        if features:
            found = found + features * ((by.look(y)[0] - phi_x) ** 2).sum(1) / units[1]
        if shell and isinstance(prior, Normal):
            found = found + shell * ((z**2).sum(1) - prior.dim) ** 2 / (4 * prior.dim)
        return found

    descend(z, loss, steps, prior, advance)
    with torch.no_grad():
        k = int(loss().argmin())
    place = best._replace(z=z.detach().cpu().numpy()).take(np.array([k]))._replace(names=(name,))
    picture = next(drawn(generator, place)).detach()
    error = float(((picture - x) ** 2).mean())
    radius = float(np.linalg.norm(place.z - prior.mean) / (prior.std * prior.dim**0.5))
    return Inversion(
        place, picture[0].cpu().numpy(), error, float(errors.median()), float(errors.min()), radius, pool.n
    )


def descend(
    z: Tensor, loss: Callable[[], Tensor], steps: int, prior: Prior, advance: Callable[[int], None] | None = None
) -> None:
    """Adam on z, its rate falling to 0 as a cosine; after every step a uniform prior's z is put back into its range."""
    adam = torch.optim.Adam([z], RATE, betas=(0.9, 0.99))
    for step in range(steps):
        adam.param_groups[0]["lr"] = RATE * (1 + math.cos(math.pi * step / steps)) / 2
        (z.grad,) = torch.autograd.grad(loss().sum(), z)
        adam.step()
        if not isinstance(prior, Normal):
            with torch.no_grad():
                z.clamp_(prior.low, prior.high)
        if advance:
            advance(1)


def _pool(generator: Generator, label: Wanted | None) -> Places:
    index = np.arange(min(POOL, max(64, PIXELS // math.prod(generator.spec.shape))))
    z = generator.latents(len(index), SEED).cpu().numpy()
    if generator.conditional:
        return Places(z, torch.from_numpy(labels.told(generator.spec, label, index)))
    if label is not None:
        generator.sample(1, label=label)  # raises, and says why
    return Places(z)


def _with_encoded(generator: Generator, x: Tensor, places: Places) -> Places:
    """And where an autoencoder's own encoder puts the picture, told the label of the first."""
    if not hasattr(generator.net, "encode"):
        return places
    low, high = generator.pixels
    told = [] if places.label is None else [places.label[:1].to(generator.device)]
    with torch.no_grad():
        mean, _ = generator.net.encode(x * (high - low) + low, *told)
    label = None if places.label is None else torch.cat([places.label, places.label[:1]])
    return Places(np.concatenate([places.z, mean.cpu().numpy()]), label)


def _target(generator: Generator, image: np.ndarray, name: str) -> Tensor:
    image = np.asarray(image)
    if image.shape != tuple(generator.spec.shape):
        sizes = [" × ".join(map(str, shape)) for shape in (image.shape, generator.spec.shape)]
        raise BadInput(
            f"{name} is {sizes[0]} and this generator draws {sizes[1]} (channels, height, width): make it so"
        )
    unit = with_depth(image.astype(np.float32) if image.dtype == np.float64 else image, np.float32)
    if not (np.isfinite(unit).all() and unit.min() >= 0 and unit.max() <= 1):
        raise BadInput(f"{name} has values outside 0…1: divide by what means white")
    return torch.from_numpy(np.array(unit))[None]


def fitting(path: Path, generator: Generator, negative: bool = False, say: Callable[[str], None] = print) -> np.ndarray:
    """A picture file as this generator would draw it: channels, and a larger one cropped and scaled as in training.

    negative: with light and dark exchanged; where it is needed and was not asked for, `say` is told. Raises BadInput for
    what cannot be read, for a smaller picture, and for opacity that would have to go.
    """
    (channels, height, width), name = generator.spec.shape, printable(path)
    try:
        image = read_image(path)
    except (BadInput, OSError) as error:
        raise BadInput(f"{name} cannot be inverted: {error}") from None
    h, w = image.shape[1:]
    if h < height or w < width:
        raise BadInput(
            f"{name} is {h}×{w} and this generator draws {height}×{width}: give a picture that is not smaller"
        )
    if (h, w) != (height, width):
        say(f"{name} is {h}×{w}: its centre is cut out and scaled to {height}×{width}, as training images are")
    try:
        x = with_depth(with_channels(resize(image, (height, width)), channels), np.float32)
    except ValueError:
        raise BadInput(f"{name} has {len(image)} channels and this generator draws {channels}") from None
    x = 1 - x if negative else x
    mean = generator.spec.mean_image() if generator.spec.mean else np.full_like(x, 0.5)
    if ((x - mean) ** 2).mean() > 2 * ((1 - x - mean) ** 2).mean():
        say(f"{name} is far from the training images and its negative is not: --negative exchanges light and dark")
    return x


def beside(found: Sequence[Inversion], targets: Sequence[np.ndarray], generator: Generator) -> Images:
    """Three pictures for each: target, reconstruction, and how far they are apart, in the data's depth."""
    rows = [(x, one.picture, np.abs(x - one.picture)) for x, one in zip(targets, found, strict=True)]
    images = to_depth(np.concatenate(rows), generator.spec).view(Images)
    images.span = generator.spec.range
    return images


def words(found: Inversion, generator: Generator) -> str:
    """One line, with what to make of it."""
    told = "" if found.place.label is None else f" as {labels.name_of(generator.spec, found.place.label[0].numpy())}"
    line = f"{found.place.names[0]}{told}: mean squared error {found.error:.2g}, where white is 1 (random pictures "
    line += f"{found.random:.2g}, the nearest of {found.pool:,} {found.nearest:.2g})"
    if found.error > found.random / 5:
        return f"{line}: this generator cannot draw it"
    if not 0.8 < found.radius < 1.2:
        return f"{line}, but z is {found.radius:.2f} times as long as the prior's"
    return line
