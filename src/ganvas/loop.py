"""The caller's loop: the one function behind `ganvas.train` and the command. It alone joins training and looking.

Heavy imports stand inside the functions: the command line reads `train`'s signature for its help.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ganvas.errors import Corrupt, Diverged, GanvasError

if TYPE_CHECKING:
    from ganvas.healing import Care
    from ganvas.health.doctor import Doctor
    from ganvas.plan import Plan
    from ganvas.study.progress import ProgressLine
    from ganvas.study.sample import Generator
    from ganvas.training.run import RunFolder
    from ganvas.training.trainer import Trainer

TICKS = 200  # rows in the log of a run of ordinary length
ROLLBACKS = 2


class Run:
    """A run that was trained, here or earlier. A notebook shows its newest sheet."""

    def __init__(self, folder: Path, finished: bool = True):
        self.folder, self.finished = folder, finished

    @property
    def generator(self) -> Generator:
        """The generator of the last snapshot, as `ganvas.load(folder)` gives it."""
        from ganvas.loading import load

        return load(self.folder)

    @property
    def log(self) -> list[dict[str, Any]]:
        """The rows of log.jsonl."""
        from ganvas.study.log import read_log

        return read_log(self.folder / "log.jsonl")

    def _repr_png_(self) -> bytes | None:
        sheets = sorted((self.folder / "samples").glob("[0-9]*.png"))
        return sheets[-1].read_bytes() if sheets else None

    def __repr__(self) -> str:
        """<run of gan on digits, 6,400 of 12,800 images, stopped before its end, in runs/gan-digits>"""
        from ganvas.training.run import RunFolder

        try:
            record, rows = RunFolder.open(self.folder).record, self.log
            seen = f"{rows[-1]['images'] if rows else 0:,.0f} of {record['length']:,} images"
            what = f"run of {record['recipe']} on {record['data']['spec']['name']}, {seen}"
        except (GanvasError, KeyError, TypeError, ValueError):  # the folder has gone or is damaged
            what = "run"
        return f"<{what}, {'finished' if self.finished else 'stopped before its end'}, in {self.folder}>"


def train(
    recipe: str | None = None,
    *,
    data: str | None = None,
    run: str | Path | None = None,
    images: int | None = None,
    epochs: float | None = None,
    minutes: float | None = None,
    size: str | int | None = None,
    flip: bool = False,
    strict: bool = False,
    drop_unpaired: bool = False,
    seed: int | None = None,
    device: str | None = None,
    precision: Literal["fp32", "bf16"] | None = None,
    threads: int | None = None,
    workers: int | None = None,
    micro_batch: int | None = None,
    watch: str | None = None,
    patience: int | None = None,
    resume: str | Path | None = None,
    fork: str | Path | None = None,
    on_sick: Literal["stop", "tell"] = "tell",
    heal: bool = False,
    quiet: bool = False,
    **arguments: Any,
) -> Run:
    """Train a recipe on a data set, watch it, and keep everything in one folder. The same call again resumes.

    Raises a `ganvas.errors.GanvasError` (one line: what, where, what next) for whatever a user can mend.

    Args:
        recipe: a name from `ganvas recipes`, or package.module:function; not given: auto
        data: a folder, zip, .npy or IDX file of your own images, or digits (if not given), mnist, fashion_mnist,
            cifar10, stacked (three digits, one a colour: 1,000 classes), shapes; for recipes of sentences captioned_shapes,
            or a folder with a captions.csv (file,caption)
        run: the run's folder; not given: runs/RECIPE-DATA
        images: length of the run in real images seen; more than before prolongs a run
        epochs: the same in passes over the training images
        minutes: the same in minutes on this machine, turned into images once by timing the first rounds
        size: side of the images, or HxW; others are centre-cropped and resized
        flip: show every image mirrored half of the time
        drop_unpaired: leave out pictures without a partner (or a caption), where a recipe learns from pairs, instead of
            refusing them all
        strict: refuse the data if any file of it is unusable, instead of listing and skipping it
        seed: of weights, order and noise; not given: 0
        device: cpu or cuda; not given: cuda where there is one
        precision: fp32, or bf16 for bf16 arithmetic on fp32 weights; not given: fp32
        threads: processor threads; not given: as torch chooses
        workers: threads that fetch batches ahead; not given: 0 on a cpu, 2 beside a gpu
        micro_batch: images that go through the networks at a time, to fit memory; a batch's gradients add up to one step
        watch: scores during training against held-out images: fid:2k for 2,000 pictures a look, EXTRACTOR:2k, or off;
            not given: fid:1k where a network that is here suits the data (digits, mnist, shapes). Keeps the best snapshots
        patience: looks without a better score after which to stop; not given: never
        resume: a run folder to go on with; what else is not given is as it was there
        fork: a new run folder that starts from the weights of --run or --resume, free to differ in any argument
        on_sick: what is done when the doctor is sure of an illness: stop the run, or tell and go on
        heal: when the doctor is sure of an illness that one argument may have made, change it and go on from the last
            checkpoint before; twice at most, and it is written down in run.json
        quiet: say nothing
        arguments: the recipe's own, as `ganvas show RECIPE` lists them
    """
    from ganvas import files
    from ganvas.plan import make_plan

    plan = make_plan(
        recipe, data=data, run=run, images=images, epochs=epochs, minutes=minutes, size=size, flip=flip, strict=strict,
        drop_unpaired=drop_unpaired, seed=seed, device=device, precision=precision, threads=threads, workers=workers,
        micro_batch=micro_batch, watch=watch, patience=patience, resume=resume, fork=fork, arguments=arguments,
    )  # fmt: skip
    import torch  # takes seconds: what can be refused has been refused by now

    from ganvas.healing import Care, Unwell
    from ganvas.healing import heal as mend
    from ganvas.health.doctor import Doctor
    from ganvas.monitoring import wish
    from ganvas.study.progress import ProgressLine
    from ganvas.training.run import RunFolder

    wish(plan.circumstances["watch"])  # a word that is not understood is refused before there is a folder
    torch.set_num_threads(plan.circumstances["threads"])
    with files.lock(plan.folder):
        record, phases, source = plan.prepare()
        folder, said = RunFolder(plan.folder, record), []
        if folder.begun:
            folder = RunFolder.open(plan.folder)
            said = folder.accept(record)
        folder.tidy()
        folder.write_record()
        trainer = plan.trainer(phases, source, folder.record)
        said += _restore(trainer, folder, plan)
        with ProgressLine(trainer.length, trainer.images, quiet, phases=trainer.planned) as line:
            for sentence in [*plan.said, *said]:
                line.say(sentence)
            doctor, care = Doctor(trainer, folder.record, folder.folder, line.say), Care(on_sick == "stop", heal)
            while True:
                try:
                    _play(trainer, folder, line, plan.circumstances, doctor, care)
                    break
                except Unwell:
                    trainer.feed.close()
                    trainer, sentence = mend(plan, folder, doctor, source)
                    doctor.rewound(trainer)
                    line.say(sentence)
        finished = trainer.images >= trainer.length
        _close(trainer, folder, line, finished)
    return Run(plan.folder, finished)


def _restore(trainer: Trainer, folder: RunFolder, plan: Plan) -> list[str]:
    """Put the trainer where the run is: its newest good checkpoint, or the weights it is forked from."""
    from ganvas.training.checkpoint import latest
    from ganvas.training.fork import inherit

    state, said = latest(folder.checkpoints, folder.name)
    if trainer.length > sum(trainer.planned) and not _rate_at_the_end(trainer):
        said.append(
            f"the learning rate is 0 from {sum(trainer.planned):,} images on, so nothing more is learned there: "
            "--fork NEW_FOLDER starts a longer schedule from these weights"
        )
    if state is None:
        if folder.snapshot.exists():
            raise Corrupt(
                f"{folder.folder} has trained before but has no checkpoint any more: sample from its snapshot, or start "
                "again in another folder"
            )
        if plan.parent is not None:
            said.append(inherit(plan.parent, trainer))
        return said
    try:
        trainer.load_state_dict(state)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise Corrupt(
            f"{folder.folder} was trained with networks of another layout than this ganvas builds ({reason}): sample from "
            "its snapshots, train on with the version that began it, or start again in another folder"
        ) from None
    folder.forget_after(trainer.images)
    if trainer.images < trainer.length:
        said.append(f"resumed {folder.folder} at {trainer.images:,} of {trainer.length:,} images")
    else:
        said.append(f"{folder.folder} has its {trainer.length:,} images already: a larger --images prolongs it")
    return said


def _play(
    trainer: Trainer, folder: RunFolder, line: ProgressLine, how: dict[str, Any], doctor: Doctor, care: Care
) -> None:
    """Train to the end, or to the first signal; log, sheets, scores and checkpoints on the way; back to health at most
    twice. Raises Unwell where the doctor knows what to change."""
    from ganvas.health.page import brief, doctors_words
    from ganvas.monitoring import monitor
    from ganvas.training.checkpoint import latest
    from ganvas.training.stopping import signals
    from ganvas.training.trainer import Sick
    from ganvas.watching import Keeper, Watcher, last_looks, real_looks

    real_looks(trainer, folder)
    with signals(trainer):
        while True:
            keeper, watcher = Keeper(trainer, folder, line.say), Watcher(trainer, folder)
            judge = monitor(trainer, folder, how["watch"], how["patience"] or 0, line.say)
            try:
                keeper.save_first()
                began = time.perf_counter()
                for tick in trainer.ticks(every=_cadence(trainer)):
                    line.update(tick.images, time.perf_counter() - began, tick.means)
                    watcher.look(tick)
                    doctor.look(tick)
                    line.status = doctor.status
                    if judge:
                        judge.look(tick)
                    keeper.save_if_due()
                    care.see(doctor, folder, trainer, line.say)
                break
            except Sick as error:
                doctor.sick(error)
                if trainer.rollbacks >= ROLLBACKS:
                    raise Diverged(
                        f"stopped: {error}; going back to a healthy checkpoint {ROLLBACKS} times did not help. Try a lower "
                        f"--lr or --precision fp32 with --fork; the last healthy weights are in {folder.checkpoints}"
                    ) from error
                state, said = latest(folder.checkpoints, folder.name)
                if state is None:
                    raise Diverged(f"stopped: {error}; there is no checkpoint to go back to") from error
                for sentence in said:
                    line.say(sentence)
                rollbacks = trainer.rollbacks + 1
                trainer.load_state_dict(state)
                trainer.rollbacks = rollbacks
                folder.forget_after(trainer.images)
                doctor.rewound(trainer)
                line.say(f"{error}; back to {trainer.images:,} images with other luck ({rollbacks} of {ROLLBACKS})")
        watcher.picture()
        for sentence in brief(doctor.last_look(), doctors_words()):
            line.say(sentence)
        keeper.save_last()
    if judge:
        judge.last_word()
    trainer.feed.close()
    last_looks(folder)


def _close(trainer: Trainer, folder: RunFolder, line: ProgressLine, finished: bool) -> None:
    """Film, curves, report, and what to do next."""
    from ganvas import reporting
    from ganvas.watching import uses

    report = reporting.report(folder.folder, source=trainer.source, say=line.say)
    name = folder.folder
    line.say("")
    if not finished:
        line.say(f"stopped at {trainer.images:,} of {trainer.length:,} images; nothing is lost. Go on:")
        line.say(f"    ganvas train --resume {name}")
        return
    line.say(f"done: {trainer.images:,} images. See {report}")
    ask, own, python = uses(trainer, folder)
    line.say(ask)
    more = 2 * max(trainer.images, trainer.length)
    if _rate_at_the_end(trainer):
        line.say(f"  train on    ganvas train --resume {name} --images {more}")
    else:  # the schedule has ended at rate 0: there is no training on, only a longer run
        line.say(f"  longer      ganvas train --resume {name} --fork {name}-longer --images {more}")
    line.say(own)
    line.say(python)


def _rate_at_the_end(trainer: Trainer) -> float:
    """The highest learning rate at the end of the planned length."""
    end = trainer.clock._replace(images=trainer.planned[-1], round=trainer.planned[-1] // trainer.phases[-1].batch)
    rates = [player.schedules["lr"](end) for player in trainer.players.values() if "lr" in player.schedules]
    return max(rates, default=1.0)


def _cadence(trainer: Trainer) -> int:
    batch = trainer.spec.batch
    return batch * max(1, min(trainer.length // (batch * TICKS), 500))
