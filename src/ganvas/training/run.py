"""A run is a folder that explains itself: run.json, log.jsonl, samples/, checkpoints/, snapshots/."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from ganvas import files
from ganvas.errors import BadInput

Record = dict[str, Any]


def identity(record: Record) -> Record:
    """What makes a run this run. Its length may grow; where and how it is computed, and where its data lie, is free."""
    spec = record["data"]["spec"]
    about = {key: record[key] for key in ("recipe", "arguments", "seed")}
    size = "×".join(map(str, spec["shape"]))
    return about | {
        "data": spec["fingerprint"] or spec["name"],
        "image": size,
        "flip": record["data"]["options"]["flip"],
    }


def healed(record: Record) -> dict[str, Any]:
    """The arguments that `--heal` has changed in this run, as they are now."""
    changes: dict[str, Any] = {}
    for one in record.get("healed", ()):
        changes |= {k: tuple(v) if isinstance(v, list) else v for k, v in one["changes"].items()}
    return changes


class RunFolder:
    """The files of one run. `record` is run.json: recipe and arguments as resolved, data, seed, length, versions."""

    def __init__(self, folder: Path, record: Record):
        self.folder, self.record = folder, record

    @classmethod
    def open(cls, folder: Path) -> "RunFolder":
        """Raises BadInput where there is no run."""
        try:
            record = json.loads((folder / "run.json").read_text())
            missing = {"recipe", "arguments", "data", "seed", "images", "length", "circumstances"} - set(record)
            if missing:
                raise ValueError(f"it lacks {', '.join(sorted(missing))}")
            return cls(folder, record)
        except FileNotFoundError:
            hint = "is no run folder (it has no run.json)" if folder.exists() else "does not exist"
            raise BadInput(f"{folder} {hint}: give the folder that `ganvas train` wrote") from None
        except (OSError, ValueError, TypeError) as error:
            raise BadInput(
                f"{folder / 'run.json'} is damaged ({error}): put it back, or train in another folder"
            ) from None

    @classmethod
    def exists(cls, folder: Path) -> bool:
        return (folder / "run.json").exists()

    @property
    def begun(self) -> bool:
        """Is there anything in it that training made? What failed at its start may give way."""
        return self.snapshot.exists() or any(self.checkpoints.glob("*")) or (self.folder / "log.jsonl").exists()

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def samples(self) -> Path:
        return self.folder / "samples"

    @property
    def snapshot(self) -> Path:
        return self.folder / "snapshots" / "last.safetensors"

    @property
    def name(self) -> str:
        """A digest of what makes this run this run: its checkpoints carry it, so that none is taken for another's."""
        text = json.dumps(identity(self.record), sort_keys=True, default=list)
        return hashlib.sha256(text.encode()).hexdigest()

    def tidy(self) -> None:
        """Removes what a process that died while writing has left. Under the lock only."""
        for leftover in [*self.folder.glob(f"{files.TEMPORARY}*"), *self.folder.glob(f"*/{files.TEMPORARY}*")]:
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()

    def write_record(self) -> None:
        files.write_atomic(self.folder / "run.json", json.dumps(self.record, indent=1, ensure_ascii=False) + "\n")

    def accept(self, asked: Record) -> list[str]:
        """Go on with this run as `asked`: raises BadInput naming every difference that would make it another run.

        A greater length is taken over. Returns sentences about what is different all the same.
        """
        there, here = identity(self.record), identity(asked)
        if there["recipe"] != here["recipe"]:
            del there["arguments"], here["arguments"]
        differences = _differences("run", there, here)
        if differences:
            raise BadInput(
                f"{self.folder} is another run: {'; '.join(differences)}. Give --run another folder, or "
                "--fork NEW_FOLDER to start a new run from these weights"
            )
        said = []
        if asked["length"] > self.record["length"]:
            said.append(
                f"prolonged from {self.record['length']:,} to {asked['length']:,} images; its schedules were laid out for "
                f"{self.record['images']:,}"
            )
            self.record["length"] = asked["length"]
        old, new = self.record["circumstances"], asked["circumstances"]
        changed = [f"{key} {old[key]} → {new[key]}" for key in old if key != "workers" and old[key] != new.get(key)]
        if changed:
            said.append(f"not bit-exact with what came before: {', '.join(changed)}")
        self.record["circumstances"] = new
        self.record["data"]["source"] = asked["data"]["source"]  # the same pictures may have moved
        return said

    def log(self, row: dict[str, Any]) -> None:
        """Appends one row to log.jsonl. Raises Storage."""
        with files.storage_errors(self.folder / "log.jsonl"), (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")

    def forget_after(self, images: int) -> None:
        """Removes log rows and sheets from beyond a checkpoint: they are about to be made again."""
        log = self.folder / "log.jsonl"
        if log.exists():
            rows = [line for line in log.read_text(errors="replace").splitlines() if _images(line) <= images]
            files.write_atomic(log, "".join(line + "\n" for line in rows))
        for sheet in self.samples.glob("[0-9]*.png"):
            if sheet.stem.isdigit() and int(sheet.stem) > images:
                sheet.unlink()


def _differences(name: str, old: Any, new: Any) -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        return [text for key in {**old, **new} for text in _differences(key, old.get(key), new.get(key))]
    if name == "data" and old != new:
        return ["the data have changed"]
    same = list(old) == list(new) if isinstance(old, list | tuple) and isinstance(new, list | tuple) else old == new
    return [] if same else [f"{name.replace('_', '-')} is {_short(old)} there, {_short(new)} was asked for"]


def _short(value: Any) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _images(line: str) -> float:
    try:
        return json.loads(line)["images"]
    except (ValueError, KeyError, TypeError):
        return float("inf")
