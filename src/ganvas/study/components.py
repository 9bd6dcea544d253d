"""Directions that need no label: what the first layer of a generator makes the most of.

SeFa reads them off the weight (Shen & Zhou 2021), GANSpace off the activations (Härkönen et al. 2020). What they mean, if
anything, is for the eye to say.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ganvas.errors import BadInput
from ganvas.study.attributes import drawn, within
from ganvas.study.latents import random_places
from ganvas.study.sample import Generator

DRAWN, SEED = 2000, 1


def factorised(generator: Generator) -> np.ndarray:
    """SeFa in closed form: the unit steps n of z with the largest ‖An‖, A the weight by which the first layer multiplies z.

    The eigenvectors of AᵀA as rows, largest eigenvalue first.
    """
    weight, _ = first_layer(generator)
    _, vectors = np.linalg.eigh(weight.T @ weight)
    return _signed(vectors.T[::-1])


def principal(generator: Generator, n: int = DRAWN, seed: int = SEED) -> np.ndarray:
    """GANSpace: principal components of what the first layer hands on, behind its normalisation and activation.

    Each is given as the latent direction that the regression of z on its coordinate finds: unit rows, as many as z has
    numbers or the layer has features, the largest variance first. Labels are held constant.
    """
    places, handed = random_places(generator, n, seed), []
    _, next_layer = first_layer(generator)
    if next_layer is None:
        raise BadInput(f"{type(generator.net).__name__} has one layer: pca looks at what the first hands to the next")
    hook = next_layer.register_forward_pre_hook(lambda _, given: handed.append(given[0].flatten(1).double().cpu()))
    try:
        with torch.no_grad():
            for _ in drawn(generator, places):
                pass
    finally:
        hook.remove()
    x, z = (within(places, values, generator) for values in (torch.cat(handed).numpy(), places.z))
    variances, coordinates = np.linalg.eigh(x @ x.T)  # n×n: a layer may have more features than there are samples
    rank = min(generator.prior.dim, int((variances > 1e-12 * variances[-1]).sum()))
    return _signed(coordinates[:, ::-1][:, :rank].T @ z)


def first_layer(generator: Generator) -> tuple[np.ndarray, nn.Module | None]:
    """The weight of the layer that z goes into, features×latent, and the next layer that z reaches, if there is any."""
    called: list[tuple[nn.Module, Tensor]] = []
    layers = [m for m in generator.net.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)]
    hooks = [m.register_forward_pre_hook(lambda m, given: called.append((m, given[0].flatten(1)))) for m in layers]
    places = random_places(generator, 2, SEED)
    if places.label is not None:
        places = places._replace(label=places.label[[0, 0]])  # so that whatever differs is z's doing
    try:
        with torch.no_grad():
            list(drawn(generator, places))
    finally:
        for hook in hooks:
            hook.remove()
    z = torch.from_numpy(places.z).to(generator.device)
    first = next((k for k, (_, x) in enumerate(called) if torch.equal(x[:, : z.shape[1]], z)), None)
    if first is None:
        raise BadInput(f"{type(generator.net).__name__} does not begin with a linear layer of z: sefa and pca need one")
    layer, after = called[first][0], [m for m, x in called[first + 1 :] if not torch.equal(x[0], x[1])]
    weight = layer.weight.detach().double().cpu().flatten(1)
    weight = weight.T if isinstance(layer, nn.ConvTranspose2d) else weight  # stored input first
    return weight[:, : z.shape[1]].numpy(), after[0] if after else None  # beside z may stand a condition


def _signed(rows: np.ndarray) -> np.ndarray:
    """Unit rows whose largest entry is positive: an eigenvector has no sign of its own."""
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    largest = np.take_along_axis(rows, np.abs(rows).argmax(1)[:, None], 1)
    return rows * np.sign(largest)
