"""Decoded pictures kept on disk: the same as in memory, made once, made again when anything is wrong."""

import errno
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from ganvas.data import cache, decode
from ganvas.data.open import open_source
from ganvas.errors import BadInput, Storage


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder / "ganvas"


def noise(*shape, seed=0, dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def fill(folder, *arrays):
    folder.mkdir(exist_ok=True)
    for k, array in enumerate(arrays):
        Image.fromarray(array).save(folder / f"{k}.png")
    return folder


def said(source, words):
    return [note for note in source.notes if words in note]


@pytest.fixture
def folder(tmp_path):
    """Pictures with one bad file among them, and one that is bad only when decoded."""
    fill(tmp_path / "set", *(noise(30 + k, 40, 3, seed=k) for k in range(30)))
    (tmp_path / "set/05.png").touch()
    half = (tmp_path / "set/7.png").read_bytes()
    (tmp_path / "set/7.png").write_bytes(half[: len(half) // 2])
    return tmp_path / "set"


def mapped(source):
    array = source._images
    while isinstance(array, np.ndarray) and not isinstance(array, np.memmap):
        array = array.base
    return isinstance(array, np.memmap)


@pytest.mark.parametrize("grey", [False, True])
def test_mapped_pictures_equal_those_in_memory(folder, own_cache, grey):
    if grey:
        for path in folder.glob("[0-9]*.png"):
            if path.name not in ("05.png", "7.png"):
                picture = Image.open(path).convert("L").convert("RGB")
                picture.save(path)
    plain, first = open_source(folder), open_source(folder, memory=0)
    again = open_source(folder, memory=0)
    assert mapped(first) and mapped(again) and not mapped(plain)
    assert plain.spec == first.spec == again.spec and plain.spec.shape[0] == (1 if grey else 3)
    for source in (first, again):
        assert (source._images == plain._images).all() and (source.hashes == plain.hashes).all()
        assert (source.batch(1, 20, 40)["image"] == plain.batch(1, 20, 40)["image"]).all()
        assert source.notes == [*plain.notes, *said(source, "decoded pictures are kept in")]
    assert said(again, "2 files cannot be used") and said(again, "7.png: image file is truncated")
    (place,) = (own_cache / "decoded").iterdir()
    assert {path.name for path in place.iterdir()} == {"images.npy", "hashes.npy", "kept.npy", "about.json"}


def test_the_cache_saves_the_decoding_until_the_folder_changes(folder, own_cache, monkeypatch):
    open_source(folder, memory=0)
    decoded = []
    real = decode.read_image
    monkeypatch.setattr(decode, "read_image", lambda *a, **k: decoded.append(a) or real(*a, **k))
    open_source(folder, memory=0)
    assert not decoded
    assert not mapped(open_source(folder)) and not decoded  # room enough now: read from the cache into memory
    open_source(folder, memory=0, size=16)
    assert len(decoded) == 30
    os.utime(folder / "3.png", (1, 1))
    open_source(folder, memory=0)
    assert len(decoded) == 60
    (folder / "3.png").rename(folder / "33.png")
    open_source(folder, memory=0)
    assert len(decoded) == 90


@pytest.mark.parametrize("harm", ["about.json", "images.npy", "hashes.npy", "short", "garbage"])
def test_a_damaged_cache_is_made_again(folder, own_cache, harm):
    expected = open_source(folder, memory=0)
    (place,) = (own_cache / "decoded").iterdir()
    if harm == "short":
        (place / "images.npy").write_bytes((place / "images.npy").read_bytes()[:-100])
    elif harm == "garbage":
        (place / "about.json").write_text("{")
    else:
        (place / harm).unlink()
    again = open_source(folder, memory=0)
    assert again.spec == expected.spec and (again._images == expected._images).all()
    assert list((own_cache / "decoded").iterdir()) == [place]


@pytest.mark.parametrize("call", ["posix_fallocate", "fsync"])
def test_a_full_disk_while_caching(folder, own_cache, monkeypatch, call):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(Storage, match="bytes free"):
        open_source(folder, memory=0)
    assert list((own_cache / "decoded").iterdir()) == []


def test_nothing_usable_leaves_no_cache(tmp_path, own_cache):
    fill(tmp_path, *(noise(30, 30, 3, seed=k) for k in range(3)))
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(BadInput, match="none of 3"):
        open_source(tmp_path, memory=0)
    assert list((own_cache / "decoded").iterdir()) == []


def test_a_zip_is_cached_too(folder, tmp_path, own_cache):
    archive = shutil.make_archive(str(tmp_path / "set"), "zip", folder)
    one, two, plain = open_source(archive, memory=0), open_source(archive, memory=0), open_source(folder)
    assert mapped(two) and one.spec == two.spec and two.spec.fingerprint == plain.spec.fingerprint
    assert len(list((own_cache / "decoded").iterdir())) == 1 and cache.place("x").parent == own_cache / "decoded"
