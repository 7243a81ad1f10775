"""Responses with a status of success that refuse nevertheless: what a run and the log judge by the same rule.

Magento's price routes respond with 200 and a list of the refused rows, a write may be answered with `false`, and an
asynchronous route with the operations that its queue has rejected. A plugin or a server in front of Magento may send an
error with 200. A web page means that the address is wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..text import beginning, count, has_markup, page_title
from .error_body import is_error, is_magento_uri
from .error_message import error_message
from .message import Request, Response

if TYPE_CHECKING:
    from ..templates import Json

RefusalCode = Literal["html", "text", "false", "error", "row-refused", "rejected", "operation-failed"]

COMPLETE, RETRIABLE, OPEN, REJECTED = 1, 2, 4, 5
"""Statuses of an operation in Magento's queue (Magento\\AsynchronousOperations\\Api\\Data\\OperationInterface). An open
one waits for the consumer, or is being executed."""

_QUESTION = re.compile(r"/is[A-Z]\w*/?$")
"""A route whose response is a truth value, such as customers/isEmailAvailable."""
_VERSION = "/magento_version"
"""Its response is a line of text, declared as HTML (Magento\\Version\\Controller\\Index\\Index)."""
_ERROR_START = re.compile(rb"\s*\{\s*\"(message|error|success)", re.IGNORECASE)
_JSON_START = re.compile(rb"[\[{\"]|^\s*(true|false|null|-?\d)")
_LONGEST, _EXCERPT = 400, 100
_SHORT = 20_000
"""Bytes up to which a response is judged at once: parsing it takes less than handing it to a thread."""


@dataclass(frozen=True, slots=True)
class BodyRefusal:
    """What a response refuses although its status is one of success."""

    code: RefusalCode
    message: str
    """For the user: the store's own words where it has any."""


def may_refuse(request: Request, response: Response) -> bool:
    """Whether the response has to be parsed; False for all but a few. Takes microseconds."""
    if not 200 <= response.status < 300 or not response.body:
        return False
    path, body = request.uri.partition("?")[0], response.body
    if _begins_like_a_page(body, response.media_type):
        return not path.endswith(_VERSION)
    if request.method in ("GET", "HEAD"):
        return _ERROR_START.match(body) is not None or ("/bulk/" in path and b'"operations_list"' in body)
    if is_magento_uri(path) and _JSON_START.search(body) is None:
        return True
    return body.strip() == b"false" if len(body) < _LONGEST and b'"' not in body else _may_list_errors(body)


def _may_list_errors(body: bytes) -> bool:
    return any(name in body for name in (b'"message', b'"error', b'"failed_items"', b'"rejected"', b'"success'))


def takes_long(response: Response) -> bool:
    """Whether `refusal` takes so long that it should be called in a thread."""
    return len(response.body) > _SHORT


def refusal(request: Request, response: Response) -> BodyRefusal | None:
    """What this response refuses; None for a success, and for a status that speaks for itself."""
    if not may_refuse(request, response):
        return None
    if "html" not in (request.header("Accept") or "") and (page := page_refusal(response)) is not None:
        return page
    of_magento = is_magento_uri(request.uri)
    if (text := text_refusal(response, of_magento=of_magento)) is not None:
        return text
    try:
        body: Json = json.loads(response.body)
    except (ValueError, RecursionError):
        return None
    if (error := error_refusal(response, body, of_magento=of_magento)) is not None:
        return error
    if body is False:
        return None if _QUESTION.search(request.uri.partition("?")[0]) else false_refusal(response.status)
    if found := list(_failed_operations(body)):
        return found[0] if len(found) == 1 else _first_of(found)
    if request.method not in ("GET", "HEAD") and (rows := row_errors(body)):
        return _first_of([BodyRefusal("row-refused", row_message(row)) for row in rows])
    return None


def _first_of(found: list[BodyRefusal]) -> BodyRefusal:
    """The first one, and how many others there are."""
    more = f" (+ {count(len(found) - 1, 'more error')})" if len(found) > 1 else ""
    return BodyRefusal(found[0].code, beginning(found[0].message, _LONGEST) + more)


def page_refusal(response: Response) -> BodyRefusal | None:
    """For an HTML page, or text that is declared as one, instead of data; None for anything else."""
    if not is_page(response.body, response.media_type):
        return None
    text = response.body[:_SHORT].decode("utf-8", "replace")
    if has_markup(response.body):
        what = f"an HTML page ({page_title(text) or 'untitled'})"
    else:
        what = f"text ({beginning(' '.join(text.split()), _EXCERPT)})"
    return BodyRefusal("html", f"The store responded with {response.status} and {what}, not with data")


def error_refusal(response: Response, body: Json, *, of_magento: bool) -> BodyRefusal | None:
    """For an error in place of what was to be stored, or read; None for anything else, also for refused rows."""
    if not is_error(body, of_magento=of_magento) or row_errors(body):
        return None
    message = error_message(response.body) or beginning(json.dumps(body), _EXCERPT)
    return BodyRefusal("error", f"The store responded with {response.status} and an error: {message}")


def text_refusal(response: Response, *, of_magento: bool) -> BodyRefusal | None:
    """For plain text from Magento, which always responds with JSON; None if there is JSON after PHP's warnings."""
    if not of_magento or not response.body.strip() or _JSON_START.search(response.body) is not None:
        return None
    if "json" not in response.media_type and "html" not in response.media_type:
        return None  # another type was requested
    text = beginning(" ".join(response.body[:_SHORT].decode("utf-8", "replace").split()), _EXCERPT)
    return BodyRefusal("text", f"The store responded with {response.status} and text ({text}), not with data")


def false_refusal(status: int) -> BodyRefusal:
    return BodyRefusal("false", f"The store responded with {status} and false: it has not accepted the entity")


def is_page(body: bytes, media_type: str) -> bool:
    """Whether this is an HTML page, or text that is declared as one, and not JSON, which PHP declares so by default."""
    if not _begins_like_a_page(body, media_type):
        return False
    start = body[:200].lstrip()
    if start.startswith(b"<"):
        return True
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return True
    return False


def _begins_like_a_page(body: bytes, media_type: str) -> bool:
    start = body[:200].lstrip()
    if start.startswith(b"<"):
        return "html" in media_type or not (start.lower().startswith(b"<?xml") or "xml" in media_type)
    return "html" in media_type and not start.startswith((b"{", b"["))


def row_errors(body: Json) -> list[dict[str, Json]]:
    """The errors in the body of an accepted request, or none.

    A list of objects with a message and parameters (Magento\\Catalog\\Api\\Data\\PriceUpdateResultInterface),
    `errors` of GraphQL, or `failed_items` (Magento\\SalesRule\\Api\\Data\\CouponMassDeleteResultInterface).
    """
    if isinstance(body, dict):
        failed, errors = body.get("failed_items"), body.get("errors")
        if isinstance(failed, list) and failed and "missing_items" in body:
            message = "The store responded with success, but lists it among the items that have failed"
            return [{"message": message, "parameters": [each]} for each in failed]
        found = errors if isinstance(errors, list) else []
        return [each for each in found if isinstance(each, dict) and isinstance(each.get("message"), str)]
    if not isinstance(body, list):
        return []
    rows = [each for each in body if isinstance(each, dict)]
    return [each for each in rows if isinstance(each.get("message"), str) and "parameters" in each]


def row_message(error: dict[str, Json]) -> str:
    """The message of a refused row, with its parameters filled in."""
    return error_message(json.dumps(error).encode()) or str(error.get("message"))


def rejection(item: Json) -> str | None:
    """Why the queue has rejected this item of `request_items`; None if it has accepted it."""
    if not isinstance(item, dict) or item.get("status") != "rejected":
        return None
    return str(item.get("error_message") or "The store's queue has rejected it")


def _failed_operations(body: Json) -> Iterator[BodyRefusal]:
    """The operations that the queue has rejected, or that have failed."""
    if not isinstance(body, dict):
        return
    items, operations = body.get("request_items"), body.get("operations_list")
    for item in items if isinstance(items, list) else ():
        if (why := rejection(item)) is not None and isinstance(item, dict):
            yield BodyRefusal("rejected", f"Operation {item.get('id')}: {why}")
    for each in operations if isinstance(operations, list) else ():
        if isinstance(each, dict) and isinstance(each.get("status"), int) and each["status"] not in (COMPLETE, OPEN):
            yield BodyRefusal(
                "operation-failed", f"Operation {each.get('id')}: {each.get('result_message') or 'failed'}"
            )
