"""Singer messages, and a public target that loads them."""

from __future__ import annotations

import ast
import asyncio
import csv
import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from listing import listing, products
from needed import require
from sinking import begin, go_on, write

from tui_connector.transfer.sink import SinkError
from tui_connector.transfer.sinks.singer import Singer

PROFILE = """
format = 1
name = "Shop"

[[clients.shop.plugins]]
kind = "base-uri"
uri = "{url}/rest/all/V1"

[incoming.items]
client = "shop"
request = {{ uri = "products" }}
items = "items"
identifier = "sku"
pagination = {{ kind = "keyset", page-size = 50 }}
sink = {{ kind = "singer" }}
"""
PRODUCTS = {"name": "products", "identifier": "sku"}
STEPS = [
    [b'{"sku":"a","price":1,"weight":null,"links":[]}', b'{"sku":"b","price":1.10,"links":["x"]}'],
    [b'{"sku":"c","price":2,"weight":3,"extension_attributes":[]}'],
    [b'{"sku":"d","name":"\\u00ef\\/ \\"","extension_attributes":{"stock":{"qty":1}}}'],
]


def messages(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def records(path: Path) -> list[Any]:
    return [message["record"] for message in messages(path) if message["type"] == "RECORD"]


def sent() -> list[Any]:
    return [json.loads(item) for step in STEPS for item in step]


def test_each_record_holds_to_the_schema_before_it(tmp_path: Path) -> None:
    write(Singer(path="out"), tmp_path, STEPS, **PRODUCTS)
    schema = None
    for message in messages(tmp_path / "out"):
        if message["type"] == "SCHEMA":
            schema = message["schema"]
            assert message["key_properties"] == ["sku"]
        elif message["type"] == "RECORD":
            assert message["stream"] == "products"
            assert schema is not None
            jsonschema.validate(message["record"], schema)
            assert message["record"].keys() <= schema["properties"].keys(), "targets drop what is not said"
    assert records(tmp_path / "out") == sent()
    assert messages(tmp_path / "out")[-1] == {"type": "STATE", "value": {"bookmarks": {"products": {"items": 4}}}}


def test_the_schema_is_sent_again_only_for_something_new(tmp_path: Path) -> None:
    write(
        Singer(path="out"),
        tmp_path,
        [[b'{"sku":"a","n":1}'] * 50, [b'{"sku":"b","n":null}', b'{"sku":"c"}']],
        **PRODUCTS,
    )
    assert [message["type"] for message in messages(tmp_path / "out")].count("SCHEMA") == 1


@pytest.mark.parametrize("done", range(4))
def test_a_resumed_run_ends_the_same(tmp_path: Path, done: int) -> None:
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    write(Singer(path="out"), tmp_path / "whole", STEPS, **PRODUCTS)
    positions = write(Singer(path="out"), tmp_path / "stopped", STEPS, **PRODUCTS)
    go_on(Singer(path="out"), tmp_path / "stopped", positions[done], STEPS[done:], **PRODUCTS)
    assert (tmp_path / "stopped" / "out").read_bytes() == (tmp_path / "whole" / "out").read_bytes()


def test_items_without_a_key_are_named(tmp_path: Path) -> None:
    opened, _ = begin(Singer(path="out", stream="p"), tmp_path, **PRODUCTS)
    assert [rejected.index for rejected in opened.write([b'{"sku":"a"}', b'{"name":"x"}', b"7"])] == [1, 2]
    opened.close()
    opened, _ = begin(Singer(path="bare", stream="p"), tmp_path)
    assert not opened.write([b"7", b'"x"'])
    opened.sync()
    opened.close()
    assert records(tmp_path / "bare") == [{"value": 7}, {"value": "x"}]


def test_a_schema_that_is_given(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"sku": {"type": "string"}}}
    (tmp_path / "s.json").write_text(json.dumps(schema))
    write(Singer(path="out", schema_file="s.json"), tmp_path, STEPS, **PRODUCTS)
    found = [message["schema"] for message in messages(tmp_path / "out") if message["type"] == "SCHEMA"]
    assert found == [schema]
    (tmp_path / "bad.json").write_text("[1")
    (tmp_path / "list.json").write_text("[1]")
    for name, said in (("bad.json", "no JSON"), ("list.json", "no object"), ("none.json", "cannot be read")):
        with pytest.raises(SinkError, match=said):
            begin(Singer(path="x", schema_file=name), tmp_path)


async def test_a_public_target_loads_a_run(tmp_path: Path, clean_environment: dict[str, str]) -> None:
    """Meltano's target-csv, which checks each record by its schema and each message by the protocol."""
    require("target-csv")
    (tmp_path / "loaded").mkdir()
    items = products(*range(1, 301))
    items[7]["tags"] = ["a", {"b": "c"}]
    items[300]["price"] = None
    async with listing(items) as store:
        (tmp_path / "shop.toml").write_text(PROFILE.format(url=store.url))
        program = [sys.executable, "-m", "tui_connector", "run", str(tmp_path / "shop.toml"), "items"]
        ran = await asyncio.to_thread(
            subprocess.run, program, env=clean_environment, stdout=subprocess.PIPE, check=True
        )
    target = partial(subprocess.run, ["target-csv"], cwd=tmp_path / "loaded", capture_output=True, check=True)
    loaded = await asyncio.to_thread(target, input=ran.stdout)
    assert json.loads(loaded.stdout.splitlines()[-1]) == {"bookmarks": {"items": {"items": 300}}}
    with (tmp_path / "loaded" / "items.csv").open(newline="") as text:
        header, *rows = csv.reader(text)
    assert header == ["id", "sku", "name", "updated_at", "tags", "price"]
    assert [row[:3] for row in rows] == [[str(number), f"S{number}", f"Product {number}"] for number in range(1, 301)]
    assert ast.literal_eval(rows[6][4]) == ["a", {"b": "c"}]
