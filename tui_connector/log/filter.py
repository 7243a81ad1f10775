"""The filter language of the log: `~m post & (~s 5xx | ~t 2s) !login`.

Adjacent terms are joined by "and", which binds closer than `|`; `!` takes the one term after it. Words end at a space,
at `&`, `|` and parentheses; what holds one of these is put in quotes. All text is compared without regard to case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches

from ..client.exchange import Exchange
from .terms import OPERATORS, PATH, Possible, Predicate

LONGEST = 2_000
"""Characters of a filter."""
DEEPEST = 50
"""Parentheses within parentheses."""

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<sign>[&|!()])
      | (?P<operator>~[^\s&|!()"'~]*)
      | (?P<quoted>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
      | (?P<open>["'])
      | (?P<word>[^\s&|()]+)
      | (?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL,
)
_BARE = re.compile(r"[^\s&|()!~\"'][^\s&|()]*")


class BadFilter(ValueError):
    """A filter that cannot be read; `column` (from 1) is where."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(f"{message} (column {column})")
        self.message = message
        self.column = column


@dataclass(frozen=True, slots=True)
class Term:
    """One operator (`PATH` for plain text) and what it looks for."""

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


@dataclass(frozen=True, slots=True)
class Not:
    """What the expression does not match."""

    inner: Expression

    def __str__(self) -> str:
        return f"!{_grouped(self.inner, Both, Either)}"

    def compile(self) -> tuple[int, Predicate]:
        cost, test = self.inner.compile()
        return cost, lambda exchange: not test(exchange)

    def possible(self) -> Possible | None:
        return None


@dataclass(frozen=True, slots=True)
class Both:
    """What all of the expressions match; the cheap ones are asked first."""

    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        return " & ".join(_grouped(part, Both, Either) for part in self.parts)

    def compile(self) -> tuple[int, Predicate]:
        cost, tests = _cheap_first(self.parts)
        return cost, lambda exchange: all(test(exchange) for test in tests)

    def possible(self) -> Possible | None:
        tests = [test for part in self.parts if (test := part.possible()) is not None]
        return (lambda block: all(test(block) for test in tests)) if tests else None


@dataclass(frozen=True, slots=True)
class Either:
    """What one of the expressions matches; the cheap ones are asked first."""

    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        return " | ".join(_grouped(part, Either) for part in self.parts)

    def compile(self) -> tuple[int, Predicate]:
        cost, tests = _cheap_first(self.parts)
        return cost, lambda exchange: any(test(exchange) for test in tests)

    def possible(self) -> Possible | None:
        tests = [test for part in self.parts if (test := part.possible()) is not None]
        return (lambda block: any(test(block) for test in tests)) if len(tests) == len(self.parts) else None


Expression = Term | Not | Both | Either


@dataclass(frozen=True)
class Filter:
    """A filter that was read. Its text form reads back as the same filter; without an expression it matches all."""

    expression: Expression | None = None
    matches: Predicate = field(init=False, repr=False, compare=False)
    possible: Possible | None = field(init=False, repr=False, compare=False)
    """Whether one of a block's exchanges could match; None where only asking each of them tells."""

    def __post_init__(self) -> None:
        test = self.expression.compile()[1] if self.expression is not None else _everything
        object.__setattr__(self, "matches", test)
        object.__setattr__(self, "possible", self.expression.possible() if self.expression is not None else None)

    def __str__(self) -> str:
        return "" if self.expression is None else str(self.expression)


def parse(text: str) -> Filter:
    """The filter this text says. Raises `BadFilter` with the column where it cannot be read."""
    if len(text) > LONGEST:
        raise BadFilter(f"a filter has {LONGEST} characters at most", LONGEST + 1)
    return _Parser(text).whole()


def help_rows() -> Iterator[tuple[str, str]]:
    """The language as a table: what to write, and what it finds."""
    for each in OPERATORS.values():
        yield each.example, each.description
    yield "a b   a & b", "both"
    yield "a | b", "one of them, or both"
    yield "!a", "not this"
    yield "(a | b) c", "parentheses group"
    yield '"a b"', "quotes hold spaces and signs together"


def _everything(_: Exchange) -> bool:
    return True


def _cheap_first(parts: tuple[Expression, ...]) -> tuple[int, list[Predicate]]:
    compiled = sorted((part.compile() for part in parts), key=lambda each: each[0])
    return sum(cost for cost, _ in compiled), [test for _, test in compiled]


def _grouped(expression: Expression, *kinds: type) -> str:
    return f"({expression})" if isinstance(expression, kinds) else str(expression)


def _quoted(text: str) -> str:
    if _BARE.fullmatch(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    column: int


class _Parser:
    """Recursive descent, one method for each level of binding."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._depth = 0
        self._place = 0
        self._token = self._read()

    def whole(self) -> Filter:
        if self._token.kind == "end":
            return Filter()
        expression = self._either()
        if self._token.kind != "end":  # only a closing parenthesis ends an expression early
            raise BadFilter("this parenthesis closes nothing", self._token.column)
        return Filter(expression)

    def _read(self) -> _Token:
        match = _TOKEN.match(self._text, self._place)
        assert match is not None  # `word` and `end` take whatever is left
        assert match.lastgroup is not None
        self._place = match.end()
        return _Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup) + 1)

    def _next(self) -> _Token:
        token, self._token = self._token, self._read()
        return token

    def _is(self, sign: str) -> bool:
        return self._token.kind == "sign" and self._token.text == sign

    def _either(self) -> Expression:
        parts = [self._both()]
        while self._is("|"):
            self._next()
            parts.append(self._both())
        return Either(tuple(parts)) if len(parts) > 1 else parts[0]

    def _both(self) -> Expression:
        parts = [self._not()]
        while not (self._token.kind == "end" or self._is("|") or self._is(")")):
            if self._is("&"):
                self._next()
            parts.append(self._not())
        return Both(tuple(parts)) if len(parts) > 1 else parts[0]

    def _not(self) -> Expression:
        signs = 0
        while self._is("!"):
            self._next()
            signs += 1
        inner = self._group() if self._is("(") else self._term()
        return Not(inner) if signs % 2 else inner

    def _group(self) -> Expression:
        opened = self._next()
        self._depth += 1
        if self._depth > DEEPEST:
            raise BadFilter(f"more than {DEEPEST} parentheses within each other", opened.column)
        expression = self._either()
        if not self._is(")"):
            raise BadFilter("this parenthesis is not closed", opened.column)
        self._next()
        self._depth -= 1
        return expression

    def _term(self) -> Expression:
        token = self._token
        if token.kind == "operator":
            return self._operator()
        argument = self._argument("a term is missing here")
        return self._checked(Term(PATH, argument), token.column)

    def _operator(self) -> Expression:
        token = self._next()
        known = OPERATORS.get(token.text)
        if known is None:
            raise BadFilter(_unknown(token.text), token.column)
        if not known.takes_argument:
            return Term(token.text)
        column = self._token.column
        argument = self._argument(f"{token.text} needs what to look for, such as {known.example.partition('  ')[0]}")
        return self._checked(Term(token.text, argument), column)

    def _argument(self, missing: str) -> str:
        token = self._token
        if token.kind == "open":
            raise BadFilter("this quote is not closed", token.column)
        if token.kind not in ("word", "quoted"):
            raise BadFilter(missing, token.column)
        self._next()
        return token.text if token.kind == "word" else re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL)

    def _checked(self, term: Term, column: int) -> Term:
        try:
            term.compile()
        except ValueError as error:
            raise BadFilter(str(error), column) from error
        return term


def _unknown(text: str) -> str:
    if text == "~":  # somebody is about to choose
        return " ".join(f"{operator} {each.name}" for operator, each in OPERATORS.items() if operator)
    if text[:2] in OPERATORS and OPERATORS[text[:2]].takes_argument:
        return f"{text} is not known; a space goes between {text[:2]} and {text[2:]}"
    names = {each.name.lower(): operator for operator, each in OPERATORS.items() if operator}
    close = get_close_matches(text.lower().lstrip("~"), names, 1)
    if close:
        return f"{text} is not known; did you mean {names[close[0]]}?"
    return f"{text} is not known: there is {', '.join(operator for operator in OPERATORS if operator)}"
