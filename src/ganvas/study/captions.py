"""Pictures with the sentences that belong to them, as a sheet."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ganvas.data.source import Source
from ganvas.data.text import FIRST
from ganvas.study.sample import Images, visible
from ganvas.study.sheets import GAP, sheet

SHOWN, EACH = 8, 8  # captions on a sheet of a run, and pictures of each
TILE = 64  # pixels: a picture on a sheet is at least so wide, that a sentence fits below a row
INK = (235, 235, 235)


def spoken(source: Source, n: int) -> tuple[dict[str, np.ndarray], list[str]]:
    """Held-out examples and their captions; of a set too small to hold any out, the first of training and their words."""
    if source.spec.held_out:
        return source.held_out(n), source.sentences(n)
    examples, words = source.batch(0, 0, min(n, source.spec.n)), source.spec.text.words
    known = dict(enumerate(words, FIRST))
    said = [" ".join(known.get(k, "") for k in row.tolist()) for row in examples["text"]] if words else None
    return examples, said or [f"({k})" for k in range(len(examples["text"]))]


def captioned(images: Images, sentences: Sequence[str]) -> Image.Image:
    """As many rows of pictures as there are sentences, each with its sentence below, broken where it is too long for a line
    and cut where it is too long for three. Pillow's own font knows Latin letters only: others are counted, "(0)"."""
    each = len(images) // len(sentences)
    scale = max(1, -(-TILE // images.shape[3]))
    strips = [
        sheet(visible(np.asarray(images[k * each : (k + 1) * each]), images.span), columns=each, scale=scale)
        for k in range(len(sentences))
    ]
    font, line = ImageFont.load_default(14), 18
    wide = max(strips[0].width, 4 * TILE)
    texts = [
        _lines(sentence if _known(sentence, font) else f"({k})", font, wide - 8) for k, sentence in enumerate(sentences)
    ]
    foot = 6 + line * max(map(len, texts))
    canvas = Image.new("RGB", (wide, sum(strip.height + foot for strip in strips)), (GAP,) * 3)
    draw, y = ImageDraw.Draw(canvas), 0
    for strip, lines in zip(strips, texts, strict=True):
        canvas.paste(strip.convert("RGB"), (0, y))
        draw.multiline_text((4, y + strip.height + 1), "\n".join(lines), INK, font, spacing=line - 14)
        y += strip.height + foot
    return canvas


def _known(text: str, font: Any) -> bool:
    missing = bytes(font.getmask("\U0010ffff"))
    return all(c.isspace() or bytes(font.getmask(c)) != missing for c in set(text))


def _lines(text: str, font: Any, wide: float, most: int = 3) -> list[str]:
    """The text in lines no wider than that; what does not fit in `most` of them ends in three dots."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= wide or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    if len(lines) > most:
        lines = [*lines[: most - 1], f"{lines[most - 1]} ..."]
    return [_cut(one, font, wide) for one in lines]


def _cut(text: str, font: Any, wide: float) -> str:
    while font.getlength(text) > wide:
        text = f"{text[:-4]}..."
    return text
