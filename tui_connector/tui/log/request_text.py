"""A request as a text that can be edited: method and URI, headers, an empty line, the body."""

from __future__ import annotations

import re

from ...client.message import Headers, Request

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2


class BadRequest(ValueError):
    """A text that is no request; the message says in which line."""


def as_text(request: Request) -> str:
    """The request as text. A body that is no UTF-8 loses what is none."""
    head = [f"{request.method} {request.uri}", *(f"{name}: {value}" for name, value in request.headers)]
    return "\n".join(head) + "\n\n" + request.body.decode("utf-8", "replace")


def from_text(text: str) -> Request:
    """The request that this text says. Raises `BadRequest`."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    first, _, headers = head.partition("\n")
    method, _, uri = first.strip().partition(" ")
    if not re.fullmatch(r"[A-Za-z]+", method) or not uri.strip():
        raise BadRequest("Line 1 must be a method and a URI, such as: GET products/24-MB01")
    body = body.removesuffix("\n")  # editors end the last line
    return Request(method.upper(), uri.strip(), headers_of(headers, first_line=2), body.encode())


def headers_of(text: str, *, first_line: int = 1) -> Headers:
    """The headers in these lines. Raises `BadRequest`."""
    headers = []
    for number, line in enumerate(text.split("\n"), start=first_line):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon or not _NAME.fullmatch(name.strip()):
            raise BadRequest(f"Line {number} of the headers is no “Name: value”: {line[:60]}")
        headers.append((name.strip(), value.strip()))
    return tuple(headers)
