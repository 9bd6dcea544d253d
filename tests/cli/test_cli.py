"""The commands as a user types them."""

import importlib
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from ganvas.cli.main import COMMANDS, main
from ganvas.cli.parse import flags_of, options_of, parse, take_positional, typed
from ganvas.errors import BadInput
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
    recipe = table.RECIPES[name]
    kind = table.wanted(recipe).kind
    data = ["--data", "shapes:32" if "dcgan" in name else "shapes:28"] if kind == "images" else ["--size", "64"]
    assert main(["show", name, *data]) == 0
    out = capsys.readouterr().out
    assert all(argument in out for argument in table.defaults(recipe))
    players = {"G"} if name == "vae" else {"G", "D"}
    assert players <= set(re.findall(r"^(\w+): [\d,]+ parameters", out, re.M))
    assert re.search(r"[\d.]+ GFLOP per real image.*MiB\s+of\s+memory", out, re.S)
    needs = {"images": "image", "captions": "image, text, wrong"}.get(kind, "a, b")
    assert f"needs from the data: {needs}" in out


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
    ("line", "words"),
    [
        ("train gan --lrr 1", ["no option --lrr: did you mean --lr?", "`ganvas train gan --help`"]),
        ("train --lrr 1", ["did you mean --lr?", "`ganvas train --help`"]),
        ("train gan --d_width 3", ["--d-widths"]),
        ("train --quite", ["--quiet"]),
        ("train gan --zzzzz", ["no option --zzzzz"]),
        ("train -help", ["did you mean --help"]),
        ("train --images many", ["--images cannot be 'many'", "a whole number"]),
        ("train --images=5e4", ["--images cannot be '5e4'", "a whole number"]),
        ("train gan --lr quick", ["--lr cannot be 'quick'", "a number"]),
        ("train gan --widths 3 x", ["--widths cannot be 'x'", "whole numbers"]),
        ("train gan --loss hing", ["--loss cannot be 'hing': did you mean hinge?"]),
        ("train gan --loss xyz", ["one of non_saturating, minimax"]),
        ("train --precision fp33", ["did you mean fp32?"]),
        ("train r3gan --gamma 1", ["--gamma takes 2 numbers, not 1"]),
        ("train --images", ["--images needs a value", "a whole number"]),
        ("train gan --lr --batch 3", ["--lr needs a value"]),
        ("train gan --flip=maybe", ["--flip takes no value"]),
        ("train gan --no-flip", ["did you mean --flip?"]),
        ("show gan --size", ["--size needs a value", "`ganvas show gan --help`"]),
        ("sample x --sed 1", ["--seed"]),
        ("report x y", ["'y' is one word too many"]),
        ("recipes --all", ["no option --all"]),
    ],
)
def test_mistakes_in_options_get_one_line_with_the_nearest(line, words, capsys):
    assert main(line.split()) == 2
    said = capsys.readouterr()
    text = said.err.strip()
    assert not said.out and text.startswith("ganvas: ") and "\n" not in text and "--help`" in text
    assert all(word in text for word in words), text


def options(line, **groups):
    groups = {title: options_of(function, leave_out=("data", "images")) for title, function in groups.items()}
    return parse("ganvas test", "about", groups, line.split())[0]


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("", None),
        ("--conditional", True),
        ("--no-conditional", False),
        ("--no_conditional", False),
        ("--conditional --lr 1e-3", True),
        ("--lr 1e-3 --no-conditional", False),
        ("--no-conditional --conditional", True),
    ],
)
def test_what_may_be_on_off_or_not_given_is_a_switch(line, meant):
    found = options(line, recipe=table.RECIPES["auto"])
    assert found["conditional"] is meant and found["lr"] == (1e-3 if "lr" in line else None)
    name, rest = take_positional([*line.split(), "auto"], flags_of(train, *table.RECIPES.values()))
    assert (name, rest) == ("auto", line.split()), "a recipe's name may follow it"
    assert ("conditional" in typed(line.split())) == (meant is not None)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--conditional yes", ["'yes' is one word too many"]),
        ("--conditional=True", ["--conditional takes no value"]),
        ("--condit", ["did you mean --conditional or --no-conditional?"]),
    ],
)
def test_a_switch_takes_no_value(line, words):
    with pytest.raises(BadInput) as caught:
        options(line, recipe=table.RECIPES["auto"])
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("show --conditional", "True"),
        ("show --no-conditional --data shapes:32", "False"),
        ("show --no-conditional auto --data shapes:32", "False"),
        ("show --data shapes:32", "True"),
    ],
)
def test_show_reads_the_switch(line, value, capsys):
    assert main([*line.split(), "--width", "4"]) == 0
    assert re.search(rf"^conditional +{value} +None *$", capsys.readouterr().out, re.M)


def test_train_reads_the_switch(tmp_path, capsys):
    line = "train --no-conditional auto --data shapes:16 --width 4 --latent 4 --batch 8 --images 8 --threads 1 --quiet"
    assert main([*line.split(), "--run", str(tmp_path / "run")]) == 0
    assert json.loads((tmp_path / "run" / "run.json").read_text())["arguments"]["conditional"] is False
    capsys.readouterr()


def test_right_options_are_no_mistakes():
    """The negative control: everything that is refused above has a form that is taken."""
    line = "--lr=1e-3 --loss hinge --d_widths 3 4 --widths 5 --batch 1_000"
    found = options(line, recipe=table.RECIPES["gan"])
    assert found["lr"] == 1e-3 and found["loss"] == "hinge" and found["widths"] == (5,) and found["batch"] == 1000
    assert found["d_widths"] == (3, 4) and found["schedule"] == "constant"
    given = options("--flip --size 32x48 --precision bf16 --seed -3 --quiet", run=train)
    assert given["flip"] and given["size"] == "32x48" and given["precision"] == "bf16" and given["seed"] == -3


def test_what_only_tyro_can_judge_is_one_line_too():
    def recipe(data, *, pair: tuple[int, int] = (1, 2), on: bool = True, rates: dict[str, float] | None = None):
        "A user's own recipe."

    assert options("--pair 3 4 --no-on", recipe=recipe)["pair"] == (3, 4)
    for line in ("--pair 3 4 5", "--pair 3", "--rates a b c"):
        with pytest.raises(BadInput, match=r"`ganvas test --help`") as caught:
            options(line, recipe=recipe)
        assert "\n" not in str(caught.value) and "│" not in str(caught.value) and len(str(caught.value)) > 50


@pytest.mark.parametrize("command", COMMANDS)
def test_help_ends_with_examples_that_parse(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    out = capsys.readouterr().out
    assert caught.value.code == 0 and "usage: ganvas" in out
    lines = [line.split("   ")[0].split()[1:] for line in out.partition("\nexamples\n")[2].splitlines()]
    assert lines and any(name == command for name, *_ in lines)
    for name, *rest in lines:
        with pytest.raises(SystemExit):  # a mistake would be BadInput, as below
            parse_only(name, rest)
    with pytest.raises(BadInput):
        parse_only("train", ["--run-in", "x"])


def parse_only(command, argv):
    """The command's own parsing, ended where its work would begin."""
    module = importlib.import_module(f"ganvas.cli.{command}")
    real = module.parse

    def parse_and_leave(*arguments):
        real(*arguments)
        raise SystemExit

    module.parse = parse_and_leave
    recipe_of = getattr(module, "_recipe_of", None)
    if recipe_of:  # the run of an example does not exist
        module._recipe_of = lambda argv: None
    try:
        module.main(argv)
    finally:
        module.parse = real
        if recipe_of:
            module._recipe_of = recipe_of


@pytest.mark.parametrize(
    "line",
    ["train --data nosuchfolder", "train --data=", "train --data EMPTY", "train --data mnist", "train --images 1 --epochs 1",
     "train dcgan --precision fp64", "train --lrr 1", "sample", "report nosuch"],
)  # fmt: skip
def test_cheap_mistakes_do_not_wait_for_torch(line, tmp_path):
    (tmp_path / "EMPTY").mkdir()
    code = (
        "import sys; from ganvas import files; from ganvas.cli.main import main; files._answering = lambda urls: []; "
        f"rc = main({line.split()!r}); print('torch' in sys.modules); sys.exit(rc)"
    )
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment.pop("GANVAS_DATA", None)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 2 and done.stdout.split() == ["False"], done
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("ganvas: ")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["EMPTY", *["cache"] * ("mnist" in line)]


def test_a_mistake_that_needs_torch_does_import_it(tmp_path):
    """The negative control of the test above."""
    code = "import sys; from ganvas.cli.main import main; main(['train', '--device', 'warp']); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.split() == ["True"], done


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
