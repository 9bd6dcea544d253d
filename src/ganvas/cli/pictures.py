"""What `translate` and `upscale` share: pictures in, pictures out. A file, a folder, or a pipe."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ganvas.cli.parse import take_positional
from ganvas.errors import BadInput

if TYPE_CHECKING:
    import numpy as np

    Make = Callable[[np.ndarray], np.ndarray]

ENDINGS = (".png", ".npy", ".tif", ".tiff", ".jpg", ".jpeg", ".webp", ".bmp")


def run_in_out(argv: Sequence[str], flags: Iterable[str]) -> tuple[dict[str, str | None], list[str]]:
    """The three words of a command, and its options."""
    rest, places = list(argv), {}
    for name in ("RUN", "IN", "OUT"):
        places[name], rest = take_positional(rest, flags)
    return places, rest


def must_be_all(places: dict[str, str | None], example: str) -> tuple[str, str, str]:
    """RUN, IN and OUT. Raises BadInput for the first that is missing."""
    if missing := [name for name, place in places.items() if place is None]:
        raise BadInput(f"{missing[0]} is missing: {example}")
    return tuple(places.values())


def budget(gib: float) -> int:
    """Bytes. Raises BadInput."""
    if not gib > 0:
        raise BadInput(f"--memory is GiB above 0, not {gib:g}")
    return int(gib * 2**30)


def through(make: "Make", given: str, out: str, *, opacity: bool, doing: str) -> int:
    """Each picture of `given` (a file, a folder, - for standard input) through `make` to `out`; the exit status.

    Of a folder each picture keeps its name, and what cannot be read is said at the end. Raises BadInput.
    """
    if given != "-" and Path(given).is_dir():
        return _folder(make, Path(given), Path(out), opacity, doing)
    from ganvas.data.images import BadImage

    name = "standard input" if given == "-" else given

    def remark(words: str) -> None:
        print(f"{name}: {words}", file=sys.stderr)

    content = sys.stdin.buffer.read() if given == "-" else Path(given)
    try:
        place = _one(make, content, opacity, out, "-.png" if given == "-" else Path(given).name, remark)
    except BadImage as error:
        raise BadInput(f"{name}: {error}") from None
    if place:
        print(place)
    return 0


def _folder(make: "Make", given: Path, out: Path, opacity: bool, doing: str) -> int:
    from ganvas.data.folders import list_folder
    from ganvas.data.images import BadImage
    from ganvas.files import printable, progress

    if str(out) == "-" or out.suffix.lower() in ENDINGS:
        raise BadInput(f"{given} is a folder, so OUT is one too, not {out}")
    listing = list_folder(given)
    if not listing.entries:
        raise BadInput(f"{printable(given)} holds no pictures")
    bad, remarks = list(listing.bad), Counter[str]()
    with progress(doing, len(listing.entries)) as advance:
        for entry in listing.entries:
            try:
                _one(make, entry.content(), opacity, str(out / entry.name), entry.name, lambda r: remarks.update([r]))
            except (BadImage, BadInput) as error:
                bad.append((entry.name, str(error)))
            advance(1)
    done = len(listing.entries) + len(listing.bad) - len(bad)
    print(f"{done:,} picture{'s' * (done != 1)} in {out}")
    for remark, count in remarks.items():
        print(f"{count:,} of them: {remark}", file=sys.stderr)
    for name, reason in bad[:10]:
        print(f"ganvas: {printable(name)}: {reason}", file=sys.stderr)
    if len(bad) > 10:
        print(f"ganvas: … and {len(bad) - 10:,} more", file=sys.stderr)
    return 2 if bad else 0


def _one(
    make: "Make", content: Path | bytes, opacity: bool, out: str, name: str, note: "Callable[[str], None]"
) -> Path | None:
    """One picture from its file to its place; of an .npy the axes stay in their order. Raises BadImage, BadInput."""
    from ganvas.data.images import array_shape, read_image

    made = make(read_image(content, alpha=opacity, any_shape=True, note=note))
    return _deliver(made, out, name, array_shape(content))


def _deliver(picture: "np.ndarray", out: str, name: str, array: tuple[int, ...] | None) -> Path | None:
    """Into a file of any kind that can hold it, into a folder under the name it came with, or to standard output.

    `array`: the shape of the array it was made of, whose order of axes an .npy then has."""
    from ganvas import files
    from ganvas.data.packed import in_layout_of
    from ganvas.study.picture import save_picture, write_to

    if out == "-":
        write_to(sys.stdout.buffer, picture, ".png")
        sys.stdout.flush()
        return None
    path = Path(out)
    if path.is_dir():
        path /= name
    if path.suffix.lower() not in ENDINGS:
        path = path.with_suffix(".png")
    with files.storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    save_picture(path, in_layout_of(array, picture) if array and path.suffix.lower() == ".npy" else picture)
    return path
