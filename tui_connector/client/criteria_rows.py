"""Magento's search criteria as readable rows, such as `status eq processing or status eq pending`.

All rows must match; within a row, one of the conditions joined by `or` is enough. Each row becomes a filter group.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_plus

from ..misspelling import most_similar

CONDITION_TYPES = (
    *("eq", "neq", "like", "nlike", "in", "nin", "is", "notnull", "null", "gt", "lt", "gteq", "lteq", "finset"),
    *("nfinset", "regexp", "from", "to", "seq", "sneq", "ntoa", "fulltext"),
)
"""Magento's condition types (Magento\\Framework\\DB\\Adapter\\Pdo\\Mysql); it silently reads any other one as "eq"."""

WITHOUT_VALUE = ("null", "notnull")
LIST_CONDITIONS = ("in", "nin", "finset", "nfinset")
"""Conditions whose value may be a list, sent as text with commas."""
_WRONG_CONDITIONS = {
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
_SIGNS = {
    "=": "eq",
    "==": "eq",
    "!=": "neq",
    "<>": "neq",
    "≠": "neq",
    ">": "gt",
    ">=": "gteq",
    "≥": "gteq",
    "<": "lt",
    "<=": "lteq",
    "≤": "lteq",
}
_SIGN = re.compile(r"\s*(?P<sign>>=|<=|!=|<>|==|[=<>≥≤≠])|\s+is\s+(?P<negated>not\s+)?null\b", re.IGNORECASE)
_SOME_VALUE = "1"
"""Magento needs a value for `null` and `notnull`, and ignores it."""
_FIELD = re.compile(r"[A-Za-z0-9_.-]+")
_WORD = re.compile(r"\S+")
_OR = re.compile(r"\s+or(?:\s+|$)", re.IGNORECASE)
_QUOTED = {quote: re.compile(rf"{quote}((?:[^{quote}]|{quote}{quote})*){quote}") for quote in "'\""}
_GROUPS = re.compile(r"(?:searchCriteria|search_criteria)\[(?:filter_?groups)\]\[(\d*)\]", re.IGNORECASE)
_EXAMPLE = '"status eq processing"'


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on a field; its value may contain placeholders."""

    field: str
    condition: str
    value: str

    def __str__(self) -> str:
        """As it is written in a row."""
        if self.condition in WITHOUT_VALUE:
            return f"{self.field} {self.condition}"
        value = self.value
        as_it_is = value == _plain(value, self.condition) and value[:1] not in ("", *_QUOTED)
        plain = as_it_is and not _OR.search(f" {value}")
        return f"{self.field} {self.condition} {value if plain else quoted(value)}"


def quoted(text: str) -> str:
    """The text in quotes, a quote within it written twice."""
    return "'" + text.replace("'", "''") + "'"


_NAME = re.compile(r"[^\s'\"=<>≠≤≥·]+")
_PLAIN_VALUE = re.compile(r"[^\s'\"·]*")
_LIKE_CONDITION = re.compile(r"\b(?:or|and|where)\b|[=<>≠≤≥·]|^\s|\s$|^['\"]|^$", re.IGNORECASE)


def shown_parameter(name: str, value: str | None) -> str:
    """A parameter of a query among conditions, in quotes as far as it could be read as one of them."""
    shown = name if _NAME.fullmatch(name) else quoted(name)
    if value is None:
        return shown
    return f"{shown}={value if _PLAIN_VALUE.fullmatch(value) else quoted(value)}"


def shown_value(value: str) -> str:
    """The value of a condition, in quotes where it could be read as another condition."""
    return quoted(value) if _LIKE_CONDITION.search(value) else value


def _plain(text: str, condition: str) -> str:
    """A value that is not in quotes."""
    return ",".join(part.strip() for part in text.split(",")) if condition in LIST_CONDITIONS else text.strip()


def read_row(row: str, *, signs: bool = False) -> tuple[Condition, ...]:
    """The conditions of a row, of which one must match. Raises ValueError with what is wrong.

    `signs`: they may also be written as the log shows them, such as `qty ≥ 5`, `qty>=5` and `sku is not null`.
    """
    found: list[Condition] = []
    rest = row.strip()
    while True:
        condition, rest = _condition(rest, signs=signs)
        found.append(condition)
        if not rest:
            return tuple(found)


def _condition(text: str, *, signs: bool) -> tuple[Condition, str]:
    """The first condition, and what is left after the `or` behind it."""
    field = _FIELD.match(text)
    if signs and field is not None and (sign := _SIGN.match(text, field.end())) is not None:
        written = sign["sign"]
        condition = _SIGNS[written] if written else "notnull" if sign["negated"] else "null"
        value, rest = _value(text[sign.end() :], f"{field[0]} {written or condition}", condition)
        return Condition(field[0], condition, value), rest
    if field is None or text[field.end() : field.end() + 1].strip():
        start = _WORD.match(text)
        wrong = f"{start[0][:60]!r} is not a field" if start else "a condition is missing"
        raise ValueError(f"{wrong}: write a field, a condition and a value, such as {_EXAMPLE}")
    word = _WORD.match(text, len(text) - len(text[field.end() :].lstrip()))
    if word is None:
        raise ValueError(f"{field[0]} has no condition: write one and a value, such as {_EXAMPLE}")
    condition = word[0].lower()
    if condition not in CONDITION_TYPES:
        raise ValueError(unknown_condition(word[0]))
    value, rest = _value(text[word.end() :], f"{field[0]} {condition}", condition)
    return Condition(field[0], condition, value), rest


def _value(text: str, before: str, condition: str) -> tuple[str, str]:
    """The value at the start of `text`, and what is left after the `or` behind it."""
    stripped = text.lstrip()
    if stripped[:1] in _QUOTED and condition not in WITHOUT_VALUE:
        quote = stripped[0]
        quoted = _QUOTED[quote].match(stripped)
        if quoted is None:
            raise ValueError(f"{before}: the quote {quote} is not closed; a quote within it is written twice")
        value, behind = quoted[1].replace(quote * 2, quote), stripped[quoted.end() :]
        following = _OR.match(behind)
        if following is None and behind.strip():
            raise ValueError(f"{before}: after the quoted value, there can only be or: {behind.strip()[:60]!r}")
    else:
        following = _OR.search(text)
        value, behind = _plain(text[: following.start()] if following else text, condition), text
    rest = behind[following.end() :].strip() if following else ""
    if following and not rest:
        raise ValueError(f"{before}: a condition is missing after or")
    if condition in WITHOUT_VALUE:
        if value:
            raise ValueError(f"{before} has no value: remove {value[:60]!r}")
        return _SOME_VALUE, rest
    if not value and stripped[:1] not in _QUOTED:
        raise ValueError(f"{before} has no value; an empty one is written ''")
    return value, rest


def unknown_condition(written: str) -> str:
    """The message for a condition that Magento does not have."""
    low = written.strip().lower()
    near = _WRONG_CONDITIONS.get(low) or most_similar(low, CONDITION_TYPES, 0.5)
    hint = f"did you mean {near!r}?" if near else f"it has {', '.join(CONDITION_TYPES)}"
    return f"{written!r} is not a condition type of Magento; {hint}"


def valid_row(row: str) -> str:
    """The row as it is. Raises ValueError."""
    read_row(row)
    return row


def parameters_of(rows: Sequence[Sequence[Condition]], names: Iterable[str] = ()) -> Iterator[tuple[int, str, str]]:
    """The parameters for these rows: the index of the row, the name and the value of each.

    `names`: the parameters that the request has already, whose filter groups are kept.
    """
    taken = [found[1] for name in names if (found := _GROUPS.match(name))]
    first = max((int(index) + 1 for index in taken if index), default=0) + taken.count("")  # [] takes the next index
    for number, row in enumerate(rows):
        for index, each in enumerate(row):
            place = f"searchCriteria[filter_groups][{first + number}][filters][{index}]"
            yield number, f"{place}[field]", each.field
            yield number, f"{place}[value]", each.value
            yield number, f"{place}[condition_type]", each.condition


def names_in_query(uri: str) -> list[str]:
    """The decoded names of the parameters in a URI."""
    query = uri.partition("#")[0].partition("?")[2]
    return [unquote_plus(part.partition("=")[0]) for part in query.split("&") if part]
