"""Stacked-MNIST (Metz et al. 2017) from the built-in digits: 1,000 modes whose coverage can be counted."""

from hashlib import blake2b

import numpy as np

from ganvas.data.arrays import content_hashes, mean_image, split
from ganvas.data.builtin import digits
from ganvas.data.pixels import resize
from ganvas.data.source import Arrays, DataSpec, pack_mean
from ganvas.data.toys import uniforms

_TRAIN, _HELD_OUT = 0, 1


class Stacked:
    """Three random digits a, b, c as the red, green and blue of one picture; class 100a + 10b + c; a `Source`.

    Images are 3×28×28 uint8 (or `size`). Example i of a seed is a pure function of (seed, i). Training pictures are
    made of the digits that `digits` trains on, held-out ones of its held-out digits. Raises `BadInput` where the digits
    are not installed.
    """

    HELD_OUT = 10_000

    def __init__(self, size: tuple[int, int] = (28, 28)):
        found = digits()
        parts = split(content_hashes(found.images))  # by their own pixels: the same sides as for `digits`, at any size
        images = found.images
        if size != images.shape[2:]:
            images = np.stack([resize(image, size) for image in images])
        self._images, self._labels = images[:, 0], found.labels
        self._train, self._held_out = parts
        self.notes = [
            f"stacked: three of {len(parts[0]):,} digits a picture, one a colour, drawn endlessly; held out are pictures "
            f"of {len(parts[1]):,} other digits"
        ]
        facts = f"stacked v1 {size} {blake2b(images.tobytes() + found.labels.tobytes(), digest_size=16).hexdigest()}"
        self.spec = DataSpec(
            name="stacked",
            keys=("image", "label"),
            shape=(3, *size),
            held_out=self.HELD_OUT,
            classes=tuple(f"{k:03d}" for k in range(1000)),
            mean=pack_mean(mean_image(images, parts[0], (0, 255)).repeat(3, axis=0)),
            fingerprint=blake2b(facts.encode(), digest_size=16).hexdigest(),
        )

    def batch(self, seed: int, start: int, size: int) -> Arrays:
        """Examples `start … start + size` of this seed's endless stream."""
        return self._draw(self._train, (_TRAIN, seed), start, size)

    def held_out(self, n: int | None = None) -> Arrays:
        """The first `n` (or 10,000) of a stream that no seed trains on, made of held-out digits."""
        return self._draw(self._held_out, (_HELD_OUT,), 0, min(n if n is not None else self.HELD_OUT, self.HELD_OUT))

    def _draw(self, rows: np.ndarray, stream: tuple[int, ...], start: int, size: int) -> Arrays:
        three = rows[(uniforms(stream, start, size, 4)[:, :3] * len(rows)).astype(np.int64)]
        return {"image": self._images[three], "label": self._labels[three] @ np.array([100, 10, 1])}
