"""The operators of the filter: what each finds in an exchange, and how it rules out whole blocks of them."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import get_args

from ..client.exchange import Exchange
from ..client.message import METHODS, Headers, Purpose
from ..client.printer import attempt_label
from ..misspelling import similar_names
from .blocks import Block
from .field_condition import SIGNS, field_condition, possible_field_condition
from .needle import Needle
from .shown_text import WORDS, query_text, remark, row_text, words_of_row
from .uri_search import uri_search

Predicate = Callable[[Exchange], bool]
Possible = Callable[[Block], bool]
"""Whether an exchange of the block could match; False means that none does."""
ANYTHING = ""
"""The operator of plain text."""
CONDITION = "~c"
"""The operator of a condition on a field of the request, such as `entity_id > 500`."""
_STATUS = re.compile("[1-5]([0-9]{2}|xx)", re.IGNORECASE)

_MIN_PATH_START = 8
"""Characters of "https://": the first slash after them starts the path."""
_COMPARE = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "=": operator.eq}
_ORDER = (">=", "<=", ">", "<")
_CRITERIA = re.compile(r"search_?criteria(?:(?:\[|%5b)\w*(?:\]|%5d))*(?==)", re.IGNORECASE)
"""A parameter of search criteria, whose name rows show in words of their own."""
_CRITERIA_NAMES = frozenset(
    {"searchcriteria", "sortorders", "pagesize", "currentpage", "conditiontype", "filtergroups"}
)
_COLON = re.compile(r'":\s*')
_SIZES = {"b": 1, "kb": 1_000, "mb": 1_000_000}
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
    names: tuple[str, ...] = ()
    """Words that stand for it before a sign and the argument, such as in "status >= 400"."""
    is_listed: bool = True
    """Whether it is written as an operator; another one only marks what the filter has understood."""
    signs: tuple[str, ...] = ("=", "!=")
    """The comparisons that these words allow, besides a colon."""


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
    found, shown = uri_search(_text(argument)), _QuerySearch(argument)
    return lambda exchange: found(exchange.uri) or shown.finds(exchange.uri)


def _path(argument: str) -> Predicate:
    if "://" in argument:  # a pasted address
        return _uri(argument)
    text, shown = _text(argument), _QuerySearch(argument)
    found = uri_search(text)
    # "orders" is not about each list whose parameters say searchCriteria[sortOrders]
    skips_names = text.isalnum() and text not in _CRITERIA_NAMES

    def matches(exchange: Exchange) -> bool:
        uri = exchange.uri[exchange.uri.find("/", _MIN_PATH_START) :]
        is_found = found(uri) and (not skips_names or found(_CRITERIA.sub("", uri)))
        return is_found or shown.finds(exchange.uri)

    return matches


def _anything(argument: str) -> Predicate:
    """A method or a status is meant as such, and may be part of a path; other text may be anywhere."""
    found = _path(argument)
    if argument.upper() in METHODS:
        exact = _method(argument)
    elif _STATUS.fullmatch(argument):
        exact = _status(argument)
    else:
        in_row, in_header, in_body = _row(argument), _header(argument), _body(argument)
        return lambda exchange: found(exchange) or in_row(exchange) or in_header(exchange) or in_body(exchange)
    return lambda exchange: exact(exchange) or found(exchange)


def reads_bodies(name: str, argument: str) -> bool:
    """Whether a term with this operator searches bodies."""
    return name == "~b" or (name == ANYTHING and not is_method_or_status(argument))


def wants_status(name: str, argument: str) -> bool:
    """Whether a term with this operator looks for a status."""
    if name == ANYTHING:
        return _STATUS.fullmatch(argument) is not None
    return name == "~s" and "none" not in _split_list(argument.lower())


def _row(argument: str) -> Predicate:
    text, wanted = _text(argument), Needle(argument)
    if not wanted.is_word:
        return lambda exchange: wanted.is_in(row_text(exchange))
    return lambda exchange: (
        text in (exchange.method.casefold(), exchange.purpose)
        or text
        in "\n".join(
            [exchange.reason, attempt_label(exchange), exchange.failure_text, remark(exchange), exchange.entity]
        ).casefold()
    )


def _possible_row(argument: str) -> Possible:
    text, wanted = _text(argument), Needle(argument)
    return (lambda block: text in block.rows()) if wanted.is_word else lambda block: wanted.is_in(block.row_texts())


def found_anywhere(word: str) -> Predicate:
    """Whether an exchange has this word anywhere: row, address as it is or as it is shown, header or body."""
    text, in_uri = word.casefold(), uri_search(word.casefold())
    in_header, in_body = _header(word), _body(word)
    is_column, is_written = _COLUMN.fullmatch(text) is not None, _WRITTEN.fullmatch(text) and text not in WORDS

    def in_row(exchange: Exchange) -> bool:
        return text in (row_text(exchange) if is_column else words_of_row(exchange)).casefold()

    def in_query(exchange: Exchange) -> bool:
        return not is_written and text in query_text(exchange.uri).casefold()

    return lambda exchange: (
        in_uri(exchange.uri) or in_body(exchange) or in_row(exchange) or in_header(exchange) or in_query(exchange)
    )


def found_as_meant(word: str) -> Predicate:
    """A method or a status in what was searched for: as such, in the path, or as a whole number in a body."""
    anything = _anything(word)
    if not word.isdecimal():
        return anything
    number = re.compile(rb"(?<![\w.])%b(?![\w.])" % word.encode())

    def found(data: bytes) -> bool:
        return number.search(data) is not None

    return lambda exchange: anything(exchange) or exchange.body.contains(found) or found(exchange.request_body.data)


def possibly_anywhere(word: str) -> Possible:
    """The same of a block: whether the longest part of the word that nothing writes in another way may be there."""
    text = max(_PART.findall(word.casefold()), key=len, default="")
    if len(text) < _SHORTEST_PART or not text.isascii() or _OF_COLUMN.fullmatch(text):
        return lambda _: True
    in_uri, in_header, in_body = uri_search(text), _possible_header(text), _possible_body(text)
    is_number, is_of_criteria = text.isdigit() and len(text) <= _LONGEST_NUMBER, text in WORDS

    def possible(block: Block) -> bool:
        uris = block.uris()
        if in_uri(uris) or (is_of_criteria and "criteria" in uris.casefold()):
            return True
        if in_body(block) or in_header(block) or text in block.rows():
            return True
        return is_number and text in block.numbers()

    return possible


_COLUMN = re.compile(r"#?[\d:.]+|ms?|s|[km]?b")
"""What a column of a row may contain that only rows show."""
_WRITTEN = re.compile(r"[\w./@-]+")
"""What rows show of an address as it is written there."""
_PART = re.compile(r"\w+")
_OF_COLUMN = re.compile(r"\d\d?|[mk]?[sb]")
"""A part of a time, or a unit."""
_SHORTEST_PART, _LONGEST_NUMBER = 2, 9
"""Characters below which nearly all exchanges have it somewhere, and up to which it may be a number in a column."""


def _possible_anything(argument: str) -> Possible:
    text, in_header, in_body = _text(argument), _possible_header(argument), _possible_body(argument)
    in_uri, in_row = _possible_uri(argument), _possible_row(argument)
    if is_method_or_status(argument):
        shown = text.removesuffix("xx")
        return lambda block: shown in block.rows() or in_uri(block)
    return lambda block: in_uri(block) or in_row(block) or in_header(block) or in_body(block)


def _possible_uri(argument: str) -> Possible:
    found, shown = uri_search(_text(argument)), _QuerySearch(argument)

    def possible(block: Block) -> bool:
        uris = block.uris()
        return found(uris) or shown.may_find(uris)

    return possible


class _QuerySearch:
    """Finds a text in addresses as rows and details show them, such as "entity_id > 900"."""

    def __init__(self, text: str) -> None:
        self._needle = Needle(text)
        self._words = [uri_search(word) for word in self._needle.words if word not in WORDS]

    def may_find(self, uris: str) -> bool:
        """Whether it may be found in one of several addresses: all of its words are there."""
        return not self._needle.is_word and all(found(uris) for found in self._words)

    def finds(self, uri: str) -> bool:
        return self.may_find(uri) and self._needle.is_in(query_text(uri))


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
    return lambda exchange: exchange.body.contains(found) or found(exchange.request_body.data)


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
    # details show `"sku": 1` of what was received as `"sku":1`
    forms |= {_COLON.sub(colon, form) for form in forms for colon in ('":', '": ')}
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


def is_method_or_status(text: str) -> bool:
    """Whether a text is a method, or a status such as 404 or 4xx."""
    return text.upper() in METHODS or _STATUS.fullmatch(text) is not None


def attribute(name: str, sign: str, value: str) -> tuple[str, str, bool] | None:
    """The operator and its argument that "status >= 400" means, and whether it is negated; None if it means none.

    A search criterion may have the same name: only what is a valid argument means the operator.
    """
    found = next((each for each, known in OPERATORS.items() if name.lower() in known.names), None)
    sign = SIGNS.get(sign, sign)
    sign = {"≥": ">=", "≤": "<=", "≠": "!="}.get(sign, sign)
    if found is None or (sign != ":" and sign not in OPERATORS[found].signs):
        return None
    argument = f"{sign}{value}" if sign[0] in "<>" else value
    try:
        OPERATORS[found].compile(argument)
    except ValueError:
        return None
    return found, argument, sign == "!="


def meant_attribute(name: str, sign: str, value: str, above: float) -> str:
    """The word for an operator that is more similar than `above` to a misspelt one, as in "stauts >= 400".

    Empty for none.
    """
    words = [word for known in OPERATORS.values() for word in known.names]
    near = similar_names(name, words, len(words), above)
    return next((word for word in near if attribute(word, sign, value) is not None), "")


def _size(argument: str) -> Predicate:
    match = re.fullmatch(r"(>=|<=|>|<)?\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(b|kb|mb)?", argument, re.IGNORECASE)
    if match is None:
        raise ValueError(f"{argument!r} is not a size: use 100KB, 1.5MB, or <1KB for smaller ones")
    compare, limit = _COMPARE[match[1] or ">"], float(match[2]) * _SIZES[(match[3] or "b").lower()]
    return lambda exchange: bool(compare(exchange.body.size, limit))


def _time(argument: str) -> Predicate:
    match = re.fullmatch(r"(>=|<=|>|<)?\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(ms|s|m)?", argument)
    if match is None:
        raise ValueError(f"{argument!r} is not a duration: use 200ms, 1.5s, or <50ms for faster ones")
    compare, limit = _COMPARE[match[1] or ">"], float(match[2]) * _UNITS[match[3] or ""]
    return lambda exchange: bool(compare(exchange.timings.total, limit))


def _attempt(argument: str) -> Predicate:
    match = re.fullmatch(r"(>=|<=|>|<|=)?\s*([0-9]{1,9})", argument)
    if match is None:
        raise ValueError(f"{argument!r} is not the number of an attempt: use 2, or >1 for all retries")
    compare, wanted = _COMPARE[match[1] or "="], int(match[2])
    return lambda exchange: bool(compare(exchange.attempt, wanted))


def _failed(_: str) -> Predicate:
    return lambda exchange: exchange.failed


def _incomplete(_: str) -> Predicate:
    return lambda exchange: exchange.is_partial


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
    "~p": Operator(
        "path",
        "~p products",
        "the path or the query contains it",
        3,
        _path,
        _possible_uri,
        names=("path", "query"),
    ),
    "~u": Operator(
        "URI",
        "~u acme.example",
        "the whole address contains it",
        2,
        _uri,
        _possible_uri,
        names=("uri", "url", "host"),
    ),
    "~m": Operator("method", "~m get  ~m put,post", "the method is one of these", 1, _method, names=("method", "verb")),
    "~s": Operator(
        "status",
        "~s 404  ~s 4xx  ~s >=500",
        "the status; ~s none: no response",
        1,
        _status,
        names=("status", "code"),
        signs=("=", "!=", *_ORDER),
    ),
    CONDITION: Operator(
        "condition",
        "entity_id > 500  page = 3",
        "a search criterion or a parameter, compared",
        8,
        field_condition,
        possible_field_condition,
        is_listed=False,
    ),
    "~e": Operator("error", "~e", "no response, or a refusal", 1, _failed, takes_argument=False),
    "~i": Operator(
        "incomplete", "~i", "a body was not kept in full, nor searched", 1, _incomplete, takes_argument=False
    ),
    "~t": Operator(
        "time",
        "~t 200ms  ~t 1.5s  ~t <50ms",
        "took longer than this in total",
        1,
        _time,
        names=("time", "duration", "took", "latency"),
        signs=_ORDER,
    ),
    "~z": Operator(
        "size",
        "~z 100KB  ~z <1KB",
        "the body of the response is larger",
        1,
        _size,
        names=("size", "bytes"),
        signs=_ORDER,
    ),
    "~a": Operator(
        "attempt",
        "attempt > 1",
        "which attempt of a request it is",
        1,
        _attempt,
        names=("attempt",),
        is_listed=False,
        signs=("=", "!=", *_ORDER),
    ),
    "~w": Operator(
        "who",
        "~w run  ~w test,login",
        "purpose: test, login, run, probe, user (by hand)",
        1,
        _purpose,
        names=("who", "purpose"),
    ),
    "~h": Operator(
        "header",
        '~h x-cache  ~h "age: 0"',
        "a request or response header contains it",
        20,
        _header,
        _possible_header,
        names=("header", "headers"),
    ),
    "~b": Operator(
        "body",
        '~b "no such entity"',
        "a request or response body contains it",
        50,
        _body,
        _possible_body,
        names=("body",),
    ),
}
