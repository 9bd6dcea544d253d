"""Asking a translator: any size and depth, tiled as whole, the same to the bit as in training."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import ganvas
from ganvas.data.source import DataSpec, View
from ganvas.errors import BadInput
from ganvas.nets.translation import ResNetTranslator, TwoWay
from ganvas.nets.unet import UNet
from ganvas.play.paired import Paired
from ganvas.play.unpaired import Unpaired
from ganvas.study.tiling import padded, tiles, translated
from ganvas.study.translate import Translator
from tests.conftest import TOY

SHORT = dict(images=32, batch=8, quiet=True, threads=1)


def spec(a=1, b=3, bits=8, **more):
    white = {8: 255, 16: 65535, 32: 1}[bits]
    views = View("a", (a, 32, 32), (0, white), bits), View("b", (b, 32, 32), (0, white), bits)
    return DataSpec("toy", ("a", "b"), views[1].shape, views[1].range, bits, 10, 4, views=views, **more)


def shaken(net, seed=0):
    torch.manual_seed(seed)
    for p in net.parameters():
        nn.init.normal_(p, 0, 0.2)
    return net.eval()


def translator(a=1, b=3, bits=8, dropout=0.0):
    net = shaken(UNet(a, b, 4, 3, dropout=dropout))
    return Translator(net, Paired(net, nn.Identity()), spec(a, b, bits), (-1.0, 1.0), label={"seed": 3})


NETS = [lambda: UNet(1, 2, 4, 3), lambda: UNet(1, 1, 4, 4, "instance"), lambda: ResNetTranslator(1, 1, 4, 2),
        lambda: ResNetTranslator(1, 1, 4, 1, "batch", 0.5)]  # fmt: skip


@pytest.mark.parametrize("make", NETS)
def test_tiled_is_whole(make):
    net, x = shaken(make()), torch.rand(1, 1, 133, 251) * 2 - 1
    budget = (2 * net.halo + 3 * net.multiple) ** 2 * net.floats * 4
    assert len(tiles(net, 136, 256, budget)) > 1
    whole, tiled = translated(net, x, 5, 1 << 30), translated(net, x, 5, budget)
    assert whole.shape == (1, 2 if whole.shape[1] == 2 else 1, 133, 251) and whole.std() > 0.1
    assert (whole - tiled).abs().max() < 1e-4  # of 2; a grey level is 8e-3


@pytest.mark.parametrize("make", NETS)
def test_negative_control_too_small_a_halo_is_seen(make):
    net, x = shaken(make()), torch.rand(1, 1, 133, 251) * 2 - 1
    whole = translated(net, x, 5, 1 << 30)
    net.halo //= 4
    tiled = translated(net, x, 5, (2 * net.halo + 3 * net.multiple) ** 2 * net.floats * 4)
    assert (whole - tiled).abs().max() > 0.01


def test_statistics_of_tiles_are_not_those_of_the_whole():
    """Why they are collected first: tiles that use their own differ visibly."""
    net, x = shaken(ResNetTranslator(1, 1, 4, 1)), torch.linspace(-1, 1, 128).expand(1, 1, 64, 128).contiguous()
    whole = translated(net, x, 0, 1 << 30)
    assert (net(x[..., :64])[..., :32] - whole[..., :32]).abs().max() > 0.05


def test_a_picture_that_fits_no_tile_is_said():
    net = shaken(UNet(1, 1, 4, 3))
    with pytest.raises(BadInput, match=r"does not fit.*--memory"):
        translated(net, torch.zeros(1, 1, 400, 400), 0, 1000)


def test_random_state_and_network_are_left_as_they_were():
    net, x = shaken(ResNetTranslator(1, 1, 4, 1, dropout=0.5)), torch.zeros(1, 1, 133, 251)
    before = torch.get_rng_state()
    translated(net, x, 1, (2 * net.halo + 12) ** 2 * net.floats * 4)
    assert torch.equal(before, torch.get_rng_state())
    assert all(getattr(m, "given", None) is None and getattr(m, "window", None) is None for m in net.modules())


def test_padding_is_mirrored_where_that_reaches_and_repeated_beyond():
    x = torch.arange(6.0).view(1, 1, 2, 3)
    y = padded(x, 4, 4)
    assert y.shape == (1, 1, 4, 4) and y[0, 0, 0].tolist() == [0, 1, 2, 1]
    assert y[0, 0, :, 0].tolist() == [0, 3, 3, 3]


@pytest.mark.parametrize("height, width", [(1000, 37), (1, 50), (32, 32), (3, 2)])
def test_any_size(height, width):
    made = translator()(np.zeros((height, width), np.uint8))
    assert made.shape == (height, width, 3) and made.dtype == np.uint8


def test_each_kind_comes_back_as_it_came():
    T, grey = translator(), np.random.default_rng(0).integers(0, 256, (40, 24), np.uint8)
    pil = T(Image.fromarray(grey))
    assert isinstance(pil, Image.Image) and pil.mode == "RGB" and pil.size == (24, 40)
    array, tensor = T(grey), T(torch.from_numpy(grey)[None] / 255)
    assert np.array_equal(np.asarray(pil), array)
    assert tensor.shape == (3, 40, 24) and np.array_equal(np.rint(tensor.numpy() * 255), np.moveaxis(array, -1, 0))
    assert T(torch.zeros(2, 1, 32, 32)).shape == (2, 3, 32, 32)
    same = translator(3, 3)
    assert same(np.zeros((3, 40, 24), np.uint8)).shape == (3, 40, 24)
    assert same(np.zeros((40, 24, 3), np.uint8)).shape == (40, 24, 3)


@pytest.mark.parametrize("trained, given, made", [(8, "uint8", "uint8"), (8, "uint16", "uint16"), (8, "float32", "float32"),
                                                  (16, "uint16", "uint16"), (16, "uint8", "uint8")])  # fmt: skip
def test_depth_is_that_of_training_or_of_the_picture(trained, given, made):
    T = translator(1, 1, trained)
    white = {"uint8": 255, "uint16": 65535, "float32": 1}[given]
    picture = (np.linspace(0, 1, 32 * 32).reshape(1, 32, 32) * white).astype(given)
    out = T.translate(picture)
    assert out.dtype == made
    unit = T(torch.from_numpy(picture.astype(np.float32) / white))
    assert np.abs(out.astype(np.float64) / white - unit.numpy()).max() <= 0.51 / white + 1e-6
    if given == "uint16":
        assert len(np.unique(out)) > 300, "more levels than 8 bits hold"


def test_colour_and_grey_are_converted_and_other_channels_refused():
    T = translator(1, 3)
    assert T(Image.new("RGB", (32, 32), "red")).size == (32, 32)
    assert T(Image.new("RGBA", (32, 32))).size == (32, 32)
    with pytest.raises(BadInput, match=r"6 channels.*trained on 1"):
        T.translate(np.zeros((6, 32, 32), np.uint8))
    with pytest.raises(BadInput, match="goes to B"):
        T(np.zeros((32, 32), np.uint8), to="a")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("photo.png", "not str: open a file with PIL.Image.open"),
        (np.zeros(5), r"not an array of shape \(5,\)"),
        (np.full((8, 8), 1.5, np.float32), "floats are in 0…1, these from 1.5 to 1.5"),
        (np.full((8, 8), np.nan, np.float32), "from nan to nan"),
        (torch.full((1, 8, 8), -0.5), "from -0.5 to -0.5"),
        (torch.zeros(1, 8, 8, dtype=torch.uint8), "torch.uint8 from 0 to 0"),
        (torch.zeros(8, 8), r"not a tensor of shape \(8, 8\)"),
    ],
)
def test_what_is_no_picture_is_refused(given, says):
    with pytest.raises(BadInput, match=says):
        translator(1)(given)


def test_transparency_is_laid_on_white():
    T = translator(3, 3)
    clear, white = Image.new("RGBA", (32, 32), (0, 0, 0, 0)), Image.new("RGB", (32, 32), "white")
    assert np.array_equal(np.asarray(T(clear)), np.asarray(T(white)))


def test_both_ways_and_what_is_hidden():
    net = shaken(TwoWay("ResNetTranslator", 1, 3, width=4, blocks=1))
    T = Translator(net, Unpaired(net, nn.ModuleDict()), spec(), (-1.0, 1.0))
    assert T(np.zeros((32, 32), np.uint8)).shape == (32, 32, 3)
    assert T(np.zeros((32, 32, 3), np.uint8), to="A").shape == (32, 32, 1)

    class Held:
        def held_out(self, n):
            rng = np.random.default_rng(0)
            return {
                "a": rng.integers(0, 256, (2, 1, 32, 32), np.uint8),
                "b": rng.integers(0, 256, (2, 3, 32, 32), np.uint8),
            }

    measured = T.measure(Held())
    assert set(measured) == {"val/cycle", "val/hidden"} and 0.5 < measured["val/hidden"] < 1.5


def test_a_way_back_that_reads_a_hidden_message_is_told():
    """A translator to grey that writes the picture into the last digits, and one that reads it there."""

    class Writes(nn.Module):
        multiple = least = halo = floats = 1

        def forward(self, x):
            return 0.002 * x

    class Reads(Writes):
        def forward(self, y):
            return (y / 0.002).clamp(-1, 1)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.ab, self.ba, self.weight = Writes(), Reads(), nn.Parameter(torch.zeros(1))

    class Held:
        def held_out(self, n):
            return {key: np.random.default_rng(0).integers(0, 256, (2, 1, 32, 32), np.uint8) for key in "ab"}

    T = Translator(Net(), Unpaired(Net(), nn.ModuleDict()), spec(1, 1), (-1.0, 1.0))
    honest = T._there_and_back(Held().held_out(1)["a"][0], "a")
    assert honest[1] / max(honest[0], 1e-9) > 3


@pytest.mark.parametrize("recipe", ["pix2pix", "cyclegan"])
def test_a_snapshot_alone_makes_the_picture_of_training_to_the_bit(recipe, tmp_path, monkeypatch):
    """No flag, no recipe, no data: dropout, norms and pixel range are in the file."""
    from ganvas.watching import Watcher

    seen = {}

    def picture(self):
        from ganvas.watching import standing_generator

        T, held = standing_generator(self.trainer), self.trainer.source.held_out(2)
        seen["in training"], seen["given"] = T.translate(held["a"][0], seed=self.trainer.seed), held["a"][0]
        self.due = []
        return {}

    monkeypatch.setattr(Watcher, "picture", picture)
    monkeypatch.setattr(Watcher, "__init__", lambda self, trainer, folder: vars(self).update(
        trainer=trainer, folder=folder, due=[trainer.length], last=(0, 0.0)))  # fmt: skip
    run = ganvas.train(
        recipe, data="edges" if recipe == "pix2pix" else "outlines", run=tmp_path, **TOY[recipe], **SHORT
    )
    T = ganvas.load(run.folder)
    assert np.array_equal(T.translate(seen["given"]), seen["in training"])
    if recipe == "pix2pix":
        assert not np.array_equal(T.translate(seen["given"], seed=99), seen["in training"]), "control: other noise"
