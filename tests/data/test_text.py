"""Sentences as rows of numbers: what a word is, and what a prompt becomes that training never saw."""

import re
import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganvas.data import text
from ganvas.data.source import DataSpec, Text
from ganvas.data.text import CHARACTERS, END, UNKNOWN, read, remarks, rows, tokens, unknown
from ganvas.errors import BadInput


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("A small, RED circle.", ["a", "small", "red", "circle"]),
        ("it's rock 'n' roll", ["it's", "rock", "n", "roll"]),
        ("it’s", ["it's"]),  # as a telephone writes it
        ("snake_case and 2 things", ["snake", "case", "and", "2", "things"]),
        ("Straße ÉTÉ", ["strasse", "été"]),
        ("e\u0301te\u0301", ["été"]),  # accents apart or not
        ("हिन्दी में", ["हिन्दी", "में"]),  # vowel signs are no letters and belong to the word
        ("مِثال", ["مِثال"]),
        ("نمی\u200cخواهم", ["نمیخواهم"]),  # an invisible joiner inside a word
        ("赤い丸", ["赤", "い", "丸"]),
        ("red丸red", ["red", "丸", "red"]),
        ("Ｆｕｌｌ　ｗｉｄｔｈ", ["full", "width"]),
        ("a 🙂 face", ["a", "🙂", "face"]),
        ("👋🏽", ["👋", "🏽"]),
        ("❤️ 5€ + #1", ["❤", "5", "€", "+", "#", "1"]),
        ("\ud800 …!?\n", []),
    ],
)
def test_words_of_any_script(sentence, words):
    assert tokens(sentence) == words


@given(st.text(alphabet=string.printable))
def test_the_quick_way_for_ascii_is_the_slow_one(sentence):
    slow = tokens("é" + " " + sentence)[1:]
    assert tokens(sentence) == slow


def test_the_quick_way_is_compared_with_something(monkeypatch):
    monkeypatch.setattr(text, "_ASCII", re.compile(r"[a-z]+"))
    assert tokens("2 reds") != tokens("é 2 reds")[1:]


def test_vocabulary_is_ordered_by_use_and_rows_are_its_numbers():
    found = read(["a red circle", "a blue circle", "red red"])
    assert found == Text(3, ("red", "a", "circle", "blue"))
    assert rows(found, ["Red CIRCLE!", "a green circle above"]).tolist() == [[2, 4, END], [3, UNKNOWN, 4]]
    assert rows(found, []).shape == (0, 3) and rows(found, ["red"]).dtype == np.int64
    record = DataSpec("x", ("image",), (1, 4, 4), text=found)
    assert DataSpec.from_json(record.to_json()).text == found


def test_the_vocabulary_and_length_are_bounded(monkeypatch):
    monkeypatch.setattr(text, "WORDS", 2)
    found = read(["b c a a", "w " * 100])
    assert found == Text(64, ("w", "a")) and rows(found, ["w " * 90]).tolist() == [[2] * 64]


def test_unknown_words_are_told_with_what_is_near():
    found = read(["a red circle", "a blue square"])
    assert unknown(found, "a redd CIRCLE 🙂 🙂") == ["redd", "🙂"] and unknown(found, "red a") == []
    strange, cut = remarks(found, "a redd circle 🙂")
    assert strange == "no training caption has these words: redd (perhaps red?), 🙂" and "first 3" in cut
    assert remarks(read(["a red triangle"]), "a orange triangle") == ["no training caption has the word: orange"]
    assert remarks(found, "a dog") == ["no training caption has the word: dog"]
    assert len(remarks(found, " ".join("qwertyuiopa"))[0]) < 100
    assert remarks(found, "a red circle") == []
    assert unknown(Text(8, model="minilm"), "quetzal") == []


@pytest.mark.parametrize("sentence", ["", "  \n", "?!", "\u200d", "w" * (CHARACTERS + 1), "red " * 25_000])
def test_what_is_no_sentence_is_one_line(sentence):
    found = read(["a red circle"])
    with pytest.raises(BadInput) as error:
        rows(found, ["a red circle", sentence])
    with pytest.raises(BadInput):
        remarks(found, sentence)
    assert "\n" not in str(error.value) and len(str(error.value)) < 130


def test_captions_without_words_are_refused():
    with pytest.raises(BadInput, match="no words"):
        read(["", "..."])
