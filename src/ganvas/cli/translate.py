"""`ganvas translate RUN IN OUT`"""

import functools
from collections.abc import Sequence
from typing import Literal

from ganvas.cli.parse import flags_of, options_of, parse
from ganvas.cli.pictures import budget, must_be_all, run_in_out, through
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
    places, rest = run_in_out(argv, flags_of(translate))
    (options,) = parse("ganvas translate RUN IN OUT", ABOUT, {"translate": options_of(translate)}, rest)
    run, given, out = must_be_all(places, "ganvas translate runs/pix2pix-edges picture.png out.png")
    memory = budget(options.pop("memory"))
    from ganvas.loading import load
    from ganvas.study.translate import Translator
    from ganvas.study.upscale import Upscaler

    translator = load(run, device=options.pop("device"))
    if isinstance(translator, Upscaler):
        raise BadInput(f"{run} enlarges pictures: `ganvas upscale {run}`")
    if not isinstance(translator, Translator):
        raise BadInput(f"{run} draws pictures from noise: `ganvas sample {run}`")
    opacity = translator.views(options["to"])[0].shape[0] in (2, 4)
    make = functools.partial(translator.translate, memory=memory, **options)
    return through(make, given, out, opacity=opacity, doing="translating")
