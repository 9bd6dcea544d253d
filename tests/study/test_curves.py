"""The curves: drawn for whatever players there are, never an exception, same bytes again."""

import subprocess
import sys
from io import BytesIO
from itertools import pairwise

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from ganvas.study.curves import curves
from ganvas.study.traces import MOST, frame, in_units, smooth, thinned


def rows(n=60, **columns):
    base = {"D/loss": 1.2, "G/loss": 0.9, "D/p_real": 0.6, "D/p_fake": 0.4, "D/accuracy": 0.7}
    return [{"images": 100 * (i + 1), "phase": 0} | base | {k: v(i) for k, v in columns.items()} for i in range(n)]


@pytest.fixture
def drawn(monkeypatch):
    """Draws and hands out the figure, to ask what is in it."""
    figures = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **k: (figures.append(self), save(self, *a, **k)))

    def draw(given, *args, **kwargs):
        curves(given, BytesIO(), *args, **kwargs)
        return figures[-1]

    return draw


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()] if axes.get_legend() else []


def notes(axes):
    return [text.get_text().strip() for text in axes.texts if text.get_text()]


def test_losses_above_and_beliefs_below(drawn):
    top, bottom = drawn(rows()).axes
    assert legend(top) == ["D", "G"] and legend(bottom) == ["D(x)", "D(G(z))", "told apart"]
    assert any(line.get_ydata()[0] == 0.5 for line in bottom.lines if len(line.get_ydata()) == 2), "the ½ line"
    assert bottom.get_ylim()[0] < 0 and bottom.get_ylim()[1] > 1


def test_whoever_plays_is_drawn(drawn):
    (only,) = drawn([{"images": i, "G/loss": 1.0 / i} for i in range(1, 9)]).axes
    assert legend(only) == ["G"]
    four = [
        {
            "images": i + 1,
            **{f"{p}/loss": 1.0 for p in ("D_A", "D_B", "F", "G")},
            "D_A/accuracy": 0.6,
            "D_B/accuracy": 0.7,
        }
        for i in range(9)
    ]
    top, bottom = drawn(four).axes
    assert legend(top) == ["D_A", "D_B", "F", "G"] and legend(bottom) == ["told apart by D_A", "told apart by D_B"]


def test_the_line_drawn_is_the_loss_logged(drawn):
    top = drawn(rows(30, **{"D/loss": lambda i: 1 + 0.01 * i})).axes[0]
    line = next(line for line in top.lines if line.get_label() == "D")
    assert np.allclose(line.get_xdata(), [100 * (i + 1) for i in range(30)])
    assert np.allclose(line.get_ydata(), [1 + 0.01 * i for i in range(30)])


def test_equilibrium_is_a_dashed_line_in_view(drawn):
    top = drawn(rows(), {"D": 1.386294, "G": 0.693147}).axes[0]
    assert "D at equilibrium: 1.39" in notes(top) and "G at equilibrium: 0.693" in notes(top)
    assert {1.386294, 0.693147} <= {round(line.get_ydata()[0], 6) for line in top.lines if line.get_linestyle() == "--"}
    assert top.get_ylim()[0] < 0.69 and top.get_ylim()[1] > 1.39
    shared = drawn(rows(), {"D": 0.693147, "G": 0.693147}).axes[0]
    assert notes(shared) == ["D and G at equilibrium: 0.693"]
    assert shared.texts[0].get_color() not in {line.get_color() for line in shared.lines if line.get_label() in "DG"}
    assert notes(drawn(rows()).axes[0]) == [], "none is drawn that was not given"


def test_phases_are_marked(drawn):
    given = rows(20, phase=lambda i: i // 8)
    assert [n for n in notes(drawn(given).axes[0]) if "phase" in n] == ["phase 2", "phase 3"]
    assert not any("phase" in n for n in notes(drawn(rows(20)).axes[0]))


def test_spikes_do_not_flatten_the_curve_and_are_said(drawn):
    spiky = rows(200, **{"G/loss": lambda i: 500.0 if i == 90 else 0.9 + 0.1 * np.sin(i)})
    top = drawn(spiky).axes[0]
    assert top.get_ylim()[1] < 2 and "spikes reach 500" in notes(top)
    calm = drawn(rows(200, **{"G/loss": lambda i: 0.9 + 0.1 * np.sin(i)})).axes[0]
    assert not any("spikes" in n for n in notes(calm))


@pytest.mark.parametrize(
    "given",
    [
        [],
        [{"images": 5}],
        [{"images": 5, "G/loss": 1.0}],
        [{"images": 5, "G/loss": float("nan"), "D/accuracy": None}],
        [{"images": 0, "G/loss": 1.0}],
        [{"images": i, "G/loss": 1e300 * i, "D/loss": float("inf")} for i in range(1, 9)],
        [{"images": i, "G/loss": 1.0} if i % 2 else {"images": i, "D/loss": 1.0} for i in range(1, 99)],
    ],
    ids=["empty", "no loss", "one row", "nan", "no images", "wild", "gaps"],
)
def test_odd_logs_are_drawn_all_the_same(given, tmp_path):
    curves(given, tmp_path / "curves.png", {"D": 1.386, "G": 0.693})
    with Image.open(tmp_path / "curves.png") as picture:
        picture.load()
        assert picture.width == 1280


def test_the_same_log_gives_the_same_bytes_and_no_metadata():
    first, again, dark = BytesIO(), BytesIO(), BytesIO()
    curves(rows(), first)
    curves(rows(), again)
    curves(rows(), dark, dark=True)
    assert first.getvalue() == again.getvalue() != dark.getvalue()
    assert b"matplotlib" not in first.getvalue().lower() and b"tEXt" not in first.getvalue()


def test_the_ground_is_light_or_dark():
    for dark, low, high in ((False, 250, 255), (True, 0, 60)):
        buffer = BytesIO()
        curves(rows(), buffer, dark=dark)
        with Image.open(buffer) as picture:
            corner = picture.convert("L").getpixel((2, 2))
        assert low <= corner <= high


def test_the_users_own_matplotlib_is_left_alone():
    before = dict(matplotlib.rcParams)
    curves(rows(), BytesIO())
    assert dict(matplotlib.rcParams) == before
    code = """
import io, sys
from ganvas.study.curves import curves
before = "matplotlib" in sys.modules
curves([], io.BytesIO())
print(before, "matplotlib" in sys.modules, "matplotlib.pyplot" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "False"], "imported when drawing, and never pyplot's global state"


def test_smoothing_keeps_levels_and_drops_single_spikes():
    flat = np.ones(50)
    assert np.allclose(smooth(flat, 5), 1)
    flat[20] = 1000.0
    assert smooth(flat, 5).max() == pytest.approx(1.0)
    gap = np.where(np.arange(50) == 7, np.nan, 1.0)
    assert np.isnan(smooth(gap, 5)).tolist() == np.isnan(gap).tolist()
    ramp = np.arange(50.0)
    assert np.allclose(smooth(ramp, 5)[2:-2], ramp[2:-2]), "centred: not late, as a moving average of the past is"


def test_long_logs_are_thinned_to_means():
    values = np.arange(10 * MOST + 7, dtype=float)
    thin = thinned(values)
    assert len(thin) <= MOST + 1 and all(a < b for a, b in pairwise(thin)) and thin[-1] == values[-1]
    assert np.array_equal(thinned(values[:MOST]), values[:MOST])


def test_a_frame_makes_room_for_what_costs_little():
    values = np.linspace(0, 1, 500)
    assert frame([np.r_[values, 1.3]], 12) == (0.0, 1.3)
    assert frame([np.r_[values, 3.0]], 12)[1] == pytest.approx(1, abs=0.02)


def test_a_frame_needs_numbers():
    assert frame([np.full(5, np.nan)], 1) is None
    assert frame([np.full(5, 2.0)], 1) == (1.5, 2.5)


def test_images_are_counted_in_thousands_and_millions():
    assert [in_units(x) for x in (0, 500, 12_800, 1_500_000, 2e9)] == ["0", "500", "12.8 k", "1.5 M", "2 G"]
