"""Rows as Arrow tables, for destinations that read them. pyarrow is passed in: it is part of an extra."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from ..client.raw_json import plain_text
from .columns import EXTRA, ROW, ColumnType
from .table import PendingRow

DECIMAL_DIGITS: Final = (26, 12)
"""Digits of a decimal before and after the point: decimal(38, 12), the most that Arrow and DuckDB share."""
_PRECISION: Final = sum(DECIMAL_DIGITS)


def arrow_type(pyarrow: Any, type_: ColumnType) -> Any:
    """How a column is stored; JSON as text."""
    match type_:
        case "boolean":
            return pyarrow.bool_()
        case "integer":
            return pyarrow.int64()
        case "decimal":
            return pyarrow.decimal128(_PRECISION, DECIMAL_DIGITS[1])
        case "date":
            return pyarrow.date32()
        case "datetime":
            return pyarrow.timestamp("us")
        case "datetime-utc":
            return pyarrow.timestamp("us", tz="UTC")
        case _:
            return pyarrow.string()


def arrow_table(pyarrow: Any, rows: Sequence[PendingRow], types: Mapping[str, ColumnType]) -> Any:
    """The rows as a table, with the columns for what no other can hold and for the number of the row."""
    names = [*types, EXTRA, ROW]
    arrays = [
        _array(pyarrow, [row.cells[place] if place < len(row.cells) else None for row in rows], type_)
        for place, type_ in enumerate(types.values())
    ]
    arrays.append(pyarrow.array([None if row.extra is None else row.extra.decode() for row in rows], pyarrow.string()))
    arrays.append(pyarrow.array([row.number for row in rows], pyarrow.int64()))
    return pyarrow.Table.from_arrays(arrays, names=names)


def _array(pyarrow: Any, cells: Sequence[bytes | None], type_: ColumnType) -> Any:
    text: Callable[[bytes], str] = _TEXTS.get(type_, bytes.decode)
    found = pyarrow.array([None if cell is None else text(cell) for cell in cells], pyarrow.string())
    wanted = arrow_type(pyarrow, type_)
    if type_ == "datetime-utc":
        found = found.cast(pyarrow.timestamp("us"))  # without a zone, and then taken as UTC
    return found if wanted == found.type else found.cast(wanted)


def _plain_decimal(cell: bytes) -> str:
    return f"{Decimal(cell.decode()):f}" if b"e" in cell or b"E" in cell else cell.decode()


def _unquoted(cell: bytes) -> str:
    return cell[1:-1].decode()


_TEXTS: Final[dict[ColumnType, Callable[[bytes], str]]] = {
    "text": plain_text,
    "decimal": _plain_decimal,
    "date": _unquoted,
    "datetime": _unquoted,
    "datetime-utc": _unquoted,
}
"""The text of a cell that Arrow converts; others are as in JSON."""
