"""`ganvas report RUN`"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ganvas.cli.parse import flags_of, options_of, parse, take_positional
from ganvas.errors import BadInput

ABOUT = (
    """Write RUN/report.html again: one page, no network, that shows and says what happened. Works while it trains."""
)


def report(*, lang: Literal["en", "ko"] = "en") -> None:
    """Write it.

    Args:
        lang: English or Korean
    """


def main(argv: Sequence[str]) -> int:
    run, rest = take_positional(argv, flags_of(report))
    (o,) = parse("ganvas report RUN", ABOUT, {"report": options_of(report)}, rest)
    if run is None:
        raise BadInput("which run? Give its folder: ganvas report runs/auto-digits")
    from ganvas import reporting

    print(reporting.report(Path(run), o["lang"]))
    return 0
