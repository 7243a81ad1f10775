"""How an exchange is printed: what stands in each format, and what never does."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from exchanges import exchange, lost
from hypothesis import given
from hypothesis import strategies as st
from time_zones import time_zone

from tui_connector.client.exchange import RecordedBody, Timings
from tui_connector.client.json_text import indented
from tui_connector.client.printer import LONG_FORMAT_BODY, blocks, simple, text
from tui_connector.log.shown_text import row_text

REFUSED = json.dumps(
    {"message": "The consumer isn't authorized to access %resources.", "parameters": {"resources": "A::b"}}
)
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")


def test_simple_is_one_line_with_the_stores_words_where_it_refused() -> None:
    assert simple(exchange(7)) == "#7  GET /rest/V1/products?searchCriteria[pageSize]=3  200  136 ms"
    line = simple(exchange(8, status=401, body=REFUSED.encode()))
    assert line.endswith("The consumer isn't authorized to access A::b.")
    assert simple(lost(9)).endswith("—  136 ms  no response within 30 s")


def test_times_are_those_of_the_users_clock() -> None:
    with time_zone("CET-1"):
        assert text(exchange(7), "long").startswith("#7 · 13:00:07.000 · ")
        assert "13:00:07" in row_text(exchange(7))


def test_a_login_or_probe_does_not_name_the_client_that_always_exists() -> None:
    assert text(exchange(1, purpose="login", client="default"), "long").split("\n")[0] == "#1 · 12:00:01.000 · login"
    assert " · probe · client magento" in text(exchange(1, purpose="probe", client="magento"), "long")
    assert " · run · client default" in text(exchange(1, client="default"), "long")


def test_long_has_request_headers_and_a_thousand_characters_of_each_body() -> None:
    long = text(exchange(1, method="POST", request_body=b'{"a": 1}', body=b"x" * 5_000), "long").split("\n")
    assert long[0].startswith("#1 · 12:00:01.000 · run")
    assert long[1] == "200 OK · 136 ms · 5.0 KB, 5.0 KB transferred"
    assert long[2] == "connect 10 ms · TLS 20 ms · send 1 ms · wait 100 ms · receive 5 ms"
    assert long[3:] == [
        *("", "POST /rest/V1/products?searchCriteria%5BpageSize%5D=3 HTTP/1.1", "Host: acme.example"),
        *("Accept: application/json", "User-Agent: tui-connector/0.1.0", "", '{"a": 1}'),
        *("", "HTTP/1.1 200 OK", "Content-Type: application/json; charset=utf-8", "X-Cache: MISS"),
        *("", "x" * LONG_FORMAT_BODY, "… the first 1.0 KB of 5.0 KB are shown"),
    ]


def test_full_has_the_whole_recorded_body() -> None:
    assert "x" * 5_000 in text(exchange(body=b"x" * 5_000), "full")


def test_a_body_with_a_tab_is_shown() -> None:
    assert "a\tb" in text(exchange(body=b"a\tb\n"), "long")


def test_a_web_page_is_its_title_and_size() -> None:
    page = b"<html><head><TITLE> Service\n Temporarily &amp; so on </TITLE></head>" + b"x" * 40_000
    shown = text(exchange(status=503, body=RecordedBody(page, len(page), 900, "text/html")), "long")
    assert "HTML page “Service Temporarily & so on”, 40.1 KB" in shown
    assert len(shown) < 1_000


@pytest.mark.parametrize("body", [b"Magento/2.4 (Community)", b'{"version": "a <title> in a value"}', b"a < b"])
def test_text_that_is_declared_as_a_web_page_is_shown(body: bytes) -> None:
    served = RecordedBody(body, len(body), len(body), "text/html")
    assert text(exchange(body=served), "long").endswith(f"\n\n{body.decode()}")
    failed = exchange(status=404, body=replace(served, data=b"File not found.\n"))
    assert "✘ File not found." in text(failed, "long")


def test_what_php_prints_before_a_page_is_part_of_it() -> None:
    page = b"Warning: Undefined index\n<!DOCTYPE html><title>Sorry</title>"
    assert "HTML page “Sorry”" in text(exchange(body=RecordedBody(page, len(page), 1, "text/html")), "long")


def test_a_binary_response_is_shown_by_its_first_bytes() -> None:
    image = exchange(body=b"\x89PNG\x00\x01\x02" * 20)
    assert "140 B, not text: 89 50 4e 47" in text(image, "long")
    assert "00000000  89 50 4e 47" in text(image, "full")


@pytest.mark.parametrize(
    ("body", "words"),
    [(RecordedBody(), "(empty)"), (RecordedBody(b"", 32, 32, note="a token, not kept"), "a token, not kept")],
)
def test_a_missing_body_is_explained(body: RecordedBody, words: str) -> None:
    assert words in text(exchange(body=body), "long")


def test_a_connection_used_before_is_called_reused() -> None:
    assert "connection reused" in text(exchange(timings=Timings(send=0.001, wait=0.1, total=0.2)), "long")


def test_a_message_with_placeholders_is_filled_in_above() -> None:
    assert "✘ The consumer isn't authorized to access A::b." in text(
        exchange(status=401, body=REFUSED.encode()), "long"
    )


@pytest.mark.parametrize("depth", [1, 100_000])
def test_a_body_nested_too_deeply_is_shown_as_it_came(depth: int) -> None:
    body = b"[" * depth + b"]" * depth
    printed = [line for _, lines in blocks(exchange(body=body), "full", pretty=True) for line in lines]
    assert "".join(printed[printed.index("X-Cache: MISS") + 2 :]).replace(" ", "") == body.decode()


@pytest.mark.parametrize("depth", [40, 400, 900])
def test_deep_json_is_not_indented_without_bounds(depth: int) -> None:
    each = b"[" * depth + b'"]]]]"' + b"]" * depth
    body = b"[" + b",".join([each] * (100_000 // len(each))) + b"]"
    shown = indented(body)
    assert shown is not None
    assert "".join(shown.split()).encode() == body
    assert len(shown) < len(body) * 90


@given(st.text(), st.text(), st.binary(), st.sampled_from(["simple", "long", "full", "curl"]))
def test_nothing_printed_can_move_the_cursor(uri: str, header: str, body: bytes, formatter: str) -> None:
    hostile = exchange(
        uri=f"https://acme.example/{uri}", headers=(("X-Evil", header),), reason=header, body=body, request_body=body
    )
    assert UNSAFE.search(text(hostile, formatter, profile="acme")) is None
