"""Tells apart why a store refuses a caller, where its response alone does not: a few requests that read, and no login.

Magento answers a bearer token that it does not know, one that it would not take alone, one whose user has no rights,
and a header that the web server kept, with the same 401. The probes are `modules` (which whoever has any right may
read), a signed request that must be refused for its form (unless the header is lost), and HEAD (which tells old
versions from new ones); for signatures, the same request signed as a proxy in front of the store may have changed it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from ...client.layer import Send
from ...client.message import Request, RequestFailed, RequestInfo, Response
from ..oauth1 import other_origins
from . import Finding, StoreMessage, TokenShape, Way, diagnose, diagnose_failure
from .case import Case, is_ahead
from .rules import DIALECT, PASS_PORT, PASS_SCHEME, explain, first, probe_of

CURRENCY = "directory/currency"
"""Open to everyone in every Magento 2 (Magento_Directory, webapi.xml)."""
MODULES = "modules"
"""Needs Magento_Backend::admin, which Magento_Authorization gives to whoever has any resource at all."""

MOST_PROBES = 6

_UNKNOWN_KEY = (
    f'OAuth oauth_consumer_key="{"0" * 32}", oauth_nonce="{"0" * 32}", oauth_signature_method="HMAC-SHA256", '
    f'oauth_timestamp="1700000000", oauth_token="{"0" * 32}", oauth_signature="0"'
)
"""Magento looks at the key first, and takes a timestamp of any age."""


@dataclass(frozen=True, slots=True)
class ProbeClients:
    """How the store can be asked: as the client does, without a secret, and signed as another origin."""

    known: Send
    anonymous: Send
    signed_as: Callable[[str], Send] | None = None
    origin: str = ""
    signed_origin: str = ""
    """The origin that the profile signs as, where it is another than the address's own."""
    shape: TokenShape | None = None
    now: datetime | None = None


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The finding, and the exchanges that it took to get at it."""

    finding: Finding
    probes: int = 0


async def tell_apart(request: Request, response: Response, way: Way, ways: ProbeClients) -> ProbeResult:
    """The finding for a refusal, by at most six probes. None of them logs in or writes."""
    finding = diagnose(request, response, way, shape=ways.shape)
    assert finding is not None
    probe = probe_of(finding.id) if response.status == 401 else ""
    if not probe:
        return ProbeResult(finding)
    probing = _Probing(ways)
    reached = await probing.ask(ways.anonymous, CURRENCY, how="without a token")
    if reached is None or (front := diagnose(_request(CURRENCY), reached)) is not None:
        return probing.told(front if reached is not None and front is not None else probing.failure or finding)
    is_modules = request.uri.partition("?")[0].rstrip("/").endswith(MODULES)
    modules = response if is_modules else await probing.ask(ways.known, MODULES)
    if modules is None:
        return probing.told(probing.failure or finding)
    case = Case(request, response, StoreMessage.of(response), way, modules.status == 200, ways.shape)
    tell = _caller if probe == "caller" else _signature
    return probing.told(await tell(case, modules, finding, probing))


class _Probing:
    """The probes sent so far, as evidence."""

    def __init__(self, ways: ProbeClients) -> None:
        self.ways = ways
        self.evidence: list[str] = []
        self.failure: Finding | None = None

    async def ask(
        self, send: Send, uri: str, method: str = "GET", *, how: str = "", authorization: str = ""
    ) -> Response | None:
        """The response; None where there is none. `how` says in the evidence what was special about it."""
        assert len(self.evidence) < MOST_PROBES
        request = _request(uri, method)
        if authorization:
            request = request.with_header("Authorization", authorization)
        try:
            response = await send(request)
        except RequestFailed as failure:
            self.failure = diagnose_failure(failure, f"{method} {uri}")
            self.evidence += self.failure.evidence
            return None
        words = StoreMessage.of(response).message
        special = f" ({how})" if how else ""
        self.evidence.append(f"#{response.exchange} {method} {uri}{special} → {response.status} {words}".rstrip())
        return response

    def told(self, finding: Finding) -> ProbeResult:
        new = tuple(line for line in self.evidence if line not in finding.evidence)
        return ProbeResult(replace(finding, evidence=finding.evidence + new), len(self.evidence))


async def _caller(case: Case, modules: Response, finding: Finding, probing: _Probing) -> Finding:
    """A 401 that names a resource: does the store not know the caller, or does the caller lack the permission?"""
    known = diagnose(case.request, case.response, case.way, accepted=case.accepted, shape=case.shape)
    assert known is not None
    if not probe_of(known.id):
        return known
    ways = probing.ways
    # without a token in it, a signed request is refused for its form with 400: unless Magento does not see the header
    arrived = await probing.ask(
        ways.anonymous, MODULES, how="with an invalid header", authorization='OAuth oauth_consumer_key="probe"'
    )
    if arrived is not None and arrived.status == 401 and StoreMessage.of(arrived).parameter("resources"):
        return explain("header-lost", finding.evidence)
    if case.way == "bearer":
        # Magento refuses HEAD with 405 since 2.4.5, and with 400 before: then every integration's token is taken alone
        version = await probing.ask(ways.anonymous, CURRENCY, "HEAD")
        if version is not None and version.status == 400:
            return explain("token-unknown", finding.evidence)
    return known


async def _signature(case: Case, modules: Response, finding: Finding, probing: _Probing) -> Finding:
    """A signature that is refused: for a secret, for what a proxy changes, or for how a version puts it together?"""
    ways, evidence = probing.ways, finding.evidence
    if finding.id == "oauth-nonce":
        fast = ways.now is not None and is_ahead(ways.now.timestamp(), case.response)
        return explain("clock", evidence) if fast else finding
    if modules.status == 200:
        return (first(DIALECT, case) or DIALECT[-1]).finding(evidence, case)
    words_known = finding.id != "oauth-refused"
    if not words_known and await _says_the_same_of_an_unknown_key(case.response, probing):
        return explain("oauth-consumer-key", evidence)
    if ways.signed_as is not None:
        signed = ways.signed_origin or ways.origin
        others = [each for each in (ways.origin, *other_origins(ways.origin)) if each != signed]
        for origin in others[: MOST_PROBES - len(probing.evidence)]:
            taken = await probing.ask(ways.signed_as(origin), MODULES, how=f"signed as {origin}")
            if taken is not None and (taken.status == 200 or StoreMessage.of(taken).parameter("resources")):
                return _behind_a_proxy(origin, ways, evidence)
    return explain("oauth-signature", evidence) if words_known else finding


async def _says_the_same_of_an_unknown_key(response: Response, probing: _Probing) -> bool:
    """Whether the store says in its language what it says of a consumer key that no store has."""
    how = "signed with an unknown key"
    unknown = await probing.ask(probing.ways.anonymous, MODULES, how=how, authorization=_UNKNOWN_KEY)
    return unknown is not None and StoreMessage.of(unknown).message == StoreMessage.of(response).message


def _behind_a_proxy(origin: str, ways: ProbeClients, evidence: tuple[str, ...]) -> Finding:
    if origin == ways.origin:
        return explain("oauth-origin", evidence, origin=origin, signed_origin=ways.signed_origin)
    own, seen = urlsplit(ways.origin), urlsplit(origin)
    hides = {
        "https": PASS_SCHEME if own.scheme != seen.scheme else "",
        f"the port {own.port}": PASS_PORT if own.port != seen.port else "",
    }
    hidden = " and ".join(what for what, remedy in hides.items() if remedy)
    return explain(
        "oauth-proxy", evidence, origin=origin, hidden=hidden, remedies=" ".join(filter(None, hides.values()))
    )


def _request(uri: str, method: str = "GET") -> Request:
    return Request(method, uri, about=RequestInfo(purpose="probe"))
