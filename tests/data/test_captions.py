"""Folders of pictures with captions: what is understood, what is refused in one line, what is never a wrong caption."""

import csv
import io
import shutil
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ganvas.data.captioned import open_captions
from ganvas.data.captions import Captions
from ganvas.data.captions_table import read_table
from ganvas.data.layouts import Unpaired
from ganvas.data.open import open_source
from ganvas.data.text import tokens
from ganvas.errors import BadInput
from ganvas.plan import opened
from ganvas.recipes.common import wants
from tests.conftest import SHARED

COLOURS = ("red", "green", "blue", "black")
N = 40


def picture(k, mode="RGB"):
    rng = np.random.default_rng(k)
    pixels = rng.integers(0, 256, (16, 16, len(mode)), np.uint8)
    return Image.fromarray(pixels, mode)


def table(rows, head="file,caption"):
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return f"{head}\n{out.getvalue()}"


def folder(path, n=N, rows=None, head="file,caption", mode="RGB", inside=""):
    (path / inside).mkdir(parents=True, exist_ok=True)
    for k in range(n):
        picture(k, mode).save(path / inside / f"{k:03d}.png")
    rows = (
        [(f"{inside}{k:03d}.png", f"a {COLOURS[k % 4]} thing, number {k}") for k in range(n)] if rows is None else rows
    )
    (path / "captions.csv").write_text(table(rows, head), encoding="utf-8")
    return path


def said(source, n=None):
    return [tokens(sentence) for sentence in source.sentences(n)]


def words(source, row):
    return [source.spec.text.words[k - 2] if k > 1 else "?" for k in row if k]


def test_a_folder_with_a_table(tmp_path):
    source = open_captions(folder(tmp_path / "mine"))
    spec, batch = source.spec, source.batch(0, 0, 24)
    assert set(batch) == set(spec.keys) == {"image", "text", "wrong"} and spec.name == "mine"
    assert spec.shape == (3, 16, 16) and spec.n + spec.held_out == N and spec.held_out > 0
    assert batch["text"].shape == batch["wrong"].shape == (24, 5) and batch["text"].dtype == np.int64
    assert any("captions.csv" in note for note in source.notes) and any("held out" in note for note in source.notes)
    assert type(spec).from_json(spec.to_json()) == spec


def test_a_caption_is_its_pictures_own_and_a_wrong_one_never(tmp_path):
    rows = [(f"{k:03d}.png", f"{COLOURS[k % 4]} {word}") for k in range(N) for word in ("car", f"car {k}")]
    source = open_captions(folder(tmp_path, rows=rows))
    of = {np.asarray(picture(k)).transpose(2, 0, 1).tobytes(): k for k in range(N)}
    own = {k: {f"{COLOURS[k % 4]} car", f"{COLOURS[k % 4]} car {k}"} for k in range(N)}
    seen = set()
    for arrays in (source.batch(3, 0, 400), source.held_out()):
        for image, text, wrong in zip(arrays["image"], arrays["text"], arrays["wrong"], strict=True):
            k = of[image.tobytes()]
            if "?" not in words(source, text):  # held-out numbers are no words of training
                assert " ".join(words(source, text)) in own[k]
            assert " ".join(words(source, wrong)) not in own[k]
            seen.add(" ".join(words(source, text)))
    assert len(seen) > 35  # all captions of a picture come, not the first alone
    held = source.held_out()
    for image, sentence in zip(held["image"], source.sentences(), strict=True):
        assert sentence in own[of[image.tobytes()]]


def test_a_wrong_caption_differs_in_what_the_networks_read_of_it(tmp_path):
    """In half of the captions the words differ behind the 64th alone, and in held-out ones by rare words alone."""
    long = " ".join(f"w{j}" for j in range(64))
    rows = [(f"{k:03d}.png", f"{long} {k}" if k % 2 else f"short {k}") for k in range(N)]
    source = open_captions(folder(tmp_path, rows=rows))
    for arrays in (source.batch(3, 0, 400), source.held_out()):
        assert not (arrays["text"] == arrays["wrong"]).all(1).any()
    assert len({row.tobytes() for row in source.batch(3, 0, 400)["text"]}) > 10


def test_wrong_captions_are_drawn_from_all_that_are_wrong(tmp_path):
    """Three of four pictures say the same, and nine tries fail often: the search must give the rest its share."""
    rows = [(f"{k:03d}.png", "the same" if k % 20 else f"other {k}") for k in range(N)]
    source = open_captions(folder(tmp_path, rows=rows))
    wrong = [" ".join(words(source, row)) for row in source.batch(0, 0, 2000)["wrong"]]
    counts = {word: wrong.count(word) for word in set(wrong)}
    rare = [n for word, n in counts.items() if word != "the same"]
    assert sum(rare) > 1700 and len(rare) >= 1 and max(rare) < 1.3 * min(rare)


def test_batches_are_functions_of_position(tmp_path):
    path = folder(tmp_path, rows=[(f"{k:03d}.png", f"c{k} {j}") for k in range(N) for j in range(3)])
    source, again = open_captions(path), open_captions(path)
    whole = source.batch(5, 90, 60)
    for start, size in ((90, 1), (101, 30), (149, 1)):
        part = again.batch(5, start, size)
        for key in whole:
            assert (part[key] == whole[key][start - 90 : start - 90 + size]).all()
    assert (source.batch(6, 90, 60)["text"] != whole["text"]).any()
    held = source.held_out()
    for key, values in again.held_out(2).items():
        assert (values == held[key][:2]).all()
    assert source.sentences(2) == source.sentences()[:2] and len(source.sentences()) == source.spec.held_out


def test_the_fingerprint_is_of_captions_too(tmp_path):
    one = open_captions(folder(tmp_path / "a")).spec.fingerprint
    assert open_captions(folder(tmp_path / "b")).spec.fingerprint == one
    rows = [(f"{k:03d}.png", f"a {COLOURS[k % 4]} thing, number {k + (k == 7)}") for k in range(N)]
    assert open_captions(folder(tmp_path / "c", rows=rows)).spec.fingerprint != one


def test_the_same_from_a_zip_and_from_txt_files(tmp_path):
    path = folder(tmp_path / "mine")
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        for file in path.iterdir():
            archive.write(file, file.name)
    zipped = open_captions(tmp_path / "mine.zip")
    plain = open_captions(path)
    assert (zipped.batch(0, 0, 20)["text"] == plain.batch(0, 0, 20)["text"]).all()
    for line in (path / "captions.csv").read_text().splitlines()[1:]:
        (name, caption) = next(csv.reader([line]))
        (path / name).with_suffix(".txt").write_text(f"{caption}\r\n\n", encoding="utf-8-sig")
    (path / "captions.csv").unlink()
    (path / "readme.txt").write_text("not about a picture")
    beside = open_captions(path)
    assert beside.spec.fingerprint == plain.spec.fingerprint
    assert any("readme.txt" in note for note in beside.notes)


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("\ufefffile,caption", "{0},{1}"),
        ("image,caption,tags", "{0},{1},x|y"),
        ("File_Name;Text", "{0};{1}"),
        ("path\tdescription", "{0}\t{1}"),
        ("caption,photo", "{1},{0}"),
        ("whatever,caption", "{0},{1}"),
        ("file,caption", "./{0},{1}"),
        ("file,caption", "{0},{1},,"),
    ],
)
def test_tables_are_understood(tmp_path, head, row):
    path = folder(tmp_path)
    lines = [row.format(f"{k:03d}.png", f"{COLOURS[k % 4]} {k}") for k in range(N)]
    (path / "captions.csv").write_text("\n".join([head, *lines]), encoding="utf-8")
    source = open_captions(path)
    assert all(words[0] in COLOURS for words in said(source))


@pytest.mark.parametrize("name", ["{0:03d}.png", "{0:03d}", "png\\{0:03d}.png"])
def test_pictures_in_a_folder_inside_are_found_by_their_names(tmp_path, name):
    source = open_captions(folder(tmp_path, inside="png/", rows=[(name.format(k), f"c {k}") for k in range(N)]))
    assert source.spec.n + source.spec.held_out == N


def test_a_name_that_two_pictures_have_is_not_guessed(tmp_path):
    path = folder(tmp_path, inside="a/", rows=[(f"{k:03d}.png", f"c {k}") for k in range(N)])
    (path / "b").mkdir()
    picture(99).save(path / "b" / "003.png")
    with pytest.raises(Unpaired, match=r"captions of a picture that is not there \(1\): 003.png \(line 5\)"):
        open_captions(path)


SPOILT = {
    "a picture without caption": (lambda rows: rows[1:], r"pictures without a caption \(1\): 000.png"),
    "a caption without picture": (lambda rows: [*rows, ("x.png", "a")], r"not there \(1\): x.png \(line 42\)"),
    "an empty caption": (lambda rows: [*rows, ("001.png", " ?!")], r"without a word \(1\): 001.png \(line 42\)"),
    "one caption twice": (lambda rows: [*rows, ("001.png", "A green thing: number 1")], r"twice .*\(1\): 001.png"),
    "a book": (lambda rows: [*rows, ("001.png", "word " * 1000)], r"over 2,000 characters \(1\): 001.png"),
}


@pytest.mark.parametrize("what", SPOILT)
def test_what_cannot_be_paired_is_listed_and_left_out_on_demand(tmp_path, what):
    spoil, message = SPOILT[what]
    rows = spoil([(f"{k:03d}.png", f"a {COLOURS[k % 4]} thing number {k}") for k in range(N)])
    path = folder(tmp_path, rows=rows)
    with pytest.raises(Unpaired, match=message) as error:
        open_captions(path)
    assert "\n" not in str(error.value) and "--drop-unpaired" in str(error.value) and len(error.value.problems) == 1
    source = open_captions(path, drop_unpaired=True)
    assert len(source.problems) == 1 and any(note.startswith("left out") for note in source.notes)
    assert source.spec.n + source.spec.held_out == N - (what == "a picture without caption")


REFUSED = {
    "not UTF-8": (b"file,caption\n000.png,caf\xe9\n", r"not UTF-8, first in line 2"),
    "UTF-16": ("file,caption\n".encode("utf-16"), r"UTF-16"),
    "no head": (b"000.png,a red thing\n", r"its first line must name the columns"),
    "nothing": (b"\n", r"is empty"),
    "two columns meant": (b"image,photo,caption\n000.png,0,a", r"image and photo may both be meant"),
    "a comma without quotes": (b"file,caption\n000.png,a red, small thing\n", r"line 2 has 3 cells .* between quotes"),
    "no file": (b"file,caption\n,a red thing\n", r"line 2 names no file"),
    "an open quote": (b'file,caption\n000.png,"a red thing\n', r"line"),
    "two classes": (b"file,caption,class\n000.png,a,x\n000.png,b,y\n", r"another class"),
    "no captions": (None, r"holds no captions: add a captions.csv"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_bad_tables_are_one_line(tmp_path, what):
    content, message = REFUSED[what]
    path = folder(tmp_path)
    (path / "captions.csv").unlink()
    if content is not None:
        (path / "captions.csv").write_bytes(content)
    with pytest.raises(BadInput, match=message) as error:
        open_captions(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("nowhere", "perhaps captioned_shapes"),
        ("", "no data is named"),
        ("captioned_shapes:8", "larger --size"),
        ("captioned_shapes:x", "not understood"),
        ("one.png", "neither a folder"),
        ("empty", "holds no pictures"),
    ],
)
def test_what_is_no_data_is_one_line(tmp_path, monkeypatch, data, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    picture(0).save("one.png")
    with pytest.raises(BadInput, match=message) as error:
        open_captions(data)
    assert "\n" not in str(error.value)


def test_of_one_class_no_caption_is_wrong(tmp_path):
    rows = [(f"{k:03d}.png", f"thing {k}", COLOURS[k % 4]) for k in range(N)]
    source = open_captions(folder(tmp_path, rows=rows, head="file,caption,class"))
    assert any(note.startswith("4 classes by its column") for note in source.notes)
    _check_classes(source)


def test_sub_folders_are_classes(tmp_path):
    for k in range(N):
        (tmp_path / COLOURS[k % 4]).mkdir(exist_ok=True)
        picture(k).save(tmp_path / COLOURS[k % 4] / f"{k:03d}.png")
        (tmp_path / COLOURS[k % 4] / f"{k:03d}.txt").write_text(f"thing {k}")
    source = open_captions(tmp_path)
    assert any(note.startswith("4 classes by their sub-folders") for note in source.notes)
    _check_classes(source)


def _check_classes(source):
    batch = source.batch(0, 0, 300)
    pairs = [
        (int(words(source, a)[1]), int(words(source, b)[1])) for a, b in zip(batch["text"], batch["wrong"], strict=True)
    ]
    assert all(a % 4 != b % 4 for a, b in pairs) and len(set(pairs)) > 200


def test_without_classes_that_would_be_seen(tmp_path):
    source = open_captions(folder(tmp_path, rows=[(f"{k:03d}.png", f"thing {k}") for k in range(N)]))
    with pytest.raises(AssertionError):
        _check_classes(source)


def test_equal_pictures_share_their_captions(tmp_path):
    path = folder(tmp_path, rows=[(f"{k:03d}.png", f"thing {k}") for k in range(N)])
    shutil.copy(path / "000.png", path / "001.png")
    source = open_captions(path)
    batch, twin = source.batch(0, 0, 2000), np.asarray(picture(0)).transpose(2, 0, 1)
    mine = [
        words(source, row)[-1]
        for image, row in zip(batch["image"], batch["wrong"], strict=True)
        if (image == twin).all()
    ]
    assert len(mine) > 50 and not {"0", "1"} & set(mine)


def test_pictures_that_all_say_the_same_are_refused(tmp_path):
    with pytest.raises(BadInput, match="no caption is wrong for"):
        open_captions(folder(tmp_path, rows=[(f"{k:03d}.png", "a thing") for k in range(N)]))


def test_of_few_pictures_nothing_is_held_out(tmp_path):
    source = open_captions(folder(tmp_path, n=6))
    held = source.held_out()
    assert source.spec.held_out == len(held["image"]) == len(held["wrong"]) == len(source.sentences()) == 0
    assert source.batch(0, 0, 20)["wrong"].shape == (20, source.spec.text.length)


def test_fewer_than_two_pictures_are_refused(tmp_path):
    with pytest.raises(BadInput, match="at least 2"):
        open_captions(folder(tmp_path, n=1))


def test_transparency_is_laid_on_white_and_sizes_become_one(tmp_path):
    path = folder(tmp_path, mode="RGBA")
    Image.new("RGBA", (70, 90), (255, 0, 0, 0)).save(path / "000.png")
    source = open_captions(path)
    assert source.spec.shape == (3, 64, 64) and any("transparency, laid over white" in note for note in source.notes)
    assert open_captions(path, size=32).spec.shape == (3, 32, 32)
    assert open_captions(path, size="32x48", channels=1).spec.shape == (1, 32, 48)


def test_a_damaged_picture_is_left_out_and_named(tmp_path):
    path = folder(tmp_path)
    (path / "005.png").write_bytes(b"nothing")
    source = open_captions(path)
    assert any("005.png" in note for note in source.notes) and source.spec.n + source.spec.held_out == N - 1
    with pytest.raises(BadInput, match="cannot be used"):
        open_captions(path, strict=True)


def test_flip_is_warned_of_where_it_lies(tmp_path):
    rows = [(f"{k:03d}.png", f"a thing to the {('left', 'top')[k % 2]} of {k}") for k in range(N)]
    source = open_captions(folder(tmp_path, rows=rows), flip=True)
    assert any("20 captions say left or right" in note for note in source.notes)
    with pytest.raises(BadInput, match="left and right"):
        open_captions("captioned_shapes", flip=True)


def test_a_large_folder_is_mapped_from_a_file(tmp_path):
    path = folder(tmp_path)
    plain, mapped = open_captions(path), open_captions(path, memory=0)
    assert isinstance(open_captions(path, memory=0)._images.base, np.memmap | np.ndarray)
    assert any("decoded pictures are kept" in note for note in mapped.notes)
    assert plain.spec == mapped.spec
    for key, values in plain.batch(0, 0, 30).items():
        assert (values == mapped.batch(0, 0, 30)[key]).all()


def test_a_recipe_for_captions_opens_them(tmp_path):
    @wants("captions", data="captioned_shapes", side=32)
    def recipe(data, *, batch=4, images=8):
        return []

    options = {"size": None, "flip": False, "strict": False, "drop_unpaired": False}
    assert opened(recipe, "captioned_shapes", options).spec.shape == (3, 64, 64)
    assert isinstance(opened(recipe, str(folder(tmp_path)), options), Captions)
    with pytest.raises(BadInput, match="stackgan"):
        open_source("captioned_shapes")


@pytest.mark.skipif(not (SHARED / "emoji").is_dir(), reason="the emoji of the shared data are not here")
@pytest.mark.slow
def test_real_emoji():
    with pytest.raises(Unpaired, match=r"pictures without a caption \(14\)"):
        open_captions(SHARED / "emoji")
    source = open_captions(SHARED / "emoji", drop_unpaired=True, size=32)
    assert source.spec.n + source.spec.held_out == 3569 and source.spec.shape == (3, 32, 32)


@given(
    st.binary(max_size=200)
    | st.text(alphabet='ab,;\t"\n\r\0', max_size=60).map(lambda rest: b"file,caption\n" + rest.encode())
)
def test_any_bytes_are_a_table_or_one_line(content):
    try:
        lines, notes = read_table(content)
    except BadInput as error:
        assert "\n" not in str(error)
    else:
        assert all(line.file for line in lines) and all("\n" not in note for note in notes)
