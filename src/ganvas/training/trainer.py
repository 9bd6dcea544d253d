"""Training as an iterator of ticks. The trainer knows moves; it knows no system."""

import math
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import torch

from ganvas.data.source import Source
from ganvas.errors import GanvasError
from ganvas.luck import part
from ganvas.play.game import Move, Phase
from ganvas.play.schedules import Clock
from ganvas.training.feed import Feed, Parts
from ganvas.training.parts import detached, joined, parts_of
from ganvas.training.player import Player, is_finite

Precision = Literal["fp32", "bf16"]

BAD_IN_A_ROW, BAD_IN_1000 = 5, 10  # skipped moves that are luck; more is an illness
WELL_AGAIN = 50  # moves after a skipped one before a state is worth keeping
WILD, WILD_MOVES = 1e6, 50  # |loss| beyond which, for so many moves, a run is called diverged


class Sick(GanvasError):
    """The numbers are broken for longer than luck explains. The caller may go back to a healthy checkpoint."""

    code = 6


class Tick(NamedTuple):
    """Where training is. `images` counts over all phases; `seconds` were spent in rounds since the ticks began;
    `means` are averages since the last whole tick.

    Not `whole`: only a sign of life (about once a second), or the stop that was asked for; `means` is empty.
    """

    images: int
    phase: int
    round: int
    seconds: float
    means: dict[str, float]
    whole: bool


class Trainer:
    """Plays the phases' games on `source`. Every number that changes the future is in `state_dict()`.

    length: real images in all; more than the phases plan prolongs the last one, whose schedules stay at their end.
    workers: threads that fetch batches ahead. channels_last: memory layout of convolution weights; not given: where several
    examples go through at a time (with one, copies of weights eat the gain). micro_batch: so many images at a time go
    through the networks; gradients of the parts of a batch add up to one step.
    """

    def __init__(
        self,
        phases: Sequence[Phase],
        source: Source,
        *,
        seed: int = 0,
        length: int | None = None,
        device: torch.device | str = "cpu",
        precision: Precision = "fp32",
        workers: int = 0,
        channels_last: bool | None = None,
        micro_batch: int | None = None,
    ):
        self.micro_batch = micro_batch
        self.phases, self.source, self.seed, self.workers = list(phases), source, seed, workers
        self.device, self.precision, self.channels_last = torch.device(device), precision, channels_last
        self.planned = [phase.images for phase in self.phases]
        self.length = sum(self.planned) if length is None else length
        self.rollbacks = 0
        self.feed: Feed | None = None
        self.stop = False  # set it from anywhere (a signal, another thread): the round ends, then the ticks
        self._enter(0, 0, 0)

    @property
    def images(self) -> int:
        earlier, last = sum(self.planned[: self.phase]), self.phase + 1 == len(self.phases)
        # the last batch of an earlier phase may overshoot its plan; the count must never fall when the next begins
        return earlier + (self.feed.drawn if last else min(self.feed.drawn, self.planned[self.phase]))

    @property
    def phase_ends(self) -> bool:
        """This phase has had its images and another follows: what it made can be looked at now, or never."""
        return self.feed.drawn >= self.planned[self.phase] and self.phase + 1 < len(self.phases)

    @property
    def clock(self) -> Clock:
        return Clock(self.feed.drawn, self.round, self.planned[self.phase])

    def _enter(self, phase: int, drawn: int, rounds: int) -> None:
        spec = self.phases[phase]
        self.phase, self.round, self.spec, self.game = phase, rounds, spec, spec.game
        several = min(self.micro_batch or spec.batch, spec.batch) > 1
        last = several if self.channels_last is None else self.channels_last
        layout = {"memory_format": torch.channels_last} if last else {}
        for module in spec.game.players.values():
            module.to(self.device, **layout).train().requires_grad_(True)
        for module in spec.frozen:
            module.to(self.device, **layout).eval().requires_grad_(False)
        self.players = {name: Player(m, spec.optimizers[name]) for name, m in spec.game.players.items()}
        self._open_feed(drawn)
        self.sums, self.counts = dict[str, torch.Tensor](), dict[str, int]()
        self.moves, self.bad, self.culprit, self.wild = 0, deque[int](), "", dict[str, int]()

    def _open_feed(self, drawn: int) -> None:
        if self.feed is not None:
            self.feed.close()
        order = int(np.random.SeedSequence([self.seed, self.phase]).generate_state(1)[0])
        spec, held_out = self.spec, "held_out" in self.spec.game.needs
        self.feed = Feed(self.source, order, spec.batch, drawn, spec.pixels, self.device, self.workers, held_out)

    def ticks(self, every: int) -> Iterator[Tick]:
        """Where we are, then training to the end, pausing each time `images` passes a multiple of `every`.

        Logging, sampling, saving and stopping are lines in the caller's loop. Raises Sick.
        """
        spent = shown = 0.0
        yield Tick(self.images, self.phase, self.round, spent, {}, False)
        while self.images < self.length and not self.stop:
            if self.phase_ends:
                self._enter(self.phase + 1, 0, 0)
            before, begun = self.images, time.perf_counter()
            self.play()
            spent += time.perf_counter() - begun
            whole = self.images // every > before // every or self.images >= self.length or self.phase_ends
            if whole or spent - shown > 1.0:
                shown = spent
                yield Tick(self.images, self.phase, self.round, spent, self._means() if whole else {}, whole)

    def play(self) -> None:
        """One round: each yielded move, or tuple of moves at once, is backpropagated and stepped; then averages settle."""
        clock = self.clock
        luck = np.random.SeedSequence([self.seed, self.phase, clock.images, self.rollbacks])
        self._seed(int(luck.generate_state(1, np.uint64)[0]))
        statistics, self.spoiled = [b.clone() for b in self._buffers()], False
        count = parts_of(self.spec.batch, self.micro_batch)
        parts = Parts(self.feed, count)
        rounds = [self.game.round(parts.reader(k) if count > 1 else self.feed, clock) for k in range(count)]
        while played := self._together(rounds):
            together, norms = played
            if self._healthy(together, norms):
                for move in together:
                    self.players[move.player].step(clock)
                for move, norm in zip(together, norms, strict=True):
                    self._note(move, norm)
        if self.spoiled:  # a skipped move's forward pass has put its broken numbers into BatchNorm's statistics already
            for buffer, before in zip(self._buffers(), statistics, strict=True):
                buffer.copy_(before)
        self.round += 1
        for player in self.players.values():
            player.settle(self.clock)

    def _seed(self, luck: int) -> None:
        torch.default_generator.manual_seed(luck)  # torch.manual_seed walks all backends: half a millisecond a round
        if self.device.type == "cuda":
            torch.cuda.manual_seed(luck)

    def _together(self, rounds: Sequence[Iterator]) -> tuple[list[Move], list[torch.Tensor]] | None:
        """The next moves of a round, backpropagated, and their gradients' norms; None after the last.

        Several rounds are one, played in lock-step on the parts of each batch: every part draws the numbers of the
        whole batch and keeps its own, and its share of the loss is backpropagated before the next part is computed.
        """
        parts, count, luck = [], len(rounds), self._luck() if len(rounds) > 1 else None
        for k, moves in enumerate(rounds):
            if luck:
                self._put_back(luck)
            with part(k, count):
                together = self._next(moves)
            if together is None:
                return None
            together = [together] if isinstance(together, Move) else list(together)
            norms = [
                self.players[move.player].backward(
                    move.loss / count if luck else move.loss, move is not together[-1], k > 0
                )
                for move in together
            ]
            parts.append([detached(move) for move in together] if luck else together)
        return [joined(moves) for moves in zip(*parts, strict=True)] if luck else together, norms

    def _luck(self) -> list[torch.Tensor]:
        return [torch.get_rng_state(), *([torch.cuda.get_rng_state()] if self.device.type == "cuda" else [])]

    def _put_back(self, luck: list[torch.Tensor]) -> None:
        torch.set_rng_state(luck[0])
        for state in luck[1:]:
            torch.cuda.set_rng_state(state)

    def _next(self, moves: Iterator[Move | tuple[Move, ...]]) -> Move | tuple[Move, ...] | None:
        # entered and left around each move: a context that outlived a step would serve the old weights from its cache
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            return next(moves, None)

    def _healthy(self, moves: Sequence[Move], norms: Sequence[torch.Tensor]) -> bool:
        """May these moves be stepped? Skips what is not finite; raises Sick where skipping has become the rule."""
        self.moves += 1
        finite = is_finite(*[move.loss for move in moves], *norms)
        while self.bad and self.bad[0] <= self.moves - 1000:
            self.bad.popleft()
        if not finite:
            if not self.bad:
                self.culprit = self._blame(moves, norms)
            self.bad.append(self.moves)
            self.spoiled = True
            recent = sum(at > self.moves - BAD_IN_A_ROW - 1 for at in self.bad)
            if recent > BAD_IN_A_ROW or len(self.bad) > BAD_IN_1000:
                raise Sick(f"{self.culprit}; {len(self.bad)} of the last 1000 moves were skipped")
            return False
        for move in moves:
            self.wild[move.player] = self.wild.get(move.player, 0) + 1 if abs(float(move.loss.detach())) > WILD else 0
            if self.wild[move.player] >= WILD_MOVES:
                raise Sick(f"{self._where(move)}: |loss| has been above {WILD:.0e} for {WILD_MOVES} moves: diverged")
        return True

    def _buffers(self) -> Iterator[torch.Tensor]:
        return (b for player in self.players.values() for b in player.module.buffers())

    @property
    def sound(self) -> bool:
        """No loss is wild, and every number is finite."""
        modules = [m for player in self.players.values() for m in (player.module, player.average) if m is not None]
        tensors = (t for m in modules for t in m.state_dict().values() if t.is_floating_point())
        return not any(self.wild.values()) and all(bool(t.isfinite().all()) for t in tensors)

    @property
    def well(self) -> bool:
        """A moment to come back to: sound, and no move was skipped lately."""
        return self.sound and not (self.bad and self.bad[-1] > self.moves - WELL_AGAIN)

    def _blame(self, moves: Sequence[Move], norms: Sequence[torch.Tensor]) -> str:
        for move, norm in zip(moves, norms, strict=True):
            parts = {"loss": move.loss, **move.seen}
            broken = [name for name, part in parts.items() if not bool(torch.isfinite(part).all())]
            if broken or not math.isfinite(norm):
                what = ", ".join(broken) or "the gradient (loss finite)"
                return f"{self._where(move)}: not finite: {what}"
        raise AssertionError("called only when something is not finite")

    def _where(self, move: Move) -> str:
        return f"phase {self.phase}, round {self.round}, {self.images:,} images, move of {move.player}"

    @torch.no_grad()
    def _note(self, move: Move, norm: torch.Tensor) -> None:
        loss = move.loss - move.seen.get("penalty", 0.0)  # a lazy penalty would draw teeth into the curve
        noted = {**move.seen, "loss": loss, "grad_norm": norm}
        for name, value in noted.items():
            key, mean = f"{move.player}/{name}", value.detach().float().mean()
            self.sums[key] = self.sums[key] + mean if key in self.sums else mean
            self.counts[key] = self.counts.get(key, 0) + 1

    def _means(self) -> dict[str, float]:
        means = {key: float(total) / self.counts[key] for key, total in self.sums.items()}
        means |= {f"{name}/lr": player.optim.param_groups[0]["lr"] for name, player in self.players.items()}
        if self.bad:
            means["skipped"] = len(self.bad)
        self.sums, self.counts = {}, {}
        return means

    @property
    def _later(self) -> list[torch.nn.Module]:
        """Players of later phases, who have not begun: a checkpoint of now holds them as they are, for a way back to it."""
        later = [m for phase in self.phases[self.phase + 1 :] for m in phase.game.players.values()]
        return [m for m in later if m not in self.game.players.values()]

    def state_dict(self) -> dict[str, Any]:
        return {
            "phase": self.phase,
            "drawn": self.feed.drawn,
            "round": self.round,
            "rollbacks": self.rollbacks,
            "game": self.game.state_dict(),
            "players": {name: player.state_dict() for name, player in self.players.items()},
            "frozen": [module.state_dict() for module in self.spec.frozen],
            "later": [module.state_dict() for module in self._later],
            "guard": {"moves": self.moves, "bad": list(self.bad), "culprit": self.culprit, "wild": dict(self.wild)},
            "sums": self.sums,
            "counts": self.counts,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._enter(state["phase"], state["drawn"], state["round"])
        self.rollbacks = state["rollbacks"]
        self.game.load_state_dict(state["game"])
        for name, player in self.players.items():
            player.load_state_dict(state["players"][name])
        others = [*self.spec.frozen, *self._later]
        for module, kept in zip(others, [*state["frozen"], *state.get("later", [])], strict=True):
            module.load_state_dict(kept)
        guard = state["guard"]
        self.moves, self.bad = guard["moves"], deque(guard["bad"])
        self.culprit, self.wild = guard["culprit"], dict(guard["wild"])
        self.sums = {k: v.to(self.device) for k, v in state["sums"].items()}
        self.counts = dict(state["counts"])
