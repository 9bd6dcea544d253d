"""Many picture files to one array: looked at first, decoded once, in memory or in a file that is mapped."""

import math
import os
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from ganvas.data import cache
from ganvas.data.arrays import content_hashes, mean_image, split
from ganvas.data.images import BadImage, Header, probe, read_image
from ganvas.data.pixels import WHITE, is_grey, resize, with_channels, with_depth
from ganvas.data.source import pack_mean
from ganvas.files import progress

DEFAULT_SIDE = 64  # what pictures are scaled to when nobody says, unless all are of one size up to this
Channels = Literal["auto", 1, 3, 4]


class Entry(NamedTuple):
    """A file to decode. `name` is its path below the root with "/"; (name, size, stamp) change when it changes."""

    name: str
    size: int
    stamp: int
    content: Callable[[], Path | bytes]  # what `read_image` takes


class Pictures(NamedTuple):
    """N×C×H×W pixels, the entries they come from, what was bad and what was decided."""

    images: np.ndarray
    kept: np.ndarray  # row k was entry kept[k]
    bad: list[tuple[str, str]]  # name and reason, in the order of the entries
    notes: list[str]
    hashes: np.ndarray | None = None  # both known only where the pixels come from the cache
    mean: str | None = None


class Looked(NamedTuple):
    """What the headers say: of each entry its header, or the reason why there is none; and remarks."""

    headers: list[Header | str]
    notes: list[str]


class Plan(NamedTuple):
    """What the headers say, and the one shape and type that follow from it."""

    good: list[int]
    bad: dict[int, str]
    shape: tuple[int, int, int]
    dtype: np.dtype
    notes: list[str]


def decode(
    entries: Sequence[Entry],
    *,
    size: tuple[int, int] | None,
    channels: Channels,
    memory: int,
    root: str = "",
    halves: bool = False,
    looked: Looked | None = None,
) -> Pictures:
    """All usable pictures of `entries`, of one shape and type, in the order of `entries`.

    Without `size` they keep theirs if it is common and at most 64, else become 64×64. "auto" channels: grey if every
    picture is grey, else colour, transparency laid on white. Depth is the deepest met. What is over `memory` bytes is
    decoded into a cache file, found again by (`root`, names, sizes, stamps) and mapped. Raises `Storage`.

    halves: every picture is two side by side, each brought to `size` for itself; W is then twice the width.
    looked: what `look` said of these entries, where it was asked before.
    """
    facts = ("v1", root, size, channels, [entry[:3] for entry in entries], *(("halves",) if halves else ()))
    key = blake2b(repr(facts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    if cached := _cached(key, memory):
        return cached
    plan = survey(looked or look(entries), size, channels, halves)
    shape = (len(plan.good), *plan.shape[:2], plan.shape[2] * (1 + halves))
    if math.prod(shape) * plan.dtype.itemsize <= memory:
        return _fill(np.empty(shape, plan.dtype), entries, plan, channels, halves)
    with cache.building(key) as folder:
        room = cache.allocate(folder, shape, plan.dtype)
        pictures = _fill(room, entries, plan, channels, halves)
        if not len(pictures.images):
            return pictures
        hashes = content_hashes(pictures.images)
        mean = pack_mean(mean_image(pictures.images, split(hashes)[0], (0, WHITE[plan.dtype.name])))
        record = {"n": len(hashes), "channels": pictures.images.shape[1], "bad": pictures.bad, "mean": mean}
        record["notes"] = [*pictures.notes, f"decoded pictures are kept in {cache.place(key)}"]
        cache.store(folder, room, {"hashes": hashes, "kept": pictures.kept}, record)
    return _cached(key, memory) or pictures


def _cached(key: str, memory: int) -> Pictures | None:
    if (found := cache.load(key, memory)) is None:
        return None
    arrays, record = found
    bad = [(name, reason) for name, reason in record["bad"]]
    return Pictures(arrays["images"], arrays["kept"], bad, record["notes"], arrays["hashes"], record["mean"])


def look(entries: Sequence[Entry]) -> Looked:
    """Reads every header, and no pixel."""
    remarks: Counter[str] = Counter()
    headers = _each(entries, lambda entry: probe(entry.content(), _counting(remarks)), "looking at pictures")
    return Looked(headers, _listed(remarks))


def survey(looked: Looked, size: tuple[int, int] | None, channels: Channels, halves: bool = False) -> Plan:
    """Decides on one shape and type for all (of each half, where pictures are two side by side)."""
    good, bad = [], {}
    for k, result in enumerate(looked.headers):
        if isinstance(result, Header):
            good.append(k)
        else:
            bad[k] = result
    headers = [looked.headers[k] for k in good]
    sizes = Counter((header.height, header.width // (1 + halves)) for header in headers)
    notes = list(looked.notes)
    if size is None and len(sizes) == 1 and max(next(iter(sizes))) <= DEFAULT_SIDE:
        size = next(iter(sizes))
    elif headers:
        asked, size = size is not None, size or (DEFAULT_SIDE, DEFAULT_SIDE)
        notes += _about_size(sizes, size, asked)
    depths = Counter(header.dtype for header in headers)
    deepest = max(depths, key=lambda dtype: dtype.itemsize, default=np.dtype(np.uint8))
    if len(depths) > 1:
        parts = ", ".join(f"{n:,} of {dtype}" for dtype, n in depths.items())
        notes.append(f"pixels come in several types ({parts}): all become {deepest}")
    if channels == "auto":
        kinds = Counter(header.channels for header in headers)
        # Grey files among coloured ones become coloured; anything else cannot be converted, so most of a kind win.
        channels = max(kinds) if kinds and set(kinds) <= {1, 3} else max(kinds, key=kinds.__getitem__, default=1)
    return Plan(good, bad, (channels, *(size or (DEFAULT_SIDE, DEFAULT_SIDE))), deepest, notes)


def _about_size(sizes: Counter, size: tuple[int, int], asked: bool) -> list[str]:
    total, (height, width) = sizes.total(), size
    changed = total - sizes[size]
    if not changed:
        return []
    smallest, largest = min(sizes, key=np.prod), max(sizes, key=np.prod)
    span = f"{_by(smallest)}" if len(sizes) == 1 else f"from {_by(smallest)} to {_by(largest)}"
    advice = "" if asked else "; --size N or HxW chooses another"
    cropped = sum(n for (h, w), n in sizes.items() if h * width != w * height)
    how = "cropped about the centre and scaled" if cropped == changed else "scaled"
    some = f", {cropped:,} of them after cropping about the centre" if 0 < cropped < changed else ""
    notes = [f"{changed:,} of {total:,} pictures ({span}) {_be(changed)} {how} to {_by(size)}{some}{advice}"]
    if enlarged := sum(n for (h, w), n in sizes.items() if h < height or w < width):
        notes.append(f"{enlarged:,} of them {_be(enlarged)} smaller and {_be(enlarged)} enlarged")
    return notes


def _be(n: int) -> str:
    return "is" if n == 1 else "are"


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]}"


def _fill(images: np.ndarray, entries: Sequence[Entry], plan: Plan, channels: Channels, halves: bool) -> Pictures:
    """Decodes into `images`, whose unused last rows are cut off."""
    remarks: Counter[str] = Counter()
    wanted, *size = plan.shape

    def work(row: int, entry: Entry) -> tuple[bool, int]:
        image = read_image(entry.content(), alpha=channels == 4, note=_counting(remarks))
        parts = np.split(image, 2, axis=2) if halves else [image]  # apart, so that no light crosses the seam
        image = np.concatenate([resize(part, tuple(size)) for part in parts], axis=2)
        coloured = len(image) > 1 and not is_grey(image)
        try:
            images[row] = with_depth(with_channels(image, wanted), plan.dtype)
        except ValueError:
            raise BadImage(f"{len(image)} channels where the others have {wanted}") from None
        return coloured, int(images[row].max()) if plan.dtype == np.uint16 else 0

    results = _each([entries[k] for k in plan.good], work, "decoding pictures", with_row=True)
    bad, kept, coloured, peak = dict(plan.bad), [], False, 0
    for row, (k, result) in enumerate(zip(plan.good, results, strict=True)):
        if isinstance(result, str):
            bad[k] = result
            continue
        if len(kept) != row:
            images[len(kept)] = images[row]  # close the gap a bad picture left
        kept.append(k)
        coloured, peak = coloured or result[0], max(peak, result[1])
    images, notes = images[: len(kept)], plan.notes + _listed(remarks)
    if channels == "auto" and wanted == 3 and kept and not coloured:
        images = images[:, :1] if isinstance(images, np.memmap) else np.ascontiguousarray(images[:, :1])
        notes.append("colour files that hold only grey: one channel is kept")
    if kept and plan.dtype == np.uint16 and peak < 4096:
        notes.append(f"the brightest 16-bit pixel is {peak} of 65535, so the pictures will look dark")
    return Pictures(images, np.array(kept, np.int64), [(entries[k].name, bad[k]) for k in sorted(bad)], notes)


def _each(entries: Sequence[Entry], work: Callable[..., Any], what: str, with_row: bool = False) -> list[Any]:
    """`work(entry)` or `work(row, entry)` for all, on a few threads: results in order, for a bad one its reason."""

    def safely(numbered: tuple[int, Entry]) -> Any:
        try:
            return work(*numbered) if with_row else work(numbered[1])
        except BadImage as error:
            return str(error)
        except Exception as error:  # the container, not the picture: a zip member with a wrong checksum, a lost disk
            return getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__

    results, numbered = [], list(enumerate(entries))
    # Damaged metadata makes Pillow warn; the picture is judged by its pixels.
    with warnings.catch_warnings(), progress(what, len(entries)) as advance:
        warnings.simplefilter("ignore")
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            for start in range(0, len(numbered), 256):  # in blocks, so that Ctrl-C waits for few and the bar moves
                block = numbered[start : start + 256]
                # A few at a time, because handing over a single small picture costs more than reading it.
                parts = [block[k : k + 16] for k in range(0, len(block), 16)]
                for part in pool.map(lambda part: [safely(item) for item in part], parts):
                    results += part
                    advance(len(part))
    return results


_counter_lock = threading.Lock()


def _counting(remarks: Counter[str]) -> Callable[[str], None]:
    def note(remark: str) -> None:
        with _counter_lock:
            remarks[remark] += 1

    return note


def _listed(remarks: Counter[str]) -> list[str]:
    return [f"{n:,} picture{'s' * (n > 1)}: {remark}" for remark, n in sorted(remarks.items())]
