"""A look into a running game: fixed latents and fixed pictures through both players, and what that says in numbers.

Looking changes nothing: buffers (BatchNorm's statistics, spectral norm's vectors) and random states are put back to the
bit, and only pictures are differentiated. Players are asked in the mode they train in, in batches as large as theirs.
"""

from __future__ import annotations

import math
import time
from collections import deque
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ganvas.data.arrays import content_hashes
from ganvas.data.labels import in_turn
from ganvas.health.numbers import SIDE, apart, judged, over_z, rows, small
from ganvas.health.undisturbed import undisturbed
from ganvas.measure.copying import mann_whitney
from ganvas.measure.kernel import mmd2
from ganvas.measure.neighbours import nearest
from ganvas.play.latent import Latent
from ganvas.play.penalties import ClipWeights
from ganvas.study.suited import eye, suited
from ganvas.training.feed import Feed
from ganvas.training.trainer import Trainer

MOST = 128  # pictures of each kind a look
FIXED = 32  # of the generated ones, those whose latents are always the same
BASE, BYTES = 1024, 64 << 20  # training pictures whose features are kept, fewer where they are large
STEPS = 16  # looks over which the way of the fixed pictures is measured
SOME = 256  # of each tensor of weights, the numbers whose movement is followed
NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)


def applies(trainer: Trainer) -> bool:
    """Is this a game from noise to pictures? Of others the log alone is read."""
    return isinstance(trainer.game, Latent) and not trainer.source.spec.views


class Probe:
    """Made once a phase. `look()` gives one row of health.jsonl; `lint` is what is looked at once."""

    def __init__(self, trainer: Trainer):
        self.trainer, self.game = trainer, trainer.game
        spec, device = trainer.source.spec, trainer.device
        self.eye, self.fits = eye(spec, device), bool(suited(spec))
        batch, pack = trainer.micro_batch or trainer.spec.batch, getattr(self.game.D, "config", {}).get("pack", 1)
        self.per = max(k for k in range(pack, min(batch, MOST) + 1, pack) if batch % k == 0)  # so that packs stay whole
        self.n, self.half = MOST // self.per * self.per, max(MOST // 2 // self.per, 1) * self.per
        room = max(MOST, BYTES // (4 * int(np.prod(spec.shape))))
        feed = Feed(trainer.source, 0, min(BASE, room, spec.n or BASE), 0, trainer.spec.pixels, device, 0)
        real = next(feed)
        self.held_out = self._held_out(feed) if spec.held_out else None
        self.base, self.opinions = self._known(real["image"])
        self.lint, self.real = self._lint(real), {key: t[: self.n] for key, t in real.items()}
        self.null = self._null()
        self.looks, self.way, self.weights = 0, deque[np.ndarray](maxlen=STEPS + 1), None
        self.start = some(trainer.players["G"].module) if not trainer.round else None

    def look(self) -> dict[str, Any]:
        """One row: where the run is, and every number that means something for this game."""
        began, trainer, game = time.perf_counter(), self.trainer, self.game
        row: dict[str, Any] = {"images": trainer.images, "phase": trainer.phase, "round": trainer.round}
        with undisturbed(trainer):
            live, labels = self._latents()
            fake = self._made(game.G, live, labels)
            real = self.real
            made, trained = self._judged(fake, labels), self._judged(real["image"], real.get("label"))
            unseen = None
            if self.held_out is not None:
                unseen = self._judged(self.held_out["image"], self.held_out.get("label"))
            row |= judged(made, trained, unseen)
            row |= self._slopes(fake, labels, trained)
            row |= self._variety(fake)
            row |= self._average(live, labels, row["distance"]) | self._modes(fake, live, labels)
        row |= self._way(fake) | self._moved() | self._lag()
        self.looks += 1
        short = {key: _short(value) for key, value in row.items()}
        return short | {"seconds": round(time.perf_counter() - began, 4)}

    def _lint(self, real: dict[str, Tensor]) -> dict[str, Any]:
        """Of the real pictures as the networks get them, and of the networks: what is looked at once."""
        (low, high), x = self.trainer.spec.pixels, real["image"]
        few = np.quantile(x.flatten().cpu().numpy()[:: max(1, x.numel() // 1_000_000)], (0.001, 0.999))
        slack = 0.01 * (high - low)
        hashes = content_hashes(x.cpu().numpy())
        found = {
            "n": self.trainer.source.spec.n,
            "outside": float(((x < low - slack) | (x > high + slack)).float().mean()),
            "used": float((few[1] - few[0]) / (high - low)),
            "flat": float((x.flatten(1).std(1) < 0.01 * (high - low)).float().mean()),
            "duplicates": 1 - len(np.unique(hashes)) / len(hashes),
            "eps": max(
                (m.eps for net in self.game.players.values() for m in net.modules() if isinstance(m, NORMS)),
                default=0.0,
            ),
        }
        if self.opinions is not None and self.trainer.source.spec.classes == self.eye.classes and "label" in real:
            found["labels"] = float((self.opinions.argmax(1) == real["label"].cpu().numpy()).mean())
        if self.opinions is not None:
            shares = np.bincount(self.opinions.argmax(1), minlength=len(self.eye.classes)) / len(self.opinions)
            found |= {"shares": [round(float(share), 4) for share in shares], "names": list(self.eye.classes)}
        found["eye"] = self.eye.name if self.fits else ""
        if self.trainer.source.spec.shape[1] * self.trainer.source.spec.shape[2] < SIDE:  # points are no pictures
            found = {key: found[key] for key in ("n", "eps", "eye")}
        return found

    def _modules(self) -> list[nn.Module]:
        return [m for net in self.game.players.values() for m in net.modules()]

    def _latents(self) -> tuple[Tensor, Tensor | None]:
        """N×dim, the first of them always the same, the others new at each look; and labels in turn, or None."""
        game, device, spec = self.game, self.trainer.device, self.trainer.source.spec
        new = FIXED + self.looks * (self.n - FIXED)
        at = [*range(min(FIXED, self.n)), *range(new, new + self.n - FIXED)]
        z = torch.from_numpy(np.stack([game.prior.at(0, i) for i in at])).to(device)
        return z, torch.from_numpy(in_turn(spec, np.arange(self.n))).to(device) if game.conditional else None

    @torch.no_grad()
    def _made(self, G: nn.Module, z: Tensor, labels: Tensor | None) -> Tensor:
        parts = (slice(k, k + self.per) for k in range(0, len(z), self.per))
        return torch.cat([self.game.imagine(G, z[p], {} if labels is None else {"label": labels[p]}) for p in parts])

    @torch.no_grad()
    def _judged(self, x: Tensor, labels: Tensor | None) -> Tensor:
        """D's logits."""
        logits, per = [], min(self.per, len(x))
        for k in range(0, len(x) // per * per, per):
            batch = {} if labels is None else {"label": labels[k : k + per]}
            logits.append(self.game.discriminator(batch)(self.game.augment(x[k : k + per]))[:, :1])
        return torch.cat(logits).float()

    def _slopes(self, fake: Tensor, labels: Tensor | None, real: Tensor) -> dict[str, float]:
        """‖∇ₓD(x)‖ at generated pictures, how much of it the generator's loss lets through, and what reaches G."""
        game, count = self.game, self.per
        x = fake[:count].detach().clone().requires_grad_()
        logits = game.discriminator({} if labels is None else {"label": labels[:count]})(game.augment(x))[:, :1]
        slope = torch.autograd.grad(logits.sum(), x)[0].flatten(1).norm(dim=1)
        f = logits.detach().requires_grad_()
        pull = torch.autograd.grad(game.loss.generator(f, real[: len(f)].to(f.dtype)).sum(), f)[0].abs().flatten()
        push = pull.repeat_interleave(len(slope) // len(pull)) * slope  # a logit may be of a pack of pictures
        found = {"slope": float(slope.median()), "pull": float(pull.mean()), "push": float(push.median())}
        if isinstance(game.constraint, ClipWeights):
            p = torch.cat([p.detach().flatten() for p in game.D.parameters()])
            found["clipped"] = float((p.abs() >= 0.999 * game.constraint.bound).float().mean())
        return found

    def _variety(self, fake: Tensor) -> dict[str, Any]:
        """Distances in the eye's features where a network fits the pictures, else between the pictures themselves, made
        small: D's own features magnify whatever tells fakes apart just now, and stay no measure from look to look."""
        (mine, opinions), real = self._known(fake), self.base[: 4 * MOST]
        found: dict[str, Any] = {
            "diversity": apart(mine) / max(apart(real), 1e-12),
            "spread": float(over_z(fake) / over_z(self.real["image"]).clamp_min(1e-12)),
            "distance": mmd2(mine, real),
        }
        if opinions is not None:
            found["classes"] = np.bincount(opinions[FIXED:].argmax(1), minlength=len(self.eye.classes)).tolist()
            found["confidence"] = float(opinions.max(1).mean())
        if self.null is not None and self.fits:  # between pixels, what is merely fainter or smoother is near
            found["copying"] = mann_whitney(nearest(mine, self.base).distances[:, 0], self.null)
        return found

    def _average(self, z: Tensor, labels: Tensor | None, live: float) -> dict[str, float]:
        """The averaged generator's distance beside the live one's, each no nearer than real pictures are to each other."""
        G = self.trainer.players["G"].average
        if G is None:
            return {}
        z, labels = z[: self.half], None if labels is None else labels[: self.half]
        G.train()  # the statistics of its own batches, as a snapshot has them: those it copied are the live one's
        fake = self._made(G, z, labels)
        G.eval()
        real = self.base[: 4 * MOST]
        distance = mmd2(self._known(fake)[0], real)
        half = len(real) // 2
        noise = abs(mmd2(real[:half], real[half:])) + 1e-9
        return {"average": max(distance, noise) / max(live, noise)}

    def _modes(self, fake: Tensor, z: Tensor, labels: Tensor | None) -> dict[str, float]:
        """How differently G draws in eval mode, with the statistics it carries, over the range of pixels."""
        G, few = self.game.G, slice(0, self.per)
        if not any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in G.modules()):
            return {}
        G.eval()
        other = self._made(G, z[few], None if labels is None else labels[few])
        G.train()
        low, high = self.trainer.spec.pixels
        return {"norm_gap": float((other - fake[few]).abs().mean() / (high - low))}

    def _way(self, fake: Tensor) -> dict[str, float]:
        """progress: from the first to the last of the last looks, over the way between, times √(steps): 1 for a random walk.

        restless: the last step over the pictures' own spread.
        """
        self.way.append(small(fake[:FIXED]).flatten(1).cpu().numpy())
        steps = [float(np.sqrt(((b - a) ** 2).mean())) for a, b in zip(self.way, list(self.way)[1:], strict=False)]
        if len(steps) < 1:
            return {}
        scale = float(small(self.real["image"]).flatten(1).std(0).mean()) + 1e-12
        found = {"restless": steps[-1] / scale}
        if len(steps) >= 6 and sum(steps) > 0:
            apart = float(np.sqrt(((self.way[-1] - self.way[0]) ** 2).mean()))
            found["progress"] = apart / sum(steps) * len(steps) ** 0.5
        return found

    def _moved(self) -> dict[str, float]:
        """Relative change of D's weights since the last look."""
        before, self.weights = self.weights, some(self.game.D)
        return {} if before is None else {"moved": float((self.weights - before).norm() / self.weights.norm())}

    def _lag(self) -> dict[str, float]:
        """How far the average is behind the live weights, over how far these have come since the start of the phase."""
        G = self.trainer.players["G"]
        if G.average is None or self.start is None or not self.looks:
            return {}
        live = some(G.module)
        return {"lag": float((live - some(G.average)).norm() / (live - self.start).norm().clamp_min(1e-12))}

    @torch.no_grad()
    def _known(self, x: Tensor) -> tuple[np.ndarray, np.ndarray | None]:
        """The eye's features and opinions; of pictures that no network fits, the pictures themselves, small."""
        low, high = self.trainer.spec.pixels
        x = ((x.float() - low) / (high - low)).clamp(0, 1)
        if not self.fits:
            return rows(small(x).flatten(1)), None
        x = x.contiguous(memory_format=torch.channels_last)
        seen = [self.eye.look(part) for part in x.split(MOST)]
        opinions = [logits.softmax(1) for _, logits in seen if logits is not None]
        return rows(torch.cat([f for f, _ in seen])), rows(torch.cat(opinions)) if opinions else None

    def _held_out(self, feed: Feed) -> dict[str, Tensor]:
        arrays = self.trainer.source.held_out(2 * MOST)
        scale, offset = feed.scales["image"]
        batch = {name: torch.from_numpy(array).to(self.trainer.device) for name, array in arrays.items()}
        batch["image"] = batch["image"].to(torch.get_default_dtype()).mul_(scale).add_(offset)
        return batch

    def _null(self) -> np.ndarray | None:
        """Distances of held-out pictures to the nearest training picture: what honest pictures show."""
        if self.held_out is None or not self.trainer.source.spec.n:
            return None
        return nearest(self._known(self.held_out["image"])[0], self.base).distances[:, 0]


def some(net: nn.Module) -> Tensor:
    """The first weights of each tensor: enough to see whether they move."""
    return torch.cat([p.detach().flatten()[:SOME].float().cpu() for p in net.parameters()])


def _short(value: Any) -> Any:
    """Five figures; null for what is no number, as in the log."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.5g}") if math.isfinite(value) else None
