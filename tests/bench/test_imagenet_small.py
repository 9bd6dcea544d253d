"""A real pretrained network through the plug-in path: it answers as its own test vectors say, and ranks real photos."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from ganvas import files
from ganvas.cli.main import main
from ganvas.data.gallery import Gallery
from ganvas.errors import BadInput
from ganvas.study.extractors import extractor
from ganvas.study.pairs import paired
from tests.conftest import SHARED

sys.path.append(str(Path(__file__).parents[2] / "bench"))
import imagenet_small

NAME = "imagenet_small:SqueezeNet"
VECTORS = SHARED / "imagenet_small" / "squeezenet1.1" / "test_data_set"
pytestmark = pytest.mark.skipif(not VECTORS.is_dir(), reason="needs imagenet_small, which is not on this machine")


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.setenv("GANVAS_DATA", str(SHARED))
    monkeypatch.setattr(files, "cache_folder", lambda: tmp_path / "cache")


def photos(n: int) -> list[Image.Image]:
    return imagenet_small.crops(SHARED / "sr" / "BSD200", n)


def arrays(pictures: list[Image.Image]) -> list[np.ndarray]:
    return [np.asarray(picture).transpose(2, 0, 1) for picture in pictures]


def test_it_answers_as_its_test_vectors_say():
    net = imagenet_small.SqueezeNet().eval()
    x, y = (torch.from_numpy(np.load(VECTORS / "0" / f"{name}_0.npy")) for name in ("input", "output"))
    with torch.inference_mode():
        torch.testing.assert_close(net.logits(net.layers(x)[-1]), y, rtol=1e-5, atol=1e-3)
        assert (net.logits(net.layers(x.flip(1))[-1]) - y).abs().max() > 1, "the control: channels swapped"


def test_it_is_an_extractor_like_any_other():
    eye = extractor(NAME)
    assert (eye.name, eye.dim, eye.classes, eye.resize) == (NAME, 512, 1000, "224×224 Pillow bicubic")
    assert len(eye.digest) == 64 and eye(arrays(photos(1)))[0].shape == (1, 512)


def test_without_its_files_it_says_where_they_belong(monkeypatch, tmp_path):
    monkeypatch.setenv("GANVAS_DATA", str(tmp_path))
    for name in (NAME, "imagenet_small:Distance"):
        with pytest.raises(BadInput, match="set GANVAS_DATA") as caught:
            extractor(name)
        assert "\n" not in str(caught.value)


def test_the_command_of_the_documentation(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(Path(__file__).parents[2])
    for name, pictures in (("real", photos(8)), ("blurred", [p.filter(ImageFilter.BoxBlur(4)) for p in photos(8)])):
        (tmp_path / name).mkdir()
        for i, picture in enumerate(pictures):
            picture.resize((64, 64)).save(tmp_path / name / f"{i}.png")
    command = ["evaluate", str(tmp_path / "blurred"), "--against", str(tmp_path / "real"), "--extractor"]
    assert main([*command, "bench.imagenet_small:SqueezeNet", "--metric", "fid"]) == 0
    out = capsys.readouterr().out
    assert "fid in bench.imagenet_small:SqueezeNet" in out and "224×224 Pillow bicubic" in out
    assert main([*command, "bench.imagenet_small:Distance", "--metric", "distance,psnr"]) == 0
    out = capsys.readouterr().out
    assert "distance in bench.imagenet_small:Distance" in out and "psnr" in out and "lpips" not in out.lower()
    assert main([*command[:-1], "--metric", "distance"]) == 2
    assert "give --extractor" in capsys.readouterr().err


@pytest.mark.slow
def test_it_ranks_what_is_done_to_photos():
    found = imagenet_small.ranking(SHARED / "sr" / "BSD200")
    (real, honest), (_, jpeg), (blur, blurred), (noise, noisy) = found.values()
    assert real < blur < noise
    assert abs(honest.mean) < 2 * honest.std and min(jpeg.mean, blurred.mean, noisy.mean) > 4 * honest.std


def direct(x: np.ndarray, y: np.ndarray) -> float:
    """LPIPS as its authors write it: differences weighted and averaged layer by layer."""
    net, total = imagenet_small.Distance().eval(), 0.0
    state = torch.load(SHARED / "lpips_linear" / "squeeze.pth", map_location="cpu", weights_only=True)
    with torch.inference_mode():
        a, b = (net.layers(net.normalised(torch.from_numpy(z[None].astype(np.float32) / 255))) for z in (x, y))
        for k, i in enumerate((0, 2, 4, 5, 6, 7, 8)):
            one, other = (z[i] / z[i].square().sum(1, keepdim=True).sqrt() for z in (a, b))
            weight = state[f"lin{k}.model.1.weight"].flatten()[None, :, None, None]
            total += float((weight * (one - other).square()).sum(1).mean())
    return total


@pytest.mark.skipif(not (SHARED / "lpips_linear").is_dir(), reason="needs lpips_linear, which is not on this machine")
def test_distances_of_pairs_are_those_of_lpips_formula():
    originals = [p.resize((64, 64)) for p in photos(3)]
    made = [originals[0], originals[1].filter(ImageFilter.GaussianBlur(1)), imagenet_small.noisy(originals[2])]
    stacks = [arrays(originals), arrays(made)]
    a, b = (
        Gallery(n, n, 3, lambda i, j, s=s: s[i:j], ("1.png", "2.png", "3.png"))
        for n, s in zip("ab", stacks, strict=True)
    )
    found = paired(a, b, ["distance"], extractor=extractor("imagenet_small:Distance"))
    values = [row["distance"] for row in found.rows]
    assert values[0] == 0 and values[1] == pytest.approx(direct(stacks[0][1], stacks[1][1]), rel=1e-3)
    assert values[2] == pytest.approx(direct(stacks[0][2], stacks[1][2]), rel=1e-3) and 0 < values[1] < values[2]
    (score,) = found.scores
    assert score.name == "distance in imagenet_small:Distance" and score.value == pytest.approx(np.mean(values))
    assert score.better == "lower" and "3 of 3 pairs" in score.card.settings and score.card.digest
