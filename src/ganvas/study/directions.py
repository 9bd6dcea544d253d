"""Directions in latent space that mean something: where they come from, and the small files that keep them.

From groups that a user picked (Radford et al. 2015, section 6.3.2), from what can be measured on pictures, from a table
of labels, or from the weights alone (Shen & Zhou 2021; Härkönen et al. 2020).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganvas.data.table import read_table
from ganvas.errors import BadInput
from ganvas.files import printable
from ganvas.study import attributes
from ganvas.study.attributes import within
from ganvas.study.components import factorised, principal
from ganvas.study.latents import NUMBER, Places, pick, random_places, read, write
from ganvas.study.sample import Generator
from ganvas.study.suited import eye

DRAWN, SEED = 4000, 1  # latents that a direction is fitted on, of another seed than the pictures on a sheet
SLOPES = 300  # latents at which the classifier's slopes are taken
RIDGE = 0.03  # as a share of their mean square: what keeps a direction out of the mere noise of its regression
UNSUPERVISED = re.compile(r"(sefa|pca)(?::(\d{1,4}))?")


@dataclass(frozen=True, eq=False)
class Direction:
    """What is added to z at strength 1. about: how it was found, for people and JSON."""

    vector: np.ndarray
    name: str
    about: dict[str, Any] = field(default_factory=dict)

    def move(self, places: Places, strength: float | np.ndarray) -> Places:
        """The places moved so far: one strength for all, or N."""
        if not np.isfinite(strength).all():
            raise BadInput("strength must be a number")
        step = np.reshape(strength, (-1, 1)) * self.vector.astype(np.float64)
        return places._replace(z=(places.z + step).astype(np.float32))

    def keep(self, path: str | Path, generator: Generator) -> None:
        """A .safetensors file that `ganvas sample --direction` and `kept` read."""
        tensors = {"z": torch.from_numpy(np.asarray(self.vector, np.float32))[None]}
        write(Path(path), "direction", generator, tensors, {"name": self.name, "about": self.about})


def kept(path: str | Path, generator: Generator, say: Callable[[str], None] | None = None) -> Direction:
    """What `Direction.keep` wrote. Raises BadInput for one of another latent, Corrupt."""
    facts, tensors = read(Path(path), "direction", generator, say)
    return Direction(tensors["z"][0].numpy(), str(facts.get("name", Path(path).stem)), facts.get("about") or {})


def difference(plus: Places, minus: Places, name: str = "plus − minus") -> Direction:
    """The mean of one group less the mean of another. Of groups of three and C another mean of three, A − B + C is as
    long as the prior's own samples: averages are shorter, and this makes up for it."""
    for group, word in ((plus, "plus"), (minus, "minus")):
        if group.n < 2:
            raise BadInput(
                f"--{word} names one picture ({group.names[0]}): an average needs at least two, three in the paper"
            )
    vector = plus.z.mean(0, dtype=np.float64) - minus.z.mean(0, dtype=np.float64)
    return Direction(
        vector.astype(np.float32), name, {"found": "difference of means", "plus": plus.n, "minus": minus.n}
    )


def find(
    generator: Generator, word: str, seed: int = 0, hold: bool | None = None, say: Callable[[str], None] | None = None
) -> Direction:
    """A direction by its word: a file of one; ink, slant, width, height or class:NAME; sefa:0 or pca:0 (and on);
    labels.csv:COLUMN, whose files are called by their numbers under `seed`. Raises BadInput."""
    table, _, column = word.rpartition(":")
    if word.lower().endswith(".safetensors"):
        return kept(word, generator, say)
    if table.lower().endswith(".csv"):
        return tagged(generator, Path(table), column, seed)
    if match := UNSUPERVISED.fullmatch(word):
        return _chosen(components(generator, match[1]), match[1], match[2])
    if word.lower().endswith(".csv"):
        raise BadInput(f"{word}: which column? Write {word}:NAME")
    return measured(generator, word, hold)


def _chosen(options: list[Direction], word: str, number: str | None) -> Direction:
    if number is None or int(number) >= len(options):
        raise BadInput(f"{word}: which one? Write {word}:0 to {word}:{len(options) - 1}, the first has most effect")
    return options[int(number)]


def measured(generator: Generator, name: str, hold: bool | None = None, n: int = DRAWN, seed: int = SEED) -> Direction:
    """The direction of an attribute that is measured on n pictures: `fitted`.

    hold: whether it is then made `still`, so that the class a classifier sees stays; not given: where one suits the
    pictures and the generator is not told the class, which would hold it anyway.
    """
    attributes.check(generator, name)
    by, places = eye(generator.spec, generator.device), random_places(generator, n, seed)
    about = {"found": f"regression of {name} on {n:,} latents", "attribute": name}
    slope = fitted(places, attributes.see(generator, places, by).values(name), generator)
    could = bool(by.classes) and not name.startswith("class:")
    if hold and not could:
        raise BadInput(
            f"--hold keeps the class, and for {name} of {generator.spec.name} there is none to keep: leave it out"
        )
    if could and not generator.conditional if hold is None else hold:
        slope = still(slope, class_slopes(generator))
        about["found"] += f", held still in {by.name}"
    return Direction(_scaled(slope, generator), name, about)


def tagged(generator: Generator, table: Path, column: str, seed: int = 0) -> Direction:
    """The direction of a column of a labels.csv whose files are called by their numbers: two words, or numbers.

    Of words the later in the alphabet is plus. Raises BadInput.
    """
    try:
        found = read_table(table.read_bytes())
    except OSError as error:
        raise BadInput(
            f"{printable(table)} cannot be read ({error.strerror}): give file,{column or 'label'} lines"
        ) from None
    if column not in found.heads:
        raise BadInput(f"{printable(table)} has no column {column!r}: its columns are {', '.join(found.heads)}")
    stems = {name: Path(name).stem for name in found.rows}
    if odd := next((name for name, stem in stems.items() if not NUMBER.fullmatch(stem)), None):
        raise BadInput(
            f"{printable(table)}: {printable(odd)} is not called by a number, as `sample --singles` calls files"
        )
    words = [row[found.heads.index(column)] for row in found.rows.values()]
    y = _numbers(words)
    if y is None:
        kinds = sorted(set(words))
        if len(kinds) != 2:
            raise BadInput(
                f"{printable(table)}: column {column} has {len(kinds)} different words: a direction has two ends"
            )
        y = np.array([float(word == kinds[1]) for word in words])
    if len(y) < 4 or np.ptp(y) == 0:
        raise BadInput(f"{printable(table)}: column {column} needs at least 4 pictures that are not all alike")
    places = pick(generator, ",".join(f"{int(stem)}" for stem in stems.values()), seed)
    vector = _scaled(fitted(places, y, generator), generator)
    return Direction(vector, column, {"found": f"regression on {len(y):,} lines of {table.name}"})


def _numbers(words: list[str]) -> np.ndarray | None:
    try:
        y = np.array([float(word) for word in words])
    except ValueError:
        return None
    return y if np.isfinite(y).all() else None


def fitted(places: Places, y: np.ndarray, generator: Generator) -> np.ndarray:
    """The slope of y's regression on z, for equal labels: they are held constant, so that it is not the classes' own.

    For normal z it is the mean gradient of y over the latent space (Stein 1981), for y of 0 and 1 Fisher's discriminant.
    Fewer pictures than numbers in z are drawn towards the plain covariance of z and y by a ridge.
    """
    z, y = (within(places, x, generator) for x in (places.z, y))
    few = z.var() * z.shape[1] / len(z)  # a ridge that vanishes where there are many
    return np.linalg.solve(z.T @ z / len(z) + few * np.eye(z.shape[1]), z.T @ y / len(z))


@torch.enable_grad()
def class_slopes(generator: Generator, n: int = SLOPES, seed: int = SEED) -> np.ndarray:
    """E[JᵀJ], latent×latent, of J = ∂ log p(class | G(z))/∂z: how much a step in any direction changes the classifier's
    mind, over the n first latents of `seed`."""
    by, places = eye(generator.spec, generator.device), random_places(generator, n, seed)
    total = np.zeros((generator.prior.dim, generator.prior.dim))
    for start in range(0, n, 100):
        rows = slice(start, start + 100)
        z = torch.from_numpy(places.z[rows]).to(generator.device).requires_grad_()
        told = None if places.label is None else {"label": places.label[rows].to(generator.device)}
        log_p = by.look(generator.unit(z, told).clamp(0, 1))[1].log_softmax(1)
        for k in range(log_p.shape[1]):
            (slope,) = torch.autograd.grad(log_p[:, k].sum(), z, retain_graph=True)
            slope = slope.double().cpu().numpy()
            total += slope.T @ slope / n
    return total


def still(slope: np.ndarray, unrest: np.ndarray, ridge: float = RIDGE) -> np.ndarray:
    """Of all directions that gain as much along `slope` the one of least unrest: v ∝ (M/mean eigenvalue + ridge)⁻¹ slope.

    M: `class_slopes`. A large ridge leaves the slope as it is.
    """
    scale = max(np.trace(unrest) / len(slope), 1e-12)
    return np.linalg.solve(unrest / scale + ridge * np.eye(len(slope)), slope)


def components(generator: Generator, kind: str) -> list[Direction]:
    """Directions without any label, the strongest first: "sefa" or "pca"."""
    rows = factorised(generator) if kind == "sefa" else principal(generator)
    how = {"sefa": "eigenvectors of the first layer's AᵀA", "pca": "principal components of first activations"}[kind]
    scaled = [_scaled(row, generator) for row in rows]
    return [Direction(row, f"{kind}:{k}", {"found": f"{how}, number {k}"}) for k, row in enumerate(scaled)]


def _scaled(slope: np.ndarray, generator: Generator) -> np.ndarray:
    """As long as one standard deviation of the prior."""
    length = np.linalg.norm(slope)
    if not length > 0:
        raise BadInput("there is no direction: nothing that was measured changes with z")
    return (slope * (generator.prior.std / length)).astype(np.float32)
