"""From a run folder or a snapshot to a generator you can call: no discriminator, no recipe, no data is built."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ganvas.errors import BadInput, Corrupt
from ganvas.nets.table import NETS
from ganvas.play.captioned import Captioned
from ganvas.play.game import Game
from ganvas.play.latent import Latent, Prior, prior_from_json
from ganvas.play.matching import Matching
from ganvas.play.paired import Paired
from ganvas.play.regression import Regression
from ganvas.play.unpaired import Unpaired
from ganvas.play.variational import Variational
from ganvas.study.sample import Generator
from ganvas.study.translate import Translator, asked
from ganvas.training.device import usable
from ganvas.training.run import RunFolder
from ganvas.training.snapshot import read_snapshot

# the games whose generators can be called without the rest of the game, by the name that they give themselves
GAMES: dict[str, Callable[[nn.Module, Prior | None, dict[str, Any]], Game]] = {
    "Latent": lambda G, prior, about: Latent(G, nn.Identity(), prior, conditional=about["conditional"]),
    "Variational": lambda G, prior, about: Variational(G, prior, conditional=about["conditional"]),
    "Paired": lambda G, prior, about: Paired(G, nn.Identity(), about["source"], about["target"]),
    "Regression": lambda G, prior, about: Regression(G, about["source"], about["target"]),
    "Unpaired": lambda G, prior, about: Unpaired(G, nn.ModuleDict()),
    "Captioned": lambda G, prior, about: Captioned(G, nn.Identity(), prior),
    "Matching": lambda G, prior, about: Matching(G),
}


def load(path: str | Path, *, net: type[nn.Module] | None = None, device: str = "cpu") -> Generator | Translator:
    """The generator, or translator, of a run (its last snapshot) or of one `.safetensors` snapshot.

    net: the class of a generator that is not ganvas' own; a file is never allowed to import one by naming it.
    Raises BadInput (no run, no snapshot yet, a class that must be given) or Corrupt.
    """
    path = Path(path)
    if path.is_dir():
        run = RunFolder.open(path)
        if not run.snapshot.exists():
            raise BadInput(f"{path} has no snapshot yet: train it further with `ganvas train --resume {path}`")
        path = run.snapshot
    snapshot = read_snapshot(path)
    if net is None and snapshot.net not in NETS:
        raise BadInput(f"{path} needs the network {snapshot.net}: import it yourself and call ganvas.load(path, net=…)")
    kind = net or NETS[snapshot.net]
    try:
        with torch.device("meta"):  # nothing is allocated that the file's own weights do not fill
            module = kind(**snapshot.config)
        module.load_state_dict(snapshot.weights, assign=True)
        prior = snapshot.prior and prior_from_json(snapshot.prior)
        if snapshot.imagine["game"] not in GAMES:
            raise ValueError(f"it was made by the game {snapshot.imagine['game']}, which this ganvas does not know")
        game = GAMES[snapshot.imagine["game"]](module, prior, snapshot.imagine)
    except (TypeError, RuntimeError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise Corrupt(f"{path} does not fit the network {kind.__name__}: {reason}") from error
    module.eval().requires_grad_(False).to(usable(device))
    return asked(module, game, snapshot.spec, snapshot.pixels, snapshot.images, snapshot.label)
