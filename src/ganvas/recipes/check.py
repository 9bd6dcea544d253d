"""What no argument of a recipe can mean is refused by name, before anything is built; what is rarely meant is said."""

from __future__ import annotations

import difflib
import math
import sys
import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from ganvas.errors import BadInput
from ganvas.recipes.common import POINT_G, points

if TYPE_CHECKING:
    from ganvas.data.source import DataSpec
    from ganvas.play.game import Optimizer, Phase

ABOVE_ZERO = {"lr", "clip", "max_norm", "lr_decay"}
OR_NONE = {"halvings", "pool"}  # counts that may be 0
SHARES = {"dropout", "momentum", "warm_up", "beta1", "beta2"}  # below 1


def check(recipe: Callable[..., Any], name: str, value: Any, default: Any) -> None:
    """Raises BadInput for a name, a count or a number that cannot be meant: counts are above 0, but for those of `OR_NONE`,
    all else is finite and ≥ 0."""
    option, kind = f"--{name.replace('_', '-')}", _kind(recipe, name)
    parts = (kind, *get_args(kind))
    names = [choice for part in parts if get_origin(part) is Literal for choice in get_args(part)]
    if names and value is not None and value not in names:
        names = [str(choice) for choice in names]
        near = difflib.get_close_matches(str(value), names, 2, 0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names)}"
        raise BadInput(f"{option} {value!r} is unknown: {hint}")
    lengths = [len(get_args(part)) for part in parts if get_origin(part) is tuple and Ellipsis not in get_args(part)]
    if lengths and value is not None and (not isinstance(value, tuple | list) or len(value) != lengths[0]):
        raise BadInput(f"{option} takes {lengths[0]} numbers, not {value!r}")
    if isinstance(default, tuple) and not value:
        raise BadInput(f"{option} needs at least one number")
    if default is None and float in parts:
        default = 0.0  # chosen by the data where it is not given: a number, also when 0 is given without its point
    for number in value if isinstance(value, tuple | list) else (value,):
        _number(option, name, number, default[0] if isinstance(default, tuple) else default)


def _number(option: str, name: str, number: Any, default: Any) -> None:
    like = number if default is None else default
    if isinstance(number, bool) or not isinstance(number, int | float) or isinstance(like, bool | str):
        return
    least = 0 if name in OR_NONE else 1
    if isinstance(like, int) and not (isinstance(number, int) and number >= least):
        raise BadInput(f"{option} must be a whole number {'above' if least else 'from'} 0, not {number!r}")
    if not (math.isfinite(number) and number >= 0) or (name in ABOVE_ZERO and number == 0):
        raise BadInput(f"{option} must be a number {'above' if name in ABOVE_ZERO else 'from'} 0, not {number!r}")
    if name in SHARES and number >= 1:
        raise BadInput(f"{option} is a share, below 1, not {number!r}")


def doubts(phases: list[Phase], spec: DataSpec) -> list[str]:
    """What is allowed and rarely meant, a sentence each, as it shows in the games that were built."""
    from ganvas.play.losses import LOSSES
    from ganvas.play.penalties import ClipWeights

    said = []
    for phase in phases:
        game = phase.game
        if points(spec) and POINT_G.items() <= getattr(game.players["G"], "config", {}).items():
            said.append(
                "points, not pictures: both players are a few fully connected layers of 128, widths and nets do nothing"
            )
        if getattr(game, "loss", None) is LOSSES["wasserstein"] and not _bounded(game):
            said.append(
                "warning: nothing bounds this critic's slope, and without a bound the wasserstein loss has no meaning: "
                "wgan and wgan_gp are made for it"
            )
        if isinstance(getattr(game, "constraint", None), ClipWeights) and (
            momentum := _momentum(phase.optimizers["D"])
        ):
            said.append(
                f"warning: momentum ({momentum:g}) makes the training of a critic with clipped weights unstable (Arjovsky "
                "et al. 2017, section 4); the paper uses RMSprop without any"
            )
    return list(dict.fromkeys(said))


def _bounded(game: Any) -> bool:
    """Does a penalty, a constraint or a norm of its weights keep D from growing as steep as it likes?"""
    from torch.nn.utils.parametrize import is_parametrized

    from ganvas.play.penalties import free

    return (
        bool(game.penalties)
        or getattr(game, "constraint", free) is not free
        or any(map(is_parametrized, game.D.modules()))
    )


def _momentum(optimizer: Optimizer) -> float:
    """Of Adam its β1."""
    import torch

    settings = optimizer.build([torch.nn.Parameter(torch.zeros(1))]).defaults
    return settings["betas"][0] if "betas" in settings else settings.get("momentum", 0.0)


def _kind(recipe: Callable[..., Any], name: str) -> Any:
    """The annotation of one argument, evaluated alone: `data` names what is imported for type checkers only."""
    note = getattr(recipe, "__annotations__", {}).get(name)
    if not isinstance(note, str):
        return note
    try:
        return eval(note, {**vars(typing), **vars(sys.modules[recipe.__module__])})
    except NameError:
        return None
