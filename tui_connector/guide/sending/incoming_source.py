"""The source `incoming`: reads the items of an incoming for an outgoing that sends them, also from another store."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ...client.session import Session
from ...client.wire import OF_A_RUN
from ...incoming.run import Run
from ...incoming.sink import SinkError
from ...incoming.sinks.stdout import StdoutSink
from ...incoming.start import RunEnvironment, RunLocation, RunOptions
from ...profile.model import Profile
from ...runs.errors import Action, RunError, RunFailed
from ...runs.ledger import FailedRecord, State
from ...runs.progress import Progress, RunPause, Watcher
from ...templates import Json
from ...text import count
from ..checks.run_findings import explainer
from ..other_profile import source_incoming
from ..workbench import Workbench

_ACTIONS: dict[State, Action] = {"refused": Action.REFUSED, "failed": Action.WRONG, "incomplete": Action.WRONG}
"""What the sending run does, by the state in which the reading one has ended; otherwise it stops."""


@dataclass(frozen=True)
class ProfileInUse:
    """A profile whose incoming is read. `session`: one that is open already; None: one of its own is opened."""

    profile: Profile
    file: Path
    workbench: Workbench
    session: Session | None = None


class IncomingItems:
    """Reads incomings into unnamed files; `stop` ends that."""

    def __init__(self, open_profile: Callable[[str | None], ProfileInUse], watcher: Watcher) -> None:
        """`open_profile` is given the profile's name or path, None for the outgoing's own. It may raise `UserError`."""
        self._open_profile, self._watcher = open_profile, watcher
        self._current: Run | None = None
        self._stopped = ""

    def stop(self, why: str) -> None:
        self._stopped = why
        if self._current is not None:
            self._current.stop(why)

    @property
    def pause(self) -> RunPause | None:
        return self._current.progress.pause if self._current is not None else None

    def retry_now(self) -> None:
        if self._current is not None:
            self._current.retry_now()

    async def read(self, name: str, profile: str | None) -> BinaryIO:
        """All items, each on a line. Raises `UserError`, and `RunFailed` unless the list was read completely."""
        used = self._open_profile(profile)
        incoming = source_incoming(used.profile, used.file, name)
        file = tempfile.TemporaryFile()  # noqa: SIM115  # the caller closes it
        try:
            async with AsyncExitStack() as stack:
                session = used.session
                if session is None:
                    session = await stack.enter_async_context(
                        used.workbench.session(used.profile, OF_A_RUN, parts=[("incoming-read", name)])
                    )
                machine, explain = used.workbench.machine, explainer(used.profile, incoming.client)
                place = RunLocation(name, used.file, None)
                around = RunEnvironment(
                    session,
                    used.workbench.exchanges,
                    machine,
                    place,
                    explain,
                    stdout=_FileOutput(file),
                    incomings=used.profile.incoming,
                )
                reading = incoming.model_copy(update={"sink": StdoutSink()})
                self._current = Run(reading, RunOptions(), around, _Notes(self._watcher, name))
                if self._stopped:
                    self._current.stop(self._stopped)
                summary = await self._current.execute()
                for each in summary.warnings:
                    self._watcher.note(f"{name}: {each.text}", warning=True, code=each.code)
        except BaseException:
            file.close()
            raise
        finally:
            self._current = None
        if summary.state != "complete" or summary.failed:
            file.close()
            why = summary.reason or f"{count(summary.failed, 'item')} could not be read"
            message = f"The incoming {name} was not read completely, so nothing was sent: {why}"
            raise RunFailed(RunError(_ACTIONS.get(summary.state, Action.WAIT), message, code=summary.code))
        file.seek(0)
        return file


class _FileOutput:
    """Collects the items; the file has no name, so nothing is left of it after a kill."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            folder = tempfile.gettempdir()
            message = f"The items do not fit into a temporary file in {folder}: {error.strerror}"
            raise SinkError(message, "Free some space, or set TMPDIR to another folder.") from error

    def sync(self) -> dict[str, Json]:
        return {}

    def close(self) -> None:
        """It is still to be read."""


class _Notes:
    """Passes on what the reading run tells; its progress is not that of the sending run."""

    def __init__(self, watcher: Watcher, name: str) -> None:
        self._watcher, self._name = watcher, name

    def note(self, text: str, *, warning: bool = False, code: str = "") -> None:
        self._watcher.note(f"{self._name}: {text}", warning=warning, code=code)

    def failed(self, record: FailedRecord) -> None:
        self._watcher.note(f"{self._name}: {record.record}: {record.message}", warning=True)

    def progress(self, progress: Progress) -> None:
        """Not shown."""
