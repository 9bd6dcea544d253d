"""Atomic writes under injected failures, and the lock between processes."""

import errno
import json
import os
import resource
import socket
import subprocess
import sys
import time

import pytest

from ganvas import files
from ganvas.errors import Busy, Storage


def names(folder):
    return sorted(path.name for path in folder.iterdir())


OLD, NEW = b"old", b"new content " * 1000


# ---- atomic writes ------------------------------------------------------------------------------------------------


def test_write_makes_and_replaces(tmp_path):
    path = tmp_path / "a.json"
    files.write_atomic(path, "grüße")
    assert path.read_text("utf-8") == "grüße"
    files.write_atomic(path, NEW)
    assert path.read_bytes() == NEW
    assert names(tmp_path) == ["a.json"]


def test_mode_follows_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        files.write_atomic(tmp_path / "a", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


_fdopen = os.fdopen


class _Full:
    """A file on a disk that takes nothing."""

    def __init__(self, handle, mode):
        self.file = _fdopen(handle, mode)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _fails(*_, **__):
    raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("call", ["open", "fdopen", "fsync", "replace"])
def test_a_failing_call_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, call):
    path = tmp_path / "a"
    path.write_bytes(OLD)
    with monkeypatch.context() as patch:
        patch.setattr(os, call, _Full if call == "fdopen" else _fails)
        with pytest.raises(Storage) as caught:
            files.write_atomic(path, NEW)
    assert path.read_bytes() == OLD
    assert names(tmp_path) == ["a"]
    message = str(caught.value)
    assert "\n" not in message and str(path) in message
    if call == "fdopen":
        assert "bytes free" in message and f"{len(NEW):,} bytes needed" in message and "free some space" in message
    else:
        assert os.strerror(errno.EIO) in message


def test_a_naive_writer_would_fail_the_test_above(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(OLD)
    with pytest.raises(OSError), path.open("wb") as file:
        file.write(NEW[:10])
        _fails()
    assert path.read_bytes() != OLD


def test_a_write_is_not_acknowledged_when_the_folder_cannot_be_synced(tmp_path, monkeypatch):
    real, synced = os.fsync, []

    def fsync(handle):
        synced.append(handle)
        return real(handle) if len(synced) == 1 else _fails()

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(Storage):
        files.write_atomic(tmp_path / "a", NEW)
    assert (tmp_path / "a").read_bytes() == NEW  # whole, though not promised


def test_file_and_folder_are_synced_in_the_right_order(tmp_path, monkeypatch):
    calls = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, real=real, name=name: (calls.append(name), real(*a))[1])
    files.write_atomic(tmp_path / "a", NEW)
    assert calls == ["fsync", "replace", "fsync"]


def test_a_real_limit_of_the_system(tmp_path):
    """A child whose files may not grow beyond 100 kB: the error is the kernel's, not ours."""
    path = tmp_path / "a"
    path.write_bytes(OLD)
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "from ganvas import files, errors\n"
        "try: files.write_atomic(sys.argv[1], bytes(200_000))\n"
        "except errors.Storage as error: print(error); sys.exit(4)"
    )
    child = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert child.returncode == 4, child.stderr
    assert "200,000 bytes needed" in child.stdout
    assert path.read_bytes() == OLD and names(tmp_path) == ["a"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY  # the limit was the child's


def test_long_names(tmp_path):
    files.write_atomic(tmp_path / ("n" * 255), b"x")  # the temporary file's name must not be longer
    with pytest.raises(Storage, match="shorter name"):
        files.write_atomic(tmp_path / ("n" * 256), b"x")
    assert names(tmp_path) == ["n" * 255]


def test_missing_and_wrong_folders(tmp_path):
    (tmp_path / "file").touch()
    for path, step in ((tmp_path / "gone/a", "create the folder"), (tmp_path / "file/a", "choose another")):
        with pytest.raises(Storage, match=step):
            files.write_atomic(path, b"x")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody without rights here")
def test_no_permission(tmp_path):
    code = (
        "import os, sys; from ganvas import files, errors; os.setuid(65534)\n"
        "for write in (files.write_atomic, lambda path, _: files.lock(path).__enter__()):\n"
        "    try: write(sys.argv[1] + '/a', b'x')\n"
        "    except errors.Storage as error: print(error)"
    )
    child = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True)
    lines = child.stdout.splitlines()
    assert len(lines) == 2 and all("choose a folder you may write to" in line for line in lines), child.stderr
    assert names(tmp_path) == []


def test_an_interrupt_leaves_nothing_behind(tmp_path):
    with pytest.raises(KeyboardInterrupt), files.replacing(tmp_path / "a") as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert names(tmp_path) == []


def test_names_are_shown_harmless():
    assert files.printable("grün 😀") == "grün 😀"
    assert files.printable("a\x1b[31m\n\u202eb") == r"a\x1b[31m\n\u202eb"
    assert files.printable(b"\xff.png") == r"\udcff.png"


# ---- the lock -----------------------------------------------------------------------------------------------------

HOLD = (
    "import sys, time\nfrom ganvas.files import lock\nwith lock(sys.argv[1]): print('held', flush=True); time.sleep(60)"
)


@pytest.fixture
def holder(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "held\n"
    yield child
    child.kill()
    child.wait()
    child.stdout.close()


def test_a_second_process_is_refused_and_told_who(tmp_path, holder):
    begun = time.monotonic()
    with pytest.raises(Busy) as caught, files.lock(tmp_path):
        raise AssertionError("entered a held folder")
    assert time.monotonic() - begun < 2
    assert f"process {holder.pid} on {socket.gethostname()}" in str(caught.value)
    assert "\n" not in str(caught.value) and caught.value.code == 3


def test_death_releases_the_lock(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert (tmp_path / ".owner.json").exists()  # it could not tidy up, and that does not matter
    with files.lock(tmp_path):
        assert json.loads((tmp_path / ".owner.json").read_text())["pid"] == os.getpid()


def test_a_forked_worker_does_not_keep_the_lock_of_a_dead_run(tmp_path):
    # the worker speaks, not its parent: by then it has been through what the lock does in a forked process
    speak = "worker = os.fork(); worker or print(os.getpid(), flush=True); worker or time.sleep(60); 0 and print("
    code = HOLD.replace("print(", speak).replace("sys,", "os, sys,")
    child = subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True)
    worker = int(child.stdout.readline().split()[0])
    try:
        child.kill()
        child.wait()
        with files.lock(tmp_path):
            os.kill(worker, 0)  # it lives
    finally:
        os.kill(worker, 9)
        child.stdout.close()


def test_the_lock_is_given_back(tmp_path):
    for _ in range(2):
        with files.lock(tmp_path), pytest.raises(Busy), files.lock(tmp_path):
            pass
    with pytest.raises(ValueError), files.lock(tmp_path):
        raise ValueError
    with files.lock(tmp_path):
        (tmp_path / ".owner.json").write_text("not json")
        with pytest.raises(Busy, match="another process"), files.lock(tmp_path):
            pass
    assert not (tmp_path / ".owner.json").exists()
