"""`ganvas translate`: files, folders, pipes, and every mistake in one line."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

import ganvas
from ganvas.cli.main import main
from tests.conftest import TOY

SHORT = dict(images=16, batch=8, quiet=True, threads=1)


@pytest.fixture(scope="module")
def paired(tmp_path_factory):
    return ganvas.train(
        "pix2pix_small", data="edges", run=tmp_path_factory.mktemp("p") / "r", **TOY["pix2pix_small"], **SHORT
    )


@pytest.fixture(scope="module")
def both_ways(tmp_path_factory):
    folder = tmp_path_factory.mktemp("c") / "r"
    return ganvas.train("cyclegan_small", data="outlines", run=folder, **TOY["cyclegan_small"], **SHORT)


@pytest.mark.parametrize("recipe", ["pix2pix_small", "cyclegan_small"])
def test_a_dozen_pairs_none_of_them_held_out_train_to_the_end(recipe, tmp_path, capsys):
    for side in "AB":
        (tmp_path / "few" / side).mkdir(parents=True)
    for k, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (12, 2, 32, 32), np.uint8)):
        for side, picture in zip("AB", pixels, strict=True):
            Image.fromarray(picture).save(tmp_path / "few" / side / f"{k}.png")
    words = ["train", recipe, "--data", str(tmp_path / "few"), "--size", "32", "--images", "8", "--threads", "1"]
    for name, value in TOY[recipe].items():
        words += [f"--{name.replace('_', '-')}", str(value)]
    assert main([*words, "--run", str(tmp_path / "run")]) == 0
    assert "12 pictures: D learns them by heart" in capsys.readouterr().out
    assert (tmp_path / "run" / "report.html").exists()


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "in.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (37, 1000), np.uint8)).save(path)
    return path


def test_a_long_picture_from_file_to_file(paired, picture, tmp_path, capsys):
    assert main(["translate", str(paired.folder), str(picture), str(tmp_path / "new" / "out.png")]) == 0
    made = Image.open(tmp_path / "new" / "out.png")
    assert made.size == (1000, 37) and made.mode == "L"
    assert np.array_equal(np.asarray(made), ganvas.load(paired.folder)(np.asarray(Image.open(picture))))
    assert capsys.readouterr().out.strip() == str(tmp_path / "new" / "out.png")


def test_sixteen_bits_and_arrays_stay_what_they_are(paired, tmp_path):
    deep = np.linspace(0, 65535, 64 * 32).reshape(32, 64).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    np.save(tmp_path / "real.npy", (deep / 65535).astype(np.float32))
    run = str(paired.folder)
    assert main(["translate", run, str(tmp_path / "deep.png"), str(tmp_path / "out.png")]) == 0
    assert main(["translate", run, str(tmp_path / "real.npy"), str(tmp_path / "out.npy")]) == 0
    out, array = np.asarray(Image.open(tmp_path / "out.png")), np.load(tmp_path / "out.npy")
    assert out.dtype == np.uint16 and array.dtype == np.float32
    assert np.abs(out / 65535 - array).max() < 2e-5


@pytest.mark.parametrize("shape", [(40, 60), (40, 60, 1), (1, 40, 60), (40, 60, 3)])
def test_an_array_keeps_the_order_of_its_axes(paired, tmp_path, shape):
    given = np.random.default_rng(0).random(shape, np.float32)
    np.save(tmp_path / "in.npy", given)
    assert main(["translate", str(paired.folder), str(tmp_path / "in.npy"), str(tmp_path / "out.npy")]) == 0
    made = np.load(tmp_path / "out.npy")
    assert made.shape == shape[:2] + (1,) * (len(shape) - 2) if shape[0] > 1 else made.shape == shape
    assert np.array_equal(made, ganvas.load(paired.folder)(given))


def test_what_was_understood_rather_than_plain_is_said(paired, picture, tmp_path, capsys):
    still = Image.open(picture)
    still.save(tmp_path / "film.gif", save_all=True, append_images=[Image.eval(still, lambda v: 255 - v)])
    run = str(paired.folder)
    assert main(["translate", run, str(tmp_path / "film.gif"), str(tmp_path / "out.png")]) == 0
    assert capsys.readouterr().err == f"{tmp_path / 'film.gif'}: several frames, of which the first is read\n"
    (tmp_path / "films").mkdir()
    for name in ("a.gif", "b.gif"):
        (tmp_path / "films" / name).write_bytes((tmp_path / "film.gif").read_bytes())
    assert main(["translate", run, str(tmp_path / "films"), str(tmp_path / "out")]) == 0
    assert capsys.readouterr().err == "2 of them: several frames, of which the first is read\n"
    assert main(["translate", run, str(picture), str(tmp_path / "out.png")]) == 0
    assert capsys.readouterr().err == ""


def test_a_photo_is_turned_as_the_camera_was_and_loses_its_metadata(paired, tmp_path):
    upright = np.random.default_rng(0).integers(0, 256, (40, 60), np.uint8)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "where I live"
    Image.fromarray(np.rot90(upright)).save(tmp_path / "turned.png", exif=exif)
    assert main(["translate", str(paired.folder), str(tmp_path / "turned.png"), str(tmp_path / "out.png")]) == 0
    made = Image.open(tmp_path / "out.png")
    assert made.size == (60, 40) and not made.getexif()
    assert np.array_equal(np.asarray(made), ganvas.load(paired.folder)(upright))


def test_a_folder_keeps_its_names_and_says_what_it_could_not_read(paired, picture, tmp_path, capsys):
    folder = tmp_path / "many"
    (folder / "deeper").mkdir(parents=True)
    for name in ("a.png", "deeper/b.jpg"):
        Image.open(picture).save(folder / name)
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and nothing more")
    assert main(["translate", str(paired.folder), str(folder), str(tmp_path / "out")]) == 2
    said = capsys.readouterr()
    assert "2 pictures in" in said.out and said.err.startswith("ganvas: broken.png: ") and said.err.count("\n") == 1
    assert {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.*")} == {
        "a.png",
        "deeper/b.jpg",
    }


def test_through_a_pipe(paired, picture, monkeypatch):
    stdin, stdout = io.TextIOWrapper(io.BytesIO(picture.read_bytes())), io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdin", stdin)
    monkeypatch.setattr(sys, "stdout", stdout)
    assert main(["translate", str(paired.folder), "-", "-"]) == 0
    made = Image.open(io.BytesIO(stdout.buffer.getvalue()))
    assert made.format == "PNG" and made.size == (1000, 37)


def test_both_ways(both_ways, picture, tmp_path):
    for to in ("A", "B"):
        assert main(["translate", str(both_ways.folder), str(picture), str(tmp_path / f"{to}.png"), "--to", to]) == 0
    there, back = (np.asarray(Image.open(tmp_path / f"{to}.png")) for to in "AB")
    assert not np.array_equal(there, back)


def test_a_tiled_picture_is_the_whole_one(both_ways, picture, tmp_path):
    run = str(both_ways.folder)
    assert main(["translate", run, str(picture), str(tmp_path / "whole.png")]) == 0
    assert main(["translate", run, str(picture), str(tmp_path / "tiled.png"), "--memory", "1e-3"]) == 0
    whole, tiled = (np.asarray(Image.open(tmp_path / f"{name}.png")).astype(int) for name in ("whole", "tiled"))
    assert np.abs(whole - tiled).max() <= 1


@pytest.mark.parametrize(
    "arguments, said",
    [
        ("{run} in.png", "OUT is missing"),
        ("{run}", "IN is missing"),
        ("{run} nowhere.png out.png", "nowhere.png"),
        ("{run} {picture} out.png --to A", "goes to B"),
        ("{run} {picture} out.png --memory 0", "--memory"),
        ("{run} {picture} out.png --memory 1e-6", "does not fit"),
        ("{run} {picture} out.png --seeds 1", "did you mean --seed"),
        ("{run} {folder} out.png", "OUT is one too"),
        ("nowhere {picture} out.png", "nowhere"),
    ],
)
def test_mistakes_are_one_line(arguments, said, paired, picture, tmp_path, capsys):
    words = arguments.format(run=paired.folder, picture=picture, folder=tmp_path).split()
    assert main(["translate", *words]) != 0
    err = capsys.readouterr().err
    assert said in err and err.startswith("ganvas: ") and err.count("\n") == 1


def test_a_generator_of_noise_is_not_asked_to_translate(tmp_path, picture, capsys):
    run = ganvas.train("gan", run=tmp_path / "gan", **TOY["gan"], **SHORT)
    assert main(["translate", str(run.folder), str(picture), "out.png"]) == 2
    assert "ganvas sample" in capsys.readouterr().err


def test_a_translator_is_not_asked_for_samples(paired, capsys):
    assert main(["sample", str(paired.folder)]) == 2
    assert "a translator makes pictures of pictures" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, said",
    [
        ("pix2pix_small --data edges --patch 286", "--patch 286 needs pictures of at least 96"),
        ("pix2pix_small --data edges --depth 2", "at least 3 times"),
        ("pix2pix_small --data edges --depth 6", "can be halved 5 times"),
        ("pix2pix --data edges --size 36", "--size such as 32"),
        ("pix2pix_small --data edges --jitter 0.5", "--jitter"),
        ("pix2pix_small --data edges --direction BtA", "did you mean BtoA"),
        ("cyclegan_small --data grey --identity 0.5", "--identity compares"),
        ("pix2pix_small --data edges --watch fid:2k", "--watch"),
        ("auto --drop-unpaired", "--drop-unpaired is for recipes"),
    ],
)
def test_training_mistakes_are_one_line(arguments, said, tmp_path, capsys):
    assert main(["train", *arguments.split(), "--run", str(tmp_path / "r"), "--images", "8", "--quiet"]) != 0
    err = capsys.readouterr().err
    assert said in err and err.startswith("ganvas: ") and err.count("\n") == 1
