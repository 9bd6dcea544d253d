"""`ganvas interpolate`, `arithmetic`, `invert` and what `sample` knows of latents, as a user types them."""

import numpy as np
import pytest
from PIL import Image

import ganvas
from ganvas.cli.main import main
from ganvas.study.directions import Direction
from ganvas.study.latents import pick
from ganvas.study.panels import contact
from tests.cli.test_sample_class import RGB, painted

SHORT = ["--width", "4", "--latent", "4", "--batch", "8", "--images", "64", "--threads", "1", "--quiet"]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with two runs of a few rounds: told classes, and told none."""
    folder = tmp_path_factory.mktemp("latent")
    name = list(RGB).__getitem__
    painted(folder / "photos", lambda k: f"{name(k % 3)}/{k:02}.png", lambda k: RGB[name(k % 3)])
    for run, told in (("told", ["--conditional"]), ("plain", [])):
        words = ["--data", str(folder / "photos"), "--run", str(folder / run), *told, *SHORT]
        assert main(["train", "dcgan", *words]) == 0
    return folder


@pytest.fixture(autouse=True)
def there(desk, monkeypatch):
    monkeypatch.chdir(desk)


def opened(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")), getattr(picture, "n_frames", 1)


@pytest.mark.parametrize("kind", ["webp", "gif"])
def test_a_film_of_a_walk(kind, capsys):
    assert (
        main(["interpolate", "plain", "--from", "17", "--to", "3:4", "--frames", "9", "--out", f"films/w.{kind}"]) == 0
    )
    said = capsys.readouterr().out  # equal frames of these untrained pictures become one that stays longer
    assert 1 < opened(f"films/w.{kind}")[1] <= 9 and "9 pictures, spherical" in said
    assert "17 → 3:4" in said and "floor" in said and "random pairs" in said
    assert main(["interpolate", "plain", "--from", "1", "--through", "2,3", "--loop", "--out", f"w.{kind}", "--frames", "12",
                 "--no-smoothness"]) == 0  # fmt: skip
    assert 1 < opened(f"w.{kind}")[1] <= 12 and "floor" not in capsys.readouterr().out


def test_an_array_is_the_walk_itself_and_linear_is_said(capsys):
    words = ["interpolate", "plain", "--from", "1", "--to", "2", "--frames", "5", "--out", "w.npy", "--no-smoothness"]
    assert main(words) == 0
    G = ganvas.load("plain")
    assert (np.load("w.npy") == np.asarray(G.interpolate("1", "2", frames=5))).all()
    capsys.readouterr()
    assert main([*words, "--mode", "linear"]) == 0 and "linear, though z is normal" in capsys.readouterr().out
    z = pick(G, "1,2").z
    assert (np.load("w.npy")[2] == np.asarray(G.at(z.mean(0)[None]))[0]).all()


def test_from_class_to_class(capsys):
    assert main(["interpolate", "told", "--from", "5", "--class", "blue", "--to-class", "red", "--out", "c.png"]) == 0
    assert "5 (blue) → 5 (red)" in capsys.readouterr().out
    words = [
        "--from",
        "5",
        "--class",
        "blue",
        "--to-class",
        "red",
        "--frames",
        "3",
        "--out",
        "c.npy",
        "--no-smoothness",
    ]
    assert main(["interpolate", "told", *words]) == 0
    G, found = ganvas.load("told"), np.load("c.npy")
    assert (found[0] == np.asarray(G.sample(1, first=5, label="blue"))[0]).all()
    assert (found[2] == np.asarray(G.sample(1, first=5, label="red"))[0]).all() and (found[1] != found[0]).any()


def test_a_grid_between_corners():
    assert main(["interpolate", "plain", "--corners", "1,2,3,4", "--frames", "4", "--out", "g.npy"]) == 0
    found, G = np.load("g.npy").reshape(4, 4, 3, 16, 16), ganvas.load("plain")
    assert (found[[0, 0, -1, -1], [0, -1, 0, -1]] == np.asarray(G.at(pick(G, "1,2,3,4").z))).all()
    assert (
        main(["interpolate", "plain", "--corners", "1,2,3,4", "--out", "g.png"]) == 0
        and opened("g.png")[0].shape[0] > 100
    )


def test_arithmetic_with_groups_and_what_is_kept(capsys):
    (ganvas.load("plain").sample(9)).save_each("singles")
    with open("plus.txt", "w") as file:  # noqa: PTH123
        file.write("1\n2 # this one too\n3\n")
    words = ["--plus", "plus.txt", "--minus", "4,5,6", "--to", "7,8", "--save", "d.safetensors", "--out", "a.png"]
    assert main(["arithmetic", "plain", *words]) == 0
    said = capsys.readouterr().out
    assert "picked" not in said and "in standard deviations" in said and opened("a.png")[0].shape[0] > 200
    assert (
        main(["sample", "plain", "--direction", "d.safetensors", "--strength", "2", "-n", "3", "--out", "m.npy"]) == 0
    )
    G = ganvas.load("plain")
    step = pick(G, "1,2,3").z.mean(0) - pick(G, "4,5,6").z.mean(0)
    assert (
        np.abs(np.load("m.npy").astype(int) - np.asarray(G.at(G.latents(3).numpy() + 2 * step)).astype(int)).max() <= 1
    )
    assert (
        main(["sample", "plain", "-n", "3", "--out", "m0.npy"]) == 0 and (np.load("m0.npy") != np.load("m.npy")).any()
    )
    many = [",".join(map(str, range(k, k + 8))) for k in (0, 8)]
    assert main(["arithmetic", "plain", "--plus", many[0], "--minus", many[1], "--to", "3", "--out", "a.gif"]) == 0
    assert "of the 16 picked" in capsys.readouterr().out
    assert main(["arithmetic", "told", "--direction", "d.safetensors", "--out", "b.webp", "--no-quality"]) == 0
    assert "other weights" in capsys.readouterr().out and 1 < opened("b.webp")[1] <= 40


@pytest.mark.parametrize("word", ["ink", "slant", "sefa:0", "pca:1", "sefa", "pca"])
def test_directions_by_word(word, capsys):
    assert main(["arithmetic", "told", "--direction", word, "--to", "1,2", "--out", "d.png"]) == 0
    said = capsys.readouterr().out
    assert word in said and "standard deviations" in said and opened("d.png")[0].std() > 1


def test_an_own_picture_is_found_and_walked_from(capsys):
    G = ganvas.load("told")
    Image.fromarray(np.moveaxis(np.asarray(G.sample(1, first=3, label="red"))[0], 0, -1)).save("photo.png")
    assert main(["invert", "told", "photo.png", "photos/red/02.png", "--steps", "40", "--out", "i.png"]) == 0
    said = capsys.readouterr().out
    assert "pixels alone" in said and "photo.png as" in said and "z in i.safetensors" in said
    places = pick(G, "i.safetensors")
    assert places.n == 2 and opened("i.png")[0].shape[0] > 200
    assert (
        main(["interpolate", "told", "--from", "i.safetensors:0", "--to", "3", "--frames", "3", "--out", "i.npy"]) == 0
    )
    assert (np.load("i.npy")[0] == np.asarray(G.at(places.z[:1], places.label[:1]))[0]).all()
    assert (
        main(
            [
                "arithmetic",
                "told",
                "--plus",
                "i.safetensors",
                "--minus",
                "1,2",
                "--to",
                "3",
                "--out",
                "i2.png",
                "--no-quality",
            ]
        )
        == 0
    )
    big = Image.fromarray(np.zeros((40, 60, 3), np.uint8))
    big.save("big.png")
    assert main(["invert", "plain", "big.png", "--steps", "1", "--restarts", "1", "--out", "j.png"]) == 0
    assert "big.png is 40×60: its centre is cut out and scaled to 16×16" in capsys.readouterr().out


def test_light_and_dark_are_exchanged(capsys):
    image = np.asarray(ganvas.load("plain").sample(1, first=3))[0]
    Image.fromarray(255 - np.moveaxis(image, 0, -1)).save("negative.png")
    few = ["--steps", "1", "--restarts", "1", "--out", "k.png"]
    assert main(["invert", "plain", "negative.png", "--negative", *few]) == 0
    assert "exchanges" not in capsys.readouterr().out
    dark = (
        np.zeros((16, 16, 3), np.uint8)
        if ganvas.load("plain").spec.mean_image().mean() > 0.5
        else np.full((16, 16, 3), 255, np.uint8)
    )
    Image.fromarray(dark).save("other.png")
    assert main(["invert", "plain", "other.png", *few]) == 0 and "--negative exchanges" in capsys.readouterr().out
    assert (
        main(["invert", "plain", "other.png", "--negative", *few]) == 0 and "exchanges" not in capsys.readouterr().out
    )


def test_numbered_and_truncated_sheets(capsys):
    for run in ("plain", "told"):
        assert main(["sample", run, "--numbered", "-n", "6", "--out", "n.png"]) == 0
        assert main(["sample", run, "--truncation", "0", "-n", "6", "--out", "t.npy"]) == 0
        found = np.load("t.npy")
        assert (found[0] == found[3]).all(), "one latent; of three classes in turn where there are classes"
        assert ((found[0] == found[1]).all()) == (run == "plain")
        with Image.open("n.png") as sheet:
            counted = contact(ganvas.load(run).sample(6, 0), list("012345"), 3 if run == "told" else None)
            assert sheet.size == counted.size, "a column a class, in the order in which pictures are counted"


BAD = [
    ("interpolate", "which run"),
    ("interpolate nowhere --from 1 --to 2", "nowhere does not exist"),
    ("interpolate plain --to 2", "--from: where does the walk begin"),
    ("interpolate plain --from 1", "--to: where does the walk lead"),
    ("interpolate plain --from cat --to 2", "'cat' is neither a number"),
    ("interpolate plain --from 1,2 --to 3", "--from 1,2 names 2 latents"),
    ("interpolate plain --from 1 --to 2 --out w.mp4", "films are .webp or .gif"),
    ("interpolate plain --from 1 --to 2 --frames 1 --out w.gif", "at least 2"),
    ("interpolate plain --from 1 --to-class red", "trained without labels"),
    ("interpolate told --from 1 --to-class rde", "perhaps red?"),
    ("interpolate plain --corners 1,2,3 --out g.png", "4 corners, not 3"),
    ("interpolate plain --corners 1,2,3,4 --out g.webp", "--corners is a grid"),
    ("interpolate plain --from 1 --to 2 --mode round", "--mode cannot be 'round'"),
    ("arithmetic plain", "give --plus and --minus"),
    ("arithmetic plain --plus 1,2", "--minus: what is subtracted"),
    ("arithmetic plain --plus 1,2 --minus 3,4", "--to: what is the difference added to"),
    ("arithmetic plain --plus 1 --minus 3,4 --to 5", "--plus names one picture"),
    ("arithmetic plain --plus 1,2 --minus 3 --to 5", "--minus names one picture"),
    ("arithmetic plain --plus x.txt --minus 3,4 --to 5", "'x.txt' is neither a number"),
    ("arithmetic plain --direction smile", "'smile' is no attribute"),
    ("arithmetic plain --direction class:3", "no classifier in ganvas suits"),
    ("arithmetic plain --direction sefa:9", "sefa:0 to sefa:3"),
    ("arithmetic plain --direction sefa --save d.safetensors", "choose one, as sefa:0"),
    ("arithmetic plain --direction slant --hold", "--hold keeps the class"),
    ("arithmetic plain --direction slant --out d.mp4", "is none of"),
    ("arithmetic plain --direction slant --class red", "trained without labels"),
    ("invert plain", "which picture"),
    ("invert plain nothing.png", "nothing.png"),
    ("invert plain small.png", "small.png is 8×8 and this generator draws 16×16"),
    ("invert plain words.txt", "words.txt"),
    ("invert told photos/red/02.png --class grey", "no class 'grey'"),
    ("invert plain photos/red/02.png --steps 0", "--steps 0"),
    ("invert plain photos/red/02.png --out s.safetensors", "--out s.safetensors is none of"),
    ("interpolate plain --from 1 --to 2 --seed -1", "--seed -1: a seed is a whole number"),
    ("interpolate plain --from 1 --to 2 --frames 20000", "20,000 pictures are too many"),
    ("arithmetic plain --direction sefa:0 --strength nan", "strength must be a number"),
    ("arithmetic plain --plus 1,2 --minus 3,4 --to 5 --noise nan", "--noise nan"),
    ("sample plain --strength inf --direction d.safetensors", "strength must be a number"),
    ("sample plain --truncation nan", "truncation nan is out of range"),
    ("sample plain --truncation 2", "truncation 2 is out of range"),
    ("sample plain --strength 2", "--strength says how far along a direction"),
    ("sample plain --direction no.safetensors", "no.safetensors does not exist"),
    ("sample plain --numbered --singles --out folder", "--numbered is for a sheet"),
    ("interpolate begun --from 1 --to 2", "begun has no snapshot yet"),
    ("invert begun photos/red/02.png", "begun has no snapshot yet"),
    ("arithmetic photos --direction ink", "is no run folder"),
]


@pytest.mark.parametrize(("line", "match"), BAD, ids=[line for line, _ in BAD])
def test_what_is_wrong_is_one_line(line, match, desk, capsys):
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save("small.png")
    Direction(np.ones(4, np.float32), "up").keep(desk / "d.safetensors", ganvas.load("plain"))
    (desk / "words.txt").write_text("no picture")
    (desk / "begun").mkdir(exist_ok=True)
    (desk / "begun/run.json").write_bytes((desk / "plain/run.json").read_bytes())
    before = {path: path.stat().st_mtime_ns for path in desk.iterdir()}
    assert main(line.split()) in (2, 5)
    said = capsys.readouterr().err
    assert match in said and said.count("\n") == 1 and "Traceback" not in said
    assert before == {path: path.stat().st_mtime_ns for path in desk.iterdir()}, "nothing was written"


@pytest.mark.parametrize("command", ["interpolate", "arithmetic", "invert"])
def test_help_explains(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    said = capsys.readouterr().out
    assert end.value.code == 0 and "--out" in said and f"ganvas {command} runs/a" in said
