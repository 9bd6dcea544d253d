"""Asking what reads captions: which of several suits a picture?"""

import numpy as np
import torch
from PIL import Image

from ganvas.data.source import Source
from ganvas.errors import BadInput
from ganvas.measure.retrieval import r_precision
from ganvas.study.captions import EACH, SHOWN, captioned, spoken
from ganvas.study.sample import Images
from ganvas.study.trained import Trained

MEASURED = 256  # held-out captions and pictures that each look is measured on
BATCH = 100


class Reader(Trained):
    """What the first phase has learned: which of several captions suits a picture. Draws nothing."""

    answers = "it is in its first phase, which reads captions and draws nothing"

    @torch.no_grad()
    def features(self, images: np.ndarray, captions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """θ(v) of N pictures in the data's depth and φ(t) of N rows of captions: N×features each."""
        low, high = self.spec.range
        a, b = self.pixels
        seen = []
        for part in torch.from_numpy(np.asarray(images)).split(BATCH):
            x = (part.to(self.device).float() - low) * ((b - a) / (high - low)) + a
            seen.append(self.net.image(x).cpu().numpy())
        return np.concatenate(seen), self.net.text(torch.from_numpy(captions).to(self.device)).cpu().numpy()

    def precision(self, images: np.ndarray, captions: np.ndarray, seed: int = 0, of: int = 100) -> float:
        """R-precision: the share of pictures whose own caption suits them best of `of`."""
        return r_precision(*self.features(images, captions), captions, of=of, seed=seed)

    def look(self, source: Source, seed: int = 0) -> Image.Image:
        """Held-out captions, each below the held-out pictures that suit it best, the best on the left."""
        (held, _), (examples, said) = spoken(source, MEASURED), spoken(source, SHOWN)
        images, captions = self.features(held["image"], examples["text"])
        best = (captions @ images.T).argsort(1, kind="stable")[:, ::-1][:, :EACH]
        pictures = held["image"][best.ravel()].view(Images)
        pictures.span = self.spec.range
        return captioned(pictures, said)

    def measure(self, source: Source, seed: int = 0) -> dict[str, float]:
        """R-precision of held-out pictures, of 100 where so many captions are held out and differ."""
        if not self.spec.held_out:
            return {}
        held = source.held_out(MEASURED)
        try:
            return {"val/r-precision": self.precision(held["image"], held["text"], seed)}
        except BadInput:
            return {}

    def __repr__(self) -> str:
        return f"<ganvas reader of captions: {self.spec.name}, trained on {self.images:,} images>"
