"""`ganvas sample RUN …`"""

import math
from collections.abc import Sequence
from pathlib import Path

from ganvas.cli.parse import flags_of, options_of, parse, take_positional
from ganvas.errors import BadInput

ABOUT = """Draw pictures from RUN: a run folder or a .safetensors snapshot. Needs neither the data nor the recipe.
The same seed gives the same pictures; picture 7 of a seed is the same alone or in a sheet, given its class.
A conditional generator draws a sheet with one row per class, of the same latents in each; --class draws one class alone."""


def sample(
    *,
    n: int | None = None,
    class_: str | None = None,
    seed: int = 0,
    first: int = 0,
    out: str = "sheet.png",
    singles: bool = False,
    numbered: bool = False,
    truncation: float = 1.0,
    direction: str | None = None,
    strength: float = 1.0,
    device: str = "cpu",
) -> None:
    """Draw pictures.

    Args:
        n: how many; not given: 64, or 8 of each class. A sheet of classes has full rows, for which there may be more
        class_: of this class only, by its name or its index (where a word is both, the name is meant); for labels of
            several columns as colour=red,size=0.7
        seed: of the latents
        first: index of the first picture under this seed
        out: an image file for one sheet, a .npy file for the array, or with --singles a folder of single PNG files;
            in the latter two classes come in turn (picture i is of class i modulo their number) unless one is asked for
        singles: write every picture as a file of its own, in the data's depth (16-bit stays 16-bit)
        numbered: write each picture's number on the sheet: what `ganvas interpolate` and `arithmetic` call it by
        truncation: draw latents towards the mean, from 1 (not at all) to 0 (all the same): more typical, less varied
        direction: a file that `ganvas arithmetic --save` wrote: every latent is moved along it
        strength: how far along it
        device: cpu or cuda
    """


def main(argv: Sequence[str]) -> int:
    run, rest = take_positional(argv, flags_of(sample))
    (options,) = parse("ganvas sample RUN", ABOUT, {"sample": options_of(sample)}, rest)
    if run is None:
        raise BadInput("which run? Give its folder: ganvas sample runs/auto-digits -n 64 --out sheet.png")
    import numpy as np

    from ganvas import files
    from ganvas.loading import load
    from ganvas.study.directions import kept
    from ganvas.study.latents import with_latents
    from ganvas.study.panels import contact
    from ganvas.study.sheets import write_picture

    out, array = Path(options["out"]), Path(options["out"]).suffix.lower() == ".npy"
    kinds = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".npy")
    if not options["singles"] and out.suffix.lower() not in kinds:
        raise BadInput(
            f"--out {out} is none of {', '.join(kinds)}: name an image or .npy file, or add --singles for a folder"
        )
    sheet = not array and not options["singles"]
    if options["numbered"] and not sheet:
        raise BadInput(
            "--numbered is for a sheet: leave it out, single files and arrays are in the order of their numbers"
        )
    if options["strength"] != 1 and options["direction"] is None:
        raise BadInput("--strength says how far along a direction: give --direction FILE with it")
    generator = with_latents(load(run, device=options["device"]), run)
    wanted, n, seed, first = options["class_"], options["n"], options["seed"], options["first"]
    move = {"truncation": options["truncation"], "strength": options["strength"]}
    if options["direction"]:
        move["direction"] = kept(options["direction"], generator, print)
    if generator.conditional and wanted is None and sheet and not options["numbered"]:
        images = generator.by_class(n, seed, first, **move)
    else:
        images = generator.sample(64 if n is None else n, seed, first, label=wanted, **move)
    count = f"{len(images):,} picture{'s' * (len(images) != 1)}"
    with files.storage_errors(out):
        if options["singles"]:
            images.save_each(out, first)
            print(f"{count} in {out}")
            return 0
        out.parent.mkdir(parents=True, exist_ok=True)
        if options["numbered"]:
            columns = (
                math.prod(filter(None, generator.spec.levels)) if generator.conditional and wanted is None else None
            )
            numbers = [
                str(first + k) for k in range(len(images))
            ]  # classes come in turn: a column each, where they fit
            write_picture(contact(images, numbers, columns if columns and columns <= 20 else None), out)
        else:
            np.save(out, images) if array else images.save(out)
    rows = f": {len(images.rows)} classes, {len(images) // len(images.rows)} each" if images.rows else ""
    print(f"{count} in {out}{rows}")
    return 0
