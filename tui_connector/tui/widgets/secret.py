"""A secret and where it comes from: typed into the keyring, a variable, a command, or asked for each time."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from ...secrets.cleaning import SecretKind, clean, visible
from ...templates import Json
from .._textual import PasteHandler
from .choice import Choice
from .fields import TextField

# What a paste holds: Magento's window gives one value at a time, other places all four with their labels.


TOKEN_LENGTH = 32
"""All four values of an integration (Magento\\Framework\\Oauth\\Helper\\Oauth)."""

_TOKEN = re.compile(r"(?<![A-Za-z0-9])[a-z0-9]{32}(?![A-Za-z0-9])")


def pasted(text: str, kind: SecretKind) -> list[str]:
    """The secrets in a paste: two to four 32-character values, or one secret of this kind without what came along."""
    values = _TOKEN.findall(visible(text))
    lines = [line for line in text.splitlines() if visible(line).strip()]
    if len(lines) > 1 and (len(values) > 1 or (values and kind is SecretKind.TOKEN)):
        return values[:4]
    if len(values) > 1 and kind is SecretKind.TOKEN:
        return values[:4]
    return [found for found in (clean(line, kind) for line in lines[:1]) if found]


# The field for a secret: never shown, never copied, and given away at once.


class SecretInput(TextField, PasteHandler):
    """Takes a secret and gives it away at once: the widget keeps nothing to be copied, logged or drawn."""

    @dataclass
    class Given(Message):
        """Secrets were typed or pasted, one or several."""

        values: list[str]

        def __rich_repr__(self):  # type: ignore[no-untyped-def]  # Textual's console would print the values
            yield "values", len(self.values)

    @dataclass
    class Typing(Message):
        """So many characters are in the field that were not handed over yet."""

        length: int

    def __init__(self, kind: SecretKind, *, id: str | None = None, placeholder: str = "") -> None:  # noqa: A002
        super().__init__(id=id, placeholder=placeholder, password=True)
        self._kind = kind

    def post_message(self, message: Message) -> bool:
        # the messages of Input carry the value, and Textual's console prints messages
        return False if isinstance(message, (Input.Changed, Input.Submitted)) else super().post_message(message)

    def watch_value(self, value: str) -> None:
        self.post_message(self.Typing(len(value)))

    def handle_paste(self, text: str) -> None:
        values = pasted(text, self._kind)
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


PLACES = {
    "keyring": "keyring",
    "env": "variable",
    "command": "command",
    "ask": "asked",
}
"""The keys of a source, and how they are called where there is little room."""

_EXPLAINED = {
    "keyring": "Typed here, kept in this computer's keyring",
    "env": "From an environment variable",
    "command": "Printed by a command, such as pass or op",
    "ask": "Prompted for each time, never stored",
}

Source = Mapping[str, Json]


class Secret(Horizontal):
    """One secret. A typed value is handed over at once; what stays is the source."""

    @dataclass
    class Given(Message):
        """Values were typed or pasted."""

        secret: Secret
        values: list[str]

        def __rich_repr__(self):  # type: ignore[no-untyped-def]  # Textual's console would print the values
            yield "values", len(self.values)

    @dataclass
    class Sourced(Message):
        """It comes from somewhere else now."""

        secret: Secret
        source: dict[str, Json]

    def __init__(
        self,
        source: Source | None,
        make: Callable[[str], dict[str, Json]],
        kind: SecretKind,
        *,
        id: str | None = None,  # noqa: A002
        made: bool = False,
    ) -> None:
        """`kind` says what is removed from what is typed or pasted.

        `make` gives the source for a place, with the name that its owner has for this secret. `made`: the source is one
        that `make` gave, and goes along when that name changes.
        """
        super().__init__(id=id, classes="secret")
        self.made = made
        self.source = dict(source or {})
        self._make = make
        self._kind = kind

    @property
    def place(self) -> str:
        return next(iter(self.source), "keyring")

    @property
    def entry(self) -> TextField:
        return self.query_one(TextField)

    def compose(self) -> ComposeResult:
        yield self._made()
        yield Choice(_EXPLAINED, self.place, short=PLACES)

    def _made(self) -> TextField:
        value = self.source.get(self.place)
        if self.place == "env":
            return TextField(str(value or ""), placeholder="NAME_OF_THE_VARIABLE")
        if self.place == "command":
            argv = value if isinstance(value, list) else []
            return TextField(shlex.join(map(str, argv)), placeholder="pass show shop/token")
        if self.place == "ask":
            return SecretInput(self._kind, placeholder="for this session only")
        return SecretInput(self._kind)

    def show(self, glimpse: str) -> str:
        """Stands for a secret that is held; a mark that says how long it is."""
        entry = self.entry
        return entry.stand_for(glimpse) if isinstance(entry, SecretInput) else ""

    @on(Choice.Chosen)
    async def _placed(self, event: Choice.Chosen) -> None:
        event.stop()
        self.source = {"command": []} if event.option == "command" else self._make(event.option)
        self.made = event.option in ("keyring", "env")
        await self.entry.remove()
        await self.mount(self._made(), before=0)
        self.screen.set_focus(self.entry)
        if self.place != "command":  # which has to be written first
            self.post_message(self.Sourced(self, self.source))

    @on(SecretInput.Given)
    def _given(self, event: SecretInput.Given) -> None:
        event.stop()
        self.post_message(self.Given(self, event.values))

    @on(Input.Changed)
    def _written(self, event: Input.Changed) -> None:
        event.stop()
        if self.place == "env":
            source: dict[str, Json] = {"env": event.value.strip()}
        else:
            try:
                source = {"command": list(shlex.split(event.value))}
            except ValueError:  # a quote is open still
                return
        if source != self.source:
            self.source, self.made = source, False
            self.post_message(self.Sourced(self, source))
