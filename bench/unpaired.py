"""Without a pair as well as with all of them? CycleGAN beside paired runs, on tasks whose true translation is computed.

    python bench/unpaired.py [--tasks outlines neon] [--seeds 0 1] [--images 20000]
    python bench/unpaired.py --table

A row is a task, a seed and one of four: `cycle` is cyclegan_small with its defaults; `paired` two runs of pix2pix, one a
direction, each with the very generator that cyclegan_small has, its batch, rates, schedule, patch and number of images;
`pixel` the best that can be done without looking around, a colour for a colour (the median of what the truth has where a
has that colour, learned from pairs); `nothing` is the input itself. All are judged on the same held-out pictures: L1
(pixels in [−1, 1]) and SSIM to the truth from a to b, L1 from b to a (`back`), and for `cycle` L1 from a picture by way of
the other domain to itself, the mean of both. One thread. What bench/results/unpaired.jsonl holds is not run again.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from ganvas.data.open import open_examples
from ganvas.data.pixels import with_channels
from ganvas.data.source import Source
from ganvas.errors import GanvasError
from ganvas.files import progress
from ganvas.measure.pictures import ssim
from ganvas.recipes import table
from ganvas.recipes.common import defaults
from ganvas.study.translate import Translator
from ganvas.training.trainer import Trainer
from ganvas.watching import standing_generator

RESULTS = Path(__file__).with_name("results") / "unpaired.jsonl"
TASKS, WHATS = ("outlines", "neon"), ("nothing", "pixel", "paired", "cycle")
HELD = 256  # held-out pictures that each row is judged on
SHARED = ("width", "blocks", "patch", "jitter", "mirror", "lr", "schedule", "warm_up", "ema", "batch")
Translate = Callable[[np.ndarray], np.ndarray]  # C×H×W uint8 → the same, of the other side


def trained(recipe: str, source: Source, seed: int, label: str, **given: Any) -> Translator:
    """The recipe's translator after its run."""
    make = table.find(recipe)
    arguments, _ = table.resolve(make, recipe, source.spec, given)
    torch.manual_seed(seed)
    trainer = Trainer(make(source.spec, **arguments), source, seed=seed)
    with progress(label, trainer.length) as advance:
        while trainer.images < trainer.length:
            before = trainer.images
            trainer.play()
            advance(trainer.images - before)
    return standing_generator(trainer)


def cycle(task: str, seed: int, images: int) -> tuple[Translate, Translate, dict[str, float]]:
    """Both ways of one run that saw no pair, and how far from itself a picture ends that goes there and back."""
    source = open_examples(task, "domains")
    T = trained("cyclegan_small", source, seed, f"{task} {seed} cycle", images=images)
    seen = T.measure(source, seed, HELD)
    return T.translate, lambda x: T.translate(x, "a"), {key: seen[f"val/{key}"] for key in ("cycle", "hidden")}


def paired(task: str, seed: int, images: int) -> tuple[Translate, Translate, dict[str, float]]:
    """Each way a run of its own, with all else as cyclegan_small has it."""
    same = {key: value for key, value in defaults(table.find("cyclegan_small")).items() if key in SHARED}
    same |= {"generator": "resnet", "norm": "instance", "dropout": 0.0, "images": images}
    source = open_examples(task, "pairs")
    there, back = (
        trained("pix2pix", source, seed, f"{task} {seed} paired {way}", direction=way, **same)
        for way in ("AtoB", "BtoA")
    )
    return there.translate, back.translate, {}


def pixel(task: str, seed: int, images: int) -> tuple[Translate, Translate, dict[str, float]]:
    """A colour for a colour, in 16 steps a channel: of what the truth has there the median, which has the least L1."""
    pairs = open_examples(task, "pairs").batch(seed, 0, 1000)
    return *(by_colour(pairs[x], pairs[y]) for x, y in ("ab", "ba")), {}


def by_colour(x: np.ndarray, y: np.ndarray) -> Translate:
    """The table learned from N×C×H×W uint8 pairs, as a function; a colour that was never seen becomes the median of all."""

    def codes(pictures: np.ndarray) -> np.ndarray:
        steps = np.moveaxis(pictures, -3, -1).astype(np.int64) // 16
        return steps @ 16 ** np.arange(steps.shape[-1])

    seen, targets = codes(x).ravel(), np.moveaxis(y, 1, -1).reshape(-1, y.shape[1])
    medians = np.tile(np.median(targets, 0), (16 ** x.shape[1], 1))
    for code in np.unique(seen):
        medians[code] = np.median(targets[seen == code], 0)
    return lambda picture: np.moveaxis(np.rint(medians[codes(picture)]).astype(np.uint8), -1, 0)


def nothing(task: str, seed: int, images: int) -> tuple[Translate, Translate, dict[str, float]]:
    a, b = (open_examples(task, "pairs").spec.view(side).shape[0] for side in "ab")
    return lambda x: with_channels(x, b), lambda x: with_channels(x, a), {}


def judged(there: Translate, back: Translate, held: dict[str, np.ndarray]) -> dict[str, float]:
    """L1 both ways and SSIM from a to b, means over held-out uint8 pictures and their true translations."""
    a, b = held["a"], held["b"]
    fakes, home = np.stack([there(x) for x in a]), np.stack([back(y) for y in b])

    def l1(fake: np.ndarray, true: np.ndarray) -> float:
        return float(np.abs(fake.astype(np.float64) - true).mean() / 127.5)

    likeness = np.mean([ssim(fake, y, peak=255) for fake, y in zip(fakes, b, strict=True)])
    return {"l1": l1(fakes, b), "back": l1(home, a), "ssim": float(likeness)}


def row(task: str, seed: int, what: str, images: int) -> dict[str, Any]:
    began = time.process_time()
    there, back, more = globals()[what](task, seed, images)
    seconds = time.process_time() - began
    found = judged(there, back, open_examples(task, "pairs").held_out(HELD)) | more | {"seconds": seconds}
    card = {
        "task": task, "seed": seed, "what": what, "images": images if what in ("cycle", "paired") else 0,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip
    return card | {key: round(value, 4) for key, value in found.items()}


def done() -> list[dict[str, Any]]:
    return [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []


def show(rows: list[dict[str, Any]]) -> None:
    """Every row, and for those without pairs their L1 as a multiple of the paired run's of that task, seed and length."""
    print("| task | seed | what | images | L1 | × paired | back | × paired | SSIM | cycle L1 | CPU-s |\n" + "|---" * 11 + "|")
    beside = {(r["task"], r["seed"], r["images"]): r for r in rows if r["what"] == "paired"}
    for r in sorted(rows, key=lambda r: (r["task"], r["seed"], r["images"], WHATS.index(r["what"]))):
        other = beside.get((r["task"], r["seed"], r["images"])) if r["what"] == "cycle" else None
        times = [f"{r[key] / other[key]:.2f}" if other else "" for key in ("l1", "back")]
        print(
            f"| {r['task']} | {r['seed']} | {r['what']} | {r['images'] or ''} | {r['l1']:.3f} | {times[0]} | {r['back']:.3f} "
            f"| {times[1]} | {r['ssim']:.3f} | {r.get('cycle', '')} | {r['seconds']:.0f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    parser.add_argument("--seeds", nargs="+", type=int, default=(0, 1))
    parser.add_argument("--images", type=int, default=defaults(table.find("cyclegan_small"))["images"])
    parser.add_argument("--table", action="store_true", help="print what there is, run nothing")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    had = {(r["task"], r["seed"], r["what"], r["images"]) for r in done()}
    for task in () if asked.table else asked.tasks:
        for seed in asked.seeds:
            for what in WHATS:
                images = asked.images if what in ("cycle", "paired") else 0
                if (task, seed, what, images) in had:
                    continue
                with RESULTS.open("a") as file:
                    file.write(json.dumps(row(task, seed, what, asked.images)) + "\n")
    show(done())


if __name__ == "__main__":
    try:
        main()
    except GanvasError as error:
        raise SystemExit(f"bench/unpaired.py: {error}") from None
