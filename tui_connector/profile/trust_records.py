"""What each profile is trusted to do: one private file for each profile and environment, bound to its path."""

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
    environment: str
    """Of the profile; "" for its base values."""
    granted_at: str
    capabilities: tuple[Capability, ...]

    @property
    def digest(self) -> str:
        return digest(self.capabilities)

    def is_of(self, profile: str, environment: str) -> bool:
        return (self.profile, self.environment) == (profile, environment)


def folder_of(profile: Path) -> Path:
    """The folder in which a profile's paths start: that of the file itself, by whatever link it was opened."""
    return Path(os.path.realpath(profile)).parent


class TrustRecords:
    """The records in the state directory. All methods touch the disk."""

    def __init__(self, state: Path) -> None:
        self._directory = state / "trust"

    def find(self, profile: Path, environment: str = "") -> TrustRecord | None:
        """The record of the profile at this path, in this environment.

        None if there is none, or other users could have written it.
        """
        resolved = os.path.realpath(profile)
        record = self._read(self._file(resolved, environment))
        return record if record is not None and record.is_of(resolved, environment) else None

    def list(self) -> list[TrustRecord]:
        """All records, by path."""
        try:
            names = os.listdir(self._directory)
        except OSError:
            return []
        found = [self._read(self._directory / name) for name in names if name.endswith(_SUFFIX)]
        return sorted((each for each in found if each is not None), key=lambda each: (each.profile, each.environment))

    def grant(
        self,
        profile: Path,
        capabilities: Iterable[Capability],
        now: datetime,
        *,
        only: bool = False,
        environment: str = "",
    ) -> None:
        """Trust the profile in this environment with these capabilities, besides those it has; `only`: instead of them.

        Raises `CannotSave`.
        """
        resolved = os.path.realpath(profile)
        file, wanted = self._file(resolved, environment), list(capabilities)

        def granted(_: bytes | None) -> bytes:
            before = None if only else self._read(file)  # ignores one that other users could write
            kept = before.capabilities if before is not None and before.is_of(resolved, environment) else ()
            data = {
                "format": FORMAT,
                "profile": resolved,
                **({"environment": environment} if environment else {}),
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
        """Delete the records of all environments; False if there was none. Raises `CannotSave`."""
        resolved = os.path.realpath(profile)
        known = [each.environment for each in self.list() if each.profile == resolved]
        found = False
        for file in {self._file(resolved, environment) for environment in ("", *known)}:
            try:
                file.unlink()
                found = True
            except FileNotFoundError:
                continue
            except OSError as error:
                raise CannotSave(file, reason(error), state_remedy(error)) from error
        return found

    def _file(self, resolved: str, environment: str = "") -> Path:
        whole = os.fsencode(f"{resolved}\0{environment}" if environment else resolved)
        return self._directory / f"{hashlib.sha256(whole).hexdigest()[:32]}{_SUFFIX}"

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
            environment = str(data.get("environment", ""))
            return TrustRecord(str(data["profile"]), environment, str(data["granted-at"]), granted)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None


def _is_private(found: os.stat_result) -> bool:
    return found.st_uid == os.geteuid() and not found.st_mode & _OTHERS_WRITE


def _capability(data: dict[str, object]) -> Capability:
    facts = {name: value for name, value in data.items() if name != "text"}
    return Capability(json.dumps(facts, sort_keys=True, separators=(",", ":")), str(data["text"]))
