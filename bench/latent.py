"""What is in the latent space of a small GAN of digits? Directions, walks, arithmetic, inversion and truncation, measured.

    ganvas train auto --data digits --minutes 3 --no-conditional --run runs/plain
    ganvas train auto --data digits --minutes 3 --conditional --run runs/told
    python bench/latent.py runs/plain runs/told [--only directions walks arithmetic inversion truncation]

The judge of classes is fd-digits/v1, everywhere. What has to be chosen (which component, what strength) is chosen on the
latents of one seed and reported on those of another. Each row is appended to bench/results/latent.jsonl.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

import ganvas
from ganvas.data.open import open_source
from ganvas.errors import GanvasError
from ganvas.study import directions, inversion, walk
from ganvas.study.arithmetic import mean
from ganvas.study.attributes import see, within
from ganvas.study.latents import Places, random_places
from ganvas.study.quality import quality
from ganvas.study.sample import Generator
from ganvas.study.suited import eye

RESULTS = Path(__file__).with_name("results") / "latent.jsonl"
STRENGTHS = [k / 4 for k in range(1, 17)]
WANTED, SAFE = (
    0.8,
    0.83,
)  # share of pictures that keep their class; asked for on the choosing latents, to have it on others
CHOOSE, REPORT = 5, 2  # seeds of latents


def farthest(G: Generator, direction: directions.Direction) -> float:
    """The greatest strength up to which enough pictures keep their class, on the choosing latents."""
    places, reached = random_places(G, 600, CHOOSE), STRENGTHS[0]
    before = see(G, places).classes
    for strength in STRENGTHS:
        moved = [see(G, direction.move(places, s)).classes for s in (strength, -strength)]
        if np.mean([classes == before for classes in moved]) < SAFE:
            break
        reached = strength
    return reached


def direction_rows(G: Generator) -> Iterator[dict]:
    """By regression, held still and not, and of the unsupervised components the one that moves the attribute farthest
    while the class stays: of the four that go with it most closely, on the choosing latents."""
    places = random_places(G, 1000, CHOOSE)
    seen = see(G, places)
    for attribute in ("slant", "ink"):
        found = {f"regression{', held' * hold}": directions.measured(G, attribute, hold) for hold in (False, True)}
        value = within(places, seen.values(attribute), G)
        for kind in ("sefa", "pca"):
            options = directions.components(G, kind)
            closeness = [abs(np.corrcoef(places.z @ one.vector, value)[0, 1]) for one in options]
            nearest = [options[k] for k in np.argsort(closeness)[::-1][:4]]
            gain = [abs(quality(G, o, farthest(G, o), attribute, 300, CHOOSE).moved[attribute]) for o in nearest]
            found[kind] = nearest[int(np.argmax(gain))]
        for how, one in found.items():
            q = quality(G, one, farthest(G, one), attribute, 1000, REPORT)
            yield {"what": "direction", "attribute": attribute, "how": how, "name": one.name, **q._asdict()}


def walk_rows(G: Generator, pairs: int = 50, steps: int = 17) -> Iterator[dict]:
    """Does every picture on the way look like a digit? Spherical and linear; and from class to class with z as it is."""
    by = eye(G.spec)
    ends = random_places(G, 2 * pairs, REPORT)
    if ends.label is not None:  # within a class
        ends = ends._replace(label=torch.arange(2 * pairs) // 2 % 10)
    for mode in ("spherical", "linear"):
        there = [walk.walk(ends.take([2 * k, 2 * k + 1]), steps, mode) for k in range(pairs)]
        confidence = np.stack([confidences(G, places) for places in there])
        lengths = np.stack([np.linalg.norm(places.z, axis=1) for places in there])
        yield {
            "what": "walk", "mode": mode, "ends": confidence[:, [0, -1]].mean(), "middle": confidence[:, steps // 2].mean(),
            "length of z at the ends": lengths[:, [0, -1]].mean(), "in the middle": lengths[:, steps // 2].mean(),
            "ratio": walk.usual(G, mode, by=by),
        }  # fmt: skip
    if ends.label is None:
        return
    one = ends.take(np.repeat(np.arange(0, 2 * pairs, 2), 2))
    rng = np.random.default_rng(0)
    label = np.stack([rng.permutation(10)[:2] for _ in range(pairs)])
    one = one._replace(label=torch.from_numpy(label.reshape(-1)))
    seen, ratios, jumps = [], [], []
    for k in range(pairs):
        stops = one.take([2 * k, 2 * k + 1])
        seen.append(see(G, walk.walk(stops, steps, "linear")).classes)
        (leg,) = walk.smoothness(G, stops, "linear", by=by)
        ratios.append(leg.ratio)
        jumps.append(leg.jump)
    seen = np.stack(seen)
    others = [len(set(row) - set(pair)) for row, pair in zip(seen, label, strict=True)]
    yield {
        "what": "classes", "first right": (seen[:, 0] == label[:, 0]).mean(), "last right": (seen[:, -1] == label[:, 1]).mean(),
        "changes of class on the way": (np.diff(seen, axis=1) != 0).sum(1).mean(),
        "share with a third class": (np.array(others) > 0).mean(),
        "ratio": float(np.median(ratios)), "jump": float(np.median(jumps)),
    }  # fmt: skip


def confidences(G: Generator, places: Places) -> np.ndarray:
    odds = see(G, places).log_odds
    return (1 / (1 + np.exp(-odds))).max(1)


def arithmetic_rows(G: Generator, draws: int = 60) -> Iterator[dict]:
    """Slanted sevens − upright sevens + upright ones, with groups of 1, 3 and 10: does a one become slanted, and stay one?"""
    pool = random_places(G, 6000, CHOOSE)
    if pool.label is not None:
        pool = pool._replace(label=torch.tensor([1, 7])[torch.arange(6000) % 2])
    found = see(G, pool)
    slant, sure = found.strokes["slant"], confidences(G, pool) > 0.9

    def group(digit: int, low: float, high: float) -> np.ndarray:
        of = np.flatnonzero((found.classes == digit) & sure)
        a, b = np.quantile(slant[of], [low, high])
        return of[(slant[of] >= a) & (slant[of] <= b)]

    A, B, C = group(7, 0.75, 1), group(7, 0, 0.25), group(1, 0, 0.4)
    for size in (1, 3, 10):
        rng, before, after = np.random.default_rng(0), [], []
        for _ in range(draws):
            a, b, c = (pool.take(rng.choice(which, size, replace=False)) for which in (A, B, C))
            start = mean(c)
            before.append(start)
            after.append(start._replace(z=(start.z + mean(a).z - mean(b).z).astype(np.float32)))
        b, a = (see(G, _together(rows)) for rows in (before, after))
        yield {
            "what": "arithmetic", "size": size, "one before": (b.classes == 1).mean(), "one after": (a.classes == 1).mean(),
            "slant before": b.strokes["slant"].mean(), "slant after": a.strokes["slant"].mean(),
            "sevens": [slant[B].mean(), slant[A].mean()],
            "length of z": float(np.mean([np.linalg.norm(x.z) for x in after])), "of the prior": G.prior.dim**0.5,
        }  # fmt: skip


def _together(rows: list[Places]) -> Places:
    told = None if rows[0].label is None else torch.cat([row.label for row in rows])
    return Places(np.concatenate([row.z for row in rows]), told)


def inversion_rows(G: Generator, n: int = 24) -> Iterator[dict]:
    """Held-out digits, then controls: mirrored digits, digits with their pixels shuffled, a generator that has not learned."""
    held = open_source("digits").held_out(n)
    real = held["image"]
    order = np.random.default_rng(0).permutation(real[0].size)
    shuffled = real.reshape(n, -1)[:, order].reshape(real.shape)
    sets = {"held-out digits": (G, real), "mirrored": (G, real[..., ::-1]), "pixels shuffled": (G, shuffled)}
    sets["held-out digits, G untrained"] = (untrained(G), real)
    for name, (generator, images) in sets.items():
        found = [inversion.invert(generator, np.ascontiguousarray(image)) for image in images]
        pictures = torch.from_numpy(np.stack([one.picture for one in found]))
        with torch.no_grad():
            by = eye(G.spec)
            same = (
                by.look(pictures)[1].argmax(1) == by.look(torch.from_numpy(images / np.float32(255)))[1].argmax(1)
            ).numpy()
        row = {
            "what": "inversion", "of": name, "n": n, "error": np.mean([one.error for one in found]),
            "worst": max(one.error for one in found), "random": np.mean([one.random for one in found]),
            "nearest": np.mean([one.nearest for one in found]), "radius": np.mean([one.radius for one in found]),
            "same class": same.mean(),
        }  # fmt: skip
        if G.conditional:
            row["label right"] = np.mean(
                [int(one.place.label) == y for one, y in zip(found, held["label"], strict=True)]
            )
        yield row
        if name == "held-out digits":
            places = _together([one.place for one in found])
            slant, before = directions.measured(G, "slant"), see(G, places)
            for strength in (1.0, 2.0):
                ahead, back = (see(G, slant.move(places, s)) for s in (strength, -strength))
                kept = np.mean([after.classes == before.classes for after in (ahead, back)])
                gone = (ahead.strokes["slant"] - back.strokes["slant"]).mean() / 2
                yield {
                    "what": "edit",
                    "strength": strength,
                    "slant": gone / before.strokes["slant"].std(),
                    "kept": kept,
                }


def untrained(G: Generator) -> Generator:
    """The same network with weights that were drawn and never trained."""
    torch.manual_seed(0)
    net = type(G.net)(**G.net.config).eval().requires_grad_(False)
    return Generator(
        net, type(G.game)(net, torch.nn.Identity(), G.prior, conditional=G.conditional), G.prior, G.spec, G.pixels
    )


def truncation_rows(G: Generator, n: int = 1000) -> Iterator[dict]:
    """How sure the classifier is, and how far two random pictures are apart in its features."""
    by, some = eye(G.spec), random_places(G, n, REPORT)
    for psi in (1.0, 0.7, 0.5, 0.3):
        places = some._replace(z=np.float32(psi) * some.z)
        with torch.no_grad():
            told = None if places.label is None else {"label": places.label}
            phi = by.look(G(torch.from_numpy(places.z), told))[0].double().numpy()
        apart = ((phi[: n // 2] - phi[n // 2 :]) ** 2).sum(1).mean() ** 0.5
        seen = np.bincount(see(G, places).classes, minlength=10) / n
        entropy = -(seen[seen > 0] * np.log(seen[seen > 0])).sum() / np.log(10)
        yield {
            "what": "truncation",
            "psi": psi,
            "confidence": confidences(G, places).mean(),
            "apart": apart,
            "entropy": entropy,
        }


PARTS = {
    "directions": direction_rows, "walks": walk_rows, "arithmetic": arithmetic_rows, "inversion": inversion_rows,
    "truncation": truncation_rows,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    args = parser.parse_args()
    torch.set_num_threads(1)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}"
    RESULTS.parent.mkdir(exist_ok=True)
    for run in args.runs:
        G = ganvas.load(run)
        card = {
            "machine": machine,
            "model": "told" if G.conditional else "plain",
            "recipe": G.label.get("recipe"),
            "images": G.images,
        }
        print(f"{run}: {G}")
        for part in args.only:
            started = time.time()
            for row in PARTS[part](G):
                row = {key: plain(value) for key, value in row.items()}
                print("  " + ", ".join(f"{key} {short(value)}" for key, value in row.items()), flush=True)
                stamp = {"date": datetime.now(UTC).isoformat(timespec="seconds"), **card}
                with RESULTS.open("a") as file:
                    file.write(json.dumps(stamp | row, ensure_ascii=False) + "\n")
            print(f"  ({part}: {time.time() - started:.0f} s)")


def plain(value):
    if isinstance(value, dict):
        return {key: plain(v) for key, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return round(float(value), 6) if isinstance(value, float | np.floating) else value


def short(value) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} {short(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "–".join(map(short, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    try:
        main()
    except (GanvasError, OSError) as error:
        raise SystemExit(str(error)) from None
