"""The doctor beside a run: rationed, written down, silent where it must be; stopping and healing, exact when resumed."""

import json

import numpy as np
import pytest
import torch

import ganvas
from ganvas import watching
from ganvas.errors import Diverged
from ganvas.health import doctor as doctors
from ganvas.health.doctor import Doctor
from ganvas.health.triage import read_looks
from ganvas.study.diagnosis import Action, Diagnosis, Evidence
from ganvas.training.checkpoint import latest
from ganvas.training.trainer import Trainer
from tests.conftest import TOY, source_of, strokes, toy

TINY = {"quiet": True, "images": 640, "batch": 8, "threads": 1, **TOY["gan"]}


@pytest.fixture(autouse=True)
def light(monkeypatch):
    """Runs without pictures, film and page, which are not what is tested here."""
    monkeypatch.setattr(watching.Watcher, "picture", lambda self: {})
    monkeypatch.setattr(watching, "last_looks", lambda folder: None)
    monkeypatch.setattr(watching, "real_looks", lambda trainer, folder: None)
    monkeypatch.setattr("ganvas.loop._close", lambda *_: None)


@pytest.fixture
def data(tmp_path):
    np.save(tmp_path / "strokes.npy", strokes())
    return str(tmp_path / "strokes.npy")


def train(tmp_path, data, name="run", recipe="gan", **options):
    return ganvas.train(recipe, data=data, run=tmp_path / name, **(TINY | options))


def weights(run):
    state, _ = latest(run.folder / "checkpoints")
    return {f"{p}/{k}": v for p, s in state["players"].items() for k, v in s["module"].items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def sick(monkeypatch, from_=200, until_healed=True, changes=None):
    """A doctor who finds an illness from some image on, until it is healed."""

    def judge(rows, looks, run, folder=None, watched=()):
        images = max(row["images"] for row in (*rows[-1:], *looks[-1:]))
        ill = images >= from_ and not (until_healed and run.get("healed"))
        action = Action("oscillating", "", changes or {"lr": 1e-4}) if ill else Action("healthy")
        return Diagnosis(
            "oscillating" if ill else "healthy", 0.9, (Evidence("cycles", 9.0),), action, "healthy", images
        )

    monkeypatch.setattr(doctors, "judge", judge)
    monkeypatch.setattr(doctors, "SHARE", float("inf"))
    monkeypatch.setattr(doctors, "LOOKS", 16)


def test_a_run_with_a_doctor_ends_as_one_without(tmp_path, data, monkeypatch):
    watched = train(tmp_path, data, "watched")
    monkeypatch.setattr(Doctor, "look", lambda self, tick: None)
    nobody = Diagnosis("unknown", 0.0, (), Action("unknown"), "unknown", 0)
    monkeypatch.setattr(Doctor, "last_look", lambda self: nobody)
    alone = train(tmp_path, data, "alone")
    assert same(weights(watched), weights(alone))
    assert read_looks(watched.folder) and not read_looks(alone.folder)


def test_looks_are_rationed_by_images_and_by_seconds(monkeypatch):
    source = source_of("images")

    def looked(share):
        trainer = Trainer(toy("gan", source.spec, images=400), source, seed=0)
        doctor = Doctor(trainer, {"length": 400}, share=share)
        for tick in trainer.ticks(every=4):
            doctor.look(tick)
        return doctor, tick

    free, _ = looked(float("inf"))
    gaps = np.diff([row["images"] for row in free.looks])
    assert len(free.looks) > 45 and (gaps >= 8).all(), "a hundredth of the run at most"
    strict, tick = looked(0.5)
    assert strict.spent - strict.dear <= 0.5 * tick.seconds + strict.looks[0]["seconds"] + 0.1
    assert len(strict.looks) < len(free.looks)
    assert doctors.SHARE == 0.03 and doctors.LOOKS == 100


def test_the_status_and_the_looks_of_a_run_that_is_resumed(tmp_path, data, monkeypatch):
    monkeypatch.setattr(doctors, "SHARE", float("inf"))
    monkeypatch.setattr(doctors, "LOOKS", 8)
    run = train(tmp_path, data)
    rows = [json.loads(line) for line in (run.folder / "health.jsonl").read_text().splitlines()]
    assert rows[0]["images"] == 0 and "lint" in rows[0] and rows[-1]["images"] == 640
    train(tmp_path, data, images=960)
    images = [row["images"] for row in read_looks(run.folder)]
    assert images == sorted(images) and images[-1] == 960 and len(images) == len(set(images))


def test_stop(tmp_path, data, monkeypatch):
    sick(monkeypatch)
    run = train(tmp_path, data, on_sick="stop")
    assert not run.finished and run.log[-1]["images"] < 480
    assert train(tmp_path, data, "told").finished, "negative control: telling is the default"


def test_healing_is_written_down_and_resumed_to_the_bit(tmp_path, data, monkeypatch, capsys):
    sick(monkeypatch)
    run = train(tmp_path, data, heal=True, quiet=False)
    record = json.loads((run.folder / "run.json").read_text())
    (entry,) = record["healed"]
    assert entry["changes"] == {"lr": 1e-4} and entry["diagnosis"] == "oscillating" and entry["images"] <= 200
    assert record["arguments"]["lr"] == 1e-5, "what was asked for stays on record"
    assert run.finished and run.log[-1]["D/lr"] == 1e-4 and "healed with lr" in capsys.readouterr().out
    assert [row for row in run.log if row["images"] <= entry["images"]][-1]["D/lr"] == 1e-5

    stopped = train(tmp_path, data, "stopped", heal=True, images=640)
    for place in sorted((stopped.folder / "checkpoints").iterdir())[-1:]:  # as if it had died before its end
        (place / "manifest.json").unlink()
    again = train(tmp_path, data, "stopped")
    assert same(weights(run), weights(again))
    assert not same(weights(run), weights(train(tmp_path, data, "never healed"))), "negative control"


@pytest.mark.slow
def test_healing_is_bounded_and_leaves_alone_what_it_cannot_change(tmp_path, data, monkeypatch, capsys):
    sick(monkeypatch, until_healed=False)
    run = train(tmp_path, data, heal=True, quiet=False)
    assert len(json.loads((run.folder / "run.json").read_text())["healed"]) == 2 and run.finished
    assert "2 times are enough" in capsys.readouterr().out
    sick(monkeypatch, changes={"latent": 64})
    other = train(tmp_path, data, "other", heal=True, quiet=False)
    assert "healed" not in json.loads((other.folder / "run.json").read_text()) and other.finished
    assert "cannot be changed in a run" in capsys.readouterr().out


def test_numbers_that_break_are_the_diagnosis(tmp_path, data):
    from ganvas.health.triage import diagnose

    with pytest.raises(Diverged):
        train(tmp_path, data, lr=1e30)
    said = diagnose(tmp_path / "run")
    assert said.id == "numerically_sick" and said.action.changes == {"lr": 1e-5}
    assert "not finite" in said.facts["first_broken"] or "diverged" in said.facts["first_broken"]


def test_a_game_that_cannot_be_looked_into_is_said_once(tmp_path, data, monkeypatch, capsys):
    def broken(self, trainer):
        raise RuntimeError("no such layer\nat all")

    monkeypatch.setattr("ganvas.health.probe.Probe.__init__", broken)
    run = train(tmp_path, data, quiet=False)
    assert run.finished and capsys.readouterr().out.count("the doctor cannot look into this game (no such layer)") == 1


@pytest.mark.parametrize("recipe", ["vae"])
def test_other_systems_are_read_by_their_log(tmp_path, data, recipe):
    from ganvas.health.triage import diagnose

    options = {"quiet": True, "images": 160, "batch": 8, "threads": 1, **TOY[recipe]}
    run = ganvas.train(recipe, data=data, run=tmp_path / "run", **options)
    assert not (run.folder / "health.jsonl").exists() and not diagnose(run.folder).ill
