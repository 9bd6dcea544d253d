"""`ganvas interpolate RUN --from … --to …`"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ganvas.cli.parse import flags_of, options_of, parse, take_positional
from ganvas.errors import BadInput

if TYPE_CHECKING:
    from ganvas.study.latents import Places
    from ganvas.study.sample import Generator, Images
    from ganvas.study.walk import Mode

ABOUT = """Walk through the latent space of RUN, from picture to picture, and say how smooth the walk is.

A latent is 17 (picture 17 of --seed, as `ganvas sample --numbered` shows it), 3:17 (of seed 3), or a file of
`ganvas invert`."""

FILMS, PICTURES = (".webp", ".gif"), (".png", ".jpg", ".jpeg", ".bmp")


def interpolate(
    *,
    from_: str | None = None,
    to: str | None = None,
    through: str | None = None,
    loop: bool = False,
    corners: str | None = None,
    frames: int | None = None,
    mode: Literal["spherical", "linear"] | None = None,
    class_: str | None = None,
    to_class: str | None = None,
    seed: int = 0,
    smoothness: bool = True,
    out: str = "walk.webp",
    device: str = "cpu",
) -> None:
    """Walk.

    Args:
        from_: the latent it begins with
        to: the latent it ends with; not given: that of --from, of another class
        through: latents on the way, with commas between
        loop: and back to the first, so that the film goes round
        corners: instead of a walk a grid between four latents: upper left, upper right, lower left, lower right
        frames: pictures of a film, evenly between the latents, each of which is met (60), or on a row of a picture (10), or
            on a side of a grid (8)
        mode: spherical or linear; not given: spherical where z is normal, linear where it is uniform
        class_: of all pictures, by name or index; not given: each latent's own, as `ganvas sample --singles` has it
        to_class: of the last one: the class changes on the way, evenly
        seed: of latents that are given by their number
        smoothness: measure it
        out: a film (.webp, .gif), a picture with a row from each latent to the next (.png), or an .npy array as a film
        device: cpu or cuda
    """


def main(argv: Sequence[str]) -> int:
    run, rest = take_positional(argv, flags_of(interpolate))
    (o,) = parse("ganvas interpolate RUN", ABOUT, {"interpolate": options_of(interpolate)}, rest)
    if run is None:
        raise BadInput("which run? Give its folder: ganvas interpolate runs/auto-digits --from 17 --to 42")
    out = Path(o["out"])
    _check(o, out)
    from ganvas import files
    from ganvas.loading import load
    from ganvas.study import walk
    from ganvas.study.latents import pick, with_latents
    from ganvas.study.panels import joined

    generator = with_latents(load(run, device=o["device"]), run)
    mode = o["mode"] or walk.natural(generator.prior)
    if caution := walk.caution(generator.prior, mode):
        print(caution)
    with files.storage_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
    if o["corners"]:
        side = o["frames"] or 8
        places = walk.corners(pick(generator, o["corners"], o["seed"], o["class_"]), side, mode)
        _write(generator.at(places.z, places.label), out, side)
        print(f"{places.n} pictures, {mode}, in {out}")
        return 0
    stops = _stops(generator, o)
    legs = stops.n if o["loop"] else stops.n - 1
    if out.suffix.lower() in PICTURES:
        ends = [stops.take([k, (k + 1) % stops.n]) for k in range(legs)]
        rows = [walk.walk(pair, o["frames"] or 10, mode) for pair in ends]
        images = joined([generator.at(row.z, row.label) for row in rows])
        images.rows = tuple(_leg(generator, pair, " to ") for pair in ends)  # the font has no arrow
    else:
        places = walk.walk(stops, o["frames"] or 60, mode, o["loop"])
        images = generator.at(places.z, places.label)
    _write(images, out, None, o["loop"])
    print(f"{len(images)} pictures, {mode}, in {out}")
    if o["smoothness"]:
        _tell(generator, stops, mode, o["loop"])
    return 0


def _check(o: dict, out: Path) -> None:
    kind, grid = out.suffix.lower(), o["corners"] is not None
    if kind not in (*FILMS, *PICTURES, ".npy"):
        raise BadInput(f"--out {out} is none of {', '.join((*FILMS, *PICTURES, '.npy'))}: films are .webp or .gif")
    if grid and (kind in FILMS or any(o[key] for key in ("from_", "to", "through", "loop", "to_class"))):
        raise BadInput("--corners is a grid: leave out --from, --to, --through, --loop and --to-class, and name a .png")
    if grid:
        return
    if o["from_"] is None:
        raise BadInput("--from: where does the walk begin? Give a number of `ganvas sample --numbered`, or a file")
    if not o["to"] and not o["to_class"] and not (o["through"] and o["loop"]):
        raise BadInput("--to: where does the walk lead? Give a latent, or --to-class for the same one of another class")


def _stops(generator: Generator, o: dict) -> Places:
    """All latents on the way, each told its class."""
    from ganvas.study.latents import pick, together

    last = o["to"] or (None if o["through"] and o["loop"] else o["from_"])
    words = [("--from", o["from_"]), ("--through", o["through"]), ("--to", last)]
    parts = []
    for option, word in words:
        if word is None:
            continue
        told = o["to_class"] if option == "--to" and o["to_class"] is not None else o["class_"]
        parts.append(pick(generator, word, o["seed"], told))
        if option != "--through" and parts[-1].n > 1:
            raise BadInput(f"{option} {word} names {parts[-1].n} latents: an end is one, the others go into --through")
    return together(parts)


def _write(images: Images, out: Path, columns: int | None, loop: bool = False) -> None:
    import numpy as np

    from ganvas import files
    from ganvas.study.panels import enlarged
    from ganvas.study.sheets import film, write_picture

    kind = out.suffix.lower()
    if kind == ".npy":
        with files.replacing(out) as file:
            np.save(file, np.asarray(images))
    elif kind in FILMS:
        scale = max(1, 256 // max(images.shape[2:]))
        pictures = [enlarged(images[k : k + 1], scale) for k in range(len(images))]
        film([p.convert("L") for p in pictures] if images.shape[1] == 1 else pictures, out, hold=0 if loop else 1)
    else:
        write_picture(images.sheet(columns=columns) if columns else images.sheet(), out)


def _tell(generator: Generator, stops: Places, mode: Mode, loop: bool) -> None:
    """The smoothness of each leg, as it comes."""
    from ganvas.study import walk
    from ganvas.study.suited import eye

    by = eye(generator.spec, generator.device)
    print(f"path length in the features of {by.name} (floor: no way between these two pictures has less)")
    for k, leg in enumerate(walk.smoothness(generator, stops, mode, loop, by)):
        between = _leg(generator, stops.take([k, (k + 1) % stops.n]))
        print(
            f"  {between}: {leg.length:.4g}, {leg.ratio:.2f} times its floor of {leg.floor:.4g}; largest step {leg.jump:.1f} "
            "times the mean"
        )
    usual = walk.usual(generator, mode, by=by)
    print(f"  random pairs of this generator: {usual:.2f} times their floor (median of {walk.PAIRS})")


def _leg(generator: Generator, ends: Places, to: str = " → ") -> str:
    from ganvas.data.labels import name_of

    told = [""] * 2 if ends.label is None else [f" ({name_of(generator.spec, row.numpy())})" for row in ends.label]
    return to.join(name + what for name, what in zip(ends.names, told, strict=True))
