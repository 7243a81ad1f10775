"""Search criteria as rows of field, condition and value, joined by "and" and "or"; below, how many items match."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.timer import Timer
from textual.widgets import Button, Input, Static

from ...client.criteria_cells import ReadCells, begun, cell_of, read_any_row, read_cells, written_rows
from ...client.criteria_rows import CONDITION_TYPES, WITHOUT_VALUE, Condition, doubt, is_field, read_row
from ...errors import UserError
from ...text import count, shown, shown_line
from .choice import Choice
from .dialog_panel import DialogPanel
from .fields import FieldGroup, TextField
from .frame import TONES, Dialog
from .questions import DiscardScreen, WorkAnswer

_MEANINGS = {
    "eq": "equal to",
    "neq": "not equal to",
    "gt": "greater than, or after",
    "gteq": "greater than or equal to",
    "lt": "less than, or before",
    "lteq": "less than or equal to",
    "like": "like a pattern: % is any text, _ any character",
    "in": "one of these, separated by commas",
    "nin": "none of these, separated by commas",
    "null": "has no value",
    "notnull": "has a value",
    "nlike": "not like a pattern",
    "finset": "a list that contains this, such as category ids",
    "nfinset": "a list that does not contain this",
    "regexp": "matches a regular expression of MySQL",
    "from": "starting at this value; with `to`, a range",
    "to": "up to this value",
}
_SIGNS = {"eq": "=", "neq": "≠", "gt": ">", "gteq": "≥", "lt": "<", "lteq": "≤"}
_CONDITIONS = {
    name: f"{name:<8}{_SIGNS.get(name, ''):<3}{_MEANINGS.get(name, '')}".rstrip()
    for name in dict.fromkeys((*_MEANINGS, *CONDITION_TYPES))
}
_SHORT = {name: name for name in _CONDITIONS}
_HELP = (
    "Search criteria\n"
    "Each row is a condition on a field of the items: field, condition, value. Rows joined by `and` must all be true; "
    "of rows joined by `or`, one is enough. A new row appears below the last one; an empty field removes its row.\n"
    "A whole expression may be typed into a cell, such as `status = new or status = pending`: it is divided into its "
    "rows. A value that contains such an expression is written in quotes.\n"
    "In the profile, each line of `where` is such a row: status eq processing or status eq pending.\n\n"
    + "\n".join(f"{name:<9} {meaning}" for name, meaning in _MEANINGS.items())
)
_UNTIL_COUNTED = 0.4
"""Seconds after the last change until the matching items are counted."""
_SHOWN = 200


class CriteriaField(Static, can_focus=True):
    """The rows of search criteria in a form; Enter opens them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space,down", "open", "Edit", id="criteria.open", tooltip="Edit search criteria"),
        Binding("ctrl+u", "delete", "Delete the value", id="field.delete", show=False),
    ]

    @dataclass
    class OpenRequested(Message):
        """The rows are to be edited."""

        criteria: CriteriaField

        @property
        def control(self) -> CriteriaField:
            return self.criteria

    @dataclass
    class Changed(Message):
        """The rows have changed."""

        criteria: CriteriaField

        @property
        def control(self) -> CriteriaField:
            return self.criteria

    def __init__(self, rows: Sequence[str], *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes="choice")
        self.rows = list(rows)

    def on_mount(self) -> None:
        self.show(self.rows)

    def show(self, rows: Sequence[str]) -> None:
        """Shows these rows."""
        self.rows = list(rows)
        text = shown_line(" and ".join(self.rows), _SHOWN)
        self.update(Content(f"{text or 'all items'} ▾"))

    def action_open(self) -> None:
        self.post_message(self.OpenRequested(self))

    def action_delete(self) -> None:
        """Deletes all rows."""
        self.change([])

    def change(self, rows: Sequence[str]) -> None:
        """The user has changed the rows to these."""
        if self.rows != [*rows]:
            self.show(rows)
            self.post_message(self.Changed(self))


class FieldName(TextField):
    """The name of a field; Tab completes it, or goes on where there is nothing to complete."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(name, placeholder="field")
        self.add_class("key")
        self.known = known

    @property
    def known(self) -> Sequence[str]:
        """The names to complete from."""
        return self._known

    @known.setter
    def known(self, names: Sequence[str]) -> None:
        self._known = names
        self.suggester = SuggestFromList(names) if names else None

    def action_tab(self) -> None:
        """Takes the name that is suggested for what was typed, also where it was typed just before."""
        typed = self.value
        if typed and self.cursor_position == len(typed) and typed not in self._known:
            begun = (each for each in self._known if each.startswith(typed))
            if (name := next(begun, None)) is not None:
                self.replace(name, 0, len(typed))
                return
        super().action_tab()

    async def action_submit(self) -> None:
        """Goes on to the condition of this field, or to its value where the condition was typed, too."""
        row = self.query_ancestor(CriteriaRow)
        if row.is_typed_in_field:
            row.to_value()
        elif self.value.strip():
            self.screen.set_focus(row.query_one(ConditionChoice))
        else:
            await super().action_submit()


class ConditionChoice(Choice):
    """The condition of a row. What is typed after a choice is its value, so the focus goes on while it is made."""

    def __init__(self, chosen: str) -> None:
        super().__init__(_CONDITIONS, chosen, short=_SHORT)
        self.add_class("condition")

    def _take(self, option: str | None) -> None:
        super()._take(option)
        if option is not None:
            self.query_ancestor(CriteriaRow).to_value()


class CriteriaRow(Horizontal):
    """One condition; `joiner` is how it is joined to the one before."""

    class Changed(Message):
        """The condition has changed."""

    @dataclass
    class Divided(Message):
        """A cell has more than its part of a condition: this is what was typed."""

        row: CriteriaRow
        read: ReadCells

    def __init__(self, condition: Condition | None, joiner: str, fields: Sequence[str], *, is_first: bool) -> None:
        super().__init__(classes="pair criteria-row")
        self._condition, self._joiner, self._first = condition, joiner, is_first
        self._fields = fields

    def compose(self) -> ComposeResult:
        condition = self._condition
        if self._first:
            yield Static("where", classes="joiner")
        else:
            yield Choice({"and": "and", "or": "or"}, self._joiner)
        yield FieldName(condition.field if condition else "", self._fields)
        yield ConditionChoice(condition.condition if condition else "eq")
        value = TextField(cell_of(condition) if condition is not None else "", placeholder="value")
        value.add_class("value")
        yield value

    def suggest(self, fields: Sequence[str]) -> None:
        """Completes field names from these."""
        self._fields = fields
        for each in self.query(FieldName):
            each.known = fields

    def to_value(self) -> None:
        """Focuses the value; what follows, where the condition has none."""
        value = self._show_value()
        if value.display:
            self.screen.set_focus(value)
        else:
            self.screen.focus_next()

    def _show_value(self) -> TextField:
        """The field of the value, shown where the condition has one."""
        value = self.query_one(".value", TextField)
        value.display = self.query_one(ConditionChoice).chosen not in WITHOUT_VALUE
        return value

    @property
    def joiner(self) -> str:
        found = [each for each in self.query(Choice) if not isinstance(each, ConditionChoice)]
        return found[0].chosen if found else "and"

    @property
    def is_empty(self) -> bool:
        """Whether the row has no field."""
        return not self._cells[0].strip()

    @property
    def _cells(self) -> tuple[str, str, str]:
        """The texts of field, condition and value."""
        values = list(self.query(".value").results(TextField))  # the last one to be mounted
        if not values:
            given = self._condition
            return (given.field, given.condition, cell_of(given)) if given is not None else ("", "eq", "")
        return self.query_one(FieldName).value, self.query_one(ConditionChoice).chosen, values[0].value

    def read(self) -> ReadCells:
        """What was typed into the cells; nothing while the row has no field. Raises ValueError with what is wrong."""
        return ReadCells([]) if self.is_empty else read_cells(*self._cells)

    @property
    def problem(self) -> str:
        """What is wrong with the cells; "" for nothing."""
        try:
            self.read()
        except ValueError as error:
            return str(error)
        return ""

    def cell_to_correct(self, listed: Collection[str]) -> TextField:
        """The cell with what is wrong in this row; `listed` are the fields of the list, empty if not known."""
        name, values = self.query_one(FieldName), [*self.query(".value").results(TextField)]
        typed = name.value.strip()
        is_named = is_field(typed) and (not listed or typed in listed)
        return values[0] if is_named and values and values[0].display else name

    @property
    def is_typed_in_field(self) -> bool:
        """Whether the cell of the field has a condition, too."""
        return begun(self._cells[0]) is not None or self._is_whole_in_field

    @property
    def _is_whole_in_field(self) -> bool:
        """Whether the cell of the field has a condition with its value."""
        try:
            return not is_field(self._cells[0].strip()) and bool(self.read().rows)
        except ValueError:
            return False

    @property
    def is_without_field(self) -> bool:
        """Whether only a value has been typed: the row is not a condition yet."""
        return self.is_empty and bool(self._cells[2])

    def show(self, condition: Condition) -> None:
        """Shows this condition, each part of it in its cell."""
        self.query_one(FieldName).value = condition.field
        self.query_one(ConditionChoice).show(condition.condition)
        self.query_one(".value", TextField).value = cell_of(condition)
        self._show_value()

    def join(self, joiner: str) -> None:
        """Joins the condition like this to the one before, where there is one."""
        for each in self.query(Choice):
            if not isinstance(each, ConditionChoice):
                each.show(joiner)

    def _divide(self) -> None:
        """Each cell that is left has its part of the condition; what was typed besides becomes rows."""
        field, condition, value = self._cells
        if not value and (started := begun(field)) is not None:
            self.query_one(FieldName).value = started[0]
            self.query_one(ConditionChoice).show(started[1])
            return
        try:
            read = self.read()
        except ValueError:  # said below the rows
            return
        conditions = [each for row in read.rows for each in row]
        parts = [(each.field, each.condition) for each in conditions]
        if conditions and (read.joiner or parts != [(field.strip(), condition)]):
            self.post_message(self.Divided(self, read))

    @property
    def is_complete(self) -> bool:
        """Whether nothing of the condition is missing: the field is known, or was left, and there is a value."""
        if self.is_empty or not self.has_focus_within or self._is_whole_in_field:
            return True
        field, value = self.query_one(FieldName), self.query(".value").results(TextField)
        needs_value = self.query_one(ConditionChoice).chosen not in WITHOUT_VALUE
        if field.has_focus and field.value.strip() not in self._fields:
            return False
        return not needs_value or any(each.value for each in value)

    def on_descendant_blur(self) -> None:
        self._divide()
        self.post_message(self.Changed())

    @on(Input.Changed)
    @on(Choice.Chosen)
    def _changed(self, event: Message) -> None:
        event.stop()
        self._show_value()
        self.post_message(self.Changed())


class UnreadRow(Horizontal):
    """A row of the profile that is not valid, as it is written."""

    def __init__(self, text: str, *, is_first: bool) -> None:
        super().__init__(classes="pair criteria-row")
        self._text, self._first = text, is_first

    def compose(self) -> ComposeResult:
        yield Static("where" if self._first else "and", classes="joiner")
        field = TextField(self._text)
        field.add_class("value")
        yield field

    @property
    def text(self) -> str:
        """The row as typed; empty removes it."""
        fields = list(self.query(TextField))
        return (fields[0].value if fields else self._text).strip()

    @property
    def is_invalid(self) -> bool:
        """Whether the row still cannot be read."""
        try:
            read_any_row(self.text)
        except ValueError:
            return bool(self.text)
        return False

    @on(Input.Changed)
    def _changed(self, event: Message) -> None:
        event.stop()
        self.post_message(CriteriaRow.Changed())


class CriteriaScreen(Dialog[list[str] | None]):
    """Edits search criteria; returns the rows, or None if they stay as they are."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", id="criteria.cancel", priority=True),
        Binding("ctrl+s,f8", "done", "Done", id="criteria.done", priority=True),
    ]

    @dataclass
    class Counted(Message):
        """How many items match, or why that is not known."""

        words: str
        tone: str

    @dataclass
    class FieldsFound(Message):
        """The fields of the list."""

        fields: list[str]

    def __init__(
        self,
        rows: Sequence[str],
        fields: Callable[[], Awaitable[list[str]]] | None = None,
        matches: Callable[[list[str]], Awaitable[int | None]] | None = None,
        known: Sequence[str] = (),
    ) -> None:
        """`fields` reads the names of the list's fields, `matches` counts the items for rows.

        It returns None where the store does not say how many there are, and raises `UserError`.

        `known` are the fields to complete from until those of the list were read.
        """
        super().__init__()
        self._given, self._read_fields, self._matches = list(rows), fields, matches
        self._known = [*known]
        self._listed: list[str] = []
        """The fields of the list, as the store describes it."""
        self._told_doubts: list[str] = []
        """What was doubted when the rows were to be returned: the same again returns them."""
        self._asked_fields = False
        """Whether the fields have been requested, after the first count: the store's schema is large."""
        self._timer: Timer | None = None
        self._counted_rows: list[str] | None = []
        """The rows that the count shown is for; None while a row is incomplete."""

    def compose(self) -> ComposeResult:
        with DialogPanel(id="form-over") as panel:
            panel.border_title = "Search criteria"
            panel.border_subtitle = "^S: done · F1: help · Esc: cancel"
            about = "Only items for which all of this is true; alternatives are joined by or."
            yield Static(Content(about), classes="form-about")
            with VerticalScroll(can_focus=False), FieldGroup(id="criteria-rows"):
                yield from self._rows()
            yield Static("", id="criteria-count")
            with Horizontal(classes="buttons"):
                yield Button("Done", compact=True, id="criteria-done")
                yield Static(Content("Tab: complete; then next   Enter: next; opens ▾"), classes="quiet")

    def _rows(self) -> list[CriteriaRow | UnreadRow]:
        found: list[CriteriaRow | UnreadRow] = []
        for row in self._given:
            try:
                groups = read_any_row(row)
            except ValueError:
                found.append(UnreadRow(row, is_first=not found))
                continue
            for group in groups:
                for number, condition in enumerate(group):
                    found.append(CriteriaRow(condition, "or" if number else "and", self._known, is_first=not found))
        return [*found, CriteriaRow(None, "and", self._known, is_first=not found)]

    def on_mount(self) -> None:
        self._count()
        if self._matches is None:
            self._find_fields()

    @work(exclusive=True, group="fields")
    async def _find_fields(self) -> None:
        if self._read_fields is not None:
            self.post_message(self.FieldsFound(await self._read_fields()))

    @on(FieldsFound)
    def _suggest(self, message: FieldsFound) -> None:
        self._listed = [*dict.fromkeys([*self._known, *message.fields])] if message.fields else []
        self._known = self._listed or self._known
        for row in self.query(CriteriaRow):
            row.suggest(self._known)

    @property
    def fields(self) -> Sequence[str]:
        """The fields of the list, as far as they are known."""
        return self._known

    @property
    def rows(self) -> list[str]:
        """The rows as they are written in a profile."""
        found: list[str] = []
        for row in self.query(".criteria-row").results():
            if isinstance(row, UnreadRow):
                found += _as_edited(row.text)
                continue
            assert isinstance(row, CriteriaRow)
            try:
                read = row.read()
            except ValueError:  # which `_problem` says
                continue
            written = written_rows(read.rows)
            if written and found and (read.joiner or row.joiner) == "or":
                found[-1] += f" or {written.pop(0)}"
            found += written
        return found

    @on(CriteriaRow.Divided)
    async def _divide(self, message: CriteriaRow.Divided) -> None:
        """Shows what was typed into the cells of a row as rows of their own."""
        row, was_left = message.row, not message.row.has_focus_within
        rows = map(enumerate, message.read.rows)
        pairs = [("or" if number else "and", condition) for group in rows for number, condition in group]
        (_, first), others = pairs[0], pairs[1:]
        row.show(first)
        if message.read.joiner:
            row.join(message.read.joiner)
        added = [CriteriaRow(condition, joiner, self._known, is_first=False) for joiner, condition in others]
        if added:
            await self.query_one("#criteria-rows").mount(*added, after=row)
            self.notify(f"Divided into {len(pairs)} conditions. In quotes, it is one value.", markup=False)
        if not was_left:
            (added or [row])[-1].to_value()

    @on(CriteriaRow.Changed)
    async def _changed(self) -> None:
        rows = list(self.query(CriteriaRow))
        if not rows[-1].is_empty:
            last = CriteriaRow(None, "and", self._known, is_first=False)
            await self.query_one("#criteria-rows").mount(last)
        if self.rows == self._counted_rows:  # as after the first layout of the fields
            return
        if self._timer is not None:
            self._timer.stop()
        self._timer = None
        if any(not row.is_complete for row in rows):
            self._counted_rows = None
            self._say("Counted when the condition is complete" if self._matches is not None else "", "muted")
            return
        self._timer = self.set_timer(_UNTIL_COUNTED, self._count)

    @property
    def _problem(self) -> str:
        for problem in (each.problem for each in self.query(CriteriaRow)):
            if problem:
                return problem
        for row in self.rows:
            try:
                read_row(row)
            except ValueError as error:
                return str(error)
        return ""

    @property
    def _doubts(self) -> list[str]:
        """What is incomplete or probably not meant in the rows that were changed."""
        return [each for row in self.query(CriteriaRow) for each in self._doubts_of(row)]

    def _doubts_of(self, row: CriteriaRow) -> list[str]:
        given = {condition for each in self._given for condition in _conditions(each)}
        read = row.read()
        conditions = [each for group in read.rows for each in group if each not in given]
        found = [read.doubt, *(doubt(each, self._listed) for each in conditions)]
        return [*filter(None, found), *(["a value has no field"] if row.is_without_field else [])]

    def help_text(self) -> str:
        return _HELP

    def _count(self) -> None:
        rows = self._counted_rows = self.rows
        if problem := self._problem:
            self._say(problem, "error")
        elif self._matches is not None:
            self._say("Counting…", "muted")
            self._ask(rows)
        else:
            self._say("", "muted")

    @work(exclusive=True, group="count")
    async def _ask(self, rows: list[str]) -> None:
        assert self._matches is not None
        try:
            total = await self._matches(rows)
        except UserError as error:
            self.post_message(self.Counted(str(error), "error"))
            return
        if total is None:
            self.post_message(self.Counted("The store does not say how many items match", "muted"))
        else:
            words = count(total, "item matches", "items match")
            self.post_message(self.Counted(words, "success" if total else "warning"))

    @on(Counted)
    def _counted(self, message: Counted) -> None:
        if self._counted_rows is not None:
            self._say(message.words, message.tone)
        if not self._asked_fields:
            self._asked_fields = True
            self._find_fields()

    def _say(self, words: str, tone: str) -> None:
        sign = {"success": "✔ ", "warning": "! ", "error": "✘ "}.get(tone, "")
        self.query_one("#criteria-count", Static).update(Content.assemble((sign + shown(words), TONES[tone])))

    def action_cancel(self) -> None:
        """Closes the form without its changes; asks first where there are any."""
        given = [written for row in self._given for written in _as_edited(row)]
        if self.rows == given and not any(row.is_without_field or row.problem for row in self.query(CriteriaRow)):
            self.dismiss(None)
            return
        self.app.push_screen(DiscardScreen(save="Apply and close"), self._leave)

    def _leave(self, answer: WorkAnswer | None) -> None:
        if answer == "save":
            self.action_done()
        elif answer == "discard":
            self.dismiss(None)

    @on(Button.Pressed, "#criteria-done")
    def action_done(self) -> None:
        """Returns the rows, if they are valid; what is incomplete is said first."""
        if problem := self._problem:
            self._say(problem, "error")
            self._correct([row for row in self.query(CriteriaRow) if row.problem])
            return
        if (doubts := self._doubts) != self._told_doubts and doubts:
            self._told_doubts, self._counted_rows = doubts, None
            if self._timer is not None:
                self._timer.stop()
            self._say(f"{'; '.join(doubts)}. ^S again accepts this.", "warning")
            self._correct([row for row in self.query(CriteriaRow) if self._doubts_of(row)])
            return
        self.dismiss(self.rows)

    def _correct(self, wrong: Sequence[CriteriaRow]) -> None:
        """Focuses the cell to correct in the first of these rows; without any, that of one that cannot be read."""
        unread = [row.query_one(TextField) for row in self.query(UnreadRow) if row.is_invalid]
        if cells := [row.cell_to_correct(self._listed) for row in wrong] or unread:
            self.set_focus(cells[0])


def _conditions(row: str) -> list[Condition]:
    """The conditions of a row; none of one that is not valid."""
    try:
        return [condition for group in read_any_row(row) for condition in group]
    except ValueError:
        return []


def _as_edited(row: str) -> list[str]:
    """The rows that are returned for one of which nothing is changed; none for an empty one."""
    try:
        return written_rows(read_any_row(row))
    except ValueError:
        return [row.strip()] if row.strip() else []
