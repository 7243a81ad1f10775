"""Magento's search criteria: filters, order and pages in the query of a list."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import unquote_plus

from ..client.message import Request
from ..transfer.pagination import PaginationError

CONDITION_TYPES = (
    *("eq", "neq", "like", "nlike", "in", "nin", "is", "notnull", "null", "gt", "lt", "gteq", "lteq", "finset"),
    *("nfinset", "regexp", "from", "to", "seq", "sneq", "ntoa", "fulltext"),
)
"""Those Magento knows (Magento\\Framework\\DB\\Adapter\\Pdo\\Mysql); any other one finds nothing, silently."""

Direction = Literal["ASC", "DESC"]

_DATE = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?")
_GROUP = re.compile(r"search_?criteria\[filter_?groups\]\[(\d+)\]", re.IGNORECASE)
_CONDITION = re.compile(r"search_?criteria\[.*\[condition_?type\]", re.IGNORECASE)
_ORDER = re.compile(r"search_?criteria\[sort_?orders\]", re.IGNORECASE)
_PAGE = re.compile(r"search_?criteria\[(page_?size|current_?page)\]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition on a field."""

    field: str
    value: str
    condition: str = "eq"

    def __post_init__(self) -> None:
        if self.condition not in CONDITION_TYPES:
            known = ", ".join(CONDITION_TYPES)
            raise ValueError(f"{self.condition!r} is no condition type of Magento; it has {known}")


def searched(
    request: Request,
    *,
    filters: tuple[Filter, ...] = (),
    order: tuple[tuple[str, Direction], ...] = (),
    size: int | None = None,
    page: int | None = None,
) -> Request:
    """`request` with search criteria: all `filters` must hold, `order` always with its direction (none means DESC).

    Filters that the request brings stay, in groups before ours: groups are ANDed, the filters of one group are ORed. An
    order and pages of its own give way to ours. The parameter itself is always written with "=": Magento leaves a bare
    one out of what it signs.
    """
    request, groups = _without(request, order=bool(order), pages=size is not None)
    criteria: list[tuple[str, str]] = []
    for group, condition in enumerate(filters, groups):
        place = f"[filter_groups][{group}][filters][0]"
        criteria += [
            (f"{place}[field]", condition.field),
            (f"{place}[value]", condition.value),
            (f"{place}[condition_type]", condition.condition),
        ]
    for index, (field, direction) in enumerate(order):
        criteria += [(f"[sortOrders][{index}][field]", field), (f"[sortOrders][{index}][direction]", direction)]
    if size is not None:
        criteria.append(("[pageSize]", str(size)))
    if page is not None:
        criteria.append(("[currentPage]", str(page)))
    for name, value in criteria or [("", "")]:
        request = request.with_query(f"searchCriteria{name}", value)
    return request


def checked(request: Request) -> Request:
    """`request`, whose own condition types Magento knows. Raises `PaginationError`: it would find nothing, silently."""
    for name, value in _query(request):
        if _CONDITION.fullmatch(name) and value.lower() not in CONDITION_TYPES:
            known = ", ".join(CONDITION_TYPES)
            raise PaginationError(f"{value!r} is no condition type of Magento", f"It has {known}.")
    return request


def changed(request: Request, field: str, since: str) -> Request:
    """`request` for what has changed since then. Raises `PaginationError` where `since` is no date in UTC.

    A date that Magento cannot read is no limit to it: it answers with every row.
    """
    if not _DATE.fullmatch(since):
        raise PaginationError(f"{since!r} is no date", 'Write it in UTC, as in "2026-01-31 08:30:00".')
    return searched(request, filters=(Filter(field, since, "gteq"),))


def _query(request: Request) -> list[tuple[str, str]]:
    """Name and value of each parameter, decoded."""
    pairs = (part.partition("=") for part in request.uri.partition("?")[2].split("&") if part)
    return [(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs]


def _without(request: Request, *, order: bool, pages: bool) -> tuple[Request, int]:
    """The request without the order and the pages it brings, where ours come; and how many filter groups it has."""
    path, _, query = request.uri.partition("?")
    kept, groups = [], 0
    for part in filter(None, query.split("&")):
        name = unquote_plus(part.partition("=")[0])
        if group := _GROUP.match(name):
            groups = max(groups, int(group[1]) + 1)
        if not (order and _ORDER.match(name)) and not (pages and _PAGE.fullmatch(name)) and part != "searchCriteria=":
            kept.append(part)
    return replace(request, uri=path + ("?" + "&".join(kept) if kept else "")), groups
