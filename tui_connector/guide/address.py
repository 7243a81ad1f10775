"""Finds a store's REST interface from whatever address its user has at hand."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from urllib.parse import urljoin, urlsplit

from ..client.error_message import error_message
from ..client.layer import Send
from ..client.message import About, Answer, Failure, Request, RequestFailed, Unanswered
from ..client.uri import BadUri, canonical, is_loopback, origin_of
from ..magento.diagnosis import Finding, diagnose, diagnose_failure
from ..text import beginning
from .address_shapes import MOST_SHAPES, Shape, code_in_path, is_cloud_service, shapes

ANONYMOUS = "directory/currency"
"""Open to everyone in every Magento 2 (Magento_Directory, webapi.xml)."""
PROTECTED = "modules"
"""Answers whoever has a token; Adobe Commerce as a Cloud Service has it too, and no `ANONYMOUS`."""

_SAME_ELSEWHERE = ("web-server-password", "maintenance", "too-many-requests")
"""Findings that every path of a host would give."""
_MAY_BE_ANOTHER_PATH = (Failure.TIMEOUT, Failure.CUT_OFF, Failure.TOO_LARGE)
"""Failures that say nothing of the host's other paths."""


def currency_finding(request: Request, answer: Answer) -> Finding | None:
    """What is wrong where `ANONYMOUS` was asked for; None where Magento answered."""
    if is_currency(answer):
        return None
    finding = diagnose(request, answer)
    return _not_magento(request, answer) if finding is None or _is_foreign(answer) else finding


def _is_foreign(answer: Answer) -> bool:
    """Whether this is an error in JSON of something else: Magento's has a `message` (Webapi, ErrorProcessor)."""
    if not 400 <= answer.status < 500 or answer.status == 429 or answer.header("WWW-Authenticate"):
        return False
    try:
        data = json.loads(answer.body)
    except (ValueError, RecursionError):
        return False
    return not (isinstance(data, dict) and isinstance(data.get("message"), str))


def _not_magento(request: Request, answer: Answer) -> Finding:
    message = beginning(error_message(answer.body), 200)
    evidence = f"#{answer.exchange} {request.method} {request.uri.partition('?')[0]} → {answer.status} {message}"
    return Finding(
        "not-rest",
        f"This address answers {answer.status} with JSON{f' ({message})' if message else ''}, but it is not Magento's "
        "REST API",
        (evidence.rstrip(),),
        "Type the address of the shop's front page; /rest/V1 is added to it. For a store that is not Magento, write "
        "the profile as text: `check` and `run` use its own requests.",
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
class Probe:
    """One address that was tried."""

    base_uri: str
    result: str
    found: bool
    finding: Finding | None = None
    needs_token: bool = False


@dataclass(slots=True)
class Search:
    """The way from what was typed to a store's address, each step of it shown."""

    typed: str
    probes: list[Probe] = field(default_factory=list)
    found: StoreAddress | None = None
    finding: Finding | None = None


async def search(typed: str, send: Send) -> AsyncIterator[Search]:
    """Tries at most four shapes, and yields after each request. `send` adds no authentication."""
    state = Search(typed)
    try:
        waiting = shapes(typed)
    except BadUri as error:
        message = str(error)
        remedy = "Type the shop's address, such as shop.example or https://shop.example/shop."
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
    """The shape with the store view whose code the typed address begins with, where it does.

    With store codes in URLs (web/url/use_store) Magento also answers at /CODE/rest, as if it were installed there. That
    address would break when the setting is switched off, and says nothing of the view.
    """
    code = code_in_path(shape, typed)
    if not code:
        return shape
    origin = origin_of(shape.root)
    wanted = Shape(origin, shape.index, code)
    try:
        answer = await send(_test(f"{wanted.base_uri(code)}/{ANONYMOUS}"))
    except RequestFailed:
        return shape
    return wanted if is_currency(answer) else shape


def _test(uri: str, method: str = "GET", body: bytes = b"") -> Request:
    return Request(method, uri, body=body, about=About(purpose="probe"))


def _more_telling(first: Finding | None, second: Finding | None) -> Finding | None:
    """Any answer tells more than a web page, and a web page more than none."""
    if first is None or second is None:
        return first or second
    return second if first.id == "not-rest" and not second.id.startswith("unreachable-") else first


def _is_dead(finding: Finding | None) -> bool:
    """Whether nothing at this origin can be reached."""
    if finding is None or not finding.id.startswith("unreachable-"):
        return False
    return finding.id.removeprefix("unreachable-") not in _MAY_BE_ANOTHER_PATH


async def _probe(shape: Shape, send: Send) -> tuple[Probe, Shape | None]:
    base = shape.base_uri()
    if shape.is_cloud_service:
        return await _probe_protected(shape, send), None
    request = _test(f"{base}/{ANONYMOUS}")
    try:
        answer = await send(request)
    except RequestFailed as failure:
        finding = diagnose_failure(failure, f"GET {request.uri}")
        return Probe(base, failure.message, False, finding), None
    if is_currency(answer):
        return Probe(base, "answers as Magento's REST interface", True), None
    wrong = currency_finding(request, answer)
    assert wrong is not None
    if shape.bare and is_json(answer) and (probe := await _probe_protected(shape, send)).found:
        return probe, None
    return Probe(base, f"{answer.status} · {wrong.summary}", False, wrong), _redirected(shape, answer)


async def _probe_protected(shape: Shape, send: Send) -> Probe:
    """Whether there is a REST API that answers nobody without a token, such as Adobe Commerce as a Cloud Service."""
    base = shape.base_uri()
    request = _test(f"{base}/{PROTECTED}")
    try:
        answer = await send(request)
    except RequestFailed as failure:
        return Probe(base, failure.message, False, diagnose_failure(failure, f"GET {request.uri}"))
    finding = protected_finding(request, answer)
    if finding is None:
        return Probe(base, "answers as a REST API that requires an access token", True, needs_token=True)
    return Probe(base, f"{answer.status} · {finding.summary}", False, finding)


def protected_finding(request: Request, answer: Answer) -> Finding | None:
    """What is wrong where `PROTECTED` was requested without a token; None where a token is what is missing."""
    if answer.status in (401, 403) and (is_json(answer) or is_cloud_service(request.uri)):
        return None
    if answer.status == 404 and is_cloud_service(request.uri):
        remedy = "Compare the tenant's id and the region with the REST endpoint that Commerce Cloud Manager shows."
        evidence = (f"#{answer.exchange} {request.method} {request.uri} → 404 {error_message(answer.body)}".rstrip(),)
        return Finding("no-tenant", "The Cloud Service knows no such tenant", evidence, remedy, "address")
    return diagnose(request, answer) or _not_magento(request, answer)


def is_json(answer: Answer) -> bool:
    try:
        json.loads(answer.body)
    except (ValueError, RecursionError):
        return False
    return True


def is_currency(answer: Answer) -> bool:
    """Whether this is what `ANONYMOUS` answers."""
    if answer.status != 200:
        return False
    try:
        data = json.loads(answer.body)
    except (ValueError, RecursionError):
        return False
    return isinstance(data, dict) and "base_currency_code" in data


def _redirected(shape: Shape, answer: Answer) -> Shape | None:
    """Where a redirect points, when it names another origin for the same path (to https, to www).

    Some web servers send everything to the front page of the right host; then the same path is tried there.
    """
    if not 300 <= answer.status < 400:
        return None
    try:
        target = canonical(urljoin(shape.base_uri(), answer.header("Location") or ""))
    except ValueError:  # `BadUri` is one, too
        return None
    path = urlsplit(target).path.rstrip("/")
    if not path.endswith(f"/{ANONYMOUS}"):
        origin = origin_of(target)
        same_shop = _host(target) == _host(shape.root) and origin != origin_of(shape.root)
        return replace(shape, root=origin + urlsplit(shape.root).path) if same_shop else None
    root = target.partition("?")[0].rstrip("/").removesuffix(f"/{ANONYMOUS}").removesuffix("/V1").removesuffix("/rest")
    index = root.endswith("/index.php")
    return replace(shape, root=root.removesuffix("/index.php"), index=index)


def _host(uri: str) -> str:
    return (urlsplit(uri).hostname or "").removeprefix("www.")


async def _identified(address: StoreAddress, send: Send) -> StoreAddress:
    """What the store says of itself to anybody; a store that says nothing is one all the same."""
    version, two_factor = "", False
    try:
        answer = await send(_test(f"{address.shape.root}/magento_version"))
        match = re.fullmatch(r"([\w-]+)/([\d.]+) \((\w+)\)", answer.body.decode("utf-8", "replace").strip()[:80])
        version = " ".join(match.groups()) if match else ""
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
