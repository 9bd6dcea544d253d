"""A folder or a zip of pictures: which files, in which order, and what their places say about classes."""

import contextlib
import os
import stat
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from ganvas.data.decode import Entry
from ganvas.data.images import SUFFIXES
from ganvas.data.table import LABELS, Labels, read_table, understood
from ganvas.errors import BadInput
from ganvas.files import printable

# Picture files that are not read: named as unusable, where a README is just another file.
_FOREIGN = frozenset(
    [".svg", ".pdf", ".eps", ".psd", ".heic", ".heif", ".avif", ".jp2", ".jxl", ".tga", ".ico", ".fits", ".exr", ".dcm"]
)
_TRAIN = ("train", "training")
_SPLITS = frozenset((*_TRAIN, "test", "testing", "val", "valid", "validation", "dev", "eval"))
_LARGEST = 1 << 29  # bytes of one unpacked zip member; a picture under the pixel limit is smaller


@dataclass
class Listing:
    """What a folder holds, in the order of the bytes of the names: the same on every machine and file system."""

    entries: list[Entry] = field(default_factory=list)
    bad: list[tuple[str, str]] = field(default_factory=list)
    tables: dict[str, bytes] = field(default_factory=dict)  # every labels.csv (or what was asked for), by its path
    notes: list[str] = field(default_factory=list)
    folders: set[str] = field(default_factory=set)  # every sub-folder, its path ending in "/"
    links: int = 0
    others: int = 0

    def sort_in(self, name: str, entry: Entry | None, table: bytes | None = None, reason: str = "") -> None:
        """Puts one file where it belongs."""
        suffix = PurePosixPath(name).suffix.lower()
        if suffix not in SUFFIXES and suffix not in _FOREIGN:
            if table is not None:
                self.tables[name] = table
            else:
                self.others += 1
        elif entry is None:
            self.bad.append((name, reason))
        else:
            self.entries.append(entry)

    def finish(self) -> "Listing":
        self.entries.sort(key=lambda entry: os.fsencode(entry.name))
        self.bad.sort(key=lambda item: os.fsencode(item[0]))
        if self.links:
            self.notes.append(
                f"{_counted(self.links, 'symbolic link')} not followed (copy what is pointed to into the folder)"
            )
        if self.others:
            self.notes.append(f"{_counted(self.others, 'other file')} ignored")
        return self

    def names(self) -> list[str]:
        """All picture files, good and bad, in order."""
        found = [entry.name for entry in self.entries] + [name for name, _ in self.bad if not name.endswith("/")]
        return sorted(found, key=os.fsencode)

    def under(self, folder: str) -> "Listing":
        """The same files with `folder` before their names, for telling those of two folders apart."""
        entries = [entry._replace(name=folder + entry.name) for entry in self.entries]
        bad = [(folder + name, reason) for name, reason in self.bad]
        return Listing(entries, bad, notes=[f"{printable(folder)}: {note}" for note in self.notes])

    def joined(self, other: "Listing") -> "Listing":
        """The files of both."""
        return Listing(self.entries + other.entries, self.bad + other.bad, notes=self.notes + other.notes)


def _is_table(name: str, tables: Sequence[str]) -> bool:
    return name in (tables or (LABELS,)) or PurePosixPath(name).suffix.lower() in tables


def _counted(n: int, thing: str) -> str:
    return f"1 {thing} is" if n == 1 else f"{n:,} {thing}s are"


def list_folder(root: Path, *tables: str) -> Listing:
    """Every picture file below `root`, and every table, by its name (labels.csv, if nothing else is asked for) or its
    ending (".txt"); hidden files and folders are passed over.

    Symbolic links are counted and not followed: what they point to inside is found anyway, once, and what lies outside
    was not given. So no loop of links can be entered. Raises `BadInput` when `root` itself cannot be read.
    """
    listing, waiting = Listing(), [""]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(root / folder) as found:
                items = [item for item in found if not item.name.startswith(".") and item.name != "__MACOSX"]
        except OSError as error:
            if not folder:
                raise BadInput(f"{printable(root)} cannot be read: {error.strerror}") from error
            listing.bad.append((folder, error.strerror or "cannot be read"))
            continue
        for item in items:
            name = folder + item.name
            try:
                if item.is_symlink():
                    listing.links += 1
                elif item.is_dir(follow_symlinks=False):
                    waiting.append(name + "/")
                    listing.folders.add(name + "/")
                elif not item.is_file(follow_symlinks=False):
                    listing.sort_in(name, None, reason="not a regular file")
                else:
                    about, path = item.stat(follow_symlinks=False), root / name
                    entry = Entry(name, about.st_size, about.st_mtime_ns, partial(Path, path))
                    listing.sort_in(name, entry, path.read_bytes() if _is_table(item.name, tables) else None)
            except OSError as error:  # it went away, or may not be read
                listing.bad.append((name, error.strerror or "cannot be read"))
    return listing.finish()


def list_zip(archive: zipfile.ZipFile, *tables: str) -> Listing:
    """Every picture in the archive, and every table, to be read in place; nothing is ever unpacked to disk."""
    listing = Listing()
    for item in archive.infolist():
        parts = item.filename.split("/")
        if any(part.startswith(".") or part == "__MACOSX" for part in parts):
            continue
        if item.is_dir():
            listing.folders.add(item.filename)
            continue
        if stat.S_ISLNK(item.external_attr >> 16):
            listing.links += 1
        elif item.flag_bits & 1:
            listing.sort_in(item.filename, None, reason="encrypted")
        elif item.file_size > _LARGEST:  # never unpacks to more than it says here
            listing.sort_in(item.filename, None, reason=f"{item.file_size:,} bytes unpacked are too many for a picture")
        else:
            entry = Entry(item.filename, item.file_size, item.CRC, partial(archive.read, item))
            listing.sort_in(item.filename, entry, archive.read(item) if _is_table(parts[-1], tables) else None)
    return listing.finish()


@contextlib.contextmanager
def listed(path: Path, *tables: str) -> Iterator[Listing]:
    """The listing of a folder or of a zip, whose pictures can be read inside the block. Raises `BadInput`."""
    if path.is_dir():
        yield list_folder(path, *tables)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            yield list_zip(archive, *tables)
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
        raise BadInput(f"{printable(path)} cannot be read: {printable(str(error))}; make it again") from error


def below(listing: Listing) -> str:
    """The folder inside that holds the training pictures: "" or a path ending in "/". Removes what lies elsewhere.

    A lone folder is entered. Where all lie in folders named like the parts of a split (train, test, val, …), the
    training part is taken, and said so.
    """
    base = ""
    while listing.entries:
        tops = {entry.name[len(base) :].partition("/")[0::2] for entry in listing.entries}
        names = {name for name, rest in tops if rest}
        if len(names) < len({name for name, _ in tops}) or len(names) == 0:
            return base  # pictures lie here
        if len(names) > 1:
            train = [name for name in names if name.lower() in _TRAIN]
            if len(train) != 1 or not {name.lower() for name in names} <= _SPLITS:
                return base
            rest = ", ".join(sorted(names - set(train)))
            listing.notes.append(f"folders are named like a split: {train[0]} is used, {rest} left alone")
            names = set(train)
        elif blank := sorted(_tops(listing, base) - names):
            listing.notes.append(f"{_folders(blank)} no picture: all lie in {printable(next(iter(names)))}")
        base += names.pop() + "/"
        listing.entries = [entry for entry in listing.entries if entry.name.startswith(base)]
        listing.bad = [item for item in listing.bad if item[0].startswith(base)]
    return base


def labels(listing: Listing, base: str, names: Sequence[str], strict: bool = False) -> Labels:
    """The labels of the pictures `names`, in their order, and what was understood.

    From labels.csv, its paths relative to it, in `base` or at the root; else from sub-folders, when all pictures lie in
    two or more. Classes without a usable picture are named in the notes. Raises `BadInput` for a table that leaves
    pictures out and, `strict`, for one that names pictures which do not exist.
    """
    for folder in dict.fromkeys((base, "")):
        if (table := listing.tables.get(folder + LABELS)) is not None:
            return _from_table(table, folder, listing, base, names, strict)
    found = [name[len(base) :].partition("/") for name in names]
    if not all(rest for *_, rest in found):
        return Labels(None, (), (), [])
    full = {top for top, *_ in found}
    bad = {name[len(base) :].partition("/")[0] for name, _ in listing.bad} | {
        entry.name[len(base) :].partition("/")[0] for entry in listing.entries
    }
    unusable, blank = sorted(bad - full), sorted(_tops(listing, base) - bad - full)
    notes = [f"{_folders(unusable)} no usable picture, and so no class"] if unusable else []
    notes += [f"{_folders(blank)} no picture, and so no class"] if blank else []
    if len(full) < 2:
        return Labels(None, (), (), notes)
    told = understood("the sub-folders are taken as classes", ["folder"], [(top,) for top, *_ in found])
    return told._replace(notes=told.notes + notes)


def _from_table(content: bytes, folder: str, listing: Listing, base: str, names: Sequence[str], strict: bool) -> Labels:
    heads, given, notes = read_table(content, folder)
    if missing := [name for name in names if name not in given]:
        raise BadInput(
            f"{LABELS} has no label for {len(missing):,} of {len(names):,} pictures, the first being "
            f"{printable(missing[0])}; add them or remove {LABELS}"
        )
    there = {entry.name for entry in listing.entries} | {name for name, _ in listing.bad}
    if unknown := [name for name in given if name.startswith(base) and name not in there]:
        first = f"{len(unknown):,} of its lines {_be(unknown)} of no picture, the first being {printable(unknown[0])}"
        if strict:
            raise BadInput(f"{LABELS}: {first}; add the pictures or remove the lines")
        notes.append(f"{LABELS}: {first}")
    told = understood(f"labels are read from {LABELS}", heads, [given[name] for name in names])
    used = [set(values) for values in zip(*(given[name] for name in names), strict=True)]
    kinds = {column.name: bool(column.classes) for column in told.columns} or {printable(heads[0]): bool(told.classes)}
    for k, head in enumerate(heads):
        everywhere = {label[k] for name, label in given.items() if name.startswith(base)}
        if kinds.get(printable(head)) and (gone := sorted(everywhere - used[k])):
            notes.append(f"{LABELS}: no usable picture is of {some(gone)}, which {_be(gone)} no class")
    return told._replace(notes=told.notes + notes)


def judged(path: str, bad: Sequence[tuple[str, str]], good: int, strict: bool, why: str = "") -> list[str]:
    """The unusable files as notes, or `BadInput` where they are too many to go on. `why`: what is known if all is empty.

    `bad` holds names and reasons; `good` counts the usable files.
    """
    bad = sorted(bad, key=lambda item: os.fsencode(item[0]))
    shown = [f"{printable(name)}: {printable(reason)}" for name, reason in bad]
    if good + len(bad) == 0:
        raise BadInput(
            f"{path} holds no pictures{f' ({why})' if why else ''}; give a folder with PNG, JPEG or WebP files"
        )
    if good == 0:
        count = "the only picture file cannot" if len(bad) == 1 else f"none of {len(bad):,} picture files can"
        raise BadInput(f"{path}: {count} be used{': ' if len(bad) == 1 else ', the first being '}{shown[0]}")
    if bad and (strict or (len(bad) > 0.01 * (good + len(bad)) and (len(bad) > 10 or len(bad) >= good))):
        first = "; ".join(shown[:3])
        raise BadInput(
            f"{path}: {len(bad):,} of {good + len(bad):,} picture files cannot be used ({first}"
            f"{'; …' if len(bad) > 3 else ''}); repair or remove them"
        )
    more = [f"… and {len(bad) - 10:,} more"] if len(bad) > 10 else []
    count = "1 file cannot be used and is" if len(bad) == 1 else f"{len(bad):,} files cannot be used and are"
    return [f"{count} left out:", *shown[:10], *more] if bad else []


def _tops(listing: Listing, base: str) -> set[str]:
    """The sub-folders directly below `base`."""
    return {name[len(base) :].partition("/")[0] for name in listing.folders if name.startswith(base)} - {""}


def _folders(names: Sequence[str]) -> str:
    return f"the folder{'s' * (len(names) > 1)} {some(names)} hold{'s' * (len(names) == 1)}"


def some(names: Sequence[str]) -> str:
    """The first five names and how many more there are."""
    return ", ".join(map(printable, names[:5])) + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")


def _be(items: Sequence) -> str:
    return "is" if len(items) == 1 else "are"
