"""The live line of a run: how far, how fast, how long still, and what the players say of each other."""

import time
from bisect import bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn


class ProgressLine:
    """A context manager. On a terminal a bar that is redrawn; elsewhere a plain line at most every ten seconds.

    phases: images of each phase. Phases differ in speed by ten times, so the time left is told of the present one.
    """

    def __init__(
        self,
        total: int,
        start: int = 0,
        quiet: bool = False,
        console: Console | None = None,
        phases: Sequence[int] = (),
    ):
        self.total, self.quiet = total, quiet
        self.ends = [*accumulate(phases[:-1]), total]
        self.console = console or Console()
        self.history: deque[tuple[float, int]] = deque([(0.0, start)], maxlen=30)
        self.seconds, self.numbers, self.printed = 0.0, "", time.monotonic()
        self.status = ""  # the doctor's word, shown first
        self.bar = Progress(
            BarColumn(8), TextColumn("{task.description}"), console=self.console, disable=quiet or not self.console.is_terminal
        )  # fmt: skip
        self.task = self.bar.add_task("starting", total=total, completed=start)

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def update(self, images: int, seconds: float, means: Mapping[str, float]) -> None:
        """`images` seen in all after `seconds` of this process's training; `means` as in the log (may be empty)."""
        self.seconds = seconds
        if self._phase(images) != self._phase(self.history[-1][1]):
            self.history.clear()
        self.history.append((seconds, images))
        if means:
            self.numbers = in_short(means)
        text = " · ".join(
            filter(None, [f"{images:,}/{self.total:,} images", self._speed(images), self.status, self.numbers])
        )
        self.bar.update(self.task, completed=images, description=text)
        due = time.monotonic() - self.printed > 10 or images >= self.total
        if not self.quiet and not self.console.is_terminal and due and means:
            self.console.print(text, highlight=False, soft_wrap=True)
            self.printed = time.monotonic()

    def say(self, sentence: str) -> None:
        if not self.quiet:
            self.bar.console.print(sentence, highlight=False, soft_wrap=True, markup=False)

    def _speed(self, images: int) -> str:
        (before, seen), (now, _) = self.history[0], self.history[-1]
        if now <= before or images <= seen:
            return ""
        rate, phase = (images - seen) / (now - before), self._phase(images)
        left = f"{rate:,.0f}/s · {clock(max(self.ends[phase] - images, 0) / rate)} left"
        return left if len(self.ends) == 1 else f"{left} in phase {phase + 1} of {len(self.ends)}"

    def _phase(self, images: int) -> int:
        return bisect_right(self.ends[:-1], images)


def in_short(means: Mapping[str, float]) -> str:
    """Losses, and what D makes of real and fake: "D 0.61 · G 1.20 · told apart 81% · D(x) 0.74 · D(G(z)) 0.25".

    Of an explicit density its bound and what the code costs, in nats an image: "ELBO -123.4 · KL 20.1 · 3.21 bits/dim".
    """
    if "G/elbo" in means:
        bits = [f"{means['G/bits_per_dim']:.2f} bits/dim"] if "G/bits_per_dim" in means else []
        return " · ".join([f"ELBO {means['G/elbo']:.1f}", f"KL {means['G/kl']:.1f}", *bits])
    parts = [f"{key.removesuffix('/loss')} {value:.2f}" for key, value in means.items() if key.endswith("/loss")]
    if "D/accuracy" in means:
        parts += [f"told apart {means['D/accuracy']:.0%}"]
    if "D/p_real" in means:
        parts += [f"D(x) {means['D/p_real']:.2f}", f"D(G(z)) {means['D/p_fake']:.2f}"]
    elif "D/real" in means:  # logits without a zero: only their difference says something
        parts += [f"logits {means['D/real']:+.2f} {means['D/fake']:+.2f}"]
    return " · ".join(parts)


def clock(seconds: float) -> str:
    """3725 → "1:02:05", 65 → "1:05"."""
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours}:{m:02d}:{s:02d}" if hours else f"{m}:{s:02d}"
