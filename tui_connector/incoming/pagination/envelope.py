"""What is in a response beside its items: a count, a cursor, a link."""

from __future__ import annotations

import re
from functools import cache

from ...errors import InvalidValue
from ...templates import Json, paths_read
from ...templates.expression import Budget, Expression
from ...text import beginning, without_secrets
from ..pages import Page, content_range, count_of
from ..raw_json import NotJson, elements, members, one_line, shape, value
from . import PaginationError

_HEADER = re.compile(r"""headers\.(?:"([^"]+)"|([A-Za-z_][A-Za-z0-9_]*))""")
_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_NAME = re.compile(r'"((?:[^"\\]|\\.)*)"|([A-Za-z_][A-Za-z0-9_]*)')
_NEXT_NAMES = frozenset(
    {
        *("next", "nextpage", "nextlink", "nexturl", "nexturi", "nexthref", "nextpageurl", "odatanextlink", "hasmore"),
        *("nextcursor", "nexttoken", "nextpagetoken", "hasnext", "hasnextpage", "continuationtoken", "morerecords"),
    }
)
"""DataPath under which responses say that more follows, in lower case and letters only."""
_FLAGS = frozenset({"hasmore", "hasnext", "hasnextpage", "morerecords", "more", "truncated", "istruncated"})
"""DataPath of flags that are true where a response does not hold the rest of the list."""
_PARTIAL_FLAGS = frozenset(
    {
        *("hasmore", "hasmoreitems", "hasmoreresults", "hasmorepages", "hasnext", "hasnextpage", "morerecords"),
        *("moreitems", "moreresults", "moreavailable", "incompleteresults", "partialresults", "exceededtransferlimit"),
        *("istruncated", "timedout", "terminatedearly"),
    }
)
"""The same in any of the objects around the items: these mean nothing else (GitHub, Elasticsearch, ArcGIS, …)."""
_END_FLAGS = frozenset({"last", "islast", "islastpage", "isfinal", "done", "isend", "endoflist"})
"""DataPath of flags that are false where more follows (Spring, Salesforce)."""
_TRUE = (b"true", b'"true"', b"1", b'"1"')
_UNTRUE = (b"false", b'"false"')
_FALSE = ("", "0", "false", "no", "off", "null", "none")
"""Flags as text, in lower case, that are not true."""
_DEEPEST = 4
_LONGEST_LINKS = 4_000
"""Bytes; a longer list beside the items is not one of links."""


def value_at(page: Page, expression: str) -> Json:
    """What the JMESPath finds in the response, None where that is nothing. A plain path does not decode the items.

    It reads the body, and under `headers` the response's headers by name. Raises `PaginationError`.
    """
    try:
        if header := _HEADER.fullmatch(expression):
            text = page.response.header(header[1] or header[2])
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
    except (NotJson, InvalidValue) as error:
        raise PaginationError(f"{expression!r} cannot be evaluated on the response: {error}") from error


def total_at(page: Page, expression: str | None) -> int | None:
    """How many items the list has by this expression, or by `total_count` without one."""
    if expression is None:
        return page.total
    found = value_at(page, expression)
    if isinstance(found, str):
        ranged = content_range(found)
        found = ranged if ranged is not None else found
        if found == "*":  # the server does not know it either
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
    """The body, with the response's headers under `headers`, beside what the body itself has there."""
    data = page.data()
    whole = dict(data) if isinstance(data, dict) else {}
    there = whole.get("headers")
    named: dict[str, Json] = dict(there) if isinstance(there, dict) else {}
    for name, text in reversed(page.response.headers):  # of one that is repeated, the first counts
        named |= {name: text, name.lower(): text}
    return {**whole, "headers": named}


@cache
def _reads_headers(expression: str) -> bool:
    paths = paths_read(_compiled(expression))
    return any(path[:1] in ((), ("headers",)) for path in paths) and "headers" in expression


def has_name_at(page: Page, expression: str) -> bool:
    """Whether the response has the name with which this expression ends, be its value null.

    Where the expression is not a plain path, the name may stand anywhere beside the items.
    """
    if header := _HEADER.fullmatch(expression):
        return page.response.header(header[1] or header[2]) is not None
    if _SIMPLE.fullmatch(expression):
        *way, last = expression.split(".")
        place = page.text
        for name in way:
            place = members(place).get(name, b"") if shape(place) == "object" else b""
        return shape(place) == "object" and last in members(place)
    names = [quoted.replace('\\"', '"') or plain for quoted, plain in _NAME.findall(expression)]
    return bool(names) and any(name == names[-1] for name, _ in _surrounding_members(page))


def next_page_name(page: Page) -> str | None:
    """The name under which the response says that more follows, whatever was configured; None where it does not."""
    for name, text in _surrounding_members(page):
        if re.sub("[^a-z]", "", name.lower()) in _NEXT_NAMES and text not in (b"null", b"false", b'""', b"0"):
            return name
    return None


def more_follows_flag(page: Page, expression: str | None = None) -> str | None:
    """The name of a flag by which the response says that it does not hold the rest of the list; None without one.

    It is looked for at the top, beside the items, and beside the name with which `expression` ends; names that cannot
    mean anything else also in the other objects around the items.
    """
    places = [page.text, page.envelope]
    if expression is not None and _SIMPLE.fullmatch(expression):
        place = page.text
        for name in expression.split(".")[:-1]:
            place = members(place).get(name, b"") if shape(place) == "object" else b""
        places.append(place)
    for place in places:
        for name, text in members(place).items() if shape(place) == "object" else ():
            plain = re.sub("[^a-z]", "", name.lower())
            if plain in _FLAGS and text.lower() in _TRUE:
                return name
            if plain in _END_FLAGS and text.lower() in _UNTRUE:
                return name
    for name, text in _surrounding_members(page, lists=False):
        if re.sub("[^a-z]", "", name.lower()) in _PARTIAL_FLAGS and text.lower() in _TRUE:
            return name
    return None


def is_true(found: Json) -> bool:
    """Whether a flag in a response is set; as text, "false" is not."""
    return found.strip().lower() not in _FALSE if isinstance(found, str) else bool(found)


def nothing_found_at(page: Page, expression: str, option: str, which: str = "first") -> str:
    """Says that this response has nothing there, what it has, and what to do."""
    place, way = page.text, list[str]()
    if _SIMPLE.fullmatch(expression):
        for name in expression.split(".")[:-1]:
            inner = members(place).get(name, b"") if shape(place) == "object" else b""
            if shape(inner) != "object" or not inner:
                break
            place, way = inner, [*way, name]
    named = list(members(place)) if shape(place) == "object" else []
    if expression.startswith("headers."):
        way, named = ["headers"], sorted({without_secrets(name).lower() for name, _ in page.response.headers})
    has = ", ".join(beginning(".".join([*way, name]), 60) for name in named[:12]) or "no names"
    more = f"; {found!r} says that more follows" if (found := next_page_name(page)) else ""
    return (
        f"Nothing at {expression!r} in the {which} response; it has: {has}{more}. "
        f'The list may go on: correct "{option}", then run again'
    )


def _surrounding_members(page: Page, *, lists: bool = True) -> list[tuple[str, bytes]]:
    """The names in the response beside the items, and their values; with those of short `lists` beside them."""
    found: list[tuple[str, bytes]] = []

    def collect(place: bytes, depth: int) -> None:
        if shape(place) == "object" and depth <= _DEEPEST:
            if page.items and one_line(place) == page.items[0]:
                return
            for name, text in members(place).items():
                found.append((name, text))
                collect(text, depth + 1)
            return
        if lists and shape(place) == "list" and depth <= _DEEPEST and len(place) < _LONGEST_LINKS:
            inside = elements(place)
            if not (inside and page.items and one_line(inside[0]) == page.items[0]):
                for element in inside:
                    collect(element, depth + 1)

    collect(page.text, 0)
    return found


@cache
def _compiled(expression: str) -> Expression:
    return Expression.compile(expression)
