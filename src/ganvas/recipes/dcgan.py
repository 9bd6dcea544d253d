"""Convolutional GANs: DCGAN in the paper's form, and the upsampling form in which it is taught."""

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
)

if TYPE_CHECKING:
    from ganvas.data.source import DataSpec


@documented
def dcgan(
    data: DataSpec,
    *,
    latent: int = 100,
    width: int = 128,
    kernel: int = 4,
    minibatch_std: int | None = None,
    loss: LossName = "non_saturating",
    lr: float = 2e-4,
    schedule: ScheduleName = "constant",
    warm_up: float = 0.0,
    ema: float = 0.05,
    augment: AugmentName = "none",
    conditional: bool = False,
    batch: int = 128,
    images: int = 1_500_000,
):
    """DCGAN (Radford et al. 2015): transposed convolutions, BatchNorm in both players, tanh.

    64×64 starts at 4×4×1024 as in figure 1; other sizes are a 4- to 7-pixel map doubled at least twice (28, 32, 48 …).
    No pooling, no BatchNorm on G's output and D's input, N(0, .02) weights, Adam 2e-4 (.5, .999), batches of 128.
    G moves on the fakes D has just judged, as in the authors' Torch code.
    Departures: z is normal where the Theano code has U(−1, 1); kernels of 4 as in the authors' Torch code (5 in the
    Theano code, --kernel 5), which leave no checkerboard; no weight decay; both players learn from every batch.
    Conditional, the label stands beside z, as in the authors' conditional code for MNIST; there it is also beside every
    later map of both players, here in G's BatchNorm and projected in D, as in this package's other conditional GANs.
    For minutes on a laptop: --width 32 --batch 64 --lr 1e-3.

    Args:
        width: channels of the largest map; 128 in the paper, 64 in the Torch code
        kernel: side of the convolution kernels, 4 or 5
        minibatch_std: images in a group whose standard deviation D is shown (Karras et al. 2018); not given: none
    """
    from ganvas.errors import BadInput
    from ganvas.nets.dcgan import DCGANDiscriminator, DCGANGenerator, dcgan_init
    from ganvas.play.latent import Normal

    if kernel not in (4, 5):
        raise BadInput(f"--kernel is 4 or 5 for dcgan (a map must exactly double), not {kernel}")
    told = levels(data, conditional)
    G = DCGANGenerator(latent, data.shape, width, kernel, told, beside=True)
    D = DCGANDiscriminator(data.shape, width, kernel, levels=told, minibatch_std=minibatch_std or 0)
    for net in (G, D):
        dcgan_init(net)
    learn = partial(adam, learning_rate(lr, schedule, warm_up), (0.5, 0.999))
    return [
        latent_phase(
            G, D, Normal(latent), loss=loss, images=images, batch=batch, learn=learn, ema=ema, reuse=True,
            conditional=conditional, augment=augmentation(augment, data, loss),
        )
    ]  # fmt: skip


@documented
def dcgan_upsample(
    data: DataSpec,
    *,
    latent: int = 100,
    channels: tuple[int, ...] = (128, 128, 64),
    d_channels: tuple[int, ...] = (32, 64, 128, 256),
    dropout: float = 0.25,
    loss: LossName = "non_saturating",
    lr: float = 2e-4,
    schedule: ScheduleName = "constant",
    warm_up: float = 0.0,
    ema: float = 0.05,
    conditional: bool = False,
    batch: int = 32,
    images: int = 960_000,
):
    """The upsampling form of the Fashion-MNIST lab (Keras): nearest-neighbour doubling + convolution, dropout in D.

    G: dense 7·7·128, ReLU, doubled twice with 3×3 convolutions to 128 and 64, BatchNorm, tanh. D: 3×3 convolutions of
    stride 2 to 32, 64 (zero-padded below and right), 128, 256; BatchNorm but on the first; dropout; dense. Adam 2e-4
    (.5, .999). For 28×28 and 32×32. Keras' momentum=.8 is torch's .2. G moves on the noise D has just judged.
    Keras' initialisation (Glorot, zero biases) and its BatchNorm epsilon (1e-3).
    Departures: the lab prints D's loss as the mean of its real and fake half, here it is their sum; strided convolutions
    are padded by one on both sides where Keras pads an even map below and right only; Adam's epsilon is torch's 1e-8.

    Args:
        channels: channels of G's maps, the dense one first
        d_channels: channels of D's maps
        dropout: share of D's activations zeroed
    """
    from ganvas.errors import BadInput
    from ganvas.nets.upsample import StridedDiscriminator, UpsampleGenerator, keras_init
    from ganvas.play.latent import Normal

    shrink = 2 ** (len(channels) - 1)
    if data.shape[1] % shrink or data.shape[2] % shrink or min(data.shape[1:]) < 4 * shrink:
        raise BadInput(
            f"dcgan_upsample doubles a map {len(channels) - 1} times: {data.shape[1]}×{data.shape[2]} is no multiple of "
            f"{shrink} of at least {4 * shrink}; use --size 28 or 32, or dcgan for larger images"
        )
    norm = {"momentum": 0.2, "eps": 1e-3, "levels": levels(data, conditional)}
    G = UpsampleGenerator(latent, data.shape, channels, **norm)
    D = StridedDiscriminator(data.shape, d_channels, kernel=3, norm=True, dropout=dropout, pad_after=1, **norm)
    for net in (G, D):
        keras_init(net)
    learn = partial(adam, learning_rate(lr, schedule, warm_up), (0.5, 0.999))
    return [
        latent_phase(
            G, D, Normal(latent), loss=loss, images=images, batch=batch, learn=learn, ema=ema, reuse=True,
            conditional=conditional,
        )
    ]  # fmt: skip
