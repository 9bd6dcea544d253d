"""The frozen classifier: is it the file we shipped, does it read digits, does it say so when there are none."""

import json

import numpy as np
import pytest
import torch
from safetensors import safe_open

from ganvas.data.builtin import digits
from ganvas.data.packed import read_idx
from ganvas.errors import BadInput, Corrupt
from ganvas.measure.classes import mean_confidence
from ganvas.measure.frechet import floor, frechet, moments
from ganvas.nets import features
from ganvas.nets.features import NAME, SHA256, WEIGHTS, digit_classifier
from tests.conftest import SHARED


@pytest.fixture(scope="module")
def net():
    return digit_classifier()


@pytest.fixture(scope="module")
def mnist():
    """MNIST's test images, 10,000×1×28×28 in [0, 1], and their labels, in an order of their own (theirs is sorted)."""
    folder = SHARED / "mnist"
    if not folder.is_dir():
        pytest.skip("MNIST's test images are not on this machine (they are no part of the package)")
    images, labels = (read_idx(folder / f"t10k-{x}-ubyte.gz") for x in ("images-idx3", "labels-idx1"))
    order = np.random.default_rng(0).permutation(len(images))
    return torch.tensor(images[order])[:, None].float() / 255, torch.tensor(labels[order]).long()


@pytest.fixture(scope="module")
def demo():
    """The package's 5,000 digits. They are MNIST *training* images: nothing about generalisation can be read off."""
    try:
        stack = digits()
    except BadInput as error:
        pytest.skip(str(error))
    return torch.tensor(stack.images).float() / 255, torch.tensor(stack.labels)


@torch.no_grad()
def accuracy(net, images, labels):
    return (torch.cat([net(x).argmax(1) for x in images.split(1000)]) == labels).float().mean().item()


@torch.no_grad()
def look(net, images):
    found = torch.cat([net.features(x) for x in images.split(1000)])
    return found.numpy(), net.last(found).softmax(1).numpy()


@pytest.fixture(scope="module")
def seen(net, demo):
    """Features and probabilities of the 5,000."""
    return look(net, demo[0])


def test_frozen_and_small(net):
    assert not net.training and not any(p.requires_grad for p in net.parameters())
    assert sum(p.numel() for p in net.parameters()) == 118_650
    assert WEIGHTS.stat().st_size < 600_000
    x = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    assert net.features(x).shape == (3, 128) and net.features(x).min() >= 0
    torch.testing.assert_close(net(x), net.last(net.features(x)))


def test_file_says_what_it_is(net):
    with safe_open(WEIGHTS, "pt") as file:
        about = json.loads(file.metadata()["ganvas"])
    assert about["name"] == NAME == "fd-digits/v1"
    assert float(about["accuracy"]) >= 0.985
    assert "train_digits.py" in about["command"]


@pytest.mark.parametrize("position", [9, 300_000, -1], ids=["header", "weights", "last byte"])
def test_one_flipped_bit_is_refused(tmp_path, monkeypatch, position):
    data = bytearray(WEIGHTS.read_bytes())
    copy = tmp_path / WEIGHTS.name
    monkeypatch.setattr(features, "WEIGHTS", copy)
    copy.write_bytes(data)
    digit_classifier()  # the negative control: a faithful copy is accepted
    data[position] ^= 1
    copy.write_bytes(data)
    with pytest.raises(Corrupt, match=r"digits_v1\.safetensors") as error:
        digit_classifier()
    assert "\n" not in str(error.value)


def test_missing_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(features, "WEIGHTS", tmp_path / "none.safetensors")
    with pytest.raises(Corrupt):
        digit_classifier()


def test_an_image_has_its_features_alone(net):
    """In any batch, in train() and eval(): within the rounding of another summation order."""
    x = torch.rand(64, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    x[:32] = 0
    x[:32, :, 6:22, 13:15] = torch.linspace(0.5, 1, 32)[:, None, None, None]  # ones, of a sort
    together = net.features(x)
    alone = torch.cat([net.features(i[None]) for i in x])
    assert together.max() > 1
    torch.testing.assert_close(alone, together, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(features.DigitClassifier.features(net.train(), x), together, atol=0, rtol=0)
    net.eval()


def test_reads_unseen_digits(net, mnist):
    assert accuracy(net, *mnist) >= 0.985


def test_reads_digits_it_was_trained_on(demo, seen):
    assert (seen[1].argmax(1) == demo[1].numpy()).mean() >= 0.985


def test_reads_digits_that_sit_badly(net, demo):
    """A generator's digits are not centred like MNIST's. Upside down is the control: most then are no digits."""
    images, labels = (x[::5] for x in demo)
    grain = 0.1 * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    assert accuracy(net, images.roll((2, -2), (2, 3)), labels) >= 0.96
    assert accuracy(net, (images + grain).clamp(0, 1), labels) >= 0.97
    assert accuracy(net, images.flip(2), labels) < 0.6


def test_shrugs_at_what_is_no_digit(net, demo, seen):
    random = torch.Generator().manual_seed(0)
    pixels = torch.randperm(784, generator=random)
    images = demo[0][::25]
    assert mean_confidence(seen[1]) > 0.98
    for nothing in (
        torch.rand(200, 1, 28, 28, generator=random),
        (torch.rand(200, 1, 28, 28, generator=random) < 0.2).float(),
        torch.zeros(1, 1, 28, 28),
        1 - images,
        images.view(-1, 784)[:, pixels].view(-1, 1, 28, 28),
    ):
        assert mean_confidence(look(net, nothing)[1]) < 0.2


def test_distance_orders_what_is_worse(net, demo, seen):
    """Half of the digits against the other: near the floor. Then each fault further away than an honest sample."""
    order = torch.randperm(len(demo[0]), generator=torch.Generator().manual_seed(0))
    here, there = order[:2500], order[2500:]
    labels = demo[1][there]
    real = moments(seen[0][here])
    honest = frechet(moments(seen[0][there]), real)
    assert honest == pytest.approx(floor(real.cov, 2500, 2500), rel=0.3)
    no_nines = frechet(moments(seen[0][there[labels != 9]]), real)
    threes = frechet(moments(seen[0][there[labels == 3]]), real)
    blurred = torch.nn.functional.avg_pool2d(demo[0][there[:1000]], 3, 1, 1)
    blurred = frechet(moments(look(net, blurred)[0]), real)
    noise = torch.rand(1000, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    noise = frechet(moments(look(net, noise)[0]), real)
    assert 3 * honest < no_nines < blurred < threes < noise


def test_unit_is_the_data_s_own_variance(seen):
    """tr Σ = 1000 over MNIST's training images, of which these are a twelfth."""
    assert np.trace(moments(seen[0]).cov) == pytest.approx(1000, rel=0.03)


def test_digest_is_written_in_full():
    assert len(SHA256) == 64 and set(SHA256) <= set("0123456789abcdef")
