"""Every picture of a data set looked at once, at its own size, before any is learned from: what `study.lint` judges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ganvas.data.decode import Entry, _each
from ganvas.data.folders import Listing, below, judged, labels, listed
from ganvas.data.gallery import held_out, trained_on
from ganvas.data.images import read_image
from ganvas.data.layouts import arrange, place
from ganvas.data.source import Source
from ganvas.errors import BadInput
from ganvas.files import printable
from ganvas.study.lint import LISTED, Digests, Finding, digest, findings, together

TESTS = ("test", "testing", "val", "valid", "validation", "dev", "eval")
CHUNK, VALUES = 512, 2**24  # pictures looked at together, at most, and numbers in them
OF_NUMBER = ("duplicates", "near", "overlap", "few", "very_few")  # findings that mean nothing of endless pictures
Kind = str  # of `recipes.common.Wants`; "" where no recipe is named


class Census(NamedTuple):
    """seen: the pictures to train on. other: those that must not be trained on. classes: pictures of each.

    found: what opening it showed already. said: remarks of the reader. files: how many there are, `seen` or not.
    """

    seen: Digests
    other: Digests | None = None
    classes: dict[str, int] = {}
    found: tuple[Finding, ...] = ()
    said: tuple[str, ...] = ()
    files: int = 0
    endless: bool = False

    def findings(self, advance: Callable[[int], None] = lambda k: None) -> list[Finding]:
        """All that was found. What is drawn anew each time is neither few nor alike in any way that matters."""
        every = [*self.found, *findings(self.seen, self.classes, self.other, advance)]
        return [finding for finding in every if not (self.endless and finding.id in OF_NUMBER)]

    @property
    def facts(self) -> dict[str, Any]:
        """For a line above the findings."""
        n = len(self.seen.names)
        about = {"n": n, "files": self.files or n, "held": len(self.other.names) if self.other else 0}
        if not n:
            return about
        channels, height, width = self.seen.shape.T
        least, most = (f"{height[k]}×{width[k]}" for k in ((height * width).argmin(), (height * width).argmax()))
        several = {"channels": channels, "bits": self.seen.bits}
        kinds = {key: ", ".join(map(str, np.unique(values).tolist())) for key, values in several.items()}
        return about | kinds | {"least": least, "most": most, "classes": len(self.classes)}


def of_source(source: Source, most: int = 50_000) -> Census:
    """Of data that are open: training and held-out pictures, of pairs those of b. Of an endless source a thousand."""
    spec = source.spec
    if spec.views:
        scale, n = spec.view("b").range, min(spec.n or 1000, most)
        held = source.held_out(most)["b"]
        seen = _chunks([f"b {k}" for k in range(n)], lambda a, b: source.batch(0, a, b - a)["b"], scale)
        other = _chunks([f"held out {k}" for k in range(len(held))], lambda a, b: held[a:b], scale)
        return Census(seen, other, said=tuple(source.notes), files=spec.n, endless=not spec.n)
    gallery = trained_on(source, 1000).first(most)
    names = gallery.names[: gallery.n] or [f"picture {k}" for k in range(gallery.n)]
    seen, classes = _chunks(names, gallery.read, spec.range), {}
    if spec.classes and spec.n:
        told = np.bincount(source.batch(0, 0, spec.n)["label"], minlength=len(spec.classes))
        classes = dict(zip(spec.classes, told.tolist(), strict=True))
    aside = held_out(source).first(most) if spec.held_out else None
    other = _chunks(aside.names[: aside.n], aside.read, spec.range) if aside else None
    return Census(seen, other, classes, said=tuple(source.notes), files=spec.n, endless=not spec.n)


def _chunks(names: Sequence[str], read: Callable[[int, int], Any], scale: tuple[float, float]) -> Digests:
    size = max(1, min(CHUNK, VALUES // np.asarray(read(0, 1)).size)) if len(names) else 1
    starts = range(0, len(names), size)
    parts = [digest(names[k : k + size], np.asarray(read(k, min(k + size, len(names)))), scale) for k in starts]
    return together(parts or [_none()])


def of_folder(path: Path, kind: Kind, most: int) -> Census:
    """Of a folder or zip, file by file. kind: what the recipe learns from. most: files decoded; of more, evenly many."""
    with listed(path) as listing:
        every, single = list(listing.entries), kind in ("", "images")
        base, said, found = below(listing) if single else "", list(listing.notes), []
        if kind in ("pairs", "domains"):
            found, more = _layout(printable(path), listing)
            said += more
        elif not kind and (sides := _sides([entry.name for entry in every])):
            found = [Finding("sides", "note", {"sides": sides})]
        train = listing.entries if single else every
        rest = {entry.name for entry in every} - {entry.name for entry in train}
        tests = [entry for entry in every if entry.name in rest and _in_tests(entry.name)]
        seen, damaged = decoded(evenly(train, most), "looking at pictures")
        other = decoded(evenly(tests, most), "looking at those held out")[0] if tests else None
        found += _unreadable(printable(path), [*listing.bad, *damaged], len(seen.names))
        classes = _classes(listing, base, seen.names, found) if single and seen.names else {}
    return Census(seen, other, classes, tuple(found), tuple(said), len(train) - len(damaged))


def _in_tests(name: str) -> bool:
    return any(part.lower() in TESTS for part in name.split("/")[:-1])


def evenly(entries: Sequence[Entry], most: int) -> list[Entry]:
    """At most `most` of them, evenly spread over the names."""
    if len(entries) <= most:
        return list(entries)
    return [entries[k] for k in np.linspace(0, len(entries) - 1, most).round().astype(int)]


def decoded(entries: Sequence[Entry], what: str) -> tuple[Digests, list[tuple[str, str]]]:
    """The digests of those that can be read, and a reason for each that cannot. A bar says `what` on a terminal."""
    results = _each(entries, lambda entry: digest([entry.name], read_image(entry.content(), alpha=True)[None]), what)
    bad = [(entry.name, result) for entry, result in zip(entries, results, strict=True) if isinstance(result, str)]
    return together([result for result in results if not isinstance(result, str)] or [_none()]), bad


def _none() -> Digests:
    return digest(["."], np.zeros((1, 1, 4, 4), np.uint8)).rows(np.zeros(0, int))


def _layout(path: str, listing: Listing) -> tuple[list[Finding], list[str]]:
    """What two kinds of pictures were understood as, and what cannot be paired."""
    try:
        layout = arrange(path, listing)
    except BadInput as error:
        return [Finding("refused", "bad", {"why": str(error)})], []
    problems = tuple(map(str, layout.problems[:LISTED]))
    found = [Finding("unpaired", "bad", {"n": len(layout.problems)}, problems)] if problems else []
    return [*found, Finding("two", "note", {"a": len(layout.a), "b": len(layout.b)})], layout.notes


def _sides(names: Sequence[str]) -> str:
    """What a recipe for single pictures would learn as classes: "A/, B/" or "LR/, HR/"."""
    if {"lr", "hr"} <= {name.split("/")[0].lower() for name in names if "/" in name}:
        return "LR/, HR/"
    return "A/, B/" if {"a", "b"} <= {place(name).side for name in names} else ""


def _unreadable(path: str, bad: list[tuple[str, str]], good: int) -> list[Finding]:
    """Those that training would leave out, or refuse to begin with."""
    if not bad and good:
        return []
    shown = tuple(f"{name}: {why}" for name, why in bad)
    outside = tuple(text for text in shown if "floats outside" in text)
    fields = {"n": len(bad), "total": len(bad) + good}
    try:
        judged(path, bad, good, strict=False)
        found = [Finding("unreadable", "warn", fields, shown[:LISTED])]
    except BadInput as error:
        found = [Finding("refused", "bad", {"why": str(error)}, shown[:LISTED])]
    return [*found, *([Finding("outside", "warn", {"n": len(outside)}, outside[:LISTED])] if outside else [])]


def _classes(listing: Listing, base: str, names: Sequence[str], found: list[Finding]) -> dict[str, int]:
    try:
        told = labels(listing, base, names)
    except BadInput as error:
        found.append(Finding("refused", "bad", {"why": str(error)}))
        return {}
    counts = Counter() if told.values is None or told.columns else Counter(np.asarray(told.values).tolist())
    return {name: counts[k] for k, name in enumerate(told.classes)}
