"""Unsaved texts of the editor, kept in the state directory until they are saved or discarded.

Each running program keeps its own, so that two editors of one file do not overwrite each other's. A draft contains no
secrets: they are typed again.
"""

from __future__ import annotations

import json
import os
import re
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from secrets import token_hex

from ..errors import UserError
from ..profile.library import MAX_SIZE, ProfileError
from .drafts import key_for, read_draft, write_draft

FORMAT = 1


@dataclass(frozen=True, slots=True)
class TextDraft:
    """A text that was edited and not saved."""

    text: str
    based_on: str
    """The digest of the file that was edited."""
    kept_at: float
    """Seconds since 1970."""
    is_complete: bool = True
    """Whether nothing was left out of it."""
    base: str | None = None
    """The text of the file that was edited; None if it is not known."""


class TextDrafts:
    """The drafts of one file. All methods block."""

    def __init__(self, state: Path, profile: Path) -> None:
        self._directory, self._key = state / "texts", key_for(profile)
        self.path = self._directory / f"{self._key}.{os.getpid()}.{token_hex(4)}.json"
        """Where this editor keeps its draft."""
        self._lock = threading.Lock()
        self._last_number = 0
        self._kept = False
        self._base: tuple[str, str | None] = "", ""
        """The text that was edited last, with and without its secrets."""

    def find(self) -> tuple[Path, TextDraft] | None:
        """The newest draft of a program that has ended, with its file."""
        drafts = [(path, draft) for path in self._of_ended_programs() if (draft := _read(path))]
        return max(drafts, key=lambda each: each[1].kept_at, default=None)

    def drop_all(self) -> None:
        """Deletes the drafts of programs that have ended. Raises OSError."""
        for path in self._of_ended_programs():
            path.unlink(missing_ok=True)

    def _of_ended_programs(self) -> list[Path]:
        name = re.compile(rf"{self._key}\.(\d+)\.[0-9a-f]+\.json")
        try:
            names = [match for each in os.listdir(self._directory) if (match := name.fullmatch(each))]
        except OSError:
            return []
        return [self._directory / each.group() for each in names if not _is_running(int(each[1]))]

    def keep(self, number: int, text: str, base: str, based_on: str, now: float) -> None:
        """Writes the draft, unless one with a higher number was written or dropped.

        `base` is the text that was edited, `based_on` the digest of its file. Raises `UserError` where a secret cannot
        be left out of it, and `CannotSave`.
        """
        from ..profile.text_secrets import without_literal_secrets

        with self._lock:
            if number < self._last_number:
                return
            self._last_number = number
            if len(text.encode("utf-8", "surrogatepass")) > MAX_SIZE:
                hint = "Split it into several profiles, or remove what is not needed."
                raise UserError("too-large", "it is larger than 1 MiB, and cannot be saved either", hint)
            cleaned = without_literal_secrets(text)
            if cleaned is None:
                hint = "Fix the problems, or move the secret into the keyring."
                raise UserError("secret-not-located", "a secret in it cannot be located", hint)
            if self._base[0] != base:
                self._base = base, without_literal_secrets(base)
            draft = TextDraft(cleaned, based_on, now, cleaned == text, self._base[1])
            data = json.dumps({"format": FORMAT, **asdict(draft)}).encode()
            write_draft(self.path, data)
            self._kept = True

    def drop(self, number: int) -> None:
        """Deletes the draft, unless one with a higher number was written. Raises OSError."""
        with self._lock:
            if number < self._last_number:
                return
            self._last_number = number
            if self._kept:
                self.path.unlink(missing_ok=True)
                self._kept = False


def _is_running(process: int) -> bool:
    """Whether another program has this process id."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _read(path: Path) -> TextDraft | None:
    try:
        found = json.loads(read_draft(path))
        if found.pop("format") != FORMAT:
            return None
        found.setdefault("base", None)  # earlier versions did not keep it
        types = {"text": str, "based_on": str, "kept_at": float, "is_complete": bool, "base": str | None}
        return TextDraft(**found) if all(isinstance(found[key], kind) for key, kind in types.items()) else None
    except (ProfileError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
