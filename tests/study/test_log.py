"""Reading a log back: torn lines, rewinds, phases, and numbers that are none."""

import json
import math

import numpy as np
import pytest

from ganvas.errors import BadInput
from ganvas.study.log import elapsed, judges, mean, players, read_log, series, settle, tail


def write(path, *lines):
    path.write_text("".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines))
    return path


def test_rows_come_back_and_a_torn_last_line_does_not(tmp_path):
    rows = [{"images": 10, "phase": 0, "D/loss": 1.5}, {"images": 20, "phase": 0, "D/loss": 1.25}]
    assert read_log(write(tmp_path / "log.jsonl", *rows, '{"images": 30, "D/lo')) == rows
    assert read_log(write(tmp_path / "log.jsonl", *rows)) == rows


@pytest.mark.parametrize(
    "junk", ["[1]\n", "7\n", "\n", "\x00\x00\n", '{"phase": 0}\n', '{"images": "ten"}\n', "[" * 10**5 + "\n"]
)
def test_lines_that_are_no_rows_are_skipped(tmp_path, junk):
    good = {"images": 10, "D/loss": 1.0}
    assert read_log(write(tmp_path / "log.jsonl", junk, good)) == [good]


def test_bytes_that_are_no_text_are_skipped(tmp_path):
    (tmp_path / "log.jsonl").write_bytes(b'\xff\xfe\x00\n{"images": 10}\n')
    assert read_log(tmp_path / "log.jsonl") == [{"images": 10}]


def test_no_log_is_an_empty_log_and_a_folder_is_an_error(tmp_path):
    assert read_log(tmp_path / "log.jsonl") == []
    with pytest.raises(BadInput, match="cannot be read"):
        read_log(tmp_path)


def test_what_was_told_twice_counts_once_and_the_later_telling_wins():
    first = [{"images": i, "D/loss": 1.0} for i in (10, 20, 30)]
    again = [{"images": i, "D/loss": 2.0} for i in (20, 30, 40)]
    settled = settle(first + again)
    assert [row["images"] for row in settled] == [10, 20, 30, 40]
    assert [row["D/loss"] for row in settled] == [1.0, 2.0, 2.0, 2.0]


def test_phases_that_count_for_themselves_are_put_end_to_end():
    own = [{"images": i, "phase": p} for p, i in ((0, 10), (0, 20), (1, 10), (1, 20), (2, 5))]
    total = [{"images": i, "phase": p} for p, i in ((0, 10), (0, 20), (1, 30), (1, 40), (2, 45))]
    assert settle(own) == total
    assert settle(total) == total, "rows counted over all phases stay as they are"
    assert own[2]["images"] == 10, "the rows given are left alone"


def test_series_holds_nan_for_whatever_is_no_finite_number():
    rows = [{"a": 1}, {"a": float("nan")}, {"a": None}, {}, {"a": "x"}, {"a": float("inf")}, {"a": 10**400}, {"a": 2.5}]
    values = series(rows, "a")
    assert values.dtype == np.float64
    assert np.array_equal(values, [1, *[math.nan] * 6, 2.5], equal_nan=True)
    assert mean(rows, "a") == 1.75
    assert math.isnan(mean(rows, "b"))


def test_seconds_of_several_processes_add_up():
    assert elapsed([{"seconds": s} for s in (1, 5, 9)]) == 9
    assert elapsed([{"seconds": s} for s in (1, 5, 2, 4, 1)]) == 5 + 4 + 1
    assert elapsed([{}, {"seconds": None}]) == 0


def test_who_plays_and_who_judges():
    rows = [{"G/loss": 1, "D_A/loss": 1, "lr": 1}, {"critic/loss": 1, "critic/accuracy": 0.5}]
    assert players(rows) == ["D_A", "G", "critic"]
    assert judges(rows) == ["D_A", "critic"]


@pytest.mark.parametrize(("n", "length"), [(0, 0), (1, 1), (4, 4), (50, 5), (200, 20)])
def test_the_tail_is_a_tenth_but_five_at_least(n, length):
    rows = [{"images": i} for i in range(n)]
    assert tail(rows) == rows[n - length :]
