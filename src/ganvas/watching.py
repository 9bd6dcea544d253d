"""What a loop does at a tick: a row in the log, a sheet, a checkpoint; and at the end the film."""

import contextlib
import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from ganvas import files
from ganvas.data.labels import spread
from ganvas.errors import Corrupt, Diverged, Storage
from ganvas.nets.table import NETS
from ganvas.study.captions import spoken
from ganvas.study.curves import curves
from ganvas.study.equilibrium import equilibrium
from ganvas.study.log import read_log
from ganvas.study.sample import SHEET_SIZE, Generator, visible
from ganvas.study.sheets import annotated, film, sheet, write_picture
from ganvas.study.translate import Translator, asked, mosaic
from ganvas.training.checkpoint import save_checkpoint
from ganvas.training.feed import Feed
from ganvas.training.run import RunFolder
from ganvas.training.snapshot import (
    STANDING_BATCHES,
    STANDING_SIZE,
    images_of,
    with_standing_statistics,
    write_snapshot,
)
from ganvas.training.trainer import Tick, Trainer

SHEETS = 40  # over a run, besides the first and three early ones
PAIRS = 6  # shown before training begins
SHOWN_TO_NORMS = 256  # crops, whose every pixel counts in BatchNorm's statistics, or captions
SAVES = 10
REFUSALS = 3  # saves in a row that a disk may refuse before the run stops


class Keeper:
    """Checkpoints and snapshots: at the start, at every tenth of the run, at its end. Only what is healthy is kept."""

    def __init__(self, trainer: Trainer, folder: RunFolder, say: Callable[[str], None]):
        self.trainer, self.folder, self.say = trainer, folder, say
        self.saved = trainer.images if images_of(folder.snapshot) == trainer.images else -1
        self.tried = trainer.images
        self.refused = 0

    def save_first(self) -> None:
        """So that there is a healthy moment to go back to, and a full or read-only disk speaks up at once."""
        if self.saved < 0:
            self.save()

    def save_if_due(self) -> None:
        """At the first whole tick after each tenth of the run, if the run is well then. What an earlier phase ends with is
        kept for good, as snapshots/phase-0.safetensors."""
        if self.trainer.phase_ends and self.trainer.sound:
            name = f"phase-{self.trainer.phase}.safetensors"
            snapshot(self.trainer, self.folder, self.folder.snapshot.with_name(name))
        step = max(self.trainer.length // SAVES, 1)
        if self.trainer.images // step > self.tried // step and self.trainer.well:
            self.save()

    def save_last(self) -> None:
        """Raises Diverged where there is nothing worth keeping: an end that is broken is no success."""
        if self.saved == self.trainer.images:
            return
        if not self.trainer.sound:
            raise Diverged(
                f"stopped at {self.trainer.images:,} images with losses or weights that are broken, which is not kept; the "
                f"last healthy moment is in {self.folder.checkpoints}: try a lower --lr in another folder"
            )
        self.save(last=True)

    def save(self, last: bool = False) -> None:
        """Checkpoint and snapshot. A disk that refuses is said and tried again later; the third time it is an error."""
        trainer = self.trainer
        self.tried = trainer.images
        try:
            save_checkpoint(self.folder.checkpoints, trainer.images, trainer.state_dict(), self.folder.name)
            snapshot(trainer, self.folder, self.folder.snapshot)
        except (Storage, Corrupt) as error:
            self.refused += 1
            if self.refused >= REFUSALS or last:
                raise
            self.say(f"{error}; training goes on and saving is tried again ({self.refused} of {REFUSALS})")
        else:
            self.refused, self.saved = 0, trainer.images


class Watcher:
    """Log rows and sheets of the same latents."""

    def __init__(self, trainer: Trainer, folder: RunFolder):
        self.trainer, self.folder = trainer, folder
        sheets = SHEETS // 2 if trainer.source.spec.views else SHEETS  # pictures are translated one by one
        step = trainer.length / sheets
        self.due = sorted({0, *(round(step / k) for k in (8, 4, 2)), *(round(step * k) for k in range(1, sheets + 1))})
        self.due = [images for images in self.due if images > trainer.images or images == trainer.images == 0]
        self.last = (trainer.images, 0.0)

    def look(self, tick: Tick) -> None:
        """The row of a whole tick, and a sheet if one is due."""
        measured = {}
        if (tick.whole or not tick.images) and self.due and tick.images >= self.due[0]:
            measured = self.picture()
        if tick.whole:
            images, seconds = self.last
            self.last = tick.images, tick.seconds
            row = {"images": tick.images, "phase": tick.phase, "round": tick.round, "seconds": round(tick.seconds, 3)}
            speed = (tick.images - images) / max(tick.seconds - seconds, 1e-9)
            means = {key: float(f"{value:.6g}") for key, value in (tick.means | measured).items()}
            with contextlib.suppress(Storage):  # a row lost to a full disk; checkpoints speak up
                self.folder.log(row | {"images_per_second": round(speed, 1)} | means)

    def picture(self) -> dict[str, float]:
        """A sheet of always the same latents, or held-out pictures, as the averaged generator answers them now; and
        what can be measured on the way."""
        images = self.trainer.images
        self.due = [at for at in self.due if at > images]
        generator = standing_generator(self.trainer)
        with contextlib.suppress(OSError, Storage):
            self.folder.samples.mkdir(exist_ok=True)
            look = generator.look(self.trainer.source, self.trainer.seed)
            write_picture(look, self.folder.samples / f"{images:08d}.png")
        return generator.measure(self.trainer.source, self.trainer.seed)


def snapshot(trainer: Trainer, folder: RunFolder, path: Path, side: str = "average") -> None:
    """Writes the averaged, or the "live", generator of now to `path`."""
    side = "live" if trainer.players[trainer.game.watched].average is None else side
    record, G = folder.record, standing(trainer, side == "live")
    about = {
        "spec": record["data"]["spec"],
        "pixels": list(trainer.spec.pixels),
        "images": trainer.images,
        "label": {key: record[key] for key in ("recipe", "arguments", "seed", "ganvas")} | {"weights": side},
    }
    write_snapshot(path, G, _net_name(G), trainer.game, getattr(trainer.game, "prior", None), about)


def standing(trainer: Trainer, live: bool = False) -> nn.Module:
    """A copy of the averaged generator (the live one where there is none, or on request) in eval mode, with its own
    BatchNorm statistics: recomputed from noise, of a game with captions from those of the first training examples beside
    it, or for an average that enlarges pictures from these examples. Frozen parts keep theirs. Training goes on as if
    nobody had looked."""
    player, source = trainer.players[trainer.game.watched], trainer.source
    live = live or player.average is None
    G = copy.deepcopy(player.module if live else player.average)
    G.to(memory_format=torch.contiguous_format)  # as a snapshot is read: another layout is another order of summation
    norms = any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in G.modules())
    if source.spec.views:
        norms = norms and not live
        batch = next(Feed(source, 0, SHOWN_TO_NORMS, 0, trainer.spec.pixels, trainer.device, 0)) if norms else {}
    elif source.spec.text:
        captions = source.batch(0, 0, SHOWN_TO_NORMS)["text"] if norms else np.zeros(0)
        again = STANDING_BATCHES * STANDING_SIZE // SHOWN_TO_NORMS
        batch = {"text": torch.from_numpy(np.concatenate([captions] * again)).to(trainer.device)}
    else:
        batch = {"label": torch.from_numpy(spread(source.spec, STANDING_BATCHES * STANDING_SIZE)).to(trainer.device)}
    frozen = [name for name, part in player.module.named_modules() if any(part is f for f in trainer.spec.frozen)]
    return with_standing_statistics(G, trainer.game, getattr(trainer.game, "prior", None), batch, frozen)


def standing_generator(trainer: Trainer, live: bool = False) -> Generator | Translator:
    """The same, to be asked for pictures."""
    spec, pixels = trainer.source.spec, trainer.spec.pixels
    return asked(standing(trainer, live), trainer.game, spec, pixels, trainer.images, {"seed": trainer.seed})


def real_looks(trainer: Trainer, folder: RunFolder) -> None:
    """samples/real.png, a sheet of real pictures, and samples/input.png, one of them with its pixel values written."""
    count = min(SHEET_SIZE, trainer.source.spec.n or SHEET_SIZE)  # an endless source has n = 0
    real = trainer.source.batch(0, 0, count if not trainer.source.spec.views else PAIRS)
    with files.storage_errors(folder.samples):
        folder.samples.mkdir(exist_ok=True)
    if trainer.source.spec.views:
        both = [picture for pair in zip(real["a"], real["b"], strict=True) for picture in pair]
        write_picture(mosaic(both, 4), folder.samples / "real.png")
    else:
        write_picture(sheet(visible(real["image"], trainer.source.spec.range)), folder.samples / "real.png")
    annotated(next(iter(real.values()))[0], folder.samples / "input.png")


def last_looks(folder: RunFolder) -> None:
    """samples/film.gif, the same latents through training, and curves.png."""
    frames = [path for path in sorted(folder.samples.glob("[0-9]*.png")) if _whole(path)]
    if frames:
        film(frames, folder.samples / "film.gif")
    if rows := read_log(folder.folder / "log.jsonl"):
        curves(rows, folder.folder / "curves.png", equilibrium(rows, folder.record))


def uses(trainer: Trainer, folder: RunFolder) -> tuple[str, str, str]:
    """What can be done with a run: ask it, train its recipe on own images, call it from Python."""
    spec, name, recipe = trainer.source.spec, folder.folder, folder.record["recipe"]
    ask, call = f"sample      ganvas sample {name} -n 64 --seed 1 --out sheet.png", "G.sample(16, seed=0)"
    own = "ganvas train --data FOLDER"
    if spec.views:
        call, verb = "G(picture)", "upscale" if spec.scale > 1 else "translate"
        ask = f"use it      ganvas {verb} {name} picture.png out.png"
        own = f"ganvas train {recipe} --data FOLDER{'' if spec.scale > 1 else ' (with A/ and B/)'}"
    if spec.text:
        ask = f'draw        ganvas draw {name} "{spoken(trainer.source, 1)[1][0]}" -n 8 --out drawn.png'
        own, call = f"ganvas train {recipe} --data FOLDER (with captions.csv: file,caption)", "G('a sentence', n=4)"
    return f"  {ask}", f"  own images  {own}", f"  in Python   G = ganvas.load({str(name)!r}); {call}"


def _whole(path: Path) -> bool:
    try:
        with Image.open(path) as picture:
            picture.load()
        return True
    except (OSError, SyntaxError, ValueError):
        return False


def _net_name(G: nn.Module) -> str:
    cls = type(G)
    return cls.__name__ if NETS.get(cls.__name__) is cls else f"{cls.__module__}:{cls.__qualname__}"
