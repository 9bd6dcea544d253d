"""The loss curves of a run, as one PNG."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganvas import files
from ganvas.study import traces
from ganvas.study.log import Row, bounds, phase, series, settle
from ganvas.study.traces import SMOOTH, in_units, smooth, thinned

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's palette, safe for the colour-blind; on dark ground its light half
Look = dict[str, Any]
LIGHT: Look = {"ink": "#222222", "faint": "#888888", "ground": "#ffffff"}
LIGHT["lines"] = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
DARK: Look = {"ink": "#e8e8e8", "faint": "#909090", "ground": "#16181c"}
DARK["lines"] = ("#56b4e9", "#e69f00", "#2bc79c", "#f0a6cf")


def curves(
    rows: Sequence[Row], out: Path | BytesIO, equilibrium: Mapping[str, float] | None = None, dark: bool = False
) -> None:
    """A PNG of each player's loss over the real images seen and, where logged, what the discriminators believe.

    Of an explicit density −ELBO and its reconstruction part, and beneath them KL, all in nats an image.

    Thin lines are the rows, thick ones a running mean. equilibrium: loss of a player ("D", "G") where it would come to
    rest, drawn dashed. A vertical line marks each new phase. Spikes may leave the frame; a note then says how far.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows, look = settle(rows), DARK if dark else LIGHT
    losses, beliefs, kl = traces.losses(rows), traces.beliefs(rows), traces.parts(rows, {"kl": "KL"})
    second = beliefs or kl
    figure = Figure(figsize=(6.4, 5.6 if second else 3.4), dpi=200, facecolor=look["ground"], layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2 if second else 1, sharex=True, squeeze=False, height_ratios=(3, 2) if second else None)
    _dress(panels[0, 0], "nats an image" if bounds(rows) else "loss", rows, look)
    _draw(panels[0, 0], rows, losses, look)
    _rest(panels[0, 0], equilibrium or {}, [name for name, _ in losses], look)
    if kl and not beliefs:
        _dress(panels[1, 0], "nats an image", rows, look)
        _draw(panels[1, 0], rows, kl, look)
    if beliefs:
        _dress(panels[1, 0], "share", rows, look)
        _draw(panels[1, 0], rows, beliefs, look, frame=(0.0, 1.0))
        panels[1, 0].axhline(0.5, color=look["faint"], linestyle="--", linewidth=1, zorder=1)
        panels[1, 0].set_yticks((0, 0.5, 1), ("0", "½", "1"))
    panels[-1, 0].set_xlabel("real images seen", color=look["ink"], fontsize=11)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", facecolor=look["ground"], metadata={"Software": None})
    out.write(buffer.getvalue()) if isinstance(out, BytesIO) else files.write_atomic(Path(out), buffer.getvalue())


def _dress(axes: "Axes", label: str, rows: Sequence[Row], look: Look) -> None:
    from matplotlib.ticker import FuncFormatter

    axes.set_facecolor(look["ground"])
    axes.set_ylabel(label, color=look["ink"], fontsize=11)
    axes.tick_params(colors=look["ink"], labelsize=10, length=0)
    axes.grid(axis="y", color=look["faint"], alpha=0.25, linewidth=0.8)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(look["faint"])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: in_units(x)))
    if rows:
        axes.set_xlim(0, max(rows[-1]["images"], 1))
    for before, row in pairwise(rows):
        if phase(row) != phase(before):
            axes.axvline(before["images"], color=look["faint"], linewidth=1, linestyle=":")
            axes.annotate(
                f" phase {phase(row) + 1}", (before["images"], 0.02), xycoords=("data", "axes fraction"),
                color=look["faint"], fontsize=9,
            )  # fmt: skip
    if not rows:
        axes.text(0.5, 0.5, "nothing logged yet", transform=axes.transAxes, ha="center", color=look["ink"], fontsize=11)


def _draw(
    axes: "Axes",
    rows: Sequence[Row],
    lines: Sequence[tuple[str, np.ndarray]],
    look: Look,
    frame: tuple[float, float] | None = None,
) -> None:
    """The lines with their legend above; `frame` is the vertical range, by default all but the wildest spikes."""
    images, width = series(rows, "images"), max(1, len(rows) // SMOOTH)
    for i, (name, values) in enumerate(lines):
        colour, style = look["lines"][i % 4], ("-", "--", ":")[i // 4 % 3]
        x, y = thinned(images), thinned(values)
        if width > 1:
            axes.plot(x, y, color=colour, linewidth=0.7, alpha=0.35)
            y = thinned(smooth(values, width))
        marker = "o" if len(rows) < 3 else ""  # a line needs two points to be seen
        axes.plot(x, y, style, color=colour, linewidth=1.9, label=name, marker=marker, markersize=4)
    if lines:
        axes.legend(
            loc="lower left", bbox_to_anchor=(0, 1), ncols=4, frameon=False, labelcolor=look["ink"], fontsize=10,
            borderaxespad=0.2, handlelength=1.6,
        )  # fmt: skip
        frame = frame or traces.frame([values for _, values in lines], width)
    if frame:
        margin = 0.04 * (frame[1] - frame[0])
        axes.set_ylim(frame[0] - margin, frame[1] + margin)
        _say_what_is_outside(axes, np.concatenate([values for _, values in lines]), look)


def _say_what_is_outside(axes: "Axes", values: np.ndarray, look: Look) -> None:
    values, (low, high) = values[np.isfinite(values)], axes.get_ylim()
    far = [f"{worst:.3g}" for worst in (values.min(), values.max()) if not low <= worst <= high] if len(values) else []
    if far:
        axes.text(
            1, 1.02, f"spikes reach {' and '.join(far)}", transform=axes.transAxes, ha="right", va="bottom",
            color=look["faint"], fontsize=9,
        )  # fmt: skip


def _rest(axes: "Axes", equilibrium: Mapping[str, float], names: Sequence[str], look: Look) -> None:
    """Dashed lines where the losses would come to rest, named at their right end."""
    levels: dict[float, list[int]] = {}
    for i, name in enumerate(names):
        if name in equilibrium:
            levels.setdefault(round(equilibrium[name], 6), []).append(i)
    if not levels:
        return
    low, high = axes.get_ylim()
    margin = 0.06 * (high - low)
    axes.set_ylim(min(low, min(levels) - margin), max(high, max(levels) + 2 * margin))
    for level, who in levels.items():
        colour = look["lines"][who[0]] if len(who) == 1 else look["ink"]
        axes.axhline(level, color=colour, linestyle="--", linewidth=1, zorder=1)
        axes.annotate(
            f"{' and '.join(names[i] for i in who)} at equilibrium: {level:.3g}", (1, level), xytext=(0, 3),
            xycoords=("axes fraction", "data"), textcoords="offset points", ha="right", color=colour, fontsize=9,
        )  # fmt: skip
