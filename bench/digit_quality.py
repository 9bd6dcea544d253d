"""How good are generated digits? One row each: class entropy, mean confidence, Fréchet distance and its floor.

    python bench/digit_quality.py SNAPSHOT_OR_RUN_OR_NPY… [-n 10000] [--against FOLDER_WITH_MNIST_IDX] [--controls]

The reference is MNIST's 10,000 test images, which neither the classifier nor a generator has seen, or, without that
folder, the package's own 5,000 digits, which both have. Rows are comparable only at equal extractor, reference and n.
`--controls` adds rows whose answers are known. Each row is appended to bench/results/digit_quality.jsonl.
"""

import argparse
import json
import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from train_digits import mnist

import ganvas
from ganvas.data.builtin import digits
from ganvas.errors import BadInput, GanvasError
from ganvas.measure.classes import class_entropy, mean_confidence
from ganvas.measure.frechet import Moments, floor, frechet, moments
from ganvas.nets.features import NAME, SHA256, DigitClassifier, digit_classifier

RESULTS = Path(__file__).with_name("results") / "digit_quality.jsonl"


@torch.inference_mode()
def look(net: DigitClassifier, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """N×1×28×28 uint8 → features N×128 and probabilities N×10."""
    if images.shape[1:] != (1, 28, 28) or images.dtype != np.uint8:
        raise BadInput(f"{NAME} looks at N×1×28×28 uint8, not at {images.dtype} of {images.shape}")
    batches = (torch.tensor(images[i : i + 500]) for i in range(0, len(images), 500))
    features = torch.cat([net.features(batch.float() / 255) for batch in batches])
    return features.numpy(), net.last(features).softmax(1).numpy()


def digit_quality(images: np.ndarray, real: Moments, net: DigitClassifier) -> dict[str, float]:
    """The scores of N×1×28×28 uint8 images against the moments of real ones."""
    features, probabilities = look(net, images)
    return {
        "entropy": class_entropy(probabilities, 10),
        "confidence": mean_confidence(probabilities),
        "distance": frechet(moments(features), real),
        "floor": floor(real.cov, len(images), real.n),
        "n": len(images),
    }


def pictures(path: Path, n: int, seed: int) -> np.ndarray:
    """`n` pictures of a generator, or the first `n` of an .npy file of N×28×28 or N×1×28×28 uint8."""
    if path.suffix != ".npy":
        return np.asarray(ganvas.load(path).sample(n, seed=seed))
    images = np.load(path, allow_pickle=False)[:n]
    return images[:, None] if images.ndim == 3 else images


def controls(images: np.ndarray, labels: np.ndarray, n: int, seed: int) -> Iterator[tuple[str, np.ndarray]]:
    """Sets made of real digits other than the reference, from "as good as it gets" to "nothing at all"."""
    rng = np.random.default_rng(seed)
    real = images[rng.permutation(len(images))[:n]]
    yield "real, others", real
    padded = np.pad(real.astype(np.float32), ((0, 0), (0, 0), (1, 1), (1, 1)))
    blurred = sum(padded[:, :, i : i + 28, j : j + 28] for i in range(3) for j in range(3)) / 9
    yield "real, blurred 3×3", np.rint(blurred).astype(np.uint8)
    noisy = real + rng.normal(0, 0.2 * 255, real.shape)
    yield "real, noise σ .2", np.rint(noisy.clip(0, 255)).astype(np.uint8)
    yield "real, no nines", images[labels != 9][:n]
    yield "real, threes only", images[labels == 3][:n]
    yield "one digit, repeated", np.repeat(real[:1], n, 0)
    yield "uniform noise", rng.integers(0, 256, real.shape, np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("-n", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--controls", action="store_true", help="needs --against: they are made of its training images")
    args = parser.parse_args()
    if args.controls and not args.against:
        parser.error("--controls needs --against")
    net = digit_classifier()
    if args.against:
        reference, images = "MNIST test", mnist(args.against, "t10k")[0]
    else:
        reference, images = "digits", digits().images
    real = moments(look(net, images)[0])
    card = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}",
        "extractor": NAME,
        "digest": SHA256,
        "reference": reference,
        "n_real": real.n,
        "seed": args.seed,
    }
    rows = ((path.name, pictures(path, args.n, args.seed)) for path in args.paths)
    if args.controls:
        rows = chain(rows, controls(*mnist(args.against, "train"), args.n, args.seed))
    print(f"{NAME}, sha256 {SHA256}, against {real.n:,} of {reference}, seed {args.seed}")
    print(f"{'':24} {'distance':>9} {'floor':>7} {'entropy':>8} {'confidence':>11} {'n':>7}")
    RESULTS.parent.mkdir(exist_ok=True)
    for what, images in rows:
        q = digit_quality(images, real, net)
        print(
            f"{what:24} {q['distance']:9.2f} {q['floor']:7.2f} {q['entropy']:8.4f} {q['confidence']:11.4f} {q['n']:7,}",
            flush=True,
        )
        with RESULTS.open("a") as file:
            file.write(json.dumps({**card, "what": what, **q}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    try:
        main()
    except (GanvasError, OSError) as error:
        raise SystemExit(str(error)) from None
