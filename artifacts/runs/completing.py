"""What a run has logged becomes versions: its history and its summary."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from artifacts import settings
from artifacts._history import DEFAULT_STREAM, FILES, SYSTEM_SESSION, SYSTEM_STREAM, load_streams
from artifacts._recorded import record_draft, record_name
from artifacts._run_folders import run_folder
from artifacts._summary_versions import commit_summary
from artifacts.runs import alert_outbox, file_policies, folders, observer
from artifacts.runs.file_policies import Policies
from artifacts.runs.files import NOT_STORED, store_left
from artifacts.runs.metrics import SummaryState
from artifacts.runs.values import storable
from artifacts.store import ingest, walking
from artifacts.store.errors import (
    ArtifactsError,
    ConflictError,
    StateError,
    StorageError,
    from_os_error,
    is_lost,
)
from artifacts.store.journal import read_journal
from artifacts.store.manifest import Manifest
from artifacts.store.records import ACTIVE_STATES, RUN_HISTORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from artifacts._history import History
    from artifacts._run_media import NamedMedia, RunMedia
    from artifacts._session import Place
    from artifacts.runs.folders import Left
    from artifacts.store.digests import Digest
    from artifacts.store.records import AlertRecord, RunRecord, VersionRecord

_ATTEMPTS = 20
_UNFINISHED = frozenset({"running", "crashed", "preempting", "preempted"})
_CLOCKS_DIFFER = 60.0


def commit_history(place: Place, run: RunRecord, journals: Sequence[Path]) -> VersionRecord | None:
    """Make a version of all rows of a run, unless the newest one has them.

    Args:
        journals: Of this run, ended, on this machine. What else is known of it comes from the
            catalog, from which what the version has is then deleted.

    Returns:
        The version that has all rows; None if there are no rows.

    Raises:
        ConflictError: Others kept making versions at the same time.
    """
    from artifacts._run_media import has_more

    store = place.store
    name = record_name(run.id, "history")
    for _ in range(_ATTEMPTS):
        latest = store.latest(run.entity, run.project, name)
        streams = load_streams(store, [run.key], {run.key: journals})[run.key]
        new = [stream for stream, each in streams.items() if next(each.tail(), None) is not None]
        file = streams[DEFAULT_STREAM].file
        version = None if file is None else file.version
        if new or (version is not None and has_more(store, version, journals)):
            known = [stream for stream, each in streams.items() if each.file is not None]
            wanted = {stream: streams[stream] for stream in (DEFAULT_STREAM, *known, *new)}
            try:
                version = commit_streams(place, run, wanted, latest)
            except ConflictError:
                continue
        drop_live(place, run, streams)
        return version
    raise ConflictError(
        f"other processes kept recording the history of run {run.id}",
        hint="try again with: art run recover",
    )


class RowSource(Protocol):
    """What a file of a history is written from.

    Attributes:
        sessions: How many rows of each journal are among the rows, or were left out on purpose;
            known when the rows were seen once.
    """

    sessions: dict[str, int]

    def unsorted(self) -> Iterable[dict[str, Any]]:
        """Return the rows, the same ones each time."""


def commit_streams(
    place: Place,
    run: RunRecord,
    streams: Mapping[str, RowSource],
    latest: VersionRecord | None,
    about: Mapping[str, Any] | None = None,
    *,
    origin: RunRecord | None = None,
) -> VersionRecord:
    """Make a version of a run's history, with the media that its rows name.

    Args:
        streams: Its rows, by stream.
        latest: The version that must be the latest one until then.
        about: More for the metadata of the version.
        origin: The run that has logged the rows, if that is another one.

    Raises:
        ConflictError: Another version is the latest one.
    """
    from artifacts._run_media import NamedMedia, RunMedia

    paths: dict[str, Path] = {}
    named = NamedMedia()
    try:
        metadata = {**_write_streams(place, run, streams, paths, named), **(about or {})}
        expected = 0 if latest is None else latest.id
        return _commit(RunMedia(place, origin or run), run, metadata, paths, named.files, expected)
    finally:
        for path in paths.values():
            path.unlink(missing_ok=True)


def _write_streams(
    place: Place,
    run: RunRecord,
    streams: Mapping[str, RowSource],
    paths: dict[str, Path],
    named: NamedMedia,
) -> dict[str, Any]:
    """Write the files of a version; return what its metadata says of them.

    Args:
        paths: Where the files are, by their names in the version; filled in.
        named: The media that rows name; filled in.
    """
    from artifacts._columns import write

    metadata: dict[str, Any] = {}
    for stream, history in streams.items():

        def info(sessions: dict[str, int] = history.sessions) -> dict[str, Any]:
            return {"format": 1, "run": run.id, "sessions": sessions}

        paths[FILES[stream]] = path = _temporary(place, run)
        told = write(path, named.watched(history.unsorted), info)
        if stream == DEFAULT_STREAM:
            metadata = {key: told[key] for key in ("rows", "last_step")}
    return metadata


def drop_live(place: Place, run: RunRecord, streams: Mapping[str, History]) -> None:
    """Delete from the catalog what a version has."""
    sessions = dict(streams[DEFAULT_STREAM].sessions)
    for session, count in streams[SYSTEM_STREAM].sessions.items():
        sessions[session + SYSTEM_SESSION] = count
    place.store.catalog.drop_history(run.key, sessions)


def _temporary(place: Place, run: RunRecord) -> Path:
    folder = run_folder(place.settings.run_dir, run.entity, run.project, run.id)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, f"make {folder}") from error
    return folder / f"{secrets.token_hex(8)}.tmp"


def _commit(
    media: RunMedia,
    run: RunRecord,
    metadata: dict[str, Any],
    paths: Mapping[str, Path],
    named: Mapping[str, Digest],
    expected: int,
) -> VersionRecord:
    """Log the files of a history.

    Args:
        media: Where its media are.
        paths: Where the files are, by their names in the version.
        named: The media that belong to it, by their names in the version.
        expected: The version that must still be the latest one; 0 for none.
    """
    from artifacts._run_media import add_media

    store = media.place.store
    upload = store.upload()
    try:
        files = [walking.source_file(str(path), name) for name, path in paths.items()]
        entries = ingest.add_files(store, upload, files)
        manifest = Manifest([*entries, *add_media(media, upload, named)])
        draft = record_draft(
            run, "history", RUN_HISTORY, manifest, metadata=metadata, expected_latest=expected
        )
        return store.commit(draft, upload, manifest)[0]
    except BaseException:
        upload.abandon()
        raise


def complete(
    place: Place,
    run: RunRecord,
    journals: Sequence[Path],
    summary: dict[str, Any],
    store_files: Callable[[], None],
) -> None:
    """Record a run in the store, and remove its journals from this machine.

    Args:
        store_files: Stores the run's files. If some of them cannot be stored, the rest is
            recorded all the same, and the journals stay.
    """
    failure: ArtifactsError | None = None
    try:
        store_files()
    except ArtifactsError as error:
        if is_lost(error):
            raise
        failure = error
    version = commit_history(place, run, journals)
    if version is not None or summary or run.config:
        commit_summary(place, run, storable(summary))
    if failure is not None:
        raise failure
    folder = run_folder(place.settings.run_dir, run.entity, run.project, run.id)
    folders.remove(journals, folder)


# -- after a crash


def ended_as(state: str, exit_code: int | None) -> str:
    """Return the state of a run whose process has ended.

    Args:
        state: What it was.
        exit_code: None if it was killed.
    """
    if exit_code == 0:
        return "finished"
    if state in {"preempting", "preempted"}:
        return "preempted"
    return "crashed" if exit_code is None else "failed"


def recover_run(place: Place, run: RunRecord, left: Sequence[Left]) -> RunRecord:
    """Record what killed processes have left of a run, and end it if nobody goes on with it.

    Args:
        left: Its journals, oldest first; may be empty, then there is what others could see.

    Returns:
        The run as it is then.

    Raises:
        StorageError: Of kind ``files_not_stored``: everything was done but for files that could
            not be read.
    """
    catalog = place.store.catalog
    state, code, summary = ended_as(run.state, None), None, None
    values: dict[str, Any] = {}
    policies = Policies(place.settings.ignore_globs)
    for each in left:
        told = _replay(each, policies)
        summary, code = told.summary, told.exit_code
        for alert, wait in told.alerts:
            catalog.add_alert(run.key, alert, wait)
        state = ended_as(run.state, code)
        values |= told.columns
    if summary is not None:
        values |= {"summary": storable(summary.values), "tracking": summary.tracking()}
    ended = run.state in _UNFINISHED and not goes_on(place, run, left)
    final = summary.values if summary is not None and ended else run.summary
    journals = [each.path for each in left]
    unreadable: StorageError | None = None
    try:
        complete(place, run, journals, final, lambda: store_left(place, run, policies))
    except StorageError as error:
        if error.kind != NOT_STORED:
            raise
        unreadable = error
    if ended:
        catalog.finish_run(run.key, state, code, values)
    if unreadable is not None:
        raise unreadable
    return catalog.run(run.entity, run.project, run.id)


def recover(place: Place, run: RunRecord | None = None) -> list[RunRecord]:
    """Record what killed processes have left in this store, or of one run.

    Args:
        run: Also if its process ran on another machine; there is then what others could see.

    Raises:
        StateError: The run is running.
        StorageError: Files of a run could not be read; all other runs were recovered.
    """
    catalog = place.store.catalog
    wanted = None if run is None else (run.entity, run.project, run.id)
    left: dict[tuple[str, str, str], list[Left]] = {}
    for each in folders.find_left(place, wanted):
        left.setdefault(each.run, []).append(each)
    if run is not None:
        if wanted not in left and run.state in ACTIVE_STATES:
            raise StateError(
                f"run {run.id} is running",
                hint="a run that gives no sign of life for five minutes counts as crashed",
                kind="run_is_running",
            )
        return [recover_run(place, run, left.get((run.entity, run.project, run.id), []))]
    found = []
    for name, journals in left.items():
        record = catalog.run(*name, deleted=True)
        if record.deleted_at is None:
            found.append(record)
        else:  # nobody wants what it has logged
            folder = run_folder(place.settings.run_dir, *name)
            folders.remove([each.path for each in journals], folder)
    host = settings.user_name().partition("@")[2]
    known = {each.key for each in found}
    found += [
        each
        for each in catalog.list_runs()
        if each.state in {"crashed", "preempted"}
        and each.finished_at is None
        and each.host == host
        and each.key not in known
        and not folders.is_running(place, each)
    ]
    recovered = []
    unreadable: StorageError | None = None
    for record in found:
        try:
            theirs = left.get((record.entity, record.project, record.id), [])
            recovered.append(recover_run(place, record, theirs))
        except StorageError as error:
            if error.kind != NOT_STORED:
                raise
            unreadable = error
    if unreadable is not None:
        raise unreadable
    return recovered


def goes_on(place: Place, run: RunRecord, left: Iterable[Left]) -> bool:
    """Whether another process has resumed the run."""
    if folders.is_running(place, run):
        return True
    if run.state not in ACTIVE_STATES or run.heartbeat_at is None:
        return False
    last = max((each.path.stat().st_mtime for each in left), default=0.0)
    return run.heartbeat_at / 1e6 > last + _CLOCKS_DIFFER


class _Told(NamedTuple):
    """What the notes of a journal tell.

    Attributes:
        summary: As it was at its end.
        exit_code: None if the process was killed.
        alerts: Those that may not have reached the catalog, with their waits.
        columns: Of the run, that may not have reached the catalog.
    """

    summary: SummaryState
    exit_code: int | None
    alerts: list[tuple[AlertRecord, int]]
    columns: dict[str, Any]


def _replay(left: Left, policies: Policies) -> _Told:
    """Read the notes of a journal.

    Args:
        policies: Of the run's files; gets what the journal says of them.
    """
    state = SummaryState(left.begin["summary"], left.begin["tracking"])
    code = None
    alerts = []
    columns = {name: left.begin[name] for name in observer.COLUMNS if name in left.begin}
    for value in read_journal(left.path):
        if isinstance(value, dict):
            state.replay(value)
        elif value[0] == "summary":
            state = SummaryState(value[1], value[2])
        elif value[0] == "end":
            code = int(value[1])
        elif value[0] == observer.NOTE:
            columns |= value[1]
        elif value[0] == SYSTEM_STREAM:
            columns["system_metrics"] = value[1]
        elif value[0] == file_policies.NOTE:
            policies.follow(value[1])
        elif value[0] == alert_outbox.NOTE:
            alerts.append(alert_outbox.from_note(value))
    return _Told(state, code, alerts, columns)
