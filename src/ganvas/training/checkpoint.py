"""Checkpoints: a folder of safetensors + JSON + a manifest of SHA-256, complete or not there at all. No pickle.

Written beside its place, every file fsynced, the manifest last, renamed, the parent fsynced, read back and verified;
only then is an older one deleted. So at every instant the newest acknowledged checkpoint can be loaded.
"""

import hashlib
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
QUARANTINE = "quarantine"


def save_checkpoint(folder: Path, images: int, state: dict[str, Any], run: str = "") -> Path:
    """Writes `folder/<images>`, verifies it and removes all but the last two. `run` names the run it belongs to.

    Raises Storage; then the old ones are still there. A good checkpoint of the same moment is left as it is.
    """
    tensors: dict[str, Tensor] = {}
    tree = _pack(state, "", tensors)
    place = folder / f"{images:012d}"
    beside = folder / f"{files.TEMPORARY}{place.name}-{os.getpid()}"
    try:
        folder.mkdir(exist_ok=True)
        if place.exists():
            try:
                _verify(place, run)
                return place
            except Corrupt:
                _set_aside(place)
        beside.mkdir()
        contents = {"tensors.safetensors": save(tensors), "state.json": json.dumps(tree).encode()}
        for name, data in contents.items():
            files.write_atomic(beside / name, data)
        listed = {name: files.sha256(beside / name) for name in contents}
        manifest = {"format": FORMAT, "images": images, "run": run, "files": listed}
        files.write_atomic(beside / MANIFEST, json.dumps(manifest, indent=1))
        beside.rename(place)
        files.fsync_dir(folder)
        _verify(place, run)
    except OSError as error:
        raise Storage(f"could not save the checkpoint {place}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    for old in list(_stored(folder))[:-KEEP]:
        shutil.rmtree(old, ignore_errors=True)
    return place


def load_checkpoint(place: Path, run: str | None = None) -> dict[str, Any]:
    """The state as it was saved. Raises Corrupt when a byte differs, it is another run's, or its format is newer."""
    contents = _verify(place, run)
    try:
        return _unpack(json.loads(contents["state.json"]), load(contents["tensors.safetensors"]))
    except Exception as error:
        raise Corrupt(f"{place} cannot be read ({error})") from error


def latest(folder: Path, run: str | None = None, tidy: bool = True) -> tuple[dict[str, Any] | None, list[str]]:
    """The newest checkpoint that verifies, and a sentence for each that did not and was set aside in `quarantine/`.

    tidy: off for another run's folder, which may be training now: nothing in it is touched.
    Raises Corrupt when there are checkpoints but none is good: starting again from nothing is the user's decision.
    """
    said = []
    for place in reversed(list(_stored(folder))):
        try:
            return load_checkpoint(place, run), said
        except Newer:
            raise
        except Corrupt as error:
            said.append(f"{error}; moved to {_set_aside(place)}" if tidy else str(error))
    if said or (folder / QUARANTINE).exists():
        why = f" ({said[0]})" if said else ""
        raise Corrupt(f"no good checkpoint is left in {folder}{why}: delete the run folder to start again from nothing")
    return None, said


def _set_aside(place: Path) -> Path:
    """Moved, never deleted: somebody may still get something out of it."""
    aside = place.parent / QUARANTINE / place.name
    aside.parent.mkdir(exist_ok=True)
    shutil.rmtree(aside, ignore_errors=True)
    return place.rename(aside)


class Newer(Corrupt):
    """Written by a newer ganvas: not damaged, so not set aside."""


def _stored(folder: Path) -> Iterator[Path]:
    """Finished checkpoints, oldest first: by the images they have seen, never by the file system's clock."""
    places = (p for p in folder.iterdir() if p.name.isdigit() and p.is_dir()) if folder.exists() else ()
    return iter(sorted(places, key=lambda p: int(p.name)))


def _verify(place: Path, run: str | None) -> dict[str, bytes]:
    try:
        manifest = json.loads((place / MANIFEST).read_bytes())
        if manifest["format"] > FORMAT:
            raise Newer(
                f"{place} was written by a newer ganvas (format {manifest['format']}): upgrade ganvas to use it"
            )
        if manifest["images"] != int(place.name):
            raise Corrupt(f"{place} holds the checkpoint of another moment ({manifest['images']} images)")
        if run is not None and manifest["run"] != run:
            raise Corrupt(f"{place} belongs to another run")
        contents = {name: (place / name).read_bytes() for name in ("tensors.safetensors", "state.json")}
        for name, data in contents.items():
            if hashlib.sha256(data).hexdigest() != manifest["files"][name]:
                raise Corrupt(f"{place / name} is not what was written (its SHA-256 differs)")
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
