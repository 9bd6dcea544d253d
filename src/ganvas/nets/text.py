"""Sentences and pictures as features that can be compared: what a text-to-image generator reads its captions with."""

import itertools
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from ganvas.nets.dcgan import Image, doublings
from ganvas.nets.layers import Linear

UNKNOWN = 1  # the number of all words that training never saw; 0 is no word (`data.source.Text`)


class TextEncoder(nn.Module):
    """Rows of captions (`data.source.Text`) → φ: N×features, each sentence with mean 0 and variance 1 over its features.

    words > 0: how many numbers there are, N×length int64 rows of them; word embeddings, three residual convolutions over
    the words, `reach` 1, 2 and 4 apart, so that the order of 15 neighbours counts ("a above b" is not "b above a"), the
    largest answer of each channel over the sentence (Kim 2014), linear. What follows a sentence's end changes nothing;
    an unknown word keeps its place and says nothing.
    words = 0: rows are a sentence model's vectors, N×features float32, and pass through.
    """

    def __init__(self, length: int, words: int = 0, width: int = 64, features: int = 128):
        super().__init__()
        self.features = features if words else length
        self.config = dict(length=length, words=words, width=width, features=self.features)
        self.words = nn.Embedding(words, width) if words else None
        if words:
            self.convs = nn.ModuleList([nn.Conv1d(width, width, 3, padding=k, dilation=k) for k in (1, 2, 4)])
            self.last = Linear(width, features)
        self.norm = nn.LayerNorm(self.features, elementwise_affine=False)

    def forward(self, rows: Tensor) -> Tensor:
        if self.words is None:
            return self.norm(rows)
        said = (rows > UNKNOWN)[:, None]
        h = self.words(rows).transpose(1, 2) * said
        for conv in self.convs:
            h = (h + conv(h).relu()) * said
        return self.norm(self.last(h.relu().amax(2)))


class ImageEncoder(nn.Module):
    """Pictures N×C×H×W in [−1, 1] → N×features: 4×4 convolutions of stride 2 down to a small map, LeakyReLU(.2), linear."""

    def __init__(self, image: Image, width: int = 32, features: int = 128):
        super().__init__()
        self.config = dict(image=list(image), width=width, features=features)
        count, base = doublings(image)
        channels = [image[0], *(min(width << i, 8 * width) for i in range(count))]
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(channels):
            layers += [nn.Conv2d(before, after, 4, 2, 1), nn.LeakyReLU(0.2)]
        self.net = nn.Sequential(*layers, nn.Flatten(), Linear(channels[-1] * base[0] * base[1], features))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class Matcher(nn.Module):
    """How well each picture suits each sentence: N pictures, M captions → θ(v)ᵀφ(t), N×M (Reed et al. 2016, eq. 1).

    text: a `TextEncoder`'s config.
    """

    def __init__(self, text: Mapping[str, Any], image: Image, width: int = 32):
        super().__init__()
        self.text = TextEncoder(**text)
        self.image = ImageEncoder(image, width, self.text.features)
        self.config = dict(text=self.text.config, image=list(image), width=width)

    def forward(self, images: Tensor, rows: Tensor) -> Tensor:
        return self.image(images) @ self.text(rows).t()
