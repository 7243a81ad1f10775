"""Singer messages of real items, whose numbers are whole on the first rows and not on later ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from recordings import recordings
from sink_runs import begin

from tui_connector.incoming.sinks.singer import SingerSink


@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize(
    ("number", "identifier", "names"),
    [("247", "entity_id", ("total_due", "base_total_due")), ("117", "sku", ("price",))],
    ids=["orders", "products"],
)
def test_a_real_property_has_one_type_whatever_the_size_of_a_page(
    tmp_path: Path, number: str, identifier: str, names: tuple[str, ...], size: int
) -> None:
    [body] = [each.body for each in recordings() if each.number == number]
    items = json.loads(body)["items"]
    opened, _ = begin(SingerSink(path="out"), tmp_path, name="real", identifier=identifier)
    for start in range(0, len(items), size):
        assert not opened.write([json.dumps(item).encode() for item in items[start : start + size]])
    opened.sync()
    opened.close()
    messages = [json.loads(line) for line in (tmp_path / "out").read_bytes().splitlines()]
    types: dict[str, list[Any]] = {}
    for message in messages:
        for name, property_ in message["schema"]["properties"].items() if message["type"] == "SCHEMA" else ():
            if property_ not in types.setdefault(name, []):
                types[name].append(property_)
    assert [name for name, found in types.items() if len(found) > 1] == []
    assert [types[name] for name in names] == [[{"type": ["null", "number"]}]] * len(names)
    records = [message["record"] for message in messages if message["type"] == "RECORD"]
    for record, item in zip(records, items, strict=True):
        assert record == {name: value for name, value in item.items() if value is not None or name in record}
