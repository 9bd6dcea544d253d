"""`ganvas evaluate WHAT …`"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ganvas.cli import captions
from ganvas.cli.fidelity import enlarges, evaluated
from ganvas.cli.parse import flags_of, options_of, parse, take_positional
from ganvas.errors import BadInput

if TYPE_CHECKING:
    from ganvas.study.card import Score
    from ganvas.study.pairs import Paired
    from ganvas.study.question import Question

ABOUT = """Score WHAT: a run, a .safetensors snapshot, or a folder, zip or .npy of pictures.

Every score is printed with its card (network and digest, resize, real images, numbers, seed) and the floor that a
perfect generator would get at these numbers. Metrics: fid, fid-inf, kid, is, prdc (precision, recall, density,
coverage), mifid, c_t, authpct, ndb, birthday, classes, ms-ssim, parzen, ppl; for two folders of equal names, and a
translator's held-out pairs, psnr, ssim, l1, sharpness and distance, that of features (LPIPS, where --extractor scales them
so); for what draws sentences r-precision and sharpness, on its held-out captions.
Scores of a run are kept in its scores.jsonl, where `ganvas compare` finds them. --neighbours shows what may be learned by
heart: generated pictures beside the training and the held-out images nearest to them."""

PAIRS = {"psnr", "ssim", "l1", "sharpness", "distance"}


def evaluate(
    *,
    metric: str | None = None,
    against: str | None = None,
    train: str | None = None,
    neighbours: str | None = None,
    missing: str | None = None,
    extractor: str | None = None,
    weights: str | None = None,
    precision: Literal["fp32", "bf16"] = "fp32",
    n: int = 10_000,
    seed: int = 0,
    crop: int = 0,
    device: str = "cpu",
    out: str | None = None,
) -> None:
    """Score.

    Args:
        metric: which, with commas between; not given: fid,kid,prdc, against statistics fid, with --neighbours or --missing
            none; for a translator with pairs held out l1,psnr,ssim
        against: real images: held-out (not given, for a run) or training, a data set's name, a folder, zip or .npy,
            the .npz of `ganvas stats`, of pytorch-fid or of NVIDIA's code
        train: the training images of a folder or of a snapshot alone (a run knows its own): for mifid, c_t, authpct,
            ndb, parzen and --neighbours, which without it takes --against for them
        neighbours: a .png for the most suspicious pictures beside their nearest training and held-out images; the
            distances of all come beside it as .json, and a run keeps both for its report
        missing: a .png of the kinds of picture that are all but missing, real ones beside the generated ones most like them:
            the extractor's classes, or 20 clusters of the real images; a run keeps it for its report
        extractor: inception (FID as published), inception-clean (as clean-fid), fd-digits/v1, fd-shapes/v1, pixels,
            package.module:Class or a .onnx file; not given: what suits the data. Of what draws sentences a run on the same
            captions, whose encoders are to judge; not given: its own
        weights: file with Inception's published weights, instead of the cache or a download
        precision: of the extractor; bf16 is faster where the processor has it, and a network of its own name
        n: pictures to draw from a generator
        seed: of their latents, and of subsets
        crop: for psnr, ssim, sharpness and distance, pixels left out on each side: as many as the factor of a super-resolution
        device: cpu or cuda
        out: a JSON file for the scores, with those of every pair for psnr, ssim and distance
    """


def main(argv: Sequence[str]) -> int:
    what, rest = take_positional(argv, flags_of(evaluate))
    (options,) = parse("ganvas evaluate WHAT", ABOUT, {"evaluate": options_of(evaluate)}, rest)
    if what is None:
        raise BadInput("what? Give a run or a folder: ganvas evaluate runs/auto-digits")
    if not Path(what).exists():
        raise BadInput(f"{what} does not exist: give a run, a snapshot or a folder of pictures")
    wanted, out = options.pop("metric"), options.pop("out")
    sheets = {name: path for name in ("neighbours", "missing") if (path := options.pop(name))}
    options["weights"] = Path(options["weights"]) if options["weights"] else None
    metrics = None if wanted is None else [name.strip() for name in wanted.split(",") if name.strip()]
    if metrics == []:
        raise BadInput(f"--metric {wanted} names none: write some with commas between, as fid,kid,prdc")
    for name, path in sheets.items():
        if Path(path).suffix.lower() != ".png":
            raise BadInput(f"--{name} {path}: the sheet is a .png file")
    others = [f"--{name}" for name in sheets]
    if enlarges(Path(what)):
        scores, rows = evaluated(Path(what), [*(metrics or ()), *others], options)
        _tell(Path(what), [], scores, rows, out)
        return 0
    if captions.illustrates(Path(what)):
        scores = captions.evaluated(Path(what), [*(metrics or ()), *others], options)
        _tell(Path(what), [], scores, [], out)
        return 0
    _evaluate(Path(what), metrics, options, out, {name: Path(path) for name, path in sheets.items()})
    return 0


def _evaluate(what: Path, metrics: list[str] | None, options: dict, out: str | None, sheets: dict[str, Path]) -> None:
    """Scores one after the other. What was had is printed and kept, whatever becomes of the others."""
    from ganvas import files, judging

    for sheet in sheets.values():  # hours before it is written
        with files.storage_errors(sheet):
            sheet.parent.mkdir(parents=True, exist_ok=True)
        metrics = metrics or []
    if metrics is None and options["against"] is None and (run := judging.run_of(what)) and judging.holds_pairs(run):
        metrics = ["l1", "psnr", "ssim"]
    pairs = [name for name in metrics or () if name in PAIRS]
    others = None if metrics is None else [name for name in metrics if name not in PAIRS]
    judging.check(others or ())
    if options["n"] < 2:
        raise BadInput(f"--n {options['n']}: a score needs at least two pictures")
    crop, scores, paired, rows = options.pop("crop"), [], [], []
    try:
        if pairs:
            paired, rows = _pairs(what, pairs, crop, options)
        if others != [] or sheets:
            for score in _scores(what, others, options, sheets):
                scores.append(score)  # one by one: an error later leaves these
    finally:
        if paired or scores:
            _tell(what, paired, scores, rows, out)


def _scores(what: Path, metrics: list[str] | None, options: dict, sheets: dict[str, Path]) -> Iterator[Score]:
    from ganvas import judging
    from ganvas.study.score import Reference

    question = judging.ask(what, pixels=metrics == [], **options)
    if metrics is None:
        metrics = ["fid"] if isinstance(question.reference, Reference) else ["fid", "kid", "prdc"]
    yield from judging.answer(question, metrics)
    if "neighbours" in sheets:
        yield from _neighbours(what, question, sheets["neighbours"])
    if "missing" in sheets:
        _missing(what, question, sheets["missing"])


def _neighbours(what: Path, question: Question, sheet: Path) -> Iterator[Score]:
    from ganvas.study import memory
    from ganvas.study.scoreboard import NEIGHBOURS
    from ganvas.training.run import RunFolder

    found = memory.nearest(question)
    print(f"{memory.summary(found)}\n{sheet} and {memory.write(found, sheet)}")
    if RunFolder.exists(what):
        memory.write(found, what / NEIGHBOURS)
        print(f"kept in {what / NEIGHBOURS}; `ganvas report {what}` shows it")
    yield from memory.scores(found)


def _missing(what: Path, question: Question, sheet: Path) -> None:
    from ganvas.study import kinds
    from ganvas.study.scoreboard import MISSING
    from ganvas.training.run import RunFolder

    found = kinds.kinds(question)
    kinds.write(found, sheet)
    print(f"{kinds.summary(found)}\n{sheet}")
    if RunFolder.exists(what):
        (what / MISSING).unlink(missing_ok=True)  # what an earlier snapshot lacked
        if found.lost:
            kinds.write(found, what / MISSING)
            print(f"kept in {what / MISSING}; `ganvas report {what}` shows it")


def _pairs(what: Path, metrics: list[str], crop: int, options: dict) -> Paired:
    from ganvas import judging
    from ganvas.data.gallery import files_in
    from ganvas.study.extractors import extractor
    from ganvas.study.pairs import DISTANCE, paired
    from ganvas.training.run import RunFolder

    against, named = options["against"], " and ".join(metrics)
    both = judging.held_out_pairs(what, options["device"]) if against is None else None
    if both is None and (against is None or not Path(against).exists()):
        raise BadInput(f"{named}: two folders with equal names are compared: give --against the other one")
    if both is None and RunFolder.exists(what):
        raise BadInput(f"{named}: two folders with equal names are compared, and {what} is a run")
    if crop < 0:
        raise BadInput(f"--crop {crop}: give how many pixels to leave out on each side, 0 or more")
    network = None
    if DISTANCE in metrics and options["extractor"]:
        network = extractor(options["extractor"], **{key: options[key] for key in ("weights", "precision", "device")})
    a, b = both or (files_in(what), files_in(Path(against)))
    return paired(a, b, metrics, crop, extractor=network)


def _tell(what: Path, paired: list[Score], scores: list[Score], rows: list[dict], out: str | None) -> None:
    import json

    from ganvas import files, judging
    from ganvas.study.card import table
    from ganvas.training.run import RunFolder

    print(table([*paired, *scores]))
    if out:
        found = {"scores": [score.to_json() for score in [*paired, *scores]]} | ({"pairs": rows} if rows else {})
        files.write_atomic(out, json.dumps(found, indent=1, allow_nan=False) + "\n")
    if scores and RunFolder.exists(what):
        print(f"kept in {judging.keep(what, scores)}")
