"""Asking a translator for pictures: a picture in, a picture out, of any size and of the depth that came in."""

from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ganvas.data.gallery import Gallery, held_out
from ganvas.data.packed import channels_first, in_layout_of
from ganvas.data.pixels import WHITE, with_channels
from ganvas.data.source import DataSpec, Source, View
from ganvas.errors import BadInput
from ganvas.measure.pictures import psnr, ssim
from ganvas.play.captioned import Captioned
from ganvas.play.game import Game
from ganvas.play.matching import Matching
from ganvas.study.picture import from_pil, to_pil
from ganvas.study.sample import Generator
from ganvas.study.sheets import sheet
from ganvas.study.tiling import Translating, translated
from ganvas.study.trained import Trained

Side = Literal["a", "b"]

MEMORY = 2 << 30  # bytes that a network's maps may take
SHOWN = 6  # examples on a sheet
MEASURED = 8  # held-out examples that each look is scored on: every one is a picture on its own
BITS = {"uint8": 8, "uint16": 16, "float32": 32}


PICTURES = "a picture is a PIL image, a NumPy array H×W, H×W×C or C×H×W, or a tensor C×H×W or N×C×H×W in [0, 1]"


def _tensor(given: Tensor) -> Tensor:
    """N×C×H×W. Raises BadInput for another shape, whole numbers, and values outside [0, 1]."""
    if given.ndim not in (3, 4) or 0 in given.shape:
        raise BadInput(f"{PICTURES}, not a tensor of shape {tuple(given.shape)}")
    if not given.is_floating_point() or not (given.min() >= 0 and given.max() <= 1):  # False for NaN as well
        raise BadInput(f"{PICTURES}; this one is {given.dtype} from {given.min():g} to {given.max():g}")
    return given if given.ndim == 4 else given[None]


def _array(given: Any) -> np.ndarray:
    """An array that may be a picture. Raises BadInput."""
    if not isinstance(given, np.ndarray):
        raise BadInput(f"{PICTURES}, not {type(given).__name__}: open a file with PIL.Image.open")
    if given.ndim not in (2, 3) or 0 in given.shape:
        raise BadInput(f"{PICTURES}, not an array of shape {given.shape}")
    return given


def must_be_within(low: float, high: float, picture: np.ndarray) -> None:
    """Raises BadInput for floats outside this range, and for NaN."""
    if picture.dtype.kind == "f" and not (picture.min() >= low and picture.max() <= high):
        raise BadInput(f"floats are in {low:g}…{high:g}, these from {picture.min():g} to {picture.max():g}")


class Translator(Trained):
    """A trained translator you can call: `T(picture)` for PIL, NumPy and tensors gives the same kind back. The views of its
    `spec` say what goes in and comes out.
    """

    answers = "a translator makes pictures of pictures"

    @property
    def ways(self) -> tuple[Side, ...]:
        """The sides it can translate to, the usual one first."""
        about = self.game.to_json()
        return (about["target"],) if "target" in about else ("b", "a")

    def views(self, to: str | None = None) -> tuple[View, View]:
        """What goes in and what comes out on the way to this side. Raises BadInput for a way it does not know."""
        side = (to or self.ways[0]).lower()
        if side not in self.ways:
            ways = " or ".join(way.upper() for way in self.ways)
            raise BadInput(f"this translator goes to {ways}, not to {to!r}")
        return self.spec.view("a" if side == "b" else "b"), self.spec.view(side)

    def __call__(
        self, picture: Image.Image | np.ndarray | Tensor, to: str | None = None, *, seed: int | None = None,
        memory: int = MEMORY,
    ) -> Any:  # fmt: skip
        """PIL → PIL. NumPy H×W, H×W×C or C×H×W → the same layout. Tensor C×H×W or N×C×H×W in [0, 1] → the same.

        to: "a" or "b", for a translator that knows both ways. seed: of the noise, where it has some; by default the
        run's, so that a picture comes out as it did in training. memory: bytes; larger pictures go through in tiles.
        Raises BadInput for what is no picture, and for channels it was not trained on.
        """
        if isinstance(picture, Tensor):
            many = _tensor(picture)
            made = torch.cat([self._unit(one[None], to, seed, memory) for one in many])
            return made if picture.ndim == 4 else made[0]
        if isinstance(picture, Image.Image):
            return to_pil(self.translate(from_pil(picture, self.views(to)[0].shape[0]), to, seed=seed, memory=memory))
        first = channels_first(_array(picture))
        return in_layout_of(picture.shape, self.translate(first, to, seed=seed, memory=memory))

    def translate(
        self, picture: np.ndarray, to: str | None = None, *, seed: int | None = None, memory: int = MEMORY
    ) -> np.ndarray:
        """C×H×W uint8, uint16 or float32 → C×H×W: in the depth of what it was trained to make, or where the picture
        has another depth than those it was trained on, in the picture's own."""
        given, made = self.views(to)
        picture = self._fitting(np.ascontiguousarray(picture), given)
        if picture.dtype.name not in BITS:
            raise BadInput(f"pixels are uint8, uint16 or float32, not {picture.dtype}")
        bits = BITS[picture.dtype.name]
        low, high = given.range if bits == 32 == given.bits else (0, WHITE[picture.dtype.name])
        must_be_within(low, high, picture)
        unit = (torch.from_numpy(picture.astype(np.float32)) - low) / (high - low)
        out = self._unit(unit[None], to, seed, memory)[0].cpu().numpy()
        depth = made.bits if bits == given.bits else bits
        if depth == 32:
            low, high = made.range if made.bits == 32 else (0, 1)
            return (out * (high - low) + low).astype(np.float32)
        return np.rint(out * WHITE[f"uint{depth}"]).astype(f"uint{depth}")

    def _unit(self, unit: Tensor, to: str | None, seed: int | None, memory: int) -> Tensor:
        """1×C×H×W in [0, 1] → the same, of the other side."""
        given, _ = self.views(to)
        if unit.shape[1] != given.shape[0]:
            raise BadInput(f"a picture has {unit.shape[1]} channels, and this translator takes {given.shape[0]}")
        low, high = self.pixels
        x = unit.to(self.device) * (high - low) + low
        seed = int(self.label.get("seed", 0)) if seed is None else seed
        y = translated(self._way(given.key), x, seed, memory).float()
        return ((y - low) / (high - low)).clamp(0, 1)

    def _way(self, given: str) -> Translating:
        """The network of one direction."""
        return getattr(self.net, {"a": "ab", "b": "ba"}[given], self.net)

    def _fitting(self, picture: np.ndarray, given: View) -> np.ndarray:
        try:
            return with_channels(picture, given.shape[0])
        except ValueError:
            raise BadInput(
                f"the picture has {len(picture)} channels, and this translator was trained on {given.shape[0]}"
            ) from None

    def look(self, source: Source, seed: int = 0) -> Image.Image:
        """A sheet of held-out examples: input | output | target, or of two domains real | translated | and back."""
        examples = examples_of(source, SHOWN)
        if self.spec.paired and len(self.ways) == 1:
            given, made = (view.key for view in self.views())
            rows = [(x, self.translate(x, seed=seed), y) for x, y in zip(examples[given], examples[made], strict=True)]
            return mosaic([picture for row in rows for picture in row], 6)
        rows = []
        for here, there in (("a", "b"), ("b", "a")):
            for x in examples[here][: SHOWN // 2]:
                fake = self.translate(x, there, seed=seed)
                rows.append((x, fake, self.translate(fake, here, seed=seed)))
        half = len(rows) // 2
        return mosaic(
            [picture for pair in zip(rows[:half], rows[half:], strict=True) for row in pair for picture in row], 6
        )

    def measure(self, source: Source, seed: int = 0, n: int = MEASURED) -> dict[str, float]:
        """What held-out pictures say, means over `n`.

        Where they are pairs: L1 (pixels in [−1, 1]), PSNR and SSIM of translations against their targets. Of two ways:
        L1 from a picture to itself by way of the other domain, and how many times that is with noise of σ = .01 on the
        picture in between: far above 1, the way back reads a message in it that no eye sees (Chu et al. 2017).
        """
        if not self.spec.held_out:
            return {}
        held, found = source.held_out(n), {}
        if self.spec.held_out_paired:
            given, made = self.views()
            fakes = [self.translate(x, seed=seed) for x in held[given.key]]
            peak, pairs = made.range[1] - made.range[0], list(zip(fakes, held[made.key], strict=True))
            found["l1"] = [np.abs(fake.astype(np.float64) - y).mean() * 2 / peak for fake, y in pairs]
            found["psnr"] = [min(psnr(fake, y, peak=peak), 100.0) for fake, y in pairs]
            found["ssim"] = [ssim(fake, y, peak=peak) for fake, y in pairs if min(y.shape[1:]) >= 11]
        if len(self.ways) == 2:
            back, noisy = np.mean([self._there_and_back(x, key) for key in "ab" for x in held[key]], 0)
            found |= {"cycle": [back], "hidden": [noisy / max(back, 1e-9)]}
        return {f"val/{name}": float(np.mean(values)) for name, values in found.items() if values}

    def held_out(self, source: Source, to: str | None = None) -> tuple[Gallery, Gallery]:
        """Translations of all held-out pictures, made as they are asked for, and the held-out pictures of that side.

        They belong together, name by name, where `spec.held_out_paired`. Raises BadInput where nothing is held out.
        """
        given, made = self.views(to)
        sources, targets = held_out(source, given.key), held_out(source, made.key)
        name, mark = f"{source.spec.name}, {given.key} to {made.key}", f"{source.spec.fingerprint}-{self.images}"

        def read(a: int, b: int) -> list[np.ndarray]:
            return [self.translate(x, to) for x in sources.read(a, b)]

        return Gallery(name, mark, sources.n, read, targets.names), targets

    def _there_and_back(self, picture: np.ndarray, key: str) -> tuple[float, float]:
        """L1 (pixels in [−1, 1]) of a picture's way to the other domain and back; the same with noise on the way."""
        view, other = self.spec.view(key), "ab"["ba".index(key)]
        low, high = view.range
        x = (torch.from_numpy(picture.astype(np.float32))[None] - low) / (high - low)
        between = self._unit(x, other, None, MEMORY)
        noise = np.random.default_rng(0).standard_normal(between.shape, dtype=np.float32)
        noise = torch.from_numpy(noise * (0.01 / (self.pixels[1] - self.pixels[0])))
        home = [self._unit(there, key, None, MEMORY) for there in (between, between + noise.to(between.device))]
        return tuple(float((y - x.to(y.device)).abs().mean()) * 2 for y in home)

    def __repr__(self) -> str:
        given, made = self.views()
        shapes = " to ".join("×".join(map(str, view.shape)) for view in (given, made))
        recipe = self.label.get("recipe", type(self.net).__name__)
        return f"<ganvas translator: {recipe} on {self.spec.name}, {shapes}, trained on {self.images:,} examples>"


def asked(
    net: nn.Module, game: Game, spec: DataSpec, pixels: tuple[float, float], images: int = 0, label: dict | None = None
) -> Generator | Translator:
    """What `net` is asked through: a translator where examples have several pictures, an upscaler where they are of two
    sizes, an illustrator where it draws sentences, else a generator from noise."""
    if type(game) in (Captioned, Matching):
        from ganvas.study.draw import Illustrator
        from ganvas.study.reader import Reader

        return {Captioned: Illustrator, Matching: Reader}[type(game)](net, game, spec, pixels, images, label)
    if spec.scale > 1:
        from ganvas.study.upscale import Upscaler  # which is a translator

        return Upscaler(net, game, spec, pixels, images, label)
    if spec.views:
        return Translator(net, game, spec, pixels, images, label)
    return Generator(net, game, game.prior, spec, pixels, images, label)


def mosaic(pictures: list[np.ndarray], columns: int) -> Image.Image:
    """One sheet of pictures that may differ in channels and depth; smaller ones are shown as blocks."""
    highest = max(p.shape[1] for p in pictures)
    pictures = [p.repeat(highest // p.shape[1], 1).repeat(highest // p.shape[1], 2) for p in pictures]
    channels = max(len(p) if len(p) in (1, 3, 4) else 3 if len(p) > 3 else 1 for p in pictures)
    return sheet(np.stack([_shown(p, channels) for p in pictures]), columns=columns)


def _shown(picture: np.ndarray, channels: int) -> np.ndarray:
    """8 bits, so many channels, as well as an eye can be shown it."""
    picture = picture[:3] if len(picture) > 4 else picture[:1] if len(picture) == 2 else picture
    if picture.dtype == np.float32:
        picture = np.clip(picture, 0, 1)
    picture = np.rint(picture.astype(np.float64) * 255 / WHITE[picture.dtype.name]).astype(np.uint8)
    return with_channels(picture, channels) if len(picture) != channels else picture


def examples_of(source: Source, n: int) -> dict[str, np.ndarray]:
    """Held-out examples; of a set too small to hold any out, the first of training."""
    return source.held_out(n) if source.spec.held_out else source.batch(0, 0, n)
