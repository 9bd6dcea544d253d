"""The one reader: every kind of picture it reads, with golden pixels wherever a rule decides what they become."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from ganvas.data.images import BadImage, probe, read_image

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def encoded(image, kind="PNG", **options):
    with io.BytesIO() as file:
        image.save(file, kind, **options)
        return file.getvalue()


def noise(*shape, dtype=np.uint8, seed=0):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


GREY, COLOUR = Image.fromarray(noise(8, 12)), Image.fromarray(noise(8, 12, 3))


def npy(array):
    with io.BytesIO() as file:
        np.save(file, array)
        return file.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth, colour, rows, *extra):
    """A PNG by hand, for what Pillow does not write."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def png16(array):
    """H×W×C uint16 as a 16-bit PNG."""
    height, width, channels = array.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    return png(width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], rows)


def agrees(content, image):
    header = probe(content)
    assert header[:3] == image.shape and header.dtype == image.dtype
    assert image.flags.c_contiguous


# ---- what is read, and as what ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "GIF"])
@pytest.mark.parametrize("picture", [GREY, COLOUR], ids=["grey", "colour"])
def test_lossless_formats_give_the_very_pixels(kind, picture):
    if kind == "GIF" and picture is COLOUR:
        picture = picture.quantize(16)
    content, expected = encoded(picture, kind), np.asarray(picture.convert("RGB") if picture is not GREY else picture)
    image = read_image(content)
    assert (image == (expected[None] if expected.ndim == 2 else expected.transpose(2, 0, 1))).all()
    if kind != "GIF":  # whose palette may turn out to be grey only after decoding
        agrees(content, image)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_formats_come_close(kind):
    smooth = Image.fromarray(np.linspace(0, 255, 64 * 48, dtype=np.uint8).reshape(48, 64)).convert("RGB")
    content = encoded(smooth, kind, quality=95)
    image = read_image(content)
    agrees(content, image)
    assert np.abs(image - np.asarray(smooth).transpose(2, 0, 1).astype(int)).max() < 12


def _flat(mode, value):
    return Image.new(mode, (6, 5), value)


def _lab():
    to_lab = (ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"))
    return ImageCms.profileToProfile(_flat("RGB", GREEN), *to_lab, outputMode="LAB")


def _palette(colours, mode="P", **info):
    image = Image.new(mode, (6, 5), 1)
    image.putpalette([byte for colour in colours for byte in colour])
    return encoded(image, "PNG", **info)


GOLDEN = {  # content, the one pixel value everywhere
    "1 bit": (encoded(_flat("1", 1)), [255]),
    "grey": (encoded(_flat("L", 77)), [77]),
    "palette": (_palette([BLUE, RED]), RED),
    "grey palette": (_palette([BLUE, (9, 9, 9)]), [9]),
    "CMYK JPEG": (encoded(_flat("CMYK", (0, 255, 255, 0)), "JPEG", quality=100), RED),
    "CMYK TIFF": (encoded(_flat("CMYK", (255, 0, 0, 51)), "TIFF"), (0, 204, 204)),
    "LAB TIFF": (encoded(_lab(), "TIFF"), (13, 254, 14)),
    "YCbCr TIFF": (encoded(_flat("YCbCr", (76, 85, 255)), "TIFF"), (254, 0, 0)),
    "RGBA, opaque": (encoded(_flat("RGBA", (*RED, 255))), RED),
    "RGBA, half": (encoded(_flat("RGBA", (*RED, 128))), (255, 127, 127)),
    "RGBA, hidden colour": (encoded(_flat("RGBA", (*RED, 0))), WHITE),
    "LA": (encoded(_flat("LA", (0, 128))), [127]),
    "LA, hidden": (encoded(_flat("LA", (7, 0))), [255]),
    "palette + transparency": (_palette([BLUE, RED], transparency=1), [255]),
    "palette + opacities": (_palette([BLUE, RED], transparency=bytes([255, 128])), (255, 127, 127)),
    "grey + transparent value": (encoded(_flat("L", 7), transparency=7), [255]),
    "RGB + transparent value": (encoded(_flat("RGB", RED), transparency=RED), WHITE),
}


@pytest.mark.parametrize("kind", GOLDEN)
def test_golden_pixels(kind):
    content, pixel = GOLDEN[kind]
    image = read_image(content)
    assert image.shape == (len(pixel), 5, 6) and image.dtype == np.uint8
    tolerance = 3 if "LAB" in kind else 0  # its arithmetic is that of the colour library's version
    assert (np.abs(image - np.array(pixel)[:, None, None]) <= tolerance).all(), image[:, 0, 0]


def test_background_and_kept_opacity():
    content = GOLDEN["RGBA, half"][0]
    assert read_image(content, background=(0, 0, 0))[:, 0, 0].tolist() == [128, 0, 0]
    assert read_image(content, alpha=True)[:, 0, 0].tolist() == [*RED, 128]
    assert read_image(GOLDEN["LA"][0], alpha=True)[:, 0, 0].tolist() == [0, 128]
    assert read_image(GOLDEN["LA"][0], background=(255, 0, 0))[:, 0, 0].tolist() == [127, 0, 0]
    assert read_image(GOLDEN["palette + opacities"][0], alpha=True)[:, 0, 0].tolist() == [*RED, 128]
    assert read_image(GOLDEN["grey"][0], alpha=True).shape == (1, 5, 6)  # nothing to keep


def test_sixteen_bit_grey_is_exact_and_not_saturated():
    pixels = noise(8, 12, 1, dtype=np.uint16)
    content = png16(pixels)
    tiffs = [encoded(Image.fromarray(pixels[..., 0]), "TIFF", compression=c) for c in (None, "tiff_lzw")]
    pgm = b"P5 12 8 65535\n" + pixels.astype(">u2").tobytes()
    for one in (content, *tiffs, pgm):
        image = read_image(one)
        agrees(one, image)
        assert image.dtype == np.uint16 and (image[0] == pixels[..., 0]).all()
    default = np.asarray(Image.open(io.BytesIO(content)).convert("L"))  # what others do with such a file
    assert np.abs(default / 255 - pixels[..., 0] / 65535).max() > 0.1


def test_white_is_zero_tiff_is_turned_round():
    pixels = noise(8, 12, dtype=np.uint16)
    content = bytearray(encoded(Image.fromarray(pixels), "TIFF"))
    photometric = content.find(struct.pack("<HHIH", 262, 3, 1, 1))
    content[photometric + 8] = 0
    assert (read_image(bytes(content))[0] == 65535 - pixels).all()


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_sixteen_bit_colour_is_read_as_eight_and_said(channels):
    pixels, said = noise(8, 12, channels, dtype=np.uint16), []
    image = read_image(png16(pixels), alpha=True, note=said.append)
    assert image.dtype == np.uint8 and len(image) == channels
    assert np.abs(image / 255 - pixels.transpose(2, 0, 1) / 65535).max() <= 1 / 255
    assert len(said) == 1 and "16-bit colour" in said[0]


def test_sixteen_bit_ppm_is_said():
    said = []
    read_image(b"P6 12 8 1000\n" + noise(8, 12, 3, dtype=np.uint16).tobytes(), note=said.append)
    assert said == ["16-bit colour, read as 8 bit"]


def test_float_tiff_is_kept_and_never_black():
    pixels = np.linspace(0, 1, 96, dtype=np.float32).reshape(8, 12)
    content = encoded(Image.fromarray(pixels), "TIFF")
    image = read_image(content)
    agrees(content, image)
    assert image.dtype == np.float32 and (image[0] == pixels).all()
    assert np.asarray(Image.open(io.BytesIO(content)).convert("L")).max() <= 1  # the black picture of others
    for wrong in (pixels * 255, pixels - 0.1, np.full((8, 12), np.nan, np.float32)):
        with pytest.raises(BadImage, match="0…1"):
            read_image(encoded(Image.fromarray(wrong), "TIFF"))
    with pytest.raises(BadImage, match="integers"):
        read_image(encoded(Image.fromarray(noise(8, 12).astype(np.int32)), "TIFF"))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_cameras_orientation_is_applied(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(COLOUR, kind, exif=exif)
    with Image.open(io.BytesIO(content)) as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened)).transpose(2, 0, 1)
    image = read_image(content)
    agrees(content, image)
    assert (image == expected).all()
    assert image.shape == ((3, 12, 8) if orientation > 4 else (3, 8, 12))


def test_damaged_exif_does_not_spoil_a_picture():
    content = encoded(COLOUR, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(40))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert read_image(content).shape == (3, 8, 12)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_of_several_frames(kind):
    said, frames = [], [_flat("RGB", RED), _flat("RGB", BLUE)]
    options = {"lossless": True} if kind == "WEBP" else {}
    image = read_image(encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options), note=said.append)
    assert image[:, 0, 0].tolist() == list(RED)
    assert said == ["several frames, of which the first is read"]
    read_image(encoded(frames[0], kind, **options), note=pytest.fail)


def test_content_decides_and_not_the_name(tmp_path):
    said, path = [], tmp_path / "a.jpg"
    path.write_bytes(encoded(COLOUR, "WEBP", lossless=True))
    assert read_image(path).shape == (3, 8, 12)
    probe(path, note=said.append)
    assert said == ["content of another kind than the name says, read as what it is"]
    path.write_bytes(encoded(COLOUR, "JPEG"))
    probe(path, note=pytest.fail)
    path.write_bytes(encoded(COLOUR) + b"PK\x03\x04 a zip at the end")
    assert read_image(path).shape == (3, 8, 12)


@pytest.mark.parametrize("shape", [(8, 12), (8, 12, 3), (3, 8, 12), (8, 12, 5), (8, 12, 1)])
@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2", "f2", "f4", ">f8", "?"])
def test_npy(shape, dtype):
    array = (np.random.default_rng(0).random(shape) * (200 if "u" in dtype else 1)).round(3).astype(dtype)
    content = npy(np.asfortranarray(array))
    image = read_image(content)
    agrees(content, image)
    layout = array[None] if array.ndim == 2 else array if shape[0] == 3 else array.transpose(2, 0, 1)
    expected = {"u": np.dtype(f"u{array.itemsize}"), "f": np.dtype(np.float32), "b": np.dtype(np.uint8)}[
        array.dtype.kind
    ]
    assert image.dtype == expected and (image == (layout * 255 if dtype == "?" else layout).astype(expected)).all()


def test_tifffile_keeps_sixteen_bit_colour(monkeypatch):
    tifffile = pytest.importorskip("tifffile", reason="tifffile is not installed: 16-bit colour TIFF is read as 8 bit")
    pixels, file = noise(8, 12, 3, dtype=np.uint16), io.BytesIO()
    tifffile.imwrite(file, pixels, photometric="rgb")
    image = read_image(file.getvalue(), note=pytest.fail)
    agrees(file.getvalue(), image)
    assert image.dtype == np.uint16 and (image == pixels.transpose(2, 0, 1)).all()
