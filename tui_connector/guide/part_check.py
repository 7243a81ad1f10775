"""Tries one part of a saved profile on its store. Only requests that read are sent."""

from __future__ import annotations

from ..client.message import RequestFailed
from ..client.session import Session
from ..magento.diagnosis import diagnose_failure
from ..profile.model import Profile
from ..templates import Json
from .chain import sample_for
from .check import CheckResult, authenticated, by_own_request, reachable, signed_right, try_incoming
from .other_stores import is_magento
from .samples import sample_requests
from .summaries import ProfilePart
from .texts import NOT_RUN_YET


async def try_part(profile: Profile, session: Session, part: ProfilePart, run: dict[str, Json]) -> CheckResult:
    """A client: reachable and authenticated. An incoming: its first items. An outgoing: its request, not sent."""
    if part.disabled:
        return CheckResult(f"{part.name} is disabled: nothing is sent", True)
    try:
        match part.family:
            case "clients":
                return await _client(profile, session, part.name, run)
            case "authentications":
                return await _authentication(profile, session, part.name, run)
            case "incoming":
                tried, _ = await try_incoming(profile, session, part.name, run)
                return tried
            case "outgoing":
                return _outgoing(profile, session, part.name, run)
    except RequestFailed as failure:
        return CheckResult(part.name, False, diagnose_failure(failure, part.name))


async def _elsewhere(profile: Profile, session: Session, name: str, run: dict[str, Json]) -> CheckResult:
    """What the client's own request shows; the first thing that is wrong, or else the last that was tried."""
    tried = (await by_own_request(profile, session, name, run)).tried
    return next((each for each in tried if not each.ok), tried[-1])


async def _client(profile: Profile, session: Session, name: str, run: dict[str, Json]) -> CheckResult:
    if profile.base_uri(name) is None:
        return CheckResult(f"client {name} has no address of its own", True)
    if not is_magento(profile, name):
        return await _elsewhere(profile, session, name, run)
    reached = await reachable(session, name, profile.base_uri(name) or "")
    if not reached.ok or not profile.clients[name].authentications:
        return reached
    return await _known(profile, session, name)


async def _authentication(profile: Profile, session: Session, name: str, run: dict[str, Json]) -> CheckResult:
    users = [client for client in profile.addressed_clients() if name in profile.clients[client].authentications]
    if not users:
        return CheckResult(f"{name}: no client with an address uses it", True)
    if not is_magento(profile, users[0]):
        return await _elsewhere(profile, session, users[0], run)
    return await _known(profile, session, users[0])


async def _known(profile: Profile, session: Session, client: str) -> CheckResult:
    tried = await authenticated(profile, session, client)
    signing = await signed_right(profile, session, client) if tried.ok else None
    return tried if signing is None or signing.ok else signing


def _outgoing(profile: Profile, session: Session, name: str, run: dict[str, Json]) -> CheckResult:
    outgoing = profile.outgoing[name]
    known = sample_for([(each.method, each.uri) for each in outgoing.requests.values()])
    shown = list(sample_requests(outgoing, session, known or {}, run))
    wrong = [each for each in shown if each.wrong]
    if wrong:
        return CheckResult(f"{name}: {'; '.join(each.line for each in wrong)}", known is None)
    more = f". {NOT_RUN_YET}" if outgoing.steps else ""
    return CheckResult(f"{name}: would send {'; '.join(each.line for each in shown)} (not sent){more}", True)
