"""What a run will be: from what was asked to a recipe's resolved arguments, its phases and its record."""

from __future__ import annotations

import platform
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganvas import __version__
from ganvas.data.open import open_source
from ganvas.data.source import Source
from ganvas.errors import BadInput
from ganvas.play.game import Phase
from ganvas.recipes import table
from ganvas.training.device import usable
from ganvas.training.run import Record, RunFolder
from ganvas.training.trainer import Trainer

TIMING_SECONDS = 6.0  # how long the first rounds are timed for --minutes
LOOKING = 0.88  # share of a run's time that is training; the rest are sheets, checkpoints and the report


@dataclass
class Plan:
    """A run as asked for. `prepare` opens the data and resolves the rest; nothing is written before it succeeds."""

    recipe: str
    data: str
    folder: Path
    arguments: dict[str, Any]
    epochs: float | None
    minutes: float | None
    data_options: dict[str, Any]
    seed: int
    circumstances: dict[str, Any]
    parent: RunFolder | None = None
    said: list[str] = field(default_factory=list)

    def prepare(self) -> tuple[Record, list[Phase], Source]:
        """The record of the run, its phases (networks initialised from the seed) and its data. Raises BadInput."""
        recipe = table.find(self.recipe)
        source = open_source(self.data, **self.data_options)
        self.said += source.notes
        arguments, reasons = table.resolve(recipe, self.recipe, source.spec, self.arguments)
        self.said += [f"{self.recipe}: {reason}" for reason in reasons]
        earlier = RunFolder.open(self.folder).record if RunFolder.exists(self.folder) else None
        length = self._length(recipe, source, arguments, earlier)
        arguments["images"] = earlier["images"] if earlier else length
        record = {
            "ganvas": __version__,
            "recipe": self.recipe,
            "arguments": arguments,
            "data": {
                "source": _lasting(self.data),
                "options": self.data_options,
                "spec": source.spec.to_json(),
                "notes": source.notes,
            },
            "seed": self.seed,
            "images": arguments["images"],
            "length": length,
            "minutes": self.minutes,
            "circumstances": self.circumstances,
            "device": self.circumstances["device"],
            "precision": self.circumstances["precision"],
            "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        if self.parent is not None:
            record["forked_from"] = str(self.parent.folder)
        return record, self._phases(recipe, source, arguments), source

    def trainer(self, phases: list[Phase], source: Source, record: Record) -> Trainer:
        grown = record["length"] - record["images"]
        where = {key: self.circumstances[key] for key in ("device", "precision", "workers")}
        return Trainer(phases, source, seed=self.seed, length=sum(p.images for p in phases) + grown, **where)

    def inherit(self, trainer: Trainer) -> str:
        """Start from the weights (and averages) of the parent's newest checkpoint; optimisers start anew."""
        from ganvas.training.checkpoint import latest

        state, _ = latest(self.parent.checkpoints)
        if state is None:
            raise BadInput(f"{self.parent.folder} has no checkpoint to fork from")
        for name, player in trainer.players.items():
            theirs = state["players"].get(name)
            try:
                player.module.load_state_dict(theirs["module"])
                if player.average is not None:
                    player.average.load_state_dict(theirs.get("average", theirs["module"]))
            except (RuntimeError, TypeError) as error:
                reason = str(error).strip().splitlines()[-1].strip()
                raise BadInput(
                    f"the weights of {self.parent.folder} do not fit this recipe's player {name} ({reason}): keep the "
                    "recipe, its widths and the image size when you fork"
                ) from None
        return f"forked from {self.parent.folder}: its weights, fresh optimisers"

    def _phases(self, recipe: table.Recipe, source: Source, arguments: dict[str, Any]) -> list[Phase]:
        torch.manual_seed(self.seed)
        try:
            return recipe(source.spec, **arguments)
        except (TypeError, ValueError, RuntimeError) as error:
            raise BadInput(f"recipe {self.recipe} cannot be built with these arguments: {error}") from error

    def _length(self, recipe: table.Recipe, source: Source, arguments: dict[str, Any], earlier: Record | None) -> int:
        """The length asked for in images, a whole number of batches; an earlier run is never shortened."""
        batch = arguments["batch"]
        if self.minutes is not None:
            if earlier and earlier["minutes"]:
                asked = earlier["length"] * self.minutes / earlier["minutes"]
            else:
                asked = self._timed(recipe, source, arguments) * self.minutes * 60 * LOOKING
        elif self.epochs is not None:
            if not source.spec.n:
                raise BadInput(f"{source.spec.name} is endless, it has no epochs: give --images instead")
            asked = self.epochs * source.spec.n
        else:
            asked = arguments["images"]
        asked = max(1, round(asked / batch)) * batch if self.minutes or self.epochs else asked
        return max(asked, earlier["length"]) if earlier else asked

    def _timed(self, recipe: table.Recipe, source: Source, arguments: dict[str, Any]) -> float:
        """Images a second of the first rounds here, on networks that are thrown away afterwards."""
        trainer = Trainer(
            self._phases(recipe, source, arguments), source, seed=self.seed, device=self.circumstances["device"],
            precision=self.circumstances["precision"], workers=self.circumstances["workers"],
        )  # fmt: skip
        for _ in range(3):
            trainer.play()
        start, first = time.perf_counter(), trainer.images
        while time.perf_counter() - start < TIMING_SECONDS:
            trainer.play()
        trainer.feed.close()
        speed = (trainer.images - first) / (time.perf_counter() - start)
        self.said.append(f"{speed:,.0f} images a second here, so {self.minutes:g} minutes are the length of this run")
        return speed


def make_plan(
    recipe: str, *, data: str, run: Any, images: int | None, epochs: float | None, minutes: float | None,
    size: Any, flip: bool, strict: bool, seed: int, device: str, precision: str, workers: int | None, resume: Any,
    fork: Any, arguments: dict[str, Any],
) -> Plan:  # fmt: skip
    """Checks what can be checked before the data are opened. Raises BadInput."""
    lengths = {"images": images, "epochs": epochs, "minutes": minutes}
    given = [name for name, value in lengths.items() if value is not None]
    if len(given) > 1:
        raise BadInput(f"--{' and --'.join(given)} both give the length of the run: choose one")
    for name in given:
        if not lengths[name] > 0:
            raise BadInput(f"--{name} must be above 0, not {lengths[name]}")
    if not 0 <= seed < 2**63:
        raise BadInput(f"--seed must be a whole number from 0 up, not {seed}")
    if precision not in ("fp32", "bf16"):
        raise BadInput(f"--precision is fp32 or bf16, not {precision!r}")
    if workers is not None and not 0 <= workers <= 64:
        raise BadInput(f"--workers must be from 0 to 64 threads, not {workers}")
    options = {"size": size, "flip": flip, "strict": strict}
    parent = None
    if resume is not None:
        old = RunFolder.open(Path(resume))
        if arguments and fork is None:
            raise BadInput(
                f"--resume goes on with {resume} as it is, so it takes no --{next(iter(arguments)).replace('_', '-')}: "
                "add --fork NEW_FOLDER to start a new run from its weights"
            )
        recipe, data, seed = old.record["recipe"], old.record["data"]["source"], old.record["seed"]
        options, run = old.record["data"]["options"], resume
        inherited = {k: v for k, v in old.record["arguments"].items() if k != "images" or fork is None}
        arguments = {k: tuple(v) if isinstance(v, list) else v for k, v in (inherited | arguments).items()}
        minutes = old.record["minutes"] if not given else minutes
    table.find(recipe)
    if images is not None:
        arguments = arguments | {"images": images}
    if fork is not None:
        if run is None:
            raise BadInput("--fork starts from another run's weights: name it with --resume OLD_FOLDER")
        parent = RunFolder.open(Path(run))
        run = fork
        if RunFolder.exists(Path(fork)) and "forked_from" not in RunFolder.open(Path(fork)).record:
            raise BadInput(f"--fork {fork} is a run already: give a new folder")
    name = re.sub(r"[^\w.-]+", "-", f"{recipe}-{Path(data).name if Path(data).exists() else data}")
    folder = Path(run) if run is not None else Path("runs") / name
    where = usable(device)
    circumstances = {
        "device": where,
        "precision": precision,
        "threads": torch.get_num_threads(),
        "workers": workers if workers is not None else (0 if where == "cpu" else 2),
    }
    return Plan(recipe, data, folder, dict(arguments), epochs, minutes, options, seed, circumstances, parent)


def _lasting(data: str) -> str:
    """A path that still leads to the data from another folder; a name stays a name."""
    return str(Path(data).resolve()) if Path(data).exists() else data
