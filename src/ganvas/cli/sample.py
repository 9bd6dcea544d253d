"""`ganvas sample RUN …`"""

from collections.abc import Sequence
from pathlib import Path

from ganvas.cli.parse import flags_of, options_of, parse, take_positional
from ganvas.errors import BadInput

ABOUT = """Draw pictures from RUN: a run folder or a .safetensors snapshot. Needs neither the data nor the recipe.
The same seed gives the same pictures; picture 7 of a seed is the same alone or in a sheet."""


def sample(
    *, n: int = 64, seed: int = 0, first: int = 0, out: str = "sheet.png", singles: bool = False, device: str = "cpu"
) -> None:
    """Draw pictures.

    Args:
        n: how many
        seed: of the latents
        first: index of the first picture under this seed
        out: an image file for one sheet, a .npy file for the array, or with --singles a folder of single PNG files
        singles: write every picture as a file of its own, in the data's depth (16-bit stays 16-bit)
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

    out = Path(options["out"])
    kinds = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".npy")
    if not options["singles"] and out.suffix.lower() not in kinds:
        raise BadInput(
            f"--out {out} is none of {', '.join(kinds)}: name an image or .npy file, or add --singles for a folder"
        )
    generator = load(run, device=options["device"])
    images = generator.sample(options["n"], options["seed"], options["first"])
    with files.storage_errors(out):
        if options["singles"]:
            print(f"{len(images.save_each(out, options['first']))} pictures in {out}")
            return 0
        out.parent.mkdir(parents=True, exist_ok=True)
        np.save(out, images) if out.suffix.lower() == ".npy" else images.save(out)
    print(f"{options['n']} pictures in {out}")
    return 0
