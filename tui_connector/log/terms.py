"""What a filter can ask of an exchange: one entry for each operator, from which parser and help are made."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import get_args
from urllib.parse import unquote

from ..client.exchange import Exchange
from ..client.message import Headers, Purpose
from .block import Block

Predicate = Callable[[Exchange], bool]
Possible = Callable[[Block], bool]
"""Whether one of the block's exchanges could match; False is certain."""
PATH = ""
"""The operator of plain text."""

_BEFORE_PATH = 8
"""Characters of "https://": the first slash after them begins the path."""
_COMPARE = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "=": operator.eq}
_UNITS = {"": 0.001, "ms": 0.001, "s": 1.0, "m": 60.0}


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator: `compile` makes the test of its argument, and raises ValueError for an argument it cannot read."""

    name: str
    example: str
    description: str
    cost: int
    """What one test takes, roughly, relative to the others: cheap ones are asked first."""
    compile: Callable[[str], Predicate]
    possible: Callable[[str], Possible] | None = None
    """Makes the test that rules out whole blocks; None where asking each exchange costs no more."""
    takes_argument: bool = True


def _text(argument: str) -> str:
    if not argument:
        raise ValueError("there is nothing to look for")
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
        raise ValueError(f"{part!r} is no status: use 404, 4xx, >=500, or none where no answer came")
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
        raise ValueError(f"{argument!r} is no time: use 200ms, 1.5s, or <50ms for what was faster")
    compare, limit = _COMPARE[match[1] or ">"], float(match[2]) * _UNITS[match[3] or ""]
    return lambda exchange: bool(compare(exchange.timings.total, limit))


def _failed(_: str) -> Predicate:
    return lambda exchange: exchange.failed


def _who(argument: str) -> Predicate:
    purposes, wanted = get_args(Purpose), frozenset(_list(argument.lower()))
    if unknown := wanted.difference(purposes):
        raise ValueError(f"nobody is called {sorted(unknown)[0]!r}: use {', '.join(purposes)}")
    return lambda exchange: exchange.purpose in wanted


def _list(argument: str) -> list[str]:
    parts = [part.strip() for part in argument.split(",")]
    if not all(parts):
        raise ValueError("there is nothing to look for")
    return parts


OPERATORS: Mapping[str, Operator] = {
    PATH: Operator("text", "products", "the path or the query contains it", 3, _path, _possible_uri),
    "~u": Operator("URI", "~u acme.example", "the whole address contains it", 2, _uri, _possible_uri),
    "~m": Operator("method", "~m get  ~m put,post", "the method is one of these", 1, _method),
    "~s": Operator("status", "~s 404  ~s 4xx  ~s >=500  ~s none", "the status; none: no answer came", 1, _status),
    "~e": Operator("error", "~e", "no answer, or a refusal", 1, _failed, takes_argument=False),
    "~t": Operator("time", "~t 200ms  ~t 1.5s  ~t <50ms", "took longer than this, in all", 1, _time),
    "~w": Operator("who", "~w run  ~w test,login", "who asked: test, login, run or probe", 1, _who),
    "~h": Operator(
        "header", '~h x-cache  ~h "age: 0"', "a header, asked or answered, contains it", 20, _header, _possible_header
    ),
    "~b": Operator("body", '~b "no such entity"', "a body, asked or answered, contains it", 50, _body, _possible_body),
}
