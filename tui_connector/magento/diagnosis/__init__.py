"""Explains why a store refuses a request: one finding with its evidence and what to do.

`rules` is the table of all causes and their explanations, `case` has the facts that a rule tests, `probes` the requests
that distinguish causes with the same response.
"""

from __future__ import annotations

import re

from ...client.authentication.login import LOGIN_AGAIN, MAGENTO_STOPPED, STOPPED, server_message
from ...client.authentication.login_lockouts import is_magento_login
from ...client.body_refusal import refusal
from ...client.exchange import Exchange
from ...client.message import Failure, InvalidRequest, LoginRefused, NoResponse, Request, RequestFailed, Response
from ...client.network_failure import REMEDIES
from ...client.uri import readable
from ...secrets.token_shape import TokenShape
from .case import Case, auth_kind_of
from .finding import AuthKind, Finding, Fix
from .rules import LOGIN, first_match
from .store_message import StoreMessage
from .unreachable import connection_remedy

__all__ = [
    "PROBE",
    "AuthKind",
    "Finding",
    "Fix",
    "StoreMessage",
    "diagnose",
    "diagnose_exchange",
    "diagnose_failure",
]

_ADDRESS = re.compile(r"https?://([^\s?]+?)(?:/index\.php)?(?:/rest(?:/\S*)?)?(?=[\s?]|$)")
PROBE = "probe"
"""The id of what is no problem: why the program sent a request itself."""
_TEST_AGAIN = "Test again; if it persists, ask the administrator of the store's web server."


def diagnose(
    request: Request,
    response: Response,
    auth: AuthKind = "",
    *,
    authenticated: bool | None = None,
) -> Finding | None:
    """The finding for a response, or None if it is a success of Magento's REST API.

    `authenticated` says whether another request has shown that the store knows the caller.
    """
    return _diagnose(
        Case(request, response, StoreMessage.of(response), auth, authenticated, refusal(request, response))
    )


def _diagnose(case: Case) -> Finding | None:
    rule = first_match(case)
    message = case.refused or case.body.message or case.title.strip(" ()")
    evidence = f"#{case.response.exchange} {case.method} {case.path} → {case.status} {message}".rstrip()
    return rule.finding((evidence,), case) if rule is not None else None


def diagnose_exchange(exchange: Exchange, auth: AuthKind = "", *, authenticated: bool | None = None) -> Finding | None:
    """The finding for an exchange in the log; None if nothing is wrong.

    `auth` is how it was authenticated, if more is known than its header shows; `authenticated` as in `diagnose`.
    """
    if exchange.failure is Failure.CANCELLED:
        return None
    if exchange.is_guess and exchange.expected:
        return _probe(exchange)
    request_line = f"{exchange.method} {exchange.uri}"
    if exchange.failure is Failure.NOT_SENT:
        return diagnose_failure(InvalidRequest(exchange.failure_text, exchange=exchange.number), request_line)
    if exchange.status is None or exchange.failure is not None:
        failure = exchange.failure or Failure.PROTOCOL
        remedy, number = connection_remedy(failure, exchange.uri), exchange.number
        error = NoResponse(failure, exchange.failure_text, may_have_arrived=True, hint=remedy, exchange=number)
        return diagnose_failure(error, request_line)
    if exchange.purpose == "probe" and not exchange.failed:
        return _probe(exchange)
    if exchange.status < 300 and exchange.refusal is None and (exchange.body.cut or exchange.body.note):
        return None  # the body was not kept as received, such as a token's: a success by its status
    request = Request(exchange.method, exchange.uri, exchange.request_headers, exchange.request_body.data)
    authorization = request.header("Authorization") or ""
    token = exchange.token if _is_well_formed(authorization) else TokenShape("odd")
    response = Response(exchange.status, exchange.headers, exchange.body.data, exchange.number, token)
    if exchange.purpose == "login" and exchange.status >= 400 and not is_magento_login(exchange.uri):
        return _foreign_login_refused(request, response)
    auth = auth or auth_kind_of(authorization)
    body = StoreMessage.of(response)
    is_whole = not exchange.request_body.is_partial
    return _diagnose(Case(request, response, body, auth, authenticated, exchange.refusal, is_whole))


def _probe(exchange: Exchange) -> Finding:
    """What the program wanted to know. A refusal of a probe is an answer, whatever it means for other requests."""
    question = exchange.note or "what is this store?"
    if exchange.is_guess:
        summary = f"The program guessed this address, as the store may not be at the one that was typed: {question}"
        answer = "A guess may fail" if exchange.expected else "The store was found here"
    else:
        summary = f"The program sent this itself, to learn about the store: {question}"
        expected = f"{exchange.status} is one of the answers it expects"
        answer = expected if exchange.expected else f"The answer is {exchange.status}"
    return Finding(PROBE, summary, remedy=f"{answer}: nothing is wrong, and nothing has to be done.")


def _is_well_formed(authorization: str) -> bool:
    """Magento splits a Bearer header at each space, and accepts exactly two pieces."""
    pieces = authorization.split(" ")
    return pieces[0].lower() != "bearer" or (len(pieces) == 2 and bool(pieces[1].strip("\"'")))


def _foreign_login_refused(request: Request, response: Response) -> Finding:
    """A login refused by an endpoint that is not Magento's, with that endpoint's message."""
    reason, status = server_message(response), response.status
    evidence = (f"#{response.exchange} {request.method} {request.uri.partition('?')[0]} → {status} {reason}",)
    summary = f"The login got the response {status} ({reason})"
    if status >= 500 or status in (408, 429):
        return Finding("login-failed", summary, evidence, "Try again later, or check the address of the login.")
    remedy = "Correct the settings of the authentication that sends it, or its secret."
    return Finding("login-refused", summary, evidence, remedy)


def diagnose_failure(failure: RequestFailed, request_line: str, exchange: Exchange | None = None) -> Finding:
    """The finding for a request without a usable response. `request_line` names it, such as "GET modules".

    `exchange` is the one that the failure names, if it is still in the log: the response to a refused login says more.
    """
    number = f"#{failure.exchange} " if failure.exchange else ""
    evidence = (f"{number}{readable(request_line)}: {failure.message}",)
    if isinstance(failure, LoginRefused):
        if failure.status != 200 and exchange is not None and is_magento_login(exchange.uri):
            found = diagnose_exchange(exchange)
            if found is not None:
                return found
        return _login_refused(failure, evidence)
    if isinstance(failure, NoResponse):
        remedy = failure.hint or REMEDIES.get(failure.failure, _TEST_AGAIN)
        fix = _other_scheme(failure.failure, request_line)
        return Finding(
            f"unreachable-{failure.failure}", failure.message, evidence, remedy, "address", fix, failure.failure
        )
    if isinstance(failure, InvalidRequest):
        remedy = failure.hint or "Correct the part of the profile that it names."
        return Finding("not-sent", failure.message, evidence, remedy, failure.field)
    return Finding("request-failed", failure.message, evidence, failure.hint or _TEST_AGAIN)


def _other_scheme(failure: Failure, request_line: str) -> Fix | None:
    """The same address with the scheme that its port speaks."""
    address = _ADDRESS.search(request_line)
    if address is None or failure not in (Failure.TLS_TO_PLAIN, Failure.PLAIN_TO_TLS):
        return None
    scheme = "http" if failure is Failure.TLS_TO_PLAIN else "https"
    other = f"{scheme}://{address[1]}"
    return Fix("address", other, f"Use {other}{' (not encrypted)' if scheme == 'http' else ''}")


def _login_refused(failure: LoginRefused, evidence: tuple[str, ...]) -> Finding:
    """For a login whose exchange is not in the log: from the store's message, which the failure repeats."""
    field = failure.field
    if failure.status is not None and 200 <= failure.status < 300:
        field = field or "template"
        return Finding("template" if field == "template" else "token", failure.message, evidence, failure.hint, field)
    if failure.exchange is None and (failure.status in (401, 403) or failure.uri):  # locked out here: not sent
        again = Fix("login", "again", "Log in once more", LOGIN_AGAIN)
        remedy = MAGENTO_STOPPED if is_magento_login(failure.uri) else STOPPED
        return Finding("login-refused", failure.message, evidence, remedy, field or "password", again)
    if failure.uri and not is_magento_login(failure.uri):
        return Finding("login-refused", failure.message, evidence, failure.hint, field)
    request = Request("POST", failure.uri or "/integration/admin/token")
    response = Response(failure.status or 401, (), b"", failure.exchange or 0)
    case = Case(request, response, StoreMessage("json", failure.server_message))
    rule = LOGIN.match(case)
    if rule is not None:
        return rule.finding(evidence, case)
    return Finding("login-refused", failure.message, evidence, failure.hint, "password")
