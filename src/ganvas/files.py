"""The only place that writes, locks and downloads files, so that every promise about them is kept once."""

import contextlib
import errno
import hashlib
import http.client
import json
import os
import queue
import secrets
import shutil
import socket
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from ganvas.errors import BadInput, Busy, Corrupt, Storage

Name = str | os.PathLike
TEMPORARY = ".tmp-"  # how every unfinished file and folder of ours begins: safe to remove when no run holds the folder

_NEXT_STEP = {
    errno.EACCES: "choose a folder you may write to",
    errno.EPERM: "choose a folder you may write to",
    errno.EROFS: "choose a folder you may write to",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOENT: "create the folder, or mount it again",
    errno.ENOTDIR: "choose another folder: part of this path is a file",
}


def printable(name: Name | bytes) -> str:
    """A file name as it may be shown: what a terminal could obey, hide or reverse is written as an escape.

    Control characters, line breaks, bidirectional marks and undecodable bytes become `\\x1b`-like escapes; letters
    of any script and emoji stay.
    """
    text = os.fsdecode(name)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


@contextlib.contextmanager
def storage_errors(path: Name, needed: int = 0) -> Iterator[None]:
    """Turns an `OSError` of the block into a `Storage` naming `path`; on a full disk also the free and needed bytes."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        step = _NEXT_STEP.get(error.errno, "check the disk, then run the same command again")
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            room = f"{needed:,} bytes needed" if needed else "out of room"
            with contextlib.suppress(OSError):
                room = f"{shutil.disk_usage(_existing(Path(path))).free:,} bytes free, {room}"
            reason, step = f"{reason} ({room})", "free some space, then run the same command again"
        raise Storage(f"cannot write {printable(path)}: {reason}; {step}") from error


def _existing(path: Path) -> Path:
    return next((p for p in (path, *path.parents) if p.exists()), Path("/"))


def fsync_dir(path: Name) -> None:
    """Makes the names inside folder `path` durable: a rename is not, until its folder is synced."""
    with storage_errors(path):
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def replacing(path: Name, needed: int = 0) -> Iterator[BinaryIO]:
    """A binary file that becomes `path` when the block ends well, and never existed when it does not.

    Written beside its destination (a rename across file systems is a copy, which tears), synced, renamed, and the
    folder synced. Raises `Storage`; after an error or a kill `path` is what it was, or whole and new.
    """
    path = Path(path)
    # The temporary name does not grow with the final one, or a 255-byte name could not be written.
    temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
    with storage_errors(path, needed):
        # 0o666 is cut by the umask, as for any file; tempfile's 0600 would hide a run from its owner's group.
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
    fsync_dir(path.parent)


def write_atomic(path: Name, data: bytes | str) -> None:
    """Writes `data` (text as UTF-8) to `path`: at any moment, after any crash, the file is the old one or the new one.

    Raises `Storage` with the reason in words; the old file is then untouched and nothing is left behind.
    """
    data = data.encode() if isinstance(data, str) else data
    with replacing(path, needed=len(data)) as file:
        file.write(data)


def sha256(path: Name) -> str:
    """The SHA-256 of a file in hexadecimal. Raises `OSError` where the file cannot be read."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def lock(folder: Name) -> Iterator[None]:
    """Holds `folder` (made if missing) for this process. Raises `Busy`, naming who holds it, and `Storage`.

    The lock belongs to the kernel, so it goes when the process dies, however it dies; `.owner.json` beside it only
    says who it is.
    """
    folder = Path(folder)
    owner = folder / ".owner.json"
    held = FileLock(folder / ".lock")
    with storage_errors(folder):
        try:
            held.acquire(timeout=0)
        except Timeout as error:
            raise Busy(f"{printable(folder)} is in use by {_owner(owner)}; wait for it or stop it") from error
    try:
        me = {"pid": os.getpid(), "host": socket.gethostname(), "started": time.strftime("%Y-%m-%d %H:%M:%S %z")}
        write_atomic(owner, json.dumps(me))
        yield
    finally:
        with contextlib.suppress(OSError):  # the folder may be gone; the lock must still be given back
            owner.unlink(missing_ok=True)
        held.release()


def _owner(path: Path) -> str:
    try:
        owner = json.loads(path.read_text())
        return f"process {int(owner['pid'])} on {printable(owner['host'])} since {printable(owner['started'])}"
    except (OSError, ValueError, TypeError, KeyError):  # the holder is between taking the lock and signing it
        return "another process"


def cache_folder() -> Path:
    """Where downloads and decoded images are kept: the user's cache folder, not created yet."""
    return user_cache_path("ganvas")


@contextlib.contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal for anything slower than a second; yields `advance(k)`, to be called from one thread."""
    if not sys.stderr.isatty():
        yield lambda k: None
        return
    from rich.console import Console
    from rich.progress import Progress

    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        bar = Progress(console=Console(stderr=True), transient=True)
        task = bar.add_task(what, total=total)

        def advance(k: int) -> None:
            bar.advance(task, k)
            if not bar.live.is_started and time.monotonic() - started > 1:
                stack.enter_context(bar)

        yield advance


def download(
    urls: Sequence[str], path: Name, sha256: str, *,
    say: Callable[[str], None] = print, timeout: float = 10, advice: str = "",
) -> None:  # fmt: skip
    """Fetches the file with this digest, or one that begins so, from the first mirror that has it. http and https only.

    What arrived before a failure waits in `path` + ".part" and is continued, by any mirror and by the next call. A
    mirror that stalls for `timeout` seconds, breaks off or serves other content is left for the next one; content with
    a wrong digest is never kept. Raises `BadInput`, ending in `advice`, when no mirror serves it (offline: within two
    seconds), `Storage` when the disk refuses, `Corrupt` when `path` is already there and is another file.
    """
    path = Path(path)
    if any(urllib.parse.urlsplit(url).scheme not in ("http", "https") for url in urls):
        raise BadInput(f"{path.name}: a download address begins with http:// or https://")
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        waiting = FileLock(f"{path}.lock")  # two processes appending to one .part would spoil it for both
        waiting.acquire()
    try:
        if path.exists():
            if not _digest(path).startswith(sha256):
                raise Corrupt(f"{printable(path)} has not the published SHA-256; delete it and run again")
            return
        trouble = "no mirror answers; is this machine offline?"
        for url in _answering(urls):
            say(f"downloading {url}")
            try:
                _fetch(url, path, sha256, timeout)
                return
            except (OSError, http.client.HTTPException, ValueError) as error:
                trouble = f"{urllib.parse.urlsplit(url).hostname}: {error}"
                say(f"{trouble}")
        advice = advice or f"fetch it by hand from {urls[0]} and put it at {path}"
        raise BadInput(f"cannot download {path.name} ({trouble}); {advice}")
    finally:
        waiting.release()


_digest = sha256  # `download` has a parameter of that name


def _answering(urls: Sequence[str], seconds: float = 1.5) -> list[str]:
    """The mirrors whose host, or proxy, takes a connection. All are asked at once: being offline must not take long."""
    answers: queue.SimpleQueue[str] = queue.SimpleQueue()
    proxies = urllib.request.getproxies()

    def knock(url: str) -> None:
        with contextlib.suppress(Exception):  # an address that cannot be asked does not answer
            parts = urllib.parse.urlsplit(url)
            if parts.scheme in proxies and not urllib.request.proxy_bypass(parts.hostname):
                parts = urllib.parse.urlsplit("//" + proxies[parts.scheme].split("//")[-1])
            port = parts.port or (443 if parts.scheme == "https" else 80)
            socket.create_connection((parts.hostname, port), seconds).close()
            answers.put(url)
            return
        answers.put("")

    for url in urls:
        threading.Thread(target=knock, args=(url,), daemon=True).start()  # a name look-up cannot be given a time limit
    deadline, up = time.monotonic() + seconds, set()
    with contextlib.suppress(queue.Empty):
        for _ in urls:
            up.add(answers.get(timeout=max(0.0, deadline - time.monotonic())))
    return [url for url in urls if url in up]


def _fetch(url: str, path: Path, digest: str, timeout: float) -> None:
    part = path.with_name(path.name + ".part")
    begun = part.stat().st_size if part.exists() else 0
    for start in (begun, 0) if begun else (0,):  # a part that turns out wrong is dropped, and this mirror asked again
        _receive(url, part, start, timeout)
        if _digest(part).startswith(digest):
            with storage_errors(path):
                with part.open("rb") as file:
                    os.fsync(file.fileno())
                part.replace(path)
            return fsync_dir(path.parent)
        part.unlink()
    raise ValueError("it serves something else (wrong SHA-256)")


def _receive(url: str, part: Path, start: int, timeout: float) -> None:
    """Appends to `part` from byte `start` on; raises `OSError` or `HTTPException` when it does not arrive whole."""
    opener = urllib.request.OpenerDirector()  # the default one would follow a redirect to ftp: as well
    for handler in ("Proxy", "HTTP", "HTTPS", "HTTPRedirect", "HTTPDefaultError", "Unknown"):
        opener.add_handler(getattr(urllib.request, f"{handler}Handler")())
    opener.add_handler(urllib.request.HTTPErrorProcessor())
    headers = {"User-Agent": "ganvas", **({"Range": f"bytes={start}-"} if start else {})}
    try:
        response = opener.open(urllib.request.Request(url, headers=headers), timeout=timeout)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416:  # nothing after `start`: the part is whole, or wrong, which its digest will tell
                return
            raise OSError(f"HTTP {error.code} {error.reason}") from None
    with response:
        if response.status != 206 or not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            start = 0  # it ignored the range and sends everything
        length = response.headers.get("Content-Length")
        missing = int(length) if length else None
        mark, received = time.monotonic(), 0
        with storage_errors(part):
            file = part.open("ab")
            file.truncate(start)
        with progress(part.stem, missing) as advance, file:
            while chunk := response.read1(1 << 16):
                with storage_errors(part, missing or 0):  # a full disk is not the mirror's fault
                    file.write(chunk)
                    file.flush()
                advance(len(chunk))
                received += len(chunk)
                missing = None if missing is None else missing - len(chunk)
                if (waited := time.monotonic() - mark) > timeout:  # a trickle never trips the socket's own time limit
                    if received < 1024 * waited:
                        raise TimeoutError("stalled")
                    mark, received = time.monotonic(), 0
        if missing:
            raise OSError(f"broke off {missing:,} bytes before the end")
