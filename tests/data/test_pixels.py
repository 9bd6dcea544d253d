"""Scaling, depth and channels: exact where they can be, and compared with other arithmetic where not."""

import numpy as np
import pytest
from PIL import Image

from ganvas.data.pixels import is_grey, resize, with_channels, with_depth

RNG = np.random.default_rng(0)
TYPES = {np.uint8: 255, np.uint16: 65535, np.float32: 1}


def noise(*shape, dtype=np.uint8):
    return (RNG.random(shape) * TYPES[dtype]).astype(dtype)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("size", [(5, 7), (16, 16), (40, 20), (64, 64)])
def test_shape_type_and_range_survive(dtype, channels, size):
    image = noise(channels, 20, 30, dtype=dtype)
    image[-1] = TYPES[dtype]  # where the last channel is opacity, nothing is see-through
    scaled = resize(image, size)
    assert scaled.shape == (channels, *size) and scaled.dtype == dtype and scaled.flags.c_contiguous
    assert scaled.min() >= image.min() and scaled.max() <= image.max()


def test_the_same_size_is_the_same_picture():
    image = noise(3, 20, 30)
    assert resize(image, (20, 30)) is image


@pytest.mark.parametrize("dtype", TYPES)
def test_halving_a_flat_pair_averages_it(dtype):
    """Antialiasing: fine stripes become their mean, where picking pixels would keep black or white."""
    stripes = np.zeros((1, 64, 64), dtype)
    stripes[:, :, ::2] = TYPES[dtype]
    inner = resize(stripes, (16, 16))[:, 2:-2, 2:-2] / TYPES[dtype]
    assert np.abs(inner - 0.5).max() < 0.02
    assert np.abs(stripes[:, ::4, ::4] / TYPES[dtype] - 0.5).min() == 0.5, "negative control"


def test_depth_of_sixteen_bit_is_not_lost_on_the_way():
    ramp = np.linspace(20000, 21000, 64 * 64).reshape(1, 64, 64).astype(np.uint16)
    assert len(np.unique(resize(ramp, (32, 32)))) > 500  # through 8 bits it would be 4 values


def test_crop_is_centred():
    image = np.zeros((1, 10, 30), np.uint8)
    image[:, :, 10:20] = 200
    assert (resize(image, (10, 10)) == 200).all()
    assert (resize(image.transpose(0, 2, 1), (10, 10)) == 200).all()
    odd = np.zeros((1, 20, 21), np.uint8)  # the crop falls between pixels: half of each outer column
    odd[:, :, 10] = 100
    assert (resize(odd, (20, 20)) == resize(odd, (20, 20))[:, :, ::-1]).all()


def test_agrees_with_pillow_for_eight_bit():
    image = noise(3, 48, 64)
    picture = Image.fromarray(image.transpose(1, 2, 0)).crop((8, 0, 56, 48)).resize((16, 16), Image.Resampling.LANCZOS)
    assert (
        np.abs(resize(image, (16, 16)).astype(int) - np.asarray(picture).transpose(2, 0, 1))[:, 2:-2, 2:-2].max() <= 1
    )


def test_hidden_colours_do_not_bleed():
    image = np.zeros((4, 8, 8), np.uint8)
    image[0, :, :4], image[3, :, :4] = 255, 255  # left: opaque red
    image[1, :, 4:] = 255  # right: invisible green
    scaled = resize(image, (4, 4))
    assert scaled[1].max() <= 1 and scaled[0, :, 0].min() == 255


def test_depths():
    every = np.arange(256, dtype=np.uint8)[None, None]
    assert (with_depth(every, np.uint16) == np.arange(256) * 257).all()
    assert (with_depth(with_depth(every, np.uint16), np.uint8) == every).all()
    assert (with_depth(with_depth(every, np.float32), np.uint8) == every).all()
    deep = np.arange(65536, dtype=np.uint16)[None, None]
    assert (with_depth(with_depth(deep, np.float32), np.uint16) == deep).all()
    assert np.abs(with_depth(deep, np.uint8) / 255 - deep / 65535).max() <= 0.5 / 255 + 1e-9


@pytest.mark.parametrize("dtype", TYPES)
def test_channels(dtype):
    grey, colour, white = noise(1, 4, 5, dtype=dtype), noise(3, 4, 5, dtype=dtype), TYPES[dtype]
    assert (with_channels(grey, 3) == grey).all() and len(with_channels(grey, 3)) == 3
    assert (with_channels(with_channels(grey, 3), 1) == grey).all() or dtype == np.float32
    assert (with_channels(grey, 4)[3] == white).all() and (with_channels(colour, 4)[:3] == colour).all()
    faded = np.concatenate([grey, grey])
    assert (with_channels(faded, 4)[3] == grey[0]).all() and with_channels(faded, 2) is faded
    mean = (0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]) / white
    assert np.abs(with_channels(colour, 1)[0] / white - mean).max() <= 0.5 / 255
    for image, channels in ((faded, 1), (faded, 3), (with_channels(grey, 4), 3), (noise(5, 4, 4), 3), (grey, 5)):
        with pytest.raises(ValueError):
            with_channels(image, channels)


def test_grey():
    grey = np.repeat(noise(1, 4, 5), 3, axis=0)
    assert is_grey(grey) and not is_grey(grey[:1])
    grey[2, 3, 4] ^= 1
    assert not is_grey(grey)
