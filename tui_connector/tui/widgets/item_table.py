"""A few items of a list: one per line with the most descriptive fields, and one whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from ...secrets.names import is_secret_name
from ...templates import Json
from ...text import shown_line
from . import highlight
from .bounded_list import BoundedList
from .dialog_panel import DialogPanel
from .frame import TONES, Dialog

_COLUMNS, _COLUMN_WIDTH = 4, 14
"""Descriptive columns that are always shown, and the width for each further one."""
_LEAST_TEXT = 8
"""Columns in which the beginning of a text tells something."""
_LONGEST = 100_000
"""Characters of one item that are shown: a category tree can have millions."""

_TELLING = (
    *("increment_id", "sku", "code", "source_code", "identifier"),
    *("name", "title", "email", "firstname", "lastname"),
    *("status", "customer_lastname", "grand_total", "customer_email", "customer_firstname", "state"),
    *("price", "type_id", "qty", "quantity", "total_qty"),
    *("created_at", "updated_at", "creation_time", "update_time"),
)
"""Fields of Magento's items by which people know them, the most telling first."""


def columns(items: Sequence[Json], *first: str, width: int = 0) -> list[str]:
    """The columns for these items: those named first, then four descriptive ones, or more where there is room.

    Of fields that are not known to describe an item, those whose values differ between the items come first; fields
    that are empty in each of them come last.
    """
    values: dict[str, list[str]] = {}
    for item in items:
        for key, value in item.items() if isinstance(item, dict) else ():
            if not isinstance(value, (dict, list)) and not is_secret_name(key):
                values.setdefault(key, []).append("" if value is None else str(value))

    def rank(name: str) -> int:
        different = {*values[name]}
        if different == {""}:
            return len(_TELLING) + 2
        if name in _TELLING:
            return _TELLING.index(name)
        return len(_TELLING) + (len(different) == 1)

    named = [name for name in dict.fromkeys(first) if name in values]
    most = max(_COLUMNS, width // _COLUMN_WIDTH - len(named) - 1)
    return [*named, *sorted((name for name in values if name not in named), key=rank)[:most]]


def table(items: Sequence[Json], names: Sequence[str], width: int) -> list[str]:
    """A header line, then one line per item, at most `width` wide.

    Columns that have no room for their values are left out.
    """
    if not names:
        return ["", *(shown_line(json.dumps(item, ensure_ascii=False), width) for item in items)]
    rows = [list(names), *([_cell(item, name) for name in names] for item in items)]
    widths = [min(24, max(len(row[column]) for row in rows)) for column in range(len(names))]
    aligns = [">" if all(_is_number(item, name) for item in items) else "<" for name in names]
    fitting, used = 0, 0
    for align, size in zip(aligns, widths, strict=True):
        needed = size if align == ">" else min(size, _LEAST_TEXT)  # only text tells something when it is cut
        if fitting and used + needed > width:
            break
        fitting, used = fitting + 1, used + size + 2
    lines = (
        "  ".join(
            f"{cell:{align}{size}.{size}}" for cell, align, size in zip(row, aligns, widths[:fitting], strict=False)
        )
        for row in rows
    )
    return [shown_line(line, width) for line in lines]


def lines(items: Sequence[Json], *first: str, width: int) -> list[Content]:
    """The titles of the columns, then the items, with the fields in `first` as the first columns."""
    titles, *rows = table(items, columns(items, *first, width=width), width)
    first_column = len(titles) - len(titles.partition("  ")[2].lstrip())
    return [
        Content.assemble((titles, f"bold {TONES['muted']}")),
        *(Content.assemble((row[:first_column], TONES["accent"]), row[first_column:]) for row in rows),
    ]


def _is_number(item: Json, name: str) -> bool:
    value = item.get(name) if isinstance(item, dict) else None
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(item: Json, name: str) -> str:
    value = item.get(name) if isinstance(item, dict) else None
    return shown_line("" if value is None else value if isinstance(value, str) else json.dumps(value), 40)


class ItemTable(BoundedList):
    """A few items, one per line; Enter shows the whole item."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Whole item", id="items.whole"),
        Binding("j", "cursor_down", "Next", show=False, id="items.next", tooltip="Next item"),
        Binding("k", "cursor_up", "Previous", show=False, id="items.previous", tooltip="Previous item"),
    ]

    @dataclass
    class Opened(Message):
        """Show the whole item."""

        item: Json
        title: str

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._items: list[Json] = []
        self._identifier = ""

    def show(self, items: Sequence[Json], *first: str, width: int) -> None:
        """Shows these items with the fields in `first` (the identifier, then others) as the first columns."""
        self._items = list(items)
        self._identifier = first[0] if first else ""
        self.display = bool(items)
        self.clear_options()
        titles, *rows = lines(items, *first, width=width)
        self.add_option(Option(titles, disabled=True))
        self.add_options(map(Option, rows))
        self.highlighted = 1 if rows else None

    @on(OptionList.OptionSelected)
    def _open(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        item = self._items[event.option_index - 1]
        self.post_message(self.Opened(item, f"Item {_cell(item, self._identifier)}".rstrip()))


class ItemScreen(Dialog[None]):
    """One item as JSON; Esc closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter", "dismiss", "Close", id="item.close")]

    def __init__(self, title: str, text: str) -> None:
        """`text` must be masked already."""
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        with DialogPanel(id="help"), VerticalScroll():
            yield Static(Content(shown_line(self._title)), classes="help-title")
            yield Static(highlight.json_(self._text[:_LONGEST]), classes="lines")
            if len(self._text) > _LONGEST:
                left = len(self._text) - _LONGEST
                yield Static(Content(f"… and {left:,} more characters, not shown"), classes="heading")
