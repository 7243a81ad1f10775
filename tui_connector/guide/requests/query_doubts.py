"""What of a query is probably not meant as it is sent: criteria that are misspelt, run into a value, or are ignored."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from urllib.parse import unquote_plus

from ...client.criteria_rows import (
    COMMON_FIELDS,
    CONDITION_TYPES,
    LIST_CONDITIONS,
    Condition,
    is_misspelt_condition,
    is_of_its_type,
    meant_rows,
    read_shown_rows,
)
from ...errors import InvalidValue
from ...magento.criteria import is_searched_field
from ...magento.entities.search_fields import SEARCH_FIELDS, usual_fields
from ...magento.projection import PARAMETER, bracket_fault, names_at
from ...misspelling import most_similar
from ..rest_api import ApiPath
from .ignored_parameters import CRITERIA_ROOTS, second_spelling, why_ignored
from .query_lines import is_short, sent_parameters, sorted_field, split_short, unsendable

_SIGNS = "=<>≠≤≥"
_BEGINS_WITH_SIGN = re.compile(rf"!?[{_SIGNS}]")
_FIELD = r"[A-Za-z_][\w.-]*"
_COMPARISON = re.compile(
    rf"(?:^|[\s,;&|]\s*){_FIELD}(?:\s+!?[{_SIGNS}]|[!{_SIGNS}]+\s*[^\s{_SIGNS}])"
    rf"|[\s,;&|]\s*(?:{_FIELD}\s*!?[{_SIGNS}]|[!{_SIGNS}]+(?!\S))"
)
"""A field and a sign, at the start of a value or behind a part of it; a value such as "YWJj==" ends with signs."""
_ENGLISH = ("like", "in", "to", "from")
"""Conditions that are also words of a text: they are one only behind a field that is known, or looks like one."""
_NULL = re.compile(r"(?:not\s+)?null\b", re.IGNORECASE)
_SEPARATORS = ",;&|"
_NEARLY = 0.7
"""The similarity above which a field is a misspelt one."""
_SEARCHED = frozenset(chain.from_iterable(SEARCH_FIELDS.values()))
"""What Magento's lists can be searched by, also where their items have no such field."""
_SHOWN = 60
"""Characters of what a message repeats."""
_LINE_IN_VALUE = re.compile(
    r"(?:\s|(?<=\d))(?P<line>sort\s+(?:by\s+)?[\w.-]+\s+(?:asc|desc)|sort\s+(?:by\s+)?\w+_\w+"
    r"|page\s+\d+(?:\s*,?\s*\d+\s+per\s+page)?|\d+\s+per\s+page)\Z",
    re.IGNORECASE,
)
"""What may be a line of its own at the end of a value."""
_ITEMS = "items"
_LIST = (_ITEMS, "search_criteria", "total_count")
"""The fields of a response with a list (Magento\\Framework\\Api\\SearchResultsInterface)."""

_WHERE = re.compile(r"^where\s+", re.IGNORECASE)
_FIELD_AND_VALUE = 2
"""Words of a line that may lack the sign between them."""
_WORDS = ("where", "and", "or", "sort", "page")
_SIZE = re.compile(
    r"(?:page[\s_-]*size|size|limit|per[\s_-]*page)\s*[=:]?\s*(\d+)(?:\s*per\s*page)?|(\d+)\s*per\s*page", re.IGNORECASE
)
_OF_JSON = re.compile(r"""[{\[]\s*(["'{\[\]}]|$)|"[^"=]*"\s*:|[\]}][\]},\s]*$""")
"""How a line of a JSON text begins: the first or last one, or one with a name and a value."""
_NUMBER = re.compile(r"(?:current[\s_-]*)?page(?:[\s_-]*(?:number|no))?\s*[=:]?\s*(\d+)", re.IGNORECASE)
_SORTED = re.compile(
    r"(?:sort|order)(?:ed)?[\s_-]*(?:by)?\s*[=:]?\s+(?P<field>[\w.]+)(?:[\s,:]+(?P<direction>asc|desc)\w*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _List:
    """What is known of the list that a query searches."""

    fields: Collection[str] = ()
    """The simple fields of its items; empty if they are not known."""
    nested: Collection[str] = ()
    """Their other fields."""
    numbers: Collection[str] = ()
    is_searched: bool = False

    @classmethod
    def of(cls, path: str, known: ApiPath | None) -> _List:
        """That of this path; what Magento usually has there, where the schema of the store is not known."""
        if known is None:
            return cls(usual_fields(path))
        return cls(known.fields, known.nested, known.numbers, known.is_searched)

    def about_field(self, name: str) -> str:
        """What is odd about searching or sorting by this field; "" where it may be one, also of custom attributes."""
        is_known = name in self.fields or name in COMMON_FIELDS or name in _SEARCHED
        return "" if is_known else self._meant(name, self.fields)

    def about_response(self, fields: str) -> str:
        """What is odd about a response with these fields; "" where nothing is."""
        if fault := bracket_fault(fields):
            return f"{fault}, so that Magento would send no items"
        if not self.is_searched:
            return ""
        there = (*self.fields, *self.nested)
        for name in names_at(fields):
            if name not in _LIST and name in there:
                return f"{name} is a field of the items; did you mean {_ITEMS}[{name}]?"
            if name not in _LIST and (near := most_similar(name, _LIST, _NEARLY)):
                return f"the response has no field {name}; did you mean {near}?"
        named = names_at(fields, [_ITEMS]) if there else []
        return next(filter(None, (self._meant(each, there) for each in named if each not in there)), "")

    @staticmethod
    def _meant(name: str, names: Collection[str]) -> str:
        near = most_similar(name, names, _NEARLY)
        return f"no field {name} of this list is known; did you mean {near}?" if near else ""


def doubts(
    lines: Sequence[str],
    *,
    sent_before: Collection[str] = (),
    known: ApiPath | None = None,
    path: str | None = "",
    typed: int = -1,
) -> list[str]:
    """For each line that is probably not meant as it is sent: which one it is, and what is odd.

    `sent_before`: lines that are sent as they were. `known`: what the path accepts, if that is known. `path`: as in the
    schema of the store; None for an address that is not one of Magento's REST API. `typed`: the line that is still
    being typed, if any, of which a word may lack its end. The lines are valid: `sent_parameters` accepts them.
    """
    listed = _List.of(path or "", known)
    found, spellings = [], dict[str, str]()
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line or (number == typed + 1 and _is_begun(line, listed)):
            continue
        doubt = next(_about(line, listed), "")
        if path is not None and not is_short(line):
            doubt = doubt or why_ignored(line, known) or second_spelling(line, spellings) or _about_fields(line, listed)
        if doubt and line not in sent_before:
            found.append(f"Line {number} of the query: {doubt}")
    return found


def _is_begun(line: str, listed: _List) -> bool:
    """Whether the last word of a line that is being typed may lack its end."""
    if not is_short(line):
        return not re.search(f"[{_SIGNS}]", line)
    field = sorted_field(line)
    return bool(field) and line.endswith(field) and any(each.startswith(field) for each in listed.fields)


def _meant_line(line: str) -> str:
    """What was probably meant by a line that is not one of the criteria in short; "" where that is not known."""
    if line.startswith("?") and not any(_about_parameter(line[1:])):
        return line[1:]
    words = re.sub(r"^(\w+):", r"\1", line).split()
    if found := _SIZE.fullmatch(" ".join(words)):
        return f"{found[1] or found[2]} per page"
    if found := _NUMBER.fullmatch(" ".join(words)):
        return f"page {found[1]}"
    if found := _SORTED.fullmatch(" ".join(words)):
        return " ".join(filter(None, ["sort", found["field"], (found["direction"] or "").lower()]))
    candidates = [words, ["where", *words]]
    if words and (near := most_similar(words[0], _WORDS)):
        candidates.insert(0, [near, *words[1:]])
    if rows := meant_rows(_WHERE.sub("", " ".join(words))):
        candidates.append(["where", rows])
    if len(words) == _FIELD_AND_VALUE and (words[0] in COMMON_FIELDS or "_" in words[0]):
        candidates.append(["where", words[0], "=", words[1]])
    for candidate in map(" ".join, candidates):
        if candidate != line and _is_clear(candidate):
            return candidate
    return ""


def _is_clear(line: str) -> bool:
    """Whether this is criteria in short without a doubt."""
    if not is_short(line):
        return False
    try:
        sent_parameters([line])
    except InvalidValue:
        return False
    return not any(_about(line, _List()))


def _about(line: str, listed: _List) -> Iterator[str]:
    """What is odd about a line that can be sent."""
    if not is_short(line):
        yield from _about_parameter(line)
        return
    word, rest = split_short(line)
    if word in ("where", "and"):
        for row in read_shown_rows(rest):
            for condition in row:
                yield from _about_condition(condition, listed)
    elif doubt := listed.about_field(sorted_field(line)):
        yield doubt


def _about_fields(line: str, listed: _List) -> str:
    """What is odd about the fields that a parameter names; "" where nothing is, or it names none."""
    name, _, value = map(unquote_plus, line.partition("="))
    if name == PARAMETER:
        return listed.about_response(value)
    return listed.about_field(value) if is_searched_field(name) else ""


def _about_parameter(line: str) -> Iterator[str]:
    """A parameter has a name without spaces; with them, or with a sign, something else was meant."""
    if _OF_JSON.match(line):
        yield f"{_shown(line)} looks like a body: write it below (Tab leads there)"
        return
    name, equals, _ = line.partition("=")
    is_name = name == name.strip() and not re.search(rf"[\s{_SIGNS}]", name) and name[:1] not in ("?", "!")
    if is_name and not name.endswith(("!", ":")) and line.lower() not in _WORDS and (name or not equals):
        if not equals and name.strip("&") and name not in CRITERIA_ROOTS:
            yield f"{_shown(line)} has no value; write {_shown(f'{line}=')} and a value"
        return
    if line.lower().startswith("or "):
        yield f"or joins conditions of one line, such as: where status = new {line}"
        return
    if equals and not name.strip():
        yield f"{_shown(line)} has no name before the ="
        return
    meant = _meant_line(line)
    hint = f"; did you mean: {meant}" if meant else "; criteria in short begin with where, sort or page"
    state = "is not a search criterion, and not valid as a parameter" if unsendable(line) else "is sent as a parameter"
    yield f"{_shown(line)} {state}{hint}"


def _about_condition(condition: Condition, listed: _List) -> Iterator[str]:
    if doubt := listed.about_field(condition.field):
        yield doubt
    value = condition.value
    if not condition.is_quoted:
        yield from _about_value(condition, listed)
    if value and not is_of_its_type(condition, listed.numbers):
        yield f"{condition.field} is a number, and the value is {_shown(value)}"


def _about_value(condition: Condition, listed: _List) -> Iterator[str]:
    """What is odd about a value that is not in quotes."""
    value = condition.value
    if _BEGINS_WITH_SIGN.match(value):
        yield f"the value begins with a sign: {_shown(value)}; correct the sign, or write the value in quotes"
    elif found := _COMPARISON.search(value):
        yield _is_in_value(value[found.start() :].lstrip(f" {_SEPARATORS}"))
    elif (start := _word_of_condition(value, listed.fields)) is not None:
        yield _is_in_value(start)
    elif found := _LINE_IN_VALUE.search(value):
        where = "write it on a line of its own, or the whole value in quotes"
        yield f"{_shown(found['line'])} is part of the value before it; {where}"
    elif condition.condition in LIST_CONDITIONS and (value[:1], value[-1:]) in (("(", ")"), ("[", "]")):
        yield f"a list is written without brackets: {condition.field} {condition.condition} {_shown_list(value)}"
    elif value.lower().split(" ")[0] in CONDITION_TYPES and " " in value:
        yield f"the value begins with a condition: {_shown(value)}; write one condition, or the value in quotes"


def _is_in_value(text: str) -> str:
    return f"{_shown(text)} is part of the value before it; write and between them, or the whole value in quotes"


def _word_of_condition(value: str, fields: Collection[str]) -> str | None:
    """Where another condition in words seems to begin in a value, behind its first word."""
    words = [*re.finditer(r"\S+", value)]
    for before, field, word in zip(words, words[1:], words[2:], strict=False):
        name, kind = field[0].strip(_SEPARATORS), word[0].lower()
        if not re.fullmatch(r"[A-Za-z_][\w.-]*", name):
            continue
        is_field = name in fields or name in COMMON_FIELDS or name in _SEARCHED or "_" in name
        is_condition = (
            (kind in CONDITION_TYPES and (is_field or kind not in _ENGLISH))
            or (kind == "is" and _NULL.match(value, word.end() + 1) is not None)
            or is_misspelt_condition(name, kind)
        )
        if is_condition and before[0]:
            return value[field.start() :]
    return None


def _shown(text: str) -> str:
    return f"“{text if len(text) <= _SHOWN else f'{text[: _SHOWN - 1]}…'}”"


def _shown_list(value: str) -> str:
    return ",".join(part.strip(" '\"") for part in value[1:-1].split(","))
