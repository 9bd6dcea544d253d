"""What machine this is and who is using its processors: /proc, which only Linux has."""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any


def busy(stat: str) -> float:
    """Processor seconds of the whole machine, from /proc/stat: all but idle and waiting for a disk."""
    user, nice, system, _, _, irq, softirq, steal = map(int, stat.splitlines()[0].split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def used(stat: str) -> float:
    """Processor seconds of one process and of those it started that have ended, from its /proc/PID/stat."""
    return sum(map(int, stat.rpartition(")")[2].split()[11:15])) / os.sysconf("SC_CLK_TCK")


def family(pid: int) -> Iterator[int]:
    """A process and those it started: a DataLoader's workers are of its work."""
    yield pid
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # that thread has just ended
            for child in file.read_text().split():
                yield from family(int(child))


def meter(pids: Iterable[int]) -> tuple[float, float]:
    """Processor seconds used so far by all but these processes and their families, and the time."""
    own = 0.0
    for member in {member for pid in pids for member in family(pid)}:
        with contextlib.suppress(OSError):  # a worker that has just ended; its parent has its time
            own += used(Path(f"/proc/{member}/stat").read_text())
    return busy(Path("/proc/stat").read_text()) - own, time.perf_counter()


def peak(pid: int) -> float:
    """The largest memory of a process so far, MiB; that of its family is not counted."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def machine() -> dict[str, Any]:
    info = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), "unknown")
    git = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    commit = subprocess.run(git, capture_output=True, text=True).stdout.strip()
    return {"cpu": model, "cores": os.cpu_count(), "commit": commit or None}
