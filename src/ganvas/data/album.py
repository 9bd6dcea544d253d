"""One word or path to `Photos`: a folder or zip of photos of any sizes, one with LR/ and HR/, or the two that are here."""

import importlib.util
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

import numpy as np

from ganvas.data.decode import Entry, _each, look
from ganvas.data.folders import Listing, below, judged, listed, some
from ganvas.data.images import BadImage, Header, read_image
from ganvas.data.open import Size, _existing, _quarter_of_ram, parse_size
from ganvas.data.photos import Photos
from ganvas.data.pixels import with_channels, with_depth
from ganvas.data.toys import Shapes
from ganvas.errors import BadInput
from ganvas.files import cache_folder, printable, storage_errors

OURS = "two_photos"
SCALES = (2, 3, 4, 8)
_SIDES = {"lr": "lr", "hr": "hr"}  # names of sub-folders, in any case


class Kept(NamedTuple):
    """Decoded photos and where they come from."""

    photos: list[np.ndarray]
    names: list[str]
    bad: list[tuple[str, str]]


def open_photos(
    text: str | os.PathLike,
    *,
    scale: Literal[2, 3, 4, 8] = 4,
    size: Size = None,
    side: int = 96,
    turns: bool = False,
    flip: bool = False,
    strict: bool = False,
    drop_unpaired: bool = False,
    memory: int | None = None,
) -> Photos:
    """Opens `text`: `two_photos`, or a folder or zip of photos, or one that holds LR/ and HR/ with equal names in both.

    size: of the crops of the large photos, N or "HxW", multiples of scale; not given: the largest multiple of it up to
    `side`. Photos smaller than that are left out and named. turns, flip: see `Photos`. strict: refuse unusable files, as
    `open_source` does. drop_unpaired: leave out what is in one of LR/ and HR/ alone, which is refused otherwise.
    memory: bytes that decoded photos may take; above, they lie in a nameless file in the cache folder that goes with
    the process. By default a quarter of RAM. Colour and grey stay what they are, as does 16-bit grey; transparency is
    laid on white. Raises `BadInput`, `Storage`.
    """
    if scale not in SCALES:
        raise BadInput(
            f"--scale {scale}: pictures are enlarged {', '.join(map(str, SCALES[:-1]))} or {SCALES[-1]} times"
        )
    text = os.fspath(text)
    crop = parse_size(size) or (side // scale * scale,) * 2
    if wrong := next((n for n in crop if n % scale), None):
        near = [n for n in (wrong // scale * scale, -(-wrong // scale) * scale) if n]
        raise BadInput(f"--size {wrong} is no multiple of --scale {scale}: {' or '.join(map(str, near))} is")
    if turns and crop[0] != crop[1]:
        raise BadInput(f"--turns needs square crops, and --size is {crop[0]}×{crop[1]}: leave one out")
    how = {"size": crop, "scale": scale, "flip": flip, "turns": turns}
    if text == OURS:
        return two_photos(how)
    path = _existing(text, (OURS,))
    if not path.is_dir() and path.suffix.lower() != ".zip":
        raise BadInput(f"{printable(path)} is neither a folder nor a .zip of photos")
    memory = _quarter_of_ram() if memory is None else memory
    label, name = printable(path), printable(path.absolute().name or text)
    with listed(path) as listing:
        base = below(listing)
        sides = _sides(listing, base)
        if sides is None:
            return _alone(label, name, listing, how, strict, memory)
        return _paired(label, name, listing, sides, how, strict, drop_unpaired, memory)


def two_photos(how: dict) -> Photos:
    """scikit-learn's photos of a temple and of a flower, read without importing it, and twelve sheets of drawn shapes.

    Three quarters of each photo's width are trained on and the rest, with something to see, is held out: that says little
    about other photos, and is here so that everything can be tried offline. Raises `BadInput` without the photos.
    """
    found = importlib.util.find_spec("sklearn")
    folders = (found and found.submodule_search_locations) or ()
    folder = next((f for p in folders if (f := Path(p) / "datasets" / "images").is_dir()), None)
    if folder is None:
        raise BadInput(
            f'{OURS}: the photos that scikit-learn brings are not installed; pip install "ganvas[demo]", or give --data a '
            "folder of photos"
        )
    try:
        china, flower = (read_image(folder / f"{name}.jpg") for name in ("china", "flower"))
    except BadImage as error:
        raise BadInput(f"{OURS}: scikit-learn's photos cannot be read ({error}); install it again") from None
    shapes = list(Shapes((192, 192)).batch(0, 0, 12)["image"])
    photos = [
        china[:, :, 480:],
        flower[:, :, 320:480],
        china[:, :, :480],
        flower[:, :, :320],
        flower[:, :, 480:],
        *shapes,
    ]
    kept = [
        k for k, photo in enumerate(photos) if photo.shape[1] >= how["size"][0] and photo.shape[2] >= how["size"][1]
    ]
    held = np.arange(len(photos)) < 2
    if held[kept].all() or not kept:
        raise BadInput(f"{OURS} has no crop of {how['size'][0]}×{how['size'][1]}: choose a smaller --size")
    notes = [
        f"{OURS}: three quarters of each of two photos (scikit-learn's china and flower) and twelve sheets of drawn shapes; "
        "the other quarters are held out"
    ]
    return Photos([photos[k] for k in kept], name=OURS, held=held[kept], notes=notes, **how)


def _sides(listing: Listing, base: str) -> dict[str, str] | None:
    """The folders of the small and of the large photos, where all pictures lie in two of these names."""
    tops = {name[len(base) :].partition("/")[0::2] for name in listing.names() if name.startswith(base)}
    names = {top for top, rest in tops if rest}
    named = {_SIDES.get(name.lower()): f"{base}{name}/" for name in names}
    return named if len(names) == 2 and set(named) == {"lr", "hr"} and all(rest for _, rest in tops) else None


def _alone(label: str, name: str, listing: Listing, how: dict, strict: bool, memory: int) -> Photos:
    kept, notes = _decoded(listing.entries, how["size"], memory, label, listing.bad, strict, "; ".join(listing.notes))
    source = Photos(kept.photos, name=name, notes=listing.notes + notes, **how)
    source.notes.append(_counted(source, kept.photos, how))
    return source


def _paired(
    label: str,
    name: str,
    listing: Listing,
    sides: dict[str, str],
    how: dict,
    strict: bool,
    drop_unpaired: bool,
    memory: int,
) -> Photos:
    """LR/ and HR/: each small photo with the large one of its name."""
    of = {
        key: {_stem(e.name, folder): e for e in listing.entries if e.name.startswith(folder)}
        for key, folder in sides.items()
    }
    alone = sorted(of["lr"].keys() ^ of["hr"].keys())
    if alone and not drop_unpaired:
        raise BadInput(
            f"{label}: {len(alone):,} of the names are in one of LR/ and HR/ alone: {some(alone)}; add what is missing, or "
            "give --drop-unpaired"
        )
    both = sorted(of["lr"].keys() & of["hr"].keys(), key=os.fsencode)
    kept, notes = _decoded([of["hr"][stem] for stem in both], how["size"], memory * 4 // 5, label, listing.bad, strict)
    stems = [_stem(n, sides["hr"]) for n in kept.names]
    small, more = _decoded([of["lr"][stem] for stem in stems], (1, 1), memory // 5, label, [], True)
    for stem, low, high in zip(stems, small.photos, kept.photos, strict=True):
        fits = [side // how["scale"] for side in high.shape[1:]]
        if list(low.shape[1:]) != fits or len(low) != len(high):
            shapes = " and ".join("×".join(map(str, x.shape)) for x in (low, high))
            raise BadInput(f"{label}: {printable(stem)} is {shapes} in LR/ and HR/, which is not {how['scale']} times")
    notes += [f"left out, without a partner: {some(alone)}"] if alone else []
    notes.append("LR/ and HR/ are pairs: nothing is made smaller here")
    source = Photos(kept.photos, small.photos, name=name, notes=listing.notes + notes + more, **how)
    source.notes.append(_counted(source, kept.photos, how))
    return source


def _stem(name: str, folder: str) -> str:
    return str(PurePosixPath(name[len(folder) :]).with_suffix(""))


def _decoded(
    entries: Sequence[Entry], least: tuple[int, int], memory: int, label: str, bad: Sequence[tuple[str, str]], strict: bool,
    why: str = "",
) -> tuple[Kept, list[str]]:  # fmt: skip
    """All usable pictures of at least this height and width, alike in channels and type, and what to say of them."""
    looked = look(entries)
    bad = list(bad) + [(e.name, h) for e, h in zip(entries, looked.headers, strict=True) if isinstance(h, str)]
    good = [(e, h) for e, h in zip(entries, looked.headers, strict=True) if isinstance(h, Header)]
    notes = looked.notes + judged(label, bad, len(good), strict, why)
    fit = [(e, h) for e, h in good if h.height >= least[0] and h.width >= least[1]]
    if good and not fit:
        most = max((h for _, h in good), key=lambda h: min(h.height, h.width))
        raise BadInput(
            f"{label}: all of its {len(good):,} photos are smaller than a crop of {least[0]}×{least[1]}, the largest being "
            f"{most.height}×{most.width}: choose a smaller --size"
        )
    if len(fit) < len(good):
        small = [e.name for e, h in good if h.height < least[0] or h.width < least[1]]
        notes.append(f"{len(small):,} of {len(good):,} photos are smaller than a crop and left out: {some(small)}")
    channels, dtype = max(h.channels for _, h in fit), max((h.dtype for _, h in fit), key=lambda t: t.itemsize)
    rooms = _rooms([(channels, h.height, h.width) for _, h in fit], dtype, memory)

    def work(row: int, entry: Entry) -> None:
        rooms[row][:] = with_depth(with_channels(read_image(entry.content()), channels), dtype)

    results = _each([e for e, _ in fit], work, "decoding photos", with_row=True)
    damaged = [(e.name, reason) for (e, _), reason in zip(fit, results, strict=True) if reason is not None]
    notes += judged(label, damaged, len(fit) - len(damaged), strict)
    kept = [(room, e.name) for room, (e, _), reason in zip(rooms, fit, results, strict=True) if reason is None]
    return Kept([room for room, _ in kept], [name for _, name in kept], bad + damaged), notes


def _rooms(shapes: Sequence[tuple[int, int, int]], dtype: np.dtype, memory: int) -> list[np.ndarray]:
    """An array of each shape: in memory, or, where that is too little, in one mapped file without a name."""
    sizes = [int(np.prod(shape)) for shape in shapes]
    if (total := sum(sizes)) * dtype.itemsize <= memory:
        return [np.empty(shape, dtype) for shape in shapes]
    with storage_errors(cache_folder(), needed=total * dtype.itemsize):
        cache_folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=cache_folder()) as file:
            os.posix_fallocate(file.fileno(), 0, total * dtype.itemsize)  # writing into a map of a full disk kills
            flat = np.memmap(file, dtype, "r+", shape=(total,))
    ends = np.cumsum(sizes)
    return [flat[end - n : end].reshape(shape) for end, n, shape in zip(ends, sizes, shapes, strict=True)]


def _counted(source: Photos, photos: Sequence[np.ndarray], how: dict) -> str:
    spec, held = source.spec, len(source.held_photos)
    by = "×".join(map(str, how["size"]))
    left = f"{held:,} held out ({spec.held_out:,} crops)" if held else "none held out"
    return (
        f"{len(photos) - held:,} photos to train on, {left}; an epoch is {spec.n:,} crops of {by}, for ×{how['scale']}"
    )
