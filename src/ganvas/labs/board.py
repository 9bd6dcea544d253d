"""The lab's blackboard: figures in one style for a slide, and the folder that a lab's pictures and numbers go to.

As everywhere in labs/, torch and matplotlib are imported inside the functions: the command line reads signatures
without them.
"""

import contextlib
import json
import math
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganvas import files
from ganvas.errors import BadInput

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL import Image

# Okabe and Ito's palette, safe for the colour-blind
BLUE, VERMILION, GREEN, PINK, ORANGE, SKY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"
DPI = 150
INK, FAINT = "#222222", "#9a9a9a"
COLOURS = {
    "minimax": VERMILION,
    "non_saturating": BLUE,
    "least_squares": PINK,
    "wasserstein": GREEN,
    "hinge": ORANGE,
    "relativistic": SKY,
}
TITLES = {
    "minimax": "minimax (saturating)",
    "non_saturating": "non-saturating",
    "least_squares": "least squares",
    "wasserstein": "Wasserstein",
    "hinge": "hinge",
    "relativistic": "relativistic (RpGAN)",
}


def board(
    width: float, height: float, rows: int = 1, columns: int = 1, dpi: int | None = None, **grid: Any
) -> tuple["Figure", np.ndarray]:
    """An empty figure, `width`×`height` inches, and its rows×columns axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=dpi or DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False, **grid)


def dress(axes: "Axes", x: str = "", y: str = "", title: str = "", size: float = 14) -> None:
    """Labels in the size of a slide; only the lines that carry something."""
    axes.set_xlabel(x, fontsize=size, color=INK)
    axes.set_ylabel(y, fontsize=size, color=INK)
    axes.set_title(title, fontsize=size + 1, color=INK, loc="left", pad=8)
    axes.tick_params(colors=INK, labelsize=size - 2, length=3, color=FAINT)
    axes.grid(color=FAINT, alpha=0.25, linewidth=0.8)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(FAINT)


def legend(axes: "Axes", size: float = 12, **place: Any) -> None:
    axes.legend(**{"frameon": False, "fontsize": size, "labelcolor": INK, "handlelength": 1.8} | place)


def picture(figure: "Figure") -> "Image.Image":
    """What the figure shows now, as a frame of a film."""
    from PIL import Image

    figure.canvas.draw()
    return Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., :3].copy())


class Folder:
    """Where a lab writes. Made at once, so that a disk that refuses is known before the work; Storage says why."""

    def __init__(self, out: str):
        self.path = Path(out)
        with files.storage_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        self.written: list[Path] = []

    def figure(self, name: str, figure: "Figure") -> None:
        buffer = BytesIO()
        figure.savefig(buffer, format="png", facecolor="white", metadata={"Software": None})
        files.write_atomic(self._new(name), buffer.getvalue())

    def film(self, name: str, frames: list["Image.Image"], seconds: float) -> None:
        from ganvas.study.sheets import film

        film(frames, self._new(name), seconds, side=1000)

    def numbers(self, numbers: dict[str, Any]) -> None:
        """numbers.json; a number that is not finite becomes null."""
        files.write_atomic(self._new("numbers.json"), json.dumps(_plain(numbers), indent=1, ensure_ascii=False) + "\n")

    def read_out(self, sentences: list[str]) -> None:
        """Prints what was found, and where it lies."""
        print("\n".join(sentences))
        print("written: " + ", ".join(map(files.printable, self.written)))

    def _new(self, name: str) -> Path:
        self.written.append(self.path / name)
        return self.written[-1]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(v) for v in value]
    if isinstance(value, float | np.floating):
        return float(f"{value:.9g}") if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def within(name: str, value: float, low: float, high: float) -> None:
    """Raises BadInput, one line, where an option lies outside [low, high]."""
    if not low <= value <= high:
        option = name.replace("_", "-")
        raise BadInput(f"--{option} {value:g} is out of range: choose {low:g} to {high:g}")


@contextlib.contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """torch's random numbers from `seed`, on one thread (more would add up in another order), and back as it was."""
    import torch

    within("seed", seed, 0, 2**32 - 1)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
