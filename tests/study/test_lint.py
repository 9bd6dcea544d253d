"""Each fault of a data set is found in pictures made with it on purpose, and in healthy ones nothing is."""

import numpy as np
import pytest

from ganvas.study.lint import FEW, Digests, digest, findings, together
from tests.conftest import strokes


def photos(n=40, seed=0, channels=3, height=32, width=32, dtype=np.uint8):
    """Smooth random pictures that use their whole range."""
    rng = np.random.default_rng(seed)
    knots = rng.uniform(0, 1, (n, channels, 5, 5))
    y, x = np.linspace(0, 4, height), np.linspace(0, 4, width)
    rows = np.stack([[[np.interp(y, range(5), c[:, k]) for k in range(5)] for c in p] for p in knots])
    full = np.stack([[[np.interp(x, range(5), c[:, k]) for k in range(height)] for c in p] for p in rows])
    return (full * np.iinfo(dtype).max).round().astype(dtype)


def of(images, prefix="p"):
    return digest([f"{prefix}{k}" for k in range(len(images))], images)


def names(found):
    return {finding.id: finding for finding in found}


HEALTHY = of(photos())
ALWAYS = {"very_few"}  # forty pictures


def test_healthy_pictures_are_left_alone():
    classes = {"a": 20, "b": 20}
    assert set(names(findings(HEALTHY, classes, of(photos(10, seed=1), "t")))) == ALWAYS
    grey = of(np.random.default_rng(0).permutation(strokes(60)))
    assert set(names(findings(grey))) == ALWAYS
    assert set(names(findings(of(photos(dtype=np.uint16))))) == ALWAYS


def copies(found):
    images = photos(100)
    return images[:90], np.concatenate([images[:90], images[:found]])


def test_equal_pictures():
    clean, dirty = copies(3)
    found = names(findings(of(dirty)))["duplicates"]
    assert found.level == "warn" and found.fields["n"] == 3 and found.names[0] == "p90 = p0"
    assert "near" not in names(findings(of(dirty))), "equal pictures are not told twice"
    assert "duplicates" not in names(findings(of(clean)))
    images = photos(300)
    assert names(findings(of(np.concatenate([images, images[:1]]))))["duplicates"].level == "note", "1 of 301"


def test_nearly_equal_pictures():
    images = photos(60)
    noisy = np.clip(images[:4].astype(int) + np.random.default_rng(1).integers(-4, 5, images[:4].shape), 0, 255)
    found = names(findings(of(np.concatenate([images, noisy.astype(np.uint8)]))))
    assert found["near"].fields["n"] == 4 and found["near"].names[3] == "p63 ≈ p3" and "duplicates" not in found


def test_pictures_that_must_not_be_trained_on():
    images = photos(60)
    noisy = (images[5:6] * 0.98).astype(np.uint8)
    held = np.concatenate([photos(20, seed=9), images[:2], noisy])
    found = names(findings(of(images), other=of(held, "t")))["overlap"]
    assert found.fields["n"] == 3 and found.level == "warn" and set(found.names) == {"t20 ≈ p0", "t21 ≈ p1", "t22 ≈ p5"}
    assert "overlap" not in names(findings(of(images), other=of(photos(20, seed=9), "t")))
    assert "overlap" not in names(findings(of(images), other=of(images).rows(np.zeros(len(images), bool))))


def test_a_picture_of_one_colour_is_flat_though_its_channels_differ():
    images = photos()
    images[3] = np.array([250, 9, 9], np.uint8)[:, None, None]
    assert names(findings(of(images)))["flat"].names == ("p3",)


def test_flat_pictures():
    images = photos(40)
    images[7:9] = 130
    found = names(findings(of(images)))["flat"]
    assert (found.fields["n"], found.level, found.names) == (2, "warn", ("p7", "p8"))
    assert "duplicates" not in names(findings(of(images)))
    images[:] = 130
    assert names(findings(of(images)))["flat"].level == "bad", "nothing to learn from at all"


@pytest.mark.parametrize(
    ("id", "images"),
    [
        ("dark16", photos(dtype=np.uint8).astype(np.uint16)),  # 8 bit in a file of 16
        ("dark16", photos(dtype=np.uint16) // 16),  # 12 bit
        ("dark8", photos() // 128),  # masks: 0 and 1
        ("blown", np.minimum(photos(dtype=np.uint16), 255).astype(np.uint8)),  # cut off at 255
    ],
    ids=["8 in 16", "12 in 16", "masks", "cut off"],
)
def test_a_wrong_range(id, images):
    found = names(findings(of(images)))
    assert found[id].level == "warn" and not {"dark16", "dark8", "blown"} - {id} & set(found)


def test_drawings_on_white_are_not_blown_out():
    assert set(names(findings(of(255 - strokes(60))))) == ALWAYS


def test_inverted_alpha():
    shape = strokes(30, seed=3).repeat(3, 1)
    right = np.concatenate([shape, np.full((30, 1, 28, 28), 255, np.uint8)], 1)
    opacity = shape[:, :1]
    colour = photos(30, height=28, width=28)
    right = np.concatenate([np.where(opacity > 99, colour, 255), np.where(opacity > 99, 255, 0).astype(np.uint8)], 1)
    wrong = right.copy()
    wrong[:, 3] = 255 - wrong[:, 3]
    assert "veiled" not in names(findings(of(right))) and names(findings(of(right)))["alpha"].fields["n"] == 30
    assert names(findings(of(wrong)))["veiled"].fields["n"] == 30


def test_channels_that_say_nothing():
    images = photos()
    images[:, 2] = 0
    found = names(findings(of(images)))
    assert found["channels"].fields["which"] == "3" and "grey" not in found
    grey = names(findings(of(photos(channels=1).repeat(3, 1))))
    assert grey["grey"].level == "note" and "channels" not in grey


def test_several_depths():
    both = together([of(photos(20)), of(photos(20, seed=4, dtype=np.uint16), "q")])
    assert names(findings(both))["depths"].fields["kinds"] == "20 × 8, 20 × 16"


def test_odd_shapes():
    wide = [digest([f"w{k}"], photos(1, seed=k, width=80)) for k in range(8)]
    found = names(findings(together([HEALTHY, *wide])))["aspect"]
    assert (
        found.fields["n"] == 8 and found.fields["most"] == 2.5 and found.fields["usual"] == 1 and found.level == "warn"
    )
    slightly = [digest([f"s{k}"], photos(1, seed=k, width=40)) for k in range(8)]
    assert "aspect" not in names(findings(together([HEALTHY, *slightly]))), "a fifth is cut off"


def test_scarce_classes():
    found = names(findings(HEALTHY, {"cats": 900, "dogs": 1000, "owls": 20}))["imbalance"]
    assert (found.fields["n"], found.fields["rarest"], found.names) == (1, "owls", ("owls: 20",))
    assert "imbalance" not in names(findings(HEALTHY, {"cats": 900, "dogs": 1000, "owls": 300}))
    assert "imbalance" not in names(findings(HEALTHY, {"all": 40}))


def test_too_few():
    assert not {"few", "very_few"} & set(names(_quiet(FEW)))
    assert names(_quiet(FEW - 1))["few"].level == "note"
    assert names(_quiet(100))["very_few"].level == "warn" and names(_quiet(1))["too_few"].level == "bad"


def _quiet(n):
    """n digests of one picture with keys of their own, whose small versions are too flat to be called alike."""
    parts = [np.repeat(part[:1], n, 0) for part in HEALTHY[1:]]
    digests = Digests(tuple(map(str, range(n))), *parts)
    return findings(digests._replace(keys=np.arange(n, dtype=np.uint64), thumbs=np.zeros_like(digests.thumbs)))


def test_nothing_at_all():
    assert findings(HEALTHY.rows(np.zeros(0, int))) == []


def test_a_scale_of_its_own():
    images = photos(10).astype(np.float32) / 127.5 - 1
    one = digest(map(str, range(10)), images, (-1.0, 1.0))
    assert np.nanmin(one.low) >= 0 and np.nanmax(one.high) <= 1
    assert np.allclose(one.thumbs, of(photos(10)).thumbs, atol=1)
