"""Checks a profile against its store, and for what its runs need. Only requests that read are sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from ...client.authentication.bearer import Bearer
from ...client.authentication.oauth2 import OAuth2
from ...client.authentication.one_time_code import OneTimeCode
from ...client.authentication.request import RequestAuthentication
from ...client.layer import Send
from ...client.message import ANONYMOUS, ClientVariant, Request, RequestFailed, RequestInfo, Response
from ...client.printer import path_and_query
from ...client.session import Session
from ...client.uri import origin_of
from ...errors import InvalidValue
from ...incoming.incremental import Incremental
from ...incoming.model import FirstItems, Incoming, UnexpectedStatus, WrittenItems, first_items, list_request
from ...incoming.parent_fields import ParentFields
from ...incoming.unfound_fields import UnfoundField
from ...magento.diagnosis import AuthKind, Finding, diagnose, diagnose_failure
from ...magento.diagnosis.probes import CURRENCY, MODULES, ProbeClients, diagnose_with_probes
from ...magento.diagnosis.rules import explain, probe_of
from ...magento.oauth1 import OAuth1
from ...outgoing.bulk import PERMISSION
from ...profile.model import Profile
from ...templates import Json
from ...text import count
from ..rest_api import keep_paths
from ..steps.chain import sample_entity
from ..steps.other_stores import is_magento, refusal
from ..steps.samples import sample_requests
from ..steps.store_address import PROTECTED_URI, currency_finding, is_cloud_service, is_without_rest, protected_finding
from ..steps.summaries import ProfilePart
from .criteria import known_fields
from .incoming import incoming_findings, lost_values
from .permissions import modules_of, permissions
from .refused_settings import at_setting
from .run_needs import sink_warnings, source_warnings
from .signing import find_dialect


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check, with the finding if it failed."""

    summary: str
    ok: bool
    finding: Finding | None = None
    probes: int = 0
    """Requests that were sent to find out why."""
    modules: frozenset[str] = frozenset()
    """The store's modules, where its response named them."""
    more_findings: tuple[Finding, ...] = ()
    """Other problems of the same part."""
    warnings: tuple[Finding, ...] = ()
    """What is probably a mistake, although the check has passed."""
    written: WrittenItems | None = None
    """Of an incoming: its first items as a run would write them."""
    is_tested: bool = True
    """Whether the store has shown anything of it; if not, it is `ok` as well."""
    status: int | None = None
    """Of the response that has failed the check, if there was one."""

    @property
    def mark(self) -> str:
        """✔, !, ✘, or – where nothing was tested."""
        if not self.ok:
            return "✘"
        return "!" if self.warnings else "✔" if self.is_tested else "–"


@dataclass(slots=True)
class CheckReport:
    """The results of all checks of a profile."""

    results: list[CheckResult] = field(default_factory=list)

    @property
    def findings(self) -> list[Finding]:
        return [result.finding for result in self.results if result.finding is not None]

    @property
    def warnings(self) -> list[Finding]:
        return [warning for result in self.results for warning in result.warnings]

    @property
    def ok(self) -> bool:
        return all(result.ok for result in self.results)

    def as_json(self) -> dict[str, object]:
        """`ok`, the findings with `id`, `summary`, `evidence` and `remedy`, and the warnings in the same form."""
        return {
            "ok": self.ok,
            "findings": [finding.as_json() for finding in self.findings],
            "warnings": [warning.as_json() for warning in self.warnings],
        }


def _may_be_other_api(reached: CheckResult) -> bool:
    """Whether another REST API than Magento's may be there: something responded."""
    return reached.finding is not None and reached.finding.id in ("not-rest", "not-found", "no-route")


def _requires_authentication(reached: CheckResult) -> bool:
    """Whether only a request with authentication can tell, as a gateway may require it everywhere."""
    return reached.status in (401, 403)


class UnsafeRequest(RequestFailed):
    """A request that may change the store; it was not sent."""

    CODE = "unsafe-request"

    def __init__(self, request: Request) -> None:
        super().__init__(
            f"{request.method} {path_and_query(request.uri)} was not sent: only requests that read are tried"
        )
        self.request = request


def _read_only_send(session: Session, client: str, incoming: Incoming) -> Send:
    """A function that sends requests that only read. It raises `UnsafeRequest` for any other."""
    send = session.client(client)

    async def guarded(request: Request) -> Response:
        sent = session.prepared(client, request)
        if not incoming.request.only_reads(sent):
            raise UnsafeRequest(sent)
        return await send(request)

    return guarded


def _first_incoming(profile: Profile, session: Session, client: str, run: dict[str, Json]) -> str | None:
    """The first incoming of this client whose request only reads."""
    for name, each in profile.incoming.items():
        if each.client != client or each.disabled or each.parent is not None:
            continue
        with suppress(RequestFailed):  # trying it will say what is wrong with it
            if not each.request.only_reads(session.prepared(client, list_request(each, run))):
                continue
        return name
    return None


async def check(profile: Profile, session: Session, run: dict[str, Json]) -> AsyncIterator[CheckResult]:
    """Checks each client, incoming and outgoing in order; what depends on a failed check is left out."""
    if not profile.addressed_clients():
        remedy = "Add a client with the plugin base-uri."
        yield CheckResult("clients", False, Finding("no-client", "No client has a base URI", remedy=remedy))
    working: dict[str, frozenset[str]] = {}
    """The clients that work, each with the modules that its store listed."""
    known: dict[str, CheckResult] = {}
    """The incoming configurations that the check of their client has covered."""
    for name in profile.addressed_clients():
        client = profile.clients[name]
        if client.disabled:
            yield CheckResult(f"client {name}: disabled", True, is_tested=False)
            continue
        result = (
            await check_reachable(session, name, profile.base_uri(name) or "") if is_magento(profile, name) else None
        )
        may_be_there = result is not None and (_may_be_other_api(result) or _requires_authentication(result))
        if result is None or (may_be_there and _first_incoming(profile, session, name, run) is not None):
            own = await check_own_request(profile, session, name, run)
            if result is None or any(each.ok for each in own.incoming.values()):
                for result in own.results:
                    yield result
                known |= own.incoming
                if all(result.ok for result in own.results):
                    working[name] = frozenset()
                continue
        yield result
        if result.ok and client.authentications:
            result = await check_authentication(profile, session, name)
            if result.status == _FORBIDDEN:
                result = await _without_modules(profile, session, name, run) or result
            yield result
            if result.ok and (signing := await check_signing(profile, session, name)) is not None:
                yield signing
        if result.ok:
            working[name] = result.modules
    for name, incoming in profile.incoming.items():
        if name in known:
            result = known[name]
        elif incoming.client in working and not incoming.disabled:
            result, _ = await _check_first_items(profile, session, name, run)
        else:
            continue
        yield replace(result, warnings=(*result.warnings, *sink_warnings(profile, session, name)))
        for finding in result.more_findings:
            yield CheckResult(f"incoming {name}: {finding.field or finding.id}", False, finding)
    for name, outgoing in profile.outgoing.items():
        if not outgoing.disabled and (warnings := await source_warnings(profile, session, name)) is not None:
            readable = "not readable" if warnings else "readable"
            yield CheckResult(f"outgoing {name}: source {readable}", True, warnings=warnings)
    for each in sorted(working):
        if is_magento(profile, each):
            async for result in _check_permissions(profile, session, each, working[each]):
                yield result


_FORBIDDEN = 403
"""A web server's own refusal, as by a rule for one path: Magento responds with 401 to a token without permission."""


async def _without_modules(profile: Profile, session: Session, name: str, run: dict[str, Json]) -> CheckResult | None:
    """The result for a client whose store forbids the path of the check, but not an incoming; None if both."""
    own = await check_own_request(profile, session, name, run)
    readable = next((incoming for incoming, each in own.incoming.items() if each.ok), None)
    if readable is None:
        return None
    why = f"{_FORBIDDEN} at {MODULES}, but the incoming {readable} can be read"
    return CheckResult(f"client {name}: authentication not tested ({why})", True, is_tested=False)


@dataclass(frozen=True, slots=True)
class OwnRequestCheck:
    """Results of a client's own first request, and of the incoming it belongs to."""

    results: list[CheckResult]
    incoming: dict[str, CheckResult] = field(default_factory=dict)


async def check_own_request(profile: Profile, session: Session, name: str, run: dict[str, Json]) -> OwnRequestCheck:
    """Checks a store other than Magento by the first page of an incoming or, without one, by a GET of the base URI."""
    reached, accepted = f"client {name}: store reachable", f"client {name}: authenticated"
    authenticates = bool(profile.clients[name].authentications)
    responses: list[Response] = []

    async def watched(request: Request) -> Response:
        responses.append(await send(request))
        return responses[-1]

    send = session.client(name)
    first = _first_incoming(profile, session, name, run)
    finding: Finding | None = None
    incoming: dict[str, CheckResult] = {}
    if first is not None:
        send = _read_only_send(session, name, profile.incoming[first])
        result, _ = await check_readable(profile.incoming[first], watched, run, first, None)
        finding, incoming = result.finding, {first: result}
    else:
        request = Request("GET", "", about=RequestInfo(purpose="test"))
        try:
            response = await watched(request)
            finding = None if response.status < 400 else refusal(_as_sent(session, request, response), response)
        except RequestFailed as failure:
            finding = diagnose_failure(failure, f"GET {profile.base_uri(name)}", session.recorded(failure.exchange))
    if not responses:  # the login, a secret or the connection failed
        unreachable = finding is None or finding.failure is not None or not authenticates
        return OwnRequestCheck([CheckResult(reached if unreachable else accepted, False, finding)])
    status = responses[0].status
    if status in (401, 403, 407):
        return OwnRequestCheck([CheckResult(reached, True), CheckResult(accepted, False, finding)])
    if status >= 500 or 300 <= status < 400:
        return OwnRequestCheck([CheckResult(reached, False, finding)])
    if not authenticates:
        return OwnRequestCheck([CheckResult(reached, True)], incoming)
    if status < 400:
        return OwnRequestCheck([CheckResult(reached, True), CheckResult(accepted, True)], incoming)
    why = (
        f"{status} at the base URI; add an incoming to try it"
        if first is None
        else f"{status}, see the incoming {first}"
    )
    untested = CheckResult(f"client {name}: authentication not tested ({why})", True, is_tested=False)
    return OwnRequestCheck([CheckResult(reached, True), untested], incoming)


async def _check_first_items(
    profile: Profile, session: Session, name: str, run: dict[str, Json], incremental: Incremental | None = None
) -> tuple[CheckResult, FirstItems | None]:
    """Reads the first items of an incoming, from a store of any kind; for child lists, those of the first parent.

    `incremental`: that of a child list, whose date is a field of these items.
    """
    incoming = profile.incoming[name]
    if incremental is not None and incremental.field is not None:
        incoming = incoming.model_copy(update={"incremental": incremental})
    fields: dict[str, Json] = {}
    lost: list[UnfoundField] = []
    if incoming.parent is not None:
        parent = incoming.parent.incoming
        result, parents = await _check_first_items(profile, session, parent, run, incoming.incremental)
        if not result.ok:
            finding = result.finding
            is_own_date = incoming.incremental is not None and incoming.incremental.field is not None
            if finding is not None and not (is_own_date and finding.field.startswith("incremental.")):
                finding = replace(finding, field="parent.incoming")
            return replace(result, summary=f"incoming {name}: {result.summary}", finding=finding), None
        items = [] if parents is None else profile.incoming[parent].parents_among(parents.items)
        if not items:
            why = "whose filter keeps none of its first items" if parents and parents.items else "which has no items"
            return CheckResult(
                f"incoming {name}: not tested, as it reads a list for each of {parent}, {why}", True
            ), None
        try:
            of_parent = ParentFields(incoming.parent.fields)
            fields, lost = of_parent.of(items[0]), of_parent.unfound()
            incoming = incoming.for_parent(items[0], run)
        except InvalidValue as error:
            summary = f"incoming {name}: the list of the first item of {parent} cannot be requested"
            return CheckResult(summary, False, Finding("incoming-parent", error.message, (), error.hint)), None
    client = incoming.client
    kind = auth_kind(profile, client) if client in profile.clients and is_magento(profile, client) else None
    result, found = await check_readable(incoming, _read_only_send(session, client, incoming), run, name, kind)
    if found is None:
        if kind is not None and result.finding is not None:
            placed = await at_setting(result.finding, incoming, partial(known_fields, profile, session, name, run))
            result = replace(result, finding=placed)
        return result, None
    if fields:
        found = replace(found, items=[{**fields, **each} if isinstance(each, dict) else each for each in found.items])
    written = incoming.written(found.items)
    written = replace(written, unfound=[*lost, *written.unfound])
    summary = result.summary
    if written.filtered_out and result.ok:
        summary += f", {written.filtered_out:,} dropped by the filter"
    return replace(result, summary=summary, written=written, warnings=tuple(lost_values(written, found))), found


async def _check_permissions(
    profile: Profile, session: Session, client: str, modules: frozenset[str]
) -> AsyncIterator[CheckResult]:
    """Whether the token has the permissions that the outgoing configurations need. Sends no entity."""
    outgoing = {n: each for n, each in profile.outgoing.items() if each.client == client and not each.disabled}
    if not outgoing or not profile.clients[client].authentications:
        return
    base_uri = profile.base_uri(client) or ""
    known = await permissions(session.client(client), session.client(client, ANONYMOUS), base_uri, modules)
    await keep_paths(session.machine, base_uri, known.api)
    for name, each in outgoing.items():
        for step, request in each.requests.items():
            finding = known.missing(request.method, request.uri, auth_kind(profile, client))
            yield CheckResult(f"outgoing {name}{step and f', step {step}'}: permitted", finding is None, finding)
        if each.delivery != "single":
            finding = known.missing("get", "bulk", auth_kind(profile, client), PERMISSION)
            yield CheckResult(
                f"outgoing {name}: results of {each.delivery} requests readable", finding is None, finding
            )


def auth_kind(profile: Profile, client: str) -> AuthKind:
    """The kind of the client's first authentication that Magento knows; empty if there is none."""
    for name in profile.clients[client].authentications:
        saved = profile.authentications[name]
        if isinstance(saved, OAuth1):
            return "oauth1"
        if isinstance(saved, Bearer):
            return "bearer"
        if isinstance(saved, RequestAuthentication):
            return "request"
        if isinstance(saved, OAuth2):
            return "oauth2"
    return ""


async def check_reachable(session: Session, name: str, base_uri: str) -> CheckResult:
    """Whether the address is that of a Magento REST API. No secret is sent."""
    summary, finding, status = f"client {name}: store reachable", None, None
    probes_by_uri = {CURRENCY: currency_finding, PROTECTED_URI: protected_finding}
    if is_cloud_service(base_uri):
        del probes_by_uri[CURRENCY]
    elif not is_without_rest(base_uri):
        del probes_by_uri[PROTECTED_URI]
    for uri, finding_of in probes_by_uri.items():
        request = Request("GET", uri, about=RequestInfo(purpose="test"))
        try:
            response = await session.client(name, ANONYMOUS)(request)
        except RequestFailed as failure:
            exchange = session.recorded(failure.exchange)
            return CheckResult(summary, False, diagnose_failure(failure, f"GET {exchange.uri if exchange else uri}"))
        found = finding_of(_as_sent(session, request, response), response)
        if found is None:
            return CheckResult(summary, True)
        finding, status = finding or found, status or response.status
    return CheckResult(summary, finding is None, finding, status=status)


def _as_sent(session: Session, request: Request, response: Response) -> Request:
    """The request with its absolute URI."""
    exchange = session.recorded(response.exchange)
    return request if exchange is None else replace(request, uri=exchange.uri)


async def check_authentication(profile: Profile, session: Session, name: str) -> CheckResult:
    """Whether the store accepts the authentication. After a refusal, a few more requests find the cause."""
    summary, kind, send = f"client {name}: authenticated", auth_kind(profile, name), session.client(name)
    request = Request("GET", MODULES, about=RequestInfo(purpose="test"))
    try:
        response = await send(request)
    except RequestFailed as failure:
        exchange = session.recorded(failure.exchange)
        finding = diagnose_failure(failure, f"GET {MODULES}", exchange)
        if finding.id == "one-time-code-wrong" and _generates_codes(profile, name):
            finding = explain("totp-secret-wrong", finding.evidence)
        return CheckResult(summary, False, finding)
    if diagnose(request, response, kind) is None:
        return CheckResult(summary, True, modules=modules_of(response))
    if kind == "oauth2":  # the probes are for integrations and admin users
        refused = refusal(_as_sent(session, request, response), response)
        return CheckResult(summary, False, refused, status=response.status)
    diagnosed = await diagnose_with_probes(request, response, kind, _probe_clients(profile, session, name))
    return CheckResult(summary, False, diagnosed.finding, diagnosed.probes, status=response.status)


async def check_signing(profile: Profile, session: Session, name: str) -> CheckResult | None:
    """Whether the client signs in the store's dialect; None if it does not sign.

    `check_authentication` cannot tell: `modules` is signed alike in every dialect.
    """
    signing = await find_dialect(profile, session, name)
    if signing is None:
        return None
    return CheckResult(f"client {name}: {signing.summary}", signing.finding is None, signing.finding)


def _probe_clients(profile: Profile, session: Session, name: str) -> ProbeClients:
    origin = origin_of(profile.base_uri(name) or "")
    signs = auth_kind(profile, name) == "oauth1"
    return ProbeClients(
        session.client(name),
        session.client(name, ANONYMOUS),
        (lambda other: session.client(name, ClientVariant(signed_origin=other))) if signs else None,
        origin,
        _signed_origin(profile, name),
        session.machine.now(),
    )


def _signed_origin(profile: Profile, name: str) -> str:
    saved = (profile.authentications[each] for each in profile.clients[name].authentications)
    return next((each.signed_origin or "" for each in saved if isinstance(each, OAuth1)), "")


def _generates_codes(profile: Profile, name: str) -> bool:
    """Whether this client's login sends one-time codes generated from a TOTP secret."""
    saved = (profile.authentications[each] for each in profile.clients[name].authentications)
    logins = (each for each in saved if isinstance(each, RequestAuthentication))
    return any(isinstance(value, OneTimeCode) for each in logins for value in each.parameters.values())


async def check_incoming(
    profile: Profile, session: Session, name: str, run: dict[str, Json]
) -> tuple[CheckResult, FirstItems | None]:
    """Checks an incoming whose client has not been checked: see `check_readable`.

    A refusal can mean missing permissions or a rejected authentication; a second request tells which.
    """
    incoming = profile.incoming[name]
    client = incoming.client
    result, found = await _check_first_items(profile, session, name, run)
    finding = result.finding
    if finding is not None and (finding.id == "permission-missing" or probe_of(finding.id)):
        caller = await check_authentication(profile, session, client)
        if not caller.ok:
            return caller, None
    return replace(result, warnings=(*result.warnings, *sink_warnings(profile, session, name))), found


async def check_readable(
    incoming: Incoming, send: Send, run: dict[str, Json], name: str, kind: AuthKind | None
) -> tuple[CheckResult, FirstItems | None]:
    """Whether a run can read the incoming, and its first items.

    `kind` is the `auth_kind` of its client, None if its store is not Magento.
    """
    summary = f"incoming {name}"
    responses: list[tuple[Request, Response]] = []

    async def watched(request: Request) -> Response:
        response = await send(request)
        responses.append((request, response))
        return response

    try:
        found = await first_items(incoming, watched, run)
    except UnsafeRequest as untried:
        request = untried.request
        summary = (
            f"{summary}: would send {request.method} {path_and_query(request.uri)} (not sent: it may change the store"
        )
        hint = "; set reads = true in its request if it only reads)" if request.method == "POST" else ")"
        return CheckResult(summary + hint, True, is_tested=False), None
    except RequestFailed as failure:
        finding: Finding | None = None
        if kind is not None and responses:
            finding = diagnose(*responses[-1], kind, authenticated=True if kind else None)
        elif isinstance(failure, UnexpectedStatus):
            finding = refusal(responses[-1][0], failure.response)
        return CheckResult(summary, False, finding or diagnose_failure(failure, summary)), None
    if kind is not None and not found.items and (finding := diagnose(*responses[-1], kind)) is not None:
        return CheckResult(summary, False, finding), None
    wrong = [finding async for finding in incoming_findings(incoming, watched, run, found, kind)]
    summary = f"{summary}: {_items_read(len(found.items), found.total)}"
    if wrong:
        return CheckResult(
            f"{summary}, but {wrong[0].summary[:1].lower()}{wrong[0].summary[1:]}",
            False,
            wrong[0],
            more_findings=tuple(wrong[1:]),
        ), found
    return CheckResult(summary, True), found


def _items_read(read: int, total: int | None) -> str:
    """Such as "3 of 1,321 items read". A total below the number of items read is ignored."""
    if total is None or total < read:
        return f"{count(read, 'item')} read"
    return f"{read:,} of {count(total, 'item')} read"


async def check_part(profile: Profile, session: Session, part: ProfilePart, run: dict[str, Json]) -> CheckResult:
    """Checks a client or authentication, reads the first items of an incoming, or previews an outgoing (not sent)."""
    if part.disabled:
        return CheckResult(f"{part.name} is disabled: nothing is sent", True, is_tested=False)
    try:
        match part.family:
            case "clients":
                return await _check_client(profile, session, part.name, run)
            case "authentications":
                return await _check_authentication(profile, session, part.name, run)
            case "incoming":
                result, _ = await check_incoming(profile, session, part.name, run)
                return result
            case "outgoing":
                result = _check_outgoing(profile, session, part.name, run)
                return replace(result, warnings=await source_warnings(profile, session, part.name) or ())
    except RequestFailed as failure:
        return CheckResult(part.name, False, diagnose_failure(failure, part.name))


async def _check_other_store(profile: Profile, session: Session, name: str, run: dict[str, Json]) -> CheckResult:
    """The first failed check of the client's own request, or the last one if none failed."""
    results = (await check_own_request(profile, session, name, run)).results
    return next((each for each in results if not each.ok), results[-1])


async def _check_client(profile: Profile, session: Session, name: str, run: dict[str, Json]) -> CheckResult:
    if profile.base_uri(name) is None:
        return CheckResult(f"client {name} has no address of its own", True, is_tested=False)
    if not is_magento(profile, name):
        return await _check_other_store(profile, session, name, run)
    reached = await check_reachable(session, name, profile.base_uri(name) or "")
    if not reached.ok or not profile.clients[name].authentications:
        return reached
    return await _check_magento_authentication(profile, session, name)


async def _check_authentication(profile: Profile, session: Session, name: str, run: dict[str, Json]) -> CheckResult:
    users = [client for client in profile.addressed_clients() if name in profile.clients[client].authentications]
    if not users:
        return CheckResult(f"{name}: no client with an address uses it", True, is_tested=False)
    if not is_magento(profile, users[0]):
        return await _check_other_store(profile, session, users[0], run)
    return await _check_magento_authentication(profile, session, users[0])


async def _check_magento_authentication(profile: Profile, session: Session, client: str) -> CheckResult:
    result = await check_authentication(profile, session, client)
    signing = await check_signing(profile, session, client) if result.ok else None
    return result if signing is None or signing.ok else signing


def _check_outgoing(profile: Profile, session: Session, name: str, run: dict[str, Json]) -> CheckResult:
    outgoing = profile.outgoing[name]
    known = sample_entity([(each.method, each.uri) for each in outgoing.requests.values()])
    shown = list(sample_requests(outgoing, session, known or {}, run))
    wrong = [each for each in shown if each.is_invalid]
    if wrong:
        return CheckResult(f"{name}: {'; '.join(each.line for each in wrong)}", known is None, is_tested=False)
    sent = "; ".join(each.line for each in shown)
    return CheckResult(f"{name}: would send {sent} (not sent)", True, is_tested=False)
