"""The README's commands, run as a newcomer would type them, with shorter lengths."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganvas import monitoring, watching
from ganvas.cli.main import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.S)
COMMANDS = [
    line.split("#")[0].strip()
    for kind, text in BLOCKS
    if kind == "sh"
    for line in text.splitlines()
    if line.startswith("ganvas ")
]
SHORT_LABS = {
    "density": ["--rounds", "20"],
    "divergence": [],
    "dirac": ["--rounds", "10"],
    "modes": ["--recipes", "gan_leaky", "--seeds", "1", "--images", "1000"],
    "explicit": ["--images", "640", "--width", "4"],
}
PYTHON = [text for kind, text in BLOCKS if kind == "python"]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """An empty folder with own photos of odd kinds."""
    folder = tmp_path_factory.mktemp("desk")
    photos = folder / "my" / "photos"
    for name in ("cats", "dogs"):
        (photos / name).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(24):
        pixels = rng.integers(0, 255, (int(rng.integers(60, 120)), int(rng.integers(60, 120)), 3), dtype=np.uint8)
        Image.fromarray(pixels).convert(["RGB", "L", "CMYK"][i % 3]).save(
            photos / ("cats", "dogs")[i % 2] / f"{i}.{['png', 'jpg', 'tif'][i % 3]}"
        )
    for name, side in (("drawing.png", 40), ("small.jpg", 30), ("photo.png", 50)):
        Image.fromarray(rng.integers(0, 255, (side, side), dtype=np.uint8)).save(folder / name)
    return folder


def shorter(text: str) -> str:
    return (
        re.sub(r"--minutes \S+|--epochs \S+", "--images 64", text)
        .replace("20_000", "64")
        .replace("width=32", "width=4")
    )


def test_there_are_commands_to_test():
    assert len(COMMANDS) >= 5 and len(PYTHON) == 1


def test_readme_commands_run_in_order(desk, monkeypatch, capsys):
    monkeypatch.chdir(desk)
    monkeypatch.setattr(monitoring, "AUTO", 100)
    monkeypatch.setattr(watching, "SHEETS", 2)
    for command in COMMANDS:
        argv = shlex.split(shorter(command))[1:]
        if argv[0] == "train" and "--resume" not in argv:
            argv += ["--threads", "1", "--batch", "8"] + ([] if "--images" in argv else ["--images", "64"])
            argv += [] if "cgan" in argv else ["--width", "4", *(["4"] if "stackgan_small" in argv else [])]
            argv += ["--size", "48"] if "srgan_small" in argv else []  # the photos here are small
        argv += ["-n", "100"] if argv[:2] in (["evaluate", "runs/demo"], ["evaluate", "runs/cgan"]) else []
        argv += SHORT_LABS[argv[1]] if argv[0] == "lab" else []
        assert main(argv) == 0, (command, capsys.readouterr().err)
    assert (desk / "sheet.png").exists() and (desk / "runs" / "demo" / "report.html").exists()


def test_readme_python_runs(desk):
    done = subprocess.run([sys.executable, "-c", shorter(PYTHON[0])], cwd=desk, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_make_demo_is_the_readmes_command():
    makefile = (ROOT / "Makefile").read_text()
    assert "$(BIN)/ganvas train --data digits --minutes 3 --run $(RUN)" in makefile
    assert "ganvas train --data digits --minutes 3 --run runs/demo" in COMMANDS


def test_every_recipe_is_in_the_readme_and_no_other():
    from ganvas.recipes.table import RECIPES

    assert re.findall(r"^\| `(\w+)` \|", README, re.M) == list(RECIPES)


def test_pictures_and_files_the_readme_names_exist():
    for path in re.findall(r"\]\((docs/[^)]+)\)", README) + re.findall(r"(?<![\w/])docs/\w+\.md", README):
        assert (ROOT / path).exists(), path
