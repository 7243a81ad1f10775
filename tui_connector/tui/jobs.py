"""The jobs that continue while other screens are open; every header shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from textual.app import App
from textual.screen import Screen
from textual.signal import Signal

from .viewed import ViewedProfile

if TYPE_CHECKING:
    from ..guide.last_runs import LastRun


class WaitingRun(NamedTuple):
    """The configuration of a profile whose run waits for its store."""

    profile: Path
    environment: str
    name: str
    sends: bool


class Job(Protocol):
    """Work that continues whatever screen is open."""

    @property
    def active(self) -> bool:
        """Whether it is starting or running."""
        ...

    def badge(self, viewed: ViewedProfile | None) -> tuple[str, str]:
        """The job and its state in a few words, such as "products 61%", and their tone (a key of `TONES`).

        As a screen about `viewed` shows it: it names another environment, and another profile.
        """
        ...

    @property
    def waits(self) -> WaitingRun | None:
        """What waits for its store; None while it does not."""
        ...

    def screen(self) -> Screen[None]:
        """A screen that shows it."""
        ...

    def unsaved_work(self) -> str:
        """What quitting would stop, as a sentence; empty if nothing."""
        ...

    def before_exit(self) -> None:
        """Stops it cleanly; must be quick."""
        ...

    def close(self) -> None:
        """Releases what it holds."""
        ...


class Jobs:
    """The jobs that are active, and those whose end the user has not seen yet; the newest last."""

    def __init__(self, app: App[None]) -> None:
        self.changed: Signal[None] = Signal(app, "jobs")
        """Published when a job has started, progressed or ended."""
        self._jobs: list[Job] = []

    def __iter__(self) -> Iterator[Job]:
        return iter(tuple(self._jobs))

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, job: Job) -> None:
        self._jobs.append(job)
        self.changed.publish(None)

    def marked(self, profile: Path, environment: str, runs: Mapping[str, LastRun]) -> dict[str, LastRun]:
        """Runs of a profile as their ledgers have them, with the state of those that wait in this process."""
        return {key: self.marked_run(profile, environment, run) for key, run in runs.items()}

    def marked_run(self, profile: Path, environment: str, run: LastRun) -> LastRun:
        """The same of one run."""
        waiting = WaitingRun(profile.absolute(), environment, run.name, run.sends)
        waits = run.state == "running" and any(job.waits == waiting for job in self._jobs)
        return replace(run, state="waiting") if waits else run

    def seen(self, job: Job) -> None:
        """Removes a job that has ended: the user has left the screen that showed how."""
        if not job.active and job in self._jobs:
            self._jobs.remove(job)
            job.close()
            self.changed.publish(None)

    def close(self) -> None:
        """Closes all of them, when the program exits."""
        for job in self._jobs:
            job.close()


@runtime_checkable
class HasJobs(Protocol):
    """An app with jobs."""

    jobs: Jobs


def jobs_of(app: App[object]) -> Jobs:
    """The jobs of the app; in an app without any, such as one of a test, there are none."""
    return app.jobs if isinstance(app, HasJobs) else Jobs(app)  # type: ignore[arg-type]
