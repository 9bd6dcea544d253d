"""The doctor beside a training loop: looks when it is time, says a word at each tick, acts when it is asked to.

Looking changes nothing of a run. It is rationed: at most once in a hundredth of the run, and never more than 3 % of the
seconds that were trained.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganvas import files
from ganvas.health.triage import HEALTH, judge, read_looks
from ganvas.study import scoreboard
from ganvas.study.diagnosis import Diagnosis
from ganvas.study.log import read_log

if TYPE_CHECKING:
    from ganvas.training.trainer import Tick, Trainer

LOOKS = 100  # in a run, at most
SHARE = 0.03  # of the seconds trained, at most
SURE = 3  # looks in a row with the same illness before anything is done about it; of broken numbers one is enough


class Doctor:
    """`look(tick)` after each tick's row is logged; `last_look()` at the end. `status` is what to show meanwhile.

    folder: of the run; None: nothing is written (for calibration). record: run.json. share: of the seconds trained that
    may be spent on looking; not given: 3 %. every: images between looks at least; not given: a hundredth of the run.
    """

    def __init__(
        self, trainer: Trainer, record: dict[str, Any], folder: Path | None = None, say: Callable[[str], None] = print,
        share: float | None = None, every: float | None = None,
    ):  # fmt: skip
        self.trainer, self.record, self.folder, self.say = trainer, record, folder, say
        self.share = SHARE if share is None else share
        self.every = trainer.length / LOOKS if every is None else every
        self.rows = read_log(folder / "log.jsonl") if folder else []
        self.looks = _kept(folder, trainer.images) if folder else []
        self.probe: Any = None
        self.spent, self.dear, self.last, self.silent = 0.0, 0.0, float("-inf"), False
        self.told = False  # that the present illness cannot be healed
        self.diagnosis: Diagnosis | None = None
        self.ill: list[tuple[str, int]] = []  # the illness of the last looks in a row, and when

    @property
    def status(self) -> str:
        """A word or two for the progress line; of an illness with the number that says so."""
        said = self.diagnosis
        if said is None:
            return ""
        numbers = f" ({said.evidence[0].id} {said.evidence[0].value:.3g})" if said.ill and said.evidence else ""
        return {"early": "too early to say"}.get(said.id, said.id.replace("_", " ")) + numbers

    def look(self, tick: Tick) -> None:
        """A row of health.jsonl, if one is due and affordable, and a new diagnosis."""
        if tick.whole:
            row = {"images": tick.images, "phase": tick.phase, "round": tick.round, "seconds": tick.seconds}
            self.rows.append(row | tick.means)
        due = tick.whole and tick.images - self.last >= self.every
        if (tick.images == 0 and not self.looks) or (due and self.spent + self.dear <= self.share * tick.seconds):
            self._examine()

    def last_look(self) -> Diagnosis:
        """The diagnosis at the end, after one more look."""
        if self.last < self.trainer.images:
            self._examine()
        return self.diagnosis

    def _examine(self) -> None:
        """A look, where the game can be looked into, and a diagnosis, whatever they cost."""
        began = time.perf_counter()
        first = self._probe()
        watched = scoreboard.looks(self.folder) if self.folder else []
        self.diagnosis = judge(self.rows, self.looks, self.record, self.folder, watched)
        if not self.diagnosis.ill or (self.ill and self.ill[-1][0] != self.diagnosis.id):
            self.ill = []
        if self.diagnosis.ill:
            self.ill.append((self.diagnosis.id, self.trainer.images))
        took = time.perf_counter() - began
        self.last, self.spent = self.trainer.images, self.spent + took
        self.dear = self.dear if first else took

    def _probe(self) -> bool:
        """One look; was it the first of a phase, which costs more? A game that cannot be looked into is said once, and its
        log is read alone."""
        from ganvas.health.probe import Probe, applies

        trainer = self.trainer
        if self.silent or not applies(trainer):
            return False
        first = self.probe is None or self.probe.game is not trainer.game
        try:
            if first:
                self.probe = Probe(trainer)
            row = self.probe.look()
            if first:
                row["lint"] = self.probe.lint
            self._write(row)
        except (RuntimeError, ValueError, IndexError, TypeError, KeyError) as error:  # a recipe of the user's own
            self.silent = True
            self.say(f"the doctor cannot look into this game ({str(error).splitlines()[0]}); it reads the log alone")
        return first

    def sick(self, error: Exception) -> None:
        """The guard gave up on these numbers, and the run goes back."""
        trainer = self.trainer
        where = {"images": trainer.images, "phase": trainer.phase, "round": trainer.round}
        self._write(where | {"event": "sick", "text": str(error)})

    def rewound(self, trainer: Trainer) -> None:
        """The run went back to a checkpoint: what was seen after it will be seen again."""
        self.trainer, self.probe, self.last = trainer, None, float("-inf")
        self.rows = [row for row in self.rows if row["images"] <= trainer.images]
        self.looks = [row for row in self.looks if "event" in row or row["images"] <= trainer.images]
        self.ill = []

    @property
    def since(self) -> int | None:
        """At how many images the present illness was first seen, once it has been seen often enough in a row."""
        sure = 1 if self.ill and self.ill[-1][0] == "numerically_sick" else SURE
        return self.ill[0][1] if len(self.ill) >= sure else None

    def _write(self, row: dict[str, Any]) -> None:
        self.looks.append(row)
        if self.folder is not None:
            with contextlib.suppress(OSError), (self.folder / HEALTH).open("a") as file:
                file.write(json.dumps(row) + "\n")


def _kept(folder: Path, images: int) -> list[dict[str, Any]]:
    """The looks so far, as far as the run has come; the file is cut to them."""
    rows = [row for row in read_looks(folder) if "event" in row or row["images"] <= images]
    if (folder / HEALTH).exists():
        files.write_atomic(folder / HEALTH, "".join(json.dumps(row) + "\n" for row in rows))
    return rows
