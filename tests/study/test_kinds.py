"""A kind of picture that is left out is named and shown; one that is there, and one that is rare by chance, are not."""

import numpy as np
import pytest
from PIL import Image

from ganvas import files
from ganvas.cli.main import main
from ganvas.data.gallery import Gallery
from ganvas.data.open import open_source
from ganvas.measure.classes import missing
from ganvas.study import kinds
from ganvas.study.extractors import extractor
from ganvas.study.question import Question


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(files, "cache_folder", lambda: tmp_path / "cache")


@pytest.fixture(scope="module")
def digits():
    batch = open_source("digits").batch(0, 0, 2000)
    return batch["image"], batch["label"]


def gallery(images, name):
    return Gallery(name, f"{name}-{len(images)}", len(images), lambda a, b: images[a:b])


def asked(real, fake, eye):
    return kinds.kinds(Question(gallery(fake, "fake"), extractor(eye), gallery(real, "real")))


def test_a_class_that_is_left_out_is_named(digits):
    images, labels = digits
    fake = images[1000:][labels[1000:] != 7]
    found = asked(images[:1000], fake, "fd-digits/v1")
    assert [found.names[k] for k in found.lost] == ["class 7"] and "class 7 (" in kinds.summary(found)
    whole = asked(images[:1000], images[1000:], "fd-digits/v1")
    assert whole.lost == [] and "each class of 10" in kinds.summary(whole), "negative control"


def test_without_classes_clusters_are_named(digits):
    images, _ = digits
    real = images[:1000]
    dark = real.reshape(1000, -1).mean(1)
    fake = real[dark < np.quantile(dark, 0.5)]  # thin strokes only
    found = asked(real, fake, "pixels")
    assert found.lost and all(found.names[k].startswith("cluster") for k in found.lost)
    assert asked(real, images[1000:], "pixels").lost == [], "negative control"


def test_the_sheet_has_the_missing_on_top_and_real_pictures_beside(digits):
    images, labels = digits
    found = asked(images[:1000], images[1000:][labels[1000:] != 7], "fd-digits/v1")
    sheet = np.asarray(kinds.draw(found).convert("L"))
    assert sheet.shape[0] > 8 * 28 and sheet.shape[1] > 2 * 8 * 28
    likest = np.argsort(-found.likeness[0][:, 7], kind="stable")[: kinds.EACH]
    assert (labels[likest] == 7).all(), "the real ones of the first row are sevens"


def test_many_missing_are_counted_and_not_listed(digits):
    images, labels = digits
    found = asked(images[:1000], images[1000:][labels[1000:] == 1], "fd-digits/v1")
    assert len(found.lost) == 9 and kinds.summary(found).endswith(" and 1 more.")


@pytest.mark.parametrize(
    ("counts", "lost"), [([0, 250], [0]), ([24, 226], [0]), ([26, 224], []), ([0, 5], []), ([0, 0], [])]
)
def test_what_is_missing_by_chance_is_not(counts, lost):
    """Half each: a fifth of that is 25 of 250; none of five comes by chance once in 32 times."""
    assert missing(np.array(counts), [0.5, 0.5]) == lost


def test_evaluate_writes_it_and_a_wrong_name_is_one_line(tmp_path, capsys, digits):
    images, labels = digits
    for name, some in (("real", images[:200]), ("fake", images[200:600][labels[200:600] != 3])):
        (tmp_path / name).mkdir()
        for i, image in enumerate(some):
            Image.fromarray(image[0]).save(tmp_path / name / f"{i:04d}.png")
    words = ["evaluate", str(tmp_path / "fake"), "--against", str(tmp_path / "real"), "--extractor", "fd-digits/v1"]
    assert main([*words, "--missing", str(tmp_path / "out" / "missing.png")]) == 0
    assert "class 3 (0 of" in capsys.readouterr().out
    with Image.open(tmp_path / "out" / "missing.png") as sheet:
        assert sheet.width > 400
    assert main([*words, "--missing", "missing.jpg"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
