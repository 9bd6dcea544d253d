"""`ganvas invert RUN photo.png …`"""

import shlex
from collections.abc import Sequence
from pathlib import Path

from ganvas.cli.parse import flags_of, options_of, parse, take_positional
from ganvas.errors import BadInput

ABOUT = """Find the latent of an own picture: the z that RUN draws it from best, so that it can be changed as others are.

Writes a sheet, target | reconstruction | error, and the latents beside it."""


def invert(
    *,
    class_: str | None = None,
    negative: bool = False,
    restarts: int = 4,
    steps: int = 300,
    out: str = "sheet.png",
    save: str | None = None,
    device: str = "cpu",
) -> None:
    """The way back.

    Args:
        class_: what a conditional generator is told; not given: the class that comes nearest
        negative: exchange light and dark first: ink on white paper for a generator of white digits on black
        restarts: places where the search begins, the best of 1,000 random ones
        steps: of Adam from each
        out: the sheet
        save: the .safetensors file of the latents; not given: beside the sheet
        device: cpu or cuda
    """


def main(argv: Sequence[str]) -> int:
    words, rest = [], list(argv)
    while True:
        word, rest = take_positional(rest, flags_of(invert))
        if word is None:
            break
        words.append(word)
    (o,) = parse("ganvas invert RUN PICTURE", ABOUT, {"invert": options_of(invert)}, rest)
    if len(words) < 2:
        raise BadInput("which run, and which picture? ganvas invert runs/auto-digits photo.png")
    run, pictures = words[0], [Path(word) for word in words[1:]]
    out = Path(o["out"])
    kept = Path(o["save"] or out.with_suffix(".safetensors"))
    for option, path, kinds in (
        ("--out", out, (".png", ".jpg", ".jpeg", ".bmp", ".webp")),
        ("--save", kept, (".safetensors",)),
    ):
        if path.suffix.lower() not in kinds:
            raise BadInput(f"{option} {path} is none of {', '.join(kinds)}")
    for option in ("restarts", "steps"):
        if o[option] < 1:
            raise BadInput(f"--{option} {o[option]}: give 1 or more")
    from ganvas import files
    from ganvas.loading import load
    from ganvas.study import inversion
    from ganvas.study.latents import keep, together, with_latents
    from ganvas.study.sheets import write_picture
    from ganvas.study.suited import suited

    generator = with_latents(load(run, device=o["device"]), run)
    targets = [inversion.fitting(path, generator, o["negative"]) for path in pictures]
    by = (
        f"pixels and {suited(generator.spec)}"
        if suited(generator.spec)
        else "pixels alone: no network of ganvas suits them"
    )
    print(f"compared by {by}")
    with files.storage_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
    found = []
    with files.progress("inverting", len(targets) * o["steps"]) as advance:
        for path, target in zip(pictures, targets, strict=True):
            one = inversion.invert(
                generator,
                target,
                o["class_"],
                restarts=o["restarts"],
                steps=o["steps"],
                name=path.name,
                advance=advance,
            )
            print(inversion.words(one, generator))
            found.append(one)
    keep(kept, generator, together([one.place for one in found]))
    images = inversion.beside(found, targets, generator)
    write_picture(images.sheet(columns=3), out)
    print(f"target | reconstruction | error in {out}; z in {kept}:")
    print(f"    ganvas interpolate {shlex.quote(str(run))} --from {shlex.quote(str(kept))} --to 0")
    return 0
