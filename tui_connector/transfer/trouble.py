"""What an answer that is no page means for a run: wait, ask for less, or stop."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

import msgspec

from ..client.authentication.login import said
from ..client.message import Answer, Failure, LoginRefused, NotSent, Request, RequestFailed, Unanswered
from ..client.plugins.retry import LASTING
from ..secrets.places import without_any_secret
from .pagination import PaginationError
from .unreadable import PageUnreadable


class Means(Enum):
    """What to do about it."""

    WAIT = "the store is away: nothing can be read now"
    DIVIDE = "the page breaks the store: smaller ones may not"
    LIMIT = "the page is larger than the store allows"
    REFUSED = "the store does not let us"
    WRONG = "what is asked for is wrong"
    STOP = "the user wants it to end here"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What it means, in words for the user; `wait` are the seconds a store asked for, `allowed` its largest page."""

    means: Means
    message: str
    hint: str = ""
    exchange: int | None = None
    wait: float | None = None
    allowed: int = 0
    status: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", without_any_secret(self.message))
        object.__setattr__(self, "hint", without_any_secret(self.hint))

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


Explain = Callable[[Request, Answer], tuple[str, str] | None]
"""What is wrong and what to do where a store refuses a request; None where that is not known."""


class InTrouble(Exception):
    """Carries a trouble up to who can do something about it."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(str(trouble))
        self.trouble = trouble


_AWAY = (
    *(Failure.DNS, Failure.REFUSED, Failure.TIMEOUT_CONNECT, Failure.TIMEOUT_TLS, Failure.CUT_OFF, Failure.PROTOCOL),
    Failure.PROXY,
)
_PAGE_SIZE = re.compile(r"page\s*size", re.IGNORECASE)


def of_failure(error: Exception, *, begun: bool) -> Trouble:
    """What a request means that brought no page. `begun`: pages of the same list have been read already."""
    if isinstance(error, LoginRefused):
        return Trouble(Means.REFUSED, error.message, error.hint, error.exchange, status=error.status)
    if isinstance(error, Unanswered):
        return Trouble(_of_unanswered(error.failure), error.message, error.hint, error.exchange)
    if isinstance(error, PageUnreadable):
        # a page that was good before: the store's trouble, not a wrong path
        return Trouble(
            Means.DIVIDE if begun or error.may_pass else Means.WRONG, error.message, error.hint, error.exchange
        )
    if isinstance(error, NotSent):
        return Trouble(Means.WRONG, error.message, error.hint, error.exchange)
    if isinstance(error, RequestFailed):
        return Trouble(Means.WAIT, error.message, error.hint, error.exchange)
    if isinstance(error, PaginationError):
        return Trouble(Means.WRONG, error.message, error.hint)
    raise error


def _of_unanswered(failure: Failure) -> Means:
    if failure in LASTING or failure in (Failure.TLS, Failure.NOT_SENT):
        return Means.WRONG
    return Means.WAIT if failure in _AWAY else Means.DIVIDE


def of_answer(answer: Answer, *, begun: bool, wait: float | None) -> Trouble:
    """What an answer means whose status is none of those expected. `wait`: the seconds it asks for."""
    message = f"The store answered {answer.status} ({said(answer)})"

    def trouble(means: Means, hint: str = "", allowed: int = 0) -> Trouble:
        return Trouble(means, message, hint, answer.exchange, wait, allowed, answer.status)

    if answer.status in (429, 503):
        return trouble(Means.WAIT)
    if (answer.status >= 500 and answer.status != 501) or answer.status == 408:
        return trouble(Means.DIVIDE)
    if answer.status in (401, 403):
        return trouble(Means.REFUSED, "Run `check` on the profile: it says what is missing.")
    if answer.status == 400 and (allowed := _allowed(answer)):
        return trouble(Means.LIMIT, allowed=allowed)
    if answer.status == 404 and begun:
        return trouble(Means.DIVIDE)  # one deleted product makes a page of orders a 404 (magento2#7518)
    if 300 <= answer.status < 400:
        return trouble(Means.WRONG, f"It is elsewhere now: {answer.header('Location') or 'it does not say where'}.")
    if answer.status == 406:
        return trouble(Means.WRONG, accept_hint(answer))
    return trouble(Means.WRONG, "Look at the request in the log (--log long).")


def explained(trouble: Trouble, told: tuple[str, str] | None) -> Trouble:
    """The same in better words, where there are some. What smaller pages may pass is not the store's last word."""
    if told is None or trouble.means in (Means.DIVIDE, Means.LIMIT):
        return trouble
    summary, remedy = told
    return replace(trouble, message=f"{summary.rstrip('.')} ({trouble.status})", hint=remedy or trouble.hint)


def accept_hint(answer: Answer) -> str:
    """What to do about a 406: which header to set. Servers answer it in the type that they have."""
    offered = answer.media_type
    named = offered if offered and "json" in offered and offered != "application/json" else ""
    wanted = f'"{named}"' if named else "the type that the server documents"
    return f"Add the plugin set-headers to the client, with the header Accept = {wanted}."


class _Limits(msgspec.Struct):
    message: str = ""
    parameters: dict[str, object] | list[object] | None = None


def _allowed(answer: Answer) -> int:
    """The largest page, where the answer names it: `Maximum SearchCriteria pageSize is %max`. Otherwise 0."""
    try:
        envelope = msgspec.json.decode(answer.body, type=_Limits)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return 0
    if not _PAGE_SIZE.search(envelope.message):
        return 0
    parameters = envelope.parameters
    values = [parameters.get("max")] if isinstance(parameters, dict) else list(parameters or [])
    values += re.findall(r"\d+", envelope.message)
    return next((int(str(value)) for value in values if str(value).isdecimal() and int(str(value)) > 0), 0)
