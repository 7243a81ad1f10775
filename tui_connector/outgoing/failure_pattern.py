"""Notices that a request is wrong for every entity, before thousands of tasks have failed for the same reason."""

from __future__ import annotations

import re

_ENOUGH = 50
"""Tasks that must have failed alike, without any other result."""


class FailurePattern:
    """Whether the tasks that have ended so far have all failed for the same reason.

    A single task that ended in another way shows that the request can succeed; then nothing is noticed any more.
    """

    def __init__(self, *, watches: bool) -> None:
        """`watches`: False if a task has succeeded before, or if the user wants to send every task in any case."""
        self._watches = watches
        self._reason: tuple[str, str] | None = None
        self.count = 0
        """Tasks that have failed alike."""

    def failed(self, identifier: str, code: str, message: str) -> None:
        """A task has failed. Its identifier may be in the message."""
        if not self._watches:
            return
        if identifier:
            message = re.sub(rf"(?<!\w){re.escape(identifier)}(?!\w)", "…", message, flags=re.IGNORECASE)
        reason = (code, message)
        if self._reason not in (None, reason):
            self.ended_well()
            return
        self._reason = reason
        self.count += 1

    def ended_well(self) -> None:
        """A task has ended in another way."""
        self._watches, self.count = False, 0

    @property
    def is_clear(self) -> bool:
        return self.count >= _ENOUGH
