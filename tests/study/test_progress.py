"""The live line."""

import io

import pytest
from rich.console import Console

from ganvas.study.progress import ProgressLine, clock, in_short


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (65, "1:05"), (3725, "1:02:05"), (59.6, "1:00")])
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_in_short_says_what_the_loss_allows():
    means = {
        "D/loss": 0.612,
        "G/loss": 1.2,
        "D/real": 2.0,
        "D/fake": -1.0,
        "D/accuracy": 0.81,
        "D/p_real": 0.74,
        "D/p_fake": 0.25,
    }
    assert in_short(means) == "D 0.61 · G 1.20 · told apart 81% · D(x) 0.74 · D(G(z)) 0.25"
    relative = {k: v for k, v in means.items() if not k.startswith("D/p_")}
    assert "logits +2.00 -1.00" in in_short(relative) and "D(x)" not in in_short(relative)
    assert in_short({"G/loss": 0.5}) == "G 0.50", "a game of one player"


def shown(terminal: bool, quiet: bool = False) -> str:
    out = io.StringIO()
    line = ProgressLine(1000, 0, quiet, Console(file=out, force_terminal=terminal, width=150))
    with line:
        line.say("a [b] sentence")
        for k in range(1, 11):
            line.update(100 * k, 0.5 * k, {"G/loss": 1.0})
    return out.getvalue()


def test_speed_and_time_left_on_a_terminal():
    text = shown(terminal=True)
    assert "1,000/1,000 images · 200/s · 0:00 left · G 1.00" in text and "a [b] sentence" in text


def test_plain_lines_elsewhere_and_silence_when_asked():
    text = shown(terminal=False)
    assert text.count("images") == 1 and "1,000/1,000" in text and "\x1b" not in text
    assert shown(terminal=False, quiet=True) == shown(terminal=True, quiet=True) == ""


def test_time_left_is_of_the_present_phase_at_its_own_speed():
    """A run's encoder sees ten times as many pictures a second as its last stage: its speed says nothing of the end."""
    line, told = ProgressLine(1100, 0, quiet=True, phases=[1000, 100]), []
    line.bar.update = lambda *_, description, **__: told.append(description)
    for images, seconds in [(500, 5.0), (1000, 10.0), (1010, 11.0), (1050, 15.0), (1100, 20.0)]:
        line.update(images, seconds, {})
    assert told == [
        "500/1,100 images · 100/s · 0:05 left in phase 1 of 2",
        "1,000/1,100 images",  # nothing is known of the second phase yet
        "1,010/1,100 images · 10/s · 0:09 left in phase 2 of 2",
        "1,050/1,100 images · 10/s · 0:05 left in phase 2 of 2",
        "1,100/1,100 images · 10/s · 0:00 left in phase 2 of 2",
    ]
