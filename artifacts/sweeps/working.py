"""The two ways to run a trial: a function of this process, and a program in one of its own."""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artifacts import _run_environment
from artifacts.runs import active, exits, trials
from artifacts.store.errors import InvalidInputError, from_os_error
from artifacts.sweeps import agents
from artifacts.sweeps.choosing import INTERRUPTED
from artifacts.sweeps.commands import DEFAULT, fill_in

if TYPE_CHECKING:
    from artifacts._session import Place
    from artifacts.runs.trials import Ticket
    from artifacts.store.records import Trial
    from artifacts.sweeps.agents import Pulse
    from artifacts.sweeps.configuration import Configuration

log = logging.getLogger("artifacts")

GRACE = 10.0
"""Seconds that a program has to end after each of the signals."""


class FunctionWork:
    """Runs trials by calling a function, which calls `init`.

    Args:
        function: Takes no arguments.
    """

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function

    def run(self, ticket: Ticket, trial: Trial, pulse: Pulse) -> int:
        """Call the function, and finish the runs that it leaves active.

        An exception is logged and means that the run has failed; only KeyboardInterrupt goes on.
        """
        trials.offer(ticket)
        code = 1
        try:
            with pulse.beating():
                self._function()
            code = 0
        except SystemExit as error:  # also a trial that is stopped early
            code = exits.code_of(error)
        except KeyboardInterrupt:
            code = INTERRUPTED
            raise
        except Exception:
            log.exception("run %s of sweep %s failed", ticket.run_id, ticket.sweep_id)
        finally:
            trials.withdraw()
            active.finish_all(code)
        return code


class ProgramWork:
    """Runs trials as processes, with the command of the sweep.

    Args:
        place: Where the sweep is.

    Raises:
        InvalidInputError: The sweep has no program and no command, or there is no such file.
    """

    def __init__(self, place: Place, configuration: Configuration) -> None:
        self._place = place
        self._program = configuration.program
        if configuration.command is None and self._program is None:
            raise InvalidInputError(
                "the sweep has no program to run",
                hint="pass function=, or make it with program: train.py",
                kind="bad_sweep",
            )
        self._command = configuration.command or DEFAULT
        used = any("${program}" in word for word in self._command)
        if used and not Path(str(self._program)).is_file():
            raise InvalidInputError(
                f"there is no program {self._program!r} in {Path.cwd()}",
                hint="start the agent in the folder of the program",
                kind="no_such_path",
            )

    def run(self, ticket: Ticket, trial: Trial, pulse: Pulse) -> int:
        """Start the program, and wait for its end."""
        environment = _run_environment.trial_environment(
            store=self._place.settings.store,
            entity=ticket.entity,
            project=ticket.project,
            run=ticket.run_id,
            sweep=ticket.sweep_id,
            parameters=json.dumps(trial.config),
        )
        with tempfile.TemporaryDirectory(prefix="artifacts-sweep-") as folder:
            arguments = Path(folder, "args.json")
            arguments.write_text(json.dumps(trial.config), encoding="utf-8")
            words = fill_in(self._command, self._program, trial.config, str(arguments))
            try:
                process = subprocess.Popen(words, env=environment)
            except OSError as error:
                raise from_os_error(error, f"start {words[0]}") from error
            code = _wait(process, ticket, pulse)
        # A process that a signal has ended, as shells count it.
        return code if code >= 0 else 128 - code


def _wait(process: subprocess.Popen[bytes], ticket: Ticket, pulse: Pulse) -> int:
    """Wait for the end of a program, which is brought about if the trial is to end."""
    try:
        while True:
            try:
                return process.wait(agents.POLL)
            except subprocess.TimeoutExpired:
                pulse.tick()
            if ticket.ending is not None:
                _end(process)
                return INTERRUPTED
    except KeyboardInterrupt:
        # A terminal interrupts the program, too; a second signal would disturb its end.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
        _end(process)
        raise
    except BaseException:
        _end(process)
        raise


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program, by force only if it does not end otherwise."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            process.send_signal(number)
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            continue
        return
    process.wait()
