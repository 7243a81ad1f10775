"""The field for a secret: never shown, never copied, and given away at once."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.message import Message
from textual.widgets import Input

from ...guide.paste import TOKEN_LENGTH, pasted
from ...secrets.cleaning import SecretKind
from .fields import Entry


class SecretInput(Entry):
    """Takes a secret and gives it away at once: the widget keeps nothing to be copied, logged or drawn."""

    @dataclass
    class Given(Message):
        """Secrets were typed or pasted, one or several."""

        values: list[str]

        def __rich_repr__(self):  # type: ignore[no-untyped-def]  # Textual's console would print the values
            yield "values", len(self.values)

    @dataclass
    class Typing(Message):
        """So many characters stand in the field that were not handed over yet."""

        length: int

    def __init__(self, kind: SecretKind, *, id: str | None = None, placeholder: str = "") -> None:  # noqa: A002
        super().__init__(id=id, placeholder=placeholder, password=True)
        self._kind = kind

    def post_message(self, message: Message) -> bool:
        # the messages of Input carry the value, and Textual's console prints messages
        return False if isinstance(message, (Input.Changed, Input.Submitted)) else super().post_message(message)

    def watch_value(self, value: str) -> None:
        self.post_message(self.Typing(len(value)))

    def _forward_event(self, event: events.Event) -> None:
        # while the event is handed out, for the next paste must find the next field
        if not isinstance(event, events.Paste):
            super()._forward_event(event)
            return
        event._set_forwarded()
        values = pasted(event.text, self._kind)
        if values:
            self.value, self.come_to_with = "", None
            self.post_message(self.Given(values))
            self.given = True
            if all(len(value) == TOKEN_LENGTH for value in values):
                self._on_to_the_next(len(values))

    def _on_to_the_next(self, by: int) -> None:
        """The focus past the fields that a paste filled, to the first one that has nothing yet, if there is one."""
        following = self.following()
        for filled in following[: by - 1]:
            filled.given = True
        left = following[by - 1 :]
        if left or following:
            to = next((each for each in left if not each.given), (left or following[-1:])[0])
            self.screen.set_focus(to)
            to.come_to_with = to.value

    def _leave(self, last: bool) -> None:
        self.give()
        super()._leave(last)

    def give(self) -> None:
        """Hands over what was typed."""
        values = pasted(self.value, self._kind)
        self.value = ""
        if values:
            self.post_message(self.Given(values))

    def on_blur(self) -> None:
        self.give()

    def action_copy(self) -> None: ...

    def action_cut(self) -> None: ...

    def stand_for(self, glimpse: str) -> str:
        """Stands for a secret that is held, with what may be seen of it; gives how long it is, as a mark."""
        self.given = True
        self.placeholder = "•" * 12 + glimpse.lstrip("•")
        return f"{len(glimpse)} ✔"
