"""What a data set says of itself, and the one question it is asked: which examples follow position `start`?"""

import base64
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol, Self

import numpy as np

# "image" (or "a" and "b", see `DataSpec.views`): N×C×H×W uint8, uint16 or float32; "label": see `DataSpec.levels`;
# "text" and "wrong": rows of a caption of the image and of one that is not its, see `Text`
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Column:
    """One column of a label: a category with its `classes`, or, without any, a number; `range` is what −1 and 1 mean."""

    name: str
    classes: tuple[str, ...] = ()
    range: tuple[float, float] = (-1.0, 1.0)


@dataclass(frozen=True)
class View:
    """One of several pictures that an example has: its key in a batch, C×H×W, the values of black and white, bits."""

    key: str
    shape: tuple[int, int, int]
    range: tuple[float, float] = (0, 255)
    bits: int = 8


@dataclass(frozen=True)
class Text:
    """How a caption becomes a row of numbers (`data.text.rows`): enough for a prompt to become one just so.

    Words: `length` int64 numbers a caption, 0 after its end, 1 for a word that training never saw, from 2 on `words`,
    the most frequent first. A sentence model: `length` float32 numbers, its embedding; `model` names it, as a plug-in
    does or with a `digest` of its weights, and `words` is empty.
    """

    length: int
    words: tuple[str, ...] = ()
    model: str = ""
    digest: str = ""


@dataclass(frozen=True)
class DataSpec:
    """A data set in one JSON-able record: all that a recipe may know of it.

    `shape` is C×H×W. `range` holds the stored values that mean black and white: (0, 255) for 8 bit, (0, 65535) for
    16 bit; floats (32 bit) may have any. `n` and `held_out` count training and held-out examples (`n` = 0: endless).
    A label is one class of `classes` (N int64) or, where it has several columns or a number, a row with one value a
    column of `columns` (N×K float32): the index of a category, a number scaled to [−1, 1].
    `mean` is the mean training image, quantised to 1/255 and packed as text; `mean_image()` unpacks it. `fingerprint`
    changes with any pixel.
    An example of several pictures has `views`: "a" and "b", two that belong together where `paired`, else drawn each
    from a domain of its own. `shape`, `range`, `bits` and `mean` are then those of b. `held_out_paired`: the held-out a
    and b belong together, be it for evaluation alone.
    An image with captions has `text`: a batch then holds "text", one of the image's captions drawn anew each time, and
    "wrong", a caption of another image that says nothing this image's captions say and is of no image of its class.
    """

    name: str
    keys: tuple[str, ...]
    shape: tuple[int, int, int]
    range: tuple[float, float] = (0, 255)
    bits: int = 8
    n: int = 0
    held_out: int = 0
    classes: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    mean: str = ""
    fingerprint: str = ""
    views: tuple[View, ...] = ()
    paired: bool = False
    held_out_paired: bool = False
    text: Text | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        record = {k: tuple(v) if isinstance(v, list) else v for k, v in record.items()}
        columns = (Column(c["name"], tuple(c["classes"]), tuple(c["range"])) for c in record.get("columns", ()))
        views = (View(v["key"], tuple(v["shape"]), tuple(v["range"]), v["bits"]) for v in record.get("views", ()))
        text = record.get("text") and Text(**record["text"] | {"words": tuple(record["text"]["words"])})
        return cls(**record | {"columns": tuple(columns), "views": tuple(views), "text": text})

    @property
    def scale(self) -> int:
        """How many times larger b is than the a it belongs to; 1 where they are of one size, or there are no pairs."""
        return self.views[1].shape[1] // self.views[0].shape[1] if self.views and self.paired else 1

    def view(self, key: str) -> View:
        """How the pictures under this key of a batch are stored."""
        alone = View("image", self.shape, self.range, self.bits)
        return next(view for view in (*self.views, alone) if view.key == key)

    @property
    def levels(self) -> tuple[int, ...]:
        """What a label is made of, column by column: the number of classes, 0 for a number. Empty: there are no labels."""
        return tuple(len(c.classes) for c in self.columns) or ((len(self.classes),) if self.classes else ())

    def mean_image(self) -> np.ndarray:
        """The mean training image, C×H×W float32 in [0, 1]."""
        packed = zlib.decompress(base64.b64decode(self.mean))
        return np.frombuffer(packed, np.uint8).reshape(self.shape).astype(np.float32) / 255


def pack_mean(image: np.ndarray) -> str:
    """The inverse of `DataSpec.mean_image`: C×H×W floats in [0, 1] to text."""
    quantised = np.clip(np.rint(image * 255), 0, 255).astype(np.uint8)
    return base64.b64encode(zlib.compress(quantised.tobytes(), 9)).decode()


class Source(Protocol):
    """Training examples addressed by position, so that a run can stop and go on anywhere."""

    spec: DataSpec
    notes: list[str]  # what was understood and decided while opening, one sentence each, for the user

    def batch(self, seed: int, start: int, size: int) -> Arrays:
        """Examples `start … start + size` of the endless stream: a pure function of (seed, start, size).

        The stream is epoch after epoch, each a fresh permutation of all training examples drawn from (seed, epoch);
        a batch may straddle two epochs, so every image is seen exactly once an epoch whatever the batch size.
        """
        ...

    def held_out(self, n: int | None = None) -> Arrays:
        """The first `n` (or all) held-out examples, in a fixed shuffled order. Never trained on."""
        ...
