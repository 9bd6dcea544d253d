"""VGG19's weights from a server: once, by the digest in their name, and a clear line where there is no network."""

import functools
import http.server
import threading

import pytest
import torch

from ganvas.errors import BadInput
from ganvas.files import sha256
from ganvas.nets import vgg


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A small VGG19 as a .pth in a folder that a server shows, and the cache beside it. Asking again is counted."""
    asked, folder = [], tmp_path / "web"
    folder.mkdir()
    monkeypatch.setitem(vgg.MAPS, "vgg54", (2, 2))
    state = vgg.VGG19(2, 2).state_dict() | {"classifier.0.weight": torch.ones(3)}
    torch.save(state, folder / "made.pth")
    monkeypatch.setattr(vgg, "FILE", f"vgg19-{sha256(folder / 'made.pth')[:8]}.pth")
    (folder / "made.pth").rename(folder / vgg.FILE)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(vgg, "URLS", (f"http://127.0.0.1:{server.server_port}/{vgg.FILE}",))
    monkeypatch.setattr(vgg, "cache_folder", lambda: tmp_path / "cache")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield folder / vgg.FILE, state, asked
    server.shutdown()
    server.server_close()


def test_the_convolutions_are_kept_and_nothing_is_asked_for_twice(served):
    _, state, asked = served
    path = vgg.downloaded(lambda line: None)
    net = vgg.pretrained(path, "vgg54", vgg.digest_of(path))
    assert all(torch.equal(mine, state[key]) for key, mine in net.state_dict().items())
    assert path.suffix == ".safetensors" and [p.name for p in path.parent.glob("*.pth")] == [], "the pickle goes again"
    assert "classifier.0.weight" not in vgg._read(path, None)
    before = len(asked)
    assert vgg.downloaded() == path and len(asked) == before


def test_another_file_of_that_name_is_refused(served):
    file, *_ = served
    file.write_bytes(file.read_bytes() + b"more")
    with pytest.raises(BadInput, match="wrong SHA-256"):
        vgg.downloaded(lambda line: None)
    assert not list((file.parents[1] / "cache").rglob("*.safetensors"))


def test_without_a_network_it_says_where_to_put_the_file(served, monkeypatch):
    file, *_ = served
    monkeypatch.setattr(vgg, "URLS", ("http://127.0.0.1:9/" + vgg.FILE,))
    with pytest.raises(BadInput, match=r"offline.*put it at .*vgg19-.*\.pth"):
        vgg.downloaded(lambda line: None)
    place = file.parents[1] / "cache" / "vgg19" / vgg.FILE
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(file.read_bytes())
    assert vgg.downloaded(lambda line: None).exists(), "brought by hand"
