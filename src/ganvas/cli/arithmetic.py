"""`ganvas arithmetic RUN --plus … --minus … --to …`"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ganvas.cli.parse import flags_of, options_of, parse, take_positional
from ganvas.errors import BadInput

if TYPE_CHECKING:
    from ganvas.study.directions import Direction
    from ganvas.study.latents import Places
    from ganvas.study.sample import Generator

ABOUT = """Vector arithmetic with pictures: smiling woman − neutral woman + neutral man = smiling man (Radford et al. 2015).

--plus and --minus are groups that you pick on a sheet of `ganvas sample --numbered`, as numbers (3,17,42), in a text file
(one a line), or as a folder of pictures of `sample --singles`. Instead of groups, --direction names what is measured (ink,
slant, width, height, class:7), a column of your labels (labels.csv:smiling), or what the weights alone give (sefa:0, pca:0;
without a number an overview). A direction's quality on new latents is printed."""

FILMS, PICTURES = (".webp", ".gif"), (".png", ".jpg", ".jpeg", ".bmp")
OVERVIEW, FRAMES, FIRST = 8, 40, "0,1,2,3,4,5"
UNSUPERVISED = ("sefa", "pca")
ENOUGH = 8  # members of each group: leaving one of three out says nothing of z's many numbers


def arithmetic(
    *,
    plus: str | None = None,
    minus: str | None = None,
    direction: str | None = None,
    to: str | None = None,
    strength: float | None = None,
    noise: float = 0.25,
    hold: bool | None = None,
    class_: str | None = None,
    seed: int = 0,
    save: str | None = None,
    quality: bool = True,
    out: str = "arithmetic.png",
    device: str = "cpu",
) -> None:
    """Arithmetic.

    Args:
        plus: the group A, whose average is added
        minus: the group B, whose average is subtracted
        direction: instead of groups: ink, slant, width, height, class:NAME, labels.csv:COLUMN, sefa:0, pca:0, or a file
        to: what it is added to: each latent on its own, with commas between; a file is one group, of which the average is
            taken. Needed with groups; not given: the first six pictures
        strength: how much of it is added; not given: 1 of a difference of groups, 2 of others, in standard deviations of z
        noise: of the neighbours in the 3×3, uniform between −noise and noise, .25 in the paper
        hold: hold the class that a classifier sees, at the cost of movement; not given: where the generator is not told it
        class_: of all pictures, for a conditional generator; not given: each latent's own
        seed: of latents that are given by their number
        save: a .safetensors file for the direction
        quality: measure it
        out: a picture (.png): A, B, C and the 3×3 of C + A − B; of other directions a row for each latent, from minus to
            plus strength; or a film (.webp, .gif) of the same
        device: cpu or cuda
    """


def main(argv: Sequence[str]) -> int:
    run, rest = take_positional(argv, flags_of(arithmetic))
    (o,) = parse("ganvas arithmetic RUN", ABOUT, {"arithmetic": options_of(arithmetic)}, rest)
    if run is None:
        raise BadInput("which run? Give its folder: ganvas arithmetic runs/auto-digits --direction slant")
    out, groups = Path(o["out"]), bool(o["plus"] or o["minus"])
    _check(o, out, groups)
    from ganvas import files
    from ganvas.loading import load
    from ganvas.study import directions, quality
    from ganvas.study.latents import pick, with_latents

    generator = with_latents(load(run, device=o["device"]), run)
    to = [pick(generator, word, o["seed"], o["class_"]) for word in (o["to"] or FIRST).split(",") if word.strip()]
    with files.storage_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
    if o["direction"] in UNSUPERVISED:
        return _overview(generator, o, to[0], out)
    plus, minus = (pick(generator, o[k], o["seed"], o["class_"]) if groups else None for k in ("plus", "minus"))
    if groups:
        found = directions.difference(plus, minus)
    else:
        found = directions.find(generator, o["direction"], o["seed"], o["hold"], print)
    strength = o["strength"] if o["strength"] is not None else 1.0 if groups else 2.0
    _draw(generator, found, to, strength, out, (plus, minus) if groups else None, o)
    print(f"{found.name}: {found.about.get('found', 'from a file')}; {out}")
    if groups and min(plus.n, minus.n) >= ENOUGH:
        share = quality.leave_one_out(plus, minus)
        print(
            f"of the {plus.n + minus.n} picked, {share:.0%} lie on their own side of the middle between the means of the others"
        )
    if o["save"]:
        found.keep(Path(o["save"]), generator)
        print(f"kept in {o['save']}: ganvas sample {run} --direction {o['save']} --strength {strength:g}")
    if o["quality"]:
        print(quality.words(quality.quality(generator, found, strength), found.about.get("attribute", "")))
    return 0


def _check(o: dict, out: Path, groups: bool) -> None:
    kind, unsupervised = out.suffix.lower(), o["direction"] in UNSUPERVISED
    if kind not in (*FILMS, *PICTURES):
        raise BadInput(f"--out {out} is none of {', '.join((*FILMS, *PICTURES))}")
    if groups == bool(o["direction"]):
        raise BadInput("give --plus and --minus, two groups of pictures, or --direction (slant, sefa:0, a file …)")
    if groups and not (o["plus"] and o["minus"]):
        raise BadInput(
            f"--{'minus' if o['plus'] else 'plus'}: what is {'subtracted' if o['plus'] else 'added'}? Give a group"
        )
    if groups and not o["to"]:
        raise BadInput(
            "--to: what is the difference added to? Give numbers of `ganvas sample --numbered`, or a group's file"
        )
    if o["hold"] and (groups or unsupervised):
        raise BadInput("--hold is for directions that are measured, such as slant: leave it out")
    if unsupervised and (o["save"] or kind in FILMS):
        raise BadInput(
            f"--direction {o['direction']} shows several: choose one, as {o['direction']}:0, to save or film it"
        )
    if not 0 <= o["noise"] <= 100:
        raise BadInput(f"--noise {o['noise']:g}: give 0 to 100, the paper has 0.25")


def _draw(
    generator: Generator, found: Direction, to: list[Places], strength: float, out: Path,
    groups: tuple[Places, Places] | None, o: dict,
) -> None:  # fmt: skip
    from ganvas.study import arithmetic as draw
    from ganvas.study.latents import together
    from ganvas.study.panels import enlarged
    from ganvas.study.sheets import film, write_picture

    if groups and out.suffix.lower() in PICTURES:
        picture = draw.figure(generator, *groups, to, found, strength, o["noise"], o["seed"])
        return write_picture(picture, out)
    places = together([draw.mean(group) for group in to])
    if out.suffix.lower() in PICTURES:
        return write_picture(draw.strip(generator, places, found, strength).sheet(), out)
    scale, columns = max(1, 96 // generator.spec.shape[2]), min(places.n, 6)
    frames = draw.sweep(generator, places, found, strength, FRAMES)
    pictures = [enlarged(images, scale, columns, gap=2) for images in frames]
    grey = generator.spec.shape[0] == 1
    return film([p.convert("L") for p in pictures] if grey else pictures, out, seconds=4, hold=0)


def _overview(generator: Generator, o: dict, place: Places, out: Path) -> int:
    """The first few components, a row each."""
    from ganvas.study import arithmetic as draw
    from ganvas.study import directions, quality
    from ganvas.study.panels import joined
    from ganvas.study.sheets import write_picture

    found, strength = directions.components(generator, o["direction"])[:OVERVIEW], o["strength"] or 2.0
    place = draw.mean(place)
    images = joined([draw.strip(generator, place, one, strength) for one in found])
    images.rows = tuple(one.name for one in found)
    write_picture(images.sheet(), out)
    print(f"the first {len(found)} of {o['direction']}, from −{strength:g} to {strength:g}, in {out}")
    if o["quality"]:
        for one in found:
            print(f"{one.name}: " + quality.words(quality.quality(generator, one, strength, n=200)).replace("\n", "; "))
    return 0
