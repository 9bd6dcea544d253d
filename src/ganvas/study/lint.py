"""What is wrong with a set of pictures, before anything is learned from it (SCIENCE 2.1 r). Pure: digests in, findings out.

A digest is a few hundred bytes a picture, so that 90,000 are looked at in the memory of a few. Findings are ids and
numbers; their sentences, and what to do, stand in the catalogues under "data.ID".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from ganvas.data.arrays import content_hashes
from ganvas.data.pixels import WHITE, is_grey
from ganvas.measure.twins import thumbnails, twins

MANY = 0.01  # the share of duplicates, flat or overlapping pictures above which something should be done
FEW, VERY_FEW = 5_000, 500  # pictures below which D overfits within an ordinary run; within minutes
FLAT = 2 / 255  # of the range from black to white
DARK = {16: 4096 / 65535, 8: 64 / 255}  # whole sets that stay below were saved in a deeper type than they have
BLOWN = 252 / 255  # mean brightness of pictures whose 16 bits were cut off at 255
LOST = 0.25  # share of a picture that a crop to the usual shape cuts off
SCARCE = 0.2  # of an even share; a class below it is hardly learned
LISTED = 50  # names kept of a finding

Level = Literal["bad", "warn", "note"]


class Finding(NamedTuple):
    """One thing that was found. `fields` are those of its sentences; `names` the files, or pairs of them ("a = b").

    bad: nothing can be learned from these data as they are. warn: worth mending. note: worth knowing.
    """

    id: str
    level: Level
    fields: Mapping[str, Any]
    names: tuple[str, ...] = ()


class Digests(NamedTuple):
    """What is kept of N pictures. `low`, `high`: N×4, of each channel from 0 (black) to 1 (white), nan where there is none.

    keys: uint64 of the pixels. shape: N×3, C×H×W. veiled: hidden colour varies where opacity is 0 and not elsewhere.
    """

    names: tuple[str, ...]
    keys: np.ndarray
    shape: np.ndarray
    bits: np.ndarray
    thumbs: np.ndarray
    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    grey: np.ndarray
    alpha: np.ndarray
    veiled: np.ndarray

    def rows(self, index: np.ndarray) -> Digests:
        """These of them."""
        names = tuple(self.names[i] for i in np.arange(len(self.names))[index])
        return Digests(names, *(part[index] for part in self[1:]))

    @property
    def flat(self) -> np.ndarray:
        """Which are one colour, beside the brightest of them all: sets that are too dark as a whole are another matter."""
        return np.nanmax(self.high - self.low, 1) <= FLAT * np.nanmax(self.high)


def digest(names: Sequence[str], images: np.ndarray, scale: tuple[float, float] | None = None) -> Digests:
    """Of N×C×H×W pictures of one size. scale: their values of black and white; not given: of their type.

    2 and 4 channels end in opacity; what is seen then is laid on white, as training does.
    """
    n, channels, height, width = images.shape
    black, white = scale or (0, WHITE[images.dtype.name])
    x, veiled = images, np.zeros(n, bool)
    if channels in (2, 4):
        opacity = images[:, -1:].astype(np.float32) / np.float32(white)
        veiled = np.array([_veiled(*pair) for pair in zip(images[:, :-1] / white, opacity, strict=True)])
        x = images[:, :-1] * opacity + (1 - opacity) * np.float32(white)
    ends = np.full((2, n, 4), np.nan, np.float32)
    for k, end in enumerate((x.min((2, 3)), x.max((2, 3)))):
        ends[k, :, : min(x.shape[1], 4)] = (end[:, :4].astype(np.float32) - black) / (white - black)
    weights = (0.299, 0.587, 0.114) if x.shape[1] == 3 else (1.0,)
    brightness = sum(np.float32(weight) * x[:, k] for k, weight in enumerate(weights))
    brightness = (brightness - np.float32(black)) / np.float32(white - black)
    return Digests(
        tuple(names),
        content_hashes(images),
        np.tile((channels, height, width), (n, 1)),
        np.full(n, 8 * images.dtype.itemsize),
        thumbnails(brightness),
        *ends,
        brightness.mean((1, 2)),
        np.array([is_grey(picture) for picture in x]),
        np.full(n, channels in (2, 4)),
        veiled,
    )


def _veiled(colour: np.ndarray, opacity: np.ndarray) -> bool:
    """Does the colour vary where nothing is seen of it, and nowhere else?"""
    hidden = np.broadcast_to(opacity < 0.02, colour.shape)
    if not hidden.any() or hidden.all():
        return bool(hidden.all() and np.ptp(colour) > FLAT)
    return bool(np.ptp(colour[hidden]) > 0.1 and np.ptp(colour[~hidden]) <= FLAT)


def together(parts: Sequence[Digests]) -> Digests:
    """One after the other."""
    columns = list(zip(*parts, strict=True))
    return Digests(tuple(name for names in columns[0] for name in names), *map(np.concatenate, columns[1:]))


def findings(
    seen: Digests,
    classes: Mapping[str, int] | None = None,
    other: Digests | None = None,
    advance: Callable[[int], None] = lambda k: None,
) -> list[Finding]:
    """Everything but what cannot be read. classes: pictures of each. other: those that must not be trained on."""
    if not len(seen.names):
        return []
    solid = seen.rows(~seen.flat)
    checks = (
        *_duplicates(seen, solid, advance),
        *([_overlap(solid, other.rows(~other.flat))] if other is not None and len(other.names) else ()),
        _flat(seen),
        *_range(seen),
        *_channels(seen),
        _aspect(seen),
        _imbalance(classes or {}),
        _few(len(seen.names)),
    )
    return [finding for finding in checks if finding]


def _share(id: str, count: int, total: int, names: Sequence[str]) -> Finding | None:
    """A finding that is worth a word from the first picture on, and worth mending from 1 %."""
    level: Level = "warn" if count > MANY * total else "note"
    return Finding(id, level, {"n": count, "share": count / total}, tuple(names[:LISTED])) if count else None


def _duplicates(seen: Digests, solid: Digests, advance: Callable[[int], None]) -> list[Finding | None]:
    """Equal pixels, and nearly equal pictures; of each group all but the first count. Flat ones are told elsewhere."""
    _, first, which = np.unique(solid.keys, return_index=True, return_inverse=True)
    again = np.flatnonzero(first[which] != np.arange(len(which)))
    exact = [f"{solid.names[i]} = {solid.names[first[which[i]]]}" for i in again]
    rest = solid.rows(np.sort(first))
    like = twins(rest.thumbs, advance=advance)
    near = [f"{rest.names[i]} ≈ {rest.names[like[i]]}" for i in np.flatnonzero(like >= 0)]
    total = len(seen.names)
    return [_share("duplicates", len(exact), total, exact), _share("near", len(near), total, near)]


def _overlap(seen: Digests, other: Digests) -> Finding | None:
    """Pictures of the other set that are, or nearly are, among those to train on."""
    known = dict(zip(seen.keys.tolist(), seen.names, strict=True))
    like = twins(other.thumbs, seen.thumbs)
    same = [
        known.get(key) or (seen.names[like[i]] if like[i] >= 0 else "") for i, key in enumerate(other.keys.tolist())
    ]
    pairs = [f"{name} ≈ {twin}" for name, twin in zip(other.names, same, strict=True) if twin]
    return _share("overlap", len(pairs), len(other.names), pairs)


def _flat(seen: Digests) -> Finding | None:
    names = [name for name, flat in zip(seen.names, seen.flat, strict=True) if flat]
    found = _share("flat", len(names), len(seen.names), names)
    return found._replace(level="bad") if found and len(names) == len(seen.names) else found


def _range(seen: Digests) -> list[Finding | None]:
    """Whole sets that were saved with a wrong scale, and pictures of which only the hidden part has colour."""
    found: list[Finding | None] = []
    top = float(np.nanmax(seen.high))
    for bits, least in DARK.items():
        if (seen.bits == bits).all() and top < least and not seen.flat.all():
            found.append(Finding(f"dark{bits}", "warn", {"peak": round(top * (2**bits - 1)), "white": 2**bits - 1}))
    if np.median(seen.mean) > BLOWN and not seen.flat.all():
        found.append(Finding("blown", "warn", {"mean": 255 * float(np.median(seen.mean))}))
    veiled = [name for name, hidden in zip(seen.names, seen.veiled, strict=True) if hidden]
    return [*found, _share("veiled", len(veiled), len(seen.names), veiled)]


def _channels(seen: Digests) -> list[Finding | None]:
    used = np.isfinite(seen.high).any(0)
    spread = np.nanmax(seen.high[:, used], 0) - np.nanmin(seen.low[:, used], 0)
    idle = np.flatnonzero(spread <= FLAT)
    found: list[Finding | None] = []
    if len(idle) and len(idle) < len(spread):
        found.append(Finding("channels", "warn", {"n": len(idle), "which": ", ".join(str(k + 1) for k in idle)}))
    if seen.grey.all():
        found.append(Finding("grey", "note", {"n": len(seen.names)}))
    if len(kinds := Counter(map(int, seen.bits))) > 1:
        found.append(Finding("depths", "note", {"kinds": ", ".join(f"{n:,} × {bits}" for bits, n in kinds.items())}))
    if count := int(seen.alpha.sum()):
        found.append(Finding("alpha", "note", {"n": count}))
    return found


def _aspect(seen: Digests) -> Finding | None:
    """How much a crop to the usual shape cuts off; mended by cropping, or by leaving out what is most unlike the rest."""
    _, height, width = seen.shape.T
    ratio = width / height
    usual = float(np.median(ratio))
    lost = 1 - np.minimum(ratio, usual) / np.maximum(ratio, usual)
    cut = np.flatnonzero(lost > LOST)
    fields = {"usual": usual, "least": float(ratio.min()), "most": float(ratio.max()), "lost": LOST}
    found = _share("aspect", len(cut), len(ratio), [seen.names[i] for i in cut])
    return found and found._replace(
        level="warn" if len(cut) > 0.1 * len(ratio) else "note", fields={**found.fields, **fields}
    )


def _imbalance(classes: Mapping[str, int]) -> Finding | None:
    if len(classes) < 2:
        return None
    even = sum(classes.values()) / len(classes)
    scarce = sorted((n, name) for name, n in classes.items() if n < SCARCE * even)
    if not scarce:
        return None
    (least, rarest), (most, common) = scarce[0], max((n, name) for name, n in classes.items())
    fields = {"n": len(scarce), "rarest": rarest, "least": least, "common": common, "most": most, "even": even}
    return Finding("imbalance", "warn", fields, tuple(f"{name}: {n}" for n, name in scarce[:LISTED]))


def _few(n: int) -> Finding | None:
    if n < 2:
        return Finding("too_few", "bad", {"n": n})
    if n >= FEW:
        return None
    return Finding("few", "note", {"n": n}) if n >= VERY_FEW else Finding("very_few", "warn", {"n": n})
