"""The search criteria of a request: validated, added to, and as conditions of `where`."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from urllib.parse import quote

from ..client.criteria_rows import WITHOUT_VALUE, Condition
from ..client.message import Request
from ..client.model import RequestTemplate
from ..incoming.pagination import PaginationError
from ..templates import Scope
from .criteria import (
    Criteria,
    CriteriaFilter,
    CriteriaParser,
    Direction,
    Parameter,
    is_criteria,
    is_of_filter,
    uri_parameters,
)

_DATE = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?")


def with_criteria(
    request: Request,
    *,
    filters: tuple[CriteriaFilter, ...] = (),
    groups: tuple[tuple[CriteriaFilter, ...], ...] = (),
    order: tuple[tuple[str, Direction], ...] = (),
    size: int | None = None,
    page: int | None = None,
) -> Request:
    """`request` with these search criteria added: every one of `filters`, and one filter of each group, must match.

    The request's own filters stay, in groups before these (groups are ANDed, the filters of a group are ORed); its
    order and pages are replaced. The direction is always sent, as the default is DESC. The parameter is always
    written with "=": Magento omits a bare one from the text that it signs.

    Raises `PaginationError` for criteria that Magento would ignore.
    """
    head, others, criteria = _parsed(request.uri)
    criteria = replace(criteria, groups=(*criteria.groups, *groups, *((each,) for each in filters)))
    if order:
        criteria = replace(criteria, order=order)
    if size is not None:
        criteria = replace(criteria, page_size=str(size), current_page=None if page is None else str(page))
    pairs = list(criteria.pairs()) or [("searchCriteria", "")]
    query = [*others, *(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)]
    return replace(request, uri=f"{head}?{'&'.join(query)}")


def valid_criteria(request: Request) -> Request:
    """`request`, if its own criteria are valid. Raises `PaginationError` otherwise."""
    _parsed(request.uri)
    return request


def changed_since(request: Request, field: str, since: str) -> Request:
    """`request` limited to changes since then. Raises `PaginationError` if `since` is not a date in UTC.

    Magento ignores a date that it cannot parse, and responds with every row.
    """
    if not _DATE.fullmatch(since):
        raise PaginationError(f"{since!r} is not a date", 'Write it in UTC, as in "2026-01-31 08:30:00".')
    return with_criteria(request, filters=(CriteriaFilter(field, since, "gteq"),))


def between(request: Request, field: str, after: str | None, until: str | None) -> Request:
    """`request` limited to values above `after` and not above `until`, if given."""
    bounds = [(condition, value) for condition, value in (("gt", after), ("lteq", until)) if value is not None]
    return with_criteria(request, filters=tuple(CriteriaFilter(field, value, condition) for condition, value in bounds))


def end_of_list(request: Request, field: str, direction: Direction) -> Request:
    """The request for the first item in this order."""
    return with_criteria(request, order=((field, direction),), size=1, page=1)


@lru_cache(maxsize=64)
def _parsed(uri: str) -> tuple[str, tuple[str, ...], Criteria]:
    """The URI without its query, the other parameters as written, and the criteria."""
    head, _, query = uri.partition("#")[0].partition("?")
    others, params = [], []
    for part in filter(None, query.split("&")):
        each = Parameter.decoded(part, ())
        if is_criteria(each.name):
            params.append(each)
        else:
            others.append(part)
    parser = CriteriaParser()
    criteria = parser.parse(params)
    if parser.wrong:
        raise PaginationError(parser.wrong[0].message)
    return head, tuple(others), criteria


def filters_as_rows(uri: str) -> tuple[str, list[str]]:
    """The URI of a request without its filters, and these as rows of `where`; unchanged where rows cannot express them.

    Its other criteria, such as sort orders, stay in the URI.
    """
    try:
        RequestTemplate(uri=uri)
        criteria = _strict_criteria(uri)
        if criteria is None or not criteria.groups:
            return uri, []
        rows = [" or ".join(str(Condition(e.field, e.condition, e.value)) for e in group) for group in criteria.groups]
        head, _, query = uri.partition("?")
        kept = "&".join(part for part in query.split("&") if not is_of_filter(Parameter.decoded(part, ()).name))
        rest = f"{head}?{kept}" if kept else head
        sent = RequestTemplate(uri=rest, where=rows).request(Scope())
    except ValueError:  # such as a value that would be read as a placeholder
        return uri, []
    is_same = "".join(rows).isprintable() and _strict_criteria(sent.uri) == criteria
    return (rest, rows) if is_same else (uri, [])


def _strict_criteria(uri: str) -> Criteria | None:
    """The criteria in a URI, with one value wherever Magento ignores it; None if it would misread a part of them."""
    parser = CriteriaParser()
    criteria = parser.parse(each for each in uri_parameters(uri) if is_criteria(each.name))
    if parser.wrong or parser.adjusted:
        return None
    groups = (
        tuple(replace(each, value="1") if each.condition in WITHOUT_VALUE and each.value else each for each in group)
        for group in criteria.groups
    )
    return replace(criteria, groups=tuple(groups))
