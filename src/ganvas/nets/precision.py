"""Which arithmetic a processor has, and which it imitates."""

import platform

import torch


def doubt(precision: str, device: str) -> str:
    """A sentence where bf16 is asked for and this processor only imitates it (slower than fp32, not faster), else "".

    x86 has it since AVX512_BF16 (Intel 2020, AMD Zen 4) and AMX, Nvidia since Ampere (2020). Of others nothing is known
    here, and nothing is said.
    """
    if precision != "bf16" or _native(torch.device(device).type):
        return ""
    return (
        "warning: this processor has no bf16 arithmetic and imitates it, several times slower than fp32: leave "
        "--precision bf16 out"
    )


def _native(kind: str) -> bool:
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if kind != "cpu" or platform.machine().lower() not in ("x86_64", "amd64"):
        return True
    try:
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    except (AttributeError, RuntimeError):  # torch's private names: where they are gone, nothing is known
        return True
