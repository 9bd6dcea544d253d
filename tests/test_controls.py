"""What must move a score does, by more than chance, asked as a user asks: files against files. What must not, does not."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from ganvas import files, judging
from ganvas.cli.main import main
from ganvas.data.open import open_source
from ganvas.data.packed import read_idx
from ganvas.measure import frechet
from ganvas.study.card import Score
from tests.conftest import SHARED

EYE = "fd-digits/v1"


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(files, "cache_folder", lambda: tmp_path / "cache")


@pytest.fixture(scope="module")
def digits():
    """1,800 real digits to compare with, 900 others, and the classes of these."""
    batch = open_source("digits").batch(0, 0, 2700)
    return batch["image"][:1800], batch["image"][1800:], batch["label"][1800:]


@pytest.fixture
def judge(tmp_path, digits):
    """Pictures against real digits: their distance without its floor, and its standard error from random halves."""
    np.save(tmp_path / "real.npy", digits[0])

    def look(images: np.ndarray, real: np.ndarray | None = None) -> tuple[float, float]:
        np.save(tmp_path / "fake.npy", images)
        if real is not None:
            np.save(tmp_path / "real.npy", real)
        question = judging.ask(tmp_path / "fake.npy", against=str(tmp_path / "real.npy"), extractor=EYE)
        (score,) = judging.answer(question, ["fid"])
        rng, x, m = np.random.default_rng(0), question.fake.features, question.real.moments
        halves = [frechet.moments(x[rng.permutation(len(x))[: len(x) // 2]]) for _ in range(10)]
        found = [frechet.corrected(frechet.frechet(half, m), m.cov, half.n, m.n) for half in halves]
        return score.also["corrected"], float(np.std(found, ddof=1))

    return look


def apart(one: tuple[float, float], other: tuple[float, float]) -> float:
    """The difference in standard errors."""
    return (one[0] - other[0]) / np.hypot(one[1], other[1])


def through(images: np.ndarray, kind: str, **options) -> np.ndarray:
    """Grey pictures written as files of this kind and read again."""
    out = []
    for image in images:
        buffer = BytesIO()
        Image.fromarray(image[0]).save(buffer, kind, **options)
        out.append(np.asarray(Image.open(buffer))[None])
    return np.stack(out)


def test_jpeg_moves_the_distance_and_png_does_not(judge, digits):
    fresh = judge(digits[1])
    assert abs(fresh[0]) < 3 * fresh[1], "of real digits nothing is left over the floor"
    assert judge(through(digits[1], "PNG")) == fresh
    assert apart(judge(through(digits[1], "JPEG", quality=5)), fresh) > 2


def test_a_class_removed_moves_the_distance_and_a_tenth_of_all_does_not(judge, digits):
    _, images, labels = digits
    fresh = judge(images)
    assert apart(judge(images[labels != 9]), fresh) > 2
    assert abs(apart(judge(images[np.arange(len(images)) % 10 != 9]), fresh)) < 2


def test_a_wrong_range_is_caught_or_moves_the_distance(judge, digits, tmp_path, capsys):
    unit = digits[1].astype(np.float32) / 255
    fresh = judge(digits[1])
    assert judge(unit) == pytest.approx(fresh, rel=1e-3, abs=1e-3), "the control: floats in 0…1 are the same pictures"
    np.save(tmp_path / "wrong.npy", 2 * unit - 1)
    command = ["evaluate", tmp_path / "wrong.npy", "--against", tmp_path / "real.npy", "--extractor", EYE]
    assert main([*map(str, command), "--metric", "fid"]) == 2
    err = capsys.readouterr().err
    assert "0…1" in err and err.count("\n") == 1
    # what no check can see, because somebody has cut it to a valid range, the number says
    wrong = {"cut": (2 * unit - 1).clip(0, 1), "lifted": (unit + 1) / 2, "dark": unit / 255, "inverted": 1 - unit}
    for name, images in wrong.items():
        assert apart(judge(images), fresh) > 2, name


@pytest.mark.skipif(not (SHARED / "mnist").is_dir(), reason="needs MNIST's test set, which is not on this machine")
def test_the_first_of_an_ordered_set_are_no_sample_of_it(judge):
    """The first half of MNIST's test set was written by other people than the second."""
    test, train = (read_idx(SHARED / "mnist" / f"{name}-images-idx3-ubyte.gz")[:, None] for name in ("t10k", "train"))
    rng = np.random.default_rng(0)
    some = train[rng.permutation(len(train))[:3000]]
    shuffled, again = (judge(test[rng.permutation(len(test))[:1500]], some) for _ in range(2))
    first, last = judge(test[:1500], some), judge(test[-1500:], some)
    assert apart(first, shuffled) > 4 and apart(last, shuffled) > 4
    assert abs(apart(again, shuffled)) < 3, "the control"


def test_fewer_images_than_features_warns_and_kid_keeps_its_head(digits, tmp_path, capsys):
    images = {"real": digits[0], "fresh": digits[1], "noise": digits[1] ^ np.uint8(64)}

    def scores(name: str, n: int) -> dict[str, Score]:
        for key in ("real", name):
            np.save(tmp_path / f"{key}.npy", images[key][:n])
        question = judging.ask(tmp_path / f"{name}.npy", against=str(tmp_path / "real.npy"), extractor=EYE)
        return {score.name.split(" in ")[0]: score for score in judging.answer(question, ["fid", "kid"])}

    few, many, bad = scores("fresh", 100), scores("fresh", 900), scores("noise", 100)
    assert few[EYE].note == "fewer images than its 128 features: read kid instead" and "corrected" not in few[EYE].also
    assert "read kid" not in many[EYE].note and "corrected" in many[EYE].also
    assert few[EYE].value > 4 * many[EYE].value, "the distance itself has grown with nothing but fewer pictures"
    assert abs(few["kid"].value) < few["kid"].spread and bad["kid"].value > 5 * bad["kid"].spread
    np.save(tmp_path / "fresh.npy", digits[1][:100])
    command = ["evaluate", tmp_path / "fresh.npy", "--against", tmp_path / "real.npy", "--extractor", EYE]
    assert main([*map(str, command), "--metric", "fid"]) == 0
    assert "read kid instead" in capsys.readouterr().out
