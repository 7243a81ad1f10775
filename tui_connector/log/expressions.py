"""What a filter is made of: terms and how they are joined, as predicates and as text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..client.exchange import Exchange
from .field_condition import PATTERN as FIELD_CONDITION
from .field_condition import FieldCondition
from .needle import Needle
from .operators import (
    ANYTHING,
    CONDITION,
    OPERATORS,
    Possible,
    Predicate,
    attribute,
    found_anywhere,
    found_as_meant,
    is_method_or_status,
    possibly_anywhere,
    reads_bodies,
    wants_status,
)

IN_ADDRESS = ("~p", "~u")
"""Operators that find a search criterion of their name anyway."""
IN_TEXT = (*IN_ADDRESS, "~h", "~b")
"""Operators that find a part of a text."""
_MOST_WORDS = 20
"""Words of a search that are looked for one by one."""
_IS_CONDITION = re.compile(FIELD_CONDITION, re.IGNORECASE | re.DOTALL)
LEADING_SIGNS = re.compile(r"[=<>≥≤≠~]+")
"""What begins a word that compares nothing."""
_BARE = re.compile(r"[^\s&|()!~\"'][^\s&|()]*")


@dataclass(frozen=True, slots=True)
class Term:
    """An operator (`ANYTHING` for plain text) and its argument."""

    operator: str
    argument: str = ""

    def __str__(self) -> str:
        if not OPERATORS[self.operator].takes_argument:
            return self.operator
        return f"{self.operator} {_quoted(self.argument)}".strip()

    def compile(self) -> tuple[int, Predicate]:
        known = OPERATORS[self.operator]
        return known.cost, known.compile(self.argument)

    def possible(self) -> Possible | None:
        make = OPERATORS[self.operator].possible
        return make(self.argument) if make is not None else None

    def reads_bodies(self) -> bool:
        return reads_bodies(self.operator, self.argument)


@dataclass(frozen=True, slots=True)
class Not:
    """Matches if the expression does not."""

    inner: Expression

    def __str__(self) -> str:
        return f"!{_in_parentheses(self.inner, And, Or)}"

    def compile(self) -> tuple[int, Predicate]:
        cost, test = self.inner.compile()
        return cost, lambda exchange: not test(exchange)

    def possible(self) -> Possible | None:
        return None

    def reads_bodies(self) -> bool:
        return self.inner.reads_bodies()


@dataclass(frozen=True, slots=True)
class And:
    """Matches if all expressions do; cheap ones are evaluated first."""

    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        return " & ".join(_in_parentheses(part, And, Or) for part in self.parts)

    def compile(self) -> tuple[int, Predicate]:
        cost, tests = _compile_sorted(self.parts)
        return cost, lambda exchange: all(test(exchange) for test in tests)

    def possible(self) -> Possible | None:
        tests = [test for part in self.parts if (test := part.possible()) is not None]
        return (lambda block: all(test(block) for test in tests)) if tests else None

    def reads_bodies(self) -> bool:
        return any(part.reads_bodies() for part in self.parts)


@dataclass(frozen=True, slots=True)
class Or:
    """Matches if one of the expressions does; cheap ones are evaluated first."""

    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        return " | ".join(_in_parentheses(part, Or) for part in self.parts)

    def compile(self) -> tuple[int, Predicate]:
        cost, tests = _compile_sorted(self.parts)
        return cost, lambda exchange: any(test(exchange) for test in tests)

    def possible(self) -> Possible | None:
        tests = [test for part in self.parts if (test := part.possible()) is not None]
        return (lambda block: any(test(block) for test in tests)) if len(tests) == len(self.parts) else None

    def reads_bodies(self) -> bool:
        return any(part.reads_bodies() for part in self.parts)


@dataclass(frozen=True, slots=True)
class Words:
    """Several words of a search: in any places of an exchange (row, address, headers, bodies), or as one text.

    A method or a status among them is meant as such, or as a whole number in a body, unless all are one text.
    """

    text: str

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._all))[:_MOST_WORDS]

    @property
    def _all(self) -> list[str]:
        return re.sub("·", " ", self.text).split()

    def __str__(self) -> str:
        return _quoted(self.text)

    def compile(self) -> tuple[int, Predicate]:
        tests = [found_as_meant(each) if is_method_or_status(each) else found_anywhere(each) for each in self.words]
        needle = Needle(self.text)
        if len(needle.words) == len(self._all) and not any(map(is_method_or_status, self.words)):
            return 80, lambda exchange: all(test(exchange) for test in tests)  # what has the text has the words
        as_text = _anything(self.text)
        return 120, lambda exchange: all(test(exchange) for test in tests) or as_text(exchange)

    def possible(self) -> Possible | None:
        words = sorted(set(Needle(self.text).words[:_MOST_WORDS]), key=len, reverse=True)
        tests = [_possible(each) for each in words]  # a long one is rare, and so rules out most at once
        return lambda block: all(test(block) for test in tests)

    def reads_bodies(self) -> bool:
        return True


def _anything(text: str) -> Predicate:
    return OPERATORS[ANYTHING].compile(text)


def _possible(word: str) -> Possible:
    anywhere, meant = possibly_anywhere(word), OPERATORS[ANYTHING].possible
    if meant is None or not is_method_or_status(word):
        return anywhere
    as_meant = meant(word)
    return lambda block: as_meant(block) or anywhere(block)


Expression = Term | Words | Not | And | Or


@dataclass(frozen=True)
class Filter:
    """A parsed filter, whose text form parses to the same filter. Without an expression it matches all exchanges."""

    expression: Expression | None = None
    matches: Predicate = field(init=False, repr=False, compare=False)
    possible: Possible | None = field(init=False, repr=False, compare=False)
    """Whether an exchange of a block could match; None if each has to be tested."""

    def __post_init__(self) -> None:
        test = self.expression.compile()[1] if self.expression is not None else _match_all
        object.__setattr__(self, "matches", test)
        object.__setattr__(self, "possible", self.expression.possible() if self.expression is not None else None)

    def __str__(self) -> str:
        return "" if self.expression is None else str(self.expression)

    def found_in(self, exchange: Exchange) -> tuple[str, ...]:
        """The texts that it looks for in the row of this exchange: words, and what of it a condition is true of."""
        found: list[str] = []
        for term in _wanted(self.expression):
            if isinstance(term, Words):
                found += [term.text, *term.words]
            elif term.operator == CONDITION:
                found += FieldCondition.parse(term.argument).found_in(exchange.uri)
            elif term.operator in (ANYTHING, *IN_ADDRESS):
                found.append(term.argument)
        return tuple(found)

    @property
    def conditions(self) -> tuple[Term, ...]:
        """The terms that are only found in the search criteria and the parameters of requests, negated ones apart."""
        return tuple(
            term
            for term in _wanted(self.expression)
            if isinstance(term, Term) and term.operator == CONDITION and not is_attribute(term)
        )

    @property
    def wants_status(self) -> bool:
        """Whether it looks for a status, which requests without a response do not have."""
        return any(
            isinstance(term, Term) and wants_status(term.operator, term.argument) for term in _wanted(self.expression)
        )

    @property
    def reads_bodies(self) -> bool:
        """Whether what it finds depends on bodies."""
        return self.expression is not None and self.expression.reads_bodies()


def _wanted(expression: Expression | None, *, with_negated: bool = False) -> Iterator[Term | Words]:
    """The terms of an expression that are not negated, or all."""
    if isinstance(expression, Term | Words):
        yield expression
    elif isinstance(expression, And | Or):
        for part in expression.parts:
            yield from _wanted(part, with_negated=with_negated)
    elif isinstance(expression, Not) and with_negated:
        yield from _wanted(expression.inner, with_negated=True)


def is_attribute(term: Term) -> bool:
    """Whether the condition is also one on the exchange itself, such as `status >= 400`."""
    condition = FieldCondition.parse(term.argument)
    return attribute(condition.field, condition.sign, condition.value) is not None


def _match_all(_: Exchange) -> bool:
    return True


def _compile_sorted(parts: tuple[Expression, ...]) -> tuple[int, list[Predicate]]:
    compiled = sorted((part.compile() for part in parts), key=lambda each: each[0])
    return sum(cost for cost, _ in compiled), [test for _, test in compiled]


def _in_parentheses(expression: Expression, *kinds: type) -> str:
    return f"({expression})" if isinstance(expression, kinds) else str(expression)


def _quoted(text: str) -> str:
    if _BARE.fullmatch(text) and not _IS_CONDITION.fullmatch(text) and not LEADING_SIGNS.match(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
