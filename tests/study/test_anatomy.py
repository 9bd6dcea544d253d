"""What `ganvas show` says of networks: each layer once, all parameters accounted for."""

import pytest

from ganvas.recipes.table import RECIPES
from ganvas.study import anatomy
from ganvas.study.anatomy import layers
from tests.conftest import toy


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_layer_is_listed_once(recipe, source):
    phase = toy(recipe, source.spec)[0]
    for name, rows in layers(phase, source.spec).items():
        player = phase.game.players[name]
        assert sum(row.parameters for row in rows) == sum(p.numel() for p in player.parameters()), name


def test_each_layer_counts_once_however_often_a_round_asks_it(source, monkeypatch):
    phase = toy("dcgan", source.spec)[0]
    once = [row.name for row in layers(phase, source.spec)["D"]]
    assert len(once) == len(set(once)) + 1, "LeakyReLU stands there twice, all else once"
    remembers = anatomy._recorder
    monkeypatch.setattr(anatomy, "_recorder", lambda rows: lambda *given: remembers(rows)(*given))
    again = [row.name for row in layers(phase, source.spec)["D"]]
    assert again[: len(once)] == once and len(again) == 3 * len(once), "control: real, fake, and for G"
