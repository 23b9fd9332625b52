"""`Table`: typed rows that may hold media."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast, get_args

from artifacts._parts import in_parts
from artifacts.store.errors import InvalidInputError, InvalidTypeError
from artifacts.tables.columns import Column, Columns, make_columns, to_names
from artifacts.tables.filling import Filling
from artifacts.tables.frames import from_data, from_frame
from artifacts.tables.holding import LogMode
from artifacts.tables.looking import Looking
from artifacts.tables.parts import Part, described, keep, paths_in
from artifacts.tables.reading import StoredRows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from artifacts.media.base import Files, Keeper
    from artifacts.tables.columns import Name

log = logging.getLogger("artifacts")

_DEFAULT_COLUMNS = ("Input", "Output", "Expected")


@in_parts
class Table(Looking, Filling):
    """Rows under named columns, each of which has a type. Cells may hold media.

    A table is kept as a Parquet file, with the files of its media beside it. What it reads of a
    file it reads when it is asked for: one column, or row after row.

    Args:
        columns: Names. Default: those of ``data`` or ``dataframe``, else Input, Output, Expected.
        data: Rows (lists of cells, or dicts by column), a dict of columns, an array of NumPy, or a
            DataFrame.
        rows: As ``data``, which goes before it.
        dataframe: A DataFrame or Series of pandas, a DataFrame, LazyFrame or Series of polars, or a
            table of Arrow; the names of its columns are used, and the index is left out.
        dtype: A type that all columns have, one for each, or types by name: Python types such as
            ``int``, classes of media, or names such as ``number``. Default: found from the values.
        optional: Whether cells may be None: for all columns, for each, or by name.
        allow_mixed_types: Take values of any type in every column.
        log_mode: ``INCREMENTAL`` adds only the rows that are new since it was logged last, and a
            reader sees them all. Otherwise the table is logged as a whole, and what was logged
            before stays as it was.

    Raises:
        InvalidInputError: Names occur twice, or rows have other numbers of cells than columns.
        InvalidTypeError: A value does not fit into its column, or an argument has another type.

    Example:
        >>> table = artifacts.Table(columns=["id", "label"])
        >>> table.add_data(1, "cat")
        >>> run.log({"predictions": table})
    """

    type_name: ClassVar[str] = "table-file"

    MAX_ROWS: ClassVar[int] = 10_000
    """How many rows `Run.log` keeps of a table; the others are left out with a warning."""

    MAX_ARTIFACT_ROWS: ClassVar[int] = 200_000
    """How many rows an artifact keeps of a table; the others are left out with a warning."""

    def __init__(
        self,
        columns: Iterable[Name] | None = None,
        data: Any = None,
        rows: Any = None,
        dataframe: Any = None,
        dtype: Any = None,
        optional: Any = True,
        allow_mixed_types: bool = False,
        log_mode: LogMode = "IMMUTABLE",
    ) -> None:
        self._log_mode = _to_log_mode(log_mode)
        names = None if columns is None else to_names(columns)
        if dataframe is not None:
            content = from_frame(dataframe)
            if content is None:
                raise InvalidTypeError(
                    "dataframe must be a table of pandas, polars or Arrow, not "
                    f"{type(dataframe).__name__}"
                )
        else:
            given = data if data is not None else rows
            content = from_data([] if given is None else given, names)
        if content.names is not None:
            names = to_names(content.names)
        self._columns = make_columns(
            _DEFAULT_COLUMNS if names is None else names,
            dtype,
            optional,
            allow_mixed_types=allow_mixed_types,
        )
        self._columns, self._rows = self._columns.fitted(list(content.rows), 0)
        self._stored: StoredRows | None = None
        self._logged: dict[str, list[Part]] = {}

    @classmethod
    def _load(cls, description: Mapping[str, Any], files: Files) -> Self:
        table = cls._of_files(files, paths_in(description))
        table._log_mode = description.get("log_mode", "IMMUTABLE")
        return table

    @classmethod
    def _of_files(cls, files: Files, paths: Sequence[str]) -> Self:
        """Return the table whose rows are in files."""
        table = cls.__new__(cls)
        table._log_mode = "IMMUTABLE"
        table._rows = []
        table._stored = StoredRows(files, paths)
        table._logged = {}
        return table

    @classmethod
    def _of(cls, columns: Iterable[Column], rows: Iterable[list[Any]]) -> Self:
        """Return a table of columns and rows that fit."""
        table = cls()
        table._columns, table._rows = Columns(columns), list(rows)
        return table

    def _keep(self, keeper: Keeper) -> dict[str, Any]:
        is_stepwise = self._log_mode == "INCREMENTAL" and keeper.run is not None
        known = self._logged.setdefault(keeper.run, []) if is_stepwise and keeper.run else []
        start = sum(part.row_count for part in known)
        rows = self.data[start:]
        limit = self.MAX_ARTIFACT_ROWS if keeper.run is None else self.MAX_ROWS
        if len(rows) > limit:
            self._warn_of(limit, len(rows), is_run=keeper.run is not None)
            del rows[limit:]
        # Once more, because rows can be changed in `data`.
        self._columns, rows = self._columns.fitted(rows, start)
        if rows or not known:
            known.append(keep(keeper, self._columns, rows))
        return described(self.type_name, self._columns, known) | {"log_mode": self._log_mode}

    def _warn_of(self, limit: int, count: int, *, is_run: bool) -> None:
        log.warning(
            "a table has %d rows, of which %s keeps the first %d; %s",
            count,
            "a run" if is_run else "an artifact",
            limit,
            "add it to an artifact, or raise Table.MAX_ROWS"
            if is_run
            else "raise Table.MAX_ARTIFACT_ROWS to keep more",
        )


def _to_log_mode(log_mode: Any) -> LogMode:
    if log_mode not in get_args(LogMode):
        raise InvalidInputError(
            f"log_mode must be one of {', '.join(get_args(LogMode))}, not {log_mode!r}"
        )
    return cast("LogMode", log_mode)
