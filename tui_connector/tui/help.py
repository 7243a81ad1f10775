"""Help: the focused element, what to do in Magento, and every key of the screen as it is bound now."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import ClassVar, Protocol, runtime_checkable

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widgets import Static

from ..text import PublicText, shown, shown_line
from .keys import KeyAction, joined
from .widgets.dialog_panel import READABLE, DialogPanel
from .widgets.frame import Dialog


@runtime_checkable
class HasHelp(Protocol):
    """A widget or screen with a help text for itself, or for its focused part."""

    def help_text(self) -> str:
        """The text, with a title in the first line; empty where there is none."""
        ...


def help_topics(screen: Screen[object]) -> list[str]:
    """The help texts from the focused widget outwards."""
    nodes = list(screen.focused.ancestors_with_self) if screen.focused else [screen]
    return [text for node in nodes if isinstance(node, HasHelp) and (text := node.help_text())]


class HelpScreen(Dialog[None]):
    """Help over the screen; Esc closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1,enter", "dismiss", "Close", id="help.close")
    ]

    def __init__(self, topics: list[str], actions: Iterable[KeyAction], reached: Sequence[DOMNode] = ()) -> None:
        """`reached`: the widgets whose keys work where the focus is."""
        super().__init__()
        self._topics = topics
        self._groups = _groups(actions, reached)

    def compose(self) -> ComposeResult:
        with DialogPanel(id="help"), VerticalScroll():
            for topic in self._topics:
                title, rest = (_like(topic, part) for part in topic.partition("\n")[::2])
                yield Static(Content(shown(title)), classes="help-title")
                yield Static(Content(shown(rest)), classes="help-words")
            yield Static(Content("Keys"), classes="help-title")
            every = (action for group in self._groups.values() for action in group)
            if any(action.after_escape and not isinstance(action.node, App) for action in every):
                yield Static(Content("In a field, a letter is text: use the other key, or press Esc, then the letter."))
            for title, actions in self._groups.items():
                yield Static(Content(title), classes="heading")
                yield Static(self._keys(actions), classes="help-words lines help-keys")

    def on_mount(self) -> None:
        panel = self.query_one("#help")
        panel.border_title, panel.border_subtitle = "Help", "Esc: close · ↑↓: scroll"

    def on_resize(self) -> None:
        for text, actions in zip(self.query(".help-keys").results(Static), self._groups.values(), strict=True):
            text.update(self._keys(actions))

    def _keys(self, actions: Iterable[KeyAction]) -> Content:
        width = min(READABLE, self.app.size.width - _AROUND)
        return Content("\n".join(_line(each, width) for each in actions))


def _groups(actions: Iterable[KeyAction], reached: Sequence[DOMNode]) -> dict[str, list[KeyAction]]:
    """The actions by where they work: nearest to the focus first."""
    here, screen, elsewhere, everywhere = "Here", "On this screen", "In its other parts", "In every screen"
    found: dict[str, list[KeyAction]] = {here: [], screen: [], elsewhere: [], everywhere: []}
    for action in actions:
        match action.node:
            case App():
                found[everywhere].append(action)
            case Screen():
                found[screen].append(action)
            case node:
                found[here if node in reached else elsewhere].append(action)
    return {title: group for title, group in found.items() if group}


def _like(topic: str, part: str) -> str:
    """A part of a topic, which is the program's own text if the topic is."""
    return PublicText(part) if isinstance(topic, PublicText) else part


_AROUND, _KEYS = 7, 17
"""Columns of the border, blanks and scroll bar around the text, and of the keys in it."""


def _line(action: KeyAction, width: int) -> str:
    """The keys, and the title beside them."""
    title = textwrap.wrap(shown_line(action.title), max(20, width - _KEYS)) or [""]
    return shown_line(PublicText(f"  {joined(action.keys):<14} {title[0]}")) + "".join(
        f"\n{' ' * _KEYS}{each}" for each in title[1:]
    )
