"""The Web API: from a path under `/rest` to a response, with checks in Magento's order."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

from .access import Access, SignedRequest
from .callers import GUEST, Caller
from .criteria import parse_query
from .handlers import Call
from .records import Item
from .response import (
    JSON_TYPE,
    XML_TYPE,
    Json,
    PageResponse,
    Refusal,
    StoreResponse,
    as_object,
    crash_page,
    php_json,
    xml,
)
from .route import Route
from .schema import schema
from .store import Store
from .store_config import STORE_CODES

_METHODS = ("GET", "POST", "PUT", "DELETE")
_JSON_ACCEPTED = ("*/*", "application/*", "application/json")
_XML_TYPES = ("application/xml", "text/xml", "application/xhtml+xml")
_VERSIONED = re.compile(r"^(/async(/bulk)?)?/V\d+(/|$)")
_ASYNC = re.compile(r"^/async(/bulk)?(?=/V\d)")
_UNPROCESSABLE = "Specified request cannot be processed."


@dataclass(frozen=True)
class StoreRequest:
    """A raw request: `path` not decoded and without the query, header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    def url(self) -> str:
        """The URL as the server rebuilds it; `X-Forwarded-Proto` may make it https."""
        secure = self.headers.get("x-forwarded-proto", "").lower() == "https"
        query = f"?{self.query}" if self.query else ""
        return f"{'https' if secure else 'http'}://{self.headers.get('host', '')}{self.path}{query}"


@dataclass
class JournalEntry:
    """The sender of a request, for the journal."""

    who: str = GUEST.name


class Rest:
    """Handles every request below `/rest`."""

    def __init__(self, store: Store, access: Access) -> None:
        self._store = store
        self._access = access

    def response(self, request: StoreRequest, entry: JournalEntry) -> StoreResponse:
        """The response; sets the sender in `entry`."""
        accepted = _accepted_type(request.headers.get("accept", ""))
        try:
            content_type, data, status = self._data(request, entry)
        except Refusal as refusal:
            content_type, data, status = "", refusal.envelope, refusal.status
        except PageResponse as page:
            return page.response
        if accepted is None:
            return crash_page()
        if accepted == XML_TYPE and not content_type:
            return StoreResponse(status, XML_TYPE, xml(data))
        return StoreResponse(status, content_type or JSON_TYPE, php_json(data))

    def _data(self, request: StoreRequest, entry: JournalEntry) -> tuple[str, Json, int]:
        if request.method not in _METHODS:
            raise Refusal(405, f"The {request.method} HTTP method is not supported.")
        store, path = _store_and_path(request.path)
        self._store.queue.work()
        if path == "/schema":
            return "application/json", self._schema(request, entry), 200
        if queued := _ASYNC.match(path):
            data = self._enqueue(request, entry, store, path[queued.end() :].rstrip("/"), bulk=bool(queued[1]))
            return "", data, 202
        route, variables = self._store.find(request.method, path.rstrip("/").split("/"))
        caller = self._authorize(route, request, entry)
        query = parse_query(request.query)
        body = _body(request) if request.method in ("POST", "PUT") else {}
        item = _parameters(body) if isinstance(body, dict) else {}
        data = self._store.call(route, Call(caller, store, variables, query, item))
        return "", self._store.in_varying_order(data), 200

    def _enqueue(self, request: StoreRequest, entry: JournalEntry, store: str, path: str, *, bulk: bool) -> Json:
        """Enqueue a request; only its structure is checked now."""
        if request.method == "GET":
            raise Refusal(400, _UNPROCESSABLE)
        parts = path.split("/")
        names: tuple[str, ...] = ()
        variables: dict[str, str] = {}
        if bulk:
            route, names = self._store.find_bulk(request.method, parts)
        else:
            route, variables = self._store.find(request.method, parts)
        caller = self._authorize(route, request, entry)
        queued = self._store.queued(route)
        body = _body(request) if bulk or request.method != "DELETE" else {}
        if bulk:
            if isinstance(body, list):
                body = [_parameters(each) if isinstance(each, dict) else each for each in body]
            return self._store.queue.accept_bulk(queued, store, caller, names, body)
        item = _parameters(body) if isinstance(body, dict) else {}
        return self._store.queue.accept(queued, store, caller, variables, item)

    def _authorize(self, route: Route, request: StoreRequest, entry: JournalEntry) -> Caller:
        """The sender. Raises `Refusal` 401 if it may not use the route."""
        resource = self._store.resource(route)
        caller = GUEST if GUEST.has_access(resource) else self._caller(request, entry)
        if not caller.has_access(resource):
            text = "The consumer isn't authorized to access %resources."
            raise Refusal(401, text, {"resources": resource})
        return caller

    def _caller(self, request: StoreRequest, entry: JournalEntry) -> Caller:
        authorization = request.headers.get("authorization", "")
        caller = self._access.caller(SignedRequest(request.method, request.url(), authorization))
        entry.who = caller.name
        return caller

    def _schema(self, request: StoreRequest, entry: JournalEntry) -> Item:
        services = parse_query(request.query).get("services", "all")
        caller = self._caller(request, entry)
        base_path = request.path.removeprefix("/index.php").removesuffix("/schema")
        return schema(self._store, caller, request.headers.get("host", ""), base_path, str(services))


def _store_and_path(path: str) -> tuple[str, str]:
    """The store code (`default` if there is none) and what follows it (module-webapi/Controller/PathProcessor.php).

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
    """The body by parameter name; snake case is accepted too (ServiceInputProcessor)."""
    return {re.sub(r"(?<=[a-z0-9])_([a-z])", lambda found: found[1].upper(), name): body[name] for name in body}


def _accepted_type(header: str) -> str | None:
    """The response's media type; None if Magento has no renderer for it and crashes."""
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


def _body(request: StoreRequest) -> Json:
    if not request.body:
        return {}  # Magento checks the type only of a body it reads (framework/Webapi/Rest/Request.php, getBodyParams)
    header = request.headers.get("content-type", "")
    if not header:
        raise Refusal(400, "Content-Type header is empty.")
    found = re.fullmatch(r"([a-z\d/\-+.]+)(?:;\s*charset=(.+))?", header.strip(), re.IGNORECASE)
    if not found:
        raise Refusal(400, "Content-Type header is invalid.")
    if found[2] and found[2].strip('"').lower() != "utf-8":
        raise Refusal(400, "UTF-8 is the only supported charset.")
    kind = found[1].lower()
    if kind in _XML_TYPES:
        return _from_xml(request.body)
    if kind != "application/json":
        raise Refusal(400, f"Server cannot understand Content-Type HTTP header media type {found[1]}")
    return _from_json(request.body)


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
    return as_object(data)


def _element(element: ElementTree.Element) -> Json:
    if not len(element):
        return element.text
    if {child.tag for child in element} == {"item"}:
        return [_element(child) for child in element]
    return {child.tag: _element(child) for child in element}
