"""A sentence to a picture: StackGAN, in three phases of one run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ganvas.recipes.common import (
    AugmentName,
    LossName,
    ScheduleName,
    adam,
    augmentation,
    documented,
    learning_rate,
    wants,
)

if TYPE_CHECKING:
    from ganvas.data.source import DataSpec

Scale = Literal[2, 4, 8]
Match = Literal["margin", "softmax"]
TOLD = ("text_model",)  # the argument that says what a caption is: the data are opened with it


@documented
@wants("captions", data="captioned_shapes", side=256, told=TOLD)
def stackgan(
    data: DataSpec,
    *,
    scale: Scale = 4,
    text_model: str = "words",
    latent: int = 100,
    features: int = 1024,
    condition: int = 128,
    width: tuple[int, int] = (128, 128),
    d_width: tuple[int, int] = (64, 64),
    projection: bool = False,
    blocks: int = 4,
    halvings: int = 2,
    skip: bool = False,
    matching: float = 1 / 12,
    stage_one: float = 11 / 24,
    matching_width: int = 128,
    matching_batch: int = 64,
    matching_lr: float = 4e-4,
    matching_loss: Match = "margin",
    kl: float = 2.0,
    match: float = 0.0,
    loss: LossName = "non_saturating",
    gamma: tuple[float, float] = (0.0, 0.0),
    lazy: int = 1,
    beta1: float = 0.5,
    beta2: float = 0.999,
    lr: float = 2e-4,
    schedule: ScheduleName | Literal["halving"] = "halving",
    warm_up: float = 0.0,
    ema: float = 0.0,
    augment: AugmentName = "none",
    batch: int = 64,
    images: int = 12_000_000,
):
    """StackGAN (Zhang et al. 2017): a sentence to a small picture, and that to a large one; D tells right captions from wrong.

    Three phases: an encoder learns to match pictures and captions (Reed et al. 2016) and is then frozen; stage I draws
    64×64; stage II, with stage I frozen, draws 256×256 from what stage I drew and the sentence. Widths, conditioning
    augmentation (KL · 2) and losses are the paper's and its code's: Adam 2e-4 (.5, .999), batches of 64, the rate halved
    12 times in stage I and 6 times in stage II. 12 million images are 600 epochs of CUB for either stage.
    Departures: the text encoder is ours, over words, where the paper takes a finished one over characters, and one caption
    is drawn at a time instead of the mean of four; ε is a normal that is not truncated; the small pictures of stage I are
    means over pixels. snapshots/phase-1.safetensors keeps stage I.

    Args:
        scale: how many times larger stage II's pictures are than stage I's
        text_model: who reads a sentence: words (an encoder that is trained here), minilm (all-MiniLM-L6-v2, of the extra
            [text]) or package.module:function, from a sentence to a vector
        features: numbers in a sentence's embedding; a sentence model brings its own number
        condition: numbers in c, the condition that conditioning augmentation draws
        width: of stage I, whose first map has 8 times as many channels, and of stage II's first map
        d_width: channels of D's first map in stage I and in stage II
        projection: to D's logits the inner product of its last map and a linear map of the sentence is added
        blocks: residual blocks of stage II
        halvings: how often stage II halves the small picture before it looks at the sentence; 0: never
        skip: stage II draws what is to be added to stage I's picture, enlarged, instead of drawing it anew
        matching: share of the images in the first phase; 0: none, for --fork from a run whose encoder is trained
        stage_one: share of the images in stage I; the rest are stage II's
        matching_width: numbers in a word's embedding; a quarter as many are the channels of the picture encoder's first map
        matching_batch: pictures with captions that are compared with each other in the first phase
        matching_lr: Adam's learning rate in the first phase
        matching_loss: margin (Reed et al. 2016), or softmax (Xu et al. 2018), which learns which word belongs to which thing
        kl: weight of conditioning augmentation's KL in G's loss
        match: weight, in G's loss, of what the encoders of the first phase take its pictures for (AttnGAN's DAMSM, Xu et al.
            2018)
        gamma: weight of R1 on pictures beside their captions, γ/2 · E‖∇D‖², in stage I and in stage II; above 0 D has no
            BatchNorm
        lazy: rounds between two penalties
        beta1: Adam's, in both stages
        beta2: Adam's, in both stages
        lr: Adam's learning rate for both players in both stages
        schedule: the learning rate over each stage; halving: by half 12 times in stage I, 6 times in stage II; linear and
            cosine fall to 0 in its second half, fall from the start
        ema: half-life, as a share of the images of a stage, of G's moving average, which sheets and snapshots show; stage II
            looks at stage I as it is, not at its average; 0: none
    """
    from ganvas.errors import BadInput
    from ganvas.nets.dcgan import dcgan_init
    from ganvas.nets.stackgan import MatchingDiscriminator, StageOne, StageTwo
    from ganvas.nets.text import Matcher
    from ganvas.play.captioned import Captioned
    from ganvas.play.game import Phase
    from ganvas.play.latent import Normal
    from ganvas.play.losses import LOSSES
    from ganvas.play.matching import MATCHES, Matching
    from ganvas.play.penalties import GradientPenalty, real
    from ganvas.play.schedules import constant

    if data.text is None:
        raise BadInput(f"{data.name} has no captions: put a captions.csv (file,caption) beside the pictures")
    channels, *sides = data.shape
    if any(side % scale for side in sides):
        raise BadInput(f"--scale {scale} does not divide {sides[0]}×{sides[1]}: choose another --size")
    if matching + stage_one > 1:
        raise BadInput(
            f"--matching and --stage-one are shares of one run and leave the rest to stage II, not {matching:g} and "
            f"{stage_one:g}"
        )
    small = (channels, sides[0] // scale, sides[1] // scale)
    words = 2 + len(data.text.words) if data.text.words else 0
    text = dict(length=data.text.length, words=words, width=matching_width, features=features)
    E = Matcher(text, data.shape, max(matching_width // 4, 1))
    G1 = StageOne(latent, small, text, condition, width[0])
    G2 = StageTwo(G1.config, data.shape, condition, width[1], blocks, halvings, skip)
    D1, D2 = (
        MatchingDiscriminator(image, E.text.features, channels, norm=not weight, project=projection)
        for image, channels, weight in zip((small, data.shape), d_width, gamma, strict=True)
    )
    for net in (G1, G2, D1, D2):
        dcgan_init(net)
    G1.text, G2.first = E.text, G1

    counts = [round(images * share / batch) * batch for share in (matching, stage_one)]
    if images - sum(counts) < batch:  # no stage II
        counts[1] = images - counts[0]
    counts.append(images - sum(counts))
    learn = adam(constant(matching_lr) if schedule == "halving" else learning_rate(matching_lr, schedule), (0.9, 0.999))
    phases = [Phase(Matching(E, MATCHES[matching_loss]), counts[0], matching_batch, {"E": learn})]
    told = (E,) if match else ()  # with its eye for pictures, or for the words alone
    stages = ((G1, D1, scale, 12, told or (E.text,)), (G2, D2, 1, 6, (*told, G1)))
    for (G, D, shrink, times, frozen), weight, count in zip(stages, gamma, counts[1:], strict=True):
        rate = halving(lr, times) if schedule == "halving" else learning_rate(lr, schedule, warm_up)
        game = Captioned(
            G, D, Normal(latent), loss=LOSSES[loss], kl=kl, shrink=shrink, matcher=E if match else None, match=match,
            penalties=(GradientPenalty(constant(weight / 2), real, 0.0, lazy),) if weight else (),
            augment=augmentation(augment, data, loss),
        )  # fmt: skip
        learn = {"G": adam(rate, (beta1, beta2), ema), "D": adam(rate, (beta1, beta2))}
        phases.append(Phase(game, count, batch, learn, frozen=frozen))
    return [phase for phase in phases if phase.images > 0]


def halving(lr: float, times: int):
    """lr, halved `times` times at even distances over the phase, the last of them at its end."""
    return lambda clock: lr * 0.5 ** int(times * clock.done)


@documented(like=stackgan)
@wants("captions", data="captioned_shapes", side=64, told=TOLD)
def stackgan_small(
    data: DataSpec,
    *,
    scale: Scale = 2,
    text_model: str = "words",
    latent: int = 32,
    features: int = 128,
    condition: int = 64,
    width: tuple[int, int] = (16, 32),
    d_width: tuple[int, int] = (32, 16),
    projection: bool = True,
    blocks: int = 1,
    halvings: int = 0,
    skip: bool = True,
    matching: float = 0.28,
    stage_one: float = 0.63,
    matching_width: int = 64,
    matching_batch: int = 64,
    matching_lr: float = 1e-3,
    matching_loss: Match = "softmax",
    kl: float = 0.2,
    match: float = 0.5,
    loss: LossName = "non_saturating",
    gamma: tuple[float, float] = (0.03, 0.03),
    lazy: int = 4,
    beta1: float = 0.0,
    beta2: float = 0.99,
    lr: float = 1e-3,
    schedule: ScheduleName | Literal["halving"] = "linear",
    warm_up: float = 0.0,
    ema: float = 0.05,
    augment: AugmentName = "none",
    batch: int = 32,
    images: int = 700_000,
):
    """StackGAN for a laptop: 32×32 to 64×64, minutes instead of days.

    The games are stackgan's, the networks narrow. What made them learn in minutes, on drawn shapes: encoders that are
    matched by a softmax over the batch, without which a sentence's embedding does not say which shape is which thing's, and
    that G listens to (AttnGAN's DAMSM, Xu et al. 2018); a stage I large enough to show a shape; D without BatchNorm but
    with a lazy R1 penalty (Mescheder et al. 2018), and a projection of the sentence on D's last map (Miyato & Koyama 2018);
    a stage II that looks at stage I's picture at its own size, and adds to it instead of drawing it anew (through maps of
    half its size, circles came back dented); Adam (0, .99) at 1e-3, whose rate falls to 0 in the second half of each phase;
    small batches; a G that is averaged.
    """
    return stackgan(**locals())
