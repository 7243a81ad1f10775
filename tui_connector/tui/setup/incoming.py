"""Step 3, incoming: what is read from the store."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from ...client.message import RequestFailed
from ...guide.checks.check import CheckResult, check_incoming
from ...guide.checks.permissions import RouteAccess
from ...guide.steps import kind_schemas
from ...guide.steps.methods import GuideStep
from ...guide.steps.profile_draft import limit_pages
from ...guide.workbench import profile_of
from ...incoming.model import FirstItems
from ...magento.diagnosis import Fix, diagnose_failure
from ...magento.entities import READABLE
from ...templates import Json
from ...text import shown_line
from ..widgets import highlight
from ..widgets.bounded_list import BoundedList
from ..widgets.dialog_panel import DialogPanel
from ..widgets.frame import TONES, Dialog
from .configurations import ConfigurationsPane
from .context import GuideContext
from .form import FormScreen
from .step import StepPane, words_of

_COLUMNS, _COLUMN_WIDTH = 4, 14
"""Descriptive columns that are always shown, and the width for each further one."""
_LEAST_TEXT = 8
"""Columns in which the beginning of a text tells something."""
_NOT_PUBLIC = frozenset(each.path for each in READABLE.values())
"""Lists that the store gives only to whom it knows."""
_LONGEST = 100_000
"""Characters of one item that are shown: a category tree can have millions."""

_TELLING = ("name", "status", "state", "type_id", "price", "qty", "quantity", "grand_total", "firstname", "lastname")


def columns(items: Sequence[Json], *first: str, width: int = 0) -> list[str]:
    """The columns for these items: those named first, then four descriptive ones, or more where there is room."""
    simple: dict[str, None] = {}
    for item in items:
        if isinstance(item, dict):
            simple |= {key: None for key, value in item.items() if not isinstance(value, (dict, list))}
    named = [name for name in dict.fromkeys(first) if name in simple]
    telling = [name for name in (*_TELLING, *simple) if name in simple and name not in named]
    most = max(_COLUMNS, width // _COLUMN_WIDTH - len(named) - 1)
    return [*named, *list(dict.fromkeys(telling))[:most]]


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

    def show(self, items: Sequence[Json], *first: str) -> None:
        """Shows these items with the fields in `first` (the identifier, then others) as the first columns."""
        self._items = list(items)
        self._identifier = first[0] if first else ""
        self.display = bool(items)
        self.clear_options()
        width = max(40, self.query_ancestor(StepPane).scrollable_content_region.width - 4)  # hidden, it has no width
        titles, *rows = table(items, columns(items, *first, width=width), width)
        first_column = len(titles) - len(titles.partition("  ")[2].lstrip())
        self.add_option(Option(Content.assemble((titles, f"bold {TONES['muted']}")), disabled=True))
        self.add_options(
            Option(Content.assemble((row[:first_column], TONES["accent"]), row[first_column:])) for row in rows
        )
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


class IncomingForm(FormScreen):
    """The fields of an incoming, with its pagination and sink."""

    def __init__(self, work: GuideContext, name: str) -> None:
        super().__init__(work, f"Incoming {name}", partial(kind_schemas.configuration, "incoming"), ("incoming", name))


class IncomingPane(ConfigurationsPane):
    """The incoming configurations, and the first items of the one under the cursor."""

    step = GuideStep.INCOMING
    family = "incoming"
    test_label = "First items"
    entities = READABLE
    method = "get"

    @dataclass
    class Tested(Message):
        """The first items, or the finding."""

        name: str
        tried: CheckResult
        items: FirstItems | None

    def outcome(self) -> ComposeResult:
        yield ItemTable(id="items")

    def on_mount(self) -> None:
        super().on_mount()
        self._tested = ""
        """The incoming that was tested last."""
        self.query_one(ItemTable).display = False

    def permitted(self) -> Mapping[str, RouteAccess]:
        return self.work.permissions.read

    def add(self, entity: str) -> str:
        return self.setup.add_incoming(entity)

    def form(self, name: str) -> FormScreen:
        return IncomingForm(self.work, name)

    def added_text(self, entity: str) -> str:
        known = READABLE[entity]
        tells = f"{known.identifier} identifies items. " if known.identifier else ""
        return f"{known.route}: {tells}{known.note}"

    def removed(self, name: str) -> None:
        self.query_one(ItemTable).display = False

    def apply(self, fix: Fix) -> None:
        """The page size that the store allows, for the incoming that it refused."""
        if self._tested in self.setup.incoming:
            limit_pages(self.setup, self._tested, int(fix.value))
            self.draw()
            self.choose(self._tested)
            self.post_message(self.Changed())
            self.try_it(self._tested)

    def try_it(self, name: str) -> None:
        self._tested = name
        self.busy(f"reading the first items of {name}")
        self._try(name)

    @work(exclusive=True)
    async def _try(self, name: str) -> None:
        workbench = self.work.workbench
        items = None
        try:
            profile = profile_of(self.trial())
            async with workbench.session(profile, parts=[("incoming", name)]) as session:
                tried, items = await check_incoming(profile, session, name, workbench.run())
        except RequestFailed as failure:
            tried = CheckResult("", False, diagnose_failure(failure, "the setup"))
        self.post_message(self.Tested(name, tried, items))

    @on(Tested)
    def _take(self, message: Tested) -> None:
        if message.items is None:
            self.query_one(ItemTable).display = False
            if message.tried.finding is not None:
                self.failed(message.name, words_of(message.tried.finding))
                self.found(message.tried.finding)
            else:
                self.say(f"… {message.tried.summary}")
                self.go_on()
            return
        at = self.setup.at
        first = [at("incoming", message.name, *path) for path in (("identifier",), ("incremental", "field"))]
        self.query_one(ItemTable).show(message.items.items, *(name for name in first if isinstance(name, str)))
        if message.tried.finding is not None:
            self.failed(message.name, words_of(message.tried.finding))
            self.found(message.tried.finding)
            return
        if str(at("incoming", message.name, "request", "uri")).partition("?")[0] in _NOT_PUBLIC:
            self.work.prove_authentication(at("incoming", message.name, "client"))
        self.passed(message.name)
        self.explain("")  # the outcome needs its lines
        self.say(f"✔ {message.tried.summary}{self.untested()}")
        self.go_on()

    @on(ItemTable.Opened)
    def _open(self, message: ItemTable.Opened) -> None:
        text = json.dumps(message.item, indent=2, ensure_ascii=False)
        masked = self.work.workbench.mask.body(text.encode(), "application/json").decode()
        self.app.push_screen(ItemScreen(message.title, masked))
