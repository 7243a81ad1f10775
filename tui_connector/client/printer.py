"""How an exchange is printed: in one line, long, in full, or as a command that repeats it."""

from __future__ import annotations

import contextlib
import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal
from urllib.parse import urlsplit

from ..text import Shown, shown, shown_line
from .curl import curl
from .error_message import error_message
from .exchange import Exchange, KeptBody, Timings
from .message import Headers

Formatter = Literal["simple", "long", "full", "curl"]
LONG = 1_000
"""Characters of a body in the long format."""


class Role(StrEnum):
    """What a line is, for whoever colours it."""

    HEAD = "head"
    REQUEST = "request"
    GOOD = "good"
    BAD = "bad"
    HEADER = "header"
    BODY = "body"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """One line, safe to show."""

    role: Role
    text: Shown


def text(exchange: Exchange, formatter: str, *, profile: str | None = None, client: str | None = None) -> str:
    """The exchange as text, for where there is no screen."""
    if formatter == "simple":
        return simple(exchange)
    if formatter == "curl":
        return curl(exchange, profile, client)
    return "\n".join(line.text for line in lines(exchange, full=formatter == "full"))


def simple(exchange: Exchange) -> Shown:
    """Number, method, path, status or failure, milliseconds, and the store's words where it refused."""
    said = exchange.failure_text or (error_message(exchange.body.data) if exchange.failed else exchange.note)
    status = exchange.status if exchange.status is not None else "—"
    request = f"{exchange.method} {path_of(exchange.uri)}"
    parts = [f"#{exchange.number}", request, str(status), milliseconds(exchange.timings.total), said]
    return shown_line("  ".join(part for part in parts if part))


def lines(exchange: Exchange, *, full: bool = False) -> Iterator[PrintedLine]:
    """Head, request line, headers, body, then the same for the response; bodies to 1,000 characters unless `full`."""
    attempt = f" · attempt {exchange.attempt}" if exchange.attempt > 1 else ""
    note = f" · {exchange.note}" if exchange.note else ""
    at = exchange.at.strftime("%H:%M:%S.%f")[:-3]
    head = f"#{exchange.number} · {at} · {exchange.purpose}{attempt}{note}"
    yield PrintedLine(Role.HEAD, shown_line(head))
    yield PrintedLine(Role.REQUEST, shown_line(f"{exchange.method} {exchange.uri}"))
    yield from _headers(exchange.request_headers)
    if exchange.request_body.size:
        yield PrintedLine(Role.BODY, Shown(""))
        yield from _body(exchange.request_body, full=full)
    yield PrintedLine(Role.BODY, Shown(""))
    if exchange.status is not None:
        role = Role.GOOD if exchange.status < 400 else Role.BAD
        yield PrintedLine(role, shown_line(f"{exchange.status} {exchange.reason}"))
        yield from _headers(exchange.headers)
        yield PrintedLine(Role.BODY, Shown(""))
        yield from _body(exchange.body, full=full)
    if exchange.failure_text:
        yield PrintedLine(Role.BAD, shown_line(f"✘ {exchange.failure_text}"))
    said = error_message(exchange.body.data) if exchange.failed else ""
    if said and "%" in exchange.body.data.decode("utf-8", "replace"):
        yield PrintedLine(Role.NOTE, shown_line(f"→ {said}"))
    yield PrintedLine(Role.NOTE, shown_line(_figures(exchange)))


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1_000:.0f} ms"


def path_of(uri: str) -> str:
    """Path and query of an address."""
    try:
        parts = urlsplit(uri)
    except ValueError:  # an address in a file of another tool
        return uri
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _headers(headers: Headers) -> Iterator[PrintedLine]:
    for name, value in headers:
        yield PrintedLine(Role.HEADER, shown_line(f"{name}: {value}"))


def _body(body: KeptBody, *, full: bool) -> Iterator[PrintedLine]:
    if not body.data:
        yield PrintedLine(
            Role.NOTE, shown_line(f"({body.size} bytes: {body.note or 'not kept'})" if body.size else "(empty)")
        )
        return
    if "html" in body.media_type and not full:
        yield PrintedLine(Role.NOTE, shown_line(f"HTML page “{page_title(body.data)}”, {body.size} bytes"))
        return
    if is_binary(body.data):
        yield PrintedLine(Role.NOTE, shown_line(f"{body.size} bytes, not text: {body.data[:32].hex(' ')} …"))
        return
    content = body.data.decode("utf-8", "replace")
    limit = len(content) if full else LONG
    for line in shown(content[:limit]).split("\n"):
        yield PrintedLine(Role.BODY, Shown(line))
    if len(content) > limit or body.cut:
        yield PrintedLine(Role.NOTE, shown_line(f"… {body.size} bytes in all"))


def page_title(page: bytes) -> str:
    """What an HTML page calls itself."""
    match = re.search(rb"<title[^>]*>(.{0,300}?)</title>", page[:20_000], re.IGNORECASE | re.DOTALL)
    return " ".join(html.unescape(match[1].decode("utf-8", "replace")).split()) if match else "without a title"


def is_binary(data: bytes) -> bool:
    """Whether this looks like no text in any encoding that has ASCII in it."""
    start = data[:1_000]
    return start.count(b"\0") > 0 or sum(byte < 9 or 13 < byte < 27 for byte in start) > len(start) // 10


def _figures(exchange: Exchange) -> str:
    times: Timings = exchange.timings
    parts = [
        ("connect", times.connect),
        ("TLS", times.tls),
        ("send", times.send),
        ("wait", times.wait),
        ("receive", times.receive),
    ]
    measured = " · ".join(f"{name} {milliseconds(value)}" for name, value in parts if value is not None)
    reused = "connection reused · " if times.reused else ""
    body = exchange.body
    sizes = f"{body.size} bytes"
    if body.wire_size is not None:
        sizes = f"{body.wire_size} bytes transferred, {body.size} decompressed"
    return f"{milliseconds(times.total)} in all · {reused}{measured}{' · ' if measured else ''}{sizes}"


def pretty(body: KeptBody) -> list[Shown]:
    """A JSON body, indented; anything else, or what is nested too deeply, as it came."""
    content = body.data.decode("utf-8", "replace")
    with contextlib.suppress(ValueError, RecursionError):
        content = json.dumps(json.loads(content), indent=2, ensure_ascii=False)
    return [Shown(line) for line in shown(content).split("\n")]
