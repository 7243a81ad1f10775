"""A request in a few words, for the rows of a list: the specific part of its path, and of its search criteria."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from ..client.criteria_rows import shown_field, shown_parameter, shown_value
from ..client.exchange import Exchange
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


class Part(NamedTuple):
    """A part of a summary. The higher its rank, the less it tells one request from another."""

    text: str
    rank: int

    @property
    def is_filter(self) -> bool:
        return self.rank in (_LIST, _LAST_FILTER, _FILTER)


_PATH, _LIST, _LAST_FILTER, _PAGE, _FILTER, _OTHER, _PAGE_SIZE, _ORDER, _FIELDS = range(9)


def request_summary(uri: str) -> str:
    """Such as "products · entity_id > 900 · page 3 · 100 per page"; other parameters as `name=value`."""
    return " · ".join([part.text for part in summary_parts(uri)])


@lru_cache(maxsize=500)
def summary_parts(uri: str) -> tuple[Part, ...]:
    """The parts of `request_summary`; the first one is the path."""
    path, _, query = _target(uri).partition("?")
    return (Part(_specific(path), _PATH), *_telling(query))


def least_telling(parts: Sequence[Part], others: Sequence[Sequence[Part]]) -> list[int]:
    """The indexes of all parts but the path, in the order in which they are left out where there is no room.

    `others`: the parts of other requests with the same path. What all of them have is left out first, and last what
    none of them has: that distinguishes this one.
    """
    shared = Counter(text for other in others for text in {part.text for part in other})

    def key(index: int) -> tuple[bool, bool, int, int]:
        found = shared[parts[index].text]
        return not found or found < len(others), not found, -parts[index].rank, index

    return sorted(range(1, len(parts)), key=key)


def conditions(uri: str) -> str:
    """The filters of search criteria, such as "qty > 5 and status = 1"; empty where there are none."""
    filters: dict[tuple[str, str], dict[str, str]] = {}
    for name, value in parameters(_target(uri).partition("?")[2]):
        match criteria_keys(name):
            case ["filtergroups", group, "filters", number, field]:
                filters.setdefault((group, number), {})[field] = value or ""
    return " and ".join(_groups(filters).values())


class Criterion(NamedTuple):
    """A filter of search criteria; `sign` is that of rows, such as "≥", or a word such as "like" or "is null"."""

    field: str
    sign: str
    value: str


@lru_cache(maxsize=500)
def criteria_of(uri: str) -> tuple[Criterion, ...]:
    """The filters of the search criteria of an address, whatever their groups."""
    filters: dict[tuple[str, str], dict[str, str]] = {}
    for name, value in parameters(_target(uri).partition("?")[2]):
        match criteria_keys(name):
            case ["filtergroups", group, "filters", number, field]:
                filters.setdefault((group, number), {})[field] = value or ""
    return tuple(map(_criterion, filters.values()))


def decoded_criteria(uri: str, longest: int = _MAX_LENGTH) -> tuple[list[tuple[str, str]], set[str]]:
    """Search criteria as rows to read (where, sort, page), and the names of the parameters that these stand for.

    Parameters with other names, which Magento may ignore, are not among them. `longest`: characters of the address that
    are read.
    """
    filters: dict[tuple[str, str], dict[str, str]] = {}
    orders: dict[str, dict[str, str]] = {}
    page = size = ""
    names: set[str] = set()
    for name, value in parameters(_target(uri, longest).partition("?")[2]):
        match criteria_keys(name):
            case ["filtergroups", group, "filters", number, "field" | "value" | "conditiontype" as field]:
                filters.setdefault((group, number), {})[field] = value or ""
            case ["sortorders", number, "field" | "direction" as field]:
                orders.setdefault(number, {})[field] = value or ""
            case ["currentpage"]:
                page = value or ""
            case ["pagesize"]:
                size = value or ""
            case _:
                continue
        names.add(name)
    rows = [("and" if number else "where", group) for number, group in enumerate(_groups(filters).values())]
    rows += [("sort", f"{each.get('field', '')} {each.get('direction', '')}".strip()) for each in orders.values()]
    paging = [page] if page else []
    paging += [f"{size} per page"] if size else []
    return rows + ([("page", ", ".join(paging))] if paging else []), names


def request_path(uri: str) -> str:
    """The specific part of the path, decoded, such as "products"."""
    return _specific(_target(uri).partition("?")[0])


def _target(uri: str, longest: int = _MAX_LENGTH) -> str:
    """Path and query, up to so many characters. Not by urlsplit, which takes as long as all the rest of a row."""
    start = uri.find("/", _BEFORE_PATH)
    return uri[start : start + longest] if start >= 0 else "/"


def _specific(path: str) -> str:
    start = _COMMON.match(path)
    return readable(path[start.end() :] if start else path)


@lru_cache(maxsize=1_000)
def criteria_keys(name: str) -> tuple[str, ...] | None:
    """The keys of a parameter of search criteria; None for another one."""
    match = _CRITERIA.fullmatch(name)
    return tuple(key.replace("_", "").lower() for key in _KEY.findall(match[1])) if match else None


def _groups(filters: Mapping[tuple[str, str], dict[str, str]]) -> dict[str, str]:
    """The text of each group by its number, of filters by the numbers of group and filter."""
    groups: dict[str, list[str]] = {}
    for (group, _), each in filters.items():
        groups.setdefault(group, []).append(_filter(each))
    return {number: " or ".join(group) for number, group in groups.items()}


def _ranks(filters: Mapping[tuple[str, str], dict[str, str]]) -> dict[str, int]:
    """The rank of each group of filters by its number: of a list of identifiers, the position in a list, or others."""
    found = {group: _criterion(each) for (group, _), each in filters.items()}
    starts = {each.field for each in found.values() if each.sign in (">", "≥")}
    # the end of a range is the same for all of its pages
    positions = [group for group, each in found.items() if each.sign not in ("<", "≤") or each.field not in starts]
    ranks = dict.fromkeys(found, _FILTER)
    ranks.update(dict.fromkeys(positions[-1:], _LAST_FILTER))
    # beside a list of what is looked up, conditions are the same for all of them
    return ranks | {group: _LIST for group, each in found.items() if each.sign == "in"}


def _telling(query: str) -> Iterator[Part]:
    """The parts of a query, those that differ from page to page first."""
    filters: dict[tuple[str, str], dict[str, str]] = {}
    orders: dict[str, dict[str, str]] = {}
    page = size = ""
    others: list[tuple[str, str | None]] = []
    for name, value in parameters(query):
        match criteria_keys(name):
            case ["filtergroups", group, "filters", number, field]:
                filters.setdefault((group, number), {})[field] = value or ""
            case ["sortorders", number, field]:
                orders.setdefault(number, {})[field] = value or ""
            case ["currentpage"]:
                page = value or ""
            case ["pagesize"]:
                size = value or ""
            case keys if keys is None or value:
                others.append((name, value))
    ranks = _ranks(filters)
    for number, text in _groups(filters).items():
        yield Part(text, ranks[number])
    if page:
        yield Part(f"page {page}", _PAGE)
    for name, value in others:
        if name != "fields":
            yield Part(shown_parameter(name, value), _OTHER)
    if size:
        yield Part(f"{size} per page", _PAGE_SIZE)
    for order in orders.values():
        direction = "↓" if order.get("direction", "").upper() == "DESC" else "↑"
        yield Part(f"{direction} {order.get('field', '')}", _ORDER)
    for name, value in others:
        if name == "fields":  # long, and the same for all pages
            yield Part(shown_parameter("fields", value), _FIELDS)


def _criterion(parts: dict[str, str]) -> Criterion:
    condition = parts.get("conditiontype", "eq").lower()
    field, value = parts.get("field", ""), parts.get("value", "")
    if condition in _WORDS:
        return Criterion(field, _WORDS[condition], "")
    return Criterion(field, _SIGNS.get(condition, condition), value)


def _filter(parts: dict[str, str]) -> str:
    return shown_criterion(_criterion(parts))


def shown_criterion(criterion: Criterion) -> str:
    """As rows show it, such as "entity_id > 900"."""
    field, sign, value = shown_field(criterion.field), criterion.sign, criterion.value
    if sign in _WORDS.values():
        return f"{field} {sign}"
    return f"{field} {sign if sign in _SIGNS.values() else shown_parameter(sign, None)} {shown_value(value, sign)}"


def first_entity(exchange: Exchange) -> str:
    """What identifies the first entity in the body of a request, such as "sku 24-MB01 …" if more follow; or ""."""
    if exchange.entity:
        return exchange.entity
    body = exchange.request_body.data[:_FIRST_BYTES]
    if exchange.purpose == "login" or (found := _IDENTIFIER.search(body)) is None:
        return ""
    name, value = found[1], found[2].strip(b'"').decode(errors="replace")
    if value in unquote(exchange.uri.partition("?")[0]):  # it is in the row already
        return ""
    more = " …" if body.count(b'"%s"' % name) > 1 else ""
    return f"{name.decode()} {value}{more}"


_FIRST_BYTES = 10_000
_IDENTIFIER = re.compile(
    rb'"(sku|increment_id|email|entity_id|order_id|customer_id|identifier|code|id)"\s*:\s*'
    rb'("[^"\\\x00-\x1f]{1,80}"|\d{1,20})'
)
"""A field that identifies an entity of Magento, and its value."""
