"""Decoded pictures kept on disk and mapped into memory, so that a large folder is decoded once."""

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ganvas.files import TEMPORARY, cache_folder, fsync_dir, replacing, storage_errors, write_atomic


def place(key: str) -> Path:
    """The folder of this key: images.npy, hashes.npy, kept.npy, about.json. It exists whole or not at all."""
    return cache_folder() / "decoded" / key


def load(key: str, memory: int) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """The arrays and the record stored under `key`, or None. Images over `memory` bytes are mapped, not read."""
    folder = place(key)
    try:
        record = json.loads((folder / "about.json").read_text())
        arrays = {name: np.load(folder / f"{name}.npy") for name in ("hashes", "kept")}
        images = np.load(folder / "images.npy", mmap_mode="r")
        images = images[: record["n"], : record["channels"]]
    except (OSError, ValueError, KeyError):  # absent, or damaged and to be made again
        return None
    if not record["n"] == len(images) == len(arrays["kept"]) == len(arrays["hashes"]):
        return None
    return arrays | {"images": images if images.nbytes > memory else np.array(images)}, record


@contextlib.contextmanager
def building(key: str) -> Iterator[Path]:
    """A folder to fill: it takes its place if `store` completed it, and disappears otherwise. Raises `Storage`."""
    final = place(key)
    folder = final.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
    with storage_errors(final):
        folder.mkdir(parents=True)
        try:
            yield folder
            if (folder / "about.json").exists():
                shutil.rmtree(final, ignore_errors=True)  # damaged, or just made by another process, which has it open
                folder.rename(final)
                fsync_dir(final.parent)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def allocate(folder: Path, shape: tuple[int, ...], dtype: np.dtype) -> np.memmap:
    """A writable array in images.npy. Its room is taken from the disk now: writing into a map of a full disk kills."""
    path = folder / "images.npy"
    images = np.lib.format.open_memmap(path, "w+", dtype, shape)
    with storage_errors(path, needed=images.nbytes), path.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return images


def store(folder: Path, images: np.memmap, arrays: dict[str, np.ndarray], record: dict[str, Any]) -> None:
    """Makes `images` durable and writes the small arrays and the record beside it."""
    images.flush()
    with (folder / "images.npy").open("rb") as file:
        os.fsync(file.fileno())
    for name, array in arrays.items():
        with replacing(folder / f"{name}.npy", needed=array.nbytes) as file:
            np.save(file, array)
    write_atomic(folder / "about.json", json.dumps(record))
