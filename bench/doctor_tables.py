"""What the rows of `doctor.py` say: thresholds, the confusion matrix, how often a healthy run was called ill."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from intervals import wilson
from sick import KINDS

from ganvas.health.doctor import SURE
from ganvas.health.limits import LIMITS, TRIAGE
from ganvas.health.triage import judge, readings
from ganvas.study.diagnosis import ILLS, WELL, Diagnosis

UNREAD = {
    "seconds", "slope", "clipped", "confidence", "D/lr", "D/p_real", "D/penalty",
    "G/lr", "G/real", "G/fake", "G/p_fake",
}  # fmt: skip
CALIBRATED = (0, 1)  # seeds by which the limits were set; the table is of the others
FRESH = 5  # the first seed that was run after the last limit was changed


def compact(rows: list[dict[str, Any]]) -> dict[str, list]:
    """Columns instead of rows, four figures, of what a diagnosis reads; None where a row lacks a value."""
    keys = dict.fromkeys(key for row in rows for key in row if key not in UNREAD)
    return {key: [_figures(row.get(key)) for row in rows] for key in keys}


def _figures(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}") if math.isfinite(value) else "nan"
    return value


def restored(columns: dict[str, list]) -> list[dict[str, Any]]:
    count = max(map(len, columns.values()), default=0)
    back = {"nan": math.nan}
    return [
        {k: back.get(v[i], v[i]) if isinstance(v[i], str) else v[i] for k, v in columns.items() if v[i] is not None}
        for i in range(count)
    ]


def judged(row: dict[str, Any], upto: float = math.inf):
    rows, looks = restored(row["rows"]), restored(row["looks"])
    return judge([r for r in rows if r["images"] <= upto], [r for r in looks if r["images"] <= upto], row["record"])


def accepted(row: dict[str, Any]) -> tuple[str, ...]:
    return WELL if row["kind"] == "healthy" else KINDS[row["kind"]].accept


def is_right(row: dict[str, Any], said: Diagnosis) -> bool:
    """One of the right diagnoses and, where an argument did it, that argument in the action."""
    kind = KINDS.get(row["kind"])
    return said.id in accepted(row) and (not kind or not kind.cause or kind.cause in said.action.changes)


def calibrate(rows: Sequence[dict[str, Any]]) -> None:
    """Quantiles of every number at the end of the run, in healthy runs and in each kind."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row["seed"] in CALIBRATED:
            for id, one in readings(restored(row["rows"]), restored(row["looks"]), row["record"]).items():
                found[id][row["kind"]].append(one.value)
    for id, limit in LIMITS.items():
        print(f"\n{id}: {'above' if limit.above else 'below'} {limit.at:g} ({limit.source})")
        for kind in ("healthy", *KINDS):
            if values := found[id].get(kind):
                low, middle, high = np.nanquantile(values, (0.025, 0.5, 0.975))
                speaks = np.mean([v > limit.at if limit.above else v < limit.at for v in values])
                print(
                    f"   {kind:<18} n {len(values):>3}   {low:>10.3g} {middle:>10.3g} {high:>10.3g}   speaks {speaks:.0%}"
                )


def matrix(rows: Sequence[dict[str, Any]], seen: bool = False) -> None:
    """The table of the seeds that nobody looked at, or of those that were calibrated on."""
    rows = [row for row in rows if (row["seed"] in CALIBRATED) == seen]
    cells: dict[str, Counter] = defaultdict(Counter)
    right, named, times = Counter(), Counter(), defaultdict(list)
    for row in rows:
        said = judged(row)
        cells[row["kind"]][said.id] += 1
        kind = KINDS.get(row["kind"])
        good = is_right(row, said)
        right[row["kind"]] += good
        if kind and kind.cause:
            named[row["kind"]] += kind.cause in said.action.changes
        if kind and good and said.ill:
            times[row["kind"]].append(first_right(row))
    print("| run made sick by | runs | right | 95 % | names the cause | first told, share of the run | told |")
    print("|---|---|---|---|---|---|---|")
    for name in (*KINDS, "healthy"):
        n = sum(cells[name].values())
        if not n:
            continue
        low, high = wilson(right[name], n)
        told = ", ".join(f"{id} {count}" for id, count in cells[name].most_common())
        cause = f"{named[name]}/{n}" if KINDS.get(name) and KINDS[name].cause else ""
        when = f"{np.median(times[name]):.2f}" if times[name] else ""
        print(f"| {name} | {n} | {right[name]} | {low:.2f}–{high:.2f} | {cause} | {when} | {told} |")
    print()
    totals(rows, "")
    totals(
        [row for row in rows if row["seed"] >= FRESH], f"seeds {FRESH} and more, run after the last limit was changed: "
    )
    healthy = [row for row in rows if not is_sick(row)]
    n = len(healthy)
    courses = [course(row) for row in healthy]
    once, thrice = (sum(insisted(names, looks) for names in courses) for looks in (1, SURE))
    low, high = wilson(thrice, n)
    print(f"healthy runs called ill at some look: {once} of {n}")
    print(f"at {SURE} looks in a row: {thrice} of {n} = {thrice / max(n, 1):.1%} ({low:.1%} to {high:.1%})")
    every = [t for kind in times.values() for t in kind]
    print(f"median share of a run from which on the diagnosis is right: {np.median(every) if every else math.nan:.2f}")
    told: Counter = Counter()
    hits: Counter = Counter()
    for row in rows:
        said = judged(row)
        told[said.id] += 1
        hits[said.id] += is_right(row, said)
    shares = (f"{name}: {wilson(hits[name], n)[0]:.2f} ({hits[name]}/{n})" for name, n in told.items())
    print(f"\nconfidence: {', '.join(shares)}")


def totals(rows: Sequence[dict[str, Any]], which: str) -> None:
    """Sick runs told right and healthy ones called ill, with 95 % intervals."""
    for name, part in (
        ("sick runs right", [r for r in rows if is_sick(r)]),
        ("false alarms", [r for r in rows if not is_sick(r)]),
    ):
        hits = sum(is_right(row, judged(row)) == is_sick(row) for row in part)
        low, high = wilson(hits, len(part))
        if part:
            print(f"{which}{name}: {hits} of {len(part)} = {hits / len(part):.1%} ({low:.1%} to {high:.1%})")


def is_sick(row: dict[str, Any]) -> bool:
    return not row["kind"].startswith("healthy")


def limits() -> None:
    """The table of thresholds, for docs/doctor.md."""
    print("| number | speaks | floor | what it is, and where its threshold is from |")
    print("|---|---|---|---|")
    for id, limit in LIMITS.items():
        floor = f"{limit.floor:g}" if math.isfinite(limit.floor) else ""
        print(
            f"| `{id}` | {'>' if limit.above else '<'} {limit.at:g} | {floor} | {limit.source.replace('|', chr(92) + '|')} |"
        )
    print("\n| diagnosis | borne out by |")
    print("|---|---|")
    for name, ways in TRIAGE:
        print(f"| {name} | {'; or '.join(' and '.join(f'`{id}`' for id in way) for way in ways)} |")


def course(row: dict[str, Any]) -> list[str]:
    """What the doctor said at each look."""
    return [judged(row, look["images"]).id for look in restored(row["looks"]) if "event" not in look]


def insisted(names: Sequence[str], looks: int) -> bool:
    """Was the same illness named at so many looks in a row?"""
    runs = (set(names[k : k + looks]) for k in range(len(names) - looks + 1))
    return any(len(run) == 1 and run <= set(ILLS) for run in runs)


def first_right(row: dict[str, Any]) -> float:
    """The share of the run from which on the diagnosis was right at every look."""
    length, at = row["record"]["length"], 1.0
    for images in reversed([r["images"] for r in restored(row["looks"]) if "event" not in r]):
        if images == 0:
            continue
        if not is_right(row, judged(row, images)):
            break
        at = images / length
    return at
