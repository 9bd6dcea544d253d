"""A picture of any size through a translator: padded to what the network can take, and in tiles where memory ends.

Tiled is whole: a tile comes with as much around it as its outputs look at, the norms get the mean and variance of the
whole picture, collected beforehand, and noise is drawn for the whole.
"""

import contextlib
import math
from collections.abc import Iterator
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganvas.errors import BadInput
from ganvas.files import progress
from ganvas.nets.whole import Noise, Norm, Window

BYTES = 4


class Translating(Protocol):
    """What a translator network says of itself."""

    multiple: int  # its input's sides are multiples of this
    least: int  # and at least this
    halo: int  # pixels that an output looks around itself
    floats: int  # a pixel, that it holds at most at a time

    def __call__(self, x: Tensor) -> Tensor: ...


class Tile(NamedTuple):
    """Rows and columns that count, [top, bottom) × [left, right), inside those that go through the network."""

    core: tuple[int, int, int, int]
    around: tuple[int, int, int, int]

    def window(self, whole: tuple[int, int]) -> Window:
        top, bottom, left, right = self.around
        return Window(top, left, (bottom - top, right - left), whole)

    def of(self, x: Tensor) -> Tensor:
        top, bottom, left, right = self.around
        return x[:, :, top:bottom, left:right]

    def counting(self, y: Tensor) -> Tensor:
        """The part of a map made of this tile, smaller or larger, that counts."""
        (top, bottom, left, right), (up, down, first, _) = self.core, self.around
        ours, theirs = y.shape[2], down - up
        rows = slice((top - up) * ours // theirs, (bottom - up) * ours // theirs)
        columns = slice((left - first) * ours // theirs, (right - first) * ours // theirs)
        return y[:, :, rows, columns]


def padded(x: Tensor, multiple: int, least: int) -> Tensor:
    """x continued below and on the right to sides that are multiples of `multiple`, mirrored where that reaches."""
    for dim in (2, 3):
        side = x.shape[dim]
        more = multiple * math.ceil(max(side, least) / multiple) - side
        pad = (0, 0, 0, more) if dim == 2 else (0, more, 0, 0)
        if more:
            x = F.pad(x, pad, mode="reflect" if more < side else "replicate")
    return x


def translated(net: Translating, x: Tensor, seed: int, memory: int) -> Tensor:
    """net(x) for x 1×C×H×W of any size, in about `memory` bytes; noise is of `seed`, and no random state is touched.

    Raises BadInput where not even one tile fits.
    """
    height, width = x.shape[2:]
    x = padded(x, net.multiple, net.least)
    with torch.no_grad(), torch.random.fork_rng():
        if x.shape[2] * x.shape[3] * net.floats * BYTES <= memory:
            torch.manual_seed(seed)
            y = net(x)
        else:
            y = _in_tiles(net, x, seed, tiles(net, x.shape[2], x.shape[3], memory))
    return y[:, :, :height, :width]


def tiles(net: Translating, height: int, width: int, memory: int) -> list[Tile]:
    """Squares that cover the picture, each with its halo no more than fits. Raises BadInput where none does."""
    halo = net.multiple * math.ceil(net.halo / net.multiple)
    side = math.isqrt(memory // (net.floats * BYTES))
    core = (side - 2 * halo) // net.multiple * net.multiple
    if core < net.multiple:
        least = (2 * halo + net.multiple) ** 2 * net.floats * BYTES
        raise BadInput(
            f"a picture of {height}×{width} pixels does not fit into {memory / 2**30:.3g} GiB, and this network needs "
            f"{least / 2**30:.3g} for a tile: give --memory, or a smaller picture"
        )
    found = []
    for top in range(0, height, core):
        for left in range(0, width, core):
            bottom, right = min(top + core, height), min(left + core, width)
            around = max(top - halo, 0), min(bottom + halo, height), max(left - halo, 0), min(right + halo, width)
            found.append(Tile((top, bottom, left, right), around))
    return found


class _Reached(Exception):
    """A norm's input, which is all that was wanted of this pass."""

    def __init__(self, x: Tensor):
        self.x = x


def _in_tiles(net: Translating, x: Tensor, seed: int, parts: list[Tile]) -> Tensor:
    norms = [m for m in net.modules() if isinstance(m, Norm)]  # in the order in which they are asked
    noises = [m for m in net.modules() if isinstance(m, Noise)]
    whole = tuple(x.shape[2:])

    def through(part: Tile) -> Tensor:
        for noise in noises:
            noise.window = part.window(whole)
        torch.manual_seed(seed)  # every tile draws the numbers of the whole
        return net(part.of(x))

    with _restored(norms, noises), progress("tiles", len(parts) * (len(norms) + 1)) as advance:
        for norm in norms:  # what one sees depends on all before it, which know the whole by now
            count, total, squares = 0, 0.0, 0.0
            for part in parts:
                seen = part.counting(_input_of(norm, through, part)).double()
                count += seen[0, 0].numel()
                total, squares = total + seen.sum((0, 2, 3)), squares + seen.square().sum((0, 2, 3))
                advance(1)
            mean = total / count
            norm.given = mean.to(x.dtype), (squares / count - mean.square()).clamp(min=0).to(x.dtype)
        y = None
        for part in parts:
            made = part.counting(through(part))
            if y is None:
                y = made.new_empty(1, made.shape[1], *whole)
            top, bottom, left, right = part.core
            y[:, :, top:bottom, left:right] = made
            advance(1)
    return y


def _input_of(norm: Norm, through, part: Tile) -> Tensor:
    def stop(_: nn.Module, inputs: tuple[Tensor]) -> None:
        raise _Reached(inputs[0])

    hook = norm.register_forward_pre_hook(stop)
    try:
        through(part)
    except _Reached as reached:
        return reached.x
    finally:
        hook.remove()
    raise AssertionError("a norm that is not asked")


@contextlib.contextmanager
def _restored(norms: list[Norm], noises: list[Noise]) -> Iterator[None]:
    try:
        yield
    finally:
        for norm in norms:
            norm.given = None
        for noise in noises:
            noise.window = None
