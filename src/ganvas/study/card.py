"""A score and the protocol it was measured by, which never part: a bare number cannot be printed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self


@dataclass(frozen=True)
class Card:
    """The protocol. Two scores of a name may be compared only where their cards are equal.

    extractor, digest, resize: the frozen network, the SHA-256 of its weights, how pictures are brought to its size.
    reference, fingerprint, n_real: the real images, a digest of their pixels, how many (0 with a reference: unknown).
    n_fake, seed: the pictures judged, and of their latents. weights: of the generator, its moving "average" or "live",
    or "files". precision: of the extractor's arithmetic. settings: the metric's own, as "k=5". train: the training
    images, where the metric looks at them. labels: what a conditional generator was told, "in turn" or "as in the data".
    """

    extractor: str
    digest: str
    resize: str
    reference: str
    fingerprint: str
    n_real: int
    n_fake: int
    seed: int
    weights: str
    precision: str = "fp32"
    settings: str = ""
    train: str = ""
    labels: str = ""

    def differences(self, other: Card) -> list[str]:
        """What is not the same, in words: "n_fake 2,000 and 10,000"."""
        mine, theirs = asdict(self), asdict(other)
        return [f"{key} {_short(mine[key])} and {_short(theirs[key])}" for key in mine if mine[key] != theirs[key]]

    def __str__(self) -> str:
        network = f" (sha256 {self.digest[:12]}, {self.resize}, {self.precision})" if self.digest else ""
        network = network or (f" ({self.resize})" if self.resize != "none" else "")
        labels = f", labels {self.labels}" if self.labels else ""
        judged = f"{self.n_fake:,} judged, weights {self.weights}, seed {self.seed}{labels}"
        parts = [
            f"{self.extractor}{network}",
            judged,
            self._real(),
            self.train and f"training images: {self.train}",
            self.settings,
        ]
        return "; ".join(filter(None, parts))

    def _real(self) -> str:
        if not self.reference:
            return "no reference"
        number = f"{self.n_real:,}" if self.n_real else "unknown number of"
        return f"{number} real: {self.reference} ({short(self.fingerprint)})"


@dataclass(frozen=True)
class Score:
    """One metric's answer. `spread`: its standard error or deviation, where it has one. `floor`: what a perfect
    generator would get on average at these sample sizes. `also`: further numbers that belong to it. `note`: what must be
    known to read it, in a few words.

    better: "lower", "higher", or "" where nearest to the floor is best.
    """

    name: str
    value: float
    card: Card
    floor: float | None = None
    spread: float | None = None
    better: str = "lower"
    also: dict[str, float] = field(default_factory=dict)
    note: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.shown()} [{self.card}]" + (f" ({self.note})" if self.note else "")

    def shown(self) -> str:
        """The number with its spread and its floor; only for where the card stands beside it."""
        spread = f" ± {self.spread:.3g}" if self.spread is not None else ""
        floor = f" (floor {self.floor:.4g})" if self.floor is not None else ""
        return f"{self.value:.5g}{spread}{floor}"

    def to_json(self) -> dict[str, Any]:
        """Its fields; a number that is not finite is None, because JSON has no word for it."""
        return asdict(self) | {
            "value": finite(self.value),
            "floor": finite(self.floor),
            "spread": finite(self.spread),
            "also": {name: finite(value) for name, value in self.also.items()},
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        value, also = _number(record["value"]), {name: _number(number) for name, number in record["also"].items()}
        return cls(**record | {"value": value, "also": also, "card": Card(**record["card"])})


def table(scores: Sequence[Score]) -> str:
    """The scores one below the other with their settings; below them what must be known to read them, and the card that
    they share, or each of several."""
    cards = list(dict.fromkeys(replace(score.card, settings="") for score in scores))
    rows, notes = [("", "score", "spread", "floor", "better", "")], {}
    for score in scores:
        which = f"[{cards.index(replace(score.card, settings='')) + 1}]" if len(cards) > 1 else ""
        also = [f"{name} {value:.4g}" for name, value in score.also.items()]
        settings = "; ".join(filter(None, [score.card.settings, ", ".join(also)]))
        number, spread, floor = f"{score.value:.5g}", _or_none(score.spread), _or_none(score.floor)
        rows.append((score.name, number, spread, floor, score.better, f"{which} {settings}".strip()))
        if score.note:
            notes.setdefault(score.note, []).append(score.name)
    said = [f"{', '.join(names)}: {note}" for note, names in notes.items()]
    marks = [f"[{i}] " for i in range(1, len(cards) + 1)] if len(cards) > 1 else [""]
    return "\n".join([*columns(rows), "", *said, *(f"{mark}{card}" for mark, card in zip(marks, cards, strict=True))])


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of words as lines with straight columns: the first to the left, the others to the right, the last as it is."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:-1], widths[1:-1], strict=True)), row[-1]]
        lines.append("  ".join(cells).rstrip())
    return lines


def comparable(runs: dict[str, Sequence[Score]]) -> tuple[list[list[Score]], list[str]]:
    """(rows of a score a run, with equal cards, the newest such of each name; a sentence for each name without)."""
    by_card = {run: {(score.name, score.card): score for score in scores} for run, scores in runs.items()}
    first, *others = runs
    rows, different = [], []
    for name in dict.fromkeys(score.name for score in runs[first]):
        newest_first = [score.card for score in reversed(runs[first]) if score.name == name]
        common = (card for card in newest_first if all((name, card) in by_card[run] for run in others))
        if card := next(common, None):
            rows.append([by_card[run][name, card] for run in runs])
            continue
        for run in others:
            theirs = next((score.card for score in reversed(runs[run]) if score.name == name), None)
            if theirs and (wrong := newest_first[0].differences(theirs)):
                different.append(f"{name} of {first} and {run} cannot be compared: {'; '.join(wrong)}")
                break
    return rows, different


def newest(scores: Iterable[Score]) -> list[Score]:
    """Of several scores with one name, the last."""
    return list({score.name: score for score in scores}.values())


def short(fingerprint: str) -> str:
    """A fingerprint for people: its first 12 characters, and which part of a data set it is of, as "-held-out"."""
    digest, dash, part = fingerprint.partition("-")
    return digest[:12] + dash + part


def finite(value: float | None) -> float | None:
    """The number, or None where JSON has no word for it."""
    return value if value is not None and math.isfinite(value) else None


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _or_none(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _short(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)[:60] or "none"
