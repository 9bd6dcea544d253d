"""Which loss a run plays, and where that loss stands still: what the numbers of a log are held against."""

from collections.abc import Mapping, Sequence
from typing import Any

from ganvas.study.log import Row, players

Run = Mapping[str, Any]

# what a move reports besides parts of its loss; a loss with other parts (L1, cycle, class) has no known equilibrium
PLAIN = {"loss", "real", "fake", "accuracy", "p_real", "p_fake", "penalty", "grad_norm", "lr", "augment_p", "overfit"}
OFFSET_FREE = {"wasserstein", "hinge"}  # the generator's loss is −D(G(z)), whose zero is arbitrary


def equilibrium(rows: Sequence[Row], run: Run) -> dict[str, float]:
    """The loss of each player where generated images are perfect and D cannot tell, for losses that have such a value.

    Without a player whose loss has parts besides the adversarial one; empty where the loss is unknown, and for
    translators, whose D is asked for half of it.
    """
    from ganvas.play.losses import LOSSES  # the one table of losses; it brings torch along

    name, at_rest = loss_name(run), {}
    found = {player: _parts(rows, player) for player in players(rows)}
    if name not in LOSSES or not set(found) <= {"D", "G"} or any("adversarial" in parts for parts in found.values()):
        return {}
    for player, value in zip(("D", "G"), LOSSES[name].equilibrium, strict=True):
        if player in found and found[player] <= PLAIN and not (player == "G" and name in OFFSET_FREE):
            at_rest[player] = value
    return at_rest


def _parts(rows: Sequence[Row], player: str) -> set[str]:
    return {key.split("/")[1] for row in rows for key in row if key.count("/") == 1 and key.startswith(f"{player}/")}


def loss_name(run: Run) -> str:
    """The adversarial loss in use, as `ganvas.play.losses` names it; "" where run.json does not say."""
    return str(record(run, "arguments").get("loss") or "").replace("-", "_")


def record(run: Any, *path: str) -> Mapping[str, Any]:
    """A record inside a record; {} where there is none."""
    for key in path:
        run = run.get(key) if isinstance(run, Mapping) else None
    return run if isinstance(run, Mapping) else {}
