"""A recipe's arguments: each is explained, those not given are chosen once, and doubtful ones are said of what was built."""

import inspect
from dataclasses import replace

import pytest
import torch

from ganvas.cli.parse import options_of
from ganvas.data.open import open_source
from ganvas.data.source import DataSpec
from ganvas.errors import BadInput
from ganvas.recipes import table
from ganvas.recipes.check import check, doubts
from ganvas.recipes.common import ARGUMENTS, documented, settled
from tests.conftest import TOY, toy

RING = open_source("ring8").spec
ON_POINTS = {"lsgan", "wgan", "wgan_gp", "dragan", "pacgan", "sngan", "r1", "r3gan"}


def helps(recipe):
    """The help of each option, as `--help` prints it."""
    return {name: kind.__metadata__[0].help for name, kind, _ in options_of(recipe, leave_out=("data",))}


@pytest.mark.parametrize("name", table.RECIPES)
def test_every_argument_is_explained_in_words_that_reach_the_command_line(name):
    recipe = table.RECIPES[name]
    assert helps(recipe).keys() == table.defaults(recipe).keys() and all(helps(recipe).values())
    assert "loss" not in helps(recipe) or helps(recipe)["loss"] == ARGUMENTS["loss"]
    assert "; 0: none" in helps(recipe)["ema"]
    assert all(f"\n    {argument}: " in recipe.__doc__ for argument in inspect.signature(recipe).parameters)
    assert max(map(len, recipe.__doc__.splitlines())) <= 120


def test_what_a_recipe_says_itself_comes_first_and_in_the_order_of_the_signature():
    @documented
    def mine(data, *, latent: int = 3, depth: int = 2, batch: int = 8):
        """Mine.

        Args:
            depth: how deep; 0: not
                at all
            batch: my own
        """

    assert helps(mine) == {"latent": ARGUMENTS["latent"], "depth": "how deep; 0: not at all", "batch": "my own"}
    assert inspect.getdoc(mine).startswith("Mine.\n\nArgs:\n    data: ")


def test_an_argument_without_a_word_and_a_word_without_an_argument_are_refused():
    def silent(data, *, depth: int = 2):
        """Says nothing."""

    def stale(data):
        """Says too much.

        Args:
            depth: how deep
        """

    for recipe in (silent, stale):
        with pytest.raises(TypeError, match="depth"):
            documented(recipe)


def specs():
    return {
        "grey": DataSpec("grey", ("image", "label"), (1, 28, 28), n=100, held_out=10, classes=("a", "b", "c")),
        "colour": DataSpec("colour", ("image",), (3, 32, 32), n=60_000, held_out=600),
        "large": DataSpec("large", ("image",), (3, 64, 64), n=60_000, held_out=600),
        "points": RING,
    }


@pytest.mark.parametrize("data", specs())
@pytest.mark.parametrize("name", ["auto", "wgan_gp", "r3gan"])
def test_what_is_chosen_stays_chosen(name, data):
    """The record of a run holds the resolved arguments; a resumed run resolves them again."""
    spec, recipe = specs()[data], table.RECIPES[name]
    chosen, _ = table.resolve(recipe, name, spec, {})
    assert any(chosen[k] != v for k, v in table.defaults(recipe).items()), "something was left open"
    assert table.resolve(recipe, name, spec, chosen) == (chosen, [])


@pytest.mark.parametrize("name", ["auto", "wgan_gp", "r3gan"])
def test_a_recipe_chooses_for_itself_what_resolve_chooses(name, source):
    small = TOY[name] | {"batch": 8, "images": 160}
    chosen, _ = table.resolve(table.RECIPES[name], name, source.spec, small)
    torch.manual_seed(0)
    (resolved,) = table.RECIPES[name](source.spec, **chosen)
    (itself,) = toy(name, source.spec)
    for one, other in ((resolved.game.G, itself.game.G), (resolved.game.D, itself.game.D)):
        assert one.config == other.config
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_a_body_sees_what_was_chosen_and_its_signature_what_may_be_left_open():
    @settled(lambda data, arguments: (arguments | {"width": arguments["width"] or data}, ["because"]))
    def mine(data, *, width: int | None = None, batch: int = 8):
        return width, batch

    assert mine(5) == (5, 8) and mine(5, width=3, batch=2) == (3, 2)
    assert table.resolve(mine, "mine", 5, {}) == ({"width": 5, "batch": 8}, ["because"])
    with pytest.raises(TypeError):
        mine(5, depth=1)


# what is allowed and rarely meant


def said(name, spec, **arguments):
    return doubts(table.RECIPES[name](spec, **arguments), spec)


@pytest.mark.parametrize("name", table.RECIPES)
def test_a_wasserstein_critic_that_nothing_bounds_is_doubted(name, source):
    if "loss" not in table.defaults(table.RECIPES[name]):
        assert not doubts(toy(name, source.spec), source.spec)
        return
    bound = {"auto", "wgan", "wgan_gp", "dragan", "sngan", "r1", "r3gan", "stackgan_small"}
    found = doubts(toy(name, source.spec, loss="wasserstein"), source.spec)
    assert any("nothing bounds this critic" in doubt for doubt in found) == (name not in bound), found
    assert not doubts(toy(name, source.spec, loss="hinge"), source.spec), "negative control"


def test_a_recipe_of_ones_own_is_judged_by_what_it_builds(source):
    def mine(data, *, batch: int = 8, images: int = 160):
        return toy("dcgan", data, loss="wasserstein")

    assert any("nothing bounds" in doubt for doubt in doubts(mine(source.spec), source.spec))


@pytest.mark.parametrize("name", [n for n, recipe in table.RECIPES.items() if table.wanted(recipe).kind == "images"])
def test_on_points_it_is_said_where_the_players_are_others(name):
    """The players of the fully connected recipes are their own there; the others cannot draw points at all."""
    arguments = {"widths": (128, 128, 128)} if name == "gan" else {}
    try:
        found = said(name, replace(RING, classes=("a",)) if name == "cgan" else RING, **arguments)
    except BadInput:
        assert name in {"auto", "vae", "dcgan", "dcgan_upsample", "acgan", "cgan", "gan_2014"}
        return
    assert any("points, not pictures" in doubt for doubt in found) == (name in ON_POINTS), found


def test_momentum_under_clipped_weights_is_doubted(source):
    def warned(**arguments):
        return [doubt for doubt in doubts(toy("wgan", source.spec, **arguments), source.spec) if "Arjovsky" in doubt]

    assert "momentum (0.5)" in warned(optimizer="adam", beta1=0.5)[0]
    assert not warned() and not warned(optimizer="adam", beta1=0.0)
    assert not doubts(toy("wgan_gp", source.spec), source.spec), "Adam with β1 = .5, and no clipping"


def test_what_is_explained_as_none_at_zero_may_be_zero():
    counted = set()
    for recipe in table.RECIPES.values():
        said = ARGUMENTS | getattr(recipe, "explained", {})
        for argument, default in table.defaults(recipe).items():
            if "; 0: " in said[argument]:
                check(recipe, argument, 0, default)
                counted |= {argument} if type(default) is int else set()
    assert counted == {"halvings", "pool"}, "and these are refused where they are not named in OR_NONE"


def test_a_count_is_above_zero_but_for_those_that_may_be_none():
    check(table.find("stackgan"), "halvings", 0, 2)
    with pytest.raises(BadInput, match="--halvings must be a whole number from 0, not -1"):
        check(table.find("stackgan"), "halvings", -1, 2)
    with pytest.raises(BadInput, match="--blocks must be a whole number above 0, not 0"):
        check(table.find("stackgan"), "blocks", 0, 4)
