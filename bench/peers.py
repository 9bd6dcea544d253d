"""The children of `train_step.py`: our trainer, the usual way, or a peer's script, training for ever through a gate.

All three are stopped at the same place: where the step asks for its data.
"""

import gzip
import json
import os
import runpy
import struct
import sys
import time
import types
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import torch
import usual
from networks import WORKLOADS, Workload, fingerprint, ours_without
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader

from ganvas.data.arrays import ArraySource
from ganvas.data.open import open_source
from ganvas.data.packed import read_idx
from ganvas.data.source import Arrays, Source
from ganvas.data.toys import Shapes
from ganvas.play.game import Optimizer, Phase
from ganvas.play.latent import Latent, Normal
from ganvas.play.losses import LOSSES
from ganvas.play.penalties import GradientPenalty, between
from ganvas.play.schedules import constant
from ganvas.recipes.common import adam
from ganvas.training.trainer import Precision, Trainer

MNIST = [f"{split}-{what}-ubyte" for split in ("train", "t10k") for what in ("images-idx3", "labels-idx1")]
PICTURES = 2048


class Gate:
    """Stands between steps. A line "4.0" from the parent lets steps pass for four seconds; a count answers it."""

    def __init__(self, orders: TextIO, answers: TextIO, now: Callable[[], float] = time.perf_counter):
        self.orders, self.answers, self.now = orders, answers, now
        self.opened = False
        self.images = self.steps = 0
        self.began = self.until = -1.0

    def open(self, about: dict[str, Any]) -> None:
        """Say who is there. Before this no step may pass."""
        self.opened = True
        self._say(about)

    def __call__(self, images: int) -> None:
        """A step that saw so many real images is done; the first call, before any step, says 0."""
        assert self.opened
        self.images += images
        self.steps += images > 0
        now = self.now()
        if now < self.until:
            return
        if self.until >= 0:
            self._say({"images": self.images, "steps": self.steps, "seconds": now - self.began})
        order = self.orders.readline()
        if not order:
            raise SystemExit
        self.images = self.steps = 0
        self.began = self.now()
        self.until = self.began + float(order)

    def _say(self, record: dict[str, Any]) -> None:
        print(json.dumps(record), file=self.answers, flush=True)


class GatedSource:
    """A source whose every batch is asked for through the gate."""

    def __init__(self, source: Source, gate: Gate):
        self.source, self.spec, self.gate, self.served = source, source.spec, gate, 0

    def batch(self, seed: int, start: int, size: int) -> Arrays:
        self.gate(self.served)
        self.served = size
        return self.source.batch(seed, start, size)


def gate_loaders(gate: Gate, first: Callable[[dict[str, Any]], None] = lambda names: None) -> None:
    """From now on every DataLoader passes the gate before each batch; `first` gets the first user's global names."""
    plain = DataLoader.__iter__

    def gated(loader: DataLoader):
        if not gate.opened:
            first(sys._getframe(1).f_globals)
        batches, served = plain(loader), 0
        while True:
            gate(served)
            batch = next(batches, None)
            if batch is None:
                return
            served = len(next(iter(batch.values())) if isinstance(batch, dict) else batch[0])
            yield batch

    DataLoader.__iter__ = gated


def about(G: nn.Module, D: nn.Module, workload: Workload, logits: bool) -> dict[str, Any]:
    return {
        "networks": fingerprint(G, D, workload.latent, logits),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def lay_out_mnist(source: Path | None, root: Path) -> Path:
    """MNIST's four files, unpacked, where torchvision looks for them under `root`; of noise if there is no `source`."""
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for name in MNIST:
        if source is None:
            n = 60_000 if name.startswith("train") else 10_000
            shape = (n, 28, 28) if "images" in name else (n,)
            header = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
            size = n * 28 * 28 if "images" in name else n
            content = os.urandom(size) if "images" in name else bytes(i % 10 for i in range(size))
            (folder / name).write_bytes(header + content)
        elif (source / f"{name}.gz").is_file():
            (folder / name).write_bytes(gzip.decompress((source / f"{name}.gz").read_bytes()))
        elif (source / name).is_file():
            (folder / name).write_bytes((source / name).read_bytes())
        else:
            raise SystemExit(f"{source} does not hold {name}[.gz]: --mnist wants MNIST's four files")
    return folder


def lay_out_pictures(root: Path, side: int, n: int = PICTURES) -> Path:
    """Drawn shapes as JPEG files in a folder of one class, which is what torchvision's ImageFolder wants."""
    folder = root / "shapes"
    folder.mkdir(parents=True)
    for i, image in enumerate(Shapes((side, side)).batch(0, 0, n)["image"]):
        Image.fromarray(image.transpose(1, 2, 0)).save(folder / f"{i:06}.jpg", quality=95)
    return root


def load(mnist: Path) -> tuple[np.ndarray, np.ndarray]:
    return read_idx(mnist / "train-images-idx3-ubyte"), read_idx(mnist / "train-labels-idx1-ubyte")


def resized(images: np.ndarray, side: int) -> np.ndarray:
    """N×H×W uint8 → N×side×side, as the usual way resizes each anew whenever it comes up."""
    if images.shape[1:] == (side, side):
        return images
    out = np.empty((len(images), side, side), np.uint8)
    for here, image in zip(out, images, strict=True):
        here[:] = Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR)
    return out


def our_trainer(
    workload: Workload, source: Any, precision: Precision = "fp32", without: Collection[str] = ()
) -> Trainer:
    """Our trainer on the peer's networks, without what the peer has not either (a moving average)."""
    torch.manual_seed(0)
    G, D = workload.build(ours_without(without))

    def optimizer() -> Optimizer:
        rate = constant(workload.lr)
        if "fused" in without:
            return Optimizer(lambda params: torch.optim.Adam(params, lr=1.0, betas=workload.betas), {"lr": rate})
        return adam(rate, workload.betas)

    game = Latent(G, D, Normal(workload.latent), reuse=workload.one_draw, n_critic=constant(workload.n_critic))
    if workload.penalty:
        game.loss, game.penalties = LOSSES["wasserstein"], (GradientPenalty(constant(workload.penalty), between),)
    phase = Phase(game, 10**12, workload.batch, {"G": optimizer(), "D": optimizer()})
    return Trainer(
        [phase], source, precision=precision, channels_last=None if "channels_last" not in without else False
    )


def train_ours(role: dict[str, Any], gate: Gate) -> None:
    workload, data = WORKLOADS[role["workload"]], Path(role["data"])
    if workload.folder:
        source = open_source(data)
    else:
        source = ArraySource(resized(load(data)[0], workload.side)[:, None], name="digits")
    trainer = our_trainer(workload, GatedSource(source, gate), role["precision"], role["without"])
    game = trainer.game
    gate.open(about(game.G, game.D, workload, logits=True))
    for _ in trainer.ticks(every=10_000):
        pass


def train_usual(role: dict[str, Any], gate: Gate) -> None:
    workload, data = WORKLOADS[role["workload"]], Path(role["data"])
    dataset = usual.Pictures(data) if workload.folder else usual.Digits(*load(data), workload.side)
    training = usual.Usual(workload)
    gate.open(about(training.G, training.D, workload, logits=workload.penalty > 0))
    gate_loaders(gate)
    usual.train(training, dataset)


def players(names: dict[str, Any], workload: Workload) -> tuple[nn.Module, nn.Module]:
    """G and D among a script's global names."""
    if "netG" in names:  # pytorch/examples, where z is N×100×1×1
        return nn.Sequential(nn.Unflatten(1, (workload.latent, 1, 1)), names["netG"]), names["netD"]
    return names["generator"], names["discriminator"]


def train_script(role: dict[str, Any], gate: Gate) -> None:
    """The peer's own file, as it comes, with its defaults, in the working directory it expects.

    `arguments` are those it cannot do without.
    """
    workload = WORKLOADS[role["workload"]]

    def first(names: dict[str, Any]) -> None:
        gate.open(about(*players(names, workload), workload, logits=workload.penalty > 0))

    run_script(role, gate, first)


def find_torchvision(folder: str | None) -> None:
    """torchvision out of this folder, beside a torch that has none of its operators."""
    if folder and folder not in sys.path:
        for name in ("_meta_registrations", "_autograd_registrations"):  # they want operators a CPU-only torch has not
            sys.modules[f"torchvision.{name}"] = types.ModuleType(f"torchvision.{name}")
        sys.path.append(folder)


def run_script(role: dict[str, Any], gate: Gate, first: Callable[[dict[str, Any]], None]) -> None:
    """Runs it for ever; `first` gets its global names when it first asks for data, and opens the gate."""
    find_torchvision(role["torchvision"])
    gate_loaders(gate, first)
    sys.path.insert(0, str(Path(role["script"]).parent))  # as python SCRIPT does: it may import its neighbours
    os.chdir(role["cwd"])
    sys.argv = [role["script"], *role["arguments"]]
    runpy.run_path(role["script"], run_name="__main__")


def main(role: dict[str, Any], answers: TextIO) -> None:
    gate = Gate(sys.stdin, answers)
    {"ours": train_ours, "usual": train_usual, "script": train_script}[role["who"]](role, gate)
