"""The array source: every example once an epoch, batches as pure functions, a split that follows content."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganvas.data.arrays import ArraySource, content_hashes
from ganvas.errors import BadInput


def numbered(n, **options):
    """n pictures that say their number, and labels that do too."""
    images = np.zeros((n, 1, 4, 4), np.uint16)
    images[:, 0, 0, 0] = np.arange(n)
    return ArraySource(images, np.arange(n), name="numbers", **options)


def numbers(arrays):
    assert (arrays["image"][:, 0, 0, 0] == arrays["label"]).all()
    return arrays["label"].tolist()


@pytest.mark.parametrize(("n", "batch"), [(2, 1), (2, 64), (19, 4), (100, 7), (100, 100), (101, 64), (50, 130)])
def test_every_example_once_an_epoch(n, batch):
    source = numbered(n)
    stream = [k for start in range(0, 3 * source.spec.n + batch, batch) for k in numbers(source.batch(5, start, batch))]
    train = set(range(n)) - set(numbers(source.held_out()))
    for epoch in range(3):
        assert sorted(stream[epoch * source.spec.n : (epoch + 1) * source.spec.n]) == sorted(train)
    if source.spec.n > 15:
        assert stream[: source.spec.n] != stream[source.spec.n : 2 * source.spec.n]  # each epoch its own order


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**64), st.integers(0, 10**9), st.integers(1, 300), st.integers(0, 299))
def test_a_batch_is_a_slice_of_one_stream(seed, start, size, cut):
    source, other, cut = numbered(37), numbered(37), min(cut, size)
    other.batch(seed ^ 1, 12345, 10)  # a different past
    whole = numbers(source.batch(seed, start, size))
    assert whole == numbers(other.batch(seed, start, cut)) + numbers(other.batch(seed, start + cut, size - cut))


def test_seeds_differ_and_shapes_hold():
    source = numbered(100)
    assert numbers(source.batch(0, 0, 50)) != numbers(source.batch(1, 0, 50))
    empty = source.batch(0, 7, 0)
    assert empty["image"].shape == (0, 1, 4, 4) and empty["label"].dtype == np.int64
    assert source.batch(0, 0, 3)["image"].dtype == np.uint16


def test_a_batch_belongs_to_the_caller():
    source = numbered(100)
    source.batch(0, 0, 50)["image"][:] = 0
    assert numbers(source.batch(0, 0, 50)) == source.batch(0, 0, 50)["label"].tolist()


def test_flips_are_a_coin_of_seed_and_position():
    images = np.random.default_rng(0).integers(0, 256, (50, 2, 6, 5), np.uint8)
    plain, flipping = ArraySource(images, name="a"), ArraySource(images, name="a", flip=True)
    one, two = plain.batch(3, 40, 200)["image"], flipping.batch(3, 40, 200)["image"]
    same, mirrored = (one == two).all((1, 2, 3)), (one[..., ::-1] == two).all((1, 2, 3))
    assert (same ^ mirrored).all() and 60 < mirrored.sum() < 140
    parts = [flipping.batch(3, start, 10)["image"] for start in range(40, 240, 10)]
    assert (np.concatenate(parts) == two).all()
    assert (flipping.held_out()["image"] == plain.held_out()["image"]).all()


def test_about_a_tenth_is_held_out_and_never_trained_on():
    source = numbered(2000)
    held = numbers(source.held_out())
    assert 140 < len(held) < 260 and source.spec.held_out == len(held) and source.spec.n == 2000 - len(held)
    assert held != sorted(held)  # shuffled, and always the same
    assert held[:7] == numbers(source.held_out(7)) == numbers(numbered(2000).held_out(7))
    assert not set(held) & set(numbers(source.batch(0, 0, 4000)))


def test_the_split_follows_content_alone():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (400, 1, 4, 4), np.uint8)
    sides = {image.tobytes() for image in ArraySource(images, name="a").held_out()["image"]}
    more = np.concatenate([images[rng.permutation(400)], images[:200], rng.integers(0, 256, (300, 1, 4, 4), np.uint8)])
    again = ArraySource(more, name="b")
    held = {image.tobytes() for image in again.held_out()["image"]}
    trained = {image.tobytes() for image in again.batch(0, 0, again.spec.n)["image"]}
    assert sides <= held and not held & trained  # nobody changed sides, duplicates stand together


def test_small_and_uniform_sets_hold_nothing_out():
    assert numbered(19).spec.held_out == 0 and numbered(19).spec.n == 19
    for value in range(30):  # about three of these would be held out altogether
        source = ArraySource(np.full((40, 1, 4, 4), value, np.uint8), name="flat")
        assert (source.spec.n, source.spec.held_out) == (40, 0)
        assert source.held_out()["image"].shape == (0, 1, 4, 4)


def test_too_little_and_unequal():
    with pytest.raises(BadInput, match="at least 2"):
        numbered(1)
    with pytest.raises(BadInput, match="5 labels"):
        ArraySource(np.zeros((4, 1, 4, 4), np.uint8), np.zeros(5), name="a")


@pytest.mark.parametrize(
    ("dtype", "scale", "bits"), [(np.uint8, (0, 255), 8), (np.uint16, (0, 65535), 16), (np.float32, (0, 1), 32)]
)
def test_spec(dtype, scale, bits):
    rng = np.random.default_rng(0)
    images = (rng.random((40, 3, 4, 5)) * scale[1]).astype(dtype)
    source = ArraySource(images, np.arange(40) % 2, name="a", classes=("x", "y"))
    spec = source.spec
    assert (spec.shape, spec.range, spec.bits, spec.classes) == ((3, 4, 5), scale, bits, ("x", "y"))
    assert spec.keys == ("image", "label") and type(spec).from_json(spec.to_json()) == spec
    trained = source.batch(0, 0, spec.n)["image"].mean(0, dtype=np.float64) / scale[1]
    assert np.abs(spec.mean_image() - trained).max() <= 0.5 / 255 + 1e-6
    assert ArraySource(images, name="a").spec.keys == ("image",)


def test_mean_in_another_range():
    images = np.random.default_rng(0).uniform(-1, 1, (40, 1, 4, 4)).astype(np.float32)
    spec = ArraySource(images, name="a", range=(-1, 1)).spec
    assert np.abs(spec.mean_image() - 0.5).max() < 0.4 and abs(spec.mean_image().mean() - 0.5) < 0.05


def test_the_fingerprint_changes_with_anything():
    images, labels = np.random.default_rng(0).integers(0, 256, (30, 1, 4, 4), np.uint8), np.arange(30) % 3
    other, swapped = images.copy(), labels.copy()
    other[29, 0, 3, 3] ^= 1
    swapped[0] = 2
    variants = [
        ArraySource(images, labels, name="a", classes="xyz"),
        ArraySource(other, labels, name="a", classes="xyz"),
        ArraySource(images, swapped, name="a", classes="xyz"),
        ArraySource(images, labels, name="a", classes="xyw"),
        ArraySource(images, name="a"),
        ArraySource(images[::-1], name="a"),
        ArraySource(images.reshape(30, 1, 2, 8), name="a"),
        ArraySource(images.reshape(30, 4, 2, 2), name="a"),
    ]
    assert len({source.spec.fingerprint for source in variants}) == len(variants)
    assert ArraySource(images, labels, name="b", classes="xyz").spec.fingerprint == variants[0].spec.fingerprint


def test_mapped_and_strided_arrays(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (60, 4, 5, 3), np.uint8)
    np.save(tmp_path / "a.npy", images)
    mapped = np.moveaxis(np.load(tmp_path / "a.npy", mmap_mode="r"), -1, 1)
    one, two = ArraySource(mapped, name="a"), ArraySource(np.ascontiguousarray(mapped), name="a")
    assert one.spec == two.spec
    batch = one.batch(1, 30, 50)["image"]
    assert (batch == two.batch(1, 30, 50)["image"]).all()
    assert type(batch) is np.ndarray and batch.flags.c_contiguous and batch.flags.writeable


def test_hashes_kept_from_earlier_give_the_same_source():
    images = np.random.default_rng(0).integers(0, 256, (60, 1, 4, 4), np.uint8)
    first = ArraySource(images, name="a")
    assert (first.hashes == content_hashes(images)).all()
    assert ArraySource(images, name="a", hashes=first.hashes, mean=first.spec.mean).spec == first.spec


def test_threads_may_ask_at_the_same_time():
    source, expected, wrong = numbered(500), numbered(500), []

    def ask(seed):
        for start in range(0, 3000, 50):
            if numbers(source.batch(seed, start, 50)) != numbers(expected.batch(seed, start, 50)):
                wrong.append((seed, start))

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
