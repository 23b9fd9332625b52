"""Lists of runs and versions, as `Api`, `Project` and `ArtifactCollection` return them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifacts._paging import Results, Source
from artifacts._values import texts
from artifacts.artifact import Artifact
from artifacts.stored_run import StoredRun

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from artifacts._session import Place

# The query language is imported where it is used: looking up one version by name needs none.


def list_runs(
    place: Place,
    entity: str,
    project: str | None,
    *,
    filters: Mapping[str, Any] | None = None,
    order: str = "-created_at",
    per_page: int = 50,
) -> Results[StoredRun]:
    """Return the runs of a project, or of all projects of an owner, that pass a filter.

    Raises:
        InvalidInputError: The filter or the order is malformed.
    """
    from functools import partial

    from artifacts.store.filters import RUN_FIELDS, parse_filter, parse_order
    from artifacts.store.query import Query

    query = Query(
        parse_order(order, RUN_FIELDS),
        parse_filter(filters, RUN_FIELDS),
        entity=entity,
        project=project,
    )
    catalog = place.store.catalog
    source = Source(partial(catalog.count_found_runs, query), partial(catalog.find_runs, query))
    return Results(source, partial(StoredRun, place), per_page=per_page, what="runs")


def list_versions(
    place: Place,
    entity: str,
    project: str | None,
    *,
    artifact: str | None = None,
    types: frozenset[str] | None = None,
    other_types: frozenset[str] = frozenset(),
    tags: Iterable[str] | str | None = None,
    filters: Mapping[str, Any] | None = None,
    order: str = "-created_at",
    per_page: int = 50,
) -> Results[Artifact]:
    """Return the versions of an artifact, of a project or of an owner that pass a filter.

    Args:
        artifact: Only of this artifact; "newest first" then means by number.
        types: Only of these types.
        other_types: None of these, unless the filter asks for a type.
        tags: Only with all of these.

    Raises:
        InvalidInputError: The filter or the order is malformed.
    """
    from functools import partial

    from artifacts.store.filters import (
        VERSION_FIELDS,
        All,
        Order,
        mentions,
        parse_filter,
        parse_order,
    )
    from artifacts.store.query import Query

    condition = parse_filter(filters, VERSION_FIELDS)
    wanted = [
        parse_filter({"tags": tag}, VERSION_FIELDS, name="tags") for tag in texts(tags, "tags")
    ]
    sorting = parse_order(order, VERSION_FIELDS)
    if artifact is not None and sorting.field.name == "created_at":
        # Clocks go wrong; numbers do not.
        by_number = parse_order("version", VERSION_FIELDS)
        sorting = Order(by_number.field, descending=sorting.descending)
    query = Query(
        sorting,
        All((condition, *wanted)) if wanted else condition,
        entity=entity,
        project=project,
        artifact=artifact,
        types=types,
        other_types=frozenset() if mentions(condition, "type") else other_types,
    )
    catalog = place.store.catalog
    source = Source(
        partial(catalog.count_found_versions, query), partial(catalog.find_versions, query)
    )
    make = partial(Artifact._from_record, place)
    return Results(source, make, per_page=per_page, what="versions")
