"""Without a pair as well as with all of them? CycleGAN beside paired runs, on tasks whose true translation is computed.

    python bench/unpaired.py [--tasks outlines forms] [--seeds 0 1 2] [--images 20000]
    python bench/unpaired.py --table

A row is a task, a seed and one of these: `cycle` is cyclegan_small with its defaults; `paired` and `paired back` runs of
pix2pix from a to b and from b to a, with the generator that cyclegan_small has, its batch, rate, schedule, patch and number
of images; `pixel` the best that can be done without looking around, a colour for a colour (the median of what the truth has
there, learned from pairs); `nothing` the input itself. All are judged on the same held-out pictures: L1 (pixels in [−1, 1])
and SSIM to the truth from a to b, L1 from b to a (`back`), and for `cycle` L1 from a picture by way of the other domain to
itself, the mean of both. One thread. What bench/results/unpaired.jsonl holds is not run again.
"""

import argparse
import json
import math
import os
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import product
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
TASKS = "outlines", "forms"
WHATS = "nothing", "pixel", "cycle", "paired", "paired back"
TRAINED = WHATS[2:]
SUMMED = {"a to b": {"l1": "paired"}, "b to a": {"back": "paired back"}}
SUMMED["both ways"] = SUMMED["a to b"] | SUMMED["b to a"]
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


def ways(task: str, seed: int, what: str, images: int) -> tuple[Translate | None, Translate | None, dict[str, float]]:
    """From a to b, from b to a, and how far from itself a picture ends that goes there and back."""
    pairs = open_examples(task, "pairs")
    if what == "nothing":
        a, b = (pairs.spec.view(side).shape[0] for side in "ab")
        return lambda x: with_channels(x, b), lambda y: with_channels(y, a), {}
    if what == "pixel":
        some = pairs.batch(seed, 0, 1000)
        return by_colour(some["a"], some["b"]), by_colour(some["b"], some["a"]), {}
    if what == "cycle":
        source = open_examples(task, "domains")
        T = trained("cyclegan_small", source, seed, f"{task} {seed} {what}", images=images)
        seen = T.measure(source, seed, HELD)
        return T.translate, lambda y: T.translate(y, "a"), {key: seen[f"val/{key}"] for key in ("cycle", "hidden")}
    same = {key: value for key, value in defaults(table.find("cyclegan_small")).items() if key in SHARED}
    same |= {"generator": "resnet", "norm": "instance", "dropout": 0.0, "images": images}
    back = what == "paired back"
    T = trained("pix2pix", pairs, seed, f"{task} {seed} {what}", direction="BtoA" if back else "AtoB", **same)
    return None if back else T.translate, T.translate if back else None, {}


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


def judged(there: Translate | None, back: Translate | None, held: dict[str, np.ndarray]) -> dict[str, float]:
    """L1 both ways and SSIM from a to b, means over held-out uint8 pictures and their true translations."""
    found = {}
    for key, way, x, y in (("l1", there, "a", "b"), ("back", back, "b", "a")):
        if way:
            fakes = np.stack([way(picture) for picture in held[x]])
            found[key] = float(np.abs(fakes.astype(np.float64) - held[y]).mean() / 127.5)
            if key == "l1":
                pairs = zip(fakes, held[y], strict=True)
                found["ssim"] = float(np.mean([ssim(fake, true, peak=255) for fake, true in pairs]))
    return found


def row(task: str, seed: int, what: str, images: int) -> dict[str, Any]:
    began = time.process_time()
    there, back, more = ways(task, seed, what, images)
    seconds = time.process_time() - began
    found = judged(there, back, open_examples(task, "pairs").held_out(HELD)) | more | {"seconds": seconds}
    card = {
        "task": task, "seed": seed, "what": what, "images": images if what in TRAINED else 0,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip
    return card | {key: round(value, 4) for key, value in found.items()}


def done() -> list[dict[str, Any]]:
    return [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []


def show(rows: list[dict[str, Any]]) -> None:
    """Every row, and cycle's L1 as multiples of those of the paired runs of that task, seed and length."""
    print(
        "| task | seed | what | images | L1 | × paired | back | × paired | SSIM | cycle L1 | CPU-s |\n"
        + "|---" * 11
        + "|"
    )
    by = {tuple(r[key] for key in ("task", "seed", "images", "what")): r for r in rows}
    for (task, seed, images, what), r in sorted(by.items(), key=lambda item: (*item[0][:3], WHATS.index(item[0][3]))):
        cells = [task, seed, what, images or ""]
        for key, paired in SUMMED["both ways"].items():
            other = by.get((task, seed, images, paired)) if what == "cycle" else None
            cells += [f"{r[key]:.3f}" if key in r else "", f"{r[key] / other[key]:.2f}" if other else ""]
        cells += [f"{r[key]:.3f}" if key in r else "" for key in ("ssim", "cycle")] + [f"{r['seconds']:.0f}"]
        print("| " + " | ".join(map(str, cells)) + " |")
    for task, images in sorted({key[:3:2] for key in by if key[3] == "cycle"}):
        found = {name: ratio(rows, task, images, ways) for name, ways in SUMMED.items()}
        said = ", ".join(f"{name} {times:.2f} (n {n})" for name, (times, n) in found.items() if n)
        print(f"{task}, {images:,} examples, the seeds' mean error as a multiple of the paired runs': {said}")


def ratio(rows: list[dict[str, Any]], task: str, images: int, ways: dict[str, str]) -> tuple[float, int]:
    """cycle's error over that of the paired runs, both summed over these ways and the seeds that have all; how many do."""
    by = {(r["seed"], r["what"]): r for r in rows if (r["task"], r["images"]) == (task, images)}
    seeds = [s for s, what in by if what == "cycle" and all((s, paired) in by for paired in ways.values())]
    ours = sum(by[seed, "cycle"][key] for seed in seeds for key in ways)
    theirs = sum(by[seed, paired][key] for seed in seeds for key, paired in ways.items())
    return (ours / theirs if seeds else math.nan), len(seeds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    parser.add_argument("--seeds", nargs="+", type=int, default=(0, 1, 2))
    parser.add_argument("--images", type=int, default=defaults(table.find("cyclegan_small"))["images"])
    parser.add_argument("--only", nargs="+", choices=WHATS, default=WHATS)
    parser.add_argument("--table", action="store_true", help="print what there is, run nothing")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    had = {(r["task"], r["seed"], r["what"], r["images"]) for r in done()}
    for seed, task, what in () if asked.table else product(asked.seeds, asked.tasks, asked.only):
        if (task, seed, what, asked.images if what in TRAINED else 0) not in had:
            found = row(task, seed, what, asked.images)
            with RESULTS.open("a") as file:
                file.write(json.dumps(found) + "\n")
    show(done())


if __name__ == "__main__":
    try:
        main()
    except GanvasError as error:
        raise SystemExit(f"bench/unpaired.py: {error}") from None
