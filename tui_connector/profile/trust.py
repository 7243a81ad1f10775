"""What each profile is trusted to do: one private file for each profile, bound to its path."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..files import CannotSave, make_private, reason, state_remedy, tighten, update_private
from ..secrets.capability import Capability, digest

FORMAT = 1
_SUFFIX = ".json"
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class TrustRecord:
    """What one profile is trusted to do."""

    profile: str
    """The profile's path, with symbolic links resolved."""
    granted_at: str
    capabilities: tuple[Capability, ...]

    @property
    def digest(self) -> str:
        return digest(self.capabilities)


def folder_of(profile: Path) -> Path:
    """The folder in which a profile's paths start: that of the file itself, by whatever link it was opened."""
    return Path(os.path.realpath(profile)).parent


class TrustRecords:
    """The records in the state directory. All methods touch the disk."""

    def __init__(self, state: Path) -> None:
        self._directory = state / "trust"

    def find(self, profile: Path) -> TrustRecord | None:
        """The record of the profile at this path; None if there is none, or other users could have written it."""
        resolved = os.path.realpath(profile)
        record = self._read(self._file(resolved))
        return record if record is not None and record.profile == resolved else None

    def list(self) -> list[TrustRecord]:
        """All records, by path."""
        try:
            names = os.listdir(self._directory)
        except OSError:
            return []
        found = [self._read(self._directory / name) for name in names if name.endswith(_SUFFIX)]
        return sorted((each for each in found if each is not None), key=lambda each: each.profile)

    def grant(self, profile: Path, capabilities: Iterable[Capability], now: datetime, *, only: bool = False) -> None:
        """Trust the profile with these capabilities, in addition to those it has; `only`: instead of those.

        Raises `CannotSave`.
        """
        resolved = os.path.realpath(profile)
        file, wanted = self._file(resolved), list(capabilities)

        def granted(_: bytes | None) -> bytes:
            before = None if only else self._read(file)  # ignores one that other users could write
            kept = before.capabilities if before is not None and before.profile == resolved else ()
            data = {
                "format": FORMAT,
                "profile": resolved,
                "granted-at": now.isoformat(timespec="seconds"),
                "capabilities": [each.as_json() for each in dict.fromkeys([*wanted, *kept])],
            }
            return json.dumps(data, indent=1).encode() + b"\n"

        try:
            make_private(self._directory)
            if problem := tighten(self._directory):
                raise CannotSave(self._directory, problem, "Move it away, then try again.")
            update_private(file, granted)
        except OSError as error:
            raise CannotSave(file, reason(error), state_remedy(error)) from error

    def revoke(self, profile: Path) -> bool:
        """Delete the record; False if there was none. Raises `CannotSave`."""
        file = self._file(os.path.realpath(profile))
        try:
            file.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise CannotSave(file, reason(error), state_remedy(error)) from error
        return True

    def copy(self, profile: Path, copied: Path, now: datetime) -> None:
        """Trust a copy of a profile with the capabilities of the original. Raises `CannotSave`."""
        record = self.find(profile)
        if record is not None:
            self.grant(copied, record.capabilities, now)

    def _file(self, resolved: str) -> Path:
        return self._directory / f"{hashlib.sha256(os.fsencode(resolved)).hexdigest()[:32]}{_SUFFIX}"

    def _read(self, file: Path) -> TrustRecord | None:
        """The record in a file; None if other users could have written it."""
        try:
            if not _is_private(os.lstat(self._directory)):
                return None
            descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with open(descriptor, "rb") as opened:
                found = os.fstat(descriptor)
                if not stat.S_ISREG(found.st_mode) or not _is_private(found):
                    return None
                data = json.loads(opened.read())
            if data["format"] != FORMAT:
                return None
            granted = tuple(_capability(each) for each in data["capabilities"])
            return TrustRecord(str(data["profile"]), str(data["granted-at"]), granted)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None


def _is_private(found: os.stat_result) -> bool:
    return found.st_uid == os.geteuid() and not found.st_mode & _OTHERS_WRITE


def _capability(data: dict[str, object]) -> Capability:
    facts = {name: value for name, value in data.items() if name != "text"}
    return Capability(json.dumps(facts, sort_keys=True, separators=(",", ":")), str(data["text"]))
