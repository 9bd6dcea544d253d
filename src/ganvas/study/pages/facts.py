"""What a run is, on its page: the recipe and its paper, the data with what is wrong with them, all plain facts."""

import json
import math
import shlex
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from ganvas.study.commands import onward
from ganvas.study.equilibrium import Run, record
from ganvas.study.lang import Words
from ganvas.study.log import Row, elapsed, number, series
from ganvas.study.pages.page import command, paragraphs, prose, table
from ganvas.study.words import duration, names

LINT = "lint.json"  # what `study.lint` found in the data when training ended


def recipe(about: Run, described: str, say: Words) -> str:
    """Its description (which names the paper, and where the recipe departs from it) and its arguments as resolved."""
    words = "".join(f'<p lang="en">{prose(part)}</p>' for part in described.split("\n\n") if part.strip())
    arguments = [(key, escape(_show(value, say))) for key, value in record(about, "arguments").items()]
    return words + (table(arguments) if arguments else "")


def data(run: Path, about: Run, say: Words) -> str:
    """What the pictures are, what was understood when they were opened, and what `study.lint` found in them."""
    opened, spec = record(about, "data"), record(about, "data", "spec")
    shape = spec.get("shape") if isinstance(spec.get("shape"), list) else []
    size = " × ".join(map(str, shape)) + (f" {say('report.axes')}" if shape else "")
    facts = {
        "source": opened.get("source"),
        "image": say("report.bits", size=size, bits=_show(spec["bits"], say)) if size and "bits" in spec else size,
        "training": spec.get("n") or None,
        "held_out": spec.get("held_out") or None,
        "classes": _show(spec.get("classes") or "", say),
        "notes": opened.get("notes"),
    }
    return _table(facts, say) + _lint(run / LINT, say)


def _lint(path: Path, say: Words) -> str:
    try:
        found = json.loads(path.read_text("utf-8"))
        rows = [_finding(one, say) for one in found["findings"]]
        looked = say("report.looked", n=int(found["n"]))
    except (OSError, ValueError, KeyError, TypeError):  # no lint was kept, or another version's
        return ""
    if not rows:
        return paragraphs([f"{looked} {say('preflight.clean')}"])
    return paragraphs([looked]) + table(rows)


def _finding(one: Mapping[str, Any], say: Words) -> tuple[str, str]:
    how, do = (say(f"data.{one['id']}.{part}", **one["fields"]) for part in ("how", "do"))
    named = "".join(f"<br><small>{escape(str(name))}</small>" for name in one.get("names", [])[:3])
    return say(f"data.{one['id']}.name"), f"{prose(how)}. {prose(do)}{named}"


def facts(rows: Sequence[Row], about: Run, say: Words) -> str:
    """How long, how fast, on what, with which versions."""
    images, planned = (rows[-1]["images"] if rows else 0), number(about.get("length", about.get("images")))
    speed, n = series(rows, "images_per_second"), number(record(about, "data", "spec").get("n"))
    versions = {"ganvas": about.get("ganvas")} | dict(record(about, "versions"))
    known = math.isfinite(planned)
    where = record(about, "circumstances")
    found = {
        "seen": say("report.of", images=images, planned=planned) if known else f"{images:,.0f}",
        "epochs": f"{images / n:,.3g}" if n > 0 else None,
        "time": say("report.rounds", time=duration(elapsed(rows), say)) if elapsed(rows) else None,
        "speed": say("report.speed", speed=float(np.nanmedian(speed))) if np.isfinite(speed).any() else None,
        "seed": about.get("seed"),
        "device": about.get("device", where.get("device")),
        "precision": about.get("precision", where.get("precision")),
        "threads": where.get("threads"),
        "forked": about.get("forked_from"),
        "started": about.get("started"),
        "versions": _show([f"{key} {version}" for key, version in versions.items()], say),
    }
    return _table(found, say)


def _table(found: Mapping[str, Any], say: Words) -> str:
    known = [(name, value) for name, value in found.items() if value not in (None, "", [], ())]
    return table([(say(f"fact.{name}"), _cell(value, say)) for name, value in known])


def _cell(value: Any, say: Words) -> str:
    values = value if isinstance(value, list) else [value]
    return "<br>".join(escape(_show(v, say)) for v in values[:50]) + ("<br>…" if len(values) > 50 else "")


def _show(value: Any, say: Words) -> str:
    if isinstance(value, bool) or value is None:
        return say({True: "yes", False: "no", None: "none"}[value])
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, list):
        return ", ".join(_show(v, say) for v in value)
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 300 else text[:299] + "…"


def ahead(run: Path, rows: Sequence[Row], about: Run, say: Words) -> str:
    """What next, as commands."""
    name, recipe = shlex.quote(str(run)), shlex.quote(names(about)[0])
    images, planned = (rows[-1]["images"] if rows else 0), number(about.get("length", about.get("images")))
    steps = []
    if planned > 0:
        finished = images >= planned
        steps.append(("longer" if finished else "go_on", onward(about, name, finished)))
    if (run / "snapshots").is_dir():
        if record(about, "data", "spec").get("views"):
            steps.append(("use", f"ganvas {_verb(about)} {name} picture.png out.png"))
        else:
            steps.append(("draw", f"ganvas sample {name} -n 64 --seed 1 --out sheet.png"))
        steps.append(("score", f"ganvas evaluate {name}"))
    if about.get("recipe"):
        steps.append(("own", f"ganvas train {recipe} --data FOLDER"))
    steps.append(("again", f"ganvas report {name}{'' if say.language == 'en' else f' --lang {say.language}'}"))
    return "".join(f"<p>{say(f'next.{what}')}</p>{command(line)}" for what, line in steps)


def _verb(about: Run) -> str:
    """upscale where b is larger than a."""
    views = record(about, "data", "spec").get("views")
    try:
        return "upscale" if views[1]["shape"][1] > views[0]["shape"][1] else "translate"
    except (TypeError, KeyError, IndexError):
        return "translate"
