"""labels.csv, and what columns of words and numbers say as labels: classes, several columns, real numbers."""

import csv
import io
import math
import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ganvas.data.source import Column
from ganvas.errors import BadInput
from ganvas.files import printable

LABELS = "labels.csv"
_FILE = ("file", "filename", "image", "path")
MOST_CLASSES = 20  # whole numbers with more different values than this, beside other columns, are a quantity


class Labels(NamedTuple):
    """The labels of N pictures: N int64 of `classes`, N×K float32 of `columns` (see `DataSpec`), or None; remarks."""

    values: np.ndarray | None
    classes: tuple[str, ...]
    columns: tuple[Column, ...]
    notes: list[str]


class Table(NamedTuple):
    heads: list[str]
    rows: dict[str, tuple[str, ...]]  # by the path of the picture
    notes: list[str]


def read_table(table: bytes, folder: str = "") -> Table:
    """A labels.csv: a first line that names the columns, one of them the file, all others the label.

    Paths are relative to `folder`. Raises `BadInput` for what is no such table, naming the line.
    """
    reader = csv.reader(io.StringIO(_text(table), newline=""), strict=True)
    try:
        lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise BadInput(f"{LABELS}: line {reader.line_num}: {error}; save it as text with commas") from error
    heads = lines[0][1] if lines else []
    file = next((k for name in _FILE for k, head in enumerate(heads) if head.lower() == name), None)
    unnamed = [k for k, head in enumerate(heads) if not head]
    asked = [k for k in range(len(heads)) if k != file and k not in unnamed]
    if file is None or not asked:
        raise BadInput(f"{LABELS} needs a first line that names the columns, with commas: file,label")
    names = [heads[k] for k in asked]
    if twice := next((name for k, name in enumerate(names) if name in names[:k]), None):
        raise BadInput(f"{LABELS}: two columns are called {printable(twice)}; rename or remove one")
    found: dict[str, tuple[int, tuple[str, ...]]] = {}
    for number, row in lines[1:]:
        while len(row) > len(heads) and not row[-1]:
            row.pop()  # commas at the end, as spreadsheets leave them
        if len(row) != len(heads):
            what = "add what is missing" if len(row) < len(heads) else "put text that holds a comma between quotes"
            count = f"{len(row)} cell{'s' * (len(row) != 1)} where its first line has {len(heads)}"
            raise BadInput(f"{LABELS}: line {number} has {count}; {what}")
        for k in (file, *asked):
            if not row[k]:
                advice = "fill it in, or remove the line and its picture"
                raise BadInput(f"{LABELS}: line {number} has an empty cell in column {printable(heads[k])}; {advice}")
        name, label = folder + row[file].removeprefix("./"), tuple(row[k] for k in asked)
        if name in found and found[name][1] != label:
            raise BadInput(
                f"{LABELS}: lines {found[name][0]} and {number} give {printable(row[file])} two labels; remove one"
            )
        found.setdefault(name, (number, label))
    notes = [f"{LABELS}: {len(unnamed)} column(s) without a name are left out"] if unnamed else []
    return Table(names, {name: label for name, (_, label) in found.items()}, notes)


def _text(table: bytes) -> str:
    try:
        return table.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        kind = " (it looks like UTF-16)" if table[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
        line = table[: error.start].count(b"\n") + 1
        raise BadInput(
            f"{LABELS} is not UTF-8, first in line {line}{kind}; save it as UTF-8 text with commas"
        ) from error


def understood(origin: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Labels:
    """What columns of text mean, picture by picture.

    A lone column holds classes, or numbers if all its values are finite numbers and one is not whole. Of several, a
    column of finite numbers with more than 20 different values is a number too. A column that says nothing (one value
    for all; beside others, words that differ from picture to picture, as names do) is left out. What was understood,
    and why, is in `notes`; `origin` begins that sentence.
    """
    notes, columns = [], dict(zip(heads, map(list, zip(*rows, strict=True)), strict=True))
    for name in [name for name, values in columns.items() if len(set(values)) == 1]:
        only = columns.pop(name)[0]
        notes.append(f"{printable(name)} is {printable(only)} for every picture, which tells nothing: it is left out")
    if not columns:
        return Labels(None, (), (), [*notes, "so there are no classes to tell apart: the pictures count as unlabelled"])
    names = [name for name, values in columns.items() if len(set(values)) == len(rows) and not _numbers(values)]
    if len(names) < len(columns):
        for name in names:
            del columns[name]
            notes.append(f"{printable(name)} differs from picture to picture, like a name: it is left out")
    alone = len(columns) == 1
    kinds = [_column(name, values, alone) for name, values in columns.items()]
    numbers = [_encoded(kind, values) for kind, values in zip(kinds, columns.values(), strict=True)]
    if alone and kinds[0].classes:
        classes = kinds[0].classes
        return Labels(numbers[0], _shown(classes), (), [*notes, f"{origin}: {len(classes)} ({_some(classes)})"])
    what = "; ".join(
        f"{printable(k.name)}: {len(k.classes)} classes ({_some(k.classes)})"
        if k.classes
        else f"{printable(k.name)}: numbers from {k.range[0]:g} to {k.range[1]:g}"
        for k in kinds
    )
    rule = f"numbers are columns with one that is not whole, or over {MOST_CLASSES} different ones"
    columns = tuple(Column(printable(kind.name), _shown(kind.classes), kind.range) for kind in kinds)
    return Labels(np.stack(numbers, 1).astype(np.float32), (), columns, [*notes, f"{origin}: {what} ({rule})"])


def classes_in_order(names: Sequence[str]) -> tuple[str, ...]:
    """Each once: 2 before 10, words after numbers, in the order of their bytes."""
    return tuple(sorted(set(names), key=lambda text: (_number(text), os.fsencode(text))))


def _number(text: str) -> float:
    return int(text) if text.isdecimal() else float("inf")


def _numbers(values: Sequence[str]) -> list[float] | None:
    """The values as numbers, if all are, and finite."""
    try:
        found = [float(value) for value in values]
    except ValueError:
        return None
    return found if all(map(math.isfinite, found)) else None


def _column(name: str, values: Sequence[str], alone: bool) -> Column:
    numbers = _numbers(values)
    if numbers and (any(x % 1 for x in numbers) or (not alone and len(set(numbers)) > MOST_CLASSES)):
        return Column(name, (), (min(numbers), max(numbers)))
    return Column(name, classes_in_order(values))


def _encoded(column: Column, values: Sequence[str]) -> np.ndarray:
    if column.classes:
        index = {name: k for k, name in enumerate(column.classes)}
        return np.array([index[value] for value in values], np.int64)
    low, high = column.range
    return 2 * (np.array(values, np.float64) - low) / (high - low) - 1


def _shown(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(map(printable, names))


def _some(names: Sequence[str]) -> str:
    return ", ".join(_shown(names[:5])) + (", …" if len(names) > 5 else "")
