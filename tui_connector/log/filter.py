"""The filter language of the log: `~m post & (~s 5xx | ~t 2s) !login`.

Adjacent terms are joined by "and", which binds closer than `|`; `!` takes the one term after it. Words end at a space,
at `&`, `|` and parentheses; what holds one of these is put in quotes. All text is compared without regard to case."""

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
from ..client.message import Headers, Purpose
from ..errors import InvalidValue

SIZE = 64
"""Exchanges in a block."""
_KEPT_BODIES = 16_000
"""Bytes of a block's bodies that are kept a second time, joined; longer ones lie together in the memory anyway."""
_JOINED_BODIES = 1_000_000
"""Bytes that are joined for one look; longer bodies are searched one by one, with looks at the clock between."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The joined texts of a block."""

    headers: str
    """Each `name: value` of its requests and responses once, in lower case."""
    bodies: bytes | None
    """All bodies; None where they are long."""


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive exchanges, searched all at once: one look at their joined texts rules out nearly all blocks.

    The headers and bodies of 100,000 exchanges are millions of small objects: testing each header takes 0.5 s. Joined,
    with each header once, they are 20 MB, in which a word is found in 20 ms.
    """

    exchanges: Sequence[Exchange]
    texts: Callable[[], Texts]

    def uris(self) -> str:
        return "\n".join([each.uri for each in self.exchanges])

    def headers(self) -> str:
        return self.texts().headers

    def bodies(self) -> bytes | None:
        """None where they are too long to be searched in one go."""
        kept = self.texts().bodies
        return kept if kept is not None else _joined(self.exchanges, _JOINED_BODIES)


class BlockTexts:
    """The texts of each block, made once. It holds no exchanges, so that the ring alone bounds memory."""

    def __init__(self) -> None:
        self._texts: dict[int, Texts] = {}
        self._first = 0

    def of(self, block: int, exchanges: Sequence[Exchange]) -> Texts:
        """The texts of this block, made from its exchanges at the first call."""
        texts = self._texts.get(block)
        if texts is None:
            pairs = set(chain.from_iterable([each.headers for each in exchanges]))
            pairs.update(chain.from_iterable([each.request_headers for each in exchanges]))
            headers = "\n".join([f"{name}: {value}" for name, value in pairs]).casefold()
            texts = self._texts[block] = Texts(headers, _joined(exchanges, _KEPT_BODIES))
        return texts

    def forget(self, first: int) -> None:
        """Drops the texts of the blocks before this one."""
        for block in range(self._first, first):
            self._texts.pop(block, None)
        self._first = max(first, self._first)


def _joined(exchanges: Sequence[Exchange], most: int) -> bytes | None:
    bodies = [each.body.data for each in exchanges]
    bodies += [each.request_body.data for each in exchanges if each.request_body.data]
    return b"\n".join(bodies) if sum(map(len, bodies)) <= most else None


Predicate = Callable[[Exchange], bool]
Possible = Callable[[Block], bool]
"""Whether one of the block's exchanges could match; False is certain."""
PATH = ""
"""The operator of plain text."""

_BEFORE_PATH = 8
"""Characters of "https://": the first slash after them starts the path."""
_COMPARE = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "=": operator.eq}
_UNITS = {"": 0.001, "ms": 0.001, "s": 1.0, "m": 60.0}


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator: `compile` makes the test of its argument, and raises ValueError for an argument it cannot read."""

    name: str
    example: str
    description: str
    cost: int
    """Rough relative cost of a test: cheap ones are evaluated first."""
    compile: Callable[[str], Predicate]
    possible: Callable[[str], Possible] | None = None
    """Makes the test that rules out whole blocks; None where testing each exchange is as fast."""
    takes_argument: bool = True


def _text(argument: str) -> str:
    if not argument:
        raise ValueError("there is nothing to search for")
    return argument.casefold()


def _method(argument: str) -> Predicate:
    wanted = frozenset(_list(argument.upper()))
    return lambda exchange: exchange.method in wanted


def _status(argument: str) -> Predicate:
    tests = [_status_test(part) for part in _list(argument)]
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
    found = _in_uris(_text(argument))
    return lambda exchange: found(exchange.uri)


def _path(argument: str) -> Predicate:
    if "://" in argument:  # an address as it was pasted
        return _uri(argument)
    found = _in_uris(_text(argument))
    return lambda exchange: found(exchange.uri[exchange.uri.find("/", _BEFORE_PATH) :])


def _possible_uri(argument: str) -> Possible:
    found = _in_uris(_text(argument))
    return lambda block: found(block.uris())


def _in_uris(text: str) -> Callable[[str], bool]:
    """Looks for a folded text in one or several addresses, as they are and with their escapes undone."""
    own = {byte for form in (text, text.upper()) for byte in form.encode("utf-8", "replace") if byte < 0x80}
    # undoing escapes takes ten times as long, and shows nothing new unless one stands for a character of the text
    telling = re.compile("|".join(["%[89a-f]", *(f"%{byte:02x}" for byte in sorted(own))]))

    def found(uris: str) -> bool:
        folded = uris.casefold()
        return text in folded or (
            "%" in folded and telling.search(folded) is not None and text in unquote(uris).casefold()
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
    found = _in_bodies(argument)
    return lambda exchange: found(exchange.body.data) or found(exchange.request_body.data)


def _possible_body(argument: str) -> Possible:
    found = _in_bodies(argument)

    def possible(block: Block) -> bool:
        bodies = block.bodies()
        return bodies is None or found(bodies)

    return possible


def _in_bodies(argument: str) -> Callable[[bytes], bool]:
    """Looks for a text in one or several bodies."""
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


def _who(argument: str) -> Predicate:
    purposes, wanted = get_args(Purpose), frozenset(_list(argument.lower()))
    if unknown := wanted.difference(purposes):
        raise ValueError(f"unknown purpose {sorted(unknown)[0]!r}: use {', '.join(purposes)}")
    return lambda exchange: exchange.purpose in wanted


def _list(argument: str) -> list[str]:
    parts = [part.strip() for part in argument.split(",")]
    if not all(parts):
        raise ValueError("there is nothing to search for")
    return parts


OPERATORS: Mapping[str, Operator] = {
    PATH: Operator("text", "products", "the path or the query contains it", 3, _path, _possible_uri),
    "~u": Operator("URI", "~u acme.example", "the whole address contains it", 2, _uri, _possible_uri),
    "~m": Operator("method", "~m get  ~m put,post", "the method is one of these", 1, _method),
    "~s": Operator("status", "~s 404  ~s 4xx  ~s >=500  ~s none", "the status; none: no response", 1, _status),
    "~e": Operator("error", "~e", "no response, or a refusal", 1, _failed, takes_argument=False),
    "~t": Operator("time", "~t 200ms  ~t 1.5s  ~t <50ms", "took longer than this in total", 1, _time),
    "~w": Operator("who", "~w run  ~w test,login", "purpose: test, login, run or probe", 1, _who),
    "~h": Operator(
        "header", '~h x-cache  ~h "age: 0"', "a request or response header contains it", 20, _header, _possible_header
    ),
    "~b": Operator("body", '~b "no such entity"', "a request or response body contains it", 50, _body, _possible_body),
}


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


class BadFilter(InvalidValue):
    """A filter that cannot be read; `column` (from 1) is where."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__("filter", message, place=f"column {column}")
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
        return f"!{_grouped(self.inner, And, Or)}"

    def compile(self) -> tuple[int, Predicate]:
        cost, test = self.inner.compile()
        return cost, lambda exchange: not test(exchange)

    def possible(self) -> Possible | None:
        return None


@dataclass(frozen=True, slots=True)
class And:
    """What all of the expressions match; the cheap ones are evaluated first."""

    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        return " & ".join(_grouped(part, And, Or) for part in self.parts)

    def compile(self) -> tuple[int, Predicate]:
        cost, tests = _cheap_first(self.parts)
        return cost, lambda exchange: all(test(exchange) for test in tests)

    def possible(self) -> Possible | None:
        tests = [test for part in self.parts if (test := part.possible()) is not None]
        return (lambda block: all(test(block) for test in tests)) if tests else None


@dataclass(frozen=True, slots=True)
class Or:
    """What one of the expressions matches; the cheap ones are evaluated first."""

    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        return " | ".join(_grouped(part, Or) for part in self.parts)

    def compile(self) -> tuple[int, Predicate]:
        cost, tests = _cheap_first(self.parts)
        return cost, lambda exchange: any(test(exchange) for test in tests)

    def possible(self) -> Possible | None:
        tests = [test for part in self.parts if (test := part.possible()) is not None]
        return (lambda block: any(test(block) for test in tests)) if len(tests) == len(self.parts) else None


Expression = Term | Not | And | Or


@dataclass(frozen=True)
class Filter:
    """A filter that was read. Its text form reads back as the same filter; without an expression it matches all."""

    expression: Expression | None = None
    matches: Predicate = field(init=False, repr=False, compare=False)
    possible: Possible | None = field(init=False, repr=False, compare=False)
    """Whether one of a block's exchanges could match; None if each has to be tested."""

    def __post_init__(self) -> None:
        test = self.expression.compile()[1] if self.expression is not None else _everything
        object.__setattr__(self, "matches", test)
        object.__setattr__(self, "possible", self.expression.possible() if self.expression is not None else None)

    def __str__(self) -> str:
        return "" if self.expression is None else str(self.expression)


def parse(text: str) -> Filter:
    """The filter this text says. Raises `BadFilter` with the column where it cannot be read."""
    if len(text) > LONGEST:
        raise BadFilter(f"a filter has at most {LONGEST} characters", LONGEST + 1)
    return _Parser(text).whole()


def help_rows() -> Iterator[tuple[str, str]]:
    """The language as a table: what to write, and what it finds."""
    for each in OPERATORS.values():
        yield each.example, each.description
    yield "a b   a & b", "both"
    yield "a | b", "either, or both"
    yield "!a", "not this"
    yield "(a | b) c", "parentheses group"
    yield '"a b"', "quotes keep spaces and signs"


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
            raise BadFilter("unmatched parenthesis", self._token.column)
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
        return Or(tuple(parts)) if len(parts) > 1 else parts[0]

    def _both(self) -> Expression:
        parts = [self._not()]
        while not (self._token.kind == "end" or self._is("|") or self._is(")")):
            if self._is("&"):
                self._next()
            parts.append(self._not())
        return And(tuple(parts)) if len(parts) > 1 else parts[0]

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
            raise BadFilter(f"more than {DEEPEST} nested parentheses", opened.column)
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
        argument = self._argument(f"{token.text} needs a value, such as {known.example.partition('  ')[0]}")
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
        return f"{text} is unknown; write a space between {text[:2]} and {text[2:]}"
    names = {each.name.lower(): operator for operator, each in OPERATORS.items() if operator}
    close = get_close_matches(text.lower().lstrip("~"), names, 1)
    if close:
        return f"{text} is unknown; did you mean {names[close[0]]}?"
    return f"{text} is unknown; use one of {', '.join(operator for operator in OPERATORS if operator)}"
