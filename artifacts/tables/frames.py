"""Tables of other libraries: as rows of ours, and the other way round."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from artifacts.media._needs import need
from artifacts.store.errors import InvalidInputError, InvalidTypeError
from artifacts.tables.values import INTEGER

if TYPE_CHECKING:
    from artifacts.tables.columns import Columns
    from artifacts.tables.table import Table

log = logging.getLogger("artifacts")


class Content(NamedTuple):
    """What a table is made of.

    Attributes:
        names: Of the columns; None if the source has none.
        rows: In their order.
    """

    names: list[Any] | None
    rows: Iterable[Sequence[Any]]


def adopt(value: Any) -> Table | None:
    """Return the table that stands for an object of pandas, polars or Arrow; None for others."""
    if from_frame(value) is None:
        return None
    from artifacts.tables.table import Table

    return Table(dataframe=value)


def from_frame(value: Any) -> Content | None:
    """Return the contents of a table of pandas, polars or Arrow.

    A `LazyFrame` is computed; a `Series` is a table of one column; the index of pandas is left out.

    Returns:
        None if it is none of these.

    Raises:
        InvalidInputError: Its columns have several levels.
    """
    module = type(value).__module__.partition(".")[0]
    name = type(value).__name__
    if module == "pandas":
        if hasattr(value, "to_frame") and hasattr(value, "dtype") and hasattr(value, "index"):
            value = value.to_frame(0 if value.name is None else value.name)
        return _of_pandas(value) if hasattr(value, "columns") else None
    if module == "polars" and name == "LazyFrame":
        value = value.collect()
    elif module == "polars" and name == "Series":
        value = value.to_frame()
    if module == "polars":
        return _of_polars(value) if hasattr(value, "get_column") else None
    if module == "pyarrow":
        return _of_arrow(value) if name in {"Table", "RecordBatch"} else None
    if hasattr(value, "__arrow_c_stream__"):
        import pyarrow as pa

        return _of_arrow(pa.table(value))
    return None


def from_data(data: Any, names: Sequence[Any] | None) -> Content:
    """Return what the argument ``data`` holds.

    Args:
        data: Rows, each a sequence of cells or a dict by column; columns as a dict of lists; an
            array of NumPy with two dimensions or more; or a table of another library.
        names: Of the columns, if the user has said them.

    Raises:
        InvalidInputError: Columns of a dict have different lengths, or an array is flat.
        InvalidTypeError: It is none of these.
    """
    found = from_frame(data)
    if found is not None:
        return found
    if isinstance(data, Mapping):
        return _of_columns(data, names)
    if type(data).__module__ == "numpy" or hasattr(data, "detach"):
        return Content(None, _of_array(data))
    if isinstance(data, str | bytes) or not isinstance(data, Iterable):
        raise InvalidTypeError(
            f"data must be rows, columns, an array or a DataFrame, not {type(data).__name__}"
        )
    rows = list(data)
    if rows and all(isinstance(row, Mapping) for row in rows):
        keys = list(names) if names is not None else list(dict.fromkeys(n for r in rows for n in r))
        for number, row in enumerate(rows):
            _check_names(row, keys, f"row {number}")
        return Content(keys, [[row.get(name) for name in keys] for row in rows])
    for number, row in enumerate(rows):
        if isinstance(row, str | bytes | Mapping) or not isinstance(row, Iterable):
            raise InvalidTypeError(
                f"row {number} of data must be a list of cells, not {type(row).__name__}"
            )
    return Content(None, [list(row) for row in rows])


def to_pandas(columns: Columns, cells: Sequence[Sequence[Any]]) -> Any:
    """Return a table as a DataFrame of pandas.

    Args:
        columns: Its columns.
        cells: The values of each.

    Raises:
        ConfigError: pandas is not installed.
    """
    pandas = need("pandas", "pandas")
    series = [
        pandas.Series(list(values), dtype=_dtype(column.type, values), name=column.name)
        for column, values in zip(columns, cells, strict=True)
    ]
    if not series:
        return pandas.DataFrame()
    frame = pandas.concat(series, axis=1)
    frame.columns = columns.names
    return frame


def to_array(values: Sequence[Any]) -> Any:
    """Return the values of a column as an array of NumPy; of objects if they have several shapes.

    Raises:
        ConfigError: NumPy is not installed.
    """
    numpy = need("numpy", "numpy", extra="media")
    found = [
        value.to_data_array() if hasattr(value, "to_data_array") else value for value in values
    ]
    try:
        return numpy.array(found)
    except ValueError:
        ragged = numpy.empty(len(found), dtype=object)
        for place, value in enumerate(found):
            ragged[place] = value
        return ragged


def _dtype(type_: str, values: Sequence[Any]) -> Any:
    """Return the type of a column of pandas where it would not choose the right one."""
    if type_ in {"boolean", "number", "text", "datetime", "duration"}:
        return None
    if type_ != INTEGER:
        return object
    is_small = all(value is None or -(2**63) <= value < 2**63 for value in values)
    if None in values:  # it would make them floats
        return "Int64" if is_small else object
    return "int64" if is_small else object


def _of_pandas(frame: Any) -> Content:
    if frame.columns.nlevels > 1:
        raise InvalidInputError(
            "the columns of the DataFrame have several levels",
            hint="join their names first: df.columns = df.columns.map('.'.join)",
        )
    index = frame.index
    if index.nlevels > 1 or index.name is not None or index.dtype.kind not in "iu":
        log.warning(
            "the index of the DataFrame is left out of the table; reset_index() makes it a column"
        )
    # By their places, because names may occur twice, which is found out later.
    cells = [_of_series(frame.iloc[:, place]) for place in range(len(frame.columns))]
    return Content(list(frame.columns), _turned(cells, len(frame)))


def _of_series(series: Any) -> list[Any]:
    values: list[Any] = series.tolist()
    if getattr(series.dtype, "kind", "") == "f" and type(series.dtype).__module__ == "numpy.dtypes":
        return values  # in which NaN is a number
    return [
        None if missing else value for value, missing in zip(values, series.isna(), strict=True)
    ]


def _of_polars(frame: Any) -> Content:
    cells = [frame.get_column(name).to_list() for name in frame.columns]
    return Content(list(frame.columns), _turned(cells, frame.height))


def _of_arrow(table: Any) -> Content:
    return Content(
        list(table.schema.names),
        _turned([column.to_pylist() for column in table.columns], table.num_rows),
    )


def _of_columns(data: Mapping[Any, Any], names: Sequence[Any] | None) -> Content:
    keys = list(data) if names is None else list(names)
    _check_names(data, keys, "data")
    missing = [name for name in keys if name not in data]
    if missing:
        raise InvalidInputError(f"data has no column {missing[0]!r}, which columns names")
    cells = [list(data[name]) for name in keys]
    lengths = {name: len(column) for name, column in zip(keys, cells, strict=True)}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name!r} has {length}" for name, length in lengths.items())
        raise InvalidInputError(f"the columns of data have different lengths: {told}")
    return Content(keys, _turned(cells, next(iter(lengths.values()), 0)))


def _check_names(row: Mapping[Any, Any], names: Sequence[Any], what: str) -> None:
    unknown = [name for name in row if name not in names]
    if unknown:
        raise InvalidInputError(
            f"{what} has {unknown[0]!r}, which is no column",
            hint=f"the columns are: {', '.join(map(str, names))}",
        )


def _of_array(data: Any) -> list[list[Any]]:
    array = data.detach().cpu().numpy() if hasattr(data, "detach") else data
    if array.ndim < 2:  # noqa: PLR2004 - rows and columns
        raise InvalidInputError(
            f"data must have two dimensions or more, rows first, not {array.ndim}",
            hint="for one column: data=array.reshape(-1, 1)",
        )
    return [list(row) for row in array]


def _turned(cells: Sequence[Sequence[Any]], count: int) -> list[list[Any]]:
    """Return columns as rows."""
    return [list(row) for row in zip(*cells, strict=True)] if cells else [[] for _ in range(count)]
