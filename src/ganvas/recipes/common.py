"""What recipes share: names turned into functions. Strings end here; nothing in play/ chooses by name.

As everywhere in recipes/, torch is imported inside the functions: the command line reads signatures without it.
"""

from typing import Literal

LossName = Literal["non_saturating", "minimax", "least_squares", "wasserstein", "hinge", "relativistic"]
ScheduleName = Literal["constant", "linear", "cosine", "fall"]
AugmentName = Literal["none", "diffaugment", "ada"]


def learning_rate(lr: float, schedule: ScheduleName, warm_up: float = 0.0):
    """`lr` over the run, after a linear warm-up: constant; falling to zero from the middle on; falling from the start."""
    from ganvas.play import schedules

    shapes = {
        "constant": schedules.constant(lr),
        "linear": schedules.linear(lr, 0.0, start=0.5),
        "cosine": schedules.cosine(lr, 0.0, start=0.5),
        "fall": schedules.linear(lr, 0.0),
    }
    return schedules.warm_up(shapes[schedule], warm_up) if warm_up else shapes[schedule]


def average(ema: float):
    """The generator's moving average: its half-life is `ema` × images seen (StyleGAN2-ADA's ramp); 0 keeps none."""
    from ganvas.play.schedules import half_life

    return half_life(ema) if ema else None


def adam(lr, betas: tuple[float, float], ema: float = 0.0):
    """Adam on a schedule of learning rates; fused: one pass over memory instead of ten."""
    import torch

    from ganvas.play.game import Optimizer

    b1, b2 = map(float, betas)  # torch 2.13's Adam refuses the integer 0
    return Optimizer(
        lambda params: torch.optim.Adam(params, lr=1.0, betas=(b1, b2), fused=True), {"lr": lr}, average(ema)
    )


def rmsprop(lr, ema: float = 0.0):
    """RMSprop with its usual smoothing of .99 on a schedule of learning rates."""
    import torch

    from ganvas.play.game import Optimizer

    return Optimizer(lambda params: torch.optim.RMSprop(params, lr=1.0, alpha=0.99), {"lr": lr}, average(ema))


def momentum_sgd(lr, momentum, ema: float = 0.0):
    """Stochastic gradient descent on schedules of learning rate and momentum, as the 2014 papers had it."""
    import torch

    from ganvas.play.game import Optimizer

    schedules = {"lr": lr, "momentum": momentum}
    return Optimizer(lambda params: torch.optim.SGD(params, lr=1.0), schedules, average(ema))


def latent_phase(
    G,
    D,
    prior,
    *,
    loss: LossName,
    images: int,
    batch: int,
    lr,
    betas: tuple[float, float],
    ema: float,
    pixels: tuple[float, float] = (-1.0, 1.0),
    n_critic: int = 1,
    **game,
):
    """One `Latent` game in which both players learn by Adam: the shape of most recipes."""
    from ganvas.play.game import Phase
    from ganvas.play.latent import Latent
    from ganvas.play.losses import LOSSES
    from ganvas.play.schedules import constant

    optimizers = {"G": adam(lr, betas, ema), "D": adam(lr, betas)}
    latent = Latent(G, D, prior, LOSSES[loss], n_critic=constant(n_critic), **game)
    return Phase(latent, images, batch, optimizers, pixels)


def augmentation(name: AugmentName, data, loss: LossName):
    """What the discriminator sees images through. ADA's statistic is the one that the loss's logits allow.

    Raises BadInput where ADA has nothing to measure overfitting by.
    """
    from ganvas.errors import BadInput
    from ganvas.play.ada import ADA, HeldOutGap, Sign
    from ganvas.play.augment import BARE, DiffAugment
    from ganvas.play.losses import LOSSES

    if name != "none" and points(data):
        raise BadInput(f"--augment {name} is for pictures, and {data.name} holds points: leave it out")
    if name != "ada":
        return DiffAugment() if name == "diffaugment" else BARE
    boundary = LOSSES[loss].boundary
    if boundary is None and not data.held_out:
        raise BadInput(
            f"--augment ada with the {loss} loss compares training with held-out images, and {data.name} is too small to "
            "hold any out: use --augment diffaugment"
        )
    return ADA(DiffAugment(), HeldOutGap() if boundary is None else Sign(boundary))


def levels(data, conditional: bool, who: str = "--conditional") -> tuple[int, ...]:
    """The columns of the condition that networks are built for; none where the game is unconditional.

    Raises BadInput where a condition is wanted, by `who`, and the data have no labels.
    """
    from ganvas.errors import BadInput

    if not conditional:
        return ()
    if not data.levels:
        raise BadInput(
            f"{who} needs labels, and {data.name} has none: sort the pictures into one sub-folder a class, or add "
            "a labels.csv (file,label)"
        )
    return data.levels


def points(data) -> bool:
    """Are these points, such as the ring of eight, rather than pictures? Convolutional recipes then play fully connected."""
    return data.shape[1] * data.shape[2] < 16


def point_players(data, latent: int, told: tuple[int, ...] = (), **of_d):
    """G and D for points, whatever a recipe's networks for pictures are: three layers of 128, LeakyReLU(.2), no norm."""
    from ganvas.nets.mlp import MLPDiscriminator, MLPGenerator

    widths = (128, 128, 128)
    G = MLPGenerator(latent, data.shape, widths, "leaky_relu", norm=False, output="linear", levels=told)
    return G, MLPDiscriminator(data.shape, widths, levels=told, **of_d)
