"""The plan on the screen: its entities in a list with a filter, and the fields of the selected one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from ...outgoing.changes import FieldChange
from ...outgoing.equality import Absent
from ...templates import Json
from ...text import beginning, count, shown, shown_line
from ..widgets.choice import ChoiceScreen
from ..widgets.dialog_panel import DialogPanel
from ..widgets.frame import TONES, Dialog
from ..widgets.prose import Prose
from ..widgets.row_list import ListRow, RowList
from ..widgets.safe_input import SafeInput
from .job import Plan, PlanRow, RowKind

_VALUE = 60
"""Characters of a value in a row."""
_LONG_VALUE = 2_000
_NUMBER = re.compile(r"-?\d+(\.\d+)?")

_SIGNS: dict[RowKind, tuple[str, str, str]] = {
    "create": ("+", "success", "create"),
    "change": ("~", "warning", "change"),
    "refused": ("✘", "error", "refused"),
    "unchanged": ("=", "muted", "unchanged"),
    "send": ("→", "accent", "send"),
    "bad": ("✘", "error", "bad line"),
    "restore": ("←", "warning", "restore"),
    "created": ("=", "muted", "kept"),
    "delete": ("-", "error", "delete"),
    "left": ("✘", "error", "not undone"),
}
"""Sign, paint and word of each kind."""


_SENT: tuple[RowKind, ...] = ("create", "change", "send")


def value_text(value: Json | Absent, width: int) -> str:
    """A value as JSON; "nothing" if there is none."""
    if isinstance(value, Absent) or value is None:
        return "nothing"
    return _cut(json.dumps(value, ensure_ascii=False), width)


def change_text(change: FieldChange, width: int = _VALUE) -> str:
    """A field for one line, such as "quantity: 5 → 7"; of one that the store does not have, only the new value."""
    old, new = _compared(change, width)
    if isinstance(change.old, Absent):
        return f"{change.field}: {new}"
    types = type_change(change)
    return f"{change.field}: {old} → {new}{f' (! {types})' if types else ''}"


def _compared(change: FieldChange, width: int) -> tuple[str, str]:
    """The old and the new value as JSON; of a number and a text with one, both as numbers: they are compared so."""
    values = (change.old, change.new)
    if _type(change.old) == _type(change.new) == "number" and isinstance(change.old, str) != isinstance(
        change.new, str
    ):
        old, new = (_cut(str(value), width) for value in values)
    else:
        old, new = (value_text(value, width) for value in values)
    return old, new


def type_change(change: FieldChange) -> str:
    """Such as "number → text"; empty where the type stays. A number in a text is one: Magento writes both."""
    old, new = _type(change.old), _type(change.new)
    return f"{old} → {new}" if old and new and old != new else ""


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{beginning(text, width - 1)}…"


def _type(value: Json | Absent) -> str:
    if isinstance(value, bool):
        return "yes/no"
    if isinstance(value, int | float) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        return "number"
    if isinstance(value, str):
        return "text" if value else ""
    return "list" if isinstance(value, list) else "object" if isinstance(value, dict) else ""


def plan_row(row: PlanRow) -> ListRow:
    sign, paint, word = _SIGNS[row.kind]
    note = f"! {row.note}" if row.note and row.kind in _SENT else row.note  # a warning: the entity is sent all the same
    # the identifier is in the row already
    changes = [each for each in row.changes[:20] if not (isinstance(each.old, Absent) and each.new == row.identifier)]
    fields = _joined(changes, _VALUE)
    text = f"{note}  ({fields})" if note and fields else fields or note
    shorter = [note] if note else [_joined(changes, 24), *_shortest(changes)]
    name = row.identifier or (f"line {row.line}" if row.line else "(no identifier)")
    return ListRow(sign, paint, word, name, text, is_muted=row.kind == "unchanged", shorter=shorter)


def _joined(changes: Sequence[FieldChange], width: int) -> str:
    return ", ".join(change_text(each, width) for each in changes)


def _shortest(changes: Sequence[FieldChange]) -> Iterator[str]:
    """The changes with short values, all of them first, then fewer and how many more there are; at last, no values."""
    short = [replace(each, field=each.field.removeprefix("custom_attributes.")) for each in changes]
    for listed in range(len(short), 0, -1):
        more = f", +{len(short) - listed} more" if listed < len(short) else ""
        yield f"{_joined(short[:listed], 12)}{more}"
    yield ", ".join(each.field for each in short)


def row_detail(row: PlanRow) -> Content:
    """Everything that is known of one entity of a plan."""
    sign, tone, word = _SIGNS[row.kind]
    where = f" · line {row.line}" if row.line else ""
    parts: list[Content] = [Content.assemble((f"{sign} {word}", TONES.get(tone, "")), (where, TONES["muted"]))]
    if row.note:
        note = f"This will be refused: {row.note}." if row.kind == "refused" else row.note
        note = f"! {note}" if row.kind in _SENT else note
        parts.append(Content.assemble((shown(note), TONES["warning"])))
    if row.text:
        parts.append(Content(shown(row.text)))
    for change in row.changes:
        old, new_text = _compared(change, _LONG_VALUE)
        as_text = "  sent as text" if isinstance(change.new, str) and new_text == change.new else ""
        new = Content.assemble(("    new  ", TONES["muted"]), shown(new_text), (as_text, TONES["muted"]))
        parts += [Content.assemble((shown_line(change.field), "bold"))]
        parts += (
            []
            if old == "nothing" and row.kind != "change"
            else [Content.assemble(("    old  ", TONES["muted"]), shown(old))]
        )
        parts.append(new)
        if types := type_change(change):
            parts.append(Content.assemble((f"    ! the type changes: {types}", TONES["warning"])))
    return Content("\n").join(parts)


class RowScreen(Dialog[None]):
    """One entity of a plan with all its fields."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss(None)", "Back", id="plan-row.back"),
    ]

    def __init__(self, row: PlanRow) -> None:
        super().__init__()
        self._row = row

    def compose(self) -> ComposeResult:
        with DialogPanel(id="help") as panel, VerticalScroll():
            panel.border_title = Content(shown_line(self._row.identifier or "Entity", 60))
            panel.border_subtitle = "Esc: back"
            yield Static(Prose(row_detail(self._row)), classes="lines")


class PlanFilter(SafeInput):
    """Part of an identifier, field or value. Enter keeps the filter, Esc removes it."""

    is_suggestion = True  # what is typed replaces the last filter

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "keep", "Apply", id="plan-filter.apply", priority=True),
        Binding("escape", "clear", "Clear", id="plan-filter.clear", priority=True),
    ]

    def action_keep(self) -> None:
        self.screen.query_one(RowList).focus()

    def action_clear(self) -> None:
        self.value = ""
        self.screen.query_one(RowList).focus()


@dataclass(frozen=True, slots=True)
class RowFilter:
    """Which rows are shown: of these kinds, and with this text in them."""

    kinds: tuple[RowKind, ...] = ()
    text: str = ""

    def of(self, rows: Sequence[PlanRow]) -> Sequence[PlanRow]:
        if not self.kinds and not self.text:
            return rows
        wanted = self.text.casefold()
        return [row for row in rows if (not self.kinds or row.kind in self.kinds) and wanted in _searched(row)]


def _searched(row: PlanRow) -> str:
    shown_row = plan_row(row)
    return f"{shown_row.name} {shown_row.text}".casefold()


class PlanView(Container):
    """The list of a plan, its filter, and the selected entity where there is room."""

    def __init__(self) -> None:
        super().__init__(id="plan")
        self._plan: Plan | None = None
        self._drawn: Sequence[PlanRow] = ()
        self._drawn_count = -1
        self.filter = RowFilter()

    def compose(self) -> ComposeResult:
        yield RowList(plan_row, word=10, name=18, id="plan-rows")
        with VerticalScroll(id="plan-detail", classes="panel", can_focus=False):
            yield Static("", id="plan-fields")
        yield PlanFilter(placeholder="identifier, field or value", compact=True, id="plan-filter")

    def on_mount(self) -> None:
        self.query_one(PlanFilter).display = False

    @property
    def rows(self) -> RowList[PlanRow]:
        return self.query_one("#plan-rows", RowList)

    def show(self, plan: Plan | None) -> None:
        """Shows the plan, also while it grows."""
        rows = plan.rows if plan is not None else []
        if plan is self._plan and rows is self._drawn and len(rows) == self._drawn_count:
            return
        if plan is not self._plan:
            self.filter = RowFilter(text=self.filter.text)
        self._plan, self._drawn, self._drawn_count = plan, rows, len(rows)
        self.fill()

    def fill(self) -> None:
        """Shows the rows that match the filter."""
        self.screen.refresh_bindings()
        plan = self._plan
        rows = self.filter.of(plan.rows) if plan is not None else ()
        self.rows.show(rows)
        more = ""
        if plan is not None and len(plan.rows) < plan.total:
            more = f" · the first {len(plan.rows):,} of {plan.total:,} are listed"
        words = [_SIGNS[each][2] for each in self.filter.kinds] + ([self.filter.text] if self.filter.text else [])
        filtered = f" · filter {', '.join(words)} · Esc shows all" if words else ""
        self.rows.border_title = Content(shown_line(f"Plan: {count(len(rows), 'entity', 'entities')}{filtered}{more}"))

    @on(RowList.Highlighted)
    def _on_highlighted(self) -> None:
        row = self.rows.selected
        detail = self.query_one("#plan-detail")
        detail.border_title = Content(shown_line(row.identifier if row is not None else "Entity", 40))
        self.query_one("#plan-fields", Static).update(row_detail(row) if row is not None else "")

    @on(RowList.Chosen)
    def _on_chosen(self) -> None:
        if self.rows.selected is not None:
            self.app.push_screen(RowScreen(self.rows.selected))

    def type_filter(self) -> None:
        """Focuses the filter."""
        field = self.query_one(PlanFilter)
        field.display = True
        field.focus()

    @property
    def is_filtered(self) -> bool:
        return self.filter != RowFilter()

    def show_all(self) -> None:
        """Lists all entities again."""
        field = self.query_one(PlanFilter)
        with field.prevent(Input.Changed):
            field.value = ""
        field.display = False
        self.filter = RowFilter()
        self.fill()

    @on(Input.Changed, "#plan-filter")
    def _on_typed(self, event: Input.Changed) -> None:
        event.stop()
        self.filter = RowFilter(self.filter.kinds, event.value.strip())
        self.fill()
        if not event.value and not event.input.has_focus:
            event.input.display = False

    def choose_kind(self) -> None:
        """Asks which kind of entities to list."""
        plan = self._plan
        if plan is None:
            return
        options = {"": f"All {plan.total:,}"}
        options |= {kind: f"{_SIGNS[kind][2]} {number:,}" for kind, number in plan.counts.items() if number}

        def chosen(option: str | None) -> None:
            if option is not None:
                kinds: tuple[RowKind, ...] = tuple(kind for kind in _SIGNS if kind == option)
                self.filter = RowFilter(kinds, self.filter.text)
                self.fill()

        current = self.filter.kinds[0] if self.filter.kinds else ""
        self.app.push_screen(ChoiceScreen(options, current, title="List only"), chosen)
