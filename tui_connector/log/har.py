"""Exports the log as HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/), and reads HAR files of any tool.

Fields that start with `_`, which HAR allows, contain what it has no field for: number, attempt, call, purpose, and the
list of masked parts."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from .. import __version__
from ..client.exchange import Exchange, RecordedBody, Timings
from ..client.message import Headers, header_of
from ..secrets.mask import MARK, Mask, returns_token
from ..templates import Json
from .compressed import open_log
from .recording import Notice
from .records import (
    BadRecord,
    JsonFields,
    LogFailed,
    failure_of,
    purpose_of,
    refusal_from_json,
    refusal_to_json,
    text_of,
    timings_from_json,
    timings_to_json,
    token_from_json,
    token_to_json,
)

COMMENT = f"Secrets were masked when this was recorded: each is shown as {MARK}. Entries list the places in _masked."


def export(exchanges: Iterable[Exchange]) -> Iterator[bytes]:
    """The HAR in chunks, one for each exchange, so that a log of 64 MB is not in memory twice."""
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
    own: dict[str, Json] = {
        "_number": exchange.number,
        "_attempt": exchange.attempt,
        "_call": exchange.call,
        "_login": exchange.login,
        "_client": exchange.client,
        "_purpose": exchange.purpose,
        "_by-hand": exchange.by_hand,
        "_formatter": exchange.formatter,
        "_seconds": timings_to_json(exchange.timings),
        "_masked": list(_masked_parts(exchange)),
    }
    if exchange.typed_uri:
        own["_typed-uri"] = exchange.typed_uri
    if exchange.note:
        own["_note"] = exchange.note
    if exchange.failure is not None:
        own["_failure"] = exchange.failure.value
    if exchange.failure_text:
        own["_error"] = exchange.failure_text
    if exchange.refusal is not None:
        own["_refusal"] = refusal_to_json(exchange.refusal)
    if exchange.token is not None:
        own["_token"] = token_to_json(exchange.token)
    return {
        "startedDateTime": exchange.at.isoformat(),
        "time": sum(value for name, value in spans.items() if value > 0 and name != "ssl"),
        "request": _request(exchange),
        "response": _response(exchange),
        "cache": {},
        "timings": dict(spans),
        **own,
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
        "_body": _own_body_fields(body),
    }
    if body.data or body.size:
        kind = header_of(exchange.request_headers, "Content-Type") or body.media_type
        comment: dict[str, Json] = {"comment": text} if (text := _comment(body)) else {}
        request["postData"] = {"mimeType": kind, **_content(body, encoding="_encoding"), **comment}
    return request


def _response(exchange: Exchange) -> dict[str, Json]:
    body = exchange.body
    kind = header_of(exchange.headers, "Content-Type") or body.media_type or "x-unknown"
    content: dict[str, Json] = {"size": body.size, "mimeType": kind, **_content(body, encoding="encoding")}
    if body.wire_size and body.wire_size != body.size:
        content["compression"] = body.size - body.wire_size
    if comment := _comment(body):
        content["comment"] = comment
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
        "_body": _own_body_fields(body),
    }


def _content(body: RecordedBody, *, encoding: str) -> dict[str, Json]:
    if not body.data:
        return {"text": ""} if encoding == "_encoding" else {}
    text = text_of(body.data)
    if text is None:
        return {"text": base64.b64encode(body.data).decode(), encoding: "base64"}
    return {"text": text}


def _comment(body: RecordedBody) -> str:
    """Why a body is missing or incomplete; "" if it is whole."""
    if body.note or not (body.cut or body.is_missing):
        return body.note
    return f"only the first {len(body.data)} bytes were kept" if body.cut else "the body was not kept"


def _own_body_fields(body: RecordedBody) -> dict[str, Json]:
    """The fields of a body that HAR cannot represent."""
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
    """The names of cookies, with masked values."""
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load((header or "").replace(MARK, "masked"))
    except CookieError:
        return []
    return [{"name": name, "value": MARK} for name in jar]


def _query(uri: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(urlsplit(uri).query, keep_blank_values=True)
    except ValueError:  # an invalid URI of another tool
        return []


def _timings(timings: Timings) -> dict[str, float]:
    """Milliseconds, -1 if not applicable; `connect` includes `ssl`, and the sum is the total time."""
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


def _masked_parts(exchange: Exchange) -> Iterator[str]:
    """The parts of the entry that contain masked values."""
    if MARK in exchange.uri:
        yield "request.url"
    yield from (f"request.headers.{name}" for name, value in exchange.request_headers if MARK in value)
    if MARK.encode() in exchange.request_body.data:
        yield "request.postData"
    yield from (f"response.headers.{name}" for name, value in exchange.headers if MARK in value)
    if MARK.encode() in exchange.body.data:
        yield "response.content"


MAX_FILE = 512_000_000
"""Bytes of a decompressed file, which is read into memory."""
_MAX_LISTED = 5
"""Entries or kinds of faults that a notice lists."""
_STATUS = re.compile(r"\s*(?:HTTP/[\d.]+\s+)?([1-5]\d\d)\b")


def read(path: Path, mask: Mask | None = None) -> Iterator[Exchange | Notice]:
    """The entries of a file, and a notice of what could not be read. Raises `LogFailed` if that is all of it."""
    with open_log(path) as file:
        data = file.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise LogFailed(f"{path}: larger than {MAX_FILE // 1_000_000} MB", "har")
    try:
        for each in entries(data, mask or Mask()):
            yield Notice(f"{path}: {each.text}") if isinstance(each, Notice) else each
    except LogFailed as error:
        error.place = str(path)
        raise


def entries(data: bytes, mask: Mask) -> Iterator[Exchange | Notice]:
    """The entries of a HAR; a notice at the end summarizes what could not be read. Raises `LogFailed`."""
    whole = _parse(_decoded(data))
    log = whole.get("log") if isinstance(whole, dict) else None
    listed = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(listed, list):
        raise LogFailed("it is JSON but not HAR: there is no list log.entries", "har")
    faults = _FaultReport()
    for number, each in enumerate(listed, 1):
        try:
            if not isinstance(each, dict):
                raise BadRecord("it is not an object")
            yield _exchange(JsonFields(each, on_fault=faults.add), number, mask)
        except BadRecord as error:
            faults.skip_entry(number, str(error))
        faults.end_of_entry()
    if faults:
        yield Notice(faults.summary(len(listed)))


class _FaultReport:
    """Counts unreadable entries, and the unreadable parts of the others."""

    def __init__(self) -> None:
        self._entries: list[int] = []
        self._reasons: Counter[str] = Counter()
        self._parts: Counter[str] = Counter()
        self._current: set[str] = set()
        self._incomplete = 0

    def add(self, fault: str) -> None:
        self._current.add(fault)

    def skip_entry(self, number: int, reason: str) -> None:
        self._entries.append(number)
        self._reasons[reason] += 1
        self._current.clear()

    def end_of_entry(self) -> None:
        self._parts.update(self._current)
        self._incomplete += bool(self._current)
        self._current.clear()

    def __bool__(self) -> bool:
        return bool(self._entries or self._parts)

    def summary(self, count: int) -> str:
        parts = []
        if self._entries:
            numbers = ", ".join(map(str, self._entries[:_MAX_LISTED])) + (
                ", …" if len(self._entries) > _MAX_LISTED else ""
            )
            parts.append(
                f"{len(self._entries)} of {count} entries skipped (number {numbers}): {_common(self._reasons)}"
            )
        if self._parts:
            parts.append(
                f"{self._incomplete} of {count} entries shown without their unreadable parts: {_common(self._parts)}"
            )
        return "; ".join(parts)


def _common(counted: Counter[str]) -> str:
    """The most common ones, with their counts."""
    common = [f"{text} ({count} ×)" if count > 1 else text for text, count in counted.most_common(_MAX_LISTED)]
    return ", ".join(common) + (f", and {len(counted) - _MAX_LISTED} other kinds" if len(counted) > _MAX_LISTED else "")


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "replace")


def _parse(text: str) -> Json:
    try:
        value: Json = json.loads(text)
    except json.JSONDecodeError as error:
        if not text.strip():
            raise LogFailed("it is empty", "har") from error
        truncated = error.pos >= len(text.rstrip()) - 1 or error.msg.startswith("Unterminated")
        why = "it is truncated" if truncated else f"it is not valid JSON: {error.msg}"
        raise LogFailed(why, "har", error.lineno, error.colno) from error
    except RecursionError as error:
        raise LogFailed("it is nested too deeply to be a HAR", "har") from error
    except ValueError as error:  # a number of 5,000 digits
        raise LogFailed(f"it cannot be read: {error}", "har") from error
    return value


def _exchange(fields: JsonFields, number: int, mask: Mask) -> Exchange:
    request, response = fields.inner("request"), fields.inner("response")
    if not isinstance(request.data.get("url"), str):
        raise BadRecord("request.url is missing" if not request.has("url") else "request.url is not text")
    uri = request.text("url")
    status = _status(response)
    error = fields.any_text("_error") or response.any_text("_error")
    missing = ""
    if status is None and not fields.has("_number"):
        unreadable = response.data.get("status") not in (None, 0)
        missing = "the response's status is unreadable" if unreadable else "the file contains no response"
    number = fields.integer("_number", number)
    token = returns_token(uri) and status is not None and status < 300
    cached = _is_from_cache(fields, response)
    return Exchange(
        number=number,
        attempt=fields.integer("_attempt", 1),
        call=fields.integer("_call", number),
        login=fields.integer("_login"),
        by_hand=fields.flag("_by-hand"),
        typed_uri=mask.uri(typed_uri) if (typed_uri := fields.text("_typed-uri")) else "",
        client=fields.text("_client"),
        purpose=purpose_of(fields.text("_purpose")),
        formatter=fields.text("_formatter") or None,
        at=fields.moment("startedDateTime"),
        original=None,
        method=request.text("method", "GET"),
        uri=mask.uri(uri),
        request_headers=_headers_of(request, mask),
        request_body=_body(request, request.inner("postData"), "_encoding", mask),
        status=status,
        reason=mask.text(response.text("statusText")),
        headers=_headers_of(response, mask),
        body=_body(response, response.inner("content"), "encoding", mask, secret=token, cached=cached),
        failure=failure_of(fields.text("_failure")),
        failure_text=mask.text(error or missing),
        timings=_timings_of(fields, cached=cached),
        note=mask.text(fields.text("_note")) or ("from the browser's cache" if cached else ""),
        refusal=refusal_from_json(fields.inner("_refusal"), mask),
        token=token_from_json(fields.inner("_token")),
    )


def _status(response: JsonFields) -> int | None:
    """The status; some tools write a string with the reason phrase after it."""
    match response.data.get("status"):
        case str(text) if found := _STATUS.match(text):
            return int(found[1])
    return response.integer("status") or None


def _is_from_cache(fields: JsonFields, response: JsonFields) -> bool:
    """Whether the response came from a browser's cache, in the extensions of Chromium and Safari."""
    reported = fields.any_text("_fromCache"), fields.any_text("_fetchType"), response.any_text("_fetchType")
    return any(
        each.lower().replace("-", " ").split(" ")[0] in ("memory", "disk", "prefetch", "true") for each in reported
    )


def _headers_of(message: JsonFields, mask: Mask) -> Headers:
    listed = message.data.get("headers")
    # a few tools write an object instead of the list
    pairs = (
        list(listed.items())
        if isinstance(listed, dict)
        else [_pair(message, each) for each in message.items("headers")]
    )
    texts = [(name, _to_text(value)) for name, value in (pair for pair in pairs if pair is not None)]
    # some tools list the pseudo-headers of HTTP/2
    return mask.headers((name, value) for name, value in texts if not name.startswith(":"))


def _pair(message: JsonFields, value: Json) -> tuple[str, Json] | None:
    if isinstance(value, dict) and isinstance(name := value.get("name"), str):
        return name, value.get("value")
    message.fault("headers", "contain something that is not a name and a value")
    return None


def _to_text(value: Json) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


def _body(
    message: JsonFields, content: JsonFields, encoding: str, mask: Mask, *, secret: bool = False, cached: bool = False
) -> RecordedBody:
    (data, fault), own = _data(content, encoding), message.inner("_body")
    size: int
    wire: int | None
    if own.data:
        kind, note = own.text("type"), own.text("note")
        size, truncated = own.integer("size"), own.flag("cut")
        wire = own.integer("wire-size") if own.has("wire-size") else None
    else:
        kind = content.text("mimeType").partition(";")[0].strip().lower()
        size = max(content.integer("size"), len(data))
        wire = 0 if cached else _transferred_bytes(message, content, size)
        note, truncated = fault or ("" if data or not size else "not in the file"), 0 < len(data) < size
    return RecordedBody(mask.body(data, kind, secret_response=secret), size, wire, kind, note, truncated)


def _transferred_bytes(message: JsonFields, content: JsonFields, size: int) -> int | None:
    """Bytes transferred; None if the file does not say (`bodySize` -1)."""
    reported = message.integer("bodySize", -1)
    if reported >= 0:
        return reported
    saved = content.integer("compression")
    return size - saved if 0 < saved <= size else None


def _data(content: JsonFields, encoding: str) -> tuple[bytes, str]:
    """The body's bytes, and what is wrong with them, or ""."""
    text = content.text("text")
    if content.text(encoding).lower() == "base64":
        try:
            return base64.b64decode(text, validate=True), ""
        except (ValueError, binascii.Error):
            content.fault("text", "is not valid base64")
            return text.encode("utf-8", "surrogatepass"), "marked as base64 but is not: shown unchanged"
    if not text and content.items("params"):
        pairs = [_parameter(content, each) for each in content.items("params")]
        return urlencode([pair for pair in pairs if pair is not None]).encode(), ""
    return text.encode("utf-8", "surrogatepass"), ""


def _parameter(content: JsonFields, value: Json) -> tuple[str, str] | None:
    if isinstance(value, dict) and isinstance(name := value.get("name"), str):
        return name, _to_text(value.get("value"))
    content.fault("params", "contain something that is not a name and a value")
    return None


def _timings_of(fields: JsonFields, *, cached: bool) -> Timings:
    if fields.has("_seconds"):
        return timings_from_json(fields.inner("_seconds"))
    spans = fields.inner("timings")
    dns, connect, tls = _seconds(spans, "dns"), _seconds(spans, "connect"), _seconds(spans, "ssl")
    send, wait, receive = _seconds(spans, "send"), _seconds(spans, "wait"), _seconds(spans, "receive")
    blocked, total = _seconds(spans, "blocked"), _seconds(fields, "time")
    measured = sum(each or 0.0 for each in (blocked, dns, connect, send, wait, receive))
    if connect is not None:
        if tls is not None and not _is_separate(tls, connect, measured, total):
            connect -= tls
        connect = round(connect + (dns or 0.0), 9)
    reported = spans.has("connect") and not cached
    return Timings(connect, tls, send, wait, receive, round(measured, 9) if total is None else total, reported)


def _is_separate(tls: float, connect: float, measured: float, total: float | None) -> bool:
    """Whether `connect` does not include TLS, contrary to HAR 1.2, judging by the total time."""
    if tls > connect:
        return True
    return total is not None and abs(measured + tls - total) < abs(measured - total)


def _seconds(spans: JsonFields, name: str) -> float | None:
    value = spans.number(name)
    return None if value is None or value < 0 else round(value / 1_000, 9)
