"""Latents by the words of a user (17, 3:17, a file, a folder of picked pictures), and the small files that keep them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ganvas import files
from ganvas.data import labels
from ganvas.data.images import SUFFIXES, read_image
from ganvas.data.labels import Wanted
from ganvas.errors import BadInput, Corrupt
from ganvas.files import printable
from ganvas.nets.condition import Mixture
from ganvas.study.sample import Generator

if TYPE_CHECKING:
    from ganvas.study.translate import Translator

FORMAT = 1
MOST = 1 << 20  # bytes of a text file of seeds
NUMBER = re.compile(r"(?:(\d{1,18}):)?(\d{1,18})")

Label = Tensor | Mixture
One = tuple[np.ndarray, np.ndarray, str]  # a latent, what is told there, and its name


class Places(NamedTuple):
    """N places that a generator can be asked to draw: z, N×latent, and what it is told there (None: nothing)."""

    z: np.ndarray
    label: Label | None = None
    names: tuple[str, ...] = ()

    def take(self, index: np.ndarray | list[int]) -> Places:
        """These of them, in this order."""
        label = None if self.label is None else self.label[index]
        return Places(self.z[index], label, tuple(self.names[i] for i in index) if self.names else ())

    @property
    def n(self) -> int:
        return len(self.z)


def with_latents(generator: Generator | Translator, name: str | Path = "it") -> Generator:
    """The generator, if it draws from noise. Raises BadInput, one line, for those that have no z."""
    if not isinstance(generator, Generator) or generator.prior is None:
        what = getattr(generator, "answers", "it makes pictures of pictures")
        walk = getattr(generator, "walks", "give a run that draws from noise")
        raise BadInput(f"{name} has no latent space: {what}; {walk}")
    return generator


def together(parts: list[Places]) -> Places:
    """One after the other."""
    told = None if parts[0].label is None else torch.cat([part.label for part in parts])
    return Places(np.concatenate([part.z for part in parts]), told, tuple(n for part in parts for n in part.names))


def random_places(generator: Generator, n: int, seed: int) -> Places:
    """The first n of `seed`, each told its label in turn where there are labels."""
    told = torch.from_numpy(labels.in_turn(generator.spec, np.arange(n))) if generator.conditional else None
    return Places(generator.latents(n, seed).cpu().numpy(), told)


def pick(generator: Generator, words: str, seed: int = 0, label: Wanted | None = None) -> Places:
    """The latents that `words` name, with commas between: 17 (picture 17 of `seed`), 3:17 (of seed 3), or a file.

    A file is a text of such words (a line each; # begins a remark), a .safetensors of saved latents (`file:2` for one of
    them), or a folder of pictures that `sample --singles` wrote and the user picked: their names are the numbers, and
    the pictures must be those. label: what all are told; not given: what a file kept, else the picture's own, in turn.
    Raises BadInput.
    """
    if seed < 0:
        raise BadInput(f"--seed {seed}: a seed is a whole number from 0 up")
    found = [one for word in words.split(",") if word.strip() for one in _read(generator, word.strip(), seed)]
    if not found:
        raise BadInput(f"{words!r} names no latent: give numbers of `ganvas sample --numbered`, as 17,42, or a file")
    z, told, names = zip(*found, strict=True)
    if not generator.conditional:
        if label is not None:
            generator.sample(1, label=label)  # raises, and says why
        return Places(np.stack(z), None, names)
    if label is not None:
        told = labels.told(generator.spec, label, np.arange(len(z)))
    return Places(np.stack(z), torch.from_numpy(np.stack(told)), names)


def _read(generator: Generator, word: str, seed: int, nested: bool = False) -> list[One]:
    if match := NUMBER.fullmatch(word):
        of, index = int(match[1] or seed), int(match[2])
        told = labels.in_turn(generator.spec, np.array([index]))[0]
        return [(generator.prior.at(of, index), told, word)]
    path, which = Path(word), None
    if not path.exists() and (match := re.fullmatch(r"(.+):(\d+)", word)):
        path, which = Path(match[1]), int(match[2])
    if not path.exists() or (nested and path.is_dir()):
        raise BadInput(
            f"{printable(word)!r} is neither a number (17, or SEED:17, as `ganvas sample --numbered` shows them) nor a file"
        )
    if path.is_dir():
        return _picked(generator, path, seed)
    if path.suffix.lower() == ".safetensors":
        return _kept(generator, path, which)
    if nested:
        raise BadInput(f"{printable(path)} is named in a list, where only numbers and .safetensors files can be")
    return _listed(generator, path, seed)


def _listed(generator: Generator, path: Path, seed: int) -> list[One]:
    """A text file of words."""
    if path.suffix.lower() in SUFFIXES:
        raise BadInput(f"{printable(path)} is a picture, whose latent is unknown: `ganvas invert` looks for it")
    try:
        if path.stat().st_size > MOST:
            raise ValueError("it is too long")
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise BadInput(f"{printable(path)} is no text of numbers ({error}): write one a line") from None
    found = []
    for k, line in enumerate(lines, 1):
        for word in re.findall(r"[^\s,]+", line.partition("#")[0]):
            try:
                found += _read(generator, word, seed, nested=True)
            except BadInput as error:
                raise BadInput(f"{printable(path)}, line {k}: {error}") from None
    if not found:
        raise BadInput(
            f"{printable(path)} names no latent: write one number a line, as `ganvas sample --numbered` shows them"
        )
    return found


def _picked(generator: Generator, folder: Path, seed: int) -> list[One]:
    """Pictures of `sample --singles`, called by their numbers: of the class each was drawn of."""
    paths, found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES), []
    if not paths:
        raise BadInput(f"{printable(folder)} holds no pictures: put some of `ganvas sample --singles` into it")
    for path in paths:
        if not path.stem.isdecimal():
            raise BadInput(
                f"{printable(path)} is not called by a number, as `ganvas sample --singles` calls them; own pictures go "
                "through `ganvas invert`"
            )
        ((z, told, name),) = _read(generator, str(int(path.stem)), seed)
        every = labels.rows(generator.spec, 100)[0] if generator.conditional else told[None]
        asked = np.concatenate([told[None], every])
        drawn = np.asarray(generator.at(np.repeat(z[None], len(asked), 0), torch.from_numpy(asked)))
        same = [k for k, image in enumerate(drawn) if np.array_equal(image, read_image(path))]
        if not same:
            raise BadInput(
                f"{printable(path)} is not picture {name} of seed {seed} of this generator: give its --seed, or its run"
            )
        found.append((z, asked[same[0]], name))
    return found


def _kept(generator: Generator, path: Path, which: int | None) -> list[One]:
    """What `keep` has written, or one of it."""
    facts, tensors = read(path, "latents", generator)
    z = tensors["z"].numpy()
    if which is not None and which >= len(z):
        raise BadInput(f"{printable(path)} holds {len(z)} latents, 0 to {len(z) - 1}, and none of number {which}")
    in_turn = labels.in_turn(generator.spec, np.arange(len(z)))
    told = tensors["label"].numpy() if "label" in tensors else in_turn
    if told.shape != in_turn.shape:
        raise BadInput(f"{printable(path)} keeps labels of another kind than this generator takes")
    names = facts.get("names") or [f"{path.stem}:{k}" for k in range(len(z))]
    rows = range(len(z)) if which is None else [which]
    return [(z[k], told[k].astype(in_turn.dtype), str(names[k])) for k in rows]


def keep(path: Path, generator: Generator, places: Places) -> None:
    """Latents as a .safetensors file that `pick` reads, labels and names with them."""
    tensors = {"z": torch.from_numpy(np.asarray(places.z, np.float32))}
    if isinstance(places.label, Tensor):
        tensors["label"] = places.label
    write(path, "latents", generator, tensors, {"names": list(places.names)})


def fingerprint(generator: Generator) -> str:
    """Changes with any of its weights."""
    digest = hashlib.sha256()
    for name, tensor in sorted(generator.net.state_dict().items()):
        digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:32]


def write(path: Path, kind: str, generator: Generator, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """A .safetensors file of this kind ("latents", "direction") that says which generator it belongs to."""
    path = Path(path)
    if path.suffix.lower() != ".safetensors":
        raise BadInput(f"{printable(path)}: {kind} are kept in a .safetensors file; call it {path.stem}.safetensors")
    facts = {
        "kind": kind,
        "format": FORMAT,
        "latent": generator.prior.dim,
        "generator": fingerprint(generator),
        **about,
    }
    with files.storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    contiguous = {name: t.contiguous() for name, t in tensors.items()}
    files.write_atomic(path, save(contiguous, metadata={"ganvas": json.dumps(facts, allow_nan=False)}))


def read(
    path: Path, kind: str, generator: Generator, say: Callable[[str], None] | None = None
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What `write` has written. Raises BadInput for another kind or latent, Corrupt for what cannot be read.

    Of another generator of the same latent (the same run, trained further) it is used, which `say` is told.
    """
    name = printable(path)
    try:
        with safe_open(path, "pt") as file:
            facts = json.loads((file.metadata() or {}).get("ganvas", "{}"))
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise BadInput(f"{name} does not exist: give a .safetensors file of {kind}") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise Corrupt(f"{name} cannot be read as a file of {kind} ({error})") from None
    if not isinstance(facts, dict) or facts.get("kind") != kind:
        made = {"latents": "`ganvas invert` makes one", "direction": "`ganvas arithmetic --save` makes one"}[kind]
        raise BadInput(f"{name} is a safetensors file, but none of {kind}: {made}")
    if not isinstance(facts.get("format"), int) or facts["format"] > FORMAT:
        raise Corrupt(f"{name} was written by a newer ganvas (format {facts.get('format')}): upgrade ganvas to use it")
    z, dim = tensors.get("z"), generator.prior.dim
    if z is None or z.ndim != 2 or not len(z) or not torch.isfinite(z).all():
        raise Corrupt(f"{name} holds no finite latents: make it again")
    if z.shape[1] != dim:
        raise BadInput(f"{name} has latents of {z.shape[1]} numbers and this generator takes {dim}: it is another's")
    if say and facts.get("generator") != fingerprint(generator):
        say(f"{name} was made with other weights than these: what it does may be another thing here")
    return facts, {key: t.float() if key == "z" else t for key, t in tensors.items()}
