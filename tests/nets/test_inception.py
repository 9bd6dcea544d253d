"""The Inception of FID: the references' network to the digit, folded without a trace, and its file trusted by digest only.

The published weights are not here. Its architecture is held by what torch-fidelity 0.4.0 answers for the same random
weights (`bench/parity/inception.py` compares more), its loading by a file of random weights on a server of our own.
"""

import copy
import errno
import hashlib
import http.server
import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ganvas.errors import BadInput, Corrupt, Storage
from ganvas.nets import inception
from ganvas.nets.inception import InceptionV3, pretrained
from ganvas.study.resizing import tf1_bilinear

sys.path.append(str(Path(__file__).parents[2] / "bench" / "parity"))
from weights import random_state

# What torch-fidelity says of PICTURE: features 0, 333 …, logits without bias 0, 150 …
PICTURE = np.random.default_rng(5).integers(0, 256, (3, 40, 52), np.uint8)
FEATURES = [0.612379, 0.0166863, 0.468746, 3.54676, 0.0, 4.36783, 0.0106238]
LOGITS = [0.759084, 2.87863, 1.76416, -5.68519, 1.1719, 0.320289, 1.35571]


@pytest.fixture(scope="module")
def net():
    net = InceptionV3().eval().requires_grad_(False)
    net.load_state_dict(random_state(net.state_dict()))
    return net


@pytest.fixture(scope="module")
def x():
    return torch.from_numpy(np.random.default_rng(1).uniform(0, 255, (2, 3, 299, 299)).astype(np.float32))


@pytest.fixture(scope="module")
def folded(net):
    return net.folded()


@torch.no_grad()
def told(net, resize=tf1_bilinear):
    """What it says of PICTURE at the places above."""
    found = net.features(resize(torch.from_numpy(PICTURE)[None].float(), 299, 299))
    return found[0, ::333].numpy(), net.logits(found)[0, ::150].numpy()


def test_names_and_shapes_are_the_published_files(net):
    names = "\n".join(f"{name} {tuple(tensor.shape)}" for name, tensor in sorted(net.state_dict().items()))
    digest = hashlib.sha256(names.encode()).hexdigest()
    assert digest == "760681d791cb624e1bf7a2e802a68933dd17aa5e3109fcf498d9dfa521bc10d7"  # torch-fidelity's own
    assert sum(p.numel() for p in net.parameters()) == 23_850_960


def test_answers_as_torch_fidelity(net):
    seen, logits = told(net)
    np.testing.assert_allclose(seen, FEATURES, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(logits, LOGITS, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("broken", ["average in the last block", "padding counts", "epsilon", "resize"])
def test_negative_controls_of_the_architecture(net, broken):
    """Each way in which torchvision's network or resize differs would be seen."""
    net, resize = copy.deepcopy(net), tf1_bilinear
    if broken == "average in the last block":
        net.Mixed_7c.pool = inception.average
    elif broken == "padding counts":
        for block in net.children():
            if getattr(block, "pool", None) is inception.average:
                block.pool = lambda x: F.avg_pool2d(x, 3, 1, 1)
    elif broken == "resize":
        resize = lambda x, h, w: F.interpolate(x, (h, w), mode="bilinear", align_corners=False)  # noqa: E731
    else:
        for part in net.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.eps = 1e-5
    assert np.abs(told(net, resize)[0] - FEATURES).max() > 1e-3 * max(FEATURES)


def test_folding_changes_nothing_but_rounding(net, folded, x):
    plain, fast = net.features(x), folded.features(x)
    assert plain.shape == (2, 2048) and plain.mean() > 0.1
    assert (fast - plain).abs().max() < 1e-5 * plain.max()
    assert not any(isinstance(part, nn.BatchNorm2d) for part in folded.modules())
    assert any(isinstance(part, nn.BatchNorm2d) for part in net.modules()), "the original is left as it was"


def test_bf16_is_near_and_not_equal(net, x):
    plain, rounded = net.features(x), net.folded(torch.bfloat16).features(x)
    assert rounded.dtype == torch.float32
    assert 1e-4 < (rounded - plain).norm() / plain.norm() < 2e-2


def test_logits_are_without_the_bias(net):
    seen = torch.rand(3, 2048, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(net.logits(seen) + net.fc.bias, net.fc(seen))
    assert net.fc.bias.abs().max() > 0.1


def test_a_file_without_batchnorms_counters_is_read(net):
    """Such files were written before torch 0.4.1, and the published one may be of them."""
    state = {name: t for name, t in net.state_dict().items() if not name.endswith("num_batches_tracked")}
    assert_same(inception._frozen(state), net)
    with pytest.raises(RuntimeError, match=r"fc\.bias"):
        inception._frozen({name: t for name, t in state.items() if name != "fc.bias"})


class Small(nn.Module):
    """In the place of the network: its file is handled alike, only sooner."""

    def __init__(self):
        super().__init__()
        self.stem, self.fc = inception.ConvBN(3, 4, 3), nn.Linear(4, 5)


@pytest.fixture
def net_of_file():
    torch.manual_seed(0)
    return Small().eval().requires_grad_(False)


@pytest.fixture
def published(net_of_file, tmp_path):
    """A file like the published one: torch's zip of tensors."""
    path = tmp_path / "web" / "weights.pth"
    path.parent.mkdir()
    torch.save(net_of_file.state_dict(), path)
    return path


@pytest.fixture
def known(published, monkeypatch, tmp_path):
    """That file's digest is the published one, and the cache is empty."""
    monkeypatch.setattr(inception, "SHA256", hashlib.sha256(published.read_bytes()).hexdigest())
    monkeypatch.setattr(inception, "InceptionV3", Small)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "cache" / "ganvas" / "inception"


@pytest.fixture
def web(published, monkeypatch):
    """A server of that folder; its log of what was asked."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(published.parent))

        def do_GET(self):
            asked.append(self.path)
            super().do_GET()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(inception, "URLS", (f"{address}/none.pth", f"{address}/weights.pth"))
    yield asked
    server.shutdown()
    server.server_close()
    thread.join()


def test_downloaded_once_then_read_without_pickle(net_of_file, known, web, monkeypatch):
    said = []
    assert_same(pretrained(say=said.append), net_of_file)
    assert web == ["/none.pth", "/weights.pth"] and any("downloading" in line for line in said)
    (known / inception.FILE).unlink()
    monkeypatch.setattr(torch, "load", pytest.fail)
    assert_same(pretrained(say=pytest.fail), net_of_file)
    assert len(web) == 2


def test_a_damaged_copy_is_made_again(net_of_file, known, web):
    pretrained(say=lambda line: None)
    (copy,) = known.glob("*.safetensors")
    content = bytearray(copy.read_bytes())
    content[-1] ^= 1
    copy.write_bytes(content)
    assert_same(pretrained(say=pytest.fail), net_of_file)  # from the .pth, which is still there
    assert [hashlib.sha256(p.read_bytes()).hexdigest() for p in known.glob("*.safetensors")] == [copy.stem]


def test_a_given_file_is_read_when_its_digest_is_right(net_of_file, known, published, tmp_path):
    assert_same(pretrained(published), net_of_file)
    assert not known.exists(), "the user's file is enough"
    damaged = bytearray(published.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "damaged.pth").write_bytes(damaged)
    for wrong in (tmp_path / "damaged.pth", Path(__file__)):
        with pytest.raises(Corrupt, match="SHA-256") as caught:
            pretrained(wrong)
        assert "\n" not in str(caught.value) and str(wrong) in str(caught.value)


def test_what_is_not_the_published_file_is_never_unpickled(known, tmp_path, monkeypatch):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("code of the file ran",))

    torch.save({"fc.bias": Bomb()}, tmp_path / "bomb.pth")
    monkeypatch.setattr(torch, "load", pytest.fail)
    with pytest.raises(Corrupt):
        pretrained(tmp_path / "bomb.pth")


@pytest.fixture
def read_only(monkeypatch):
    """Makes a folder refuse every change, as a read-only file system does, to root too; says what was tried."""

    def seal(folder: Path) -> list[str]:
        tried = []

        def refusing(name, writes):
            real = getattr(os, name)

            def call(path, *args, **kwargs):
                if Path(os.fsdecode(path)).is_relative_to(folder) and writes(*args, **kwargs):
                    tried.append(f"{name} {path}")
                    raise OSError(errno.EROFS, "Read-only file system", str(path))
                return real(path, *args, **kwargs)

            monkeypatch.setattr(os, name, call)

        for name in ("mkdir", "unlink", "rename", "replace", "utime"):
            refusing(name, lambda *args, **kwargs: True)
        refusing("open", lambda flags, *args, **kwargs: flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        return tried

    return seal


@pytest.mark.parametrize("there", ["published", "damaged copy", "copy"])
def test_a_read_only_cache_that_holds_the_weights_is_enough(
    there, net_of_file, known, published, read_only, monkeypatch
):
    monkeypatch.setattr(inception, "URLS", ("http://127.0.0.1:9/a",))
    known.mkdir(parents=True)
    (known / inception.FILE).write_bytes(published.read_bytes())
    if there != "published":
        pretrained(say=pytest.fail)
        (copy,) = known.glob("*.safetensors")
        if there == "copy":
            (known / inception.FILE).unlink()
        else:
            copy.write_bytes(copy.read_bytes()[:-1] + b"?")
    tried = read_only(known.parent)
    with pytest.raises(OSError):
        (known / "x").mkdir()
    with pytest.raises(OSError):
        os.open(known / "x", os.O_CREAT | os.O_WRONLY)
    del tried[:]  # the control: it does refuse
    assert_same(pretrained(say=pytest.fail), net_of_file)
    assert not any(".lock" in path for path in tried), "nobody waits for a lock that cannot be had"
    if there == "copy":
        assert not tried


def test_an_empty_read_only_cache_is_said_in_one_line(known, read_only, monkeypatch):
    monkeypatch.setattr(inception, "URLS", ("http://127.0.0.1:9/a",))
    known.parent.mkdir(parents=True)
    read_only(known.parent)
    with pytest.raises(Storage, match="choose a folder you may write to") as caught:
        pretrained(say=pytest.fail)
    assert "\n" not in str(caught.value)


def test_offline_says_what_to_do_and_soon(known, monkeypatch, tmp_path):
    monkeypatch.setattr(inception, "URLS", ("http://127.0.0.1:9/a", "http://name.invalid/a"))
    begun = time.monotonic()
    with pytest.raises(BadInput) as caught:
        pretrained(say=pytest.fail)
    assert time.monotonic() - begun < 2
    message = str(caught.value)
    for part in (str(known / inception.FILE), inception.SHA256[:8], "--weights", "fd-digits/v1", "fd-shapes/v1"):
        assert part in message
    assert "\n" not in message
    with pytest.raises(BadInput, match="no file"):
        pretrained(tmp_path / "none.pth")


def test_the_published_digest_is_written_in_full():
    assert len(inception.SHA256) == 64 and inception.FILE.endswith(f"-{inception.SHA256[:8]}.pth")
    assert all(url.startswith("https://") and url.endswith(f"-{inception.SHA256[:8]}.pth") for url in inception.URLS)


def assert_same(a, b):
    assert not a.training and not any(p.requires_grad for p in a.parameters())
    for name, tensor in b.state_dict().items():
        assert torch.equal(a.state_dict()[name], tensor), name
