"""ADA: its controller to the last digit, what it reads of D, held-out images, resume, and that it does its job."""

import copy
import json
import math

import numpy as np
import pytest
import torch

from ganvas.data.arrays import ArraySource
from ganvas.errors import BadInput
from ganvas.play.ada import ADA, HeldOutGap, Sign
from ganvas.play.augment import DiffAugment
from ganvas.play.losses import LOSSES
from ganvas.play.schedules import Clock
from ganvas.recipes import table
from ganvas.recipes.common import augmentation
from ganvas.study.equilibrium import equilibrium
from ganvas.training.checkpoint import load_checkpoint, save_checkpoint
from ganvas.training.feed import Feed
from ganvas.training.trainer import Trainer
from tests.conftest import strokes, toy

PAIRED = ("wasserstein", "relativistic")  # only differences of their logits count


def logits(k, n=16):
    """D in round k: at times it overfits, at times it does not, at times it cannot tell."""
    rng = np.random.default_rng(k)
    skill, memory = 1.5 * (1 + math.sin(k / 25)), max(0.0, math.sin(k / 40))
    fake = rng.normal(size=n)
    return fake + skill + rng.normal(size=n), fake, rng.normal(size=n) + skill * (1 - memory)


def by_hand(loss, rounds, total):
    """p after each round's correction: the difference equation of Karras et al. 2020, in numpy."""
    p, path, since, step = 0.0, [], [], 4 * 16 / min(500_000, total / 4)
    for k in range(rounds):
        if k and k % 4 == 0:
            if loss in PAIRED:
                gap = np.mean([r.mean() - h.mean() for r, _, h in since])
                lead = np.mean([r.mean() - f.mean() for r, f, _ in since])
                error = math.sqrt(sum(r.var() / 16 + f.var() / 16 for r, f, _ in since)) / 4
                r, target = (gap / lead if lead > error else 0.0), 0.1
            else:
                zero = 0.5 if loss == "least_squares" else 0.0
                r, target = np.mean([np.sign(real - zero) for real, _, _ in since]), 0.6
            p, since = float(np.clip(p + np.sign(r - target) * step, 0, 1)), []
        path.append(p)
        since.append(logits(k))
    return np.array(path)


def controlled(ada, rounds, total, parts=1):
    path = []
    for k in range(rounds):
        for part in range(parts):  # as the trainer's --micro-batch plays them
            ada.adapt(Clock(16 * k, k, total))
            real, fake, held_out = (torch.tensor(t)[:, None].chunk(parts)[part] for t in logits(k))
            ada.watch(real, fake, lambda held_out=held_out: held_out)
        path.append(ada.p)
    return np.array(path)


@pytest.mark.parametrize("total", [3_200, 10_000_000])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_controller_follows_its_difference_equation(loss, total, source):
    got, want = controlled(augmentation("ada", source.spec, loss), 600, total), by_hand(loss, 600, total)
    assert got == pytest.approx(want, abs=1e-12)
    steps = np.diff(want)
    assert steps.min() < 0 < steps.max(), "the test has seen both directions"
    if total == 3_200:
        assert want.max() == 1 and (want[100:] == 0).any(), "and both bounds"
    else:
        assert np.abs(steps).max() == pytest.approx(64 / 500_000), "a long run's ramp is 500k images"


@pytest.mark.parametrize("parts", [2, 4])
def test_a_batch_played_in_parts_is_the_same_batch(parts):
    want = by_hand("hinge", 600, 3_200)
    assert controlled(ADA(DiffAugment(), Sign()), 600, 3_200, parts) == pytest.approx(want, abs=1e-12)


def test_negative_controls_another_statistic_is_another_path():
    want = by_hand("least_squares", 600, 3_200)
    assert controlled(ADA(DiffAugment(), Sign(0.5)), 600, 3_200) == pytest.approx(want, abs=1e-12)
    for other in (Sign(0.0), Sign(0.5, target=0.5), HeldOutGap()):
        assert controlled(ADA(DiffAugment(), other), 600, 3_200) != pytest.approx(want, abs=1e-12)


def test_more_critic_moves_are_more_images():
    """p's pace is a number of real images: five moves a round, and a step is five times as long."""
    ada, lone = ADA(DiffAugment(), Sign()), ADA(DiffAugment(), Sign())
    sure = torch.ones(16, 1)
    for k in range(5):
        ada.adapt(Clock(5 * 16 * k, k, 32_000))
        lone.adapt(Clock(16 * k, k, 32_000))
        for _ in range(5):
            ada.watch(sure, -sure, None)
        lone.watch(sure, -sure, None)
    assert ada.p == 5 * lone.p == 5 * 4 * 16 / 8_000


def held_out_gap(real, fake, held_out):
    gap = HeldOutGap()
    return gap.read(*(float(s) for s in gap.sums(real, fake, lambda: held_out)))


def test_the_gap_is_0_for_no_overfitting_and_1_where_held_out_images_pass_for_fakes():
    x = torch.linspace(-1, 1, 64)[:, None]
    assert held_out_gap(x + 3, x, x + 3) == pytest.approx(0)
    assert held_out_gap(x + 3, x, x + 1.5) == pytest.approx(0.5)
    assert held_out_gap(x + 3, x, x) == pytest.approx(1)
    assert held_out_gap(x + 103, x + 100, x + 101.5) == pytest.approx(0.5), "whatever the offset"


def test_the_gap_is_0_where_real_and_fake_cannot_be_told_apart():
    x = torch.linspace(-1, 1, 64)[:, None]
    error = math.sqrt(2 * float(x.var(correction=0)) / 64)
    assert held_out_gap(x + 0.9 * error, x, x - 5) == 0 == held_out_gap(x - 2, x, x - 5)
    assert held_out_gap(x + 1.1 * error, x, x - 5) > 1, "negative control: just above"


@pytest.mark.parametrize("broken", ["real", "fake", "unseen"])
@pytest.mark.parametrize("statistic", [Sign(), HeldOutGap()], ids=["sign", "gap"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_move_with_broken_logits_does_not_spoil_the_others(statistic, broken, value):
    ada, good = ADA(DiffAugment(), statistic), torch.linspace(1, 2, 4)[:, None]
    logits = {"real": good, "fake": -good, "unseen": good / 2}
    said = logits | {broken: torch.tensor([[1.0], [value], [1.0], [1.0]])}

    def move(logits):
        ada.watch(logits["real"], logits["fake"], lambda: logits["unseen"])
        return ada.sums

    first = move(logits)
    looks = broken != "unseen" or isinstance(statistic, HeldOutGap)  # Sign asks for no held-out image
    assert (move(said) == first) == looks
    assert move(logits) != first, "negative control: the next good move counts"


def test_it_augments_each_image_with_probability_p():
    torch.manual_seed(0)
    ada, x = ADA(DiffAugment((lambda x, p: x + (torch.rand(len(x), 1, 1, 1) < p),)), Sign()), torch.zeros(5000, 1, 2, 2)
    assert ada(x) is x, "p starts at 0: nothing is drawn"
    ada.p = 0.25
    assert float(ada(x).mean()) == pytest.approx(0.25, abs=0.03)


# held-out images


def feed(source, size=16, start=0, pixels=(-1.0, 1.0), workers=0, held_out=True):
    return Feed(source, 7, size, start, pixels, torch.device("cpu"), workers, held_out)


@pytest.mark.parametrize("workers", [0, 2])
def test_held_out_images_are_a_function_of_position(workers, source):
    first = feed(source, workers=workers)
    batches = [next(first) for _ in range(5)]
    later = feed(source, start=32, workers=workers)
    for batch in batches[2:]:
        again = next(later)
        assert all(torch.equal(batch[name], again[name]) for name in batch)
    first.close()
    later.close()
    assert batches[0].keys() == {"image", "label", "held_out", "held_out_label"}
    assert next(feed(source, held_out=False)).keys() == {"image", "label"}


def test_held_out_images_come_with_their_labels_each_once_a_cycle_in_new_orders(source):
    aside = source.held_out()
    n = len(aside["image"])
    label_of = {image.tobytes(): int(label) for image, label in zip(aside["image"], aside["label"], strict=True)}
    stream = feed(source, size=n, pixels=(0.0, 255.0))
    cycles = []
    for _ in range(6):
        batch = next(stream)
        keys = [image.round().to(torch.uint8).numpy().tobytes() for image in batch["held_out"]]
        assert sorted(keys) == sorted(label_of), "each once, and none that is trained on"
        assert [label_of[key] for key in keys] == batch["held_out_label"].tolist()
        cycles.append(tuple(keys))
    assert len(set(cycles)) > 1


def test_nothing_held_out_is_said_in_a_line():
    source = ArraySource(strokes(12), name="dozen")
    assert source.spec.held_out == 0
    with pytest.raises(BadInput, match="dozen holds none out"):
        feed(source)
    with pytest.raises(BadInput, match="dozen is too small to hold any out: use --augment diffaugment"):
        augmentation("ada", source.spec, "relativistic")
    augmentation("ada", source.spec, "hinge")


class Told(torch.nn.Module):
    """A conditional discriminator that remembers what it was told of what."""

    def __init__(self):
        super().__init__()
        self.weigh, self.said = torch.nn.Linear(1, 1), []

    def forward(self, x, label):
        self.said.append((x.detach().flatten(1).mean(1), label))
        return self.weigh(x.flatten(1).mean(1, keepdim=True))


def test_a_conditional_discriminator_is_told_the_held_out_images_own_labels(source):
    from ganvas.play.latent import Latent, Normal

    class G(torch.nn.Module):
        def forward(self, z, label):
            return z[:, :, None, None].expand(-1, 1, 28, 28)

    D = Told()
    ada = augmentation("ada", source.spec, "relativistic")
    game = Latent(G(), D, Normal(1), LOSSES["relativistic"], conditional=True, augment=ada)
    assert game.needs == {"image", "held_out"} and Latent(G(), D, Normal(1)).needs == {"image"}
    batch = next(feed(source))
    next(game.round(iter([batch]), Clock(0, 0, 100)))
    wanted = batch["held_out"].flatten(1).mean(1)
    told = [label for seen, label in D.said if torch.allclose(seen, wanted)]
    assert len(told) == 1 and torch.equal(told[0], batch["held_out_label"])
    assert not torch.equal(batch["label"], batch["held_out_label"]), "so a mix-up would be seen"


# in training

VARIANTS = {"auto": {}, "dcgan": {}, "dcgan wasserstein": {"loss": "wasserstein"}, "dcgan hinge": {"loss": "hinge"}}


def trainer(variant, source, init=0, **arguments):
    return Trainer(toy(variant.split()[0], source.spec, init, augment="ada", **VARIANTS[variant], **arguments), source)


def end(t, rounds):
    for _ in range(rounds):
        t.play()
    weights = [p.detach().clone() for player in t.players.values() for p in player.module.state_dict().values()]
    return weights, t.game.state_dict()


def same(a, b):
    return a[1] == b[1] and all(torch.equal(x, y) for x, y in zip(a[0], b[0], strict=True))


@pytest.mark.parametrize("cut", [3, 6, 8])
@pytest.mark.parametrize("variant", VARIANTS)
def test_resume_is_bit_exact(variant, cut, source, tmp_path):
    whole = trainer(variant, source)
    expected = end(whole, 14)
    half = trainer(variant, source)
    end(half, cut)
    place = save_checkpoint(tmp_path, half.images, half.state_dict())
    torch.manual_seed(99)
    other = trainer(variant, source, init=99)
    other.load_state_dict(load_checkpoint(place))
    assert same(end(other, 14 - cut), expected)
    assert other._means() == whole._means()


@pytest.mark.parametrize("part", ["p", "sums", "corrected_at"])
def test_negative_control_each_part_of_its_state_matters(part, source):
    def go_on(state):
        t = trainer("dcgan", source, images=800)
        end(t, 6)
        t.game.load_state_dict(state)
        return end(t, 6)

    state = {"p": 0.5, "r": 0.0, "corrected_at": 32, "sums": [40.0, 48.0]}
    other = {"p": 0.25, "corrected_at": 0, "sums": [-40.0, 48.0]}
    assert same(go_on(state), go_on(copy.deepcopy(state)))
    assert not same(go_on(state), go_on(state | {part: other[part]}))


@pytest.mark.parametrize("variant", VARIANTS)
def test_p_and_r_are_in_the_log_and_disturb_nothing_there(variant, source):
    t = trainer(variant, source)
    end(t, 8)
    row = t._means() | {"images": 64}
    assert 0 <= row["D/augment_p"] <= 1 and math.isfinite(row["D/overfit"])
    run = {
        "arguments": {"loss": VARIANTS[variant].get("loss", "relativistic" if variant == "auto" else "non_saturating")}
    }
    assert "D" in equilibrium([row], run), "they are no parts of the loss"
    assert "D" not in equilibrium([row | {"D/another": 1.0}], run), "negative control"
    assert not any("augment_p" in k or "overfit" in k for k in row if k.startswith("G/"))


@pytest.mark.parametrize("augment", ["diffaugment", "ada"])
@pytest.mark.parametrize("name", ["auto", "dcgan"])
def test_it_trains_and_runs_are_the_same_twice(name, augment, source):
    ends = []
    for _ in range(2):
        t = Trainer(toy(name, source.spec, augment=augment), source)
        ends.append(end(t, 4))
    plain = end(Trainer(toy(name, source.spec, augment="none"), source), 4)
    assert same(*ends)
    assert all(t.isfinite().all() for t in ends[0][0]) and not same(ends[0], plain)


class Leaking(ArraySource):
    """Hands out as held out what it trains on."""

    def held_out(self, n=None):
        return self.batch(0, 0, self.spec.n)


def strength(n, kind=ArraySource):
    """p over 120 rounds of a discriminator that nothing keeps from learning n images by heart; mean of the last 40."""
    source = kind(strokes(n, 16), name="strokes")
    arguments = {"batch": 16, "images": 6400, "width": 8, "lr": 2e-3, "gamma": 0.0, "schedule": "constant"}
    t = Trainer(toy("auto", source.spec, augment="ada", **arguments), source)
    return np.mean([(t.play(), t.game.augment.p)[1] for _ in range(120)][80:])


def test_p_rises_where_the_discriminator_overfits_and_stays_low_where_it_does_not():
    assert strength(20) > 0.2
    assert strength(2000) < 0.1
    assert strength(20, Leaking) < 0.1, "negative control: without images it has never seen, nothing is noticed"


# in recipes


def test_auto_takes_ada_where_images_are_few_and_says_why(source):
    from dataclasses import replace

    def chosen(**spec):
        arguments, reasons = table.resolve(table.find("auto"), "auto", replace(source.spec, **spec), {})
        return arguments["augment"], next(r for r in reasons if r.startswith("augment"))

    assert chosen(n=4999) == ("ada", "augment ada: 4,999 training images, few enough for D to learn them by heart")
    assert chosen(n=5000) == ("none", "augment none: 5,000 training images")
    assert chosen(n=0) == ("none", "augment none: endless training images")
    assert chosen(n=12, held_out=0)[0] == "diffaugment"
    given, reasons = table.resolve(table.find("auto"), "auto", source.spec, {"augment": "none"})
    assert given["augment"] == "none" and not any(r.startswith("augment") for r in reasons)


def test_each_loss_gets_the_statistic_that_its_logits_allow(source):
    for loss in LOSSES:
        statistic = augmentation("ada", source.spec, loss).statistic
        assert isinstance(statistic, HeldOutGap if loss in PAIRED else Sign)
        assert loss in PAIRED or statistic.boundary == LOSSES[loss].boundary


def test_an_unknown_name_is_a_line():
    with pytest.raises(BadInput, match="--augment 'adda' is unknown: did you mean ada"):
        table.resolve(table.find("dcgan"), "dcgan", None, {"augment": "adda"})
    assert json.dumps(table.defaults(table.find("dcgan"))["augment"]) == '"none"'
