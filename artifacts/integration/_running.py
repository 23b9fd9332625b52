"""The run to which callbacks log, and what several of them log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifacts.runs.active import active_run
from artifacts.store.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from artifacts.artifact import Artifact
    from artifacts.charts.custom import CustomChart
    from artifacts.runs import Run


def running(caller: str) -> Run:
    """Return the active run.

    Args:
        caller: What needs it, such as ``WandbCallback``.

    Raises:
        StateError: No run is active.
    """
    run = active_run()
    if run is None:
        raise StateError(
            f"You must call artifacts.init() before {caller}",
            hint="a run that was finished, or begun in the parent of this process, is not active",
            kind="no_active_run",
        )
    return run


def log_model_file(
    run: Run,
    path: Path,
    name: str,
    *,
    metadata: Mapping[str, Any] | None = None,
    aliases: Sequence[str] = (),
) -> Artifact:
    """Log a file or a folder as a version of a model, and return it.

    Args:
        name: Of the artifact.
        metadata: What is JSON of it is kept; the rest as text.
        aliases: Besides ``latest``.
    """
    from artifacts.artifact import Artifact as New

    draft = New(name, "model", metadata=plain(metadata or {}))
    if path.is_dir():
        draft.add_dir(str(path))
    else:
        draft.add_file(str(path))
    return run.log_artifact(draft, aliases=list(aliases))


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of a library as JSON can hold them: what it cannot is text."""
    return {str(key): _plain(value) for key, value in values.items()}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        return plain(value)
    if isinstance(value, list | tuple | set):
        return [_plain(item) for item in value]
    if getattr(value, "shape", None) == () and hasattr(value, "item"):  # a number of numpy
        return _plain(value.item())
    return str(value)


def importance_chart(importances: Mapping[str, float]) -> CustomChart:
    """Return a bar chart of how much each feature counts for a model, the most first."""
    from artifacts import plot
    from artifacts.tables.table import Table

    rows = sorted(importances.items(), key=lambda pair: -pair[1])
    table = Table(columns=["Feature", "Importance"], data=[[name, value] for name, value in rows])
    return plot.bar(table, "Feature", "Importance", title="Feature Importance")
