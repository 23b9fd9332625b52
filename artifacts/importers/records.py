"""The records of a `transcript` that describes what was found in another tool."""

from __future__ import annotations

import io
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from artifacts.runs.values import storable
from artifacts.store import transcript
from artifacts.store.digests import format_digest
from artifacts.store.refs import LATEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from artifacts.store.manifest import Manifest
    from artifacts.store.records import AlertRecord, LinkKind
    from artifacts.store.transcript import Record

_ORDER = ("project", "artifact", "version", "alias_event", "run", "alert", "link")


class Records:
    """Collects records, which name each other by project, name and number.

    Args:
        entity: Owner of all projects.
    """

    def __init__(self, entity: str) -> None:
        self._entity = entity
        self._of_kind: dict[str, list[Record]] = defaultdict(list)
        self._projects: dict[str, Record] = {}
        self._artifacts: dict[tuple[str, str], Record] = {}
        self._by_content: dict[tuple[str, str, str], Record] = {}
        self._holders: dict[tuple[str, str, str], Record] = {}

    def transcript(self, header: transcript.Header) -> Callable[[], Iterator[Record]]:
        """Return what yields all records, each one checked like those of an export."""
        file = io.BytesIO()
        writer = transcript.Writer(file, header)
        for kind in _ORDER:
            for record in self._of_kind[kind]:
                writer.add(record)
        writer.end()
        data = file.getvalue()
        return lambda: transcript.read(io.BytesIO(data))

    def artifacts(self) -> Iterable[Record]:
        """Return the records of artifacts."""
        return self._of_kind["artifact"]

    def run(self, named: Mapping[str, str], about: Mapping[str, Any]) -> None:
        """Add a run.

        Args:
            named: Its entity, project and id.
            about: All else.
        """
        self._need_project(named["project"], about["created_at"])
        record = {
            "record": "run",
            **named,
            **about,
            "tracking": None,
            "system_metrics": None,
            "deleted_at": None,
        }
        self._of_kind["run"].append(storable(record))

    def alert(self, run: Mapping[str, str], alert: AlertRecord) -> None:
        """Add a message that a run has sent."""
        told = {
            "title": storable(alert.title),
            "text": storable(alert.text),
            "level": alert.level.value,
            "at": alert.at,
            "suppressed": alert.suppressed,
        }
        self._of_kind["alert"].append({"record": "alert", "run": run, **told})

    def version(
        self,
        project: str,
        name: str,
        type_: str,
        manifest: Manifest,
        *,
        created_at: int,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        number: int | None = None,
    ) -> Record:
        """Add a version, or return that of the same content: an artifact has one of each."""
        artifact = self._need_artifact(project, name, type_, created_at)
        digest = format_digest(manifest.digest)
        found = self._by_content.get((project, name, digest))
        if found is not None:
            return found
        number = artifact["next_number"] if number is None else number
        artifact["next_number"] = max(artifact["next_number"], number + 1)
        record = {
            "record": "version",
            **self._place(project),
            "name": name,
            "number": number,
            "digest": digest,
            "size": manifest.size,
            "file_count": len(manifest),
            "description": None if description is None else storable(description),
            "metadata": storable(dict(metadata or {})),
            "created_at": created_at,
            "updated_at": created_at,
            "logged_at": created_at,
            "created_by": None,
            "ttl": None,
            "broken": None,
            "deleted_at": None,
            "aliases": [],
            "protected": [],
            "tags": [],
        }
        self._by_content[project, name, digest] = record
        self._of_kind["version"].append(record)
        return record

    def point(self, alias: str, record: Record) -> Record | None:
        """Let an alias name a version, and no other of its artifact.

        Returns:
            The version that it named before.
        """
        key = (record["project"], record["name"], alias)
        before = self._holders.get(key)
        if before is not None:
            before["aliases"].remove(alias)
        record["aliases"].append(alias)
        self._holders[key] = record
        return before

    def point_latest(self, record: Record, at: int, *, tell: bool) -> None:
        """Let ``latest`` name a version.

        Args:
            at: Since when.
            tell: Whether the history of the alias is to say so.
        """
        before = self.point(LATEST, record)
        if not tell or before is record:
            return
        events = self._of_kind["alias_event"]
        events.append(
            {
                "record": "alias_event",
                **self._place(record["project"]),
                "name": record["name"],
                "event": len(events),
                "alias": LATEST,
                "from": None if before is None else before["number"],
                "to": record["number"],
                "at": at,
                "by": None,
            }
        )

    def link(
        self,
        run: Mapping[str, str],
        version: Record,
        kind: LinkKind,
        at: int,
        ref_text: str | None,
    ) -> None:
        """Add an edge."""
        self._of_kind["link"].append(
            {
                "record": "link",
                "run": run,
                "version": {
                    name: version[name] for name in ("entity", "project", "name", "number")
                },
                "digest": version["digest"],
                "kind": kind.value,
                "at": at,
                "ref_text": ref_text,
                "event": None,
                "subset": None,
            }
        )

    def _place(self, project: str) -> dict[str, str]:
        return {"entity": self._entity, "project": project}

    def _need_project(self, project: str, at: int) -> None:
        found = self._projects.get(project)
        if found is None:
            found = {
                "record": "project",
                "entity": self._entity,
                "name": project,
                "created_at": at,
            }
            self._projects[project] = found
            self._of_kind["project"].append(found)
        found["created_at"] = min(found["created_at"], at)

    def _need_artifact(self, project: str, name: str, type_: str, at: int) -> Record:
        found = self._artifacts.get((project, name))
        if found is None:
            self._need_project(project, at)
            found = {
                "record": "artifact",
                **self._place(project),
                "name": name,
                "type": type_,
                "description": None,
                "next_number": 0,
                "retention": None,
                "tags": [],
                "created_at": at,
                "updated_at": at,
            }
            self._artifacts[project, name] = found
            self._of_kind["artifact"].append(found)
        found["created_at"] = min(found["created_at"], at)
        found["updated_at"] = max(found["updated_at"], at)
        return found
