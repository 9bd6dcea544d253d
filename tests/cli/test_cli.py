"""The commands as a user types them."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from ganvas.cli.main import main
from ganvas.cli.parse import flags_of, take_positional
from ganvas.loop import train
from ganvas.recipes import table
from tests.conftest import strokes

TOY = [
    "--widths",
    "16",
    "24",
    "--d-widths",
    "24",
    "16",
    "--latent",
    "4",
    "--batch",
    "8",
    "--images",
    "64",
    "--threads",
    "1",
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    np.save(folder / "strokes.npy", strokes())
    data = str(folder / "strokes.npy")
    assert main(["train", "gan", "--data", data, "--run", str(folder / "run"), *TOY]) == 0
    return folder / "run"


def test_a_recipes_name_may_stand_on_either_side():
    flags = flags_of(train, *table.RECIPES.values())
    for argv in (
        ["gan", "--data", "digits", "--widths", "1", "2", "--flip"],
        ["--data", "digits", "--widths", "1", "2", "--flip", "gan"],
        ["--data", "digits", "gan", "--flip", "--widths", "1", "2"],
        ["--data=digits", "--flip", "gan", "--widths", "1", "2"],
    ):
        found, rest = take_positional(argv, flags)
        assert found == "gan" and "gan" not in rest and len(rest) == len(argv) - 1
    assert take_positional(["--minutes", "3"], flags)[0] is None


def test_recipes_lists_them_all(capsys):
    assert main(["recipes"]) == 0
    out = capsys.readouterr().out
    assert all(re.search(rf"^{name} ", out, re.M) for name in table.RECIPES)


@pytest.mark.parametrize("name", table.RECIPES)
def test_show_is_the_dry_run(name, capsys):
    assert main(["show", name, "--data", "shapes:32" if "dcgan" in name else "shapes:28"]) == 0
    out = capsys.readouterr().out
    recipe = table.RECIPES[name]
    assert all(argument in out for argument in table.defaults(recipe))
    assert re.search(r"G: [\d,]+ parameters", out) and re.search(r"D: [\d,]+ parameters", out)
    assert re.search(r"[\d.]+ GFLOP per real image.*MiB of memory", out, re.S) and "needs from the data: image" in out


def test_show_counts_parameters_and_arithmetic_rightly(capsys):
    """By hand: one hidden layer each way."""
    main(["show", "gan", "--data", "shapes:8", "--widths", "20", "--d-widths", "30", "--latent", "5"])
    out = capsys.readouterr().out
    pixels = 3 * 8 * 8
    G = (5 * 20 + 20) + 2 * 20 + (20 * pixels + pixels)
    D = (pixels * 30 + 30) + (30 + 1)
    assert f"G: {G:,} parameters" in out and f"D: {D:,} parameters" in out
    g, d, d_first = 2 * (5 * 20 + 20 * pixels), 2 * (pixels * 30 + 30), 2 * pixels * 30
    # D's move: G and D on real and fake forward; weights' gradients everywhere, inputs' behind D's first layer only
    judge = g + 2 * d + 2 * (d + 2 * 30)
    fool = (g + d) + d + (g + 2 * 20 * pixels)
    assert abs(float(re.search(r"([\d.]+) GFLOP per", out)[1]) - (judge + fool) / 1e9) < 0.0006, (judge + fool, d_first)


def test_train_prints_what_comes_next(run, capsys):
    assert main(["train", "--resume", str(run)]) == 0
    out = capsys.readouterr().out
    assert "has its 64 images already" in out and f"ganvas sample {run}" in out and "--images 128" in out


def test_sample_writes_sheets_singles_and_arrays(run, tmp_path, capsys):
    assert main(["sample", str(run), "-n", "16", "--seed", "3", "--out", str(tmp_path / "sheet.png")]) == 0
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.mode == "L", "grey stays grey"
    assert main(["sample", str(run), "-n", "5", "--out", str(tmp_path / "many"), "--singles"]) == 0
    singles = sorted((tmp_path / "many").iterdir())
    with Image.open(singles[2]) as picture:
        third = np.asarray(picture)
    assert len(singles) == 5 and third.shape == (28, 28)
    assert main(["sample", str(run), "-n", "5", "--out", str(tmp_path / "five.npy")]) == 0
    assert np.array_equal(np.load(tmp_path / "five.npy")[2, 0], third)
    again = tmp_path / "again.png"
    main(["sample", "--out", str(again), str(run), "--seed", "3", "-n", "16"])
    assert again.read_bytes() == (tmp_path / "sheet.png").read_bytes()
    capsys.readouterr()


def test_report_is_written_again(run, capsys):
    (run / "report.html").unlink()
    assert main(["report", str(run)]) == 0
    assert (run / "report.html").exists() and "report.html" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["trian"], ["'trian'", "train"]),
        (["train", "dcgna"], ["'dcgna'", "dcgan"]),
        (["train", "nothing.like:this"], ["nothing"]),
        (["train", "--data", "/no/such/place"], ["/no/such/place"]),
        (["train", "--images", "100", "--minutes", "3"], ["--images", "--minutes"]),
        (["train", "dcgan", "--data", "shapes:30"], ["30×30", "--size"]),
        (["train", "dcgan", "--data", "shapes:32", "--kernel", "3"], ["--kernel"]),
        (["train", "--resume", "/no/such/run"], ["/no/such/run", "does not exist"]),
        (["train", "--data", "shapes:32", "--epochs", "3"], ["endless", "--images"]),
        (["sample"], ["which run?"]),
        (["sample", "/no/such/run"], ["/no/such/run"]),
        (["report", "/no/such/run"], ["/no/such/run"]),
        (["report"], ["which run?"]),
    ],
    ids=lambda v: " ".join(v) if v and v[0] in ("trian", "train", "sample", "report") else "",
)
def test_mistakes_get_one_clear_line(argv, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(argv) >= 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("ganvas: ") and "\n" not in said and all(word in said for word in words), said
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").rglob("run.json"))


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["train", "gan", "--lrr", "1"], ["--lrr", "--lr"]),
        (["train", "gan", "--lr", "quick"], ["--lr", "quick"]),
        (["train", "gan", "--loss", "hingee"], ["hinge"]),
        (["sample", "x", "--sed", "1"], ["--seed"]),
    ],
    ids=lambda v: " ".join(v),
)
def test_mistakes_in_options_name_the_nearest(argv, words, capsys):
    with pytest.raises(SystemExit) as caught:
        main(argv)
    said = capsys.readouterr()
    assert caught.value.code == 2 and all(word in said.out + said.err for word in words)


def test_bad_sample_arguments(run, tmp_path, capsys):
    for options in (["-n", "0"], ["--out", str(tmp_path / "sheet.tiff2")], ["--device", "warp"]):
        assert main(["sample", str(run), *options]) == 2, options
        assert "\n" not in capsys.readouterr().err.strip()


def test_ten_settings_survive_in_run_json(run):
    record = json.loads((run / "run.json").read_text())
    assert {
        "recipe",
        "arguments",
        "data",
        "seed",
        "images",
        "length",
        "versions",
        "circumstances",
        "ganvas",
    } <= record.keys()
