"""The one reader of image files: any bytes in, a C×H×W array or a `BadImage` with the reason out.

What is read: PNG, JPEG, WebP, BMP, GIF, TIFF, PBM/PGM/PPM and NumPy's .npy, told apart by their first bytes, never by
name. Every other decoder of Pillow stays out: some start programs, many have had holes.
"""

import contextlib
import importlib.util
import io
import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from ganvas.data.packed import channels_first, image_shape, npy_header
from ganvas.data.pixels import is_grey
from ganvas.errors import BadInput
from ganvas.files import printable

MEGAPIXELS = 50  # larger pictures are refused from their header, before a byte of them is decoded
SHORTEST, LONGEST = 4, 20  # the shortest side in pixels, and how many times longer the other may be

# These classes are called directly: `Image.open` would warn about large files on its own terms, not ours.
_KINDS = (
    (rb"\x89PNG\r\n\x1a\n", PngImagePlugin.PngImageFile, (".png", ".apng")),
    (rb"\xff\xd8\xff", JpegImagePlugin.jpeg_factory, (".jpg", ".jpeg", ".jpe", ".jfif")),
    (rb"RIFF....WEBP", WebPImagePlugin.WebPImageFile, (".webp",)),
    (rb"BM", BmpImagePlugin.BmpImageFile, (".bmp", ".dib")),
    (rb"GIF8[79]a", GifImagePlugin.GifImageFile, (".gif",)),
    (rb"II[*+]\0|MM\0[*+]", TiffImagePlugin.TiffImageFile, (".tif", ".tiff")),
    (rb"P[1-6f]\s", PpmImagePlugin.PpmImageFile, (".ppm", ".pgm", ".pbm", ".pnm", ".pfm")),
    (rb"\x93NUMPY", None, (".npy",)),
)
SUFFIXES = frozenset(suffix for *_, suffixes in _KINDS for suffix in suffixes)

Note = Callable[[str], None]


class BadImage(BadInput):
    """This file is not a usable picture; the message is the reason alone, so that the caller can say which file."""


class Header(NamedTuple):
    """What a file promises before it is decoded, as `read_image` will return it. Grey stored as colour says 3."""

    channels: int
    height: int
    width: int
    dtype: np.dtype


def read_image(
    file: str | os.PathLike | bytes,
    *,
    alpha: bool = False,
    background: tuple[int, int, int] = (255, 255, 255),
    note: Note | None = None,
    any_shape: bool = False,
) -> np.ndarray:
    """A picture as C×H×W: uint8 in 0…255, uint16 in 0…65535 or float32 in 0…1. `bytes` are content, the rest a path.

    One channel for grey and black-and-white, three for colour (palettes are looked up; CMYK and LAB become RGB by
    Pillow's formulas, ICC profiles are not applied). Transparency is laid over `background` (RGB) or, with `alpha`,
    kept as a second or fourth channel. The camera's orientation is applied. 16-bit grey stays 16 bit; 16-bit colour
    becomes 8 bit, except TIFF where tifffile is installed. Of several frames the first is read. In .npy the shorter of
    the first and last axis is the channels (a tie: the last). Floats must lie in 0…1: guessing a scale from one
    picture's values would treat two pictures of one set differently.

    `note` is called with a remark for whatever was understood rather than plain. Raises `BadImage` for everything
    else: other content, damage anywhere, over 50 megapixels and, but for `any_shape`, a side under 4 pixels or one over
    20 times the other.
    """
    note = note or (lambda remark: None)
    with _reading(file) as (stream, factory):
        if factory is None:
            return _npy(stream, any_shape)
        image = _open(stream, factory, any_shape)
        if (pixels := _deep_tiff(image, stream)) is None:
            if _is_deep_colour(image):
                keep = ' (pip install "ganvas[tiff]" keeps 16)' if image.format == "TIFF" else ""
                note(f"16-bit colour, read as 8 bit{keep}")
            pixels = _turned(_pixels(image, alpha, background, note), _orientation(image))
        if _has_more(image):
            note("several frames, of which the first is read")
        return np.ascontiguousarray(pixels)


def probe(file: str | os.PathLike | bytes, note: Note | None = None) -> Header:
    """The shape and type `read_image` will give, from the header alone. Raises `BadImage` for what is bad already."""
    with _reading(file) as (stream, factory):
        if factory is None:
            shape, dtype = _npy_header(stream)
            return Header(*shape, dtype)
        image = _open(stream, factory)
        if note and not isinstance(file, bytes):
            _check_name(Path(file).suffix.lower(), factory, note)
        width, height = image.size if _orientation(image) < 5 else image.size[::-1]
        channels = 1 if image.mode in ("1", "L", "LA", "La", "I", "F") or image.mode.startswith("I;") else 3
        deep = image.mode.startswith("I") or (_is_deep_colour(image) and _tifffile(image))
        return Header(channels, height, width, np.dtype("f4" if image.mode == "F" else "u2" if deep else "u1"))


def array_shape(file: str | os.PathLike | bytes) -> tuple[int, ...] | None:
    """The shape of the array that `read_image` made a picture of, None for a file that is not .npy."""
    with _reading(file) as (stream, factory):
        return npy_header(stream).shape if factory is None else None


def _check_name(suffix: str, factory: Callable, note: Note) -> None:
    if suffix in SUFFIXES and not any(suffix in suffixes for _, kind, suffixes in _KINDS if kind is factory):
        note("content of another kind than the name says, read as what it is")


@contextlib.contextmanager
def _reading(file: str | os.PathLike | bytes) -> Iterator[tuple[BinaryIO, Callable | None]]:
    """The open file and who reads it; any exception but our own becomes a `BadImage`.

    Decoders raise whatever they like (OSError, SyntaxError, struct.error, ValueError for bombs in text chunks, …).
    """
    try:
        with io.BytesIO(file) if isinstance(file, bytes) else _regular(file) as stream:
            start = stream.read(16)
            stream.seek(0)
            kinds = [factory for pattern, factory, _ in _KINDS if re.match(pattern, start, re.DOTALL)]
            if not kinds:
                raise BadImage("not a PNG, JPEG, WebP, BMP, GIF, TIFF, PNM or .npy picture" if start else "empty file")
            yield stream, kinds[0]
    except BadImage:
        raise
    except Exception as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        raise BadImage("damaged header" if isinstance(error, SyntaxError) else printable(reason)) from error


def _regular(path: str | os.PathLike) -> BinaryIO:
    if not stat.S_ISREG(Path(path).stat().st_mode):  # opening a pipe would wait for ever, /dev/zero would never end
        raise BadImage("not a regular file")
    return Path(path).open("rb")


def _check(height: int, width: int, any_shape: bool = False) -> None:
    if height * width > MEGAPIXELS * 1_000_000:
        raise BadImage(f"{height}×{width} pixels are more than {MEGAPIXELS} megapixels")
    if not any_shape and (min(height, width) < SHORTEST or max(height, width) > LONGEST * min(height, width)):
        raise BadImage(f"{height}×{width} pixels: too small or too long")


def _open(stream: BinaryIO, factory: Callable, any_shape: bool = False) -> Image.Image:
    image = factory(stream)
    _check(image.height, image.width, any_shape)
    return image


def _packing(image: Image.Image) -> str:
    """How the file stores its pixels, in Pillow's words; known until they are loaded."""
    return str(image.tile[0][3]) if image.tile else ""


def _is_deep_colour(image: Image.Image) -> bool:
    if image.mode not in ("RGB", "RGBA", "RGBX", "CMYK", "LA") or not image.tile:
        return False
    decoder, _, _, arguments = image.tile[0]
    return arguments[-1] > 255 if decoder.startswith("ppm") else ";16" in str(arguments)


def _pixels(image: Image.Image, alpha: bool, background: tuple[int, int, int], note: Note) -> np.ndarray:
    """Decodes all of it: C×H×W as stored, before orientation."""
    packing = _packing(image)
    image.load()
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _deep_grey(image, packing)[None]
    colour = image.mode not in ("1", "L", "LA", "La")
    if not image.has_transparency_data:
        flat = image.convert("RGB" if colour else "L")
    elif alpha:
        flat = image.convert("RGBA" if colour else "LA")
    else:
        see_through = image.convert("RGBA")
        opacity = see_through.getchannel("A")
        if opacity.getextrema()[0] < 255:
            note(f"transparency, laid over {'white' if background == (255, 255, 255) else background}")
        flat = Image.new("RGB", image.size, background)
        flat.paste(see_through.convert("RGB"), mask=opacity)
    pixels = np.moveaxis(np.asarray(flat).reshape(*flat.size[::-1], -1), -1, 0)
    # Grey that became colour on the way (through a palette or transparency) is grey again; what is stored as RGB stays.
    detour = not colour or image.mode in ("P", "PA") or "LA" in packing
    return np.delete(pixels, (1, 2), axis=0) if detour and len(pixels) > 2 and is_grey(pixels[:3]) else pixels


def _deep_grey(image: Image.Image, packing: str) -> np.ndarray:
    grey = np.asarray(image)
    # Pillow turns TIFF's "white is zero" round for 8 bits only.
    inverted = image.format == "TIFF" and image.tag_v2.get(262) == 0
    if image.mode == "F":
        if not (grey.min() >= 0 and grey.max() <= 1):  # False for NaN as well
            raise BadImage("floats outside 0…1; divide by what means white")
        return (1 - grey if inverted else grey).astype(np.float32)
    if image.mode == "I" and image.format not in ("PNG", "PPM"):  # in those two it is 16 bit
        raise BadImage("32-bit or signed integers do not say what white is; save as 8 or 16 bit")
    if "I;12" in packing:
        grey = np.rint(grey * (65535 / 4095))
    return (65535 - grey if inverted else grey).astype(np.uint16)


def _orientation(image: Image.Image) -> int:
    """EXIF's 1…8. Pillow itself turns TIFF; in a PNG before loading only what stands ahead of the pixels is seen."""
    if image.format == "TIFF" or (image.format == "PNG" and "exif" not in image.info):
        return 1
    try:
        orientation = image.getexif().get(0x0112, 1)
        return orientation if orientation in range(1, 9) else 1
    except Exception:  # a camera's broken record does not spoil the picture
        return 1


def _turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    if orientation >= 5:
        pixels = pixels.transpose(0, 2, 1)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return pixels[:, ::rows, ::columns]


def _has_more(image: Image.Image) -> bool:
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:  # a damaged second frame does not spoil the first
        return True


def _tifffile(image: Image.Image) -> bool:
    return image.format == "TIFF" and importlib.util.find_spec("tifffile") is not None


def _deep_tiff(image: Image.Image, stream: BinaryIO) -> np.ndarray | None:
    """16-bit RGB where tifffile is there to read it and nothing but plain RGB needs understanding, else None."""
    if not _is_deep_colour(image) or image.mode != "RGB" or not _tifffile(image) or image.tag_v2.get(274, 1) != 1:
        return None
    import tifffile

    stream.seek(0)
    with tifffile.TiffFile(stream) as file:
        page = file.pages[0]
        pixels = page.asarray()
    pixels = np.moveaxis(pixels, -1, 0) if pixels.shape[-1] == 3 else pixels
    return pixels if pixels.dtype == np.uint16 and pixels.shape == (3, image.height, image.width) else None


def _npy_header(stream: BinaryIO, any_shape: bool = False) -> tuple[tuple[int, int, int], np.dtype]:
    """C×H×W and the type it will have, after making sure that the file holds what its header claims."""
    header = npy_header(stream)
    shape = image_shape(header.shape) if len(header.shape) in (2, 3) else None
    if shape is None or 0 in shape:
        raise BadImage(f"an array of shape {header.shape} is not one picture (H×W, H×W×C or C×H×W)")
    _check(*shape[1:], any_shape)
    if header.dtype.kind not in "fbu" or header.dtype.itemsize > (8 if header.dtype.kind == "f" else 2):
        raise BadImage(f"pixels of type {header.dtype}; save it as uint8, uint16 or floats in 0…1")
    return shape, np.dtype("f4" if header.dtype.kind == "f" else "u2" if header.dtype.itemsize == 2 else "u1")


def _npy(stream: BinaryIO, any_shape: bool) -> np.ndarray:
    _, dtype = _npy_header(stream, any_shape)
    stream.seek(0)
    array = channels_first(np.lib.format.read_array(stream))
    if dtype.kind == "f" and not (array.min() >= 0 and array.max() <= 1):
        raise BadImage("floats outside 0…1; divide by what means white")
    return np.ascontiguousarray(array * np.uint8(255) if array.dtype == bool else array, dtype)
