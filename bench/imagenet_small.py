"""A real pretrained network as a plug-in: SqueezeNet 1.1 (Iandola et al. 2016; ONNX model zoo's ImageNet weights).

    export GANVAS_DATA=FOLDER        # that holds imagenet_small/squeezenet1.1, one .npy a tensor
    ganvas evaluate generated/ --against real/ --extractor bench.imagenet_small:SqueezeNet        from ganvas' own folder
    python bench/imagenet_small.py PHOTOS                  what it says of photos, and of what may be done to them

No part of the package: it shows what an extractor of one's own looks like, and is what the plug-in path is tested with.
These are not torchvision's weights: what is made with them bears this module's name and digest, never FID's or LPIPS'.
"""

import os
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageFilter
from torch import Tensor, nn

from ganvas.errors import BadInput
from ganvas.files import sha256
from ganvas.measure.frechet import frechet, moments
from ganvas.measure.kernel import KID, kid
from ganvas.study.extractors import extractor

FIRES = ((64, 16, 64), (128, 16, 64), (128, 32, 128), (256, 32, 128), (256, 48, 192), (384, 48, 192), (384, 64, 256),
         (512, 64, 256))  # fmt: skip
HALVED = (0, 2, 4)  # fires before which the maps are
COMPARED = (0, 2, 4, 5, 6, 7, 8)  # layers that LPIPS looks at: the stem, and so many fires on
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Fire(nn.Module):
    """Squeezed to few channels, then expanded by 1×1 and by 3×3 side by side (section 3.1)."""

    def __init__(self, inputs: int, few: int, many: int):
        super().__init__()
        self.squeeze, self.small = nn.Conv2d(inputs, few, 1), nn.Conv2d(few, many, 1)
        self.large = nn.Conv2d(few, many, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.squeeze(x))
        return F.relu(torch.cat([self.small(x), self.large(x)], 1))


class SqueezeNet(nn.Module):
    """N×3×224×224 in 0…1, RGB → N×512 features, the mean over the last fire's maps, and N×1000 logits (not negative)."""

    size = (224, 224)

    def __init__(self, folder: Path | None = None):
        super().__init__()
        self.stem = nn.Conv2d(3, 64, 3, stride=2)
        self.fires = nn.ModuleList(Fire(*widths) for widths in FIRES)
        self.last = nn.Conv2d(512, 1000, 1)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None])
        self.register_buffer("std", torch.tensor(STD)[:, None, None])
        self._read(folder or Path(os.environ.get("GANVAS_DATA", ".")) / "imagenet_small" / "squeezenet1.1")

    def _read(self, folder: Path) -> None:
        """The files count the convolutions in the order in which they are met."""
        for k, conv in enumerate(module for module in self.modules() if isinstance(module, nn.Conv2d)):
            for name, tensor in conv.named_parameters():
                path = folder / f"squeezenet0_conv{k}_{name}.npy"
                if not path.is_file():
                    raise BadInput(f"no file {path}; set GANVAS_DATA to the folder that holds imagenet_small")
                tensor.data = torch.from_numpy(np.load(path)).reshape(tensor.shape)

    def layers(self, x: Tensor) -> list[Tensor]:
        """Normalised images → the stem's maps and those of the eight fires."""
        found = [F.relu(self.stem(x))]
        for k, fire in enumerate(self.fires):
            found.append(fire(F.max_pool2d(found[-1], 3, 2, ceil_mode=True) if k in HALVED else found[-1]))
        return found

    def logits(self, maps: Tensor) -> Tensor:
        return F.relu(self.last(maps)).mean((2, 3))

    def normalised(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.layers(self.normalised(x))[-1]
        return maps.mean((2, 3)), self.logits(maps)


class Distance(SqueezeNet):
    """N×3×H×W in 0…1 → N×d features φ whose squared Euclidean distance is Zhang et al.'s (2018, equation 1):

        ‖φ(x) − φ(y)‖² = Σₗ 1/(HₗWₗ) Σ_hw Σ_c wₗ_c (x̂ − ŷ)²

    with x̂ a layer's maps scaled to length 1 over channels and w LPIPS v0.1's own linear layers for SqueezeNet, from
    GANVAS_DATA/lpips_linear. These were fitted to torchvision's weights of the network, and this is another training of
    it, so the numbers are *not* LPIPS (squeeze): .23 where that has .10. About 190,000 numbers a picture of 64×64.
    """

    size = None
    SHA256 = "4a5350f23600cb79923ce65bb07cbf57dca461329894153e05a1346bd531cf76"

    def __init__(self, folder: Path | None = None, linear: Path | None = None):
        super().__init__(folder)
        path = linear or Path(os.environ.get("GANVAS_DATA", ".")) / "lpips_linear" / "squeeze.pth"
        if not path.is_file() or sha256(path) != self.SHA256:
            raise BadInput(f"{path} is not LPIPS v0.1's squeeze.pth; set GANVAS_DATA to the folder with lpips_linear")
        state = torch.load(path, map_location="cpu", weights_only=True)  # its digest is the known one
        for k in range(len(COMPARED)):
            self.register_buffer(f"weight{k}", state[f"lin{k}.model.1.weight"])

    def forward(self, x: Tensor) -> Tensor:
        layers, parts = self.layers(self.normalised(x)), []
        for k, maps in enumerate(layers[i] for i in COMPARED):
            unit = maps / (maps.norm(dim=1, keepdim=True) + 1e-10)
            parts.append((unit * (self.get_buffer(f"weight{k}") / maps[0, 0].numel()).sqrt()).flatten(1))
        return torch.cat(parts, 1)


def crops(folder: Path, n: int, side: int = 160) -> list[Image.Image]:
    """A crop of each of `n` photos, in an order and at places drawn by seed."""
    paths, rng, found = sorted(folder.glob("*.*")), np.random.default_rng(0), []
    for i in rng.permutation(len(paths))[:n]:
        with Image.open(paths[i]) as photo:
            x, y = (int(rng.integers(length - side + 1)) for length in photo.size)
            found.append(photo.convert("RGB").crop((x, y, x + side, y + side)))
    return found


def noisy(picture: Image.Image, sigma: float = 50) -> Image.Image:
    pixels = np.asarray(picture)
    grain = np.random.default_rng(0).normal(0, sigma, pixels.shape)
    return Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8))


def jpeg(picture: Image.Image, quality: int = 20) -> Image.Image:
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


WAYS = {
    "real": lambda picture: picture,
    "JPEG, quality 20": jpeg,
    "blurred, σ = 2": lambda picture: picture.filter(ImageFilter.GaussianBlur(2)),
    "noise, σ = 50": noisy,
}


def ranking(folder: Path, n: int = 60) -> dict[str, tuple[float, KID]]:
    """The Fréchet and the kernel distance of `n` photos, after each of `WAYS`, to `n` others as they are."""
    eye, pictures = extractor("imagenet_small:SqueezeNet"), crops(folder, 2 * n)

    def seen(some: list[Image.Image]) -> np.ndarray:
        return eye([np.asarray(picture).transpose(2, 0, 1) for picture in some])[0]

    real, found = seen(pictures[:n]), {}
    for name, way in WAYS.items():
        features = seen([way(picture) for picture in pictures[n:]])
        found[name] = frechet(moments(features), moments(real)), kid(features, real)
    return found


if __name__ == "__main__":
    for name, (distance, kernel) in ranking(Path(sys.argv[1])).items():
        print(f"{name:18} Fréchet {distance:7.0f}   KID {kernel.mean:6.1f} ± {kernel.std:.1f}")
