"""`ganvas train [RECIPE] …`"""

from collections.abc import Sequence
from typing import Any

from ganvas.cli.parse import flags_of, options_of, parse, take_positional
from ganvas.loop import train
from ganvas.recipes import table

ABOUT = """Train RECIPE (a name from `ganvas recipes`, or package.module:function; default auto) on DATA.
The same command again resumes. Ctrl-C stops after the step, with a checkpoint."""


def main(argv: Sequence[str]) -> int:
    name, rest = take_positional(argv, flags_of(train, *table.RECIPES.values()))
    recipe = table.find(name or "auto")
    groups = {
        "run": options_of(train, leave_out=("recipe", "arguments")),
        "recipe": options_of(recipe, leave_out=("data", "images")),
    }
    about = f"{ABOUT}\n\n{name or 'auto'}: {table.summary(recipe)}"
    run, chosen = parse(f"ganvas train {name or ''}".strip(), about, groups, rest)
    known = table.defaults(recipe)
    given = {key: value for key, value in chosen.items() if value != known[key]}
    _own_the_process()
    done = train(name or "auto", **run, **given)
    return 0 if done.finished else 130


def _own_the_process() -> None:
    """Keep freed memory: glibc hands every big tensor back to the system and asks again, page by page, each step."""
    import ctypes
    import sys

    if sys.platform != "linux":
        return
    try:
        mallopt: Any = ctypes.CDLL(None).mallopt
        for parameter, value in (
            (-4, 0),
            (-1, 2**31 - 1),
            (-2, 256 * 2**20),
        ):  # M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD
            mallopt(parameter, value)
    except (OSError, AttributeError):  # another C library
        return
