"""The fully connected GANs: the 2014 paper's and three forms in which it is taught."""

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
def gan(
    data: DataSpec,
    *,
    latent: int = 10,
    widths: tuple[int, ...] = (128, 256, 512, 1024),
    d_widths: tuple[int, ...] = (512, 256, 128),
    loss: LossName = "non_saturating",
    lr: float = 1e-5,
    schedule: ScheduleName = "constant",
    warm_up: float = 0.0,
    n_critic: int = 1,
    ema: float = 0.05,
    conditional: bool = False,
    batch: int = 128,
    images: int = 5_120_000,
):
    """A first GAN: the fully connected lab form, pixels in [0, 1].

    G: Linear, BatchNorm, ReLU in four blocks, sigmoid out. D: Linear, LeakyReLU(.2) in three blocks, logits out.
    Source: the first lab of the study notes (40,000 steps of 128). Departure: D's loss is the sum of its real and
    fake half, where the lab reports their mean.

    Args:
        widths: units of G's hidden layers
        d_widths: units of D's hidden layers
        lr: Adam's learning rate for both players (betas .9, .999)
    """
    from ganvas.nets.mlp import MLPDiscriminator, MLPGenerator
    from ganvas.play.latent import Normal
    from ganvas.play.schedules import constant

    told = levels(data, conditional)
    G = MLPGenerator(latent, data.shape, widths, "relu", output="sigmoid", levels=told)
    D = MLPDiscriminator(data.shape, d_widths, levels=told)
    learn = partial(adam, learning_rate(lr, schedule, warm_up), (0.9, 0.999))
    return [
        latent_phase(
            G, D, Normal(latent), loss=loss, images=images, batch=batch, learn=learn, ema=ema,
            pixels=(0.0, 1.0), n_critic=constant(n_critic), conditional=conditional,
        )
    ]  # fmt: skip


@documented
def gan_dropout(
    data: DataSpec,
    *,
    latent: int = 128,
    dropout: float = 0.3,
    loss: LossName = "non_saturating",
    lr: float = 2e-4,
    schedule: ScheduleName = "constant",
    warm_up: float = 0.0,
    n_critic: int = 1,
    ema: float = 0.05,
    conditional: bool = False,
    batch: int = 512,
    images: int = 12_000_000,
):
    """The book form: no normalisation, dropout in D, large batches (200 epochs of 60,000 images).

    G: 256-512-1024, LeakyReLU(.2), tanh. D: 1024-512-256, LeakyReLU(.2), dropout. Adam with betas .9, .999.
    Departures: logits and one loss function instead of a sigmoid under binary cross-entropy (equal, and stable); with
    --n-critic above 1 every update of D draws a new batch.

    Args:
        dropout: share of D's units zeroed
    """
    from ganvas.nets.mlp import MLPDiscriminator, MLPGenerator
    from ganvas.play.latent import Normal
    from ganvas.play.schedules import constant

    told = levels(data, conditional)
    G = MLPGenerator(latent, data.shape, (256, 512, 1024), "leaky_relu", norm=False, levels=told)
    D = MLPDiscriminator(data.shape, (1024, 512, 256), dropout, levels=told)
    learn = partial(adam, learning_rate(lr, schedule, warm_up), (0.9, 0.999))
    return [
        latent_phase(
            G, D, Normal(latent), loss=loss, images=images, batch=batch, learn=learn, ema=ema,
            n_critic=constant(n_critic), conditional=conditional,
        )
    ]  # fmt: skip


@documented
def gan_leaky(
    data: DataSpec,
    *,
    latent: int = 100,
    loss: LossName = "non_saturating",
    lr: float = 2e-4,
    schedule: ScheduleName = "constant",
    warm_up: float = 0.0,
    n_critic: int = 1,
    ema: float = 0.05,
    conditional: bool = False,
    batch: int = 64,
    images: int = 12_000_000,
):
    """The most copied form: BatchNorm from G's second block on, LeakyReLU(.2), tanh, any image shape.

    G: 128-256-512-1024. D: 512-256. Adam 2e-4 (.5, .999); G moves on the fakes D has just judged.
    Source: PyTorch-GAN's gan.py and the Keras code it ports.
    Departure: there `BatchNorm1d(n, 0.8)` sets eps to .8, because torch's second argument is eps; Keras' momentum=.8
    (the weight of the old) was meant, which is torch's momentum .2 (the weight of the new) as here. There G moves first
    and D judges the same fakes; here D moves first. There D's loss is the mean of its halves; here it is their sum.
    """
    from ganvas.nets.mlp import MLPDiscriminator, MLPGenerator
    from ganvas.play.latent import Normal
    from ganvas.play.schedules import constant

    told, widths = levels(data, conditional), (128, 256, 512, 1024)
    G = MLPGenerator(latent, data.shape, widths, "leaky_relu", norm_first=False, momentum=0.2, levels=told)
    D = MLPDiscriminator(data.shape, (512, 256), levels=told)
    learn = partial(adam, learning_rate(lr, schedule, warm_up), (0.5, 0.999))
    return [
        latent_phase(
            G, D, Normal(latent), loss=loss, images=images, batch=batch, learn=learn, ema=ema,
            n_critic=constant(n_critic), reuse=True, conditional=conditional,
        )
    ]  # fmt: skip


@documented
def gan_2014(
    data: DataSpec,
    *,
    latent: int = 100,
    units: int = 1200,
    maxout: int = 240,
    pieces: int = 5,
    loss: LossName = "non_saturating",
    lr: float = 0.1,
    lr_decay: float = 1.000004,
    momentum: tuple[float, float] = (0.5, 0.7),
    momentum_rounds: int = 125_000,
    max_norm: float | None = None,
    ema: float = 0.05,
    conditional: bool = False,
    batch: int = 100,
    images: int = 12_500_000,
):
    """The 2014 paper's MNIST model, from its authors' code (goodfeli/adversarial, mnist.yaml); pixels in [0, 1].

    G: z ~ U(−√3, √3) → ReLU 1200 → ReLU 1200 → sigmoid, output bias from the data's mean image. D: two maxout layers
    (240 units of 5 pieces) under dropout (.2 of the input, .5 of the units), no bound on weights. SGD, both players
    updated simultaneously. G maximises log D(G(z)), as the code does; Algorithm 1 prints the minimax form (--loss minimax).
    Departures: D's loss is the sum of both halves where the code has their mean, so D's rate is halved to match;
    each player's loss draws its own dropout masks; the mean image behind the output bias is rounded to 1/255.

    Args:
        latent: coordinates of z, uniform with unit variance
        units: ReLU units in each of G's two hidden layers
        maxout: maxout units in each of D's two hidden layers
        pieces: linear pieces of a maxout unit
        lr: first learning rate of SGD
        lr_decay: the learning rate is divided by this every update, down to 1e-6
        momentum: first and last momentum
        momentum_rounds: updates over which the momentum rises (250 epochs of 500)
        max_norm: longest weight vector into a unit of D (1.9 is usual for maxout); not given: any
    """
    import torch

    from ganvas.nets.mlp import MaxoutDiscriminator, MLPGenerator, set_output_bias, uniform_init
    from ganvas.play.game import Optimizer, Phase
    from ganvas.play.latent import Latent, Uniform
    from ganvas.play.losses import LOSSES
    from ganvas.play.penalties import MaxNorm, free
    from ganvas.play.schedules import decay_per_round, ramp_over_rounds

    told = levels(data, conditional)
    G = MLPGenerator(latent, data.shape, (units, units), "relu", norm=False, output="sigmoid", levels=told)
    uniform_init(G, 0.05)
    set_output_bias(G.net[-2], torch.from_numpy(data.mean_image()))
    D = MaxoutDiscriminator(data.shape, maxout, pieces, levels=told)
    uniform_init(D, 0.005)

    def sgd(first: float, ema: float = 0.0) -> Optimizer:
        rates = decay_per_round(first, lr_decay, 1e-6 * first / lr)
        return momentum_sgd(rates, ramp_over_rounds(*momentum, momentum_rounds), ema)

    prior = Uniform(latent, -(3**0.5), 3**0.5)
    smooth = {"constraint": MaxNorm(max_norm) if max_norm else free, "simultaneous": True}
    game = Latent(G, D, prior, LOSSES[loss], conditional=conditional, **smooth)
    return [Phase(game, images, batch, {"G": sgd(lr, ema), "D": sgd(lr / 2)}, pixels=(0.0, 1.0))]
