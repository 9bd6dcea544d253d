"""From Python signatures to command lines: a function's arguments, their types and their docstring are its options."""

import contextlib
import dataclasses
import difflib
import inspect
import io
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

import docstring_parser
import tyro

from ganvas.cli.examples import EXAMPLES
from ganvas.errors import BadInput

Field = tuple[str, Any, Any]  # name, annotated type, dataclass field with its default


def options_of(function: Callable[..., Any], leave_out: Iterable[str] = ()) -> list[Field]:
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
        # what is not given, or off, needs no word on its default
        quiet = {"help_behavior_hint": ""} if p.default is None or p.default is False else {}
        optional = quiet | ({"metavar": _metavar(kind, p.name)} if p.default is None else {})
        called = {"name": p.name[:-1]} if p.name.endswith("_") else {}  # class_ is --class
        annotated = Annotated[kind, tyro.conf.arg(help=text, aliases=aliases, **called, **optional)]
        default = dataclasses.MISSING if p.default is p.empty else p.default
        fields.append((p.name, annotated, dataclasses.field(default=default)))
    return fields


def parse(command: str, about: str, groups: dict[str, list[Field]], argv: Sequence[str]) -> list[dict[str, Any]]:
    """One dictionary of values a group; the groups are boxes of `--help`. Raises BadInput, one line, on a mistake."""
    asks_help = any(word in ("-h", "--help") for word in argv)
    line = " ".join(word for word in command.split() if word.islower())  # without RUN or [RECIPE]
    if not asks_help and (mistake := _mistake(line, [field for fields in groups.values() for field in fields], argv)):
        raise BadInput(f"{mistake} (`{line} --help` explains)")
    kinds = {title: dataclasses.make_dataclass(title, fields) for title, fields in groups.items()}

    def gather(**values: Any) -> list[Any]:
        return [values[title] for title in kinds]

    gather.__signature__ = inspect.Signature(
        [inspect.Parameter(title, inspect.Parameter.KEYWORD_ONLY, annotation=kind) for title, kind in kinds.items()]
    )
    gather.__annotations__ = dict(kinds)
    gather.__doc__ = about
    config = (tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff)
    said = io.StringIO()
    try:
        with contextlib.nullcontext() if asks_help else contextlib.redirect_stderr(said):
            words = _spelled_out([field for fields in groups.values() for field in fields], argv)
            found = tyro.cli(gather, prog=command, description=about, args=words, config=config)
    except SystemExit as end:
        if not asks_help:  # what only tyro can judge, as the types of a user's own recipe
            box = re.sub("[╭╮╰╯│─]", " ", said.getvalue().partition("\n")[2])
            words = " ".join(box.split()).partition("For full helptext")[0].strip()
            raise BadInput(f"{words or 'the options are not understood'} (`{line} --help` explains)") from None
        if not end.code and (examples := EXAMPLES.get(line.split()[1])):
            print(f"examples\n{inspect.cleandoc(examples)}".replace("\n", "\n  "))
        raise
    return [{f.name: getattr(group, f.name) for f in dataclasses.fields(group)} for group in found]


def _mistake(line: str, fields: list[Field], argv: Sequence[str]) -> str | None:
    """The first thing in `argv` that these options do not take, in one sentence that names what is meant."""
    flags = _switches(fields)
    kinds = {_dashed(name): typing.get_args(note)[0] for name, note, _ in fields if not _switch(note)}
    i = 0
    while i < len(argv):
        word, equals, value = argv[i].partition("=")
        i += 1
        if not word.startswith("-") or _number(word):
            return f"{argv[i - 1]!r} is one word too many"
        option = "--n" if word == "-n" and "--n" in kinds else word.replace("_", "-")
        if option in flags:
            if equals:
                return f"{word} takes no value: leave {'=' + value!r} out"
            continue
        if option not in kinds:
            near = difflib.get_close_matches(
                option.lstrip("-"), [name[2:] for name in ("--help", *kinds, *flags)], 2, 0.6
            )
            hint = f": did you mean {' or '.join(f'--{name}' for name in near)}?" if near else ""
            return f"{line.partition(' ')[2]} has no option {word}{hint}"
        kind = kinds[option]
        several = _several(kind)
        values = [value] if equals else []
        while i < len(argv) and not equals and (several or not values):
            if argv[i].startswith("-") and not _number(argv[i]):
                break
            values.append(argv[i])
            i += 1
        if not values:
            return f"{word} needs a value{_meant(kind) and ': ' + _meant(kind)}"
        if (wanted := _length(kind)) and len(values) != wanted:
            return f"{word} takes {wanted} {_meant(kind) or 'values'}, not {len(values)}"
        if wrong := next((value for value in values if not _fits(value, kind)), None):
            choices = [str(choice) for choice in _members(kind) if isinstance(choice, str)]
            near = difflib.get_close_matches(wrong, choices, 2, 0.4)
            hint = f"did you mean {' or '.join(near)}?" if near else f"it takes {_meant(kind) or 'another type'}"
            return f"{word} cannot be {wrong!r}: {hint}"
    return None


def _switch(kind: Any) -> bool:
    """Whether an option of this type takes no value: on or off, or `bool | None`, on or off or not given."""
    if typing.get_origin(kind) is Annotated:
        kind = typing.get_args(kind)[0]
    return kind is bool or (typing.get_origin(kind) in (typing.Union, types.UnionType) and _members(kind) == [bool])


def _switches(fields: list[Field]) -> set[str]:
    """The options without a value: those that change their default."""
    switches = [(name, f.default) for name, note, f in fields if _switch(note)]
    on = {_dashed(name) for name, default in switches if default is not True}
    return on | {_dashed(f"no_{name}") for name, default in switches if default is not False}


def _spelled_out(fields: list[Field], argv: Sequence[str]) -> list[str]:
    """`argv` with a value after each switch that may be left open, as tyro wants it: --x as --x True, --no-x as --x False."""
    opened = {_dashed(name) for name, note, f in fields if _switch(note) and f.default is None}
    words = []
    for word in argv:
        option = word.replace("_", "-")
        name = option if option in opened else option.replace("--no-", "--", 1)
        words += [name, str(name == option)] if name in opened else [word]
    return words


def _members(kind: Any) -> list[Any]:
    """The types, and for a Literal the values, that an option takes: of a union, a tuple or itself."""
    origin = typing.get_origin(kind)
    if origin is typing.Literal:
        return list(typing.get_args(kind))
    if origin in (tuple, list, typing.Union, types.UnionType):
        return [m for part in typing.get_args(kind) if part not in (..., type(None)) for m in _members(part)]
    return [kind]


def _fits(value: str, kind: Any) -> bool:
    """Whether this word may be read as this type; what is neither number nor choice is left to tyro."""
    return any(
        _number(value, member) if member in (int, float) else value == member if isinstance(member, str) else True
        for member in _members(kind)
    )


def _several(kind: Any) -> bool:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return any(map(_several, typing.get_args(kind)))
    return origin not in (None, typing.Literal)


def _length(kind: Any) -> int:
    """How many values a tuple of a fixed length takes; 0 for anything else."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return max(map(_length, typing.get_args(kind)))
    fixed = typing.get_origin(kind) is tuple and ... not in typing.get_args(kind)
    return len(typing.get_args(kind)) if fixed else 0


def _meant(kind: Any) -> str:
    members = set(_members(kind))
    if all(isinstance(member, str) for member in members):
        return f"one of {', '.join(_members(kind))}"
    words = {int: "whole number", float: "number"}
    if len(members) == 1 and members <= words.keys():
        word = words[members.pop()]
        return f"{word}s" if _several(kind) else f"a {word}"
    return ""


def _dashed(name: str) -> str:
    return f"--{name.rstrip('_').replace('_', '-')}"


def typed(argv: Sequence[str]) -> set[str]:
    """The names of the options that stand in `argv`: a default that is typed is meant, one that is not may give way."""
    names = {word.partition("=")[0][2:].replace("-", "_") for word in argv if word.startswith("--")}
    return names | {name.removeprefix("no_") for name in names}


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
        if word.startswith("-") and word != "-" and not _number(word):
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
    notes = {name: note for f in functions for name, note in f.__annotations__.items() if "bool" in str(note)}
    return {name for name, note in notes.items() if _switch(eval(note) if isinstance(note, str) else note)} | {
        "help",
        "h",
    }


def _metavar(kind: Any, name: str) -> str:
    """ "FLOAT" for `float | None`, "{a,b}" for a Literal: what is not given needs no word on the command line."""
    if _switch(kind):
        return f"| {_dashed(f'no_{name}')}"
    parts = [part for part in typing.get_args(kind) if part is not type(None)]
    if choices := [str(choice) for part in parts for choice in _members(part) if typing.get_args(part)]:
        return f"{{{','.join(choices)}}}"
    return "|".join(dict.fromkeys(part.__name__.upper() for part in parts if part.__name__ != "Path")) or "VALUE"


def _number(word: str, kind: type = float) -> bool:
    try:
        kind(word)
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
