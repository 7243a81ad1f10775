"""Jumps from a form to the text of the profile, whatever screens are between them."""

from __future__ import annotations

from typing import Any

from textual.app import App

from ..profile.positions import KeyPath
from ._textual import BaseScreen

AS_TEXT = "Edit the profile as text, at the line of this field"
"""The tooltip of the key."""


class TextHolder(BaseScreen[Any]):
    """A screen that can show the text of its profile."""

    def show_text(self, key: KeyPath) -> None:
        """Opens the editor at this key."""
        raise NotImplementedError


def show_in_text(app: App[Any], key: KeyPath) -> None:
    """Closes the forms over the screen that holds the text, and opens it at this key. Nothing in them is unsaved."""
    if any(isinstance(screen, TextHolder) for screen in app.screen_stack):
        while not isinstance(screen := app.screen, TextHolder):
            screen.dismiss(None)
        screen.show_text(key)
