"""Picture to picture with pairs: pix2pix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ganvas.recipes.common import LossName, ScheduleName, adam, augmentation, documented, learning_rate, settled, wants
from ganvas.recipes.patches import Augment, Norm, Patch, by, initialised, jittered, judge, penalties

if TYPE_CHECKING:
    from ganvas.data.source import DataSpec

Direction = Literal["AtoB", "BtoA"]


def paired_by_the_data(data: DataSpec, arguments: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """U-Net's depth: as often as both sides can be halved, at most 8 times."""
    chosen, reasons = dict(arguments), []
    if chosen.get("generator", "unet") == "unet" and chosen["depth"] is None:
        chosen["depth"] = halvings(data.shape)
        reasons.append(f"depth {chosen['depth']}: {by(data)} can be halved so often (at most 8 times)")
    return chosen, reasons


@documented
@settled(paired_by_the_data)
@wants("pairs", data="edges", side=256)
def pix2pix(
    data: DataSpec,
    *,
    direction: Direction = "AtoB",
    generator: Literal["unet", "resnet"] = "unet",
    width: int = 64,
    depth: int | None = None,
    blocks: int = 9,
    norm: Norm = "batch",
    dropout: float = 0.5,
    patch: Patch = 70,
    l1: float = 100.0,
    loss: LossName = "non_saturating",
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
    images: int = 80_000,
):
    """pix2pix (Isola et al. 2017): a U-Net learns from pairs; a PatchGAN that sees the source too, and 100 · L1.

    U-Net-256 (at 256²), 70×70 PatchGAN, D's loss halved, jitter 286 → 256 and mirror alike for both pictures, Adam 2e-4
    (.5, .999), batches of one; noise is dropout alone, which stays on in use, as do the norms' statistics of the picture
    itself. 80,000 images are 200 passes over 400 (facades). The rate is constant, then falls to 0 in the second half
    (the authors' PyTorch code; the Lua code keeps it).
    Departures: D is judged anew for G's move (the Lua code reuses its answer from before D's update).

    Args:
        direction: which picture of a pair is given, and which is made
        generator: unet, or resnet: CycleGAN's
        width: channels of the first map, of both players
        depth: halvings of the U-Net; not given: as often as both sides can be halved, at most 8 times
        blocks: residual blocks of a resnet
        norm: batch, with batches of one (the paper's); instance has no gain and bias and allows larger batches
        dropout: of the U-Net's first three decoded maps, in training and in use: the only noise
        patch: pixels a side that a logit of D sees
        l1: weight of ‖y − G(x)‖₁, pixels in [−1, 1]
        gp: weight of WGAN-GP's penalty on D (10 in its paper)
        gamma: weight of R1 on D (γ/2 · E‖∇D‖²)
        spectral: every layer of D divided by its largest singular value, instead of its norms
        jitter: enlargement before a random crop back to the size; 1: none
        mirror: both pictures mirrored, half of the time
    """
    from ganvas.nets.translation import ResNetTranslator
    from ganvas.nets.unet import UNet
    from ganvas.play.game import Phase
    from ganvas.play.losses import LOSSES
    from ganvas.play.paired import Content, Paired
    from ganvas.play.paired import l1 as distance

    source, target = ("a", "b") if direction == "AtoB" else ("b", "a")
    given, made = (data.view(side).shape[0] for side in (source, target))
    if generator == "unet":
        _divisible(data, depth)
        G = UNet(given, made, width, depth, norm, dropout)
    else:
        G = ResNetTranslator(given, made, width, blocks, norm, dropout)
    D = judge(given + made, data, width, patch, norm, bool(gp or gamma), spectral)
    G, D = initialised(G, D, spectral)
    game = Paired(
        G, D, source, target, LOSSES[loss], (Content("l1", l1, distance),), jitter=jittered(jitter, mirror),
        penalties=penalties(gp, gamma), augment=augmentation(augment, data, loss),
    )  # fmt: skip
    rate = learning_rate(lr, schedule, warm_up)
    learn = {"G": adam(rate, (0.5, 0.999), ema), "D": adam(rate, (0.5, 0.999))}
    return [Phase(game, images, batch, learn)]


@documented(like=pix2pix)
@settled(paired_by_the_data)
@wants("pairs", data="edges", side=64)
def pix2pix_small(
    data: DataSpec,
    *,
    direction: Direction = "AtoB",
    width: int = 16,
    depth: int | None = None,
    patch: Patch = 16,
    l1: float = 100.0,
    loss: LossName = "non_saturating",
    jitter: float = 1.0,
    mirror: bool = False,
    augment: Augment = "none",
    lr: float = 1e-3,
    schedule: ScheduleName = "linear",
    warm_up: float = 0.0,
    ema: float = 0.0,
    batch: int = 8,
    images: int = 40_000,
):
    """pix2pix for a laptop: a U-Net of a quarter of the width, InstanceNorm, patches of 16, minutes instead of hours.

    Same game as pix2pix, without its noise: batches of 8, no dropout, no jitter (digits must not be mirrored), Adam 1e-3.
    """
    return pix2pix(
        data, direction=direction, width=width, depth=depth, norm="instance", dropout=0.0, patch=patch, l1=l1, loss=loss,
        jitter=jitter, mirror=mirror, augment=augment, lr=lr, schedule=schedule, warm_up=warm_up, ema=ema, batch=batch,
        images=images,
    )  # fmt: skip


def halvings(shape: tuple[int, int, int]) -> int:
    """How often both sides can be halved, at most 8 times (U-Net-256)."""
    return next((n for n in range(8, 0, -1) if shape[1] % 2**n == shape[2] % 2**n == 0), 0)


def _divisible(data: DataSpec, depth: int) -> None:
    from ganvas.errors import BadInput

    possible = halvings(data.shape)
    if depth < 3:
        sides = sorted({max(16, 16 * round(side / 16)) for side in data.shape[1:]})
        raise BadInput(
            f"a U-Net halves the picture at least 3 times, and {by(data)} {'cannot be' if possible < 3 else 'is not'} "
            f"halved so often: choose a --size such as {'x'.join(map(str, sides))}, or --generator resnet"
        )
    if depth > possible:
        raise BadInput(f"--depth {depth}: {by(data)} can be halved {possible} times: leave it out, or choose --size")
