"""`ganvas draw RUN SENTENCE …`"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ganvas.cli.parse import flags_of, options_of, parse, take_positional
from ganvas.errors import BadInput

if TYPE_CHECKING:
    from ganvas.study.draw import Illustrator

ABOUT = """Draw pictures of sentences with a trained StackGAN. RUN is a run folder or a .safetensors snapshot; each SENTENCE,
in quotation marks, becomes a row of the sheet. Needs neither the data nor the recipe.
Picture 3 of a seed begins from the same latent whatever the sentence, alone or among others; the noise of conditioning
augmentation is off."""

FILMS, PICTURES = (".webp", ".gif"), (".png", ".jpg", ".jpeg", ".bmp")
MOST = 1 << 20  # bytes of a file of sentences
MANY = 10_000  # pictures at a time


def draw(
    *,
    n: int | None = None,
    prompts: str | None = None,
    to: str | None = None,
    frames: int | None = None,
    seed: int = 0,
    first: int = 0,
    stage: int | None = None,
    text_model: str | None = None,
    singles: bool = False,
    out: str = "drawn.png",
    device: str = "cpu",
) -> None:
    """Draw.

    Args:
        n: pictures of each sentence (8); from a sentence to another, latents (1 for a film, 4 for a sheet)
        prompts: a text file with one sentence a line, UTF-8; empty lines are left out
        to: from the one sentence to this one: a film, or a sheet with a row for each latent
        frames: pictures on the way: 60 of a film, 8 of a sheet
        seed: of the latents
        first: index of the first latent under this seed
        stage: 1: the small picture that stage I draws, and stage II begins from; not given: the last there is
        text_model: package.module:callable, sentences to vectors, for a run that was trained with it
        singles: write every picture as a file of its own, in the data's depth, into the folder --out
        out: a sheet (.png, .jpg), an array (.npy), with --to also a film (.webp, .gif), with --singles a folder
        device: cpu or cuda
    """


def main(argv: Sequence[str]) -> int:
    rest, words = list(argv), []
    while (found := take_positional(rest, flags_of(draw)))[0] is not None:
        word, rest = found
        words.append(word)
    (o,) = parse("ganvas draw RUN SENTENCE", ABOUT, {"draw": options_of(draw)}, rest)
    example = 'ganvas draw runs/stackgan-shapes "a red circle above a blue square"'
    if not words:
        raise BadInput(f"which run? Give its folder: {example}")
    run, sentences, out = words[0], words[1:], Path(o["out"])
    sentences += _lines(Path(o["prompts"])) if o["prompts"] else []
    if not sentences:
        raise BadInput(f"what is to be drawn? Give a sentence in quotation marks: {example}")
    _check(o, sentences, out)
    from ganvas import files

    illustrator = _loaded(run, o["device"], o["text_model"])
    _remark(illustrator, [*sentences, *([o["to"]] if o["to"] is not None else [])])
    with files.storage_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
    made = (_between if o["to"] is not None else _each)(illustrator, sentences, o, out)
    print(f"{made} in {out}")
    return 0


def _check(o: dict, sentences: list[str], out: Path) -> None:
    """What can be refused before anything heavy is imported."""
    kind = out.suffix.lower()
    kinds = (*PICTURES, ".npy", *(FILMS if o["to"] is not None else ()))
    if o["singles"] and o["to"] is not None:
        raise BadInput("--singles is for separate pictures, and --to makes a film or a sheet: leave one out")
    if not o["singles"] and kind not in kinds:
        why = "films are for --to" if kind in FILMS else f"name one of {', '.join(kinds)}"
        raise BadInput(f"--out {out}: {why}, or add --singles for a folder")
    if o["to"] is not None and len(sentences) > 1:
        raise BadInput(
            f"--to leads from one sentence to another, and {len(sentences)} are given: leave all but one out"
        )
    if o["to"] is None and o["frames"] is not None:
        raise BadInput("--frames counts the pictures on the way to another sentence: give --to")
    if o["stage"] not in (None, 1, 2):
        raise BadInput(f"--stage {o['stage']}: there are 1 and 2")
    for name, least in (("n", 1), ("seed", 0), ("first", 0), ("frames", 2)):
        if o[name] is not None and o[name] < least:
            raise BadInput(f"--{name} must be a whole number from {least} up, not {o[name]}")
    pictures = (o["n"] or 8) * max(len(sentences), o["frames"] or 1)
    if pictures > MANY:
        raise BadInput(f"{pictures:,} pictures are too many at a time, {MANY:,} at most: give fewer, or --first")


def _lines(path: Path) -> list[str]:
    """The sentences of a file. Raises BadInput for what is none."""
    from ganvas.files import printable

    try:
        if path.stat().st_size > MOST:
            raise BadInput(f"--prompts {printable(path)} is larger than {MOST >> 20} MiB: it holds one sentence a line")
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise BadInput(f"--prompts {printable(path)} is not UTF-8 (byte {error.start:,}): save it as UTF-8") from None
    except OSError as error:
        raise BadInput(f"--prompts {printable(path)}: {error.strerror or error}") from None
    if not (found := [line.strip() for line in lines if line.strip()]):
        raise BadInput(f"--prompts {printable(path)} is empty: write one sentence a line")
    return found


def _loaded(run: str, device: str, text_model: str | None) -> Illustrator:
    from ganvas.loading import load
    from ganvas.study.draw import Illustrator
    from ganvas.study.reader import Reader

    illustrator = load(run, device=device)
    if isinstance(illustrator, Reader):
        raise BadInput(f"{run} is in its first phase, which reads captions and draws nothing yet: train it further")
    if not isinstance(illustrator, Illustrator):
        raise BadInput(f"{run} draws no sentences: `ganvas train stackgan_small` makes one that does")
    model = illustrator.spec.text.model
    if text_model is not None and not model:
        raise BadInput(f"--text-model {text_model}: {run} reads words, no sentence model: leave it out")
    if text_model is not None:  # code that a snapshot names is never imported, only what the user names
        from ganvas.data.sentence_models import model as named

        illustrator.embed = named(text_model)
    return illustrator


def _remark(illustrator: Illustrator, sentences: list[str]) -> None:
    """Words that training never saw, and what is cut: said, each once."""
    from ganvas.data.text import remarks

    for remark in dict.fromkeys(note for sentence in sentences for note in remarks(illustrator.spec.text, sentence)):
        print(remark, file=sys.stderr)


def _each(illustrator: Illustrator, sentences: list[str], o: dict, out: Path) -> str:
    """A row of pictures for every sentence."""
    from ganvas import files
    from ganvas.study.captions import captioned
    from ganvas.study.sheets import write_picture

    n = o["n"] or 8
    with files.progress("drawing", n * len(sentences)) as advance:
        images = illustrator(sentences, n, o["seed"], first=o["first"], stage=o["stage"], advance=advance)
    with files.storage_errors(out):
        if o["singles"]:
            images.save_each(out)
        elif out.suffix.lower() == ".npy":
            _array(images, out)
        else:
            write_picture(captioned(images, sentences), out)
    return f"{len(images):,} picture{'s' * (len(images) != 1)}"


def _between(illustrator: Illustrator, sentences: list[str], o: dict, out: Path) -> str:
    """From one sentence to another."""
    from ganvas.study.captions import captioned
    from ganvas.study.panels import enlarged
    from ganvas.study.sheets import film, write_picture

    kind = out.suffix.lower()
    still = kind not in (*FILMS, ".npy")
    n, frames = o["n"] or (4 if still else 1), o["frames"] or (8 if still else 60)
    images = illustrator.between(sentences[0], o["to"], frames, o["seed"], n=n, first=o["first"], stage=o["stage"])
    if still:
        write_picture(captioned(images, [f"{sentences[0]} - {o['to']}"]), out)
    elif kind == ".npy":
        _array(images, out)
    else:
        scale = max(1, 256 // max(images.shape[2:]))
        moments = images.reshape(n, frames, *images.shape[1:]).swapaxes(0, 1)
        film([enlarged(moment, scale, columns=n, gap=2) for moment in moments], out, hold=1)
    return f"{frames} pictures from one sentence to the other, of {n} latent{'s' * (n != 1)},"


def _array(images, out: Path) -> None:
    import numpy as np

    from ganvas import files

    with files.replacing(out) as file:
        np.save(file, np.asarray(images))
