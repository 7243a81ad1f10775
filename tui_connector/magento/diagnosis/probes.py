"""Distinguishes causes that give the same response, by a few requests that only read. None of them logs in.

Magento responds with the same 401 to a bearer token that it does not know, to one that it does not accept alone, to one
whose user has no permissions, and to a request whose header the web server removed. The probes are `modules` (readable
with any permission), a malformed signed request (refused with 400 unless the header is lost), and HEAD (which tells old
versions from new ones); for signatures, the same request signed as other origins, as seen behind a proxy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from ...client.layer import Send
from ...client.message import Request, RequestFailed, Response, probe_request
from ..oauth1 import other_origins
from . import AuthKind, Finding, StoreMessage, diagnose, diagnose_failure
from .case import Case, is_too_far_ahead
from .rules import PASS_PORT, PASS_SCHEME, explain, probe_of
from .signature_rules import DIALECT

CURRENCY = "directory/currency"
"""Readable without authentication in every Magento 2 (Magento_Directory, webapi.xml)."""
MODULES = "modules"
"""Needs Magento_Backend::admin, which Magento_Authorization grants with any other resource."""

MAX_PROBES = 6
_KNOWN = "does it know the caller?"

_UNKNOWN_KEY = (
    f'OAuth oauth_consumer_key="{"0" * 32}", oauth_nonce="{"0" * 32}", oauth_signature_method="HMAC-SHA256", '
    f'oauth_timestamp="1700000000", oauth_token="{"0" * 32}", oauth_signature="0"'
)
"""Magento checks the key first, and accepts a timestamp of any age."""


@dataclass(frozen=True, slots=True)
class ProbeClients:
    """Ways to send a probe: as the client does, without a secret, and signed as another origin."""

    authenticated: Send
    anonymous: Send
    signed_as: Callable[[str], Send] | None = None
    origin: str = ""
    signed_origin: str = ""
    """The origin that the profile signs as, if it is not that of the address."""
    now: datetime | None = None


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The finding, and how many probes were sent for it."""

    finding: Finding
    probes: int = 0


async def diagnose_with_probes(
    request: Request, response: Response, auth: AuthKind, clients: ProbeClients
) -> ProbeResult:
    """The finding for a refusal, after at most `MAX_PROBES` probes. None of them logs in or writes."""
    finding = diagnose(request, response, auth)
    assert finding is not None
    probe = probe_of(finding.id) if response.status == 401 else ""
    if not probe:
        return ProbeResult(finding)
    probing = _Probing(clients)
    question = "does it respond without a token?"
    anonymous = await probing.send(clients.anonymous, CURRENCY, question, note="without a token")
    if anonymous is None:
        return probing.result(probing.failure or finding)
    unreachable = diagnose(Request("GET", CURRENCY), anonymous)
    if unreachable is not None:
        return probing.result(unreachable)
    is_modules = request.uri.partition("?")[0].rstrip("/").endswith(MODULES)
    modules = response if is_modules else await probing.send(clients.authenticated, MODULES, _KNOWN)
    if modules is None:
        return probing.result(probing.failure or finding)
    case = Case(request, response, StoreMessage.of(response), auth, modules.status == 200)
    if probe == "caller":
        return probing.result(await _probe_caller(case, finding, probing))
    return probing.result(await _probe_signature(case, finding, probing))


class _Probing:
    """The probes sent so far, as evidence."""

    def __init__(self, clients: ProbeClients) -> None:
        self.clients = clients
        self.evidence: list[str] = []
        self.failure: Finding | None = None

    async def send(
        self, send: Send, uri: str, question: str, method: str = "GET", *, note: str = "", authorization: str = ""
    ) -> Response | None:
        """The response; None without one. `note` says in the evidence what is special about this request."""
        assert len(self.evidence) < MAX_PROBES
        request = probe_request(method, uri, question)
        if authorization:
            request = request.with_header("Authorization", authorization)
        try:
            response = await send(request)
        except RequestFailed as failure:
            self.failure = diagnose_failure(failure, f"{method} {uri}")
            self.evidence += self.failure.evidence
            return None
        message = StoreMessage.of(response).message
        special = f" ({note})" if note else ""
        self.evidence.append(f"#{response.exchange} {method} {uri}{special} → {response.status} {message}".rstrip())
        return response

    def result(self, finding: Finding) -> ProbeResult:
        new = tuple(line for line in self.evidence if line not in finding.evidence)
        return ProbeResult(replace(finding, evidence=finding.evidence + new), len(self.evidence))


async def _probe_caller(case: Case, finding: Finding, probing: _Probing) -> Finding:
    """For a 401 that names a resource: whether Magento knows the caller, and whether it receives the header."""
    refined = diagnose(case.request, case.response, case.auth, authenticated=case.authenticated)
    assert refined is not None
    if not probe_of(refined.id):
        return refined
    send = probing.clients.anonymous
    # Magento refuses a signed request without a token with 400, unless the header does not reach it
    malformed = await probing.send(
        send,
        MODULES,
        "does the header arrive? 400: yes",
        note="with an invalid header",
        authorization='OAuth oauth_consumer_key="probe"',
    )
    if malformed is not None and malformed.status == 401 and StoreMessage.of(malformed).parameter("resources"):
        return explain("header-lost", finding.evidence)
    if case.auth == "bearer":
        # Magento refuses HEAD with 405 since 2.4.5; older versions send 400, and accept an integration's token alone
        head = await probing.send(send, CURRENCY, "older than 2.4.5? 400: yes", "HEAD")
        if head is not None and head.status == 400:
            return explain("token-unknown", finding.evidence)
    return refined


async def _probe_signature(case: Case, finding: Finding, probing: _Probing) -> Finding:
    """For a refused signature: whether a secret is wrong, a proxy changes the origin, or the dialect differs."""
    clients, evidence = probing.clients, finding.evidence
    if finding.id == "oauth-nonce":
        is_ahead = clients.now is not None and is_too_far_ahead(clients.now.timestamp(), case.response)
        return explain("clock", evidence) if is_ahead else finding
    if case.authenticated:  # `modules` is signed with the same secrets, and alike in all dialects
        return next(rule for rule in DIALECT.rules if rule.matches(case)).finding(evidence, case)
    is_translated = finding.id == "oauth-refused"
    if is_translated and await _is_refusal_of_unknown_key(case.response, probing):
        return explain("oauth-consumer-key", evidence)
    if clients.signed_as is not None:
        signed = clients.signed_origin or clients.origin
        others = [each for each in (clients.origin, *other_origins(clients.origin)) if each != signed]
        for origin in others[: MAX_PROBES - len(probing.evidence)]:
            signed_as = clients.signed_as(origin)
            response = await probing.send(signed_as, MODULES, "is this the address?", note=f"signed as {origin}")
            if response is not None and (response.status == 200 or StoreMessage.of(response).parameter("resources")):
                return _wrong_origin(origin, clients, evidence)
    return finding if is_translated else explain("oauth-signature", evidence)


async def _is_refusal_of_unknown_key(response: Response, probing: _Probing) -> bool:
    """Whether the store's translated message is the one for a consumer key that no store has."""
    note = "signed with an unknown key"
    question = "what does it say of an unknown key?"
    unknown = await probing.send(probing.clients.anonymous, MODULES, question, note=note, authorization=_UNKNOWN_KEY)
    return unknown is not None and StoreMessage.of(unknown).message == StoreMessage.of(response).message


def _wrong_origin(origin: str, clients: ProbeClients, evidence: tuple[str, ...]) -> Finding:
    """The secrets are right for `origin`: the profile signs as another one, or a proxy hides part of the address."""
    if origin == clients.origin:
        return explain("oauth-origin", evidence, origin=origin, signed_origin=clients.signed_origin)
    own, seen = urlsplit(clients.origin), urlsplit(origin)
    remedies = {
        "https": PASS_SCHEME if own.scheme != seen.scheme else "",
        f"the port {own.port}": PASS_PORT if own.port != seen.port else "",
    }
    hidden = " and ".join(part for part, remedy in remedies.items() if remedy)
    remedy = " ".join(filter(None, remedies.values()))
    return explain("oauth-proxy", evidence, origin=origin, hidden=hidden, remedies=remedy)
