"""From words and paths to scores: runs, snapshots, folders, statistics; what cannot be compared is refused."""

import json

import numpy as np
import pytest
from PIL import Image

import ganvas
from ganvas import files, judging
from ganvas.cli.main import main
from ganvas.data.gallery import held_out, trained_on
from ganvas.data.open import open_source
from ganvas.errors import BadInput
from ganvas.study import score as metrics
from ganvas.study.report import write_report
from tests.conftest import TOY, strokes


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    arguments = TOY["auto"] | {"batch": 8}
    ganvas.train("auto", data="digits", run=folder, images=64, watch="off", quiet=True, threads=1, **arguments)
    judging.keep(folder, list(judging.answer(judging.ask(folder, n=100), ["fid"])))
    return folder


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(files, "cache_folder", lambda: tmp_path / "cache")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two folders of real digits as PNG, 60 each, of equal names."""
    root, images = tmp_path_factory.mktemp("folders"), ganvas.data.open.open_source("digits").batch(0, 0, 120)["image"]
    for name, part in (("a", images[:60]), ("b", images[60:])):
        (root / name).mkdir()
        for i, image in enumerate(part):
            Image.fromarray(image[0]).save(root / name / f"{i}.png")
    return root


def answered(question, metrics):
    return list(judging.answer(question, metrics))


def test_a_run_is_judged_against_its_held_out_images(run, capsys):
    assert main(["evaluate", str(run), "--metric", "fid,kid", "-n", "200"]) == 0
    out = capsys.readouterr().out
    assert "fd-digits/v1" in out and "472 real: digits, held out" in out and "200 judged" in out and "floor" in out
    kept = judging.kept(run)
    assert [score.name for score in kept][-2:] == ["fd-digits/v1", "kid in fd-digits/v1"]
    assert kept[-2].card.weights == "average" and kept[-2].floor > 0
    again = answered(judging.ask(run, n=200), ["fid"])
    assert again[0].value == kept[-2].value, "the same question has the same answer"


def test_other_references(run, folders, tmp_path):
    (training,) = answered(judging.ask(run, n=200, against="training"), ["fid"])
    assert training.card.n_real == 4528 and "training" in training.card.reference
    (folder,) = answered(judging.ask(run, n=200, against=str(folders / "a")), ["fid"])
    assert folder.card.n_real == 60
    snapshot = run / "snapshots" / "last.safetensors"
    (alone,) = answered(judging.ask(snapshot, n=200, against="digits"), ["fid"])
    assert alone.card.n_real == 5000
    elsewhere = tmp_path / "last.safetensors"
    elsewhere.write_bytes(snapshot.read_bytes())
    with pytest.raises(BadInput, match="is for a run"):
        judging.ask(elsewhere, n=200, against="held-out")


def test_statistics_are_written_once_and_read_again(folders, tmp_path):
    plain = judging.ask(folders / "a", against=str(folders / "b"), extractor="fd-digits/v1")
    out = tmp_path / "b.npz"
    assert main(["stats", str(folders / "b"), "--out", str(out), "--extractor", "fd-digits/v1"]) == 0
    stored = judging.ask(folders / "a", against=str(out), extractor="fd-digits/v1")
    (one,), (two,) = answered(plain, ["fid"]), answered(stored, ["fid"])
    assert two.value == pytest.approx(one.value) and two.card == one.card
    with np.load(out) as file:
        assert {"mu", "sigma"} <= set(file.files), "what pytorch-fid reads"
    with pytest.raises(BadInput, match="was made with fd-digits/v1"):
        judging.ask(folders / "a", against=str(out), extractor="fd-shapes/v1")


def test_statistics_of_others(folders, tmp_path):
    np.savez(tmp_path / "theirs.npz", mu=np.zeros(128), sigma=np.eye(128))
    (score,) = answered(
        judging.ask(folders / "a", against=str(tmp_path / "theirs.npz"), extractor="fd-digits/v1"), ["fid"]
    )
    assert "unknown" in score.card.reference
    np.savez(tmp_path / "narrow.npz", mu=np.zeros(64), sigma=np.eye(64))
    with pytest.raises(BadInput, match="is of 64 features"):
        judging.ask(folders / "a", against=str(tmp_path / "narrow.npz"), extractor="fd-digits/v1")


def test_runs_are_compared_where_their_cards_agree(run, folders, tmp_path, capsys):
    import shutil

    other = tmp_path / "other"
    shutil.copytree(run, other)
    for folder in (run, other):
        (folder / judging.SCORES).unlink(missing_ok=True)
        judging.keep(folder, answered(judging.ask(folder, n=200), ["fid"]))
    assert main(["compare", str(run), str(other)]) == 0
    out = capsys.readouterr().out
    assert "fd-digits/v1" in out and "472 real" in out
    (other / judging.SCORES).unlink()
    judging.keep(other, answered(judging.ask(other, n=100), ["fid"]))
    assert main(["compare", str(run), str(other)]) == 2
    assert "n_fake 200 and 100" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("evaluate", "what? Give a run or a folder"),
        ("evaluate nowhere", "nowhere does not exist"),
        ("evaluate {run} --metric fidd", "did you mean fid"),
        ("evaluate {run} --extractor fd-digit", "no extractor 'fd-digit'"),
        ("evaluate {run} -n 1", "at least two"),
        ("evaluate {run} --against nowhere", "nowhere"),
        ("evaluate {run} --metric psnr", "give --against the other one"),
        ("evaluate {a} --metric fid --extractor fd-digits/v1", "give --against"),
        ("evaluate {a} --against {a}/none.npz --extractor fd-digits/v1", "ganvas stats"),
        ("stats {a} --out ref.csv --extractor fd-digits/v1", "an .npz file"),
        ("stats nowhere", "nowhere does not exist"),
        ("compare {run}", "at least two runs"),
        ("compare {run} {a}", "no run folder"),
        ("compare {run} {run} --fast", "no option --fast"),
    ],
)
def test_mistakes_get_one_line(line, words, run, folders, capsys):
    code = main([word.format(run=run, a=folders / "a") for word in line.split()])
    err = capsys.readouterr().err
    assert code >= 2 and words in err and err.count("\n") == 1 and "Traceback" not in err


def test_a_torn_score_is_passed_over(run, tmp_path):
    import shutil

    shutil.copytree(run, tmp_path / "run")
    path = tmp_path / "run" / judging.SCORES
    whole = judging.kept(run)
    path.write_text(path.read_text() + '{"name": "fid", "val')
    assert judging.kept(tmp_path / "run") == whole
    path.unlink()
    with pytest.raises(BadInput, match="has no scores yet"):
        judging.kept(tmp_path / "run")


def test_a_snapshot_of_a_run_knows_its_data_and_a_run_may_have_lost_them(run, folders, tmp_path, capsys):
    import shutil

    snapshot = run / "snapshots" / "last.safetensors"
    (score,) = answered(judging.ask(snapshot, n=100), ["fid"])
    assert "held out" in score.card.reference
    shutil.copytree(run, tmp_path / "run")
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    record["data"]["source"] = "/gone/away"
    (tmp_path / "run" / "run.json").write_text(json.dumps(record))
    with pytest.raises(BadInput, match="give --against"):
        judging.ask(tmp_path / "run", n=100)
    (score,) = answered(judging.ask(tmp_path / "run", n=100, against=str(folders / "a")), ["fid"])
    assert score.card.n_real == 60 and "nothing is said of memorisation" in capsys.readouterr().out


def test_statistics_that_are_none_are_refused(folders, tmp_path):
    for name, stored in (("negative", {"mu": np.zeros(128), "sigma": -np.eye(128)}),
                         ("odd", {"mu": np.zeros(128), "sigma": np.eye(128), "about": "[1]"})):  # fmt: skip
        np.savez(tmp_path / f"{name}.npz", **stored)
        with pytest.raises(BadInput):
            judging.ask(folders / "a", against=str(tmp_path / f"{name}.npz"), extractor="fd-digits/v1")


# --- nearest neighbours, kept for the report


def test_a_run_keeps_the_sheet_of_its_neighbours_for_its_report(run, tmp_path, capsys):
    import shutil

    shutil.copytree(run, mine := tmp_path / "run")
    (mine / judging.SCORES).unlink()
    pages = [write_report(mine).read_text()]
    assert main(["evaluate", str(mine), "-n", "50", "--neighbours", str(tmp_path / "s.png")]) == 0
    assert "kept in" in capsys.readouterr().out
    assert (mine / "neighbours.png").read_bytes() == (tmp_path / "s.png").read_bytes()
    pages.append(write_report(mine).read_text())
    assert ["learned by heart" in page for page in pages] == [False, True]
    assert pages[1].count("<img") == pages[0].count("<img") + 1
    assert [score.name for score in judging.kept(mine)] == ["nearer to training in fd-digits/v1", "c_t in fd-digits/v1"]
    row = json.loads((tmp_path / "s.json").read_text())["pictures"][0]
    source, stored = open_source("digits"), ganvas.data.builtin.digits().images
    for gallery, key in ((trained_on(source), "training"), (held_out(source), "held_out")):
        name, picture = row[f"{key}_name"], gallery.read(row[key], row[key] + 1)[0]
        assert np.array_equal(stored[int(name.removeprefix("row "))], picture)
    assert not np.array_equal(
        stored[row["training"]], trained_on(source).read(row["training"], row["training"] + 1)[0]
    ), "the control: its position is not its row"
    assert main(["evaluate", str(mine), "--train", "digits"]) == 2 and "leave it out" in capsys.readouterr().err


# --- labels as in the data


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    """A conditional run on three classes, of which one has 80 % of the images."""
    folder = tmp_path_factory.mktemp("uneven")
    labels = np.array([0] * 80 + [1] * 15 + [2] * 5)
    for name, part in zip("abc", (strokes(100)[labels == k] for k in range(3)), strict=True):
        (folder / "data" / name).mkdir(parents=True)
        for i, image in enumerate(part):
            Image.fromarray(image[0]).save(folder / "data" / name / f"{i}.png")
    arguments = TOY["auto"] | {"batch": 8, "conditional": True}
    ganvas.train(
        "auto", data=folder / "data", run=folder / "run", images=32, watch="off", quiet=True, threads=1, **arguments
    )
    return folder / "run"


def told(question, monkeypatch) -> np.ndarray:
    """The labels that the generator is given for the question's pictures."""
    heard, imagine = [], question.generator.game.imagine
    listen = lambda net, z, batch: heard.append(batch["label"].numpy()) or imagine(net, z, batch)  # noqa: E731
    monkeypatch.setattr(question.generator.game, "imagine", listen)
    question.fakes.read(0, question.fakes.n)
    return np.concatenate(heard)


def test_labels_are_drawn_as_in_the_data(uneven, tmp_path, monkeypatch, folders):
    question = judging.ask(uneven, n=200, against=str(folders / "a"))
    source = open_source(uneven.parent / "data")
    shares = np.bincount(source.batch(0, 0, source.spec.n)["label"], minlength=3) / source.spec.n
    drawn = told(question, monkeypatch)
    assert question.labels == "as in the data" and shares.max() > 0.7
    np.testing.assert_allclose(np.bincount(drawn, minlength=3) / 200, shares, atol=0.02)
    whole = question.fakes.read(0, 200)
    assert np.array_equal(np.concatenate([question.fakes.read(a, a + 50) for a in range(0, 200, 50)]), whole)
    other = judging.ask(uneven, n=200, against=str(folders / "a"), seed=1)
    assert not np.array_equal(told(other, monkeypatch), drawn)
    # the same snapshot elsewhere knows no data: in turn, another card, and other features in the cache
    alone = tmp_path / "last.safetensors"
    alone.write_bytes((uneven / "snapshots" / "last.safetensors").read_bytes())
    control = judging.ask(alone, n=200, against=str(folders / "a"))
    assert control.labels == "in turn" and control.fakes.fingerprint != question.fakes.fingerprint
    assert np.bincount(told(control, monkeypatch)).tolist() == [67, 67, 66]


def test_the_card_says_how_labels_were_drawn(uneven, folders, monkeypatch):
    question = judging.ask(uneven, n=20, against=str(folders / "a"), extractor="pixels")
    monkeypatch.setattr(metrics, "PPL_PAIRS", 4)
    (kid,), (ppl,) = answered(question, ["kid"]), answered(question, ["ppl"])
    assert "labels as in the data" in str(kid) and "labels in turn" in str(ppl), "whose paths are no pictures"
    (files_of,) = answered(judging.ask(folders / "b", against=str(folders / "a"), extractor="pixels"), ["kid"])
    assert "labels" not in str(files_of)
