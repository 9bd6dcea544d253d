"""Pictures of pictures: sheets, films, and one input with its pixel values written in."""

import re
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ganvas import files
from ganvas.errors import BadInput
from ganvas.study.picture import eight_bit, unit

WIDTH = 448  # pixels: a sheet is at least this wide, so that 64 digits can be looked at without a lens
PAGE = 960  # pixels: a picture of numbers is no wider than what a page shows without shrinking it
SMALLEST, LARGEST = 11, 20  # pixels: type that can be read
GAP = 64  # the grey between pictures: apart from black and from white ones


def sheet(images: np.ndarray, columns: int | None = None, gap: int = 2, scale: int | None = None) -> Image.Image:
    """N×C×H×W pictures (uint8, uint16 or floats in [0, 1]) on one 8-bit sheet, row by row from the top left.

    1 channel gives a grey sheet, 3 colour, 4 colour with transparency; otherwise false colour of the first three, or
    the first alone. columns: near-square if not given. gap: pixels between pictures. scale: each pixel becomes
    scale × scale, by default the least that makes the sheet 448 wide. Points (H×W = 1×2 or 1×1) become a scatter plot
    or a histogram of the unit square or interval.
    """
    images = np.asarray(images)
    if images.ndim != 4 or not images.size:
        raise BadInput(f"a sheet needs pictures N×C×H×W, not an array of shape {images.shape}")
    n, c, h, w = images.shape
    if h == 1 and w <= 2 and c == 1:
        return _scatter(unit(images).reshape(n, w))

    columns = min(n, max(1, columns or _columns(n, h / w)))
    rows = -(-n // columns)
    scale = scale or max(1, -(-(WIDTH - (columns + 1) * gap) // (columns * w)))
    pixels = eight_bit(_visible(images)).repeat(scale, axis=2).repeat(scale, axis=3)
    n, c, h, w = pixels.shape
    canvas = np.full((rows * (h + gap) + gap, columns * (w + gap) + gap, c), GAP, np.uint8)
    if c == 4:
        canvas[:] = 0  # transparent
    for i, picture in enumerate(pixels.transpose(0, 2, 3, 1)):
        y, x = gap + i // columns * (h + gap), gap + i % columns * (w + gap)
        canvas[y : y + h, x : x + w] = picture
    return Image.fromarray(canvas.squeeze(2) if c == 1 else canvas)


def film(
    frames: Sequence[Path | Image.Image],
    out: Path | BytesIO,
    seconds: float = 6.0,
    hold: float = 2.0,
    side: int = 640,
    kind: str = "",
) -> None:
    """An animation of equal pictures that runs `seconds`, holds its last frame for `hold` more, and starts again.

    side: in pixels; larger frames are shrunk. kind: "gif" or "webp"; by default the ending of `out`. A GIF has one
    palette for all frames, so that nothing but the pictures changes; grey ones get 32 greys, which halves the file and
    cannot be told from 256 in motion.
    """
    if not frames:
        raise BadInput("a film needs at least one frame")
    kind = kind or ("" if isinstance(out, BytesIO) else Path(out).suffix.lower().lstrip("."))
    if kind not in ("gif", "webp"):
        raise BadInput(f"a film is written as .gif or .webp, not as {kind or 'a file without ending'}")
    pictures = [_frame(f) for f in frames]
    mode = "L" if all(p.mode == "L" for p in pictures) else "RGB"
    size = max(p.size for p in pictures)  # later phases draw larger pictures
    pictures = [fit(p.convert(mode).resize(size, Image.Resampling.NEAREST), side) for p in pictures]
    step = max(20, round(1000 * seconds / len(pictures)))  # milliseconds; browsers slow anything shorter down
    options = {"duration": [step] * (len(pictures) - 1) + [step + round(1000 * hold)], "loop": 0}
    if kind == "gif":
        pictures = _share_palette(pictures)
    elif mode == "L":
        options |= {"lossless": True, "quality": 20, "method": 0}  # quality is effort here
    else:
        options |= {"quality": 80}
    buffer = BytesIO()
    pictures[0].save(buffer, kind.upper(), save_all=True, append_images=pictures[1:], **options)
    _deliver(buffer, out)


def annotated(image: np.ndarray, out: Path | BytesIO) -> None:
    """A PNG of one picture C×H×W, enlarged, with each pixel's value written in its cell (one line per channel).

    Integers are written as they are, floats with two decimals. A side of more than 32 pixels is cropped to its central
    28, and where that many cells of readable numbers would be wider than a page, to as many as fit; the title says so.
    """
    image = np.asarray(image)
    if image.ndim != 3 or not image.size:
        raise BadInput(f"one picture is C×H×W, not an array of shape {image.shape}")
    c, height, width = image.shape
    form = "{:.2f}" if image.dtype.kind == "f" else "{}"
    h, w = (side if side <= 32 else 28 for side in (height, width))
    shapes = {re.sub(r"\d", "8", form.format(v)) for v in _middle(image, h, w).flat}

    def cell(letters: int) -> int:
        """Pixels a side that the longest value needs, and its lines, in type of this size."""
        font = ImageFont.load_default(letters)
        return max(int(max(map(font.getlength, shapes))) + 10, (letters + 3) * c + 8)

    h, w = (min(side, max(1, PAGE // cell(SMALLEST))) for side in (h, w))
    image = _middle(image, h, w)
    title = f"{height} by {width} pixels" + (f", {c} channels" if c > 1 else "")
    if (h, w) != (height, width):
        title += f"; shown: the central {h} by {w}"

    letters = next((n for n in range(LARGEST, SMALLEST, -1) if cell(n) * w <= PAGE), SMALLEST)
    font = ImageFont.load_default(letters)
    texts = ["\n".join(form.format(v) for v in pixel) for pixel in image.reshape(c, -1).T]
    colours = np.broadcast_to(eight_bit(_visible(image[None]))[0, :3], (3, h, w)).reshape(3, -1).T
    side = max(cell(letters), -(-WIDTH // w))
    head, margin = 44, 14  # pixels; Pillow's own font has no multiplication sign, hence "by" in the title
    canvas = Image.new("RGB", (max(w * side, 340) + 2 * margin, h * side + head + margin), "white")
    draw = ImageDraw.Draw(canvas)
    draw.text((margin, head / 2), title, "black", ImageFont.load_default(18), anchor="lm")
    for i, (text, colour) in enumerate(zip(texts, colours, strict=True)):
        y, x = head + i // w * side, margin + i % w * side
        draw.rectangle((x, y, x + side, y + side), tuple(colour.tolist()), outline=(128, 128, 128))
        ink = "black" if colour @ (0.299, 0.587, 0.114) > 110 else "white"
        draw.multiline_text((x + side / 2, y + side / 2), text, ink, font, anchor="mm", align="center", spacing=2)
    buffer = BytesIO()
    canvas.save(buffer, "PNG")
    _deliver(buffer, out)


def _middle(image: np.ndarray, h: int, w: int) -> np.ndarray:
    top, left = (image.shape[1] - h) // 2, (image.shape[2] - w) // 2
    return image[:, top : top + h, left : left + w]


def beside(names: Sequence[str], picture: Image.Image) -> Image.Image:
    """The sheet with a name at the left of each of its rows, which are equally high.

    A name is broken at its commas where the row is high enough; lines too long are cut.
    """
    high = picture.height / len(names)
    size = min(18, max(9, round(0.6 * high)))
    font = ImageFont.load_default(size)
    missing = bytes(font.getmask("\U0010ffff"))
    drawn = {c for c in set("".join(names)) if c.isspace() or bytes(font.getmask(c)) != missing}
    widest = max(160, picture.width // 2)
    texts = []
    for k, name in enumerate(names):
        # Pillow's own font knows Latin letters only: a row whose name it lacks is counted.
        lines = name.split(", ") if set(name) <= drawn else [f"({k})"]
        lines = lines if len(lines) * 1.4 * size <= high else [", ".join(lines)]
        texts.append([_cut(line, font, widest) for line in lines])
    margin = round(max(font.getlength(line) for lines in texts for line in lines)) + 12
    canvas = Image.new(picture.mode, (margin + picture.width, picture.height), _ink(picture.mode, GAP))
    canvas.paste(picture, (margin, 0))
    draw = ImageDraw.Draw(canvas)
    for k, lines in enumerate(texts):
        place, ink = (margin - 6, (k + 0.5) * high), _ink(picture.mode, 235)
        draw.multiline_text(place, "\n".join(lines), ink, font, anchor="rm", align="right")
    return canvas


def _cut(text: str, font: ImageFont.FreeTypeFont, widest: float) -> str:
    if font.getlength(text) <= widest:
        return text
    keep = next(n for n in range(len(text), -1, -1) if font.getlength(f"{text[:n]}...") <= widest)
    return f"{text[:keep]}..."


def _ink(mode: str, grey: int) -> int | tuple[int, ...]:
    return grey if mode == "L" else (grey, grey, grey, 255)[: len(mode)]


def fit(picture: Image.Image, side: int) -> Image.Image:
    """The picture, shrunk where a side of it is longer than `side` pixels."""
    scale = side / max(picture.size)
    if scale >= 1:
        return picture
    width, height = (max(1, round(length * scale)) for length in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def _columns(n: int, tall: float) -> int:
    """For a near-square sheet of n pictures `tall` times as high as wide; full rows where that costs little shape."""
    square = (n * tall) ** 0.5
    full = min((k for k in range(1, n + 1) if n % k == 0), key=lambda k: abs(k - square))
    return full if square / 1.5 <= full <= square * 1.5 else int(np.ceil(square))


def write_picture(picture: Image.Image, path: Path) -> None:
    """A picture as a file, by its ending; whole or not there. Raises BadInput for an ending Pillow does not know."""
    format = Image.registered_extensions().get(Path(path).suffix.lower())
    if format not in Image.SAVE:
        raise BadInput(f"{path}: pictures are not written as {Path(path).suffix or 'files without ending'}; use .png")
    buffer = BytesIO()
    picture.save(buffer, format)
    files.write_atomic(path, buffer.getvalue())


def _deliver(buffer: BytesIO, out: Path | BytesIO) -> None:
    out.write(buffer.getvalue()) if isinstance(out, BytesIO) else files.write_atomic(Path(out), buffer.getvalue())


def _visible(images: np.ndarray) -> np.ndarray:
    """N×C×H×W with the channels an eye can be shown: 1, 3 or 4; of others the first three, or the first."""
    c = images.shape[1]
    return images if c in (1, 3, 4) else images[:, : 3 if c > 3 else 1]


def _scatter(points: np.ndarray) -> Image.Image:
    """N×2 points of the unit square as dots, y upwards; N×1 points of the unit interval as a histogram of 64 bins."""
    side, margin = WIDTH, 12
    ink = np.zeros((side, side))
    if points.shape[1] == 1:
        bins = 64
        counts = np.histogram(points, bins, (0, 1))[0]
        bars = np.rint(counts / counts.max() * (side - 2 * margin)).astype(int).repeat((side - 2 * margin) // bins)
        for x, height in enumerate(bars, (side - len(bars)) // 2):
            ink[side - margin - height : side - margin, x] = 1
    else:
        x, y = np.rint(margin + points * (side - 1 - 2 * margin)).astype(int).T
        for dy in range(-2, 3):
            for dx in range(-2, 3):
                if dx * dx + dy * dy <= 5:
                    np.add.at(ink, (side - 1 - y + dy, x + dx), 1)
        ink = 1 - np.exp(-ink)  # dots on dots grow darker, never more than black
    return Image.fromarray(np.rint(255 * (1 - ink)).astype(np.uint8))


def _frame(frame: Path | Image.Image) -> Image.Image:
    if isinstance(frame, Image.Image):
        return frame if frame.mode == "L" else frame.convert("RGB")
    try:
        with Image.open(frame) as picture:
            return picture.convert("L" if picture.mode == "L" else "RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise BadInput(f"{frame} is not a picture that can be read") from None


def _share_palette(pictures: list[Image.Image]) -> list[Image.Image]:
    if pictures[0].mode == "L":
        coarse = [round(round(v / 255 * 31) * 255 / 31) for v in range(256)]
        return [p.point(coarse) for p in pictures]
    w, h = pictures[0].size
    strip = Image.new("RGB", (w, h * min(8, len(pictures))))  # a few frames, evenly spread, stand for all
    for i in range(strip.height // h):
        strip.paste(pictures[round(i * (len(pictures) - 1) / max(1, strip.height // h - 1))], (0, i * h))
    palette = strip.quantize(128)
    return [p.quantize(palette=palette, dither=Image.Dither.NONE) for p in pictures]
