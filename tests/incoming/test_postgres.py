"""PostgreSQL: typed columns, rows and position move together, and what the server or its table does not allow."""

from __future__ import annotations

import json
import re
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from listing import listing, product, products
from postgres import PASSWORD, Cluster, Database, new_database
from runs import RunNotes, Shop
from sink_runs import begin, go_on, write

from tui_connector.incoming.sink import SinkContext, SinkError, SinkMissing, SinkWait
from tui_connector.incoming.sinks.postgres import PostgresSink
from tui_connector.incoming.start import RunOptions
from tui_connector.machine import Machine, how_to_install
from tui_connector.profile.capabilities import capabilities

PRODUCTS: Any = {"name": "products", "identifier": "sku", "wait": SinkWait(monotonic=time.monotonic)}


def sink(into: Database, **fields: Any) -> PostgresSink:
    return PostgresSink.model_validate({**into.saved, **fields})


def lines(*items: Any) -> list[bytes]:
    return [item if isinstance(item, bytes) else json.dumps(item).encode() for item in items]


def stored(into: Database, folder: Path, *steps: list[bytes], known: Any = None, **fields: Any) -> list[str]:
    """A complete run; returns the remarks."""
    opened, _ = begin(sink(into, **fields), folder, known, **PRODUCTS)
    for step in steps:
        assert not opened.write(step)
        opened.sync()
    opened.complete(None)
    opened.sync()
    remarks = list(opened.remarks())
    opened.close()
    return remarks


def refusal(into: Database, folder: Path, about: Any = None, **fields: Any) -> str:
    with pytest.raises(SinkError) as refused:
        begin(sink(into, **fields), folder, **{**PRODUCTS, **(about or {})})
    return f"{refused.value} {refused.value.hint}"


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
    st.lists(st.integers(), max_size=2),
)
items = st.fixed_dictionaries({"sku": st.sampled_from("abcdefgh")}, optional=dict.fromkeys(("x", "y"), values))
steps_of = st.lists(st.lists(items.map(lambda item: json.dumps(item).encode()), max_size=4), min_size=1, max_size=5)


@settings(max_examples=8, deadline=None)
@given(steps=steps_of, data=st.data())
@pytest.mark.parametrize("identifier", ["sku", None])
def test_a_resumed_run_ends_row_for_row_the_same(
    postgres_cluster: Cluster,
    tmp_path_factory: pytest.TempPathFactory,
    steps: Any,
    data: st.DataObject,
    identifier: str | None,
) -> None:
    """Also when the database is ahead of the ledger: killed between the commit and the record."""
    folder = tmp_path_factory.getbasetemp()
    about: Any = {"name": "products", "identifier": identifier}
    whole, stopped = new_database(postgres_cluster), new_database(postgres_cluster)
    write(sink(whole), folder, steps, **about)
    written = data.draw(st.integers(0, len(steps)), label="steps in the database")
    recorded = data.draw(st.integers(max(0, written - 1), written), label="steps in the ledger")
    positions = write(sink(stopped), folder, steps[:written], **about)
    go_on(sink(stopped), folder, positions[recorded], steps[recorded:], **about)
    expected = rows_of(whole)
    assert rows_of(stopped) == expected
    assert len(expected) == (
        sum(map(len, steps)) if identifier is None else len({json.loads(i)["sku"] for s in steps for i in s})
    )
    whole.close()
    stopped.close()


def rows_of(database: Database) -> list[Any]:
    if not database.rows("SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = 'products'", database.schema):
        return []
    return sorted(json.dumps(row, sort_keys=True) for row in database.items())


def test_types_are_those_of_the_values(postgres: Database, tmp_path: Path) -> None:
    item = b"""{"sku":"A","id":1,"price":12.50,"big":9223372036854775808,"in_stock":true,"none":null,
    "created_at":"2026-01-31 08:30:00","special_from_date":"2026-02-01 00:00:00","dob":"1990-12-24",
    "website_ids":[1,2],"name":"Ab\\u00e9 \\"x\\"\\t\\\\N\\n\\r","zip":"01234"}""".replace(b"\n", b"")
    assert stored(postgres, tmp_path, [item]) == []
    assert postgres.types() == {
        "sku": "text",
        "id": "bigint",
        "price": "numeric",
        "big": "numeric",
        "in_stock": "boolean",
        "created_at": "timestamp with time zone",
        "special_from_date": "timestamp without time zone",
        "dob": "date",
        "website_ids": "jsonb",
        "name": "text",
        "zip": "text",
    }
    cells = "id, price::text, big::text, in_stock, extract(epoch FROM created_at), name, zip, website_ids -> 1"
    [row] = postgres.rows(f"SELECT {cells} FROM products")
    assert row == (1, "12.50", "9223372036854775808", True, 1769848200, 'Abé "x"\t\\N\n\r', "01234", 2)


def test_columns_grow_and_widen(postgres: Database, tmp_path: Path) -> None:
    remarks = stored(
        postgres,
        tmp_path,
        lines({"sku": "A", "n": 1, "d": "2026-01-31", "u_at": "2026-01-31 08:30:00"}),
        lines({"sku": "B", "n": 1.10, "d": "soon", "later": {"a": [None]}}, {"sku": "C", "u_at": "never", "x": "1"}),
    )
    assert remarks == []
    assert postgres.types() == {
        "sku": "text",
        "n": "numeric",
        "d": "text",
        "u_at": "text",
        "later": "jsonb",
        "x": "text",
    }
    assert postgres.items() == [
        {"sku": "A", "n": 1, "d": "2026-01-31", "u_at": "2026-01-31 08:30:00"},
        {"sku": "B", "n": 1.1, "d": "soon", "later": {"a": [None]}},
        {"sku": "C", "u_at": "never", "x": "1"},
    ]


def test_what_does_not_fit_is_kept_as_json(postgres: Database, tmp_path: Path) -> None:
    """Nothing is converted: a zero date, a number among texts, an empty list in place of a text."""
    remarks = stored(
        postgres,
        tmp_path,
        lines({"sku": "A", "name": "a", "n": 1, "from_at": "2026-01-31 08:30:00", "ok": True}),
        lines(
            {"sku": "B", "name": 5, "n": "7", "from_at": "0000-00-00 00:00:00", "ok": 1},
            {"sku": "C", "name": [], "from_at": ""},
        ),
    )
    assert postgres.items()[1:] == [
        {"sku": "B", "_extra": {"name": 5, "n": "7", "from_at": "0000-00-00 00:00:00", "ok": 1}},
        {"sku": "C", "_extra": {"name": [], "from_at": ""}},
    ]
    assert "2 values of 'name' did not fit a column of type text and are in \"_extra\" (first: 5)." in remarks
    assert '1 value of \'n\' did not fit a column of type integer and is in "_extra" (first: "7").' in remarks


def test_values_of_mixed_types_in_the_first_page_are_json(postgres: Database, tmp_path: Path) -> None:
    stored(postgres, tmp_path, lines({"sku": "A", "v": "1"}, {"sku": "B", "v": 1}, {"sku": "C", "v": False}))
    assert postgres.types()["v"] == "jsonb"
    assert [item["v"] for item in postgres.items()] == ["1", 1, False]


def test_characters_that_cannot_be_stored_are_escaped_in_extra(postgres: Database, tmp_path: Path) -> None:
    """PostgreSQL has neither NUL nor half of a surrogate pair. Astral characters are stored, also if escaped."""
    stored(
        postgres,
        tmp_path,
        lines(
            {"sku": "A", "name": "a", "j": {}},
            {"sku": "B", "name": "a\0b", "j": {"\0": 1}},
            b'{"sku":"C","name":"\\ud83d","j":["\\ud83d"]}',
            {"sku": "D", "name": "😀\\u0000", "j": "😀"},
        ),
    )
    found = dict(postgres.rows("SELECT sku, _extra::text FROM products"))
    assert found == {
        "A": None,
        "B": '{"name":"a\\u0000b","j":{"\\u0000": 1}}',
        "C": '{"name":"\\ud83d","j":["\\ud83d"]}',
        "D": None,
    }
    assert postgres.rows("SELECT name, j FROM products WHERE sku = 'D'") == [("😀\\u0000", "😀")]


def test_names_are_quoted(postgres: Database, tmp_path: Path) -> None:
    """Names of columns that PostgreSQL would cut, or has itself, are not used."""
    hostile = ['"; DROP TABLE products; --', "select", "a b", "{}", "%s", "Ü", "名" * 21]
    impossible = ["ctid", "", "_row", "_extra", "名" * 22, "a\0b", "\ud83d"]
    item = json.dumps({"sku": "A", **dict.fromkeys((*hostile, *impossible), "x")}).encode()
    table = 'pro"ducts; %s {}'
    remarks = stored(postgres, tmp_path, [item], [item], table=table)
    assert any("'ctid'" in remark and "2 more" in remark for remark in remarks)
    [(rows, id_)] = postgres.rows("SELECT row_count, id FROM tui_connector_tables")
    stored(postgres, tmp_path, [item], table=table, known={"rows": rows, "table": id_})  # and replaces them
    assert list(postgres.types(table.replace('"', '""'))) == ["sku", *hostile]
    [(extra,)] = postgres.rows('SELECT _extra::text FROM "pro""ducts; %%s {}"'.replace("%%", "%"))
    assert json.loads(extra) == dict.fromkeys(impossible, "x")


def test_more_fields_than_a_table_has_columns(postgres: Database, tmp_path: Path) -> None:
    wide = {f"f{number}": number for number in range(1_700)}
    remarks = stored(
        postgres, tmp_path, lines({"sku": "A", **dict.fromkeys(list(wide)[:100], 1)}, {"sku": "B", **wide})
    )
    first, second = postgres.items()
    assert len(first) == 101
    assert {**second, **second["_extra"]}.items() >= wide.items()
    assert len(postgres.types()) == 1_598
    assert any("no room for a column" in remark for remark in remarks)


def test_a_row_that_the_server_refuses_is_stored_as_json(postgres: Database, tmp_path: Path) -> None:
    """The row is too long for a page, although each of its columns is possible."""
    wide = {f"f{number}": f"{number:020}" for number in range(1_500)}
    remarks = stored(postgres, tmp_path, lines({"sku": "A", "f1": "x"}, {"sku": "B", **wide}, {"sku": "C", "f2": "y"}))
    assert [item["sku"] for item in postgres.items()] == ["A", "B", "C"]
    assert postgres.items()[1] == {"sku": "B", "_extra": {"sku": "B", **wide}}
    assert any(re.search(r"1 row could not be stored .* B: row is too big", remark) for remark in remarks)


def test_a_field_that_is_gone_becomes_null(postgres: Database, tmp_path: Path) -> None:
    stored(postgres, tmp_path, lines({"sku": "A", "name": "a", "price": 1}), lines({"sku": "A", "price": None}))
    assert postgres.items() == [{"sku": "A"}]


def test_custom_attributes_as_columns(postgres: Database, tmp_path: Path) -> None:
    def item(sku: str, *attributes: Any, **more: Any) -> dict[str, Any]:
        pairs = [{"attribute_code": code, "value": value} for code, value in attributes]
        return {"sku": sku, "custom_attributes": pairs, **more}

    stored(
        postgres,
        tmp_path,
        lines(
            item("A", ("color", "5"), ("tags", ["1", "2"]), ("from", None)),
            item("B", ("size", "L")),
            item("C", ("color", "1"), ("color", "2")),
            item("D", ("name", "attribute"), name="field"),
            {"sku": "E", "custom_attributes": {}},
        ),
        **{"custom-attributes": "columns"},
    )
    assert postgres.items()[:2] == [{"sku": "A", "color": "5", "tags": ["1", "2"]}, {"sku": "B", "size": "L"}]
    assert [item["custom_attributes"] for item in postgres.items()[2:]] == [
        item("C", ("color", "1"), ("color", "2"))["custom_attributes"],
        item("D", ("name", "attribute"))["custom_attributes"],
        {},
    ]


def test_only_the_columns_that_are_named(postgres: Database, tmp_path: Path) -> None:
    stored(postgres, tmp_path, lines({"sku": "A", "name": "a", "price": 1}), columns=["price", "gone"])
    assert postgres.items() == [{"sku": "A", "price": 1}]


def test_items_without_a_usable_identifier_are_rejected(postgres: Database, tmp_path: Path) -> None:
    opened, _ = begin(sink(postgres), tmp_path, **PRODUCTS)
    rejected = opened.write(lines({"sku": "A"}, {"name": "b"}, {"sku": "a\0"}, {"sku": 5}, {"sku": "x" * 3_000}, 7))
    opened.close()
    assert [(each.index, each.reason) for each in rejected] == [
        (1, "it has no 'sku', its identifier"),
        (2, "its identifier 'sku' contains a character that the database cannot store"),
        (4, "its identifier 'sku' has more than 2,000 bytes"),
        (5, "it has no 'sku', its identifier"),
    ]


def test_an_identifier_of_another_type_than_the_column_is_rejected(postgres: Database, tmp_path: Path) -> None:
    opened, _ = begin(sink(postgres), tmp_path, name="products", identifier="id")
    assert not opened.write(lines({"id": 1}))
    assert not opened.write(lines({"id": 2**70}))
    rejected = opened.write(lines({"id": "A-1"}))
    opened.sync()
    opened.close()
    assert [each.reason for each in rejected] == ["its identifier 'id' is text, and the column is decimal"]
    assert [item["id"] for item in postgres.items()] == [1, 2**70]


def test_items_that_are_not_objects_have_a_column(postgres: Database, tmp_path: Path) -> None:
    opened, _ = begin(sink(postgres), tmp_path, name="products")
    assert not opened.write(lines("24-MB01", "24-MB02"))
    opened.sync()
    opened.close()
    assert postgres.items() == [{"value": "24-MB01"}, {"value": "24-MB02"}]


def test_a_step_that_was_not_made_durable_is_not_there(postgres: Database, tmp_path: Path) -> None:
    opened, position = begin(sink(postgres), tmp_path, **PRODUCTS)
    opened.write(lines({"sku": "A"}))
    position = opened.sync()
    opened.write(lines({"sku": "B"}))
    opened.close()
    assert postgres.items() == [{"sku": "A"}]
    go_on(sink(postgres), tmp_path, position, [lines({"sku": "B"})], **PRODUCTS)
    assert postgres.items() == [{"sku": "A"}, {"sku": "B"}]


def test_a_full_run_replaces_rows_and_deletes_those_that_are_left_at_its_end(
    postgres: Database, tmp_path: Path
) -> None:
    """Readers never find an empty table, and what they made of it stays: views, indexes, grants."""
    [*_, position] = write(sink(postgres), tmp_path, [lines({"sku": "A", "n": 1}, {"sku": "B", "n": 1})], **PRODUCTS)
    postgres.rows("CREATE VIEW seen AS SELECT sku, n FROM products")
    opened, _ = begin(sink(postgres), tmp_path, position, **PRODUCTS)
    assert postgres.rows("SELECT count(*) FROM seen") == [(2,)]
    opened.write(lines({"sku": "B", "n": 2}, {"sku": "C", "n": 2}))
    opened.sync()
    assert postgres.rows("SELECT * FROM seen ORDER BY 1") == [("A", 1), ("B", 2), ("C", 2)]
    opened.complete(None)
    opened.sync()
    opened.close()
    assert postgres.rows("SELECT * FROM seen ORDER BY 1") == [("B", 2), ("C", 2)]
    assert opened.remarks() == ["1 row of items that the store no longer lists was deleted."]


def test_a_full_run_that_is_resumed_deletes_the_rows_of_earlier_runs_only(postgres: Database, tmp_path: Path) -> None:
    [*_, before] = write(sink(postgres), tmp_path, [lines({"sku": "A"}, {"sku": "B"})], **PRODUCTS)
    [*_, position] = write(sink(postgres), tmp_path, [lines({"sku": "B"})], before, **PRODUCTS)
    opened = sink(postgres).open(SinkContext(tmp_path, known=position, resumes=True, **PRODUCTS), position)
    opened.write(lines({"sku": "C"}))
    opened.complete(None)
    opened.sync()
    opened.close()
    assert postgres.items() == [{"sku": "B"}, {"sku": "C"}]


def test_a_later_run_deletes_nothing(postgres: Database, tmp_path: Path) -> None:
    """The whole list was not read completely before it: nobody knows which rows are gone from the store."""
    [*_, before] = write(sink(postgres), tmp_path, [lines({"sku": "A"}, {"sku": "B"})], **PRODUCTS)
    [*_, position] = write(sink(postgres), tmp_path, [lines({"sku": "B"})], before, **PRODUCTS)
    opened = sink(postgres).open(SinkContext(tmp_path, known=position, **PRODUCTS), position)
    opened.complete(None)
    opened.sync()
    opened.close()
    assert postgres.items() == [{"sku": "A"}, {"sku": "B"}]


def test_a_table_of_somebody_else_is_not_touched(postgres: Database, tmp_path: Path) -> None:
    postgres.rows("CREATE TABLE products (sku text)")
    assert "was not created by this program" in refusal(postgres, tmp_path)
    write(sink(postgres, table="mine"), tmp_path, [lines({"sku": "A"})], **PRODUCTS)
    assert "of another configuration" in refusal(postgres, tmp_path, {"name": "other"}, table="mine")
    postgres.rows("CREATE VIEW seen AS SELECT 1 AS sku")
    assert "not an ordinary table" in refusal(postgres, tmp_path, table="seen")
    assert postgres.rows("SELECT count(*) FROM products") == [(0,)]


def test_other_columns_start_over(postgres: Database, tmp_path: Path) -> None:
    [*_, position] = write(sink(postgres), tmp_path, [lines({"sku": "A", "n": 1, "x": "x"})], **PRODUCTS)
    other = sink(postgres, columns=["n"])
    with pytest.raises(SinkMissing, match=r"has columns that differ from the sink's"):
        other.open(SinkContext(tmp_path, known=position, **PRODUCTS), position)
    write(other, tmp_path, [lines({"sku": "B", "n": 2, "x": "x"})], position, **PRODUCTS)
    assert postgres.items() == [{"sku": "B", "n": 2}]
    postgres.rows("DROP TABLE products")
    with pytest.raises(SinkMissing, match="is gone"):
        other.open(SinkContext(tmp_path, known=position, **PRODUCTS), position)


def test_columns_of_its_reader_are_left_alone(postgres: Database, tmp_path: Path) -> None:
    [*_, position] = write(sink(postgres), tmp_path, [lines({"sku": "A"})], **PRODUCTS)
    postgres.rows("ALTER TABLE products ADD note varchar(3) DEFAULT 'new', ADD gone text")
    postgres.rows("ALTER TABLE products DROP gone")
    go_on(sink(postgres), tmp_path, position, [lines({"sku": "B", "note": "longer"})], **PRODUCTS)
    assert postgres.items() == [
        {"sku": "A", "note": "new"},
        {"sku": "B", "note": "new", "_extra": {"note": "longer"}},
    ]


def test_what_the_server_does_not_allow(postgres: Database, tmp_path: Path) -> None:
    assert "no schema 'none'" in refusal(postgres, tmp_path, schema="none")
    assert 'database "none" does not exist' in refusal(postgres, tmp_path, database="none")
    assert "Cannot connect" in refusal(postgres, tmp_path, port=1)
    guest = f"guest_of_{postgres.schema}"
    postgres.rows(f"CREATE ROLE {guest} LOGIN")
    opened = sink(postgres, user=guest).open(SinkContext(tmp_path, **PRODUCTS), None)
    with pytest.raises(SinkError) as denied:
        opened.sync()
    opened.close()
    assert "Grant the user USAGE and CREATE" in denied.value.hint
    with pytest.raises(SinkError, match="cannot have a column named 'ctid'"):
        begin(sink(postgres), tmp_path, name="products", identifier="ctid")
    with pytest.raises(SinkError, match="names of 1 to 63 bytes"):
        begin(sink(postgres), tmp_path, name="x" * 64)


def test_a_lost_connection_is_said(postgres: Database, tmp_path: Path) -> None:
    opened, _ = begin(sink(postgres), tmp_path, **PRODUCTS)
    opened.write(lines({"sku": "A"}))
    ended = postgres.rows(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory' "
        "AND (classid::bigint << 32 | objid::bigint) = hashtextextended(%s, 0)",
        json.dumps(["tui-connector", postgres.schema, "products"]),
    )
    assert ended == [(True,)]
    with pytest.raises(SinkError, match=r"connection to .* was lost") as lost:
        opened.sync()
    assert "run again to resume" in lost.value.hint
    opened.close()


def test_two_runs_do_not_write_at_once(postgres: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_connector.incoming.sinks.postgres._LONGEST_WAIT", 0.1)
    opened, _ = begin(sink(postgres), tmp_path, **PRODUCTS)
    assert "Another run has been writing to the table 'products'" in refusal(postgres, tmp_path)
    opened.close()
    monkeypatch.setattr("tui_connector.incoming.sinks.postgres._LONGEST_WAIT", 30.0)  # until the server has noticed
    begin(sink(postgres), tmp_path, **PRODUCTS)[0].close()


async def test_the_password_is_a_secret(postgres: Database, machine: Machine, tmp_path: Path) -> None:
    """Over TLS, with the server's certificate verified."""
    saved = {
        **postgres.saved,
        "host": "127.0.0.1",
        "password": {"env": "PG"},
        "sslmode": "verify-full",
        "ca-file": str(postgres.cluster.authority),
    }
    known = replace(machine, environ={**machine.environ, "PG": PASSWORD})
    wrong = replace(machine, environ={**machine.environ, "PG": "a-wrong-CANARY-password"})
    async with listing(products(*range(1, 31))) as store:
        assert (await Shop(tmp_path, known, store.url, {"sink": saved}).run()).state == "complete"
        stored = postgres.rows("SELECT count(*) FROM items")
        with pytest.raises(SinkError, match="password authentication failed") as refused:
            await Shop(tmp_path, wrong, store.url, {"sink": saved}).run(RunOptions(full=True))
    assert "CANARY" not in f"{refused.value} {refused.value.hint}"
    assert stored == [(30,)]


def test_a_server_without_a_known_certificate_is_refused(postgres: Database, tmp_path: Path) -> None:
    said = refusal(postgres, tmp_path, host="127.0.0.1", sslmode="verify-full")
    assert "certificate verify failed" in said
    assert "ca-file" in said


async def test_a_run_stopped_within_a_page_goes_on(postgres: Database, tmp_path: Path, machine: Machine) -> None:
    async with listing(products(*range(1, 88))) as store:
        shop = Shop(tmp_path, machine, store.url, {"sink": postgres.saved})
        assert (await shop.run(RunOptions(limit=33))).items == 33
        assert len(postgres.items("items")) == 33
        assert (await shop.run()).state == "complete"
        once = postgres.items("items")
        assert [item["id"] for item in once] == list(range(1, 88))
        summary = await shop.run()  # anew, in its own table
        assert (summary.state, summary.remarks) == ("complete", ())
        assert postgres.items("items") == once


async def test_a_table_is_brought_up_to_date(postgres: Database, tmp_path: Path, machine: Machine) -> None:
    """Only what has changed is read, and each identifier keeps its one row."""
    async with listing(products(*range(1, 31))) as store:
        shop = Shop(tmp_path, machine, store.url, {"incremental": {"field": "updated_at"}, "sink": postgres.saved})
        assert (await shop.run()).items == 30
        store.items[7] = {**product(7, "2026-11-20 00:00:00"), "name": "Changed"}
        store.items[31] = product(31, "2026-11-20 00:00:00")
        summary = await shop.run()
    assert (summary.state, summary.items) == ("complete", 2)
    found = {item["id"]: item["name"] for item in postgres.items("items")}
    assert len(found) == 31
    assert (found[7], found[31], found[8]) == ("Changed", "Product 31", "Product 8")


async def test_a_full_run_in_which_a_record_failed_deletes_nothing(
    postgres: Database, tmp_path: Path, machine: Machine
) -> None:
    """The row of that record may be the last that there is of it."""
    listed = products(*range(1, 21))
    async with listing(listed) as store:
        shop = Shop(tmp_path, machine, store.url, {"sink": postgres.saved})
        assert (await shop.run()).state == "complete"
        del store.items[9]["sku"]
        summary = await shop.run()
        assert len(postgres.items("items")) == 20
        assert "no longer lists were kept, because some records failed" in " ".join(summary.remarks)
        store.items[9]["sku"] = "S9"
        del store.items[10]
        summary = await shop.run()
    assert summary.remarks == ("1 row of items that the store no longer lists was deleted.",)


async def test_items_a_table_cannot_tell_apart_are_said(postgres: Database, tmp_path: Path, machine: Machine) -> None:
    listed = products(*range(1, 21))
    listed[4]["sku"] = "S3"
    del listed[9]["sku"]
    async with listing(listed) as store:
        shop = Shop(tmp_path, machine, store.url, {"sink": postgres.saved})
        summary = await shop.run(told=(told := RunNotes()))
    assert (summary.items, summary.failed) == (19, 1)
    assert "no 'sku'" in told.records[0].message
    assert any("1 of the items had the same 'sku' as an earlier one" in remark for remark in summary.remarks)
    assert len(postgres.items("items")) == 18


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"host": None}, "name either a host or a service"),
        ({"service": "x"}, "name either a host or a service"),
        ({"database": None}, "a host needs a database"),
        ({"sslmode": "verify-ca"}, "needs a ca-file"),
        ({"table": "x" * 64}, "names of 1 to 63 bytes"),
        ({"table": "tui_connector_tables"}, "used by this program itself"),
        ({"host": "a\nb"}, "control character"),
        ({"host": "db.example:5432"}, "write only the host, such as db.example; port"),
        ({"host": " db.example"}, "write only the host, such as db.example .type"),
        ({"host": "db example"}, "write only the host, such as db.example; port"),
        ({"host": "postgres://db:5432/shop"}, "write only the host, such as db; port"),
        ({"host": "postgres://etl:CANARY-1@db/shop"}, "contains a secret, .* write only the host"),
        ({"columns": ["a", "a"]}, "'a' is duplicated"),
        ({"password": "CANARY"}, "does not belong in a profile"),
    ],
)
def test_settings_that_cannot_work(wrong: dict[str, Any], message: str) -> None:
    good = {"kind": "postgres", "host": "db.example", "database": "shop"}
    with pytest.raises(ValueError, match=message):
        PostgresSink.model_validate({**good, **wrong})


def test_an_incoming_named_like_the_programs_own_table_needs_another_one(tmp_path: Path) -> None:
    saved = PostgresSink.model_validate({"kind": "postgres", "host": "db.example", "database": "shop"})
    with pytest.raises(SinkError, match="used by this program itself"):
        begin(saved, tmp_path, name="tui_connector_tables")


@pytest.mark.parametrize(
    ("host", "mode"),
    [
        ("db.example", "verify-full"),
        ("127.0.0.1", "prefer"),
        ("::1", "prefer"),
        ("/run/postgresql", "prefer"),
        ("/my sockets", "prefer"),
        ("a.example:5432,b.example", "verify-full"),
        ("127.0.0.1.evil.example", "verify-full"),
        ("/run/postgresql,evil.example", "verify-full"),  # libpq tries both
    ],
)
def test_the_certificate_is_verified_unless_the_server_is_on_this_machine(host: str, mode: str) -> None:
    saved = PostgresSink.model_validate({"kind": "postgres", "host": host, "database": "shop"})
    assert saved.server_facts == {"tls": mode}


def test_writing_to_a_server_needs_trust(machine: Machine, tmp_path: Path) -> None:
    """The password goes to that server only, and not to the store."""
    sink = {"kind": "postgres", "host": "db.example", "database": "shop", "password": {"keyring": "shop/db"}}
    profile = Shop(tmp_path, machine, "https://shop.example", {"sink": sink}).profile({})
    assert [each.text for each in capabilities(profile, tmp_path, machine)] == [
        "sends the keyring's shop/db (or the variable TUI_CONNECTOR_SHOP_DB) to postgresql://db.example:5432/shop",
        "writes to postgresql://db.example:5432/shop (tls verify-full)",
    ]
    [secret] = profile.secrets()
    assert (secret.name, secret.origins) == ("items/sink/password", ("postgresql://db.example:5432/shop",))


def test_without_the_driver_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    sink = PostgresSink.model_validate({"kind": "postgres", "host": "db.example", "database": "shop"})
    with pytest.raises(SinkError, match='needs the extra "postgres"') as missing:
        sink.open(SinkContext(tmp_path, **PRODUCTS), None)
    assert missing.value.hint == how_to_install("postgres")
