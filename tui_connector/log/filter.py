"""The filter language of the log: `~m post & (~s 5xx | ~t 2s) !login`.

A word without an operator matches what a row and its exchange show. Adjacent terms are joined by "and", which binds
tighter than `|`; `and` and `or` between two terms are the same as `&` and `|`; `!` applies to the next term, and so
does `not` before one. Words end at a space, `&`, `|` or a parenthesis; quote text that contains one of these, or is one
of these words. A condition such as `entity_id > 500` compares the value of a field, with the signs and words of other
languages, too. Case never matters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..client.exchange import Exchange
from ..errors import InvalidValue
from ..misspelling import most_similar
from .field_condition import PATTERN as FIELD_CONDITION
from .field_condition import SIGN, SIGN_WORD, SIGNS, FieldCondition
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
from .shown_text import row_text

MAX_LENGTH = 2_000
"""Characters of a filter."""
_IN_ADDRESS = ("~p", "~u")
"""Operators that find a search criterion of their name anyway."""
IN_TEXT = (*_IN_ADDRESS, "~h", "~b")
"""Operators that find a part of a text."""
_MOST_WORDS = 20
"""Words of a search that are looked for one by one."""
MAX_DEPTH = 50
"""Levels of nested parentheses."""

_TOKEN = re.compile(
    rf"""\s*(?:
        (?P<sign>&{{1,2}}|\|{{1,2}}|[!()])
      | (?P<operator>~[^\s&|!()"'~]*)
      | (?P<quoted>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
      | (?P<open>["'])
      | (?P<condition>{FIELD_CONDITION})
      | (?P<word>[^\s&|()]+)
      | (?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_ATTRIBUTE = re.compile(
    rf"""\s*([a-z]+)(?:\s*(:\s*(?:>=|<=|[<>])|:|{SIGN})\s*|\s+({SIGN_WORD}|is\s+not|is|equals|contains)\s+)
        (?!(?:not\s+)?null\b)
        (\d[\d.]*\s*(?:ms|s|m|b|kb|mb)\b|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^\s&|()"'!~<>=≥≤≠:][^\s&|()]*)""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
"""A word that may stand for an operator, a sign or a word for one, and the operator's argument."""
_WORDS_FOR_SIGNS = {"is": "=", "equals": "=", "is not": "!=", "contains": ":"}
_SIGNS = re.compile(r"[=<>≥≤≠~]+")
_JOINS = {"and": "&", "or": "|"}
_BEFORE_TERM = re.compile(r"\s*[^\s&|)]")
_BEFORE_JOIN = re.compile(rf"\s*(?:{'|'.join(_JOINS)})(?![^\s&|()])", re.IGNORECASE)
_IS_CONDITION = re.compile(FIELD_CONDITION, re.IGNORECASE | re.DOTALL)
_ORDERED = re.compile(r"\s*[\w.\[\]-]+\s*(?:[<>]=?|[≥≤])\s*[\w\"'-]")
"""A comparison by greater or less."""
_BARE = re.compile(r"[^\s&|()!~\"'][^\s&|()]*")


class BadFilter(InvalidValue):
    """An invalid filter; `column`, from 1, is the position of the error."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__("filter", message, place=f"column {column}")
        self.column = column


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
            elif term.operator in (ANYTHING, *_IN_ADDRESS):
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


def parse(text: str) -> Filter:
    """Parses a filter. Raises `BadFilter`."""
    if len(text) > MAX_LENGTH:
        raise _too_long()
    return _Parser(text).parse()


@dataclass(frozen=True, slots=True)
class PlacedTerm:
    """A term, and where in the text of its filter it is."""

    start: int
    end: int
    term: Expression
    is_word: bool
    """Whether it is a text without an operator or quotes."""


def placed_terms(text: str) -> list[PlacedTerm]:
    """The terms of a filter in their order. Raises `BadFilter`."""
    if len(text) > MAX_LENGTH:
        raise _too_long()
    parser = _Parser(text)
    parser.parse()
    return parser.terms


def _too_long() -> BadFilter:
    return BadFilter(f"a filter has at most {MAX_LENGTH} characters", MAX_LENGTH + 1)


def comparison_in(text: str) -> Expression | None:
    """What a text such as "status >= 400" or "entity_id > 500" compares; None where it is no comparison of an order."""
    if _ORDERED.match(text) is None:
        return None
    try:
        return parse(text).expression
    except BadFilter:  # a part of a page or of a program, such as "a > (b"
        return None


def search_for(text: str) -> Filter:
    """Finds a text in rows, headers and bodies, also what it compares, such as "status >= 400".

    Several words are also found in any places of an exchange. A text with an operator is a filter. Raises `BadFilter`.
    """
    if "~" in text:
        return parse(text)
    if not text:
        return Filter()
    wanted: Expression = Words(text) if len(text.split()) > 1 else Term(ANYTHING, text)
    compared = comparison_in(text)
    return Filter(wanted if compared is None else Or((wanted, compared)))


def text_found(text: str, exchange: Exchange) -> str:
    """What of an exchange a search for this text has found, as its details show it; "" where that is not a text.

    Of words in several places, the longest of those that its row does not show.
    """
    if "~" in text:
        return ""
    compared = comparison_in(text)
    if compared is not None and compared.compile()[1](exchange):
        return next(iter(Filter(compared).found_in(exchange)), "")
    words = Words(text)
    if len(words.words) < 2 or _anything(text)(exchange) or not Filter(words).matches(exchange):
        return text
    shown = f"{row_text(exchange)}\n{exchange.uri}".casefold()
    found = [each for each in words.words if not is_method_or_status(each)]
    return max(found, key=lambda word: (word.casefold() not in shown, len(word)), default=text)


def help_rows() -> Iterator[tuple[str, str]]:
    """The language as a table of examples and their meanings."""
    for each in OPERATORS.values():
        yield each.example, each.description
    yield "status >= 400  path:cart", "the same by name; also method, time, size, …"
    yield "a b   a & b   a and b", "both"
    yield "a | b   a or b", "either, or both"
    yield "!a   not a", "not this"
    yield "(a | b) c", "parentheses group"
    yield '"a b"  "a = 1"', "quotes keep spaces and signs: a text"


def _wanted(expression: Expression | None, *, with_negated: bool = False) -> Iterator[Term | Words]:
    """The terms of an expression that are not negated, or all."""
    if isinstance(expression, Term | Words):
        yield expression
    elif isinstance(expression, And | Or):
        for part in expression.parts:
            yield from _wanted(part, with_negated=with_negated)
    elif isinstance(expression, Not) and with_negated:
        yield from _wanted(expression.inner, with_negated=True)


def named_in(term: Term) -> tuple[str, str, str] | None:
    """The name, the colon and the value of a text such as `stauts:4xx`, whose name is that of nothing."""
    named = _ATTRIBUTE.fullmatch(term.argument) if term.operator == ANYTHING else None
    return (named[1], ":", _unquoted(named[4])) if named and named[2] == ":" else None


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
    if _BARE.fullmatch(text) and not _IS_CONDITION.fullmatch(text) and not _SIGNS.match(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL) if text[:1] in ("'", '"') else text


@dataclass(frozen=True, slots=True)
class _Lexeme:
    kind: str
    text: str
    column: int


class _Parser:
    """A recursive descent parser, with one method for each level of precedence."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._depth = 0
        self._position = 0
        self._before: _Lexeme | None = None
        """The token before the one that is read next."""
        self._token = self._read()
        self.terms: list[PlacedTerm] = []
        """Those that were read."""

    def parse(self) -> Filter:
        if self._token.kind == "end":
            return Filter()
        expression = self._parse_or()
        if self._token.kind != "end":  # only a closing parenthesis ends an expression early
            raise BadFilter("unmatched parenthesis", self._token.column)
        return Filter(expression)

    def _read(self) -> _Lexeme:
        match = _TOKEN.match(self._text, self._position)
        assert match is not None  # `word` and `end` take whatever is left
        assert match.lastgroup is not None
        self._position = match.end()
        kind, text, column = match.lastgroup, match[match.lastgroup], match.start(match.lastgroup) + 1
        if kind == "sign":
            text = text[0]  # && and || are the same
        elif kind == "word" and text.lower() in _JOINS and self._is_between_terms():
            kind, text = "sign", _JOINS[text.lower()]
        elif kind == "word" and text.lower() == "not" and self._is_negation():
            kind, text = "sign", "!"
        return _Lexeme(kind, text, column)

    def _is_between_terms(self) -> bool:
        """Whether the token that was just read follows a term, and is followed by one."""
        before = self._before
        starts_term = before is None or (before.kind == "sign" and before.text != ")") or self._is_argument()
        return not starts_term and _BEFORE_TERM.match(self._text, self._position) is not None

    def _is_negation(self) -> bool:
        """Whether the word `not`, which was just read, is followed by a term that it negates; "is not" is a text."""
        if self._is_argument() or (self._before is not None and self._before.text.lower() == "is"):
            return False
        is_joined = _BEFORE_JOIN.match(self._text, self._position) is not None
        return not is_joined and _BEFORE_TERM.match(self._text, self._position) is not None

    def _is_argument(self) -> bool:
        """Whether the token that was just read is the argument of an operator."""
        before = self._before
        if before is None or before.kind != "operator":
            return False
        return before.text not in OPERATORS or OPERATORS[before.text].takes_argument

    def _next(self) -> _Lexeme:
        self._before = token = self._token
        self._token = self._read()
        return token

    def _is(self, sign: str) -> bool:
        return self._token.kind == "sign" and self._token.text == sign

    def _parse_or(self) -> Expression:
        parts = [self._parse_and()]
        while self._is("|"):
            self._next()
            parts.append(self._parse_and())
        return Or(tuple(parts)) if len(parts) > 1 else parts[0]

    def _parse_and(self) -> Expression:
        parts = [self._parse_not()]
        while not (self._token.kind == "end" or self._is("|") or self._is(")")):
            if self._is("&"):
                self._next()
            parts.append(self._parse_not())
        return And(tuple(parts)) if len(parts) > 1 else parts[0]

    def _parse_not(self) -> Expression:
        signs = 0
        while self._is("!"):
            self._next()
            signs += 1
        inner = self._parse_group() if self._is("(") else self._parse_placed_term()
        if not signs % 2:
            return inner
        return inner.inner if isinstance(inner, Not) else Not(inner)

    def _parse_group(self) -> Expression:
        opened = self._next()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise BadFilter(f"more than {MAX_DEPTH} nested parentheses", opened.column)
        expression = self._parse_or()
        if not self._is(")"):
            raise BadFilter("this parenthesis is not closed", opened.column)
        self._next()
        self._depth -= 1
        return expression

    def _parse_placed_term(self) -> Expression:
        token = self._token
        term = self._parse_term()
        end = self._token.column - 1
        end -= len(self._text[:end]) - len(self._text[:end].rstrip())
        is_word = token.kind == "word" and isinstance(term, Term) and term.operator == ANYTHING
        self.terms.append(PlacedTerm(token.column - 1, end, term, is_word))
        return term

    def _parse_term(self) -> Expression:
        token = self._token
        if token.kind == "operator":
            return self._parse_operator()
        if token.kind in ("word", "condition") and (meant := self._parse_attribute(token)) is not None:
            return meant
        if token.kind == "condition":
            return Term(CONDITION, str(FieldCondition.parse(self._next().text)))
        if token.kind == "word":
            self._check_sign(token)
        argument = self._parse_argument("a term is missing here")
        return self._checked(Term(ANYTHING, argument), token.column)

    def _parse_operator(self) -> Expression:
        token = self._next()
        known = OPERATORS.get(token.text)
        if known is None:
            raise BadFilter(_unknown(token.text), token.column)
        if not known.takes_argument:
            return Term(token.text)
        column = self._token.column
        argument = self._parse_argument(f"{token.text} needs a value, such as {known.example.partition('  ')[0]}")
        return self._checked(Term(token.text, argument), column)

    def _parse_attribute(self, token: _Lexeme) -> Expression | None:
        """What a term such as "status >= 400" or "path:orders" means; a search criterion may be called so, too."""
        match = _ATTRIBUTE.match(self._text, token.column - 1)
        if match is None:
            return None
        word = re.sub(r"\s+", " ", match[3] or "").lower()
        sign = _WORDS_FOR_SIGNS.get(word, word) or re.sub(r":\s*(?=.)", "", match[2])
        name, value = match[1], _unquoted(match[4])
        found = attribute(name, sign, value)
        if found is None:
            return None
        operator, argument, negated = found
        if word in _WORDS_FOR_SIGNS and (operator in IN_TEXT) != (word == "contains"):
            return None  # such as the text "body is empty"
        self._position = match.end()
        self._before = token
        self._token = self._read()
        term: Expression = Term(operator, argument)
        term = Not(term) if negated else term
        is_criterion = sign != ":" and operator not in _IN_ADDRESS
        if negated or not is_criterion:
            return term
        return Or((term, Term(CONDITION, str(FieldCondition.of(name, sign, value)))))

    @staticmethod
    def _check_sign(token: _Lexeme) -> None:
        """Raises `BadFilter` for a sign that compares nothing."""
        sign = _SIGNS.match(token.text)
        if sign is not None and sign[0] not in SIGNS:
            raise BadFilter(f"{sign[0]} is not an operator; use one of = != > < >= <= :", token.column)
        if sign is not None and sign[0] == token.text:
            raise BadFilter(f"{sign[0]} needs a name before it and a value after it", token.column)

    def _parse_argument(self, missing: str) -> str:
        token = self._token
        if token.kind == "open":
            raise BadFilter("this quote is not closed", token.column)
        if token.kind not in ("word", "condition", "quoted"):
            raise BadFilter(missing, token.column)
        self._next()
        return _unquoted(token.text) if token.kind == "quoted" else token.text

    def _checked(self, term: Term, column: int) -> Term:
        try:
            term.compile()
        except ValueError as error:
            raise BadFilter(str(error), column) from error
        return term


def _unknown(text: str) -> str:
    if text == "~":  # lists the operators
        listed = ((operator, each) for operator, each in OPERATORS.items() if operator and each.is_listed)
        with_value = ((operator, each) for operator, each in listed if each.takes_argument)
        return " ".join(f"{operator} {each.name}" for operator, each in with_value)  # fits into 80 columns
    if text[:2] in OPERATORS and OPERATORS[text[:2]].takes_argument:
        return f"{text} is unknown; write a space between {text[:2]} and {text[2:]}"
    names = {each.name.lower(): operator for operator, each in OPERATORS.items() if operator}
    if close := most_similar(text.lstrip("~"), names):
        return f"{text} is unknown; did you mean {names[close]}?"
    known = (operator for operator, each in OPERATORS.items() if operator and each.is_listed)
    return f"{text} is unknown; use one of {', '.join(known)}"
