"""SQLite: rows and position move together."""

from __future__ import annotations

import json
import resource
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sink_runs import begin, go_on, write

from tui_connector.incoming.output_path import OutputPaths
from tui_connector.incoming.sink import SinkContext, SinkError, SinkMissing
from tui_connector.incoming.sinks.sqlite import SqliteSink
from tui_connector.profile.problems import check_data

SINK = SqliteSink(path="store.db", columns=["name", "price", "tags"])
PRODUCTS = {"name": "products", "identifier": "sku"}

items = st.fixed_dictionaries(
    {"sku": st.sampled_from("abcdefgh")},
    optional={"name": st.text(st.characters(codec="utf-8")), "price": st.integers() | st.floats(allow_nan=False)},
)
steps_of = st.lists(
    st.lists(items.map(lambda item: json.dumps(item).encode().replace(b"Infinity", b"1e999")), max_size=4),
    min_size=1,
    max_size=5,
)


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may grow beyond 256 KiB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (262_144, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def rows(path: Path, table: str = "products") -> list[Any]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(f'SELECT * FROM "{table}" ORDER BY rowid').fetchall()
    finally:
        connection.close()


def refusal(folder: Path, sink: SqliteSink = SINK, **about: Any) -> str:
    with pytest.raises(SinkError) as refused:
        begin(sink, folder, **{**PRODUCTS, **about})
    return str(refused.value)


@settings(max_examples=10, deadline=None)
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
        expected = rows(Path(whole) / "store.db")
        assert rows(Path(stopped) / "store.db") == expected
    assert len(expected) == (
        sum(map(len, steps)) if identifier is None else len({json.loads(i)["sku"] for s in steps for i in s})
    )


def test_a_step_that_was_not_made_durable_is_not_there(tmp_path: Path) -> None:
    opened, position = begin(SINK, tmp_path, **PRODUCTS)
    opened.write([b'{"sku":"a"}'])
    assert rows(tmp_path / "store.db") == []
    opened.close()
    go_on(SINK, tmp_path, position, [[b'{"sku":"b"}']], **PRODUCTS)
    assert [row[1] for row in rows(tmp_path / "store.db")] == ["b"]


def test_columns_and_the_item_as_it_was_sent(tmp_path: Path) -> None:
    item = rb'{"sku":"a\/b","name":"\u00efx\ud800","price":1.10,"tags":["x"],"big":' + b"9" * 5_000 + b"}"
    write(SINK, tmp_path, [[item]], **PRODUCTS)
    assert rows(tmp_path / "store.db") == [(1, "a/b", item.decode(), "ïx\\ud800", 1.1, '["x"]')]
    sink = SqliteSink(path="other.db", columns=["big", "yes", "none"])
    write(sink, tmp_path, [[b'{"sku":7,"big":' + b"9" * 30 + b',"yes":true,"none":null}']], **PRODUCTS)
    assert rows(tmp_path / "other.db")[0][1] == 7
    assert rows(tmp_path / "other.db")[0][3:] == ("9" * 30, 1, None)


def whole_run(folder: Path, steps: Any, known: Any = None, failed: int = 0, **about: Any) -> tuple[Any, Any]:
    """A complete run that reads everything; returns its position and its remarks."""
    opened = SINK.open(SinkContext(folder, known=known, **{**PRODUCTS, **about}), None)
    opened.sync()
    for items in steps:
        opened.write(items)
    opened.failed = failed
    opened.complete(None)
    position = opened.sync()
    opened.close()
    return position, opened.remarks()


def skus(folder: Path) -> list[str]:
    return [row[1] for row in rows(folder / "store.db")]


def test_the_next_run_deletes_what_is_left_at_its_end(tmp_path: Path) -> None:
    """Until it is complete, the rows of earlier runs stay: it may be interrupted."""
    known = write(SINK, tmp_path, [[b'{"sku":"a"}', b'{"sku":"gone"}', b'{"sku":"b","name":"old"}']], **PRODUCTS)[-1]
    opened = SINK.open(SinkContext(tmp_path, known=known, **PRODUCTS), None)
    opened.sync()
    opened.write([b'{"sku":"b","name":"new"}', b'{"sku":"a"}'])
    position = opened.sync()
    opened.close()
    assert sorted(skus(tmp_path)) == ["a", "b", "gone"]
    resumed = SINK.open(SinkContext(tmp_path, known=position, resumes=True, **PRODUCTS), position)
    resumed.write([b'{"sku":"c"}'])
    resumed.complete(None)
    resumed.sync()
    resumed.close()
    assert [(row[1], row[3]) for row in rows(tmp_path / "store.db")] == [("b", "new"), ("a", None), ("c", None)]
    assert resumed.remarks() == ["1 row of items that the store no longer lists was deleted."]


def test_a_run_with_failed_items_deletes_nothing(tmp_path: Path) -> None:
    known, _ = whole_run(tmp_path, [[b'{"sku":"a"}', b'{"sku":"b"}']])
    _, remarks = whole_run(tmp_path, [[b'{"sku":"a"}']], known, failed=1)
    assert skus(tmp_path) == ["b", "a"]
    assert "were kept, because some records failed" in remarks[0]


def test_pages_that_can_shift_delete_what_two_runs_have_not_listed(tmp_path: Path) -> None:
    about = {"may_miss": "items can move"}
    known, _ = whole_run(tmp_path, [[b'{"sku":"a"}', b'{"sku":"b"}', b'{"sku":"c"}']], **about)
    known, remarks = whole_run(tmp_path, [[b'{"sku":"a"}']], known, **about)
    assert sorted(skus(tmp_path)) == ["a", "b", "c"]
    assert "2 rows of items that were not listed were kept" in remarks[0]
    position = go_on(SINK, tmp_path, known, [[b'{"sku":"d"}']], **PRODUCTS)  # an incremental run in between
    known, remarks = whole_run(tmp_path, [[b'{"sku":"a"}', b'{"sku":"c"}']], position, **about)
    assert sorted(skus(tmp_path)) == ["a", "c", "d"]
    assert "1 row of items that the store no longer lists was deleted" in remarks[0]
    assert "1 row of items that were not listed was kept" in remarks[1]


def test_a_run_that_reads_a_part_deletes_nothing(tmp_path: Path) -> None:
    known, _ = whole_run(tmp_path, [[b'{"sku":"a"}', b'{"sku":"b"}']])
    _, remarks = whole_run(tmp_path, [[b'{"sku":"a"}']], known, reads_all=False)
    assert (sorted(skus(tmp_path)), remarks) == (["a", "b"], [])


def test_a_later_run_updates_what_is_there(tmp_path: Path) -> None:
    position = write(SINK, tmp_path, [[b'{"sku":"a","name":"old"}', b'{"sku":"b"}']], **PRODUCTS)[-1]
    go_on(SINK, tmp_path, position, [[b'{"sku":"a","name":"new"}', b'{"sku":"c"}']], **PRODUCTS)
    assert [(row[1], row[3]) for row in rows(tmp_path / "store.db")] == [("a", "new"), ("b", None), ("c", None)]


def test_items_without_an_identifier_are_named_and_the_others_go_on(tmp_path: Path) -> None:
    opened, _ = begin(SINK, tmp_path, **PRODUCTS)
    bad = [b'{"name":"x"}', b'{"sku":null}', b'{"sku":""}', b'{"sku":["a"]}', b"7"]
    rejected = opened.write([b'{"sku":"a"}', *bad, b'{"sku":"b"}'])
    opened.sync()
    opened.close()
    assert [one.index for one in rejected] == [1, 2, 3, 4, 5]
    assert "no 'sku'" in rejected[0].reason
    assert len(rows(tmp_path / "store.db")) == 2


def test_identifiers_that_come_twice_are_said(tmp_path: Path) -> None:
    """As source items by sku alone would: 1,188 items and 1,040 rows must not look right."""
    opened, _ = begin(SINK, tmp_path, **PRODUCTS)
    opened.write([b'{"sku":"a","source":"x"}', b'{"sku":"b"}'])
    assert not opened.remarks()
    opened.write([b'{"sku":"a","source":"y"}', b'{"sku":"b"}'])
    opened.sync()
    opened.close()
    (remark,) = opened.remarks()
    assert "2 of the items had the same 'sku' as an earlier one" in remark
    assert "'a'" in remark


def test_what_is_not_ours_is_left_as_it_is(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "store.db")
    connection.execute("CREATE TABLE Products (mine)")
    connection.close()
    assert "a database of another program" in refusal(tmp_path)
    (tmp_path / "store.db").unlink()
    write(SqliteSink(path="store.db", table="shop"), tmp_path, [[b'{"sku":"a"}']], **PRODUCTS)
    connection = sqlite3.connect(tmp_path / "store.db")
    connection.execute("CREATE TABLE Products (mine)")
    connection.close()
    assert "not created by this program" in refusal(tmp_path)
    assert "belongs to the incoming 'products'" in refusal(
        tmp_path, SqliteSink(path="store.db", table="shop"), name="other"
    )
    (tmp_path / "thesis.txt").write_text("my thesis " * 100)
    assert "not an SQLite database" in refusal(tmp_path, SqliteSink(path="thesis.txt"))
    assert (tmp_path / "thesis.txt").read_text() == "my thesis " * 100


def test_a_table_of_another_profile_is_left_as_it_is(tmp_path: Path) -> None:
    """Two profiles in one folder, such as a copied one, name the same database and the same incoming."""
    first = write(SINK, tmp_path, [[b'{"sku":"a"}']], **PRODUCTS)
    assert "not written by this configuration" in refusal(tmp_path)
    (tmp_path / "other").mkdir()
    other = write(SINK, tmp_path / "other", [[b'{"sku":"b"}']], **PRODUCTS)
    assert "not written by this configuration" in refusal(tmp_path, known=other[-1])
    with pytest.raises(SinkError, match="not written by this configuration"):
        SINK.open(SinkContext(tmp_path, known=other[-1], **PRODUCTS), other[-1])
    assert [row[1] for row in rows(tmp_path / "store.db")] == ["a"]
    go_on(SINK, tmp_path, first[-1], [[b'{"sku":"c"}']], **PRODUCTS)
    assert [row[1] for row in rows(tmp_path / "store.db")] == ["a", "c"]
    whole_run(tmp_path, [[b'{"sku":"d"}']], first[0])
    assert [row[1] for row in rows(tmp_path / "store.db")] == ["d"]


def test_an_empty_table_is_nobodys(tmp_path: Path) -> None:
    """A run was killed after it had made the table, before its ledger knew of it."""
    write(SINK, tmp_path, [], **PRODUCTS)
    write(SINK, tmp_path, [[b'{"sku":"a"}']], **PRODUCTS)
    assert [row[1] for row in rows(tmp_path / "store.db")] == ["a"]


def test_a_table_of_an_earlier_version_is_still_its_own(tmp_path: Path) -> None:
    write(SINK, tmp_path, [[b'{"sku":"a"}']], **PRODUCTS)
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute("ALTER TABLE tui_connector_tables DROP COLUMN id")
    connection.close()
    assert "not written by this configuration" in refusal(tmp_path)
    go_on(SINK, tmp_path, {"rows": 1}, [[b'{"sku":"b"}']], **PRODUCTS)
    assert [row[1] for row in rows(tmp_path / "store.db")] == ["a", "b"]
    known, _ = whole_run(tmp_path, [[b'{"sku":"c"}']], {"rows": 2})
    assert [row[1] for row in rows(tmp_path / "store.db")] == ["c"]
    go_on(SINK, tmp_path, known, [[b'{"sku":"d"}']], **PRODUCTS)


def test_paths_that_cannot_be_written(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path, SqliteSink(path="."))
    nowhere = "../nowhere/store.db"
    typed = OutputPaths(tmp_path, typed=[nowhere])
    assert "does not exist" in refusal(tmp_path, SqliteSink(path=nowhere), outputs=typed)
    assert "not trusted to write" in refusal(tmp_path, SqliteSink(path=nowhere))
    assert "never written" in refusal(tmp_path, SqliteSink(path="/proc/sys/kernel/version"))
    with pytest.raises(ValidationError, match="must not contain a NUL character"):
        SqliteSink(path="a\0b")


def test_an_identifier_that_is_a_column_already(tmp_path: Path) -> None:
    assert "'transform'" in refusal(tmp_path, identifier="Item").replace('"', "'")


@pytest.mark.parametrize("name", ["sqlite_orders", "tui_connector_tables"])
def test_an_incoming_with_the_name_of_a_reserved_table(tmp_path: Path, name: str) -> None:
    with pytest.raises(SinkError, match="cannot be named like the incoming") as refused:
        begin(SqliteSink(path="out.db"), tmp_path, name=name, identifier="sku")
    assert 'Name a "table"' in refused.value.hint
    assert list(tmp_path.iterdir()) == []


def test_two_incomings_share_a_database(tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to("store.db")
    write(SqliteSink(path="link.db"), tmp_path, [[b'{"sku":"a"}']], **PRODUCTS)
    write(SqliteSink(path="link.db"), tmp_path, [[b'{"id":1}']], name="order-items", identifier="id")
    assert link.is_symlink()
    assert len(rows(tmp_path / "store.db")) == len(rows(tmp_path / "store.db", "order-items")) == 1


@pytest.mark.parametrize("position", [{"rows": 9}, {"bytes": 1}, "x", {"rows": -1}, {"rows": True}])
def test_a_position_that_is_not_there(tmp_path: Path, position: Any) -> None:
    with pytest.raises(SinkMissing, match="is gone"):
        SINK.open(SinkContext(tmp_path, **PRODUCTS), {"rows": 0})
    write(SINK, tmp_path, [], **PRODUCTS)
    with pytest.raises(SinkMissing, match="Start over"):
        SINK.open(SinkContext(tmp_path, **PRODUCTS), position)
    with pytest.raises(SinkMissing, match="has columns that differ"):
        SqliteSink(path="store.db").open(SinkContext(tmp_path, **PRODUCTS), {"rows": 0})


@pytest.mark.usefixtures("small_files")
def test_a_database_that_cannot_grow(tmp_path: Path) -> None:
    opened, _ = begin(SINK, tmp_path, **PRODUCTS)
    opened.write([b'{"sku":"a"}'])
    position = opened.sync()

    def grow() -> None:
        opened.write([b'{"sku":"b","name":"' + b"x" * 3_000_000 + b'"}'])
        opened.sync()

    with pytest.raises(SinkError, match="cannot grow"):
        grow()
    opened.close()
    go_on(SINK, tmp_path, position, [[b'{"sku":"c"}']], **PRODUCTS)
    assert [row[1] for row in rows(tmp_path / "store.db")] == ["a", "c"]


def test_an_item_of_30_megabytes(tmp_path: Path) -> None:
    write(SINK, tmp_path, [[b'{"sku":"a","name":"' + b"x" * 30_000_000 + b'"}']], **PRODUCTS)
    assert len(rows(tmp_path / "store.db")[0][2]) == 30_000_021


@pytest.mark.parametrize(
    "sink", [{"table": "a b"}, {"table": "sqlite_x"}, {"columns": ["a", "A"]}, {"columns": ["Item"]}]
)
def test_names_are_checked_in_the_profile(sink: dict[str, Any]) -> None:
    incoming = {"client": "default", "request": {"uri": "x"}, "sink": {"kind": "sqlite", "path": "x.db", **sink}}
    profile, problems = check_data({"format": 1, "name": "x", "incoming": {"a": incoming}})
    assert profile is None
    assert {path[:4] for path, _ in problems} == {("incoming", "a", "sink", *sink)}
