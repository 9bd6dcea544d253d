"""`ganvas lab modes`: how many of the modes that are known to exist does a GAN learn, and how often does it fail?"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ganvas import files
from ganvas.errors import BadInput
from ganvas.labs.board import BLUE, FAINT, VERMILION, Folder, board, reproducible, within

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ganvas.data.source import Source
    from ganvas.study.sample import Generator

Cell = dict[str, Any]

IMAGES = {"ring8": 1_600_000, "grid25": 1_600_000, "stacked": 50_000}
SAMPLES = {"ring8": 2500, "grid25": 2500, "stacked": 26_000}  # VEEGAN's and PacGAN's protocols
GOOD = 0.9  # share of good points below which a run has failed
SHOWN = 1000  # points of a cell kept for the picture

# what published numbers, made for pictures, become on points: modes 200 times as far apart as wide need sharp networks,
# which means many updates at high rates that fall to almost 0, and weak penalties
POINTS: dict[str, dict[str, Any]] = {
    "pacgan": {"lr": 1e-3},
    "dragan": {"lr": 1e-3, "penalty": 0.1},
    "sngan": {"lr": 1e-3},
    "wgan_gp": {"lr": 1e-3},
    "r1": {"lr": 1e-3, "gamma": 0.1},
    "r3gan": {"lr": (3e-3, 1e-5), "gamma": (0.1, 0.01), "lazy": 1},
    "wgan": {"opening": 5},
}
# and what full-size networks become where a table is to be had on two cores; r3gan's: see docs/log.md
STACKED: dict[str, dict[str, Any]] = {
    "r3gan": {"widths": (128, 64, 16), "gamma": (10.0, 1.0), "lr": (3e-4, 5e-5)},
    "sngan": {"width": 32},
}
EVERYONE: dict[str, Any] = {"latent": 2, "batch": 128, "schedule": "linear"}


def lab(
    *,
    data: Literal["ring8", "grid25", "stacked"] = "ring8",
    recipes: tuple[str, ...] = ("gan_leaky", "wgan_gp", "dragan", "pacgan", "sngan", "r1", "r3gan"),
    seeds: int = 3,
    images: int | None = None,
    arguments: str = "{}",
    out: str = "labs/modes",
    seed: int = 0,
) -> None:
    """Modes covered, the share of good samples and reverse KL, per recipe and seed: a table with its failures.

    Points: a sample within 3σ of a centre is good; a mode is held with a fifth of its share, N/(5K); a run fails that
    does not hold every mode or has less than 90 % good samples. stacked: three digits in three colours (Metz et al.
    2017), 1,000 classes named by this package's digit classifier; a run fails below 990 classes or above a KL of 0.1.
    The live generator and
    its average are both scored; the table shows the average.

    Every finished cell is kept in OUT/cells.jsonl: the same command goes on where it stopped.

    Args:
        data: eight Gaussians on a ring, 25 on a grid, or Stacked-MNIST from the built-in digits
        recipes: which GANs, unconditional
        seeds: trainings of each
        images: real samples seen by each; not given: 1,600,000 points or 50,000 pictures
        arguments: further arguments of the recipes, as JSON
        out: folder for the table, the picture and the numbers
        seed: the first of the seeds
    """
    from ganvas.recipes import table

    within("seeds", seeds, 1, 1000)
    within("images", IMAGES[data] if images is None else images, 1000, 1e12)
    for name in recipes:
        table.find(name)
    try:
        given = json.loads(arguments)
    except ValueError as error:
        raise BadInput(f"--arguments is no JSON ({error}): write it like '{{\"lr\": 0.001}}'") from None
    folder = Folder(out)
    source = _source(data)
    cells: list[Cell] = []
    for name in recipes:
        for k in range(seed, seed + seeds):
            resolved = _resolved(source, name, given | {"images": images or IMAGES[data]})
            asked = {"data": data, "recipe": name, "seed": k, "arguments": resolved}
            cells.append(_finished(folder, asked) or _kept(folder, _play(source, asked)))
            print(_line(cells[-1]), flush=True)
    if data != "stacked":
        folder.figure("modes.png", _scatter(source, cells, recipes))
    rows = table_of(cells)
    folder.numbers({"table": rows, "cells": [{k: v for k, v in cell.items() if k != "points"} for cell in cells]})
    files.write_atomic(folder.path / "table.md", markdown(rows) + "\n")
    folder.read_out([*markdown(rows).splitlines(), "", *_reading(rows, data)])


def _source(data: str) -> Source:
    from ganvas.data import toys
    from ganvas.data.stacked import Stacked

    return {"ring8": toys.ring8, "grid25": toys.grid25, "stacked": Stacked}[data]()


def _resolved(source: Source, name: str, given: dict[str, Any]) -> dict[str, Any]:
    """All arguments of the recipe here, as JSON holds them."""
    from ganvas.recipes import table

    known = table.defaults(table.find(name))
    chosen = EVERYONE | POINTS.get(name, {}) if source.spec.bits == 32 else STACKED.get(name, {})
    chosen = {k: v for k, v in (chosen | {"conditional": False}).items() if k in known}
    resolved, _ = table.resolve(table.find(name), name, source.spec, chosen | given)
    return json.loads(json.dumps(resolved))


def _play(source: Source, asked: Cell) -> Cell:
    """Trains one cell and scores it."""
    from ganvas.errors import GanvasError
    from ganvas.recipes import table
    from ganvas.study.progress import ProgressLine
    from ganvas.training.trainer import Trainer
    from ganvas.watching import standing_generator

    arguments = {k: tuple(v) if isinstance(v, list) else v for k, v in asked["arguments"].items()}
    with reproducible(asked["seed"]):
        trainer = Trainer(table.find(asked["recipe"])(source.spec, **arguments), source, seed=asked["seed"])
        began, length = time.process_time(), trainer.length
        broken = ""
        with ProgressLine(length) as line:
            try:
                for tick in trainer.ticks(every=max(length // 50, 1)):
                    line.update(tick.images, tick.seconds, tick.means)
            except GanvasError as error:
                broken = str(error)
        seconds = time.process_time() - began
        score, shown = _score(source, standing_generator(trainer))
        raw, _ = _score(source, standing_generator(trainer, live=True))
    return asked | {"cpu_seconds": round(seconds, 1), "broken": broken, "average": score, "live": raw, "points": shown}


def _score(source: Source, generator: Generator) -> tuple[dict[str, Any], list]:
    """`Modes` of so many samples as the protocol asks for, and some of the points."""
    from ganvas.measure.modes import class_modes, point_modes

    drawn = np.asarray(generator.sample(SAMPLES[source.spec.name], seed=1))
    if source.spec.bits != 32:
        return class_modes(_named(drawn), 1000)._asdict(), []
    found = point_modes(drawn, source.modes, source.sigma)._asdict()
    return found, np.round(drawn[:SHOWN].reshape(-1, drawn.shape[-1]).astype(float), 3).tolist()


def _named(images: np.ndarray) -> np.ndarray:
    """100a + 10b + c for each N×3×28×28, the digits read by the classifier, colour by colour."""
    import torch

    from ganvas.nets.features import digit_classifier

    net, digits = digit_classifier(), []
    with torch.no_grad():
        for i in range(0, len(images), 500):
            batch = torch.from_numpy(images[i : i + 500]).float().div(255)
            digits.append(net(batch.flatten(0, 1)[:, None]).argmax(1).view(-1, 3))
    return torch.cat(digits).numpy() @ np.array([100, 10, 1])


def failed(cell: Cell) -> bool:
    """Broke down, lost a mode, or has too few good samples."""
    score = cell["average"]
    stacked = score["of"] == 1000
    enough = score["covered"] >= 990 and score["kl"] <= 0.1 if stacked else score["held"] == score["of"]
    return bool(cell["broken"]) or not enough or score["good"] < GOOD


def table_of(cells: list[Cell]) -> list[dict[str, Any]]:
    """One row a recipe: mean and standard deviation over the seeds, and how many failed."""
    rows = []
    for recipe in dict.fromkeys(cell["recipe"] for cell in cells):
        mine = [cell for cell in cells if cell["recipe"] == recipe]
        row: dict[str, Any] = {"recipe": recipe, "runs": len(mine), "failed": sum(map(failed, mine))}
        for key in ("covered", "held", "good", "kl"):
            values = np.array([cell["average"][key] for cell in mine], np.float64)  # nan: no sample counted
            row[key] = (float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0.0)
        row |= {"of": mine[0]["average"]["of"], "kl_floor": mine[0]["average"]["kl_floor"]}
        rows.append(row | {"cpu_seconds": float(np.mean([cell["cpu_seconds"] for cell in mine]))})
    return rows


def markdown(rows: list[dict[str, Any]]) -> str:
    head = f"| recipe | modes covered of {rows[0]['of']} | held | good samples | reverse KL (floor {rows[0]['kl_floor']:.3f})"
    lines = [f"{head} | failed | CPU-s |", "|---|---|---|---|---|---|---|"]
    for r in rows:
        modes = [f"{r[k][0]:.1f} ± {r[k][1]:.1f}" for k in ("covered", "held")]
        good = f"{100 * r['good'][0]:.1f} ± {100 * r['good'][1]:.1f} %"
        kl = f"{r['kl'][0]:.3f} ± {r['kl'][1]:.3f}"
        cells = [r["recipe"], *modes, good, kl, f"{r['failed']} of {r['runs']}", f"{r['cpu_seconds']:.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _reading(rows: list[dict[str, Any]], data: str) -> list[str]:
    sure = [r["recipe"] for r in rows if not r["failed"]]
    lost = [f"{r['recipe']} ({r['failed']} of {r['runs']})" for r in rows if r["failed"]]
    truth = "" if data == "stacked" else " Of the truth itself 98.9 % of the samples are good."
    return [
        f"Never failed here: {', '.join(sure) or 'none'}. Failed: {', '.join(lost) or 'none'}.{truth}",
        "A mode that is covered but not held is drawn less than a fifth as often as it should be. Seeds differ: one run "
        "that works shows little. What each recipe was given is in numbers.json.",
    ]


def _scatter(source: Source, cells: list[Cell], recipes: tuple[str, ...]) -> Figure:
    """A column a recipe, a row a seed: what was drawn over where the modes are."""
    seeds = list(dict.fromkeys(cell["seed"] for cell in cells))
    figure, axes = board(2.3 * len(recipes) + 0.4, 2.5 * len(seeds) + 0.3, len(seeds), len(recipes))
    reach = source.spec.range[1]
    for cell in cells:
        ax = axes[seeds.index(cell["seed"]), recipes.index(cell["recipe"])]
        points = np.array(cell["points"]).reshape(-1, 2)
        ax.scatter(*source.modes.T, s=90, facecolors="none", edgecolors=FAINT, linewidths=1)
        ax.scatter(*points.T, s=3, color=VERMILION if failed(cell) else BLUE, alpha=0.5, linewidths=0)
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[], aspect="equal")
        score = cell["average"]
        ax.set_xlabel(f"{score['held']} of {score['of']} held, {100 * score['good']:.0f} % good", fontsize=10)
        if cell["seed"] == seeds[0]:
            ax.set_title(cell["recipe"], fontsize=14)
        if cell["recipe"] == recipes[0]:
            ax.set_ylabel(f"seed {cell['seed']}", fontsize=12)
    return figure


def _line(cell: Cell) -> str:
    score = cell["average"]
    counts = (
        f"{score['covered']} of {score['of']} modes covered, {score['held']} held, {100 * score['good']:.1f} % good"
    )
    return f"{cell['recipe']} seed {cell['seed']}: {counts}{', FAILED' if failed(cell) else ''}"


def _stored(folder: Folder) -> Iterator[Cell]:
    path = folder.path / "cells.jsonl"
    if path.exists():
        for text in path.read_text().splitlines():
            try:
                yield json.loads(text)
            except ValueError:  # the last line of a run that was killed
                continue


def _finished(folder: Folder, asked: Cell) -> Cell | None:
    return next((cell for cell in _stored(folder) if all(cell.get(k) == v for k, v in asked.items())), None)


def _kept(folder: Folder, cell: Cell) -> Cell:
    with files.storage_errors(folder.path), (folder.path / "cells.jsonl").open("a") as file:
        file.write(json.dumps(cell) + "\n")
    return cell
