"""A request as text: whether its body should be JSON, and is."""

from __future__ import annotations

import pytest

from tui_connector.client.message import Request
from tui_connector.tui.log.request_text import json_error


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
