"""`ganvas doctor RUN`: what ails a run. `ganvas doctor --data FOLDER`: what ails data, before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ganvas.cli.parse import flags_of, options_of, parse, take_positional
from ganvas.errors import BadInput

DRAWN = 1_000  # pictures in which missing kinds are looked for
ABOUT = """What ails a run, at any time: while it trains, stopped, or done. One diagnosis, the numbers that bear it out, how
sure it is, one thing to do with the line to type, and what would prove it wrong. The courses go into RUN/doctor.png.
With --data instead of RUN it looks at data before training (`ganvas doctor --data FOLDER --help`)."""


def doctor(*, json: bool = False, lang: Literal["en", "ko"] = "en") -> None:
    """Diagnose.

    Args:
        json: print everything as one JSON object
        lang: English or Korean
    """


def _missing(folder: Path) -> str:
    """Which kinds of picture are missing, and where they can be seen; or why that cannot be said."""
    from ganvas import judging
    from ganvas.errors import GanvasError
    from ganvas.files import printable
    from ganvas.study import kinds
    from ganvas.study.scoreboard import MISSING

    try:
        found = kinds.kinds(judging.ask(folder, n=DRAWN, pixels=True, say=lambda text: None))
        kinds.write(found, folder / MISSING)
    except GanvasError as error:
        return f"  which kinds are missing cannot be shown: {error}"
    return f"  {kinds.summary(found)}\n  {printable(folder / MISSING)}"


def main(argv: Sequence[str]) -> int:
    if any(word.partition("=")[0] == "--data" for word in argv):
        from ganvas.cli import preflight

        return preflight.main(argv, parse)
    run, rest = take_positional(argv, flags_of(doctor))
    (o,) = parse("ganvas doctor RUN", ABOUT, {"doctor": options_of(doctor)}, rest)
    if run is None:
        raise BadInput("which run? Give its folder: ganvas doctor runs/auto-digits (or --data FOLDER, before training)")
    from ganvas.files import printable
    from ganvas.health.page import doctors_words, draw, lines
    from ganvas.health.triage import diagnose

    folder = Path(run)
    said, say = diagnose(folder), doctors_words(o["lang"])
    if o["json"]:
        print(said.to_json())
        return 0
    print("\n".join(lines(said, printable(folder), say)))
    if said.id == "collapsing":
        print(_missing(folder))
    if draw(said, folder / "doctor.png", doctors_words()):  # its font has Latin letters only
        print(say("line.courses", path=printable(folder / "doctor.png")))
    return 0
