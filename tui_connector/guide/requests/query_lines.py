"""The lines of a query as they are typed: parameters as they are sent, and Magento's search criteria in short.

`where status = pending or qty > 5 and sku like A%`, `sort created_at desc` and `page 2, 50 per page` are what the log
shows of search criteria; written like this, they become the parameters that Magento has for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote, unquote_plus

from ...client.criteria_rows import COMMON_FIELDS, Condition, IncompleteRow, parameters_of, read_shown_rows
from ...client.uri import canonical, parameters, readable
from ...errors import InvalidValue
from ...log.request_summary import criteria_keys, decoded_criteria
from ...magento.entities.search_fields import listed_by, usual_fields, with_own
from ...misspelling import MISSPELT, most_similar
from ..rest_api import ApiPath

_SHORT = re.compile(r"(?P<word>where|and|sort|page)\s+(?P<rest>\S.*)|(?P<size>\d+)\s+per\s+page", re.IGNORECASE)
_PAGE = re.compile(
    r"(?:=\s*)?(?P<page>\d+)(?:\s*,?\s*(?P<size>\d+)\s+per\s+page)?|size\s*(?:=\s*)?(?P<only>\d+)", re.IGNORECASE
)
_SORT = re.compile(r"(?:by\s+(?!asc|desc))?(?P<field>\w[\w.-]*)(?:\s+(?P<direction>asc|desc))?", re.IGNORECASE)
_DATES = ("_at", "_time")
"""The ends of the names of dates."""
_READING = ("GET", "HEAD")
"""The methods whose parameters and search criteria are known."""
_INCOMPLETE = "incomplete-query-line"
_ROOT = re.compile(r"(search_?criteria)\[", re.IGNORECASE)
_GROUPS = re.compile(r"search_?criteria\[filter_?groups\]", re.IGNORECASE)
_ORDER = re.compile(r"search_?criteria\[sort_?orders\]\[(\d+)\]", re.IGNORECASE)


class SentParameter(NamedTuple):
    """A parameter of a query, decoded."""

    name: str
    value: str

    def encoded(self) -> str:
        return f"{quote(self.name, safe='[]')}={quote(self.value, safe='')}"

    def __str__(self) -> str:
        return f"{self.name}={self.value}"


def is_short(line: str) -> bool:
    """Whether this is search criteria in short, and not a parameter as it is sent."""
    return _SHORT.fullmatch(line.strip()) is not None


def split_short(line: str) -> tuple[str, str]:
    """The word that criteria in short begin with, in lower case, and what follows it; "" for both of a page size."""
    match = _SHORT.fullmatch(line.strip())
    return ((match["word"] or "").lower(), match["rest"] or "") if match else ("", "")


def sorted_field(line: str) -> str:
    """The field of a line such as `sort created_at desc`; "" of any other line."""
    word, rest = split_short(line)
    match = _SORT.fullmatch(rest) if word == "sort" else None
    return match["field"] if match else ""


def sent_parameters(lines: Sequence[str]) -> list[tuple[str, list[SentParameter]]]:
    """Each line that is not empty, with the parameters that it stands for; none for a parameter as it is sent.

    Raises `InvalidValue` for criteria in short that are invalid; its code is "incomplete-query-line" where they lack an
    end that may still be typed, otherwise "query-line".
    """
    stripped = [line.strip() for line in lines]
    names = [readable(line.partition("=")[0]) for line in stripped if line and not is_short(line)]
    writer = _CriteriaWriter(names)
    found = []
    for number, line in enumerate(stripped, 1):
        match = _SHORT.fullmatch(line)
        try:
            found += [(line, list(writer.parameters(match)) if match else [])] if line else []
        except ValueError as error:
            code = _INCOMPLETE if isinstance(error, IncompleteRow) else "query-line"
            raise InvalidValue(code, f"Line {number} of the query: {error}") from error
    return found


def is_incomplete(line: str) -> bool:
    """Whether these are criteria in short that lack an end, which may still be typed."""
    try:
        sent_parameters([line])
    except InvalidValue as error:
        return error.code == _INCOMPLETE
    return False


def unsendable(line: str) -> str:
    """Why a parameter cannot be sent as it is written, such as with ambiguous escapes; "" where it can."""
    try:
        canonical(f"https://host.invalid/?{line}")
    except InvalidValue as error:
        return error.message
    return ""


def in_short(uri: str, lines: Sequence[str]) -> list[str]:
    """The lines of a query, one for each parameter, with its search criteria in short where that is the same.

    `uri` is absolute, and has this query.
    """
    rows, names = decoded_criteria(uri, len(uri))
    short = [text if is_short(text) else f"{label} {text}" for label, text in rows]
    others = [line for line in lines if _name(line) not in names]
    try:
        sent = [each for _, found in sent_parameters(short) for each in found]
    except InvalidValue:
        return list(lines)
    before = [(name, value or "") for name, value in parameters(uri.partition("?")[2])]
    has_one_spelling = all(len({found[0] for found in each if found}) < 2 for each in _spellings(before))
    is_same = has_one_spelling and _criteria(sent) == _criteria(SentParameter(*each) for each in before)
    return [*short, *others] if is_same else list(lines)


def _spellings(query: Sequence[tuple[str, str]]) -> Iterator[list[re.Match[str] | None]]:
    """The beginnings of the criteria, and of the filters among them, as they are spelled."""
    for pattern in (_ROOT, _GROUPS):
        yield [pattern.match(name) for name, _ in query]


def _criteria(parameters: Iterable[SentParameter]) -> list[tuple[tuple[str, ...], str]]:
    """What Magento reads of search criteria, whatever their spelling and order."""
    found = [(keys, each.value) for each in parameters if (keys := criteria_keys(each.name)) is not None]
    return sorted((keys, value) for keys, value in found if keys[-1:] != ("conditiontype",) or value != "eq")


def _name(line: str) -> str:
    return unquote_plus(line.partition("=")[0])


class _CriteriaWriter:
    """Writes criteria in the spelling that the query has already: of two spellings, Magento ignores one."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = [*names]
        self._root = next((match[1] for name in self._names if (match := _ROOT.match(name))), "searchCriteria")
        groups = next((match[0] for name in self._names if (match := _GROUPS.match(name))), "")
        self._groups = groups or f"{self._root}[filter_groups]"
        self._orders = max((int(match[1]) + 1 for name in self._names if (match := _ORDER.match(name))), default=0)

    def parameters(self, short: re.Match[str]) -> Iterator[SentParameter]:
        """Raises ValueError with what is wrong."""
        word, rest = (short["word"] or "").lower(), short["rest"] or ""
        if word in ("where", "and"):
            yield from self._filters(read_shown_rows(rest))
        elif word == "sort":
            yield from self._order(rest)
        elif word == "page":
            yield from self._page(rest)
        else:
            yield SentParameter(f"{self._root}[pageSize]", short["size"])

    def _filters(self, rows: Sequence[Sequence[Condition]]) -> Iterator[SentParameter]:
        for _, name, value in [*parameters_of(rows, self._names)]:
            parameter = SentParameter(_GROUPS.sub(lambda _: self._groups, name), value)
            self._names.append(name)  # the next row is another group
            yield parameter

    def _order(self, text: str) -> Iterator[SentParameter]:
        match = _SORT.fullmatch(text)
        if match is None:
            raise ValueError("write a field and asc or desc, such as: sort created_at desc")
        place = f"{self._root}[sortOrders][{self._orders}]"
        self._orders += 1
        yield SentParameter(f"{place}[field]", match["field"])
        yield SentParameter(f"{place}[direction]", (match["direction"] or "asc").upper())

    def _page(self, text: str) -> Iterator[SentParameter]:
        match = _PAGE.fullmatch(text)
        if match is None:
            raise ValueError("write a number and, if wanted, a size, such as: page 2, 50 per page")
        if match["page"]:
            yield SentParameter(f"{self._root}[currentPage]", match["page"])
        if size := match["size"] or match["only"]:
            yield SentParameter(f"{self._root}[pageSize]", size)


@dataclass(frozen=True, slots=True)
class LineSuggestion:
    """What a line can become, and what that means."""

    line: str
    meaning: str = ""


_CONDITIONS = {
    "=": "equal to",
    "!=": "not equal to",
    ">": "greater than, or after",
    ">=": "greater than or equal to",
    "<": "less than, or before",
    "<=": "less than or equal to",
    "like": "% is any text, _ any character",
    "in": "one of these: a,b,c",
    "nin": "none of these: a,b,c",
    "is null": "has no value",
    "is not null": "has a value",
    "nlike": "not like this",
    "finset": "a list that contains this",
    "nfinset": "a list that does not contain this",
    **dict.fromkeys(("eq", "neq", "gt", "gteq", "lt", "lteq"), "as Magento calls it"),
}
_WHERE = re.compile(
    r"(?P<start>(?:where|and)\s+(?:.*\s+(?:or|and)\s+)?)(?P<field>[\w.-]*)(?P<gap>\s*)(?P<condition>.*)", re.I
)
_SORTED = re.compile(r"(?P<start>sort\s+)(?P<field>[\w.-]*)(?P<gap>\s*)(?P<direction>\w*)", re.IGNORECASE)


def suggested_lines(line: str, path: str, known: ApiPath | None, method: str = "GET") -> list[LineSuggestion]:
    """What this line of a query can become, best first, for a path of the REST API; `known` is what it accepts.

    Whole lines are suggested as far as they mean something for this method, which is in upper case.
    """
    if match := _WHERE.fullmatch(line):
        start, typed = match["start"], match["field"]
        if not match["gap"] and not match["condition"]:
            return _fitting([LineSuggestion(f"{start}{field} ") for field in _fields(path, known)], f"{start}{typed}")
        before = f"{start}{typed}{match['gap'] or ' '}"
        conditions = [LineSuggestion(f"{before}{each} ".rstrip() + " ", what) for each, what in _CONDITIONS.items()]
        return [each for each in conditions if each.line.startswith(line) and each.line != line]
    if match := _SORTED.fullmatch(line):
        start, typed = match["start"], match["field"]
        if not match["gap"]:
            return _fitting([LineSuggestion(f"{start}{field} ") for field in _fields(path, known)], f"{start}{typed}")
        fields = _fields(path, known)
        near = most_similar(typed, fields, MISSPELT) if typed not in fields else ""
        ways = [way for way in ("asc", "desc") if way.startswith(match["direction"].lower())]
        named = [(each, way) for each in filter(None, (near, typed)) for way in ways]
        return [LineSuggestion(f"{start}{each} {way}", _order(each, way, near)) for each, way in named]
    return [] if "=" in line else _fitting(list(_whole_lines(known, method)), line)


def _order(field: str, way: str, near: str) -> str:
    """What this order means; nothing of a field instead of which the `near` one is probably meant."""
    is_date = field.endswith(_DATES) and field == (near or field)
    return {"asc": "the oldest first", "desc": "the newest first"}[way] if is_date else ""


def _whole_lines(known: ApiPath | None, method: str) -> Iterator[LineSuggestion]:
    is_read = method in _READING
    is_searched = is_read and (known is None or known.is_searched)
    if is_searched:
        yield LineSuggestion("where ", "a filter: where status = pending or status = new")
        yield LineSuggestion("sort ", "sort created_at desc")
        yield LineSuggestion("page 1, 20 per page")
    yield from (LineSuggestion(f"{name}=") for name in (known.parameters if known is not None and is_read else ()))
    yield LineSuggestion("fields=", "only these of the response: items[sku,name],total_count")
    if is_searched:
        place = "searchCriteria[filter_groups][0][filters][0]"
        order = "searchCriteria[sortOrders][0]"
        names = [f"{place}[{name}]=" for name in ("field", "value", "condition_type")]
        names += [f"{order}[{name}]=" for name in ("field", "direction")]
        yield from map(LineSuggestion, [*names, "searchCriteria[pageSize]=", "searchCriteria[currentPage]="])


def _fitting(suggestions: Sequence[LineSuggestion], typed: str) -> list[LineSuggestion]:
    """Those that begin with what was typed, then those that contain its last word; none where it is one of them."""
    wanted = typed.casefold()
    if any(each.line == typed for each in suggestions):
        return []
    word = wanted.rpartition(" ")[2]
    beginning = [each for each in suggestions if each.line.casefold().startswith(wanted)]
    return beginning + [each for each in suggestions if each not in beginning and word in each.line.casefold()]


def _fields(path: str, known: ApiPath | None) -> list[str]:
    """The fields that a list can be filtered and sorted by, as far as they are known: those of its pages first."""
    entity = listed_by(path)
    found = known.fields if known is not None else usual_fields(path)
    fields = [*found] if entity is None else [*with_own(entity, found)]
    first = [each for each in (entity.filter, entity.cursor) if each] if entity is not None else []
    common = [each for each in COMMON_FIELDS if each in fields]
    return list(dict.fromkeys([*first, *common, *fields]))
