"""`ganvas stats WHAT --out ref.npz`"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ganvas.cli.parse import flags_of, options_of, parse, take_positional
from ganvas.errors import BadInput

ABOUT = """Mean and covariance of the features of real images, once, for `ganvas evaluate … --against ref.npz`.
WHAT is a folder, zip or .npy of pictures. The file is read by pytorch-fid too (keys mu and sigma)."""


def stats(
    *,
    out: str = "ref.npz",
    extractor: str = "inception",
    weights: str | None = None,
    precision: Literal["fp32", "bf16"] = "fp32",
    device: str = "cpu",
) -> None:
    """Statistics of real images.

    Args:
        out: the file
        extractor: as in `ganvas evaluate`
        weights: file with Inception's published weights, instead of the cache or a download
        precision: of the extractor
        device: cpu or cuda
    """


def main(argv: Sequence[str]) -> int:
    what, rest = take_positional(argv, flags_of(stats))
    (options,) = parse("ganvas stats WHAT", ABOUT, {"stats": options_of(stats)}, rest)
    if what is None or not Path(what).exists():
        raise BadInput(
            f"{what or 'nothing'} does not exist: give a folder of real pictures: ganvas stats photos --out ref.npz"
        )
    from ganvas import judging
    from ganvas.study.statistics import write_statistics

    out = Path(options.pop("out"))
    if out.suffix != ".npz":
        raise BadInput(f"--out {out}: statistics are an .npz file")
    options["weights"] = Path(options["weights"]) if options["weights"] else None
    question = judging.ask(what, **options)
    write_statistics(out, question)
    print(f"{out}: {question.fakes.n:,} images of {question.fakes.name} seen by {question.extractor.name}")
    return 0
