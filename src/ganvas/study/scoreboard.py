"""The scores of a run, read back: how they went while it trained, and the last ones with their cards."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ganvas.study.card import Score, newest

WATCH, SCORES, NEIGHBOURS, MISSING = "watch.jsonl", "scores.jsonl", "neighbours.png", "missing.png"
SIDES = ("average", "live")  # of the generator, whose scores are watched


def looks(run: Path) -> list[dict[str, Any]]:
    """The rows of watch.jsonl that can be read."""
    return [row for row in _rows(run / WATCH) if "images" in row]


def scores(run: Path) -> list[Score]:
    """The newest score of each name."""
    return newest(every_score(run))


def every_score(run: Path) -> list[Score]:
    """All of scores.jsonl that can be read, oldest first."""
    found = []
    for row in _rows(run / SCORES):
        try:
            found.append(Score.from_json(row))
        except (TypeError, KeyError):  # of another version
            continue
    return found


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_bytes().decode(errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:  # the last line of a run that was killed
            continue
        if isinstance(row, dict):
            yield row
