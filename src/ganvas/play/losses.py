"""Adversarial losses: each a pair, what the discriminator and what the generator minimises, on raw logits."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

Pairwise = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class AdversarialLoss:
    """Elementwise losses on logits of any shape: `discriminator(real, fake)` and `generator(fake, real)`.

    relativistic: the generator's loss looks at the real logits too, so they must be computed for its move.
    boundary: the logit at which the discriminator is undecided; None where logits have no zero (only differences count).
    log_odds: sigmoid(logit) is the D(x) of the 2014 paper, the probability of being real.
    equilibrium: (discriminator, generator) loss when fakes are perfect and D can no longer tell.
    """

    discriminator: Pairwise
    generator: Pairwise
    equilibrium: tuple[float, float]
    relativistic: bool = False
    boundary: float | None = 0.0
    log_odds: bool = False

    @torch.no_grad()
    def read(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """What these logits say of the discriminator: the share it tells apart and, if they are log-odds, D(x), D(G(z))."""
        if self.boundary is None:
            said = {"accuracy": (real > fake).float()}
        else:
            said = {"accuracy": ((real > self.boundary).float() + (fake <= self.boundary).float()) / 2}
        if self.log_odds:
            said |= {"p_real": real.sigmoid(), "p_fake": fake.sigmoid()}
        return said


LOG4, LOG2 = 1.3862943611198906, 0.6931471805599453

LOSSES = {
    # Goodfellow et al. 2014, eq. 1: the generator minimises log(1 − D(G(z))) and starves while D wins
    "minimax": AdversarialLoss(
        lambda r, f: softplus(-r) + softplus(f), lambda f, r: -softplus(f), (LOG4, -LOG2), log_odds=True
    ),
    # ibid. section 3: "maximize log D(G(z))"
    "non_saturating": AdversarialLoss(
        lambda r, f: softplus(-r) + softplus(f), lambda f, r: softplus(-f), (LOG4, LOG2), log_odds=True
    ),
    # Mao et al. 2017, eq. 9 without its factors ½
    "least_squares": AdversarialLoss(
        lambda r, f: (r - 1).square() + f.square(), lambda f, r: (f - 1).square(), (0.5, 0.25), boundary=0.5
    ),
    # Arjovsky et al. 2017, eq. 2
    "wasserstein": AdversarialLoss(lambda r, f: f - r, lambda f, r: -f, (0.0, 0.0), boundary=None),
    # Miyato et al. 2018, eq. 16–17
    "hinge": AdversarialLoss(lambda r, f: relu(1 - r) + relu(1 + f), lambda f, r: -f, (2.0, 0.0)),
    # Jolicoeur-Martineau 2018 (RpGAN) as in R3GAN's code: real i is paired with fake i
    "relativistic": AdversarialLoss(
        lambda r, f: softplus(f - r), lambda f, r: softplus(r - f), (LOG2, LOG2), relativistic=True, boundary=None
    ),
}
