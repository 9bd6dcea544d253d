"""Folders and zips as pairs or as two domains: understood, checked against the files, decoded once."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from ganvas.data.arrays import content_hashes, split
from ganvas.data.decode import Channels, Entry, Looked, Pictures, decode, look
from ganvas.data.domains import Domains
from ganvas.data.folders import Listing, judged, listed, some
from ganvas.data.halves import side_by_side, without_colour
from ganvas.data.images import Header
from ganvas.data.layouts import Layout, Place, Problem, Unpaired, arrange, arrange_two, match, told
from ganvas.data.pairs import Pairs, pair_hashes, split_as_told
from ganvas.data.pairs_table import TABLE
from ganvas.errors import BadInput
from ganvas.files import printable

_CHUNK = 64  # pictures looked at together, so that a mapped array never stands in memory whole
Matched = list[tuple[Place, Place]]


class Want(NamedTuple):
    """What was asked for: see `open_examples`."""

    kind: Literal["pairs", "domains"]
    size: tuple[int, int] | None
    side: int
    channels: Channels
    flip: bool
    strict: bool
    drop_unpaired: bool
    memory: int


class Files(NamedTuple):
    """The files of both sides by name, their headers, and a reason for each that is bad."""

    entries: dict[str, Entry]
    headers: dict[str, Header]
    bad: dict[str, str]


class Side(NamedTuple):
    """The pictures of a or of b, N×C×H×W, the row of each file, and their hashes."""

    images: np.ndarray
    rows: dict[str, int]
    hashes: np.ndarray

    def of(self, places: Sequence[Place]) -> np.ndarray:
        """The rows of these files."""
        return np.array([self.rows[p.name] for p in places], np.int64)


def from_folder(path: Path, name: str, want: Want) -> Pairs | Domains:
    """One folder or zip. Raises `BadInput` (`Unpaired`), `Storage`."""
    with listed(path, TABLE) as listing:
        label = printable(path)
        return _opened(label, name, str(path.resolve()), listing, arrange(label, listing), want)


def from_two(paths: tuple[Path, Path], name: str, want: Want) -> Pairs | Domains:
    """A folder (or zip) for a and another for b. Raises `BadInput` (`Unpaired`), `Storage`."""
    if paths[0].resolve() == paths[1].resolve():
        raise BadInput(f"{printable(paths[0])} is given twice; name two folders")
    label, root = (",".join(map(str, each)) for each in (paths, (path.resolve() for path in paths)))
    label, bases = printable(label), (f"{paths[0]}/", f"{paths[1]}/")  # before the names, which may be equal
    with listed(paths[0]) as one, listed(paths[1]) as other:
        one, other = one.under(bases[0]), other.under(bases[1])
        return _opened(label, name, root, one.joined(other), arrange_two(label, one, other, bases), want)


def _opened(path: str, name: str, root: str, listing: Listing, layout: Layout, want: Want) -> Pairs | Domains:
    files, notes = _look(listing, layout)
    pairs, problems = _pairs(path, layout, files, want.kind)
    problems = layout.problems + problems
    if problems and not want.drop_unpaired:
        raise Unpaired(path, problems)
    a, b = (layout.a, layout.b) if pairs is None else zip(*pairs, strict=True) if pairs else ((), ())
    a, b = ({p.name: files.headers[p.name] for p in side if p.name in files.headers} for side in (a, b))
    why = "; ".join(listing.notes)
    if not (a and b):
        judged(path, list(files.bad.items()), len(files.headers), want.strict, why)
        raise BadInput(f"{path}: there is no pair; pictures of a and b belong together when their names are equal")

    halves = layout.form == "halves"
    size, advice = _size([*a.values(), *b.values()], halves, want)
    options = {"size": size, "channels": want.channels, "root": root}
    if halves:
        pictures = _decode(a, files, memory=want.memory, halves=True, **options)
        read, sides = [pictures], _halved(pictures, list(a), want.channels)
    else:
        read = [_decode(side, files, memory=want.memory // 2, **options) for side in (a, b)]
        sides = tuple(_side(pictures, list(side)) for pictures, side in zip(read, (a, b), strict=True))
    damaged = {name: reason for pictures in read for name, reason in pictures.bad}
    bad, good = [*(files.bad | damaged).items()], len(files.headers) - len(damaged)

    notes = [*listing.notes, *layout.notes, *notes]
    notes += [f"left out: {told(problems)}"] if problems else []
    notes += judged(path, bad, good, want.strict, why) + _both([p.notes for p in read])
    notes += [*advice, *_flat(sides, halves)]
    source = _domains(name, sides, layout, want) if pairs is None else _paired(name, sides, pairs, layout, want)
    source.notes, source.problems = notes + source.notes, problems
    return source


def _look(listing: Listing, layout: Layout) -> tuple[Files, list[str]]:
    """What is used of the listing, and remarks."""
    used = {p.name for p in (*layout.a, *layout.b)}
    entries = {entry.name: entry for entry in listing.entries if entry.name in used}
    looked = look(list(entries.values()))
    found = dict(zip(entries, looked.headers, strict=True))
    bad = {name: reason for name, reason in listing.bad if name in used or name.endswith("/")}
    bad |= {name: reason for name, reason in found.items() if isinstance(reason, str)}
    return Files(entries, {name: h for name, h in found.items() if isinstance(h, Header)}, bad), looked.notes


def _pairs(path: str, layout: Layout, files: Files, kind: str) -> tuple[Matched | None, list[Problem]]:
    """The pairs whose files can be read and what cannot be paired; None for domains of which nothing belongs together."""
    if layout.form == "sides" and kind == "domains":
        return None, []
    if layout.form == "halves":
        fit, problems = side_by_side(path, files.headers, files.entries)
        return [(p, p) for p in layout.a if p.name in fit], problems
    pairs, problems = match(layout.a, layout.b) if layout.form == "sides" else (layout.pairs(), [])
    kept = []
    for pair in pairs:
        names = tuple(p.name for p in pair)
        sizes = [files.headers[name][1:3] for name in names if name in files.headers]
        if len(set(sizes)) > 1:
            problems.append(Problem("size", names, " and ".join(f"{height}×{width}" for height, width in sizes)))
        elif len(sizes) == 2:  # else one is bad, and is listed as such
            kept.append(pair)
    return kept, problems


def _size(headers: Sequence[Header], halves: bool, want: Want) -> tuple[tuple[int, int], list[str]]:
    """One size for all pictures of both sides, and what to say where they have others and nobody chose."""
    sizes = {(h.height, h.width // (1 + halves)) for h in headers}
    if want.size:
        return want.size, []
    if len(sizes) == 1:
        height, width = next(iter(sizes))
        if max(height, width) <= want.side and height % 4 == width % 4 == 0:
            return (height, width), []
    return (want.side, want.side), ["--size N or HxW chooses another size"]


def _decode(side: Mapping[str, Header], files: Files, **options) -> Pictures:
    """The pictures of one side, in the order of `side`, and a remark where some are grey among coloured ones."""
    looked = Looked(list(side.values()), [])
    pictures = decode([files.entries[name] for name in side], looked=looked, **options)
    grey = sum(h.channels == 1 for h in side.values())
    if options["channels"] == "auto" and grey > 0 and pictures.images.shape[1] == 3:
        some_grey = f"{grey:,} of {len(side):,} pictures are grey among coloured ones and become coloured"
        pictures = pictures._replace(notes=[*pictures.notes, some_grey])
    return pictures


def _side(pictures: Pictures, names: Sequence[str]) -> Side:
    rows = {names[k]: row for row, k in enumerate(pictures.kept.tolist())}
    hashes = content_hashes(pictures.images) if pictures.hashes is None else pictures.hashes
    return Side(pictures.images, rows, hashes)


def _halved(pictures: Pictures, names: Sequence[str], channels: Channels) -> tuple[Side, Side]:
    parts = np.split(pictures.images, 2, axis=3)
    parts = [without_colour(part) if channels == "auto" else part for part in parts]
    one, other = (_side(pictures._replace(images=part, hashes=None), names) for part in parts)
    return one, other


def _both(notes: Sequence[list[str]]) -> list[str]:
    """What was said of a and of b; once what was said of both. Of one file that is both: what was said."""
    if len(notes) == 1:
        return notes[0]
    return [f"a and b: {note}" for note in notes[0] if note in notes[1]] + [
        f"{key}: {note}"
        for key, mine, other in (("a", *notes), ("b", *reversed(notes)))
        for note in mine
        if note not in other
    ]


def _flat(sides: Sequence[Side], halves: bool) -> list[str]:
    """Names the pictures without any contrast: their variance is zero, and an InstanceNorm divides by its root."""
    notes = []
    for key, where, side in zip("ab", ("left", "right"), sides, strict=True):
        chunks = (side.images[k : k + _CHUNK] for k in range(0, len(side.images), _CHUNK))
        spans = [np.ptp(chunk, axis=(2, 3)).max(1) for chunk in chunks]
        flat = set(np.flatnonzero(np.concatenate(spans) == 0).tolist()) if spans else ()
        if names := [name for name, row in side.rows.items() if row in flat]:
            count = "1 picture is" if len(names) == 1 else f"{len(names):,} pictures are"
            half = f" on the {where} half" if halves else ""
            notes.append(f"{key}: {count} flat{half} (all pixels equal; InstanceNorm sees only noise): {some(names)}")
    return notes


def _paired(name: str, sides: Sequence[Side], pairs: Matched, layout: Layout, want: Want) -> Pairs | Domains:
    """Pairs; or, where domains were asked for, their pictures apart, with only what is held out still together."""
    a, b = sides
    pairs = [(one, other) for one, other in pairs if one.name in a.rows and other.name in b.rows]
    rows = np.stack([a.of([one for one, _ in pairs]), b.of([other for _, other in pairs])], 1)
    held = np.array([one.split == layout.held for one, _ in pairs]) if layout.held else None
    options = {"name": name, "hashes": (a.hashes, b.hashes), "flip": want.flip}
    if want.kind == "pairs":
        source = Pairs(a.images, b.images, rows, held=held, **options)
        spec, (_, height, width) = source.spec, source.spec.shape
        source.notes.append(f"{spec.n:,} pairs of {height}×{width} to train on, {spec.held_out:,} held out")
        if held is not None and (known := np.isin(source.hashes[held], source.hashes[~held]).sum()):
            source.notes.append(f"{known:,} of the held-out pairs are trained on too, equal to the last pixel")
        return source
    both = pair_hashes(a.hashes[rows[:, 0]], b.hashes[rows[:, 1]])
    train, aside = split(both) if held is None else split_as_told(both, held)
    apart = []
    for column, side in zip(rows.T, sides, strict=True):
        unseen = ~np.isin(side.hashes[column[train]], side.hashes[column[aside]])  # one picture may be in many pairs
        apart.append(np.unique(column[train][unseen]))
    source = Domains(a.images, b.images, tuple(apart), tuple(rows[aside].T), truths=True, **options)
    source.notes += ["pairs are taken as two domains: a and b are drawn in unrelated orders", _counted(source, apart)]
    if len(aside):
        source.notes.append("held-out pictures come with their true translations, for evaluation alone")
    return source


def _domains(name: str, sides: Sequence[Side], layout: Layout, want: Want) -> Domains:
    """Each domain split on its own: by its folders where both have something to hold out, else by content."""
    places = [[p for p in part if p.name in side.rows] for part, side in zip((layout.a, layout.b), sides, strict=True)]
    rows = [side.of(part) for part, side in zip(places, sides, strict=True)]
    held = [np.array([bool(layout.held) and p.split == layout.held for p in part]) for part in places]
    by_folder, notes = all(mask.any() for mask in held), []
    if layout.held and not by_folder:
        notes = [
            f"{layout.held} has pictures of one domain alone and is left alone: what is held out is part of the rest"
        ]
        rows = [part[~mask] for part, mask in zip(rows, held, strict=True)]
    parts = [
        split_as_told(side.hashes[part], mask) if by_folder else split(side.hashes[part])
        for side, part, mask in zip(sides, rows, held, strict=True)
    ]
    train, aside = (tuple(part[found[k]] for part, found in zip(rows, parts, strict=True)) for k in (0, 1))
    images, hashes = ([getattr(side, what) for side in sides] for what in ("images", "hashes"))
    source = Domains(*images, train, aside, name=name, hashes=tuple(hashes), flip=want.flip)
    source.notes = [*notes, _counted(source, train)]
    return source


def _counted(source: Domains, train: Sequence[np.ndarray]) -> str:
    (a, b), spec, (_, height, width) = map(len, train), source.spec, source.spec.shape
    held = f"{spec.held_out:,} of each held out"
    return f"{a:,} pictures of a and {b:,} of b to train on, {held}, all {height}×{width}"
