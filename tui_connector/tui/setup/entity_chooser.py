"""The chooser of Magento's entities: a filter above a list; a text that matches none is used as a path."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from ...guide.checks.permissions import RouteAccess, how_to_permit
from ...guide.misplaced_secrets import is_secret_as_path
from ...magento.entities import Readable, Writable
from ...misspelling import similar_names
from ...profile.importers.command_text import looks_like_command
from ...profile.remarks import relative_path
from ...text import shown_line
from .._textual import PasteHandler
from ..widgets.bounded_list import BoundedList
from ..widgets.dialog_panel import Fitting
from ..widgets.frame import TONES
from ..widgets.safe_input import SafeInput

_MEANT = 3
"""Entities that what was typed may mean."""
_TITLE, _WIDE_TITLE, _WIDE_SCREEN = 32, 50, 120
"""Columns of a title at most, also where the screen has so many columns."""


@dataclass(frozen=True, slots=True)
class EntityOption:
    """An entity to choose: `mark` tells whether the token may access it, `note` what to do about it."""

    name: str
    title: str
    request: str
    mark: str = " "
    note: str = ""


class EntityOptions(BoundedList, can_focus=False):
    """The entities that match the filter above them, whose keys move the cursor here."""


class EntityFilter(SafeInput, PasteHandler):
    """The field of the chooser, which keeps the focus while an entity is chosen: so no letter is a command."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "submit", "Add", id="chooser.add")]

    def __init__(self) -> None:
        super().__init__(placeholder="Type to filter, or enter any path", compact=True, classes="field")

    def accepts_paste(self, text: str) -> bool:
        return not looks_like_command(text)

    def handle_paste(self, text: str) -> None:
        self.insert_paste(text)


class EntityChooser(Fitting):
    """A filter above a list of entities. A text that matches none is used as a path, after entities it may mean."""

    @dataclass
    class Chosen(Message):
        """Add this entity."""

        name: str

    @dataclass
    class PathGiven(Message):
        """Add this path."""

        path: str
        is_confirmed: bool = False
        """Whether the user was warned of it, and adds it all the same."""

    class Moved(Message):
        """Another entity is under the cursor, or none."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._base_uri = ""
        self._offers: list[EntityOption] = []
        self._narrowed: list[EntityOption] = []
        self._doubted = ""
        """A path that looks like a secret, which was said: Enter again adds it."""

    def compose(self) -> ComposeResult:
        yield EntityFilter()
        yield EntityOptions()

    def show(self, offers: Iterable[EntityOption], base_uri: str = "") -> None:
        """Shows these entities. A path may be given as an address at this base URI."""
        self._offers, self._base_uri = list(offers), base_uri
        self._narrow()

    def choose(self) -> None:
        """Clears the filter and focuses it."""
        self.query_one(EntityFilter).value = ""
        self._narrow()
        self.screen.set_focus(self.query_one(EntityFilter))

    def on_descendant_focus(self) -> None:
        self.post_message(self.Moved())

    @property
    def highlighted(self) -> EntityOption | None:
        """The entity under the cursor."""
        index = self.query_one(EntityOptions).highlighted
        return self._narrowed[index] if index is not None and index < len(self._narrowed) else None

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._narrow()

    def _narrow(self) -> None:
        words = self._path.lower().split()
        matching = [each for each in self._offers if all(word in _searched(each) for word in words)]
        self._narrowed = matching or self._meant()
        offers = self.query_one(EntityOptions)
        highlighted = offers.highlighted or 0
        offers.clear_options()
        widest = max((cell_len(each.title) for each in self._offers), default=0)
        width = min(widest, _WIDE_TITLE if self.app.size.width >= _WIDE_SCREEN else _TITLE)
        hint = "" if matching else "Did you mean this?  "
        offers.add_options(Option(_line(each, width, hint)) for each in self._narrowed)
        if words and not matching:
            offers.add_option(Option(self._path_line()))
        if offers.option_count:
            offers.highlighted = 0 if words else min(highlighted, len(self._narrowed) - 1)
        self.post_message(self.Moved())

    def _path_line(self) -> Content:
        if self._path == self._doubted:
            words = "✘ Looks like a secret; paths are plain text. ^U: delete · Enter: add it"
            return Content.styled(words, TONES["error"])
        how = "↓ Enter" if self._narrowed else "Enter"
        return Content(shown_line(f"  the path {self._path}: {how} adds it"))

    def _meant(self) -> list[EntityOption]:
        """The entities similar to what was typed, by title and then by name; none for what can only be a path."""
        if "/" in self._path:
            return []
        titled, named = {each.title.lower(): each for each in self._offers}, {each.name: each for each in self._offers}
        near = [known[key] for known in (titled, named) for key in similar_names(self._path, known, _MEANT)]
        return list(dict.fromkeys(near))[:_MEANT]

    @on(OptionList.OptionHighlighted)
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self.post_message(self.Moved())

    @property
    def _path(self) -> str:
        return relative_path(self.query_one(EntityFilter).value, self._base_uri)

    def on_key(self, event: events.Key) -> None:
        """Keys that move a cursor up and down move that of the list."""
        if self.query_one(EntityOptions).moved_by(event.key):
            event.stop()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._choose(self.query_one(EntityOptions).highlighted or 0)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._choose(event.option_index)

    def _choose(self, index: int) -> None:
        if index < len(self._narrowed):
            self.post_message(self.Chosen(self._narrowed[index].name))
        elif is_secret_as_path(self._path) and self._path != self._doubted:
            self._doubted = self._path
            self._narrow()
            self.query_one(EntityOptions).highlighted = index
        elif self._path:
            self.post_message(self.PathGiven(self._path, is_confirmed=self._path == self._doubted))


def offer(name: str, entity: Readable | Writable, may: RouteAccess | None) -> EntityOption:
    """The option for an entity, with the token's access where it is known."""
    return EntityOption(name, entity.title, entity.route, may.mark if may else " ", how_to_permit(may, entity))


def _searched(offer: EntityOption) -> str:
    return f"{offer.name} {offer.title} {offer.request}".lower()


def _line(offer: EntityOption, width: int, hint: str = "") -> Content:
    tone = TONES.get({"✔": "success", "✘": "error"}.get(offer.mark, ""), "")
    title = shown_line(offer.title, width)
    return Content.assemble(
        (f"{offer.mark} ", tone), f"{title:<{width}}  {hint}", (shown_line(offer.request), TONES["muted"])
    )
