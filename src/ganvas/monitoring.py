"""`--watch`: scores during training, on images that are never trained on, and the best snapshots by them (SCIENCE 5.5).

Watching changes nothing of a run: it draws from latents of its own and looks at copies. Only `--patience` ends it sooner.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ganvas import files
from ganvas.data.gallery import Gallery, held_out, trained_on
from ganvas.errors import BadInput, GanvasError, Storage
from ganvas.judging import generated, keep, labels_of, suited
from ganvas.measure import classes, copying, frechet, kernel
from ganvas.recipes.common import points
from ganvas.study.extractors import NAMES, extractor
from ganvas.study.score import Question, even_prdc, fid
from ganvas.study.scoreboard import WATCH, looks
from ganvas.study.seen import see
from ganvas.watching import snapshot, standing_generator

if TYPE_CHECKING:
    from ganvas.study.card import Score
    from ganvas.study.extractors import Extractor
    from ganvas.study.sample import Generator
    from ganvas.training.run import RunFolder
    from ganvas.training.trainer import Tick, Trainer

LOOKS = 8  # at even distances over the run; the last at its end
AUTO, FINAL = 1000, 10_000  # pictures a look when nobody says how many; of the last word
LEAST = 100  # held-out images below which a Fréchet distance says nothing
HALVES = 10  # random halves, whose scatter is the standard error of the whole: Var(half) − Var(whole) = Var(whole)
SIDES = ("average", "live")


class Wish(NamedTuple):
    """What to watch: an extractor's name, or "" for the one that suits the data, and pictures a look."""

    extractor: str
    n: int


def wish(text: str | None) -> Wish | None:
    """ "fid:2k", "fd-digits/v1:500", "off"; None: what suits the data, where there is such. Raises BadInput."""
    if text in (None, "auto"):
        return Wish("", AUTO)
    if text == "off":
        return None
    found = re.fullmatch(r"(?P<name>.*?)(:(?P<n>\d{1,6}(\.\d)?)(?P<k>k?))?", text)
    name, n = found["name"], int(float(found["n"] or 2000) * (1000 if found["k"] else 1))
    plugin = re.fullmatch(r"(?!fid:)[\w.]+:[A-Za-z_]\w*", name)
    known = name in ("fid", *NAMES) or name.endswith(".onnx") or plugin
    if not known or not 100 <= n <= 100_000:
        raise BadInput(
            f"--watch {text}: write fid:2k, for 2,000 pictures a look (100 to 100,000), an extractor instead of fid "
            f"({', '.join(NAMES)}), or off"
        )
    return Wish("" if name == "fid" else name, n)


class Monitor:
    """Looks every eighth of the run; keeps snapshots/best-average and best-live; stops where patience is at its end."""

    def __init__(
        self, trainer: Trainer, folder: RunFolder, wish: Wish, network: Extractor, patience: int, say: Callable
    ):
        self.trainer, self.folder, self.n, self.network, self.patience, self.say = (
            trainer, folder, wish.n, network, patience, say,
        )  # fmt: skip
        half = held_out(trainer.source)
        # the second half is kept for the last word: the best of many looks at the first has been lucky there
        self.first, self.second = half.first(half.n // 2), _from(half, half.n // 2)
        self.real = see(self.first, network)
        self.moments = frechet.moments(self.real.features)
        self.rows = _read(folder.folder, trainer.images)
        step = trainer.length / LOOKS
        self.due = [round(step * k) for k in range(1, LOOKS + 1) if round(step * k) > trainer.images]

    def look(self, tick: Tick) -> None:
        """Judges both generators if it is time. Ends the run where patience has ended."""
        if not (tick.whole and self.due and tick.images >= self.due[0]):
            return
        self.due = [at for at in self.due if at > tick.images]
        row: dict[str, Any] = {"images": tick.images, "extractor": self.network.name, "n": self.n}
        for side in SIDES if self.trainer.players["G"].average is not None else SIDES[1:]:
            generator = standing_generator(self.trainer, live=side == "live")
            try:
                found = self._judge(self._drawn(generator, self.n, self.trainer.seed).read(0, self.n))
            except GanvasError as error:  # pictures or features that are no numbers: no reason to end the training
                self.say(f"not watched at {tick.images:,} images: {error}")
                continue
            row[side], best = found, best_of(self.rows, side)
            found["better"] = self.trainer.well and better(found, best)
            if found["better"]:
                with contextlib.suppress(Storage):
                    snapshot(
                        self.trainer, self.folder, self.folder.snapshot.with_name(f"best-{side}.safetensors"), side
                    )
        self.rows.append(row)
        with contextlib.suppress(OSError), (self.folder.folder / WATCH).open("a") as file:
            file.write(json.dumps(row) + "\n")
        if self.patience and idle(self.rows) >= self.patience and tick.images < self.trainer.length:
            self.say(f"no better for {idle(self.rows)} looks: stopped by --patience {self.patience}; the best is kept")
            self.trainer.stop = True

    def _judge(self, images: np.ndarray) -> dict[str, Any]:
        """The corrected distance to held-out images, its standard error, and what can veto an improvement."""
        features, opinions = self.network(images)
        found = self._distance(features)
        found |= {"coverage": even_prdc(self.real.features, features).coverage, "c_t": self._copies(features)}
        if opinions is not None:
            found["entropy"] = classes.class_entropy(opinions, self.network.classes)
        return {key: round(value, 5) for key, value in found.items()}

    def _distance(self, features: np.ndarray) -> dict[str, Any]:
        def distance(some: np.ndarray) -> float:
            mine = frechet.moments(some)
            return frechet.corrected(frechet.frechet(mine, self.moments), self.moments.cov, mine.n, self.moments.n)

        rng, n = np.random.default_rng(0), len(features)
        halves = [distance(features[rng.permutation(n)[: n // 2]]) for _ in range(HALVES)]
        return {"score": distance(features), "error": float(np.std(halves, ddof=1))}

    @cached_property
    def trained(self) -> np.ndarray:
        return see(trained_on(self.trainer.source).first(10_000), self.network).features

    def _copies(self, features: np.ndarray) -> float:
        return copying.c_t(features, self.real.features, self.trained).z

    def last_word(self) -> list[Score]:
        """Of the best average and the best live generator the better, chosen with more pictures and, where these cannot
        tell them apart, by KID; then its score on latents and held-out images that chose nothing, kept in scores.jsonl."""
        rivals = {side: self._closely(side) for side in SIDES if best_of(self.rows, side)}
        if not rivals:
            return []
        side = min(rivals, key=lambda side: rivals[side]["score"])
        if len(rivals) == 2:
            a, b = rivals.values()
            if abs(a["score"] - b["score"]) <= 2 * math.hypot(a["error"], b["error"]):
                side = min(rivals, key=lambda side: rivals[side]["kid"])
        generator, seed = self._best(side), self.trainer.seed + 2
        fakes, labels = self._drawn(generator, self._many, seed), labels_of(generator, self.trainer.source)
        scores = list(fid(Question(fakes, self.network, self.second, weights=side, seed=seed, labels=labels)))
        keep(self.folder.folder, scores)
        images = next(row["images"] for row in reversed(self.rows) if side in row and row[side]["better"])
        for score in scores:
            self.say(f"best at {images:,} images (snapshots/best-{side}.safetensors): {score}")
        return scores

    @property
    def _many(self) -> int:
        return min(FINAL, 5 * self.n)

    def _drawn(self, generator: Generator, n: int, seed: int) -> Gallery:
        return generated(generator, n, seed, self.trainer.source)

    def _best(self, side: str) -> Generator:
        from ganvas.loading import load

        return load(self.folder.snapshot.with_name(f"best-{side}.safetensors"), device=str(self.trainer.device))

    def _closely(self, side: str) -> dict[str, Any]:
        """A second look at the best of one side, on other latents."""
        features, _ = self.network(self._drawn(self._best(side), self._many, self.trainer.seed + 1).read(0, self._many))
        return self._distance(features) | {"kid": kernel.kid(features, self.real.features).mean}


def monitor(trainer: Trainer, folder: RunFolder, text: str | None, patience: int, say: Callable) -> Monitor | None:
    """What `--watch` asks for; None where it is off, or where nothing was asked and nothing suits the data."""
    asked = wish(text)
    spec = trainer.source.spec
    ours = suited(spec)
    if points(spec) and text not in (None, "auto", "off"):
        raise BadInput(f"--watch: {spec.name} holds points, not pictures; leave it out")
    if spec.views and text not in (None, "auto", "off"):
        raise BadInput(
            f"--watch compares what is drawn from noise; {spec.name} has pairs, which every sheet is scored on"
        )
    if spec.text and text not in (None, "auto", "off"):
        raise BadInput(f"--watch compares what is drawn from noise; {spec.name} has captions: leave it out")
    if asked is None or spec.views or spec.text or (text in (None, "auto") and (not ours or spec.held_out < 2 * LEAST)):
        return None
    if spec.held_out < 2 * LEAST:
        raise BadInput(
            f"--watch needs at least {2 * LEAST} held-out images and {spec.name} has {spec.held_out}: leave it out, and look "
            "at the sheets"
        )
    return Monitor(trainer, folder, asked, extractor(asked.extractor or ours or "inception", say=say), patience, say)


def better(found: dict[str, Any], best: dict[str, Any] | None) -> bool:
    """By more than two standard errors, and without losing modes or learning images by heart."""
    if found["c_t"] < -3 or not math.isfinite(found["score"]):
        return False
    if best is None:
        return True
    real = best["score"] - found["score"] > 2 * math.hypot(found["error"], best["error"])
    lost = found["coverage"] < 0.8 * best["coverage"] or found.get("entropy", 1) < best.get("entropy", 0) - 0.05
    return real and not lost


def best_of(rows: list[dict[str, Any]], side: str) -> dict[str, Any] | None:
    """The last look at which this generator was better than before."""
    return next((row[side] for row in reversed(rows) if side in row and row[side]["better"]), None)


def idle(rows: list[dict[str, Any]]) -> int:
    """Looks since either generator was better."""
    for k, row in enumerate(reversed(rows)):
        if any(row[side]["better"] for side in SIDES if side in row):
            return k
    return len(rows)


def _read(run: Path, images: int) -> list[dict[str, Any]]:
    """The looks so far, as far as the run has come; the file is cut to them."""
    if not (run / WATCH).exists():
        return []
    kept = [row for row in looks(run) if row["images"] <= images]
    files.write_atomic(run / WATCH, "".join(json.dumps(row) + "\n" for row in kept))
    return kept


def _from(gallery: Gallery, start: int) -> Gallery:
    n, name = gallery.n - start, f"{gallery.name}, last {gallery.n - start:,}"
    return Gallery(name, f"{gallery.fingerprint}-{start}", n, lambda a, b: gallery.read(a + start, b + start))
