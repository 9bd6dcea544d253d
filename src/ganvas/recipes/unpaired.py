"""Picture to picture without pairs: CycleGAN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ganvas.recipes.common import LossName, ScheduleName, adam, augmentation, documented, learning_rate, settled, wants
from ganvas.recipes.patches import Augment, Norm, Patch, by, initialised, jittered, judge, penalties

if TYPE_CHECKING:
    from ganvas.data.source import DataSpec


def unpaired_by_the_data(data: DataSpec, arguments: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Blocks by the size, the identity loss by the channels."""
    chosen, reasons = dict(arguments), []
    a, b = (data.view(side).shape for side in ("a", "b"))
    if chosen["blocks"] is None:
        chosen["blocks"] = 9 if max(b[1:]) >= 256 else 6
        reasons.append(f"blocks {chosen['blocks']}: the pictures are {by(data)} (9 from 256 on)")
    if chosen["identity"] is None:
        chosen["identity"] = 0.5 if a[0] == b[0] else 0.0
        why = "both domains have" if a[0] == b[0] else "the domains have not"
        reasons.append(f"identity {chosen['identity']:g}: {why} as many channels")
    return chosen, reasons


@documented
@settled(unpaired_by_the_data)
@wants("domains", data="outlines", side=256)
def cyclegan(
    data: DataSpec,
    *,
    width: int = 64,
    blocks: int | None = None,
    norm: Norm = "instance",
    cycle: float = 10.0,
    identity: float | None = None,
    pool: int = 50,
    patch: Patch = 70,
    loss: LossName = "least_squares",
    gp: float = 0.0,
    gamma: float = 0.0,
    spectral: bool = False,
    jitter: float = 286 / 256,
    mirror: bool = True,
    augment: Augment = "none",
    lr: float = 2e-4,
    schedule: ScheduleName = "linear",
    warm_up: float = 0.0,
    ema: float = 0.0,
    batch: int = 1,
    images: int = 200_000,
):
    """CycleGAN (Zhu et al. 2017): two translators and two discriminators; there and back must lead home. No pairs.

    Residual generators with reflection padding and InstanceNorm without running statistics, 70×70 PatchGANs, least
    squares, D's loss halved and shown fakes out of a pool of 50, λ = 10, Adam 2e-4 (.5, .999), batches of one; generators
    move first. The rate is constant, then falls to 0 in the second half. 200 passes are the paper's length.

    Args:
        width: channels of the first map, of all players
        blocks: residual blocks of the generators; not given: 6, from 256 pixels on 9
        norm: instance (the paper's), or batch: with gain and bias
        cycle: weight λ of ‖F(G(x)) − x‖₁ + ‖G(F(y)) − y‖₁, pixels in [−1, 1]
        identity: weight, as a share of λ, of ‖G(y) − y‖₁ + ‖F(x) − x‖₁, which keeps colours (the paper: .5, for painting
            to photo; the code's default); above that large changes are not learned. Not given: .5 where both domains
            have as many channels, else 0
        pool: fakes kept to show D older ones too; 0: none
        patch: pixels a side that a logit of D sees
        gp: weight of WGAN-GP's penalty on each D (10 in its paper)
        gamma: weight of R1 on each D (γ/2 · E‖∇D‖²)
        spectral: every layer of D divided by its largest singular value, instead of its norms
        jitter: enlargement before a random crop back to the size; 1: none
        mirror: each picture mirrored, half of the time
    """
    from torch import nn

    from ganvas.errors import BadInput
    from ganvas.nets.translation import TwoWay
    from ganvas.play.game import Phase
    from ganvas.play.losses import LOSSES
    from ganvas.play.unpaired import Unpaired

    a, b = (data.view(side).shape[0] for side in ("a", "b"))
    if identity and a != b:
        raise BadInput(f"--identity compares a picture with its own translation, and A has {a} channels, B {b}: give 0")
    G = TwoWay("ResNetTranslator", a, b, width=width, blocks=blocks, norm=norm)
    judges = (judge(channels, data, width, patch, norm, bool(gp or gamma), spectral) for channels in (a, b))
    D = nn.ModuleDict(dict(zip("ab", judges, strict=True)))
    G, D = initialised(G, D, spectral)
    game = Unpaired(
        G, D, LOSSES[loss], cycle, cycle * identity, pool, jitter=jittered(jitter, mirror),
        penalties=penalties(gp, gamma), augment=augmentation(augment, data, loss),
    )  # fmt: skip
    rate = learning_rate(lr, schedule, warm_up)
    learn = {"G": adam(rate, (0.5, 0.999), ema), "D": adam(rate, (0.5, 0.999))}
    return [Phase(game, images, batch, learn)]


@documented(like=cyclegan)
@settled(unpaired_by_the_data)
@wants("domains", data="outlines", side=64)
def cyclegan_small(
    data: DataSpec,
    *,
    width: int = 12,
    blocks: int | None = 2,
    cycle: float = 10.0,
    identity: float | None = 0.0,
    pool: int = 50,
    patch: Patch = 34,
    loss: LossName = "least_squares",
    jitter: float = 1.0,
    mirror: bool = False,
    augment: Augment = "none",
    lr: float = 1e-3,
    schedule: ScheduleName = "linear",
    warm_up: float = 0.0,
    ema: float = 0.0,
    batch: int = 4,
    images: int = 20_000,
):
    """CycleGAN for a laptop: a fifth of the width, 2 residual blocks, patches of 34, minutes instead of hours.

    Same game as cyclegan: batches of 4, no jitter (digits must not be mirrored), no identity loss (shapes must change),
    Adam 1e-3. At 32×32 a patch of 34 is the whole picture: smaller ones do not see where in it a thing is, and a
    translation that moves everything by a pixel is as good to them as the true one.

    Args:
        blocks: residual blocks of the generators
        identity: weight, as a share of λ, of ‖G(y) − y‖₁ + ‖F(x) − x‖₁, which keeps colours and stands in the way of
            large changes
    """
    return cyclegan(
        data, width=width, blocks=blocks, cycle=cycle, identity=identity, pool=pool, patch=patch, loss=loss, jitter=jitter,
        mirror=mirror, augment=augment, lr=lr, schedule=schedule, warm_up=warm_up, ema=ema, batch=batch, images=images,
    )  # fmt: skip
