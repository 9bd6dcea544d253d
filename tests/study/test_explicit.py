"""What is said and drawn of an explicit density: its bound, its code, and nothing of a discriminator."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from ganvas.health.triage import judge
from ganvas.study.curves import curves
from ganvas.study.equilibrium import equilibrium
from ganvas.study.log import bounds, judges
from ganvas.study.progress import in_short
from ganvas.study.traces import losses
from ganvas.study.words import describe, headline
from tests.study.test_words import HEALTHY, WAVE, log

RUN = {
    "recipe": "vae",
    "arguments": {"sigma": 1.0, "beta": 1.0},
    "data": {"source": "digits", "spec": {"name": "digits", "n": 4500, "bits": 8}},
    "images": 640_000,
}
WELL = {
    "G_loss": (770.0, 1.0), "G_elbo": (-770.0, 1.0), "G_reconstruction": (750.0, 1.0), "G_kl": (20.0, 0.2),
    "G_bits_per_dim": (7.41, 0.001), "G_grad_norm": (40.0, 1.0), "G_lr": (1e-3, 0.0),
}  # fmt: skip
OF_GANS = ("D(x)", "equilibrium", "starved", "told apart", "real from generated", "players", "generator", "balance")


def test_the_numbers_are_said_with_their_units_and_nothing_of_gans():
    rows = log(**WELL)
    assert bounds(rows) == ["G"] and judges(rows) == [] and equilibrium(rows, RUN) == {}
    head, text = headline(rows, RUN), " ".join(describe(rows, RUN))
    for said in (head, text):
        assert "the ELBO is -770 nats an image, 7.41 bits a dimension, with a KL of 20.0 nats" in said
    assert "Reconstruction, −ln p(x|z), is 750" in text and "there is no discriminator" in text
    assert "the ELBO stays near -770 and KL stays near 20.0" in text
    assert not [word for word in OF_GANS if word in text + head]
    assert [word for word in OF_GANS if word in " ".join(describe(log(**HEALTHY), RUN))], "negative control"


def test_bits_that_save_nothing_are_called_so():
    dear = "no less than the 8 that a pixel is stored in"
    assert dear in " ".join(describe(log(**WELL | {"G_bits_per_dim": (8.41, 0.001)}), RUN))
    assert dear not in " ".join(describe(log(**WELL), RUN))
    continuous = {key: value for key, value in WELL.items() if key != "G_bits_per_dim"}
    text = " ".join(describe(log(**continuous), RUN))
    assert dear not in text and "bits a dimension" not in text and "nan" not in text


def test_posterior_collapse_is_found_and_only_there():
    def told(**series):
        return judge(log(**series), [], RUN).id

    assert told(**WELL | {"G_kl": (0.02, 0.001)}) == "posterior_collapse"
    assert told(**WELL) == "healthy"
    assert told(**WELL | {"G_kl": np.linspace(0.0, 20.0, 200).tolist()}) == "healthy", "every run begins with none"
    assert judge(log(n=11, **WELL | {"G_kl": (0.02, 0.001)}), [], RUN).id == "unknown", "too early to say"
    other = {key: value for key, value in WELL.items() if key != "G_elbo"} | {"G_kl": (0.02, 0.001)}
    assert told(**other) == "unknown", "somebody else's kl"


def test_a_swing_is_told_without_a_second_player():
    text = " ".join(describe(log(**WELL | {"G_elbo": (-770 + 150 * WAVE).tolist()}), RUN))
    assert "the ELBO swings 7 times between" in text and "players" not in text


def test_the_curves_are_the_bound_and_its_parts():
    rows = log(**WELL)
    assert [(name, round(float(values.mean()))) for name, values in losses(rows)] == [
        ("−ELBO", 770),
        ("reconstruction", 750),
    ]
    assert [name for name, _ in losses(log(**HEALTHY))] == ["D", "G"]
    drawn, without = BytesIO(), BytesIO()
    curves(rows, drawn)
    curves([{k: v for k, v in row.items() if k != "G/kl"} for row in rows], without)
    heights = [Image.open(BytesIO(b.getvalue())).size[1] for b in (drawn, without)]
    assert heights[0] > heights[1], "KL has a panel of its own"


@pytest.mark.parametrize("bits", [True, False])
def test_the_progress_line_shows_the_bound(bits):
    means = {"G/loss": 770.4, "G/elbo": -770.4, "G/kl": 20.14, "G/reconstruction": 750.3}
    means |= {"G/bits_per_dim": 8.413} if bits else {}
    assert in_short(means) == "ELBO -770.4 · KL 20.1" + " · 8.41 bits/dim" * bits
