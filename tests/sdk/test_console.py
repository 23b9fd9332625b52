"""What a program prints is kept with its run, and printed as always."""

import io
import logging
import os
import subprocess
import sys
import threading
import warnings
from contextlib import redirect_stdout
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import artifacts
from artifacts import _session
from artifacts.runs.completing import recover
from artifacts.runs.console import Console
from artifacts.runs.output_log import OutputLog


def stored(run_id="r"):
    return artifacts.Api(project="demo").run(run_id)


def logged(run_id="r"):
    """The log of a run as the store has it."""
    return stored(run_id).file("output.log")._entry.open().read().decode()


def names(run_id="r"):
    return [file.name for file in stored(run_id).files()]


def start(**options):
    return artifacts.init(project="demo", id="r", **options)


def test_what_is_printed_is_kept_and_printed(capsys):
    with start():
        print("to the user")
        print("a warning", file=sys.stderr)
    assert logged() == "to the user\na warning\n"
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("to the user\n", "a warning\n")


def test_only_while_the_run_is_active():
    print("before")
    with start():
        print("during")
    print("after")
    assert logged() == "during\n"


def test_streams_are_as_before():
    before = [(stream, vars(stream).get("write")) for stream in (sys.stdout, sys.stderr)]
    with start():
        assert [sys.stdout, sys.stderr] == [stream for stream, _ in before]
        assert "write" in vars(sys.stdout)
    assert [(s, vars(s).get("write")) for s in (sys.stdout, sys.stderr)] == before


def test_a_run_that_prints_nothing_has_no_files():
    with start() as run:
        run.log({"a": 1})
    assert names() == []


def test_it_can_be_turned_off(monkeypatch):
    monkeypatch.setenv("ART_CONSOLE", "off")
    with start():
        print("unheard")
        assert "write" not in vars(sys.stdout)
    assert names() == []
    monkeypatch.setenv("ART_CONSOLE", "loud")
    with pytest.raises(artifacts.ConfigError, match="console must be"):
        artifacts.init(project="demo", id="s")


def test_a_logger_made_before_is_heard():
    handler = logging.StreamHandler(sys.stderr)
    logger = logging.getLogger("somebody")
    logger.addHandler(handler)
    try:
        with start():
            logger.warning("from a handler")
    finally:
        logger.removeHandler(handler)
    assert logged() == "from a handler\n"


def test_a_stream_that_takes_the_place_is_not_heard():
    other = io.StringIO()
    with start():
        print("first")
        with redirect_stdout(other):
            print("elsewhere")
        print("last")
    assert logged() == "first\nlast\n"
    assert other.getvalue() == "elsewhere\n"


def test_somebody_who_takes_the_place_of_write_keeps_it(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    seen = []
    with start():
        print("one")
        passed_on = stream.write

        def write(text):
            seen.append(text)
            return passed_on(text)

        monkeypatch.setattr(stream, "write", write)
        print("two")
    print("three")
    assert logged() == "one\ntwo\n"
    assert "".join(seen) == "two\nthree\n"
    assert stream.getvalue() == "one\ntwo\nthree\n"


def test_no_streams(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    with start() as run:
        run.write_logs("still here")
    assert logged() == "still here\n"


class Fixed:
    """A stream whose methods cannot be replaced."""

    __slots__ = ("text",)

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text
        return len(text)

    def flush(self):
        pass


def test_a_stream_that_cannot_be_heard(monkeypatch):
    stream = Fixed()
    monkeypatch.setattr(sys, "stdout", stream)
    with start():
        print("out")
        print("err", file=sys.stderr)
    assert stream.text == "out\n"
    assert logged() == "err\n"


def test_two_runs_at_once_hear_the_same(capsys):
    first = start()
    print("one")
    second = artifacts.init(project="demo", id="s", reinit="create_new")
    print("two")
    first.finish()
    print("three")
    second.finish()
    print("four")
    assert (logged("r"), logged("s")) == ("one\ntwo\n", "two\nthree\n")
    assert capsys.readouterr().out == "one\ntwo\nthree\nfour\n"
    assert "write" not in vars(sys.stdout)


def test_what_is_written_by_hand():
    with start() as run:
        print("printed")
        run.write_logs("two\nlines")
        run.write_logs("and one\n")
    assert logged() == "printed\ntwo\nlines\nand one\n"
    with pytest.raises(artifacts.RunFinishedError):
        run.write_logs("late")
    with start(resume="must") as run, pytest.raises(TypeError, match="takes text"):
        run.write_logs(b"bytes")


def divide():
    with start():
        print("dividing")
        print(1 // 0)


def test_why_a_run_failed_is_in_the_log():
    with pytest.raises(ZeroDivisionError):
        divide()
    text = logged()
    assert text.startswith("dividing\nTraceback (most recent call last):\n")
    assert "ZeroDivisionError: " in text.splitlines()[-1]
    assert stored().state == "failed"


def leave():
    with start():
        print("leaving")
        sys.exit(3)


def test_leaving_is_no_failure():
    with pytest.raises(SystemExit):
        leave()
    assert logged() == "leaving\n"


# -- what a terminal would show

SHOWN = [
    ("a\nb\n", "a\nb\n"),
    ("no newline", "no newline\n"),
    ("\r 10%\r 50%\r100%\n", "100%\n"),
    ("10%\r50%\r100%\r\n", "100%\n"),
    ("windows\r\nlines\r\n", "windows\nlines\n"),
    ("\r 99%\r        \rdone\n", "done\n"),
    ("before\nbar 1\rbar 2\nafter\n", "before\nbar 2\nafter\n"),
    ("bar 1\rbar 2", "bar 2\n"),
    ("\r\r\r\n", "\n"),
    ("\x1b[31mred\x1b[0m\n", "\x1b[31mred\x1b[0m\n"),
    ("é \ud800 \0\n", "é \\ud800 \0\n"),
    ("", ""),
    ("   ", ""),
]


def written(path, pieces, **options):
    """Write pieces of text to a log and return what is in it."""
    log = OutputLog(path, **options)
    lines = log.lines()
    for piece in pieces:
        lines.write(piece)
    log.close()
    return path.read_bytes().decode() if path.exists() else ""


@pytest.mark.parametrize(("text", "expected"), SHOWN, ids=[repr(text) for text, _ in SHOWN])
def test_progress_bars_are_one_line(tmp_path, text, expected):
    assert written(tmp_path / "a" / "log", [text]) == expected
    assert written(tmp_path / "b" / "log", list(text)) == expected


@given(st.lists(st.text("ab\n\r", max_size=6), max_size=8))
def test_it_does_not_matter_how_text_is_cut(tmp_path_factory, pieces):
    folder = tmp_path_factory.mktemp("log")
    whole = written(folder / "whole", ["".join(pieces)])
    assert written(folder / "cut", pieces) == whole
    # A reference: what each line shows is what stands after its last return but the trailing ones.
    *lines, last = "".join(pieces).split("\n")
    shown = [line.rstrip("\r").rpartition("\r")[2] for line in [*lines, last]]
    expected = "".join(f"{line}\n" for line in shown[:-1])
    assert whole == expected + (f"{shown[-1]}\n" if shown[-1].strip() else "")


def test_a_line_without_end_is_written_in_parts(tmp_path):
    log = OutputLog(tmp_path / "log")
    lines = log.lines()
    for _ in range(300):
        lines.write("." * 1000)
    assert (tmp_path / "log").stat().st_size >= 200_000
    log.close()
    assert (tmp_path / "log").read_text().replace("\n", "") == "." * 300_000


# -- limits


def test_the_middle_of_a_long_log_is_left_out(tmp_path):
    limit = 10_000
    log = OutputLog(tmp_path / "log", limit=limit)
    biggest = 0
    for number in range(5000):
        log.add(f"line {number}\n")
        biggest = max(biggest, (tmp_path / "log").stat().st_size)
    log.close()
    assert biggest <= limit + 20
    lines = (tmp_path / "log").read_text().splitlines()
    cut = lines.index("[the middle of this log is left out]")
    assert lines.count("[the middle of this log is left out]") == 1
    assert lines[:cut] == [f"line {number}" for number in range(cut)]
    rest = lines[cut + 1 :]
    assert rest == [f"line {number}" for number in range(5000 - len(rest), 5000)]
    assert cut > 50
    assert len(rest) > 200
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_a_full_disk_does_not_end_the_program(monkeypatch, log, capsys):
    def full(descriptor, data):
        raise OSError(28, "No space left on device")

    run = start()
    print("kept")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        print("lost")
        print("lost, too")
    print("after")
    run.finish()
    assert capsys.readouterr().out == "kept\nlost\nlost, too\nafter\n"
    assert log.text.count("what the program prints is not kept any more") == 1
    assert logged() == "kept\n"


# -- threads and processes


def test_threads_do_not_tear_lines(capsys):
    def talk(name):
        for number in range(200):
            sys.stdout.write(f"{name} says {number}\n")

    with start():
        threads = [threading.Thread(target=talk, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    lines = logged().splitlines()
    assert len(lines) == 800
    for name in "abcd":
        mine = [line for line in lines if line.startswith(name)]
        assert mine == [f"{name} says {number}" for number in range(200)]


def test_a_listener_that_prints_does_not_hear_itself(capsys):
    heard = []

    def listen(text):
        heard.append(text)
        sys.stdout.write(f" echo of {text}")

    console = Console(lambda: listen)
    sys.stdout.write("once")
    console.close()
    console.close()
    assert heard == ["once"]
    assert capsys.readouterr().out == "once echo of once"


def test_a_forked_child_is_not_heard(capfd):
    with start() as run:
        print("parent", flush=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
            pid = os.fork()
        if pid == 0:
            code = 1
            try:
                print("child", flush=True)
                run.write_logs("child by hand")
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(pid, 0)[1] == 0
        print("parent again", flush=True)
    assert logged() == "parent\nchild by hand\nparent again\n"
    assert "child\n" in capfd.readouterr().out


SCRIPT = """
import artifacts, sys
run = artifacts.init(project="demo", id="r")
print("working")
print("half a line", end="")
sys.stderr.write("complaint\\n")
{end}
"""


def run_script(end):
    return subprocess.run(
        [sys.executable, "-c", SCRIPT.format(end=end)], capture_output=True, text=True, check=False
    )


def test_a_traceback_is_in_the_log():
    result = run_script("1 / 0")
    assert result.returncode == 1
    assert result.stdout == "working\nhalf a line"
    text = logged()
    assert text.startswith("working\ncomplaint\nTraceback")
    assert "ZeroDivisionError" in text
    assert text.endswith("half a line\n")
    assert stored().state == "failed"


def test_what_a_killed_process_has_printed_is_recovered():
    script = "import time, os; time.sleep(0.3); os.kill(os.getpid(), 9)"
    assert run_script(script).returncode == -9
    recover(_session.place(project="demo"))
    # A line that was not complete is lost.
    assert logged() == "working\ncomplaint\n"


# -- resuming


def test_the_log_goes_on_when_a_run_is_resumed():
    with start():
        print("first")
    with start(resume="must"):
        print("second")
    with start(resume="must") as run:
        run.log({"a": 1})
    assert logged() == "first\nsecond\n"
    with start(resume="must"):
        print("fourth")
    assert logged() == "first\nsecond\nfourth\n"


def test_the_log_goes_on_after_a_crash():
    run_script("import time, os; time.sleep(0.3); os.kill(os.getpid(), 9)")
    with start(resume="must"):
        print("again")
    assert logged() == "working\ncomplaint\nagain\n"


def test_requirements_come_with_other_files():
    with start():
        print("hello")
    assert names() == ["output.log", "requirements.txt"]
    [file] = [f for f in stored().files() if f.name == "requirements.txt"]
    lines = Path(file.download()).read_text().splitlines()
    assert f"pyarrow=={pa.__version__}" in lines
    assert len(lines) == len({line.partition("==")[0] for line in lines})


def test_files_of_the_program_are_left_alone(log):
    mine = {"output.log": "my own log\n", "requirements.txt": "mine==1.0\n"}
    for name, text in mine.items():
        Path(name).write_text(text)
    with start() as run:
        for name in mine:
            run.save(name)
        print("cannot be kept")
    assert {name: Path(name).read_text() for name in mine} == mine
    assert {file.name: file._entry.open().read().decode() for file in run.files()} == mine
    assert log.text.count("what the program prints is not kept any more") == 1
