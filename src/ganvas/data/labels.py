"""Labels to ask a generator for: all of them in turn, a few that stand for all, and the ones a user names."""

import csv
import difflib
import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from ganvas.data.source import Column, DataSpec
from ganvas.errors import BadInput

Wanted = int | str | Mapping[str, Any]

_STEPS = ((-1.0, 0.0, 1.0), (-1.0, 1.0), (0.0,))  # values of a number in a grid, as far as there is room
_BASES = (2, 3, 5, 7, 11, 13)  # of Halton's sequence; in larger ones its first hundreds are not spread at all
_COUNTED = 1024  # combinations of categories that are gone through one by one


def in_turn(spec: DataSpec, index: np.ndarray) -> np.ndarray:
    """The label of picture `index` where nobody asks for one: every class, every combination of categories, in turn.

    index: N positions from 0; label i depends on position i alone. With a number among the columns, or more than 1,024
    combinations, the labels are evenly spread over all columns. N int64, or N×K float32: see `DataSpec`. Without
    labels: N zeros.
    """
    index, levels = np.asarray(index, np.int64), spec.levels or (1,)
    if (len(levels) > 1 and math.prod(levels) > _COUNTED) or not all(levels):
        return _halton(spec, index)
    return _labels(spec, np.unravel_index(index % math.prod(levels), levels))


def spread(spec: DataSpec, n: int) -> np.ndarray:
    """`n` labels that stand for all, always the same: all in turn, or where they are more than `n`, some evenly chosen.

    For statistics of what a conditional generator makes, and for rows of a sheet. Shapes as `in_turn`.
    """
    return (in_turn if math.prod(spec.levels) <= n else _halton)(spec, np.arange(n))


def rows(spec: DataSpec, most: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels for the rows of a sheet, in order, and what to write beside them: one of each class, `most` at most.

    With several columns: every combination, a number at its lowest, middle and highest, or where that is too many at
    both ends, or at its middle. Where all are more than `most` even so, some that stand for all.
    """
    grids = [[range(n) if n else steps for n in spec.levels] for steps in _STEPS]
    grid = next((grid for grid in grids if math.prod(map(len, grid)) <= most), None)
    found = list(product(*grid)) if grid else sorted(spread(spec, most).reshape(most, -1).tolist())
    labels = np.array(found, np.float32) if spec.columns else np.array(found, np.int64)[:, 0]
    return labels, tuple(name_of(spec, label) for label in labels)


def name_of(spec: DataSpec, label: np.ndarray) -> str:
    """A label in words, as `told` takes it: "cat", or "colour=red, size=0.7"."""
    if not spec.columns:
        return spec.classes[int(label)]
    return ", ".join(
        f"{c.name}={c.classes[int(value)]}" if c.classes else f"{c.name}={_unscaled(c, value):.3g}"
        for c, value in zip(spec.columns, label, strict=True)
    )


def told(spec: DataSpec, wanted: Wanted | None, index: np.ndarray) -> np.ndarray:
    """The labels of pictures `index` for whom this is asked; what is not asked runs on `in_turn`.

    wanted: a class by its name or its index (a string is a name first; an int is an index); for several columns a
    mapping or "colour=red,size=0.7", numbers in the data's own units. Raises `BadInput`.
    """
    labels = in_turn(spec, index)
    if wanted is None:
        return labels
    if not spec.columns:
        if isinstance(wanted, Mapping):
            raise BadInput(f"{spec.name} has one column of classes: give a class, not columns")
        labels[:] = _class(spec.name, spec.classes, wanted)
        return labels
    for name, value in _pairs(spec, wanted):
        k = next((k for k, column in enumerate(spec.columns) if column.name == name), None)
        if k is None:
            raise BadInput(
                f"{spec.name} has no column {name!r}: its columns are {_list([c.name for c in spec.columns])}"
            )
        labels[:, k] = _value(spec.columns[k], value)
    return labels


def _pairs(spec: DataSpec, wanted: Wanted) -> list[tuple[str, Any]]:
    if isinstance(wanted, Mapping):
        return list(wanted.items())
    parts = next(csv.reader([str(wanted)], skipinitialspace=True), [])
    if len(spec.columns) == 1 and len(parts) == 1 and "=" not in parts[0]:
        return [(spec.columns[0].name, parts[0])]
    pairs = [tuple(map(str.strip, part.split("=", 1))) for part in parts]
    if not pairs or any(len(pair) != 2 for pair in pairs):
        example = ",".join(f"{c.name}={c.classes[0] if c.classes else format(c.range[1], 'g')}" for c in spec.columns)
        raise BadInput(f"{spec.name} has labels of {len(spec.columns)} columns, not {str(wanted)!r}: write {example}")
    return pairs


def _value(column: Column, value: Any) -> float:
    if column.classes:
        return _class(f"column {column.name}", column.classes, value)
    low, high = column.range
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    slack = (high - low) / 100  # numbers are shown rounded, and may be asked for as shown
    if not low - slack <= number <= high + slack:
        raise BadInput(f"column {column.name} takes a number from {low:g} to {high:g}, as in the data, not {value!r}")
    return min(max(2 * (number - low) / (high - low) - 1, -1.0), 1.0)


def _unscaled(column: Column, value: float) -> float:
    low, high = column.range
    return low + (float(value) + 1) / 2 * (high - low)


def _class(where: str, classes: Sequence[str], wanted: Any) -> int:
    """The index of a class; a string that is a name is never taken for an index."""
    if isinstance(wanted, str) and wanted in classes:
        return classes.index(wanted)
    index = int(wanted) if isinstance(wanted, int | np.integer) or str(wanted).isdecimal() else -1
    if 0 <= index < len(classes):
        return index
    by_case = {name.lower(): name for name in classes}
    near = difflib.get_close_matches(str(wanted).lower(), by_case, 3, 0.6)
    hint = f"perhaps {_list([by_case[n] for n in near])}?" if near else f"its classes are {_list(classes)}"
    raise BadInput(f"{where} has no class {wanted!r}: {hint} (or an index from 0 to {len(classes) - 1})")


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (f", … {names[-1]}" if len(names) > 12 else "")


def _labels(spec: DataSpec, columns: Sequence[np.ndarray]) -> np.ndarray:
    return np.stack(columns, 1).astype(np.float32) if spec.columns else columns[0].astype(np.int64)


def _halton(spec: DataSpec, index: np.ndarray) -> np.ndarray:
    """Labels of which every stretch is evenly spread over all columns together (Halton 1960); from the seventh on
    columns are drawn.
    """
    u = [_radical_inverse(index + 1, base) for base, _ in zip(_BASES, spec.levels, strict=False)]
    if more := len(spec.levels) - len(u):
        u += list(np.stack([np.random.default_rng([0, int(i)]).random(more) for i in index], 1))
    return _labels(spec, [np.floor(x * n) if n else 2 * x - 1 for x, n in zip(u, spec.levels, strict=True)])


def _radical_inverse(index: np.ndarray, base: int) -> np.ndarray:
    """The digits of `index` in this base, mirrored at the point: 1, 2, 3 → .1, .01, .11 in base 2."""
    found, unit = np.zeros(index.shape), 1.0
    while index.any():
        unit /= base
        found += unit * (index % base)
        index = index // base
    return found
