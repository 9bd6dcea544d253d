"""One page about a run, as one would show it to a colleague: what was done, what came out, what the numbers say."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganvas import files
from ganvas.errors import BadInput
from ganvas.study.diagnosis import Diagnosis
from ganvas.study.lang import speak
from ganvas.study.log import read_log
from ganvas.study.pages import facts, numbers, pictures
from ganvas.study.pages.diagnosed import diagnosed
from ganvas.study.pages.page import page, paragraphs, section
from ganvas.study.words import describe, headline, names

Run = dict[str, Any]


def write_report(
    run: Path,
    language: str = "en",
    *,
    described: str = "",
    diagnosis: Diagnosis | None = None,
    notes: Sequence[str] = (),
) -> Path:
    """Writes `run`/report.html from the files of the run alone, and returns its path. Works while it trains.

    described: what its recipe says of itself. diagnosis: what the doctor says, and `notes` to it, sentences. Missing or
    torn pictures and rows are left out. Raises BadInput where there is no readable run.json, Storage where the page
    cannot be written. The same files give the same bytes.
    """
    run, say = Path(run), speak(language)
    about, rows = read_record(run), read_log(run / "log.jsonl")
    recipe, data = names(about, say)
    chapters = {
        "pictures": pictures.pictures(run, about, say),
        "walk": pictures.walk(run, say),
        "diagnosis": diagnosed(diagnosis, notes, say) if diagnosis else "",
        "curves": numbers.curves(rows, about, say),
        "numbers": paragraphs(describe(rows, about, say)),
        "scores": numbers.scores(run, say),
        "recipe": facts.recipe(about, described, say),
        "data": facts.data(run, about, say),
        "facts": facts.facts(rows, about, say),
        "next": facts.ahead(run, rows, about, say),
    }
    title, lead = say("head.title", recipe=recipe, data=data), headline(rows, about, say, diagnosis)
    sections = [section(say(f"report.{name}"), content) for name, content in chapters.items()]
    files.write_atomic(run / "report.html", page(say.language, say("report.kind"), title, lead, sections))
    return run / "report.html"


def read_record(run: Path) -> Run:
    """run.json. Raises BadInput, one line, where there is none or it is damaged."""
    where = files.printable(run)
    try:
        about = json.loads((run / "run.json").read_bytes().decode())
    except FileNotFoundError:
        what = "is no run folder (it has no run.json)" if run.exists() else "does not exist"
        raise BadInput(f"{where} {what}: give the folder that `ganvas train` wrote") from None
    except OSError as error:
        raise BadInput(f"{where}/run.json cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict):
        raise BadInput(f"{where}/run.json is damaged: it is not the JSON record that `ganvas train` wrote")
    return about
