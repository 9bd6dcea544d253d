"""Pictures against the originals of the same names, as super-resolution and translation are scored: PSNR, SSIM, and the
distance in a network's features, which is what LPIPS is.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ganvas.data.gallery import Gallery
from ganvas.data.pixels import WHITE
from ganvas.errors import BadInput
from ganvas.files import printable
from ganvas.measure.pictures import l1, luma, psnr, ssim
from ganvas.measure.sharpness import sharpness
from ganvas.study.card import Card, Score, finite
from ganvas.study.extractors import BATCH, Extractor

METRICS = {"psnr": psnr, "ssim": ssim, "l1": l1, "sharpness": sharpness}
DISTANCE = "distance"


class Paired(NamedTuple):
    """The mean of each metric over the pairs, and a row for each pair: {"name": …, "psnr": …, "ssim-y": …, "distance": …}."""

    scores: list[Score]
    rows: list[dict[str, Any]]


def paired(
    a: Gallery, b: Gallery, metrics: Sequence[str] = ("psnr", "ssim"), crop: int = 0, say: Callable[[str], None] = print,
    extractor: Extractor | None = None,
) -> Paired:  # fmt: skip
    """Pictures of `a` against those of equal name (folder included, suffix not) of `b`.

    White is 255, 65535 or 1 by depth. Over all channels, and for colour also over luma (BT.601, "psnr-y"), which papers
    on super-resolution give. "distance": the squared Euclidean distance of the extractor's features; of features scaled
    as Zhang et al. (2018, equation 1) scale them that is their LPIPS, but it is called by the extractor's name. crop:
    pixels left out on each side. Names without partner are told to `say`. A row of an equal pair has psnr None, for
    infinite. Raises BadInput where names, sizes or depths do not meet.
    """
    first, second = _stems(a), _stems(b)
    both = [name for name in first if name in second]
    if not both:
        raise BadInput(f"{a.name} and {b.name} share no file name: psnr and ssim compare pictures of equal names")
    for gallery, mine, others in ((a, first, second), (b, second, first)):
        if alone := [name for name in mine if name not in others]:
            shown = ", ".join(map(printable, alone[:3])) + (f" and {len(alone) - 3:,} more" if len(alone) > 3 else "")
            say(f"{gallery.name}: {len(alone):,} of {gallery.n:,} without a partner: {shown}")
    rows, peaks, alike = [], set(), [name for name in metrics if name in METRICS]
    for name in both:
        x, y = a.read(first[name], first[name] + 1)[0], b.read(second[name], second[name] + 1)[0]
        if x.shape != y.shape or x.dtype != y.dtype:
            kinds = " and ".join(f"{'×'.join(map(str, z.shape))} of {z.dtype}" for z in (x, y))
            raise BadInput(f"{printable(name)} is {kinds}: psnr and ssim compare pictures of one size and depth")
        peaks.add(WHITE[x.dtype.name])
        try:
            rows.append({"name": name} | _row(x, y, alike, crop))
        except BadInput as error:
            raise BadInput(f"{printable(name)}: {error}") from None
    settings = f"crop {crop}, peak {' and '.join(map(str, sorted(peaks)))}"
    scores = [_mean(key, rows, a, b, settings) for key in dict.fromkeys(k for row in rows for k in row if k != "name")]
    if DISTANCE in metrics:
        if extractor is None:
            raise BadInput("distance is one of features: give --extractor")
        places = [(first[name], second[name]) for name in both]
        for row, found in zip(rows, _distances(a, b, places, crop, extractor), strict=True):
            row[DISTANCE] = found
        scores.append(_mean(DISTANCE, rows, a, b, f"crop {crop}", extractor))
    return Paired(scores, [{key: finite(v) if key != "name" else v for key, v in row.items()} for row in rows])


def _distances(
    a: Gallery, b: Gallery, places: list[tuple[int, int]], crop: int, extractor: Extractor
) -> Iterator[float]:
    """‖f(x) − f(y)‖² of each pair; as many pairs of one size as the extractor looks at together."""
    waiting: list[tuple[np.ndarray, ...]] = []
    inner = slice(crop, -crop or None)

    def done() -> list[float]:
        x, y = (extractor(side)[0].astype(np.float64) for side in zip(*waiting, strict=True)) if waiting else ((), ())
        waiting.clear()
        return [float(((one - other) ** 2).sum()) for one, other in zip(x, y, strict=True)]

    for i, j in places:
        pair = tuple(gallery.read(at, at + 1)[0][:, inner, inner] for gallery, at in ((a, i), (b, j)))
        if waiting and (len(waiting) == BATCH or waiting[0][0].shape != pair[0].shape):
            yield from done()
        waiting.append(pair)
    yield from done()


def _stems(gallery: Gallery) -> dict[str, int]:
    """Names without suffix, and where they are. Raises BadInput for two of one name: which is meant is unknown."""
    stems = [str(Path(name).with_suffix("")) for name in gallery.names]
    if not stems:
        raise BadInput(f"{gallery.name} is an array, whose pictures have no names: psnr and ssim compare two folders")
    name, times = Counter(stems).most_common(1)[0]
    if times > 1:
        twins = [full for full, stem in zip(gallery.names, stems, strict=True) if stem == name]
        raise BadInput(f"{gallery.name} holds {' and '.join(map(printable, twins))}: leave one of them")
    return {stem: i for i, stem in enumerate(stems)}


def _row(x: np.ndarray, y: np.ndarray, metrics: Sequence[str], crop: int) -> dict[str, float]:
    peak = WHITE[x.dtype.name]
    found = {key: METRICS[key](x, y, crop=crop, peak=peak) for key in metrics}
    if len(x) == 3:
        brightness = [luma(z.astype(np.float64) * (255 / peak)) for z in (x, y)]  # 16 … 235 of 255 at any depth
        found |= {f"{key}-y": METRICS[key](*brightness, crop=crop) for key in metrics if key != "l1"}
    return found


def _mean(
    key: str, rows: Sequence[dict[str, Any]], a: Gallery, b: Gallery, settings: str, extractor: Extractor | None = None
) -> Score:
    values = [row[key] for row in rows if key in row]
    n, equal = len(values), sum(not np.isfinite(value) for value in values)
    name, fingerprint, settings = b.name, b.fingerprint, f"{settings}, {n:,} of {a.n:,} pairs"
    seen = (extractor.name, extractor.digest, extractor.resize) if extractor else ("pixels", "", "none")
    card = Card(*seen, name, fingerprint, n, n, 0, "files", settings=settings)
    if extractor:
        return Score(f"{key} in {extractor.name}", float(np.mean(values)), card)
    note = f"{equal:,} pair{'s' * (equal != 1)} equal to the last bit, whose PSNR is infinite" if equal else ""
    if key.startswith("sharpness"):
        return Score(key, float(np.mean(values)), card, 1.0, better="")
    return Score(key, float(np.mean(values)), card, better="lower" if key in ("l1", DISTANCE) else "higher", note=note)
