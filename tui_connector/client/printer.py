"""The formats of an exchange: simple, long, full and curl.

`blocks` yields the lines for the log panel, for headless runs and for copies.
"""

from __future__ import annotations

import codecs
import re
import sys
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from typing import Literal
from urllib.parse import urlsplit

from ..text import Shown, has_markup, page_title, shown, shown_line
from ..units import milliseconds, size
from .criteria_rows import shown_parameter
from .curl import curl
from .error_message import error_message
from .exchange import Exchange, RecordedBody, Timings
from .json_text import indented, unescaped
from .message import Headers, header_of
from .uri import parameters, readable

Formatter = Literal["simple", "long", "full", "curl"]
LONG_FORMAT_BODY = 1_000
"""Characters of a body in the long format."""
_MAX_DUMP = 64_000
_MAX_ERROR = 64_000
"""Bytes of a response that are searched for an error message; Magento's has some kilobytes with a stack trace."""
_MAX_EXCERPT = 300
"""Bytes of an error response whose first line is shown."""
_MAX_PAGE = 4_000
"""Bytes of an HTML page that is shown as it is where bodies are shown whole; of a longer one, title and size are."""
_CHUNK = 200_000
"""Characters sanitised at once; more would block the event loop, as threads share the interpreter."""
_CHARSET = re.compile(r"charset\s*=\s*\"?([A-Za-z0-9._:-]+)", re.IGNORECASE)


class Role(Enum):
    """The role of a line, which determines its colour."""

    SUMMARY = auto()
    SUCCESS = auto()
    REFUSED = auto()
    """A status of 4xx, even if a probe expects it."""
    ERROR = auto()
    TIMINGS = auto()
    REQUEST = auto()
    PARAMETER = auto()
    """A parameter of the query, as `name = value`."""
    HEADER = auto()
    BODY = auto()
    JSON = auto()
    """A body of indented JSON."""
    NOTE = auto()
    TRUNCATED = auto()
    """A note that only the beginning is shown."""
    PARTIAL = auto()
    """A note before a body that only its beginning was kept."""
    HTML = auto()
    """A summary in place of an HTML page."""


Block = tuple[Role, Sequence[str]]
"""Lines of one role, sanitised."""


def text(
    exchange: Exchange,
    formatter: str,
    *,
    profile: str | None = None,
    client: str | None = None,
    environment: str = "",
) -> str:
    """The exchange as text, with bodies as received."""
    printed = blocks(exchange, formatter, profile=profile, client=client, environment=environment)
    return "\n".join(line for _, lines in printed for line in lines)


def blocks(
    exchange: Exchange,
    formatter: str,
    *,
    pretty: bool = False,
    longest: int = sys.maxsize,
    profile: str | None = None,
    client: str | None = None,
    environment: str = "",
    unset: Sequence[str] = (),
) -> Iterator[Block]:
    """The exchange in this format. Bodies and commands are truncated to `longest` bytes.

    `pretty` decodes the query, one parameter per line, and indents JSON.

    `profile`, its `environment`, `client`, and the variables that are `unset` are named in the curl command.
    """
    if formatter == "simple":
        yield outcome(exchange), [simple(exchange)]
    elif formatter == "curl":
        command = curl(exchange, profile, client, environment, unset)
        yield Role.REQUEST, shown(command[:longest]).split("\n")
        if len(command) > longest:
            yield Role.TRUNCATED, [f"… the first {size(longest)} of the command are shown"]
    else:
        bodies = _BodyPrinter(full=formatter == "full", pretty=pretty, longest=longest)
        yield from _summary(exchange)
        yield from _messages(exchange, bodies, decoded=pretty)


def outcome(exchange: Exchange) -> Role:
    """The role of the lines with the outcome; never SUCCESS for a status of 400 or above, or a refusal."""
    if exchange.status is None and not exchange.failed:
        return Role.NOTE
    if exchange.status is None or exchange.status >= 500:
        return Role.ERROR
    return Role.REFUSED if exchange.status >= 400 or exchange.refusal is not None else Role.SUCCESS


def simple(exchange: Exchange) -> Shown:
    """One line: number, method, path, status, milliseconds, and the failure, the store's error message or a note."""
    status = str(exchange.status if exchange.status is not None else "—")
    request = f"{exchange.method} {path_and_query(exchange.uri)}"
    error = failure_message(exchange) or exchange.note
    parts = [f"#{exchange.number}", request, status, milliseconds(exchange.timings.total), error]
    return shown_line("  ".join(part for part in parts if part))


def path_and_query(uri: str) -> str:
    """The path and query of a URI, decoded for reading."""
    return readable(request_target(uri))


def request_target(uri: str) -> str:
    """The path and query of a URI as they are sent; an invalid URI is returned unchanged."""
    try:
        parts = urlsplit(uri)
    except ValueError:  # in a file of another tool
        return uri
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _summary(exchange: Exchange) -> Iterator[Block]:
    """Number and purpose, status and size, error message, and timings."""
    at = exchange.at.astimezone().strftime("%H:%M:%S.%f")[:-3]
    # the program's own requests go through the client that always exists: named, it would seem to be that of the run
    is_own = exchange.purpose in ("login", "probe") and exchange.client == "default"
    parts = [f"#{exchange.number}", at, exchange.purpose, "" if is_own else f"client {exchange.client}"]
    parts += [attempt_label(exchange), expected_label(exchange) if exchange.is_guess else "", exchange.note]
    yield Role.SUMMARY, [shown_line(" · ".join(part for part in parts if part))]
    status = f"{exchange.status} {exchange.reason}".strip() if exchange.status is not None else "no response"
    wire = exchange.body.wire_size
    sizes = size(exchange.body.size) + ("" if wire is None else f", {size(wire)} transferred")
    parts = [status, milliseconds(exchange.timings.total), sizes if exchange.status is not None or wire else ""]
    result = shown_line(" · ".join(filter(None, parts)))
    yield outcome(exchange), [result]
    if error := failure_message(exchange):
        yield outcome(exchange), [shown_line(f"✘ {error}" if exchange.failed or exchange.status is not None else error)]
    if timings := _timings(exchange.timings):
        yield Role.TIMINGS, [timings]


def attempt_label(exchange: Exchange) -> str:
    """Which attempt of its request it is; "" for the first one."""
    return f"attempt {exchange.attempt}" if exchange.attempt > 1 else ""


def expected_label(exchange: Exchange) -> str:
    """Why it does not count as a failure that it was refused or got no response; "" where it does, or was not."""
    if not exchange.expected:
        return ""
    return "guess" if exchange.is_guess else "expected"


def failure_message(exchange: Exchange) -> str:
    """Why an exchange failed: the program's words where there was no response, else the store's; "" for a success.

    Of a page the title, of other text the first line.
    """
    if exchange.failure_text or not exchange.failed:
        return exchange.failure_text
    if exchange.refusal is not None:
        return exchange.refusal.message
    return error_message(exchange.body.data[:_MAX_ERROR]) or _description(exchange.body)


def _description(body: RecordedBody) -> str:
    """What an error response without a message of its own contains; "" if that says nothing."""
    if _is_page(body):
        return _page(body)
    start = body.data[:_MAX_EXCERPT].lstrip()
    if start.startswith((b"{", b"[", b"<")) or is_binary(start):
        return ""
    return start.decode("utf-8", "replace").split("\n")[0].strip()


def _is_page(body: RecordedBody) -> bool:
    return "html" in body.media_type and has_markup(body.data)


def _page(body: RecordedBody) -> str:
    title = page_title(body.data[:20_000].decode("utf-8", "replace"))
    return f"HTML page “{title}”" if title else "untitled HTML page"


def phases(timings: Timings) -> list[tuple[str, float]]:
    """The measured phases of a request and their seconds, and as "other" what is left of the total.

    Rounded to milliseconds so that they add up to the rounded total, as long as that is printed in milliseconds.
    """
    names = ("connect", "TLS", "send", "wait", "receive")
    values = (timings.connect, timings.tls, timings.send, timings.wait, timings.receive)
    found = [(name, value) for name, value in zip(names, values, strict=True) if value is not None]
    rest = timings.total - sum(value for _, value in found)
    if not found or rest < -0.001:  # a file of another tool may say anything
        return found
    if rest >= 0.0005:
        found.append(("other", rest))
    if timings.total >= 10:
        return found
    whole = [int(value * 1_000) for _, value in found]
    missing = round(timings.total * 1_000) - sum(whole)
    largest = sorted(range(len(found)), key=lambda each: whole[each] - found[each][1] * 1_000)
    for each in largest[: max(0, missing)]:
        whole[each] += 1
    return [(name, each / 1_000) for (name, _), each in zip(found, whole, strict=True)]


def _timings(timings: Timings) -> str:
    measured = [f"{name} {milliseconds(value)}" for name, value in phases(timings)]
    return " · ".join(["connection reused", *measured] if timings.reused else measured)


def _parameter(name: str, value: str | None) -> str:
    shown = shown_parameter(name, None)  # a name such as "where qty > 5" is not one of the criteria
    return f"  {shown}" if value is None else f"  {shown} = {value}"


def _messages(exchange: Exchange, bodies: _BodyPrinter, *, decoded: bool) -> Iterator[Block]:
    """The request and the response, if any, as HTTP messages (RFC 9112), or with the query `decoded`."""
    target = request_target(exchange.uri)
    if decoded:
        path, _, query = target.partition("?")
        yield Role.REQUEST, ["", shown_line(f"{exchange.method} {readable(path)} HTTP/1.1")]
        if rows := [_parameter(name, value) for name, value in parameters(query)]:
            yield Role.PARAMETER, list(map(shown_line, rows))
    else:
        yield Role.REQUEST, ["", shown_line(f"{exchange.method} {target} HTTP/1.1")]
    headers = exchange.request_headers
    if header_of(headers, "Host") is None:  # added when it is sent
        headers = (("Host", _host(exchange.uri)), *headers)
    yield from _headers(headers)
    if exchange.request_body.size:
        yield Role.NOTE, [""]
        yield from bodies.blocks(exchange.request_body, headers)
    if exchange.status is not None:
        yield outcome(exchange), ["", shown_line(f"HTTP/1.1 {exchange.status} {exchange.reason}".rstrip())]
        yield from _headers(exchange.headers)
        yield Role.NOTE, [""]
        yield from bodies.blocks(exchange.body, exchange.headers)


def _host(uri: str) -> str:
    try:
        return urlsplit(uri).netloc.rpartition("@")[2]
    except ValueError:
        return ""


def _headers(headers: Headers) -> Iterator[Block]:
    yield Role.HEADER, [shown_line(f"{name}: {value}") for name, value in headers]


class _BodyPrinter:
    def __init__(self, *, full: bool, pretty: bool, longest: int) -> None:
        self._full, self._pretty, self._longest = full, pretty, longest

    def blocks(self, body: RecordedBody, headers: Headers) -> Iterator[Block]:
        if not body.data:
            words = f"({size(body.size)}: {body.note or 'not kept'})" if body.size else "(empty)"
            yield Role.NOTE, [shown_line(words)]
            return
        is_summarized = not self._full or (self._pretty and len(body.data) > _MAX_PAGE)
        if is_summarized and _is_page(body):
            yield Role.HTML, [shown_line(f"{_page(body)}, {size(body.size)}")]
            return
        data = body.data[: self._longest]
        if is_binary(data):
            if self._full:
                dump = Role.BODY, list(_hex_dump(data[:_MAX_DUMP]))
                yield from _with_extent(body, dump, min(self._longest, _MAX_DUMP))
            else:
                yield Role.TRUNCATED, [f"{size(body.size)}, not text: {data[:32].hex(' ')} …"]
            return
        limit = self._longest if self._full else min(LONG_FORMAT_BODY, self._longest)
        text, shown_bytes = _decoded(data, headers), limit
        if not self._full and len(text) > LONG_FORMAT_BODY:
            text = text[:LONG_FORMAT_BODY]
            shown_bytes = len(text.encode("utf-8", "replace"))
        json = indented(text.encode("utf-8", "replace")) if self._pretty else None
        block = (Role.BODY, _lines(text)) if json is None else (Role.JSON, _lines(unescaped(json)))
        yield from _with_extent(body, block, shown_bytes)


def _lines(content: str) -> list[str]:
    content = content.replace("\r\n", "\n")
    pieces = (content[start : start + _CHUNK] for start in range(0, len(content), _CHUNK))
    return "".join(map(shown, pieces)).split("\n")


def _decoded(data: bytes, headers: Headers) -> str:
    charset = _CHARSET.search(header_of(headers, "Content-Type") or "")
    try:
        codec = codecs.lookup(charset[1]).name if charset else "utf-8"
        return data.decode(codec, "replace")
    except (LookupError, UnicodeError, ValueError):
        return data.decode("utf-8", "replace")


def is_binary(data: bytes) -> bool:
    """Whether this does not look like text in an encoding based on ASCII."""
    start = data[:1_000]
    return start.count(b"\0") > 0 or sum(byte < 9 or 13 < byte < 27 for byte in start) > len(start) // 10


def _hex_dump(data: bytes) -> Iterator[str]:
    """Sixteen bytes a line: offset, hexadecimal and ASCII."""
    for start in range(0, len(data), 16):
        part = data[start : start + 16]
        letters = "".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in part)
        yield f"{start:08x}  {part[:8].hex(' '):<23}  {part[8:].hex(' '):<23}  {letters}"


def _with_extent(body: RecordedBody, block: Block, longest: int) -> Iterator[Block]:
    """The body, before it that it is incomplete, or after it that only `longest` bytes are shown."""
    is_shortened = len(body.data) > longest or body.has_whole
    if body.cut and not is_shortened:
        yield Role.PARTIAL, [f"Incomplete: only the first {size(len(body.data))} of {size(body.size)} were kept."]
    yield block
    if is_shortened:
        yield Role.TRUNCATED, [f"… the first {size(min(longest, len(body.data)))} of {size(body.size)} are shown"]
