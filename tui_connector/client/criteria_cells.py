"""Search criteria in the cells of a form: field, condition and value, each of which may have more of an expression."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from .criteria_rows import (
    SIGN,
    WITHOUT_VALUE,
    Condition,
    IncompleteRow,
    is_field,
    quoted,
    read_row,
    read_shown_rows,
)

Rows = list[tuple[Condition, ...]]
_JOIN_BEFORE = re.compile(r"(where|and|or)\s+(?=\S)", re.IGNORECASE)
_JOIN_BEHIND = re.compile(r"\s(and|or)$", re.IGNORECASE)
_OR = re.compile(r"\sor\s", re.IGNORECASE)
_SHOWN = 60
"""Characters of a value in a message."""
_ANY = "x"


class ReadCells(NamedTuple):
    """What the cells of one row of a form stand for."""

    rows: Rows
    joiner: str = ""
    """The `and` or `or` that was typed before the field; "" where there is none."""
    doubt: str = ""
    """What of it may be meant otherwise, as a message."""


def read_cells(field: str, condition: str, value: str) -> ReadCells:
    """The conditions in these cells, as they are understood on one line: `status = new or status = pending`.

    A value is in quotes where it could be read as another condition. Raises ValueError with what is wrong.
    """
    text, joiner = field.strip(), ""
    while before := _JOIN_BEFORE.match(text):
        joiner = before[1].lower() if before[1].lower() != "where" else joiner
        text = text[before.end() :]
    if is_field(text):
        return _with_value(text, condition, value)._replace(joiner=joiner)
    try:
        return ReadCells(read_shown_rows(text), joiner)
    except IncompleteRow:
        if not value.strip():
            raise
        return ReadCells(read_shown_rows(f"{text} {value.strip()}"), joiner)


def _with_value(field: str, condition: str, value: str) -> ReadCells:
    if condition in WITHOUT_VALUE:
        return ReadCells([(Condition(field, condition, "1"),)])
    text = value.strip()
    begins_with_sign = condition == "eq" and SIGN.match(text)
    try:
        return ReadCells(read_shown_rows(f"{field} {text if begins_with_sign else f'{condition} {text}'}"))
    except ValueError:
        doubt = ""
    shown = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
    if end := _JOIN_BEHIND.search(text):
        doubt = f"the value of {field} ends with {end[1]}, which joins nothing: {shown}"
    elif _OR.search(text):
        doubt = f"“{shown}” is one value of {field}; for either, repeat the field: or {field} = …"
    elif text[:1] in ("'", '"'):
        doubt = f"the value of {field} is sent with its quote: {shown}"
    return ReadCells([(Condition(field, condition, value),)], doubt=doubt)


def begun(field: str) -> tuple[str, str] | None:
    """The field and the condition of a text such as `status =`, whose value is still to be typed; else None."""
    try:
        rows, _, _ = read_cells(f"{field} {_ANY}", "eq", "")
    except ValueError:
        return None
    match rows:
        case [(Condition(field=name, condition=condition, value=value),)] if value == _ANY:
            return name, condition
    return None


def cell_of(condition: Condition) -> str:
    """The value as its cell shows it: in quotes where it would be read as something else."""
    if condition.condition in WITHOUT_VALUE:
        return ""
    found = _with_value(condition.field, condition.condition, condition.value)
    return condition.value if found == ReadCells([(condition,)]) else quoted(condition.value)


def read_any_row(row: str) -> Rows:
    """The conditions of a row as a profile has it, or as the log shows it. Raises ValueError with what is wrong."""
    try:
        return [read_row(row)]
    except ValueError:
        try:
            return read_shown_rows(row)
        except ValueError:
            pass
        raise


def written_rows(rows: Sequence[Sequence[Condition]]) -> list[str]:
    """The rows as a profile has them."""
    return [" or ".join(map(str, row)) for row in rows]
