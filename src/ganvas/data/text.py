"""Sentences as rows of numbers: what a word is, the vocabulary of the training captions, what a prompt's words become.

A sentence is normalised (Unicode NFKC, case folded, curly apostrophes straight) and read as tokens: a word is a run of
letters, digits and their accents in any script, with apostrophes inside ("don't"); every Chinese character and Japanese
kana is a word of its own, since nothing stands between words there; so is every symbol: emoji, +, €, and # % & * @.
Other punctuation, spaces and invisible characters only separate. An emoji made of several (a skin tone, a family) is
several tokens.
"""

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np

from ganvas.data.source import Text
from ganvas.errors import BadInput
from ganvas.files import printable

LONGEST = 64  # tokens of a caption that are read
CHARACTERS = 2_000  # of a sentence; more is a file given by mistake
WORDS = 20_000  # of the vocabulary; what is rarer counts as unknown
_ASCII = re.compile(r"[a-z0-9]+(?:'[a-z0-9]+)*|[#%&*@$+<=>^`|~]")
END, UNKNOWN, FIRST = 0, 1, 2  # the numbers of a row: after the last word, a word never seen, the first word

Embed = Callable[[Sequence[str]], np.ndarray]  # N sentences → N×d float32


def tokens(sentence: str) -> list[str]:
    """The words and symbols of a sentence in their order, as the module says. Empty where there are none."""
    if sentence.isascii():  # the same, thirty times as fast
        return _ASCII.findall(sentence.lower())
    folded = unicodedata.normalize("NFKC", sentence).casefold()  # folding may leave what is not normal
    text = unicodedata.normalize("NFKC", folded).replace("’", "'")
    found, inside = [], False  # inside a word, which the next letter then prolongs
    for c, after in zip(text, text[1:] + " ", strict=True):
        kind = unicodedata.category(c)
        if kind == "Cf" or "\ufe00" <= c <= "\ufe0f":  # joiners and variation selectors stand inside words, unseen
            continue
        letter, alone = kind[0] in "LN", _stands_alone(c)
        accent = kind in ("Mn", "Mc") or (c == "'" and unicodedata.category(after)[0] in "LN")
        if inside and (accent or (letter and not alone)):
            found[-1] += c
        elif letter or kind[0] == "S" or c in "#%&*@":
            found.append(c)
            inside = letter and not alone
        else:
            inside = False
    return found


def _stands_alone(c: str) -> bool:
    """A character of a script that puts nothing between its words: Han, hiragana, katakana."""
    return "\u3040" <= c <= "\u30ff" or "\u3400" <= c <= "\u9fff" or "\U00020000" <= c <= "\U0003ffff"


def read(captions: Iterable[str]) -> Text:
    """The vocabulary of these captions, the most frequent word first (of equals the alphabet's), as a `Text`.

    Its length is that of the longest caption, `LONGEST` at most. Raises BadInput where there is no word at all.
    """
    counts, longest = Counter(), 0
    for caption in captions:
        words = tokens(caption)
        counts.update(words)
        longest = max(longest, len(words))
    if not counts:
        raise BadInput("the captions hold no words; write what each picture shows")
    words = sorted(counts, key=lambda word: (-counts[word], word))
    return Text(min(longest, LONGEST), tuple(words[:WORDS]))


def rows(text: Text, sentences: Sequence[str], embed: Embed | None = None) -> np.ndarray:
    """What `text` makes of N sentences: N×length, int64 word numbers, or float32 where a sentence model reads them.

    A word that training never saw is `UNKNOWN`, tokens after the last that is read are cut off; `remarks` tells of both.
    embed: the sentence model, where it is the user's own (`sentence_models.model`); the bundled is found by its name.
    Raises BadInput for a sentence without any word, or of over `CHARACTERS` characters.
    """
    sentences = [checked(sentence) for sentence in sentences]
    if text.model:
        from ganvas.data.sentence_models import embedded

        return embedded(text, sentences, embed)
    numbers = {word: k for k, word in enumerate(text.words, FIRST)}
    found = np.full((len(sentences), text.length), END, np.int64)
    for row, sentence in zip(found, sentences, strict=True):
        read = [numbers.get(word, UNKNOWN) for word in tokens(sentence)[: text.length]]
        row[: len(read)] = read
    return found


def checked(sentence: str) -> str:
    """The sentence. Raises BadInput, one short line, where it is empty or no sentence by its length."""
    if len(sentence) > CHARACTERS:
        raise BadInput(
            f"a sentence of {len(sentence):,} characters ({printable(sentence[:20])}…); write up to {CHARACTERS:,}"
        )
    if not tokens(sentence):
        raise BadInput(f"there is no word in the sentence {printable(repr(sentence[:40]))}; say what is to be seen")
    return sentence


def unknown(text: Text, sentence: str) -> list[str]:
    """The words of a sentence that are no words of the training captions, each once. A sentence model knows all."""
    known = set(text.words)
    return [] if text.model else [word for word in dict.fromkeys(tokens(sentence)) if word not in known]


def remarks(text: Text, sentence: str) -> list[str]:
    """What a user should know of how his sentence is read: words that are unknown, with those near, and what is cut.

    Raises BadInput as `rows` does.
    """
    words, notes = tokens(checked(sentence)), []
    if strange := unknown(text, sentence):
        shown = ", ".join(map(partial(_with_near, text), strange[:5])) + (" …" if len(strange) > 5 else "")
        notes.append(f"no training caption has {'the word' if len(strange) == 1 else 'these words'}: {shown}")
    if not text.model and len(words) > text.length:
        notes.append(f"of {len(words):,} words the first {text.length} are read, as many as the longest caption has")
    return notes


def _with_near(text: Text, word: str) -> str:
    near = difflib.get_close_matches(word, text.words, 2, 0.74)
    return printable(word[:40]) + (f" (perhaps {' or '.join(map(printable, near))}?)" if near else "")
