"""Help: what has the focus, what to do in Magento, and every key of this screen as it is bound now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Protocol, runtime_checkable

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from ..text import shown, shown_line
from .keys import KeyAction


@runtime_checkable
class HasHelp(Protocol):
    """A widget or a screen that has words about itself, or about the part of it that has the focus."""

    def help_words(self) -> str:
        """The words, a title in the first line; empty where there are none."""
        ...


def words_for(screen: Screen[object]) -> list[str]:
    """What has the focus, then what it is in: each explains itself where it can."""
    nodes = list(screen.focused.ancestors_with_self) if screen.focused else [screen]
    return [words for node in nodes if isinstance(node, HasHelp) and (words := node.help_words())]


class HelpScreen(ModalScreen[None]):
    """Words over the screen; Esc closes them."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,f1,enter", "dismiss", "Close")]

    def __init__(self, words: list[str], actions: Iterable[KeyAction]) -> None:
        super().__init__()
        self._words = words
        self._actions = list(actions)

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            for words in self._words:
                title, _, rest = words.partition("\n")
                yield Static(Content(shown(title)), classes="help-title")
                yield Static(Content(shown(rest)), classes="help-words")
            yield Static(Content("Keys"), classes="help-title")
            yield Static(Content("Every action is a letter. In a field, press Esc, then the letter."))
            yield Static(Content("\n".join(_line(action) for action in self._actions)), classes="help-words")
            yield Static(Content("Esc closes this. All commands: :"), classes="heading")


def _line(action: KeyAction) -> str:
    return shown_line(f"  {' '.join(action.keys):<14} {action.title}")
