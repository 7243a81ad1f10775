"""The note of a request's form: an error, a doubt or a result, beside the field that it is about."""

from __future__ import annotations

from typing import Literal

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea

from ...text import shown
from .body_field import BodyField

Tone = Literal["", "odd", "bad"]


class FormNote(Static):
    """One note at a time, among the rows of the form."""

    def __init__(self) -> None:
        super().__init__("", id="resend-error")
        self.display = False

    def drop_doubt(self) -> None:
        """Hides what is probably not meant, as another place says it now."""
        if self.has_class("odd"):
            self.say("")

    def say(self, words: str, *, tone: Tone = "", field: Widget | None = None) -> None:
        """Shows a note below this field and what belongs to it or, without one, below that which has the focus.

        Without a focus, it is above the buttons.

        That of the body, which takes the rest of the screen, is above its text. No words: it is hidden.
        """
        self.update(Content(shown(words)))
        self.display = bool(words)
        self.set_class(tone == "bad", "bad")
        self.set_class(tone == "odd", "odd")
        form, focused = self.parent, self.screen.focused
        assert isinstance(form, Widget)
        field = field or (focused if isinstance(focused, Input | TextArea) else None)
        if field is None:
            form.move_child(self, before=form.query_one(".buttons"))
        elif isinstance(field, BodyField):
            form.move_child(self, before=field)
        else:
            form.move_child(self, after=next(each for each in form.children if each in field.ancestors_with_self))
