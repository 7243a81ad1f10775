"""The signing dialects of stores, remembered between runs: a guess to begin with, never the last word."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import cast

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
        path = self._path(origin)
        temporary = path.with_suffix(f".{secrets.token_hex(4)}.tmp")
        with contextlib.suppress(OSError):
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            with open(os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as file:
                json.dump({"origin": origin, "dialect": dialect}, file)
            temporary.replace(path)

    def _path(self, origin: str) -> Path:
        return self._directory / f"{hashlib.sha256(origin.encode()).hexdigest()[:32]}.json"
