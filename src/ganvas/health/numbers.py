"""What tensors of logits and pictures say in numbers, for a look."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

SIDE = 16  # pixels: pictures are followed, and compared where no network fits them, at this size


def judged(fake: Tensor, real: Tensor, unseen: Tensor | None) -> dict[str, float]:
    """Mean logits and their spreads; `gap`, r_v of Karras et al. 2020, eq. 1, and how many standard errors its numerator is."""
    both = torch.cat([fake, real])
    apart, spread = real.mean() - fake.mean(), float(both.std())
    within = float(((fake.var() + real.var()) / 2).sqrt())
    found = {
        "real": float(real.mean()), "fake": float(fake.mean()), "answers": spread,
        "lead": float(apart) / max(within, 1e-12),
    }  # fmt: skip
    if unseen is None or len(unseen) < 8:
        return found
    missed = real.mean() - unseen.mean()
    error = float((real.var() / len(real) + unseen.var() / len(unseen)).sqrt())
    found |= {"held_out": float(unseen.mean()), "unseen": float(missed) / max(error, 1e-12)}
    if (
        float(apart) > 2 * within / len(real) ** 0.5
    ):  # where D does not tell real from fake there is nothing to divide by
        found["gap"] = float(missed / apart)
    return found


def small(x: Tensor) -> Tensor:
    sides = [min(side, SIDE) for side in x.shape[2:]]
    return x if list(x.shape[2:]) == sides else adaptive_avg_pool2d(x.float(), sides)


def rows(x: Tensor) -> np.ndarray:
    return x.float().cpu().numpy()


def over_z(x: Tensor) -> Tensor:
    """The standard deviation of a pixel over the pictures, mean over pixels."""
    return x.float().std(0).mean()


def apart(x: np.ndarray) -> float:
    """The mean distance of two different rows."""
    x = x - x.mean(0)
    squared = (x * x).sum(1)
    apart = np.sqrt(np.maximum(squared[:, None] + squared - 2 * x @ x.T, 0))
    return float(apart.sum() / (len(x) * (len(x) - 1)))
