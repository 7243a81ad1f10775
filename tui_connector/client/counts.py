"""The counts in a response: how many items its list has, in the usual names and formats."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from .raw_json import json_type, members, plain_text

COUNT_HEADERS = ("x-total-count", "x-total", "x-wp-total", "x-pagination-total-count", "total-count")
PAGES_HEADERS = ("x-total-pages", "x-wp-totalpages", "x-pagination-page-count", "x-pagination-total-pages")
PAGES_NAMES = frozenset({"totalpages", "pagecount", "lastpage", "numberofpages", "pagestotal"})
"""Names of the number of pages, in lower case and letters only."""
COUNT_NAMES = frozenset(
    {
        *("totalcount", "count", "total", "totalelements", "totalitems", "totalresults", "totalrecords", "totalrows"),
        *("totalhits", "numfound", "recordcount", "recordstotal", "itemcount", "resultcount", "odatacount"),
    }
)
"""Names of counts, in lower case and letters only: Django REST framework, Spring, Hydra, OData, Solr and others."""
_COUNT_CONTAINERS = frozenset(
    {
        *("meta", "metadata", "pagination", "paging", "page", "pages", "pageinfo", "pageable", "pager", "info"),
        *("resultinfo", "links", "hits", "total", "response"),
    }
)
"""Names of objects that are searched for counts."""
_MAX_DEPTH = 3


def letters_of(name: str) -> str:
    """The letters of a name in lower case, to compare names in any spelling."""
    return re.sub("[^a-z]", "", name.lower())


def counts_in(container: bytes, names: frozenset[str], depth: int = 0) -> list[int | None]:
    """The counts in this object, and in those of its members that usually contain one."""
    if json_type(container) != "object":
        return []
    found: list[int | None] = []
    for name, text in members(container).items():
        letters = letters_of(name)
        if letters in names:
            found.append(count_in(text))
        if letters in _COUNT_CONTAINERS and depth < _MAX_DEPTH and json_type(text) == "object":
            found += counts_in(text, names | {"value"} if letters == "total" else names, depth + 1)
    return found


def count_members(container: bytes) -> Iterator[tuple[str, bytes]]:
    """The members of an object, and of those of its members that usually contain counts."""
    if json_type(container) != "object":
        return
    for name, text in members(container).items():
        yield name, text
        if letters_of(name) in _COUNT_CONTAINERS and json_type(text) == "object":
            yield from members(text).items()


_COUNT = re.compile(r"\d{1,4000}(\.0*)?|\d(\.\d+)?[eE]\+?\d{1,4}", re.ASCII)
_GROUPED = re.compile(r"\d{1,3}([,'’_ \u00a0\u2009\u202f])\d{3}(?:\1\d{3})*|\d{1,3}(?:\.\d{3}){2,}", re.ASCII)
"""A count with its thousands separated: 1,234 or 1.234.567. A single point may also be that of a fraction."""
_UNCLEAR = re.compile(r"(?:[<>]=?|[~≥≈])?\s*\d[\d.,'’_\s]*\+?", re.ASCII)
_AMOUNT = re.compile(r"\d+[.,]\d{1,2}", re.ASCII)
MAX_COUNT = 10**18
"""Larger counts are reduced to this, as the ledger stores integers of 64 bits."""
_CONTENT_RANGE = re.compile(r"(?:(?!bytes )\w+ )?(?:\d+-\d+|\*)/(\d+|\*)", re.ASCII | re.IGNORECASE)


def content_range(text: str) -> str | None:
    """The complete length in a Content-Range of items, "*" if it is unknown; None for anything else.

    The unit (RFC 9110 §14.4) may be any but bytes: items 0-99/2503. PostgREST omits it: 0-99/2503.
    """
    found = _CONTENT_RANGE.fullmatch(text)
    return found[1] if found else None


def count_of(text: str) -> int | None:
    """A count in a header or a JSON text, which may be a string ("250"); None for anything else.

    PHP and Lua write calculated numbers as floats: 250.0, 2.5e2. Text may separate thousands: 1,234.
    """
    text = text.strip().strip('"').strip()
    if _GROUPED.fullmatch(text):
        text = re.sub(r"\D", "", text)
    if not _COUNT.fullmatch(text):
        return None
    number = Decimal(text)
    if number >= MAX_COUNT:
        return MAX_COUNT
    return int(number) if number == number.to_integral_value() else None


def count_in(text: bytes) -> int | None:
    """The count in a JSON text; None for anything else."""
    return count_of(plain_text(text) if json_type(text) == "text" else text.decode("utf-8", "replace"))


def unclear_count(container: bytes) -> tuple[str, str] | None:
    """The name and text of a count that cannot be compared, such as "1000+" or "1.234"; None if there is none.

    An amount of money such as "19.95" is not a count.
    """
    for name, value in count_members(container):
        if letters_of(name) in COUNT_NAMES and json_type(value) == "text" and count_in(value) is None:
            text = plain_text(value).strip()
            if _UNCLEAR.fullmatch(text) and not _AMOUNT.fullmatch(text):
                return name, text
    return None
