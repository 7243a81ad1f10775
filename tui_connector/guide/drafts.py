"""Unfinished setups, kept as drafts in the state directory and offered on the home screen.

A draft contains no secrets: they are stored in the keyring when the setup is saved, and typed again until then. The
module imports no large library, because home lists drafts before anything else is loaded.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, field
from datetime import date, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..files import CannotSave, digest, reason, state_remedy, write_private
from ..profile import toml
from ..profile.library import MAX_SIZE, ProfileError, read_bytes
from ..secrets.plain_text import known_secrets_in

if TYPE_CHECKING:
    from ..templates import Json

FORMAT = 1
_MAX_DRAFT = 8 * MAX_SIZE
"""Bytes of a draft's file: in JSON, a character of a profile takes up to six."""
_SUFFIX = ".json"
_DATE = " date"
_KEY = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Draft:
    """An unfinished setup."""

    key: str
    """Unique for each saved profile and for each setup of a new one; part of the file name."""
    name: str
    """The profile's name."""
    title: str
    step: int
    kept_at: float
    """Seconds since 1970."""
    data: dict[str, Json] = field(default_factory=dict)
    """The profile as plain data."""
    about: dict[str, Json] = field(default_factory=dict)
    """The state of the steps: client, authentication, address as typed."""
    profile: str | None = None
    """Path of the saved profile that it changes."""
    text: str | None = None
    """That file's text as it was read."""


def key_for(profile: Path) -> str:
    """The key of the draft that changes this profile."""
    return digest(os.fsencode(profile))[:16]


def draft_file(state: Path, key: str) -> Path:
    """The file of the draft with this key, in the state directory."""
    assert _KEY.fullmatch(key), key
    return state / "drafts" / f"{key}{_SUFFIX}"


def write_draft(path: Path, data: bytes) -> None:
    """Writes the file of a draft, readable by its owner only. Raises `UserError` if it is too large, and `CannotSave`.

    What is written here, `read_draft` reads.
    """
    if len(data) > _MAX_DRAFT:
        hint = "Remove what is not needed: a profile of this size cannot be saved either."
        raise UserError("too-large", f"it would be larger than {_MAX_DRAFT // MAX_SIZE} MiB", hint)
    try:
        write_private(path, data)
    except OSError as error:
        raise CannotSave(path, reason(error), state_remedy(error)) from error


def read_draft(path: Path) -> bytes:
    """The file of a draft. Raises `ProfileError`."""
    return read_bytes(path, _MAX_DRAFT)


class Drafts:
    """The drafts in a directory."""

    def __init__(self, state: Path) -> None:
        self._state = state

    def list(self) -> list[Draft]:
        """All drafts, the newest first. One that cannot be read is not a draft."""
        try:
            directory = self._state / "drafts"
            names = os.listdir(directory)
        except OSError:
            return []
        found = [_read(directory / name) for name in names if name.endswith(_SUFFIX)]
        return sorted((draft for draft in found if draft is not None), key=lambda draft: -draft.kept_at)

    def find(self, key: str) -> Draft | None:
        """The draft with this key, if there is one."""
        return _read(draft_file(self._state, key))

    def keep(self, draft: Draft) -> None:
        """Writes or replaces it, readable by its owner only.

        Raises `UserError` for a known secret that its profile does not have, and `CannotSave`.
        """
        path = draft_file(self._state, draft.key)
        text = json.dumps({"format": FORMAT, **asdict(draft)}, ensure_ascii=False, default=_date)
        if known_secrets_in(text).keys() - known_secrets_in(draft.text or "").keys():
            hint = "Remove the secret that you typed into a field for plain text."
            raise UserError("secret-in-draft", "it would contain a secret", hint)
        write_draft(path, text.encode())

    def drop(self, key: str) -> None:
        """Deletes it. Raises OSError."""
        draft_file(self._state, key).unlink(missing_ok=True)


def _read(path: Path) -> Draft | None:
    try:
        found = json.loads(read_draft(path), object_hook=_decode_date)
        if found.pop("format") != FORMAT or not _is_valid(found) or found["key"] != path.stem:
            return None
        toml.loads(found["text"] or "")  # raises ValueError where this is not the text of a profile
        return Draft(**found)
    except (ProfileError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _is_valid(found: dict[str, Any]) -> bool:
    """Whether each value has its type; the file may have been edited."""
    texts = [found["key"], found["name"], found["title"], found["profile"] or "", found["text"] or ""]
    tables = [found["data"], found["about"]]
    typed = all(isinstance(each, str) for each in texts) and all(isinstance(each, dict) for each in tables)
    return typed and isinstance(found["kept_at"], float) and found["step"] in range(1, 6)


def _date(value: object) -> dict[str, str]:
    """TOML has dates and JSON has none."""
    if isinstance(value, (date, time)):
        return {_DATE: value.isoformat()}
    raise TypeError(f"a {type(value).__name__} in a draft")


def _decode_date(table: dict[str, object]) -> object:
    return toml.loads(f"d = {table[_DATE]}")["d"] if table.keys() == {_DATE} else table
