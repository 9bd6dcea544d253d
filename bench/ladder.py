"""The ladder: recipes at equal compute, one thread each, scored in a classifier's feature space.

    python bench/ladder.py --folder FOLDER --data digits --recipes gan_leaky dcgan auto --minutes 1 3 --seeds 0 1 2

FOLDER holds mnist/ and, for --data fashion_mnist, fashion_mnist/, with their IDX files: the reference of all scores is
the 10,000 test images, seen through a classifier of the same data (fd-digits/v1, which ganvas brings, or bench's own
fashion_v1.safetensors, made by `train_digits.py FOLDER/fashion_mnist --name fd-fashion/bench -o …`).

A cell is one training of one recipe with one seed for so many CPU-minutes of one thread. Where a schedule looks at the
run's length, what fits is found by timing the recipe's first rounds; the seconds it really took are in its row. Both G
as it stands and its moving average are scored, on 10,000 pictures of each. Finished cells stand in
bench/results/ladder.jsonl; the same command continues, and `--table` prints what is there.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from statistics import mean, stdev

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "ladder.jsonl"
FASHION = HERE / "fashion_v1.safetensors"
REFERENCE = {"digits": "mnist", "fashion_mnist": "fashion_mnist"}
KEY = ("data", "recipe", "seed", "minutes", "precision", "arguments")
WARM_UP, TIMING = 5, 8.0  # rounds; CPU-seconds


def train_cells(cells: list[dict], options: dict) -> Iterator[dict]:
    """Rows of cells that differ in their minutes alone: what was asked, how long it took, what came out."""
    import torch

    from ganvas.data.open import open_source
    from ganvas.recipes import table
    from ganvas.training.trainer import Trainer

    torch.set_num_threads(1)
    first = cells[0]
    source = open_source(first["data"], folder=Path(options["folder"]))
    recipe = table.find(first["recipe"])
    arguments, _ = table.resolve(recipe, first["recipe"], source.spec, first["arguments"])
    batch = arguments["batch"]

    def trainer(images: int) -> Trainer:
        torch.manual_seed(first["seed"])
        phases = recipe(source.spec, **arguments | {"images": images})
        return Trainer(phases, source, seed=first["seed"], precision=first["precision"])

    def affordable(minutes: float) -> int:
        """Images that fit into so many minutes."""
        trial = trainer(10**9)
        for _ in range(WARM_UP):
            trial.play()
        began, seen = time.process_time(), trial.images
        while time.process_time() - began < TIMING:
            trial.play()
        return round((trial.images - seen) / (time.process_time() - began) * 60 * minutes)

    def scored(cell: dict, run: Trainer, cpu: float, wall: float) -> dict:
        took = {"images": run.images, "rounds": run.round, "cpu_seconds": round(cpu, 1), "wall_seconds": round(wall, 1)}
        return row(cell, took, run, source, options)

    if not options["images"] and looks_at_no_clock(arguments):
        run, cpu, wall = trainer(10**9), 0.0, 0.0
        for cell in sorted(cells, key=lambda cell: cell["minutes"]):
            while cpu < 60 * cell["minutes"]:
                began, since = time.process_time(), time.perf_counter()
                run.play()
                cpu, wall = cpu + time.process_time() - began, wall + time.perf_counter() - since
            yield scored(cell, run, cpu, wall)
        return
    for cell in cells:
        length = max(1, round((options["images"] or affordable(cell["minutes"])) / batch)) * batch
        run, began, since = trainer(length), time.process_time(), time.perf_counter()
        for _ in run.ticks(every=length):
            pass
        yield scored(cell, run, time.process_time() - began, time.perf_counter() - since)


def looks_at_no_clock(arguments: dict) -> bool:
    """Is a short run the beginning of a long one? Then one run is scored on its way, at the very second."""
    return (
        arguments.get("schedule") == "constant"
        and not arguments["warm_up"]
        and arguments.get("augment", "none") == "none"
    )


def row(cell: dict, took: dict, run, source, options: dict) -> dict:
    """The finished cell: the protocol, and the scores of G's moving average and of G as it stands."""
    import sys

    sys.path.insert(0, str(HERE))
    import numpy as np
    import torch
    from digit_quality import digit_quality, look
    from train_digits import mnist

    from ganvas.measure.frechet import moments
    from ganvas.watching import standing_generator

    name, digest, net = judge(cell["data"])
    capability = torch.backends.cpu.get_cpu_capability()  # AVX2 and AVX512 differ by a third in what a minute holds
    made = {
        **cell,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()} {capability}, {os.cpu_count()} cores, torch {torch.__version__}, 1 thread",
        "extractor": name,
        "digest": digest,
        **took,
    }
    real = moments(look(net, mnist(Path(options["folder"]) / REFERENCE[cell["data"]], "t10k")[0])[0])
    for name, live in (("ema", False), ("raw", True)):
        generator = standing_generator(run, live)
        images = generator.sample(10_000, seed=1)
        made[name] = {k: round(v, 4) for k, v in digit_quality(images, real, net).items()}
        if run.game.conditional:
            named, asked = look(net, np.asarray(images))[1].argmax(1), np.arange(len(images)) % 10
            made[name]["accuracy"] = round(float((named == asked).mean()), 4)
        if options["sheets"]:
            sheets = Path(options["sheets"])
            sheets.mkdir(parents=True, exist_ok=True)
            words = (cell["data"], cell["recipe"], str(cell["minutes"]), f"seed{cell['seed']}", cell["precision"], name)
            generator.sample(64, seed=0).save(sheets / ("-".join(words) + ".png"))
    if "D" in run.players and run.game.conditional and not run.game.classify:  # ACGAN's D is told no class
        made["swap"] = swap(run, source)
    return made


def judge(data: str):
    """The name, the digest and the classifier in whose features pictures of `data` are compared."""
    from safetensors.torch import load_file

    from ganvas.files import sha256
    from ganvas.nets.features import NAME, SHA256, DigitClassifier, digit_classifier

    if data == "digits":
        return NAME, SHA256, digit_classifier()
    net = DigitClassifier()
    net.load_state_dict(load_file(FASHION))
    return "fd-fashion/bench", sha256(FASHION), net.eval().requires_grad_(False)


def swap(run, source) -> dict:
    """How much higher D scores held-out images under their own class than under another: mean, and how often."""
    import copy

    import torch

    held = source.held_out()
    low, high = run.spec.pixels
    x = torch.from_numpy(held["image"]).float() / 255 * (high - low) + low
    own, other = torch.from_numpy(held["label"]), torch.from_numpy((held["label"] + 1) % 10)
    D = copy.deepcopy(run.players["D"].module).eval()  # the run may go on
    with torch.no_grad():
        gap = D(x, label=own)[:, 0].float() - D(x, label=other)[:, 0].float()
    return {"gap": round(float(gap.mean()), 4), "higher": round(float((gap > 0).float().mean()), 4)}


def finish(cells: list[dict], options: dict) -> None:
    """Trains, scores and keeps each row at once: a row is short enough to be written in one piece."""
    for made in train_cells(cells, options):
        with RESULTS.open("a") as file:
            file.write(json.dumps(made) + "\n")
        print(*[made[k] for k in KEY], made["ema"]["distance"], flush=True)


def finished() -> list[dict]:
    return [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []


def key(row: dict) -> str:
    return json.dumps([row[k] for k in KEY], sort_keys=True)


SCORES = {
    "FD, average": lambda row: row["ema"]["distance"],
    "FD, live": lambda row: row["raw"]["distance"],
    "class asked for": lambda row: row["ema"].get("accuracy"),
    "entropy": lambda row: row["ema"]["entropy"],
    "confidence": lambda row: row["ema"]["confidence"],
}


def typed(argument: str, value: object) -> list[str]:
    """The words that give a recipe this argument on the command line."""
    option = argument.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{option}" if value else f"--no-{option}"]
    return [f"--{option}", *map(str, value if isinstance(value, list | tuple) else [value])]


def print_table(rows: list[dict]) -> None:
    """Mean ± standard deviation over the seeds: recipes as they stand, then with other settings, then equal lengths."""
    groups: dict[tuple, list[dict]] = {}
    for row in rows:
        what = " ".join([row["recipe"], *(word for item in row["arguments"].items() for word in typed(*item))])
        part = 2 if isinstance(row["minutes"], str) else 1 if row["arguments"] else 0
        groups.setdefault((part, row["data"], row["minutes"], what, row["precision"]), []).append(row)
    for part, title in enumerate(("As they stand", "With other settings", "At equal lengths")):
        print(
            f"\n{title}\n\n| data | {'length' if part == 2 else 'CPU-min'} | recipe | n | images | {' | '.join(SCORES)} |"
        )
        print("|---" * (5 + len(SCORES)) + "|")
        for (_, data, minutes, what, precision), rows in sorted(g for g in groups.items() if g[0][0] == part):
            name = f"{what} {precision}" if part == 2 else what
            cells = [_spread([v for row in rows if (v := score(row)) is not None]) for score in SCORES.values()]
            images = round(mean(row["images"] for row in rows))
            print(f"| {data} | {minutes} | {name} | {len(rows)} | {images:,} | {' | '.join(cells)} |")


def _spread(values: list[float]) -> str:
    if not values:
        return ""
    return f"{mean(values):.4g}" + (f" ± {stdev(values):.2g}" if len(values) > 1 else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=["digits"], choices=[*REFERENCE])
    parser.add_argument("--recipes", nargs="+", default=["gan_leaky", "dcgan", "auto"])
    parser.add_argument("--minutes", nargs="+", type=float, default=[1.0, 3.0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--precision", nargs="+", default=["fp32"])
    parser.add_argument("--arguments", type=json.loads, default={}, help="the recipes' arguments, as JSON")
    parser.add_argument("--folder", help="folder with mnist/ and fashion_mnist/, whose test sets are the references")
    parser.add_argument("--sheets", help="folder for a sheet of each cell")
    parser.add_argument("--images", type=int, help="so many instead of so many minutes, for runs of equal length")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--table", action="store_true", help="print what is finished, train nothing")
    args = parser.parse_args()
    if args.table:
        return print_table(finished())
    if not args.folder:
        parser.error("--folder: scores are against the 10,000 test images in its mnist/ or fashion_mnist/")
    grid = product(args.minutes, args.seeds, args.data, args.recipes, args.precision)
    cells = [
        {"data": d, "recipe": r, "seed": s, "minutes": m, "precision": p, "arguments": args.arguments}
        for m, s, d, r, p in grid
    ]
    if args.images:
        cells = [cell | {"minutes": f"{args.images:,} images"} for cell in cells]
    done = {key(row) for row in finished()}
    todo = [cell for cell in cells if key(cell) not in done]
    print(f"{len(cells) - len(todo)} of {len(cells)} cells are finished")
    together: dict[str, list[dict]] = {}
    for cell in todo:
        together.setdefault(key(cell | {"minutes": None}), []).append(cell)
    RESULTS.parent.mkdir(exist_ok=True)
    options = {"folder": args.folder, "sheets": args.sheets, "images": args.images}
    with ProcessPoolExecutor(args.jobs, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        for job in [pool.submit(finish, cells, options) for cells in together.values()]:
            job.result()


if __name__ == "__main__":
    main()
