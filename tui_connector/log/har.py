"""HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/): the log for other tools, masked, and back as it was.

What HAR has no field for stands in fields that begin with `_`, as it allows: number, attempt, call, who asked, and the
places in which something is masked.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlsplit

from .. import __version__
from ..client.exchange import Exchange, KeptBody, Timings
from ..client.message import Headers, header_of
from ..placeholder import Json
from ..secrets.mask import MARK
from .written import text_of, timings_to_json

COMMENT = f"Secrets were masked when this was recorded: {MARK} stands for each. Entries name the places in _masked."


def export(exchanges: Iterable[Exchange]) -> Iterator[bytes]:
    """The HAR in pieces, one for each exchange: a log of 64 MB is never in memory twice."""
    head: dict[str, Json] = {
        "version": "1.2",
        "creator": {"name": "tui-connector", "version": __version__},
        "comment": COMMENT,
        "pages": [],
    }
    yield b'{"log":' + json.dumps(head)[:-1].encode() + b',"entries":['
    for index, exchange in enumerate(exchanges):
        yield (b",\n" if index else b"\n") + json.dumps(entry(exchange)).encode()
    yield b"\n]}}\n"


def entry(exchange: Exchange) -> dict[str, Json]:
    """One exchange as an entry."""
    spans = _timings(exchange.timings)
    ours: dict[str, Json] = {
        "_number": exchange.number,
        "_attempt": exchange.attempt,
        "_call": exchange.call,
        "_client": exchange.client,
        "_purpose": exchange.purpose,
        "_formatter": exchange.formatter,
        "_seconds": timings_to_json(exchange.timings),
        "_masked": list(_masked(exchange)),
    }
    if exchange.note:
        ours["_note"] = exchange.note
    if exchange.failure is not None:
        ours["_failure"] = exchange.failure.value
    if exchange.failure_text:
        ours["_error"] = exchange.failure_text
    return {
        "startedDateTime": exchange.at.isoformat(),
        "time": sum(value for name, value in spans.items() if value > 0 and name != "ssl"),
        "request": _request(exchange),
        "response": _response(exchange),
        "cache": {},
        "timings": dict(spans),
        **ours,
    }


def _request(exchange: Exchange) -> dict[str, Json]:
    body = exchange.request_body
    request: dict[str, Json] = {
        "method": exchange.method,
        "url": exchange.uri,
        "httpVersion": "HTTP/1.1",
        "cookies": _cookies(header_of(exchange.request_headers, "Cookie")),
        "headers": _headers(exchange.request_headers),
        "queryString": [{"name": name, "value": value} for name, value in _query(exchange.uri)],
        "headersSize": -1,
        "bodySize": body.size,
        "_body": _facts(body),
    }
    if body.data or body.size:
        kind = header_of(exchange.request_headers, "Content-Type") or body.media_type
        request["postData"] = {"mimeType": kind, **_content(body, encoding="_encoding")}
    return request


def _response(exchange: Exchange) -> dict[str, Json]:
    body = exchange.body
    kind = header_of(exchange.headers, "Content-Type") or body.media_type or "x-unknown"
    content: dict[str, Json] = {"size": body.size, "mimeType": kind, **_content(body, encoding="encoding")}
    if body.wire_size and body.wire_size != body.size:
        content["compression"] = body.size - body.wire_size
    if body.note or body.cut:
        content["comment"] = body.note or f"only the first {len(body.data)} bytes were kept"
    return {
        "status": exchange.status if exchange.status is not None else 0,
        "statusText": exchange.reason,
        "httpVersion": "HTTP/1.1",
        "cookies": _cookies(header_of(exchange.headers, "Set-Cookie")),
        "headers": _headers(exchange.headers),
        "content": content,
        "redirectURL": header_of(exchange.headers, "Location") or "",
        "headersSize": -1,
        "bodySize": body.wire_size if exchange.status is not None and body.wire_size is not None else -1,
        "_body": _facts(body),
    }


def _content(body: KeptBody, *, encoding: str) -> dict[str, Json]:
    if not body.data:
        return {"text": ""} if encoding == "_encoding" else {}
    text = text_of(body.data)
    if text is None:
        return {"text": base64.b64encode(body.data).decode(), encoding: "base64"}
    return {"text": text}


def _facts(body: KeptBody) -> dict[str, Json]:
    """What of a body would not be the same after reading it back."""
    return {
        "size": body.size,
        "wire-size": body.wire_size,
        "type": body.media_type,
        "note": body.note,
        "cut": body.cut,
    }


def _headers(headers: Headers) -> list[Json]:
    return [{"name": name, "value": value} for name, value in headers]


def _cookies(header: str | None) -> list[Json]:
    """The cookies' names; what they hold is masked."""
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load((header or "").replace(MARK, "masked"))
    except CookieError:
        return []
    return [{"name": name, "value": MARK} for name in jar]


def _query(uri: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(urlsplit(uri).query, keep_blank_values=True)
    except ValueError:  # an address of another tool
        return []


def _timings(timings: Timings) -> dict[str, float]:
    """Milliseconds, -1 where it does not apply; `connect` includes `ssl`, and the sum is the whole time."""
    connect = None if timings.connect is None else timings.connect + (timings.tls or 0.0)
    measured = sum(each or 0.0 for each in (connect, timings.send, timings.wait, timings.receive))
    return {
        "blocked": _milliseconds(max(0.0, timings.total - measured)),
        "dns": -1,
        "connect": _milliseconds(connect),
        "ssl": _milliseconds(timings.tls),
        # these three must not be negative
        "send": _milliseconds(timings.send or 0.0),
        "wait": _milliseconds(timings.wait or 0.0),
        "receive": _milliseconds(timings.receive or 0.0),
    }


def _milliseconds(seconds: float | None) -> float:
    return -1 if seconds is None else round(seconds * 1_000, 3)


def _masked(exchange: Exchange) -> Iterator[str]:
    """The places of the entry in which something is masked."""
    if MARK in exchange.uri:
        yield "request.url"
    yield from (f"request.headers.{name}" for name, value in exchange.request_headers if MARK in value)
    if MARK.encode() in exchange.request_body.data:
        yield "request.postData"
    yield from (f"response.headers.{name}" for name, value in exchange.headers if MARK in value)
    if MARK.encode() in exchange.body.data:
        yield "response.content"
