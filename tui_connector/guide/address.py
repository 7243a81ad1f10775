"""Finds a store's REST interface from whatever address its user has at hand."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from ..client.layer import Send
from ..client.message import About, Answer, Failure, Request, RequestFailed, Unanswered
from ..client.uri import BadUri, canonical, is_loopback, origin_of
from ..magento.diagnosis import Finding, diagnose, diagnose_failure

MOST_SHAPES = 4
ANONYMOUS = "directory/currency"
"""Open to everyone in every Magento 2 (Magento_Directory, webapi.xml)."""

_NO_PATH_TO_OTHERS = (Failure.DNS, Failure.REFUSED, Failure.TLS, Failure.TIMEOUT_CONNECT, Failure.PROTOCOL)


@dataclass(frozen=True, slots=True)
class Shape:
    """One way to read what was typed: where the shop is, and where its REST interface would be."""

    root: str
    index: bool = False
    store_view: str | None = None

    def base_uri(self, store_view: str = "") -> str:
        code = f"/{store_view}" if store_view else ""
        return f"{self.root}{'/index.php' if self.index else ''}/rest{code}/V1"


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """A store that answered: `shape` fits it, and `version` and `two_factor` are what it lets anybody know."""

    shape: Shape
    version: str = ""
    two_factor: bool = False

    def summary(self) -> str:
        rest = urlsplit(self.shape.base_uri()).path
        parts = [self.version or "Magento 2", f"REST at {rest}"]
        return ", ".join([*parts, *(["2FA on for admin users"] if self.two_factor else [])])


@dataclass(frozen=True, slots=True)
class Probe:
    """One address that was tried."""

    base_uri: str
    result: str
    found: bool
    finding: Finding | None = None


@dataclass(slots=True)
class Search:
    """The way from what was typed to a store's address, each step of it shown."""

    typed: str
    probes: list[Probe] = field(default_factory=list)
    found: StoreAddress | None = None
    finding: Finding | None = None


def shapes(typed: str) -> list[Shape]:
    """The ways to read an address, the likeliest first. Raises `BadUri` where there is none.

    "shop.example", "https://shop.example/admin_x1/…", "https://shop.example/rest/nl/V1/products" all name a shop.
    """
    text = typed.strip().strip("\"'<>").strip()
    if not text:
        raise BadUri("type the store's address, such as shop.example")
    scheme_given = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text) is not None
    if not scheme_given:
        text = f"{'http' if _looks_local(text) else 'https'}://{text.lstrip('/')}"
    whole = canonical(text.partition("?")[0].partition("#")[0])
    origin, path = origin_of(whole), urlsplit(whole).path.rstrip("/")
    store_view = None
    rest = re.search(r"(^|/)(index\.php/)?rest(/|$)", path)
    if rest:
        following = path[rest.end() :].split("/")[0]
        if following and not re.fullmatch(r"[Vv]\d+|async|schema", following):
            store_view = following
        path, index_first = path[: rest.start()], bool(rest.group(2))
    else:
        index_first = path.endswith("/index.php")
        path = path.removesuffix("/index.php")
    roots = [f"{origin}{path}"] + ([origin] if path else [])
    found = [Shape(root, index, store_view) for root in roots for index in ((index_first, not index_first))]
    if not scheme_given:
        other = "https" if origin.startswith("http:") else "http"
        found.append(Shape(f"{other}://{origin.partition('://')[2]}{path}", index_first, store_view))
    return found


def _looks_local(text: str) -> bool:
    try:
        return is_loopback(f"http://{text}")
    except BadUri:
        return False


async def search(typed: str, send: Send) -> AsyncIterator[Search]:
    """Tries at most four shapes, and yields after each request. `send` adds no authentication."""
    state = Search(typed)
    try:
        waiting = shapes(typed)
    except BadUri as error:
        message = str(error)
        state.finding = Finding("address", message[:1].upper() + message[1:], remedy="Correct it.", field="address")
        yield state
        return
    dead: set[str] = set()
    tried: set[str] = set()
    while waiting and len(state.probes) < MOST_SHAPES:
        shape = waiting.pop(0)
        origin = origin_of(shape.root)
        if origin in dead or shape.base_uri() in tried:
            continue
        tried.add(shape.base_uri())
        probe, target = await _probe(shape, send)
        state.probes.append(probe)
        state.finding = state.finding or probe.finding
        if probe.finding is not None and probe.finding.id.removeprefix("unreachable-") in _NO_PATH_TO_OTHERS:
            dead.add(origin)
        if probe.found:
            state.finding, waiting = None, []
            state.found = StoreAddress(shape)
        elif probe.finding is not None and probe.finding.id in ("web-server-password", "maintenance"):
            state.finding, waiting = probe.finding, []  # the other shapes would say the same
        elif target is not None:
            waiting.insert(0, target)
        yield state
    if state.found is not None:
        state.found = await _identified(state.found, send)
        yield state


def _test(uri: str, method: str = "GET", body: bytes = b"") -> Request:
    return Request(method, uri, body=body, about=About(purpose="probe"))


async def _probe(shape: Shape, send: Send) -> tuple[Probe, Shape | None]:
    base = shape.base_uri()
    request = _test(f"{base}/{ANONYMOUS}")
    try:
        answer = await send(request)
    except RequestFailed as failure:
        finding = diagnose_failure(failure, f"GET {request.uri}")
        return Probe(base, failure.message, False, finding), None
    if _is_currency(answer):
        return Probe(base, "answers as Magento's REST interface", True), None
    finding = diagnose(request, answer) or Finding(
        "not-rest", "This address answers with JSON, but not with Magento's", remedy="Check it.", field="address"
    )
    return Probe(base, f"{answer.status} · {finding.summary}", False, finding), _redirected(shape, answer)


def _is_currency(answer: Answer) -> bool:
    if answer.status != 200:
        return False
    try:
        data = json.loads(answer.body)
    except (ValueError, RecursionError):
        return False
    return isinstance(data, dict) and "base_currency_code" in data


def _redirected(shape: Shape, answer: Answer) -> Shape | None:
    """Where a redirect points, when it names another origin for the same path (to https, to www)."""
    if not 300 <= answer.status < 400:
        return None
    try:
        target = canonical(answer.header("Location") or "")
    except BadUri:
        return None
    path = urlsplit(target).path
    if not path.endswith(f"/{ANONYMOUS}"):
        return None
    root = target.partition("?")[0].removesuffix(f"/{ANONYMOUS}").removesuffix("/V1").removesuffix("/rest")
    index = root.endswith("/index.php")
    return replace(shape, root=root.removesuffix("/index.php"), index=index)


async def _identified(address: StoreAddress, send: Send) -> StoreAddress:
    """What the store says of itself to anybody; a store that says nothing is one all the same."""
    version, two_factor = "", False
    try:
        answer = await send(_test(f"{address.shape.root}/magento_version"))
        match = re.fullmatch(r"Magento/([\d.]+) \((\w+)\)", answer.body.decode("utf-8", "replace").strip()[:80])
        version = f"Magento {match[1]} {match[2]}" if match else ""
        # without credentials: the route is there (400, it misses its fields) only where the module is
        tfa = f"{address.shape.base_uri()}/tfa/provider/google/authenticate"
        answer = await send(_test(tfa, "POST", b"{}").with_header("Content-Type", "application/json"))
        two_factor = answer.status == 400
    except Unanswered:
        pass
    return replace(address, version=version, two_factor=two_factor)


def insecure(base_uri: str) -> bool:
    """Tokens sent to this address can be read on the way."""
    return base_uri.startswith("http:") and not is_loopback(base_uri)
