"""Runs and versions as events: START, one for each use and log, and one at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifacts.store.lineage.openlineage import names
from artifacts.store.lineage.openlineage.datasets import facet
from artifacts.store.records import ACTIVE_STATES, LinkKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from artifacts.store.lineage.openlineage.datasets import DatasetWriter, Json
    from artifacts.store.records import LinkRecord, RunRecord, VersionRecord

RUN_FACET = "artifacts_run"
LINK_FACET = "artifacts_link"

_ENDS = {
    "finished": "COMPLETE",
    "failed": "FAIL",
    "crashed": "FAIL",
    "preempted": "ABORT",
    "killed": "ABORT",
}


class EventWriter:
    """Makes events of runs of one store.

    Args:
        store: UUID of the store.
        datasets: Makes the datasets of the same store.
    """

    def __init__(self, store: str, datasets: DatasetWriter) -> None:
        self._store = store
        self._datasets = datasets

    def start(self, run: RunRecord, at: int | None = None) -> Json:
        """Return that a run begins, or goes on.

        Args:
            at: When, if not when it was made.
        """
        return self._run_event("START", run, run.created_at if at is None else at)

    def step(self, link: LinkRecord) -> Json:
        """Return that a run has used or logged a version."""
        return self._run_event("RUNNING", link.run, link.at, [link])

    def outcome(
        self,
        run: RunRecord,
        links: Iterable[LinkRecord],
        *,
        state: str | None = None,
        at: int | None = None,
    ) -> Json:
        """Return how a run has ended, or how far it has come, with all that it used and logged.

        Args:
            links: All of them.
            state: In which it ended, if not in that of the record.
            at: When, if not what the record says.
        """
        found = list(links)
        state = state or run.state
        kind = "RUNNING" if state in ACTIVE_STATES else _ENDS.get(state, "OTHER")
        if at is None:
            last = max((link.at for link in found), default=run.created_at)
            at = run.finished_at or max(last, run.heartbeat_at or 0)
        return self._run_event(kind, run, at, found)

    def dataset(self, version: VersionRecord) -> Json:
        """Return that a version exists, for one that no run has touched."""
        return {
            "eventTime": names.time(version.created_at),
            "producer": names.PRODUCER,
            "schemaURL": names.event_schema("DatasetEvent"),
            "dataset": self._datasets.dataset(version),
        }

    def _run_event(
        self, kind: str, run: RunRecord, at: int, links: Iterable[LinkRecord] = ()
    ) -> Json:
        inputs, outputs = [], []
        for link in links:
            dataset = self._datasets.dataset(link.version)
            if link.kind is LinkKind.INPUT:
                inputs.append(dataset | {"inputFacets": _input_facets(link)})
            else:
                about = facet(f"{names.OWN_SCHEMA}:link", at=names.time(link.at))
                outputs.append(dataset | {"outputFacets": {LINK_FACET: about}})
        return {
            "eventType": kind,
            "eventTime": names.time(at),
            "producer": names.PRODUCER,
            "schemaURL": names.event_schema("RunEvent"),
            "run": {
                "runId": names.run_uuid(self._store, run),
                "facets": {RUN_FACET: facet(f"{names.OWN_SCHEMA}:run", **_described(run))},
            },
            "job": {
                "namespace": names.namespace(self._store),
                "name": names.job_name(run),
                "facets": {
                    "jobType": facet(
                        names.facet_schema("2-0-4", "JobTypeJobFacet"),
                        processingType="BATCH",
                        integration="ARTIFACTS",
                        jobType="RUN",
                    )
                },
            },
            "inputs": inputs,
            "outputs": outputs,
        }


def _input_facets(link: LinkRecord) -> Json:
    about: dict[str, Any] = {"at": names.time(link.at)}
    if link.ref_text is not None:
        about["ref"] = link.ref_text
    if link.subset is not None:
        about["subset"] = link.subset
    facets = {LINK_FACET: facet(f"{names.OWN_SCHEMA}:link", **about)}
    paths = (link.subset or {}).get("paths")
    if paths and not (link.subset or {}).get("complete"):
        facets["subset"] = facet(
            names.facet_schema(
                "1-0-0", "InputSubsetInputDatasetFacet", file="BaseSubsetDatasetFacet"
            ),
            inputCondition={"type": "location", "locations": list(paths)},
        )
    return facets


def _described(run: RunRecord) -> Json:
    """Return what makes a run again; its settings and results are nobody else's business."""
    members = {
        "entity": run.entity,
        "project": run.project,
        "id": run.id,
        "name": run.name,
        "state": run.state,
        "group": run.group,
        "jobType": run.job_type,
        "tags": list(run.tags),
        "createdAt": names.time(run.created_at),
        "finishedAt": None if run.finished_at is None else names.time(run.finished_at),
        "exitCode": run.exit_code,
        "deletedAt": None if run.deleted_at is None else names.time(run.deleted_at),
    }
    return {name: value for name, value in members.items() if value is not None}
