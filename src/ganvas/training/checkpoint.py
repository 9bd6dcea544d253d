"""Checkpoints: a folder of safetensors + JSON + a manifest of SHA-256, complete or not there at all. No pickle.

Written beside its place, every file fsynced, the manifest last, renamed, the parent fsynced, read back and verified;
only then is an older one deleted. So at every instant the newest acknowledged checkpoint can be loaded.
"""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safetensors.torch import load, save
from torch import Tensor

from ganvas import files
from ganvas.errors import Corrupt, Storage

FORMAT = 1
KEEP = 2
MANIFEST = "manifest.json"


def save_checkpoint(folder: Path, images: int, state: dict[str, Any]) -> Path:
    """Writes `folder/<images>`, verifies it and removes all but the last two. Raises Storage; the old ones stay."""
    tensors: dict[str, Tensor] = {}
    tree = _pack(state, "", tensors)
    place = folder / f"{images:012d}"
    beside = folder / f".{place.name}.{os.getpid()}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        beside.mkdir()
        contents = {"tensors.safetensors": save(tensors), "state.json": json.dumps(tree).encode()}
        for name, data in contents.items():
            files.write_atomic(beside / name, data)
        listed = {name: {"sha256": files.sha256(beside / name), "bytes": len(data)} for name, data in contents.items()}
        manifest = {"format": FORMAT, "images": images, "files": listed}
        files.write_atomic(beside / MANIFEST, json.dumps(manifest, indent=1))
        if place.exists():
            shutil.rmtree(place)  # the same moment of the same run: nothing is lost with it
        beside.rename(place)
        files.fsync_dir(folder)
        _verify(place)
    except OSError as error:
        raise Storage(f"could not save the checkpoint {place}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    for old in list(_stored(folder))[:-KEEP]:
        shutil.rmtree(old, ignore_errors=True)
    return place


def load_checkpoint(place: Path) -> dict[str, Any]:
    """The state as it was saved. Raises Corrupt when a byte differs or the format is newer than this program."""
    contents = _verify(place)
    try:
        return _unpack(json.loads(contents["state.json"]), load(contents["tensors.safetensors"]))
    except Exception as error:
        raise Corrupt(f"{place} cannot be read ({error})") from error


def latest(folder: Path) -> tuple[dict[str, Any] | None, list[str]]:
    """The newest checkpoint that verifies, and a sentence for each that did not and was set aside in `quarantine/`.

    Raises Corrupt when there are checkpoints but none is good: starting again from nothing is the user's decision.
    """
    said = []
    for leftover in folder.glob(".*.tmp") if folder.exists() else ():
        shutil.rmtree(leftover, ignore_errors=True)
    for place in reversed(list(_stored(folder))):
        try:
            return load_checkpoint(place), said
        except Newer:
            raise
        except Corrupt as error:
            aside = folder / "quarantine" / place.name
            aside.parent.mkdir(exist_ok=True)
            shutil.rmtree(aside, ignore_errors=True)
            place.rename(aside)
            said.append(f"{error}; moved to {aside}")
    if said:
        raise Corrupt(
            f"no good checkpoint is left in {folder} ({said[0]}); delete the folder to start again from nothing"
        )
    return None, said


class Newer(Corrupt):
    """Written by a newer ganvas: not damaged, so not set aside."""


def _stored(folder: Path) -> Iterator[Path]:
    """Finished checkpoints, oldest first: by the images they have seen, never by the file system's clock."""
    places = (p for p in folder.iterdir() if p.name.isdigit() and p.is_dir()) if folder.exists() else ()
    return iter(sorted(places, key=lambda p: int(p.name)))


def _verify(place: Path) -> dict[str, bytes]:
    try:
        manifest = json.loads((place / MANIFEST).read_bytes())
        if manifest["format"] > FORMAT:
            raise Newer(
                f"{place} was written by a newer ganvas (format {manifest['format']}): upgrade ganvas to use it"
            )
        if manifest["images"] != int(place.name):
            raise Corrupt(f"{place} holds the checkpoint of another moment ({manifest['images']} images)")
        contents = {}
        for name in ("tensors.safetensors", "state.json"):
            if files.sha256(place / name) != manifest["files"][name]["sha256"]:
                raise Corrupt(f"{place / name} is not what was written (its SHA-256 differs)")
            contents[name] = (place / name).read_bytes()
        return contents
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Corrupt(f"{place} is incomplete ({type(error).__name__}: {error})") from error


def _pack(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    """JSON for `value`, with each tensor replaced by its name in `tensors`."""
    if isinstance(value, Tensor):
        tensors[path] = value.detach().cpu().contiguous().clone()  # safetensors refuses shared memory
        return {"tensor": path}
    if isinstance(value, dict):
        assert all(isinstance(key, str) for key in value), f"only text keys can be stored: {path}"
        return {"dict": {key: _pack(v, f"{path}/{key}", tensors) for key, v in value.items()}}
    if isinstance(value, list | tuple):
        return [_pack(v, f"{path}/{i}", tensors) for i, v in enumerate(value)]
    assert value is None or isinstance(value, bool | int | float | str), f"cannot be stored: {path}: {type(value)}"
    return value


def _unpack(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, dict):
        if "tensor" in value:
            return tensors[value["tensor"]]
        return {key: _unpack(v, tensors) for key, v in value["dict"].items()}
    return [_unpack(v, tensors) for v in value] if isinstance(value, list) else value
