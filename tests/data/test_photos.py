"""Photos: crops by position, their small versions, what is held out, and folders of all sorts."""

import numpy as np
import pytest
from PIL import Image

from ganvas.data.album import OURS, open_photos
from ganvas.data.arrays import content_hashes
from ganvas.data.bicubic import bicubic
from ganvas.data.photos import Photos, held_out_by
from ganvas.errors import BadInput
from tests.data.test_pairs import noise, save, smooth

SIZES = [(30, 44), (24, 24), (61, 33), (25, 70), (40, 40)]


def photos(channels=3, dtype=np.uint8, sizes=SIZES):
    return [noise(channels, *size, seed=k, dtype=dtype) for k, size in enumerate(sizes)]


def source(**how):
    return Photos(how.pop("photos", photos()), how.pop("low", None), name="p", **{"size": (24, 24), "scale": 4} | how)


def place(crop, photo):
    """Where a crop lies in a photo of noise, or None."""
    h, w = crop.shape[1:]
    views = np.lib.stride_tricks.sliding_window_view(photo[0], (h, w))
    found = np.argwhere((views == crop[0]).all((2, 3)))
    return tuple(found[0]) if len(found) else None


def test_crops_are_a_function_of_seed_and_position():
    s, again = source(), source()
    whole = s.batch(3, 0, 20)
    assert whole["b"].shape == (20, 3, 24, 24) and whole["a"].shape == (20, 3, 6, 6)
    for start, size in ((0, 7), (7, 1), (8, 12)):
        part = again.batch(3, start, size)
        assert all(np.array_equal(part[k], whole[k][start : start + size]) for k in "ab")
    assert not np.array_equal(s.batch(4, 0, 20)["b"], whole["b"]), "control: another seed"


def test_a_crop_lies_in_its_photo_and_its_small_version_is_its_own_bicubic():
    batch = source().batch(0, 0, 12)
    everything = photos()
    for a, b in zip(batch["a"], batch["b"], strict=True):
        assert any(place(b, photo) is not None for photo in everything)
        np.testing.assert_array_equal(a, bicubic(b, 1 / 4))
        assert not np.array_equal(a, b[:, 1::4, 1::4]), "control: pixels left out are another thing"


def test_crops_lie_everywhere_and_an_epoch_gives_each_photo_its_share():
    s = source(held=np.array([False, False, False, False, True]))
    assert s.spec.n == 1 + 1 + 2 * 1 + 1 * 2  # as many as fit side by side
    seen, spots = np.zeros(4, int), set()
    for b in s.batch(0, 0, 100 * s.spec.n)["b"]:
        k, at = next((k, at) for k, photo in enumerate(photos()) if (at := place(b, photo)) is not None)
        seen[k] += 1
        spots.add((k, *at))
    assert seen.tolist() == [100, 100, 200, 200]
    assert {(y, x) for k, y, x in spots if k == 1} == {(0, 0)}, "it is as small as a crop"
    assert {y for k, y, _ in spots if k == 2} == set(range(61 - 24 + 1)), "every row, the last too"


def test_what_is_held_out_is_never_trained_on():
    s = source()
    held, everything = s.held_photos, photos()
    assert len(held) == 1 and s.spec.held_out == len(s.held_out()["b"]) > 0
    for b in s.held_out()["b"]:
        assert place(b, everything[held[0]]) is not None
    for b in s.batch(0, 0, 200)["b"]:
        assert place(b, everything[held[0]]) is None
    assert np.array_equal(s.held_out(1)["b"], s.held_out()["b"][:1])
    for a, b in zip(*s.held_out().values(), strict=True):
        np.testing.assert_array_equal(a, bicubic(b, 1 / 4))


def test_which_photos_are_held_out_depends_on_their_pixels_alone():
    many = [noise(1, 24, 24, seed=k) for k in range(300)]
    held = held_out_by(content_hashes(many))
    assert 10 <= held.sum() <= 60
    some = [k for k in range(300) if k % 3]
    assert np.array_equal(held_out_by(content_hashes([many[k] for k in some])), held[some])
    twins = held_out_by(content_hashes([many[0], many[0], many[1], many[2], many[3]]))
    assert twins[0] == twins[1] and twins.any()
    assert not held_out_by(content_hashes(many[:1])).any(), "the only one is for training"
    assert not held_out_by(content_hashes([many[0]] * 4)).any()


def test_flips_and_turns_show_all_eight_views_and_none_without():
    photo = [noise(1, 24, 24)]
    views = {np.rot90(x, k, (1, 2)).tobytes() for x in (photo[0], photo[0][:, :, ::-1]) for k in range(4)}
    both = source(photos=photo, flip=True, turns=True).batch(0, 0, 100)
    assert {b.tobytes() for b in both["b"]} == views and len(views) == 8
    for a, b in zip(*both.values(), strict=True):
        np.testing.assert_array_equal(a, bicubic(b, 1 / 4))
    assert {b.tobytes() for b in source(photos=photo).batch(0, 0, 50)["b"]} == {photo[0].tobytes()}
    assert len({b.tobytes() for b in source(photos=photo, flip=True).batch(0, 0, 50)["b"]}) == 2


def test_given_small_versions_are_cut_at_the_same_place():
    high = [noise(1, 48, 64, seed=k) for k in range(3)]
    low = [x[:, ::4, ::4].copy() for x in high]
    s = source(photos=high, low=low, flip=True, turns=True)
    for a, b in zip(*s.batch(0, 0, 60).values(), strict=True):
        assert any(np.array_equal(a, b[:, i::4, j::4]) for i in (0, 3) for j in (0, 3)), "mirrored with it"
    for a, b in zip(*s.held_out().values(), strict=True):
        np.testing.assert_array_equal(a, b[:, ::4, ::4])


@pytest.mark.parametrize("channels, dtype, white", [(1, np.uint8, 255), (1, np.uint16, 65535), (3, np.uint16, 65535)])
def test_grey_and_sixteen_bits_stay(channels, dtype, white):
    s = source(photos=photos(channels, dtype))
    batch = s.batch(0, 0, 3)
    assert batch["a"].dtype == batch["b"].dtype == dtype
    assert s.spec.view("b").range == (0, white) and s.spec.view("a").shape == (channels, 6, 6)
    assert s.spec.scale == 4 and s.spec.mean_image().mean() == pytest.approx(0.5, abs=0.05)


def test_the_fingerprint_knows_pixels_scale_and_small_versions():
    one = source().spec.fingerprint
    other = photos()
    other[2][0, 0, 0] ^= 1
    assert source().spec.fingerprint == one
    assert len({one, source(photos=other).spec.fingerprint, source(scale=2).spec.fingerprint}) == 3
    low = [x[:, ::4, ::4] for x in photos(sizes=[(24, 24)] * 3)]
    with_low = [source(photos=photos(sizes=[(24, 24)] * 3), low=x) for x in (low, [255 - x for x in low])]
    assert with_low[0].spec.fingerprint != with_low[1].spec.fingerprint


# folders


def folder(path, sizes=SIZES, mode="RGB"):
    for k, (height, width) in enumerate(sizes):
        picture = Image.fromarray(smooth(height, width, k)).convert(mode)
        path.mkdir(parents=True, exist_ok=True)
        picture.save(path / f"{k}.png")
    return path


def test_a_folder_of_photos_of_any_size(tmp_path):
    s = open_photos(folder(tmp_path / "p"), size=24)
    assert s.spec.shape == (3, 24, 24) and s.spec.name == "p"
    assert "4 photos to train on, 1 held out" in s.notes[-1]
    grey = open_photos(folder(tmp_path / "g", mode="L"), size=24)
    assert grey.spec.shape == (1, 24, 24)
    deep = tmp_path / "d"
    for k in range(3):
        save(deep / f"{k}.png", noise(30, 30, seed=k, dtype=np.uint16))
    assert open_photos(deep, size=24).spec.bits == 16


def test_photos_smaller_than_a_crop_are_named_and_left_out(tmp_path):
    s = open_photos(folder(tmp_path, [(96, 120), (100, 96), (95, 200)]))
    assert any("1 of 3 photos are smaller than a crop and left out: 2.png" in note for note in s.notes)
    with pytest.raises(
        BadInput, match=r"all of its 3 photos are smaller than a crop of 128×128, the largest being 96×120"
    ):
        open_photos(tmp_path, size=128)


def test_photos_larger_than_the_memory_are_mapped_and_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr("ganvas.data.album.cache_folder", lambda: tmp_path / "cache")
    path = folder(tmp_path / "p")
    inside, outside = open_photos(path, size=24), open_photos(path, size=24, memory=1000)
    assert isinstance(outside.photo(0), np.memmap) and not isinstance(inside.photo(0), np.memmap)
    assert all(
        np.array_equal(x, y)
        for x, y in zip(inside.batch(0, 0, 9).values(), outside.batch(0, 0, 9).values(), strict=True)
    )
    assert inside.spec == outside.spec and not list((tmp_path / "cache").iterdir()), "the file has no name"


def paired(path, drop=()):
    for k in range(4):
        high = smooth(48, 64, k)
        save(path / "HR" / f"{k}.png", high)
        if k not in drop:
            save(path / "LR" / f"{k}.png", np.moveaxis(bicubic(np.moveaxis(high, -1, 0), 1 / 4), 0, -1))
    return path


def test_folders_of_small_and_large_photos(tmp_path):
    s = open_photos(paired(tmp_path), size=24)
    assert "LR/ and HR/ are pairs" in " ".join(s.notes)
    (a, b) = (s.batch(0, 0, 5)[k] for k in "ab")
    assert not np.array_equal(a[0], bicubic(b[0], 1 / 4)), "cut out of the small photo, not made of the crop"
    inner = (slice(None), slice(2, 4), slice(2, 4))
    assert np.array_equal(a[0][inner], bicubic(b[0], 1 / 4)[inner]), "away from the crop's edges they are one"
    with pytest.raises(BadInput, match="which is not 2 times"):
        open_photos(tmp_path, size=24, scale=2)


def test_small_and_large_photos_without_a_partner(tmp_path):
    paired(tmp_path, drop=(2,))
    with pytest.raises(BadInput, match=r"in one of LR/ and HR/ alone: 2; .*--drop-unpaired"):
        open_photos(tmp_path, size=24)
    assert open_photos(tmp_path, size=24, drop_unpaired=True).spec.n > 0


@pytest.mark.parametrize(
    "how, match",
    [({"scale": 5}, "--scale 5: pictures are enlarged 2, 3, 4 or 8 times"), ({"size": 25}, "24 or 28 is"),
     ({"size": "24x48", "turns": True}, "square"), ({"size": "no"}, "not understood")],
)  # fmt: skip
def test_what_cannot_be_meant_is_one_line(tmp_path, how, match):
    with pytest.raises(BadInput, match=match) as error:
        open_photos(folder(tmp_path), **how)
    assert "\n" not in str(error.value)


def test_the_default_crop_is_a_multiple_of_the_scale(tmp_path):
    assert open_photos(folder(tmp_path, [(120, 120)] * 2), scale=3, side=100).spec.shape == (3, 99, 99)


def test_no_photos_and_no_folder(tmp_path):
    with pytest.raises(BadInput, match="holds no pictures"):
        open_photos(tmp_path)
    with pytest.raises(BadInput, match="two_photos"):
        open_photos("two_photo")
    (tmp_path / "x.txt").write_text("x")
    with pytest.raises(BadInput, match="neither a folder"):
        open_photos(tmp_path / "x.txt")


def test_ours_or_a_line_that_says_what_to_install(monkeypatch):
    import importlib.util

    if importlib.util.find_spec("sklearn") is not None:
        s = open_photos(OURS)
        assert s.spec.shape == (3, 96, 96) and s.spec.held_out == 8 and s.spec.n > 50
        with pytest.raises(BadInput, match="smaller --size"):
            open_photos(OURS, size=512)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r'pip install "ganvas\[demo\]"'):
        open_photos(OURS)
