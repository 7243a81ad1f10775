"""Types of columns from a schema, and the columns of a destination that has it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import recordings
from sink_runs import begin

from tui_connector.incoming.item_schema import declared_types
from tui_connector.incoming.sink import SinkContext, SinkError
from tui_connector.incoming.sinks.parquet import ParquetSink

ITEM = {
    "type": "object",
    "properties": {
        "price": {"type": "number"},
        "qty": {"type": ["integer", "null"]},
        "name": {"type": "string"},
        "ok": {"$ref": "#/definitions/flag"},
        "odd": {"type": ["integer", "string"]},
    },
    "definitions": {"flag": {"type": "boolean"}},
}
TYPES = {"price": "decimal", "qty": "integer", "ok": "boolean"}


def types(folder: Path, schema: Any, uri: str = "products") -> dict[str, str]:
    (folder / "schema.json").write_text(schema if isinstance(schema, str) else json.dumps(schema))
    return dict(declared_types("schema.json", SinkContext(folder, uri=uri)))


def openapi(path: str, response: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": response}}
    return {"openapi": "3.0.0", "paths": {path: {"get": {"responses": {"200": {"content": content}}}}}, **ITEM}


def test_a_json_schema_of_the_items(tmp_path: Path) -> None:
    assert types(tmp_path, ITEM) == TYPES


@pytest.mark.parametrize("uri", ["products", "/V1/products", "products?x=1"])
def test_an_openapi_document(tmp_path: Path, uri: str) -> None:
    listed = {"properties": {"items": {"type": "array", "items": ITEM}}}
    assert types(tmp_path, openapi("/V1/products", listed), uri) == TYPES


def test_a_bare_list_below_a_parent(tmp_path: Path) -> None:
    document = openapi("/V1/products/{sku}/links", {"type": "array", "items": ITEM})
    assert types(tmp_path, document, "products/&{sku}/links") == TYPES


def test_the_schema_of_a_real_store(tmp_path: Path) -> None:
    text = recordings.schema("all")
    found = types(tmp_path, text)
    assert found["id"] == "integer"
    assert found["price"] == "decimal"
    assert found["custom_attributes"] == "json"
    assert "updated_at" not in found
    assert types(tmp_path, text, "orders")["grand_total"] == "decimal"


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("{", "is not valid JSON"),
        ("null", "is not a JSON Schema"),
        ("[5]", "is not a JSON Schema"),
        (openapi("/V1/other", ITEM), "does not describe the items of 'products'"),
        ({"openapi": "3.0.0", "paths": None}, "does not describe"),
    ],
)
def test_a_schema_that_says_nothing(tmp_path: Path, schema: Any, message: str) -> None:
    with pytest.raises(SinkError, match=message):
        types(tmp_path, schema)


def test_a_schema_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="cannot be read: No such file"):
        declared_types("none.json", SinkContext(tmp_path))
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(SinkError, match="cannot be read: is a pipe"):
        declared_types("pipe.json", SinkContext(tmp_path))


@pytest.mark.parametrize("node", [{"$ref": "#/a"}, {"a": {"$ref": "#/a"}}, {"properties": [1]}])
def test_any_object_is_a_schema_without_types(tmp_path: Path, node: Any) -> None:
    assert types(tmp_path, node) == {}


def test_texts_that_are_values_of_the_declared_type_are_stored_as_such(tmp_path: Path) -> None:
    """Magento sends the values of custom attributes as texts."""
    pyarrow = pytest.importorskip("pyarrow.parquet")
    (tmp_path / "schema.json").write_text(json.dumps(ITEM))
    sink = ParquetSink.model_validate({"kind": "parquet", "path": "out.parquet", "schema-file": "schema.json"})
    writing, _ = begin(sink, tmp_path, name="products", identifier="sku")
    items = [
        {"sku": "A", "price": "9.990000", "qty": "5", "ok": "1", "name": "5"},
        {"sku": "B", "price": 1, "qty": "5.5", "ok": False},
        {"sku": "C", "price": "1e5", "ok": "yes"},
    ]
    writing.write([json.dumps(item).encode() for item in items])
    writing.complete(None)
    writing.close()
    rows = pyarrow.read_table(tmp_path / "out.parquet").to_pylist()
    assert [float(row["price"] or 0) for row in rows] == [9.99, 1, 0]
    assert [row["qty"] for row in rows] == [5, 5.5, None]
    assert [row["ok"] for row in rows] == [True, False, None]
    assert (rows[0]["name"], rows[2]["_extra"]) == ("5", '{"price":"1e5","ok":"yes"}')
