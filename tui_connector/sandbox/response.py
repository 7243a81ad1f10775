"""Responses: JSON and XML as PHP writes them, the error envelope, `fields`, and the web server's pages."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

JSON_TYPE = "application/json; charset=utf-8"
XML_TYPE = "application/xml; charset=utf-8"
HTML_TYPE = "text/html; charset=UTF-8"

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def as_list(value: Json) -> list[Json]:
    """The value if it is a list, otherwise an empty one."""
    return value if isinstance(value, list) else []


def as_object(value: Json) -> dict[str, Json]:
    """The value if it is an object, otherwise an empty one."""
    return value if isinstance(value, dict) else {}


def objects_in(value: Json) -> list[dict[str, Json]]:
    """The objects of a list; none for any other value."""
    return [each for each in as_list(value) if isinstance(each, dict)]


INTERNAL = "Internal Error. Details are available in Magento log file. Report ID: webapi-{}"


@dataclass(frozen=True)
class StoreResponse:
    """A complete response."""

    status: int
    content_type: str
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)


class JsonText(str):
    """Text that is already JSON, as written by `php_json`."""

    __slots__ = ()

    def data(self) -> Json:
        """The parsed JSON."""
        data: Json = json.loads(self)
        return data


class Refusal(Exception):
    """A response in Magento's error envelope (framework/Webapi/Rest/Response.php, `_renderMessages`)."""

    def __init__(
        self,
        status: int,
        message: str,
        parameters: dict[str, Json] | list[Json] | None = None,
        errors: list[Json] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.envelope: dict[str, Json] = {"message": message}
        if errors:
            self.envelope["errors"] = errors
        if parameters is not None:
            self.envelope["parameters"] = parameters


class PageResponse(Exception):
    """A response from outside the Web API: a page of the web server or of Magento's error processor."""

    def __init__(self, response: StoreResponse) -> None:
        super().__init__(response.status)
        self.response = response


def required(names: list[str]) -> Refusal:
    """400 for missing or empty fields; several are reported as a list of errors."""
    text = '"%fieldName" is required. Enter and try again.'
    if len(names) == 1:
        return Refusal(400, text, {"fieldName": names[0]})
    each: list[Json] = [{"message": text, "parameters": {"fieldName": name}} for name in names]
    return Refusal(400, "One or more input exceptions have occurred.", errors=each)


def internal(cause: str) -> Refusal:
    """500 with a report ID; a real store writes the cause to its log only."""
    return Refusal(500, INTERNAL.format(f"{zlib.crc32(cause.encode()):013x}"))


def php_json(data: Json) -> str:
    """JSON as PHP's json_encode writes it: `\\/` and `\\uXXXX`, no spaces."""
    if isinstance(data, JsonText):
        return str(data)
    return json.dumps(_plain(data), separators=(",", ":")).replace("/", "\\/")


def _plain(data: Json) -> Json:
    """The data with integral floats as integers, as PHP writes them."""
    if isinstance(data, float) and data.is_integer():
        return int(data)
    if isinstance(data, list):
        return [_plain(each) for each in data]
    if isinstance(data, dict):
        return {key: _plain(each) for key, each in data.items()}
    return data


def xml(data: Json) -> str:
    """XML as framework/Webapi/Rest/Response/Renderer/Xml.php writes it: `<response>`, list entries are `<item>`."""
    data = data.data() if isinstance(data, JsonText) else data
    inner = _xml_inner(data, "  ") if isinstance(data, dict | list) else _xml_scalar(data)
    newline = "\n" if isinstance(data, dict | list) else ""
    return f'<?xml version="1.0"?>\n<response>{newline}{inner}</response>\n'


def _xml_inner(data: dict[str, Json] | list[Json], indent: str) -> str:
    pairs = data.items() if isinstance(data, dict) else (("item", each) for each in data)
    lines = []
    for name, each in pairs:
        name = name if not name[:1].isdigit() else f"item_{name}"
        if isinstance(each, dict | list) and each:
            lines.append(f"{indent}<{name}>\n{_xml_inner(each, indent + '  ')}{indent}</{name}>\n")
        else:
            text = "" if isinstance(each, dict | list) else _xml_scalar(each)
            lines.append(f"{indent}<{name}>{text}</{name}>\n" if text else f"{indent}<{name}/>\n")
    return "".join(lines)


def _xml_scalar(data: Json) -> str:
    if isinstance(data, bool):
        return str(data).lower()
    return "" if data is None else escape(str(_plain(data)))


def web_server_page(status: int, reason: str, headers: Mapping[str, str] | None = None) -> StoreResponse:
    """An error page of nginx."""
    title = f"{status} {reason}"
    body = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
        "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    return StoreResponse(status, HTML_TYPE, body, headers or {})


def store_page(status: int, title: str, text: str = "") -> StoreResponse:
    """A page of Magento outside the Web API."""
    body = (
        f"<!doctype html>\n<html>\n<head>\n    <title>{title}</title>\n</head>\n<body>\n"
        f"    <h1>{title}</h1>\n    <p>{text}</p>\n</body>\n</html>\n"
    )
    return StoreResponse(status, HTML_TYPE, body)


def maintenance_page() -> StoreResponse:
    """The response of every route in maintenance mode: 503, HTML, no Retry-After."""
    return store_page(
        503,
        "Service Temporarily Unavailable",
        "The server is temporarily unable to service your request due to maintenance downtime or capacity problems.",
    )


def crash_page() -> StoreResponse:
    """The page for an exception outside the Web API's error handling."""
    return store_page(500, "There has been an error processing your request", "Error log record number: 0")


_VARYING = {
    *("configurable_product_options", "configurable_product_links", "values", "category_links", "product_links"),
    *("tier_prices", "options", "media_gallery_entries", "addresses"),
}
"""Unordered lists, which a real store returns in varying order."""
Wanted = dict[str, "Wanted"]
_TOKEN = re.compile(r"\w+|[\[\],]", re.ASCII)


def select_fields(data: Json, fields: str) -> Json:
    """The data reduced to `fields`; `[]` if nothing matches or `fields` is invalid, null for an empty list."""
    if not fields or not isinstance(data, dict | list):
        return data
    wanted = parse_fields(fields)
    if wanted is None:
        return []
    return _cut(data, wanted)


def parse_fields(text: str) -> Wanted | None:
    """`a,b[c,d]` as a tree of names, or None if it is invalid."""
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != text:
        return None
    top: Wanted = {}
    open_: list[Wanted] = [top]
    name = ""
    for token in tokens:
        if token == "[":
            if not name:
                return None
            open_.append(open_[-1][name])
            name = ""
        elif token == "]":
            if len(open_) == 1:
                return None
            open_.pop()
            name = ""
        elif token == ",":
            name = ""
        else:
            name = token
            open_[-1][name] = {}
    return top if len(open_) == 1 else None


def _cut(data: Json, wanted: Wanted) -> Json:
    if isinstance(data, list):
        return [_cut(each, wanted) for each in data] or None
    if not isinstance(data, dict):
        return data
    kept: dict[str, Json] = {}
    for name, value in data.items():
        if name not in wanted:
            continue
        inner = wanted[name]
        if not inner or not isinstance(value, dict | list):
            kept[name] = value
        elif name == "custom_attributes" and isinstance(value, list) and not inner.keys() & {"attribute_code", "value"}:
            kept[name] = _by_code(value, inner)
        else:
            kept[name] = _cut(value, inner)
    return kept or []  # PHP's empty array


def _by_code(attributes: list[Json], codes: Wanted) -> Json:
    """The selected attributes; PHP keeps array indexes, so gaps produce an object (magento2 issue 25175)."""
    chosen: dict[str, Json] = {
        str(place): each
        for place, each in enumerate(attributes)
        if isinstance(each, dict) and each.get("attribute_code") in codes
    }
    return list(chosen.values()) if list(chosen) == [str(place) for place in range(len(chosen))] else chosen


def rotated_lists(data: Json, turn: int) -> Json:
    """The data with its unordered lists rotated by `turn` places."""
    if isinstance(data, list):
        return [rotated_lists(each, turn) for each in data]
    if not isinstance(data, dict):
        return data
    rotated: dict[str, Json] = {}
    for name, value in data.items():
        inner = rotated_lists(value, turn)
        if name in _VARYING and isinstance(inner, list) and inner:
            first = turn % len(inner)
            inner = [*inner[first:], *inner[:first]]
        rotated[name] = inner
    return rotated
