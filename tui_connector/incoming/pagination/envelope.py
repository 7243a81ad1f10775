"""Reads what surrounds the items of a response: a count, a cursor, a link, a flag."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from ...client.counts import content_range, count_of, letters_of
from ...client.pages import Page
from ...client.raw_json import InvalidJson, decode_json, elements, json_type, members, one_line
from ...errors import InvalidValue
from ...templates import Json, paths_read
from ...templates.expression import Budget, Expression
from ...text import beginning, without_secrets
from . import PaginationError

_HEADER = re.compile(r"""headers\.(?:"([^"]+)"|([A-Za-z_][A-Za-z0-9_]*))""")
_PLAIN_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_NAME = re.compile(r'"((?:[^"\\]|\\.)*)"|([A-Za-z_][A-Za-z0-9_]*)')
_NEXT_NAMES = frozenset(
    {
        *("next", "nextpage", "nextlink", "nexturl", "nexturi", "nexthref", "nextpageurl", "odatanextlink", "hasmore"),
        *("nextcursor", "nexttoken", "nextpagetoken", "hasnext", "hasnextpage", "continuationtoken", "morerecords"),
    }
)
"""Names of members that mean that more follows, in lower case and letters only."""
_FLAGS = frozenset({"hasmore", "hasnext", "hasnextpage", "morerecords", "more", "truncated", "istruncated"})
"""Names of flags that are true if more follows."""
_PARTIAL_FLAGS = frozenset(
    {
        *("hasmore", "hasmoreitems", "hasmoreresults", "hasmorepages", "hasnext", "hasnextpage", "morerecords"),
        *("moreitems", "moreresults", "moreavailable", "incompleteresults", "partialresults", "exceededtransferlimit"),
        *("istruncated", "timedout", "terminatedearly"),
    }
)
"""The same in any object around the items, as these names are unambiguous (GitHub, Elasticsearch, ArcGIS, …)."""
_END_FLAGS = frozenset({"last", "islast", "islastpage", "isfinal", "done", "isend", "endoflist"})
"""Names of flags that are false if more follows (Spring, Salesforce)."""
_TRUE = (b"true", b'"true"', b"1", b'"1"')
_FALSE_JSON = (b"false", b'"false"')
_FALSE_TEXT = ("", "0", "false", "no", "off", "null", "none")
"""Strings, in lower case, that mean false."""
_MAX_DEPTH = 4
_MAX_LINKS = 4_000
"""Bytes; a longer list is not one of links."""


def value_at(page: Page, expression: str) -> Json:
    """The value of a JMESPath expression on the response, None if it finds nothing. Raises `PaginationError`.

    It reads the body, and the response's headers by name under `headers`. A plain path does not decode the items.
    """
    try:
        if header := _HEADER.fullmatch(expression):
            text = page.response.header(header[1] or header[2])
            if text is not None:
                return text.strip()
        if _reads_headers(expression):
            return _compiled(expression).find(_with_headers(page), Budget())[0]
        if not _PLAIN_PATH.fullmatch(expression):
            return _compiled(expression).find(page.data(), Budget())[0]
        return decode_json(_at_path(page.text, expression.split(".")) or b"null")
    except (InvalidJson, InvalidValue) as error:
        raise PaginationError(f"{expression!r} cannot be evaluated on the response: {error}") from error


def _at_path(text: bytes, path: Sequence[str]) -> bytes:
    """The JSON text at a path of names; empty if there is none."""
    for name in path:
        text = members(text).get(name, b"") if json_type(text) == "object" else b""
    return text


def total_at(page: Page, expression: str | None) -> int | None:
    """The total at `expression`, by default `total_count`; None if there is none. Raises `PaginationError`."""
    if expression is None:
        return page.total
    found = value_at(page, expression)
    if isinstance(found, str):
        ranged = content_range(found)
        found = ranged if ranged is not None else found
        if found == "*":  # unknown to the server
            return None
    if isinstance(found, str | float) and (number := count_of(str(found))) is not None:
        found = number
    if found is None:
        return None
    if isinstance(found, int) and not isinstance(found, bool):
        found = count_of(str(found)) if found >= 0 else found
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise PaginationError(f"{expression!r} is not a number of items in the response", 'Correct "total".')
    return found


def _with_headers(page: Page) -> Json:
    """The body with the response's headers under `headers`, merged with the body's own member of that name."""
    data = page.data()
    whole = dict(data) if isinstance(data, dict) else {}
    own_headers = whole.get("headers")
    names: dict[str, Json] = dict(own_headers) if isinstance(own_headers, dict) else {}
    for name, text in reversed(page.response.headers):  # the first of repeated headers takes precedence
        names |= {name: text, name.lower(): text}
    return {**whole, "headers": names}


@cache
def _reads_headers(expression: str) -> bool:
    paths = paths_read(_compiled(expression))
    return any(path[:1] in ((), ("headers",)) for path in paths) and "headers" in expression


def has_name_at(page: Page, expression: str) -> bool:
    """Whether the response has the last name of this expression, even if its value is null.

    If the expression is not a plain path, the name may be anywhere around the items.
    """
    if header := _HEADER.fullmatch(expression):
        return page.response.header(header[1] or header[2]) is not None
    if _PLAIN_PATH.fullmatch(expression):
        *path, last = expression.split(".")
        value_text = _at_path(page.text, path)
        return json_type(value_text) == "object" and last in members(value_text)
    names = [quoted.replace('\\"', '"') or plain for quoted, plain in _NAME.findall(expression)]
    return bool(names) and any(name == names[-1] for name, _ in _surrounding_members(page))


def next_page_name(page: Page) -> str | None:
    """The name of a member that means that more follows, independent of the configuration; None if there is none."""
    for name, text in _surrounding_members(page):
        if letters_of(name) in _NEXT_NAMES and text not in (b"null", b"false", b'""', b"0"):
            return name
    return None


def more_follows_flag(page: Page, expression: str | None = None) -> str | None:
    """The name of a flag that means that more follows, or None.

    Flags are read from the top level, from the object with the items, and from the one with the last name of
    `expression`; unambiguous names from all objects around the items.
    """
    objects = [page.text, page.envelope]
    if expression is not None and _PLAIN_PATH.fullmatch(expression):
        objects.append(_at_path(page.text, expression.split(".")[:-1]))
    for value_text in objects:
        for name, text in members(value_text).items() if json_type(value_text) == "object" else ():
            plain = letters_of(name)
            if plain in _FLAGS and text.lower() in _TRUE:
                return name
            if plain in _END_FLAGS and text.lower() in _FALSE_JSON:
                return name
    for name, text in _surrounding_members(page, lists=False):
        if letters_of(name) in _PARTIAL_FLAGS and text.lower() in _TRUE:
            return name
    return None


def is_true(found: Json) -> bool:
    """Whether a flag in a response is set; strings such as "false" are not."""
    return found.strip().lower() not in _FALSE_TEXT if isinstance(found, str) else bool(found)


def missing_value_message(page: Page, expression: str, option: str, which: str = "first") -> str:
    """The message that this response has no value at `expression`: what it has instead, and what to do."""
    value_text, path = page.text, list[str]()
    if _PLAIN_PATH.fullmatch(expression):
        for name in expression.split(".")[:-1]:
            inner = members(value_text).get(name, b"") if json_type(value_text) == "object" else b""
            if json_type(inner) != "object" or not inner:
                break
            value_text, path = inner, [*path, name]
    names = list(members(value_text)) if json_type(value_text) == "object" else []
    if expression.startswith("headers."):
        path, names = ["headers"], sorted({without_secrets(name).lower() for name, _ in page.response.headers})
    has = ", ".join(beginning(".".join([*path, name]), 60) for name in names[:12]) or "no names"
    more = f"; {found!r} says that more follows" if (found := next_page_name(page)) else ""
    return (
        f"Nothing at {expression!r} in the {which} response; it has: {has}{more}. "
        f'The list may go on: correct "{option}", then run again'
    )


def _surrounding_members(page: Page, *, lists: bool = True) -> list[tuple[str, bytes]]:
    """The members of the objects around the items; with `lists`, also those in short lists around them."""
    found: list[tuple[str, bytes]] = []

    def collect(value_text: bytes, depth: int) -> None:
        if json_type(value_text) == "object" and depth <= _MAX_DEPTH:
            if page.items and one_line(value_text) == page.items[0]:
                return
            for name, text in members(value_text).items():
                found.append((name, text))
                collect(text, depth + 1)
            return
        if lists and json_type(value_text) == "list" and depth <= _MAX_DEPTH and len(value_text) < _MAX_LINKS:
            inside = elements(value_text)
            if not (inside and page.items and one_line(inside[0]) == page.items[0]):
                for element in inside:
                    collect(element, depth + 1)

    collect(page.text, 0)
    return found


@cache
def _compiled(expression: str) -> Expression:
    return Expression.compile(expression)
