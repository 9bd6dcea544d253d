"""Two catalogues, one meaning: the same keys with the same fields, Korean that is Korean, and no prose outside of them."""

import ast
import re
import string
import tomllib
from pathlib import Path

import pytest

from ganvas.errors import BadInput
from ganvas.study.lang import LANGUAGES, Words, final, particles, speak

PACKAGE = Path(__file__).parents[2] / "src" / "ganvas"
STUDY = PACKAGE / "study"
TOLD_BY_CATALOGUE = [
    *(STUDY / f"{name}.py" for name in ("words", "traces", "report", "scoreboard", "lint", "census")),
    *(STUDY / "pages").glob("*.py"),
    *(PACKAGE / name for name in ("preflight.py", "cli/preflight.py", "reporting.py")),
]
HANGUL = re.compile("[가-힣]")
# Korean text keeps these Latin words: names of quantities, options, file names, commands
LATIN = re.compile(r"`[^`]*`|\{[^}]*\}|--?[a-z][\w-]*|[\w/]+\.\w+|[A-Z]\w*(\([^)]*\))*|ganvas|n?at|dB|z|r_v|[a-z]=\S+")


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def differences(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """Keys of one alone, and keys whose fields differ. A language without plural has no template for one alone."""
    plain = [{key for key in table if not key.endswith("_one")} for table in (one, other)]
    found = sorted(plain[0] ^ plain[1])
    for table in (one, other):
        found += [key for key in table if key.endswith("_one") and not fields(table[key]) <= fields(table[key[:-4]])]
    return found + [key for key in plain[0] & plain[1] if fields(one[key]) != fields(other[key])]


def english(template: str) -> bool:
    """Is a sentence left that has no Hangul in it?"""
    return not HANGUL.search(template) and bool(re.search(r"[A-Za-z]{2,}", LATIN.sub("", template)))


def test_both_catalogues_say_the_same_things_with_the_same_fields():
    assert differences(speak("en").sentences, speak("ko").sentences) == []


def test_negative_controls_of_the_comparison():
    one = {"a": "{n} rows", "a_one": "one row"}
    assert differences(one, {"a": "{n}행"}) == []
    assert differences(one, {"a": "{m}행"}) == ["a"]
    assert differences(one, {"a": "{n}행", "b": ""}) == ["b"]
    assert differences(one | {"a_one": "{x}"}, {"a": "{n}행"}) == ["a_one"]


def test_no_sentence_is_left_in_english():
    assert [key for key, text in speak("ko").sentences.items() if english(text)] == []
    assert english("Nothing is logged yet.") and not english("아직 기록이 없습니다.") and not english("{elbo} ELBO")


def test_every_template_can_be_filled_and_no_line_is_broken():
    for language in LANGUAGES:
        say = speak(language)
        for key, template in say.sentences.items():
            assert "\n" not in template and template == template.rstrip("\\"), key
            texts = dict.fromkeys(fields(template), 1.5)
            try:
                say(key, **texts)
            except ValueError:  # a field that is text
                say(key, **{name: f"{value}" for name, value in texts.items()})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("판별자은(는)", "판별자는"), ("D은(는)", "D는"), ("G이(가)", "G가"), ("dcgan을(를)", "dcgan을"),
        ("r3gan은(는)", "r3gan은"), ("auto을(를)", "auto를"), ("0.50은(는)", "0.50은"), ("1,234이(가)", "1,234가"),
        ("3과(와) 5과(와)", "3과 5와"), ("0.607(으)로", "0.607로"), ("1.3(으)로", "1.3으로"), ("0.5(으)로", "0.5로"),
        ("서울(으)로", "서울로"), ("88 %이(가)", "88 %가"), ("`lr`은(는)", "`lr`은"), ("(GAN)은(는)", "(GAN)은"),
        ("FID은(는)", "FID는"), ("", ""), ("없음", "없음"),
    ],
)  # fmt: skip
def test_particles_follow_what_is_heard(text, said):
    assert particles(text) == said


def test_final_consonants():
    assert [final(word) for word in ("강", "물", "나무", "wgan", "model", "7", "10", "")] == [
        "ㄴ", "ㄹ", "", "ㄴ", "ㄹ", "ㄹ", "ㄴ", "",
    ]  # fmt: skip


def test_one_is_told_from_many_where_a_language_does():
    say = Words("en", {"rows": "{n} rows", "rows_one": "a row"})
    assert (say("rows", n=1), say("rows", n=2)) == ("a row", "2 rows")
    assert Words("ko", {"rows": "{n}행"})("rows", n=1) == "1행"


def test_another_language_is_one_line():
    with pytest.raises(BadInput, match="en and ko"):
        speak("fr")


def prose(source: str) -> list[str]:
    """String constants that read like a sentence: three words of small letters; docstrings, errors and help aside."""
    tree, skipped = ast.parse(source), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise):
            skipped |= {id(inner) for inner in ast.walk(node)}
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("STYLE", "PAGE", "ABOUT"):
            skipped |= {id(inner) for inner in ast.walk(node)}
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(id(node.value))
    texts = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and id(n) not in skipped]
    return [text for text in texts if isinstance(text, str) and re.search(r"[a-z]{2,} [a-z]{2,} [a-z]{2,}", text)]


@pytest.mark.parametrize("path", TOLD_BY_CATALOGUE, ids=lambda p: p.stem)
def test_no_prose_is_left_in_the_code(path):
    allowed = re.compile(
        r"^(looking (at|for)|walking through|is no run folder|does not exist|floats outside|with a clean|ganvas )|<"
    )
    assert [text for text in prose(path.read_text()) if not allowed.search(text)] == []


def test_negative_control_of_the_search_for_prose():
    assert prose('"""Says it."""\nx = f"the loss of {p} has won here"') != []
    assert prose('raise BadInput("this is an error that a user reads")') == []


def test_the_catalogues_are_files_of_the_package():
    for language in LANGUAGES:
        assert tomllib.loads((PACKAGE / "study" / "lang" / f"{language}.toml").read_text("utf-8"))
