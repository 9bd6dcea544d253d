"""Golden losses: 20 rounds of every recipe at toy size in double precision, one thread, to 1e-9.

A change that should not alter numbers must not alter these; one that should says so by regenerating them:
    python -m tests.recipes.test_golden
"""

import json
from pathlib import Path

import pytest
import torch

from ganvas.data.arrays import ArraySource
from ganvas.recipes.table import RECIPES
from ganvas.training.trainer import Trainer
from tests.conftest import strokes, toy

GOLDEN = Path(__file__).with_name("golden.json")
VARIANTS = {name: (name, {}) for name in RECIPES} | {
    "gan minimax": ("gan", {"loss": "minimax"}),
    "gan k=2": ("gan", {"n_critic": 2}),
    "dcgan hinge": ("dcgan", {"loss": "hinge"}),
    "dcgan least_squares cosine": ("dcgan", {"loss": "least_squares", "schedule": "cosine", "warm_up": 0.2}),
    "auto wasserstein": ("auto", {"loss": "wasserstein"}),
    "auto eager": ("auto", {"lazy": 1, "gamma": 3.0}),
}


def losses(variant: str) -> dict[str, float]:
    name, arguments = VARIANTS[variant]
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    try:
        source = ArraySource(strokes(), name="strokes")
        trainer = Trainer(toy(name, source.spec, **arguments), source)
        for _ in range(20):
            trainer.play()
        sums = sum(float(p.double().sum()) for p in trainer.players["G"].average.parameters())
        return {k: v for k, v in trainer._means().items() if "accuracy" not in k} | {"G average": sums}
    finally:
        torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)


@pytest.mark.parametrize("variant", VARIANTS)
def test_golden(variant):
    assert losses(variant) == pytest.approx(json.loads(GOLDEN.read_text())[variant], rel=1e-9, abs=1e-12)


def test_negative_control_a_slightly_other_learning_rate_is_seen():
    VARIANTS["other"] = ("gan", {"lr": 1.00001e-5})
    try:
        assert losses("other") != pytest.approx(json.loads(GOLDEN.read_text())["gan"], rel=1e-9, abs=1e-12)
    finally:
        del VARIANTS["other"]


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps({variant: losses(variant) for variant in VARIANTS}, indent=1) + "\n")
    print(f"wrote {GOLDEN}")
