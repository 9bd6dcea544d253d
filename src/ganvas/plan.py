"""What a run will be: from what was asked to a recipe's resolved arguments, its phases and its record.

torch is imported inside the functions: a mistake in what was asked is answered before it, at once.
"""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganvas import __version__
from ganvas.data.album import open_photos
from ganvas.data.captioned import open_captions
from ganvas.data.open import look, open_examples, open_source
from ganvas.data.source import Source
from ganvas.errors import BadInput
from ganvas.recipes import table
from ganvas.recipes.check import doubts
from ganvas.training.run import Record, RunFolder, healed

if TYPE_CHECKING:
    from ganvas.play.game import Phase
    from ganvas.training.trainer import Trainer

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
    parent: Path | None = None
    said: list[str] = field(default_factory=list)

    def prepare(self) -> tuple[Record, list[Phase], Source]:
        """The record of the run, its phases (networks initialised from the seed) and its data. Raises BadInput."""
        import torch

        recipe = table.find(self.recipe)
        source = opened(recipe, self.data, self.data_options)
        self.said += source.notes
        arguments, reasons = table.resolve(recipe, self.recipe, source.spec, self.arguments)
        self.said += [f"{self.recipe}: {reason}" for reason in reasons]
        batch, n = arguments["batch"], source.spec.n
        if n and batch > n:
            self.said.append(
                f"--batch {batch:,} is more than the {n:,} training images: every update sees some of them twice"
            )
        earlier = RunFolder.open(self.folder).record if RunFolder(self.folder, {}).begun else None
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
            "minutes": earlier["minutes"] if earlier else self.minutes,
            "circumstances": self.circumstances,
            "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        if earlier and "forked_from" in earlier:
            self.parent = Path(earlier["forked_from"])
        if self.parent is not None:
            record["forked_from"] = str(self.parent.resolve())
        phases = self._phases(recipe, source, arguments | healed(earlier or {}))
        self.said += [f"{self.recipe}: {doubt}" for doubt in doubts(phases, source.spec)]
        return record, phases, source

    def trainer(self, phases: list[Phase], source: Source, record: Record) -> Trainer:
        from ganvas.nets.precision import doubt
        from ganvas.training.parts import caveats
        from ganvas.training.trainer import Trainer

        grown = record["length"] - record["images"]
        where = {key: self.circumstances[key] for key in ("device", "precision", "workers", "micro_batch")}
        self.said += filter(None, [doubt(where["precision"], where["device"])])
        if where["micro_batch"]:
            self.said += [text for phase in phases for text in caveats(phase, where["micro_batch"])]
        return Trainer(phases, source, seed=self.seed, length=sum(p.images for p in phases) + grown, **where)

    def rebuilt(self, source: Source, record: Record) -> list[Phase]:
        """The phases of a run as it has been healed."""
        return self._phases(table.find(self.recipe), source, record["arguments"] | healed(record))

    def _phases(self, recipe: table.Recipe, source: Source, arguments: dict[str, Any]) -> list[Phase]:
        import torch

        torch.manual_seed(self.seed)
        try:
            return recipe(source.spec, **arguments)
        except (TypeError, ValueError, RuntimeError) as error:
            raise BadInput(f"recipe {self.recipe} cannot be built with these arguments: {error}") from error

    def _length(self, recipe: table.Recipe, source: Source, arguments: dict[str, Any], earlier: Record | None) -> int:
        """The length asked for in images, a whole number of batches; an earlier run is never shortened."""
        batch, found = arguments["batch"], ""
        if self.minutes is not None:
            if earlier and not earlier["minutes"]:
                raise BadInput(f"{self.folder} was given its length in images: prolong it with --images, not --minutes")
            elif earlier:  # timed once, when it began
                asked = earlier["images"] * self.minutes / earlier["minutes"]
            else:
                speed, seen = self.speed(recipe, source, arguments)
                busy = f" ({seen:,.0f} beside the other programs that run now)" if seen < 0.8 * speed else ""
                found = f"timed here: {speed:,.0f} images a second{busy}"
                asked = speed * self.minutes * 60 * LOOKING
        elif self.epochs is not None:
            if not source.spec.n:
                raise BadInput(f"{source.spec.name} is endless, it has no epochs: give --images instead")
            asked = self.epochs * source.spec.n
        else:
            asked = arguments["images"]
            if not earlier and "images" not in self.arguments:
                self.said += self._smaller(recipe, source, arguments)
        asked = max(1, round(asked / batch)) * batch if self.minutes or self.epochs else asked
        if found:
            end = "Ctrl-C ends it earlier, with nothing lost"
            self.said.append(f"{found}, so {self.minutes:g} minutes are {asked:,} images; {end}")
        return max(asked, earlier["length"]) if earlier else asked

    def _smaller(self, recipe: table.Recipe, source: Source, arguments: dict[str, Any]) -> list[str]:
        """For who tries a full recipe on the data that come with ganvas: how long it takes, and what takes minutes."""
        small, wanted = f"{self.recipe}_small", table.wanted(recipe)
        if self.data != wanted.data or self.parent is not None or small not in table.RECIPES:
            return []
        takes = ""
        if wanted.kind in ("pairs", "domains"):  # rounds of the others are too long to be tried first
            hours = arguments["images"] / self.speed(recipe, source, arguments)[1] / LOOKING / 3600
            long = f"{hours:,.0f} hours" if hours > 2 else f"{max(60 * hours, 1):,.0f} minutes"
            takes = f"{arguments['images']:,} images will take about {long} here; "
        return [f"{self.recipe}: {takes}for a first look in minutes: ganvas train {small} --minutes 3"]

    def speed(self, recipe: table.Recipe, source: Source, arguments: dict[str, Any]) -> tuple[float, float]:
        """Images a second of the first rounds here, undisturbed and as seen, on networks that are thrown away."""
        from ganvas.training.timing import timed
        from ganvas.training.trainer import Trainer

        phases = self._phases(recipe, source, arguments)
        took = []  # seconds an image of the run, undisturbed and as seen, of each phase
        for phase in phases:
            trainer = Trainer(
                [phase], source, seed=self.seed, device=self.circumstances["device"],
                precision=self.circumstances["precision"], workers=self.circumstances["workers"],
                micro_batch=self.circumstances["micro_batch"],
            )  # fmt: skip
            share = phase.images / sum(p.images for p in phases)
            took.append([share / speed for speed in timed(trainer, self.circumstances["threads"])])
            trainer.feed.close()
        speed, seen = (1 / sum(seconds) for seconds in zip(*took, strict=True))
        return speed, seen


def make_plan(
    recipe: str | None, *, data: str | None, run: Any, images: int | None, epochs: float | None,
    minutes: float | None, size: Any, flip: bool, strict: bool, drop_unpaired: bool, seed: int | None, device: str | None,
    precision: str | None, threads: int | None, workers: int | None, micro_batch: int | None,
    watch: str | None, patience: int | None, resume: Any, fork: Any, arguments: dict[str, Any],
) -> Plan:  # fmt: skip
    """Checks what can be checked before the data are opened, all but the device without torch. Raises BadInput."""
    lengths = {"images": images, "epochs": epochs, "minutes": minutes}
    given = [name for name, value in lengths.items() if value is not None]
    if len(given) > 1:
        raise BadInput(f"--{' and --'.join(given)} both give the length of the run: choose one")
    for name in given:
        if not 0 < lengths[name] < 1e15:
            raise BadInput(f"--{name} must be above 0 and finite, not {lengths[name]}")
    old = RunFolder.open(Path(resume)).record if resume is not None else None
    if old is not None:  # what is not given is as it was; what is given and differs is refused by name, or forked
        was, data_was = old["circumstances"], old["data"]
        recipe, data = recipe or old["recipe"], data_was["source"] if data is None else data
        seed = old["seed"] if seed is None else seed
        size = data_was["options"]["size"] if size is None else size
        flip, strict = flip or data_was["options"]["flip"], strict or data_was["options"]["strict"]
        drop_unpaired = drop_unpaired or data_was["options"].get("drop_unpaired", False)
        device, precision = device or was["device"], precision or was["precision"]
        threads, workers = threads or was["threads"], was["workers"] if workers is None else workers
        micro_batch = micro_batch or was.get("micro_batch")
        watch, patience = watch or was.get("watch"), patience or was.get("patience")
        same = {
            k: tuple(v) if isinstance(v, list) else v for k, v in old["arguments"].items() if recipe == old["recipe"]
        }
        if fork is not None:
            same = {k: v for k, v in (same | healed(old)).items() if k != "images"}
        arguments = same | arguments
        minutes = old["minutes"] if not given and fork is None else minutes
        run = run or resume
    recipe, seed = recipe or "auto", seed or 0
    wanted = table.wanted(table.find(recipe))
    data = wanted.data if data is None else data
    device, precision = device or "auto", precision or "fp32"
    if not 0 <= seed < 2**63:
        raise BadInput(f"--seed must be a whole number from 0 up, not {seed}")
    if precision not in ("fp32", "bf16"):
        raise BadInput(f"--precision is fp32 or bf16, not {precision!r}")
    if threads is not None and not 1 <= threads <= 256:
        raise BadInput(f"--threads must be from 1 to 256, not {threads}")
    if workers is not None and not 0 <= workers <= 64:
        raise BadInput(f"--workers must be from 0 to 64 threads, not {workers}")
    if micro_batch is not None and micro_batch < 1:
        raise BadInput(f"--micro-batch must be a number of images from 1 up, not {micro_batch}")
    if patience is not None and patience < 1:
        raise BadInput(f"--patience must be a number of looks from 1 up, not {patience}")
    if images is not None:
        arguments = arguments | {"images": images}
    parent = None
    if fork is not None:
        if run is None:
            raise BadInput("--fork starts from another run's weights: name it with --resume OLD_FOLDER")
        parent = RunFolder.open(Path(run)).folder
        run = fork
        if RunFolder.exists(Path(fork)) and "forked_from" not in RunFolder.open(Path(fork)).record:
            raise BadInput(f"--fork {fork} is a run already: give a new folder")
    options = {"size": size, "flip": flip, "strict": strict}
    if wanted.kind != "images":
        options |= {"drop_unpaired": drop_unpaired} | told(table.find(recipe), arguments)
    elif drop_unpaired:
        raise BadInput(f"--drop-unpaired is for recipes of pairs or captions, and {recipe} is none: leave it out")
    name = re.sub(r"[^\w.-]+", "-", f"{recipe}-{Path(data).name if Path(data).exists() else data}")
    folder = Path(run) if run is not None else Path("runs") / name
    if folder.is_dir() and not RunFolder.exists(folder) and any(not p.name.startswith(".") for p in folder.iterdir()):
        raise BadInput(f"{folder} is not empty and no run: give --run a folder of its own")
    if wanted.kind == "images":
        look(data)
    import torch

    from ganvas.training.device import usable

    where = usable(device)
    circumstances = {
        "device": where,
        "precision": precision,
        "threads": threads or torch.get_num_threads(),
        "workers": workers if workers is not None else (0 if where == "cpu" else 2),
        "micro_batch": micro_batch,
        "watch": watch,
        "patience": patience,
    }
    return Plan(recipe, data, folder, dict(arguments), epochs, minutes, options, seed, circumstances, parent)


def opened(recipe: table.Recipe, data: str, options: dict[str, Any]) -> Source:
    """The data in the form that this recipe learns from. Raises BadInput, Storage or Corrupt."""
    wanted = table.wanted(recipe)
    if wanted.kind == "images":
        return open_source(data, **options)
    if wanted.kind == "photos":
        return open_photos(data, side=wanted.side, **options)
    if wanted.kind == "captions":
        return open_captions(data, side=wanted.side, **options)
    return open_examples(data, wanted.kind, side=wanted.side, **options)


def told(recipe: table.Recipe, arguments: dict[str, Any]) -> dict[str, Any]:
    """Those of a recipe's arguments that its data are opened with: they say what an example is."""
    return {name: (table.defaults(recipe) | arguments)[name] for name in table.wanted(recipe).told}


def _lasting(data: str) -> str:
    """A path (or two, with a comma) that still leads to the data from another folder; a name stays a name."""
    if Path(data).exists():
        return str(Path(data).resolve())
    parts = data.split(",")
    return ",".join(str(Path(p).resolve()) for p in parts) if all(p and Path(p).exists() for p in parts) else data
