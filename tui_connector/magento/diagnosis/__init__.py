"""What is wrong when a store says no: one finding, how we know, and what to do.

`rules` has every cause with its explanation, `case` what can be asked of a response, `probes` the requests that find
out more.
"""

from __future__ import annotations

import re

from ...client.authentication.login import said
from ...client.authentication.login_lockouts import is_magento_login
from ...client.exchange import Exchange
from ...client.message import Failure, InvalidRequest, LoginRefused, NoResponse, Request, RequestFailed, Response
from ...client.network_failure import REMEDIES
from ..token_shape import TokenShape
from .case import Case, way_sent
from .finding import Finding, Fix, Way
from .rules import LOGIN, first, rule_for
from .store_message import StoreMessage

__all__ = ["Finding", "Fix", "StoreMessage", "TokenShape", "Way", "diagnose", "diagnose_exchange", "diagnose_failure"]

_ADDRESS = re.compile(r"https?://([^\s?]+?)(?:/index\.php)?(?:/rest(?:/\S*)?)?(?=[\s?]|$)")
_TEST_AGAIN = "Test again; if it persists, ask who runs the store's web server."


def diagnose(
    request: Request,
    response: Response,
    way: Way = "",
    *,
    accepted: bool | None = None,
    shape: TokenShape | None = None,
) -> Finding | None:
    """The finding for a response, or None where it is a success of Magento's REST API.

    `accepted` says whether the store is known to know who asks, and `shape` what kind of token was sent.
    """
    case = Case(request, response, StoreMessage.of(response), way, accepted, shape)
    rule = rule_for(case)
    words = case.said.message or case.title.strip(" ()")
    evidence = f"#{response.exchange} {request.method} {case.path} → {response.status} {words}".rstrip()
    return rule.finding((evidence,), case) if rule is not None else None


def diagnose_exchange(exchange: Exchange, way: Way = "", *, accepted: bool | None = None) -> Finding | None:
    """The finding for a recorded exchange, from what the log kept of it; None where nothing is wrong.

    `way` is how it was authenticated, where more is known of that than its header says; `accepted` as in `diagnose`.
    """
    if exchange.failure is Failure.CANCELLED:
        return None
    what = f"{exchange.method} {exchange.uri}"
    if exchange.failure is Failure.NOT_SENT:
        return diagnose_failure(InvalidRequest(exchange.failure_text, exchange=exchange.number), what)
    if exchange.status is None or exchange.failure is not None:
        failure = exchange.failure or Failure.PROTOCOL
        error = NoResponse(failure, exchange.failure_text, may_have_arrived=True, exchange=exchange.number)
        return diagnose_failure(error, what)
    if exchange.status < 300 and (exchange.body.cut or exchange.body.note):
        return None  # what was not kept as it came, such as a token, says nothing against the response
    request = Request(exchange.method, exchange.uri, exchange.request_headers, exchange.request_body.data)
    response = Response(exchange.status, exchange.headers, exchange.body.data, exchange.number)
    if exchange.purpose == "login" and exchange.status >= 400 and not is_magento_login(exchange.uri):
        return _refused_elsewhere(request, response)
    authorization = request.header("Authorization") or ""
    shape = None if _is_whole(authorization) else TokenShape("odd")
    return diagnose(request, response, way or way_sent(authorization), accepted=accepted, shape=shape)


def _is_whole(authorization: str) -> bool:
    """Magento splits a bearer header at each space, and accepts only two pieces."""
    pieces = authorization.split(" ")
    return pieces[0].lower() != "bearer" or (len(pieces) == 2 and bool(pieces[1].strip("\"'")))


def _refused_elsewhere(request: Request, response: Response) -> Finding:
    """A recorded login that an endpoint other than Magento's did not accept, in its own words."""
    reason, status = said(response), response.status
    evidence = (f"#{response.exchange} {request.method} {request.uri.partition('?')[0]} → {status} {reason}",)
    summary = f"The login got the response {status} ({reason})"
    if status >= 500 or status in (408, 429):
        return Finding("login-failed", summary, evidence, "Try again later, or check the address of the login.")
    remedy = "Correct the settings of the authentication that sends it, or its secret."
    return Finding("login-refused", summary, evidence, remedy)


def diagnose_failure(failure: RequestFailed, what: str, exchange: Exchange | None = None) -> Finding:
    """The finding for a request that got no response that can be used. `what` names the request.

    `exchange` is the one the failure names, where it is still in the log: a refused login says more in its own
    response.
    """
    number = f"#{failure.exchange} " if failure.exchange else ""
    evidence = (f"{number}{what}: {failure.message}",)
    if isinstance(failure, LoginRefused):
        if failure.status != 200 and exchange is not None and is_magento_login(exchange.uri):
            found = diagnose_exchange(exchange)
            if found is not None:
                return found
        return _login_refused(failure, evidence)
    if isinstance(failure, NoResponse):
        remedy = failure.hint or REMEDIES.get(failure.failure, _TEST_AGAIN)
        name = f"unreachable-{failure.failure}"
        fix = _other_scheme(failure.failure, what)
        return Finding(name, failure.message, evidence, remedy, "address", fix, failure.failure)
    if isinstance(failure, InvalidRequest):
        remedy = failure.hint or "Correct the part of the profile that it names."
        return Finding("not-sent", failure.message, evidence, remedy)
    return Finding("request-failed", failure.message, evidence, failure.hint or _TEST_AGAIN)


def _other_scheme(failure: Failure, what: str) -> Fix | None:
    """The same address with the scheme that its port speaks."""
    address = _ADDRESS.search(what)
    if address is None or failure not in (Failure.TLS_TO_PLAIN, Failure.PLAIN_TO_TLS):
        return None
    scheme = "http" if failure is Failure.TLS_TO_PLAIN else "https"
    other = f"{scheme}://{address[1]}"
    return Fix("address", other, f"Use {other}{' (not encrypted)' if scheme == 'http' else ''}")


def _login_refused(failure: LoginRefused, evidence: tuple[str, ...]) -> Finding:
    """Where the login's own exchange is not at hand: from the store's words that the failure repeats."""
    field = failure.field
    if failure.status is not None and 200 <= failure.status < 300:
        field = field or "template"
        return Finding("template" if field == "template" else "token", failure.message, evidence, failure.hint, field)
    if failure.exchange is None and (failure.status in (401, 403) or failure.uri):  # refused before, not sent again
        again = Fix("login", "again", "Log in once more")
        return Finding("login-refused", failure.message, evidence, failure.hint, field or "password", again)
    if failure.uri and not is_magento_login(failure.uri):
        return Finding("login-refused", failure.message, evidence, failure.hint, field)
    request = Request("POST", failure.uri or "/integration/admin/token")
    response = Response(failure.status or 401, (), b"", failure.exchange or 0)
    case = Case(request, response, StoreMessage("json", failure.said))
    rule = first(LOGIN, case) if case.is_login else None
    if rule is not None:
        return rule.finding(evidence, case)
    return Finding("login-refused", failure.message, evidence, failure.hint, "password")
