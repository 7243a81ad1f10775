"""Fields without typing: a toggle, and a choice from options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from ...misspelling import matching_options
from ...text import shown, shown_line
from .._textual import BESIDE_FIELD, PasteHandler, reply
from .bounded_list import BoundedList
from .dialog_panel import DialogPanel
from .fields import FieldRow, TextField
from .frame import Dialog
from .prose import Prose
from .safe_input import SafeInput


class Toggle(Static, can_focus=True):
    """Yes or no: Space or Enter changes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "change", "Change", id="toggle.change", tooltip="Change yes or no")
    ]

    @dataclass
    class Changed(Message):
        """The value has changed."""

        toggle: Toggle
        value: bool

        @property
        def control(self) -> Toggle:
            return self.toggle

    def __init__(self, value: bool, label: str = "", *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes="toggle")
        self.value, self._label = value, label

    def on_mount(self) -> None:
        self._update_text()

    def set_label(self, label: str) -> None:
        """Changes the label."""
        self._label = label
        self._update_text()

    def _update_text(self) -> None:
        self.update(
            Content(f"{'▣' if self.value else '□'} {shown_line(self._label or ('yes' if self.value else 'no'))}")
        )

    def action_change(self) -> None:
        self.value = not self.value
        self._update_text()
        self.post_message(self.Changed(self, self.value))


class Choice(Static, can_focus=True):
    """A choice from options, in one row: Enter or Space opens them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "open", "Change", id="choice.open", tooltip="Open the options of a ▾ field"),
        Binding("ctrl+u", "delete", "Delete the value", id="field.delete", show=False),
    ]

    @dataclass
    class Chosen(Message):
        """The option with this id was chosen."""

        choice: Choice
        option: str

        @property
        def control(self) -> Choice:
            return self.choice

    @dataclass
    class Confirmed(Message):
        """The option that was chosen before was chosen again."""

        choice: Choice

        @property
        def control(self) -> Choice:
            return self.choice

    @dataclass
    class OpenRequested(Message):
        """The only option was selected: opens the options."""

        choice: Choice

        @property
        def control(self) -> Choice:
            return self.choice

    def __init__(
        self,
        options: Mapping[str, str],
        chosen: str,
        *,
        id: str | None = None,  # noqa: A002
        short: Mapping[str, str] | None = None,
        beside: bool = False,
    ) -> None:
        """`short`: titles of the options in the row, where there is little room. `beside`: it belongs to a field."""
        super().__init__(id=id, classes=f"choice {BESIDE_FIELD}" if beside else "choice")
        self.options, self.chosen = options, chosen
        self._short = short
        self._also: Mapping[str, str] = {}
        self._drawn = ""
        self._told = False
        """Whether the user was told that a letter selects nothing, since this has the focus."""

    def on_mount(self) -> None:
        self._update_text()

    def show(
        self, chosen: str, options: Mapping[str, str] | None = None, *, also: Mapping[str, str] | None = None
    ) -> None:
        """Shows this option as chosen; `also` has further words by which options are found in their list."""
        self.options, self.chosen, self._also = options or self.options, chosen, also or self._also
        self._update_text()

    def on_resize(self) -> None:
        self._update_text()

    @property
    def label(self) -> str:
        """The title of the chosen option, as the row has room for it."""
        return (self._short or self.options).get(self.chosen, self.chosen)

    def _update_text(self) -> None:
        """The arrow stays in view where the label is too long."""
        before = "→ " * self.has_class(BESIDE_FIELD)
        room = self.size.width - cell_len(f"{before} ▾") if self.size.width else None
        text = f"{before}{shown_line(self.label, room)} ▾"
        if text != self._drawn:
            self._drawn = text
            self.update(Content(text), layout=False)

    def on_key(self, event: events.Key) -> None:
        """A letter opens the options at the one that it selects; ← goes back to the field that this is beside."""
        if event.key == "left" and self.has_class(BESIDE_FIELD) and self.parent is not None:
            event.stop()
            self.screen.set_focus(self.parent.query_children(TextField).first())
            return
        letter = (event.character or "").lower()
        is_free = event.is_printable and letter.isalnum() and event.key not in self.screen.active_bindings
        if not is_free or len(self.options) == 1:
            return
        match = _starting_with(letter, self.options, list(self.options).index(self.chosen) + 1, {})
        if match is not None:
            event.stop()
            self._open(list(self.options)[match], letter)
        elif not self._told:
            self._told = True
            reply(self.app, "No option starts with that letter. Enter opens the list.")

    def on_blur(self) -> None:
        self._told = False

    def action_open(self) -> None:
        self._open(self.chosen)

    def action_delete(self) -> None:
        """Chooses the option that is no value, where there is one."""
        self._take("")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return "" in self.options if action == "delete" else super().check_action(action, parameters)

    def _take(self, option: str | None) -> None:
        if option is not None and option != self.chosen:
            self.show(option)
            self.post_message(self.Chosen(self, option))
        elif option is not None:
            self.post_message(self.Confirmed(self))

    def _open(self, selected: str, typed: str = "") -> None:
        if len(self.options) == 1:
            self.post_message(self.OpenRequested(self))
            return
        row = next((node for node in self.ancestors if isinstance(node, FieldRow)), None)
        title = row.label if row else "Choose"
        options, about = self.listed()
        screen = ChoiceScreen(options, selected, question=about, title=title, typed=typed, also=self._also)
        self.app.push_screen(screen, self._take)

    def listed(self) -> tuple[Mapping[str, str], str]:
        """The options as their list shows them, and what it says above them."""
        return self.options, ""


def _starting_with(typed: str, options: Mapping[str, str], start: int, also: Mapping[str, str]) -> int | None:
    """The index of the option whose title starts like this; else of one with words in its title or id that do.

    `also` has further words of options, which are looked at last. Options before `start` come last.
    """
    parts = typed.split()
    texts = [f"{title} {option}".lower() for option, title in options.items()]
    more = [f"{text} {also.get(option, '')}" for option, text in zip(options, texts, strict=True)]
    order = (*range(start, len(texts)), *range(min(start, len(texts))))
    titles = (index for index in order if texts[index].startswith(typed))
    words = (
        index
        for searched in (texts, more)
        for index in order
        if all(any(word.startswith(part) for word in re.findall(r"\w+", searched[index])) for part in parts)
    )
    return next(chain(titles, words), None)


_SELECT = "↑↓, letters: select · Enter: choose · Esc: cancel"
UNMATCHED_KEYS = " · ^U: delete · ↑↓: select · Esc: cancel"
_UNMATCHED = f"No option matches what you entered{UNMATCHED_KEYS}"
"""What was typed is not shown: it may be a secret that was meant for a field."""
NOTHING_CHOSEN = "Nothing chosen: what you entered names no option. ↑↓ select, ^U deletes it."


class ChoiceScreen(Dialog[str | None]):
    """Options to choose from, below a question if there is one: ↑↓ and Enter choose, Esc returns None.

    Letters and the blanks between them select the option that starts with them, or one with words that do; a letter
    again selects the next one. While they select none, Enter chooses nothing.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back", id="choice.back")]

    def __init__(
        self,
        options: Mapping[str, str],
        chosen: str = "",
        *,
        question: str = "",
        title: str = "Choose",
        typed: str = "",
        also: Mapping[str, str] | None = None,
    ) -> None:
        """`options` are titles by id; `chosen` is the id of the highlighted one, by default the first.

        `typed` is the start of a word that selected it; `also` has further words by which options are found, by id.
        """
        super().__init__()
        self._also = also or {}
        self._options, self._chosen, self._question, self._title = options, chosen, question, title
        self._typed, self._selected = typed, list(options).index(chosen) if typed else -1
        """What was typed, and the option that was selected then."""
        self._is_unmatched = False
        """Whether what was typed selects none."""

    def compose(self) -> ComposeResult:
        with DialogPanel(id="choices", classes="question" if self._question else "") as panel:
            panel.border_title = Content(shown_line(self._title, 60))
            panel.border_subtitle = _SELECT
            if self._question:
                yield Static(Prose(Content(shown(self._question))))
            yield BoundedList(*(Option(Content(shown_line(title)), id=key) for key, title in self._options.items()))

    def on_mount(self) -> None:
        options = self.query_one(OptionList)
        options.highlighted = list(self._options).index(self._chosen) if self._chosen in self._options else 0
        options.focus()

    def on_key(self, event: events.Key) -> None:
        """Letters select; Backspace deletes the last one, and ^U all of them."""
        if event.key in ("backspace", "ctrl+u"):
            typed = self._typed_here[:-1] if event.key == "backspace" else ""
            self._select(typed, self._named_by(typed) if typed else self._current)
        elif event.is_printable:
            self._type((event.character or "").lower())
        else:
            return
        event.stop()

    @property
    def _current(self) -> int:
        return self.query_one(OptionList).highlighted or 0

    @property
    def _typed_here(self) -> str:
        """What was typed since the selected option was moved to."""
        return self._typed if self._current == self._selected else ""

    def _named_by(self, typed: str) -> int | None:
        return _starting_with(typed, self._options, self._current, self._also)

    def _type(self, text: str) -> None:
        """Selects by what was typed before and this, in lower case."""
        before = self._typed_here
        typed = (before + text).lstrip()
        index = self._named_by(typed) if typed else self._current
        if index is None and before and not typed.strip(before[0]):  # the same letter again
            typed = before[0]
            index = _starting_with(typed, self._options, self._current + 1, self._also)
        self._select(typed, index)

    def _select(self, typed: str, index: int | None) -> None:
        """Selects the option of this index, which what was typed selects; None if it selects none."""
        options = self.query_one(OptionList)
        self._typed, self._is_unmatched = typed, index is None
        if index is not None:
            options.highlighted = index
        self._selected = options.highlighted or 0
        self.query_one(DialogPanel).border_subtitle = _UNMATCHED if index is None else _SELECT

    @on(OptionList.OptionHighlighted)
    def _moved(self) -> None:
        if self._is_unmatched and self.query_one(OptionList).highlighted != self._selected:
            self._select("", self.query_one(OptionList).highlighted)

    def on_paste(self, event: events.Paste) -> None:
        """A word that arrived at once selects as its letters would; after anything else, Enter chooses nothing."""
        event.stop()
        if event.text.replace(" ", "").isalpha():
            self._type(event.text.lower())
        else:
            self._select("", None)
            self.notify(f"Not pasted: {self._title} is a list. ↑↓ select, Enter chooses.", markup=False)

    @on(OptionList.OptionSelected)
    def _take(self, event: OptionList.OptionSelected) -> None:
        if self._is_unmatched and event.option_index == self._selected:
            reply(self.app, NOTHING_CHOSEN)
            return
        self.dismiss(event.option_id)


class ListFilter(SafeInput, PasteHandler):
    """The field above a list, whose keys move the cursor there."""

    def __init__(self) -> None:
        super().__init__(placeholder="Type to filter", compact=True, classes="field")

    def handle_paste(self, text: str) -> None:
        self.insert_text_at_cursor(" ".join(text.split()))


class FilteredOptions(BoundedList, can_focus=False):
    """The options that match the filter above them."""


class FilteredChoiceScreen(Dialog[str | None]):
    """Options to choose from, below a field that filters them by the words typed: ↑↓ and Enter choose, Esc: None.

    Words that no option has find those with similar words.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back", id="choice.back")]

    def __init__(self, options: Mapping[str, str], details: Mapping[str, str], *, title: str) -> None:
        """`options` are titles by id, `details` what else is searched of them."""
        super().__init__()
        self._options, self._details, self._title = options, details, title

    def compose(self) -> ComposeResult:
        with DialogPanel(id="choices") as panel:
            panel.border_title = Content(shown_line(self._title, 60))
            panel.border_subtitle = "Type to filter · ↑↓: select · Enter: choose · Esc: cancel"
            yield ListFilter()
            yield FilteredOptions()

    def on_mount(self) -> None:
        self._narrow("")
        self.query_one(ListFilter).focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._narrow(event.value)

    def _narrow(self, typed: str) -> None:
        shown_options = self.query_one(FilteredOptions)
        matching = matching_options(typed, self._options, self._details)
        shown_options.clear_options()
        shown_options.add_options(Option(Content(shown_line(self._options[key])), id=key) for key in matching)
        if matching:
            shown_options.highlighted = 0
        else:
            shown_options.add_option(Option(Content("none has these words: ^U deletes them"), disabled=True))

    def on_key(self, event: events.Key) -> None:
        """Keys that move a cursor up and down move that of the list."""
        if self.query_one(FilteredOptions).moved_by(event.key):
            event.stop()
            event.prevent_default()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        if (option := self.query_one(FilteredOptions).highlighted_option) is not None:
            self.dismiss(option.id)

    @on(OptionList.OptionSelected)
    def _take(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(event.option_id)
