"""Watching: scores on held-out images while it trains, the best kept, and a run that is the same as if nobody had looked."""

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file

import ganvas
from ganvas import files, watching
from ganvas.data.arrays import ArraySource
from ganvas.data.open import open_source
from ganvas.errors import BadInput
from ganvas.judging import labels_of, suited
from ganvas.measure import frechet
from ganvas.monitoring import Monitor, Wish, best_of, better, idle, wish
from ganvas.training.trainer import Trainer
from ganvas.watching import standing_generator
from tests.conftest import TOY, strokes, toy

SMALL = TOY["gan"] | {"batch": 16}


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(files, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(watching, "SHEETS", 2)


def train(folder, images=640, **options):
    return ganvas.train("gan", data="digits", run=folder, images=images, quiet=True, threads=1, **SMALL | options)


def looks(folder):
    return [json.loads(line) for line in (folder / "watch.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("watched")
        patch.setattr(files, "cache_folder", lambda: root / "cache")
        patch.setattr(watching, "SHEETS", 2)
        train(root / "run", watch="fid:200")
    return root / "run"


def test_eight_looks_of_both_generators(watched):
    rows = looks(watched)
    assert len(rows) == 8 and rows[-1]["images"] == 640
    for row in rows:
        for side in ("average", "live"):
            assert {"score", "error", "coverage", "c_t", "entropy", "better"} == set(row[side])
    assert rows[0]["average"]["better"], "the first is the best so far"


def test_the_best_are_kept_and_the_last_word_is_on_other_latents_and_images(watched):
    (score,) = [json.loads(line) for line in (watched / "scores.jsonl").read_text().splitlines()]
    side, rows = score["card"]["weights"], looks(watched)
    best = ganvas.load(watched / "snapshots" / f"best-{side}.safetensors")
    assert best.images == max(row["images"] for row in rows if row[side]["better"]) and best.label["weights"] == side
    assert score["card"]["seed"] == 2 and "last 236" in score["card"]["reference"]
    assert score["floor"] > 0 and score["card"]["n_fake"] == 1000
    page = (watched / "report.html").read_text()
    assert "Scores" in page and "fd-digits/v1" in page and "236 real" in page


def test_the_standard_error_is_that_of_the_whole():
    """The scatter of halves against that of fresh samples, for Gaussians, where both can be had."""
    rng, watcher = np.random.default_rng(0), object.__new__(Monitor)
    watcher.moments = frechet.moments(rng.normal(size=(20_000, 8)))
    found = [watcher._distance(rng.normal(0.1, 1.05, (1000, 8))) for _ in range(40)]
    true = np.std([f["score"] for f in found], ddof=1)
    assert np.mean([f["error"] for f in found]) == pytest.approx(true, rel=0.3)
    assert np.mean([f["error"] for f in found]) / 2**0.5 < 0.85 * true, "negative control: halved once more"


def test_a_conditional_generator_is_told_the_labels_of_the_data():
    data = ArraySource(strokes(60), (np.arange(60) % 10 == 0).astype(int), name="strokes", classes=("many", "few"))
    watcher = object.__new__(Monitor)
    watcher.trainer = Trainer(toy("gan", data.spec, conditional=True), data)
    generator, heard = standing_generator(watcher.trainer), []
    imagine, game = generator.game.imagine, generator.game
    game.imagine = lambda net, z, batch: heard.append(batch["label"].numpy()) or imagine(net, z, batch)
    assert watcher._drawn(generator, 300, 0).read(0, 300).shape == (300, 1, 28, 28)
    shares = np.bincount(data.batch(0, 0, data.spec.n)["label"]) / data.spec.n
    np.testing.assert_allclose(np.bincount(np.concatenate(heard)) / 300, shares, atol=0.02)
    assert max(map(len, heard)) <= 250, "no more of them at once than anywhere else"
    assert labels_of(generator, data) == "as in the data" and labels_of(generator) == "in turn"


def test_watching_changes_nothing(watched, tmp_path):
    train(tmp_path / "plain", watch="off")
    one, two = (load_file(run / "snapshots" / "last.safetensors") for run in (watched, tmp_path / "plain"))
    assert all(np.array_equal(one[name], two[name]) for name in one)
    assert not (tmp_path / "plain" / "watch.jsonl").exists()
    train(tmp_path / "other", watch="off", seed=1)
    other = load_file(tmp_path / "other" / "snapshots" / "last.safetensors")
    assert not all(np.array_equal(one[name], other[name]) for name in one), "negative control"


def test_a_resumed_run_has_the_looks_of_an_undisturbed_one(watched, tmp_path):
    train(tmp_path / "run", images=320, watch="fid:200")
    halves = looks(tmp_path / "run")
    train(tmp_path / "run", images=640, watch="fid:200")
    assert looks(tmp_path / "run")[: len(halves)] == halves and looks(tmp_path / "run")[-1]["images"] == 640


def test_patience_ends_a_run_that_gets_no_better(tmp_path, capsys):
    run = ganvas.train("gan", data="digits", run=tmp_path / "run", images=1280, threads=1, watch="fid:200", patience=1,
                       **SMALL | {"lr": 1e-9})  # fmt: skip
    assert not run.finished and looks(run.folder)[-1]["images"] < 1280
    assert "stopped by --patience 1" in capsys.readouterr().out


def look(score, error=1.0, coverage=0.5, c_t=0.0, entropy=0.9, better=True):
    return {"score": score, "error": error, "coverage": coverage, "c_t": c_t, "entropy": entropy, "better": better}


@pytest.mark.parametrize(
    ("found", "is_better"),
    [
        (look(90.0), True),
        (look(98.0), False),  # within two standard errors
        (look(90.0, error=8.0), False),
        (look(90.0, coverage=0.39), False),
        (look(90.0, coverage=0.41), True),
        (look(90.0, entropy=0.84), False),
        (look(90.0, c_t=-3.1), False),
        (look(float("nan")), False),
        (look(float("inf")), False),
    ],
)
def test_an_improvement_is_real_and_loses_nothing(found, is_better):
    assert better(found, look(100.0)) is is_better


def test_the_first_look_is_the_best_unless_it_copies():
    assert better(look(100.0), None) and not better(look(100.0, c_t=-4.0), None)


def test_which_is_best_and_for_how_long_nothing_was_better():
    rows = [
        {"images": 1, "average": look(100.0), "live": look(120.0)},
        {"images": 2, "average": look(95.0, better=False), "live": look(80.0)},
        {"images": 3, "average": look(99.0, better=False), "live": look(85.0, better=False)},
    ]
    assert best_of(rows, "average")["score"] == 100.0 and best_of(rows, "live")["score"] == 80.0
    assert idle(rows) == 1 and idle(rows[:2]) == 0 and best_of([], "live") is None


def test_a_torn_last_line_costs_that_look_alone(watched, tmp_path):
    import shutil

    shutil.copytree(watched, tmp_path / "run")
    with (tmp_path / "run" / "watch.jsonl").open("a") as file:
        file.write('{"images": 700, "aver')
    train(tmp_path / "run", images=960, watch="fid:200")
    assert [row["images"] for row in looks(tmp_path / "run")][:8] == [row["images"] for row in looks(watched)]


def test_wishes():
    assert wish(None) == wish("auto") == Wish("", 1000) and wish("off") is None
    assert wish("fid:2k") == wish("fid") == Wish("", 2000) and wish("fid:500").n == 500
    assert wish("fd-digits/v1:1.5k") == Wish("fd-digits/v1", 1500)
    for wrong in ("fid:2x", "fid:5", "fid:1e999k", "fid:abc", "kid:200", "fidd"):
        with pytest.raises(BadInput, match="write fid:2k"):
            wish(wrong)


def test_what_cannot_be_watched_is_said(tmp_path):
    np.save(tmp_path / "few.npy", np.random.default_rng(0).integers(0, 255, (60, 28, 28), np.uint8))
    with pytest.raises(BadInput, match="at least 200 held-out images"):
        ganvas.train("gan", data=str(tmp_path / "few.npy"), run=tmp_path / "r", images=64, watch="fd-digits/v1:200",
                     quiet=True, widths=(8,), d_widths=(8,), batch=8)  # fmt: skip
    with pytest.raises(BadInput, match="patience"):
        train(tmp_path / "p", patience=0)


def test_a_network_is_chosen_by_shape_as_well_as_by_name(tmp_path):
    """Digits of another size, and a folder that happens to be called so, are trained unwatched instead of refused."""
    run = ganvas.train("gan", data="digits", size=32, run=tmp_path / "size", images=64, quiet=True, threads=1, **SMALL)
    assert run.finished and not (run.folder / "watch.jsonl").exists()
    digits = open_source("digits").spec
    assert suited(digits) == "fd-digits/v1" and not suited(replace(digits, shape=(3, 16, 16)))
    assert suited(open_source("shapes:32").spec) == "fd-shapes/v1"
