"""Magento's search criteria: read in every spelling that people use, written in one.

The criteria of a user (in the URI or under `parameters`) and those of a run (pages, keyset, date) are parsed into
`StoreCriteria` and sent together in one form. Two spellings side by side would lose one of them: Magento reads
`searchCriteria` and then ignores `search_criteria`, and `filterGroups` and `filter_groups` call the same setter, of
which the last call stays (framework/Webapi/ServiceInputProcessor.php, `process` and `_createFromArray`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import lru_cache
from typing import Literal, TypeAlias
from urllib.parse import quote, unquote_plus

from ..client.message import Request
from ..client.model import RequestTemplate
from ..client.uri import escaped
from ..incoming.pagination import PaginationError
from ..templates import Json, Template

CONDITION_TYPES = (
    *("eq", "neq", "like", "nlike", "in", "nin", "is", "notnull", "null", "gt", "lt", "gteq", "lteq", "finset"),
    *("nfinset", "regexp", "from", "to", "seq", "sneq", "ntoa", "fulltext"),
)
"""Those Magento knows (Magento\\Framework\\DB\\Adapter\\Pdo\\Mysql); any other one means "eq" to it, silently."""

Direction = Literal["ASC", "DESC"]
Place: TypeAlias = tuple[str | int, ...]

_DATE = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?")
_ROOTS = ("searchCriteria", "search_criteria")
_WORDS = {
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
"""The names inside, by their letters alone, as they are sent. PHP's method names have no case."""
_GROUP = "searchCriteria[filter_groups][0]"
_WHERE = {
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
"""The whole name of each."""
_MEANT = {
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
"""What people write in their place."""
_OUTSIDE = ("filtergroups", "filtergroup", "filters", "filter", "sortorders", "sortorder", "pagesize", "currentpage")
_OUTSIDE_TOO = ("conditiontype", "field", "value", "direction")
_MEANT_CONDITION = {
    **dict.fromkeys(("=", "==", "equal", "equals", "is_equal"), "eq"),
    **dict.fromkeys(("!=", "<>", "ne", "not_eq", "noteq", "not"), "neq"),
    **dict.fromkeys((">=", "ge", "gte", "moreq", "min"), "gteq"),
    **dict.fromkeys(("<=", "le", "lte", "lesseq", "max"), "lteq"),
    **dict.fromkeys((">", "more", "after"), "gt"),
    **dict.fromkeys(("<", "less", "before"), "lt"),
    **dict.fromkeys(("not_in", "notin", "!in"), "nin"),
    **dict.fromkeys(("not_like", "notlike"), "nlike"),
    **dict.fromkeys(("contains", "match", "ilike"), "like"),
    **dict.fromkeys(("not_null", "isnotnull", "is_not_null"), "notnull"),
    **dict.fromkeys(("isnull", "is_null"), "null"),
}
_LISTS = ("in", "nin", "finset", "nfinset")
"""Conditions whose value may be a list, sent as text with commas."""
_EVERYTHING = ("", "all", "*", "{}", "[]")
"""What people write for criteria that limit nothing, as in `searchCriteria=all`."""
_FILLED = "\0"
"""Stands for a placeholder in a template that is not filled in yet."""


@dataclass(frozen=True, slots=True)
class CriteriaFilter:
    """One condition on a field."""

    field: str
    value: str
    condition: str = "eq"

    def __post_init__(self) -> None:
        if self.condition not in CONDITION_TYPES and _FILLED not in self.condition:
            raise ValueError(_no_condition(self.condition))


@dataclass(frozen=True, slots=True)
class Criteria:
    """What a list is asked for: all groups must hold, one filter of each is enough."""

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
    """Something Magento would ignore or read otherwise than it is meant: where it is written, and what is wrong."""

    place: Place
    message: str


@dataclass(frozen=True, slots=True)
class _Given:
    """One parameter as it is written, decoded."""

    name: str
    value: str
    place: Place = ()


@dataclass(slots=True)
class _Node:
    """A table of the criteria, with the names as `_WORDS` writes them."""

    members: dict[str, _Node | _Given] = field(default_factory=dict)
    spelled: dict[str, str] = field(default_factory=dict)
    """How each member's name was written first."""
    appended: str | None = None
    """The element that the last `[]` began."""

    def first(self) -> _Given:
        each = next(iter(self.members.values()))
        return each.first() if isinstance(each, _Node) else each


class _Reader:
    """Reads criteria; `wrong` is what cannot be meant, `adjusted` what Magento would read otherwise by itself."""

    def __init__(self) -> None:
        self.wrong: list[IgnoredCriterion] = []
        self.adjusted: list[IgnoredCriterion] = []
        self._root = _Node()
        self._outer = ""

    def read(self, given: Iterable[_Given]) -> Criteria:
        for each in given:
            self._add(each)
        return self._criteria(self._root)

    def _refuse(self, given: _Given, message: str) -> None:
        if not any(each.message == message for each in self.wrong):
            self.wrong.append(IgnoredCriterion(given.place, message))

    def _adjust(self, given: _Given, message: str) -> None:
        if not any(each.message == message for each in self.adjusted):
            self.adjusted.append(IgnoredCriterion(given.place, message))

    def _add(self, given: _Given) -> None:
        root, keys = _split(given.name)
        if keys is None:
            right = f"{root}[…]"
            self._refuse(given, f"{_shown(given.name)} is not a valid name; Magento ignores it. Write it as {right}")
            return
        if self._outer not in ("", root):
            self._adjust(given, f"Magento reads {_ROOTS[0]} and ignores {_ROOTS[1]} beside it: write {_ROOTS[0]} only")
        self._outer = self._outer or root
        if not keys:
            if given.value not in _EVERYTHING and _FILLED not in given.value:
                message = f"Magento ignores the text {_shown(given.value)} in {root}: write {_GROUP}[filters][0][field]"
                self._refuse(given, f"{message}, … in the URI, or a table under parameters")
            elif self._root.members:
                self._adjust(given, f"{root} without brackets replaces all criteria before it: remove it")
            return
        self._insert(self._root, keys, given)

    def _insert(self, node: _Node, keys: Sequence[str], given: _Given) -> None:
        repeats = sum(not key for key in keys[:-1])
        for index, key in enumerate(keys):
            rest = keys[index + 1 :]
            name = _WORDS.get(_letters(key), key)
            if not key:
                if rest:
                    self._adjust(given, f"{_shown(given.name)}: each [] starts another one; write its index: [0]")
                if rest and node.appended is not None and not _has(node.members[node.appended], rest):
                    name = node.appended
                elif rest and node.appended is not None and repeats > 1:
                    message = f"{_shown(given.name)}: it is unclear whether this starts a filter or a group"
                    self._refuse(given, f"{message}. Write the indexes: {_GROUP}[filters][1]…")
                    return
                else:
                    name = node.appended = f"+{len(node.members)}"
            known = node.spelled.setdefault(name, key)
            if known != key and key:
                self._adjust(given, f"Magento reads one of {known} and {key} only: write {name}")
            if not rest:
                self._set(node, name, given)
                return
            inside = node.members.setdefault(name, _Node())
            if isinstance(inside, _Given):
                if inside.value not in _EVERYTHING:
                    self._twice(inside, given)
                    return
                inside = node.members[name] = _Node()
            node = inside

    def _set(self, node: _Node, name: str, given: _Given) -> None:
        before = node.members.setdefault(name, given)
        if isinstance(before, _Node):
            if given.value not in _EVERYTHING:
                self._twice(before.first(), given)
        elif before.value != given.value or (_FILLED in given.value and before is not given):
            self._twice(before, given)

    def _twice(self, first: _Given, second: _Given) -> None:
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

    def _elements(self, name: str, inside: _Node | _Given, words: Sequence[str]) -> list[_Node]:
        """The elements of a list; where the index was left out, the one there is."""
        if isinstance(inside, _Given):
            self._not_text(inside, name)
            return []
        if inside.members and all(key in words for key in inside.members):
            self._adjust(inside.first(), f"{_shown(inside.first().name)}: the index [0] is missing after {name}")
            return [inside]
        found = []
        for key, each in inside.members.items():
            if key in _WHERE or _letters(key) in _MEANT:
                self._unknown(inside, key, each, words, inside=name)
            elif isinstance(each, _Given):
                self._not_text(each, name)
            else:
                found.append(each)
        return found

    def _not_text(self, given: _Given, name: str) -> None:
        if given.value not in _EVERYTHING and _FILLED not in given.value:
            self._refuse(given, f"{_shown(given.name)} is text; Magento needs {_names_inside(name)}")

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
            self._refuse(first, f"{_shown(first.name)}: the filter has no field; add {_WHERE['field']}")
            return None
        if value is None and condition in ("null", "notnull"):
            self._adjust(
                first, f"{_shown(first.name)}: Magento needs some value for {condition}; add {_WHERE['value']}"
            )
            value = "1"
        if value is None:
            self._refuse(first, f"{_shown(first.name)}: the filter on {column} has no value; add {_WHERE['value']}")
            return None
        return CriteriaFilter(column, value, condition)

    def _condition(self, node: _Node) -> str | None:
        inside = node.members.get("condition_type")
        written = self._text(inside)
        if inside is None or written is None or isinstance(inside, _Node):
            return "eq"
        if _FILLED in written or not written:
            return written or "eq"
        if written.lower() not in CONDITION_TYPES:
            self._refuse(inside, _no_condition(written))
            return None
        if written != written.lower():
            self._adjust(inside, f"{written!r} is not a condition type of Magento: write {written.lower()!r}")
        return written.lower()

    def _value(self, inside: _Node | _Given | None, condition: str | None) -> str | None:
        if not isinstance(inside, _Node):
            return inside.value if inside is not None else None
        parts = [each for each in inside.members.values() if isinstance(each, _Given)]
        if len(parts) < len(inside.members):
            self._refuse(inside.first(), f"{_shown(inside.first().name)}: a value is text, a number or a list of these")
            return None
        if condition is not None and condition not in _LISTS and _FILLED not in condition:
            one_of = " or ".join(_LISTS[:2])
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
        if direction not in ("ASC", "DESC") and _FILLED not in direction:
            self._refuse(first, f"{_shown(direction)} is not a sort direction: write ASC or DESC")
        if not column:
            self._refuse(first, f"{_shown(first.name)}: the sort order has no field; add {_WHERE['sortOrders']}")
        elif not re.fullmatch(rf"[A-Za-z0-9_{_FILLED}]+", column):
            self._refuse(first, f"{_shown(column)} is not a field to sort by: Magento allows letters, digits and _")
        if len(self.wrong) > before or not column:
            return None
        return column, "ASC" if direction == "ASC" else "DESC"

    def _number(self, inside: _Node | _Given) -> str | None:
        text = self._text(inside)
        if text and isinstance(inside, _Given) and _FILLED not in text and not re.fullmatch(r"[+-]?\d{1,18}", text):
            self._refuse(inside, f"{_shown(inside.name)} must be a whole number, not {_shown(text)}")
        return text

    def _text(self, inside: _Node | _Given | None) -> str | None:
        if isinstance(inside, _Node):
            given = inside.first()
            self._refuse(given, f"{_shown(given.name)}: brackets inside a single value; Magento needs text there")
            return None
        return inside.value if inside is not None else None

    def _unknown(
        self, node: _Node, name: str, child: _Node | _Given, known: Sequence[str], *, inside: str = ""
    ) -> None:
        given = child.first() if isinstance(child, _Node) else child
        if name in _WHERE:  # a right name at the wrong level
            right = _WHERE["sortOrders"] if (name, inside) == ("field", "sortOrders") else _WHERE[name]
            self._refuse(given, f"Magento ignores {_shown(given.name)} at this place; write {right}")
            return
        meant = _MEANT.get(_letters(name), "")
        near = [meant] if meant in known else [] if meant else get_close_matches(name, known, 1, 0.5)
        if near and near[0] == "field" and inside == "sortOrders":
            near = ["sortOrders"]
        if near or meant:
            self._refuse(given, f"Magento ignores {_shown(given.name)}; write {_WHERE[near[0] if near else meant]}")
            return
        needs = _names_inside(inside) if inside else ", ".join(_WHERE[each] for each in known)
        self._refuse(given, f"Magento ignores {_shown(given.name)}; it knows {needs}")


def _names_inside(name: str) -> str:
    return {
        "filter_groups": _WHERE["filters"] + "[0]",
        "filters": ", ".join(_WHERE[each] for each in ("field", "value", "condition_type")),
        "sortOrders": f"{_WHERE['sortOrders']} and {_WHERE['direction']}",
    }[name]


def _no_condition(written: str) -> str:
    low = written.strip().lower()
    near = [_MEANT_CONDITION[low]] if low in _MEANT_CONDITION else get_close_matches(low, CONDITION_TYPES, 1, 0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(CONDITION_TYPES)}"
    return f"{written!r} is not a condition type of Magento; {hint}"


def _has(member: _Node | _Given, keys: Sequence[str]) -> bool:
    """Whether the place that these names lead to is taken."""
    for key in keys:
        if not isinstance(member, _Node):
            return True
        if not key:
            if key is keys[-1] or member.appended is None:
                return False
            member = member.members[member.appended]
            continue
        name = _WORDS.get(_letters(key), key)
        if name not in member.members:
            return False
        member = member.members[name]
    return True


def _letters(name: str) -> str:
    return name.replace("_", "").lower()


def _split(name: str) -> tuple[str, list[str] | None]:
    """The name before the first bracket, and those in brackets; None where PHP would read other ones."""
    root, mark, _ = name.partition("[")
    if not mark:
        return root, []
    inside = name[len(root) :]
    return root, re.findall(r"\[([^\[\]]*)\]", inside) if re.fullmatch(r"(\[[^\[\]]*\])+", inside) else None


def _shown(text: str) -> str:
    shown = text.replace(_FILLED, "…")
    return repr(shown if len(shown) <= 120 else f"{shown[:119]}…")


def searched(
    request: Request,
    *,
    filters: tuple[CriteriaFilter, ...] = (),
    order: tuple[tuple[str, Direction], ...] = (),
    size: int | None = None,
    page: int | None = None,
) -> Request:
    """`request` with search criteria: all `filters` must hold, `order` always with its direction (none means DESC).

    Filters that the request brings stay, in groups before ours: groups are ANDed, the filters of one group are ORed. An
    order and pages of its own give way to ours. The parameter itself is always written with "=": Magento leaves a bare
    one out of what it signs. Raises `PaginationError` for criteria that Magento would ignore.
    """
    head, others, criteria = _parsed(request.uri)
    criteria = replace(criteria, groups=(*criteria.groups, *((each,) for each in filters)))
    if order:
        criteria = replace(criteria, order=order)
    if size is not None:
        criteria = replace(criteria, page_size=str(size), current_page=None if page is None else str(page))
    pairs = list(criteria.pairs()) or [(_ROOTS[0], "")]
    query = [*others, *(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)]
    return replace(request, uri=f"{head}?{'&'.join(query)}")


def checked(request: Request) -> Request:
    """`request`, whose own criteria Magento reads as they are meant. Raises `PaginationError`."""
    _parsed(request.uri)
    return request


def changed(request: Request, field: str, since: str) -> Request:
    """`request` for what has changed since then. Raises `PaginationError` where `since` is not a date in UTC.

    A date that Magento cannot read is no limit to it: it answers with every row.
    """
    if not _DATE.fullmatch(since):
        raise PaginationError(f"{since!r} is not a date", 'Write it in UTC, as in "2026-01-31 08:30:00".')
    return searched(request, filters=(CriteriaFilter(field, since, "gteq"),))


@lru_cache(maxsize=64)
def _parsed(uri: str) -> tuple[str, tuple[str, ...], Criteria]:
    """What is before the query, the parameters that are no criteria, as written, and the criteria."""
    head, _, query = uri.partition("#")[0].partition("?")
    others, given = [], []
    for part in filter(None, query.split("&")):
        each = _decoded(part, ())
        if is_criteria(each.name):
            given.append(each)
        else:
            others.append(part)
    reader = _Reader()
    criteria = reader.read(given)
    if reader.wrong:
        raise PaginationError(reader.wrong[0].message)
    return head, tuple(others), criteria


def is_criteria(name: str) -> bool:
    """Whether a parameter of this name belongs to the criteria."""
    return name.partition("[")[0] in _ROOTS


def _decoded(part: str, place: Place) -> _Given:
    name, _, value = part.partition("=")
    return _Given(unquote_plus(escaped(name)), unquote_plus(escaped(value)), place)


def misread(request: RequestTemplate, *, paged: bool, added: Sequence[str] = ()) -> Iterator[tuple[Place, str]]:
    """What Magento would ignore in the criteria of a saved request, or read otherwise: where it is, and what to write.

    `paged`: a pagination of Magento's brings the criteria into one form; otherwise they are sent as they are written,
    beside the parameters `added`.
    """
    if request.method not in ("get", "head"):
        return
    given = [*_in_uri(_marked(request.uri)), *_in_parameters(request.parameters, ("parameters",))]
    for each in _misread(given, paged, added):
        yield each.place or ("uri",), each.message


def ignored(uri: str) -> list[str]:
    """What Magento would ignore, or read otherwise, in the criteria of a URI that is sent as it is typed.

    Raises `InvalidValue` where it can be read in two ways.
    """
    return [each.message for each in _misread(list(_in_uri(uri)), paged=False)]


def _misread(given: Sequence[_Given], paged: bool, added: Sequence[str] = ()) -> Iterator[IgnoredCriterion]:
    reader = _Reader()
    criteria = [each for each in given if is_criteria(each.name)]
    reader.read([*criteria, *(_Given(name, _FILLED) for name in added if criteria and is_criteria(name))])
    if paged or criteria:
        for each in given:
            if not is_criteria(each.name) and (wrong := _outside(each.name)):
                yield IgnoredCriterion(each.place, wrong)
    yield from reader.wrong
    if not paged:
        yield from reader.adjusted


def _outside(name: str) -> str:
    """What is wrong with a parameter that Magento does not read; nothing for any other one."""
    root, _, _ = name.partition("[")
    letters = _letters(root).replace("-", "")
    if letters in (*_OUTSIDE, *_OUTSIDE_TOO):
        word = _WORDS.get(letters) or _MEANT[letters]
        projection = "; the fields of a response are chosen with 'fields'" if letters == "field" else ""
        return f"Magento ignores {_shown(name)} outside searchCriteria; write {_WHERE[word]}{projection}"
    if letters.startswith("searchcriteri") or get_close_matches(letters, ["searchcriteria"], 1, 0.85):
        return f"Magento ignores {_shown(name)}; write it as searchCriteria[…]"
    return ""


def _in_uri(uri: str) -> Iterator[_Given]:
    """The parameters in the query of a URI."""
    for part in filter(None, uri.partition("#")[0].partition("?")[2].split("&")):
        yield _decoded(part, ("uri",))


def _in_parameters(value: Json, place: Place, name: str = "") -> Iterator[_Given]:
    """The parameters in templates of tables and lists, nested as they will be sent."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _in_parameters(item, (*place, key), f"{name}[{key}]" if name else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _in_parameters(item, (*place, index), f"{name}[{index}]")
    elif name:
        text = "" if value is None else str(int(value)) if isinstance(value, bool) else str(value)
        yield _Given(name, _marked(text) if isinstance(value, str) else text, place)


def _marked(text: str) -> str:
    """A template with `_FILLED` instead of each placeholder."""
    return "".join(piece if isinstance(piece, str) else _FILLED for piece in Template.parse(text).pieces)
