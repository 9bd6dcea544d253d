"""`ganvas show RECIPE`"""

from collections.abc import Sequence
from typing import Any

from ganvas.cli.parse import flags_of, options_of, parse, take_positional, typed
from ganvas.recipes import table
from ganvas.recipes.check import doubts

ABOUT = """What a recipe would do on this data, without training: its arguments as resolved, its networks, what a run costs,
what it needs. Takes the recipe's own arguments, as `ganvas train` does. RECIPE is a name from `ganvas recipes`, or
package.module:function; default auto."""


def show(*, data: str | None = None, size: str | int | None = None, images: int | None = None) -> None:
    """The dry run.

    Args:
        data: what to size the networks to: a name, a folder, a file; as for `ganvas train`; not given: what the recipe
            trains on by default
        size: side of the images, or HxW
        images: length of the run in real images seen
    """


def main(argv: Sequence[str]) -> int:
    name, rest = take_positional(argv, flags_of(show, *table.RECIPES.values()))
    recipe = table.find(name or "auto")
    groups = {"run": options_of(show), "recipe": options_of(recipe, leave_out=("data", "images"))}
    about = f"{ABOUT}\n\n{name or 'auto'}: {table.summary(recipe)}"
    options, arguments = parse(f"ganvas show {name or '[RECIPE]'}", about, groups, rest)
    meant = typed(rest)
    _show(name or "auto", recipe, options, {key: value for key, value in arguments.items() if key in meant})
    return 0


def _show(name: str, recipe: table.Recipe, options: dict[str, Any], given: dict[str, Any]) -> None:
    import inspect
    import re

    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from ganvas.plan import opened, told
    from ganvas.study import anatomy

    console = Console(highlight=False)
    source = opened(
        recipe, options["data"] or table.wanted(recipe).data, {"size": options["size"]} | told(recipe, given)
    )
    if options["images"]:
        given = given | {"images": options["images"]}
    arguments, reasons = table.resolve(recipe, name, source.spec, given)
    phases = recipe(source.spec, **arguments)
    about = inspect.cleandoc(recipe.__doc__ or "").split("Args:")[0].strip()
    about = re.sub(r"(?<!\n)\n(?!\n|\w+:)", " ", about)  # its sentences are broken anew, at this terminal's width
    console.print(f"[bold]{name}[/bold]\n\n{escape(about)}\n")

    spec = source.spec
    depth = {8: "8 bit", 16: "16 bit", 32: "float"}[spec.bits]
    count = f"{spec.n:,} training and {spec.held_out:,} held-out images" if spec.n else "endless"
    console.print(f"data: {spec.name}, {'×'.join(map(str, spec.shape))}, {depth}, {count}", markup=False)
    settings = Table("argument", "value", "default", title="arguments", title_justify="left", box=None, pad_edge=False)
    for key, value in arguments.items():
        default = table.defaults(recipe)[key]
        settings.add_row(key, _text(value), "" if value == default else _text(default))
    console.print(settings)
    for reason in [*reasons, *doubts(phases, source.spec)]:
        console.print(f"  {reason}")
    for phase in phases:
        console.print(f"\nneeds from the data: {', '.join(sorted(phase.game.needs))}")
        for player, rows in anatomy.layers(phase, spec).items():
            total = sum(p.numel() for p in phase.game.players[player].parameters())
            net = Table(
                "layer", "output", "parameters", title=f"{player}: {total:,} parameters", title_justify="left", box=None
            )
            for row in rows:
                net.add_row(row.name, row.shape, f"{row.parameters:,}" if row.parameters else "")
            console.print(net)
        cost = anatomy.cost(phase, spec)
        memory = (cost.activations * arguments["batch"] + cost.state) / 2**20
        console.print(
            f"training: {cost.flops / 1e9:.3f} GFLOP per real image, {cost.flops * phase.images / 1e12:,.1f} TFLOP "
            f"for {phase.images:,} images; about {memory:,.0f} MiB of memory beside the program and the data"
        )


def _text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
