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

from ..client.layer import Send
from ..client.message import Request, RequestFailed, RequestInfo, Response
from ..magento.diagnosis import Finding, Fix, StoreMessage, TokenShape, Way, diagnose, diagnose_failure, oauth, refusals
from ..magento.oauth1 import other_origins
from .store_address import ANONYMOUS

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
    if response.status != 401 or finding.id in _CERTAIN:
        return ProbeResult(finding)
    probing = _Probing(ways)
    reached = await probing.ask(ways.anonymous, ANONYMOUS, how="without a token")
    if reached is None or (front := diagnose(_request(ANONYMOUS), reached)) is not None:
        return probing.told(front if reached is not None and front is not None else probing.failure or finding)
    is_modules = request.uri.partition("?")[0].rstrip("/").endswith(MODULES)
    modules = response if is_modules else await probing.ask(ways.known, MODULES)
    if modules is None:
        return probing.told(probing.failure or finding)
    resource = StoreMessage.of(response).parameter("resources")
    if resource:
        return probing.told(await _not_allowed(resource, way, modules, finding, probing))
    return probing.told(await _signature(request, response, modules, finding, probing))


_CERTAIN = frozenset(
    {
        *("web-server-password", "firewall", "token-expired", "token-malformed", "customer-token", "not-authenticated"),
        *("oauth-consumer-key", "oauth-access-token", "oauth-pair", "oauth-revoked", "oauth-nonce-used"),
        *("login-refused", "one-time-code-wrong", "ims", "user-without-role", "customers-only"),
    }
)
"""Findings that no probe could make any surer; the first of them would cost another login."""


class _Probing:
    """The probes sent so far, as evidence."""

    def __init__(self, ways: ProbeClients) -> None:
        self.ways = ways
        self.evidence: list[str] = []
        self.failure: Finding | None = None

    async def ask(
        self, send: Send, uri: str, method: str = "GET", *, how: str = "", authorization: str = ""
    ) -> Response | None:
        """The answer; None where there is none. `how` says in the evidence what was special about it."""
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


async def _not_allowed(resource: str, way: Way, modules: Response, finding: Finding, probing: _Probing) -> Finding:
    """A 401 that names a resource: is it the caller that the store does not know, or the right that it lacks?"""
    if modules.status == 200:
        return refusals.permission_missing(resource, way, finding.evidence)
    ways = probing.ways
    known = refusals.refused(refusals.ANY_RESOURCE, way, finding.evidence, False, ways.shape)
    if known.id in _CERTAIN:
        return known
    # without a token in it, a signed request is refused for its form with 400: unless Magento does not see the header
    arrived = await probing.ask(
        ways.anonymous, MODULES, how="with a header that is no good", authorization='OAuth oauth_consumer_key="probe"'
    )
    if arrived is not None and arrived.status == 401 and StoreMessage.of(arrived).parameter("resources"):
        return refusals.header_lost(finding.evidence)
    if way == "bearer":
        # Magento refuses HEAD with 405 since 2.4.5, and with 400 before: then every integration's token is taken alone
        version = await probing.ask(ways.anonymous, ANONYMOUS, "HEAD")
        if version is not None and version.status == 400:
            return refusals.bearer_unknown(finding.evidence)
    return known


async def _signature(
    request: Request, response: Response, modules: Response, finding: Finding, probing: _Probing
) -> Finding:
    """A signature that is refused: for a secret, for what a proxy changes, or for how a version puts it together?"""
    part = oauth.about(StoreMessage.of(response))
    if part == "nonce" and oauth.is_ahead(probing.ways.now, response):
        return oauth.oauth("clock", "", finding.evidence)
    if part not in ("signature", "other") or finding.id == "clock":
        return finding
    if modules.status == 200:
        return oauth.dialect(request, finding.evidence)
    ways = probing.ways
    if part == "other" and await _says_the_same_of_an_unknown_key(response, probing):
        return oauth.oauth("consumer-key", "", finding.evidence)
    if ways.signed_as is not None:
        signed = ways.signed_origin or ways.origin
        others = [each for each in (ways.origin, *other_origins(ways.origin)) if each != signed]
        for origin in others[: MOST_PROBES - len(probing.evidence)]:
            taken = await probing.ask(ways.signed_as(origin), MODULES, how=f"signed as {origin}")
            if taken is not None and (taken.status == 200 or StoreMessage.of(taken).parameter("resources")):
                return _behind_a_proxy(origin, ways, finding.evidence)
    return oauth.oauth("signature", "", finding.evidence) if part == "signature" else finding


async def _says_the_same_of_an_unknown_key(response: Response, probing: _Probing) -> bool:
    """Whether the store says in its language what it says of a consumer key that no store has."""
    how = "signed with a key that no store has"
    unknown = await probing.ask(probing.ways.anonymous, MODULES, how=how, authorization=_UNKNOWN_KEY)
    return unknown is not None and StoreMessage.of(unknown).message == StoreMessage.of(response).message


def _behind_a_proxy(origin: str, ways: ProbeClients, evidence: tuple[str, ...]) -> Finding:
    if origin == ways.origin:
        return Finding(
            "oauth-origin",
            f"The secrets are right, but the profile signs as {ways.signed_origin}: the store no longer takes itself "
            f"to be that, but {origin}, its own address",
            evidence,
            "Remove signed-origin from the authentication.",
            "signed-origin",
            Fix("signed-origin", "", f"Sign as {origin}"),
        )
    own, seen = urlsplit(ways.origin), urlsplit(origin)
    scheme_hidden, port_hidden = own.scheme != seen.scheme, own.port != seen.port
    hidden = " and ".join([*(["https"] if scheme_hidden else []), *([f"the port {own.port}"] if port_hidden else [])])
    remedies = []
    if port_hidden:
        remedies.append(
            "Have the web server pass the Host header with its port. nginx as a proxy: proxy_set_header Host "
            "$http_host; nginx with PHP-FPM: fastcgi_param HTTP_HOST $http_host (its fastcgi_params may say $host, "
            "which has no port)."
        )
    if scheme_hidden:
        remedies.append(
            "Have the proxy say that the request came by https. nginx as a proxy: proxy_set_header X-Forwarded-Proto "
            "$scheme; nginx with PHP-FPM: fastcgi_param HTTPS on."
        )
    return Finding(
        "oauth-proxy",
        f"The secrets are right, but the store takes itself to be {origin}: what is in front of it hides {hidden}",
        evidence,
        " ".join([*remedies, "Or sign as that origin."]),
        "signed-origin",
        Fix("signed-origin", origin, f"Sign as {origin}"),
    )


def _request(uri: str, method: str = "GET") -> Request:
    return Request(method, uri, about=RequestInfo(purpose="probe"))
