"""One word or path to a data set: what `--data` takes."""

import difflib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from ganvas.data import builtin, tasks, toys
from ganvas.data.arrays import ArraySource
from ganvas.data.captioned_shapes import NAME as CAPTIONED_SHAPES
from ganvas.data.decode import Channels, decode
from ganvas.data.examples import Want, from_folder, from_two
from ganvas.data.folders import below, judged, labels, listed
from ganvas.data.images import SUFFIXES
from ganvas.data.layouts import LAYOUTS
from ganvas.data.packed import Stack, is_idx, read_arrays, read_cifar, read_idx_pair, stack
from ganvas.data.pixels import resize, with_channels
from ganvas.data.source import Source
from ganvas.data.stacked import Stacked
from ganvas.errors import BadInput
from ganvas.files import printable

POINTS = {"ring8": toys.ring8, "grid25": toys.grid25, "mixture1d": toys.mixture1d}
NAMES = (*builtin.NAMES, "stacked", "shapes", *POINTS)
TASKS = tuple(tasks.TASKS)

Size = int | str | Sequence[int] | None


def open_source(
    text: str | os.PathLike,
    *,
    size: Size = None,
    channels: Channels = "auto",
    flip: bool = False,
    strict: bool = False,
    memory: int | None = None,
    folder: Path | None = None,
    say: Callable[[str], None] = print,
) -> Source:
    """Opens `text`: a name of `NAMES` (with a size, if you like: shapes:32, mnist:64, shapes:32x48) or a path.

    A path is a folder or zip of pictures, an .npy or .npz array, an IDX file or a folder with MNIST's, or the CIFAR-10
    archive. A name wins over a path; write ./digits for a folder called digits.

    size: N, "HxW" or (H, W): every picture is cropped about its centre to that aspect ratio and scaled.
    channels: "auto", 1 (grey), 3 (colour) or 4 (colour and opacity). flip: mirror half of the examples.
    strict: refuse unusable files. By default they are listed and left out, up to 1 % of all (or 10 files, if those are
    less than half).
    memory: bytes that decoded pictures may take; above, they are mapped from a cache file. By default a quarter of RAM.
    folder: where to look for published data sets, besides $GANVAS_DATA and the cache. say: told of downloads.

    What was understood and decided is in `notes` of the source. Raises `BadInput`, `Storage` or `Corrupt`.
    """
    text = os.fspath(text)
    name, _, given = text.partition(":")
    memory = _quarter_of_ram() if memory is None else memory
    if name in NAMES:
        wanted = _one_size(text, given, size)
        notes = [f"{name} is the data set of that name; write ./{name} for the path"] if Path(name).exists() else []
        if name in builtin.NAMES:
            return _from_stack(builtin.builtin(name, folder, say), name, wanted, channels, flip, notes)
        return _toy(name, wanted, channels, flip)
    path, wanted = _existing(text), parse_size(size)
    label = printable(path.absolute().name or text)
    if path.is_dir():
        packed = ("train-images-idx3-ubyte", "train-images-idx3-ubyte.gz", "train-images.idx3-ubyte")
        path = next((file for name in packed if (file := path / name).is_file()), path)
    if path.suffix.lower() in (".npy", ".npz"):
        return _from_stack(read_arrays(path, memory), label, wanted, channels, flip)
    if is_idx(path.name):
        return _from_stack(read_idx_pair(path), label, wanted, channels, flip)
    if path.name.endswith(".tar.gz"):
        return _from_stack(stack(*read_cifar(path), name=label), label, wanted, channels, flip)
    if path.is_dir() or path.suffix.lower() == ".zip":
        return _from_folder(path, label, wanted, channels, flip, strict, memory)
    if path.suffix.lower() in SUFFIXES:
        raise BadInput(f"{printable(path)} is one picture; give the folder that holds many")
    raise BadInput(f"{printable(path)} is no data that is read: a folder or .zip of pictures, .npy, .npz, IDX")


def open_examples(
    text: str | os.PathLike,
    kind: Literal["pairs", "domains"],
    *,
    size: Size = None,
    side: int = 256,
    channels: Channels = "auto",
    flip: bool = False,
    strict: bool = False,
    drop_unpaired: bool = False,
    memory: int | None = None,
    folder: Path | None = None,
    say: Callable[[str], None] = print,
) -> Source:
    """Opens `text` as pictures "a" and "b": a name of `TASKS` (edges:64 with a size), a folder, a zip or "FOLDER,FOLDER".

    kind: "pairs", where a and b belong together and are cropped and mirrored alike, or two "domains".
    side: without `size`, pictures keep theirs if all have one up to this that 4 divides, else become side×side.
    drop_unpaired: leave out what cannot be paired, which is refused otherwise. The rest as for `open_source`. What a
    folder may be is told in `layouts.py`. Raises `BadInput` (of what cannot be paired: `layouts.Unpaired`), `Storage`.
    """
    text = os.fspath(text)
    name, _, given = text.partition(":")
    _check_kind(name, kind)
    if name in TASKS:
        if channels != "auto":
            raise BadInput(f"{name} has its own channels; leave them at auto")
        source = tasks.open_task(name, kind, _one_size(text, given, size), flip)
        shadowed = [f"{name} is the task of that name; write ./{name} for the path"] if Path(name).exists() else []
        source.notes = shadowed + source.notes
        return source
    memory = _quarter_of_ram() if memory is None else memory
    want = Want(kind, parse_size(size), side, channels, flip, strict, drop_unpaired, memory)
    paths = _one_or_two(text)
    label = "+".join(printable(path.absolute().name or text) for path in paths)
    return from_folder(paths[0], label, want) if len(paths) == 1 else from_two(paths, label, want)


def look(
    text: str | os.PathLike,
    kind: Literal["images", "pairs", "domains"] = "images",
    *,
    folder: Path | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Raises what `open_source` (or, for pairs and domains, `open_examples`) would raise before it reads a picture, at
    once; downloads a published set not here yet.

    Arguments as there. For callers that have something slow to do before they open the data.
    """
    name = os.fspath(text).partition(":")[0]
    if kind != "images":
        _check_kind(name, kind)
        paths = () if name in TASKS else _one_or_two(os.fspath(text))
        if blank := next(filter(_is_empty, paths), None):
            raise BadInput(f"{printable(blank)} is an empty folder; understood are {LAYOUTS}")
    elif name in builtin.PUBLISHED:
        builtin.fetch(name, folder, say)
    elif name not in NAMES and _is_empty(path := _existing(os.fspath(text))):
        raise BadInput(f"{printable(path)} is an empty folder; give one with PNG, JPEG or WebP files")


def parse_size(size: Size) -> tuple[int, int] | None:
    """N, "N", "HxW" or a pair to (height, width); None or "" to None. Raises `BadInput`."""
    if size is None or size == "":
        return None
    try:
        sides = size.lower().replace("×", "x").split("x") if isinstance(size, str) else size
        sides = [int(side) for side in sides] if not isinstance(sides, int) else [sides]
        height, width = sides * 2 if len(sides) == 1 else sides
    except (TypeError, ValueError):
        raise BadInput(f"size {size!r} is not understood; write 64, or 48x64 for height and width") from None
    if not 4 <= min(height, width) <= max(height, width) <= 8192:
        raise BadInput(f"size {height}×{width}: sides are from 4 to 8192")
    return height, width


def _quarter_of_ram() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4


def _one_size(text: str, given: str, size: Size) -> tuple[int, int] | None:
    """The size that is part of the name, or the other one; `BadInput` where they are two."""
    wanted = parse_size(given or size)
    if given and size not in (None, "") and parse_size(size) != wanted:
        raise BadInput(f"{text} and --size {size} contradict each other; leave one out")
    return wanted


def _check_kind(name: str, kind: str) -> None:
    if name in NAMES:
        raise BadInput(f"{name} holds single pictures, no {kind}; give a folder, or one of {', '.join(TASKS)}")


def _one_or_two(text: str) -> tuple[Path, ...]:
    """A folder or zip, or, with a comma between, two of them."""
    two = text.split(",")
    parts = two if len(two) == 2 and not os.path.lexists(text) else [text]
    paths = tuple(_existing(part.strip() if len(parts) == 2 else part, TASKS) for part in parts)
    if other := next((path for path in paths if not path.is_dir() and path.suffix.lower() != ".zip"), None):
        raise BadInput(f"{printable(other)} is neither a folder nor a .zip; understood are {LAYOUTS}")
    return paths


def _existing(text: str, names: Sequence[str] = NAMES) -> Path:
    if not text.strip():  # would be the current folder, which nobody meant
        raise BadInput(f"no data is named; give a path, or one of {', '.join(names)}")
    try:
        path = Path(text).expanduser()
        path.stat()
    except (OSError, ValueError, RuntimeError) as error:  # a NUL in the name; ~ of an unknown user
        if text.partition(":")[0] == CAPTIONED_SHAPES and CAPTIONED_SHAPES not in names:
            raise BadInput(f"{text} are pictures with sentences, for recipes that read them: stackgan") from None
        if text.partition(":")[0] in TASKS:
            raise BadInput(
                f"{text} is a task of two pictures each, for recipes that translate: pix2pix, cyclegan"
            ) from None
        reason = getattr(error, "strerror", None) or str(error)
        if isinstance(error, FileNotFoundError) and os.sep not in text and not path.suffix:
            close = difflib.get_close_matches(text.partition(":")[0], names, n=3, cutoff=0.5) or names
            raise BadInput(f"no data set or path is called {printable(text)}; perhaps {', '.join(close)}?") from None
        raise BadInput(f"{printable(text)}: {reason}; give an existing path, or one of {', '.join(names)}") from None
    return path


def _is_empty(path: Path) -> bool:
    try:
        return path.is_dir() and not any(path.iterdir())
    except OSError:  # opening it will say what is the matter
        return False


def _toy(name: str, size: tuple[int, int] | None, channels: Channels, flip: bool) -> Source:
    if flip:
        raise BadInput(f"{name} is drawn endlessly, so flip would add nothing; leave it out")
    if channels not in ("auto", 1 if name in POINTS else 3):
        raise BadInput(f"{name} has its own channels; leave them at auto")
    if name == "shapes":
        return toys.Shapes(size or (64, 64))
    if name == "stacked":
        return Stacked(size or (28, 28))
    if size:
        raise BadInput(f"{name} holds points, which have no size; leave it out")
    return POINTS[name]()


def _from_stack(
    found: Stack, name: str, size: tuple[int, int] | None, channels: Channels, flip: bool, notes: Sequence[str] = ()
) -> ArraySource:
    images, notes = found.images, [*notes, *found.notes]
    if channels != "auto" and channels != images.shape[1]:
        try:
            images = np.stack([with_channels(image, channels) for image in images])
        except ValueError as error:
            raise BadInput(f"{name}: {error}; leave the channels at auto") from None
    if size and size != images.shape[2:]:
        (h, w), (height, width) = images.shape[2:], size
        how = "scaled" if h * width == w * height else "cropped about the centre and scaled"
        notes.append(f"all pictures are {how} from {_by((h, w))} to {_by(size)}")
        images = np.stack([resize(image, size) for image in images])
    return ArraySource(
        images, found.labels, name=name, classes=found.classes, columns=found.columns, range=found.range, notes=notes,
        flip=flip,
    )  # fmt: skip


def _by(size: Sequence[int]) -> str:
    return f"{size[0]}×{size[1]}"


def _from_folder(
    path: Path, name: str, size: tuple[int, int] | None, channels: Channels, flip: bool, strict: bool, memory: int
) -> ArraySource:
    with listed(path) as listing:
        base = below(listing)
        pictures = decode(listing.entries, size=size, channels=channels, memory=memory, root=str(path.resolve()))
    why, good = "; ".join(listing.notes), len(pictures.images)
    notes = listing.notes + judged(printable(path), listing.bad + pictures.bad, good, strict, why) + pictures.notes
    if good == 1:
        raise BadInput(f"{printable(path)} holds one usable picture; a GAN learns from many, and needs at least 2")
    names = [listing.entries[k].name for k in pictures.kept]
    told = labels(listing, base, names, strict)
    return ArraySource(
        pictures.images,
        told.values,
        name=name,
        classes=told.classes,
        columns=told.columns,
        notes=notes + told.notes,
        flip=flip,
        hashes=pictures.hashes,
        mean=pictures.mean,
        names=names,
    )
