"""A new run that starts from another run's weights."""

from pathlib import Path

from ganvas.errors import BadInput
from ganvas.training.checkpoint import latest
from ganvas.training.trainer import Trainer


def inherit(parent: Path, trainer: Trainer) -> str:
    """Live weights of the run folder `parent`'s newest checkpoint; optimisers and averages start anew. What is frozen in its
    phase comes along, as players do. Raises BadInput where networks do not fit, or there is no checkpoint."""
    state, _ = latest(parent / "checkpoints", tidy=False)
    if state is None:
        raise BadInput(f"{parent} has no checkpoint to fork from")
    if not trainer.players.keys() & state["players"].keys():
        there, here = (" and ".join(sorted(players)) for players in (state["players"], trainer.players))
        raise BadInput(
            f"{parent} has come to the phase of {there}, and this run begins with that of {here}: give the shares of "
            "the phases before as 0"
        )
    taken = {f"player {name}": player.module for name, player in trainer.players.items()}
    had = {f"player {name}": kept["module"] for name, kept in state["players"].items()}
    if taken.keys() == had.keys():
        taken |= {f"frozen network {k}": module for k, module in enumerate(trainer.spec.frozen)}
        had |= {f"frozen network {k}": kept for k, kept in enumerate(state["frozen"])}
    elif "player G" in had:  # a game follows one that G played alone
        taken = {name: module for name, module in taken.items() if name in had}
    for name, module in taken.items():
        try:
            module.load_state_dict(had[name])
        except (RuntimeError, KeyError) as error:
            reason = str(error).strip().splitlines()[-1].strip()
            raise BadInput(
                f"the weights of {parent} do not fit this recipe's {name} ({reason}): keep the recipe, its "
                "widths and the image size when you fork"
            ) from None
    for player in trainer.players.values():
        if player.average is not None:
            player.average.load_state_dict(player.module.state_dict())
    return f"forked from {parent}: its weights; optimisers and averages start anew"
