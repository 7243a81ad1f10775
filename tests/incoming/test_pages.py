"""What a store sends in place of a list, and the errors that follow."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tui_connector.client.message import Response
from tui_connector.client.pages import Page, PageUnreadable, column_reader, field_reader, read_page
from tui_connector.client.raw_json import InvalidJson, decode_json, elements, encode_json, members

RECORDINGS = Path(os.environ.get("TUI_CONNECTOR_RECORDINGS", "../shared/magento-recordings"))

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def page(body: bytes | str, items: str = "items") -> Page:
    return read_page(Response(200, (), body.encode() if isinstance(body, str) else body, 7), items)


def refused(body: bytes | str, items: str = "items") -> PageUnreadable:
    with pytest.raises(PageUnreadable) as raised:
        page(body, items)
    assert raised.value.exchange == 7
    return raised.value


@pytest.mark.parametrize(
    ("body", "items", "expected", "total"),
    [
        ('{"items":[{"id":1}],"search_criteria":[],"total_count":9}', "items", [b'{"id":1}'], 9),
        ('{"items":[],"total_count":9}', "items", [], 9),
        ('{"items":null,"total_count":0}', "items", [], 0),
        ('{"items":null}', "items", [], None),
        ('{"total_count":2,"items":{"1":{"id":1},"3":{"id":3}}}', "items", [b'{"id":1}', b'{"id":3}'], 2),
        ('{"1":{"id":1},"3":{"id":3}}', "@", [b'{"id":1}', b'{"id":3}'], None),
        ('{"items":{"1":{"a":{"id":1}}},"total_count":1}', "items[].a", [b'{"id":1}'], 1),
        ('{"items":[{"a":{"1":{"id":1},"3":{"id":3}}}]}', "items[].a[]", [b'{"id":1}', b'{"id":3}'], None),
        ('{"items":[{"a":[]}],"b":{"0":{"id":1},"2":{"id":3}}}', "b || `[]`", [b'{"id":1}', b'{"id":3}'], None),
        ('{"items":[{"2024":3}]}', "items[:1]", [b'{"2024":3}'], None),
        ('{"items":{"sku":"a"}}', "items", [b'{"sku":"a"}'], None),
        ('{"items":[1],"total_count":"9"}', "items", [b"1"], 9),
        ('\ufeff {"items":[1],"total_count":1}\r\n', "items", [b"1"], 1),
        ('{\n "items": [\n  {"id":\n 1}\n ],\n "total_count": 1\n}', "items", [b'{"id": 1}'], 1),
        ('{"data":{"list":[1,2],"total_count":5}}', "data.list", [b"1", b"2"], 5),
        ('["Magento_Store","Magento_Eav"]', "@", [b'"Magento_Store"', b'"Magento_Eav"'], None),
        ("[]", "@", [], None),
        ("null", "@", [], None),
        ("7.0", "@", [b"7.0"], None),
        ('{"id":2,"children_data":[{"id":3}]}', "@", [b'{"id":2,"children_data":[{"id":3}]}'], None),
        ('{"id":2,"children_data":[{"id":3}]}', "children_data", [b'{"id":3}'], None),
        ('{"id":2,"name":"x"}', "[@]", [b'{"id":2,"name":"x"}'], None),
        ("[]", "[@]", [], None),
        ("9", "[@]", [b"9"], None),
        ('{"items":[{"a":{"id":1}},{"a":{"id":2}}],"total_count":2}', "items[].a", [b'{"id":1}', b'{"id":2}'], 2),
        ('{"items":null,"total_count":0}', "items[].a", [], 0),
    ],
)
def test_shapes_that_hold_items(body: str, items: str, expected: list[bytes], total: int | None) -> None:
    read = page(body, items)
    assert (list(read.items), read.total) == (expected, total)


@pytest.mark.parametrize(
    ("body", "items", "said", "is_temporary"),
    [
        ("", "items", "The response is empty", True),
        (" \n", "@", "The response is empty", True),
        ('{"items":[{"id":1},{"id"', "items", "is truncated after 24 bytes", True),
        ('[{"id":1', "@", "is truncated", True),
        ('{"items":[{"id":1}],"total_c', "items", "is truncated", True),
        ('{"items":[{"id":tru', "items", "is truncated", True),
        (
            "<!doctype html><title>Maintenance &amp; more</title><p>x",
            "items",
            "web page, not JSON: Maintenance &",
            True,
        ),
        (
            '<br />\n<b>Notice</b>: x in y.php\n{"items":[1]}',
            "items",
            "before the JSON of the response: Notice : x",
            False,
        ),
        ('Deprecated: y[{"id":1}]', "@", "before the JSON of the response: Deprecated: y", False),
        ('{"items":[1]}<br />Fatal error', "items", "text after its JSON", False),
        ("Internal Error", "items", "invalid JSON", False),
        ('<?xml version="1.0"?><response><items/></response>', "items", "is XML, not JSON", False),
        ("<response><items/></response>", "items", "is XML, not JSON", False),
        ("<!-- made by x --><feed><entry/></feed>", "items", "is XML, not JSON", False),
        ('{"message":"No %1","parameters":["way"]}', "items", "an error: No way", False),
        ('{"message":"No way"}', "@", "an error: No way", False),
        ('{"message":"No way","trace":"#0"}', "[@]", "an error: No way", False),
        ('"Sorry, not today"', "@", "a single text", False),
        ('"Sorry, not today"', "[@]", "a single text", False),
        ("true", "@", "a single boolean", False),
        ('"x"', "items", "a single text", False),
        ("[]", "items", "an empty list instead of an object", False),
        ("[1,2]", "items", 'Write items = "@"', False),
        ('{"items":[1],"total_count":1}', "@", 'Write items = "items"', False),
        ('{"items":[1],"search_criteria":[]}', "[@]", 'Write items = "items"', False),
        ('{"item":[1]}', "items", 'Did you mean items = "item"', False),
        ('{"data":[1]}', "data.items", "an object with data", False),
        ('{"items":"none"}', "items", "an object with items", False),
        ('{"items":[NaN]}', "items", "NaN", False),
        (b'{"items":["\xff"]}', "items", "byte 12 is not UTF-8", False),
        ("[" * 100_000, "@", "nested too deep", False),
        ('{"items":{"0":{"a":' + "[" * 900 + "]" * 900 + '},"2":{}}}', "items || x", "nested too deep", False),
        ('{"items":[1]}', "items[0]", "an object with items", False),
        ('{"items":[1]}', "sum(x)", "cannot be found", False),
    ],
)
def test_a_response_without_items_is_explained(body: str | bytes, items: str, said: str, is_temporary: bool) -> None:
    failure = refused(body, items)
    assert said in str(failure)
    assert failure.is_temporary is is_temporary


@given(st.lists(values), st.booleans(), st.sampled_from([None, 2]))
@example([*[None] * 17, [[[None], None]], [], None], False, None)  # the last ones look like the end of the list
def test_items_stay_as_they_were_sent(items: list[Any], escaped: bool, indent: int | None) -> None:
    sent = [json.dumps(item, ensure_ascii=escaped).encode("utf-8", "surrogatepass") for item in items]
    if any(b"\xed" in item for item in sent):
        return  # a lone surrogate is UTF-8 only as an escape
    read = page(b'{"x":{"items":[0]},"items":[' + b" , ".join(sent) + b"]}")
    assert list(read.items) == sent
    spread = page(json.dumps({"items": items}, indent=indent))
    assert [json.loads(item) for item in spread.items] == items
    assert not any(b"\n" in item for item in spread.items)


@given(values)
def test_both_readers_agree(drawn: Any) -> None:
    """msgspec and, for what it refuses, the standard library."""
    text = json.dumps(drawn).encode()
    with_surrogate = [b"[" + text + b' , "\\ud800"]', b'{"a" : ' + text + b', "b":"\\ud800"}']
    assert elements(with_surrogate[0]) == [text, b'"\\ud800"']
    assert members(with_surrogate[1]) == {"a": text, "b": b'"\\ud800"'}
    assert decode_json(encode_json(drawn)) == drawn == decode_json(text)


@given(values, st.integers(0, 200))
def test_what_breaks_off_is_known(drawn: Any, cut: int) -> None:
    text = json.dumps({"items": [drawn], "total_count": 1})
    part = text[: cut % len(text)]
    if part.strip():
        assert refused(part).is_temporary


@pytest.mark.parametrize(
    ("beginning", "each", "end", "items"),
    [
        (b'{"items":[', b"{}", b"]}", "items"),
        (b'{"items":[', b"0", b'],"total_count":"many"}', "items"),
        (b"[", b"[]", b"]", "@"),
        (b'{"items":[', b"0", b"]}", "items || x"),
    ],
)
def test_more_items_than_fit_into_memory_are_refused(beginning: bytes, each: bytes, end: bytes, items: str) -> None:
    listed = b",".join([each] * 1_000_001)
    failure = refused(beginning + listed + end, items)
    assert "The response has 1,000,001 items, more than the 1,000,000 that are read from one" in failure.message
    assert "page size" in failure.hint


@pytest.mark.parametrize("text", [b"9" * 5_000, b"1e999", b"-1e999"])
def test_numbers_no_computer_counts_with(text: bytes) -> None:
    assert elements(b"[" + text + b"]") == [text]  # passed through
    with pytest.raises(InvalidJson):
        decode_json(text)


def test_an_item_of_30_megabytes() -> None:
    item = b'{"id":1,"description":"' + b"x" * 30_000_000 + b'"}'
    assert page(b'{"items":[' + item + b'],"total_count":1}').items == [item]


def test_every_list_of_a_real_store() -> None:
    """Each recorded 200 of a list: as many items as its decoded answer has."""
    if not RECORDINGS.is_dir():
        pytest.skip("needs recordings of a real store: TUI_CONNECTOR_RECORDINGS")
    lists = 0
    for file in sorted(RECORDINGS.glob("[0-9]*.json")):
        recorded = json.loads(file.read_text())
        body, status = recorded["response"]["body"], recorded["response"]["status"]
        if status != 200 or not body.startswith(("{", "[")) or recorded["request"]["method"] != "GET":
            continue
        data = json.loads(body)
        if isinstance(data, list):
            assert [json.loads(item) for item in page(body, "@").items] == data
        elif "items" in data:
            read = page(body)
            assert [json.loads(item) for item in read.items] == (data["items"] or [])
            assert read.total == data.get("total_count")
            lists += 1
    assert lists > 20
    print(f"{lists} recorded lists read")


@pytest.mark.parametrize(
    ("item", "found"),
    [
        ('{"id":7,"sku":"a"}', 7),
        ('{"id":0}', 0),
        ('{"id":-3}', -3),
        ('{ "id" : 12 }', 12),
        ('{"sku":"a","id":7}', 7),
        ('{"sku":"a","extension":{"id":8},"id":7}', 7),
        ('{"extension":{"id":8}}', None),
        ('{"id":"7"}', "7"),
        ('{"id":7.5}', 7.5),
        ('{"id":7e2}', 700.0),
        ('{"id":123456789012345678901}', 123456789012345678901),
        ('{"id":true}', True),
        ('{"id":null}', None),
        ('{"id":[7]}', [7]),
        ('{"identifier":7}', None),
        ('{"\\u0069d":7}', 7),
        ("[7]", None),
        ("7", None),
    ],
)
def test_a_field_is_read_alike_one_by_one_and_of_a_whole_page(item: str, found: object) -> None:
    for read in (field_reader("id"), lambda item: column_reader("id")([item])[0]):
        assert (type(read(item.encode())), read(item.encode())) == (type(found), found)


@given(
    name=st.sampled_from(["id", "a.b", "a b", 'a"b', "a\\b", "größe", "(", ""]),
    others=st.dictionaries(st.text(), values, max_size=3),
    number=st.integers(-(10**20), 10**20),
)
def test_a_number_that_comes_first_is_read_whatever_its_name_is(name: str, others: dict[str, Any], number: int) -> None:
    others.pop(name, None)
    item = encode_json({name: number, **others})
    assert column_reader(name)([item, encode_json(others)]) == [field_reader(name)(item), None]
