"""Chooses an entity from Magento's list, or any path: typing narrows the list."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from ...guide.permissions import May, to_do
from ...magento.entities import Readable, Writable
from ...text import shown_line
from ..line import Line


@dataclass(frozen=True, slots=True)
class Offer:
    """An entity in the list: `mark` says whether the token may have it, `note` what else there is to know."""

    name: str
    title: str
    request: str
    mark: str = " "
    note: str = ""


class Offers(OptionList):
    """The list below the field."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Add", id="chooser.add"),
        Binding("slash", "narrow", "Narrow", id="chooser.narrow"),
        Binding("j", "cursor_down", "Next", show=False, id="chooser.next"),
        Binding("k", "cursor_up", "Previous", show=False, id="chooser.previous"),
    ]

    def action_narrow(self) -> None:
        """To the field, while the key is handed out: what is typed right behind it belongs there."""
        self.screen.set_focus(self.query_ancestor(Chooser).query_one(Input))


class Chooser(Vertical):
    """A field that narrows, and the list. What is no entity's name is taken as a path."""

    @dataclass
    class Chosen(Message):
        """This entity is to be added."""

        name: str

    @dataclass
    class PathGiven(Message):
        """This path of the store is to be added."""

        path: str

    class Moved(Message):
        """Another entity is under the cursor, or none."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._offers: list[Offer] = []
        self._narrowed: list[Offer] = []

    def compose(self) -> ComposeResult:
        yield Line(placeholder="/ narrows the list; or any path", compact=True)
        yield Offers()

    def show(self, offers: Iterable[Offer]) -> None:
        """Offers these."""
        self._offers = list(offers)
        self._narrow()

    def choose(self) -> None:
        """Puts the focus on the list, with everything in it."""
        self.query_one(Input).value = ""
        self._narrow()
        self.query_one(Offers).focus()

    @property
    def highlighted(self) -> Offer | None:
        """The entity under the cursor."""
        index = self.query_one(Offers).highlighted
        return self._narrowed[index] if index is not None and index < len(self._narrowed) else None

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._narrow()

    def _narrow(self) -> None:
        words = self.query_one(Input).value.lower().split()
        self._narrowed = [each for each in self._offers if all(word in _searched(each) for word in words)]
        offers = self.query_one(Offers)
        highlighted = offers.highlighted or 0
        offers.clear_options()
        offers.add_options(Option(Content(_line(each))) for each in self._narrowed)
        if words and not self._narrowed:
            offers.add_option(Option(Content(shown_line(f"  the path {self._path}: Enter adds it")), disabled=True))
        if self._narrowed:
            offers.highlighted = 0 if words else min(highlighted, len(self._narrowed) - 1)
        self.post_message(self.Moved())

    @on(OptionList.OptionHighlighted)
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self.post_message(self.Moved())

    @property
    def _path(self) -> str:
        return self.query_one(Input).value.strip().lstrip("/")

    def on_key(self, event: events.Key) -> None:
        """↓ in the field goes to the list."""
        if event.key == "down" and self.query_one(Input).has_focus and self._narrowed:
            event.stop()
            self.query_one(Offers).focus()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        if self._narrowed:
            offer = self.highlighted or self._narrowed[0]
            self.post_message(self.Chosen(offer.name))
        elif self._path:
            self.post_message(self.PathGiven(self._path))

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Chosen(self._narrowed[event.option_index].name))


def offer(name: str, entity: Readable | Writable, may: May | None) -> Offer:
    """An entity of Magento's lists, and what the token may do with it, where that is known."""
    return Offer(name, entity.title, entity.route, may.mark if may else " ", to_do(may, entity))


def _searched(offer: Offer) -> str:
    return f"{offer.name} {offer.title} {offer.request}".lower()


def _line(offer: Offer) -> str:
    return shown_line(f"{offer.mark} {shown_line(offer.title, 30):<30} {offer.request:<30} {offer.note}")
