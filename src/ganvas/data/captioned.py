"""One word or path to pictures with captions: a folder or zip, or the shapes that are drawn here."""

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ganvas.data.captioned_shapes import NAME, CaptionedShapes
from ganvas.data.captions import Captions
from ganvas.data.captions_table import TABLE, Line, read_lines, read_table
from ganvas.data.decode import Channels, decode, look
from ganvas.data.examples import Want, _size
from ganvas.data.folders import Listing, below, judged, listed, some
from ganvas.data.images import Header
from ganvas.data.layouts import Problem, Unpaired, told
from ganvas.data.open import Size, _existing, _one_size, _quarter_of_ram, parse_size
from ganvas.data.sentence_models import described
from ganvas.data.source import Source
from ganvas.data.text import CHARACTERS, LONGEST, tokens
from ganvas.errors import BadInput
from ganvas.files import printable

NAMES = (NAME,)
_SIDED = {"left", "right"}  # words that a mirrored picture makes false


class Told(NamedTuple):
    """The captions and the class of each picture that has any, what cannot be used, and remarks."""

    captions: dict[str, list[str]]
    labels: dict[str, str]
    problems: list[Problem]
    notes: list[str]


def open_captions(
    text: str | os.PathLike,
    *,
    size: Size = None,
    side: int = 64,
    channels: Channels = "auto",
    flip: bool = False,
    strict: bool = False,
    drop_unpaired: bool = False,
    text_model: str = "words",
    memory: int | None = None,
) -> Source:
    """Opens `text`: captioned_shapes (with a size, if you like: captioned_shapes:32), or a folder or zip of pictures.

    A folder holds captions.csv (file,caption; see `captions_table.read_table`), its paths relative to it or unique in the
    folder, or a .txt of the same name beside each picture, one caption a line. A column class, or else sub-folders, tell
    which captions are of one class, and so not wrong for each other's pictures.

    size: N or "HxW"; not given: pictures keep theirs if all have one up to `side` that 4 divides, else become side×side.
    drop_unpaired: leave out pictures without caption, captions without picture, and those that are empty, too long or given
    twice, which are refused otherwise. text_model: "words", "minilm" or `package.module:function`, see `sentence_models`.
    The rest as for `open_source`. Transparency is laid on white. Raises `BadInput` (`layouts.Unpaired`), `Storage`.
    """
    text = os.fspath(text)
    name, _, given = text.partition(":")
    if name in NAMES:
        return _drawn(text, _one_size(text, given, size), channels, flip, text_model)
    path = _existing(text, NAMES)
    if not path.is_dir() and path.suffix.lower() != ".zip":
        raise BadInput(f"{printable(path)} is neither a folder nor a .zip of pictures with a {TABLE}")
    label = printable(path)
    with listed(path, TABLE, ".txt") as listing:
        everything = set(listing.names())
        base = below(listing)
        names = [name for name in listing.names() if name.startswith(base)]
        if not names:
            judged(label, listing.bad, 0, strict, "; ".join(listing.notes))
        found = _told(label, listing, base, names, everything - set(names))
        if found.problems and not drop_unpaired:
            raise Unpaired(label, found.problems)
        model = described(text_model)
        entries = [entry for entry in listing.entries if entry.name in found.captions]
        looked = look(entries)
        headers = [header for header in looked.headers if isinstance(header, Header)]
        want = Want("pairs", parse_size(size), side, channels, flip, strict, drop_unpaired, 0)
        wanted, advice = _size(headers, False, want)
        memory = _quarter_of_ram() if memory is None else memory
        root = str(path.resolve())
        pictures = decode(entries, size=wanted, channels=channels, memory=memory, root=root, looked=looked)
    bad = [(name, reason) for name, reason in listing.bad if name in found.captions or name.endswith("/")]
    good = len(pictures.images)
    notes = listing.notes + [f"left out: {told(found.problems)}"] * bool(found.problems)
    notes += judged(label, bad + pictures.bad, good, strict) + pictures.notes + advice
    if good < 2:
        raise BadInput(
            f"{label} holds {good} usable picture(s) with a caption; a GAN learns from many, and needs at least 2"
        )
    kept = [entries[k].name for k in pictures.kept]
    classes, about = _classes(kept, base, found.labels)
    source = Captions(
        pictures.images, [found.captions[name] for name in kept], name=printable(path.absolute().name or text), names=kept,
        classes=classes, text=model and model.text, embed=model and model.embed, problems=found.problems, flip=flip,
        hashes=pictures.hashes, mean=pictures.mean,
    )  # fmt: skip
    source.notes = notes + found.notes + about + _about(source, [found.captions[name] for name in kept], flip)
    return source


def _drawn(text: str, size: tuple[int, int] | None, channels: Channels, flip: bool, text_model: str) -> CaptionedShapes:
    if channels not in ("auto", 3):
        raise BadInput(f"{NAME} has its own channels; leave them at auto")
    if flip:
        raise BadInput(f"{NAME} says what is left and right, which flip would make false; leave it out")
    source = CaptionedShapes(size or (64, 64), described(text_model))
    if Path(text).exists():
        source.notes.insert(0, f"{NAME} is the data set of that name; write ./{NAME} for the path")
    return source


def _told(label: str, listing: Listing, base: str, names: Sequence[str], aside: set[str]) -> Told:
    """What is written about the pictures `names`. `aside`: pictures that are left alone, and so are their captions."""
    tables = {name: content for name, content in listing.tables.items() if PurePosixPath(name).name == TABLE}
    table = next((folder + TABLE for folder in dict.fromkeys((base, "")) if folder + TABLE in tables), None)
    if table is None and len(tables) == 1:
        table = next(iter(tables))
    if table is not None:
        lines, notes = read_table(tables[table])
        notes.insert(0, f"captions are read from {printable(table)}")
        places, moved = _places(lines, names, aside, table.removesuffix(TABLE))
        if moved:
            notes.append(f"{moved:,} of its files lie in other folders and are found by their names")
    else:
        lines, places, notes = _beside(listing, names)
        if not lines:
            raise BadInput(f"{label} holds no captions: add a {TABLE} (file,caption), or a .txt beside each picture")
    captions, labels, problems, said = defaultdict(list), {}, [], set()
    for line in lines:
        place = places[line.file]
        if place in aside:
            continue
        if place is None or not (words := tuple(tokens(line.caption[:CHARACTERS]))):
            problems.append(Problem("no file" if place is None else "empty", (line.file,), line.where))
        elif len(line.caption) > CHARACTERS:
            problems.append(Problem("long", (line.file,), line.where))
        elif (place, words) in said:
            problems.append(Problem("again", (line.file,), line.where))
        else:
            said.add((place, words))
            captions[place].append(line.caption)
        if line.label and place is not None and labels.setdefault(place, line.label) != line.label:
            raise BadInput(f"{label}: {line.where} gives {printable(line.file)} another class than before; it has one")
    known = {place for place in places.values() if place}
    problems += [Problem("no caption", (name,)) for name in names if name not in known]
    return Told(captions, labels, problems, notes)


def _places(
    lines: Sequence[Line], names: Sequence[str], aside: set[str], folder: str
) -> tuple[dict[str, str | None], int]:
    """Which picture each file of the table is, None where there is none or several; and how many were not at its place."""
    ends = defaultdict(list)
    for name in (*names, *sorted(aside)):
        ends[PurePosixPath(name).name].append(name)
        ends[PurePosixPath(name).stem].append(name)
    there, places, moved = {*names, *aside}, {}, 0
    for file in dict.fromkeys(line.file for line in lines):
        path = file.replace("\\", "/").removeprefix("./")
        if folder + path in there:
            places[file] = folder + path
            continue
        near = [
            n
            for n in ends[PurePosixPath(path).name]
            if f"/{n}".endswith((f"/{path}", f"/{path}{PurePosixPath(n).suffix}"))
        ]
        places[file] = near[0] if len(near) == 1 else None
        moved += len(near) == 1
    return places, moved


def _beside(listing: Listing, names: Sequence[str]) -> tuple[list[Line], dict[str, str | None], list[str]]:
    """The captions in a .txt of the same name beside each picture."""
    texts = {name: content for name, content in listing.tables.items() if name.lower().endswith(".txt")}
    pictures = {str(PurePosixPath(name).with_suffix("")): name for name in names}
    if len(pictures) < len(names) and texts:
        raise BadInput(
            f"two pictures have one name but for their ending, so that a .txt would be of both; give a {TABLE} instead"
        )
    lines, left = [], []
    for name, content in sorted(texts.items()):
        picture = pictures.get(str(PurePosixPath(name).with_suffix("")))
        if picture is None:
            left.append(name)
        else:
            lines += read_lines(content, name, picture)
    notes = ["captions are read from the .txt beside each picture, one a line"]
    notes += [f"a .txt without its picture is not used: {some(left)}"] if left else []
    return lines, {line.file: line.file for line in lines}, notes


def _classes(names: Sequence[str], base: str, labels: dict[str, str]) -> tuple[list[int] | None, list[str]]:
    """The class of each picture as a number, from the table or, where all lie in two or more, from the sub-folders."""
    found, origin = [labels.get(name, "") for name in names], "its column of classes"
    if not any(found):
        parts = [name[len(base) :].partition("/") for name in names]
        found, origin = [top if rest else "" for top, _, rest in parts], "their sub-folders"
        if not all(found):
            return None, []
    numbers: dict[str, int] = {}
    classes = [numbers.setdefault(label or f"/{k}", len(numbers)) for k, label in enumerate(found)]  # "": its own alone
    if len(set(found)) < 2:
        return None, []
    return classes, [f"{len({*found} - {''}):,} classes by {origin}: a wrong caption is never of the picture's class"]


def _about(source: Captions, captions: Sequence[Sequence[str]], flip: bool) -> list[str]:
    text, spec, all_of_them = source.spec.text, source.spec, [caption for each in captions for caption in each]
    notes = [f"{len(all_of_them):,} captions of {len(captions):,} pictures"]
    if not text.model:
        notes[0] += f", of up to {text.length} words, {len(text.words):,} different ones where they are trained on"
        if cut := sum(len(tokens(caption)) > LONGEST for caption in all_of_them):
            notes.append(f"{cut:,} captions have more than {LONGEST} words, of which the first {LONGEST} are read")
    if flip and (sided := sum(not _SIDED.isdisjoint(tokens(caption)) for caption in all_of_them)):
        notes.append(f"{sided:,} captions say left or right, which --flip makes false for half of the pictures")
    (_, height, width), held = spec.shape, spec.held_out
    return [*notes, f"{spec.n:,} pictures of {height}×{width} to train on, {held:,} held out"]
