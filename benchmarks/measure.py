"""One step in a child process: how long it took and the most memory it held."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer

TIMEOUT = 1800.0  # seconds; far above the slowest step seen


class StepError(Exception):
    """A tool's command failed; the message ends with what it printed last."""


@dataclass(frozen=True)
class Command:
    """One command of a step. `result` names a file where a child reports seconds it took itself."""

    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str]
    result: Path | None = None


@dataclass
class Measured:
    """What a step cost."""

    seconds: float = 0.0
    peak_bytes: int = 0
    details: dict[str, float] = field(default_factory=dict)


def measure(commands: Sequence[Command], log: Path) -> Measured:
    """Run the commands one after the other; seconds add up, of the memory the largest counts.

    On Linux a child's peak starts with its parent's: this process must stay small, so it never
    imports the product and never holds inputs.
    """
    total = Measured()
    for command in commands:
        one = _measure(command, log)
        total.seconds += one.seconds
        total.peak_bytes = max(total.peak_bytes, one.peak_bytes)
        total.details.update(one.details)
    return total


def _measure(command: Command, log: Path) -> Measured:
    with open(log, "ab") as output:
        output.write(f"\n$ {' '.join(command.argv)}\n".encode())
        output.flush()
        started = time.perf_counter()
        process = subprocess.Popen(
            command.argv,
            cwd=command.cwd,
            env=dict(command.env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        watch = Timer(TIMEOUT, _kill, (process.pid,))
        watch.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except (
            BaseException
        ):  # interrupted: the tool must not go on writing to a folder that goes away
            _kill(process.pid)
            process.wait()
            raise
        finally:
            watch.cancel()
        seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        shown = " ".join([Path(command.argv[0]).name, *command.argv[1:3]])
        raise StepError(f"{shown} … exited with {process.returncode}: {_tail(log)}")
    measured = Measured(seconds, usage.ru_maxrss * 1024)
    if command.result is not None:
        reported = json.loads(command.result.read_text())
        measured.seconds = reported.pop("seconds", seconds)
        measured.details = {**reported, "process": seconds}
    return measured


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _tail(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return " / ".join(lines[-3:])[-400:]
