"""What recipes that translate pictures share: their discriminator, its penalties, the jitter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch.nn import Module

    from ganvas.data.source import DataSpec

Patch = Literal[1, 16, 34, 70, 142, 286]
Norm = Literal["batch", "instance"]
Augment = Literal["none", "diffaugment"]


def judge(channels: int, data: DataSpec, width: int, patch: int, norm: Norm, penalised: bool, spectral: bool):
    """The PatchGAN, not yet initialised. A penalised one must not mix pictures; a spectral one needs no other norm."""
    from ganvas.errors import BadInput
    from ganvas.nets.patchgan import PATCHES, PatchGAN

    if patch not in PATCHES:
        raise BadInput(f"--patch {patch} is no size of patch: there are {', '.join(map(str, PATCHES))}")
    least = 2 ** PATCHES[patch] * 3  # the last two convolutions each take a pixel off
    if PATCHES[patch] and min(data.shape[1:]) < least:
        fits = max(p for p, n in PATCHES.items() if not n or min(data.shape[1:]) >= 3 * 2**n)
        raise BadInput(
            f"--patch {patch} needs pictures of at least {least} pixels a side, these are {by(data)}: use {fits}"
        )
    return PatchGAN(channels, width, patch, None if spectral else "instance" if penalised else norm)


def initialised(G: Module, D: Module, spectral: bool) -> tuple[Module, Module]:
    """Both from the published initialisation, in place; then D's spectral norms, which would hide its weights from it."""
    from ganvas.nets.layers import spectral_norms
    from ganvas.nets.translation import translation_init

    for net in (G, D):
        translation_init(net)
    return G, spectral_norms(D) if spectral else D


def penalties(gp: float, gamma: float) -> tuple:
    from ganvas.play.penalties import GradientPenalty, between, real
    from ganvas.play.schedules import constant

    there = (GradientPenalty(constant(gp), between, 1.0), GradientPenalty(constant(gamma / 2), real, 0.0))
    return tuple(penalty for penalty, weight in zip(there, (gp, gamma), strict=True) if weight)


def jittered(scale: float, mirror: bool):
    from ganvas.errors import BadInput
    from ganvas.play.jitter import Jitter

    if not 1 <= scale <= 4:
        raise BadInput(f"--jitter is how much larger pictures are before the crop, from 1 (none) to 4, not {scale:g}")
    return Jitter(scale, mirror) if mirror or scale > 1 else None


def by(data: DataSpec) -> str:
    return f"{data.shape[1]}×{data.shape[2]}"
