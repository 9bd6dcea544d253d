"""`ganvas recipes`"""

from collections.abc import Sequence

from ganvas.cli.parse import parse
from ganvas.recipes import table

ABOUT = "List the recipes. `ganvas show RECIPE` tells all about one; `ganvas train RECIPE` trains it."


def main(argv: Sequence[str]) -> int:
    parse("ganvas recipes", ABOUT, {}, argv)
    width = max(map(len, table.RECIPES))
    for name, recipe in table.RECIPES.items():
        print(f"{name:<{width}}  {table.summary(recipe)}")
    print(f"\n{ABOUT}")
    return 0
