"""The recipes by name, and how a name given by a user becomes one. Imports nothing heavy."""

import difflib
import importlib
import inspect
import math
import re
from collections.abc import Callable
from typing import Any, get_args

from ganvas.errors import BadInput
from ganvas.recipes.auto import auto
from ganvas.recipes.common import AugmentName, LossName, ScheduleName
from ganvas.recipes.conditional import acgan, cgan
from ganvas.recipes.dcgan import dcgan, dcgan_upsample
from ganvas.recipes.mlp import gan, gan_2014, gan_dropout, gan_leaky
from ganvas.recipes.r3gan import r3gan
from ganvas.recipes.smooth import r1, sngan
from ganvas.recipes.vae import vae
from ganvas.recipes.variants import dragan, lsgan, pacgan
from ganvas.recipes.wasserstein import wgan, wgan_gp

Recipe = Callable[..., list]

# the default, then the field in the order in which it came about
RECIPES: dict[str, Recipe] = {
    recipe.__name__: recipe
    for recipe in (
        auto, vae, gan_2014, gan, gan_dropout, gan_leaky, cgan, dcgan, dcgan_upsample, lsgan, acgan, wgan, wgan_gp, dragan,
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


def defaults(recipe: Recipe) -> dict[str, Any]:
    """The recipe's keyword arguments with their defaults: its configuration."""
    parameters = list(inspect.signature(recipe).parameters.values())[1:]
    return {p.name: p.default for p in parameters}


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
        _check(argument, value, known[argument])
    settle = getattr(recipe, "settle", None)
    return settle(spec, arguments) if settle else (arguments, [])


def _check(name: str, value: Any, default: Any) -> None:
    """Raises BadInput for a name or number no argument of a recipe can mean: counts are above 0, all else finite, ≥ 0."""
    option = f"--{name.replace('_', '-')}"
    choices = {"loss": LossName, "schedule": ScheduleName, "augment": AugmentName}
    names = get_args(choices[name]) if name in choices else ()
    if names and value not in names:
        near = difflib.get_close_matches(str(value), names, 2, 0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names)}"
        raise BadInput(f"{option} {value!r} is unknown: {hint}")
    if isinstance(default, tuple) and not value:
        raise BadInput(f"{option} needs at least one number")
    for number in value if isinstance(value, tuple | list) else (value,):
        kind = default[0] if isinstance(default, tuple) else number if default is None else default
        if isinstance(number, bool) or not isinstance(number, int | float) or isinstance(kind, bool | str):
            continue
        if isinstance(kind, int) and not (isinstance(number, int) and number > 0):
            raise BadInput(f"{option} must be a whole number above 0, not {number!r}")
        if not (math.isfinite(number) and number >= 0) or (name == "lr" and number == 0):
            raise BadInput(f"{option} must be a number {'above' if name == 'lr' else 'from'} 0, not {number!r}")
        if name in ("dropout", "momentum", "warm_up") and number >= 1:
            raise BadInput(f"{option} is a share, below 1, not {number!r}")


def summary(recipe: Recipe) -> str:
    """The first line of a recipe's docstring."""
    return re.sub(r"\s+", " ", (recipe.__doc__ or "").strip().split("\n")[0])
