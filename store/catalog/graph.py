"""Statements that walk over links and derivations, a level at a time, and with keys only.

A question about lineage may touch most of the catalog. So the statements here take the keys of
a whole level at once and return keys; who asks loads records of what is shown in the end.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from artifacts.store.catalog import consumers as consumer_statements
from artifacts.store.catalog import key_lists
from artifacts.store.catalog import recalls as recall_statements
from artifacts.store.catalog import runs as run_statements
from artifacts.store.catalog import versions as version_statements
from artifacts.store.catalog.schema import (
    alias_events,
    aliases,
    artifacts,
    blobs,
    derivations,
    links,
    projects,
    runs,
    versions,
)
from artifacts.store.digests import Digest
from artifacts.store.records import ACTIVE_STATES, LinkKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy.engine import Connection

    from artifacts.store.catalog.database import Database
    from artifacts.store.records import ConsumerRecord, RecallRecord, RunRecord, VersionRecord


class Derivation(NamedTuple):
    """An exact edge, by the keys of what it connects.

    Attributes:
        run: In which the output was made of the input, or None.
    """

    output: int
    input: int
    run: int | None


class Use(NamedTuple):
    """How a run came to an input.

    Attributes:
        link: Key of the edge; later ones are larger.
        ref_text: The reference as the user wrote it.
        alias: The alias through which the version was found, or None.
    """

    link: int
    run: int
    version: int
    ref_text: str | None
    alias: str | None


class AliasState(NamedTuple):
    """Where an alias points now.

    Attributes:
        version: Key of the version, None if there is no such alias any more.
        at: When it was last moved, and by whom.
    """

    version: int | None
    at: int | None
    by: str | None


class GraphReader:
    """The graph of a catalog within one transaction: every answer is of the same moment."""

    def __init__(self, db: Database, connection: Connection) -> None:
        self._db = db
        self._connection = connection
        self._derivations: bool | None = None

    # -- one step of a walk

    def runs_of(self, version_ids: Collection[int], kind: LinkKind) -> set[int]:
        """Return the runs with an edge of this kind at one of these versions."""
        [found] = self._edges("run_id", at="version_id", keys=version_ids, kind=kind)
        return set(found)

    def uses_of(self, version_ids: Collection[int]) -> tuple[set[int], set[int]]:
        """Return the runs that have used one of these versions, and which of them were used."""
        runs_, used = self._in_one_row(_uses_statement(self._db.dialect), version_ids)
        return set(runs_), set(used)

    def inputs_of(self, run_keys: Collection[int], *, internal: bool = True) -> set[int]:
        """Return the versions that these runs have used.

        Args:
            internal: Also versions that merely record a run.
        """
        [found] = self._edges(
            "version_id", at="run_id", keys=run_keys, kind=LinkKind.INPUT, internal=internal
        )
        return set(found)

    def outputs_of(
        self, run_keys: Collection[int], *, internal: bool = True
    ) -> tuple[list[int], list[int]]:
        """Return two columns: runs, and what each of them has logged.

        Args:
            internal: Also versions that merely record a run.
        """
        runs_, made = self._edges(
            "run_id",
            "version_id",
            at="run_id",
            keys=run_keys,
            kind=LinkKind.OUTPUT,
            internal=internal,
        )
        return runs_, made

    def derivations_of(self, outputs: Collection[int]) -> list[Derivation]:
        """Return what these versions were made of, as far as that was declared."""
        return self._derived(derivations.c.output_id, outputs)

    def derivations_from(self, inputs: Collection[int]) -> list[Derivation]:
        """Return what was made of these versions, as far as that was declared."""
        return self._derived(derivations.c.input_id, inputs)

    def with_derivations(self, outputs: Collection[int]) -> set[int]:
        """Return which of these versions say of what they were made."""
        return {found.output for found in self.derivations_of(outputs)}

    def _derived(
        self, column: sa.ColumnElement[int], version_ids: Collection[int]
    ) -> list[Derivation]:
        if self._derivations is None:  # most stores have none
            any_row = sa.select(sa.literal(1)).select_from(derivations).limit(1)
            self._derivations = self._connection.scalar(any_row) is not None
        if not self._derivations:
            return []
        statement = sa.select(
            derivations.c.output_id, derivations.c.input_id, derivations.c.run_id
        ).where(self._among(column, version_ids))
        return [Derivation(*row) for row in self._rows(statement)]

    # -- edges

    def links_at_versions(
        self, version_ids: Collection[int], kind: LinkKind
    ) -> list[tuple[int, int]]:
        """Return (run, version) for the edges of a kind at these versions."""
        return self._links("version_id", version_ids, kind)

    def links_at_runs(self, run_keys: Collection[int], kind: LinkKind) -> list[tuple[int, int]]:
        """Return (run, version) for the edges of a kind at these runs."""
        return self._links("run_id", run_keys, kind)

    def _links(self, at: str, keys: Collection[int], kind: LinkKind) -> list[tuple[int, int]]:
        found = self._edges("run_id", "version_id", at=at, keys=keys, kind=kind)
        return list(zip(*found, strict=True))

    def uses(self, run_keys: Collection[int]) -> list[Use]:
        """Return the inputs of these runs, and how they were named."""
        statement = (
            sa.select(
                links.c.id,
                links.c.run_id,
                links.c.version_id,
                links.c.ref_text,
                alias_events.c.alias,
            )
            .join_from(
                links, alias_events, alias_events.c.id == links.c.alias_event_id, isouter=True
            )
            .where(self._among(links.c.run_id, run_keys), links.c.kind == LinkKind.INPUT.value)
            .order_by(links.c.id)
        )
        return [Use(*row) for row in self._rows(statement)]

    def producers(self, version_ids: Collection[int]) -> dict[int, list[int]]:
        """Return, by version, the runs that logged it, in the order of their edges."""
        statement = (
            sa.select(links.c.version_id, links.c.run_id)
            .where(
                self._among(links.c.version_id, version_ids), links.c.kind == LinkKind.OUTPUT.value
            )
            .order_by(links.c.id)
        )
        found: dict[int, list[int]] = {}
        for version, run in self._rows(statement):
            found.setdefault(version, []).append(run)
        return found

    # -- what versions and runs are

    def matching(
        self,
        version_ids: Collection[int],
        *,
        types: Collection[str] | None = None,
        places: Collection[tuple[str, str]] | None = None,
    ) -> set[int]:
        """Return which of these versions are of one of the types, and in one of the projects.

        Args:
            types: None for all.
            places: Entity and name of projects; None for all.
        """
        statement = _of_artifact(sa.select(versions.c.id)).where(
            self._among(versions.c.id, version_ids)
        )
        if types is not None:
            statement = statement.where(artifacts.c.type.in_(sorted(types)))
        if places is not None:
            statement = statement.join(projects, projects.c.id == artifacts.c.project_id).where(
                sa.or_(
                    *(
                        sa.and_(projects.c.entity == entity, projects.c.name == name)
                        for entity, name in sorted(places)
                    )
                )
            )
        return self._scalars(statement)

    def types_of(self, version_ids: Collection[int]) -> dict[int, str]:
        """Return the type of each of these versions."""
        # Without a join: SQLite would begin with the types, and come by all versions there are.
        artifact_of = self.artifacts_of(version_ids)
        types = sa.select(artifacts.c.id, artifacts.c.type).where(
            self._among(artifacts.c.id, set(artifact_of.values()))
        )
        type_of: dict[int, str] = dict(self._rows(types))
        return dict(zip(artifact_of, map(type_of.__getitem__, artifact_of.values()), strict=True))

    def artifacts_of(self, version_ids: Collection[int]) -> dict[int, int]:
        """Return the key of the artifact of each of these versions."""
        statement = _artifacts_statement(self._db.dialect)
        return dict(zip(*self._in_one_row(statement, version_ids), strict=True))

    def unused_but_by(self, idle: Collection[int]) -> set[int]:
        """Return the versions that these runs have used, and no other run.

        Args:
            idle: The runs.
        """
        used = self.inputs_of(idle)
        dialect = self._db.dialect
        known = key_lists.table_of(dialect, key_lists.parameter(dialect, idle))
        return used - self._scalars(
            sa.select(links.c.version_id).where(
                self._among(links.c.version_id, used),
                links.c.kind == LinkKind.INPUT.value,
                # As a table, which databases hash; a list they would go through for each edge.
                links.c.run_id.not_in(sa.select(known.c.value)),
            )
        )

    def running(self) -> set[int]:
        """Return the keys of all runs that nobody has ended."""
        return self._scalars(sa.select(runs.c.id).where(runs.c.state.in_(sorted(ACTIVE_STATES))))

    def everything(self) -> tuple[set[int], set[int]]:
        """Return the keys of all versions and of all runs, deleted or not."""
        return self._scalars(sa.select(versions.c.id)), self._scalars(sa.select(runs.c.id))

    # -- records

    def versions(self, version_ids: Iterable[int]) -> dict[int, VersionRecord]:
        """Return versions by their keys, deleted or not."""
        return version_statements.get_many(self._connection, version_ids)

    def runs(self, run_keys: Iterable[int]) -> dict[int, RunRecord]:
        """Return runs by their keys, deleted or not."""
        return run_statements.get_many(self._db, self._connection, run_keys)

    def consumers(self) -> list[ConsumerRecord]:
        """Return everything that works with a version outside of runs, by kind and name."""
        found = consumer_statements.list_consumers(self._connection)
        return sorted(found, key=lambda each: (each.kind, each.name, each.since))

    def recalls(self) -> dict[int, RecallRecord]:
        """Return the recalls that are in force, by version."""
        # In the order of time, so that of several the newest counts.
        found = recall_statements.list_recalls(self._connection)[::-1]
        return {each.version.id: each for each in found}

    # -- what has become of them

    def broken(self, version_ids: Collection[int]) -> set[int]:
        """Return which of these versions are marked as having lost data."""
        return self._scalars(
            sa.select(versions.c.id).where(
                self._among(versions.c.id, version_ids), versions.c.broken.is_not(None)
            )
        )

    def newest_siblings(self, version_ids: Collection[int]) -> dict[int, int]:
        """Return, by version, the version of its artifact that was logged last and lives.

        That may be the version itself; a version of an artifact without a live one is left out.
        """
        own = versions.alias("own")
        rank = sa.func.row_number().over(
            partition_by=versions.c.artifact_id,
            order_by=(versions.c.logged_at.desc(), versions.c.number.desc()),
        )
        wanted = sa.select(own.c.artifact_id).where(self._among(own.c.id, version_ids))
        ranked = (
            sa.select(versions.c.id, versions.c.artifact_id, rank.label("rank"))
            .where(versions.c.artifact_id.in_(wanted), versions.c.deleted_at.is_(None))
            .subquery()
        )
        statement = (
            sa.select(own.c.id, ranked.c.id)
            .join(ranked, ranked.c.artifact_id == own.c.artifact_id)
            .where(self._among(own.c.id, version_ids), ranked.c.rank == 1)
        )
        return dict(self._rows(statement))

    def alias_states(self, wanted: Iterable[tuple[int, str]]) -> dict[tuple[int, str], AliasState]:
        """Return where aliases point now.

        Args:
            wanted: A version, which stands for its artifact, and the name of an alias.
        """
        found = {}
        for version, alias in sorted(set(wanted)):
            artifact = sa.select(versions.c.artifact_id).where(versions.c.id == version)
            here = artifact.scalar_subquery()
            holder = self._connection.scalar(
                sa.select(aliases.c.version_id).where(
                    aliases.c.artifact_id == here, aliases.c.name == alias
                )
            )
            moved = self._connection.execute(
                sa.select(alias_events.c.at, alias_events.c.by)
                .where(alias_events.c.artifact_id == here, alias_events.c.alias == alias)
                .order_by(alias_events.c.id.desc())
                .limit(1)
            ).first()
            at, by = (None, None) if moved is None else moved
            found[version, alias] = AliasState(holder, at, by)
        return found

    def contents(self, digits: str, limit: int) -> list[Digest]:
        """Return blobs whose digests begin with some digits."""
        low, high = bytes.fromhex(digits.ljust(64, "0")), bytes.fromhex(digits.ljust(64, "f"))
        statement = (
            sa.select(blobs.c.digest)
            .distinct()
            .where(blobs.c.digest.between(low, high))
            .limit(limit)
        )
        return [Digest(bytes(digest)) for (digest,) in self._rows(statement)]

    # -- inside

    def _edges(
        self,
        *wanted: str,
        at: str,
        keys: Collection[int],
        kind: LinkKind,
        internal: bool = True,
    ) -> list[list[int]]:
        """Do what `_edges_statement` says, with these keys; return the columns."""
        dialect = self._db.dialect
        statement = _edges_statement(dialect, *wanted, at=at, kind=kind, internal=internal)
        return self._in_one_row(statement, keys)

    def _in_one_row(self, statement: sa.Select[Any], keys: Collection[int]) -> list[list[int]]:
        """Return the columns that a statement of `key_lists.named` keys has collected."""
        values = key_lists.values(self._db.dialect, keys)
        [row] = self._connection.execute(statement, values).cursor.fetchall()
        return list(map(key_lists.parse, row))

    def _among(self, column: sa.ColumnElement[int], keys: Collection[int]) -> Any:
        """Return the condition that a column is one of any number of keys."""
        dialect = self._db.dialect
        return key_lists.is_among(dialect, column, key_lists.parameter(dialect, keys))

    def _scalars(self, statement: sa.Select[Any]) -> set[int]:
        """Return the different keys that a statement of one column selects."""
        [column] = statement.selected_columns
        whole = statement.with_only_columns(key_lists.collected(self._db.dialect, column))
        [(text,)] = self._rows(whole)
        return set(key_lists.parse(text))

    def _rows(self, statement: sa.Select[Any]) -> Sequence[Any]:
        """Return plain tuples: there may be a million, and converting them costs more than SQL."""
        return self._connection.execute(statement).cursor.fetchall()


@functools.cache
def _edges_statement(
    dialect: str, *wanted: str, at: str, kind: LinkKind, internal: bool = True
) -> sa.Select[Any]:
    """Return the statement for the edges of a kind at some versions or runs.

    A walk uses it for every level, and to put it together takes longer than SQLite needs to
    answer it.

    Args:
        wanted: Columns of links; each comes in one value.
        at: The one that is given; its values are the parameter, `key_lists.named`.
        internal: Also those of versions that merely record a run.
    """
    statement = _edges_at(dialect, at, kind, [links.c[name] for name in wanted])
    return statement if internal else statement.where(~links.c.internal)


@functools.cache
def _uses_statement(dialect: str) -> sa.Select[Any]:
    """Return the statement for the runs that have used some versions, and for these versions."""
    wanted = [links.c.run_id, links.c.version_id.distinct()]
    return _edges_at(dialect, "version_id", LinkKind.INPUT, wanted)


@functools.cache
def _artifacts_statement(dialect: str) -> sa.Select[Any]:
    """Return the statement for some versions and their artifacts."""
    at_versions = key_lists.is_among(dialect, versions.c.id, key_lists.named())
    return _collected(dialect, [versions.c.id, versions.c.artifact_id]).where(at_versions)


def _edges_at(
    dialect: str, at: str, kind: LinkKind, wanted: Iterable[sa.ColumnElement[int]]
) -> sa.Select[Any]:
    keys = key_lists.named()
    # Written out: a database that is not told the kind before it plans uses no partial index.
    is_kind = links.c.kind == sa.literal(kind.value, literal_execute=True)
    at_keys = key_lists.is_among(dialect, links.c[at], keys)
    return _collected(dialect, wanted).where(at_keys, is_kind)


def _collected(dialect: str, wanted: Iterable[sa.ColumnElement[int]]) -> sa.Select[Any]:
    """Return a statement for columns, each of which comes in one value."""
    columns: list[Any] = [key_lists.collected(dialect, column) for column in wanted]
    return sa.select(*columns)


def _of_artifact(statement: sa.Select[Any]) -> sa.Select[Any]:
    return statement.select_from(versions).join(artifacts, artifacts.c.id == versions.c.artifact_id)
