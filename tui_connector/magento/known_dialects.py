"""The signing dialects of stores, remembered between runs: a guess to begin with, never the last word."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import cast

from ..files import write_private
from .dialects import DIALECTS, Dialect


class KnownDialects:
    """One small file for each origin, readable by this user only. Its methods touch the disk: call them in a thread.

    A file that cannot be read or written costs a request that is refused once, and is no error.
    """

    def __init__(self, cache: Path) -> None:
        self._directory = cache / "signing-dialects"

    def find(self, origin: str) -> Dialect | None:
        """The dialect in which this store has accepted a signature."""
        try:
            known = json.loads(self._path(origin).read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        dialect = known.get("dialect") if isinstance(known, dict) and known.get("origin") == origin else None
        return cast(Dialect, dialect) if dialect in DIALECTS else None

    def keep(self, origin: str, dialect: Dialect) -> None:
        if self.find(origin) == dialect:
            return
        with contextlib.suppress(OSError):
            write_private(self._path(origin), json.dumps({"origin": origin, "dialect": dialect}).encode())

    def _path(self, origin: str) -> Path:
        return self._directory / f"{hashlib.sha256(origin.encode()).hexdigest()[:32]}.json"
