"""What recipes share: names turned into functions. Strings end here; nothing in play/ chooses by name.

As everywhere in recipes/, torch is imported inside the functions: the command line reads signatures without it.
"""

import functools
import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

LossName = Literal["non_saturating", "minimax", "least_squares", "wasserstein", "hinge", "relativistic"]
ScheduleName = Literal["constant", "linear", "cosine", "fall", "inverse"]
AugmentName = Literal["none", "diffaugment", "ada"]

SETTLING = 50_000  # images after which the rate of "inverse" begins to fall; found on digits (docs/log.md)

# what an argument is in every recipe that does not say otherwise
ARGUMENTS = {
    "data": "what the data set says of itself",
    "latent": "coordinates of z, standard normal",
    "width": "channels of the largest map",
    "loss": "the adversarial loss, on logits",
    "lr": "Adam's learning rate for both players",
    "schedule": "the learning rate over the run; linear and cosine fall to 0 in its second half, fall from the start; "
    "inverse: after 50,000 images in proportion to 1/images",
    "warm_up": "share of the run over which the learning rate rises from 0",
    "n_critic": "updates of D before each of G",
    "ema": "half-life, as a share of the images seen, of G's moving average (most sources have none), which sheets and "
    "snapshots show; 0: none, the live G is shown",
    "augment": "what D sees images through: diffaugment (colour, translation and cutout, on every image) or ada (as much "
    "of it as D's overfitting asks for)",
    "conditional": "G and D are told the label",
    "batch": "real images an update of D",
    "images": "real images in the whole run",
}
ENTRY = re.compile(r"^    (\w+): (.*(?:\n {5,}.*)*)", re.M)


def documented(recipe=None, *, like=None):
    """Completes a recipe's docstring: every argument in the order of the signature, in its own words, in those of the
    recipe it is `like`, or in `ARGUMENTS`'.

    Raises TypeError for an argument that none explains, and for an explanation of none.
    """
    if recipe is None:
        return functools.partial(documented, like=like)
    if recipe.__doc__ is None:  # python -OO
        return recipe
    about, _, own = (inspect.getdoc(recipe) or "").partition("\nArgs:\n")
    own = {name: " ".join(text.split()) for name, text in ENTRY.findall(own)}
    recipe.explained = getattr(like, "explained", {}) | own
    names, said = list(inspect.signature(recipe).parameters), ARGUMENTS | recipe.explained
    if wrong := [n for n in names if n not in said] + [n for n in own if n not in names]:
        raise TypeError(f"recipe {recipe.__name__}: its arguments and their explanations differ in {', '.join(wrong)}")
    lines = [textwrap.fill(f"    {n}: {said[n]}", 115, subsequent_indent=8 * " ") for n in names]
    recipe.__doc__ = "\n".join([about.rstrip(), "", "Args:", *lines])
    return recipe


def settled(settle: Callable[[Any, dict[str, Any]], tuple[dict[str, Any], list[str]]]):
    """A recipe whose arguments that are not given are chosen by `settle(data, arguments)`, which also says why.

    Its body sees them chosen; `settle` stays at hand for the record, where a run is resumed with what was chosen once.
    """

    def of(recipe):
        @functools.wraps(recipe)
        def built(data, **given):
            chosen, _ = settle(data, defaults(recipe) | given)
            return recipe(data, **chosen)

        built.settle = settle
        return built

    return of


class Wants(NamedTuple):
    """The data a recipe is for: of which kind, which of ours by default, and their longest side.

    told: the recipe's arguments that the data are opened with.
    """

    kind: Literal["images", "pairs", "domains", "photos", "captions"] = "images"
    data: str = "digits"
    side: int = 64
    told: tuple[str, ...] = ()


def wants(kind: Literal["pairs", "domains", "photos", "captions"], *, data: str, side: int, told: tuple[str, ...] = ()):
    """Says what data a recipe is for; those that do not are for single images."""

    def of(recipe):
        recipe.wants = Wants(kind, data, side, told)
        return recipe

    return of


def defaults(recipe: Callable[..., Any]) -> dict[str, Any]:
    """The recipe's keyword arguments with their defaults: its configuration."""
    return {p.name: p.default for p in list(inspect.signature(recipe).parameters.values())[1:]}


def learning_rate(lr: float, schedule: ScheduleName, warm_up: float = 0.0):
    """`lr` over the run, after a linear warm-up: constant; falling to zero from the middle on; falling from the start;
    falling after `SETTLING` images, never to zero."""
    from ganvas.play import schedules

    shapes = {
        "constant": schedules.constant(lr),
        "linear": schedules.linear(lr, 0.0, start=0.5),
        "cosine": schedules.cosine(lr, 0.0, start=0.5),
        "fall": schedules.linear(lr, 0.0),
        "inverse": schedules.inverse(lr, SETTLING),
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
    learn: Callable[[float], Any],
    ema: float,
    pixels: tuple[float, float] = (-1.0, 1.0),
    **game,
):
    """One `Latent` game in which both players learn alike, by the optimiser `learn(ema)`: the shape of most recipes."""
    from ganvas.play.game import Phase
    from ganvas.play.latent import Latent
    from ganvas.play.losses import LOSSES

    latent = Latent(G, D, prior, LOSSES[loss], **game)
    return Phase(latent, images, batch, {"G": learn(ema), "D": learn(0.0)}, pixels)


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


POINT_G = {"widths": [128, 128, 128, 128], "activation": "leaky_relu", "norm": False, "output": "linear"}


def point_players(data, latent: int, told: tuple[int, ...] = (), **of_d):
    """G and D for points, whatever a recipe's networks for pictures are: four and three layers of 128, LeakyReLU(.2), no
    norm. G is the deeper: what it must learn are sharp borders between modes."""
    from ganvas.nets.mlp import MLPDiscriminator, MLPGenerator

    G = MLPGenerator(latent, data.shape, levels=told, **POINT_G)
    return G, MLPDiscriminator(data.shape, POINT_G["widths"][1:], levels=told, **of_d)
