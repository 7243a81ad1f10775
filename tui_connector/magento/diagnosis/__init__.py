"""What is wrong when a store says no: one finding, how we know, and what to do.

Decided by status, parameters and shape first, by text last: Magento translates its messages. What came from the web
server in front is told from what came from Magento; then a refusal of the caller from a refusal of the request.
"""

from __future__ import annotations

from ...client.authentication.login_lockouts import is_magento_login
from ...client.exchange import Exchange
from ...client.message import Failure, InvalidRequest, LoginRefused, NoResponse, Request, RequestFailed, Response
from ..token_shape import TokenShape
from . import network, oauth, refusals, requests, sign_in, web_server
from .finding import Finding, Fix, Way
from .store_message import StoreMessage

__all__ = ["Finding", "Fix", "StoreMessage", "TokenShape", "Way", "diagnose", "diagnose_exchange", "diagnose_failure"]


def diagnose(
    request: Request,
    response: Response,
    way: Way = "",
    *,
    accepted: bool | None = None,
    shape: TokenShape | None = None,
) -> Finding | None:
    """The finding for a response, or None where it is a success of Magento's REST interface.

    `accepted` says whether the store is known to know who asks, and `shape` what kind of token was sent.
    """
    said, path = StoreMessage.of(response), request.uri.partition("?")[0]
    evidence = (f"#{response.exchange} {request.method} {path} → {response.status} {_words(said)}".rstrip(),)
    found = web_server.by_web_server(request, response, said, evidence)
    if found is not None or response.status < 300:
        return found
    resource = said.parameter("resources")
    if response.status == 401 and resource:
        return refusals.refused(resource, way, evidence, accepted, shape)
    if response.status == 401 or (response.status == 400 and _is_signed(request, way)):
        found = sign_in.sign_in(path, response.status, said, evidence) or _of_signature(
            request, response, said, evidence
        )
    else:
        found = sign_in.sign_in(path, response.status, said, evidence)
    found = found or requests.by_status(request, response, said, evidence)
    return found or Finding(
        "refused", f"The store refused: {said.message or response.status}", evidence, "See the response in the log."
    )


def diagnose_failure(failure: RequestFailed, what: str, exchange: Exchange | None = None) -> Finding:
    """The finding for a request that got no response that can be used. `what` names the request.

    `exchange` is the one the failure names, where it is still in the log: a refused login says more in its own answer.
    """
    is_refusal = isinstance(failure, LoginRefused) and failure.status != 200
    if is_refusal and exchange is not None and is_magento_login(exchange.uri):
        found = diagnose_exchange(exchange)
        if found is not None:
            return found
    return network.of_failure(failure, what)


def diagnose_exchange(exchange: Exchange, way: Way = "", *, accepted: bool | None = None) -> Finding | None:
    """The finding for a recorded exchange, from what the log kept of it; None where nothing is wrong.

    `way` is how it said who asks, where more is known of that than its header says; `accepted` as in `diagnose`.
    """
    if exchange.failure is Failure.CANCELLED:
        return None
    if exchange.failure is Failure.NOT_SENT:
        what = f"{exchange.method} {exchange.uri}"
        return network.of_failure(InvalidRequest(exchange.failure_text, exchange=exchange.number), what)
    if exchange.status is None or exchange.failure is not None:
        failure = exchange.failure or Failure.PROTOCOL
        error = NoResponse(failure, exchange.failure_text, may_have_arrived=True, exchange=exchange.number)
        return network.of_failure(error, f"{exchange.method} {exchange.uri}")
    if exchange.status < 300 and (exchange.body.cut or exchange.body.note):
        return None  # what was not kept as it came, such as a token, says nothing against the response
    request = Request(exchange.method, exchange.uri, exchange.request_headers, exchange.request_body.data)
    response = Response(exchange.status, exchange.headers, exchange.body.data, exchange.number)
    if exchange.purpose == "login" and exchange.status >= 400 and not is_magento_login(exchange.uri):
        return network.refused_elsewhere(request, response)
    authorization = request.header("Authorization") or ""
    shape = None if _is_whole(authorization) else TokenShape("odd")
    return diagnose(request, response, way or way_sent(authorization), accepted=accepted, shape=shape)


def way_sent(authorization: str) -> Way:
    """How a header says who asks. A login's token and an integration's look alike once they are masked."""
    if "oauth " in authorization.lower():
        return "oauth1"
    return "bearer" if authorization.lower().startswith("bearer ") else ""


def _is_whole(authorization: str) -> bool:
    """Magento splits a bearer header at each space, and takes only two pieces."""
    pieces = authorization.split(" ")
    return pieces[0].lower() != "bearer" or (len(pieces) == 2 and bool(pieces[1].strip("\"'")))


def _is_signed(request: Request, way: Way) -> bool:
    return way == "oauth1" or way_sent(request.header("Authorization") or "") == "oauth1"


def _of_signature(
    request: Request, response: Response, said: StoreMessage, evidence: tuple[str, ...]
) -> Finding | None:
    if response.status == 400 and (oauth.about(said) not in ("method", "access-token") or said.named):
        return None
    return oauth.of_signed(request, response, said, evidence)


def _words(said: StoreMessage) -> str:
    return said.message or (f"{said.title!r}" if said.title else "")
