"""Why a run cannot continue as it is, and what it does about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from ..client.message import (
    PERMANENT_FAILURES,
    Failure,
    InvalidRequest,
    LoginRefused,
    NoResponse,
    Request,
    RequestFailed,
    Response,
)
from ..secrets.named_values import mask_message
from .ledger import State


class Action(Enum):
    """What a run does about an error."""

    WAIT = "the store is down: wait and retry"
    DIVIDE = "the page makes the store fail: request smaller ones"
    LIMIT = "the page is larger than the store allows"
    REFUSED = "the store refuses access"
    WRONG = "the configuration is wrong"
    STOP = "the run was stopped on purpose"


END_STATES: dict[Action, State] = {
    Action.WAIT: "stopped",
    Action.DIVIDE: "stopped",
    Action.LIMIT: "stopped",
    Action.STOP: "stopped",
    Action.REFUSED: "refused",
    Action.WRONG: "failed",
}
"""The state in which a run ends because of an error."""


@dataclass(frozen=True, slots=True)
class RunError:
    """An error of a run, with message and hint for the user.

    `retry_after`: seconds that the store asks to wait. `max_page_size`: the largest page that the store allows.
    """

    action: Action
    message: str
    hint: str = ""
    exchange: int | None = None
    retry_after: float | None = None
    max_page_size: int = 0
    status: int | None = None
    code: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", mask_message(self.message))
        object.__setattr__(self, "hint", mask_message(self.hint))

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


def error_for_failure(error: RequestFailed) -> RunError:
    """The run's error for a request without a usable response: REFUSED, WRONG, or WAIT if it may succeed later."""
    if isinstance(error, LoginRefused):
        return RunError(Action.REFUSED, error.message, error.hint, error.exchange, status=error.status, code=error.code)
    if isinstance(error, NoResponse):
        is_permanent = error.failure in (*PERMANENT_FAILURES, Failure.TLS, Failure.NOT_SENT)
        action, code = Action.WRONG if is_permanent else Action.WAIT, str(error.failure.value)
    else:
        action, code = Action.WRONG if isinstance(error, InvalidRequest) else Action.WAIT, error.code
    return RunError(action, error.message, error.hint, error.exchange, code=code)


SEE_LOG = "See the request in the log (l on the screen, --log long in a command)."
"""The hint where nothing else is known."""

Explain = Callable[[Request, Response], tuple[str, str] | None]
"""The cause of a refusal by the store and its remedy; None if unknown."""


class RunFailed(Exception):
    """Raised to end a run, or to continue it in another way, because of `error`."""

    def __init__(self, error: RunError) -> None:
        super().__init__(str(error))
        self.error = error
