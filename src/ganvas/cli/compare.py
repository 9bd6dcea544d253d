"""`ganvas compare RUN RUN …`"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ganvas.cli.parse import flags_of, options_of, parse, take_positional
from ganvas.errors import BadInput

ABOUT = """The newest scores of several runs side by side. Scores whose cards differ (another extractor, other real images,
another number of pictures, live weights instead of the average) are not compared: it says what differs."""


def compare(*, html: Path | None = None, lang: Literal["en", "ko"] = "en") -> None:
    """Compare.

    Args:
        html: also write a page with the table and each run's newest sheet
        lang: English or Korean, of that page
    """


def main(argv: Sequence[str]) -> int:
    runs, rest = [], list(argv)
    while (found := take_positional(rest, flags_of(compare)))[0] is not None:
        runs, rest = [*runs, found[0]], found[1]
    (o,) = parse("ganvas compare RUN RUN …", ABOUT, {"compare": options_of(compare)}, rest)
    if len(runs) < 2:
        raise BadInput("compare needs at least two runs: ganvas compare runs/auto-digits runs/dcgan-digits")
    if twice := sorted({run for run in runs if runs.count(run) > 1}):
        raise BadInput(f"{', '.join(twice)} is named twice: give runs that differ")
    if o["html"] is not None and o["html"].suffix.lower() not in (".html", ".htm"):
        raise BadInput(f"--html {o['html']} is a page: call it compare.html")
    from dataclasses import replace

    from ganvas import files, judging
    from ganvas.study.card import columns, comparable

    found, different = comparable({run: judging.kept(Path(run)) for run in runs})
    if not found:
        raise BadInput("; ".join(different) if different else "these runs share no metric: evaluate them alike")
    rows = [("", *runs, "floor", "better", "")]
    for scores in found:
        one = scores[0]
        floor = "" if one.floor is None else f"{one.floor:.4g}"
        rows.append((one.name, *(s.shown().partition(" (")[0] for s in scores), floor, one.better, one.card.settings))
    print("\n".join([*columns(rows), ""]))
    for card in dict.fromkeys(replace(scores[0].card, settings="") for scores in found):
        print(card)
    for sentence in different:
        print(sentence)
    if o["html"] is not None:
        from ganvas.reporting import diagnosis
        from ganvas.study.lang import speak
        from ganvas.study.pages.compare import compared

        diagnoses = {run: diagnosis(Path(run)) for run in runs}
        page = compared({run: Path(run) for run in runs}, found, different, speak(o["lang"]), diagnoses)
        files.write_atomic(o["html"], page)
        print(o["html"])
    return 0
