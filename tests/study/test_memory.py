"""What was learned by heart is listed first, with the picture it was learned from; fresh pictures are not accused."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from ganvas import files
from ganvas.cli.main import main
from ganvas.data.gallery import Gallery, held_out, trained_on
from ganvas.data.open import open_source
from ganvas.errors import BadInput
from ganvas.nets import inception
from ganvas.study import memory
from ganvas.study.extractors import extractor
from ganvas.study.score import METRICS, Question
from ganvas.study.seen import Seen
from tests.conftest import strokes

COPIES = 60


@pytest.fixture(scope="module")
def digits():
    """Real digits, all different: 1,200 to train on, 600 held out, 600 fresh."""
    images = open_source("digits").batch(0, 0, 2400)["image"]
    return images[:1200], images[1200:1800], images[1800:]


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(files, "cache_folder", lambda: tmp_path / "cache")


@pytest.fixture
def folders(digits, tmp_path):
    """train, held_out, fresh as folders, and mixed: fresh digits of which 10 % are copies of training images."""
    rng = np.random.default_rng(0)
    mixed = digits[2].copy()
    places, taken = rng.permutation(600)[:COPIES], rng.permutation(1200)[:COPIES]
    mixed[places] = digits[0][taken]
    for name, images in zip(("train", "held_out", "fresh", "mixed"), (*digits, mixed), strict=True):
        (tmp_path / name).mkdir()
        for i, image in enumerate(images):
            Image.fromarray(image[0]).save(tmp_path / name / f"{i:04d}.png")
    return tmp_path, dict(zip(places.tolist(), taken.tolist(), strict=True))


def evaluate(*words) -> int:
    return main(["evaluate", *map(str, words)])


def test_copies_are_listed_first_and_fresh_pictures_are_not_accused(folders, capsys):
    root, copies = folders
    found = {}
    for name in ("mixed", "fresh"):
        against = ("--against", root / "held_out", "--train", root / "train", "--extractor", "fd-digits/v1")
        assert evaluate(root / name, *against, "--neighbours", root / f"out/{name}.png") == 0
        found[name] = json.loads((root / f"out/{name}.json").read_text())
    first, rest = found["mixed"]["pictures"][:COPIES], found["mixed"]["pictures"][COPIES:]
    assert {(row["generated"], row["training_name"]) for row in first} == {
        (i, f"{j:04d}.png") for i, j in copies.items()
    }
    assert all(row["training_distance"] == 0 < row["held_out_distance"] for row in first)
    assert all(row["training_distance"] > 0 for row in rest + found["fresh"]["pictures"])
    near, z = ({score["name"].split(" in ")[0]: score for score in f["scores"]} for f in found.values()), {}
    (mixed, fresh) = near
    assert mixed["nearer to training"]["also"]["nearer than any held-out"] >= COPIES
    assert fresh["nearer to training"]["also"]["nearer than any held-out"] < 8
    z = {name: one["c_t"]["value"] for name, one in (("mixed", mixed), ("fresh", fresh))}
    assert abs(z["fresh"]) < 2.5 and z["mixed"] < z["fresh"] - 2
    assert abs(fresh["nearer to training"]["value"] - 0.5) < 0.08
    assert mixed["nearer to training"]["card"]["train"].startswith("train: 1,200")
    assert "honest 50" in capsys.readouterr().out
    with Image.open(root / "out/mixed.png") as picture:
        assert picture.width < picture.height and picture.mode == "RGB"
    assert evaluate(root / "mixed", *against, "--metric", "c_t,authpct") == 0, "with --train metrics know them too"
    assert f"{mixed['c_t']['value']:.5g}" in capsys.readouterr().out
    suspicion = [row["training_distance"] / row["held_out_distance"] for row in found["fresh"]["pictures"]]
    assert suspicion == sorted(suspicion)


def fed(sets: dict[str, np.ndarray], train: str | None = "train", real: str | None = "real") -> Question:
    """A question whose features are given; their pictures are what the first feature says."""

    def gallery(name):
        x = sets[name]
        grey = lambda a, b: [np.full((1, 8, 8), np.clip(50 + 40 * row[0], 0, 255), np.uint8) for row in x[a:b]]  # noqa: E731
        return Gallery(name, f"{name}-features", len(x), grey)

    known = {name: gallery(name) if name else None for name in ("fake", train, real)}
    seen = lambda g, e: Seen(sets[g.name][: g.n], None, g)  # noqa: E731
    return Question(known["fake"], extractor("pixels"), known[real], known[train], progress=seen)


def gauss(n, seed, d=16):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


@pytest.mark.parametrize("noise", [0.0, 0.1], ids=["exact", "nearly"])
def test_nearly_copies_are_first_too(noise):
    fake, train = gauss(400, 0), gauss(2000, 1)
    fake[100:140] = train[:40] + noise * gauss(40, 3)
    found = memory.nearest(fed({"fake": fake, "train": train, "real": gauss(500, 2)}))
    assert set(found.order[:40]) == set(range(100, 140))
    assert list(found.train.at[100:140]) == list(range(40))
    assert found.z < -3 < memory.nearest(fed({"fake": gauss(400, 0), "train": train, "real": gauss(500, 2)})).z


def test_the_share_is_taken_at_equal_sizes_and_its_scatter_is_that_of_the_references():
    sets = {"fake": gauss(1000, 0), "train": gauss(4000, 1), "real": gauss(400, 2)}
    found = memory.nearest(fed(sets))
    assert (found.even, found.parts) == (400, 10) and abs(found.nearer - 0.5) < 4 * found.error
    assert (found.train.distance < found.held_out.distance).mean() > 0.8, "the control: ten times as many are nearer"
    # fakes far from all: a few real images are the nearest of all of them, and which set has them is luck
    weak = memory.nearest(fed(sets | {"fake": 0.05 * gauss(1000, 0) + 6}))
    assert weak.scatter > 5 * weak.error and abs(weak.nearer - 0.5) < 3 * weak.scatter
    assert found.scatter < 3 * found.error, "and good ones have many"
    few = memory.nearest(fed({"fake": sets["fake"], "train": gauss(300, 1), "real": gauss(400, 2)}))
    assert (few.even, few.parts) == (300, 1) and np.isnan(few.scatter)
    assert memory.scores(few)[0].spread is None and memory.scores(few)[0].also["binomial error"] == few.error


def test_the_c_t_beside_is_the_metric_s():
    q = fed({"fake": gauss(200, 0), "train": gauss(900, 1), "real": gauss(300, 2)})
    beside = memory.scores(memory.nearest(q))[1]
    (metric,) = METRICS["c_t"](q)
    assert beside.value == pytest.approx(metric.value) and (beside.name, beside.card) == (metric.name, metric.card)
    assert (
        len(memory.scores(memory.nearest(fed({"fake": gauss(20, 0), "train": gauss(9, 1), "real": gauss(9, 2)})))) == 1
    )


def test_a_picture_of_both_sets_is_a_copy():
    train, real = gauss(50, 1), gauss(50, 2)
    real[3] = train[7]
    found = memory.nearest(fed({"fake": np.concatenate([gauss(30, 0), train[7:8]]), "train": train, "real": real}))
    assert found.order[0] == 30 and found.suspicion[30] == 0


def test_two_folders_are_enough(folders, capsys):
    root, copies = folders
    sheet = root / "sheet.png"
    assert evaluate(root / "mixed", "--against", root / "train", "--extractor", "pixels", "--neighbours", sheet) == 0
    assert "are taken for the training images" in (out := capsys.readouterr().out) and "cannot be said" in out
    found = json.loads(sheet.with_suffix(".json").read_text())
    assert {row["generated"] for row in found["pictures"][:COPIES]} == set(copies)
    assert not found["scores"] and found["held_out"] is None and "held_out" not in found["pictures"][0]


def test_where_no_network_can_be_had_pixels_are_compared_and_that_is_said(tmp_path, monkeypatch, capsys):
    def offline(weights, say):
        raise BadInput("cannot download weights")

    monkeypatch.setattr(inception, "pretrained", offline)
    rng = np.random.default_rng(0)
    for name, side in (("a", 40), ("b", 60)):
        (tmp_path / name).mkdir()
        for i in range(4):
            Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8)).save(tmp_path / name / f"{i}.png")
    with Image.open(tmp_path / "b/2.png") as picture:
        picture.resize((40, 40), Image.Resampling.BICUBIC).save(tmp_path / "a/1.png")
    common = (tmp_path / "a", "--against", tmp_path / "b", "--neighbours", tmp_path / "s.png")
    assert evaluate(*common) == 0
    assert "pixels are compared, because no network that fits can be had" in capsys.readouterr().out
    found = json.loads((tmp_path / "s.json").read_text())
    assert found["extractor"] == "pixels" and found["resize"] == "32×32 Pillow bicubic"
    assert found["pictures"][0] | {"training_distance": 0} == {
        "generated": 1, "generated_name": "1.png", "training": 2, "training_name": "2.png", "training_distance": 0,
    }  # fmt: skip
    for more in (("--extractor", "inception"), ("--metric", "fid")):
        assert evaluate(*common, *more) == 2, "a score is never made of something else than was asked"


def test_names_of_files_are_known(tmp_path):
    for i, image in enumerate(strokes(60)):
        Image.fromarray(image[0]).save(tmp_path / f"{i:02d}.png")
    source = open_source(tmp_path)
    for gallery in (trained_on(source), held_out(source)):
        with Image.open(tmp_path / gallery.names[3]) as picture:
            assert np.array_equal(np.asarray(picture), gallery.read(3, 4)[0][0])
    assert sorted(trained_on(source).names + held_out(source).names) == [f"{i:02d}.png" for i in range(60)]


def test_pictures_of_any_kind_are_drawn(tmp_path):
    rng = np.random.default_rng(0)
    images = [
        rng.integers(0, 256, (3, 300, 200), np.uint8), rng.integers(0, 256, (1, 5, 9), np.uint8),
        rng.integers(0, 65536, (1, 20, 20), np.uint16), rng.random((3, 30, 40), np.float32),
        rng.integers(0, 256, (4, 40, 40), np.uint8),
    ]  # fmt: skip
    q = fed({"fake": gauss(5, 0), "train": gauss(5, 1), "real": gauss(5, 2)})
    q.fakes = Gallery("fake", "x", 5, lambda a, b: images[a:b], names=("a" * 40, "b\x1b[31m", "c", "d", "\udcff"))
    assert '"\\udcff"' in memory.write(memory.nearest(q), tmp_path / "s.png").read_text(), "bytes that are no text"
    picture = memory.draw(memory.nearest(q))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    pixels = np.asarray(picture)
    assert pixels.shape[1] == 118 + 3 * (192 + 8) and len(np.unique(pixels)) > 100


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("{a} --against {b} --neighbours sheet.gif", "the sheet is a .png"),
        ("{a} --extractor pixels --neighbours {a}/s.png", "give --against"),
        (
            "{a} --against {b} --train nowhere --extractor pixels --neighbours {a}/s.png",
            "--train nowhere does not exist",
        ),
        ("{a} --against {a}/m.npz --extractor pixels --neighbours {a}/s.png", "needs the real images"),
    ],
)
def test_mistakes_get_one_line(words, said, tmp_path, capsys):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i in range(2):
            Image.new("RGB", (8, 8), (i, 2 * i, 90)).save(tmp_path / name / f"{i}.png")
    np.savez(tmp_path / "a/m.npz", mu=np.zeros(3072), sigma=np.zeros((3072, 3072)))
    assert evaluate(*(word.format(a=tmp_path / "a", b=tmp_path / "b") for word in words.split())) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1
