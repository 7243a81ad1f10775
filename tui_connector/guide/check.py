"""Checks a profile against its store: reachable, authenticated, permitted. It never writes to the store."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field, replace
from urllib.parse import urlsplit

from ..client.authentication.bearer import Bearer
from ..client.authentication.request import RequestAuthentication
from ..client.layer import Send
from ..client.message import About, Answer, Request, RequestFailed
from ..client.session import Session
from ..magento.diagnosis import Finding, Way, diagnose, diagnose_failure
from ..magento.entities import READABLE
from ..magento.oauth1 import OAuth1
from ..placeholder import Json
from ..profile.model import Profile
from ..transfer.incoming import FirstItems, Incoming, first_items
from .address import ANONYMOUS as CURRENCY
from .workbench import ANONYMOUS

AUTHENTICATED = "modules"
"""Needs Magento_Backend::admin, which Magento_Authorization gives to whoever has any resource at all."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One thing that was tried: in words, whether it worked, and the finding where it did not."""

    words: str
    ok: bool
    finding: Finding | None = None


@dataclass(slots=True)
class Report:
    """All that a check tried."""

    tried: list[Tried] = field(default_factory=list)

    @property
    def findings(self) -> list[Finding]:
        return [tried.finding for tried in self.tried if tried.finding is not None]

    @property
    def ok(self) -> bool:
        return all(tried.ok for tried in self.tried)

    def as_json(self) -> dict[str, object]:
        """`ok`, and the findings with `id`, `summary`, `evidence` and `remedy`."""
        findings = [asdict(finding) for finding in self.findings]
        return {"ok": self.ok, "findings": [{**finding, "evidence": list(finding["evidence"])} for finding in findings]}


async def check(profile: Profile, session: Session, run: dict[str, Json]) -> AsyncIterator[Tried]:
    """Tries each client and each incoming, in order; what cannot work after a failure is not tried."""
    if not profile.addressed_clients():
        remedy = "Add a client with the plugin base-uri."
        yield Tried("clients", False, Finding("no-client", "No client has a base URI", remedy=remedy))
    working = set()
    for name in profile.addressed_clients():
        client = profile.clients[name]
        if client.disabled:
            yield Tried(f"client {name}: disabled", True)
            continue
        reached = await reachable(session.client(name + ANONYMOUS), name)
        yield reached
        if not reached.ok:
            continue
        if client.authentications:
            proven = await authenticated(session.client(name), way_of(profile, name), name)
            yield proven
            if not proven.ok:
                continue
        working.add(name)
    for name, incoming in profile.incoming.items():
        if incoming.client in working and not incoming.disabled:
            tried, _ = await readable(incoming, session.client(incoming.client), run, name)
            yield tried


def way_of(profile: Profile, client: str) -> Way:
    """How this client's requests say who sends them."""
    for name in profile.clients[client].authentications:
        saved = profile.authentications[name]
        if isinstance(saved, OAuth1):
            return "oauth1"
        if isinstance(saved, Bearer):
            return "bearer"
        if isinstance(saved, RequestAuthentication):
            return "request"
    return ""


async def reachable(send: Send, name: str) -> Tried:
    """Whether the address is that of a Magento REST interface, asked without a secret."""
    return await _try(send, Request("GET", CURRENCY, about=About(purpose="test")), f"client {name}: store reachable")


async def authenticated(send: Send, way: Way, name: str) -> Tried:
    """Whether the store knows who asks."""
    request = Request("GET", AUTHENTICATED, about=About(purpose="test"))
    return await _try(send, request, f"client {name}: authenticated", way)


async def readable(incoming: Incoming, send: Send, run: dict[str, Json], name: str) -> tuple[Tried, FirstItems | None]:
    """Whether the first items of an incoming can be read, and those items."""
    words = f"incoming {name}"
    answers: list[tuple[Request, Answer]] = []

    async def watched(request: Request) -> Answer:
        answer = await send(request)
        answers.append((request, answer))
        return answer

    try:
        found = await first_items(incoming, watched, run)
    except RequestFailed as failure:
        finding = diagnose(*answers[-1]) if answers else None
        return Tried(words, False, finding or diagnose_failure(failure, words)), None
    total = f" of {found.total}" if found.total is not None else ""
    return Tried(f"{words}: {len(found.items)}{total} items read", True), found


async def _try(send: Send, request: Request, words: str, way: Way = "") -> Tried:
    try:
        answer = await send(request)
    except RequestFailed as failure:
        return Tried(words, False, diagnose_failure(failure, f"{request.method} {request.uri}"))
    finding = diagnose(request, answer, way)
    return Tried(words, finding is None, finding)


async def permitted(send: Send, base_uri: str) -> dict[str, bool]:
    """Which of the known entities this token may read, from the store's schema, which is filtered for it.

    Only the list of paths proves anything: without a token the schema answers 200 too. Nothing where it cannot be read.
    """
    root = base_uri[: base_uri.rindex("/rest")] + "/rest/all/schema?services=all"
    try:
        answer = await send(Request("GET", root, about=About(purpose="probe")))
        paths = json.loads(answer.body)["paths"]
    except (RequestFailed, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return {name: "get" in paths.get(f"/V1/{entity.path}", {}) for name, entity in READABLE.items()}


def path_of(uri: str) -> str:
    """The path and the query of an address, for showing."""
    parts = urlsplit(uri)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def as_test(request: Request) -> Request:
    return replace(request, about=replace(request.about, purpose="test"))
