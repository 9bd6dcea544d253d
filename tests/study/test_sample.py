"""Drawing pictures: depth kept, ranges kept, each picture its own."""

import numpy as np
import pytest
import torch
from torch import nn

from ganvas.data.source import Column, DataSpec
from ganvas.errors import BadInput
from ganvas.play.latent import Latent, Normal
from ganvas.study.sample import Generator
from ganvas.study.sheets import sheet


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


# ---- conditions ----------------------------------------------------------------------------------------------------


class Told(nn.Module):
    """The left half answers z's first coordinate, the right half the label, both between −1 and 1."""

    def __init__(self):
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, z, label):
        label = (label if label.ndim == 2 else label[:, None]).float()
        left = z[:, :1, None, None].clamp(-1, 1).expand(-1, 1, 4, 2)
        return torch.cat([left, (label.sum(1) / 5 - 1)[:, None, None, None].expand(-1, 1, 4, 2)], 3)


def told(levels=10):
    columns = (Column("kind", ("a", "b", "c")), Column("size", (), (0.0, 4.0))) if levels == 2 else ()
    classes = tuple(f"class {k}" for k in range(levels)) if not columns else ()
    spec = DataSpec("x", ("image", "label"), (1, 4, 4), classes=classes, columns=columns)
    game = Latent(Told(), nn.Identity(), Normal(2), conditional=True)
    return Generator(Told(), game, Normal(2), spec, (-1.0, 1.0))


def halves(images):
    return np.asarray(images)[:, 0, 0, 0], np.asarray(images)[:, 0, 0, 3]


def is_told(right, label):
    """Whether the right halves answer these labels, which are 25 grey values apart."""
    return (np.abs(right - np.asarray(label) / 10 * 255) <= 1).all()


def test_a_class_by_name_index_or_one_for_each():
    G, latents = told(), halves(told().sample(4, seed=2))[0]
    for label, expected in ((7, [7] * 4), ("class 7", [7] * 4), ("7", [7] * 4), ([3, "class 1", 0, 9], [3, 1, 0, 9])):
        left, right = halves(G.sample(4, seed=2, label=label))
        assert is_told(right, expected) and (left == latents).all()
    assert is_told(halves(255 * G(G.latents(4)).numpy())[1], [0, 1, 2, 3])
    assert is_told(halves(G.sample(4, seed=2))[1], [0, 1, 2, 3]), "in turn where none is asked for"
    assert not is_told(halves(G.sample(4, seed=2, label=6))[1], [7] * 4), "negative control"
    for label, match in (("clas 7", "perhaps class 7"), (10, "no class 10"), ([1, 2], "a list of 2 for 4 pictures")):
        with pytest.raises(BadInput, match=match):
            G.sample(4, label=label)


def test_picture_i_is_the_same_alone_or_in_a_sheet_given_its_label():
    G = told()
    whole = np.asarray(G.sample(40, seed=3))
    assert (whole[17:19] == np.asarray(G.sample(2, seed=3, first=17))).all()
    rows = np.asarray(G.by_class(30, seed=3, first=5)).reshape(10, 3, 1, 4, 4)
    for k in range(10):
        assert (rows[k] == np.asarray(G.sample(3, seed=3, first=5, label=k))).all()
    assert not (rows[1] == rows[0]).all(), "negative control"


def test_a_row_for_each_class_of_the_same_latents():
    images = told().by_class()
    left, right = (half.reshape(10, 8) for half in halves(images))
    assert images.rows == tuple(f"class {k}" for k in range(10))
    assert (left == left[:1]).all() and len(set(left[0])) > 4 and is_told(right, np.arange(10)[:, None])
    assert len(told().by_class(64)) == 70 and len(told().by_class(3)) == 3 and len(told(40).by_class()) == 32 * 8
    assert len(told(40).by_class(64, most=10)) == 70


def test_the_sheet_names_its_rows():
    images = told().by_class()
    plain, named = sheet(np.asarray(images), columns=8), images.sheet()
    margin = named.width - plain.width
    assert margin > 20 and named.height == plain.height
    assert (np.asarray(named)[:, margin:] == np.asarray(plain)).all()
    ink = (np.asarray(named)[:, :margin] > 150).any(1)
    rows = ink.reshape(10, -1) if len(ink) % 10 == 0 else np.array_split(ink, 10)
    assert all(row.any() and not row[:2].any() for row in rows), "a name beside every row, none between"
    assert images[:4].rows == () and images[:4].sheet().width < 10**4, "a part of it has no names"
    images.rows = ("猫", "a" * 300, *images.rows[2:])
    assert images.sheet().width <= plain.width * 1.5 + 20, "long names are cut"


def test_several_columns_are_told_in_the_datas_units():
    G = told(2)
    right = halves(G.sample(3, label={"kind": "c", "size": 3.0}))[1]
    assert is_told(right, 2 + 0.5) and (halves(G.sample(3, label="kind=c,size=3"))[1] == right).all()
    images = G.by_class()
    assert len(images.rows) == 9 and images.rows[0] == "kind=a, size=0" and images.rows[-1] == "kind=c, size=4"
    with pytest.raises(BadInput, match="no class 'd'"):
        G.sample(3, label="kind=d")


def test_without_labels_there_is_nothing_to_ask_for():
    for call in (lambda G: G.sample(2, label=0), lambda G: G.by_class()):
        with pytest.raises(BadInput, match="trained without labels") as caught:
            call(generator())
        assert "\n" not in str(caught.value)
