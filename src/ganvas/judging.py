"""Who is judged, against what, by which metrics: from words and paths to scores, and scores kept beside their run."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganvas import files
from ganvas.data.gallery import Gallery, everything, files_in, held_out, trained_on
from ganvas.data.open import NAMES, open_source
from ganvas.data.packed import is_idx
from ganvas.data.source import DataSpec, Source
from ganvas.errors import BadInput, GanvasError
from ganvas.files import printable
from ganvas.plan import opened
from ganvas.recipes import table
from ganvas.recipes.common import points
from ganvas.study.card import Score
from ganvas.study.scoreboard import SCORES, every_score
from ganvas.study.suited import suited
from ganvas.training.run import RunFolder

if TYPE_CHECKING:
    from ganvas.study.extractors import Extractor
    from ganvas.study.sample import Generator
    from ganvas.study.score import Question, Reference
    from ganvas.study.seen import Seen
    from ganvas.study.translate import Translator

Say = Callable[[str], None]


def ask(
    what: str | Path,
    *,
    against: str | None = None,
    train: str | None = None,
    extractor: str | None = None,
    weights: Path | None = None,
    precision: str = "fp32",
    n: int = 10_000,
    seed: int = 0,
    device: str = "cpu",
    pixels: bool = False,
    say: Say = print,
) -> Question:
    """A question about a run, a snapshot, or a folder, zip or array of pictures. Nothing is computed yet.

    against: "held-out" (a run's default) or "training" images of its data, a data set's name, a folder, zip or array,
    or an .npz of statistics. train: for what is no run and so does not know them, its training images. extractor: a name
    of `study.extractors`; not given: fd-digits/v1 and fd-shapes/v1 for the data they are made for, inception for all
    others. pixels: where that one cannot be had and nobody named it, compare pixels instead, and say so. n: pictures to
    draw; a conditional generator is told the labels of its data where they are there. Raises BadInput.
    """
    from ganvas.study.extractors import extractor as find
    from ganvas.study.score import Question

    what = Path(what)
    run = run_of(what)
    generator = _generator(what, device)
    spec = generator.spec if generator else None
    if spec and points(spec):
        raise BadInput(f"{spec.name} holds points, not pictures: `ganvas lab modes` counts its modes")
    known = extractor or (spec and suited(spec)) or "inception"

    @functools.cache
    def network() -> Extractor:
        try:
            return find(known, weights=weights, precision=precision, device=device, say=say)
        except BadInput as error:
            if extractor or not pixels:
                raise
            say(f"pixels are compared, because no network that fits can be had: {error}")
            return find("pixels", device=device)

    own = against in (None, "held-out", "training")
    source = source_of(run, say, needed=own) if run else None
    if spec and spec.views:
        return _translations(generator, source, network, against, watched)
    fakes = generated(generator, n, seed, source) if generator else files_in(what, say)
    reference = known_train = None
    if source is not None:
        if train is not None:
            raise BadInput(f"--train {printable(train)}: {printable(run)} knows its training images; leave it out")
        known_train = trained_on(source)
        reference = (known_train if against == "training" else held_out(source)) if own else None
    elif own and against is not None:
        raise BadInput(f"--against {against} is for a run, which knows its data: give a folder or a data set instead")
    if not own:
        reference = _reference(against, generator, network, say)
    if train is not None:
        known_train = _pictures(train, "--train", generator, say)
    shown = str(generator.label.get("weights", "average")) if generator else "files"
    labels = labels_of(generator, source)
    return Question(fakes, network, reference, known_train, generator, shown, seed, watched, labels)


def _translations(translator: Translator, source: Source | None, network: Callable, against: str | None, watched: str):
    """What is made of held-out pictures, against the held-out pictures of that side. Raises BadInput without them."""
    from ganvas.study.score import Question

    if source is None or against not in (None, "held-out"):
        raise BadInput("a translator is judged on the pictures that its run holds out: give the run, and no --against")
    fakes, targets = translator.held_out(source)
    return Question(fakes, network, targets, None, None, translator.label.get("weights", "live"), 0, watched, "")


def holds_pairs(run: Path) -> bool:
    """Does this run hold pairs out, on which its translations can be measured?"""
    return DataSpec.from_json(RunFolder.open(run).record["data"]["spec"]).held_out_paired


def held_out_pairs(what: Path, device: str) -> tuple[Gallery, Gallery] | None:
    """A translator's answers and the truth, for the pairs its run holds out; None for what is no such run."""
    run = run_of(what)
    if run is None or not holds_pairs(run):
        return None
    return _generator(what, device).held_out(source_of(run, print, needed=True))


def labels_of(generator: Generator | None, source: Source | None = None) -> str:
    """How `generated` chooses its labels, for a card; "" where it is told none.

    "as in the data": those of the training images of `source`, so that classes are as frequent, and columns go together,
    as there. "in turn": where they are not known, and where an endless source draws all classes alike.
    """
    if generator is None or not generator.conditional:
        return ""
    known = source is not None and source.spec.n and source.spec.levels == generator.spec.levels
    return "as in the data" if known else "in turn"


def generated(generator: Generator, n: int, seed: int, source: Source | None = None) -> Gallery:
    """Pictures 0 … n − 1 of this seed. Labels are chosen as `labels_of` says: picture i has that of example i of the
    stream of this seed, in which every training image comes once an epoch."""
    import hashlib

    digest = hashlib.sha256()
    for name, tensor in sorted(generator.net.state_dict().items()):
        digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    fingerprint = f"{digest.hexdigest()[:32]}-{seed}"
    if labels_of(generator, source) != "as in the data":
        return Gallery("generated", fingerprint, n, lambda a, b: np.asarray(generator.sample(b - a, seed, first=a)))

    def read(a: int, b: int) -> np.ndarray:
        return np.asarray(generator.draw(np.arange(a, b), source.batch(seed, a, b - a)["label"], seed))

    return Gallery("generated", f"{fingerprint}-{source.spec.fingerprint}", n, read)


def watched(gallery: Gallery, extractor: Extractor) -> Seen:
    """Features, under a bar where it takes time."""
    from ganvas.study.seen import see

    with files.progress(f"{extractor.name} looks at {gallery.name}", gallery.n) as advance:
        return see(gallery, extractor, advance=advance)


def answer(question: Question, metrics: Sequence[str]) -> Iterator[Score]:
    """The scores of these metrics, in this order, as they come. Raises BadInput for a metric that cannot be had."""
    from ganvas.study.score import METRICS

    check(metrics)
    for name in metrics:
        yield from METRICS[name](question)


def check(metrics: Iterable[str]) -> None:
    from difflib import get_close_matches

    from ganvas.study.score import METRICS

    for name in metrics:
        if name not in METRICS:
            near = get_close_matches(name, METRICS, 2, 0.4)
            hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(METRICS)}"
            raise BadInput(f"there is no metric {name!r}: {hint}")


def keep(run: Path, scores: Sequence[Score]) -> Path:
    """Appends them to the run's scores."""
    path = run / SCORES
    with files.storage_errors(path), path.open("a") as file:
        file.writelines(json.dumps(score.to_json()) + "\n" for score in scores)
    return path


def kept(run: Path) -> list[Score]:
    """All scores of a run, oldest first. Raises BadInput where it has none."""
    RunFolder.open(run)
    found = every_score(run)
    if not found:
        raise BadInput(f"{printable(run)} has no scores yet: `ganvas evaluate {printable(run)}` makes them")
    return found


def _generator(what: Path, device: str) -> Generator | None:
    from ganvas.loading import load

    return load(what, device=device) if RunFolder.exists(what) or what.suffix == ".safetensors" else None


def run_of(what: Path) -> Path | None:
    """The run that `what` is, or whose snapshot it is; None for a snapshot that lies elsewhere, and for pictures."""
    above = what.resolve().parent.parent
    return (
        what if RunFolder.exists(what) else above if what.suffix == ".safetensors" and RunFolder.exists(above) else None
    )


def source_of(run: Path, say: Say, needed: bool) -> Source | None:
    """The data that a run was trained on, as it was opened then. Where it is not needed it may be gone: that is said."""
    record = RunFolder.open(run).record
    data = record["data"]
    try:
        source = opened(table.find(record["recipe"]), data["source"], data["options"])
    except GanvasError as error:
        if needed:
            raise BadInput(
                f"the data of {printable(run)} cannot be opened ({error}): give --against real images"
            ) from None
        say(f"the data of {printable(run)} cannot be opened, so nothing is said of memorisation")
        return None
    if source.spec.fingerprint != data["spec"]["fingerprint"]:
        changed = f"{printable(run)} was trained on other images than {data['source']} holds now"
        if needed:
            raise BadInput(f"{changed}: give --against real images, or put them back")
        say(f"{changed}, so nothing is said of memorisation")
        return None
    return source


def _reference(against: str, generator: Generator | None, network: Callable, say: Say) -> Gallery | Reference:
    from ganvas.study.statistics import is_statistics, read_statistics

    path = Path(against)
    if path.suffix == ".npz" and is_statistics(path):
        return read_statistics(path, network())
    return _pictures(against, "--against", generator, say)


def _pictures(given: str, option: str, generator: Generator | None, say: Say) -> Gallery:
    """A data set's name, a folder, zip or array of real images, of the generator's size where there is one."""
    path, named = Path(given), given.partition(":")[0] in NAMES
    packed = is_idx(path.name) or (path.is_dir() and any(is_idx(p.name) for p in path.glob("*ubyte*")))
    if generator is not None or named or packed:
        size = None
        if generator is not None and not (named and ":" in given):
            size = generator.spec.shape[1:]
        channels: Any = "auto" if named or generator is None else generator.spec.shape[0]
        source = open_source(given, size=size, channels=channels)
        for note in source.notes:
            say(note)
        return everything(source)
    if not path.exists():
        raise BadInput(
            f"{option} {printable(given)} does not exist: give a folder, a data set ({', '.join(NAMES)}) or .npz"
        )
    return files_in(path, say)
