"""One action for a diagnosis: the one argument that this run has and that most likely did it, and the line to type."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ganvas.data.source import DataSpec
from ganvas.errors import BadInput
from ganvas.recipes import table
from ganvas.study.commands import onward, sibling
from ganvas.study.diagnosis import Action, Evidence
from ganvas.study.equilibrium import Run, record
from ganvas.study.log import number


class Cure(NamedTuple):
    """Multiply an argument, or set it. One that was set beyond the recipe's own value in the harmful direction goes back
    to that instead."""

    argument: str
    times: float = 1.0
    to: Any = None
    like: str = ""  # only where it is this
    back: bool = False  # only back to the recipe's own


# what helps, the likeliest first; of these the first argument that was set off its default wins, else the first there is
CURES: dict[str, tuple[Cure, ...]] = {
    "numerically_sick": (Cure("lr", 1 / 5),),
    "discriminator_dead": (Cure("clip", 10), Cure("gamma", 1 / 3), Cure("penalty", 1 / 3), Cure("lr", 3)),
    "vanishing_gradient": (
        Cure("loss", to="non_saturating", like="minimax"), Cure("clip", 10), Cure("gamma", 3), Cure("penalty", 3),
        Cure("lr", 1 / 3),
    ),
    "discriminator_winning": (
        Cure("loss", to="non_saturating", like="minimax"), Cure("gamma", 3), Cure("penalty", 3), Cure("n_critic", 1 / 2),
        Cure("augment", to="diffaugment", like="none"), Cure("lr", 1 / 3),
    ),
    "posterior_collapse": (Cure("sigma", 1 / 2), Cure("beta", 1 / 2)),
    "collapsing": (
        Cure("latent", 4, back=True), Cure("width", 4, back=True), Cure("gamma", 3), Cure("penalty", 3),
        Cure("loss", to="relativistic", like="non_saturating"), Cure("lr", 1 / 3),
    ),
    "overfitting": (Cure("augment", to="diffaugment", like="none"), Cure("gamma", 3), Cure("penalty", 3), Cure("dropout", 1.5)),
    "oscillating": (Cure("lr", 1 / 3), Cure("beta1", 0.0), Cure("gamma", 3), Cure("penalty", 3)),
    "evaluation_artefact": (Cure("ema", 1 / 2),),
    "memorising": (Cure("augment", to="diffaugment", like="none"),),
}  # fmt: skip
ANEW = {
    "discriminator_dead",
    "vanishing_gradient",
    "posterior_collapse",
    "collapsing",
}  # whose weights are worth nothing
FAR = 20.0  # times the recipe's own value, or a part of it: nobody's fine tuning
NETWORKS = {"latent", "width", "widths", "d_widths", "dropout", "units"}  # a change of which needs new weights


def remedy(name: str, run: Run, folder: Path | None, evidence: Sequence[Evidence] = ()) -> Action:
    """What to do about this diagnosis."""
    place, source = shlex.quote(str(folder or "RUN")), shlex.quote(str(record(run, "data").get("source") or "DATA"))
    if name == "data_problem":
        return Action(f"data.{evidence[0].id}" if evidence else "data", f"ganvas doctor --data {source}")
    if name == "misbuilt":
        return Action("misbuilt")
    if name in ("learning", "early", "healthy"):
        return Action(name, onward(run, place, _finished(run, folder)))
    if name == "converged":
        return Action(name, f"ganvas evaluate {place}")
    if name == "numerically_sick" and record(run, "circumstances").get("precision") == "bf16":
        return Action("fp32", f"ganvas train --resume {place} --precision fp32")
    changes = _changes(CURES.get(name, ()), run)
    if not changes:
        return Action(name)
    wild = bool(evidence) and evidence[0].id in ("wild", "jump")  # finite, and so kept in every checkpoint
    if wild or name in ANEW or set(changes) & NETWORKS:
        return Action("slower" if wild else name, f"{_anew(run, place, source, changes)} {_options(changes)}", changes)
    length = {"images": run["images"]} if run.get("images") else {}
    line = f"ganvas train --resume {place} --fork {sibling(place)} {_options(length | changes)}"
    return Action(name, line, changes)


def _finished(run: Run, folder: Path | None) -> bool:
    from ganvas.study.log import read_log

    rows = read_log(folder / "log.jsonl") if folder is not None else []
    return bool(rows) and rows[-1]["images"] >= number(run.get("length", run.get("images")))


def _changes(cures: Sequence[Cure], run: Run) -> dict[str, Any]:
    """The argument to change, as {its name: its new value}; {} where the recipe has none of them."""
    arguments, own = record(run, "arguments"), _own(run)
    if cures and (suspect := _far_off(arguments, own)):
        return suspect
    able = [cure for cure in cures if cure.argument in arguments and _new(cure, arguments, own) is not None]
    off = [cure for cure in able if arguments[cure.argument] != own.get(cure.argument, arguments[cure.argument])]
    for cure in (*[c for c in off if _harmful(c, arguments, own)], *able):
        return {cure.argument: _new(cure, arguments, own)}
    return {}


def _far_off(arguments: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """A learning rate or clip that was set far from the recipe's own is the first suspect, and goes back; else {}."""
    for name in ("lr", "clip"):
        value, usual = _size(arguments.get(name)), _size(own.get(name))
        if usual > 0 and value > 0 and max(value / usual, usual / value) >= FAR:
            return {name: own[name]}
    return {}


def _own(run: Run) -> dict[str, Any]:
    """The recipe's own values on this data; {} for a recipe that cannot be found here."""
    try:
        recipe = table.find(str(run.get("recipe")))
        spec = DataSpec.from_json(record(run, "data", "spec")) if hasattr(recipe, "settle") else None
        return table.resolve(recipe, str(run.get("recipe")), spec, {})[0]
    except (BadInput, TypeError, ValueError, KeyError):
        return {}


def _harmful(cure: Cure, arguments: Any, own: Any) -> bool:
    """Was it set beyond the recipe's own value, away from where the cure goes?"""
    value, usual = _size(arguments[cure.argument]), _size(own[cure.argument])
    if cure.to is not None:
        return True
    return (value > usual) if cure.times < 1 else (value < usual)


def _new(cure: Cure, arguments: Any, own: Any) -> Any:
    """The argument's new value; None where the cure does not apply."""
    value, usual = arguments[cure.argument], own.get(cure.argument)
    if cure.to is not None:
        return cure.to if value == cure.like else None
    if not math.isfinite(_size(value)):
        return None
    if math.isfinite(_size(usual)) and value != usual and _harmful(cure, arguments, own):
        return usual
    if cure.back:
        return None
    if isinstance(value, list | tuple):
        return tuple(_times(v, cure.times) for v in value)
    return _times(value, cure.times)


def _times(value: float, times: float) -> float | None:
    if isinstance(value, int):
        new = max(1, round(value * times))
        return new if new != value else None
    return float(f"{value * times:.2g}") if value else (1.0 if times > 1 else None)


def _size(value: Any) -> float:
    if isinstance(value, list | tuple) and value:
        return max(map(_size, value))
    return number(value) if not isinstance(value, bool) else math.nan


def _anew(run: Run, place: str, source: str, changes: dict[str, Any]) -> str:
    """The command of this run, for another folder, without what is changed."""
    own, arguments, options = _own(run), dict(record(run, "arguments")), record(run, "data", "options")
    said = {
        k: v
        for k, v in arguments.items()
        if k not in changes and k in own and own[k] is not None and _differs(v, own[k])
    }
    said |= {k: run[k] for k in ("images",) if run.get(k)} | {k: options[k] for k in ("size", "flip") if options.get(k)}
    said |= {"seed": run["seed"]} if run.get("seed") else {}
    return f"ganvas train {run.get('recipe')} --data {source} --run {sibling(place)} {_options(said)}"


def _differs(a: Any, b: Any) -> bool:
    return (list(a) if isinstance(a, list | tuple) else a) != (list(b) if isinstance(b, list | tuple) else b)


def _options(values: dict[str, Any]) -> str:
    """{"lr": 1e-4, "flip": True} → "--lr 0.0001 --flip"."""
    words = []
    for key, value in values.items():
        name = key.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{name}" if value else f"--no-{name}")
        elif isinstance(value, list | tuple):
            words.append(f"--{name} {' '.join(f'{v:g}' if isinstance(v, float) else str(v) for v in value)}")
        elif value is not None:
            words.append(f"--{name} {value:g}" if isinstance(value, float) else f"--{name} {shlex.quote(str(value))}")
    return " ".join(words)
