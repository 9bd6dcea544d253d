"""Files that hold many pictures, or one as plain numbers: NumPy's .npy and .npz, IDX, the CIFAR archive."""

import gzip
import io
import math
import os
import re
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ganvas.data.source import Column
from ganvas.data.table import Labels, classes_in_order, understood
from ganvas.errors import BadInput
from ganvas.files import printable


class NpyHeader(NamedTuple):
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype
    offset: int  # where the numbers begin, in bytes


def npy_header(stream: BinaryIO, size: int | None = None) -> NpyHeader:
    """Reads what an .npy file says of itself. Raises `ValueError` when it holds objects or is shorter than it claims.

    `size` is the length of the file in bytes, where seeking to the end is not cheap.
    """
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(stream)
    offset = stream.tell()
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are never loaded")
    if (size or stream.seek(0, io.SEEK_END)) - offset < math.prod(shape) * dtype.itemsize:
        raise ValueError("it ends before the last pixel")
    return NpyHeader(shape, fortran, dtype, offset)


def _channels_last(shape: tuple[int, ...]) -> bool:
    return shape[-1] <= shape[-3]


def image_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """C×H×W of an array H×W, H×W×C or C×H×W: of first and last axis the shorter is the channels (a tie: the last)."""
    if len(shape) == 2:
        return (1, *shape)
    return (shape[2], *shape[:2]) if _channels_last(shape) else shape


def channels_first(array: np.ndarray, stacked: bool = False) -> np.ndarray:
    """A view as C×H×W (or, `stacked`, N×C×H×W) by the rule of `image_shape`."""
    if array.ndim == 2 + stacked:
        return np.expand_dims(array, int(stacked))
    return np.moveaxis(array, -1, -3) if _channels_last(array.shape) else array


def in_layout_of(shape: tuple[int, ...], picture: np.ndarray) -> np.ndarray:
    """A view of C×H×W as an array of this shape had its axes: the way back from `channels_first`."""
    if len(shape) == 2 and len(picture) == 1:
        return picture[0]
    return np.moveaxis(picture, 0, -1) if len(shape) == 2 or _channels_last(shape) else picture


class Stack(NamedTuple):
    """Many pictures from one file: N×C×H×W, labels or None (see `DataSpec`), classes, the range, remarks, columns."""

    images: np.ndarray
    labels: np.ndarray | None
    classes: tuple[str, ...]
    range: tuple[float, float]
    notes: list[str]
    columns: tuple[Column, ...] = ()


def stack(array: np.ndarray, labels: Any = None, name: str = "the array") -> Stack:
    """Makes training data of numbers. One rule for the whole array, so that all pictures are treated alike:

    uint8 and uint16 stay; floats in 0…1 or −1…1 stay as float32 of that range; other integers, and floats that are
    integers, become 8 bit up to 255 and 16 bit up to 65535; truth values and integers up to 1 become black and white.
    Raises `BadInput` for everything else. A memory-mapped array in one of the kept types stays on disk.
    """
    if array.ndim not in (3, 4) or 0 in array.shape or array.dtype.kind not in "fbui":
        raise BadInput(
            f"{name} is {array.dtype} of shape {array.shape}; pictures are N×H×W, N×H×W×C or N×C×H×W numbers"
        )
    array, notes = channels_first(array, stacked=True), []
    low, high = float(array.min()), float(array.max())
    scale: tuple[float, float] = (0, 255)
    if array.dtype.kind == "f" and low >= -1 and high <= 1:
        array = array.astype(np.float32, copy=False)
        scale = (-1, 1) if low < 0 else (0, 1)
        notes.append(f"floats between {low:g} and {high:g} are understood as the range {scale[0]}…{scale[1]}")
    elif not (low >= 0 and high <= 65535) or (array.dtype.kind == "f" and not _whole(array)):
        raise BadInput(f"{name} holds values from {low:g} to {high:g}; use uint8, uint16, or floats in 0…1 or −1…1")
    elif high <= 1:
        array = array.astype(np.uint8) * np.uint8(255)
        notes.append("only zeros and ones: understood as black and white")
    elif high <= 255 and array.dtype != np.uint8:
        array = array.astype(np.uint8)
        notes.append("no value over 255: understood as 8 bit")
    elif array.dtype != np.uint8:
        array, scale = array.astype(np.uint16, copy=False), (0, 65535)
    if labels is None:
        return Stack(array, None, (), scale, notes)
    labels = np.asarray(labels)
    if labels.shape[:1] != (len(array),):
        count = f"{len(labels):,}" if labels.ndim else "no"
        raise BadInput(f"{name} holds {len(array):,} pictures and {count} labels; they must be as many")
    told = _labels(labels, name)
    return Stack(array, told.values, told.classes, scale, notes + told.notes, told.columns)


def _labels(labels: np.ndarray, name: str) -> Labels:
    """N labels (any integers, words, real numbers), N×1 of them, one-hot rows N×K, or N×K with a column each."""
    table = labels.reshape(len(labels), -1)
    if labels.ndim > 2 or labels.dtype.kind not in "biufSU" or table.shape[1] > 100:
        raise BadInput(f"{name}: labels are {labels.dtype} of shape {labels.shape}; give N words or numbers, or N×K")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise BadInput(f"{name}: {(~np.isfinite(labels)).sum():,} labels are no finite numbers; repair them")
    if labels.dtype.kind == "S":
        table = np.char.decode(table, "utf-8", "backslashreplace")
    notes = []
    if (
        table.shape[1] > 1
        and labels.dtype.kind in "biuf"
        and ((table != 0).sum(1) == 1).all()
        and (table.max(1) == 1).all()
    ):
        table, notes = table.argmax(1)[:, None], ["labels are one-hot rows: read as one class each"]
    if table.shape[1] == 1 and (table.dtype.kind != "f" or _whole(table)):
        table = table.astype(np.int64) if table.dtype.kind in "biuf" else table
        values, numbers = np.unique(table, return_inverse=True)  # once a class, not once a picture
        classes = classes_in_order([str(v) for v in values]) if table.dtype.kind == "U" else [str(v) for v in values]
        if len(classes) == 1:
            notes.append(
                f"all labels are {printable(classes[0])}, which tells nothing: the pictures count as unlabelled"
            )
            return Labels(None, (), (), notes)
        rank = {text: k for k, text in enumerate(classes)}
        numbers = np.array([rank[str(v)] for v in values], np.int64)[numbers.reshape(-1)]
        return Labels(numbers, tuple(map(printable, classes)), (), notes)
    heads = ["label"] if table.shape[1] == 1 else [f"label{k}" for k in range(table.shape[1])]
    told = understood("labels come with the pictures", heads, [tuple(f"{v}" for v in row) for row in table.tolist()])
    return told._replace(notes=notes + told.notes)


def _whole(array: np.ndarray) -> bool:
    return all(bool((part == np.rint(part)).all()) for part in array)


def _failing(path: Path, read: Callable[[], Any]) -> Any:
    """What `read` returns, or one line on why this file cannot be read."""
    try:
        return read()
    except BadInput:
        raise
    except Exception as error:  # gzip, zlib, zipfile, tarfile, struct and NumPy each have errors of their own
        reason = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        raise BadInput(f"{printable(path)} cannot be read: {printable(reason)}") from error


def read_arrays(path: Path, memory: int) -> Stack:
    """An .npy file of pictures, or an .npz with `images` or `x` (and `labels` or `y`), as a `Stack`.

    Above `memory` bytes an .npy stays on disk (memory-mapped) and an .npz is refused. Raises `BadInput`.
    """
    if path.suffix.lower() == ".npy":

        def load() -> np.ndarray:
            with path.open("rb") as stream:
                header = npy_header(stream)
            large = math.prod(header.shape) * header.dtype.itemsize > memory
            return np.load(path, mmap_mode="r" if large else None)

        return stack(_failing(path, load), name=printable(path))

    def load_all() -> tuple[np.ndarray, np.ndarray | None]:
        with zipfile.ZipFile(path) as archive:  # what it unpacks to is known before anything is unpacked
            if (size := sum(item.file_size for item in archive.infolist())) > memory:
                raise ValueError(f"unpacked it is {size:,} bytes, more than fits; save the pictures as .npy")
        with np.load(path) as arrays:
            keys = {key.lower(): key for key in arrays.files}
            images = next((keys[k] for k in ("images", "x", "x_train", "train_images", "arr_0") if k in keys), None)
            labels = next((keys[k] for k in ("labels", "y", "y_train", "train_labels") if k in keys), None)
            if images is None:
                raise ValueError(f"it holds {', '.join(arrays.files) or 'nothing'}, but no 'images' or 'x'")
            return arrays[images], None if labels is None else arrays[labels]

    images, labels = _failing(path, load_all)
    return stack(images, labels, name=printable(path))


_IDX_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def read_idx(path: Path) -> np.ndarray:
    """An IDX file (MNIST's format), gzipped or not, in its own shape. Raises `BadInput`."""

    def load() -> np.ndarray:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as stream:
            zeros, code, axes = struct.unpack(">HBB", stream.read(4))
            if zeros or code not in _IDX_TYPES or not axes:
                raise ValueError("it does not begin like an IDX file")
            shape, dtype = struct.unpack(f">{axes}I", stream.read(4 * axes)), np.dtype(_IDX_TYPES[code])
            size = math.prod(shape) * dtype.itemsize
            # Read in pieces: a header may promise any size, and memory is taken only for what is really there.
            pieces, left = [], size
            while left and (piece := stream.read(min(left, 1 << 24))):
                pieces.append(piece)
                left -= len(piece)
            if left or stream.read(1):
                raise ValueError(f"its header promises {size:,} bytes of pixels, and it holds another number")
            return np.frombuffer(b"".join(pieces), dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)

    return _failing(path, load)


def read_idx_pair(path: Path) -> Stack:
    """IDX images and the labels lying beside them under the usual name (…labels-idx1…), if there. Raises `BadInput`."""
    path = Path(path)
    for ending in (path.suffix, "" if path.suffix == ".gz" else ".gz"):
        stem = path.name.removesuffix(".gz")
        beside = path.with_name(
            re.sub(r"images([-.])idx\d", r"labels\1idx1", stem) + (".gz" if ending == ".gz" else "")
        )
        if beside.name != path.name and beside.is_file():
            return stack(read_idx(path), read_idx(beside), name=printable(path))
    return stack(read_idx(path), name=printable(path))


def read_cifar(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The training images (N×3×32×32 uint8) and labels of cifar-10-binary.tar.gz, read in place. Raises `BadInput`."""

    def load() -> tuple[np.ndarray, np.ndarray]:
        records = {}
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                if (found := re.fullmatch(r".*data_batch_([1-5])\.bin", member.name)) and member.isfile():
                    content = archive.extractfile(member).read(10_000 * 3073 + 1)
                    records[found[1]] = np.frombuffer(content, np.uint8).reshape(-1, 3073)
        if len(records) != 5:
            raise ValueError(f"it holds {len(records)} of the 5 training batches")
        table = np.concatenate([records[k] for k in sorted(records)])
        return table[:, 1:].reshape(-1, 3, 32, 32), table[:, 0].astype(np.int64)

    return _failing(path, load)


def is_idx(path: str | os.PathLike) -> bool:
    """Whether the name says IDX: …-idx3-ubyte, gzipped or not."""
    return re.search(r"[-.]idx\d[-.]\w+(\.gz)?$", str(path)) is not None
