"""`CustomChart`: a table and how it is drawn; it does nothing until it is logged."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from artifacts._parts import in_parts
from artifacts.charts import named
from artifacts.charts.data import data_of
from artifacts.charts.drawn import Drawn
from artifacts.charts.templates import Filling, fill
from artifacts.store.errors import InvalidInputError, InvalidTypeError

if TYPE_CHECKING:
    from artifacts.charts.named import Named
    from artifacts.tables.table import Table

TABLES = "Custom Chart Tables/"
"""What the key of a table begins with that was asked to be apart from the charts."""


@in_parts
class CustomChart(Drawn):
    """A table and how it is drawn. Log it as a value of a row: ``run.log({"roc": chart})``.

    The table is logged under `table_key`, and the definition goes into the run's configuration,
    from which `StoredRun.charts` makes the chart again.

    Attributes:
        spec_name: What the spec is called, such as ``wandb/line/v0``.
        table: The data.
        fields: Columns of the table by the names that the spec has for them.
        string_fields: Texts by the names that the spec has for them.

    Args:
        spec_name: As above, like the next three.
        table: Likewise.
        fields: Likewise.
        string_fields: Likewise.
        template: The spec in Vega-Lite, with places for fields and texts.
        split_table: Whether the key of the table begins with ``Custom Chart Tables/``.
        own_table_key: Key of the table instead of that of the chart with ``_table``.
    """

    def __init__(
        self,
        spec_name: str,
        table: Table,
        fields: Mapping[str, str],
        string_fields: Mapping[str, str],
        template: Mapping[str, Any],
        *,
        split_table: bool = False,
        own_table_key: str | None = None,
    ) -> None:
        self.spec_name = spec_name
        self.table = table
        self.fields = dict(fields)
        self.string_fields = dict(string_fields)
        self._template = template
        self._split = split_table
        self._own_table_key = own_table_key

    @classmethod
    def from_definition(cls, definition: Mapping[str, Any], table: Table) -> Self:
        """Return the chart that was described.

        Args:
            definition: What `describe` returned.
            table: What was logged under its ``table_key``.
        """
        return cls(
            definition["spec_name"],
            table,
            definition["fields"],
            definition["string_fields"],
            definition["spec"],
            own_table_key=definition["table_key"],
        )

    @property
    def spec(self) -> dict[str, Any]:
        """The spec in Vega-Lite, complete with its data."""
        return self._spec

    @cached_property
    def _spec(self) -> dict[str, Any]:
        columns, rows = data_of(self.table)
        for name, column in self.fields.items():
            if column not in columns:
                raise _no_column(name, column, self.table)
        filled = fill(self._template, Filling(self.fields, self.string_fields, columns))
        source = filled.get("data")
        name = source.get("name", "table") if isinstance(source, dict) else "table"
        return {**filled, "data": {"name": name}, "datasets": {name: rows}}

    def table_key(self, key: str) -> str:
        """Return the key under which the table is logged.

        Args:
            key: That of the chart.
        """
        if self._own_table_key is not None:
            return self._own_table_key
        return f"{TABLES if self._split else ''}{key}_table"

    def describe(self, table_key: str) -> dict[str, Any]:
        """Return the definition: a JSON object with all but the data.

        Args:
            table_key: Under which the table is logged; it may be nested, as ``a.b``.
        """
        return {
            "spec_name": self.spec_name,
            "fields": self.fields,
            "string_fields": self.string_fields,
            "table_key": table_key,
            "spec": dict(self._template),
        }

    def __repr__(self) -> str:
        return f"<CustomChart {self.spec_name} of {', '.join(self.fields.values())}>"


def plot_table(
    vega_spec_name: str | os.PathLike[str] | Mapping[str, Any],
    data_table: Table,
    fields: Mapping[str, str],
    string_fields: Mapping[str, str] | None = None,
    split_table: bool = False,
    *,
    table_key: str | None = None,
) -> CustomChart:
    """Return a chart of a table. It does nothing until it is logged.

    Args:
        vega_spec_name: A built-in spec (``wandb/line/v0``, ``wandb/lineseries/v0``,
            ``wandb/bar/v0``, ``wandb/scatter/v0``, ``wandb/histogram/v0``,
            ``wandb/area-under-curve/v0``, ``wandb/confusion_matrix/v1``; ``artifacts`` instead of
            ``wandb`` means the same), one that `artifacts.plot.register` has given a name, a spec
            of Vega-Lite as a dict, or the path of a JSON file with one. A name that nobody knows
            is kept, with a warning, and a plain chart of the fields is drawn.
        data_table: The data.
        fields: Columns of the table by the names that the spec has for them, such as
            ``{"x": "step", "y": "loss"}``.
        string_fields: Texts by the names that the spec has for them, such as ``title``,
            ``x-axis-title`` and ``y-axis-title``.
        split_table: Whether the key of the table begins with ``Custom Chart Tables/``.
        table_key: Key under which the table is logged. Default: that of the chart with ``_table``.

    Raises:
        InvalidTypeError: ``data_table`` is not a Table.
        InvalidInputError: ``fields`` names a column that the table has not, or a field that the
            spec has not, or lacks one that it needs.
    """
    from artifacts.tables.table import Table

    if not isinstance(data_table, Table):
        raise InvalidTypeError(
            "Expected `data_table` to be `artifacts.Table` type, instead got "
            f"{type(data_table).__name__}",
            hint="make one with artifacts.Table(dataframe=...) or artifacts.Table(columns, data)",
        )
    for name, value in (("fields", fields), ("string_fields", string_fields or {})):
        if not isinstance(value, Mapping):
            raise InvalidTypeError(f"{name} must be a dict, not {type(value).__name__}")
    texts = {str(name): str(text) for name, text in (string_fields or {}).items() if text}
    columns = {str(name): str(each) for name, each in fields.items() if each is not None}
    spec = named.find(vega_spec_name, columns)
    # The documentation of the reference gives the title among the fields, too.
    misplaced = [name for name in columns if _is_text(name, spec)]
    texts = {name: columns.pop(name) for name in misplaced} | texts
    _check_fields(columns, spec, data_table)
    return CustomChart(
        spec.name,
        data_table,
        columns,
        texts,
        spec.spec,
        split_table=split_table,
        own_table_key=table_key,
    )


def _is_text(name: str, spec: Named) -> bool:
    return name in spec.strings and spec.fields is not None and name not in spec.fields


def _check_fields(fields: Mapping[str, str], spec: Named, table: Table) -> None:
    known = {str(column) for column in table.columns}
    for name, column in fields.items():
        if spec.fields is not None and name not in spec.fields:
            raise InvalidInputError(
                f"fields has {name!r}, which is no field of {spec.name}",
                hint=f"it has: {', '.join(spec.fields) or 'no fields'}",
                kind="no_such_field",
            )
        if column not in known:
            raise _no_column(name, column, table)
    missing = [name for name in spec.required if name not in fields]
    if missing:
        raise InvalidInputError(
            f"fields lacks {', '.join(map(repr, missing))} of {spec.name}",
            hint=f"name a column for each of: {', '.join(spec.required)}",
            kind="no_such_field",
        )


def _no_column(name: str, column: str, table: Table) -> InvalidInputError:
    return InvalidInputError(
        f"fields[{name!r}] is {column!r}, which is no column of the table",
        hint=f"it has: {', '.join(map(str, table.columns)) or 'no columns'}",
        kind="no_such_column",
    )
