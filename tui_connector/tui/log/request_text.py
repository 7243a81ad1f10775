"""A request as text that is edited: in the fields of a form, or whole, in an editor."""

from __future__ import annotations

import json
import re

from ...client.json_text import indented, unescaped
from ...client.message import METHODS, Headers, Request
from ...client.uri import absolute, canonical, parameters, readable
from ...errors import InvalidValue
from ...guide.query_lines import is_short
from ...invalid_json import why_invalid_json
from ...misspelling import did_you_mean
from ...text import HTTP_TOKEN

MAX_SHOWN = 50_000
"""Maximum size of a body that the form shows; a text area needs seconds for more."""
_COMMENTS = (
    "# Method and URI (parameters may continue on the next lines), headers, an empty line, the body.",
    "# Nothing is sent when you leave the editor: the request returns to the form.",
)


def to_text(request: Request) -> str:
    """The request as text: method and URI, headers, an empty line, the body as `editable` returns it."""
    path, lines = split_query(request.uri)
    uri = "\n    &".join([f"{path}?{lines[0]}", *lines[1:]]) if lines else path
    head = [*_COMMENTS, f"{request.method} {uri}", *(f"{name}: {value}" for name, value in request.headers)]
    return "\n".join(head) + "\n\n" + editable(request.body)


def editable(body: bytes) -> str:
    """A body as text, JSON indented as the log shows it. Invalid UTF-8 is replaced."""
    text = body.decode("utf-8", "replace")
    pretty = indented(body) if is_json(body) else None
    return text if pretty is None or len(pretty) > MAX_SHOWN else unescaped(pretty)


def edited_body(text: str, original: bytes) -> bytes:
    """The body that a text edited from `original` stands for: the same bytes where nothing was changed."""
    return original if text == editable(original) else text.encode()


def method_of(text: str) -> str:
    method = text.strip().upper()
    if method not in METHODS:
        raise InvalidValue("request-text", f"{text!r} is not a method{did_you_mean(method, METHODS)}")
    return method


def from_text(text: str) -> Request:
    """Parses a request from the format of `to_text`. Raises `InvalidValue`."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    lines = head.split("\n")
    start = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    method, _, uri = (lines[start] if start < len(lines) else "").strip().partition(" ")
    if not re.fullmatch(r"[A-Za-z]+", method) or not uri.strip():
        raise InvalidValue(
            "request-text", f"Line {start + 1} must be a method and a URI, such as: GET products/24-MB01"
        )
    uri, end = uri.strip(), start + 1
    while end < len(lines) and lines[end].strip().startswith("&"):
        uri, end = uri + lines[end].strip(), end + 1
    body = body.removesuffix("\n")  # editors end the last line
    return Request(method_of(method), uri, parse_headers("\n".join(lines[end:]), first_line=end + 1), body.encode())


def parse_headers(text: str, *, first_line: int = 1) -> Headers:
    """Parses lines of headers. Raises `InvalidValue`."""
    headers = []
    for number, line in enumerate(text.split("\n"), start=first_line):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon or not HTTP_TOKEN.fullmatch(name.strip()):
            raise InvalidValue("request-text", f"Line {number} of the headers is not “Name: value”: {line[:60]}")
        headers.append((name.strip(), value.strip()))
    return tuple(headers)


def split_query(uri: str) -> tuple[str, list[str]]:
    """The address and its parameters, each decoded where that means the same."""
    path, _, query = uri.partition("?")
    return _decoded(path), [_decoded(part, is_parameter=True) for part in query.split("&")] if query else []


def _decoded(part: str, *, is_parameter: bool = False) -> str:
    """A path or a parameter as it is typed; what would be sent with another meaning stays encoded."""
    decoded = readable(part)
    if decoded != decoded.strip() or (is_parameter and is_short(decoded)):
        return part  # spaces at the ends of a line are not sent, and search criteria in short are sent in full
    try:
        if is_parameter:
            sent = canonical(f"{_ANY_BASE}/?{decoded}").partition("?")[2]
            is_same = parameters(sent) == parameters(part)
        else:
            is_same = canonical(absolute(_ANY_BASE, decoded)) == canonical(absolute(_ANY_BASE, part))
    except InvalidValue:
        is_same = False
    return decoded if is_same else part


def encoded_as(uri: str, original: str) -> str:
    """`uri` with the parts that it has in common with the original as they were sent, escapes included."""
    if uri == _joined(original):
        return original
    sent_path, _, sent_query = original.partition("?")
    sent = {_decoded(part, is_parameter=True): part for part in sent_query.split("&")}
    path, mark, query = uri.partition("?")
    path = sent_path if path == _decoded(sent_path) else path
    return path + mark + "&".join(sent.get(part, part) for part in query.split("&"))


_ANY_BASE = "https://host.invalid"


def is_json(body: bytes) -> bool:
    """Whether the body is valid JSON."""
    return not json_fault(body)


def json_fault(body: bytes) -> str:
    try:
        json.loads(body)
    except (ValueError, RecursionError) as error:
        return why_invalid_json(error)
    return ""


def json_error(request: Request) -> str:
    """Where the body is not JSON but should be, by its content type; "" where nothing is wrong.

    Without one, Magento's REST API expects JSON or XML.
    """
    body, content_type = request.body.lstrip(), (request.header("Content-Type") or "").lower()
    if not body or ("json" not in content_type if content_type else body.startswith(b"<")):
        return ""
    fault = json_fault(request.body)
    return f"The body is not valid JSON: {fault}" if fault else ""


def is_lossy(body: bytes) -> bool:
    """Whether the body as text would lose something: invalid UTF-8."""
    return body.decode("utf-8", "replace").encode() != body


def _joined(uri: str) -> str:
    path, lines = split_query(uri)
    return f"{path}?{'&'.join(filter(None, lines))}" if lines else path
