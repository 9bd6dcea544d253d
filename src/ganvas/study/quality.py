"""How good is a direction? Does it separate what it should, does it move it, and what else does it move?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ganvas.measure.strokes import STROKES
from ganvas.study.attributes import see, within
from ganvas.study.directions import Direction
from ganvas.study.latents import Places, random_places
from ganvas.study.sample import Generator

LATENTS, SEED = 500, 2  # latents that no direction was fitted on


class Quality(NamedTuple):
    """Of a direction at one strength, on held-out latents.

    auc, accuracy: how well z's place along the direction tells pictures with more of the attribute from those with less
    (than the median of their label; .5 is chance); None where the direction has no attribute. moved: for each attribute,
    by how many of its standard deviations its mean goes when z goes `strength` ahead, less when it goes as far back,
    halved. kept: the share of pictures, moved ahead or back, in which the classifier sees the class it saw before; None
    where no classifier suits the data. noise: what `kept` is for a random direction of equal length.
    """

    strength: float
    moved: dict[str, float]
    kept: float | None
    noise: float | None
    auc: float | None
    accuracy: float | None


def quality(
    generator: Generator, direction: Direction, strength: float = 1.0, attribute: str = "", n: int = LATENTS, seed: int = SEED
) -> Quality:  # fmt: skip
    """On the first n latents of `seed`. attribute: what it should move; by default what it was fitted on."""
    attribute = attribute or direction.about.get("attribute", "")
    names = [*STROKES, *[attribute] * (attribute not in STROKES and bool(attribute))]
    places = random_places(generator, n, seed)
    before = see(generator, places)
    ahead, back = (see(generator, direction.move(places, s)) for s in (strength, -strength))
    moved = {}
    for name in names:
        spread = before.values(name).std()
        gone = (ahead.values(name) - back.values(name)).mean() / 2
        moved[name] = float(gone / spread) if spread > 0 else 0.0
    kept = noise = auc = accuracy = None
    if before.classes is not None:
        kept = _kept(before.classes, ahead.classes, back.classes)
        random = np.random.default_rng(seed).standard_normal(len(direction.vector))
        random *= np.linalg.norm(direction.vector) / np.linalg.norm(random)
        nowhere = Direction(random, "random")
        noise = _kept(before.classes, *(see(generator, nowhere.move(places, s)).classes for s in (strength, -strength)))
    if attribute:
        y = within(places, before.values(attribute), generator)
        auc, accuracy = separability(places.z @ direction.vector, y > np.median(y))
    return Quality(float(strength), moved, kept, noise, auc, accuracy)


def _kept(before: np.ndarray, *after: np.ndarray) -> float:
    return float(np.mean([classes == before for classes in after]))


def separability(along: np.ndarray, positive: np.ndarray) -> tuple[float, float]:
    """AUC (the chance that one that is positive lies farther along than one that is not), and the accuracy of the cut
    that calls as many positive as there are."""
    ranks = np.empty(len(along))
    ranks[np.argsort(along, kind="stable")] = np.arange(1, len(along) + 1)
    n, m = int(positive.sum()), int((~positive).sum())
    auc = (ranks[positive].sum() - n * (n + 1) / 2) / (n * m)
    return float(auc), float(((ranks > m) == positive).mean())


def leave_one_out(plus: Places, minus: Places) -> float:
    """The share of picked pictures that fall on their own side of the middle between the means of all the others."""
    right = 0
    for group, other, sign in ((plus, minus, 1), (minus, plus, -1)):
        for k in range(group.n):
            mine, theirs = np.delete(group.z, k, 0).mean(0), other.z.mean(0)
            right += sign * ((group.z[k] - (mine + theirs) / 2) @ (sign * (mine - theirs))) > 0
    return right / (plus.n + minus.n)


def words(found: Quality, attribute: str = "") -> str:
    """In two or three lines."""
    lines = []
    if found.auc is not None:
        lines.append(
            f"tells more from less {attribute} on held-out latents: AUC {found.auc:.3f}, accuracy {found.accuracy:.1%}"
        )
    main = [f"{name} {by:+.2f}" for name, by in found.moved.items() if name == attribute]
    rest = [f"{name} {by:+.2f}" for name, by in found.moved.items() if name != attribute]
    moved = " · ".join([*main, ("else " if main else "") + ", ".join(rest)])
    lines.append(f"at strength {found.strength:g}, in standard deviations: {moved}")
    if found.kept is not None:
        lines.append(
            f"the classifier sees the same class as before in {found.kept:.1%} (random direction: {found.noise:.1%})"
        )
    return "\n".join(lines)
