"""What a run has logged becomes versions: its history and its summary."""

from __future__ import annotations

import json
import re
import secrets
import zlib
from typing import TYPE_CHECKING, Any

from artifacts import settings
from artifacts._history import FILE, load
from artifacts.runs import folders
from artifacts.runs.metrics import SummaryState
from artifacts.runs.values import storable
from artifacts.store import ingest, walking
from artifacts.store.errors import ConflictError, StateError, from_os_error
from artifacts.store.journal import read_journal
from artifacts.store.manifest import Manifest
from artifacts.store.records import RUN_HISTORY, RUN_SUMMARY, VersionDraft

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from artifacts._session import Place
    from artifacts.runs.folders import Left
    from artifacts.store.records import RunRecord, VersionRecord

SUMMARY_FILE = "summary.json"

_ATTEMPTS = 20
_LONGEST = 100
_UNFINISHED = frozenset({"running", "crashed"})
_CLOCKS_DIFFER = 60.0


def record_name(run_id: str, what: str) -> str:
    """Return the name of the artifact in which a run is recorded."""
    safe = re.sub(r"[^a-zA-Z0-9_.-]", "_", run_id)
    if safe != run_id or len(safe) > _LONGEST:
        # Two runs never share an artifact.
        safe = f"{safe[:_LONGEST]}-{zlib.crc32(run_id.encode()):08x}"
    return f"run-{safe}-{what}"


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
    store = place.store
    name = record_name(run.id, "history")
    for _ in range(_ATTEMPTS):
        latest = store.latest(run.entity, run.project, name)
        history = load(store, [run.key], {run.key: journals})[run.key]
        if next(history.tail(), None) is None:
            version = None if history.file is None else history.file.version
        else:
            from artifacts._columns import write

            def info(sessions: dict[str, int] = history.sessions) -> dict[str, Any]:
                return {"format": 1, "run": run.id, "sessions": sessions}

            path = _temporary(place, run)
            try:
                told = write(path, history.unsorted, info)
                draft = _draft(run, name, RUN_HISTORY, {k: told[k] for k in ("rows", "last_step")})
                version = _commit(place, draft, path, FILE, latest)
            except ConflictError:
                continue
            finally:
                path.unlink(missing_ok=True)
        store.catalog.drop_history(run.key, history.sessions)
        return version
    raise ConflictError(
        f"other processes kept recording the history of run {run.id}",
        hint="try again with: art run recover",
    )


def commit_summary(place: Place, run: RunRecord, summary: dict[str, Any]) -> VersionRecord:
    """Make a version of a run's summary and configuration."""
    name = record_name(run.id, "summary")
    content = {"config": storable(run.config), "summary": storable(summary)}
    path = _temporary(place, run)
    try:
        path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        draft = _draft(run, name, RUN_SUMMARY, {})
        return _commit(place, draft, path, SUMMARY_FILE, None)
    except OSError as error:
        raise from_os_error(error, f"write {path}") from error
    finally:
        path.unlink(missing_ok=True)


def _temporary(place: Place, run: RunRecord) -> Path:
    folder = folders.run_folder(place.settings.run_dir, run.entity, run.project, run.id)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, f"make {folder}") from error
    return folder / f"{secrets.token_hex(8)}.tmp"


def _draft(run: RunRecord, name: str, type_: str, metadata: dict[str, Any]) -> dict[str, Any]:
    return {
        "entity": run.entity,
        "project": run.project,
        "name": name,
        "type": type_,
        "metadata": metadata,
        "run": run.key,
        "created_by": settings.user_name(),
    }


def _commit(
    place: Place, draft: dict[str, Any], path: Path, name: str, expected: VersionRecord | None
) -> VersionRecord:
    """Log one file.

    Args:
        expected: For a history, the version that must still be the latest one.
    """
    store = place.store
    upload = store.upload()
    try:
        entries = ingest.add_files(store, upload, [walking.source_file(str(path), name)])
        manifest = Manifest(entries)
        complete = VersionDraft(
            **draft,
            digest=manifest.digest,
            size=manifest.size,
            file_count=len(manifest),
            expected_latest=(None if name != FILE else 0 if expected is None else expected.id),
        )
        return store.commit(complete, upload, manifest)[0]
    except BaseException:
        upload.abandon()
        raise


def complete(
    place: Place, run: RunRecord, journals: Sequence[Path], summary: dict[str, Any]
) -> None:
    """Record a run in the store, and remove its journals from this machine."""
    version = commit_history(place, run, journals)
    if version is not None or summary:
        commit_summary(place, run, summary)
    folder = folders.run_folder(place.settings.run_dir, run.entity, run.project, run.id)
    folders.remove(journals, folder)


# -- after a crash


def recover_run(place: Place, run: RunRecord, left: Sequence[Left]) -> RunRecord:
    """Record what killed processes have left of a run, and end it if nobody goes on with it.

    Args:
        left: Its journals, oldest first; may be empty, then there is what others could see.

    Returns:
        The run as it is then.
    """
    catalog = place.store.catalog
    state, code, summary = "crashed", None, None
    for each in left:
        summary, code = _replay(each)
        state = "crashed" if code is None else "finished" if code == 0 else "failed"
    values: dict[str, Any] = {}
    if summary is not None:
        values = {"summary": storable(summary.values), "tracking": summary.tracking()}
    ended = run.state in _UNFINISHED and not _goes_on(place, run, left)
    final = summary.values if summary is not None and ended else run.summary
    complete(place, run, [each.path for each in left], final)
    if ended:
        catalog.finish_run(run.key, state, code, values)
    return catalog.run(run.entity, run.project, run.id)


def recover(place: Place, run: RunRecord | None = None) -> list[RunRecord]:
    """Record what killed processes have left in this store, or of one run.

    Args:
        run: Also if its process ran on another machine; there is then what others could see.

    Raises:
        StateError: The run is running.
    """
    catalog = place.store.catalog
    wanted = None if run is None else (run.entity, run.project, run.id)
    left: dict[tuple[str, str, str], list[Left]] = {}
    for each in folders.find_left(place, wanted):
        left.setdefault(each.run, []).append(each)
    if run is not None:
        if wanted not in left and run.state == "running":
            raise StateError(
                f"run {run.id} is running",
                hint="a run that gives no sign of life for five minutes counts as crashed",
                kind="run_is_running",
            )
        return [recover_run(place, run, left.get((run.entity, run.project, run.id), []))]
    found = [catalog.run(*name) for name in left]
    host = settings.user_name().partition("@")[2]
    known = {each.key for each in found}
    found += [
        each
        for each in catalog.list_runs()
        if each.state == "crashed"
        and each.finished_at is None
        and each.host == host
        and each.key not in known
        and not folders.is_running(place, each)
    ]
    return [
        recover_run(place, each, left.get((each.entity, each.project, each.id), []))
        for each in found
    ]


def _goes_on(place: Place, run: RunRecord, left: Iterable[Left]) -> bool:
    """Whether another process has resumed the run."""
    if folders.is_running(place, run):
        return True
    if run.state != "running" or run.heartbeat_at is None:
        return False
    last = max((each.path.stat().st_mtime for each in left), default=0.0)
    return run.heartbeat_at / 1e6 > last + _CLOCKS_DIFFER


def _replay(left: Left) -> tuple[SummaryState, int | None]:
    """Return the summary at the end of a journal, and the exit code if it tells one."""
    state = SummaryState(left.begin["summary"], left.begin["tracking"])
    code = None
    for value in read_journal(left.path):
        if isinstance(value, dict):
            state.follow(value)
        elif value[0] == "summary":
            state = SummaryState(value[1], value[2])
        elif value[0] == "end":
            code = int(value[1])
    return state, code
