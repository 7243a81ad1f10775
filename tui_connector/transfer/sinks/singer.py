"""Singer messages: SCHEMA, RECORD and STATE, which any Singer target can load.

The format: https://hub.meltano.com/singer/spec
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from ...placeholder import Json
from ..raw_json import NotJson, members, shape, text_of, value
from ..sink import FilePath, OpenSink, Output, Rejected, Sink, SinkContext, SinkError, without_identifier
from ..standard_output import StandardOutput
from ..written_file import WrittenFile


class Singer(Sink):
    """Singer messages, for any Singer target."""

    kind: Literal["singer"] = "singer"
    path: FilePath | None = Field(
        None,
        title="File",
        description="Relative to the profile. Without one, messages go to standard output: run … | target-postgres",
        examples=["products.singer"],
    )
    stream: str | None = Field(
        None,
        min_length=1,
        title="Stream",
        description="Without one, it has the incoming's name.",
        examples=["products"],
    )
    schema_file: FilePath | None = Field(
        None,
        title="Schema file",
        description="A JSON Schema of the items. Without one, types are read off the items, and the schema is sent "
        "again whenever an item has something new.",
        examples=["products.schema.json"],
    )

    @property
    def on_stdout(self) -> bool:
        return self.path is None

    def open(self, context: SinkContext, position: Json) -> OpenSink:
        schema = None if self.schema_file is None else _read(context.directory / self.schema_file)
        name = self.stream or context.name
        if self.path is None:
            return _OpenSinger(StandardOutput(), name, context.identifier, schema, None)
        file = WrittenFile(context.directory / self.path, position, context.known)
        return _OpenSinger(file, name, context.identifier, schema, position)


class _OpenSinger(OpenSink):
    """A step ends with a STATE: what a target has loaded when it repeats that message."""

    def __init__(self, output: Output, stream: str, identifier: str | None, schema: Json, position: Json) -> None:
        self._output, self._identifier = output, identifier
        self._stream = stream
        self._given = schema
        recorded = position if isinstance(position, dict) else {}
        self._types = _types_of(recorded.get("types"))
        self._items = items if isinstance(items := recorded.get("items"), int) else 0
        self._stated = self._items

    def write(self, items: Sequence[bytes]) -> Sequence[Rejected]:
        lines: list[bytes] = []
        rejected: list[Rejected] = []
        for index, item in enumerate(items):
            record = item if shape(item) == "object" else b'{"value":' + item + b"}"
            fields = members(record)
            if reason := without_identifier(fields, self._identifier):
                rejected.append(Rejected(index, reason))
                continue
            if self._learns(fields):
                lines.append(self._schema())
            lines.append(b'{"type":"RECORD","stream":' + text_of(self._stream) + b',"record":' + record + b"}\n")
            self._items += 1
        self._output.write(b"".join(lines))
        return rejected

    def sync(self) -> Json:
        if self._items > self._stated:
            state: Json = {"bookmarks": {self._stream: {"items": self._items}}}
            self._output.write(text_of({"type": "STATE", "value": state}) + b"\n")
            self._stated = self._items
        types: Json = {name: [*sorted(kinds)] for name, kinds in self._types.items()}
        return {**self._output.sync(), "types": types, "items": self._items}

    def close(self) -> None:
        self._output.close()

    def _learns(self, fields: dict[str, bytes]) -> bool:
        """Whether there is something in these fields that the last schema did not say."""
        if self._given is not None:
            return self._items == 0
        new = not self._items and not self._types
        for name, text in fields.items():
            kind = _type(text)
            if name not in self._types or (kind and kind not in self._types[name]):
                self._types.setdefault(name, set()).update([kind] if kind else [])
                new = True
        return new

    def _schema(self) -> bytes:
        properties: Json = {name: {"type": self._kinds(name)} for name in self._types}
        message: Json = {
            "type": "SCHEMA",
            "stream": self._stream,
            "schema": {"type": "object", "properties": properties} if self._given is None else self._given,
            "key_properties": [self._identifier] if self._identifier else [],
        }
        return text_of(message) + b"\n"

    def _kinds(self, name: str) -> list[Json]:
        kinds = self._types[name] - ({"integer"} if "number" in self._types[name] else set())
        return [*([] if name == self._identifier else ["null"]), *sorted(kinds or {"string"})]


def _type(text: bytes) -> str:
    """The JSON Schema type of a value; nothing for null, which says nothing of the others."""
    match shape(text):
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


def _types_of(recorded: Json) -> dict[str, set[str]]:
    if not isinstance(recorded, dict):
        return {}
    return {name: {str(kind) for kind in kinds} for name, kinds in recorded.items() if isinstance(kinds, list)}


def _read(path: Path) -> Json:
    """The schema in a file. Raises `SinkError`."""
    try:
        schema = value(path.read_bytes())
    except OSError as error:
        raise SinkError(
            f"The schema {path} cannot be read: {error.strerror}", "Correct the sink's schema-file."
        ) from error
    except NotJson as error:
        raise SinkError(f"The schema {path} is no JSON: {error}") from error
    if not isinstance(schema, dict):
        raise SinkError(f"The schema {path} is no JSON Schema: it is no object")
    return schema
