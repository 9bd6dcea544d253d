"""Asking an upscaler: any size and kind, tiled as whole, opacity and depth kept; how near it comes to the truth."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import ganvas
from ganvas.cli import main as command
from ganvas.data.bicubic import bicubic
from ganvas.data.gallery import files_in
from ganvas.data.source import DataSpec, View
from ganvas.errors import BadInput
from ganvas.measure.pictures import luma, psnr
from ganvas.nets.srresnet import SRResNet
from ganvas.play.regression import Regression
from ganvas.study.tiling import tiles
from ganvas.study.translate import asked
from ganvas.study.upscale import Upscaler, fidelity, scored
from ganvas.watching import standing, standing_generator
from tests.conftest import SHARED, TOY, source_of, toy
from tests.data.test_pairs import noise, save, smooth


def upscaler(channels=3, scale=2, blocks=1):
    torch.manual_seed(0)
    net = SRResNet(channels, 4, blocks, scale)
    for name, p in net.named_parameters():
        if "weight" in name and p.ndim == 4:
            nn.init.normal_(p, 0, 0.1)
    for m in net.modules():  # as if trained: statistics that are not those of this picture
        if isinstance(m, nn.BatchNorm2d):
            nn.init.uniform_(m.running_mean, -0.2, 0.2)
            nn.init.uniform_(m.running_var, 0.5, 2)
    net.eval().requires_grad_(False)
    views = View("a", (channels, 8, 8)), View("b", (channels, 8 * scale, 8 * scale))
    spec = DataSpec("toy", ("a", "b"), views[1].shape, n=9, held_out=2, views=views, paired=True, held_out_paired=True)
    return asked(net, Regression(net), spec, (-1.0, 1.0))


def budget(net, core=3):
    return (2 * net.halo + core) ** 2 * net.floats * 4


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_tiled_is_whole(scale):
    U = upscaler(scale=scale)
    assert isinstance(U, Upscaler) and U.scale == scale
    picture = noise(3, 29, 47)
    small = budget(U.net, 9)
    assert len(tiles(U.net, 29, 47, small)) > 6
    whole, tiled = U.translate(picture), U.translate(picture, memory=small)
    assert whole.shape == (3, 29 * scale, 47 * scale) and whole.std() > 5
    assert np.abs(whole.astype(int) - tiled).max() <= 1, "at most where rounding falls the other way"
    exact = [U(torch.from_numpy(picture) / 255, memory=m) for m in (1 << 30, small)]
    assert (exact[0] - exact[1]).abs().max() < 1e-4


def test_negative_control_too_small_a_halo_is_seen():
    U, picture = upscaler(blocks=2), noise(3, 29, 47)
    whole = U.translate(picture)
    U.net.halo = 2
    assert np.abs(whole.astype(int) - U.translate(picture, memory=budget(U.net, 9))).max() > 2


def test_statistics_of_the_whole_are_not_looked_at():
    """In eval BatchNorm is a straight line, so a tile does not know what else is in the picture; in training it would."""
    U, picture = upscaler(), noise(3, 40, 40)
    inside = U.translate(picture)[:, :20, :20]
    picture[:, 30:] = 0
    assert np.array_equal(U.translate(picture)[:, :20, :20], inside)
    U.net.train()
    assert not np.array_equal(U.translate(picture)[:, :20, :20], inside), "control"


def test_a_picture_that_fits_no_tile_is_said():
    with pytest.raises(BadInput, match=r"does not fit.*--memory"):
        upscaler().translate(noise(3, 40, 40), memory=1000)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("trained", [1, 3])
def test_channels_come_back_as_they_came(channels, trained):
    U, picture = upscaler(trained), noise(channels, 11, 7)
    made = U.translate(picture)
    assert made.shape == (channels, 22, 14) and made.dtype == np.uint8
    if channels in (2, 4):
        np.testing.assert_array_equal(made[-1:], bicubic(picture[-1:], 2))
        np.testing.assert_array_equal(made[:-1], U.translate(np.ascontiguousarray(picture[:-1])))
    if (channels, trained) == (1, 3):
        three = U.translate(picture.repeat(3, 0)).astype(float)
        grey = np.tensordot([0.299, 0.587, 0.114], three, 1)
        assert np.abs(made[0] - grey).max() <= 1
    if (channels, trained) == (3, 1):
        np.testing.assert_array_equal(made[1], U.translate(picture[1:2])[0])


def test_opacity_of_a_large_picture_is_enlarged_in_tiles_too():
    U, picture = upscaler(), noise(4, 33, 21)
    np.testing.assert_array_equal(U.translate(picture, memory=budget(U.net, 5))[3:], bicubic(picture[3:], 2))


@pytest.mark.parametrize("dtype, white", [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1)])
def test_depth_is_kept(dtype, white):
    U, unit = upscaler(1), np.random.default_rng(0).random((1, 20, 20), np.float32)
    picture = (unit * white).astype(dtype)
    made = U.translate(picture)
    assert made.dtype == dtype
    expected = U(torch.from_numpy(picture.astype(np.float32) / white)).numpy()
    assert np.abs(made / white - expected).max() <= 0.51 / white + 1e-6
    if dtype == np.uint16:
        assert len(np.unique(made)) > 400, "more levels than 8 bits hold"


def test_each_kind_comes_back_as_it_came():
    U, colour = upscaler(), noise(20, 12, 3)
    pil = U(Image.fromarray(colour))
    assert pil.mode == "RGB" and pil.size == (24, 40) and np.array_equal(np.asarray(pil), U(colour))
    first = np.ascontiguousarray(np.moveaxis(colour, -1, 0))
    assert np.array_equal(U(first), np.moveaxis(U(colour), -1, 0))
    assert U(colour[..., 0]).shape == (40, 24)
    for mode in ("RGBA", "LA", "L", "1", "P", "I;16"):
        given = (
            Image.fromarray(noise(20, 12, dtype=np.uint16)) if mode == "I;16" else Image.fromarray(colour).convert(mode)
        )
        kept = {"1": "L", "P": "RGB"}.get(mode, mode)
        assert U(given).mode == kept and U(given).size == (24, 40)
    palette = Image.fromarray(colour).convert("P")
    palette.info["transparency"] = 0
    assert U(palette).mode == "RGBA"
    assert U(torch.zeros(2, 3, 8, 6)).shape == (2, 3, 16, 12)
    with pytest.raises(BadInput, match="2 channels"):
        U(torch.zeros(2, 8, 6))


def test_a_sheet_shows_small_bicubic_output_and_photo():
    U, source = upscaler(scale=4), source_of("photos")
    U.spec = source.spec
    look = np.asarray(U.look(source))
    held = source.held_out(8)
    scale = (look.shape[1] - 9 * 2) // (8 * 16)
    first = look[2 : 2 + 16 * scale, 2 : 2 + 16 * scale]
    assert np.array_equal(first[:: 4 * scale, :: 4 * scale], np.moveaxis(held["a"][0], 0, -1)), "each pixel a block"
    fourth = look[2 : 2 + 16 * scale : scale, 2 + 3 * (16 * scale + 2) :][:, : 16 * scale : scale]
    assert np.array_equal(fourth, np.moveaxis(held["b"][0], 0, -1))
    measured = U.measure(source)
    assert set(measured) == {"val/psnr-y", "val/bicubic psnr-y"}, "16 pixels less 2·4 are too few for SSIM"
    by_hand = [psnr(luma(bicubic(a, 4)), luma(b), crop=4) for a, b in zip(held["a"], held["b"], strict=True)]
    assert measured["val/bicubic psnr-y"] == pytest.approx(np.mean(by_hand))


def test_scores_are_those_of_the_convention():
    x, y = noise(3, 40, 40), noise(3, 40, 40, seed=1)
    assert scored(x, y, 4)["psnr-y"] == pytest.approx(psnr(luma(x)[:, 4:-4, 4:-4], luma(y)[:, 4:-4, 4:-4]))
    assert scored(x, x, 4) == {"psnr-y": 100.0, "ssim-y": pytest.approx(1)}
    assert set(scored(x[:1], y[:1], 4)) == {"psnr", "ssim"}


def test_fidelity_has_bicubic_s_row_and_the_networks(tmp_path):
    for k in range(2):
        save(tmp_path / f"{k}.png", smooth(45, 50, k))
    scores, rows = fidelity(upscaler(), files_in(tmp_path, print))
    kinds = ["psnr", "ssim", "sharpness", "psnr-y", "ssim-y", "sharpness-y"]
    assert [score.name for score in scores] == [f"bicubic {kind}" for kind in kinds] + kinds
    assert all("×2 from MATLAB's bicubic, crop 2" in score.card.settings for score in scores)
    assert {score.better for score in scores if "sharpness" in score.name} == {""}, "as sharp as the photo, not sharper"
    photo = np.moveaxis(smooth(45, 50, 0)[:44], -1, 0)
    by_hand = psnr(luma(bicubic(bicubic(photo, 0.5), 2)), luma(photo), crop=2)
    assert rows[0]["name"] == "0" and rows[0]["bicubic psnr-y"] == pytest.approx(by_hand)
    assert rows[0]["bicubic psnr-y"] > rows[0]["psnr-y"] + 5, "control: it is not trained"


@pytest.mark.skipif(not (SHARED / "sr" / "Set5").is_dir(), reason="the shared copy of Set5 is not on this machine")
def test_bicubic_on_set5():
    """28.43 dB and .8109 (MATLAB's ssim; Ledig et al. print .8211): the row that must be right before any other is."""
    U = upscaler(scale=4)
    U.translate = lambda x: bicubic(x, 4)  # the network is not asked
    mean = {score.name: score.value for score in fidelity(U, files_in(SHARED / "sr" / "Set5", print)).scores}
    assert mean["psnr-y"] == mean["bicubic psnr-y"]
    assert mean["psnr-y"] == pytest.approx(28.43, abs=0.02) and mean["ssim-y"] == pytest.approx(0.811, abs=0.002)
    assert mean["psnr"] < mean["psnr-y"] - 1.5, "on RGB it is another number"
    assert 0.2 < mean["sharpness-y"] < 0.3, "bicubic has a quarter of a photo's edges"


# a run, from end to end


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sr")
    for k in range(6):
        save(folder / "photos" / f"{k}.png", smooth(24 + k, 40, k))
    done = ganvas.train("srgan_small", data=str(folder / "photos"), size=16, run=folder / "run", images=64, batch=8,
                        quiet=True, threads=1, **TOY["srgan_small"])  # fmt: skip
    return done.folder


def test_a_run_keeps_the_end_of_both_phases(run):
    games = {path.stem: ganvas.load(path) for path in (run / "snapshots").iterdir()}
    assert set(games) == {"phase-0", "last"}
    assert [games[name].game.to_json()["game"] for name in ("phase-0", "last")] == ["Regression", "Paired"]
    assert [games[name].images for name in ("phase-0", "last")] == [32, 64]
    picture = smooth(10, 12)
    one, other = (games[name](picture) for name in ("phase-0", "last"))
    assert one.shape == other.shape == (40, 48, 3) and not np.array_equal(one, other)
    assert np.array_equal(ganvas.load(run)(picture), other) and "upscaler: srgan_small" in repr(games["last"])
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert {row["phase"] for row in rows} == {0, 1} and [row["images"] for row in rows if row["phase"] == 0][-1] == 32
    assert "val/psnr-y" in rows[-1] and "val/bicubic psnr-y" in rows[-1]


def opened(path):
    with Image.open(path) as picture:
        picture.load()
    return picture


def says(*argv):
    return command.main([str(word) for word in argv])


def test_the_command(run, tmp_path, capsys, monkeypatch):
    U, picture = ganvas.load(run), smooth(10, 12)
    save(tmp_path / "in" / "x.png", picture)
    assert says("upscale", run, tmp_path / "in" / "x.png", tmp_path / "x.png") == 0
    assert np.array_equal(np.asarray(opened(tmp_path / "x.png")), U(picture))
    assert says("upscale", run, tmp_path / "in" / "x.png", tmp_path / "y.png", "--phase", "srresnet") == 0
    first = ganvas.load(run / "snapshots" / "phase-0.safetensors")
    assert np.array_equal(np.asarray(opened(tmp_path / "y.png")), first(picture))
    Image.fromarray(picture).convert("LA").save(tmp_path / "in" / "la.png")
    save(tmp_path / "in" / "deep.png", noise(10, 12, dtype=np.uint16))
    (tmp_path / "in" / "bad.png").write_bytes(b"no")
    assert says("upscale", run, tmp_path / "in", tmp_path / "out") == 2
    said = capsys.readouterr()
    assert "3 pictures in" in said.out and "bad.png" in said.err
    modes = {path.name: opened(path).mode for path in (tmp_path / "out").iterdir()}
    assert modes == {"x.png": "RGB", "la.png": "LA", "deep.png": "I;16"}
    pipe = io.BytesIO()
    monkeypatch.setattr("sys.stdin", type("In", (), {"buffer": io.BytesIO((tmp_path / "in" / "x.png").read_bytes())}))
    monkeypatch.setattr("sys.stdout", type("Out", (), {"buffer": pipe, "flush": lambda self=None: None}))
    assert says("upscale", run, "-", "-") == 0
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(pipe.getvalue()))), U(picture))


def test_what_the_command_refuses_is_one_line(run, tmp_path, capsys):
    save(tmp_path / "x.png", smooth(10, 12))
    Image.fromarray(smooth(10, 12)).convert("RGBA").save(tmp_path / "clear.png")
    for argv, match in [
        ((run, tmp_path / "x.png"), "OUT is missing"),
        ((run, tmp_path / "x.png", tmp_path / "y.png", "--memory", "0"), "--memory is GiB above 0"),
        ((run, tmp_path / "none.png", tmp_path / "y.png"), "none.png: No such file"),
        ((run, tmp_path / "clear.png", tmp_path / "y.jpg"), "cannot hold opacity; use .png"),
        ((run / "snapshots" / "last.safetensors", *[tmp_path / "x.png"] * 2, "--phase", "srresnet"), "give the run"),
        ((run, tmp_path / "x.png", tmp_path / "y.png", "--memory", "1e-6"), "does not fit"),
    ]:  # fmt: skip
        assert says("upscale", *argv) != 0
        line = capsys.readouterr().err
        assert match in line and line.count("\n") == 1, line


def test_evaluate_has_both_rows(run, tmp_path, capsys):
    for k in range(2):
        save(tmp_path / "hr" / f"{k}.png", smooth(45, 50, k))
    assert says("evaluate", run, "--against", tmp_path / "hr", "--out", tmp_path / "s.json") == 0
    said = capsys.readouterr().out
    assert "bicubic" in said and "psnr-y" in said and "crop 4" in said
    kept = json.loads((tmp_path / "s.json").read_text())
    assert {s["name"] for s in kept["scores"]} == {
        f"{who}{m}"
        for who in ("", "bicubic ")
        for m in ("psnr", "ssim", "sharpness", "psnr-y", "ssim-y", "sharpness-y")
    }
    assert says("evaluate", run / "snapshots" / "phase-0.safetensors", "--metric", "psnr,ssim") == 0, (
        "of its own photos"
    )
    assert "p, held out" in capsys.readouterr().out.replace("photos", "p")
    assert says("evaluate", run, "--metric", "fid,psnr") != 0
    assert "psnr, ssim and sharpness are for, not fid" in capsys.readouterr().err


def test_an_average_is_shown_with_statistics_of_its_own():
    """Averaged weights with the live network's BatchNorm statistics are neither; without an average nothing is redone."""
    from ganvas.training.trainer import Trainer

    source = source_of("photos")

    def trained(ema):
        trainer = Trainer(toy("srgan", source.spec, ema=ema, lr=0.05)[:1], source)
        for _ in range(10):
            trainer.play()
        return trainer

    plain, averaged = trained(0.0), trained(0.5)
    norm = lambda net: net.body[0].net[1]  # noqa: E731
    assert torch.equal(norm(standing(plain)).running_mean, norm(plain.players["G"].module).running_mean)
    shown, copied = norm(standing(averaged)), norm(averaged.players["G"].average)
    assert not torch.allclose(shown.running_mean, copied.running_mean, rtol=0.01)
    G, seen = standing(averaged), []
    norm(G).register_forward_pre_hook(lambda _, x: seen.append(x[0]))
    batch = torch.from_numpy(source.batch(0, 0, 256)["a"]).float() / 127.5 - 1
    with torch.no_grad():
        G(batch)
    assert torch.allclose(seen[0].mean((0, 2, 3)), norm(G).running_mean, atol=1e-4)
    assert torch.equal(norm(standing(averaged)).running_mean, shown.running_mean), "a function of the weights alone"
    assert standing_generator(averaged).scale == 4
