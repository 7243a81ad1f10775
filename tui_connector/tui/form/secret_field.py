"""A secret and where it comes from: typed into the keyring, a variable, a command, or asked for each time."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from ...placeholder import Json
from ...secrets.cleaning import SecretKind
from .choice import Choice
from .fields import Entry
from .secret_input import SecretInput

PLACES = {
    "keyring": "keyring",
    "env": "variable",
    "command": "command",
    "ask": "asked",
}
"""The keys of a source, and how they are called where there is little room."""

_EXPLAINED = {
    "keyring": "Typed here, kept in the keyring of this computer",
    "env": "From an environment variable",
    "command": "Printed by a command, such as pass or op",
    "ask": "Asked for each time, never kept",
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
    def entry(self) -> Entry:
        return self.query_one(Entry)

    def compose(self) -> ComposeResult:
        yield self._made()
        yield Choice(_EXPLAINED, self.place, short=PLACES)

    def _made(self) -> Entry:
        value = self.source.get(self.place)
        if self.place == "env":
            return Entry(str(value or ""), placeholder="NAME_OF_THE_VARIABLE")
        if self.place == "command":
            argv = value if isinstance(value, list) else []
            return Entry(shlex.join(map(str, argv)), placeholder="pass show shop/token")
        if self.place == "ask":
            return SecretInput(self._kind, placeholder="for this session; asked for again in the next")
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
