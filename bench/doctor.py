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
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import torch
from torch import nn

from ganvas.data.arrays import ArraySource
from ganvas.data.builtin import digits
from ganvas.data.toys import ring8
from ganvas.health.doctor import Doctor
from ganvas.health.limits import LIMITS, TRIAGE
from ganvas.health.triage import judge, readings
from ganvas.play.penalties import ClipWeights
from ganvas.recipes import table
from ganvas.study.diagnosis import ILLS, WELL, Diagnosis
from ganvas.training.trainer import Sick, Trainer

RESULTS = Path(__file__).with_name("results") / "doctor.jsonl"
DOCS = Path(__file__).parents[1] / "docs" / "doctor.md"
SEEDS, CALIBRATED = range(5), (0, 1)  # the limits were set by looking at the latter, and judged on the others
TICKS, LOOKS = 60, 20
UNREAD = {
    "seconds",
    "D/lr",
    "G/lr",
    "D/p_real",
    "D/penalty",
    "G/real",
    "G/fake",
    "G/p_fake",
    "slope",
    "clipped",
    "confidence",
}

# the recipes with their own rules, only narrower: (arguments, rounds). Not gan_dropout and cgan, which draw one and the
# same picture for their first thousand rounds: there is no telling that from a collapse in so short a run.
MLP = {"widths": (128, 256), "d_widths": (256, 128), "latent": 32, "lr": 2e-4, "batch": 64}  # 1e-5 takes 40,000 rounds
CONV = {
    "width": 12,
    "latent": 32,
    "batch": 32,
    "lr": 1e-3,
}  # of 2e-4 so short a run shows nothing yet; dragan and r1 collapse with it
HEALTHY: dict[str, tuple[dict[str, Any], int]] = {
    "gan": (MLP, 900),
    "dcgan": (CONV, 550),
    "auto": ({"width": 8, "latent": 32, "batch": 32, "augment": "none", "conditional": False}, 400),
    "gan_2014": ({"units": 256, "maxout": 48, "latent": 32}, 700),
    "gan_leaky": ({"latent": 32, "batch": 32}, 400),
    "dcgan_upsample": ({"channels": (32, 32, 16), "d_channels": (8, 16, 32, 64), "latent": 32}, 280),
    "lsgan": (CONV, 550),
    "acgan": (CONV, 450),
    "wgan": (CONV | {"opening": 10, "opening_rounds": 5, "lr": 5e-4}, 160),
    "wgan_gp": ({"width": 8, "latent": 32}, 90),
    "dragan": (CONV | {"lr": 2e-4}, 350),
    "pacgan": (CONV, 550),
    "sngan": (CONV, 160),
    "r1": (CONV | {"lr": 2e-4}, 350),
    "r3gan": ({"widths": (32, 16, 16), "latent": 32, "batch": 32}, 200),
}
BASES = ("gan_leaky", "dcgan", "auto")  # those that are made sick: fully connected, convolutional, today's


class Kind(NamedTuple):
    """One way to make a run sick. accept: the diagnoses that are right. cause: the argument that did it, where it was one;
    then the action must name it too.

    `arguments` are put over the recipe's, `spoil` changes the phases, `data` the pictures, `break_at` breaks a weight.
    share: of a run's usual length, for what shows at once.
    """

    accept: tuple[str, ...]
    arguments: Callable[[str, dict[str, Any]], dict[str, Any]] = lambda name, own: {}
    spoil: Callable[[Any], Any] = lambda phase: phase
    data: Callable[[np.ndarray, np.ndarray, np.random.Generator], dict[str, Any]] | None = None
    break_at: float = math.inf
    cause: str = ""
    share: float = 1.0
    ring: bool = False
    bases: tuple[str, ...] = BASES


def rates(**times: float) -> Callable[[Any], Any]:
    """Each player's learning rate multiplied."""

    def spoil(phase):
        optimizers = dict(phase.optimizers)
        for player, factor in times.items():
            old = optimizers[player]
            lr = old.schedules["lr"]
            changed = dict(old.schedules) | {"lr": lambda clock, lr=lr, factor=factor: factor * lr(clock)}
            optimizers[player] = old._replace(schedules=changed)
        return phase._replace(optimizers=optimizers)

    return spoil


def momentum(phase, beta1: float = 0.9):
    """Adam's momentum of both players."""
    optimizers = {}
    for player, old in phase.optimizers.items():
        schedules = {k: v for k, v in old.schedules.items() if k != "betas"}

        def build(params, old=old):
            optimizer = old.build(params)
            for group in optimizer.param_groups:
                group["betas"] = (beta1, group["betas"][1])
            return optimizer

        optimizers[player] = old._replace(build=build, schedules=schedules)
    return phase._replace(optimizers=optimizers)


def clipped(phase):
    phase.game.constraint = ClipWeights(1e-5)
    return phase


def frozen_average(phase):
    optimizers = dict(phase.optimizers)
    optimizers["G"] = optimizers["G"]._replace(average=lambda clock: 1e12)
    return phase._replace(optimizers=optimizers)


def dead_relu(phase):
    """Units that no picture switches on, and no gradient brings back."""

    def replace(net: nn.Module) -> None:
        for name, child in net.named_children():
            if isinstance(child, nn.LeakyReLU):
                setattr(net, name, nn.ReLU())
            else:
                replace(child)

    replace(phase.game.D)
    layers = [m for m in phase.game.D.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.BatchNorm2d)]
    last = layers[-2]
    if last.bias is None:
        last.bias = nn.Parameter(torch.zeros(last.weight.shape[0]))
    nn.init.constant_(last.bias, -100.0)
    return phase


def epsilon(phase):
    for m in phase.game.G.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.eps = 0.8
    return phase


def no_noise(phase):
    """A generator that hears nothing of z."""

    class Deaf(nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net, self.config = net, net.config

        def forward(self, z, *more):
            return self.net(0.0 * z, *more)

    phase.game.G = Deaf(phase.game.G)
    phase.game.players["G"] = phase.game.G
    return phase


def impatient(phase, times: int = 10):
    """So many moves of G to one of D: it runs to whatever D likes just now, with all it has."""
    game = phase.game

    def round(batches, clock):
        batch = next(batches)
        yield game.judge(batch, game.fakes(batch).detach(), clock)
        for _ in range(times):
            yield game.fool(batch, game.fakes(batch))

    game.round = round
    return phase


def few(images, labels, rng):
    keep = rng.permutation(len(images))[:100]  # of which about 90 are trained on
    return {"images": images[keep], "labels": labels[keep]}


def duplicated(images, labels, rng):
    source = rng.integers(0, len(images), len(images))
    copied = rng.random(len(images)) < 0.3
    return {"images": np.where(copied[:, None, None, None], images[source], images), "labels": labels}


def blank(images, labels, rng):
    """Files that did not decode, and came out black: each a little else, so that they are no copies."""
    broken = rng.random(len(images)) < 0.2
    noise = rng.integers(0, 3, images.shape, dtype=np.uint8)
    return {"images": np.where(broken[:, None, None, None], noise, images), "labels": labels}


def labels_arg(name, own):
    return {"conditional": True}


KINDS: dict[str, Kind] = {
    "healthy, ring": Kind(WELL, ring=True, bases=("lsgan", "pacgan", "r3gan")),
    "D lr 0": Kind(("discriminator_dead",), spoil=rates(D=0.0)),
    "lr × 500": Kind(
        tuple(name for name in ILLS if name != "data_problem"),
        lambda name, own: {"lr": 500 * own["lr"]}, cause="lr",
    ),
    "momentum .9, ring": Kind(
        ("oscillating", "collapsing"), spoil=momentum, ring=True, bases=("lsgan", "pacgan", "gan_leaky")
    ),
    "clip 1e-5": Kind(("vanishing_gradient", "discriminator_dead"), lambda name, own: {"loss": "wasserstein"}, clipped),
    "90 images": Kind(("overfitting", "memorising"), data=few),
    "NaN": Kind(("numerically_sick",), break_at=0.3),
    "labels shuffled": Kind(
        ("data_problem",), labels_arg, data=lambda x, y, rng: {"images": x, "labels": rng.permutation(y)}, share=0.3
    ),
    "average frozen": Kind(("evaluation_artefact",), spoil=frozen_average),
    "D dead ReLU": Kind(("discriminator_dead",), spoil=dead_relu),
    "saturating": Kind(
        ("vanishing_gradient",), lambda name, own: {"loss": "minimax"}, rates(D=10.0, G=0.02), cause="loss"
    ),
    "range 0…255": Kind(
        ("data_problem",), data=lambda x, y, rng: {"images": x.astype(np.float32), "labels": y, "range": (0, 1)}, share=0.3
    ),
    "range 0…1/255": Kind(("data_problem",), data=lambda x, y, rng: {"images": x // 128, "labels": y}, share=0.3),
    "blank images": Kind(("data_problem",), data=blank, share=0.3),
    "duplicates": Kind(("data_problem",), data=duplicated, share=0.3),
    "BatchNorm ε .8": Kind(("misbuilt",), spoil=epsilon, share=0.3),
    "10 moves of G": Kind(("collapsing", "discriminator_dead"), spoil=impatient, share=0.3),  # D cannot follow
    "z unheard": Kind(("collapsing",), spoil=no_noise),
}  # fmt: skip


@cache
def stack():
    return digits()


def source_of(kind: Kind | None, seed: int):
    if kind is not None and kind.ring:
        return ring8()
    images, labels = stack().images, stack().labels
    given: dict[str, Any] = {"images": images, "labels": labels}
    if kind is not None and kind.data:
        given = kind.data(images, labels, np.random.default_rng(seed))
    return ArraySource(**given, name="digits", classes=stack().classes)


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


def compact(rows: list[dict[str, Any]]) -> dict[str, list]:
    """Columns instead of rows, four figures, of what a diagnosis reads; None where a row lacks a value."""
    keys = dict.fromkeys(key for row in rows for key in row if key not in UNREAD)
    return {key: [_figures(row.get(key)) for row in rows] for key in keys}


def _figures(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}") if math.isfinite(value) else "nan"
    return value


def restored(columns: dict[str, list]) -> list[dict[str, Any]]:
    count = max(map(len, columns.values()), default=0)
    back = {"nan": math.nan}
    return [
        {k: back.get(v[i], v[i]) if isinstance(v[i], str) else v[i] for k, v in columns.items() if v[i] is not None}
        for i in range(count)
    ]


def wanted() -> Iterator[tuple[str, str, int]]:
    """Seed after seed, the healthy between the sick, so that a part of the table is balanced."""
    for seed in SEEDS:
        healthy = iter([(name, "healthy", seed) for name in HEALTHY])
        for kind in KINDS:
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


def judged(row: dict[str, Any], upto: float = math.inf):
    rows, looks = restored(row["rows"]), restored(row["looks"])
    return judge([r for r in rows if r["images"] <= upto], [r for r in looks if r["images"] <= upto], row["record"])


def accepted(row: dict[str, Any]) -> tuple[str, ...]:
    return WELL if row["kind"] == "healthy" else KINDS[row["kind"]].accept


def is_right(row: dict[str, Any], said: Diagnosis) -> bool:
    """One of the right diagnoses and, where an argument did it, that argument in the action."""
    kind = KINDS.get(row["kind"])
    return said.id in accepted(row) and (not kind or not kind.cause or kind.cause in said.action.changes)


def wilson(k: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """A 95 % interval of a share (Wilson 1927)."""
    if not n:
        return math.nan, math.nan
    p, centre = k / n, k / n + z * z / 2 / n
    half = z * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n)
    return (centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)


def calibrate() -> None:
    """Quantiles of every number at the end of the run, in healthy runs and in each kind."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in done():
        if row["seed"] in CALIBRATED:
            for id, one in readings(restored(row["rows"]), restored(row["looks"]), row["record"]).items():
                found[id][row["kind"]].append(one.value)
    for id, limit in LIMITS.items():
        print(f"\n{id}: {'above' if limit.above else 'below'} {limit.at:g} ({limit.source})")
        for kind in ("healthy", *KINDS):
            if values := found[id].get(kind):
                low, middle, high = np.nanquantile(values, (0.025, 0.5, 0.975))
                speaks = np.mean([v > limit.at if limit.above else v < limit.at for v in values])
                print(
                    f"   {kind:<18} n {len(values):>3}   {low:>10.3g} {middle:>10.3g} {high:>10.3g}   speaks {speaks:.0%}"
                )


def matrix(seen: bool) -> None:
    """The table of the seeds that nobody looked at, or of those that were calibrated on."""
    rows = [row for row in done() if (row["seed"] in CALIBRATED) == seen]
    cells: dict[str, Counter] = defaultdict(Counter)
    right, named, times = Counter(), Counter(), defaultdict(list)
    for row in rows:
        said = judged(row)
        cells[row["kind"]][said.id] += 1
        kind = KINDS.get(row["kind"])
        good = is_right(row, said)
        right[row["kind"]] += good
        if kind and kind.cause:
            named[row["kind"]] += kind.cause in said.action.changes
        if kind and good and said.ill:
            times[row["kind"]].append(first_right(row))
    print("| run made sick by | runs | right | 95 % | names the cause | first told, share of the run | told |")
    print("|---|---|---|---|---|---|---|")
    sick_right = sick = 0
    for name in (*KINDS, "healthy"):
        n = sum(cells[name].values())
        if not n:
            continue
        low, high = wilson(right[name], n)
        told = ", ".join(f"{id} {count}" for id, count in cells[name].most_common())
        cause = f"{named[name]}/{n}" if KINDS.get(name) and KINDS[name].cause else ""
        when = f"{np.median(times[name]):.2f}" if times[name] else ""
        print(f"| {name} | {n} | {right[name]} | {low:.2f}–{high:.2f} | {cause} | {when} | {told} |")
        if not name.startswith("healthy"):
            sick_right, sick = sick_right + right[name], sick + n
    low, high = wilson(sick_right, sick)
    print(f"\nsick runs right: {sick_right} of {sick} = {sick_right / max(sick, 1):.1%} ({low:.1%} to {high:.1%})")
    n = sum(sum(cells[name].values()) for name in cells if name.startswith("healthy"))
    wrong = n - sum(right[name] for name in right if name.startswith("healthy"))
    low, high = wilson(wrong, n)
    print(f"false alarms: {wrong} of {n} = {wrong / max(n, 1):.1%} ({low:.1%} to {high:.1%})")
    every = [t for kind in times.values() for t in kind]
    print(f"median share of a run from which on the diagnosis is right: {np.median(every) if every else math.nan:.2f}")
    told: Counter = Counter()
    hits: Counter = Counter()
    for row in rows:
        said = judged(row)
        told[said.id] += 1
        hits[said.id] += is_right(row, said)
    shares = (f"{name}: {wilson(hits[name], n)[0]:.2f} ({hits[name]}/{n})" for name, n in told.items())
    print(f"\nconfidence: {', '.join(shares)}")


def limits() -> None:
    """The table of thresholds, for docs/doctor.md."""
    print("| number | speaks | floor | what it is, and where its threshold is from |")
    print("|---|---|---|---|")
    for id, limit in LIMITS.items():
        floor = f"{limit.floor:g}" if math.isfinite(limit.floor) else ""
        print(
            f"| `{id}` | {'>' if limit.above else '<'} {limit.at:g} | {floor} | {limit.source.replace('|', chr(92) + '|')} |"
        )
    print("\n| diagnosis | borne out by |")
    print("|---|---|")
    for name, ways in TRIAGE:
        print(f"| {name} | {'; or '.join(' and '.join(f'`{id}`' for id in way) for way in ways)} |")


def first_right(row: dict[str, Any]) -> float:
    """The share of the run from which on the diagnosis was right at every look."""
    length, at = row["record"]["length"], 1.0
    for images in reversed([r["images"] for r in restored(row["looks"]) if "event" not in r]):
        if images == 0:
            continue
        if not is_right(row, judged(row, images)):
            break
        at = images / length
    return at


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
        calibrate()
    elif asked.limits:
        limits()
    elif asked.docs:
        for name, said in (("table", lambda: matrix(False)), ("limits", limits)):
            with contextlib.redirect_stdout(io.StringIO()) as text:
                said()
            before, _, rest = DOCS.read_text().partition(f"<!-- {name} -->\n")
            DOCS.write_text(
                f"{before}<!-- {name} -->\n{text.getvalue()}<!-- end -->{rest.partition('<!-- end -->')[2]}"
            )
    elif asked.table:
        matrix(asked.seen)
    else:
        run(asked.jobs, asked.only, asked.limit)
