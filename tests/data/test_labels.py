"""Labels: what labels.csv and arrays of labels mean, what is wrong with them, and which ones are asked for."""

import numpy as np
import pytest
from PIL import Image

from ganvas.data import labels
from ganvas.data.open import open_source
from ganvas.data.packed import stack
from ganvas.data.source import Column, DataSpec
from ganvas.errors import BadInput


def folder(tmp_path, head, *lines, n=None):
    """Pictures 00.png … and a labels.csv with a line for each: 00.png,<line>."""
    n = len(lines) if n is None else n
    for k in range(n):
        pixels = np.random.default_rng(k).integers(0, 256, (8, 8), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{k:02}.png")
    text = "\n".join([f"file,{head}", *(f"{k:02}.png,{line}" for k, line in enumerate(lines))]) + "\n"
    (tmp_path / "labels.csv").write_text(text)
    return tmp_path


def refused(what, match, **options):
    with pytest.raises(BadInput, match=match) as caught:
        open_source(what, **options)
    assert "\n" not in str(caught.value)


def noted(source, words):
    return any(words in note for note in source.notes)


# ---- labels.csv ----------------------------------------------------------------------------------------------------


def test_several_columns(tmp_path):
    lines = [f"{'red' if k % 2 else 'blue'},{k % 3},{k / 10}" for k in range(24)]
    source = open_source(folder(tmp_path, "colour,legs,size", *lines))
    spec = source.spec
    assert spec.classes == () and spec.levels == (2, 3, 0) and spec.keys == ("image", "label")
    assert spec.columns == (
        Column("colour", ("blue", "red")), Column("legs", ("0", "1", "2")), Column("size", (), (0.0, 2.3)),
    )  # fmt: skip
    k = np.arange(24)
    expected = np.stack([k % 2, k % 3, 2 * (k / 10) / 2.3 - 1], 1)
    assert source._labels.dtype == np.float32 and np.abs(source._labels - expected).max() < 1e-6
    assert noted(
        source, "colour: 2 classes (blue, red); legs: 3 classes (0, 1, 2); size: numbers from 0 to 2.3 (numbers"
    )
    batch = source.batch(0, 0, 30)
    assert batch["label"].shape == (30, 3) and batch["label"].dtype == np.float32
    by_picture = {image.tobytes(): row for image, row in zip(source._images, source._labels, strict=True)}
    assert all((by_picture[x.tobytes()] == y).all() for x, y in zip(batch["image"], batch["label"], strict=True))
    assert DataSpec.from_json(spec.to_json()) == spec


def test_labels_are_in_the_fingerprint(tmp_path):
    lines = [f"{'ab'[k % 2]},{k / 10}" for k in range(20)]
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    (tmp_path / "3").mkdir()
    prints = [
        open_source(folder(tmp_path / "1", "kind,size", *lines)).spec.fingerprint,
        open_source(folder(tmp_path / "2", "kind,size", *lines[:-1], "b,1.8")).spec.fingerprint,
        open_source(folder(tmp_path / "3", "sort,size", *lines)).spec.fingerprint,
    ]
    assert len(set(prints)) == 3
    (tmp_path / "4").mkdir()
    assert open_source(folder(tmp_path / "4", "kind,size", *lines)).spec.fingerprint == prints[0], "negative control"


@pytest.mark.parametrize(
    ("head", "line", "levels"),
    [
        ("anything", lambda k: k % 3, (3,)),  # a lone column may have any name
        ("age", lambda k: k, (30,)),  # and is of classes while it is whole
        ("age", lambda k: k / 7, (0,)),
        ("age", lambda k: f"{k:g}e-3", (0,)),
        ("age", lambda k: "nan" if k == 3 else k, (30,)),  # not finite: words
        ("age,b", lambda k: f"{k},{k % 2}", (0, 2)),  # over 20 whole numbers beside another column
        ("age,b", lambda k: f"{k % 20},{k % 2}", (20, 2)),
        ("name,b", lambda k: f"n{k},{k % 2}", (2,)),  # a name is no class
        ("same,b", lambda k: f"x,{k % 2}", (2,)),
        ("same", lambda k: "x", ()),
        (",b", lambda k: f"{k},{k % 2}", (2,)),  # as pandas writes its index
    ],
)
def test_what_a_column_is(tmp_path, head, line, levels):
    source = open_source(folder(tmp_path, head, *(str(line(k)) for k in range(30))))
    assert source.spec.levels == levels and source.notes
    assert bool(source.spec.columns) == (len(levels) > 1 or levels == (0,))
    assert ("label" in source.batch(0, 0, 2)) == bool(levels)


def test_what_is_left_out_is_said(tmp_path):
    lines = [f"n{k},x,{'ab'[k % 2]}" for k in range(4)]
    source = open_source(folder(tmp_path, "name,set,kind", *lines))
    assert source.spec.classes == ("a", "b")
    assert noted(source, "name differs from picture to picture") and noted(source, "set is x for every picture")
    (tmp_path / "labels.csv").write_text("file,kind\n" + "".join(f"0{k}.png,a\n" for k in range(4)))
    assert noted(open_source(tmp_path), "the pictures count as unlabelled")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("file,label\n00.png,a\n01.png,\n", "line 3 has an empty cell in column label; fill it in"),
        ("file,label\n00.png,a\n,b\n", "line 3 has an empty cell in column file"),
        ("file,label\n00.png,a\n00.png,b\n01.png,b\n", "lines 2 and 3 give 00.png two labels"),
        ("file,label\n00.png,a, b\n01.png,c\n", "line 2 has 3 cells where its first line has 2; put text"),
        ("file,x,x\n00.png,a,b\n01.png,c,d\n", "two columns are called x"),
        ("file;label\n00.png;a\n", "needs a first line that names the columns, with commas"),
        ("file\n00.png\n01.png\n", "needs a first line"),
        ('file,label\n00.png,"a\n01.png,b\n', "save it as text with commas"),
        ("file,label\n00.png,a\n", "no label for 1 of 2 pictures, the first being 01.png"),
    ],
)
def test_tables_that_do_not_fit(tmp_path, text, match):
    folder(tmp_path, "label", "a", "b")
    assert open_source(tmp_path).spec.levels == (2,), "negative control"
    (tmp_path / "labels.csv").write_text(text)
    refused(tmp_path, match)


@pytest.mark.parametrize(
    ("encoding", "match"),
    [("utf-16", r"line 1 \(it looks like UTF-16\)"), ("latin-1", "is not UTF-8, first in line 3;")],
)
def test_other_encodings(tmp_path, encoding, match):
    folder(tmp_path, "label", "a", "b")
    (tmp_path / "labels.csv").write_text("file,label\n00.png,a\n01.png,é\n", encoding)
    refused(tmp_path, match)
    (tmp_path / "labels.csv").write_text("file,label\n00.png,a\n01.png,é\n", "utf-8-sig")
    assert open_source(tmp_path).spec.classes == ("a", "é"), "negative control"


def test_what_harms_nothing_is_read(tmp_path):
    """A repetition, an empty line, commas at the end of a line, as spreadsheets leave them."""
    folder(tmp_path, "label", "a", "b")
    (tmp_path / "labels.csv").write_text("file,label\r\n00.png,a,,\r\n\r\n ,\r\n00.png,a\r\n01.png,b\r\n")
    assert open_source(tmp_path).spec.classes == ("a", "b")


def test_lines_of_no_picture_are_noted_or_refused(tmp_path):
    folder(tmp_path, "label", "a", "b", "c", "a", n=3)
    source = open_source(tmp_path)
    assert noted(source, "1 of its lines is of no picture, the first being 03.png") and source.spec.n == 3
    refused(tmp_path, "1 of its lines is of no picture, the first being 03.png; add", strict=True)
    (tmp_path / "labels.csv").write_text("file,label\n00.png,a\n01.png,b\n02.png,c\n")
    assert not noted(open_source(tmp_path, strict=True), "no picture"), "negative control"


def test_a_class_of_unusable_pictures_only_is_named(tmp_path):
    folder(tmp_path, "kind,legs", *(f"{'abc'[k % 3]},{k % 2}" for k in range(12)), "owl,2", n=12)
    (tmp_path / "12.png").write_bytes(b"")
    source = open_source(tmp_path)
    assert source.spec.levels == (3, 2) and not noted(source, "of no picture")
    assert noted(source, "no usable picture is of owl, which is no class")
    assert noted(source, "no usable picture is of 2, which is no class")


# ---- arrays --------------------------------------------------------------------------------------------------------

PICTURES = np.random.default_rng(0).integers(0, 256, (30, 4, 4), np.uint8)
K = np.arange(30)


@pytest.mark.parametrize(
    ("given", "classes", "first"),
    [
        (K % 3 * 5 - 2, ("-2", "3", "8"), 2),  # not contiguous, negative
        ((K % 3).astype(np.float64)[:, None], ("0", "1", "2"), 2),
        (np.array(["10", "9", "zebra"])[K % 3], ("9", "10", "zebra"), 2),
        (np.array([b"dog", b"cat"])[K % 2], ("cat", "dog"), 1),
        (K % 2 == 0, ("0", "1"), 1),
        (np.eye(3, dtype=int)[K % 3], ("0", "1", "2"), 2),  # one-hot
    ],
)
def test_classes_in_arrays(given, classes, first):
    found = stack(PICTURES, given)
    assert found.classes == classes and found.columns == () and found.labels.dtype == np.int64
    assert found.labels[K % 3 == 2][0] == first or len(classes) == 2
    original = np.asarray(given).reshape(30, -1)
    for k in range(30):
        assert (found.labels[k] == found.labels[0]) == (original[k] == original[0]).all()


def test_numbers_and_columns_in_arrays():
    found = stack(PICTURES, K / 4)
    assert found.columns == (Column("label", (), (0.0, 7.25)),) and np.allclose(found.labels[:, 0], 2 * K / 29 - 1)
    two = stack(PICTURES, np.stack([K % 3, K], 1))
    assert [c.name for c in two.columns] == ["label0", "label1"] and two.labels.shape == (30, 2)
    assert two.columns[0].classes == ("0", "1", "2") and two.columns[1].classes == ()
    same = stack(PICTURES, np.full(30, 7))
    assert same.labels is None and any("unlabelled" in note for note in same.notes)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        (K[:-1], "29 labels; they must be as many"),
        (np.where(K == 3, np.nan, K), "1 labels are no finite numbers"),
        (K.astype(complex), "labels are complex128"),
        (np.zeros((30, 2, 2)), "give N words or numbers"),
    ],
)
def test_labels_that_do_not_fit(given, match):
    with pytest.raises(BadInput, match=match):
        stack(PICTURES, given)


def test_an_npz_with_columns_opens(tmp_path):
    np.savez(tmp_path / "x.npz", images=PICTURES, labels=np.stack([K % 3, K / 4], 1))
    source = open_source(tmp_path / "x.npz")
    assert source.spec.levels == (3, 0) and source.batch(0, 0, 4)["label"].dtype == np.float32


# ---- which labels are asked for ------------------------------------------------------------------------------------


def one_column(k=10):
    return DataSpec("digits", ("image", "label"), (1, 4, 4), classes=tuple(str(i) for i in range(k)))


def three_columns():
    columns = (
        Column("colour", ("blue", "green", "red")),
        Column("shape", ("box", "disc")),
        Column("size", (), (0.0, 10.0)),
    )
    return DataSpec("shapes", ("image", "label"), (1, 4, 4), columns=columns)


def test_in_turn_depends_on_position_alone():
    for spec in (one_column(), three_columns()):
        whole = labels.in_turn(spec, np.arange(100))
        assert (labels.in_turn(spec, np.arange(40, 50)) == whole[40:50]).all()
    assert labels.in_turn(one_column(), np.arange(25)).tolist() == [i % 10 for i in range(25)]
    assert labels.in_turn(DataSpec("x", ("image",), (1, 4, 4)), np.arange(3)).tolist() == [0, 0, 0]


def test_labels_that_stand_for_all_cover_all():
    assert np.bincount(labels.spread(one_column(), 1024)).min() >= 102
    assert labels.spread(one_column(), 64).dtype == np.int64
    # of 1,000 classes 64 in a row would all be of one hundred
    some = labels.spread(one_column(1000), 64)
    assert np.diff(sorted(some)).max() < 30 and len(set(some)) == 64 and some.dtype == np.int64
    assert np.diff([*labels.in_turn(one_column(1000), np.arange(64)), 1000]).max() > 900, "negative control"
    assert set(labels.spread(one_column(1000), 1024)) == set(range(1000))
    three = labels.spread(three_columns(), 1024)
    assert three.dtype == np.float32 and (three == labels.spread(three_columns(), 1024)).all()
    assert np.abs(np.corrcoef(three.T) - np.eye(3)).max() < 0.02 and abs(three[:, 2].std() - 3**-0.5) < 0.01
    assert np.bincount((three[:, 0] * 2 + three[:, 1]).astype(int)).min() > 160


def test_rows_of_a_sheet():
    found, names = labels.rows(one_column(), 32)
    assert found.tolist() == list(range(10)) and names[7] == "7"
    found, names = labels.rows(one_column(1000), 8)
    assert len(found) == len(names) == 8 and sorted(found) == list(found) and found.max() > 800
    found, names = labels.rows(three_columns(), 32)
    assert (
        len(found) == 18
        and names[0] == "colour=blue, shape=box, size=0"
        and names[-1] == "colour=red, shape=disc, size=10"
    )
    assert [len(labels.rows(three_columns(), most)[0]) for most in (12, 6, 5)] == [12, 6, 5]


def test_rows_can_be_asked_for_by_what_is_written_beside_them():
    columns = Column("a, b", ("x=1", "y")), Column("size", (), (0.30049, 0.99951))
    for spec in (three_columns(), DataSpec("x", ("image", "label"), (1, 4, 4), columns=columns[1:])):
        found, names = labels.rows(spec, 12)
        for label, name in zip(found, names, strict=True):
            assert np.abs(labels.told(spec, name, np.arange(1)) - label).max() < 0.01


def test_very_many_columns():
    """CelebA's 40 yes-or-no columns: all vary among the first 64, and no two go together."""
    columns = tuple(Column(f"c{k}", ("no", "yes")) for k in range(70))
    spec = DataSpec("faces", ("image", "label"), (1, 4, 4), columns=columns)
    found = labels.spread(spec, 1024)
    assert (labels.in_turn(spec, np.arange(500, 510)) == found[500:510]).all()
    assert found[:64].sum(0).min() > 12 and found[:64].sum(0).max() < 52
    assert np.abs(np.corrcoef(found.T) - np.eye(70)).max() < 0.15
    assert len(labels.rows(spec, 32)[0]) == 32


@pytest.mark.parametrize(
    ("classes", "wanted", "expected"),
    [
        (("9", "10", "zebra"), "9", 0),  # a name wins over an index
        (("9", "10", "zebra"), 2, 2),
        (("9", "10", "zebra"), "2", 2),
        (("9", "10", "zebra"), "zebra", 2),
        (("9", "10", "2"), "2", 2),
        (("9", "10", "2"), np.int64(1), 1),
    ],
)
def test_a_class_by_name_or_index(classes, wanted, expected):
    spec = DataSpec("animals", ("image", "label"), (1, 4, 4), classes=classes)
    assert labels.told(spec, wanted, np.arange(3)).tolist() == [expected] * 3


@pytest.mark.parametrize(
    ("wanted", "match"),
    [
        ("zebar", r"animals has no class 'zebar': perhaps zebra\? \(or an index from 0 to 2\)"),
        ("ZEBRA", "perhaps zebra"),
        ("3", "its classes are 9, 10, zebra"),
        (-1, "no class -1"),
        (1.0, "no class 1.0"),
        ("", "no class ''"),
        ({"colour": "red"}, "one column of classes"),
    ],
)
def test_a_class_that_does_not_exist(wanted, match):
    spec = DataSpec("animals", ("image", "label"), (1, 4, 4), classes=("9", "10", "zebra"))
    with pytest.raises(BadInput, match=match):
        labels.told(spec, wanted, np.arange(3))


def test_columns_by_name():
    spec, index = three_columns(), np.arange(40)
    for wanted in ("colour=red,size=7.5", {"colour": 2, "size": 7.5}, ' size = 7.5 , "colour=red"'):
        found = labels.told(spec, wanted, index)
        assert (found[:, 0] == 2).all() and (found[:, 2] == 0.5).all()
        assert (found[:, 1] == labels.in_turn(spec, index)[:, 1]).all() and set(found[:, 1]) == {0, 1}


@pytest.mark.parametrize(
    ("wanted", "match"),
    [
        ("red", "write colour=blue,shape=box,size=10"),
        ("colour=pink", "column colour has no class 'pink': its classes are blue, green, red"),
        ("color=red", "no column 'color': its columns are colour, shape, size"),
        ("size=11", "column size takes a number from 0 to 10, as in the data, not '11'"),
        ("size=nan", "takes a number"),
        ("size=big", "takes a number"),
        (2, "labels of 3 columns, not '2'"),
        ("", "labels of 3 columns"),
    ],
)
def test_columns_that_do_not_exist(wanted, match):
    with pytest.raises(BadInput, match=match):
        labels.told(three_columns(), wanted, np.arange(3))


def test_a_lone_number_needs_no_name():
    spec = DataSpec("ages", ("image", "label"), (1, 4, 4), columns=(Column("age", (), (0.0, 80.0)),))
    assert labels.told(spec, "20", np.arange(2)).tolist() == [[-0.5], [-0.5]]
    assert labels.rows(spec, 32)[1] == ("age=0", "age=40", "age=80")
