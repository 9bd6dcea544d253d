"""The one reader: what it must refuse, and that any bytes whatever are a picture or a reason."""

import contextlib
import io
import os
import struct
import tracemalloc
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, PngImagePlugin

from ganvas.data import images
from ganvas.data.images import BadImage, probe, read_image


def encoded(image, kind="PNG", **options):
    with io.BytesIO() as file:
        image.save(file, kind, **options)
        return file.getvalue()


def noise(*shape, dtype=np.uint8, seed=0):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


COLOUR = Image.fromarray(noise(8, 12, 3))


def npy(array):
    with io.BytesIO() as file:
        np.save(file, array)
        return file.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, rows=b""):
    """An 8-bit grey PNG by hand, however large it claims to be."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


PNG, JPEG = encoded(COLOUR), encoded(Image.fromarray(noise(64, 64, 3)), "JPEG")


def bomb_text(kind):
    packed = zlib.compress(bytes(80 << 20), 9)
    extra = chunk(b"zTXt", b"k\0\0" + packed) if kind == "zTXt" else chunk(b"iCCP", b"k\0\0" + packed)
    return PNG[:33] + extra + PNG[33:]


REFUSED = {
    "zero bytes": (b"", "empty"),
    "text": (b"hello, this is not a picture", "not a PNG"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3", "not a PNG"),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a PNG"),
    "EPS": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a PNG"),
    "PSD": (b"8BPS\0\1" + bytes(40), "not a PNG"),
    "JPEG 2000": (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40), "not a PNG"),
    "FITS": (b"SIMPLE  =                    T" + bytes(40), "not a PNG"),
    "ICO": (b"\0\0\1\0\1\0" + bytes(40), "not a PNG"),
    "PNG cut in half": (PNG[: len(PNG) // 2], ""),
    "JPEG cut in half": (JPEG[: len(JPEG) // 2], "truncated"),
    "JPEG without its last two bytes": (JPEG[:-2], "truncated"),
    "BMP cut": (encoded(COLOUR, "BMP")[:-9], "truncated"),
    "TIFF cut": (encoded(COLOUR, "TIFF")[:100], ""),
    "GIF cut": (encoded(COLOUR.quantize(9), "GIF")[:-30], "truncated"),
    "WebP cut": (encoded(COLOUR, "WEBP")[:-30], ""),
    "PPM cut": (encoded(COLOUR, "PPM")[:-9], ""),
    "900 megapixels in 65 bytes": (png(30000, 30000), "megapixels"),
    "169 megapixels in 65 bytes": (png(13000, 13000), "megapixels"),
    "51 megapixels": (png(51000, 1000), "megapixels"),
    "zTXt bomb": (bomb_text("zTXt"), ""),
    "1×1": (encoded(Image.new("L", (1, 1))), "too small"),
    "1×4096": (encoded(Image.new("L", (4096, 1))), "too small"),
    "3×3": (encoded(Image.new("L", (3, 3))), "too small"),
    "too long": (encoded(Image.new("L", (101, 5))), "too long"),
    "0×10": (png(0, 10), ""),
    ".npy of objects": (npy(np.array([[{}] * 9] * 9, dtype=object)), "objects"),
    ".npy of text": (npy(np.full((9, 9), "a")), "uint8"),
    ".npy of int64": (npy(np.ones((9, 9), np.int64)), "uint8"),
    ".npy of floats up to 255": (npy(np.full((9, 9), 255.0)), "0…1"),
    ".npy with NaN": (npy(np.full((9, 9), np.nan)), "0…1"),
    ".npy of one axis": (npy(np.ones(99, np.uint8)), "not one picture"),
    ".npy of four axes": (npy(np.ones((9, 9, 9, 3), np.uint8)), "not one picture"),
    ".npy of nothing": (npy(np.ones((0, 9), np.uint8)), "not one picture"),
    ".npy cut": (npy(np.ones((9, 9), np.uint8))[:-1], "ends before"),
    ".npy of 900 megapixels": (npy(np.ones((9, 9), np.uint8)).replace(b"(9, 9)", b"(30000, 30000)"), ""),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_refused_with_a_reason_in_one_line(kind):
    content, reason = REFUSED[kind]
    tracemalloc.start()
    with pytest.raises(BadImage, match=reason or None) as caught:
        read_image(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert str(caught.value) and "\n" not in str(caught.value)
    assert peak < 200 << 20
    if "megapixels" in kind or "×" in kind:  # known from the header alone
        with pytest.raises(BadImage):
            probe(content)


def test_an_icc_bomb_does_no_harm():
    """Pillow drops a profile it cannot unpack; the pixels are unharmed, and so are we."""
    with contextlib.suppress(BadImage):
        assert read_image(bomb_text("iCCP")).shape == (3, 8, 12)


def test_full_decode_sees_what_verify_does_not():
    half = JPEG[: len(JPEG) // 2]
    with Image.open(io.BytesIO(half)) as image:
        image.verify()  # passes: that is why it is not used
    with pytest.raises(BadImage):
        read_image(half)


def test_what_is_not_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    for path, reason in (("pipe.png", "regular"), ("zero.png", "regular"), (".", "regular"), ("none.png", "No such")):
        with pytest.raises(BadImage, match=reason):
            read_image(tmp_path / path)


def test_nothing_is_asked_of_pillows_global_settings():
    assert images.MEGAPIXELS * 1e6 < Image.MAX_IMAGE_PIXELS
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
    assert PngImagePlugin.MAX_TEXT_MEMORY < 80 << 20


# ---- arbitrary bytes ----------------------------------------------------------------------------------------------

SEEDS = [
    encoded(Image.fromarray(noise(8, 12))),
    encoded(COLOUR, "JPEG"),
    encoded(COLOUR, "WEBP"),
    encoded(COLOUR, "BMP"),
    encoded(COLOUR.quantize(9), "GIF"),
    encoded(COLOUR, "TIFF", compression="tiff_lzw"),
    encoded(Image.fromarray(noise(8, 12, dtype=np.uint16)), "TIFF"),
    encoded(COLOUR, "PPM"),
    encoded(Image.new("P", (9, 9)), transparency=bytes([128, 9])),
    encoded(Image.fromarray(np.ones((9, 9), np.float32)), "TIFF"),
    npy(noise(8, 12, 3)),
]


@settings(max_examples=150, deadline=2000, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.data())
def test_any_bytes_are_a_picture_or_a_reason(data):
    content = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "insert", "overwrite"])):
            case "flip":
                content[place] ^= 1 << data.draw(st.integers(0, 7))
            case "cut":
                del content[place : place + data.draw(st.integers(1, 20))]
            case "insert":
                content[place:place] = data.draw(st.binary(max_size=8))
            case "overwrite":
                content[place : place + 4] = data.draw(st.binary(min_size=4, max_size=4))
        if not content:
            break
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = read_image(bytes(content))
        except BadImage as error:
            assert str(error) and "\n" not in str(error)
            return
    assert image.ndim == 3 and min(image.shape[1:]) >= 4 and image.dtype in (np.uint8, np.uint16, np.float32)
    assert image.dtype != np.float32 or (image.min() >= 0 and image.max() <= 1)
