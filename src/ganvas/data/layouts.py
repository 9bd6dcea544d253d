"""What the places of pictures say: which belong together, which make up a domain. Names alone, nothing is opened.

Understood are

    A/ and B/, also inside train/, val/, test/ or around them, and trainA/, trainB/, valA/, …, testB/
    any two sub-folders, of which the first in the alphabet is a
    pairs.csv with the columns a and b (paths relative to it) and, if you like, split
    pictures that hold two side by side, in the folder itself or in train/, val/, test/

Two pictures are a pair when what follows A/ and B/ is equal but for the ending. Nothing is paired by its position.
"""

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from ganvas.data.folders import Listing, some
from ganvas.data.pairs_table import TABLE, read_pairs
from ganvas.data.text import CHARACTERS
from ganvas.errors import BadInput
from ganvas.files import printable

_SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val"}
_SPLITS |= {"test": "test", "testing": "test", "eval": "test"}
_HELD = ("val", "test")  # the first that is there is held out
LAYOUTS = (
    "A/ and B/ with equal file names, any two such folders, pictures with a on their left half and b on their right, or "
    f"{TABLE} with the columns a,b"
)

Kind = Literal[
    "twice", "case", "alone", "missing", "size", "shape", "extra", "no caption", "no file", "empty", "again", "long"
]  # fmt: skip
_WORDS = {
    "twice": "one name used twice on one side",
    "case": "names that differ in upper and lower case or in accents",
    "alone": "no partner",
    "missing": f"named in {TABLE} and not there",
    "size": "two sizes in one pair",
    "shape": "not two pictures side by side",
    "extra": "outside of the two sides",
    "no caption": "pictures without a caption",
    "no file": "captions of a picture that is not there",
    "empty": "captions without a word",
    "long": f"captions over {CHARACTERS:,} characters",
    "again": "captions given twice to one picture",
}


class Problem(NamedTuple):
    """Files (or captions) that cannot be paired, and why: one reason, all the files it concerns."""

    kind: Kind
    files: tuple[str, ...]
    about: str = ""

    def __str__(self) -> str:
        return " and ".join(map(printable, self.files)) + (f" ({self.about})" if self.about else "")


class Unpaired(BadInput):
    """Some pictures cannot be paired. `problems` is the whole list, of which the message names the first of each kind."""

    def __init__(self, path: str, problems: Sequence[Problem]):
        self.problems = list(problems)
        advice = "mend this, or leave these files out with --drop-unpaired"
        super().__init__(f"{path}: {told(problems)}; {advice}")


def told(problems: Sequence[Problem]) -> str:
    """All kinds of problems in one line: of each how many there are, and the first three."""
    kinds = {kind: [p for p in problems if p.kind == kind] for kind in _WORDS}
    return "; ".join(
        f"{_WORDS[kind]} ({len(found):,}): {', '.join(map(str, found[:3]))}{_more(found[3:])}"
        for kind, found in kinds.items()
        if found
    )


def _more(rest: Sequence) -> str:
    return f" and {len(rest):,} more" if rest else ""


class Place(NamedTuple):
    """A picture file: its whole name, the split and the side that its folders say, and what is left of its name."""

    name: str
    split: str
    side: str
    key: str


class Layout(NamedTuple):
    """What a folder was understood as. `a` and `b` are the pictures of both sides, trained on or held out by `split`.

    form "sides": two folders. "table": a[k] and b[k] are a pair. "halves": a is b, every picture is both.
    held: the name of the split that is held out; "" where there is none. Pictures of other splits are not here.
    """

    form: Literal["sides", "table", "halves"]
    a: list[Place]
    b: list[Place]
    held: str
    notes: list[str]
    problems: list[Problem]

    def pairs(self) -> list[tuple[Place, Place]]:
        """Of a "table"."""
        return list(zip(self.a, self.b, strict=True))


def place(name: str, base: str = "") -> Place:
    """What the folders in a name below `base` say."""
    *folders, file = name[len(base) :].split("/")
    split, side = _says(folders[0]) if folders else ("", "")
    folders = folders[bool(split or side) :]
    if folders and not side:
        side, *folders = folders
        side = _says(side)[1] or side
    if folders and not split and folders[0].lower() in _SPLITS:
        split, *folders = folders
        split = _SPLITS[split.lower()]
    stem, dot, _ = file.rpartition(".")
    return Place(name, split, side, "/".join((*folders, stem if dot else file)))


def _says(folder: str) -> tuple[str, str]:
    """The split and the side in a folder's name: trainA is ("train", "a")."""
    found = re.fullmatch(rf"({'|'.join(_SPLITS)})?[-_]?([ab])?", folder, re.IGNORECASE)
    return (_SPLITS.get((found[1] or "").lower(), ""), (found[2] or "").lower()) if found else ("", "")


def arrange(path: str, listing: Listing) -> Layout:
    """Understands a folder. Raises `BadInput` where it is none of the above; what does not fit is in `problems`."""
    names = listing.names()
    for base in dict.fromkeys(("", _enter(names))):
        if (table := listing.tables.get(base + TABLE)) is not None:
            return _tabled(path, table, base, names)
    places = [place(name, base) for name in names]
    sides = sorted({p.side for p in places} - {""}, key=os.fsencode)
    loose = any(not p.side for p in places)
    if not sides or (len(sides) == 1 and loose):
        within = [p for p in places if not p.side]
        notes = ["every picture is two side by side: a is the left half, b the right"]
        return _split(path, "halves", within, within, [_extra(p) for p in places if p.side], notes)
    if len(sides) == 1:
        full = {name[: name.find("/", len(base)) + 1] for name in names}
        empty = sorted(f for f in listing.folders - full if f.startswith(base) and "/" not in f[len(base) : -1])
        why = f"{some(empty)} holds none" if empty else "a second folder is missing"
        raise BadInput(f"{path}: all pictures lie in {some(sorted(full))}, and {why}; understood are {LAYOUTS}")
    ours = {"a", "b"} <= set(sides)
    if not ours and len(sides) > 2:
        raise BadInput(
            f"{path} holds {len(sides):,} folders ({some(sides)}); call two of them A and B, or name two with a comma "
            "between: FOLDER_A,FOLDER_B"
        )
    one, other = ("a", "b") if ours else sides
    a, b = ([p for p in places if p.side == side] for side in (one, other))
    names = (
        "a is A/, b is B/" if ours else f"a is {printable(one)}/, b is {printable(other)}/, as the alphabet has them"
    )
    return _split(path, "sides", a, b, [_extra(p) for p in places if p.side not in (one, other)], [names])


def arrange_two(path: str, one: Listing, other: Listing, bases: tuple[str, str]) -> Layout:
    """Two folders given as a and as b, at `bases`; in each, train/, val/ and test/ are understood."""
    sides = []
    for key, listing, base in zip("ab", (one, other), bases, strict=True):
        names = listing.names()
        base = _enter(names, base)
        sides.append([place(f"{key}/{name[len(base) :]}")._replace(name=name) for name in names])
    return _split(path, "sides", *sides, [], [f"a is {printable(bases[0])}, b is {printable(bases[1])}"])


def match(a: Iterable[Place], b: Iterable[Place]) -> tuple[list[tuple[Place, Place]], list[Problem]]:
    """The pairs of equal split and key, in the order of a, and why the rest are none."""
    found: dict[tuple[str, str], tuple[list[Place], list[Place]]] = defaultdict(lambda: ([], []))
    for k, side in enumerate((a, b)):
        for p in side:
            found[p.split, p.key][k].append(p)
    pairs = [(left[0], right[0]) for left, right in found.values() if len(left) == len(right) == 1]
    problems = [
        Problem("twice", tuple(p.name for p in (*left, *right)))
        for left, right in found.values()
        if max(len(left), len(right)) > 1
    ]
    alone = [(left + right)[0] for left, right in found.values() if len(left) + len(right) == 1]
    alike: dict[tuple[str, str], list[Place]] = defaultdict(list)
    for p in alone:
        alike[p.split, unicodedata.normalize("NFC", p.key).casefold()].append(p)
    for group in alike.values():
        if len({p.side for p in group}) > 1:
            problems.append(Problem("case", tuple(p.name for p in group)))
        else:
            problems += [Problem("alone", (p.name,)) for p in group]
    return pairs, problems


def _enter(names: Sequence[str], base: str = "") -> str:
    """A lone folder is entered, and again, unless its name is one of a side or a split: "" or a path ending in "/"."""
    while names:
        first, *others = {name[len(base) :].partition("/")[:2] for name in names}
        folder, inside = first
        if others or not inside or any(_says(folder)):
            break
        base += folder + "/"
    return base


def _extra(p: Place) -> Problem:
    return Problem("extra", (p.name,))


def _split(path: str, form: str, a: list[Place], b: list[Place], problems: list[Problem], notes: list[str]) -> Layout:
    """Leaves what is trained on and what is held out, and says so."""
    there = {p.split for p in (*a, *b)} or {""}
    trained = next(split for split in ("train", "", *there) if split in there)
    if trained in _HELD and len(there) > 1:
        raise BadInput(
            f"{path}: there are {' and '.join(sorted(there))} but no train; name the folder to learn from train"
        )
    held = next((split for split in _HELD if split in there and split != trained), "")
    if trained == "train":
        problems = problems + [_extra(p) for p in dict.fromkeys((*a, *b)) if not p.split]
    rest = sorted(there - {trained, held, ""})
    if held:
        left = f", {' and '.join(rest)} left alone" if rest else ""
        notes = [*notes, f"{trained or 'the rest'} is trained on, {held} is held out{left}"]
    a, b = ([p for p in side if p.split in (trained, held or trained)] for side in (a, b))
    return Layout(form, a, b, held, notes, problems)


def _tabled(path: str, content: bytes, base: str, names: Sequence[str]) -> Layout:
    there, a, b, problems = set(names), [], [], []
    lines = read_pairs(content)
    unsaid = "train" if any(split for *_, split in lines.values()) else ""
    for line, (one, other, split) in lines.items():
        gone = [name for name in (base + one, base + other) if name not in there]
        if gone:
            problems.append(Problem("missing", tuple(gone), f"line {line}"))
            continue
        if split and split.lower() not in _SPLITS:
            raise BadInput(f"{TABLE}: line {line} has the split {printable(split)}; use train, val or test")
        a.append(Place(base + one, _SPLITS.get(split.lower(), unsaid), "a", str(line)))
        b.append(Place(base + other, a[-1].split, "b", str(line)))
    unused = there - {p.name for p in (*a, *b)} - {name for p in problems for name in p.files}
    notes = [f"pairs are read from {TABLE}"]
    if unused:
        count = "1 picture is" if len(unused) == 1 else f"{len(unused):,} pictures are"
        notes.append(f"{count} not named there, and so not used")
    return _split(path, "table", a, b, problems, notes)
