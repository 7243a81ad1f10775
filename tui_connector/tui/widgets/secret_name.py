"""The field of a name that is copied together with its secret, such as a header: the secret goes to its own field."""

from __future__ import annotations

from collections.abc import Callable

from textual import events

from ...profile.importers.command_text import looks_like_command
from ...secrets.pasted_names import NameField, divide, name_before
from .fields import TextField
from .secret import SourceField


class SecretNameInput(TextField):
    """The name of a secret. What is pasted or typed after it never becomes part of the name, nor is it shown."""

    def __init__(
        self, value: str, placeholder: str, names: NameField, find_secret: Callable[[], SourceField | None]
    ) -> None:
        super().__init__(value, placeholder=placeholder)
        self._names, self._find_secret = names, find_secret

    def insert_paste(self, text: str) -> None:
        """Inserts a name, and enters the secret that was copied with it."""
        found, entry = divide(text, self._names), self._find_secret()
        if found is not None and entry is not None:
            self.value = found.name or self.value
            self.screen.set_focus(entry)
            entry.enter(found.value)
        elif looks_like_command(text):
            self.notify("Nothing was found for this field in the command that was pasted.", timeout=8)
        else:
            super().insert_paste(text)

    def on_key(self, event: events.Key) -> None:
        """The separator ends the name: what is typed after it is the secret."""
        name, entry = name_before(self.value), self._find_secret()
        if event.character == self._names.separator and name and entry is not None:
            event.prevent_default()
            event.stop()
            self.value = name
            self.screen.set_focus(entry)
