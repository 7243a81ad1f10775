"""One page: what the store sent, split into items and not decoded.

Splitting a page of 100 products takes 0.3 ms, decoding and encoding it 2.7 ms."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from functools import cache

import msgspec

from ..client.error_message import error_message
from ..client.message import RequestFailed, Response
from ..errors import InvalidValue
from ..templates import Json
from ..templates.expression import Budget, Expression
from ..text import beginning, page_title, without_secrets
from .raw_json import NotJson, decoded, elements, members, one_line, repeated_name, shape, text_of, value

_ERROR_NAMES = frozenset({"message", "parameters", "errors", "code", "trace"})
"""Magento's error envelope (Magento\\Framework\\Webapi\\ErrorProcessor)."""
_NO_ERROR = frozenset({b"null", b"false", b"0", b'""', b"[]", b"{}", b'"0"', b'"false"'})
_HTML = re.compile(rb"<(!doctype\s+html|html|head|body|title|h1|center)\b", re.IGNORECASE)
_TAG = re.compile(r"<[^>]{0,500}>")
_JSON_BEGINS = re.compile(rb'\{\s*"|\[\s*[\{\["]')


class PageUnreadable(RequestFailed):
    """A good status, and a response in which there is no list. `may_pass`: asked again, the store may do better."""

    CODE = "page-unreadable"

    def __init__(self, message: str, *, hint: str = "", exchange: int | None = None, may_pass: bool = False) -> None:
        super().__init__(message, hint=hint, exchange=exchange)
        self.may_pass = may_pass


def says_an_error(response: Mapping[str, bytes]) -> bool:
    """Whether an object is an error, whatever status it came with."""
    return shape(response.get("message", b"")) == "text" and response.keys() <= _ERROR_NAMES


def failure(response: Mapping[str, bytes]) -> str | None:
    """The name under which an object without items says that the request failed; None where it does not.

    A message alone is none: "No records found" is an empty list.
    """
    for name, text in response.items():
        plain = name.lower()
        if plain in ("error", "errors", "faults", "fault") and text not in _NO_ERROR:
            return name
        if plain in ("success", "ok", "successful") and text.lower() in (b"false", b'"false"', b"0", b'"0"'):
            return name
        if plain in ("status", "result") and text.lower() in (b'"error"', b'"fail"', b'"failed"', b'"failure"'):
            return name
    return None


def failed(response: Response, name: str, body: bytes) -> PageUnreadable:
    """For a response with a good status that has no items and says under this name that the request failed."""
    said = error_message(body) or _excerpt(members(body)[name])
    return PageUnreadable(
        f"The store sent no items, but an error in {name!r}: {said[:300]}", exchange=response.exchange, may_pass=True
    )


def no_items(response: Response, items: str, body: bytes) -> PageUnreadable:
    """For JSON that is something else than the items."""
    exchange = response.exchange
    if said := error_message(body):
        return PageUnreadable(
            f"The store responded with {response.status} and an error: {beginning(said, 300)}",
            hint="The request or the store is at fault; see the whole response in the log.",
            exchange=exchange,
        )
    what = shape(body)
    if what == "list":
        return _list_in_place(items, elements(body), exchange)
    if what != "object":
        return PageUnreadable(
            f"There are no items at {items!r} in the response, which is a single {what}: {_excerpt(body)}",
            exchange=exchange,
        )
    named = members(body)
    names = ", ".join(beginning(name, 40) for name in list(named)[:8])
    near = get_close_matches(items.rpartition(".")[2], named, 1, 0.6)
    hint = 'Correct "items", the JMESPath expression of the list.'
    if items in ("@", "[@]") and shape(named.get("items", b"")) == "list":
        hint = 'Write items = "items".'
    elif near:
        hint = f'Did you mean items = "{near[0]}"?'
    return PageUnreadable(
        f"There is no list at {items!r} in the response, which is an object with {names or 'nothing in it'}",
        hint=hint,
        exchange=exchange,
    )


def ambiguous(response: Response, name: str) -> PageUnreadable:
    """For a response in which an object has this name twice: decoders would read the last of the two only."""
    return PageUnreadable(
        f"The response has the name {beginning(name, 60)!r} twice in one object, so it is not clear which is meant",
        hint="Only one of them can be read, and nothing may be left out silently: have the server send each name once.",
        exchange=response.exchange,
    )


def not_json(response: Response, error: NotJson) -> PageUnreadable:
    """For a response that is no JSON, or more than that."""
    body, exchange = response.body.strip(), response.exchange
    if not body:
        return PageUnreadable(f"The response is empty (status {response.status})", exchange=exchange, may_pass=True)
    before = _before_json(body)
    if before:
        return PageUnreadable(
            f"There is text before the JSON of the response: {before}",
            hint="The store shows PHP's messages: turn display_errors off there, and fix the error it reports.",
            exchange=exchange,
        )
    if body.startswith(b"<") and not _HTML.search(body[:2_000]) and response.media_type != "text/html":
        return PageUnreadable(
            "The response is XML, not JSON",
            hint='Request JSON: add the plugin "content-type", which sets the header Accept.',
            exchange=exchange,
        )
    if body.startswith(b"<"):
        return PageUnreadable(
            f"The response is a web page, not JSON: {_title(body)}",
            hint="Is the base URI that of the REST API, and is the store out of maintenance?",
            exchange=exchange,
            may_pass=True,
        )
    if error.cut_off:
        return PageUnreadable(
            f"The response is truncated after {len(body)} bytes, in the middle of its JSON",
            exchange=exchange,
            may_pass=True,
        )
    what = "text after its JSON" if shape(body) in ("object", "list") and error.trailing else "invalid JSON"
    return PageUnreadable(
        f"The response is {len(body)} bytes of {response.media_type or 'unspecified type'} with {what}: {error}",
        hint="Is the base URI that of the REST API?" if shape(body) not in ("object", "list") else "",
        exchange=exchange,
    )


def _list_in_place(items: str, listed: list[bytes], exchange: int) -> PageUnreadable:
    if listed:
        return PageUnreadable(
            f"The response is a bare list of {len(listed)}, and has nothing at {items!r}",
            hint='Write items = "@".',
            exchange=exchange,
        )
    return PageUnreadable(
        f"The response is an empty list instead of an object with {items!r}",
        hint="Magento does this if `fields` in the query selects nothing, or has a bracket too many.",
        exchange=exchange,
    )


def _before_json(body: bytes) -> str:
    """The text that is before JSON, where both are there."""
    begin = _JSON_BEGINS.search(body)
    if begin is None or begin.start() == 0:
        return ""
    try:
        json.loads(body[begin.start() :])
    except (ValueError, RecursionError):
        return ""
    return _excerpt(body[: begin.start()])


def _title(page: bytes) -> str:
    return page_title(page[:20_000].decode(errors="replace")) or _excerpt(page)


def _excerpt(text: bytes) -> str:
    """The first words of a text, without tags."""
    words = html.unescape(_TAG.sub(" ", without_secrets(text[:20_000].decode(errors="replace"))[:2_000]))
    return beginning(" ".join(words.split()), 200)


_SIMPLE = re.compile(r"@|[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_NO_CONTENT = 204
_PLAIN_NAME = re.compile(r'[^"\\\x00-\x1f]*')
"""What msgspec takes for the name of a field."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Page:
    """The items of one response, each the JSON text the store wrote, without line breaks."""

    items: Sequence[bytes]
    total: int | None
    """How many there are, as the store counts them (`total_count`)."""
    response: Response
    envelope: bytes = b""
    """The object whose list the items are, as JSON text; empty where there is none."""

    @property
    def text(self) -> bytes:
        """The whole response, as JSON text."""
        return _text(self.response)

    @property
    def reported_total(self) -> int | None:
        """How many items the list has, wherever the response says so: `total_count`, another usual name, a header.

        It serves to notice that items are missing, never to plan requests. Where several counts are found, the
        largest is taken: the others are usually that of the page.
        """
        counts = [self.total]
        for name, text in self.response.headers:
            if name.lower() in _COUNT_HEADERS:
                counts.append(count_of(text))
            elif name.lower() == "content-range" and (ranged := content_range(text.strip())) is not None:
                counts.append(count_of(ranged))
        if self.total is None and self.envelope:
            counts += _counts(self.envelope, _COUNT_NAMES)
            if self.text != self.envelope:
                counts += _counts(self.text, _COUNT_NAMES)
        return max((count for count in counts if count is not None), default=None)

    @property
    def page_count_name(self) -> str | None:
        """The name under which the response says that the list has several pages; None where it does not."""
        for name, text in self.response.headers:
            if name.lower() in _PAGES_HEADERS and (count_of(text) or 0) > 1:
                return name
        for place in (self.text, self.envelope):
            for name, each in _plain_members(place):
                if (_number(each) or 0) > 1 and _plain(name) in _PAGES_NAMES:
                    return name
        return None

    def data(self) -> Json:
        """The whole response, decoded: for what stands beside the items. Raises `PageUnreadable`."""
        try:
            return value(self.text)
        except NotJson as error:
            raise not_json(self.response, error) from error


_COUNT_HEADERS = ("x-total-count", "x-total", "x-wp-total", "x-pagination-total-count", "total-count")
_PAGES_HEADERS = ("x-total-pages", "x-wp-totalpages", "x-pagination-page-count", "x-pagination-total-pages")
_PAGES_NAMES = frozenset({"totalpages", "pagecount", "lastpage", "numberofpages", "pagestotal"})
"""Names of how many pages a list has, in lower case and letters only."""
_COUNT_NAMES = frozenset(
    {
        *("totalcount", "count", "total", "totalelements", "totalitems", "totalresults", "totalrecords", "totalrows"),
        *("totalhits", "numfound", "recordcount", "recordstotal", "itemcount", "resultcount", "odatacount"),
    }
)
"""Names of counts, in lower case and letters only: Django REST framework, Spring, Hydra, OData, Solr and others."""
_COUNT_PLACES = frozenset(
    {
        *("meta", "metadata", "pagination", "paging", "page", "pages", "pageinfo", "pageable", "pager", "info"),
        *("resultinfo", "links", "hits", "total", "response"),
    }
)
"""Names of objects in which such a count is looked for."""
_DEEPEST = 3


def _plain(name: str) -> str:
    return re.sub("[^a-z]", "", name.lower())


def _counts(place: bytes, names: frozenset[str], depth: int = 0) -> list[int | None]:
    """The counts in this object and in those beside the items that usually hold one."""
    if shape(place) != "object":
        return []
    found: list[int | None] = []
    for name, text in members(place).items():
        plain = _plain(name)
        if plain in names:
            found.append(_number(text))
        if plain in _COUNT_PLACES and depth < _DEEPEST and shape(text) == "object":
            found += _counts(text, names | {"value"} if plain == "total" else names, depth + 1)
    return found


def _plain_members(place: bytes) -> Iterator[tuple[str, bytes]]:
    """The members of an object and of those in it that usually hold counts."""
    if shape(place) != "object":
        return
    for name, text in members(place).items():
        yield name, text
        if _plain(name) in _COUNT_PLACES and shape(text) == "object":
            yield from members(text).items()


_COUNT = re.compile(r"\d{1,4000}(\.0*)?|\d(\.\d+)?[eE]\+?\d{1,4}", re.ASCII)
_LARGEST_COUNT = 10**18
"""What is counted beyond this has no other meaning; a ledger keeps integers of 64 bits."""
_CONTENT_RANGE = re.compile(r"(?:(?!bytes )\w+ )?(?:\d+-\d+|\*)/(\d+|\*)", re.ASCII | re.IGNORECASE)


def content_range(text: str) -> str | None:
    """The whole number in a Content-Range of items, "*" where the server does not know it; None for anything else.

    The unit (RFC 9110 §14.4) may be any but bytes: items 0-99/2503. PostgREST writes none: 0-99/2503.
    """
    found = _CONTENT_RANGE.fullmatch(text)
    return found[1] if found else None


def count_of(text: str) -> int | None:
    """A count in a header or a JSON text, which may be a text itself ("250"); None for anything else.

    PHP and Lua write a number that was calculated as a fraction: 250.0, 2.5e2.
    """
    text = text.strip().strip('"').strip()
    if not _COUNT.fullmatch(text):
        return None
    number = Decimal(text)
    if number >= _LARGEST_COUNT:
        return _LARGEST_COUNT
    return int(number) if number == number.to_integral_value() else None


def _number(text: bytes) -> int | None:
    return count_of(text.decode("utf-8", "replace"))


class _Envelope(msgspec.Struct):
    items: list[msgspec.Raw] | None
    total_count: int | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)


def read_page(response: Response, items: str) -> Page:
    """The page in a response; `items` is the JMESPath of its list. Raises `PageUnreadable`.

    What a store answers instead of a list, and what it becomes:

    - nothing at all with the status 204 (No Content): no items;
    - null, as Magento writes an empty list with `fields=`: no items;
    - an object whose names are numbers, as PHP writes a list with gaps (magento2#25175): its values;
    - an empty list beside an error: an error;
    - any other object, or a number, as a single GET answers: one item;
    - an object around the items with a name twice, of which only one could be read: an error;
    - an object that is an error in spite of its status, a text, nothing, a web page, half a page: an error.
    """
    if response.status == _NO_CONTENT and not response.body:
        return Page((), None, response)
    page = _read(response, items)
    if not page.items and (name := failure(named := _root(response))) is not None and named:
        raise failed(response, name, _text(response))
    if (repeated := _repeated(page, _without_items(_text(response), page.items))) is not None:
        raise ambiguous(response, repeated)
    return page


def _without_items(text: bytes, items: Sequence[bytes]) -> bytes:
    """The response with nothing in its list, which is most of it; unchanged if the list is not written compactly."""
    if not items:
        return text
    start = end = text.find(items[0])
    before = b"["
    for item in items:  # compares bytes in place: a copy of the whole page costs ten times as much
        if text[end - 1 : end] != before or not text.startswith(item, end):
            return text
        end += len(item) + 1
        before = b","
    return text[:start] + text[end - 1 :] if text[end - 1 : end] == b"]" else text


def _repeated(page: Page, place: bytes, depth: int = 0) -> str | None:
    """A name that one of the objects around the items has twice; items may have what they like."""
    if shape(place) != "object" or depth > _DEEPEST or (page.items and one_line(place) == page.items[0]):
        return None
    if (name := repeated_name(place)) is not None:
        return name
    named = members(place)
    if depth and all(name.isdecimal() for name in named):  # a list, as PHP writes one with gaps
        return None
    inside = (_repeated(page, text, depth + 1) for text in named.values() if shape(text) == "object")
    return next((name for name in inside if name is not None), None)


def _read(response: Response, items: str) -> Page:
    try:
        if not response.body.isascii():  # what is skipped is not looked at below: bytes that are no UTF-8 would pass
            decoded(response.body)
        if items == "items" and (envelope := _enveloped(response.body)):
            items_of_it = [bytes(item) for item in envelope.items or ()]
            total = envelope.total_count
            return _page(response, items_of_it, None if total is None else min(total, _LARGEST_COUNT), response.body)
        body = _text(response)
        if _SIMPLE.fullmatch(items):
            return _at(response, body, [] if items == "@" else items.split("."))
        if items == "[@]":
            return _page(response, _whole(response, body, items), None)
        return _searched(response, body, items)
    except NotJson as error:
        raise not_json(response, error) from error


def _enveloped(body: bytes) -> _Envelope | None:
    """Magento's own list; None for anything else, which is then read with more care."""
    try:
        return _ENVELOPE.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None


def field_reader(field: str) -> Callable[[bytes], Json]:
    """Reads one field of an item, and skips the rest; None where it is not there."""
    if not _PLAIN_NAME.fullmatch(field):
        return lambda item: _member(item, field)
    struct = msgspec.defstruct("Item", [("value", object, msgspec.field(name=field, default=None))])
    decode = msgspec.json.Decoder(struct).decode

    def read(item: bytes) -> Json:
        try:
            found: Json = decode(item).value  # type: ignore[attr-defined]  # the struct above
        except msgspec.DecodeError:
            return None  # an item that is not an object
        return found

    return read


def _member(item: bytes, name: str) -> Json:
    text = members(item).get(name) if shape(item) == "object" else None
    return None if text is None else value(text)


def column_reader(field: str) -> Callable[[Sequence[bytes]], list[Json]]:
    """Reads one field of each item, as `field_reader` does.

    A whole number that comes first, as ids do, is read without going through the rest of the item: the split of the
    page has found it to be JSON. Of a name that an item has twice, this is the first and not the last.
    """
    read = field_reader(field)
    comes_first = _number_first(field)

    def read_all(items: Sequence[bytes]) -> list[Json]:
        return [int(found[1]) if (found := comes_first(item)) else read(item) for item in items]

    return read_all


def _number_first(field: str) -> Callable[[bytes], re.Match[bytes] | None]:
    name = re.escape(msgspec.json.encode(field))
    return re.compile(rb"\s*\{\s*" + name + rb"\s*:\s*(-?(?:0|[1-9][0-9]{0,17}))\s*[,}]").match


def _text(response: Response) -> bytes:
    return response.body.removeprefix(_BYTE_ORDER_MARK).strip()


def _page(response: Response, items: list[bytes], total: int | None, beside: bytes = b"") -> Page:
    if b"\n" in response.body or b"\r" in response.body:
        items = [one_line(item) for item in items]
    return Page(items, total, response, beside)


def _at(response: Response, body: bytes, path: list[str]) -> Page:
    """The items at a plain path, cut out as they stand."""
    place, beside, around = body, dict[str, bytes](), b""
    for name in path:
        beside, around = (members(place), place) if shape(place) == "object" else ({}, b"")
        if name not in beside:
            value(body)  # it may be no JSON at all
            raise no_items(response, ".".join(path), body)
        place = beside[name]
    total = _number(beside.get("total_count", b""))
    return _page(response, _listed(response, place, path), total, around if shape(place) == "list" else b"")


def _listed(response: Response, place: bytes, path: list[str]) -> list[bytes]:
    match shape(place):
        case "list":
            return elements(place)
        case "null":
            if shape(errors := _root(response).get("errors", b"")) == "list" and elements(errors):
                raise no_items(response, ".".join(path) or "@", response.body)  # GraphQL: null instead of what failed
            return []
        case "object":
            named = members(place)
            if not path:
                return _whole(response, place, "@")
            if all(name.isdecimal() for name in named):
                return list(named.values())
            return [place]
        case "number" if type(value(place)) in (int, float):
            return [place]
        case _:
            value(response.body)
            raise no_items(response, ".".join(path) or "@", response.body)


def _root(response: Response) -> dict[str, bytes]:
    body = _text(response)
    return dict(members(body)) if shape(body) == "object" else {}


def _whole(response: Response, body: bytes, items: str) -> list[bytes]:
    """The response as one item; `[]` is how Magento writes an object that is not there (magento2#5081)."""
    if shape(body) == "object":
        named = members(body)
        is_page = "items" in named and ("total_count" in named or "search_criteria" in named)
        if is_page or says_an_error(named):
            raise no_items(response, items, body)
        return [body] if named else []
    if shape(body) == "list":
        return [body] if elements(body) else []
    return _listed(response, body, [])


@cache
def _compiled(items: str) -> Expression:
    return Expression.compile(items)


def _searched(response: Response, body: bytes, items: str) -> Page:
    """The items that an expression finds in the decoded answer."""
    data = value(body)
    try:
        found, why = _compiled(items).find(data, Budget())
    except InvalidValue as error:
        raise PageUnreadable(
            f"The items of the response cannot be found with {items!r}: {error.message}",
            hint=error.hint,
            exchange=response.exchange,
        ) from error
    envelope = data if isinstance(data, dict) else {}
    is_empty = why is not None and envelope.get("items", 0) is None
    if not is_empty and not isinstance(found, list | dict):
        raise no_items(response, items, body)
    listed = [found] if isinstance(found, dict) else found if isinstance(found, list) else []
    total = envelope.get("total_count")
    whole = body if isinstance(found, list) and shape(body) == "object" else b""
    counted = count_of(str(total)) if type(total) in (int, float, str) else None
    return Page([text_of(item) for item in listed], counted, response, whole)
