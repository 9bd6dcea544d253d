"""Pictures that are nearly the same: difference hashes find candidates, small versions confirm them.

A difference hash (dHash) says of 64 places whether the picture gets brighter to the right there; what is re-encoded, scaled
or slightly retouched keeps nearly all of its bits. Simple pictures (a stroke on black) share bits without being the same,
so a candidate counts only where the two small versions agree as well.
"""

from collections.abc import Callable

import numpy as np

ROWS, COLUMNS = 16, 18  # of a small version: twice the 8×9 cells of a dHash
STEP = 2.0  # grey levels of 255: less than this is no edge but noise, whose sign means nothing
BITS = 6  # of 64 that may differ
ALIKE = 0.995  # correlation of the small versions: no two of 20,000 MNIST digits have it; at .99, 42 do
SHIFT = 0.06  # of the range from black to white: difference of their mean brightness
BLOCK, MOST = 256, 16  # rows compared at a time; candidates confirmed for each


def thumbnails(grey: np.ndarray) -> np.ndarray:
    """N×H×W brightness in [0, 1], of any H and W → N×16×18 uint8: means over equal cells, exact where cells cut pixels."""
    for axis, cells in ((1, ROWS), (2, COLUMNS)):
        grey = _cells(grey, axis, cells)
    return np.rint(255 * np.clip(grey, 0, 1)).astype(np.uint8)


def _cells(x: np.ndarray, axis: int, cells: int) -> np.ndarray:
    """Means of `cells` equal parts of an axis: differences of its integral, which is linear inside a pixel."""
    size = x.shape[axis]
    integral = np.cumsum(x, axis, dtype=np.float32)
    integral = np.concatenate([np.zeros_like(integral.take([0], axis)), integral], axis)
    at = np.linspace(0, size, cells + 1)
    whole = np.minimum(at.astype(int), size - 1)
    part = np.expand_dims((at - whole).astype(np.float32), [k for k in range(x.ndim) if k != axis])
    reached = integral.take(whole, axis) + part * x.take(whole, axis)
    return np.diff(reached, axis=axis) * np.float32(cells / size)


def dhash(thumbs: np.ndarray) -> np.ndarray:
    """N×16×18 uint8 → N×64 truth values: is cell (i, j + 1) of 8×9 brighter than cell (i, j)?"""
    n = len(thumbs)
    cells = thumbs.reshape(n, 8, 2, 9, 2).mean((2, 4))
    return (cells[:, :, 1:] > cells[:, :, :-1] + STEP).reshape(n, 64)


def twins(
    thumbs: np.ndarray, among: np.ndarray | None = None, advance: Callable[[int], None] = lambda k: None
) -> np.ndarray:
    """For each of N small versions the row of the one most like it, or −1 where none is nearly the same.

    among: M×16×18, where they are looked for; not given: among the earlier ones of the N themselves, so that of k equal
    pictures k − 1 have a twin. Time grows with N·M, memory with M; `advance` is told of rows that are done.
    """
    here, base = thumbs, thumbs if among is None else among
    found = np.full(len(here), -1)
    if not len(base):
        return found
    signs = [np.where(dhash(part), np.float32(1), np.float32(-1)) for part in (here, base)]
    for start in range(0, len(here), BLOCK):
        rows = slice(start, min(start + BLOCK, len(here)))
        reach = len(base) if among is not None else rows.stop
        equal = signs[0][rows] @ signs[1][:reach].T  # bits that agree less bits that differ
        if among is None:
            equal[:, start:][np.triu_indices(rows.stop - start)] = -64
        row, column = np.nonzero(equal >= 64 - 2 * BITS)
        if len(row):
            row, column = _nearest(row, column, -equal[row, column])
            likeness = _alike(here[rows][row], base[column])
            for k in np.flatnonzero(likeness >= ALIKE)[np.argsort(likeness[likeness >= ALIKE], kind="stable")]:
                found[start + row[k]] = column[k]  # the most alike comes last
        advance(rows.stop - rows.start)
    return found


def _nearest(row: np.ndarray, column: np.ndarray, differ: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The candidates with the fewest differing bits, at most `MOST` of each row."""
    order = np.lexsort((differ, row))
    row, column = row[order], column[order]
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    return row[rank < MOST], column[rank < MOST]


def _alike(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Correlation of small versions, pair by pair; 0 where one is flat or their brightness differs."""
    a, b = (part.reshape(len(part), -1).astype(np.float32) / 255 for part in (a, b))
    means = a.mean(1), b.mean(1)
    a, b = a - means[0][:, None], b - means[1][:, None]
    scale = np.sqrt((a * a).sum(1) * (b * b).sum(1))
    flat = scale < a.shape[1] * (STEP / 255) ** 2
    apart = flat | (np.abs(means[0] - means[1]) > SHIFT)
    return np.where(apart, 0, (a * b).sum(1) / np.maximum(scale, 1e-6))
