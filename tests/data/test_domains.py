"""Two domains: each in an order of its own, never by accident in pairs."""

import zipfile

import numpy as np
import pytest

from ganvas.data.domains import Domains
from ganvas.data.layouts import Unpaired
from ganvas.data.open import open_examples
from ganvas.data.source import DataSpec
from ganvas.errors import BadInput
from tests.data.test_pairs import (
    EMOJI,
    FACADES,
    beside,
    fill,
    needs_emoji,
    needs_facades,
    negative,
    noise,
    refused,
    said,
    save,
    together,
)


def numbered(n, side=4):
    """Pictures of one channel of which number k is all k."""
    return np.broadcast_to(np.arange(n, dtype=np.uint16)[:, None, None, None], (n, 1, side, side)).copy()


def numbers(arrays):
    return arrays["a"][:, 0, 0, 0].astype(int), arrays["b"][:, 0, 0, 0].astype(int)


def domains(n, m, held=0, **options):
    rows = [np.arange(k) for k in (n, m)]
    return Domains(
        numbered(n),
        numbered(m),
        tuple(r[: len(r) - held] for r in rows),
        tuple(r[len(r) - held :] for r in rows),
        name="n",
        **options,
    )


# ---- the source ---------------------------------------------------------------------------------------------------


def accidental(a, b):
    """How many of the positions show the same number on both sides; by chance one in a hundred."""
    return int((a == b).sum())


@pytest.mark.parametrize("seed", [0, 1, 2**40])
def test_a_and_b_are_never_accidentally_paired(seed):
    """Two domains of one size, numbered alike: over ten epochs as many coincidences as chance has, about one each."""
    a, b = numbers(domains(100, 100).batch(seed, 0, 1000))
    assert accidental(a, b) < 30, "chance: 10 ± 3.2"
    offsets = [accidental(a, np.roll(b, k)) for k in range(1, 100)]
    assert max(offsets) < 35, "nor is one order the other one shifted"
    relation = [len({(x, y) for x, y in zip(a, b, strict=True) if x == k}) for k in range(100)]
    assert np.mean(relation) > 9, "a picture meets another one in every epoch"
    one_order = domains(100, 100)
    one_order._orders["b"] = one_order._orders["a"]
    assert accidental(*numbers(one_order.batch(seed, 0, 1000))) == 1000, "negative control: one order for both"


def test_folders_with_the_same_file_names_are_not_paired(tmp_path):
    fill(tmp_path, [f"{k:02d}" for k in range(15)])
    batch = open_examples(tmp_path, "domains").batch(0, 0, 600)
    pairs = (batch["a"] == negative(batch["b"])).all((1, 2, 3)).sum()
    assert 15 < pairs < 80, "chance: 40 ± 6"
    assert together(open_examples(tmp_path, "pairs").batch(0, 0, 600)), "negative control: the same files as pairs"


def test_each_domain_has_epochs_of_its_own():
    source = domains(7, 12)
    a, b = numbers(source.batch(5, 0, 84))
    assert all(sorted(a[k : k + 7]) == list(range(7)) for k in range(0, 84, 7))
    assert all(sorted(b[k : k + 12]) == list(range(12)) for k in range(0, 84, 12))
    for start, size in ((0, 1), (6, 2), (11, 30), (83, 1)):
        part = numbers(source.batch(5, start, size))
        assert (part[0] == a[start : start + size]).all() and (part[1] == b[start : start + size]).all()
    assert (numbers(source.batch(6, 0, 84))[0] != a).any()


def test_each_picture_has_a_coin_of_its_own():
    images = noise(40, 1, 5, 7)
    parts = (np.arange(40),) * 2, (np.arange(0),) * 2
    plain, flipped = (Domains(images, images, *parts, name="n", flip=flip).batch(0, 0, 800) for flip in (False, True))
    coins = [(flipped[key] == plain[key][..., ::-1]).all((1, 2, 3)) for key in "ab"]
    assert all(350 < mirrored.sum() < 450 for mirrored in coins)
    assert 330 < (coins[0] == coins[1]).sum() < 470, "they agree as often as not"


def test_the_record_and_what_is_held_out():
    source = domains(30, 20, held=5)
    spec = source.spec
    assert (spec.n, spec.held_out, spec.paired, spec.held_out_paired) == (25, 5, False, False)
    assert [(v.key, v.shape, v.bits) for v in spec.views] == [("a", (1, 4, 4), 16), ("b", (1, 4, 4), 16)]
    assert DataSpec.from_json(spec.to_json()) == spec
    a, b = numbers(source.held_out())
    assert list(a) == list(range(25, 30)) and list(b) == list(range(15, 20)) and len(source.held_out(2)["b"]) == 2
    assert set(numbers(source.batch(0, 0, 100))[0]) == set(range(25))
    prints = {
        domains(30, 20, held=5).spec.fingerprint,
        domains(30, 20).spec.fingerprint,
        domains(20, 30).spec.fingerprint,
    }
    assert len(prints) == 3 and spec.fingerprint in prints
    with pytest.raises(BadInput, match="domain b holds 1 picture to train on; a domain needs at least 2"):
        domains(5, 1)


# ---- folders ------------------------------------------------------------------------------------------------------


def pictures(folder, count, start=0, shape=(8, 8)):
    for seed in range(start, start + count):
        save(folder / f"{seed}.png", noise(*shape, seed=seed))


def test_two_folders_of_unequal_size(tmp_path):
    pictures(tmp_path / "horses", 40)
    pictures(tmp_path / "zebras", 60, start=100)
    source = open_examples(tmp_path, "domains")
    spec = source.spec
    assert spec.n > 45 and not spec.paired and not spec.held_out_paired and 0 < spec.held_out < 20
    assert said(source, "a is horses/, b is zebras/") and said(source, "of each held out")
    batch, aside = source.batch(0, 0, 200), source.held_out()
    for key in "ab":
        trained = {bytes(x) for x in batch[key]}
        assert not trained & {bytes(x) for x in aside[key]} and len(aside[key]) == spec.held_out
    assert len({bytes(x) for x in batch["a"]}) <= 40 < len({bytes(x) for x in batch["b"]})
    both = open_examples(f"{tmp_path}/horses,{tmp_path}/zebras", "domains")
    assert both.spec.fingerprint == spec.fingerprint and both.spec.name == "horses+zebras"


@pytest.mark.parametrize("sides", [("trainA", "trainB", "testA", "testB"), ("A/train", "B/train", "A/test", "B/test")])
def test_the_folders_own_splits(tmp_path, sides):
    for k, (side, count) in enumerate(zip(sides, (6, 8, 4, 3), strict=True)):
        pictures(tmp_path / side, count, start=100 * k)
    source = open_examples(tmp_path, "domains")
    assert (source.spec.n, source.spec.held_out) == (8, 3) and said(source, "train is trained on, test is held out")
    for path in (tmp_path / sides[3]).iterdir():
        path.unlink()
    source = open_examples(tmp_path, "domains")
    assert (source.spec.n, source.spec.held_out) == (8, 0) and said(source, "test has pictures of one domain alone")


def test_sizes_are_common_to_both_domains(tmp_path):
    pictures(tmp_path / "A", 3, shape=(8, 8))
    pictures(tmp_path / "B", 3, shape=(16, 16, 3))
    source = open_examples(tmp_path, "domains", side=32)
    assert [v.shape for v in source.spec.views] == [(1, 32, 32), (3, 32, 32)]
    assert said(source, "a: 3 of 3 pictures (8×8)") and said(source, "b: 3 of 3 pictures (16×16)")


def test_halves_and_tables_as_domains_hold_true_translations_out(tmp_path):
    """Nothing that is held out as a translation may be trained on, on either side."""
    beside(tmp_path / "halves", range(60))
    fill(tmp_path / "table", [f"{k:02d}" for k in range(60)], (8, 8))
    rows = [f"A/{k:02d}.png,B/{k:02d}.png" for k in range(60)]
    (tmp_path / "table/pairs.csv").write_text("\n".join(["a,b", *rows]))
    for folder in ("halves", "table"):
        source = open_examples(tmp_path / folder, "domains")
        assert source.spec.held_out_paired and not source.spec.paired and source.spec.held_out > 2
        aside, batch = source.held_out(), source.batch(0, 0, 300)
        assert together(aside) and not together(batch) and said(source, "true translations")
        for key in "ab":
            assert not {bytes(x) for x in aside[key]} & {bytes(x) for x in batch[key]}


def test_a_picture_of_many_pairs_is_not_trained_on_where_it_is_held_out(tmp_path):
    pictures(tmp_path / "A", 5)
    pictures(tmp_path / "B", 60, start=100)
    rows = [f"A/{k % 5}.png,B/{100 + k}.png,{'val' if k in (5, 6) else 'train'}" for k in range(60)]
    (tmp_path / "pairs.csv").write_text("\n".join(["a,b,split", *rows]))
    source = open_examples(tmp_path, "domains")
    assert source.spec.held_out == 2 and len({bytes(x) for x in source.batch(0, 0, 90)["a"]}) == 3


def test_a_zip(tmp_path):
    fill(tmp_path / "in", map(str, range(8)))
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path in sorted((tmp_path / "in").rglob("*.png")):
            archive.write(path, path.relative_to(tmp_path))
    assert open_examples(tmp_path / "all.zip", "domains").spec.n == 8


def test_names_need_not_be_equal_and_what_lies_elsewhere_is_refused(tmp_path):
    pictures(tmp_path / "A", 4)
    pictures(tmp_path / "B", 3, start=50)
    assert open_examples(tmp_path, "domains").spec.n == 4
    pictures(tmp_path / "C", 2, start=90)
    error = refused(tmp_path, r"outside of the two sides \(2\): C/90.png, C/91.png", "domains", Unpaired)
    assert [p.kind for p in error.problems] == ["extra", "extra"]
    assert open_examples(tmp_path, "domains", drop_unpaired=True).spec.n == 4


def test_bad_domains(tmp_path):
    pictures(tmp_path / "A", 4)
    pictures(tmp_path / "B", 1)
    refused(tmp_path, "domain b holds 1 picture to train on", "domains")
    pictures(tmp_path / "A/single", 4)
    refused(tmp_path / "A/single", "two kinds are wanted", "domains")
    refused("digits", "digits holds single pictures, no domains", "domains")
    save(tmp_path / "B/2.png", np.zeros((1, 37), np.uint8))
    pictures(tmp_path / "B", 5, start=10)
    assert said(open_examples(tmp_path, "domains"), "B/2.png: 1×37 pixels: too small or too long")


# ---- real data ----------------------------------------------------------------------------------------------------


@needs_facades
def test_facades_unpaired(tmp_path):
    for k, split in [*((k, "train") for k in range(1, 7)), *((k, "val") for k in range(1, 4))]:
        (tmp_path / split).mkdir(exist_ok=True)
        (tmp_path / split / f"{k}.jpg").write_bytes((FACADES / split / f"{k}.jpg").read_bytes())
    source, pairs = open_examples(tmp_path, "domains", size=32), open_examples(tmp_path, "pairs", size=32)
    assert (source.spec.n, source.spec.held_out) == (6, 3)
    assert all((source.held_out()[key] == pairs.held_out()[key]).all() for key in "ab")
    assert {bytes(x) for x in source.batch(0, 0, 6)["b"]} == {bytes(x) for x in pairs.batch(0, 0, 6)["b"]}


@needs_emoji
def test_emoji_unpaired(tmp_path):
    names = sorted(path.name for path in (EMOJI / "google").iterdir())[:60]
    for side in ("google", "twitter"):
        (tmp_path / side).mkdir()
        for name in names:
            (tmp_path / side / name).write_bytes((EMOJI / side / name).read_bytes())
    spec = open_examples(tmp_path, "domains", size=16).spec
    assert 45 < spec.n <= 60 and [v.shape for v in spec.views] == [(3, 16, 16)] * 2
