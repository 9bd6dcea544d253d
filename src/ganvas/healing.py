"""`--on-sick` and `--heal`: what is done about a run that the doctor finds sick while it trains.

Healing changes one argument and goes on from the last checkpoint of before the illness. What was changed, where and why is
in run.json, so that the run resumed from there is the same run, to the bit.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from ganvas.errors import GanvasError
from ganvas.training.checkpoint import latest

if TYPE_CHECKING:
    from ganvas.data.source import Source
    from ganvas.health.doctor import Doctor
    from ganvas.plan import Plan
    from ganvas.training.run import RunFolder
    from ganvas.training.trainer import Trainer

TIMES = 2  # a run is healed at most
# arguments that say how a game is played and not what its networks are: a checkpoint fits whatever they are
HEALABLE = {"lr", "gamma", "penalty", "clip", "n_critic", "loss", "beta1"}


class Unwell(GanvasError):
    """The doctor is sure of an illness whose cure can be tried at once."""


class Care(NamedTuple):
    """What was asked for: `stop` at the first sure illness, or `heal` it; else it is told and training goes on."""

    stop: bool = False
    heal: bool = False

    def see(self, doctor: Doctor, folder: RunFolder, trainer: Trainer, say: Callable[[str], None]) -> None:
        """Acts on an illness that was seen several times in a row. Raises Unwell where it can be healed."""
        if doctor.since is None or trainer.images >= trainer.length or not (self.stop or self.heal):
            return
        if self.heal and (why := _why_not(doctor, folder)) is None:
            raise Unwell(doctor.status)
        if self.stop and not trainer.stop:
            say(f"the doctor: {doctor.status}. Stopped by --on-sick stop; `ganvas doctor {folder.folder}` says more")
            trainer.stop = True
        elif self.heal and not doctor.told:
            say(f"the doctor: {doctor.status}; not healed: {why}")
            doctor.told = True


def _why_not(doctor: Doctor, folder: RunFolder) -> str | None:
    changes = doctor.diagnosis.action.changes if doctor.diagnosis else {}
    if len(folder.record.get("healed", ())) >= TIMES:
        return f"{TIMES} times are enough"
    return None if changes and set(changes) <= HEALABLE else "what helps cannot be changed in a run"


def heal(plan: Plan, folder: RunFolder, doctor: Doctor, source: Source) -> tuple[Trainer, str]:
    """A trainer at the last checkpoint of before the illness, with the one argument changed; and that in a sentence.

    Order matters: newer checkpoints go first and the record is written last, so that a crash in between leaves either the
    run as it was at the older checkpoint, or the healed one.
    """
    said, since = doctor.diagnosis, doctor.since
    places = sorted((p for p in folder.checkpoints.iterdir() if p.name.isdigit()), key=lambda p: int(p.name))
    before = [p for p in places if int(p.name) <= since] or places[:1]
    for place in places[places.index(before[-1]) + 1 :]:
        shutil.rmtree(place)
    state, _ = latest(folder.checkpoints, folder.name)
    changes = dict(said.action.changes)
    entry = {"images": int(before[-1].name), "seen": said.images, "diagnosis": said.id, "changes": changes}
    folder.record["healed"] = [*folder.record.get("healed", ()), entry]
    folder.write_record()
    trainer = plan.trainer(plan.rebuilt(source, folder.record), source, folder.record)
    trainer.load_state_dict(state)
    folder.forget_after(trainer.images)
    what = ", ".join(f"{key} {value}" for key, value in changes.items())
    return trainer, (
        f"the doctor: {doctor.status}; healed with {what}, on from {trainer.images:,} images "
        f"({len(folder.record['healed'])} of {TIMES})"
    )
