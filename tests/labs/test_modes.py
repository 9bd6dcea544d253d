"""The lab of modes: cells that are kept, failures that are seen."""

import json

import pytest

from ganvas.errors import BadInput
from ganvas.labs import modes

TINY = {"data": "ring8", "recipes": ("gan_leaky",), "seeds": 2, "images": 2560}


def test_a_finished_cell_is_not_trained_again(tmp_path, capsys, monkeypatch):
    out = str(tmp_path / "lab")
    modes.lab(**TINY, out=out)
    first = (tmp_path / "lab" / "cells.jsonl").read_text()
    assert len(first.splitlines()) == 2 and (tmp_path / "lab" / "modes.png").stat().st_size > 10_000
    numbers = json.loads((tmp_path / "lab" / "numbers.json").read_text())
    assert numbers["table"][0]["runs"] == 2 and numbers["table"][0]["failed"] == 2, "2,560 points teach nothing"
    assert "| gan_leaky |" in capsys.readouterr().out
    played = []
    play = modes._play
    monkeypatch.setattr(modes, "_play", lambda source, asked: played.append(asked) or play(source, asked))
    modes.lab(**TINY, out=out)
    assert not played and (tmp_path / "lab" / "cells.jsonl").read_text() == first
    modes.lab(**TINY | {"seeds": 3}, out=out)
    assert [asked["seed"] for asked in played] == [2], "only what is missing is trained"


def cell(**score):
    whole = {"covered": 8, "held": 8, "of": 8, "good": 0.95, "kl": 0.01, "kl_floor": 0.001} | score
    return {"recipe": "r1", "broken": "", "average": whole, "cpu_seconds": 1.0, "seed": 0}


def test_what_counts_as_failed():
    assert not modes.failed(cell())
    assert modes.failed(cell(held=7)) and modes.failed(cell(good=0.89)) and modes.failed(cell() | {"broken": "nan"})
    stacked = {"of": 1000, "covered": 990, "kl": 0.1}
    assert not modes.failed(cell(**stacked)) and modes.failed(cell(**stacked | {"covered": 989}))
    assert modes.failed(cell(**stacked | {"kl": 0.11})), "covered with one sample each is too generous"


def test_bad_input(tmp_path):
    for wrong in ({"arguments": "{"}, {"recipes": ("wgam",)}, {"seeds": 0}):
        with pytest.raises(BadInput):
            modes.lab(**TINY | wrong, out=str(tmp_path))


def test_a_run_without_one_good_sample_is_in_the_table():
    (row,) = modes.table_of([cell(kl=float("nan"), covered=0), cell()])
    assert row["covered"] == (4.0, pytest.approx(32**0.5)) and row["kl"][0] != row["kl"][0]
    assert "nan" in modes.markdown([row])
