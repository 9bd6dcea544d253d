"""Runs made sick on purpose, and the healthy recipes they are made of, for `doctor.py`."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from ganvas.data.arrays import ArraySource
from ganvas.data.builtin import digits
from ganvas.data.toys import ring8
from ganvas.play.penalties import ClipWeights
from ganvas.study.diagnosis import ILLS, WELL

# the recipes with their own rules, only narrower: (arguments, rounds). Not gan_dropout and cgan, which draw one and the
# same picture for their first thousand rounds: there is no telling that from a collapse in so short a run.
MLP = {"widths": (128, 256), "d_widths": (256, 128), "latent": 32, "lr": 2e-4, "batch": 64}  # 1e-5 takes 40,000 rounds
CONV = {
    "width": 12,
    "latent": 32,
    "batch": 32,
    "lr": 1e-3,
}  # of 2e-4 so short a run shows nothing yet; dragan and r1 collapse with it
HEALTHY: dict[str, tuple[dict[str, Any], int]] = {
    "gan": (MLP, 900),
    "dcgan": (CONV, 550),
    "auto": ({"width": 8, "latent": 32, "batch": 32, "augment": "none", "conditional": False}, 400),
    "gan_2014": ({"units": 256, "maxout": 48, "latent": 32}, 1600),  # draws one picture for its first 700
    "gan_leaky": ({"latent": 32, "batch": 32}, 400),
    "dcgan_upsample": ({"channels": (32, 32, 16), "d_channels": (8, 16, 32, 64), "latent": 32}, 280),
    "lsgan": (CONV, 550),
    "acgan": (CONV, 450),
    "wgan": (CONV | {"opening": 10, "opening_rounds": 5, "lr": 5e-4}, 160),
    "wgan_gp": ({"width": 8, "latent": 32}, 90),
    "dragan": (CONV | {"lr": 2e-4}, 350),
    "pacgan": (CONV, 550),
    "sngan": (CONV, 160),
    "r1": (CONV | {"lr": 2e-4}, 350),
    "r3gan": ({"widths": (32, 16, 16), "latent": 32, "batch": 32}, 200),
}
BASES = ("gan_leaky", "dcgan", "auto")  # those that are made sick: fully connected, convolutional, today's


class Kind(NamedTuple):
    """One way to make a run sick. accept: the diagnoses that are right. cause: the argument that did it, where it was one;
    then the action must name it too.

    `arguments` are put over the recipe's, `spoil` changes the phases, `data` the pictures, `break_at` breaks a weight.
    share: of a run's usual length, for what shows at once.
    """

    accept: tuple[str, ...]
    arguments: Callable[[str, dict[str, Any]], dict[str, Any]] = lambda name, own: {}
    spoil: Callable[[Any], Any] = lambda phase: phase
    data: Callable[[np.ndarray, np.ndarray, np.random.Generator], dict[str, Any]] | None = None
    break_at: float = math.inf
    cause: str = ""
    share: float = 1.0
    ring: bool = False
    bases: tuple[str, ...] = BASES


def rates(**times: float) -> Callable[[Any], Any]:
    """Each player's learning rate multiplied."""

    def spoil(phase):
        optimizers = dict(phase.optimizers)
        for player, factor in times.items():
            old = optimizers[player]
            lr = old.schedules["lr"]
            changed = dict(old.schedules) | {"lr": lambda clock, lr=lr, factor=factor: factor * lr(clock)}
            optimizers[player] = old._replace(schedules=changed)
        return phase._replace(optimizers=optimizers)

    return spoil


def momentum(phase, beta1: float = 0.9):
    """Adam's momentum of both players."""
    optimizers = {}
    for player, old in phase.optimizers.items():
        schedules = {k: v for k, v in old.schedules.items() if k != "betas"}

        def build(params, old=old):
            optimizer = old.build(params)
            for group in optimizer.param_groups:
                group["betas"] = (beta1, group["betas"][1])
            return optimizer

        optimizers[player] = old._replace(build=build, schedules=schedules)
    return phase._replace(optimizers=optimizers)


def clipped(phase):
    phase.game.constraint = ClipWeights(1e-5)
    return phase


def frozen_average(phase):
    optimizers = dict(phase.optimizers)
    optimizers["G"] = optimizers["G"]._replace(average=lambda clock: 1e12)
    return phase._replace(optimizers=optimizers)


def dead_relu(phase):
    """Units that no picture switches on, and no gradient brings back."""

    def replace(net: nn.Module) -> None:
        for name, child in net.named_children():
            if isinstance(child, nn.LeakyReLU):
                setattr(net, name, nn.ReLU())
            else:
                replace(child)

    replace(phase.game.D)
    layers = [m for m in phase.game.D.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.BatchNorm2d)]
    last = layers[-2]
    if last.bias is None:
        last.bias = nn.Parameter(torch.zeros(last.weight.shape[0]))
    nn.init.constant_(last.bias, -100.0)
    return phase


def epsilon(phase):
    for m in phase.game.G.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.eps = 0.8
    return phase


def no_noise(phase):
    """A generator that hears nothing of z."""

    class Deaf(nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net, self.config = net, net.config

        def forward(self, z, *more):
            return self.net(0.0 * z, *more)

    phase.game.G = Deaf(phase.game.G)
    phase.game.players["G"] = phase.game.G
    return phase


def impatient(phase, times: int = 10):
    """So many moves of G to one of D: it runs to whatever D likes just now, with all it has."""
    game = phase.game

    def round(batches, clock):
        batch = next(batches)
        yield game.judge(batch, game.fakes(batch).detach(), clock)
        for _ in range(times):
            yield game.fool(batch, game.fakes(batch))

    game.round = round
    return phase


def few(images, labels, rng):
    keep = rng.permutation(len(images))[:100]  # of which about 90 are trained on
    return {"images": images[keep], "labels": labels[keep]}


def duplicated(images, labels, rng):
    source = rng.integers(0, len(images), len(images))
    copied = rng.random(len(images)) < 0.3
    return {"images": np.where(copied[:, None, None, None], images[source], images), "labels": labels}


def blank(images, labels, rng):
    """Files that did not decode, and came out black: each a little else, so that they are no copies."""
    broken = rng.random(len(images)) < 0.2
    noise = rng.integers(0, 3, images.shape, dtype=np.uint8)
    return {"images": np.where(broken[:, None, None, None], noise, images), "labels": labels}


def labels_arg(name, own):
    return {"conditional": True}


KINDS: dict[str, Kind] = {
    "healthy, ring": Kind(WELL, ring=True, bases=("lsgan", "pacgan", "r3gan")),
    "D lr 0": Kind(("discriminator_dead",), spoil=rates(D=0.0)),
    "lr × 500": Kind(
        tuple(name for name in ILLS if name != "data_problem"),
        lambda name, own: {"lr": 500 * own["lr"]}, cause="lr",
    ),
    "momentum .9, ring": Kind(
        ("oscillating", "collapsing"), spoil=momentum, ring=True, bases=("lsgan", "pacgan", "gan_leaky")
    ),
    "clip 1e-5": Kind(("vanishing_gradient", "discriminator_dead"), lambda name, own: {"loss": "wasserstein"}, clipped),
    "90 images": Kind(("overfitting", "memorising"), data=few),
    "NaN": Kind(("numerically_sick",), break_at=0.3),
    "labels shuffled": Kind(
        ("data_problem",), labels_arg, data=lambda x, y, rng: {"images": x, "labels": rng.permutation(y)}, share=0.3
    ),
    "average frozen": Kind(("evaluation_artefact",), spoil=frozen_average),
    "D dead ReLU": Kind(("discriminator_dead",), spoil=dead_relu),
    "saturating": Kind(
        ("vanishing_gradient",), lambda name, own: {"loss": "minimax"}, rates(D=10.0, G=0.02), cause="loss"
    ),
    "range 0…255": Kind(
        ("data_problem",), data=lambda x, y, rng: {"images": x.astype(np.float32), "labels": y, "range": (0, 1)}, share=0.3
    ),
    "range 0…1/255": Kind(("data_problem",), data=lambda x, y, rng: {"images": x // 128, "labels": y}, share=0.3),
    "blank images": Kind(("data_problem",), data=blank, share=0.3),
    "duplicates": Kind(("data_problem",), data=duplicated, share=0.3),
    "BatchNorm ε .8": Kind(("misbuilt",), spoil=epsilon, share=0.3),
    "10 moves of G": Kind(("collapsing", "discriminator_dead"), spoil=impatient, share=0.3),  # D cannot follow
    "z unheard": Kind(("collapsing",), spoil=no_noise),
}  # fmt: skip


@cache
def stack():
    return digits()


def source_of(kind: Kind | None, seed: int):
    if kind is not None and kind.ring:
        return ring8()
    images, labels = stack().images, stack().labels
    given: dict[str, Any] = {"images": images, "labels": labels}
    if kind is not None and kind.data:
        given = kind.data(images, labels, np.random.default_rng(seed))
    return ArraySource(**given, name="digits", classes=stack().classes)
