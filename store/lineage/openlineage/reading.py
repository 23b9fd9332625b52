"""Events back into records of versions, runs and edges, as a `transcript` has them.

Events that artifacts has written say in facets of their own what they are about, and become what
they were made of. Those of other programs become versions of artifacts that are named after their
datasets: one for each version that a dataset says it has, or a single one.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from artifacts.store import transcript
from artifacts.store.digests import format_digest, hash_bytes
from artifacts.store.errors import FormatError
from artifacts.store.lineage.openlineage.datasets import DERIVATION_FACET, VERSION_FACET
from artifacts.store.lineage.openlineage.events import LINK_FACET, RUN_FACET
from artifacts.store.records import RUNNING, WITHOUT_DATA, DerivationKind, LinkKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifacts.store.transcript import Record

    Json = dict[str, Any]

_STATES = {"COMPLETE": "finished", "FAIL": "failed", "ABORT": "preempted"}
_ENDED = frozenset(_STATES)
_REFUSED = re.compile(r"[^a-zA-Z0-9_\-.]+")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_OF_A_NAME = 100

_VersionKey = tuple[str, str, str, int]


class Home(NamedTuple):
    """Where what other programs have done belongs."""

    entity: str
    project: str


class EventReader:
    """Takes events, in any order, and gives records of all of them.

    Args:
        home: For events that artifacts has not written.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._versions: dict[_VersionKey, Record] = {}
        self._foreign: dict[str, dict[str, int]] = {}
        self._runs: dict[str, Record] = {}
        self._links: dict[tuple[str, _VersionKey, LinkKind], Record] = {}
        self._derivations: dict[tuple[_VersionKey, _VersionKey], tuple[Record, str | None]] = {}

    def take(self, event: Any, line: int) -> None:
        """Take one event.

        Args:
            line: Where it comes from, for messages.

        Raises:
            FormatError: It is none, or says something that cannot be.
        """
        try:
            self._take(event, line)
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            raise FormatError(
                f"line {line} is not an event of OpenLineage: {_reason(error)}", kind="bad_event"
            ) from error

    def records(self) -> Iterator[Record]:
        """Yield everything, in the order of a transcript."""
        yield from self._projects()
        yield from self._artifacts()
        yield from self._versions.values()
        yield from self._runs.values()
        for (run_id, _, _), link in self._links.items():
            yield link | {"run": _named_run(self._runs[run_id])}
        for derivation, done_in in self._derivations.values():
            run = None if done_in is None else self._runs.get(done_in)
            yield derivation | {"run": None if run is None else _named_run(run)}

    # -- events

    def _take(self, event: Json, line: int) -> None:
        at = _microseconds(event["eventTime"])
        if "run" in event:
            run_id = event["run"]["runId"]
            self._take_run(event, run_id, at, line)
            for kind, member in ((LinkKind.INPUT, "inputs"), (LinkKind.OUTPUT, "outputs")):
                for dataset in event.get(member) or ():
                    self._take_link(run_id, kind, dataset, at, line)
        elif "dataset" in event:
            self._take_dataset(event["dataset"], at, line)
        elif "job" in event:
            # What a job would read and write says nothing of what one has.
            for dataset in [*(event.get("inputs") or ()), *(event.get("outputs") or ())]:
                self._take_dataset(dataset, at, line)
        else:
            raise ValueError("it is about no run, dataset or job")

    def _take_run(self, event: Json, run_id: str, at: int, line: int) -> None:
        said = (event["run"].get("facets") or {}).get(RUN_FACET)
        known = self._runs.get(run_id)
        record = self._foreign_run(event, run_id, at) if said is None else _own_run(said)
        kind = event.get("eventType")
        if said is None and kind in _ENDED:
            record |= {"state": _STATES[kind], "finished_at": at}
        if known is not None:
            if said is None:
                record["created_at"] = min(known["created_at"], record["created_at"])
            if known["finished_at"] is not None and record["finished_at"] is None:
                # Events may come in any order, and an end is what there is to know.
                ending = ("state", "finished_at", "exit_code")
                record |= {name: known[name] for name in ending}
        transcript.check_record(record, line)
        self._runs[run_id] = record

    def _foreign_run(self, event: Json, run_id: str, at: int) -> Record:
        return _run(
            entity=self._home.entity,
            project=self._home.project,
            id=run_id,
            name=event["job"]["name"],
            job_type=event["job"]["name"],
            state=RUNNING,
            created_at=at,
        )

    def _take_link(self, run_id: str, kind: LinkKind, dataset: Json, at: int, line: int) -> None:
        version = self._take_dataset(dataset, at, line)
        own = kind is LinkKind.INPUT
        facets = dataset.get("inputFacets" if own else "outputFacets") or {}
        said = facets.get(LINK_FACET) or {}
        record = {
            "record": "link",
            "run": _named_run(self._runs[run_id]),
            "version": _named(self._versions[version]),
            "digest": self._versions[version]["digest"],
            "kind": kind.value,
            "at": _microseconds(said["at"]) if "at" in said else at,
            "ref_text": said.get("ref"),
            "event": None,
            "subset": said.get("subset", _subset(facets)),
        }
        transcript.check_record(record, line)
        self._links[run_id, version, kind] = record

    # -- datasets

    def _take_dataset(self, dataset: Json, at: int, line: int) -> _VersionKey:
        facets = dataset.get("facets") or {}
        said = facets.get(VERSION_FACET)
        record = self._foreign_version(dataset, at) if said is None else _own_version(said)
        transcript.check_record(record, line)
        transcript.check_record(_artifact_of(record), line)
        key = _key(record)
        known = self._versions.get(key)
        if known is not None and known["digest"] != record["digest"]:
            raise FormatError(
                f"line {line}: there are two {_ref(record)} with different contents",
                hint="these are events of several stores: import them from one file each",
                kind="bad_event",
            )
        if known is not None and said is None:
            record["created_at"] = record["logged_at"] = record["updated_at"] = min(
                known["created_at"], record["created_at"]
            )
        self._versions[key] = record
        for origin in (facets.get(DERIVATION_FACET) or {}).get("inputs", ()):
            self._take_origin(record, origin, line)
        return key

    def _take_origin(self, output: Record, origin: Json, line: int) -> None:
        source = {name: origin[name] for name in ("entity", "project", "name", "number")}
        record = {
            "record": "derivation",
            "version": _named(output),
            "digest": output["digest"],
            "source": source,
            "source_digest": origin["digest"],
            "run": None,
            "kind": DerivationKind(origin["kind"]).value,
            "at": _microseconds(origin["at"]),
        }
        transcript.check_record(record, line)
        self._derivations[_key(output), _key(source)] = record, origin.get("runId")

    def _foreign_version(self, dataset: Json, at: int) -> Record:
        place, facets = f"{dataset['namespace']}\0{dataset['name']}", dataset.get("facets") or {}
        label = str((facets.get("version") or {}).get("datasetVersion", ""))
        identity = f"{place}\0{label}"
        name = _foreign_name(dataset["name"], place)
        # Which number it gets in the store is decided there.
        numbers = self._foreign.setdefault(name, {})
        number = numbers.setdefault(identity, len(numbers))
        described = f"{dataset['namespace']} {dataset['name']} {label}".rstrip()
        return _version(
            entity=self._home.entity,
            project=self._home.project,
            name=name,
            number=number,
            type="dataset",
            digest=format_digest(hash_bytes(f"openlineage\0{identity}".encode())),
            description=described,
            created_at=at,
        )

    # -- what versions belong to

    def _projects(self) -> Iterator[Record]:
        found: dict[tuple[str, str], int] = {}
        for record in [*self._versions.values(), *self._runs.values()]:
            place = record["entity"], record["project"]
            found[place] = min(found.get(place, record["created_at"]), record["created_at"])
        for (entity, name), created_at in found.items():
            yield {"record": "project", "entity": entity, "name": name, "created_at": created_at}

    def _artifacts(self) -> Iterator[Record]:
        found: dict[tuple[str, str, str], Record] = {}
        for version in self._versions.values():
            key = version["entity"], version["project"], version["name"]
            record = found.setdefault(key, _artifact_of(version))
            record["next_number"] = max(record["next_number"], version["number"] + 1)
            record["created_at"] = min(record["created_at"], version["created_at"])
            record["updated_at"] = max(record["updated_at"], version["created_at"])
        yield from found.values()


def _own_version(said: Json) -> Record:
    deleted = said.get("deletedAt")
    return _version(
        entity=said["entity"],
        project=said["project"],
        name=said["name"],
        number=said["number"],
        type=said["type"],
        digest=said["digest"],
        size=said["size"],
        file_count=said["fileCount"],
        description=said.get("description"),
        created_by=said.get("createdBy"),
        created_at=_microseconds(said["createdAt"]),
        logged_at=_microseconds(said["loggedAt"]),
        deleted_at=None if deleted is None else _microseconds(deleted),
        aliases=said["aliases"],
        tags=said["tags"],
    )


def _version(*, type: str, created_at: int, **members: Any) -> Record:
    return {
        "record": "version",
        "size": 0,
        "file_count": 0,
        "description": None,
        "metadata": {},
        "created_at": created_at,
        "updated_at": created_at,
        "logged_at": created_at,
        "created_by": None,
        "ttl": None,
        "broken": WITHOUT_DATA,
        "deleted_at": None,
        "aliases": [],
        "protected": [],
        "tags": [],
        "artifact_type": type,
        **members,
    }


def _artifact_of(version: Record) -> Record:
    return {
        "record": "artifact",
        **{name: version[name] for name in ("entity", "project", "name")},
        "type": version["artifact_type"],
        "description": None,
        "next_number": version["number"] + 1,
        "retention": None,
        "tags": [],
        "created_at": version["created_at"],
        "updated_at": version["created_at"],
    }


def _own_run(said: Json) -> Record:
    finished, deleted = said.get("finishedAt"), said.get("deletedAt")
    return _run(
        entity=said["entity"],
        project=said["project"],
        id=said["id"],
        name=said["name"],
        state=said["state"],
        group=said.get("group"),
        job_type=said.get("jobType"),
        tags=said["tags"],
        created_at=_microseconds(said["createdAt"]),
        finished_at=None if finished is None else _microseconds(finished),
        exit_code=said.get("exitCode"),
        deleted_at=None if deleted is None else _microseconds(deleted),
    )


def _run(**members: Any) -> Record:
    nothing = ("group", "job_type", "notes", "finished_at", "exit_code", "user", "host")
    unknown = ("tracking", "sweep_id", "metadata", "system_metrics", "deleted_at")
    return {
        "record": "run",
        **dict.fromkeys((*nothing, *unknown)),
        "tags": [],
        "config": {},
        "summary": {},
        **members,
    }


def _subset(facets: Json) -> Json | None:
    """Return what a program says it has read, if it names files."""
    condition = (facets.get("subset") or {}).get("inputCondition") or {}
    if condition.get("type") != "location":
        return None
    paths = [str(path) for path in condition["locations"]]
    return {"paths": paths, "count": len(paths), "complete": False}


def _foreign_name(name: str, place: str) -> str:
    """Return a name for an artifact, another one for each dataset."""
    plain = _REFUSED.sub("-", name).strip("-.")[:_MOST_OF_A_NAME] or "dataset"
    return f"{plain}-{hash_bytes(place.encode()).hex()[:8]}"


def _microseconds(text: str) -> int:
    """Return a time of RFC 3339; one without a zone is taken as UTC."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _key(record: Record) -> _VersionKey:
    return record["entity"], record["project"], record["name"], record["number"]


def _named(record: Record) -> Record:
    return {name: record[name] for name in ("entity", "project", "name", "number")}


def _named_run(record: Record) -> Record:
    return {name: record[name] for name in ("entity", "project", "id")}


def _ref(record: Record) -> str:
    return "{project}/{name}:v{number}".format_map(record)


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{error} is missing"
    return str(error)
