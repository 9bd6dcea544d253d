"""Sheets, single files, films and annotated inputs: the pixels that were given, where they belong, same bytes again."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ganvas.errors import BadInput
from ganvas.study.picture import save_picture
from ganvas.study.sheets import WIDTH, annotated, film, fit, sheet

RNG = np.random.default_rng(0)


def pictures(n=64, c=1, h=28, w=28):
    return RNG.integers(0, 256, (n, c, h, w), dtype=np.uint8)


def cell(picture, i, columns, h, w, scale, gap=2):
    """Picture i cut out of a sheet again, at its own size; checks that each pixel is a square of one colour."""
    y, x = gap + i // columns * (h * scale + gap), gap + i % columns * (w * scale + gap)
    block = np.asarray(picture)[y : y + h * scale, x : x + w * scale]
    small = block[::scale, ::scale]
    assert np.array_equal(small.repeat(scale, 0).repeat(scale, 1), block)
    return small


def test_sixty_four_digits_are_wide_enough_and_every_pixel_is_there():
    images = pictures()
    made = sheet(images)
    assert made.mode == "L" and made.size == (466, 466) and made.width >= WIDTH
    for i in (0, 7, 8, 63):
        assert np.array_equal(cell(made, i, 8, 28, 28, 2), images[i, 0])


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (2, "L"), (3, "RGB"), (4, "RGBA"), (5, "RGB")])
def test_channels_decide_the_kind_of_sheet(channels, mode):
    images = pictures(4, channels, 8, 8)
    made = sheet(images, scale=3)
    assert made.mode == mode
    shown = images[3, : {"L": 1, "RGB": 3, "RGBA": 4}[mode]].transpose(1, 2, 0)
    assert np.array_equal(cell(made, 3, 2, 8, 8, 3), shown.squeeze(2) if mode == "L" else shown)


@pytest.mark.parametrize(
    ("n", "h", "w", "columns"), [(64, 28, 28, 8), (10, 28, 28, 4), (1, 28, 28, 1), (6, 10, 60, 1), (6, 60, 10, 6)]
)
def test_a_sheet_is_nearly_square(n, h, w, columns):
    made = sheet(pictures(n, 1, h, w), gap=0, scale=1)
    assert made.size == (columns * w, -(-n // columns) * h)


def test_columns_gap_and_scale_are_the_users():
    images = pictures(6, 1, 4, 4)
    assert sheet(images, columns=3, gap=1, scale=5).size == (3 * 20 + 4, 2 * 20 + 3)
    assert sheet(images, columns=100, gap=0, scale=1).size == (24, 4), "no more columns than pictures"


def test_every_depth_shows_the_same():
    eight = np.array([0, 1, 128, 254, 255], np.uint8).reshape(1, 1, 1, 5)
    shown = np.asarray(sheet(eight, scale=1, gap=0))
    assert np.array_equal(shown, eight[0, 0])
    assert np.array_equal(np.asarray(sheet(eight.astype(np.uint16) * 257, scale=1, gap=0)), shown)
    assert np.array_equal(np.asarray(sheet(eight / np.float32(255), scale=1, gap=0)), shown)


def test_floats_outside_their_range_and_nan_do_not_wrap_around():
    wild = np.array([-1.0, 2.0, np.nan, np.inf, -np.inf]).reshape(1, 1, 1, 5)
    assert np.asarray(sheet(wild, scale=1, gap=0)).tolist() == [[0, 255, 0, 255, 0]]


@pytest.mark.parametrize(
    "bad", [np.zeros((0, 1, 4, 4)), np.zeros((4, 4)), np.zeros((2, 0, 4, 4)), np.zeros((1, 1, 4, 4), np.int64)], ids=str
)
def test_what_is_no_picture_is_refused(bad):
    with pytest.raises(BadInput):
        sheet(bad)


def test_points_become_dots_where_they_are():
    dark = np.argwhere(np.asarray(sheet(np.array([[0.0, 1.0]]).reshape(1, 1, 1, 2))) < 128).mean(axis=0)
    assert dark[0] < 30 and dark[1] < 30, "x = 0 is left, y = 1 is up"
    dark = np.argwhere(np.asarray(sheet(np.array([[1.0, 0.25]]).reshape(1, 1, 1, 2))) < 128).mean(axis=0)
    assert dark[1] > WIDTH - 30 and dark[0] == pytest.approx(0.75 * WIDTH, abs=10)


def test_points_on_a_line_become_a_histogram():
    points = np.r_[np.full(90, 0.25), np.full(30, 0.75)].reshape(-1, 1, 1, 1)
    bars = (np.asarray(sheet(points)) < 128).sum(axis=0)
    left, right = bars[: WIDTH // 2].max(), bars[WIDTH // 2 :].max()
    assert left == pytest.approx(3 * right, abs=3) and (bars > 0).sum() < 20


def read(path):
    with Image.open(path) as picture:
        return picture.mode, np.asarray(picture)


def test_single_files_keep_their_depth(tmp_path):
    deep = RNG.integers(0, 65536, (1, 5, 6), dtype=np.uint16)
    save_picture(tmp_path / "deep.png", deep)
    mode, back = read(tmp_path / "deep.png")
    assert mode.startswith("I;16") and np.array_equal(back, deep[0])

    floats = RNG.random((2, 5, 6), dtype=np.float32)
    save_picture(tmp_path / "floats.npy", floats)
    assert np.array_equal(np.load(tmp_path / "floats.npy"), floats)

    for channels, mode in ((1, "L"), (3, "RGB"), (4, "RGBA")):
        image = pictures(1, channels, 5, 6)[0]
        save_picture(tmp_path / "eight.png", image)
        assert read(tmp_path / "eight.png")[0] == mode
        assert np.array_equal(read(tmp_path / "eight.png")[1].reshape(5, 6, channels), image.transpose(1, 2, 0))

    save_picture(tmp_path / "colour.png", np.full((3, 2, 2), 0.5))
    assert read(tmp_path / "colour.png")[1].dtype == np.uint8  # 16-bit or float colour does not fit a PNG of Pillow's


@pytest.mark.parametrize(
    ("name", "channels", "words"),
    [("a.png", 5, "npy holds any"), ("a", 3, "use .png"), ("a.txt", 3, "use .png"), ("a.jpg", 4, "use .png")],
)
def test_files_that_cannot_hold_a_picture_are_refused(tmp_path, name, channels, words):
    with pytest.raises(BadInput, match=words):
        save_picture(tmp_path / name, pictures(1, channels, 4, 4)[0])
    assert not (tmp_path / name).exists()


def frames(n=5, mode="L", side=30):
    return [
        Image.fromarray(RNG.integers(0, 256, (side, side) if mode == "L" else (side, side, 3), dtype=np.uint8))
        for _ in range(n)
    ]


@pytest.mark.parametrize("kind", ["gif", "webp"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_film_holds_its_last_frame_and_starts_again(tmp_path, kind, mode):
    film(frames(5, mode), tmp_path / f"film.{kind}", seconds=1.0, hold=2.0)
    durations = []
    with Image.open(tmp_path / f"film.{kind}") as played:
        assert played.n_frames == 5 and played.size == (30, 30) and played.info["loop"] == 0
        for i in range(5):
            played.seek(i)
            played.load()
            durations.append(played.info["duration"])
    assert durations == [200] * 4 + [2200]


def test_a_grey_film_shows_the_greys_it_was_given():
    given = frames(4)
    for kind, error in (("gif", 5), ("webp", 0)):
        buffer = BytesIO()
        film(given, buffer, kind=kind)
        with Image.open(buffer) as played:
            for i, picture in enumerate(given):
                played.seek(i)
                worst = np.abs(np.asarray(played.convert("L"), int) - np.asarray(picture, int)).max()
                assert worst <= error, (kind, i)


def test_a_film_of_paths_of_several_sizes_has_one_size(tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for path, picture in zip(paths, frames(1, side=20) + frames(2, side=40), strict=True):
        picture.save(path)
    film(paths, tmp_path / "film.gif")
    film(paths, tmp_path / "small.gif", side=25)
    with Image.open(tmp_path / "film.gif") as played, Image.open(tmp_path / "small.gif") as small:
        assert played.size == (40, 40) and played.n_frames == 3 and small.size == (25, 25)


def test_a_film_of_forty_sheets_of_digits_stays_small():
    """Strokes that all change from frame to frame, more than any training does."""
    y, x = np.mgrid[:28, :28] / 28 - 0.5
    angle, shift = RNG.uniform(0, np.pi, (2560, 1, 1)), RNG.uniform(-0.2, 0.2, (2560, 1, 1))
    strokes = (255 * np.clip(1 - 8 * np.abs(x * np.cos(angle) + y * np.sin(angle) + shift), 0, 1)).astype(np.uint8)
    sheets = [sheet(strokes[i * 64 : i * 64 + 64, None]) for i in range(40)]
    for kind in ("gif", "webp"):
        buffer = BytesIO()
        film(sheets, buffer, kind=kind)
        assert buffer.tell() < 3_000_000, kind


def test_films_that_cannot_be_made_are_refused(tmp_path):
    (tmp_path / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    for given, out in (
        ([], "a.gif"),
        (frames(1), "a.mp4"),
        (frames(1), "a"),
        ([tmp_path / "torn.png"], "a.gif"),
        ([tmp_path / "none.png"], "a.gif"),
    ):
        with pytest.raises(BadInput):
            film(given, tmp_path / out)
        assert not (tmp_path / out).exists()


def test_one_frame_is_a_film_too():
    for kind in ("gif", "webp"):
        buffer = BytesIO()
        film(frames(1), buffer, kind=kind)
        assert buffer.tell() > 0


def open_annotated(image):
    buffer = BytesIO()
    annotated(image, buffer)
    with Image.open(buffer) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def test_a_value_is_written_on_each_cell():
    plain = np.zeros((1, 28, 28), np.uint8)
    plain[0, 27, 27] = 255  # as wide as any, so that all cells of both are of one size
    other = plain.copy()
    other[0, 3, 4] = 200
    a, b = open_annotated(plain), open_annotated(other)
    changed = np.argwhere((a != b).any(axis=2))
    low, high = changed.min(axis=0), changed.max(axis=0)
    side = (a.shape[1] - 28) // 28  # margins of 14 left and right
    assert (low >= (44 + 3 * side, 14 + 4 * side)).all() and (high <= (44 + 4 * side, 14 + 5 * side)).all()
    inside = b[low[0] : high[0], low[1] : high[1]]
    assert (inside == 200).all(axis=2).any() and (inside < 60).all(axis=2).any(), "its own grey, and dark ink on it"
    assert a.shape[1] > WIDTH


def test_bright_and_dark_cells_are_both_readable():
    for value in (0, 100, 120, 255):
        cells = open_annotated(np.full((1, 4, 4), value, np.uint8))[46:-16, 16:-16]
        assert np.abs(cells - value).max() > 100


@pytest.mark.parametrize(
    ("shape", "cropped"), [((1, 32, 32), False), ((1, 33, 20), True), ((3, 64, 64), True), ((1, 4, 4), False)]
)
def test_large_pictures_are_cropped_to_their_middle(shape, cropped, monkeypatch):
    titles = []
    from PIL import ImageDraw

    write = ImageDraw.ImageDraw.text
    monkeypatch.setattr(
        ImageDraw.ImageDraw,
        "text",
        lambda self, at, text, *a, **k: (titles.append(text), write(self, at, text, *a, **k)),
    )
    image = np.zeros(shape, np.uint8)
    open_annotated(image)
    assert f"{shape[1]} by {shape[2]} pixels" in titles[0]
    assert ("shown: the central" in titles[0]) == cropped
    if cropped:
        edge = image.copy()
        edge[:, 0] = 255
        assert np.array_equal(open_annotated(edge), open_annotated(image)), "the cropped edge is not shown"


@pytest.mark.parametrize("side", [28, 32, 64])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("c", [1, 3, 4])
def test_numbers_of_any_depth_fit_their_cells_and_the_page(c, dtype, side, monkeypatch):
    drawn, cells = [], []
    draw = ImageDraw.ImageDraw
    box, text = draw.rectangle, draw.multiline_text

    def rectangle(self, at, *a, **k):
        cells.append(at)
        box(self, at, *a, **k)

    def multiline_text(self, at, words, ink, font, **k):
        drawn.append((self.multiline_textbbox(at, words, font, **k), font.size))
        text(self, at, words, ink, font, **k)

    monkeypatch.setattr(draw, "rectangle", rectangle)
    monkeypatch.setattr(draw, "multiline_text", multiline_text)
    top = 1 if dtype is np.float32 else np.iinfo(dtype).max
    image = (np.random.default_rng(0).uniform(0.5, 1, (c, side, side)) * top).astype(dtype)
    made = open_annotated(image)
    assert made.shape[1] <= 1000, "a page shows it without shrinking it"
    assert len(drawn) == len(cells) >= 15 * 15
    for (left, upper, right, lower), (x0, y0, x1, y1) in zip([d for d, _ in drawn], cells, strict=True):
        assert x0 < left and right < x1 and y0 < upper and lower < y1
    assert min(size for _, size in drawn) >= 11


def test_integers_are_written_whole_and_floats_with_two_decimals(monkeypatch):
    texts = []
    from PIL import ImageDraw

    monkeypatch.setattr(ImageDraw.ImageDraw, "multiline_text", lambda self, at, text, *a, **k: texts.append(text))
    open_annotated(np.array([[[0, 40000]]], np.uint16))
    open_annotated(np.array([[[0.126]], [[1.0]], [[0.5]]]))
    assert texts == ["0", "40000", "0.13\n1.00\n0.50"]


def test_the_same_pictures_give_the_same_bytes(tmp_path):
    images, given = pictures(4), frames(3, "RGB")
    for name, make in (
        ("sheet.png", lambda path: sheet(images).save(path)),
        ("one.png", lambda path: save_picture(path, images[0])),
        ("film.gif", lambda path: film(given, path)),
        ("film.webp", lambda path: film(given, path)),
        ("annotated.png", lambda path: annotated(images[0], path)),
    ):
        make(tmp_path / name)
        before = (tmp_path / name).read_bytes()
        make(tmp_path / name)
        assert (tmp_path / name).read_bytes() == before, name
    images[0, 0, 0, 0] ^= 255
    annotated(images[0], tmp_path / "annotated.png")
    assert (tmp_path / "annotated.png").read_bytes() != before, "negative control"


def test_fit_shrinks_and_never_enlarges():
    picture = Image.new("L", (200, 100))
    assert fit(picture, 50).size == (50, 25) and fit(picture, 200) is picture
