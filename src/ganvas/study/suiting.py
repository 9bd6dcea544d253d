"""How well pictures suit the sentences they were drawn from, and how sharp they are: scores with their cards."""

from collections.abc import Callable, Iterator
from hashlib import sha256

import numpy as np
import torch

from ganvas.data.source import Source
from ganvas.errors import BadInput
from ganvas.files import progress
from ganvas.study.card import Card, Score
from ganvas.study.draw import Illustrator, energy, enlarged
from ganvas.study.reader import Reader

OF = 100  # captions of which a picture's own has to suit it best
METRICS = ("r-precision", "sharpness")


def suiting(
    illustrator: Illustrator,
    reader: Reader | None,
    source: Source,
    n: int,
    seed: int,
    say: Callable[[str], None] = print,
) -> Iterator[Score]:
    """One picture for each of the first n held-out captions (all, where there are fewer), stage by stage.

    r-precision: the share of pictures whose own caption the matching encoder finds the best of 100; 1 in 100 is chance,
    and its floor is what the real pictures of these captions get, which is below 1 where several captions are true.
    sharpness: gradient energy over that of the real pictures; of stage I enlarged by MATLAB's bicubic. Raises BadInput
    where nothing is held out.
    """
    if not source.spec.held_out:
        raise BadInput(
            f"{source.spec.name} is too small to hold captions out: nothing can be judged that was not trained on"
        )
    held = source.held_out(n)
    n, text = len(held["text"]), torch.from_numpy(held["text"])
    phi = illustrator.phi(text)
    drawn = {}
    with progress(f"drawing {n:,} held-out captions", n * illustrator.stages) as advance:
        for stage in range(1, illustrator.stages + 1):
            small = illustrator.drawn(phi, 1, seed, stage=stage, advance=advance)
            drawn[stage] = enlarged(small, held["image"].shape[2])
    about = (source.spec.name + ", held out", f"{source.spec.fingerprint}-held-out", n, n, seed)
    weights = str(illustrator.label.get("weights", "live"))
    names = {illustrator.stages: "", 1: " of stage I, enlarged"} | ({1: ""} if illustrator.stages == 1 else {})
    if reader is None:
        say(
            "its encoder of pictures is not here (snapshots/phase-0.safetensors of the run), so there is no r-precision"
        )
    else:
        card = Card("matching encoder", _digest(reader), "none", *about, weights, settings=f"1 of {OF} captions")
        try:
            best = reader.precision(held["image"], held["text"], seed, OF)
            for stage, images in sorted(drawn.items(), reverse=True):
                value = reader.precision(images, held["text"], seed, OF)
                spread, also = (value * (1 - value) / n) ** 0.5, {"chance": 1 / OF}
                note = "the floor is what real pictures get" if not names[stage] else ""
                yield Score(f"r-precision{names[stage]}", value, card, best, spread, "higher", also, note)
        except BadInput as error:
            say(str(error))
    card = Card("pixels", "", "none", *about, weights, settings="gradient energy over that of the real pictures")
    real = energy(held["image"], source.spec)
    for stage, images in sorted(drawn.items(), reverse=True):
        yield Score(f"sharpness{names[stage]}", energy(images, source.spec) / real, card, 1.0, better="")


def _digest(reader: Reader) -> str:
    digest = sha256()
    for name, tensor in sorted(reader.net.state_dict().items()):
        digest.update(name.encode() + np.ascontiguousarray(tensor.cpu().numpy()).tobytes())
    return digest.hexdigest()
