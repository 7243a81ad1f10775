"""Finds a store's REST API from any address of the store."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from urllib.parse import urljoin, urlsplit

from ...client.error_message import error_message
from ...client.layer import Send
from ...client.message import Failure, NoResponse, Request, RequestFailed, Response, probe_request
from ...client.typed_address import typed_address
from ...client.uri import canonical, origin_of
from ...errors import InvalidValue
from ...magento.diagnosis import Finding, diagnose, diagnose_failure
from ...magento.diagnosis.probes import CURRENCY
from ...text import beginning

MAX_CANDIDATES = 4
_REST = re.compile(r"(?:^|/)(?:index\.php/)?rest(?:/|$)")
_STORE_CODE = re.compile(r"(?!(?:rest|graphql|admin)$)[a-z][a-z0-9_]{0,31}")
"""A store view's code (Magento\\Store\\Model\\Validation\\StoreCodeValidator), except for paths of every store."""
_VERSION = re.compile(r"[Vv]\d+|async|schema")
_WITHOUT_REST = re.compile(r"(?P<root>.*?)/V\d+(?:/|$)")
_CLOUD_SERVICE = ".api.commerce.adobe.com"


@dataclass(frozen=True, slots=True)
class RestAddress:
    """A possible address of a REST API: the store's root, and the path from there."""

    root: str
    has_index_php: bool = False
    store_view: str | None = None
    other_scheme: bool = False
    """Whether the scheme is not the typed or default one; tried if there is no response with that one."""
    without_rest: bool = False
    """Without /rest; the header Store selects the store view (Adobe Commerce as a Cloud Service)."""

    @property
    def is_cloud_service(self) -> bool:
        return is_cloud_service(self.root)

    def base_uri(self, store_view: str = "") -> str:
        if self.without_rest:
            return f"{self.root}/V1"
        code = f"/{store_view}" if store_view else ""
        return f"{self.root}{'/index.php' if self.has_index_php else ''}/rest{code}/V1"


def candidate_addresses(typed: str) -> list[RestAddress]:
    """The possible addresses of the REST API, the most likely first. Raises `InvalidValue` if there is none.

    `typed` can be any address of the store: "shop.example", "https://shop.example/admin_x1/…",
    "https://shop.example/rest/nl/V1/products".
    """
    whole, scheme_given = typed_address(typed)
    origin, path = origin_of(whole), urlsplit(whole).path.rstrip("/")
    if is_cloud_service(origin):
        return [RestAddress(f"{origin}/{_tenant_in(path)}", without_rest=True)]
    rest = _REST.search(path)
    store_view, has_index_php = None, False
    without_rest = _WITHOUT_REST.match(path) if rest is None else None
    if rest is not None:
        following = path[rest.end() :].split("/")[0]
        store_view = following if following and not _VERSION.fullmatch(following) else None
        has_index_php = "index.php" in rest[0]
        path = path[: rest.start()]
        roots = [path, ""]
    else:
        path = path.partition("/index.php")[0]
        roots = _roots([segment for segment in path.split("/") if segment])
    found = [RestAddress(f"{origin}{without_rest['root']}", without_rest=True)] if without_rest else []
    found += [
        RestAddress(f"{origin}{root}", with_index, store_view)
        for with_index in (has_index_php, not has_index_php)
        for root in dict.fromkeys(roots)
    ]
    other = "https" if origin.startswith("http:") else "http"
    if not scheme_given or other == "https":
        found.append(RestAddress(f"{other}://{origin.partition('://')[2]}{roots[0]}", has_index_php, store_view, True))
    return found


def _store_code_in_path(address: RestAddress, typed: str) -> str:
    """The first segment of the typed path if it may be a store view's code, else "".

    The path is /CODE/… or /index.php/CODE/…, and the store is installed in the host's root or in that segment.
    """
    path = urlsplit(typed_address(typed)[0]).path.strip("/")
    segments = [segment for segment in path.split("/") if segment]
    if segments and segments[0] == "index.php":
        segments = segments[1:]
    root = urlsplit(address.root).path.strip("/")
    if address.store_view is not None or not segments or root not in ("", segments[0]) or "key" in segments:
        return ""
    return segments[0] if _STORE_CODE.fullmatch(segments[0]) else ""


def is_cloud_service(uri: str) -> bool:
    """Whether this is a URI of Adobe Commerce as a Cloud Service: https://REGION.api.commerce.adobe.com/TENANT."""
    try:
        return origin_of(uri).endswith(_CLOUD_SERVICE)
    except InvalidValue:
        return False


def is_without_rest(base_uri: str) -> bool:
    """Whether this base URI has no /rest before the version."""
    path = urlsplit(base_uri).path
    return is_cloud_service(base_uri) or (_REST.search(path) is None and _WITHOUT_REST.fullmatch(path) is not None)


def _completed_address(address: str) -> str:
    """The base URI of the most likely REST API at this address; the address itself if it has a version, such as V1.

    Raises `InvalidValue`.
    """
    if any(_VERSION.fullmatch(segment) for segment in urlsplit(address).path.split("/")):
        return address
    likely = candidate_addresses(address)[0]
    return likely.base_uri(likely.store_view or "")


def whole_address(typed: str, base: str) -> str:
    """The typed address; what its path lacks is that of the base value, or as in the first step of the guide.

    A path is completed only where the base value is Magento's REST API: elsewhere, any path may be a whole one. Raises
    `InvalidValue`.
    """
    address = typed_address(typed)[0]
    at, path = urlsplit(address), urlsplit(base).path
    is_beginning = path.startswith(f"{at.path.rstrip('/')}/")
    if at.path in ("", "/") or (is_beginning and "/rest" in path):
        return at._replace(path=path).geturl()
    is_magento = "/rest" in path or is_cloud_service(base) or is_cloud_service(address)
    return _completed_address(address) if is_magento else address


def _tenant_in(path: str) -> str:
    segments = [segment for segment in path.split("/") if segment]
    if not segments or _VERSION.fullmatch(segments[0]) or segments[0] in ("rest", "graphql"):
        raise InvalidValue(
            "uri",
            "the tenant ID is missing from this address of Adobe Commerce as a Cloud Service: write it as in "
            "https://na1.api.commerce.adobe.com/TENANT (Commerce Cloud Manager shows it as REST endpoint)",
        )
    return segments[0]


def _roots(segments: list[str]) -> list[str]:
    """The paths where a store may be installed, given the path of any of its pages."""
    if "key" in segments:  # of an admin page, with its secret key, which must not be sent
        return ["", f"/{segments[0]}"]
    if segments and "." in segments[-1]:  # a page, such as bag.html
        segments = segments[:-1]
    whole = "".join(f"/{segment}" for segment in segments)
    if len(segments) < 2:
        return [whole, ""]
    return [whole, "", f"/{segments[0]}"] if len(segments) < 4 else ["", f"/{segments[0]}"]


PROTECTED_URI = "modules"
"""Requires a token; Adobe Commerce as a Cloud Service has it, but not `CURRENCY`."""

_HOST_FINDINGS = ("web-server-password", "maintenance", "too-many-requests")
"""Findings that apply to every path of a host."""
_PATH_FAILURES = (Failure.TIMEOUT, Failure.CUT_OFF, Failure.TOO_LARGE)
"""Failures that may concern only one path of a host."""


def currency_finding(request: Request, response: Response) -> Finding | None:
    """What is wrong with a response to `CURRENCY`; None if it is Magento's."""
    if is_currency(response):
        return None
    finding = diagnose(request, response)
    return _not_magento(request, response) if finding is None or _is_foreign_error(response) else finding


def _is_foreign_error(response: Response) -> bool:
    """Whether this is a JSON error of another system: Magento's has a `message` (Webapi, ErrorProcessor)."""
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
class FoundStore:
    """A store whose REST API was found; `version` and `two_factor` are known if it discloses them."""

    address: RestAddress
    version: str = ""
    two_factor: bool = False

    needs_token: bool = False
    """Whether every request requires a token, so that only an authenticated one can confirm that it is a store."""

    def summary(self) -> str:
        rest = urlsplit(self.address.base_uri()).path
        parts = [self.version or ("Commerce REST API" if self.needs_token else "Magento 2"), f"REST at {rest}"]
        if self.needs_token:
            parts.append("requires an access token")
        return ", ".join([*parts, *(["2FA on for admin users"] if self.two_factor else [])])


@dataclass(frozen=True, slots=True)
class AddressProbe:
    """The result of one address."""

    base_uri: str
    result: str
    found: bool
    finding: Finding | None = None
    needs_token: bool = False


@dataclass(slots=True)
class AddressSearch:
    """The state of a search: the addresses tried so far, and the store or the finding."""

    typed: str
    probes: list[AddressProbe] = field(default_factory=list)
    found: FoundStore | None = None
    finding: Finding | None = None


async def search(typed: str, send: Send) -> AsyncIterator[AddressSearch]:
    """Tries at most four addresses, and yields the state after each. `send` adds no authentication."""
    state = AddressSearch(typed)
    try:
        candidates = candidate_addresses(typed)
    except InvalidValue as error:
        message = str(error)
        remedy = "Enter the store's address, such as shop.example or https://shop.example/shop."
        state.finding = Finding("address", message[:1].upper() + message[1:], remedy=remedy, field="address")
        yield state
        return
    unreachable: set[str] = set()
    tried: set[str] = set()
    typed_origin, typed_uri = origin_of(candidates[0].root), _uri_of(candidates[0])
    while candidates and len(state.probes) < MAX_CANDIDATES:
        address = candidates.pop(0)
        origin = origin_of(address.root)
        if origin in unreachable or address.base_uri() in tried:
            continue
        if address.other_scheme and typed_origin not in unreachable:
            continue
        tried.add(address.base_uri())
        probe, target = await _probe(address, send, typed_uri)
        state.probes.append(probe)
        state.finding = _more_informative(state.finding, probe.finding)
        if _is_unreachable(probe.finding):
            unreachable.add(origin)
        if probe.found:
            state.finding, candidates = None, []
            version = "Adobe Commerce as a Cloud Service" if address.is_cloud_service else ""
            state.found = FoundStore(address, version, needs_token=probe.needs_token)
        elif probe.finding is not None and probe.finding.id in _HOST_FINDINGS:
            state.finding, candidates = probe.finding, []  # the same for the other addresses
        elif target is not None:
            candidates.insert(0, target)
        yield state
    if state.found is not None and not state.found.address.without_rest:
        if len(state.probes) < MAX_CANDIDATES:
            state.found = replace(state.found, address=await _with_store_view(state.found.address, typed, send))
        state.found = await _identify(state.found, send)
        yield state


async def _with_store_view(address: RestAddress, typed: str, send: Send) -> RestAddress:
    """The address with the store view whose code the typed path starts with, if it does.

    With store codes in URLs (web/url/use_store) Magento also responds at /CODE/rest, as if it were installed there.
    That address would break if the setting was switched off, and ignores the store view.
    """
    code = _store_code_in_path(address, typed)
    if not code:
        return address
    origin = origin_of(address.root)
    wanted = RestAddress(origin, address.has_index_php, code)
    try:
        response = await send(probe_request("GET", f"{wanted.base_uri(code)}/{CURRENCY}", "is this a store view?"))
    except RequestFailed:
        return address
    return wanted if is_currency(response) else address


def _more_informative(first: Finding | None, second: Finding | None) -> Finding | None:
    """That of the address that was typed, the first one; a response of a REST API is better than a web page there."""
    if first is None or second is None:
        return first or second
    is_better = first.id == "not-rest" and second.id != "not-rest" and second.failure is None
    return second if is_better else first


def _is_unreachable(finding: Finding | None) -> bool:
    """Whether the whole origin cannot be reached."""
    if finding is None or finding.failure is None:
        return False
    return finding.failure not in _PATH_FAILURES


def _uri_of(address: RestAddress) -> str:
    """What is requested to find out whether a REST API is at this address."""
    return f"{address.base_uri()}/{CURRENCY}"


async def _probe(address: RestAddress, send: Send, typed_uri: str) -> tuple[AddressProbe, RestAddress | None]:
    """What is at this address, and where it redirects to; `typed_uri` is requested at the address that was typed."""
    base = address.base_uri()
    if address.is_cloud_service:
        return await _probe_protected(address, send), None
    if address.without_rest:  # where every request may require a token, so that a refusal tells nothing
        typed_uri = ""
    question = f"{urlsplit(base).scheme}: Magento REST API?"
    request = probe_request("GET", _uri_of(address), question, typed_uri=typed_uri)
    try:
        response = await send(request)
    except RequestFailed as failure:
        finding = diagnose_failure(failure, f"GET {request.uri}")
        return AddressProbe(base, failure.message, False, finding), None
    if is_currency(response):
        return AddressProbe(base, "Magento REST API found", True), None
    wrong = currency_finding(request, response)
    assert wrong is not None
    if address.without_rest and is_json(response) and (probe := await _probe_protected(address, send)).found:
        return probe, None
    return AddressProbe(base, f"{response.status} · {wrong.summary}", False, wrong), _redirected(address, response)


async def _probe_protected(address: RestAddress, send: Send) -> AddressProbe:
    """Looks for a REST API that requires a token for every request, such as Adobe Commerce as a Cloud Service."""
    base = address.base_uri()
    request = probe_request("GET", f"{base}/{PROTECTED_URI}", "does everything need a token?")
    try:
        response = await send(request)
    except RequestFailed as failure:
        return AddressProbe(base, failure.message, False, diagnose_failure(failure, f"GET {request.uri}"))
    finding = protected_finding(request, response)
    if finding is None:
        return AddressProbe(base, "REST API found; it requires an access token", True, needs_token=True)
    return AddressProbe(base, f"{response.status} · {finding.summary}", False, finding)


def protected_finding(request: Request, response: Response) -> Finding | None:
    """What is wrong with a response to `PROTECTED_URI`; None if only the token is missing."""
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
    """Whether this is Magento's response to `CURRENCY`."""
    if response.status != 200:
        return False
    try:
        data = json.loads(response.body)
    except (ValueError, RecursionError):
        return False
    return isinstance(data, dict) and "base_currency_code" in data


def _redirected(address: RestAddress, response: Response) -> RestAddress | None:
    """The address that a redirect points to, if it is the same path at another origin (https, www).

    Some web servers redirect every path to the front page of the right host; then the same path is tried there.
    """
    if not 300 <= response.status < 400:
        return None
    try:
        target = canonical(urljoin(address.base_uri(), response.header("Location") or ""))
    except ValueError:  # `InvalidValue` is one, too
        return None
    path = urlsplit(target).path.rstrip("/")
    if not path.endswith(f"/{CURRENCY}"):
        origin = origin_of(target)
        same_shop = _host(target) == _host(address.root) and origin != origin_of(address.root)
        return replace(address, root=origin + urlsplit(address.root).path) if same_shop else None
    root = target.partition("?")[0].rstrip("/").removesuffix(f"/{CURRENCY}").removesuffix("/V1").removesuffix("/rest")
    has_index_php = root.endswith("/index.php")
    return replace(address, root=root.removesuffix("/index.php"), has_index_php=has_index_php)


def _host(uri: str) -> str:
    return (urlsplit(uri).hostname or "").removeprefix("www.")


async def _identify(address: FoundStore, send: Send) -> FoundStore:
    """The store with its version and 2FA setting, as far as it discloses them without authentication."""
    version, two_factor = "", False
    try:
        response = await send(probe_request("GET", f"{address.address.root}/magento_version", "which version?"))
        match = re.fullmatch(r"([\w-]+)/([\d.]+) \((\w+)\)", response.body.decode("utf-8", "replace").strip()[:80])
        version = " ".join(match.groups()) if match else ""
        # the route exists (400: fields are missing) only with the 2FA module
        tfa = f"{address.address.base_uri()}/tfa/provider/google/authenticate"
        request = probe_request("POST", tfa, "2FA for admin users? 404: no", b"{}")
        response = await send(request.with_header("Content-Type", "application/json"))
        two_factor = response.status == 400
    except NoResponse:
        pass
    return replace(address, version=version, two_factor=two_factor)
