"""`ganvas evaluate` where what is judged draws sentences: R-precision and sharpness, stage by stage."""

from pathlib import Path

from ganvas.errors import BadInput

FIRST = "phase-0.safetensors"  # what watching.py keeps of the first phase: the encoder of pictures and captions


def illustrates(what: Path) -> bool:
    """Is this a run, or a snapshot, of text to image?"""
    from ganvas.data.source import DataSpec
    from ganvas.training.run import RunFolder
    from ganvas.training.snapshot import read_snapshot

    if RunFolder.exists(what):
        return DataSpec.from_json(RunFolder.open(what).record["data"]["spec"]).text is not None
    return what.suffix == ".safetensors" and read_snapshot(what).spec.text is not None


def evaluated(what: Path, asked: list[str], options: dict) -> list:
    """Scores of a run on the captions that it holds out. Raises BadInput."""
    from ganvas import judging
    from ganvas.loading import load
    from ganvas.study.draw import Illustrator
    from ganvas.study.suiting import METRICS, suiting

    if other := [name for name in asked if name not in METRICS]:
        raise BadInput(f"{what} draws sentences, which {' and '.join(METRICS)} are for, not {', '.join(other)}")
    if options["against"] not in (None, "held-out"):
        raise BadInput(
            f"--against {options['against']}: what draws sentences is judged on its held-out captions: leave it out"
        )
    run = judging.run_of(what)
    if run is None:
        raise BadInput(f"{what} is a snapshot, and its run is not here, which knows its captions: give the run")
    illustrator = load(what, device=options["device"])
    if not isinstance(illustrator, Illustrator):
        raise BadInput(f"{what} is in its first phase, which reads captions and draws nothing: train it further")
    judge = options["extractor"]
    reader = _reader(run if judge is None else Path(judge), options["device"])
    if judge is not None and (reader is None or not _of_the_same(reader, illustrator)):
        raise BadInput(
            f"--extractor {judge}: what draws sentences is judged by the encoders of a run on the same captions and size"
        )
    source = judging.source_of(run, print, needed=True)
    found = suiting(illustrator, reader, source, options["n"], options["seed"])
    return [score for score in found if not asked or score.name.split()[0] in asked]


def _of_the_same(reader, illustrator) -> bool:
    return all(getattr(reader.spec, name) == getattr(illustrator.spec, name) for name in ("text", "shape", "range"))


def _reader(run: Path | None, device: str):
    """The encoders of a run's first phase, or of the run whose weights it began with; None where they are not here."""
    from ganvas.loading import load
    from ganvas.study.reader import Reader
    from ganvas.training.run import RunFolder

    while run is not None and RunFolder.exists(run):
        first, record = run / "snapshots" / FIRST, RunFolder.open(run).record
        if first.exists() and isinstance(found := load(first, device=device), Reader):
            return found
        run = Path(record["forked_from"]) if "forked_from" in record else None
    return None
