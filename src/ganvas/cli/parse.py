"""From Python signatures to command lines: a function's arguments, their types and their docstring are its options."""

import dataclasses
import inspect
import sys
import typing
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

import docstring_parser
import tyro


def options_of(function: Callable[..., Any], leave_out: Iterable[str] = ()) -> list[tuple[str, Any, Any]]:
    """(name, annotated type, field) of each keyword argument, with its help from the docstring."""
    left_out = set(leave_out)
    hints = _hints(function, left_out)
    helps = {p.arg_name: p.description for p in docstring_parser.parse(function.__doc__ or "").params}
    fields = []
    for p in inspect.signature(function).parameters.values():
        if p.kind is p.VAR_KEYWORD or p.name in left_out:
            continue
        text = " ".join((helps.get(p.name) or "").split())
        kind = hints.get(p.name, type(p.default))
        aliases = ["-n"] if p.name == "n" else None
        optional = {"metavar": _metavar(kind), "help_behavior_hint": ""} if p.default is None else {}
        annotated = Annotated[kind, tyro.conf.arg(help=text, aliases=aliases, **optional)]
        default = dataclasses.MISSING if p.default is p.empty else p.default
        fields.append((p.name, annotated, dataclasses.field(default=default)))
    return fields


def parse(
    command: str, about: str, groups: dict[str, list[tuple[str, Any, Any]]], argv: Sequence[str]
) -> list[dict[str, Any]]:
    """One dictionary of values a group; the groups are boxes of `--help`. Exits with tyro's own message on a mistake."""
    kinds = {title: dataclasses.make_dataclass(title, fields) for title, fields in groups.items()}

    def gather(**values: Any) -> list[Any]:
        return [values[title] for title in kinds]

    gather.__signature__ = inspect.Signature(
        [inspect.Parameter(title, inspect.Parameter.KEYWORD_ONLY, annotation=kind) for title, kind in kinds.items()]
    )
    gather.__annotations__ = dict(kinds)
    gather.__doc__ = about
    config = (tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff)
    found = tyro.cli(gather, prog=command, description=about, args=list(argv), config=config)
    return [{f.name: getattr(group, f.name) for f in dataclasses.fields(group)} for group in found]


def take_positional(argv: Sequence[str], flags: Iterable[str]) -> tuple[str | None, list[str]]:
    """The first argument that is neither an option nor an option's value, and the rest.

    `flags` are the options that take no value; all others take one (or numbers, for tuples), so that a recipe's name
    may stand on either side of the options.
    """
    flags, rest, found, i = set(flags), [], None, 0
    while i < len(argv):
        word = argv[i]
        rest.append(word)
        i += 1
        if word.startswith("-") and not _number(word):
            name = word.lstrip("-").replace("-", "_")
            if "=" not in word and name not in flags and name.removeprefix("no_") not in flags and i < len(argv):
                rest.append(argv[i])
                i += 1
                while i < len(argv) and _number(argv[i]):  # the further values of a tuple
                    rest.append(argv[i])
                    i += 1
        elif found is None:
            found = rest.pop()
    return found, rest


def flags_of(*functions: Callable[..., Any]) -> set[str]:
    """The options that take no value: boolean arguments, and help."""
    named = {p.name for f in functions for p in inspect.signature(f).parameters.values() if isinstance(p.default, bool)}
    return named | {"help", "h"}


def _metavar(kind: Any) -> str:
    """ "FLOAT" for `float | None`: what is not given needs no word on the command line."""
    parts = [part.__name__ for part in typing.get_args(kind) if part is not type(None)]
    return "|".join(dict.fromkeys(part.upper() for part in parts if part != "Path")) or "VALUE"


def _number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _hints(function: Callable[..., Any], left_out: set[str]) -> dict[str, Any]:
    """The annotations, evaluated one by one: those left out may name what is imported for type checkers only."""
    scope = {**vars(typing), **sys.modules[function.__module__].__dict__}
    notes = {name: note for name, note in function.__annotations__.items() if name not in left_out}
    return {
        n: eval(note, scope) if isinstance(note, str) else note
        for n, note in notes.items()
        if n != "return" and n != "arguments"
    }
