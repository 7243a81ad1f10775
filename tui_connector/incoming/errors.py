"""What a run does about a response that is not a page: wait, request smaller pages, or stop."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace

import msgspec

from ..client.authentication.login import server_message
from ..client.error_message import redirect_hint
from ..client.message import OTHER_HOST, Failure, NoResponse, RequestFailed, Response
from ..client.pages import PageUnreadable
from ..client.uri import is_absolute, origin_of
from ..errors import InvalidValue
from ..runs.errors import SEE_LOG, Action, RunError, error_for_failure
from .pagination import PaginationError

_UNREACHABLE = (
    *(Failure.DNS, Failure.REFUSED, Failure.TIMEOUT_CONNECT, Failure.TIMEOUT_TLS, Failure.CUT_OFF, Failure.PROTOCOL),
    *(Failure.PROXY, Failure.PROXY_UNREACHABLE),
)
_PAGE_SIZE = re.compile(r"page\s*size", re.IGNORECASE)


def error_for_exception(error: Exception, *, has_read: bool) -> RunError:
    """The run's error for an exception. `has_read`: pages of the same list have been read already."""
    if isinstance(error, PageUnreadable):
        # after good pages the store is at fault, not the path of the items
        return RunError(
            Action.DIVIDE if has_read or error.is_temporary else Action.WRONG,
            error.message,
            error.hint,
            error.exchange,
            code=error.code,
        )
    if isinstance(error, RequestFailed):
        found = error_for_failure(error)
        too_much = isinstance(error, NoResponse) and found.action is Action.WAIT and error.failure not in _UNREACHABLE
        return replace(found, action=Action.DIVIDE) if too_much else found
    if isinstance(error, PaginationError):
        return RunError(Action.WRONG, error.message, error.hint, code=error.code)
    raise error


def error_for_link(error: RunError, uri: str) -> RunError:
    """The error for a link in the store's response, which the user cannot correct, instead of a typed address."""
    if error.code != OTHER_HOST or not is_absolute(uri):
        return error
    with suppress(InvalidValue):
        origin = origin_of(uri)
        message = f"The link to the next page, which the store sent, leads to another host ({origin})"
        hint = (
            f"No secret is sent there. If {origin} is the same store, write the client's base URI with it; if the "
            "store has a wrong address of its own (behind a proxy, for one), have that corrected there. Or read the "
            'list by page numbers, with the pagination "page-number".'
        )
        return replace(error, message=message, hint=hint)
    return error


def error_for_response(response: Response, *, has_read: bool, retry_after: float | None) -> RunError:
    """The run's error for a response with an unexpected status. `retry_after`: the seconds that it requests."""
    message = f"The store responded with {response.status} ({server_message(response)})"

    def run_error(action: Action, hint: str = "", max_page_size: int = 0) -> RunError:
        return RunError(
            action,
            message,
            hint,
            response.exchange,
            retry_after,
            max_page_size,
            response.status,
            f"status-{response.status}",
        )

    if response.status in (429, 503):
        return run_error(Action.WAIT)
    if (response.status >= 500 and response.status != 501) or response.status == 408:
        return run_error(Action.DIVIDE)
    if response.status in (401, 403):
        return run_error(Action.REFUSED, "Run `check` on the profile to see what is missing.")
    if response.status == 400 and (max_page_size := _page_size_limit(response)):
        return run_error(Action.LIMIT, max_page_size=max_page_size)
    if response.status == 404 and has_read:
        return run_error(Action.DIVIDE)  # one deleted product makes a page of orders a 404 (magento2#7518)
    if 300 <= response.status < 400:
        return run_error(Action.WRONG, redirect_hint(response))
    if response.status == 406:
        return run_error(Action.WRONG, accept_hint(response))
    return run_error(Action.WRONG, SEE_LOG)


def empty_list(previous_total: int, message: str) -> RunError:
    """The error for a list that had items when it was last read completely: accepting it would empty the sink."""
    message = f"{message}; the last complete run read {previous_total:,} items"
    hint = "Nothing was changed. Run again later; if it really is empty now, use --full."
    return RunError(Action.STOP, message, hint, status=200, code="empty-list")


_LEAST_DECREASE = 10
"""Items by which a list may always be shorter: short lists vary."""


def short_list(total: int, previous_total: int | None, max_decrease: int, *, unchanged: bool) -> RunError | None:
    """The error for a list that is shorter by more than `max_decrease` percent than when it was last read completely.

    `previous_total`: None where it was not; `unchanged`: nothing has been written yet.
    """
    if previous_total is None or previous_total - total < _LEAST_DECREASE:
        return None
    if total * 100 >= previous_total * (100 - max_decrease):
        return None
    message = f"The store lists {total:,} items; the last complete run read {previous_total:,}"
    hint = (
        f"{'Nothing was changed. ' if unchanged else ''}Run again later; if the list really is that short now, use "
        f"--full, or change max-decrease of the incoming ({max_decrease} %)."
    )
    return RunError(Action.STOP, message, hint, status=200, code="short-list")


def with_explanation(run_error: RunError, explanation: tuple[str, str] | None) -> RunError:
    """The error with the explanation of the store's refusal, unless smaller pages are tried next."""
    if explanation is None or run_error.action in (Action.DIVIDE, Action.LIMIT):
        return run_error
    summary, remedy = explanation
    return replace(run_error, message=f"{summary.rstrip('.')} ({run_error.status})", hint=remedy or run_error.hint)


def accept_hint(response: Response) -> str:
    """The hint for a 406: which header to set. Servers send it in the media type that they have."""
    offered = response.media_type
    named = offered if offered and "json" in offered and offered != "application/json" else ""
    wanted = f'"{named}"' if named else "the type that the server documents"
    return f"Add the plugin set-headers to the client, with the header Accept = {wanted}."


class _ErrorBody(msgspec.Struct):
    message: str = ""
    parameters: dict[str, object] | list[object] | None = None


def _page_size_limit(response: Response) -> int:
    """The largest page, where the response names it: `Maximum SearchCriteria pageSize is %max`. Otherwise 0."""
    try:
        envelope = msgspec.json.decode(response.body, type=_ErrorBody)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 0
    if not _PAGE_SIZE.search(envelope.message):
        return 0
    parameters = envelope.parameters
    values = [parameters.get("max")] if isinstance(parameters, dict) else list(parameters or [])
    values += re.findall(r"\d+", envelope.message)
    return next((int(str(value)) for value in values if str(value).isdecimal() and int(str(value)) > 0), 0)
