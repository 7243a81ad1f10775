"""Exchanges for tests of the log."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from hypothesis import strategies as st

from tui_connector.client.body_refusal import BodyRefusal, RefusalCode
from tui_connector.client.exchange import Exchange, RecordedBody, Timings
from tui_connector.client.message import Failure, Request
from tui_connector.secrets.token_shape import TokenKind, TokenShape

AT = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)

_PLAIN = Exchange(
    number=1,
    attempt=1,
    call=1,
    client="magento",
    purpose="run",
    formatter=None,
    at=AT,
    original=None,
    method="GET",
    uri="https://acme.example/rest/V1/products?searchCriteria%5BpageSize%5D=3",
    request_headers=(("Accept", "application/json"), ("User-Agent", "tui-connector/0.1.0")),
    request_body=RecordedBody(),
    status=200,
    reason="OK",
    headers=(("Content-Type", "application/json; charset=utf-8"), ("X-Cache", "MISS")),
    body=RecordedBody(b'{"items": []}', 13, 40, "application/json"),
    failure=None,
    failure_text="",
    timings=Timings(0.01, 0.02, 0.001, 0.1, 0.005, 0.136),
)


def exchange(number: int = 1, **changes: Any) -> Exchange:
    """One exchange; `body` and `request_body` may be bytes."""
    for name in ("body", "request_body"):
        if isinstance(data := changes.get(name), bytes):
            changes[name] = RecordedBody(data, len(data), len(data), "application/json")
    at = AT + timedelta(seconds=number)
    return replace(_PLAIN, **{"number": number, "call": number, "at": at, **changes})


def lost(number: int = 1, failure: Failure = Failure.TIMEOUT, **changes: Any) -> Exchange:
    """One that got no response."""
    nothing: dict[str, Any] = {"status": None, "reason": "", "headers": (), "body": RecordedBody()}
    return exchange(number, failure=failure, failure_text="no response within 30 s", **nothing, **changes)


text = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
"""Any text without lone surrogates."""

_headers = st.lists(st.tuples(st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,15}", fullmatch=True), text), max_size=4).map(
    tuple
)
_seconds = st.floats(0, 1_000, allow_nan=False).map(lambda each: round(each, 6))
_maybe = st.none() | _seconds


def _body(data: bytes, more: int, wire: int, media_type: str, note: str) -> RecordedBody:
    return RecordedBody(data, len(data) + more, wire, media_type, note, cut=more > 0)


bodies = st.builds(
    _body,
    st.binary(max_size=60) | text.map(str.encode),
    st.integers(0, 1_000_000),
    st.integers(0, 1_000_000),
    st.sampled_from(["", "application/json", "text/html", "image/png"]),
    st.sampled_from(["", "a token, not kept"]),
)
exchanges = st.builds(
    Exchange,
    number=st.integers(1, 1_000_000),
    attempt=st.integers(1, 9),
    call=st.integers(0, 1_000_000),
    client=text,
    purpose=st.sampled_from(["test", "login", "run", "probe", "user"]),
    formatter=st.sampled_from([None, "simple", "long", "full"]),
    at=st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC)),
    original=st.none() | st.builds(Request, st.sampled_from(["GET", "POST"]), text, _headers, st.binary(max_size=20)),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]),
    uri=text.map(lambda path: f"https://acme.example/{path}"),
    typed_uri=st.just("") | text.map(lambda path: f"https://acme.example/{path}"),
    request_headers=_headers,
    request_body=bodies,
    status=st.none() | st.integers(100, 599),
    reason=text,
    headers=_headers,
    body=bodies,
    failure=st.none() | st.sampled_from(list(Failure)),
    failure_text=text,
    timings=st.builds(Timings, _maybe, _maybe, _maybe, _maybe, _maybe, _seconds),
    note=text,
    refusal=st.none() | st.builds(BodyRefusal, st.sampled_from(get_args(RefusalCode)), text),
    login=st.integers(0, 1_000_000),
    by_hand=st.booleans(),
    token=st.none()
    | st.builds(
        TokenShape,
        st.sampled_from(get_args(TokenKind)),
        st.booleans(),
        st.integers(0, 100),
        st.integers(0, 100),
        st.booleans(),
    ),
)
"""Any exchange."""
