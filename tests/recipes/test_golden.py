"""Golden losses: 20 rounds of every recipe at toy size in double precision, one thread, to 1e-9.

A change that should not alter numbers must not alter these; one that should says so by regenerating them:
    python -m tests.recipes.test_golden [--missing]
"""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from ganvas.data.arrays import ArraySource
from ganvas.recipes.table import RECIPES, wanted
from ganvas.training.trainer import Trainer
from tests.conftest import source_of, strokes, toy

GOLDEN = Path(__file__).with_name("golden.json")
VARIANTS = {name: (name, {}) for name in RECIPES} | {
    "gan minimax": ("gan", {"loss": "minimax"}),
    "gan k=2": ("gan", {"n_critic": 2}),
    "dcgan hinge": ("dcgan", {"loss": "hinge"}),
    "dcgan least_squares cosine": ("dcgan", {"loss": "least_squares", "schedule": "cosine", "warm_up": 0.2}),
    "auto wasserstein": ("auto", {"loss": "wasserstein"}),
    "auto eager": ("auto", {"lazy": 1, "gamma": 3.0}),
    "auto ada": ("auto", {"augment": "ada"}),
    "dcgan ada": ("dcgan", {"augment": "ada"}),
    "dcgan diffaugment": ("dcgan", {"augment": "diffaugment"}),
    "gan conditional": ("gan", {"conditional": True}),
    "dcgan conditional": ("dcgan", {"conditional": True}),
    "auto conditional": ("auto", {"conditional": True}),
    "wgan_gp resnet": ("wgan_gp", {"net": "resnet"}),
    "sngan resnet": ("sngan", {"net": "resnet"}),
    "srgan game": ("srgan", {"regression": 0.0}),
    "srgan_small pixels": ("srgan_small", {"regression": 0.0, "perceptual": "pixels", "ema": 0.05}),
    "stackgan stage I": ("stackgan", {"matching": 0.0, "stage_one": 1.0}),
    "stackgan stage II": ("stackgan", {"matching": 0.0, "stage_one": 0.0}),
    "stackgan_small stage I relativistic": ("stackgan_small", {"matching": 0.0, "loss": "relativistic"}),
    "stackgan_small stage II ada": ("stackgan_small", {"matching": 0.0, "stage_one": 0.0, "augment": "ada"}),
    "vae likeliest": ("vae", {"sigma": 0.0, "beta": 2.0}),
}


def losses(variant: str) -> dict[str, float]:
    name, arguments = VARIANTS[variant]
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    try:
        told = "conditional" in variant or name in ("cgan", "acgan")
        labels = (np.arange(60) % 3, ("a", "b", "c")) if told else (None, ())
        source = ArraySource(strokes(), labels[0], name="strokes", classes=labels[1])
        if (kind := wanted(RECIPES[name]).kind) != "images":
            source = source_of(kind)
        trainer = Trainer(toy(name, source.spec, **arguments), source)
        for _ in range(20):
            trainer.play()
        G = trainer.players[trainer.game.watched]
        sums = sum(float(p.detach().double().sum()) for p in (G.average or G.module).parameters())
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
    known = json.loads(GOLDEN.read_text()) if "--missing" in sys.argv else {}
    found = {variant: known.get(variant) or losses(variant) for variant in VARIANTS}
    GOLDEN.write_text(json.dumps(found, indent=1) + "\n")
    print(f"wrote {GOLDEN}")
