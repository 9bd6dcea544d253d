"""Scores of several runs as one page: a table of what may be compared, and of each run its newest sheet."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path

from ganvas.study.card import Score
from ganvas.study.diagnosis import Diagnosis
from ganvas.study.lang import Words
from ganvas.study.log import read_log
from ganvas.study.pages.page import embed, figure, opened, page, paragraphs, section
from ganvas.study.report import read_record
from ganvas.study.words import headline


def compared(
    runs: Mapping[str, Path],
    rows: Sequence[Sequence[Score]],
    different: Sequence[str],
    say: Words,
    diagnoses: Mapping[str, Diagnosis | None],
) -> str:
    """The HTML of a page. rows: a score a run, of equal cards, as `study.card.comparable` has them; different: sentences;
    diagnoses: what the doctor says of each run."""
    cards = dict.fromkeys(str(replace(scores[0].card, settings="")) for scores in rows)
    chapters = {
        "scores": _table(list(runs), rows, say),
        "protocol": paragraphs(list(cards)),
        "different": paragraphs(list(different)),
        "runs": _runs(runs, say, diagnoses),
    }
    sections = [section(say(f"compare.{name}"), content) for name, content in chapters.items()]
    title, lead = say("compare.title", runs=len(runs)), say("compare.lead", n=len(rows))
    return page(say.language, say("compare.kind"), title, lead, sections)


def _table(names: Sequence[str], rows: Sequence[Sequence[Score]], say: Words) -> str:
    head = [say("compare.score"), *names, say("compare.floor"), say("compare.better")]
    lines = ["".join(f"<th>{escape(word)}</th>" for word in head)]
    for scores in rows:
        one, best = scores[0], _best(scores)
        shown = [escape(score.shown().partition(" (")[0]) for score in scores]
        cells = [f"<b>{text}</b>" if k in best else text for k, text in enumerate(shown)]
        settings = f"<br><small>{escape(one.card.settings)}</small>" if one.card.settings else ""
        floor = "" if one.floor is None else f"{one.floor:.4g}"
        better = say(f"compare.{one.better}") if one.better else ""
        tail = "".join(f"<td>{cell}</td>" for cell in (*cells, floor, better))
        lines.append(f"<th>{escape(one.name)}{settings}</th>{tail}")
    return f'<div class="wide"><table>{"".join(f"<tr>{line}</tr>" for line in lines)}</table></div>'


def _best(scores: Sequence[Score]) -> set[int]:
    """Who has the best value; who is nearest to the floor where neither low nor high is better."""
    sign = {"lower": 1, "higher": -1}.get(scores[0].better)
    values = [sign * score.value if sign else abs(score.value - (score.floor or 0.0)) for score in scores]
    return {k for k, value in enumerate(values) if value == min(values)}


def _runs(runs: Mapping[str, Path], say: Words, diagnoses: Mapping[str, Diagnosis | None]) -> str:
    shown = []
    for name, run in runs.items():
        about, rows = read_record(run), read_log(run / "log.jsonl")
        sheets = sorted((p for p in (run / "samples").glob("*.png") if p.stem.isdecimal()), key=lambda p: int(p.stem))
        picture = next((found for path in reversed(sheets) if (found := opened(path))), None)
        text = f"{name}: {headline(rows, about, say, diagnoses.get(name))}"
        shown.append(figure(text, embed(picture)) if picture else paragraphs([text]))
    return f'<div class="row">{"".join(shown)}</div>'
