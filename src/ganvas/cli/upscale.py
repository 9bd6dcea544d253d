"""`ganvas upscale RUN IN OUT`"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ganvas.cli.parse import flags_of, options_of, parse, take_positional
from ganvas.errors import BadInput

ABOUT = """Enlarge pictures with a trained SRGAN or SRResNet. RUN is a run folder or a .safetensors snapshot; IN a picture, a
folder of them, or - for standard input; OUT a file, a folder, or - for standard output (PNG).
Any size, grey or colour: above --memory it goes through in tiles, which changes nothing. Opacity is kept, as is 16-bit
grey (PNG, TIFF) and whatever .npy holds. Needs neither the data nor the recipe."""

FIRST = "phase-0.safetensors"  # what watching.py keeps of the first phase


def upscale(
    *,
    phase: Literal["srgan", "srresnet"] = "srgan",
    memory: float = 0.75,
    device: str = "cpu",
) -> None:
    """Enlarge pictures.

    Args:
        phase: srresnet: the network at the end of the first phase, nearest to the truth by PSNR; srgan: the last one
        memory: GiB that the network's maps may take; larger pictures go through in tiles
        device: cpu or cuda
    """


def main(argv: Sequence[str]) -> int:
    flags, rest, places = flags_of(upscale), list(argv), []
    for _ in range(3):
        place, rest = take_positional(rest, flags)
        places.append(place)
    (options,) = parse("ganvas upscale RUN IN OUT", ABOUT, {"upscale": options_of(upscale)}, rest)
    run, given, out = places
    if out is None:
        missing = next(name for name, place in zip(("RUN", "IN", "OUT"), places, strict=True) if place is None)
        raise BadInput(f"{missing} is missing: ganvas upscale runs/srgan-photos picture.jpg large.png")
    if not options["memory"] > 0:
        raise BadInput(f"--memory is GiB above 0, not {options['memory']:g}")
    upscaler = _loaded(Path(run), options["phase"], options["device"])
    memory = int(options["memory"] * 2**30)
    if given != "-" and Path(given).is_dir():
        return _folder(upscaler, Path(given), Path(out), memory)
    from ganvas.data.images import BadImage

    try:
        picture = _large(upscaler, sys.stdin.buffer.read() if given == "-" else Path(given), memory)
    except BadImage as error:
        raise BadInput(f"{'standard input' if given == '-' else given}: {error}") from None
    _deliver(picture, out, Path("-.png" if given == "-" else given).name)
    return 0


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


def _large(upscaler, content, memory: int):
    """One picture, enlarged."""
    from ganvas.data.images import read_image

    return upscaler.translate(read_image(content, alpha=True, any_shape=True), memory=memory)


def _folder(upscaler, given: Path, out: Path, memory: int) -> int:
    """Every picture of a folder, under its own name; what cannot be read is said at the end, the rest is done."""
    from ganvas.data.folders import list_folder
    from ganvas.data.images import BadImage
    from ganvas.files import printable, progress

    if str(out) == "-" or out.suffix.lower() in ENDINGS:
        raise BadInput(f"{given} is a folder, so OUT is one too, not {out}")
    listing = list_folder(given)
    if not listing.entries:
        raise BadInput(f"{printable(given)} holds no pictures")
    bad = list(listing.bad)
    with progress("upscaling", len(listing.entries)) as advance:
        for entry in listing.entries:
            try:
                _deliver(_large(upscaler, entry.content(), memory), str(out / entry.name), entry.name, quiet=True)
            except (BadImage, BadInput) as error:
                bad.append((entry.name, str(error)))
            advance(1)
    done = len(listing.entries) + len(listing.bad) - len(bad)
    print(f"{done:,} picture{'s' * (done != 1)} in {out}")
    for name, reason in bad[:10]:
        print(f"ganvas: {printable(name)}: {reason}", file=sys.stderr)
    if len(bad) > 10:
        print(f"ganvas: … and {len(bad) - 10:,} more", file=sys.stderr)
    return 2 if bad else 0


ENDINGS = (".png", ".npy", ".tif", ".tiff", ".jpg", ".jpeg", ".webp", ".bmp")


def _deliver(picture, out: str, name: str, quiet: bool = False) -> None:
    """To a file of any kind that can hold it, into a folder under the name it came with, or to standard output."""
    import numpy as np

    from ganvas import files
    from ganvas.study.upscale import to_pil

    if out == "-":
        to_pil(picture).save(sys.stdout.buffer, "PNG")
        sys.stdout.flush()
        return
    path = Path(out)
    if path.is_dir():
        path /= name
    if path.suffix.lower() not in ENDINGS:
        path = path.with_suffix(".png")
    kind = path.suffix.lower()
    if kind in (".jpg", ".jpeg", ".bmp") and len(picture) in (2, 4):
        raise BadInput(f"{path.name} cannot hold opacity: use .png")
    if picture.dtype == np.uint16 and kind not in (".png", ".tif", ".tiff", ".npy"):
        picture = (picture // 257).astype(np.uint8)
    with files.storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with files.replacing(path) as file:
        if kind == ".npy":
            np.save(file, picture)
        else:
            picture = to_pil(picture)
            picture.save(
                file, {".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF"}.get(kind, kind[1:].upper())
            )
    if not quiet:
        print(path)
