"""Sheets with words on them: numbered contact sheets, panels with titles, and the figure of vector arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ganvas.study.sample import Images, visible
from ganvas.study.sheets import GAP, beside, sheet

SIDE = 56  # pixels: a picture on a contact sheet is at least so wide, that its number can be read
INK = (235, 235, 235)


def contact(images: Images, numbers: Sequence[str], columns: int | None = None) -> Image.Image:
    """A sheet with a caption under each picture; the rows' names, where they have any, beside it."""
    n, _, _, w = images.shape
    columns = len(images) // len(images.rows) if images.rows else columns or min(n, max(8, math.isqrt(n - 1) + 1))
    scale, font = max(1, -(-SIDE // w)), ImageFont.load_default(12)
    tiles = [enlarged(images[k : k + 1], scale) for k in range(n)]
    wide, high = tiles[0].width + 4, tiles[0].height + 20
    canvas = Image.new("RGB", (columns * wide + 4, -(-n // columns) * high), (GAP,) * 3)
    draw = ImageDraw.Draw(canvas)
    for k, (tile, number) in enumerate(zip(tiles, numbers, strict=True)):
        y, x = k // columns * high, 4 + k % columns * wide
        canvas.paste(tile, (x, y + 4))
        draw.text((x + tile.width / 2, y + high - 8), number, INK, font, anchor="mm")
    return beside(images.rows, canvas) if images.rows else canvas


def joined(parts: Sequence[Images]) -> Images:
    """One after the other."""
    images = np.concatenate(parts).view(Images)
    images.span = parts[0].span
    return images


def enlarged(images: Images, scale: int, columns: int = 1, gap: int = 0) -> Image.Image:
    """Without a frame, in colour."""
    picture = sheet(visible(np.asarray(images), images.span), columns=columns, gap=gap, scale=scale)
    return on_white(picture)


def on_white(picture: Image.Image) -> Image.Image:
    """RGB; what is transparent shows white."""
    if picture.mode != "RGBA":
        return picture.convert("RGB")
    canvas = Image.new("RGB", picture.size, "white")
    canvas.paste(picture, mask=picture.getchannel("A"))
    return canvas


def panels(parts: Sequence[tuple[str, Image.Image]], space: int = 14) -> Image.Image:
    """Pictures from left to right, a title over each (commas end its lines), aligned at the top."""
    font = ImageFont.load_default(13)
    titles = ["\n".join(line.strip() for line in title.split(",")) for title, _ in parts]
    head = 8 + 16 * max((title.count("\n") + 1 for title in titles), default=1)
    ruler = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    widths = [
        max(picture.width, round(ruler.multiline_textbbox((0, 0), title, font)[2]) + 4)
        for title, (_, picture) in zip(titles, parts, strict=True)
    ]
    height = head + max(picture.height for _, picture in parts) + space
    canvas = Image.new("RGB", (sum(widths) + space * (len(parts) + 1), height), (GAP,) * 3)
    draw, x = ImageDraw.Draw(canvas), space
    for title, width, (_, picture) in zip(titles, widths, parts, strict=True):
        draw.multiline_text((x + width / 2, head - 5), title, INK, font, anchor="md", align="center")
        canvas.paste(on_white(picture), (x + (width - picture.width) // 2, head))
        x += width + space
    return canvas


def stacked(pictures: Sequence[Image.Image]) -> Image.Image:
    """From the top down, aligned at the left."""
    canvas = Image.new("RGB", (max(p.width for p in pictures), sum(p.height for p in pictures)), (GAP,) * 3)
    y = 0
    for picture in pictures:
        canvas.paste(picture, (0, y))
        y += picture.height
    return canvas
