"""The density of what a map makes of noise, and the three parts of the live figure."""

import numpy as np
import pytest
import torch

from ganvas.labs import density
from ganvas.labs.divergences import normal, pushed_forward


def test_change_of_variables_through_known_maps():
    edges = np.linspace(-2, 2, 401)
    x = (edges[1:] + edges[:-1]) / 2
    u = np.linspace(-1, 1, 40_001)  # equally likely
    assert np.allclose(pushed_forward(u, edges)[np.abs(x) < 0.99], 0.5)
    assert pushed_forward(-u, edges) == pytest.approx(pushed_forward(u, edges), abs=1e-9)
    folded = pushed_forward(u**2, edges)  # both halves land on [0, 1]: F(x) = √x
    inside = (x > 0) & (x < 1)
    exact = np.diff(np.sqrt(np.clip(edges, 0, 1))) / np.diff(edges)
    assert np.allclose(folded[inside], exact[inside], rtol=1e-3)
    one_branch = pushed_forward(np.linspace(0, 1, 20_001) ** 2, edges) / 2  # negative control: a fold forgotten
    assert not np.allclose(one_branch[inside], exact[inside], rtol=0.1)


def test_normal_noise_through_a_straight_map_is_normal():
    exact = normal(density.X, 0.5, 0.8)
    assert np.abs(pushed_forward(0.5 + 0.8 * density.Z, density.EDGES) - exact).max() < 2e-3
    flat = pushed_forward(np.full(100, 1.003), density.EDGES)  # G has collapsed to a point: all mass in one cell
    assert flat.sum() * 0.02 == pytest.approx(1, abs=1e-4) and (flat > 1e-3).sum() == 1


def test_the_ideal_discriminator():
    p, q = normal(density.X), normal(density.X, 1.0)
    view = density.View((0, 0), 0, p, q, np.full_like(p, 0.5), density.Z)
    assert np.allclose(view.ideal, 1 / (1 + np.exp(density.X - 0.5)), atol=1e-6)  # log p/q is a straight line
    same = view._replace(p_g=p)
    assert np.allclose(same.ideal, 0.5) and same.scores()["D_from_ideal"] < 1e-12
    assert same.scores()["js"] == 0 and view.scores()["js"] > 0.05 < view.scores()["D_from_ideal"]


@pytest.fixture(scope="module")
def views():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(density, "ALONE", 80)
        patch.setattr(density, "ANSWER", 6)
        patch.setattr(density, "FRAMES", 3)
        torch.manual_seed(0)
        return density._play(density._source("gaussian"), 10, 2, 0.1, 1e-3, 256, 0)


def test_first_d_learns_alone_then_g_then_both(views):
    alone, answer, both = ([v for v in views if v.at[0] == phase] for phase in range(3))
    start, end = alone[0], alone[-1]
    assert start.at == (0, 0) and end.at == (0, 80) and answer[-1].at == (1, 6) and both[-1].at == (2, 10)
    assert np.array_equal(start.p_g, end.p_g) and not np.array_equal(start.D, end.D)
    assert np.array_equal(end.D, answer[-1].D) and not np.array_equal(end.p_g, answer[-1].p_g)
    assert not np.array_equal(answer[-1].D, both[-1].D) and not np.array_equal(answer[-1].p_g, both[-1].p_g)


def test_d_alone_comes_near_the_ideal_and_g_gains_by_it(views):
    scores = {v.at: v.scores() for v in views}
    before, learnt, answered = scores[0, 0], scores[0, 80], scores[1, 6]
    assert before["D_from_ideal"] > 0.15 and learnt["D_from_ideal"] < 0.07
    assert answered["js"] < 0.9 * learnt["js"]


def test_the_figure_and_its_numbers(views, tmp_path):
    folder = density.Folder(str(tmp_path / "out"))
    folder.figure("panels.png", density._panels([views[0], views[1], views[-2], views[-1]]))
    assert (tmp_path / "out" / "panels.png").stat().st_size > 20_000
    told = views[-1].to_json()
    assert len(told["x"]) == len(told["p_g"]) == 150 and 0 <= told["D_from_half"] <= 0.5
