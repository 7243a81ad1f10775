"""Rows found by search criteria without holding them: filters as MySQL evaluates them, order and page."""

from __future__ import annotations

import ipaddress
import re
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from .criteria import Sort, StoreCriteria, StoreFilter
from .response import JsonText, Refusal, internal, php_json

Cell = str | float | None | frozenset[str]
Kind = Literal["number", "text", "date", "set"]
Test = Callable[[Cell], bool]

_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")
_DATE = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:[ T]?(\d\d):?(\d\d)(?::?(\d\d))?)?")
_ORDER = {"gt", "lt", "gteq", "lteq", "from", "to"}


class BrokenQuery(Exception):
    """The condition results in SQL that MySQL rejects: the store responds 500."""


def number(text: str) -> float:
    """A string as MySQL casts it: its leading number, or 0."""
    found = _NUMBER.match(text)
    return float(found[1]) if found else 0.0


def moment(text: str) -> str:
    """A string as MySQL parses a date and time: without a zone. An invalid date sorts before every date."""
    found = _DATE.match(text.strip())
    if not found:
        return ""
    year, month, day, hour, minute, second = (part or "00" for part in found.groups())
    return f"{year}-{month}-{day} {hour}:{minute}:{second}"


def like(pattern: str) -> re.Pattern[str]:
    """A LIKE pattern: `%` any text, `_` one character, case-insensitive."""
    parts = {"%": ".*", "_": "."}
    return re.compile("".join(parts.get(each) or re.escape(each) for each in pattern), re.IGNORECASE | re.DOTALL)


def test_of(condition: str, value: str, kind: Kind) -> Test:
    """The test for a cell. An unknown condition type means equality, as in prepareSqlCondition.

    Raises `BrokenQuery`.
    """
    if kind == "set":
        return _set_test(condition, value)
    if condition in ("null", "notnull"):
        return lambda cell: (cell is None) == (condition == "null")
    if condition in ("seq", "sneq"):
        if not value:
            return lambda cell: (cell is None) == (condition == "seq")
        condition = "eq" if condition == "seq" else "neq"
    if condition in _ORDER:
        return _sorted(condition, value, kind)
    if condition in ("in", "nin"):
        return _one_of(value.split(","), kind, wanted=condition == "in")
    if condition == "neq":
        return _one_of([value], kind, wanted=False)
    return _text_test(condition, value) or _one_of([value], kind, wanted=True)


def _cast(text: str, kind: Kind) -> str | float:
    if kind == "number":
        return number(text)
    return moment(text) if kind == "date" else text.lower()


def _comparable(cell: Cell) -> str | float | None:
    return cell.lower() if isinstance(cell, str) else cell if isinstance(cell, int | float) else None


def _sorted(condition: str, value: str, kind: Kind) -> Test:
    limit = _cast(value, kind)
    upward = condition in ("gt", "gteq", "from")
    equal = condition in ("gteq", "lteq", "from", "to")

    def test(cell: Cell) -> bool:
        own = _comparable(cell)
        if own is None:
            return False
        if own == limit:
            return equal
        above = own > limit if isinstance(own, str) and isinstance(limit, str) else float(own) > float(limit)
        return above == upward

    return test


def _one_of(values: list[str], kind: Kind, *, wanted: bool) -> Test:
    chosen = {_cast(value, kind) for value in values}
    return lambda cell: cell is not None and (_comparable(cell) in chosen) == wanted


def _text_test(condition: str, value: str) -> Test | None:
    match condition:
        case "like" | "nlike":
            pattern = like(value)
            return lambda cell: cell is not None and bool(pattern.fullmatch(_as_text(cell))) == (condition == "like")
        case "fulltext":
            inside = like(f"%{value}%")
            return lambda cell: cell is not None and bool(inside.fullmatch(_as_text(cell)))
        case "finset" | "nfinset":
            return lambda cell: (
                cell is not None and (value.lower() in _as_text(cell).lower().split(",")) == (condition == "finset")
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
    return lambda cell: cell is not None and bool(pattern.search(_as_text(cell)))


def _as_text(cell: Cell) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _set_test(condition: str, value: str) -> Test:
    chosen = set(value.split(","))
    unwanted = condition in ("neq", "nin", "nlike")
    return lambda cell: isinstance(cell, frozenset) and bool(cell & chosen) != unwanted


_KEY_RANGE = {"gt", "gteq", "from", "lt", "lteq", "to", "eq"}
_CACHED_SEARCHES = 8
"""Searches whose rows are cached: reading a list page by page repeats the same search."""


@dataclass(frozen=True)
class Column:
    """One field that can be filtered and sorted; `locate` is its index, if it has one: rows by value."""

    read: Callable[[int], Cell]
    kind: Kind = "text"
    locate: Callable[[str], Sequence[int]] | None = None


class Rows(Protocol):
    """A table behind a list route: ascending row numbers, which are the field `key`."""

    key: str
    strict_fields: bool
    """Whether an unknown field results in a 400 (EAV tables) or, as an unknown SQL column, in a 500 (flat tables)."""

    @property
    def columns(self) -> Mapping[str, Column]: ...

    @property
    def version(self) -> int:
        """Changes with every write."""

    def numbers(self) -> Sequence[int]: ...

    def written(self, row: int) -> str:
        """The row as JSON, as in a list response."""


class Searches:
    """Searches one table, and caches the last results."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._cache: OrderedDict[object, Sequence[int]] = OrderedDict()

    def response(self, criteria: StoreCriteria) -> JsonText:
        """The list response: items, search_criteria, total_count. Raises `Refusal`."""
        found = self.found(criteria)
        first, last = criteria.window(len(found))
        items = ",".join(self._rows.written(row) for row in found[first:last])
        echo = php_json(criteria.echo())
        return JsonText(f'{{"items":[{items}],"search_criteria":{echo},"total_count":{len(found)}}}')

    def found(self, criteria: StoreCriteria) -> Sequence[int]:
        """Row numbers that match, in order. Raises `Refusal`."""
        ranges, groups = self._split(criteria.groups)
        sorts = self._sorts(criteria.sorts)
        # Sorting by a field with equal values skips and repeats rows between pages, as LIMIT does in MySQL: on even
        # pages, equal rows are rotated.
        rotated = bool(sorts) and sorts[-1].field != self._rows.key and (criteria.current_page or 1) % 2 == 0
        key = (groups, sorts, rotated, self._rows.version)
        rows = self._cache.get(key)
        if rows is None:
            rows = self._sorted(self._filtered(groups), sorts, rotated=rotated)
            self._cache[key] = rows
            if len(self._cache) > _CACHED_SEARCHES:
                self._cache.popitem(last=False)
        return self._narrowed(rows, ranges, sorts) if ranges else rows

    def _column(self, name: str | None) -> Column:
        column = self._rows.columns.get(name or "")
        if column is None and self._rows.strict_fields:
            raise Refusal(400, 'The "%1" attribute name is invalid. Reset the name and try again.', [name])
        if column is None:
            raise internal(f"unknown column {name}")
        return column

    def _split(
        self, groups: tuple[tuple[StoreFilter, ...], ...]
    ) -> tuple[list[StoreFilter], tuple[tuple[StoreFilter, ...], ...]]:
        """Key ranges, which need no scan, and the other groups."""
        ranges, others = [], []
        for group in groups:
            if len(group) == 1 and group[0].field == self._rows.key and group[0].condition in _KEY_RANGE:
                ranges.append(group[0])
            elif group:
                others.append(group)
        return ranges, tuple(others)

    def _sorts(self, sorts: tuple[Sort, ...]) -> tuple[Sort, ...]:
        known = []
        for sort in sorts:
            if sort.field in self._rows.columns:
                known.append(sort)
            elif not self._rows.strict_fields:
                raise internal(f"unknown column {sort.field}")
        return tuple(known)

    def _filtered(self, groups: tuple[tuple[StoreFilter, ...], ...]) -> Sequence[int]:
        rows: Sequence[int] = self._rows.numbers()
        for group in sorted(groups, key=lambda group: not self._indexed(group)):
            rows = self._located(group, rows) if self._indexed(group) else self._scanned(group, rows)
        return rows

    def _indexed(self, group: tuple[StoreFilter, ...]) -> bool:
        return all(each.condition in ("eq", "in") and self._column(each.field).locate for each in group)

    def _located(self, group: tuple[StoreFilter, ...], rows: Sequence[int]) -> Sequence[int]:
        hits: set[int] = set()
        for each in group:
            locate = self._column(each.field).locate
            for value in each.value.split(",") if each.condition == "in" else [each.value]:
                hits.update(locate(value) if locate else ())
        return sorted(row for row in hits if _contains(rows, row))

    def _scanned(self, group: tuple[StoreFilter, ...], rows: Sequence[int]) -> Sequence[int]:
        try:
            tests = [(column.read, test_of(f.condition, f.value, column.kind)) for f, column in self._columns(group)]
        except BrokenQuery as error:
            raise internal(str(error)) from error
        if len(tests) == 1:
            read, test = tests[0]
            return [row for row in rows if test(read(row))]
        return [row for row in rows if any(test(read(row)) for read, test in tests)]

    def _columns(self, group: tuple[StoreFilter, ...]) -> list[tuple[StoreFilter, Column]]:
        return [(each, self._column(each.field)) for each in group]

    def _sorted(self, rows: Sequence[int], sorts: tuple[Sort, ...], *, rotated: bool) -> Sequence[int]:
        if not sorts:
            return rows
        if sorts[0].field == self._rows.key:
            return rows[::-1] if sorts[0].descending else rows
        third = len(rows) // 3 if rotated else 0
        ordered = [*rows[third:], *rows[:third]]
        for sort in reversed(sorts):
            column = self._rows.columns[sort.field]
            ordered.sort(key=lambda row, read=column.read: _rank(read(row)), reverse=sort.descending)  # type: ignore[misc]
        return ordered

    def _narrowed(self, rows: Sequence[int], ranges: list[StoreFilter], sorts: tuple[Sort, ...]) -> Sequence[int]:
        if sorts and sorts[0].field != self._rows.key:
            within = _key_range(self._rows.numbers(), ranges)
            return [row for row in rows if within[0] <= row <= within[-1]] if within else ()
        if sorts and sorts[0].descending:
            return _key_range(rows[::-1], ranges)[::-1]
        return _key_range(rows, ranges)


def _key_range(rows: Sequence[int], ranges: list[StoreFilter]) -> Sequence[int]:
    """The rows within the key ranges."""
    first, last = 0, len(rows)
    for each in ranges:
        value = number(each.value)
        if each.condition in ("gteq", "from", "eq"):
            first = max(first, bisect_left(rows, value))
        if each.condition == "gt":
            first = max(first, bisect_right(rows, value))
        if each.condition in ("lteq", "to", "eq"):
            last = min(last, bisect_right(rows, value))
        if each.condition == "lt":
            last = min(last, bisect_left(rows, value))
    return rows[first:last] if first < last else ()


def _contains(rows: Sequence[int], row: int) -> bool:
    place = bisect_left(rows, row)
    return place < len(rows) and rows[place] == row


def _rank(cell: Cell) -> tuple[int, float, str]:
    if cell is None:
        return (0, 0, "")
    if isinstance(cell, frozenset):
        return (1, 0, ",".join(sorted(cell)))
    return (1, 0, cell.lower()) if isinstance(cell, str) else (1, cell, "")
