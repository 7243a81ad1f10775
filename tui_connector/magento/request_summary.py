"""A request in a few words, for the rows of a list: the specific part of its path, and of its search criteria."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..client.uri import parameters, readable

_BEFORE_PATH = 8
"""Characters of "https://": the first slash after them starts the path."""
_MAX_LENGTH = 4_000
"""Characters of an address that are read."""
_COMMON = re.compile(r"/rest(?:/all)?/V1/(?=.)")
"""The start of a path that is left out: what nearly all requests have in common."""
_CRITERIA = re.compile(r"search_?criteria((?:\[[^\[\]]*\])*)", re.IGNORECASE)
_KEY = re.compile(r"\[([^\[\]]*)\]")
_SIGNS = {"eq": "=", "neq": "≠", "gt": ">", "lt": "<", "gteq": "≥", "moreq": "≥", "lteq": "≤", "from": "≥", "to": "≤"}
_WORDS = {"null": "is null", "notnull": "is not null"}


def request_summary(uri: str) -> str:
    """Such as "products · entity_id > 900 · page 3 · 100 per page"; other parameters as `name=value`."""
    path, _, query = _target(uri).partition("?")
    return " · ".join([_specific(path), *_telling(query)])


def criteria_summary(uri: str) -> str:
    """What is asked of a list, without its path; empty without a filter, which takes several parameters to write."""
    query = _target(uri).partition("?")[2]
    names = (_CRITERIA.fullmatch(name) for name, _ in parameters(query))
    return " · ".join(_telling(query)) if any(name and "filters" in name[1] for name in names) else ""


def request_path(uri: str) -> str:
    """The specific part of the path, decoded, such as "products"."""
    return _specific(_target(uri).partition("?")[0])


def _target(uri: str) -> str:
    """Path and query. Not by urlsplit, which takes as long as all the rest of a row."""
    start = uri.find("/", _BEFORE_PATH)
    return uri[start : start + _MAX_LENGTH] if start >= 0 else "/"


def _specific(path: str) -> str:
    start = _COMMON.match(path)
    return readable(path[start.end() :] if start else path)


def _telling(query: str) -> Iterator[str]:
    """The parts of a query, those that differ from page to page first."""
    filters: dict[tuple[str, str], dict[str, str]] = {}
    orders: dict[str, dict[str, str]] = {}
    page = size = ""
    others: list[tuple[str, str | None]] = []
    for name, value in parameters(query):
        match = _CRITERIA.fullmatch(name)
        keys = [key.replace("_", "").lower() for key in _KEY.findall(match[1])] if match else []
        match keys:
            case ["filtergroups", group, "filters", number, field]:
                filters.setdefault((group, number), {})[field] = value or ""
            case ["sortorders", number, field]:
                orders.setdefault(number, {})[field] = value or ""
            case ["currentpage"]:
                page = value or ""
            case ["pagesize"]:
                size = value or ""
            case _ if match is None or value:
                others.append((name, value))
    groups: dict[str, list[str]] = {}
    for (group, _), each in filters.items():
        groups.setdefault(group, []).append(_filter(each))
    yield from (" or ".join(group) for group in groups.values())
    if page:
        yield f"page {page}"
    yield from (name if value is None else f"{name}={value}" for name, value in others if name != "fields")
    if size:
        yield f"{size} per page"
    for order in orders.values():
        yield f"{'↓' if order.get('direction', '').upper() == 'DESC' else '↑'} {order.get('field', '')}"
    yield from (f"fields={value}" for name, value in others if name == "fields")  # long, and the same for all pages


def _filter(parts: dict[str, str]) -> str:
    condition = parts.get("conditiontype", "eq").lower()
    field, value = parts.get("field", ""), parts.get("value", "")
    if condition in _WORDS:
        return f"{field} {_WORDS[condition]}"
    return f"{field} {_SIGNS.get(condition, condition)} {value}"
