"""`ganvas doctor --data FOLDER [RECIPE]`: before training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ganvas.cli.parse import flags_of, options_of, parse, take_positional
from ganvas.errors import BadInput

if TYPE_CHECKING:
    from ganvas.preflight import Estimate, Health
    from ganvas.study.lang import Words
    from ganvas.study.lint import Finding

ABOUT = """Look at data before anything is trained on them: files that cannot be read, duplicates, flat pictures, a wrong
range, constant channels, odd shapes, scarce classes, too few pictures, overlap with pictures held out. With a RECIPE also
what a run of it takes on this machine, timed. One verdict; exit status 0, or 2 where the data are unusable."""

NAMED = 3  # files a finding is shown with


def doctor(
    *,
    data: str,
    against: str | None = None,
    size: str | int | None = None,
    drop_unpaired: bool = False,
    most: int = 100_000,
    out: Path | None = None,
    json: bool = False,
    lang: Literal["en", "ko"] = "en",
) -> None:
    """Look.

    Args:
        data: a folder or zip of pictures, .npy, IDX, or a data set's name
        against: pictures that must not be among them, as a test set; not given: those in test/ or val/ beside train/
        size: as for `ganvas train`
        drop_unpaired: as for `ganvas train`, for recipes of pairs and captions
        most: files that are decoded; of more, evenly many
        out: a picture of the duplicates, pair by pair
        json: print everything as one JSON object
        lang: English or Korean
    """


def main(argv: Sequence[str], parse: Callable = parse) -> int:
    recipe, rest = take_positional(argv, flags_of(doctor))
    (o,) = parse("ganvas doctor", ABOUT, {"data": options_of(doctor)}, rest)
    if recipe is not None and (Path(recipe) / "run.json").exists():
        raise BadInput(f"{recipe} is a run and --data {o['data']} are data: ask about one of them")
    if o["most"] < 2:
        raise BadInput(f"--most {o['most']}: at least 2 files are looked at")
    if o["out"] is not None and o["out"].suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp", ".bmp"):
        raise BadInput(f"--out {o['out']} is no picture's name: call it pairs.png")
    from ganvas.preflight import examine
    from ganvas.study.lang import speak

    health = examine(o["data"], recipe, against=o["against"], size=o["size"], most=o["most"], drop=o["drop_unpaired"])
    if o["json"]:
        print(health.to_json())
    else:
        _tell(health, speak(o["lang"]))
    if o["out"] is not None:
        said = _sheet(o["data"], health, o["out"], speak(o["lang"]))
        if not o["json"]:
            print(said)
    return 2 if health.verdict == "unusable" else 0


def verdict(health: Health, say: Words) -> str:
    """One line."""
    mend = [finding for finding in health.findings if finding.level == "warn"]
    if health.verdict == "unusable":
        bad = next(finding for finding in health.findings if finding.level == "bad")
        return say("preflight.unusable", why=bad.fields.get("why") or how(bad, say))
    if mend:
        names = ", ".join(dict.fromkeys(say(f"data.{finding.id}.name") for finding in mend))
        return say("preflight.mend", n=len(mend), found=len(mend), names=names)
    return say("preflight.well", n=health.facts["n"])


def how(finding: Finding, say: Words) -> str:
    """What was seen of it."""
    return say(f"data.{finding.id}.how", **finding.fields)


def _tell(health: Health, say: Words) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False, soft_wrap=False)
    console.print(f"{health.data}: {verdict(health, say)}", markup=False, soft_wrap=True)
    if health.facts["n"]:
        console.print(seen(health, say), markup=False, soft_wrap=True)
    for remark in health.said:
        console.print(f"  {remark}", markup=False, soft_wrap=True)
    told = [found for found in health.findings if found.id != "refused" or found.names]  # else the verdict said it
    if told:
        grid = Table("", *(say(f"preflight.{key}") for key in ("found", "how", "do")), box=None, pad_edge=False)
        for finding in told:
            named = "\n".join([*finding.names[:NAMED], *([say("more", n=rest)] if (rest := _rest(finding)) else [])])
            words = [say(f"data.{finding.id}.{part}", **finding.fields) for part in ("name", "how", "do")]
            words[1] += f"\n{named}" if named else ""
            grid.add_row(*map(escape, (say(f"preflight.{finding.level}"), *words)))
        console.print(grid)
    elif not health.findings:
        console.print(say("preflight.clean"), soft_wrap=True)
    if health.estimate:
        console.print(estimated(health.estimate, say), markup=False, soft_wrap=True)


def _rest(finding: Finding) -> int:
    """How many files it is about besides those shown."""
    total = max(int(finding.fields.get("n", 0)), len(finding.names))
    return max(total - NAMED, 0) if finding.names else 0


def seen(health: Health, say: Words) -> str:
    """The facts, in a line."""
    facts = health.facts
    alike = facts["least"] == facts["most"]
    ends = {key: facts[key] for key in ("least", "most")}
    sizes = say("preflight.one_size", size=facts["least"]) if alike else say("preflight.sizes", **ends)
    classes = say("preflight.classes", classes=facts["classes"]) if facts["classes"] else ""
    held = say("preflight.held", held=facts["held"]) if facts["held"] else ""
    line = say("preflight.seen", n=facts["n"], sizes=sizes, channels=facts["channels"], bits=facts["bits"],
               classes=classes, held=held)  # fmt: skip
    return line + (say("preflight.part", files=facts["files"]) if facts["files"] > facts["n"] else "")


def estimated(cost: Estimate, say: Words) -> str:
    """What a run takes, in a line."""
    from ganvas.study.words import duration

    mega = 2**20
    line = say(
        "preflight.estimate", recipe=cost.recipe, speed=cost.speed, images=cost.images, time=duration(cost.seconds, say),
        peak=cost.peak / mega, ram=cost.ram / mega,
    )  # fmt: skip
    line += say("preflight.busy", seen=cost.seen) if cost.seen < 0.8 * cost.speed else ""
    return line + (say("preflight.tight") if cost.peak > 0.8 * cost.ram else "")


def _sheet(data: str, health: Health, out: Path, say: Words) -> str:
    """Writes the pairs that were found, of one size each, four pairs a row."""
    from ganvas.preflight import twins
    from ganvas.study.sheets import write_picture
    from ganvas.study.translate import mosaic

    pictures = twins(data, health.findings)
    if not pictures:
        return say("preflight.no_sheet", out=out)
    write_picture(mosaic(pictures, 8), out)
    return say("preflight.sheet", out=out, n=len(pictures) // 2)
