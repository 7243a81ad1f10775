"""Help: what to do in Magento for this step, and every key."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ..text import shown

_KEYS = """\

Keys: every action is a letter. In a field press Esc, then the letter.
  Enter        next field; on the last one: test
  Tab          the next field or button, Shift+Tab the one before
  t ^R F5      test this step
  n  p  1…5    next, previous step; jump (outside fields)
  s ^S         save
  a            apply the fix that is shown
  l ^L F2      the log on the whole screen, and back
  u            in the demo: fill in the sandbox's values
  y            copy the selected request as curl, without a secret
  q            back home; there: quit
In the log: ↑↓ j k move, g first, G newest and follow, Space pause, e errors only, Enter detail, z whole body."""


class HelpScreen(ModalScreen[None]):
    """Words over the screen; Esc closes them."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,f1,enter", "dismiss", "Close")]

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            yield Static(Content(shown(self._words + "\n" + _KEYS)))
