"""What a response, or its absence, means for the entities that were sent."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from ..client.authentication.login import server_message
from ..client.body_refusal import BodyRefusal, error_refusal, false_refusal, page_refusal, text_refusal
from ..client.error_message import redirect_hint
from ..client.message import (
    PERMANENT_FAILURES,
    Failure,
    InvalidRequest,
    LoginRefused,
    NoResponse,
    RequestFailed,
    Response,
)
from ..client.model import RequestTemplate
from ..runs.errors import SEE_LOG, Action, RunError, error_for_failure
from ..templates import Json


class Outcome(Enum):
    """What a response, or its absence, means for the entities of a request."""

    DONE = "the store has accepted them, except those with an error of their own"
    ACCEPTED = "the store executes the request later, or reports results in a form that is not known"
    RETRY = "the store failed, perhaps temporarily: send them again later"
    UNAVAILABLE = "the store is busy or down: wait for it, then send them again"
    SPLIT = "the store has refused the batch as a whole: send it in halves"
    FAILED = "the store has refused them"
    UNKNOWN = "they may or may not have arrived"
    FORBIDDEN = "they, or all requests, were forbidden: see whether others are allowed"
    STOP = "no entity can be sent: stop the run"


@dataclass(frozen=True, slots=True)
class ItemError:
    """Why one entity of a batch was refused."""

    message: str
    code: str = "refused"


@dataclass(frozen=True, slots=True)
class SendResult:
    """The result of a request. `items`: the errors of single entities, by position in the batch."""

    outcome: Outcome
    error: RunError | None = None
    response: Response | None = None
    body: Json = None
    items: Mapping[int, ItemError] = field(default_factory=dict)
    unassigned: tuple[str, ...] = ()
    """Errors in the response that could not be assigned to an entity."""


_UNREACHABLE = (
    *(Failure.DNS, Failure.REFUSED, Failure.TIMEOUT_CONNECT, Failure.TIMEOUT_TLS),
    Failure.PROXY_UNREACHABLE,
)
_CONFIGURED_WRONG = (Failure.TLS, Failure.NOT_SENT, Failure.PROXY, *PERMANENT_FAILURES)
_GATEWAY = (408, 502, 504, *range(520, 528))
"""Statuses of a gateway that did not wait for the store, which may still complete the request."""
_PERMANENT_5XX = (501, 505)
ACCEPTED = "accepted"
"""Code of tasks that the store has accepted without saying that it has stored them."""
_ONLY_ACCEPTED = {
    202: "it has accepted the entity and processes it later, so the result is not known",
    207: "a part of the request may have been refused",
}
"""Statuses of success that do not say that the entity has been stored."""
TEMPORARY = re.compile(
    r"deadlock|lock wait timeout|database connection error|SQLSTATE\[40001\]|"
    r"could not save source item configuration",
    re.IGNORECASE,
)
"""Magento reports these failures of its database with status 400 and no code; nothing was stored."""


def result_for_exception(error: RequestFailed, *, reads: bool) -> SendResult:
    """The result of a request without a response. `reads`: the request changes nothing in the store."""

    def found(outcome: Outcome, action: Action) -> SendResult:
        return SendResult(outcome, replace(error_for_failure(error), action=action))

    if isinstance(error, LoginRefused):
        return found(Outcome.STOP, Action.REFUSED)
    if isinstance(error, InvalidRequest):
        # the entity is at fault, unless a secret cannot be read
        return found(Outcome.FAILED if error.code == InvalidRequest.CODE else Outcome.STOP, Action.WRONG)
    if not isinstance(error, NoResponse):
        return found(Outcome.UNAVAILABLE, Action.WAIT)  # a login that failed
    if not error.may_have_arrived or reads:
        if error.failure in _CONFIGURED_WRONG:
            return found(Outcome.STOP, Action.WRONG)
        return found(Outcome.UNAVAILABLE, Action.WAIT)
    return found(Outcome.UNKNOWN, Action.WAIT)


def is_unreachable(error: RunError) -> bool:
    """Whether the store cannot be reached at all, so that no request would succeed now."""
    return error.status is None and error.code in _UNREACHABLE


def brief_reason(reason: str) -> str:
    """The reason of a task where there is no room for all of it: what tells it from others comes first."""
    refused = re.fullmatch(r"The store responded with (\d+) \((.*)\)(.*)", reason, re.DOTALL)
    if refused is not None:
        return f"{refused[1]}: {refused[2]}{refused[3]}"
    return reason.removeprefix("The store responded with ")


def result_for_response(
    response: Response, template: RequestTemplate, *, reads: bool, retry_after: float | None, of_magento: bool
) -> SendResult:
    """The result of a response, before errors in its body are assigned to entities.

    `of_magento`: the request was sent to Magento's REST API.
    """
    if template.is_expected(response.status):
        result = _expected(response, reads=reads, of_magento=of_magento)
        later = response.status in _ONLY_ACCEPTED and response.status not in template.expected and not reads
        return _accepted(result) if later and result.outcome is Outcome.DONE else result
    status = response.status
    message = f"The store responded with {status} ({server_message(response)})"

    def found(outcome: Outcome, action: Action, hint: str = "") -> SendResult:
        error = RunError(action, message, hint, response.exchange, retry_after, 0, status, f"status-{status}")
        return SendResult(outcome, error, response)

    if status in (401, 403):
        outcome = Outcome.FORBIDDEN if status == 403 else Outcome.STOP
        return found(outcome, Action.REFUSED, "Run `check` on the profile to see what is missing.")
    if status in (429, 503):
        return found(Outcome.UNAVAILABLE, Action.WAIT)
    if status in _GATEWAY:
        return found(Outcome.UNAVAILABLE if reads else Outcome.UNKNOWN, Action.WAIT)
    if status >= 500 and status not in _PERMANENT_5XX:
        return found(Outcome.RETRY, Action.DIVIDE)
    if 300 <= status < 400:
        hint = redirect_hint(response)
        return found(Outcome.STOP, Action.WRONG, hint)
    if status == 400 and TEMPORARY.search(message):
        return found(Outcome.RETRY, Action.DIVIDE)
    return found(Outcome.SPLIT, Action.DIVIDE, SEE_LOG)


def _expected(response: Response, *, reads: bool, of_magento: bool) -> SendResult:
    """The result of a response with an expected status; its body may still say that the entity was not accepted."""
    body = response_body(response)

    def failed(refusal: BodyRefusal, outcome: Outcome = Outcome.FAILED, hint: str = "") -> SendResult:
        status, exchange = response.status, response.exchange
        error = RunError(Action.WRONG, refusal.message, hint, exchange, status=status, code=refusal.code)
        return SendResult(outcome, error, response)

    if (page := page_refusal(response)) is not None:
        return failed(page, hint="Is the base URI of the client that of the REST API?")
    if response.status < 300:  # an expected 404 has an error for a body
        if (text := text_refusal(response, of_magento=of_magento)) is not None:
            return failed(text)
        if (wrong := error_refusal(response, body, of_magento=of_magento)) is not None:
            return failed(wrong, Outcome.SPLIT)
    if body is False and not reads:
        return failed(false_refusal(response.status))
    return SendResult(Outcome.DONE, None, response, body)


def _accepted(result: SendResult) -> SendResult:
    """The result of a response that says neither that the entity was stored nor that it was refused."""
    assert result.response is not None
    status, exchange = result.response.status, result.response.exchange
    hint = f"If this is a success, add expected = [{status}] to the request"
    if isinstance(result.body, dict) and "bulk_uuid" in result.body:
        hint = 'To wait for its result, write the plain route and delivery = "async"'
    message = f"The store responded with {status}: {_ONLY_ACCEPTED[status]}"
    error = RunError(Action.WAIT, message, hint, exchange, status=status, code=ACCEPTED)
    return replace(result, outcome=Outcome.ACCEPTED, error=error)


def response_body(response: Response) -> Json:
    """The body as JSON, or as text where it is not JSON."""
    if not response.body:
        return None
    try:
        found: Json = json.loads(response.body)
    except (ValueError, RecursionError):
        return response.body.decode("utf-8", "replace")
    return found
