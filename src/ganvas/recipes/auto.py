"""The default: what trains well today, sized to the data."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

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
    settled,
)

if TYPE_CHECKING:
    from ganvas.data.source import DataSpec

SMALL = 48  # pixels a side; see docs/log.md for how width and rate were found
FEW = 5_000  # training images below which a discriminator overfits within an ordinary run


def by_the_data(data: DataSpec, arguments: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The arguments with those not given chosen by the data, and a sentence for each choice."""
    channels, side = data.shape[0], max(data.shape[1:])
    chosen, reasons = dict(arguments), []
    small = side <= SMALL
    if chosen["width"] is None:
        chosen["width"] = (16 if channels == 1 else 24) * (1 if small else 2)
        reasons.append(
            f"width {chosen['width']}: the images have {channels} channel{'s' * (channels > 1)} and {side} pixels a side"
        )
    by_size = {"gamma": (1.0, 10.0), "lr": (2e-3, 5e-4), "schedule": ("inverse", "linear")}
    for name, (if_small, else_) in by_size.items():
        if chosen[name] is None:
            chosen[name] = if_small if small else else_
            value = chosen[name] if name == "schedule" else f"{chosen[name]:g}"
            reasons.append(f"{name} {value}: the images have {side} pixels a side")
    if chosen["augment"] is None:
        few, count = 0 < data.n < FEW, f"{data.n:,} training images" if data.n else "endless training images"
        chosen["augment"] = ("ada" if data.held_out else "diffaugment") if few else "none"
        reasons.append(f"augment {chosen['augment']}: {count}{', few enough for D to learn them by heart' * few}")
    if chosen["conditional"] is None:
        chosen["conditional"] = bool(data.levels)
        reasons.append(
            "conditional: the images have labels" if data.levels else "unconditional: the images have no labels"
        )
    return chosen, reasons


@documented
@settled(by_the_data)
def auto(
    data: DataSpec,
    *,
    width: int | None = None,
    latent: int = 64,
    loss: LossName = "relativistic",
    gamma: float | None = None,
    lazy: int = 4,
    lr: float | None = None,
    schedule: ScheduleName | None = None,
    warm_up: float = 0.0,
    ema: float = 0.05,
    augment: AugmentName | None = None,
    conditional: bool | None = None,
    batch: int = 64,
    images: int = 300_000,
):
    """What trains well today: relativistic pairing, R1 and R2 gradient penalties, no normalisation in D.

    The loss and penalties of R3GAN (Huang et al. 2024) on a small upsampling G (BatchNorm) and strided D (no norm);
    penalties every 4th round with 4 times the weight; Adam (0, .99), whose rate falls. A label stands beside z and in
    G's BatchNorm, and is projected in D.
    Looks at the data alone, never at the machine or the time, and says what it chose and why.

    Args:
        width: channels of G's largest map; not given: 16 for grey images and 24 for colour up to 48 pixels a side, else
            twice that
        gamma: weight of R1 and R2 (γ/2 · E‖∇D‖², pixels in [−1, 1]); not given: 1 up to 48 pixels a side, else 10
        lazy: rounds between two penalties
        lr: Adam's learning rate for both players; not given: 2e-3 up to 48 pixels a side, else 5e-4
        schedule: the learning rate over the run (linear, cosine, fall, constant: as in every recipe); not given: inverse,
            in proportion to 1/images after 50,000 of them, up to 48 pixels a side, else linear, to 0 in the second half
        augment: what D sees images through: diffaugment (colour, translation and cutout, on every image) or ada (as much
            of it as D's overfitting asks for); not given: ada below 5,000 training images, else none
        conditional: G and D are told the label; not given: where the data have labels
    """
    from ganvas.nets.dcgan import doublings
    from ganvas.nets.upsample import StridedDiscriminator, UpsampleGenerator
    from ganvas.play.latent import Normal
    from ganvas.play.penalties import GradientPenalty, fake, real
    from ganvas.play.schedules import constant

    told = levels(data, conditional)
    count, _ = doublings(data.shape)
    channels = [min(width * 2**i, 8 * width) for i in reversed(range(count + 1))]
    G = UpsampleGenerator(latent, data.shape, channels, norm_dense=True, levels=told, beside=True)
    D = StridedDiscriminator(data.shape, channels[::-1][:count], levels=told)
    half = constant(gamma / 2)
    learn = partial(adam, learning_rate(lr, schedule, warm_up), (0.0, 0.99))
    return [
        latent_phase(
            G, D, Normal(latent), loss=loss, images=images, batch=batch, learn=learn, ema=ema,
            penalties=(GradientPenalty(half, real, 0.0, lazy), GradientPenalty(half, fake, 0.0, lazy)),
            conditional=conditional, augment=augmentation(augment, data, loss),
        )
    ]  # fmt: skip
