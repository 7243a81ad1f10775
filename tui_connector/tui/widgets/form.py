"""A form made from what is asked: it shows plain data, says what was edited, and shows what is wrong where it is.

It knows no model, no file and no profile."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Any

from textual import events, on
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from ...secrets.cleaning import kind_of
from ...templates import Json
from ...text import shown_line
from ..keys import after_pending_messages
from .choice import Choice, Toggle
from .fields import FieldGroup, FieldRow, TextField
from .pairs import Pairs
from .secret import Secret, SecretInput

# What a JSON Schema asks for, one field after the other; it knows no kind, and draws nothing.


_SOURCE_KEYS = {"keyring", "env", "command", "ask"}


class FieldType(Enum):
    """How a field is given."""

    TEXT = auto()
    WHOLE = auto()
    NUMBER = auto()
    YES_NO = auto()
    CHOICE = auto()
    LIST = auto()
    PAIRS = auto()
    SECRET = auto()
    GROUP = auto()
    DATA = auto()


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field. `path` is where it is below the form's own place."""

    path: tuple[str, ...]
    title: str
    about: str
    sort: FieldType
    default: Any = None
    required: bool = False
    options: tuple[str, ...] = ()
    hint: str = ""
    """What is shown while nothing is given."""
    whole: bool = False
    """Whether the items of a list are whole numbers."""
    may_be_secret: bool = False
    """Whether a row of a table may name a secret instead of a value."""
    inner: tuple[FieldSpec, ...] = ()
    """The fields of a group; of a table, those rows that its schema describes."""

    @property
    def name(self) -> str:
        return self.path[-1]


def asked(schema: Mapping[str, Any]) -> tuple[FieldSpec, ...]:
    """The fields of an object's schema (draft-07, with its definitions), in their order; its kind is not a question."""
    return _fields(schema, schema.get("definitions", {}), ())


def _fields(node: Mapping[str, Any], definitions: Mapping[str, Any], path: tuple[str, ...]) -> tuple[FieldSpec, ...]:
    required = node.get("required", ())
    return tuple(
        _field(_resolved(inner, definitions), definitions, (*path, name), name in required)
        for name, inner in node.get("properties", {}).items()
        if "const" not in inner
    )


def _field(node: Mapping[str, Any], definitions: Mapping[str, Any], path: tuple[str, ...], required: bool) -> FieldSpec:
    sort = _sort(node)
    values = node.get("additionalProperties")
    return FieldSpec(
        path,
        str(node.get("title") or path[-1]),
        str(node.get("description") or ""),
        sort,
        default=node.get("default"),
        required=required,
        options=tuple(map(str, node.get("enum", ()))),
        hint=_hint(node),
        whole=node.get("items", {}).get("type") == "integer" if isinstance(node.get("items"), dict) else False,
        may_be_secret=isinstance(values, dict) and _names_secret(values, definitions),
        inner=_fields(node, definitions, path) if sort in (FieldType.GROUP, FieldType.PAIRS) else (),
    )


def _resolved(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """The node with what it refers to in its place, and without the choice of being absent."""
    found = dict(node)
    while True:
        refers = found.pop("$ref", None)
        others = [refers] if refers else []
        others += [each["$ref"] for each in found.pop("allOf", []) if "$ref" in each]
        for name in others:
            found = {**definitions.get(str(name).rpartition("/")[2], {}), **found}
        choices = [each for each in found.get("anyOf", ()) if each.get("type") != "null"]
        if len(choices) == 1:
            del found["anyOf"]
            found = {**choices[0], **found}
        elif not others:
            return found


_SORTS = {
    "boolean": FieldType.YES_NO,
    "integer": FieldType.WHOLE,
    "number": FieldType.NUMBER,
    "string": FieldType.TEXT,
}


def _sort(node: Mapping[str, Any]) -> FieldType:
    kind, properties = node.get("type"), node.get("properties")
    if node.get("format") == "secret" or (properties is not None and set(properties) == _SOURCE_KEYS):
        return FieldType.SECRET
    if "enum" in node:
        return FieldType.CHOICE
    if kind == "object" and isinstance(node.get("additionalProperties"), dict):
        return FieldType.PAIRS
    if kind == "object" and properties is not None:
        return FieldType.GROUP
    if kind == "array" and node.get("items", {}).get("type") in ("string", "integer"):
        return FieldType.LIST
    if "anyOf" in node and all(each.get("type") == "string" for each in node["anyOf"]):
        return FieldType.TEXT
    return _SORTS.get(str(kind), FieldType.DATA)


_HINTS = {"span": "such as 30s, 500ms, 2m", "path": "a path, relative to the profile", "uri": "https://…"}


def _hint(node: Mapping[str, Any]) -> str:
    default, examples = node.get("default"), node.get("examples") or ()
    if default not in (None, "", [], {}) and not isinstance(default, (dict, list)):
        return str(default)
    simple = [each for each in examples if isinstance(each, (str, int, float))]
    return f"such as {simple[0]}" if simple else _HINTS.get(str(node.get("format")), "")


def _names_secret(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> bool:
    choices = [node, *node.get("oneOf", ()), *node.get("anyOf", ())]
    return any(_sort(_resolved(each, definitions)) is FieldType.SECRET for each in choices)


FormPath = tuple[str | int, ...]
MakeSource = Callable[[FormPath, str], dict[str, Json]]
"""The source for the secret at a path: its owner knows what the keyring calls it."""

_NOT_SET, _NOTHING = "", "–"  # the option that takes a value away, and how it is shown


class Form(FieldGroup):
    """One row a field. Paths in its messages start at `path`."""

    @dataclass
    class Edited(Message):
        """The user gave another value; None takes away what was there."""

        form: Form
        path: FormPath
        value: Json

    @dataclass
    class SecretTyped(Message):
        """A secret was typed or pasted for this place. It never gets into the data."""

        form: Form
        path: FormPath
        value: str

        def __rich_repr__(self):  # type: ignore[no-untyped-def]  # Textual's console would print the value
            yield "path", self.path

    @dataclass
    class Entered(Message):
        """Enter was pressed in the last field."""

        form: Form

    @dataclass
    class Focused(Message):
        """This field has the focus now."""

        form: Form
        name: str
        about: str

    def __init__(
        self,
        asked: Iterable[FieldSpec],
        data: Mapping[str, Json],
        path: FormPath,
        make_source: MakeSource,
        *,
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id, classes="form")
        self.asked, self.data, self.path = tuple(asked), data, path
        self._make_source = make_source

    def compose(self) -> ComposeResult:
        yield from self._rows(self.asked)

    def _rows(self, asked: Iterable[FieldSpec]) -> Iterator[Widget]:
        for each in asked:
            if each.sort is FieldType.GROUP:
                yield Static(Content(each.title), classes="heading")
                yield from self._rows(each.inner)
            else:
                value = self._at(each)
                yield FormField(each, self._editor(each, value), value)

    def _at(self, each: FieldSpec) -> Json:
        found: Json = dict(self.data)
        for step in each.path:
            found = found.get(step) if isinstance(found, dict) else None
        return found

    def _full(self, path: tuple[str, ...]) -> FormPath:
        return (*self.path, *path)

    def _editor(self, each: FieldSpec, value: Json) -> Widget:
        path = self._full(each.path)
        if each.sort is FieldType.SECRET:
            given = value if isinstance(value, dict) else None
            return Secret(given, lambda place: self._make_source(path, place), kind_of(str(path[-1])))
        if each.sort is FieldType.PAIRS and (value is None or isinstance(value, dict)):
            make = (lambda key, place: self._make_source((*path, key), place)) if each.may_be_secret else None
            return Pairs(value or {}, make)
        if each.sort is FieldType.YES_NO and (value is None or isinstance(value, bool)):
            return Toggle(bool(each.default if value is None else value))
        if each.sort is FieldType.CHOICE:
            return _choice(each, value)
        return TextField(written(each, value), placeholder=each.hint)

    def field(self, name: str) -> FormField | None:
        """The row of the field with this name."""
        return next((row for row in self.query(FormField) if row.asked.name == name), None)

    def focus_on(self, name: str = "") -> None:
        """The focus to this field, or to the first one."""
        rows = [row for row in self.query(FormField) if not name or row.asked.name == name or row.holds(name)]
        target = rows[0].first() if rows else None
        if target is not None:
            self.screen.set_focus(target)

    def when_taken_in(self, then: Callable[[], None]) -> None:
        """Calls `then` once all that was typed and pasted up to now has been said by this form, and heard by it."""
        for each in self.entries:
            then = partial(after_pending_messages, each, self, then)
        then()

    def show_problems(self, problems: Mapping[FormPath, str]) -> None:
        """What is wrong, by path: at the field that it is in, or at the first of those that it is about together."""
        rows = {self._full(row.asked.path): row for row in self.query(FormField)}
        said: dict[FormPath, str] = {}
        for at, words in problems.items():
            at_field = [path for path in rows if at[: len(path)] == path]
            if places := at_field or [path for path in rows if path[: len(at)] == at and len(at) >= len(self.path)]:
                said.setdefault(places[0], words)
        for path, row in rows.items():
            row.problem(said.get(path, ""))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        row = _row_of(event.input)
        if row is not None and event.value != written(row.asked, row.value):
            self._edit(row, read(row.asked, event.value))

    @on(Toggle.Changed)
    def _toggled(self, event: Toggle.Changed) -> None:
        event.stop()
        row = _row_of(event.toggle)
        if row is not None:
            self._edit(row, None if event.value == row.asked.default else event.value)

    @on(Choice.Chosen)
    def _chosen(self, event: Choice.Chosen) -> None:
        row = _row_of(event.choice)
        if row is not None:
            event.stop()
            self._edit(row, event.option or None)

    @on(Secret.Sourced)
    def _sourced(self, event: Secret.Sourced) -> None:
        event.stop()
        row = _row_of(event.secret)
        if row is not None:
            row.mark("")
            self._edit(row, event.source)

    @on(Pairs.Changed)
    def _pairs(self, event: Pairs.Changed) -> None:
        event.stop()
        row = _row_of(event.pairs)
        if row is not None:
            self._edit(row, event.value or None)
            row.problem(f"two rows are named {event.twice}; the last one is used" if event.twice else "")

    @on(Pairs.Given)
    def _secret_in_row(self, event: Pairs.Given) -> None:
        event.stop()
        row = _row_of(event.pairs)
        if row is not None:
            self.post_message(self.SecretTyped(self, (*self._full(row.asked.path), event.key), event.values[0]))

    @on(Secret.Given)
    def _given(self, event: Secret.Given) -> None:
        """One to four values, from this field on; as many as there are secrets are for all of them."""
        event.stop()
        rows = [row for row in self.query(FormField) if row.asked.sort is FieldType.SECRET]
        row = _row_of(event.secret)
        start = 0 if row is None or len(event.values) == len(rows) > 1 else rows.index(row)
        if row is not None:
            over = len(event.values) - len(rows[start:])
            row.problem(
                f"{len(event.values)} values were pasted; there was no field for the last {over}" if over > 0 else ""
            )
        for each, value in zip(rows[start:], event.values, strict=False):
            self.post_message(self.SecretTyped(self, self._full(each.asked.path), value))

    def held(self, path: FormPath, glimpse: str) -> None:
        """Shows that a secret is at hand: how long it is, and what `glimpse` lets be seen of it."""
        for row in self.query(FormField):
            full = self._full(row.asked.path)
            if path[: len(full)] != full:
                continue
            if isinstance(row.editor, Secret):
                row.mark(row.editor.show(glimpse))
            elif isinstance(row.editor, Pairs) and (pair := row.editor.row(str(path[-1]))) is not None:
                row.mark(pair.query_one(Secret).show(glimpse))

    @on(TextField.Left)
    def _left(self, event: TextField.Left) -> None:
        event.stop()
        if event.last:
            self.post_message(self.Entered(self))

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        row = _row_of(event.widget)
        # where the focus moves fast, word of an earlier field may come after that of a later one
        if row is not None and event.widget is self.screen.focused:
            self.post_message(self.Focused(self, row.asked.name, row.asked.about))

    def _edit(self, row: FormField, value: Json) -> None:
        row.value = value
        self.post_message(self.Edited(self, self._full(row.asked.path), value))


class FormField(FieldRow):
    """A row of the form."""

    _mark = ""
    """The mark of what is at hand, while something else is typed."""

    def __init__(self, asked: FieldSpec, editor: Widget, value: Json) -> None:
        super().__init__("-".join(asked.path), asked.title, editor, asked.about)
        self.asked, self.editor, self.value = asked, editor, value
        self.set_class(isinstance(editor, Pairs), "tall")

    def mark(self, text: str, *, bad: bool = False) -> None:
        self._mark = text
        super().mark(text, bad=bad)

    @on(SecretInput.Typing)
    def _count(self, event: SecretInput.Typing) -> None:
        event.stop()
        super().mark(str(event.length) if event.length else self._mark)

    def holds(self, name: str) -> bool:
        """Whether a row of this table has the name."""
        return isinstance(self.editor, Pairs) and self.editor.row(name) is not None

    def first(self) -> Widget | None:
        """What takes the focus."""
        if self.editor.can_focus:
            return self.editor
        return next((each for each in self.editor.query(Widget) if each.can_focus), None)


def _choice(each: FieldSpec, value: Json) -> Choice:
    """What is given and cannot be chosen is shown all the same, until something else is chosen."""
    given = each.default if value is None else value
    chosen = _NOT_SET if given is None else str(given)
    options = {} if each.required or each.default else {_NOT_SET: _NOTHING}
    options |= {option: option for option in each.options}
    return Choice(options if chosen in options else {chosen: chosen or _NOTHING, **options}, chosen)


def _row_of(widget: Widget) -> FormField | None:
    return next((node for node in widget.ancestors if isinstance(node, FormField)), None)


def with_inner(fields: Iterable[FieldSpec]) -> Iterator[FieldSpec]:
    """The fields and those inside them, each before its inner ones."""
    for each in fields:
        yield each
        yield from with_inner(each.inner)


def written(asked: FieldSpec, value: Json) -> str:
    """The value as it is in a line of text, which shows what a terminal would obey."""
    return shown_line(_written(asked, value))


def _written(asked: FieldSpec, value: Json) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        # what would be read as something else than this text is in quotes
        return json.dumps(value) if asked.sort is FieldType.DATA and read(asked, value) != value else value
    if asked.sort is FieldType.LIST and isinstance(value, list) and not any("," in str(each) for each in value):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False)


def read(asked: FieldSpec, text: str) -> Json:
    """The value that a line of text says; what cannot be one stays text, and will be shown as wrong."""
    text = text.strip()
    if not text:
        return None
    if asked.sort is FieldType.TEXT or asked.sort is FieldType.CHOICE:
        return text
    if asked.sort is FieldType.LIST and not text.startswith("["):
        parts = [part.strip() for part in text.split(",") if part.strip()]
        return [int(part) if asked.whole and part.isdigit() else part for part in parts]
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value
