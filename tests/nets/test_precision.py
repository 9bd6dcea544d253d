"""bf16 is a switch for speed: who asks for it where it is imitated is told."""

import platform

import pytest
import torch

from ganvas.nets.precision import doubt


def has(monkeypatch, machine: str, avx512: bool, amx: bool) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)


@pytest.mark.parametrize(
    "machine, avx512, amx, told",
    [
        ("x86_64", False, False, True),
        ("AMD64", False, False, True),  # as Windows calls it
        ("x86_64", True, False, False),
        ("x86_64", False, True, False),
        ("arm64", False, False, False),  # nothing is known of it
    ],
)
def test_told_where_the_processor_has_none(monkeypatch, machine, avx512, amx, told):
    has(monkeypatch, machine, avx512, amx)
    assert ("imitates it" in doubt("bf16", "cpu")) == told
    assert not doubt("fp32", "cpu")


def test_nothing_is_said_where_torch_does_not_tell(monkeypatch):
    has(monkeypatch, "x86_64", False, False)
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported")
    assert not doubt("bf16", "cpu")


@pytest.mark.parametrize("native", [True, False])
def test_a_gpu_answers_for_itself(monkeypatch, native):
    has(monkeypatch, "x86_64", not native, False)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    assert bool(doubt("bf16", "cuda:1")) == (not native)
