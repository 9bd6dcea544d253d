"""`ganvas.train` from end to end: what a run leaves behind, resume, identity, signals, sickness, full disks."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ganvas
from ganvas import files, plan
from ganvas.errors import BadInput, Busy, Corrupt, Diverged, Storage
from ganvas.nets import precision
from ganvas.recipes import table
from ganvas.study.sheets import sheet
from ganvas.training import timing
from ganvas.training.checkpoint import latest
from tests.conftest import TOY, strokes

TINY = {"quiet": True, "images": 480, "batch": 8, "threads": 1, **TOY["gan"]}


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "strokes.npy"
    np.save(path, strokes())
    return str(path)


def train(tmp_path, data, name="run", **options):
    return ganvas.train("gan", data=data, run=tmp_path / name, **(TINY | options))


def weights(run):
    state, _ = latest(run.folder / "checkpoints")
    return {
        f"{p}/{k}": v
        for p, s in state["players"].items()
        for part in ("module", "average")
        for k, v in s.get(part, {}).items()
    }


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_a_run_explains_itself(tmp_path, data):
    run = train(tmp_path, data)
    assert run.finished
    assert (
        run.log[-1]["images"] == 480
        and {"D/loss", "G/loss", "D/p_real", "D/p_fake", "D/accuracy"} <= run.log[-1].keys()
    )
    record = json.loads((run.folder / "run.json").read_text())
    assert record["arguments"]["widths"] == [16, 24] and record["arguments"]["lr"] == 1e-5, (
        "resolved, defaults included"
    )
    assert len(list((run.folder / "samples").glob("0*.png"))) > 20
    for name in (
        "samples/film.gif",
        "samples/real.png",
        "samples/input.png",
        "curves.png",
        "report.html",
        "snapshots/last.safetensors",
    ):
        assert (run.folder / name).stat().st_size > 100, name
    assert run._repr_png_()[:4] == b"\x89PNG"
    assert run.generator.sample(3).shape == (3, 1, 28, 28)


def test_the_same_call_resumes_to_the_same_bytes(tmp_path, data, monkeypatch):
    whole = train(tmp_path, data, "whole")
    real = plan.Plan.trainer

    def stopping(self, *arguments):
        trainer = real(self, *arguments)
        play = trainer.play

        def until():
            play()
            trainer.stop = trainer.stop or trainer.images == 200

        trainer.play = until
        return trainer

    with monkeypatch.context() as patch:
        patch.setattr(plan.Plan, "trainer", stopping)
        part = train(tmp_path, data, "part")
    assert not part.finished and latest(part.folder / "checkpoints")[0]["drawn"] == 200
    done = train(tmp_path, data, "part")
    assert done.finished and same(weights(whole), weights(done))
    keep = ("images", "D/loss", "G/loss", "D/accuracy")
    rows = [[{k: r[k] for k in keep} for r in run.log] for run in (whole, done)]
    assert rows[0] == rows[1], "each row once, none missing"
    sheets = [{p.name: p.read_bytes() for p in (r.folder / "samples").glob("0*.png")} for r in (whole, done)]
    assert {k: v for k, v in sheets[1].items() if k in sheets[0]} == sheets[0], "the same pictures"
    a, b = (run.folder / "snapshots" / "last.safetensors" for run in (whole, done))
    assert a.read_bytes() == b.read_bytes(), "the same bytes"


def test_resume_needs_nothing_else_and_may_prolong(tmp_path, data):
    run = train(tmp_path, data)
    longer = ganvas.train(resume=run.folder, images=640, quiet=True)
    assert longer.finished and longer.log[-1]["images"] == 640
    straight = train(tmp_path, data, "straight", images=480)
    assert same(weights(ganvas.train(resume=straight.folder, images=640, quiet=True)), weights(longer))
    again = train(tmp_path, data)
    assert again.log[-1]["images"] == 640, "the first command again does not shorten it"


def test_another_argument_is_another_run(tmp_path, data):
    train(tmp_path, data)
    with pytest.raises(BadInput, match=r"lr is 1e-05 there, 0\.001 was asked for.*--fork"):
        train(tmp_path, data, lr=0.001)
    with pytest.raises(BadInput, match="seed is 0 there, 1"):
        train(tmp_path, data, seed=1)
    with pytest.raises(BadInput, match="recipe is gan there"):
        ganvas.train("gan_leaky", data=data, run=tmp_path / "run", quiet=True, images=480)
    np.save(data, strokes(seed=5))
    with pytest.raises(BadInput, match="the data have changed"):
        train(tmp_path, data)


def test_fork_starts_a_new_run_from_the_weights(tmp_path, data):
    parent = train(tmp_path, data)
    child = ganvas.train(resume=parent.folder, fork=tmp_path / "child", images=8, lr=1e-30, quiet=True)
    a, b = weights(parent), weights(child)
    layer = "D/net.0.weight"
    assert torch.equal(a[layer], b[layer]), "a learning rate of nearly nothing leaves the inherited weights"
    assert json.loads((child.folder / "run.json").read_text())["forked_from"] == str(parent.folder)
    with pytest.raises(BadInput, match="do not fit"):
        ganvas.train("gan_leaky", data=data, run=parent.folder, fork=tmp_path / "other", quiet=True, images=64)
    live = latest(parent.folder / "checkpoints")[0]["players"]["G"]["module"]
    for name, value in child.generator.net.named_parameters():
        assert torch.allclose(value, live[name], atol=1e-6), "the average starts at the weights"
    with pytest.raises(BadInput, match=r"lr is 1e-05 there, 1\.0 was asked for"):
        ganvas.train(resume=parent.folder, lr=1.0, quiet=True)
    with pytest.raises(BadInput, match="seed is 0 there, 7"):
        ganvas.train(resume=parent.folder, seed=7, quiet=True)


def test_a_fork_killed_before_its_first_checkpoint_still_starts_from_the_weights(tmp_path, data):
    parent = train(tmp_path, data)
    child = ganvas.train(resume=parent.folder, fork=tmp_path / "child", images=8, lr=1e-30, quiet=True)
    for part in ("checkpoints", "snapshots"):
        shutil.rmtree(child.folder / part)
    again = ganvas.train(resume=child.folder, quiet=True)
    assert torch.equal(weights(parent)["D/net.0.weight"], weights(again)["D/net.0.weight"])


def test_resume_of_networks_of_another_layout_is_one_line(tmp_path, data, monkeypatch):
    """What a recipe builds may change between versions: a conditional DCGAN's label did not always stand beside z."""
    from ganvas.nets import dcgan

    labels = tmp_path / "labelled.npz"
    np.savez(labels, images=strokes(), labels=np.arange(len(strokes())) % 3)
    told = {"data": str(labels), "conditional": True, "run": tmp_path / "run", "quiet": True, "batch": 8, "images": 16}
    with monkeypatch.context() as before:
        new = dcgan.DCGANGenerator.__init__
        before.setattr(dcgan.DCGANGenerator, "__init__", lambda *a, beside, **k: new(*a, **k))
        old = ganvas.train("dcgan", **told, **TOY["dcgan"])
        assert ganvas.train(resume=old.folder, images=24, quiet=True).finished, "negative control: the same layout"
    with pytest.raises(Corrupt, match=r"another layout.*size mismatch.*snapshots") as caught:
        ganvas.train(resume=old.folder, images=32, quiet=True)
    assert "\n" not in str(caught.value)
    assert ganvas.load(old.folder).sample(3, seed=0).shape == (3, 1, 28, 28), "and what it drew, it still draws"


@pytest.mark.parametrize("native", [True, False])
def test_bf16_that_is_imitated_is_said(tmp_path, data, native, monkeypatch, capsys):
    monkeypatch.setattr(precision, "_native", lambda kind: native)
    train(tmp_path, data, precision="bf16", quiet=False)
    assert ("imitates it" in capsys.readouterr().out) == (not native)


def test_resume_inherits_circumstances_too(tmp_path, data):
    train(tmp_path, data, precision="bf16")
    longer = ganvas.train(resume=tmp_path / "run", images=560, quiet=True)
    assert json.loads((longer.folder / "run.json").read_text())["circumstances"]["precision"] == "bf16"


def test_a_run_of_minutes_prolongs_by_its_first_timing(tmp_path, data, monkeypatch):
    monkeypatch.setattr(timing, "TIMING_SECONDS", 0.1)
    run = train(tmp_path, data, images=None, minutes=0.005)
    first = json.loads((run.folder / "run.json").read_text())["images"]
    for _ in range(2):
        train(tmp_path, data, images=None, minutes=0.01)
        assert json.loads((run.folder / "run.json").read_text())["length"] == pytest.approx(2 * first, abs=8)


def window(seconds, share, speed=1000.0, threads=1):
    """A window of a machine that makes `speed` images a second, of which this process gets `share`."""
    return timing.Window(round(speed * seconds * share), seconds, threads * seconds * share)


def test_a_machine_that_is_busy_while_timed_is_seen_through():
    calm, busy = [window(0.25, 0.99)] * 6, [window(0.25, 0.25)] * 18
    naive = sum(w.images for w in calm + busy) / sum(w.seconds for w in calm + busy)
    assert naive < 500, "negative control: images by the clock are off by more than half"
    assert timing.undisturbed(calm + busy, []) == pytest.approx(1000, rel=0.02), "some windows were calm"
    assert timing.undisturbed(busy, busy) == pytest.approx(1000, rel=0.02), "none was: one thread's processor time"
    quiet = [window(0.25, share) for share in (0.97, 0.98, 0.99, 1.0)]
    assert timing.undisturbed(quiet, quiet) == pytest.approx(1000, rel=0.02)
    two = [window(0.25, 1.0, 1800.0, threads=2)] * 24
    assert timing.undisturbed(two, quiet) == pytest.approx(1800, rel=0.01), "threads that help are believed"
    uneven = [timing.Window(64, s, s) for s in (0.1, 0.1, 0.1, 0.5)] * 6  # every fourth round pays a penalty
    assert timing.undisturbed(uneven, uneven) == pytest.approx(320), "a median would say 640"


def test_the_timing_is_said_in_one_line(tmp_path, data, monkeypatch, capsys):
    monkeypatch.setattr(timing, "TIMING_SECONDS", 0.1)
    run = train(tmp_path, data, images=None, minutes=0.005, quiet=False)
    length = json.loads((run.folder / "run.json").read_text())["length"]
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("timed here")]
    assert "images a second" in line and f"0.005 minutes are {length:,} images; Ctrl-C" in line
    train(tmp_path, data, images=None, minutes=0.005, quiet=False)
    assert "timed here" not in capsys.readouterr().out, "timed once"


def test_a_batch_larger_than_the_data_is_said(tmp_path, data, capsys):
    n = json.loads((train(tmp_path, data).folder / "run.json").read_text())["data"]["spec"]["n"]
    for batch, warned in ((n + 1, True), (n, False)):
        train(tmp_path, data, f"batch{batch}", batch=batch, images=batch, quiet=False)
        assert (f"--batch {n + 1} is more than the {n} training images" in capsys.readouterr().out) == warned


def test_a_run_says_what_it_is(tmp_path, data):
    run = train(tmp_path, data)
    assert repr(run) == f"<run of gan on strokes.npy, 480 of 480 images, finished, in {run.folder}>"
    stopped = ganvas.Run(run.folder, finished=False)
    (run.folder / "log.jsonl").write_text('{"images": 200}\n')
    assert "200 of 480 images, stopped before its end" in repr(stopped)
    (run.folder / "run.json").write_text("{")
    assert repr(stopped) == f"<run, stopped before its end, in {run.folder}>"


def test_few_pictures_are_shown_once(tmp_path):
    np.save(tmp_path / "few.npy", strokes(9))
    run = train(tmp_path, str(tmp_path / "few.npy"))
    n = json.loads((run.folder / "run.json").read_text())["data"]["spec"]["n"]
    with Image.open(run.folder / "samples" / "real.png") as real:
        shown = np.asarray(real)
    assert n < 64 and shown.shape == np.asarray(sheet(strokes(n))).shape != np.asarray(sheet(strokes(64))).shape


def test_a_run_that_lost_its_checkpoints_does_not_start_over_silently(tmp_path, data):
    run = train(tmp_path, data)
    shutil.rmtree(run.folder / "checkpoints")
    for _ in range(2):
        with pytest.raises(Corrupt, match="no checkpoint"):
            train(tmp_path, data)


def test_a_folder_of_other_files_is_no_place_for_a_run(tmp_path, data):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "holiday.png").write_bytes(b"x")
    with pytest.raises(BadInput, match="not empty"):
        train(tmp_path, data)
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["holiday.png"]


def test_a_run_without_one_checkpoint_gives_way(tmp_path, data):
    """A start that failed must not block the right command."""
    run = train(tmp_path, data)
    for part in ("checkpoints", "snapshots", "samples"):
        shutil.rmtree(run.folder / part)
    (run.folder / "log.jsonl").unlink()
    assert train(tmp_path, data, lr=1e-3).finished


def test_moved_data_is_the_same_data(tmp_path, data):
    run = train(tmp_path, data)
    moved = tmp_path / "elsewhere.npy"
    Path(data).rename(moved)
    with pytest.raises(BadInput):
        ganvas.train(resume=run.folder, quiet=True)
    assert ganvas.train(resume=run.folder, data=str(moved), quiet=True).finished
    assert ganvas.train(resume=run.folder, quiet=True).finished, "and the new place is remembered"


def test_a_stale_snapshot_is_renewed(tmp_path, data):
    """A kill between checkpoint and snapshot leaves the older snapshot."""
    run = train(tmp_path, data)
    older = train(tmp_path, data, "older", images=80)
    path = run.folder / "snapshots" / "last.safetensors"
    path.write_bytes((older.folder / "snapshots" / "last.safetensors").read_bytes())
    assert train(tmp_path, data).generator.images == 480


def test_a_torn_sheet_and_leftovers_do_not_stop_a_run(tmp_path, data):
    run = train(tmp_path, data)
    torn = sorted((run.folder / "samples").glob("0*.png"))[3]
    torn.write_bytes(torn.read_bytes()[:60])
    (run.folder / "snapshots" / f"{files.TEMPORARY}left").write_bytes(b"x")
    assert train(tmp_path, data).finished
    assert not list(run.folder.rglob(f"{files.TEMPORARY}*"))


def test_another_runs_checkpoint_is_refused_in_one_line(tmp_path, data):
    run = train(tmp_path, data)
    other = train(tmp_path, data, "other", seed=5)
    shutil.rmtree(run.folder / "checkpoints")
    shutil.copytree(other.folder / "checkpoints", run.folder / "checkpoints")
    with pytest.raises(Corrupt, match="belongs to another run"):
        train(tmp_path, data)


def test_prolonging_past_a_schedule_that_ends_at_zero_is_said(tmp_path, data, capsys):
    options = {"schedule": "linear", "quiet": False}
    train(tmp_path, data, **options)
    said = capsys.readouterr().out
    assert "--fork" in said and "train on" not in said
    train(tmp_path, data, images=560, **options)
    assert "the learning rate is 0 from 480 images on" in capsys.readouterr().out
    train(tmp_path, data, "constant", quiet=False)
    assert "train on" in capsys.readouterr().out, "negative control"


def test_epochs_and_minutes_become_images_once(tmp_path, data, monkeypatch):
    run = train(tmp_path, data, images=None, epochs=2)
    record = json.loads((run.folder / "run.json").read_text())
    assert record["images"] == round(2 * record["data"]["spec"]["n"] / 8) * 8
    monkeypatch.setattr(timing, "TIMING_SECONDS", 0.1)
    timed = train(tmp_path, data, "timed", images=None, minutes=0.005)
    first = json.loads((timed.folder / "run.json").read_text())
    assert first["minutes"] == 0.005 and first["images"] % 8 == 0 and first["images"] > 0
    train(tmp_path, data, "timed", images=None, minutes=0.005)
    assert json.loads((timed.folder / "run.json").read_text())["images"] == first["images"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"images": 0}, "above 0"),
        ({"images": 100, "epochs": 2}, "choose one"),
        ({"batch": 0}, "batch must be a whole number above 0"),
        ({"latent": 0}, "latent must be a whole number above 0"),
        ({"lr": float("nan")}, "lr must be a number above 0"),
        ({"lr": 0.0}, "lr must be a number above 0"),
        ({"ema": -1.0}, "ema must be a number from 0"),
        ({"warm_up": 2.0}, "warm-up is a share"),
        ({"widths": ()}, "widths needs at least one"),
        ({"widths": (16, -1)}, "widths must be a whole number above 0"),
        ({"workers": -1}, "--workers"),
        ({"images": None, "epochs": float("inf")}, "--epochs"),
        ({"loss": "hingee"}, "did you mean hinge"),
        ({"seed": -1}, "--seed"),
        ({"device": "gpu9"}, "--device gpu9"),
        ({"precision": "fp8"}, "fp32 or bf16"),
        ({"threads": 0}, "threads"),
        ({"widht": 3}, r"no argument 'widht'.*width"),
        ({"data": "no/such/folder"}, "no/such/folder"),
        ({"data": "digist"}, "digits"),
    ],
)
def test_bad_arguments_get_one_line(tmp_path, data, options, message):
    with pytest.raises(BadInput, match=message) as caught:
        train(tmp_path, options.pop("data", data), **options)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run" / "run.json").exists(), "nothing half made is left"


def test_an_unknown_recipe_names_the_nearest(tmp_path):
    with pytest.raises(BadInput, match="did you mean dcgan"):
        ganvas.train("dcgna", run=tmp_path / "x")


def test_a_recipe_of_ones_own(tmp_path, data, monkeypatch):
    """`package.module:function`, with a network of one's own: trains, and loads when the class is handed over."""
    (tmp_path / "mine.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    run = ganvas.train("mine:tiny", data=data, run=tmp_path / "own", images=64, quiet=True)
    with pytest.raises(BadInput, match=r"mine:Small.*net="):
        ganvas.load(run.folder)
    import mine

    assert ganvas.load(run.folder, net=mine.Small).sample(2).shape == (2, 1, 28, 28)


OWN = '''
from functools import partial
from torch import nn
from ganvas.nets.mlp import MLPDiscriminator
from ganvas.play.latent import Normal
from ganvas.recipes.common import adam, latent_phase, learning_rate

class Small(nn.Module):
    def __init__(self, image):
        super().__init__()
        self.config, self.image = {"image": list(image)}, tuple(image)
        self.net = nn.Sequential(nn.Linear(3, image[0] * image[1] * image[2]), nn.Tanh())
    def forward(self, z):
        return self.net(z).unflatten(1, self.image)

def tiny(data, *, batch: int = 8, images: int = 64):
    """A recipe of one's own."""
    G, D = Small(data.shape), MLPDiscriminator(data.shape, (8,))
    return [latent_phase(G, D, Normal(3), loss="hinge", images=images, batch=batch,
                         learn=partial(adam, learning_rate(1e-3, "constant"), (0.5, 0.9)), ema=0.0)]
'''


def test_two_trainers_in_one_folder(tmp_path, data):
    train(tmp_path, data)
    with files.lock(tmp_path / "run"), pytest.raises(Busy, match=str(os.getpid())):
        outcome = []
        thread = threading.Thread(target=lambda: outcome.append(_busy(tmp_path, data)))
        thread.start()
        thread.join()
        raise outcome[0]


def _busy(tmp_path, data):
    try:
        train(tmp_path, data)
    except Busy as error:
        return error
    return AssertionError("the second trainer was let in")


class Poison(Exception):
    pass


@pytest.fixture
def poisoned(monkeypatch):
    """A recipe whose discriminator's loss is not finite from image 224 on, across the save point at 240, by luck."""

    def recipe(data, *, batch: int = 8, images: int = 480, always: bool = False):
        """Breaks on purpose."""
        phase = table.RECIPES["gan"](data, batch=batch, images=images, **TOY["gan"])[0]
        first = {}

        def round(batches, clock, real=phase.game.round):
            for move in real(batches, clock):
                luck = torch.initial_seed()
                broken = 224 <= clock.images < 272 and (always or first.setdefault(clock.images, luck) == luck)
                yield move._replace(loss=move.loss * (float("nan") if broken else 1.0))

        phase.game.round = round
        return [phase]

    monkeypatch.setitem(table.RECIPES, "poisoned", recipe)


def test_a_sick_run_goes_back_with_other_luck_and_heals(tmp_path, data, poisoned, capsys):
    run = ganvas.train("poisoned", data=data, run=tmp_path / "p", threads=1)
    assert run.finished
    said = capsys.readouterr().out
    assert "back to 192 images with other luck (1 of 2)" in said and "not finite: loss" in said
    images = [row["images"] for row in run.log]
    assert images == sorted(set(images))
    assert all(torch.isfinite(w).all() for w in weights(run).values() if w.dtype.is_floating_point)


def test_a_run_that_stays_sick_stops_with_its_healthy_checkpoint(tmp_path, data, poisoned):
    with pytest.raises(Diverged, match=r"move of D: not finite.*2 times did not help.*--lr") as caught:
        ganvas.train("poisoned", data=data, run=tmp_path / "p", threads=1, quiet=True, always=True)
    assert "\n" not in str(caught.value)
    state, said = latest(tmp_path / "p" / "checkpoints")
    assert not said and state["drawn"] == 192


def test_a_full_disk_is_said_and_tried_again(tmp_path, data, monkeypatch, capsys):
    """Refused twice: training goes on. Refused three times in a row: it stops, the checkpoint before is kept."""
    from ganvas import watching

    real, refusals = watching.save_checkpoint, [2]

    def refuse(folder, images, *rest):
        if images and refusals[0]:
            refusals[0] -= 1
            raise Storage(f"cannot write {folder}: {os.strerror(errno.ENOSPC)}")
        return real(folder, images, *rest)

    monkeypatch.setattr(watching, "save_checkpoint", refuse)
    assert train(tmp_path, data, quiet=False).finished
    assert capsys.readouterr().out.count("No space left on device; training goes on") == 2
    refusals[0] = 3
    with pytest.raises(Storage):
        train(tmp_path, data, "full")
    assert latest(tmp_path / "full" / "checkpoints")[0]["drawn"] == 0


def test_a_damaged_newest_checkpoint_falls_back_and_ends_the_same(tmp_path, data, capsys):
    whole = train(tmp_path, data, "whole")
    part = train(tmp_path, data, "part")
    newest = part.folder / "checkpoints" / "000000000480" / "tensors.safetensors"
    raw = bytearray(newest.read_bytes())
    raw[len(raw) // 2] ^= 1
    newest.write_bytes(raw)
    healed = train(tmp_path, data, "part", quiet=False)
    said = capsys.readouterr().out
    assert "quarantine" in said and "resumed" in said
    assert healed.finished and same(weights(whole), weights(healed))


CHILD = """
import sys, torch
import ganvas
run = ganvas.train("gan", data=sys.argv[1], run=sys.argv[2], images=800_000, batch=8, threads=1,
                   widths=(16, 24), d_widths=(24, 16), latent=4, quiet=True)
sys.exit(0 if run.finished else 75)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_round_and_keeps_everything(tmp_path, data, number):
    child = subprocess.Popen([sys.executable, "-c", CHILD, data, tmp_path / "run"])
    try:
        log = tmp_path / "run" / "log.jsonl"
        deadline = __import__("time").monotonic() + 120
        while not (log.exists() and log.read_text().count("\n") > 2) and __import__("time").monotonic() < deadline:
            __import__("time").sleep(0.1)
        child.send_signal(number)
        assert child.wait(60) == 75
    finally:
        child.kill()
    state, said = latest(tmp_path / "run" / "checkpoints")
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert not said and state["drawn"] >= rows[-1]["images"] > 0
    assert (tmp_path / "run" / "report.html").exists()


def test_snapshots_are_not_trusted_blindly(tmp_path, data):
    run = train(tmp_path, data)
    path = run.folder / "snapshots" / "last.safetensors"
    good = path.read_bytes()
    header = 8 + int.from_bytes(good[:8], "little")
    for at in [*range(0, header, 3), len(good) - 5]:  # every third byte of the header, and a weight
        path.write_bytes(good[:at] + bytes([good[at] ^ 4]) + good[at + 1 :])
        with pytest.raises((Corrupt, BadInput)) as caught:
            ganvas.load(path)
        assert "\n" not in str(caught.value)
    path.write_bytes(good[:50])
    with pytest.raises(Corrupt, match="cannot be read"):
        ganvas.load(path)
    with pytest.raises(BadInput, match="does not exist"):
        ganvas.load(tmp_path / "nothing.safetensors")
    with pytest.raises(BadInput, match="no run folder"):
        ganvas.load(tmp_path)


def test_pictures_depend_on_seed_and_index_alone(tmp_path, data):
    G = train(tmp_path, data).generator
    many = np.asarray(G.sample(40, seed=3))
    assert np.abs(many[7:9].astype(int) - np.asarray(G.sample(2, seed=3, first=7))).max() <= 1
    assert np.abs(many.astype(int) - np.asarray(G.sample(40, seed=3, batch=7))).max() <= 1
    assert np.abs(many.astype(int) - np.asarray(G.sample(40, seed=4))).max() > 1
    with pytest.raises(BadInput):
        G.sample(0)
