"""Downloads from servers that misbehave in every way we know."""

import errno
import hashlib
import http.server
import os
import socket
import threading
import time

import pytest

from ganvas import files
from ganvas.errors import BadInput, Corrupt, Storage

BODY = bytes(range(256)) * 800
DIGEST = hashlib.sha256(BODY).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    asked: list[tuple[str, str | None]]


class Handler(http.server.BaseHTTPRequestHandler):
    """The path says how to misbehave."""

    def do_GET(self):
        kind, given = self.path.strip("/"), self.headers.get("Range")
        self.server.asked.append((kind, given))
        start = int(given.removeprefix("bytes=").removesuffix("-")) if given and kind != "norange" else 0
        if kind == "missing":
            return self.send_error(404)
        if kind == "ftp":
            return self._head(302, Location="ftp://127.0.0.1/file")
        if start >= len(BODY):
            return self._head(416)
        body = b"lies" * (len(BODY) // 4) if kind == "lies" else BODY
        length = {} if kind == "nolength" else {"Content-Length": len(body) - start}
        span = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"} if start else {}
        self._head(206 if start else 200, **length, **span)
        body = body[start:]
        if kind in ("truncates", "nolength"):
            body = body[: len(body) // 2]
        elif kind in ("stalls", "trickles"):
            body = body[:1000]
        self.wfile.write(body)
        if kind == "stalls":
            self.server.stop.wait(10)
        while kind == "trickles" and not self.server.stop.wait(0.05):
            self.wfile.write(b"x")

    def _head(self, status, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def server():
    server = Server(("127.0.0.1", 0), Handler)
    server.asked, server.stop = [], threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.stop.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def fetch(server, tmp_path):
    """Downloads from mirrors of these kinds, in this order; returns what was said."""

    def run(*kinds, timeout=5.0):
        said = []
        urls = [f"http://127.0.0.1:{server.server_port}/{kind}" for kind in kinds]
        files.download(urls, tmp_path / "in" / "file.bin", DIGEST, say=said.append, timeout=timeout)
        assert (tmp_path / "in" / "file.bin").read_bytes() == BODY
        left = {path.name for path in (tmp_path / "in").iterdir()}
        assert "file.bin" in left <= {"file.bin", "file.bin.lock"}
        return said

    return run


def test_download(fetch, server):
    fetch("good")
    fetch("good")  # it is there: not asked for again
    assert server.asked == [("good", None)]


@pytest.mark.parametrize("kind", ["missing", "lies", "nolength", "ftp"])
def test_the_next_mirror_is_tried(fetch, server, kind):
    said = fetch(kind, "good")
    assert server.asked == [(kind, None), ("good", None)]  # nothing of the first was kept
    assert len(said) == 3 and not any("\n" in line for line in said)


def test_what_arrived_is_continued_by_the_next_mirror(fetch, server):
    fetch("truncates", "good")
    assert server.asked == [("truncates", None), ("good", f"bytes={len(BODY) // 2}-")]


@pytest.mark.parametrize("kind", ["stalls", "trickles"])
def test_a_mirror_that_stalls_is_left(fetch, server, kind):
    begun = time.monotonic()
    fetch(kind, "good", timeout=0.3)
    assert time.monotonic() - begun < 5
    assert server.asked[1][0] == "good" and server.asked[1][1] >= "bytes=1000-"  # what came is kept


def test_a_server_that_ignores_the_range_sends_everything(fetch, server, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/file.bin.part").write_bytes(BODY[:5000])
    fetch("norange")
    assert server.asked == [("norange", "bytes=5000-")]


@pytest.mark.parametrize("part", [b"wrong" * 100, BODY, BODY + b"more"], ids=["wrong", "whole", "longer"])
def test_any_old_part_ends_in_the_right_file(fetch, tmp_path, part):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/file.bin.part").write_bytes(part)
    fetch("good")


def test_when_no_mirror_serves_it(fetch, tmp_path):
    with pytest.raises(BadInput) as caught:
        fetch("missing", "lies")
    message = str(caught.value)
    assert "wrong SHA-256" in message and str(tmp_path / "in" / "file.bin") in message and "\n" not in message
    assert not list((tmp_path / "in").glob("file.bin")) + list((tmp_path / "in").glob("*.part"))


def test_offline_fails_soon_and_says_where_to_put_the_file(tmp_path):
    with socket.socket() as silent:  # full backlog: connections are neither taken nor refused
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        port = silent.getsockname()[1]
        crowd = [socket.socket() for _ in range(4)]
        for one in crowd:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        begun = time.monotonic()
        urls = [f"http://127.0.0.1:{port}/a", "http://name.invalid/a", "http://127.0.0.1:9/a"]
        with pytest.raises(BadInput, match="offline") as caught:
            files.download(urls, tmp_path / "file.bin", DIGEST, say=pytest.fail)
        assert time.monotonic() - begun < 2
        assert str(tmp_path / "file.bin") in str(caught.value)
        for one in crowd:
            one.close()


def test_only_the_web_is_asked(tmp_path):
    (tmp_path / "secret").write_bytes(BODY)
    for url in (f"file://{tmp_path}/secret", "ftp://127.0.0.1/a", str(tmp_path / "secret")):
        with pytest.raises(BadInput, match="http"):
            files.download([url], tmp_path / "file.bin", DIGEST)


def test_another_file_in_its_place_is_not_overwritten(fetch, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/file.bin").write_bytes(b"mine")
    with pytest.raises(Corrupt, match="SHA-256"):
        fetch("good")
    assert (tmp_path / "in/file.bin").read_bytes() == b"mine"


class Full:
    """A file on a disk that takes nothing."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def truncate(self, size):
        pass

    def write(self, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_not_the_mirrors_fault(fetch, server, monkeypatch):
    real = files.Path.open
    monkeypatch.setattr(files.Path, "open", lambda path, mode="r": Full() if mode == "ab" else real(path, mode))
    with pytest.raises(Storage, match="bytes free"):
        fetch("good", "good")
    assert len(server.asked) == 1
