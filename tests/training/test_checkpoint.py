"""Checkpoints: complete or not there, verified, never silently wrong; and run folders."""

import errno
import json
import os
import shutil

import pytest
import torch

from ganvas import files
from ganvas.errors import Corrupt, Storage
from ganvas.training import checkpoint
from ganvas.training.checkpoint import latest, load_checkpoint, save_checkpoint
from ganvas.training.run import RunFolder


def state(seed: int) -> dict:
    g = torch.Generator().manual_seed(seed)
    return {
        "images": seed,
        "players": {"G": {"w": torch.randn(4, 3, 2, 2, generator=g), "n": torch.tensor(seed), "lr": 0.1 + seed}},
        "list": [1, 2.5, None, True, {"deep": torch.arange(seed + 3)}],
        "empty": {},
    }


def equal(a, b) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b) and a.dtype == b.dtype
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b and type(a) is type(b)


def test_round_trip(tmp_path):
    assert equal(load_checkpoint(save_checkpoint(tmp_path, 7, state(7))), state(7))
    assert not equal(load_checkpoint(save_checkpoint(tmp_path, 7, state(7))), state(8)), "negative control"


def test_shared_and_strided_tensors(tmp_path):
    t = torch.randn(8, 3, 4, 4).to(memory_format=torch.channels_last)
    loaded = load_checkpoint(save_checkpoint(tmp_path, 1, {"a": t, "b": t, "c": t[::2]}))
    assert all(torch.equal(loaded[k], v) for k, v in {"a": t, "b": t, "c": t[::2]}.items())


def test_the_last_two_are_kept_in_order_of_images(tmp_path):
    for images in (9, 10, 100):
        place = save_checkpoint(tmp_path, images, state(images))
        os.utime(place, (1, 1))  # a file system's clock must not matter
    assert sorted(int(p.name) for p in tmp_path.iterdir()) == [10, 100]
    assert latest(tmp_path)[0]["images"] == 100


def test_nothing_there_is_no_error(tmp_path):
    assert latest(tmp_path / "none") == (None, [])


DAMAGE = {
    "empty": lambda data: b"",
    "first byte only": lambda data: data[:1],
    "half": lambda data: data[: len(data) // 2],
    "one byte short": lambda data: data[:-1],
    "one bit": lambda data: data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :],
    "a zeroed page": lambda data: b"\0" * min(len(data), 4096) + data[4096:],
    "appended": lambda data: data + b"x",
}


@pytest.mark.parametrize("name", ["tensors.safetensors", "state.json", "manifest.json"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_is_used(tmp_path, name, damage):
    save_checkpoint(tmp_path, 1, state(1))
    bad = save_checkpoint(tmp_path, 2, state(2))
    data = (bad / name).read_bytes()
    (bad / name).write_bytes(DAMAGE[damage](data))
    loaded, said = latest(tmp_path)
    if name == "manifest.json" and damage in ("one bit", "appended") and not said:
        assert equal(loaded, state(2)), "a manifest that still says the same is no damage"
        return
    assert equal(loaded, state(1)) and "quarantine" in said[0]
    assert (tmp_path / "quarantine" / bad.name / name).exists(), "never deleted"


def test_every_single_byte_counts(tmp_path):
    """Detect or equal, for a flip in each byte of a small checkpoint."""
    place = save_checkpoint(tmp_path, 1, {"w": torch.arange(6.0), "lr": 0.1})
    for file in sorted(place.iterdir()):
        data = file.read_bytes()
        for at in range(len(data)):
            file.write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
            try:
                assert equal(load_checkpoint(place), {"w": torch.arange(6.0), "lr": 0.1})
            except Corrupt:
                continue
        file.write_bytes(data)
    load_checkpoint(place)


def test_files_of_two_moments_and_missing_files_are_caught(tmp_path):
    one, two = save_checkpoint(tmp_path, 1, state(1)), save_checkpoint(tmp_path, 2, state(2))
    shutil.copy(one / "tensors.safetensors", two / "tensors.safetensors")
    with pytest.raises(Corrupt, match="SHA-256"):
        load_checkpoint(two)
    (one / "state.json").unlink()
    with pytest.raises(Corrupt, match="incomplete"):
        load_checkpoint(one)
    shutil.rmtree(two)
    one.rename(tmp_path / "000000000005")
    with pytest.raises(Corrupt, match=r"another moment|incomplete"):
        load_checkpoint(tmp_path / "000000000005")


def test_when_none_is_good_training_does_not_silently_start_over(tmp_path):
    (save_checkpoint(tmp_path, 1, state(1)) / "manifest.json").unlink()
    with pytest.raises(Corrupt, match="no good checkpoint"):
        latest(tmp_path)


def test_a_newer_format_is_refused_and_left_alone(tmp_path):
    place = save_checkpoint(tmp_path, 1, state(1))
    manifest = json.loads((place / "manifest.json").read_text()) | {"format": 99}
    (place / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(Corrupt, match="newer ganvas"):
        latest(tmp_path)
    assert place.exists()


class Died(BaseException):
    """The process is gone: no `except Exception`, no clean-up of ours may count on running."""


CALLS = ["fsync", "replace", "rename", "mkdir"]


@pytest.mark.parametrize("call", CALLS)
def test_a_crash_at_any_call_leaves_the_old_or_the_new(tmp_path, call, monkeypatch):
    """Dies before the nth such call, for every n: what loads afterwards is exactly one of the two moments."""
    real, outcomes = getattr(os, call), set()
    for n in range(1, 40):
        folder = tmp_path / f"{call}{n}"
        save_checkpoint(folder, 1, state(1))
        count = 0

        def die(*arguments, real=real, n=n, **options):
            nonlocal count
            count += 1
            if count == n:
                raise Died
            return real(*arguments, **options)

        with monkeypatch.context() as patch:
            patch.setattr(os, call, die)
            patch.setattr(shutil, "rmtree", lambda *a, **k: None)  # a dead process cleans nothing up
            try:
                save_checkpoint(folder, 2, state(2))
                finished = True
            except Died:
                finished = False
        loaded, said = latest(folder)
        assert not said and (equal(loaded, state(1)) or equal(loaded, state(2)))
        outcomes.add(loaded["images"])
        RunFolder(folder.parent, {}).tidy()
        assert not list(folder.glob(f"{files.TEMPORARY}*")), "leftovers are removed at the next start"
        if finished:
            assert n > 1 and equal(loaded, state(2))
            break
    else:
        raise AssertionError("never reached the end")
    assert 1 in outcomes or call == "mkdir"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_refuses_is_an_error_and_the_old_one_stays(tmp_path, code, monkeypatch):
    save_checkpoint(tmp_path, 1, state(1))

    def refuse(*_):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(Storage):
            save_checkpoint(tmp_path, 2, state(2))
    assert equal(latest(tmp_path)[0], state(1))
    assert [p.name for p in tmp_path.iterdir()] == ["000000000001"]


def test_a_checkpoint_that_reads_back_wrong_costs_nothing_older(tmp_path, monkeypatch):
    save_checkpoint(tmp_path, 1, state(1))
    save_checkpoint(tmp_path, 2, state(2))
    real = files.write_atomic

    def lying_disk(path, data):
        real(path, data[:-1] + b"?" if path.name == "tensors.safetensors" else data)

    monkeypatch.setattr(files, "write_atomic", lying_disk)
    monkeypatch.setattr(files, "sha256", lambda path: "1" * 64)
    with pytest.raises(Corrupt):
        save_checkpoint(tmp_path, 3, state(3))
    monkeypatch.undo()
    assert equal(latest(tmp_path)[0], state(2))


def test_a_checkpoint_of_another_run_is_not_taken(tmp_path):
    place = save_checkpoint(tmp_path, 1, state(1), run="this")
    assert equal(load_checkpoint(place, "this"), state(1)) and equal(load_checkpoint(place), state(1))
    with pytest.raises(Corrupt, match="another run"):
        latest(tmp_path, "that")


def test_looking_into_another_runs_folder_touches_nothing(tmp_path):
    save_checkpoint(tmp_path, 1, state(1))
    bad = save_checkpoint(tmp_path, 2, state(2))
    (bad / "state.json").write_text("{}")
    assert equal(latest(tmp_path, tidy=False)[0], state(1))
    assert bad.exists() and not (tmp_path / "quarantine").exists()


def test_saving_a_moment_again_leaves_a_good_one_and_replaces_a_bad_one(tmp_path):
    place = save_checkpoint(tmp_path, 1, state(1))
    before = place.stat().st_ino
    assert save_checkpoint(tmp_path, 1, state(1)).stat().st_ino == before
    (place / "state.json").write_text("{}")
    save_checkpoint(tmp_path, 1, state(1))
    assert equal(load_checkpoint(place), state(1)) and (tmp_path / "quarantine" / place.name).exists()


def test_an_empty_shelf_beside_a_full_quarantine_is_no_fresh_start(tmp_path):
    (save_checkpoint(tmp_path, 1, state(1)) / "manifest.json").unlink()
    for _ in range(2):
        with pytest.raises(Corrupt, match="no good checkpoint"):
            latest(tmp_path)


def test_only_json_and_tensors_can_be_stored(tmp_path):
    with pytest.raises(AssertionError, match="cannot be stored"):
        save_checkpoint(tmp_path, 1, {"bad": object()})
    assert checkpoint.KEEP == 2
