"""A run's log read back: rows on one line of time, and the series in them."""

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ganvas.errors import BadInput

Row = dict[str, Any]


def read_log(path: Path) -> list[Row]:
    """The rows of a `log.jsonl`, put on one line of time by `settle`; [] where there is no log yet.

    A line that is not a row (torn by a crash while it was written, or edited) is skipped.
    """
    return settle(read_rows(path))


def read_rows(path: Path) -> list[Row]:
    """The same as they were written, those that were told again later among them."""
    try:
        text = Path(path).read_bytes().decode(errors="replace")
    except FileNotFoundError:
        return []
    except OSError as e:
        raise BadInput(f"{path} cannot be read: {e.strerror or e}") from None
    return list(filter(None, map(_row, text.splitlines())))


def _row(line: str) -> Row | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and math.isfinite(number(row.get("images"))) else None


def settle(rows: Iterable[Row]) -> list[Row]:
    """The rows that count, with `images` counted from the start of the run, never falling.

    A run that was resumed from a checkpoint repeats what came after it: the later telling replaces the earlier one.
    Where the count starts anew with a phase, it is continued instead. Settling twice changes nothing.
    """
    kept: list[Row] = []
    for row in rows:
        while kept and _position(kept[-1]) >= _position(row):
            kept.pop()
        kept.append(row)
    settled: list[Row] = []
    before = 0  # images seen in the phases that counted for themselves
    for last, row in zip([None, *kept], kept, strict=False):
        if last and phase(row) > phase(last) and row["images"] <= last["images"]:
            before += last["images"]
        settled.append({**row, "images": before + row["images"]} if before else row)
    return settled


def _position(row: Row) -> tuple[int, float]:
    return phase(row), row["images"]


def phase(row: Row) -> int:
    """Which phase a row belongs to, from 0."""
    value = number(row.get("phase", 0))
    return int(value) if math.isfinite(value) else 0


def number(value: Any) -> float:
    """`value` as a float; nan for whatever is not a number."""
    try:
        return float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:  # an integer of hundreds of digits
        return math.nan


def series(rows: Iterable[Row], key: str) -> np.ndarray:
    """One value per row, float64; nan where a row lacks `key` or holds no finite number there."""
    values = np.array([number(row.get(key)) for row in rows], dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def players(rows: Iterable[Row]) -> list[str]:
    """Everyone with a loss in these rows, discriminators first."""
    names = {key.removesuffix("/loss") for row in rows for key in row if key.endswith("/loss")}
    return sorted(names)


def elapsed(rows: Iterable[Row]) -> float:
    """Seconds of training behind these rows; each process counted its own from 0."""
    seconds = series(rows, "seconds")
    seconds = seconds[np.isfinite(seconds)]
    if not len(seconds):
        return 0.0
    ends = seconds[:-1][np.diff(seconds) < 0]  # the last word of a process before another went on
    return float(ends.sum() + seconds[-1])


def latest_phase(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if phase(row) == phase(rows[-1])]


def tail(rows: Sequence[Row]) -> list[Row]:
    """The last tenth of the rows, five at least: one row is noisy."""
    return list(rows[-max(5, len(rows) // 10) :])


def mean(rows: Iterable[Row], key: str) -> float:
    """Mean of the finite values of `key`; nan where there are none."""
    values = series(rows, key)
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else math.nan


def judges(rows: Sequence[Row]) -> list[str]:
    """The players that tell real from generated images: the discriminators."""
    return [p for p in players(rows) if p.startswith("D") or any(f"{p}/accuracy" in row for row in rows)]


def bounds(rows: Sequence[Row]) -> list[str]:
    """The players that report a bound on the data's likelihood: explicit densities."""
    return [p for p in players(rows) if any(f"{p}/elbo" in row for row in rows)]
