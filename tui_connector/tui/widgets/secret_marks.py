"""The mark of a row with a secret: what the secret has, or what is typed for it and does not count yet."""

from __future__ import annotations

from textual import on
from textual.message_pump import MessagePump

from .secret import Secret, SecretInput, VariableInput


class SecretMarks(MessagePump):
    """A row with a secret, which is marked."""

    _mark = ""
    """The mark of an available secret, restored when the typed text is deleted."""
    _is_mark_bad = False

    def mark(self, text: str, *, bad: bool = False) -> None:
        self._mark, self._is_mark_bad = text, bad
        self.mark_typed("")

    def mark_typed(self, text: str) -> None:
        """Shows what is said of a text that does not count yet; the mark of the value where there is none."""
        raise NotImplementedError

    @on(Secret.CommandWanted)
    def _forget_mark(self, event: Secret.CommandWanted) -> None:
        event.stop()
        self.mark("")

    @on(SecretInput.LengthChanged)
    def _count(self, event: SecretInput.LengthChanged) -> None:
        event.stop()
        self.mark_typed(str(event.length) if event.length else "")

    @on(VariableInput.ValueTyped)
    def _count_value(self, event: VariableInput.ValueTyped) -> None:
        event.stop()
        self.mark_typed(f"value, {event.length}")

    @on(VariableInput.Renaming)
    def _say_renaming(self, event: VariableInput.Renaming) -> None:
        event.stop()
        self.mark_typed("new name" if event.is_pending else "")
