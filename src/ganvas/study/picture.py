"""One picture, from Pillow and back, and as a file."""

from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from ganvas import files
from ganvas.errors import BadInput

DEEP = (".png", ".tif", ".tiff")  # files that hold 16-bit grey


def save_picture(path: Path, image: np.ndarray) -> None:
    """One picture C×H×W (uint8, uint16 or floats in [0, 1]) as a file, at its own depth where the format can hold it.

    .npy stores any array as it is; 16-bit grey stays 16 bit in PNG and TIFF; everything else is written with 8 bits.
    Raises BadInput for what the format cannot hold, and Storage.
    """
    path = Path(path)
    with files.replacing(path) as file:
        write_to(file, image, path.suffix.lower(), path.name)


def write_to(file: BinaryIO, image: np.ndarray, suffix: str, name: str = "the picture") -> None:
    """The same into an open file, as the kind that `suffix` names."""
    image = np.asarray(image)
    if suffix == ".npy":
        np.save(file, image)
        return
    if image.ndim != 3 or not 1 <= len(image) <= 4:
        raise BadInput(f"{name}: a picture file holds 1 to 4 channels, not shape {image.shape}; .npy holds any")
    format = Image.registered_extensions().get(suffix)
    if format not in Image.SAVE:
        raise BadInput(f"{name}: {suffix or 'no ending'} is no kind of picture file; use .png")
    try:
        to_pil(image if suffix in DEEP else eight_bit(image)).save(file, format)
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None):  # of the disk, which `files` puts into words
            raise
        what = "opacity" if len(image) in (2, 4) else f"{len(image)} channels"
        raise BadInput(f"{name}: {format} cannot hold {what}; use .png") from None


def to_pil(image: np.ndarray) -> Image.Image:
    """C×H×W, 1 to 4 channels: 16-bit grey as it is, all else as 8 bit, which is what Pillow holds. Raises BadInput."""
    if not 1 <= len(image) <= 4:
        raise BadInput(f"a PIL picture holds 1 to 4 channels, not {len(image)}: pass an array instead")
    if image.dtype != np.uint16 or len(image) > 1:
        image = eight_bit(image)
    return Image.fromarray(image[0] if len(image) == 1 else np.ascontiguousarray(np.moveaxis(image, 0, -1)))


def from_pil(picture: Image.Image, channels: int) -> np.ndarray:
    """C×H×W in the picture's own depth. Opacity is kept for somebody who takes 2 or 4 channels, else laid on white."""
    if picture.mode.startswith("I;16"):
        return np.asarray(picture).astype(np.uint16)[None]
    if picture.mode == "F":
        return np.asarray(picture)[None]
    if channels not in (2, 4) and picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")
    mode = picture.mode if picture.mode in ("L", "LA", "RGB", "RGBA") else "L" if picture.mode == "1" else "RGB"
    pixels = np.asarray(picture.convert(mode))
    return np.moveaxis(pixels.reshape(*pixels.shape[:2], -1), -1, 0)


def unit(pixels: np.ndarray) -> np.ndarray:
    """Any stored pixels as floats in [0, 1]; what is not a number becomes black."""
    if pixels.dtype.kind == "f":
        return np.clip(np.nan_to_num(pixels), 0, 1)
    if pixels.dtype not in (np.uint8, np.uint16):
        raise BadInput(f"pictures are uint8, uint16 or floats in [0, 1], not {pixels.dtype}")
    return pixels / np.float64(np.iinfo(pixels.dtype).max)


def eight_bit(pixels: np.ndarray) -> np.ndarray:
    return pixels if pixels.dtype == np.uint8 else np.rint(unit(pixels) * 255).astype(np.uint8)
