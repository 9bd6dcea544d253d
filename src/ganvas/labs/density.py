"""`ganvas lab density`: figure 1 of the 2014 paper as a live run."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from ganvas.labs.board import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    VERMILION,
    Folder,
    board,
    dress,
    legend,
    picture,
    reproducible,
    within,
)  # fmt: skip

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL import Image

    from ganvas.data.toys import Points
    from ganvas.play.game import Phase
    from ganvas.play.latent import Latent

REACH, FRAMES = 4.0, 40
EDGES = np.linspace(-6, 6, 601)
X = (EDGES[1:] + EDGES[:-1]) / 2
Z = np.array([NormalDist().inv_cdf((i + 0.5) / 20_001) for i in range(20_001)])  # equally likely steps of z
SHARP = (1.0, 3.0)
ALONE, ANSWER = 200, 6  # rounds: of D alone before (b), of G alone before (c)


def lab(
    *,
    data: Literal["gaussian", "mixture1d"] = "gaussian",
    rounds: int = 600,
    n_critic: int = 5,
    gamma: float = 0.0,
    lr: float = 1e-3,
    batch: int = 256,
    out: str = "labs/density",
    seed: int = 0,
) -> None:
    """The 2014 paper's figure 1 as a live run: data, G's density, D(x) and the map z → x, in four panels and a film.

    First D learns alone against a fixed G, then G takes a few steps against that D, then both play, learning rates
    falling to zero. G's density is computed from its map by change of variables, so the ideal D* = p/(p + p_g) is
    known and D can be held against it. Source: Goodfellow et al. 2014, figure 1 and section 4; non-saturating.
    Departure: z is normal, because a uniform one gives G's density hard edges, which the data have not.

    Args:
        data: one mode as in the paper, or three, which the plain game does not hold together (--gamma 0.1 helps)
        rounds: of the game proper, each n_critic updates of D and one of G
        n_critic: the paper's k
        gamma: of R1 (γ/2 convention, units of x), fading to 0 over the run; 0 is the paper's plain game
        lr: Adam's learning rate of G; D's is twice as high (betas 0, .99)
        batch: real samples an update
        out: folder for pictures, film and numbers
        seed: of weights, noise and data
    """
    for name, value, low, high in (
        ("rounds", rounds, 20, 100_000), ("n_critic", n_critic, 1, 100), ("gamma", gamma, 0, 100),
        ("lr", lr, 1e-6, 0.1), ("batch", batch, 8, 65_536), ("seed", seed, 0, 2**32 - 1),
    ):  # fmt: skip
        within(name, value, low, high)
    folder = Folder(out)

    with reproducible(seed):
        views = _play(_source(data), rounds, n_critic, gamma, lr, batch, seed)
    panels = [next(v for v in views if v.at == at) for at in ((0, 0), (0, ALONE), (1, ANSWER))] + [views[-1]]
    folder.figure("panels.png", _panels(panels))
    folder.figure("course.png", _course(views))
    folder.film("film.gif", _film(views), seconds=10)
    folder.numbers(
        {
            "settings": dict(data=data, rounds=rounds, n_critic=n_critic, gamma=gamma, lr=lr, batch=batch, seed=seed),
            "density_of_g": f"change of variables on {len(Z):,} equally likely z, averaged over cells of {X[1] - X[0]:.2g}",
            "panels": {letter: view.to_json() for letter, view in zip("abcd", panels, strict=True)},
            "course": [{"rounds": view.rounds, **view.scores()} for view in views],
        }
    )
    folder.read_out(_reading(panels))


class View(NamedTuple):
    """What there is to see at one moment. Arrays over X, but `images`: G at Z."""

    at: tuple[int, int]  # phase, round in it
    rounds: int
    p: np.ndarray
    p_g: np.ndarray
    D: np.ndarray
    images: np.ndarray

    @property
    def ideal(self) -> np.ndarray:
        """D* = p/(p + p_g); ½ where there is neither."""
        both = self.p + self.p_g
        return np.where(both > 1e-12, self.p / np.maximum(both, 1e-12), 0.5)

    def scores(self) -> dict[str, float]:
        from ganvas.labs.divergences import js

        step = X[1] - X[0]
        lies = self.p > 0.05 * self.p.max()

        def mean(distance: np.ndarray) -> float:
            """Over data and fakes alike, as D meets them."""
            return float(np.sum((self.p + self.p_g) / 2 * np.abs(distance)) * step)

        return {
            "D_from_half": mean(self.D - 0.5),
            "D_from_half_worst_on_data": float(np.abs(self.D - 0.5)[lies].max()),
            "D_from_ideal": mean(self.D - self.ideal),
            "ideal_from_half": mean(self.ideal - 0.5),
            "js": js(self.p, self.p_g, X),
            "total_variation": float(np.sum(np.abs(self.p - self.p_g)) * step / 2),
        }

    def to_json(self) -> dict[str, Any]:
        curves = {"x": X, "p_data": self.p, "p_g": self.p_g, "D": self.D, "D_ideal": self.ideal}
        return {"rounds": self.rounds, **self.scores(), **{k: v[::4] for k, v in curves.items()}}


def _source(data: str) -> Points:
    from ganvas.data.toys import Points, mixture1d

    return mixture1d() if data == "mixture1d" else Points("gaussian", np.array([[1.0]]), sigma=0.7, reach=REACH)


def _play(source: Points, rounds: int, n_critic: int, gamma: float, lr: float, batch: int, seed: int) -> list[View]:
    """The real run: three phases of one game, seen at even steps of each."""
    import time

    from ganvas.study.progress import ProgressLine
    from ganvas.training.trainer import Trainer

    G, D = _nets()
    plan = (ALONE, ANSWER, rounds)
    trainer = Trainer(_phases(G, D, plan, n_critic, gamma, lr, batch), source, seed=seed)
    shown = {(phase, int(r)) for phase, n in enumerate(plan) for r in np.rint(np.linspace(0, n, (9, 7, FRAMES)[phase]))}
    p, views, begun = source.density(X[:, None]), [], time.perf_counter()
    with ProgressLine(trainer.length) as line:
        for tick in trainer.ticks(batch):
            at = (tick.phase, tick.round)
            if at in shown and not (views and views[-1].at == at):
                views.append(View(at, sum(plan[: tick.phase]) + tick.round, p, *_look(G, D)))
                line.update(tick.images, time.perf_counter() - begun, tick.means)
    return views


def _phases(G: Any, D: Any, plan: tuple[int, ...], n_critic: int, gamma: float, lr: float, batch: int) -> list[Phase]:
    from ganvas.play.game import Phase
    from ganvas.play.latent import Latent, Normal
    from ganvas.play.penalties import GradientPenalty, real
    from ganvas.play.schedules import constant, linear
    from ganvas.recipes.common import adam

    betas = (0.0, 0.99)

    def game(k: int, penalties: tuple[GradientPenalty, ...] = ()) -> Latent:
        return Latent(G, D, Normal(1), penalties=penalties, n_critic=constant(k))

    none, fast, slow = constant(0.0), linear(2 * lr, 0, 0.3), linear(lr, 0, 0.3)
    fading = (GradientPenalty(linear(gamma / 2, 0), real, 0.0),) if gamma else ()
    parts = (
        (game(n_critic), n_critic, none, constant(2 * lr)),
        (game(1), 1, constant(lr), none),
        (game(n_critic, fading), n_critic, slow, fast),
    )
    return [
        Phase(play, n * k * batch, batch, {"G": adam(of_g, betas), "D": adam(of_d, betas)}, (-REACH, REACH))
        for n, (play, k, of_g, of_d) in zip(plan, parts, strict=True)
    ]


def _nets(width: int = 64) -> tuple[Any, Any]:
    """Smooth fully connected nets of the line. G is z + net(z), so that it starts as a bump one can see.

    The first layer starts `SHARP` times steeper than torch's: on one coordinate of size one it would hardly bend.
    """
    from torch import Tensor, nn

    def net(sharp: float) -> nn.Sequential:
        first = nn.Linear(1, width)
        first.load_state_dict({name: sharp * value for name, value in first.state_dict().items()})
        return nn.Sequential(nn.Flatten(), first, nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))

    class Map(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net(SHARP[0])

        def forward(self, z: Tensor) -> Tensor:
            return (z + self.net(z)).view(-1, 1, 1, 1)

    return Map(), net(SHARP[1])


def _look(G: Any, D: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """p_g and D(x) over X, and G over Z."""
    import torch

    from ganvas.labs.divergences import pushed_forward

    with torch.no_grad():
        images = G(torch.from_numpy(Z[:, None]).float()).flatten().double().numpy()
        judged = D(torch.from_numpy(X).float().view(-1, 1, 1, 1)).sigmoid().flatten().double().numpy()
    return pushed_forward(images, EDGES), judged, images


def _draw(curves: Axes, arrows: Axes, view: View, title: str, size: float) -> None:
    """One panel as in the paper: densities and D above, below them where equally likely z are sent."""
    dress(curves, "", "density, and D(x)", title, size)
    curves.fill_between(X, view.p, color=FAINT, alpha=0.35, linewidth=0)
    curves.plot(X, view.p, ":", color=INK, linewidth=2, label="data")
    curves.plot(X, view.p_g, color=GREEN, linewidth=2.4, label="generator")
    curves.plot(X, view.D, "--", color=BLUE, linewidth=2.4, label="D(x)")
    there = np.where(view.p + view.p_g > 0.01, view.ideal, np.nan)  # elsewhere a ratio of next to nothing
    curves.plot(X, there, color=VERMILION, linewidth=1.1, label="ideal D* = p/(p + p_g)")
    curves.axhline(0.5, color=FAINT, linewidth=1)
    curves.set(xlim=(-REACH, REACH), ylim=(0, 1.08), xticklabels=[])
    dress(arrows, "x = G(z)", "", "", size)
    arrows.grid(False)
    some = np.linspace(0, len(Z) - 1, 42).astype(int)[1:-1]
    ends = np.clip(view.images[some], -9, 9)
    arrows.plot([1.5 * Z[some], ends], [0, 0.93], color=INK, linewidth=0.8)
    arrows.plot(ends, np.full(len(ends), 0.94), "^", color=INK, markersize=4)
    arrows.set(xlim=(-REACH, REACH), ylim=(0, 1), yticks=(0, 1), yticklabels=("z", "x"))


def _panels(views: list[View]) -> Figure:
    figure, (above, below) = board(22, 7.4, 2, 4, dpi=110, height_ratios=(3, 1))
    titles = (
        "(a) before training",
        "(b) D has learnt, G is fixed",
        f"(c) G, {ANSWER} steps up D's slope",
        "(d) at the end",
    )
    for curves, arrows, view, title in zip(above, below, views, titles, strict=True):
        _draw(curves, arrows, view, title, 15)
        curves.text(-3.85, 1.02, f"|D − ½| {view.scores()['D_from_half']:.3f}", fontsize=13, color=INK, va="top")
    figure.legend(
        *above[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=16, frameon=False
    )
    return figure


def _film(views: list[View]) -> list[Image.Image]:
    figure, ((curves,), (arrows,)) = board(9.6, 6.4, 2, 1, dpi=80, height_ratios=(3, 1))
    parts = ("D learns, G is fixed", "G learns, D is fixed", "both play")
    frames = []
    for view in views:
        curves.clear()
        arrows.clear()
        _draw(curves, arrows, view, f"{parts[view.at[0]]} · round {view.rounds}", 15)
        legend(curves, loc="upper left", ncols=2, size=13)
        curves.set_ylim(0, 1.3)
        frames.append(picture(figure))
    return frames


def _course(views: list[View]) -> Figure:
    figure, ((axes,),) = board(13, 7.3)
    dress(axes, "rounds", "distance, log scale", size=16)
    rounds, scores = [view.rounds for view in views], [view.scores() for view in views]
    for key, colour, name in (
        ("D_from_half", BLUE, "D from ½"), ("D_from_ideal", VERMILION, "D from its ideal D*"),
        ("total_variation", GREEN, "G from the data: total variation"), ("js", INK, "G from the data: JS, nats"),
    ):  # fmt: skip
        axes.semilogy(rounds, [s[key] for s in scores], "-o", color=colour, linewidth=2.4, markersize=4, label=name)
    for at, name in ((0, "D alone"), (ALONE + ANSWER, " both play")):
        axes.axvline(at, color=FAINT, linewidth=1, linestyle=":")
        axes.annotate(f" {name}", (at, 1.02), xycoords=("data", "axes fraction"), fontsize=13, color=INK)
    axes.set_title("From a fixed generator to D = ½", fontsize=17, color=INK, loc="left", pad=28)
    legend(axes, size=14)
    return figure


def _reading(panels: list[View]) -> list[str]:
    a, b, c, d = (view.scores() for view in panels)
    return [
        f"(a) before training D says {1 / 2:g} to everything, within {a['D_from_half']:.3f}; the ideal D* would be "
        f"{a['ideal_from_half']:.3f} away from it.",
        f"(b) after {ALONE} rounds alone D is {b['D_from_ideal']:.3f} from D* = p/(p + p_g).",
        f"(c) G, {ANSWER} steps up that D's slope: JS to the data {b['js']:.3f} → {c['js']:.3f} nats (apart: 0.693).",
        f"(d) after {panels[-1].rounds:,} rounds JS is {d['js']:.4f}; D is {d['D_from_half']:.3f} from ½ on average "
        f"(at worst {d['D_from_half_worst_on_data']:.3f} where data lie) and {d['D_from_ideal']:.3f} from D*.",
        f"p_g by change of variables through G on {len(Z):,} values of z; averages are over data and fakes alike.",
    ]
