"""The InceptionV3 of the Inception score and of FID: TensorFlow's frozen graph of 5 December 2015.

It is not torchvision's network: average pools leave the padding out of their mean, the last block pools by maximum, and
there are 1008 logits. Parameters carry the names of the published PyTorch file, so that `load_state_dict` takes it.
"""

import contextlib
import copy
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ganvas.errors import BadInput, Corrupt, Storage
from ganvas.files import cache_folder, download, printable, sha256, write_atomic

FILE = "pt_inception-2015-12-05-6726825d.pth"  # its 6726825d is the beginning of its digest
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
URLS = (  # one and the same file
    f"https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/{FILE}",
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
)

Size = int | tuple[int, int]
Step = tuple[str, int, Size]  # name, channels out, kernel
Branch = Sequence[Step | list[Step]]  # a chain of convolutions; a list inside is a fork, whose ends are concatenated


class ConvBN(nn.Module):
    """Convolution, BatchNorm with ε = .001, ReLU. With stride 1 the size stays, with stride 2 there is no padding."""

    def __init__(self, inputs: int, outputs: int, kernel: Size, stride: int = 1, padded: bool = True):
        super().__init__()
        kernel = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (kernel[0] // 2, kernel[1] // 2) if stride == 1 and padded else 0
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn: nn.Module = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Mixed(nn.Module):
    """Branches side by side, then the pooled input through one 1×1 convolution; all concatenated.

    With stride 2 the last convolution of each branch and the pool have that stride, and `pooled` is 0: no convolution.
    """

    def __init__(self, inputs: int, branches: Sequence[Branch], pool: Callable[[Tensor], Tensor], pooled: int = 0):
        super().__init__()
        self.pool = pool
        self.chains: list[list[list[str]]] = []
        self.outputs = pooled or inputs
        for branch in branches:
            width, chain = inputs, []
            for place, step in enumerate(branch):
                fork = step if isinstance(step, list) else [step]
                stride = 2 if not pooled and place == len(branch) - 1 else 1
                for name, outputs, kernel in fork:
                    self.add_module(name, ConvBN(width, outputs, kernel, stride))
                width = sum(outputs for _, outputs, _ in fork)
                chain.append([name for name, *_ in fork])
            self.chains.append(chain)
            self.outputs += width
        self.branch_pool: nn.Module = ConvBN(inputs, pooled, 1) if pooled else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        parts = []
        for chain in self.chains:
            y = x
            for fork in chain:
                ends = [self.get_submodule(name)(y) for name in fork]
                y = ends[0] if len(ends) == 1 else torch.cat(ends, 1)
            parts.append(y)
        return torch.cat([*parts, self.branch_pool(self.pool(x))], 1)


def average(x: Tensor) -> Tensor:
    """TensorFlow's average pool: what is padded does not count."""
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def largest(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, 1, 1)


def halved(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, 2)


def block_a(inputs: int, pooled: int) -> Mixed:
    of_five: Branch = [("branch5x5_1", 48, 1), ("branch5x5_2", 64, 5)]
    of_three: Branch = [("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3)]
    return Mixed(inputs, [[("branch1x1", 64, 1)], of_five, of_three], average, pooled)


def block_b(inputs: int) -> Mixed:
    of_three: Branch = [("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3)]
    return Mixed(inputs, [[("branch3x3", 384, 3)], of_three], halved)


def block_c(inputs: int, width: int) -> Mixed:
    wide, high = (1, 7), (7, 1)
    once: Branch = [("branch7x7_1", width, 1), ("branch7x7_2", width, wide), ("branch7x7_3", 192, high)]
    twice: Branch = [
        ("branch7x7dbl_1", width, 1),
        ("branch7x7dbl_2", width, high),
        ("branch7x7dbl_3", width, wide),
        ("branch7x7dbl_4", width, high),
        ("branch7x7dbl_5", 192, wide),
    ]
    return Mixed(inputs, [[("branch1x1", 192, 1)], once, twice], average, 192)


def block_d(inputs: int) -> Mixed:
    of_three: Branch = [("branch3x3_1", 192, 1), ("branch3x3_2", 320, 3)]
    of_seven: Branch = [
        ("branch7x7x3_1", 192, 1),
        ("branch7x7x3_2", 192, (1, 7)),
        ("branch7x7x3_3", 192, (7, 1)),
        ("branch7x7x3_4", 192, 3),
    ]
    return Mixed(inputs, [of_three, of_seven], halved)


def block_e(inputs: int, pool: Callable[[Tensor], Tensor]) -> Mixed:
    def fork(a: str, b: str) -> list[Step]:
        return [(a, 384, (1, 3)), (b, 384, (3, 1))]

    once: Branch = [("branch3x3_1", 384, 1), fork("branch3x3_2a", "branch3x3_2b")]
    twice: Branch = [("branch3x3dbl_1", 448, 1), ("branch3x3dbl_2", 384, 3), fork("branch3x3dbl_3a", "branch3x3dbl_3b")]
    return Mixed(inputs, [[("branch1x1", 320, 1)], once, twice], pool, 192)


class InceptionV3(nn.Module):
    """Takes N×3×299×299 floats in [0, 255], RGB (Szegedy et al. 2016; the graph that Salimans et al. 2016 scored with).

    `features` are the 2048 numbers of FID (Heusel et al. 2017), `logits` the 1008 of the Inception score. In train mode
    a picture's features depend on its batch: `pretrained` and `folded` give it in eval mode.
    """

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = ConvBN(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = ConvBN(32, 32, 3, padded=False)
        self.Conv2d_2b_3x3 = ConvBN(32, 64, 3)
        self.Conv2d_3b_1x1 = ConvBN(64, 80, 1)
        self.Conv2d_4a_3x3 = ConvBN(80, 192, 3, padded=False)
        self.Mixed_5b = block_a(192, 32)
        self.Mixed_5c = block_a(256, 64)
        self.Mixed_5d = block_a(288, 64)
        self.Mixed_6a = block_b(288)
        self.Mixed_6b = block_c(768, 128)
        self.Mixed_6c = block_c(768, 160)
        self.Mixed_6d = block_c(768, 160)
        self.Mixed_6e = block_c(768, 192)
        self.Mixed_7a = block_d(768)
        self.Mixed_7b = block_e(1280, average)
        self.Mixed_7c = block_e(2048, largest)  # by maximum: an oddity of that graph, kept because the scores have it
        self.fc = nn.Linear(2048, 1008)

    def features(self, x: Tensor) -> Tensor:
        """N×3×299×299 in [0, 255] → N×2048 float32: the mean over the last 8×8 maps."""
        x = ((x - 128) / 128).to(self.Conv2d_1a_3x3.conv.weight.dtype)  # −1 … 0.992, as in the graph
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(halved(x)))
        x = self.Mixed_6a(self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(halved(x)))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(x))))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        return x.float().mean((2, 3))

    def logits(self, features: Tensor) -> Tensor:
        """N×2048 → N×1008 without the bias: the score's code multiplied by the matrix of that graph and no more."""
        return features @ self.fc.weight.T

    def forward(self, x: Tensor) -> Tensor:
        """N×3×299×299 in [0, 255] → N×1008 logits."""
        return self.logits(self.features(x))

    def folded(self, dtype: torch.dtype = torch.float32) -> "InceptionV3":
        """A frozen copy for reading features fast: each BatchNorm folded into its convolution, channels last.

        The same function up to the rounding of `dtype`. It has no state dict to exchange.
        """
        net = copy.deepcopy(self).eval()
        for part in net.modules():
            if isinstance(part, ConvBN) and isinstance(part.bn, nn.BatchNorm2d):  # in double: rounded once
                part.conv, part.bn = fuse_conv_bn_eval(part.conv.double(), part.bn.double()), nn.Identity()
        for part in net.modules():
            if isinstance(part, Mixed) and part.pool is average:
                # A mean and a 1×1 convolution may change places, and so fewer channels are averaged.
                part.pool = nn.Identity()
                part.branch_pool.bn = nn.AvgPool2d(3, 1, 1, count_include_pad=False)
        net = net.to(dtype).to(memory_format=torch.channels_last)
        net.fc = copy.deepcopy(self.fc)  # reads float32 features: no reason to round it
        return net.requires_grad_(False)


def pretrained(weights: Path | None = None, say: Callable[[str], None] = print) -> InceptionV3:
    """The network with the published weights, frozen: from a file, else from the cache, else downloaded into it.

    `weights` is the published .pth under any name. The cache keeps a copy without pickle, whose name carries its own
    digest. Raises `Corrupt` for any other file, `BadInput` where there is none to be had (offline: within two seconds).
    """
    if weights is not None and not weights.is_file():
        raise BadInput(f"no file {printable(weights)}; {_advice(weights)}")
    folder = cache_folder() / "inception"
    if weights is None and (state := _kept(folder)):
        return _frozen(state)
    path = weights or folder / FILE
    if not path.is_file():  # where it is, nothing is locked or written: the cache may be another's, and read-only
        download(URLS, path, SHA256, say=say, advice=_advice(path))
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise Corrupt(f"{printable(path)} is not {FILE}: its SHA-256 is not {SHA256}; fetch it again")
    # A pickle, and with VGG19's the only ones ganvas opens: read by torch's loader of plain tensors, and only once its
    # digest is the known one.
    state = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
    state = {name: tensor.contiguous() for name, tensor in state.items()}
    net = _frozen(state)
    if weights is None:
        with contextlib.suppress(Storage, OSError):
            _keep(folder, state)
    return net


def _advice(place: Path) -> str:
    return (
        f"put {FILE} (95,628,359 bytes, SHA-256 {SHA256}, from {URLS[0]}) at {printable(place)}, or name it with "
        "--weights; fd-digits/v1 and fd-shapes/v1 need no download"
    )


def _frozen(state: dict[str, Tensor]) -> InceptionV3:
    with torch.device("meta"):  # no time is lost on first weights that nobody wants
        net = InceptionV3()
    net.load_state_dict(state, assign=True)
    return net.eval().requires_grad_(False)


def _keep(folder: Path, state: dict[str, Tensor]) -> None:
    """Without pickle, under the digest of what was written, of what it was made from in the header."""
    folder.mkdir(parents=True, exist_ok=True)
    data = save(state, {"ganvas": json.dumps({"of": SHA256})})
    write_atomic(folder / f"{hashlib.sha256(data).hexdigest()}.safetensors", data)


def _kept(folder: Path) -> dict[str, Tensor] | None:
    """What `_keep` wrote, or None; a damaged copy is removed."""
    for path in sorted(folder.glob("*.safetensors")):
        if sha256(path) == path.stem:
            with safe_open(path, "pt") as file:
                if json.loads((file.metadata() or {}).get("ganvas", "{}")).get("of") == SHA256:
                    return load_file(path)
        with contextlib.suppress(OSError):
            path.unlink()
    return None
