"""A row of search criteria: field, condition and value, or a row of the profile that is not valid as it is written."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from ...client.criteria_cells import ReadCells, begun, cell_of, read_any_row, read_cells
from ...client.criteria_rows import CONDITION_TYPES, WITHOUT_VALUE, Condition, is_field
from .choice import Choice
from .fields import TextField

MEANINGS = {
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
    name: f"{name:<8}{_SIGNS.get(name, ''):<3}{MEANINGS.get(name, '')}".rstrip()
    for name in dict.fromkeys((*MEANINGS, *CONDITION_TYPES))
}
_SHORT = {name: name for name in _CONDITIONS}


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
