"""The program on the screen: which screen comes when, what every screen can do, and how it ends."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import events, work
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches

from ..errors import UserError
from ..machine import Machine
from ..text import shown
from . import settings
from ._textual import QuietApp
from .dialogs import ConfirmScreen, ScreenPrompt
from .exit import HasUnsavedWork, ProgramExit
from .home.screen import HomeScreen
from .keys import KeyOrder, expanded, printed, typed

if TYPE_CHECKING:
    from .log.screens import Recorded
    from .setup.opening import DemoStore


class ConnectorApp(QuietApp):
    """tui-connector."""

    TITLE = "tui-connector"
    CSS_PATH: ClassVar = [
        "home/home.tcss",
        "setup/setup.tcss",
        "profile.tcss",
        "run.tcss",
        "app.tcss",
        "widgets/form.tcss",
        "log/log.tcss",
    ]
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "help", "Help", id="app.help"),
        Binding("colon,ctrl+p", "commands", "Commands", id="app.commands"),
        Binding("ctrl+q", "ask_quit", "Quit", show=False, priority=True, id="app.quit"),
    ]

    def __init__(
        self,
        machine: Machine,
        start_demo: Callable[[], Awaitable[DemoStore]],
        *,
        begin: Literal["home", "setup", "demo"] = "home",
        profile: Path | None = None,
        recorded: Recorded | None = None,
        of_demo: Callable[[Path], bool] = lambda _: False,
        trust_once: bool = False,
        begin_log: Callable[[], None] = lambda: None,
    ) -> None:
        """`of_demo` says whether a profile is one that the demo saved: opening it starts the sandbox store again.

        `trust_once`: `profile` may do all that it can do, until the program ends. `begin_log` starts the program's own
        log, if it has not begun yet.
        """
        super().__init__()
        self._trust_once, self._begin_log = trust_once, begin_log
        self.machine = replace(machine, ask=ScreenPrompt(self))
        self._start_demo, self._of_demo = start_demo, of_demo
        self._demo_runs = False
        self._begin, self._profile, self._recorded = begin, profile, recorded
        self._ending = ProgramExit(self._quit)
        self.settings = settings.read(machine.directories.config / settings.FILE)
        self.set_keymap(expanded(self.settings.keys))
        self._keys = KeyOrder(self, super().on_event)

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, (events.Key, events.Paste)) and not event.is_forwarded:
            await self._keys.take(typed(event) if isinstance(event, events.Key) else event)
        else:
            await super().on_event(event)

    def run_and_report(self) -> None:
        """Runs it. What went wrong in the program itself is named without its variables: they may hold secrets."""
        self.run()
        if self.crash is not None:
            from ..program_log import report

            self._begin_log()
            sys.stderr.write(f"{report(self.crash)}\n")
            sys.exit(1)
        sys.exit(self.return_code)

    def is_harmless(self, error: Exception) -> bool:
        # a screen that is being built while the program ends misses what has been taken away: nobody will see it
        return isinstance(error, NoMatches) and not self.is_running

    def on_mount(self) -> None:
        self._choose_theme()
        if self._recorded is not None:
            self._open_recorded(self._recorded)
        else:
            self.push_screen(HomeScreen(self.machine))
        if self._begin == "setup":
            self.call_after_refresh(self.open_setup, self._profile)
        elif self._begin == "demo":
            self.run_worker(self._demo())
        self.call_after_refresh(_freeze)
        self.call_after_refresh(self._warn)
        if not self.is_headless:
            self._ending.watch(self)
            self.set_timer(_UNTIL_WRITTEN, self._begin_log)

    def _choose_theme(self) -> None:
        """The user's theme; without one, the terminal's own colours where it has no more than sixteen."""
        if self.settings.theme in self.available_themes:
            self.theme = self.settings.theme
        elif not self.is_headless and self.console.color_system in ("standard", "windows"):
            self.theme = "ansi-dark"

    def _warn(self) -> None:
        """What could not be taken from the user's settings."""
        for warning in self.settings.warnings:
            self.warn(warning)
        if self.settings.theme and self.settings.theme not in self.available_themes:
            self.warn(f"There is no theme {self.settings.theme!r}; press : and type theme.")
        if self.settings.keys:
            self.run_worker(self._check_keys())

    async def _check_keys(self) -> None:
        from .keys import all_bindings, checked

        bound = await asyncio.to_thread(all_bindings)
        keys, warnings = checked(self.settings.keys, bound)
        self.set_keymap(expanded(keys))
        for warning in warnings:
            self.warn(f"{settings.FILE}: {warning}")

    def warn(self, warning: str) -> None:
        """Says it at the edge of the screen; text from outside is made safe here."""
        self.notify(shown(warning), severity="warning", timeout=15, markup=False)

    def action_commands(self) -> None:
        """All commands of this screen, then the themes."""
        from .commands import CommandsScreen, PaletteCommand, commands_of

        async def done(command: PaletteCommand | None) -> None:
            if command is not None:
                await command.run()

        self.push_screen(CommandsScreen(commands_of(self.screen, self.choose_theme)), done)

    async def choose_theme(self, name: str) -> None:
        """Takes this theme, and keeps it for the next time."""
        self.theme = name
        try:
            await asyncio.to_thread(settings.keep_theme, self.machine.directories.config / settings.FILE, name)
        except UserError as error:
            self.warn(f"The theme could not be saved: {error}")

    def action_help(self) -> None:
        from .help import HelpScreen, words_for
        from .keys import actions_of

        self.push_screen(HelpScreen(words_for(self.screen), actions_of(self.screen)))

    async def action_new_store(self) -> None:
        """The guide for a new profile; no key is handed out before its first field is there."""
        await self.open_setup(None)

    def on_home_screen_seen(self) -> None:
        if not self.is_headless:
            self.set_timer(_UNTIL_WRITTEN, threading.Thread(target=_load_ahead, daemon=True).start)

    def on_home_screen_open_wanted(self, message: HomeScreen.OpenWanted) -> None:
        self._open_page(message.path, self._keys.hold(f"Opening {message.path.stem}"))

    @work
    async def _open_page(self, path: Path, opened: Callable[[], None]) -> None:
        from .profile import ProfilePage

        try:
            if not self._demo_runs and await asyncio.to_thread(self._of_demo, path):
                await self._demo_started()
            self.push_screen(ProfilePage(self.machine, path))
        finally:
            opened()

    async def on_home_screen_draft_wanted(self, message: HomeScreen.DraftWanted) -> None:
        from .setup.opening import resumed
        from .setup.screen import SetupScreen

        work, step = resumed(self.machine, message.draft)
        await self.push_screen(SetupScreen(work, step), lambda _: work.workbench.close())

    def on_home_screen_delete_wanted(self, message: HomeScreen.DeleteWanted) -> None:
        from .home.actions import delete

        self._at_home(delete(self, self.machine, message.path))

    def on_home_screen_duplicate_wanted(self, message: HomeScreen.DuplicateWanted) -> None:
        from .home.actions import copy_profile

        self._at_home(copy_profile(self, self.machine, message.path))

    def on_home_screen_draft_unwanted(self, message: HomeScreen.DraftUnwanted) -> None:
        from .home.actions import throw_away

        self._at_home(throw_away(self, self.machine, message.draft))

    def _at_home(self, work: Coroutine[object, object, None]) -> None:
        """Does something to what home lists, and lists it again. Keys for home wait, those for its questions do not."""
        done_with = self._keys.hold("Updating the list")

        async def done() -> None:
            try:
                await work
                if isinstance(self.screen, HomeScreen):
                    self.screen.show()
            finally:
                done_with()

        self.run_worker(done())

    async def open_setup(self, path: Path | None, demo: DemoStore | None = None) -> None:
        """The guide, for a new profile or for a saved one."""
        from .setup.opening import opened
        from .setup.screen import SetupScreen

        try:
            once = self._trust_once and path is not None and path == self._profile
            work = opened(self.machine, path, demo, trust_once=once)
        except UserError as error:
            self.notify(shown(str(error)), severity="error", timeout=20, markup=False)
            return
        await self.push_screen(SetupScreen(work), lambda _: work.workbench.close())

    def _open_recorded(self, recorded: Recorded) -> None:
        """A recorded log on the whole screen; leaving it ends the program."""
        from .log.screens import RecordedScreen

        self.push_screen(RecordedScreen(self.machine, recorded), lambda _: self.exit())

    async def _demo_started(self) -> DemoStore:
        demo = await self._start_demo()
        self._demo_runs = True
        return demo

    async def _demo(self) -> None:
        demo = await self._demo_started()
        path = self.machine.directories.profiles / f"{demo.name}.toml"
        there = await asyncio.to_thread(path.exists)
        await self.open_setup(path if there else None, demo)

    def _open(self) -> list[HasUnsavedWork]:
        return [screen for screen in self.screen_stack if isinstance(screen, HasUnsavedWork)]

    def action_ask_quit(self) -> None:
        """Quits; asks first where something is unsaved or running."""
        if isinstance(self.screen, ConfirmScreen):
            return
        reasons = [words for screen in self._open() if (words := screen.unfinished())]
        if not reasons:
            self._quit()
            return

        def end(yes: bool | None) -> None:
            if yes:
                self._quit()

        self.push_screen(ConfirmScreen("\n".join([*reasons, "", "Quit?"])), end)

    def action_help_quit(self) -> None:
        """^C where nothing is copied by it: says which key quits."""
        keys = [printed(key) for key, active in self.active_bindings.items() if active.binding.id == "app.quit"]
        self.notify(f"{keys[0] if keys else '^Q'} quits.", markup=False)

    def _quit(self, code: int = 0) -> None:
        for screen in self._open():
            screen.keep()
        self.exit(return_code=code)


_UNTIL_WRITTEN = 0.3
"""Seconds after which a painted screen has reached the terminal as well: its writer is a thread of its own."""


def _load_ahead() -> None:
    """Imports what most keys lead to while home is looked at: the first of them need not wait for it."""
    from . import profile  # noqa: F401
    from .setup import opening, screen  # noqa: F401


def _freeze() -> None:
    """Takes what is loaded out of garbage collection, and has whole ones seldom: each stops the keys for 40 ms."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)
