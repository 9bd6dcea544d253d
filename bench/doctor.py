"""Does the doctor tell what is wrong? Runs made sick on purpose and healthy ones; limits from one half, a table from the other.

    python bench/doctor.py --jobs 2            runs what is not in bench/results/doctor.jsonl yet, one row a run
    python bench/doctor.py --calibrate         what each number was in healthy and in sick runs of seeds 0 and 1
    python bench/doctor.py --table             the confusion matrix of the other seeds, with 95 % Wilson intervals
    python bench/doctor.py --docs              both tables into docs/doctor.md

A row holds the whole series (60 rows of the log, 20 looks), so that `--table` judges anew with the limits of today. Digits of
28×28, small networks, one thread, at most 25 CPU-seconds a run; the doctor looks 20 times whatever that costs.
"""

import argparse
import contextlib
import io
import json
import math
import multiprocessing
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import torch
from doctor_tables import calibrate, compact, judged, limits, matrix
from sick import HEALTHY, KINDS, source_of

from ganvas.health.doctor import Doctor
from ganvas.recipes import table
from ganvas.training.trainer import Sick, Trainer

RESULTS = Path(__file__).with_name("results") / "doctor.jsonl"
DOCS = Path(__file__).parents[1] / "docs" / "doctor.md"
SICK, WELL = range(6), range(7)  # seeds; those from 5 on were run after the limits were set
TICKS, LOOKS = 60, 20


def play(name: str, kind_name: str, seed: int) -> dict[str, Any]:
    """One run, and what the doctor saw."""
    began = time.process_time()
    torch.set_num_threads(1)
    kind = KINDS.get(kind_name)
    own, rounds = HEALTHY[name]
    source, recipe = source_of(kind, seed), table.find(name)
    resolved, _ = table.resolve(recipe, name, source.spec, own)
    given = own | (kind.arguments(name, resolved) if kind else {})
    images = round(rounds * (kind.share if kind else 1.0)) * resolved["batch"]
    images *= {"wgan": 6, "wgan_gp": 5}.get(name, 1)  # of a round with several updates of the critic
    arguments, _ = table.resolve(recipe, name, source.spec, given | {"images": images})
    torch.manual_seed(seed)
    phases = [kind.spoil(phase) if kind else phase for phase in recipe(source.spec, **arguments)]
    trainer = Trainer(phases, source, seed=seed)
    record = {
        "recipe": name, "arguments": arguments, "images": images, "length": images, "seed": seed,
        "data": {"source": source.spec.name, "spec": source.spec.to_json() | {"mean": ""}, "options": {}},
    }  # fmt: skip
    doctor = Doctor(trainer, record, None, lambda text: print(text, flush=True), math.inf, trainer.length / LOOKS)
    try:
        for tick in trainer.ticks(every=arguments["batch"] * max(1, images // arguments["batch"] // TICKS)):
            doctor.look(tick)
            if kind and tick.images >= kind.break_at * images:
                with torch.no_grad():
                    weight = next(trainer.game.G.parameters())
                    weight[(0,) * weight.ndim] = math.nan
    except Sick as error:
        doctor.sick(error)
    else:
        doctor.last_look()
    rows, looks = compact(doctor.rows), compact(doctor.looks)
    return {
        "recipe": name, "kind": kind_name, "seed": seed, "seconds": round(time.process_time() - began, 1),
        "record": record, "rows": rows, "looks": looks,
    }  # fmt: skip


def wanted() -> Iterator[tuple[str, str, int]]:
    """Seed after seed, the healthy between the sick, so that a part of the table is balanced."""
    for seed in WELL:
        healthy = iter([(name, "healthy", seed) for name in HEALTHY])
        for kind in KINDS:
            if seed not in SICK and not kind.startswith("healthy"):
                continue
            for base in KINDS[kind].bases:
                yield base, kind, seed
            yield from ([one] if (one := next(healthy, None)) else [])
        yield from healthy


def done() -> list[dict[str, Any]]:
    return [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []


def _play(job):
    return play(*job)


def run(jobs: int, only: str = "", limit: int = 10**9) -> None:
    had = {(row["recipe"], row["kind"], row["seed"]) for row in done()}
    left = [job for job in wanted() if job not in had and only in " / ".join(map(str, job))][:limit]
    pool = multiprocessing.get_context("spawn").Pool(jobs) if jobs > 1 else None
    for count, row in enumerate(pool.imap_unordered(_play, left) if pool else map(_play, left), 1):
        with RESULTS.open("a") as file:
            file.write(json.dumps(row, separators=(",", ":"), ensure_ascii=False) + "\n")
        said = judged(row)
        print(
            f"{count}/{len(left)} {row['recipe']}, {row['kind']}, seed {row['seed']}: {said.id} "
            f"({', '.join(f'{e.id} {e.value:.3g}' for e in said.evidence[:4])}), {row['seconds']} s", flush=True,
        )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", default="", help="part of 'RECIPE / KIND / SEED'")
    parser.add_argument("--limit", type=int, default=10**9)
    parser.add_argument("--calibrate", action="store_true")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--limits", action="store_true", help="the table of thresholds")
    parser.add_argument("--docs", action="store_true", help="write both tables into docs/doctor.md")
    parser.add_argument("--seen", action="store_true", help="the table of the seeds that were calibrated on")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    RESULTS = asked.out
    if asked.calibrate:
        calibrate(done())
    elif asked.limits:
        limits()
    elif asked.docs:
        for name, said in (("table", lambda: matrix(done())), ("limits", limits)):
            with contextlib.redirect_stdout(io.StringIO()) as text:
                said()
            before, _, rest = DOCS.read_text().partition(f"<!-- {name} -->\n")
            DOCS.write_text(
                f"{before}<!-- {name} -->\n{text.getvalue()}<!-- end -->{rest.partition('<!-- end -->')[2]}"
            )
    elif asked.table or asked.seen:
        matrix(done(), asked.seen)
    else:
        run(asked.jobs, asked.only, asked.limit)
