"""What `translate` and `upscale` share: pictures in, pictures out. A file, a folder, or a pipe."""

import sys
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
    from ganvas.data.images import BadImage, read_image

    try:
        content = sys.stdin.buffer.read() if given == "-" else Path(given)
        picture = read_image(content, alpha=opacity, any_shape=True)
    except BadImage as error:
        raise BadInput(f"{'standard input' if given == '-' else given}: {error}") from None
    place = _deliver(make(picture), out, "-.png" if given == "-" else Path(given).name)
    if place:
        print(place)
    return 0


def _folder(make: "Make", given: Path, out: Path, opacity: bool, doing: str) -> int:
    from ganvas.data.folders import list_folder
    from ganvas.data.images import BadImage, read_image
    from ganvas.files import printable, progress

    if str(out) == "-" or out.suffix.lower() in ENDINGS:
        raise BadInput(f"{given} is a folder, so OUT is one too, not {out}")
    listing = list_folder(given)
    if not listing.entries:
        raise BadInput(f"{printable(given)} holds no pictures")
    bad = list(listing.bad)
    with progress(doing, len(listing.entries)) as advance:
        for entry in listing.entries:
            try:
                picture = read_image(entry.content(), alpha=opacity, any_shape=True)
                _deliver(make(picture), str(out / entry.name), entry.name)
            except (BadImage, BadInput) as error:
                bad.append((entry.name, str(error)))
            advance(1)
    done = len(listing.entries) + len(listing.bad) - len(bad)
    print(f"{done:,} picture{'s' * (done != 1)} in {out}")
    for name, reason in bad[:10]:
        print(f"ganvas: {printable(name)}: {reason}", file=sys.stderr)
    if len(bad) > 10:
        print(f"ganvas: … and {len(bad) - 10:,} more", file=sys.stderr)
    return 2 if bad else 0


def _deliver(picture: "np.ndarray", out: str, name: str) -> Path | None:
    """Into a file of any kind that can hold it, into a folder under the name it came with, or to standard output."""
    from ganvas import files
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
    save_picture(path, picture)
    return path
