"""What went wrong in a run, and what the run does about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from ..client.message import Request, Response
from ..secrets.places import without_any_secret


class Action(Enum):
    """What to do about it."""

    WAIT = "the store is away: nothing can be read now"
    DIVIDE = "the page breaks the store: smaller ones may not"
    LIMIT = "the page is larger than the store allows"
    REFUSED = "the store does not let us"
    WRONG = "what is asked for is wrong"
    STOP = "the user wants it to end here"


@dataclass(frozen=True, slots=True)
class RunError:
    """What it means, in words for the user; `wait` are the seconds a store asked for, `allowed` its largest page."""

    means: Action
    message: str
    hint: str = ""
    exchange: int | None = None
    wait: float | None = None
    allowed: int = 0
    status: int | None = None
    code: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", without_any_secret(self.message))
        object.__setattr__(self, "hint", without_any_secret(self.hint))

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


Explain = Callable[[Request, Response], tuple[str, str] | None]
"""What is wrong and what to do where a store refuses a request; None where that is not known."""


class RunFailed(Exception):
    """Carries a trouble up to who can do something about it."""

    def __init__(self, trouble: RunError) -> None:
        super().__init__(str(trouble))
        self.trouble = trouble
