"""The Web API: from a path under `/rest` to a response, in the order in which Magento looks at a request."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

from .access import Access, Asked
from .callers import GUEST, Caller
from .criteria import parse_query
from .handlers import Call
from .records import Item
from .response import JSON_TYPE, XML_TYPE, Json, ListPage, Refusal, StoreResponse, crash_page, php_json, xml
from .schema import schema
from .store import Route, Shop, answered
from .store_config import STORE_CODES

_METHODS = ("GET", "POST", "PUT", "DELETE")
_JSON_ACCEPTED = ("*/*", "application/*", "application/json")
_XML_TYPES = ("application/xml", "text/xml", "application/xhtml+xml")
_VERSIONED = re.compile(r"^(/async(/bulk)?)?/V\d+(/|$)")
_ASYNC = re.compile(r"^/async(/bulk)?(?=/V\d)")
_UNPROCESSABLE = "Specified request cannot be processed."


@dataclass(frozen=True)
class Received:
    """A request as it came: `path` without the query and not decoded, header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    def url(self) -> str:
        """The address as the server rebuilds it; a proxy in front may say that it was https."""
        secure = self.headers.get("x-forwarded-proto", "").lower() == "https"
        query = f"?{self.query}" if self.query else ""
        return f"{'https' if secure else 'http'}://{self.headers.get('host', '')}{self.path}{query}"


@dataclass
class Told:
    """What the journal says of a request beside its status."""

    who: str = GUEST.name


class Rest:
    """Answers everything under `/rest`."""

    def __init__(self, shop: Shop, access: Access) -> None:
        self._shop = shop
        self._access = access

    def response(self, received: Received, told: Told) -> StoreResponse:
        """The answer; `told` learns who asked."""
        accepted = _accepted(received.headers.get("accept", ""))
        try:
            content_type, data, status = self._data(received, told)
        except Refusal as refusal:
            content_type, data, status = "", refusal.envelope, refusal.status
        except ListPage as page:
            return page.response
        if accepted is None:
            return crash_page()
        if accepted == XML_TYPE and not content_type:
            return StoreResponse(status, XML_TYPE, xml(data))
        return StoreResponse(status, content_type or JSON_TYPE, php_json(data))

    def _data(self, received: Received, told: Told) -> tuple[str, Json, int]:
        if received.method not in _METHODS:
            raise Refusal(405, f"The {received.method} HTTP method is not supported.")
        store, path = _store_and_path(received.path)
        self._shop.queue.work()
        if path == "/schema":
            return "application/json", self._schema(received, told), 200
        if queued := _ASYNC.match(path):
            data = self._queued(received, told, store, path[queued.end() :].rstrip("/"), bulk=bool(queued[1]))
            return "", data, 202
        route, variables = self._shop.find(received.method, path.rstrip("/").split("/"))
        caller = self._allowed(route, received, told)
        query = parse_query(received.query)
        body = _body(received) if received.method in ("POST", "PUT") else {}
        item = _parameters(body) if isinstance(body, dict) else {}
        data = answered(route, Call(caller, store, variables, query, item))
        return "", self._shop.as_ordered(data), 200

    def _queued(self, received: Received, told: Told, store: str, path: str, *, bulk: bool) -> Json:
        """Take a request into the queue: everything but its shape is looked at later."""
        if received.method == "GET":
            raise Refusal(400, _UNPROCESSABLE)
        parts = path.split("/")
        names: tuple[str, ...] = ()
        variables: dict[str, str] = {}
        if bulk:
            route, names = self._shop.find_bulk(received.method, parts)
        else:
            route, variables = self._shop.find(received.method, parts)
        caller = self._allowed(route, received, told)
        offer = self._shop.queued(route)
        body = _body(received) if bulk or received.method != "DELETE" else {}
        if bulk:
            if isinstance(body, list):
                body = [_parameters(each) if isinstance(each, dict) else each for each in body]
            return self._shop.queue.accept_bulk(offer, store, caller, names, body)
        item = _parameters(body) if isinstance(body, dict) else {}
        return self._shop.queue.accept(offer, store, caller, variables, item)

    def _allowed(self, route: Route, received: Received, told: Told) -> Caller:
        """Who asks. Raises `Refusal` 401 where that caller may not use the route."""
        resource = self._shop.resource(route)
        caller = GUEST if GUEST.may(resource) else self._caller(received, told)
        if not caller.may(resource):
            text = "The consumer isn't authorized to access %resources."
            raise Refusal(401, text, {"resources": resource})
        return caller

    def _caller(self, received: Received, told: Told) -> Caller:
        authorization = received.headers.get("authorization", "")
        caller = self._access.caller(Asked(received.method, received.url(), authorization))
        told.who = caller.name
        return caller

    def _schema(self, received: Received, told: Told) -> Item:
        services = parse_query(received.query).get("services", "all")
        caller = self._caller(received, told)
        base_path = received.path.removeprefix("/index.php").removesuffix("/schema")
        return schema(self._shop, caller, received.headers.get("host", ""), base_path, str(services))


def _store_and_path(path: str) -> tuple[str, str]:
    """The store code (`default` where there is none) and what follows it (module-webapi/Controller/PathProcessor.php).

    Raises `Refusal` 400 for an unknown code, a lower-case `v1` or nothing at all.
    """
    rest = path.removeprefix("/index.php").removeprefix("/rest")
    store = "default"
    first, _, after = rest.removeprefix("/").partition("/")
    if first == "all" or first in STORE_CODES:
        store, rest = first, f"/{after}"
    if rest == "/schema" or _VERSIONED.match(rest):
        return store, rest
    raise Refusal(400, _UNPROCESSABLE)


def _parameters(body: Item) -> Item:
    """A body by the names of a service's parameters: each may be written in snake case too (ServiceInputProcessor)."""
    return {re.sub(r"(?<=[a-z0-9])_([a-z])", lambda found: found[1].upper(), name): body[name] for name in body}


def _accepted(header: str) -> str | None:
    """The type to answer in; None where Magento has no renderer and breaks down."""
    weighted: list[tuple[float, str]] = []
    for part in header.split(",") if header.strip() else ["*/*"]:
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
        weighted.append((float(weight) if re.fullmatch(r"\d(\.\d*)?", weight) else 0.0, name.lower()))
    for _, name in sorted(weighted, key=lambda each: -each[0]):
        if name in _JSON_ACCEPTED:
            return JSON_TYPE
        if name in _XML_TYPES:
            return XML_TYPE
    return None


def _body(received: Received) -> Json:
    if not received.body:
        return {}  # Magento looks at the type only of what it reads (framework/Webapi/Rest/Request.php, getBodyParams)
    header = received.headers.get("content-type", "")
    if not header:
        raise Refusal(400, "Content-Type header is empty.")
    found = re.fullmatch(r"([a-z\d/\-+.]+)(?:;\s*charset=(.+))?", header.strip(), re.IGNORECASE)
    if not found:
        raise Refusal(400, "Content-Type header is invalid.")
    if found[2] and found[2].strip('"').lower() != "utf-8":
        raise Refusal(400, "UTF-8 is the only supported charset.")
    kind = found[1].lower()
    if kind in _XML_TYPES:
        return _from_xml(received.body)
    if kind != "application/json":
        raise Refusal(400, f"Server cannot understand Content-Type HTTP header media type {found[1]}")
    return _from_json(received.body)


def _from_json(body: bytes) -> Json:
    if not body:
        return {}
    try:
        data: Json = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "Decoding error.") from error
    return data


def _from_xml(body: bytes) -> Item:
    try:
        data = _element(ElementTree.fromstring(body))
    except ElementTree.ParseError as error:
        raise Refusal(400, "Decoding error.") from error
    return data if isinstance(data, dict) else {}


def _element(element: ElementTree.Element) -> Json:
    if not len(element):
        return element.text
    if {child.tag for child in element} == {"item"}:
        return [_element(child) for child in element]
    return {child.tag: _element(child) for child in element}
