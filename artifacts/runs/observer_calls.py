"""What a run tells of where it runs, and of what its program prints."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from artifacts._recorded import RecordedRun
from artifacts._run_files import find_file
from artifacts.runs.output_log import FILE
from artifacts.store.errors import InvalidTypeError

if TYPE_CHECKING:
    from artifacts.runs.observer import Observer


class ObserverCalls(RecordedRun):
    """The part of `Run` that tells what is kept besides what the program logs."""

    _observer: Observer

    @property
    def metadata(self) -> dict[str, Any]:
        """What ran where: program, command line, machine, versions, and the state of Git.

        Values of the command line that look like secrets are ``***``.
        """
        return dict(self._observer.metadata) or super().metadata

    @property
    def system_metrics(self) -> dict[str, Any]:
        """What was measured of the machine and of the process last; empty if nothing was yet."""
        return dict(self._observer.system_metrics) or super().system_metrics

    def write_logs(self, text: str) -> None:
        """Add text to the log of the run, ``output.log`` among its files, without printing it.

        What the program prints is in there as well, unless the setting ``console`` is ``off``.

        Args:
            text: One or more lines.

        Raises:
            TypeError: It is no text.
            RunFinishedError: The run has ended.
        """
        if not isinstance(text, str):
            raise InvalidTypeError(f"write_logs() takes text, not {type(text).__name__}")
        self._check_running("write_logs")
        self._observer.output.add(text if text.endswith("\n") else f"{text}\n")

    def _log_failure(self, error: BaseException | None) -> None:
        """Add why the run ends; Python prints it only when that is over."""
        if isinstance(error, Exception) and self._observer.hears:
            self._observer.output.add("".join(traceback.format_exception(error)))

    def _earlier_output(self) -> bytes | None:
        """Return what earlier processes of this run have printed, if the store has it."""
        entry = find_file(self._place, self._record, FILE)
        if entry is None:
            return None
        with entry.open() as file:
            data: bytes = file.read()
        return data

    if TYPE_CHECKING:

        def _check_running(self, call: str) -> None:
            """Raise RunFinishedError if the run has ended; `ArtifactCalls` has it."""
