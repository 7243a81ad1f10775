"""Finds a store's REST API from whatever address its user has at hand."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import urljoin, urlsplit

from ..client.error_message import error_message
from ..client.layer import Send
from ..client.message import Failure, NoResponse, Request, RequestFailed, RequestInfo, Response
from ..client.uri import canonical, is_loopback, origin_of
from ..errors import InvalidValue
from ..magento.diagnosis import Finding, diagnose, diagnose_failure
from ..magento.diagnosis.probes import CURRENCY
from ..magento.token_shape import looks_like_token
from ..text import beginning

# The ways to read an address that somebody has at hand: where the shop is, and where its REST API would be.


MOST_SHAPES = 4
_LONGEST = 2_000
"""Characters; an address of a shop is far shorter, and a paste of something else may be far longer."""
_REST = re.compile(r"(?:^|/)(?:index\.php/)?rest(?:/|$)")
_CODE = re.compile(r"(?!(?:rest|graphql|admin)$)[a-z][a-z0-9_]{0,31}")
"""A store view's code (Magento\\Store\\Model\\Validation\\StoreCodeValidator), but for paths that every shop has."""
_VERSION = re.compile(r"[Vv]\d+|async|schema")
_MISTYPED = re.compile(r"(https?)[:;]?/{1,2}(?!/)", re.IGNORECASE)
"""A scheme of which a sign is missing or another."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!\d)")
_BARE = re.compile(r"(?P<root>.*?)/V\d+(?:/|$)")
_CLOUD_SERVICE = ".api.commerce.adobe.com"
_NUMBERS = re.compile(r"(?:0x[0-9a-fA-F]+|\d+)(?:\.(?:0x[0-9a-fA-F]+|\d+)){0,3}")


@dataclass(frozen=True, slots=True)
class Shape:
    """One way to read what was typed: where the shop is, and where its REST API would be."""

    root: str
    index: bool = False
    store_view: str | None = None
    other_scheme: bool = False
    """Not the scheme that was typed, or is usual: to be tried where nothing answers there."""
    bare: bool = False
    """Without /rest; the store view is named by the header Store. So it is in Adobe Commerce as a Cloud Service."""

    @property
    def is_cloud_service(self) -> bool:
        return is_cloud_service(self.root)

    def base_uri(self, store_view: str = "") -> str:
        if self.bare:
            return f"{self.root}/V1"
        code = f"/{store_view}" if store_view else ""
        return f"{self.root}{'/index.php' if self.index else ''}/rest{code}/V1"


def shapes(typed: str) -> list[Shape]:
    """The ways to read an address, the likeliest first. Raises `InvalidValue` where there is none.

    "shop.example", "https://shop.example/admin_x1/…", "https://shop.example/rest/nl/V1/products" all name a shop.
    """
    whole, scheme_given = _whole(typed)
    origin, path = origin_of(whole), urlsplit(whole).path.rstrip("/")
    if is_cloud_service(origin):
        return [Shape(f"{origin}/{_tenant(path)}", bare=True)]
    rest = _REST.search(path)
    store_view, index = None, False
    bare = _BARE.match(path) if rest is None else None
    if rest is not None:
        following = path[rest.end() :].split("/")[0]
        store_view = following if following and not _VERSION.fullmatch(following) else None
        index = "index.php" in rest[0]
        path = path[: rest.start()]
        roots = [path, ""]
    else:
        path = path.partition("/index.php")[0]
        roots = _roots([segment for segment in path.split("/") if segment])
    found = [Shape(f"{origin}{bare['root']}", bare=True)] if bare else []
    found += [Shape(f"{origin}{root}", way, store_view) for root, way in _ways(_unique(roots), index)]
    other = "https" if origin.startswith("http:") else "http"
    if not scheme_given or other == "https":
        found.append(Shape(f"{other}://{origin.partition('://')[2]}{roots[0]}", index, store_view, True))
    return found


def code_in_path(shape: Shape, typed: str) -> str:
    """What may be a store view's code at the beginning of the typed path, given the shape that responses; else nothing.

    A path of which the shop's directory is the only part, or of which none is: /CODE/… or /index.php/CODE/….
    """
    path = urlsplit(_whole(typed)[0]).path.strip("/")
    segments = [segment for segment in path.split("/") if segment]
    if segments and segments[0] == "index.php":
        segments = segments[1:]
    root = urlsplit(shape.root).path.strip("/")
    if shape.store_view is not None or not segments or root not in ("", segments[0]) or "key" in segments:
        return ""
    return segments[0] if _CODE.fullmatch(segments[0]) else ""


def _whole(typed: str) -> tuple[str, bool]:
    """The address in its canonical form, and whether it was typed with its scheme."""
    text = typed.strip().strip("\"'<>").strip()
    if not text:
        raise InvalidValue("uri", "enter the store's address, such as shop.example")
    if looks_like_token(text):  # as a host's name it would be sent to a name server
        raise InvalidValue("uri", "this looks like a token, not a store address; nothing was sent")
    if len(text) > _LONGEST:
        raise InvalidValue("uri", f"an address of {len(text):,} characters is not a store address")
    if (mistyped := _MISTYPED.match(text)) is not None:
        text = f"{mistyped[1]}://{text[mistyped.end() :]}"
    scheme_given = _SCHEME.match(text) is not None
    if not scheme_given:
        text = text.lstrip("/")
        text = f"{'http' if _looks_local(text) else 'https'}://{text}"
    elif not re.match(r"https?://", text, re.IGNORECASE):
        raise InvalidValue("uri", f"{text.partition(':')[0]}: not a valid scheme; use http:// or https://")
    whole = canonical(_real_host(text.partition("?")[0].partition("#")[0]))
    return whole, scheme_given


def is_cloud_service(uri: str) -> bool:
    """Whether this is an address of Adobe Commerce as a Cloud Service: https://REGION.api.commerce.adobe.com/TENANT."""
    try:
        return origin_of(uri).endswith(_CLOUD_SERVICE)
    except InvalidValue:
        return False


def is_bare(base_uri: str) -> bool:
    """Whether this base URI is that of a REST API without /rest before its version."""
    path = urlsplit(base_uri).path
    return is_cloud_service(base_uri) or (_REST.search(path) is None and _BARE.fullmatch(path) is not None)


def _tenant(path: str) -> str:
    segments = [segment for segment in path.split("/") if segment]
    if not segments or _VERSION.fullmatch(segments[0]) or segments[0] in ("rest", "graphql"):
        raise InvalidValue(
            "uri",
            "the tenant ID is missing from this address of Adobe Commerce as a Cloud Service: write it as in "
            "https://na1.api.commerce.adobe.com/TENANT (Commerce Cloud Manager shows it as REST endpoint)",
        )
    return segments[0]


def _real_host(uri: str) -> str:
    """The address with an IPv4 host as everybody writes it: 127.1 and 0x7f.1 are 127.0.0.1 (inet_aton)."""
    scheme, _, rest = uri.partition("://")
    host, slash, path = rest.partition("/")
    name, colon, port = host.partition(":")
    if not _NUMBERS.fullmatch(name):
        return uri
    try:
        real = socket.inet_ntoa(socket.inet_aton(name))
    except OSError:
        raise InvalidValue("uri", f"{name} is not an IP address") from None
    return f"{scheme}://{real}{colon}{port}{slash}{path}"


def _roots(segments: list[str]) -> list[str]:
    """Where a shop may be installed, given the path of any of its pages."""
    if "key" in segments:  # the admin's, whose secret key is not to be sent around
        return ["", f"/{segments[0]}"]
    if segments and "." in segments[-1]:  # a page, such as bag.html
        segments = segments[:-1]
    whole = "".join(f"/{segment}" for segment in segments)
    if len(segments) < 2:
        return [whole, ""]
    return [whole, "", f"/{segments[0]}"] if len(segments) < 4 else ["", f"/{segments[0]}"]


def _ways(roots: list[str], index: bool) -> Iterator[tuple[str, bool]]:
    """Each root without or with /index.php, then all of them the other way."""
    for way in (index, not index):
        for root in roots:
            yield root, way


def _unique(roots: list[str]) -> list[str]:
    return list(dict.fromkeys(roots))


def _looks_local(text: str) -> bool:
    try:
        return is_loopback(_real_host(f"http://{text}"))
    except InvalidValue:
        return False


PROTECTED = "modules"
"""Answers whoever has a token; Adobe Commerce as a Cloud Service has it too, and no `CURRENCY`."""

_SAME_ELSEWHERE = ("web-server-password", "maintenance", "too-many-requests")
"""Findings that every path of a host would give."""
_MAY_BE_ANOTHER_PATH = (Failure.TIMEOUT, Failure.CUT_OFF, Failure.TOO_LARGE)
"""Failures that say nothing of the host's other paths."""


def currency_finding(request: Request, response: Response) -> Finding | None:
    """What is wrong where `CURRENCY` was asked for; None where Magento answered."""
    if is_currency(response):
        return None
    finding = diagnose(request, response)
    return _not_magento(request, response) if finding is None or _is_foreign(response) else finding


def _is_foreign(response: Response) -> bool:
    """Whether this is an error in JSON of something else: Magento's has a `message` (Webapi, ErrorProcessor)."""
    if not 400 <= response.status < 500 or response.status == 429 or response.header("WWW-Authenticate"):
        return False
    try:
        data = json.loads(response.body)
    except (ValueError, RecursionError):
        return False
    return not (isinstance(data, dict) and isinstance(data.get("message"), str))


def _not_magento(request: Request, response: Response) -> Finding:
    message = beginning(error_message(response.body), 200)
    evidence = f"#{response.exchange} {request.method} {request.uri.partition('?')[0]} → {response.status} {message}"
    return Finding(
        "not-rest",
        f"This address responds with {response.status} and JSON{f' ({message})' if message else ''}, but it is not "
        "Magento's REST API",
        (evidence.rstrip(),),
        "Enter the address of the store's front page; /rest/V1 is added to it. For a store that is not Magento, write "
        "the profile as text: `check` and `run` use the requests in it.",
        "address",
    )


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """A store that answered: `shape` fits it, and `version` and `two_factor` are what it lets anybody know."""

    shape: Shape
    version: str = ""
    two_factor: bool = False

    needs_token: bool = False
    """It tells nothing to anybody: that it is a store is known once an authentication was accepted."""

    def summary(self) -> str:
        rest = urlsplit(self.shape.base_uri()).path
        parts = [self.version or ("Commerce REST API" if self.needs_token else "Magento 2"), f"REST at {rest}"]
        if self.needs_token:
            parts.append("requires an access token")
        return ", ".join([*parts, *(["2FA on for admin users"] if self.two_factor else [])])


@dataclass(frozen=True, slots=True)
class AddressProbe:
    """One address that was tried."""

    base_uri: str
    result: str
    found: bool
    finding: Finding | None = None
    needs_token: bool = False


@dataclass(slots=True)
class AddressSearch:
    """The way from what was typed to a store's address, each step of it shown."""

    typed: str
    probes: list[AddressProbe] = field(default_factory=list)
    found: StoreAddress | None = None
    finding: Finding | None = None


async def search(typed: str, send: Send) -> AsyncIterator[AddressSearch]:
    """Tries at most four shapes, and yields after each request. `send` adds no authentication."""
    state = AddressSearch(typed)
    try:
        waiting = shapes(typed)
    except InvalidValue as error:
        message = str(error)
        remedy = "Enter the store's address, such as shop.example or https://shop.example/shop."
        state.finding = Finding("address", message[:1].upper() + message[1:], remedy=remedy, field="address")
        yield state
        return
    dead: set[str] = set()
    tried: set[str] = set()
    typed_origin = origin_of(waiting[0].root)
    while waiting and len(state.probes) < MOST_SHAPES:
        shape = waiting.pop(0)
        origin = origin_of(shape.root)
        if origin in dead or shape.base_uri() in tried:
            continue
        if shape.other_scheme and typed_origin not in dead:
            continue
        tried.add(shape.base_uri())
        probe, target = await _probe(shape, send)
        state.probes.append(probe)
        state.finding = _more_telling(state.finding, probe.finding)
        if _is_dead(probe.finding):
            dead.add(origin)
        if probe.found:
            state.finding, waiting = None, []
            version = "Adobe Commerce as a Cloud Service" if shape.is_cloud_service else ""
            state.found = StoreAddress(shape, version, needs_token=probe.needs_token)
        elif probe.finding is not None and probe.finding.id in _SAME_ELSEWHERE:
            state.finding, waiting = probe.finding, []  # the other shapes would say the same
        elif target is not None:
            waiting.insert(0, target)
        yield state
    if state.found is not None and not state.found.shape.bare:
        if len(state.probes) < MOST_SHAPES:
            state.found = replace(state.found, shape=await _with_view_of_path(state.found.shape, typed, send))
        state.found = await _identified(state.found, send)
        yield state


async def _with_view_of_path(shape: Shape, typed: str, send: Send) -> Shape:
    """The shape with the store view whose code the typed address starts with, where it does.

    With store codes in URLs (web/url/use_store) Magento also answers at /CODE/rest, as if it were installed there. That
    address would break when the setting is switched off, and says nothing of the view.
    """
    code = code_in_path(shape, typed)
    if not code:
        return shape
    origin = origin_of(shape.root)
    wanted = Shape(origin, shape.index, code)
    try:
        response = await send(_test(f"{wanted.base_uri(code)}/{CURRENCY}"))
    except RequestFailed:
        return shape
    return wanted if is_currency(response) else shape


def _test(uri: str, method: str = "GET", body: bytes = b"") -> Request:
    return Request(method, uri, body=body, about=RequestInfo(purpose="probe"))


def _more_telling(first: Finding | None, second: Finding | None) -> Finding | None:
    """Any answer tells more than a web page, and a web page more than none."""
    if first is None or second is None:
        return first or second
    return second if first.id == "not-rest" and second.failure is None else first


def _is_dead(finding: Finding | None) -> bool:
    """Whether nothing at this origin can be reached."""
    if finding is None or finding.failure is None:
        return False
    return finding.failure not in _MAY_BE_ANOTHER_PATH


async def _probe(shape: Shape, send: Send) -> tuple[AddressProbe, Shape | None]:
    base = shape.base_uri()
    if shape.is_cloud_service:
        return await _probe_protected(shape, send), None
    request = _test(f"{base}/{CURRENCY}")
    try:
        response = await send(request)
    except RequestFailed as failure:
        finding = diagnose_failure(failure, f"GET {request.uri}")
        return AddressProbe(base, failure.message, False, finding), None
    if is_currency(response):
        return AddressProbe(base, "Magento REST API found", True), None
    wrong = currency_finding(request, response)
    assert wrong is not None
    if shape.bare and is_json(response) and (probe := await _probe_protected(shape, send)).found:
        return probe, None
    return AddressProbe(base, f"{response.status} · {wrong.summary}", False, wrong), _redirected(shape, response)


async def _probe_protected(shape: Shape, send: Send) -> AddressProbe:
    """Whether there is a REST API that responses nobody without a token, such as Adobe Commerce as a Cloud Service."""
    base = shape.base_uri()
    request = _test(f"{base}/{PROTECTED}")
    try:
        response = await send(request)
    except RequestFailed as failure:
        return AddressProbe(base, failure.message, False, diagnose_failure(failure, f"GET {request.uri}"))
    finding = protected_finding(request, response)
    if finding is None:
        return AddressProbe(base, "REST API found; it requires an access token", True, needs_token=True)
    return AddressProbe(base, f"{response.status} · {finding.summary}", False, finding)


def protected_finding(request: Request, response: Response) -> Finding | None:
    """What is wrong where `PROTECTED` was requested without a token; None where a token is what is missing."""
    if response.status in (401, 403) and (is_json(response) or is_cloud_service(request.uri)):
        return None
    if response.status == 404 and is_cloud_service(request.uri):
        remedy = "Compare the tenant ID and the region with the REST endpoint in Commerce Cloud Manager."
        evidence = (
            f"#{response.exchange} {request.method} {request.uri} → 404 {error_message(response.body)}".rstrip(),
        )
        return Finding("no-tenant", "The Cloud Service does not know this tenant", evidence, remedy, "address")
    return diagnose(request, response) or _not_magento(request, response)


def is_json(response: Response) -> bool:
    try:
        json.loads(response.body)
    except (ValueError, RecursionError):
        return False
    return True


def is_currency(response: Response) -> bool:
    """Whether this is what `CURRENCY` answers."""
    if response.status != 200:
        return False
    try:
        data = json.loads(response.body)
    except (ValueError, RecursionError):
        return False
    return isinstance(data, dict) and "base_currency_code" in data


def _redirected(shape: Shape, response: Response) -> Shape | None:
    """Where a redirect points, when it names another origin for the same path (to https, to www).

    Some web servers send everything to the front page of the right host; then the same path is tried there.
    """
    if not 300 <= response.status < 400:
        return None
    try:
        target = canonical(urljoin(shape.base_uri(), response.header("Location") or ""))
    except ValueError:  # `InvalidValue` is one, too
        return None
    path = urlsplit(target).path.rstrip("/")
    if not path.endswith(f"/{CURRENCY}"):
        origin = origin_of(target)
        same_shop = _host(target) == _host(shape.root) and origin != origin_of(shape.root)
        return replace(shape, root=origin + urlsplit(shape.root).path) if same_shop else None
    root = target.partition("?")[0].rstrip("/").removesuffix(f"/{CURRENCY}").removesuffix("/V1").removesuffix("/rest")
    index = root.endswith("/index.php")
    return replace(shape, root=root.removesuffix("/index.php"), index=index)


def _host(uri: str) -> str:
    return (urlsplit(uri).hostname or "").removeprefix("www.")


async def _identified(address: StoreAddress, send: Send) -> StoreAddress:
    """What the store says of itself to anybody; a store that says nothing is one all the same."""
    version, two_factor = "", False
    try:
        response = await send(_test(f"{address.shape.root}/magento_version"))
        match = re.fullmatch(r"([\w-]+)/([\d.]+) \((\w+)\)", response.body.decode("utf-8", "replace").strip()[:80])
        version = " ".join(match.groups()) if match else ""
        # without credentials: the route is there (400, it misses its fields) only where the module is
        tfa = f"{address.shape.base_uri()}/tfa/provider/google/authenticate"
        response = await send(_test(tfa, "POST", b"{}").with_header("Content-Type", "application/json"))
        two_factor = response.status == 400
    except NoResponse:
        pass
    return replace(address, version=version, two_factor=two_factor)


def insecure(base_uri: str) -> bool:
    """Tokens sent to this address can be read on the way."""
    return base_uri.startswith("http:") and not is_loopback(base_uri)
