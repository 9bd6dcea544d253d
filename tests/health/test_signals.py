"""Each number speaks of the log it is about and of no healthy one; periods are those of theory."""

import math

import numpy as np
import pytest

from ganvas.health.signals import from_log
from ganvas.health.triage import judge
from ganvas.labs.dirac_game import Rule, play
from ganvas.play.losses import LOSSES

WAVE = np.sin(np.linspace(0, 2 * np.pi * 21, 200))
HEALTHY = {
    "D_loss": (1.2, 0.02), "G_loss": (0.9, 0.03), "D_accuracy": (0.7, 0.02), "D_p_fake": (0.4, 0.01), "D_real": (0.4, 0.02),
    "D_fake": (-0.4, 0.02), "D_grad_norm": (1.0, 0.1), "G_grad_norm": (1.0, 0.1),
}  # fmt: skip


def run(loss="non_saturating", **more):
    arguments = {"loss": loss, "lr": 2e-4}
    return {"recipe": "dcgan", "arguments": arguments, "data": {"source": "digits"}, "images": 64_000, **more}


def log(n=200, seed=0, **series):
    """n rows up to 64,000 images; a column is a list or (level, noise)."""
    rng = np.random.default_rng(seed)
    columns = {
        key.replace("_", "/", 1): value
        if isinstance(value, list)
        else (value[0] + value[1] * rng.normal(size=n)).tolist()
        for key, value in series.items()
    }
    rows = [{"images": 64_000 * (i + 1) // n, "phase": 0, "round": 5 * i, "seconds": i} for i in range(n)]
    return [row | {key: column[i] for key, column in columns.items()} for i, row in enumerate(rows)]


SICK = {
    "discriminator_winning": ({"D_loss": (0.02, 0.002), "D_accuracy": (0.996, 0.0005)}, "non_saturating", "judgement"),
    "discriminator_dead": ({"D_loss": (1.3863, 0.0005), "D_accuracy": (0.5, 0.005)}, "non_saturating", "undecided"),
    "vanishing_gradient": ({"D_loss": (0.3, 0.01), "D_p_fake": (0.003, 1e-4)}, "minimax", "pull"),
    "oscillating": ({"D_loss": (1.1 + 0.3 * WAVE).tolist()}, "non_saturating", "cycles"),
    "numerically_sick": ({"G_loss": [0.9] * 150 + [math.nan] * 50}, "non_saturating", "broken"),
}  # fmt: skip


@pytest.mark.parametrize("name", SICK)
def test_each_illness_of_a_log_is_told_with_its_number(name):
    columns, loss, id = SICK[name]
    said = judge(log(**(HEALTHY | columns)), [], run(loss))
    assert said.id == name and said.ill and said.evidence[0].id == id and said.evidence[0].speaks
    assert len(said.evidence[0].series) > 50


@pytest.mark.parametrize(
    ("name", "columns", "loss"),
    [
        ("discriminator_winning", {"D_accuracy": (0.97, 0.001)}, "non_saturating"),  # right, but not always
        ("discriminator_winning", {"D_loss": (0.2, 0.002)}, "non_saturating"),  # low, but above a tenth
        ("discriminator_winning", {}, "wasserstein"),  # no loss value says it there
        ("discriminator_winning", {}, ""),  # a loss that run.json does not name
        ("discriminator_winning", {"D_class": (0.1, 0.01)}, "non_saturating"),  # a loss with other parts
        ("discriminator_dead", {"D_accuracy": (0.7, 0.01)}, "non_saturating"),
        ("discriminator_dead", {"D_loss": np.linspace(1.0, 1.3863, 200).tolist()}, "non_saturating"),
        ("vanishing_gradient", {}, "non_saturating"),
        ("vanishing_gradient", {"D_p_fake": (0.08, 0.001)}, "minimax"),
        ("oscillating", {"D_loss": (1.1 + 0.02 * WAVE).tolist()}, "non_saturating"),
        ("numerically_sick", {"G_loss": (0.9, 0.01)}, "non_saturating"),
    ],
)
def test_what_is_only_near_an_illness_is_none(name, columns, loss):
    """The sick log with one thing put right: the same illness must not be told."""
    assert judge(log(**(HEALTHY | SICK[name][0] | columns)), [], run(loss)).id != name


def test_a_short_log_is_not_diagnosed_but_broken_numbers_are():
    columns = HEALTHY | SICK["discriminator_winning"][0]
    assert not judge(log(n=11, **columns), [], run()).ill
    assert judge([{"images": 1, "D/loss": None}], [], run()).id == "numerically_sick"


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("seed", range(3))
def test_a_healthy_log_is_healthy_whatever_the_loss(loss, seed):
    fair = LOSSES[loss].equilibrium[0]
    said = judge(log(seed=seed, **(HEALTHY | {"D_loss": (0.85 * fair if fair else -0.8, 0.02)})), [], run(loss))
    assert said.id == ("unknown" if loss == "wasserstein" else "healthy"), (
        "a critic's log alone has no number that tells"
    )


def test_a_critics_negative_loss_and_its_accuracy_are_no_illness():
    rows = log(
        **(HEALTHY | {"D_loss": (-35.0, 1.0), "D_accuracy": (1.0, 0.0), "D_real": (20.0, 1.0), "D_fake": (-15.0, 1.0)})
    )
    assert not judge(rows, [], run("wasserstein")).ill
    assert {"told_apart", "judgement", "pull"}.isdisjoint(from_log(rows, run("wasserstein")))
    assert "told_apart" not in from_log(rows, run("relativistic")), "the sign of one logit means nothing there"
    wins = log(**(HEALTHY | {"D_loss": (0.01, 0.001), "D_accuracy": (1.0, 0.0)}))
    assert judge(wins, [], run("hinge")).id == "discriminator_winning", (
        "negative control: the same numbers, a loss with a zero"
    )


def test_a_first_loss_that_chance_made_low_does_not_hide_a_dead_discriminator():
    dead = np.full(200, 1.3863)
    dead[0] = 1.2
    assert (
        judge(log(**(HEALTHY | {"D_loss": dead.tolist(), "D_accuracy": (0.5, 0.005)})), [], run()).id
        == "discriminator_dead"
    )
    dead[100] = 1.2  # negative control: it could tell, once
    assert judge(log(**(HEALTHY | {"D_loss": dead.tolist(), "D_accuracy": (0.5, 0.005)})), [], run()).id == "healthy"


def test_a_gradient_that_fades_and_one_that_jumps():
    fades = (np.geomspace(1, 1e-5, 200)).tolist()
    assert judge(log(**(HEALTHY | {"G_grad_norm": fades})), [], run()).evidence[0].id == "fading"
    jumps = [1.0] * 195 + [80.0] + [1.0] * 4
    said = judge(log(**(HEALTHY | {"G_grad_norm": jumps})), [], run())
    assert said.id == "numerically_sick" and said.evidence[0].id == "jump" and said.evidence[0].value == 80
    assert not judge(log(**(HEALTHY | {"G_grad_norm": [1.0] * 195 + [10.0] * 5})), [], run()).ill, "negative control"


def dirac(rule, rounds=3000, every=5):
    """A log of the Dirac-GAN from (1, 1) as the trainer would write it: D(x) = ψx, all data at 0, so D(G(z)) = ψθ."""
    theta, psi = play(rule, np.ones((1, 2)), rounds)[::every, 0].T
    return log(len(theta), D_real=[0.0] * len(theta), D_fake=(theta * psi).tolist())


@pytest.mark.parametrize(("loss", "force"), [("non_saturating", 0.5), ("wasserstein", 1.0)])
@pytest.mark.parametrize("h", [0.1, 0.2])
def test_periods_of_the_dirac_gan_are_those_of_theory(loss, force, h):
    """θ and ψ turn with 2π/(h f′(0)) rounds (Mescheder et al. 2018, lemma 2.3), their product twice as often."""
    rounds = round(4 * 3 * 2 * np.pi / (h * force))  # four turns in the last third
    rule = Rule(loss, simultaneous=False, h=h)
    found = from_log(dirac(rule, rounds, max(1, rounds // 400)), run(loss))["cycles"]
    # large orbits of the logistic loss turn a little more slowly than the linear theory of small ones
    assert 0.75 * 8 <= found.value <= 8.5 and found.speaks


@pytest.mark.parametrize("penalty", ["R1", "R1+R2"])
def test_a_damped_dirac_gan_is_silent(penalty):
    rounds = round(6 * 2 * np.pi / 0.05)
    assert not from_log(dirac(Rule("non_saturating", penalty, simultaneous=False), rounds), run())["cycles"].speaks
