"""A store that sends the responses of a real Magento 2.4.7: its status, headers and bodies, on a real socket.

An exchange that was recorded for the same caller, method, path and query is given back as it was. Lists are made of the
items that were recorded whole, by the search criteria that are asked for; everything else is refused as the real store
refused. Who asks is told by stand-ins of the same form as Magento's own tokens.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from urllib.parse import unquote

from http_server import Received, Server, serving
from recordings import Recording, query_of, recordings, route_of, schema

from tui_connector.sandbox.oauth_signature import encode, sign

FIELDS = ("consumer-key", "consumer-secret", "access-token", "access-token-secret")
PASSWORD = "CANARY-of-an-admin-1"
_NOT_AS_USUAL = re.compile(
    r"maintenance|developer-mode|2fa-enabled|input-limits|database-down|timezone|backpressure|allow-insecure"
    r"|sort-ties|body-12mb|accept-|oauth1-|bearer-|admin-token|lockout"
)
"""Recordings of the same store in another state, or of what the program does not send."""
_CATALOGUE = re.compile(r"/V1/(products|categories|modules|eav/attribute-sets)\b(?!/attributes|.*stockItems)")
"""What an integration with catalogue resources only was seen to be allowed, without what it was refused."""
_RESOURCES = {"/V1/products": "Magento_Catalog::products", "/V1/orders": "Magento_Sales::actions_view"}
_FILTER = re.compile(r"searchCriteria\[filter_groups\]\[(\d+)\]\[filters\]\[\d+\]\[(field|value|condition_type)\]")
_SORT = re.compile(r"searchCriteria\[sortOrders\]\[0\]\[(field|direction)\]")
_IDS = {"entity_id": "id", "page_id": "id", "block_id": "id"}
"""Columns that a list is searched by, and what a response calls them."""


def integration(who: str) -> dict[str, str]:
    """The four values of an integration, "full" or "catalog", in the form of Magento's: 32 small letters and digits."""
    return {name: f"canary{who}{name}".replace("-", "").ljust(32, "0") for name in FIELDS}


@dataclass
class RecordedStore:
    """What the store is told to be, and what it was asked."""

    server: Server = field(default_factory=lambda: Server(""))
    admin_until: datetime = datetime(2100, 1, 1)
    takes_bearer: bool = True
    maintenance: bool = False
    two_factor: bool = False
    first_answer_after: float = 0.0

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def asked(self) -> list[str]:
        """Method and target of each request."""
        return [" ".join(each.head.decode("latin-1").split(" ", 2)[:2]) for each in self.server.received]

    @property
    def jwt(self) -> str:
        """An admin's token, as Magento makes them."""
        payload = json.dumps({"uid": 1, "utypid": 2, "iat": 1, "exp": int(self.admin_until.timestamp())})
        return ".".join(
            base64.urlsafe_b64encode(part.encode()).decode().rstrip("=")
            for part in ('{"kid":"1","alg":"HS256"}', payload, "CANARY-signature")
        )

    def response(self, request: Received) -> Recording:
        method, target = request.head.decode("latin-1").split(" ", 2)[:2]
        if self.maintenance:
            return _named("maintenance-get")
        path = target.partition("?")[0]
        if path == "/magento_version":
            return _page("Magento/2.4 (Community)", 200)
        if not path.startswith("/rest"):
            return _page("<html><head><title>Home Page</title></head></html>", 200 if path == "/" else 404)
        if path.startswith("/rest/all/schema"):
            text = schema("all" if self.who(request) in ("full", "admin") else "anonymous")
            if self.who(request) == "catalog":
                text = _catalogue_schema()
            return replace(_named("modules"), body=text)
        if (code := re.match(r"/rest/([\w-]*)/?V1/", path)) is None or code[1] not in ("", "all", "default"):
            return _named("rest-lowercase-v1")
        return self._api(method, target, request)

    def _api(self, method: str, target: str, request: Received) -> Recording:
        route, who = route_of(target), self.who(request)
        if route == "/V1/integration/admin/token":
            return self._login(request)
        if route.startswith("/V1/tfa/"):
            return _named("2fa-enabled-google-empty-object" if self.two_factor else "no-auth-unknown-route")
        if not _offered(schema("all"), method, route):
            return _named("no-auth-unknown-route")
        if refusal := self._refusal(method, route, who, request):
            return refusal
        same = [each for each in _usual() if (each.method, each.route) == (method, route)]
        exact = [each for each in same if each.query == query_of(target) and (not each.who or each.who != "?")]
        if exact and exact[0].status == 200:
            return exact[0]
        if method == "GET" and (items := pool(route)):
            return _listed(items, query_of(target))
        good = [each for each in same if each.status == 200 and "fields=" not in each.target]
        if good and (method != "GET" or route not in _lists()):
            return good[0]
        if good:
            return replace(good[0], body=_empty(good[0].body, query_of(target)))
        known = next((each for each in same), None)
        return known or _named("product-404-storecode")

    def _login(self, request: Received) -> Recording:
        given = json.loads(request.body or b"{}")
        if self.two_factor:
            return _named("2fa-enabled-admin-token-google-set")
        if (given.get("username"), given.get("password")) != ("admin", PASSWORD):
            return _named("admin-token-wrong-password")
        return replace(_named("admin-token-ok"), body=f'"{self.jwt}"')

    def who(self, request: Received) -> str:
        """Whose request it is: "full", "catalog", "admin", nobody (""), "signature", or "?" for an unknown token."""
        scheme, _, value = request.header("Authorization").partition(" ")
        if not scheme:
            return ""
        if scheme.lower() == "oauth":
            return self._signer(request, value)
        if value == self.jwt:
            return "admin"
        known = [who for who in ("full", "catalog") if value == integration(who)["access-token"]]
        return known[0] if known and self.takes_bearer else "?"

    def _signer(self, request: Received, value: str) -> str:
        given = {name: unquote(text) for name, text in re.findall(r'(\w+)="([^"]*)"', value)}
        four = {who: integration(who) for who in ("full", "catalog")}
        by_key = [who for who in four if four[who]["consumer-key"] == given.get("oauth_consumer_key")]
        if not by_key:
            return "consumer"
        own = four[by_key[0]]
        if own["access-token"] != given.get("oauth_token"):
            return "token"
        method, target = request.head.decode("latin-1").split(" ", 2)[:2]
        key = f"{encode(own['consumer-secret'])}&{encode(own['access-token-secret'])}"
        url = f"http://{request.header('Host')}{target}"
        right = sign("laminas", method, url, given, key) == given.get("oauth_signature")
        return by_key[0] if right else "signature"

    def _refusal(self, method: str, route: str, who: str, request: Received) -> Recording | None:
        signed = {"consumer": "oauth1-short-consumer", "token": "oauth1-unknown-token"}
        signed["signature"] = "oauth1-wrong-signature"
        if who in signed:
            return _named(signed[who])
        if who in ("full", "admin") or _offered(schema("anonymous"), method, route):
            return None
        if who == "catalog" and _CATALOGUE.match(route):
            return None
        told = next((each for each in _usual() if each.route == route and each.status == 401), None)
        resource = next((name for path, name in _RESOURCES.items() if route.startswith(path)), "Magento_Backend::admin")
        body = {"message": "The consumer isn't authorized to access %resources.", "parameters": {"resources": resource}}
        return told or replace(_named("bearer-garbage"), body=json.dumps(body, separators=(",", ":")))


@asynccontextmanager
async def recorded_store() -> AsyncIterator[RecordedStore]:
    """The store, listening."""
    store = RecordedStore()

    async def respond(request: Received, writer: asyncio.StreamWriter) -> None:
        if len(store.server.received) == 1:
            await asyncio.sleep(store.first_answer_after)
        told = store.response(request)
        gzips = "gzip" in request.header("Accept-Encoding") and len(told.body) > 20
        writer.write(wire_form(told, gzips=gzips, head=request.head.startswith(b"HEAD ")))

    async with serving(respond) as server:
        store.server = server
        yield store


def wire_form(told: Recording, *, gzips: bool, head: bool = False) -> bytes:
    """The answer's bytes: nginx sends PHP's answers in chunks, and compressed where that is asked for."""
    own = ("transfer-encoding", "content-length")
    headers = [f"{name}: {value}" for name, value in told.headers if name.lower() not in own]
    body = told.body.encode()
    if gzips:
        headers.append("Content-Encoding: gzip")
        body = gzip.compress(body)
    lines = [f"HTTP/1.1 {told.status} {told.reason}", *headers, "Transfer-Encoding: chunked"]
    chunks = [body[place : place + 4_096] for place in range(0, len(body), 4_096)]
    data = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (b"" if head else data)


@cache
def pool(route: str) -> list[str]:
    """The items of a list that were recorded whole, each the text that was sent."""
    whole = (each for each in _usual() if each.route == route and each.status == 200 and "fields=" not in each.target)
    texts = [list(_items(each.body)) for each in whole if each.body.startswith('{"items":[')]
    return max(texts, key=len, default=[])


def _items(body: str) -> Iterator[str]:
    place, decoder = len('{"items":['), json.JSONDecoder()
    while body[place] != "]":
        _, end = decoder.raw_decode(body, place)
        yield body[place:end]
        place = end + (body[end] == ",")


def _listed(items: list[str], query: list[tuple[str, str]]) -> Recording:
    """A page of these items, in the form of the real one."""
    filters: dict[str, dict[str, str]] = {}
    sort: dict[str, str] = {}
    for name, value in query:
        if found := _FILTER.fullmatch(name):
            filters.setdefault(found[1], {})[found[2]] = value
        elif found := _SORT.fullmatch(name):
            sort[found[1]] = value
    if not any(name.startswith("searchCriteria") for name, _ in query):
        return _named("products-no-searchcriteria")
    rows = [(place, json.loads(text), text) for place, text in enumerate(items, 1)]
    for each in filters.values():
        if all(_cell(place, item, each["field"]) is None for place, item, _ in rows):
            return _named("filter-bad-field-products")
        rows = [row for row in rows if _passes(_cell(row[0], row[1], each["field"]), each)]
    if sort:
        downwards = sort["direction"] == "DESC"
        rows.sort(key=lambda row: _order(_cell(row[0], row[1], sort["field"])), reverse=downwards)
    asked = dict(query)
    size = int(asked.get("searchCriteria[pageSize]", 0)) or len(rows)
    page = int(asked.get("searchCriteria[currentPage]", 1))
    shown = ",".join(text for _, _, text in rows[(page - 1) * size : page * size])
    echo = {"filter_groups": [{"filters": [each]} for each in filters.values()], "page_size": size}
    body = f'{{"items":[{shown}],"search_criteria":{json.dumps(echo)},"total_count":{len(rows)}}}'
    return replace(_named("orders-page"), body=body)


def _cell(place: int, item: dict[str, object], column: str) -> object:
    if column == "source_item_id":
        return place
    return item.get(column, item.get(_IDS.get(column, "")))


def _order(cell: object) -> tuple[float, str]:
    return (float(cell), "") if isinstance(cell, int | float) else (0.0, str(cell))


def _passes(cell: object, condition: dict[str, str]) -> bool:
    value = condition["value"]
    own, limit = _order(cell), (float(value), "") if isinstance(cell, int | float) else (0.0, value)
    kind = condition["condition_type"]
    tests = {"gt": own > limit, "gteq": own >= limit, "lteq": own <= limit, "lt": own < limit, "eq": own == limit}
    return tests[kind]


def _empty(body: str, query: list[tuple[str, str]]) -> str:
    """A list of which no item was recorded: what stands behind its end."""
    if not any(name.startswith("searchCriteria") for name, _ in query):
        return _named("products-no-searchcriteria").body
    return body


@cache
def _usual() -> list[Recording]:
    return [each for each in recordings() if not _NOT_AS_USUAL.search(each.name)]


@cache
def _lists() -> set[str]:
    return {each.route for each in recordings() if each.body.startswith('{"items":')}


def _named(name: str) -> Recording:
    return next(each for each in recordings() if each.name == name)


def _page(text: str, status: int) -> Recording:
    """A page of the shop itself, of which none was recorded."""
    headers = (("Server", "nginx/1.22.1"), ("Content-Type", "text/html; charset=UTF-8"), ("Vary", "Accept-Encoding"))
    return replace(_named("modules"), status=status, reason="", headers=headers, body=text)


def _offered(schema_text: str, method: str, route: str) -> bool:
    wanted = route.split("/")
    return any(
        method.lower() in methods and len(parts := path.split("/")) == len(wanted) and all(map(_fits, parts, wanted))
        for path, methods in _paths(schema_text).items()
    )


@cache
def _paths(schema_text: str) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads(schema_text)["paths"]
    return found


def _fits(part: str, value: str) -> bool:
    return part == value or part.startswith("{")


def _catalogue_schema() -> str:
    """What is left of the schema for an integration with catalogue resources; the real one had 106 paths."""
    everything, anonymous = json.loads(schema("all")), json.loads(schema("anonymous"))
    paths = {path: each for path, each in everything["paths"].items() if _CATALOGUE.match(path)}
    return json.dumps({**everything, "paths": {**anonymous["paths"], **paths}})
