"""Types of columns from a schema: a JSON Schema of the items, or the store's own description of its API.

Magento describes itself at `/rest/all/schema?services=all`, in Swagger 2.0; OpenAPI 3 is read, too.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from ..client.file_path import FilePath
from ..client.raw_json import InvalidJson, decode_json
from ..files import read_regular, reason
from ..templates import Json
from .columns import ColumnType
from .sink import SinkContext, SinkError

SchemaFile = Annotated[
    FilePath | None,
    Field(
        title="Schema file",
        description="Types of the columns: a JSON Schema of the items, or the store's own schema (its response to "
        "/rest/all/schema?services=all). By default, types are those of the first page with a value.",
        examples=["schema.json"],
    ),
]

_TYPES: Final[dict[str, ColumnType]] = {
    "boolean": "boolean",
    "integer": "integer",
    "number": "decimal",
    "array": "json",
    "object": "json",
}
"""A string may be a date: its values decide."""
_PLACEHOLDER: Final = re.compile(r"[&?@]?\{[^{}]*\}")
_MAX_REFERENCES: Final = 10


def declared_types(schema_file: str | None, context: SinkContext) -> dict[str, ColumnType]:
    """The types of the items by field, if there is a schema. Raises `SinkError`."""
    if schema_file is None:
        return {}
    file, uri = context.directory / schema_file, context.uri
    document = _SchemaDocument(read_schema(file))
    item = document.items_of(uri) if "paths" in document.root else document.root
    if item is None:
        raise SinkError(
            f"The schema {file} does not describe the items of {uri!r}",
            "Use the store's schema for all services, or a JSON Schema of the items.",
        )
    found = document.resolved(item).get("properties")
    properties = found if isinstance(found, dict) else {}
    types = {name: document.type_of(each) for name, each in properties.items()}
    return {name: type_ for name, type_ in types.items() if type_ is not None}


def read_schema(path: Path) -> dict[str, Json]:
    """The schema in a file. Raises `SinkError`."""
    try:
        schema = decode_json(read_regular(path))
    except InvalidJson as error:
        raise SinkError(f"The schema {path} is not valid JSON: {error}") from error
    except (OSError, ValueError) as error:
        raise SinkError(
            f"The schema {path} cannot be read: {reason(error)}", "Correct the sink's schema-file."
        ) from error
    if not isinstance(schema, dict):
        raise SinkError(f"The schema {path} is not a JSON Schema: it is not an object")
    return schema


class _SchemaDocument:
    """A JSON document with references to its parts."""

    def __init__(self, root: dict[str, Json]) -> None:
        self.root = root

    def items_of(self, uri: str) -> Json:
        """The schema of the items that this request returns; None if the document does not describe it."""
        paths = self.root.get("paths")
        wanted = _segments(uri)
        for path, operations in paths.items() if isinstance(paths, dict) else ():
            if _segments(path) == wanted and (response := self._response(operations)):
                whole = self.resolved(response)
                properties = whole.get("properties")
                listed = properties.get("items") if isinstance(properties, dict) else None
                return self.resolved(listed).get("items") or whole.get("items") or response
        return None

    def resolved(self, node: Json) -> dict[str, Json]:
        """The object that this node is, or refers to; empty if there is none."""
        for _ in range(_MAX_REFERENCES):
            reference = node.get("$ref") if isinstance(node, dict) else None
            if not isinstance(reference, str):
                break
            node = self.root
            for name in reference.removeprefix("#/").split("/"):
                node = node.get(name) if isinstance(node, dict) else None
        return node if isinstance(node, dict) else {}

    def type_of(self, node: Json) -> ColumnType | None:
        """The type of a column for values of this schema; None if the values decide."""
        found = self.resolved(node).get("type")
        names = {each for each in (found if isinstance(found, list) else [found]) if each != "null"}
        return _TYPES.get(str(names.pop())) if len(names) == 1 else None

    def _response(self, operations: Json) -> dict[str, Json]:
        """The schema of a successful response to a GET, or to a POST that searches."""
        methods = operations if isinstance(operations, dict) else {}
        operation = self.resolved(methods.get("get") or methods.get("post"))
        responses = operation.get("responses")
        response = self.resolved(responses.get("200") if isinstance(responses, dict) else None)
        content = response.get("content")  # of OpenAPI 3
        body = content.get("application/json") if isinstance(content, dict) else response
        schema = body.get("schema") if isinstance(body, dict) else None
        return schema if isinstance(schema, dict) else {}


def _segments(path: str) -> list[str]:
    """The parts of a path without the version, so that /V1/orders/{id} and orders/&{entity_id} are the same."""
    path = _PLACEHOLDER.sub("{}", path).partition("?")[0]
    return [each for each in path.split("/") if each and not re.fullmatch(r"rest|all|V\d+", each)]
