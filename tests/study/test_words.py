"""The sentences: each is said of the log it is about and of no healthy one, with the numbers that are in the log."""

import numpy as np
import pytest

from ganvas.play.losses import LOSSES
from ganvas.study.diagnosis import Action, Diagnosis
from ganvas.study.equilibrium import equilibrium
from ganvas.study.words import describe, duration, figures, headline, percent

DIGITS = {"source": "digits", "spec": {"name": "digits", "n": 4500}}


def run(loss="non_saturating", **more):
    return {"recipe": "dcgan", "arguments": {"loss": loss}, "data": DIGITS, "images": 640_000, **more}


def log(n=200, seed=0, **series):
    """n rows up to 640,000 images. Each keyword is a column, `D_loss` for "D/loss": a list, or (level, noise).

    Noise comes in pairs that cancel, so that the mean of the last 20 rows is the level itself.
    """
    rng = np.random.default_rng(seed)
    columns = {}
    for key, value in series.items():
        noise = np.outer(rng.normal(size=n // 2 + 1), (1, -1)).ravel()[-n:]
        columns[key.replace("_", "/", 1)] = value if isinstance(value, list) else (value[0] + value[1] * noise).tolist()
    rows = [{"images": 640_000 * (i + 1) // n, "phase": 0, "round": i, "seconds": 1.25 * (i + 1)} for i in range(n)]
    return [row | {key: column[i] for key, column in columns.items()} for i, row in enumerate(rows)]


HEALTHY = {
    "D_loss": (1.2, 0.02), "G_loss": (0.9, 0.03), "D_accuracy": (0.7, 0.02), "D_p_real": (0.6, 0.01),
    "D_p_fake": (0.4, 0.01), "D_real": (0.4, 0.02), "D_fake": (-0.4, 0.02), "D_penalty": (0.05, 0.01),
    "D_grad_norm": (1.0, 0.1), "G_grad_norm": (1.0, 0.1), "D_lr": (2e-4, 0.0),
}  # fmt: skip
WAVE = np.sin(np.linspace(0, 2 * np.pi * 21, 200))


def diagnosis(id):
    return Diagnosis(id, 0.9, (), Action("begin"), id, 640_000)


def test_the_headline_has_the_doctors_word_and_only_of_an_illness():
    rows = log(**HEALTHY)
    ill = headline(rows, run(), diagnosis=diagnosis("discriminator_winning"))
    assert ill.endswith("The doctor's diagnosis: the discriminator is winning.") and "70 %" not in ill
    assert headline(rows, run(), diagnosis=diagnosis("learning")) == headline(rows, run())
    assert "70 % of the time" in headline(rows, run())


def test_no_second_voice_beside_the_doctors():
    """The numbers are told without a judgement: what they mean is one diagnosis, with its evidence, elsewhere."""
    won = log(**(HEALTHY | {"D_loss": (0.02, 0.002), "D_accuracy": (0.996, 0.0005)}))
    text = " ".join(describe(won, run()))
    assert "99.6 % of the time" in text and "has won" not in text and "Looked for" not in text


def test_swings_are_told_with_the_other_courses():
    text = " ".join(describe(log(**(HEALTHY | {"D_loss": (1.1 + 0.3 * WAVE).tolist()})), run()))
    assert "the loss of D swings 7 times between 0.8" in text and "the loss of G stays near 0.900" in text
    assert "swings" not in " ".join(describe(log(**HEALTHY), run())), "negative control"


def test_the_numbers_of_a_healthy_log_are_said():
    text = " ".join(describe(log(**HEALTHY), run()))
    assert "tells real from generated images 70 % of the time (guessing would be 50 %)." in text
    assert "D(x), its belief in real images, is 0.60; D(G(z)), in generated ones, 0.40." in text
    assert "(432,000 to 640,000 images) the loss of D stays near 1.20 and the loss of G stays near 0.900" in text
    assert "sum of its real and its fake half (1.20 at the end)" in text and "(0.600)" in text
    assert text.endswith("compare the sheets by eye.")
    assert "FID" not in text and "evaluate" not in text


def test_a_discriminator_that_is_nearly_always_right_is_no_good_news():
    rows = log(**(HEALTHY | {"D_accuracy": (0.97, 0.002)}))
    assert "still easy to tell apart" in " ".join(describe(rows, run()))
    assert "tells real from generated images 97 % of the time." in headline(rows, run())
    assert "still easy to tell apart" not in " ".join(describe(log(**HEALTHY), run()))


def test_drifts_are_told_with_their_ends():
    slope = [0.8 + 0.3 * i / 199 for i in range(200)]
    text = " ".join(describe(log(**(HEALTHY | {"G_loss": slope})), run()))
    assert "the loss of G rises from 1.00 to 1.10" in text and "Flat losses" not in text


def test_wasserstein_is_explained_and_not_judged():
    gap = np.linspace(9.0, 3.0, 200)
    columns = {
        "D_loss": (-gap).tolist(),
        "G_loss": np.linspace(-40, 60, 200).tolist(),
        "D_real": gap.tolist(),
        "D_fake": (0, 0.0),
    }
    rows = log(**({"D_accuracy": (0.7, 0.02)} | columns))
    text = " ".join(describe(rows, run("wasserstein")))
    assert "the critic ranks a real image above a generated one 70 % of the time" in text
    assert "is 3.29 (over the first 20 rows it was 8.71)" in text and "no fault" in text
    assert "the distance that D sees falls from 4.96 to 3.00" in text
    assert "equilibrium" not in text and "half" not in text and "the loss of G" not in text
    assert equilibrium(rows, run("wasserstein")) == {"D": 0.0}


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        ("least_squares", "It answers 0.40 to real and -0.40 to generated images, asked for 1 and 0."),
        ("hinge", "It scores real images +0.40, asked for +1 or more; generated -0.40, asked for −1."),
        ("relativistic", "It scores real images 0.80 above generated ones"),
        ("", "Its mean score is 0.40 on real and -0.40 on generated images."),
    ],
)
def test_scores_that_are_no_beliefs_are_named_for_what_they_are(loss, said):
    columns = {key: value for key, value in HEALTHY.items() if key not in ("D_p_real", "D_p_fake")}
    text = " ".join(describe(log(**columns), run(loss)))
    assert said in text and "D(x)" not in text
    assert ("half of it" in text) == (loss in ("least_squares", "hinge"))


def test_equilibria_come_from_the_table_of_losses_and_only_for_plain_games():
    rows = log(n=3, **HEALTHY)
    for name, loss in LOSSES.items():
        expected = dict(zip("DG", loss.equilibrium, strict=True))
        found = equilibrium(rows, run(name))
        assert found.items() <= expected.items() and found["D"] == expected["D"]
        assert ("G" in found) == (name not in ("wasserstein", "hinge"))
    assert equilibrium(rows, run("non-saturating")) == equilibrium(rows, run())
    assert equilibrium(rows, run("unheard_of")) == {} and equilibrium(rows, {}) == {}
    assert equilibrium([{"images": 1, "D_A/loss": 1.0, "G/loss": 1.0}], run()) == {}


def test_an_empty_log_and_one_row():
    assert describe([], run()) == ["Nothing is logged yet, so there is nothing to say about the training."]
    assert headline([], run()) == "dcgan on digits: nothing is logged yet."
    text = " ".join(describe(log(n=1, **HEALTHY), run()))
    assert "In the last row the discriminator tells" in text and "Only one row is logged: too few" in text
    assert "Over the last third" not in text
    assert "Only 7 rows are logged" in " ".join(describe(log(n=7, **HEALTHY), run()))


def test_the_last_phase_is_the_one_spoken_of():
    early, late = log(n=50, **(HEALTHY | {"D_accuracy": (0.9, 0.001)})), log(n=50, **HEALTHY)
    rows = early + [row | {"phase": 1, "images": row["images"] + 640_000} for row in late]
    text = " ".join(describe(rows, run()))
    assert "in phase 2; what follows is about that phase, from 652,800 images on" in text
    assert "90 %" not in text and "90 %" in " ".join(describe(early, run()))
    assert "phase" not in " ".join(describe(late, run()))
    alone = [{"images": 640_000 + i, "phase": 1, "G/loss": 0.5} for i in range(3)]
    assert "Only 3 rows are logged in this phase" in " ".join(describe(early + alone, run()))


def test_a_game_of_one_player_and_a_game_of_four():
    text = " ".join(describe(log(G_loss=(0.1, 0.001)), run("")))
    assert "the loss of G stays near 0.100" in text and "iscriminator D" not in text
    four = {f"{p}_loss": (0.3, 0.01) for p in ("DA", "DB", "G", "F")} | {
        "DA_accuracy": (0.8, 0.0),
        "DB_accuracy": (0.6, 0.0),
    }
    text = " ".join(describe(log(**four), run()))
    assert "discriminator DA tells" in text and "discriminator DB tells" in text and "80 %" in text and "60 %" in text


def test_skipped_updates_are_said():
    rows = log(**HEALTHY)
    assert "skipped" not in " ".join(describe(rows, run()))
    rows[100]["skipped"] = 4.0
    assert "Up to 4 of 1,000 updates in a row were skipped" in " ".join(describe(rows, run()))


def test_the_headline_says_how_far():
    rows = log(**HEALTHY)
    done = headline(rows, run())
    assert done.startswith(
        "dcgan was trained on digits: 640,000 images seen (142 epochs) in 4 min 10 s of training rounds, its whole plan. "
    )
    half = headline(rows, run(length=1_280_000))
    assert ", 50 % of the 1,280,000 planned. " in half and "whole" not in half
    assert headline(rows, {}).startswith(
        "a recipe was trained on its data: 640,000 images seen in 4 min 10 s of training rounds. "
    )


def test_numbers_in_words():
    assert [percent(x) for x in (0, 0.004, 0.5, 0.81, 0.996, 1)] == ["0 %", "0.4 %", "50 %", "81 %", "99.6 %", "100 %"]
    assert [duration(s) for s in (0.2, 42, 60, 250, 3600, 90061)] == [
        "0.2 s",
        "42 s",
        "1 min",
        "4 min 10 s",
        "1 h",
        "25 h 1 min",
    ]
    assert [figures(x) for x in (1, 0.0123, 123, 1234.5, -2.5)] == ["1.00", "0.0123", "123", "1,234", "-2.50"]


def test_a_translator_that_hides_information_is_told_and_an_honest_one_is_not():
    row = {"images": 100, "phase": 0, "G/loss": 1.0, "D/loss": 1.0, "val/cycle": 0.08, "val/hidden": 4.2}
    said = " ".join(describe([row], {}))
    assert "within L1 0.08" in said and "4.2 times as much" in said and "hides" in said
    assert "hides" not in " ".join(describe([row | {"val/hidden": 1.1}], {}))


def test_the_last_look_at_held_out_pairs_is_told():
    rows = [{"images": 100, "G/loss": 1.0, "val/l1": 0.5}, {"images": 200, "G/loss": 1.0, "val/l1": 0.25, "val/ssim": 0.9},
            {"images": 300, "G/loss": 1.0}]  # fmt: skip
    assert "held-out pairs was 0.25 (pixels from −1 to 1); SSIM 0.9." in " ".join(describe(rows, {}))
