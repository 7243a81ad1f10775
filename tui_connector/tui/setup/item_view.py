"""The first items of an incoming as a table, and one of them whole. They are shown, and kept nowhere."""

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
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from ...placeholder import Json
from ...text import shown, shown_line

_COLUMNS = 4
_LONGEST = 100_000
"""Characters of one item that are shown: a category tree can have millions."""

_TELLING = ("name", "status", "state", "type_id", "price", "qty", "quantity", "grand_total", "firstname", "lastname")


def columns(items: Sequence[Json], *first: str) -> list[str]:
    """The fields that a table of these items shows: those named, then four that tell something."""
    simple: dict[str, None] = {}
    for item in items:
        if isinstance(item, dict):
            simple |= {key: None for key, value in item.items() if not isinstance(value, (dict, list))}
    named = [name for name in dict.fromkeys(first) if name in simple]
    telling = [name for name in (*_TELLING, *simple) if name in simple and name not in named]
    return [*named, *list(dict.fromkeys(telling))[:_COLUMNS]]


def table(items: Sequence[Json], names: Sequence[str], width: int) -> list[str]:
    """A line of titles, then one for each item, within `width` columns."""
    if not names:
        return ["", *(shown_line(json.dumps(item, ensure_ascii=False), width) for item in items)]
    rows = [list(names), *([_cell(item, name) for name in names] for item in items)]
    widths = [min(24, max(len(row[column]) for row in rows)) for column in range(len(names))]
    lines = ("  ".join(f"{cell:<{size}.{size}}" for cell, size in zip(row, widths, strict=True)) for row in rows)
    return [shown_line(line, width) for line in lines]


def _cell(item: Json, name: str) -> str:
    value = item.get(name) if isinstance(item, dict) else None
    return shown_line("" if value is None else value if isinstance(value, str) else json.dumps(value), 40)


class Items(OptionList):
    """A few items, one a line; Enter shows one whole."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Whole item", id="items.whole"),
        Binding("j", "cursor_down", "Next", show=False, id="items.next"),
        Binding("k", "cursor_up", "Previous", show=False, id="items.previous"),
    ]

    @dataclass
    class Opened(Message):
        """This item is to be shown whole."""

        item: Json

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._items: list[Json] = []

    def show(self, items: Sequence[Json], *first: str) -> None:
        """Shows these, with the fields named first; nothing where there are none."""
        self._items = list(items)
        self.display = bool(items)
        self.clear_options()
        titles, *rows = table(items, columns(items, *first), max(40, self.app.size.width - 6))
        self.add_option(Option(Content(titles), disabled=True))
        self.add_options(Option(Content(row)) for row in rows)
        self.highlighted = 1 if rows else None

    @on(OptionList.OptionSelected)
    def _open(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Opened(self._items[event.option_index - 1]))


class ItemScreen(ModalScreen[None]):
    """One item as JSON; Esc closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter", "dismiss", "Close")]

    def __init__(self, title: str, text: str) -> None:
        """`text` is masked by its giver."""
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            yield Static(Content(shown_line(self._title)), classes="help-title")
            yield Static(Content(shown(self._text[:_LONGEST])))
            if len(self._text) > _LONGEST:
                left = len(self._text) - _LONGEST
                yield Static(Content(f"… and {left:,} characters more, which are not shown"), classes="heading")
