"""What can be said of pictures in numbers: strokes, and how much a classifier sees each class."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

import numpy as np
import torch

from ganvas import files
from ganvas.errors import BadInput
from ganvas.measure.strokes import STROKES
from ganvas.nets.condition import Code
from ganvas.study.latents import Places
from ganvas.study.sample import Generator
from ganvas.study.suited import Eye, eye

BATCH = 250


def check(generator: Generator, name: str) -> None:
    """Raises BadInput for an attribute that these pictures have not."""
    if name in STROKES:
        return
    word, _, which = name.partition(":")
    classes = eye(generator.spec).classes
    if word == "class" and classes and which in classes:
        return
    if word == "class":
        there = f"its classes are {', '.join(classes)}" if classes else "no classifier in ganvas suits these pictures"
        raise BadInput(f"{name}: {there}; strokes are {', '.join(STROKES)}")
    near = difflib.get_close_matches(name, STROKES, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(STROKES)}" + ", class:NAME" * bool(classes)
    raise BadInput(f"{name!r} is no attribute of a picture: {hint}")


class Measured:
    """What was measured on N pictures: `values(name)`, N numbers, and the classifier's `classes`, N indices or None."""

    def __init__(self, strokes: dict[str, np.ndarray], log_odds: np.ndarray | None, names: tuple[str, ...]):
        self.strokes, self.log_odds, self.names = strokes, log_odds, names

    def values(self, name: str) -> np.ndarray:
        """A stroke's measure, or of "class:7" the log-odds that this is a 7."""
        if name in self.strokes:
            return self.strokes[name]
        return self.log_odds[:, self.names.index(name.partition(":")[2])]

    @property
    def classes(self) -> np.ndarray | None:
        return None if self.log_odds is None else self.log_odds.argmax(1)


@torch.no_grad()
def see(generator: Generator, places: Places, by: Eye | None = None) -> Measured:
    """Draws the pictures, unrounded, and measures them."""
    by = by or eye(generator.spec, generator.device)
    strokes, odds = {name: [] for name in STROKES}, []
    with files.progress("drawing and measuring", places.n) as advance:
        for images in drawn(generator, places):
            for name, measure in STROKES.items():
                strokes[name].append(measure(images.cpu().numpy()))
            if by.classes:
                p = by.look(images)[1].double().softmax(1).clamp(1e-6, 1 - 1e-6)
                odds.append((p.log() - (1 - p).log()).cpu().numpy())
            advance(len(images))
    found = {name: np.concatenate(parts) for name, parts in strokes.items()}
    return Measured(found, np.concatenate(odds) if odds else None, by.classes)


def drawn(generator: Generator, places: Places) -> Iterator[torch.Tensor]:
    """The pictures, N×C×H×W in [0, 1], some at a time; gradients pass."""
    z = torch.from_numpy(places.z).to(generator.device)
    for start in range(0, len(z), BATCH):
        here = slice(start, start + BATCH)
        told = None if places.label is None else {"label": places.label[here].to(generator.device)}
        yield generator.unit(z[here], told).clamp(0, 1)


def within(places: Places, values: np.ndarray, generator: Generator) -> np.ndarray:
    """What is left of N (or N×k) values without their mean, and without what the labels of the places explain."""
    told, values = np.ones((places.n, 1)), np.asarray(values, np.float64)
    if isinstance(places.label, torch.Tensor):
        told = np.concatenate([told, Code(generator.spec.levels, plain=True)(places.label).double().numpy()], 1)
    return values - told @ np.linalg.lstsq(told, values, rcond=None)[0]
