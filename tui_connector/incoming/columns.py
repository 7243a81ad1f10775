"""Typed columns for items: types from the values, columns that appear later, and values that do not fit their column.

Nothing is converted silently. The type of a column is that of the first batch with a value; later values widen it where
each earlier one stays what it was (integer → decimal, date → text), and otherwise stay as JSON in the column `_extra`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from functools import partial
from typing import Annotated, Final, Literal, Self

import msgspec
from pydantic import AfterValidator, Field

from ..client.raw_json import encode_json, json_type, members, plain_text
from ..templates import Json
from ..text import count, first_repeated
from .sink import RejectedItem, SinkError, identifier_problem

ColumnType = Literal["boolean", "integer", "decimal", "date", "datetime", "datetime-utc", "text", "json"]
"""`integer` has 64 bits, `decimal` any number of digits. `datetime` has no time zone; that of `datetime-utc` is UTC."""

EXTRA: Final = "_extra"
"""The column for what no other column can hold: a JSON object, by the names of the fields."""
ROW: Final = "_row"
"""The column with the number of the row, in the order of writing."""
ATTRIBUTES: Final = "custom_attributes"
_VALUE: Final = "value"
"""The column of items that are not objects."""

_DATE_TIME: Final = re.compile(rb'"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"')
_DATE: Final = re.compile(rb'"\d{4}-\d\d-\d\d"')
_NO_DATES: Final = (b'""', b'"0000-00-00"', b'"0000-00-00 00:00:00"')
"""What Magento and MySQL write where there is no date."""
_NUMBER_TEXT: Final = re.compile(rb'"-?(?:0|[1-9]\d*)(?:\.\d+)?"')
_BOOLEAN_TEXTS: Final = {b'"0"': b"false", b'"1"': b"true"}
_INTEGER: Final = re.compile(rb"-?\d+")
_ESCAPED: Final = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
"""May be a character that databases cannot store: NUL, or half of a surrogate pair."""
_EXPONENT: Final = re.compile(rb"[eE][+-]?0*(\d+)$")
_MAX_DIGITS: Final = 1_000
"""Digits of a decimal, also those that its exponent adds; PostgreSQL has 131,072 before the point."""

_EXACT: Final = Context(prec=2 * _MAX_DIGITS, Emax=MAX_EMAX, Emin=MIN_EMIN)

_WIDENED: Final[dict[tuple[ColumnType, ColumnType], ColumnType]] = {
    ("integer", "decimal"): "decimal",
    **{(date, text): "text" for date in ("date", "datetime", "datetime-utc") for text in ("text", "date", "datetime")},
}
"""By the type of a column and that of a value: the type that holds all of both as they are."""


class _Attribute(msgspec.Struct, forbid_unknown_fields=True):
    attribute_code: str
    value: msgspec.Raw


_ATTRIBUTES = msgspec.json.Decoder(list[_Attribute])


def _check_distinct(columns: list[str]) -> list[str]:
    if (twice := first_repeated(columns)) is not None:
        raise ValueError(f"the column {twice!r} is duplicated")
    return columns


DistinctNames = Annotated[list[str], Field(min_length=1), AfterValidator(_check_distinct)]
"""The names of columns, as written in a profile."""
ColumnNames = Annotated[
    DistinctNames | None,
    Field(
        title="Columns",
        description="The fields to write. By default all, and a field that appears later adds a column. What a column "
        f'cannot hold is in "{EXTRA}", as JSON.',
        examples=[["sku", "name", "price"]],
    ),
]
CustomAttributes = Annotated[
    Literal["json", "columns"],
    Field(
        title="Custom attributes",
        description='"json": one column with Magento\'s list of attribute_code and value. "columns": a column for each '
        "attribute_code.",
        examples=["columns"],
    ),
]


@dataclass(frozen=True, slots=True)
class ColumnLimits:
    """What a destination can store."""

    is_name: Callable[[str], bool]
    """Whether it can have a column of this name."""
    count: int
    """Most columns of a table."""
    identifier_bytes: int
    """Longest identifier, in bytes."""
    decimal_digits: tuple[int, int] | None = None
    """Digits of a decimal before and after the point; None: any number."""
    ignores_case: bool = False
    """Whether names of columns that differ in case only are the same."""


def is_storable_name(name: str) -> bool:
    """Whether any column can have this name: it contains neither NUL nor half of a surrogate pair."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in name


def check_identifier(identifier: str | None, is_name: Callable[[str], bool], destination: str = "table") -> None:
    """Raises `SinkError` if there cannot be a column for the identifier. `is_name`: as in `ColumnLimits`."""
    if identifier is not None and (identifier in (EXTRA, ROW) or not is_name(identifier)):
        raise SinkError(
            f"A {destination} cannot have a column named {identifier[:80]!r} for the identifier",
            'Give the field another name with "transform".',
        )


@dataclass(slots=True)
class FittedRows:
    """Items as rows. Cells are JSON texts that fit the type of their column; None is null."""

    rows: list[list[bytes | None]] = field(default_factory=list)
    """In the order of the columns."""
    extras: list[bytes | None] = field(default_factory=list)
    """Of each row, the JSON object with what no column can hold."""
    rejected: list[RejectedItem] = field(default_factory=list)


@dataclass(slots=True)
class _Unfitting:
    count: int = 0
    example: str = ""


class TypedColumns:
    """The columns of one table, in order. The identifier is always the first."""

    def __init__(
        self,
        types: Mapping[str, ColumnType],
        identifier: str | None,
        limits: ColumnLimits,
        *,
        only: Sequence[str] | None = None,
        attributes: Literal["json", "columns"] = "json",
        declared: Mapping[str, ColumnType] | None = None,
    ) -> None:
        """`types`: the columns that the table has. `only`: the fields to write; None: all.

        `declared`: the types of a schema. A text that is exactly a value of the declared type is stored as that value.
        """
        self.types: dict[str, ColumnType] = dict(types)
        self._identifier, self._limits = identifier, limits
        self._wanted = None if only is None else {*only, *filter(None, [identifier])}
        self._flatten = attributes == "columns"
        self._declared = declared or {}
        self._unfitting: dict[str, _Unfitting] = {}
        self._unnamed: dict[str, None] = {}
        """Fields that cannot have a column."""
        self._reserved: set[str] = set()
        """Names of columns that the table has and that are not for fields."""

    def reserve(self, names: Iterable[str]) -> Self:
        """Keeps fields out of these columns, which belong to somebody else."""
        self._reserved.update(names)
        return self

    def fit(self, items: Sequence[bytes]) -> FittedRows:
        """The items as rows; columns are added and widened as their values need it."""
        fitted = FittedRows()
        parsed: list[dict[str, bytes]] = []
        for index, item in enumerate(items):
            fields = members(item) if json_type(item) == "object" else {_VALUE: item}
            reason = identifier_problem(fields, self._identifier) or self._unusable_identifier(fields)
            if reason:
                fitted.rejected.append(RejectedItem(index, reason))
                continue
            parsed.append(attribute_fields(fields) if self._flatten and ATTRIBUTES in fields else fields)
        self._add_columns(parsed)
        places = {name: place for place, name in enumerate(self.types)}
        for fields in parsed:
            self._fit_row(fields, places, fitted)
        return fitted

    def remarks(self) -> list[str]:
        """What did not fit into its column, for the user."""
        said = [
            f"{count(each.count, 'value')} of {name!r} did not fit a column of type {self.types.get(name, 'none')} "
            f'and {"is" if each.count == 1 else "are"} in "{EXTRA}" (first: {each.example}).'
            for name, each in self._unfitting.items()
        ]
        if self._unnamed:
            names = ", ".join(map(repr, [name[:80] for name in self._unnamed][:5]))
            more = f" and {len(self._unnamed) - 5} more" if len(self._unnamed) > 5 else ""
            said.append(
                f'Fields in "{EXTRA}", because the table has no room for a column or cannot have one of that name: '
                f"{names}{more}."
            )
        return said

    def _unusable_identifier(self, fields: Mapping[str, bytes]) -> str:
        if self._identifier is None:
            return ""
        text = fields[self._identifier]
        if len(text) > self._limits.identifier_bytes:
            return f"its identifier {self._identifier!r} has more than {self._limits.identifier_bytes:,} bytes"
        if not _is_storable(text):
            return f"its identifier {self._identifier!r} contains a character that the database cannot store"
        type_ = self.types.get(self._identifier)
        if type_ == "json":
            return ""
        found = _identifier_type(text, self._limits.decimal_digits)
        if type_ is None or type_ == found or (type_, found) in _WIDENED or (type_, found) == ("decimal", "integer"):
            return ""
        return f"its identifier {self._identifier!r} is {found}, and the column is {type_}"

    def _add_columns(self, parsed: Sequence[Mapping[str, bytes]]) -> None:
        if self._identifier is not None and parsed and self._identifier not in self.types:
            digits = self._limits.decimal_digits
            type_ = _type_of_all(_identifier_type(fields[self._identifier], digits) for fields in parsed)
            self.types = {self._identifier: type_, **self.types}
        new: dict[str, set[ColumnType | None]] = {}
        for fields in parsed:
            for name, text in fields.items():
                if name not in self.types and text != b"null":
                    new.setdefault(name, set()).add(_type_of(name, text, self._limits.decimal_digits))
        for name, found in new.items():
            if self._wanted is not None and name not in self._wanted:
                continue
            full = len(self.types) + len(self._reserved) >= self._limits.count
            if full or self._is_taken(name) or not self._limits.is_name(name):
                self._unnamed[name] = None
                continue
            self.types[name] = self._declared.get(name) or _type_of_all(found)

    def _is_taken(self, name: str) -> bool:
        """Whether a column of this name is somebody else's, or differs in case only."""
        if not self._limits.ignores_case:
            return name in self._reserved
        return name.lower() in {each.lower() for each in (*self._reserved, *self.types)}

    def _fit_row(self, fields: Mapping[str, bytes], places: Mapping[str, int], fitted: FittedRows) -> None:
        row: list[bytes | None] = [None] * len(places)
        extra: list[bytes] = []
        for name, text in fields.items():
            if text == b"null":
                continue
            place = places.get(name)
            if name in self._declared and place is not None:
                text = _as_declared(text, self.types[name])
            if name == self._identifier and b"\\" in text:
                text = encode_json(plain_text(text))  # equal identifiers are equal bytes, however they were escaped
            if place is None:
                if name in self._unnamed:
                    extra.append(_member(name, text))
            elif self._fits(name, text):
                row[place] = text
            else:
                extra.append(_member(name, text))
                self._note_unfitting(name, text)
        fitted.rows.append(row)
        fitted.extras.append(b"{" + b",".join(extra) + b"}" if extra else None)

    def _fits(self, name: str, text: bytes) -> bool:
        """Whether the column can hold this value, widened if necessary."""
        type_ = self.types[name]
        if type_ == "text":
            return text[:1] == b'"' and (b"\\" not in text or _is_storable(text))
        if type_ == "json":
            return b"\\" not in text or _is_storable(text)
        find = _identifier_type if name == self._identifier else partial(_type_of, name)
        found = find(text, self._limits.decimal_digits)
        if found == type_ or (type_ == "decimal" and found == "integer"):
            return True
        if found is None:
            return False
        wider = _WIDENED.get((type_, found))
        if wider is None or not _is_storable(text):
            return False
        self.types[name] = wider
        return True

    def _note_unfitting(self, name: str, text: bytes) -> None:
        noted = self._unfitting.setdefault(name, _Unfitting())
        noted.count += 1
        noted.example = noted.example or text[:60].decode(errors="replace")


def attribute_fields(fields: dict[str, bytes]) -> dict[str, bytes]:
    """The fields with the custom attributes among them, where each has a code of its own and a value."""
    try:
        attributes = _ATTRIBUTES.decode(fields[ATTRIBUTES])
    except msgspec.DecodeError:
        return fields
    codes = [each.attribute_code for each in attributes]
    if len(set(codes)) < len(codes) or not fields.keys().isdisjoint(codes):
        return fields
    flat = {name: text for name, text in fields.items() if name != ATTRIBUTES}
    return flat | {each.attribute_code: bytes(each.value) for each in attributes}


def _as_declared(text: bytes, type_: ColumnType) -> bytes:
    """The value that this text is, such as the price "9.990000" of a custom attribute; otherwise the text itself."""
    if type_ in ("integer", "decimal") and _NUMBER_TEXT.fullmatch(text):
        return text[1:-1]
    if type_ == "boolean":
        return _BOOLEAN_TEXTS.get(text, text)
    return text


def _member(name: str, text: bytes) -> bytes:
    return encode_json(name) + b":" + text


def _type_of(name: str, text: bytes, digits: tuple[int, int] | None) -> ColumnType | None:
    """The type of a value; None where it says nothing about its column, such as an empty date."""
    match json_type(text):
        case "text":
            return _type_of_text(name, text)
        case "number":
            return _type_of_number(text, digits)
        case "boolean":
            return "boolean"
        case _:
            return "json"


def _type_of_text(name: str, text: bytes) -> ColumnType | None:
    if text in _NO_DATES:
        return None
    length = len(text)
    if length not in (12, 21) or text[5:6] != b"-":
        return "text"
    pattern: re.Pattern[bytes] = _DATE if length == 12 else _DATE_TIME
    if pattern.fullmatch(text) is None:
        return "text"
    try:
        datetime.fromisoformat(text[1:-1].decode())
    except ValueError:
        return "text"
    if length == 12:
        return "date"
    return "datetime-utc" if name.endswith("_at") else "datetime"  # Magento's own dates are in UTC


def _type_of_number(text: bytes, digits: tuple[int, int] | None) -> ColumnType:
    """`digits`: those that a decimal has before and after the point; a number with more is JSON."""
    if _INTEGER.fullmatch(text) and (len(text) <= 18 or (len(text) <= 20 and -(2**63) <= int(text) < 2**63)):
        return "integer"
    exponent = _EXPONENT.search(text)
    if len(text) + (int(exponent[1][:6]) if exponent else 0) > _MAX_DIGITS:
        return "json"
    if digits is None:
        return "decimal"
    _, found, shift = Decimal(text.decode()).normalize(_EXACT).as_tuple()
    assert isinstance(shift, int)  # JSON has neither infinity nor NaN
    return "decimal" if len(found) + shift <= digits[0] and -shift <= digits[1] else "json"


def _identifier_type(text: bytes, digits: tuple[int, int] | None) -> ColumnType:
    """An identifier that looks like a date is a text."""
    return _type_of_number(text, digits) if json_type(text) == "number" else "text"


def _type_of_all(found: Iterable[ColumnType | None]) -> ColumnType:
    """The type for values of all these types."""
    types = {each for each in found if each is not None}
    if len(types) == 1:
        return types.pop()
    if not types:
        return "text"
    if types == {"integer", "decimal"}:
        return "decimal"
    if types <= {"date", "datetime", "datetime-utc", "text"}:
        return "text"
    return "json"


def _is_storable(text: bytes) -> bool:
    """Whether a database can store all characters of this JSON text: not NUL, nor half of a surrogate pair."""
    if b"\\u" not in text or _ESCAPED.search(text) is None:
        return True
    try:
        decoded: Json = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):  # a lone surrogate
        return False
    return _has_no_nul(decoded)


def _has_no_nul(value: Json) -> bool:
    if isinstance(value, str):
        return "\0" not in value
    if isinstance(value, dict):
        return all("\0" not in name and _has_no_nul(each) for name, each in value.items())
    return not isinstance(value, list) or all(map(_has_no_nul, value))
