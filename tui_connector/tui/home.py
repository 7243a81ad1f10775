"""Home: the saved profiles. It is drawn before pydantic, httpx or the keyring are loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Footer, OptionList, Static
from textual.widgets.option_list import Option

from ..profile.files import ProfileUnreadable
from ..profile.library import Library
from ..text import shown_line


class HomeScreen(Screen[None]):
    """The saved profiles, and the way to a new one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "New store", id="home.new"),
        Binding("enter", "open", "Open", id="home.open"),
        Binding("q", "quit", "Quit", id="home.quit"),
    ]

    class NewWanted(Message):
        """A new profile is to be set up."""

    @dataclass
    class OpenWanted(Message):
        """This profile is to be opened."""

        path: Path

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory

    def compose(self) -> ComposeResult:
        yield Static(Content(" tui-connector · connect a Magento 2 store"), id="head")
        yield Static("", id="told")
        yield OptionList(id="profiles")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self.on_screen_resume()

    def on_screen_resume(self) -> None:
        options = self.query_one("#profiles", OptionList)
        options.clear_options()
        try:
            entries = Library(self._directory).list()
        except ProfileUnreadable as error:
            self.query_one("#told", Static).update(Content(shown_line(str(error))))
            return
        for entry in entries:
            told = f"✘ {entry.problem}" if entry.problem else f"{entry.title} · {entry.base_uri or 'no address'}"
            options.add_option(Option(Content(shown_line(f"{entry.name:<20} {told}")), id=str(entry.path)))
        told = "Profiles" if entries else "No profiles yet.\n\n n  set up the first one: the store's address is enough"
        self.query_one("#told", Static).update(Content(f" {told}"))
        options.display = bool(entries)
        if entries:
            options.highlighted = 0
            options.focus()

    def action_new(self) -> None:
        self.post_message(self.NewWanted())

    @on(OptionList.OptionSelected)
    def _open(self, event: OptionList.OptionSelected) -> None:
        self.post_message(self.OpenWanted(Path(event.option_id or "")))

    def action_open(self) -> None:
        self.post_message(self.NewWanted())

    async def action_quit(self) -> None:
        self.app.exit()
