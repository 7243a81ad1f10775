"""Singer messages: SCHEMA, RECORD and STATE, which any Singer target can load.

The format: https://hub.meltano.com/singer/spec

A target that has made a column for a property makes a second one when the property's type changes, and leaves the first
one empty from then on. So a type is declared once: by the first page that has a value, never by the first value alone,
and what does not fit later is converted where nothing is lost, or rejected and reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal, Self

from pydantic import Field, PrivateAttr

from ...client.file_path import FilePath
from ...client.raw_json import encode_json, json_type, members, plain_text
from ...templates import Json
from ..item_schema import read_schema
from ..output_file import OutputFile
from ..sink import (
    ByteOutput,
    OpenSink,
    RejectedItem,
    Sink,
    SinkContext,
    SinkMissing,
    identifier_problem,
)
from .stdout import StandardOutput

_IDENTIFIER: Final = re.compile(r"(?:^|_)(?:id|ID)$|[a-z]I[dD]$")
"""Names of properties whose numbers are identifiers: id, entity_id, customerId. All other numbers may have a point."""
_NUMBER: Final = re.compile(rb"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_WHOLE: Final = re.compile(rb"(-?(?:0|[1-9]\d*))(?:\.0+)?")
_BOOLEANS: Final = {b"1": b"true", b"0": b"false", b"true": b"true", b"false": b"false"}
_COMPOUND: Final = {"array", "object"}
"""Declared together: PHP writes an empty object as []."""
_FIRST_CHARACTERS: Final = {
    "null": b"n",
    "boolean": b"tf",
    "number": b"-0123456789",
    "string": b'"',
    "array": b"[",
    "object": b"{",
}
"""First characters of values that fit this type whatever follows. An integer is looked at."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a catalog says of a stream: its schema, and which properties its user has left out."""

    schema: dict[str, Json]
    left_out: frozenset[str] = frozenset()


@dataclass(slots=True)
class StreamContext:
    """What a sink knows about the other streams of a tap, which runs several."""

    bookmarks: dict[str, Json] = field(default_factory=dict)
    """Those of all streams. A sink writes its own into it, and all of them into each STATE."""
    selection: Selection | None = None
    output: ByteOutput | None = None
    """Where the messages go instead of the sink's own file."""
    always_null: set[str] = field(default_factory=set)
    """Properties of this stream that had no value so far, so that nothing is known of their types."""


class SingerSink(Sink):
    """Singer messages, for any Singer target."""

    endings: ClassVar = (".singer",)
    kind: Literal["singer"] = "singer"
    path: FilePath | None = Field(
        None,
        title="File",
        description="Relative to the profile. By default messages go to standard output: run … | target-postgres",
        examples=["products.singer"],
    )
    stream: str | None = Field(
        None,
        min_length=1,
        title="Stream",
        description="Default: the incoming's name.",
        examples=["products"],
    )
    schema_file: FilePath | None = Field(
        None,
        title="Schema file",
        description="A JSON Schema of the items. By default, each property has the type it has on the first page "
        "with a value; numbers are `number`, identifiers (id, *_id) `integer`. The type of a property never changes: "
        "later values are converted without loss, or rejected and reported.",
        examples=["products.schema.json"],
    )
    _context: StreamContext = PrivateAttr(default_factory=StreamContext)

    @property
    def on_stdout(self) -> bool:
        return self.path is None

    def with_context(self, context: StreamContext) -> Self:
        """The same sink, as one of several streams."""
        copy = self.model_copy()
        copy._context = context
        return copy

    @property
    def requires_identifier(self) -> bool:
        return True

    def open(self, context: SinkContext, position: Json) -> OpenSink:
        schema = None if self.schema_file is None else read_schema(context.directory / self.schema_file)
        name = self.stream or context.name
        former = _field(position, "stream") or name
        if former != name:
            raise SinkMissing(
                f"The items so far are in the stream {former}, and now in {name}", "Start over with --full."
            )
        known = _StreamColumns(context.identifier, self._context, schema, _field(position, "types"))
        if self._context.output is not None:
            return _OpenSinger(self._context.output, name, context, known, self._context.bookmarks)
        if self.path is None:
            return _OpenSinger(StandardOutput(), name, context, known, self._context.bookmarks)
        file = OutputFile(context.output(self.path), position, context.known, context.closed)
        return _OpenSinger(file, name, context, known, self._context.bookmarks, position)


class _OpenSinger(OpenSink):
    """A step ends with a STATE: what a target has loaded when it repeats that message."""

    def __init__(
        self,
        output: ByteOutput,
        stream: str,
        context: SinkContext,
        columns: _StreamColumns,
        bookmarks: dict[str, Json],
        position: Json = None,
    ) -> None:
        """`position`: where messages of an earlier run end that these are added to."""
        self._output, self._identifier, self._cursor = output, context.identifier, context.cursor
        self._cursor_of_parent = context.cursor_of_parent
        self._stream, self._columns, self._bookmarks = stream, columns, bookmarks
        items = _field(position, "items")
        self._items = items if isinstance(items, int) else 0
        recorded = _field(position, "bookmark") or bookmarks.get(stream)
        self._bookmark: dict[str, Json] = dict(recorded) if isinstance(recorded, dict) else {}
        self._bookmark.pop("items", None)
        self._stated = self._state() if position is not None else None
        self._schema_sent = self._items > 0
        self._complete = False

    def write(self, items: Sequence[bytes]) -> Sequence[RejectedItem]:
        records: list[tuple[int, bytes, dict[str, bytes]]] = []
        rejected: list[RejectedItem] = []
        for index, item in enumerate(items):
            record = item if json_type(item) == "object" else b'{"value":' + item + b"}"
            fields = members(record)
            if reason := identifier_problem(fields, self._identifier):
                rejected.append(RejectedItem(index, reason))
            else:
                records.append((index, record, fields))
        if self._columns.infer_types([fields for _, _, fields in records]) or (records and not self._schema_sent):
            self._send_schema()
        begin = b'{"type":"RECORD","stream":' + encode_json(self._stream) + b',"record":'
        lines: list[bytes] = []
        for index, record, fields in records:
            fitted, reason = self._columns.convert(record, fields)
            if reason:
                rejected.append(RejectedItem(index, reason))
            else:
                lines.append(begin + fitted + b"}\n")
        self._items += len(lines)
        self._output.write(b"".join(lines))
        return sorted(rejected, key=lambda each: each.index)

    def complete(self, mark: str | None) -> None:
        self._complete = True
        if self._cursor is None:
            return
        before = self._bookmark.get("replication_key_value")
        known = before if self._bookmark.get("replication_key") == self._cursor and isinstance(before, str) else None
        found = mark or known
        self._bookmark = {} if found is None else {"replication_key": self._cursor, "replication_key_value": found}

    def sync(self) -> Json:
        if self._complete and not self._schema_sent and self._columns.given:
            self._send_schema()
        state = self._state()
        moved = self._complete or self._items > _count(self._stated)
        if moved and state != self._stated:
            self._bookmarks[self._stream] = self._stated = state
            self._output.write(encode_json({"type": "STATE", "value": {"bookmarks": self._bookmarks}}) + b"\n")
        position = self._output.sync()
        return {
            **position,
            "stream": self._stream,
            "types": dict(self._columns.inferred),
            "items": self._items,
            "bookmark": self._bookmark,
        }

    def remarks(self) -> Sequence[str]:
        if not self._columns.unknown:
            return ()
        names = ", ".join(sorted(self._columns.unknown))
        return [f"Omitted, because the catalog selects some properties and does not list these: {names}."]

    def close(self) -> None:
        self._output.close()

    def _state(self) -> dict[str, Json]:
        return {"items": self._items, **self._bookmark}

    def _send_schema(self) -> None:
        message: Json = {
            "type": "SCHEMA",
            "stream": self._stream,
            "schema": self._columns.schema(),
            "key_properties": [self._identifier] if self._identifier else [],
        }
        if self._cursor is not None and not self._cursor_of_parent and isinstance(message, dict):
            message["bookmark_properties"] = [self._cursor]
        self._output.write(encode_json(message) + b"\n")
        self._schema_sent = True


class _StreamColumns:
    """The properties of a stream and their types, each of which is declared once."""

    def __init__(
        self, identifier: str | None, context: StreamContext, schema: dict[str, Json] | None, recorded: Json
    ) -> None:
        """`schema`: of a file; `recorded`: the types that an earlier run has declared."""
        selection = context.selection
        self._identifier = identifier
        self._always_null = context.always_null
        self._base = selection.schema if selection is not None else schema
        self._left_out = selection.left_out if selection is not None else frozenset()
        self._infers = self._base is None or selection is not None
        self._is_selection = bool(self._left_out)
        """Someone has chosen among the properties: those that the catalog does not list were not chosen."""
        self.given = self._base is not None
        self.unknown: set[str] = set()
        self.inferred: dict[str, Json] = {}
        self._properties: dict[str, Json] = {}
        self._types: dict[str, frozenset[str]] = {}
        self._first_characters: dict[str, bytes] = {}
        self._untyped: set[str] = set()
        """Selected, and of unknown type until they have a value: discovery has seen them without one."""
        properties = (self._base or {}).get("properties")
        for name, property_ in properties.items() if isinstance(properties, dict) else ():
            if name in self._left_out:
                continue
            if selection is not None and not property_:
                self._untyped.add(name)
            else:
                self._declare(name, property_)
        for name, kinds in recorded.items() if isinstance(recorded, dict) and self._infers else ():
            if name not in self._types and name not in self._left_out and isinstance(kinds, list) and kinds:
                self._infer(name, map(str, kinds))

    def infer_types(self, page: Sequence[Mapping[str, bytes]]) -> bool:
        """Declares the properties that first have a value on this page; whether there are any."""
        if not self._infers:
            return False
        found: dict[str, set[str]] = {}
        for fields in page:
            for name, text in fields.items():
                if name in self._types or name in self._left_out:
                    continue
                kinds = found.setdefault(name, set())
                if kind := _json_type(text):
                    kinds.add(kind)
        new = {name: kinds for name, kinds in found.items() if kinds}
        self._always_null.update(found.keys() - new.keys())
        self._always_null.difference_update(new)
        if self._is_selection:
            self.unknown.update(new.keys() - self._untyped)
            new = {name: kinds for name, kinds in new.items() if name in self._untyped}
        for name, kinds in new.items():
            self._infer(name, kinds)
        return bool(new)

    def convert(self, record: bytes, fields: dict[str, bytes]) -> tuple[bytes, str]:
        """The record as its schema declares it, or why that is impossible."""
        changed: dict[str, bytes | None] = {}
        for name, text in fields.items():
            if name not in self._first_characters:
                if self._infers or name in self._left_out:  # null so far: some targets refuse what is not declared
                    changed[name] = None
            elif text[0] not in self._first_characters[name]:
                types = self._types[name]
                fitted = _convert(text, types)
                if fitted is None:
                    declared = " or ".join(sorted(types - {"null"}))
                    return b"", (
                        f"its {name!r} is {_json_type(text)}, and the schema of the stream declares {declared}. "
                        "Give the sink a schema-file that declares another type, or change the value with `transform`"
                    )
                if fitted is not text:
                    changed[name] = fitted
        if not changed:
            return record, ""
        kept = {**fields, **changed}
        return b"{" + b",".join(
            encode_json(name) + b":" + text for name, text in kept.items() if text is not None
        ) + b"}", ""

    def schema(self) -> dict[str, Json]:
        return {"type": "object", **(self._base or {}), "properties": {**self._properties}}

    def _infer(self, name: str, kinds: Iterable[str]) -> None:
        type_ = _declared(name, set(kinds), identifies=name == self._identifier)
        self.inferred[name] = type_
        self._declare(name, {"type": type_ if name == self._identifier else ["null", *type_]})

    def _declare(self, name: str, property_: Json) -> None:
        self._properties[name] = property_
        types = property_.get("type") if isinstance(property_, dict) else None
        some = {types} if isinstance(types, str) else set(map(str, types)) if isinstance(types, list) else set()
        self._types[name] = frozenset(some or _FIRST_CHARACTERS)
        # what is null stays so: whether the target accepts it is for the schema's author to know
        self._first_characters[name] = b"n" + b"".join(_FIRST_CHARACTERS.get(each, b"") for each in self._types[name])


def _declared(name: str, kinds: set[str], *, identifies: bool) -> list[Json]:
    """The JSON Schema type for values of these kinds; it must do for those of later pages, too."""
    if kinds <= {"integer", "number"}:
        whole = kinds == {"integer"} and (identifies or _IDENTIFIER.search(name) is not None)
        return ["integer" if whole else "number"]
    if kinds <= _COMPOUND:
        return [*sorted(_COMPOUND)]
    return ["boolean"] if kinds == {"boolean"} else ["string"]


def _json_type(text: bytes) -> str:
    """The JSON Schema type of a value; nothing for null, which says nothing about the others."""
    match json_type(text):
        case "number":
            return "integer" if text.lstrip(b"-").isdigit() else "number"
        case "text":
            return "string"
        case "list":
            return "array"
        case "null":
            return ""
        case other:
            return other


def _convert(text: bytes, types: frozenset[str]) -> bytes | None:
    """The value as one of these types, none of which it has by its first character; None where something would be lost.

    A text with a number is that number, 1.0 the integer 1, 1 and 0 are true and false and the other way round, an empty
    text is null, and anything can be text.
    """
    kind = _json_type(text)
    plain = plain_text(text).encode("utf-8", "surrogatepass") if kind == "string" else text
    if kind in _COMPOUND:
        if len(text.translate(None, b" \t\r\n")) == 2 and _COMPOUND & types:
            return b"[]" if "array" in types else b"{}"
    else:
        if "number" in types and _NUMBER.fullmatch(plain):
            return plain
        if "integer" in types and (whole := _WHOLE.fullmatch(plain)):
            return text if whole[1] == text else whole[1]
        if kind == "boolean" and types & {"number", "integer"} and "string" not in types:
            return b"1" if text == b"true" else b"0"
        if "boolean" in types and plain in _BOOLEANS:
            return _BOOLEANS[plain]
        if text == b'""' and "null" in types:
            return b"null"
    return encode_json(text.decode("utf-8")) if "string" in types and kind != "string" else None


def _field(position: Json, name: str) -> Json:
    return position.get(name) if isinstance(position, dict) else None


def _count(state: Json) -> int:
    items = _field(state, "items")
    return items if isinstance(items, int) else 0
