"""`ganvas lab NAME …`"""

import difflib
import importlib
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from ganvas.cli.parse import flags_of, options_of, parse, take_positional
from ganvas.errors import BadInput

# each module has a function `lab`, whose keyword arguments are the options and whose docstring is the help
LABS = {
    "density": "ganvas.labs.density",
    "divergence": "ganvas.labs.divergence",
    "dirac": "ganvas.labs.dirac",
    "modes": "ganvas.labs.modes",
    "explicit": "ganvas.labs.explicit",
}


def main(argv: Sequence[str]) -> int:
    labs = {name: _lab(name) for name in LABS}
    name, rest = take_positional(argv, flags_of(*labs.values()))
    if name is None:
        width = max(map(len, labs))
        which = "\n".join(f"{name:<{width}}  {_first_line(lab)}" for name, lab in labs.items())
        about = "Theory made visible, exact and cheap. `ganvas lab NAME --help` tells more."
        parse("ganvas lab NAME", f"{about}\n\n{which}", {}, rest)
        print(which)
        return 0
    if name not in labs:
        near = difflib.get_close_matches(name, labs, 2, 0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(labs)}"
        raise BadInput(f"there is no lab {name!r}: {hint}")
    about = inspect.cleandoc(labs[name].__doc__ or "").split("Args:")[0].strip()
    (options,) = parse(f"ganvas lab {name}", about, {"lab": options_of(labs[name])}, rest)
    labs[name](**options)
    return 0


def _lab(name: str) -> Callable[..., Any]:
    return importlib.import_module(LABS[name]).lab


def _first_line(lab: Callable[..., Any]) -> str:
    return inspect.cleandoc(lab.__doc__ or "").partition("\n")[0]
