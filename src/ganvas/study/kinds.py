"""Mode loss to look at: the kinds of picture that a generator leaves out, real ones beside what it draws instead.

Kinds are the classes of the extractor where it has any, else clusters of the real images in its features (k-means, as in
NDB: Richardson & Weiss 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from ganvas.data.gallery import Gallery
from ganvas.measure.classes import missing
from ganvas.measure.kmeans import kmeans
from ganvas.measure.neighbours import nearest
from ganvas.study.panels import panels
from ganvas.study.question import Question
from ganvas.study.seen import Seen
from ganvas.study.sheets import beside, sheet, write_picture

CLUSTERS = 20
ROWS, EACH = 8, 8  # kinds on the sheet, and pictures of each on either side
MANY = 100  # classes above which they are not the data's own, but ImageNet's


class Kinds(NamedTuple):
    """`names` of K kinds, their shares of the real images and their numbers of generated ones; `lost` are all but missing.

    likeness: how much each real and each generated picture is of each kind, N×K and M×K, larger is more.
    """

    question: Question
    of: Gallery
    names: tuple[str, ...]
    shares: np.ndarray
    counts: np.ndarray
    lost: list[int]
    likeness: tuple[np.ndarray, np.ndarray]


def kinds(question: Question, seed: int = 0) -> Kinds:
    """What kinds of real image there are, and how many of each were generated.

    A kind is missing with less than a fifth of its share where that is no chance (`measure.classes.missing`). Real images
    are the question's training images, or its reference. Raises BadInput where it has neither.
    """
    of = question.reference if question.train is None else question.train
    if not isinstance(of, Gallery):
        of = question.known_train()
    seen, fake = question.progress(of, question.extractor), question.fake
    known = question.generator.spec.classes if question.generator else ()
    names, likeness = _classes(seen, fake, known) or _clusters(seen, fake, seed)
    real, made = (np.bincount(one.argmax(1), minlength=len(names)) for one in likeness)
    shares = real / real.sum()
    return Kinds(question, of, names, shares, made, missing(made, shares), likeness)


def _classes(real: Seen, fake: Seen, known: Sequence[str]) -> tuple[tuple[str, ...], tuple] | None:
    if real.probabilities is None or (count := real.probabilities.shape[1]) > MANY:
        return None
    names = known if len(known) == count else range(count)
    return tuple(f"class {name}" for name in names), (real.probabilities, fake.probabilities)


def _clusters(real: Seen, fake: Seen, seed: int) -> tuple[tuple[str, ...], tuple]:
    count = min(CLUSTERS, max(2, len(real.features) // 20))
    centres = kmeans(real.features, count, seed=seed)
    likeness = tuple(-_distances(one.features, centres) for one in (real, fake))
    return tuple(f"cluster {k}" for k in range(count)), likeness


def _distances(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    found = nearest(points, centres, k=len(centres))
    out = np.empty((len(points), len(centres)))
    np.put_along_axis(out, found.indices, found.distances, 1)
    return out


def summary(found: Kinds) -> str:
    """One sentence: which are missing, of how many."""
    n, K = int(found.counts.sum()), len(found.names)
    what, who = found.names[0].split()[0], f"{found.question.weights} weights".replace("files weights", "files")
    if not found.lost:
        return (
            f"Of {n:,} generated pictures ({who}) each {what} of {K} has at least a fifth of its share, but for chance."
        )
    told = [f"{found.names[k]} ({found.counts[k]} of {n * found.shares[k]:.0f})" for k in _order(found)]
    more = f" and {len(told) - ROWS} more" if len(told) > ROWS else ""
    head = f"Missing from {n:,} generated pictures ({who}), with less than a fifth of what the data have"
    return f"{head}: {', '.join(told[:ROWS])}{more}."


def _order(found: Kinds) -> list[int]:
    """The missing ones, those first that the data have most of."""
    return sorted(found.lost, key=lambda k: -found.shares[k])


def draw(found: Kinds) -> Image.Image:
    """A row a kind, the missing first, then the rarest: real pictures of it, and the generated ones that are most like it."""
    expected = np.maximum(found.counts.sum() * found.shares, 1e-9)
    rest = [int(k) for k in np.argsort(found.counts / expected, kind="stable") if k not in found.lost]
    rows = [*_order(found), *rest][:ROWS]
    names = [f"{found.names[k]}, {found.counts[k]} of {expected[k]:.0f}{', MISSING' * (k in found.lost)}" for k in rows]
    sides = []
    for gallery, likeness in zip((found.of, found.question.fakes), found.likeness, strict=True):
        best = [int(i) for k in rows for i in np.argsort(-likeness[:, k], kind="stable")[:EACH]]
        pictures = np.stack([gallery.read(i, i + 1)[0] for i in best])
        sides.append(sheet(pictures, columns=min(EACH, len(likeness))))
    return panels([("real", beside(names, sides[0])), ("generated, most like these", sides[1])])


def write(found: Kinds, path: Path) -> None:
    """The sheet as a .png."""
    write_picture(draw(found), path)
