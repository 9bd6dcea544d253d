"""Drawing pictures: depth kept, ranges kept, each picture its own."""

import numpy as np
import pytest
import torch
from torch import nn

from ganvas.data.source import DataSpec
from ganvas.play.latent import Latent, Normal
from ganvas.study.sample import Generator


class Ramp(nn.Module):
    """Answers z's first coordinate at every pixel, from −1 to 1: what comes out is known."""

    def __init__(self):
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, z):
        return z[:, :1, None, None].clamp(-1, 1).expand(-1, 1, 4, 4)


def generator(bits=8, range_=(0, 255), pixels=(-1.0, 1.0)):
    spec = DataSpec("x", ("image",), (1, 4, 4), range_, bits)
    return Generator(Ramp(), Latent(Ramp(), nn.Identity(), Normal(2)), Normal(2), spec, pixels)


@pytest.mark.parametrize(
    ("bits", "range_", "dtype", "top"),
    [(8, (0, 255), np.uint8, 255), (16, (0, 65535), np.uint16, 65535), (32, (-4.0, 4.0), np.float32, 4.0)],
)
def test_depth_and_range_are_the_datas(bits, range_, dtype, top):
    G = generator(bits, range_)
    images = np.asarray(G.sample(300, seed=1))
    z = G.latents(300, seed=1)[:, 0].clamp(-1, 1).numpy()
    assert images.dtype == dtype and images.max() == top and images.min() == range_[0]
    expected = range_[0] + (z + 1) / 2 * (range_[1] - range_[0])
    assert np.abs(images[:, 0, 0, 0] - expected).max() <= (0.51 if bits < 32 else 1e-5)


def test_a_sigmoid_generators_range_is_respected():
    assert np.asarray(generator(pixels=(0.0, 1.0)).sample(300)).min() == 0
    assert (np.asarray(generator(pixels=(0.0, 1.0)).sample(300)) == 0).mean() > (
        np.asarray(generator().sample(300)) == 0
    ).mean() + 0.2


def test_a_notebook_sees_a_sheet_and_slices_stay_pictures():
    images = generator().sample(9)
    assert images._repr_png_()[:4] == b"\x89PNG" and images[0]._repr_png_() is None
    assert images[:4].sheet().size[0] > 0


def test_floats_are_shown_in_their_own_range():
    """Points from −4 to 4 fill the sheet; taken for [0, 1] most would be clipped to white or black."""
    shown = np.asarray(generator(32, (-4.0, 4.0)).sample(64, seed=1)[:40].sheet().convert("L"))
    grey = ((shown > 5) & (shown < 250)).mean()
    assert grey > 0.4


def test_looking_draws_no_random_number_from_torch():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    generator().sample(10)
    assert torch.equal(before, torch.get_rng_state())


def test_sheets_have_full_rows_where_they_can():
    from ganvas.study.sheets import _columns

    columns = [_columns(n, tall) for n, tall in ((64, 1.0), (64, 1.5), (16, 1.0), (12, 1.0), (1, 1.0))]
    assert columns == [8, 8, 4, 3, 1]
    assert _columns(7, 1.0) == 3, "a prime number of pictures has no full rows"
