"""The condition types of a filter, as MySQL evaluates what framework/DB/Adapter/Pdo/Mysql.php makes of them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Literal

Cell = str | float | None | frozenset[str]
Kind = Literal["number", "text", "date", "set"]
Test = Callable[[Cell], bool]

_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")
_DATE = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:[ T]?(\d\d):?(\d\d)(?::?(\d\d))?)?")
_ORDER = {"gt", "lt", "gteq", "lteq", "from", "to"}


class BrokenQuery(Exception):
    """The condition makes SQL that MySQL refuses: the store answers 500."""


def number(text: str) -> float:
    """A text as MySQL casts it: its leading number, or 0."""
    found = _NUMBER.match(text)
    return float(found[1]) if found else 0.0


def moment(text: str) -> str:
    """A text as MySQL reads a date-time: without its zone; what is no date sorts before every date."""
    found = _DATE.match(text.strip())
    if not found:
        return ""
    year, month, day, hour, minute, second = (part or "00" for part in found.groups())
    return f"{year}-{month}-{day} {hour}:{minute}:{second}"


def like(pattern: str) -> re.Pattern[str]:
    """A LIKE pattern: `%` any text, `_` one character, case does not matter."""
    parts = {"%": ".*", "_": "."}
    return re.compile("".join(parts.get(each) or re.escape(each) for each in pattern), re.IGNORECASE | re.DOTALL)


def test_of(condition: str, value: str, kind: Kind) -> Test:
    """The test a cell must pass. An unknown type is read as equality, as prepareSqlCondition does.

    Raises `BrokenQuery`.
    """
    if kind == "set":
        return _member(condition, value)
    if condition in ("null", "notnull"):
        return lambda cell: (cell is None) == (condition == "null")
    if condition in ("seq", "sneq"):
        if not value:
            return lambda cell: (cell is None) == (condition == "seq")
        condition = "eq" if condition == "seq" else "neq"
    if condition in _ORDER:
        return _ordered(condition, value, kind)
    if condition in ("in", "nin"):
        return _among(value.split(","), kind, wanted=condition == "in")
    if condition == "neq":
        return _among([value], kind, wanted=False)
    return _textual(condition, value) or _among([value], kind, wanted=True)


def _cast(text: str, kind: Kind) -> str | float:
    if kind == "number":
        return number(text)
    return moment(text) if kind == "date" else text.lower()


def _own(cell: Cell) -> str | float | None:
    return cell.lower() if isinstance(cell, str) else cell if isinstance(cell, int | float) else None


def _ordered(condition: str, value: str, kind: Kind) -> Test:
    limit = _cast(value, kind)
    upward = condition in ("gt", "gteq", "from")
    equal = condition in ("gteq", "lteq", "from", "to")

    def test(cell: Cell) -> bool:
        own = _own(cell)
        if own is None:
            return False
        if own == limit:
            return equal
        above = own > limit if isinstance(own, str) and isinstance(limit, str) else float(own) > float(limit)
        return above == upward

    return test


def _among(values: list[str], kind: Kind, *, wanted: bool) -> Test:
    chosen = {_cast(value, kind) for value in values}
    return lambda cell: cell is not None and (_own(cell) in chosen) == wanted


def _textual(condition: str, value: str) -> Test | None:
    match condition:
        case "like" | "nlike":
            pattern = like(value)
            return lambda cell: cell is not None and bool(pattern.fullmatch(_shown(cell))) == (condition == "like")
        case "fulltext":
            inside = like(f"%{value}%")
            return lambda cell: cell is not None and bool(inside.fullmatch(_shown(cell)))
        case "finset" | "nfinset":
            return lambda cell: (
                cell is not None and (value.lower() in _shown(cell).lower().split(",")) == (condition == "finset")
            )
        case "regexp":
            return _regexp(value)
        case "ntoa":
            address = like(value)
            return lambda cell: isinstance(cell, int) and bool(address.fullmatch(str(ipaddress.IPv4Address(cell))))
        case "is":
            raise BrokenQuery(f"IS '{value}'")
    return None


def _regexp(value: str) -> Test:
    try:
        pattern = re.compile(value, re.IGNORECASE)
    except re.error as error:
        raise BrokenQuery(str(error)) from error
    return lambda cell: cell is not None and bool(pattern.search(_shown(cell)))


def _shown(cell: Cell) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _member(condition: str, value: str) -> Test:
    chosen = set(value.split(","))
    unwanted = condition in ("neq", "nin", "nlike")
    return lambda cell: isinstance(cell, frozenset) and bool(cell & chosen) != unwanted
