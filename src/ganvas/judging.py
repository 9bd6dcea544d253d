"""Who is judged, against what, by which metrics: from words and paths to scores, and scores kept beside their run."""

from __future__ import annotations

import functools
import json
import zipfile
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
from ganvas.recipes.common import points
from ganvas.study.card import Score
from ganvas.study.scoreboard import SCORES, every_score
from ganvas.training.run import RunFolder

if TYPE_CHECKING:
    from ganvas.study.extractors import Extractor
    from ganvas.study.sample import Generator
    from ganvas.study.score import Question, Reference
    from ganvas.study.seen import Seen

Say = Callable[[str], None]
# by the name of the data, and the shape that the network was made for (0: any); a folder may bear the name too
SUITED = {
    "digits": ("fd-digits/v1", (1, 28, 28)),
    "mnist": ("fd-digits/v1", (1, 28, 28)),
    "shapes": ("fd-shapes/v1", (3, 0, 0)),
}


def ask(
    what: str | Path,
    *,
    against: str | None = None,
    extractor: str | None = None,
    weights: Path | None = None,
    precision: str = "fp32",
    n: int = 10_000,
    seed: int = 0,
    device: str = "cpu",
    say: Say = print,
) -> Question:
    """A question about a run, a snapshot, or a folder, zip or array of pictures. Nothing is computed yet.

    against: "held-out" (a run's default) or "training" images of its data, a data set's name, a folder, zip or array,
    or an .npz of statistics. extractor: a name of `study.extractors`; not given: fd-digits/v1 and fd-shapes/v1 for the
    data they are made for, inception for all others. n: pictures to draw. Raises BadInput.
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
    network = functools.cache(lambda: find(known, weights=weights, precision=precision, device=device, say=say))
    fakes = generated(generator, n, seed) if generator else files_in(what, say)
    own = against in (None, "held-out", "training")
    source = _source(run, say, needed=own) if run else None
    reference = train = None
    if source is not None:
        train = trained_on(source)
        reference = (train if against == "training" else held_out(source)) if own else None
    elif own and against is not None:
        raise BadInput(f"--against {against} is for a run, which knows its data: give a folder or a data set instead")
    if not own:
        reference = _reference(against, generator, network, say)
    shown = str(generator.label.get("weights", "average")) if generator else "files"
    return Question(fakes, network, reference, train, generator, shown, seed, watched, labels_of(generator))


def suited(spec: DataSpec) -> str:
    """The network inside the package that was made for such pictures, or ""."""
    name, shape = SUITED.get(spec.name, ("", ()))
    fits = all(want in (0, have) for want, have in zip(shape, spec.shape, strict=False))
    return name if fits else ""


def labels_of(generator: Generator | None) -> str:
    """How its labels are chosen where nobody asks for any, for a card."""
    return "in turn" if generator is not None and generator.conditional else ""


def generated(generator: Generator, n: int, seed: int) -> Gallery:
    """Pictures 0 … n − 1 of this seed."""
    import hashlib

    digest = hashlib.sha256()
    for name, tensor in sorted(generator.net.state_dict().items()):
        digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    fingerprint = f"{digest.hexdigest()[:32]}-{seed}"
    return Gallery("generated", fingerprint, n, lambda a, b: np.asarray(generator.sample(b - a, seed, first=a)))


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


def write_statistics(path: Path, question: Question) -> None:
    """Mean and covariance of the question's pictures, as pytorch-fid and NVIDIA's code name them, with their card."""
    from ganvas.measure.frechet import moments

    found, ex = moments(question.fake.features), question.extractor
    about = {"extractor": ex.name, "digest": ex.digest, "resize": ex.resize}
    about |= {"name": question.fakes.name, "fingerprint": question.fakes.fingerprint}
    with files.replacing(path) as file:
        np.savez(file, mu=found.mean, sigma=found.cov, n=found.n, about=json.dumps(about))


def read_statistics(path: Path, extractor: Extractor) -> Reference:
    """Ours, pytorch-fid's and NVIDIA's .npz: keys mu and sigma. Raises BadInput for those of another extractor.

    Foreign files do not say how many images they are of nor which network saw them; the card says that it is unknown.
    """
    from ganvas.measure.frechet import Moments
    from ganvas.study.score import Reference

    where = printable(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            stored = {name: file[name] for name in file.files}
        mu, sigma = (np.asarray(stored[name], np.float64) for name in ("mu", "sigma"))
        about = dict(json.loads(str(stored["about"]))) if "about" in stored else {}
        n = int(stored["n"]) if "n" in stored else 0
    except FileNotFoundError:
        raise BadInput(f"{where} does not exist: `ganvas stats FOLDER --out {where}` makes it") from None
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, TypeError) as error:
        raise BadInput(f"{where} holds no statistics (mu and sigma) that can be read: {error}") from None
    mine = {"extractor": extractor.name, "digest": extractor.digest, "resize": extractor.resize}
    if about and {key: about.get(key) for key in mine} != mine:
        raise BadInput(
            f"{where} was made with {about.get('extractor')} ({about.get('resize')}), and this score with {extractor.name} "
            f"({extractor.resize}): they cannot be compared; make statistics with --extractor {extractor.name}"
        )
    if sigma.shape != (extractor.dim, extractor.dim) or mu.shape != (extractor.dim,):
        raise BadInput(
            f"{where} is of {mu.size} features and {extractor.name} has {extractor.dim}: another extractor's"
        )
    if not (np.isfinite(mu).all() and np.allclose(sigma, sigma.T) and (np.diag(sigma) >= 0).all()):
        raise BadInput(f"{where}: sigma is no covariance (finite, symmetric, no negative variance): make it again")
    name = about.get("name", f"{path.name}; which network, resize and how many images is unknown")
    return Reference(name, about.get("fingerprint", files.sha256(path)[:32]), Moments(mu, sigma, n))


def _generator(what: Path, device: str) -> Generator | None:
    from ganvas.loading import load

    return load(what, device=device) if RunFolder.exists(what) or what.suffix == ".safetensors" else None


def run_of(what: Path) -> Path | None:
    """The run that `what` is, or whose snapshot it is; None for a snapshot that lies elsewhere, and for pictures."""
    above = what.resolve().parent.parent
    return (
        what if RunFolder.exists(what) else above if what.suffix == ".safetensors" and RunFolder.exists(above) else None
    )


def _source(run: Path, say: Say, needed: bool) -> Source | None:
    """The data that a run was trained on, as it was opened then. Where it is not needed it may be gone: that is said."""
    data = RunFolder.open(run).record["data"]
    try:
        source = open_source(data["source"], **data["options"])
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
    path = Path(against)
    if path.suffix == ".npz" and is_statistics(path):
        return read_statistics(path, network())
    named = against.partition(":")[0] in NAMES
    packed = is_idx(path.name) or (path.is_dir() and any(is_idx(p.name) for p in path.glob("*ubyte*")))
    if generator is not None or named or packed:
        size = None
        if generator is not None and not (named and ":" in against):
            size = generator.spec.shape[1:]
        channels: Any = "auto" if named or generator is None else generator.spec.shape[0]
        source = open_source(against, size=size, channels=channels)
        for note in source.notes:
            say(note)
        return everything(source)
    if not path.exists():
        raise BadInput(
            f"--against {printable(against)} does not exist: give a folder, a data set ({', '.join(NAMES)}) or .npz"
        )
    return files_in(path, say)


def is_statistics(path: Path) -> bool:
    try:
        with np.load(path, allow_pickle=False) as file:
            return "mu" in file.files
    except (OSError, ValueError, zipfile.BadZipFile):
        return not path.exists()  # `read_statistics` says what is the matter
