"""DuckDB: typed columns, rows and position move together, and files that are not ours."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from listing import listing, product, products
from requirements import require_modules
from runs import Shop
from sink_runs import begin, go_on, write

from tui_connector.incoming.sink import SinkContext, SinkError, SinkMissing
from tui_connector.incoming.sinks.duckdb import DuckDbSink
from tui_connector.incoming.start import RunOptions
from tui_connector.machine import Machine

require_modules("duckdb", "pyarrow")

PRODUCTS: Any = {"name": "products", "identifier": "sku"}
SINK = DuckDbSink(path="store.duckdb")


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    import duckdb

    connection = duckdb.connect(str(path))
    try:
        yield connection
    finally:
        connection.close()


def rows(folder: Path, query: str = "SELECT * EXCLUDE (_row) FROM products ORDER BY _row") -> list[dict[str, Any]]:
    """The rows in the order of writing, without nulls."""
    with opened(folder / "store.duckdb") as connection:
        found = connection.execute(query)
        names = [column[0] for column in found.description]
        return [
            {name: value for name, value in zip(names, row, strict=True) if value is not None}
            for row in found.fetchall()
        ]


def types(folder: Path) -> dict[str, str]:
    described = rows(folder, "DESCRIBE products")
    return {each["column_name"]: each["column_type"] for each in described if each["column_name"][0] != "_"}


def lines(*items: Any) -> list[bytes]:
    return [item if isinstance(item, bytes) else json.dumps(item).encode() for item in items]


def stored(folder: Path, *steps: list[bytes], **fields: Any) -> list[str]:
    """Writes items; returns the remarks."""
    sink = DuckDbSink.model_validate({"kind": "duckdb", "path": "store.duckdb", **fields})
    writing, _ = begin(sink, folder, **PRODUCTS)
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


values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8)
)
items = st.fixed_dictionaries({"sku": st.sampled_from("abcdefgh")}, optional=dict.fromkeys(("x", "y"), values))
steps_of = st.lists(st.lists(items.map(lambda item: json.dumps(item).encode()), max_size=4), min_size=1, max_size=5)


@settings(max_examples=6, deadline=None)
@given(steps=steps_of, data=st.data())
@pytest.mark.parametrize("identifier", ["sku", None])
def test_a_resumed_run_ends_row_for_row_the_same(steps: Any, data: st.DataObject, identifier: str | None) -> None:
    """Also when the database is ahead of the ledger: killed between the commit and the record."""
    about: Any = {"name": "products", "identifier": identifier}
    with tempfile.TemporaryDirectory() as whole, tempfile.TemporaryDirectory() as stopped:
        write(SINK, Path(whole), steps, **about)
        written = data.draw(st.integers(0, len(steps)), label="steps in the database")
        recorded = data.draw(st.integers(max(0, written - 1), written), label="steps in the ledger")
        positions = write(SINK, Path(stopped), steps[:written], **about)
        go_on(SINK, Path(stopped), positions[recorded], steps[recorded:], **about)
        expected = sorted(map(repr, rows(Path(whole)))) if any(steps) else []
        assert (sorted(map(repr, rows(Path(stopped)))) if any(steps) else []) == expected
    assert len(expected) == (
        sum(map(len, steps)) if identifier is None else len({json.loads(i)["sku"] for s in steps for i in s})
    )


def test_types_are_those_of_the_values(tmp_path: Path) -> None:
    item = b"""{"sku":"A","id":1,"price":12.50,"small":1E-7,"big":9223372036854775808,"in_stock":true,"none":null,
    "created_at":"2026-01-31 08:30:00","special_from_date":"2026-02-01 00:00:00","dob":"1990-12-24",
    "website_ids":[1,2],"name":"Ab\\u00e9 \\"x\\"","zip":"01234"}""".replace(b"\n", b"")
    assert stored(tmp_path, [item]) == []
    assert types(tmp_path) == {
        "sku": "VARCHAR",
        "id": "BIGINT",
        "price": "DECIMAL(38,12)",
        "small": "DECIMAL(38,12)",
        "big": "DECIMAL(38,12)",
        "in_stock": "BOOLEAN",
        "created_at": "TIMESTAMP WITH TIME ZONE",
        "special_from_date": "TIMESTAMP",
        "dob": "DATE",
        "website_ids": "JSON",
        "name": "VARCHAR",
        "zip": "VARCHAR",
    }
    [row] = rows(tmp_path, "SELECT *, epoch(created_at) AS seconds FROM (SELECT * EXCLUDE (_row) FROM products)")
    assert row.pop("created_at") == datetime(2026, 1, 31, 8, 30, tzinfo=UTC)
    assert row == {
        "sku": "A",
        "id": 1,
        "price": Decimal("12.50"),
        "small": Decimal("1E-7"),
        "big": 2**63,
        "in_stock": True,
        "special_from_date": datetime(2026, 2, 1),
        "dob": date(1990, 12, 24),
        "website_ids": "[1,2]",
        "name": 'Abé "x"',
        "zip": "01234",
        "seconds": 1769848200.0,
    }


def test_columns_grow_and_widen(tmp_path: Path) -> None:
    remarks = stored(
        tmp_path,
        lines({"sku": "A", "n": 1, "d": "2026-01-31", "u_at": "2026-01-31 08:30:00"}),
        lines({"sku": "B", "n": 1.10, "d": "soon", "later": {"a": [None]}}, {"sku": "C", "u_at": "never", "x": "1"}),
    )
    assert remarks == []
    assert rows(tmp_path) == [
        {"sku": "A", "n": Decimal(1), "d": "2026-01-31", "u_at": "2026-01-31 08:30:00"},
        {"sku": "B", "n": Decimal("1.1"), "d": "soon", "later": '{"a": [null]}'},
        {"sku": "C", "u_at": "never", "x": "1"},
    ]


def test_what_does_not_fit_is_kept_as_json(tmp_path: Path) -> None:
    """Also numbers with more digits than a decimal has, and fields whose names differ in case only."""
    remarks = stored(
        tmp_path,
        lines({"sku": "A", "n": 1.5, "from_at": "2026-01-31 08:30:00", "j": {}, "name": "a"}),
        lines({"sku": "B", "n": 10**30, "from_at": "0000-00-00 00:00:00", "name": "a\0", "Name": "b"}),
        [b'{"sku":"C","n":0.00000000000001,"j":[1e999]}'],
    )
    assert [{**row, "_extra": json.loads(row.get("_extra", "{}"))} for row in rows(tmp_path)[1:]] == [
        {"sku": "B", "_extra": {"n": 10**30, "from_at": "0000-00-00 00:00:00", "name": "a\0", "Name": "b"}},
        {"sku": "C", "j": "[1e999]", "_extra": {"n": 1e-14}},
    ]
    assert any("2 values of 'n' did not fit a column of type decimal" in remark for remark in remarks)


def test_a_full_run_replaces_rows_and_deletes_those_that_are_left_at_its_end(tmp_path: Path) -> None:
    [*_, position] = write(SINK, tmp_path, [lines({"sku": "A", "n": 1}, {"sku": "B", "n": 1})], **PRODUCTS)
    writing, _ = begin(SINK, tmp_path, position, **PRODUCTS)
    writing.write(lines({"sku": "B", "n": 2}, {"sku": "C", "n": 2}))
    writing.complete(None)
    writing.sync()
    writing.close()
    assert rows(tmp_path) == [{"sku": "B", "n": 2}, {"sku": "C", "n": 2}]
    assert writing.remarks() == ["1 row of items that the store no longer lists was deleted."]


def test_an_identifier_is_the_same_however_it_is_escaped(tmp_path: Path) -> None:
    """And one that is sometimes a number is a number or a text, as the store sent it."""
    stored(tmp_path, [b'{"sku":"a/1","n":1}', b'{"sku":"a\\/1","n":2}', b'{"sku":5}'], lines({"sku": "b"}))
    assert rows(tmp_path) == [{"sku": '"a/1"', "n": 2}, {"sku": "5"}, {"sku": '"b"'}]


def test_custom_attributes_as_columns(tmp_path: Path) -> None:
    pairs = [{"attribute_code": "color", "value": "5"}, {"attribute_code": "tags", "value": ["1"]}]
    stored(tmp_path, lines({"sku": "A", "custom_attributes": pairs}), **{"custom-attributes": "columns"})
    assert rows(tmp_path) == [{"sku": "A", "color": "5", "tags": '["1"]'}]


def test_what_is_not_ours_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "store.duckdb"
    file.write_bytes(b"SQLite format 3\0")
    assert "is not a DuckDB database" in refusal(tmp_path)
    file.unlink()
    with opened(file) as other:
        other.execute("CREATE TABLE products (sku VARCHAR)")
    assert "a database of another program" in refusal(tmp_path)
    with opened(file) as other:
        other.execute("DROP TABLE products")
    [*_, position] = write(SINK, tmp_path, [lines({"sku": "A"})], **PRODUCTS)
    assert "belongs to another configuration" in refusal(tmp_path)
    with opened(file) as other:
        other.execute("CREATE TABLE more (sku VARCHAR)")
    assert "was not created by this program" in refusal(tmp_path, name="more")
    changed = DuckDbSink(path="store.duckdb", columns=["n"])
    with pytest.raises(SinkMissing, match="has columns that differ from the sink's"):
        changed.open(SinkContext(tmp_path, known=position, **PRODUCTS), position)
    (tmp_path / "elsewhere").touch()
    (tmp_path / "store.duckdb.wal").unlink(missing_ok=True)
    (tmp_path / "store.duckdb.wal").symlink_to(tmp_path / "elsewhere")
    assert "is a symbolic link" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["tui_connector_tables", "TUI_connector_staging"])
def test_names_of_tables_that_the_program_uses_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="used by this program itself"):
        DuckDbSink.model_validate({"kind": "duckdb", "path": "a.duckdb", "table": name})
    with pytest.raises(SinkError, match="used by this program itself"):
        begin(DuckDbSink.model_validate({"kind": "duckdb", "path": "a.duckdb"}), tmp_path, name=name, identifier="id")
    assert not (tmp_path / "a.duckdb").exists()


@pytest.mark.parametrize("identifier", ["_row", "RowID", ""])
def test_names_that_a_column_cannot_have_are_refused(tmp_path: Path, identifier: str) -> None:
    assert "A table cannot have a column named" in refusal(tmp_path, identifier=identifier)


def test_a_file_that_is_open_elsewhere_is_said(tmp_path: Path) -> None:
    write(SINK, tmp_path, [lines({"sku": "A"})], **PRODUCTS)
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(tmp_path / "store.duckdb")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        assert "is open in another program" in refusal(tmp_path)
        other.communicate(b"")


def test_without_the_driver_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    assert "pip install -e '.[warehouse]'" in refusal(tmp_path)


async def test_a_run_is_resumed_and_brought_up_to_date(tmp_path: Path, machine: Machine) -> None:
    async with listing(products(*range(1, 88))) as store:
        saved = {"kind": "duckdb", "path": "store.duckdb", "table": "products"}
        shop = Shop(tmp_path, machine, store.url, {"incremental": {"field": "updated_at"}, "sink": saved})
        assert (await shop.run(RunOptions(limit=33))).items == 33
        assert len(rows(tmp_path)) == 33
        assert (await shop.run()).state == "complete"
        assert [row["id"] for row in rows(tmp_path)] == list(range(1, 88))
        store.items[7] = {**product(7, "2026-11-20 00:00:00"), "name": "Changed"}
        assert (await shop.run()).items == 1
    found = {row["id"]: row["name"] for row in rows(tmp_path)}
    assert (len(found), found[7], found[8]) == (87, "Changed", "Product 8")
