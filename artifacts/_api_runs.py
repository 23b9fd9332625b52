"""The part of `Api` that finds runs and reads their histories."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from artifacts._api_place import ApiPlace
from artifacts._find import run_parts
from artifacts._history import json_columns, objects, table_of_runs, to_pandas, to_polars
from artifacts._listing import list_runs
from artifacts._run_media import Loader, RunMedia
from artifacts.store.errors import InvalidInputError
from artifacts.stored_run import StoredRun

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from artifacts._paging import Results
    from artifacts._reproducing import Reproduction
    from artifacts._run_diff import RunDiff
    from artifacts.store.records import LinkRecord, RunRecord
    from artifacts.stored_sweep import Sweep

_AT_ONCE = 1000


class ApiRuns(ApiPlace):
    """Runs."""

    def run(self, path: str | Sequence[str]) -> StoredRun:
        """Return a run.

        Args:
            path: ``[[entity/]project/]id``, or these parts.

        Raises:
            InvalidInputError: It has too many parts.
            RunNotFoundError: There is no such run.
        """
        *owner, run_id = run_parts(path)
        entity, project = self._project("/".join(owner) or None)
        record = self._place.store.catalog.run(entity, project, run_id)
        return StoredRun(self._place, record)

    def runs(
        self,
        path: str | None = None,
        filters: Mapping[str, Any] | None = None,
        order: str = "-created_at",
        per_page: int = 50,
        include_sweeps: bool | None = None,
        *,
        all_projects: bool = False,
    ) -> Results[StoredRun]:
        """Return the runs of a project, newest first, read as they are needed.

        Args:
            path: ``[entity/]project``; default project if None.
            filters: Only runs that pass, such as ``{"config.lr": {"$lt": 0.1}}``. Fields are
                ``config.KEY``, ``summary.KEY`` (also ``summary_metrics.KEY``), ``metadata.KEY``,
                ``id``, ``name`` (also ``display_name``), ``state``, ``tags``, ``group``,
                ``job_type``, ``notes``, ``user``, ``host``, ``sweep_id``, ``exit_code``,
                ``created_at``, ``finished_at``, ``duration`` in seconds, ``project``; operators
                ``$eq $ne $gt $gte $lt $lte $in $nin $exists $regex $contains $not``, and ``$and``,
                ``$or``, ``$nor`` of several filters.
            order: A field to sort by, after ``-`` the highest first. Runs without it come last.
            per_page: How many to read at a time.
            include_sweeps: Accepted for compatibility, without effect: runs of sweeps are among
                them.
            all_projects: Of all projects of the entity.

        Raises:
            InvalidInputError: A filter or the order is malformed; the message says where.
        """
        entity, name = self._project(path)
        return list_runs(
            self._place,
            entity,
            None if all_projects else name,
            filters=filters,
            order=order,
            per_page=per_page,
        )

    def sweep(self, path: str) -> Sweep:
        """Return a search over settings.

        Args:
            path: ``[[entity/]project/]id``.

        Raises:
            InvalidInputError: It is malformed.
            NotFoundError: There is no such sweep.
        """
        from artifacts.stored_sweep import Sweep, find_sweep

        return Sweep(self._place, find_sweep(self._place, path))

    def history(
        self,
        runs: Iterable[StoredRun | str] | str | None = None,
        keys: Sequence[str] | None = None,
        *,
        format: Literal["arrow", "pandas", "polars"] = "arrow",
    ) -> Any:
        """Return the rows of many runs as one table; only the columns that are wanted are read.

        Args:
            runs: Runs or their paths, or one project as ``[entity/]project/``; default all runs
                of the default project.
            keys: Only rows that have all of these, and only these columns besides ``run``, the id
                of the run, and ``_step``; nested ones as ``a.b``. Default: everything.
            format: ``arrow`` for a pyarrow table, ``pandas`` or ``polars`` for a DataFrame.

        Raises:
            InvalidInputError: There is no such format, or a path is malformed.
            RunNotFoundError: There is no such run.
            ConfigError: pandas or polars is asked for and not installed.
        """
        if format not in {"arrow", "pandas", "polars"}:
            raise InvalidInputError(f"format must be 'arrow', 'pandas' or 'polars', not {format!r}")
        found = self._runs(runs)
        table = table_of_runs(self._place.store, found, keys)
        if format == "arrow":
            return table
        if format == "polars":
            return to_polars(table)
        loaders = {run.id: Loader(RunMedia(self._place, run)) for run in found}
        frame = to_pandas(table)
        for name in json_columns(table):
            cells = zip(frame["run"], frame[name], strict=True)
            frame[name] = objects([loaders[run].value(value) for run, value in cells], frame)
        return frame

    def _runs(self, wanted: Iterable[StoredRun | str] | str | None) -> list[RunRecord]:
        if wanted is None or (isinstance(wanted, str) and wanted.endswith("/")):
            path = None if wanted is None else wanted.rstrip("/")
            found = list_runs(
                self._place, *self._project(path), order="created_at", per_page=_AT_ONCE
            )
            return [run._record for run in found]
        named = [wanted] if isinstance(wanted, str) else wanted
        given = [self.run(each) if isinstance(each, str) else each for each in named]
        return [run._record for run in given]

    def diff_runs(self, first: StoredRun | str, second: StoredRun | str) -> RunDiff:
        """Return in what the second run differs from the first.

        Args:
            first: A run or its path.
            second: Likewise; of the same store.

        Raises:
            RunNotFoundError: There is no such run.
        """
        from artifacts._run_diff import diff_runs

        before, after = (
            (self.run(each) if isinstance(each, str) else each)._record for each in (first, second)
        )
        return diff_runs(self._place, before, after)

    def reproduce(self, run: StoredRun | str) -> Reproduction:
        """Return what it takes to run a run again, and to compare what comes out.

        Nothing is written or executed: `Reproduction.prepare` writes inputs, code and environment
        into a folder, and `Reproduction.execute` runs the command there.

        Args:
            run: A run or its path. If its code is a commit, that is looked for in the Git
                repository of the working directory.

        Raises:
            RunNotFoundError: There is no such run.
        """
        from artifacts._reproducing import Reproduction

        stored = self.run(run) if isinstance(run, str) else run
        return Reproduction(stored._place, stored, Path.cwd())

    def run_links(self, run: StoredRun | RunRecord) -> list[LinkRecord]:
        """Return the inputs, then the outputs of a run, with how and when they were named."""
        from artifacts.store.records import LinkKind

        catalog = self._place.store.catalog
        inputs = catalog.links_of_runs([run.key], LinkKind.INPUT)
        return [*inputs, *catalog.links_of_runs([run.key], LinkKind.OUTPUT)]
