"""Magento's search criteria: parsed in every spelling in use, and written in one.

A user's criteria (in the URI or under `parameters`) and those of a run (pages, keyset, date) are parsed into `Criteria`
and sent together in one form. With two spellings Magento would ignore one: it reads `searchCriteria` and then ignores
`search_criteria`, and `filterGroups` and `filter_groups` call the same setter, of which the last call
wins (framework/Webapi/ServiceInputProcessor.php, `process` and `_createFromArray`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Self, TypeAlias
from urllib.parse import unquote_plus

from ..client.criteria_rows import CONDITION_TYPES, LIST_CONDITIONS, WITHOUT_VALUE, unknown_condition
from ..client.uri import escape_percents
from ..misspelling import most_similar

Direction = Literal["ASC", "DESC"]
Place: TypeAlias = tuple[str | int, ...]

_ROOTS = ("searchCriteria", "search_criteria")
_NAMES = {
    "filtergroups": "filter_groups",
    "filters": "filters",
    "field": "field",
    "value": "value",
    "conditiontype": "condition_type",
    "sortorders": "sortOrders",
    "direction": "direction",
    "pagesize": "pageSize",
    "currentpage": "currentPage",
    "requestname": "requestName",
}
"""By name in lower case without underscores: the name that is sent. PHP's method names ignore case."""
_GROUP = "searchCriteria[filter_groups][0]"
_FULL_NAME = {
    "filter_groups": "searchCriteria[filter_groups]",
    "filters": f"{_GROUP}[filters]",
    "field": f"{_GROUP}[filters][0][field]",
    "value": f"{_GROUP}[filters][0][value]",
    "condition_type": f"{_GROUP}[filters][0][condition_type]",
    "sortOrders": "searchCriteria[sortOrders][0][field]",
    "direction": "searchCriteria[sortOrders][0][direction]",
    "pageSize": "searchCriteria[pageSize]",
    "currentPage": "searchCriteria[currentPage]",
    "requestName": "searchCriteria[requestName]",
}
"""By name: how to write the whole parameter."""
_WRONG_NAMES = {
    **dict.fromkeys(("filtergroup", "groups", "group"), "filter_groups"),
    **dict.fromkeys(("filter",), "filters"),
    **dict.fromkeys(("sortorder", "sort", "order", "orders", "orderby", "sortby"), "sortOrders"),
    **dict.fromkeys(("limit", "perpage", "size"), "pageSize"),
    **dict.fromkeys(("page", "pagenumber"), "currentPage"),
    **dict.fromkeys(("condition", "type", "operator", "conditions"), "condition_type"),
    **dict.fromkeys(("attribute", "attributecode", "column", "name", "fieldname", "fields"), "field"),
    **dict.fromkeys(("values", "val"), "value"),
    **dict.fromkeys(("dir", "sortdirection"), "direction"),
}
"""Common wrong names, and the right ones."""
_UNPREFIXED = ("filtergroups", "filtergroup", "filters", "filter", "sortorders", "sortorder", "pagesize", "currentpage")
_UNPREFIXED_IN_FILTERS = ("conditiontype", "field", "value", "direction")
_EVERYTHING = ("", "all", "*", "{}", "[]")
"""Values for criteria without any limit, as in `searchCriteria=all`."""
_COMPARISONS = ("gt", "gteq", "lt", "lteq", "from", "to")
_DATE = re.compile(r"\d{4}([-/.]?)\d{1,2}\1\d{1,2}(\D.*)?", re.DOTALL)
"""What MySQL reads as a date. With any other text, a comparison matches all rows or none, and nothing is refused."""
UNKNOWN = "\0"
"""Replaces each placeholder of a template, whose value is not known yet."""


@dataclass(frozen=True, slots=True)
class CriteriaFilter:
    """One condition on a field."""

    field: str
    value: str
    condition: str = "eq"

    def __post_init__(self) -> None:
        if self.condition not in CONDITION_TYPES and UNKNOWN not in self.condition:
            raise ValueError(unknown_condition(self.condition))


@dataclass(frozen=True, slots=True)
class Criteria:
    """The criteria of a request: every group must match, by at least one of its filters."""

    groups: tuple[tuple[CriteriaFilter, ...], ...] = ()
    order: tuple[tuple[str, Direction], ...] = ()
    page_size: str | None = None
    current_page: str | None = None
    request_name: str | None = None

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Name and value of each parameter, in the one form that is sent."""
        for group, filters in enumerate(self.groups):
            for index, each in enumerate(filters):
                place = f"searchCriteria[filter_groups][{group}][filters][{index}]"
                yield f"{place}[field]", each.field
                yield f"{place}[value]", each.value
                yield f"{place}[condition_type]", each.condition
        for index, (name, direction) in enumerate(self.order):
            yield f"searchCriteria[sortOrders][{index}][field]", name
            yield f"searchCriteria[sortOrders][{index}][direction]", direction
        for name, value in (
            ("pageSize", self.page_size),
            ("currentPage", self.current_page),
            ("requestName", self.request_name),
        ):
            if value is not None:
                yield f"searchCriteria[{name}]", value


@dataclass(frozen=True, slots=True)
class IgnoredCriterion:
    """A part that Magento would ignore or misread: its place, and what is wrong."""

    place: Place
    message: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter as written, decoded."""

    name: str
    value: str
    place: Place = ()

    @classmethod
    def decoded(cls, part: str, place: Place) -> Self:
        """Of a part of a query, between two "&"."""
        name, _, value = part.partition("=")
        return cls(unquote_plus(escape_percents(name)), unquote_plus(escape_percents(value)), place)


@dataclass(slots=True)
class _Node:
    """A level of the criteria; members have the names of `_NAMES`."""

    members: dict[str, _Node | Parameter] = field(default_factory=dict)
    spelled: dict[str, str] = field(default_factory=dict)
    """The first spelling of each member's name."""
    appended: str | None = None
    """The element that the last `[]` started."""

    def first(self) -> Parameter:
        each = next(iter(self.members.values()))
        return each.first() if isinstance(each, _Node) else each


class CriteriaParser:
    """Parses criteria. `wrong`: parts without a meaning; `adjusted`: parts that Magento itself would misread."""

    def __init__(self) -> None:
        self.wrong: list[IgnoredCriterion] = []
        self.adjusted: list[IgnoredCriterion] = []
        self._root = _Node()
        self._outer = ""

    def parse(self, params: Iterable[Parameter]) -> Criteria:
        for each in params:
            self._add(each)
        return self._criteria(self._root)

    def _refuse(self, param: Parameter, message: str) -> None:
        if not any(each.message == message for each in self.wrong):
            self.wrong.append(IgnoredCriterion(param.place, message))

    def _adjust(self, param: Parameter, message: str) -> None:
        if not any(each.message == message for each in self.adjusted):
            self.adjusted.append(IgnoredCriterion(param.place, message))

    def _add(self, param: Parameter) -> None:
        root, keys = _split(param.name)
        if keys is None:
            right = f"{root}[…]"
            self._refuse(param, f"{_shown(param.name)} is not a valid name; Magento ignores it. Write it as {right}")
            return
        if self._outer not in ("", root):
            self._adjust(param, f"Magento reads {_ROOTS[0]} and ignores {_ROOTS[1]} beside it: write {_ROOTS[0]} only")
        self._outer = self._outer or root
        if not keys:
            if param.value not in _EVERYTHING and UNKNOWN not in param.value:
                message = f"Magento ignores the text {_shown(param.value)} in {root}: write {_GROUP}[filters][0][field]"
                self._refuse(param, f"{message}, … in the URI, or a table under parameters")
            elif self._root.members:
                self._adjust(param, f"{root} without brackets replaces all criteria before it: remove it")
            return
        self._insert(self._root, keys, param)

    def _insert(self, node: _Node, keys: Sequence[str], param: Parameter) -> None:
        repeats = sum(not key for key in keys[:-1])
        for index, key in enumerate(keys):
            rest = keys[index + 1 :]
            name = _NAMES.get(_normalized(key), key)
            if not key:
                if rest:
                    self._adjust(param, f"{_shown(param.name)}: each [] starts another one; write its index: [0]")
                if rest and node.appended is not None and not _is_taken(node.members[node.appended], rest):
                    name = node.appended
                elif rest and node.appended is not None and repeats > 1:
                    message = f"{_shown(param.name)}: it is unclear whether this starts a filter or a group"
                    self._refuse(param, f"{message}. Write the indexes: {_GROUP}[filters][1]…")
                    return
                else:
                    name = node.appended = f"+{len(node.members)}"
            known = node.spelled.setdefault(name, key)
            if known != key and key:
                self._adjust(param, f"Magento reads one of {known} and {key} only: write {name}")
            if not rest:
                self._set(node, name, param)
                return
            inside = node.members.setdefault(name, _Node())
            if isinstance(inside, Parameter):
                if inside.value not in _EVERYTHING:
                    self._refuse_duplicate(inside, param)
                    return
                inside = node.members[name] = _Node()
            node = inside

    def _set(self, node: _Node, name: str, param: Parameter) -> None:
        before = node.members.setdefault(name, param)
        if isinstance(before, _Node):
            if param.value not in _EVERYTHING:
                self._refuse_duplicate(before.first(), param)
        elif before.value != param.value or (UNKNOWN in param.value and before is not param):
            self._refuse_duplicate(before, param)

    def _refuse_duplicate(self, first: Parameter, second: Parameter) -> None:
        values = f"{_shown(first.value)} and {_shown(second.value)}"
        message = f"{_shown(second.name)} is given twice, as {values}; Magento reads one of them only. Give each filter"
        self._refuse(second, f"{message} an index of its own, all in the URI or all under parameters")

    def _criteria(self, node: _Node) -> Criteria:
        found = Criteria()
        for name, inside in node.members.items():
            match name:
                case "filter_groups":
                    elements = self._elements(name, inside, ("filters",))
                    groups = tuple(self._group(each) for each in elements)
                    found = replace(found, groups=tuple(group for group in groups if group))
                case "sortOrders":
                    orders = [self._order(each) for each in self._elements(name, inside, ("field", "direction"))]
                    found = replace(found, order=tuple(order for order in orders if order is not None))
                case "pageSize":
                    found = replace(found, page_size=self._number(inside))
                case "currentPage":
                    found = replace(found, current_page=self._number(inside))
                case "requestName":
                    found = replace(found, request_name=self._text(inside))
                case _:
                    self._unknown(node, name, inside, ("filter_groups", "sortOrders", "pageSize", "currentPage"))
        return found

    def _elements(self, name: str, inside: _Node | Parameter, words: Sequence[str]) -> list[_Node]:
        """The elements of a list; without an index, its single element."""
        if isinstance(inside, Parameter):
            self._refuse_text(inside, name)
            return []
        if inside.members and all(key in words for key in inside.members):
            self._adjust(inside.first(), f"{_shown(inside.first().name)}: the index [0] is missing after {name}")
            return [inside]
        found = []
        for key, each in inside.members.items():
            if key in _FULL_NAME or _normalized(key) in _WRONG_NAMES:
                self._unknown(inside, key, each, words, inside=name)
            elif isinstance(each, Parameter):
                self._refuse_text(each, name)
            else:
                found.append(each)
        return found

    def _refuse_text(self, param: Parameter, name: str) -> None:
        if param.value not in _EVERYTHING and UNKNOWN not in param.value:
            self._refuse(param, f"{_shown(param.name)} is text; Magento needs {_names_inside(name)}")

    def _group(self, node: _Node) -> tuple[CriteriaFilter, ...]:
        found: list[CriteriaFilter] = []
        for name, inside in node.members.items():
            if name != "filters":
                self._unknown(node, name, inside, ("filters",), inside="filter_groups")
                continue
            for each in self._elements(name, inside, ("field", "value", "condition_type")):
                if (one := self._filter(each)) is not None:
                    found.append(one)
        return tuple(found)

    def _filter(self, node: _Node) -> CriteriaFilter | None:
        words = ("field", "value", "condition_type")
        before = len(self.wrong)
        for name, inside in node.members.items():
            if name not in words:
                self._unknown(node, name, inside, words, inside="filters")
        condition = self._condition(node)
        column = self._text(node.members.get("field"))
        value = self._value(node.members.get("value"), condition)
        if len(self.wrong) > before or condition is None:
            return None
        first = node.first()
        if not column:
            self._refuse(first, f"{_shown(first.name)}: the filter has no field; add {_FULL_NAME['field']}")
            return None
        if value is None and condition in WITHOUT_VALUE:
            self._adjust(
                first, f"{_shown(first.name)}: Magento needs some value for {condition}; add {_FULL_NAME['value']}"
            )
            value = "1"
        if value is None:
            self._refuse(first, f"{_shown(first.name)}: the filter on {column} has no value; add {_FULL_NAME['value']}")
            return None
        if condition in _COMPARISONS and column.endswith("_at") and UNKNOWN not in value and not _DATE.fullmatch(value):
            message = f"{_shown(value)} is not a date: Magento would ignore it in {column} {condition}"
            self._refuse(first, f"{message}. Write it in UTC, as in 2026-01-31 08:30:00")
            return None
        return CriteriaFilter(column, value, condition)

    def _condition(self, node: _Node) -> str | None:
        inside = node.members.get("condition_type")
        written = self._text(inside)
        if inside is None or written is None or isinstance(inside, _Node):
            return "eq"
        if UNKNOWN in written or not written:
            return written or "eq"
        if written.lower() not in CONDITION_TYPES:
            self._refuse(inside, unknown_condition(written))
            return None
        if written != written.lower():
            self._adjust(inside, f"{written!r} is not a condition type of Magento: write {written.lower()!r}")
        return written.lower()

    def _value(self, inside: _Node | Parameter | None, condition: str | None) -> str | None:
        if not isinstance(inside, _Node):
            return inside.value if inside is not None else None
        parts = [each for each in inside.members.values() if isinstance(each, Parameter)]
        if len(parts) < len(inside.members):
            self._refuse(inside.first(), f"{_shown(inside.first().name)}: a value is text, a number or a list of these")
            return None
        if condition is not None and condition not in LIST_CONDITIONS and UNKNOWN not in condition:
            one_of = " or ".join(LIST_CONDITIONS[:2])
            self._refuse(
                inside.first(),
                f"{_shown(inside.first().name)}: {condition!r} compares with one value; a list needs {one_of}",
            )
        for each in parts:
            if "," in each.value:
                message = f"{_shown(each.value)} contains a comma, at which Magento would split it"
                self._refuse(each, f"{message}. Give it a filter of its own in the same group")
        self._adjust(inside.first(), f"{_shown(inside.first().name)}: a list is written as text, with commas")
        return ",".join(each.value for each in parts)

    def _order(self, node: _Node) -> tuple[str, Direction] | None:
        words = ("field", "direction")
        before = len(self.wrong)
        for name, inside in node.members.items():
            if name not in words:
                self._unknown(node, name, inside, words, inside="sortOrders")
        column = self._text(node.members.get("field"))
        direction = (self._text(node.members.get("direction")) or "DESC").upper()
        first = node.first()
        if direction not in ("ASC", "DESC") and UNKNOWN not in direction:
            self._refuse(first, f"{_shown(direction)} is not a sort direction: write ASC or DESC")
        if not column:
            self._refuse(first, f"{_shown(first.name)}: the sort order has no field; add {_FULL_NAME['sortOrders']}")
        elif not re.fullmatch(rf"[A-Za-z0-9_{UNKNOWN}]+", column):
            self._refuse(first, f"{_shown(column)} is not a field to sort by: Magento allows letters, digits and _")
        if len(self.wrong) > before or not column:
            return None
        return column, "ASC" if direction == "ASC" else "DESC"

    def _number(self, inside: _Node | Parameter) -> str | None:
        text = self._text(inside)
        if text and isinstance(inside, Parameter) and UNKNOWN not in text and not re.fullmatch(r"[+-]?\d{1,18}", text):
            self._refuse(inside, f"{_shown(inside.name)} must be a whole number, not {_shown(text)}")
        return text

    def _text(self, inside: _Node | Parameter | None) -> str | None:
        if isinstance(inside, _Node):
            param = inside.first()
            self._refuse(param, f"{_shown(param.name)}: brackets inside a single value; Magento needs text there")
            return None
        return inside.value if inside is not None else None

    def _unknown(
        self, node: _Node, name: str, child: _Node | Parameter, known: Sequence[str], *, inside: str = ""
    ) -> None:
        param = child.first() if isinstance(child, _Node) else child
        if name in _FULL_NAME:  # a known name at the wrong level
            right = _FULL_NAME["sortOrders"] if (name, inside) == ("field", "sortOrders") else _FULL_NAME[name]
            self._refuse(param, f"Magento ignores {_shown(param.name)} at this place; write {right}")
            return
        meant = _WRONG_NAMES.get(_normalized(name), "")
        near = meant if meant in known else "" if meant else most_similar(name, known, 0.5)
        if near == "field" and inside == "sortOrders":
            near = "sortOrders"
        if near or meant:
            self._refuse(param, f"Magento ignores {_shown(param.name)}; write {_FULL_NAME[near or meant]}")
            return
        needs = _names_inside(inside) if inside else ", ".join(_FULL_NAME[each] for each in known)
        self._refuse(param, f"Magento ignores {_shown(param.name)}; it knows {needs}")


def _names_inside(name: str) -> str:
    return {
        "filter_groups": _FULL_NAME["filters"] + "[0]",
        "filters": ", ".join(_FULL_NAME[each] for each in ("field", "value", "condition_type")),
        "sortOrders": f"{_FULL_NAME['sortOrders']} and {_FULL_NAME['direction']}",
    }[name]


def _is_taken(member: _Node | Parameter, keys: Sequence[str]) -> bool:
    """Whether there is a member at this path of names."""
    for key in keys:
        if not isinstance(member, _Node):
            return True
        if not key:
            if key is keys[-1] or member.appended is None:
                return False
            member = member.members[member.appended]
            continue
        name = _NAMES.get(_normalized(key), key)
        if name not in member.members:
            return False
        member = member.members[name]
    return True


def _normalized(name: str) -> str:
    return name.replace("_", "").lower()


def _split(name: str) -> tuple[str, list[str] | None]:
    """The name before the first bracket, and those in brackets; None if PHP would parse it differently."""
    root, mark, _ = name.partition("[")
    if not mark:
        return root, []
    inside = name[len(root) :]
    return root, re.findall(r"\[([^\[\]]*)\]", inside) if re.fullmatch(r"(\[[^\[\]]*\])+", inside) else None


def _shown(text: str) -> str:
    shown = text.replace(UNKNOWN, "…")
    return repr(shown if len(shown) <= 120 else f"{shown[:119]}…")


def is_criteria(name: str) -> bool:
    """Whether a parameter of this name belongs to the criteria."""
    return name.partition("[")[0] in _ROOTS


def is_of_filter(name: str) -> bool:
    """Whether this is the field, the value or the condition of a filter."""
    _, keys = _split(name)
    return (
        is_criteria(name)
        and keys is not None
        and len(keys) == 5
        and _NAMES.get(_normalized(keys[0])) == "filter_groups"
    )


def is_searched_field(name: str) -> bool:
    """Whether the value of this parameter is the field of a filter or of a sort order."""
    _, keys = _split(name)
    return is_criteria(name) and bool(keys) and keys is not None and _NAMES.get(_normalized(keys[-1])) == "field"


def unprefixed_message(name: str) -> str:
    """The message for a criterion without `searchCriteria[…]`; empty for any other parameter."""
    root, _, _ = name.partition("[")
    letters = _normalized(root).replace("-", "")
    if letters in (*_UNPREFIXED, *_UNPREFIXED_IN_FILTERS):
        word = _NAMES.get(letters) or _WRONG_NAMES[letters]
        projection = "; the fields of a response are chosen with 'fields'" if letters == "field" else ""
        return f"Magento ignores {_shown(name)} outside searchCriteria; write {_FULL_NAME[word]}{projection}"
    if letters.startswith("searchcriteri") or most_similar(letters, ["searchcriteria"], 0.85):
        return f"Magento ignores {_shown(name)}; write it as searchCriteria[…]"
    return ""


def uri_parameters(uri: str) -> Iterator[Parameter]:
    """The parameters in the query of a URI."""
    for part in filter(None, uri.partition("#")[0].partition("?")[2].split("&")):
        yield Parameter.decoded(part, ("uri",))
