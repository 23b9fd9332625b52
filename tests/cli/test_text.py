"""How sizes, times, tables and progress look."""

import io
import time

import pytest
from rich.console import Console

from artifacts.cli import _text
from artifacts.cli._progress import Bar


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (9949, "9.9 kB"), (9950, "10 kB"),
     (999_499, "999 kB"), (999_500, "1.0 MB"), (12_345_678, "12 MB"), (4_400_000_000, "4.4 GB"),
     (10**21, "1000 EB")],
)  # fmt: skip
def test_size(count, text):
    assert _text.size(count) == text


def test_count():
    assert _text.count(1, "file") == "1 file"
    assert _text.count(0, "file") == "0 files"
    assert _text.count(1234, "entry", "entries") == "1,234 entries"


@pytest.mark.parametrize(
    ("seconds", "age", "ago"),
    [(0, "now", "just now"), (59, "now", "just now"), (60, "1 min", "1 min ago"),
     (3599, "59 min", "59 min ago"), (3600, "1 h", "1 h ago"), (86399, "23 h", "23 h ago"),
     (86400, "1 day", "1 day ago"), (59 * 86400, "59 days", "59 days ago"),
     (60 * 86400, "2025-11-02", "on 2025-11-02")],
)  # fmt: skip
def test_age(monkeypatch, seconds, age, ago):
    now = 1_767_265_200  # 2026-01-01 11:00 UTC
    monkeypatch.setattr(time, "time", lambda: now)
    at = (now - seconds) * 1_000_000
    assert _text.age(at) == age
    assert _text.ago(at) == ago


def test_moment(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1_767_265_200)
    assert _text.moment(1_767_261_600_000_000) == "2026-01-01 10:00 UTC (1 h ago)"
    assert _text.moment(1_700_000_000_000_000) == "2023-11-14 22:13 UTC"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (12.4, "12 s"), (59.7, "1 min 0 s"), (303, "5 min 3 s"),
     (7500, "2 h 5 min")],
)  # fmt: skip
def test_duration(seconds, text):
    assert _text.duration(int(seconds * 1e6)) == text


def test_printable():
    assert _text.printable("plain ünïcödé 日本 ✓") == "plain ünïcödé 日本 ✓"
    assert _text.printable("a\x1b[31m\r\n\x07\x9b\u202e\udcff") == (
        "a\\x1b[31m\\r\\n\\x07\\x9b\\u202e\\udcff"
    )


def test_layout():
    rows = [["name", "n", "x"], ["日本", "10", "y"], ["é", "5", ""]]
    assert _text.layout(rows, right={1}) == ["name   n  x", "日本  10  y", "é      5"]
    assert _text.layout([]) == []


@pytest.mark.parametrize("width", [200, 60, 40, 30])
def test_layout_fits_a_terminal(width):
    rows = [["short", "a" * 50, "b" * 30], ["s", "a", "b"]]
    lines = _text.layout(rows, width=width)
    assert max(map(len, lines)) <= width
    assert lines[1].startswith("s      a")
    assert ("…" in lines[0]) == (width < 89)


def test_layout_cuts_the_widest_first():
    assert _text.layout([["x" * 30, "y" * 12]], width=30) == ["x" * 15 + "…  " + "y" * 12]
    assert _text.layout([["日本語日本語日本語"]], width=9) == ["日本語日…"]


class Screen:
    def __init__(self):
        self.text = io.StringIO()
        self.console = Console(file=self.text, force_terminal=True, width=80)


def drawn(bar):
    """Draw a bar now, as the timer would later, and return what is seen."""
    bar._show()
    bar._drawn.refresh()


def test_bar_shows_bytes_and_files():
    screen = Screen()
    with Bar("pushing", console=screen.console, delay=1000) as bar:
        assert bar.amounts() == "looking for files"
        bar.start(1200, 5_000_000)
        bar.advance(300, 1_250_000)
        drawn(bar)
    assert "pushing" in screen.text.getvalue()
    assert "1.2 MB of 5.0 MB, 300 of 1,200 files" in screen.text.getvalue()


def test_bar_shows_rate_and_time_left(monkeypatch):
    screen = Screen()
    clock = iter(range(1000))
    screen.console.get_time = lambda: float(next(clock))
    with Bar("pulling", console=screen.console, delay=1000) as bar:
        bar.start(4, 4_000_000)
        drawn(bar)
        for _ in range(3):
            bar.advance(1, 1_000_000)
            bar._drawn.refresh()
    shown = screen.text.getvalue()
    assert "B/s" in shown
    assert "00:" in shown


def test_bar_of_what_is_quick_is_never_drawn():
    screen = Screen()
    with Bar("pushing", console=screen.console, delay=1000) as bar:
        bar.start(1, 1)
        bar.advance(1, 1)
    bar._show()  # the timer, too late
    assert screen.text.getvalue() == ""


def test_bar_appears_by_itself():
    screen = Screen()
    with Bar("pushing", console=screen.console, delay=0) as bar:
        bar._timer.join()
        assert bar._drawn is not None
    assert "looking for files" in screen.text.getvalue()
