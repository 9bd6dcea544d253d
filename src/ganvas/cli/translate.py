"""`ganvas translate RUN IN OUT`"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ganvas.cli.parse import flags_of, options_of, parse, take_positional
from ganvas.errors import BadInput

ABOUT = """Translate pictures with a trained pix2pix or CycleGAN. RUN is a run folder or a .safetensors snapshot; IN a
picture, a folder of them, or - for standard input; OUT a file, a folder, or - for standard output (PNG).
Any size: it is padded to what the network takes and cut back; above --memory it goes through in tiles, which changes
nothing. The depth stays: 8 bit, 16-bit grey, .npy arrays. Needs neither the data nor the recipe."""


def translate(
    *,
    to: Literal["A", "B"] | None = None,
    seed: int | None = None,
    memory: float = 2.0,
    device: str = "cpu",
) -> None:
    """Translate pictures.

    Args:
        to: the domain to go to, where the translator knows both ways; not given: B
        seed: of the generator's dropout noise; not given: the run's, as its sheets were made
        memory: GiB that the network's maps may take; larger pictures go through in tiles
        device: cpu or cuda
    """


def main(argv: Sequence[str]) -> int:
    flags, rest, places = flags_of(translate), list(argv), []
    for _ in range(3):
        place, rest = take_positional(rest, flags)
        places.append(place)
    (options,) = parse("ganvas translate RUN IN OUT", ABOUT, {"translate": options_of(translate)}, rest)
    run, given, out = places
    if out is None:
        missing = next(name for name, place in zip(("RUN", "IN", "OUT"), places, strict=True) if place is None)
        raise BadInput(f"{missing} is missing: ganvas translate runs/pix2pix-edges picture.png out.png")
    if options["memory"] <= 0:
        raise BadInput(f"--memory is GiB above 0, not {options['memory']:g}")
    from ganvas.loading import load
    from ganvas.study.translate import Translator

    translator = load(run, device=options["device"])
    if not isinstance(translator, Translator):
        raise BadInput(f"{run} draws pictures from noise: `ganvas sample {run}`")
    how = {"to": options["to"], "seed": options["seed"], "memory": int(options["memory"] * 2**30)}
    if given != "-" and Path(given).is_dir():
        return _folder(translator, Path(given), Path(out), how)
    from ganvas.data.images import BadImage, read_image

    wide = translator.views(options["to"])[0].shape[0] in (2, 4)
    try:
        content = sys.stdin.buffer.read() if given == "-" else Path(given)
        picture = read_image(content, alpha=wide, any_shape=True)
    except BadImage as error:
        raise BadInput(f"{'standard input' if given == '-' else given}: {error}") from None
    _deliver(translator.translate(picture, **how), out, Path("-.png" if given == "-" else given).name)
    return 0


def _folder(translator, given: Path, out: Path, how: dict) -> int:
    """Every picture of a folder, under its own name; what cannot be read is said at the end, the rest is done."""
    from ganvas.data.folders import list_folder
    from ganvas.data.images import BadImage, read_image
    from ganvas.files import printable, progress

    if str(out) == "-" or out.suffix.lower() in (".png", ".jpg", ".jpeg", ".npy", ".webp"):
        raise BadInput(f"{given} is a folder, so OUT is one too, not {out}")
    listing = list_folder(given)
    if not listing.entries:
        raise BadInput(f"{printable(given)} holds no pictures")
    wide, bad = translator.views(how["to"])[0].shape[0] in (2, 4), list(listing.bad)
    with progress("translating", len(listing.entries)) as advance:
        for entry in listing.entries:
            try:
                picture = read_image(entry.content(), alpha=wide, any_shape=True)
                _deliver(translator.translate(picture, **how), str(out / entry.name), entry.name, quiet=True)
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


def _deliver(picture, out: str, name: str, quiet: bool = False) -> None:
    """To a file of any kind that can hold it, into a folder under the name it came with, or to standard output."""
    from ganvas import files
    from ganvas.study.sheets import encoded, save_picture

    if out == "-":
        sys.stdout.buffer.write(encoded(picture, ".png"))
        sys.stdout.flush()
        return
    path = Path(out)
    if path.is_dir():
        path /= name
    if path.suffix.lower() not in (".png", ".npy", ".tif", ".tiff", ".jpg", ".jpeg", ".webp", ".bmp"):
        path = path.with_suffix(".png")
    with files.storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        save_picture(path, picture)
    if not quiet:
        print(path)
