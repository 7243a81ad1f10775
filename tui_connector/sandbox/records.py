"""Tables of whole records: generated from the seed on first read, then added, changed and deleted."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping, Sequence

from .response import Json, php_json
from .table import Cell, Column, Kind

Item = dict[str, Json]
Make = Callable[[int], Item]

_CACHED_RECORDS = 2048
"""Generated records that are cached."""
_DATE_ENDINGS = ("_at", "_date", "_time")


class Records:
    """A table of records, the number of a row being its `field` in a record and its `key` in a search.

    A table whose records do not show their number has no `field`.

    `columns` names the columns that a search may use beside the fields of a record; `aliases` are columns whose field
    has another name; `made_columns` read rows 1 to `size` without making their records.
    """

    def __init__(
        self,
        key: str,
        columns: str = "",
        *,
        first: Iterable[Item] = (),
        size: int = 0,
        make: Make | None = None,
        field: str | None = None,
        aliases: Mapping[str, str] | None = None,
        made_columns: Mapping[str, Column] | None = None,
        strict_fields: bool = False,
    ) -> None:
        self.key = key
        self.field = key if field is None else field
        self.strict_fields = strict_fields
        self.version = 0
        self._names = columns.split()
        self._aliases = dict(aliases or {})
        self._made_columns = dict(made_columns or {})
        self._make = make
        self._generated_size = size
        self._generated: dict[int, Item] = {}
        self._changed: dict[int, Item] = {}
        self._numbers: list[int] | None = None
        self._next = size + 1
        self._columns: Mapping[str, Column] | None = None
        for item in first:
            self.add(item)
        self.version = 0

    @property
    def columns(self) -> Mapping[str, Column]:
        if self._columns is None:
            self._columns = self._all_columns()
        return self._columns

    def numbers(self) -> Sequence[int]:
        return range(1, self._generated_size + 1) if self._numbers is None else self._numbers

    def get(self, row: int) -> Item | None:
        """The record, which must not be modified, or None if the row does not exist."""
        if row in self._changed:
            return self._changed[row]
        if self._numbers is not None and not holds(self._numbers, row):
            return None
        if self._make is None or not 0 < row <= self._generated_size:
            return None
        made = self._generated.get(row)
        if made is None:
            if len(self._generated) >= _CACHED_RECORDS:
                self._generated.clear()
            made = self._generated[row] = self._make(row)
        return made

    def written(self, row: int) -> str:
        return php_json(self.get(row))

    def rows(self) -> list[Item]:
        """All records by ascending row."""
        return [item for row in self.numbers() if (item := self.get(row)) is not None]

    def find(self, **values: Json) -> int | None:
        """The first row whose record has these values; text is compared case-insensitively, as in MySQL."""
        wanted = {name: _case_folded(value) for name, value in values.items()}
        for row in self.numbers():
            item = self.get(row) or {}
            if all(_case_folded(item.get(name)) == value for name, value in wanted.items()):
                return row
        return None

    def add(self, item: Item) -> Item:
        """Add a record, with the next ID unless it has one; returns it as stored."""
        given = item.get(self.field)
        row = given if isinstance(given, int) else self._next
        self._next = max(self._next, row + 1)
        changed_records = {self.field: row} | item if self.field else dict(item)
        if self._numbers is None:
            self._numbers = list(range(1, self._generated_size + 1))
        insort(self._numbers, row)
        return self._keep(row, changed_records)

    def change(self, row: int, values: Item) -> Item:
        """Set fields of a record; None removes a field. Returns the record as stored."""
        changed_records = {name: value for name, value in (self.get(row) or {}).items() if name not in values}
        return self._keep(row, changed_records | {name: value for name, value in values.items() if value is not None})

    def replace(self, row: int, item: Item) -> Item:
        """Replace a record."""
        return self._keep(row, item)

    def delete(self, row: int) -> None:
        """Delete a row; its ID is not reused."""
        if self._numbers is None:
            self._numbers = list(range(1, self._generated_size + 1))
        self._numbers.remove(row)
        self._changed.pop(row, None)
        self._generated.pop(row, None)
        self.version += 1

    def refresh(self) -> None:
        """Drop generated records; they are generated again when next read."""
        self._generated.clear()
        self._columns = None
        self.version += 1

    def changed_records(self) -> Mapping[int, Item]:
        """The records that were added or changed."""
        return self._changed

    @property
    def next_number(self) -> int:
        """The ID of the next new record."""
        return self._next

    def _keep(self, row: int, item: Item) -> Item:
        self._changed[row] = item
        self.version += 1
        self._columns = None
        return item

    def _all_columns(self) -> Mapping[str, Column]:
        sample = [item for row in self.numbers()[:3] if (item := self.get(row)) is not None]
        sample += list(self._changed.values())[-3:]
        names = [name for item in sample for name, value in item.items() if not isinstance(value, dict | list)]
        columns = {name: self._column(name, sample) for name in dict.fromkeys((*self._names, *self._aliases, *names))}
        columns[self.key] = Column(lambda row: row, "number")
        return columns | {
            name: self._with_changes(column, columns.get(name)) for name, column in self._made_columns.items()
        }

    def _column(self, name: str, sample: Sequence[Item]) -> Column:
        field = self._aliases.get(name, name)
        return Column(lambda row: _cell((self.get(row) or {}).get(field)), _kind(name, field, sample))

    def _with_changes(self, made: Column, record: Column | None) -> Column:
        """The fast column for generated rows; changed rows are read from their records."""
        reading = record or made
        locate = made.locate

        def located(value: str) -> Sequence[int]:
            """Indexed rows that still have the value, and changed rows that have it now."""
            candidates = {*(locate(value) if locate else ()), *self._changed}
            return [row for row in candidates if str(read(row)).lower() == value.lower()]

        def read(row: int) -> Cell:
            return reading.read(row) if row in self._changed else made.read(row)

        return Column(read, made.kind, located if locate else None)


def holds(numbers: Sequence[int], row: int) -> bool:
    """Whether ascending rows contain a row (binary search)."""
    place = bisect_left(numbers, row)
    return place < len(numbers) and numbers[place] == row


def _cell(value: Json) -> Cell:
    if isinstance(value, bool):
        return int(value)
    return value if isinstance(value, int | float | str) else None


def _kind(name: str, field: str, sample: Sequence[Item]) -> Kind:
    if name.endswith(_DATE_ENDINGS):
        return "date"
    values = [item[field] for item in sample if item.get(field) is not None]
    return "number" if values and all(isinstance(value, int | float) for value in values) else "text"


def _case_folded(value: Json) -> Json:
    return value.strip().lower() if isinstance(value, str) else value
