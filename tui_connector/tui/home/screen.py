"""Home: the saved profiles and the setups left half-way. Drawn before pydantic, httpx or the keyring are loaded."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Footer, OptionList, Static
from textual.widgets.option_list import Option

from ...guide.drafts import Draft, Drafts
from ...machine import Machine
from ...profile.files import ProfileUnreadable
from ...profile.library import Entry, Library
from ...text import shown_line
from ..ago import ago

_NO_PROFILES = """
 No profiles yet.

   n   set up the first one: the store's address is enough.

 A profile is one TOML file for a store: where it is, how to authenticate,
 what is read from it and what is sent to it. Tokens go to the keyring."""


@dataclass
class ProfileMessage(Message):
    """Something is wanted of this profile."""

    path: Path


class _Rows(OptionList):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Open", id="home.open"),
        Binding("j", "cursor_down", "Next", show=False, id="home.next"),
        Binding("k", "cursor_up", "Previous", show=False, id="home.previous"),
    ]


class HomeScreen(Screen[None]):
    """The saved profiles, what was left half-way, and the way to a new one."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        # priority: what is typed right behind it belongs to the guide's first field already
        Binding("n", "app.new_store", "New store", priority=True, id="home.new"),
        Binding("D", "duplicate", "Duplicate", id="home.duplicate"),
        Binding("d", "delete", "Delete", id="home.delete"),
        Binding("q", "app.ask_quit", "Quit", id="home.quit"),
    ]

    class Seen(Message):
        """What there is has been painted."""

    class OpenWanted(ProfileMessage):
        """This profile is to be opened."""

    class DuplicateWanted(ProfileMessage):
        """A copy of this profile is to be made."""

    class DeleteWanted(ProfileMessage):
        """This profile is to be deleted."""

    @dataclass
    class RunsKnown(Message):
        """What the profiles' last runs came to, in words, by the profile's file."""

        runs: dict[Path, str]

    @dataclass
    class DraftWanted(Message):
        """This setup is to be taken up again."""

        draft: Draft

    @dataclass
    class DraftUnwanted(Message):
        """This setup is not to be kept any longer."""

        draft: Draft

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self._machine = machine
        self._rows: list[Entry | Draft | None] = []
        self._runs: dict[Path, str] = {}

    def compose(self) -> ComposeResult:
        yield Static(Content(" tui-connector · connect a Magento 2 store"), id="head")
        yield Static("", id="told")
        yield _Rows(id="profiles")
        yield Footer(compact=True, show_command_palette=False)

    def on_screen_resume(self) -> None:
        self.show()
        self.call_after_refresh(self.post_message, self.Seen())

    def on_resize(self, event: events.Resize) -> None:
        self.show()

    def show(self) -> None:
        """Reads what there is, and draws it; what was chosen stays chosen."""
        told = self.query_one("#told", Static)
        drafts = Drafts(self._machine.directories.state).list()
        try:
            entries = Library(self._machine.directories.profiles).list()
        except ProfileUnreadable as error:
            entries, words = [], f" ✘ {error}\n   {error.hint}"
            told.update(Content(words))
        else:
            told.update(Content(" Profiles" if entries else "" if drafts else _NO_PROFILES))
        options = self.query_one("#profiles", OptionList)
        highlighted = options.highlighted
        self._fill(options, entries, drafts)
        options.display = bool(self._rows)
        choosable = [index for index, row in enumerate(self._rows) if row is not None]
        if choosable:
            options.highlighted = highlighted if highlighted in choosable else choosable[0]
            options.focus()
        if entries:
            paths = [entry.path for entry in entries]
            self.call_after_refresh(self._read_runs, paths)

    @work(exclusive=True)
    async def _read_runs(self, paths: list[Path]) -> None:
        """After the first paint: what reads a ledger is not loaded before."""
        self.post_message(self.RunsKnown(await asyncio.to_thread(_runs, self._machine, paths)))

    @on(RunsKnown)
    def _take_runs(self, message: RunsKnown) -> None:
        self._runs = message.runs
        options = self.query_one("#profiles", OptionList)
        for index, row in enumerate(self._rows):
            if isinstance(row, Entry) and row.path in self._runs:
                options.replace_option_prompt_at_index(index, self._line(row))

    def _line(self, entry: Entry) -> Content:
        return Content(_entry_line(entry, self._runs.get(entry.path, ""), max(40, self.size.width - 4)))

    def _fill(self, options: OptionList, entries: list[Entry], drafts: list[Draft]) -> None:
        now, width = self._machine.now().timestamp(), max(40, self.size.width - 4)
        options.clear_options()
        self._rows = []
        for entry in entries:
            self._rows.append(entry)
            options.add_option(Option(self._line(entry)))
        if not drafts:
            return
        self._rows.append(None)
        options.add_option(Option(Content("\nUnfinished" if entries else "Unfinished"), disabled=True))
        for draft in drafts:
            self._rows.append(draft)
            left = f"step {draft.step}, left {ago(now - draft.kept_at)}"
            line = f"{shown_line(draft.title or draft.name, 30)}: {left}"
            options.add_option(Option(Content(shown_line(f"○ {line}", width))))

    @property
    def chosen(self) -> Entry | Draft | None:
        """The row under the cursor."""
        index = self.query_one("#profiles", OptionList).highlighted
        return self._rows[index] if index is not None and index < len(self._rows) else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "duplicate":
            return isinstance(self.chosen, Entry)
        return action != "delete" or self.chosen is not None

    @on(OptionList.OptionHighlighted)
    def _moved(self) -> None:
        self.refresh_bindings()

    @on(OptionList.OptionSelected)
    def action_open(self) -> None:
        match self.chosen:
            case Entry() as entry:
                self.post_message(self.OpenWanted(entry.path))
            case Draft() as draft:
                self.post_message(self.DraftWanted(draft))

    def action_duplicate(self) -> None:
        if isinstance(entry := self.chosen, Entry):
            self.post_message(self.DuplicateWanted(entry.path))

    def action_delete(self) -> None:
        match self.chosen:
            case Entry() as entry:
                self.post_message(self.DeleteWanted(entry.path))
            case Draft() as draft:
                self.post_message(self.DraftUnwanted(draft))


def _entry_line(entry: Entry, run: str, width: int) -> str:
    """The name, and the store with its last run, or what is wrong with the file."""
    if entry.problem:
        return shown_line(f"✘ {entry.name:<20} {entry.problem}", width)
    told = f"  {entry.name:<20} {entry.title} · {entry.base_uri or 'no address'}"
    if not run:
        return shown_line(told, width)
    return f"{shown_line(told, max(20, width - len(run) - 2))}  {shown_line(run, width)}"


def _runs(machine: Machine, paths: list[Path]) -> dict[Path, str]:
    from ...guide.last_runs import last_runs

    now, found = machine.now().timestamp(), {}
    for path in paths:
        latest = max(last_runs(machine.directories.state, path).values(), key=lambda run: run.at, default=None)
        if latest is not None:
            found[path] = f"{latest.incoming} {latest.words}, {ago(now - latest.at)}"
    return found
