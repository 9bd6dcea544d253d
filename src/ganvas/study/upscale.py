"""Asking an upscaler: a picture of any size in, one so many times larger out, of the depth and channels that came in."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganvas.data.bicubic import bicubic
from ganvas.data.gallery import Gallery
from ganvas.data.photos import Photos
from ganvas.data.pixels import WHITE, with_channels
from ganvas.data.source import Source
from ganvas.errors import BadInput
from ganvas.files import progress
from ganvas.measure.pictures import luma, psnr, ssim
from ganvas.study.pairs import Paired, paired
from ganvas.study.picture import from_pil, to_pil
from ganvas.study.tiling import BYTES, Tile, tiles
from ganvas.study.translate import BITS, MEASURED, SHOWN, Translator, examples_of, mosaic, must_be_within

MEMORY = 1 << 29  # bytes that a network's maps may take: beside 12 megapixels made 192 it keeps under 2 GB


class Upscaler(Translator):
    """A trained super-resolution network you can call: `U(picture)` for PIL, NumPy and tensors gives the same kind back,
    `scale` times larger in each direction.
    """

    @property
    def scale(self) -> int:
        return self.spec.scale

    def __call__(
        self, picture: Image.Image | np.ndarray | Tensor, to: str | None = None, *, seed: int | None = None,
        memory: int = MEMORY,
    ) -> Any:  # fmt: skip
        """PIL → PIL. NumPy H×W, H×W×C or C×H×W → the same layout. Tensor C×H×W or N×C×H×W in [0, 1] → the same.

        Opacity is kept (enlarged by bicubic), grey stays grey and colour colour, whichever of them it was trained on.
        memory: bytes; larger pictures go through in tiles, which changes nothing. `to` and `seed` mean nothing here.
        """
        if isinstance(picture, Image.Image):
            if picture.has_transparency_data and picture.mode not in ("LA", "RGBA"):
                picture = picture.convert("RGBA")
            return to_pil(self.translate(from_pil(picture, 4), memory=memory))
        return super().__call__(picture, memory=memory)

    @torch.no_grad()
    def translate(
        self, picture: np.ndarray, to: str | None = None, *, seed: int | None = None, memory: int = MEMORY
    ) -> np.ndarray:
        """C×H×W uint8, uint16 or float32 → C×(scale·H)×(scale·W) of the same type; C is 1 to 4, the last of 2 and 4 opacity.

        The result lies in memory as H×W×C, as files want it, and no float of it is kept. Raises BadInput.
        """
        if picture.dtype.name not in BITS:
            raise BadInput(f"pixels are uint8, uint16 or float32, not {picture.dtype}")
        if not 1 <= len(picture) <= 4:
            raise BadInput(f"a picture has 1 to 4 channels, not {len(picture)}")
        white, s = WHITE[picture.dtype.name], self.scale
        must_be_within(0, white, picture)
        _, height, width = picture.shape
        made = np.empty((height * s, width * s, len(picture)), picture.dtype).transpose(2, 0, 1)
        count = len(picture) - (len(picture) in (2, 4))  # of grey or colour
        for tile, there in self._tiles(height, width, memory):
            part = tile.of(picture[None])[0]
            unit = torch.from_numpy(part[:count].astype(np.float32) / white)
            found = tile.counting(self._colours(unit)).mul_(white)
            made[:count, *there] = (found.round_() if white > 1 else found)[0].cpu().numpy()
            if count < len(picture):
                made[count:, *there] = tile.counting(bicubic(part[count:], s)[None])[0]
        return made

    @torch.no_grad()
    def _unit(self, unit: Tensor, to: str | None, seed: int | None, memory: int) -> Tensor:
        """1×C×H×W in [0, 1] → the same, larger."""
        (_, channels, height, width), s = unit.shape, self.scale
        if channels not in (1, 3):
            raise BadInput(f"a tensor is grey or colour, and this one has {channels} channels")
        made = torch.empty(1, channels, height * s, width * s, device=self.device)
        for tile, there in self._tiles(height, width, memory):
            made[0, :, *there] = tile.counting(self._colours(tile.of(unit)[0]))
        return made

    def _tiles(self, height: int, width: int, memory: int) -> Iterator[tuple[Tile, tuple[slice, slice]]]:
        """The tiles of a picture, and where each one's pixels stand in the result. Under a bar where there are several."""
        whole = Tile((0, height, 0, width), (0, height, 0, width))
        fits = height * width * self.net.floats * BYTES <= memory
        parts = [whole] if fits else tiles(self.net, height, width, memory)
        with progress("upscaling", len(parts)) as advance:
            for tile in parts:
                top, bottom, left, right = (side * self.scale for side in tile.core)
                yield tile, (slice(top, bottom), slice(left, right))
                advance(1)

    def _colours(self, unit: Tensor) -> Tensor:
        """1 or 3 channels in [0, 1], C×h×w → 1×C×(scale·h)×(scale·w): grey as three equal ones through a network of
        colour, colour one by one through a network of grey."""
        trained, given = self.spec.view("a").shape[0], len(unit)
        if trained == given:
            return self._through(unit[None])
        if (given, trained) == (1, 3):
            grey = with_channels(self._through(unit.expand(1, 3, -1, -1))[0].cpu().numpy(), 1)
            return torch.from_numpy(grey)[None].to(self.device)
        if (given, trained) == (3, 1):
            return torch.cat([self._through(plane[None, None]) for plane in unit], 1)
        raise BadInput(f"the picture has {given} channels, and this network was trained on {trained}")

    def _through(self, unit: Tensor) -> Tensor:
        low, high = self.pixels
        y = self.net(unit.to(self.device) * (high - low) + low).float()
        return y.sub_(low).div_(high - low).clamp_(0, 1)  # in place: it is as large as what it is cut into

    def look(self, source: Source, seed: int = 0) -> Image.Image:
        """A sheet of held-out crops: small (each pixel a block) | bicubic | output | photo."""
        examples = examples_of(source, SHOWN)
        rows = ([x, bicubic(x, self.scale), self.translate(x), y] for x, y in zip(*examples.values(), strict=True))
        return mosaic([picture for row in rows for picture in row], 8)

    def measure(self, source: Source, seed: int = 0, n: int = MEASURED) -> dict[str, float]:
        """PSNR and SSIM on luma of `n` held-out crops, `scale` pixels left out on each side, and bicubic's beside them."""
        if not self.spec.held_out:
            return {}
        found: dict[str, list[float]] = {}
        held = source.held_out(n)
        for x, y in zip(held["a"], held["b"], strict=True):
            for who, made in (("", self.translate(x)), ("bicubic ", bicubic(x, self.scale))):
                for name, value in scored(made, y, self.scale).items():
                    found.setdefault(f"val/{who}{name}", []).append(value)
        return {name: float(np.mean(values)) for name, values in found.items()}

    def __repr__(self) -> str:
        recipe = self.label.get("recipe", type(self.net).__name__)
        return f"<ganvas upscaler: {recipe} on {self.spec.name}, ×{self.scale}, trained on {self.images:,} crops>"


FIDELITY = ("psnr", "ssim", "sharpness")


def scored(made: np.ndarray, photo: np.ndarray, scale: int) -> dict[str, float]:
    """PSNR (at most 100) and SSIM, of colour on luma, as papers on super-resolution give them: `scale` pixels cropped."""
    peak, on = WHITE[photo.dtype.name], ""
    if len(photo) == 3:
        made, photo = (luma(x.astype(np.float64) * (255 / peak)) for x in (made, photo))
        peak, on = 255, "-y"
    found = {f"psnr{on}": min(psnr(made, photo, crop=scale, peak=peak), 100.0)}
    if min(photo.shape[1:]) - 2 * scale >= 11:
        found[f"ssim{on}"] = ssim(made, photo, crop=scale, peak=peak)
    return found


def fidelity(upscaler: Upscaler, photos: Gallery, say: Callable[[str], None] = print) -> Paired:
    """How near enlarged small versions come to the `photos`: bicubic's scores, "bicubic psnr-y" and so on, and the network's.

    Photos are cut on the right and below to multiples of the scale, made small by MATLAB's bicubic, enlarged, rounded to
    their depth, and compared with `scale` pixels left out on each side. Raises BadInput where one is too small for SSIM.
    """
    s = upscaler.scale

    def large(k: int) -> np.ndarray:
        photo = photos.read(k, k + 1)[0]
        height, width = (side // s * s for side in photo.shape[1:])
        return photo[:, :height, :width]

    def gallery(name: str, of: Callable[[np.ndarray], np.ndarray]) -> Gallery:
        return Gallery(
            name, photos.fingerprint, photos.n, lambda a, b: [of(large(k)) for k in range(a, b)], photos.names
        )

    real, found = gallery(photos.name, lambda photo: photo), Paired([], [{} for _ in range(photos.n)])
    weights = str(upscaler.label.get("weights", "live"))
    for prefix, shown, enlarge in (
        ("bicubic ", "none", lambda x: bicubic(x, s)),
        ("", weights, upscaler.translate),
    ):
        with progress(f"{prefix or 'network '}on {photos.name}", photos.n) as advance:

            def made(photo: np.ndarray, enlarge=enlarge, advance=advance) -> np.ndarray:
                advance(1)
                return enlarge(bicubic(photo, 1 / s))

            scores, rows = paired(gallery(photos.name, made), real, FIDELITY, crop=s, say=say)
        for score in scores:
            card = replace(score.card, weights=shown, settings=f"×{s} from MATLAB's bicubic, {score.card.settings}")
            found.scores.append(replace(score, name=prefix + score.name, card=card))
        for row, more in zip(found.rows, rows, strict=True):
            row |= {key if key == "name" else prefix + key: value for key, value in more.items()}
    return found


def photos_of(source: Photos) -> Gallery:
    """The photos held out, whole. Raises BadInput where there are none."""
    held = source.held_photos
    if not held:
        raise BadInput(f"{source.spec.name} is too small to hold a photo out: give --against a folder of others")
    names = tuple(f"photo {k}" for k in held)
    fingerprint = f"{source.spec.fingerprint}-photos"
    return Gallery(
        f"{source.spec.name}, held out",
        fingerprint,
        len(held),
        lambda a, b: [source.photo(k) for k in held[a:b]],
        names,
    )
