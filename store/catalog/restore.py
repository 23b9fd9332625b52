"""Statements that enter records of a `transcript` into a catalog, beside what is there.

Nothing is entered twice: a record that an earlier import, or the store itself, has brought is
found again. What the catalog has stays as it is. A version keeps its number where nobody has it;
otherwise it gets the next one, and the report says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from artifacts.store.catalog import changes
from artifacts.store.catalog import versions as reading
from artifacts.store.catalog.restore_facts import FactRestorer
from artifacts.store.catalog.schema import (
    alerts,
    alias_events,
    aliases,
    artifact_tags,
    artifacts,
    links,
    projects,
    runs,
    sweeps,
    versions,
)
from artifacts.store.digests import parse_digest
from artifacts.store.errors import FormatError, InvalidInputError
from artifacts.store.records import ACTIVE_STATES
from artifacts.store.refs import LATEST

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.engine import Connection

    from artifacts.store.catalog.database import Database
    from artifacts.store.transcript import Record

UNKNOWN = "unknown"
"""State of a run of which an export says only that it was running."""


@dataclass(slots=True)
class Restored:
    """What entering records did.

    Attributes:
        versions: New versions, by name.
        existing: How many versions were there already.
        undeleted: Deleted versions that are back.
        renumbered: (name in the export, name here) of versions under another number or project.
        runs: How many runs are new.
        renamed_runs: (id in the export, id here) of runs whose id another run has.
        links: How many edges of lineage are new.
        links_left_out: How many edges led to versions that are neither in the export nor here.
        aliases_moved: Aliases that were set or moved, with the version.
        aliases_kept: Aliases that stay with another version, with the version of the export.
    """

    versions: list[str] = field(default_factory=list)
    existing: int = 0
    undeleted: list[str] = field(default_factory=list)
    renumbered: list[tuple[str, str]] = field(default_factory=list)
    runs: int = 0
    renamed_runs: list[tuple[str, str]] = field(default_factory=list)
    links: int = 0
    links_left_out: int = 0
    aliases_moved: list[str] = field(default_factory=list)
    aliases_kept: list[str] = field(default_factory=list)


class NotKept(Exception):  # noqa: N818 - not an error: it ends a transaction that was tried out
    """Rolls back what was entered to see what that does."""

    def __init__(self, report: Restored) -> None:
        super().__init__()
        self.report = report


class _Artifact(NamedTuple):
    id: int
    is_new: bool


class _Alias(NamedTuple):
    artifact_id: int
    name: str
    version_id: int
    protected: bool


_Key = tuple[str, str, str]  # entity, project, and the name of an artifact or the id of a run


def restore(
    db: Database,
    connection: Connection,
    records: Iterable[Record],
    *,
    move_aliases: bool,
    by: str | None,
) -> Restored:
    """Enter records, in the order of a transcript.

    Args:
        move_aliases: Also those that another version has, unless they are protected.
        by: Who moves them.

    Raises:
        InvalidInputError: An artifact exists with another type.
        FormatError: A record names what does not stand before it.
    """
    work = Restoring(db, connection, move_aliases=move_aliases, by=by)
    for record in records:
        work.enter(record)
    work.end()
    return work.report


class Restoring:
    """Enters records one by one.

    Args:
        move_aliases: As for `restore`.
        by: As for `restore`.
    """

    def __init__(
        self, db: Database, connection: Connection, *, move_aliases: bool, by: str | None
    ) -> None:
        self.report = Restored()
        self._db = db
        self._connection = connection
        self._move_aliases = move_aliases
        self._by = by
        self._now = db.now(connection)
        self._projects: dict[tuple[str, str], int] = {}
        self._artifacts: dict[_Key, _Artifact] = {}
        self._versions: dict[tuple[_Key, int], int] = {}
        self._digests: dict[tuple[_Key, int], str] = {}
        self._events: dict[int, int] = {}
        self._runs: dict[_Key, int] = {}
        self._aliases: list[_Alias] = []
        facts = FactRestorer(
            db,
            connection,
            find=self._version_named,
            find_run=lambda run: self._runs.get(run_key_of(run)),
            report=self.report,
            by=by,
        )
        self._kinds = {
            "project": self._project,
            "artifact": self._artifact,
            "version": self._version,
            "alias_event": self._event,
            "sweep": self._sweep,
            "run": self._run,
            "alert": self._alert,
            "link": self._link,
            "derivation": facts.derivation,
            "recall": facts.recall,
            "consumer": facts.consumer,
        }

    def enter(self, record: Record) -> None:
        """Enter one record."""
        self._kinds[record["record"]](record)

    def end(self) -> None:
        """Point the aliases, when all versions are there."""
        for alias in self._aliases:
            self._point(alias)
        for artifact in self._artifacts.values():
            self._ensure_latest(artifact)

    # -- projects and artifacts

    def _project(self, record: Record) -> None:
        entity, name = record["entity"], record["name"]
        row = {"entity": entity, "name": name, "created_at": record["created_at"]}
        self._connection.execute(self._db.insert(projects).values(row).on_conflict_do_nothing())
        find = sa.select(projects.c.id).where(projects.c.entity == entity, projects.c.name == name)
        self._projects[entity, name] = self._connection.execute(find).scalar_one()

    def _project_of(self, record: Record) -> int:
        found = self._projects.get((record["entity"], record["project"]))
        if found is None:
            raise _unknown(f"project {record['project']!r}")
        return found

    def _artifact(self, record: Record) -> None:
        project_id, name = self._project_of(record), record["name"]
        row = {
            "project_id": project_id,
            "next_number": 0,
            **columns_of(
                record,
                *("name", "type", "description", "retention"),
                *("created_at", "updated_at"),
            ),
        }
        new = self._connection.scalar(
            self._db.insert(artifacts)
            .values(row)
            .on_conflict_do_nothing()
            .returning(artifacts.c.id)
        )
        # Also the lock under which numbers are given.
        found = self._connection.execute(
            sa.select(artifacts.c.id, artifacts.c.type)
            .where(artifacts.c.project_id == project_id, artifacts.c.name == name)
            .with_for_update()
        ).one()
        if found.type != record["type"]:
            raise InvalidInputError(
                f"{record['project']}/{name} exists with type {found.type!r}; that of the export "
                f"has type {record['type']!r}",
                hint="import into another project: art import FILE --project PROJECT",
                kind="type_mismatch",
            )
        self._artifacts[_key(record)] = _Artifact(found.id, new is not None)
        if new is not None:
            self._raise_counter(found.id, record["next_number"])
        tags = [{"artifact_id": found.id, "tag": tag} for tag in dict.fromkeys(record["tags"])]
        if tags:
            self._connection.execute(
                self._db.insert(artifact_tags).values(tags).on_conflict_do_nothing()
            )

    def _artifact_of(self, record: Record) -> _Artifact:
        found = self._artifacts.get(_key(record))
        if found is None:
            raise _unknown(f"artifact {record['name']!r}")
        return found

    def _raise_counter(self, artifact_id: int, at_least: int) -> None:
        self._connection.execute(
            sa.update(artifacts)
            .where(artifacts.c.id == artifact_id, artifacts.c.next_number < at_least)
            .values(next_number=at_least)
        )

    # -- versions

    def _version(self, record: Record) -> None:
        artifact = self._artifact_of(record)
        found = None if artifact.is_new else self._find_version(artifact.id, record)
        if found is None:
            version_id, number = self._insert_version(artifact.id, record)
            self.report.versions.append(_ref(record, number))
        else:
            version_id, number, deleted = found
            self.report.existing += 1
            if record["deleted_at"] is None:
                self._bring_back(version_id, record, deleted=deleted)
        origin = record.get("origin", _ref(record, record["number"]))
        if origin != _ref(record, number):
            self.report.renumbered.append((origin, _ref(record, number)))
        self._versions[_key(record), record["number"]] = version_id
        self._digests[_key(record), record["number"]] = record["digest"]
        if record["deleted_at"] is not None:
            return
        changes.add_tags(self._db, self._connection, version_id, record["tags"])
        self._aliases += [
            _Alias(artifact.id, name, version_id, name in record["protected"])
            for name in record["aliases"]
        ]

    def _find_version(self, artifact_id: int, record: Record) -> tuple[int, int, bool] | None:
        """Return (key, number, deleted) of the version that a record describes."""
        statement = sa.select(
            versions.c.id, versions.c.number, versions.c.created_at, versions.c.deleted_at
        ).where(
            versions.c.artifact_id == artifact_id,
            versions.c.digest == parse_digest(record["digest"]),
        )
        live = record["deleted_at"] is None
        best: tuple[int, tuple[int, int, bool]] | None = None
        for row in self._connection.execute(statement.order_by(versions.c.number)):
            same_number = row.number == record["number"]
            deleted = row.deleted_at is not None
            if not (
                same_number or row.created_at == record["created_at"] or (live and not deleted)
            ):
                continue
            # A live one of this content comes first: there is to be only one.
            rank = 2 * (live and not deleted) + same_number
            if best is None or rank > best[0]:
                best = rank, (row.id, row.number, deleted)
        return None if best is None else best[1]

    def _insert_version(self, artifact_id: int, record: Record) -> tuple[int, int]:
        number = record["number"]
        taken = sa.select(versions.c.id).where(
            versions.c.artifact_id == artifact_id, versions.c.number == number
        )
        if self._connection.scalar(taken) is not None:
            counter = sa.select(artifacts.c.next_number).where(artifacts.c.id == artifact_id)
            number = self._connection.execute(counter).scalar_one()
        self._raise_counter(artifact_id, number + 1)
        row = {
            "artifact_id": artifact_id,
            "number": number,
            "digest": parse_digest(record["digest"]),
            **columns_of(
                record,
                *("size", "file_count", "description", "metadata", "created_by"),
                *("created_at", "updated_at", "logged_at", "ttl", "broken", "deleted_at"),
            ),
        }
        statement = sa.insert(versions).values(row).returning(versions.c.id)
        return self._connection.execute(statement).scalar_one(), number

    def _bring_back(self, version_id: int, record: Record, *, deleted: bool) -> None:
        """Make a version live again whose data were brought."""
        here = sa.update(versions).where(versions.c.id == version_id)
        if deleted:
            self._connection.execute(here.values(deleted_at=None, broken=record["broken"]))
            self.report.undeleted.append(reading.get(self._connection, version_id).ref)
        elif record["broken"] is None:
            self._connection.execute(here.values(broken=None))

    def _version_of(self, record: Record, number: int | None) -> int | None:
        if number is None:
            return None
        found = self._versions.get((_key(record), number))
        if found is None:
            raise _unknown(_ref(record, number))
        return found

    # -- aliases

    def _event(self, record: Record) -> None:
        row = {
            "artifact_id": self._artifact_of(record).id,
            "alias": record["alias"],
            "from_version_id": self._version_of(record, record["from"]),
            "to_version_id": self._version_of(record, record["to"]),
            "at": record["at"],
            "by": record["by"],
        }
        same = sa.select(alias_events.c.id).where(
            *(alias_events.c[name].is_not_distinct_from(value) for name, value in row.items())
        )
        event = self._connection.scalar(same.limit(1))
        if event is None:
            statement = sa.insert(alias_events).values(row).returning(alias_events.c.id)
            event = self._connection.execute(statement).scalar_one()
        self._events[record["event"]] = event

    def _point(self, alias: _Alias) -> None:
        here = sa.and_(aliases.c.artifact_id == alias.artifact_id, aliases.c.name == alias.name)
        held = self._connection.execute(
            sa.select(aliases.c.version_id, aliases.c.protected).where(here)
        ).first()
        if held is not None and held.version_id == alias.version_id:
            return
        version = reading.get(self._connection, alias.version_id)
        name = f"{version.project}/{version.name}:{alias.name}"
        if held is not None and (held.protected or not self._move_aliases):
            self.report.aliases_kept.append(f"{name} ({version.version} in the export)")
            return
        if held is None:
            row = {
                "artifact_id": alias.artifact_id,
                "name": alias.name,
                "version_id": alias.version_id,
                "protected": int(alias.protected),
            }
            self._connection.execute(sa.insert(aliases).values(row))
        else:
            change = sa.update(aliases).where(here).values(version_id=alias.version_id)
            self._connection.execute(change)
        self._record_move(alias, None if held is None else held.version_id)
        self.report.aliases_moved.append(f"{name} -> {version.version}")

    def _record_move(self, alias: _Alias, previous: int | None) -> None:
        """Record that an alias was set, unless the history that came along ends with that."""
        last = self._connection.execute(
            sa.select(alias_events.c.to_version_id)
            .where(
                alias_events.c.artifact_id == alias.artifact_id,
                alias_events.c.alias == alias.name,
            )
            .order_by(alias_events.c.id.desc())
            .limit(1)
        ).first()
        if last is not None and last.to_version_id == alias.version_id:
            return
        row = {
            "artifact_id": alias.artifact_id,
            "alias": alias.name,
            "from_version_id": previous,
            "to_version_id": alias.version_id,
            "at": self._now,
            "by": self._by,
        }
        self._connection.execute(sa.insert(alias_events).values(row))

    def _ensure_latest(self, artifact: _Artifact) -> None:
        """An artifact that has versions has a latest one, also when that one did not come along."""
        if reading.by_alias(self._connection, artifact.id, LATEST) is not None:
            return
        newest = self._connection.scalar(
            sa.select(versions.c.id)
            .where(versions.c.artifact_id == artifact.id, versions.c.deleted_at.is_(None))
            .order_by(versions.c.logged_at.desc(), versions.c.number.desc())
            .limit(1)
        )
        if newest is not None:
            self._point(_Alias(artifact.id, LATEST, newest, protected=False))

    # -- runs and lineage

    def _sweep(self, record: Record) -> None:
        """Enter a sweep; one that is there already stays as it is."""
        row = {
            "project_id": self._project_of(record),
            "sweep_id": record["id"],
            **columns_of(record, "name", "config", "state", "created_at", "created_by"),
        }
        self._connection.execute(self._db.insert(sweeps).values(row).on_conflict_do_nothing())

    def _run(self, record: Record) -> None:
        project_id = self._project_of(record)
        run_id, attempt = record["id"], 1
        while True:
            same = sa.and_(runs.c.project_id == project_id, runs.c.run_id == run_id)
            found = self._connection.execute(
                sa.select(runs.c.id, runs.c.created_at, runs.c.name).where(same)
            ).first()
            if found is None:
                break
            if (found.created_at, found.name) == (record["created_at"], record["name"]):
                self._runs[run_key_of(record)] = found.id
                return
            attempt += 1
            run_id = f"{record['id']}-{attempt}"
        if attempt > 1:
            self.report.renamed_runs.append((record["id"], run_id))
        row = {
            "project_id": project_id,
            "run_id": run_id,
            **columns_of(
                record,
                *("name", "group", "job_type", "notes", "tags", "config", "summary"),
                *("created_at", "finished_at", "exit_code", "user", "host"),
                *("tracking", "sweep_id", "metadata", "system_metrics", "deleted_at"),
            ),
            "trial": record.get("trial"),  # older exports have none
            "state": UNKNOWN if record["state"] in ACTIVE_STATES else record["state"],
        }
        statement = sa.insert(runs).values(row).returning(runs.c.id)
        self._runs[run_key_of(record)] = self._connection.execute(statement).scalar_one()
        self.report.runs += 1

    def _run_of(self, record: Record) -> int:
        run = self._runs.get(run_key_of(record["run"]))
        if run is None:
            raise _unknown(f"run {record['run']['id']!r}")
        return run

    def _alert(self, record: Record) -> None:
        row = {
            "run_id": self._run_of(record),
            **columns_of(record, "title", "text", "level", "at", "suppressed"),
        }
        same = sa.select(alerts.c.id).where(
            *(alerts.c[name] == row[name] for name in ("run_id", "title", "at"))
        )
        if self._connection.scalar(same.limit(1)) is None:
            self._connection.execute(sa.insert(alerts).values(row))

    def _link(self, record: Record) -> None:
        run = self._run_of(record)
        version_id = self._version_named(record["version"], record["digest"])
        if version_id is None:
            self.report.links_left_out += 1
            return
        row = {
            "run_id": run,
            "version_id": version_id,
            "kind": record["kind"],
            "at": record["at"],
            "ref_text": record["ref_text"],
            "alias_event_id": self._events.get(record["event"]),
            "subset": record["subset"],
            "internal": reading.is_internal(version_id),
        }
        new = self._db.insert(links).values(row).on_conflict_do_nothing().returning(links.c.id)
        if self._connection.scalar(new) is not None:
            self.report.links += 1

    def _version_named(self, named: Record, digest: str) -> int | None:
        """Return the version at an edge: of the export, or the same one that was here before."""
        place = _key(named), named["number"]
        # The same number may be that of another content here.
        if place in self._versions and self._digests[place] == digest:
            return self._versions[place]
        statement = (
            sa.select(versions.c.id)
            .join(artifacts, artifacts.c.id == versions.c.artifact_id)
            .join(projects, projects.c.id == artifacts.c.project_id)
            .where(
                projects.c.entity == named["entity"],
                projects.c.name == named["project"],
                artifacts.c.name == named["name"],
                versions.c.number == named["number"],
                versions.c.digest == parse_digest(digest),
            )
        )
        here: int | None = self._connection.scalar(statement)
        return here


def columns_of(record: Record, *names: str) -> Record:
    """Return some members of a record."""
    return {name: record[name] for name in names}


def _key(record: Record) -> _Key:
    return record["entity"], record["project"], record["name"]


def run_key_of(record: Record) -> _Key:
    """Return what a run is named by."""
    return record["entity"], record["project"], record["id"]


def _ref(record: Record, number: int) -> str:
    return f"{record['project']}/{record['name']}:v{number}"


def _unknown(what: str) -> FormatError:
    return FormatError(f"the export names {what}, which is not in it", kind="bad_export")
