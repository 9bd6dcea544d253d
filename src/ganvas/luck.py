"""Random numbers that do not depend on how a batch is cut: each part draws for the whole batch and keeps its own rows.

The trainer plays a round on parts of a batch (`--micro-batch`) and puts torch's generator back before each, so that all
parts draw the same numbers; `rows` gives each its share. Outside such a round there is one part, which keeps all.
"""

import contextlib
from collections.abc import Callable, Iterator

from torch import Tensor

_part, _parts = 0, 1


@contextlib.contextmanager
def part(which: int, of: int) -> Iterator[None]:
    """While this is entered, `rows` belong to part `which` of a batch cut into `of`."""
    global _part, _parts
    before = _part, _parts
    _part, _parts = which, of
    try:
        yield
    finally:
        _part, _parts = before


def rows(draw: Callable[[int], Tensor], n: int) -> Tensor:
    """The n rows of this part out of `draw(rows of the whole batch)`."""
    return draw(n * _parts)[n * _part : n * (_part + 1)]
