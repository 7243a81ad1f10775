"""Remembers which origins have responded, so that a run waits for a store that is down, but not for a wrong address."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from ..files import write_private


class RespondingOrigins:
    """The origins that have responded to any request of this user: a run, a test, a single request.

    In one private file for each, which is no error if it cannot be read or written: a run then waits only for a store
    that it or an earlier run has read from. The methods access the disk: call them in a thread.
    """

    def __init__(self, state: Path) -> None:
        self._directory = state / "responding-origins"

    def has(self, origin: str) -> bool:
        """`origin`: as `origin_of` writes it."""
        try:
            return self._path(origin).exists()
        except OSError:
            return False

    def add(self, origin: str) -> None:
        if not self.has(origin):
            with contextlib.suppress(OSError):
                write_private(self._path(origin), origin.encode())

    def _path(self, origin: str) -> Path:
        return self._directory / hashlib.sha256(origin.encode()).hexdigest()[:32]
