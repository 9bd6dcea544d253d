"""The ladder: recipes at equal compute, one thread each, scored in a classifier's feature space.

    python bench/ladder.py --data digits --mnist FOLDER_WITH_IDX --recipes gan_leaky dcgan auto --minutes 1 3 --seeds 0 1 2

A cell is one training of one recipe with one seed for so many CPU-minutes of one thread. What fits is found by timing
the recipe's first rounds, so schedules run to their end; the seconds it really took are in its row. Both G as it stands
and its moving average are scored, on 10,000 pictures of each. Finished cells stand in bench/results/ladder.jsonl; the same
command continues, and `--table` prints what is there.
"""

import argparse
import json
import os
import platform
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from statistics import mean, stdev

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "ladder.jsonl"
KEY = ("data", "recipe", "seed", "minutes", "precision", "arguments")
WARM_UP, TIMING = 5, 8.0  # rounds; CPU-seconds


def train_cell(cell: dict, options: dict) -> dict:
    """One row: what was asked, how long it took, what came out."""
    import sys

    sys.path.insert(0, str(HERE))
    import copy

    import numpy as np
    import torch
    from digit_quality import digit_quality, look
    from train_digits import mnist

    from ganvas.data.open import open_source
    from ganvas.measure.frechet import moments
    from ganvas.nets.features import NAME, SHA256, digit_classifier
    from ganvas.recipes import table
    from ganvas.study.sample import Generator
    from ganvas.training.trainer import Trainer
    from ganvas.watching import standing

    torch.set_num_threads(1)
    source = open_source(cell["data"])
    recipe = table.find(cell["recipe"])
    arguments, _ = table.resolve(recipe, cell["recipe"], source.spec, cell["arguments"])

    def trainer(images: int) -> Trainer:
        torch.manual_seed(cell["seed"])
        phases = recipe(source.spec, **arguments | {"images": images})
        return Trainer(phases, source, seed=cell["seed"], precision=cell["precision"])

    def affordable() -> int:
        """Images that fit into the cell's minutes."""
        trial = trainer(10**9)
        for _ in range(WARM_UP):
            trial.play()
        began, first = time.process_time(), trial.images
        while time.process_time() - began < TIMING:
            trial.play()
        speed = (trial.images - first) / (time.process_time() - began)
        return round(speed * 60 * cell["minutes"])

    batch = arguments["batch"]
    length = max(1, round((options["images"] or affordable()) / batch)) * batch

    run = trainer(length)
    began, wall = time.process_time(), time.perf_counter()
    for _ in run.ticks(every=length):
        pass
    row = {
        **cell,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, 1 thread",
        "extractor": NAME,
        "digest": SHA256,
        "images": run.images,
        "rounds": run.round,
        "cpu_seconds": round(time.process_time() - began, 1),
        "wall_seconds": round(time.perf_counter() - wall, 1),
    }
    net = digit_classifier()
    real = moments(look(net, mnist(Path(options["mnist"]), "t10k")[0])[0])
    average, player = standing(run)[0], run.players["G"]
    kept, player.average = player.average, None
    raw = standing(run)[0]
    player.average = kept
    for name, G in (("ema", average), ("raw", raw)):
        generator = Generator(copy.deepcopy(G), run.game, run.game.prior, source.spec, run.spec.pixels)
        images = generator.sample(10_000, seed=1)
        row[name] = {k: round(v, 4) for k, v in digit_quality(images, real, net).items()}
        if run.game.to_json()["conditional"]:
            named, asked = look(net, np.asarray(images))[1].argmax(1), np.arange(len(images)) % 10
            row[name]["accuracy"] = round(float((named == asked).mean()), 4)
        if options["sheets"]:
            folder = Path(options["sheets"])
            folder.mkdir(parents=True, exist_ok=True)
            words = (cell["data"], cell["recipe"], str(cell["minutes"]), f"seed{cell['seed']}", cell["precision"], name)
            generator.sample(64, seed=0).save(folder / ("-".join(words) + ".png"))
    if run.game.to_json()["conditional"] and "D" in run.players:
        row["swap"] = swap(run, source)
    return row


def swap(run, source) -> dict:
    """How much higher D scores held-out images under their own class than under another: mean, and how often."""
    import torch

    held = source.held_out()
    low, high = run.spec.pixels
    x = torch.from_numpy(held["image"]).float() / 255 * (high - low) + low
    own, other = torch.from_numpy(held["label"]), torch.from_numpy((held["label"] + 1) % 10)
    run.players["D"].module.eval()
    with torch.no_grad():
        gap = run.game.discriminator({"label": own})(x)[:, 0] - run.game.discriminator({"label": other})(x)[:, 0]
    return {"gap": round(float(gap.mean()), 4), "higher": round(float((gap > 0).float().mean()), 4)}


def finished() -> list[dict]:
    return [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []


def key(row: dict) -> str:
    return json.dumps([row[k] for k in KEY], sort_keys=True)


def print_table(rows: list[dict]) -> None:
    """Mean ± standard deviation over the seeds."""
    groups: dict[tuple, list[dict]] = {}
    for row in rows:
        what = row["recipe"] + "".join(f" --{k} {v}" for k, v in row["arguments"].items())
        groups.setdefault((row["data"], row["minutes"], what, row["precision"]), []).append(row)
    print("| data | CPU-min or length | recipe | n | images | FD, average | FD, live | entropy | confidence |")
    print("|---|---|---|---|---|---|---|---|---|")
    for (data, minutes, what, precision), rows in sorted(groups.items(), key=str):
        cells = [_spread([row[which][score] for row in rows]) for which, score in
                 (("ema", "distance"), ("raw", "distance"), ("ema", "entropy"), ("ema", "confidence"))]  # fmt: skip
        images = round(mean(row["images"] for row in rows))
        print(f"| {data} | {minutes} | {what} {precision} | {len(rows)} | {images:,} | {' | '.join(cells)} |")


def _spread(values: list[float]) -> str:
    return f"{mean(values):.4g}" + (f" ± {stdev(values):.2g}" if len(values) > 1 else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=["digits"])
    parser.add_argument("--recipes", nargs="+", default=["gan_leaky", "dcgan", "auto"])
    parser.add_argument("--minutes", nargs="+", type=float, default=[1.0, 3.0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--precision", nargs="+", default=["fp32"])
    parser.add_argument("--arguments", type=json.loads, default={}, help="the recipes' arguments, as JSON")
    parser.add_argument("--mnist", help="folder with MNIST's test set, the reference")
    parser.add_argument("--sheets", help="folder for a sheet of each cell")
    parser.add_argument("--images", type=int, help="so many instead of so many minutes, for runs of equal length")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--table", action="store_true", help="print what is finished, train nothing")
    args = parser.parse_args()
    if args.table:
        return print_table(finished())
    if not args.mnist:
        parser.error("--mnist: scores are against MNIST's 10,000 test images")
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
    RESULTS.parent.mkdir(exist_ok=True)
    with ProcessPoolExecutor(args.jobs, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        options = {"mnist": args.mnist, "sheets": args.sheets, "images": args.images}
        for job in [pool.submit(train_cell, cell, options) for cell in todo]:
            row = job.result()
            with RESULTS.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(*[row[k] for k in KEY], row["ema"]["distance"], flush=True)


if __name__ == "__main__":
    main()
