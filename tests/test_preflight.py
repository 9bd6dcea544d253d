"""`ganvas doctor --data`: folders made on purpose, each told for what it is, and a healthy one where it stays silent."""

import json
import re
import zipfile

import numpy as np
import pytest
from PIL import Image

from ganvas import preflight
from ganvas.cli.preflight import main
from ganvas.errors import BadInput
from ganvas.study.census import evenly
from ganvas.training import timing
from tests.study.test_lint import photos


def save(folder, images, start=0):
    folder.mkdir(parents=True, exist_ok=True)
    for k, image in enumerate(images, start):
        Image.fromarray(np.moveaxis(image, 0, -1).squeeze()).save(folder / f"{k:03d}.png")
    return folder


@pytest.fixture(autouse=True)
def short_timing(monkeypatch):
    monkeypatch.setattr(timing, "TIMING_SECONDS", 0.1)


@pytest.fixture
def healthy(tmp_path):
    """Two classes of twenty pictures, and five to test on."""
    for k, name in enumerate(("cats", "dogs")):
        save(tmp_path / "set" / "train" / name, photos(20, seed=k))
        save(tmp_path / "set" / "test" / name, photos(5, seed=10 + k))
    return tmp_path / "set"


def found(data, *arguments, **options):
    return {finding.id: finding for finding in preflight.examine(str(data), *arguments, **options).findings}


def test_a_healthy_folder(healthy, capsys):
    health = preflight.examine(str(healthy))
    assert [finding.id for finding in health.findings] == ["very_few"]
    assert health.facts == {
        "n": 40, "files": 40, "held": 10, "channels": "3", "bits": "8", "least": "32×32", "most": "32×32", "classes": 2,
    }  # fmt: skip
    assert main(["--data", str(healthy)]) == 0
    out = capsys.readouterr().out
    assert "usable, with one thing to mend: very few" in out and "40 pictures, all 32×32" in out


def test_files_that_cannot_be_read_are_listed(healthy, capsys):
    whole = (healthy / "train" / "cats" / "003.png").read_bytes()
    (healthy / "train" / "cats" / "003.png").write_bytes(whole[: len(whole) // 2])
    (healthy / "train" / "cats" / "text.png").write_text("no picture")
    unreadable = found(healthy)["unreadable"]
    assert unreadable.level == "warn" and unreadable.fields == {"n": 2, "total": 41}
    assert [name.split(":")[0] for name in unreadable.names] == ["train/cats/text.png", "train/cats/003.png"][::-1]
    for k in range(30):
        (healthy / "train" / "cats" / f"bad{k}.png").write_text("no picture")
    assert found(healthy)["refused"].level == "bad", "training would refuse these"
    assert main(["--data", str(healthy)]) == 2
    assert "unusable: " in capsys.readouterr().out


def test_test_images_among_the_training_images(healthy):
    assert "overlap" not in found(healthy)
    (healthy / "test" / "cats" / "copy.png").write_bytes((healthy / "train" / "dogs" / "007.png").read_bytes())
    overlap = found(healthy)["overlap"]
    assert overlap.names == ("test/cats/copy.png ≈ train/dogs/007.png",) and overlap.fields["n"] == 1


def test_against_another_folder(healthy, tmp_path):
    other = save(tmp_path / "other", photos(8, seed=5))
    assert "overlap" not in found(healthy, against=str(other))
    assert found(healthy / "train" / "cats", against=str(healthy / "train"))["overlap"].fields["n"] == 20
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match=r"--against .* no picture"):
        preflight.examine(str(healthy), against=str(tmp_path / "empty"))


def test_scarce_classes_come_from_the_folders(healthy):
    assert "imbalance" not in found(healthy)
    for path in sorted((healthy / "train" / "dogs").iterdir())[2:]:
        path.unlink()
    assert found(healthy)["imbalance"].fields["rarest"] == "dogs"


def test_labels_that_leave_pictures_out_make_it_unusable(healthy):
    (healthy / "train" / "labels.csv").write_text("file,kind\ncats/000.png,cat\n")
    refused = found(healthy)["refused"]
    assert refused.level == "bad" and "labels.csv has no label for 39 of 40" in refused.fields["why"]


def test_floats_outside_the_range(tmp_path):
    folder = save(tmp_path / "set", photos(40))
    for k in range(2):
        np.save(folder / f"float{k}.npy", np.random.default_rng(k).uniform(-1, 1, (32, 32)).astype(np.float32))
    assert found(folder)["outside"].fields["n"] == 2
    np.save(folder / "float0.npy", np.zeros((32, 32), np.float32) + np.linspace(0, 1, 32, dtype=np.float32))
    assert found(folder)["outside"].fields["n"] == 1


def test_zips_arrays_and_names_of_data_sets(healthy, tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for path in sorted(healthy.rglob("*.png")):
            archive.write(path, path.relative_to(healthy))
    assert preflight.examine(str(tmp_path / "set.zip")).facts == preflight.examine(str(healthy)).facts
    images = photos(30)
    np.savez(tmp_path / "set.npz", images=np.concatenate([images, images[:3]]), labels=np.arange(33) % 2)
    assert found(tmp_path / "set.npz")["duplicates"].fields["n"] >= 2, "some may be held out together"
    shapes = preflight.examine("shapes:16")
    assert shapes.facts["n"] == 1000 and shapes.verdict == "well", [f.id for f in shapes.findings]


def test_two_kinds_of_pictures_are_said(tmp_path):
    for side, seed in (("A", 0), ("B", 1)):
        save(tmp_path / "set" / side, photos(12, seed=seed))
    assert found(tmp_path / "set")["sides"].fields["sides"] == "A/, B/"
    census = preflight._census(str(tmp_path / "set"), "cyclegan", None, 100)
    assert {f.id: f.fields for f in census.found} == {"two": {"a": 12, "b": 12}} and len(census.seen.names) == 24
    (tmp_path / "set" / "B" / "003.png").rename(tmp_path / "set" / "B" / "x.png")
    layout = preflight._census(str(tmp_path / "set"), "pix2pix", None, 100).found
    assert {f.id: f.fields for f in layout} == {"two": {"a": 12, "b": 12}}, "names are matched when it is opened"
    with pytest.raises(BadInput, match="there is no recipe"):
        preflight.examine(str(tmp_path / "set"), "cyclegna")


def test_photos_and_pictures_side_by_side_are_looked_at(tmp_path):
    photos_of = save(tmp_path / "photos", photos(6, height=64, width=48))
    census = preflight._census(str(photos_of), "srgan", None, 100)
    assert census.facts["n"] == 6 and census.facts["least"] == "64×48" and not census.found
    pairs = save(tmp_path / "pairs", np.concatenate([photos(6), 255 - photos(6)], 3))
    census = preflight._census(str(pairs), "pix2pix", None, 100)
    assert {f.id: f.fields for f in census.found} == {"two": {"a": 6, "b": 6}}
    assert "two side by side" in " ".join(census.said)


def test_a_run_is_no_data(healthy):
    (healthy / "run.json").write_text("{}")
    with pytest.raises(BadInput, match="is a run and --data digits are data"):
        main([str(healthy), "--data", "digits"])


def test_of_very_many_files_evenly_many_are_decoded(healthy, capsys):
    assert evenly(range(100), 5) == [0, 25, 50, 74, 99]
    health = preflight.examine(str(healthy), most=10)
    assert (health.facts["n"], health.facts["files"]) == (10, 40)
    main(["--data", str(healthy), "--most", "10"])
    assert "of 40 files evenly many were looked at" in capsys.readouterr().out


def test_everything_as_json(healthy, capsys):
    assert main(["--data", str(healthy), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["verdict"] == "mend" and record["findings"][0]["id"] == "very_few" and record["estimate"] is None


def test_pairs_are_shown_side_by_side(healthy, tmp_path, capsys):
    out = tmp_path / "pairs.png"
    main(["--data", str(healthy), "--out", str(out)])
    assert not out.exists() and "no pair of alike pictures" in capsys.readouterr().out
    (healthy / "train" / "cats" / "twin.png").write_bytes((healthy / "train" / "cats" / "004.png").read_bytes())
    main(["--data", str(healthy), "--out", str(out)])
    assert "1 pairs" in capsys.readouterr().out
    with Image.open(out) as sheet:
        left, right = (np.asarray(sheet.crop(box)) for box in _halves(sheet))
    assert np.array_equal(left, right)


def _halves(sheet):
    side = (sheet.width - 6) // 2
    return (2, 2, 2 + side, 2 + side), (4 + side, 2, 4 + 2 * side, 2 + side)


def test_a_recipe_is_timed_and_its_memory_measured(healthy, capsys):
    health = preflight.examine(str(healthy), "gan_leaky")
    cost = health.estimate
    assert cost.recipe == "gan_leaky" and cost.images > cost.batch > 1 and cost.speed > 0
    assert 2**26 < cost.peak < cost.ram and cost.seconds == pytest.approx(cost.images / cost.speed)
    assert main(["gan_leaky", "--data", str(healthy)]) == 0
    assert "estimated from timing its first rounds" in capsys.readouterr().out


def test_what_a_recipe_cannot_open_is_unusable(tmp_path, capsys):
    folder = save(tmp_path / "set", photos(12))
    assert "refused" not in found(folder)
    refused = found(folder, "pix2pix")["refused"]
    assert refused.level == "bad" and "holds single pictures" in refused.fields["why"]
    assert main(["pix2pix", "--data", str(folder)]) == 2 and "unusable: " in capsys.readouterr().out


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_finding_can_be_told_in_both_languages(healthy, language, capsys):
    (healthy / "train" / "cats" / "text.png").write_text("no picture")
    (healthy / "train" / "cats" / "twin.png").write_bytes((healthy / "train" / "cats" / "004.png").read_bytes())
    main(["--data", str(healthy), "--lang", language])
    out = capsys.readouterr().out
    assert "1 more" not in out and not re.search(r"외 -?\d", out), "all that were found are named"
    assert (
        ("중복" in out and "읽을 수 없음" in out) if language == "ko" else ("duplicates" in out and "unreadable" in out)
    )
    assert ("duplicates" in out) == (language == "en")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--data", "/no/such/folder"], "/no/such/folder"),
        (["--data", "."], None),
        (["--data", "digits", "--lang", "fr"], "--lang cannot be 'fr'"),
        (["--data", "digits", "--most", "1"], "at least 2"),
        (["--data", "digits", "--out", "pairs.txt"], "call it pairs.png"),
        (["--data"], "--data needs a value"),
    ],
)
def test_mistakes_are_one_line(arguments, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=line) as error:
        if main(arguments) == 2:
            raise BadInput("told as a verdict")
    assert "\n" not in str(error.value)
