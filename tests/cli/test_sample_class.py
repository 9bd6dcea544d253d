"""`ganvas sample --class` as a user types it, on runs trained on a folder of classes and on a labels.csv of columns."""

import csv

import numpy as np
import pytest
import torch
from PIL import Image

import ganvas
from ganvas.cli.main import main
from ganvas.play.latent import Latent
from ganvas.recipes.table import RECIPES
from ganvas.study import anatomy
from ganvas.training.snapshot import STANDING_BATCHES, STANDING_SIZE, with_standing_statistics
from tests.conftest import TOY

SHORT = ["--width", "4", "--latent", "4", "--batch", "8", "--images", "64", "--threads", "1", "--quiet"]


def painted(folder, names, colours, n=24):
    """Pictures 16×16 of one colour each, slightly different."""
    rng = np.random.default_rng(0)
    for k in range(n):
        path = folder / names(k)
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.array(colours(k)) + rng.integers(0, 20, (16, 16, 3))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)


RGB = {"blue": (0, 0, 220), "green": (0, 220, 0), "red": (220, 0, 0)}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three runs of a few rounds: classes, columns, none."""
    folder = tmp_path_factory.mktemp("classes")
    name = list(RGB).__getitem__
    painted(folder / "classes", lambda k: f"{name(k % 3)}/{k:02}.png", lambda k: RGB[name(k % 3)])
    painted(folder / "columns", lambda k: f"{k:02}.png", lambda k: np.array(RGB[name(k % 3)]) * (k + 1) / 24)
    with (folder / "columns/labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("file", "colour", "light"), *((f"{k:02}.png", name(k % 3), (k + 1) / 24) for k in range(24))]
        )
    for data, told in (("classes", ["--conditional"]), ("columns", ["--conditional"]), ("none", [])):
        path = folder / ("classes" if data == "none" else data)
        assert main(["train", "dcgan", "--data", str(path), "--run", str(folder / f"run-{data}"), *told, *SHORT]) == 0
    return folder


def sampled(runs, data, *words, out="x.npy"):
    path = runs / out
    assert main(["sample", str(runs / f"run-{data}"), *words, "--out", str(path)]) == 0
    if path.suffix == ".npy":
        return np.load(path)
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_the_class_that_is_asked_for(runs, capsys):
    by_name, by_index = (
        sampled(runs, "classes", "--class", "red", "-n", "6"),
        sampled(runs, "classes", "--class=2", "-n", "6"),
    )
    G = ganvas.load(runs / "run-classes")
    assert (by_name == by_index).all() and (by_name == np.asarray(G.sample(6, label="red"))).all()
    assert (by_name != sampled(runs, "classes", "--class", "blue", "-n", "6")).any(), "negative control"
    both = sampled(runs, "columns", "--class", "colour=red,light=0.5", "-n", "4")
    assert (both == np.asarray(ganvas.load(runs / "run-columns").sample(4, label={"colour": 2, "light": 0.5}))).all()
    assert (both != sampled(runs, "columns", "--class", "colour=red,light=1", "-n", "4")).any(), "a number is told too"


def test_a_sheet_with_a_row_for_each_class(runs, capsys):
    found = sampled(runs, "classes", out="s.png")
    assert "24 pictures in" in (said := capsys.readouterr().out) and "3 classes, 8 each" in said
    assert (found == np.asarray(ganvas.load(runs / "run-classes").by_class().sheet())).all()
    alone = sampled(runs, "classes", "--class", "red", "-n", "24", out="s.png")
    assert alone.shape != found.shape and "each" not in capsys.readouterr().out
    assert len(sampled(runs, "classes")) == 64, "an array holds what is asked for, classes in turn"
    assert len(sampled(runs, "classes", "-n", "5")) == 5


@pytest.mark.parametrize(
    ("data", "word", "match"),
    [
        ("classes", "rde", "has no class 'rde': perhaps red?"),
        ("classes", "3", "its classes are blue, green, red (or an index from 0 to 2)"),
        ("none", "red", "trained without labels"),
        ("columns", "red", "write colour=blue,light=1"),
        ("columns", "light=7", "column light takes a number from"),
    ],
)
def test_a_class_that_does_not_exist_is_one_line(runs, data, word, match, capsys):
    out = runs / "no.png"
    assert main(["sample", str(runs / f"run-{data}"), "--class", word, "--out", str(out)]) == 2
    said = capsys.readouterr()
    assert match in said.err and said.err.count("\n") == 1 and "Traceback" not in said.err and not out.exists()


def test_training_sheets_have_a_row_for_each_class(runs):
    sheets = {}
    for data in ("classes", "none"):
        with Image.open(sorted((runs / f"run-{data}/samples").glob("0*.png"))[-1]) as picture:
            sheets[data] = np.asarray(picture)
    expected = np.asarray(ganvas.load(runs / "run-classes").by_class(64, seed=0, most=10).sheet())
    assert sheets["classes"].shape == expected.shape != sheets["none"].shape
    assert (sheets["classes"] == expected).mean() > 0.99


def test_batchnorm_is_collected_over_all_labels(runs, monkeypatch):
    """Sheets and snapshots: each class takes its share of the examples, each example has a label of its own."""
    told = []

    class Listening(Latent):
        def imagine(self, G, z, batch):
            told.append(batch["label"])
            return super().imagine(G, z, batch)

    def listening(G, game, prior, batch, frozen):
        return with_standing_statistics(G, Listening(G, game.D, prior, conditional=True), prior, batch, frozen)

    monkeypatch.setattr("ganvas.watching.with_standing_statistics", listening)
    words = ["--data", str(runs / "columns"), "--run", str(runs / "again"), "--conditional", *SHORT]
    assert main(["train", "dcgan", *words]) == 0
    found = torch.cat(told[:STANDING_BATCHES]).numpy()
    assert found.shape == (STANDING_BATCHES * STANDING_SIZE, 2) and len(told) % STANDING_BATCHES == 0
    assert np.abs(np.bincount(found[:, 0].astype(int)) / len(found) - 1 / 3).max() < 0.01
    assert len(np.unique(found[:, 1])) == len(found) and found[:, 1].min() < -0.99 and found[:, 1].max() > 0.99
    assert len(np.unique(found[:STANDING_SIZE, 1])) == STANDING_SIZE < len(found), "one batch again and again is fewer"


def test_a_run_on_columns_can_be_taken_apart(runs, capsys):
    spec = ganvas.load(runs / "run-columns").spec
    (phase,) = RECIPES["dcgan"](spec, conditional=True, batch=4, **TOY["dcgan"])
    assert anatomy.layers(phase, spec)["G"] and anatomy.cost(phase, spec, 4).flops > 0
    data = str(runs / "columns")
    assert main(["show", "dcgan", "--data", data, "--conditional", "--width", "4"]) == 0
