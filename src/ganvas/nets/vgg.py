"""VGG19 up to the map that a perceptual loss compares (Simonyan and Zisserman 2015).

No weights come with ganvas. They are a file of the user's, or torchvision's, downloaded where `--vgg download` asks for it.
"""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from ganvas.errors import BadInput
from ganvas.files import cache_folder, download, printable, sha256, write_atomic

BLOCKS = (
    (64, 64),
    (128, 128),
    (256,) * 4,
    (512,) * 4,
    (512,) * 4,
)  # convolutions between one maximum pool and the next
MAPS = {"vgg22": (2, 2), "vgg54": (5, 4)}
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, RGB in [0, 1]
FILE = "vgg19-dcbb9e9d.pth"  # torchvision's IMAGENET1K_V1; the name carries how its SHA-256 begins
URLS = (f"https://download.pytorch.org/models/{FILE}",)
RESCALED = (
    1 / 12.75
)  # of feature maps, so that their mean square is of the size of the pixels' (Ledig et al., section 3.2)


class VGG19(nn.Module):
    """φᵢⱼ / 12.75 of N×3×H×W (or N×1×H×W) pictures in [−1, 1]: the map after the ReLU of the j-th convolution of block i,
    before its pool. Frozen; weights are torchvision's layout, "features.0.weight" and so on.
    """

    def __init__(self, block: int, conv: int):
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for k, widths in enumerate(BLOCKS[:block], 1):
            for after in widths[: conv if k == block else None]:
                layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(inplace=True)]
                before = after
            layers += [nn.MaxPool2d(2)] * (k < block)
        self.features = nn.Sequential(*layers)
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)
        self.eval().requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.features(((x + 1) / 2 - self.mean) / self.std) * RESCALED


def pretrained(path: Path, name: str, digest: str | None = None) -> VGG19:
    """`name` of `MAPS` with the weights of `path`, a state dict as .safetensors or .npz. digest: the SHA-256 it must have.

    Raises BadInput where the file is missing, another, or not VGG19's.
    """
    net, state = VGG19(*MAPS[name]), _read(path, digest)
    with torch.no_grad():
        for key, mine in net.state_dict().items():
            theirs = state.get(key, state.get(key.removeprefix("features.")))
            if theirs is None:
                raise BadInput(
                    f"{printable(path)} is no VGG19: it lacks {key}; give a state dict of torchvision's layout"
                )
            if theirs.shape != mine.shape:
                shapes = " and not ".join("×".join(map(str, t.shape)) for t in (theirs, mine))
                raise BadInput(f"{printable(path)} is no VGG19: {key} is {shapes}")
            mine.copy_(theirs)
    return net


def downloaded(say: Callable[[str], None] = print) -> Path:
    """torchvision's weights as .safetensors in the cache, fetched once. Raises BadInput (offline: within two seconds).

    Of the pickle, which goes again, plain tensors alone are read, and those that a map is made of are kept.
    """
    kept = cache_folder() / "vgg19" / "vgg19.safetensors"
    if not kept.exists():
        path = kept.with_name(FILE)
        advice = f"fetch {URLS[0]} where there is a network, put it at {printable(path)}, and give --vgg download again"
        download(URLS, path, FILE.split("-")[1].removesuffix(".pth"), say=say, advice=advice)
        state = torch.load(path, weights_only=True, map_location="cpu")
        write_atomic(kept, save({key: state[key].contiguous() for key in VGG19(*MAPS["vgg54"]).state_dict()}))
        path.unlink()
    return kept


def digest_of(path: Path) -> str:
    """The file's SHA-256. Raises BadInput."""
    try:
        return sha256(path)
    except OSError as error:
        raise BadInput(
            f"--vgg {printable(path)}: {error.strerror}; give VGG19's weights as .safetensors or .npz, --vgg download, or "
            "--perceptual discriminator, which needs none"
        ) from None


def _read(path: Path, digest: str | None) -> dict[str, Tensor]:
    found = digest_of(path)
    if digest and found != digest:
        raise BadInput(
            f"--vgg {printable(path)} has the SHA-256 {found[:16]}…, and {digest[:16]}… is expected: give the file that "
            "this run began with"
        )
    if path.suffix.lower() not in (".safetensors", ".npz"):
        raise BadInput(
            f"--vgg {printable(path)}: weights are read from .safetensors or .npz, never from a pickle: "
            "docs/superresolution.md says how to convert a .pth"
        )
    try:
        if path.suffix.lower() == ".safetensors":
            return load_file(path)
        with np.load(path) as arrays:
            return {key: torch.from_numpy(arrays[key]) for key in itertools.islice(arrays.files, 100)}
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise BadInput(f"--vgg {printable(path)} cannot be read ({printable(str(error))}): copy it again") from None
