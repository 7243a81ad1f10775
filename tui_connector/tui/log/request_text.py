"""A request as text that is edited: in the fields of a form, or whole, in an editor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import dropwhile
from typing import NamedTuple

from ...client.json_text import indented, unescaped
from ...client.message import METHODS, Headers, Request
from ...client.uri import absolute, canonical, parameters, readable
from ...errors import InvalidValue
from ...guide.requests.query_lines import is_short
from ...invalid_json import json_fault
from ...misspelling import did_you_mean
from ...text import HTTP_TOKEN

MAX_SHOWN = 50_000
"""Maximum size of a body that the form shows; a text area needs seconds for more."""
_COMMENTS = (
    "# Method and URI (parameters may continue on the next lines), headers, an empty line, the body.",
    "# Nothing is sent when you leave the editor: the request returns to the form.",
)


class InvalidField(InvalidValue):
    """A field of the form that is invalid."""

    def __init__(self, field: str, message: str) -> None:
        """`field` is the id of its widget."""
        super().__init__("request-text", message)
        self.field = field


@contextmanager
def in_field(field: str) -> Iterator[None]:
    """Whatever is invalid was found in this field."""
    try:
        yield
    except InvalidValue as error:
        raise InvalidField(field, error.message) from error


class WrittenRequest(NamedTuple):
    """A request as it was written in an editor; each part may be invalid."""

    method: str
    uri: str
    headers: str
    """One per line."""
    body: str


def to_text(method: str, path: str, query: Sequence[str], headers: str, body: str) -> str:
    """A request as text: method and URI, headers, an empty line, the body.

    `query` has a parameter in each line, and `headers` one header in each.
    """
    uri = "\n    &".join([f"{path}?{query[0]}", *query[1:]]) if query else path
    head = [*_COMMENTS, f"{method} {uri}", *filter(str.strip, headers.split("\n"))]
    return "\n".join(head) + f"\n\n{body}"


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


def from_text(text: str) -> WrittenRequest:
    """Divides a text in the format of `to_text`. Nothing of it is lost, whatever is wrong with its parts."""
    all_lines = text.replace("\r\n", "\n").split("\n")
    request = dropwhile(lambda line: not line.strip() or line.startswith("#"), all_lines)
    head, _, body = "\n".join(request).partition("\n\n")
    lines = head.split("\n")
    method, _, uri = lines[0].strip().partition(" ")
    uri, end = uri.strip(), 1
    while end < len(lines) and lines[end].strip().startswith("&"):
        uri, end = uri + lines[end].strip(), end + 1
    return WrittenRequest(method, uri, "\n".join(lines[end:]), body.removesuffix("\n"))  # editors end the last line


def header_lines(headers: Headers) -> str:
    return "\n".join(f"{name}: {value}" for name, value in headers)


def parse_headers(text: str) -> Headers:
    """Parses lines of headers. Raises `InvalidValue`."""
    headers = []
    for number, line in enumerate(text.split("\n"), start=1):
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
