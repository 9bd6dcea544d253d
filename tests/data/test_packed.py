"""Files of many pictures: what numbers are taken to mean, and what damaged or hostile files get for an answer."""

import gzip
import io
import struct
import tarfile
import zipfile

import numpy as np
import pytest

from ganvas.data.packed import image_shape, is_idx, read_arrays, read_cifar, read_idx, read_idx_pair, stack
from ganvas.errors import BadInput

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (6, 5, 7), np.uint8)
ROOM = 1 << 30


def idx(array, code=8):
    return struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape) + array.tobytes()


def refused(read, *arguments, match=None):
    with pytest.raises(BadInput, match=match) as caught:
        read(*arguments)
    assert "\n" not in str(caught.value)


# ---- what numbers mean --------------------------------------------------------------------------------------------

MEANINGS = {  # array, type it becomes, range, value that 1.0 / the largest becomes
    "uint8": (PIXELS, np.uint8, (0, 255), PIXELS),
    "uint16": (PIXELS.astype(np.uint16) * 200, np.uint16, (0, 65535), PIXELS.astype(np.uint16) * 200),
    "big-endian uint16": ((PIXELS.astype(">u2") * 200), np.uint16, (0, 65535), PIXELS.astype(np.uint16) * 200),
    "uint16 up to 255": (PIXELS.astype(np.uint16), np.uint8, (0, 255), PIXELS),
    "int64 up to 255": (PIXELS.astype(np.int64), np.uint8, (0, 255), PIXELS),
    "int32 beyond": (PIXELS.astype(np.int32) * 200, np.uint16, (0, 65535), PIXELS.astype(np.uint16) * 200),
    "floats of whole numbers": (PIXELS.astype(np.float64), np.uint8, (0, 255), PIXELS),
    "floats in 0…1": (PIXELS / 255, np.float32, (0, 1), (PIXELS / 255).astype(np.float32)),
    "floats in −1…1": (PIXELS / 127.5 - 1, np.float32, (-1, 1), (PIXELS / 127.5 - 1).astype(np.float32)),
    "half floats": ((PIXELS / 256).astype(np.float16), np.float32, (0, 1), (PIXELS / 256).astype(np.float16)),
    "truth": (PIXELS > 99, np.uint8, (0, 255), (PIXELS > 99) * 255),
    "zeros and ones": ((PIXELS > 99).astype(np.uint8), np.uint8, (0, 255), (PIXELS > 99) * 255),
}


@pytest.mark.parametrize("kind", MEANINGS)
def test_meaning(kind):
    array, dtype, scale, expected = MEANINGS[kind]
    found = stack(array)
    assert found.images.dtype == dtype and found.images.dtype.isnative and found.range == scale
    assert found.images.shape == (6, 1, 5, 7) and (found.images[:, 0] == expected).all()
    assert len(found.notes) == (kind not in ("uint8", "uint16", "big-endian uint16", "int32 beyond"))


def test_layouts():
    assert image_shape((28, 30)) == (1, 28, 30)
    assert image_shape((28, 30, 3)) == (3, 28, 30) == image_shape((3, 28, 30))
    assert image_shape((5, 30, 5)) == (5, 5, 30)  # a tie: the last
    colour = RNG.integers(0, 256, (4, 3, 8, 9), np.uint8)
    assert (stack(colour).images == colour).all() and (stack(colour.transpose(0, 2, 3, 1)).images == colour).all()


@pytest.mark.parametrize(
    "array",
    [
        np.full((6, 5, 7), 300.5),
        np.full((6, 5, 7), -3),
        np.full((6, 5, 7), 70000),
        np.full((6, 5, 7), np.nan),
        np.full((6, 5, 7), np.inf),
        np.full((6, 5, 7), "a"),
        np.full((6, 5, 7), 1j),
        np.zeros((0, 5, 7)),
        np.zeros((6, 35)),
        np.zeros(()),
    ],
    ids=lambda a: f"{a.dtype}{a.shape}",
)
def test_numbers_without_meaning_are_refused(array):
    refused(stack, array)


def test_labels_become_classes_in_order():
    found = stack(PIXELS, [10, 2, 2, 7, 10, 2])
    assert found.classes == ("2", "7", "10") and found.labels.tolist() == [2, 0, 0, 1, 2, 0]
    assert stack(PIXELS, np.array(list("babacc"))[:, None]).classes == ("a", "b", "c")
    refused(stack, PIXELS, [1, 2], match="6 pictures and 2 labels")


# ---- files --------------------------------------------------------------------------------------------------------


def test_npy_and_npz(tmp_path):
    np.save(tmp_path / "a.npy", PIXELS)
    np.savez(tmp_path / "b.npz", X=PIXELS, y=np.arange(6))
    np.savez_compressed(tmp_path / "c.npz", images=PIXELS, labels=np.arange(6), other=np.zeros(3))
    assert (read_arrays(tmp_path / "a.npy", ROOM).images[:, 0] == PIXELS).all()
    for name in ("b.npz", "c.npz"):
        found = read_arrays(tmp_path / name, ROOM)
        assert (found.images[:, 0] == PIXELS).all() and found.labels.tolist() == list(range(6))


def test_a_large_npy_stays_on_disk(tmp_path):
    np.save(tmp_path / "a.npy", PIXELS)
    mapped = read_arrays(tmp_path / "a.npy", 10).images

    def owner(array):
        while isinstance(getattr(array, "base", None), np.ndarray):
            array = array.base
        return array

    assert isinstance(owner(mapped), np.memmap) and (mapped[:, 0] == PIXELS).all()
    assert not isinstance(owner(read_arrays(tmp_path / "a.npy", ROOM).images), np.memmap)


def test_hostile_and_damaged_arrays(tmp_path):
    np.savez_compressed(tmp_path / "bomb.npz", images=np.zeros((1000, 100, 100), np.uint8))
    assert (tmp_path / "bomb.npz").stat().st_size < 20_000
    refused(read_arrays, tmp_path / "bomb.npz", 1_000_000, match="more than fits")
    np.savez(tmp_path / "none.npz", pictures=PIXELS)
    refused(read_arrays, tmp_path / "none.npz", ROOM, match="holds pictures, but no 'images'")
    np.save(tmp_path / "objects.npy", np.array([[[{}]]], dtype=object))
    np.savez(tmp_path / "objects.npz", images=np.array([[[{}]]], dtype=object))
    np.save(tmp_path / "cut.npy", PIXELS)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "cut.npy").read_bytes()[:-5])
    (tmp_path / "text.npy").write_text("hello")
    (tmp_path / "text.npz").write_text("hello")
    for path in tmp_path.iterdir():
        refused(read_arrays, path, 1_000_000)
    refused(read_arrays, tmp_path / "absent.npy", ROOM, match="No such file")


def test_idx(tmp_path):
    path = tmp_path / "a-idx3-ubyte"
    for content in (idx(PIXELS), gzip.compress(idx(PIXELS))):
        path.write_bytes(content)
        assert (read_idx(path) == PIXELS).all()
    path.write_bytes(idx((PIXELS * 1.5).astype(">f4"), code=13))
    assert (read_idx(path) == PIXELS * 1.5).all() and read_idx(path).dtype.isnative


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0\x08",
        b"hello, this is text",
        idx(PIXELS)[:-1],
        idx(PIXELS) + b"x",
        idx(PIXELS, code=7),
        struct.pack(">HBB3I", 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1) + b"few",
        gzip.compress(idx(PIXELS))[:-9],
        gzip.compress(idx(PIXELS) + bytes(1 << 24)),
        b"\x1f\x8bnot gzip",
    ],
    ids=range(10),
)
def test_damaged_idx(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    refused(read_idx, tmp_path / "a")


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
        ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte"),
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte.gz"),
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
    ],
)
def test_labels_are_found_beside_idx_images(tmp_path, images, labels):
    for name, array in ((images, PIXELS), (labels, np.arange(6, dtype=np.uint8))):
        content = idx(array)
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert is_idx(images) and not is_idx("photo.png")
    assert read_idx_pair(tmp_path / images).labels.tolist() == list(range(6))
    (tmp_path / labels).unlink()
    assert read_idx_pair(tmp_path / images).labels is None


def tar(path, members):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            item = tarfile.TarInfo(name)
            item.size = len(content)
            archive.addfile(item, io.BytesIO(content))


def test_cifar(tmp_path):
    path = tmp_path / "cifar-10-binary.tar.gz"
    records = RNG.integers(0, 10, (10, 3073), np.uint8)
    batches = {
        f"cifar-10-batches-bin/data_batch_{k}.bin": records[2 * k - 2 : 2 * k].tobytes() for k in (2, 1, 5, 4, 3)
    }
    tar(path, batches | {"cifar-10-batches-bin/test_batch.bin": records[:1].tobytes()})
    images, labels = read_cifar(path)
    assert images.shape == (10, 3, 32, 32) and (images.reshape(10, -1) == records[:, 1:]).all()
    assert (labels == records[:, 0]).all()
    tar(path, dict(list(batches.items())[:4]))
    refused(read_cifar, path, match="4 of the 5")
    tar(path, batches | {"cifar-10-batches-bin/data_batch_1.bin": b"short"})
    refused(read_cifar, path)
    path.write_bytes(path.read_bytes()[:100])
    refused(read_cifar, path)
    with zipfile.ZipFile(path, "w"):
        pass
    refused(read_cifar, path)
