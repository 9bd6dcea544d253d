"""The physics test: eight Gaussians on a ring, where the truth is known (Metz et al. 2017; SCIENCE 2.3)."""

import json

import pytest

from ganvas.labs import modes

RECIPES = ("r3gan", "r1", "pacgan")


def scores(tmp_path, images, recipes, **arguments):
    modes.lab(data="ring8", recipes=recipes, seeds=1, images=images, arguments=json.dumps(arguments), out=str(tmp_path))
    return {cell["recipe"]: cell for cell in json.loads((tmp_path / "numbers.json").read_text())["cells"]}


def test_a_short_run_finds_every_mode_and_a_rate_of_almost_nothing_does_not(tmp_path):
    found = scores(tmp_path / "short", 100_000, ("r3gan",))["r3gan"]["average"]
    assert found["covered"] == 8 and found["good"] > 0.1
    lost = scores(tmp_path / "control", 12_800, ("r3gan",), lr=[1e-7, 1e-7])["r3gan"]["average"]
    assert lost["covered"] < 8 and lost["good"] < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_every_mode_is_held_and_nine_samples_of_ten_are_good(tmp_path, recipe):
    cell = scores(tmp_path, modes.IMAGES["ring8"], (recipe,))[recipe]
    assert not modes.failed(cell), cell["average"]
