"""Two child processes that train for ever and take turns: how one step is timed beside another on a shared machine.

While one trains for a window the other waits. A round is a window of each, one after the other, in alternating order; its
ratio is images/s by images/s, and the answer is the median ratio over the rounds. A window is clean if the rest of the
machine used at most 0.1 of a processor during it: one busy neighbour slows two-thread training up to tenfold, so results
of unclean windows mean little.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from machine import machine, meter, peak

CLEAN = 0.1  # processors that others may use in a clean window


class Window(NamedTuple):
    """What one child did in one window. `foreign`: processors used by all but this benchmark."""

    rate: float  # images/s
    steps: int
    seconds: float
    foreign: float


class Child:
    """One side, in a process of its own, waiting."""

    def __init__(self, script: Path, role: dict[str, Any], errors: Path):
        self.who, self.errors = role["who"], errors
        command = [sys.executable, str(script), "--child", json.dumps(role)]
        with errors.open("w") as file:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, text=True
            )

    def answer(self) -> dict[str, Any]:
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.who} ended early; its last words:\n{self.errors.read_text()[-2000:]}")
        return json.loads(line)

    def train(self, seconds: float) -> dict[str, Any]:
        """Let it train for so long, and to the end of the step it is in by then."""
        with contextlib.suppress(BrokenPipeError):  # `answer` says why
            self.process.stdin.write(f"{seconds}\n")
            self.process.stdin.flush()
        return self.answer()

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def window(child: Child, seconds: float, pids: Sequence[int]) -> Window:
    others, start = meter(pids)
    done = child.train(seconds)
    others_after, stop = meter(pids)
    foreign = max(0.0, (others_after - others) / (stop - start))
    return Window(done["images"] / done["seconds"], done["steps"], done["seconds"], foreign)


def rounds(first: Child, second: Child, n: int, seconds: float) -> Iterator[tuple[Window, Window]]:
    """Pairs of adjacent windows; who begins alternates."""
    pids = [first.process.pid, second.process.pid, os.getpid()]
    for i in range(n):
        if i % 2:
            b = window(second, seconds, pids)
            yield window(first, seconds, pids), b
        else:
            a = window(first, seconds, pids)
            yield a, window(second, seconds, pids)


def spread(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    middle = statistics.median(values)
    return {"median": round(middle, 4), "min": round(min(values), 4), "max": round(max(values), 4), "n": len(values)}


def is_clean(w: Window) -> bool:
    return w.foreign <= CLEAN


def summary(pairs: Sequence[tuple[Window, Window]]) -> dict[str, Any]:
    sides = list(zip(*pairs, strict=True))
    return {
        "ratio": spread([a.rate / b.rate for a, b in pairs]),
        "clean_ratio": spread([a.rate / b.rate for a, b in pairs if is_clean(a) and is_clean(b)]),
        "images_per_second": [spread([w.rate for w in side]) for side in sides],
        "ms_per_step": [round(statistics.median(1000 * w.seconds / w.steps for w in side), 3) for side in sides],
        "foreign": [[round(w.foreign, 3) for w in side] for side in sides],
        "clean": [sum(map(is_clean, side)) for side in sides],
    }


def race(
    script: Path,
    roles: Sequence[dict[str, Any]],
    work: Path,
    same: Callable[[dict[str, Any], dict[str, Any]], str],
    n: int,
    seconds: float,
    warm_up: float,
) -> dict[str, Any]:
    """`n` rounds of `script --child ROLE` for each of two roles. Refused where `same` says that the networks differ."""
    children: list[Child] = []
    try:
        children = [Child(script, role, work / f"errors{i}.txt") for i, role in enumerate(roles)]
        ready = [child.answer() for child in children]
        if wrong := same(*(about["networks"] for about in ready)):
            raise SystemExit(f"not the same networks: {wrong}")
        for child in children:
            child.train(warm_up)
        pairs = []
        for a, b in rounds(*children, n, seconds):
            pairs.append((a, b))
            print(
                f"round {len(pairs)}: {a.rate:,.2f} against {b.rate:,.2f} images/s, {a.rate / b.rate:.3f}x; "
                f"others used {a.foreign:.2f} and {b.foreign:.2f} of a processor",
                file=sys.stderr,
                flush=True,
            )
        peaks = [round(peak(child.process.pid), 1) for child in children]
    finally:
        for child in children:
            child.close()
    return {
        **summary(pairs), "peak_mib": peaks, "window": seconds, "warm_up": warm_up, "threads": ready[0]["threads"],
        "torch": ready[0]["torch"], **machine(), "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip


def table(row: dict[str, Any]) -> str:
    left_out = ", ".join(row["first"]["without"])
    first = f"ours, {row['first']['precision']}" + (f" without {left_out}" if left_out else "")
    second = row["second"].get("file", row["second"]["who"])
    n = row["ratio"]["n"]
    lines = [f"{'':36} {'images/s':>10} {'min':>10} {'max':>10} {'ms/step':>9} {'peak MiB':>9} {'clean':>6}"]
    for i, name in enumerate((first, second)):
        s = row["images_per_second"][i]
        lines.append(
            f"{name:36} {s['median']:10,.1f} {s['min']:10,.1f} {s['max']:10,.1f} {row['ms_per_step'][i]:9.2f} "
            f"{row['peak_mib'][i]:9,.0f} {row['clean'][i]:3}/{n}"
        )
    for name, ratio in [("ratio", row["ratio"]), ("ratio, clean rounds only", row["clean_ratio"])]:
        if ratio is None:
            lines.append(f"{name}: no round was clean")
        else:
            lines.append(f"{name}: {ratio['median']:.2f}x ({ratio['min']:.2f}–{ratio['max']:.2f}), n = {ratio['n']}")
    on = f"{row['threads']} threads, torch {row['torch']}, {row['cpu']}, {row['cores']} cores"
    return "\n".join([*lines, f"{row['workload']}, {on}"])


def keep(row: dict[str, Any], results: Path) -> None:
    """Prints the row as a table and appends it to the file."""
    print(table(row))
    results.parent.mkdir(exist_ok=True)
    with results.open("a") as file:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")


def as_child(play: Callable[[dict[str, Any], TextIO], None], role: dict[str, Any]) -> None:
    """Play a role, with what the steps print going nowhere: the parent reads answers alone."""
    if role["who"] == "ours" and "mallopt" not in role["without"]:
        from ganvas.cli.train import _own_the_process  # the command line's own call, so that we measure what it does

        _own_the_process()
    answers = os.fdopen(os.dup(1), "w")
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    play(role, answers)


def race_once(measure: Callable[[Any, Path], dict[str, Any]], args: Any) -> None:
    """One measurement as the command line asked for it, in a folder that goes again; its row is shown and kept."""
    if not Path("/proc/stat").exists():
        raise SystemExit("this benchmark reads /proc, which only Linux has")
    with tempfile.TemporaryDirectory() as work:
        row = measure(args, Path(work))
    keep(row, args.results)
