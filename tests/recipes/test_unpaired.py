"""cyclegan_small finds the translation that no pair shows it; a discriminator that sees single pixels does not lead there."""

import pytest
import torch

from ganvas.data.open import open_examples
from ganvas.recipes.unpaired import cyclegan_small
from ganvas.training.trainer import Trainer
from ganvas.watching import standing_generator


@pytest.mark.slow
def test_the_translation_is_found_without_a_pair_and_not_by_pixels_alone():
    """2,000 shapes, half a minute of one thread a run; bench/unpaired.py has the long runs and the paired ones."""
    found, source = {}, open_examples("forms", "domains")
    for patch in (34, 1):
        torch.manual_seed(0)
        trainer = Trainer(cyclegan_small(source.spec, images=2_000, patch=patch), source, seed=0)
        while trainer.images < trainer.length:
            trainer.play()
        found[patch] = standing_generator(trainer).measure(source, 0, 64)
    assert found[34]["val/l1"] < 0.09 and found[34]["val/ssim"] > 0.8 and found[34]["val/cycle"] < 0.1
    assert found[1]["val/l1"] > 0.15 and found[1]["val/ssim"] < 0.6, "negative control"
