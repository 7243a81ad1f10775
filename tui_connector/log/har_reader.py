"""Reads a HAR, of this program or of any other; secrets in it are masked before there is an exchange."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from ..client.exchange import Exchange, KeptBody, Timings
from ..client.message import Headers
from ..placeholder import Json
from ..secrets.mask import Mask, answers_with_a_token
from .json_fields import BadRecord, Fields, LogFailed
from .recording import Notice
from .written import failure_of, from_base64, purpose_of, timings_from_json

LARGEST = 512_000_000
"""Bytes of a file; it is read whole."""


class BadHar(LogFailed):
    """A file that is no HAR; `line` and `column` are where, as far as that can be said."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(f"{message} (line {line}, column {column})" if line is not None else message)
        self.message, self.line, self.column = message, line, column


def read(path: Path, mask: Mask | None = None) -> Iterator[Exchange | Notice]:
    """Each entry, or what is wrong with it. Raises `BadHar` for the whole file."""
    try:
        if path.stat().st_size > LARGEST:
            raise BadHar(f"{path}: larger than {LARGEST // 1_000_000} MB")
        data = path.read_bytes()
    except OSError as error:
        raise BadHar(f"{path}: {error.strerror or error}") from error
    try:
        yield from entries(data, mask or Mask())
    except BadHar as error:
        raise BadHar(f"{path}: {error.message}", error.line, error.column) from error


def entries(data: bytes, mask: Mask) -> Iterator[Exchange | Notice]:
    """The entries of a HAR's bytes."""
    whole = _parse(_decoded(data))
    log = whole.get("log") if isinstance(whole, dict) else None
    listed = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(listed, list):
        raise BadHar("it is JSON, and no HAR: there is no list log.entries")
    for number, each in enumerate(listed, 1):
        try:
            if not isinstance(each, dict):
                raise BadRecord("it is no object")
            yield _exchange(Fields(each), number, mask)
        except BadRecord as error:
            yield Notice(f"entry {number} is left out: {error}")


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "replace")


def _parse(text: str) -> Json:
    try:
        value: Json = json.loads(text)
    except json.JSONDecodeError as error:
        if not text.strip():
            raise BadHar("it is empty") from error
        cut = error.pos >= len(text.rstrip()) - 1 or error.msg.startswith("Unterminated")
        why = "it ends in the middle: it was cut off" if cut else f"it is no JSON: {error.msg}"
        raise BadHar(why, error.lineno, error.colno) from error
    except RecursionError as error:
        raise BadHar("it is nested too deeply to be a HAR") from error
    except ValueError as error:  # a number of 5,000 digits
        raise BadHar(f"it cannot be read: {error}") from error
    return value


def _exchange(fields: Fields, number: int, mask: Mask) -> Exchange:
    request, response = fields.inner("request"), fields.inner("response")
    if not request.has("url"):
        raise BadRecord("request.url is missing")
    uri = request.text("url")
    status = response.integer("status") or None
    error = fields.text("_error") or response.text("_error")
    nothing = "" if status is not None else "there is no answer in the file"
    number = fields.integer("_number", number)
    token = answers_with_a_token(uri) and status is not None and status < 300
    return Exchange(
        number=number,
        attempt=fields.integer("_attempt", 1),
        call=fields.integer("_call", number),
        client=fields.text("_client"),
        purpose=purpose_of(fields.text("_purpose")),
        formatter=fields.text("_formatter") or None,
        at=fields.moment("startedDateTime"),
        asked=None,
        method=request.text("method", "GET"),
        uri=mask.uri(uri),
        request_headers=_headers(request, mask),
        request_body=_body(request, request.inner("postData"), "_encoding", mask),
        status=status,
        reason=mask.text(response.text("statusText")),
        headers=_headers(response, mask),
        body=_body(response, response.inner("content"), "encoding", mask, secret=token),
        failure=failure_of(fields.text("_failure")),
        failure_text=mask.text(error or ("" if fields.has("_number") else nothing)),
        timings=_timings(fields),
        note=mask.text(fields.text("_note")),
    )


def _headers(message: Fields, mask: Mask) -> Headers:
    pairs = [_pair(each) for each in message.items("headers")]
    # HTTP/2's method and path stand among the headers of some tools
    return tuple((name, mask.header(name, value)) for name, value in pairs if not name.startswith(":"))


def _pair(value: Json) -> tuple[str, str]:
    match value:
        case {"name": str(name), "value": str(text)}:
            return name, text
    raise BadRecord("a header has no name and value")


def _body(message: Fields, content: Fields, encoding: str, mask: Mask, *, secret: bool = False) -> KeptBody:
    data, ours = _data(content, encoding), message.inner("_body")
    if ours.data:
        kind, note = ours.text("type"), ours.text("note")
        size, wire, cut = ours.integer("size"), ours.integer("wire-size"), ours.flag("cut")
    else:
        kind = content.text("mimeType").partition(";")[0].strip().lower()
        size = max(content.integer("size"), len(data))
        wire = max(message.integer("bodySize"), 0) or size
        note, cut = "" if data or not size else "not in the file", 0 < len(data) < size
    return KeptBody(mask.body(data, kind, secret_answer=secret), size, wire, kind, note, cut)


def _data(content: Fields, encoding: str) -> bytes:
    text = content.text("text")
    if content.text(encoding).lower() == "base64":
        return from_base64(text)
    if not text and content.items("params"):
        return urlencode([_parameter(each) for each in content.items("params")]).encode()
    return text.encode("utf-8", "surrogatepass")


def _parameter(value: Json) -> tuple[str, str]:
    match value:
        case {"name": str(name), **rest}:
            text = rest.get("value")
            return name, text if isinstance(text, str) else ""
    raise BadRecord("a parameter has no name")


def _timings(fields: Fields) -> Timings:
    if fields.has("_seconds"):
        return timings_from_json(fields.inner("_seconds"))
    spans = fields.inner("timings")
    dns, connect, tls = _seconds(spans, "dns"), _seconds(spans, "connect"), _seconds(spans, "ssl")
    if connect is not None:
        connect = round(max(0.0, connect - (tls or 0.0)) + (dns or 0.0), 9)
    send, wait, receive = _seconds(spans, "send"), _seconds(spans, "wait"), _seconds(spans, "receive")
    return Timings(connect, tls, send, wait, receive, _seconds(fields, "time") or 0.0)


def _seconds(spans: Fields, name: str) -> float | None:
    value = spans.number(name)
    return None if value is None or value < 0 else round(value / 1_000, 9)
