"""What a run does with charts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifacts._run_charts import RunCharts

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from typing import Any

    from artifacts.charts.custom import CustomChart
    from artifacts.tables.table import Table


class ChartCalls(RunCharts):
    """The part of `Run` that makes charts."""

    @staticmethod
    def plot_table(
        vega_spec_name: str | os.PathLike[str] | Mapping[str, Any],
        data_table: Table,
        fields: Mapping[str, str],
        string_fields: Mapping[str, str] | None = None,
        split_table: bool = False,
        *,
        table_key: str | None = None,
    ) -> CustomChart:
        """Return a chart of a table, which does nothing until it is logged.

        Args:
            vega_spec_name: A spec of Vega-Lite, or the name of one; see `artifacts.plot_table`.
            data_table: The data.
            fields: Columns of the table by the names that the spec has for them.
            string_fields: Texts by the names that the spec has for them, such as ``title``.
            split_table: Whether the key of the table begins with ``Custom Chart Tables/``.
            table_key: Key under which the table is logged. Default: that of the chart with
                ``_table``.

        Raises:
            InvalidTypeError: ``data_table`` is not a Table.
            InvalidInputError: ``fields`` names a column that the table has not, or a field that
                the spec has not, or lacks one that it needs.
        """
        from artifacts.charts.custom import plot_table

        return plot_table(
            vega_spec_name, data_table, fields, string_fields, split_table, table_key=table_key
        )
