"""Drawn shapes with sentences: true ones, false ones, and combinations that are never trained on."""

import re
from collections import Counter
from itertools import product

import numpy as np
import pytest

from ganvas.data import sentences
from ganvas.data.captioned_shapes import CaptionedShapes
from ganvas.data.sentences import COLOURS, PAIRS, PLACES, SHAPES, Scene, Thing, combination, is_false, is_held_out
from ganvas.data.text import unknown
from ganvas.errors import BadInput

SOURCE = CaptionedShapes((32, 40))


def trained(n=2000, seed=0):
    return SOURCE.examples(n, seed)


def of_words(sentence):
    """What a sentence says, found anew from its words alone: an independent reader of the little language."""
    thing = rf"(?:(small|little|large|big) )?({'|'.join(COLOURS)}) ({'|'.join(SHAPES)})"
    found = [
        Thing(colour, shape, {"little": "small", "big": "large"}.get(size, size))
        for size, colour, shape in re.findall(thing, sentence)
    ]
    words = {
        "above": "above",
        "over": "above",
        "below": "below",
        "under": "below",
        "left": "left of",
        "right": "right of",
    }
    place = next((words[word] for word in sentence.split() if word in words), "")
    if place and re.match(r"(above|over|below|under|left|right|to the)\b", sentence):  # "above a … is a …"
        found.reverse()
    return Scene(tuple(found), place)


def wordings(said):
    """All the ways to say it."""
    sizes = product(*(sentences._SIZE_WORDS[thing.size] for thing in said.things))
    for words in sizes:
        things = [f"{size}{thing.colour} {thing.shape}" for size, thing in zip(words, said.things, strict=True)]
        for form, place in product(
            sentences._TWO if said.place else sentences._ONE, sentences._PLACE_WORDS.get(said.place, ("",))
        ):
            yield form.format(*things, place=place)


def test_an_example_depends_on_seed_and_position_alone():
    whole = SOURCE.batch(4, 100, 40)
    for start, size in ((100, 1), (117, 13), (139, 1)):
        part = CaptionedShapes((32, 40)).batch(4, start, size)
        for key, values in part.items():
            assert (values == whole[key][start - 100 : start - 100 + size]).all()
    images = np.concatenate(
        [SOURCE.batch(0, 0, 200)["image"], SOURCE.batch(1, 0, 200)["image"], SOURCE.held_out(200)["image"]]
    )
    assert len({image.tobytes() for image in images}) == 600


def test_spec_says_what_comes():
    spec, batch = SOURCE.spec, SOURCE.batch(0, 0, 64)
    assert set(batch) == set(spec.keys) and batch["image"].shape == (64, 3, 32, 40) and spec.n == 0
    assert batch["text"].shape == batch["wrong"].shape == (64, spec.text.length) and batch["text"].dtype == np.int64
    assert type(spec).from_json(spec.to_json()) == spec
    assert len(SOURCE.held_out()["image"]) == spec.held_out == len(SOURCE.held_out(10**6)["image"])
    assert len(SOURCE.batch(0, 0, 0)["image"]) == len(SOURCE.held_out(0)["text"]) == 0
    assert np.abs(spec.mean_image() - SOURCE.batch(5, 0, 2000)["image"].mean(0) / 255).max() < 0.1
    assert len({CaptionedShapes((size, 32)).spec.fingerprint for size in (16, 32)}) == 2


def test_every_word_is_in_the_vocabulary_and_no_sentence_is_cut():
    scenes = [*sentences.ALONE, *PAIRS[True], *PAIRS[False][::9]]
    sized = [
        s._replace(things=tuple(t._replace(size=size) for t in s.things)) for s in scenes for size in ("small", "large")
    ]
    ways = [way for s in sized for said in (s, *((s.turned(),) if s.place else ())) for way in wordings(said)]
    assert not {word for way in ways for word in unknown(SOURCE.spec.text, way)}
    assert max(len(way.split()) for way in ways) == SOURCE.spec.text.length


def test_sentences_say_what_is_meant():
    for example in [*trained(800), *SOURCE.examples(300)]:
        assert of_words(example.text) == example.said and of_words(example.wrong) == example.wrong_said
        assert example.text in set(wordings(example.said))


def test_what_is_held_out_is_in_no_training_sentence_and_held_out_is_nothing_else():
    said = [s for seed in (0, 1) for e in trained(3000, seed) for s in (e.shown, e.said, e.wrong_said) if s.place]
    assert len(said) > 5000 and not any(is_held_out(combination(s)) for s in said)
    held = [s for e in SOURCE.examples() for s in (e.said, e.wrong_said)]
    assert len(held) == 2000 and all(s.place for s in held) and all(is_held_out(combination(s)) for s in held)
    assert 40 < len(PAIRS[True]) < 90 and len(PAIRS[True]) + len(PAIRS[False]) == 18 * 17 * 2
    assert {combination(s) for s in held} == {combination(s) for s in PAIRS[True]}
    kinds = {thing[:2] for s in PAIRS[False] for thing in s.things}  # what is new is how they are put together
    assert kinds == set(sentences.KINDS)


def test_said_from_either_side_is_one_combination():
    for pair in PAIRS[True]:
        assert combination(pair.turned()) == combination(pair) and pair.turned().turned() == pair
        swapped = pair._replace(things=pair.things[::-1])
        assert combination(swapped) != combination(pair)


def test_captions_are_true_and_wrong_ones_are_not():
    for example in [*trained(), *SOURCE.examples()]:
        shown, said, other = example.shown, example.said, example.wrong_said
        assert not is_false(said, shown)
        assert all(
            thing.size in ("", true.size)
            for thing, true in zip(_in_order(said, shown).things, shown.things, strict=True)
        )
        assert is_false(other, shown) or _sizes_differ(other, shown)
    changed = Counter(_differences(e.said, e.wrong_said) for e in trained())
    assert changed[1] > 700 and sum(changed.values()) - changed[1] > 700  # near misses, and quite others


def test_a_true_sentence_would_be_noticed():
    assert not any(is_false(e.said, e.shown) for e in trained(200))
    lone = Scene((Thing("red", "circle"),))
    pair = Scene((Thing("red", "circle"), Thing("blue", "square")), "above")
    assert not is_false(lone, pair) and is_false(pair, lone) and not is_false(pair.turned(), pair)
    assert is_false(pair._replace(place="left of"), pair) and is_false(pair._replace(place="below"), pair)


def test_facts_are_drawn_evenly():
    shown = [e.shown for e in trained(6000)]
    counts = (
        Counter(thing.colour for s in shown for thing in s.things),
        Counter(t.shape for s in shown for t in s.things),
    )
    for count, kinds in zip(counts, (6, 3), strict=True):
        assert len(count) == kinds and max(count.values()) < 1.15 * min(count.values())
    assert 0.22 < np.mean([not s.place for s in shown]) < 0.28
    places = Counter(e.said.place for e in trained(6000))
    assert set(places) == {"", *PLACES} and max(places.values()) < 1.5 * min(places.values())


def test_too_small_is_one_line():
    with pytest.raises(BadInput, match="larger --size"):
        CaptionedShapes((8, 8))


def _in_order(said, shown):
    return said if said.place in ("", "above", "left of") else said.turned()


def _sizes_differ(said, shown):
    pairs = zip(_in_order(said, shown).things, shown.things, strict=True)
    return any(thing.size and thing.size != true.size for thing, true in pairs)


def _differences(one, other):
    if len(one.things) != len(other.things):
        return 9
    fields = [(a, b) for x, y in zip(one.things, other.things, strict=True) for a, b in zip(x, y, strict=True)]
    return sum(a != b for a, b in [*fields, (one.place, other.place)])
