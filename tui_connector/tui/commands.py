"""The list of commands: every action of the screen with its keys, filtered by typing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from ..text import shown_line
from .keys import actions_of, joined
from .widgets.bounded_list import BoundedList
from .widgets.dialog_panel import DialogPanel
from .widgets.frame import TONES, Dialog
from .widgets.safe_input import SafeInput

THEMES = (
    *("textual-dark", "textual-light", "nord", "gruvbox", "tokyo-night", "solarized-light"),
    *("ansi-dark", "ansi-light"),
)
"""The themes to choose from; the last two use the terminal's own sixteen colours."""


_MOST = 200
"""Lines of the list; more are found by typing."""


@dataclass(frozen=True, slots=True)
class PaletteCommand:
    """One line of the list. `id` is its name in `settings.toml`; empty where no key can be bound to it."""

    title: str
    keys: str
    id: str
    run: Callable[[], Awaitable[None]]
    about: str = ""
    """What the line says after the title."""

    @property
    def line(self) -> str:
        return f"{self.title} · {self.about}" if self.about else self.title

    def contains(self, terms: Sequence[str]) -> bool:
        """Whether its line, or else its keys, contain each of these words in lower case."""
        text = f"{self.line} {self.id or self.keys}".lower()
        return all(term in text for term in terms)

    def rank(self, terms: Sequence[str]) -> int:
        """How far back it is among those that contain these words: a title that begins with them is first."""
        title = self.title.lower()
        return 0 if title.startswith(" ".join(terms)) else 1 if all(term in title for term in terms) else 2


@runtime_checkable
class HasCommands(Protocol):
    """A screen with commands that have no key of their own."""

    def more_commands(self) -> Sequence[PaletteCommand]:
        """Those that are available now."""
        ...


def commands_of(
    screen: Screen[object],
    choose_theme: Callable[[str], Awaitable[None]],
    profiles: Sequence[Path],
    open_profile: Callable[[Path], Awaitable[None]],
) -> list[PaletteCommand]:
    """Every titled action of this screen, then the themes and the profiles."""
    app = screen.app
    actions = [action for action in actions_of(screen) if action.id != "app.commands"]
    return [
        *(PaletteCommand(each.title, joined(each.keys), each.id, partial(each.run, app)) for each in actions),
        *(screen.more_commands() if isinstance(screen, HasCommands) else ()),
        *(
            PaletteCommand(f"Theme: {name}", "now" if name == app.theme else "", "", partial(choose_theme, name))
            for name in THEMES
        ),
        *(PaletteCommand(f"Open {path.stem}", "profile", "", partial(open_profile, path)) for path in profiles),
    ]


class CommandList(BoundedList, can_focus=False):
    """The commands that match what is typed in the field above."""


class CommandsScreen(Dialog[PaletteCommand | None]):
    """Type to filter, Enter runs the command, Esc closes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Close", id="commands.close"),
        Binding("down", "move(1)", "Next", show=False, id="commands.next"),
        Binding("up", "move(-1)", "Previous", show=False, id="commands.previous"),
    ]

    def __init__(self, commands: list[PaletteCommand], *, title: str = "Commands", verb: str = "run") -> None:
        """`verb`: what Enter does with the selected one."""
        super().__init__()
        self._commands, self._title, self._verb = commands, title, verb
        self._matches = commands

    def compose(self) -> ComposeResult:
        with DialogPanel(id="commands"):
            yield SafeInput(placeholder="Type to filter", compact=True, id="command-name")
            yield CommandList(id="command-list")
            yield Static(Content("No match. Esc closes this."), id="command-none")

    def on_mount(self) -> None:
        panel = self.query_one("#commands")
        panel.border_title, panel.border_subtitle = self._title, f"Enter: {self._verb} · ↑↓: select · Esc: close"
        self._show("")
        self.query_one(Input).focus()

    @on(Input.Changed)
    def _filter(self, event: Input.Changed) -> None:
        event.stop()
        self._show(event.value)

    def on_resize(self) -> None:
        self._show(self.query_one(Input).value)

    def _show(self, filter_text: str) -> None:
        terms = filter_text.lower().split()
        found = [each for each in self._commands if each.contains(terms)]
        self._matches = sorted(found, key=lambda each: each.rank(terms))[:_MOST]
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(Option(line) for line in _lines(self._matches, self._commands, self.size.width))
        options.display = bool(self._matches)
        self.query_one("#command-none").display = not self._matches
        if self._matches:
            options.highlighted = 0

    def action_move(self, step: int) -> None:
        options = self.query_one(OptionList)
        if self._matches:
            options.highlighted = max(0, min((options.highlighted or 0) + step, len(self._matches) - 1))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        index = self.query_one(OptionList).highlighted
        if index is not None and self._matches:
            self.dismiss(self._matches[index])

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._matches[event.option_index])


def _lines(found: Sequence[PaletteCommand], every: Sequence[PaletteCommand], width: int) -> Iterator[Content]:
    """The title, the id for `settings.toml` and the keys, in columns; a title that needs more room has that of the id.

    `every`: the commands whose columns these are, whichever of them were found.
    """
    room = max(20, width - _AROUND)
    keys = min(_MOST_KEYS, max((cell_len(each.keys) for each in every), default=0))
    ids = max((cell_len(each.id) for each in every), default=0)
    title = max((cell_len(shown_line(each.line)) for each in every), default=0)
    left = min(room, title + ids + 4 + keys) - keys - 2
    for each in found:
        name = shown_line(each.line, left)
        gap = max(2, min(title, left - ids - 2) + 2 - cell_len(name))
        rest = left - cell_len(name) - gap
        command = shown_line(each.id, rest) if rest >= _SHORTEST_ID else ""
        pad = left + 2 - cell_len(name) - gap - cell_len(command)
        keys_text = shown_line(each.keys, keys)
        yield Content.assemble(name, " " * gap, (command, TONES["muted"]), " " * pad, keys_text)


_AROUND = 10
"""Columns of the border, the blanks beside it, the mark of the cursor, and the scroll bar."""
_MOST_KEYS, _SHORTEST_ID = 20, 6
"""Columns of the keys at most, and of an id at least."""
