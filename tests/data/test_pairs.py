"""Pairs: which files belong together, that both are treated alike, and what is said of those that have no partner."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganvas.data.layouts import Unpaired
from ganvas.data.open import TASKS, look, open_examples, open_source
from ganvas.data.pairs import Pairs
from ganvas.data.source import DataSpec
from ganvas.errors import BadInput
from tests.conftest import SHARED

FACADES, EMOJI = SHARED / "facades", SHARED / "emoji_pairs64"
needs_facades = pytest.mark.skipif(not FACADES.is_dir(), reason="the facades are not on this machine")
needs_emoji = pytest.mark.skipif(not EMOJI.is_dir(), reason="the emoji pairs are not on this machine")


def noise(*shape, seed=0, dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, None if path.suffix else "PNG")
    return path


def smooth(height, width, seed=0):
    """A picture that survives scaling: two slow waves a channel, none of them symmetric."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width][..., None] / max(height, width)
    wave = np.sin(x * rng.uniform(2, 9, 3) + y * rng.uniform(2, 9, 3) + rng.uniform(0, 6, 3)) + y + x
    return np.uint8(255 * (wave - wave.min()) / np.ptp(wave))


def negative(array):
    return np.iinfo(array.dtype).max - array


def fill(root, names, shape=(8, 12, 3), sides=("A", "B"), start=0):
    """Under each name a picture in A and its negative in B: the partner is known by its pixels."""
    for seed, name in enumerate(names, start):
        picture = noise(*shape, seed=seed)
        for side, array in zip(sides, (picture, negative(picture)), strict=True):
            save(root / side / f"{name}.png", array)
    return root


def together(arrays):
    """Whether every b is the negative of its a."""
    return bool((arrays["a"] == negative(arrays["b"])).all())


def said(source, words):
    return [note for note in source.notes if words in note]


def refused(path, match, kind="pairs", error=BadInput, **options):
    with pytest.raises(error, match=match) as caught:
        open_examples(path, kind, **options)
    assert "\n" not in str(caught.value)
    return caught.value


def everything(source):
    """The training pairs, each once, then the held-out ones."""
    train, aside = source.batch(0, 0, source.spec.n), source.held_out()
    return {key: np.concatenate([train[key], aside[key]]) for key in "ab"}


# ---- the source ---------------------------------------------------------------------------------------------------


def numbered(n, channels=(1, 3), side=6, dtypes=(np.uint8, np.uint16)):
    """a and b of different channels and depths, of which pair k is all k."""
    return [
        np.broadcast_to(np.arange(n, dtype=dtype)[:, None, None, None], (n, c, side, side)).copy()
        for c, dtype in zip(channels, dtypes, strict=True)
    ]


def test_a_pair_depends_on_seed_and_position_alone_and_comes_once_an_epoch():
    source = Pairs(*numbered(50), name="n", held=np.arange(50) >= 43)
    whole = source.batch(3, 0, 200)
    assert (whole["a"][:, 0, 0, 0] == whole["b"][:, 0, 0, 0]).all()
    for start, size in ((0, 1), (40, 9), (85, 60), (199, 1), (7, 0)):
        part = source.batch(3, start, size)
        assert all((part[key] == whole[key][start : start + size]).all() for key in "ab")
    assert sorted(whole["a"][43:86, 0, 0, 0]) == list(range(43))
    assert (whole["a"][:43] != whole["a"][43:86]).any() and (source.batch(4, 0, 43)["a"] != whole["a"][:43]).any()
    assert sorted(source.held_out()["b"][:, 0, 0, 0]) == list(range(43, 50)) and len(source.held_out(3)["a"]) == 3


def test_the_record_describes_both():
    a, b = numbered(50)
    spec = Pairs(a, b, name="n").spec
    assert spec.keys == ("a", "b") and spec.paired and spec.held_out_paired and spec.n + spec.held_out == 50
    assert spec.view("a").shape == (1, 6, 6) and spec.view("a").range == (0, 255) and spec.view("a").bits == 8
    assert spec.view("b").shape == spec.shape == (3, 6, 6) and spec.bits == spec.view("b").bits == 16
    assert spec.range == spec.view("b").range == (0, 65535) and spec.mean_image().shape == (3, 6, 6)
    assert DataSpec.from_json(spec.to_json()) == spec
    changed = a.copy()
    changed[7, 0, 1, 1] += 1
    swapped = np.stack([np.arange(50), np.arange(50)], 1)
    swapped[[3, 4], 1] = [4, 3]
    prints = {Pairs(*arrays, name="n", rows=rows).spec.fingerprint
              for arrays, rows in (((a, b), None), ((changed, b), None), ((a, b), swapped), ((b, a), None))}  # fmt: skip
    assert len(prints) == 4


def test_what_is_held_out_is_decided_by_both_pictures_and_equal_pairs_are_on_one_side():
    a, b = noise(400, 1, 4, 4), noise(400, 1, 4, 4, seed=1)
    first = Pairs(a, b, name="n")
    assert 20 <= first.spec.held_out <= 65
    kept = {x.tobytes() for x in first.held_out()["a"]}
    more = Pairs(np.concatenate([noise(200, 1, 4, 4, seed=2), a, a]), np.concatenate([b[:200], b, b]), name="n")
    assert kept <= {x.tobytes() for x in more.held_out()["a"]}
    train, aside = (
        {x.tobytes() + y.tobytes() for x, y in zip(part["a"], part["b"], strict=True)}
        for part in (more.batch(0, 0, more.spec.n), more.held_out())
    )
    assert not train & aside and len(train | aside) == 600
    other = Pairs(a, b[::-1], name="n").held_out()["a"]  # the same a with another b is another pair
    assert {x.tobytes() for x in other} != kept


def test_flips_are_alike_for_both_and_belong_to_the_position():
    a = noise(60, 1, 5, 7)
    source, plain = Pairs(a, negative(a), name="n", flip=True), Pairs(a, negative(a), name="n")
    batch, unflipped = source.batch(0, 0, 500), plain.batch(0, 0, 500)
    assert together(batch)
    mirrored = (batch["a"] == unflipped["a"][..., ::-1]).all((1, 2, 3))
    assert ((batch["a"] == unflipped["a"]).all((1, 2, 3)) ^ mirrored).all() and 200 < mirrored.sum() < 300
    assert (source.batch(0, 123, 4)["a"] == batch["a"][123:127]).all() and together(source.held_out())
    assert not together({"a": batch["a"], "b": unflipped["b"]}), "negative control: b was left as it is"


def test_pairs_are_needed():
    with pytest.raises(BadInput, match="n holds 1 pair to train on"):
        Pairs(*numbered(1), name="n")


# ---- folders ------------------------------------------------------------------------------------------------------

NAMES = [f"{k:02d}" for k in range(30)]
LAYOUTS = {
    "A and B": {"A": "A", "B": "B"},
    "lower case": {"A": "a", "B": "b"},
    "one folder deeper": {"A": "set/inner/A", "B": "set/inner/B"},
    "deeper inside": {"A": "A/x/y", "B": "B/x/y"},
    "a lone train": {"A": "train/A", "B": "train/B"},
    "trainA": {"A": "trainA", "B": "trainB"},
    "A inside out": {"A": "A/train", "B": "B/train"},
    "others": {"A": "edges", "B": "photos"},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_has_one_name_is_a_pair(tmp_path, layout):
    fill(tmp_path, NAMES, sides=LAYOUTS[layout].values())
    source = open_examples(tmp_path, "pairs")
    assert source.spec.n + source.spec.held_out == 30 and source.spec.shape == (3, 8, 12) and source.spec.paired
    assert together(everything(source)) and source.problems == []
    assert bool(said(source, "a is edges/, b is photos/")) == (layout == "others")
    assert bool(said(source, "a is A/, b is B/")) == (layout != "others")
    assert source.notes[-1] == f"{source.spec.n} pairs of 8×12 to train on, {source.spec.held_out} held out"


def test_the_alignment_test_sees_a_shuffled_side(tmp_path):
    """The negative control of all the tests here that ask `together`."""
    fill(tmp_path, NAMES)
    for k, name in enumerate(np.random.default_rng(0).permutation(NAMES)):
        (tmp_path / f"B/{name}.png").rename(tmp_path / f"B/{k:02d}-moved.png")
    for k in range(30):
        (tmp_path / f"B/{k:02d}-moved.png").rename(tmp_path / f"B/{k:02d}.png")
    assert not together(everything(open_examples(tmp_path, "pairs")))


def test_the_ending_may_differ_and_a_name_may_hold_dots(tmp_path):
    for k in range(4):
        save(tmp_path / f"A/x.{k}.bmp", noise(8, 8, seed=k))
        save(tmp_path / f"B/x.{k}.png", negative(noise(8, 8, seed=k)))
    assert together(everything(open_examples(tmp_path, "pairs")))


def test_a_zip(tmp_path):
    fill(tmp_path / "in", NAMES)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path in sorted((tmp_path / "in").rglob("*.png")):
            archive.write(path, path.relative_to(tmp_path))
    source = open_examples(tmp_path / "all.zip", "pairs")
    assert together(everything(source)) and len(everything(source)["a"]) == 30
    (tmp_path / "bad.zip").write_bytes((tmp_path / "all.zip").read_bytes()[:500])
    refused(tmp_path / "bad.zip", "cannot be read")


def test_two_folders_with_a_comma(tmp_path):
    fill(tmp_path, NAMES, sides=("z one", "a/two"))
    source = open_examples(f"{tmp_path}/z one,{tmp_path}/a/two", "pairs")
    assert together(everything(source)) and source.spec.name == "z one+two"
    reversed_ = open_examples(f"{tmp_path}/a/two, {tmp_path}/z one", "pairs")
    assert set(map(bytes, everything(reversed_)["a"])) == set(map(bytes, everything(source)["b"]))
    look(f"{tmp_path}/a/two, {tmp_path}/z one", "domains")
    refused(f"{tmp_path}/z one,{tmp_path}/z one", "given twice")
    refused(f"{tmp_path}/z one,{tmp_path}/none", "No such file")


@pytest.mark.parametrize("form", ["{split}/{side}", "{side}/{split}", "{split}{side}"])
def test_the_folders_own_splits_are_kept(tmp_path, form):
    counts = {"train": range(12), "val": range(12, 15), "test": range(15, 20)}
    for split, numbers in counts.items():
        sides = [form.format(split=split, side=side) for side in "AB"]
        fill(tmp_path, map(str, numbers), sides=sides, start=numbers[0])
    source = open_examples(tmp_path, "pairs")
    assert (source.spec.n, source.spec.held_out) == (12, 3) and together(everything(source))
    assert {bytes(x) for x in source.held_out()["a"]} == {
        bytes(noise(8, 12, 3, seed=k).transpose(2, 0, 1)) for k in range(12, 15)
    }
    assert said(source, "train is trained on, val is held out, test left alone")


def test_test_is_held_out_where_there_is_no_val_and_what_is_in_both_is_said(tmp_path):
    fill(tmp_path, NAMES)
    fill(tmp_path, ["x", "y", "z"], sides=("testA", "testB"), start=28)  # two of them are trained on
    source = open_examples(tmp_path, "pairs")
    assert (source.spec.n, source.spec.held_out) == (30, 3) and said(source, "the rest is trained on, test is held out")
    assert said(source, "2 of the held-out pairs are trained on too")


def test_splits_without_train(tmp_path):
    fill(tmp_path, NAMES, sides=("valA", "valB"))
    assert open_examples(tmp_path, "pairs").spec.n > 20
    fill(tmp_path, NAMES, sides=("testA", "testB"))
    refused(tmp_path, "test and val but no train")


def test_a_table(tmp_path):
    fill(tmp_path, NAMES, sides=("drawings", "more/photos"))
    rows = [f"drawings/{a}.png,./more/photos/{a}.png,{'val' if a < '05' else ''}" for a in NAMES]
    (tmp_path / "pairs.csv").write_text("A, b,split\n" + "\n".join([*rows, rows[7]]) + "\n", "utf-8-sig")
    save(tmp_path / "more/spare.png", noise(8, 8))
    source = open_examples(tmp_path, "pairs")
    assert (source.spec.n, source.spec.held_out) == (25, 5) and together(everything(source))
    assert said(source, "pairs are read from pairs.csv") and said(source, "1 picture is not named there")
    crossed = "a,b\n" + "\n".join(f"drawings/{a}.png,more/photos/{b}.png" for a in NAMES[:3] for b in NAMES[:3])
    (tmp_path / "pairs.csv").write_text(crossed)
    source = open_examples(tmp_path, "pairs")
    assert source.spec.n == 9 and len({bytes(x) for x in source.batch(0, 0, 9)["a"]}) == 3


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "needs a first line"),
        ("x,y\n1,2\n", "needs a first line"),
        ("a,a,b\nA/00.png,A/00.png,B/00.png", "needs a first line"),
        ("a,b\nA/00.png\n", "line 2 has an empty a or b"),
        ("a,b,split\nA/00.png,B/00.png,some\n", "line 2 has the split some; use train"),
        ("a,b,split\nA/00.png,B/00.png,val\nA/00.png,B/00.png,test\n", "lines 2 and 3 name one pair in two splits"),
        ('a,b\n"A/00.png,B/00.png\n', "line 2"),
        (b"a,b\n\xff\xfe,x\n", "not UTF-8, first in line 2"),
    ],
)
def test_a_table_that_is_none(tmp_path, text, match):
    fill(tmp_path, NAMES[:2])
    (tmp_path / "pairs.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    refused(tmp_path, match)


def test_a_table_that_names_what_is_not_there(tmp_path):
    fill(tmp_path, NAMES)
    rows = [f"A/{name}.png,B/{name}.png" for name in NAMES]
    (tmp_path / "pairs.csv").write_text("\n".join(["a,b", *rows, "A/00.png,../B/99.png", "A/98.png,B/97.png"]))
    error = refused(
        tmp_path, r"there \(2\): ../B/99.png \(line 32\), A/98.png and B/97.png \(line 33\)", error=Unpaired
    )
    assert [p.kind for p in error.problems] == ["missing", "missing"]
    assert open_examples(tmp_path, "pairs", drop_unpaired=True).spec.n > 20


# ---- side by side -------------------------------------------------------------------------------------------------


def beside(root, numbers, height=16, width=16, negated=True):
    for k in numbers:
        picture = smooth(height, width, seed=k)
        save(root / f"{k}.png", np.concatenate([picture, negative(picture) if negated else picture], 1))
    return root


def test_pictures_side_by_side(tmp_path):
    source = open_examples(beside(tmp_path, range(25)), "pairs")
    assert source.spec.shape == (3, 16, 16) and together(everything(source)) and len(everything(source)["a"]) == 25
    assert {bytes(x) for x in everything(source)["a"]} == {
        bytes(smooth(16, 16, k).transpose(2, 0, 1)) for k in range(25)
    }
    assert said(source, "a is the left half, b the right")


def test_side_by_side_in_splits_and_no_light_crosses_the_seam(tmp_path):
    for k in range(6):
        white_black = np.concatenate([np.full((40, 40), 255 - k, np.uint8), np.zeros((40, 40), np.uint8)], 1)
        save(tmp_path / f"{'train' if k < 4 else 'val'}/{k}.png", white_black)
    source = open_examples(tmp_path, "pairs", size=12)
    assert (source.spec.n, source.spec.held_out) == (4, 2)
    assert (source.batch(0, 0, 4)["a"] >= 250).all() and (source.batch(0, 0, 4)["b"] == 0).all()
    assert said(source, "flat on the left half") and said(source, "flat on the right half")


def test_halves_that_are_not_square_are_told_by_their_seam(tmp_path):
    assert open_examples(beside(tmp_path / "two", range(20), 24, 20), "pairs").spec.shape == (3, 24, 20)
    for k in range(20):
        save(tmp_path / f"one/{k}.png", smooth(24, 40, seed=k))
    refused(tmp_path / "one", "single pictures, and two kinds are wanted; understood are A/ and B/")


def test_an_odd_width_and_other_shapes_among_side_by_side(tmp_path):
    beside(tmp_path, range(25))
    save(tmp_path / "odd.png", noise(16, 31, 3))
    save(tmp_path / "square.png", noise(16, 16, 3))
    error = refused(tmp_path, "not two pictures side by side", error=Unpaired)
    assert {str(p) for p in error.problems} == {"odd.png (16×31, an odd width)", "square.png (16×16)"}
    source = open_examples(tmp_path, "pairs", drop_unpaired=True)
    assert (
        len(everything(source)["a"]) == 25 and source.problems == error.problems and said(source, "left out: not two")
    )


def test_grey_halves_of_colour_files(tmp_path):
    for k in range(4):
        grey = np.repeat(noise(8, 8, 1, seed=k), 3, 2)
        save(tmp_path / f"{k}.png", np.concatenate([grey, noise(8, 8, 3, seed=k)], 1))
    source = open_examples(tmp_path, "pairs")
    assert source.spec.view("a").shape == (1, 8, 8) and source.spec.view("b").shape == (3, 8, 8)


# ---- size, channels, depth ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["sides", "halves"])
@pytest.mark.parametrize("size", [None, 16, "12x20", "20x8"])
def test_equal_pictures_are_cropped_scaled_and_mirrored_alike(tmp_path, layout, size):
    """The test that finds a crop or a flip of one side alone: with a = b nothing may make them differ."""
    for k, (height, width) in enumerate(
        [(30, 50), (60, 40), (24, 24), (100, 33)] if layout == "sides" else [(40, 40)] * 4
    ):
        picture = smooth(height, width, seed=k)
        if layout == "sides":
            save(tmp_path / f"A/{k}.png", picture)
            save(tmp_path / f"B/{k}.png", picture)
        else:
            save(tmp_path / f"{k}.png", np.concatenate([picture, picture], 1))
    batch = open_examples(tmp_path, "pairs", size=size, side=32, flip=True).batch(0, 0, 40)
    expected = {None: (32, 32), 16: (16, 16), "12x20": (12, 20), "20x8": (20, 8)}[size]
    assert batch["a"].shape[2:] == expected and (batch["a"] == batch["b"]).all()
    assert len({bytes(x) for x in batch["a"]}) == 8, "four pictures and their mirror images"


def test_size_by_default(tmp_path):
    assert open_examples(fill(tmp_path / "1", NAMES[:3], (8, 12)), "pairs").spec.shape == (1, 8, 12)
    source = open_examples(fill(tmp_path / "2", NAMES[:3], (9, 12)), "pairs", side=16)
    assert (
        source.spec.shape == (1, 16, 16)
        and said(source, "a and b: 3 of 3 pictures (9×12)")
        and said(source, "--size N")
    )
    assert open_examples(fill(tmp_path / "3", NAMES[:3], (20, 20)), "pairs", side=16).spec.shape == (1, 16, 16)
    assert not said(open_examples(tmp_path / "3", "pairs", size=12), "--size")


def test_each_side_has_its_own_channels_and_depth(tmp_path):
    for k in range(4):
        grey = noise(8, 8, seed=k)
        save(tmp_path / f"A/{k}.png", grey)
        save(tmp_path / f"B/{k}.png", np.stack([grey] * 2 + [negative(grey)], 2))
        save(tmp_path / f"D/A/{k}.png", noise(8, 8, seed=k, dtype=np.uint16))
        save(tmp_path / f"D/B/{k}.png", grey)
    (tmp_path / "D").rename(tmp_path.with_name("deep"))
    source = open_examples(tmp_path, "pairs")
    assert [(v.key, v.shape, v.bits) for v in source.spec.views] == [("a", (1, 8, 8), 8), ("b", (3, 8, 8), 8)]
    batch = everything(source)
    assert (batch["a"] == batch["b"][:, :1]).all()
    spec = open_examples(tmp_path.with_name("deep"), "pairs").spec
    assert [(v.range, v.bits) for v in spec.views] == [((0, 65535), 16), ((0, 255), 8)]
    assert open_examples(tmp_path, "pairs", channels=1).spec.view("b").shape == (1, 8, 8)


def test_grey_among_colour_is_said_and_other_channels_are_listed(tmp_path):
    fill(tmp_path, NAMES[:12], (8, 8, 3))
    save(tmp_path / "A/grey.png", noise(8, 8))
    save(tmp_path / "B/grey.png", noise(8, 8, 3))
    source = open_examples(tmp_path, "pairs")
    assert said(source, "a: 1 of 13 pictures are grey among coloured ones")
    np.save(tmp_path / "A/five.npy", noise(8, 8, 5))
    save(tmp_path / "B/five.png", noise(8, 8, 3))
    source = open_examples(tmp_path, "pairs")
    assert said(source, "A/five.npy: 5 channels where the others have 3") and source.spec.n + source.spec.held_out == 13


@pytest.mark.parametrize("channels", ["auto", 4])
def test_transparency_is_laid_on_white_or_kept(tmp_path, channels):
    for side in "AB":
        for k in range(3):
            save(tmp_path / f"{side}/{k}.png", noise(8, 8, 4, seed=k) // 2)
    source = open_examples(tmp_path, "pairs", channels=channels)
    assert source.spec.shape == ((3, 8, 8) if channels == "auto" else (4, 8, 8))
    assert bool(said(source, "transparency, laid over white")) == (channels == "auto")


def test_flat_pictures_are_named(tmp_path):
    fill(tmp_path, NAMES)
    save(tmp_path / "A/dull.png", np.full((8, 12, 3), (9, 8, 7), np.uint8))
    save(tmp_path / "B/dull.png", noise(8, 12, 3))
    source = open_examples(tmp_path, "pairs")
    assert said(source, "a: 1 picture is flat") == [n for n in source.notes if n.endswith("A/dull.png")]
    assert not said(source, "b: 1 picture is flat")


def test_decoded_pictures_above_the_memory_are_mapped_and_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    fill(tmp_path / "sides", NAMES)
    beside(tmp_path / "halves", range(25))
    for folder in ("sides", "halves"):
        source = open_examples(tmp_path / folder, "pairs", flip=True)
        for _ in range(2):  # decoded, then found again
            mapped = open_examples(tmp_path / folder, "pairs", flip=True, memory=0)
            assert mapped.spec == source.spec and said(mapped, "decoded pictures are kept in")
            batch, plain = mapped.batch(1, 5, 50), source.batch(1, 5, 50)
            assert all((batch[key] == plain[key]).all() for key in "ab") and together(batch)


# ---- what cannot be paired ----------------------------------------------------------------------------------------


def mixed_up(root):
    """Of every kind of trouble some, around 30 good pairs."""
    fill(root, NAMES)
    for name in ("A/twice.png", "A/twice.bmp", "B/twice.png"):
        save(root / name, noise(8, 12, 3))
    for k in range(5):
        save(root / f"A/alone{k}.png", noise(8, 12, 3))
    save(root / "B/lonely.png", noise(8, 12, 3))
    save(root / "A/Case.png", noise(8, 12, 3))
    save(root / "B/case.png", noise(8, 12, 3))
    save(root / "A/accent e\u0301.png", noise(8, 12, 3))
    save(root / "B/accent \u00e9.png", noise(8, 12, 3))
    save(root / "A/size.png", noise(8, 12, 3))
    save(root / "B/size.png", noise(12, 8, 3))
    save(root / "C/extra.png", noise(8, 12, 3))
    save(root / "loose.png", noise(8, 12, 3))
    return root


def test_what_cannot_be_paired_is_refused_with_an_exact_list(tmp_path):
    error = refused(mixed_up(tmp_path), "--drop-unpaired", error=Unpaired)
    assert sorted((p.kind, *sorted(p.files)) for p in error.problems) == [
        ("alone", "A/alone0.png"),
        ("alone", "A/alone1.png"),
        ("alone", "A/alone2.png"),
        ("alone", "A/alone3.png"),
        ("alone", "A/alone4.png"),
        ("alone", "B/lonely.png"),
        ("case", "A/Case.png", "B/case.png"),
        ("case", "A/accent e\u0301.png", "B/accent \u00e9.png"),
        ("extra", "C/extra.png"),
        ("extra", "loose.png"),
        ("size", "A/size.png", "B/size.png"),
        ("twice", "A/twice.bmp", "A/twice.png", "B/twice.png"),
    ]
    line = str(error)
    assert "no partner (6): A/alone0.png, A/alone1.png, A/alone2.png and 3 more" in line
    assert "two sizes in one pair (1): A/size.png and B/size.png (8×12 and 12×8)" in line
    assert "one name used twice on one side (1): A/twice.bmp and A/twice.png and B/twice.png" in line


def test_dropping_it_leaves_the_good_pairs_and_says_what_is_left_out(tmp_path):
    source = open_examples(mixed_up(tmp_path), "pairs", drop_unpaired=True)
    assert len(everything(source)["a"]) == 30 and together(everything(source))
    assert said(source, "left out: ") and len(source.problems) == 12


def test_nothing_is_paired_by_position(tmp_path):
    for k in range(4):
        save(tmp_path / f"A/x{k}.png", noise(8, 8, seed=k))
        save(tmp_path / f"B/y{k}.png", noise(8, 8, seed=k))
    assert len(refused(tmp_path, r"no partner \(8\)", error=Unpaired).problems) == 8
    refused(tmp_path, "there is no pair; pictures of a and b belong together when", drop_unpaired=True)


def test_pictures_in_two_splits_are_no_pair(tmp_path):
    fill(tmp_path, NAMES, sides=("trainA", "trainB"))
    save(tmp_path / "trainA/x.png", noise(8, 12, 3))
    save(tmp_path / "valB/x.png", noise(8, 12, 3))
    assert {p.files for p in refused(tmp_path, r"no partner \(2\)", error=Unpaired).problems} == {
        ("trainA/x.png",),
        ("valB/x.png",),
    }


def test_unusable_files_are_listed_and_take_their_partner_along(tmp_path):
    fill(tmp_path, NAMES)
    whole = (tmp_path / "A/00.png").read_bytes()
    (tmp_path / "A/00.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "B/01.png").write_bytes(b"")
    (tmp_path / "A/02.png").unlink()
    (tmp_path / "A/02.svg").write_text("<svg/>")
    Image.new("RGB", (37, 1)).save(tmp_path / "A/03.png")
    source = open_examples(tmp_path, "pairs")
    assert len(everything(source)["a"]) == 26 and together(everything(source))
    assert said(source, "4 files cannot be used and are left out:") and said(source, "A/03.png: 1×37 pixels: too small")
    assert said(source, "B/01.png: empty file") and said(source, "A/02.svg") and said(source, "A/00.png")
    refused(tmp_path, "4 of 60 picture files cannot be used", strict=True)


def test_folders_that_hold_no_pairs(tmp_path):
    fill(tmp_path / "plain", NAMES, sides=(".", "../B"))
    refused(tmp_path / "plain", "single pictures, and two kinds are wanted; understood are A/ and B/.* pairs.csv")
    save(tmp_path / "one/A/1.png", noise(8, 8))
    (tmp_path / "one/B").mkdir()
    refused(tmp_path / "one", "all pictures lie in A/, and B/ holds none")
    (tmp_path / "one/B").rmdir()
    refused(tmp_path / "one", "all pictures lie in A/, and a second folder is missing")
    for name in ("x", "y", "z"):
        save(tmp_path / f"three/{name}/1.png", noise(8, 8))
    refused(tmp_path / "three", r"holds 3 folders \(x, y, z\); call two of them A and B")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "holds no pictures")
    with pytest.raises(BadInput, match="empty folder"):
        look(tmp_path / "empty", "pairs")
    fill(tmp_path / "few", ["only"])
    refused(tmp_path / "few", "1 pair to train on")
    (tmp_path / "bad/A").mkdir(parents=True)
    (tmp_path / "bad/B").mkdir()
    for side in "AB":
        (tmp_path / f"bad/{side}/1.png").write_bytes(b"no picture")
    refused(tmp_path / "bad", "none of 2 picture files can be used")
    refused(save(tmp_path / "single.png", noise(8, 8)), "neither a folder nor a .zip")
    refused("mnist", "mnist holds single pictures, no pairs; give a folder, or one of edges, grey, outlines, forms")
    refused("edgse", "perhaps edges")
    refused("", "no data is named")
    for name in TASKS:
        with pytest.raises(BadInput, match="task of two pictures"):
            open_source(name)
        look(name, "pairs")


# ---- real data ----------------------------------------------------------------------------------------------------


@needs_facades
def test_facades(tmp_path):
    for split in ("train", "val", "test"):
        for k in range(1, 7):
            path = next(FACADES.joinpath(split).glob(f"{k}.jpg"))
            (tmp_path / split).mkdir(exist_ok=True)
            (tmp_path / split / path.name).write_bytes(path.read_bytes())
    source = open_examples(tmp_path, "pairs", size=64)
    assert (source.spec.n, source.spec.held_out, source.spec.shape) == (6, 6, (3, 64, 64))
    batch = source.held_out()
    with Image.open(tmp_path / "val/1.jpg") as image:
        right = np.asarray(image.crop((256, 0, 512, 256)).resize((64, 64), Image.Resampling.LANCZOS)).transpose(2, 0, 1)
    assert (batch["b"] == right).all((1, 2, 3)).sum() == 1
    assert max(len(np.unique(x)) for x in batch["b"]) <= max(len(np.unique(x)) for x in batch["a"])


@needs_emoji
def test_emoji_of_all_modes(tmp_path):
    modes = {}
    for path in sorted((EMOJI / "google").iterdir()):
        with Image.open(path) as one, Image.open(EMOJI / "twitter" / path.name) as other:
            modes.setdefault((one.mode, other.mode), []).append(path.name)
    chosen = [name for names in modes.values() for name in names[:3]]
    for side in ("google", "twitter"):
        for name in chosen:
            (tmp_path / side).mkdir(exist_ok=True)
            (tmp_path / side / name).write_bytes((EMOJI / side / name).read_bytes())
    source = open_examples(tmp_path, "pairs")
    assert len(modes) >= 4 and source.spec.n + source.spec.held_out == len(chosen)
    assert all(view.shape == (3, 64, 64) for view in source.spec.views) and said(source, "a is google/, b is twitter/")
    with Image.open(tmp_path / "google" / chosen[0]) as image:
        flat = Image.alpha_composite(Image.new("RGBA", (64, 64), "white"), image.convert("RGBA")).convert("RGB")
    near = np.abs(everything(source)["a"].astype(int) - np.asarray(flat).transpose(2, 0, 1)).max((1, 2, 3))
    assert near.min() <= 1


def test_the_folder_of_this_test_is_told_from_a_path_with_a_comma(tmp_path):
    fill(tmp_path / "a,b", NAMES)
    assert open_examples(Path(tmp_path / "a,b"), "pairs").spec.name == "a,b"
