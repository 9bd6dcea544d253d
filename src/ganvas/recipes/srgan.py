"""A small picture to a large one: SRResNet, and SRGAN from there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ganvas.recipes.common import LossName, ScheduleName, adam, documented, learning_rate, settled, wants

if TYPE_CHECKING:
    from ganvas.data.source import DataSpec

Scale = Literal[2, 3, 4, 8]
Perceptual = Literal["vgg22", "vgg54", "discriminator", "pixels"]
TOLD = ("scale", "turns")  # arguments that say what examples are: the data are opened with them


def by_the_weights(data: DataSpec, arguments: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What the second phase compares by whether VGG19's weights are here; their digest. Raises BadInput."""
    from pathlib import Path

    from ganvas.errors import BadInput

    chosen, reasons = dict(arguments), []
    if chosen["perceptual"] is None and chosen["regression"] < 1:
        chosen["perceptual"] = "vgg54" if chosen["vgg"] else "discriminator"
        why = "VGG19's weights are given" if chosen["vgg"] else "no --vgg is given, so D's own features are compared"
        reasons.append(f"perceptual {chosen['perceptual']}: {why}")
    needed = (chosen["perceptual"] or "").startswith("vgg")
    if needed and not chosen["vgg"]:
        raise BadInput(
            f"--perceptual {chosen['perceptual']} compares features of VGG19, whose weights do not come with ganvas: give "
            "--vgg FILE (.safetensors or .npz), --vgg download (575 MB, once), or --perceptual discriminator"
        )
    if chosen["vgg"] and not needed:
        raise BadInput(f"--vgg is for --perceptual vgg54 or vgg22, not for {chosen['perceptual']}: leave one out")
    if chosen["vgg"]:
        from ganvas.nets.vgg import digest_of, downloaded

        if chosen["vgg"] == "download":
            chosen["vgg"] = downloaded()
        chosen["vgg"] = str(Path(chosen["vgg"]).expanduser().resolve())
        if chosen["vgg_sha256"] is None:
            chosen["vgg_sha256"] = digest_of(Path(chosen["vgg"]))
            reasons.append(f"vgg_sha256 {chosen['vgg_sha256']}: of {chosen['vgg']}")
    return chosen, reasons


@documented
@settled(by_the_weights)
@wants("photos", data="two_photos", side=96, told=TOLD)
def srgan(
    data: DataSpec,
    *,
    scale: Scale = 4,
    turns: bool = False,
    width: int = 64,
    blocks: int = 16,
    d_width: int = 64,
    regression: float = 5 / 6,
    perceptual: Perceptual | None = None,
    vgg: str | None = None,
    vgg_sha256: str | None = None,
    adversarial: float = 1e-3,
    features: float = 0.01,
    loss: LossName = "non_saturating",
    lr: float = 1e-4,
    game_lr: float = 1e-4,
    schedule: ScheduleName = "constant",
    warm_up: float = 0.0,
    ema: float = 0.0,
    batch: int = 16,
    images: int = 19_200_000,
):
    """SRGAN (Ledig et al. 2017): a residual network learns to enlarge photos, first by mean square (SRResNet), then judged.

    16 blocks of 64 channels, crops of 96 and their bicubic quarter, batches of 16, Adam 1e-4 (.9, .999): a million
    updates of the mean square alone, then 100,000 with VGG's features + 1e-3 · adversarial, and as many at a tenth of
    the rate. snapshots/phase-0.safetensors keeps the network of the first phase, the one of high PSNR.
    Departures: without VGG19's weights (--vgg) D's own features are compared, beside the pixels. No flips, as in the
    paper: --flip and --turns give eight times the crops, which few photos need.

    Args:
        scale: how many times larger the picture becomes, in each direction
        turns: crops are also turned by 90, 180 or 270°
        width: channels of every map of G
        blocks: residual blocks
        d_width: channels of D's first map; its last has eight times as many
        regression: share of the images in the first phase; 1: no game follows, SRResNet alone
        perceptual: what G's output and the photo are compared by in the second phase: vgg54 or vgg22 (the paper's),
            discriminator (D's features and pixels), pixels; not given: vgg54 with --vgg, else discriminator
        vgg: file with VGG19's weights, torchvision's layout, as .safetensors or .npz; or download: torchvision's (575 MB)
        vgg_sha256: that it must have; not given: the file's, which is told and kept
        adversarial: weight of the adversarial loss
        features: weight of the distance in D's features, where those are compared
        lr: Adam's learning rate in the first phase
        game_lr: the same for both players in the second; at its middle it falls to a tenth
        schedule: the learning rate over the first phase; linear and cosine fall to 0 in its second half
    """
    from ganvas.errors import BadInput
    from ganvas.nets.srresnet import SRGANDiscriminator, SRResNet
    from ganvas.play.game import Phase
    from ganvas.play.losses import LOSSES
    from ganvas.play.paired import Paired
    from ganvas.play.regression import Regression
    from ganvas.play.schedules import linear

    small, large = data.view("a").shape, data.view("b").shape
    if any(scale * a != b for a, b in zip(small[1:], large[1:], strict=True)):
        sizes = " and ".join("×".join(map(str, shape[1:])) for shape in (small, large))
        raise BadInput(f"--scale {scale} does not lead from one to the other of these pictures: {sizes}")
    if not 0 <= regression <= 1:
        raise BadInput(f"--regression is the share of the first phase, from 0 to 1, not {regression:g}")
    first = min(round(images * regression / batch) * batch, images) if regression < 1 else images
    G = SRResNet(large[0], width, blocks, scale)
    alone = Regression(G)
    rate = learning_rate(lr, schedule, warm_up)
    phases = [Phase(alone, first, batch, {"G": adam(rate, (0.9, 0.999), ema)})]
    if first < images:
        D = SRGANDiscriminator(*large, d_width, 16 * d_width)
        game = Paired(
            G, D, loss=LOSSES[loss], content=_content(perceptual, D, vgg, vgg_sha256, features, large[0]), told=False,
            d_weight=1.0, adversarial=adversarial,
        )  # fmt: skip
        rate = linear(game_lr, game_lr / 10, start=0.5, stop=0.5)
        learn = {"G": adam(rate, (0.9, 0.999), ema), "D": adam(rate, (0.9, 0.999))}
        phases.append(Phase(game, images - first, batch, learn))
    return [phase for phase in phases if phase.images]


def _content(perceptual: Perceptual, D, vgg: str | None, digest: str | None, weight: float, channels: int) -> tuple:
    """The distances that join the adversarial loss in G's."""
    from pathlib import Path

    from ganvas.errors import BadInput
    from ganvas.nets import vgg as vgg19
    from ganvas.play.paired import Content
    from ganvas.play.perceptual import Matched, Perceptual
    from ganvas.play.regression import mean_square

    pixels = Content("mse", 1.0, mean_square)
    if perceptual == "pixels":
        return (pixels,)
    if perceptual == "discriminator":
        return pixels, Content("features", weight, Matched(D.features))
    if channels not in (1, 3):
        raise BadInput(
            f"VGG19 looks at grey and colour, and these pictures have {channels} channels: --perceptual pixels"
        )
    return (Content(perceptual, 1.0, Perceptual(vgg19.pretrained(Path(vgg), perceptual, digest))),)


@documented(like=srgan)
@settled(by_the_weights)
@wants("photos", data="two_photos", side=96, told=TOLD)
def srgan_small(
    data: DataSpec,
    *,
    scale: Scale = 4,
    turns: bool = False,
    width: int = 32,
    blocks: int = 8,
    d_width: int = 16,
    regression: float = 0.75,
    perceptual: Perceptual | None = None,
    vgg: str | None = None,
    vgg_sha256: str | None = None,
    adversarial: float = 1e-3,
    features: float = 0.1,
    loss: LossName = "non_saturating",
    lr: float = 1e-3,
    game_lr: float = 1e-4,
    schedule: ScheduleName = "linear",
    warm_up: float = 0.0,
    ema: float = 0.0,
    batch: int = 8,
    images: int = 32_000,
):
    """SRGAN for a laptop: half the channels, half the blocks, a D of a quarter of the width, minutes instead of days.

    Same networks and games as srgan, crops of 24 to 96, batches of 8; Adam 1e-3, falling to 0 in the second half of the
    first phase, and 1e-4 in the second; D's features weigh ten times as much, against the grid that a short game leaves.
    """
    return srgan(
        data, scale=scale, turns=turns, width=width, blocks=blocks, d_width=d_width, regression=regression,
        perceptual=perceptual, vgg=vgg, vgg_sha256=vgg_sha256, adversarial=adversarial, features=features, loss=loss, lr=lr,
        game_lr=game_lr, schedule=schedule, warm_up=warm_up, ema=ema, batch=batch, images=images,
    )  # fmt: skip
