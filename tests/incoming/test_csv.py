"""CSV: what is written is read back, by the standard library's reader."""

from __future__ import annotations

import csv
import io
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sink_runs import begin, go_on, write

from tui_connector.incoming.sink import SinkContext, SinkMissing
from tui_connector.incoming.sinks.csv import CsvSink
from tui_connector.profile.problems import check_data

names = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1, max_size=8)
values = st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")) | st.lists(st.integers())
objects = st.dictionaries(names | st.sampled_from(["sku", "name"]), values, min_size=1, max_size=5)
steps_of = st.lists(st.lists(objects, max_size=4), min_size=1, max_size=4)


def encoded(steps: list[list[Any]]) -> list[list[bytes]]:
    return [[json.dumps(item, separators=(",", ":")).encode() for item in step] for step in steps]


def rows(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    text = path.read_bytes().decode()
    return [dict(row) for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)]


SIGN_WITHIN = re.compile(r"(?<![,;|\s'\"\x00-\x1f\ufeff])([,;|\s'\"\x00-\x1f\ufeff]*)'([=+\-@＝＋－＠])")


def delimited(found: re.Match[str], text: str, delimiter: str) -> bool:
    """Whether this sign after a ' had got it."""
    line = text[found.end() :].partition("\n")[0]
    is_formula = found[2] in "=＝" or re.search(r"\w\(|\|[^!]*!", line) is not None
    return is_formula and bool(({*",;|\t\r\n"} - {delimiter}) & {*found[1]})


def cell(found: Any) -> str:
    return found if isinstance(found, str) else "" if found is None else json.dumps(found, separators=(",", ":"))


def unescaped(text: str, delimiter: str = ",") -> str:
    """What the store sent, of a text that was made harmless."""
    text = SIGN_WITHIN.sub(lambda found: found[1] + found[2] if delimited(found, text, delimiter) else found[0], text)
    rest = text.lstrip("'").lstrip(
        "\ufeff" + "".join(map(chr, range(33))) + "\x85\xa0\u1680\u2000\u2001\u2002\u2003"
        "\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
    )
    begins = text.lstrip("'")[:1] in ("\t", "\r", "\n") or rest[:1] in tuple("=+-@＝＋－＠")
    return text[1:] if text.startswith("'") and begins else text


@settings(max_examples=20, deadline=None)
@given(steps=steps_of, data=st.data())
def test_nothing_is_lost_and_a_resumed_run_ends_the_same(
    steps: list[list[dict[str, Any]]], data: st.DataObject
) -> None:
    sink = CsvSink(path="items.csv")
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
        row = {unescaped(name): unescaped(value) for name, value in row.items()}
        *_, extra = row
        beside = json.loads(row.pop(extra) or "{}")
        assert {name: cell(item.get(name)) for name in row} == row
        assert {**{name: item[name] for name in row if name in item}, **beside} == item


def test_the_first_item_says_the_columns(tmp_path: Path) -> None:
    write(CsvSink(path="items.csv"), tmp_path, [[b'{"sku":"a","price":1.10}', b'{"sku":"b","weight":2,"tags":[1]}']])
    expected = b'sku,price,extra\r\na,1.10,\r\nb,,"{""weight"":2,""tags"":[1]}"\r\n'
    assert (tmp_path / "items.csv").read_bytes() == expected


def test_an_item_that_has_such_a_field_itself(tmp_path: Path) -> None:
    write(CsvSink(path="items.csv"), tmp_path, [[b'{"extra":1}', b'{"more":2}']])
    assert (tmp_path / "items.csv").read_bytes() == b'extra,_extra\r\n1,\r\n,"{""more"":2}"\r\n'


def test_named_columns_are_all_there_is(tmp_path: Path) -> None:
    sink = CsvSink(path="items.csv", columns=["name", "sku"], delimiter=";")
    write(sink, tmp_path, [[b'{"sku":"a;b","price":1}'], [b'{"sku":"\\ud800","name":"\\"x\\"\\n"}']])
    assert rows(tmp_path / "items.csv", ";") == [{"name": "", "sku": "a;b"}, {"name": '"x"\n', "sku": "\\ud800"}]


def test_tabs_between_cells(tmp_path: Path) -> None:
    write(CsvSink(path="items.tsv", columns=["a", "b"], delimiter="tab"), tmp_path, [[b'{"a":"x\\ty","b":1}']])
    assert (tmp_path / "items.tsv").read_bytes() == b'a\tb\r\n"x\ty"\t1\r\n'


def test_named_columns_are_there_without_an_item(tmp_path: Path) -> None:
    sink = CsvSink(path="items.csv", columns=["name", "sku"])
    last = write(sink, tmp_path, [[]])[-1]  # the step that ends a run
    assert (tmp_path / "items.csv").read_bytes() == b"name,sku\r\n"
    go_on(sink, tmp_path, last, [[b'{"sku":"a"}']])
    assert (tmp_path / "items.csv").read_bytes() == b"name,sku\r\n,a\r\n"


def test_items_that_are_no_objects(tmp_path: Path) -> None:
    write(CsvSink(path="items.csv"), tmp_path, [[b'"a,b"', b"7"], [b'{"id":1}']])
    assert (tmp_path / "items.csv").read_bytes() == b'value\r\n"a,b"\r\n7\r\n"{""id"":1}"\r\n'
    write(CsvSink(path="mixed.csv"), tmp_path, [[b'{"id":1}', b"[2]"]])
    assert (tmp_path / "mixed.csv").read_bytes() == b"id,extra\r\n1,\r\n,[2]\r\n"
    opened, _ = begin(CsvSink(path="named.csv", columns=["id"]), tmp_path)
    assert [rejected.index for rejected in opened.write([b'{"id":1}', b"[2]"])] == [1]
    opened.close()


def test_numbers_stay_as_they_were_written(tmp_path: Path) -> None:
    write(CsvSink(path="items.csv"), tmp_path, [[b'{"a":1.10,"b":1e400,"c":' + b"9" * 5_000 + b"}"]])
    assert rows(tmp_path / "items.csv") == [{"a": "1.10", "b": "1e400", "c": "9" * 5_000, "extra": ""}]


ATTACKS = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    "+1+cmd",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "＝1",
    "\ufeff=1",
    "-",
]


@pytest.mark.parametrize("text", [*ATTACKS, *(f"'{each}" for each in ATTACKS)])
def test_what_a_spreadsheet_would_run_is_written_harmless_unless_it_is_to_be_kept(tmp_path: Path, text: str) -> None:
    item = json.dumps({"sku": text}).encode()
    write(CsvSink(path="items.csv"), tmp_path, [[item]])
    write(CsvSink(path="kept.csv", formulas="keep"), tmp_path, [[item]])
    write(CsvSink(path="names.csv"), tmp_path, [[json.dumps({text: 1}).encode()]])
    [row] = rows(tmp_path / "items.csv")
    assert row["sku"].startswith("'")
    assert unescaped(row["sku"]) == text
    assert rows(tmp_path / "kept.csv")[0]["sku"] == text
    assert rows(tmp_path / "names.csv")[0][row["sku"]] == "1"


@pytest.mark.parametrize(
    "text", ["-5", "-5.10", '"-5.1000"', '"+31612345678"', "-1e5", '"-.5"', '"a=b"', '"it\'s"', '"\'"', '""']
)
def test_a_number_stays_a_number_and_other_text_is_as_it_was(tmp_path: Path, text: str) -> None:
    write(CsvSink(path="items.csv"), tmp_path, [[b'{"sku":' + text.encode() + b"}"]])
    assert rows(tmp_path / "items.csv")[0]["sku"] == text.strip('"')


WITHIN = [
    "a;=cmd|' /C calc'!A0;b",
    "a\t=1+1",
    "a|@SUM(1)",
    "a\n=1+1",
    "a\r\n+cmd|' /C calc'!A0",
    "a; -HYPERLINK(1)",
    'a;"=1+1"',
    "a;'=1+1",
    ";\t=1",
    "a;\ufeff=1",
    "a\n＝1",
    ["x;=1"],
]


@pytest.mark.parametrize("delimiter", [",", ";", "|", "tab"])
@pytest.mark.parametrize("value", WITHIN)
def test_no_cell_is_a_formula_for_a_spreadsheet_with_another_delimiter(
    tmp_path: Path, value: Any, delimiter: Any
) -> None:
    item = json.dumps({"id": 1, "sku": value, "names": ["=1", "a", "=2"]}, ensure_ascii=False).encode()
    write(CsvSink(path="items.csv", delimiter=delimiter), tmp_path, [[item]])
    own = "\t" if delimiter == "tab" else delimiter
    [row] = rows(tmp_path / "items.csv", own)
    assert unescaped(row["sku"], own) == cell(value)
    assert json.loads(unescaped(row["names"], own)) == ["=1", "a", "=2"]
    text = (tmp_path / "items.csv").read_bytes().decode()
    for other in ",;|\t":
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=other):
            assert not [each for each in cells if each.lstrip('\ufeff \t"')[:1] in ("=", "@", "-", "+", "＝")]


@pytest.mark.parametrize(
    "text",
    [
        "Sizes:\n- small\n- large (new)",
        "a;-5",
        "red; -5,10",
        "mail|@home",
        "a = b; c == d",
        "x, =y",
        "1;+31 6 12345",
        "a\n--\nb",
    ],
)
def test_lists_and_numbers_within_a_text_stay_as_they_are(tmp_path: Path, text: str) -> None:
    write(CsvSink(path="items.csv"), tmp_path, [[json.dumps({"sku": text}).encode()]])
    assert rows(tmp_path / "items.csv")[0]["sku"] == text


def test_a_single_text_is_written_harmless_too(tmp_path: Path) -> None:
    write(CsvSink(path="items.csv"), tmp_path, [[b'"=1+1"', b"-1"]])
    assert (tmp_path / "items.csv").read_bytes() == b"value\r\n'=1+1\r\n-1\r\n"


def test_a_file_goes_on_as_it_was_begun(tmp_path: Path) -> None:
    positions = write(CsvSink(path="items.csv", formulas="keep"), tmp_path, [[b'{"sku":"=1"}']])
    with pytest.raises(SinkMissing, match="started with formulas"):
        go_on(CsvSink(path="items.csv"), tmp_path, positions[-1], [])
    go_on(CsvSink(path="items.csv", formulas="keep"), tmp_path, positions[-1], [[b'{"sku":"=2"}']])
    assert [each["sku"] for each in rows(tmp_path / "items.csv")] == ["=1", "=2"]


@pytest.mark.parametrize("now", [CsvSink(path="items.csv", columns=["sku"]), CsvSink(path="items.csv", delimiter=";")])
def test_columns_that_changed_since_are_not_gone_on_with(tmp_path: Path, now: CsvSink) -> None:
    last = write(CsvSink(path="items.csv"), tmp_path, [[b'{"sku":"a","name":"b"}']])[-1]
    with pytest.raises(SinkMissing, match="has columns that differ"):
        now.open(SinkContext(tmp_path), last)


def test_a_column_named_twice_is_an_error_of_the_profile() -> None:
    sink = {"kind": "csv", "path": "x.csv", "columns": ["a", "a"]}
    incoming = {"client": "default", "request": {"uri": "x"}, "sink": sink}
    profile, problems = check_data({"format": 1, "name": "x", "incoming": {"a": incoming}})
    assert profile is None
    assert "'a' is duplicated" in str(problems)
