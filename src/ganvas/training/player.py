"""One player: its module, its optimiser, its moving average."""

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

from ganvas.play.game import Optimizer
from ganvas.play.schedules import Clock

UPDATES_PER_HALF_LIFE = 20  # averaging more often changes nothing one can measure and costs a pass over all weights


class Player:
    """A module that learns. `average` is its exponential moving average in weight space, or None."""

    def __init__(self, module: nn.Module, optimizer: Optimizer):
        self.module, self.schedules, self.half_life = module, optimizer.schedules, optimizer.average
        self.params = [p for p in module.parameters() if p.requires_grad]
        self.optim = optimizer.build(self.params)
        self.average = copy.deepcopy(module).eval().requires_grad_(False) if optimizer.average else None
        self.averaged_at = 0  # images: how far the average has followed

    def backward(self, loss: Tensor, keep_graph: bool = False, add: bool = False) -> Tensor:
        """Gradients of this player alone (nobody else's are touched or computed); returns their joint norm.

        add: to those that are there, of other parts of the same batch.
        """
        if not add:
            self.optim.zero_grad(set_to_none=True)
        loss.backward(inputs=self.params, retain_graph=keep_graph)
        norms = torch._foreach_norm([p.grad for p in self.params if p.grad is not None])
        return torch.linalg.vector_norm(torch.stack(norms))

    def step(self, clock: Clock) -> None:
        for group in self.optim.param_groups:
            group.update({name: schedule(clock) for name, schedule in self.schedules.items()})
        self.optim.step()

    @torch.no_grad()
    def settle(self, clock: Clock) -> None:
        """Move the average towards the weights; its half-life is a function of the clock (StyleGAN2-ADA's ramp)."""
        if self.average is None:
            return
        half_life = self.half_life(clock)
        passed = clock.images - self.averaged_at
        if passed * UPDATES_PER_HALF_LIFE < half_life:
            return
        keep = 0.5 ** (passed / half_life) if half_life > 0 else 0.0
        torch._foreach_lerp_(list(self.average.parameters()), list(self.module.parameters()), 1 - keep)
        for mine, theirs in zip(self.average.buffers(), self.module.buffers(), strict=True):
            mine.copy_(theirs)
        self.averaged_at = clock.images

    def state_dict(self) -> dict[str, Any]:
        optim = self.optim.state_dict()
        state = {
            "module": self.module.state_dict(),
            "optim": {str(k): v for k, v in optim["state"].items()},
            "groups": optim["param_groups"],
            "averaged_at": self.averaged_at,
        }
        return state | ({"average": self.average.state_dict()} if self.average is not None else {})

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.module.load_state_dict(state["module"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        groups = [{k: tuple(v) if k == "betas" else v for k, v in group.items()} for group in state["groups"]]
        self.optim.load_state_dict({"state": {int(k): v for k, v in state["optim"].items()}, "param_groups": groups})
        for p in self.params:  # a fused step walks memory: the moments must lie as the weights lie (channels_last)
            moments = self.optim.state[p]
            for name, value in moments.items():
                if isinstance(value, Tensor) and value.shape == p.shape:
                    moments[name] = torch.empty_like(p).copy_(value)
        self.averaged_at = state["averaged_at"]


def is_finite(*values: Tensor) -> bool:
    return all(math.isfinite(v.detach()) for v in values)
