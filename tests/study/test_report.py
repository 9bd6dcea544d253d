"""The report: one page that stands alone, for whole runs, unfinished ones and damaged ones."""

import base64
import json
import re
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from ganvas.errors import BadInput, Storage
from ganvas.health.triage import judge
from ganvas.study.diagnosis import Action, Diagnosis, Evidence
from ganvas.study.log import read_log
from ganvas.study.report import write_report
from ganvas.study.sheets import sheet

RNG = np.random.default_rng(0)
RECORD = {
    "ganvas": "0.1.0", "recipe": "dcgan",
    "arguments": {"batch": 128, "lr": 2e-4, "loss": "non_saturating", "flip": False},
    "data": {
        "source": "digits", "notes": ["500 digits are held out", "10 classes"],
        "spec": {
            "name": "digits", "shape": [1, 28, 28], "bits": 8, "n": 4500,
            "classes": ["zero", "one"], "mean": "eJx" * 99,
        },
    },
    "seed": 7, "images": 4000, "length": 4000, "device": "cpu", "precision": "fp32", "started": "2026-11-22T04:00:00Z",
    "versions": {"python": "3.11.7", "torch": "2.13.0"},
}  # fmt: skip


def row(i):
    return {
        "images": 100 * (i + 1), "phase": 0, "round": i, "seconds": 2.0 * (i + 1), "images_per_second": 50.0,
        "D/loss": 1.2 + 0.01 * (i % 3), "G/loss": 0.9 - 0.01 * (i % 2),
        "D/accuracy": 0.7, "D/p_real": 0.6, "D/p_fake": 0.4,
    }  # fmt: skip


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "my run"
    (folder / "samples").mkdir(parents=True)
    (folder / "snapshots").mkdir()
    (folder / "run.json").write_text(json.dumps(RECORD))
    (folder / "log.jsonl").write_text("".join(json.dumps(row(i)) + "\n" for i in range(40)))
    for images in (0, 2000, 4000):
        sheet(RNG.integers(0, 256, (4, 1, 8, 8), dtype=np.uint8)).save(folder / "samples" / f"{images:08d}.png")
    for name in ("real", "input"):
        sheet(RNG.integers(0, 256, (4, 1, 8, 8), dtype=np.uint8)).save(folder / "samples" / f"{name}.png")
    return folder


def change(run, **record):
    (run / "run.json").write_text(json.dumps(RECORD | record))


class Page(HTMLParser):
    """What a browser would make of a page: its text, its tags, and every address in it."""

    def __init__(self, path):
        super().__init__()
        self.source = path.read_text()
        self.words, self.tags, self.addresses, self.alts, self.open = [], [], [], [], []
        self.feed(self.source)
        assert not self.open, f"unclosed: {self.open}"
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for key, value in attributes if key in ("src", "srcset", "href", "action", "data")]
        self.alts += [dict(attributes).get("alt")] if tag == "img" else []
        self.open += [tag] if tag not in ("meta", "img", "source", "br", "link") else []

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += [data] if "style" not in self.open else []


def page(run):
    path = write_report(run)
    assert path == run / "report.html"
    return Page(path)


def test_the_page_stands_alone(run):
    made = page(run)
    assert not {"script", "iframe", "object", "link", "form", "a", "base"} & set(made.tags)
    assert made.addresses and all(address.startswith("data:image/") for address in made.addresses)
    assert not re.search(r"https?:|url\(|@import|\bon\w+=", re.sub(r'"data:[^"]*"', "", made.source))
    assert "default-src 'none'" in made.source and "prefers-color-scheme: dark" in made.source
    assert "width=device-width" in made.source and all(made.alts)


def test_every_picture_opens_and_is_the_one_it_says(run):
    made = page(run)
    images = [
        Image.open(BytesIO(base64.b64decode(address.split(",")[1]))) for address in made.addresses
    ]  # sheet, real, film's still, film, input
    assert [image.format for image in images] == ["PNG", "PNG", "PNG", "WEBP", "PNG"]
    assert images[3].n_frames == 3
    for image, name in zip(images, ("00004000", "real", "00004000", None, "input"), strict=True):
        if name:
            with Image.open(run / "samples" / f"{name}.png") as given:
                assert np.array_equal(np.asarray(image), np.asarray(given)), name
    for image in images:
        image.close()


def test_curves_are_drawn_into_the_page_with_the_constants_of_their_equilibrium(run):
    made = page(run)
    assert (
        made.tags.count("svg") == 2 and "D at equilibrium: 1.39" in made.text and "G at equilibrium: 0.693" in made.text
    )
    change(run, arguments={"loss": "hinge"})
    text = page(run).text
    assert "D at equilibrium: 2" in text and "G at equilibrium" not in text, "its zero is arbitrary"


def test_a_walk_is_shown_where_there_is_one(run):
    assert "A walk through" not in page(run).text
    frames = [Image.new("L", (8, 8), k) for k in range(3)]
    frames[0].save(run / "samples" / "walk.webp", save_all=True, append_images=frames[1:])
    made = page(run)
    assert "A walk through latent space" in made.text and len(made.addresses) == 6
    (run / "samples" / "walk.webp").write_bytes(b"<script>")
    assert "A walk through" not in page(run).text


def test_what_was_found_in_the_data_is_told(run):
    found = {"id": "duplicates", "level": "warn", "fields": {"n": 41, "share": 0.0091}, "names": ["a = b", "<c> = d"]}
    (run / "lint.json").write_text(json.dumps({"n": 4500, "findings": [found]}))
    text = page(run).text
    assert "41 pictures (0.9%) are equal to another. Delete all but one" in text and "<c> = d" in text
    (run / "lint.json").write_text(json.dumps({"n": 4500, "findings": []}))
    assert "Looked for and not found: unreadable files" in page(run).text
    for broken in ("", "[]", '{"n": 3, "findings": [{"id": "unheard of"}]}'):
        (run / "lint.json").write_text(broken)
        assert "unreadable files" not in page(run).text


def test_the_recipe_speaks_of_its_paper(run):
    path = write_report(run, described="DCGAN (Radford et al. 2015): an <i>example</i>.\n\nDepartures: none.")
    assert "DCGAN (Radford et al. 2015): an <i>example</i>. Departures: none." in Page(path).text


def test_in_korean(run):
    path = write_report(run, "ko")
    made = Page(path)
    assert '<html lang="ko">' in made.source and "dcgan을 digits 데이터로 학습" in made.text
    assert "평형의 D: 1.39" in made.text and f"ganvas report '{run}' --lang ko" in made.text
    assert not {"Pictures", "Curves", "What next", "compare the sheets by eye"} & set(
        re.findall(r"[A-Z][a-z ]+", made.text)
    )
    with pytest.raises(BadInput, match="en and ko"):
        write_report(run, "fr")


def diagnosis(id="discriminator_winning", **more):
    series = tuple((100.0 * k, 1 / (k + 1)) for k in range(30))
    evidence = (Evidence("judgement", 0.03, 0.1, False, series=series), Evidence("told_apart", 0.99, 0.98))
    action = Action(id, "ganvas train --resume 'my run' --gamma 3")
    return Diagnosis(id, more.pop("confidence", 0.9), evidence, action, id, 4000, more)


def test_the_diagnosis_is_shown_with_its_evidence_and_one_action(run):
    assert "Diagnosis" not in page(run).text
    made = Page(write_report(run, diagnosis=diagnosis(), notes=("a note",)))
    for piece in ("the discriminator is winning", "at least 90% of the runs", "pictures D tells apart: 99.0%", "alarm",
                  "ganvas train --resume 'my run' --gamma 3", "What would prove this wrong: the", "a note"):  # fmt: skip
        assert piece in made.text, piece
    assert made.tags.count("svg") == 3, "the evidence that was followed has a plot"
    well = Page(write_report(run, diagnosis=diagnosis("healthy", confidence=float("nan"))))
    assert "at least" not in well.text and 'class="verdict"' in well.source and 'class="verdict ill"' in made.source
    assert "판별자가 이기고 있음" in Page(write_report(run, "ko", diagnosis=diagnosis())).text


def test_the_facts_are_those_of_the_run(run):
    text = page(run).text
    for fact in (
        "dcgan on digits", "batch 128", "lr 0.0002", "flip no", "1 × 28 × 28 (channels × height × width), 8 bit",
        "zero, one", "500 digits are held out", "4,000 of 4,000", "epochs 0.889", "1 min 20 s in rounds",
        "pauses not counted", "50 images a second",
        "seed 7", "device cpu", "precision fp32", "ganvas 0.1.0, python 3.11.7, torch 2.13.0",
        "4,000 images seen (0.889 epochs) in 1 min 20 s of training rounds, its whole plan",
        "tells real from generated images 70 % of the time",
        "Generated, after 4,000 images", "compare the sheets by eye",
    ):  # fmt: skip
        assert fact in text, fact
    assert "eJx" not in text


def test_the_next_steps_are_commands_that_exist(run):
    from ganvas.cli.main import COMMANDS

    text = page(run).text
    commands = re.findall(r"ganvas (\w+) '", text)
    assert commands and set(commands) <= set(COMMANDS)
    assert f"ganvas train --resume '{run}' --images 8000" in text, "quoted for a shell: the folder has a space"
    assert (
        f"ganvas sample '{run}' -n 64 --seed 1 --out sheet.png" in text and "ganvas train dcgan --data FOLDER" in text
    )
    (run / "snapshots").rmdir()
    assert "ganvas sample" not in page(run).text, "nothing to sample from yet"


def test_an_unfinished_run_says_so_and_how_to_go_on(run):
    change(run, length=16_000)
    text = page(run).text
    assert "25 % of the 16,000 planned" in text and "4,000 of 16,000" in text
    assert f"ganvas train --resume '{run}' Draw" in text and "whole plan" not in text


def test_what_a_user_named_cannot_become_markup(run):
    evil = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>"
    data = {
        "source": evil,
        "notes": [evil],
        "spec": {"name": evil, "shape": [evil], "bits": evil, "classes": [evil], "n": 1},
    }
    change(
        run, recipe=evil, arguments={evil: evil}, data=data, device=evil, versions={evil: evil}, seed=evil, started=evil
    )
    made = page(run)
    assert "script" not in made.tags and made.tags.count("img") == 4 and evil.split("<img")[0] in made.text
    assert all(address.startswith("data:image/") for address in made.addresses)


@pytest.mark.parametrize(
    "missing",
    [["log.jsonl"], ["samples"], ["log.jsonl", "samples"], ["samples/real.png"], ["samples/00004000.png"]],
    ids=str,
)
def test_what_is_missing_is_left_out(run, missing):
    for name in missing:
        path = run / name
        for file in path.glob("*"):
            file.unlink()
        path.rmdir() if path.is_dir() else path.unlink()
    text = page(run).text
    assert ("nothing is logged yet" in text) == ("log.jsonl" in missing)
    assert ("No picture has been drawn yet" in text) == ("samples" in missing)
    assert ("Real training images" in text) == (not {"samples", "samples/real.png"} & set(missing))
    assert ("after 2,000 images" in text) == ("samples/00004000.png" in missing)


def test_torn_pictures_and_rows_are_left_out(run):
    whole = (run / "samples" / "00004000.png").read_bytes()
    (run / "samples" / "00004000.png").write_bytes(whole[: len(whole) // 2])
    (run / "samples" / "real.png").write_bytes(b"")
    with (run / "log.jsonl").open("a") as log:
        log.write('{"images": 4100, "D/lo')
    text = page(run).text
    assert (
        "Generated, after 2,000 images" in text and "Real training images" not in text and "4,000 images seen" in text
    )


def test_an_empty_log_an_odd_record_and_one_sheet(run):
    (run / "log.jsonl").write_text("")
    (run / "samples" / "00000000.png").unlink()
    (run / "samples" / "00002000.png").unlink()
    (run / "run.json").write_text(
        json.dumps({"arguments": None, "data": "digits", "images": "many", "versions": 3, "seed": [1]})
    )
    text = page(run).text
    assert (
        "a recipe on its data: nothing is logged yet." in text
        and "Curves" not in text
        and "through training" not in text
    )


def test_a_log_of_broken_numbers(run):
    bad = {
        "images": 4100,
        "phase": 0,
        "D/loss": float("nan"),
        "G/loss": float("inf"),
        "seconds": None,
        "images_per_second": "x",
    }
    with (run / "log.jsonl").open("a") as log:
        log.write(json.dumps(bad) + "\n")
    found = judge(read_log(run / "log.jsonl"), [], RECORD)
    assert "diagnosis: its numbers are broken" in Page(write_report(run, diagnosis=found)).text
    assert "4,100 images seen" in page(run).text, "and without a diagnosis there is a page all the same"


def test_long_runs_show_thirty_frames_from_first_to_last(run):
    for images in range(0, 100):
        sheet(RNG.integers(0, 256, (1, 1, 8, 8), dtype=np.uint8), scale=2).save(run / "samples" / f"{images:08d}.png")
    made = page(run)
    film = Image.open(BytesIO(base64.b64decode(next(a for a in made.addresses if "webp" in a).split(",")[1])))
    assert film.n_frames == 30
    film.close()
    assert "through training: 0 to 4,000 images" in made.text


def test_large_sheets_do_not_make_a_large_page(run):
    Image.fromarray(RNG.integers(0, 256, (1400, 1400, 3), dtype=np.uint8)).save(run / "samples" / "00004000.png")
    path = write_report(run)
    assert path.stat().st_size < 3_000_000
    first = Image.open(BytesIO(base64.b64decode(Page(path).addresses[0].split(",")[1])))
    assert first.size == (960, 960)
    first.close()


def test_the_same_run_gives_the_same_bytes(run):
    first = write_report(run).read_bytes()
    assert write_report(run).read_bytes() == first
    change(run, seed=8)
    assert write_report(run).read_bytes() != first, "negative control"


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", "null", '{"recipe": ', "\x00" * 9, "[" * 10**5])
def test_a_broken_record_is_one_line(run, content):
    (run / "run.json").write_text(content)
    with pytest.raises(BadInput, match=r"run\.json is damaged") as error:
        write_report(run)
    assert "\n" not in str(error.value)


def test_no_run_is_one_line(tmp_path, run):
    with pytest.raises(BadInput, match="does not exist"):
        write_report(tmp_path / "nowhere")
    with pytest.raises(BadInput, match=r"no run\.json"):
        write_report(tmp_path)
    with pytest.raises(BadInput, match="cannot be read"):
        write_report(run / "run.json")
    (run / "run.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(BadInput, match="damaged"):
        write_report(run)


def test_a_place_that_refuses_is_one_line(run):
    (run / "report.html").mkdir()
    with pytest.raises(Storage, match=r"report\.html"):
        write_report(run)
