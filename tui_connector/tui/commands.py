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
from .keys import actions_in, actions_of, joined
from .unused_keys import parts_beside_focus
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
    word: str = ""
    """What the footer calls it."""

    @property
    def line(self) -> str:
        return f"{self.title} · {self.about}" if self.about else self.title

    def contains(self, terms: Sequence[str]) -> bool:
        """Whether its line, its keys or its id contain each of these words in lower case, or one of its synonyms."""
        text = self._searched
        return all(any(each in text for each in _meanings(term)) for term in terms)

    @property
    def _searched(self) -> str:
        return f"{self.line} {self.word} {self.id or self.keys}".lower()

    def rank(self, terms: Sequence[str]) -> int:
        """How far back it is among those that contain these words: a title that begins with them is first."""
        title = self.title.lower()
        if title.startswith(" ".join(terms)):
            return 0
        return 1 if all(term in title for term in terms) else 2 if all(term in self._searched for term in terms) else 3


_SYNONYMS = (
    ("export", "save", "write", "download"),
    ("delete", "remove", "discard", "forget"),
    ("edit", "change", "modify", "set up"),
    ("test", "check", "try", "verify"),
    ("run", "start", "execute", "read", "sync"),
    ("send", "push", "publish", "run", "plan"),
    ("undo", "revert", "restore"),
    ("find", "search", "filter"),
    ("log", "request", "history"),
    ("add", "new", "create"),
    ("quit", "exit", "close", "leave", "back"),
    ("duplicate", "copy", "clone"),
    ("theme", "colour", "color", "dark"),
    ("fix", "correct", "repair"),
    ("help", "shortcut"),
    ("settings", "environment", "staging"),
)
"""Words for the same."""
_SHORTEST = 3
"""Letters of a word that already stand for its synonyms."""


def _meanings(term: str) -> set[str]:
    """What is searched for a word that may not be complete: itself, and its synonyms."""
    groups = [each for each in _SYNONYMS if any(word.startswith(term) for word in each)]
    return {term, *(word for group in groups for word in group)} if len(term) >= _SHORTEST else {term}


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
    """Every titled action of this screen and of its parts, then the themes and the profiles."""
    app = screen.app
    actions = [action for action in actions_of(screen) if action.id != "app.commands"]
    known = {each.id for each in actions}
    # whose keys may do something else where the focus is
    beside = {
        each.id: PaletteCommand(each.title, "", each.id, partial(each.run, app), word=each.word)
        for part in parts_beside_focus(screen)
        for each in actions_in(part, screen, reached=False)
        if each.id not in known
    }
    return [
        *(
            PaletteCommand(each.title, joined(each.keys), each.id, partial(each.run, app), word=each.word)
            for each in actions
        ),
        *beside.values(),
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
        self.query_one("#commands").border_title = self._title
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
        self._name_selected()

    @on(OptionList.OptionHighlighted)
    def _name_selected(self) -> None:
        """Says what Enter does, and what `settings.toml` calls the selected command."""
        index = self.query_one(OptionList).highlighted
        selected = self._matches[index].id if index is not None and index < len(self._matches) else ""
        keys = f"Enter: {self._verb} · ↑↓: select · Esc: close"
        self.query_one("#commands").border_subtitle = f"{f'id: {selected} · ' if selected else ''}{keys}"

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
    """The title, the word of the footer and the keys, in columns; a title that needs more room has that of the word.

    `every`: the commands whose columns these are, whichever of them were found.
    """
    room = max(20, width - _AROUND)
    keys = min(_MOST_KEYS, max((cell_len(each.keys) for each in every), default=0))
    words = max((cell_len(_word(each)) for each in every), default=0)
    title = min(_MOST_TITLE, max((cell_len(shown_line(each.line)) for each in every), default=0))
    left = min(room, title + words + 4 + keys) - keys - 2
    for each in found:
        name = shown_line(each.line, left)
        gap = max(2, min(title, left - words - 2) + 2 - cell_len(name))
        rest = left - cell_len(name) - gap
        word = _word(each) if cell_len(_word(each)) <= rest else ""
        pad = left + 2 - cell_len(name) - gap - cell_len(word)
        keys_text = shown_line(each.keys, keys)
        yield Content.assemble(name, " " * gap, (word, TONES["muted"]), " " * pad, keys_text)


def _word(command: PaletteCommand) -> str:
    """The word of the footer, where the title does not have it."""
    word = shown_line(command.word)
    return "" if word.lower() in command.title.lower() else word


_AROUND = 10
"""Columns of the border, the blanks beside it, the mark of the cursor, and the scroll bar."""
_MOST_TITLE, _MOST_KEYS = 52, 20
"""Columns of the titles, beside which there are words of the footer, and of the keys at most."""
