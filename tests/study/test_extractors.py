"""Extractors: the published resizes, every picture for itself, what does not fit said in one line, plug-ins."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from torch import nn

from ganvas.data.toys import Shapes
from ganvas.errors import BadInput, Corrupt
from ganvas.measure.frechet import floor, frechet, moments
from ganvas.nets import features, inception, precision
from ganvas.study import extractors
from ganvas.study.extractors import extractor, from_inception
from ganvas.study.resizing import pillow_bicubic, tf1_bilinear
from tests.conftest import strokes

sys.path.append(str(Path(__file__).parents[2] / "bench" / "parity"))
from weights import random_state


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@pytest.fixture(scope="module")
def shapes():
    """300 drawn shapes, 3×64×64."""
    return Shapes().held_out(300)


@pytest.fixture(scope="module")
def eye():
    return extractor("fd-shapes/v1")


# --- resizing


@pytest.mark.parametrize(
    ("seed", "size", "bicubic", "bilinear"),
    [
        (5, (40, 52), [149.1284, 206.0865, 168.1703], [190.4727, 155.9725, 197.7893]),
        (6, (400, 333), [155.1271, 59.8772, 109.6951], [148.0090, 54.9192, 93.8479]),
    ],
    ids=["larger", "smaller"],
)
def test_resizes_are_the_references(seed, size, bicubic, bilinear):
    """What clean-fid 0.1.35 and torch-fidelity 0.4.0 make of the same noise, at row 100."""
    image = noise(3, *size, seed=seed)
    old = tf1_bilinear(torch.from_numpy(image)[None].float(), 299, 299)[0].numpy()
    clean = pillow_bicubic(image, 299, 299)
    assert old.shape == clean.shape == (3, 299, 299) and old.dtype == clean.dtype == np.float32
    places = [3, 77, 150]
    np.testing.assert_allclose(old[0, 100, places], bilinear, atol=1e-4)
    np.testing.assert_allclose(clean[0, 100, places], bicubic, atol=1e-4)
    halves = nn.functional.interpolate(torch.from_numpy(image)[None].float(), (299, 299), mode="bilinear")[0]
    assert np.abs(halves[0, 100, places].numpy() - bilinear).max() > 5, "negative control: torch's own"


def test_tf1_bilinear_by_hand():
    """Output i reads at i·n/m: 0, ⅔, 4⁄3 of a row of two, the last one held at the edge."""
    row = torch.tensor([[[[0.0, 90.0]]]])
    torch.testing.assert_close(tf1_bilinear(row, 1, 3), torch.tensor([[[[0.0, 60.0, 90.0]]]]))
    image = torch.from_numpy(noise(1, 3, 20, 20)).float()
    assert torch.equal(tf1_bilinear(image, 20, 20), image)
    assert torch.equal(tf1_bilinear(image, 10, 5), image[:, :, ::2, ::4])  # no antialias: it takes every other pixel


def test_bicubic_is_antialiased_and_stays_in_range():
    edge = np.zeros((1, 8, 8), np.uint8)
    edge[:, :, 4:] = 255
    wide = pillow_bicubic(edge, 64, 64)
    assert wide.min() == 0 and wide.max() == 255
    board = np.indices((64, 64)).sum(0)[None] % 2 * np.uint8(255)
    assert np.abs(pillow_bicubic(board, 16, 16) - 127.5)[:, 2:-2, 2:-2].max() < 2
    assert tf1_bilinear(torch.from_numpy(board)[None].float(), 16, 16).max() == 0, "the control: it aliases"


# --- fd-shapes/v1 and fd-digits/v1


def test_fd_shapes_says_what_it_is(eye):
    assert (eye.name, eye.digest, eye.dim, eye.classes) == ("fd-shapes/v1", features.SHAPES_SHA256, 128, 24)
    assert eye.resize == "64×64 Pillow bicubic"
    assert features.SHAPES_WEIGHTS.stat().st_size <= 600_000
    assert sum(p.numel() for p in features.shape_classifier().parameters()) == 144_233
    with safe_open(features.SHAPES_WEIGHTS, "pt") as file:
        about = json.loads(file.metadata()["ganvas"])
    assert about["name"] == eye.name and "train_shapes.py" in about["command"]
    assert float(about["accuracy"]["coloured shape"]) > 0.98 and float(about["accuracy"]["emoji group"]) > 0.6


def test_a_changed_file_is_refused(tmp_path, monkeypatch):
    data = bytearray(features.SHAPES_WEIGHTS.read_bytes())
    monkeypatch.setattr(features, "SHAPES_WEIGHTS", tmp_path / "shapes.safetensors")
    features.SHAPES_WEIGHTS.write_bytes(data)
    extractor("fd-shapes/v1")  # the control: a faithful copy is accepted
    data[-1] ^= 1
    features.SHAPES_WEIGHTS.write_bytes(data)
    with pytest.raises(Corrupt, match="fd-shapes/v1"):
        extractor("fd-shapes/v1")


def test_fd_shapes_reads_shapes_of_any_size(eye, shapes):
    found, p = eye(shapes["image"])
    assert found.shape == (300, 128) and found.dtype == np.float32 and found.min() >= 0
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-5)
    assert (p.argmax(1) == shapes["label"]).mean() > 0.98
    for size in ((32, 32), (100, 130)):
        drawn = Shapes(size).held_out(100)
        right = (eye(drawn["image"])[1].argmax(1) == drawn["label"]).mean()
        assert right > 0.8, size
    assert (p.argmax(1) == np.roll(shapes["label"], 1)).mean() < 0.2, "negative control"


def test_fd_shapes_shrugs_at_what_is_no_shape(eye, shapes):
    sure = eye(shapes["image"])[1].max(1).mean()
    assert sure > 0.9
    assert eye(noise(50, 3, 64, 64))[1].max(1).mean() < 0.3


def test_fd_shapes_distance_orders_what_is_worse():
    drawn = Shapes().batch(7, 0, 1200)
    images, labels = drawn["image"], drawn["label"]
    eye = extractor("fd-shapes/v1")
    real = moments(eye(images[:600])[0])
    rest, kinds = images[600:], labels[600:]

    def distance(x):
        return frechet(moments(eye(x)[0]), real)

    honest = distance(rest)
    assert honest == pytest.approx(floor(real.cov, 600, 600), rel=0.5)
    blurred = np.stack([np.stack([blur(plane) for plane in image]) for image in rest[:300]])
    grain = np.random.default_rng(0).normal(0, 30, rest[:300].shape)
    worse = {
        "one colour missing": distance(rest[kinds % 6 != 0]),
        "one shape missing": distance(rest[kinds // 6 != 0]),
        "grey": distance(rest[:300].mean(1, keepdims=True).astype(np.uint8)),
        "blurred": distance(blurred),
        "noise": distance((rest[:300] + grain).clip(0, 255).astype(np.uint8)),
    }
    assert all(value > 2 * honest for value in worse.values()), (honest, worse)


def blur(plane):
    return np.asarray(Image.fromarray(plane).reduce(3).resize(plane.shape[::-1], Image.Resampling.BILINEAR))


def test_unit_of_fd_shapes_is_the_data_s_own_variance(eye):
    assert np.trace(moments(eye(Shapes().batch(0, 0, 1500)["image"])[0]).cov) == pytest.approx(1000, rel=0.03)


def test_fd_digits_is_the_classifier():
    digits = extractor("fd-digits/v1")
    images = noise(20, 1, 28, 28)
    found, p = digits(images)
    x = torch.from_numpy(images).float() / 255
    net = features.digit_classifier()
    np.testing.assert_allclose(found, net.features(x).numpy(), rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(p, net(x).softmax(1).numpy(), rtol=1e-4, atol=1e-6)
    assert (digits.dim, digits.classes, digits.resize) == (128, 10, "none (28×28 grey)")
    np.testing.assert_array_equal(digits(images.repeat(3, 1))[0], found)  # grey stored as colour
    with pytest.raises(BadInput, match="28×28 and these are 32×32"):
        digits(noise(2, 1, 32, 32))


def test_pixels_are_an_extractor_without_a_network():
    pixels = extractor("pixels")
    assert (pixels.dim, pixels.classes, pixels.resize, pixels.digest) == (3072, 0, "32×32 Pillow bicubic", "")
    images = [noise(3, 32, 32), noise(1, 32, 32), noise(3, 80, 50)]
    found, p = pixels(images)
    assert p is None
    np.testing.assert_allclose(found[0], images[0].ravel() / 255, atol=1e-6)
    np.testing.assert_allclose(found[1], images[1].repeat(3, 0).ravel() / 255, atol=1e-6)
    assert np.linalg.norm(found[0] - found[2]) > 1
    np.testing.assert_array_equal(pixels(images[1:2])[0], found[1:2])
    with pytest.raises(BadInput, match="leave them out"):
        extractor("pixels", precision="bf16")


# --- one picture, one answer


@pytest.mark.parametrize("name", ["fd-digits/v1", "fd-shapes/v1", "inception", "inception-clean"])
def test_an_answer_depends_on_no_other_picture(name, net, monkeypatch):
    if name.startswith("inception"):
        monkeypatch.setattr(extractors, "BATCH", 2)
        ours, images = from_inception(net, "random", clean=name.endswith("clean")), noise(3, 3, 20, 30)
    else:
        ours, images = extractor(name), strokes(37) if "digits" in name else noise(37, 3, 40, 50)
    found, p = ours(images)
    assert found.std(0).max() > 0
    backwards, q = ours(images[::-1])
    np.testing.assert_array_equal(backwards[::-1], found)
    np.testing.assert_array_equal(q[::-1], p)
    alone, r = ours(images[1:2])
    np.testing.assert_array_equal(alone, found[1:2])
    np.testing.assert_array_equal(r, p[1:2])


@pytest.fixture(scope="module")
def net():
    net = inception.InceptionV3().eval().requires_grad_(False)
    net.load_state_dict(random_state(net.state_dict()))
    return net


@pytest.mark.parametrize("native, sentences", [(False, 1), (True, 0)])
def test_bf16_that_is_imitated_is_said(net, monkeypatch, native, sentences):
    monkeypatch.setattr(inception, "pretrained", lambda weights, say: net)
    monkeypatch.setattr(precision, "_native", lambda kind: native)
    told = []
    extractor("inception@bf16", say=told.append)
    assert len(told) == sentences


def test_inception_says_how_it_resizes_and_rounds(net, monkeypatch):
    monkeypatch.setattr(extractors, "BATCH", 1)
    monkeypatch.setattr(inception, "pretrained", lambda weights, say: net)
    image = noise(3, 40, 52, seed=5)
    old, clean, rounded = (extractor(name) for name in ("inception", "inception-clean", "inception@bf16"))
    assert (old.name, old.resize) == ("inception", "299×299 TF-1 bilinear")
    assert (clean.name, clean.resize) == ("inception-clean", "299×299 Pillow bicubic")
    assert rounded.name == extractor("inception", precision="bf16").name == "inception@bf16"
    assert old.digest == clean.digest == inception.SHA256 and old.dim == 2048 and old.classes == 1008
    (a, p), (b, _), (c, _) = (e([image]) for e in (old, clean, rounded))
    with torch.no_grad():
        expected = net.features(tf1_bilinear(torch.from_numpy(image)[None].float(), 299, 299))
    np.testing.assert_allclose(a, expected.numpy(), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(p, net.logits(expected).softmax(1).numpy(), rtol=1e-3, atol=1e-6)
    assert np.abs(a - b).max() > 0.01
    assert 1e-4 < np.linalg.norm(a - c) / np.linalg.norm(a) < 2e-2


def test_grey_depth_and_mixed_sizes(eye):
    grey = noise(1, 30, 40)
    found, _ = eye(
        [grey, grey.repeat(3, 0), grey.astype(np.uint16) * 257, grey.astype(np.float32) / 255, noise(3, 9, 9)]
    )
    for other in found[1:4]:
        np.testing.assert_array_equal(other, found[0])
    assert np.abs(found[4] - found[0]).max() > 1
    assert eye([])[0].shape == (0, 128) and eye([])[1].shape == (0, 24)


@pytest.mark.parametrize("name", ["fd-digits/v1", "fd-shapes/v1", "inception", "inception-clean", "{own}:Means"])
def test_floats_are_rounded_nowhere(name, net, own, monkeypatch):
    """A fifth of a grey level more is another picture as float32, and the same one in 8 bits."""
    if name.startswith("inception"):
        monkeypatch.setattr(extractors, "BATCH", 2)
        ours = from_inception(net, "random", clean=name.endswith("clean"))
    else:
        ours = extractor(name.format(own=own))
    eight = strokes(2) if ours.channels == 1 else noise(2, 3, 28, 28)
    x = eight.astype(np.float32) / 255
    a, b = ours(x)[0], ours((x + np.float32(0.2 / 255)).clip(0, 1))[0]
    np.testing.assert_array_equal(ours(eight)[0], a)  # what 8 bits can hold is seen alike in both
    assert (np.abs(a - b).max(1) > 1e-6 * np.abs(a).max()).all()
    rounded = np.rint((x + np.float32(0.2 / 255)).clip(0, 1) * 255).astype(np.uint8)
    np.testing.assert_array_equal(ours(rounded)[0], a)  # the control


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (noise(4, 20, 20), "image 1 has 4 channels"),
        (noise(20, 20), "image 1 is uint8 of shape"),
        (noise(3, 20, 20).astype(np.int64), "image 1 is int64"),
        (noise(3, 20, 20).astype(np.float32), "floats outside 0…1"),
        (np.full((3, 20, 20), np.nan, np.float32), "floats outside 0…1"),
        (noise(3, 0, 20), "shape"),
    ],
    ids=["opacity", "no channels", "integers", "scale", "nan", "empty"],
)
def test_what_does_not_fit_is_said_in_one_line(eye, image, words):
    with pytest.raises(BadInput, match=words) as caught:
        eye([noise(3, 20, 20), image])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("incepton", {}, "there are inception, inception-clean, fd-digits/v1"),
        ("inception", {"precision": "fp16"}, "fp32 or bf16"),
        ("fd-shapes/v1", {"precision": "bf16"}, "leave them out"),
        ("fd-digits/v1", {"weights": Path("x.pth")}, "leave them out"),
        ("none.onnx", {}, "no file"),
        ("no.such.module:Net", {}, "cannot import"),
        ("numpy:no_such_thing", {}, "cannot import"),
        ("math:pi", {}, "no torch module"),
    ],
)
def test_unknown_extractors(name, options, words):
    with pytest.raises(BadInput, match=words) as caught:
        extractor(name, **options)
    assert "\n" not in str(caught.value)


# --- plug-ins

PLUGIN = '''
import torch
from torch import nn

class Means(nn.Module):
    """Each channel's mean and its square; which channel is brightest."""
    size = (16, 24)
    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(2.0))
        self.bn = nn.BatchNorm2d(3)
    def forward(self, x):
        assert not self.training and x.shape[1:] == (3, 16, 24)
        means = x.mean((2, 3))
        return torch.cat([means, means * means], 1) * self.gain, means * 100

class Other(Means):
    def __init__(self):
        super().__init__()
        self.gain.data += 1

def mean(x):
    return x.mean((2, 3))

def wrong(x):
    return x.mean()

def odd(x):
    return x.view(len(x), 3, 10, 10).mean((2, 3))

def endless(x):
    return x.mean((2, 3)) / 0

class Grey:
    channels = 1
    def __call__(self, x):
        return x.flatten(2).std(2)

grey = Grey()
'''


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A module of the user's own in the working folder."""
    (tmp_path / "mine_for_ganvas.py").write_text(PLUGIN)
    monkeypatch.chdir(tmp_path)
    yield "mine_for_ganvas"
    sys.modules.pop("mine_for_ganvas", None)


def test_a_torch_module_as_extractor(own):
    ours = extractor(f"{own}:Means")
    assert (ours.dim, ours.classes, ours.resize) == (6, 3, "16×24 Pillow bicubic")
    images = noise(20, 3, 32, 48)
    found, p = ours(images)
    means = images.mean((2, 3)) / 255
    np.testing.assert_allclose(found, 2 * np.concatenate([means, means**2], 1), atol=0.02)
    assert p.shape == (20, 3) and (p.argmax(1) == means.argmax(1)).mean() > 0.8
    again, other = extractor(f"{own}:Means"), extractor(f"{own}:Other")
    assert ours.digest == again.digest != other.digest and len(ours.digest) == 64


def test_a_function_as_extractor(own):
    ours = extractor(f"{own}:mean")
    assert (ours.name, ours.dim, ours.classes, ours.resize) == (f"{own}:mean", 3, 0, "none")
    images = noise(20, 3, 12, 14)
    found, p = ours(images)
    np.testing.assert_allclose(found, images.mean((2, 3)) / 255, rtol=1e-5)
    assert p is None
    with pytest.raises(BadInput, match="images 1 and 2 are 12×14 and 14×12"):
        ours([*images[:2], noise(3, 14, 12)])
    assert extractor(f"{own}:grey")(images)[0].shape == (20, 1)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("wrong", "must be 16×d features"),
        ("odd", "size = "),
        ("endless", "NaN or infinite features, first for image 0"),
    ],
)
def test_a_plugin_that_fails_says_so(own, name, words):
    with pytest.raises(BadInput, match=words) as caught:
        extractor(f"{own}:{name}")(noise(3, 3, 10, 10))
    assert "\n" not in str(caught.value)


def test_onnx_without_onnxruntime(tmp_path, monkeypatch):
    (tmp_path / "net.onnx").write_bytes(b"whatever")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(BadInput, match=r'pip install "ganvas\[onnx\]"'):
        extractor(str(tmp_path / "net.onnx"))


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: bytes | int | str) -> bytes:
    """One protobuf field: what an .onnx file is made of."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor_info(name: str, shape: tuple[int | str, ...]) -> bytes:
    dims = b"".join(field(1, field(2 if isinstance(d, str) else 1, d)) for d in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))


def onnx_means(path: Path, shape: tuple[int | str, ...]) -> Path:
    """GlobalAveragePool of "x" as an .onnx file: N×3×H×W → N×3×1×1. Written by hand: the onnx package is not needed."""
    node = field(1, "x") + field(2, "y") + field(4, "GlobalAveragePool")
    graph = field(1, node) + field(2, "g") + field(11, tensor_info("x", shape))
    graph += field(12, tensor_info("y", (shape[0], shape[1], 1, 1)))
    path.write_bytes(field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 13)))
    return path


def test_an_onnx_file_as_extractor(tmp_path):
    pytest.importorskip("onnxruntime")
    images = noise(20, 3, 32, 32)
    for batch in ("n", 1):
        ours = extractor(str(onnx_means(tmp_path / "net.onnx", (batch, 3, 16, 16))))
        assert (ours.name, ours.dim, ours.classes, ours.resize) == ("net.onnx", 3, 0, "16×16 Pillow bicubic")
        found, _ = ours(images)
        np.testing.assert_allclose(found, images.mean((2, 3)) / 255, atol=0.02)
    with pytest.raises(BadInput, match="takes 4 images at once"):
        extractor(str(onnx_means(tmp_path / "net.onnx", (4, 3, 16, 16))))
    with pytest.raises(BadInput, match="one N×3×H×W float image"):
        extractor(str(onnx_means(tmp_path / "net.onnx", ("n", 5, 16, 16))))
    (tmp_path / "net.onnx").write_bytes(b"whatever")
    with pytest.raises(BadInput, match="no ONNX network") as caught:
        extractor(str(tmp_path / "net.onnx"))
    assert "\n" not in str(caught.value)
