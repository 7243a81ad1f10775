"""A table of keys and values, with an empty row at the end; a value may be a secret."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input

from ...secrets.cleaning import secret_kind
from ...secrets.pasted import PastedSecret
from ...templates import Json
from ...text import shown_line
from .choice import Toggle
from .fields import TextField, show_mark
from .secret import Secret
from .secret_marks import SecretMarks
from .secret_place import PLACES

MakeSource = Callable[[str, str], dict[str, Json]]
"""Returns the source of the secret with this key for a place."""


class PairKey(TextField):
    """The key of a row: → at its end goes to the value. Enter leads here only where a key is still to be entered.

    A value that is typed after Enter, such as a password, would otherwise be appended to a key, shown and saved.
    """

    @property
    def is_passed_by_enter(self) -> bool:
        return bool(self.value)

    def action_cursor_right(self, select: bool = False) -> None:
        if not select and self.cursor_at_end:
            self.screen.focus_next()
        else:
            super().action_cursor_right(select)


class Pair(SecretMarks, Horizontal):
    """A row of the table."""

    def __init__(self, key: str, value: Json, make_source: MakeSource | None) -> None:
        super().__init__(classes="pair")
        self._key, self.initial, self._make_source = key, value, make_source

    @property
    def key(self) -> str:
        typed = next((each.value for each in self.query(".key").results(TextField)), self._key)
        return self._key if typed == shown_line(self._key) else typed.strip()

    @property
    def value(self) -> Json:
        """The value: the initial one until the text changes."""
        if self.is_secret:
            secret = self.query_one(Secret)
            if secret.generated:
                secret.source = self._source(secret.place)
            return dict(secret.source)
        text = self.query_one(".value", TextField).value
        return self.initial if text == shown_line(_text(self.initial)) else _read(text)

    def compose(self) -> ComposeResult:
        key = PairKey(self._key, placeholder="name")
        key.add_class("key")
        yield key
        yield self._value_editor()
        if self._make_source is not None:
            yield Toggle(self.is_secret, "secret")

    def _value_editor(self) -> TextField | Secret:
        if self.is_secret and isinstance(self.initial, dict):
            return Secret(
                self.initial, self._source, secret_kind(self._key), generated=self._is_generated(self.initial)
            )
        value = TextField(_text(self.initial), placeholder="value")
        value.add_class("value")
        return value

    def editor_of(self, *, key: bool) -> TextField:
        """The field of the key, or that of the value."""
        if key:
            return self.query_one(PairKey)
        return self.query_one(Secret).entry if self.is_secret else self.query_one(".value", TextField)

    @property
    def is_secret(self) -> bool:
        initial = self.initial
        return (
            self._make_source is not None
            and isinstance(initial, dict)
            and len(initial) == 1
            and initial.keys() <= PLACES.keys()
        )

    def _is_generated(self, source: Json) -> bool:
        place = next(iter(source)) if isinstance(source, dict) else ""
        return place in ("keyring", "env") and source == self._source(place)

    def _source(self, place: str) -> dict[str, Json]:
        assert self._make_source is not None
        return self._make_source(self.key, place)

    def mark_typed(self, text: str) -> None:
        show_mark(self, text or self._mark, bad=self._is_mark_bad and not text)

    @on(Secret.SourceChanged)
    def _on_source(self) -> None:
        self.mark("")

    @on(Toggle.Changed)
    async def _on_toggle(self, event: Toggle.Changed) -> None:
        event.stop()
        self.mark("")
        await (self.query_one(Secret) if self.is_secret else self.query_one(".value", TextField)).remove()
        self.initial = self._source("keyring") if event.value else ""
        await self.mount(self._value_editor(), after=0)
        self.post_message(Pairs.RowChanged())


class Pairs(Vertical):
    """The whole table."""

    class RowChanged(Message):
        """A row has changed."""

    @dataclass
    class Changed(Message):
        """The table has changed."""

        pairs: Pairs
        value: dict[str, Json]

    @dataclass
    class SecretEntered(Message):
        """A secret was entered in the row with this key."""

        pairs: Pairs
        key: str
        values: list[PastedSecret]

        def __rich_repr__(self):  # type: ignore[no-untyped-def]  # Textual's console would print the values
            yield "key", self.key

    def __init__(self, value: Mapping[str, Json], make_source: MakeSource | None, *, id: str | None = None) -> None:  # noqa: A002
        """`make_source` makes the sources of secrets; None where no row may be one."""
        super().__init__(id=id, classes="pairs")
        self._value, self._make_source = dict(value), make_source

    def compose(self) -> ComposeResult:
        for key, value in self._value.items():
            yield Pair(key, value, self._make_source)
        yield Pair("", "", self._make_source)

    def row(self, key: str) -> Pair | None:
        """The row with this key; of several, the last one, whose value is used."""
        return next((row for row in reversed(self.query(Pair)) if row.key == key), None)

    @property
    def duplicate(self) -> str:
        """A key that occurs more than once, or ""."""
        keys = [row.key for row in self.query(Pair) if row.key]
        return next((key for key in keys if keys.count(key) > 1), "")

    @on(Input.Changed)
    @on(Secret.SourceChanged)
    @on(RowChanged)
    async def _changed(self, event: Message) -> None:
        event.stop()
        rows = list(self.query(Pair))
        if rows[-1].key:
            await self.mount(Pair("", "", self._make_source))
        value = {row.key: row.value for row in rows if row.key}
        if value != self._value:
            self._value = value
            self.post_message(self.Changed(self, dict(value)))

    @on(Secret.Entered)
    def _secret_entered(self, event: Secret.Entered) -> None:
        event.stop()
        row = next(node for node in event.secret.ancestors if isinstance(node, Pair))
        event.secret.generated = False  # from now on a secret is held under this name
        self.post_message(self.SecretEntered(self, row.key, event.values))


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _read(text: str) -> Json:
    """Parses a typed value: JSON tables and lists, such as a source of one-time codes; otherwise text."""
    if text.lstrip().startswith(("{", "[")):
        try:
            value: Json = json.loads(text)
        except (ValueError, RecursionError):
            return text
        return value
    return text
