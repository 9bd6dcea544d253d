"""Rules that single recipes add to the game: auxiliary classes, a larger batch for G, WGAN's warm start; and the swap test."""

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, softplus

from ganvas.data.arrays import ArraySource
from ganvas.play.latent import Classify, Latent, Normal
from ganvas.play.schedules import Clock, often
from ganvas.training.trainer import Trainer
from tests.conftest import toy


class TellingG(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(3 + 3, 4)

    def forward(self, z, label):
        return self.net(torch.cat([z, nn.functional.one_hot(label, 3).to(z)], 1)).view(-1, 1, 2, 2)


def moves(game, n=6):
    torch.manual_seed(0)
    batch = {"image": torch.randn(n, 1, 2, 2), "label": torch.arange(n) % 3}
    return batch, list(game.round(iter([batch]), Clock(0, 0, 100)))


def test_acgans_losses_by_hand():
    D = nn.Sequential(nn.Flatten(), nn.Linear(4, 1 + 3))
    seen = []
    D.register_forward_hook(lambda module, inputs, output: seen.append(output))
    game = Latent(TellingG(), D, Normal(3), conditional=True, classify=Classify(0.7, 0.1))
    batch, (judge, fool) = moves(game)
    (real, fake, fooled), label = seen, batch["label"]
    ce = cross_entropy(real[:, 1:], label) + cross_entropy(fake[:, 1:], label)
    by_hand = softplus(-real[:, 0]).mean() + softplus(fake[:, 0]).mean() + 0.7 * ce
    assert torch.allclose(judge.loss, by_hand) and not torch.allclose(judge.loss, by_hand - 0.7 * ce)
    assert torch.allclose(fool.loss, softplus(-fooled[:, 0]).mean() + 0.1 * cross_entropy(fooled[:, 1:], label))
    assert judge.seen["real"].shape == (6, 1), "the log's logits are those of real or fake alone"


def test_g_moves_on_a_larger_batch_with_the_labels_of_ds():
    told = []

    class D(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nn.Linear(4, 1)

        def forward(self, x, label):
            told.append(label)
            return self.net(x.flatten(1))

    _, (judge, fool) = moves(Latent(TellingG(), D(), Normal(3), conditional=True, g_times=2))
    assert (len(judge.seen["fake"]), len(fool.seen["fake"])) == (6, 12)
    assert told[-1].tolist() == [0, 0, 1, 1, 2, 2] * 2


def test_wgans_warm_start():
    how_often = often(5, 100, 25, 500)
    assert [how_often(Clock(0, k, 1)) for k in (0, 24, 25, 499, 500, 501, 1000)] == [100, 100, 5, 5, 100, 5, 100]


def test_after_a_little_training_d_tells_a_picture_under_a_wrong_label():
    """The swap test: D(x, y) − D(x, y′) > 0 on real pictures, once D is more than its first weights."""
    # whole pictures whose class is how bright they are: what a label means can be learned in seconds
    rng, label = np.random.default_rng(0), np.arange(300) % 3
    shade = (40 + 80 * label)[:, None, None, None] + rng.integers(-15, 16, (300, 1, 28, 28))
    shades = ArraySource(shade.astype(np.uint8), label, name="shades", classes=("dark", "middle", "bright"))
    trainer = Trainer(toy("dcgan", shades.spec, batch=30, images=10**6, conditional=True, lr=2e-3), shades)
    x = torch.from_numpy(shade[:60].astype(np.float32)) / 255
    low, high = trainer.spec.pixels
    x, own = x * (high - low) + low, torch.from_numpy(label[:60])

    def gap() -> float:
        trainer.game.D.eval()
        with torch.no_grad():
            found = [trainer.game.discriminator({"label": y})(x).mean() for y in (own, (own + 1) % 3)]
        trainer.game.D.train()
        return float(found[0] - found[1])

    before = gap()
    for _ in range(150):
        trainer.play()
    assert gap() > 0.1 and abs(before) < 0.05, (before, gap())
