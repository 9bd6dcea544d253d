"""The ladder's table names its rows as somebody would type them."""

import sys
from pathlib import Path

import pytest

from ganvas.cli.main import main

sys.path.append(str(Path(__file__).parents[2] / "bench"))
from ladder import typed


@pytest.mark.parametrize(
    "recipe, arguments, words",
    [
        ("dcgan", {"conditional": True, "width": 4}, "--conditional --width 4"),
        ("auto", {"conditional": False, "width": 4}, "--no-conditional --width 4"),
        ("r3gan", {"gamma": [1.0, 0.5], "group_width": 8}, "--gamma 1.0 0.5 --group-width 8"),
    ],
)
def test_a_row_can_be_typed(recipe, arguments, words, capsys):
    found = [word for item in arguments.items() for word in typed(*item)]
    assert found == words.split() and main(["show", recipe, "--data", "digits", *found]) == 0, capsys.readouterr().err


def test_negative_control_python_is_no_command_line(capsys):
    assert main(["show", "dcgan", "--data", "digits", "--conditional", "True"]) == 2
    assert main(["show", "r3gan", "--data", "digits", "--gamma", "[1.0, 0.5]"]) == 2
