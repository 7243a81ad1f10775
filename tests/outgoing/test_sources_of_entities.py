"""What sources make of files: types by rule only, and each bad line is a bad entity with its number."""

from __future__ import annotations

import io
import json
import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tui_connector.errors import UserError
from tui_connector.outgoing.new_tasks import new_task
from tui_connector.outgoing.source import BadEntity, Source, SourceContext, SourceEntity
from tui_connector.outgoing.sources.csv import CsvSource
from tui_connector.outgoing.sources.jsonl import JsonLinesSource
from tui_connector.secrets.mask import Mask


def read(folder: Path, kind: str, identifier: str | None = None, stdin: bytes = b"", **fields: Any) -> tuple[Any, ...]:
    """The entities by line, the messages of bad ones by line, and the notes."""
    found = Source.find(kind)
    assert found is not None
    source = found.model_validate({"kind": kind, **fields})
    assert isinstance(source, Source)
    notes: list[str] = []
    context = SourceContext(folder, identifier, notes.append, lambda: io.BytesIO(stdin))
    good: dict[int, Any] = {}
    bad: dict[int, str] = {}
    for each in source.open(context):
        if isinstance(each, SourceEntity):
            good[each.line] = each.data
        else:
            assert isinstance(each, BadEntity)
            bad[each.line] = each.message
    return good, bad, notes


def csv(folder: Path, content: str | bytes, **fields: Any) -> tuple[Any, ...]:
    data = content.encode() if isinstance(content, str) else content
    (folder / "stock.csv").write_bytes(data)
    return read(folder, "csv", path="stock.csv", **fields)


def test_every_cell_is_text_unless_a_rule_says_otherwise(tmp_path: Path) -> None:
    good, bad, _ = csv(tmp_path, "sku,code,qty\nA,0012,1.50\n")
    assert (good, bad) == ({2: {"sku": "A", "code": "0012", "qty": "1.50"}}, {})
    rules = {"code": "integer", "qty": "number", "on": "boolean", "tags": "json"}
    good, bad, _ = csv(tmp_path, 'sku,code,qty,on,tags\nA,0012,1.50,yes,"[1,""x""]"\nB,,,,\n', columns=rules)
    assert good == {2: {"sku": "A", "code": 12, "qty": 1.5, "on": True, "tags": [1, "x"]}, 3: {"sku": "B"}}
    assert bad == {}


@pytest.mark.parametrize(
    ("cell", "rule", "said"),
    [
        ("x", "number", "not a number"),
        ("1.234.567", "number", "without a separator of thousands"),
        ("1e999", "number", "too large"),
        ("nan", "number", "not a number"),
        ("1.5", "integer", "not an integer"),
        ("maybe", "boolean", "not a boolean"),
        ("{", "json", "not valid JSON"),
        ("١", "integer", "not an integer"),
    ],
)
def test_a_cell_that_breaks_its_rule_is_a_bad_line(tmp_path: Path, cell: str, rule: str, said: str) -> None:
    good, bad, _ = csv(tmp_path, f"sku,x\nA,{cell}\nB,1\n", columns={"x": rule})
    assert list(good) == [3]
    assert said in bad[2]


def test_excel_s_semicolons_and_decimal_commas_are_detected_and_reported(tmp_path: Path) -> None:
    content = "\ufeffsku;qty\r\nA;1,5\r\nB;2\r\n"
    good, bad, notes = csv(tmp_path, content, columns={"qty": "number"}, identifier="sku")
    assert (list(good.values()), bad) == ([{"sku": "A", "qty": 1.5}, {"sku": "B", "qty": 2}], {})
    assert notes == ["stock.csv: delimiter ';', decimal comma, columns sku, qty."]
    good, bad, _ = csv(tmp_path, "sep=;\nsku;qty\nA;1,5\n", columns={"qty": "number"})
    assert (list(good.values()), bad) == ([{"sku": "A", "qty": 1.5}], {})
    good, bad, _ = csv(tmp_path, content[1:].encode("utf-16"), columns={"qty": "number"})
    assert (list(good.values()), bad) == ([{"sku": "A", "qty": 1.5}, {"sku": "B", "qty": 2}], {})


def test_a_number_in_the_other_notation_is_a_bad_line_and_never_guessed(tmp_path: Path) -> None:
    good, bad, _ = csv(tmp_path, "sku;qty\nA;1,5\nB;1.234,50\nC;1.234\n", columns={"qty": "number"}, decimal=",")
    assert list(good) == [2]
    assert list(bad) == [3, 4]


def test_thousands_of_excel_do_not_turn_a_decimal_comma_into_a_point(tmp_path: Path) -> None:
    good, bad, notes = csv(tmp_path, "sku;qty\nA;1,5\nB;1.234,50\n", columns={"qty": "number"})
    assert (list(good), list(bad)) == ([2], [3])
    assert "decimal comma" in notes[0]


def test_numbers_in_both_notations_are_refused_before_one_is_guessed(tmp_path: Path) -> None:
    content = "sku;qty\nA;1,5\nB;1.000\n"
    with pytest.raises(UserError, match=r"decimal comma \(1,5\) and with a decimal point \(1.000\)"):
        csv(tmp_path, content, columns={"qty": "number"})
    good, bad, _ = csv(tmp_path, content, columns={"qty": "number"}, decimal=",")
    assert (list(good), list(bad)) == ([2], [3])


@pytest.mark.parametrize(
    ("delimiter", "cells"),
    [(",", ['"1,000"', '"2,500"']), (";", ["1.000"]), (";", ["1,000", "7"]), ("|", ["-12.500", "+1.250"])],
)
def test_what_can_be_thousands_or_decimals_is_refused_before_one_is_guessed(
    tmp_path: Path, delimiter: str, cells: list[str]
) -> None:
    content = f"sku{delimiter}qty\n" + "".join(f"A{delimiter}{cell}\n" for cell in cells)
    with pytest.raises(UserError, match=r"can be thousands or decimals") as refused:
        csv(tmp_path, content, columns={"qty": "number"})
    assert 'decimal = "' in refused.value.hint


@pytest.mark.parametrize(
    ("cells", "read"),
    [
        (["1.000", "1.5"], [1.0, 1.5]),
        (["1,000", "0,125"], [1.0, 0.125]),
        (["12.5000", "1.250"], [12.5, 1.25]),
        (["1234.567"], [1234.567]),
        (["1,000,000", "2.5"], [None, 2.5]),
    ],
)
def test_numbers_that_show_their_decimals_decide_for_the_others(
    tmp_path: Path, cells: list[str], read: list[float | None]
) -> None:
    content = "sku;qty\n" + "".join(f"A;{cell}\n" for cell in cells)
    good, bad, _ = csv(tmp_path, content, columns={"qty": "number"})
    assert [good[line]["qty"] if line in good else None for line in range(2, len(cells) + 2)] == read
    assert list(bad) == [line for line, value in enumerate(read, start=2) if value is None]


def test_thousands_after_a_long_file_without_decimals_are_bad_lines(tmp_path: Path) -> None:
    content = "sku;qty\n" + "A;1\n" * 1_000 + "B;1.000\nC;2.50\n"
    good, bad, _ = csv(tmp_path, content, columns={"qty": "number"})
    assert list(bad) == [1_002]
    assert "thousands or decimals" in bad[1_002]
    assert good[1_003]["qty"] == 2.5


def test_a_column_without_a_name_is_left_out_and_never_its_values(tmp_path: Path) -> None:
    good, bad, _ = csv(tmp_path, "sku,,qty,,\nA,,1,,\nB,x,2,,\n")
    assert good == {2: {"sku": "A", "qty": "1"}}
    assert bad == {3: "'x' is in a column without a name"}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('"B,2', "never closed"),
        ("B", "has 1 cell, but the header has 2 columns"),
        ("B,2,3", "has 3 cells, but the header has only 2 columns"),
        ('"B"x,2', "Not valid CSV"),
    ],
)
def test_a_bad_row_does_not_take_the_next_ones_with_it(tmp_path: Path, row: str, said: str) -> None:
    good, bad, _ = csv(tmp_path, f'sku,qty\nA,1\n{row}\nC,3\n\n"D\nd",4\n')
    assert good == {
        2: {"sku": "A", "qty": "1"},
        4: {"sku": "C", "qty": "3"},
        6: {"sku": "D\nd", "qty": "4"},
    }
    assert list(bad) == [3]
    assert said in bad[3]


def test_a_quote_that_is_never_closed_in_the_last_row_is_named(tmp_path: Path) -> None:
    good, bad, _ = csv(tmp_path, 'sku,qty\nA,1\n"B,2\n')
    assert list(good) == [2]
    assert bad == {3: "A quote that opens in this row is never closed, or a quote in the cell is not doubled"}


def test_a_row_that_is_not_utf_8_is_a_bad_one(tmp_path: Path) -> None:
    good, bad, _ = csv(tmp_path, "sku,name\nA,Größe\n".encode() + "B,Größe\n".encode("cp1252"))
    assert list(good) == [2]
    assert "CSV UTF-8" in bad[3]


@pytest.mark.parametrize(
    ("content", "fields", "said"),
    [
        ("a,b\n1,2\n", {"identifier": "sku"}, "has no column 'sku', which the identifier names"),
        ("sku;b\n1;2\n", {"identifier": "sku", "delimiter": ","}, 'set "delimiter"'),
        ("sku,qtty\n1,2\n", {"columns": {"qty": "number"}}, "did you mean 'qtty'"),
        ("sku,sku\n1,2\n", {}, "names the column 'sku' twice"),
        ("sku,b\r\n1,2\r\n".encode("utf-16-le").decode("latin-1"), {}, "UTF-16 without a byte order mark"),
        ('"sku,b\n1,2\n', {}, "cannot be read"),
        ("sku,b\r1,2\r", {}, "end with a carriage return only"),
        ('{"sku": "A"}\n', {}, "stock.csv is JSON, not CSV"),
        ("[\n  {\n", {}, "stock.csv is JSON, not CSV"),
        ("PK\x03\x04\x14\x00\r[Content_Types].xml", {}, "is an Excel workbook"),
    ],
)
def test_a_header_that_cannot_be_used_is_an_error(
    tmp_path: Path, content: str, fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError) as error:
        csv(tmp_path, content, **fields)
    assert said in str(error.value)


def test_an_empty_file_has_no_entities(tmp_path: Path) -> None:
    assert csv(tmp_path, "", identifier="sku") == ({}, {}, [])


def test_a_header_of_very_many_columns_is_read_at_once(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(100_000)]
    good, bad, _ = csv(tmp_path, f"sku,{','.join(names)}\nA{',1' * len(names)}\n", identifier="sku")
    assert (len(good[2]), bad) == (100_001, {})
    with pytest.raises(UserError, match="names the column 'c99999' twice"):
        csv(tmp_path, f"sku,{','.join(names)},c99999\n")
    entity = "".join(f'"{name}":1,' for name in names)
    (tmp_path / "wide.jsonl").write_text(f'{{{entity}"c99999":2}}\n')
    _, bad, _ = read(tmp_path, "jsonl", path="wide.jsonl")
    assert bad == {1: "Invalid JSON: the key 'c99999' occurs twice in an object"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"sku": "a\x01"}', "Invalid JSON: invalid control character at character 11"),
        ('{"sku": "A"', "Invalid JSON: expecting ',' delimiter at the end of the line"),
        ("sku;quantity", "Invalid JSON: expecting value at character 1; the line looks like CSV"),
        (f'{{"sku": {"1" * 5_000}}}', "Invalid JSON: an integer has more than 4,300 digits"),
    ],
)
def test_the_reason_of_a_bad_line_is_in_the_program_s_own_words(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "stock.jsonl").write_text(f"{line}\n")
    assert read(tmp_path, "jsonl", path="stock.jsonl")[1] == {1: said}


@pytest.mark.parametrize(
    ("entity", "state", "said"),
    [
        ([{"sku": "A"}], "failed", "The line contains a list, not an object with the identifier 'sku'"),
        ("A", "failed", "The line contains one value, not an object with the identifier 'sku'"),
        ({"sku": None}, "failed", "The entity has no 'sku', which identifies it"),
        ({"sku": "A", "n": float("inf")}, "failed", "The entity contains a number that is too large"),
        ({"sku": "A\0"}, "failed", "The entity contains a NUL character, which no store accepts"),
        ({"sku": "A", "text": "written as \\u0000"}, "new", ""),
    ],
)
def test_an_entity_that_cannot_be_sent_is_a_failed_task(entity: Any, state: str, said: str) -> None:
    task = new_task(SourceEntity(1, entity), "sku", Mask())
    assert (task.state, task.reason) == (state, said)


def test_json_lines_are_read_one_by_one(tmp_path: Path) -> None:
    lines = [
        b'\xef\xbb\xbf{"sku": "A", "n": 1.50}',
        b"",
        b'{"sku": "B"',
        b'{"sku": "C", "sku": "D"}',
        b'{"sku": NaN}',
        b'{"sku": "\xff"}',
        b"[" * 100_000,
        json.dumps({"sku": "big", "text": "x" * 10_000_000}).encode(),
        b'"just text"',
    ]
    (tmp_path / "stock.jsonl").write_bytes(b"\n".join(lines))
    good, bad, _ = read(tmp_path, "jsonl", path="stock.jsonl")
    assert {line: each if line != 8 else len(each["text"]) for line, each in good.items()} == {
        1: {"sku": "A", "n": 1.5},
        8: 10_000_000,
        9: "just text",
    }
    assert list(bad) == [3, 4, 5, 6, 7]
    assert bad[3].startswith("Invalid JSON: ")
    assert "occurs twice" in bad[4]
    assert "not UTF-8" in bad[6]


def test_sqlite_rows_are_entities(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
        database.executescript("create table stock (sku text, qty real); insert into stock values ('A', 1.5), ('B', 2)")
        database.execute("insert into stock values (x'00ff', null)")
        database.commit()
    query = "select sku, qty as quantity from stock order by rowid"
    good, bad, _ = read(tmp_path, "sqlite", "sku", path="shop.db", query=query)
    assert good == {1: {"sku": "A", "quantity": 1.5}, 2: {"sku": "B", "quantity": 2.0}}
    assert list(bad) == [3]


@pytest.mark.parametrize(
    "query",
    ["delete from stock", "attach 'other.db' as other", "select 1; select 2", "pragma journal_mode", "select 1, 1 as x",
     "selekt", "select sku, sku from stock"],
)  # fmt: skip
def test_a_query_only_reads_this_database(tmp_path: Path, query: str) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
        database.execute("create table stock (sku text)")
        database.commit()
    with pytest.raises(UserError):
        read(tmp_path, "sqlite", "sku", path="shop.db", query=query)
    assert os.listdir(tmp_path) == ["shop.db"]


def test_standard_input_is_read_as_json_lines_or_csv(tmp_path: Path) -> None:
    assert read(tmp_path, "stdin", stdin=b'{"a": 1}\n')[0] == {1: {"a": 1}}
    good, _, notes = read(tmp_path, "stdin", stdin=b"a;b\n1;2\n", format="csv")
    assert good == {2: {"a": "1", "b": "2"}}
    assert notes == ["Standard input: delimiter ';', columns a, b."]


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
def test_what_is_not_a_file_is_an_error_and_never_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "stock.jsonl"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(UserError, match="cannot be read"):
        read(tmp_path, "jsonl", path="stock.jsonl")


@pytest.mark.parametrize("source", [JsonLinesSource(path="stock.file"), CsvSource(path="stock.file")])
def test_a_run_whose_file_is_missing_says_what_it_has_to_contain(tmp_path: Path, source: Source) -> None:
    """A run identifies the content before it reads it."""
    with pytest.raises(UserError, match=r"(?s)It has to contain (JSON Lines|CSV): .*24-MB01") as error:
        source.digest(SourceContext(tmp_path, sample={"sku": "24-MB01"}))
    with pytest.raises(UserError, match=re.escape(str(error.value))):
        next(source.open(SourceContext(tmp_path, sample={"sku": "24-MB01"})))


def test_a_csv_source_has_its_file_before_how_it_is_read() -> None:
    fields = [*CsvSource.model_json_schema()["properties"]]
    assert fields.index("path") < min(map(fields.index, ("delimiter", "decimal", "columns")))
