"""A table of keys and values, a row each, with an empty one at the end to add to; a value may be a secret."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input

from ...secrets.cleaning import kind_of
from ...templates import Json
from ...text import shown_line
from .choice import Toggle
from .fields import TextField
from .secret import PLACES, Secret

MakeSource = Callable[[str, str], dict[str, Json]]
"""The source for a key of the table and a place."""


class Pair(Horizontal):
    """One row."""

    def __init__(self, key: str, value: Json, make: MakeSource | None) -> None:
        super().__init__(classes="pair")
        self._key, self.given, self._make = key, value, make

    @property
    def key(self) -> str:
        typed = next((each.value for each in self.query(".key").results(TextField)), self._key)
        return self._key if typed == shown_line(self._key) else typed.strip()

    @property
    def value(self) -> Json:
        """What the row says: as it was given, until it is typed again."""
        if self.is_secret:
            secret = self.query_one(Secret)
            if secret.made:
                secret.source = self._source(secret.place)
            return dict(secret.source)
        text = self.query_one(".value", TextField).value
        return self.given if text == shown_line(_text(self.given)) else _read(text)

    def compose(self) -> ComposeResult:
        key = TextField(self._key, placeholder="name")
        key.add_class("key")
        yield key
        yield self._made()
        if self._make is not None:
            yield Toggle(self.is_secret, "secret")

    def _made(self) -> TextField | Secret:
        if self.is_secret and isinstance(self.given, dict):
            return Secret(self.given, self._source, kind_of(self._key), made=self._is_made(self.given))
        value = TextField(_text(self.given), placeholder="value")
        value.add_class("value")
        return value

    @property
    def is_secret(self) -> bool:
        given = self.given
        return self._make is not None and isinstance(given, dict) and len(given) == 1 and given.keys() <= PLACES.keys()

    def _is_made(self, source: Json) -> bool:
        place = next(iter(source)) if isinstance(source, dict) else ""
        return place in ("keyring", "env") and source == self._source(place)

    def _source(self, place: str) -> dict[str, Json]:
        assert self._make is not None
        return self._make(self.key, place)

    @on(Toggle.Changed)
    async def _secret_or_not(self, event: Toggle.Changed) -> None:
        event.stop()
        await (self.query_one(Secret) if self.is_secret else self.query_one(".value", TextField)).remove()
        self.given = self._source("keyring") if event.value else ""
        await self.mount(self._made(), after=0)
        self.post_message(Pairs.RowChanged())


class Pairs(Vertical):
    """The whole table."""

    class RowChanged(Message):
        """One of the rows says something else now."""

    @dataclass
    class Changed(Message):
        """The table says something else now; `twice` is a key that is in it more than once."""

        pairs: Pairs
        value: dict[str, Json]
        twice: str

    @dataclass
    class Given(Message):
        """A secret was typed into the row with this key."""

        pairs: Pairs
        key: str
        values: list[str]

        def __rich_repr__(self):  # type: ignore[no-untyped-def]  # Textual's console would print the values
            yield "key", self.key

    def __init__(self, value: Mapping[str, Json], make: MakeSource | None, *, id: str | None = None) -> None:  # noqa: A002
        """`make` makes the sources of secrets; None where no row may be one."""
        super().__init__(id=id, classes="pairs")
        self._value, self._make = dict(value), make

    def compose(self) -> ComposeResult:
        for key, value in self._value.items():
            yield Pair(key, value, self._make)
        yield Pair("", "", self._make)

    def row(self, key: str) -> Pair | None:
        return next((row for row in self.query(Pair) if row.key == key), None)

    @on(Input.Changed)
    @on(Secret.Sourced)
    @on(RowChanged)
    async def _changed(self, event: Message) -> None:
        event.stop()
        rows = list(self.query(Pair))
        if rows[-1].key:
            await self.mount(Pair("", "", self._make))
        keys = [row.key for row in rows if row.key]
        value = {row.key: row.value for row in rows if row.key}
        if value != self._value:
            self._value = value
            twice = next((key for key in keys if keys.count(key) > 1), "")
            self.post_message(self.Changed(self, dict(value), twice))

    @on(Secret.Given)
    def _given(self, event: Secret.Given) -> None:
        event.stop()
        row = next(node for node in event.secret.ancestors if isinstance(node, Pair))
        event.secret.made = False  # from now on something is held under this name
        self.post_message(self.Given(self, row.key, event.values))


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _read(text: str) -> Json:
    """What was typed: text, but for a table or a list, such as one that makes a one-time code."""
    if text.lstrip().startswith(("{", "[")):
        try:
            value: Json = json.loads(text)
        except (ValueError, RecursionError):
            return text
        return value
    return text
