"""A run's page with its diagnosis, its recipe's own words, what is wrong with its data, and a walk; pages of several."""

import json
import os

import numpy as np
import pytest
from PIL import Image

import ganvas
from ganvas import judging, reporting
from ganvas.cli.main import main
from ganvas.data.arrays import ArraySource
from ganvas.study.card import Card, Score
from tests.conftest import TOY, strokes


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "a"
    ganvas.train(
        "auto", data="digits", run=folder, images=64, batch=8, watch="off", quiet=True, threads=1, **TOY["auto"]
    )
    return folder


def test_a_walk_is_made_once_and_made_again_after_more_training(run):
    out = reporting.walk(run)
    with Image.open(out) as film:
        assert film.n_frames == reporting.STOPS * reporting.STEPS and film.format == "WEBP" and film.is_animated
        frames = []
        for k in (0, 1, film.n_frames - 1, film.n_frames // 2):
            film.seek(k)
            frames.append(np.asarray(film.convert("L"), float))
    assert out.stat().st_size < 1_100_000
    near, far = np.abs(frames[0] - frames[1]).mean(), np.abs(frames[0] - frames[3]).mean()
    assert 0 < near < far and np.abs(frames[0] - frames[2]).mean() < far, "small steps, and the last leads to the first"
    made = out.stat().st_mtime_ns
    reporting.walk(run)
    assert out.stat().st_mtime_ns == made
    snapshot = run / "snapshots" / "last.safetensors"
    os.utime(snapshot, ns=(made + 10**9,) * 2)
    reporting.walk(run)
    assert out.stat().st_mtime_ns != made


def test_the_page_of_a_run_has_everything(run):
    text = reporting.report(run).read_text()
    for piece in ("A walk through latent space", "Diagnosis", "What would prove this wrong", "Huang et al. 2024",
                  "of its pictures were looked at", "held out", "Score it against"):  # fmt: skip
        assert piece in text, piece
    assert len(text) < 3_000_000 and "<script" not in text and "http:" not in text and "https:" not in text
    korean = reporting.report(run, "ko").read_text()
    assert "잠재 공간 산책" in korean and "진단" in korean and "Diagnosis" not in korean


def test_the_command_writes_it_in_either_language(run, capsys):
    assert main(["report", str(run), "--lang", "ko"]) == 0
    assert '<html lang="ko">' in (run / "report.html").read_text()
    assert main(["report", str(run)]) == 0 and '<html lang="en">' in (run / "report.html").read_text()
    assert main(["report", str(run), "--lang", "de"]) == 2 and "--lang cannot be 'de'" in capsys.readouterr().err


def test_the_data_are_looked_at_once_when_training_ends(run, tmp_path):
    record = json.loads((run / "lint.json").read_text())
    assert record["n"] == 4528 and [found["id"] for found in record["findings"]] == ["few"]
    (tmp_path / "run.json").write_text((run / "run.json").read_text())
    images = np.concatenate([strokes(60), strokes(1).repeat(9, 0)])
    said = []
    reporting.report(tmp_path, source=ArraySource(images, name="copies"), say=said.append)
    assert any("pictures (12.7%) are equal to another" in line for line in said), said
    found = {one["id"]: one for one in json.loads((tmp_path / "lint.json").read_text())["findings"]}
    assert found["duplicates"]["fields"]["n"] == 8
    reporting.report(tmp_path, source=ArraySource(strokes(60), name="clean"))
    assert "duplicates" in (tmp_path / "lint.json").read_text(), "once"


def test_runs_without_a_latent_space_have_no_walk_and_a_page(tmp_path, run):
    assert reporting.walk(tmp_path) is None
    (tmp_path / "run.json").write_text((run / "run.json").read_text())
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "snapshots" / "last.safetensors").write_bytes(b"torn")
    assert reporting.walk(tmp_path) is None
    assert "latent space" not in reporting.report(tmp_path).read_text()
    (tmp_path / "run.json").write_text('{"recipe": "auto"}')
    assert "Diagnosis" not in reporting.report(tmp_path).read_text(), "too bare a record for a doctor"


def test_what_a_recipe_says_of_itself():
    assert reporting.described("dcgan").startswith("DCGAN (Radford et al. 2015): transposed") and "Args" not in (
        reporting.described("dcgan")
    )
    assert reporting.described("os:system") == reporting.described("None") == ""


def card(**more):
    return Card("digits", "ab" * 32, "none", "digits, held out", "f" * 32, 472, 1000, 0, "average", **more)


def test_scores_of_several_runs_as_one_page(run, tmp_path, capsys):
    other = tmp_path / "b"
    (other / "samples").mkdir(parents=True)
    (other / "run.json").write_text((run / "run.json").read_text())
    for folder, value in ((run, 30.0), (other, 20.0)):
        judging.keep(
            folder, [Score("fd", value, card(), floor=5.0), Score("recall", value / 100, card(), better="higher")]
        )
    judging.keep(run, [Score("kid", 1.0, card())])
    judging.keep(other, [Score("kid", 2.0, card(settings="k=3"))])
    page = tmp_path / "compare.html"
    assert main(["compare", str(run), str(other), "--html", str(page)]) == 0
    text = page.read_text()
    assert "<b>20</b>" in text and "<b>0.3</b>" in text and "<b>30</b>" not in text, "lower, and higher"
    assert "kid of" in text and "cannot be compared" in text and "data:image/png" in text and "<script" not in text
    assert str(page) in capsys.readouterr().out
    assert main(["compare", "--html", str(page), str(run), str(other), "--lang", "ko"]) == 0
    assert "낮을수록" in page.read_text()
    assert main(["compare", str(run), str(run)]) == 2 and "named twice" in capsys.readouterr().err
    assert main(["compare", str(run), "--html", str(page)]) == 2 and "at least two runs" in capsys.readouterr().err
    assert main(["compare", str(run), str(other), "--html", "table"]) == 2 and "compare.html" in capsys.readouterr().err
