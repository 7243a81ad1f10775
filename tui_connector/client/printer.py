"""How an exchange is printed: in one line, long, in full, or as a command that repeats it.

The only place that knows these formats: `blocks` yields the lines for the log panel, for headless runs and for copies.
"""

from __future__ import annotations

import codecs
import re
import sys
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from typing import Literal
from urllib.parse import urlsplit

from ..text import Shown, page_title, shown, shown_line
from ..units import milliseconds, size
from .curl import curl
from .error_message import error_message
from .exchange import Exchange, KeptBody, Timings
from .json_text import indented, unescaped
from .message import Headers, header_of

Formatter = Literal["simple", "long", "full", "curl"]
LONG = 1_000
"""Characters of a body in the long format."""
_LONGEST_DUMP = 64_000
_LONGEST_ERROR = 64_000
"""Bytes of a response that are read for the store's words: Magento's errors are short, with a trace some kilobytes."""
_PIECE = 200_000
"""Characters cleaned in one go: longer ones would hold up the keys, for a thread shares the interpreter."""
_CHARSET = re.compile(r"charset\s*=\s*\"?([A-Za-z0-9._:-]+)", re.IGNORECASE)


class Role(Enum):
    """What a line is, for whoever colours it."""

    HEAD = auto()
    GOOD = auto()
    BAD = auto()
    TIMINGS = auto()
    REQUEST = auto()
    HEADER = auto()
    BODY = auto()
    JSON = auto()
    """A body that is indented JSON."""
    NOTE = auto()
    CUT = auto()
    """Says that only the beginning is printed."""
    PAGE = auto()
    """Stands for an HTML page."""


Block = tuple[Role, Sequence[str]]
"""Lines of one role, safe to show."""


def text(exchange: Exchange, formatter: str, *, profile: str | None = None, client: str | None = None) -> str:
    """The exchange as text, bodies as they came."""
    printed = blocks(exchange, formatter, profile=profile, client=client)
    return "\n".join(line for _, lines in printed for line in lines)


def blocks(
    exchange: Exchange,
    formatter: str,
    *,
    pretty: bool = False,
    longest: int = sys.maxsize,
    profile: str | None = None,
    client: str | None = None,
) -> Iterator[Block]:
    """The exchange in this format; `pretty` indents JSON. `longest` bytes of each body are read.

    A command longer than that is cut, too. `profile` and `client` are those that the command for curl names.
    """
    if formatter == "simple":
        yield Role.GOOD if not exchange.failed else Role.BAD, [simple(exchange)]
    elif formatter == "curl":
        command = curl(exchange, profile, client)
        yield Role.REQUEST, shown(command[:longest]).split("\n")
        if len(command) > longest:
            yield Role.CUT, [f"… the first {size(longest)} of the command are shown"]
    else:
        bodies = _Bodies(full=formatter == "full", pretty=pretty, longest=longest)
        yield from _summary(exchange)
        yield from _messages(exchange, bodies)


def simple(exchange: Exchange) -> Shown:
    """Number, method, path, status or failure, milliseconds, and the store's words where it refused."""
    status = str(exchange.status if exchange.status is not None else "—")
    request = f"{exchange.method} {path_of(exchange.uri)}"
    said = _said(exchange) or exchange.note
    parts = [f"#{exchange.number}", request, status, milliseconds(exchange.timings.total), said]
    return shown_line("  ".join(part for part in parts if part))


def path_of(uri: str) -> str:
    """Path and query of an address."""
    try:
        parts = urlsplit(uri)
    except ValueError:  # an address in a file of another tool
        return uri
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _summary(exchange: Exchange) -> Iterator[Block]:
    """What happened, at a glance: number and purpose, status and size, the store's words, and the timings."""
    at = exchange.at.strftime("%H:%M:%S.%f")[:-3]
    attempt = f"attempt {exchange.attempt}" if exchange.attempt > 1 else ""
    parts = [f"#{exchange.number}", at, exchange.purpose, f"client {exchange.client}", attempt, exchange.note]
    yield Role.HEAD, [shown_line(" · ".join(part for part in parts if part))]
    status = f"{exchange.status} {exchange.reason}".strip() if exchange.status is not None else "no response"
    wire = exchange.body.wire_size
    sizes = size(exchange.body.size) + ("" if wire is None else f", {size(wire)} transferred")
    result = shown_line(f"{status} · {milliseconds(exchange.timings.total)} · {sizes}")
    yield Role.BAD if exchange.failed else Role.GOOD, [result]
    if said := _said(exchange):
        yield Role.BAD, [shown_line(f"✘ {said}")]
    if timings := _timings(exchange.timings):
        yield Role.TIMINGS, [timings]


def _said(exchange: Exchange) -> str:
    said = error_message(exchange.body.data[:_LONGEST_ERROR]) if exchange.failed else ""
    return exchange.failure_text or said


def phases(timings: Timings) -> list[tuple[str, float]]:
    """The measured phases of a request and their seconds."""
    names = ("connect", "TLS", "send", "wait", "receive")
    values = (timings.connect, timings.tls, timings.send, timings.wait, timings.receive)
    return [(name, value) for name, value in zip(names, values, strict=True) if value is not None]


def _timings(timings: Timings) -> str:
    measured = [f"{name} {milliseconds(value)}" for name, value in phases(timings)]
    return " · ".join(["connection reused", *measured] if timings.reused else measured)


def _messages(exchange: Exchange, bodies: _Bodies) -> Iterator[Block]:
    """The request, and the response where one came, as HTTP writes them (RFC 9112)."""
    yield Role.REQUEST, ["", shown_line(f"{exchange.method} {path_of(exchange.uri)} HTTP/1.1")]
    headers = exchange.request_headers
    if header_of(headers, "Host") is None:  # added when it is sent
        headers = (("Host", _host(exchange.uri)), *headers)
    yield from _headers(headers)
    if exchange.request_body.size:
        yield Role.NOTE, [""]
        yield from bodies.printed(exchange.request_body, headers)
    if exchange.status is not None:
        role = Role.BAD if exchange.failed else Role.GOOD
        yield role, ["", shown_line(f"HTTP/1.1 {exchange.status} {exchange.reason}".rstrip())]
        yield from _headers(exchange.headers)
        yield Role.NOTE, [""]
        yield from bodies.printed(exchange.body, exchange.headers)


def _host(uri: str) -> str:
    try:
        return urlsplit(uri).netloc.rpartition("@")[2]
    except ValueError:
        return ""


def _headers(headers: Headers) -> Iterator[Block]:
    yield Role.HEADER, [shown_line(f"{name}: {value}") for name, value in headers]


class _Bodies:
    """How bodies are printed."""

    def __init__(self, *, full: bool, pretty: bool, longest: int) -> None:
        self._full, self._pretty, self._longest = full, pretty, longest

    def printed(self, body: KeptBody, headers: Headers) -> Iterator[Block]:
        if not body.data:
            words = f"({size(body.size)}: {body.note or 'not kept'})" if body.size else "(empty)"
            yield Role.NOTE, [shown_line(words)]
            return
        if "html" in body.media_type and (self._pretty or not self._full):
            title = page_title(body.data[:20_000].decode("utf-8", "replace"))
            page = f"HTML page “{title}”" if title else "untitled HTML page"
            yield Role.PAGE, [shown_line(f"{page}, {size(body.size)}")]
            return
        data = body.data[: self._longest]
        if is_binary(data):
            if self._full:
                yield Role.BODY, list(_dump(data[:_LONGEST_DUMP]))
                yield from _rest(body, min(self._longest, _LONGEST_DUMP))
            else:
                yield Role.CUT, [f"{size(body.size)}, not text: {data[:32].hex(' ')} …"]
            return
        limit = self._longest if self._full else min(LONG, self._longest)
        text, shown_bytes = _decoded(data, headers), limit
        if not self._full and len(text) > LONG:
            text = text[:LONG]
            shown_bytes = len(text.encode("utf-8", "replace"))
        json = indented(text.encode("utf-8", "replace")) if self._pretty else None
        yield (Role.BODY, _lines(text)) if json is None else (Role.JSON, _lines(unescaped(json)))
        yield from _rest(body, shown_bytes)


def _lines(content: str) -> list[str]:
    content = content.replace("\r\n", "\n")
    pieces = (content[start : start + _PIECE] for start in range(0, len(content), _PIECE))
    return "".join(map(shown, pieces)).split("\n")


def _decoded(data: bytes, headers: Headers) -> str:
    charset = _CHARSET.search(header_of(headers, "Content-Type") or "")
    try:
        codec = codecs.lookup(charset[1]).name if charset else "utf-8"
        return data.decode(codec, "replace")
    except (LookupError, UnicodeError, ValueError):
        return data.decode("utf-8", "replace")


def is_binary(data: bytes) -> bool:
    """Whether this looks like no text in any encoding that has ASCII in it."""
    start = data[:1_000]
    return start.count(b"\0") > 0 or sum(byte < 9 or 13 < byte < 27 for byte in start) > len(start) // 10


def _dump(data: bytes) -> Iterator[str]:
    """Sixteen bytes a line: offset, hexadecimal, and what is ASCII of them."""
    for start in range(0, len(data), 16):
        part = data[start : start + 16]
        letters = "".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in part)
        yield f"{start:08x}  {part[:8].hex(' '):<23}  {part[8:].hex(' '):<23}  {letters}"


def _rest(body: KeptBody, longest: int) -> Iterator[Block]:
    if len(body.data) > longest:
        yield Role.CUT, [f"… the first {size(longest)} of {size(body.size)} are shown"]
    elif body.cut:
        yield Role.NOTE, [f"… kept in part: the first {size(len(body.data))} of {size(body.size)}"]
