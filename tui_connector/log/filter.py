"""The filter language of the log: `~m post & (~s 5xx | ~t 2s) !login`.

A word without an operator matches what a row and its exchange show. Adjacent terms are joined by "and", which binds
tighter than `|`; `!` applies to the next term. Words end at a space, `&`, `|` or a parenthesis; quote text that
contains one of these. All comparisons ignore case."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import chain
from typing import get_args
from urllib.parse import unquote

from ..client.exchange import Exchange
from ..client.message import METHODS, Headers, Purpose
from ..errors import InvalidValue

BLOCK_SIZE = 64
"""Exchanges in a block."""
_CACHED_BODIES = 16_000
"""Bytes of a block's bodies up to which their joined copy is cached."""
_MAX_JOINED = 1_000_000
"""Bytes of a block's bodies up to which they are joined for a search; longer ones are searched one by one."""


@dataclass(frozen=True, slots=True)
class JoinedTexts:
    """The joined texts of a block."""

    headers: str
    """Each `name: value` of its requests and responses once, in lower case."""
    bodies: bytes | None
    """All bodies; None if they are too long."""


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive exchanges that are searched together: a search of their joined texts rules out most blocks.

    The headers and bodies of 100,000 exchanges are millions of small objects, which take 0.5 s to search. Joined, with
    each header once, they are 20 MB, which take 20 ms.
    """

    exchanges: Sequence[Exchange]
    texts: Callable[[], JoinedTexts]

    def rows(self) -> str:
        """What rows show besides the URI: method, status, purpose and the reason of a failure, in lower case."""
        rows = [
            f"{each.method} {each.status} {each.purpose} {each.failure_text} {each.note}" for each in self.exchanges
        ]
        return "\n".join(rows).casefold()

    def uris(self) -> str:
        return "\n".join([each.uri for each in self.exchanges])

    def headers(self) -> str:
        return self.texts().headers

    def bodies(self) -> bytes | None:
        """All bodies; None if they are too long to be joined."""
        kept = self.texts().bodies
        return kept if kept is not None else _joined(self.exchanges, _MAX_JOINED)


class BlockTexts:
    """Caches the texts of each block, but no exchanges, so that the ring alone bounds memory."""

    def __init__(self) -> None:
        self._texts: dict[int, JoinedTexts] = {}
        self._first = 0

    def of(self, block: int, exchanges: Sequence[Exchange]) -> JoinedTexts:
        """The texts of this block, from the cache or joined from its exchanges."""
        texts = self._texts.get(block)
        if texts is None:
            pairs = set(chain.from_iterable([each.headers for each in exchanges]))
            pairs.update(chain.from_iterable([each.request_headers for each in exchanges]))
            headers = "\n".join([f"{name}: {value}" for name, value in pairs]).casefold()
            texts = self._texts[block] = JoinedTexts(headers, _joined(exchanges, _CACHED_BODIES))
        return texts

    def forget(self, first: int) -> None:
        """Drops the texts of the blocks before this one."""
        for block in range(self._first, first):
            self._texts.pop(block, None)
        self._first = max(first, self._first)


def _joined(exchanges: Sequence[Exchange], max_size: int) -> bytes | None:
    bodies = [each.body.data for each in exchanges]
    bodies += [each.request_body.data for each in exchanges if each.request_body.data]
    return b"\n".join(bodies) if sum(map(len, bodies)) <= max_size else None


Predicate = Callable[[Exchange], bool]
Possible = Callable[[Block], bool]
"""Whether an exchange of the block could match; False means that none does."""
ANYTHING = ""
"""The operator of plain text."""
_STATUS = re.compile("[1-5]([0-9]{2}|xx)", re.IGNORECASE)

_MIN_PATH_START = 8
"""Characters of "https://": the first slash after them starts the path."""
_COMPARE = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "=": operator.eq}
_UNITS = {"": 0.001, "ms": 0.001, "s": 1.0, "m": 60.0}


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator: `compile` returns the predicate for an argument, and raises ValueError for an invalid one."""

    name: str
    example: str
    description: str
    cost: int
    """Approximate relative cost; cheap tests run first."""
    compile: Callable[[str], Predicate]
    possible: Callable[[str], Possible] | None = None
    """Returns the test that rules out whole blocks; None if testing each exchange is as fast."""
    takes_argument: bool = True


def _text(argument: str) -> str:
    if not argument:
        raise ValueError("there is nothing to search for")
    return argument.casefold()


def _method(argument: str) -> Predicate:
    wanted = frozenset(_split_list(argument.upper()))
    return lambda exchange: exchange.method in wanted


def _status(argument: str) -> Predicate:
    tests = [_status_test(part) for part in _split_list(argument)]
    if len(tests) == 1:
        only = tests[0]
        return lambda exchange: only(exchange.status)
    return lambda exchange: any(test(exchange.status) for test in tests)


def _status_test(part: str) -> Callable[[int | None], bool]:
    if part.lower() == "none":
        return lambda status: status is None
    if match := re.fullmatch(r"([1-9])xx", part, re.IGNORECASE):
        hundreds = int(match[1])
        return lambda status: status is not None and status // 100 == hundreds
    match = re.fullmatch(r"(>=|<=|>|<|=)?\s*([0-9]{3})", part)
    if match is None:
        raise ValueError(f"{part!r} is not a status: use 404, 4xx, >=500, or none for no response")
    compare, wanted = _COMPARE[match[1] or "="], int(match[2])
    return lambda status: status is not None and bool(compare(status, wanted))


def _uri(argument: str) -> Predicate:
    found = _uri_search(_text(argument))
    return lambda exchange: found(exchange.uri)


def _path(argument: str) -> Predicate:
    if "://" in argument:  # a pasted address
        return _uri(argument)
    found = _uri_search(_text(argument))
    return lambda exchange: found(exchange.uri[exchange.uri.find("/", _MIN_PATH_START) :])


def _anything(argument: str) -> Predicate:
    """A method or a status is meant as such, and may be part of a path; other text may be anywhere."""
    found = _path(argument)
    if argument.upper() in METHODS:
        exact = _method(argument)
    elif _STATUS.fullmatch(argument):
        exact = _status(argument)
    else:
        text, in_header, in_body = _text(argument), _header(argument), _body(argument)
        return lambda exchange: (
            found(exchange)
            or text in (exchange.method.casefold(), exchange.purpose)
            or text in f"{exchange.failure_text}\n{exchange.note}".casefold()
            or in_header(exchange)
            or in_body(exchange)
        )
    return lambda exchange: exact(exchange) or found(exchange)


def _possible_anything(argument: str) -> Possible:
    text, in_header, in_body = _text(argument), _possible_header(argument), _possible_body(argument)
    in_uri = _possible_uri(argument)
    if argument.upper() in METHODS or _STATUS.fullmatch(argument):
        shown = text.removesuffix("xx")
        return lambda block: shown in block.rows() or in_uri(block)
    return lambda block: in_uri(block) or text in block.rows() or in_header(block) or in_body(block)


def _possible_uri(argument: str) -> Possible:
    found = _uri_search(_text(argument))
    return lambda block: found(block.uris())


def _uri_search(text: str) -> Callable[[str], bool]:
    """A search for a casefolded text in one or several URIs, as they are and percent-decoded."""
    own_bytes = {byte for form in (text, text.upper()) for byte in form.encode("utf-8", "replace") if byte < 0x80}
    # decoding takes ten times as long, and is only useful if an escape stands for a character of the text
    relevant_escapes = re.compile("|".join(["%[89a-f]", *(f"%{byte:02x}" for byte in sorted(own_bytes))]))

    def found(uris: str) -> bool:
        folded = uris.casefold()
        return text in folded or (
            "%" in folded and relevant_escapes.search(folded) is not None and text in unquote(uris).casefold()
        )

    return found


def _header(argument: str) -> Predicate:
    text = _text(argument)

    def found(headers: Headers) -> bool:
        return any(text in f"{name}: {value}".casefold() for name, value in headers)

    return lambda exchange: found(exchange.request_headers) or found(exchange.headers)


def _possible_header(argument: str) -> Possible:
    text = _text(argument)
    return lambda block: text in block.headers()


def _body(argument: str) -> Predicate:
    found = _body_search(argument)
    return lambda exchange: found(exchange.body.data) or found(exchange.request_body.data)


def _possible_body(argument: str) -> Possible:
    found = _body_search(argument)

    def possible(block: Block) -> bool:
        bodies = block.bodies()
        return bodies is None or found(bodies)

    return possible


def _body_search(argument: str) -> Callable[[bytes], bool]:
    """A search for a text in one or several bodies."""
    text = _text(argument)
    # PHP's json_encode writes / as \/ and everything beyond ASCII as \uXXXX
    escaped = {json.dumps(form)[1:-1] for form in (argument, argument.lower(), argument.upper())}
    forms = {argument, *escaped, *(form.replace("/", "\\/") for form in escaped)}
    wanted = {form.encode("utf-8", "replace").lower() for form in forms}
    plain = argument.isascii()  # bytes.lower() knows ASCII only

    def found(data: bytes) -> bool:
        if not data:
            return False
        lower = data.lower()
        return any(form in lower for form in wanted) or (
            not plain and not data.isascii() and text in data.decode("utf-8", "replace").casefold()
        )

    return found


def _time(argument: str) -> Predicate:
    match = re.fullmatch(r"(>=|<=|>|<)?\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(ms|s|m)?", argument)
    if match is None:
        raise ValueError(f"{argument!r} is not a duration: use 200ms, 1.5s, or <50ms for faster ones")
    compare, limit = _COMPARE[match[1] or ">"], float(match[2]) * _UNITS[match[3] or ""]
    return lambda exchange: bool(compare(exchange.timings.total, limit))


def _failed(_: str) -> Predicate:
    return lambda exchange: exchange.failed


def _purpose(argument: str) -> Predicate:
    purposes, wanted = get_args(Purpose), frozenset(_split_list(argument.lower()))
    if unknown := wanted.difference(purposes):
        raise ValueError(f"unknown purpose {sorted(unknown)[0]!r}: use {', '.join(purposes)}")
    return lambda exchange: exchange.purpose in wanted


def _split_list(argument: str) -> list[str]:
    parts = [part.strip() for part in argument.split(",")]
    if not all(parts):
        raise ValueError("there is nothing to search for")
    return parts


OPERATORS: Mapping[str, Operator] = {
    ANYTHING: Operator(
        "text",
        "post  404  products",
        "the method, status, or anything in it",
        60,
        _anything,
        _possible_anything,
    ),
    "~p": Operator("path", "~p products", "the path or the query contains it", 3, _path, _possible_uri),
    "~u": Operator("URI", "~u acme.example", "the whole address contains it", 2, _uri, _possible_uri),
    "~m": Operator("method", "~m get  ~m put,post", "the method is one of these", 1, _method),
    "~s": Operator("status", "~s 404  ~s 4xx  ~s >=500  ~s none", "the status; none: no response", 1, _status),
    "~e": Operator("error", "~e", "no response, or a refusal", 1, _failed, takes_argument=False),
    "~t": Operator("time", "~t 200ms  ~t 1.5s  ~t <50ms", "took longer than this in total", 1, _time),
    "~w": Operator("who", "~w run  ~w test,login", "purpose: test, login, run or probe", 1, _purpose),
    "~h": Operator(
        "header", '~h x-cache  ~h "age: 0"', "a request or response header contains it", 20, _header, _possible_header
    ),
    "~b": Operator("body", '~b "no such entity"', "a request or response body contains it", 50, _body, _possible_body),
}


MAX_LENGTH = 2_000
"""Characters of a filter."""
MAX_DEPTH = 50
"""Levels of nested parentheses."""

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


Expression = Term | Not | And | Or


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


def parse(text: str) -> Filter:
    """Parses a filter. Raises `BadFilter`."""
    if len(text) > MAX_LENGTH:
        raise BadFilter(f"a filter has at most {MAX_LENGTH} characters", MAX_LENGTH + 1)
    return _Parser(text).parse()


def help_rows() -> Iterator[tuple[str, str]]:
    """The language as a table of examples and their meanings."""
    for each in OPERATORS.values():
        yield each.example, each.description
    yield "a b   a & b", "both"
    yield "a | b", "either, or both"
    yield "!a", "not this"
    yield "(a | b) c", "parentheses group"
    yield '"a b"', "quotes keep spaces and signs"


def _match_all(_: Exchange) -> bool:
    return True


def _compile_sorted(parts: tuple[Expression, ...]) -> tuple[int, list[Predicate]]:
    compiled = sorted((part.compile() for part in parts), key=lambda each: each[0])
    return sum(cost for cost, _ in compiled), [test for _, test in compiled]


def _in_parentheses(expression: Expression, *kinds: type) -> str:
    return f"({expression})" if isinstance(expression, kinds) else str(expression)


def _quoted(text: str) -> str:
    if _BARE.fullmatch(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


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
        self._token = self._read()

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
        return _Lexeme(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup) + 1)

    def _next(self) -> _Lexeme:
        token, self._token = self._token, self._read()
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
        inner = self._parse_group() if self._is("(") else self._parse_term()
        return Not(inner) if signs % 2 else inner

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

    def _parse_term(self) -> Expression:
        token = self._token
        if token.kind == "operator":
            return self._parse_operator()
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

    def _parse_argument(self, missing: str) -> str:
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
    if text == "~":  # lists the operators
        return " ".join(f"{operator} {each.name}" for operator, each in OPERATORS.items() if operator)
    if text[:2] in OPERATORS and OPERATORS[text[:2]].takes_argument:
        return f"{text} is unknown; write a space between {text[:2]} and {text[2:]}"
    names = {each.name.lower(): operator for operator, each in OPERATORS.items() if operator}
    close = get_close_matches(text.lower().lstrip("~"), names, 1)
    if close:
        return f"{text} is unknown; did you mean {names[close[0]]}?"
    return f"{text} is unknown; use one of {', '.join(operator for operator in OPERATORS if operator)}"
