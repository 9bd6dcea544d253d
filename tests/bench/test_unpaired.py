"""The bench of unpaired translation: the truth scores 0, a run of a few rounds does not, and both runs are told alike."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from ganvas.data.open import open_examples
from ganvas.recipes import table
from ganvas.recipes.common import defaults

sys.path.append(str(Path(__file__).parents[2] / "bench"))
import unpaired


@pytest.fixture(scope="module")
def held():
    return open_examples("forms", "pairs").held_out(40)


def test_the_truth_scores_nothing_and_the_input_itself_much(held):
    true = {x.tobytes(): y for x, y in zip(held["a"], held["b"], strict=True)}
    back = {y.tobytes(): x for x, y in zip(held["a"], held["b"], strict=True)}
    perfect = unpaired.judged(lambda x: true[x.tobytes()], lambda y: back[y.tobytes()], held)
    assert perfect["l1"] == perfect["back"] == 0 and perfect["ssim"] == pytest.approx(1)
    lazy = unpaired.judged(lambda x: x, lambda y: y, held)
    by_hand = np.abs(held["a"].astype(float) - held["b"]).mean() / 127.5
    assert lazy["l1"] == pytest.approx(by_hand) and lazy["l1"] == lazy["back"] > 0.2 and lazy["ssim"] < 0.8


def test_a_colour_for_a_colour(held):
    """It learns a negative, in colour too, to its steps of 16; an outline it cannot learn."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (50, 3, 8, 8), np.uint8) // 128 * 255
    assert (unpaired.by_colour(x, 255 - x)(x[3]) == 255 - x[3]).all()
    assert np.abs(unpaired.by_colour(x[:, :1], 255 - x[:, :1])(x[3, :1]).astype(int) - (255 - x[3, :1])).max() <= 16
    pixel, nothing = (unpaired.judged(*unpaired.ways("forms", 0, what, 0)[:2], held) for what in ("pixel", "nothing"))
    assert 0.07 < pixel["l1"] < nothing["l1"], "negative control"


def test_both_runs_have_the_same_generator_batch_and_rates(monkeypatch):
    """What cyclegan_small's generator is one way, the paired run's is; and all that both recipes take is the same."""
    from ganvas.nets.translation import ResNetTranslator

    seen = {}

    def trained(recipe, source, seed, label, **given):
        make = table.find(recipe)
        arguments, _ = table.resolve(make, recipe, source.spec, given)
        (phase,) = make(source.spec, **arguments)
        seen[label] = phase, arguments, source.spec
        return type("Stub", (), {"translate": None, "measure": lambda *_: {"val/cycle": 0, "val/hidden": 1}})()

    monkeypatch.setattr(unpaired, "trained", trained)
    for what in unpaired.TRAINED:
        unpaired.ways("forms", 0, what, 160)
    cycle, *both = seen.values()
    assert len(both) == 2 and [phase.game.source for phase, *_ in both] == ["a", "b"]
    for (phase, given, spec), way in zip(both, (cycle[0].game.G.ab, cycle[0].game.G.ba), strict=True):
        assert isinstance(phase.game.G, ResNetTranslator) and phase.game.G.config == way.config
        assert (phase.images, phase.batch) == (cycle[0].images, cycle[0].batch) == (160, given["batch"])
        own = {"direction", "generator", "l1", "dropout", "norm", "loss"}
        assert {key for key in given if key not in own and given[key] != cycle[1].get(key, given[key])} == set()
        assert spec.paired and not cycle[2].paired
    assert set(unpaired.SHARED) <= set(defaults(table.find("pix2pix"))) & set(defaults(table.find("cyclegan_small")))


def test_rows_are_not_run_again_and_the_table_has_the_ratio(tmp_path, monkeypatch, capsys):
    results = tmp_path / "unpaired.jsonl"
    monkeypatch.setattr(unpaired, "RESULTS", results)
    made = []

    def row(task, seed, what, images):
        made.append(what)
        l1 = {"nothing": 0.25, "pixel": 0.2, "paired": 0.04, "cycle": 0.05, "paired back": 0.02}[what]
        length = images if what in unpaired.TRAINED else 0
        return {
            "task": task,
            "seed": seed,
            "what": what,
            "images": length,
            "l1": l1,
            "back": l1,
            "ssim": 0.9,
            "seconds": 1,
        }

    monkeypatch.setattr(unpaired, "row", row)
    for images, count in ((100, 5), (100, 5), (200, 8)):
        monkeypatch.setattr(sys, "argv", ["unpaired", "--tasks", "forms", "--seeds", "0", "--images", str(images)])
        unpaired.main()
        assert len(made) == count == len(results.read_text().splitlines())
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")][-8:]
    assert sum("| cycle | 200 | 0.050 | 1.25 | 0.050 | 2.50 |" in line for line in lines) == 1
    assert sum("1.25" in line for line in lines) == 2, "of each length its own"
    assert all(json.loads(line)["task"] == "forms" for line in results.read_text().splitlines())


def test_the_ratio_is_of_seeds_that_have_all_their_runs():
    def row(seed, what, **errors):
        return {"task": "forms", "images": 100, "seed": seed, "what": what, **errors}

    rows = [row(0, "cycle", l1=0.3, back=0.6), row(0, "paired", l1=0.1), row(0, "paired back", back=0.2)]
    rows += [row(1, "cycle", l1=0.5, back=0.1), row(1, "paired", l1=0.1)]  # no way back
    there, back, both = (unpaired.ratio(rows, "forms", 100, ways) for ways in unpaired.SUMMED.values())
    assert there == (pytest.approx(0.8 / 0.2), 2) and back == (pytest.approx(3), 1) and both == (pytest.approx(3), 1)
    assert unpaired.ratio(rows, "outlines", 100, unpaired.SUMMED["both ways"])[1] == 0
