"""Snapshots: one safetensors file that holds a generator and all that is needed to call it. No recipe, no data."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ganvas import files
from ganvas.data.source import DataSpec
from ganvas.errors import BadInput, Corrupt
from ganvas.play.game import Batch, Game
from ganvas.play.latent import Prior

FORMAT = 1
STANDING_BATCHES, STANDING_SIZE = 16, 64  # what BatchNorm's statistics are recomputed from


@dataclass(frozen=True)
class Snapshot:
    """What the file says. `net` is a name of `ganvas.nets.table.NETS` or `package.module:Class`."""

    net: str
    config: dict[str, Any]
    imagine: dict[str, Any]
    prior: dict[str, Any] | None
    spec: DataSpec
    pixels: tuple[float, float]
    images: int
    label: dict[str, Any]
    weights: dict[str, Tensor]


def write_snapshot(
    path: Path, G: nn.Module, net: str, game: Game, prior: Prior | None, about: dict[str, Any]
) -> None:  # fmt: skip
    """Stores `G` in eval mode, statistics as they are: see `with_standing_statistics`."""
    tensors = {name: t.detach().cpu().contiguous().clone() for name, t in G.state_dict().items()}
    facts = {  # under one key: safetensors writes several in an order of its own, and the same run gives the same bytes
        "format": FORMAT,
        "net": net,
        "config": G.config,
        "imagine": game.to_json(),
        "prior": prior and prior.to_json(),
        **about,
    }
    facts["sha256"] = _digest(facts, tensors)
    with files.storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    files.write_atomic(path, save(tensors, metadata={"ganvas": json.dumps(facts)}))


def read_snapshot(path: Path) -> Snapshot:
    """Raises BadInput for what is no snapshot, Corrupt for one that was changed after it was written."""
    try:
        with safe_open(path, "pt") as file:
            facts = json.loads((file.metadata() or {}).get("ganvas", "{}"))
            # cloned: in the file they lie at any byte, and how memory is aligned can change a sum's last bit
            weights = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise BadInput(f"{path} does not exist: give a run folder or a .safetensors snapshot") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise Corrupt(f"{path} cannot be read as a snapshot ({error})") from error
    if not isinstance(facts, dict) or "net" not in facts:
        raise BadInput(f"{path} is a safetensors file, but no ganvas snapshot: give one from a run's snapshots/")
    if not isinstance(facts.get("format"), int) or facts["format"] > FORMAT:
        raise Corrupt(f"{path} was written by a newer ganvas (format {facts.get('format')}): upgrade ganvas to use it")
    if _digest({k: v for k, v in facts.items() if k != "sha256"}, weights) != facts.get("sha256"):
        raise Corrupt(f"{path} is not what was written (its SHA-256 differs): copy it again")
    return Snapshot(
        facts["net"], facts["config"], facts["imagine"], facts["prior"], DataSpec.from_json(facts["spec"]),
        tuple(facts["pixels"]), facts["images"], facts["label"], weights,
    )  # fmt: skip


def images_of(path: Path) -> int | None:
    """How many images a snapshot's generator has seen; None where there is none that can be read."""
    try:
        with safe_open(path, "pt") as file:
            return json.loads(file.metadata()["ganvas"])["images"]
    except (SafetensorError, OSError, ValueError, KeyError, TypeError):
        return None


@torch.no_grad()
def with_standing_statistics(
    G: nn.Module, game: Game, prior: Prior | None, batch: Batch, frozen: Sequence[str] = ()
) -> nn.Module:
    """`G` in eval mode, BatchNorm's running statistics recomputed from what it makes (in place; returns G).

    An average of weights is not the network whose statistics were collected: used as it is, it fails silently.
    The latents are those of seed 0, so the result is a function of the weights alone and no random state is touched.
    batch: what the game needs besides noise, for STANDING_BATCHES × STANDING_SIZE examples; of a game without noise for
    any number of them, and where they are not there the statistics stay as they are. frozen: names of parts of G whose
    statistics are theirs for good.
    """
    G.eval()
    kept = {m for name in frozen for m in G.get_submodule(name).modules()}
    norms = [m for m in G.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m not in kept]
    if norms and (prior is not None or game.needs <= batch.keys()):
        momenta = [m.momentum for m in norms]
        for m in norms:
            m.reset_running_stats()
            m.momentum = None  # cumulative average: every batch weighs the same
            m.train()
        device = next(G.parameters()).device
        count = STANDING_BATCHES * STANDING_SIZE if prior is not None else len(next(iter(batch.values())))
        for start in range(0, count, STANDING_SIZE):
            part, z = slice(start, start + STANDING_SIZE), None
            if prior is not None:
                z = torch.stack([torch.from_numpy(prior.at(0, i)) for i in range(part.start, part.stop)]).to(device)
            game.imagine(G, z, {name: t[part] for name, t in batch.items()})
        for m, momentum in zip(norms, momenta, strict=True):
            m.momentum = momentum
    return G.eval()


def _digest(facts: dict[str, Any], tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name in sorted(tensors):
        t = tensors[name]
        digest.update(f"{name} {t.dtype} {list(t.shape)}".encode())
        digest.update(t.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
