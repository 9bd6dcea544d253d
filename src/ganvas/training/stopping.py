"""Signals: the first asks a run to stop where nothing is lost, a later one insists."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from ganvas.training.trainer import Trainer


@contextlib.contextmanager
def signals(trainer: Trainer) -> Iterator[None]:
    """The first SIGINT, SIGTERM or SIGHUP ends the round and then the run, with a checkpoint; a later one interrupts.

    Not within two seconds: shells and impatient fingers send the same wish twice.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    asked = 0.0

    def stop(number: int, frame: object) -> None:
        nonlocal asked
        if trainer.stop and time.monotonic() - asked > 2.0:
            raise KeyboardInterrupt
        trainer.stop, asked = True, asked or time.monotonic()

    names = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before: dict[int, Callable[..., Any]] = {number: signal.signal(number, stop) for number in names}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
