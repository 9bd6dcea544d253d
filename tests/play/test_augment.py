"""Differentiable augmentation: what each operation does, how it draws, and that `Latent` lets D see nothing bare."""

import inspect
import re

import pytest
import torch
from torch import nn

from ganvas.play import augment, latent
from ganvas.play.augment import BARE, POLICY, Augmentation, DiffAugment
from ganvas.play.losses import LOSSES
from ganvas.play.penalties import GradientPenalty, real
from ganvas.play.schedules import Clock, constant

CLOCK = Clock(0, 0, 100)
NAMES = [operation.__name__ for operation in POLICY]


def images(n=8, c=3, h=16, w=24, seed=0):
    return torch.rand(n, c, h, w, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def alike(n=400, c=3, h=16, w=24):
    """One image n times over: what differs afterwards was drawn."""
    return images(1, c, h, w).expand(n, c, h, w)


def draws_anew(operation) -> bool:
    """For every image (equal images come out different) and for every call."""
    torch.manual_seed(0)
    x = alike(12)
    first, second = operation(x), operation(x)
    every_image = len(torch.unique(first.flatten(1), dim=0)) > 6  # translations of few pixels may coincide
    return every_image and not torch.equal(first, second)


@pytest.mark.parametrize("operation", [*POLICY, DiffAugment()], ids=[*NAMES, "all"])
def test_draws_anew_for_every_image_and_call(operation):
    assert draws_anew(operation)


def test_negative_controls_one_number_for_the_batch_or_for_ever_is_caught():
    assert not draws_anew(lambda x: x + torch.rand(()) - 0.5)
    fixed = torch.rand(12, 1, 1, 1)
    assert not draws_anew(lambda x: x + fixed)


@pytest.mark.parametrize("operation", POLICY, ids=NAMES)
def test_p_is_the_share_of_images_touched_and_the_others_stay_exactly(operation):
    torch.manual_seed(0)
    x = images(2000, 3, 8, 8)
    touched = (operation(x, 0.3) != x).flatten(1).any(1).float().mean()
    by_chance = {"translation": 1 / 9}.get(operation.__name__, 0.0)  # a shift of (0, 0) among −1 … 1 squared
    assert float(touched) == pytest.approx(0.3 * (1 - by_chance), abs=0.04)
    assert torch.equal(operation(x, 0.0), x)


def test_nothing_is_computed_or_drawn_at_p_0_nor_by_the_default():
    x, before = images(), torch.get_rng_state()
    assert DiffAugment()(x, 0.0) is x and BARE(x) is x
    assert torch.equal(torch.get_rng_state(), before)
    DiffAugment()(x, 0.01)
    assert not torch.equal(torch.get_rng_state(), before), "negative control"


def gradient_is_right(operation) -> bool:
    def again(x):
        torch.manual_seed(3)
        return operation(x, 0.7)

    x = images(3, 3, 4, 5).double().requires_grad_()
    return torch.autograd.gradcheck(again, x, raise_exception=False)


@pytest.mark.parametrize("operation", [*POLICY, DiffAugment()], ids=[*NAMES, "all"])
def test_differentiable(operation):
    assert gradient_is_right(operation)


def test_negative_control_a_detached_mean_is_caught():
    assert not gradient_is_right(lambda x, p: x + torch.rand(len(x), 1, 1, 1) * (x - x.detach().mean(1, keepdim=True)))


def test_brightness_adds_up_to_a_half():
    torch.manual_seed(0)
    x = alike()
    added = augment.brightness(x) - x
    assert added.flatten(1).std(1).max() < 1e-6, "one number an image"
    per_image = added[:, 0, 0, 0]
    assert -0.5 <= per_image.min() < -0.48 and 0.48 < per_image.max() <= 0.5 and abs(per_image.mean()) < 0.05
    assert augment.brightness(torch.ones(99, 1, 4, 4)).max() > 1.4, "nothing is clamped"


@pytest.mark.parametrize(
    ("operation", "axes", "low", "high"), [("saturation", 1, 0, 2), ("contrast", (1, 2, 3), 0.5, 1.5)]
)
def test_distances_from_the_mean_are_scaled(operation, axes, low, high):
    torch.manual_seed(0)
    x = alike()
    mean = x.mean(axes, keepdim=True)
    factor = (getattr(augment, operation)(x) - mean) / (x - mean)
    factor = factor.flatten(1).median(1).values
    assert torch.allclose(mean + factor[:, None, None, None] * (x - mean), _again(operation, x), atol=1e-5)
    span = high - low
    assert low <= factor.min() < low + 0.02 * span and high - 0.02 * span < factor.max() <= high + 1e-6
    assert float(factor.mean()) == pytest.approx(1, abs=0.05 * span)


def _again(operation, x):
    torch.manual_seed(0)
    return getattr(augment, operation)(x)


def test_grey_images_have_no_saturation():
    x = images(c=1)
    assert augment.saturation(x) is x


@pytest.mark.parametrize(("h", "w"), [(16, 24), (28, 28), (2, 2)])
def test_translation_moves_by_an_eighth_at_most_and_fills_with_zero(h, w):
    """Every result is one of the shifts that a plain slice makes; both extremes of both axes come."""
    torch.manual_seed(0)
    x, far_y, far_x = alike(600, 2, h, w) + 2, int(h / 8 + 0.5), int(w / 8 + 0.5)  # + 2: no pixel is 0 already
    shifts = {}
    padded = torch.nn.functional.pad(x[0], (far_x, far_x, far_y, far_y))
    for dy in range(2 * far_y + 1):
        for dx in range(2 * far_x + 1):
            shifts[padded[:, dy : dy + h, dx : dx + w].numpy().tobytes()] = (dy - far_y, dx - far_x)
    found = [shifts[moved.contiguous().numpy().tobytes()] for moved in augment.translation(x)]
    for axis, far in ((0, far_y), (1, far_x)):
        places = [shift[axis] for shift in found]
        assert (min(places), max(places)) == (-far, far)
        assert sum(places) / len(places) == pytest.approx(0, abs=0.25 * far + 1e-9)


@pytest.mark.parametrize(("h", "w"), [(28, 28), (7, 10), (2, 2)])
def test_cutout_takes_a_box_of_half_of_each_side_less_at_the_border(h, w):
    torch.manual_seed(0)
    gone = (augment.cutout(torch.ones(4000, 1, h, w)) == 0)[:, 0]
    assert torch.equal(gone, gone.any(2)[:, :, None] & gone.any(1)[:, None, :]), "it is a box"
    expected = 1.0
    for lines, side in ((gone.any(2), h), (gone.any(1), w)):
        size = int(side * 0.5 + 0.5)
        centres = range(side + 1 - size % 2)
        lengths = [min(side, c - size // 2 + size) - max(0, c - size // 2) for c in centres]
        assert lines.sum(1).max() == size and lines.sum(1).min() == min(lengths) > 0
        expected *= sum(lengths) / len(lengths) / side
    assert float(gone.float().mean()) == pytest.approx(expected, abs=0.01)


def test_all_of_it_keeps_shape_dtype_and_any_memory_layout():
    for x in (images().double(), images(2, 1, 28, 28), images().to(memory_format=torch.channels_last)):
        torch.manual_seed(1)
        out = DiffAugment()(x)
        torch.manual_seed(1)
        assert out.shape == x.shape and out.dtype == x.dtype
        assert torch.allclose(out, DiffAugment()(x.contiguous()), atol=1e-6)


class Marked(Augmentation):
    """Adds 100, so that whoever sees an image can tell whether it was augmented."""

    needs = frozenset({"held_out"})

    def __init__(self):
        self.watched = []

    def __call__(self, images):
        return images + 100

    def watch(self, real, fake, unseen):
        self.watched.append(unseen())
        return {}


class Watchful(nn.Module):
    """A discriminator that remembers the least pixel of each batch it is shown."""

    def __init__(self):
        super().__init__()
        self.weigh, self.least = nn.Linear(12, 1), []

    def forward(self, x):
        self.least.append(float(x.detach().min()))
        return self.weigh(x.flatten(1))


def bare(Latent) -> list[int]:
    """Which of the batches that D is shown in a relativistic round (7: penalty and held-out included) are not augmented."""
    torch.manual_seed(0)
    G, D = nn.Sequential(nn.Linear(3, 12), nn.Unflatten(1, (3, 2, 2))), Watchful()
    penalties = (
        GradientPenalty(constant(1.0), real, 0.0),
        GradientPenalty(constant(1.0), lambda real, fake: fake, 0.0),
    )
    game = Latent(G, D, latent.Normal(3), LOSSES["relativistic"], penalties, augment=Marked())
    batch = {"image": torch.rand(5, 3, 2, 2), "held_out": torch.rand(5, 3, 2, 2)}
    assert [m.player for m in game.round(iter([batch] * 2), CLOCK)] == ["D", "G"] and len(D.least) == 7
    return [k for k, least in enumerate(D.least) if least < 50]


def test_the_discriminator_sees_nothing_bare_in_either_players_move():
    assert bare(latent.Latent) == []


SOURCE = inspect.getsource(latent)
PLACES = [m.span() for m in re.finditer(r'self\.augment\((fake|batch\["\w+"\])\)', SOURCE)]


def mutant(source: str):
    space = {"__name__": latent.__name__}
    exec(compile(source, "mutant of latent.py", "exec"), space)
    return space["Latent"]


def test_latent_augments_in_five_places_and_a_mutant_that_changes_nothing_passes():
    assert len(PLACES) == 5  # D's move: real, fake; G's move: fake, real; held-out
    assert bare(mutant(SOURCE)) == []


@pytest.mark.parametrize("place", range(5))
def test_negative_control_a_latent_that_skips_one_place_is_caught(place):
    start, end = PLACES[place]
    kept = SOURCE[start:end].removeprefix("self.augment(")[:-1]
    assert bare(mutant(SOURCE[:start] + kept + SOURCE[end:]))


def test_negative_control_penalties_on_bare_images_are_caught():
    wrong = SOURCE.replace("D(x)[:, :1], x, fake, clock)", 'D(x)[:, :1], batch["image"], fake, clock)')
    assert wrong != SOURCE and bare(mutant(wrong)) == [3]


@pytest.mark.parametrize("simultaneous", [False, True])
def test_the_generator_learns_through_the_augmentation(simultaneous):
    def slope(augmentation):
        torch.manual_seed(0)
        G = nn.Sequential(nn.Linear(3, 48), nn.Unflatten(1, (3, 4, 4)))
        D = nn.Sequential(nn.Flatten(), nn.Linear(48, 1))
        game = latent.Latent(G, D, latent.Normal(3), augment=augmentation, simultaneous=simultaneous)
        moves = list(game.round(iter([{"image": torch.rand(5, 3, 4, 4)}]), CLOCK))
        move = moves[0][1] if simultaneous else moves[1]
        (gradient,) = torch.autograd.grad(move.loss, G[0].weight, allow_unused=True)
        return None if gradient is None else float(gradient.abs().sum())

    class Deaf(DiffAugment):
        @torch.no_grad()
        def __call__(self, images, p=1.0):
            return super().__call__(images, p)

    assert slope(DiffAugment()) > 0
    assert slope(Deaf()) is None, "negative control: an augmentation under no_grad"


class Normed(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 4, 2), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 1))

    def forward(self, x):
        return self.net(x)


def test_judging_held_out_images_leaves_no_trace_in_the_discriminator():
    G, D = nn.Sequential(nn.Linear(3, 12), nn.Unflatten(1, (3, 2, 2))), Normed()
    game = latent.Latent(G, D, latent.Normal(3), augment=Marked())
    before = [b.clone() for b in D.buffers()]
    logits = game.judge_unseen({"held_out": torch.rand(5, 3, 2, 2)})
    assert logits.shape == (5, 1) and not logits.requires_grad
    assert all(torch.equal(a, b) for a, b in zip(before, D.buffers(), strict=True))
    next(game.round(iter([{k: torch.rand(5, 3, 2, 2) for k in ("image", "held_out")}]), CLOCK)).loss.backward()
    assert not all(torch.equal(a, b) for a, b in zip(before, D.buffers(), strict=True)), "negative control"
