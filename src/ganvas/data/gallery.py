"""Pictures in a fixed order, each at its own size: what scores look at. Nothing is cropped or scaled here."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np

from ganvas.data.arrays import ArraySource
from ganvas.data.decode import Entry
from ganvas.data.folders import list_folder, list_zip
from ganvas.data.images import BadImage, read_image
from ganvas.data.packed import read_arrays
from ganvas.data.source import Source
from ganvas.errors import BadInput
from ganvas.files import printable

Pictures = Sequence[np.ndarray]  # C×H×W each


@dataclass(frozen=True)
class Gallery:
    """`n` pictures by position. `fingerprint` changes with any of them. `read(start, stop)` gives C×H×W arrays.

    name: what they are, for people and for a score's card. names: of each its file or its row, where they are known.
    """

    name: str
    fingerprint: str
    n: int
    read: Callable[[int, int], Pictures]
    names: tuple[str, ...] = ()

    def chunks(self, size: int) -> Iterator[tuple[int, Pictures]]:
        """(position of the first, pictures), `size` at a time."""
        for start in range(0, self.n, size):
            yield start, self.read(start, min(start + size, self.n))

    def first(self, n: int) -> "Gallery":
        """The first `n` of them, or all."""
        if n >= self.n:
            return self
        return Gallery(self.name, f"{self.fingerprint}[:{n}]", n, self.read, self.names[:n])


def held_out(source: Source, key: str = "image") -> Gallery:
    """What training never saw; of examples with several pictures those under `key`. Raises BadInput where there is none."""
    n = source.spec.held_out
    if not n:
        raise BadInput(
            f"{source.spec.name} is too small to hold images out: give --against a folder of other real images"
        )
    images = source.held_out()[key]
    name, fingerprint = f"{source.spec.name}, held out", f"{source.spec.fingerprint}-held-out"
    names = _origins(source, 1) or tuple(f"{i:05d}" for i in range(n))
    return Gallery(name, fingerprint, n, lambda a, b: images[a:b], names)


def trained_on(source: Source, most: int = 50_000) -> Gallery:
    """The training images, each once, in the order of the first epoch of seed 0; of an endless source the first `most`."""
    n = source.spec.n or most
    read = lambda a, b: source.batch(0, a, b - a)["image"]  # noqa: E731
    return Gallery(f"{source.spec.name}, training", f"{source.spec.fingerprint}-training", n, read, _origins(source, 0))


def _origins(source: Source, part: int) -> tuple[str, ...]:
    return source.origins()[part] if isinstance(source, ArraySource) else ()


def everything(source: Source, most: int = 50_000) -> Gallery:
    """Training and held-out images together: a published test set, or a folder given as the reference."""
    train, n = trained_on(source, most), source.spec.held_out
    aside = source.held_out()["image"]

    def read(a: int, b: int) -> Pictures:
        return [
            *(train.read(a, min(b, train.n)) if a < train.n else ()),
            *aside[max(a - train.n, 0) : max(b - train.n, 0)],
        ]

    names = train.names + _origins(source, 1)
    return Gallery(source.spec.name, f"{source.spec.fingerprint}-all", train.n + n, read, names)


def files_in(path: Path, note: Callable[[str], None] = print) -> Gallery:
    """Every picture of a folder (sub-folders too), a zip or an .npy/.npz array, at its own size, in order of name.

    Unusable files are left out and told to `note`. Raises BadInput where there are fewer than two pictures.
    """
    name = printable(path.resolve().name)
    if path.suffix.lower() in (".npy", ".npz"):
        images = read_arrays(path, memory=1 << 30).images
        digest = blake2b(np.ascontiguousarray(images).tobytes(), digest_size=16).hexdigest()
        return Gallery(name, digest, len(images), lambda a, b: images[a:b])
    if path.is_dir():
        return _listed(name, list_folder(path).entries, note)
    try:
        import zipfile

        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise BadInput(f"{printable(path)} is no folder, zip, .npy or .npz of pictures ({error})") from None
    return _listed(name, list_zip(archive).entries, note)


def _listed(name: str, entries: Sequence[Entry], note: Callable[[str], None]) -> Gallery:
    """Looked through once: what cannot be decoded must be known before positions are given out."""
    good, digest = [], blake2b(digest_size=16)
    bad: list[str] = []
    for entry in entries:
        content = entry.content()
        try:
            read_image(content)
        except (BadImage, OSError) as error:
            bad.append(f"{entry.name} ({error})")
            continue
        digest.update(content if isinstance(content, bytes) else Path(content).read_bytes())
        good.append(entry)
    if bad:
        shown = ", ".join(map(printable, bad[:3])) + (f" and {len(bad) - 3:,} more" if len(bad) > 3 else "")
        note(f"{name}: {len(bad):,} of {len(entries):,} files left out: {shown}")
    if len(good) < 2:
        raise BadInput(
            f"{name} holds {len(good) or 'no'} usable picture{'s' * (len(good) != 1)}: a score needs at least two"
        )
    return Gallery(
        name, digest.hexdigest(), len(good), lambda a, b: [read_image(entry.content()) for entry in good[a:b]],
        tuple(entry.name for entry in good),
    )  # fmt: skip
