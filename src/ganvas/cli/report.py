"""`ganvas report RUN`"""

from collections.abc import Sequence

from ganvas.cli.parse import flags_of, parse, take_positional
from ganvas.errors import BadInput

ABOUT = (
    """Write RUN/report.html again: one page, no network, that shows and says what happened. Works while it trains."""
)


def main(argv: Sequence[str]) -> int:
    run, rest = take_positional(argv, flags_of())
    parse("ganvas report RUN", ABOUT, {}, rest)
    if run is None:
        raise BadInput("which run? Give its folder: ganvas report runs/auto-digits")
    from pathlib import Path

    from ganvas.study.report import write_report

    print(write_report(Path(run)))
    return 0
