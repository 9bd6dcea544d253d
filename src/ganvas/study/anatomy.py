"""A system taken apart without training it: layers and shapes, parameters, arithmetic and memory of a round."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ganvas.data.source import DataSpec
from ganvas.play.game import Batch, Move, Phase
from ganvas.play.schedules import Clock

ROUNDS = 16  # enough to meet every lazy penalty in its share


class Layer(NamedTuple):
    name: str
    shape: str  # of its output, without the batch
    parameters: int


class Cost(NamedTuple):
    """Of training: multiply-adds ×2 a real image, bytes kept for backward a real image, bytes of weights and moments."""

    flops: float
    activations: float
    state: float


def layers(phase: Phase, spec: DataSpec) -> dict[str, list[Layer]]:
    """Each player's layers in the order in which they answer, with shapes seen on two examples."""
    found: dict[str, list[Layer]] = {name: [] for name in phase.game.players}
    hooks, counts = [], dict.fromkeys(found, 0)
    for name, player in phase.game.players.items():
        for module in player.modules():
            if not list(module.children()) or _owns_parameters(module):
                hooks.append(module.register_forward_hook(_recorder(found[name])))
                counts[name] += 1
    try:
        _moves(phase, spec, 1, batch=2)
    finally:
        for hook in hooks:
            hook.remove()
    return {name: rows[: counts[name]] for name, rows in found.items()}  # a round asks D more than once


def cost(phase: Phase, spec: DataSpec, batch: int = 8) -> Cost:
    """What a round costs, counted on `batch` images; both scale with the number of images."""
    kept: dict[int, int] = {}

    def pack(t: Tensor) -> Tensor:
        kept[t.untyped_storage().data_ptr()] = t.untyped_storage().nbytes()
        return t

    weights = sum(p.numel() for player in phase.game.players.values() for p in player.parameters())
    counter = FlopCounterMode(display=False, custom_mapping=_onednn_flops())
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        _moves(phase, spec, 1, batch)
    with counter:
        drawn = _moves(phase, spec, ROUNDS, batch)
    activations = max(sum(kept.values()) - 4 * weights, 0) / batch
    averaged = sum(
        p.numel()
        for name, player in phase.game.players.items()
        if phase.optimizers[name].average
        for p in player.parameters()
    )
    return Cost(counter.get_total_flops() / drawn, activations, 4.0 * (4 * weights + averaged))


def _moves(phase: Phase, spec: DataSpec, rounds: int, batch: int) -> int:
    """Plays rounds on blank images without stepping; how many images were drawn."""
    drawn = 0

    def blanks() -> Iterator[Batch]:
        nonlocal drawn
        while True:
            drawn += batch
            middle = sum(phase.pixels) / 2
            yield {"image": torch.full((batch, *spec.shape), middle), "label": torch.zeros(batch, dtype=torch.long)}

    params = {name: list(player.parameters()) for name, player in phase.game.players.items()}
    for k in range(rounds):
        for together in phase.game.round(blanks(), Clock(k * batch, k, phase.images)):
            for move in (together,) if isinstance(together, Move) else together:
                move.loss.backward(inputs=params[move.player], retain_graph=True)
    return drawn


def _recorder(rows: list[Layer]):
    def record(module: nn.Module, inputs: Any, output: Tensor) -> None:
        shape = "×".join(map(str, output.shape[1:]))
        own = sum(p.numel() for p in module.parameters(recurse=False))
        rows.append(Layer(_describe(module), shape, own))

    return record


def _describe(module: nn.Module) -> str:
    extra = module.extra_repr().replace("in_features=", "").replace("out_features=", "")
    return f"{type(module).__name__}({extra})" if extra else type(module).__name__


def _owns_parameters(module: nn.Module) -> bool:
    return any(True for _ in module.parameters(recurse=False))


def _onednn_flops() -> dict[Any, Any]:
    def count(x: Any, weight: Any, *rest: Any, out_shape: Any = None, **named: Any) -> int:
        return 2 * x[0] * x[1] * weight[0]

    try:
        return {torch.ops.mkldnn._linear_pointwise: count}
    except AttributeError:
        return {}
