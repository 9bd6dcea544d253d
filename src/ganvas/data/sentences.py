"""A small language of coloured shapes: what a sentence can say, in how many words, which sentences are held out.

One thing ("a small red circle") or two, one of which lies above, below, left of or right of the other. What two things
are and how they lie to each other is a combination; a tenth of all are never trained on.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import permutations, product
from typing import Any, NamedTuple

COLOURS = {
    "red": (215, 40, 40),
    "yellow": (240, 205, 30),
    "green": (40, 155, 65),
    "blue": (35, 95, 210),
    "purple": (150, 60, 175),
    "black": (35, 35, 35),
}
SHAPES = ("circle", "square", "triangle")
SIZES = ("small", "large")
PLACES = ("above", "left of", "below", "right of")  # the opposite of each is two further on

_HELD_OUT = 0.1  # the share of the combinations
_SIZE_WORDS = {"": ("",), "small": ("small ", "little "), "large": ("large ", "big ")}
_PLACE_WORDS = {
    "above": ("above", "over"),
    "below": ("below", "under"),
    "left of": ("left of", "to the left of"),
    "right of": ("right of", "to the right of"),
}
_ONE = ("a {0}", "there is a {0}", "a picture of a {0}")
_TWO = ("a {0} {place} a {1}", "there is a {0} {place} a {1}", "{place} a {1} is a {0}")


class Thing(NamedTuple):
    """A shape as a sentence has it; size "" where it does not say."""

    colour: str
    shape: str
    size: str = ""


class Scene(NamedTuple):
    """What a picture shows, or a sentence says: one thing, or two of which the first is `place` the second."""

    things: tuple[Thing, ...]
    place: str = ""

    def turned(self) -> "Scene":
        """The same, said from the other side: what is above something has it below."""
        return Scene(self.things[::-1], PLACES[PLACES.index(self.place) - 2])


Kind = tuple[str, str]  # colour and shape
Combination = tuple[Kind, str, Kind]


def combination(scene: Scene) -> Combination:
    """Colours, shapes and place of two things, whichever is named first."""
    seen = scene if scene.place in PLACES[:2] else scene.turned()
    return seen.things[0][:2], seen.place, seen.things[1][:2]


def is_held_out(found: Combination) -> bool:
    """A tenth of the combinations, by a hash of their words: in no picture and no caption that is trained on."""
    digest = blake2b(repr(found).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") < _HELD_OUT * 2**64


KINDS = tuple(product(COLOURS, SHAPES))
ALONE = tuple(Scene((Thing(*kind),)) for kind in KINDS)
_PAIRS = [Scene((Thing(*a), Thing(*b)), place) for a, b in permutations(KINDS, 2) for place in PLACES[:2]]
PAIRS = {held: tuple(pair for pair in _PAIRS if is_held_out(combination(pair)) is held) for held in (False, True)}

Luck = Iterator[float]  # numbers in [0, 1)


def _one_of(choices: Sequence, luck: Luck) -> Any:
    return choices[int(next(luck) * len(choices))]


def scene(luck: Luck, held: bool, but: Scene | None = None) -> Scene:
    """What to draw: two things of a combination that is (not) held out or, a quarter of what is not, one; sizes told.

    but: a scene of which nothing drawn here may be true.
    """
    pool = ALONE if next(luck) < 0.25 and not held else PAIRS[held]
    first = int(next(luck) * len(pool))
    in_turn = (pool[(first + k) % len(pool)] for k in range(len(pool)))
    found = next(bare for bare in in_turn if but is None or is_false(bare, but))
    return found._replace(things=tuple(thing._replace(size=_one_of(SIZES, luck)) for thing in found.things))


def is_false(said: Scene, shown: Scene) -> bool:
    """Whether `said` is not true of a picture of `shown`, by colours, shapes and place alone."""
    if said.place and shown.place:
        return combination(said) != combination(shown)
    return bool(said.place) or said.things[0][:2] not in {thing[:2] for thing in shown.things}


def caption(shown: Scene, luck: Luck) -> Scene:
    """What a sentence says of a picture: each size half of the time, either thing first."""
    said = shown._replace(things=tuple(thing._replace(size=_one_of(("", thing.size), luck)) for thing in shown.things))
    return said.turned() if said.place and next(luck) < 0.5 else said


def wrong(shown: Scene, said: Scene, luck: Luck, held: bool) -> Scene:
    """What a sentence may say that is not true of `shown`: `said` with one fact changed or, half of the time, another.

    Two things are of a combination that is held out if `held`, and of one that is not if not.
    """
    if next(luck) < 0.5:
        near = _changed(said, luck)
        different = len({thing[:2] for thing in near.things}) == len(near.things)
        if not near.place or (different and is_held_out(combination(near)) is held):
            return near
    return caption(scene(luck, held, but=shown), luck)


def _changed(said: Scene, luck: Luck) -> Scene:
    """One fact that is said becomes another."""
    k = int(next(luck) * len(said.things))
    thing = said.things[k]
    field = _one_of(
        [f for f in ("colour", "shape", "size", "place") if getattr(thing, f, "") or getattr(said, f, "")], luck
    )
    if field == "place":
        return said._replace(place=_one_of([place for place in PLACES if place != said.place], luck))
    values = {"colour": tuple(COLOURS), "shape": SHAPES, "size": SIZES}[field]
    other = thing._replace(**{field: _one_of([value for value in values if value != getattr(thing, field)], luck)})
    return said._replace(things=(*said.things[:k], other, *said.things[k + 1 :]))


def sentence(said: Scene, luck: Luck) -> str:
    """One of the ways to say it."""
    things = [f"{_one_of(_SIZE_WORDS[thing.size], luck)}{thing.colour} {thing.shape}" for thing in said.things]
    if not said.place:
        return _one_of(_ONE, luck).format(*things)
    return _one_of(_TWO, luck).format(*things, place=_one_of(_PLACE_WORDS[said.place], luck))
