"""What stands in an answer beside its items: a count, a cursor, a link."""

from __future__ import annotations

import re
from functools import cache

from ...placeholder import Json, reads
from ...placeholder.expression import Budget, Expression, ExpressionError
from ..page import Page
from ..raw_json import NotJson, members, shape, value
from . import PaginationError

_HEADER = re.compile(r"""headers\.(?:"([^"]+)"|([A-Za-z_][A-Za-z0-9_]*))""")
_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")


def beside(page: Page, expression: str) -> Json:
    """What the JMESPath finds in the response, None where that is nothing. A plain path does not decode the items.

    It reads the body, and under `headers` the response's headers by name. Raises `PaginationError`.
    """
    try:
        if header := _HEADER.fullmatch(expression):
            text = page.answer.header(header[1] or header[2])
            if text is not None:
                return text.strip()
        if _reads_headers(expression):
            return _compiled(expression).find(_with_headers(page), Budget())[0]
        if not _SIMPLE.fullmatch(expression):
            return _compiled(expression).find(page.data(), Budget())[0]
        place = page.text
        for name in expression.split("."):
            place = members(place).get(name, b"null") if shape(place) == "object" else b"null"
        return value(place)
    except (NotJson, ExpressionError) as error:
        raise PaginationError(f"{expression!r} cannot be worked out with the answer: {error}") from error


_CONTENT_RANGE = re.compile(r"\w+ (?:\d+-\d+|\*)/(\d+|\*)")
"""The value of Content-Range (RFC 9110 §14.4), with any unit: items 0-99/2503."""


def counted(page: Page, expression: str | None) -> int | None:
    """How many items the list has by this expression, or by `total_count` without one."""
    if expression is None:
        return page.total
    found = beside(page, expression)
    if isinstance(found, str):
        number = _CONTENT_RANGE.fullmatch(found)
        found = number[1] if number else found
        if found == "*":  # the server does not know it either
            return None
        found = int(found) if found.isascii() and found.isdecimal() and len(found) < 19 else found
    if found is None:
        return None
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise PaginationError(f"{expression!r} is no number of items in the answer", 'Correct "total".')
    return found


def _with_headers(page: Page) -> Json:
    """The body, with the response's headers under `headers`, beside what the body itself has there."""
    data = page.data()
    whole = dict(data) if isinstance(data, dict) else {}
    there = whole.get("headers")
    named: dict[str, Json] = dict(there) if isinstance(there, dict) else {}
    for name, text in reversed(page.answer.headers):  # of one that is repeated, the first counts
        named |= {name: text, name.lower(): text}
    return {**whole, "headers": named}


@cache
def _reads_headers(expression: str) -> bool:
    return any(names[:1] in ((), ("headers",)) for names in reads(_compiled(expression))) and "headers" in expression


@cache
def _compiled(expression: str) -> Expression:
    return Expression.compile(expression)
