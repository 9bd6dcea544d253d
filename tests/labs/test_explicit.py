"""`ganvas lab explicit`: what it measures is right where that is known, and it runs from end to end."""

import json
import math

import numpy as np
import pytest
import torch
from PIL import Image

import ganvas
from ganvas.cli.main import main
from ganvas.data.builtin import digits
from ganvas.data.open import open_source
from ganvas.labs.explicit import _sentences, density, scores
from ganvas.play.variational import bits_per_dim
from tests.conftest import strokes

SMALL = ["--images", "192", "--width", "4", "--latent", "4"]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explicit")
    np.save(folder / "strokes.npy", strokes(200))
    assert main(["lab", "explicit", "--data", str(folder / "strokes.npy"), *SMALL, "--out", str(folder / "lab")]) == 0
    return folder


def test_one_command_makes_two_runs_a_picture_and_numbers(done, capsys):
    numbers = json.loads((done / "lab" / "numbers.json").read_text())
    assert {"elbo", "kl", "bits_per_dim", "fitted_elbo", "sharpness"} <= set(numbers["vae"])
    assert numbers["vae"]["fitted_elbo"] > numbers["vae"]["elbo"], "the likeliest σ is the tighter bound"
    assert not {"elbo", "kl"} & set(numbers["dcgan"]), "an implicit density has none"
    assert "frechet" not in numbers["vae"], "the classifier of digits is not asked about strokes"
    with Image.open(done / "lab" / "explicit.png") as picture:
        assert picture.size[0] > 1500
    records = [json.loads((done / "lab" / name / "run.json").read_text()) for name in ("vae", "dcgan")]
    for key in ("width", "latent", "images", "batch", "kernel"):
        assert records[0]["arguments"][key] == records[1]["arguments"][key], key
    before = (done / "lab" / "numbers.json").read_bytes()
    assert main(["lab", "explicit", "--data", str(done / "strokes.npy"), *SMALL, "--out", str(done / "lab")]) == 0
    assert "192 images already" in capsys.readouterr().out.replace(",", "")
    assert (done / "lab" / "numbers.json").read_bytes() == before


def test_the_density_is_of_the_held_out_images(done):
    drawer, source = ganvas.load(done / "lab" / "vae"), open_source(str(done / "strokes.npy"))
    told = density(drawer, source, 0)
    images = source.held_out()["image"]
    assert told["held_out"] == len(images) > 0
    x = torch.from_numpy(images).float() / 127.5 - 1
    with torch.no_grad():
        elbos = torch.stack([drawer.game.bound(drawer.net, {"image": x}).elbo.mean() for _ in range(20)])
    assert told["elbo"] == pytest.approx(float(elbos.mean()), abs=6 * float(elbos.std()))
    assert told["bits_per_dim"] == pytest.approx(float(bits_per_dim(torch.tensor(told["elbo"]), 784, 2 / 255)))
    assert density(drawer, source, 0) == told and drawer.net.spread.sigma == 1.0


def test_scores_know_blur_and_missing_classes():
    stack = digits()
    images, labels = stack.images, stack.labels
    first, second = images[::2], images[1::2]
    same = scores(second, first, "digits")
    assert same["sharpness"] == pytest.approx(1, abs=0.05) and same["class_entropy"] > 0.99
    assert same["frechet"] < 3 * same["floor"]
    near = second.astype(np.float64)
    blurred = np.mean([np.roll(near, (i, j), (2, 3)) for i in (-1, 0, 1) for j in (-1, 0, 1)], 0).astype(np.uint8)
    assert scores(blurred, first, "digits")["sharpness"] < 0.3
    few = scores(second[labels[1::2] < 5], first, "digits")
    assert few["class_entropy"] < math.log(5.5) / math.log(10) and few["frechet"] > 20 * same["frechet"]
    assert few["sharpness"] == pytest.approx(1, abs=0.1), "dropped modes are not blur"


def test_what_is_printed_is_what_was_measured():
    vae = {"held_out": 472, "elbo": -766.6, "elbo_se": 0.5, "kl": 20.4, "fitted_elbo": -65.0, "fitted_sigma": 0.26}
    said = _sentences({"images": 60_000, "vae": vae | {"sharpness": 0.33}, "dcgan": {"sharpness": 1.09}})
    assert "ELBO of 472 held-out images -766.6 ± 0.5 nats an image, KL 20.4 nats" in said[1]
    assert "no density" in said[3] and "sharpness 1.09" in said[5] and "Fréchet" not in " ".join(said)


def test_too_few_images_are_refused_in_one_line(tmp_path, capsys):
    assert main(["lab", "explicit", "--images", "3", "--out", str(tmp_path)]) == 2
    assert "--images 3 is out of range" in capsys.readouterr().err
