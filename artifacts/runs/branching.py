"""Runs that begin in the middle: a fork of another run, one that is wound back, one begun anew."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from artifacts._history import DEFAULT_STREAM, STEP, load_streams
from artifacts._recorded import record_name
from artifacts.runs import folders
from artifacts.runs.completing import commit_streams, drop_live, goes_on, recover_run
from artifacts.runs.metrics import SummaryState
from artifacts.store.errors import ConflictError, InvalidInputError, StateError
from artifacts.store.records import ACTIVE_STATES
from artifacts.store.refs import check_run_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from artifacts._history import History
    from artifacts._session import Place
    from artifacts.runs.folders import Left
    from artifacts.store.records import RunRecord

    Row = dict[str, Any]

_ATTEMPTS = 20
_BRANCH = re.compile(r"(?P<run>.+)\?_step=(?P<step>[0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Branch:
    """A point in the history of a run.

    Attributes:
        run: Id of the run.
        step: Its last row that counts.
    """

    run: str
    step: int

    def __str__(self) -> str:
        return f"{self.run}?_step={self.step}"


def parse_branch(text: Any, argument: str) -> Branch:
    """Return the point that ``id?_step=N`` names.

    Args:
        argument: Where it was given, for the message.

    Raises:
        InvalidInputError: It has another form.
    """
    match = _BRANCH.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise InvalidInputError(
            f"{argument} must be '<id of a run>?_step=<number>', not {text!r}",
            hint=f"for instance {argument}='abc12345?_step=200'",
            kind="bad_branch",
        )
    return Branch(check_run_id(match["run"]), int(match["step"]))


class Beginning:
    """Those rows of a history with which a new version of one begins.

    Args:
        history: All rows.
        wanted: Says of a row whether it is one of them.
        same_run: Whether the version is of the same run, so that its journals are done with.
    """

    def __init__(
        self, history: History, wanted: Callable[[Row], bool], *, same_run: bool = True
    ) -> None:
        self._history = history
        self._wanted = wanted
        self.sessions: dict[str, int] = history.sessions if same_run else {}

    def unsorted(self) -> Iterator[Row]:
        """Yield the rows."""
        return (row for row in self._history.unsorted() if self._wanted(row))


def check_idle(place: Place, run: RunRecord, action: str) -> list[Left]:
    """Make sure that no process is logging to a run.

    Args:
        action: What shall be done, for the message.

    Returns:
        What killed processes of this machine have left of it.

    Raises:
        StateError: One is, as far as can be known.
    """
    left = folders.find_left(place, (run.entity, run.project, run.id))
    if run.state in ACTIVE_STATES and (not left or goes_on(place, run, left)):
        raise StateError(
            f"run {run.id!r} is running, and cannot be {action} meanwhile",
            hint="finish it first, or take another id; a run that gives no sign of life for five "
            "minutes counts as crashed",
            kind="run_is_running",
        )
    return left


def settle(place: Place, run: RunRecord, action: str) -> RunRecord:
    """Make versions of all that is known of a run, of which no process is left.

    Raises:
        StateError: A process is logging to it.
    """
    return recover_run(place, run, check_idle(place, run, action))


def check_step(history: History, branch: Branch) -> None:
    """Make sure that a run has come as far as a branch says.

    Raises:
        InvalidInputError: It has not.
    """
    last = history.last_step
    if branch.step > last:
        told = f"its last step is {last}" if last >= 0 else "it has no rows"
        raise InvalidInputError(
            f"run {branch.run!r} has no step {branch.step}: {told}", kind="bad_branch"
        )


def cut(place: Place, run: RunRecord, last_step: int | None) -> None:
    """Make a version of a run's history in which later rows are missing; older ones have them.

    Args:
        last_step: The last row that stays; None for nothing at all.

    Raises:
        ConflictError: Others kept making versions at the same time.
    """
    store = place.store

    def wanted(row: Row) -> bool:
        return last_step is not None and row[STEP] <= last_step

    for _ in range(_ATTEMPTS):
        latest = store.latest(run.entity, run.project, record_name(run.id, "history"))
        found = load_streams(store, [run.key])[run.key]
        dropped = found.values() if last_step is None else [found[DEFAULT_STREAM]]
        if not any(_goes_beyond(each, last_step) for each in dropped):
            return
        parts = {
            stream: Beginning(each, wanted if each in dropped else _every)
            for stream, each in found.items()
            if stream == DEFAULT_STREAM or each.file is not None
        }
        try:
            commit_streams(place, run, parts, latest)
        except ConflictError:
            continue
        drop_live(place, run, found)
        return
    raise ConflictError(
        f"other processes kept recording the history of run {run.id}", hint="try again"
    )


def copy_rows(
    place: Place, run: RunRecord, parent: RunRecord, history: History, origin: Branch
) -> None:
    """Let the history of a new run begin with rows of another one."""
    part = Beginning(history, lambda row: row[STEP] <= origin.step, same_run=False)
    about = {"forked_from": str(origin)}
    commit_streams(place, run, {DEFAULT_STREAM: part}, None, about, origin=parent)


def summary_at(history: History, run: RunRecord, step: int) -> SummaryState:
    """Return what a run's summary was after a step, as far as its rows tell.

    What was set by hand is left out: nobody knows when that was.
    """
    tracking = run.tracking or {}
    state = SummaryState({}, {"metrics": tracking.get("metrics", ())})
    for row in history.rows(high=step + 1):
        state.follow(_nested(row, run.summary))
    return state


def _every(_row: Row) -> bool:
    return True


def _goes_beyond(history: History, last_step: int | None) -> bool:
    """Whether there are rows after a step, or any at all."""
    if last_step is None:
        return next(history.unsorted(), None) is not None
    return history.last_step > last_step


def _nested(row: Row, shape: Mapping[str, Any]) -> Row:
    """Undo what made ``a.b`` of nested dicts.

    Args:
        shape: A summary with the same keys, which tells a dot in a key from one between two.
    """
    found: Row = {}
    for name, value in row.items():
        *outer, key = _path(name, shape)
        inner: Any = found
        for each in outer:
            inner = inner.setdefault(each, {})
            if not isinstance(inner, dict):  # a key with a dot in it, which the summary lacks
                inner, key = found, name
                break
        inner[key] = value
    return found


def _path(name: str, shape: Mapping[str, Any]) -> list[str]:
    if name in shape or "." not in name:
        return [name]
    parts = name.split(".")
    for count in range(1, len(parts)):
        head, rest = ".".join(parts[:count]), ".".join(parts[count:])
        if isinstance(shape.get(head), dict):
            return [head, *_path(rest, shape[head])]
    return parts
