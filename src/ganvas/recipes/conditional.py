"""GANs that are told, or tell, the class: Mirza & Osindero's conditional GAN, and ACGAN."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ganvas.recipes.common import (
    LossName,
    ScheduleName,
    adam,
    documented,
    latent_phase,
    learning_rate,
    levels,
    momentum_sgd,
)

if TYPE_CHECKING:
    from ganvas.data.source import DataSpec


@documented
def cgan(
    data: DataSpec,
    *,
    latent: int = 100,
    g_units: tuple[int, ...] = (200, 1000, 1200),
    d_units: tuple[int, ...] = (240, 50, 240),
    dropout: float = 0.5,
    loss: LossName = "non_saturating",
    lr: float = 0.1,
    lr_decay: float = 1.00004,
    momentum: tuple[float, float] = (0.5, 0.7),
    momentum_rounds: int = 125_000,
    max_norm: float | None = None,
    ema: float = 0.05,
    batch: int = 100,
    images: int = 5_000_000,
):
    """Conditional GAN (Mirza & Osindero 2014): the label goes into both players; fully connected, pixels in [0, 1].

    G: z ~ U(0, 1)^100 → ReLU 200 and label → ReLU 1000, together → ReLU 1200 → sigmoid. D: image → maxout 240×5 and
    label → maxout 50×5, together → maxout 240×4. Dropout .5 in both. SGD, both players updated simultaneously.
    Source: section 4.1 and figure 1; what it leaves open (first weights, output bias from the mean image, dropout of D's
    input) is as in gan_2014, whose code it grew from. Departure: D's loss is the sum of its
    halves, so its rate is halved.
    A conditional form of another GAN: `ganvas train dcgan --conditional`.

    Args:
        latent: coordinates of z, uniform in [0, 1]
        g_units: G's units for z, for the label, and for both
        d_units: D's maxout units for the image, for the label, and for both
        dropout: share of hidden units zeroed in G and in D
        lr: first learning rate of SGD
        lr_decay: the learning rate is divided by this every update, down to 1e-6
        momentum: first and last momentum
        momentum_rounds: updates over which the momentum rises
        max_norm: longest weight vector into a unit of D (1.9 is usual for maxout); not given: any
    """
    import torch

    from ganvas.errors import BadInput
    from ganvas.nets.mlp import CGANDiscriminator, CGANGenerator, set_output_bias, uniform_init
    from ganvas.play.game import Phase
    from ganvas.play.latent import Latent, Uniform
    from ganvas.play.losses import LOSSES
    from ganvas.play.penalties import MaxNorm, free
    from ganvas.play.schedules import decay_per_round, ramp_over_rounds

    if len(g_units) != 3 or len(d_units) != 3:
        raise BadInput("--g-units and --d-units are three numbers: for z or image, for the label, for both")
    told = levels(data, True, "cgan")
    G = CGANGenerator(latent, data.shape, told, g_units, dropout)
    uniform_init(G, 0.05)
    set_output_bias(G.last[0], torch.from_numpy(data.mean_image()))
    D = CGANDiscriminator(data.shape, told, d_units, keep=1 - dropout)
    uniform_init(D, 0.005)
    rise = ramp_over_rounds(*momentum, momentum_rounds)
    optimizers = {
        "G": momentum_sgd(decay_per_round(lr, lr_decay, 1e-6), rise, ema),
        "D": momentum_sgd(decay_per_round(lr / 2, lr_decay, 1e-6 / 2), rise),
    }
    rules = {"constraint": MaxNorm(max_norm) if max_norm else free, "simultaneous": True, "conditional": True}
    game = Latent(G, D, Uniform(latent, 0.0, 1.0), LOSSES[loss], **rules)
    return [Phase(game, images, batch, optimizers, pixels=(0.0, 1.0))]


@documented
def acgan(
    data: DataSpec,
    *,
    latent: int = 110,
    width: int = 48,
    dropout: float = 0.5,
    d_weight: float = 1.0,
    g_weight: float = 1.0,
    loss: LossName = "non_saturating",
    lr: float = 2e-4,
    schedule: ScheduleName = "constant",
    warm_up: float = 0.0,
    ema: float = 0.05,
    batch: int = 100,
    images: int = 1_500_000,
):
    """ACGAN (Odena et al. 2017): D names the class of what it sees; both players want it named right.

    G: DCGAN's, the class beside z as in the paper and in BatchNorm as well. D: strided convolutions with BatchNorm,
    LeakyReLU(.2) and dropout .5; 1 + K logits: real or fake, and the class. Adam 2e-4 (.5, .999), batches of 100.
    Source: section 3 and appendix A (CIFAR-10). Departures: BatchNorm is class-conditional, as in this package's other
    conditional GANs; one strided convolution a halving instead of six layers; no activation noise.

    Known weakness: G prefers pictures that are easily named to varied ones.

    Args:
        width: channels of the largest map; 96 in the paper's G
        dropout: share of D's activations zeroed
        d_weight: weight of the class in D's loss, on real and fake images
        g_weight: weight of the class in G's loss
    """
    from ganvas.errors import BadInput
    from ganvas.nets.dcgan import DCGANGenerator, dcgan_init, doublings
    from ganvas.nets.upsample import StridedDiscriminator
    from ganvas.play.latent import Classify, Normal

    told = levels(data, True, "acgan")
    if len(told) != 1 or not told[0]:
        raise BadInput("acgan names one class a picture: give one column of classes, or use cgan for several columns")
    count, _ = doublings(data.shape)
    G = DCGANGenerator(latent, data.shape, width, levels=told, beside=True)
    D = StridedDiscriminator(
        data.shape, [width << i for i in range(count)], norm=True, dropout=dropout, outputs=1 + told[0]
    )
    for net in (G, D):
        dcgan_init(net)
    learn = partial(adam, learning_rate(lr, schedule, warm_up), (0.5, 0.999))
    return [
        latent_phase(
            G, D, Normal(latent), loss=loss, images=images, batch=batch, learn=learn, ema=ema,
            conditional=True, classify=Classify(d_weight, g_weight),
        )
    ]  # fmt: skip
