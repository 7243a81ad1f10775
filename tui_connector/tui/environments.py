"""Environments on the screen: which one is in use, the choice of another, and what differs between two."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, NamedTuple

from textual import events, on, work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option
from textual.worker import Worker

from ..client.uri import public_address
from ..profile.environment_names import DEFAULT_ENVIRONMENT, TABLE, names_of
from ..profile.environments import Overridden, differences, with_environment
from ..profile.library import base_uris
from ..profile.model import Profile
from ..profile.problems import environment_data
from ..text import count, json_text, shown_line
from . import typed_words
from .text_jumps import show_in_text
from .widgets.bounded_list import BoundedList
from .widgets.choice import NOTHING_CHOSEN, UNMATCHED_KEYS, ChoiceScreen
from .widgets.dialog_panel import DialogPanel
from .widgets.frame import TONES, Dialog, by_itself

_NEW = "+"
"""Stands for a new environment: no name is like this."""
_WIDTH = 200
"""Characters of a value."""


def environment_mark(profile: Profile, *, production: bool | None = None) -> list[tuple[str, str]]:
    """The environment for the header of a screen, with its tone; production has a colour of its own.

    `production`: whether the store of the screen's client is; by default, that of any client.
    """
    live = any(client.production for client in profile.clients.values()) if production is None else production
    return _mark(profile.environment_label, live=live, always=bool(production))


def mark_of_invalid(label: str, data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The mark of a profile with problems: the label of its environment, and the data with its values."""
    clients = data.get("clients")
    found = clients.values() if isinstance(clients, Mapping) else ()
    live = any(isinstance(client, Mapping) and client.get("production") is True for client in found)
    return _mark(label, live=live)


def _mark(label: str, *, live: bool, always: bool = False) -> list[tuple[str, str]]:
    """`always`: production is said even where there is no environment."""
    texts = [label] if label else []
    texts += ["PRODUCTION"] if live and (texts or always) else []
    return [(" · ".join(texts), "error" if live else "success")] if texts else []


class EnvironmentChoice(NamedTuple):
    """What is to be done, and with which environment."""

    action: Literal["use", "edit", "add", "copy", "rename", "delete"]
    name: str = DEFAULT_ENVIRONMENT
    """Of the selected one; of "add", the one that was selected."""


def choose_environment(
    app: App[None],
    draft: dict[str, Any],
    current: str,
    *,
    is_usable: bool,
    chosen: Callable[[EnvironmentChoice], None],
    selected: str = "",
    is_new: bool = False,
) -> None:
    """Shows the environments of a profile, whose data is `draft`, and calls `chosen` with what is to be done.

    `selected` is selected first; without it, `current`, the one in use. `is_new`: it was just added, and the list opens
    by itself.

    `is_usable`: the profile is valid, so that its environments can be compared and used, and not only edited.
    """
    names = names_of(draft)
    if is_usable:
        data = {name: environment_data(draft, name) for name in (DEFAULT_ENVIRONMENT, *names)}
        screen = EnvironmentScreen(data, current, selected, {name: with_environment(draft, name) for name in names})
        opened = by_itself(screen) if is_new else screen
        app.push_screen(opened, lambda choice: None if choice is None else chosen(choice))
        return
    titles = {**{name: f"Edit {name}" for name in names}, _NEW: "Add an environment"}
    question = "Fix the problems before an environment is used."

    def edit(name: str | None) -> None:
        if name is not None:
            chosen(EnvironmentChoice("add") if name == _NEW else EnvironmentChoice("edit", name))

    app.push_screen(ChoiceScreen(titles, selected, question=question, title="Environment"), edit)


_OF_ENVIRONMENT = ("environment.edit", "environment.copy", "environment.rename", "environment.delete")
"""Keys that the base values do not have."""


class EnvironmentScreen(Dialog[EnvironmentChoice | None]):
    """The environments of a profile; below, what the selected one changes. Esc returns None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back", id="environment.back"),
        Binding("e", "edit", "Edit", id="environment.edit", tooltip="Edit its address and secrets in a form"),
        Binding("plus", "add", "Add", key_display="+", id="environment.add", tooltip="Add an environment"),
        Binding("c", "copy", "Copy", id="environment.copy", tooltip="Copy it under another name"),
        Binding("m", "rename", "Rename", id="environment.rename", tooltip="Rename it"),
        Binding("d,delete", "delete", "Delete", id="environment.delete", tooltip="Delete it"),
        Binding("ctrl+g", "as_text", "As text", id="environment.text", tooltip="Edit its overrides as text"),
        Binding(
            "pagedown",
            "scroll(1)",
            "Scroll",
            id="environment.scroll",
            tooltip="Show more of the differences",
            priority=True,
        ),
        Binding("pageup", "scroll(-1)", "Scroll back", show=False, id="environment.scroll-back", priority=True),
    ]

    def __init__(
        self,
        data: Mapping[str, Mapping[str, Any]],
        current: str,
        selected: str,
        overridden: Mapping[str, Overridden],
    ) -> None:
        """`data`: the values of each environment by its name, `default` for the base values.

        `overridden`: where the profile has what an environment, by its name, changes.
        """
        super().__init__()
        self._overridden = overridden
        self._data, self._current = data, current or DEFAULT_ENVIRONMENT
        self._selected = selected or self._current
        self._unmatched_at: int | None = None
        """The option at which letters were typed that select nothing: neither they nor Enter do anything there."""
        self._held: Worker[None] | None = None
        """Acts on the key that was pressed, unless it turns out to be the first letter of a word."""

    def compose(self) -> ComposeResult:
        with DialogPanel(classes="question") as panel:
            panel.border_title = "Environment"
            yield BoundedList(*(Option(self._line(name), id=name) for name in self._data))
            with VerticalScroll(can_focus=False):
                yield Static("", id="environment-differences", classes="lines")

    def on_mount(self) -> None:
        options = self.query_one(OptionList)
        options.highlighted = list(self._data).index(self._selected) if self._selected in self._data else 0
        options.focus()

    def on_resize(self) -> None:
        self.call_after_refresh(self.refresh_bindings)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "scroll":
            return self.is_mounted and self.query_one(VerticalScroll).max_scroll_y > 0
        return super().check_action(action, parameters)

    def _line(self, name: str) -> Content:
        data = self._data[name]
        clients = data.get("clients")
        live = isinstance(clients, dict) and any(
            isinstance(client, dict) and client.get("production") is True for client in clients.values()
        )
        address = next(base_uris(data), "")
        return Content.assemble(
            "● " if name == self._current else "  ",
            (f"{name:<{max(map(len, self._data))}}  ", "bold"),
            shown_line(public_address(address), _WIDTH),
            ("  PRODUCTION" if live else "", TONES["error"]),
        )

    def on_key(self, event: events.Key) -> None:
        """Letters of a word or that are no key here do nothing, nor does Enter after them, until ↑, ↓ or ^U."""
        if event.is_printable and (self._held is not None or event.key not in self.active_bindings):
            event.stop()
            event.prevent_default()
            self._take_letter()
        elif not event.is_printable and event.key != "enter":
            self._set_unmatched(False)

    def on_paste(self, event: events.Paste) -> None:
        """A name that is pasted selects nothing, as its letters."""
        event.stop()
        self._take_letter()

    def _take_letter(self, choice: EnvironmentChoice | None = None) -> None:
        """A letter, which returns this once no other follows as fast as text; of a word, none does anything."""
        if choice is not None and self._held is None and not self._is_unmatched:
            self._held = self._return(choice)
            return
        if not self._is_unmatched:
            self.notify("Letters select nothing here: ↑↓ select, Enter uses the environment.", markup=False)
        self._set_unmatched(True)

    @property
    def _is_unmatched(self) -> bool:
        return self._unmatched_at is not None and self._unmatched_at == self.query_one(OptionList).highlighted

    def _set_unmatched(self, is_unmatched: bool) -> None:
        if self._held is not None:
            self._held.cancel()
        self._held, self._unmatched_at = None, self.query_one(OptionList).highlighted if is_unmatched else None
        self._show_keys()

    def _show_keys(self) -> None:
        edit, delete = ("", "") if self._highlighted == DEFAULT_ENVIRONMENT else (" · e: edit", " · d: delete")
        keys = f"↑↓: select · Enter: use{edit} · +: add{delete} · Esc: cancel"
        self.query_one(DialogPanel).border_subtitle = (
            f"Letters select nothing here{UNMATCHED_KEYS}" if self._is_unmatched else keys
        )

    @on(OptionList.OptionHighlighted)
    def _compare(self, event: OptionList.OptionHighlighted) -> None:
        name = event.option.id or DEFAULT_ENVIRONMENT
        self.query_one("#environment-differences", Static).update(self._differences(name))
        self._show_keys()
        self.refresh_bindings()
        self.call_after_refresh(self.refresh_bindings)  # once it is known whether the differences need to scroll

    @property
    def key_titles(self) -> Mapping[str, str]:
        """Without the keys that do nothing to the base values, while these are selected."""
        is_base = self.is_mounted and self._highlighted == DEFAULT_ENVIRONMENT
        return dict.fromkeys(_OF_ENVIRONMENT, "") if is_base else {}

    def _differences(self, name: str) -> Content:
        if len(self._data) == 1:
            return Content("There are only the base values. + adds an environment: the same, for another store.")
        if name == DEFAULT_ENVIRONMENT:
            return Content("The base values. Select an environment to see what it changes.")
        found = list(differences(self._data[DEFAULT_ENVIRONMENT], self._data[name]))
        number = count(len(found), "value")
        parts = [Content(f"Changes {number} of {DEFAULT_ENVIRONMENT}:" if found else "Changes no value.")]
        for path, old, new in found:
            written = ".".join(map(str, self._overridden[name].place(path)[2:] or path))
            parts.append(Content.assemble((shown_line(written, _WIDTH), "bold")))
            parts.append(Content.assemble(("  - " + _shown(old), TONES["muted"])))
            parts.append(Content.assemble(("  + " + _shown(new), TONES["accent"])))
        return Content("\n").join(parts)

    def action_as_text(self) -> None:
        """Shows the overrides of the selected environment in the text of the profile."""
        name = self._highlighted
        show_in_text(self.app, () if name == DEFAULT_ENVIRONMENT else (TABLE, name))

    @property
    def _highlighted(self) -> str:
        return list(self._data)[self.query_one(OptionList).highlighted or 0]

    def action_edit(self) -> None:
        """Edits the selected environment in its form."""
        self._change("edit", "These are the base values: edit the parts of the profile.")

    def action_copy(self) -> None:
        """Copies the selected environment, whose form opens then."""
        self._change("copy", "These are the base values: + adds an environment that changes some of them.")

    def action_rename(self) -> None:
        """Renames the selected environment."""
        self._change("rename", "The base values have no other name.")

    def action_delete(self) -> None:
        """Deletes the selected environment, after the lines that go were shown."""
        self._change("delete", "The base values cannot be deleted: delete the parts of the profile.")

    def _change(self, action: Literal["edit", "copy", "rename", "delete"], why_not: str) -> None:
        """Returns what is to be done with the selected environment; `why_not` with the base values."""
        if self._highlighted == DEFAULT_ENVIRONMENT:
            self.notify(why_not, markup=False)
            self._set_unmatched(True)
        else:
            self._take_letter(EnvironmentChoice(action, self._highlighted))

    @work
    async def _return(self, choice: EnvironmentChoice) -> None:
        await asyncio.sleep(typed_words.GAP)
        self.dismiss(choice)

    def action_add(self) -> None:
        """Adds an environment."""
        self.dismiss(EnvironmentChoice("add", self._highlighted))

    def action_scroll(self, pages: int) -> None:
        """Scrolls the differences."""
        shown = self.query_one(VerticalScroll)
        shown.scroll_relative(y=pages * max(1, shown.size.height - 1), animate=False)

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if self._held is not None or self._is_unmatched:
            self._set_unmatched(True)
            self.notify(NOTHING_CHOSEN, markup=False)
            return
        self.dismiss(EnvironmentChoice("use", event.option.id or DEFAULT_ENVIRONMENT))


def _shown(value: object) -> str:
    return "not set" if value is None else shown_line(json_text(value), _WIDTH)
