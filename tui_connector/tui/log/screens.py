"""The screens of a request log: live, or recorded in a file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from ...client.exchange import Exchange, Exchanges
from ...client.message import InvalidRequest, Request, Response
from ...guide.profiles.saved_profile import OpenedProfile, open_profile
from ...guide.requests.resend import NewRequests, resend, variables_to_set
from ...guide.trust import ProfileTrust
from ...guide.workbench import Workbench
from ...log.files import SessionStart, read_history, starts_over
from ...log.history import last_sessions
from ...log.recording import Notice
from ...log.records import LogFailed
from ...machine import Machine
from ...profile.environment_names import DEFAULT_ENVIRONMENT, names_of
from ...profile.library import read_with_data
from ...profile.model import Profile
from ...text import listed, shown_line
from .._textual import BaseScreen
from ..viewed import ViewedProfile
from ..widgets.choice import ChoiceScreen
from ..widgets.frame import KeyFooter, ScreenHeader
from .no_match import HISTORY_SETTING
from .panel import LogPanel
from .sending import LogContext


class RequestsScreen(BaseScreen[None]):
    """A log on the whole screen, with a title."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "back", "Back", id="requests.back"),
    ]

    def __init__(self, exchanges: Exchanges, context: LogContext, title: str) -> None:
        super().__init__()
        self._panel, self._heading = LogPanel(exchanges, context), title

    def compose(self) -> ComposeResult:
        yield ScreenHeader()
        yield self._panel
        yield KeyFooter()

    def on_mount(self) -> None:
        self.query_one(ScreenHeader).show("Requests", self._heading)
        self._panel.view.focus()

    def action_back(self) -> None:
        """Leaves what Esc leaves, or else the screen."""
        if not self._panel.leave_detail():
            self.dismiss(None)


_COUNT, _BYTES = 100_000, 400_000_000
_BATCH = 50
"""Exchanges read before keys are handled."""
_POLL_INTERVAL = 0.2
_SLOW_AFTER = 0.2
"""Seconds after which it is said that requests are being read: before, it would only flicker."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded log: `read` returns what is new at each call; `profile` is used to resend requests."""

    title: str
    read: Callable[[], Iterator[Exchange | Notice | SessionStart]]
    follow: bool = False
    profile: Path | None = None
    filter: str = ""
    environment: str = ""
    """Of the profile; "" for its base values."""
    dates: bool = True
    """Whether its rows have the date."""
    live: Exchanges | None = None
    """The log of this session, where a history is read, which has the bodies that the history does not keep."""
    is_history: bool = False
    in_environment: Callable[[str], Recorded] | None = None
    """The same of another environment of the profile."""


LogOf = Callable[[str], Exchanges | None]
"""The log of this session in an environment, or None."""


def earlier_sessions(
    machine: Machine, profile: Path, environment: str = "", log_of: LogOf = lambda _environment: None
) -> Recorded:
    """The history of this profile in an environment: its last sessions, with this one."""
    read = partial(read_history, machine.directories.state, profile, environment)
    return Recorded(
        _title_of_sessions(profile, environment),
        read,
        profile=profile,
        environment=environment,
        dates=False,
        live=log_of(environment),
        is_history=True,
        in_environment=lambda other: earlier_sessions(machine, profile, other, log_of),
    )


def _title_of_sessions(profile: Path, environment: str) -> str:
    name = f"{profile.stem} ({environment})" if environment else profile.stem
    return f"{name} · the last sessions, oldest first"


def environments_with_sessions(machine: Machine, profile: Path) -> list[str]:
    """The environments in which requests were sent, the last one first; "" are the base values. Blocks."""
    names = names_of(read_with_data(profile)[1])
    return list(last_sessions(machine.directories.state, profile, ["", *names]))


EARLIER_SESSIONS = "The requests of earlier sessions"
"""The tooltip of the key."""


def has_environments(profile: Path) -> bool:
    """Whether the profile has others than its base values. Blocks."""
    return bool(names_of(read_with_data(profile)[1]))


_OTHER_ENVIRONMENTS = "The requests in another environment of the profile"


class RecordedScreen(RequestsScreen):
    """The requests of a file, read by a thread, oldest first. The list is usable from the first one on."""

    IMMEDIATE: ClassVar = frozenset({"requests.back"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", show=False, id="requests.leave"),
        Binding("H", "environments", "Environment", id="requests.environments", tooltip=_OTHER_ENVIRONMENTS),
    ]

    @dataclass
    class EnvironmentsFound(Message):
        """The environments in which requests of the profile were sent; `has_any`: it has other than its base values."""

        names: list[str]
        has_any: bool

    @dataclass
    class Arrived(Message):
        """Exchanges or notices were read."""

        found: list[Exchange | Notice | SessionStart]

    @dataclass
    class Failed(Message):
        """The file cannot be read any further."""

        words: str

    def __init__(self, machine: Machine, recorded: Recorded, *, is_start: bool = False) -> None:
        """`is_start`: no other screen is behind it, so that leaving it ends the program, which Esc never does."""
        self._machine, self._recorded, self._is_start = machine, recorded, is_start
        if recorded.profile is not None:
            self.viewed = ViewedProfile(recorded.profile, recorded.environment)
        self._loaded = False
        """Whether the first requests are listed, or there are none."""
        self._exchanges = Exchanges(_COUNT, _BYTES, session=recorded.live)
        self._workbench: Workbench | None = None
        self._opened: OpenedProfile | None = None
        self._environments: list[str] = []
        """Those that have requests, besides this one."""
        self._in_memory = {each.identity: each for each in recorded.live or ()}
        context = LogContext(machine, dates=recorded.dates, is_live=recorded.follow, is_history=recorded.is_history)
        if (path := recorded.profile) is not None:
            trust = ProfileTrust(machine, path, environment=recorded.environment)
            self._workbench = Workbench(machine, self._exchanges, directory=path.parent, trust=trust)
            context = replace(
                context,
                profile=lambda: path.stem,
                send=partial(self._send, self._workbench, path),
                new=NewRequests(self._workbench, self._valid_profile),
                environment=recorded.environment,
                unset=partial(variables_to_set, machine, path, self._current_profile),
            )
        super().__init__(self._exchanges, context, recorded.title)

    def on_mount(self) -> None:
        super().on_mount()
        self._panel.view.show_reading("")
        self.set_timer(_SLOW_AFTER, self._show_slow)
        if self._recorded.filter:
            self._panel.filter(self._recorded.filter)
        self.run_worker(self._read())
        if self._recorded.profile is not None:
            self.run_worker(self._read_profile(self._recorded.profile))
        if self._recorded.in_environment is not None:
            self.run_worker(self._find_environments())

    async def _find_environments(self) -> None:
        assert self._recorded.profile is not None
        of = self._machine, self._recorded.profile
        found, has_any = await asyncio.to_thread(lambda: (environments_with_sessions(*of), has_environments(of[1])))
        others = [each for each in found if each != self._recorded.environment]
        self.post_message(self.EnvironmentsFound(others, has_any))

    def on_recorded_screen_environments_found(self, message: EnvironmentsFound) -> None:
        """Says where other requests of the profile are."""
        self._environments = message.names
        if message.has_any and (profile := self._recorded.profile) is not None:
            self._heading = _title_of_sessions(profile, self._recorded.environment or DEFAULT_ENVIRONMENT)
            state = [(f"{self._others()}: H", "accent")] if message.names else []
            self.query_one(ScreenHeader).show("Requests", self._heading, state)
        if not self._panel.view.is_being_read:
            self._set_all_listed()
        self.refresh_bindings()

    def _others(self) -> str:
        """The other environments that have requests."""
        return listed([each or DEFAULT_ENVIRONMENT for each in self._environments], 2)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return bool(self._environments) if action == "environments" else super().check_action(action, parameters)

    def action_environments(self) -> None:
        """Shows the requests of another environment, which is chosen where there are several."""
        if len(self._environments) == 1:
            self._show_environment(self._environments[0])
            return
        options = {each or DEFAULT_ENVIRONMENT: each or DEFAULT_ENVIRONMENT for each in self._environments}
        self.app.push_screen(ChoiceScreen(options, title="Requests in"), self._chosen)

    def _chosen(self, label: str | None) -> None:
        if label is not None:
            self._show_environment("" if label == DEFAULT_ENVIRONMENT else label)

    def _show_environment(self, name: str) -> None:
        if self._recorded.in_environment is not None:
            other = self._recorded.in_environment(name)
            self.app.switch_screen(RecordedScreen(self._machine, other, is_start=self._is_start))

    def action_leave(self) -> None:
        """Esc, once nothing of the log is left to close."""
        if self._is_start:
            self.notify("q quits.", markup=False)
        else:
            self.dismiss(None)

    def on_unmount(self) -> None:
        if self._workbench is not None:
            self._workbench.close()

    @property
    def loading_message(self) -> str:
        return "" if self._loaded else "Reading the log"

    def _set_loaded(self) -> None:
        if not self._loaded:
            self._panel.view.flush()  # the keys that waited act on its rows
            self._loaded = True

    def _show_slow(self) -> None:
        if self._panel.view.is_being_read:
            self._panel.view.show_reading("Reading the requests …")

    def _set_all_listed(self) -> None:
        words = "No requests yet. Each is shown once it is recorded." if self._recorded.follow else "No requests."
        if self._recorded.is_history:
            words = f"No requests of earlier sessions are kept. {HISTORY_SETTING}"
            if self._environments:
                here = self._recorded.environment or DEFAULT_ENVIRONMENT
                words = f"No requests in {here} are kept. H: requests in {self._others()}"
        self._panel.view.show_reading(words, is_read=True)

    async def _read_profile(self, path: Path) -> None:
        self._opened = await asyncio.to_thread(open_profile, path, self._recorded.environment)

    def _current_profile(self) -> Profile | None:
        return self._opened.profile if self._opened is not None else None

    def _valid_profile(self) -> Profile:
        """The profile as it was last read. Raises `InvalidRequest`."""
        if self._opened is None:
            raise InvalidRequest("The profile is still being read", hint="Try again in a moment.")
        if self._opened.profile is None:
            problems = "; ".join(map(str, self._opened.problems))
            raise InvalidRequest(f"The profile has problems: {problems}")
        return self._opened.profile

    def _set_whole(self) -> None:
        self._panel.view.begin_session("Sent from here")
        if (path := self._recorded.profile) is not None:
            self.run_worker(self._keep_history(path))

    async def _keep_history(self, path: Path) -> None:
        """Keeps what is sent from now on, as all that was in the file has been recorded."""
        if self._opened is None:
            await self._read_profile(path)
        if (profile := self._current_profile()) is None or self._workbench is None:
            return
        if problem := await asyncio.to_thread(self._workbench.keep_history, path, profile):
            self.notify(shown_line(problem), severity="warning", markup=False)

    async def _read(self) -> None:
        try:
            while True:
                found = self._recorded.read()
                while batch := await asyncio.to_thread(_batch, found):
                    self.post_message(self.Arrived(batch))
                self.call_later(self._set_loaded)  # for an empty log
                self.call_later(self._set_all_listed)
                if not self._recorded.follow:
                    self.call_later(self._set_whole)
                    return
                await self._machine.sleep(_POLL_INTERVAL)
        except LogFailed as error:
            self.post_message(self.Failed(str(error)))

    def on_recorded_screen_arrived(self, message: Arrived) -> None:
        for each in message.found:
            if isinstance(each, Notice):
                self.notify(shown_line(each.text), severity="warning", markup=False)
            elif isinstance(each, SessionStart):
                self._panel.view.begin_session(f"Session of {each.began.astimezone():%d %b %Y %H:%M:%S}")
            else:
                self._add(self._in_memory.get(each.identity, each))
        self.call_later(self._set_loaded)

    def _add(self, exchange: Exchange) -> None:
        newest = self._exchanges.newest
        if not self._recorded.is_history and newest is not None and starts_over(exchange, newest):
            self._exchanges.begin_session()
        self._exchanges.add(exchange)
        self._exchanges.numbers.follow(exchange)  # what is sent from here is listed below it

    def on_recorded_screen_failed(self, message: Failed) -> None:
        self.notify(shown_line(message.words), severity="error", timeout=20, markup=False)
        self._set_loaded()
        self._set_all_listed()

    async def _send(self, workbench: Workbench, path: Path, exchange: Exchange, request: Request) -> Response:
        await self._read_profile(path)  # it may have changed
        return await resend(workbench, self._valid_profile(), exchange, request)


def _batch(found: Iterator[Exchange | Notice | SessionStart]) -> list[Exchange | Notice | SessionStart]:
    return list(islice(found, _BATCH))
