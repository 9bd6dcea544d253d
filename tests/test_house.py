"""The house rules: which room may carry from which, how long a file may be, what is public, what must stay light."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "ganvas"
FILES = sorted(PACKAGE.rglob("*.py"))

# each room and the rooms below it that it may import; rooms of one line never import each other
ORDER = [
    {"errors"},
    {"files", "luck"},
    {"play", "nets", "data", "measure"},
    {"training", "study"},
    {"recipes"},
    {"loading", "plan", "health"},
    {"watching", "judging", "preflight"},
    {"monitoring", "reporting", "healing"},
    {"loop"},
    {"labs"},
    {"cli"},
    {"__main__"},
]
LEVEL = {room: level for level, rooms in enumerate(ORDER) for room in rooms}


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(source: str) -> set[str]:
    """Rooms of ganvas that a source imports, inside functions too; annotations-only imports do not carry anything."""
    tree, found = ast.parse(source), set()
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("ganvas.")}
    return found & set(LEVEL)


def wrong(where: str, source: str) -> set[str]:
    return {other for other in imports(source) if other != where and LEVEL[other] >= LEVEL[where]}


@pytest.mark.parametrize("path", [p for p in FILES if room(p) in LEVEL], ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_one_way(path):
    assert not wrong(room(path), path.read_text())


def test_every_file_has_a_room():
    assert {room(p) for p in FILES} - set(LEVEL) == {"__init__"}


def test_negative_controls_of_the_layer_test():
    assert wrong("play", "from ganvas.nets.mlp import MLPGenerator") == {"nets"}
    assert wrong("training", "def f():\n    from ganvas import study") == {"study"}
    assert wrong("files", "import ganvas.loop") == {"loop"}
    assert not wrong("loop", "from ganvas.training.trainer import Trainer")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_are_short(path):
    assert len(path.read_text().splitlines()) <= 300


def with_around_yield(source: str) -> list[int]:
    """Lines of `with` statements that hold a yield, in functions named `round`."""
    rounds = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef) and n.name == "round"]
    withs = [w for f in rounds for w in ast.walk(f) if isinstance(w, ast.With | ast.AsyncWith)]
    return [w.lineno for w in withs if any(isinstance(x, ast.Yield | ast.YieldFrom) for x in ast.walk(w))]


def test_no_context_manager_spans_a_yield_of_a_round():
    """An autocast or no_grad context that outlives a step would silently change what is computed."""
    for path in (PACKAGE / "play").glob("*.py"):
        assert not with_around_yield(path.read_text()), path.name
    bad = "def round(self):\n    with torch.autocast('cpu'):\n        yield 1\n"
    assert with_around_yield(bad) == [2], "negative control"


def test_nothing_stores_or_loads_a_pickle():
    banned = re.compile(r"torch\.save|torch\.load\(|import (pickle|dill|joblib)|allow_pickle=True")
    allowed = {  # published weights, once their digest is the known one
        ("inception.py", '    state = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")'),
        ("vgg.py", '        state = torch.load(path, weights_only=True, map_location="cpu")'),
    }
    for path in FILES:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if (path.name, line) in allowed:
                continue
            assert not banned.search(line.split("#")[0]), f"{path.name}:{number}: {line}"
    assert banned.search("state = torch.load(path)"), "negative control"


def python(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


LIGHT = """
import sys
sys.argv = ["ganvas", *{arguments!r}]
try:
    from ganvas.cli.main import main
    main()
except SystemExit:
    pass
print([m for m in ("torch", "matplotlib", "PIL", "scipy") if m in sys.modules], file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["recipes"],
        ["train", "--help"],
        ["train", "dcgna"],
        ["train", "gan", "--lrr", "1"],
        ["sample", "--help"],
        ["show", "gan", "--help"],
        ["lab"],
        ["lab", "dirac", "--help"],
    ],
    ids=" ".join,
)
def test_help_and_spelling_errors_import_nothing_heavy(arguments):
    assert python(LIGHT.format(arguments=arguments)).stderr.splitlines()[-1] == "[]"


def test_the_list_of_public_names():
    code = "import ganvas; print(sorted(ganvas.__all__), callable(ganvas.train), callable(ganvas.load), callable(ganvas.train))"
    assert python(code).stdout.strip() == "['Run', 'load', 'train'] True True True"
