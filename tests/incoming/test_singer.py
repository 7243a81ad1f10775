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
from tempfile import TemporaryDirectory
from typing import Any

import fork_server
import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from listing import is_mark_of, listing, products
from requirements import require
from sink_runs import begin, go_on, write

from tui_connector.incoming.sink import SinkError
from tui_connector.incoming.sinks.singer import SingerSink

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
    write(SingerSink(path="out"), tmp_path, STEPS, **PRODUCTS)
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
    assert records(tmp_path / "out") == [
        {n: v for n, v in item.items() if (n, v) != ("weight", None)} for item in sent()
    ]
    assert messages(tmp_path / "out")[-1] == {"type": "STATE", "value": {"bookmarks": {"products": {"items": 4}}}}


def test_the_schema_is_sent_again_only_for_something_new(tmp_path: Path) -> None:
    write(
        SingerSink(path="out"),
        tmp_path,
        [[b'{"sku":"a","n":1}'] * 50, [b'{"sku":"b","n":null}', b'{"sku":"c"}']],
        **PRODUCTS,
    )
    assert [message["type"] for message in messages(tmp_path / "out")].count("SCHEMA") == 1


@pytest.mark.parametrize("done", range(4))
def test_a_resumed_run_ends_the_same(tmp_path: Path, done: int) -> None:
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    write(SingerSink(path="out"), tmp_path / "whole", STEPS, **PRODUCTS)
    positions = write(SingerSink(path="out"), tmp_path / "stopped", STEPS, **PRODUCTS)
    go_on(SingerSink(path="out"), tmp_path / "stopped", positions[done], STEPS[done:], **PRODUCTS)
    assert (tmp_path / "stopped" / "out").read_bytes() == (tmp_path / "whole" / "out").read_bytes()


def test_items_without_a_key_are_named(tmp_path: Path) -> None:
    opened, _ = begin(SingerSink(path="out", stream="p"), tmp_path, **PRODUCTS)
    assert [rejected.index for rejected in opened.write([b'{"sku":"a"}', b'{"name":"x"}', b"7"])] == [1, 2]
    opened.close()
    opened, _ = begin(SingerSink(path="bare", stream="p"), tmp_path)
    assert not opened.write([b"7", b'"x"'])
    opened.sync()
    opened.close()
    assert records(tmp_path / "bare") == [{"value": "7"}, {"value": "x"}]


def test_a_schema_that_is_given(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"sku": {"type": "string"}}}
    (tmp_path / "s.json").write_text(json.dumps(schema))
    write(SingerSink(path="out", schema_file="s.json"), tmp_path, STEPS, **PRODUCTS)
    found = [message["schema"] for message in messages(tmp_path / "out") if message["type"] == "SCHEMA"]
    assert found == [schema]
    (tmp_path / "bad.json").write_text("[1")
    (tmp_path / "list.json").write_text("[1]")
    for name, said in (("bad.json", "not valid JSON"), ("list.json", "not an object"), ("none.json", "cannot be read")):
        with pytest.raises(SinkError, match=said):
            begin(SingerSink(path="x", schema_file=name), tmp_path)


async def test_a_public_target_loads_a_run(tmp_path: Path, clean_environment: dict[str, str]) -> None:
    """Meltano's target-csv, which checks each record by its schema and each message by the protocol."""
    require("target-csv")
    (tmp_path / "loaded").mkdir()
    items = products(*range(1, 301))
    items[7]["tags"] = ["a", {"b": "c"}]
    items[299]["price"] = 9.5
    items[300]["price"] = None
    async with listing(items) as store:
        (tmp_path / "shop.toml").write_text(PROFILE.format(url=store.url))
        program = [sys.executable, "-m", "tui_connector", "run", "--trust", str(tmp_path / "shop.toml"), "items"]
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


def declared(path: Path) -> dict[str, list[Any]]:
    """For each property all types that it was declared with, in order and without repetition."""
    found: dict[str, list[Any]] = {}
    for message in messages(path):
        for name, property_ in message["schema"]["properties"].items() if message["type"] == "SCHEMA" else ():
            types = found.setdefault(name, [])
            if property_["type"] not in types:
                types.append(property_["type"])
    return found


def rejections(folder: Path, pages: list[list[bytes]], **about: str) -> list[str]:
    opened, _ = begin(SingerSink(path="out"), folder, **about)
    reasons = [rejected.reason for page in pages for rejected in opened.write(page)]
    opened.sync()
    opened.close()
    return reasons


def test_money_that_is_0_on_the_first_rows_is_one_number_column(tmp_path: Path) -> None:
    pages = [[b'{"sku":"a","due":0}', b'{"sku":"b","due":0}'], [b'{"sku":"c","due":737.66}']]
    write(SingerSink(path="out"), tmp_path, pages, **PRODUCTS)
    assert declared(tmp_path / "out")["due"] == [["null", "number"]]
    assert [each["due"] for each in records(tmp_path / "out")] == [0, 0, 737.66]


def test_identifiers_are_integers_and_the_key_is_never_null(tmp_path: Path) -> None:
    item = b'{"id":1,"entity_id":2,"customer_id":null,"store_id":3,"parentId":4,"qty":5,"grid":6,"valid":true}'
    write(SingerSink(path="out"), tmp_path, [[item], [b'{"id":2,"customer_id":7}']], name="orders", identifier="id")
    assert declared(tmp_path / "out") == {
        "id": [["integer"]],
        **{name: [["null", "integer"]] for name in ("entity_id", "customer_id", "store_id", "parentId")},
        **{name: [["null", "number"]] for name in ("qty", "grid")},
        "valid": [["null", "boolean"]],
    }


def test_a_property_is_declared_with_its_first_value_and_null_says_nothing(tmp_path: Path) -> None:
    pages = [[b'{"sku":"a","weight":null}'], [b'{"sku":"b","weight":null}'], [b'{"sku":"c","weight":1.5}']]
    write(SingerSink(path="out"), tmp_path, pages, **PRODUCTS)
    assert declared(tmp_path / "out") == {"sku": [["string"]], "weight": [["null", "number"]]}
    assert [each.get("weight") for each in records(tmp_path / "out")] == [None, None, 1.5]


@pytest.mark.parametrize(
    ("first", "later", "written"),
    [
        ("1", '"12.0000"', 12.0),
        ("1", '"-3"', -3),
        ("1", "true", 1),
        ("1", '""', None),
        ("1", '"007"', ...),
        ("1", '"abc"', ...),
        ("1", "[]", ...),
        ('"a"', "12.50", "12.50"),
        ('"a"', "true", "true"),
        ('"a"', '{"b": "\\u00e9"}', '{"b": "\\u00e9"}'),
        ('"a"', "[]", "[]"),
        ("true", "0", False),
        ("true", '"1"', True),
        ("true", '"false"', False),
        ("true", "2", ...),
        ("true", '"yes"', ...),
        ("[]", '{"a":1}', {"a": 1}),
        ('{"a":1}', "[]", []),
        ("[]", '"a"', ...),
        ('{"a":1}', "7", ...),
        ("[]", '""', None),
    ],
)
def test_a_later_value_of_another_type_is_converted_or_rejected(
    tmp_path: Path, first: str, later: str, written: Any
) -> None:
    pages = [[b'{"sku":"a","x":%s}' % first.encode()], [b'{"sku":"b","x":%s,"y":1}' % later.encode()]]
    reasons = rejections(tmp_path, pages, **PRODUCTS)
    found = records(tmp_path / "out")
    if written is ...:
        assert len(found) == 1
        [reason] = reasons
        assert "its 'x' is" in reason
        assert "schema-file" in reason
    else:
        assert reasons == []
        assert (found[1]["x"], type(found[1]["x"])) == (written, type(written))
        assert found[1]["y"] == 1
    assert all(len(types) == 1 for types in declared(tmp_path / "out").values())


@pytest.mark.parametrize(
    ("later", "written"),
    [('"12"', 12), ("3.0", 3), ('""', None), ("null", None), ("1.5", ...), ('"a1"', ...), ("1e3", ...)],
)
def test_an_identifier_stays_an_integer(tmp_path: Path, later: str, written: Any) -> None:
    reasons = rejections(tmp_path, [[b'{"a_id":1}'], [b'{"a_id":%s}' % later.encode()]], name="p")
    assert declared(tmp_path / "out") == {"a_id": [["null", "integer"]]}
    assert [each["a_id"] for each in records(tmp_path / "out")] == [1, *([] if written is ... else [written])]
    assert bool(reasons) == (written is ...)


def test_types_that_are_mixed_on_one_page_become_text(tmp_path: Path) -> None:
    page = [b'{"v":1}', b'{"v":"b"}', b'{"v":[1, 2]}', b'{"v":null}', b'{"v":false}']
    assert rejections(tmp_path, [page], name="p") == []
    assert declared(tmp_path / "out") == {"v": [["null", "string"]]}
    assert [each["v"] for each in records(tmp_path / "out")] == ["1", "b", "[1, 2]", None, "false"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
ITEMS = st.fixed_dictionaries({"sku": st.text(min_size=1)}, optional=dict.fromkeys(("a", "b_id", "c"), VALUES))


@given(st.lists(st.lists(ITEMS, min_size=1, max_size=4), max_size=4))
def test_whatever_comes_no_property_ever_changes_its_type_and_each_record_fits(pages: list[list[Any]]) -> None:
    with TemporaryDirectory() as folder:
        texts = [[json.dumps(item).encode() for item in page] for page in pages]
        reasons = rejections(Path(folder), texts, **PRODUCTS)
        path = Path(folder) / "out"
        assert all(len(types) == 1 for types in declared(path).values())
        schema: Any = None
        for message in messages(path):
            if message["type"] == "SCHEMA":
                schema = message["schema"]
            elif message["type"] == "RECORD":
                jsonschema.validate(message["record"], schema)
                assert message["record"].keys() <= schema["properties"].keys()
        assert len(records(path)) + len(reasons) == sum(map(len, pages))


def test_a_given_schema_decides_the_types(tmp_path: Path) -> None:
    properties = {"sku": {"type": "string"}, "price": {"type": ["null", "string"]}, "free": {}}
    (tmp_path / "s.json").write_text(json.dumps({"type": "object", "properties": properties}))
    pages = [[b'{"sku":"a","price":1.50,"free":[1],"more":1}', b'{"sku":"b","free":"x"}']]
    write(SingerSink(path="out", schema_file="s.json"), tmp_path, pages, **PRODUCTS)
    assert records(tmp_path / "out") == [
        {"sku": "a", "price": "1.50", "free": [1], "more": 1},
        {"sku": "b", "free": "x"},
    ]


def test_a_later_incremental_run_declares_the_types_of_the_first(tmp_path: Path) -> None:
    """Also where the messages go to a pipe, whose target has columns of these types already."""
    [*_, position] = write(SingerSink(path="out"), tmp_path, [[b'{"sku":"a","x":"1"}']], **PRODUCTS)
    go_on(SingerSink(path="out"), tmp_path, position, [[b'{"sku":"b","x":2}']], **PRODUCTS)
    assert declared(tmp_path / "out")["x"] == [["null", "string"]]
    assert [each["x"] for each in records(tmp_path / "out")] == ["1", "2"]


async def test_every_state_carries_the_bookmarks_of_all_streams(
    tmp_path: Path, clean_environment: dict[str, str]
) -> None:
    """A runner keeps the last STATE only: also one of a stream that is run alone later."""
    other = PROFILE.partition("[incoming.items]")[2].replace(
        "sink =", 'incremental = {{ field = "updated_at" }}\nsink ='
    )
    text = PROFILE + "[incoming.changed]" + other

    def states(out: bytes) -> list[Any]:
        return [json.loads(line)["value"] for line in out.splitlines() if b'"STATE"' in line[:20]]

    items: dict[str, Any] = {"items": 30}
    async with listing(products(*range(1, 31))) as store:
        (tmp_path / "shop.toml").write_text(text.format(url=store.url))

        async def run(*names: str) -> bytes:
            command = ("run", "--trust", tmp_path / "shop.toml", *names)
            code, out, err = await asyncio.to_thread(fork_server.run, *command, env=clean_environment)
            assert code == 0, err
            return out

        first = states(await run())
        changed = first[-1]["bookmarks"]["changed"]
        assert first[-1] == {"bookmarks": {"items": items, "changed": changed}}
        assert (changed["items"], changed["replication_key"]) == (30, "updated_at")
        assert is_mark_of(changed["replication_key_value"], "2026-11-01 00:00:00")
        assert all("items" in state["bookmarks"] for state in first)
        alone = states(await run("items"))
        assert alone != []
        assert all(state["bookmarks"]["changed"] == changed for state in alone)
        store.items[31] = {**store.items[30], "id": 31, "sku": "S31", "updated_at": "2026-11-02 00:00:00"}
        later = states(await run("changed"))
        assert is_mark_of(later[-1]["bookmarks"]["changed"]["replication_key_value"], "2026-11-02 00:00:00")
        assert later[-1]["bookmarks"]["items"] == items
