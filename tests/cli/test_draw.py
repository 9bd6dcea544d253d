"""`ganvas draw` and `ganvas evaluate` of what draws sentences, from the command line."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

import ganvas
from ganvas.cli.main import main
from ganvas.training.snapshot import _digest

RED, BLUE = "a red circle above a blue square", "a blue square"


def test_sheets_arrays_and_single_files(drawer, tmp_path, capsys):
    assert main(["draw", str(drawer), RED, BLUE, "-n", "3", "--seed", "1", "--out", str(tmp_path / "a.png")]) == 0
    assert "6 pictures in" in capsys.readouterr().out
    with Image.open(tmp_path / "a.png") as sheet:
        assert sheet.mode == "RGB" and sheet.width >= 3 * 64
    assert main(["draw", str(drawer), RED, BLUE, "-n", "3", "--seed", "1", "--out", str(tmp_path / "a.npy")]) == 0
    array = np.load(tmp_path / "a.npy")
    assert np.array_equal(array, ganvas.load(drawer)([RED, BLUE], n=3, seed=1))
    assert (
        main(["draw", str(drawer), RED, "-n", "2", "--stage", "1", "--singles", "--out", str(tmp_path / "each")]) == 0
    )
    with Image.open(tmp_path / "each" / "00001.png") as one:
        assert one.size == (16, 16)


def test_a_file_of_sentences(drawer, tmp_path, capsys):
    (tmp_path / "some.txt").write_text(f"{RED}\n\n  {BLUE}  \n", encoding="utf-8-sig")
    out = tmp_path / "a.npy"
    assert main(["draw", str(drawer), "--prompts", str(tmp_path / "some.txt"), "-n", "1", "--out", str(out)]) == 0
    assert np.array_equal(np.load(out), ganvas.load(drawer)([RED, BLUE]))


@pytest.mark.parametrize("name", ["walk.png", "walk.webp", "walk.gif", "walk.npy"])
def test_from_one_sentence_to_another(drawer, tmp_path, name):
    out = tmp_path / name
    assert main(["draw", str(drawer), RED, "--to", BLUE, "--frames", "4", "-n", "2", "--out", str(out)]) == 0
    if name == "walk.npy":
        assert np.load(out).shape == (8, 3, 32, 32)
    else:
        with Image.open(out) as picture:
            assert getattr(picture, "n_frames", 1) == (1 if name == "walk.png" else 4)


def test_unknown_words_are_said_in_one_line_and_the_rest_is_drawn(drawer, tmp_path, capsys):
    assert main(["draw", str(drawer), "a red zebra", "-n", "1", "--out", str(tmp_path / "a.png")]) == 0
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and "zebra" in said[0]
    assert main(["draw", str(drawer), "a red circle", "-n", "1", "--out", str(tmp_path / "a.png")]) == 0
    assert not capsys.readouterr().err, "control: known words are not remarked on"


@pytest.mark.parametrize(
    "words, match",
    [([], "which run"), (["RUN"], "what is to be drawn"), (["nowhere", "x"], "does not exist"), (["RUN", ""], "no word"),
     (["RUN", "🎈" * 50_000], "50,000 characters"), (["RUN", "x", "--prompts", "none.txt"], "No such file"),
     (["RUN", "x", "--out", "a.webp"], "films are for --to"), (["RUN", "x", "--out", "a.xyz"], "name one of"),
     (["RUN", "x", "y", "--to", "z"], "2 are given"), (["RUN", "x", "--frames", "3"], "give --to"),
     (["RUN", "x", "-n", "0"], "from 1 up"), (["RUN", "x", "-n", "99999"], "too many"),
     (["RUN", "x", "--stage", "3"], "there are 1 and 2"), (["RUN", "x", "--to", "y", "--singles"], "leave one out"),
     (["RUN", "x", "--text-model", "a:b"], "reads words")],
)  # fmt: skip
def test_mistakes_are_one_line(drawer, tmp_path, capsys, monkeypatch, words, match):
    monkeypatch.chdir(tmp_path)
    assert main(["draw", *[str(drawer) if word == "RUN" else word for word in words]]) >= 2
    said = capsys.readouterr().err.strip()
    assert match in said and "\n" not in said and len(said) < 300
    assert not list(tmp_path.iterdir()), "nothing is written"


def test_files_that_are_no_sentences(drawer, tmp_path, capsys):
    for content, match in ((b"", "is empty"), (b"\xff\xfe\x00caf\xe9", "not UTF-8"), (b"x" * (2 << 20), "larger than")):
        (tmp_path / "bad.txt").write_bytes(content)
        assert main(["draw", str(drawer), "--prompts", str(tmp_path / "bad.txt")]) >= 2
        said = capsys.readouterr().err.strip()
        assert match in said and "\n" not in said


def test_the_first_phase_draws_nothing_and_stage_one_draws(drawer, tmp_path, capsys):
    first, second = (drawer / "snapshots" / f"phase-{k}.safetensors" for k in (0, 1))
    assert main(["draw", str(first), RED]) >= 2 and "reads captions and draws nothing" in capsys.readouterr().err
    assert main(["draw", str(second), RED, "-n", "1", "--out", str(tmp_path / "a.npy")]) == 0
    assert np.load(tmp_path / "a.npy").shape == (1, 3, 16, 16)
    assert main(["sample", str(drawer)]) >= 2 and "ganvas draw" in capsys.readouterr().err


def test_evaluate_scores_every_stage(drawer, tmp_path, capsys):
    out = tmp_path / "scores.json"
    assert main(["evaluate", str(drawer), "--n", "150", "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "r-precision" in shown and "sharpness of stage I, enlarged" in shown and "matching encoder" in shown
    scores = {score["name"]: score for score in json.loads(out.read_text())["scores"]}
    assert 0 <= scores["r-precision"]["value"] <= 1 and scores["r-precision"]["also"]["chance"] == 0.01
    assert scores["r-precision"]["card"]["n_fake"] == 150
    assert main(["evaluate", str(drawer), "--metric", "psnr"]) >= 2 and "not psnr" in capsys.readouterr().err
    assert main(["evaluate", str(drawer), "--metric", "sharpness", "--n", "20"]) == 0
    assert "r-precision" not in capsys.readouterr().out


def test_the_encoders_of_another_run_can_judge(drawer, tmp_path, capsys):
    """A G that was trained to please its own encoders needs a judge it has never heard."""
    other, first = tmp_path / "other", Path("snapshots", "phase-0.safetensors")
    shutil.copytree(drawer, other)

    def rewrite(about=str, change=lambda x: x):
        """Another encoder, with a digest that is its own."""
        with safe_open(drawer / first, "pt") as file:
            tensors = {key: change(file.get_tensor(key)) for key in file.keys()}  # noqa: SIM118
            facts = json.loads(about(file.metadata()["ganvas"]))
        del facts["sha256"]
        facts |= {"sha256": _digest(facts, tensors)}
        save_file(tensors, other / first, {"ganvas": json.dumps(facts)})

    rewrite(change=lambda x: -x)

    def judged(*judge: object) -> dict:
        out, name = tmp_path / "scores.json", ["--metric", "r-precision", "--n", "120", "--out"]
        assert main(["evaluate", str(drawer), *name, str(out), *map(str, judge)]) == 0
        return json.loads(out.read_text())["scores"][0]

    assert judged("--extractor", drawer) == judged(), "not given: its own"
    assert judged("--extractor", other)["card"]["digest"] != judged()["card"]["digest"]
    rewrite(about=lambda facts: facts.replace('"shape": [3, 32, 32]', '"shape": [3, 64, 64]'))
    for judge in ("nowhere", other):
        assert main(["evaluate", str(drawer), "--extractor", str(judge)]) >= 2
        assert "on the same captions and size" in capsys.readouterr().err
