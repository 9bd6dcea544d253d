"""Asking a text-to-image network: a sentence in, pictures out; the same seed begins from the same z whatever is said."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ganvas.data.bicubic import bicubic
from ganvas.data.source import DataSpec, Source
from ganvas.data.text import Embed, rows
from ganvas.errors import BadInput
from ganvas.measure.sharpness import gradient_energy
from ganvas.study.captions import EACH, SHOWN, captioned, spoken
from ganvas.study.sample import Images, to_depth
from ganvas.study.trained import Trained

MEASURED = 64  # held-out captions that each look is measured on
BATCH = 100


def ignored(k: int) -> None:
    """No bar."""


class Illustrator(Trained):
    """A trained text-to-image network you can call: `G("a small red circle", n=4, seed=0)` draws pictures.

    `spec.text` is how a sentence is read. embed: the user's own sentence model, where it was trained with one.
    """

    answers = "it draws sentences, as `ganvas draw` gives them"

    walks = 'a walk from one sentence to another is `ganvas draw RUN "a red circle" --to "a blue square"`'
    embed: Embed | None = None

    def __call__(
        self, sentences: str | Sequence[str], n: int = 1, seed: int = 0, *, first: int = 0, stage: int | None = None,
        advance: Callable[[int], None] = ignored,
    ) -> Images:  # fmt: skip
        """n pictures of every sentence, N×C×H×W in the data's own depth, all of the first sentence first.

        Picture k of a sentence is drawn from the z of (seed, first + k), alone or among others, and without the noise of
        conditioning augmentation: c = μ. stage: 1 for the small picture that stage I draws and stage II begins from.
        Raises BadInput for a sentence without a word, or too long, and for a stage there is not.
        """
        for name, number, least in (("n", n, 1), ("seed", seed, 0), ("first", first, 0)):
            if not isinstance(number, int | np.integer) or number < least:
                raise BadInput(f"{name} must be a whole number from {least} up, not {number!r}")
        said = [sentences] if isinstance(sentences, str) else list(sentences)
        if not said:
            raise BadInput("there is no sentence to draw")
        images = self.drawn(self.read(said), n, seed, first, stage, advance)
        images.rows = tuple(said)
        return images

    def read(self, sentences: Sequence[str]) -> Tensor:
        """φ of N sentences, N×features: what the generator knows of them."""
        return self.phi(torch.from_numpy(rows(self.spec.text, sentences, self.embed)))

    @torch.no_grad()
    def phi(self, captions: Tensor) -> Tensor:
        """The same of rows, as a source gives them."""
        return self.net.read(captions.to(self.device))

    def between(
        self, one: str, other: str, frames: int, seed: int = 0, *, n: int = 1, first: int = 0, stage: int | None = None
    ) -> Images:
        """`frames` pictures from a sentence to another, for each of n latents: φ on the straight line between the two (Reed
        et al. 2016 and Zhang et al. 2017 show such walks), z as it is. One row a latent."""
        if frames < 2:
            raise BadInput(f"--frames {frames}: from a sentence to another there are at least 2")
        a, b = self.read([one, other])
        way = torch.stack([torch.lerp(a, b, t) for t in torch.linspace(0, 1, frames).tolist()])
        found = self.drawn(way, n, seed, first, stage)
        return found.reshape(frames, n, *found.shape[1:]).swapaxes(0, 1).reshape(found.shape)

    @torch.no_grad()
    def drawn(
        self, phi: Tensor, n: int = 1, seed: int = 0, first: int = 0, stage: int | None = None,
        advance: Callable[[int], None] = ignored,
    ) -> Images:  # fmt: skip
        """n pictures for every row of φ."""
        net, parts = self._stage(stage), []
        z = torch.from_numpy(np.stack([self.game.prior.at(seed, first + k) for k in range(n)])).to(self.device)
        low, high = self.pixels
        place = torch.arange(len(phi) * n, device=self.device)
        for some in place.split(BATCH):
            made = net(z[some % n], phi[some // n]).float()
            parts.append(to_depth(((made - low) / (high - low)).clamp(0, 1).cpu().numpy(), self.spec))
            advance(len(some))
        images = np.concatenate(parts).view(Images)
        images.span = self.spec.range
        return images

    @property
    def stages(self) -> int:
        """How many there are in this file."""
        return 1 if self.net.first is self.net else 2

    def _stage(self, stage: int | None) -> nn.Module:
        if stage not in (None, 1, 2):
            raise BadInput(f"--stage {stage}: there are 1 and 2")
        if stage == 2 and self.stages == 1:
            raise BadInput("--stage 2: this generator is stage I alone; train further, or leave --stage out")
        return self.net.first if stage == 1 else self.net

    def look(self, source: Source, seed: int = 0) -> Image.Image:
        """The sheet of a run: held-out captions, each below a row of pictures from the same latents."""
        examples, said = spoken(source, SHOWN)
        phi = self.phi(torch.from_numpy(examples["text"]))
        return captioned(self.drawn(phi, EACH, seed), said)

    def measure(self, source: Source, seed: int = 0) -> dict[str, float]:
        """Sharpness on held-out captions: gradient energy over that of their real pictures, 1 at best; of stage II also
        what stage I's pictures have when they are enlarged by bicubic."""
        if not self.spec.held_out:
            return {}
        held = source.held_out(MEASURED)
        found = sharpness(self, held["image"], torch.from_numpy(held["text"]), seed)
        return {f"val/{name}": value for name, value in found.items()}

    def __repr__(self) -> str:
        c, h, w = self.spec.shape if self.stages == 2 else self.net.image
        recipe = self.label.get("recipe", type(self.net).__name__)
        return f"<ganvas illustrator: {recipe} on {self.spec.name}, {c}×{h}×{w}, trained on {self.images:,} images>"


def sharpness(illustrator: Illustrator, real: np.ndarray, captions: Tensor, seed: int = 0) -> dict[str, float]:
    """Gradient energy of one picture a caption, over that of the real ones: "sharpness", and of stage I's pictures
    enlarged by MATLAB's bicubic "sharpness stage I"."""
    phi, spec = illustrator.phi(captions), illustrator.spec
    names = {1: "sharpness stage I", 2: "sharpness"}
    drawn = {stage: illustrator.drawn(phi, 1, seed, stage=stage) for stage in range(1, illustrator.stages + 1)}
    return {names[k]: energy(enlarged(x, real.shape[2]), spec) / energy(real, spec) for k, x in drawn.items()}


def enlarged(images: Images, side: int) -> np.ndarray:
    """N×C×H×W by MATLAB's bicubic to `side` pixels of height."""
    scale = side // images.shape[2]
    return np.asarray(images) if scale == 1 else np.stack([bicubic(np.asarray(picture), scale) for picture in images])


def energy(images: np.ndarray, spec: DataSpec) -> float:
    """Gradient energy of pictures in the depth of these data."""
    low, high = spec.range
    return gradient_energy((np.asarray(images, np.float64) - low) / (high - low))
