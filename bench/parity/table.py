"""ours | reference | difference | tolerance, on the terminal and as one JSON line a run."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

sys.path.append(str(Path(__file__).parents[1]))
from machine import machine

RESULTS = Path(__file__).parents[1] / "results" / "parity.jsonl"


class Row(NamedTuple):
    """`control`: broken on purpose, so the difference must be larger than the tolerance."""

    what: str
    ours: float
    reference: float
    difference: float
    tolerance: float
    control: bool = False

    @property
    def passes(self) -> bool:
        return (self.difference > self.tolerance) if self.control else bool(self.difference <= self.tolerance)


def relative(what: str, ours: float, reference: float, tolerance: float) -> Row:
    return Row(what, ours, reference, abs(ours - reference) / max(abs(reference), 1e-300), tolerance)


def report(program: str, rows: Sequence[Row], about: dict[str, Any], results: Path = RESULTS) -> int:
    """Prints and appends; the exit status: 1 when a row is outside its tolerance or a control inside."""
    width = max(len(row.what) for row in rows)
    print(f"{'':{width}} | {'ours':>13} | {'reference':>13} | difference | tolerance |")
    for row in rows:
        verdict = "" if row.passes else "  WRONG"
        expected = "control: must differ" if row.control else ""
        print(
            f"{row.what:{width}} | {row.ours:13.7g} | {row.reference:13.7g} | {row.difference:10.2e} | "
            f"{row.tolerance:9.0e} | {expected}{verdict}"
        )
    now = datetime.now(UTC).isoformat(timespec="seconds")
    record = {"program": program, "date": now, **about, "machine": machine(), "rows": [row._asdict() for row in rows]}
    results.parent.mkdir(exist_ok=True)
    with results.open("a") as file:
        file.write(json.dumps(record, ensure_ascii=False, default=float) + "\n")
    write_page(results)
    return 0 if all(row.passes for row in rows) else 1


def write_page(results: Path) -> None:
    """docs/parity.md: the newest table of each program."""
    newest = {record["program"]: record for record in map(json.loads, results.read_text().splitlines())}
    lines = [
        "# Parity with the reference implementations",
        "",
        "Made by `make parity IMAGES='FOLDER …'`; see docs/scores.md. Under `scores` both are given the same features. Under",
        "`inception` both have the same random weights and look at the same real pictures: *ours* and *reference* are the",
        "mean absolute numbers, *difference* the largest of all differences over the largest number (over 255 for resizes).",
    ]
    for program, record in newest.items():
        aside = {key: value for key, value in record.items() if key not in ("program", "rows", "machine")}
        lines += ["", f"## {program}", "", ", ".join(f"{key}: {value}" for key, value in aside.items()), ""]
        lines += ["| what and reference | ours | reference | difference | tolerance |", "|---|---|---|---|---|"]
        for fields in record["rows"]:
            row = Row(**fields)
            mark = " (control: must differ)" if row.control else "" if row.passes else " **outside**"
            what = row.what.replace(" | ", " against ").replace("|", "\\|")
            numbers = f"{row.ours:.7g} | {row.reference:.7g} | {row.difference:.2e} | {row.tolerance:.0e}"
            lines.append(f"| {what}{mark} | {numbers} |")
    (Path(__file__).parents[2] / "docs" / "parity.md").write_text("\n".join(lines) + "\n")


def versions(*names: str) -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in names}
