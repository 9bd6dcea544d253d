"""Critics instead of discriminators: WGAN and WGAN-GP."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from ganvas.recipes.common import (
    AugmentName,
    LossName,
    ScheduleName,
    adam,
    augmentation,
    documented,
    latent_phase,
    learning_rate,
    levels,
    point_players,
    points,
    rmsprop,
    settled,
)

if TYPE_CHECKING:
    from ganvas.data.source import DataSpec


@documented
def wgan(
    data: DataSpec,
    *,
    latent: int = 100,
    width: int = 64,
    clip: float = 0.01,
    n_critic: int = 5,
    opening: int = 100,
    opening_rounds: int = 25,
    loss: LossName = "wasserstein",
    optimizer: Literal["rmsprop", "adam"] = "rmsprop",
    beta1: float = 0.0,
    lr: float = 5e-5,
    schedule: ScheduleName = "constant",
    warm_up: float = 0.0,
    ema: float = 0.05,
    augment: AugmentName = "none",
    conditional: bool = False,
    batch: int = 64,
    images: int = 5_000_000,
):
    """WGAN (Arjovsky et al. 2017): a critic with clipped weights estimates a distance, and G walks down it.

    DCGAN's networks. RMSprop 5e-5; every weight of the critic, biases and BatchNorm included, is kept in [−.01, .01]
    before each of its updates and after the last; 5 of them to one of G, 100 in the first 25 rounds and in every 500th
    (authors' code), so that the critic is near its best before G trusts it. Batches of 64.
    No momentum: section 4 and the authors warn that training becomes unstable with a momentum-based optimiser such
    as Adam with β1 > 0; --optimizer adam --beta1 .5 shows it.

    The critic's loss is minus the estimated distance; D/real − D/fake should fall as pictures get better.

    Args:
        clip: bound of every weight of the critic
        n_critic: updates of the critic before each of G
        opening: updates of the critic in the first rounds and in every 500th
        opening_rounds: how many rounds are the first
        optimizer: of both players
        beta1: Adam's momentum
        lr: learning rate of both players
    """
    from ganvas.nets.dcgan import DCGANDiscriminator, DCGANGenerator, dcgan_init
    from ganvas.play.latent import Normal
    from ganvas.play.penalties import ClipWeights
    from ganvas.play.schedules import often

    told = levels(data, conditional)
    if points(data):
        G, D = point_players(data, latent, told)
    else:
        G, D = (
            DCGANGenerator(latent, data.shape, width, levels=told, beside=True),
            DCGANDiscriminator(data.shape, width, levels=told),
        )
        for net in (G, D):
            dcgan_init(net)
    rate = learning_rate(lr, schedule, warm_up)
    learn = partial(rmsprop, rate) if optimizer == "rmsprop" else partial(adam, rate, (beta1, 0.999))
    return [
        latent_phase(
            G, D, Normal(latent), loss=loss, images=images, batch=batch, learn=learn, ema=ema,
            n_critic=often(n_critic, opening, opening_rounds, 500), constraint=ClipWeights(clip),
            conditional=conditional, augment=augmentation(augment, data, loss),
        )
    ]  # fmt: skip


def published_sizes(data: DataSpec, arguments: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The arguments with those not given as the paper has them for pictures of this size."""
    from ganvas.errors import BadInput

    side, small = max(data.shape[1:]), data.shape[1:] == (28, 28)
    net = arguments["net"] or ("mnist" if small else "resnet")
    if points(data) and arguments["net"]:
        raise BadInput(f"--net is for pictures, and {data.name} holds points: leave it out")
    if net == "mnist" and not small:
        raise BadInput(f"--net mnist draws 28×28, and these are {data.shape[1]}×{data.shape[2]}: use --net resnet")
    paper = {"penalty": 10.0, "lr": 1e-4, "schedule": "constant"}
    if points(data):
        paper |= {"penalty": 0.1, "batch": 256}
    elif net == "mnist":
        paper |= {"net": net, "width": 64, "batch": 50}
    elif side < 64:
        paper |= {"net": net, "width": 128, "batch": 64, "lr": 2e-4, "schedule": "fall"}
    else:
        paper |= {"net": net, "width": 64, "batch": 64}
    picked = {name: value for name, value in paper.items() if arguments[name] is None}
    said = ", ".join(f"{name} {value}" for name, value in picked.items())
    size = "toys" if points(data) else f"{side} pixels a side"
    return arguments | picked, [f"{said}: as published for {size}"] if picked else []


@documented
@settled(published_sizes)
def wgan_gp(
    data: DataSpec,
    *,
    net: Literal["mnist", "resnet"] | None = None,
    latent: int = 128,
    width: int | None = None,
    penalty: float | None = None,
    n_critic: int = 5,
    loss: LossName = "wasserstein",
    lr: float | None = None,
    schedule: ScheduleName | None = None,
    warm_up: float = 0.0,
    ema: float = 0.05,
    augment: AugmentName = "none",
    conditional: bool = False,
    batch: int | None = None,
    images: int = 5_000_000,
):
    """WGAN-GP (Gulrajani et al. 2017): instead of clipping, the critic's slope between real and fake is drawn to 1.

    λ = 10; the norm is per sample, over C×H×W, at one random point a pair; 5 updates of the critic to one of G.
    net mnist (28×28; gan_mnist.py of the authors' code): 5×5 convolutions, no norm anywhere, sigmoid, Adam 1e-4 (.5, .9),
    batches of 50. net resnet (other sizes; appendix F): residual blocks, BatchNorm in G alone, Adam 2e-4 (0, .9) falling
    to 0 over the run, G's batch twice the critic's; from 64 pixels on LayerNorm in the critic and Adam 1e-4 constant.
    Departures: the critic moves first, where the authors' loop begins with G; no dequantisation noise; conditional, the
    label is projected in the critic, where the authors use an auxiliary classifier (1 and .1 in the critic and in G).

    The critic's loss without its penalty is minus the estimated distance; it should fall towards 0 in size.

    Args:
        net: the paper's networks; not given: mnist for 28×28, else resnet
        width: channels; not given: 64, the paper's, for mnist and at 64 pixels, 128 for resnet below
        penalty: λ, weight of the gradient penalty; not given: 10, or the .1 of the authors' toys for points
        n_critic: updates of the critic before each of G
        lr: Adam's learning rate for both players; not given: 1e-4, or 2e-4 for resnet below 64 pixels
        schedule: the learning rate over the run; linear and cosine fall to 0 in its second half, fall from the start;
            not given: constant, or fall for resnet below 64 pixels
        batch: real images an update of the critic; not given: 50 for mnist, 64 for resnet, 256 for points
    """
    from ganvas.nets.dcgan import doublings
    from ganvas.nets.resnet import ResNetDiscriminator, ResNetGenerator
    from ganvas.nets.wgan_gp import WGANGPCritic, WGANGPGenerator
    from ganvas.play.latent import Normal
    from ganvas.play.penalties import GradientPenalty, between
    from ganvas.play.schedules import constant

    told, small = levels(data, conditional), net == "resnet" and max(data.shape[1:]) < 64
    if points(data):
        G, D = point_players(data, latent, told)
    elif net == "mnist":
        G, D = WGANGPGenerator(latent, data.shape, width, told), WGANGPCritic(data.shape, width, told)
    elif small:
        G = ResNetGenerator(latent, data.shape, [width] * (doublings(data.shape)[0] + 1), told)
        D = ResNetDiscriminator(data.shape, [width] * 4, 2, "mean", levels=told)
    else:
        count, _ = doublings(data.shape)
        channels = [min(width << i, 8 * width) for i in range(count + 1)]
        G = ResNetGenerator(latent, data.shape, channels[::-1], told)
        D = ResNetDiscriminator(data.shape, channels[1:], count, "flat", "layer", told, stem=width)
    learn = partial(adam, learning_rate(lr, schedule, warm_up), (0.0, 0.9) if net == "resnet" else (0.5, 0.9))
    return [
        latent_phase(
            G, D, Normal(latent), loss=loss, images=images, batch=batch, learn=learn, ema=ema,
            pixels=(0.0, 1.0) if net == "mnist" else (-1.0, 1.0), n_critic=constant(n_critic), g_times=2 if small else 1,
            penalties=(GradientPenalty(constant(penalty), between),),
            conditional=conditional, augment=augmentation(augment, data, loss),
        )
    ]  # fmt: skip
