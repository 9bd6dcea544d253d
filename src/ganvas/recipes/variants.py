"""DCGAN's networks under other rules: LSGAN, DRAGAN, PacGAN."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

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
)

if TYPE_CHECKING:
    from ganvas.data.source import DataSpec


@documented
def lsgan(
    data: DataSpec,
    *,
    latent: int = 100,
    width: int = 64,
    loss: LossName = "least_squares",
    lr: float = 2e-4,
    schedule: ScheduleName = "constant",
    warm_up: float = 0.0,
    ema: float = 0.05,
    augment: AugmentName = "none",
    conditional: bool = False,
    batch: int = 64,
    images: int = 1_500_000,
):
    """LSGAN (Mao et al. 2017): least squares instead of cross-entropy; fakes far from the border still pull.

    DCGAN's networks with the 0–1 coding (equation 9): D is asked for 1 on real and 0 on fake, G wants 1. Adam 2e-4
    (.5, .999), batches of 64. Departures: the factors ½ are left out; the paper's networks for 112×112 have more layers.
    """
    from ganvas.play.latent import Normal

    G, D = _players(data, latent, width, conditional)
    learn = partial(adam, learning_rate(lr, schedule, warm_up), (0.5, 0.999))
    return [
        latent_phase(
            G, D, Normal(latent), loss=loss, images=images, batch=batch, learn=learn, ema=ema,
            conditional=conditional, augment=augmentation(augment, data, loss),
        )
    ]  # fmt: skip


@documented
def dragan(
    data: DataSpec,
    *,
    latent: int = 100,
    width: int = 64,
    penalty: float = 10.0,
    loss: LossName = "non_saturating",
    lr: float = 2e-4,
    schedule: ScheduleName = "constant",
    warm_up: float = 0.0,
    ema: float = 0.05,
    augment: AugmentName = "none",
    conditional: bool = False,
    batch: int = 64,
    images: int = 1_500_000,
):
    """DRAGAN (Kodali et al. 2017): the discriminator's slope around real images is drawn to 1.

    λ = 10 at real images under uniform noise of half the batch's standard deviation, one random share a sample (authors'
    code); the non-saturating game, one update each, Adam 2e-4 (.5, .999), batches of 64. DCGAN's networks, without
    BatchNorm in D, whose per-sample slope it would mix (a departure from the authors' code).

    Args:
        penalty: λ, weight of the gradient penalty
    """
    from ganvas.play.latent import Normal
    from ganvas.play.penalties import GradientPenalty, around
    from ganvas.play.schedules import constant

    G, D = _players(data, latent, width, conditional, norm=False)
    learn = partial(adam, learning_rate(lr, schedule, warm_up), (0.5, 0.999))
    return [
        latent_phase(
            G, D, Normal(latent), loss=loss, images=images, batch=batch, learn=learn, ema=ema,
            conditional=conditional, augment=augmentation(augment, data, loss),
            penalties=(GradientPenalty(constant(penalty), around),),
        )
    ]  # fmt: skip


@documented
def pacgan(
    data: DataSpec,
    *,
    latent: int = 100,
    width: int = 64,
    pack: int = 2,
    loss: LossName = "non_saturating",
    lr: float = 2e-4,
    schedule: ScheduleName = "constant",
    warm_up: float = 0.0,
    ema: float = 0.05,
    augment: AugmentName = "none",
    conditional: bool = False,
    batch: int = 64,
    images: int = 1_500_000,
):
    """PacGAN (Lin et al. 2018): D judges several pictures at once, and so sees when G repeats itself.

    Section 2.2: `pack` samples, all real or all fake, concatenated on their channels; nothing else changes. DCGAN's
    networks and optimiser, batches of 64, of which D gets 64/pack logits.

    Args:
        pack: pictures that are judged together (2 to 4 in the paper)
    """
    from ganvas.errors import BadInput
    from ganvas.play.latent import Normal

    if batch % pack:
        raise BadInput(f"--batch {batch} is no multiple of --pack {pack}: D judges {pack} pictures together")
    G, D = _players(data, latent, width, conditional, pack=pack)
    learn = partial(adam, learning_rate(lr, schedule, warm_up), (0.5, 0.999))
    return [
        latent_phase(
            G, D, Normal(latent), loss=loss, images=images, batch=batch, learn=learn, ema=ema,
            conditional=conditional, augment=augmentation(augment, data, loss),
        )
    ]  # fmt: skip


def _players(data: DataSpec, latent: int, width: int, conditional: bool, **of_d):
    """DCGAN's G and D; fully connected ones for points."""
    from ganvas.nets.dcgan import DCGANDiscriminator, DCGANGenerator, dcgan_init

    told = levels(data, conditional)
    if points(data):
        of_d.pop("norm", None)  # there is none
        return point_players(data, latent, told, **of_d)
    G = DCGANGenerator(latent, data.shape, width, levels=told, beside=True)
    D = DCGANDiscriminator(data.shape, width, levels=told, **of_d)
    for net in (G, D):
        dcgan_init(net)
    return G, D
