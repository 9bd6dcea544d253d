"""Pictures with sentences about them: what text to image learns from."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import numpy as np

from ganvas.data.arrays import ArraySource
from ganvas.data.source import Arrays, Text
from ganvas.data.text import Embed, read, rows, tokens
from ganvas.data.toys import uniforms
from ganvas.errors import BadInput

_TRAIN, _HELD_OUT = 3, 4  # streams of numbers that choose captions
_LUCK = 8  # numbers an example: the first chooses its caption, the last the wrong one where the tries between find none


class Captions(ArraySource):
    """N×C×H×W pictures, each with one or more captions; implements `Source`.

    A batch has "image", "text", a row of one of the image's captions, drawn anew each time, and "wrong", a row of a caption
    of any other image, drawn until it is wrong: until nothing says the same, word for word, among the captions of this
    image, of an equal one, or of any image of its class. Both are functions of (seed, position). Held out are pictures, by
    their pixels; their wrong captions are held-out ones too, where those suffice.

    captions: of each picture. classes: a number a picture, or None. text: a sentence model's, and `embed` the model; by
    default the words of the training captions. problems: what was left out of a folder.
    """

    def __init__(
        self,
        images: np.ndarray,
        captions: Sequence[Sequence[str]],
        *,
        name: str,
        classes: Sequence[int] | None = None,
        text: Text | None = None,
        embed: Embed | None = None,
        problems: Sequence[Any] = (),
        **more: Any,
    ):
        """`more` as for `ArraySource`. Raises `BadInput` where there is no wrong caption for a picture."""
        super().__init__(images, name=name, **more)
        if len(captions) != len(images) or not all(captions):
            raise BadInput(
                f"{name} holds {len(images):,} pictures, and not each of them has a caption; add the missing"
            )
        text = text or read(caption for k in self._train.tolist() for caption in captions[k])
        self._sentences = [caption for each in captions for caption in each]
        self._rows = rows(text, self._sentences, embed)
        self._count = np.array([len(each) for each in captions])
        self._first = np.cumsum(self._count) - self._count
        numbers: dict[str | bytes, int] = {}
        if embed is None:  # sentences that differ in rare words alone, or behind the longest, are one to the networks
            said = (row.tobytes() for row in self._rows)
        else:
            said = (" ".join(tokens(sentence)) for sentence in self._sentences)
        self._says = np.array([numbers.setdefault(what, len(numbers)) for what in said])
        self._true = self._all_true(classes)
        self.problems = list(problems)
        enough = self._without_wrong(self._held_out, self._held_out) is None
        self._others = self._held_out if enough else np.arange(len(images))
        for pictures, others in ((self._train, self._train), (self._held_out, self._others)):
            if (k := self._without_wrong(pictures, others)) is not None:
                what = more["names"][k] if more.get("names") else f"picture {k}"
                raise BadInput(
                    f"{name}: no caption is wrong for {what}, as all pictures say the same or are of its class; text to "
                    "image needs captions that differ"
                )
        facts = repr((text, None if classes is None else list(classes))) + "\n".join(self._sentences)
        about = (self.spec.fingerprint + facts).encode("utf-8", "surrogatepass") + self._count.tobytes()
        fingerprint = blake2b(about, digest_size=16).hexdigest()
        self.spec = replace(self.spec, keys=("image", "text", "wrong"), text=text, fingerprint=fingerprint)

    def batch(self, seed: int, start: int, size: int) -> Arrays:
        """Examples `start … start + size` of the endless stream; see `Source.batch`."""
        pictures, _ = self._order(seed, start, size)
        texts = self._texts(pictures, uniforms((_TRAIN, seed), start, size, _LUCK), self._train)
        return super().batch(seed, start, size) | texts

    def held_out(self, n: int | None = None) -> Arrays:
        """The first `n` (or all) held-out pictures, each with one of its captions and a wrong one. Never trained on."""
        pictures = self._held_out[:n]
        return super().held_out(n) | self._texts(pictures, self._held_luck(len(pictures)), self._others)

    def sentences(self, n: int | None = None) -> list[str]:
        """The captions of `held_out(n)` as they were written, in its order."""
        pictures = self._held_out[:n]
        return [self._sentences[c] for c in self._chosen(pictures, self._held_luck(len(pictures))[:, 0]).tolist()]

    def _held_luck(self, n: int) -> np.ndarray:
        return uniforms((_HELD_OUT,), 0, n, _LUCK)

    def _texts(self, pictures: np.ndarray, luck: np.ndarray, others: np.ndarray) -> Arrays:
        right, wrong = self._chosen(pictures, luck[:, 0]), self._wrong(pictures, luck[:, 1:], others)
        return {"text": self._rows[right], "wrong": self._rows[wrong]}

    def _chosen(self, pictures: np.ndarray, luck: np.ndarray) -> np.ndarray:
        """One caption of each picture, as an index of all captions."""
        return self._first[pictures] + (luck * self._count[pictures]).astype(np.int64)

    def _wrong(self, pictures: np.ndarray, luck: np.ndarray, others: np.ndarray) -> np.ndarray:
        """A caption of `others` that is wrong for each picture: of a picture drawn evenly, any of its captions."""
        which = luck * len(others)
        tries = self._chosen(others[which.astype(np.int64)], which % 1)
        found = np.empty(len(pictures), np.int64)
        for i, k in enumerate(pictures.tolist()):
            wrong = (c for c in tries[i, :-1].tolist() if not self._is_true(k, c))
            found[i] = next(wrong, -1)
            if found[i] < 0:
                found[i] = self._searched(k, luck[i, -1], others)
        return found

    def _searched(self, picture: int, luck: float, others: np.ndarray) -> int:
        """The same draw, made among all that is wrong."""
        captions = np.concatenate([self._first[k] + np.arange(self._count[k]) for k in others.tolist()])
        weights = np.repeat(1 / self._count[others], self._count[others])
        weights *= ~np.isin(self._says[captions], list(set().union(*self._true[picture])))
        total = np.cumsum(weights)
        return int(captions[np.searchsorted(total, luck * total[-1], side="right")])

    def _all_true(self, classes: Sequence[int] | None) -> list[list[set[int]]]:
        """Of each picture, what may be said of it: by its own captions, its equals' and its class's."""
        kinds: list[Sequence[int]] = [self.hashes.tolist(), *([classes] if classes is not None else [])]
        tables: list[dict[int, set[int]]] = [defaultdict(set) for _ in kinds]
        for k, (first, count) in enumerate(zip(self._first.tolist(), self._count.tolist(), strict=True)):
            for kind, table in zip(kinds, tables, strict=True):
                table[kind[k]].update(self._says[first : first + count].tolist())
        return [[table[kind[k]] for kind, table in zip(kinds, tables, strict=True)] for k in range(len(self._first))]

    def _is_true(self, picture: int, caption: int) -> bool:
        says = self._says[caption]
        return any(says in true for true in self._true[picture])

    def _without_wrong(self, pictures: np.ndarray, others: np.ndarray) -> int | None:
        """A picture of which nothing that `others` say is wrong."""
        captions = (self._says[self._first[k] : self._first[k] + self._count[k]] for k in others.tolist())
        said = set(np.concatenate([*captions, np.empty(0, np.int64)]).tolist())
        few = (k for k in pictures.tolist() if len(said) <= sum(map(len, self._true[k])))
        return next((k for k in few if not said.difference(*self._true[k])), None)
