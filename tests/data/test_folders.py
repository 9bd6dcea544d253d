"""Folders and zips of pictures: what is read, in which order, as which classes, and what is said about the rest."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganvas.data.open import open_source
from ganvas.errors import BadInput


def noise(*shape, seed=0, dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def fill(folder, names, shape=(8, 8), start=0):
    """One picture under each name, all different; a name may be bytes that are no text."""
    for k, name in enumerate(names, start):
        path = folder / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise(*shape, seed=k)).save(path, "PNG")
    return folder


def refused(path, match, **options):
    with pytest.raises(BadInput, match=match) as caught:
        open_source(path, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def order(source):
    """The pictures as stored, in order."""
    return [image.tobytes() for image in source._images]


def said(source, words):
    return [note for note in source.notes if words in note]


# ---- which files, in which order ----------------------------------------------------------------------------------

ODD_NAMES = [
    "with space.png",
    "emoji 😀.png",
    "nfc é.png",
    "nfd e\u0301.png",
    "line\nbreak.png",
    "\x1b[31mred.png",
    "\u202egnp.gro.png",
    "-rf.png",
    "Case.png",
    "case.PNG",
    "x" * 251 + ".png",
    b"\xff\xfe bytes.png",
    "deep/er/and/deeper.png",
]


def test_odd_names_are_all_read(tmp_path):
    source = open_source(fill(tmp_path, ODD_NAMES))
    assert len(order(source)) == len(set(order(source))) == len(ODD_NAMES) and not said(source, "cannot")


def test_odd_names_are_printed_harmless(tmp_path):
    fill(tmp_path, [f"{k}.png" for k in range(30)])
    for name in (b"\x1b[31m\n\xff.png", "\u202egnp.png".encode()):
        (tmp_path / os.fsdecode(name)).touch()
    notes = open_source(tmp_path).notes
    assert r"\x1b[31m\n\udcff.png: empty file" in notes and r"\u202egnp.png: empty file" in notes
    assert all(note.isprintable() for note in notes)


def test_order_is_that_of_the_bytes_of_the_names(tmp_path):
    names = ["b.png", "a/z.png", "a.png", "Z.png", "ä.png", "10.png", "9.png", "a/b.png"]
    one, two = fill(tmp_path / "1", names), tmp_path / "2"
    for name in reversed(names):  # another order of making, other dates
        (two / name).parent.mkdir(parents=True, exist_ok=True)
        (two / name).write_bytes((one / name).read_bytes())
        os.utime(two / name, (1, 1))
    first, second = open_source(one), open_source(two)
    expected = sorted(names, key=lambda name: name.encode())
    assert order(first) == [noise(8, 8, seed=names.index(name)).tobytes() for name in expected]
    assert order(second) == order(first) and second.spec.fingerprint == first.spec.fingerprint
    (two / "9.png").rename(two / "0.png")
    assert open_source(two).spec.fingerprint != first.spec.fingerprint, "negative control"


def test_hidden_other_and_special_files(tmp_path):
    fill(tmp_path, ["a.png", "b.png", ".hidden.png", ".git/c.png", "__MACOSX/d.png"])
    for name in ("README.md", "Thumbs.db", "captions.csv", "notes"):
        (tmp_path / name).write_text("text")
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")  # opening it would wait for ever
    source = open_source(tmp_path)
    assert len(order(source)) == 2
    assert said(source, "4 other files are ignored") and said(source, "pipe.png: not a regular file")


def test_links_are_not_followed(tmp_path):
    inside, outside = fill(tmp_path / "in", ["a.png", "sub/b.png"]), fill(tmp_path / "out", ["c.png"], start=9)
    (inside / "loop").symlink_to(inside)
    (inside / "out").symlink_to(outside)
    (inside / "c.png").symlink_to(outside / "c.png")
    (inside / "again.png").symlink_to("a.png")
    (inside / "gone.png").symlink_to("nowhere.png")
    assert sum(len(files) for *_, files in os.walk(inside, followlinks=True)) > 50, "negative control: what others read"
    source = open_source(inside)
    assert len(order(source)) == 2 and said(source, "5 symbolic links are not followed")
    (tmp_path / "link").symlink_to(inside)
    assert order(open_source(tmp_path / "link")) == order(source)  # what is given may itself be a link
    only = tmp_path / "only"
    only.mkdir()
    (only / "a.png").symlink_to(inside / "a.png")
    refused(only, "symbolic link")


# ---- too little, too bad ------------------------------------------------------------------------------------------


def test_nothing_to_learn_from(tmp_path):
    refused(tmp_path, "holds no pictures")
    (tmp_path / "sub/sub").mkdir(parents=True)
    refused(tmp_path, "holds no pictures")
    fill(tmp_path, ["sub/a.png"])
    refused(tmp_path, "at least 2")
    fill(tmp_path, ["sub/b.png"], start=5)
    assert open_source(tmp_path).spec.n == 2
    refused(tmp_path / "sub/a.png", "is one picture")
    refused(tmp_path / "gone", "No such file")
    (tmp_path / "file.txt").touch()
    refused(tmp_path / "file.txt", "no data that is read")


@pytest.mark.parametrize(("good", "bad", "goes_on"), [(1, 1, False), (2, 1, True), (11, 10, True), (10, 10, False)])
@pytest.mark.parametrize("strict", [False, True])
def test_how_many_bad_files_are_borne(tmp_path, good, bad, goes_on, strict):
    fill(tmp_path, [f"{k}.png" for k in range(good)])
    for k in range(bad):
        (tmp_path / f"bad{k}.png").write_bytes(b"" if k % 2 else b"<svg/>")
    if strict or not goes_on:
        message = refused(tmp_path, f"{bad} of {good + bad} picture files", strict=strict)
        assert "bad0.png: not a PNG" in message
    else:
        source = open_source(tmp_path)
        assert len(order(source)) == good and said(source, "cannot be used and")
        assert said(source, "bad0.png: not a PNG") and (bad < 2 or said(source, "bad1.png: empty file"))


def test_a_large_share_ends_it_and_one_percent_does_not(tmp_path):
    fill(tmp_path, [f"{k:04}.png" for k in range(1100)], shape=(4, 4))
    for k in range(11):
        (tmp_path / f"bad{k:02}.jpg").touch()
    source = open_source(tmp_path)
    assert len(order(source)) == 1100
    assert said(source, "11 files cannot be used") and said(source, "bad09.jpg") and not said(source, "bad10.jpg")
    assert said(source, "… and 1 more")
    (tmp_path / "bad11.jpg").touch()
    refused(tmp_path, "12 of 1,112 picture files")


def test_all_bad(tmp_path):
    for name in ("a.png", "b.pdf", "c.heic"):
        (tmp_path / name).write_text("%PDF")
    refused(tmp_path, "none of 3 picture files can be used, the first being a.png")


def test_a_file_that_breaks_after_its_header_leaves_no_gap(tmp_path):
    names = [f"{k}.png" for k in range(6)]
    fill(tmp_path, names, shape=(40, 40))
    content = (tmp_path / "2.png").read_bytes()
    (tmp_path / "2.png").write_bytes(content[: len(content) // 2])  # its header is fine
    source = open_source(tmp_path)
    assert order(source) == [noise(40, 40, seed=k).tobytes() for k in (0, 1, 3, 4, 5)]
    assert said(source, "2.png: image file is truncated")


# ---- classes ------------------------------------------------------------------------------------------------------


def test_sub_folders_are_classes(tmp_path):
    fill(tmp_path, ["10/a.png", "9/b.png", "zebra/c.png", "zebra/deep/d.png", "9/e.png"])
    source = open_source(tmp_path)
    assert source.spec.classes == ("9", "10", "zebra") and said(source, "sub-folders are taken as classes")
    assert source.batch(0, 0, 5)["label"].dtype == np.int64
    by_picture = dict(zip(order(source), source._labels, strict=True))
    assert [by_picture[noise(8, 8, seed=k).tobytes()] for k in range(5)] == [1, 0, 2, 2, 0]


def test_when_sub_folders_are_no_classes(tmp_path):
    assert open_source(fill(tmp_path / "1", ["cats/a.png", "cats/b.png"])).spec.classes == ()  # a lone folder
    assert open_source(fill(tmp_path / "2", ["a.png", "cats/b.png", "dogs/c.png"])).spec.classes == ()
    nested = open_source(fill(tmp_path / "3", ["set/cats/a.png", "set/dogs/b.png"]))
    assert nested.spec.classes == ("cats", "dogs")


def test_a_split_is_recognised(tmp_path):
    fill(tmp_path, ["train/cat/a.png", "train/dog/b.png", "train/dog/c.png", "Test/cat/d.png", "val/dog/e.png"])
    (tmp_path / "val/bad.png").touch()
    source = open_source(tmp_path)
    assert source.spec.n == 3 and source.spec.classes == ("cat", "dog")
    assert said(source, "train is used, Test, val left alone") and not said(source, "bad.png")
    fill(tmp_path, ["other/f.png", "other/g.png"])
    assert len(open_source(tmp_path).spec.classes) == 4, "not a split any more"


def test_a_class_without_a_picture_is_named(tmp_path):
    fill(tmp_path, ["cat/a.png", "cat/b.png", "dog/c.png", "dog/d.png"])
    assert not said(open_source(tmp_path), "and so no class"), "negative control"
    (tmp_path / "cow").mkdir()
    (tmp_path / ".git/deep").mkdir(parents=True)
    (tmp_path / "owl").mkdir()
    (tmp_path / "owl/broken.png").write_bytes(b"")
    source = open_source(tmp_path)
    assert source.spec.classes == ("cat", "dog")
    assert said(source, "the folder cow holds no picture, and so no class")
    assert said(source, "the folder owl holds no usable picture, and so no class") and not said(source, "git")
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for path in ("cat/a.png", "dog/c.png"):
            archive.write(tmp_path / path, path)
        archive.mkdir("cow")
    assert said(open_source(tmp_path / "set.zip"), "the folder cow holds no picture, and so no class")


def test_one_class_alone_is_no_class(tmp_path):
    fill(tmp_path, ["cat/a.png", "cat/b.png"])
    assert not open_source(tmp_path).notes, "negative control: a lone folder needs no word"
    (tmp_path / "dog").mkdir()
    source = open_source(tmp_path)
    assert source.spec.levels == () and said(source, "the folder dog holds no picture: all lie in cat")
    (tmp_path / "dog/broken.png").write_bytes(b"")
    source = open_source(tmp_path)
    assert source.spec.levels == () and said(source, "dog holds no usable picture")


def test_labels_from_a_table(tmp_path):
    fill(tmp_path, ["a.png", "sub/b.png", "c,d.png"])
    table = tmp_path / "labels.csv"
    table.write_text(
        '\ufefffile,author,label\r\na.png,x,cat\r\n./sub/b.png,y,"big, dog"\r\n"c,d.png",z,cat\r\n', "utf-8"
    )
    source = open_source(tmp_path)
    assert source.spec.classes == ("big, dog", "cat") and source._labels.tolist() == [1, 1, 0]
    table.write_text(table.read_text("utf-8") + "gone.png,x,cat\n", "utf-8")
    assert said(open_source(tmp_path), "1 of its lines is of no picture, the first being gone.png")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (b"file,label\na.png,cat\n", "no label for 1 of 2 pictures, the first being b.png"),
        (b"a.png,cat\nb.png,dog\n", "needs a first line"),
        (b"", "needs a first line"),
        (b"file,label\na.png\n", "line 2 has 1 cell where its first line has 2"),
        (b"file,label\na.png,\xff\n", "UTF-8"),
    ],
)
def test_tables_that_do_not_fit(tmp_path, text, match):
    fill(tmp_path, ["a.png", "b.png"])
    (tmp_path / "labels.csv").write_bytes(text)
    refused(tmp_path, match)


# ---- zips ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def pair(tmp_path):
    """A folder with classes, a table's worth of oddities, and the same as a zip."""
    folder = fill(tmp_path / "set", ["cats/a.png", "cats/b.png", "dogs/é.png", "dogs/d.png"])
    (folder / "dogs/bad.png").touch()
    (folder / "cats/readme.txt").touch()
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*"), reverse=True):
            archive.write(file, Path("top") / file.relative_to(folder))
        archive.writestr("__MACOSX/top/cats/._a.png", b"resource fork")
    return folder, path


def test_a_zip_is_read_like_its_folder(pair):
    folder, path = map(open_source, pair)
    assert order(folder) == order(path) and folder.spec.fingerprint == path.spec.fingerprint
    assert folder.spec.classes == ("cats", "dogs") and said(path, "top/dogs/bad.png: empty file")


def test_nothing_in_a_zip_can_hurt(pair, tmp_path, monkeypatch):
    _, path = pair
    before = sorted(tmp_path.rglob("*"))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../outside.png", b"")
        archive.writestr("/etc/outside.png", b"")
        archive.writestr("top/bomb.png", bytes(3_000_000))
        link = zipfile.ZipInfo("top/link.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    monkeypatch.setattr("ganvas.data.folders._LARGEST", 2_000_000)
    source = open_source(path)
    assert len(order(source)) == 4 and said(source, "top/bomb.png: 3,000,000 bytes unpacked")
    assert said(source, "1 symbolic link is not followed") and sorted(tmp_path.rglob("*")) == before


def test_damaged_zips(pair, tmp_path):
    _, path = pair
    content = path.read_bytes()
    spot = content.index(b"IDAT") + 10
    path.write_bytes(content[:spot] + b"\0\0\0" + content[spot + 3 :])  # the checksum of one member is wrong now
    source = open_source(path)
    assert len(order(source)) == 3 and said(source, "CRC")
    locked = bytearray(content)
    for start, bit in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := locked.find(start, at + 1)) >= 0:
            locked[at + bit] |= 1
    path.write_bytes(locked)
    refused(path, "encrypted")
    path.write_bytes(content[:100])
    refused(path, "not a zip")
    with zipfile.ZipFile(path, "w"):
        pass
    refused(path, "holds no pictures")
