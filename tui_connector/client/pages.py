"""One page: the response of a list request, split into items without decoding them.

Splitting a page of 100 products takes 0.3 ms; decoding and encoding it would take 2.7 ms."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import msgspec

from ..errors import InvalidValue
from ..misspelling import most_similar
from ..templates import Json
from ..templates.expression import Budget, Expression
from ..text import beginning, has_html, page_title, without_secrets
from .counts import (
    COUNT_HEADERS,
    COUNT_NAMES,
    MAX_COUNT,
    PAGES_HEADERS,
    PAGES_NAMES,
    content_range,
    count_in,
    count_members,
    count_of,
    counts_in,
    letters_of,
)
from .error_body import REPORTING, failure_beside_items, failure_name, is_magento_error
from .error_message import error_message
from .message import RequestFailed, Response
from .raw_json import (
    InvalidJson,
    decode_json,
    decode_utf8,
    encode_json,
    json_type,
    members,
    one_line,
    repeated_name,
    split_list,
)

_TAG = re.compile(r"<[^>]{0,500}>")
_JSON_START = re.compile(rb'\{\s*"|\[\s*[\{\["]')


class PageUnreadable(RequestFailed):
    """A response with a success status but without a list. `is_temporary`: a retry may help."""

    CODE = "page-unreadable"

    def __init__(
        self, message: str, *, hint: str = "", exchange: int | None = None, is_temporary: bool = False
    ) -> None:
        super().__init__(message, hint=hint, exchange=exchange)
        self.is_temporary = is_temporary


def _failed_request(response: Response, name: str, body: bytes) -> PageUnreadable:
    """For a response with a success status and no items that reports a failure in the member `name`."""
    message = error_message(body) or _excerpt(members(body)[name])
    return PageUnreadable(
        f"The store sent no items, but an error in {name!r}: {message[:300]}",
        exchange=response.exchange,
        is_temporary=True,
    )


def _no_items(response: Response, items: str, body: bytes) -> PageUnreadable:
    """For JSON without items at that path."""
    exchange = response.exchange
    if message := error_message(body):
        return PageUnreadable(
            f"The store responded with {response.status} and an error: {beginning(message, 300)}",
            hint="The request or the store is at fault; see the whole response in the log.",
            exchange=exchange,
        )
    what = json_type(body)
    if what == "list":
        return _unexpected_list(items, split_list(body), exchange)
    if what != "object":
        return PageUnreadable(
            f"There are no items at {items!r} in the response, which is a single {what}: {_excerpt(body)}",
            exchange=exchange,
        )
    fields = members(body)
    names = ", ".join(beginning(name, 40) for name in list(fields)[:8])
    near = most_similar(items.rpartition(".")[2], fields)
    hint = 'Correct "items", the JMESPath expression of the list.'
    if items in ("@", "[@]") and json_type(fields.get("items", b"")) == "list":
        hint = 'Write items = "items".'
    elif near:
        hint = f'Did you mean items = "{near}"?'
    return PageUnreadable(
        f"There is no list at {items!r} in the response, which is an object with {names or 'nothing in it'}",
        hint=hint,
        exchange=exchange,
    )


def _too_many_items(response: Response, found: int) -> PageUnreadable:
    return PageUnreadable(
        f"The response has {found:,} items, more than the {_MAX_ITEMS:,} that are read from one",
        hint="Request fewer items at a time: add a pagination to this incoming, or reduce its page size.",
        exchange=response.exchange,
    )


def _ambiguous_name(response: Response, name: str) -> PageUnreadable:
    """For a response in which an object has this name twice, of which decoders read only the last."""
    return PageUnreadable(
        f"The response has the name {beginning(name, 60)!r} twice in one object, so it is not clear which is meant",
        hint="Only one of them can be read, and nothing may be left out silently: have the server send each name once.",
        exchange=response.exchange,
    )


def _not_json(response: Response, error: InvalidJson) -> PageUnreadable:
    """For a response that is not JSON, or has other text around it."""
    body, exchange = response.body.strip(), response.exchange
    if not body:
        return PageUnreadable(f"The response is empty (status {response.status})", exchange=exchange, is_temporary=True)
    before = _text_before_json(body)
    if before:
        return PageUnreadable(
            f"There is text before the JSON of the response: {before}",
            hint="The store shows PHP's messages: turn display_errors off there, and fix the error it reports.",
            exchange=exchange,
        )
    if body.startswith(b"<") and not has_html(body) and response.media_type != "text/html":
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
            is_temporary=True,
        )
    if error.truncated:
        return PageUnreadable(
            f"The response is truncated after {len(body)} bytes, in the middle of its JSON",
            exchange=exchange,
            is_temporary=True,
        )
    what = "text after its JSON" if json_type(body) in ("object", "list") and error.trailing else "invalid JSON"
    return PageUnreadable(
        f"The response is {len(body)} bytes of {response.media_type or 'unspecified type'} with {what}: {error}",
        hint="Is the base URI that of the REST API?" if json_type(body) not in ("object", "list") else "",
        exchange=exchange,
    )


def _unexpected_list(items: str, listed: Sequence[object], exchange: int) -> PageUnreadable:
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


def _text_before_json(body: bytes) -> str:
    """The text before the JSON, if the response has both."""
    begin = _JSON_START.search(body)
    if begin is None or begin.start() == 0:
        return ""
    try:
        msgspec.json.decode(body[begin.start() :], type=msgspec.Raw)  # validates it without a value in memory
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return _excerpt(body[: begin.start()])


def _title(page: bytes) -> str:
    return page_title(page[:20_000].decode(errors="replace")) or _excerpt(page)


def _excerpt(text: bytes) -> str:
    """The first 200 characters of a text, without tags."""
    words = html.unescape(_TAG.sub(" ", without_secrets(text[:20_000].decode(errors="replace"))[:2_000]))
    return beginning(" ".join(words.split()), 200)


_PLAIN_PATH = re.compile(r"@|[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_MAX_DEPTH = 3
_MAX_ITEMS = 1_000_000
"""Items of one response. Each takes about 300 bytes until it is written, however small it is."""
_NO_CONTENT = 204
_PLAIN_NAME = re.compile(r'[^"\\\x00-\x1f]*')
"""Names of fields that msgspec accepts."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Page:
    """The items of one response, each as the JSON text sent by the store, without line breaks."""

    items: Sequence[bytes]
    total: int | None
    """The number of items in the whole list according to the store (`total_count`)."""
    response: Response
    envelope: bytes = b""
    """The JSON text of the object that contains the list; empty if there is none."""
    rows: int | None = None
    """The elements in `items` of the response, which `total` counts, if they are not the items of this page."""
    failure: str = ""
    """The error that the response reports beside its items: they may not be all; "" if there is none."""

    @property
    def text(self) -> bytes:
        """The whole response, as JSON text."""
        return _text(self.response)

    @property
    def reported_total(self) -> int | None:
        """The number of items in the list according to `total_count`, another usual name, or a header.

        It is used to detect missing items, never to plan requests. Of several counts the largest is returned, as the
        others are usually those of the page.
        """
        counts = [self.total]
        for name, text in self.response.headers:
            if name.lower() in COUNT_HEADERS:
                counts.append(count_of(text))
            elif name.lower() == "content-range" and (ranged := content_range(text.strip())) is not None:
                counts.append(count_of(ranged))
        if self.total is None and self.envelope:
            counts += counts_in(self.envelope, COUNT_NAMES)
            if self.text != self.envelope:
                counts += counts_in(self.text, COUNT_NAMES)
        return max((count for count in counts if count is not None), default=None)

    @property
    def page_count_name(self) -> str | None:
        """The name of the header or member that reports more than one page, or None."""
        for name, text in self.response.headers:
            if name.lower() in PAGES_HEADERS and (count_of(text) or 0) > 1:
                return name
        for container in (self.text, self.envelope):
            for name, each in count_members(container):
                if (count_in(each) or 0) > 1 and letters_of(name) in PAGES_NAMES:
                    return name
        return None

    def data(self) -> Json:
        """The whole response, decoded, for values outside the items. Raises `PageUnreadable`."""
        try:
            return decode_json(self.text)
        except InvalidJson as error:
            raise _not_json(self.response, error) from error


class _Envelope(msgspec.Struct):
    items: list[msgspec.Raw] | None
    total_count: int | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)


def read_page(response: Response, items: str) -> Page:
    """The page in a response; `items` is the JMESPath of its list. Raises `PageUnreadable`.

    If the response is not a list:

    - an empty body with the status 204 (No Content): no items;
    - null, which Magento sends for an empty list with `fields=`: no items;
    - an object whose names are numbers, which PHP makes of a list with gaps (magento2#25175): its values, also where
      an expression finds it on its way;
    - an empty list together with an error: an error; items together with one: the page's `failure`;
    - any other object, or a number, the response to a GET of a single entity: one item;
    - an object around the items with a duplicate name, of which only one could be read: an error;
    - an error object with a success status, a string, an empty body, a web page, truncated JSON: an error.
    """
    if response.status == _NO_CONTENT and not response.body:
        return Page((), None, response)
    page = _read(response, items)
    if not page.items and (name := failure_name(_decoded_root(response))) is not None:
        raise _failed_request(response, name, _text(response))
    around = _without_items(_text(response), page.items)
    if (repeated := _repeated_name(page, around)) is not None:
        raise _ambiguous_name(response, repeated)
    failure = _failure_beside(page, around, items) if page.items else ""
    return replace(page, failure=failure) if failure else page


def _failure_beside(page: Page, around: bytes, items: str) -> str:
    """The error that the objects around the items report; "" if there is none."""
    read = set(re.findall(r"\w+", items))
    for container in dict.fromkeys((around, page.envelope)):
        if json_type(container) != "object" or one_line(container) == page.items[0]:
            continue
        fields = members(container)
        if REPORTING.isdisjoint(map(str.lower, fields)):
            continue
        reporting = {
            name: text
            for name, text in fields.items()
            if name.lower() in REPORTING and name not in read and not (name == "result" and json_type(text) != "text")
        }
        if (name := failure_beside_items({name: decode_json(text) for name, text in reporting.items()})) is not None:
            message = error_message(page.text) or _excerpt(fields[name])
            return f"The store sent items, and an error in {name!r} beside them: {beginning(message, 300)}"
    return ""


def _without_items(text: bytes, items: Sequence[bytes]) -> bytes:
    """The response with its list emptied, which leaves little to parse; unchanged unless the list is compact."""
    if not items:
        return text
    start = end = text.find(items[0])
    before = b"["
    for item in items:  # without a copy of the page, which would take ten times as long
        if text[end - 1 : end] != before or not text.startswith(item, end):
            return text
        end += len(item) + 1
        before = b","
    return text[:start] + text[end - 1 :] if text[end - 1 : end] == b"]" else text


def _repeated_name(page: Page, container: bytes, depth: int = 0) -> str | None:
    """A duplicate name in one of the objects around the items, or None; items are not checked."""
    if json_type(container) != "object" or depth > _MAX_DEPTH or (page.items and one_line(container) == page.items[0]):
        return None
    if (name := repeated_name(container)) is not None:
        return name
    fields = members(container)
    if _has_gaps(fields):
        return None
    inside = (_repeated_name(page, text, depth + 1) for text in fields.values() if json_type(text) == "object")
    return next((name for name in inside if name is not None), None)


def _read(response: Response, items: str) -> Page:
    try:
        if not response.body.isascii():  # msgspec does not validate the UTF-8 of what it skips
            decode_utf8(response.body)
        if items == "items" and (envelope := _magento_envelope(response.body)):
            total = envelope.total_count
            texts = _item_texts(response, envelope.items or ())
            return _page(response, texts, None if total is None else min(total, MAX_COUNT), response.body)
        body = _text(response)
        if _PLAIN_PATH.fullmatch(items):
            return _page_at_path(response, body, [] if items == "@" else items.split("."))
        if items == "[@]":
            return _page(response, _single_item(response, body, items), None)
        return _page_by_expression(response, body, items)
    except InvalidJson as error:
        raise _not_json(response, error) from error


def _item_texts(response: Response, items: Collection[bytes | msgspec.Raw]) -> list[bytes]:
    """The JSON text of each item. Raises `PageUnreadable` if there are too many."""
    if len(items) > _MAX_ITEMS:
        raise _too_many_items(response, len(items))
    return [bytes(item) for item in items]


def _magento_envelope(body: bytes) -> _Envelope | None:
    """Magento's own list; None for anything else, which takes a slower path."""
    try:
        return _ENVELOPE.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None


def field_reader(field: str) -> Callable[[bytes], Json]:
    """A function that reads one field of an item and skips the rest; it returns None if the field is missing."""
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
    text = members(item).get(name) if json_type(item) == "object" else None
    return None if text is None else decode_json(text)


def column_reader(field: str) -> Callable[[Sequence[bytes]], list[Json]]:
    """A function that reads one field of each item, as `field_reader` does.

    If the field is the first one and an integer, as ids are, the rest of the item is not parsed; splitting the page has
    validated it. Of a duplicate name, this reads the first and not the last value.
    """
    read = field_reader(field)
    leading_number = _leading_number(field)

    def read_all(items: Sequence[bytes]) -> list[Json]:
        return [int(found[1]) if (found := leading_number(item)) else read(item) for item in items]

    return read_all


def _leading_number(field: str) -> Callable[[bytes], re.Match[bytes] | None]:
    name = re.escape(msgspec.json.encode(field))
    return re.compile(rb"\s*\{\s*" + name + rb"\s*:\s*(-?(?:0|[1-9][0-9]{0,17}))\s*[,}]").match


def _text(response: Response) -> bytes:
    return response.body.removeprefix(_BYTE_ORDER_MARK).strip()


def _page(response: Response, items: list[bytes], total: int | None, envelope: bytes = b"") -> Page:
    if b"\n" in response.body or b"\r" in response.body:
        items = [one_line(item) for item in items]
    return Page(items, total, response, envelope)


def _page_at_path(response: Response, body: bytes, path: list[str]) -> Page:
    """The items at a plain path, not decoded."""
    text, envelope, fields = body, b"", dict[str, bytes]()
    for name in path:
        fields, envelope = (members(text), text) if json_type(text) == "object" else ({}, b"")
        if name not in fields:
            decode_json(body)  # raises if it is not JSON
            raise _no_items(response, ".".join(path), body)
        text = fields[name]
    total = count_in(fields.get("total_count", b""))
    return _page(response, _item_list(response, text, path), total, envelope if json_type(text) == "list" else b"")


def _item_list(response: Response, text: bytes, path: list[str]) -> list[bytes]:
    match json_type(text):
        case "list":
            return _item_texts(response, split_list(text))
        case "null":
            if json_type(errors := _root_members(response).get("errors", b"")) == "list" and split_list(errors):
                raise _no_items(
                    response, ".".join(path) or "@", response.body
                )  # GraphQL: null in place of a failed field
            return []
        case "object":
            fields = members(text)
            if _has_gaps(fields):
                return _item_texts(response, fields.values())
            return [text] if path else _single_item(response, text, "@")
        case "number" if type(decode_json(text)) in (int, float):
            return [text]
        case _:
            decode_json(response.body)
            raise _no_items(response, ".".join(path) or "@", response.body)


def _has_gaps(fields: Mapping[str, object]) -> bool:
    """Whether an object is a list, from which PHP's json_encode makes one if elements were removed."""
    return all(name.isdecimal() for name in fields)


def _root_members(response: Response) -> dict[str, bytes]:
    body = _text(response)
    return dict(members(body)) if json_type(body) == "object" else {}


def _decoded_root(response: Response) -> Mapping[str, Json]:
    found = decode_json(body) if json_type(body := _text(response)) == "object" else {}
    return found if isinstance(found, dict) else {}


def _single_item(response: Response, body: bytes, items: str) -> list[bytes]:
    """The response as one item; Magento sends `[]` for a missing object (magento2#5081)."""
    if json_type(body) == "object":
        fields = members(body)
        is_page = "items" in fields and ("total_count" in fields or "search_criteria" in fields)
        message = decode_json(fields["message"]) if "message" in fields else None
        if is_page or is_magento_error(fields.keys(), message):
            raise _no_items(response, items, body)
        return [body] if fields else []
    if json_type(body) == "list":
        return [body] if split_list(body) else []
    return _item_list(response, body, [])


@cache
def _compiled(items: str) -> Expression:
    return Expression.compile(items)


def _page_by_expression(response: Response, body: bytes, items: str) -> Page:
    """The items that an expression finds in the decoded response."""
    data = decode_json(body)
    try:
        found, why = _compiled(items).find(data, Budget())
        if found is None or _contains_gaps(found):
            found, why = _compiled(items).find(_without_gaps(data), Budget())
    except RecursionError as error:
        raise InvalidJson("it is nested too deep") from error
    except InvalidValue as error:
        raise PageUnreadable(
            f"The items of the response cannot be found with {items!r}: {error.message}",
            hint=error.hint,
            exchange=response.exchange,
        ) from error
    envelope = data if isinstance(data, dict) else {}
    is_empty = why is not None and envelope.get("items", 0) is None
    if not is_empty and not isinstance(found, list | dict):
        raise _no_items(response, items, body)
    listed = [found] if isinstance(found, dict) else found if isinstance(found, list) else []
    if len(listed) > _MAX_ITEMS:
        raise _too_many_items(response, len(listed))
    total = envelope.get("total_count")
    whole = body if isinstance(found, list) and json_type(body) == "object" else b""
    counted = count_of(str(total)) if type(total) in (int, float, str) else None
    rows = envelope.get("items")
    number = len(rows) if isinstance(rows, list | dict) else None
    return Page([encode_json(item) for item in listed], counted, response, whole, number)


def _contains_gaps(found: Json) -> bool:
    """Whether an expression has found an object that is a list of objects with gaps, or a list of such objects."""
    return any(map(_is_list_with_gaps, found if isinstance(found, list) else [found]))


def _is_list_with_gaps(value: Json) -> bool:
    if not isinstance(value, dict) or not value:
        return False
    return _has_gaps(value) and all(isinstance(each, dict) for each in value.values())


def _without_gaps(data: Json) -> Json:
    """The data with lists in place of objects that are lists with gaps."""
    if isinstance(data, list):
        return [_without_gaps(each) for each in data]
    if not isinstance(data, dict):
        return data
    inside = {name: _without_gaps(each) for name, each in data.items()}
    return list(inside.values()) if _is_list_with_gaps(data) else inside
