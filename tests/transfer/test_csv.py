"""CSV: what is written is read back, by the standard library's reader."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sinking import begin, go_on, write

from tui_connector.profile.problems import check_data
from tui_connector.transfer.sink import SinkContext, SinkGone
from tui_connector.transfer.sinks.csv import Csv

names = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1, max_size=8)
values = st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")) | st.lists(st.integers())
objects = st.dictionaries(names | st.sampled_from(["sku", "name"]), values, min_size=1, max_size=5)
steps_of = st.lists(st.lists(objects, max_size=4), min_size=1, max_size=4)


def encoded(steps: list[list[Any]]) -> list[list[bytes]]:
    return [[json.dumps(item, separators=(",", ":")).encode() for item in step] for step in steps]


def rows(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    text = path.read_bytes().decode()
    return [dict(row) for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)]


def cell(found: Any) -> str:
    return found if isinstance(found, str) else "" if found is None else json.dumps(found, separators=(",", ":"))


@settings(max_examples=40, deadline=None)
@given(steps=steps_of, data=st.data())
def test_nothing_is_lost_and_a_resumed_run_ends_the_same(
    steps: list[list[dict[str, Any]]], data: st.DataObject
) -> None:
    sink = Csv(path="items.csv")
    with tempfile.TemporaryDirectory() as whole, tempfile.TemporaryDirectory() as stopped:
        write(sink, Path(whole), encoded(steps))
        positions = write(sink, Path(stopped), encoded(steps))
        done = data.draw(st.integers(0, len(steps)))
        with (Path(stopped) / "items.csv").open("ab") as file:
            file.write(data.draw(st.binary(max_size=20)))
        go_on(sink, Path(stopped), positions[done], encoded(steps[done:]))
        assert (Path(stopped) / "items.csv").read_bytes() == (Path(whole) / "items.csv").read_bytes()
        found = rows(Path(whole) / "items.csv")
    items = [item for step in steps for item in step]
    assert len(found) == len(items)
    for row, item in zip(found, items, strict=True):
        *_, extra = row
        beside = json.loads(row.pop(extra) or "{}")
        assert {name: cell(item.get(name)) for name in row} == row
        assert {**{name: item[name] for name in row if name in item}, **beside} == item


def test_the_first_item_says_the_columns(tmp_path: Path) -> None:
    write(Csv(path="items.csv"), tmp_path, [[b'{"sku":"a","price":1.10}', b'{"sku":"b","weight":2,"tags":[1]}']])
    expected = b'sku,price,extra\r\na,1.10,\r\nb,,"{""weight"":2,""tags"":[1]}"\r\n'
    assert (tmp_path / "items.csv").read_bytes() == expected


def test_an_item_that_has_such_a_field_itself(tmp_path: Path) -> None:
    write(Csv(path="items.csv"), tmp_path, [[b'{"extra":1}', b'{"more":2}']])
    assert (tmp_path / "items.csv").read_bytes() == b'extra,_extra\r\n1,\r\n,"{""more"":2}"\r\n'


def test_named_columns_are_all_there_is(tmp_path: Path) -> None:
    sink = Csv(path="items.csv", columns=["name", "sku"], delimiter=";")
    write(sink, tmp_path, [[b'{"sku":"a;b","price":1}'], [b'{"sku":"\\ud800","name":"\\"x\\"\\n"}']])
    assert rows(tmp_path / "items.csv", ";") == [{"name": "", "sku": "a;b"}, {"name": '"x"\n', "sku": "\\ud800"}]


def test_tabs_between_cells(tmp_path: Path) -> None:
    write(Csv(path="items.tsv", columns=["a", "b"], delimiter="tab"), tmp_path, [[b'{"a":"x\\ty","b":1}']])
    assert (tmp_path / "items.tsv").read_bytes() == b'a\tb\r\n"x\ty"\t1\r\n'


def test_named_columns_are_there_without_an_item(tmp_path: Path) -> None:
    sink = Csv(path="items.csv", columns=["name", "sku"])
    last = write(sink, tmp_path, [[]])[-1]  # the step that ends a run
    assert (tmp_path / "items.csv").read_bytes() == b"name,sku\r\n"
    go_on(sink, tmp_path, last, [[b'{"sku":"a"}']])
    assert (tmp_path / "items.csv").read_bytes() == b"name,sku\r\n,a\r\n"


def test_items_that_are_no_objects(tmp_path: Path) -> None:
    write(Csv(path="items.csv"), tmp_path, [[b'"a,b"', b"7"], [b'{"id":1}']])
    assert (tmp_path / "items.csv").read_bytes() == b'value\r\n"a,b"\r\n7\r\n"{""id"":1}"\r\n'
    write(Csv(path="mixed.csv"), tmp_path, [[b'{"id":1}', b"[2]"]])
    assert (tmp_path / "mixed.csv").read_bytes() == b"id,extra\r\n1,\r\n,[2]\r\n"
    opened, _ = begin(Csv(path="named.csv", columns=["id"]), tmp_path)
    assert [rejected.index for rejected in opened.write([b'{"id":1}', b"[2]"])] == [1]
    opened.close()


def test_numbers_stay_as_they_were_written(tmp_path: Path) -> None:
    write(Csv(path="items.csv"), tmp_path, [[b'{"a":1.10,"b":1e400,"c":' + b"9" * 5_000 + b"}"]])
    assert rows(tmp_path / "items.csv") == [{"a": "1.10", "b": "1e400", "c": "9" * 5_000, "extra": ""}]


@pytest.mark.parametrize("now", [Csv(path="items.csv", columns=["sku"]), Csv(path="items.csv", delimiter=";")])
def test_columns_that_changed_since_are_not_gone_on_with(tmp_path: Path, now: Csv) -> None:
    last = write(Csv(path="items.csv"), tmp_path, [[b'{"sku":"a","name":"b"}']])[-1]
    with pytest.raises(SinkGone, match="other columns"):
        now.open(SinkContext(tmp_path), last)


def test_a_column_named_twice_is_an_error_of_the_profile() -> None:
    sink = {"kind": "csv", "path": "x.csv", "columns": ["a", "a"]}
    incoming = {"client": "default", "request": {"uri": "x"}, "sink": sink}
    profile, problems = check_data({"format": 1, "name": "x", "incoming": {"a": incoming}})
    assert profile is None
    assert "'a' is there twice" in str(problems)
