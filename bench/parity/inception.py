"""Our Inception features against torch-fidelity's, pytorch-fid's and clean-fid's, on real pictures.

    make parity IMAGES=FOLDER                                              builds the environment, runs this and scores.py
    python bench/parity/inception.py --images FOLDER… [--crops 3] [--count 2000]

One and the same random state dict is loaded, strictly, into the references' networks and into ours: the published
weights are not needed to tell two architectures apart. Every picture goes through each whole path, from its own size.
--crops K takes K crops of each picture, at places drawn by seed, where a folder holds fewer than wanted.
What is finished stands in .parity/inception.json: the same command goes on where it was interrupted.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from references import clean, of_pytorch_fid, of_torch_fidelity, tf1
from table import Row, report, versions
from torch import Tensor
from weights import random_state

from ganvas import files
from ganvas.data.images import SUFFIXES, read_image
from ganvas.data.pixels import with_channels, with_depth
from ganvas.nets.inception import InceptionV3
from ganvas.study.extractors import from_inception
from ganvas.study.resizing import pillow_bicubic, tf1_bilinear

PROGRESS = Path(__file__).parents[2] / ".parity" / "inception.json"


def pictures(folders: Sequence[Path], crops: int) -> Iterator[np.ndarray]:
    """3×H×W uint8 each, folder by folder in order of their names."""
    rng = np.random.default_rng(0)
    for path in sorted(p for folder in folders for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES):
        image = with_channels(with_depth(read_image(path), np.uint8), 3)
        if not crops:
            yield image
        for _ in range(crops):
            h, w = (int(rng.integers(min(64, side), side + 1)) for side in image.shape[1:])
            top, left = (int(rng.integers(have - want + 1)) for have, want in zip(image.shape[1:], (h, w), strict=True))
            yield np.ascontiguousarray(image[:, top : top + h, left : left + w])


class Apart:
    """How far two streams of N×d arrays are from each other: the largest difference over the largest value."""

    def __init__(self, what: str, tolerance: float, scale: float | None = None, control: bool = False):
        self.what, self.tolerance, self.control, self.scale = what, tolerance, control, scale
        self.sums, self.worst, self.largest, self.n = np.zeros(2), 0.0, 0.0, 0

    def add(self, ours: Tensor | np.ndarray, reference: Tensor | np.ndarray) -> None:
        a, b = (np.asarray(x, np.float64) for x in (ours, reference))
        if a.shape != b.shape:
            raise SystemExit(f"{self.what}: shapes {a.shape} and {b.shape}")
        self.sums += abs(a).sum(), abs(b).sum()
        self.n += a.size
        self.worst, self.largest = max(self.worst, abs(a - b).max()), max(self.largest, abs(b).max())

    def state(self) -> list[float]:
        return [*map(float, self.sums), float(self.worst), float(self.largest), self.n]

    def resume(self, state: Sequence[float]) -> None:
        self.sums, self.worst, self.largest, self.n = np.array(state[:2]), *state[2:]

    def row(self) -> Row:
        worst = self.worst / (self.scale or self.largest)
        return Row(self.what, *self.sums / self.n, worst, self.tolerance, self.control)


def keep(asked: dict[str, Any], n: int, apart: dict[str, Apart]) -> None:
    PROGRESS.parent.mkdir(exist_ok=True)
    states = {name: a.state() for name, a in apart.items()}
    files.write_atomic(PROGRESS, json.dumps({"asked": asked, "n": n, "apart": states}))


def kept(asked: dict[str, Any], apart: dict[str, Apart]) -> int:
    """How many pictures an interrupted run of the same question had finished; its differences go into `apart`."""
    try:
        record = json.loads(PROGRESS.read_text())
    except (OSError, ValueError):
        return 0
    if record["asked"] != asked or record["apart"].keys() != apart.keys():
        return 0
    for name, state in record["apart"].items():
        apart[name].resume(state)
    return record["n"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", metavar="FOLDER", type=Path, nargs="+", required=True)
    parser.add_argument("--count", metavar="N", type=int, default=2000)
    parser.add_argument("--crops", metavar="K", type=int, default=0)
    parser.add_argument("--batch", metavar="N", type=int, default=16)
    args = parser.parse_args()

    net = InceptionV3().eval().requires_grad_(False)
    state = random_state(net.state_dict())
    net.load_state_dict(state)
    legacy, cleaned = from_inception(net, "random"), from_inception(net, "random", clean=True)
    rounded = from_inception(net, "random", precision="bf16")
    fidelity = of_torch_fidelity(state)
    fid, fid_as_it_comes = of_pytorch_fid(state, resize_input=False, normalize_input=False), of_pytorch_fid(state)

    apart = {
        "tf1": Apart("TF-1 resize, ours | torch-fidelity (of 255)", 1e-5, scale=255),
        "legacy": Apart("inception pool3 | torch-fidelity, mean |x|", 1e-4),
        "logits": Apart("inception logits | torch-fidelity", 1e-4),
        "p": Apart("inception probabilities | torch-fidelity", 1e-4),
        "bicubic": Apart("bicubic resize, ours | clean-fid (of 255)", 1e-5, scale=255),
        "clean": Apart("inception-clean pool3 | pytorch-fid's network, clean-fid's resize", 1e-4),
        "net": Apart("network alone, not folded | pytorch-fid", 1e-6),
        "bf16": Apart("inception@bf16 pool3 | torch-fidelity", 5e-2),
        "wrong": Apart("inception pool3 | pytorch-fid as it comes (resizes otherwise)", 1e-4, control=True),
        "crossed": Apart("inception-clean pool3 | torch-fidelity", 1e-4, control=True),
    }
    about = {"images": args.count, "crops": args.crops, "folders": [folder.name for folder in args.images]}
    about |= {"versions": versions("torch", "torch-fidelity", "pytorch-fid", "clean-fid", "pillow")}
    asked = about | {"paths": list(map(str, args.images)), "batch": args.batch}
    n, done, batch = 0, kept(asked, apart), []
    if done:
        print(f"going on after {done} pictures")

    @torch.inference_mode()
    def compare(images: list[np.ndarray]) -> None:
        tensors = [torch.from_numpy(image)[None] for image in images]
        theirs = [fidelity(x) for x in tensors]
        pool3, logits = (torch.cat([t[k] for t in theirs]) for k in (0, 1))
        for image, x in zip(images, tensors, strict=True):
            apart["tf1"].add(tf1_bilinear(x.float(), 299, 299), tf1(x.float()))
            apart["bicubic"].add(pillow_bicubic(image, 299, 299), clean(x[0]))
        seen, p = legacy(images)
        apart["legacy"].add(seen, pool3)
        apart["p"].add(p, logits.double().softmax(1))
        apart["logits"].add(net.logits(torch.from_numpy(seen)), logits)
        resized = torch.stack([clean(x[0]) for x in tensors])
        in_clean_fid = fid((resized - 128) / 128)[0].flatten(1)
        mine, _ = cleaned(images)
        apart["clean"].add(mine, in_clean_fid)
        apart["crossed"].add(mine, pool3)
        apart["net"].add(net.features(resized), in_clean_fid)
        apart["bf16"].add(rounded(images)[0], pool3)
        apart["wrong"].add(seen, torch.cat([fid_as_it_comes(x / 255)[0].flatten(1) for x in tensors]))

    for image in pictures(args.images, args.crops):
        n += 1
        if n > done:
            batch.append(image)
        if batch and (len(batch) == args.batch or n == args.count):
            compare(batch)
            batch = []
            keep(asked, n, apart)
            print(f"\r{n} pictures", end="", flush=True)
        if n == args.count:
            break
    if batch:
        compare(batch)
    print()
    status = report("inception", [a.row() for a in apart.values()], about | {"images": n})
    PROGRESS.unlink(missing_ok=True)
    return status


if __name__ == "__main__":
    raise SystemExit(main())
