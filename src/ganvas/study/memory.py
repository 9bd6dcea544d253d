"""Memorisation to look at: generated pictures beside the training images and the held-out images nearest to them.

Every picture has a nearest training image, and looks like it. Whether too much so is told by images that nobody trained
on: to an honest picture they are as near, and it is no nearer to the training images than they are.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ganvas import files
from ganvas.data.gallery import Gallery
from ganvas.measure import neighbours
from ganvas.measure.copying import FEW, mann_whitney
from ganvas.measure.rows import blocks
from ganvas.study.card import Score
from ganvas.study.question import Question, named
from ganvas.study.sheets import GAP, fit, sheet, write_picture

ROWS = 12  # of the sheet
PARTS = 10  # of the training images, each as large as the held-out ones
SMALLEST, LARGEST = 112, 192  # pixels a picture of the sheet
TITLES = ("generated", "nearest training image", "nearest held-out image")


class Near(NamedTuple):
    """For each picture the distance to the nearest of `of`, and its position there."""

    of: Gallery
    distance: np.ndarray
    at: np.ndarray


class Neighbours(NamedTuple):
    """`train` and `held_out`: of each generated picture. The other fields say whether that is near for honest ones.

    nearer: the share of pictures nearer to a training than to a held-out image, of `even` of each, a tie counting ½; the
    mean over `parts` parts of the training images. scatter: its standard deviation where part after part of the training
    images is taken for the held-out ones; nan for fewer than three. below: pictures no farther from the training images
    than the nearest held-out image is. z: C_T (Meehan et al. 2020) in one cell. All None where no held-out images are
    known, z also for 20 pictures or fewer.
    """

    question: Question
    train: Near
    held_out: Near | None = None
    nearer: float | None = None
    scatter: float = math.nan
    even: int = 0
    parts: int = 0
    below: int | None = None
    z: float | None = None

    @property
    def suspicion(self) -> np.ndarray:
        """d(picture, training) / d(picture, held-out), the smaller the more suspicious; without the latter d alone."""
        if self.held_out is None:
            return self.train.distance
        return self.train.distance / np.maximum(self.held_out.distance, np.finfo(np.float64).tiny)

    @property
    def order(self) -> np.ndarray:
        """Positions of the generated pictures, most suspicious first."""
        return np.lexsort((self.train.distance, self.suspicion))

    @property
    def error(self) -> float:
        """Of `nearer`, binomial, √(p(1 − p)/n): of the pictures alone. The sets of real images are samples too, and where
        many pictures have one image for their nearest, as those of a weak generator do, `scatter` is ten times this."""
        n = len(self.train.distance)
        return math.nan if self.nearer is None else math.sqrt(self.nearer * (1 - self.nearer) / n)


def nearest(question: Question, say: Callable[[str], None] = print) -> Neighbours:
    """The nearest training and held-out image of each picture, in the features of the question's extractor.

    Training images are the question's; where it knows none its real images are taken for them, and that is said. Raises
    BadInput where there are none, or only their statistics.
    """
    q = question
    fake, real = q.fake.features, None
    if q.train is None:
        train, base = q.reference, q.real_features()
        say(f"{q.fakes.name}: the images of {train.name} are taken for the training images")
    else:
        train, base = q.train, q.trained
        known = isinstance(q.reference, Gallery) and not q.trained_on_real()
        real = q.real_features() if known else None
    near = _near(fake, base, train)
    if real is None:
        return Neighbours(q, near)
    held_out, beside = _near(fake, real, q.reference), _near(real, base, train).distance
    # as many of each: of more images some are nearer, trained on or not
    rng, even = np.random.default_rng(q.seed), min(len(base), len(real))
    some = real[rng.permutation(len(real))[:even]]
    parts = rng.permutation(len(base))[: min(len(base) // even, PARTS) * even].reshape(-1, even)
    d = [_near(fake, base[part], train).distance for part in parts]
    nearer = _nearer(d, _near(fake, some, q.reference).distance)
    scatter = np.std([_nearer(d[:k] + d[k + 1 :], d[k]) for k in range(len(d))], ddof=1) if len(d) > 2 else math.nan
    z = mann_whitney(near.distance, beside) if len(fake) > FEW else None
    below = int((near.distance <= beside.min()).sum())
    return Neighbours(q, near, held_out, nearer, float(scatter), even, len(d), below, z)


def _nearer(these: list[np.ndarray], those: np.ndarray) -> float:
    """The share of pictures nearer to these sets than to those images, by their distances."""
    return float(np.mean([(d < those).mean() + (d == those).mean() / 2 for d in these]))


def _near(queries: np.ndarray, base: np.ndarray, of: Gallery) -> Near:
    distance, at = np.empty(len(queries)), np.empty(len(queries), np.int64)
    with files.progress(f"the nearest of {len(base):,} of {of.name}", len(queries)) as advance:
        for rows in blocks(len(queries)):
            found = neighbours.nearest(queries[rows], base)
            distance[rows], at[rows] = found.distances[:, 0], found.indices[:, 0]
            advance(rows.stop - rows.start)
    return Near(of, distance, at)


def scores(found: Neighbours) -> list[Score]:
    """`nearer` and C_T with their cards; none where no held-out images are known."""
    q, n = found.question, found.question.fakes.n
    if found.nearer is None:
        return []
    also = {"binomial error": found.error}
    also |= {"nearer than any held-out": found.below, "expected": n / (found.held_out.of.n + 1)}
    card = q.card(f"{found.even:,} of each, {found.parts} times", train=found.train.of)
    spread = None if math.isnan(found.scatter) else found.scatter
    both = [Score(named("nearer to training", q.extractor), found.nearer, card, 0.5, spread, "", also)]
    if found.z is not None:
        both.append(Score(named("c_t", q.extractor), found.z, q.card("1 cell", train=found.train.of), 0.0, 1.0, ""))
    return both


def to_json(found: Neighbours) -> dict[str, Any]:
    """The scores with their cards, and a row for each picture, most suspicious first: distances, and who is nearest by
    position and, where it is known, by its file or its row in the data."""
    q = found.question
    about = {"extractor": q.extractor.name, "digest": q.extractor.digest, "resize": q.extractor.resize}
    about |= {"generated": q.fakes.name, "seed": q.seed, "training": found.train.of.name}
    about |= {"held_out": found.held_out.of.name if found.held_out else None}
    rows = [
        _who("generated", q.fakes, i) | _near_one("training", found.train, i) | _near_one("held_out", found.held_out, i)
        for i in found.order
    ]
    return about | {"scores": [score.to_json() for score in scores(found)], "pictures": rows}


def _near_one(key: str, near: Near | None, i: int) -> dict[str, Any]:
    return _who(key, near.of, near.at[i]) | {f"{key}_distance": float(near.distance[i])} if near else {}


def _who(key: str, of: Gallery, at: int) -> dict[str, Any]:
    return {key: int(at)} | ({f"{key}_name": of.names[at]} if of.names else {})


def write(found: Neighbours, path: Path) -> Path:
    """The sheet as `path` and the numbers beside it as .json, whose path is returned."""
    write_picture(draw(found), path)
    numbers = path.with_suffix(".json")
    record = to_json(found)
    rows = ",\n".join(json.dumps(row) for row in record.pop("pictures"))  # a line each
    head = json.dumps(record, indent=1, allow_nan=False).removesuffix("\n}")
    files.write_atomic(numbers, f'{head},\n "pictures": [\n{rows}\n]}}\n')
    return numbers


def draw(found: Neighbours, rows: int = ROWS) -> Image.Image:
    """The most suspicious pictures, a row each with its distances: generated, nearest training, nearest held-out."""
    chosen, q = found.order[:rows], found.question
    columns = [(q.fakes, chosen), (found.train.of, found.train.at[chosen])]
    if found.held_out:
        columns.append((found.held_out.of, found.held_out.at[chosen]))
    pictures = [[gallery.read(int(i), int(i) + 1)[0] for i in places] for gallery, places in columns]
    side = min(max(SMALLEST, *(max(p.shape[1:]) for column in pictures for p in column)), LARGEST)
    font, small, gap, left, head = ImageFont.load_default(13), ImageFont.load_default(12), 8, 118, 40
    words = _wrapped(summary(found, rows), font, left + len(columns) * (side + gap))
    width, height = left + len(columns) * (side + gap), head + len(chosen) * (side + gap)
    canvas = Image.new("RGB", (width, height + 18 * len(words) + gap), (GAP,) * 3)
    pen = ImageDraw.Draw(canvas)
    for k, column in enumerate(pictures):
        x = left + k * (side + gap)
        title = TITLES[k].replace(" ", "\n", 1)
        pen.multiline_text((x + side / 2, head / 2), title, "white", small, anchor="mm", align="center", spacing=1)
        for r, picture in enumerate(column):
            one = _cell(picture, side)
            y = head + r * (side + gap)
            canvas.paste(one, (x + (side - one.width) // 2, y + (side - one.height) // 2), one)
    for r, i in enumerate(chosen):
        place = (left - gap, head + r * (side + gap) + side / 2)
        pen.multiline_text(place, _beside(found, i), "white", small, anchor="rm", align="right")
    for k, line in enumerate(words):
        pen.text((gap, height + 18 * k), line, "white", font)
    return canvas


def summary(found: Neighbours, rows: int = ROWS) -> str:
    """What the sheet shows and what the numbers say, in ASCII: Pillow's own font has little else."""
    q, n = found.question, found.question.fakes.n
    said = f"The {min(rows, n)} most suspicious of {n:,} pictures, distances in {q.extractor.name}."
    if found.nearer is None:
        return f"{said} No held-out images are known: how near is too near cannot be said."
    m = found.held_out.of.n
    said += f" Nearer to training than to held-out images, {found.even:,} of each: {100 * found.nearer:.1f} %"
    spread = found.error if math.isnan(found.scatter) else found.scatter
    said += f" (honest 50, give or take {100 * spread:.1f})."
    said += f" Nearer to training than any of {m:,} held-out images: {found.below:,} (honest {n / (m + 1):.3g})."
    return said + (f" C_T {found.z:.2f} (below -3: copies)." if found.z is not None else "")


def _beside(found: Neighbours, i: int) -> str:
    q = found.question
    name = Path(q.fakes.names[i]).name if q.fakes.names else f"number {i}"
    lines = [name if len(name) <= 16 else f"{name[:13]}...", f"train {found.train.distance[i]:.3g}"]
    if found.held_out:
        lines += [f"held-out {found.held_out.distance[i]:.3g}", f"ratio {found.suspicion[i]:.2f}"]
    return "\n".join(files.printable(line) for line in lines)


def _cell(image: np.ndarray, side: int) -> Image.Image:
    """One picture as large as fits; small ones by whole factors, so that pixels stay pixels."""
    scale = max(1, side // max(image.shape[1:]))
    return fit(sheet(image[None], columns=1, gap=0, scale=scale), side).convert("RGBA")


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        lines = [*lines[:-1], longer] if font.getlength(longer) <= width - 16 else [*lines, word]
    return lines
