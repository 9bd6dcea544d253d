"""The Dirac-GAN (Mescheder et al. 2018, section 2): the smallest GAN, whose dynamics are known in closed form.

G(z) = θ, all data at 0, D(x) = ψx + b with b fixed at the logit at which the loss is undecided (½ for least squares,
else 0; without it that loss has no equilibrium here). What is predicted is algebra in numpy; what is played is the
real `Latent` game, moved by the trainer's own `Player`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ganvas.play.game import Move, Optimizer
from ganvas.play.latent import Latent, Normal
from ganvas.play.losses import LOSSES
from ganvas.play.penalties import ClipWeights, Constraint, GradientPenalty, between, fake, real
from ganvas.play.schedules import Clock, constant
from ganvas.training.player import Player

# |∂L/∂logit| at equilibrium, by hand from the table of losses: what drives both players around
FORCE = {
    "minimax": 0.5,
    "non_saturating": 0.5,
    "least_squares": 1.0,
    "wasserstein": 1.0,
    "hinge": 1.0,
    "relativistic": 0.5,
}
PENALTIES = ("none", "R1", "R2", "R1+R2", "WGAN-GP", "clipping")
DAMPED_BY = {"none": 0, "R1": 1, "R2": 1, "R1+R2": 2}  # the others are not differentiable at the equilibrium


@dataclass(frozen=True)
class Rule:
    """One cell of the table. gamma: of R1 and R2, in the γ/2 convention; the critical 2f′ if None (f′ where both act).

    lam, target: WGAN-GP's λ and the slope it asks for; clip: the bound of weight clipping; h: the learning rate.
    """

    loss: str
    penalty: str = "none"
    simultaneous: bool = True
    h: float = 0.1
    gamma: float | None = None
    lam: float | None = None
    target: float = 0.3
    clip: float = 0.3

    @property
    def force(self) -> float:
        return FORCE[self.loss]

    @property
    def damping(self) -> float | None:
        """How fast ψ alone would decay, or None where there is no linear answer."""
        many = DAMPED_BY.get(self.penalty)
        return None if many is None else many * self.strength

    @property
    def strength(self) -> float:
        """γ."""
        return self.gamma if self.gamma is not None else 2 * self.force / (DAMPED_BY.get(self.penalty) or 1)

    @property
    def weight(self) -> float:
        """WGAN-GP's λ: half the loss's force by default, where the cycle is easy to see."""
        return self.lam if self.lam is not None else self.force / 2


def spectrum(rule: Rule) -> np.ndarray | None:
    """The predicted eigenvalues of one round at the equilibrium, or None where the round is not differentiable there.

    Simultaneous: λ = 1 − hδ/2 ± h √(δ²/4 − f′²), with δ the damping. Alternating: of the product of the two steps.
    """
    if rule.damping is None:
        return None
    h, f, keep = rule.h, rule.force, 1 - rule.h * rule.damping
    if rule.simultaneous:
        return np.linalg.eigvals(np.array([[1, h * f], [-h * f, keep]]))
    return np.linalg.eigvals(np.array([[1, h * f], [0, 1]]) @ np.array([[1, 0], [-h * f, keep]]))


def stride(rule: Rule) -> Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """One predicted round (θ, ψ) → (θ, ψ), far from the equilibrium too: the update equations, written by hand."""

    def sigmoid(t: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-t))

    # the force on each player at the logit offset t = θψ
    of_d, of_g = {
        "minimax": (sigmoid, sigmoid),
        "non_saturating": (sigmoid, lambda t: sigmoid(-t)),
        "least_squares": (lambda t: 1 + 2 * t, lambda t: 1 - 2 * t),
        "wasserstein": (np.ones_like, np.ones_like),
        "hinge": (lambda t: np.where(t > -1, 1.0, 0.0), np.ones_like),
        "relativistic": (sigmoid, lambda t: sigmoid(-t)),
    }[rule.loss]

    def pull(psi: np.ndarray) -> np.ndarray:
        """The penalty's share of ψ's gradient."""
        if rule.penalty == "WGAN-GP":
            return 2 * rule.weight * (np.abs(psi) - rule.target) * np.sign(psi)
        return (rule.damping or 0.0) * psi

    def bounded(psi: np.ndarray) -> np.ndarray:
        return np.clip(psi, -rule.clip, rule.clip) if rule.penalty == "clipping" else psi

    def round(theta: np.ndarray, psi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        before = psi if rule.simultaneous else bounded(psi)
        moved = bounded(before - rule.h * (of_d(theta * before) * theta + pull(before)))
        slope = before if rule.simultaneous else moved
        return theta + rule.h * of_g(theta * slope) * slope, moved

    return round


def predict(rule: Rule, start: np.ndarray, rounds: int) -> np.ndarray:
    """The trajectory of `stride` from N×2 starts (θ, ψ): (rounds + 1)×N×2."""
    (theta, psi), go = np.asarray(start, float).T, stride(rule)
    path = [(theta, psi)]
    for _ in range(rounds):
        path.append(go(*path[-1]))
    return np.array(path).transpose(0, 2, 1)


class Point(nn.Module):
    """N generators side by side: G(z)ᵢ = θᵢ, N×1×1×1."""

    def __init__(self, theta: Tensor):
        super().__init__()
        self.theta = nn.Parameter(theta.clone())

    def forward(self, z: Tensor) -> Tensor:
        return self.theta.view(-1, 1, 1, 1)


class Slope(nn.Module):
    """N discriminators side by side: D(x)ᵢ = ψᵢ xᵢ + b, logits N×1."""

    def __init__(self, psi: Tensor, b: float):
        super().__init__()
        self.psi, self.b = nn.Parameter(psi.clone()), b

    def forward(self, x: Tensor) -> Tensor:
        return self.psi[:, None] * x.flatten(1) + self.b


def play(
    rule: Rule,
    start: np.ndarray,
    rounds: int,
    betas: tuple[float, float] | None = None,
    each: Callable[[], object] = list,
) -> np.ndarray:
    """The real game from N×2 starts (θ, ψ), by plain gradient descent or Adam: (rounds + 1)×N×2. `each`: called a round."""
    start = torch.tensor(np.asarray(start, float))
    n, loss = len(start), LOSSES[rule.loss]
    G, D = Point(start[:, 0]), Slope(start[:, 1], loss.boundary or 0.0)
    half = constant(rule.strength / 2)
    penalties = {
        "R1": (GradientPenalty(half, real, 0.0),),
        "R2": (GradientPenalty(half, fake, 0.0),),
        "R1+R2": (GradientPenalty(half, real, 0.0), GradientPenalty(half, fake, 0.0)),
        "WGAN-GP": (GradientPenalty(constant(rule.weight), between, rule.target),),
    }.get(rule.penalty, ())
    constraint: Constraint = ClipWeights(rule.clip) if rule.penalty == "clipping" else lambda D: None
    game = Latent(G, D, Normal(1), loss, penalties, constraint=constraint, simultaneous=rule.simultaneous)

    def optimiser(params: list[nn.Parameter]) -> torch.optim.Optimizer:
        if betas:
            return torch.optim.Adam(params, rule.h, betas)
        return torch.optim.SGD(params, n * rule.h)  # the loss is the mean over the N games

    players = {name: Player(net, Optimizer(optimiser)) for name, net in game.players.items()}
    data = {"image": torch.zeros(n, 1, 1, 1, dtype=torch.float64)}
    path = np.empty((rounds + 1, n, 2))
    path[0] = start
    for k in range(rounds):
        for together in game.round(iter([data]), clock := Clock(k * n, k, rounds * n)):
            together = (together,) if isinstance(together, Move) else together
            for move in together:
                players[move.player].backward(move.loss, keep_graph=move is not together[-1])
            for move in together:
                players[move.player].step(clock)
        path[k + 1] = torch.stack([G.theta.detach(), D.psi.detach()], 1)
        each()
    return path


def measured_spectrum(rule: Rule, tiny: float = 1e-7) -> np.ndarray:
    """The eigenvalues of one round as it is played, from where two tiny steps off the equilibrium are taken to."""
    columns = play(rule, np.eye(2) * tiny, 1)[1]
    return np.linalg.eigvals(columns.T / tiny)


def fate(path: np.ndarray, rule: Rule) -> tuple[str, float, float]:
    """What becomes of one trajectory, (rounds + 1)×2: a word, and the least and largest radius of its last period."""
    radius, period = np.hypot(*path.T), int(2 * np.pi / (rule.h * rule.force)) + 1
    tail, before = radius[-period:], radius[-2 * period : -period]
    low, high = float(tail.min()), float(tail.max())
    if high < 1e-2 * radius[0]:
        return "converges", low, high
    if len(before) < period:
        return "not told in so few rounds", low, high
    drift = (low + high) / float(before.min() + before.max())
    if abs(drift - 1) > 0.01:
        return ("grows" if drift > 1 else "shrinks slowly"), low, high
    return ("circles" if high - low > 1e-6 else "stops elsewhere"), low, high
