"""A field for a secret and its source: keyring, environment variable, command, or prompt."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from ...secrets.cleaning import SecretKind
from ...secrets.pasted import TOKEN, PastedSecret, distribute, parse_paste
from ...secrets.plain_text import VARIABLE, is_conventional_variable, is_secret_as_variable, known_secrets_in
from ...secrets.token_shape import looks_like_token
from ...templates import Json
from ...text import PublicText, count, equal_beginning, public, shown_line
from .._textual import PasteHandler, reply
from .choice import Choice
from .fields import FieldGroup, FieldWithList
from .secret_place import ALL, place_choice

_PASSED = ("?", ":")
"""Keys that a field of a secret leaves to the screen."""

TOKEN_LENGTH = 32
"""Length of all four values of an integration (Magento\\Framework\\Oauth\\Helper\\Oauth)."""

_SHORTEST_TOKEN = 6
"""Characters, of a one-time code; what is shorter was not meant as a token."""


class SourceField(FieldWithList, PasteHandler):
    """A field of a secret: takes the secret itself, or names where it is. What was typed counts once it is left."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("right", "cursor_right", "Source", show=False, id="secret.source")]

    @dataclass
    class Entered(Message):
        """One or more secrets were typed or pasted."""

        values: list[PastedSecret]

        def __rich_repr__(self):  # type: ignore[no-untyped-def]  # Textual's console would print the values
            yield "values", len(self.values)

    secret_path: tuple[str, ...] = ("",)
    """The path of the secret in its form; an empty name outside one, and in a table."""
    unused = ""
    """Why what was typed last is not used, as long as the field has the focus; empty if it is."""

    def commit(self) -> str:
        """Posts what was typed. Returns why it is not used; "" if it is, or if nothing was typed."""
        return ""

    def take_unused(self) -> str:
        """Commits what was typed; returns why it is not used, when asked for the first time."""
        problem, self.unused = self.commit() or self.unused, ""
        return problem

    def on_blur(self) -> None:
        self.commit()
        self.unused = ""

    def _post_enter(self, last: bool) -> None:
        self.unused = self.commit()
        super()._post_enter(last)

    def post_message(self, message: Message) -> bool:
        # the messages of Input carry the value, and Textual's console prints messages
        return False if isinstance(message, (Input.Changed, Input.Submitted)) else super().post_message(message)

    def enter(self, value: str) -> None:
        """Takes a secret that was pasted elsewhere."""
        self._take([PastedSecret(value)])

    def _take(self, values: list[PastedSecret]) -> None:
        """Posts secrets that were pasted, and goes on to the next field after tokens."""
        self.post_message(self.Entered(values))
        fields = self.fields_of_secrets()
        filled = [fields[at] for at in distribute(values, [each.secret_path for each in fields], fields.index(self))[0]]
        for each in filled:
            each.has_value = True
        if all(len(each.value) == TOKEN_LENGTH for each in values):
            self._advance_past(filled)

    def fields_of_secrets(self) -> list[SourceField]:
        """The fields of all secrets of the form; this one alone outside one."""
        group = next((node for node in self.ancestors if isinstance(node, FieldGroup)), None)
        named = [each for each in group.query(SourceField) if any(each.secret_path)] if group is not None else []
        return named if self in named else [self]

    def _advance_past(self, filled: list[SourceField]) -> None:
        """Moves the focus to the first field from here on that is still empty, else past those that a paste filled."""
        fields = [self, *self.next_fields()]
        last = max((at for at, each in enumerate(fields) if each in filled), default=0)
        to = next((each for each in fields if each.is_empty), fields[min(last + 1, len(fields) - 1)])
        self.screen.set_focus(to)
        to.value_when_focused = to.value


class SecretInput(SourceField):
    """Posts the entered secret and forgets it, so that the widget has nothing to copy, log or draw."""

    @dataclass
    class LengthChanged(Message):
        """The number of typed characters that were not posted yet."""

        length: int

    def __init__(self, kind: SecretKind, *, id: str | None = None, placeholder: str = "") -> None:  # noqa: A002
        super().__init__(id=id, placeholder=placeholder, password=True)
        self._kind = kind
        self._saved = self._replacing = False
        self._refused = 0
        """The letters that the field did not take, as it has a secret; the user was told so."""

    @property
    def locked(self) -> bool:
        """Whether the field has a secret, which no stray key replaces."""
        return (self._saved or self.has_value) and not self._replacing and not self.value

    @property
    def _passes_keys(self) -> bool:
        """Whether `?` and `:` are keys: no token begins with them, and none is typed where there is one."""
        return self.locked or (self._kind is SecretKind.TOKEN and not self.value)

    @property
    def is_replacing(self) -> bool:
        """Whether what is typed replaces a secret, which Esc keeps."""
        return self._replacing

    def replace_secret(self, *, is_deleted: bool = False) -> None:
        """What is typed from now on replaces the secret that the field has, which is drawn as selected until then.

        `is_deleted`: it is not shown any more.
        """
        if self.locked or (self._replacing and is_deleted):
            self._replacing, self._refused, self._is_deleted = True, 0, is_deleted
            self._draw_placeholder()

    def restore(self) -> bool:
        """Ends a replacement, and discards what was typed; False where there was none."""
        restored, self._replacing = self._replacing, False
        if restored:
            self.value = ""
            self._draw_placeholder()
        return restored

    def _draw_placeholder(self) -> None:
        if self.has_focus:
            self.screen.refresh_bindings()
        self.set_class(self._replacing and not self._is_deleted, "-selected")
        self.placeholder = "new value" if self._replacing and self._is_deleted else self._resting

    _is_deleted = False
    """Whether the secret that is being replaced was deleted first, and not only selected."""
    _resting = ""
    """The placeholder of a secret that the field has."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return super().check_consume_key(key, character) and not (self._passes_keys and character in _PASSED)

    def on_key(self, event: events.Key) -> None:
        """A secret that is there is replaced by a paste, or after Delete; `?` opens help."""
        if self._passes_keys and event.character in _PASSED:
            event.prevent_default()
            return
        if event.key in ("backspace", "delete") and not self.value and (self.locked or self._replacing):
            event.stop()
            self.replace_secret(is_deleted=True)
        elif self.locked and event.is_printable:
            event.prevent_default()
            event.stop()
            self._refused += 1
            reply(self.app, "This secret is set. Delete or Enter starts a new one; Esc leaves the field.")

    async def action_submit(self) -> None:
        is_only_saved = self._saved and not self.has_value and self.value_when_focused is None
        if self.locked and (is_only_saved or self._refused):  # what was typed was meant to replace it
            self.replace_secret()
        else:
            await super().action_submit()

    def watch_value(self, value: str) -> None:
        super().watch_value(value)
        self.post_message(self.LengthChanged(len(value)))

    def handle_paste(self, text: str) -> None:
        values = parse_paste(text, self._kind)
        if values:
            self._take(values)

    def _take(self, values: list[PastedSecret]) -> None:
        self.value, self.value_when_focused, self._replacing = "", None, False
        super()._take(values)

    def commit(self) -> str:
        values, problem = parse_paste(self.value, self._kind), ""
        if self._refused > 1 and self.locked:  # a single letter was meant as a key
            problem = "What you typed was not entered: this secret is set. Delete starts a new one."
        self._refused = 0
        # a key, meant for the screen
        if self._kind is SecretKind.TOKEN and values and len(values[0].value) < _SHORTEST_TOKEN:
            problem = f"Discarded: {count(len(values[0].value), 'character')} cannot be a token."
            self.notify(problem, timeout=5)
            values = []
        self.value, self._replacing = "", False
        if values:
            self.post_message(self.Entered(values))
        elif self._resting:
            self._draw_placeholder()
        return problem

    def on_blur(self) -> None:
        self._refused = 0

    def action_copy(self) -> None: ...

    def action_cut(self) -> None: ...

    def show_held(self, glimpse: str) -> str:
        """Shows a held secret by its glimpse; returns a mark with its length."""
        self.has_value = True
        self._resting = "•" * 12 + glimpse.lstrip("•")
        self._draw_placeholder()
        return f"{len(glimpse)}"

    def show_saved(self) -> None:
        """Shows that the secret is saved, although its value is not at hand."""
        self._saved, self._resting = True, "•" * 12
        self._draw_placeholder()


class VariableInput(SourceField):
    """The name of an environment variable. A secret that is entered here becomes the variable's value, not its name.

    What is typed at the end of the name that is there is the value, drawn as dots. Whoever means another name deletes
    this one, or goes into it.
    """

    @dataclass
    class Named(Message):
        """The field names another variable."""

        name: str

    @dataclass
    class Renaming(Message):
        """Whether the field has another name, which counts once it is left."""

        is_pending: bool

    @dataclass
    class ValueTyped(Message):
        """The number of characters of a value that were typed and not posted yet."""

        length: int

    @dataclass
    class Unusual(Message):
        """What was typed is hardly a name, and may be the secret: it is used once the user says that it is a name."""

        field: VariableInput
        name: str

        def __rich_repr__(self):  # type: ignore[no-untyped-def]  # Textual's console would print it
            yield "length", len(self.name)

    def __init__(self, name: str, kind: SecretKind) -> None:
        self._name_before, self._kind = name, kind
        self._edits_name = False
        """Whether the name was edited since the field was left, so that what is typed is part of it."""
        super().__init__(name, placeholder="VARIABLE_NAME")

    def on_key(self, event: events.Key) -> None:
        at_end = self.cursor_at_end and self.selection.is_empty and not self._edits_name
        is_value = bool(self._name_before) and self.value == self._name_before and at_end
        if is_value and not self.password and event.is_printable and event.character is not None:
            event.prevent_default()
            event.stop()
            self.password, self.value = True, event.character

    def _show_name(self) -> None:
        """Shows the name again, in place of a value that was typed."""
        self.password, self.value = False, self._name_before

    def replace(self, text: str, start: int, end: int) -> None:
        super().replace(text, start, end)
        self._edits_name = not self.password
        if self.password and not self.value:
            self._show_name()

    def handle_paste(self, text: str) -> None:
        lines = text.split()
        if self.password:
            if values := parse_paste(f"{self.value}{text}", self._kind):
                self._show_name()
                self._take(values)
        elif len(lines) == 1 and VARIABLE.fullmatch(lines[0]) and not is_secret_as_variable(lines[0]):
            self.value = lines[0]
        elif values := parse_paste(text, self._kind):
            self.value = self._name_before
            self._take(values)

    def watch_value(self, value: str) -> None:
        super().watch_value(value)
        if self.password:
            self.post_message(self.ValueTyped(len(value)))
        else:
            self.post_message(self.Renaming(value.strip() != self._name_before))

    @property
    def is_empty(self) -> bool:
        """Whether the variable has no value: its name does not count."""
        return not self.has_value

    def show_held(self, glimpse: str) -> str:
        """Shows beside the name that there is a value for this session; returns a mark with its end and length."""
        self.has_value = True
        end = glimpse.lstrip("•")
        return f"session {end and f'••••{end} '}{len(glimpse)}"

    def _commit_value(self) -> str:
        values = parse_paste(self.value, self._kind)
        self._show_name()
        if values and len(values[0].value) < _SHORTEST_TOKEN and (self._kind is SecretKind.TOKEN or self.has_value):
            problem = f"Discarded: {count(len(values[0].value), 'character')} cannot be the value. ^U deletes the name."
            self.notify(problem, timeout=5)
            return problem
        if values:
            self.post_message(self.Entered(values))
        return ""

    def commit(self) -> str:
        if self.password:
            return self._commit_value()
        self._edits_name = False
        name = self.value.strip()
        if name == self._name_before:
            return ""
        secret = self._secret_in(name)
        if secret is not None:
            self.value = self._name_before
            self.post_message(self.Entered([PastedSecret(secret)]))
        elif not name or is_conventional_variable(name):
            self.use(name)
        else:
            self.value = self._name_before
            self.post_message(self.Unusual(self, name))
            return "What you entered is used once you say that it is the name of a variable."
        return ""

    def use(self, name: str) -> None:
        """Names this variable."""
        if name and self._name_before:
            self.notify(f"The profile reads the variable {shown_line(name)} instead.", markup=False)
        self.value = self._name_before = name
        self.has_value = False
        self.post_message(self.Named(name))

    def _secret_in(self, name: str) -> str | None:
        """The secret that was typed in place of the name, or into it; None if this is a name."""
        before, start = self._name_before, equal_beginning(name, self._name_before)
        end = len(name) - (len(before) - start)
        added = name[start:end] if before and name.endswith(before[start:]) else name
        if looks_like_token(added) or is_secret_as_variable(name) or known_secrets_in(name):
            return added
        return None


class SecretCommandInput(SourceField):
    """The command that prints a secret. A token that is pasted here is refused."""

    @dataclass
    class Named(Message):
        """The field has another command."""

        argv: list[str]

    def __init__(self, argv: list[str]) -> None:
        super().__init__(shlex.join(argv), placeholder="pass show token")
        self._argv = argv

    def handle_paste(self, text: str) -> None:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if lines and not _refuses(self, lines[0]):
            self.replace(lines[0], *self.selection)

    def enter(self, value: str) -> None:
        _refuse_as_command(self)

    def commit(self) -> str:
        if not self._argv and not self.value.strip():
            return "Type the command that prints this secret, or choose another place beside the field."
        try:
            argv = shlex.split(self.value)
        except ValueError as error:  # a quote is still open
            self.notify(f"Invalid command: {error}", severity="warning", markup=False)
            return f"Invalid command: {error}."
        if argv == self._argv:
            return ""
        if _refuses(self, self.value):
            self.value = shlex.join(self._argv)
            return "This is a secret, not the command that prints it."
        self._argv = argv
        self.post_message(self.Named(argv))
        return ""


def _refuses(field: SourceField, text: str) -> bool:
    """Whether this text has a secret in place of a command, which the user is then told."""
    found = bool(known_secrets_in(text) or TOKEN.search(text) or (" " not in text and looks_like_token(text)))
    if found:
        _refuse_as_command(field)
    return found


def _refuse_as_command(field: SourceField) -> None:
    words = "This is a secret, not the command that prints it. To enter it, choose another place beside the field."
    field.notify(words, severity="warning", timeout=8)


Source = Mapping[str, Json]


class Secret(Horizontal):
    """One secret. A typed value is posted immediately; the widget keeps only the source."""

    @dataclass
    class Entered(Message):
        """Values were typed or pasted."""

        secret: Secret
        values: list[PastedSecret]

        def __rich_repr__(self):  # type: ignore[no-untyped-def]  # Textual's console would print the values
            yield "values", len(self.values)

    @dataclass
    class PlaceForAll(Message):
        """The place for all secrets of the form was chosen here."""

        secret: Secret
        place: str

    @dataclass
    class SourceChanged(Message):
        """The source has changed."""

        secret: Secret
        source: dict[str, Json]

    class CommandWanted(Message):
        """A command was chosen as the place, and has to be typed before it is the source."""

    def __init__(
        self,
        source: Source | None,
        make_source: Callable[[str], dict[str, Json]],
        kind: SecretKind,
        *,
        id: str | None = None,  # noqa: A002
        generated: bool = False,
        among_others: bool = False,
        path: tuple[str, ...] = ("",),
    ) -> None:
        """`kind` determines how typed or pasted text is cleaned, and `path` which labelled values are meant for it.

        `among_others`: its place can be chosen for all secrets of the form at once.
        `make_source` returns the source of this secret for a place. `generated`: the source came from `make_source`,
        and follows when the secret is renamed.
        """
        super().__init__(id=id, classes="secret")
        self._path = path
        self.generated = generated
        self._among_others = among_others
        self.source = dict(source or {})
        self._make_source = make_source
        self._kind = kind

    @property
    def place(self) -> str:
        return next(iter(self.source), "keyring")

    @property
    def entry(self) -> SourceField:
        return self.query_one(SourceField)

    def field_help(self, about: str) -> str:
        """What the field takes; `about` describes the secret itself."""
        if self.place == "env":
            name = shown_line(str(self.source.get("env") or ""))
            of = public(PublicText("the value of "), name) if name else PublicText("its value")
            here = PublicText(" for this session; ^U deletes the name, for another variable. ")
            return public(PublicText("Type or paste "), of, here, about)
        if self.place == "command":
            return public(PublicText("Command that prints the secret, such as: pass show shop/token. "), about)
        entry = self.entry
        is_set = isinstance(entry, SecretInput) and entry.locked
        return public(PublicText("Set: Delete or a paste replaces it. "), about) if is_set else about

    def compose(self) -> ComposeResult:
        yield self._input()
        yield place_choice(self.place, among_others=self._among_others)

    def _input(self) -> SourceField:
        entry = self._new_input()
        entry.secret_path = self._path
        return entry

    def _new_input(self) -> SourceField:
        value = self.source.get(self.place)
        if self.place == "env":
            return VariableInput(str(value or ""), self._kind)
        if self.place == "command":
            return SecretCommandInput([*map(str, value)] if isinstance(value, list) else [])
        if self.place == "ask":
            return SecretInput(self._kind, placeholder="for this session")
        return SecretInput(self._kind)

    def show(self, glimpse: str) -> str:
        """Shows a held secret by its glimpse; returns a mark with its length."""
        entry = self.entry
        return entry.show_held(glimpse) if isinstance(entry, (SecretInput, VariableInput)) else ""

    def show_saved(self) -> str:
        """Shows that the secret is saved; returns a mark."""
        if isinstance(entry := self.entry, SecretInput):
            entry.show_saved()
        return "saved"

    @on(Choice.Chosen)
    async def _on_place(self, event: Choice.Chosen) -> None:
        event.stop()
        if event.option.startswith(ALL):
            self.post_message(self.PlaceForAll(self, event.option.removeprefix(ALL)))
        else:
            await self.choose(event.option)
            self.screen.set_focus(self.entry)

    async def choose(self, place: str) -> None:
        """Takes the secret from this place."""
        self.source = {"command": []} if place == "command" else self._make_source(place)
        self.generated = place in ("keyring", "env")
        self.query_one(Choice).show(place)
        await self.entry.remove()
        await self.mount(self._input(), before=0)
        wants_command = self.place == "command"
        self.post_message(self.CommandWanted() if wants_command else self.SourceChanged(self, self.source))

    @on(SourceField.Entered)
    def _on_entered(self, event: SourceField.Entered) -> None:
        event.stop()
        self.post_message(self.Entered(self, event.values))

    @on(VariableInput.Named)
    def _on_variable(self, event: VariableInput.Named) -> None:
        event.stop()
        self._use_source({"env": event.name})

    @on(SecretCommandInput.Named)
    def _on_command(self, event: SecretCommandInput.Named) -> None:
        event.stop()
        self._use_source({"command": [*event.argv]})

    def _use_source(self, source: dict[str, Json]) -> None:
        self.source, self.generated = source, False
        self.post_message(self.SourceChanged(self, source))
