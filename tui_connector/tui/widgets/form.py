"""A form of the fields of a JSON Schema: shows plain data, posts edits, and shows problems at their fields.

Independent of models, files and profiles.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea

from ...secrets.cleaning import secret_kind
from ...secrets.pasted import distribute
from ...templates import Json
from ...text import PublicText, listed
from ..keys import after_pending_messages
from .choice import Choice, Toggle
from .criteria import CriteriaField, CriteriaScreen
from .field_specs import FieldSpec, FieldType, from_text, to_lines, to_text
from .fields import FieldGroup, TextField
from .focus_moves import move_to_row
from .form_field import FormField, FormPath, row_of
from .form_history import FormHistory, FormStep
from .pairs import Pairs
from .safe_input import SafeInput
from .secret import Secret, SecretInput, SourceField
from .secret_name import SecretNameInput
from .text_areas import JsonField, SafeTextArea

MakeSource = Callable[[FormPath, str], dict[str, Json]]
"""Returns the source of the secret at a path for a place, such as the name of its keyring entry."""

_NOT_SET, _NOTHING = "", "–"  # the option that removes a value, and its title


class Form(FieldGroup):
    """A form with one row per field. Paths in its messages start with `path`.

    ^Z undoes the last change, in whatever field it was, and goes there.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+z", "undo", "Undo", id="field.restore", show=False, priority=True)
    ]

    @dataclass
    class Edited(Message):
        """The user changed a value; None removes it."""

        form: Form
        path: FormPath
        value: Json

    @dataclass
    class SecretTyped(Message):
        """A secret was entered for this path. It never becomes part of the data."""

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
        """This field got the focus."""

        form: Form
        name: str
        about: str

    def __init__(
        self,
        specs: Iterable[FieldSpec],
        data: Mapping[str, Json],
        path: FormPath,
        make_source: MakeSource,
        *,
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id, classes="form")
        self.specs, self.path = tuple(specs), path
        self.data: dict[str, Json] = deepcopy(dict(data))
        self._make_source = make_source
        self._former: dict[tuple[str, ...], dict[str, dict[str, Json]]] = {}
        """By the path of a variant, what each kind had before another was chosen."""
        self._history = FormHistory()

    def compose(self) -> ComposeResult:
        yield from self._rows(self.specs)

    def _rows(self, specs: Iterable[FieldSpec]) -> Iterator[Widget]:
        for each in specs:
            if each.type is FieldType.GROUP:
                yield Static(Content(each.title), classes="heading")
                yield Vertical(*self._rows(each.inner), classes="section")
            elif each.type is FieldType.VARIANT:
                yield self._row(each)
                yield Vertical(*self._rows(self._inner(each)), id=_section_id(each), classes="section")
            else:
                yield self._row(each)

    def _row(self, each: FieldSpec) -> FormField:
        value = self._at(each)
        return FormField(each, self._editor(each, value), value)

    def _at(self, each: FieldSpec) -> Json:
        found: Json = self.data
        for step in each.path:
            found = found.get(step) if isinstance(found, dict) else None
        return found

    def _put(self, path: tuple[str, ...], value: Json) -> None:
        """Changes the form's own copy of the data."""
        table: dict[str, Json] = self.data
        for step in path[:-1]:
            inner = table.get(step)
            if not isinstance(inner, dict):
                inner = table[step] = {}
            table = inner
        table[path[-1]] = value

    def _inner(self, variant: FieldSpec) -> tuple[FieldSpec, ...]:
        """The fields of the current kind of this variant."""
        kind = _kind_of(self._at(variant))
        return next((each.inner for each in variant.kinds if each.name == kind), ())

    def _full(self, path: tuple[str, ...]) -> FormPath:
        return (*self.path, *path)

    def _editor(self, each: FieldSpec, value: Json) -> Widget:
        path = self._full(each.path)
        if each.type is FieldType.SECRET:
            given = value if isinstance(value, dict) else None
            several = sum(spec.type is FieldType.SECRET for spec in self.specs) > 1
            kind = secret_kind(str(path[-1]))
            return Secret(
                given, lambda place: self._make_source(path, place), kind, among_others=several, path=each.path
            )
        if each.type is FieldType.TABLE and (value is None or isinstance(value, dict)):
            make = (lambda key, place: self._make_source((*path, key), place)) if each.allows_secrets else None
            return Pairs(value or {}, make)
        if each.type is FieldType.BOOLEAN and (value is None or isinstance(value, bool)):
            return Toggle(bool(each.default if value is None else value))
        if each.type is FieldType.CHOICE:
            return _choice(each, value)
        if each.type is FieldType.VARIANT and (value is None or isinstance(value, dict)):
            return _kind_choice(each, value)
        if each.type is FieldType.CRITERIA and (value is None or isinstance(value, list)):
            return CriteriaField(list(map(str, value or ())))
        if each.type in (FieldType.JSON, FieldType.CRITERIA, FieldType.VARIANT):
            return JsonField(to_lines(each, value))
        if each.names_secret is not None:
            beside = (*each.path[:-1], each.names_secret.secret)
            return SecretNameInput(to_text(each, value), each.hint, each.names_secret, lambda: self._entry_at(beside))
        return TextField(to_text(each, value), placeholder=each.hint)

    def _entry_at(self, path: tuple[str, ...]) -> SourceField | None:
        """The field of the secret at this path; None if there is none."""
        rows = [row for row in self.query(FormField) if row.spec.path == path]
        return next((row.editor.entry for row in rows if isinstance(row.editor, Secret)), None)

    async def show_values(self, data: Mapping[str, Json]) -> None:
        """Shows other values; a field keeps its widget, with what ^Z undoes in it, unless its value is another one."""
        self.data = deepcopy(dict(data))
        for row in self.query(FormField):
            value = self._at(row.spec)
            is_kind = row.spec.type is FieldType.VARIANT and isinstance(row.editor, Choice)
            before, now = (_kind_of(row.value), _kind_of(value)) if is_kind else (row.value, value)
            if row.is_attached and before != now:  # the fields of another kind are shown already
                await self._show_again(row)

    async def _show_again(self, row: FormField) -> None:
        """Shows the value of a row as it is in the data now."""
        place = row.parent
        assert isinstance(place, Widget)
        following = place.children[place.children.index(row) + 1 :]
        await row.remove()
        await place.mount(self._row(row.spec), before=following[0] if following else None)
        if row.spec.type is FieldType.VARIANT:
            await self._show_kind(row.spec)

    def action_undo(self) -> None:
        """Undoes the last change, after what was typed before the key."""
        self.after_pending_input(partial(self.call_later, self._undo))

    async def _undo(self) -> None:
        step = self._history.last
        if step is None:
            return
        if isinstance(step.widget, SafeInput | SafeTextArea) and step.widget.is_attached and step.widget.can_restore:
            self.screen.set_focus(step.widget)
            self._history.reopen()
            step.widget.action_restore() if isinstance(step.widget, SafeInput) else step.widget.undo()
            return
        self._history.pop()
        row = next((row for row in self.query(FormField) if row.spec.path == step.path), None)
        if row is None:  # its kind is another one since
            return
        now = self._at(row.spec)
        self._put(step.path, deepcopy(step.before))
        await self._show_again(row)
        full = self._full(step.path)
        self.post_message(self.Edited(self, full, step.before))
        self.fields_changed(full)
        self.focus_at((*full, *_first_difference(now, step.before)))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "undo":
            return self._history.last is not None and not isinstance(self.screen.focused, SecretInput)
        return super().check_action(action, parameters)

    def why_not(self, action: str) -> str:
        return "Nothing to undo in this form." if action == "undo" else ""

    def field(self, name: str) -> FormField | None:
        """The row of the field with this name, or None."""
        return next((row for row in self.query(FormField) if row.spec.name == name), None)

    def editor_of(self, name: str = "") -> Widget | None:
        """What edits this field, or the first one."""
        rows = [row for row in self.query(FormField) if not name or row.spec.name == name or row.holds(name)]
        return rows[0].editor_at((name,)) if rows else None

    def editor_at(self, path: FormPath) -> Widget | None:
        """What edits the field that this path is in."""
        found = [row for row in self.query(FormField) if (full := self._full(row.spec.path)) == path[: len(full)]]
        row = max(found, key=lambda row: len(row.spec.path)) if found else None
        return row.editor_at(path[len(self._full(row.spec.path)) :]) if row is not None else None

    def editor_with_problem(self) -> Widget | None:
        """What edits the first field with a problem; of a table, the cell that has it."""
        targets = (row.first_wrong() for row in self.query(FormField) if row.is_wrong)
        return next((each for each in targets if each is not None), None)

    def focus_on(self, name: str = "") -> None:
        """Focuses this field, or the first one."""
        self._focus(self.editor_of(name))

    def focus_at(self, path: FormPath) -> bool:
        """Focuses the field that this path is in; returns whether there is one."""
        return self._focus(self.editor_at(path))

    def focus_on_problem(self) -> bool:
        """Focuses the first field with a problem, in JSON at the problem; returns whether there is one."""
        editor = self.editor_with_problem()
        if editor is not None and (row := row_of(editor)) is not None:
            row.move_to_problem()
        return self._focus(editor)

    def _focus(self, editor: Widget | None) -> bool:
        if editor is not None:
            self.screen.set_focus(editor)
        return editor is not None

    def path_of(self, widget: Widget | None) -> FormPath:
        """The path of the field that this widget belongs to; that of the form if it is none of its fields."""
        row = row_of(widget) if widget is not None and self in widget.ancestors else None
        return self.path if row is None else self._full(row.spec.path)

    def first_wrong(self) -> str:
        """The name of the first field with a problem; "" where none has."""
        return next((row.spec.name for row in self.query(FormField) if row.is_wrong), "")

    def on_key(self, event: events.Key) -> None:
        """↓ and ↑ go to the next and previous field."""
        if event.key in ("down", "up") and move_to_row(self, event.key):
            event.stop()

    def _section_starts(self) -> list[int]:
        """The index of the first row of each section: a group, a variant, or the fields between two of them."""
        rows = list(self.query(FormField))
        return [at for at, each in enumerate(rows) if at == 0 or each.section != rows[at - 1].section]

    @property
    def has_sections(self) -> bool:
        """Whether there is another section to go to."""
        return len(self._section_starts()) > 1

    def to_section(self, by: int) -> None:
        """Focuses the first field of the next (1) or previous (-1) section."""
        rows, focused = list(self.query(FormField)), self.screen.focused
        row = row_of(focused) if focused is not None else None
        here = rows.index(row) if row in rows else -1
        starts = self._section_starts()
        later, earlier = [each for each in starts if each > here], [each for each in starts if each < here]
        targets = later[:1] if by > 0 else earlier[-1:]
        if targets and (target := rows[targets[0]].editor_at(())) is not None:
            self.screen.set_focus(target)

    def after_pending_input(self, then: Callable[[], object]) -> None:
        """Calls `then` once all that was typed or pasted so far has been handled by this form."""
        for each in self.query("Input, TextArea"):
            then = partial(after_pending_messages, each, self, then)
        then()

    def show_problems(self, problems: Mapping[FormPath, str], wrong_keys: Collection[FormPath] = ()) -> None:
        """Shows problems by path, each at its field, or at the first of several fields that it concerns.

        `wrong_keys` are the paths whose last key is wrong, and not its value.
        """
        for row, at, words in self._said_at(problems):
            row.problem_at(at[len(self._full(row.spec.path)) :], words, is_of_key=at in wrong_keys)

    def show_notes(self, notes: Mapping[FormPath, str]) -> None:
        """Shows what else is to be known of values, in the same places."""
        for row, _, words in self._said_at(notes):
            row.note(words)

    def _said_at(self, texts: Mapping[FormPath, str]) -> list[tuple[FormField, FormPath, str]]:
        """Each row, with the first of these texts that is about it, after its path; "" where none is."""
        rows = {self._full(row.spec.path): row for row in self.query(FormField)}
        said: dict[FormPath, tuple[FormPath, str]] = {}
        for at, words in texts.items():
            at_field = sorted((path for path in rows if at[: len(path)] == path), key=len, reverse=True)
            if places := at_field or [path for path in rows if path[: len(at)] == at and len(at) >= len(self.path)]:
                said.setdefault(places[0], (at, words))
        return [(row, *said.get(path, ((), ""))) for path, row in rows.items()]

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        row = row_of(event.input)
        if row is not None and event.value != to_text(row.spec, row.value):
            is_emptied = not event.value and len(to_text(row.spec, row.value)) > 1  # by ^U, which is undone alone
            self._edit(row, from_text(row.spec, event.value), event.input, begins=is_emptied)

    @on(TextArea.Changed)
    def _area_typed(self, event: TextArea.Changed) -> None:
        event.stop()
        row = row_of(event.text_area)
        if row is not None and event.text_area.text != to_lines(row.spec, row.value):
            value = from_text(row.spec, event.text_area.text)
            if value != row.value:
                self._edit(row, value, event.text_area)

    @on(Toggle.Changed)
    def _toggled(self, event: Toggle.Changed) -> None:
        event.stop()
        row = row_of(event.toggle)
        if row is not None:
            self._edit(row, None if event.value == row.spec.default else event.value, begins=True)

    @on(Choice.Chosen)
    async def _chosen(self, event: Choice.Chosen) -> None:
        row = row_of(event.choice)
        if row is None:
            return
        event.stop()
        if row.spec.type is FieldType.VARIANT:
            await self._choose_kind(row, event.option)
        else:
            self._edit(row, event.option or None, begins=True)

    async def _choose_kind(self, row: FormField, kind: str) -> None:
        """Shows the fields of another kind: with what they had before, else with values that both kinds have."""
        variant, before = row.spec, self._at(row.spec)
        before = before if isinstance(before, dict) else {}
        former = self._former.setdefault(variant.path, {})
        former[_kind_of(before)] = before
        fields = [each for found in variant.kinds if found.name == kind for each in found.inner]
        value = former.get(kind) or {"kind": kind, **self.shared_values(variant, before, kind, fields)}
        self._edit(row, {key: each for key, each in value.items() if each is not None} if kind else None, begins=True)
        await self._show_kind(variant)

    async def _show_kind(self, variant: FieldSpec) -> None:
        """Shows the fields of the kind that this variant has now."""
        section = self.query_one(f"#{_section_id(variant)}", Vertical)
        await section.remove_children()
        await section.mount_all(self._rows(self._inner(variant)))
        self.fields_changed(self._full(variant.path))

    def shared_values(
        self, variant: FieldSpec, before: Mapping[str, Json], kind: str, fields: Sequence[FieldSpec]
    ) -> dict[str, Json]:
        """The values for the fields of another kind of this variant; `before` are those of its former kind."""
        names = {each.name for each in fields}
        return {name: value for name, value in before.items() if name in names and value is not None}

    def fields_changed(self, path: FormPath) -> None:
        """Called after the fields below this path were exchanged for those of another kind."""

    @on(CriteriaField.OpenRequested)
    def _open_criteria(self, event: CriteriaField.OpenRequested) -> None:
        event.stop()
        field, row = event.criteria, row_of(event.criteria)

        def edited(rows: list[str] | None) -> None:
            if rows is not None:
                field.change(rows)

        if row is not None:
            self.app.push_screen(self.criteria_screen(self._full(row.spec.path), field.rows), edited)

    @on(CriteriaField.Changed)
    def _criteria_changed(self, event: CriteriaField.Changed) -> None:
        event.stop()
        row = row_of(event.criteria)
        if row is not None:
            self._edit(row, list(event.criteria.rows) or None, begins=True)

    def criteria_screen(self, path: FormPath, rows: Sequence[str]) -> CriteriaScreen:
        """The screen that edits the search criteria at this path."""
        return CriteriaScreen(rows)

    @on(Secret.SourceChanged)
    def _sourced(self, event: Secret.SourceChanged) -> None:
        event.stop()
        row = row_of(event.secret)
        if row is not None:
            row.mark("")
            self._edit(row, event.source, begins=True)

    @on(Secret.PlaceForAll)
    async def _place_for_all(self, event: Secret.PlaceForAll) -> None:
        event.stop()
        for row in self.query(FormField):
            if isinstance(row.editor, Secret):
                await row.editor.choose(event.place)
        self.screen.set_focus(event.secret.entry)

    @on(Pairs.Changed)
    def _pairs(self, event: Pairs.Changed) -> None:
        event.stop()
        row = row_of(event.pairs)
        if row is not None:
            self._edit(row, event.value or None)
            row.problem_at((), "")

    @on(Pairs.SecretEntered)
    def _secret_in_row(self, event: Pairs.SecretEntered) -> None:
        event.stop()
        row = row_of(event.pairs)
        if row is not None:
            self.post_message(self.SecretTyped(self, (*self._full(row.spec.path), event.key), event.values[0].value))

    @on(Secret.Entered)
    def _given(self, event: Secret.Entered) -> None:
        """Distributes the values over the secret fields."""
        event.stop()
        rows = [row for row in self.query(FormField) if row.spec.type is FieldType.SECRET]
        here = next(at for at, row in enumerate(rows) if row.editor is event.secret)
        values, over = distribute(event.values, [row.spec.path for row in rows], here)
        if over:
            self.notify(f"{len(event.values)} values were pasted; there is no field for the other {over}.", timeout=8)
        if values and here not in values:
            self.notify(f"Entered by label: {listed([rows[at].label for at in sorted(values)])}.", timeout=8)
        for at, value in sorted(values.items()):
            self.post_message(self.SecretTyped(self, self._full(rows[at].spec.path), value))

    def held(self, path: FormPath, glimpse: str, *, verdict: str = "") -> None:
        """Shows that a secret is available: its `glimpse`, its length and the `verdict`, such as `ACCEPTED`."""
        for row in self.query(FormField):
            full = self._full(row.spec.path)
            if path[: len(full)] != full:
                continue
            marked = row.editor.row(str(path[-1])) if isinstance(row.editor, Pairs) else row
            if marked is None or not isinstance(row.editor, (Secret, Pairs)):
                continue
            secret = row.editor if isinstance(row.editor, Secret) else marked.query_one(Secret)
            if secret.place != "command":  # which prints another one
                marked.mark(f"{secret.show(glimpse)}{verdict}")

    def not_held(self, path: FormPath) -> None:
        """Shows that what was typed for this secret was not taken."""
        for row in self.query(FormField):
            full = self._full(row.spec.path)
            pair = row.editor.row(str(path[-1])) if isinstance(row.editor, Pairs) else row.editor
            if path[: len(full)] == full and isinstance(pair, Widget):
                for entry in pair.query(SourceField):
                    entry.has_value = False

    @on(TextField.EnterPressed)
    def _left(self, event: TextField.EnterPressed) -> None:
        event.stop()
        if event.last:
            self.post_message(self.Entered(self))

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        row = row_of(event.widget)
        # where the focus moves fast, the event of an earlier field may arrive late
        if row is not None and event.widget is self.screen.focused:
            if row.is_wrong and isinstance(event.widget, SecretInput):
                event.widget.replace_secret()  # it is of no use, so what is typed is a new one
            self.post_message(self.Focused(self, row.spec.name, row.field_help))

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        self._history.end()

    def _edit(self, row: FormField, value: Json, widget: Widget | None = None, *, begins: bool = False) -> None:
        step = FormStep(row.spec.path, deepcopy(self._at(row.spec)), widget)
        self._history.changed(step, value, begins=begins)
        row.value = value
        self._put(row.spec.path, deepcopy(value))
        self.post_message(self.Edited(self, self._full(row.spec.path), value))


def _choice(each: FieldSpec, value: Json) -> Choice:
    """A choice that also shows a current value which is not among its options."""
    given = each.default if value is None else value
    chosen = _NOT_SET if given is None else str(given)
    options = {} if each.required or each.default else {_NOT_SET: _NOTHING}
    options |= {option: option for option in each.options}
    return Choice(options if chosen in options else {chosen: chosen or _NOTHING, **options}, chosen)


def _kind_of(value: Json) -> str:
    return str(value.get("kind") or "") if isinstance(value, dict) else ""


def _first_difference(value: Json, other: Json) -> FormPath:
    """The key of two tables whose values differ first; empty for other values."""
    if not isinstance(value, dict) or not isinstance(other, dict):
        return ()
    return next(((key,) for key in {**other, **value} if value.get(key) != other.get(key)), ())


def _section_id(variant: FieldSpec) -> str:
    return f"section-{'-'.join(variant.path)}"


def _beginning(title: str) -> str:
    found = title.partition(": ")[0]
    return PublicText(found) if isinstance(title, PublicText) else found


def _kind_choice(variant: FieldSpec, value: Json) -> Choice:
    """The choice of a kind; in the row, only the beginning of its title."""
    titles = {each.name: each.title for each in variant.kinds}
    kind = _kind_of(value)
    if kind and kind not in titles:
        titles = {kind: kind, **titles}
    options = titles if variant.required else {**titles, _NOT_SET: "none"}
    short = {name: _beginning(title) for name, title in options.items()}
    return Choice(options, kind, short={**short, _NOT_SET: _NOTHING})
