"""Entering what was found in another tool into a store: all of it in one transaction, or nothing.

Runs and versions become records of a `transcript`, which `restore` enters with their own times
and without entering anything twice. A run that an earlier import has brought is recognised by its
origin, which its metadata keeps, and stays as it is.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from artifacts._history import DEFAULT_STREAM, FILES, flatten
from artifacts._recorded import record_name
from artifacts._session import Place, place
from artifacts._summary_versions import SUMMARY_FILE, summary_content
from artifacts.importers.contents import Contents
from artifacts.importers.records import Records
from artifacts.importers.report import Report
from artifacts.importers.sources import SourceFile
from artifacts.runs.values import storable
from artifacts.settings import load, user_name
from artifacts.store import transcript
from artifacts.store.digests import format_digest
from artifacts.store.errors import RunNotFoundError, StoreNotFoundError
from artifacts.store.progress import Progress
from artifacts.store.records import INTERNAL_TYPES, RUN_FILES, RUN_HISTORY, RUN_SUMMARY, LinkKind

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from artifacts.importers.sources import (
        Collected,
        Key,
        SourceInput,
        SourceLink,
        SourceRun,
        SourceVersion,
    )
    from artifacts.store.catalog.restore import Restored
    from artifacts.store.manifest import Manifest
    from artifacts.store.records import RunRecord
    from artifacts.store.transcript import Record

IMPORTED_FROM = "imported_from"
"""Member of the metadata of runs and versions that came from another tool."""


def enter(
    collected: Collected,
    *,
    store: str | os.PathLike[str] | None = None,
    entity: str | None = None,
    project: str | None = None,
    move_aliases: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Bring what was found in another tool into a store.

    Args:
        collected: By the reader of that tool.
        store: Folder or URL of the store; None for that of the settings.
        entity: Owner, None for that of the settings.
        project: Where everything goes; None for the projects that the source names, and that of
            the settings for what has none.
        move_aliases: Move aliases that other versions have, unless they are protected.
        dry_run: Read and compare everything, and enter nothing.

    Raises:
        InvalidInputError: An artifact exists with another type, or a name cannot be used.
        IntegrityError: A file of the source is damaged.
        StorageError: Reading or writing failed; nothing was entered.
    """
    if not dry_run:
        here = place(store=store, entity=entity, project=project)
        return _Entering(here, collected, project, progress).work(move_aliases)
    try:
        here = place(store=store, entity=entity, project=project, create=False)
    except StoreNotFoundError:
        return _try_out(collected, entity, project, move_aliases, progress)
    return _Entering(here, collected, project, progress).work(move_aliases, dry_run=True)


def _try_out(
    collected: Collected,
    entity: str | None,
    project: str | None,
    move_aliases: bool,
    progress: Progress | None,
) -> Report:
    """Return what an import into a store that is yet to be made would do."""
    from artifacts.store.store import Store

    settings = load(entity=entity, project=project)
    with tempfile.TemporaryDirectory(prefix="artifacts-import-") as folder:
        empty = Store.create(Path(folder, "store"))
        try:
            here = Place(empty, settings, settings.entity, settings.project)
            return _Entering(here, collected, project, progress).work(move_aliases, dry_run=True)
        finally:
            empty.close()


class _Known(NamedTuple):
    """What edges and records need of a run.

    Attributes:
        named: What records call it.
        is_new: Whether no earlier import has brought it.
        is_deleted: Whether it was brought, and deleted since.
        uses: Artifacts of which an earlier import has brought the version that it has used. Where
            a source tells files, not versions, it may look like another one by now.
    """

    named: dict[str, str]
    is_new: bool
    is_deleted: bool
    uses: frozenset[str]


class _Entering:
    def __init__(
        self, here: Place, collected: Collected, project: str | None, progress: Progress | None
    ) -> None:
        self._store = here.store
        self._entity = here.entity
        self._default = here.project
        self._forced = project
        self._collected = collected
        self._progress = progress or Progress()
        self._runs: dict[Key, _Known] = {}
        self._existing: dict[str, dict[str, RunRecord]] = {}
        self._taken: set[tuple[str, str]] = set()
        self._records = Records(here.entity)
        self._versions: dict[Key, Record] = {}
        self._origins: dict[tuple[str, str], Record] = {}
        self._new: dict[tuple[str, str], bool] = {}

    def work(self, move_aliases: bool, *, dry_run: bool = False) -> Report:
        """Bring everything."""
        self._check_types()
        if dry_run:
            self._bring(Contents(None, self._progress))
            changes = self._store.catalog.restore(
                self._transcript(), move_aliases=move_aliases, by=user_name(), dry_run=True
            )
            return self._report(changes, dry_run=True)
        upload = self._store.upload()
        try:
            self._bring(Contents(upload, self._progress))
            upload.finish()
            changes = self._store.catalog.restore(
                self._transcript(),
                lease=upload.lease,
                claimed=upload.claimed,
                uploaded=upload.uploaded,
                move_aliases=move_aliases,
                by=user_name(),
            )
        except BaseException:
            upload.abandon()
            raise
        upload.close()
        return self._report(changes, new_bytes=upload.new_bytes)

    # -- what is there already

    def _project(self, named: str | None) -> str:
        return self._forced or named or self._default

    def _check_types(self) -> None:
        """Refuse another type of an artifact that exists, before anything is read."""
        wanted = {(self._project(v.project), v.name, v.type) for v in self._collected.versions}
        for project, name, type_ in sorted(wanted):
            self._store.catalog.check_type(self._entity, project, name, type_)

    def _imported(self, project: str) -> dict[str, RunRecord]:
        """Return the runs that earlier imports have brought into a project, by their origin."""
        found = self._existing.get(project)
        if found is None:
            found = self._existing[project] = {}
            for run in self._store.catalog.list_runs(entity=self._entity, project=project):
                origin = (run.metadata or {}).get(IMPORTED_FROM)
                if isinstance(origin, dict) and origin.get("tool") == self._collected.tool:
                    found[str(origin.get("id"))] = run
        return found

    def _used_by(self, run: RunRecord) -> frozenset[str]:
        links = self._store.catalog.links_of_runs([run.key], LinkKind.INPUT)
        return frozenset(link.version.name for link in links)

    def _is_new_artifact(self, project: str, name: str) -> bool:
        if (project, name) not in self._new:
            found = self._store.catalog.list_artifacts(
                entity=self._entity, project=project, name=name
            )
            self._new[project, name] = not found
        return self._new[project, name]

    # -- records

    def _bring(self, contents: Contents) -> None:
        for run in self._collected.runs:
            self._add_run(run)
        for version in self._collected.versions:
            self._add_version(version, contents)
        for run in self._collected.runs:
            if self._runs[run.key].is_new:
                self._add_recordings(run, contents)
        for link in self._collected.links:
            self._add_link(link)
        for used in self._collected.inputs:
            self._add_input(used)

    def _transcript(self) -> Callable[[], Iterator[Record]]:
        header = transcript.Header(self._store.uuid, self._store.catalog.now())
        return self._records.transcript(header)

    def _named(self, origin: str) -> dict[str, str]:
        """Return how metadata names what has come from the source."""
        return {"tool": self._collected.tool, "id": origin}

    def _add_run(self, run: SourceRun) -> None:
        project = self._project(run.project)
        earlier = self._imported(project).get(run.origin)
        if earlier is None:
            run_id, is_deleted = self._free_id(project, run)
        else:
            run_id, is_deleted = earlier.id, False
        named = {"entity": self._entity, "project": project, "id": run_id}
        is_new = earlier is None and not is_deleted
        uses = frozenset[str]() if earlier is None else self._used_by(earlier)
        self._runs[run.key] = _Known(named, is_new, is_deleted, uses)
        if is_deleted:
            self._collected.leave_out(
                f"run {run.origin}", "it came with an earlier import and was deleted here"
            )
            return
        about = {
            "name": run.name if earlier is None else earlier.name,
            "state": run.state,
            "group": run.group,
            "job_type": run.job_type,
            "notes": run.notes,
            "tags": list(run.tags),
            "config": run.config,
            "summary": run.summary,
            "created_at": run.created_at if earlier is None else earlier.created_at,
            "finished_at": run.finished_at,
            "exit_code": run.exit_code,
            "user": run.user,
            "host": run.host,
            "sweep_id": run.sweep_id,
            "metadata": {**run.metadata, IMPORTED_FROM: self._named(run.origin)},
        }
        self._records.run(named, about)
        if is_new:
            for alert in run.alerts:
                self._records.alert(named, alert)

    def _free_id(self, project: str, run: SourceRun) -> tuple[str, bool]:
        """Return an id that no other run has, and whether a deleted run has brought it before."""
        ours = self._named(run.origin)
        run_id, attempt = run.id, 1
        while True:
            try:
                held = self._store.catalog.run(self._entity, project, run_id, deleted=True)
            except RunNotFoundError:
                if (project, run_id) not in self._taken:
                    self._taken.add((project, run_id))
                    return run_id, False
            else:
                if (held.metadata or {}).get(IMPORTED_FROM) == ours:
                    return run_id, True
            attempt += 1
            run_id = f"{run.id}-{attempt}"

    def _add_version(self, version: SourceVersion, contents: Contents) -> None:
        project = self._project(version.project)
        manifest = contents.manifest(version.files, version.origin)
        record = self._records.version(
            project,
            version.name,
            version.type,
            manifest,
            created_at=version.created_at,
            description=version.description,
            metadata={**version.metadata, IMPORTED_FROM: self._named(version.origin)},
            number=version.number,
        )
        self._versions[version.key] = record
        self._origins[project, version.origin] = record
        for alias in version.aliases:
            self._records.point(alias, record)
        record["tags"] += [tag for tag in version.tags if tag not in record["tags"]]
        if version.is_newest:
            new = self._is_new_artifact(project, version.name)
            self._records.point_latest(record, version.created_at, tell=new)
        came_as = record["metadata"][IMPORTED_FROM]["id"]
        if came_as != version.origin:
            self._collected.leave_out(
                f"version {version.origin}",
                f"its content is that of {came_as}, which has its aliases, tags and edges",
            )

    def _add_recordings(self, run: SourceRun, contents: Contents) -> None:
        """Make the versions in which a run is recorded: its history, summary and files."""
        history = self._history(run, contents)
        if history is not None:
            self._record(run, "history", RUN_HISTORY, *history)
        if run.summary or run.config or history is not None:
            data = summary_content(storable(run.config), storable(run.summary))
            file = SourceFile(SUMMARY_FILE, data)
            manifest = contents.manifest([file], f"run {run.origin}")
            self._record(run, "summary", RUN_SUMMARY, manifest)
        if run.files:
            manifest = contents.manifest(run.files, f"run {run.origin}")
            self._record(run, "files", RUN_FILES, manifest)

    def _history(
        self, run: SourceRun, contents: Contents
    ) -> tuple[Manifest, dict[str, Any]] | None:
        """Write what a run has logged; return it with what the version says of it."""
        if next(iter(run.rows()), None) is None:
            return None
        from artifacts._columns import write

        path = contents.new_path()
        run_id = self._runs[run.key].named["id"]
        told = write(
            path,
            lambda: map(flatten, run.rows()),
            lambda: {"format": 1, "run": run_id, "sessions": {}},
        )
        manifest = contents.add_manifest([contents.add_made(path, FILES[DEFAULT_STREAM])])
        return manifest, {key: told[key] for key in ("rows", "last_step")}

    def _record(
        self,
        run: SourceRun,
        what: str,
        type_: str,
        manifest: Manifest,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        named = self._runs[run.key].named
        at = run.created_at if run.finished_at is None else run.finished_at
        name = record_name(named["id"], what)
        record = self._records.version(
            named["project"], name, type_, manifest, created_at=at, metadata=metadata
        )
        self._records.point_latest(record, at, tell=True)
        self._records.link(named, record, LinkKind.OUTPUT, at, None)

    def _add_link(self, link: SourceLink) -> None:
        run, version = self._runs[link.run], self._versions[link.version]
        kind = LinkKind.OUTPUT if link.is_output else LinkKind.INPUT
        if not run.is_deleted and (link.is_output or version["name"] not in run.uses):
            self._records.link(run.named, version, kind, link.at, link.ref_text)

    def _add_input(self, used: SourceInput) -> None:
        run, project = self._runs[used.run], self._project(used.project)
        version = self._origins.get((project, used.origin))
        if version is None:
            version = self._brought_before(project, used)
        if version is None:
            self._collected.leave_out(used.what, used.otherwise)
        elif not run.is_deleted:
            self._records.link(run.named, version, LinkKind.INPUT, used.at, used.ref_text)

    def _brought_before(self, project: str, used: SourceInput) -> Record | None:
        """Return a version that an earlier import has brought, rather one that is not deleted."""
        catalog, ours = self._store.catalog, self._named(used.origin)
        versions = catalog.list_versions(self._entity, project, used.name, deleted=True)
        found = [each for each in versions if (each.metadata or {}).get(IMPORTED_FROM) == ours]
        if not found:
            return None
        version = min(found, key=lambda each: each.deleted_at is not None)
        return {
            "entity": self._entity,
            "project": project,
            "name": used.name,
            "number": version.number,
            "digest": format_digest(version.digest),
        }

    # -- what was done

    def _report(self, changes: Restored, *, new_bytes: int = 0, dry_run: bool = False) -> Report:
        internal = {
            f"{record['project']}/{record['name']}"
            for record in self._records.artifacts()
            if record["type"] in INTERNAL_TYPES
        }
        numbered = {
            f"{self._project(version.project)}/{version.name}:v{version.number}"
            for version in self._collected.versions
            if version.number is not None
        }

        def logged(refs: Iterable[str]) -> list[str]:
            return [ref for ref in refs if ref.partition(":")[0] not in internal]

        known = self._runs.values()
        return Report(
            tool=self._collected.tool,
            dry_run=dry_run,
            versions=logged(changes.versions),
            existing=changes.existing,
            undeleted=logged(changes.undeleted),
            renumbered=[each for each in changes.renumbered if each[0] in numbered],
            runs=["{project}/{id}".format_map(run.named) for run in known if run.is_new],
            existing_runs=sum(not run.is_new and not run.is_deleted for run in known),
            links=changes.links,
            aliases_moved=logged(changes.aliases_moved),
            aliases_kept=logged(changes.aliases_kept),
            new_bytes=new_bytes,
            left_out=self._collected.left_out,
        )
