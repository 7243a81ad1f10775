"""Search criteria as rows of field, condition and value, joined by "and" and "or"; below, how many items match."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Button, Static

from ...client.criteria_cells import read_any_row, written_rows
from ...client.criteria_rows import Condition, doubt, read_row
from ...errors import UserError
from ...text import count, shown, shown_line
from ..second_press import SecondPress
from .criteria_row import MEANINGS, CriteriaRow, UnreadRow
from .dialog_panel import DialogPanel
from .fields import FieldGroup, TextField
from .frame import TONES, Dialog
from .questions import DiscardScreen, WorkAnswer

_HELP = (
    "Search criteria\n"
    "Each row is a condition on a field of the items: field, condition, value. Rows joined by `and` must all be true; "
    "of rows joined by `or`, one is enough. A new row appears below the last one; an empty field removes its row.\n"
    "A whole expression may be typed into a cell, such as `status = new or status = pending`: it is divided into its "
    "rows. A value that contains such an expression is written in quotes.\n"
    "In the profile, each line of `where` is such a row: status eq processing or status eq pending.\n\n"
    + "\n".join(f"{name:<9} {meaning}" for name, meaning in MEANINGS.items())
)
_UNTIL_COUNTED = 0.4
"""Seconds after the last change until the matching items are counted."""
_SHOWN = 200

_Typed: TypeAlias = tuple[list[str], list[str], list[bool]]
"""The rows that can be read, and for each row of cells its problem and whether it is without a field."""


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
        self._second_press = SecondPress()
        """Shows doubts of the rows before they are returned: with the same key again, they are meant like this."""
        self._asked_fields = False
        """Whether the fields have been requested, after the first count: the store's schema is large."""
        self._timer: Timer | None = None
        self._counted_rows: list[str] | None = []
        """The rows that the count shown is for; None while a row is incomplete."""
        self._count_result: CriteriaScreen.Counted | None = None
        """What the last count has found, for the rows as they are."""
        self._refused: _Typed | None = None
        """What was typed when the rows could not be returned: the reason is shown until that is changed."""

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
        if self._count_result is not None:  # now it may be known which field the store has refused
            self._counted(self._count_result)

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
        if self._refused is not None and self._typed == self._refused:  # only the focus has moved
            return
        self._refused = self._count_result = None
        if self._timer is not None:
            self._timer.stop()
        self._timer = None
        if any(not row.is_complete for row in rows):
            self._counted_rows = None
            self._say("Counted when the condition is complete" if self._matches is not None else "", "muted")
            return
        self._timer = self.set_timer(_UNTIL_COUNTED, self._count)

    @property
    def _typed(self) -> _Typed:
        rows = self.query(CriteriaRow)
        return self.rows, [row.problem for row in rows], [row.is_without_field for row in rows]

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
        self._count_result = None
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
            self._count_result = message
            self._say("\n".join([message.words, *self._unknown_fields(message)]), message.tone)
        if not self._asked_fields:
            self._asked_fields = True
            self._find_fields()

    def _unknown_fields(self, message: CriteriaScreen.Counted) -> list[str]:
        """What may be the reason of an error: the fields that the list does not have."""
        if message.tone != "error" or not self._listed:
            return []
        conditions = (each for row in self.rows for each in _conditions(row))
        return [_sentence(doubt(each, self._listed)) for each in conditions if each.field not in self._listed]

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
            self._refuse(problem, "error")
            self._correct([row for row in self.query(CriteriaRow) if row.problem])
            return
        if (doubts := self._doubts) and not self._second_press.accepts(self.app, doubts):
            self._refuse(f"{_sentence('; '.join(doubts))} ^S again accepts this.", "warning")
            self._correct([row for row in self.query(CriteriaRow) if self._doubts_of(row)])
            return
        self.dismiss(self.rows)

    def _refuse(self, words: str, tone: str) -> None:
        """Says why the rows are not returned, in place of their count."""
        self._refused, self._counted_rows = self._typed, None
        if self._timer is not None:
            self._timer.stop()
        self._say(words, tone)

    def _correct(self, wrong: Sequence[CriteriaRow]) -> None:
        """Focuses the cell to correct in the first of these rows; without any, that of one that cannot be read."""
        unread = [row.query_one(TextField) for row in self.query(UnreadRow) if row.is_invalid]
        if cells := [row.cell_to_correct(self._listed) for row in wrong] or unread:
            self.set_focus(cells[0])


def _sentence(words: str) -> str:
    return words if words.endswith("?") else f"{words}."


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
