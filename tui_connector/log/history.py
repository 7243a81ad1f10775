"""The last sessions of each profile: requests and their outcome, in files of the state directory.

Metadata only, unless the profile says otherwise: bodies are customers' data. Of requests that the user wrote in the
program, short bodies are kept, too, so that they can be sent again. Bounded by count, bytes and age.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, Literal

from ..client.exchange import Exchange, Exchanges
from ..files import make_private, reason, state_remedy
from ..secrets.mask import Mask
from .recording import Notice, Recording, read
from .records import KeptBodies, LogFailed

Keep = Literal["metadata", "requests", "bodies", "off"]
_BODIES: Mapping[Keep, KeptBodies] = {"metadata": "by-hand", "requests": "requests", "bodies": "all"}

BODIES_ARE_KEPT = (
    'Under [log] in the profile, history = "requests" keeps the bodies of requests, '
    'and "bodies" also those of responses.'
)
"""How the bodies that the history has not kept are kept from now on."""

SESSIONS = 200
BYTES = 50_000_000
AGE = timedelta(days=30)
_CLOCK_TRUSTED_AFTER = timedelta(days=7)
"""After a jump of the clock: sessions over this time span show that it is right."""
_SESSION_BYTES = 5_000_000
_LONGEST_SESSION = timedelta(hours=12)
"""Since its beginning, within which what a process sends after a pause still belongs to its session."""
_CLOSE_TIMEOUT = 3.0
"""Seconds that `close` waits for the disk."""
_NAME = re.compile(r"(\d{8}T\d{6}\.\d{6})Z\.jsonl")


@dataclass(frozen=True, slots=True)
class PastSession:
    """A recorded session."""

    began: datetime
    path: Path
    size: int
    """Total bytes of its files."""

    def read(self, mask: Mask | None = None) -> Iterator[Exchange | Notice]:
        """Its exchanges, oldest first; the oldest of a long session are dropped. Raises `LogFailed`."""
        for path in self.files():
            yield from read(path, mask)

    def files(self) -> list[Path]:
        """Its files, oldest first."""
        older = self.path.with_name(f"{self.path.name}.1")
        return [older, self.path] if older.exists() else [self.path]


class History:
    """The sessions of one profile, in one environment. `start` keeps what is sent from now on; `close` ends that.

    All screens of a process, one after the other or at the same time, write to one session.
    """

    _of_process: ClassVar[dict[Path, tuple[datetime, Recording]]] = {}
    """The session of this process in each directory, and when it began."""
    _starting: ClassVar = threading.Lock()

    def __init__(self, state: Path, profile: Path, environment: str = "") -> None:
        # two profiles in different directories may have the same name
        whole = f"{profile.absolute()}\0{environment}" if environment else str(profile.absolute())
        digest = hashlib.sha256(whole.encode("utf-8", "surrogateescape")).hexdigest()[:12]
        name = re.sub(r"[^A-Za-z0-9_-]", "_", profile.stem)[:64] + (f"-{environment}" if environment else "")
        self._directory = state / "history" / f"{name}-{digest}"
        self._started: tuple[Recording, Exchanges] | None = None
        self._keep: Keep = "off"

    @property
    def directory(self) -> Path:
        """The directory of its sessions; it may not exist yet."""
        return self._directory

    @property
    def session(self) -> str:
        """The name of the session that is kept now, for a process that continues it; "" if there is none."""
        return self._started[0].path.name if self._started is not None else ""

    @property
    def keeps(self) -> Keep:
        """What it keeps of the requests that are sent now."""
        return self._keep if self._started is not None else "off"

    def start(
        self,
        exchanges: Exchanges,
        keep: Keep,
        now: datetime,
        earlier: Iterable[Exchange] = (),
        *,
        session: str = "",
    ) -> None:
        """Keeps `earlier` ones, as far as it does not have them, and what is recorded from now on. Raises `LogFailed`.

        `earlier` may grow meanwhile: to open the file takes a while, and what is recorded then belongs to both.
        Where the profile says "off", it keeps nothing. `session`: to be continued, such as that of another process.
        """
        if keep == "off" or self._started is not None:
            return
        had = self._had(earlier)
        with self._starting:
            missing = [each.at for each in earlier if each.identity not in had]
            recording = self._session(_BODIES[keep], now, session, min([now, *missing]))
            recording.start(exchanges, earlier, had)
        self._started, self._keep = (recording, exchanges), keep
        if session:
            self.follow()

    def follow(self) -> None:
        """Numbers what comes after what other processes have written to the session, too. Raises `LogFailed`."""
        if self._started is None:
            return
        recording, exchanges = self._started
        for each in read(recording.path):
            if isinstance(each, Exchange):
                exchanges.numbers.follow(each)

    def _had(self, exchanges: Iterable[Exchange]) -> set[tuple[int, datetime]]:
        """The identities of those that a session has. Raises `LogFailed`."""
        if not (wanted := {each.identity for each in exchanges}):
            return set()
        try:
            sessions = self.sessions()
        except OSError as error:
            raise self._unsaved(error) from error
        found = (each.identity for session in sessions for each in session.read() if isinstance(each, Exchange))
        return wanted.intersection(found)

    def _session(self, bodies: KeptBodies, now: datetime, session: str, first: datetime) -> Recording:
        """The session to write to: that of this process, or a new one. `first`: when its first request was sent."""
        began, recording = self._of_process.get(self._directory, (now, None))
        is_same = recording is not None and recording.bodies == bodies
        self._make_directory()
        name = session if _NAME.fullmatch(session) else ""
        is_recent = abs(now - began) < _LONGEST_SESSION and (not name or (recording and recording.path.name == name))
        if recording is not None and is_same and (recording.held or is_recent):
            return recording
        try:
            self._delete_old(now)
        except OSError as error:
            raise self._unsaved(error) from error
        name = name or f"{first.astimezone(UTC):%Y%m%dT%H%M%S.%f}Z.jsonl"
        recording = Recording(self._directory / name, size=_SESSION_BYTES // 2, older=1, bodies=bodies)
        self._of_process[self._directory] = now, recording
        return recording

    def _make_directory(self) -> None:
        try:
            make_private(self._directory)
        except OSError as error:
            raise self._unsaved(error) from error

    def _unsaved(self, error: OSError) -> LogFailed:
        return LogFailed(f"{self._directory}: the history cannot be saved: {reason(error)}. {state_remedy(error)}")

    def close(self) -> None:
        """Writes what is waiting. Raises `LogFailed` where that is not possible."""
        if self._started is None:
            return
        (recording, exchanges), self._started = self._started, None
        with self._starting:
            recording.close(exchanges, _CLOSE_TIMEOUT)
            with suppress(OSError):  # a session without requests is not kept
                if not recording.held and recording.path.stat().st_size == 0:
                    recording.path.unlink()

    def copy_to(self, other: History) -> bool:
        """Copies its sessions to a history that does not exist yet; returns whether there are any.

        Raises OSError, and then has copied none.
        """
        sessions = self.sessions()
        if not sessions:
            return False
        make_private(other.directory.parent)
        other.directory.mkdir(mode=0o700)
        try:
            for session in sessions:
                for path in session.files():
                    shutil.copy2(path, other.directory)
        except OSError:
            with suppress(OSError):  # the first error says more
                other.delete()
            raise
        return True

    def delete(self) -> None:
        """Deletes its sessions, which nobody records any more. Raises OSError."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self._directory)

    def sessions(self) -> list[PastSession]:
        """The sessions that are kept, newest first. Raises OSError where the directory cannot be read."""
        if not self._directory.exists():
            return []
        found = (_session(path) for path in self._directory.iterdir())
        return sorted((each for each in found if each), key=lambda session: session.began, reverse=True)

    def _delete_old(self, now: datetime) -> None:
        """Deletes sessions beyond the limits.

        A clock that is wrong for a while must not delete what was recorded while it was right. So sessions before a gap
        of more than `AGE` are compared with `now` only once the sessions after the gap cover `_CLOCK_TRUSTED_AFTER`;
        until then their age counts from the newest of them. Sessions from the future have no age, and are deleted first
        when there are too many.
        """
        sessions = self.sessions()
        past = [session for session in sessions if session.began <= now]
        reference = previous = now
        room = BYTES - _SESSION_BYTES
        for count, session in enumerate([*past, *(each for each in sessions if each.began > now)], 1):
            if previous - session.began > AGE and reference - previous < _CLOCK_TRUSTED_AFTER:
                reference = session.began
            previous = session.began
            room -= session.size
            if count >= SESSIONS or room < 0 or reference - session.began > AGE:
                for path in session.files():
                    path.unlink(missing_ok=True)


def last_sessions(state: Path, profile: Path, environments: Iterable[str]) -> dict[str, datetime]:
    """When the last session of each of these environments began, newest first; without those that have none."""
    found: dict[str, datetime] = {}
    for name in environments:
        with suppress(OSError):  # whoever opens it is told
            if sessions := History(state, profile, name).sessions():
                found[name] = sessions[0].began
    return dict(sorted(found.items(), key=lambda each: each[1], reverse=True))


def _session(path: Path) -> PastSession | None:
    match = _NAME.fullmatch(path.name)
    if match is None:
        return None
    try:
        began = datetime.strptime(match[1], "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)
        session = PastSession(began, path, 0)
        size = sum(each.stat().st_size for each in session.files())
    except (ValueError, OSError):  # not a date, or another process has just deleted it
        return None
    return PastSession(began, path, size)
