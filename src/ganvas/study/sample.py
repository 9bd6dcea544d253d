"""Asking a generator for pictures: picture i of a seed is the same alone, in a sheet, or in a film."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ganvas.data.source import DataSpec
from ganvas.errors import BadInput
from ganvas.play.game import Batch, Game
from ganvas.play.latent import Prior
from ganvas.study.sheets import save_picture, sheet, write_picture


class Images(np.ndarray):
    """N×C×H×W pictures in the data's own depth: uint8, uint16 or float32. A notebook shows them as a sheet.

    span: the values that mean black and white, which floats need to be shown.
    """

    span: tuple[float, float] = (0, 1)

    def __array_finalize__(self, other):
        self.span = getattr(other, "span", (0, 1))

    def sheet(self, **options):
        """One picture (PIL) of them all."""
        return sheet(visible(np.asarray(self), self.span), **options)

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


class Generator:
    """A trained generator you can call. `G(z)` maps N×latent to N×C×H×W in [0, 1]; `G.sample(n, seed)` draws pictures.

    net: in eval mode. pixels: the range the net answers in. spec: what the data said of itself. images: real images
    it was trained on. label: recipe and arguments, for people.
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
        self.net, self.game, self.prior, self.spec, self.pixels = net, game, prior, spec, pixels
        self.images, self.label = images, label or {}

    @property
    def device(self) -> torch.device:
        return next(self.net.parameters()).device

    def to(self, device: torch.device | str) -> "Generator":
        self.net.to(device)
        return self

    def latents(self, n: int, seed: int = 0, first: int = 0) -> Tensor:
        """n×latent: those of pictures `first` … of this seed; each depends on (seed, its index) alone."""
        return torch.from_numpy(np.stack([self.prior.at(seed, first + i) for i in range(n)])).to(self.device)

    @torch.no_grad()
    def __call__(self, z: Tensor, batch: Batch | None = None) -> Tensor:
        low, high = self.pixels
        images = self.game.imagine(self.net, z.to(self.device), batch or {}).float()
        return ((images - low) / (high - low)).clamp(0, 1)

    def sample(self, n: int = 1, seed: int = 0, first: int = 0, batch: int = 250) -> Images:
        """n pictures, C×H×W each, in the data's own depth and range; same seed, same pictures."""
        for name, number, least in (("n", n, 1), ("seed", seed, 0), ("first", first, 0)):
            if not isinstance(number, int | np.integer) or number < least:
                raise BadInput(f"{name} must be a whole number from {least} up, not {number!r}")
        images = np.concatenate(list(self._batches(n, seed, first, batch))).view(Images)
        images.span = self.spec.range
        return images

    def _batches(self, n: int, seed: int, first: int, batch: int) -> Iterator[np.ndarray]:
        for start in range(0, n, batch):
            z = self.latents(min(batch, n - start), seed, first + start)
            labels = torch.arange(first + start, first + start + len(z), device=self.device)  # classes in turn
            given = {"label": labels % max(len(self.spec.classes), 1)}
            yield to_depth(self(z, given).cpu().numpy(), self.spec)

    def __repr__(self) -> str:
        c, h, w = self.spec.shape
        recipe = self.label.get("recipe", type(self.net).__name__)
        return f"<ganvas generator: {recipe} on {self.spec.name}, {c}×{h}×{w}, trained on {self.images:,} images>"


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
