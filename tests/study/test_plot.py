"""Line plots as HTML: what is drawn lies where its number says, gaps stay gaps, and every word is text."""

import re
from itertools import pairwise

import numpy as np
import pytest

from ganvas.study.pages.plot import Level, Line, _powers, _ticks, plot

X = np.arange(1.0, 11.0)


def paths(html: str, kind: str) -> list[list[tuple[float, float]]]:
    """The points of each path of this kind, in thousandths from the upper left; a list a stroke of the pen."""
    found = re.findall(rf'<path class="{kind}[^"]*" d="([^"]*)"', html)
    strokes = [stroke for d in found for stroke in d.split("M") if stroke]
    return [[tuple(map(float, point.split())) for point in re.split("L|h0", stroke) if point] for stroke in strokes]


def test_a_line_goes_through_its_points():
    html = plot("title", [Line("a", X, X)], window=(0, 10), axis="images")
    (points,) = paths(html, "line")
    assert points[0] == (100, 900) and points[-1] == (1000, 0) and len(points) == 10
    assert "title" in html and ">a<" in html and "images" in html and "title: a" in html


def test_a_gap_lifts_the_pen_and_nothing_at_all_is_no_plot():
    y = X.copy()
    y[4] = np.nan
    assert [len(stroke) for stroke in paths(plot("t", [Line("a", X, y)]), "line")] == [4, 5]
    assert plot("t", [Line("a", X, np.full(10, np.nan))]) == "" and plot("t", []) == ""


def test_levels_are_inside_the_window_and_named():
    html = plot("t", [Line("a", X, np.full(10, 1.0))], levels=[Level(5.0, "<alarm>", 1)])
    y = float(re.search(r'class="level k1" d="M0 ([\d.-]+)H', html)[1])
    assert 0 < y < 1000 and "&lt;alarm&gt;" in html
    assert 'class="level' not in plot("t", [Line("a", X, X)])


def test_words_of_near_levels_stand_in_one_line():
    near = plot("t", [Line("a", X, 100 * X)], levels=[Level(0.7, "G rests", 1), Level(1.4, "D rests", 0)])
    assert "G rests · D rests" in near and near.count('class="level') == 2
    apart = plot("t", [Line("a", X, X)], levels=[Level(1.0, "G rests", 1), Level(5.0, "D rests", 0)])
    assert " · " not in apart and apart.count('class="tag') == 2
    assert "5e+12" in plot("t", [Line("a", X, 1e12 * X)])


def test_many_points_are_smoothed_and_few_are_not():
    rng = np.random.default_rng(0)
    x = np.arange(2000.0)
    noisy = plot("t", [Line("a", x, rng.normal(size=2000))])
    (thick,), (thin,) = paths(noisy, "line"), paths(noisy, "thin")
    assert np.std([y for _, y in thick]) < 0.6 * np.std([y for _, y in thin]) and len(thick) <= 401
    assert "thin" not in plot("t", [Line("a", X, X)])


def test_dots_hollow_and_filled():
    html = plot("t", [Line("a", X, X, hollow=X > 8)])
    assert len(paths(html, "dots")) == 10 and len(paths(html, "holes")) == 2
    assert "dots" not in plot("t", [Line("a", X, X)])
    assert len(paths(plot("t", [Line("a", X[:1], X[:1])]), "dots")) == 1, "a line needs two points to be seen"


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-0.3, 0.2), (120, 480), (0.69, 0.71), (-3e6, 5e6)])
def test_ticks_are_few_round_and_inside(low, high):
    ticks = _ticks(low, high)
    assert 2 <= len(ticks) <= 6 and all(low <= tick <= high for tick in ticks)
    assert len({round(b - a, 9) for a, b in pairwise(ticks)}) == 1


def test_powers_of_ten():
    assert np.allclose([10**tick for tick in _powers(np.log10(90), np.log10(600))], [100, 200, 500])
    assert np.allclose([10**tick for tick in _powers(0, 6)], [1, 10, 100, 1e3, 1e4, 1e5, 1e6])
    html = plot("t", [Line("a", X, 10**X)], log=True)
    (points,) = paths(html, "line")
    steps = np.diff([y for _, y in points])
    assert np.allclose(steps, steps[0], atol=0.2), "a power law is straight"


def test_phases_are_marked():
    html = plot("t", [Line("a", X, X)], phases=[(5.0, "phase 2")])
    assert 'class="phase kf" d="M500.0 0V1000"' in html and "phase 2" in html
