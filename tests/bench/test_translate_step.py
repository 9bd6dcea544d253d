"""bench/translate_step.py: what is laid out, what counts as the same networks. The race itself needs the peer."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

BENCH = Path(__file__).parents[2] / "bench"
sys.path.insert(0, str(BENCH))

import translate_step  # noqa: E402
import translators  # noqa: E402


@pytest.mark.parametrize("name", translate_step.WORKLOADS)
def test_data_lie_where_the_peer_looks(name, tmp_path):
    root = translate_step.lay_out(tmp_path, name)
    files = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.jpg"))
    first = {"pix2pix": "test/0000.jpg", "cyclegan": "test/A/0000.jpg", "srgan": "0000.jpg"}[name]
    assert files[0] == first
    with Image.open(root / first) as image:
        assert image.size == ((512, 256) if name == "pix2pix" else (256, 256))


def test_other_networks_are_refused():
    def said(n: int, inner: type[nn.Module] = nn.ReLU):
        net = nn.Sequential(nn.Conv2d(3, n, 3), inner(), nn.Conv2d(n, 3, 3))
        return translate_step.fingerprint([(net, lambda net, x, y: net(x))])

    assert translate_step.same_networks(said(4), said(4)) == ""
    assert "other shapes" in translate_step.same_networks(said(4), said(5))
    assert "outputs differ" in translate_step.same_networks(said(4), said(4, nn.Tanh))


def test_our_build_of_an_upsampling_is_theirs():
    """cyclegan.py doubles by nearest neighbours and convolves; ours is one layer with the same weights."""
    ours = translators.UpConv2d(4, 2)
    theirs = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(4, 2, 3, padding=1))
    theirs[1].load_state_dict(ours.state_dict())
    x = torch.randn(1, 4, 6, 5)
    assert torch.allclose(ours(x), theirs(x), atol=1e-6)
    assert not torch.allclose(ours(x), theirs(x.flip(3)), atol=1e-2)


def test_their_judge_sees_the_target_first():
    D = translators.Judge(pair=True)
    x, y = torch.randn(2, 1, 3, 32, 32)
    assert torch.equal(D(torch.cat([x, y], 1)), D.layers(torch.cat([y, x], 1)))
    assert not np.allclose(D(torch.cat([y, x], 1)).detach(), D(torch.cat([x, y], 1)).detach())
