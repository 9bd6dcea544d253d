"""The bench of sentences: a perfect artist is found perfect, one that does not listen is found out; sentences are counted."""

import sys
from pathlib import Path

import numpy as np
import pytest

from ganvas.data.captioned_shapes import CaptionedShapes

sys.path.append(str(Path(__file__).parents[2] / "bench"))
import captions

SOURCE, N = CaptionedShapes((32, 32)), 60


class Artist:
    """Draws the real picture of each sentence or, deaf, that of another."""

    def __init__(self, deaf):
        pictures = np.roll(SOURCE.held_out(N)["image"], deaf, axis=0)
        self.of = dict(zip(SOURCE.sentences(N), pictures, strict=True))

    def __call__(self, sentences, n, seed, stage):
        return np.stack([self.of[sentence] for sentence in sentences for _ in range(n)])


@pytest.mark.parametrize("each", [1, 2])
def test_who_draws_what_is_said_is_told_from_who_does_not(each):
    row = captions.drawn_row(Artist(0), SOURCE.examples(N), each, None, 0)
    assert min(row[key] for key in ("colour", "shape", "place", "all")) > 0.9 and row["colour of"] == N
    deaf = captions.drawn_row(Artist(1), SOURCE.examples(N), each, None, 0)
    assert deaf["colour"] < 0.3 and deaf["place"] < 0.6 and deaf["all"] < 0.1


def test_rates_are_of_sentences_and_intervals_wilsons():
    row = captions.rates({"colour": np.array([1, 0.5, 1, 0]), "place": np.array([1, np.nan, 0, 1])})
    assert row["colour"] == 0.5 and row["colour each"] == 0.625
    assert row["colour interval"] == pytest.approx([0.15, 0.85], abs=0.001), "2 of 4: Wilson's, tabulated"
    assert captions.wilson(10, 10)[0] == pytest.approx(0.7225, abs=0.001), "10 of 10 is not certainty"
    twice = captions.rates({"colour": np.repeat([1, 0.5, 1, 0], 2)}, 2)
    assert twice["colour interval"] == row["colour interval"], "a second picture of a sentence is no new sentence"
    assert row["place"] == pytest.approx(2 / 3) and row["place of"] == 3
