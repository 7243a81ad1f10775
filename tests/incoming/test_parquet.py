"""Parquet: one file of typed columns, replaced when a run is complete, and files that are not ours."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from listing import listing, product, products
from requirements import require_modules
from runs import Shop
from sink_runs import begin, write

from tui_connector.incoming.sink import SinkError
from tui_connector.incoming.sinks.parquet import ParquetSink
from tui_connector.incoming.start import RunOptions
from tui_connector.machine import Machine

require_modules("pyarrow")

PRODUCTS: Any = {"name": "products", "identifier": "sku"}
SINK = ParquetSink(path="store.parquet")


def rows(folder: Path) -> list[dict[str, Any]]:
    """The rows without nulls and their numbers."""
    import pyarrow.parquet

    found = pyarrow.parquet.read_table(folder / "store.parquet").to_pylist()
    return [{name: value for name, value in row.items() if value is not None and name != "_row"} for row in found]


def lines(*items: Any) -> list[bytes]:
    return [item if isinstance(item, bytes) else json.dumps(item).encode() for item in items]


def stored(folder: Path, *steps: list[bytes], known: Any = None, **fields: Any) -> list[str]:
    """A complete run; returns the remarks."""
    sink = ParquetSink.model_validate({"kind": "parquet", "path": "store.parquet", **fields})
    writing, _ = begin(sink, folder, known, **PRODUCTS)
    for step in steps:
        assert not writing.write(step)
        writing.sync()
    writing.complete(None)
    writing.sync()
    writing.close()
    return list(writing.remarks())


def refusal(folder: Path, **about: Any) -> str:
    with pytest.raises(SinkError) as refused:
        begin(SINK, folder, **{**PRODUCTS, **about})
    return f"{refused.value} {refused.value.hint}"


def test_types_are_those_of_the_values(tmp_path: Path) -> None:
    item = b"""{"sku":"A","id":1,"price":12.50,"small":1E-7,"in_stock":true,"none":null,
    "created_at":"2026-01-31 08:30:00","special_from_date":"2026-02-01 00:00:00","dob":"1990-12-24",
    "website_ids":[1,2],"name":"Ab\\u00e9 \\"x\\"","zip":"01234"}""".replace(b"\n", b"")
    assert stored(tmp_path, [item]) == []
    assert rows(tmp_path) == [
        {
            "sku": "A",
            "id": 1,
            "price": Decimal("12.50"),
            "small": Decimal("1E-7"),
            "in_stock": True,
            "created_at": datetime(2026, 1, 31, 8, 30, tzinfo=UTC),
            "special_from_date": datetime(2026, 2, 1),
            "dob": date(1990, 12, 24),
            "website_ids": "[1,2]",
            "name": 'Abé "x"',
            "zip": "01234",
        }
    ]


def test_a_column_has_one_type_whatever_came_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_connector.incoming.sinks.parquet._GROUP_ITEMS", 1)
    remarks = stored(
        tmp_path,
        lines(
            {"sku": "A", "n": 1, "d": "2026-01-31"},
            {"sku": "B", "n": 1.5, "d": "soon", "later": True},
            {"sku": "C", "n": "many", "d": "0000-00-00"},
        ),
    )
    assert rows(tmp_path) == [
        {"sku": "A", "n": Decimal(1), "d": "2026-01-31"},
        {"sku": "B", "n": Decimal("1.5"), "d": "soon", "later": True},
        {"sku": "C", "d": "0000-00-00", "_extra": '{"n":"many"}'},
    ]
    assert remarks == ['1 value of \'n\' did not fit a column of type decimal and is in "_extra" (first: "many").']


def test_the_last_item_of_an_identifier_counts(tmp_path: Path) -> None:
    remarks = stored(tmp_path, lines({"sku": "A", "n": 1}, {"sku": "B"}), lines({"sku": "A", "n": 2}))
    assert rows(tmp_path) == [{"sku": "B"}, {"sku": "A", "n": 2}]
    assert remarks == ["1 of the items had the same 'sku' as an earlier one and replaced it. Is 'sku' unique?"]


def test_custom_attributes_as_columns(tmp_path: Path) -> None:
    pairs = [{"attribute_code": "color", "value": "5"}, {"attribute_code": "tags", "value": ["1"]}]
    stored(tmp_path, lines({"sku": "A", "custom_attributes": pairs}), **{"custom-attributes": "columns"})
    assert rows(tmp_path) == [{"sku": "A", "color": "5", "tags": '["1"]'}]


def test_an_item_without_its_identifier_is_rejected(tmp_path: Path) -> None:
    writing, _ = begin(SINK, tmp_path, **PRODUCTS)
    assert [each.index for each in writing.write(lines({"sku": "A"}, {"name": "a"}, 5))] == [1, 2]
    writing.complete(None)
    writing.close()
    assert rows(tmp_path) == [{"sku": "A"}]


def test_an_empty_list_is_an_empty_file(tmp_path: Path) -> None:
    stored(tmp_path)
    assert rows(tmp_path) == []


def test_the_file_is_as_readable_as_the_items(tmp_path: Path) -> None:
    stored(tmp_path, lines({"sku": "A"}))
    modes = {each.name: each.stat().st_mode for each in tmp_path.iterdir()}
    assert modes["store.parquet"] == modes["store.parquet.jsonl"]


def test_what_is_not_ours_is_not_touched(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    file = tmp_path / "store.parquet"
    for content in ("text", None):
        if content is None:
            pyarrow.parquet.write_table(pyarrow.table({"sku": ["A"]}), file)
        else:
            file.write_text(content)
        before = file.read_bytes()
        assert "was not written by this configuration" in refusal(tmp_path)
        assert file.read_bytes() == before
    file.unlink()
    [*_, position] = write(SINK, tmp_path, [lines({"sku": "A"})], **PRODUCTS)
    file.write_text("since then")
    assert "was not written by this configuration" in refusal(tmp_path, known=position)


@pytest.mark.parametrize("identifier", ["_row", "_extra", "id\0", "id\ud800"])
def test_names_that_a_column_cannot_have_are_refused(tmp_path: Path, identifier: str) -> None:
    assert "A file cannot have a column named" in refusal(tmp_path, identifier=identifier)
    assert list(tmp_path.iterdir()) == []


def test_without_the_library_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert "pip install -e '.[warehouse]'" in refusal(tmp_path)


async def test_the_file_is_replaced_when_a_run_is_complete(tmp_path: Path, machine: Machine) -> None:
    async with listing(products(*range(1, 88))) as store:
        saved = {"kind": "parquet", "path": "store.parquet"}
        shop = Shop(tmp_path, machine, store.url, {"incremental": {"field": "updated_at"}, "sink": saved})
        assert (await shop.run(RunOptions(limit=33))).items == 33
        assert not (tmp_path / "store.parquet").exists()
        assert (await shop.run()).state == "complete"
        assert [row["id"] for row in rows(tmp_path)] == list(range(1, 88))
        store.items[7] = {**product(7, "2026-11-20 00:00:00"), "name": "Changed"}
        assert (await shop.run()).items == 1
        found = {row["id"]: row["name"] for row in rows(tmp_path)}
        assert (len(found), found[7], found[8]) == (87, "Changed", "Product 8")
        del store.items[8]
        assert (await shop.run(RunOptions(full=True))).state == "complete"
    assert 8 not in {row["id"] for row in rows(tmp_path)}
