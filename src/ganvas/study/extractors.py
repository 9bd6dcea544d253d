"""Pictures in, features and class probabilities out: every frozen network that a score of ours can be made with.

An extractor is a name, a digest and a way of resizing; all three stand on a score's card, because scores of two
different ones are not comparable.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganvas.data.pixels import with_channels, with_depth
from ganvas.errors import BadInput
from ganvas.nets import features, inception
from ganvas.nets.precision import doubt
from ganvas.study import plugins
from ganvas.study.resizing import pillow_bicubic, tf1_bilinear

BATCH = 16  # pictures looked at together, always so many: kernels are chosen by it, and the last bits with them
PIXELS, SIDE = "pixels", 32
NAMES = ("inception", "inception-clean", features.NAME, features.SHAPES_NAME, PIXELS)

Look = Callable[[Tensor], tuple[Tensor, Tensor | None]]
Ready = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Extractor:
    """`extractor(images)` → float32 features N×dim and probabilities N×classes, or None where there are no classes.

    Images are N×C×H×W or a sequence of C×H×W, which may differ in size: uint8, uint16 (rounded to eight bits) or float32
    in 0…1, which is rounded nowhere: what a path length looks for is far below 1/255. Grey becomes three equal channels
    where colour is read; opacity is refused, because what lies behind it is unknown here (our reader of files lays it on
    white). A picture's features do not depend on the others it comes with, to the bit on one machine. Raises BadInput
    for what cannot be read, and for features that are not finite.
    """

    name: str
    digest: str
    resize: str
    dim: int
    classes: int
    channels: int
    ready: Ready  # one C×H×W picture, uint8 or float32, both in 0…255 → what the network takes, float32
    look: Look  # N of these → N×dim features, N×classes logits or None

    def __call__(self, images: np.ndarray | Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray | None]:
        found = np.empty((len(images), self.dim), np.float32)
        opinions = np.empty((len(images), self.classes), np.float32)
        for start in range(0, len(images), BATCH):
            rows = slice(start, min(start + BATCH, len(images)))
            batch = [self.ready(self.fitted(images[i], i)) for i in range(rows.start, rows.stop)]
            for i, (one, other) in enumerate(pairwise(batch), start + 1):
                if one.shape != other.shape:
                    sizes = " and ".join("×".join(map(str, x.shape[1:])) for x in (one, other))
                    raise BadInput(
                        f"images {i - 1} and {i} are {sizes}, and {self.name} resizes nothing; make them alike"
                    )
            batch += batch[-1:] * (BATCH - len(batch))
            with torch.inference_mode():
                seen, logits = self.look(torch.from_numpy(np.stack(batch)))
            n = rows.stop - rows.start
            found[rows] = seen[:n].float().cpu().numpy()
            if logits is not None:
                opinions[rows] = logits[:n].float().softmax(1).cpu().numpy()
        if not (finite := np.isfinite(found).all(1)).all():
            bad = int(finite.argmin())
            raise BadInput(
                f"{self.name} answers with NaN or infinite features, first for image {bad}; look at that one"
            )
        return found, opinions if self.classes else None

    def fitted(self, image: np.ndarray, i: int = 0) -> np.ndarray:
        """C×H×W of any depth → `channels`×H×W in 0…255, uint8, or float32 for floats; `i` is said when it does not fit."""
        image = np.asarray(image)
        if image.ndim != 3 or image.dtype.name not in ("uint8", "uint16", "float32") or not image.size:
            raise BadInput(f"image {i} is {image.dtype} of shape {image.shape}; give C×H×W of uint8, uint16 or float32")
        if image.dtype.kind == "f" and not (image.min() >= 0 and image.max() <= 1):
            raise BadInput(f"image {i} has floats outside 0…1; divide by what means white")
        try:
            if image.dtype.kind == "f":
                return with_channels(image, self.channels) * np.float32(255)
            return with_channels(with_depth(image, np.uint8), self.channels)
        except ValueError:
            channels = {1: "grey", 3: "colour"}[self.channels]
            raise BadInput(
                f"image {i} has {len(image)} channels and {self.name} reads {channels}; lay opacity on white first, as "
                "ganvas does with files"
            ) from None


def extractor(
    name: str, *, weights: Path | None = None, precision: str = "fp32", device: str = "cpu",
    say: Callable[[str], None] = print,
) -> Extractor:  # fmt: skip
    """One of `NAMES`, `module.path:Class_or_function`, or a path to an .onnx file (see `study/plugins.py`).

    weights: the published file, for the two Inceptions; else it is found in the cache or downloaded into it. precision
    "bf16" is for them too and becomes part of the name: such features differ by half a percent, so their scores are
    compared with each other only. Raises BadInput, Corrupt or Storage.
    """
    if name.endswith("@bf16"):  # as it stands on a card
        name, precision = name.removesuffix("@bf16"), "bf16"
    if precision not in ("fp32", "bf16"):
        raise BadInput(f"precision {precision}: choose fp32 or bf16")
    ours = name in ("inception", "inception-clean")
    if not ours and (weights or precision != "fp32"):
        raise BadInput(f"{name} has no choice of weights or precision; leave them out")
    if ours:
        if sentence := doubt(precision, device):
            say(sentence)
        return from_inception(
            inception.pretrained(weights, say), inception.SHA256, name.endswith("clean"), precision, device
        )
    if name == features.NAME:
        return _digits(device)
    if name == features.SHAPES_NAME:
        return _shapes(device)
    if name == PIXELS:
        return _pixels()
    if name.endswith(".onnx"):
        return _plugin(plugins.onnx_file(Path(name)))
    if ":" in name:
        return _plugin(plugins.torch_plugin(name, device))
    raise BadInput(
        f"no extractor {name!r}; there are {', '.join(NAMES)}, module.path:Class, or a path to an .onnx file"
    )


def from_inception(
    net: inception.InceptionV3, digest: str, clean: bool = False, precision: str = "fp32", device: str = "cpu"
) -> Extractor:
    """Such a network as FID uses it, or with `clean` as clean-fid does: they differ in how pictures are resized."""
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    folded = net.folded(dtype).to(device)

    def look(x: Tensor) -> tuple[Tensor, Tensor]:
        x = x.to(device)
        seen = folded.features(
            (x if clean else tf1_bilinear(x, 299, 299)).contiguous(memory_format=torch.channels_last)
        )
        return seen, folded.logits(seen)

    def ready(image: np.ndarray) -> np.ndarray:
        if clean:
            return pillow_bicubic(image, 299, 299)
        return tf1_bilinear(torch.from_numpy(image.astype(np.float32))[None], 299, 299)[0].numpy()

    name = ("inception-clean" if clean else "inception") + ("@bf16" if precision == "bf16" else "")
    resize = "299×299 Pillow bicubic" if clean else "299×299 TF-1 bilinear"
    return Extractor(name, digest, resize, 2048, 1008, 3, ready, look)


def _digits(device: str) -> Extractor:
    net = features.digit_classifier().to(device)

    def ready(image: np.ndarray) -> np.ndarray:
        if image.shape != (1, 28, 28):
            size = "×".join(map(str, image.shape[1:]))
            raise BadInput(f"{features.NAME} reads digits of 28×28 and these are {size}; use {features.SHAPES_NAME}")
        return image.astype(np.float32) / 255

    resize = "none (28×28 grey)"
    return Extractor(features.NAME, features.SHA256, resize, 128, 10, 1, ready, _both(net, device))


def _shapes(device: str) -> Extractor:
    net = features.shape_classifier().to(device)

    def ready(image: np.ndarray) -> np.ndarray:
        return pillow_bicubic(image, 64, 64) / np.float32(255)

    resize = "64×64 Pillow bicubic"
    return Extractor(features.SHAPES_NAME, features.SHAPES_SHA256, resize, 128, 24, 3, ready, _both(net, device))


def _pixels() -> Extractor:
    """No network at all: the picture itself, small. Near are pictures of equal light in equal places, nothing more."""

    def ready(image: np.ndarray) -> np.ndarray:
        return pillow_bicubic(image, SIDE, SIDE) / np.float32(255)

    resize, dim = f"{SIDE}×{SIDE} Pillow bicubic", 3 * SIDE * SIDE
    return Extractor(PIXELS, "", resize, dim, 0, 3, ready, lambda x: (x.flatten(1), None))


def _both(net: features.DigitClassifier | features.ShapeClassifier, device: str) -> Look:
    def look(x: Tensor) -> tuple[Tensor, Tensor]:
        seen = net.features(x.to(device))
        return seen, net.last(seen)

    return look


def _plugin(plugin: plugins.Plugin) -> Extractor:
    """The network of somebody else, and what black pictures tell about the shape of its answer."""
    size = plugin.size

    def ready(image: np.ndarray) -> np.ndarray:
        return (pillow_bicubic(image, *size) if size else image.astype(np.float32)) / np.float32(255)

    black = torch.zeros(BATCH, plugin.channels, *(size or (64, 64)))
    with torch.inference_mode():
        seen, logits = plugin.look(black)
    resize = f"{size[0]}×{size[1]} Pillow bicubic" if size else "none"
    dim, classes = seen.shape[1], 0 if logits is None else logits.shape[1]
    return Extractor(plugin.name, plugin.digest, resize, dim, classes, plugin.channels, ready, plugin.look)
