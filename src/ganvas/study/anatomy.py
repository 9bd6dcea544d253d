"""A system taken apart without training it: layers and shapes, parameters, arithmetic and memory of a round."""

import copy
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from ganvas.data.labels import spread
from ganvas.data.source import DataSpec
from ganvas.nets.layers import Pack
from ganvas.play.game import Batch, Move, Phase
from ganvas.play.schedules import Clock

START = 1024  # layers and costs are those of a run under way


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
    """Each player's layers in the order in which they answer, with shapes seen on two examples (of pairs on one)."""
    phase = _weightless(phase, spec)
    found: dict[str, list[Layer]] = {name: [] for name in phase.game.players}
    hooks = [
        module.register_forward_hook(_recorder(found[name]))
        for name, player in phase.game.players.items()
        for path, module in player.named_modules()
        if _is_layer(path, module)
    ]
    try:
        _moves(phase, spec, 1, _together(phase, 1 if spec.views else 2))
    finally:
        for hook in hooks:
            hook.remove()
    return found


def cost(phase: Phase, spec: DataSpec, batch: int = 4) -> Cost:
    """What a round costs, counted on `batch` images; both scale with the number of images."""
    kept: dict[int, int] = {}
    phase = _weightless(phase, spec)

    def pack(t: Tensor) -> Tensor:
        kept[t.untyped_storage()._cdata] = t.untyped_storage().nbytes()
        return t

    batch = _together(phase, batch)
    weights = sum(p.numel() for player in phase.game.players.values() for p in player.parameters())
    counter = _Flops()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        _moves(phase, spec, 1, batch)
    with counter:
        lazy = (penalty.every for penalty in getattr(phase.game, "penalties", ()))
        drawn = _moves(phase, spec, math.lcm(*lazy), batch)  # enough to meet every lazy penalty in its share
    activations = max(sum(kept.values()) - 4 * weights, 0) / batch
    averaged = sum(
        p.numel()
        for name, player in phase.game.players.items()
        if phase.optimizers[name].average
        for p in player.parameters()
    )
    return Cost(counter.total / drawn, activations, 4.0 * (4 * weights + averaged))


def _weightless(phase: Phase, spec: DataSpec) -> Phase:
    """Large networks take minutes a round; without numbers, which are not looked at, a second."""
    if not spec.views and spec.text is None:
        return phase
    game, frozen = copy.deepcopy((phase.game, phase.frozen))
    for module in (*game.players.values(), *frozen):
        module.to("meta")
    return phase._replace(game=game, frozen=frozen)


def _moves(phase: Phase, spec: DataSpec, rounds: int, batch: int) -> int:
    """Plays rounds on blank images without stepping; how many images were drawn."""
    drawn = 0

    def blanks() -> Iterator[Batch]:
        nonlocal drawn
        while True:
            drawn += batch
            grey = sum(phase.pixels) / 2
            device = next(next(iter(phase.game.players.values())).parameters()).device
            image = torch.full((batch, *spec.shape), grey, device=device if spec.text else None)
            label = torch.from_numpy(spread(spec, batch))
            views = {view.key: torch.full((batch, *view.shape), grey, device=device) for view in spec.views}
            captions = {key: said(spec, batch, device) for key in ("text", "wrong", "held_out_text") if spec.text}
            yield {"image": image, "label": label, "held_out": image, "held_out_label": label, **views, **captions}

    for module in phase.frozen:
        module.eval().requires_grad_(False)
    params = {name: [p for p in net.parameters() if p.requires_grad] for name, net in phase.game.players.items()}
    for k in range(rounds):
        later = START + k  # in the first rounds, and in every 500th, WGAN's critic moves a hundred times
        for together in phase.game.round(blanks(), Clock(later * batch, later, phase.images)):
            for move in (together,) if isinstance(together, Move) else together:
                move.loss.backward(inputs=params[move.player], retain_graph=True)
    return drawn


def said(spec: DataSpec, n: int, device: torch.device) -> Tensor:
    """Rows of captions, all alike."""
    return torch.ones(n, spec.text.length, dtype=torch.int64 if spec.text.words else None, device=device)


def _together(phase: Phase, batch: int) -> int:
    """At least `batch` images, as many as D wants at a time (PacGAN)."""
    packs = [m.size for player in phase.game.players.values() for m in player.modules() if isinstance(m, Pack)]
    return math.lcm(batch, *packs)


def _recorder(rows: list[Layer]):
    seen = set[nn.Module]()  # of one layer: a round asks D more than once, and a VAE or a text encoder in parts

    def record(module: nn.Module, inputs: Any, output: Tensor) -> None:
        if module in seen:
            return
        seen.add(module)
        shape = "×".join(map(str, output.shape[1:]))
        own = sum(p.numel() for p in _own_parameters(module))
        rows.append(Layer(_describe(module), shape, own))

    return record


def _describe(module: nn.Module) -> str:
    """ "Conv2d(1→32, 4×4, stride 2)": what a reader compares with a paper's table."""
    name = type(module).__name__
    if name.startswith("Parametrized"):  # torch's own word for it says nothing
        name = "Spectral" + name.removeprefix("Parametrized")
    if isinstance(module, nn.modules.conv._ConvNd):
        side = "×".join(map(str, module.kernel_size))
        stride = f", stride {module.stride[0]}" if module.stride[0] > 1 else ""
        return f"{name}({module.in_channels}→{module.out_channels}, {side}{stride})"
    if isinstance(module, nn.Linear):
        return f"{name}({module.in_features}→{module.out_features})"
    if isinstance(module, nn.modules.batchnorm._BatchNorm):
        return f"{name}({module.num_features}, momentum {module.momentum:g})"
    if isinstance(module, nn.Flatten | nn.Unflatten):
        return name
    return f"{name}({extra})" if (extra := module.extra_repr()) else name


def _is_layer(path: str, module: nn.Module) -> bool:
    """A layer of its own: not a container, and not the spectral norm of one."""
    inside = [name for name, _ in module.named_children() if name != "parametrizations"]
    return "parametrizations" not in path.split(".") and (not inside or bool(_own_parameters(module)))


def _own_parameters(module: nn.Module) -> list[nn.Parameter]:
    normed = getattr(module, "parametrizations", None)  # where the weights of a spectrally normed layer live
    return [*module.parameters(recurse=False), *(normed.parameters() if normed is not None else ())]


class _Flops(TorchDispatchMode):
    """Counts multiply-adds ×2 with torch's own table (its FlopCounterMode fails on a penalty's autograd.grad)."""

    total = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = function(*args, **(kwargs or {}))
        packet = function._overloadpacket
        if packet in flop_registry:
            self.total += flop_registry[packet](*args, **(kwargs or {}), out_val=out)
        elif "_linear_pointwise" in str(packet):  # oneDNN's product, which the table does not know
            self.total += 2 * args[0].numel() * args[1].shape[0]
        return out
