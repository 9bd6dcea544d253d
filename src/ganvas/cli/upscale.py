"""`ganvas upscale RUN IN OUT`"""

import functools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ganvas.cli.parse import flags_of, options_of, parse
from ganvas.cli.pictures import budget, must_be_all, run_in_out, through
from ganvas.errors import BadInput

ABOUT = """Enlarge pictures with a trained SRGAN or SRResNet. RUN is a run folder or a .safetensors snapshot; IN a picture, a
folder of them, or - for standard input; OUT a file, a folder, or - for standard output (PNG).
Any size, grey or colour: above --memory it goes through in tiles, which changes nothing. Opacity is kept, as is 16-bit
grey (PNG, TIFF) and whatever .npy holds. Needs neither the data nor the recipe."""

FIRST = "phase-0.safetensors"  # what watching.py keeps of the first phase


def upscale(
    *,
    phase: Literal["srgan", "srresnet"] = "srgan",
    memory: float = 0.5,
    device: str = "cpu",
) -> None:
    """Enlarge pictures.

    Args:
        phase: srresnet: the network at the end of the first phase, nearest to the truth by PSNR; srgan: the last one
        memory: GiB that the network's maps may take; larger pictures go through in tiles
        device: cpu or cuda
    """


def main(argv: Sequence[str]) -> int:
    places, rest = run_in_out(argv, flags_of(upscale))
    (options,) = parse("ganvas upscale RUN IN OUT", ABOUT, {"upscale": options_of(upscale)}, rest)
    run, given, out = must_be_all(places, "ganvas upscale runs/srgan-photos picture.jpg large.png")
    memory = budget(options["memory"])
    upscaler = _loaded(Path(run), options["phase"], options["device"])
    make = functools.partial(upscaler.translate, memory=memory)
    return through(make, given, out, opacity=True, doing="upscaling")


def _loaded(run: Path, phase: str, device: str):
    """The upscaler of a run's last snapshot, or of the end of its first phase."""
    from ganvas.loading import load
    from ganvas.study.upscale import Upscaler

    upscaler = load(run, device=device)
    if not isinstance(upscaler, Upscaler):
        raise BadInput(f"{run} does not enlarge pictures: `ganvas train srgan --data PHOTOS` makes one that does")
    alone = upscaler.game.to_json()["game"] == "Regression"
    if phase == "srgan" and alone and run.is_dir() and _two_phases(run):
        print("the run is in its first phase still: this is SRResNet", file=sys.stderr)
    if phase == "srgan" or alone:
        return upscaler
    if not run.is_dir():
        raise BadInput(f"{run} is a snapshot of the second phase: give the run's folder, or its {FIRST}")
    if not (first := run / "snapshots" / FIRST).exists():
        raise BadInput(f"{run} has no {FIRST}, the end of its first phase: leave --phase out")
    return load(first, device=device)


def _two_phases(run: Path) -> bool:
    from ganvas.training.run import RunFolder

    return RunFolder.open(run).record["arguments"].get("regression", 1) < 1
