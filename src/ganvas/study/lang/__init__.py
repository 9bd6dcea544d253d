"""Sentences in more than one language: one catalogue file a language (en.toml, ko.toml), filled in with numbers.

A key is a path in the file ("log.empty"), a template has named fields as `str.format` takes them. Where a language
tells one from many, the template for n = 1 stands beside it as key_one.
"""

import functools
import re
import tomllib
from importlib.resources import files
from typing import Any

from ganvas.errors import BadInput

LANGUAGES = ("en", "ko")
# 은(는), 이(가), 을(를), 과(와), (으)로, as Korean text writes a particle after a word that is not known yet
PARTICLE = re.compile(r"(은\(는\)|이\(가\)|을\(를\)|과\(와\)|\(으\)로)")
ENDS_IN_CONSONANT = set("013678LMNRlmnr")  # as digits and letters are read aloud in Korean: 영, 일, 삼 …; 엘, 엠, 엔


class Words:
    """The sentences of one language: `say("log.phase", phase=2, images=640)`."""

    def __init__(self, language: str, sentences: dict[str, str]):
        self.language, self.sentences = language, sentences

    def __call__(self, key: str, /, **fields: Any) -> str:
        """The sentence of this key. Raises KeyError for a key that is in no catalogue."""
        alone = f"{key}_one"
        text = self.sentences[alone if fields.get("n") == 1 and alone in self.sentences else key].format(**fields)
        return particles(text) if self.language == "ko" else text

    def __contains__(self, key: str) -> bool:
        return key in self.sentences

    def together(self, parts: list[str]) -> str:
        """ "a and b"."""
        return self("and").join(parts)


@functools.cache
def speak(language: str = "en") -> Words:
    """The sentences in English ("en") or Korean ("ko"). Raises BadInput for another language."""
    if language not in LANGUAGES:
        raise BadInput(f"--lang {language!r}: there are {' and '.join(LANGUAGES)}")
    text = files(__package__).joinpath(f"{language}.toml").read_text("utf-8")
    return Words(language, dict(_flat(tomllib.loads(text))))


def _flat(table: dict[str, Any], above: str = ""):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def particles(text: str) -> str:
    """Each particle in the form that the word before it asks for: "D은(는)" is "D는", "dcgan을(를)" is "dcgan을"."""
    *pairs, last = PARTICLE.split(text)
    done = ""
    for before, particle in zip(pairs[::2], pairs[1::2], strict=True):
        done += before
        closed = final(done)
        if particle == "(으)로":
            done += "으로" if closed and closed != "ㄹ" else "로"
        else:
            done += particle[0] if closed else particle[2]
    return done + last


def final(text: str) -> str:
    """The consonant that the last word is heard to end with: "ㄹ", another ("ㄴ"), or "" for a vowel."""
    word = re.sub(r"[^0-9A-Za-z가-힣%]+$", "", text)
    if not word:
        return ""
    last = word[-1]
    if "가" <= last <= "힣":
        jamo = (ord(last) - ord("가")) % 28
        return "" if not jamo else "ㄹ" if jamo == 8 else "ㄴ"
    if word.lower().endswith("ng"):
        return "ㄴ"
    return "" if last not in ENDS_IN_CONSONANT else "ㄹ" if last in "178LlRr" else "ㄴ"
