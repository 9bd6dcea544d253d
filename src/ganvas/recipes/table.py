"""The recipes by name, and how a name given by a user becomes one. Imports nothing heavy."""

import difflib
import importlib
import re
from collections.abc import Callable
from typing import Any

from ganvas.errors import BadInput
from ganvas.recipes.auto import auto
from ganvas.recipes.check import check
from ganvas.recipes.common import Wants, defaults
from ganvas.recipes.conditional import acgan, cgan
from ganvas.recipes.dcgan import dcgan, dcgan_upsample
from ganvas.recipes.mlp import gan, gan_2014, gan_dropout, gan_leaky
from ganvas.recipes.paired import pix2pix, pix2pix_small
from ganvas.recipes.r3gan import r3gan
from ganvas.recipes.smooth import r1, sngan
from ganvas.recipes.srgan import srgan, srgan_small
from ganvas.recipes.stackgan import stackgan, stackgan_small
from ganvas.recipes.unpaired import cyclegan, cyclegan_small
from ganvas.recipes.vae import vae
from ganvas.recipes.variants import dragan, lsgan, pacgan
from ganvas.recipes.wasserstein import wgan, wgan_gp

Recipe = Callable[..., list]

# the default, then the field in the order in which it came about
RECIPES: dict[str, Recipe] = {
    recipe.__name__: recipe
    for recipe in (
        auto, vae, gan_2014, gan, gan_dropout, gan_leaky, cgan, dcgan, dcgan_upsample, lsgan, acgan, wgan, wgan_gp, dragan,
        pix2pix, pix2pix_small, cyclegan, cyclegan_small, srgan, srgan_small, stackgan, stackgan_small,
        pacgan, sngan, r1, r3gan,
    )
}  # fmt: skip


def find(name: str) -> Recipe:
    """A recipe by its name or as `package.module:function` (the user's own code on the user's own machine).

    Raises BadInput with the nearest names.
    """
    if ":" in name:
        module, _, function = name.partition(":")
        try:
            return getattr(importlib.import_module(module), function)
        except (ImportError, AttributeError) as error:
            raise BadInput(
                f"recipe {name}: {error}; give it as package.module:function, importable from here"
            ) from None
    if name not in RECIPES:
        near = difflib.get_close_matches(name, RECIPES, 3, 0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(RECIPES)}"
        raise BadInput(f"there is no recipe {name!r}: {hint} (`ganvas recipes` describes them)")
    return RECIPES[name]


def resolve(recipe: Recipe, name: str, spec: Any, given: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """All arguments of `recipe` on this data, and why those that it chose itself are what they are.

    Raises BadInput for an argument the recipe does not have, with the nearest names.
    """
    known = defaults(recipe)
    for argument in given:
        if argument not in known:
            near = difflib.get_close_matches(argument, known, 3, 0.5)
            hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(known)}"
            raise BadInput(f"recipe {name} has no argument {argument!r}: {hint}")
    arguments = known | given
    for argument, value in given.items():
        check(recipe, argument, value, known[argument])
    settle = getattr(recipe, "settle", None)
    return settle(spec, arguments) if settle else (arguments, [])


def wanted(recipe: Recipe) -> Wants:
    """The data that a recipe is for."""
    return getattr(recipe, "wants", Wants())


def summary(recipe: Recipe) -> str:
    """The first line of a recipe's docstring."""
    return re.sub(r"\s+", " ", (recipe.__doc__ or "").strip().split("\n")[0])
