"""Query strings as PHP's parse_str reads them, and the search criteria in them as Magento reads and echoes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_plus

from .response import Json, Refusal, required
from .settings import Settings

Tree = dict[str, "str | Tree"]
_MAX_VARIABLES = 1000
"""PHP's max_input_vars; further variables are ignored."""
_MAX_NESTING = 64
"""PHP's max_input_nesting_level."""


def parse_query(query: str) -> Tree:
    """The query's values by name; `a[b][]=1` nests, `[]` counts from 0."""
    tree: Tree = {}
    for pair in query.split("&")[:_MAX_VARIABLES]:
        if pair:
            name, _, value = pair.partition("=")
            _insert(tree, _keys(unquote_plus(name)), unquote_plus(value))
    return tree


def _keys(name: str) -> list[str]:
    head, bracket, rest = name.partition("[")
    keys = [head.replace(".", "_").replace(" ", "_")]
    if not head or (bracket and "]" not in rest):
        return [name.replace(".", "_").replace(" ", "_").replace("[", "_")]
    while bracket and "]" in rest:
        inside, _, rest = rest.partition("]")
        keys.append(inside)
        between, bracket, rest = rest.partition("[")
        if between:
            break
    return keys


def _insert(tree: Tree, keys: list[str], value: str) -> None:
    if len(keys) > _MAX_NESTING or not keys[0]:
        return
    place = tree
    for key in keys[:-1]:
        inner = place.get(key or _next_index(place))
        if not isinstance(inner, dict):
            inner = {}
            place[key or _next_index(place)] = inner
        place = inner
    place[keys[-1] or _next_index(place)] = value


def _next_index(place: Tree) -> str:
    return str(1 + max((int(key) for key in place if key.isdecimal()), default=-1))


_MAX_INT = 2**63 - 1
"""PHP_INT_MAX; larger numbers are reduced to it."""
_NAME = re.compile(r"^[A-Za-z0-9_]+$")


@dataclass(frozen=True)
class StoreFilter:
    """One condition; `field` and `sent` are None if the query has none."""

    field: str | None
    sent: str | None
    condition: str

    @property
    def value(self) -> str:
        """The value to compare with; without one, an empty string."""
        return self.sent or ""


@dataclass(frozen=True)
class Sort:
    """One sort order; the default direction of Magento is descending."""

    field: str
    descending: bool


@dataclass(frozen=True)
class StoreCriteria:
    """Filter groups (AND between groups, OR within one), sort orders and the requested page."""

    groups: tuple[tuple[StoreFilter, ...], ...] = ()
    sorts: tuple[Sort, ...] = ()
    page_size: int | None = None
    current_page: int | None = None

    def window(self, found: int) -> tuple[int, int]:
        """Start and end of this page in the rows found.

        Without a size every page is everything; a negative size gives one row; pages below 1 are page 1; past the
        end is nothing (2.4.0 and later: magento2 issue 26986).
        """
        if not self.page_size:
            return 0, found
        size = max(self.page_size, 1)
        first = (max(self.current_page or 1, 1) - 1) * size
        return min(first, found), min(first + size, found)

    def echo(self) -> dict[str, Json]:
        """`search_criteria` of the response."""
        criteria: dict[str, Json] = {
            "filter_groups": [
                {"filters": [{"field": f.field, "value": f.sent, "condition_type": f.condition} for f in group]}
                for group in self.groups
            ]
        }
        if self.sorts:
            criteria["sort_orders"] = [
                {"field": sort.field, "direction": "DESC" if sort.descending else "ASC"} for sort in self.sorts
            ]
        if self.page_size is not None:
            criteria["page_size"] = self.page_size
        if self.current_page is not None:
            criteria["current_page"] = self.current_page
        return criteria


def read_criteria(query: Tree, settings: Settings) -> StoreCriteria:
    """The search criteria of a query.

    Raises `Refusal` 400 where they are absent, badly typed, hold an unknown name, or ask for too large a page while the
    input limits are on (framework/Webapi/Validator).
    """
    given = query.get("searchCriteria", query.get("search_criteria"))
    if given is None:
        raise required(["searchCriteria"])
    inner = given if isinstance(given, dict) else {}
    groups: tuple[tuple[StoreFilter, ...], ...] = ()
    sorts: tuple[Sort, ...] = ()
    size = page = None
    for name, value in inner.items():
        match snake(name):
            case "filter_groups":
                groups = tuple(_group(each) for each in _list_handler(value))
            case "sort_orders":
                sorts = tuple(_sort(each) for each in _list_handler(value))
            case "page_size":
                size = _integer(name, value)
            case "current_page":
                page = _integer(name, value)
            case _:
                raise unsupported(name)
    for group in groups:
        settings.check_length(len(group), "\\Magento\\Framework\\Api\\Filter")
    return StoreCriteria(groups, sorts, _check_page_size(size, settings), page)


def snake(name: str) -> str:
    """`filterGroups` as `filter_groups`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: "_" + found[1].lower(), name)


def unsupported(name: str) -> Refusal:
    """400 for a name that the data type does not have, reported in upper camel case (2.4.7 and later)."""
    camel = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    return Refusal(400, '"%fieldName" is not supported. Correct the field name and try again.', {"fieldName": camel})


def _check_page_size(size: int | None, settings: Settings) -> int | None:
    if not settings.flag("webapi/validation/input_limit_enabled"):
        return size
    if size is None:
        return settings.integer("webapi/validation/default_page_size")
    largest = settings.integer("webapi/validation/maximum_page_size")
    if size > largest:
        raise Refusal(400, "Maximum SearchCriteria pageSize is %max", {"max": largest})
    return size


def _list_handler(value: str | Tree) -> list[Tree]:
    return [each for each in value.values() if isinstance(each, dict)] if isinstance(value, dict) else []


def _group(tree: Tree) -> tuple[StoreFilter, ...]:
    return tuple(_filter(each) for each in _list_handler(tree.get("filters", {})))


def _filter(tree: Tree) -> StoreFilter:
    field: str | None = None
    value: str | None = None
    condition = "eq"
    for name, given in tree.items():
        text = given if isinstance(given, str) else ",".join(str(each) for each in given.values())
        match snake(name):
            case "field":
                field = text
            case "value":
                value = text
            case "condition_type":
                condition = text or "eq"
            case _:
                raise unsupported(name)
    return StoreFilter(field, value, condition)


def _sort(tree: Tree) -> Sort:
    field, direction = "", "DESC"
    for name, given in tree.items():
        text = given if isinstance(given, str) else ""
        match snake(name):
            case "field":
                field = text
            case "direction":
                direction = text.upper()
            case _:
                raise unsupported(name)
    if direction not in ("ASC", "DESC"):
        text = "The sort order has to be specified as %1 for ascending order or %2 for descending order."
        raise Refusal(400, text, ["ASC", "DESC"])
    if not _NAME.match(field):
        raise Refusal(400, "Sort order field %1 contains restricted symbols", [field])
    return Sort(field, direction == "DESC")


def _integer(name: str, value: str | Tree) -> int:
    text = value if isinstance(value, str) else ""
    if not re.fullmatch(r"[+-]?\d{1,4000}", text, re.ASCII):
        raise Refusal(400, f'Error occurred during "{name}" processing. {invalid_type(text, "int")}')
    return max(-_MAX_INT - 1, min(_MAX_INT, int(text)))


def invalid_type(text: str, expected: str) -> str:
    """The message for a value of the wrong type."""
    return f'The "{text}" value\'s type is invalid. The "{expected}" type was expected. Verify and try again.'
