"""A condition on a field of a request, such as `entity_id > 500`: of its search criteria, or a parameter of its query.

Values are compared whole: as numbers where both are numbers, otherwise as text, in which case does not matter.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..client.criteria_rows import quoted
from ..client.exchange import Exchange
from ..client.uri import parameters
from .blocks import Block
from .request_summary import Criterion, criteria_of, shown_criterion
from .uri_search import uri_search

SIGNS: Mapping[str, str] = {
    **dict.fromkeys(("=", "==", "===", "eq"), "="),
    **dict.fromkeys(("!=", "!==", "<>", "≠", "neq", "ne"), "≠"),
    **dict.fromkeys((">", "gt"), ">"),
    **dict.fromkeys(("<", "lt"), "<"),
    **dict.fromkeys((">=", "=>", "≥", "gteq", "gte"), "≥"),
    **dict.fromkeys(("<=", "=<", "≤", "lteq", "lte"), "≤"),
}
"""The sign that each spelling stands for, those of other languages and of Magento, too."""
SIGN = "|".join(re.escape(each) for each in sorted(SIGNS, key=len, reverse=True) if not each.isalpha())
SIGN_WORD = "|".join(sorted(filter(str.isalpha, SIGNS), key=len, reverse=True))
_WORD = rf"n?like|n?in|n?finset|{SIGN_WORD}"
_QUOTED = r"'(?:[^']|'')*'|\"(?:\\.|[^\"\\])*\""
_DATE = r"\d{4}-\d\d-\d\d\s+\d\d:\d\d(?::\d\d)?"
_PLAIN = r"[^\s&|()\"'!~=<>≥≤≠][^\s&|()]*"
_VALUE = rf"{_QUOTED}|{_DATE}|{_PLAIN}"
PATTERN = (
    rf"[\w.\[\]-]+(?:\s*(?:{SIGN})\s*|\s+(?:{_WORD})\s+)(?:{_VALUE})"
    r"|[\w.\[\]-]+\s+is\s+(?:not\s+)?null\b"
)
"""A regular expression for a condition, without groups."""
_PARTS = re.compile(
    rf"(?P<field>[\w.\[\]-]+)(?:\s*(?P<sign>{SIGN})\s*|\s+(?P<word>{_WORD})\s+)(?P<value>.+)"
    r"|(?P<whether>[\w.\[\]-]+)\s+is\s+(?P<negated>not\s+)?null",
    re.IGNORECASE | re.DOTALL,
)
_BARE = re.compile(rf"(?:{_DATE}|{_PLAIN})", re.IGNORECASE)
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "≠": operator.ne,
    ">": operator.gt,
    "≥": operator.ge,
    "<": operator.lt,
    "≤": operator.le,
}
_IMPLIED_BY = {
    (">", ">"): "≥",
    (">", "≥"): "≥",
    ("≥", ">"): ">",
    ("≥", "≥"): "≥",
    ("<", "<"): "≤",
    ("<", "≤"): "≤",
    ("≤", "<"): "<",
    ("≤", "≤"): "≤",
}
"""By the sign of a criterion and that of a condition: how their values compare where one follows from the other."""
_NUMBER = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,15})?")


@dataclass(frozen=True, slots=True)
class FieldCondition:
    """A field, a sign or word of a condition, and a value; `is null` and `is not null` have none."""

    field: str
    sign: str
    value: str = ""

    @classmethod
    def parse(cls, text: str) -> FieldCondition:
        """The condition in a text that matches `PATTERN`. Raises ValueError for another one."""
        parts = _PARTS.fullmatch(text)
        if parts is None:
            raise ValueError(f"{text!r} is not a condition: use such as entity_id > 500")
        if parts["whether"]:
            return cls(parts["whether"], "is not null" if parts["negated"] else "is null")
        sign = (parts["sign"] or parts["word"]).lower()
        return cls(parts["field"], SIGNS.get(sign, sign), _unquoted(parts["value"]))

    @classmethod
    def of(cls, field: str, sign: str, value: str) -> FieldCondition:
        """The condition with this sign, in any spelling."""
        return cls(field, SIGNS[sign], value)

    def __str__(self) -> str:
        """As it is written in a filter."""
        if self.sign.startswith("is"):
            return f"{self.field} {self.sign}"
        return f"{self.field} {self.sign} {self.value if _BARE.fullmatch(self.value) else quoted(self.value)}"

    def matches(self, exchange: Exchange) -> bool:
        return any(True for _ in self.found_in(exchange.uri))

    def found_in(self, uri: str) -> Iterator[str]:
        """What of the address it is true of, as rows show it."""
        wanted = self.field.casefold()
        for each in criteria_of(uri):
            if each.field.casefold() == wanted and self._follows_from(each):
                yield shown_criterion(each)
        for name, value in _query(uri):
            if _is_named(name, wanted) and self._holds_for(value):
                yield f"page {value}" if name.casefold().endswith("[currentpage]") else f"{name}={value}"

    def _holds_for(self, value: str) -> bool:
        return self.sign in _COMPARE and _is_true(value, self.sign, self.value)

    def _follows_from(self, criterion: Criterion) -> bool:
        """Whether it is true of all items that the criterion finds, or is what the criterion says."""
        if self.sign.startswith("is"):
            return criterion.sign == self.sign
        if criterion.sign == self.sign and _is_true(criterion.value, "=", self.value):
            return True
        if criterion.sign == "in" and self.sign == "=":
            return any(_is_true(each.strip(), "=", self.value) for each in criterion.value.split(","))
        if criterion.sign == "=":
            return self._holds_for(criterion.value)
        sign = _IMPLIED_BY.get((criterion.sign, self.sign))
        return sign is not None and _is_true(criterion.value, sign, self.value)


def field_condition(text: str) -> Callable[[Exchange], bool]:
    """The test of a condition. Raises ValueError."""
    return FieldCondition.parse(text).matches


def possible_field_condition(text: str) -> Callable[[Block], bool]:
    """Whether the condition could be true of an exchange of a block. Raises ValueError."""
    found = uri_search(FieldCondition.parse(text).field.casefold())
    return lambda block: found(block.uris())


def _is_true(one: str, sign: str, other: str) -> bool:
    """Compares as numbers, or else as text; a number is neither greater nor less than a text."""
    are_numbers = bool(_NUMBER.fullmatch(one)), bool(_NUMBER.fullmatch(other))
    if all(are_numbers):
        return _COMPARE[sign](float(one), float(other))
    return (sign in "=≠" or not any(are_numbers)) and _COMPARE[sign](one.casefold(), other.casefold())


def _query(uri: str) -> Iterator[tuple[str, str]]:
    yield from ((name, value or "") for name, value in parameters(uri.partition("?")[2]))


def _is_named(name: str, wanted: str) -> bool:
    """Whether a parameter has this name, in full or as its last key: `page` is the `currentPage` that rows show."""
    folded = name.casefold()
    last = folded.rpartition("[")[2].removesuffix("]")
    return wanted in (folded, last) or (wanted == "page" and last == "currentpage")


def _unquoted(text: str) -> str:
    if text[0] == "'":
        return text[1:-1].replace("''", "'")
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL) if text[0] == '"' else text
