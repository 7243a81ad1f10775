"""A request as text: how an editor's text is divided, and whether its body should be JSON, and is."""

from __future__ import annotations

import pytest

from tui_connector.client.message import Request
from tui_connector.tui.log.body_field import first_value
from tui_connector.tui.log.request_text import from_text, json_error, to_text


@pytest.mark.parametrize(
    ("content_type", "body", "is_wrong"),
    [
        ("", b'{"a": 1}', False),
        ("", b' "a"', False),
        ("", b'{"a" 1}', True),
        ("", b',{"a": 1}', True),
        ("", b"a=1", True),
        ("", b" <product/>", False),
        ("", b" ", False),
        ("application/json", b",{}", True),
        ("application/json; charset=utf-8", b"<product/>", True),
        ("application/merge-patch+JSON", b"x", True),
        ("application/x-www-form-urlencoded", b"a=1", False),
        ("text/plain", b"{", False),
    ],
)
def test_the_content_type_decides_whether_a_body_should_be_json(content_type: str, body: bytes, is_wrong: bool) -> None:
    headers = (("content-type", content_type),) if content_type else ()
    assert bool(json_error(Request("POST", "products", headers, body))) is is_wrong


@pytest.mark.parametrize(
    "parts",
    [
        ("POST", "products", ["a=1", "where sku like A%"], "Accept: */*\nnot a header", '{\n\n  "a": 1\n}'),
        ("GETT", "", [], "", ""),
        ("GET", "orders", [], "A: 1", "# a body\n"),
    ],
)
def test_a_text_is_divided_into_what_was_written_also_where_it_is_invalid(
    parts: tuple[str, str, list[str], str, str],
) -> None:
    method, path, query, headers, body = parts
    uri = "?".join([path, *(["&".join(query)] if query else [])])
    assert from_text(to_text(*parts) + "\n") == (method, uri, headers, body)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ('# note\n\nPOST a\r\nA: 1\r\n{"b": 2}\r\n', ("POST", "a", 'A: 1\n{"b": 2}\n', "")),  # no empty line
        ("products\n  &a=1\n\nb", ("products", "&a=1", "", "b")),
        ("# note\n", ("", "", "", "")),
    ],
)
def test_nothing_of_a_text_is_lost(text: str, written: tuple[str, str, str, str]) -> None:
    assert from_text(text) == written


@pytest.mark.parametrize(
    ("body", "written"),
    [
        ('{"sku": "", "qty": 0}', '{"sku": "5", "qty": 0}'),
        ('{"qty": 0, "sku": ""}', '{"qty": 5, "sku": ""}'),
        ('{"save 0": false}', '{"save 0": 5}'),
        ('{"a": {"b": []}}', '{"a": {"b": [5]}}'),
        ("{}", "{5}"),
        ('{"a": "b"}', '{"a": "b"}5'),
        ("", "5"),
    ],
)
def test_what_is_typed_into_a_filled_body_is_its_first_value(body: str, written: str) -> None:
    start, end = first_value(body)
    assert f"{body[:start]}5{body[end:]}" == written
