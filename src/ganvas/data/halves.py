"""Pictures that hold two side by side, the way pix2pix's data sets are published: told from plain ones, cut apart."""

from collections.abc import Mapping

import numpy as np

from ganvas.data.decode import Entry
from ganvas.data.images import BadImage, Header, read_image
from ganvas.data.layouts import LAYOUTS, Problem
from ganvas.data.pixels import is_grey
from ganvas.errors import BadInput

SEAM = 2.0  # see `_seam`: measured 4.7 on facades, and at most 0.8 on three folders of photographs and drawings
_LOOKED_AT = 16  # pictures whose middle is looked at


def side_by_side(
    path: str, headers: Mapping[str, Header], entries: Mapping[str, Entry]
) -> tuple[set[str], list[Problem]]:
    """The pictures that are two, and those among them that are not. Raises `BadInput` where it is a folder of others.

    They are two where most are twice as wide as high, to 2 %; or where all are of one size, wider than high, and most
    of a sample have a seam in the middle.
    """
    sizes = {(h.height, h.width) for h in headers.values()}
    twice = {name for name, h in headers.items() if abs(h.width - 2 * h.height) <= max(1, 0.04 * h.height)}
    if 2 * len(twice) <= len(headers) and headers:
        height, width = next(iter(sizes))
        if len(sizes) > 1 or width % 2 or width <= height or _seam(headers, entries) < SEAM:
            raise BadInput(f"{path} holds single pictures, and two kinds are wanted; understood are {LAYOUTS}")
        twice = set(headers)
    fit = {name for name in twice if headers[name].width % 2 == 0}
    problems = [
        Problem("shape", (name,), f"{h.height}×{h.width}{', an odd width' if name in twice else ''}")
        for name, h in headers.items()
        if name not in fit
    ]
    return fit, problems


def _seam(headers: Mapping[str, Header], entries: Mapping[str, Entry]) -> float:
    """How much the two columns in the middle differ, over what nine in ten neighbours stay under: the median of some."""
    ratios = []
    for name in list(headers)[:: max(1, len(headers) // _LOOKED_AT)]:
        try:
            image = read_image(entries[name].content()).astype(np.float32)
        except (BadImage, OSError):
            continue
        steps = np.abs(np.diff(image, axis=2)).mean((0, 1))
        middle = len(steps) // 2
        ratios.append(steps[middle] / max(np.percentile(np.delete(steps, middle), 90), 1e-3))
    return float(np.median(ratios)) if ratios else 0.0


def without_colour(images: np.ndarray) -> np.ndarray:
    """One channel of three where no picture has any colour."""
    return images[:, :1] if images.shape[1] == 3 and all(map(is_grey, images)) else images
