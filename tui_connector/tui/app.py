"""The program on the screen: which screen comes when, and how it ends."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from textual.app import App
from textual.binding import Binding, BindingType

from ..machine import Machine
from ..text import shown
from .confirm import ConfirmScreen
from .home import HomeScreen

if TYPE_CHECKING:
    from .step_pane import Work


@dataclass(frozen=True, slots=True)
class Demo:
    """The sandbox store as the guide shows it."""

    url: str
    name: str
    title: str
    description: str
    values: Mapping[str, str]


class ConnectorApp(App[None]):
    """tui-connector."""

    TITLE = "tui-connector"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "ask_quit", "Quit", show=False, priority=True, id="app.quit"),
        Binding("colon", "command_palette", "Commands", show=False, id="app.commands"),
    ]

    def __init__(
        self,
        machine: Machine,
        start_demo: Callable[[], Awaitable[Demo]],
        *,
        begin: Literal["home", "setup", "demo"] = "home",
        profile: Path | None = None,
    ) -> None:
        super().__init__()
        self.machine = machine
        self._start_demo = start_demo
        self._begin, self._profile = begin, profile
        self.crash: BaseException | None = None

    def run_and_report(self) -> None:
        """Runs it. What went wrong in the program itself is named without its variables: they may hold secrets."""
        self.run()
        if self.crash is not None:
            kind = type(self.crash).__name__
            sys.stderr.write(f"The program has failed ({kind}). Nothing that was saved is lost; please report it.\n")
            sys.exit(1)

    def _fatal_error(self) -> None:
        # Textual prints the local variables of every frame here
        self.crash = sys.exc_info()[1]
        self._close_messages_no_wait()

    def on_mount(self) -> None:
        self.push_screen(HomeScreen(self.machine.directories.profiles))
        if self._begin == "setup":
            self.call_after_refresh(self.open_setup, self._profile)
        elif self._begin == "demo":
            self.run_worker(self._demo())
        self.call_after_refresh(_freeze)

    def on_home_screen_new_wanted(self) -> None:
        self.open_setup(None)

    def on_home_screen_open_wanted(self, message: HomeScreen.OpenWanted) -> None:
        self.open_setup(message.path)

    def open_setup(self, path: Path | None, demo: Demo | None = None) -> None:
        """The guide, for a new profile or for a saved one."""
        from .opening import Unopened, opened
        from .setup import SetupScreen

        try:
            work = opened(self.machine, path, demo)
        except Unopened as error:
            self.notify(shown(str(error)), severity="error", timeout=20, markup=False)
            return
        self.push_screen(SetupScreen(work))

    async def _demo(self) -> None:
        demo = await self._start_demo()
        path = self.machine.directories.profiles / f"{demo.name}.toml"
        there = await asyncio.to_thread(path.exists)
        self.open_setup(path if there else None, demo)

    def leave_setup(self) -> None:
        """Home; asks first where something was given and not saved."""
        from .setup import SetupScreen

        screen = self.screen
        if not isinstance(screen, SetupScreen):
            return
        if screen.work.document is not None or not screen.work.setup.begun:
            self._end_setup(screen.work)
            return

        def end(yes: bool | None) -> None:
            if yes:
                self._end_setup(screen.work)

        self.push_screen(ConfirmScreen("This setup is not saved. Leave it all the same?"), end)

    def _end_setup(self, work: Work) -> None:
        work.workbench.close()
        self.pop_screen()

    def action_ask_quit(self) -> None:
        def end(yes: bool | None) -> None:
            if yes:
                self.exit()

        self.push_screen(ConfirmScreen("Quit tui-connector?"), end)


def _freeze() -> None:
    """Takes what is loaded by now out of garbage collection: a full one stops the keys for 70 ms."""
    gc.collect()
    gc.freeze()
