"""Asking a generator for pictures: picture i of a seed is the same alone, in a sheet, or in a film, given its label."""

import math
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ganvas.data import labels
from ganvas.data.labels import Wanted
from ganvas.data.source import DataSpec, Source
from ganvas.errors import BadInput
from ganvas.nets.condition import Mixture
from ganvas.play.game import Batch, Game
from ganvas.play.latent import Prior
from ganvas.study.picture import save_picture
from ganvas.study.sheets import beside, sheet, write_picture
from ganvas.study.trained import Trained

if TYPE_CHECKING:
    from ganvas.study.directions import Direction
    from ganvas.study.inversion import Inversion
    from ganvas.study.walk import Mode

SHEET_SIZE = 64
SHEET_ROWS = 10  # classes shown: more rows would be too small in the film


class Images(np.ndarray):
    """N×C×H×W pictures in the data's own depth: uint8, uint16 or float32. A notebook shows them as a sheet.

    span: the values that mean black and white, which floats need to be shown. rows: what to write beside the rows of
    the sheet, where each has a name; a part of the pictures has none.
    """

    span: tuple[float, float] = (0, 1)
    rows: tuple[str, ...] = ()

    def __array_finalize__(self, other):
        self.span = getattr(other, "span", (0, 1))

    def sheet(self, **options):
        """One picture (PIL) of them all."""
        if self.rows:
            options = {"columns": len(self) // len(self.rows)} | options
        picture = sheet(visible(np.asarray(self), self.span), **options)
        return beside(self.rows, picture) if self.rows else picture

    def save(self, path: str | Path) -> None:
        """A sheet as an image file; for single files see `save_each`."""
        write_picture(self.sheet(), Path(path))

    def save_each(self, folder: str | Path, first: int = 0) -> list[Path]:
        """One PNG a picture, 16-bit grey kept: 00000.png …"""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{first + i:05d}.png" for i in range(len(self))]
        for path, image in zip(paths, np.asarray(self), strict=True):
            save_picture(path, image)
        return paths

    def _repr_png_(self) -> bytes | None:
        if self.ndim != 4:
            return None
        buffer = BytesIO()
        self.sheet().save(buffer, "PNG")
        return buffer.getvalue()


class Generator(Trained):
    """A trained generator you can call. `G(z)` maps N×latent to N×C×H×W in [0, 1]; `G.sample(n, seed)` draws pictures.

    prior: what z is drawn from.
    """

    def __init__(
        self,
        net: nn.Module,
        game: Game,
        prior: Prior,
        spec: DataSpec,
        pixels: tuple[float, float],
        images: int = 0,
        label: dict | None = None,
    ):
        super().__init__(net, game, spec, pixels, images, label)
        self.prior = prior

    @property
    def conditional(self) -> bool:
        """Whether it is told a label."""
        return bool(getattr(self.game, "conditional", False) and self.spec.levels)

    def latents(self, n: int, seed: int = 0, first: int = 0) -> Tensor:
        """n×latent: those of pictures `first` … of this seed; each depends on (seed, its index) alone."""
        return self._latents(np.arange(first, first + n), seed)

    def _latents(self, index: np.ndarray, seed: int) -> Tensor:
        return torch.from_numpy(np.stack([self.prior.at(seed, int(i)) for i in index])).to(self.device)

    @torch.no_grad()
    def __call__(self, z: Tensor, batch: Batch | None = None) -> Tensor:
        return self.unit(z, batch).clamp(0, 1)

    def unit(self, z: Tensor, batch: Batch | None = None) -> Tensor:
        """As a call, but gradients pass, and nothing is clamped: black is 0, white 1."""
        low, high = self.pixels
        if batch is None:  # labels in turn
            batch = {"label": torch.from_numpy(labels.in_turn(self.spec, np.arange(len(z)))).to(self.device)}
        images = self.game.imagine(self.net, z.to(self.device), batch).float()
        return (images - low) / (high - low)

    def at(self, z: Tensor | np.ndarray, label: Tensor | Mixture | None = None, batch: int = 250) -> Images:
        """The pictures at N×latent latents, C×H×W each, in the data's own depth and range.

        label: N of them, as the data have them (see `DataSpec`), or a `Mixture` of such; not given: in turn.
        """
        z = torch.as_tensor(z, dtype=torch.float32)
        label = torch.from_numpy(labels.in_turn(self.spec, np.arange(len(z)))) if label is None else label
        parts = []
        for start in range(0, len(z), batch):
            here = slice(start, start + batch)
            given = {"label": label[here].to(self.device)}
            parts.append(to_depth(self(z[here], given).cpu().numpy(), self.spec))
        images = np.concatenate(parts).view(Images)
        images.span = self.spec.range
        return images

    def sample(
        self,
        n: int = 1,
        seed: int = 0,
        first: int = 0,
        batch: int = 250,
        label: Wanted | Sequence[Wanted] | None = None,
        **moved: Any,
    ) -> Images:
        """n pictures, C×H×W each, in the data's own depth and range; same seed, same pictures.

        label: for a conditional generator a class by its name or index (a string is a name first, an int is an index:
        see `spec.classes`), or for several columns {"colour": "red", "size": 0.7} or "colour=red,size=0.7", numbers in
        the data's units; or a list of n of these. What is not given runs through its values in turn: picture i is of
        class i modulo their number. moved: `truncation`, `direction` and `strength`, see `moved`. Raises BadInput for what
        does not exist, and where there is nothing to be told.
        """
        _check(("n", n, 1), ("seed", seed, 0), ("first", first, 0))
        index = np.arange(first, first + n)
        if label is not None:
            self._must_be_conditional()
        if isinstance(label, list | tuple | np.ndarray):
            if len(label) != n:
                raise BadInput(f"label is a list of {len(label)} for {n} pictures; give one for each, or one for all")
            each = [labels.told(self.spec, one, index[k : k + 1]) for k, one in enumerate(label)]
            return self.draw(index, np.concatenate(each), seed, batch, **moved)
        return self.draw(index, labels.told(self.spec, label, index), seed, batch, **moved)

    def by_class(self, n: int | None = None, seed: int = 0, first: int = 0, most: int = 32, **moved: Any) -> Images:
        """At least n pictures, a row of the sheet for each class, its name beside it; by default 8 of each.

        The latents are the same in every row, `first` and on: a column shows what the class alone changes. Picture k of
        a row is `sample(label=…, first=first + k)`. `most` classes (or, with several columns, combinations) are shown,
        evenly chosen. Rows are full, so there may be more than n pictures. Raises BadInput where there are no classes.
        """
        _check(("seed", seed, 0), ("first", first, 0), *[("n", n, 1)] * (n is not None))
        self._must_be_conditional()
        chosen, names = labels.rows(self.spec, most if n is None else min(n, most))
        columns = 8 if n is None else -(-n // len(names))
        index = np.tile(np.arange(first, first + columns), len(names))
        images = self.draw(index, chosen.repeat(columns, axis=0), seed, **moved)
        images.rows = names
        return images

    def look(self, source: Source, seed: int = 0) -> Image.Image:
        """The sheet of a run: 64 latents, or a few for each class."""
        if self.conditional:
            return self.by_class(SHEET_SIZE, seed, most=SHEET_ROWS).sheet()
        return self.sample(SHEET_SIZE, seed).sheet()

    def measure(self, source: Source, seed: int = 0) -> dict[str, float]:
        """Nothing: noise has no right answer."""
        return {}

    def _must_be_conditional(self) -> None:
        if not self.conditional:
            raise BadInput(
                "this generator was trained without labels, so it cannot be asked for a class: leave it out, or train one "
                "with --conditional"
            )

    def draw(self, index: np.ndarray, label: np.ndarray, seed: int, batch: int = 250, **moved: Any) -> Images:
        """Picture k from latent `index[k]` of this seed and `label[k]`, as data have them: see `DataSpec`."""
        return self.at(self.moved(self._latents(index, seed), **moved), torch.from_numpy(label), batch)

    def moved(
        self, z: Tensor, truncation: float = 1.0, direction: "Direction | str | Path | None" = None, strength: float = 1.0
    ) -> Tensor:  # fmt: skip
        """N×latent latents drawn to the prior's mean, mean + truncation · (z − mean), then moved along a direction.

        Truncation, from 0 to 1, trades variety for typical pictures, as in Karras et al. 2019, appendix B, but in z.
        direction: of `study.directions`, or the file of one. Raises BadInput.
        """
        if not 0 <= truncation <= 1:
            raise BadInput(
                f"truncation {truncation:g} is out of range: 1 leaves latents as they are, 0 makes them all the mean"
            )
        if truncation != 1:
            z = self.prior.mean + truncation * (z - self.prior.mean)
        if not math.isfinite(strength):
            raise BadInput("strength must be a number")
        if direction is not None:
            from ganvas.study.directions import kept

            found = kept(direction, self) if isinstance(direction, str | Path) else direction
            z = z + strength * torch.as_tensor(found.vector, device=z.device)
        return z

    def interpolate(self, *stops: str, frames: int = 60, mode: "Mode | None" = None, loop: bool = False) -> Images:
        """A walk through stops such as "17", "3:17" or a file: see `study.latents.pick` and `study.walk`."""
        from ganvas.study import latents, walk

        places = latents.pick(self, ",".join(map(str, stops)))
        return self.at(*walk.walk(places, frames, mode or walk.natural(self.prior), loop)[:2])

    def direction(self, word: str, hold: bool | None = None) -> "Direction":
        """What "slant", "ink", "class:7", "sefa:0", "pca:0", "labels.csv:smiling" or a file names: `study.directions`."""
        from ganvas.study import directions

        return directions.find(self, word, hold=hold)

    def invert(self, image: np.ndarray, label: Wanted | None = None, **options: Any) -> "Inversion":
        """The latent that draws a picture C×H×W best: see `study.inversion`."""
        from ganvas.study import inversion

        return inversion.invert(self, image, label, **options)

    def __repr__(self) -> str:
        c, h, w = self.spec.shape
        recipe = self.label.get("recipe", type(self.net).__name__)
        return f"<ganvas generator: {recipe} on {self.spec.name}, {c}×{h}×{w}, trained on {self.images:,} images>"


def _check(*numbers: tuple[str, Any, int]) -> None:
    for name, number, least in numbers:
        if not isinstance(number, int | np.integer) or number < least:
            raise BadInput(f"{name} must be a whole number from {least} up, not {number!r}")


def visible(images: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    """Floats to [0, 1], where a sheet expects them; integers as they are."""
    return (images - span[0]) / (span[1] - span[0]) if images.dtype.kind == "f" else images


def to_depth(unit: np.ndarray, spec: DataSpec) -> np.ndarray:
    """Floats in [0, 1] to the depth the data came in."""
    if spec.bits == 8:
        return np.rint(unit * 255).astype(np.uint8)
    if spec.bits == 16:
        return np.rint(unit * 65535).astype(np.uint16)
    low, high = spec.range
    return (unit * (high - low) + low).astype(np.float32)
